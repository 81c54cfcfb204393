/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What server and worker say to each other over a stream socketpair.
 *
 * A message is a header of 8 bytes, u32 payload size and u32 type, little
 * endian, and the payload. A request carries its descriptors (SCM_RIGHTS) with
 * the first byte of its header. A job is one request and any number of answer
 * messages, the last of which is WIRE_DONE.
 *
 * Either side treats the other's bytes as a stranger's: sizes are bounded and
 * payloads are read with base/reader.
 *
 * Threads: a socket is owned by one thread.
 */
#ifndef WORKER_WIRE_H
#define WORKER_WIRE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type {
	/* requests: see jobs.h for their payloads */
	WIRE_SCAN = 1,
	WIRE_EXTRACT,
	WIRE_SECTION,
	WIRE_IDENTIFY,
	WIRE_ASSIST,
	WIRE_RESOLVE,
	WIRE_SYMTAB, /* symtab_job.h */
	/* answers */
	WIRE_FILE = 32, /* u32: work on this file of the batch begins */
	WIRE_ARTIFACT,
	WIRE_SOURCE_DIR,
	WIRE_POINT,
	WIRE_FILE_END,
	WIRE_RESULT,
	WIRE_RESOLVED,
	WIRE_HELLO, /* before any job, once: sandbox.h */
	WIRE_DONE,  /* u32 error kind + 1 (0: none), message, u64 RSS */
};

enum {
	WIRE_MAX_FDS = 250, /* Linux takes 253 (SCM_MAX_FD) */
	WIRE_MAX_PAYLOAD = 256 << 20,
};

/**
 * Send one message.
 * @param[in] fds Borrowed; @p fd_count is at most WIRE_MAX_FDS.
 * @return WORKER if the other side is gone, IO.
 */
MUST_CHECK struct error *wire_send(int sock, enum wire_type type,
				   const struct buf *payload, const int *fds,
				   size_t fd_count);

/** Messages gathered in memory to be sent in few writes. */
struct wire_out {
	int sock; /* borrowed */
	struct buf pending;
	size_t message_start;
};
void wire_out_init(struct wire_out *out, int sock);
void wire_out_deinit(struct wire_out *out);
/** Begin a message: append its payload to the buffer returned, then
 * wire_out_end(). */
struct buf *wire_out_begin(struct wire_out *out, enum wire_type type);
/** @return As wire_send(); sends only when much has gathered. */
MUST_CHECK struct error *wire_out_end(struct wire_out *out);
MUST_CHECK struct error *wire_out_flush(struct wire_out *out);

/** Receives whole messages. */
struct wire_in {
	int sock; /* borrowed */
	struct buf data;
	size_t pos;            /* of the next unread byte in data */
	int fds[WIRE_MAX_FDS]; /* received, not yet taken; owned */
	size_t fd_count;
};
void wire_in_init(struct wire_in *in, int sock);
/** Closes descriptors nobody took. */
void wire_in_deinit(struct wire_in *in);

/**
 * Wait for the next message.
 *
 * @param[in] until_ms clock_ms() at which to give up; INT64_MAX: never.
 * @param[out] payload_ret Borrowed until the next call.
 * @param[out] end_ret The other side closed, between two messages.
 * @return LIMIT "deadline" when the time was up; BAD_DATA for a broken
 * message; WORKER if the other side closed in the middle of one.
 */
MUST_CHECK struct error *wire_receive(struct wire_in *in, int64_t until_ms,
				      enum wire_type *type_ret,
				      struct reader *payload_ret,
				      bool *end_ret);

#endif

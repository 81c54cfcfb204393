/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A request as handlers see it: decoded, checked, without a socket.
 *
 * A handler is an ordinary function: it fills request.reply, or leaves a
 * ticket (ticket.h) for an answer that comes later.
 *
 * Must not depend on libmicrohttpd.
 * Threads: owned by one thread at a time, that of its connection.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/buf.h"
#include "base/held.h"
#include "http/http.h"
#include "http/reply.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum request_header {
#define HEADER(id, name) HEADER_##id,
#include "http/request_headers.h"
#undef HEADER
	REQUEST_HEADERS
};

enum http_methods {
	METHOD_GET = 1 << 0,
	METHOD_HEAD = 1 << 1,
	METHOD_POST = 1 << 2,
	METHOD_OPTIONS = 1 << 3,
	METHOD_PUT = 1 << 4,
	METHOD_OTHER = 1 << 5,
};

enum {
	REQUEST_ID_MAX = 64,
	/** symbolized-limits(7). */
	REQUEST_HEAD_LIMIT = 16 << 10,
	REQUEST_FIELDS_LIMIT = 100,
};

/** What all handlers share. Lives as long as the server. */
struct http_context {
	const struct http_options *options; /* defaults filled in */
	int64_t started_ms;
	_Atomic bool is_draining;
	/** Sets the gauges that only the adapter knows; NULL in tests. */
	void (*set_gauges)(void *ctx);
	void *gauges_ctx;
};

struct route;
struct ticket;

struct request {
	struct http_context *http; /* borrowed */
	const struct route *route; /* NULL: no such path */
	unsigned method;           /* one of enum http_methods */
	const char *method_name;   /* as sent; borrowed */
	const char *raw_path;      /* as sent, without query; borrowed */
	const char *path;          /* percent decoded once */
	char *decoded;             /* owner of path, where it differs */
	char *query;               /* raw, behind '?'; owned; NULL */
	/** Values of the headers in the table; NULL where absent. Borrowed
	 * until the request ends. */
	const char *header[REQUEST_HEADERS];
	/** What stands in the place of '*' in the route's pattern. Not NUL
	 * terminated. */
	const char *arg;
	size_t arg_size;
	/** What is behind the pattern, with its slash; "" where nothing is. */
	const char *tail;
	char id[REQUEST_ID_MAX + 1];
	unsigned type;         /* of debuginfod's counters */
	uint64_t after_you_ns; /* spent behind an identical request */
	struct buf body;       /* as received, still encoded */
	struct held held;      /* of the body */
	struct reply reply;
	struct ticket *ticket;       /* the answer comes later; one reference */
	const char *origin;          /* for the log: static; NULL */
	const struct sockaddr *peer; /* borrowed; NULL: unknown */
	int64_t started_ns;
};

/** Begin a request: empties all but @c http. */
void request_init(struct request *rq, struct http_context *http);
/**
 * Count @p bytes of memory for as long as the request lasts, or its body is
 * its own.
 * @return False if that were more than all requests together may have
 * (http_options.memory_limit_bytes; 0: there is no limit).
 */
bool request_hold(struct request *rq, size_t bytes);
/** The body is a ticket's, and counted for as long as that lasts: work that is
 * queued holds it, whether its client waits or not.
 * @param[out] to In the ticket. */
void request_move_body(struct request *rq, struct ticket *t, struct buf *to);
/** Free what it owns. Twice is safe. */
void request_deinit(struct request *rq);

/**
 * Take a request header.
 * @return Its number in the table, or REQUEST_HEADERS for one that nobody looks
 * at. The first value is kept; the caller counts.
 */
enum request_header request_add_header(struct request *rq, const char *name,
				       size_t name_size, const char *value);

unsigned request_method(const char *name);

/**
 * Set path and raw_path: percent decoding, once, before the path is split, as
 * debuginfod does it. `%2F` is a separator like any other; a '%' without two
 * digits stays as it is; '+' is no space; `%00` is for the dialect to judge.
 *
 * @return False if the path holds a NUL, a space or a control byte unencoded,
 * or no memory is left for it.
 */
bool request_set_path(struct request *rq, const char *raw);

/**
 * A parameter of the query, decoded ('+' is a space here).
 * @param[out] ret Owned: mem_free(). NULL if there is none of that name.
 * @return False without memory, or if it holds a NUL.
 */
bool request_query(const struct request *rq, const char *name, char **ret);

/** Take over the client's X-Request-Id if it is sane (1 to 64 letters, digits
 * or any of "-_.:=+/"), else make one of 16 hexadecimal digits. */
void request_set_id(struct request *rq);

/** Is @p token in the comma-separated list of a header, with a q that is not
 * 0? Case does not matter. @p list may be NULL. */
bool request_accepts(const char *list, const char *token);

/** What to send a client whose Accept-Encoding is @p list, NULL for none: of
 * gzip and zstd the one with the larger q, zstd where it is the same, unless
 * there is none or plain bytes are named with a q that is larger still. */
enum body_coding request_coding(const char *list);

/** Is it libdebuginfod that asks? It remembers every 4xx and 5xx but 406 as
 * absent for ten minutes: see schema/http.md, Waiting. */
bool request_is_libdebuginfod(const struct request *rq);

/**
 * Fill the reply with an error in the form of its dialect and route: JSON, or
 * plain text under /buildid. At most 1 KiB of text.
 * @param[in] kind The "kind" of the JSON form. Static.
 */
void request_fail(struct request *rq, unsigned status, const char *kind,
		  const char *fmt, ...) PRINTF(4, 5);

/** 400 for what should be a build ID. */
void request_fail_build_id(struct request *rq);

/** Consume an error: log what an operator would want to read, answer with its
 * status and without paths of this machine. @param[in] err Taken. */
void request_fail_with(struct request *rq, struct error *err);

/** 503 with Retry-After; for libdebuginfod the connection ends instead. */
void request_fail_busy(struct request *rq, const char *message);

/** 429, for a client that has too much under way; else the same. */
void request_fail_too_many(struct request *rq);

#endif

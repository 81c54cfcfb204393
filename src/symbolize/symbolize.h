/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The symbolize service: finds or builds the compiled table of each module of a
 * batch, and answers it.
 *
 * Tables lie on disk (bounded, least recently used first out, checked) and are
 * in memory (bounded). A missing one is built once, by a worker, however
 * many ask; while that takes, the addresses asked for are answered from their
 * own CUs. Builds wait in bounded queues of their own, so that a batch whose
 * tables are there never waits behind one.
 *
 * Must not depend on HTTP.
 * Threads: any.
 */
#ifndef SYMBOLIZE_SYMBOLIZE_H
#define SYMBOLIZE_SYMBOLIZE_H

#include "base/build_id.h"
#include "base/error.h"
#include "store/store.h"
#include "symbolize/batch.h"

#include <stdbool.h>
#include <stdint.h>

struct symbolizer;

struct symbolizer_options {
	struct store *store;   /* borrowed; closed after the symbolizer */
	const char *table_dir; /* of the cache of tables; made if missing */
	uint64_t disk_bytes; /* most the tables may take there; 0: none kept */
	uint64_t memory_bytes; /* most of them that is loaded at a time */
	unsigned workers;      /* processes that build */
	unsigned threads;      /* that answer batches; 0: one a core */
	const char *program;   /* started as `program worker` */
	/** Of one who asks once: a batch waits for the table that can be had by
	 * now, where there is an older one, which answers when time is up.
	 * Otherwise that answers at once, and the next batch has the better. */
	bool waits_for_best;
	/** Of split DWARF, copied for the tables being made, of which one has
	 * half at most; 0: 8 GiB. */
	uint64_t split_copies_bytes;
	struct batch_limits limits;
};

/** Tells the store whom to tell when the index changes. */
MUST_CHECK struct error *
symbolizer_open(const struct symbolizer_options *options,
		struct symbolizer **ret);
/**
 * Ends what waits, as pending, and what is being built; waits for files that
 * the store was asked for (store_abort() makes that short). Nobody else may be
 * using it. NULL is allowed.
 */
void symbolizer_close(struct symbolizer *s);
const struct batch_limits *symbolizer_limits(const struct symbolizer *s);

enum {
	/** A larger body is a large one: milliseconds, for which nobody should
	 * have to wait. */
	SYMBOLIZER_SMALL_BYTES = 64 << 10,
};

/**
 * Do something that computes, such as reading a body, on one of the threads
 * that answer batches. symbolize() called from there answers on the spot if
 * nothing must be waited for, unless it is one for small bodies and the batch
 * a large one.
 *
 * @param[in] bytes Of that body, as it is to be read: large ones have threads
 * of their own, which let the others go before.
 * @return BUSY if too much waits already; NO_MEMORY. @p fn is then not called.
 */
typedef void (*symbolizer_run_fn)(void *ctx);
MUST_CHECK struct error *symbolizer_run(struct symbolizer *s, size_t bytes,
					symbolizer_run_fn fn, void *ctx);

/** How it ended: exactly once, on a thread of the symbolizer, perhaps before
 * the call returns. @p err is owned by the callee: BUSY if queues are full,
 * or the batch is forsaken, NO_MEMORY, LIMIT (batch_answer()). */
typedef void (*symbolize_done_fn)(void *ctx, struct error *err);

/**
 * Answer a batch: acquire tables, waiting at most @c b->wait_ms (and at most
 * the limit) for those that are not there, then batch_answer().
 *
 * A build ID that ends with zero bytes is also that of the shorter one it pads.
 *
 * @param[in] b The symbolizer's until @p done is called.
 * Threads: any; does not wait.
 */
void symbolize(struct symbolizer *s, struct batch *b, symbolize_done_fn done,
	       void *ctx);

/** A compiled table as a file. */
struct symbol_file {
	int fd;        /* owned; -1: there is none, status says why */
	uint64_t size; /* of the GSYM proper, from offset 0 */
	int64_t mtime; /* when it was made, seconds */
	uint64_t etag; /* of these very bytes */
	enum module_status status;
	const char *message; /* NULL; borrowed for the call */
};

/**
 * The whole table of a build ID, for GET /buildid/ID/gsym.
 * @param[in] done As of symbolize(). @c file->fd is the callee's if it takes
 * it, leaving -1.
 */
typedef void (*symbolize_file_fn)(void *ctx, struct error *err,
				  struct symbol_file *file);
void symbolize_file(struct symbolizer *s, const struct build_id *id,
		    unsigned wait_ms, symbolize_file_fn done, void *ctx);

/** From what the table of an ID was made, if it is loaded: for telling what is
 * to be expected. NONE if it is not. Never waits. */
enum symtab_quality symbolizer_quality(struct symbolizer *s,
				       const struct build_id *id);

#endif

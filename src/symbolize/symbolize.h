/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The symbolize service: finds or builds the compiled table of each module of a
 * batch, and answers it.
 *
 * Tables lie on disk (bounded, least recently used first out, checked) and are
 * mapped in memory (bounded). A missing one is built once, by a worker, however
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
	uint64_t disk_bytes;   /* most the tables may take there */
	uint64_t memory_bytes; /* most of them that is mapped at a time */
	unsigned workers;      /* processes that build */
	unsigned threads;      /* that answer batches; 0: one a core */
	const char *program;   /* started as `program worker` */
	struct batch_limits limits;
};

MUST_CHECK struct error *
symbolizer_open(const struct symbolizer_options *options,
		struct symbolizer **ret);
/** Waits for what is under way. NULL is allowed. */
void symbolizer_close(struct symbolizer *s);
const struct batch_limits *symbolizer_limits(const struct symbolizer *s);

/** How it ended: exactly once, on a thread of the symbolizer. @p err is owned
 * by the callee: BUSY if queues are full, NO_MEMORY. */
typedef void (*symbolize_done_fn)(void *ctx, struct error *err);

/**
 * Answer a batch: acquire tables, waiting at most @c b->wait_ms for those that
 * are not there, then batch_answer().
 *
 * @param[in] b The symbolizer's until @p done is called.
 * Threads: any; does not wait.
 */
void symbolize(struct symbolizer *s, struct batch *b, symbolize_done_fn done,
	       void *ctx);

/**
 * The whole table of a build ID, for GET /buildid/ID/gsym.
 * @param[in] done As of symbolize(); the table, if there is one, is the
 * callee's to put; NULL: @p status says why.
 */
typedef void (*symbolize_table_fn)(void *ctx, struct error *err,
				   enum module_status status,
				   struct symtab *table);
void symbolize_table(struct symbolizer *s, const struct build_id *id,
		     unsigned wait_ms, symbolize_table_fn done, void *ctx);

/** The index changed for this ID: a better table may be possible. The shape of
 * index_changed_fn. Cheap. */
void symbolizer_forget(void *symbolizer, const struct build_id *id);

#endif

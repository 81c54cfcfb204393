/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What was found lately, and which IDs there are at all: lets an HTTP thread
 * answer without the index.
 *
 * An entry belongs to a generation of its build ID; memo_forget() begins a new
 * one, so an answer that was being looked up when the index changed is never
 * kept. Whoever uses an entry still opens the file and compares it.
 *
 * Threads: any.
 */
#ifndef STORE_MEMO_H
#define STORE_MEMO_H

#include "base/build_id.h"
#include "base/error.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct memo;

MUST_CHECK struct error *memo_create(struct memo **ret);
void memo_destroy(struct memo *m);

/** What to open, and what it must be. */
struct memo_answer {
	bool is_absent;
	char *path; /* of the file or of the cache's file; owned */
	struct index_stamp stamp; /* of that file */
	uint64_t size;            /* bytes to serve from its beginning */
	int64_t mtime;
	uint64_t etag;
	char *file, *archive; /* owned; may be NULL */
	char *signature;      /* owned; mostly NULL */
	enum artifact_origin origin;
	int64_t ttl_ms;   /* how long it holds; 0: until its ID changes */
	int64_t until_ms; /* clock_ms(); set by memo_put() */
};
void memo_answer_deinit(struct memo_answer *a);

/** Generation to note before looking up, and to give to memo_put(). */
uint64_t memo_generation(struct memo *m, const struct build_id *id);

/** @return False: nothing known. @p ret is a copy: memo_answer_deinit(). */
bool memo_get(struct memo *m, const struct store_query *q,
	      struct memo_answer *ret);
/** @param[in] a Taken. Dropped if the generation has changed. */
void memo_put(struct memo *m, const struct store_query *q, uint64_t generation,
	      struct memo_answer *a);

void memo_forget(struct memo *m, const struct build_id *id);
void memo_forget_all(struct memo *m);

/* The filter over all build IDs of the index. */

/** Is @p id surely not in the index? Only after memo_filter_complete(). */
bool memo_surely_absent(struct memo *m, const struct build_id *id);
void memo_filter_add(struct memo *m, const struct build_id *id);
/** Begin a new filter with room for twice @p count IDs; add all that are in the
 * index from now on, and say complete. Until then the old one answers, and
 * memo_filter_add() is to both. Without saying it one can begin again.
 * Memory: of all of them together less than 8 times the one for the largest
 * count, which is 4 bytes an ID.
 * One thread rebuilds. */
MUST_CHECK struct error *memo_filter_begin(struct memo *m, uint64_t count);
void memo_filter_complete(struct memo *m);
/** Has it outgrown its room? */
bool memo_filter_is_full(struct memo *m);

#endif

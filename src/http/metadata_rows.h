/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The rows of an answer to /metadata: those of the index, then what other
 * servers said, each once. Two rows are the same if they are written alike: all
 * that is said of them is the same.
 *
 *	{"type":"executable","buildid":"…","file":"…","archive":"…"}
 *
 * What others said is read here and nowhere else, and nothing of its bytes gets
 * through: a row is written anew from the members above, which are of known
 * type and bounded length.
 *
 * Threads: owned by one thread.
 * Source: debuginfod(8), WEBAPI; debuginfod_find_metadata(3).
 */
#ifndef HTTP_METADATA_ROWS_H
#define HTTP_METADATA_ROWS_H

#include "base/buf.h"
#include "base/build_id.h"
#include "base/error.h"
#include "base/json_write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Most that a path in another server's row may have; a row with a
	 * longer one is left out. */
	METADATA_PATH_MOST = 4096,
};

struct metadata_slot {
	uint32_t hash;
	uint32_t at; /* where its text begins in the answer; 0: free */
};

struct metadata_rows {
	struct buf *out; /* the answer so far; its `failed` tells of memory */
	struct json_write json;
	bool hide_paths;
	bool is_cut; /* there was no room for more */
	size_t limit_bytes;
	uint64_t seed;
	struct metadata_slot *slots; /* owned */
	size_t slot_count;           /* 0, or a power of two */
	size_t count;                /* of rows */
};

/** Begin the answer: `{"results":[`. @param[in] out Borrowed until deinit. */
MUST_CHECK struct error *metadata_rows_init(struct metadata_rows *rows,
					    struct buf *out, bool hide_paths,
					    size_t limit_bytes);
/** Twice is safe. */
void metadata_rows_deinit(struct metadata_rows *rows);
#define CLEANUP_METADATA_ROWS CLEANUP(metadata_rows_deinit)

/** Strings are borrowed for the call. */
struct metadata_row {
	const char *type;
	const struct build_id *id;
	const char *file; /* NULL: not said */
	const char *archive;
};

/** @return False: there is no room for more, or no memory. */
bool metadata_rows_add(struct metadata_rows *rows,
		       const struct metadata_row *row);

/**
 * Add what another server answered: all of it or, where it makes no sense,
 * nothing.
 *
 * @param[in] id Rows of other build IDs are left out; NULL: none are.
 * @param[out] complete_ret Does it say that this is all it has, and was all of
 * that taken?
 * @return BAD_REQUEST with what is wrong and where; NO_MEMORY.
 */
MUST_CHECK struct error *metadata_rows_add_answer(struct metadata_rows *rows,
						  const void *text, size_t size,
						  const struct build_id *id,
						  bool *complete_ret);

/** `],"complete":…}` */
void metadata_rows_end(struct metadata_rows *rows, bool is_complete);

#endif

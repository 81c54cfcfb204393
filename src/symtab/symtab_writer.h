/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Writes a compiled table: functions in, one GSYM file out.
 *
 * Functions are encoded as they are added, so that what is held is about the
 * size of the file to come. They may be added in any order; of several at one
 * address the best is kept (see symtab_writer_add()). Strings and files are
 * kept once.
 *
 * Must not know where functions come from.
 * Threads: owned by one thread.
 */
#ifndef SYMTAB_SYMTAB_WRITER_H
#define SYMTAB_SYMTAB_WRITER_H

#include "base/build_id.h"
#include "base/error.h"
#include "symtab/symtab.h"
#include "symtab/symtab_layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symtab_writer;

MUST_CHECK struct error *symtab_writer_create(struct symtab_writer **ret);
/** NULL is allowed. */
void symtab_writer_free(struct symtab_writer *w);

/** Number of a string, the same for the same bytes. No NUL within. "" is 0. */
MUST_CHECK struct error *symtab_writer_string(struct symtab_writer *w,
					      const char *s, size_t len,
					      uint32_t *ret);
/** The string of a number. Borrowed until the next one is numbered. */
const char *symtab_writer_text(const struct symtab_writer *w, uint32_t string,
			       size_t *len_ret);
/** Number of a file, the same for the same halves; the first is 1. */
MUST_CHECK struct error *symtab_writer_file(struct symtab_writer *w,
					    uint32_t dir, uint32_t base,
					    uint32_t *ret);

struct symtab_row {      /* holds from here to the next row */
	uint64_t offset; /* from the function's start; ascending */
	uint32_t file;
	uint32_t line;
};

struct symtab_range {
	uint64_t offset; /* from the function's start */
	uint64_t size;
};

/** A call that was inlined. Flat, in preorder. */
struct symtab_inline {
	uint32_t depth; /* 1: into the concrete function itself */
	uint32_t name;
	uint32_t call_file;
	uint32_t call_line;
	const struct symtab_range *ranges; /* sorted, within the parent's */
	size_t range_count;
};

struct symtab_function {
	struct vaddr start;
	uint64_t size; /* 0: up to the next function or the section's end */
	uint32_t name;
	enum symtab_quality origin; /* what it is known from */
	const struct symtab_row *rows;
	size_t row_count;
	const struct symtab_inline *inlines;
	size_t inline_count;
};

/**
 * Add a function: its range is one, contiguous; hot and cold parts are several
 * functions of the same name.
 *
 * Of those that begin at one address the better origin wins, then the one with
 * rows, then with more inlines, then the larger, then the first added; so the
 * table does not depend on luck. One without rows that begins within a function
 * of better origin with rows is a label there, and is left out. One without a
 * name is left out too, unless it has rows: then it is "??".
 *
 * @param[in] f Copied. What does not fit is corrected, not refused: rows that
 * are not ascending or beyond the function's end are left out, inlined ranges
 * are cut to their parent's, those that are empty are dropped with what is
 * below them. What would be more than SYMTAB_FRAMES_MAX deep, or in too many
 * pieces, is dropped too, and with it the function's rows, which might be of
 * what is gone: the table is cut. Of a function with thousands of calls around
 * each address nothing but its name is left.
 * @return LIMIT if the table would exceed 4 GiB, NO_MEMORY.
 */
MUST_CHECK struct error *symtab_writer_add(struct symtab_writer *w,
					   const struct symtab_function *f);

/** What stands in the private section beside the functions. */
struct symtab_writer_facts {
	struct build_id id; /* len 0: none */
	enum symtab_quality quality;
	bool is_whole;
	/** A limit has cost it something; what the writer drops is counted in.
	 */
	bool is_cut;
	const struct symtab_layout *layout; /* borrowed */
};

/** What was written. */
struct symtab_written {
	uint64_t size; /* bytes */
	bool is_cut;
	/** Mangled names that are beyond the demangler's limits. */
	uint64_t left_names;
};

/**
 * Sort, lay out, write. Strings that no function or file names are left out.
 * The writer is of no use behind this, whatever the outcome.
 *
 * @param[in] fd Empty file, written from offset 0. Borrowed.
 * @param[out] ret May be NULL.
 * @return IO, NO_SPACE, LIMIT, NO_MEMORY.
 */
MUST_CHECK struct error *
symtab_writer_finish(struct symtab_writer *w,
		     const struct symtab_writer_facts *facts, int fd,
		     struct symtab_written *ret);

#endif

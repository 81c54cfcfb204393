/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The rows of one function, or of one bucket of a large one, run through in
 * order. What is asked for before the last answer begins anew.
 *
 * Errors are BAD_DATA; begin anew then.
 */
#ifndef SYMTAB_SYMTAB_LINES_H
#define SYMTAB_SYMTAB_LINES_H

#include "base/error.h"
#include "symtab/symtab_leb.h"

#include <stddef.h>

/** A row of a function. */
struct symtab_line {
	uint32_t offset; /* from the function's start */
	uint32_t file;
	uint32_t line;
};

/** Row @c now holds up to row @c next. */
struct symtab_lines {
	struct symtab_input in; /* operations behind row next */
	struct symtab_line now, next;
	bool has_now, has_next;
	int64_t min_delta;
	uint32_t range;
	uint32_t reciprocal; /* n / range is n * this >> 16 for n < 256 */
	/* To begin anew from. */
	const uint8_t *first;
	struct symtab_line first_row;
	bool has_first_row; /* in force there; else what operations work on */
};

/** At the start of LineTableInfo's data; @c at NULL: the function has none. */
MUST_CHECK struct error *symtab_lines_begin(struct symtab_lines *l,
					    struct symtab_input data);

/** Go to behind the operation that made @p row, which ends @p at bytes behind
 * the data's start. */
MUST_CHECK struct error *symtab_lines_seek(struct symtab_lines *l,
					   struct symtab_input data,
					   uint32_t at,
					   const struct symtab_line *row);

/** The row that holds at @p offset; NULL before the first. */
MUST_CHECK struct error *symtab_lines_find(struct symtab_lines *l,
					   uint32_t offset,
					   const struct symtab_line **ret);

/** Go to the next row: it becomes @c now. False, as has_now, behind the last.*/
MUST_CHECK struct error *symtab_lines_step(struct symtab_lines *l);

#endif

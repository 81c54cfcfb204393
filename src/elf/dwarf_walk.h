/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Private to dwarf_walk.c, which gathers a unit's functions, and
 * dwarf_give.c, which hands them to the sink.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_DWARF_WALK_H
#define ELF_DWARF_WALK_H

#include "elf/dwarf_debug.h"

enum { DWARF_NO_INLINE = UINT32_MAX };

/** An inlined call, as it was found. */
struct dwarf_walk_inline {
	uint32_t depth;
	uint32_t parent; /* number; DWARF_NO_INLINE: the function */
	uint32_t name;
	uint32_t call_file;
	uint32_t call_line;
	size_t first; /* of its spans: sorted, disjoint */
	size_t count;
};

/** Whose a piece of code is, by where it starts: open addressing. */
struct dwarf_claims {
	struct dwarf_claim {
		uint64_t start;
		uint64_t unit; /* its offset, and 1; 0: free */
	} * v;
	unsigned bits;
	size_t count;
};

/** Arrays are kept from one function, and one unit, to the next. */
struct dwarf_walk {
	struct dwarf_cu *cu;            /* borrowed */
	struct dwarf_line_table *lines; /* borrowed */
	const struct dwarf_wanted *wanted;
	const struct dwarf_sink *sink;

	/* The function at hand. Its pieces come first in the spans, then the
	 * ranges of its inlined calls. */
	uint32_t name;
	struct dwarf_spans spans;
	size_t piece_count;
	struct dwarf_walk_inline *inlines; /* preorder */
	size_t inline_count, inline_capacity;
	uint32_t *levels; /* by depth: the inlined call that entries are in */
	size_t level_capacity;
	/* Not all of its inlined calls are there: its lines may be theirs, so
	 * it is given none. */
	bool is_cut;

	/* The unit: entries of functions in functions, and all pieces. */
	uint64_t *nested;
	size_t nested_count, nested_capacity;
	struct dwarf_spans covered;
	/* Not all functions are: lines outside of those that are may be of
	 * others', or of what is inlined in them, and are not given. */
	bool is_broken;
	/* All units: the first that describes a piece has it. */
	struct dwarf_claims claims;

	/* As they are given. */
	struct dwarf_row *out_rows;
	size_t out_row_count, out_row_capacity;
	struct dwarf_inline *out_inlines;
	size_t out_inline_capacity;
	struct dwarf_range *out_ranges;
	size_t out_range_capacity;
};

/** Does it hold an address that is wanted? */
bool dwarf_walk_wants(const struct dwarf_walk *w, struct dwarf_span span);

/** Is the piece of code that starts here this unit's? */
MUST_CHECK struct error *dwarf_walk_claim(struct dwarf_walk *w, uint64_t start,
					  bool *ret);

/** Give the pieces of the function gathered. */
MUST_CHECK struct error *dwarf_walk_give(struct dwarf_walk *w);
/** Give what the lines of the unit cover and none of its functions. */
MUST_CHECK struct error *dwarf_walk_give_lines(struct dwarf_walk *w);

#endif

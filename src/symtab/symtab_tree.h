/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The inlined calls of one function, decoded as far as they are needed: in
 * preorder from the start, or the few nodes that an index names.
 */
#ifndef SYMTAB_SYMTAB_TREE_H
#define SYMTAB_SYMTAB_TREE_H

#include "base/error.h"
#include "symtab/symtab.h"
#include "symtab/symtab_leb.h"

#include <stddef.h>

enum { SYMTAB_DEPTH_MAX = SYMTAB_FRAMES_MAX - 1 /* of an inlined call */ };

struct symtab_extent {
	uint32_t start, stop; /* from the function's start */
};

/** An inlined call, or the root: the function itself. */
struct symtab_node {
	uint32_t start, stop; /* first range */
	uint32_t more;        /* further ones, in the extents */
	uint32_t more_count;
	uint32_t reach; /* greatest stop of all */
	uint32_t name;
	uint32_t call_file;
	uint32_t call_line;
	/** Number of the first node that is not below this one; 0 as long as
	 * nodes below may still be decoded. */
	uint32_t end;
};

struct symtab_tree {
	struct symtab_input in; /* empty when all is decoded */
	const uint8_t *data;
	uint32_t depth; /* of the next node */
	uint32_t parent[SYMTAB_DEPTH_MAX + 1];
	struct symtab_node *nodes;
	size_t node_count, node_capacity;
	struct symtab_extent *extents;
	size_t extent_count, extent_capacity;

	/** Answer: nodes around the offset, outermost first; chain[0] is the
	 * root. */
	uint32_t chain[SYMTAB_DEPTH_MAX + 1];
	uint32_t chain_count;
	/** Where among the nodes below chain[d] the search of an offset not
	 * below the last one can begin. */
	uint32_t resume[SYMTAB_DEPTH_MAX + 1];
	uint32_t last; /* offset asked for last */
};

void symtab_tree_deinit(struct symtab_tree *t);

void symtab_tree_begin(struct symtab_tree *t, struct symtab_input data);

/** Find the chain of an offset. @return BAD_DATA, NO_MEMORY; begin anew then.*/
MUST_CHECK struct error *symtab_tree_find(struct symtab_tree *t,
					  uint32_t offset);

/**
 * The same, from nodes that are known to be all that may hold the offset.
 *
 * @param[in] nodes In preorder, each: ULEB bytes from the one before to it, u8
 * its depth; symtab_index.c.
 */
MUST_CHECK struct error *symtab_tree_find_among(struct symtab_tree *t,
						struct symtab_input nodes,
						uint32_t offset);

#endif

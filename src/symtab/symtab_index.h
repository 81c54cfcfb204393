/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The index of large functions: without it an address in the middle of one
 * costs decoding half of it.
 *
 *	u32 at[num_addresses]   where the index of each function is, from here;
 *	                        0: it is small
 *
 * A function is cut into buckets of some rows and calls each. Its index:
 *
 *	u32 count
 *	u32 line_length, u32 tree_length   of LineTableInfo's data, which is the
 *	                        first, and of InlineInfo's behind it; 0: none
 *	{ u32 start, u32 record }[count]   ascending offsets in the function,
 *	                        the first is 0; where the bucket's record is,
 *	                        from the start of the function's index
 *	records                 the last up to 4-aligned end, each:
 *	  ULEB line_at          bytes of LineTableInfo's data up to the operation
 *	                        behind the one that makes the row at the
 *	                        bucket's start; 0: there is none, begin anew
 *	  ULEB file, ULEB line  of that row, unless line_at is 0
 *	  ULEB size             of what follows, in bytes
 *	  { ULEB step, u8 depth }...   the calls that any address of the bucket
 *	                        is in, in preorder: bytes from the one before
 *	                        (first, from InlineInfo's data); at most
 *	                        SYMTAB_AMONG_MAX, of SYMTAB_RANGES_MAX ranges in
 *	                        all, those outside of the bucket counted, too
 */
#ifndef SYMTAB_SYMTAB_INDEX_H
#define SYMTAB_SYMTAB_INDEX_H

#include "symtab/symtab_lines.h"
#include "symtab/symtab_private.h"

/** The index of one function, and the bucket entered last. */
struct symtab_index {
	struct symtab_input data;
	uint32_t count; /* of buckets; 0: it has no index */
	uint32_t bucket;
	uint32_t start, stop; /* of the bucket; none: start > stop */
	struct symtab_input nodes;
};

/**
 * @param[in] parts What is behind the head of the FunctionInfo.
 * @param[out] lines,tree The data; set only if the function has an index.
 * @return False if it is damaged.
 */
bool symtab_index_load(struct symtab_index *x, const struct symtab *t,
		       uint32_t function, const uint8_t *parts,
		       struct symtab_input *lines, struct symtab_input *tree);

/**
 * Go to the bucket of an offset; nothing if it is that of the last one.
 *
 * @param[in,out] lines Goes to the bucket's start.
 * @param[out] nodes_ret For symtab_tree_find_among().
 * @return BAD_DATA.
 */
MUST_CHECK struct error *symtab_index_enter(struct symtab_index *x,
					    uint32_t offset,
					    struct symtab_input line_data,
					    struct symtab_lines *lines,
					    struct symtab_input *nodes_ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One function as GSYM has it: symtab_format.h.
 *
 * Threads: owned by one thread.
 */
#ifndef SYMTAB_SYMTAB_ENCODE_H
#define SYMTAB_SYMTAB_ENCODE_H

#include "base/buf.h"
#include "base/error.h"
#include "symtab/symtab_writer.h"

struct symtab_encode_range {
	uint32_t start, stop; /* from the function's start */
};

struct symtab_encode_node {
	uint32_t depth;
	uint32_t name;
	uint32_t call_file;
	uint32_t call_line;
	uint32_t at;  /* in InlineInfo's data */
	size_t range; /* first in ranges[] */
	size_t range_count;
};

struct symtab_bucket;

/** Working memory, kept from function to function. All zero is a start. */
struct symtab_encoder {
	struct buf out;   /* the function encoded last, a multiple of 4 bytes */
	struct buf index; /* of that function, the same; "": it is small */
	struct symtab_row *rows;
	size_t row_count, row_capacity;
	uint32_t *row_ends; /* in LineTableInfo's data */
	size_t row_end_capacity;
	size_t line_length, tree_length; /* of that data; 0: none */
	struct symtab_encode_node *nodes;
	size_t node_count, node_capacity;
	struct symtab_encode_range *ranges;
	size_t range_count, range_capacity;
	struct symtab_range *sorted;
	size_t sorted_capacity;
	struct symtab_bucket *buckets;
	size_t bucket_count, bucket_capacity;
	uint32_t *members; /* numbers of nodes, bucket by bucket */
	size_t member_capacity;
};

/** Twice is safe. */
void symtab_encoder_deinit(struct symtab_encoder *e);

/** What became of a function. */
struct symtab_encoded {
	uint32_t size; /* 0: still to be found */
	uint32_t inline_count;
	bool has_rows;
	bool is_cut; /* inlined calls are gone for a limit, and so are rows */
};

/**
 * Encode a function into e->out and e->index, corrected as symtab_writer_add()
 * says.
 *
 * @param[in] file_count Files there are; others become unknown.
 * @return NO_MEMORY, LIMIT.
 */
MUST_CHECK struct error *symtab_encode(struct symtab_encoder *e,
				       const struct symtab_function *f,
				       size_t file_count,
				       struct symtab_encoded *ret);

/**
 * Make the index of the function that has been encoded, as symtab_index.h says;
 * none if it is small.
 *
 * @param[out] quick_ret False: whoever asks for an address in it would have to
 * go through thousands of calls. No index is made then. Compilers do not write
 * such functions, others may.
 * @return NO_MEMORY.
 */
MUST_CHECK struct error *symtab_index_make(struct symtab_encoder *e,
					   bool *quick_ret);

#endif

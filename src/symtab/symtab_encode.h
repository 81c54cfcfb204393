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

struct symtab_encode_node;
struct symtab_encode_range;

/** Working memory, kept from function to function. All zero is a start. */
struct symtab_encoder {
	struct buf out; /* the function encoded last, a multiple of 4 bytes */
	struct symtab_row *rows;
	size_t row_count, row_capacity;
	struct symtab_encode_node *nodes;
	size_t node_count, node_capacity;
	struct symtab_encode_range *ranges;
	size_t range_count, range_capacity;
	struct symtab_range *sorted;
	size_t sorted_capacity;
};

/** Twice is safe. */
void symtab_encoder_deinit(struct symtab_encoder *e);

/** What became of a function. */
struct symtab_encoded {
	uint32_t size; /* 0: still to be found */
	uint32_t inline_count;
	bool has_rows;
};

/**
 * Encode a function into e->out, corrected as symtab_writer_add() says.
 *
 * @param[in] file_count Files there are; others become unknown.
 * @return NO_MEMORY, LIMIT.
 */
MUST_CHECK struct error *symtab_encode(struct symtab_encoder *e,
				       const struct symtab_function *f,
				       size_t file_count,
				       struct symtab_encoded *ret);

#endif

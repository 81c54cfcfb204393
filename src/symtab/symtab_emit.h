/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The last step of writing a table: functions in order, laid out, on disk.
 *
 * Threads: owned by one thread.
 */
#ifndef SYMTAB_SYMTAB_EMIT_H
#define SYMTAB_SYMTAB_EMIT_H

#include "base/error.h"
#include "symtab/symtab_pool.h"
#include "symtab/symtab_writer.h"

/** A function that was added. */
struct symtab_entry {
	uint64_t start;
	uint8_t *data; /* encoded; its first four bytes are the size */
	uint32_t length;
	uint32_t index_length; /* of its index, behind that */
	uint32_t size;         /* 0: still to be found */
	uint32_t inline_count;
	uint32_t order; /* of being added */
	uint8_t origin;
	bool has_rows;
};

/** Order the functions, keep the best of each address, give a size to those
 * without. @return How many are left. */
size_t symtab_entries_settle(struct symtab_entry *entries, size_t count,
			     const struct symtab_layout *layout);

/** Write the file. Errors as of symtab_writer_finish(). */
MUST_CHECK struct error *symtab_emit(const struct symtab_entry *entries,
				     size_t count, const struct symtab_pool *p,
				     const struct symtab_writer_facts *facts,
				     int fd, struct symtab_written *ret);

#endif

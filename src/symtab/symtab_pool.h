/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Strings and files of a table that is being written, each once, numbered as
 * GSYM does: a string by its offset, a file from 1.
 *
 * Threads: owned by one thread.
 */
#ifndef SYMTAB_SYMTAB_POOL_H
#define SYMTAB_SYMTAB_POOL_H

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct symtab_pool_slot;

struct symtab_pool_file {
	uint32_t dir;
	uint32_t base;
};

struct symtab_pool {
	struct buf strings; /* begins with the NUL of "" */
	size_t string_count;
	struct symtab_pool_slot *slots;
	size_t slot_count;              /* power of two */
	struct symtab_pool_file *files; /* [0] is { 0, 0 } */
	size_t file_count, file_capacity;
	uint32_t *file_slots; /* number; 0: free */
	size_t file_slot_count;
};

MUST_CHECK struct error *symtab_pool_init(struct symtab_pool *p);
/** Twice is safe. */
void symtab_pool_deinit(struct symtab_pool *p);

/** @return LIMIT, NO_MEMORY. */
MUST_CHECK struct error *symtab_pool_string(struct symtab_pool *p,
					    const char *s, size_t len,
					    uint32_t *ret);
MUST_CHECK struct error *symtab_pool_file(struct symtab_pool *p, uint32_t dir,
					  uint32_t base, uint32_t *ret);

/** Other strings in place of these, for the last step: no more can be added.
 * @param[in,out] strings Begins with the NUL of "". Taken; empty after. */
void symtab_pool_replace(struct symtab_pool *p, struct buf *strings);

#endif

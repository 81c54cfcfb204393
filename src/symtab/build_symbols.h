/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The names of code that symbol tables have, of all files of a build together:
 * which of those at one address is the best, and what the compiler called a
 * part of a function.
 *
 * Names are borrowed from the tables.
 * Threads: owned by one thread.
 */
#ifndef SYMTAB_BUILD_SYMBOLS_H
#define SYMTAB_BUILD_SYMBOLS_H

#include "base/error.h"
#include "symtab/symtab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum code_bind { CODE_GLOBAL, CODE_WEAK, CODE_LOCAL };

struct code_symbol {
	uint64_t start;
	uint64_t size; /* 0: unknown */
	const char *name;
	uint32_t name_len; /* without version */
	uint32_t base;     /* number of its name without suffix; 0: has none */
	uint8_t bind;      /* enum code_bind */
	uint8_t origin;    /* enum symtab_quality */
	bool is_label;     /* not declared to be a function */
};

/** A name without the suffix that the compiler gave to a clone or part. */
struct base_name {
	const char *name;
	uint32_t len;
	uint32_t number; /* whatever the caller keeps with it; 0 at first */
};

struct code_symbols {
	struct code_symbol *symbols;
	size_t count;
	size_t capacity;
	struct base_name *bases; /* by number, from 1 */
	size_t base_count;
	uint32_t *slots; /* hash table of them: number; 0: free */
	size_t slot_count;
};

/** Twice is safe. */
void code_symbols_deinit(struct code_symbols *s);
#define CLEANUP_CODE_SYMBOLS CLEANUP(code_symbols_deinit)

/** @return NO_MEMORY. */
MUST_CHECK struct error *code_symbols_add(struct code_symbols *s,
					  const struct code_symbol *symbol);

/**
 * Sort by address, the best of each address first: functions before labels,
 * then global before weak before local, then those without "__GI_", with the
 * fewest leading underscores, and the first in the alphabet. What the same name
 * is known from at the same address is one symbol, of the best origin. More may
 * be added afterwards, and all be sorted again.
 *
 * @return NO_MEMORY.
 */
MUST_CHECK struct error *code_symbols_settle(struct code_symbols *s);

/** Number of the first symbol at or behind an address. */
size_t code_symbols_at(const struct code_symbols *s, uint64_t address);

/** Number of the first symbol that is at another address than this one. */
static inline size_t code_symbols_next(const struct code_symbols *s, size_t i)
{
	size_t n = i + 1;

	while (n < s->count && s->symbols[n].start == s->symbols[i].start)
		n++;
	return n;
}

/** Is the name that of a function of which a clone or part has a symbol? Only
 * after settling. @return NULL if not. */
struct base_name *code_symbols_base(struct code_symbols *s, const char *name,
				    size_t len);

#endif

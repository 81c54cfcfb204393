/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The names of code that symbol tables have, of all files of a build together:
 * which of those at one address is the best.
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
	uint8_t bind;      /* enum code_bind */
	uint8_t origin;    /* enum symtab_quality */
	bool is_label;     /* not declared to be a function */
	bool is_hidden;    /* was "__GI_" and the name */
};

struct code_symbols {
	struct code_symbol *symbols;
	size_t count;
	size_t capacity;
};

/** Take "__GI_" from the front of a name: what glibc calls its functions by
 * within itself. @return False if it is not there. */
bool code_name_cut(const char **name, size_t *len);

/** Twice is safe. */
void code_symbols_deinit(struct code_symbols *s);
#define CLEANUP_CODE_SYMBOLS CLEANUP(code_symbols_deinit)

/** @param[in] symbol Its name is cut. @return NO_MEMORY. */
MUST_CHECK struct error *code_symbols_add(struct code_symbols *s,
					  const struct code_symbol *symbol);

/**
 * Sort by address, the best of each address first: functions before labels,
 * then global before weak before local, then those that had no "__GI_", with
 * the fewest leading underscores, and the first in the alphabet. What the same
 * name is known from at the same address is one symbol, of the best origin.
 * More may be added afterwards, and all be sorted again.
 */
void code_symbols_settle(struct code_symbols *s);

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

/** Is it the name of a clone or part of a function: that name and a suffix of
 * the compiler's, ".isra.0", ".cold"? The display-name rule cuts the same ones.
 */
bool code_symbol_is_part(const struct code_symbol *s, const char *name,
			 size_t len);

#endif

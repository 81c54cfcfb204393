/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Functions at random, the same each time, and what the answer at an address
 * in them has to be: found by looking at everything.
 *
 * Functions abort where they fail.
 */
#ifndef TESTS_LIB_SYMTAB_RANDOM_H
#define TESTS_LIB_SYMTAB_RANDOM_H

#include "symtab/symtab_writer.h"

#include <stddef.h>
#include <stdint.h>

enum { SYMTAB_RANDOM_NAMES = 40, SYMTAB_RANDOM_NAME_SIZE = 32 };

struct symtab_random {
	uint64_t state; /* not 0 */
	struct symtab_function *functions;
	size_t count;
	uint32_t names[SYMTAB_RANDOM_NAMES]; /* numbers; 0: not drawn yet */
};

/** @p count functions; some small, some large; some within others. */
void symtab_random_make(struct symtab_random *r, struct symtab_writer *w,
			size_t count);
void symtab_random_free(struct symtab_random *r);

uint32_t symtab_random_next(struct symtab_random *r, uint32_t below);

/** Frames of an address, innermost first, as symtab_find() orders them.
 * @return How many; 0: in no function. */
size_t symtab_random_find(const struct symtab_random *r, uint64_t at,
			  struct symtab_frame frames[SYMTAB_FRAMES_MAX]);

/** The text of a name of these frames: a table has numbers of its own. */
void symtab_random_name(const struct symtab_random *r, uint32_t name,
			char text[SYMTAB_RANDOM_NAME_SIZE]);

#endif

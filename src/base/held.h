/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Memory that requests make the process hold, against one limit on that of all
 * of them together: the limit "request_memory" (symbolized-limits(7)).
 *
 * Who takes memory that a client can make large counts it here before, in the
 * request's struct held, and uncounts it when it is free. Small change that every
 * request has is not counted.
 *
 * Threads: a struct held is owned by one thread at a time; the sum is all
 * threads'.
 */
#ifndef BASE_HELD_H
#define BASE_HELD_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	/** What an answer may take uncounted. */
	HELD_SMALL = 32 << 10,
};

struct held {
	size_t bytes;
	size_t limit; /* of all together; 0: none */
};

/** What all hold. */
size_t held_total(void);

/** Count @p bytes more. @return False, and nothing changed, if that were more
 * than all together may have. */
bool held_more(struct held *h, size_t bytes) MUST_CHECK;
/** Count @p bytes instead of what was. Fewer always succeed. */
bool held_set(struct held *h, size_t bytes) MUST_CHECK;
/** Count at most @p bytes from now on. */
void held_shrink(struct held *h, size_t bytes);
/** Nothing is held any more. Twice is safe. */
void held_release(struct held *h);
#define CLEANUP_HELD CLEANUP(held_release)

/** @p to, which held nothing, holds it now, and @p from nothing. */
void held_move(struct held *to, struct held *from);

#endif

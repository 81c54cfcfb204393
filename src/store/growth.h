/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A file that is still being written, seen by those who read what is there of
 * it: how far it has come, whether more will come, and who is to be told.
 *
 * Threads: any. Counted references.
 */
#ifndef STORE_GROWTH_H
#define STORE_GROWTH_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum growth_state {
	GROWTH_GROWING,
	GROWTH_WHOLE,
	GROWTH_BROKEN, /* no more comes, and what came may be wrong */
};

struct growth;

/** Somebody who waits for more; the waiter's memory. */
struct growth_waiter {
	void (*wake)(void *ctx);
	void *ctx;
	TAILQ_ENTRY(growth_waiter) others; /* the growth's */
};

/** With one reference; NULL without memory. */
struct growth *growth_create(void) MUST_CHECK;
struct growth *growth_get(struct growth *g);
/** NULL is allowed. */
void growth_put(struct growth *g);

/** @param[out] size_ret Bytes that can be read. */
enum growth_state growth_look(struct growth *g, uint64_t *size_ret);

/**
 * The file that has the byte at @p at.
 * @param[in] own What the reader was given.
 * @param[in,out] end_ret It has no more than up to there.
 * @return Borrowed for as long as the reference.
 */
int growth_file(struct growth *g, int own, uint64_t at, uint64_t *end_ret);

/**
 * Be told, once, when there are more than @p seen bytes, or no more come.
 * @return False: that is so already, and nobody will be told.
 */
bool growth_wait(struct growth *g, uint64_t seen, struct growth_waiter *w);
/** @return Was it still waiting? Else it has been told, or is being. */
bool growth_unwait(struct growth *g, struct growth_waiter *w);

/* The writer's: */

/**
 * What lies from @p from on is to be read from @p fd, at the same offsets; what
 * lies before, where it was. Once at most, and before any of it can be read.
 * @param[in] fd Taken.
 */
void growth_move(struct growth *g, int fd, uint64_t from);
/** That much can be read now. */
void growth_grow(struct growth *g, uint64_t size);
/** Nothing if it has ended. */
void growth_end(struct growth *g, enum growth_state state);

#endif

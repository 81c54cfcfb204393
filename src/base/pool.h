/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A bounded pool of threads, each with a state of its own (a database
 * connection, say).
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/error.h"

#include <stddef.h>

struct pool;

struct pool_options {
	const char *name; /* of the threads; at most 15 bytes */
	unsigned threads;
	size_t queue_limit;
	/** What a full queue is reported as: limits.h. NULL: nothing. */
	const char *limit;
	/** On each thread, before its first job. What it gives is passed to
	 * every job. May be NULL, as may end. */
	void *(*begin)(void *ctx);
	void (*end)(void *state);
	void *ctx;
};

typedef void (*pool_fn)(void *state, void *arg);

MUST_CHECK struct error *pool_create(const struct pool_options *options,
				     struct pool **ret);
/** Does what is queued, then ends the threads. What others submit after that is
 * never done. Twice is safe; NULL is allowed. One thread. */
void pool_stop(struct pool *p);
/** Stops, then frees: nobody else may be using it. NULL is allowed. */
void pool_destroy(struct pool *p);

/** @return BUSY if @c queue_limit jobs wait already; NO_MEMORY. */
MUST_CHECK struct error *pool_submit(struct pool *p, pool_fn fn, void *arg);

/** For the next step of work that was let in once: not bounded by the limit.
 * @return NO_MEMORY. */
MUST_CHECK struct error *pool_continue(struct pool *p, pool_fn fn, void *arg);

#endif

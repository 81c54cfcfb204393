/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Mutexes with a place in one nesting order (locks.h).
 *
 * A developer build asserts the order at every lock. No lock is held across
 * I/O on files of strangers, SQLite (the index's own lock excepted) or a
 * callback.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include "base/cleanup.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum lock_class {
#define LOCK(name, guards) LOCK_##name,
#include "base/locks.h"
#undef LOCK
	LOCK_CLASSES
};

struct lock {
	pthread_mutex_t mutex;
	enum lock_class class;
};

struct condition {
	pthread_cond_t cond;
};

void lock_init(struct lock *l, enum lock_class class);
void lock_deinit(struct lock *l);
void lock_acquire(struct lock *l);
void lock_release(struct lock *l);

/** Hold @p l to the end of the scope. */
#define LOCKED_PASTE(a, b) a##b
#define LOCKED_NAME(n)     LOCKED_PASTE(locked_, n)
#define LOCKED(l)                                                     \
	struct lock *CLEANUP(cleanup_unlock) LOCKED_NAME(__COUNTER__) \
		__attribute__((unused)) = lock_acquire_scope(l)

static inline struct lock *lock_acquire_scope(struct lock *l)
{
	lock_acquire(l);
	return l;
}
static inline void cleanup_unlock(struct lock **l)
{
	lock_release(*l);
}

void condition_init(struct condition *c);
void condition_deinit(struct condition *c);
void condition_signal(struct condition *c);
void condition_broadcast(struct condition *c);
/** @p l is held before and after. */
void condition_wait(struct condition *c, struct lock *l);
/** @param[in] until_ms clock_ms() at which to give up.
 * @return False when the time was up. */
bool condition_wait_until(struct condition *c, struct lock *l,
			  int64_t until_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <time.h>

#include "base/lock.h"

#ifdef DEVELOPER
/* The witness: a bit for each class this thread holds. */
static _Thread_local uint32_t held;

static void witness_acquire(enum lock_class class)
{
	assert(held >> class == 0 && "lock order violated: see locks.h");
	held |= UINT32_C(1) << class;
}

static void witness_release(enum lock_class class)
{
	assert(held >> class & 1);
	held &= ~(UINT32_C(1) << class);
}
#else
static void witness_acquire(enum lock_class class)
{
	(void)class;
}

static void witness_release(enum lock_class class)
{
	(void)class;
}
#endif

void lock_init(struct lock *l, enum lock_class class)
{
	int rc = pthread_mutex_init(&l->mutex, NULL);

	assert(rc == 0);
	(void)rc;
	l->class = class;
}

void lock_deinit(struct lock *l)
{
	pthread_mutex_destroy(&l->mutex);
}

void lock_acquire(struct lock *l)
{
	witness_acquire(l->class);
	pthread_mutex_lock(&l->mutex);
}

void lock_release(struct lock *l)
{
	/* In this order: once unlocked, another thread may free it. */
	witness_release(l->class);
	pthread_mutex_unlock(&l->mutex);
}

void condition_init(struct condition *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->cond, &attr);
	pthread_condattr_destroy(&attr);
}

void condition_deinit(struct condition *c)
{
	pthread_cond_destroy(&c->cond);
}

void condition_signal(struct condition *c)
{
	pthread_cond_signal(&c->cond);
}

void condition_broadcast(struct condition *c)
{
	pthread_cond_broadcast(&c->cond);
}

void condition_wait(struct condition *c, struct lock *l)
{
	pthread_cond_wait(&c->cond, &l->mutex);
}

bool condition_wait_until(struct condition *c, struct lock *l, int64_t until_ms)
{
	struct timespec ts = {
		.tv_sec = until_ms / 1000,
		.tv_nsec = until_ms % 1000 * 1000000,
	};

	return pthread_cond_timedwait(&c->cond, &l->mutex, &ts) == 0;
}

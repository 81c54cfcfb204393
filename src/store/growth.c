/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/mem.h"
#include "store/growth.h"

TAILQ_HEAD(growth_waiters, growth_waiter);

struct growth {
	_Atomic unsigned references;
	struct lock lock; /* guards what follows */
	enum growth_state state;
	uint64_t size;
	int moved_fd; /* -1: it has not moved; then it stays as it is */
	uint64_t moved_from;
	struct growth_waiters waiters;
};

struct growth *growth_create(void)
{
	struct growth *g = mem_zalloc(sizeof(*g));

	if (!g)
		return NULL;
	atomic_init(&g->references, 1);
	g->moved_fd = -1;
	lock_init(&g->lock, LOCK_STORE_GROWTH);
	TAILQ_INIT(&g->waiters);
	return g;
}

struct growth *growth_get(struct growth *g)
{
	atomic_fetch_add_explicit(&g->references, 1, memory_order_relaxed);
	return g;
}

void growth_put(struct growth *g)
{
	if (!g || atomic_fetch_sub(&g->references, 1) != 1)
		return;
	if (g->moved_fd >= 0)
		close(g->moved_fd);
	lock_deinit(&g->lock);
	mem_free(g);
}

enum growth_state growth_look(struct growth *g, uint64_t *size_ret)
{
	LOCKED(&g->lock);
	*size_ret = g->size;
	return g->state;
}

int growth_file(struct growth *g, int own, uint64_t at, uint64_t *end_ret)
{
	LOCKED(&g->lock);
	if (g->moved_fd < 0)
		return own;
	if (at >= g->moved_from)
		return g->moved_fd;
	if (*end_ret > g->moved_from)
		*end_ret = g->moved_from;
	return own;
}

bool growth_wait(struct growth *g, uint64_t seen, struct growth_waiter *w)
{
	LOCKED(&g->lock);
	if (g->state != GROWTH_GROWING || g->size > seen)
		return false;
	TAILQ_INSERT_TAIL(&g->waiters, w, others);
	return true;
}

bool growth_unwait(struct growth *g, struct growth_waiter *w)
{
	const struct growth_waiter *each;

	LOCKED(&g->lock);
	TAILQ_FOREACH(each, &g->waiters, others)
	{
		if (each != w)
			continue;
		TAILQ_REMOVE(&g->waiters, w, others);
		return true;
	}
	return false;
}

/* Whoever is taken from the list is told by who took it; a waiter may be gone
 * the moment it is told. */
static struct growth_waiter *take_waiter(struct growth *g)
{
	LOCKED(&g->lock);
	struct growth_waiter *w = TAILQ_FIRST(&g->waiters);

	if (w)
		TAILQ_REMOVE(&g->waiters, w, others);
	return w;
}

/* Those who come to wait meanwhile want more than there is now, and would make
 * this endless: as many are told as waited, the longest first. */
static void tell_waiters(struct growth *g, unsigned count)
{
	struct growth_waiter *w;

	while (count-- && (w = take_waiter(g)))
		w->wake(w->ctx);
}

static unsigned count_waiters(const struct growth *g)
{
	const struct growth_waiter *w;
	unsigned count = 0;

	TAILQ_FOREACH(w, &g->waiters, others)
	count++;
	return count;
}

void growth_move(struct growth *g, int fd, uint64_t from)
{
	LOCKED(&g->lock);
	assert(g->moved_fd < 0 && g->size <= from);
	g->moved_fd = fd;
	g->moved_from = from;
}

void growth_grow(struct growth *g, uint64_t size)
{
	unsigned count;

	{
		LOCKED(&g->lock);
		g->size = size;
		count = count_waiters(g);
	}
	tell_waiters(g, count);
}

void growth_end(struct growth *g, enum growth_state state)
{
	unsigned count;

	{
		LOCKED(&g->lock);
		if (g->state == GROWTH_GROWING)
			g->state = state;
		count = count_waiters(g);
	}
	tell_waiters(g, count);
}

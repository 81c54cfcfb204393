/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/growing.h"
#include "store/growth.h"

struct growing {
	struct connection *connection; /* NULL: it is gone */
	struct growth *growth;
	int fd;
	uint64_t offset, end; /* of the reply, in the file */
	struct growth_waiter waiter;
};

struct growing *growing_create(struct connection *c, struct reply *r)
{
	struct growing *g = mem_zalloc(sizeof(*g));

	if (!g)
		return NULL;
	g->connection = c;
	g->fd = steal_fd(&r->fd);
	g->growth = STEAL(r->growth);
	g->offset = r->offset;
	g->end = r->offset + r->size;
	c->growing = g;
	return g;
}

void growing_free(struct growing *g)
{
	if (g->connection)
		growing_forget(g->connection);
	growth_put(g->growth);
	cleanup_close(&g->fd);
	mem_free(g);
}

/* It starves no longer, if it did. */
static void unlist(struct connection *c)
{
	struct http_server *s = c->server;

	if (!c->is_starved)
		return;
	LOCKED(&s->lock);
	LIST_REMOVE(c, starved);
	c->is_starved = false;
}

static bool list(struct connection *c)
{
	struct http_server *s = c->server;

	LOCKED(&s->lock);
	if (s->parks_no_more)
		return false;
	LIST_INSERT_HEAD(&s->starved, c, starved);
	c->is_starved = true;
	return true;
}

void growing_forget(struct connection *c)
{
	if (!c->growing)
		return;
	unlist(c);
	c->growing->connection = NULL;
	c->growing = NULL;
}

/* On the thread that writes the file. */
static void wake(void *ctx)
{
	connection_resume(ctx);
}

/* Suspended first, then waited: whoever wakes it finds it suspended. */
static ssize_t starve(struct growing *g, uint64_t seen)
{
	struct connection *c = g->connection;

	if (!c || !list(c))
		return GROWING_BROKEN;
	/* What comes from upstream has its own time limits. */
	connection_enter(c, PHASE_WORK, clock_ms());
	connection_suspend(c);
	g->waiter = (struct growth_waiter) { .wake = wake, .ctx = c };
	if (!growth_wait(g->growth, seen, &g->waiter))
		connection_resume(c);
	return GROWING_LATER;
}

ssize_t growing_read(struct growing *g, uint64_t pos, char *out, size_t most)
{
	uint64_t at = g->offset + pos, size;
	enum growth_state state = growth_look(g->growth, &size);

	if (g->connection && g->connection->is_starved) {
		unlist(g->connection);
		connection_enter(g->connection, PHASE_SEND, clock_ms());
	}
	if (state == GROWTH_BROKEN)
		return GROWING_BROKEN;
	/* An answer that has come to its end cannot be broken off any more, so
	 * its last byte waits for what is thought of the whole file. */
	uint64_t open =
		state == GROWTH_GROWING && size >= g->end ? g->end - 1 : size;

	if (at < open) {
		int fd = growth_file(g->growth, g->fd, at, &open);
		size_t want = open - at < most ? (size_t)(open - at) : most;
		ssize_t n = pread(fd, out, want, (off_t)at);

		return n > 0 ? n : GROWING_BROKEN;
	}
	return state == GROWTH_WHOLE ? GROWING_BROKEN : starve(g, size);
}

unsigned growing_end_all(struct http_server *s)
{
	struct connection *c;
	unsigned count = 0;

	LOCKED(&s->lock);
	LIST_FOREACH(c, &s->starved, starved)
	{
		count++;
		/* Who has been told is resumed by who told it. */
		if (growth_unwait(c->growing->growth, &c->growing->waiter))
			connection_resume(c);
	}
	return count;
}

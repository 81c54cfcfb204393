/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Absolute deadlines. libmicrohttpd's own timeout counts inactivity alone, so
 * a byte every minute would hold a connection for ever; and it does not look
 * at suspended connections at all.
 */
#include "config.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/limits.h"
#include "http/server.h"
#include "http/ticket.h"

enum {
	TICK_MS = 1000,
	PARKED_TICK_MS = 100,
	LEAVE_GRACE_MS = 500,
	/** How long a connection may be idle, or come without a header, when
	 * most are taken; looked at so often. */
	CROWDED_MS = 1000,
	CROWDED_TICK_MS = 100,
};

static uint64_t acked_bytes(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	/* Not a TCP socket: nothing to see, and the stall check decides. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
		return 0;
	return info.tcpi_bytes_acked;
}

/* Is the answer neither taken at 4 KiB/s nor coming from our side? */
static bool is_send_overdue(struct connection *c, int64_t since_ms, int64_t now)
{
	int64_t window_ms = c->server->options.send_ms;
	uint64_t acked = acked_bytes(c->fd);
	int queued = 0;

	if (c->window_start_ms < since_ms) {
		c->window_start_ms = c->moved_ms = since_ms;
		c->window_acked = c->last_acked = acked;
		return false;
	}
	if (ioctl(c->fd, SIOCOUTQ, &queued))
		queued = 0;
	if (acked != c->last_acked || queued > 0) {
		c->last_acked = acked;
		c->moved_ms = now;
	}
	/* Nothing is left to send and nothing comes: the file has shrunk. */
	if (now - c->moved_ms >= window_ms / 3)
		return true;
	if (now - c->window_start_ms < window_ms)
		return false;
	bool is_slow = acked - c->window_acked < SEND_WINDOW_BYTES;

	c->window_start_ms = now;
	c->window_acked = acked;
	return is_slow;
}

/* Three quarters of all connections are there. */
static bool is_crowded(struct http_server *s)
{
	return atomic_load(&s->connection_count) >
	       s->options.connection_limit / 4 * 3;
}

static bool has_left(const struct connection *c, int64_t now)
{
	struct pollfd p = { .fd = c->fd, .events = POLLRDHUP };
	int64_t since =
		atomic_load_explicit(&c->since_ms, memory_order_relaxed);

	return now - since >= LEAVE_GRACE_MS && poll(&p, 1, 0) == 1 &&
	       p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

/* Has its client said that nothing more comes, and was nothing left of what came
 * before, already when it was last looked at? What a request lacks then it will
 * never have. libmicrohttpd is told of an end once, and forgets it where it comes
 * along with bytes. */
static bool has_ended(struct connection *c, int64_t since, int64_t now)
{
	int unread = 0;

	if (!has_left(c, now) || ioctl(c->fd, FIONREAD, &unread) || unread)
		return false;
	if (c->ended_of_ms == since)
		return true;
	c->ended_of_ms = since;
	return false;
}

/* What @c has run over: the name of a limit, "" for what is nobody's fault: it
 * makes room, or its client has left; NULL: nothing. */
static const char *find_overdue(struct connection *c, int64_t now, bool crowded)
{
	const struct http_options *o = &c->server->options;
	int64_t idle_ms = (int64_t)o->idle_timeout_s * 1000;
	unsigned phase = atomic_load_explicit(&c->phase, memory_order_relaxed);
	int64_t since =
		atomic_load_explicit(&c->since_ms, memory_order_relaxed);
	bool is_short = (c->is_surplus && now - since >= SURPLUS_MS) ||
			(crowded && now - since >= CROWDED_MS);

	switch (phase) {
	case PHASE_NEW:
	case PHASE_HEAD:
		return now - since >= o->head_ms              ? "header_time"
		       : is_short || has_ended(c, since, now) ? ""
							      : NULL;
	case PHASE_BODY:
		return now - since >= o->body_ms  ? "body_time"
		       : has_ended(c, since, now) ? ""
						  : NULL;
	case PHASE_SEND:
		return is_send_overdue(c, since, now) ? "send_rate" : NULL;
	case PHASE_IDLE:
		if (is_short)
			return "";
		/* A trickled request line: idle as far as we see. */
		return now - since >= idle_ms + o->head_ms ? "header_time"
							   : NULL;
	default:
		return NULL;
	}
}

static void check_connections(struct http_server *s, int64_t now)
{
	bool crowded = is_crowded(s);
	struct connection *c;

	LIST_FOREACH(c, &s->connections, all)
	{
		const char *limit =
			c->is_ended ? NULL : find_overdue(c, now, crowded);

		if (!limit)
			continue;
		/* The connection's thread sees the end and cleans up. */
		shutdown(c->fd, SHUT_RDWR);
		c->is_ended = true;
		if (*limit)
			limit_reached(limit);
	}
}

static void check_parked(struct http_server *s, int64_t now)
{
	struct connection *c;

	LIST_FOREACH(c, &s->parked, parked)
	{
		struct ticket *t = c->request.ticket;

		if (now < t->deadline_ms && !has_left(c, now))
			continue;
		if (ticket_give_up(t))
			connection_resume(c);
	}
}

void watchdog_give_up_all(struct http_server *s)
{
	struct connection *c;

	LOCKED(&s->lock);
	LIST_FOREACH(c, &s->parked, parked)
	{
		if (ticket_give_up(c->request.ticket))
			connection_resume(c);
	}
}

/* Often enough for the shortest deadline. */
static int64_t tick_ms(const struct http_options *o)
{
	unsigned shortest = o->head_ms < o->body_ms ? o->head_ms : o->body_ms;

	if (o->send_ms / 3 < shortest)
		shortest = o->send_ms / 3;
	return shortest / 2 < TICK_MS ? shortest / 2 + 1 : TICK_MS;
}

void *watchdog_run(void *server)
{
	struct http_server *s = server;
	const int64_t calm_tick = tick_ms(&s->options);
	int64_t checked_ms = clock_ms();

	LOCKED(&s->lock);
	while (!s->is_stopping) {
		int64_t now = clock_ms();

		int64_t tick = is_crowded(s) && CROWDED_TICK_MS < calm_tick
				       ? CROWDED_TICK_MS
				       : calm_tick;
		int64_t pause = LIST_EMPTY(&s->parked) || tick < PARKED_TICK_MS
					? tick
					: PARKED_TICK_MS;

		condition_wait_until(&s->changed, &s->lock, now + pause);
		now = clock_ms();
		check_parked(s, now);
		if (now - checked_ms >= tick) {
			check_connections(s, now);
			checked_ms = now;
		}
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "http/growing.h"
#include "http/listen.h"
#include "http/server.h"

enum { THREADS_MAX = 16 };

static void set_default(unsigned *option, unsigned value)
{
	if (*option == 0)
		*option = value;
}

/* Descriptors: 20 % are kept back for what is served and for the rest of the
 * program. */
static void fit_connection_limit(struct http_options *o)
{
	struct rlimit files;

	unsigned wanted = o->connection_limit + surplus_of(o->connection_limit);

	if (getrlimit(RLIMIT_NOFILE, &files) ||
	    files.rlim_cur == RLIM_INFINITY || files.rlim_cur / 5 * 4 >= wanted)
		return;
	unsigned room = (unsigned)(files.rlim_cur / 5 * 4);

	o->connection_limit = room - room / (SURPLUS_SHARE + 1);
	if (room < SURPLUS_LEAST * (SURPLUS_SHARE + 1))
		o->connection_limit = room > 2 * SURPLUS_LEAST
					      ? room - SURPLUS_LEAST
					      : room / 2 + 1;
	log_warn("http", "connection_limit_lowered",
		 LOG_U("limit", o->connection_limit),
		 LOG_U("rlimit_nofile", files.rlim_cur));
}

static void fill_defaults(struct http_options *o)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores < 1)
		cores = 1;
	set_default(&o->threads,
		    cores < THREADS_MAX ? (unsigned)cores : THREADS_MAX);
	set_default(&o->connection_limit, 8192);
	set_default(&o->per_ip_limit, 500);
	set_default(&o->suspended_limit, 2048);
	set_default(&o->idle_timeout_s, 60);
	set_default(&o->artifact_wait_ms, 80000);
	set_default(&o->answer_wait_ms, 20000);
	set_default(&o->metadata_ms, 5000);
	set_default(&o->head_ms, 20000);
	set_default(&o->body_ms, 30000);
	set_default(&o->send_ms, 30000);
	if (o->body_limit_bytes == 0)
		o->body_limit_bytes = 16 << 20;
	if (o->memory_limit_bytes == 0)
		o->memory_limit_bytes = 512 << 20;
	if (o->answer_limit_bytes == 0)
		o->answer_limit_bytes = 64 << 20;
	fit_connection_limit(o);
	if (o->threads > o->connection_limit)
		o->threads = o->connection_limit;
}

static void set_gauges(void *ctx)
{
	struct http_server *s = ctx;

	metric_set(METRIC_HTTP_CONNECTIONS, 0, 0,
		   atomic_load(&s->connection_count));
	metric_set(METRIC_HTTP_HELD, 0, 0, (int64_t)held_total());
	LOCKED(&s->lock);
	metric_set(METRIC_HTTP_SUSPENDED, 0, 0, s->parked_count);
}

struct http_server *server_create(const struct http_options *options)
{
	struct http_server *s = mem_zalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->options = *options;
	fill_defaults(&s->options);
	if (!clients_init(&s->clients, s->options.per_ip_limit)) {
		mem_free(s);
		return NULL;
	}
	s->context.options = &s->options;
	s->context.started_ms = clock_ms();
	s->context.set_gauges = set_gauges;
	s->context.gauges_ctx = s;
	s->listen_fd = options->listen_fd;
	s->owns_address = options->listen_fd < 0 || options->owns_listen_fd;
	lock_init(&s->lock, LOCK_HTTP);
	condition_init(&s->changed);
	LIST_INIT(&s->connections);
	LIST_INIT(&s->parked);
	LIST_INIT(&s->starved);
	return s;
}

struct error *server_listen(struct http_server *s)
{
	TRY(error_wrap(
		address_ranges_parse(s->options.trusted_proxies, &s->trusted),
		"trusted proxies"));
	if (s->listen_fd < 0)
		return listen_open(s->options.listen, &s->listen_fd);
	/* Several threads wait at it; whoever comes late must not hang. */
	int flags = fcntl(s->listen_fd, F_GETFL);

	if (flags < 0 || fcntl(s->listen_fd, F_SETFL, flags | O_NONBLOCK))
		return error_errno("the listening socket that was passed");
	return NULL;
}

void server_free(struct http_server *s)
{
	cleanup_close(&s->listen_fd);
	clients_deinit(&s->clients);
	address_ranges_free(&s->trusted);
	condition_deinit(&s->changed);
	lock_deinit(&s->lock);
	mem_free(s);
}

struct error *server_start_watchdog(struct http_server *s)
{
	if (pthread_create(&s->watchdog, NULL, watchdog_run, s))
		return error_new(BUSY, "no thread for the HTTP watchdog");
	s->has_watchdog = true;
	return NULL;
}

void server_stop_watchdog(struct http_server *s)
{
	if (!s->has_watchdog)
		return;
	lock_acquire(&s->lock);
	s->is_stopping = true;
	condition_signal(&s->changed);
	lock_release(&s->lock);
	pthread_join(s->watchdog, NULL);
}

static void sleep_ms(int ms)
{
	const struct timespec ts = { .tv_nsec = ms * 1000000L };

	nanosleep(&ts, NULL);
}

void server_wait_for_requests(struct http_server *s, unsigned wait_ms)
{
	int64_t until_ms = clock_ms() + wait_ms;

	while (atomic_load(&s->request_count) > 0 && clock_ms() < until_ms)
		sleep_ms(2);
}

static bool is_anyone_parked(struct http_server *s)
{
	LOCKED(&s->lock);
	return s->parked_count > 0;
}

void server_give_up_parked(struct http_server *s)
{
	lock_acquire(&s->lock);
	s->parks_no_more = true;
	lock_release(&s->lock);
	watchdog_give_up_all(s);
	/* Those that were won by their work at this very moment come out by
	 * themselves. */
	while (growing_end_all(s) || is_anyone_parked(s) ||
	       atomic_load(&s->wakers) > 0)
		sleep_ms(1);
}

uint16_t http_port(const struct http_server *s)
{
	return listen_port(s->listen_fd);
}

void http_drain(struct http_server *s)
{
	atomic_store(&s->context.is_draining, true);
}

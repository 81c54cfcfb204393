/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adapter to libmicrohttpd: nothing of it passes this folder.
 *
 * What its header and the source of 0.9.75 say, and what follows:
 *  - The access handler is called first with the header alone, then for each
 *    piece of a body, then once more. A reply queued in the first call ends
 *    the connection, so replies to requests that are well-formed wait for the
 *    last call, and a body that nobody wants is read and thrown away.
 *  - Paths and queries are decoded by a callback that we make a no-op: decoding
 *    is request_set_path()'s, once.
 *  - Suspending needs MHD_USE_ITC and is not seen by its timeouts: deadlines of
 *    parked requests are the watchdog's.
 *  - Returning MHD_NO from the handler closes the connection without a word.
 *  - How much of a response was sent when its connection ended is not told.
 */
#include "config.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "http/account.h"
#include "http/growing.h"
#include "http/listen.h"
#include "http/mhd/mhd.h"
#include "http/routes.h"
#include "http/ticket.h"

enum {
	/** Unwanted bodies are read up to this many times the limit of wanted
	 * ones, so that their sender reads the answer instead of a reset. */
	DISCARD_FACTOR = 4,
	STOP_FLUSH_MS = 1000,
};

/* ---- Parking ----------------------------------------------------------- */

void connection_suspend(struct connection *c)
{
	MHD_suspend_connection(c->handle);
}

void connection_resume(struct connection *c)
{
	struct http_server *s = c->server;

	/* Until wakers falls the server stays (invariant 3). */
	atomic_fetch_add(&s->wakers, 1);
	MHD_resume_connection(c->handle);
	atomic_fetch_sub(&s->wakers, 1);
}

static void wake(void *ctx)
{
	connection_resume(ctx);
}

static bool list_as_parked(struct connection *c)
{
	struct http_server *s = c->server;

	LOCKED(&s->lock);
	if (s->parks_no_more || s->parked_count >= s->options.suspended_limit)
		return false;
	if (s->parked_count++ == 0)
		condition_signal(&s->changed);
	LIST_INSERT_HEAD(&s->parked, c, parked);
	c->is_parked = true;
	return true;
}

static void unpark(struct connection *c)
{
	struct http_server *s = c->server;

	LOCKED(&s->lock);
	if (!c->is_parked)
		return;
	LIST_REMOVE(c, parked);
	c->is_parked = false;
	s->parked_count--;
}

/* Suspended first, then listed, then the work: whoever wakes it finds it
 * suspended. */
static enum MHD_Result park(struct connection *c)
{
	struct ticket *t = ticket_get(c->request.ticket);

	t->wake = wake;
	t->wake_ctx = c;
	t->deadline_ms = clock_ms() + t->wait_ms;
	connection_enter(c, PHASE_WORK, clock_ms());
	MHD_suspend_connection(c->handle);
	if (!list_as_parked(c)) {
		limit_reached("suspended_requests");
		request_fail_busy(&c->request, "too many requests wait");
		ticket_put(t);
		ticket_put(STEAL(c->request.ticket));
		MHD_resume_connection(c->handle);
		c->stage = STAGE_READY;
		return MHD_YES;
	}
	c->stage = STAGE_PARKED;
	t->start(t);
	return MHD_YES;
}

static enum MHD_Result answer(struct connection *c)
{
	struct request *rq = &c->request;

	if (rq->reply.status == 0)
		route_handle(rq);
	return rq->ticket ? park(c) : mhd_reply(c);
}

static enum MHD_Result answer_parked(struct connection *c)
{
	struct request *rq = &c->request;

	assert(ticket_state(rq->ticket) != TICKET_WAITING);
	unpark(c);
	struct ticket *t = STEAL(rq->ticket);

	if (ticket_state(t) == TICKET_GIVEN_UP) {
		if (clock_ms() >= t->deadline_ms)
			limit_reached("answer_time");
		request_fail_busy(rq, "no answer in time");
	} else {
		ticket_finish(rq, t);
	}
	ticket_put(t);
	return mhd_reply(c);
}

/* ---- The header -------------------------------------------------------- */

static const struct sockaddr *client_address(struct connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		c->handle, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info ? info->client_addr : NULL;
}

/* A reply that is due before the body: is the body read nevertheless? */
static bool is_worth_discarding(const struct request *rq,
				uint64_t content_length)
{
	size_t limit = route_body_limit(rq);

	return !rq->header[HEADER_EXPECT] &&
	       content_length <= DISCARD_FACTOR * (uint64_t)limit;
}

static enum MHD_Result refuse_framing(struct connection *c,
				      const struct framing_result *f)
{
	request_set_id(&c->request);
	if (f->limit)
		limit_reached(f->limit);
	request_fail(&c->request, f->status, "bad_request", "%s", f->message);
	c->request.reply.is_last = true;
	return mhd_reply(c);
}

/* Only now is it known what is asked for, and for whom. */
static void admit_request(struct connection *c)
{
	struct http_server *s = c->server;
	struct request *rq = &c->request;
	struct address who;

	if (c->is_proxied) {
		/* One that speaks for nobody asks for itself. */
		if (address_forwarded(c->forwarded_for, &s->trusted, &who))
			address_to_sockaddr(&who, &c->forwarded);
		else
			address_from_sockaddr(client_address(c), &who);
		c->request_client = clients_enter(&s->clients, &who);
		if (!c->request_client)
			limit_reached("requests_per_address");
	}
	if (rq->reply.status || rq->route->flags & ROUTE_OPS)
		return;
	if (c->is_surplus)
		request_fail_busy(rq, "too many connections");
	else if (c->is_proxied && !c->request_client)
		request_fail_too_many(rq);
}

static enum MHD_Result begin_request(struct connection *c, const char *url,
				     const char *method, const char *version)
{
	struct request *rq = &c->request;

	rq->method_name = method;
	rq->method = request_method(method);
	rq->peer = client_address(c);
	bool path_is_good = request_set_path(rq, url);
	struct framing_result f = mhd_read_header(c, method, version);

	if (f.status)
		return refuse_framing(c, &f);
	c->is_last = c->is_surplus || (f.is_chunked && !mhd_is_chunk_strict());
	request_set_id(rq);
	if (!path_is_good)
		request_fail(rq, 400, "bad_request", "malformed path");
	else if (route_request(rq))
		route_check_body(rq, f.content_length);
	admit_request(c);
	if (!f.has_body) {
		c->stage = STAGE_READY;
		return MHD_YES;
	}
	c->is_discarding = rq->reply.status != 0;
	if (c->is_discarding && !is_worth_discarding(rq, f.content_length)) {
		rq->reply.is_last = true;
		return mhd_reply(c);
	}
	connection_enter(c, PHASE_BODY, clock_ms());
	c->stage = STAGE_BODY;
	return MHD_YES;
}

/* ---- The body ---------------------------------------------------------- */

static enum MHD_Result take_body(struct connection *c, const char *data,
				 size_t size)
{
	struct request *rq = &c->request;
	size_t limit = route_body_limit(rq);

	if (!c->is_discarding && size > limit - rq->body.size) {
		limit_reached("body_size");
		request_fail(rq, 413, "too_large",
			     "the body is larger than %zu bytes", limit);
		c->is_discarding = true;
	}
	if (!c->is_discarding && !request_hold(rq, size)) {
		request_fail_busy(rq, "too many bodies are being received");
		c->is_discarding = true;
	}
	if (!c->is_discarding && !buf_append(&rq->body, data, size)) {
		request_fail_with(rq, error_no_memory);
		c->is_discarding = true;
	}
	if (!c->is_discarding)
		return MHD_YES;
	buf_deinit(&rq->body);
	c->discarded += size;
	return c->discarded <= DISCARD_FACTOR * (uint64_t)limit ? MHD_YES
								: MHD_NO;
}

/* ---- Callbacks --------------------------------------------------------- */

static enum MHD_Result on_request(void *cls, struct MHD_Connection *handle,
				  const char *url, const char *method,
				  const char *version, const char *upload_data,
				  size_t *upload_size, void **request_ctx)
{
	struct connection *c = *request_ctx;

	(void)cls;
	(void)handle;
	if (!c)
		return MHD_NO; /* there was no memory for it */
	switch (c->stage) {
	case STAGE_LINE:
		return begin_request(c, url, method, version);
	case STAGE_BODY:
		if (*upload_size > 0) {
			size_t size = *upload_size;

			*upload_size = 0;
			return take_body(c, upload_data, size);
		}
		c->stage = STAGE_READY;
		return answer(c);
	case STAGE_READY:
		return answer(c);
	case STAGE_PARKED:
		return answer_parked(c);
	case STAGE_QUEUED:
		break;
	}
	return MHD_NO;
}

static struct connection *find_connection(struct MHD_Connection *handle)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* The request line is there. What this returns is the request's context. */
static void *on_request_line(void *cls, const char *uri,
			     struct MHD_Connection *handle)
{
	struct http_server *s = cls;
	struct connection *c = find_connection(handle);

	if (!c)
		return NULL;
	atomic_fetch_add_explicit(&s->request_count, 1, memory_order_relaxed);
	request_init(&c->request, &s->context);
	c->stage = STAGE_LINE;
	c->is_discarding = false;
	c->discarded = 0;
	c->forwarded_for = NULL;
	/* The time of a first request's header began with the connection. */
	connection_enter(c, PHASE_HEAD,
			 atomic_load_explicit(&c->phase,
					      memory_order_relaxed) == PHASE_NEW
				 ? atomic_load_explicit(&c->since_ms,
							memory_order_relaxed)
				 : c->request.started_ns / 1000000);
	c->uri_end = uri ? uri + strlen(uri) : NULL;
	const char *query = uri ? strchr(uri, '?') : NULL;

	/* Without memory for it there is no query, and what needs one says
	 * so. */
	if (query)
		c->request.query = mem_strdup(query + 1);
	return c;
}

static unsigned reply_status(struct connection *c)
{
	const union MHD_ConnectionInfo *info;

	if (c->request.reply.status)
		return c->request.reply.status;
	/* What libmicrohttpd answered by itself. */
	info = MHD_get_connection_info(c->handle,
				       MHD_CONNECTION_INFO_HTTP_STATUS);
	return info ? info->http_status : 0;
}

static void on_completed(void *cls, struct MHD_Connection *handle,
			 void **request_ctx,
			 enum MHD_RequestTerminationCode toe)
{
	struct http_server *s = cls;
	struct connection *c = *request_ctx;

	(void)handle;
	if (!c)
		return;
	struct request *rq = &c->request;
	bool is_whole = toe == MHD_REQUEST_TERMINATED_COMPLETED_OK;
	bool has_body = c->stage == STAGE_QUEUED && mhd_sends_body(rq) &&
			rq->reply.size && !rq->reply.is_silent;
	const struct account account = {
		.status = reply_status(c),
		.bytes = has_body && is_whole ? rq->reply.size : 0,
		.is_part = has_body && !is_whole,
		.is_aborted = !is_whole,
		.now_ns = clock_ns(),
		.client = c->forwarded.ss_family != AF_UNSPEC
				  ? (const struct sockaddr *)&c->forwarded
				  : client_address(c),
	};

	/* Too long for libmicrohttpd even. */
	if (account.status == 431 && !rq->reply.status)
		limit_reached("header_size");

	/* Woken, and gone before it was its turn. */
	if (rq->ticket)
		unpark(c);
	growing_forget(c);
	account_request(rq, &account);
	request_deinit(rq);
	clients_leave(&s->clients, STEAL(c->request_client));
	c->forwarded.ss_family = AF_UNSPEC;
	connection_enter(c, PHASE_IDLE, account.now_ns / 1000000);
	*request_ctx = NULL;
	atomic_fetch_sub_explicit(&s->request_count, 1, memory_order_release);
}

static void admit_connection(struct connection *c)
{
	struct http_server *s = c->server;
	unsigned before = atomic_fetch_add(&s->connection_count, 1);
	struct address who;

	c->is_surplus = before >= s->options.connection_limit;
	if (c->is_surplus)
		limit_reached("connections");
	if (!address_from_sockaddr(client_address(c), &who))
		return;
	c->is_proxied = address_is_in(&who, &s->trusted);
	if (c->is_proxied)
		return;
	c->client = clients_enter(&s->clients, &who);
	if (c->client)
		return;
	limit_reached("connections_per_address");
	/* libmicrohttpd reads the end and closes it. */
	shutdown(c->fd, SHUT_RDWR);
}

static void open_connection(struct http_server *s,
			    struct MHD_Connection *handle, void **socket_ctx)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		handle, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *c = mem_zalloc(sizeof(*c));

	if (!c)
		return;
	c->server = s;
	c->handle = handle;
	c->fd = info ? info->connect_fd : -1;
	listen_bound_unsent(c->fd);
	request_init(&c->request, &s->context);
	connection_enter(c, PHASE_NEW, clock_ms());
	admit_connection(c);
	LOCKED(&s->lock);
	LIST_INSERT_HEAD(&s->connections, c, all);
	*socket_ctx = c;
}

static void close_connection(struct http_server *s, struct connection *c)
{
	lock_acquire(&s->lock);
	LIST_REMOVE(c, all);
	lock_release(&s->lock);
	atomic_fetch_sub(&s->connection_count, 1);
	clients_leave(&s->clients, c->client);
	clients_leave(&s->clients, c->request_client);
	request_deinit(&c->request);
	mem_free(c);
}

static void on_connection(void *cls, struct MHD_Connection *handle,
			  void **socket_ctx,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		open_connection(cls, handle, socket_ctx);
	else if (*socket_ctx)
		close_connection(cls, STEAL(*socket_ctx));
}

static size_t keep_escapes(void *cls, struct MHD_Connection *handle, char *text)
{
	(void)cls;
	(void)handle;
	return strlen(text);
}

/* ---- Start and stop ---------------------------------------------------- */

static struct error *start_daemon(struct http_server *s)
{
	const struct http_options *o = &s->options;
	unsigned flags =
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
	/* A pool of one is refused: that is no pool. */
	const struct MHD_OptionItem pool[] = {
		{ o->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
		  (intptr_t)o->threads, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	s->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET,
		s->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		o->connection_limit + surplus_of(o->connection_limit),
		MHD_OPTION_CONNECTION_TIMEOUT, o->idle_timeout_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
#if MHD_VERSION >= 0x01000000
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
#else
		/* In 0.9 strictness 1 drops a path with a space without a word
		 * and answers a missing Host by itself. framing.c and
		 * request_set_path() refuse both, and it is counted. */
		MHD_OPTION_STRICT_FOR_CLIENT, 0,
#endif
		MHD_OPTION_URI_LOG_CALLBACK, on_request_line, s,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
		MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
	if (!s->daemon)
		return error_new(IO, "the HTTP server does not start");
	return NULL;
}

struct error *http_start(const struct http_options *options,
			 struct http_server **ret)
{
	struct http_server *s = server_create(options);

	if (!s) {
		cleanup_close(&options->listen_fd);
		return error_no_memory;
	}
	struct error *err = server_listen(s);

	if (!err)
		err = server_start_watchdog(s);
	if (!err)
		err = start_daemon(s);
	if (err) {
		server_stop_watchdog(s);
		server_free(s);
		return err;
	}
	*ret = s;
	return NULL;
}

void http_stop(struct http_server *s, unsigned deadline_ms)
{
	if (!s)
		return;
	http_drain(s);
	MHD_quiesce_daemon(s->daemon);
	/* Refuse, rather than let callers wait for an accept that never comes.
	 * A socket that was passed to us stays open for our successor. */
	if (s->owns_address)
		shutdown(s->listen_fd, SHUT_RDWR);
	server_wait_for_requests(s, deadline_ms);
	server_give_up_parked(s);
	server_wait_for_requests(s, STOP_FLUSH_MS);
	MHD_stop_daemon(s->daemon);
	server_stop_watchdog(s);
	server_free(s);
}

void http_describe(const struct http_server *s, struct http_facts *ret)
{
	*ret = (struct http_facts) {
		.families = listen_families(s->listen_fd),
		.port = listen_port(s->listen_fd),
		.threads = s->options.threads,
		.library_version = MHD_get_version(),
	};
}

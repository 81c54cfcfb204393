/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the adapter (mhd/) and the watchdog (watchdog.c) share: the server and
 * its connections. libmicrohttpd's types stay behind two pointers here.
 *
 * A connection:
 *
 *	NEW ---> HEAD ---> BODY ---> WORK ---> SEND ---> IDLE ---> HEAD ...
 *
 * HEAD begins with the request line, BODY only where there is one. A request
 * that waits for a ticket is in WORK and in the list of those parked.
 *
 * Invariants:
 *  1. A connection is in `connections` from accept to just before its socket
 *     is closed, so whoever holds the lock and finds it there may use the
 *     socket.
 *  2. A parked connection is suspended. Only who wins its ticket
 *     (ticket_done(), ticket_give_up()) resumes it, once.
 *  3. `parked` and `starved` are empty and `wakers` is 0 before the daemon
 *     is stopped: it must not be stopped with suspended connections, nor go
 *     away under a thread that resumes one.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/lock.h"
#include "http/admit.h"
#include "http/framing.h"
#include "http/request.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum phase {
	PHASE_NEW,
	PHASE_HEAD,
	PHASE_BODY,
	PHASE_WORK,
	PHASE_SEND,
	PHASE_IDLE
};

enum {
	/** In http_options.send_ms: 4 KiB/s with the default of 30 s. */
	SEND_WINDOW_BYTES = 30 * 4096,
};

/** What the adapter has done of a request. */
enum stage { STAGE_LINE, STAGE_BODY, STAGE_READY, STAGE_PARKED, STAGE_QUEUED };

struct http_server;

struct connection {
	struct http_server *server;
	void *handle;                   /* struct MHD_Connection */
	int fd;                         /* borrowed */
	LIST_ENTRY(connection) all;     /* guarded by the server's lock */
	LIST_ENTRY(connection) parked;  /* guarded by the server's lock */
	bool is_parked;                 /* guarded by the server's lock */
	LIST_ENTRY(connection) starved; /* guarded by the server's lock */
	bool is_starved;                /* changed under the server's lock */
	_Atomic unsigned phase;         /* enum phase */
	_Atomic int64_t since_ms;
	/* The watchdog's own. */
	bool is_ended;
	int64_t window_start_ms, moved_ms;
	uint64_t window_acked, last_acked;
	int64_t ended_of_ms; /* since_ms of what its client ended amid */
	/* The connection's thread's own. */
	struct client *client;         /* counted; NULL: not */
	struct client *request_client; /* whom the proxy speaks for; NULL */
	bool is_proxied;               /* the peer is a trusted proxy */
	bool is_last;                  /* no request is taken behind this */
	const char *uri_end;       /* of the request line's; borrowed; NULL */
	bool is_surplus;           /* one over the limit */
	const char *forwarded_for; /* the last one; borrowed; NULL */
	struct sockaddr_storage forwarded; /* AF_UNSPEC: nobody */
	enum stage stage;
	bool is_discarding;
	uint64_t discarded;
	struct growing *growing; /* body being sent; NULL */
	struct request request;
};

struct http_server {
	struct http_options options;
	struct http_context context;
	void *daemon; /* struct MHD_Daemon */
	struct clients clients;
	struct address_ranges trusted;
	int listen_fd;
	bool owns_address; /* listen_fd is ours alone */
	_Atomic unsigned connection_count;
	_Atomic unsigned request_count;
	_Atomic unsigned wakers;
	pthread_t watchdog;
	struct lock lock;
	struct condition changed;
	/* Guarded by lock. */
	LIST_HEAD(connection_list, connection) connections;
	LIST_HEAD(parked_list, connection) parked;
	LIST_HEAD(starved_list, connection) starved;
	unsigned parked_count;
	bool parks_no_more; /* going down: nobody may wait any longer */
	bool is_stopping;   /* the watchdog ends */
	bool has_watchdog;
};

static inline void connection_enter(struct connection *c, enum phase phase,
				    int64_t now_ms)
{
	atomic_store_explicit(&c->since_ms, now_ms, memory_order_relaxed);
	atomic_store_explicit(&c->phase, phase, memory_order_relaxed);
}

/** NULL without memory. Takes the passed socket, if there is one. */
struct http_server *
server_create(const struct http_options *options) MUST_CHECK;
MUST_CHECK struct error *server_listen(struct http_server *s);
MUST_CHECK struct error *server_start_watchdog(struct http_server *s);
void server_stop_watchdog(struct http_server *s);
/** Until no request is under way, at most @p wait_ms. */
void server_wait_for_requests(struct http_server *s, unsigned wait_ms);
/** Nobody parks from now on; returns when nobody is parked (invariant 3). */
void server_give_up_parked(struct http_server *s);
void server_free(struct http_server *s);

void connection_suspend(struct connection *c);
/** Resume a connection whose ticket the caller has won, or whose body may go
 * on. */
void connection_resume(struct connection *c);

/**
 * Enforce deadlines, until is_stopping: shuts down sockets whose request does
 * not arrive or whose answer is not taken, gives up tickets that are overdue
 * or whose client has left. The body of a thread; @p server is a struct
 * http_server.
 */
void *watchdog_run(void *server);

/** Give up all tickets. */
void watchdog_give_up_all(struct http_server *server);

#endif

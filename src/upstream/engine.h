/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Shared by engine.c (the thread, its orders and timers), race.c (which server
 * is asked when, and what becomes of the answers) and transfer.c (one request,
 * libcurl), and nobody else.
 *
 * An attempt is one server's part in a fetch:
 *
 *	IDLE --> QUEUED --> RUNNING --> WON --> DONE
 *	 ^  \                  |   \            ^
 *	 |   `----------------)|(---`-----------'  has nothing, failed, lost
 *	 `-- DELAYED <--------'  to be tried again when it is due
 *
 * All of it is the fetching thread's own but for what says otherwise.
 */
#ifndef UPSTREAM_ENGINE_H
#define UPSTREAM_ENGINE_H

#include "base/lock.h"
#include "upstream/breaker.h"
#include "upstream/negative.h"
#include "upstream/upstream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

struct server;
struct transfer;

/** Requests that came so many hops, or more, are counted together: the default
 * of --forwarded-ttl-limit. */
enum { HOPS_MOST = 8 };

enum attempt_state {
	ATTEMPT_IDLE,
	ATTEMPT_DELAYED,
	ATTEMPT_QUEUED,
	ATTEMPT_RUNNING,
	ATTEMPT_WON,
	ATTEMPT_DONE,
};

struct attempt {
	struct upstream_fetch *fetch;
	struct server *server;
	enum attempt_state state;
	int64_t due_ms; /* DELAYED */
	unsigned tries;
	bool is_probe;             /* of its server's breaker */
	struct transfer *transfer; /* RUNNING, WON until its body is here */
	TAILQ_ENTRY(attempt) queued;
	/* DONE: */
	enum upstream_cause cause;
	int64_t left_ms; /* for how long asking again is in vain */
	char why[96];
};

struct server {
	const struct upstream_spec *spec;
	unsigned number; /* as it was named; also its label in metrics */
	struct breaker breaker;
	struct breaker searches;         /* of searches alone */
	unsigned running[HOPS_MOST + 1]; /* by hops */
	unsigned searching[HOPS_MOST + 1];
	TAILQ_HEAD(attempt_queue, attempt) queue;
	/* Any thread reads these. */
	_Atomic unsigned shown_state, shown_failures;
	_Atomic int shown_last; /* enum upstream_cause; -1: none */
};

typedef void (*survey_fn)(void *ctx, const struct upstream_opinion *o);

struct upstream_fetch {
	struct upstreams *engine;
	struct build_id id;
	char *path;                               /* encoded; owned */
	struct upstream_hop *hop;                 /* owned */
	const struct upstream_receiver *receiver; /* NULL: a survey */
	survey_fn told;
	void *ctx;
	bool uses_get;                            /* a survey, or a search */
	const struct upstream_searcher *searcher; /* of a search */
	int64_t until_ms;                         /* the same */
	uint64_t limit_bytes;                     /* of a body, decoded */
	int64_t begun_ms;
	int64_t hedge_ms; /* clock_ms() at which the next is asked; 0: never */
	struct attempt *winner;
	unsigned turn;
	unsigned hops; /* HOPS_MOST at most */
	bool is_section;
	bool has_data;   /* since the receiver was told of a pause */
	bool is_whole;   /* the winner's body is here and being judged */
	bool is_refused; /* the receiver gives up */
	bool is_over;    /* ended() was called */
	LIST_ENTRY(upstream_fetch) all;
	/* Orders, of any thread; guarded by the engine's lock. */
	TAILQ_ENTRY(upstream_fetch) ordered;
	bool has_orders, is_accepted, is_cancelled, is_poked;
	unsigned rejected_turn;
	enum upstream_cause rejected_cause;
	size_t count;
	struct attempt attempts[]; /* best server first */
};

struct upstreams {
	struct upstreams_options options;
	char mark[32];
	struct server servers[UPSTREAMS_MAX];
	size_t server_count;
	struct negative *negative;
	void *multi;                     /* CURLM */
	bool has_proxy;                  /* the environment names one */
	unsigned running[HOPS_MOST + 1]; /* by hops */
	bool is_restless; /* something is due that was looked at before */
	/* transfer.c's: */
	TAILQ_HEAD(transfer_queue, transfer) paused;
	unsigned round;     /* of looking at all connections */
	uint64_t decoded;   /* bytes in this round */
	int64_t awake_ms;   /* clock_ms() since which nobody is listened to */
	int64_t stalled_ms; /* of all times that this took long */
	LIST_HEAD(fetch_list, upstream_fetch) fetches;
	pthread_t thread;
	bool has_thread;
	struct lock lock; /* guards what follows */
	TAILQ_HEAD(fetch_queue, upstream_fetch) orders;
	unsigned fetch_count, search_count;
	bool is_stopping;
};

/* race.c */

/** Begin with the first server. */
void race_begin(struct upstream_fetch *f, int64_t now_ms);
/** What is due by now. @return When to be called again. */
int64_t race_timers(struct upstream_fetch *f, int64_t now_ms);
/** Start what is queued as far as bounds allow. */
void race_pump(struct upstreams *u, int64_t now_ms);
void race_accept(struct upstream_fetch *f);
void race_reject(struct upstream_fetch *f, enum upstream_cause cause,
		 int64_t now_ms);
void race_cancel(struct upstream_fetch *f, const char *why);

/** A header says that the body follows. In libcurl's callback: the transfers
 * of others are ended later. @return False: another one was faster. */
bool race_answer(struct attempt *a, struct upstream_answer *answer);
/** @return False: the receiver gives up, or has no room for it. */
bool race_data(struct attempt *a, const void *bytes, size_t size);

/** How a transfer ended. */
struct transfer_end {
	enum upstream_cause cause;
	const char *why; /* static or borrowed for the call */
	unsigned status;
	int64_t size, elapsed_ms;
	int64_t retry_after_ms; /* it asked for it; 0 */
	bool is_slow;           /* nothing came for too long */
	bool is_passing;        /* it asks that this be not remembered */
};
/** The transfer is gone by then. */
void race_finished(struct attempt *a, const struct transfer_end *end,
		   int64_t now_ms);

/* transfer.c */

/** @return NULL without memory. */
struct transfer *transfer_begin(struct attempt *a, int64_t now_ms);
/** Stop and free: nothing more is heard of it. NULL is allowed. */
void transfer_drop(struct transfer *t);
/** Has it stood still for too long? Then it ends as TRANSIENT: race_finished()
 * is called. @return When to look again. */
int64_t transfer_check(struct transfer *t, int64_t now_ms);
/** libcurl has a result for an easy handle. */
void transfer_result(void *easy, int code, int64_t now_ms);

MUST_CHECK struct error *transfer_setup(struct upstreams *u);
void transfer_teardown(struct upstreams *u);
/** Let transfers go on, for at most @p wait_ms without anything to do. */
void transfer_perform(struct upstreams *u, int64_t wait_ms);
/** End that waiting. Any thread. */
void transfer_wake(struct upstreams *u);

#endif

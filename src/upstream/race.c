/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server is asked when, and what becomes of the answers.
 *
 * A fetch asks one server more whenever the last one asked has nothing, fails,
 * or has taken longer than its hedge delay. Failures that may pass are tried
 * again after a pause, as long as clients would wait for it. It has lost when
 * nobody is left: with TRANSIENT if any of them might have had it.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "upstream/engine.h"

enum {
	/* After so long nothing is tried again: clients wait 80 s. */
	PATIENCE_MS = 50000,
};

static struct negative_key key_of(const struct attempt *a)
{
	return (struct negative_key) {
		.id = a->fetch->id,
		.path = a->fetch->path,
		.upstream = a->server->number,
	};
}

/* ---- Servers ------------------------------------------------------------- */

static void show(struct server *s, int last, int64_t now_ms)
{
	enum breaker_state state = breaker_state(&s->breaker, now_ms);

	atomic_store(&s->shown_state, (unsigned)state);
	atomic_store(&s->shown_failures, s->breaker.failures);
	if (last >= 0)
		atomic_store(&s->shown_last, last);
	metric_set(METRIC_UPSTREAM_BREAKER, s->number, 0, (int64_t)state);
}

static void notice(struct upstreams *u, enum upstream_event event,
		   const struct server *s, const char *why)
{
	if (u->options.notice)
		u->options.notice(u->options.notice_ctx, event, s->spec->name,
				  why);
}

static void set_done(struct attempt *a, enum upstream_cause cause,
		     int64_t left_ms, const char *why)
{
	a->state = ATTEMPT_DONE;
	a->cause = cause;
	a->left_ms = left_ms;
	snprintf(a->why, sizeof(a->why), "%s", why);
}

/* Nobody waits for a server whose breaker has opened. */
static void drain(struct server *s, int64_t now_ms)
{
	struct attempt *a, *next;

	for (a = TAILQ_FIRST(&s->queue); a; a = next) {
		next = TAILQ_NEXT(a, queued);
		if (!a->fetch->receiver)
			continue; /* was let in before */
		TAILQ_REMOVE(&s->queue, a, queued);
		set_done(a, UPSTREAM_TRANSIENT, 0, "left alone after failures");
		a->fetch->hedge_ms = now_ms; /* its next one is due */
		a->fetch->engine->is_restless = true;
	}
}

/* What the outcome of a request says of the server. Of one whose body is wanted
 * it is known at the end of that: there are those that begin well. */
static void judge_server(struct attempt *a, enum upstream_cause cause,
			 const char *why, int64_t now_ms)
{
	struct upstreams *u = a->fetch->engine;
	struct server *s = a->server;
	bool was_open = breaker_state(&s->breaker, now_ms) != BREAKER_CLOSED;

	switch (cause) {
	case UPSTREAM_TRANSIENT:
		if (breaker_failure(&s->breaker, a->is_probe, now_ms)) {
			notice(u, UPSTREAM_OPENED, s, why);
			drain(s, now_ms);
		}
		break;
	case UPSTREAM_CANCELLED:
		breaker_release(&s->breaker, a->is_probe);
		break;
	default:
		breaker_success(&s->breaker, now_ms);
		if (was_open)
			notice(u, UPSTREAM_CLOSED, s, why);
	}
	show(s, cause == UPSTREAM_CANCELLED ? -1 : (int)cause, now_ms);
}

/* A search has another one, since a client can ask for what takes long. */
static struct breaker *breaker_of(const struct attempt *a)
{
	return a->fetch->searcher ? &a->server->searches : &a->server->breaker;
}

/* ---- Attempts ------------------------------------------------------------ */

static void count_request(const struct attempt *a, enum upstream_cause cause)
{
	metric_add(METRIC_UPSTREAM_REQUESTS, a->server->number, cause, 1);
}

/* The places it counts among: of the server, and NULL or of all. */
static unsigned *place(struct attempt *a, unsigned **of_all_ret)
{
	unsigned hops = a->fetch->hops;

	*of_all_ret =
		a->fetch->searcher ? NULL : &a->fetch->engine->running[hops];
	return a->fetch->searcher ? &a->server->searching[hops]
				  : &a->server->running[hops];
}

static void leave_slot(struct attempt *a)
{
	unsigned *of_all;

	--*place(a, &of_all);
	if (of_all)
		--*of_all;
	metric_add(METRIC_UPSTREAM_RUNNING, 0, 0, -1);
}

/* As if it had not been asked. */
static void call_back(struct attempt *a, int64_t now_ms)
{
	switch (a->state) {
	case ATTEMPT_QUEUED:
		TAILQ_REMOVE(&a->server->queue, a, queued);
		breaker_release(breaker_of(a), a->is_probe);
		break;
	case ATTEMPT_RUNNING:
	case ATTEMPT_WON:
		if (a->transfer) {
			transfer_drop(STEAL(a->transfer));
			leave_slot(a);
			breaker_release(breaker_of(a), a->is_probe);
			show(a->server, -1, now_ms);
		}
		break;
	default:
		break;
	}
	a->state = ATTEMPT_IDLE;
}

/* Ask, if it makes sense: the attempt is QUEUED, DELAYED or DONE then. */
static void ask(struct attempt *a, int64_t now_ms)
{
	struct upstream_fetch *f = a->fetch;
	const struct negative_key key = key_of(a);
	enum upstream_cause cause;
	int64_t left_ms;

	if (f->receiver &&
	    negative_get(f->engine->negative, &key, now_ms, &cause, &left_ms)) {
		metric_inc(METRIC_UPSTREAM_SPARED);
		if (cause == UPSTREAM_TRANSIENT &&
		    breaker_state(&a->server->breaker, now_ms) ==
			    BREAKER_CLOSED &&
		    now_ms + left_ms < f->begun_ms + PATIENCE_MS) {
			a->state = ATTEMPT_DELAYED;
			a->due_ms = now_ms + left_ms;
			return;
		}
		set_done(a, cause, left_ms, "known from before");
		return;
	}
	if (f->receiver &&
	    !breaker_admit(&a->server->breaker, now_ms, &a->is_probe)) {
		set_done(a, UPSTREAM_TRANSIENT, 0, "left alone after failures");
		return;
	}
	a->state = ATTEMPT_QUEUED;
	TAILQ_INSERT_TAIL(&a->server->queue, a, queued);
	f->hedge_ms = now_ms + a->server->spec->manner.hedge_ms;
}

static void start(struct attempt *a, int64_t now_ms)
{
	TAILQ_REMOVE(&a->server->queue, a, queued);
	a->state = ATTEMPT_RUNNING;
	a->tries++;
	unsigned *of_all;

	++*place(a, &of_all);
	if (of_all)
		++*of_all;
	metric_add(METRIC_UPSTREAM_RUNNING, 0, 0, 1);
	a->transfer = transfer_begin(a, now_ms);
	if (a->transfer)
		return;
	const struct transfer_end end = { .cause = UPSTREAM_CANCELLED,
					  .why = "out of memory" };

	race_finished(a, &end, now_ms);
}

static bool has_place(struct attempt *a)
{
	unsigned *of_all, here = *place(a, &of_all);

	if (!of_all)
		return here < UPSTREAM_SEARCH_REQUESTS_MOST;
	return here < a->server->spec->manner.concurrency &&
	       *of_all < a->fetch->engine->options.requests_most;
}

void race_pump(struct upstreams *u, int64_t now_ms)
{
	for (size_t i = 0; i < u->server_count; i++) {
		struct attempt *a, *next;

		for (a = TAILQ_FIRST(&u->servers[i].queue); a; a = next) {
			next = TAILQ_NEXT(a, queued);
			if (has_place(a))
				start(a, now_ms);
		}
	}
}

/* ---- The end ------------------------------------------------------------- */

static void end(struct upstream_fetch *f, const struct upstream_end *e,
		int64_t now_ms)
{
	if (f->is_over)
		return;
	if (f->is_whole)
		count_request(f->winner, e->cause);
	for (size_t i = 0; i < f->count; i++)
		call_back(&f->attempts[i], now_ms);
	f->is_over = true;
	f->winner = NULL;
	if (f->searcher) {
		f->searcher->ended(f->ctx);
		return;
	}
	if (!f->receiver) {
		f->told(f->ctx, NULL);
		return;
	}
	metric_add(METRIC_UPSTREAM_FETCHES, e->cause, 0, 1);
	f->receiver->ended(f->ctx, e);
}

/* Of what servers said, what is true of all: TRANSIENT if one might have it,
 * then whatever is not simply absence. */
static void end_lost(struct upstream_fetch *f, int64_t now_ms)
{
	static const unsigned weight[UPSTREAM_CAUSES] = {
		[UPSTREAM_ABSENT] = 1,    [UPSTREAM_TOO_LARGE] = 2,
		[UPSTREAM_MISMATCH] = 3,  [UPSTREAM_MALFORMED] = 4,
		[UPSTREAM_CANCELLED] = 5, [UPSTREAM_TRANSIENT] = 6,
	};
	const struct attempt *worst = &f->attempts[0];
	int64_t left_ms = INT64_MAX;

	for (size_t i = 0; i < f->count; i++) {
		const struct attempt *a = &f->attempts[i];

		if (weight[a->cause] > weight[worst->cause])
			worst = a;
		if (a->left_ms < left_ms)
			left_ms = a->left_ms;
	}
	const struct upstream_end e = {
		.cause = worst->cause == UPSTREAM_CANCELLED ? UPSTREAM_TRANSIENT
							    : worst->cause,
		.ttl_ms = left_ms,
		.why = worst->why,
	};

	end(f, &e, now_ms);
}

static bool is_pending(const struct attempt *a)
{
	return a->state != ATTEMPT_IDLE && a->state != ATTEMPT_DONE;
}

/* One more server is asked, if there is one. */
static void advance(struct upstream_fetch *f, int64_t now_ms)
{
	bool is_anyone_pending = false;

	f->hedge_ms = 0;
	for (size_t i = 0; i < f->count; i++) {
		struct attempt *a = &f->attempts[i];

		if (a->state == ATTEMPT_IDLE) {
			ask(a, now_ms);
			if (a->state == ATTEMPT_QUEUED)
				return;
		}
		is_anyone_pending |= is_pending(a);
	}
	if (!is_anyone_pending)
		end_lost(f, now_ms);
}

/* ---- Beginning and time -------------------------------------------------- */

static void sort_by_health(struct upstream_fetch *f, int64_t now_ms)
{
	for (size_t i = 1; i < f->count; i++) {
		struct attempt a = f->attempts[i];
		unsigned rank = breaker_rank(&a.server->breaker, now_ms);
		size_t at = i;

		while (at && breaker_rank(&f->attempts[at - 1].server->breaker,
					  now_ms) > rank) {
			f->attempts[at] = f->attempts[at - 1];
			at--;
		}
		f->attempts[at] = a;
	}
}

/* A gentle one leaves those alone that are; so does a search. */
static bool is_left_alone(struct attempt *a, int64_t now_ms)
{
	struct server *s = a->server;

	if (a->fetch->uses_get && !a->fetch->searcher)
		return false;
	if (breaker_state(&s->breaker, now_ms) != BREAKER_CLOSED)
		return true;
	return a->fetch->searcher &&
	       !breaker_admit(&s->searches, now_ms, &a->is_probe);
}

static void tell(struct attempt *a, const struct upstream_opinion *o)
{
	struct upstream_fetch *f = a->fetch;

	if (f->searcher)
		f->searcher->said(f->ctx, a->server->number, o);
	else
		f->told(f->ctx, o);
}

static void tell_opinion(struct attempt *a, const struct transfer_end *e,
			 int64_t now_ms)
{
	struct upstream_fetch *f = a->fetch;
	const struct upstream_opinion opinion = {
		.name = a->server->spec->name,
		.cause = e->cause,
		.why = e->why,
		.status = e->status,
		.size = e->size,
		.elapsed_ms = e->elapsed_ms,
	};

	set_done(a, e->cause, 0, e->why);
	tell(a, &opinion);
	/* One that has it suffices, unless everybody's word is wanted. */
	for (size_t i = 0; i < f->count; i++) {
		if (is_pending(&f->attempts[i]) &&
		    (f->uses_get || e->cause != UPSTREAM_FOUND))
			return;
	}
	end(f, NULL, now_ms);
}

/* As drain(). Who is told may end all of its search. */
static void drain_searches(struct server *s, int64_t now_ms)
{
	static const struct transfer_end e = {
		.cause = UPSTREAM_TRANSIENT,
		.why = "left alone after failures",
		.size = UPSTREAM_SIZE_UNKNOWN,
	};
	struct attempt *a, *next;

	for (a = TAILQ_FIRST(&s->queue); a; a = next) {
		next = TAILQ_NEXT(a, queued);
		if (!a->fetch->searcher)
			continue;
		TAILQ_REMOVE(&s->queue, a, queued);
		tell_opinion(a, &e, now_ms);
	}
}

static void judge_search(struct attempt *a, enum upstream_cause cause,
			 int64_t now_ms)
{
	struct breaker *b = breaker_of(a);

	if (cause == UPSTREAM_TRANSIENT) {
		if (breaker_failure(b, a->is_probe, now_ms))
			drain_searches(a->server, now_ms);
	} else if (cause == UPSTREAM_CANCELLED) {
		breaker_release(b, a->is_probe);
	} else {
		breaker_success(b, now_ms);
	}
}

/* All at once. */
static void begin_survey(struct upstream_fetch *f, int64_t now_ms)
{
	bool is_anyone_asked = false;

	for (size_t i = 0; i < f->count; i++) {
		struct attempt *a = &f->attempts[i];

		if (is_left_alone(a, now_ms))
			set_done(a, UPSTREAM_TRANSIENT, 0,
				 "left alone after failures");
		else
			ask(a, now_ms);
		is_anyone_asked |= a->state == ATTEMPT_QUEUED;
	}
	f->hedge_ms = 0;
	for (size_t i = 0; i < f->count; i++) {
		struct attempt *a = &f->attempts[i];
		const struct upstream_opinion opinion = {
			.name = a->server->spec->name,
			.cause = a->cause,
			.why = a->why,
			.size = UPSTREAM_SIZE_UNKNOWN,
		};

		if (a->state == ATTEMPT_DONE)
			tell(a, &opinion);
	}
	if (!is_anyone_asked)
		end(f, NULL, now_ms);
}

void race_begin(struct upstream_fetch *f, int64_t now_ms)
{
	f->begun_ms = now_ms;
	if (f->receiver) {
		sort_by_health(f, now_ms);
		advance(f, now_ms);
		return;
	}
	begin_survey(f, now_ms);
}

/* The winner is known: nobody else is needed. Those who were asked first and
 * are still silent are slow. */
static void call_back_losers(struct upstream_fetch *f, int64_t now_ms)
{
	for (size_t i = 0; i < f->count; i++) {
		struct attempt *a = &f->attempts[i];

		if (a == f->winner || !is_pending(a))
			continue;
		if (a->state == ATTEMPT_RUNNING && a < f->winner)
			breaker_slow(&a->server->breaker, now_ms);
		if (a->state == ATTEMPT_RUNNING)
			count_request(a, UPSTREAM_CANCELLED);
		call_back(a, now_ms);
	}
}

/* Is there one that was asked and has not answered? */
static bool is_anyone_silent(const struct upstream_fetch *f)
{
	bool is_silent = false, has_more = false;

	for (size_t i = 0; i < f->count; i++) {
		is_silent |= f->attempts[i].state == ATTEMPT_RUNNING;
		has_more |= f->attempts[i].state == ATTEMPT_IDLE;
	}
	return is_silent && has_more;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The time that a search has is over: whoever has not said all is not waited
 * for. */
static void expire(struct upstream_fetch *f, int64_t now_ms)
{
	const struct transfer_end e = {
		.cause = UPSTREAM_TRANSIENT,
		.why = "no answer in time",
		.size = UPSTREAM_SIZE_UNKNOWN,
		.elapsed_ms = now_ms - f->begun_ms,
	};

	for (size_t i = 0; i < f->count && !f->is_over; i++) {
		struct attempt *a = &f->attempts[i];

		if (!is_pending(a))
			continue;
		if (a->transfer) {
			transfer_drop(STEAL(a->transfer));
			race_finished(a, &e, now_ms);
		} else {
			call_back(a, now_ms);
			tell_opinion(a, &e, now_ms);
		}
	}
}

int64_t race_timers(struct upstream_fetch *f, int64_t now_ms)
{
	int64_t next = f->searcher ? f->until_ms : INT64_MAX;

	if (now_ms >= next) {
		expire(f, now_ms);
		return INT64_MAX;
	}
	if (f->has_data && f->winner && !f->is_refused)
		f->is_refused = !f->receiver->idle(f->ctx);
	f->has_data = false;
	if (f->is_refused) {
		race_cancel(f, "given up");
		return next;
	}
	if (f->winner)
		call_back_losers(f, now_ms);
	for (size_t i = 0; i < f->count && !f->is_over; i++) {
		struct attempt *a = &f->attempts[i];

		if (a->transfer)
			next = earlier(next,
				       transfer_check(a->transfer, now_ms));
		if (a->state != ATTEMPT_DELAYED)
			continue;
		if (now_ms < a->due_ms) {
			next = earlier(next, a->due_ms);
			continue;
		}
		a->state = ATTEMPT_IDLE;
		f->hedge_ms = now_ms; /* it is its turn */
	}
	if (f->is_over || f->winner || !f->hedge_ms)
		return next;
	if (now_ms >= f->hedge_ms) {
		if (is_anyone_silent(f))
			metric_inc(METRIC_UPSTREAM_HEDGES);
		advance(f, now_ms);
		if (f->is_over)
			return next;
	}
	return f->hedge_ms ? earlier(next, f->hedge_ms) : next;
}

/* ---- Answers ------------------------------------------------------------- */

bool race_answer(struct attempt *a, struct upstream_answer *answer)
{
	struct upstream_fetch *f = a->fetch;

	if (f->winner || f->is_refused || f->is_over)
		return false;
	f->winner = a;
	f->hedge_ms = 0;
	a->state = ATTEMPT_WON;
	answer->turn = ++f->turn;
	if (f->receiver->begin(f->ctx, answer))
		return true;
	f->is_refused = true;
	return false;
}

bool race_data(struct attempt *a, const void *bytes, size_t size)
{
	struct upstream_fetch *f = a->fetch;

	if (f->searcher)
		return f->searcher->data(f->ctx, a->server->number, bytes,
					 size);
	f->has_data = true;
	if (f->receiver->data(f->ctx, bytes, size))
		return true;
	f->is_refused = true;
	return false;
}

/* To be tried again after a pause? Not what has used up the time that clients
 * have, nor where the server is left alone. */
static bool delay(struct attempt *a, const struct transfer_end *e,
		  int64_t pause_ms, int64_t now_ms)
{
	if (e->cause != UPSTREAM_TRANSIENT || e->is_slow ||
	    a->tries > a->server->spec->manner.retries ||
	    breaker_state(&a->server->breaker, now_ms) != BREAKER_CLOSED ||
	    now_ms + pause_ms > a->fetch->begun_ms + PATIENCE_MS)
		return false;
	a->state = ATTEMPT_DELAYED;
	a->due_ms = now_ms + pause_ms;
	return true;
}

/* Nothing came of it: who is next? */
static void give_up_on(struct attempt *a, const struct transfer_end *e,
		       int64_t now_ms)
{
	struct upstream_fetch *f = a->fetch;
	const struct negative_key key = key_of(a);
	int64_t left_ms = 0;

	if (e->cause != UPSTREAM_CANCELLED && !e->is_passing)
		left_ms = negative_put(f->engine->negative, &key, e->cause,
				       e->retry_after_ms, now_ms);
	if (!delay(a, e, left_ms, now_ms))
		set_done(a, e->cause, left_ms, e->why);
	if (f->winner && f->winner != a)
		return;
	if (f->winner == a) {
		f->winner = NULL;
		f->is_whole = false;
		f->receiver->lost(f->ctx, a->server->spec->name, e->cause,
				  e->why);
	}
	advance(f, now_ms);
}

void race_finished(struct attempt *a, const struct transfer_end *e,
		   int64_t now_ms)
{
	struct upstream_fetch *f = a->fetch;

	/* What is judged by others is counted as what they say. */
	bool is_whole = f->receiver && !f->is_over && !f->is_refused &&
			e->cause == UPSTREAM_FOUND && f->winner == a;
	bool is_heard = f->searcher && e->cause == UPSTREAM_FOUND;

	leave_slot(a);
	if (!is_whole && !is_heard)
		count_request(a, e->cause);
	if (f->is_over)
		return;
	if (f->searcher)
		judge_search(a, e->cause, now_ms);
	else if (f->receiver || !f->uses_get)
		judge_server(a, e->cause, e->why, now_ms);
	if (!f->receiver) {
		tell_opinion(a, e, now_ms);
	} else if (f->is_refused) {
		a->state = ATTEMPT_IDLE; /* race_timers() ends it all */
	} else if (is_whole) {
		f->is_whole = true;
		f->receiver->whole(f->ctx);
	} else {
		give_up_on(a, e, now_ms);
	}
}

/* ---- Orders -------------------------------------------------------------- */

void race_accept(struct upstream_fetch *f)
{
	const struct upstream_end e = { .cause = UPSTREAM_FOUND,
					.why = "found" };

	if (f->is_over || !f->winner || !f->is_whole)
		return;
	const struct negative_key key = key_of(f->winner);

	negative_remove(f->engine->negative, &key);
	end(f, &e, clock_ms());
}

void race_reject(struct upstream_fetch *f, enum upstream_cause cause,
		 int64_t now_ms)
{
	struct attempt *a = f->winner;
	const struct transfer_end e = {
		.cause = cause,
		.why = cause == UPSTREAM_MISMATCH ? "not what was asked for"
						  : "it could not be checked",
		.is_slow = true, /* not at once again */
	};

	if (f->is_over || !a || !f->is_whole)
		return;
	count_request(a, cause);
	if (cause == UPSTREAM_MISMATCH)
		show(a->server, (int)cause, now_ms);
	give_up_on(a, &e, now_ms);
}

void race_cancel(struct upstream_fetch *f, const char *why)
{
	const struct upstream_end e = { .cause = UPSTREAM_CANCELLED,
					.why = why };

	end(f, &e, clock_ms());
}

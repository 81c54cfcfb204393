/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread: takes orders, lets libcurl go on, looks at the clock.
 *
 * Invariants
 * 1. A fetch is in `fetches` from the thread's first look at it until it is
 *    freed, which only the thread does, after ended().
 * 2. Orders are marks on the fetch, guarded by the lock; the thread takes them.
 *    Whoever gives one must know that ended() has not been called.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "upstream/ask_path.h"
#include "upstream/engine.h"

enum { REQUESTS_MOST = 32, FETCHES_MOST = 1000 };

const char *upstream_cause_name(enum upstream_cause cause)
{
	static const char *const names[UPSTREAM_CAUSES] = {
		[UPSTREAM_FOUND] = "found",
		[UPSTREAM_ABSENT] = "absent",
		[UPSTREAM_TRANSIENT] = "transient",
		[UPSTREAM_MALFORMED] = "malformed",
		[UPSTREAM_MISMATCH] = "mismatch",
		[UPSTREAM_TOO_LARGE] = "too_large",
		[UPSTREAM_CANCELLED] = "cancelled",
	};

	return names[cause];
}

/* ---- Fetches ------------------------------------------------------------- */

static void fetch_free(struct upstream_fetch *f)
{
	mem_free(f->path);
	mem_free(f->hop);
	mem_free(f);
}

static void cleanup_fetch(struct upstream_fetch **f)
{
	if (*f)
		fetch_free(*f);
}

/* Who asks, and through whom: our mark behind what was there. */
static bool copy_hop(struct upstream_fetch *f, const struct upstream_hop *hop)
{
	const char *mark = f->engine->mark;
	struct upstream_hop marked = { 0 };

	if (hop)
		marked = *hop;
	CLEANUP_FREE char *via =
		mem_printf("%s%s1.1 %s", marked.via ? marked.via : "",
			   marked.via ? ", " : "", mark);
	CLEANUP_FREE char *agent =
		mem_printf("%s%ssymbolized/" PACKAGE_VERSION " (%s)",
			   marked.user_agent ? marked.user_agent : "",
			   marked.user_agent ? " " : "", mark);

	marked.via = via;
	marked.user_agent = agent;
	f->hop = via && agent ? upstream_hop_dup(&marked) : NULL;
	return f->hop != NULL;
}

static struct error *fetch_new(struct upstreams *u,
			       const struct upstream_hop *hop, unsigned hops,
			       struct upstream_fetch **ret)
{
	CLEANUP(cleanup_fetch)
	struct upstream_fetch *f = mem_zalloc(
		sizeof(*f) + u->server_count * sizeof(f->attempts[0]));

	if (!f)
		return error_no_memory;
	f->engine = u;
	f->limit_bytes = u->options.max_bytes;
	f->hops = hops < HOPS_MOST ? hops : HOPS_MOST;
	f->count = u->server_count;
	for (size_t i = 0; i < f->count; i++)
		f->attempts[i] = (struct attempt) { .fetch = f,
						    .server = &u->servers[i] };
	if (!copy_hop(f, hop))
		return error_no_memory;
	*ret = STEAL(f);
	return NULL;
}

static struct error *fetch_create(struct upstreams *u,
				  const struct upstream_question *q,
				  struct upstream_fetch **ret)
{
	CLEANUP(cleanup_fetch) struct upstream_fetch *f = NULL;

	TRY(fetch_new(u, q->hop, q->hops, &f));
	f->id = q->id;
	f->is_section = !strcmp(q->type, "section");
	TRY(ask_path(q, &f->path));
	*ret = STEAL(f);
	return NULL;
}

/* ---- Orders -------------------------------------------------------------- */

/* Lock held. */
static void give_order(struct upstream_fetch *f)
{
	if (f->has_orders)
		return;
	f->has_orders = true;
	TAILQ_INSERT_TAIL(&f->engine->orders, f, ordered);
	transfer_wake(f->engine);
}

/* Why may no more begin? NULL: they may. Lock held. */
static const char *refusal(const struct upstreams *u, bool is_search,
			   bool *is_full_ret)
{
	if (u->is_stopping)
		return "shutting down";
	*is_full_ret = true;
	if (u->fetch_count >= u->options.fetches_most)
		return "too many upstream fetches";
	if (is_search && u->search_count >= UPSTREAM_SEARCHES_MOST)
		return "too many upstream searches";
	*is_full_ret = false;
	return NULL;
}

/* @return As of refusal(): it was not taken. */
static const char *take(struct upstream_fetch *f, bool *is_full_ret)
{
	struct upstreams *u = f->engine;

	LOCKED(&u->lock);
	const char *why = refusal(u, f->searcher != NULL, is_full_ret);

	if (why)
		return why;
	u->fetch_count++;
	u->search_count += f->searcher != NULL;
	give_order(f);
	return NULL;
}

static struct error *submit(struct upstream_fetch *f)
{
	bool is_full = false;
	const char *why = take(f, &is_full);

	if (!why)
		return NULL;
	fetch_free(f);
	if (is_full)
		limit_reached("queued_jobs");
	return error_new(BUSY, "%s", why);
}

struct error *upstream_fetch(struct upstreams *u,
			     const struct upstream_question *q,
			     const struct upstream_receiver *receiver,
			     void *ctx, struct upstream_fetch **ret)
{
	struct upstream_fetch *f;

	TRY(fetch_create(u, q, &f));
	f->receiver = receiver;
	f->ctx = ctx;
	/* Before it is known to the thread, which may end it at once. */
	*ret = f;
	struct error *err = submit(f);

	if (err)
		*ret = NULL;
	return err;
}

struct error *upstream_survey(struct upstreams *u,
			      const struct upstream_question *q, bool uses_get,
			      survey_fn told, void *ctx)
{
	struct upstream_fetch *f;

	TRY(fetch_create(u, q, &f));
	f->told = told;
	f->uses_get = uses_get;
	f->ctx = ctx;
	return submit(f);
}

struct error *upstream_search(struct upstreams *u,
			      const struct upstream_search *q,
			      const struct upstream_searcher *searcher,
			      void *ctx)
{
	CLEANUP(cleanup_fetch) struct upstream_fetch *f = NULL;

	TRY(fetch_new(u, q->hop, q->hops, &f));
	TRY(ask_search_path(q, &f->path));
	f->searcher = searcher;
	f->ctx = ctx;
	f->uses_get = true;
	f->until_ms = q->until_ms;
	f->limit_bytes = q->limit_bytes;
	return submit(STEAL(f));
}

void upstream_search_count(struct upstreams *u, size_t server,
			   enum upstream_cause cause)
{
	metric_add(METRIC_UPSTREAM_REQUESTS, u->servers[server].number, cause,
		   1);
}

void upstream_accept(struct upstream_fetch *f)
{
	LOCKED(&f->engine->lock);
	f->is_accepted = true;
	give_order(f);
}

void upstream_reject(struct upstream_fetch *f, unsigned turn,
		     enum upstream_cause cause)
{
	LOCKED(&f->engine->lock);
	f->rejected_turn = turn;
	f->rejected_cause = cause;
	give_order(f);
}

void upstream_cancel(struct upstream_fetch *f)
{
	LOCKED(&f->engine->lock);
	f->is_cancelled = true;
	give_order(f);
}

void upstream_poke(struct upstream_fetch *f)
{
	LOCKED(&f->engine->lock);
	f->is_poked = true;
	give_order(f);
}

struct orders {
	struct upstream_fetch *f;
	bool is_accepted, is_cancelled, is_poked;
	unsigned rejected_turn;
	enum upstream_cause rejected_cause;
};

static bool next_orders(struct upstreams *u, struct orders *ret)
{
	LOCKED(&u->lock);
	struct upstream_fetch *f = TAILQ_FIRST(&u->orders);

	if (!f)
		return false;
	TAILQ_REMOVE(&u->orders, f, ordered);
	f->has_orders = false;
	*ret = (struct orders) {
		.f = f,
		.is_accepted = f->is_accepted,
		.is_cancelled = f->is_cancelled,
		.is_poked = f->is_poked,
		.rejected_turn = f->rejected_turn,
		.rejected_cause = f->rejected_cause,
	};
	f->rejected_turn = 0;
	f->is_poked = false;
	return true;
}

static struct upstream_fetch *last_order(struct upstreams *u)
{
	LOCKED(&u->lock);
	return TAILQ_LAST(&u->orders, fetch_queue);
}

/* What is given meanwhile is for the next time: a fetch that pokes itself, to
 * go on with something long, would else let nobody else have a turn. */
static void follow_orders(struct upstreams *u)
{
	const struct upstream_fetch *last = last_order(u);
	struct orders o = { 0 };

	while (last && o.f != last && next_orders(u, &o)) {
		struct upstream_fetch *f = o.f;
		int64_t now_ms = clock_ms();

		if (!f->begun_ms) {
			LIST_INSERT_HEAD(&u->fetches, f, all);
			race_begin(f, now_ms);
		}
		if (o.is_poked && !f->is_over)
			f->receiver->poked(f->ctx);
		if (o.is_cancelled)
			race_cancel(f, "given up");
		else if (o.is_accepted)
			race_accept(f);
		else if (o.rejected_turn && o.rejected_turn == f->turn)
			race_reject(f, o.rejected_cause, now_ms);
	}
}

/* ---- The thread ---------------------------------------------------------- */

static bool is_stopping(struct upstreams *u)
{
	LOCKED(&u->lock);
	return u->is_stopping;
}

static void forget(struct upstream_fetch *f)
{
	struct upstreams *u = f->engine;

	LIST_REMOVE(f, all);
	{
		LOCKED(&u->lock);
		if (f->has_orders)
			TAILQ_REMOVE(&u->orders, f, ordered);
		u->fetch_count--;
		u->search_count -= f->searcher != NULL;
	}
	fetch_free(f);
}

/* @return When something is due. */
static int64_t look_at_all(struct upstreams *u, bool ends)
{
	struct upstream_fetch *f, *following;
	int64_t now_ms = clock_ms(), next = INT64_MAX;

	for (f = LIST_FIRST(&u->fetches); f; f = following) {
		following = LIST_NEXT(f, all);
		if (!f->is_over && ends)
			race_cancel(f, "shutting down");
		if (!f->is_over) {
			int64_t due = race_timers(f, now_ms);

			if (due < next)
				next = due;
		}
		if (f->is_over)
			forget(f);
	}
	race_pump(u, now_ms);
	if (u->is_restless)
		next = now_ms;
	u->is_restless = false;
	return next;
}

static bool has_fetches(struct upstreams *u)
{
	LOCKED(&u->lock);
	return u->fetch_count > 0;
}

static void *run(void *arg)
{
	struct upstreams *u = arg;
	bool ends = false;
	int64_t next = INT64_MAX;

	prctl(PR_SET_NAME, "upstream");
	while (!ends || has_fetches(u)) {
		int64_t now_ms = clock_ms();

		transfer_perform(u, next == INT64_MAX ? INT64_MAX
				    : next > now_ms   ? next - now_ms
						      : 0);
		ends = is_stopping(u);
		follow_orders(u);
		next = look_at_all(u, ends);
	}
	return NULL;
}

/* ---- Open and close ------------------------------------------------------ */

static struct error *make_mark(struct upstreams *u)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return error_errno("getrandom");
	snprintf(u->mark, sizeof(u->mark), "symbolized-%016" PRIx64, number);
	return NULL;
}

static struct error *start(struct upstreams *u)
{
	TRY(make_mark(u));
	TRY(negative_create(&u->negative));
	TRY(transfer_setup(u));
	if (pthread_create(&u->thread, NULL, run, u))
		return error_new(BUSY, "cannot start a thread");
	u->has_thread = true;
	return NULL;
}

struct error *upstreams_open(const struct upstreams_options *options,
			     struct upstreams **ret)
{
	struct upstreams *u = mem_zalloc(sizeof(*u));

	if (!u)
		return error_no_memory;
	u->options = *options;
	if (!u->options.requests_most)
		u->options.requests_most = REQUESTS_MOST;
	if (!u->options.fetches_most)
		u->options.fetches_most = FETCHES_MOST;
	lock_init(&u->lock, LOCK_UPSTREAM);
	TAILQ_INIT(&u->orders);
	TAILQ_INIT(&u->paused);
	u->server_count = options->list->count;
	for (size_t i = 0; i < u->server_count; i++) {
		struct server *s = &u->servers[i];

		s->spec = &options->list->v[i];
		s->number = (unsigned)i;
		TAILQ_INIT(&s->queue);
		atomic_store(&s->shown_last, -1);
		metric_set(METRIC_UPSTREAM_BREAKER, s->number, 0,
			   BREAKER_CLOSED);
	}
	struct error *err = start(u);

	if (err) {
		upstreams_close(u);
		return err;
	}
	*ret = u;
	return NULL;
}

void upstreams_abort(struct upstreams *u)
{
	{
		LOCKED(&u->lock);
		u->is_stopping = true;
	}
	transfer_wake(u);
}

void upstreams_close(struct upstreams *u)
{
	if (!u)
		return;
	if (u->has_thread) {
		upstreams_abort(u);
		pthread_join(u->thread, NULL);
	}
	transfer_teardown(u);
	negative_destroy(u->negative);
	lock_deinit(&u->lock);
	mem_free(u);
}

const char *upstreams_mark(const struct upstreams *u)
{
	return u->mark;
}

void upstreams_forget(struct upstreams *u, const struct build_id *id)
{
	negative_forget(u->negative, id);
}

size_t upstreams_count(const struct upstreams *u)
{
	return u->server_count;
}

void upstreams_status(const struct upstreams *u, size_t i,
		      struct upstream_status *ret)
{
	static const char *const states[] = {
		[BREAKER_CLOSED] = "closed",
		[BREAKER_HALF_OPEN] = "half_open",
		[BREAKER_OPEN] = "open",
	};
	const struct server *s = &u->servers[i];
	int last = atomic_load(&s->shown_last);

	*ret = (struct upstream_status) {
		.name = s->spec->name,
		.state = states[atomic_load(&s->shown_state)],
		.failures = atomic_load(&s->shown_failures),
		.last = last < 0 ? NULL
				 : upstream_cause_name(
					   (enum upstream_cause)last),
	};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. A flight is in the table from store_ask() until it lands; whoever asks
 *    the same meanwhile, from as many hops away, becomes a waiter of it. So
 *    whatever waits for a download waits for a request of more hops, and there
 *    is no circle of servers in which each waits for the next.
 * 2. Exactly one step of a flight runs at a time: on a query thread or in a
 *    worker's answer.
 * 3. Waiters are told after the flight has left the table, without the lock.
 */
#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/store_internal.h"

enum { WAITERS_MAX = 10000 };

static void flight_destroy(struct flight *f)
{
	mem_free((char *)f->query.suffix);
	mem_free(f->waiters);
	targets_deinit(&f->targets);
	if (f->member_fd >= 0)
		close(f->member_fd);
	error_free(f->transient);
	artifact_deinit(&f->growing);
	artifact_deinit(&f->whole);
	error_free(f->whole_error);
	mem_free((struct upstream_hop *)f->query.hop);
	mem_free(f);
}

static struct flight **flight_slot(struct store *st, uint64_t key)
{
	return &st->flights[key % FLIGHT_SLOTS];
}

static uint64_t flight_key(const struct store_query *q)
{
	uint64_t h = hash_bytes(q->id.bytes, q->id.len,
				(uint64_t)q->hops << 32 |
					(uint64_t)q->is_local << 16 |
					(uint64_t)q->kind << 8 | q->id.len);

	return q->suffix ? hash_str(q->suffix, h) : h;
}

static bool same_query(const struct store_query *a, const struct store_query *b)
{
	return a->kind == b->kind && a->is_local == b->is_local &&
	       a->hops == b->hops && build_id_equal(&a->id, &b->id) &&
	       !strcmp(a->suffix ? a->suffix : "", b->suffix ? b->suffix : "");
}

/* Lock held. */
static void flight_remove(struct flight *f)
{
	struct store *st = f->store;
	struct flight **at = flight_slot(st, f->key);

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	st->flight_count--;
	condition_broadcast(&st->changed);
}

/* An error is told to each waiter as one of its own. */
static void tell_error(struct flight *f, struct error *err)
{
	if (!f->waiter_count) {
		error_free(err);
		return;
	}
	for (size_t i = 1; i < f->waiter_count; i++)
		f->waiters[i].done(
			f->waiters[i].ctx,
			error_new_at(error_kind(err), error_file(err),
				     error_line(err), "%s", error_message(err)),
			NULL);
	f->waiters[0].done(f->waiters[0].ctx, err, NULL);
}

static void tell_copy(const struct waiter *w, const struct artifact *a)
{
	struct artifact copy;

	if (artifact_copy(a, &copy))
		w->done(w->ctx, NULL, &copy);
	else
		w->done(w->ctx, error_no_memory, NULL);
}

static void tell_found(struct flight *f, struct artifact *a)
{
	if (!f->waiter_count) {
		artifact_deinit(a);
		return;
	}
	for (size_t i = 1; i < f->waiter_count; i++)
		tell_copy(&f->waiters[i], a);
	metric_add(METRIC_ARTIFACTS_SERVED, a->origin, 0,
		   (int64_t)f->waiter_count);
	f->waiters[0].done(f->waiters[0].ctx, NULL, a);
}

/* Take those who can do with a growing artifact from the waiters. Lock held.
 */
static size_t take_patient(struct flight *f, struct waiter *ret)
{
	size_t count = 0, left = 0;

	for (size_t i = 0; i < f->waiter_count; i++) {
		if (f->waiters[i].takes_growing)
			ret[count++] = f->waiters[i];
		else
			f->waiters[left++] = f->waiters[i];
	}
	f->waiter_count = left;
	return count;
}

struct error *flight_share(struct flight *f, struct artifact *a)
{
	CLEANUP_FREE struct waiter *told = NULL;
	struct artifact copy = ARTIFACT_INIT;
	size_t count = 0;

	{
		LOCKED(&f->store->lock);
		told = mem_array(f->waiter_count + 1, sizeof(*told));
		/* The flight's own goes with the next event of the download;
		 * those who are told now have one of theirs. */
		if (told && artifact_copy(a, &copy)) {
			count = take_patient(f, told);
			f->growing = *a;
			*a = (struct artifact)ARTIFACT_INIT;
		}
	}
	if (copy.fd < 0) {
		artifact_deinit(a);
		return error_no_memory;
	}
	metric_add(METRIC_ARTIFACTS_SERVED, copy.origin, 0, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		tell_copy(&told[i], &copy);
	artifact_deinit(&copy);
	return NULL;
}

void flight_unshare(struct flight *f)
{
	struct artifact old;

	{
		LOCKED(&f->store->lock);
		old = f->growing;
		f->growing = (struct artifact)ARTIFACT_INIT;
	}
	artifact_deinit(&old);
}

/* Of one that has left the table. */
static void flight_end(struct flight *f, struct error *err, struct artifact *a)
{
	if (err) {
		tell_error(f, err);
	} else if (a) {
		tell_found(f, a);
	} else {
		metric_add(METRIC_ARTIFACTS_ABSENT, 0, 0,
			   (int64_t)f->waiter_count);
		for (size_t i = 0; i < f->waiter_count; i++)
			f->waiters[i].done(f->waiters[i].ctx, NULL, NULL);
	}
	flight_destroy(f);
}

void flight_land(struct flight *f, struct error *err, struct artifact *a,
		 struct memo_answer *keep)
{
	if (keep)
		memo_put(f->store->memo, &f->query, f->generation, keep);
	{
		LOCKED(&f->store->lock);
		flight_remove(f);
	}
	flight_end(f, err, a);
}

/* A flight that has only been queued and that all have left is dismissed:
 * whoever asks and leaves, again and again, does not keep others waiting. One
 * under way goes on, for the cache. */
static bool dismiss_unwanted(struct flight *f)
{
	{
		LOCKED(&f->store->lock);
		for (size_t i = 0; i < f->waiter_count; i++) {
			const struct waiter *w = &f->waiters[i];

			if (!w->has_given_up || !w->has_given_up(w->ctx))
				return false;
		}
		/* Nobody can join any more. */
		flight_remove(f);
	}
	metric_add(METRIC_FLIGHTS_DISMISSED, 0, 0, (int64_t)f->waiter_count);
	flight_end(f, error_new(BUSY, "nobody waits any more"), NULL);
	return true;
}

static void flight_step(void *state, void *arg)
{
	struct flight *f = arg;

	if (!f->has_targets && dismiss_unwanted(f))
		return;
	struct index_reader *r = NULL;
	struct error *err = query_reader(state, &r);

	if (!err && !f->has_targets)
		err = lookup_targets(f->store, r, f);
	if (err) {
		/* Whatever is wrong with this connection, a new one is
		 * opened for the next. */
		query_reset(state);
		flight_land(f, err, NULL, NULL);
	} else {
		flight_try(f->store, r, f);
	}
}

static struct pool *queries_for(const struct flight *f)
{
	return f->store
		->queries[f->query.kind == ARTIFACT_SOURCE ? QUERY_SOURCES
							   : QUERY_LOOK_UPS];
}

void flight_continue(struct flight *f)
{
	struct error *err = pool_continue(queries_for(f), flight_step, f);

	if (err)
		flight_land(f, err, NULL, NULL);
}

static struct error *add_waiter(struct flight *f, const struct waiter *w)
{
	if (f->waiter_count >= WAITERS_MAX)
		return error_new(BUSY, "too many wait for the same");
	if (!mem_grow(&f->waiters, &f->waiter_capacity, f->waiter_count + 1,
		      sizeof(*f->waiters)))
		return error_no_memory;
	f->waiters[f->waiter_count++] = *w;
	return NULL;
}

static struct flight *flight_create(struct store *st,
				    const struct store_query *q, uint64_t key,
				    const struct waiter *w)
{
	struct flight *f = mem_zalloc(sizeof(*f));

	if (!f)
		return NULL;
	f->store = st;
	f->member_fd = -1;
	f->growing = f->whole = (struct artifact)ARTIFACT_INIT;
	f->key = key;
	f->query = *q;
	/* Whose request began it, if it may be of use. */
	bool has_hop = q->hop && st->upstreams && !q->is_local;

	f->query.hop = has_hop ? upstream_hop_dup(q->hop) : NULL;
	f->query.suffix = q->suffix ? mem_strdup(q->suffix) : NULL;
	f->generation = memo_generation(st->memo, &q->id);
	CLEANUP_ERROR struct error *err = add_waiter(f, w);

	if (!f->query.suffix != !q->suffix || !f->query.hop == has_hop || err) {
		flight_destroy(f);
		return NULL;
	}
	return f;
}

/* Join a flight under way. Lock held. */
static struct error *join(struct store *st, const struct store_query *q,
			  uint64_t key, const struct waiter *w,
			  struct artifact *growing_ret, bool *joined_ret)
{
	*joined_ret = false;
	if (st->is_closing)
		return error_new(BUSY, "shutting down");
	for (struct flight *f = *flight_slot(st, key); f; f = f->next) {
		if (f->key != key || !same_query(&f->query, q))
			continue;
		if (f->growing.fd >= 0 && w->takes_growing) {
			if (!artifact_copy(&f->growing, growing_ret))
				return error_no_memory;
		} else {
			TRY(add_waiter(f, w));
		}
		metric_inc(METRIC_FLIGHTS_SHARED);
		*joined_ret = true;
		return NULL;
	}
	return NULL;
}

static struct error *join_or_begin(struct store *st,
				   const struct store_query *q,
				   const struct waiter *w,
				   struct artifact *growing_ret,
				   struct flight **begun_ret)
{
	uint64_t key = flight_key(q);
	bool joined;

	*begun_ret = NULL;
	LOCKED(&st->lock);
	TRY(join(st, q, key, w, growing_ret, &joined));
	if (joined)
		return NULL;
	struct flight *f = flight_create(st, q, key, w);

	if (!f)
		return error_no_memory;
	struct flight **slot = flight_slot(st, key);

	f->next = *slot;
	*slot = f;
	st->flight_count++;
	*begun_ret = f;
	return NULL;
}

bool store_ask(struct store *st, const struct store_query *q,
	       store_done_fn done, void *ctx)
{
	const struct waiter w = {
		.done = done,
		.ctx = ctx,
		.takes_growing = q->takes_growing,
		.has_given_up = q->has_given_up,
	};
	struct artifact growing = ARTIFACT_INIT;
	struct flight *f;
	struct error *err = join_or_begin(st, q, &w, &growing, &f);

	if (err) {
		done(ctx, err, NULL);
		return false;
	}
	if (growing.fd >= 0) {
		metric_add(METRIC_ARTIFACTS_SERVED, growing.origin, 0, 1);
		done(ctx, NULL, &growing);
	}
	if (!f)
		return true;
	err = pool_submit(queries_for(f), flight_step, f);
	if (err)
		flight_land(f, err, NULL, NULL);
	return false;
}

/* ---- Waiting for an answer ---------------------------------------------- */

struct wait {
	struct lock lock;
	struct condition cond;
	bool is_done, found;
	struct error *err;
	struct artifact *ret;
};

static void wait_done(void *ctx, struct error *err, struct artifact *a)
{
	struct wait *w = ctx;

	LOCKED(&w->lock);
	w->is_done = true;
	w->err = err;
	w->found = a != NULL;
	if (a)
		*w->ret = *a;
	condition_signal(&w->cond);
}

struct error *store_get(struct store *st, const struct store_query *q,
			struct artifact *ret, bool *found_ret)
{
	struct wait w = { .ret = ret };

	lock_init(&w.lock, LOCK_POOL);
	condition_init(&w.cond);
	store_ask(st, q, wait_done, &w);
	{
		LOCKED(&w.lock);
		while (!w.is_done)
			condition_wait(&w.cond, &w.lock);
	}
	*found_ret = w.found;
	condition_deinit(&w.cond);
	lock_deinit(&w.lock);
	return w.err;
}

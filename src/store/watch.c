/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index changes: what memory keeps of it is forgotten. Our own writer says
 * what; whether another process wrote is looked for once a second.
 */
#include "config.h"

#include <sys/prctl.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/store_internal.h"

enum {
	WATCH_MS = 1000,
	FILTER_SLICE = 100000,
};

void store_on_forget(struct store *st, store_forget_fn fn, void *ctx)
{
	LOCKED(&st->lock);
	while (st->forget_calls)
		condition_wait(&st->changed, &st->lock);
	st->forget_fn = fn;
	st->forget_ctx = ctx;
}

/* NULL: the index changed for any. */
static void tell_forgotten(struct store *st, const struct build_id *id)
{
	store_forget_fn fn;
	void *ctx;

	{
		LOCKED(&st->lock);
		fn = st->forget_fn;
		ctx = st->forget_ctx;
		st->forget_calls += fn != NULL;
	}
	if (!fn)
		return;
	fn(ctx, id);
	LOCKED(&st->lock);
	if (!--st->forget_calls)
		condition_broadcast(&st->changed);
}

void store_forget(void *store, const struct build_id *id)
{
	struct store *st = store;

	atomic_fetch_add(&st->forgets, 1);
	memo_forget(st->memo, id);
	if (st->upstreams)
		upstreams_forget(st->upstreams, id);
	tell_forgotten(st, id);
}

static void forget_all(struct store *st)
{
	memo_forget_all(st->memo);
	tell_forgotten(st, NULL);
}

/* ---- The filter, and changes by other processes -------------------------- */

struct watch {
	struct store *store;
	struct index_reader *reader;
	int64_t last_id;
	uint64_t ids;
	uint32_t version;
	uint64_t forgets;
};

static void add_to_filter(void *ctx, const struct build_id *id)
{
	struct watch *w = ctx;

	memo_filter_add(w->store->memo, id);
	w->ids++;
}

static struct error *add_new_ids(struct watch *w)
{
	for (;;) {
		uint64_t before = w->ids;

		TRY(index_each_id(w->reader, w->last_id, FILTER_SLICE,
				  add_to_filter, w, &w->last_id));
		if (w->ids == before)
			return NULL;
	}
}

static struct error *rebuild_filter(struct watch *w)
{
	struct index_stats stats;

	TRY(index_stats(w->reader, &stats));
	TRY(memo_filter_begin(w->store->memo, stats.build_ids));
	w->last_id = 0;
	TRY(add_new_ids(w));
	memo_filter_complete(w->store->memo);
	return NULL;
}

/* Once a second. Our own writer's changes come through store_forget(); a
 * change of the database without one is another process's. */
static struct error *watch_once(struct watch *w)
{
	struct store *st = w->store;
	uint64_t forgets = atomic_load(&st->forgets);
	uint32_t version;

	if (w->reader && index_reader_needs_reopen(w->reader)) {
		index_reader_close(STEAL(w->reader));
		forget_all(st);
	}
	if (!w->reader) {
		TRY(index_reader_open(st->state_dir, &w->reader));
		TRY(index_data_version(w->reader, &w->version));
		TRY(rebuild_filter(w));
	}
	TRY(index_data_version(w->reader, &version));
	if (version != w->version) {
		w->version = version;
		TRY(add_new_ids(w));
		if (forgets == w->forgets)
			forget_all(st);
	}
	w->forgets = forgets;
	return memo_filter_is_full(st->memo) ? rebuild_filter(w) : NULL;
}

static bool wait_for_closing(struct store *st)
{
	int64_t until = clock_ms() + WATCH_MS;

	LOCKED(&st->lock);
	while (!st->is_closing &&
	       condition_wait_until(&st->changed, &st->lock, until))
		;
	return st->is_closing;
}

static void *watch_thread(void *arg)
{
	struct watch w = { .store = arg };

	prctl(PR_SET_NAME, "store-watch");
	do {
		struct error *err = watch_once(&w);

		atomic_store(&w.store->index_ok, !err);
		if (err) {
			log_consume(LOG_WARN, "store", "index not readable",
				    err);
			index_reader_close(STEAL(w.reader));
		}
	} while (!wait_for_closing(w.store));
	index_reader_close(w.reader);
	return NULL;
}

struct error *watch_start(struct store *st)
{
	if (pthread_create(&st->watch_thread, NULL, watch_thread, st))
		return error_new(BUSY, "cannot start a thread");
	st->has_watch = true;
	return NULL;
}

void watch_join(struct store *st)
{
	if (st->has_watch)
		pthread_join(st->watch_thread, NULL);
}

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

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/store_internal.h"

enum {
	QUERY_THREADS = 2,
	QUERY_QUEUE = 4096,
	VERIFY_THREADS = 2,
	VERIFY_QUEUE = 1000,
	EXTRACT_QUEUE = 1000,
	WAITERS_MAX = 10000,
	WATCH_MS = 1000,
	FILTER_SLICE = 100000,
};

/* A query thread's connection, opened when it is first needed and again after
 * a failure. */
struct query_state {
	struct store *store;
	struct index_reader *reader;
};

static void *query_begin(void *ctx)
{
	struct query_state *q = mem_zalloc(sizeof(*q));

	if (q)
		q->store = ctx;
	return q;
}

static void query_end(void *state)
{
	struct query_state *q = state;

	if (q)
		index_reader_close(q->reader);
	mem_free(q);
}

static struct error *query_reader(struct query_state *q,
				  struct index_reader **ret)
{
	if (!q)
		return error_no_memory;
	if (q->reader && index_reader_needs_reopen(q->reader))
		index_reader_close(STEAL(q->reader));
	if (!q->reader)
		TRY(index_reader_open(q->store->state_dir, &q->reader));
	*ret = q->reader;
	return NULL;
}

static void query_reset(struct query_state *q)
{
	if (q)
		index_reader_close(STEAL(q->reader));
}

/* ---- Artifacts ---------------------------------------------------------- */

void artifact_deinit(struct artifact *a)
{
	if (a->fd >= 0)
		close(a->fd);
	mem_free(a->file);
	mem_free(a->archive);
	mem_free(a->signature);
	growth_put(a->growth);
	*a = (struct artifact)ARTIFACT_INIT;
}

static bool artifact_copy(const struct artifact *from, struct artifact *to)
{
	*to = *from;
	to->file = from->file ? mem_strdup(from->file) : NULL;
	to->archive = from->archive ? mem_strdup(from->archive) : NULL;
	to->signature = from->signature ? mem_strdup(from->signature) : NULL;
	to->growth = from->growth ? growth_get(from->growth) : NULL;
	to->fd = fcntl(from->fd, F_DUPFD_CLOEXEC, 0);
	if (to->fd >= 0 && !to->file == !from->file &&
	    !to->archive == !from->archive &&
	    !to->signature == !from->signature)
		return true;
	artifact_deinit(to);
	return false;
}

/* ---- From memory -------------------------------------------------------- */

/* Open what memory says and see that it is still that. */
static bool reopen(struct memo_answer *m, struct artifact *ret)
{
	CLEANUP_CLOSE int fd =
		open(m->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat sb;

	if (fd < 0 || fstat(fd, &sb) || !S_ISREG(sb.st_mode) ||
	    clock_timespec_ns(sb.st_mtim) != m->stamp.mtime_ns ||
	    (uint64_t)sb.st_size != m->stamp.size ||
	    clock_timespec_ns(sb.st_ctim) != m->stamp.ctime_ns ||
	    sb.st_ino != m->stamp.inode)
		return false;
	*ret = (struct artifact) {
		.fd = steal_fd(&fd),
		.size = m->size,
		.mtime = m->mtime,
		.etag = m->etag,
		.file = STEAL(m->file),
		.archive = STEAL(m->archive),
		.signature = STEAL(m->signature),
		.origin = m->origin,
	};
	return true;
}

enum store_outcome store_try(struct store *st, const struct store_query *q,
			     struct artifact *ret)
{
	struct memo_answer m;
	enum store_outcome outcome = STORE_UNKNOWN;

	if ((q->is_local || !st->upstreams) &&
	    memo_surely_absent(st->memo, &q->id)) {
		metric_inc(METRIC_ARTIFACTS_ABSENT);
		return STORE_ABSENT;
	}
	if (!memo_get(st->memo, q, &m))
		return STORE_UNKNOWN;
	if (m.is_absent)
		outcome = STORE_ABSENT;
	else if (reopen(&m, ret))
		outcome = STORE_FOUND;
	memo_answer_deinit(&m);
	if (outcome == STORE_ABSENT)
		metric_inc(METRIC_ARTIFACTS_ABSENT);
	if (outcome == STORE_FOUND)
		metric_add(METRIC_ARTIFACTS_SERVED, ret->origin, 0, 1);
	return outcome;
}

bool store_has_upstreams(const struct store *st)
{
	return st->upstreams != NULL;
}

bool store_surely_absent(struct store *st, const struct build_id *id)
{
	return !st->upstreams && memo_surely_absent(st->memo, id);
}

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

/* ---- Flights ------------------------------------------------------------ */

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
	remote_hop_free(&f->hop);
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

void flight_land(struct flight *f, struct error *err, struct artifact *a,
		 struct memo_answer *keep)
{
	if (keep)
		memo_put(f->store->memo, &f->query, f->generation, keep);
	{
		LOCKED(&f->store->lock);
		flight_remove(f);
	}
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

static void flight_step(void *state, void *arg)
{
	struct flight *f = arg;
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

void flight_continue(struct flight *f)
{
	struct error *err = pool_continue(f->store->queries, flight_step, f);

	if (err)
		flight_land(f, err, NULL, NULL);
}

static bool add_waiter(struct flight *f, const struct waiter *w)
{
	if (f->waiter_count >= WAITERS_MAX ||
	    !mem_grow(&f->waiters, &f->waiter_capacity, f->waiter_count + 1,
		      sizeof(*f->waiters)))
		return false;
	f->waiters[f->waiter_count++] = *w;
	return true;
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
	f->query.hop = NULL;
	f->query.suffix = q->suffix ? mem_strdup(q->suffix) : NULL;
	f->generation = memo_generation(st->memo, &q->id);
	if (!f->query.suffix != !q->suffix || !add_waiter(f, w) ||
	    !remote_hop_copy(f, q->hop)) {
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
		} else if (!add_waiter(f, w)) {
			return error_new(BUSY, "too many wait for the same");
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
	err = pool_submit(st->queries, flight_step, f);
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

/* ---- Reading the index -------------------------------------------------- */

struct read_job {
	store_read_fn fn;
	void *ctx;
};

static void read_step(void *state, void *arg)
{
	struct read_job *job = arg;
	struct index_reader *r = NULL;
	struct error *err = query_reader(state, &r);

	job->fn(job->ctx, r, err);
	mem_free(job);
}

struct error *store_read(struct store *st, store_read_fn fn, void *ctx)
{
	struct read_job *job = mem_zalloc(sizeof(*job));

	if (!job)
		return error_no_memory;
	*job = (struct read_job) { .fn = fn, .ctx = ctx };
	struct error *err = pool_submit(st->queries, read_step, job);

	if (err)
		mem_free(job);
	return err;
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

bool store_is_ready(struct store *st, const char **degraded_ret)
{
	*degraded_ret = disk_cache_degraded(st->cache);
	return atomic_load(&st->index_ok);
}

/* ---- Open and close ----------------------------------------------------- */

static struct error *start(struct store *st,
			   const struct store_options *options)
{
	struct pool_options queries = {
		.name = "store-query",
		.threads = QUERY_THREADS,
		.queue_limit = QUERY_QUEUE,
		.begin = query_begin,
		.end = query_end,
		.ctx = st,
	};
	struct pool_options verifiers = {
		.name = "store-verify",
		.threads = VERIFY_THREADS,
		.queue_limit = VERIFY_QUEUE,
	};
	struct worker_pool_options extractors = {
		.name = "answer",
		.program = options->program,
		.workers = options->workers,
		.queue_limit = EXTRACT_QUEUE,
	};

	st->state_dir = mem_strdup(options->state_dir);
	if (!st->state_dir)
		return error_no_memory;
	TRY(memo_create(&st->memo));
	TRY(disk_cache_open(options->cache_dir, options->cache_size_bytes,
			    &st->cache));
	st->private_dirs[0] =
		realpath(index_place_path(options->state_dir), NULL);
	st->private_dirs[1] = realpath(options->cache_dir, NULL);
	TRY(worker_pool_create(&extractors, &st->extractors));
	TRY(pool_create(&verifiers, &st->verifiers));
	TRY(pool_create(&queries, &st->queries));
	if (pthread_create(&st->watch_thread, NULL, watch_thread, st))
		return error_new(BUSY, "cannot start a thread");
	st->has_watch = true;
	return NULL;
}

struct error *store_open(const struct store_options *options,
			 struct store **ret)
{
	struct store *st = mem_zalloc(sizeof(*st));

	if (!st)
		return error_no_memory;
	st->roots = options->roots;
	st->source_roots = options->source_roots;
	st->rules = options->rules;
	st->rule_count = options->rule_count;
	st->workers = options->workers;
	st->upstreams = options->upstreams;
	lock_init(&st->lock, LOCK_STORE_FLIGHT);
	poison_init(&st->poison);
	condition_init(&st->changed);
	struct error *err = start(st, options);

	if (err) {
		store_close(st);
		return err;
	}
	*ret = st;
	return NULL;
}

void store_abort(struct store *st)
{
	{
		LOCKED(&st->lock);
		st->is_closing = true;
		condition_broadcast(&st->changed);
	}
	/* Running extractions end at once; their flights land with an error. So
	 * does the reading of cached files. */
	if (st->cache)
		disk_cache_abort(st->cache);
	if (st->extractors)
		worker_pool_abort(st->extractors);
	if (st->upstreams)
		upstreams_abort(st->upstreams);
}

void store_close(struct store *st)
{
	if (!st)
		return;
	store_abort(st);
	if (st->has_watch)
		pthread_join(st->watch_thread, NULL);
	{
		LOCKED(&st->lock);
		while (st->flight_count)
			condition_wait(&st->changed, &st->lock);
	}
	/* Threads of each pool may be on their way out of a call to another
	 * one: all are ended before anything is freed. */
	pool_stop(st->verifiers);
	pool_stop(st->queries);
	worker_pool_destroy(st->extractors);
	pool_destroy(st->verifiers);
	pool_destroy(st->queries);
	disk_cache_close(st->cache);
	memo_destroy(st->memo);
	condition_deinit(&st->changed);
	poison_deinit(&st->poison);
	lock_deinit(&st->lock);
	mem_free(st->state_dir);
	free(st->private_dirs[0]);
	free(st->private_dirs[1]);
	mem_free(st);
}

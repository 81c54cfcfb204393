/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs on query threads has the thread's connection to the index.
 */
#include "config.h"

#include "base/mem.h"
#include "store/store_internal.h"

static const struct {
	const char *name;
	unsigned threads;
	size_t queue_limit;
} classes[QUERY_CLASSES] = {
	[QUERY_LOOK_UPS] = { "store-query", QUERY_LOOK_UP_THREADS, 4096 },
	[QUERY_SOURCES] = { "store-source", QUERY_SOURCE_THREADS, 1024 },
	/* The last of them waits for minutes if all take as long as they may,
	 * and nobody waits that long. */
	[QUERY_SEARCHES] = { "store-search", QUERY_SEARCH_THREADS, 64 },
};

/* Each has its state from the beginning: one that could not get one would
 * refuse whatever comes. */
static void *query_begin(void *ctx)
{
	struct store *st = ctx;
	struct query_state *q =
		&st->query_states[atomic_fetch_add(&st->query_begun, 1)];

	q->store = st;
	return q;
}

static void query_end(void *state)
{
	struct query_state *q = state;

	index_reader_close(q->reader);
}

struct error *query_reader(struct query_state *q, struct index_reader **ret)
{
	if (q->reader && index_reader_needs_reopen(q->reader))
		index_reader_close(STEAL(q->reader));
	if (!q->reader)
		TRY(index_reader_open(q->store->state_dir, &q->reader));
	*ret = q->reader;
	return NULL;
}

void query_reset(struct query_state *q)
{
	index_reader_close(STEAL(q->reader));
}

struct error *queries_start(struct store *st)
{
	for (size_t i = 0; i < QUERY_CLASSES; i++) {
		const struct pool_options options = {
			.name = classes[i].name,
			.threads = classes[i].threads,
			.queue_limit = classes[i].queue_limit,
			.limit = "queued_jobs",
			.begin = query_begin,
			.end = query_end,
			.ctx = st,
		};

		TRY(pool_create(&options, &st->queries[i]));
	}
	return NULL;
}

void queries_stop(struct store *st)
{
	for (size_t i = 0; i < QUERY_CLASSES; i++)
		pool_stop(st->queries[i]);
}

void queries_destroy(struct store *st)
{
	for (size_t i = 0; i < QUERY_CLASSES; i++)
		pool_destroy(st->queries[i]);
}

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

static struct error *read_as(struct store *st, enum query_class class,
			     store_read_fn fn, void *ctx)
{
	struct read_job *job = mem_zalloc(sizeof(*job));

	if (!job)
		return error_no_memory;
	*job = (struct read_job) { .fn = fn, .ctx = ctx };
	struct error *err = pool_submit(st->queries[class], read_step, job);

	if (err)
		mem_free(job);
	return err;
}

struct error *store_read(struct store *st, store_read_fn fn, void *ctx)
{
	return read_as(st, QUERY_LOOK_UPS, fn, ctx);
}

struct error *store_search(struct store *st, store_read_fn fn, void *ctx)
{
	return read_as(st, QUERY_SEARCHES, fn, ctx);
}

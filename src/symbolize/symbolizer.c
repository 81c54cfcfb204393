/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service: opened, told of changes of the index, closed. What it does is in
 * the files that symbolizer_internal.h lists.
 */
#include "config.h"

#include "base/mem.h"
#include "base/units.h"
#include "symbolize/symbolizer_internal.h"

enum {
	LOAD_THREADS = 2,
	LOAD_QUEUE = 2000,
	BUILD_QUEUE = 1000,
};
#define SPLIT_COPIES_BYTES (8 * GIB)

const struct batch_limits *symbolizer_limits(const struct symbolizer *s)
{
	return &s->limits;
}

enum symtab_quality symbolizer_quality(struct symbolizer *s,
				       const struct build_id *id)
{
	struct table_found found;

	if (table_cache_get(s->tables, id, &found) != TABLE_LOADED)
		return SYMTAB_QUALITY_NONE;
	enum symtab_quality ret = symtab_quality(found.table);

	symtab_put(found.table);
	return ret;
}

/* ---- Changes of the index ----------------------------------------------- */

static void forget(void *symbolizer, const struct build_id *id)
{
	struct symbolizer *s = symbolizer;

	if (!id) {
		table_cache_doubt_all(s->tables);
		return;
	}
	{
		const struct table_key key = { .id = *id };

		LOCKED(&s->lock);
		struct making *making = making_find(s, &key);

		s->forgets++;
		if (making)
			making->is_overtaken = true;
		verdicts_forget(&s->verdicts, id);
	}
	poison_forget(&s->poison, poison_name(id));
	table_cache_doubt(s->tables, id);
}

/* ---- Open and close ----------------------------------------------------- */

static struct error *start_pools(struct symbolizer *s,
				 const struct symbolizer_options *o)
{
	const struct pool_options loaders = {
		.name = "symbolize-load",
		.threads = LOAD_THREADS,
		.queue_limit = LOAD_QUEUE,
		.limit = "queued_jobs",
	};
	struct worker_pool_options builders = {
		.name = "build",
		.program = o->program,
		.workers = o->workers,
		.queue_limit = BUILD_QUEUE,
		.limit = "queued_jobs",
	};

	TRY(computers_start(s, o->threads));
	TRY(pool_create(&loaders, &s->loaders));
	TRY(worker_pool_create(&builders, &s->builders));
	builders.name = "partial";
	return worker_pool_create(&builders, &s->partials);
}

static struct error *start(struct symbolizer *s,
			   const struct symbolizer_options *o)
{
	TRY(verdicts_init(&s->verdicts));
	TRY(table_cache_open(o->table_dir, o->disk_bytes, o->memory_bytes,
			     &s->tables));
	TRY(start_pools(s, o));
	TRY(waits_start(s));
	store_on_forget(s->store, forget, s);
	return NULL;
}

struct error *symbolizer_open(const struct symbolizer_options *options,
			      struct symbolizer **ret)
{
	struct symbolizer *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	s->store = options->store;
	s->limits = options->limits;
	s->waits_for_best = options->waits_for_best;
	s->bundles_most = options->split_copies_bytes
				  ? options->split_copies_bytes
				  : SPLIT_COPIES_BYTES;
	lock_init(&s->lock, LOCK_SYMBOLIZE);
	condition_init(&s->changed);
	poison_init(&s->poison);
	TAILQ_INIT(&s->backlog);
	struct error *err = start(s, options);

	if (err) {
		symbolizer_close(s);
		return err;
	}
	*ret = s;
	return NULL;
}

/* Nothing begins any more; what waits is over, what is being built too. */
static void wind_down(struct symbolizer *s)
{
	{
		LOCKED(&s->lock);
		s->is_closing = true;
		condition_broadcast(&s->changed);
	}
	if (s->has_timer)
		pthread_join(s->timer, NULL);
	if (s->builders)
		worker_pool_abort(s->builders);
	if (s->partials)
		worker_pool_abort(s->partials);
	makings_flush(s);
	LOCKED(&s->lock);
	while (s->making_count || s->wait_count)
		condition_wait(&s->changed, &s->lock);
}

void symbolizer_close(struct symbolizer *s)
{
	if (!s)
		return;
	store_on_forget(s->store, NULL, NULL);
	wind_down(s);
	/* Threads of each may be on their way out of a call to another one: all
	 * are ended before anything is freed. */
	pool_stop(s->loaders);
	pool_stop(s->large_computers);
	pool_stop(s->computers);
	worker_pool_destroy(s->partials);
	worker_pool_destroy(s->builders);
	pool_destroy(s->loaders);
	pool_destroy(s->large_computers);
	pool_destroy(s->computers);
	table_cache_close(s->tables);
	verdicts_deinit(&s->verdicts);
	poison_deinit(&s->poison);
	condition_deinit(&s->changed);
	lock_deinit(&s->lock);
	mem_free(s);
}

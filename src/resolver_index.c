/* SPDX-License-Identifier: Apache-2.0 */
/* The local index, and the upstream servers that are named: store and symbolizer
 * in this process, as serve has them. */
#include "config.h"

#include <string.h>

#include "base/lock.h"
#include "base/mem.h"
#include "federation.h"
#include "index/index.h"
#include "resolver_private.h"
#include "store/store.h"
#include "symbolize/symbolize.h"

struct index_resolver {
	struct resolver resolver;
	struct federation federation;
	struct store *store;
	struct symbolizer *symbolizer;
	char *table_dir;
	struct lock lock; /* COMMAND: guards what follows */
	struct condition changed;
	bool is_done;
	struct error *err;
};

static void close_index(struct resolver *base)
{
	struct index_resolver *r = (struct index_resolver *)base;

	/* What was not there in time may still be fetched. */
	if (r->store)
		store_abort(r->store);
	symbolizer_close(r->symbolizer);
	store_close(r->store);
	federation_close(&r->federation);
	condition_deinit(&r->changed);
	lock_deinit(&r->lock);
	mem_free(r->table_dir);
	mem_free(r);
}

static void end_batch(void *ctx, struct error *err)
{
	struct index_resolver *r = ctx;

	LOCKED(&r->lock);
	r->err = err;
	r->is_done = true;
	condition_signal(&r->changed);
}

static struct error *answer_batch(struct resolver *base, struct batch *b)
{
	struct index_resolver *r = (struct index_resolver *)base;

	r->is_done = false;
	symbolize(r->symbolizer, b, end_batch, r);
	LOCKED(&r->lock);
	while (!r->is_done)
		condition_wait(&r->changed, &r->lock);
	return STEAL(r->err);
}

static struct error *answer_index(struct resolver *base,
				  const struct buf *lines, struct buf *out)
{
	return resolver_exchange(base, lines, out, answer_batch);
}

static struct error *open_index(struct index_resolver *r,
				const struct resolver_options *options)
{
	const struct settings *s = options->settings;
	struct store_options store = {
		.state_dir = s->state_dir,
		.cache_dir = s->cache_dir,
		.cache_size_bytes = (uint64_t)s->cache_size,
		.workers = (unsigned)s->workers,
		.program = options->program,
	};
	struct symbolizer_options symbolizer = {
		.disk_bytes = (uint64_t)s->table_cache_size,
		.memory_bytes = (uint64_t)s->table_memory,
		.workers = (unsigned)s->workers,
		.threads = 1,
		.program = options->program,
		.waits_for_best = true,
		.limits = {
			.addresses = SIZE_MAX,
			.modules = SIZE_MAX,
			.wait_ms = 3600 * 1000,
		},
	};

	struct index_reader *reader;

	r->table_dir = mem_printf("%s/tables", s->cache_dir);
	if (!r->table_dir)
		return error_no_memory;
	/* A store would wait for an index to come. */
	TRY(index_reader_open(s->state_dir, &reader));
	index_reader_close(reader);
	TRY(federation_open(s, false, &r->federation));
	store.upstreams = r->federation.upstreams;
	TRY(store_open(&store, &r->store));
	symbolizer.store = r->store;
	symbolizer.table_dir = r->table_dir;
	return symbolizer_open(&symbolizer, &r->symbolizer);
}

struct error *resolver_open_index(const struct resolver_options *options,
				  struct resolver **ret)
{
	struct index_resolver *r = mem_zalloc(sizeof(*r));

	if (!r)
		return error_no_memory;
	r->resolver.options = *options;
	r->resolver.answer = answer_index;
	r->resolver.close = close_index;
	lock_init(&r->lock, LOCK_COMMAND);
	condition_init(&r->changed);
	struct error *err = open_index(r, options);

	if (err)
		close_index(&r->resolver);
	else
		*ret = &r->resolver;
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/store_internal.h"

enum {
	VERIFY_THREADS = 2,
	VERIFY_QUEUE = 1000,
	EXTRACT_QUEUE = 1000,
};

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

bool store_is_ready(struct store *st, const char **degraded_ret)
{
	*degraded_ret = disk_cache_degraded(st->cache);
	return atomic_load(&st->index_ok);
}

/* ---- Open and close ----------------------------------------------------- */

static struct error *start(struct store *st,
			   const struct store_options *options)
{
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
		.limit = "queued_jobs",
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
	TRY(queries_start(st));
	return watch_start(st);
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

void store_hold(struct store *st)
{
	LOCKED(&st->lock);
	st->holders++;
}

void store_release(struct store *st)
{
	LOCKED(&st->lock);
	st->holders--;
	condition_broadcast(&st->changed);
}

void store_close(struct store *st)
{
	if (!st)
		return;
	store_abort(st);
	watch_join(st);
	{
		LOCKED(&st->lock);
		while (st->flight_count || st->holders)
			condition_wait(&st->changed, &st->lock);
	}
	/* Threads of each pool may be on their way out of a call to another
	 * one: all are ended before anything is freed. */
	pool_stop(st->verifiers);
	queries_stop(st);
	worker_pool_destroy(st->extractors);
	pool_destroy(st->verifiers);
	queries_destroy(st);
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

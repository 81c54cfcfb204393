/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "progress.h"
#include "scanner_loop.h"

/* How long to wait before an index that could not be opened is tried again. */
enum { REOPEN_S = 60 };
/* How long before what a scan has left to the next one, at most. */
enum { REST_S = 60 };
/* How long after the start the first of each comes where scripts expect it so:
 * a signal that asks for one meanwhile is answered by the same. */
enum { FIRST_MS = 1000 };

struct scanner_loop {
	struct scanner_loop_options o;
	const struct settings *settings;
	struct index *index;
	char state_dir[PATH_MAX], cache_dir[PATH_MAX]; /* canonical */
	struct scan *scan;
	index_changed_fn changed; /* of the index, when it is reopened */
	void *changed_ctx;
	pthread_t traverse, groom;
	bool has_traverse, has_groom;
	_Atomic pid_t traverse_tid, groom_tid;
	_Atomic bool stop;
	struct lock lock; /* COMMAND: guards what follows */
	struct condition asked;
	bool scan_asked, groom_asked;
	bool is_grooming, is_reopening; /* never both: the index is in use */
};

static struct error *open_index(struct scanner_loop *l)
{
	CLEANUP_FREE char *notice = NULL;

	TRY(index_open(l->settings->state_dir, 0, &notice, &l->index));
	if (notice)
		log_warn("index", "set aside", LOG_S("notice", notice));
	if (l->changed)
		index_on_change(l->index, l->changed, l->changed_ctx);
	return NULL;
}

/* Damage met while running: set the database aside and begin a new one, which
 * a scan fills at once. Readers see it and follow.
 * Returns true if there is another index now, or none. */
static bool reopen_if_damaged(struct scanner_loop *l)
{
	if (l->index && !index_needs_reopen(l->index))
		return false;
	log_error("index", "damaged, not readable or moved: opening it again",
		  LOG_S("state_dir", l->settings->state_dir));
	{
		LOCKED(&l->lock);
		l->is_reopening = true;
		while (l->is_grooming)
			condition_wait(&l->asked, &l->lock);
	}
	index_close(STEAL(l->index));
	struct error *err = open_index(l);

	if (err)
		log_consume(LOG_ERROR, "index", "cannot be opened", err);
	else
		scan_use_index(l->scan, l->index);
	LOCKED(&l->lock);
	l->is_reopening = false;
	condition_broadcast(&l->asked);
	return true;
}

static struct error *create_scan(struct scanner_loop *l)
{
	const struct settings *s = l->settings;
	struct scan_options options = {
		.roots = (const char *const *)l->o.roots->v,
		.index_place = s->state_dir,
		.state_dir = l->state_dir,
		.cache_dir = l->cache_dir,
		.include = s->include,
		.exclude = s->exclude,
		.follow_symlinks = s->follow_symlinks,
		.one_file_system = s->one_file_system,
		.policy = l->o.policy,
		.workers = (unsigned)s->workers,
		.program = l->o.program,
		.index = l->index,
		/* Where there is no next scan, this one does all. */
		.resolve_ms = l->o.scans_once || !s->rescan_s ? INT64_MAX : 0,
	};

	/* As the walk will meet them. */
	if (!realpath(index_place_path(s->state_dir), l->state_dir))
		return error_errno("%s", s->state_dir);
	if (!realpath(s->cache_dir, l->cache_dir))
		snprintf(l->cache_dir, sizeof(l->cache_dir), "%s",
			 s->cache_dir);
	return scan_create(&options, &l->scan);
}

struct error *scanner_loop_open(const struct scanner_loop_options *options,
				struct scanner_loop **ret)
{
	struct scanner_loop *l = mem_zalloc(sizeof(*l));

	if (!l)
		return error_no_memory;
	l->o = *options;
	l->settings = options->settings;
	lock_init(&l->lock, LOCK_COMMAND);
	condition_init(&l->asked);
	/* A scan needs it for large members only, and finds another place. */
	log_consume(LOG_DEBUG, "scan", "no cache directory",
		    file_make_dirs(l->settings->cache_dir));
	struct error *err = open_index(l);

	if (!err)
		err = create_scan(l);
	if (err) {
		scanner_loop_close(l);
		return err;
	}
	*ret = l;
	return NULL;
}

void scanner_loop_on_change(struct scanner_loop *l, index_changed_fn changed,
			    void *ctx)
{
	l->changed = changed;
	l->changed_ctx = ctx;
	index_on_change(l->index, changed, ctx);
}

const struct scan_progress *scanner_loop_progress(struct scanner_loop *l)
{
	return scan_progress(l->scan);
}

static void tell(struct scanner_loop *l, enum scanner_loop_event event)
{
	if (l->o.event)
		l->o.event(l->o.event_ctx, event);
}

struct error *scanner_loop_scan(struct scanner_loop *l)
{
	struct progress *p = progress_start(l->scan);

	tell(l, SCANNER_LOOP_SCANS);
	struct error *err = scan_run(l->scan);

	tell(l, SCANNER_LOOP_SCANNED);
	progress_stop(p);
	return err;
}

static void count_groomed(const struct index_groom_counts *c)
{
	const struct {
		const char *table;
		uint64_t rows;
	} removed[] = {
		{ "containers", c->containers },
		{ "artifacts", c->artifacts },
		{ "build_ids", c->build_ids },
		{ "source_dirs", c->source_dirs },
		{ "points", c->points },
		{ "directories", c->directories },
		{ "ignored", c->ignored },
	};

	for (size_t i = 0; i < sizeof(removed) / sizeof(*removed); i++)
		metric_add(METRIC_GROOM_REMOVED,
			   metric_label(LABELS_TABLE, removed[i].table), 0,
			   (int64_t)removed[i].rows);
	log_info("groom", "finished", LOG_U("containers", c->containers),
		 LOG_U("artifacts", c->artifacts),
		 LOG_U("build_ids", c->build_ids),
		 LOG_U("directories", c->directories));
}

/* Is the index there to be groomed? If so it stays until end_groom(). */
static bool begin_groom(struct scanner_loop *l)
{
	LOCKED(&l->lock);
	while (l->is_reopening && !atomic_load(&l->stop))
		condition_wait(&l->asked, &l->lock);
	l->is_grooming = l->index && !atomic_load(&l->stop);
	return l->is_grooming;
}

static void end_groom(struct scanner_loop *l)
{
	LOCKED(&l->lock);
	l->is_grooming = false;
	condition_broadcast(&l->asked);
}

void scanner_loop_groom(struct scanner_loop *l)
{
	struct index_groom_counts counts;

	if (!begin_groom(l))
		return;
	metric_set(METRIC_GROOM_ACTIVE, 0, 0, 1);
	tell(l, SCANNER_LOOP_GROOMS);
	struct error *err = scan_groom(l->scan, &l->stop, &counts);

	bool is_damaged = err && index_needs_reopen(l->index);

	end_groom(l);
	if (is_damaged)
		scanner_loop_ask_scan(l);
	if (err)
		log_consume(LOG_ERROR, "groom", "failed", err);
	else
		count_groomed(&counts);
	tell(l, SCANNER_LOOP_GROOMED);
	metric_set(METRIC_GROOM_ACTIVE, 0, 0, 0);
	metric_inc(METRIC_GROOMS);
}

/* Wait until it is time, or somebody asks, or the end has come. */
static void wait_due(struct scanner_loop *l, int64_t until, bool *is_asked)
{
	LOCKED(&l->lock);
	while (!*is_asked && !atomic_load(&l->stop) && clock_ms() < until) {
		/* In steps, since "never" is further than a timespec holds. */
		int64_t step = clock_ms() + 3600000;

		condition_wait_until(&l->asked, &l->lock,
				     until < step ? until : step);
	}
	*is_asked = false;
}

static int64_t due_after(int64_t seconds)
{
	return seconds ? clock_ms() + seconds * 1000 : INT64_MAX;
}

static void *traverse_thread(void *arg)
{
	struct scanner_loop *l = arg;
	int64_t next = l->o.groom_first ? clock_ms() + FIRST_MS : 0;

	prctl(PR_SET_NAME, "traverse");
	atomic_store(&l->traverse_tid, gettid());
	if (l->o.groom_before_scan)
		scanner_loop_groom(l);
	for (;;) {
		wait_due(l, next, &l->scan_asked);
		if (atomic_load(&l->stop))
			return NULL;
		reopen_if_damaged(l);
		if (!l->index) {
			next = due_after(REOPEN_S);
			continue;
		}
		/* It said how it ended. */
		error_free(scanner_loop_scan(l));
		next = due_after(l->settings->rescan_s);
		if (l->settings->rescan_s && scan_has_more(l->scan) &&
		    next > due_after(REST_S))
			next = due_after(REST_S);
	}
}

static void *groom_thread(void *arg)
{
	struct scanner_loop *l = arg;
	int64_t next = l->o.groom_first ? clock_ms() + FIRST_MS
					: due_after(l->settings->groom_s);

	prctl(PR_SET_NAME, "groom");
	atomic_store(&l->groom_tid, gettid());
	for (;;) {
		wait_due(l, next, &l->groom_asked);
		if (atomic_load(&l->stop))
			return NULL;
		scanner_loop_groom(l);
		next = due_after(l->settings->groom_s);
	}
}

struct error *scanner_loop_start(struct scanner_loop *l)
{
	l->has_traverse =
		!pthread_create(&l->traverse, NULL, traverse_thread, l);
	l->has_groom = l->has_traverse &&
		       !pthread_create(&l->groom, NULL, groom_thread, l);
	return l->has_groom ? NULL : error_new(BUSY, "cannot start a thread");
}

pid_t scanner_loop_traverse_tid(const struct scanner_loop *l)
{
	return atomic_load(&l->traverse_tid);
}

pid_t scanner_loop_groom_tid(const struct scanner_loop *l)
{
	return atomic_load(&l->groom_tid);
}

static void ask(struct scanner_loop *l, bool *what)
{
	LOCKED(&l->lock);
	*what = true;
	condition_broadcast(&l->asked);
}

void scanner_loop_ask_scan(struct scanner_loop *l)
{
	ask(l, &l->scan_asked);
}

void scanner_loop_ask_groom(struct scanner_loop *l)
{
	ask(l, &l->groom_asked);
}

void scanner_loop_stop(struct scanner_loop *l)
{
	if (l->scan)
		scan_stop(l->scan);
	LOCKED(&l->lock);
	atomic_store(&l->stop, true);
	condition_broadcast(&l->asked);
}

void scanner_loop_join(struct scanner_loop *l)
{
	if (!l)
		return;
	scanner_loop_stop(l);
	if (l->has_traverse)
		pthread_join(l->traverse, NULL);
	if (l->has_groom)
		pthread_join(l->groom, NULL);
	l->has_traverse = l->has_groom = false;
}

void scanner_loop_close(struct scanner_loop *l)
{
	if (!l)
		return;
	scanner_loop_join(l);
	scan_destroy(l->scan);
	index_close(l->index);
	condition_deinit(&l->asked);
	lock_deinit(&l->lock);
	mem_free(l);
}

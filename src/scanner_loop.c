/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/prctl.h>

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

struct scanner_loop {
	const struct settings *settings;
	struct index *index;
	char state_dir[PATH_MAX], cache_dir[PATH_MAX]; /* canonical */
	struct scan *scan;
	index_changed_fn changed; /* of the index, when it is reopened */
	void *changed_ctx;
	pthread_t thread;
	bool has_thread;
	_Atomic bool stop;
	struct lock lock; /* COMMAND: guards what follows */
	struct condition asked;
	bool scan_asked, groom_asked;
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
	log_error("index", "damaged or moved: opening it again",
		  LOG_S("state_dir", l->settings->state_dir));
	index_close(STEAL(l->index));
	struct error *err = open_index(l);

	if (err)
		log_consume(LOG_ERROR, "index", "cannot be opened", err);
	else
		scan_use_index(l->scan, l->index);
	return true;
}

struct error *scanner_loop_open(const struct settings *s,
				const struct roots *roots, const char *program,
				struct scanner_loop **ret)
{
	struct scanner_loop *l = mem_zalloc(sizeof(*l));

	if (!l)
		return error_no_memory;
	l->settings = s;
	lock_init(&l->lock, LOCK_COMMAND);
	condition_init(&l->asked);
	struct error *err = file_make_dirs(s->cache_dir);

	if (!err)
		err = open_index(l);
	/* As the walk will meet them. */
	if (!err && (!realpath(s->state_dir, l->state_dir) ||
		     !realpath(s->cache_dir, l->cache_dir)))
		err = error_errno("%s and %s", s->state_dir, s->cache_dir);
	struct scan_options options = {
		.roots = (const char *const *)roots->v,
		.state_dir = l->state_dir,
		.cache_dir = l->cache_dir,
		.include = s->include,
		.exclude = s->exclude,
		.follow_symlinks = s->follow_symlinks,
		.one_file_system = s->one_file_system,
		.workers = (unsigned)s->workers,
		.program = program,
		.index = l->index,
	};

	if (!err)
		err = scan_create(&options, &l->scan);
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

struct error *scanner_loop_scan(struct scanner_loop *l)
{
	struct progress *p = progress_start(l->scan);
	struct error *err = scan_run(l->scan);

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

static void groom(struct scanner_loop *l)
{
	struct index_groom_counts counts;
	struct error *err =
		scan_groom(l->index, l->settings->state_dir, &l->stop, &counts);

	if (err)
		log_consume(LOG_ERROR, "groom", "failed", err);
	else
		count_groomed(&counts);
}

/* Wait until something is due. */
static void wait_due(struct scanner_loop *l, int64_t next_scan_ms,
		     int64_t next_groom_ms, bool *scan_ret, bool *groom_ret)
{
	int64_t until =
		next_scan_ms < next_groom_ms ? next_scan_ms : next_groom_ms;

	LOCKED(&l->lock);
	while (!l->scan_asked && !l->groom_asked && !l->stop &&
	       clock_ms() < until) {
		/* In steps, since "never" is further than a timespec holds. */
		int64_t step = clock_ms() + 3600000;

		condition_wait_until(&l->asked, &l->lock,
				     until < step ? until : step);
	}
	*scan_ret = l->scan_asked || clock_ms() >= next_scan_ms;
	*groom_ret = l->groom_asked || clock_ms() >= next_groom_ms;
	l->scan_asked = l->groom_asked = false;
}

static int64_t due_after(int64_t seconds)
{
	return seconds ? clock_ms() + seconds * 1000 : INT64_MAX;
}

static void *loop_thread(void *arg)
{
	struct scanner_loop *l = arg;
	int64_t next_scan = 0;
	int64_t next_groom = due_after(l->settings->groom_s);

	prctl(PR_SET_NAME, "scan");
	while (!atomic_load(&l->stop)) {
		bool scan_due, groom_due;

		wait_due(l, next_scan, next_groom, &scan_due, &groom_due);
		if (atomic_load(&l->stop))
			break;
		if (reopen_if_damaged(l))
			scan_due = true;
		if (!l->index) {
			next_scan = due_after(REOPEN_S);
			continue;
		}
		if (scan_due) {
			log_consume(LOG_ERROR, "scan", "failed",
				    scanner_loop_scan(l));
			next_scan = due_after(l->settings->rescan_s);
		}
		if (groom_due) {
			groom(l);
			next_groom = due_after(l->settings->groom_s);
		}
	}
	return NULL;
}

struct error *scanner_loop_start(struct scanner_loop *l)
{
	if (pthread_create(&l->thread, NULL, loop_thread, l))
		return error_new(BUSY, "cannot start a thread");
	l->has_thread = true;
	return NULL;
}

void scanner_loop_ask_scan(struct scanner_loop *l)
{
	LOCKED(&l->lock);
	l->scan_asked = true;
	condition_signal(&l->asked);
}

void scanner_loop_ask_groom(struct scanner_loop *l)
{
	LOCKED(&l->lock);
	l->groom_asked = true;
	condition_signal(&l->asked);
}

void scanner_loop_stop(struct scanner_loop *l)
{
	if (l->scan)
		scan_stop(l->scan);
	LOCKED(&l->lock);
	atomic_store(&l->stop, true);
	condition_signal(&l->asked);
}

void scanner_loop_close(struct scanner_loop *l)
{
	if (!l)
		return;
	scanner_loop_stop(l);
	if (l->has_thread)
		pthread_join(l->thread, NULL);
	scan_destroy(l->scan);
	index_close(l->index);
	condition_deinit(&l->asked);
	lock_deinit(&l->lock);
	mem_free(l);
}

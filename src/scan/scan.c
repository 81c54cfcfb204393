/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "scan/scan_internal.h"
#include "scan/walk.h"

/* Items gathered before they are handed out: bounds memory on a first scan of
 * millions of files. */
enum { ITEMS_MAX = 100000, POOL_IDLE_MS = 1000 };
/* Of a process, the first pass tries again all that may have passed by. One that
 * breaks off has not come to all of it, and so does the next one; but where each
 * breaks off, files that cost workers their lives are not to do so each time. */
enum { FIRST_PASSES = 3 };
/* Left to the rest of the process, or a quarter if that is more. */
enum { KEPT_DESCRIPTORS = 64 };

static struct error *compile(const char *name, const char *re, regex_t *ret,
			     bool *has_ret)
{
	char text[256];
	int rc;

	if (!re || !*re)
		return NULL;
	rc = regcomp(ret, re, REG_EXTENDED | REG_NOSUB);
	if (rc) {
		regerror(rc, ret, text, sizeof(text));
		return error_new(BAD_REQUEST, "--%s: \"%s\": %s", name, re,
				 text);
	}
	*has_ret = true;
	return NULL;
}

/* Files a job, so that the jobs that run, those that wait (as many) and the one
 * being made leave descriptors for the rest of the process. */
static size_t batch_max(unsigned workers)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 1;
	uint64_t kept = limit.rlim_cur / 4;

	if (kept < KEPT_DESCRIPTORS)
		kept = KEPT_DESCRIPTORS;
	if (limit.rlim_cur <= kept)
		return 1;
	uint64_t budget = (limit.rlim_cur - kept) / (2 * (uint64_t)workers + 1);

	if (budget > SCAN_BATCH_MAX)
		return SCAN_BATCH_MAX;
	/* One is the place for large members. */
	return budget > 2 ? (size_t)budget - 1 : 1;
}

struct error *scan_create(const struct scan_options *options, struct scan **ret)
{
	struct scan *s = mem_zalloc(sizeof(*s));
	struct worker_pool_options pool = {
		.name = "scan",
		.program = options->program,
		.workers = options->workers,
		.queue_limit = options->workers,
		.idle_ms = POOL_IDLE_MS,
	};
	struct error *err;

	if (!s)
		return error_no_memory;
	s->o = *options;
	s->skip[0] = options->state_dir;
	s->skip[1] = options->cache_dir;
	s->batch_max = batch_max(options->workers);
	lock_init(&s->lock, LOCK_SCAN_QUEUE);
	condition_init(&s->idle);
	err = compile("include", options->include, &s->include,
		      &s->has_include);
	if (!err)
		err = compile("exclude", options->exclude, &s->exclude,
			      &s->has_exclude);
	if (!err)
		err = worker_pool_create(&pool, &s->pool);
	if (err) {
		scan_destroy(s);
		return err;
	}
	*ret = s;
	return NULL;
}

static void drop_items(struct scan *s)
{
	for (size_t i = 0; i < s->item_count; i++)
		mem_free(s->items[i].path);
	s->item_count = 0;
}

/* What one pass gathered. */
static void drop_pass(struct scan *s)
{
	drop_items(s);
	known_deinit(&s->known);
	path_table_deinit(&s->queued);
	path_table_deinit(&s->quiet_dirs);
	for (size_t i = 0; i < s->quiet_count; i++) {
		mem_free(s->quiet[i].path);
		mem_free(s->quiet[i].prints);
	}
	s->quiet_count = 0;
	path_table_deinit(&s->failed_dirs);
	s->root_failed = false;
	error_free(STEAL(s->fatal));
}

void scan_destroy(struct scan *s)
{
	if (!s)
		return;
	worker_pool_destroy(s->pool);
	drop_pass(s);
	path_table_deinit(&s->resolving.useless);
	mem_free(s->items);
	mem_free(s->quiet);
	mem_free(s->again);
	if (s->has_include)
		regfree(&s->include);
	if (s->has_exclude)
		regfree(&s->exclude);
	condition_deinit(&s->idle);
	lock_deinit(&s->lock);
	mem_free(s);
}

const struct scan_progress *scan_progress(const struct scan *s)
{
	return &s->progress;
}

bool scan_has_more(const struct scan *s)
{
	return s->resolving.is_cut;
}

void scan_use_index(struct scan *s, struct index *index)
{
	s->o.index = index;
}

void scan_stop(struct scan *s)
{
	atomic_store(&s->stop, true);
	/* The scanning thread may be waiting for jobs. */
	worker_pool_abort(s->pool);
}

bool scan_is_wanted(const struct scan *s, const char *path)
{
	if (s->has_exclude && !regexec(&s->exclude, path, 0, NULL, 0))
		return false;
	return !s->has_include || !regexec(&s->include, path, 0, NULL, 0);
}

/* The directory's entry. A walk brings most files of one directory together;
 * where links are followed or roots overlap, others come in between. */
static struct error *quiet_dir(struct scan *s, const char *dir, size_t *ret)
{
	if (s->quiet_count && !strcmp(s->quiet[s->quiet_count - 1].path, dir)) {
		*ret = s->quiet_count - 1;
		return NULL;
	}
	bool is_new;
	struct path_slot *slot = path_table_get(
		&s->quiet_dirs, known_path_hash(&s->known, dir), &is_new);

	if (!slot)
		return error_no_memory;
	if (!is_new) {
		*ret = slot->value;
		return NULL;
	}
	/* Without memory the pass ends, and the slot with it. */
	char *copy = mem_strdup(dir);

	if (!copy)
		return error_no_memory;
	LOCKED(&s->lock);
	if (!mem_grow(&s->quiet, &s->quiet_capacity, s->quiet_count + 1,
		      sizeof(*s->quiet))) {
		mem_free(copy);
		return error_no_memory;
	}
	*ret = slot->value = s->quiet_count++;
	struct quiet_dir *fresh = &s->quiet[*ret];
	struct known_dir *known = known_find_dir(&s->known, dir);

	*fresh = (struct quiet_dir) { .path = copy };
	if (!known)
		return NULL;
	if (!known->is_seen) {
		known->is_seen = true;
		s->known.dirs_seen++;
	}
	/* Most likely as many as last time. */
	return mem_grow(&fresh->prints, &fresh->capacity, known->count,
			sizeof(*fresh->prints))
		       ? NULL
		       : error_no_memory;
}

static struct error *add_item(struct scan *s, const char *path,
			      const struct index_stamp *stamp,
			      const struct scan_way *way, size_t dir,
			      bool was_known)
{
	bool is_new;

	if (!path_table_get(&s->queued, known_path_hash(&s->known, path),
			    &is_new))
		return error_no_memory;
	if (!is_new)
		return NULL; /* met beneath an earlier root, or by a link */
	char *copy = mem_strdup(path);

	if (!copy || !mem_grow(&s->items, &s->item_capacity, s->item_count + 1,
			       sizeof(*s->items))) {
		mem_free(copy);
		return error_no_memory;
	}
	s->items[s->item_count++] = (struct scan_item) {
		.path = copy,
		.stamp = *stamp,
		.way = *way,
		.root_order = s->root_order,
		.quiet_dir = dir,
		.was_known = was_known,
	};
	atomic_fetch_add(&s->progress.total_files, 1);
	atomic_fetch_add(&s->progress.total_bytes, stamp->size);
	metric_set(METRIC_SCAN_PENDING, 0, 0, (int64_t)s->item_count);
	return NULL;
}

static struct error *dispatch(struct scan *s)
{
	struct error *err = scan_dispatch(s);

	drop_items(s);
	metric_set(METRIC_SCAN_PENDING, 0, 0, 0);
	return err;
}

/* As debuginfod counts: one that is both not included and excluded is two. */
static void count_met(const struct scan *s, const char *path, bool is_wanted)
{
	if (is_wanted)
		scan_traversed("file");
	if (!is_wanted && s->has_include &&
	    regexec(&s->include, path, 0, NULL, 0))
		scan_traversed("skipped_include");
	if (!is_wanted && s->has_exclude &&
	    !regexec(&s->exclude, path, 0, NULL, 0))
		scan_traversed("skipped_exclude");
}

static struct error *consider(struct scan *s, const char *dir, const char *path,
			      const struct stat *st, bool is_wanted)
{
	struct index_stamp stamp = {
		.mtime_ns = clock_timespec_ns(st->st_mtim),
		.ctime_ns = clock_timespec_ns(st->st_ctim),
		.size = (uint64_t)st->st_size,
		.inode = st->st_ino,
	};
	struct known_entry *known;
	struct scan_way way;
	size_t quiet = 0;

	is_wanted = is_wanted && scan_way_of(s, path, &way);
	if (!is_wanted && !s->o.policy.keep_unwanted)
		return NULL;
	known = known_find(&s->known, path);
	if (known && !known->is_seen) {
		known->is_seen = true;
		s->known.entries_seen++;
	}
	if (!is_wanted)
		return NULL;
	if (known && !known->is_retry_due &&
	    known->stamp == known_stamp_hash(&s->known, &stamp) &&
	    scan_way_made(&way, known->mark))
		return NULL;
	TRY(quiet_dir(s, dir, &quiet));
	uint64_t print =
		scan_way_print(&way, known_print(&s->known, path, &stamp));

	if (!known && known_has_print(&s->known, print)) {
		LOCKED(&s->lock);
		return scan_add_quiet(s, quiet, print) ? NULL : error_no_memory;
	}
	TRY(add_item(s, path, &stamp, &way, quiet, known != NULL));
	return s->item_count >= ITEMS_MAX ? dispatch(s) : NULL;
}

static struct error *on_file(void *ctx, const char *dir, const char *path,
			     const struct stat *st)
{
	struct scan *s = ctx;
	uint64_t queued = atomic_load(&s->progress.total_files);
	bool is_wanted = scan_is_wanted(s, path);

	atomic_fetch_add(&s->progress.visited, 1);
	metric_inc(METRIC_SCAN_VISITED);
	count_met(s, path, is_wanted);
	TRY(consider(s, dir, path, st, is_wanted));
	if (is_wanted && queued == atomic_load(&s->progress.total_files))
		atomic_fetch_add(&s->progress.settled, 1);
	return NULL;
}

static void on_problem(void *ctx, const char *path, struct error *err)
{
	CLEANUP_ERROR struct error *owned = err;
	struct scan *s = ctx;
	bool is_new;

	scan_traversed("error");
	scan_note_problem(s, path, error_kind(owned), error_message(owned));
	if (!path_table_get(&s->failed_dirs, known_path_hash(&s->known, path),
			    &is_new))
		s->root_failed = true;
}

static struct error *walk_roots(struct scan *s)
{
	s->root_order = 0;
	for (const char *const *root = s->o.roots; *root; root++) {
		struct walk_options walk = {
			.root = *root,
			.skip = s->skip,
			.follow_symlinks = s->o.follow_symlinks,
			.one_file_system = s->o.one_file_system,
			.max_depth = s->o.policy.max_depth,
			.stop = &s->stop,
			.file = on_file,
			.problem = on_problem,
			.ctx = s,
		};

		TRY(walk_tree(&walk));
		s->root_order++;
	}
	return NULL;
}

/* ---- What is gone ------------------------------------------------------- */

struct gone {
	struct scan *s;
	char **paths;
	size_t count, capacity;
};

static void gone_deinit(struct gone *g)
{
	for (size_t i = 0; i < g->count; i++)
		mem_free(g->paths[i]);
	mem_free(g->paths);
}

static struct error *gone_add(struct gone *g, const char *path)
{
	char *copy = mem_strdup(path);

	if (!copy || !mem_grow(&g->paths, &g->capacity, g->count + 1,
			       sizeof(*g->paths))) {
		mem_free(copy);
		return error_no_memory;
	}
	g->paths[g->count++] = copy;
	return NULL;
}

/* Nothing is known of what lies beneath a directory that could not be read. */
static bool is_beneath_failed(const struct scan *s, const char *path)
{
	if (!s->failed_dirs.count)
		return false;
	CLEANUP_FREE char *dir = mem_strdup(path);

	if (!dir)
		return true;
	for (size_t n = strlen(dir); n; n--) {
		if (dir[n] && dir[n] != '/')
			continue;
		dir[n] = '\0';
		if (path_table_has(&s->failed_dirs,
				   known_path_hash(&s->known, dir)))
			return true;
	}
	return path_table_has(&s->failed_dirs, known_path_hash(&s->known, "/"));
}

static struct error *add_if_unseen(void *ctx, const struct index_known *k)
{
	struct gone *g = ctx;
	struct known_entry *entry = known_find(&g->s->known, k->path);

	/* No entry: it was added by this very scan. */
	if (!entry || entry->is_seen || is_beneath_failed(g->s, k->path))
		return NULL;
	entry->is_seen = true; /* roots may overlap: once is enough */
	return gone_add(g, k->path);
}

static struct error *add_dir_if_unseen(void *ctx, const char *dir,
				       const uint64_t *prints, size_t count)
{
	struct gone *g = ctx;
	struct known_dir *known = known_find_dir(&g->s->known, dir);

	(void)prints;
	(void)count;
	if (!known || known->is_seen || is_beneath_failed(g->s, dir))
		return NULL;
	known->is_seen = true;
	return gone_add(g, dir);
}

static struct error *forget_gone(struct scan *s, struct index_reader *r)
{
	CLEANUP(gone_deinit) struct gone files = { .s = s };
	CLEANUP(gone_deinit) struct gone dirs = { .s = s };
	const struct known *k = &s->known;

	/* What was not met may lie beneath a directory that has no name here.
	 */
	if (s->root_failed)
		return NULL;
	if (k->entries_seen == k->entry_count && k->dirs_seen == k->dir_count)
		return NULL;
	for (const char *const *root = s->o.roots; *root; root++) {
		TRY(index_each_known(r, *root, add_if_unseen, &files));
		TRY(index_each_ignored(r, *root, add_dir_if_unseen, &dirs));
	}
	for (size_t i = 0; i < files.count && !atomic_load(&s->stop); i++) {
		TRY(index_remove_container(s->o.index, files.paths[i]));
		atomic_fetch_add(&s->progress.removed, 1);
		metric_inc(METRIC_SCAN_REMOVED);
		log_debug("scan", "gone", LOG_S("path", files.paths[i]));
	}
	for (size_t i = 0; i < dirs.count && !atomic_load(&s->stop); i++)
		TRY(index_put_ignored(s->o.index, dirs.paths[i], NULL, 0));
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Sort, and drop what came twice: roots may overlap. */
static void tidy(struct quiet_dir *d)
{
	size_t kept = 0;

	if (!d->count)
		return;
	qsort(d->prints, d->count, sizeof(*d->prints), by_value);
	d->sum = 0;
	for (size_t i = 0; i < d->count; i++) {
		if (kept && d->prints[i] == d->prints[kept - 1])
			continue;
		d->sum += d->prints[i];
		d->prints[kept++] = d->prints[i];
	}
	d->count = kept;
}

/* After a stop as well, though not for long: what was found to be of no
 * interest need not be opened again by the next pass. */
static struct error *write_quiet(struct scan *s)
{
	enum { PATIENCE_MS = 2000 };
	int64_t until = clock_ms() + PATIENCE_MS;

	for (size_t i = 0; i < s->quiet_count; i++) {
		struct quiet_dir *d = &s->quiet[i];
		const struct known_dir *known =
			known_find_dir(&s->known, d->path);

		tidy(d);
		if (known ? known->sum == d->sum && known->count == d->count
			  : !d->count)
			continue;
		TRY(index_put_ignored(s->o.index, d->path, d->prints,
				      d->count));
		if (atomic_load(&s->stop) && clock_ms() > until)
			break;
	}
	return NULL;
}

/* ---- One pass ----------------------------------------------------------- */

static struct error *load_known(struct scan *s, struct index_reader **ret)
{
	TRY(index_reader_open(s->o.index_place, ret));
	return known_load(&s->known, *ret, index_secret(s->o.index), s->o.roots,
			  s->first_passes < FIRST_PASSES);
}

/* Files that did not change follow the operator's order too. The first root's
 * is written last: what lies beneath two has the earlier one's. */
static struct error *put_order(struct scan *s)
{
	unsigned count = 0;

	if (!s->known.is_misordered)
		return NULL;
	while (s->o.roots[count])
		count++;
	while (count-- && !atomic_load(&s->stop))
		TRY(index_set_root(s->o.index, s->o.roots[count], count));
	return NULL;
}

static struct error *pass(struct scan *s, struct index_reader **reader)
{
	TRY(load_known(s, reader));
	TRY(scan_put_roots(s, *reader));
	TRY(put_order(s));
	atomic_store(&s->progress.is_walking, true);
	TRY(walk_roots(s));
	atomic_store(&s->progress.is_walking, false);
	/* Of a part of the tree nothing can be said of what is left out. */
	if (atomic_load(&s->stop))
		return NULL;
	TRY(dispatch(s));
	if (!atomic_load(&s->stop))
		TRY(forget_gone(s, *reader));
	if (!atomic_load(&s->stop))
		TRY(scan_resolve(s, *reader));
	return write_quiet(s);
}

static void begin_progress(struct scan *s)
{
	struct scan_progress *p = &s->progress;

	atomic_store(&p->visited, 0);
	atomic_store(&p->total_files, 0);
	atomic_store(&p->total_bytes, 0);
	atomic_store(&p->done_files, 0);
	atomic_store(&p->done_bytes, 0);
	atomic_store(&p->failed, 0);
	atomic_store(&p->artifacts, 0);
	atomic_store(&p->removed, 0);
	atomic_store(&p->started_ms, clock_ms());
	atomic_store(&p->is_active, true);
	metric_set(METRIC_SCAN_ACTIVE, 0, 0, 1);
}

/* @p err: of the pass; borrowed. */
static void end_progress(struct scan *s, const struct error *err)
{
	const char *kind = err ? error_kind_label(error_kind(err)) : NULL;
	struct scan_progress *p = &s->progress;
	int64_t took_ms = clock_ms() - atomic_load(&p->started_ms);

	atomic_store(&p->failure_plus_one, err ? error_kind(err) + 1U : 0);
	atomic_store(&p->is_walking, false);
	atomic_store(&p->is_active, false);
	metric_set(METRIC_SCAN_ACTIVE, 0, 0, 0);
	if (err) {
		metric_add(METRIC_SCAN_FAILURES,
			   metric_label(LABELS_KIND, kind), 0, 1);
	} else {
		metric_set(METRIC_SCAN_SECONDS, 0, 0, took_ms / 1000);
		metric_set(METRIC_SCAN_FINISHED, 0, 0, clock_wall_s());
		metric_inc(METRIC_SCANS);
	}
	log_event(
		err ? LOG_ERROR : LOG_INFO, "scan",
		err                     ? "failed"
		: atomic_load(&s->stop) ? "stopped"
					: "finished",
		LOG_U("visited", atomic_load(&p->visited)),
		LOG_U("looked_into", atomic_load(&p->done_files)),
		LOG_U("bytes", atomic_load(&p->done_bytes)),
		LOG_U("artifacts", atomic_load(&p->artifacts)),
		LOG_U("unreadable", atomic_load(&p->failed)),
		LOG_U("removed", atomic_load(&p->removed)),
		LOG_D("seconds", (double)took_ms / 1000),
		(struct log_field) { .key = err ? "kind" : NULL, .text = kind },
		LOG_S("error", err ? error_message(err) : NULL));
}

struct error *scan_run(struct scan *s)
{
	struct index_reader *reader = NULL;

	begin_progress(s);
	struct error *err = pass(s, &reader);

	if (!err)
		s->first_passes = FIRST_PASSES;
	else if (s->first_passes < FIRST_PASSES)
		s->first_passes++;
	end_progress(s, err);
	index_reader_close(reader);
	drop_pass(s);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From files to look into, through the workers, into the index.
 *
 * Large files go alone and first, largest first, so that the last one to end
 * is a small one; small files go in batches, because a message to another
 * process costs more than reading one ELF header.
 *
 * Invariants
 * 1. Every item is either finished (written, or noted as of no interest) or in
 *    s->again, and that list is worked off with one item a job. An item alone
 *    in its job is always finished.
 * 2. A job's results go into the index in one transaction.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/units.h"
#include "scan/assist.h"
#include "scan/scan_internal.h"
#include "worker/worker_limits.h"

#define ALONE_BYTES (4 * MIB)
#define BATCH_BYTES (64 * MIB)
/* A file smaller than this cannot hold a member too large for memory within
 * the ratio that is allowed. */
#define NO_SPILL_BYTES (64 * KIB)
/* How long a worker may be idle while an archive could do with help. */
enum { ASSIST_LOOK_MS = 50 };
enum { CPU_LIMIT_MAX_S = 3600 };
/* What one job may make the server hold at a time. */
#define RESULT_LIMIT_BYTES (256 * MIB)

static void set_fatal(struct scan *s, struct error *err)
{
	LOCKED(&s->lock);
	if (s->fatal)
		error_free(err);
	else
		s->fatal = err;
}

/* The index refused the rows: as if the worker had not spoken of the files. A
 * print that was added by then may be added again. */
static void take_back(struct scan_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		job->results[i].has_end = false;
}

static void add_again(struct scan *s, struct scan_item *item)
{
	LOCKED(&s->lock);
	if (mem_grow(&s->again, &s->again_capacity, s->again_count + 1,
		     sizeof(struct scan_item *)))
		s->again[s->again_count++] = item;
	else if (!s->fatal)
		s->fatal = error_no_memory;
}

static void count_done(struct scan *s, const struct scan_item *item)
{
	atomic_fetch_add(&s->progress.done_files, 1);
	atomic_fetch_add(&s->progress.settled, 1);
	atomic_fetch_add(&s->progress.done_bytes, item->stamp.size);
}

/* That the machine had no descriptor or process to spare says nothing of the
 * file: it is tried again when what runs now is done, within reason. */
static bool may_wait(struct scan_item *item, const struct error *err)
{
	enum { BUSY_TRIES = 20 };

	return err && error_kind(err) == ERROR_BUSY &&
	       item->busy_tries++ < BUSY_TRIES;
}

/* What becomes of the files there is no end for. @p err says why; it
 * is borrowed. */
static struct error *settle_rest(struct scan_job *job, struct error *err)
{
	struct scan *s = job->scan;

	for (size_t i = 0; i < job->count; i++) {
		struct scan_item *item = job->items[i];

		if (job->results[i].has_end) {
			count_done(s, item);
		} else if (atomic_load(&s->stop)) {
			continue;
		} else if (job->count > 1 || may_wait(item, err)) {
			add_again(s, item);
		} else {
			count_done(s, item);
			TRY(scan_put_failed(
				s, item,
				err ? error_new_at(error_kind(err), __FILE__,
						   __LINE__, "%s",
						   error_message(err))
				    : error_new(WORKER, "no answer")));
		}
	}
	return NULL;
}

static void job_free(struct scan_job *job)
{
	pipe_command_kill(&job->command);
	for (size_t i = 0; i < job->count; i++)
		file_result_deinit(&job->results[i]);
	scan_share_end(job->scan, job->shared);
	for (size_t i = 0; i < job->base.fd_count; i++)
		close(job->base.fds[i]);
	buf_deinit(&job->base.request);
	mem_free(job);
}

static struct error *on_answer(struct worker_job *base, enum wire_type type,
			       struct reader *payload)
{
	struct scan_job *job = (struct scan_job *)base;

	if (type != WIRE_FILE) {
		job->bytes += payload->size + sizeof(struct found_artifact);
		if (job->bytes > RESULT_LIMIT_BYTES)
			return error_new(
				LIMIT, "more than %llu bytes of facts",
				(unsigned long long)RESULT_LIMIT_BYTES);
		return file_result_take(&job->results[job->current], type,
					payload);
	}
	job->current = reader_u32(payload);
	if (job->current < job->count && reader_ok(payload))
		return NULL;
	job->current = 0;
	return error_new(BAD_DATA, "worker speaks of a file it was not given");
}

static struct index_stamp stamp_of(const struct stat *st)
{
	return (struct index_stamp) {
		.mtime_ns = clock_timespec_ns(st->st_mtim),
		.ctime_ns = clock_timespec_ns(st->st_ctim),
		.size = (uint64_t)st->st_size,
		.inode = st->st_ino,
	};
}

/* Is the file still the one that the command was given? */
static struct error *check_unchanged(const struct scan_item *item)
{
	struct stat st;

	if (lstat(item->path, &st))
		return error_errno("look at the file again");
	struct index_stamp now = stamp_of(&st);

	if (now.mtime_ns == item->stamp.mtime_ns &&
	    now.ctime_ns == item->stamp.ctime_ns &&
	    now.size == item->stamp.size && now.inode == item->stamp.inode)
		return NULL;
	return error_new(IO, "changed while a command read it");
}

/* How the command ended belongs to what its output held. */
static void end_command(struct scan_job *job)
{
	struct file_result *r = &job->results[0];

	if (!job->command.pid)
		return;
	struct error *err =
		pipe_command_end(&job->command, r->end.is_read_to_end);

	if (!err && r->has_end)
		err = check_unchanged(job->items[0]);
	if (err && r->has_end)
		file_result_fail(r, err);
	else
		error_free(err);
}

static void on_done(struct worker_job *base, struct error *err)
{
	CLEANUP_ERROR struct error *owned = err;
	struct scan_job *job = (struct scan_job *)base;
	struct scan *s = job->scan;
	struct error *fatal = NULL;

	/* Before writing, which takes its time: helpers are to end. */
	scan_share_end(s, STEAL(job->shared));
	end_command(job);
	if (!atomic_load(&s->stop))
		fatal = scan_write_results(job);
	if (fatal && !scan_is_fatal(error_kind(fatal))) {
		take_back(job);
		error_free(owned);
		owned = STEAL(fatal);
	}
	if (!fatal)
		fatal = settle_rest(job, owned);
	if (fatal)
		set_fatal(s, fatal);
	job_free(job);
	LOCKED(&s->lock);
	s->outstanding--;
	condition_signal(&s->idle);
}

/* ---- Jobs --------------------------------------------------------------- */

static bool must_stop(struct scan *s)
{
	LOCKED(&s->lock);
	return s->fatal || atomic_load(&s->stop);
}

/* There is no descriptor to be had: wait until a job gives its own back.
 * Only the calling thread begins jobs, so their number can only fall.
 *
 * @return False if there is no job to wait for. */
static bool wait_for_one(struct scan *s)
{
	LOCKED(&s->lock);
	unsigned before = s->outstanding;

	while (before && s->outstanding == before)
		condition_wait(&s->idle, &s->lock);
	return before;
}

/* @p may_wait: the job at hand holds no descriptor that others wait for. */
static int open_patiently(struct scan *s, const char *path, bool may_wait)
{
	for (;;) {
		int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
					    O_NOCTTY | O_CLOEXEC);
		int why = errno;

		if (fd >= 0 || (why != EMFILE && why != ENFILE) || !may_wait ||
		    !wait_for_one(s)) {
			errno = why;
			return fd;
		}
	}
}

enum { FD_NONE = -1, FD_LATER = -2 };

/* Open an item. @p fd_ret is FD_NONE if it is gone or was recorded as
 * unreadable; FD_LATER if there is no descriptor and @p may_wait is false. */
static struct error *open_item(struct scan *s, struct scan_item *item,
			       bool may_wait, int *fd_ret)
{
	CLEANUP_CLOSE int fd = open_patiently(s, item->path, may_wait);
	struct stat st;

	*fd_ret = FD_NONE;
	if (fd < 0 && !may_wait && (errno == EMFILE || errno == ENFILE)) {
		*fd_ret = FD_LATER;
		return NULL;
	}
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
		count_done(s, item);
		return NULL; /* gone: its row goes with the next scan */
	}
	if (fd < 0 || fstat(fd, &st)) {
		struct error *err = error_errno("open");

		count_done(s, item);
		return scan_put_failed(s, item, err);
	}
	if (!S_ISREG(st.st_mode)) {
		count_done(s, item);
		return NULL;
	}
	item->stamp = stamp_of(&st);
	posix_fadvise(fd, 0, 0,
		      item->stamp.size > ALONE_BYTES ? POSIX_FADV_SEQUENTIAL
						     : POSIX_FADV_RANDOM);
	*fd_ret = steal_fd(&fd);
	return NULL;
}

static struct scan_job *job_create(struct scan *s)
{
	struct scan_job *job = mem_zalloc(sizeof(*job));

	if (!job)
		return NULL;
	job->scan = s;
	job->base.type = WIRE_SCAN;
	job->base.answer = on_answer;
	job->base.done = on_done;
	return job;
}

uint32_t scan_cpu_limit(uint64_t bytes)
{
	/* Sizes are the file system's word: no product of one is safe. */
	if (bytes / GIB >= CPU_LIMIT_MAX_S / WORKER_SCAN_CPU_S_PER_GIB)
		return CPU_LIMIT_MAX_S;
	uint64_t s = WORKER_SCAN_CPU_S_LEAST +
		     bytes * WORKER_SCAN_CPU_S_PER_GIB / GIB;

	return s < CPU_LIMIT_MAX_S ? (uint32_t)s : CPU_LIMIT_MAX_S;
}

/* Behind the file and the place for large members. */
static void share_with_helpers(struct scan_job *job, uint64_t size)
{
	struct worker_job *base = &job->base;
	int fd;

	job->shared = scan_share_begin(job->scan, base->fds[0], size, &fd);
	if (job->shared)
		base->fds[base->fd_count++] = fd;
}

static struct error *open_spill(struct scan_job *job)
{
	for (;;) {
		int fd;
		struct error *err =
			file_open_temporary(job->scan->o.cache_dir, 0, &fd);

		if (!err) {
			job->base.fds[job->base.fd_count++] = fd;
			return NULL;
		}
		if (error_kind(err) != ERROR_BUSY || !wait_for_one(job->scan))
			return err;
		error_free(err);
	}
}

/* When a worker is free for it. The file itself was opened for its stamp. */
static struct error *begin_command(struct worker_job *base)
{
	struct scan_job *job = (struct scan_job *)base;
	const struct scan_item *item = job->items[0];
	const char *dir = job->scan->o.cache_dir;

	close(base->fds[--base->fd_count]);
	TRY(pipe_command_start(&job->command, item->way.rule->command,
			       item->path, &base->fds[0]));
	/* The file for large members, and the one for all that is printed. */
	for (base->fd_count = 1; base->fd_count < 3; base->fd_count++)
		TRY(file_open_temporary(dir, 0, &base->fds[base->fd_count]));
	return NULL;
}

static struct error *fill_request(struct scan_job *job)
{
	struct scan_file files[SCAN_BATCH_MAX] = { 0 };
	uint64_t largest = 0, bytes = 0;

	for (size_t i = 0; i < job->count; i++) {
		files[i] = (struct scan_file) {
			.path = job->items[i]->path,
			.size = job->items[i]->stamp.size,
			.choice = job->items[i]->way.as,
			.is_piped = job->base.begin != NULL,
			.no_sources = job->scan->o.policy.no_sources,
		};
		bytes += files[i].size;
		if (files[i].size > largest)
			largest = files[i].size;
	}
	scan_request_put(&job->base.request, files, job->count);
	job->base.cpu_limit_s = scan_cpu_limit(bytes);
	if (job->base.begin)
		return NULL;
	if (largest > NO_SPILL_BYTES)
		TRY(open_spill(job));
	if (job->count == 1)
		share_with_helpers(job, largest);
	return NULL;
}

static struct error *submit(struct scan *s, struct scan_job *job)
{
	if (scan_way_has_command(&job->items[0]->way))
		job->base.begin = begin_command;
	struct error *err = fill_request(job);

	if (err && error_kind(err) == ERROR_BUSY) {
		/* Somebody else has all the descriptors. */
		CLEANUP_ERROR struct error *why = err;

		err = settle_rest(job, why);
		job_free(job);
		return err;
	}
	if (!err) {
		LOCKED(&s->lock);
		s->outstanding++;
	}
	if (!err) {
		err = worker_pool_submit_wait(s->pool, &job->base);
		if (!err)
			return NULL;
		LOCKED(&s->lock);
		s->outstanding--;
	}
	job_free(job);
	if (atomic_load(&s->stop)) {
		error_free(err);
		return NULL;
	}
	return err;
}

/* One job of up to @p limit items from the front of @p items. */
static struct error *submit_some(struct scan *s, struct scan_item **items,
				 size_t count, size_t limit, size_t *taken_ret)
{
	struct scan_job *job = job_create(s);
	uint64_t bytes = 0;
	size_t i;

	if (!job)
		return error_no_memory;
	for (i = 0; i < count && job->count < limit && bytes < BATCH_BYTES;
	     i++) {
		int fd;
		struct error *err = open_item(s, items[i], !job->count, &fd);

		if (err) {
			job_free(job);
			return err;
		}
		if (fd == FD_LATER)
			break;
		if (fd == FD_NONE)
			continue;
		bytes += items[i]->stamp.size;
		job->base.fds[job->base.fd_count++] = fd;
		job->items[job->count++] = items[i];
	}
	*taken_ret = i;
	if (!job->count) {
		job_free(job);
		return NULL;
	}
	return submit(s, job);
}

static int by_size_descending(const void *a, const void *b)
{
	const struct scan_item *x = *(struct scan_item *const *)a;
	const struct scan_item *y = *(struct scan_item *const *)b;

	return (x->stamp.size < y->stamp.size) -
	       (x->stamp.size > y->stamp.size);
}

/* A command takes its time, however small the file. */
static bool is_alone(const struct scan_item *item)
{
	return item->stamp.size >= ALONE_BYTES ||
	       scan_way_has_command(&item->way);
}

static struct error *submit_all(struct scan *s, struct scan_item **order)
{
	size_t large = 0, at, n;

	/* Small ones keep the order of the walk: neighbours on disk. */
	for (size_t i = 0; i < s->item_count; i++) {
		if (is_alone(&s->items[i]))
			order[large++] = &s->items[i];
	}
	at = large;
	for (size_t i = 0; i < s->item_count; i++) {
		if (!is_alone(&s->items[i]))
			order[at++] = &s->items[i];
	}
	qsort(order, large, sizeof(struct scan_item *), by_size_descending);
	for (size_t i = 0; i < s->item_count && !must_stop(s); i += n) {
		size_t left = s->item_count - i;

		if (i < large)
			TRY(submit_some(s, order + i, left, 1, &n));
		else
			TRY(submit_some(s, order + i, left, s->batch_max, &n));
	}
	return NULL;
}

static void wait_idle(struct scan *s)
{
	for (;;) {
		scan_assist(s);
		LOCKED(&s->lock);
		if (!s->outstanding)
			return;
		if (s->shared)
			condition_wait_until(&s->idle, &s->lock,
					     clock_ms() + ASSIST_LOOK_MS);
		else
			condition_wait(&s->idle, &s->lock);
	}
}

/* Files whose batch failed under them, one by one: the guilty one is then
 * known. */
static struct error *submit_again(struct scan *s)
{
	size_t left;

	{
		LOCKED(&s->lock);
		left = s->again_count;
	}
	/* Those that come back meanwhile wait for the next round. */
	for (; left && !must_stop(s); left--) {
		struct scan_item *item;
		size_t n;

		{
			LOCKED(&s->lock);
			item = s->again[--s->again_count];
		}
		TRY(submit_some(s, &item, 1, 1, &n));
	}
	return NULL;
}

struct error *scan_dispatch(struct scan *s)
{
	CLEANUP_FREE struct scan_item **order =
		mem_array(s->item_count, sizeof(*order));
	struct error *err = order ? submit_all(s, order) : error_no_memory;

	wait_idle(s);
	while (!err && s->again_count && !must_stop(s)) {
		err = submit_again(s);
		wait_idle(s);
	}
	s->again_count = 0;
	if (!err)
		err = STEAL(s->fatal);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turn a target into bytes.
 *
 *	flight_try (query thread)
 *	  bare file .................... open, compare, land
 *	  in the disk cache ............ land
 *	    not used since the start ... verify (verify.c), then try again
 *	  section ...................... section job  --> section_done
 *	  member ....................... extract jobs --> extract_done
 *	                                 identify job --> identify_done
 *	  none left .................... remote_try (remote.c), else absent
 *
 * The jobs and the *_done functions are in extract.c: they run on a worker
 * pool's thread, and land the flight or let it go on with the next target.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/store_internal.h"

enum {
	/* How long "absent" holds when a place was there but changed, and when
	 * it could not be read. */
	STALE_MS = 2000,
	FAILED_MS = 60000,
	/* Section and member, and each may be touched meanwhile. */
	VERIFICATIONS_MOST = 4,
};

/* ---- Names of things in the cache --------------------------------------- */

struct cache_key cache_key_of(const struct flight *f, bool whole_member)
{
	const struct target *t = &f->targets.v[f->at];
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_put_str(&b, t->container);
	buf_put_u64(&b, (uint64_t)t->stamp.mtime_ns);
	buf_put_u64(&b, t->stamp.size);
	buf_put_u64(&b, t->stamp.inode);
	buf_put_u64(&b, (uint64_t)f->ctime_ns);
	buf_put_u64(&b, t->ordinal);
	buf_put_u64(&b, t->offset);
	buf_put_u64(&b, t->size);
	buf_put_str(&b, t->member);
	buf_put_str(&b, whole_member ? NULL : t->section);
	if (scan_rule_is_name(t->scanner))
		buf_put_str(&b, t->scanner);
	return disk_cache_key(f->store->cache, &b);
}

/* Strong: whoever has a part of one version must not be given the rest of
 * another. Bytes written in place leave a new ctime whatever becomes of the
 * mtime; that a new mode or link leaves one as well costs a transfer. */
static uint64_t etag_of(const struct flight *f, const struct target *t)
{
	const uint64_t words[] = { (uint64_t)t->stamp.mtime_ns,
				   t->stamp.size,
				   t->stamp.inode,
				   (uint64_t)f->ctime_ns,
				   t->ordinal,
				   t->offset,
				   t->size };
	uint64_t h =
		hash_str(t->container, hash_bytes(words, sizeof(words), 0));

	if (t->ordinal == LOCATOR_UNKNOWN)
		h = hash_str(t->member, h);
	if (scan_rule_is_name(t->scanner))
		h = hash_str(t->scanner, h);
	return t->section ? hash_str(t->section, h) : h;
}

/* ---- Landing ------------------------------------------------------------ */

static bool name_artifact(const struct target *t, struct artifact *a)
{
	if (!t->member) {
		a->file = mem_strdup(t->container);
		return a->file != NULL;
	}
	a->file = mem_printf("%s%s", t->member[0] == '/' ? "" : "/", t->member);
	a->archive = mem_strdup(t->container);
	return a->file && a->archive;
}

/* What memory keeps, so that the next one is answered at once. NULL path when
 * there is nothing to open again. */
static void remember(const struct flight *f, struct memo_answer *m,
		     const struct artifact *a, const char *path, int fd)
{
	struct stat sb;

	if (!path || fstat(fd, &sb))
		return;
	/* Written to since it was opened: the tag is that of before. */
	if (a->origin == ARTIFACT_FROM_FILE &&
	    clock_timespec_ns(sb.st_ctim) != f->ctime_ns)
		return;
	*m = (struct memo_answer) {
		.path = mem_strdup(path),
		.stamp = { .mtime_ns = clock_timespec_ns(sb.st_mtim),
			   .ctime_ns = clock_timespec_ns(sb.st_ctim),
			   .size = (uint64_t)sb.st_size,
			   .inode = sb.st_ino },
		.size = a->size,
		.mtime = a->mtime,
		.etag = a->etag,
		.file = mem_strdup(a->file),
		.archive = a->archive ? mem_strdup(a->archive) : NULL,
		.origin = a->origin,
		/* A file of the disk cache is asked for there again now and
		 * then, so that the cache knows it is in use. */
		.ttl_ms = a->origin == ARTIFACT_FROM_CACHE ? CACHED_MS : 0,
	};
	if (!m->path || !m->file || !m->archive != !a->archive)
		memo_answer_deinit(m);
}

/* The job that was begun did what it should. */
static void end_attempt(struct flight *f)
{
	if (f->attempt)
		poison_forget(&f->store->poison, f->attempt);
	f->attempt = 0;
}

/* @p fd is taken. @p path: where the same bytes can be opened again. */
void land_found(struct flight *f, const struct target *t, int fd, uint64_t size,
		enum artifact_origin origin, const char *path)
{
	struct memo_answer keep = { 0 };
	struct artifact a = {
		.fd = fd,
		.size = size,
		.mtime = t->mtime,
		.etag = etag_of(f, t),
		.origin = origin,
	};

	end_attempt(f);
	if (!name_artifact(t, &a)) {
		artifact_deinit(&a);
		flight_land(f, error_no_memory, NULL, NULL);
		return;
	}
	remember(f, &keep, &a, path, fd);
	flight_land(f, NULL, &a, keep.path ? &keep : NULL);
}

/* @p fd is taken. */
static void land_cached(struct flight *f, const struct target *t, int fd,
			uint64_t size, struct cache_key key)
{
	CLEANUP_FREE char *path = disk_cache_path(f->store->cache, key);

	land_found(f, t, fd, size, ARTIFACT_FROM_CACHE, path);
}

static bool is_transient(enum error_kind kind)
{
	return kind == ERROR_BUSY || kind == ERROR_NO_MEMORY ||
	       kind == ERROR_IO || kind == ERROR_WORKER ||
	       kind == ERROR_DATABASE || kind == ERROR_NO_SPACE;
}

static void doubt(struct flight *f, int64_t ms)
{
	if (f->doubt_ms < ms)
		f->doubt_ms = ms;
}

static void log_failed(struct flight *f, const struct error *err)
{
	const struct target *t = &f->targets.v[f->at];
	uint64_t skipped;
	bool pass;

	{
		LOCKED(&f->store->lock);
		pass = log_limit_pass(&f->store->target_log, &skipped);
	}
	if (pass)
		log_warn("store", "target failed",
			 LOG_S("container", t->container),
			 LOG_S("member", t->member),
			 LOG_S("section", t->section),
			 LOG_S("kind", error_kind_label(error_kind(err))),
			 LOG_S("error", error_message(err)),
			 LOG_U("left_out", skipped));
}

/* The machine's fault may have passed at the next request. What the bytes are
 * will be the same. */
static bool is_poison(enum error_kind kind)
{
	return kind == ERROR_WORKER || !is_transient(kind);
}

/* May a job be begun for what is called @p key? A container that was touched
 * is another one. */
static struct error *begin_attempt(struct flight *f, struct cache_key key)
{
	enum error_kind kind;
	int64_t left_ms;

	end_attempt(f);
	if (!poison_holds(&f->store->poison, key.name, &left_ms, &kind)) {
		f->attempt = key.name;
		return NULL;
	}
	f->is_paused = true;
	if (left_ms == INT64_MAX)
		return error_new(LIMIT, "failed too often");
	return error_new_at(kind, __FILE__, __LINE__,
			    "failed, and is tried again in %" PRIi64 " s",
			    left_ms / 1000 + 1);
}

/* The one that is killed when memory is short need not be the one that took
 * it: what a worker first dies of is tried again at once. A job that the
 * worker's own limits stopped is not of this kind. */
static bool is_first_death(const struct flight *f, const struct error *err)
{
	return err && error_kind(err) == ERROR_WORKER && !f->is_paused &&
	       !f->has_killed;
}

/* This target gave nothing: go on with the next, or try it once more. @p err is
 * taken; NULL if it simply is not there. */
void pass_over(struct flight *f, struct error *err)
{
	if (is_first_death(f, err)) {
		log_failed(f, err);
		error_free(err);
		f->has_killed = true;
		f->attempt = 0; /* neither a success nor a failure */
		return;
	}
	if (!err)
		end_attempt(f);
	else if (f->attempt && is_poison(error_kind(err)))
		poison_note(&f->store->poison, f->attempt, error_kind(err));
	if (err) {
		if (!f->is_paused)
			log_failed(f, err);
		doubt(f, FAILED_MS);
		if (is_transient(error_kind(err)) && !f->transient)
			f->transient = err;
		else
			error_free(err);
	}
	f->at++;
	f->verifications = 0;
	f->room_bytes = 0;
	f->has_killed = false;
	f->attempt = 0;
	f->is_paused = false;
	if (f->member_fd >= 0)
		close(steal_fd(&f->member_fd));
}

/* ---- Opening ------------------------------------------------------------ */

/* Open the container as it was indexed. @p fd_ret is -1 if it is gone or is
 * another file now; that it could not be opened for another reason is an error.
 *
 * A file of another ctime alone may have got another mode or link, or other
 * bytes with its old mtime put back. @p touched_ret says so: its identity must
 * be read again before it is served. */
static struct error *open_container(struct index_reader *r, struct flight *f,
				    int *fd_ret, bool *touched_ret)
{
	const struct target *t = &f->targets.v[f->at];
	CLEANUP_CLOSE int fd = -1;
	struct stat sb;

	*fd_ret = -1;
	if (t->is_source_file)
		TRY(source_open(f->store, r, t->container, &fd));
	else
		fd = open(t->container, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
						O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && !t->is_source_file && errno != ENOENT &&
	    errno != ENOTDIR && errno != ELOOP)
		return error_errno("open");
	if (fd >= 0 && fstat(fd, &sb))
		return error_errno("stat");
	if (fd >= 0 && S_ISREG(sb.st_mode) &&
	    clock_timespec_ns(sb.st_mtim) == t->stamp.mtime_ns &&
	    (uint64_t)sb.st_size == t->stamp.size &&
	    sb.st_ino == t->stamp.inode) {
		f->ctime_ns = clock_timespec_ns(sb.st_ctim);
		*touched_ret = f->ctime_ns != t->stamp.ctime_ns;
		*fd_ret = steal_fd(&fd);
		return NULL;
	}
	doubt(f, STALE_MS);
	metric_inc(METRIC_ARTIFACTS_STALE);
	log_debug("store", "stale", LOG_S("container", t->container));
	return NULL;
}

/* ---- Trying ------------------------------------------------------------- */

enum step { STEP_NEXT, STEP_LEFT };

struct error *find_cached(struct store *st, struct flight *f,
			  struct cache_key key, int *fd_ret, uint64_t *size_ret,
			  bool *later_ret)
{
	*later_ret = false;
	if (disk_cache_find(st->cache, key, fd_ret, size_ret) !=
		    CACHE_UNVERIFIED ||
	    f->verifications >= VERIFICATIONS_MOST)
		return NULL;
	TRY(verify_cached(f, key));
	*later_ret = true;
	return NULL;
}

/* A section of a file that is there as a whole. @p fd is taken. */
static struct error *try_section(struct flight *f, int fd, uint64_t size)
{
	CLEANUP_CLOSE int owned = fd;

	TRY(begin_attempt(f, cache_key_of(f, false)));
	return section_of_file(f, steal_fd(&owned), size);
}

static struct error *try_member(struct store *st, struct index_reader *r,
				struct flight *f, int container_fd)
{
	CLEANUP_CLOSE int container = container_fd;
	const struct target *t = &f->targets.v[f->at];
	uint64_t size = f->member_size;
	int fd = steal_fd(&f->member_fd);
	struct cache_key key = cache_key_of(f, true);
	bool started = false;

	if (fd < 0)
		TRY(find_cached(st, f, key, &fd, &size, &started));
	if (started)
		return NULL;
	if (fd >= 0 && t->section)
		return try_section(f, fd, size);
	if (fd >= 0) {
		land_cached(f, t, fd, size, key);
		return NULL;
	}
	if (t->section) {
		TRY(begin_attempt(f, cache_key_of(f, false)));
		TRY(try_section_inside(r, f, &container, &started));
	}
	if (started)
		return NULL;
	TRY(begin_attempt(f, key));
	return start_extraction(r, f, steal_fd(&container));
}

/* A section that was taken before. @p left_ret: the flight has landed, or goes
 * on later. */
static struct error *land_section(struct store *st, struct flight *f,
				  bool *left_ret)
{
	const struct target *t = &f->targets.v[f->at];
	struct cache_key key = cache_key_of(f, false);
	uint64_t size;
	int fd;

	TRY(find_cached(st, f, key, &fd, &size, left_ret));
	if (fd < 0)
		return NULL;
	*left_ret = true;
	land_cached(f, t, fd, size, key);
	return NULL;
}

/* One target. STEP_LEFT: the flight landed or is with a worker. */
static struct error *try_target(struct store *st, struct index_reader *r,
				struct flight *f, enum step *step_ret)
{
	const struct target *t = &f->targets.v[f->at];
	bool touched = false, left = false;
	CLEANUP_CLOSE int fd = -1;

	*step_ret = STEP_NEXT;
	TRY(open_container(r, f, &fd, &touched));
	/* What is verified whole may come from a touched file; a section or a
	 * source, which nothing verifies, may not. */
	if (fd < 0)
		return NULL;
	if (touched && (t->section || !t->want.len)) {
		doubt(f, STALE_MS);
		return NULL;
	}
	*step_ret = STEP_LEFT;
	if (t->section)
		TRY(land_section(st, f, &left));
	if (left)
		return NULL;
	if (t->member)
		return try_member(st, r, f, steal_fd(&fd));
	if (t->section)
		return try_section(f, steal_fd(&fd), t->size);
	if (touched) {
		TRY(begin_attempt(f, cache_key_of(f, true)));
		return identify_file(f, steal_fd(&fd));
	}
	land_found(f, t, steal_fd(&fd), t->size, ARTIFACT_FROM_FILE,
		   t->container);
	return NULL;
}

void flight_try(struct store *st, struct index_reader *r, struct flight *f)
{
	struct memo_answer absent = { .is_absent = true };

	while (f->at < f->targets.count) {
		enum step step;
		struct error *err = try_target(st, r, f, &step);

		if (!err && step == STEP_LEFT)
			return;
		pass_over(f, err);
	}
	if (st->upstreams && !f->query.is_local && !f->transient) {
		remote_try(f);
		return;
	}
	/* What is not in the index is so until the index changes. A source may
	 * turn up beneath a root without that. */
	absent.ttl_ms = f->query.kind == ARTIFACT_SOURCE && !f->doubt_ms
				? STALE_MS
				: f->doubt_ms;
	if (f->transient)
		flight_land(f, STEAL(f->transient), NULL, NULL);
	else
		flight_land(f, NULL, NULL, &absent);
}

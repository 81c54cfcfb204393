/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is nowhere here: fetched before and kept, or fetched now.
 *
 *	remote_try (query thread)
 *	  kept ................ land
 *	  remote_download ..... lands the flight later
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/remote.h"
#include "store/remote_meta.h"

enum { ABSENT_MOST_MS = 3600000 };

/* ---- Names --------------------------------------------------------------- */

const char *remote_type_name(enum artifact_kind kind)
{
	static const char *const names[] = {
		[ARTIFACT_EXECUTABLE] = "executable",
		[ARTIFACT_DEBUGINFO] = "debuginfo",
		[ARTIFACT_SOURCE] = "source",
		[ARTIFACT_SECTION] = "section",
	};

	return names[kind];
}

/* What it is called in the disk cache: it is the same wherever it came from. */
struct cache_key remote_key(const struct flight *f)
{
	const struct store_query *q = &f->query;
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_put_str(&b, "upstream");
	buf_put_bytes(&b, q->id.bytes, q->id.len);
	buf_put_str(&b, remote_type_name(q->kind));
	buf_put_str(&b, q->suffix);
	return disk_cache_key(f->store->cache, &b);
}

/* Strong enough: what a server sends under another of these is another file. */
static uint64_t etag_of(const struct flight *f, const struct upstream_answer *a)
{
	const struct store_query *q = &f->query;
	const uint64_t words[] = { (uint64_t)a->size, (uint64_t)a->mtime,
				   (uint64_t)q->kind };
	uint64_t h = hash_bytes(q->id.bytes, q->id.len,
				hash_bytes(words, sizeof(words), 0));

	h = hash_str(a->name, h);
	h = hash_str(a->etag ? a->etag : "", h);
	return q->suffix ? hash_str(q->suffix, h) : h;
}

/* ---- Answers ------------------------------------------------------------- */

static bool copy(char **to, const char *from)
{
	*to = from ? mem_strdup(from) : NULL;
	return !*to == !from;
}

static bool same_presence(const void *a, const void *b)
{
	return !a == !b;
}

bool remote_meta_of(const struct flight *f, const struct upstream_answer *a,
		    struct remote_meta *ret)
{
	*ret = (struct remote_meta) {
		.size = a->size > 0 ? (uint64_t)a->size : 0,
		.mtime = a->mtime,
		.etag = etag_of(f, a),
	};
	return copy(&ret->file, a->file) && copy(&ret->archive, a->archive) &&
	       copy(&ret->signature, a->signature);
}

bool remote_artifact(const struct remote_meta *m, int fd,
		     enum artifact_origin origin, struct growth *growth,
		     struct artifact *ret)
{
	*ret = (struct artifact) {
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
		.size = m->size,
		.mtime = m->mtime,
		.etag = m->etag,
		.file = m->file ? mem_strdup(m->file) : NULL,
		.archive = m->archive ? mem_strdup(m->archive) : NULL,
		.signature = m->signature ? mem_strdup(m->signature) : NULL,
		.growth = growth ? growth_get(growth) : NULL,
		.origin = origin,
	};
	if (ret->fd >= 0 && same_presence(ret->file, m->file) &&
	    same_presence(ret->archive, m->archive) &&
	    same_presence(ret->signature, m->signature))
		return true;
	artifact_deinit(ret);
	return false;
}

/* What memory keeps of a file of the disk cache. */
static void remember(const struct flight *f, const struct artifact *a,
		     struct cache_key key, struct memo_answer *m)
{
	struct stat sb;

	if (fstat(a->fd, &sb))
		return;
	*m = (struct memo_answer) {
		.path = disk_cache_path(f->store->cache, key),
		.stamp = { .mtime_ns = clock_timespec_ns(sb.st_mtim),
			   .ctime_ns = clock_timespec_ns(sb.st_ctim),
			   .size = (uint64_t)sb.st_size,
			   .inode = sb.st_ino },
		.size = a->size,
		.mtime = a->mtime,
		.etag = a->etag,
		.file = a->file ? mem_strdup(a->file) : NULL,
		.archive = a->archive ? mem_strdup(a->archive) : NULL,
		.signature = a->signature ? mem_strdup(a->signature) : NULL,
		.origin = a->origin,
		.ttl_ms = CACHED_MS,
	};
	if (!m->path || !same_presence(m->file, a->file) ||
	    !same_presence(m->archive, a->archive) ||
	    !same_presence(m->signature, a->signature))
		memo_answer_deinit(m);
}

/* False: what is kept makes no sense, and is fetched anew. */
static bool land_kept(struct flight *f, int fd, uint64_t size,
		      struct cache_key key)
{
	CLEANUP_REMOTE_META struct remote_meta meta = { 0 };
	struct memo_answer keep = { 0 };
	struct artifact a;
	struct error *err = remote_meta_read(fd, size, &meta);

	if (err) {
		log_consume(LOG_WARN, "cache", "kept file not understood", err);
		return false;
	}
	if (!remote_artifact(&meta, fd, ARTIFACT_FROM_CACHE, NULL, &a)) {
		flight_land(f, error_no_memory, NULL, NULL);
		return true;
	}
	remember(f, &a, key, &keep);
	flight_land(f, NULL, &a, keep.path ? &keep : NULL);
	return true;
}

void remote_land_absent(struct flight *f, int64_t ttl_ms)
{
	struct memo_answer absent = { .is_absent = true };

	if (ttl_ms > ABSENT_MOST_MS)
		ttl_ms = ABSENT_MOST_MS;
	if (f->doubt_ms && f->doubt_ms < ttl_ms)
		ttl_ms = f->doubt_ms;
	absent.ttl_ms = ttl_ms;
	flight_land(f, NULL, NULL, ttl_ms > 0 ? &absent : NULL);
}

/* ---- Trying -------------------------------------------------------------- */

/* What was fetched before. @p left_ret: the flight has landed, or goes on
 * later. */
static struct error *try_kept(struct flight *f, bool *left_ret)
{
	struct cache_key key = remote_key(f);
	CLEANUP_CLOSE int fd = -1;
	uint64_t size;

	TRY(find_cached(f->store, f, key, &fd, &size, left_ret));
	if (fd >= 0)
		*left_ret = land_kept(f, fd, size, key);
	return NULL;
}

void remote_try(struct flight *f)
{
	bool has_left = false;

	if (f->needs_whole) {
		remote_section_next(f);
		return;
	}
	struct error *err = try_kept(f, &has_left);

	if (!err && !has_left)
		err = remote_download(f);
	if (err && error_kind(err) == ERROR_BAD_REQUEST) {
		/* Nobody can be asked for something of that name. */
		error_free(err);
		remote_land_absent(f, ABSENT_MOST_MS);
	} else if (err) {
		flight_land(f, err, NULL, NULL);
	}
}

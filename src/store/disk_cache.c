/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. The table has an entry for each file in the directory that this process
 *    made, found at its start or used since.
 * 2. A file in the table may be gone (somebody cleaned up): that is a miss.
 * 3. The lock is not held while a file is read, written or synced; unlink and
 *    rename are done under it, so that table and directory agree.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/path.h"
#include "store/cache_file.h"
#include "store/cache_list.h"
#include "store/cache_table.h"
#include "store/cache_temp.h"
#include "store/disk_cache.h"

enum {
	NAME_SIZE = 17,
	TOUCH_AFTER_S = 60,
};

size_t disk_cache_files_most = 1000000;
void (*disk_cache_on_verify)(void);

enum cache_op { OP_HIT, OP_MISS, OP_INSERT, OP_EVICT, OP_REJECT, OP_BYPASS };

struct disk_cache {
	char *dir;
	int dir_fd;
	uint64_t limit;
	uint64_t secret;
	bool is_read_only;
	_Atomic bool is_writable;
	_Atomic uint64_t lacked_bytes; /* when it was last full; 0: it is not */
	_Atomic bool is_aborted;
	struct lock lock; /* guards what follows */
	struct cache_table table;
	struct cache_offer *offers;
	struct log_limit reject_log, bypass_log;
};

static void count_op(enum cache_op op)
{
	metric_add(METRIC_CACHE_OPS, op, 0, 1);
}

static void file_name(uint64_t name, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%016" PRIx64, name);
}

/* ---- Room; lock held ---------------------------------------------------- */

static void show(const struct disk_cache *c)
{
	metric_set(METRIC_CACHE_BYTES, 0, 0, (int64_t)c->table.total);
	metric_set(METRIC_CACHE_FILES, 0, 0, (int64_t)c->table.count);
}

static void drop(struct disk_cache *c, uint64_t name, enum cache_op op)
{
	char path[NAME_SIZE];

	file_name(name, path);
	unlinkat(c->dir_fd, path, 0);
	cache_table_remove(&c->table, name);
	count_op(op);
}

/* What the file system can give without going below its reserve. */
static uint64_t spare_bytes(const struct disk_cache *c)
{
	return file_system_spare(c->dir_fd, NULL);
}

/* Evict, oldest first, until one more file of @p size fits within the bounds
 * and the file system can give @p disk_size without going into its reserve.
 * What can never fit evicts nothing. */
static void make_room(struct disk_cache *c, uint64_t size, uint64_t disk_size)
{
	const struct cache_table *t = &c->table;
	uint64_t spare = disk_size ? spare_bytes(c) : UINT64_MAX;
	uint64_t wanted = disk_size > spare ? disk_size - spare : 0;

	if (size > c->limit)
		return;
	if (wanted > t->total)
		wanted = 0; /* it would not help */
	for (uint64_t freed = 0;
	     t->count && (t->total + size > c->limit || freed < wanted ||
			  t->count >= disk_cache_files_most);) {
		const struct cache_entry *e = cache_table_oldest(t);

		freed += e->size;
		drop(c, e->name, OP_EVICT);
	}
	show(c);
}

/* ---- Files -------------------------------------------------------------- */

/* Remove a file that is not what it should be; not one that has come in its
 * place since. */
static void reject(struct disk_cache *c, uint64_t name, const struct stat *seen)
{
	char path[NAME_SIZE];
	struct stat now;
	uint64_t left_out;

	file_name(name, path);
	LOCKED(&c->lock);
	if (log_limit_pass(&c->reject_log, &left_out))
		log_warn("cache", "damaged file removed", LOG_S("file", path),
			 LOG_U("left_out", left_out));
	if (!fstatat(c->dir_fd, path, &now, AT_SYMLINK_NOFOLLOW) &&
	    now.st_ino == seen->st_ino)
		drop(c, name, OP_REJECT);
	show(c);
}

/* False: it is not there, or was not what it should be. */
static bool open_kept(struct disk_cache *c, struct cache_key key,
		      struct cache_file *ret)
{
	char name[NAME_SIZE];

	file_name(key.name, name);
	ret->fd = openat(c->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (ret->fd < 0 && errno == ENOENT) {
		LOCKED(&c->lock);
		cache_table_remove(&c->table, key.name);
		show(c);
	}
	if (ret->fd < 0 || fstat(ret->fd, &ret->st)) {
		count_op(OP_MISS);
		return false;
	}
	if (cache_file_fits(ret, key))
		return true;
	reject(c, key.name, &ret->st);
	return false;
}

/* ---- What is known of them ---------------------------------------------- */

static bool was_verified(struct disk_cache *c, uint64_t name,
			 const struct stat *st)
{
	LOCKED(&c->lock);
	const struct cache_entry *e = cache_table_find(&c->table, name);

	return e && e->inode == st->st_ino &&
	       e->ctime_ns == clock_timespec_ns(st->st_ctim);
}

static void set_verified(struct cache_entry *e, const struct stat *st)
{
	e->inode = st->st_ino;
	e->ctime_ns = clock_timespec_ns(st->st_ctim);
}

/* The file was sound when it was @p st. Another process may have made it. */
static void note_verified(struct disk_cache *c, uint64_t name,
			  const struct stat *st)
{
	LOCKED(&c->lock);
	struct cache_entry *e = cache_table_find(&c->table, name);

	if (!e) {
		make_room(c, (uint64_t)st->st_size, 0);
		e = cache_table_put(&c->table, name, (uint64_t)st->st_size);
	}
	if (e)
		set_verified(e, st);
	show(c);
}

/* Keep the time of use, in memory and (for the next start) on the file. */
static void note_use(struct disk_cache *c, uint64_t name, int fd)
{
	int64_t now = clock_wall_s();
	struct cache_entry *e;
	struct stat st;

	{
		LOCKED(&c->lock);
		e = cache_table_find(&c->table, name);
		if (!e)
			return;
		cache_table_touch(&c->table, e);
		if (now >= e->used_s && now - e->used_s <= TOUCH_AFTER_S)
			return;
		e->used_s = now;
	}
	if (c->is_read_only || futimens(fd, NULL) || fstat(fd, &st))
		return;
	LOCKED(&c->lock);
	e = cache_table_find(&c->table, name);
	if (e)
		set_verified(e, &st);
}

static bool find_offered(struct disk_cache *c, struct cache_key key,
			 int *fd_ret, uint64_t *size_ret)
{
	LOCKED(&c->lock);
	for (const struct cache_offer *o = c->offers; o; o = o->next) {
		if (o->key.name != key.name || o->key.check != key.check)
			continue;
		*fd_ret = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
		*size_ret = o->size;
		return *fd_ret >= 0;
	}
	return false;
}

enum cache_state disk_cache_find(struct disk_cache *c, struct cache_key key,
				 int *fd_ret, uint64_t *size_ret)
{
	CLEANUP(cache_file_deinit) struct cache_file o = { .fd = -1 };

	*fd_ret = -1;
	if (!key.name)
		return CACHE_MISSING;
	if (find_offered(c, key, fd_ret, size_ret)) {
		count_op(OP_HIT);
		return CACHE_SOUND;
	}
	if (!open_kept(c, key, &o))
		return CACHE_MISSING;
	if (!was_verified(c, key.name, &o.st))
		return CACHE_UNVERIFIED;
	note_use(c, key.name, o.fd);
	count_op(OP_HIT);
	*fd_ret = steal_fd(&o.fd);
	*size_ret = o.size;
	return CACHE_SOUND;
}

void disk_cache_verify(struct disk_cache *c, struct cache_key key)
{
	CLEANUP(cache_file_deinit) struct cache_file o = { .fd = -1 };
	uint64_t actual = 0;

	if (!open_kept(c, key, &o) || was_verified(c, key.name, &o.st))
		return;
	if (disk_cache_on_verify)
		disk_cache_on_verify();
	struct error *err =
		cache_file_hash(o.fd, o.size, &c->is_aborted, &actual);

	/* A file that shrinks meanwhile is damaged as well. */
	if (err && error_kind(err) != ERROR_BAD_DATA) {
		log_consume(LOG_WARN, "cache", "file not read", err);
		return;
	}
	error_free(err);
	if (actual == o.content)
		note_verified(c, key.name, &o.st);
	else
		reject(c, key.name, &o.st);
}

char *disk_cache_path(const struct disk_cache *c, struct cache_key key)
{
	char name[NAME_SIZE];

	file_name(key.name, name);
	return path_join(c->dir, name);
}

/* ---- Into the cache ----------------------------------------------------- */

static void note_full(struct disk_cache *c, uint64_t size)
{
	atomic_store(&c->lacked_bytes, size ? size : 1);
}

/* How the last write went. */
static void note_state(struct disk_cache *c, const struct error *err,
		       uint64_t size)
{
	if (err && error_kind(err) == ERROR_NO_SPACE)
		note_full(c, size);
	else
		atomic_store(&c->is_writable, !err);
}

struct error *disk_cache_begin(struct disk_cache *c, uint64_t size, int *fd_ret)
{
	if (c->is_read_only)
		return file_open_temporary(NULL, size, fd_ret);
	{
		LOCKED(&c->lock);
		make_room(c, size + CACHE_FILE_TRAILER,
			  size + CACHE_FILE_TRAILER);
	}
	struct error *err =
		spare_bytes(c) < size
			? error_new(NO_SPACE, "no space for %" PRIu64 " bytes",
				    size)
			: cache_temp_open(c->dir_fd, fd_ret);

	note_state(c, err, size);
	return error_wrap(err, "%s", c->dir);
}

static bool is_ever_kept(const struct disk_cache *c, uint64_t size)
{
	return size <= c->limit && size + CACHE_FILE_TRAILER <= c->limit;
}

struct error *disk_cache_begin_growing(struct disk_cache *c, uint64_t announced,
				       int *fd_ret)
{
	uint64_t evictable = 0;

	if (c->is_read_only)
		return file_open_temporary(NULL, announced, fd_ret);
	if (is_ever_kept(c, announced)) {
		LOCKED(&c->lock);
		evictable = c->table.total;
	}
	struct error *err =
		announced > evictable && spare_bytes(c) < announced - evictable
			? error_new(NO_SPACE, "no space for %" PRIu64 " bytes",
				    announced)
			: cache_temp_open(c->dir_fd, fd_ret);

	note_state(c, err, announced);
	return error_wrap(err, "%s", c->dir);
}

struct error *disk_cache_go_on(struct disk_cache *c, int fd, uint64_t announced,
			       uint64_t size, uint64_t more, bool is_elsewhere)
{
	uint64_t spare;

	if (is_elsewhere || c->is_read_only) {
		spare = file_system_spare(fd, NULL);
	} else {
		LOCKED(&c->lock);
		if (is_ever_kept(c, announced))
			make_room(c, size + more + CACHE_FILE_TRAILER, more);
		spare = spare_bytes(c);
	}
	if (spare >= more)
		return NULL;
	return error_new(NO_SPACE, "no space after %" PRIu64 " bytes", size);
}

struct error *disk_cache_begin_elsewhere(struct disk_cache *c,
					 const struct error *why, uint64_t size,
					 int *fd_ret)
{
	uint64_t left_out;
	bool pass;

	count_op(OP_BYPASS);
	{
		LOCKED(&c->lock);
		pass = log_limit_pass(&c->bypass_log, &left_out);
	}
	if (pass)
		log_warn("cache", "no room: answered without being kept",
			 LOG_S("cache_dir", c->dir), LOG_U("bytes", size),
			 LOG_S("error", why ? error_message(why) : NULL),
			 LOG_U("left_out", left_out));
	return file_open_temporary(NULL, size, fd_ret);
}

void disk_cache_note_full(struct disk_cache *c, uint64_t size)
{
	if (!c->is_read_only)
		note_full(c, size);
}

/* Give the file its name and its entry, or take both from what had them. */
static struct error *publish(struct disk_cache *c, const struct cache_offer *o)
{
	uint64_t size = o->size + CACHE_FILE_TRAILER;
	struct error *err = NULL;
	char name[NAME_SIZE];
	struct stat st;

	file_name(o->key.name, name);
	LOCKED(&c->lock);
	/* What it replaces needs no room. */
	cache_table_remove(&c->table, o->key.name);
	make_room(c, size, 0);
	struct cache_entry *e = cache_table_put(&c->table, o->key.name, size);

	if (!e)
		err = error_no_memory;
	if (!err)
		err = cache_temp_publish(c->dir_fd, o->fd, name);
	if (!err && fstat(o->fd, &st))
		err = error_errno("stat");
	if (err) {
		unlinkat(c->dir_fd, name, 0);
		cache_table_remove(&c->table, o->key.name);
	} else {
		e->used_s = clock_wall_s();
		set_verified(e, &st);
	}
	show(c);
	return err;
}

static struct error *keep(struct disk_cache *c, const struct cache_offer *o)
{
	TRY(cache_file_finish(o->fd, o->size, o->key, &c->is_aborted));
	TRY(publish(c, o));
	TRY(file_sync_dir(c->dir));
	count_op(OP_INSERT);
	return NULL;
}

void disk_cache_offer(struct disk_cache *c, struct cache_offer *offer,
		      struct cache_key key, int fd, uint64_t size)
{
	*offer = (struct cache_offer) { .key = key, .fd = fd, .size = size };
	LOCKED(&c->lock);
	offer->next = c->offers;
	c->offers = offer;
}

static void withdraw(struct disk_cache *c, const struct cache_offer *offer)
{
	struct cache_offer **at = &c->offers;

	LOCKED(&c->lock);
	while (*at != offer)
		at = &(*at)->next;
	*at = offer->next;
}

struct error *disk_cache_commit(struct disk_cache *c, struct cache_offer *offer)
{
	struct error *err = NULL;

	if (offer->key.name && !c->is_read_only &&
	    is_ever_kept(c, offer->size)) {
		err = error_wrap(keep(c, offer), "%s", c->dir);
		note_state(c, err, offer->size + CACHE_FILE_TRAILER);
	}
	withdraw(c, offer);
	return err;
}

const char *disk_cache_degraded(struct disk_cache *c)
{
	uint64_t lacked = atomic_load(&c->lacked_bytes);

	if (!atomic_load(&c->is_writable))
		return "cache not writable";
	if (!lacked)
		return NULL;
	if (spare_bytes(c) < lacked)
		return "cache full";
	/* Somebody made room. Should it just have been full again, the next
	 * one says so. */
	atomic_store(&c->lacked_bytes, 0);
	return NULL;
}

/* ---- Open --------------------------------------------------------------- */

static bool parse_name(const char *s, uint64_t *ret)
{
	char again[NAME_SIZE];

	if (sscanf(s, "%16" SCNx64, ret) != 1 || !*ret)
		return false;
	file_name(*ret, again);
	return !strcmp(s, again);
}

/* Each use sets it. */
static struct timespec used_of(const struct stat *st)
{
	return st->st_mtim;
}

/* What is there, in the order of its last use. */
static struct error *load(struct disk_cache *c)
{
	CLEANUP_CACHE_LIST struct cache_list l = { 0 };

	TRY(error_wrap(cache_list_read(c->dir_fd, used_of, &l), "%s", c->dir));
	LOCKED(&c->lock);
	for (size_t i = 0; i < l.count; i++) {
		const struct cache_listed *f = &l.files[i];
		struct cache_entry *e;
		uint64_t name;

		if (!parse_name(cache_list_name(&l, f), &name))
			continue;
		e = cache_table_put(&c->table, name, f->bytes);
		if (!e)
			return error_no_memory;
		e->used_s = f->used.tv_sec;
	}
	if (!c->is_read_only)
		make_room(c, 0, 0);
	show(c);
	return NULL;
}

/* The secret is made with the directory and kept in it. */
static struct error *load_secret(struct disk_cache *c)
{
	int how = c->is_read_only ? O_RDONLY : O_RDWR | O_CREAT;
	CLEANUP_CLOSE int fd =
		openat(c->dir_fd, "secret", how | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && !(c->is_read_only && errno == ENOENT))
		return error_errno("open %s/secret", c->dir);
	if (fd >= 0 &&
	    pread(fd, &c->secret, sizeof(c->secret), 0) == sizeof(c->secret))
		return NULL;
	if (getrandom(&c->secret, sizeof(c->secret), 0) != sizeof(c->secret))
		return error_errno("getrandom");
	if (!c->is_read_only &&
	    pwrite(fd, &c->secret, sizeof(c->secret), 0) != sizeof(c->secret))
		return error_errno("write %s/secret", c->dir);
	return NULL;
}

struct cache_key disk_cache_key(const struct disk_cache *c,
				const struct buf *of)
{
	if (of->failed)
		return (struct cache_key) { 0, 0 };
	struct cache_key key = {
		.name = hash_bytes(of->data, of->size, c->secret),
		.check = hash_bytes(of->data, of->size, ~c->secret),
	};

	if (!key.name)
		key.name = 1;
	return key;
}

static struct error *open_or_make(const char *dir, int *fd_ret)
{
	TRY(file_make_dirs(dir));
	*fd_ret = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd_ret < 0 ? error_errno("open %s", dir) : NULL;
}

/* There is nothing to be had there, or nothing to be left: answers are made
 * all the same. @p why is taken. */
static struct error *do_without(struct disk_cache *c, struct error *why)
{
	if (error_kind(why) == ERROR_NO_MEMORY)
		return why;
	log_consume(LOG_WARN, "cache", "cannot be used: nothing is kept", why);
	c->is_read_only = true;
	atomic_store(&c->is_writable, false);
	if (getrandom(&c->secret, sizeof(c->secret), 0) != sizeof(c->secret))
		return error_errno("getrandom");
	return NULL;
}

static struct error *open_directory(struct disk_cache *c, const char *dir)
{
	c->dir = mem_strdup(dir);
	if (!c->dir)
		return error_no_memory;
	struct error *err = open_or_make(dir, &c->dir_fd);

	if (err)
		return do_without(c, err);
	c->is_read_only = faccessat(AT_FDCWD, dir, W_OK, AT_EACCESS) &&
			  (errno == EROFS || errno == EACCES);
	c->is_writable = !c->is_read_only;
	if (c->is_read_only)
		log_warn("cache",
			 "directory cannot be written: nothing is kept",
			 LOG_S("cache_dir", dir));
	else
		cache_temp_sweep(c->dir_fd);
	err = load_secret(c);
	return err ? do_without(c, err) : load(c);
}

struct error *disk_cache_open(const char *dir, uint64_t limit_bytes,
			      struct disk_cache **ret)
{
	struct disk_cache *c = mem_zalloc(sizeof(*c));

	if (!c)
		return error_no_memory;
	lock_init(&c->lock, LOCK_STORE_CACHE);
	c->limit = limit_bytes;
	c->dir_fd = -1;
	struct error *err = open_directory(c, dir);

	if (err) {
		disk_cache_close(c);
		return err;
	}
	*ret = c;
	return NULL;
}

void disk_cache_abort(struct disk_cache *c)
{
	atomic_store(&c->is_aborted, true);
}

void disk_cache_close(struct disk_cache *c)
{
	if (!c)
		return;
	if (c->dir_fd >= 0 && !c->is_read_only)
		cache_temp_sweep(c->dir_fd);
	if (c->dir_fd >= 0)
		close(c->dir_fd);
	cache_table_deinit(&c->table);
	mem_free(c->dir);
	lock_deinit(&c->lock);
	mem_free(c);
}

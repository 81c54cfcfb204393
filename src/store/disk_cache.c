/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. total is the sum of the sizes in the table.
 * 2. A file in the table may be gone (somebody cleaned up): that is a miss.
 * 3. The lock is not held while a file is read, written or synced; unlink and
 *    rename are done under it, so that table and directory agree.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/input.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/path.h"
#include "store/disk_cache.h"

enum {
	TRAILER_SIZE = 40,
	NAME_SIZE = 17,
	FREE_PERCENT = 10, /* of the file system, left alone */
	TOUCH_AFTER_S = 60,
};
static const char magic[8] = "SYMCACH1";

enum cache_op { OP_HIT, OP_MISS, OP_INSERT, OP_EVICT, OP_REJECT };

struct entry {
	uint64_t name; /* 0: free */
	uint64_t size; /* with the trailer */
	/* State of the file whose bytes were compared with their hash; the
	 * next use of the same state need not read it all again. */
	uint64_t inode;
	int64_t ctime_ns;
	int64_t used_s; /* wall time: kept as the file's mtime */
};

struct disk_cache {
	char *dir;
	int dir_fd;
	uint64_t limit;
	uint64_t secret;
	_Atomic bool is_writable;
	struct lock lock;    /* guards what follows */
	struct entry *table; /* open addressing */
	size_t table_size, count;
	uint64_t total;
};

static void count_op(enum cache_op op)
{
	metric_add(METRIC_CACHE_OPS, op, 0, 1);
}

static void file_name(uint64_t name, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%016" PRIx64, name);
}

/* ---- The table; lock held ----------------------------------------------- */

static size_t slot_of(const struct disk_cache *c, uint64_t name)
{
	size_t at = name & (c->table_size - 1);

	while (c->table[at].name && c->table[at].name != name)
		at = (at + 1) & (c->table_size - 1);
	return at;
}

static bool table_grow(struct disk_cache *c)
{
	struct entry *old = c->table;
	size_t old_size = c->table_size;
	size_t size = old_size ? old_size * 2 : 256;
	struct entry *fresh = mem_array(size, sizeof(*fresh));

	if (!fresh)
		return false;
	c->table = fresh;
	c->table_size = size;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].name)
			fresh[slot_of(c, old[i].name)] = old[i];
	}
	mem_free(old);
	return true;
}

static void show(const struct disk_cache *c)
{
	metric_set(METRIC_CACHE_BYTES, 0, 0, (int64_t)c->total);
	metric_set(METRIC_CACHE_FILES, 0, 0, (int64_t)c->count);
}

static bool table_put(struct disk_cache *c, uint64_t name, uint64_t size,
		      int64_t used_s)
{
	if (2 * (c->count + 1) > c->table_size && !table_grow(c))
		return false;
	struct entry *e = &c->table[slot_of(c, name)];

	if (e->name)
		c->total -= e->size;
	else
		c->count++;
	*e = (struct entry) { .name = name, .size = size, .used_s = used_s };
	c->total += size;
	show(c);
	return true;
}

static void table_remove(struct disk_cache *c, uint64_t name)
{
	size_t at = slot_of(c, name);

	if (!c->table[at].name)
		return;
	c->total -= c->table[at].size;
	c->count--;
	c->table[at].name = 0;
	/* Close the gap: what was pushed past it moves up. */
	for (size_t i = (at + 1) & (c->table_size - 1); c->table[i].name;
	     i = (i + 1) & (c->table_size - 1)) {
		struct entry e = c->table[i];

		c->table[i].name = 0;
		c->table[slot_of(c, e.name)] = e;
	}
	show(c);
}

static void drop(struct disk_cache *c, uint64_t name, enum cache_op op)
{
	char path[NAME_SIZE];

	file_name(name, path);
	unlinkat(c->dir_fd, path, 0);
	if (c->table_size)
		table_remove(c, name);
	count_op(op);
}

static uint64_t oldest(const struct disk_cache *c)
{
	const struct entry *found = NULL;

	for (size_t i = 0; i < c->table_size; i++) {
		const struct entry *e = &c->table[i];

		if (e->name && (!found || e->used_s < found->used_s))
			found = e;
	}
	return found ? found->name : 0;
}

/* What the file system can give without going below its reserve. */
static uint64_t spare_bytes(const struct disk_cache *c)
{
	struct statvfs fs;

	if (fstatvfs(c->dir_fd, &fs))
		return UINT64_MAX;
	uint64_t reserve =
		(uint64_t)fs.f_blocks * fs.f_frsize / 100 * FREE_PERCENT;
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;

	return left > reserve ? left - reserve : 0;
}

/* Evict, oldest first, until @p size more bytes fit within the limit and the
 * file system can give @p disk_size of them without going into its reserve.
 * What can never fit evicts nothing. */
static void make_room(struct disk_cache *c, uint64_t size, uint64_t disk_size)
{
	bool disk_helps = spare_bytes(c) + c->total >= disk_size;

	if (size > c->limit)
		return;
	while (c->count && (c->total + size > c->limit ||
			    (disk_helps && spare_bytes(c) < disk_size)))
		drop(c, oldest(c), OP_EVICT);
}

/* ---- Files -------------------------------------------------------------- */

static void put_u64(uint8_t *p, uint64_t v)
{
	for (size_t i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void make_trailer(uint8_t t[TRAILER_SIZE], struct cache_key key,
			 uint64_t size, uint64_t content)
{
	memcpy(t, magic, sizeof(magic));
	put_u64(t + 8, key.check);
	put_u64(t + 16, size);
	put_u64(t + 24, content);
	put_u64(t + 32, hash_bytes(t, 32, 0));
}

/* Hash of the first @p size bytes, a chunk at a time. */
static struct error *hash_content(int fd, uint64_t size, uint64_t *ret)
{
	enum { CHUNK = 1 << 20 };
	CLEANUP_FREE uint8_t *chunk = mem_alloc(CHUNK);
	struct input in = input_from_fd(fd, 0, size);
	uint64_t h = size;

	if (!chunk)
		return error_no_memory;
	for (uint64_t at = 0; at < size;) {
		size_t n;

		TRY(in.read(&in, at, chunk, CHUNK, &n));
		if (!n)
			return error_new(BAD_DATA, "cached file is too short");
		h = hash_bytes(chunk, n, h);
		at += n;
	}
	*ret = h;
	return NULL;
}

/* Do trailer and content say it is what @p key names? */
static bool is_whole(int fd, struct cache_key key, const struct stat *st,
		     bool is_verified, uint64_t *size_ret)
{
	uint8_t expected[TRAILER_SIZE], found[TRAILER_SIZE];
	uint64_t content = 0;

	if (!S_ISREG(st->st_mode) || st->st_size < TRAILER_SIZE)
		return false;
	*size_ret = (uint64_t)st->st_size - TRAILER_SIZE;
	if (pread(fd, found, sizeof(found), (off_t)*size_ret) != sizeof(found))
		return false;
	for (size_t i = 0; i < 8; i++)
		content |= (uint64_t)found[24 + i] << (8 * i);
	make_trailer(expected, key, *size_ret, content);
	if (memcmp(expected, found, sizeof(found)) != 0)
		return false;
	if (is_verified)
		return true;
	uint64_t actual;
	CLEANUP_ERROR struct error *err = hash_content(fd, *size_ret, &actual);

	return !err && actual == content;
}

static bool was_verified(struct disk_cache *c, uint64_t name,
			 const struct stat *st)
{
	LOCKED(&c->lock);
	if (!c->table_size)
		return false;
	const struct entry *e = &c->table[slot_of(c, name)];

	return e->name && e->inode == st->st_ino &&
	       e->ctime_ns == clock_timespec_ns(st->st_ctim);
}

/* The file is sound as it is now. */
static void note_verified(struct disk_cache *c, uint64_t name, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return;
	LOCKED(&c->lock);
	struct entry *e = c->table_size ? &c->table[slot_of(c, name)] : NULL;

	if (e && e->name) {
		e->inode = st.st_ino;
		e->ctime_ns = clock_timespec_ns(st.st_ctim);
	}
}

/* Keep the time of use, in memory and (for the next start) on the file. */
static void note_use(struct disk_cache *c, uint64_t name, uint64_t size, int fd,
		     bool is_verified)
{
	int64_t now = clock_wall_s();
	bool touch;

	{
		LOCKED(&c->lock);
		struct entry *e =
			c->table_size ? &c->table[slot_of(c, name)] : NULL;

		touch = !e || !e->name || now - e->used_s > TOUCH_AFTER_S ||
			now < e->used_s;
		if (touch && !table_put(c, name, size + TRAILER_SIZE, now))
			return;
	}
	if (touch)
		futimens(fd, NULL);
	if (touch || !is_verified)
		note_verified(c, name, fd);
}

void disk_cache_get(struct disk_cache *c, struct cache_key key, int *fd_ret,
		    uint64_t *size_ret)
{
	char name[NAME_SIZE];
	struct stat st;

	*fd_ret = -1;
	file_name(key.name, name);
	CLEANUP_CLOSE int fd =
		openat(c->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (!key.name || fd < 0 || fstat(fd, &st)) {
		count_op(OP_MISS);
		return;
	}
	bool verified = was_verified(c, key.name, &st);

	if (!is_whole(fd, key, &st, verified, size_ret)) {
		log_warn("cache", "damaged file removed", LOG_S("file", name));
		LOCKED(&c->lock);
		drop(c, key.name, OP_REJECT);
		return;
	}
	note_use(c, key.name, *size_ret, fd, verified);
	count_op(OP_HIT);
	*fd_ret = steal_fd(&fd);
}

char *disk_cache_path(const struct disk_cache *c, struct cache_key key)
{
	char name[NAME_SIZE];

	file_name(key.name, name);
	return path_join(c->dir, name);
}

struct error *disk_cache_begin(struct disk_cache *c, uint64_t size, int *fd_ret)
{
	{
		LOCKED(&c->lock);
		make_room(c, size + TRAILER_SIZE, size + TRAILER_SIZE);
	}
	if (spare_bytes(c) < size)
		return error_new(IO, "%s: no space for %" PRIu64 " bytes",
				 c->dir, size);
	struct error *err = file_open_unlinked(c->dir, fd_ret);

	atomic_store(&c->is_writable, !err);
	return err;
}

/* Give the unnamed file a name of its own, then the right one. */
static struct error *link_file(struct disk_cache *c, int fd, const char *name)
{
	char from[64], temporary[NAME_SIZE + 8];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	snprintf(temporary, sizeof(temporary), "tmp-%s", name);
	unlinkat(c->dir_fd, temporary, 0);
	if (linkat(AT_FDCWD, from, c->dir_fd, temporary, AT_SYMLINK_FOLLOW))
		return error_errno("link %s/%s", c->dir, temporary);
	if (renameat(c->dir_fd, temporary, c->dir_fd, name)) {
		struct error *err =
			error_errno("rename to %s/%s", c->dir, name);

		unlinkat(c->dir_fd, temporary, 0);
		return err;
	}
	return NULL;
}

static struct error *write_trailer(struct disk_cache *c, struct cache_key key,
				   int fd, uint64_t size)
{
	uint8_t trailer[TRAILER_SIZE];
	uint64_t content;

	TRY(hash_content(fd, size, &content));
	make_trailer(trailer, key, size, content);
	TRY(error_wrap(file_write_at(fd, trailer, sizeof(trailer), size), "%s",
		       c->dir));
	if (fsync(fd))
		return error_errno("fsync in %s", c->dir);
	return NULL;
}

struct error *disk_cache_commit(struct disk_cache *c, struct cache_key key,
				int fd, uint64_t size)
{
	char name[NAME_SIZE];

	if (!key.name || size > c->limit || size + TRAILER_SIZE > c->limit)
		return NULL;
	file_name(key.name, name);
	struct error *err = write_trailer(c, key, fd, size);

	if (!err) {
		LOCKED(&c->lock);
		make_room(c, size + TRAILER_SIZE, 0);
		err = link_file(c, fd, name);
		if (!err && !table_put(c, key.name, size + TRAILER_SIZE,
				       clock_wall_s()))
			drop(c, key.name, OP_EVICT);
	}
	if (!err)
		note_verified(c, key.name, fd);
	if (!err)
		err = file_sync_dir(c->dir);
	if (!err)
		count_op(OP_INSERT);
	atomic_store(&c->is_writable, !err);
	return err;
}

bool disk_cache_is_writable(const struct disk_cache *c)
{
	return atomic_load(&c->is_writable);
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

static struct error *load(struct disk_cache *c)
{
	CLEANUP_CLOSEDIR DIR *dir = opendir(c->dir);
	const struct dirent *d;

	if (!dir)
		return error_errno("open %s", c->dir);
	LOCKED(&c->lock);
	while ((d = readdir(dir))) {
		struct stat st;
		uint64_t name;

		if (!strncmp(d->d_name, "tmp-", 4) ||
		    !strncmp(d->d_name, "tmp.", 4)) {
			unlinkat(c->dir_fd, d->d_name, 0);
			continue;
		}
		if (!parse_name(d->d_name, &name) ||
		    fstatat(c->dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (!table_put(c, name, (uint64_t)st.st_size, st.st_mtime))
			return error_no_memory;
	}
	make_room(c, 0, 0);
	return NULL;
}

/* The secret is made with the directory and kept in it. */
static struct error *load_secret(struct disk_cache *c)
{
	CLEANUP_CLOSE int fd =
		openat(c->dir_fd, "secret",
		       O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_errno("open %s/secret", c->dir);
	if (pread(fd, &c->secret, sizeof(c->secret), 0) == sizeof(c->secret))
		return NULL;
	if (getrandom(&c->secret, sizeof(c->secret), 0) != sizeof(c->secret) ||
	    pwrite(fd, &c->secret, sizeof(c->secret), 0) != sizeof(c->secret))
		return error_errno("write %s/secret", c->dir);
	return NULL;
}

uint64_t disk_cache_secret(const struct disk_cache *c)
{
	return c->secret;
}

struct error *disk_cache_open(const char *dir, uint64_t limit_bytes,
			      struct disk_cache **ret)
{
	TRY(file_make_dirs(dir));
	struct disk_cache *c = mem_zalloc(sizeof(*c));

	if (!c)
		return error_no_memory;
	lock_init(&c->lock, LOCK_STORE_CACHE);
	c->limit = limit_bytes;
	c->is_writable = true;
	c->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->dir = mem_strdup(dir);
	struct error *err = c->dir_fd < 0 ? error_errno("open %s", dir)
			    : !c->dir     ? error_no_memory
					  : load_secret(c);
	if (!err)
		err = load(c);

	if (err) {
		disk_cache_close(c);
		return err;
	}
	*ret = c;
	return NULL;
}

void disk_cache_close(struct disk_cache *c)
{
	if (!c)
		return;
	if (c->dir_fd >= 0)
		close(c->dir_fd);
	mem_free(c->table);
	mem_free(c->dir);
	lock_deinit(&c->lock);
	mem_free(c);
}

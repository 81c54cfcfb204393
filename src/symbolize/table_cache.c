/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files are called <build ID>-<quality><inputs>.gsym, all of it hexadecimal;
 * with an s before the dot if they lack split DWARF.
 *
 * Invariants
 * 1. An entry is on disk, loaded, or both; with neither it goes.
 * 2. It is in the list on_disk and counted there while has_file, in the list
 *    loaded while it has a table.
 * 3. A file in the list may be gone (somebody cleaned up): that is a miss.
 * 4. The lock is not held while a table is loaded, dropped, read or synced;
 *    unlink and rename are done under it, so that list and directory agree.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/cache_temp.h"
#include "symbolize/table_cache.h"

enum {
	NAME_SIZE = BUILD_ID_HEX_MAX + sizeof("-00s.gsym"),
	FREE_PERCENT = 10, /* of the file system, left alone */
	FILES_MOST = 200000,
	/* The kernel gives a process 65530 mappings. */
	LOADED_MOST = 16384,
	SLOTS_LEAST = 256,
};

enum { WHERE_DISK, WHERE_MEMORY };

struct entry {
	struct build_id id;
	struct table_claims claims;
	struct entry *next; /* in its slot */
	/* On disk. */
	bool has_file;
	uint64_t file_bytes;
	struct timespec used; /* wall time; kept as the file's atime */
	TAILQ_ENTRY(entry) by_file;
	/* Mapped. */
	struct symtab *table; /* NULL: it is not; one reference */
	uint64_t table_bytes;
	int fd; /* until it is on disk, or never will be; owned */
	/* When the index was last known to have nothing better. */
	uint64_t trusted;
	int64_t trusted_until_ms;
	TAILQ_ENTRY(entry) by_table;
	/* Waits for an alternate file, or for split DWARF. */
	bool is_waiting;
	struct build_id alt; /* len 0: not for such a file */
	LIST_ENTRY(entry) by_wait;
};
TAILQ_HEAD(entry_list, entry);

struct table_cache {
	char *dir;
	int dir_fd;     /* -1: nothing is kept */
	uint64_t limit; /* on disk */
	uint64_t memory_limit;
	struct lock lock; /* guards what follows */
	struct entry **slots;
	size_t slot_count, entry_count;
	/* The oldest come first. */
	struct entry_list on_disk, loaded;
	LIST_HEAD(waiting_list, entry) waiting; /* for a file */
	uint64_t disk_total, loaded_total;
	size_t disk_count, loaded_count;
	uint64_t epoch;
	struct log_limit damage_log;
};

void table_op_count(enum table_op op)
{
	metric_add(METRIC_TABLE_OPS, op, 0, 1);
}

bool table_claims_exceed(struct table_claims a, struct table_claims b)
{
	const uint8_t files = TABLE_EXECUTABLE | TABLE_DEBUGINFO | TABLE_ALT;

	if (b.inputs & TABLE_LACKS_SPLIT && a.split_version != b.split_version)
		return true;
	return a.quality > b.quality || (a.inputs & files & ~b.inputs) != 0;
}

const char *table_claims_message(struct table_claims c)
{
	return c.inputs & TABLE_LACKS_SPLIT ? "split DWARF is missing" : NULL;
}

/* ---- Entries; lock held ------------------------------------------------- */

static uint64_t hash_id(const struct build_id *id)
{
	return hash_bytes(id->bytes, id->len, 0);
}

static struct entry **slot_of(const struct table_cache *c,
			      const struct build_id *id)
{
	return &c->slots[hash_id(id) & (c->slot_count - 1)];
}

static struct entry *find(const struct table_cache *c,
			  const struct build_id *id)
{
	struct entry *e = *slot_of(c, id);

	while (e && !build_id_equal(&e->id, id))
		e = e->next;
	return e;
}

static struct entry **new_slots(size_t count)
{
	return mem_array(count, sizeof(struct entry *));
}

static void grow(struct table_cache *c)
{
	size_t old_count = c->slot_count;
	struct entry **old = c->slots;
	struct entry **fresh = new_slots(old_count * 2);

	if (!fresh)
		return; /* longer chains */
	c->slots = fresh;
	c->slot_count *= 2;
	for (size_t i = 0; i < old_count; i++) {
		for (struct entry *e = old[i], *next; e; e = next) {
			struct entry **slot = slot_of(c, &e->id);

			next = e->next;
			e->next = *slot;
			*slot = e;
		}
	}
	mem_free(old);
}

/* NULL without memory. */
static struct entry *find_or_add(struct table_cache *c,
				 const struct build_id *id)
{
	struct entry *e = find(c, id);

	if (e)
		return e;
	e = mem_zalloc(sizeof(*e));
	if (!e)
		return NULL;
	if (c->entry_count >= c->slot_count)
		grow(c);
	struct entry **slot = slot_of(c, id);

	e->id = *id;
	e->fd = -1;
	e->next = *slot;
	*slot = e;
	c->entry_count++;
	return e;
}

static void await_no_more(struct entry *e)
{
	if (e->is_waiting)
		LIST_REMOVE(e, by_wait);
	e->is_waiting = false;
	e->alt.len = 0;
}

/* An entry that stands for nothing goes (invariant 1). */
static void tidy(struct table_cache *c, struct entry *e)
{
	struct entry **at = slot_of(c, &e->id);

	if (e->has_file || e->table)
		return;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	c->entry_count--;
	await_no_more(e);
	cleanup_close(&e->fd);
	mem_free(e);
}

static void show(const struct table_cache *c)
{
	metric_set(METRIC_TABLE_BYTES, WHERE_DISK, 0, (int64_t)c->disk_total);
	metric_set(METRIC_TABLE_BYTES, WHERE_MEMORY, 0,
		   (int64_t)c->loaded_total);
	metric_set(METRIC_TABLES, WHERE_DISK, 0, (int64_t)c->disk_count);
	metric_set(METRIC_TABLES, WHERE_MEMORY, 0, (int64_t)c->loaded_count);
}

static void use(struct table_cache *c, struct entry *e)
{
	if (e->has_file) {
		TAILQ_REMOVE(&c->on_disk, e, by_file);
		TAILQ_INSERT_TAIL(&c->on_disk, e, by_file);
		e->used.tv_sec = clock_wall_s();
	}
	if (e->table) {
		TAILQ_REMOVE(&c->loaded, e, by_table);
		TAILQ_INSERT_TAIL(&c->loaded, e, by_table);
	}
}

/* ---- Names -------------------------------------------------------------- */

static const char *file_name(const struct entry *e, char out[NAME_SIZE])
{
	char hex[BUILD_ID_HEX_MAX];

	snprintf(out, NAME_SIZE, "%s-%x%x%s.gsym", build_id_hex(&e->id, hex),
		 e->claims.quality & 15U, e->claims.inputs & 15U,
		 e->claims.inputs & TABLE_LACKS_SPLIT ? "s" : "");
	return out;
}

static bool parse_name(const char *name, struct entry *ret)
{
	size_t size = strcspn(name, "-");
	char again[NAME_SIZE];
	unsigned claims;
	char lacks = 0;

	if (!build_id_parse(name, size, &ret->id) ||
	    sscanf(name + size, "-%2x%c", &claims, &lacks) != 2)
		return false;
	ret->claims = (struct table_claims) {
		.quality = (uint8_t)(claims >> 4 & 15),
		.inputs = (uint8_t)((claims & 15) |
				    (lacks == 's' ? TABLE_LACKS_SPLIT : 0)),
	};
	return !strcmp(name, file_name(ret, again));
}

/* ---- On disk; lock held ------------------------------------------------- */

static void note_file(struct table_cache *c, struct entry *e, uint64_t bytes)
{
	e->has_file = true;
	e->file_bytes = bytes;
	TAILQ_INSERT_TAIL(&c->on_disk, e, by_file);
	c->disk_total += bytes;
	c->disk_count++;
}

/* Forget the file, which is gone or is to go. */
static void forget_file(struct table_cache *c, struct entry *e)
{
	if (!e->has_file)
		return;
	e->has_file = false;
	TAILQ_REMOVE(&c->on_disk, e, by_file);
	c->disk_total -= e->file_bytes;
	c->disk_count--;
}

static void remove_file(struct table_cache *c, struct entry *e)
{
	char name[NAME_SIZE];

	if (e->has_file)
		unlinkat(c->dir_fd, file_name(e, name), 0);
	forget_file(c, e);
}

/* When it was last used, for the next start. The mtime is when it was made. */
static void keep_time(const struct table_cache *c, const struct entry *e)
{
	const struct timespec times[] = { e->used, { .tv_nsec = UTIME_OMIT } };
	char name[NAME_SIZE];

	if (e->has_file && e->used.tv_sec)
		utimensat(c->dir_fd, file_name(e, name), times,
			  AT_SYMLINK_NOFOLLOW);
}

static uint64_t spare_bytes(const struct table_cache *c)
{
	struct statvfs fs;

	if (fstatvfs(c->dir_fd, &fs))
		return UINT64_MAX;
	uint64_t reserve =
		(uint64_t)fs.f_blocks * fs.f_frsize / 100 * FREE_PERCENT;
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;

	return left > reserve ? left - reserve : 0;
}

static void make_room(struct table_cache *c, uint64_t bytes)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&c->on_disk)) &&
	       (c->disk_total + bytes > c->limit ||
		c->disk_count >= FILES_MOST)) {
		remove_file(c, e);
		table_op_count(TABLE_OP_EVICT);
		tidy(c, e);
	}
}

/* ---- Mapped ------------------------------------------------------------- */

/* Lock held. @return The table to put, without the lock. */
static struct symtab *forget_table(struct table_cache *c, struct entry *e)
{
	struct symtab *table = STEAL(e->table);

	if (!table)
		return NULL;
	TAILQ_REMOVE(&c->loaded, e, by_table);
	c->loaded_total -= e->table_bytes;
	c->loaded_count--;
	cleanup_close(&e->fd);
	e->fd = -1;
	return table;
}

/* The table to drop next; NULL: all is within its bounds. */
static struct symtab *shed_one(struct table_cache *c)
{
	LOCKED(&c->lock);
	struct entry *e = TAILQ_FIRST(&c->loaded);
	struct symtab *table = NULL;

	if (e && TAILQ_NEXT(e, by_table) &&
	    (c->loaded_total > c->memory_limit ||
	     c->loaded_count > LOADED_MOST)) {
		keep_time(c, e);
		table = forget_table(c, e);
		table_op_count(TABLE_OP_DROP);
		tidy(c, e);
	}
	show(c);
	return table;
}

static void shed(struct table_cache *c)
{
	struct symtab *table;

	while ((table = shed_one(c)))
		symtab_put(table);
}

/* Lock held. @p table is borrowed. @return What it replaces, to put. */
static struct symtab *note_table(struct table_cache *c, struct entry *e,
				 struct symtab *table)
{
	struct symtab *old = forget_table(c, e);

	e->table = symtab_get(table);
	e->table_bytes = symtab_bytes(table);
	TAILQ_INSERT_TAIL(&c->loaded, e, by_table);
	c->loaded_total += e->table_bytes;
	c->loaded_count++;
	return old;
}

enum table_place table_cache_get(struct table_cache *c,
				 const struct build_id *id,
				 struct table_found *ret)
{
	LOCKED(&c->lock);
	struct entry *e = find(c, id);

	*ret = (struct table_found) { 0 };
	if (!e || !e->table)
		return e ? TABLE_ON_DISK : TABLE_NOWHERE;
	use(c, e);
	ret->table = symtab_get(e->table);
	ret->is_doubted =
		e->trusted < c->epoch || clock_ms() >= e->trusted_until_ms;
	ret->claims = e->claims;
	return TABLE_LOADED;
}

bool table_cache_claims(struct table_cache *c, const struct build_id *id,
			struct table_claims *ret)
{
	LOCKED(&c->lock);
	const struct entry *e = find(c, id);

	if (e)
		*ret = e->claims;
	return e != NULL;
}

/* ---- From disk ---------------------------------------------------------- */

struct error *table_cache_open_table(const struct table_cache *c, int fd,
				     const struct build_id *id,
				     struct symtab **ret)
{
	struct stat st;

	if (!fstat(fd, &st) && (uint64_t)st.st_size > c->memory_limit)
		return error_new(LIMIT,
				 "the table has %lld bytes (--table-memory)",
				 (long long)st.st_size);
	return symtab_open(fd, id, ret);
}

/* Open the file of an entry. -1: there is none. */
static struct error *open_file(struct table_cache *c, const struct build_id *id,
			       int *fd_ret)
{
	char name[NAME_SIZE];

	*fd_ret = -1;
	LOCKED(&c->lock);
	struct entry *e = find(c, id);

	if (!e || !e->has_file)
		return NULL;
	*fd_ret = openat(c->dir_fd, file_name(e, name),
			 O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd_ret >= 0)
		return NULL;
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		return error_errno("open %s", name);
	forget_file(c, e);
	tidy(c, e);
	show(c);
	return NULL;
}

/* Is the file of the entry the one that is open? Lock held. */
static bool is_file_of(struct table_cache *c, const struct entry *e, int fd)
{
	struct stat by_name, by_fd;
	char name[NAME_SIZE];

	return e->has_file && !fstat(fd, &by_fd) &&
	       !fstatat(c->dir_fd, file_name(e, name), &by_name,
			AT_SYMLINK_NOFOLLOW) &&
	       by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

/* @p err says what is wrong with the file; taken. */
static void reject_file(struct table_cache *c, const struct build_id *id,
			int fd, struct error *err)
{
	bool is_outdated = error_kind(err) == ERROR_UNSUPPORTED;
	bool is_told = false;
	uint64_t left_out;
	char hex[BUILD_ID_HEX_MAX];

	table_op_count(is_outdated ? TABLE_OP_OUTDATED : TABLE_OP_DAMAGED);
	{
		LOCKED(&c->lock);
		struct entry *e = find(c, id);

		if (!is_outdated)
			is_told = log_limit_pass(&c->damage_log, &left_out);
		if (e && is_file_of(c, e, fd)) {
			remove_file(c, e);
			tidy(c, e);
			show(c);
		}
	}
	if (is_told)
		log_warn("symbolize", "damaged table removed",
			 LOG_S("build_id", build_id_hex(id, hex)),
			 LOG_S("error", error_message(err)),
			 LOG_U("left_out", left_out));
	error_free(err);
}

struct error *table_cache_load(struct table_cache *c, const struct build_id *id,
			       struct symtab **ret)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_SYMTAB struct symtab *table = NULL;
	CLEANUP_SYMTAB struct symtab *old = NULL;
	struct table_found found;
	enum table_place place = table_cache_get(c, id, &found);

	*ret = found.table;
	if (place != TABLE_ON_DISK)
		return NULL;
	TRY(open_file(c, id, &fd));
	if (fd < 0)
		return NULL;
	struct error *err = table_cache_open_table(c, fd, id, &table);

	if (err && (error_kind(err) == ERROR_BAD_DATA ||
		    error_kind(err) == ERROR_UNSUPPORTED)) {
		reject_file(c, id, fd, err);
		return NULL;
	}
	TRY(err);
	table_op_count(TABLE_OP_LOAD);
	{
		LOCKED(&c->lock);
		struct entry *e = find(c, id);

		if (e && is_file_of(c, e, fd) && !e->table) {
			old = note_table(c, e, table);
			e->trusted = 0;
			use(c, e);
		}
	}
	shed(c);
	*ret = STEAL(table);
	return NULL;
}

/* Another process may have put another table under the name. */
static bool is_of_table(int fd, const struct symtab *table)
{
	size_t size = symtab_bytes(table);
	uint64_t tail;
	struct stat st;

	return size >= sizeof(tail) && !fstat(fd, &st) &&
	       st.st_size == (off_t)size &&
	       pread(fd, &tail, sizeof(tail), (off_t)(size - sizeof(tail))) ==
		       sizeof(tail) &&
	       !memcmp(&tail, symtab_data(table) + size - sizeof(tail),
		       sizeof(tail));
}

void table_cache_file(struct table_cache *c, const struct symtab *table,
		      int *fd_ret)
{
	CLEANUP_CLOSE int fd = -1;
	char name[NAME_SIZE];

	*fd_ret = -1;
	{
		LOCKED(&c->lock);
		const struct entry *e = find(c, symtab_build_id(table));

		if (!e || e->table != table)
			return;
		if (e->fd >= 0)
			fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
		else if (e->has_file)
			fd = openat(c->dir_fd, file_name(e, name),
				    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd >= 0 && is_of_table(fd, table))
		*fd_ret = steal_fd(&fd);
}

/* ---- New ones ----------------------------------------------------------- */

struct error *table_cache_begin(struct table_cache *c, int *fd_ret)
{
	if (c->dir_fd < 0)
		return table_cache_begin_elsewhere(fd_ret);
	if (!spare_bytes(c))
		return error_new(NO_SPACE, "%s: no space", c->dir);
	return error_wrap(cache_temp_open(c->dir_fd, fd_ret), "%s", c->dir);
}

struct error *table_cache_begin_elsewhere(int *fd_ret)
{
	return file_open_temporary(NULL, 0, fd_ret);
}

/* May @p e give its place to @p table? A worse one never replaces a better. */
static bool is_better(const struct entry *e, const struct symtab *table)
{
	return !e->table || symtab_quality(table) >= symtab_quality(e->table);
}

/* Rename the file, if there is one, with the claims in its name. Lock held. */
static void set_claims(struct table_cache *c, struct entry *e,
		       struct table_claims claims)
{
	char from[NAME_SIZE], to[NAME_SIZE];

	file_name(e, from);
	e->claims = claims;
	file_name(e, to);
	if (e->has_file && strcmp(from, to) != 0 &&
	    renameat(c->dir_fd, from, c->dir_fd, to))
		forget_file(c, e);
}

struct error *table_cache_put(struct table_cache *c, const struct build_id *id,
			      struct table_claims claims, int fd,
			      struct symtab **ret, bool *is_new_ret)
{
	CLEANUP_SYMTAB struct symtab *table = NULL;
	CLEANUP_SYMTAB struct symtab *old = NULL;
	CLEANUP_CLOSE int held = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	*is_new_ret = false;
	TRY(table_cache_open_table(c, fd, id, &table));
	table_op_count(TABLE_OP_BUILD);
	{
		LOCKED(&c->lock);
		struct entry *e = find_or_add(c, id);

		if (!e)
			return error_no_memory;
		*is_new_ret = is_better(e, table);
		if (*is_new_ret) {
			/* What it replaces on disk goes with table_cache_keep()
			 * or, should the new one find no room, now. */
			remove_file(c, e);
			e->claims = claims;
			await_no_more(e);
			old = note_table(c, e, table);
			e->fd = steal_fd(&held);
		} else {
			set_claims(c, e, claims);
			symtab_put(table);
			table = symtab_get(e->table);
		}
	}
	shed(c);
	*ret = STEAL(table);
	return NULL;
}

/* Give the file its name, if the table is still the one. */
static struct error *publish(struct table_cache *c, const struct build_id *id,
			     const struct symtab *table, int fd)
{
	char name[NAME_SIZE];
	struct stat st;

	if (fstat(fd, &st))
		return error_errno("stat");
	LOCKED(&c->lock);
	struct entry *e = find(c, id);

	if (!e || e->table != table || e->has_file)
		return NULL;
	uint64_t bytes = (uint64_t)st.st_size;

	if (bytes > c->limit)
		return NULL;
	make_room(c, bytes);
	TRY(cache_temp_publish(c->dir_fd, fd, file_name(e, name)));
	note_file(c, e, bytes);
	use(c, e);
	show(c);
	table_op_count(TABLE_OP_KEEP);
	return NULL;
}

/* Does the file lie on the directory's file system? One that was begun
 * elsewhere cannot be kept. */
static bool can_be_kept(const struct table_cache *c, int fd)
{
	struct stat here, there;

	return c->dir_fd >= 0 && !fstat(c->dir_fd, &here) &&
	       !fstat(fd, &there) && here.st_dev == there.st_dev;
}

static struct error *keep(struct table_cache *c, const struct build_id *id,
			  const struct symtab *table, int fd)
{
	if (!can_be_kept(c, fd))
		return NULL;
	if (fsync(fd))
		return error_errno("%s: fsync", c->dir);
	TRY(error_wrap(publish(c, id, table, fd), "%s", c->dir));
	return file_sync_dir(c->dir);
}

struct error *table_cache_keep(struct table_cache *c, const struct build_id *id,
			       const struct symtab *table, int fd)
{
	CLEANUP_CLOSE int owned = fd;
	struct error *err = keep(c, id, table, fd);

	LOCKED(&c->lock);
	struct entry *e = find(c, id);

	if (e && e->table == table) {
		cleanup_close(&e->fd);
		e->fd = -1;
	}
	return err;
}

/* ---- Doubts ------------------------------------------------------------- */

void table_cache_reject(struct table_cache *c, const struct symtab *table)
{
	struct symtab *loaded = NULL;

	{
		LOCKED(&c->lock);
		struct entry *e = find(c, symtab_build_id(table));

		if (!e || e->table != table)
			return;
		loaded = forget_table(c, e);
		remove_file(c, e);
		tidy(c, e);
		show(c);
	}
	table_op_count(TABLE_OP_DAMAGED);
	symtab_put(loaded);
}

void table_cache_doubt(struct table_cache *c, const struct build_id *id)
{
	LOCKED(&c->lock);
	struct entry *e = find(c, id);

	if (e)
		e->trusted = 0;
	LIST_FOREACH(e, &c->waiting, by_wait)
	{
		if (e->claims.inputs & TABLE_LACKS_SPLIT ||
		    (e->alt.len && build_id_equal(&e->alt, id)))
			e->trusted = 0;
	}
}

void table_cache_await(struct table_cache *c, const struct build_id *id,
		       const struct build_id *alt)
{
	LOCKED(&c->lock);
	struct entry *e = find(c, id);

	if (!e)
		return;
	await_no_more(e);
	e->is_waiting = true;
	if (alt)
		e->alt = *alt;
	LIST_INSERT_HEAD(&c->waiting, e, by_wait);
}

void table_cache_doubt_all(struct table_cache *c)
{
	LOCKED(&c->lock);
	c->epoch++;
}

uint64_t table_cache_epoch(struct table_cache *c)
{
	LOCKED(&c->lock);
	return c->epoch;
}

void table_cache_trust(struct table_cache *c, const struct build_id *id,
		       uint64_t since, int64_t for_ms)
{
	int64_t now = clock_ms();

	LOCKED(&c->lock);
	struct entry *e = find(c, id);

	if (!e || e->trusted > since)
		return;
	e->trusted = since;
	e->trusted_until_ms =
		for_ms < INT64_MAX - now ? now + for_ms : INT64_MAX;
}

/* ---- Open and close ----------------------------------------------------- */

struct kept {
	struct entry what;
	uint64_t bytes;
};

struct listing {
	struct kept *v;
	size_t count, capacity;
};

static void listing_deinit(struct listing *l)
{
	mem_free(l->v);
}

static int compare_used(const void *a, const void *b)
{
	const struct timespec *x = &((const struct kept *)a)->what.used;
	const struct timespec *y = &((const struct kept *)b)->what.used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static struct error *list_files(const struct table_cache *c, struct listing *l)
{
	CLEANUP_CLOSEDIR DIR *dir = opendir(c->dir);
	const struct dirent *d;

	if (!dir)
		return error_errno("open %s", c->dir);
	while ((d = readdir(dir))) {
		struct kept k = { 0 };
		struct stat st;

		if (!parse_name(d->d_name, &k.what) ||
		    fstatat(c->dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		k.bytes = (uint64_t)st.st_size;
		k.what.used = st.st_atim;
		if (!mem_grow(&l->v, &l->capacity, l->count + 1, sizeof(k)))
			return error_no_memory;
		l->v[l->count++] = k;
	}
	if (l->count)
		qsort(l->v, l->count, sizeof(*l->v), compare_used);
	return NULL;
}

/* Of two files of one ID, which a crash in between may leave, the one with
 * more claims stays. */
static struct error *add_kept(struct table_cache *c, const struct kept *k)
{
	struct entry *e = find_or_add(c, &k->what.id);
	char name[NAME_SIZE];

	if (!e)
		return error_no_memory;
	if (e->has_file && !table_claims_exceed(k->what.claims, e->claims)) {
		unlinkat(c->dir_fd, file_name(&k->what, name), 0);
		return NULL;
	}
	remove_file(c, e);
	e->claims = k->what.claims;
	e->used = k->what.used;
	note_file(c, e, k->bytes);
	return NULL;
}

static struct error *load(struct table_cache *c)
{
	CLEANUP(listing_deinit) struct listing l = { 0 };

	TRY(list_files(c, &l));
	LOCKED(&c->lock);
	for (size_t i = 0; i < l.count; i++)
		TRY(add_kept(c, &l.v[i]));
	make_room(c, 0);
	show(c);
	return NULL;
}

static struct error *open_directory(struct table_cache *c)
{
	TRY(file_make_dirs(c->dir));
	c->dir_fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir_fd < 0 || faccessat(AT_FDCWD, c->dir, W_OK, AT_EACCESS))
		return error_errno("open %s", c->dir);
	cache_temp_sweep(c->dir_fd);
	return load(c);
}

struct error *table_cache_open(const char *dir, uint64_t disk_bytes,
			       uint64_t memory_bytes, struct table_cache **ret)
{
	struct table_cache *c = mem_zalloc(sizeof(*c));

	if (!c)
		return error_no_memory;
	lock_init(&c->lock, LOCK_SYMBOLIZE_TABLES);
	TAILQ_INIT(&c->on_disk);
	TAILQ_INIT(&c->loaded);
	LIST_INIT(&c->waiting);
	c->dir_fd = -1;
	c->limit = disk_bytes;
	c->memory_limit = memory_bytes;
	c->epoch = 1;
	c->slot_count = SLOTS_LEAST;
	c->slots = new_slots(c->slot_count);
	c->dir = mem_strdup(dir);
	struct error *err = c->slots && c->dir ? NULL : error_no_memory;

	if (!err && disk_bytes)
		err = open_directory(c);
	if (err && error_kind(err) != ERROR_NO_MEMORY) {
		log_consume(LOG_WARN, "symbolize",
			    "no directory for tables: none is kept", err);
		cleanup_close(&c->dir_fd);
		c->dir_fd = -1;
		err = NULL;
	}
	if (err) {
		table_cache_close(c);
		return err;
	}
	*ret = c;
	return NULL;
}

static void free_entry(struct table_cache *c, struct entry *e)
{
	if (e->table)
		keep_time(c, e);
	symtab_put(e->table);
	cleanup_close(&e->fd);
	mem_free(e);
}

void table_cache_close(struct table_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->slots && i < c->slot_count; i++) {
		for (struct entry *e = c->slots[i], *next; e; e = next) {
			next = e->next;
			free_entry(c, e);
		}
	}
	cleanup_close(&c->dir_fd);
	mem_free(c->slots);
	mem_free(c->dir);
	lock_deinit(&c->lock);
	mem_free(c);
}

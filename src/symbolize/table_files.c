/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of tables: their names, what is known of the directory, and room in
 * it.
 *
 * Files are called <build ID>-<quality><inputs>.gsym, all of it hexadecimal;
 * with an s before the dot if they lack split DWARF.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/cache_temp.h"
#include "symbolize/table_cache_internal.h"

enum {
	FREE_PERCENT = 10, /* of the file system, left alone */
	FILES_MOST = 200000,
};

/* ---- Names -------------------------------------------------------------- */

const char *table_file_name(const struct table_entry *e,
			    char out[TABLE_NAME_SIZE])
{
	char hex[BUILD_ID_HEX_MAX];

	snprintf(out, TABLE_NAME_SIZE, "%s-%x%x%s.gsym",
		 build_id_hex(&e->id, hex), e->claims.quality & 15U,
		 e->claims.inputs & 15U,
		 e->claims.inputs & TABLE_LACKS_SPLIT ? "s" : "");
	return out;
}

static bool parse_name(const char *name, struct table_entry *ret)
{
	size_t size = strcspn(name, "-");
	char again[TABLE_NAME_SIZE];
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
	return !strcmp(name, table_file_name(ret, again));
}

/* ---- What is there ------------------------------------------------------- */

void entry_note_file(struct table_cache *c, struct table_entry *e,
		     uint64_t bytes)
{
	e->has_file = true;
	e->file_bytes = bytes;
	TAILQ_INSERT_TAIL(&c->on_disk, e, by_file);
	c->disk_total += bytes;
	c->disk_count++;
}

void entry_forget_file(struct table_cache *c, struct table_entry *e)
{
	if (!e->has_file)
		return;
	e->has_file = false;
	TAILQ_REMOVE(&c->on_disk, e, by_file);
	c->disk_total -= e->file_bytes;
	c->disk_count--;
}

void entry_remove_file(struct table_cache *c, struct table_entry *e)
{
	char name[TABLE_NAME_SIZE];

	if (e->has_file)
		unlinkat(c->dir_fd, table_file_name(e, name), 0);
	entry_forget_file(c, e);
}

void entry_keep_time(const struct table_cache *c, const struct table_entry *e)
{
	const struct timespec times[] = { e->used, { .tv_nsec = UTIME_OMIT } };
	char name[TABLE_NAME_SIZE];

	if (e->has_file && e->used.tv_sec)
		utimensat(c->dir_fd, table_file_name(e, name), times,
			  AT_SYMLINK_NOFOLLOW);
}

uint64_t table_dir_spare(const struct table_cache *c)
{
	struct statvfs fs;

	if (fstatvfs(c->dir_fd, &fs))
		return UINT64_MAX;
	uint64_t reserve =
		(uint64_t)fs.f_blocks * fs.f_frsize / 100 * FREE_PERCENT;
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;

	return left > reserve ? left - reserve : 0;
}

void table_dir_make_room(struct table_cache *c, uint64_t bytes)
{
	struct table_entry *e;

	while ((e = TAILQ_FIRST(&c->on_disk)) &&
	       (c->disk_total + bytes > c->limit ||
		c->disk_count >= FILES_MOST)) {
		entry_remove_file(c, e);
		table_op_count(TABLE_OP_EVICT);
		entry_tidy(c, e);
	}
}

void entry_set_claims(struct table_cache *c, struct table_entry *e,
		      struct table_claims claims)
{
	char from[TABLE_NAME_SIZE], to[TABLE_NAME_SIZE];

	table_file_name(e, from);
	e->claims = claims;
	table_file_name(e, to);
	if (e->has_file && strcmp(from, to) != 0 &&
	    renameat(c->dir_fd, from, c->dir_fd, to))
		entry_forget_file(c, e);
}

bool entry_is_file(struct table_cache *c, const struct table_entry *e, int fd)
{
	struct stat by_name, by_fd;
	char name[TABLE_NAME_SIZE];

	return e->has_file && !fstat(fd, &by_fd) &&
	       !fstatat(c->dir_fd, table_file_name(e, name), &by_name,
			AT_SYMLINK_NOFOLLOW) &&
	       by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

bool table_dir_has(const struct table_cache *c, int fd)
{
	struct stat here, there;

	return c->dir_fd >= 0 && !fstat(c->dir_fd, &here) &&
	       !fstat(fd, &there) && here.st_dev == there.st_dev;
}

/* ---- The directory at the start ------------------------------------------ */

struct kept {
	struct table_entry what;
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
 * more claims stays, and with equal ones that which lacks nothing. */
static bool may_stay(struct table_claims have, struct table_claims other)
{
	return !table_claims_exceed(other, have) &&
	       !(have.inputs & ~other.inputs & TABLE_LACKS_SPLIT &&
		 !table_claims_exceed(have, other));
}

static struct error *add_kept(struct table_cache *c, const struct kept *k)
{
	struct table_entry *e = entry_find_or_add(c, &k->what.id);
	char name[TABLE_NAME_SIZE];

	if (!e)
		return error_no_memory;
	if (e->has_file && may_stay(e->claims, k->what.claims)) {
		unlinkat(c->dir_fd, table_file_name(&k->what, name), 0);
		return NULL;
	}
	entry_remove_file(c, e);
	e->claims = k->what.claims;
	e->used = k->what.used;
	entry_note_file(c, e, k->bytes);
	return NULL;
}

static struct error *load(struct table_cache *c)
{
	CLEANUP(listing_deinit) struct listing l = { 0 };

	TRY(list_files(c, &l));
	LOCKED(&c->lock);
	for (size_t i = 0; i < l.count; i++)
		TRY(add_kept(c, &l.v[i]));
	table_dir_make_room(c, 0);
	tables_show(c);
	return NULL;
}

struct error *table_dir_open(struct table_cache *c)
{
	TRY(file_make_dirs(c->dir));
	c->dir_fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir_fd < 0 || faccessat(AT_FDCWD, c->dir, W_OK, AT_EACCESS))
		return error_errno("open %s", c->dir);
	cache_temp_sweep(c->dir_fd);
	return load(c);
}

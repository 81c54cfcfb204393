/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of tables: their names, what is known of the directory, and room in
 * it.
 *
 * Files are called <build ID>-<quality><inputs>.gsym, all of it hexadecimal;
 * with an s before the dot if they lack split DWARF.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/cache_list.h"
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

/* Of two files of one ID, which a crash in between may leave, the one with
 * more claims stays, and with equal ones that which lacks nothing. */
static bool may_stay(struct table_claims have, struct table_claims other)
{
	return !table_claims_exceed(other, have) &&
	       !(have.inputs & ~other.inputs & TABLE_LACKS_SPLIT &&
		 !table_claims_exceed(have, other));
}

static struct error *add_kept(struct table_cache *c,
			      const struct table_entry *kept, uint64_t bytes)
{
	struct table_entry *e = entry_find_or_add(c, &kept->id);
	char name[TABLE_NAME_SIZE];

	if (!e)
		return error_no_memory;
	if (e->has_file && may_stay(e->claims, kept->claims)) {
		unlinkat(c->dir_fd, table_file_name(kept, name), 0);
		return NULL;
	}
	entry_remove_file(c, e);
	e->claims = kept->claims;
	e->used = kept->used;
	entry_note_file(c, e, bytes);
	return NULL;
}

/* entry_keep_time() has set it. */
static struct timespec used_of(const struct stat *st)
{
	return st->st_atim;
}

static struct error *load(struct table_cache *c)
{
	CLEANUP_CACHE_LIST struct cache_list l = { 0 };

	TRY(error_wrap(cache_list_read(c->dir_fd, used_of, &l), "%s", c->dir));
	LOCKED(&c->lock);
	for (size_t i = 0; i < l.count; i++) {
		struct table_entry kept = { .used = l.files[i].used };

		if (parse_name(cache_list_name(&l, &l.files[i]), &kept))
			TRY(add_kept(c, &kept, l.files[i].bytes));
	}
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

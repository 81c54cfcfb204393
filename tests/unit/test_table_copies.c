/* SPDX-License-Identifier: Apache-2.0 */
/* Files of compiled tables, as they are sent: whose they are, and how many. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "symbolize/table_cache.h"
#include "tests/lib/sample_table.h"
#include "tests/unit/unit.h"

static char dir[64];
static const uint64_t much = 1 << 30;

static void make_dir(void)
{
	snprintf(dir, sizeof(dir), "%s/symbolized-tables-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

static struct table_cache *open_cache(uint64_t disk, uint64_t memory)
{
	struct table_cache *c;

	ck_no_error(table_cache_open(dir, disk, memory, &c));
	return c;
}

static struct build_id id_of(unsigned i)
{
	return (struct build_id) {
		.len = 4, .bytes = { 0xab, (uint8_t)(i >> 8), (uint8_t)i, 1 }
	};
}

static const struct table_claims all = {
	.quality = SYMTAB_QUALITY_DWARF,
	.inputs = TABLE_DEBUGINFO | TABLE_EXECUTABLE,
};
/* As a builder does it, but for the worker. */
static struct error *try_put(struct table_cache *c, unsigned i,
			     struct table_claims claims, bool keeps)
{
	const struct sample_table what = {
		.id = id_of(i),
		.quality = (enum symtab_quality)claims.quality,
		.functions = 50,
	};
	CLEANUP_SYMTAB struct symtab *t = NULL;
	CLEANUP_CLOSE int fd = -1;
	bool is_new;

	TRY(table_cache_begin(c, &fd));
	sample_table_write(&what, fd);
	TRY(table_cache_put(c, &what.id, claims, fd, &t, &is_new));
	if (is_new && keeps)
		TRY(table_cache_keep(c, &what.id, t, steal_fd(&fd)));
	return NULL;
}

static void put(struct table_cache *c, unsigned i, struct table_claims claims)
{
	ck_no_error(try_put(c, i, claims, true));
}

static struct symtab *load(struct table_cache *c, unsigned i)
{
	struct build_id id = id_of(i);
	struct symtab *t;

	ck_no_error(table_cache_load(c, &id, &t));
	return t;
}

static char *path_of(unsigned i, struct table_claims claims)
{
	static char path[160];
	struct build_id id = id_of(i);
	char hex[BUILD_ID_HEX_MAX];

	snprintf(path, sizeof(path), "%s/%s-%x%x.gsym", dir,
		 build_id_hex(&id, hex), claims.quality, claims.inputs);
	return path;
}

static int file_of(struct table_cache *c, const struct symtab *table)
{
	int fd;

	ck_no_error(table_cache_file(c, table, &fd));
	return fd;
}

static ino_t inode_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return st.st_ino;
}

static unsigned count_descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	unsigned count = 0;

	ck_assert_ptr_nonnull(list);
	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

START_TEST(the_file_of_a_table_can_be_had_from_the_first_moment)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);
	char magic[4];

	for (int keeps = 0; keeps < 2; keeps++) {
		if (keeps)
			put(c, 1, all);
		else
			ck_no_error(try_put(c, 1, all, false));
		CLEANUP_SYMTAB struct symtab *table = load(c, 1);
		CLEANUP_CLOSE int fd = file_of(c, table);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(pread(fd, magic, 4, 0), 4);
		ck_assert(!memcmp(magic, "MYSG", 4));
	}
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(the_file_of_a_table_is_that_of_no_other_one)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);

	put(c, 1, all);
	CLEANUP_SYMTAB struct symtab *old = load(c, 1);
	CLEANUP_CLOSE int fd = file_of(c, old);

	ck_assert_int_ge(fd, 0);
	/* Another one has taken its place. */
	put(c, 1, all);
	CLEANUP_SYMTAB struct symtab *now = load(c, 1);

	ck_assert_ptr_ne(old, now);
	int none;

	ck_error(table_cache_file(c, old, &none), BUSY, "taken its place");
	ck_assert_int_eq(none, -1);
	/* Another process has put another one there, of the same size. */
	CLEANUP_CLOSE int file = open(path_of(1, all), O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(
		pwrite(file, "another", 7, (off_t)symtab_bytes(now) - 7), 7);
	CLEANUP_CLOSE int other = file_of(c, now);
	char magic[4];

	ck_assert_uint_ne(inode_of(other), inode_of(file));
	ck_assert_int_eq(pread(other, magic, 4, 0), 4);
	ck_assert(!memcmp(magic, "MYSG", 4));
	table_cache_close(c);
	remove_dir();
}
END_TEST

/* */
START_TEST(what_is_not_on_disk_is_written_once_for_all_who_ask)
{
	make_dir();
	struct table_cache *c = open_cache(0, much);

	put(c, 1, all);
	CLEANUP_SYMTAB struct symtab *table = load(c, 1);
	CLEANUP_CLOSE int first = file_of(c, table);
	struct stat st;

	ck_assert_int_eq(fstat(first, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_uint_eq((uint64_t)st.st_size, symtab_gsym_bytes(table));
	for (int i = 0; i < 20; i++) {
		CLEANUP_CLOSE int fd = file_of(c, table);

		ck_assert_uint_eq(inode_of(fd), st.st_ino);
	}
	/* With the table it goes; who reads it keeps it. */
	unsigned before = count_descriptors();

	table_cache_reject(c, table);
	ck_assert_uint_eq(count_descriptors(), before - 1);
	ck_assert_uint_eq(inode_of(first), st.st_ino);
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(of_what_is_not_on_disk_not_all_is_kept_open)
{
	enum { TABLES = 300 };

	make_dir();
	struct table_cache *c = open_cache(0, much);
	unsigned before = count_descriptors();

	for (unsigned i = 0; i < TABLES; i++) {
		put(c, i, all);
		CLEANUP_SYMTAB struct symtab *table = load(c, i);
		CLEANUP_CLOSE int fd = file_of(c, table);
	}
	ck_assert_uint_eq(count_descriptors(), before + 256);
	/* The first was asked for longest ago: it has a new one. */
	CLEANUP_SYMTAB struct symtab *first = load(c, 0);
	CLEANUP_CLOSE int again = file_of(c, first);

	ck_assert_int_ge(again, 0);
	ck_assert_uint_eq(count_descriptors(), before + 257);
	table_cache_close(c);
	ck_assert_uint_eq(count_descriptors(), before + 1);
	remove_dir();
}
END_TEST

static bool is_disk_low;

/* Instead of the C library's. */
int fstatvfs(int fd, struct statvfs *fs)
{
	(void)fd;
	*fs = (struct statvfs) {
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_blocks = 1 << 20,
		.f_bavail = is_disk_low ? (1 << 20) / 20 : 1 << 20,
	};
	return 0;
}

START_TEST(a_table_is_written_into_no_reserve)
{
	make_dir();
	struct table_cache *c = open_cache(0, much);
	int fd;

	put(c, 1, all);
	CLEANUP_SYMTAB struct symtab *table = load(c, 1);
	unsigned before = count_descriptors();

	is_disk_low = true;
	ck_error(table_cache_file(c, table, &fd), NO_SPACE, "no space");
	ck_assert_int_eq(fd, -1);
	ck_assert_uint_eq(count_descriptors(), before);
	is_disk_low = false;
	CLEANUP_CLOSE int copy = file_of(c, table);

	/* What is written is given however low it is. */
	is_disk_low = true;
	CLEANUP_CLOSE int again = file_of(c, table);

	ck_assert_uint_eq(inode_of(again), inode_of(copy));
	is_disk_low = false;
	table_cache_close(c);
	remove_dir();
}
END_TEST

UNIT_MAIN("table_copies", the_file_of_a_table_can_be_had_from_the_first_moment,
	  the_file_of_a_table_is_that_of_no_other_one,
	  what_is_not_on_disk_is_written_once_for_all_who_ask,
	  of_what_is_not_on_disk_not_all_is_kept_open,
	  a_table_is_written_into_no_reserve)

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
#include "tests/lib/tables_fixture.h"
#include "tests/unit/unit.h"

static const uint64_t much = 1 << 30;

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
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	char magic[4];

	for (int keeps = 0; keeps < 2; keeps++) {
		if (keeps)
			tables_put(c, 1, tables_whole);
		else
			ck_no_error(tables_try_put(c, 1, tables_whole, false));
		CLEANUP_SYMTAB struct symtab *table = tables_load(c, 1);
		CLEANUP_CLOSE int fd = file_of(c, table);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(pread(fd, magic, 4, 0), 4);
		ck_assert(!memcmp(magic, "MYSG", 4));
	}
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(the_file_of_a_table_is_that_of_no_other_one)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);

	tables_put(c, 1, tables_whole);
	CLEANUP_SYMTAB struct symtab *old = tables_load(c, 1);
	CLEANUP_CLOSE int fd = file_of(c, old);

	ck_assert_int_ge(fd, 0);
	/* Another one has taken its place. */
	tables_put(c, 1, tables_whole);
	CLEANUP_SYMTAB struct symtab *now = tables_load(c, 1);

	ck_assert_ptr_ne(old, now);
	int none;

	ck_error(table_cache_file(c, old, &none), BUSY, "taken its place");
	ck_assert_int_eq(none, -1);
	/* Another process has put another one there, of the same size. */
	CLEANUP_CLOSE int file =
		open(tables_path(1, tables_whole), O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(
		pwrite(file, "another", 7, (off_t)symtab_bytes(now) - 7), 7);
	CLEANUP_CLOSE int other = file_of(c, now);
	char magic[4];

	ck_assert_uint_ne(inode_of(other), inode_of(file));
	ck_assert_int_eq(pread(other, magic, 4, 0), 4);
	ck_assert(!memcmp(magic, "MYSG", 4));
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

/* */
START_TEST(what_is_not_on_disk_is_written_once_for_all_who_ask)
{
	tables_make_dir();
	struct table_cache *c = tables_open(0, much);

	tables_put(c, 1, tables_whole);
	CLEANUP_SYMTAB struct symtab *table = tables_load(c, 1);
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
	tables_remove_dir();
}
END_TEST

START_TEST(of_what_is_not_on_disk_not_all_is_kept_open)
{
	enum { TABLES = 300 };

	tables_make_dir();
	struct table_cache *c = tables_open(0, much);
	unsigned before = count_descriptors();

	for (unsigned i = 0; i < TABLES; i++) {
		tables_put(c, i, tables_whole);
		CLEANUP_SYMTAB struct symtab *table = tables_load(c, i);
		CLEANUP_CLOSE int fd = file_of(c, table);
	}
	ck_assert_uint_eq(count_descriptors(), before + 256);
	/* The first was asked for longest ago: it has a new one. */
	CLEANUP_SYMTAB struct symtab *first = tables_load(c, 0);
	CLEANUP_CLOSE int again = file_of(c, first);

	ck_assert_int_ge(again, 0);
	ck_assert_uint_eq(count_descriptors(), before + 257);
	table_cache_close(c);
	ck_assert_uint_eq(count_descriptors(), before + 1);
	tables_remove_dir();
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
	tables_make_dir();
	struct table_cache *c = tables_open(0, much);
	int fd;

	tables_put(c, 1, tables_whole);
	CLEANUP_SYMTAB struct symtab *table = tables_load(c, 1);
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
	tables_remove_dir();
}
END_TEST

UNIT_MAIN("table_copies", the_file_of_a_table_can_be_had_from_the_first_moment,
	  the_file_of_a_table_is_that_of_no_other_one,
	  what_is_not_on_disk_is_written_once_for_all_who_ask,
	  of_what_is_not_on_disk_not_all_is_kept_open,
	  a_table_is_written_into_no_reserve)

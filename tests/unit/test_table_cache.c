/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled tables on disk and loaded, and what is known of modules without. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "symbolize/table_cache.h"
#include "symbolize/verdict.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_private.h"
#include "tests/lib/sample_table.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/lib/tables_fixture.h"
#include "tests/unit/unit.h"

static const uint64_t much = 1 << 30;

static const struct table_claims stripped = {
	.quality = SYMTAB_QUALITY_DYNSYM,
	.inputs = TABLE_EXECUTABLE,
};

static enum table_place place(struct table_cache *c, unsigned i)
{
	struct build_id id = tables_id(i);
	struct table_found found;
	enum table_place ret = table_cache_get(c, &id, &found);

	ck_assert_int_eq(found.table != NULL, ret == TABLE_LOADED);
	symtab_put(found.table);
	return ret;
}

static bool is_doubted(struct table_cache *c, unsigned i)
{
	struct build_id id = tables_id(i);
	struct table_found found;

	ck_assert_int_eq(table_cache_get(c, &id, &found), TABLE_LOADED);
	symtab_put(found.table);
	return found.is_doubted;
}

/* NULL: not there, or no good. */
static bool loads(struct table_cache *c, unsigned i)
{
	CLEANUP_SYMTAB struct symtab *t = tables_load(c, i);

	return t != NULL;
}

static size_t files_in(const char *sub)
{
	char path[128];
	size_t count = 0;
	struct dirent *d;

	snprintf(path, sizeof(path), "%s/%s", tables_dir, sub);
	DIR *list = opendir(path);

	while (list && (d = readdir(list)))
		count += d->d_type == DT_REG;
	if (list)
		closedir(list);
	return count;
}

static int64_t counted(enum table_op op)
{
	return metric_get(METRIC_TABLE_OPS, op, 0);
}

START_TEST(a_table_that_is_put_is_loaded_and_kept_over_a_restart)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);

	ck_assert_int_eq(place(c, 1), TABLE_NOWHERE);
	tables_put(c, 1, tables_whole);
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	ck_assert(!access(tables_path(1, tables_whole), R_OK));
	ck_assert_uint_eq(files_in("."), 1);
	ck_assert_uint_eq(files_in("tmp"), 0);
	ck_assert_int_eq(metric_get(METRIC_TABLES, 0, 0), 1);
	ck_assert_int_gt(metric_get(METRIC_TABLE_BYTES, 0, 0), 1000);
	table_cache_close(c);

	struct table_claims claims;
	struct build_id id = tables_id(1);

	c = tables_open(much, much);
	ck_assert_int_eq(place(c, 1), TABLE_ON_DISK);
	ck_assert(table_cache_claims(c, &id, &claims));
	ck_assert_uint_eq(claims.quality, tables_whole.quality);
	ck_assert_uint_eq(claims.inputs, tables_whole.inputs);
	CLEANUP_SYMTAB struct symtab *t = tables_load(c, 1);

	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(t->count, 50);
	ck_assert(build_id_equal(symtab_build_id(t), &id));
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	table_cache_close(c);
	/* Who holds it may use it still. */
	ck_assert_uint_eq(t->count, 50);
	tables_remove_dir();
}
END_TEST

START_TEST(the_least_recently_used_is_dropped_and_stays_on_disk)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);

	tables_put(c, 0, tables_whole);
	uint64_t one = (uint64_t)metric_get(METRIC_TABLE_BYTES, 1, 0);
	CLEANUP_SYMTAB struct symtab *first = tables_load(c, 0);

	ck_assert_uint_eq(one, symtab_memory(first));
	ck_assert_uint_gt(one, symtab_bytes(first));
	table_cache_close(c);
	tables_remove_dir();
	tables_make_dir();
	c = tables_open(much, 3 * one + one / 2);
	for (unsigned i = 0; i < 3; i++)
		tables_put(c, i, tables_whole);
	CLEANUP_SYMTAB struct symtab *held = tables_load(c, 0);

	ck_assert_int_eq(place(c, 0), TABLE_LOADED); /* the newest now */
	tables_put(c, 3, tables_whole);
	ck_assert_int_eq(place(c, 0), TABLE_LOADED);
	ck_assert_int_eq(place(c, 1), TABLE_ON_DISK);
	ck_assert_int_eq(place(c, 2), TABLE_LOADED);
	tables_put(c, 4, tables_whole);
	tables_put(c, 5, tables_whole);
	ck_assert_int_eq(place(c, 0), TABLE_ON_DISK);
	ck_assert_uint_eq(held->count, 50);
	ck_assert_int_le(metric_get(METRIC_TABLE_BYTES, 1, 0),
			 (int64_t)(3 * one + one / 2));
	ck_assert(loads(c, 1));
	ck_assert_uint_eq(files_in("."), 6);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(one_that_is_larger_than_all_may_be_is_too_large)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	struct symtab *t;
	struct build_id id = tables_id(1);

	tables_put(c, 1, tables_whole);
	table_cache_close(c);
	c = tables_open(much, 100);
	ck_error(tables_try_put(c, 2, tables_whole, true), LIMIT,
		 "--table-memory");
	ck_error(table_cache_load(c, &id, &t), LIMIT, "--table-memory");
	ck_assert_int_eq(place(c, 1), TABLE_ON_DISK);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(what_becomes_of_its_file_does_not_change_a_table)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	struct symtab_cursor *cursor;
	const struct symtab_frame *frames;
	size_t count;

	tables_put(c, 1, tables_whole);
	CLEANUP_SYMTAB struct symtab *t = tables_load(c, 1);

	ck_assert_int_eq(truncate(tables_path(1, tables_whole), 0), 0);
	ck_no_error(symtab_cursor_create(t, &cursor));
	ck_no_error(symtab_find(cursor, (struct vaddr) { SAMPLE_BASE + 0x100 },
				true, &frames, &count));
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(frames->line, 11);
	symtab_cursor_free(cursor);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(the_least_recently_used_leaves_the_disk)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	struct stat st;

	tables_put(c, 0, tables_whole);
	ck_assert_int_eq(stat(tables_path(0, tables_whole), &st), 0);
	table_cache_close(c);
	c = tables_open((uint64_t)st.st_size * 3, much);
	tables_put(c, 1, tables_whole);
	tables_put(c, 2, tables_whole);
	ck_assert_int_eq(place(c, 0), TABLE_ON_DISK);
	ck_assert(loads(c, 0));
	tables_put(c, 3, tables_whole);
	/* 1 went; it is loaded still. */
	ck_assert(access(tables_path(1, tables_whole), F_OK));
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	ck_assert_int_eq(counted(TABLE_OP_EVICT), 1);
	table_cache_close(c);

	/* The order outlives a restart, whatever was written when. */
	c = tables_open((uint64_t)st.st_size * 2, much);
	ck_assert_uint_eq(files_in("."), 2);
	table_cache_close(c);
	c = tables_open((uint64_t)st.st_size / 2, much);
	ck_assert_uint_eq(files_in("."), 0);
	tables_put(c, 4, tables_whole); /* too large to be kept at all */
	ck_assert_int_eq(place(c, 4), TABLE_LOADED);
	ck_assert_uint_eq(files_in("."), 0);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

static void overwrite(const char *path, off_t at, const void *data, size_t size)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, data, size, at), (ssize_t)size);
}

START_TEST(a_damaged_file_is_removed_and_counted)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	struct stat st;

	for (unsigned i = 0; i < 5; i++)
		tables_put(c, i, tables_whole);
	ck_assert_int_eq(stat(tables_path(0, tables_whole), &st), 0);
	table_cache_close(c);
	overwrite(tables_path(0, tables_whole), st.st_size / 2, "\xff\xff\xff",
		  3);
	ck_assert_int_eq(
		truncate(tables_path(1, tables_whole), st.st_size - 100), 0);
	ck_assert_int_eq(truncate(tables_path(2, tables_whole), 0), 0);
	/* Another ID's. */
	ck_assert_int_eq(unlink(tables_path(3, tables_whole)), 0);
	char from[160];

	snprintf(from, sizeof(from), "%s", tables_path(4, tables_whole));
	ck_assert_int_eq(link(from, tables_path(3, tables_whole)), 0);
	c = tables_open(much, much);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(place(c, i), TABLE_ON_DISK);
		ck_assert(!loads(c, i));
		ck_assert_int_eq(place(c, i), TABLE_NOWHERE);
		ck_assert(access(tables_path(i, tables_whole), F_OK));
	}
	ck_assert_int_eq(counted(TABLE_OP_DAMAGED), 4);
	ck_assert(loads(c, 4));
	/* What is made anew takes its place. */
	tables_put(c, 0, tables_whole);
	table_cache_close(c);
	c = tables_open(much, much);
	ck_assert(loads(c, 0));
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(one_of_another_version_is_removed_without_a_word)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	const struct sample_table what = { .id = tables_id(1), .functions = 5 };

	tables_put(c, 1, tables_whole);
	table_cache_close(c);
	sample_table_make(&what, &bytes);
	/* The version stands behind the magic. */
	uint8_t *magic = memmem(bytes.data, bytes.size, SYMTAB_MAGIC, 8);

	ck_assert_ptr_nonnull(magic);
	magic[8] ^= 0x55;
	symtab_fixture_seal(bytes.data, bytes.size);
	ck_assert_int_eq(truncate(tables_path(1, tables_whole), 0), 0);
	overwrite(tables_path(1, tables_whole), 0, bytes.data, bytes.size);
	c = tables_open(much, much);
	ck_assert(!loads(c, 1));
	ck_assert_int_eq(place(c, 1), TABLE_NOWHERE);
	ck_assert_uint_eq(files_in("."), 0);
	ck_assert_int_eq(counted(TABLE_OP_DAMAGED), 0);
	ck_assert_int_eq(counted(TABLE_OP_OUTDATED), 1);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(a_better_one_takes_the_place_of_a_worse_one)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	CLEANUP_SYMTAB struct symtab *t = NULL;

	tables_put(c, 1, stripped);
	tables_put(c, 1, tables_whole);
	t = tables_load(c, 1);
	ck_assert_int_eq(symtab_quality(t), SYMTAB_QUALITY_DWARF);
	ck_assert_uint_eq(files_in("."), 1);
	ck_assert(!access(tables_path(1, tables_whole), F_OK));
	ck_assert_int_eq(metric_get(METRIC_TABLES, 0, 0), 1);
	ck_assert_int_eq(metric_get(METRIC_TABLES, 1, 0), 1);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(a_worse_one_never_takes_the_place_of_a_better_one)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	const struct sample_table worse = {
		.id = tables_id(1),
		.quality = SYMTAB_QUALITY_DYNSYM,
		.functions = 3,
	};
	struct table_claims more = tables_whole, claims;
	CLEANUP_SYMTAB struct symtab *t = NULL;
	CLEANUP_CLOSE int fd = -1;
	bool is_new;

	more.inputs |= TABLE_ALT;
	tables_put(c, 1, tables_whole);
	ck_no_error(table_cache_begin(c, &fd));
	sample_table_write(&worse, fd);
	ck_no_error(table_cache_put(c, &worse.id, more, fd, &t, &is_new));
	ck_assert(!is_new);
	ck_assert_int_eq(symtab_quality(t), SYMTAB_QUALITY_DWARF);
	/* That it was tried is remembered, also over a restart. */
	ck_assert(table_cache_claims(c, &worse.id, &claims));
	ck_assert(!table_claims_exceed(more, claims));
	table_cache_close(c);
	c = tables_open(much, much);
	ck_assert(table_cache_claims(c, &worse.id, &claims));
	ck_assert(!table_claims_exceed(more, claims));
	ck_assert(loads(c, 1));
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

/* As tables_put(), of a table with so many functions. @return Is it the one now? */
static bool put_sized(struct table_cache *c, struct table_claims claims,
		      unsigned functions)
{
	const struct sample_table what = {
		.id = tables_id(1),
		.quality = (enum symtab_quality)claims.quality,
		.functions = functions,
	};
	CLEANUP_SYMTAB struct symtab *t = NULL;
	CLEANUP_CLOSE int fd = -1;
	bool is_new;

	ck_no_error(table_cache_begin(c, &fd));
	sample_table_write(&what, fd);
	ck_no_error(table_cache_put(c, &what.id, claims, fd, &t, &is_new));
	if (is_new) {
		ck_assert_uint_eq(t->count, functions);
		ck_no_error(table_cache_keep(c, &what.id, t, steal_fd(&fd)));
	}
	return is_new;
}

static void expect_one(struct table_cache *c, unsigned functions,
		       struct table_claims expected)
{
	CLEANUP_SYMTAB struct symtab *t = tables_load(c, 1);
	struct build_id id = tables_id(1);
	struct table_claims claims;

	ck_assert_uint_eq(t->count, functions);
	ck_assert(table_cache_claims(c, &id, &claims));
	ck_assert_uint_eq(claims.inputs, expected.inputs);
	ck_assert_uint_eq(files_in("."), 1);
}

START_TEST(a_table_without_its_split_units_takes_no_whole_ones_place)
{
	const struct table_claims debuginfo = {
		.quality = SYMTAB_QUALITY_DWARF,
		.inputs = TABLE_DEBUGINFO,
	};
	struct table_claims lacking = tables_whole;
	char first[160], second[160];

	tables_make_dir();
	struct table_cache *c = tables_open(much, much);

	lacking.inputs |= TABLE_LACKS_SPLIT;
	ck_assert(put_sized(c, stripped, 2));
	/* But that of one that knows less. */
	ck_assert(put_sized(c, lacking, 3));
	expect_one(c, 3, lacking);
	ck_assert(put_sized(c, debuginfo, 4));
	expect_one(c, 4, debuginfo);
	ck_assert(!put_sized(c, lacking, 5));
	expect_one(c, 4, tables_whole);
	table_cache_close(c);
	/* Loaded, or on disk only. */
	c = tables_open(much, much);
	ck_assert(!put_sized(c, lacking, 5));
	expect_one(c, 4, tables_whole);
	/* Then one that is as good does. */
	ck_assert(put_sized(c, tables_whole, 6));
	expect_one(c, 6, tables_whole);
	table_cache_close(c);

	/* Of two files, whichever was used last. */
	snprintf(first, sizeof(first), "%s", tables_path(1, tables_whole));
	snprintf(second, sizeof(second), "%.*ss.gsym", (int)strlen(first) - 5,
		 first);
	for (int is_later = 0; is_later < 2; is_later++) {
		const struct timespec times[] = { { .tv_sec = 1 + is_later },
						  { .tv_nsec = UTIME_OMIT } };
		const struct timespec other[] = { { .tv_sec = 2 - is_later },
						  { .tv_nsec = UTIME_OMIT } };
		CLEANUP_CLOSE int fd = open(second, O_CREAT | O_WRONLY, 0600);
		const struct sample_table worse = {
			.id = tables_id(1),
			.quality = SYMTAB_QUALITY_DWARF,
			.functions = 7,
		};

		ck_assert_int_ge(fd, 0);
		sample_table_write(&worse, fd);
		ck_assert_int_eq(utimensat(AT_FDCWD, first, times, 0), 0);
		ck_assert_int_eq(utimensat(AT_FDCWD, second, other, 0), 0);
		c = tables_open(much, much);
		expect_one(c, 6, tables_whole);
		table_cache_close(c);
	}
	tables_remove_dir();
}
END_TEST

START_TEST(more_quality_or_another_input_may_say_more)
{
	struct table_claims alt = stripped;

	ck_assert(table_claims_exceed(tables_whole, stripped));
	ck_assert(!table_claims_exceed(stripped, tables_whole));
	ck_assert(!table_claims_exceed(tables_whole, tables_whole));
	alt.inputs = TABLE_ALT;
	ck_assert(table_claims_exceed(alt, tables_whole));
}
END_TEST

START_TEST(split_files_that_do_not_come_are_tried_again_ever_more_rarely)
{
	struct table_claims had = { 0 }, now = tables_whole;
	int64_t last = 0;

	now.inputs |= TABLE_LACKS_SPLIT;
	now.split_version = 7;
	/* What is not there need not be tried. */
	ck_assert(!table_claims_exceed(now, now));
	now.is_split_uncertain = true;
	for (int i = 0; i < 20; i++) {
		int64_t before = clock_ms();

		table_claims_put_off(&now, had);
		int64_t pause = now.split_retry_ms - before;

		ck_assert_int_ge(pause, i < 9 ? 2 * last - 100 : last - 100);
		ck_assert_int_le(pause, 600000);
		ck_assert(!table_claims_exceed(now, now));
		last = pause;
		had = now;
	}
	ck_assert_int_ge(last, 300000);
	/* When their time has come. */
	had.split_retry_ms = clock_ms();
	ck_assert(table_claims_exceed(now, had));
	/* After a long rest, from the start. */
	had.split_retry_ms -= last;
	table_claims_put_off(&now, had);
	ck_assert_int_le(now.split_retry_ms, clock_ms() + 2000);
}
END_TEST

START_TEST(where_files_come_and_go_a_table_is_made_ever_more_rarely)
{
	struct table_claims had = { 0 }, now = tables_whole;
	int64_t last = 0;

	now.inputs |= TABLE_LACKS_SPLIT;
	for (int i = 0; i < 20; i++) {
		int64_t before = clock_ms();

		now.split_version = 7 + (unsigned)i;
		table_claims_put_off(&now, had);
		int64_t pause = now.split_retry_ms - before;

		ck_assert_int_ge(pause, i < 9 ? 2 * last - 100 : last - 100);
		ck_assert_int_le(pause, 600000);
		last = pause;
		had = now;
		/* Others have come: not before its time. */
		now.split_version++;
		ck_assert(table_claims_await_split(had, now.split_version));
		ck_assert(!table_claims_exceed(now, had));
		had.split_retry_ms = clock_ms();
		ck_assert(table_claims_exceed(now, had));
		/* But without any there is no reason. */
		ck_assert(!table_claims_await_split(had, had.split_version));
		ck_assert(!table_claims_exceed(had, had));
	}
	ck_assert_int_ge(last, 300000);
}
END_TEST

START_TEST(what_a_crash_left_is_swept)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	char path[160], first[160];

	tables_put(c, 1, stripped);
	tables_put(c, 2, tables_whole);
	table_cache_close(c);
	/* A file half written, one of another name, and two of one ID. */
	snprintf(path, sizeof(path), "%s/tmp/0123456789abcdef", tables_dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(path, sizeof(path), "%s/README", tables_dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(first, sizeof(first), "%s", tables_path(1, stripped));
	ck_assert_int_eq(link(first, tables_path(1, tables_whole)), 0);
	c = tables_open(much, much);
	ck_assert_uint_eq(files_in("tmp"), 0);
	ck_assert(!access(path, F_OK));
	ck_assert(access(first, F_OK));
	ck_assert(!access(tables_path(1, tables_whole), F_OK));
	ck_assert(loads(c, 1));
	ck_assert(loads(c, 2));
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(killed_at_any_moment_it_leaves_whole_tables)
{
	tables_make_dir();
	for (unsigned round = 0; round < 20; round++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (!pid) {
			struct table_cache *c = tables_open(much, much);

			for (unsigned i = 0;; i++)
				tables_put(c, i % 8,
					   i % 16 < 8 ? stripped
						      : tables_whole);
		}
		usleep(1000 + 1500 * round);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		struct table_cache *c = tables_open(much, much);

		for (unsigned i = 0; i < 8; i++)
			ck_assert(place(c, i) == TABLE_NOWHERE || loads(c, i));
		ck_assert_int_eq(counted(TABLE_OP_DAMAGED), 0);
		ck_assert_uint_eq(files_in("tmp"), 0);
		table_cache_close(c);
	}
	tables_remove_dir();
}
END_TEST

START_TEST(a_file_that_somebody_removed_is_a_miss)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);

	tables_put(c, 1, tables_whole);
	table_cache_close(c);
	c = tables_open(much, much);
	ck_assert_int_eq(unlink(tables_path(1, tables_whole)), 0);
	ck_assert(!loads(c, 1));
	ck_assert_int_eq(place(c, 1), TABLE_NOWHERE);
	ck_assert_int_eq(metric_get(METRIC_TABLES, 0, 0), 0);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(without_a_directory_tables_are_loaded_and_not_kept)
{
	char file[128];

	tables_make_dir();
	snprintf(file, sizeof(file), "%s/file", tables_dir);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	struct table_cache *c;

	ck_no_error(table_cache_open(file, much, much, &c));
	tables_put(c, 1, tables_whole);
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	table_cache_close(c);
	/* Nor where none is to be kept. */
	c = tables_open(0, much);
	tables_put(c, 1, tables_whole);
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	ck_assert_uint_eq(files_in("."), 1);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(a_table_is_doubted_until_the_index_was_asked)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	struct build_id id = tables_id(1);

	tables_put(c, 1, tables_whole);
	uint64_t before = table_cache_epoch(c);

	table_cache_trust(c, &id, before, INT64_MAX);
	ck_assert(!is_doubted(c, 1));
	table_cache_doubt(c, &id);
	ck_assert(is_doubted(c, 1));
	table_cache_trust(c, &id, before, INT64_MAX);
	ck_assert(!is_doubted(c, 1));
	/* Asked before it changed is not asked. */
	table_cache_doubt_all(c);
	ck_assert(is_doubted(c, 1));
	table_cache_trust(c, &id, before, INT64_MAX);
	ck_assert(is_doubted(c, 1));
	table_cache_trust(c, &id, table_cache_epoch(c), INT64_MAX);
	ck_assert(!is_doubted(c, 1));
	/* Nor is the answer for ever. */
	table_cache_trust(c, &id, table_cache_epoch(c), 0);
	ck_assert(is_doubted(c, 1));
	table_cache_close(c);
	/* Of one from disk nobody knows. */
	c = tables_open(much, much);
	ck_assert(loads(c, 1));
	ck_assert(is_doubted(c, 1));
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(a_rejected_table_is_gone_from_memory_and_disk)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);
	CLEANUP_SYMTAB struct symtab *t = NULL;

	tables_put(c, 1, tables_whole);
	t = tables_load(c, 1);
	table_cache_reject(c, t);
	ck_assert_int_eq(place(c, 1), TABLE_NOWHERE);
	ck_assert_uint_eq(files_in("."), 0);
	/* It is not the one that was made since. */
	tables_put(c, 1, tables_whole);
	table_cache_reject(c, t);
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

START_TEST(many_tables_are_found_each)
{
	tables_make_dir();
	struct table_cache *c = tables_open(much, much);

	for (unsigned i = 0; i < 600; i++)
		tables_put(c, i, tables_whole);
	for (unsigned i = 0; i < 600; i++)
		ck_assert_int_eq(place(c, i), TABLE_LOADED);
	table_cache_close(c);
	c = tables_open(much, much);
	ck_assert_int_eq(metric_get(METRIC_TABLES, 0, 0), 600);
	table_cache_close(c);
	tables_remove_dir();
}
END_TEST

static struct error *try_all(const struct sample_table *what, const int *fd)
{
	struct table_cache *c = NULL;
	CLEANUP_SYMTAB struct symtab *t = NULL;
	bool is_new;
	struct error *err = table_cache_open(tables_dir, much, much, &c);

	if (!err)
		err = table_cache_put(c, &what->id, tables_whole, *fd, &t,
				      &is_new);
	if (!err && is_new)
		err = table_cache_keep(c, &what->id, t, dup(*fd));
	table_cache_close(c);
	return err;
}

START_TEST(without_memory_an_operation_fails_and_nothing_else)
{
	const struct sample_table what = { .id = tables_id(1), .functions = 5 };
	char tmp[128];
	bool failed = true;

	tables_make_dir();
	snprintf(tmp, sizeof(tmp), "%s/tmp", tables_dir);
	ck_assert_int_eq(mkdir(tmp, 0700), 0);
	for (unsigned long n = 1; failed; n++) {
		CLEANUP_CLOSE int fd =
			open(tables_dir, O_TMPFILE | O_RDWR, 0600);

		ck_assert_int_ge(fd, 0);
		sample_table_write(&what, fd);
		mem_fail_at(n);
		struct error *err = try_all(&what, &fd);

		failed = mem_fail_happened();
		mem_fail_at(0);
		if (err)
			ck_assert_str_eq(error_message(err),
					 error_message(error_no_memory));
		ck_assert_uint_lt(n, 1000);
	}
	tables_remove_dir();
}
END_TEST

/* ---- Verdicts ----------------------------------------------------------- */

static void note(struct verdicts *all_of_them, const struct table_key *key,
		 enum module_status status)
{
	const struct verdict v = {
		.key = *key,
		.status = status,
		.until_ms = INT64_MAX,
		.epoch = 1,
	};

	verdicts_put(all_of_them, &v);
}

START_TEST(a_verdict_holds_until_its_time_or_the_index_changes)
{
	struct verdicts known;
	struct table_key key = { .id = tables_id(1) };
	struct verdict v = { .key = key, .status = MODULE_ABSENT, .epoch = 1 };

	ck_no_error(verdicts_init(&known));
	ck_assert_ptr_null(verdicts_find(&known, &key, 1));
	note(&known, &key, MODULE_MALFORMED);
	ck_assert_ptr_nonnull(verdicts_find(&known, &key, 1));
	ck_assert_ptr_null(verdicts_find(&known, &key, 2));
	verdicts_forget(&known, &key.id);
	ck_assert_ptr_null(verdicts_find(&known, &key, 1));
	verdicts_put(&known, &v); /* over already */
	ck_assert_ptr_null(verdicts_find(&known, &key, 1));
	verdicts_deinit(&known);
}
END_TEST

START_TEST(a_change_is_a_change_by_every_name)
{
	/* As of little-endian files; of big-endian ones it is the ID. */
	static const uint8_t id[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t little[16] = { 4, 3, 2, 1, 6, 5, 8, 7 };
	struct verdicts known;
	struct table_key keys[4] = {
		{ .id = { .len = 8 } },
		{ .id = { .len = 20 } },
		{ .is_breakpad = true, .id = { .len = 16 } },
		{ .is_breakpad = true, .id = { .len = 16 } },
	};

	for (size_t i = 0; i < 4; i++)
		memcpy(keys[i].id.bytes, i == 3 ? little : id, 8);
	ck_no_error(verdicts_init(&known));
	for (size_t i = 0; i < 4; i++)
		note(&known, &keys[i], MODULE_ABSENT);
	verdicts_forget(&known, &keys[0].id);
	for (size_t i = 0; i < 4; i++)
		ck_assert_ptr_null(verdicts_find(&known, &keys[i], 1));
	verdicts_deinit(&known);
}
END_TEST

START_TEST(verdicts_are_bounded_and_the_last_one_is_always_there)
{
	struct verdicts known;

	ck_no_error(verdicts_init(&known));
	for (unsigned i = 0; i < 60000; i++) {
		struct table_key key = { .id = tables_id(i) };

		note(&known, &key, MODULE_ABSENT);
		ck_assert_ptr_nonnull(verdicts_find(&known, &key, 1));
	}
	verdicts_deinit(&known);
}
END_TEST

UNIT_MAIN("table_cache", a_table_that_is_put_is_loaded_and_kept_over_a_restart,
	  the_least_recently_used_is_dropped_and_stays_on_disk,
	  one_that_is_larger_than_all_may_be_is_too_large,
	  what_becomes_of_its_file_does_not_change_a_table,
	  the_least_recently_used_leaves_the_disk,
	  a_damaged_file_is_removed_and_counted,
	  one_of_another_version_is_removed_without_a_word,
	  a_better_one_takes_the_place_of_a_worse_one,
	  a_worse_one_never_takes_the_place_of_a_better_one,
	  a_table_without_its_split_units_takes_no_whole_ones_place,
	  more_quality_or_another_input_may_say_more,
	  split_files_that_do_not_come_are_tried_again_ever_more_rarely,
	  where_files_come_and_go_a_table_is_made_ever_more_rarely,
	  what_a_crash_left_is_swept,
	  killed_at_any_moment_it_leaves_whole_tables,
	  a_file_that_somebody_removed_is_a_miss,
	  without_a_directory_tables_are_loaded_and_not_kept,
	  a_table_is_doubted_until_the_index_was_asked,
	  a_rejected_table_is_gone_from_memory_and_disk,
	  many_tables_are_found_each,
	  without_memory_an_operation_fails_and_nothing_else,
	  a_verdict_holds_until_its_time_or_the_index_changes,
	  a_change_is_a_change_by_every_name,
	  verdicts_are_bounded_and_the_last_one_is_always_there)

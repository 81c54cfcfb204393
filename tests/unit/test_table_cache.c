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
static const struct table_claims stripped = {
	.quality = SYMTAB_QUALITY_DYNSYM,
	.inputs = TABLE_EXECUTABLE,
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

static enum table_place place(struct table_cache *c, unsigned i)
{
	struct build_id id = id_of(i);
	struct table_found found;
	enum table_place ret = table_cache_get(c, &id, &found);

	ck_assert_int_eq(found.table != NULL, ret == TABLE_LOADED);
	symtab_put(found.table);
	return ret;
}

static bool is_doubted(struct table_cache *c, unsigned i)
{
	struct build_id id = id_of(i);
	struct table_found found;

	ck_assert_int_eq(table_cache_get(c, &id, &found), TABLE_LOADED);
	symtab_put(found.table);
	return found.is_doubted;
}

/* NULL: not there, or no good. */
static struct symtab *load(struct table_cache *c, unsigned i)
{
	struct build_id id = id_of(i);
	struct symtab *t;

	ck_no_error(table_cache_load(c, &id, &t));
	return t;
}

static bool loads(struct table_cache *c, unsigned i)
{
	CLEANUP_SYMTAB struct symtab *t = load(c, i);

	return t != NULL;
}

static size_t files_in(const char *sub)
{
	char path[128];
	size_t count = 0;
	struct dirent *d;

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
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

static char *path_of(unsigned i, struct table_claims claims)
{
	static char path[160];
	struct build_id id = id_of(i);
	char hex[BUILD_ID_HEX_MAX];

	snprintf(path, sizeof(path), "%s/%s-%x%x.gsym", dir,
		 build_id_hex(&id, hex), claims.quality, claims.inputs);
	return path;
}

START_TEST(a_table_that_is_put_is_loaded_and_kept_over_a_restart)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);

	ck_assert_int_eq(place(c, 1), TABLE_NOWHERE);
	put(c, 1, all);
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	ck_assert(!access(path_of(1, all), R_OK));
	ck_assert_uint_eq(files_in("."), 1);
	ck_assert_uint_eq(files_in("tmp"), 0);
	ck_assert_int_eq(metric_get(METRIC_TABLES, 0, 0), 1);
	ck_assert_int_gt(metric_get(METRIC_TABLE_BYTES, 0, 0), 1000);
	table_cache_close(c);

	struct table_claims claims;
	struct build_id id = id_of(1);

	c = open_cache(much, much);
	ck_assert_int_eq(place(c, 1), TABLE_ON_DISK);
	ck_assert(table_cache_claims(c, &id, &claims));
	ck_assert_uint_eq(claims.quality, all.quality);
	ck_assert_uint_eq(claims.inputs, all.inputs);
	CLEANUP_SYMTAB struct symtab *t = load(c, 1);

	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(t->count, 50);
	ck_assert(build_id_equal(symtab_build_id(t), &id));
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	table_cache_close(c);
	/* Who holds it may use it still. */
	ck_assert_uint_eq(t->count, 50);
	remove_dir();
}
END_TEST

START_TEST(the_least_recently_used_is_dropped_and_stays_on_disk)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);

	put(c, 0, all);
	uint64_t one = (uint64_t)metric_get(METRIC_TABLE_BYTES, 1, 0);
	CLEANUP_SYMTAB struct symtab *first = load(c, 0);

	ck_assert_uint_eq(one, symtab_memory(first));
	ck_assert_uint_gt(one, symtab_bytes(first));
	table_cache_close(c);
	remove_dir();
	make_dir();
	c = open_cache(much, 3 * one + one / 2);
	for (unsigned i = 0; i < 3; i++)
		put(c, i, all);
	CLEANUP_SYMTAB struct symtab *held = load(c, 0);

	ck_assert_int_eq(place(c, 0), TABLE_LOADED); /* the newest now */
	put(c, 3, all);
	ck_assert_int_eq(place(c, 0), TABLE_LOADED);
	ck_assert_int_eq(place(c, 1), TABLE_ON_DISK);
	ck_assert_int_eq(place(c, 2), TABLE_LOADED);
	put(c, 4, all);
	put(c, 5, all);
	ck_assert_int_eq(place(c, 0), TABLE_ON_DISK);
	ck_assert_uint_eq(held->count, 50);
	ck_assert_int_le(metric_get(METRIC_TABLE_BYTES, 1, 0),
			 (int64_t)(3 * one + one / 2));
	ck_assert(loads(c, 1));
	ck_assert_uint_eq(files_in("."), 6);
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(one_that_is_larger_than_all_may_be_is_too_large)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);
	struct symtab *t;
	struct build_id id = id_of(1);

	put(c, 1, all);
	table_cache_close(c);
	c = open_cache(much, 100);
	ck_error(try_put(c, 2, all, true), LIMIT, "--table-memory");
	ck_error(table_cache_load(c, &id, &t), LIMIT, "--table-memory");
	ck_assert_int_eq(place(c, 1), TABLE_ON_DISK);
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(what_becomes_of_its_file_does_not_change_a_table)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);
	struct symtab_cursor *cursor;
	const struct symtab_frame *frames;
	size_t count;

	put(c, 1, all);
	CLEANUP_SYMTAB struct symtab *t = load(c, 1);

	ck_assert_int_eq(truncate(path_of(1, all), 0), 0);
	ck_no_error(symtab_cursor_create(t, &cursor));
	ck_no_error(symtab_find(cursor, (struct vaddr) { SAMPLE_BASE + 0x100 },
				true, &frames, &count));
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(frames->line, 11);
	symtab_cursor_free(cursor);
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(the_least_recently_used_leaves_the_disk)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);
	struct stat st;

	put(c, 0, all);
	ck_assert_int_eq(stat(path_of(0, all), &st), 0);
	table_cache_close(c);
	c = open_cache((uint64_t)st.st_size * 3, much);
	put(c, 1, all);
	put(c, 2, all);
	ck_assert_int_eq(place(c, 0), TABLE_ON_DISK);
	ck_assert(loads(c, 0));
	put(c, 3, all);
	/* 1 went; it is loaded still. */
	ck_assert(access(path_of(1, all), F_OK));
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	ck_assert_int_eq(counted(TABLE_OP_EVICT), 1);
	table_cache_close(c);

	/* The order outlives a restart, whatever was written when. */
	c = open_cache((uint64_t)st.st_size * 2, much);
	ck_assert_uint_eq(files_in("."), 2);
	table_cache_close(c);
	c = open_cache((uint64_t)st.st_size / 2, much);
	ck_assert_uint_eq(files_in("."), 0);
	put(c, 4, all); /* too large to be kept at all */
	ck_assert_int_eq(place(c, 4), TABLE_LOADED);
	ck_assert_uint_eq(files_in("."), 0);
	table_cache_close(c);
	remove_dir();
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
	make_dir();
	struct table_cache *c = open_cache(much, much);
	struct stat st;

	for (unsigned i = 0; i < 5; i++)
		put(c, i, all);
	ck_assert_int_eq(stat(path_of(0, all), &st), 0);
	table_cache_close(c);
	overwrite(path_of(0, all), st.st_size / 2, "\xff\xff\xff", 3);
	ck_assert_int_eq(truncate(path_of(1, all), st.st_size - 100), 0);
	ck_assert_int_eq(truncate(path_of(2, all), 0), 0);
	/* Another ID's. */
	ck_assert_int_eq(unlink(path_of(3, all)), 0);
	char from[160];

	snprintf(from, sizeof(from), "%s", path_of(4, all));
	ck_assert_int_eq(link(from, path_of(3, all)), 0);
	c = open_cache(much, much);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(place(c, i), TABLE_ON_DISK);
		ck_assert(!loads(c, i));
		ck_assert_int_eq(place(c, i), TABLE_NOWHERE);
		ck_assert(access(path_of(i, all), F_OK));
	}
	ck_assert_int_eq(counted(TABLE_OP_DAMAGED), 4);
	ck_assert(loads(c, 4));
	/* What is made anew takes its place. */
	put(c, 0, all);
	table_cache_close(c);
	c = open_cache(much, much);
	ck_assert(loads(c, 0));
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(one_of_another_version_is_removed_without_a_word)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	const struct sample_table what = { .id = id_of(1), .functions = 5 };

	put(c, 1, all);
	table_cache_close(c);
	sample_table_make(&what, &bytes);
	/* The version stands behind the magic. */
	uint8_t *magic = memmem(bytes.data, bytes.size, SYMTAB_MAGIC, 8);

	ck_assert_ptr_nonnull(magic);
	magic[8] ^= 0x55;
	symtab_fixture_seal(bytes.data, bytes.size);
	ck_assert_int_eq(truncate(path_of(1, all), 0), 0);
	overwrite(path_of(1, all), 0, bytes.data, bytes.size);
	c = open_cache(much, much);
	ck_assert(!loads(c, 1));
	ck_assert_int_eq(place(c, 1), TABLE_NOWHERE);
	ck_assert_uint_eq(files_in("."), 0);
	ck_assert_int_eq(counted(TABLE_OP_DAMAGED), 0);
	ck_assert_int_eq(counted(TABLE_OP_OUTDATED), 1);
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(a_better_one_takes_the_place_of_a_worse_one)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);
	CLEANUP_SYMTAB struct symtab *t = NULL;

	put(c, 1, stripped);
	put(c, 1, all);
	t = load(c, 1);
	ck_assert_int_eq(symtab_quality(t), SYMTAB_QUALITY_DWARF);
	ck_assert_uint_eq(files_in("."), 1);
	ck_assert(!access(path_of(1, all), F_OK));
	ck_assert_int_eq(metric_get(METRIC_TABLES, 0, 0), 1);
	ck_assert_int_eq(metric_get(METRIC_TABLES, 1, 0), 1);
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(a_worse_one_never_takes_the_place_of_a_better_one)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);
	const struct sample_table worse = {
		.id = id_of(1),
		.quality = SYMTAB_QUALITY_DYNSYM,
		.functions = 3,
	};
	struct table_claims more = all, claims;
	CLEANUP_SYMTAB struct symtab *t = NULL;
	CLEANUP_CLOSE int fd = -1;
	bool is_new;

	more.inputs |= TABLE_ALT;
	put(c, 1, all);
	ck_no_error(table_cache_begin(c, &fd));
	sample_table_write(&worse, fd);
	ck_no_error(table_cache_put(c, &worse.id, more, fd, &t, &is_new));
	ck_assert(!is_new);
	ck_assert_int_eq(symtab_quality(t), SYMTAB_QUALITY_DWARF);
	/* That it was tried is remembered, also over a restart. */
	ck_assert(table_cache_claims(c, &worse.id, &claims));
	ck_assert(!table_claims_exceed(more, claims));
	table_cache_close(c);
	c = open_cache(much, much);
	ck_assert(table_cache_claims(c, &worse.id, &claims));
	ck_assert(!table_claims_exceed(more, claims));
	ck_assert(loads(c, 1));
	table_cache_close(c);
	remove_dir();
}
END_TEST

/* As put(), of a table with so many functions. @return Is it the one now? */
static bool put_sized(struct table_cache *c, struct table_claims claims,
		      unsigned functions)
{
	const struct sample_table what = {
		.id = id_of(1),
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
	CLEANUP_SYMTAB struct symtab *t = load(c, 1);
	struct build_id id = id_of(1);
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
	struct table_claims lacking = all;
	char first[160], second[160];

	make_dir();
	struct table_cache *c = open_cache(much, much);

	lacking.inputs |= TABLE_LACKS_SPLIT;
	ck_assert(put_sized(c, stripped, 2));
	/* But that of one that knows less. */
	ck_assert(put_sized(c, lacking, 3));
	expect_one(c, 3, lacking);
	ck_assert(put_sized(c, debuginfo, 4));
	expect_one(c, 4, debuginfo);
	ck_assert(!put_sized(c, lacking, 5));
	expect_one(c, 4, all);
	table_cache_close(c);
	/* Loaded, or on disk only. */
	c = open_cache(much, much);
	ck_assert(!put_sized(c, lacking, 5));
	expect_one(c, 4, all);
	/* Then one that is as good does. */
	ck_assert(put_sized(c, all, 6));
	expect_one(c, 6, all);
	table_cache_close(c);

	/* Of two files, whichever was used last. */
	snprintf(first, sizeof(first), "%s", path_of(1, all));
	snprintf(second, sizeof(second), "%.*ss.gsym", (int)strlen(first) - 5,
		 first);
	for (int is_later = 0; is_later < 2; is_later++) {
		const struct timespec times[] = { { .tv_sec = 1 + is_later },
						  { .tv_nsec = UTIME_OMIT } };
		const struct timespec other[] = { { .tv_sec = 2 - is_later },
						  { .tv_nsec = UTIME_OMIT } };
		CLEANUP_CLOSE int fd = open(second, O_CREAT | O_WRONLY, 0600);
		const struct sample_table worse = {
			.id = id_of(1),
			.quality = SYMTAB_QUALITY_DWARF,
			.functions = 7,
		};

		ck_assert_int_ge(fd, 0);
		sample_table_write(&worse, fd);
		ck_assert_int_eq(utimensat(AT_FDCWD, first, times, 0), 0);
		ck_assert_int_eq(utimensat(AT_FDCWD, second, other, 0), 0);
		c = open_cache(much, much);
		expect_one(c, 6, all);
		table_cache_close(c);
	}
	remove_dir();
}
END_TEST

START_TEST(more_quality_or_another_input_may_say_more)
{
	struct table_claims alt = stripped;

	ck_assert(table_claims_exceed(all, stripped));
	ck_assert(!table_claims_exceed(stripped, all));
	ck_assert(!table_claims_exceed(all, all));
	alt.inputs = TABLE_ALT;
	ck_assert(table_claims_exceed(alt, all));
}
END_TEST

START_TEST(split_files_that_do_not_come_are_tried_again_ever_more_rarely)
{
	struct table_claims had = { 0 }, now = all;
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
	struct table_claims had = { 0 }, now = all;
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
	make_dir();
	struct table_cache *c = open_cache(much, much);
	char path[160], first[160];

	put(c, 1, stripped);
	put(c, 2, all);
	table_cache_close(c);
	/* A file half written, one of another name, and two of one ID. */
	snprintf(path, sizeof(path), "%s/tmp/0123456789abcdef", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(path, sizeof(path), "%s/README", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(first, sizeof(first), "%s", path_of(1, stripped));
	ck_assert_int_eq(link(first, path_of(1, all)), 0);
	c = open_cache(much, much);
	ck_assert_uint_eq(files_in("tmp"), 0);
	ck_assert(!access(path, F_OK));
	ck_assert(access(first, F_OK));
	ck_assert(!access(path_of(1, all), F_OK));
	ck_assert(loads(c, 1));
	ck_assert(loads(c, 2));
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(killed_at_any_moment_it_leaves_whole_tables)
{
	make_dir();
	for (unsigned round = 0; round < 20; round++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (!pid) {
			struct table_cache *c = open_cache(much, much);

			for (unsigned i = 0;; i++)
				put(c, i % 8, i % 16 < 8 ? stripped : all);
		}
		usleep(1000 + 1500 * round);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		struct table_cache *c = open_cache(much, much);

		for (unsigned i = 0; i < 8; i++)
			ck_assert(place(c, i) == TABLE_NOWHERE || loads(c, i));
		ck_assert_int_eq(counted(TABLE_OP_DAMAGED), 0);
		ck_assert_uint_eq(files_in("tmp"), 0);
		table_cache_close(c);
	}
	remove_dir();
}
END_TEST

START_TEST(a_file_that_somebody_removed_is_a_miss)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);

	put(c, 1, all);
	table_cache_close(c);
	c = open_cache(much, much);
	ck_assert_int_eq(unlink(path_of(1, all)), 0);
	ck_assert(!loads(c, 1));
	ck_assert_int_eq(place(c, 1), TABLE_NOWHERE);
	ck_assert_int_eq(metric_get(METRIC_TABLES, 0, 0), 0);
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(without_a_directory_tables_are_loaded_and_not_kept)
{
	char file[128];

	make_dir();
	snprintf(file, sizeof(file), "%s/file", dir);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	struct table_cache *c;

	ck_no_error(table_cache_open(file, much, much, &c));
	put(c, 1, all);
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	table_cache_close(c);
	/* Nor where none is to be kept. */
	c = open_cache(0, much);
	put(c, 1, all);
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	ck_assert_uint_eq(files_in("."), 1);
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(a_table_is_doubted_until_the_index_was_asked)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);
	struct build_id id = id_of(1);

	put(c, 1, all);
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
	c = open_cache(much, much);
	ck_assert(loads(c, 1));
	ck_assert(is_doubted(c, 1));
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(a_rejected_table_is_gone_from_memory_and_disk)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);
	CLEANUP_SYMTAB struct symtab *t = NULL;

	put(c, 1, all);
	t = load(c, 1);
	table_cache_reject(c, t);
	ck_assert_int_eq(place(c, 1), TABLE_NOWHERE);
	ck_assert_uint_eq(files_in("."), 0);
	/* It is not the one that was made since. */
	put(c, 1, all);
	table_cache_reject(c, t);
	ck_assert_int_eq(place(c, 1), TABLE_LOADED);
	table_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(many_tables_are_found_each)
{
	make_dir();
	struct table_cache *c = open_cache(much, much);

	for (unsigned i = 0; i < 600; i++)
		put(c, i, all);
	for (unsigned i = 0; i < 600; i++)
		ck_assert_int_eq(place(c, i), TABLE_LOADED);
	table_cache_close(c);
	c = open_cache(much, much);
	ck_assert_int_eq(metric_get(METRIC_TABLES, 0, 0), 600);
	table_cache_close(c);
	remove_dir();
}
END_TEST

static struct error *try_all(const struct sample_table *what, const int *fd)
{
	struct table_cache *c = NULL;
	CLEANUP_SYMTAB struct symtab *t = NULL;
	bool is_new;
	struct error *err = table_cache_open(dir, much, much, &c);

	if (!err)
		err = table_cache_put(c, &what->id, all, *fd, &t, &is_new);
	if (!err && is_new)
		err = table_cache_keep(c, &what->id, t, dup(*fd));
	table_cache_close(c);
	return err;
}

START_TEST(without_memory_an_operation_fails_and_nothing_else)
{
	const struct sample_table what = { .id = id_of(1), .functions = 5 };
	char tmp[128];
	bool failed = true;

	make_dir();
	snprintf(tmp, sizeof(tmp), "%s/tmp", dir);
	ck_assert_int_eq(mkdir(tmp, 0700), 0);
	for (unsigned long n = 1; failed; n++) {
		CLEANUP_CLOSE int fd = open(dir, O_TMPFILE | O_RDWR, 0600);

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
	remove_dir();
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
	struct table_key key = { .id = id_of(1) };
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
		struct table_key key = { .id = id_of(i) };

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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk cache and its table. What is said of files holds with O_TMPFILE and
 * without: these cases run twice.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/cache_table.h"
#include "store/cache_temp.h"
#include "store/disk_cache.h"
#include "tests/unit/unit.h"

enum { TRAILER = 40 };

static char dir[64];

static const char *make_dir(void)
{
	/* Where a sync costs nothing. */
	snprintf(dir, sizeof(dir), "%s/symbolized-cache-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	return dir;
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

static size_t files_in(const char *sub)
{
	char path[128];
	size_t count = 0;
	struct dirent *d;

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
	DIR *list = opendir(path);

	while (list && (d = readdir(list)))
		count += d->d_type == DT_REG && strcmp(d->d_name, "secret");
	if (list)
		closedir(list);
	return count;
}

static struct error *try_put(struct disk_cache *c, struct cache_key key,
			     const char *text)
{
	struct cache_offer offer;
	CLEANUP_CLOSE int fd = -1;

	TRY(disk_cache_begin(c, strlen(text), &fd));
	TRY(file_write_all(fd, text, strlen(text)));
	disk_cache_offer(c, &offer, key, fd, strlen(text));
	return disk_cache_commit(c, &offer);
}

static void put(struct disk_cache *c, struct cache_key key, const char *text)
{
	ck_no_error(try_put(c, key, text));
}

/* As the store does it. */
static bool holds(struct disk_cache *c, struct cache_key key, const char *text)
{
	char found[128] = "";
	uint64_t size;
	int fd;
	enum cache_state state = disk_cache_find(c, key, &fd, &size);

	if (state == CACHE_UNVERIFIED) {
		ck_assert_int_eq(fd, -1);
		disk_cache_verify(c, key);
		state = disk_cache_find(c, key, &fd, &size);
	}
	if (state != CACHE_SOUND)
		return false;
	ck_assert_uint_eq(size, strlen(text));
	ck_assert_int_eq(pread(fd, found, size, 0), (ssize_t)size);
	ck_assert_str_eq(found, text);
	close(fd);
	return true;
}

static enum cache_state state_of(struct disk_cache *c, struct cache_key key)
{
	uint64_t size;
	int fd;
	enum cache_state state = disk_cache_find(c, key, &fd, &size);

	if (fd >= 0)
		close(fd);
	return state;
}

static struct cache_key number(uint64_t i)
{
	return (struct cache_key) { i * 0x9e3779b97f4a7c15u, i };
}

/* What the metrics say is what lies in the directory. */
static void check_figures(void)
{
	int64_t bytes = 0, files = 0;
	struct dirent *d;
	DIR *list = opendir(dir);

	while ((d = readdir(list))) {
		char path[300];
		struct stat st;

		if (strlen(d->d_name) != 16)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		ck_assert_int_eq(stat(path, &st), 0);
		bytes += st.st_size;
		files++;
	}
	closedir(list);
	ck_assert_int_eq(metric_get(METRIC_CACHE_FILES, 0, 0), files);
	ck_assert_int_eq(metric_get(METRIC_CACHE_BYTES, 0, 0), bytes);
}

/* With O_TMPFILE, then without. */
#define BOTH_WAYS \
	for (cache_temp_always_named = false;; cache_temp_always_named = true) {
#define BOTH_WAYS_END                \
	if (cache_temp_always_named) \
		break;               \
	}                            \
	cache_temp_always_named = false;

/* ---- Keeping and finding --------------------------------------------------
 */

START_TEST(a_kept_file_is_found_again_after_a_restart)
{
	const struct buf of = { .data = (uint8_t *)"name", .size = 4 };
	struct cache_key key = { 1, 2 };
	struct disk_cache *c;

	BOTH_WAYS
	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	ck_assert(!holds(c, key, "content"));
	put(c, key, "content");
	ck_assert_int_eq(state_of(c, key), CACHE_SOUND);
	ck_assert(holds(c, key, "content"));
	ck_assert_ptr_null(disk_cache_degraded(c));
	check_figures();
	ck_assert_uint_eq(files_in("tmp"), 0);
	struct cache_key made = disk_cache_key(c, &of);

	disk_cache_close(c);
	ck_no_error(disk_cache_open(dir, 1 << 20, &c));
	ck_assert_int_eq(state_of(c, key), CACHE_UNVERIFIED);
	ck_assert(holds(c, key, "content"));
	ck_assert_int_eq(state_of(c, key), CACHE_SOUND);
	struct cache_key again = disk_cache_key(c, &of);

	ck_assert_uint_eq(again.name, made.name);
	ck_assert_uint_eq(again.check, made.check);
	check_figures();
	disk_cache_close(c);
	remove_dir();
	BOTH_WAYS_END
}
END_TEST

/* */
START_TEST(a_damaged_cached_file_is_a_miss_and_goes)
{
	struct cache_key key = { 1, 2 };
	struct disk_cache *c;

	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	put(c, key, "content");
	CLEANUP_FREE char *path = disk_cache_path(c, key);

	ck_assert_int_eq(truncate(path, 10), 0);
	ck_assert(!holds(c, key, "content"));
	ck_assert_int_ne(access(path, F_OK), 0);
	check_figures();
	put(c, key, "content");
	ck_assert(holds(c, key, "content"));
	/* The content alone: only reading it through tells. */
	int fd = open(path, O_WRONLY);

	ck_assert_int_eq(pwrite(fd, "C", 1, 0), 1);
	close(fd);
	ck_assert_int_eq(state_of(c, key), CACHE_UNVERIFIED);
	ck_assert(!holds(c, key, "content"));
	ck_assert_int_ne(access(path, F_OK), 0);
	check_figures();
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(a_sound_file_is_not_lost_for_want_of_memory)
{
	struct cache_key key = { 1, 2 };
	struct disk_cache *c;

	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	put(c, key, "content");
	disk_cache_close(c);
	ck_no_error(disk_cache_open(dir, 1 << 20, &c));
	mem_fail_at(1);
	disk_cache_verify(c, key);
	ck_assert(mem_fail_happened());
	mem_fail_at(0);
	ck_assert(holds(c, key, "content"));
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(two_keys_of_one_name_are_told_apart)
{
	struct cache_key one = { 7, 1 }, other = { 7, 2 };
	struct disk_cache *c;

	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	put(c, one, "one");
	ck_assert(!holds(c, other, "one"));
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(what_is_offered_is_found_before_it_is_kept)
{
	struct cache_key key = { 1, 2 }, other = { 1, 3 };
	struct cache_offer offer;
	struct disk_cache *c;
	int fd;

	BOTH_WAYS
	ck_no_error(disk_cache_open(make_dir(), 100, &c));
	ck_no_error(disk_cache_begin(c, 7, &fd));
	ck_no_error(file_write_all(fd, "content", 7));
	ck_assert(!holds(c, key, "content"));
	disk_cache_offer(c, &offer, key, fd, 7);
	ck_assert_int_eq(state_of(c, key), CACHE_SOUND);
	ck_assert(holds(c, key, "content"));
	ck_assert(!holds(c, other, "content"));
	ck_assert_uint_eq(files_in(""), 0);
	ck_no_error(disk_cache_commit(c, &offer));
	close(fd);
	ck_assert_uint_eq(files_in(""), 1);
	ck_assert_int_eq(state_of(c, key), CACHE_SOUND);
	disk_cache_close(c);
	remove_dir();
	BOTH_WAYS_END
}
END_TEST

START_TEST(what_cannot_be_kept_is_found_only_while_it_is_offered)
{
	struct cache_key key = { 1, 2 };
	struct cache_offer offer, second;
	struct disk_cache *c;
	int fd;

	ck_no_error(disk_cache_open(make_dir(), 45, &c));
	ck_no_error(disk_cache_begin(c, 9, &fd));
	ck_no_error(file_write_all(fd, "too large", 9));
	disk_cache_offer(c, &offer, key, fd, 9);
	disk_cache_offer(c, &second, (struct cache_key) { 3, 4 }, fd, 9);
	ck_assert(holds(c, key, "too large"));
	ck_no_error(disk_cache_commit(c, &offer));
	ck_assert(!holds(c, key, "too large"));
	ck_assert(holds(c, second.key, "too large"));
	/* A key that nobody could make is none. */
	second.key.name = 0;
	ck_no_error(disk_cache_commit(c, &second));
	close(fd);
	ck_assert_uint_eq(files_in(""), 0);
	disk_cache_close(c);
	remove_dir();
}
END_TEST

/* */
START_TEST(what_finds_no_room_lies_elsewhere_and_is_not_kept)
{
	const uint64_t far_too_much = UINT64_C(1) << 60;
	struct cache_offer offer;
	struct disk_cache *c;
	int fd;

	ck_no_error(disk_cache_open(make_dir(), 1000, &c));
	put(c, (struct cache_key) { 1, 2 }, "content");
	ck_assert_ptr_null(disk_cache_degraded(c));
	ck_error(disk_cache_begin(c, far_too_much, &fd), NO_SPACE, dir);
	ck_assert_str_eq(disk_cache_degraded(c), "cache full");
	/* What is there stays there, what fits comes in beside. */
	ck_assert(holds(c, (struct cache_key) { 1, 2 }, "content"));
	put(c, (struct cache_key) { 3, 4 }, "other");
	ck_assert_str_eq(disk_cache_degraded(c), "cache full");
	ck_error(disk_cache_begin_elsewhere(c, NULL, far_too_much, &fd),
		 NO_SPACE, "no space");
	ck_no_error(disk_cache_begin_elsewhere(c, NULL, 7, &fd));
	ck_no_error(file_write_all(fd, "content", 7));
	disk_cache_offer(c, &offer, (struct cache_key) { 0 }, fd, 7);
	ck_no_error(disk_cache_commit(c, &offer));
	close(fd);
	ck_assert_uint_eq(files_in(""), 2);
	/* A need that can be met again is none any more. */
	disk_cache_note_full(c, 1);
	ck_assert_ptr_null(disk_cache_degraded(c));
	disk_cache_close(c);
	remove_dir();
}
END_TEST

/* ---- Bounds ----------------------------------------------------------------
 */

START_TEST(the_least_recently_used_file_goes_first)
{
	struct disk_cache *c;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct cache_key a = { 1, 1 }, b = { 2, 2 }, d = { 3, 3 };

	/* Room for two of 7 + 40 bytes. */
	ck_no_error(disk_cache_open(make_dir(), 100, &c));
	put(c, a, "aaaaaaa");
	put(c, b, "bbbbbbb");
	CLEANUP_FREE char *path = disk_cache_path(c, b);

	ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
	disk_cache_close(c);
	ck_no_error(disk_cache_open(dir, 100, &c));
	put(c, d, "ddddddd");
	ck_assert(holds(c, a, "aaaaaaa"));
	ck_assert(!holds(c, b, "bbbbbbb"));
	ck_assert(holds(c, d, "ddddddd"));
	check_figures();
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(many_files_go_in_the_order_of_their_last_use)
{
	enum { FILES = 300, USED = 60, ROOM = FILES * (TRAILER + 1) };
	struct disk_cache *c;

	ck_no_error(disk_cache_open(make_dir(), ROOM, &c));
	for (uint64_t i = 1; i <= FILES; i++)
		put(c, number(i), "x");
	/* Every fifth is used, backwards. */
	for (uint64_t i = FILES; i >= 1; i--) {
		if (i % 5 == 0)
			ck_assert(holds(c, number(i), "x"));
	}
	for (uint64_t gone = 1, i = 1; i <= FILES - USED; i++, gone++) {
		put(c, number(FILES + i), "x");
		gone += gone % 5 == 0;
		ck_assert_int_eq(state_of(c, number(gone)), CACHE_MISSING);
		ck_assert_int_eq(metric_get(METRIC_CACHE_FILES, 0, 0), FILES);
	}
	for (uint64_t i = FILES; i >= 5; i -= 5) {
		/* In the order in which they were used. */
		put(c, number(10000 + i), "x");
		ck_assert_int_eq(state_of(c, number(i)), CACHE_MISSING);
	}
	check_figures();
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(the_order_outlives_a_restart)
{
	enum { FILES = 50 };
	struct disk_cache *c;

	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	for (uint64_t i = 1; i <= FILES; i++)
		put(c, number(i), "x");
	/* i * 7 mod 50 goes through all of them. */
	for (uint64_t i = 1; i <= FILES; i++) {
		CLEANUP_FREE char *path =
			disk_cache_path(c, number(i * 7 % FILES + 1));
		struct timespec at = { .tv_sec = 1000000000,
				       .tv_nsec = (long)i * 1000 };

		ck_assert_int_eq(utimensat(AT_FDCWD, path,
					   (struct timespec[2]) { at, at }, 0),
				 0);
	}
	disk_cache_close(c);
	ck_no_error(disk_cache_open(dir, FILES * (TRAILER + 1), &c));
	for (uint64_t i = 1; i <= FILES; i++) {
		uint64_t gone = i * 7 % FILES + 1;

		ck_assert_int_ne(state_of(c, number(gone)), CACHE_MISSING);
		put(c, number(1000 + i), "x");
		ck_assert_int_eq(state_of(c, number(gone)), CACHE_MISSING);
	}
	check_figures();
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(sizes_stay_exact_whatever_happens_to_files)
{
	struct cache_key key = number(1);
	struct disk_cache *c;

	BOTH_WAYS
	ck_no_error(disk_cache_open(make_dir(), 1000, &c));
	for (int round = 0; round < 200; round++) {
		struct cache_key k = number((uint64_t)round % 7 + 1);
		CLEANUP_FREE char *path = disk_cache_path(c, k);
		char text[64] = "";

		memset(text, 'x', (size_t)(round * 13 % 60) + 1);
		put(c, k, text);
		ck_assert(holds(c, k, text));
		check_figures();
		if (round % 5 == 1) {
			/* Behind its back: gone, cut, grown. */
			ck_assert_int_eq(unlink(path), 0);
			ck_assert(!holds(c, k, text));
		} else if (round % 5 == 2) {
			ck_assert_int_eq(truncate(path, 3), 0);
			ck_assert(!holds(c, k, text));
		} else if (round % 5 == 3) {
			ck_assert_int_eq(truncate(path, 3000), 0);
			ck_assert(!holds(c, k, text));
		}
		check_figures();
		ck_assert_int_le(metric_get(METRIC_CACHE_BYTES, 0, 0), 1000);
	}
	/* What replaces a file needs no more room than the difference. */
	disk_cache_close(c);
	remove_dir();
	ck_no_error(disk_cache_open(make_dir(), 2 * (TRAILER + 4), &c));
	put(c, key, "1111");
	put(c, number(2), "2222");
	put(c, key, "3333");
	ck_assert(holds(c, key, "3333"));
	ck_assert(holds(c, number(2), "2222"));
	check_figures();
	disk_cache_close(c);
	remove_dir();
	BOTH_WAYS_END
}
END_TEST

START_TEST(the_number_of_files_is_bounded)
{
	struct disk_cache *c;

	disk_cache_files_most = 10;
	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	for (uint64_t i = 1; i <= 30; i++)
		put(c, number(i), "x");
	ck_assert_int_le(metric_get(METRIC_CACHE_FILES, 0, 0), 10);
	check_figures();
	ck_assert(holds(c, number(30), "x"));
	CLEANUP_FREE char *path = disk_cache_path(c, number(30));
	struct timespec now[2] = { { .tv_nsec = UTIME_OMIT },
				   { .tv_sec = time(NULL) + 1 } };

	ck_assert_int_eq(utimensat(AT_FDCWD, path, now, 0), 0);
	disk_cache_close(c);
	disk_cache_files_most = 5;
	ck_no_error(disk_cache_open(dir, 1 << 20, &c));
	ck_assert_int_le(metric_get(METRIC_CACHE_FILES, 0, 0), 5);
	ck_assert(holds(c, number(30), "x"));
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(a_file_larger_than_the_cache_is_not_kept)
{
	struct cache_key key = { 1, 2 };
	struct disk_cache *c;

	ck_no_error(disk_cache_open(make_dir(), 45, &c));
	put(c, key, "too large");
	ck_assert(!holds(c, key, "too large"));
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(many_files_come_and_go_without_losing_any)
{
	struct disk_cache *c;

	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	for (uint64_t i = 1; i <= 700; i++)
		put(c, number(i), "x");
	for (uint64_t i = 1; i <= 700; i += 2) {
		CLEANUP_FREE char *path = disk_cache_path(c, number(i));

		/* Behind its back: found missing, not trusted. */
		ck_assert_int_eq(truncate(path, 3), 0);
		ck_assert(!holds(c, number(i), "x"));
	}
	for (uint64_t i = 2; i <= 700; i += 2)
		ck_assert(holds(c, number(i), "x"));
	check_figures();
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(a_put_that_finds_no_memory_leaves_all_as_it_was)
{
	struct cache_key key = number(2);
	struct disk_cache *c;
	struct error *err;
	unsigned long n = 0;

	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	put(c, number(1), "kept");
	do {
		mem_fail_at(++n);
		err = try_put(c, key, "content");
		bool failed = mem_fail_happened();

		mem_fail_at(0);
		ck_assert_int_eq(failed, err != NULL);
		error_free(err);
		ck_assert_int_eq(holds(c, key, "content"), !err);
		ck_assert(holds(c, number(1), "kept"));
		check_figures();
	} while (err);
	ck_assert_uint_gt(n, 1);
	disk_cache_close(c);
	remove_dir();
}
END_TEST

/* ---- Leftovers -------------------------------------------------------------
 */

/* */
START_TEST(leftovers_are_swept_at_start)
{
	struct disk_cache *c;
	char path[128];

	make_dir();
	snprintf(path, sizeof(path), "%s/tmp", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/tmp/0000000000000001", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_no_error(disk_cache_open(dir, 1 << 20, &c));
	ck_assert_int_ne(access(path, F_OK), 0);
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(what_another_process_fills_is_left_alone)
{
	struct cache_key key = { 1, 2 };
	struct disk_cache *c, *other;
	struct cache_offer offer;
	int fd, second, told[2];
	char byte;

	cache_temp_always_named = true;
	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	ck_no_error(disk_cache_begin(c, 7, &fd));
	ck_assert_uint_eq(files_in("tmp"), 1);
	/* A process that starts, and fills a file of its own and dies. */
	ck_assert_int_eq(pipe(told), 0);
	pid_t pid = fork();

	if (!pid) {
		close(fd); /* this one is not its */
		if (disk_cache_open(dir, 1 << 20, &other) ||
		    disk_cache_begin(other, 7, &second) ||
		    write(told[1], "x", 1) != 1)
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(read(told[0], &byte, 1), 1);
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(files_in("tmp"), 2);
	/* The next one sweeps what the dead one left and nothing else. */
	ck_no_error(disk_cache_begin(c, 7, &second));
	ck_assert_uint_eq(files_in("tmp"), 2);
	close(second);
	ck_no_error(file_write_all(fd, "content", 7));
	disk_cache_offer(c, &offer, key, fd, 7);
	ck_no_error(disk_cache_commit(c, &offer));
	close(fd);
	ck_assert(holds(c, key, "content"));
	disk_cache_close(c);
	ck_assert_uint_eq(files_in("tmp"), 0);
	remove_dir();
	close(told[0]);
	close(told[1]);
}
END_TEST

/* */
START_TEST(what_is_given_up_leaves_nothing)
{
	struct disk_cache *c;
	int fd;

	BOTH_WAYS
	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	for (int i = 0; i < 5; i++) {
		ck_no_error(disk_cache_begin(c, 7, &fd));
		ck_assert_uint_le(files_in("tmp"), 1);
		close(fd);
	}
	disk_cache_close(c);
	ck_assert_uint_eq(files_in("tmp"), 0);
	ck_assert_uint_eq(files_in(""), 0);
	remove_dir();
	BOTH_WAYS_END
}
END_TEST

START_TEST(a_cache_that_was_emptied_goes_on)
{
	char command[128];
	struct disk_cache *c;

	BOTH_WAYS
	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	put(c, number(1), "one");
	snprintf(command, sizeof(command), "rm -rf '%s'/*", dir);
	ck_assert_int_eq(system(command), 0);
	ck_assert(!holds(c, number(1), "one"));
	put(c, number(1), "one");
	ck_assert(holds(c, number(1), "one"));
	check_figures();
	disk_cache_close(c);
	remove_dir();
	BOTH_WAYS_END
}
END_TEST

/* ---- The table --------------------------------------------------------------
 */

START_TEST(the_table_does_as_a_slow_one_does)
{
	enum { NAMES = 40, STEPS = 20000 };
	struct {
		uint64_t size, used;
	} model[NAMES + 1] = { 0 };
	struct cache_table t = { 0 };
	uint64_t random = 1;

	for (uint64_t step = 1; step <= STEPS; step++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		uint64_t name = (random >> 33) % NAMES + 1;
		uint64_t what = (random >> 60), total = 0, count = 0;
		uint64_t oldest = 0;
		/* All names fall into four chains. */
		uint64_t hashed = name << 8 | name % 4;

		if (what < 8) {
			ck_assert_ptr_nonnull(
				cache_table_put(&t, hashed, step));
			model[name].size = model[name].used = step;
		} else if (what < 12) {
			cache_table_remove(&t, hashed);
			model[name].size = 0;
		} else if (model[name].size) {
			cache_table_touch(&t, cache_table_find(&t, hashed));
			model[name].used = step;
		}
		for (uint64_t i = 1; i <= NAMES; i++) {
			total += model[i].size;
			count += model[i].size != 0;
			if (model[i].size &&
			    (!oldest || model[i].used < model[oldest].used))
				oldest = i;
		}
		ck_assert_uint_eq(t.total, total);
		ck_assert_uint_eq(t.count, count);
		const struct cache_entry *e = cache_table_oldest(&t);

		ck_assert_uint_eq(e ? e->name >> 8 : 0, oldest);
		e = cache_table_find(&t, hashed);
		ck_assert_uint_eq(e ? e->size : 0, model[name].size);
	}
	ck_assert_uint_le(t.used, NAMES);
	cache_table_deinit(&t);
}
END_TEST

START_TEST(a_large_table_evicts_without_looking_at_all_of_it)
{
	enum { FILES = 200000 };
	struct cache_table t = { 0 };

	/* Looking at all of them each time would be 20,000,000,000 looks. */
	for (uint64_t i = 1; i <= FILES; i++)
		ck_assert_ptr_nonnull(cache_table_put(&t, number(i).name, i));
	for (uint64_t i = 1; i <= FILES; i++) {
		const struct cache_entry *e = cache_table_oldest(&t);

		ck_assert_uint_eq(e->size, i);
		cache_table_remove(&t, e->name);
	}
	ck_assert_uint_eq(t.total, 0);
	ck_assert_uint_eq(t.count, 0);
	cache_table_deinit(&t);
}
END_TEST

UNIT_MAIN("disk_cache", a_kept_file_is_found_again_after_a_restart,
	  a_damaged_cached_file_is_a_miss_and_goes,
	  a_sound_file_is_not_lost_for_want_of_memory,
	  two_keys_of_one_name_are_told_apart,
	  what_is_offered_is_found_before_it_is_kept,
	  what_cannot_be_kept_is_found_only_while_it_is_offered,
	  what_finds_no_room_lies_elsewhere_and_is_not_kept,
	  the_least_recently_used_file_goes_first,
	  many_files_go_in_the_order_of_their_last_use,
	  the_order_outlives_a_restart,
	  sizes_stay_exact_whatever_happens_to_files,
	  the_number_of_files_is_bounded,
	  a_file_larger_than_the_cache_is_not_kept,
	  many_files_come_and_go_without_losing_any,
	  a_put_that_finds_no_memory_leaves_all_as_it_was,
	  leftovers_are_swept_at_start,
	  what_another_process_fills_is_left_alone,
	  what_is_given_up_leaves_nothing, a_cache_that_was_emptied_goes_on,
	  the_table_does_as_a_slow_one_does,
	  a_large_table_evicts_without_looking_at_all_of_it)

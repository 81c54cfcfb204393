/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/disk_cache.h"
#include "store/memo.h"
#include "store/store_internal.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/symbolized-store-XXXXXX";

static const char *make_dir(void)
{
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	return dir;
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

static struct build_id an_id(uint8_t first)
{
	uint8_t bytes[20] = { first, 1, 2, 3 };
	struct build_id id;

	build_id_set(&id, bytes, sizeof(bytes));
	return id;
}

/* ---- Disk cache ---------------------------------------------------------- */

static void put(struct disk_cache *c, struct cache_key key, const char *text)
{
	int fd;

	ck_no_error(disk_cache_begin(c, strlen(text), &fd));
	ck_no_error(file_write_all(fd, text, strlen(text)));
	ck_no_error(disk_cache_commit(c, key, fd, strlen(text)));
	close(fd);
}

static bool holds(struct disk_cache *c, struct cache_key key, const char *text)
{
	char found[128] = "";
	uint64_t size;
	int fd;

	disk_cache_get(c, key, &fd, &size);
	if (fd < 0)
		return false;
	ck_assert_uint_eq(size, strlen(text));
	ck_assert_int_eq(pread(fd, found, size, 0), (ssize_t)size);
	ck_assert_str_eq(found, text);
	close(fd);
	return true;
}

START_TEST(a_kept_file_is_found_again_after_a_restart)
{
	struct cache_key key = { 1, 2 };
	struct disk_cache *c;

	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	ck_assert(!holds(c, key, "content"));
	put(c, key, "content");
	ck_assert(holds(c, key, "content"));
	uint64_t secret = disk_cache_secret(c);

	disk_cache_close(c);
	ck_no_error(disk_cache_open(dir, 1 << 20, &c));
	ck_assert(holds(c, key, "content"));
	ck_assert_uint_eq(disk_cache_secret(c), secret);
	disk_cache_close(c);
	remove_dir();
}
END_TEST

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
	put(c, key, "content");
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

START_TEST(leftovers_are_swept_at_start)
{
	struct disk_cache *c;
	char path[64];

	make_dir();
	snprintf(path, sizeof(path), "%s/tmp-0000000000000001", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_no_error(disk_cache_open(dir, 1 << 20, &c));
	ck_assert_int_ne(access(path, F_OK), 0);
	disk_cache_close(c);
	remove_dir();
}
END_TEST

START_TEST(many_files_come_and_go_without_losing_any)
{
	struct disk_cache *c;

	ck_no_error(disk_cache_open(make_dir(), 1 << 20, &c));
	for (uint64_t i = 1; i <= 700; i++)
		put(c, (struct cache_key) { i * 0x9e3779b97f4a7c15u, i }, "x");
	for (uint64_t i = 1; i <= 700; i += 2) {
		struct cache_key key = { i * 0x9e3779b97f4a7c15u, i };
		CLEANUP_FREE char *path = disk_cache_path(c, key);

		/* Behind its back: found missing, not trusted. */
		ck_assert_int_eq(truncate(path, 3), 0);
		ck_assert(!holds(c, key, "x"));
	}
	for (uint64_t i = 2; i <= 700; i += 2)
		ck_assert(holds(
			c, (struct cache_key) { i * 0x9e3779b97f4a7c15u, i },
			"x"));
	disk_cache_close(c);
	remove_dir();
}
END_TEST

/* ---- Memory ---------------------------------------------------------------
 */

static struct memo_answer an_answer(const char *path)
{
	return (struct memo_answer) { .path = mem_strdup(path),
				      .file = mem_strdup(path) };
}

START_TEST(an_answer_is_remembered_until_its_id_changes)
{
	struct store_query q = { .id = an_id(1), .kind = ARTIFACT_DEBUGINFO };
	struct memo_answer a = an_answer("/x");
	struct memo *m;

	ck_no_error(memo_create(&m));
	memo_put(m, &q, memo_generation(m, &q.id), &a);
	ck_assert(memo_get(m, &q, &a));
	ck_assert_str_eq(a.path, "/x");
	memo_answer_deinit(&a);
	q.kind = ARTIFACT_EXECUTABLE;
	ck_assert(!memo_get(m, &q, &a));
	q.kind = ARTIFACT_DEBUGINFO;
	memo_forget(m, &q.id);
	ck_assert(!memo_get(m, &q, &a));
	memo_destroy(m);
}
END_TEST

START_TEST(an_answer_looked_up_before_a_change_is_not_kept)
{
	struct store_query q = { .id = an_id(1), .kind = ARTIFACT_DEBUGINFO };
	struct memo_answer a = an_answer("/old");
	struct memo *m;

	ck_no_error(memo_create(&m));
	uint64_t generation = memo_generation(m, &q.id);

	memo_forget(m, &q.id);
	memo_put(m, &q, generation, &a);
	ck_assert(!memo_get(m, &q, &a));
	a = an_answer("/older");
	generation = memo_generation(m, &q.id);
	memo_forget_all(m);
	memo_put(m, &q, generation, &a);
	ck_assert(!memo_get(m, &q, &a));
	memo_destroy(m);
}
END_TEST

START_TEST(the_suffix_is_part_of_the_question)
{
	struct store_query q = { .id = an_id(1),
				 .kind = ARTIFACT_SECTION,
				 .suffix = ".text" };
	struct memo_answer a = an_answer("/x");
	struct memo *m;

	ck_no_error(memo_create(&m));
	memo_put(m, &q, memo_generation(m, &q.id), &a);
	q.suffix = ".data";
	ck_assert(!memo_get(m, &q, &a));
	q.suffix = ".text";
	ck_assert(memo_get(m, &q, &a));
	memo_answer_deinit(&a);
	memo_destroy(m);
}
END_TEST

START_TEST(the_filter_never_denies_an_id_that_is_there)
{
	unsigned wrongly_possible = 0;
	struct memo *m;

	ck_no_error(memo_create(&m));
	struct build_id id = an_id(9);

	/* Before it is complete it knows nothing. */
	ck_assert(!memo_surely_absent(m, &id));
	ck_no_error(memo_filter_begin(m, 20000));
	for (uint32_t i = 0; i < 20000; i++) {
		build_id_set(&id, &i, sizeof(i));
		memo_filter_add(m, &id);
	}
	memo_filter_complete(m);
	for (uint32_t i = 0; i < 20000; i++) {
		build_id_set(&id, &i, sizeof(i));
		ck_assert(!memo_surely_absent(m, &id));
	}
	for (uint32_t i = 1000000; i < 1020000; i++) {
		build_id_set(&id, &i, sizeof(i));
		wrongly_possible += !memo_surely_absent(m, &id);
	}
	ck_assert_uint_lt(wrongly_possible, 400);
	ck_assert(!memo_filter_is_full(m));
	memo_destroy(m);
}
END_TEST

/* ---- Sources ---------------------------------------------------------------
 */

static bool opens(const struct store *st, const char *path)
{
	int fd;

	ck_no_error(source_open(st, path, &fd));
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

START_TEST(a_source_is_opened_only_beneath_a_root)
{
	char inside[80], outside[80], link[80], sly[120];
	struct store st = { 0 };
	const char *roots[2] = { inside, NULL };

	make_dir();
	snprintf(inside, sizeof(inside), "%s/root", dir);
	snprintf(outside, sizeof(outside), "%s/secret", dir);
	snprintf(link, sizeof(link), "%s/root/link", dir);
	ck_assert_int_eq(mkdir(inside, 0700), 0);
	close(open(outside, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(symlink(outside, link), 0);
	snprintf(sly, sizeof(sly), "%s/a.c", inside);
	close(open(sly, O_CREAT | O_WRONLY, 0600));
	st.roots = roots;

	ck_assert(opens(&st, sly));
	ck_assert(!opens(&st, outside));
	ck_assert(!opens(&st, link));
	snprintf(sly, sizeof(sly), "%s/../secret", inside);
	ck_assert(!opens(&st, sly));
	ck_assert(!opens(&st, inside));
	ck_assert(!opens(&st, "/etc/passwd"));
	snprintf(sly, sizeof(sly), "%s/a.c", inside);
	st.private_dirs[0] = inside;
	ck_assert(!opens(&st, sly));
	remove_dir();
}
END_TEST

UNIT_MAIN("store", a_kept_file_is_found_again_after_a_restart,
	  a_damaged_cached_file_is_a_miss_and_goes,
	  two_keys_of_one_name_are_told_apart,
	  the_least_recently_used_file_goes_first,
	  a_file_larger_than_the_cache_is_not_kept,
	  leftovers_are_swept_at_start,
	  many_files_come_and_go_without_losing_any,
	  an_answer_is_remembered_until_its_id_changes,
	  an_answer_looked_up_before_a_change_is_not_kept,
	  the_suffix_is_part_of_the_question,
	  the_filter_never_denies_an_id_that_is_there,
	  a_source_is_opened_only_beneath_a_root)

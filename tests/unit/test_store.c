/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
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

enum { TURNOVER_IDS = 5000 };

static void add_generation(struct memo *m, uint32_t generation)
{
	struct build_id id;

	for (uint32_t i = 0; i < TURNOVER_IDS; i++) {
		uint32_t n[2] = { i, generation };

		build_id_set(&id, n, sizeof(n));
		memo_filter_add(m, &id);
	}
}

/* Those of all generations that are still possible. */
static unsigned count_possible(struct memo *m, uint32_t generation)
{
	unsigned possible = 0;
	struct build_id id;

	for (uint32_t i = 0; i < TURNOVER_IDS; i++) {
		uint32_t n[2] = { i, generation };

		build_id_set(&id, n, sizeof(n));
		possible += !memo_surely_absent(m, &id);
	}
	return possible;
}

static void rebuild(struct memo *m, uint32_t generation)
{
	ck_no_error(memo_filter_begin(m, TURNOVER_IDS));
	add_generation(m, generation);
	memo_filter_complete(m);
}

/* IDs come and go, and never are there more at a time. */
START_TEST(a_full_filter_forgets_what_is_gone)
{
	unsigned rebuilt = 0;
	struct memo *m;

	ck_no_error(memo_create(&m));
	rebuild(m, 0);
	for (uint32_t generation = 1; generation < 40; generation++) {
		add_generation(m, generation);
		ck_assert_uint_eq(count_possible(m, generation), TURNOVER_IDS);
		if (!memo_filter_is_full(m))
			continue;
		/* There are two of sufficient size by now. */
		if (rebuilt++ > 0)
			mem_fail_at(1);
		rebuild(m, generation);
		mem_fail_at(0);
		ck_assert(!memo_filter_is_full(m));
		ck_assert_uint_eq(count_possible(m, generation), TURNOVER_IDS);
		ck_assert_uint_lt(count_possible(m, generation - 1),
				  TURNOVER_IDS / 50);
		ck_assert_uint_lt(count_possible(m, 1000), TURNOVER_IDS / 50);
	}
	ck_assert_uint_gt(rebuilt, 5);
	ck_assert_uint_lt(rebuilt, 25);
	memo_destroy(m);
}
END_TEST

struct rebuilding {
	struct memo *m;
	_Atomic unsigned readers; /* that are not done */
};

static void *ask_filter(void *arg)
{
	struct rebuilding *x = arg;
	unsigned lost = 0;

	for (unsigned i = 0; i < 20; i++)
		lost += TURNOVER_IDS - count_possible(x->m, 0);
	atomic_fetch_sub(&x->readers, 1);
	return (void *)(uintptr_t)lost;
}

START_TEST(nobody_misses_an_id_while_the_filter_is_rebuilt)
{
	enum { READERS = 2 };
	struct rebuilding x = { .readers = READERS };
	pthread_t readers[READERS];
	void *lost;

	ck_no_error(memo_create(&x.m));
	rebuild(x.m, 0);
	for (unsigned i = 0; i < READERS; i++)
		ck_assert_int_eq(
			pthread_create(&readers[i], NULL, ask_filter, &x), 0);
	do {
		rebuild(x.m, 0);
	} while (atomic_load(&x.readers));
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(readers[i], &lost);
		ck_assert_ptr_null(lost);
	}
	memo_destroy(x.m);
}
END_TEST

/* ---- Sources ---------------------------------------------------------------
 */

static bool opens_with(const struct store *st, struct index_reader *r,
		       const char *path)
{
	int fd;

	ck_no_error(source_open(st, r, path, &fd));
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool opens(const struct store *st, const char *path)
{
	return opens_with(st, NULL, path);
}

/* */
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

static const char *put_file(const char *name, mode_t mode)
{
	static char path[120];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (S_ISDIR(mode))
		ck_assert_int_eq(mkdir(path, 0700), 0);
	else
		close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(chmod(path, mode & 07777), 0);
	return path;
}

/* */
START_TEST(beneath_a_source_root_only_what_all_may_read_is_opened)
{
	char inside[80], link[100];
	const char *none[1] = { NULL }, *roots[2] = { inside, NULL };
	const char *scanned[2] = { "/nonexistent", NULL };
	struct store st = { .roots = scanned, .source_roots = none };

	make_dir();
	/* What lies above it is the operator's business. */
	snprintf(inside, sizeof(inside), "%s", put_file("src", S_IFDIR | 0700));
	ck_assert(!opens(&st, put_file("src/a.c", 0644)));
	st.source_roots = roots;
	ck_assert(opens(&st, put_file("src/a.c", 0644)));
	ck_assert(!opens(&st, put_file("src/key.pem", 0640)));
	put_file("src/open", S_IFDIR | 0755);
	put_file("src/closed", S_IFDIR | 0750);
	put_file("src/closed/in", S_IFDIR | 0755);
	ck_assert(opens(&st, put_file("src/open/a.c", 0444)));
	ck_assert(!opens(&st, put_file("src/closed/a.c", 0644)));
	ck_assert(!opens(&st, put_file("src/closed/in/a.c", 0644)));
	ck_assert(!opens(&st, put_file("outside", 0644)));
	/* By another name it is as closed. */
	snprintf(link, sizeof(link), "%s/open/link", inside);
	ck_assert_int_eq(symlink("../closed/a.c", link), 0);
	ck_assert(!opens(&st, link));
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(symlink("../a.c", link), 0);
	ck_assert(opens(&st, link));
	remove_dir();
}
END_TEST

START_TEST(who_scans_nothing_has_the_roots_of_the_index)
{
	char state[80], inside[80];
	struct index *ix;
	struct index_reader *r;
	struct store st = { 0 };
	const char *roots[3] = { "/nonexistent", inside, NULL };

	make_dir();
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(inside, sizeof(inside), "%s", put_file("src", S_IFDIR | 0700));
	ck_no_error(index_open(state, 0, NULL, &ix));
	ck_no_error(index_reader_open(state, &r));
	ck_assert(!opens_with(&st, r, put_file("src/a.c", 0600)));
	ck_no_error(index_put_roots(ix, roots));
	ck_assert(opens_with(&st, r, put_file("src/a.c", 0600)));
	ck_assert(!opens_with(&st, r, put_file("other", 0644)));
	roots[1] = NULL;
	ck_no_error(index_put_roots(ix, roots));
	ck_assert(!opens_with(&st, r, put_file("src/a.c", 0600)));
	index_reader_close(r);
	index_close(ix);
	remove_dir();
}
END_TEST

UNIT_MAIN("store", an_answer_is_remembered_until_its_id_changes,
	  an_answer_looked_up_before_a_change_is_not_kept,
	  the_suffix_is_part_of_the_question,
	  the_filter_never_denies_an_id_that_is_there,
	  a_full_filter_forgets_what_is_gone,
	  nobody_misses_an_id_while_the_filter_is_rebuilt,
	  a_source_is_opened_only_beneath_a_root,
	  beneath_a_source_root_only_what_all_may_read_is_opened,
	  who_scans_nothing_has_the_roots_of_the_index)

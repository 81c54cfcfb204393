/* SPDX-License-Identifier: Apache-2.0 */
/* What the index forgets, lists and says of itself. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "index/index_private.h"
#include "tests/lib/index_fixture.h"
#include "tests/unit/unit.h"

#define FIXTURE(f)                                    \
	CLEANUP_INDEX_FIXTURE struct index_fixture f; \
	index_fixture_open(&f)

static struct index_places found(struct index_fixture *f, unsigned n,
				 unsigned roles)
{
	struct build_id id = index_test_id(n);
	struct index_places places;

	ck_no_error(index_find(f->r, &id, roles, &places));
	return places;
}

#define FOUND(name, f, n, roles)     \
	CLEANUP(index_places_deinit) \
	struct index_places name = found(&(f), n, roles)

enum { ANY = INDEX_ROLE_EXECUTABLE | INDEX_ROLE_DEBUGINFO };

/* ---- Forgetting --------------------------------------------------------- */

START_TEST(removing_an_unknown_container_is_no_error)
{
	FIXTURE(f);

	index_test_put_file(f.ix, "/bin/a", 1, 0, 4);
	ck_no_error(index_remove_container(f.ix, "/bin/b"));
	ck_no_error(index_remove_container(f.ix, "/nowhere/b"));
	ck_no_error(index_remove_container(f.ix, "relative"));
	ck_no_error(index_remove_container(f.ix, "/"));
	ck_no_error(index_remove_container(f.ix, ""));
	FOUND(places, f, 1, ANY);
	ck_assert_uint_eq(places.count, 1);
}
END_TEST

static void expect_nothing_left(struct index_fixture *f)
{
	struct index_stats stats, zero = { 0 };

	ck_no_error(index_stats(f->r, &stats));
	zero.file_bytes = stats.file_bytes;
	zero.wal_bytes = stats.wal_bytes;
	zero.schema_version = stats.schema_version;
	ck_assert_mem_eq(&stats, &zero, sizeof(stats));
}

START_TEST(nothing_is_left_when_all_containers_are_gone)
{
	struct index_groom_counts counts = { 0 };
	struct index_stats before;
	char path[64];
	bool done = false;
	unsigned slices = 0;
	FIXTURE(f);

	index_test_fill(f.ix);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
	ck_no_error(index_stats(f.r, &before));
	ck_assert_uint_eq(before.containers, 60);
	ck_assert_uint_eq(before.failed, 6);
	ck_assert_uint_eq(before.artifacts, 20 * 4 + 40);
	ck_assert_uint_eq(before.executables, 40);
	ck_assert_uint_eq(before.debuginfos, 80);
	ck_assert_uint_eq(before.build_ids, 120);
	ck_assert_uint_eq(before.source_dirs, 40);
	ck_assert_uint_eq(before.points, 60);
	ck_assert_uint_eq(before.directories, 15 + 2 + 1);
	ck_assert_uint_eq(before.ignored_files, 5);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(path, sizeof(path), "/srv/d%u/f%u", i / 4, i);
		ck_no_error(index_remove_container(f.ix, path));
	}
	ck_no_error(index_put_ignored(f.ix, "/srv/d0", NULL, 0));
	ck_no_error(index_put_ignored(f.ix, "/srv/other", NULL, 0));
	for (; !done; slices++)
		ck_no_error(index_groom_slice(f.ix, 7, &counts, &done));
	ck_assert_uint_ge(slices, 120 / 7);
	expect_nothing_left(&f);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
	ck_assert_uint_eq(counts.containers, 60);
	ck_assert_uint_eq(counts.artifacts, before.artifacts);
	ck_assert_uint_eq(counts.build_ids, 120);
	ck_assert_uint_eq(counts.source_dirs, 40);
	ck_assert_uint_eq(counts.points, 60);
	ck_assert_uint_eq(counts.directories, 18);
	ck_assert_uint_eq(counts.ignored, 5);
	/* Reported once. */
	counts = (struct index_groom_counts) { 0 };
	ck_no_error(index_groom_slice(f.ix, 7, &counts, &done));
	ck_assert_uint_eq(counts.containers + counts.build_ids, 0);
}
END_TEST

START_TEST(no_table_holds_a_row_when_everything_is_groomed)
{
	struct index_groom_counts counts = { 0 };
	char path[64], sql[128];
	bool done = false;
	int64_t rows;
	static const char *const tables[] = {
		"container",   "artifact",   "build_id",      "directory",
		"source_list", "source_dir", "payload_point", "ignored",
	};
	FIXTURE(f);

	index_test_fill(f.ix);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(path, sizeof(path), "/srv/d%u/f%u", i / 4, i);
		ck_no_error(index_remove_container(f.ix, path));
	}
	ck_no_error(index_put_ignored(f.ix, "/srv/d0", NULL, 0));
	ck_no_error(index_put_ignored(f.ix, "/srv/other", NULL, 0));
	while (!done)
		ck_no_error(index_groom_slice(f.ix, 1, &counts, &done));
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s",
			 tables[i]);
		ck_no_error(db_exec_int(&f.r->db, sql, &rows));
		ck_assert_int_eq(rows, 0);
	}
}
END_TEST

START_TEST(grooming_leaves_what_is_in_use)
{
	struct index_groom_counts counts = { 0 };
	bool done = false;
	FIXTURE(f);

	index_test_fill(f.ix);
	ck_no_error(index_remove_container(f.ix, "/srv/d0/f0"));
	while (!done)
		ck_no_error(index_groom_slice(f.ix, 0, &counts, &done));
	ck_assert_uint_eq(counts.containers, 1);
	ck_assert_uint_eq(counts.build_ids, 4);
	ck_assert_uint_eq(counts.directories, 0);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
	FOUND(places, f, 4, ANY);
	ck_assert_uint_eq(places.count, 1);
	/* Even a name that comes back between two slices. */
	index_test_put_file(f.ix, "/srv/d0/f0", 0, 0, 4);
	FOUND(again, f, 0, ANY);
	ck_assert_uint_eq(again.count, 1);
}
END_TEST

START_TEST(maintenance_gives_pages_back_and_empties_the_log)
{
	struct index_groom_counts counts = { 0 };
	struct index_stats before, after;
	char path[64];
	bool done = false;
	FIXTURE(f);

	index_test_fill(f.ix);
	ck_no_error(index_maintain(f.ix));
	ck_no_error(index_stats(f.r, &before));
	ck_assert_uint_eq(before.wal_bytes, 0);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(path, sizeof(path), "/srv/d%u/f%u", i / 4, i);
		ck_no_error(index_remove_container(f.ix, path));
	}
	while (!done)
		ck_no_error(index_groom_slice(f.ix, 100, &counts, &done));
	ck_no_error(index_maintain(f.ix));
	ck_no_error(index_stats(f.r, &after));
	ck_assert_uint_lt(after.file_bytes, before.file_bytes);
	ck_assert_uint_eq(after.free_bytes, 0);
	ck_assert_uint_eq(after.wal_bytes, 0);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

static struct error *write_meanwhile(void *ctx, const struct index_known *k)
{
	struct index_fixture *f = ctx;

	(void)k;
	index_test_put_file(f->ix, "/more", 50, 0, 1);
	return index_maintain(f->ix);
}

START_TEST(a_reader_in_the_way_of_maintenance_is_no_error)
{
	struct index_stats stats;
	FIXTURE(f);

	index_test_put_file(f.ix, "/a", 1, 0, 1);
	sqlite3_busy_timeout(f.ix->db.handle, 1);
	ck_no_error(index_each_known(f.r, "/a", write_meanwhile, &f));
	ck_no_error(index_stats(f.r, &stats));
	ck_assert_uint_gt(stats.wal_bytes, 0);
	ck_assert_uint_eq(stats.containers, 2);
}
END_TEST

/* ---- Lists -------------------------------------------------------------- */

struct listed {
	size_t count;
	char text[512];
	struct index_known last;
	struct error *end;
};

static struct error *list_known(void *ctx, const struct index_known *k)
{
	struct listed *l = ctx;
	size_t used = strlen(l->text);

	snprintf(l->text + used, sizeof(l->text) - used, "%s ", k->path);
	l->count++;
	l->last = *k;
	return STEAL(l->end);
}

START_TEST(known_lists_what_is_below_a_path_and_nothing_beside_it)
{
	static const char *const paths[] = {
		"/srv/a",       "/srv/a/1",   "/srv/a/b/2",
		"/srv/a/b/c/3", "/srv/a-b/4", "/srv/a.d/5",
		"/srv/ab/6",    "/top",       "/srv/a!/7",
	};
	static const struct {
		const char *prefix, *expected;
	} asked[] = {
		{ "/srv/a", "/srv/a /srv/a/1 /srv/a/b/2 /srv/a/b/c/3 " },
		{ "/srv/a/", "/srv/a/1 /srv/a/b/2 /srv/a/b/c/3 " },
		{ "/srv/a/1", "/srv/a/1 " },
		{ "/srv/a/b", "/srv/a/b/2 /srv/a/b/c/3 " },
		{ "/srv/ab/6", "/srv/ab/6 " },
		{ "/nowhere", "" },
		{ "/top", "/top " },
	};
	FIXTURE(f);

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		index_test_put_file(f.ix, paths[i], (unsigned)i, 0, 1);
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		struct listed l = { 0 };

		ck_no_error(
			index_each_known(f.r, asked[i].prefix, list_known, &l));
		ck_assert_str_eq(l.text, asked[i].expected);
	}
	struct listed all = { 0 };
	ck_no_error(index_each_known(f.r, "/", list_known, &all));
	ck_assert_uint_eq(all.count, 9);
	all.end = error_new(BUSY, "stopped");
	ck_error(index_each_known(f.r, "/", list_known, &all), BUSY, "stopped");
	ck_assert_uint_eq(all.count, 10);
}
END_TEST

START_TEST(lists_are_complete_however_they_are_sliced)
{
	struct index_test_container t;
	struct listed l = { 0 };
	char path[64];
	FIXTURE(f);

	read_slice_ms = 0;
	for (unsigned i = 0; i < 1500; i++) {
		snprintf(path, sizeof(path), "/srv/%u/f%u", i / 700, i);
		index_test_file(&t, path, i, 1);
		t.c.problem_kind = "io";
		t.c.problem = "unreadable";
		ck_no_error(index_test_put(f.ix, &t));
	}
	ck_no_error(index_each_known(f.r, "/", list_known, &l));
	ck_assert_uint_eq(l.count, 1500);
	l.count = 0;
	ck_no_error(index_each_known(f.r, "/srv/1", list_known, &l));
	ck_assert_uint_eq(l.count, 700);
}
END_TEST

static bool count_failed(void *ctx, const char *path, const char *kind,
			 const char *problem)
{
	size_t *left = ctx;

	ck_assert_int_eq(path[0], '/');
	ck_assert_str_eq(kind, "bad_data");
	ck_assert_str_eq(problem, "broken");
	return --*left;
}

START_TEST(failed_containers_are_listed_with_their_reasons)
{
	size_t left = 6;
	FIXTURE(f);

	read_slice_ms = 0;
	ck_no_error(index_each_failed(f.r, count_failed, &left));
	ck_assert_uint_eq(left, 6);
	index_test_fill(f.ix);
	ck_no_error(index_each_failed(f.r, count_failed, &left));
	ck_assert_uint_eq(left, 0);
	left = 2;
	ck_no_error(index_each_failed(f.r, count_failed, &left));
	ck_assert_uint_eq(left, 0);
}
END_TEST

static struct index_known put_failure(struct index_fixture *f, unsigned version,
				      bool is_retryable)
{
	struct index_test_container t;
	struct listed l = { 0 };

	index_test_file(&t, "/crash", 1, version);
	t.c.artifact_count = 0;
	t.c.problem_kind = "worker";
	t.c.problem = "killed by signal 11";
	t.c.is_retryable = is_retryable;
	ck_no_error(index_test_put(f->ix, &t));
	ck_no_error(index_each_known(f->r, "/crash", list_known, &l));
	ck_assert_uint_eq(l.count, 1);
	return l.last;
}

START_TEST(attempts_count_failures_of_the_same_file)
{
	FIXTURE(f);

	for (unsigned i = 1; i <= 3; i++) {
		struct index_known k = put_failure(&f, 1, true);

		ck_assert_uint_eq(k.attempts, i);
		ck_assert(k.is_retryable);
		ck_assert_int_gt(k.tried_at, 1600000000);
	}
	ck_assert_uint_eq(put_failure(&f, 2, true).attempts, 1);
	ck_assert_uint_eq(put_failure(&f, 2, true).attempts, 2);
	struct index_known k = put_failure(&f, 2, false);
	ck_assert_uint_eq(k.attempts, 0);
	ck_assert(!k.is_retryable);
	ck_assert_uint_eq(put_failure(&f, 2, true).attempts, 1);
	index_test_put_file(f.ix, "/crash", 1, 0, 1);
	struct listed l = { 0 };
	ck_no_error(index_each_known(f.r, "/crash", list_known, &l));
	ck_assert_uint_eq(l.last.attempts, 0);
	ck_assert(!l.last.is_retryable);
}
END_TEST

struct prints {
	size_t dirs, count;
	uint64_t sum;
	char last[64];
};

static struct error *add_prints(void *ctx, const char *dir,
				const uint64_t *prints, size_t count)
{
	struct prints *p = ctx;

	p->dirs++;
	p->count += count;
	for (size_t i = 0; i < count; i++)
		p->sum += prints[i];
	snprintf(p->last, sizeof(p->last), "%s", dir);
	return NULL;
}

static struct prints ignored_below(struct index_fixture *f, const char *prefix)
{
	struct prints p = { 0 };

	ck_no_error(index_each_ignored(f->r, prefix, add_prints, &p));
	return p;
}

START_TEST(ignored_files_of_a_directory_are_replaced_and_removed)
{
	static const uint64_t few[] = { 1, 2, UINT64_MAX };
	char dir[64];
	FIXTURE(f);

	read_slice_ms = 0;
	ck_no_error(index_put_ignored(f.ix, "/etc", few, 3));
	ck_no_error(index_put_ignored(f.ix, "/etc/x/", few, 1));
	ck_no_error(index_put_ignored(f.ix, "/etc-x", few, 1));
	ck_no_error(index_put_ignored(f.ix, "/", few, 2));
	struct prints p = ignored_below(&f, "/etc");
	ck_assert_uint_eq(p.dirs, 2);
	ck_assert_uint_eq(p.count, 4);
	ck_assert_uint_eq(p.sum, 3); /* modulo 2^64 */
	ck_assert_str_eq(p.last, "/etc/x");
	ck_assert_uint_eq(ignored_below(&f, "/").dirs, 4);
	ck_no_error(index_put_ignored(f.ix, "/etc", few + 1, 1));
	ck_assert_uint_eq(ignored_below(&f, "/etc").sum, 3);
	ck_no_error(index_put_ignored(f.ix, "/etc", NULL, 0));
	ck_assert_uint_eq(ignored_below(&f, "/etc").dirs, 1);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
	for (unsigned i = 0; i < 600; i++) {
		snprintf(dir, sizeof(dir), "/many/%u", i);
		ck_no_error(index_put_ignored(f.ix, dir, few, 1));
	}
	ck_assert_uint_eq(ignored_below(&f, "/many").dirs, 600);
}
END_TEST

static void count_id(void *ctx, const struct build_id *id)
{
	ck_assert_uint_eq(id->len, 20);
	++*(size_t *)ctx;
}

START_TEST(ids_are_listed_from_where_the_last_list_ended)
{
	struct index_groom_counts counts = { 0 };
	size_t count = 0;
	int64_t last = 0;
	bool done = false;
	FIXTURE(f);

	index_test_fill(f.ix);
	ck_no_error(index_each_id(f.r, 0, 100, count_id, &count, &last));
	ck_assert_uint_eq(count, 100);
	ck_no_error(index_each_id(f.r, last, 100, count_id, &count, &last));
	ck_assert_uint_eq(count, 120);
	int64_t end = last;
	ck_no_error(index_each_id(f.r, end, 100, count_id, &count, &last));
	ck_assert_uint_eq(count, 120);
	ck_assert_int_eq(last, end);
	/* The last one goes and comes again: it is new. */
	ck_no_error(index_remove_container(f.ix, "/srv/d14/f59"));
	while (!done)
		ck_no_error(index_groom_slice(f.ix, 100, &counts, &done));
	index_test_put_file(f.ix, "/srv/d14/f59", 4 * 59, 0, 1);
	ck_no_error(index_each_id(f.r, end, SIZE_MAX, count_id, &count, &last));
	ck_assert_uint_eq(count, 121);
	ck_assert_int_gt(last, end);
}
END_TEST

/* ---- Search by name ----------------------------------------------------- */

struct hits {
	size_t count, stop_at, asks_left;
	char text[512];
};

static bool is_over(void *ctx)
{
	return --((struct hits *)ctx)->asks_left == 0;
}

static bool note_hit(void *ctx, const struct index_name_hit *hit)
{
	struct hits *h = ctx;
	size_t used = strlen(h->text);

	snprintf(h->text + used, sizeof(h->text) - used, "%s%s%s ",
		 hit->archive ? hit->archive : "", hit->archive ? ":" : "",
		 hit->file);
	return ++h->count != h->stop_at;
}

static void fill_names(struct index_fixture *f)
{
	static const char *const members[] = { "./usr/bin/ls", "usr/bin/ls.x",
					       "/usr/lib/a/libc.so.6",
					       ".//usr/odd/[x]" };
	struct index_test_container t;

	index_test_archive(&t, "/p/a.deb", 10, 4, 1);
	for (size_t i = 0; i < 4; i++)
		t.artifacts[i].member = members[i];
	ck_no_error(index_test_put(f->ix, &t));
	index_test_put_file(f->ix, "/usr/bin/ls", 1, 0, 1);
	index_test_put_file(f->ix, "/usr/lib/b/libc.so.6", 2, 0, 1);
	index_test_put_file(f->ix, "/vmlinux", 3, 0, 1);
}

START_TEST(names_are_found_by_path_and_by_pattern)
{
	static const struct {
		const char *pattern;
		bool glob;
		const char *expected;
	} asked[] = {
		{ "/usr/bin/ls", false, "/p/a.deb:/usr/bin/ls /usr/bin/ls " },
		{ "/usr/bin/ls", true, "/p/a.deb:/usr/bin/ls /usr/bin/ls " },
		{ "/usr/bin/ls*", false, "" },
		{ "/usr/bin/ls*", true,
		  "/p/a.deb:/usr/bin/ls /p/a.deb:/usr/bin/ls.x /usr/bin/ls " },
		{ "/usr/lib/*/libc.so.6", true,
		  "/p/a.deb:/usr/lib/a/libc.so.6 /usr/lib/b/libc.so.6 " },
		{ "/usr/*/libc.so.6", true, "" },
		{ "/usr/lib/[b-z]/libc*", true, "/usr/lib/b/libc.so.6 " },
		{ "/usr/odd/[x]", false, "/p/a.deb:/usr/odd/[x] " },
		{ "/usr/odd/\\[x]", true, "/p/a.deb:/usr/odd/[x] " },
		{ "/usr/odd/[x]", true, "" },
		{ "/*", true, "/vmlinux " },
		{ "vmlinux", true, "" },
		{ "/usr/bin/", true, "" },
		{ "", true, "" },
	};
	bool complete;
	FIXTURE(f);

	fill_names(&f);
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		struct hits h = { 0 };

		ck_no_error(index_search_names(f.r, asked[i].pattern,
					       asked[i].glob, NULL, note_hit,
					       &h, &complete));
		ck_assert_str_eq(h.text, asked[i].expected);
		ck_assert(complete);
	}
}
END_TEST

START_TEST(a_search_ends_when_told_to_at_each_row)
{
	struct index_test_container t;
	struct hits h = { .stop_at = 2 };
	char path[64];
	bool complete;
	FIXTURE(f);

	read_slice_ms = 0;
	fill_names(&f);
	ck_no_error(index_search_names(f.r, "/usr/bin/*", true, NULL, note_hit,
				       &h, &complete));
	ck_assert_uint_eq(h.count, 2);
	ck_assert(complete);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/many/f%u", i);
		index_test_file(&t, path, i, 1);
		ck_no_error(index_test_put(f.ix, &t));
	}
	h = (struct hits) { 0 };
	ck_no_error(index_search_names(f.r, "/many/*", true, NULL, note_hit, &h,
				       &complete));
	ck_assert_uint_eq(h.count, 1000);
	ck_assert(complete);
	h = (struct hits) { 0 };
	for (size_t asks = 1; asks < 1010; asks += 7) {
		h = (struct hits) { .asks_left = asks };
		ck_no_error(index_search_names(f.r, "/many/*", true, is_over,
					       note_hit, &h, &complete));
		/* It is asked before each one that is looked at. The first
		 * seven are elsewhere. */
		ck_assert_uint_eq(h.count, asks <= 7     ? 0
					   : asks < 1007 ? asks - 8
							 : 1000);
		ck_assert(complete == (asks > 1007));
	}
}
END_TEST

/* ---- Many places -------------------------------------------------------- */

static void run_beside(const struct index_fixture *f, const char *sql)
{
	sqlite3 *handle;

	ck_assert_int_eq(
		sqlite3_open(index_fixture_path(f, "index.sqlite"), &handle),
		SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(handle, sql, NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(handle);
}

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The best of three. */
static int64_t finding_us(struct index_reader *r, const struct build_id *id)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 3; i++) {
		CLEANUP(index_places_deinit) struct index_places p = { 0 };
		int64_t from = cpu_us();

		ck_no_error(index_find(r, id, UINT32_MAX, &p));
		int64_t us = cpu_us() - from;

		ck_assert_uint_eq(p.count, INDEX_PLACES_MAX);
		ck_assert_str_eq(p.v[0].path, "/m");
		ck_assert_str_eq(p.v[0].member, "no. 9999");
		best = us < best ? us : best;
	}
	return best;
}

static bool ignore_name(void *ctx, const struct index_name_hit *hit)
{
	(void)ctx;
	(void)hit;
	return true;
}

static int64_t reading_us(struct index_reader *r)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 3; i++) {
		int64_t from = cpu_us();
		bool complete;

		ck_no_error(index_search_names(r, "/no. *", true, NULL,
					       ignore_name, NULL, &complete));
		ck_assert(complete);
		int64_t us = cpu_us() - from;

		best = us < best ? us : best;
	}
	return best;
}

/* Ten thousand files of one build ID, the last of them the best. */
START_TEST(many_places_cost_less_than_a_look_at_their_names)
{
	const struct build_id id = index_test_id(1);
	FIXTURE(f);

	index_test_put_file(f.ix, "/m", 1, 0, 1);
	run_beside(&f, "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL"
		       " SELECT i + 1 FROM n WHERE i < 9999)"
		       " INSERT INTO artifact SELECT NULL, build_id,"
		       " container_id, roles, 2 + (i = 9999), is_gnu, i,"
		       " offset, size, packed_size, packed_codec, mtime,"
		       " machine, type, elf_class, is_big_endian,"
		       " source_count, name_hash, htlhash, breakpad_guid,"
		       " alt_id, go_id, CAST('no. ' || i AS BLOB),"
		       " zeroblob(60) FROM n, artifact");
	ck_assert_int_lt(finding_us(f.r, &id), reading_us(f.r));
}
END_TEST

/* ---- About the database ------------------------------------------------- */

START_TEST(the_data_version_changes_with_every_commit)
{
	uint32_t before, same, after;
	FIXTURE(f);

	ck_no_error(index_data_version(f.r, &before));
	ck_no_error(index_data_version(f.r, &same));
	index_test_put_file(f.ix, "/a", 1, 0, 1);
	ck_no_error(index_data_version(f.r, &after));
	ck_assert_uint_eq(before, same);
	ck_assert_uint_ne(before, after);
}
END_TEST

static void first_complaint(void *ctx, const char *text)
{
	char *first = ctx;

	if (!first[0])
		snprintf(first, 256, "%s", text);
}

/* A bare file that holds units of split DWARF. */
static void put_split(struct index_fixture *f, const char *path, unsigned n,
		      unsigned root_order, const uint64_t *ids, size_t count)
{
	struct index_test_container t;

	index_test_file(&t, path, n, 1);
	t.c.root_order = root_order;
	t.artifacts[0].split_ids = ids;
	t.artifacts[0].split_id_count = count;
	ck_no_error(index_test_put(f->ix, &t));
}

/* Expect the files of these build IDs, best first; 0 ends them. */
static void ck_split(struct index_fixture *f, uint64_t dwo_id,
		     const unsigned *expected)
{
	struct build_id ids[INDEX_SPLITS_MAX];
	size_t count, i;

	ck_no_error(index_find_split(f->r, dwo_id, ids, &count));
	for (i = 0; expected[i]; i++) {
		struct build_id id = index_test_id(expected[i]);

		ck_assert_uint_lt(i, count);
		ck_assert(build_id_equal(&ids[i], &id));
	}
	ck_assert_uint_eq(i, count);
}

struct crowd {
	struct index_reader *r;
	uint64_t first, last; /* containers there when one was announced */
};

static void count_containers(void *ctx, const struct build_id *id)
{
	struct crowd *crowd = ctx;
	struct index_stats stats;

	(void)id;
	ck_no_error(index_stats(crowd->r, &stats));
	if (!crowd->first)
		crowd->first = stats.containers;
	crowd->last = stats.containers;
}

/* */
START_TEST(containers_of_many_rows_share_no_transaction)
{
	static uint64_t ids[INDEX_SHARED_ROWS_MAX - 4];
	struct index_test_container t[4];
	struct index_container all[4];
	FIXTURE(f);

	for (unsigned i = 0; i < 4; i++) {
		static const char *const paths[] = { "/a", "/b", "/c", "/d" };

		index_test_file(&t[i], paths[i], i, 1);
		all[i] = t[i].c;
	}
	t[0].artifacts[0].split_ids = ids;
	t[0].artifacts[0].split_id_count = INDEX_SHARED_ROWS_MAX - 4;
	/* a and b have 4096 rows together */
	struct crowd crowd = { .r = f.r };
	index_on_change(f.ix, count_containers, &crowd);
	ck_no_error(index_put_containers(f.ix, all, 4));
	ck_assert_uint_eq(crowd.first, 2);
	ck_assert_uint_eq(crowd.last, 4);
	/* What fails takes nothing of another transaction along. */
	t[0].artifacts[0].size = t[2].artifacts[0].size = 77;
	t[3].artifacts[0].id.len = 0;
	ck_error(index_put_containers(f.ix, all, 4), BAD_DATA, "build ID");
	FOUND(first, f, 0, INDEX_ROLE_EXECUTABLE);
	ck_assert_uint_eq(first.v[0].size, 77);
	FOUND(third, f, 2, INDEX_ROLE_EXECUTABLE);
	ck_assert_uint_eq(third.v[0].size, 1);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

START_TEST(files_of_split_units_are_found_best_first)
{
	static const uint64_t one[] = { 7 };
	static const uint64_t many[] = { 7, 8, UINT64_MAX };
	FIXTURE(f);

	ck_split(&f, 7, (const unsigned[]) { 0 });
	put_split(&f, "/late/a.dwo", 1, 2, one, 1);
	put_split(&f, "/late/b.dwo", 2, 2, one, 1);
	put_split(&f, "/early/all.dwp", 3, 1, many, 3);
	ck_split(&f, 7, (const unsigned[]) { 3, 1, 2, 0 });
	ck_split(&f, 8, (const unsigned[]) { 3, 0 });
	ck_split(&f, UINT64_MAX, (const unsigned[]) { 3, 0 });
	ck_split(&f, 9, (const unsigned[]) { 0 });
	// As many as there is room for, the best of them.
	put_split(&f, "/late/c.dwo", 4, 2, one, 1);
	put_split(&f, "/late/d.dwo", 5, 2, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 3, 1, 2, 4, 0 });
	put_split(&f, "/first/e.dwo", 6, 0, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 6, 3, 1, 2, 0 });
	// The same file in two places is one.
	put_split(&f, "/first/copy.dwo", 6, 0, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 6, 3, 1, 2, 0 });
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

/* */
START_TEST(a_copy_of_a_split_unit_under_an_earlier_path_counts_as_that)
{
	static const uint64_t one[] = { 7 };
	FIXTURE(f);

	put_split(&f, "/late/a.dwo", 1, 2, one, 1);
	put_split(&f, "/late/b.dwo", 2, 2, one, 1);
	put_split(&f, "/middle/c.dwo", 3, 1, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 3, 1, 2, 0 });
	put_split(&f, "/first/copy-of-b.dwo", 2, 0, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 2, 3, 1, 0 });
	// Nor does a later path take anything away.
	put_split(&f, "/last/copy-of-b.dwo", 2, 3, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 2, 3, 1, 0 });
	put_split(&f, "/middle/copy-of-a.dwo", 1, 1, one, 1);
	put_split(&f, "/middle/d.dwo", 4, 1, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 2, 3, 1, 4, 0 });
	// One for which there was no room.
	put_split(&f, "/late/e.dwo", 5, 2, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 2, 3, 1, 4, 0 });
	put_split(&f, "/first/copy-of-e.dwo", 5, 0, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 2, 5, 3, 1, 0 });
}
END_TEST

/* */
START_TEST(many_files_of_a_split_unit_do_not_hide_one_of_an_earlier_path)
{
	enum { MANY = 1200 };
	static const uint64_t one[] = { 7 };
	char path[64];
	FIXTURE(f);

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "/late/%u.dwo", i);
		put_split(&f, path, 10 + i, 1, one, 1);
	}
	put_split(&f, "/early/a.dwo", 1, 0, one, 1);
	ck_split(&f, 7, (const unsigned[]) { 1, 10, 11, 12, 0 });
}
END_TEST

START_TEST(split_units_go_with_their_file_and_new_ones_show)
{
	static const uint64_t ids[] = { 7, 7, 8 };
	uint64_t none, one, two, less, again;
	FIXTURE(f);

	ck_no_error(index_split_version(f.r, &none));
	ck_assert_uint_eq(none, 0);
	put_split(&f, "/a.dwo", 1, 0, ids, 3);
	ck_no_error(index_split_version(f.r, &one));
	put_split(&f, "/b.dwo", 2, 0, ids, 1);
	ck_no_error(index_split_version(f.r, &two));
	ck_assert(none != one && one != two);
	// What holds none does not show.
	index_test_put_file(f.ix, "/c", 3, 0, 4);
	ck_no_error(index_split_version(f.r, &again));
	ck_assert_uint_eq(again, two);
	// Scanned again, with other units.
	put_split(&f, "/a.dwo", 4, 0, ids + 2, 1);
	ck_split(&f, 7, (const unsigned[]) { 2, 0 });
	ck_split(&f, 8, (const unsigned[]) { 4, 0 });
	ck_no_error(index_remove_container(f.ix, "/a.dwo"));
	ck_no_error(index_remove_container(f.ix, "/b.dwo"));
	ck_split(&f, 7, (const unsigned[]) { 0 });
	ck_split(&f, 8, (const unsigned[]) { 0 });
	ck_no_error(index_split_version(f.r, &less));
	ck_assert_uint_eq(less, 0);
	put_split(&f, "/b.dwo", 2, 0, ids, 1);
	ck_no_error(index_split_version(f.r, &again));
	ck_assert(again != two && again != one);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

START_TEST(check_finds_what_was_broken_by_hand)
{
	static const struct {
		const char *sql, *complaint;
	} damages[] = {
		{ "UPDATE meta SET artifacts = artifacts + 1",
		  "count differs from the rows: artifacts, counted: 121 120" },
		{ "UPDATE meta SET failed = 0",
		  "count differs from the rows: failed" },
		{ "PRAGMA foreign_keys = OFF;"
		  "DELETE FROM container WHERE id = 5",
		  "row without its parent: artifact" },
		{ "UPDATE directory SET path = x'2f612f' WHERE id = 1",
		  "directory with a final slash: 1" },
		{ "UPDATE container SET name = x'612f62' WHERE id = 1",
		  "container name with a slash: 1" },
		{ "PRAGMA ignore_check_constraints = ON;"
		  "UPDATE ignored SET prints = x'00'",
		  "ignored files not a list of 64-bit numbers, directory: 1" },
		{ "UPDATE artifact SET htlhash = x'00' WHERE id = 2",
		  "hash of a length that cannot be, artifact: 2" },
		{ "DELETE FROM meta", "table meta does not have one row" },
	};

	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		char first[256] = "";
		size_t complaints;
		FIXTURE(f);

		index_test_fill(f.ix);
		ck_assert_uint_eq(index_test_complaints(f.r), 0);
		ck_no_error(db_exec(&f.ix->db, "damage", damages[i].sql));
		ck_no_error(
			index_check(f.r, first_complaint, first, &complaints));
		ck_assert_uint_gt(complaints, 0);
		ck_assert_msg(strstr(first, damages[i].complaint) != NULL,
			      "'%s' for: %s", first, damages[i].sql);
	}
}
END_TEST

static struct error *name_dir(void *ctx, const struct index_source_place *p)
{
	/* What is said to be there can be read. */
	for (size_t i = 0; i < p->files_size; i++)
		ck_assert_uint_ne(p->files[i], 0);
	strcat(ctx, p->path + 1);
	return NULL;
}

START_TEST(of_very_many_source_lists_what_fits_is_read)
{
	enum { LISTS = 8, SMALL = 3, COST = INDEX_SOURCE_DIR_COST };
	static const struct {
		size_t limit;
		const char *seen; /* by the root order, which is their name */
	} asked[] = {
		{ LISTS * COST + 20000 + 7 * SMALL, "01234567" },
		/* What is too large leaves room to the others. */
		{ LISTS * COST + 20000 + 7 * SMALL - 1, "0123456" },
		{ 4 * COST + 20000 + 8, "0124567" },
		{ 4 * COST, "012" },
		{ 2 * COST, "0" },
		{ COST - 1, "" },
	};
	static uint8_t large[20000];
	struct index_test_container t;
	char path[16];
	FIXTURE(f);

	memset(large, ' ', sizeof(large));
	for (int i = LISTS - 1; i >= 0; i--) {
		snprintf(path, sizeof(path), "/%d", i);
		index_test_archive(&t, path, (unsigned)i, 1, 1);
		t.c.root_order = (unsigned)i;
		if (i == 3) {
			t.dirs[0].files = large;
			t.dirs[0].files_size = sizeof(large);
		}
		ck_assert(i == 3 || t.dirs[0].files_size == SMALL);
		ck_no_error(index_test_put(f.ix, &t));
	}
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		char names[LISTS + 1] = "";
		bool is_whole;

		ck_no_error(index_each_source_dir(f.r, "/usr/src/a",
						  asked[i].limit, name_dir,
						  names, &is_whole));
		ck_assert_str_eq(names, asked[i].seen);
		ck_assert(is_whole == (i == 0));
	}
}
END_TEST

UNIT_MAIN("index_lists", of_very_many_source_lists_what_fits_is_read,
	  containers_of_many_rows_share_no_transaction,
	  files_of_split_units_are_found_best_first,
	  a_copy_of_a_split_unit_under_an_earlier_path_counts_as_that,
	  many_files_of_a_split_unit_do_not_hide_one_of_an_earlier_path,
	  split_units_go_with_their_file_and_new_ones_show,
	  removing_an_unknown_container_is_no_error,
	  nothing_is_left_when_all_containers_are_gone,
	  no_table_holds_a_row_when_everything_is_groomed,
	  grooming_leaves_what_is_in_use,
	  maintenance_gives_pages_back_and_empties_the_log,
	  a_reader_in_the_way_of_maintenance_is_no_error,
	  known_lists_what_is_below_a_path_and_nothing_beside_it,
	  lists_are_complete_however_they_are_sliced,
	  failed_containers_are_listed_with_their_reasons,
	  attempts_count_failures_of_the_same_file,
	  ignored_files_of_a_directory_are_replaced_and_removed,
	  ids_are_listed_from_where_the_last_list_ended,
	  names_are_found_by_path_and_by_pattern,
	  a_search_ends_when_told_to_at_each_row,
	  many_places_cost_less_than_a_look_at_their_names,
	  the_data_version_changes_with_every_commit,
	  check_finds_what_was_broken_by_hand)

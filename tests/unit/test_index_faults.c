/* SPDX-License-Identifier: Apache-2.0 */
/* The index when memory, disk or process fail, and under many threads. */
#include "config.h"

#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "index/index_private.h"
#include "tests/lib/fault_vfs.h"
#include "tests/lib/index_fixture.h"
#include "tests/unit/unit.h"

enum { ANY = INDEX_ROLE_EXECUTABLE | INDEX_ROLE_DEBUGINFO };

static uint64_t version_of(struct index_reader *r, unsigned n)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	struct build_id id = index_test_id(n);

	ck_no_error(index_find(r, &id, ANY, &places));
	return places.count ? places.v[0].size : 0;
}

/* ---- Operations, each of which may fail ---------------------------------- */

/* The index holds "/srv/a.deb" with IDs 1 to 4 in version 1, "/bin/b" with ID 5
 * and "/bad" that failed. */
static void fill(struct index *ix)
{
	static const uint64_t prints[] = { 1, 2 };
	struct index_test_container t;

	index_test_archive(&t, "/srv/a.deb", 1, 4, 1);
	t.artifacts[0].go_id = "go";
	t.artifacts[1].alt_id = index_test_id(50);
	t.artifacts[1].pending = (const uint8_t *)"pieces";
	t.artifacts[1].pending_size = 6;
	ck_no_error(index_test_put(ix, &t));
	index_test_file(&t, "/bin/b", 5, 1);
	ck_no_error(index_test_put(ix, &t));
	index_test_file(&t, "/bad", 6, 1);
	t.c.artifact_count = 0;
	t.c.problem_kind = "io";
	t.c.problem = "broken";
	ck_no_error(index_test_put(ix, &t));
	ck_no_error(index_put_ignored(ix, "/etc", prints, 2));
}

static void on_change(void *ctx, const struct build_id *id)
{
	(void)ctx;
	(void)id;
}

static struct error *op_put(struct index_fixture *f)
{
	struct index_test_container t;

	index_on_change(f->ix, on_change, NULL);
	index_test_archive(&t, "/srv/a.deb", 1, 4, 2);
	return index_test_put(f->ix, &t);
}

static struct error *op_put_new(struct index_fixture *f)
{
	struct index_test_container t;

	index_test_archive(&t, "/new/place.deb", 20, 3, 1);
	return index_test_put(f->ix, &t);
}

static struct error *op_remove(struct index_fixture *f)
{
	return index_remove_container(f->ix, "/srv/a.deb");
}

static struct error *op_ignore(struct index_fixture *f)
{
	static const uint64_t prints[] = { 7, 8, 9 };

	return index_put_ignored(f->ix, "/etc", prints, 3);
}

static struct error *op_set_root(struct index_fixture *f)
{
	return index_set_root(f->ix, "/srv", 3);
}

static struct error *op_groom(struct index_fixture *f)
{
	struct index_groom_counts counts = { 0 };
	bool done = false;

	TRY(index_remove_container(f->ix, "/srv/a.deb"));
	while (!done)
		TRY(index_groom_slice(f->ix, 2, &counts, &done));
	return NULL;
}

static struct error *op_maintain(struct index_fixture *f)
{
	return index_maintain(f->ix);
}

static struct error *op_find(struct index_fixture *f)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	CLEANUP_INDEX_SEGMENTS struct index_segments segments = { 0 };
	struct build_id id = index_test_id(1);

	TRY(index_find_padded(f->r, &id, ANY, &places));
	TRY(index_segments(f->r, places.v[0].artifact_id, &segments));
	ck_assert_uint_eq(segments.count, 2);
	return NULL;
}

static struct error *op_find_by_key(struct index_fixture *f)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };

	TRY(index_find_by_key(f->r, INDEX_KEY_GO, "go", 2, &places));
	ck_assert_uint_eq(places.count, 1);
	return NULL;
}

static struct error *op_presence(struct index_fixture *f)
{
	struct build_id id = index_test_id(1);
	unsigned roles, quality;
	bool found;

	TRY(index_presence(f->r, &id, &roles, &quality, &found));
	ck_assert(found);
	return NULL;
}

static struct error *op_sources(struct index_fixture *f)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	CLEANUP_BUF struct buf packed = BUF_INIT;
	struct build_id id = index_test_id(1);

	TRY(index_find(f->r, &id, ANY, &places));
	return index_sources(f->r, places.v[0].artifact_id, &packed);
}

static bool take_pending(void *ctx, const struct index_pending *p)
{
	*(int64_t *)ctx = p->artifact_id;
	return true;
}

static struct error *op_pending(struct index_fixture *f)
{
	struct build_id none = { 0 }, alt;
	int64_t artifact = 0;
	bool found;

	TRY(index_next_pending_alt(f->r, &none, &alt, &found));
	ck_assert(found);
	TRY(index_each_pending(f->r, &alt, take_pending, &artifact));
	ck_assert_int_eq(artifact, 2);
	return NULL;
}

static struct error *op_complete(struct index_fixture *f)
{
	index_on_change(f->ix, on_change, NULL);
	return index_complete_sources(
		f->ix, &(struct index_sources_put) {
			       .artifact_id = 2,
			       .packed = (const uint8_t *)"pieces",
			       .packed_size = 6,
			       .sources = (const uint8_t *)"whole",
			       .sources_size = 5,
			       .source_count = 3 });
}

static struct error *op_points(struct index_fixture *f)
{
	CLEANUP(index_points_deinit) struct index_points points = { 0 };

	TRY(index_points(f->r, 1, 0, UINT64_MAX, &points));
	ck_assert_uint_eq(points.count, 3);
	return NULL;
}

static struct error *take_source(void *ctx, const struct index_source_place *p)
{
	*(int *)ctx += p->files_size > 0;
	return NULL;
}

static struct error *op_source_dirs(struct index_fixture *f)
{
	bool is_whole;
	int count = 0;

	TRY(index_each_source_dir(f->r, "/usr/src/a", SIZE_MAX, take_source,
				  &count, &is_whole));
	ck_assert_int_eq(count, 1);
	return NULL;
}

static struct error *take_known(void *ctx, const struct index_known *k)
{
	(void)k;
	++*(int *)ctx;
	return NULL;
}

static struct error *op_known(struct index_fixture *f)
{
	int count = 0;

	TRY(index_each_known(f->r, "/", take_known, &count));
	TRY(index_each_known(f->r, "/bin/b", take_known, &count));
	ck_assert_int_eq(count, 4);
	return NULL;
}

static struct error *take_ignored(void *ctx, const char *dir,
				  const uint64_t *prints, size_t count)
{
	(void)dir;
	(void)prints;
	*(int *)ctx += (int)count;
	return NULL;
}

static struct error *op_ignored(struct index_fixture *f)
{
	int count = 0;

	TRY(index_each_ignored(f->r, "/", take_ignored, &count));
	ck_assert_int_eq(count, 2);
	return NULL;
}

static bool take_failed(void *ctx, const char *path, const char *kind,
			const char *problem)
{
	(void)path;
	(void)kind;
	(void)problem;
	++*(int *)ctx;
	return true;
}

static struct error *op_failed(struct index_fixture *f)
{
	int count = 0;

	TRY(index_each_failed(f->r, take_failed, &count));
	ck_assert_int_eq(count, 1);
	return NULL;
}

static bool take_hit(void *ctx, const struct index_name_hit *hit)
{
	(void)hit;
	++*(int *)ctx;
	return true;
}

static struct error *op_search(struct index_fixture *f)
{
	int count = 0;
	bool complete;

	TRY(index_search_names(f->r, "/*/*", true, NULL, take_hit, &count,
			       &complete));
	ck_assert_int_eq(count, 5);
	return NULL;
}

static void take_id(void *ctx, const struct build_id *id)
{
	(void)id;
	++*(int *)ctx;
}

static struct error *op_ids(struct index_fixture *f)
{
	int count = 0;
	int64_t last;

	TRY(index_each_id(f->r, 0, 100, take_id, &count, &last));
	ck_assert_int_eq(count, 5);
	return NULL;
}

static struct error *op_stats(struct index_fixture *f)
{
	struct index_stats stats;
	uint32_t version;

	TRY(index_stats(f->r, &stats));
	ck_assert_uint_eq(stats.containers, 3);
	return index_data_version(f->r, &version);
}

/* What cannot be read is complained of. */
static void complaint_of_fault(void *ctx, const char *text)
{
	(void)ctx;
	ck_assert_msg(fault_vfs_happened(), "complaint: %s", text);
}

static struct error *op_check(struct index_fixture *f)
{
	size_t complaints;

	return index_check(f->r, complaint_of_fault, NULL, &complaints);
}

static struct error *op_open(struct index_fixture *f)
{
	CLEANUP_FREE char *notice = NULL;

	index_close(STEAL(f->ix));
	return index_open(f->dir, 0, &notice, &f->ix);
}

static struct error *op_open_read_only(struct index_fixture *f)
{
	index_close(STEAL(f->ix));
	return index_open(f->dir, INDEX_READ_ONLY, NULL, &f->ix);
}

static struct error *op_open_reader(struct index_fixture *f)
{
	index_reader_close(STEAL(f->r));
	return index_reader_open(f->dir, &f->r);
}

struct operation {
	const char *name;
	struct error *(*run)(struct index_fixture *f);
};

static const struct operation operations[] = {
	{ "put", op_put },
	{ "put new", op_put_new },
	{ "remove", op_remove },
	{ "ignore", op_ignore },
	{ "set root", op_set_root },
	{ "groom", op_groom },
	{ "maintain", op_maintain },
	{ "find", op_find },
	{ "find by key", op_find_by_key },
	{ "presence", op_presence },
	{ "sources", op_sources },
	{ "pending", op_pending },
	{ "complete", op_complete },
	{ "points", op_points },
	{ "source dirs", op_source_dirs },
	{ "known", op_known },
	{ "ignored", op_ignored },
	{ "failed", op_failed },
	{ "search", op_search },
	{ "ids", op_ids },
	{ "stats", op_stats },
	{ "check", op_check },
	{ "open", op_open },
	{ "open read-only", op_open_read_only },
	{ "open reader", op_open_reader },
};
enum { OPERATIONS = sizeof(operations) / sizeof(*operations) };

/* A filled index, made once and copied for each run. */
static struct index_fixture template;

static void template_make(void)
{
	index_fixture_open(&template);
	fill(template.ix);
	index_reader_close(STEAL(template.r));
	index_close(STEAL(template.ix));
}

static void template_copy(struct index_fixture *f)
{
	CLEANUP_CLOSE int from =
		open(index_fixture_path(&template, "index.sqlite"), O_RDONLY);
	static char bytes[1 << 20];
	ssize_t size = read(from, bytes, sizeof(bytes));

	index_fixture_dir(f);
	CLEANUP_CLOSE int to = open(index_fixture_path(f, "index.sqlite"),
				    O_WRONLY | O_CREAT, 0644);
	ck_assert_int_gt(size, 0);
	ck_assert_int_eq(write(to, bytes, (size_t)size), size);
	ck_no_error(index_open(f->dir, 0, NULL, &f->ix));
	ck_no_error(index_reader_open(f->dir, &f->r));
}

/* Whatever failed, a new connection finds all sound. */
static void expect_sound_after(struct index_fixture *f)
{
	index_reader_close(STEAL(f->r));
	ck_no_error(index_reader_open(f->dir, &f->r));
	ck_assert_uint_eq(index_test_complaints(f->r), 0);
}

/* ---- Memory ------------------------------------------------------------- */

/* @return False when no allocation was left to fail. */
static bool run_without_memory(const struct operation *op, unsigned long n)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	template_copy(&f);
	mem_fail_at(n);
	struct error *err = op->run(&f);
	bool happened = mem_fail_happened();
	mem_fail_at(0);
	if (err)
		ck_assert_msg(happened && error_kind(err) == ERROR_NO_MEMORY,
			      "%s, allocation %lu: %s", op->name, n,
			      error_message(err));
	error_free(err);
	expect_sound_after(&f);
	return happened;
}

START_TEST(no_memory_at_any_allocation_is_an_error_and_no_more)
{
	template_make();
	for (size_t i = 0; i < OPERATIONS; i++) {
		unsigned long n = 1;

		while (run_without_memory(&operations[i], n))
			n++;
		ck_assert_uint_lt(n, 200);
	}
	index_fixture_close(&template);
}
END_TEST

START_TEST(no_memory_while_setting_aside_loses_nothing)
{
	for (unsigned long n = 1;; n++) {
		CLEANUP_INDEX_FIXTURE struct index_fixture f;
		CLEANUP_FREE char *notice = NULL;

		index_fixture_dir(&f);
		const char *path = index_fixture_path(&f, "index.sqlite");
		CLEANUP_CLOSE int fd = open(path, O_CREAT | O_WRONLY, 0644);
		ck_assert_int_eq(write(fd, "garbage", 7), 7);
		mem_fail_at(n);
		struct error *err = index_open(f.dir, 0, &notice, &f.ix);
		bool happened = mem_fail_happened();
		mem_fail_at(0);
		if (err)
			ck_assert_int_eq(error_kind(err), ERROR_NO_MEMORY);
		else
			ck_assert_ptr_nonnull(notice);
		error_free(err);
		if (!happened)
			break;
		if (!f.ix)
			ck_no_error(index_open(f.dir, 0, NULL, &f.ix));
	}
}
END_TEST

/* ---- Disk --------------------------------------------------------------- */

static bool was_set_aside(const struct index_fixture *f)
{
	CLEANUP_FREE char *pattern = mem_printf("%s/*.damaged*", f->dir);
	glob_t found;

	ck_assert_ptr_nonnull(pattern);
	int rc = glob(pattern, 0, NULL, &found);
	globfree(&found);
	return rc != GLOB_NOMATCH;
}

static enum error_kind kind_of(enum fault_kind kind)
{
	return kind == FAULT_DISK_FULL   ? ERROR_NO_SPACE
	       : kind == FAULT_NO_MEMORY ? ERROR_NO_MEMORY
					 : ERROR_IO;
}

/* @return False when no operation on the disk was left to fail. */
static bool run_with_fault(const struct operation *op, enum fault_kind kind,
			   unsigned n)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	template_copy(&f);
	fault_vfs_set(kind, n);
	struct error *err = op->run(&f);
	bool happened = fault_vfs_happened();
	fault_vfs_set(FAULT_NONE, 0);
	if (err)
		ck_assert_msg(happened && error_kind(err) == kind_of(kind),
			      "%s, fault %u: %s", op->name, n,
			      error_message(err));
	if (err && kind == FAULT_DISK_FULL)
		ck_assert_msg(strstr(error_message(err), "disk full") != NULL,
			      "%s", error_message(err));
	if (err && op->run == op_put)
		ck_assert_uint_eq(version_of(f.r, 1), 1);
	error_free(err);
	ck_assert(!f.ix || kind == FAULT_DEVICE_ERROR ||
		  !index_needs_reopen(f.ix));
	ck_assert_msg(!was_set_aside(&f), "%s, fault %u", op->name, n);
	/* The disk has room again, and the writer goes on. */
	if (f.ix && op->run != op_open_read_only)
		ck_no_error(op_put_new(&f));
	expect_sound_after(&f);
	return happened;
}

static void run_all_with_fault(enum fault_kind kind)
{
	template_make();
	for (size_t i = 0; i < OPERATIONS; i++) {
		unsigned n = 1;

		while (run_with_fault(&operations[i], kind, n))
			n++;
		ck_assert_uint_lt(n, 500);
	}
	index_fixture_close(&template);
}

/* */
START_TEST(a_full_disk_at_any_write_is_an_error_and_no_more)
{
	fault_vfs_install();
	run_all_with_fault(FAULT_DISK_FULL);
}
END_TEST

START_TEST(a_read_error_anywhere_is_an_error_and_not_damage)
{
	fault_vfs_install();
	run_all_with_fault(FAULT_READ_ERROR);
}
END_TEST

/* SQLite calls this damage. R-30 */
START_TEST(a_device_that_cannot_be_read_is_an_error_and_not_damage)
{
	fault_vfs_install();
	run_all_with_fault(FAULT_DEVICE_ERROR);
}
END_TEST

/* SQLite's file tells of its last error for as long as it is open. R-30 */
START_TEST(behind_a_read_error_damage_is_told_by_a_new_connection)
{
	static const char noise[64 << 10] = { 1 };
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	fault_vfs_install();
	template_make();
	template_copy(&f);
	fault_vfs_set(FAULT_DEVICE_ERROR, 1);
	ck_error(op_search(&f), IO, "");
	ck_no_error(op_search(&f));
	sqlite3_db_release_memory(f.ix->db.handle);
	fault_vfs_set(FAULT_DEVICE_ERROR, 1);
	ck_error(op_put(&f), IO, "");
	ck_assert(index_needs_reopen(f.ix));
	ck_no_error(op_open(&f));
	ck_assert(!index_needs_reopen(f.ix) && !was_set_aside(&f));
	CLEANUP_CLOSE int fd =
		open(index_fixture_path(&f, "index.sqlite"), O_WRONLY);
	ck_assert_int_gt(pwrite(fd, noise, sizeof(noise), 4096), 0);
	sqlite3_db_release_memory(f.r->db.handle);
	ck_error(op_search(&f), DATABASE, "damaged");
	ck_assert(was_set_aside(&f));
	index_fixture_close(&template);
}
END_TEST

/* quick_check makes a complaint of it. R-30 */
START_TEST(a_page_that_memory_does_not_hold_is_an_error_and_not_damage)
{
	fault_vfs_install();
	run_all_with_fault(FAULT_NO_MEMORY);
}
END_TEST

START_TEST(a_failing_sync_loses_nothing)
{
	fault_vfs_install();
	run_all_with_fault(FAULT_SYNC_ERROR);
}
END_TEST

START_TEST(creating_on_a_full_disk_can_be_tried_again)
{
	fault_vfs_install();
	for (unsigned n = 1;; n++) {
		CLEANUP_INDEX_FIXTURE struct index_fixture f;
		CLEANUP_FREE char *notice = NULL;

		index_fixture_dir(&f);
		fault_vfs_set(FAULT_DISK_FULL, n);
		struct error *err = index_open(f.dir, 0, &notice, &f.ix);
		bool happened = fault_vfs_happened();
		fault_vfs_set(FAULT_NONE, 0);
		if (err)
			ck_error(err, NO_SPACE, "disk full");
		if (!f.ix)
			ck_no_error(index_open(f.dir, 0, &notice, &f.ix));
		ck_assert_ptr_null(notice);
		fill(f.ix);
		if (!happened)
			break;
		ck_assert_uint_lt(n, 500);
	}
}
END_TEST

/* The limit of the process instead of the disk's: the kernel's own errors. */
/* */
START_TEST(a_limit_on_file_size_reads_as_a_full_disk)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct rlimit limit, small;

	index_fixture_open(&f);
	fill(f.ix);
	ck_no_error(index_maintain(f.ix));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = 8192;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	struct error *err = op_put(&f);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_error(err, NO_SPACE, "disk full");
	ck_assert_uint_eq(version_of(f.r, 1), 1);
	ck_no_error(op_put(&f));
	ck_assert_uint_eq(version_of(f.r, 1), 2);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

/* */
START_TEST(no_descriptor_left_is_busy)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct rlimit limit, small;

	index_fixture_open(&f);
	fill(f.ix);
	index_reader_close(STEAL(f.r));
	getrlimit(RLIMIT_NOFILE, &limit);
	small = limit;
	CLEANUP_CLOSE int next = dup(0);
	unsigned refused = 0;
	/* The database's own, then its log's and its shared memory's. */
	for (int spare = 0; spare < 3; spare++) {
		small.rlim_cur = (rlim_t)(next + 1 + spare);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &small), 0);
		struct error *err = index_reader_open(f.dir, &f.r);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		refused += err != NULL;
		if (err)
			ck_error(err, BUSY, "Too many open files");
		index_reader_close(STEAL(f.r));
	}
	ck_assert_uint_ge(refused, 1);
	ck_no_error(index_reader_open(f.dir, &f.r));
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

/* */
START_TEST(another_process_that_writes_for_too_long_is_busy)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	sqlite3 *other;

	index_fixture_open(&f);
	fill(f.ix);
	ck_assert_int_eq(
		sqlite3_open(index_fixture_path(&f, "index.sqlite"), &other),
		0);
	ck_assert_int_eq(
		sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), 0);
	sqlite3_busy_timeout(f.ix->db.handle, 20);
	ck_error(op_put(&f), BUSY, "in use by another process");
	ck_no_error(op_find(&f));
	sqlite3_close(other);
	ck_no_error(op_put(&f));
}
END_TEST

/* ---- kill -9 ------------------------------------------------------------ */

enum { KILLS = 20, PAIRS = 10, MEMBERS = 6 };

/* Two containers in one transaction, all in one version. */
static struct error *put_pair(struct index *ix, unsigned pair, unsigned version)
{
	struct index_test_container t[2];
	char paths[2][32];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/srv/%u/%u.deb", pair, i);
		index_test_archive(&t[i], paths[i], (2 * pair + i) * MEMBERS,
				   MEMBERS, version);
	}
	const struct index_container both[] = { t[0].c, t[1].c };
	return index_put_containers(ix, both, 2);
}

/* In memory shared with the child: the last version it was told is there. */
static atomic_uint *committed;

/* Says so on @p ready when it has written something. */
static void write_for_ever(const char *dir, int ready)
{
	struct index_groom_counts counts = { 0 };
	unsigned version = atomic_load(committed);
	struct index *ix;
	char path[32];
	bool done;

	if (index_open(dir, 0, NULL, &ix))
		_exit(1);
	for (unsigned i = 0;; i++) {
		struct error *err = put_pair(ix, i % PAIRS, ++version);
		if (!err)
			atomic_store(committed, version);
		error_free(err);
		if (i == 0 && write(ready, "", 1) != 1)
			_exit(1);
		snprintf(path, sizeof(path), "/srv/%u/0.deb", (i + 3) % PAIRS);
		if (i % 7 == 0)
			error_free(index_remove_container(ix, path));
		if (i % 11 == 0)
			error_free(index_groom_slice(ix, 5, &counts, &done));
		if (i % 50 == 49)
			error_free(index_maintain(ix));
	}
}

static pid_t start_writer(struct index_fixture *f, int *ready)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (!child)
		write_for_ever(f->dir, ends[1]);
	close(ends[1]);
	*ready = ends[0];
	return child;
}

/* All of a container is there, or nothing of it. */
static uint64_t container_version(struct index_reader *r, unsigned number)
{
	uint64_t version = version_of(r, number * MEMBERS);

	for (unsigned i = 1; i < MEMBERS; i++)
		ck_assert_uint_eq(version_of(r, number * MEMBERS + i), version);
	return version;
}

static uint64_t expect_whole(struct index_reader *r)
{
	uint64_t latest = 0;

	for (unsigned pair = 0; pair < PAIRS; pair++) {
		uint64_t removable = container_version(r, 2 * pair);
		uint64_t version = container_version(r, 2 * pair + 1);

		ck_assert(removable == 0 || removable == version);
		latest = version > latest ? version : latest;
	}
	return latest;
}

/* */
START_TEST(kill_9_leaves_every_container_whole)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	uint64_t latest = 0;
	unsigned seed = 12345;

	committed = mmap(NULL, sizeof(*committed), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(committed, MAP_FAILED);
	index_fixture_open(&f);
	index_reader_close(STEAL(f.r));
	index_close(STEAL(f.ix));
	for (int round = 0; round < KILLS; round++) {
		CLEANUP_CLOSE int ready = -1;
		pid_t child = start_writer(&f, &ready);

		seed = seed * 1103515245 + 12345;
		/* One in four before it has come to write. */
		if (round % 4)
			ck_assert_int_eq(read(ready, &(char) { 0 }, 1), 1);
		usleep(seed / 65536 % 20000);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		/* The reader alone recovers what the log holds. */
		ck_no_error(index_reader_open(f.dir, &f.r));
		ck_assert_uint_eq(index_test_complaints(f.r), 0);
		latest = expect_whole(f.r);
		ck_assert_uint_ge(latest, atomic_load(committed));
		atomic_store(committed, (unsigned)latest);
		index_reader_close(STEAL(f.r));
	}
	ck_assert_uint_gt(latest, KILLS);
	CLEANUP_FREE char *notice = NULL;
	ck_no_error(index_open(f.dir, 0, &notice, &f.ix));
	ck_assert_ptr_null(notice);
}
END_TEST

/* ---- Threads ------------------------------------------------------------ */

enum { READERS = 3, WRITES = 150, SAME = 8 };

struct crowd {
	const char *dir;
	struct index *ix;
	atomic_bool stop;
	atomic_uint announced;
};

/* An archive with one build ID eight times: a search for it must find eight
 * places of one version. */
static struct error *put_same(struct index *ix, unsigned n, unsigned version)
{
	struct index_test_container t;
	char path[32];

	snprintf(path, sizeof(path), "/same/%u.deb", n);
	index_test_archive(&t, path, 1000 + n, SAME, version);
	for (unsigned i = 1; i < SAME; i++)
		t.artifacts[i].id = t.artifacts[0].id;
	return index_test_put(ix, &t);
}

static void *read_all_the_time(void *ctx)
{
	struct crowd *crowd = ctx;
	struct index_reader *r;
	struct index_places places;
	struct index_stats stats;
	unsigned rounds = 0;
	int known = 0;

	ck_no_error(index_reader_open(crowd->dir, &r));
	for (; !atomic_load(&crowd->stop) || rounds < 10; rounds++) {
		struct build_id id = index_test_id(1000 + rounds % 4);

		ck_no_error(index_find(r, &id, ANY, &places));
		ck_assert(places.count == 0 || places.count == SAME);
		for (size_t i = 1; i < places.count; i++)
			ck_assert_uint_eq(places.v[i].size, places.v[0].size);
		index_places_deinit(&places);
		ck_no_error(index_stats(r, &stats));
		if (rounds % 16 == 0)
			ck_no_error(
				index_each_known(r, "/", take_known, &known));
	}
	index_reader_close(r);
	return NULL;
}

static void count_announced(void *ctx, const struct build_id *id)
{
	struct crowd *crowd = ctx;

	(void)id;
	atomic_fetch_add(&crowd->announced, 1);
}

static void *groom_all_the_time(void *ctx)
{
	struct crowd *crowd = ctx;
	struct index_groom_counts counts = { 0 };
	bool done;

	while (!atomic_load(&crowd->stop)) {
		ck_no_error(index_remove_container(crowd->ix, "/same/3.deb"));
		ck_no_error(index_groom_slice(crowd->ix, 3, &counts, &done));
		ck_no_error(index_maintain(crowd->ix));
		ck_assert(!index_needs_reopen(crowd->ix));
	}
	return NULL;
}

/* */
START_TEST(readers_see_whole_containers_while_others_write)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	pthread_t threads[READERS + 1];

	index_fixture_open(&f);
	struct crowd crowd = { .dir = f.dir, .ix = f.ix };
	index_on_change(f.ix, count_announced, &crowd);
	for (int i = 0; i <= READERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						i ? read_all_the_time
						  : groom_all_the_time,
						&crowd),
				 0);
	for (unsigned i = 0; i < WRITES; i++)
		ck_no_error(put_same(f.ix, i % 4, i + 1));
	atomic_store(&crowd.stop, true);
	for (int i = 0; i <= READERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_ge(atomic_load(&crowd.announced), WRITES);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

struct watcher {
	const char *dir;
	atomic_bool stop;
};

static void *find_all_the_time(void *ctx)
{
	struct watcher *w = ctx;
	struct index_reader *r;

	ck_no_error(index_reader_open(w->dir, &r));
	while (!atomic_load(&w->stop))
		version_of(r, 1);
	index_reader_close(r);
	return NULL;
}

/* 160 MiB go through the log; it is moved into the database every 16. */
/* */
START_TEST(the_log_stays_short_under_steady_readers)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct index_test_container t;
	struct index_stats stats;
	pthread_t threads[READERS];
	uint64_t most = 0;

	index_fixture_open(&f);
	struct watcher w = { .dir = f.dir };
	CLEANUP_FREE uint8_t *sources = mem_zalloc(1 << 20);
	ck_assert_ptr_nonnull(sources);
	for (int i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						find_all_the_time, &w),
				 0);
	for (unsigned i = 0; i < 160; i++) {
		index_test_archive(&t, "/srv/a.deb", 1, 1, i + 1);
		t.artifacts[0].sources = sources;
		t.artifacts[0].sources_size = 1 << 20;
		ck_no_error(index_test_put(f.ix, &t));
		ck_no_error(index_stats(f.r, &stats));
		most = stats.wal_bytes > most ? stats.wal_bytes : most;
	}
	atomic_store(&w.stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_lt(most, 40 << 20);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

UNIT_MAIN("index_faults", no_memory_at_any_allocation_is_an_error_and_no_more,
	  no_memory_while_setting_aside_loses_nothing,
	  a_full_disk_at_any_write_is_an_error_and_no_more,
	  a_read_error_anywhere_is_an_error_and_not_damage,
	  a_device_that_cannot_be_read_is_an_error_and_not_damage,
	  behind_a_read_error_damage_is_told_by_a_new_connection,
	  a_page_that_memory_does_not_hold_is_an_error_and_not_damage,
	  a_failing_sync_loses_nothing,
	  creating_on_a_full_disk_can_be_tried_again,
	  a_limit_on_file_size_reads_as_a_full_disk, no_descriptor_left_is_busy,
	  another_process_that_writes_for_too_long_is_busy,
	  kill_9_leaves_every_container_whole,
	  readers_see_whole_containers_while_others_write,
	  the_log_stays_short_under_steady_readers)

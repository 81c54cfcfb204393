/* SPDX-License-Identifier: Apache-2.0 */
/* The index as a file: schema, versions, damage, places that are read-only. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "index/index_private.h"
#include "index/migrate.h"
#include "tests/lib/index_fixture.h"
#include "tests/unit/unit.h"

/* ---- Databases opened by hand ------------------------------------------- */

static void close_raw(sqlite3 **handle)
{
	sqlite3_close(*handle);
}

static sqlite3 *open_raw(const char *path)
{
	sqlite3 *handle;

	ck_assert_int_eq(sqlite3_open(path, &handle), SQLITE_OK);
	return handle;
}

static void run_raw(sqlite3 *handle, const char *sql)
{
	char *text = NULL;

	ck_assert_msg(!sqlite3_exec(handle, sql, NULL, NULL, &text), "%s: %s",
		      sql, text);
}

/* A database file with this SQL run in it. */
static void make_database(const char *path, const char *sql)
{
	CLEANUP(close_raw) sqlite3 *handle = open_raw(path);

	run_raw(handle, sql);
}

static int append_rows(void *ctx, int count, char **values, char **names)
{
	(void)names;
	for (int i = 0; i < count; i++)
		buf_printf(ctx, "%s%s", i ? "|" : "",
			   values[i] ? values[i] : "");
	buf_append_str(ctx, "\n");
	return 0;
}

/* All rows of a query as text. */
static char *rows_of(sqlite3 *handle, const char *sql)
{
	struct buf out = BUF_INIT;

	ck_assert_int_eq(sqlite3_exec(handle, sql, append_rows, &out, NULL), 0);
	char *text = buf_steal_str(&out);
	ck_assert_ptr_nonnull(text);
	return text;
}

/* ---- The directory ------------------------------------------------------ */

/* How many databases there begin with @p prefix. */
static unsigned count_files(const struct index_fixture *f, const char *prefix)
{
	CLEANUP_CLOSEDIR DIR *dir = opendir(f->dir);
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	for (struct dirent *e; (e = readdir(dir));)
		count += !strncmp(e->d_name, prefix, strlen(prefix)) &&
			 !path_has_suffix(e->d_name, "-wal") &&
			 !path_has_suffix(e->d_name, "-shm");
	return count;
}

static void write_file(const char *path, const void *data, size_t size,
		       off_t at)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, data, size, at), (ssize_t)size);
}

static off_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

static void fill(struct index *ix, unsigned count)
{
	struct index_test_container t;
	char path[64];

	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/srv/%u/a.deb", i);
		index_test_archive(&t, path, 4 * i, 4, 1);
		ck_no_error(index_test_put(ix, &t));
	}
}

static size_t places_of(struct index_reader *r, unsigned n)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	struct build_id id = index_test_id(n);

	ck_no_error(index_find(r, &id, UINT32_MAX, &places));
	return places.count;
}

/* A closed index with @p count archives. */
static void make_index(struct index_fixture *f, unsigned count)
{
	index_fixture_dir(f);
	ck_no_error(index_open(f->dir, 0, NULL, &f->ix));
	fill(f->ix, count);
	index_close(STEAL(f->ix));
}

/* Opens; a new index was begun and the old one set aside, for @p reason. */
static void expect_set_aside(struct index_fixture *f, const char *reason)
{
	CLEANUP_FREE char *notice = NULL;
	struct index_stats stats;

	ck_no_error(index_open(f->dir, 0, &notice, &f->ix));
	ck_assert_ptr_nonnull(notice);
	ck_assert_msg(strstr(notice, reason) != NULL, "'%s' not in: %s", reason,
		      notice);
	ck_assert_ptr_nonnull(strstr(notice, "set aside as index.sqlite."));
	ck_assert_uint_eq(count_files(f, "index.sqlite.damaged-"), 1);
	ck_assert_int_ne(
		access(index_fixture_path(f, "index.sqlite.damaged"), F_OK), 0);
	ck_no_error(index_reader_open(f->dir, &f->r));
	ck_no_error(index_stats(f->r, &stats));
	ck_assert_uint_eq(stats.containers, 0);
	fill(f->ix, 1);
	ck_assert_uint_eq(places_of(f->r, 0), 1);
	ck_assert(!index_needs_reopen(f->ix));
}

/* ---- Schema ------------------------------------------------------------- */

/* Without comments, and with white space of any length as one space. */
static char *normal_form(const char *sql)
{
	struct buf out = BUF_INIT;

	for (const char *p = sql; *p; p++) {
		if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\n");
		if (!strchr(" \t\n", *p))
			buf_append_byte(&out, (uint8_t)*p);
		else if (out.size && out.data[out.size - 1] != ' ')
			buf_append_byte(&out, ' ');
		if (!*p)
			break;
	}
	char *text = buf_steal_str(&out);
	ck_assert_ptr_nonnull(text);
	return text;
}

static char *schema_of(sqlite3 *handle)
{
	CLEANUP_FREE char *rows =
		rows_of(handle, "SELECT type, name, tbl_name, sql"
				" FROM sqlite_schema ORDER BY type, name");

	return normal_form(rows);
}

START_TEST(a_fresh_index_is_what_current_sql_says)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	CLEANUP_FREE char *sql = NULL;
	const char *top = getenv("top_srcdir");

	make_index(&f, 0);
	CLEANUP_FREE char *path =
		mem_printf("%s/schema/index/current.sql", top ? top : ".");
	ck_no_error(file_read_text(path, 1 << 20, &sql));
	make_database(index_fixture_path(&f, "expected"), sql);
	CLEANUP(close_raw)
	sqlite3 *expected = open_raw(index_fixture_path(&f, "expected"));
	CLEANUP(close_raw)
	sqlite3 *made = open_raw(index_fixture_path(&f, "index.sqlite"));
	CLEANUP_FREE char *a = schema_of(expected);
	CLEANUP_FREE char *b = schema_of(made);
	ck_assert_str_eq(a, b);
	CLEANUP_FREE char *id = rows_of(made, "PRAGMA application_id");
	ck_assert_int_eq(atoll(id), INDEX_APPLICATION_ID);
	CLEANUP_FREE char *version = rows_of(made, "PRAGMA user_version");
	ck_assert_int_eq(atoi(version), migration_count);
	CLEANUP_FREE char *modes =
		rows_of(made, "SELECT journal_mode, auto_vacuum FROM"
			      " pragma_journal_mode, pragma_auto_vacuum");
	ck_assert_str_eq(modes, "wal|2\n");
}
END_TEST

START_TEST(a_database_of_every_past_version_opens)
{
	for (int version = 0; version <= migration_count; version++) {
		CLEANUP_INDEX_FIXTURE struct index_fixture f;
		CLEANUP(db_close) struct db db = { 0 };
		CLEANUP_FREE char *notice = NULL;
		struct index_stats stats;

		index_fixture_dir(&f);
		ck_no_error(db_open(&db, index_fixture_path(&f, "index.sqlite"),
				    DB_WRITE));
		ck_no_error(db_configure(&db));
		ck_no_error(migrate_run(&db, version));
		db_close(&db);
		ck_no_error(index_open(f.dir, 0, &notice, &f.ix));
		ck_assert_ptr_null(notice);
		fill(f.ix, 1);
		ck_no_error(index_reader_open(f.dir, &f.r));
		ck_no_error(index_stats(f.r, &stats));
		ck_assert_int_eq(stats.schema_version, migration_count);
		ck_assert_uint_eq(stats.containers, 1);
	}
}
END_TEST

START_TEST(opening_again_keeps_everything)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	CLEANUP_FREE char *notice = NULL;
	uint64_t secret = 0;

	make_index(&f, 3);
	for (int i = 0; i < 3; i++) {
		ck_no_error(index_open(f.dir, 0, &notice, &f.ix));
		ck_assert_ptr_null(notice);
		if (i)
			ck_assert_uint_eq(index_secret(f.ix), secret);
		secret = index_secret(f.ix);
		index_close(STEAL(f.ix));
	}
	ck_no_error(index_reader_open(f.dir, &f.r));
	ck_assert_uint_eq(places_of(f.r, 11), 1);
	CLEANUP_INDEX_FIXTURE struct index_fixture other;
	index_fixture_open(&other);
	ck_assert_uint_ne(index_secret(other.ix), secret);
}
END_TEST

static bool is_scan_allowed(const char *name)
{
	return strstr(name, "_SCAN") != NULL;
}

static bool keeps_the_best(const char *name)
{
	return strstr(name, "_BEST") != NULL;
}

/* What is walked is their rows, not a table. */
static void hide_subqueries(char *plan)
{
	static const char *const walks[] = { "SCAN (subquery", "SCAN SUBQUERY",
					     "SCAN best" };

	for (size_t i = 0; i < sizeof(walks) / sizeof(*walks); i++) {
		char *at;

		while ((at = strstr(plan, walks[i])))
			memset(at, '-', 4);
	}
}

START_TEST(no_statement_sorts_or_walks_a_table_that_it_need_not)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	CLEANUP_BUF struct buf sql = BUF_INIT;

	make_index(&f, 1);
	CLEANUP(close_raw)
	sqlite3 *handle = open_raw(index_fixture_path(&f, "index.sqlite"));
	for (size_t i = 0; i < SQL_STATEMENTS; i++) {
		buf_clear(&sql);
		buf_printf(&sql, "EXPLAIN QUERY PLAN %s",
			   sql_statements[i].text);
		if (!strncmp(sql_statements[i].text, "PRAGMA", 6))
			continue;
		CLEANUP_FREE char *plan = rows_of(handle, buf_str(&sql));
		if (keeps_the_best(sql_statements[i].name))
			hide_subqueries(plan);
		else
			ck_assert_msg(!strstr(plan, "TEMP B-TREE"), "%s: %s",
				      sql_statements[i].name, plan);
		ck_assert_msg(!strstr(plan, "AUTOMATIC"), "%s: %s",
			      sql_statements[i].name, plan);
		if (!is_scan_allowed(sql_statements[i].name))
			ck_assert_msg(!strstr(plan, "SCAN"), "%s: %s",
				      sql_statements[i].name, plan);
	}
}
END_TEST

/* ---- Versions and owners ------------------------------------------------ */

START_TEST(an_index_of_a_newer_program_is_refused_and_untouched)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	CLEANUP_FREE char *before = NULL, *after = NULL;
	struct stat st, now;

	make_index(&f, 2);
	const char *path = index_fixture_path(&f, "index.sqlite");
	make_database(path, "PRAGMA user_version = 99");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_no_error(file_read_text(path, 1 << 20, &before));
	ck_error(index_open(f.dir, 0, NULL, &f.ix), DATABASE,
		 "has schema 99, this program knows up to");
	ck_error(index_reader_open(f.dir, &f.r), DATABASE, "has schema 99");
	ck_error(index_open(f.dir, INDEX_READ_ONLY, NULL, &f.ix), DATABASE,
		 "has schema 99");
	ck_no_error(file_read_text(path, 1 << 20, &after));
	ck_assert_int_eq(stat(path, &now), 0);
	ck_assert_int_eq(st.st_size, now.st_size);
	ck_assert_mem_eq(before, after, (size_t)st.st_size);
	ck_assert_uint_eq(count_files(&f, "index.sqlite.damaged"), 0);
}
END_TEST

START_TEST(a_migration_under_a_running_writer_stops_it)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct index_test_container t;

	index_fixture_open(&f);
	make_database(index_fixture_path(&f, "index.sqlite"),
		      "PRAGMA user_version = 99");
	index_test_file(&t, "/a", 1, 1);
	ck_error(index_test_put(f.ix, &t), DATABASE, "newer program");
}
END_TEST

/* */
START_TEST(a_file_that_is_no_database_is_set_aside)
{
	static char garbage[10000];
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	CLEANUP_FREE char *kept = NULL;

	index_fixture_dir(&f);
	memset(garbage, 'x', sizeof(garbage) - 1);
	write_file(index_fixture_path(&f, "index.sqlite"), garbage,
		   sizeof(garbage), 0);
	write_file(index_fixture_path(&f, "index.sqlite-wal"), "wal", 3, 0);
	expect_set_aside(&f, "file is not a database");
}
END_TEST

START_TEST(what_is_set_aside_is_kept_byte_for_byte)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FREE char *name = NULL;

	index_fixture_dir(&f);
	write_file(index_fixture_path(&f, "index.sqlite"), "not one", 7, 0);
	ck_no_error(index_open(f.dir, 0, &name, &f.ix));
	const char *aside = strstr(name, "index.sqlite.damaged-");
	ck_assert_ptr_nonnull(aside);
	*strchr(aside, ',') = '\0';
	ck_no_error(file_read_text(index_fixture_path(&f, aside), 4096, &text));
	ck_assert_str_eq(text, "not one");
}
END_TEST

START_TEST(nothing_that_was_set_aside_is_overwritten)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	index_fixture_dir(&f);
	for (unsigned i = 1; i <= 3; i++) {
		write_file(index_fixture_path(&f, "index.sqlite"), "not one", 7,
			   0);
		ck_no_error(index_open(f.dir, 0, NULL, &f.ix));
		index_close(STEAL(f.ix));
		ck_assert_uint_eq(count_files(&f, "index.sqlite.damaged-"), i);
	}
}
END_TEST

/* */
START_TEST(another_programs_database_is_set_aside)
{
	static const char *const others[] = {
		"CREATE TABLE t (x)",
		"PRAGMA application_id = 7; CREATE TABLE t (x)",
		"PRAGMA user_version = 3",
		"PRAGMA application_id = 1398361417",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		CLEANUP_INDEX_FIXTURE struct index_fixture f;

		index_fixture_dir(&f);
		make_database(index_fixture_path(&f, "index.sqlite"),
			      others[i]);
		ck_error(index_reader_open(f.dir, &f.r), DATABASE,
			 "not an index of this program");
		expect_set_aside(&f, "not an index of this program");
	}
}
END_TEST

START_TEST(an_index_without_one_of_its_tables_is_set_aside)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	make_index(&f, 1);
	make_database(index_fixture_path(&f, "index.sqlite"),
		      "PRAGMA foreign_keys = OFF; DROP TABLE source_dir");
	expect_set_aside(&f, "no such table");
}
END_TEST

START_TEST(an_index_without_its_secret_is_set_aside)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	make_index(&f, 1);
	make_database(index_fixture_path(&f, "index.sqlite"),
		      "DELETE FROM meta");
	expect_set_aside(&f, "table meta is empty");
}
END_TEST

START_TEST(a_creation_that_was_interrupted_is_finished)
{
	static const char *const stages[] = {
		NULL, /* an empty file */
		"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL",
	};

	for (size_t i = 0; i < 2; i++) {
		CLEANUP_INDEX_FIXTURE struct index_fixture f;
		CLEANUP_FREE char *notice = NULL;

		index_fixture_dir(&f);
		if (stages[i])
			make_database(index_fixture_path(&f, "index.sqlite"),
				      stages[i]);
		else
			write_file(index_fixture_path(&f, "index.sqlite"), "",
				   0, 0);
		ck_error(index_reader_open(f.dir, &f.r), DATABASE,
			 "no index yet");
		ck_no_error(index_open(f.dir, 0, &notice, &f.ix));
		ck_assert_ptr_null(notice);
		fill(f.ix, 1);
	}
}
END_TEST

/* ---- Damage ------------------------------------------------------------- */

START_TEST(a_truncated_index_is_set_aside)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	make_index(&f, 50);
	const char *path = index_fixture_path(&f, "index.sqlite");
	ck_assert_int_eq(truncate(path, file_size(path) / 2), 0);
	expect_set_aside(&f, "damaged");
}
END_TEST

/* One page at a time, the header's page and pointer pages among them: nobody
 * crashes, and what opens as sound is readable. */
START_TEST(an_index_with_a_page_overwritten_is_set_aside)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	static uint8_t garbage[4096], page[4096];
	unsigned aside = 0, pages = 0;

	make_index(&f, 12);
	CLEANUP_FREE char *path =
		mem_strdup(index_fixture_path(&f, "index.sqlite"));
	for (off_t at = 0; at < file_size(path); at += 4096, pages++) {
		CLEANUP_FREE char *notice = NULL;
		CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

		ck_assert_int_eq(pread(fd, page, 4096, at), 4096);
		memset(garbage, 0xa5 ^ (int)pages, sizeof(garbage));
		write_file(path, garbage, 4096, at);
		ck_no_error(index_open(f.dir, 0, &notice, &f.ix));
		index_close(STEAL(f.ix));
		if (!notice)
			continue;
		/* Undo it, for the next page's turn. */
		aside++;
		char *name = strstr(notice, "index.sqlite.damaged-");
		*strchr(name, ',') = '\0';
		ck_assert_int_eq(rename(index_fixture_path(&f, name), path), 0);
		unlink(index_fixture_path(&f, "index.sqlite-wal"));
		unlink(index_fixture_path(&f, "index.sqlite-shm"));
		write_file(path, page, 4096, at);
	}
	ck_assert_uint_gt(pages, 20);
	/* A page of an overflow chain or the free list holds any bytes. */
	ck_assert_uint_ge(aside + 1, pages);
}
END_TEST

START_TEST(the_check_at_opening_ends_when_its_time_is_up)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	CLEANUP_FREE char *notice = NULL;

	make_index(&f, 500);
	open_check_ms = 0;
	ck_no_error(index_open(f.dir, 0, &notice, &f.ix));
	ck_assert_ptr_null(notice);
	fill(f.ix, 1);
}
END_TEST

static void ignore_id(void *ctx, const struct build_id *id)
{
	(void)ctx;
	(void)id;
}

static bool ignore_hit(void *ctx, const struct index_name_hit *hit)
{
	(void)ctx;
	(void)hit;
	return true;
}

/* Rows that SQLite has no objection to. */
static struct error *segments_of(struct index_reader *r,
				 const struct build_id *id)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	CLEANUP_INDEX_SEGMENTS struct index_segments s = { 0 };

	ck_no_error(index_find(r, id, UINT32_MAX, &places));
	ck_assert_uint_eq(places.count, 1);
	struct error *err = index_segments(r, places.v[0].artifact_id, &s);

	ck_assert(!err || !s.count);
	return err;
}

START_TEST(a_row_that_makes_no_sense_is_damage)
{
	static const char *const damages[] = {
		"UPDATE artifact SET segments = x'7f'",
		"UPDATE artifact SET segments = x'01ffffffffff'",
		"UPDATE artifact SET alt_id = x'00'",
		("PRAGMA ignore_check_constraints = ON;"
		 "UPDATE build_id SET bytes = x'00' WHERE id = 1"),
	};
	struct build_id id = index_test_id(0);

	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		CLEANUP_INDEX_FIXTURE struct index_fixture f;
		struct index_places places;
		bool complete;
		int64_t last;

		index_fixture_open(&f);
		fill(f.ix, 1);
		make_database(index_fixture_path(&f, "index.sqlite"),
			      damages[i]);
		if (i < 2) {
			ck_error(segments_of(f.r, &id), DATABASE, "damaged");
		} else if (i < 3) {
			ck_error(index_find(f.r, &id, UINT32_MAX, &places),
				 DATABASE, "damaged");
			ck_assert_uint_eq(places.count, 0);
		} else {
			ck_error(index_each_id(f.r, 0, 9, ignore_id, NULL,
					       &last),
				 DATABASE, "damaged");
			ck_error(index_search_names(f.r, "/m/0", false, NULL,
						    ignore_hit, NULL,
						    &complete),
				 DATABASE, "damaged");
		}
		ck_assert(index_needs_reopen(f.ix));
		ck_assert(index_reader_needs_reopen(f.r));
	}
}
END_TEST

static void damage_all_but_first(const char *path)
{
	static uint8_t garbage[4096];

	memset(garbage, 0xff, sizeof(garbage));
	for (off_t at = 4096; at < file_size(path); at += 4096)
		write_file(path, garbage, sizeof(garbage), at);
}

/* */
START_TEST(damage_met_by_a_reader_is_remembered_for_the_next_open)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct index_places places;
	struct build_id id = index_test_id(1);

	index_fixture_open(&f);
	fill(f.ix, 200);
	ck_no_error(index_maintain(f.ix));
	damage_all_but_first(index_fixture_path(&f, "index.sqlite"));
	index_reader_close(STEAL(f.r));
	ck_assert(!index_needs_reopen(f.ix));
	/* The damaged schema stops most readers; one that had read it before
	 * meets the damage in a search. */
	struct error *err = index_reader_open(f.dir, &f.r);
	if (!err)
		err = index_find(f.r, &id, UINT32_MAX, &places);
	ck_error(err, DATABASE, "damaged");
	index_reader_close(STEAL(f.r));
	ck_assert(index_needs_reopen(f.ix));
	index_close(STEAL(f.ix));
	expect_set_aside(&f, "damage was met while it was in use");
}
END_TEST

START_TEST(damage_met_by_the_writer_is_an_error_and_asks_for_another_open)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct index_test_container t;

	make_index(&f, 300);
	ck_no_error(index_open(f.dir, 0, NULL, &f.ix));
	/* The writer's cache was filled by its check: make it read again. */
	sqlite3_db_release_memory(f.ix->db.handle);
	damage_all_but_first(index_fixture_path(&f, "index.sqlite"));
	index_test_archive(&t, "/srv/5/a.deb", 20, 4, 2);
	ck_error(index_test_put(f.ix, &t), DATABASE, "damaged");
	ck_assert(index_needs_reopen(f.ix));
	index_close(STEAL(f.ix));
	expect_set_aside(&f, "damage was met while it was in use");
}
END_TEST

START_TEST(readers_of_an_index_that_was_set_aside_go_on)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct index_reader *old;

	index_fixture_open(&f);
	fill(f.ix, 3);
	index_close(STEAL(f.ix));
	old = STEAL(f.r);
	ck_assert_uint_eq(places_of(old, 8), 1);
	ck_assert(!index_reader_needs_reopen(old));
	write_file(index_fixture_path(&f, "index.sqlite.damaged"), "", 0, 0);
	expect_set_aside(&f, "damage was met while it was in use");
	ck_assert(index_reader_needs_reopen(old));
	ck_assert(!index_reader_needs_reopen(f.r));
	ck_assert_uint_eq(places_of(old, 8), 1);
	ck_assert_uint_eq(places_of(f.r, 8), 0);
	/* Its end does no harm to the new one's log. */
	index_reader_close(old);
	fill(f.ix, 2);
	ck_assert_uint_eq(places_of(f.r, 7), 1);
}
END_TEST

START_TEST(a_writer_whose_file_was_removed_says_so)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct index_test_container t;

	index_fixture_open(&f);
	fill(f.ix, 1);
	ck_assert(!index_needs_reopen(f.ix));
	ck_assert_int_eq(unlink(index_fixture_path(&f, "index.sqlite")), 0);
	ck_assert(index_needs_reopen(f.ix));
	ck_assert(index_reader_needs_reopen(f.r));
	index_test_file(&t, "/a", 1, 1);
	ck_error(index_test_put(f.ix, &t), DATABASE, "moved or removed");
}
END_TEST

/* ---- Places that are read-only ------------------------------------------ */

START_TEST(without_an_index_there_is_nothing_to_read)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	index_fixture_dir(&f);
	ck_error(index_reader_open(f.dir, &f.r), DATABASE, "no index yet");
	ck_error(index_open(f.dir, INDEX_READ_ONLY, NULL, &f.ix), DATABASE,
		 "no index yet");
	ck_assert_uint_eq(count_files(&f, "index"), 0);
	ck_error(index_reader_open("/nowhere/at/all", &f.r), DATABASE,
		 "no index yet");
	ck_error(index_open("/nowhere/at/all", INDEX_READ_ONLY, NULL, &f.ix),
		 IO, "/nowhere/at/all");
}
END_TEST

/* As somebody who may look at the directory but not write there. */
static void become_nobody(void)
{
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
}

static void become_root(void)
{
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}

START_TEST(a_closed_index_is_one_file_whoever_still_reads_it)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct stat st;

	make_index(&f, 1);
	ck_assert_uint_eq(count_files(&f, "index"), 1);
	ck_no_error(index_open(f.dir, 0, NULL, &f.ix));
	ck_no_error(index_reader_open(f.dir, &f.r));
	fill(f.ix, 2);
	ck_assert_int_eq(stat(index_fixture_path(&f, "index.sqlite-wal"), &st),
			 0);
	ck_assert_int_gt(st.st_size, 0);
	index_close(STEAL(f.ix));
	ck_assert_int_eq(stat(index_fixture_path(&f, "index.sqlite-wal"), &st),
			 0);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_uint_eq(places_of(f.r, 4), 1);
	index_reader_close(STEAL(f.r));
	/* The last to close being the writer, there is no log at all. */
	ck_no_error(index_open(f.dir, 0, NULL, &f.ix));
	fill(f.ix, 3);
	index_close(STEAL(f.ix));
	ck_assert_uint_eq(count_files(&f, "index"), 1);
}
END_TEST

START_TEST(it_is_known_whether_an_index_may_be_written)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	CLEANUP_FREE char *by_file = NULL;

	index_fixture_dir(&f);
	ck_assert(index_is_writable(f.dir));
	index_fixture_close(&f);
	make_index(&f, 1);
	by_file = mem_printf("file:%s/index.sqlite", f.dir);
	ck_assert_int_eq(chmod(f.dir, 0777), 0);
	ck_assert_int_eq(chmod(by_file + 5, 0666), 0);
	become_nobody();
	ck_assert(index_is_writable(f.dir));
	ck_assert(index_is_writable(by_file));
	become_root();
	ck_assert_int_eq(chmod(by_file + 5, 0444), 0);
	become_nobody();
	ck_assert(!index_is_writable(f.dir));
	ck_assert(!index_is_writable(by_file));
	become_root();
	ck_assert_int_eq(chmod(by_file + 5, 0666), 0);
	ck_assert_int_eq(chmod(f.dir, 0555), 0);
	become_nobody();
	ck_assert(!index_is_writable(f.dir));
	become_root();
	ck_assert_int_eq(chmod(f.dir, 0755), 0);
}
END_TEST

/* */
START_TEST(an_index_opened_read_only_writes_nothing)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct index_groom_counts counts = { 0 };
	struct index_test_container t;
	bool done;

	make_index(&f, 1);
	ck_no_error(index_open(f.dir, INDEX_READ_ONLY, NULL, &f.ix));
	ck_assert_uint_ne(index_secret(f.ix), 0);
	index_test_file(&t, "/a", 1, 1);
	ck_error(index_test_put(f.ix, &t), DATABASE, "read-only");
	ck_error(index_remove_container(f.ix, "/srv/0/a.deb"), DATABASE,
		 "read-only");
	ck_error(index_put_ignored(f.ix, "/a", NULL, 0), DATABASE, "read-only");
	ck_error(index_set_root(f.ix, "/a", 1), DATABASE, "read-only");
	ck_error(index_groom_slice(f.ix, 1, &counts, &done), DATABASE,
		 "read-only");
	ck_error(index_maintain(f.ix), DATABASE, "read-only");
	ck_no_error(index_reader_open(f.dir, &f.r));
	ck_assert_uint_eq(places_of(f.r, 0), 1);
}
END_TEST

START_TEST(an_index_in_a_directory_that_cannot_be_written_is_read)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	uint32_t before, after;

	make_index(&f, 1);
	ck_assert_int_eq(chmod(f.dir, 0555), 0);
	become_nobody();
	ck_no_error(index_reader_open(f.dir, &f.r));
	ck_assert_int_eq(f.r->db.mode, DB_IMMUTABLE);
	ck_assert_uint_eq(places_of(f.r, 0), 1);
	ck_assert_uint_eq(places_of(f.r, 4), 0);
	ck_assert_uint_eq(count_files(&f, "index"), 1);
	ck_no_error(index_data_version(f.r, &before));
	ck_no_error(index_open(f.dir, INDEX_READ_ONLY, NULL, &f.ix));
	index_close(STEAL(f.ix));

	/* Somebody else begins to write: it is seen. */
	become_root();
	ck_assert_int_eq(chmod(f.dir, 0755), 0);
	ck_no_error(index_open(f.dir, 0, NULL, &f.ix));
	fill(f.ix, 2);
	ck_assert_int_eq(chmod(f.dir, 0555), 0);
	become_nobody();
	ck_assert_uint_eq(places_of(f.r, 4), 1);
	ck_assert_int_eq(f.r->db.mode, DB_READ);
	ck_no_error(index_data_version(f.r, &after));
	ck_assert_uint_ne(before, after);
	become_root();
	ck_assert_int_eq(chmod(f.dir, 0755), 0);
}
END_TEST

START_TEST(a_reader_that_lost_its_index_finds_the_next_one)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct build_id id = index_test_id(0);
	struct index_places places;

	make_index(&f, 1);
	CLEANUP_FREE char *path =
		mem_strdup(index_fixture_path(&f, "index.sqlite"));
	CLEANUP_FREE char *away = mem_strdup(index_fixture_path(&f, "away"));
	ck_assert_int_eq(chmod(f.dir, 0555), 0);
	become_nobody();
	ck_no_error(index_reader_open(f.dir, &f.r));
	become_root();
	ck_assert_int_eq(chmod(f.dir, 0755), 0);
	ck_assert_int_eq(rename(path, away), 0);
	for (int i = 0; i < 2; i++) {
		ck_error(index_find(f.r, &id, UINT32_MAX, &places), DATABASE,
			 "no index yet");
		ck_assert(index_reader_needs_reopen(f.r));
	}
	ck_assert_int_eq(rename(away, path), 0);
	ck_assert_uint_eq(places_of(f.r, 0), 1);
	ck_assert(!index_reader_needs_reopen(f.r));
}
END_TEST

START_TEST(an_index_that_cannot_be_written_is_not_opened_for_writing)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	make_index(&f, 1);
	ck_assert_int_eq(chmod(index_fixture_path(&f, "index.sqlite"), 0444),
			 0);
	ck_assert_int_eq(chmod(f.dir, 0555), 0);
	become_nobody();
	ck_error(index_open(f.dir, 0, NULL, &f.ix), IO, "cannot be written");
	become_root();
	ck_assert_int_eq(chmod(f.dir, 0755), 0);
	ck_assert_int_eq(unlink(index_fixture_path(&f, "index.sqlite")), 0);
	ck_assert_int_eq(chmod(f.dir, 0555), 0);
	become_nobody();
	ck_error(index_open(f.dir, 0, NULL, &f.ix), IO,
		 "unable to open database file");
	become_root();
	ck_assert_int_eq(chmod(f.dir, 0755), 0);
}
END_TEST

START_TEST(any_directory_name_will_do)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	index_fixture_dir(&f);
	CLEANUP_FREE char *dir = mem_printf("%s/a b?c#d%%41/e", f.dir);
	ck_no_error(index_open(dir, 0, NULL, &f.ix));
	fill(f.ix, 1);
	index_close(STEAL(f.ix));
	ck_assert_int_eq(chmod(dir, 0555), 0);
	ck_assert_int_eq(chmod(f.dir, 0755), 0);
	CLEANUP_FREE char *middle = mem_printf("%s/a b?c#d%%41", f.dir);
	ck_assert_int_eq(chmod(middle, 0755), 0);
	become_nobody();
	ck_no_error(index_reader_open(dir, &f.r));
	ck_assert_uint_eq(places_of(f.r, 0), 1);
	ck_assert_int_eq(f.r->db.mode, DB_IMMUTABLE);
	become_root();
	ck_assert_int_eq(chmod(dir, 0755), 0);
}
END_TEST

/* */
START_TEST(network_file_systems_are_known)
{
	ck_assert(is_network_file_system(NFS_SUPER_MAGIC));
	ck_assert(is_network_file_system((long)(int32_t)0xff534d42));
	ck_assert(!is_network_file_system(EXT4_SUPER_MAGIC));
	ck_assert(!is_network_file_system(TMPFS_MAGIC));
}
END_TEST

START_TEST(two_processes_may_begin_at_once)
{
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	pid_t children[4];

	index_fixture_dir(&f);
	for (size_t i = 0; i < 4; i++) {
		children[i] = fork();
		ck_assert_int_ge(children[i], 0);
		if (children[i])
			continue;
		struct error *err = index_open(f.dir, 0, NULL, &f.ix);
		if (!err)
			fill(f.ix, 3);
		index_close(f.ix);
		_exit(err ? 1 : 0);
	}
	for (size_t i = 0; i < 4; i++) {
		int status;

		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_no_error(index_reader_open(f.dir, &f.r));
	ck_assert_uint_eq(places_of(f.r, 0), 1);
	ck_assert_uint_eq(count_files(&f, "index.sqlite.damaged"), 0);
}
END_TEST

UNIT_MAIN("index_open", a_fresh_index_is_what_current_sql_says,
	  a_database_of_every_past_version_opens,
	  opening_again_keeps_everything,
	  no_statement_sorts_or_walks_a_table_that_it_need_not,
	  an_index_of_a_newer_program_is_refused_and_untouched,
	  a_migration_under_a_running_writer_stops_it,
	  a_file_that_is_no_database_is_set_aside,
	  what_is_set_aside_is_kept_byte_for_byte,
	  nothing_that_was_set_aside_is_overwritten,
	  another_programs_database_is_set_aside,
	  an_index_without_one_of_its_tables_is_set_aside,
	  an_index_without_its_secret_is_set_aside,
	  a_creation_that_was_interrupted_is_finished,
	  a_truncated_index_is_set_aside,
	  an_index_with_a_page_overwritten_is_set_aside,
	  the_check_at_opening_ends_when_its_time_is_up,
	  a_row_that_makes_no_sense_is_damage,
	  damage_met_by_a_reader_is_remembered_for_the_next_open,
	  damage_met_by_the_writer_is_an_error_and_asks_for_another_open,
	  readers_of_an_index_that_was_set_aside_go_on,
	  a_writer_whose_file_was_removed_says_so,
	  without_an_index_there_is_nothing_to_read,
	  a_closed_index_is_one_file_whoever_still_reads_it,
	  it_is_known_whether_an_index_may_be_written,
	  an_index_opened_read_only_writes_nothing,
	  an_index_in_a_directory_that_cannot_be_written_is_read,
	  a_reader_that_lost_its_index_finds_the_next_one,
	  an_index_that_cannot_be_written_is_not_opened_for_writing,
	  any_directory_name_will_do, network_file_systems_are_known,
	  two_processes_may_begin_at_once)

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "index/debuginfod_db.h"
#include "index/index_db.h"

enum statement {
	EACH_FILE,
	FILE_ARTIFACTS,
	ARCHIVE_ARTIFACTS,
	ARCHIVE_MEMBERS,
	FILE_SOURCES,
	ARCHIVE_SOURCES,
	STATEMENTS
};

/* "@" becomes the schema's prefix, "#id#" the name of that row of @files. */
static const char *const texts[STATEMENTS] = {
	[EACH_FILE] = "SELECT s.file, #s.file#, s.mtime, max(s.size),"
		      " max(s.sourcetype = 'R')"
		      " FROM @file_mtime_scanned s GROUP BY s.file, s.mtime"
		      " ORDER BY s.file, s.mtime",
	[FILE_ARTIFACTS] =
		"SELECT b.id, b.hex, max(n.debuginfo_p), max(n.executable_p),"
		" NULL FROM @f_de n JOIN @buildids b ON b.id = n.buildid"
		" WHERE n.file = ?1 AND n.mtime = ?2 GROUP BY b.id",
	[ARCHIVE_ARTIFACTS] =
		"SELECT b.id, b.hex, max(n.debuginfo_p), max(n.executable_p),"
		" #n.content# FROM @r_de n JOIN @buildids b ON b.id = n.buildid"
		" WHERE n.file = ?1 AND n.mtime = ?2 GROUP BY b.id, n.content",
	/* Its key begins with the member: to ask for one archive's would read
	 * all of it. Sorted once, and gone through beside the files. */
	[ARCHIVE_MEMBERS] = "SELECT #n.content#, n.file, n.mtime FROM @r_sdef n"
			    " ORDER BY n.file, n.mtime",
	[FILE_SOURCES] = "SELECT DISTINCT #n.artifactsrc# FROM @f_s n"
			 " WHERE n.buildid = ?1",
	[ARCHIVE_SOURCES] = "SELECT #n.artifactsrc# FROM @r_sref n"
			    " WHERE n.buildid = ?1",
};

struct schema {
	const char *prefix;
	const char *name_before, *name_after; /* around a row's id */
};
static const struct schema schemas[] = {
	{ "buildids10_",
	  "(SELECT d.name || '/' || b.name FROM buildids10_files f"
	  " JOIN buildids10_fileparts d ON d.id = f.dirname"
	  " JOIN buildids10_fileparts b ON b.id = f.basename WHERE f.id = ",
	  ")" },
	{ "buildids9_", "(SELECT name FROM buildids9_files WHERE id = ", ")" },
};

struct debuginfod_db {
	struct db db;
	sqlite3_stmt *statements[STATEMENTS];
	bool has_members; /* ARCHIVE_MEMBERS stands at a row not yet given */
	bool members_ended;
};

/* @return Owned, NULL without memory. */
static char *expand(const struct schema *schema, const char *text)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	bool is_name = false;

	for (; *text; text++) {
		if (*text == '@') {
			buf_append_str(&out, schema->prefix);
		} else if (*text == '#') {
			buf_append_str(&out, is_name ? schema->name_after
						     : schema->name_before);
			is_name = !is_name;
		} else {
			buf_append(&out, text, 1);
		}
	}
	return buf_steal_str(&out);
}

static struct error *db_wrong(struct debuginfod_db *d)
{
	return error_new(BAD_DATA, "%s: %s", d->db.path,
			 sqlite3_errmsg(d->db.handle));
}

static struct error *prepare(struct debuginfod_db *d,
			     const struct schema *schema)
{
	for (size_t i = 0; i < STATEMENTS; i++) {
		CLEANUP_FREE char *sql = expand(schema, texts[i]);

		if (!sql)
			return error_no_memory;
		if (sqlite3_prepare_v2(d->db.handle, sql, -1, &d->statements[i],
				       NULL))
			return db_wrong(d);
	}
	return NULL;
}

static struct error *has_schema(struct debuginfod_db *d,
				const struct schema *schema, bool *ret)
{
	CLEANUP_FREE char *sql =
		mem_printf("SELECT count(*) FROM sqlite_schema WHERE name ="
			   " '%sr_sdef'",
			   schema->prefix);
	int64_t count;

	if (!sql)
		return error_no_memory;
	TRY(db_exec_int(&d->db, sql, &count));
	*ret = count > 0;
	return NULL;
}

static void cleanup_database(struct debuginfod_db **d)
{
	debuginfod_db_close(*d);
}

struct error *debuginfod_db_open(const char *path, struct debuginfod_db **ret)
{
	CLEANUP(cleanup_database)
	struct debuginfod_db *d = mem_zalloc(sizeof(*d));

	if (!d)
		return error_no_memory;
	TRY(db_open(&d->db, path, DB_FOREIGN));
	for (size_t i = 0; i < sizeof(schemas) / sizeof(*schemas); i++) {
		bool found = false;

		TRY(has_schema(d, &schemas[i], &found));
		if (!found)
			continue;
		TRY(prepare(d, &schemas[i]));
		*ret = STEAL(d);
		return NULL;
	}
	return error_new(BAD_DATA,
			 "%s: no database of debuginfod with schema buildids9 "
			 "or buildids10",
			 path);
}

void debuginfod_db_close(struct debuginfod_db *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(d->statements[i]);
	db_close(&d->db);
	mem_free(d);
}

static struct error *step(struct debuginfod_db *d, sqlite3_stmt *s,
			  bool *row_ret)
{
	int rc = sqlite3_step(s);

	*row_ret = rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? NULL : db_wrong(d);
}

static void end_statement(sqlite3_stmt **s)
{
	sqlite3_reset(*s);
}
#define CLEANUP_STATEMENT CLEANUP(end_statement)

struct error *debuginfod_db_each_file(struct debuginfod_db *d,
				      debuginfod_file_fn fn, void *ctx)
{
	CLEANUP_STATEMENT sqlite3_stmt *s = d->statements[EACH_FILE];
	bool row;

	for (;;) {
		TRY(step(d, s, &row));
		if (!row)
			return NULL;
		struct debuginfod_file f = {
			.id = sqlite3_column_int64(s, 0),
			.name = (const char *)sqlite3_column_text(s, 1),
			.mtime = sqlite3_column_int64(s, 2),
			.size = (uint64_t)sqlite3_column_int64(s, 3),
			.is_archive = sqlite3_column_int(s, 4),
		};

		if (f.name)
			TRY(fn(ctx, &f));
	}
}

struct error *debuginfod_db_each_artifact(struct debuginfod_db *d,
					  const struct debuginfod_file *f,
					  debuginfod_artifact_fn fn, void *ctx)
{
	CLEANUP_STATEMENT sqlite3_stmt *s =
		d->statements[f->is_archive ? ARCHIVE_ARTIFACTS
					    : FILE_ARTIFACTS];
	bool row;

	sqlite3_bind_int64(s, 1, f->id);
	sqlite3_bind_int64(s, 2, f->mtime);
	for (;;) {
		TRY(step(d, s, &row));
		if (!row)
			return NULL;
		const char *hex = (const char *)sqlite3_column_text(s, 1);
		struct debuginfod_artifact a = {
			.id_row = sqlite3_column_int64(s, 0),
			.is_debuginfo = sqlite3_column_int(s, 2),
			.is_executable = sqlite3_column_int(s, 3),
			.member = (const char *)sqlite3_column_text(s, 4),
		};

		if (hex && build_id_parse(hex, strlen(hex), &a.id) &&
		    !a.member == !f->is_archive)
			TRY(fn(ctx, &a));
	}
}

/* Does the row lie before (-1), in (0) or behind (1) this state of the file? */
static int compare_member(sqlite3_stmt *s, const struct debuginfod_file *f)
{
	int64_t file = sqlite3_column_int64(s, 1);
	int64_t mtime = sqlite3_column_int64(s, 2);

	if (file != f->id)
		return file < f->id ? -1 : 1;
	return (mtime > f->mtime) - (mtime < f->mtime);
}

struct error *debuginfod_db_each_member(struct debuginfod_db *d,
					const struct debuginfod_file *f,
					debuginfod_name_fn fn, void *ctx)
{
	sqlite3_stmt *s = d->statements[ARCHIVE_MEMBERS];

	for (;;) {
		if (!d->has_members && !d->members_ended) {
			TRY(step(d, s, &d->has_members));
			d->members_ended = !d->has_members;
		}
		int place = d->members_ended ? 1 : compare_member(s, f);

		if (place > 0)
			return NULL;
		const char *name = (const char *)sqlite3_column_text(s, 0);

		d->has_members = false;
		if (place == 0 && name)
			TRY(fn(ctx, name));
	}
}

struct error *debuginfod_db_each_source(struct debuginfod_db *d, int64_t id_row,
					bool is_archive, debuginfod_name_fn fn,
					void *ctx)
{
	CLEANUP_STATEMENT sqlite3_stmt *s =
		d->statements[is_archive ? ARCHIVE_SOURCES : FILE_SOURCES];

	sqlite3_bind_int64(s, 1, id_row);
	for (;;) {
		bool row;

		TRY(step(d, s, &row));
		if (!row)
			return NULL;
		const char *name = (const char *)sqlite3_column_text(s, 0);

		if (name)
			TRY(fn(ctx, name));
	}
}

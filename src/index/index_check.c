/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics, and checking all that should be true of the database.
 *
 * The statements here read whole tables and are run by hand, so they are not
 * among those every connection prepares.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "index/index_private.h"
#include "index/migrate.h"

/* ---- Statistics --------------------------------------------------------- */

static struct error *read_tally(struct db *db, struct index_stats *ret)
{
	CLEANUP_QUERY struct query q = query_begin(db, SQL_TALLY);
	uint64_t *const counts[TALLIES] = {
		[TALLY_CONTAINERS] = &ret->containers,
		[TALLY_FAILED] = &ret->failed,
		[TALLY_ARTIFACTS] = &ret->artifacts,
		[TALLY_EXECUTABLES] = &ret->executables,
		[TALLY_DEBUGINFOS] = &ret->debuginfos,
		[TALLY_BUILD_IDS] = &ret->build_ids,
		[TALLY_SOURCE_DIRS] = &ret->source_dirs,
		[TALLY_POINTS] = &ret->points,
		[TALLY_DIRECTORIES] = &ret->directories,
		[TALLY_IGNORED_FILES] = &ret->ignored_files,
	};
	bool row;

	TRY(query_step(&q, &row));
	for (int i = 0; row && i < TALLIES; i++)
		*counts[i] = (uint64_t)query_int(&q, i);
	return NULL;
}

struct error *index_stats(struct index_reader *r, struct index_stats *ret)
{
	int64_t pages, page_size, free_pages, version;
	struct stat st;
	bool found;

	memset(ret, 0, sizeof(*ret));
	TRY(reader_refresh(r));
	CLEANUP_FREE char *wal = mem_printf("%s-wal", r->path);
	if (!wal)
		return error_no_memory;
	TRY(read_tally(&r->db, ret));
	TRY(query_value(&r->db, SQL_PAGE_COUNT, &pages, &found));
	TRY(query_value(&r->db, SQL_PAGE_SIZE, &page_size, &found));
	TRY(query_value(&r->db, SQL_FREE_PAGES, &free_pages, &found));
	TRY(query_value(&r->db, SQL_USER_VERSION, &version, &found));
	ret->file_bytes = (uint64_t)(pages * page_size);
	ret->free_bytes = (uint64_t)(free_pages * page_size);
	ret->wal_bytes = stat(wal, &st) ? 0 : (uint64_t)st.st_size;
	ret->schema_version = (int)version;
	return NULL;
}

struct error *index_kinds(struct index_reader *r, struct index_kinds *ret)
{
	const struct {
		uint64_t *value;
		const char *sql;
	} counts[] = {
		{ &ret->file_artifacts,
		  "SELECT count(*) FROM artifact WHERE member IS NULL" },
		{ &ret->archive_artifacts,
		  "SELECT count(*) FROM artifact WHERE member IS NOT NULL" },
		{ &ret->file_sources, "SELECT sum(source_count) FROM artifact"
				      " WHERE member IS NULL" },
		{ &ret->archive_sources,
		  "SELECT sum(source_count) FROM artifact"
		  " WHERE member IS NOT NULL" },
		{ &ret->files, "SELECT count(*) FROM container" },
		{ &ret->file_bytes, "SELECT sum(size) FROM container" },
	};

	TRY(reader_refresh(r));
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		int64_t value;

		TRY(db_exec_int(&r->db, counts[i].sql, &value));
		*counts[i].value = (uint64_t)value;
	}
	return NULL;
}

/* ---- Checking ----------------------------------------------------------- */

struct complaints {
	index_complaint_fn fn;
	void *ctx;
	const char *what; /* prefix; NULL: none */
	size_t count;
	bool is_out_of_memory;
};

static void complain(struct complaints *c, const char *text)
{
	c->count++;
	c->fn(c->ctx, text);
}

/* Every column of every row is part of a complaint. */
static int take_row(void *ctx, int count, char **values, char **names)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct complaints *c = ctx;

	(void)names;
	if (c->what)
		buf_printf(&text, "%s:", c->what);
	for (int i = 0; i < count; i++)
		buf_printf(&text, "%s%s", text.size ? " " : "",
			   values[i] ? values[i] : "(none)");
	if (!buf_str(&text)) {
		c->is_out_of_memory = true;
		return 1;
	}
	if (strcmp((const char *)text.data, "ok"))
		complain(c, (const char *)text.data);
	return 0;
}

static struct error *check_rows(struct db *db, struct complaints *c,
				const char *what, const char *sql)
{
	c->what = what;
	int rc = sqlite3_exec(db->handle, sql, take_row, c, NULL);

	if (c->is_out_of_memory)
		return error_no_memory;
	return rc ? db_error(db, rc, what ? what : sql) : NULL;
}

/* Each gives the rows that should not be. At most a hundred: a table that is
 * wrong altogether is seen by the first few. */
static const struct {
	const char *what;
	const char *sql;
} invariants[] = {
	{ "row without its parent",
	  "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check"
	  " LIMIT 100" },
	{ "build ID of a length that cannot be, row",
	  "SELECT id FROM build_id WHERE length(bytes) NOT BETWEEN 2 AND 64"
	  " LIMIT 100" },
	{ "alt build ID of a length that cannot be, artifact",
	  "SELECT id FROM artifact WHERE length(alt_id) NOT BETWEEN 2 AND 64"
	  " LIMIT 100" },
	{ "sources wait for another file than the alternate one, artifact",
	  "SELECT p.artifact_id FROM source_pending p JOIN artifact a"
	  " ON a.id = p.artifact_id WHERE a.alt_id IS NOT p.alt_id"
	  " LIMIT 100" },
	{ "hash of a length that cannot be, artifact",
	  "SELECT id FROM artifact WHERE length(htlhash) <> 16"
	  " OR length(breakpad_guid) <> 16 LIMIT 100" },
	{ "attempts of a container that may not be tried again",
	  "SELECT id FROM container WHERE attempts > 0"
	  " AND (problem_kind IS NULL OR NOT is_retryable) LIMIT 100" },
	{ "directory with a final slash",
	  "SELECT id FROM directory WHERE substr(path, -1) = x'2f' LIMIT 100" },
	{ "container name with a slash",
	  "SELECT id FROM container WHERE instr(name, x'2f') LIMIT 100" },
	{ "ignored files not a list of 64-bit numbers, directory",
	  "SELECT directory_id FROM ignored WHERE length(prints) % 8 <> 0"
	  " LIMIT 100" },
	{ "count differs from the rows: containers, counted",
	  "SELECT containers, (SELECT count(*) FROM container) AS n FROM meta"
	  " WHERE containers <> n" },
	{ "count differs from the rows: failed, counted",
	  "SELECT failed, (SELECT count(*) FROM container"
	  " WHERE problem_kind IS NOT NULL) AS n FROM meta WHERE failed <> n" },
	{ "count differs from the rows: artifacts, counted",
	  "SELECT artifacts, (SELECT count(*) FROM artifact) AS n FROM meta"
	  " WHERE artifacts <> n" },
	{ "count differs from the rows: executables, counted",
	  "SELECT executables, (SELECT count(*) FROM artifact"
	  " WHERE roles & 1) AS n FROM meta WHERE executables <> n" },
	{ "count differs from the rows: debuginfos, counted",
	  "SELECT debuginfos, (SELECT count(*) FROM artifact"
	  " WHERE roles & 2) AS n FROM meta WHERE debuginfos <> n" },
	{ "count differs from the rows: build IDs, counted",
	  "SELECT build_ids, (SELECT count(*) FROM build_id) AS n FROM meta"
	  " WHERE build_ids <> n" },
	{ "count differs from the rows: source directories, counted",
	  "SELECT source_dirs, (SELECT count(*) FROM source_dir) AS n FROM meta"
	  " WHERE source_dirs <> n" },
	{ "count differs from the rows: points, counted",
	  "SELECT points, (SELECT count(*) FROM payload_point) AS n FROM meta"
	  " WHERE points <> n" },
	{ "count differs from the rows: directories, counted",
	  "SELECT directories, (SELECT count(*) FROM directory) AS n FROM meta"
	  " WHERE directories <> n" },
	{ "count differs from the rows: ignored files, counted",
	  "SELECT ignored_files, (SELECT ifnull(sum(length(prints) / 8), 0)"
	  " FROM ignored) AS n FROM meta WHERE ignored_files <> n" },
	{ "table meta does not have one row, but",
	  "SELECT count(*) AS n FROM meta HAVING n <> 1" },
};

static void end_transaction(struct db **db)
{
	sqlite3_exec((*db)->handle, "ROLLBACK", NULL, NULL, NULL);
}

struct error *index_check(struct index_reader *r, index_complaint_fn fn,
			  void *ctx, size_t *complaints_ret)
{
	struct complaints c = { .fn = fn, .ctx = ctx };
	struct db *db = &r->db;

	*complaints_ret = 0;
	TRY(reader_refresh(r));
	/* All of it of one state, whoever writes meanwhile. */
	TRY(db_exec(db, "begin", "BEGIN"));
	CLEANUP(end_transaction) struct db *txn = db;
	TRY(check_rows(db, &c, NULL, "PRAGMA integrity_check"));
	for (size_t i = 0; i < sizeof(invariants) / sizeof(*invariants); i++)
		TRY(check_rows(db, &c, invariants[i].what, invariants[i].sql));
	*complaints_ret = c.count;
	return NULL;
}

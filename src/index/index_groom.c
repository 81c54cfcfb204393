/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grooming: what nothing refers to any more goes, a short transaction at a
 * time. What a container holds goes with it at once; names (build IDs and
 * directories) stay until here, because finding out whether anything else
 * refers to them costs a search each.
 *
 * A pass goes through the phases in order and through each table by row
 * number; where it is stays in struct index between slices.
 */
#include "config.h"

#include <stddef.h>

#include "base/mem.h"
#include "index/index_private.h"

enum {
	/* Rows looked at for each that may be removed. */
	LOOK_PER_ROW = 16,
	ROWS_MAX = 100000,
	MAINTAIN_PAGES = 1024,
	MAINTAIN_WAIT_MS = 100,
};

struct phase {
	enum sql look, delete;
	enum tally tally;
	size_t count_offset; /* in struct index_groom_counts */
};

static const struct phase phases[] = {
	{ SQL_GROOM_BUILD_IDS, SQL_BUILD_ID_DELETE, TALLY_BUILD_IDS,
	  offsetof(struct index_groom_counts, build_ids) },
	{ SQL_GROOM_DIRECTORIES, SQL_DIRECTORY_DELETE, TALLY_DIRECTORIES,
	  offsetof(struct index_groom_counts, directories) },
};
enum { PHASES = sizeof(phases) / sizeof(*phases) };

/* Rows of one slice that can go. */
struct unused {
	int64_t *ids;
	size_t count, limit;
	bool is_end; /* no row behind those looked at */
};

static void unused_deinit(struct unused *u)
{
	mem_free(STEAL(u->ids));
}

static struct error *find_unused(struct db *db, const struct phase *phase,
				 int64_t *after, struct unused *u)
{
	CLEANUP_QUERY struct query q = query_begin(db, phase->look);

	query_bind_int(&q, 1, *after);
	query_bind_int(&q, 2, (int64_t)u->limit * LOOK_PER_ROW);
	for (size_t looked = 0; u->count < u->limit; looked++) {
		bool row;

		TRY(query_step(&q, &row));
		if (!row) {
			u->is_end = looked < u->limit * LOOK_PER_ROW;
			break;
		}
		*after = query_int(&q, 0);
		if (!query_int(&q, 1))
			u->ids[u->count++] = *after;
	}
	return NULL;
}

static struct error *delete_unused(struct db *db, const struct phase *phase,
				   const struct unused *u)
{
	for (size_t i = 0; i < u->count; i++) {
		CLEANUP_QUERY struct query q = query_begin(db, phase->delete);

		query_bind_int(&q, 1, u->ids[i]);
		TRY(query_run(&q));
	}
	return NULL;
}

static struct error *groom_rows(struct index *ix, const struct phase *phase,
				size_t limit, struct index_groom_counts *counts)
{
	CLEANUP(unused_deinit) struct unused u = { .limit = limit };
	CLEANUP_CHANGE struct change ch;
	int64_t after = ix->groom_after;

	change_init(&ch, ix);
	u.ids = mem_array(limit, sizeof(*u.ids));
	if (!u.ids)
		return error_no_memory;
	TRY(change_begin(&ch));
	CLEANUP_TXN struct db *txn = &ix->db;
	TRY(find_unused(txn, phase, &after, &u));
	if (u.count) {
		TRY(delete_unused(txn, phase, &u));
		ch.tally[phase->tally] -= (int64_t)u.count;
		TRY(change_commit(&ch));
	}
	ix->groom_after = u.is_end ? 0 : after;
	ix->groom_phase += u.is_end;
	*(uint64_t *)((char *)counts + phase->count_offset) += u.count;
	return NULL;
}

/* Give up to @p pages back to the file system. The pragma wants a literal. */
static struct error *give_back(struct index *ix, size_t pages,
			       int64_t *left_ret)
{
	CLEANUP_FREE char *sql =
		mem_printf("PRAGMA incremental_vacuum(%zu)", pages);
	CLEANUP_CHANGE struct change ch;
	bool found;

	change_init(&ch, ix);
	if (!sql)
		return error_no_memory;
	TRY(change_begin(&ch));
	CLEANUP_TXN struct db *txn = &ix->db;
	TRY(query_value(txn, SQL_FREE_PAGES, left_ret, &found));
	if (!*left_ret)
		return NULL;
	TRY(db_exec(txn, "give pages back", sql));
	TRY(query_value(txn, SQL_FREE_PAGES, left_ret, &found));
	return change_commit(&ch);
}

static void report_removed(struct index *ix, struct index_groom_counts *counts)
{
	counts->containers += ix->removed.containers;
	counts->artifacts += ix->removed.artifacts;
	counts->source_dirs += ix->removed.source_dirs;
	counts->points += ix->removed.points;
	counts->ignored += ix->removed.ignored;
	ix->removed = (struct index_groom_counts) { 0 };
}

struct error *index_groom_slice(struct index *ix, size_t limit_rows,
				struct index_groom_counts *counts,
				bool *done_ret)
{
	LOCKED(&ix->lock);
	*done_ret = false;
	limit_rows = limit_rows > ROWS_MAX ? ROWS_MAX : limit_rows;
	limit_rows = limit_rows < 1 ? 1 : limit_rows;
	if (ix->groom_phase < PHASES) {
		TRY(groom_rows(ix, &phases[ix->groom_phase], limit_rows,
			       counts));
	} else {
		int64_t left;

		TRY(give_back(ix, limit_rows, &left));
		*done_ret = !left;
		if (*done_ret)
			ix->groom_phase = 0;
	}
	report_removed(ix, counts);
	return NULL;
}

static struct error *empty_log(struct index *ix)
{
	sqlite3_busy_timeout(ix->db.handle, MAINTAIN_WAIT_MS);
	int rc = sqlite3_wal_checkpoint_v2(
		ix->db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(ix->db.handle, DB_BUSY_MS);
	/* A reader in the way is no error. */
	if (rc && (rc & 0xff) != SQLITE_BUSY)
		return db_error(&ix->db, rc, "checkpoint");
	if (!rc)
		ix->wal_bytes = 0;
	return NULL;
}

struct error *index_maintain(struct index *ix)
{
	int64_t left;

	LOCKED(&ix->lock);
	if (ix->is_read_only)
		return error_read_only(&ix->db);
	/* First: on a full disk it may be the log that fills it. */
	TRY(empty_log(ix));
	TRY(give_back(ix, MAINTAIN_PAGES, &left));
	return ix->wal_bytes ? empty_log(ix) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One connection to the database: opened and configured, its statements
 * prepared once, run through `struct query`.
 *
 *	CLEANUP_QUERY struct query q = query_begin(db, SQL_PRESENCE);
 *	query_bind_blob(&q, 1, id->bytes, id->len);
 *	for (;;) {
 *		TRY(query_step(&q, &row));
 *		if (!row) break;
 *		… query_int(&q, 0) …
 *	}
 *
 * A bind that fails is remembered and reported by the next step. A statement
 * is in use by one query at a time.
 *
 * Threads: a connection is owned by one thread at a time.
 */
#ifndef INDEX_INDEX_DB_H
#define INDEX_INDEX_DB_H

#include "base/error.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sql {
#define SQL(name, who, text) SQL_##name,
#include "index/index_sql.h"
#undef SQL
	SQL_STATEMENTS
};

enum sql_user { SQL_WRITER = 1, SQL_READER = 2, SQL_BOTH = 3 };

struct sql_statement {
	const char *name;
	enum sql_user user;
	const char *text;
};
extern const struct sql_statement sql_statements[SQL_STATEMENTS];

enum db_mode {
	DB_WRITE,
	DB_READ,
	/** A cleanly closed database in a directory that cannot be written:
	 * SQLite neither locks nor looks for changes. */
	DB_IMMUTABLE,
	/** Perhaps another program's: to read, and to leave no mark beside. */
	DB_FOREIGN,
};

struct db {
	sqlite3 *handle; /* NULL: closed */
	enum db_mode mode;
	char *path; /* of the database file; owned */
	/** SQLite found it damaged, or it is not ours. Only set while it is
	 * open; read by other threads. */
	atomic_bool is_damaged;
	/** A read failed, which SQLite takes for damage, and the file goes on
	 * telling of it until it is closed: by this connection damage cannot be
	 * told any more. Read by other threads. */
	atomic_bool is_spent;
	sqlite3_stmt *statements[SQL_STATEMENTS];
};

/** Other processes may hold the writer's lock for so long. */
enum { DB_BUSY_MS = 30000 };

/** Open, without reading anything yet. @p db zeroed by the caller; on error
 * too it is for db_close(). @p path is copied. */
MUST_CHECK struct error *db_open(struct db *db, const char *path,
				 enum db_mode mode);
/** Settings that read the file; a new one gets its page size and WAL here. */
MUST_CHECK struct error *db_configure(struct db *db);
/** Prepare the statements of @p user. SQLite not knowing a table or column
 * means that the schema is damaged. */
MUST_CHECK struct error *db_prepare(struct db *db, enum sql_user user);
/** Twice is safe. */
void db_close(struct db *db);

/** Run SQL that is not in the table: migrations and settings. @p doing is for
 * messages. */
MUST_CHECK struct error *db_exec(struct db *db, const char *doing,
				 const char *sql);
/** The integer that one short query of such SQL gives. */
MUST_CHECK struct error *db_exec_int(struct db *db, const char *sql,
				     int64_t *ret);

/** Did the file or its log fail to be read or written since it was opened? */
bool db_has_failed(struct db *db);
/** Was the file renamed, replaced or removed under the connection? One stat. */
bool db_has_moved(struct db *db);

/**
 * The one translator of SQLite's errors.
 *
 * FULL and a full disk behind IOERR are IO, "disk full"; BUSY is BUSY;
 * CONSTRAINT and TOOBIG are BAD_DATA; CORRUPT and NOTADB are DATABASE, and
 * leave a mark beside the file that makes the next index_open() set it aside.
 */
struct error *db_error(struct db *db, int rc, const char *doing);

/** The mark's path. @return Owned, NULL without memory. */
char *db_mark_path(const char *path) MUST_CHECK;

/* ---- Statements --------------------------------------------------------- */

struct query {
	struct db *db;
	enum sql id;
	sqlite3_stmt *statement;
	int rc; /* of the first bind that failed */
};

struct query query_begin(struct db *db, enum sql id);
void query_end(struct query *q);
#define CLEANUP_QUERY CLEANUP(query_end)

/** Borrowed by the statement until query_end(). NULL @p data binds NULL; zero
 * bytes of something else are an empty blob. */
void query_bind_blob(struct query *q, int n, const void *data, size_t size);
/** A string's bytes as a blob; NULL binds NULL. */
void query_bind_bytes(struct query *q, int n, const char *s);
void query_bind_text(struct query *q, int n, const char *s);
void query_bind_int(struct query *q, int n, int64_t v);

MUST_CHECK struct error *query_step(struct query *q, bool *row_ret);
/** To the end; rows are passed over. */
MUST_CHECK struct error *query_run(struct query *q);

/** The integer that a statement without parameters gives. @param[out]
 * found_ret False if it gives no row. */
MUST_CHECK struct error *query_value(struct db *db, enum sql id, int64_t *ret,
				     bool *found_ret);

int64_t query_int(struct query *q, int column);
/** Text of ours, borrowed until the next step; "" for NULL and without
 * memory. */
const char *query_text(struct query *q, int column);
/** Borrowed until the next step. NULL for NULL alone: no bytes are "". */
const void *query_blob(struct query *q, int column, size_t *size_ret);

/* ---- Transactions ------------------------------------------------------- */

/** Begin a write transaction. */
MUST_CHECK struct error *txn_begin(struct db *db);
MUST_CHECK struct error *txn_commit(struct db *db);
/** Roll back whatever is open; for CLEANUP_TXN. */
void txn_end(struct db **db);
#define CLEANUP_TXN CLEANUP(txn_end)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "index/index_db.h"

const struct sql_statement sql_statements[SQL_STATEMENTS] = {
#define SQL(name, who, text) [SQL_##name] = { #name, SQL_##who, text },
#include "index/index_sql.h"
#undef SQL
};

enum {
	/* Measured for 4, 8 and 16 KiB: see schema/README.md. */
	PAGE_SIZE_BYTES = 4096,
	WRITER_CACHE_KIB = 32 << 10,
	READER_CACHE_KIB = 4 << 10,
};

/* ---- Errors ------------------------------------------------------------- */

char *db_mark_path(const char *path)
{
	return mem_printf("%s.damaged", path);
}

/* A later index_open(), in whatever process, finds the mark. Best effort: where
 * it cannot be written nothing could be set aside either. A database that was
 * set aside already, or that was read without locks, says nothing about the
 * file that is there now. */
static COLD void mark_damaged(struct db *db)
{
	if (atomic_exchange(&db->is_damaged, true))
		return;
	if (db->mode == DB_IMMUTABLE || db->mode == DB_FOREIGN || !db->handle ||
	    db_has_moved(db))
		return;
	CLEANUP_FREE char *mark = db_mark_path(db->path);
	if (!mark)
		return;
	CLEANUP_CLOSE int fd =
		open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	(void)fd;
}

/* EFBIG: RLIMIT_FSIZE, which ends what can be written just as well. */
static bool is_full(int number)
{
	return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

/* What SQLite takes for a broken file system, and calls damage of the database
 * when it reads. */
static bool is_unreadable(int number)
{
	return number == EIO || number == ENXIO || number == ERANGE;
}

/* Did the database's file or its log fail with such an errno?
 * sqlite3_system_errno() knows nothing of what a step did; the file that failed
 * does, and until it is closed. */
static COLD bool has_failed(struct db *db, bool (*with)(int number))
{
	static const int files[] = { SQLITE_FCNTL_FILE_POINTER,
				     SQLITE_FCNTL_JOURNAL_POINTER };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		sqlite3_file *file = NULL;
		int number = 0;

		sqlite3_file_control(db->handle, "main", files[i], &file);
		if (!file || !file->pMethods)
			continue;
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO,
					     &number);
		if (with(number))
			return true;
	}
	return false;
}

static bool is_any(int number)
{
	return number != 0;
}

bool db_has_failed(struct db *db)
{
	return has_failed(db, is_any);
}

/* SQLite says FULL for ENOSPC alone. */
static COLD bool is_disk_full(struct db *db, int rc)
{
	return rc == SQLITE_FULL || rc == SQLITE_IOERR_SHMSIZE ||
	       (rc == SQLITE_IOERR_WRITE && has_failed(db, is_full));
}

static COLD struct error *io_error(struct db *db, int rc, const char *doing)
{
	if (is_disk_full(db, rc))
		return error_new(NO_SPACE, "%s: %s: disk full", db->path,
				 doing);
	return error_new(IO, "%s: %s: %s", db->path, doing, sqlite3_errstr(rc));
}

/* Opening the file, its log or the log's shared memory. SQLite tries again for
 * reading, and then a file that could not be made is one that is not there. */
static COLD struct error *open_error(struct db *db, int rc, const char *doing)
{
	int number = sqlite3_system_errno(db->handle);

	if (!number || number == ENOENT)
		return io_error(db, rc, doing);
	errno = number;
	return error_errno("%s: %s", db->path, doing);
}

COLD struct error *db_error(struct db *db, int rc, const char *doing)
{
	/* Only out of memory there is no connection at all. */
	if (!db->handle)
		return error_no_memory;
	const char *text = sqlite3_errmsg(db->handle);
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return error_no_memory;
	case SQLITE_FULL:
	case SQLITE_IOERR:
		return io_error(db, rc, doing);
	case SQLITE_CANTOPEN:
		return open_error(db, rc, doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return error_new(BUSY, "%s: %s: in use by another process",
				 db->path, doing);
	case SQLITE_READONLY:
		/* A reader may not undo what a writer was at when it died. */
		if (rc != SQLITE_READONLY_ROLLBACK)
			break;
		return error_new(DATABASE,
				 "%s: a change was cut short: open it for "
				 "writing once",
				 db->path);
	case SQLITE_CONSTRAINT:
	case SQLITE_TOOBIG:
	case SQLITE_MISMATCH:
		return error_new(BAD_DATA, "%s: %s", doing, text);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: {
		/* Nobody has seen what cannot be read. */
		if (has_failed(db, is_unreadable)) {
			atomic_store(&db->is_spent, true);
			return io_error(db, SQLITE_IOERR_READ, doing);
		}
		struct error *err = error_new(DATABASE, "%s: damaged: %s: %s",
					      db->path, doing, text);

		mark_damaged(db);
		return err;
	}
	default:
		break;
	}
	return error_new(DATABASE, "%s: %s: %s", db->path, doing, text);
}

/* ---- Open and close ----------------------------------------------------- */

/* Statistics cost every allocation of every thread a shared mutex. Refused
 * where somebody else initialised SQLite before; then they are just slower. */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static char *immutable_uri(const char *path)
{
	CLEANUP_BUF struct buf uri = BUF_INIT;

	buf_append_str(&uri, "file:");
	for (const char *p = path; *p; p++) {
		if (strchr("%?#", *p))
			buf_printf(&uri, "%%%02x", (unsigned)(uint8_t)*p);
		else
			buf_append_byte(&uri, (uint8_t)*p);
	}
	buf_append_str(&uri, "?immutable=1");
	return buf_steal_str(&uri);
}

struct error *db_open(struct db *db, const char *path, enum db_mode mode)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
		    SQLITE_OPEN_EXRESCODE;

	pthread_once(&once, configure_library);
	db->mode = mode;
	db->path = mem_strdup(path);
	CLEANUP_FREE char *name =
		mode == DB_IMMUTABLE ? immutable_uri(path) : mem_strdup(path);
	if (!db->path || !name)
		return error_no_memory;
	if (mode == DB_WRITE)
		flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	else
		flags |= SQLITE_OPEN_READONLY;
	if (mode == DB_IMMUTABLE)
		flags |= SQLITE_OPEN_URI;
	int rc = sqlite3_open_v2(name, &db->handle, flags, NULL);
	if (rc)
		return db_error(db, rc, "open");

	sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	/* Until it is known to be sound, closing must not write to it; and a
	 * reader has nothing to check in. */
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
			  NULL);
	return NULL;
}

static int is_wal(void *ctx, int count, char **values, char **names)
{
	(void)names;
	*(bool *)ctx = count > 0 && values[0] && !strcmp(values[0], "wal");
	return 0;
}

/* SQLite says no by staying with the old mode. */
static struct error *require_wal(struct db *db)
{
	bool wal = false;
	int rc = sqlite3_exec(db->handle, "PRAGMA journal_mode", is_wal, &wal,
			      NULL);

	if (rc)
		return db_error(db, rc, "journal_mode");
	if (!wal)
		return error_new(IO,
				 "%s: its file system has no shared memory "
				 "for the write-ahead log",
				 db->path);
	return NULL;
}

struct error *db_configure(struct db *db)
{
	CLEANUP_FREE char *sql = NULL;

	if (db->mode == DB_WRITE)
		sql = mem_printf("PRAGMA page_size = %d;"
				 "PRAGMA auto_vacuum = INCREMENTAL;"
				 "PRAGMA journal_mode = WAL;"
				 "PRAGMA synchronous = NORMAL;"
				 "PRAGMA secure_delete = OFF;"
				 "PRAGMA foreign_keys = ON;"
				 "PRAGMA journal_size_limit = 67108864;"
				 "PRAGMA cell_size_check = ON;"
				 "PRAGMA temp_store = MEMORY;"
				 "PRAGMA cache_size = -%d;",
				 PAGE_SIZE_BYTES, WRITER_CACHE_KIB);
	else
		/* No mmap: a file that is truncated under a mapping is
		 * SIGBUS, under a read it is an error. */
		sql = mem_printf("PRAGMA query_only = ON;"
				 "PRAGMA cell_size_check = ON;"
				 "PRAGMA temp_store = MEMORY;"
				 "PRAGMA cache_size = -%d;",
				 READER_CACHE_KIB);
	if (!sql)
		return error_no_memory;
	TRY(db_exec(db, "configure", sql));
	return db->mode == DB_WRITE ? require_wal(db) : NULL;
}

struct error *db_prepare(struct db *db, enum sql_user user)
{
	for (size_t i = 0; i < SQL_STATEMENTS; i++) {
		if (!(sql_statements[i].user & user))
			continue;
		int rc = sqlite3_prepare_v3(db->handle, sql_statements[i].text,
					    -1, SQLITE_PREPARE_PERSISTENT,
					    &db->statements[i], NULL);
		/* Our own statements fit our own schema (a test says so). */
		if (rc == SQLITE_ERROR)
			rc = SQLITE_CORRUPT;
		if (rc)
			return db_error(db, rc, sql_statements[i].name);
	}
	return NULL;
}

void db_close(struct db *db)
{
	for (size_t i = 0; i < SQL_STATEMENTS; i++) {
		sqlite3_finalize(db->statements[i]);
		db->statements[i] = NULL;
	}
	sqlite3_close(STEAL(db->handle));
	mem_free(STEAL(db->path));
}

struct error *db_exec(struct db *db, const char *doing, const char *sql)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc ? db_error(db, rc, doing) : NULL;
}

static int take_int(void *ctx, int count, char **values, char **names)
{
	(void)names;
	if (count > 0 && values[0])
		*(int64_t *)ctx = strtoll(values[0], NULL, 10);
	return 0;
}

struct error *db_exec_int(struct db *db, const char *sql, int64_t *ret)
{
	*ret = 0;
	int rc = sqlite3_exec(db->handle, sql, take_int, ret, NULL);

	return rc ? db_error(db, rc, sql) : NULL;
}

bool db_has_moved(struct db *db)
{
	int moved = 0;

	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED,
			     &moved);
	return moved;
}

/* ---- Statements --------------------------------------------------------- */

struct query query_begin(struct db *db, enum sql id)
{
	sqlite3_stmt *statement = db->statements[id];

	assert(statement && !sqlite3_stmt_busy(statement));
	return (struct query) { .db = db, .id = id, .statement = statement };
}

void query_end(struct query *q)
{
	/* What reset returns was reported by the step. */
	sqlite3_reset(q->statement);
	sqlite3_clear_bindings(q->statement);
}

static void note_bind(struct query *q, int rc)
{
	if (!q->rc)
		q->rc = rc;
}

void query_bind_blob(struct query *q, int n, const void *data, size_t size)
{
	note_bind(q, sqlite3_bind_blob64(q->statement, n, data, size,
					 SQLITE_STATIC));
}

void query_bind_bytes(struct query *q, int n, const char *s)
{
	query_bind_blob(q, n, s, s ? strlen(s) : 0);
}

void query_bind_text(struct query *q, int n, const char *s)
{
	note_bind(q, sqlite3_bind_text(q->statement, n, s, -1, SQLITE_STATIC));
}

void query_bind_int(struct query *q, int n, int64_t v)
{
	note_bind(q, sqlite3_bind_int64(q->statement, n, v));
}

struct error *query_step(struct query *q, bool *row_ret)
{
	int rc = q->rc ? q->rc : sqlite3_step(q->statement);

	if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
		*row_ret = rc == SQLITE_ROW;
		return NULL;
	}
	return db_error(q->db, rc, sql_statements[q->id].name);
}

struct error *query_run(struct query *q)
{
	bool row;

	do
		TRY(query_step(q, &row));
	while (row);
	return NULL;
}

struct error *query_value(struct db *db, enum sql id, int64_t *ret,
			  bool *found_ret)
{
	CLEANUP_QUERY struct query q = query_begin(db, id);

	TRY(query_step(&q, found_ret));
	*ret = *found_ret ? query_int(&q, 0) : 0;
	return NULL;
}

int64_t query_int(struct query *q, int column)
{
	return sqlite3_column_int64(q->statement, column);
}

const char *query_text(struct query *q, int column)
{
	const unsigned char *text = sqlite3_column_text(q->statement, column);

	return text ? (const char *)text : "";
}

const void *query_blob(struct query *q, int column, size_t *size_ret)
{
	const void *data = sqlite3_column_blob(q->statement, column);

	*size_ret = (size_t)sqlite3_column_bytes(q->statement, column);
	// SQLite gives NULL for no bytes, too; a member's name may be empty.
	if (!data && sqlite3_column_type(q->statement, column) != SQLITE_NULL)
		return "";
	return data;
}

/* ---- Transactions ------------------------------------------------------- */

static struct error *run_plain(struct db *db, enum sql id)
{
	CLEANUP_QUERY struct query q = query_begin(db, id);

	return query_run(&q);
}

struct error *txn_begin(struct db *db)
{
	return run_plain(db, SQL_BEGIN);
}

struct error *txn_commit(struct db *db)
{
	return run_plain(db, SQL_COMMIT);
}

void txn_end(struct db **db)
{
	/* SQLite itself rolls back after some errors. */
	if (!*db || sqlite3_get_autocommit((*db)->handle))
		return;
	sqlite3_exec((*db)->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the index, for writing and for reading, and what to do about a
 * database that is damaged or not ours.
 *
 * A database is unusable when SQLite says so (SQLITE_CORRUPT, SQLITE_NOTADB),
 * when it is another program's, when our statements do not fit its schema, or
 * when some connection met damage earlier and left the mark
 * "index.sqlite.damaged" beside it. A writer then sets it aside; nothing is
 * ever deleted.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "index/index_private.h"
#include "index/migrate.h"

static const char file_name[] = "index.sqlite";
static const char file_prefix[] = "file:";

int open_check_ms = 2000;

/* ---- The place ---------------------------------------------------------- */

const char *index_place_path(const char *place)
{
	size_t n = sizeof(file_prefix) - 1;

	return strncmp(place, file_prefix, n) ? place : place + n;
}

/* Owned, NULL without memory. */
static char *database_path(const char *place)
{
	const char *path = index_place_path(place);

	return path == place ? path_join(path, file_name) : mem_strdup(path);
}

/* "dir/name" to "dir", "name" to ".". Owned, NULL without memory. */
static char *directory_of(const char *path)
{
	size_t n = (size_t)(path_base(path) - path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return n ? mem_strndup(path, n) : mem_strdup(".");
}

bool is_network_file_system(long type)
{
	static const long types[] = {
		NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  0xff534d42, /* CIFS */
		0xfe534d42,                                    /* SMB2 */
		AFS_SUPER_MAGIC, CODA_SUPER_MAGIC, 0x00c36400, /* Ceph */
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i] == (type & 0xffffffffL))
			return true;
	return false;
}

/* The directory's descriptor carries a lock that keeps two processes from
 * creating, migrating or setting aside at once. */
static struct error *open_directory(const char *dir, unsigned flags,
				    int *fd_ret)
{
	struct statfs fs;

	if (!(flags & INDEX_READ_ONLY))
		TRY(file_make_dirs(dir));
	CLEANUP_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno("open %s", dir);
	if (fstatfs(fd, &fs))
		return error_errno("statfs %s", dir);
	if (is_network_file_system((long)fs.f_type) &&
	    !(flags & INDEX_ALLOW_NETWORK))
		return error_new(IO,
				 "%s is on a network file system, where a "
				 "write-ahead log does not work",
				 dir);
	if (!(flags & INDEX_READ_ONLY))
		while (flock(fd, LOCK_EX) && errno == EINTR)
			;
	*fd_ret = steal_fd(&fd);
	return NULL;
}

/* ---- Setting aside ------------------------------------------------------ */

/* "<path>.damaged-20260131T120000Z", with a number behind it if that is
 * taken. */
static char *free_name(const char *path)
{
	time_t now = (time_t)clock_wall_s();
	char when[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	for (unsigned n = 1;; n++) {
		char *name =
			n == 1 ? mem_printf("%s.damaged-%s", path, when)
			       : mem_printf("%s.damaged-%s-%u", path, when, n);

		if (!name || access(name, F_OK))
			return name;
		mem_free(name);
	}
}

/* The database's own file goes last: a crash before leaves it to be found
 * again; were it first, SQLite would delete the log it finds orphaned. */
static struct error *set_aside(const char *dir, const char *path,
			       const char *reason, char **notice_ret)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal",
						"" };
	CLEANUP_FREE char *name = free_name(path);
	CLEANUP_FREE char *mark = db_mark_path(path);
	CLEANUP_FREE char *notice = NULL;

	if (!name || !mark)
		return error_no_memory;
	notice = mem_printf("%s: set aside as %s, a new index is begun", reason,
			    path_base(name));
	if (!notice)
		return error_no_memory;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		CLEANUP_FREE char *from = mem_printf("%s%s", path, suffixes[i]);
		CLEANUP_FREE char *to = mem_printf("%s%s", name, suffixes[i]);

		if (!from || !to)
			return error_no_memory;
		if (rename(from, to) && errno != ENOENT)
			return error_errno("rename %s to %s", from, to);
	}
	if (unlink(mark) && errno != ENOENT)
		return error_errno("remove %s", mark);
	TRY(file_sync_dir(dir));
	*notice_ret = STEAL(notice);
	return NULL;
}

/* ---- Checking what is opened -------------------------------------------- */

struct watchdog {
	pthread_t thread;
	struct lock lock; /* guards is_done */
	struct condition condition;
	bool is_done;
	sqlite3 *handle;
	int64_t until_ms;
};

static void *watch(void *ctx)
{
	struct watchdog *w = ctx;

	LOCKED(&w->lock);
	while (!w->is_done)
		if (!condition_wait_until(&w->condition, &w->lock,
					  w->until_ms) &&
		    clock_ms() >= w->until_ms)
			break;
	if (!w->is_done)
		sqlite3_interrupt(w->handle);
	return NULL;
}

static struct error *watchdog_start(struct watchdog *w, struct db *db)
{
	*w = (struct watchdog) {
		.handle = db->handle,
		.until_ms = clock_ms() + open_check_ms,
	};
	lock_init(&w->lock, LOCK_INDEX);
	condition_init(&w->condition);
	if (!pthread_create(&w->thread, NULL, watch, w))
		return NULL;
	condition_deinit(&w->condition);
	lock_deinit(&w->lock);
	return error_new(BUSY, "no thread to check the index with");
}

static void watchdog_stop(struct watchdog *w)
{
	lock_acquire(&w->lock);
	w->is_done = true;
	condition_signal(&w->condition);
	lock_release(&w->lock);
	pthread_join(w->thread, NULL);
	condition_deinit(&w->condition);
	lock_deinit(&w->lock);
}

struct complaint {
	char *text; /* the first */
	bool is_io_error, is_out_of_memory;
};

static void complaint_deinit(struct complaint *c)
{
	mem_free(STEAL(c->text));
}

/* Pages that could not be read, or not be held, are complaints, too, and no
 * reason to give the database up: "Page 7: unable to get the page. error
 * code=266". SQLITE_OK: it says no code. */
static int code_of(const char *text)
{
	static const char mark[] = "error code=";
	const char *found = strstr(text, mark);

	return found ? atoi(found + strlen(mark)) & 0xff : SQLITE_OK;
}

static int take_complaint(void *ctx, int count, char **values, char **names)
{
	struct complaint *c = ctx;

	(void)names;
	if (count < 1 || !values[0] || !strcmp(values[0], "ok"))
		return 0;
	/* A headline, "*** in database main ***", comes before the first. */
	const char *text = strncmp(values[0], "***", 3)
				   ? values[0]
				   : strchr(values[0], '\n');
	if (!text)
		return 0;
	text += *text == '\n';
	c->is_io_error |= code_of(text) == SQLITE_IOERR;
	if (!c->text)
		c->text = mem_strndup(text, strcspn(text, "\n"));
	c->is_out_of_memory |= code_of(text) == SQLITE_NOMEM || !c->text;
	return c->is_out_of_memory;
}

/* quick_check reports damage as rows, not as an error. It is one opcode of
 * SQLite's machine and calls no progress handler (3.40), so that a second
 * thread ends it when the time is up. */
static struct error *check_for_a_while(struct db *db)
{
	CLEANUP(complaint_deinit) struct complaint c = { 0 };
	struct watchdog w;

	TRY(watchdog_start(&w, db));
	int rc = sqlite3_exec(db->handle, "PRAGMA quick_check(16)",
			      take_complaint, &c, NULL);
	watchdog_stop(&w);
	if (c.is_out_of_memory)
		return error_no_memory;
	if (rc && (rc & 0xff) != SQLITE_INTERRUPT)
		return db_error(db, rc, "quick_check");
	if (!c.text)
		return NULL;
	/* Of a page of its own it says "Failed to read ptrmap", and no code. */
	if (c.is_io_error || db_has_failed(db))
		return error_new(IO, "%s: %s", db->path, c.text);
	atomic_store(&db->is_damaged, true);
	return error_new(DATABASE, "%s: damaged: %s", db->path, c.text);
}

static struct error *require_unmarked(struct db *db)
{
	CLEANUP_FREE char *mark = db_mark_path(db->path);

	if (!mark)
		return error_no_memory;
	if (access(mark, F_OK))
		return NULL;
	atomic_store(&db->is_damaged, true);
	return error_new(DATABASE, "%s: damage was met while it was in use",
			 db->path);
}

/* ---- The writer --------------------------------------------------------- */

static struct error *read_secret(struct index *ix)
{
	int64_t secret;
	bool found;

	TRY(query_value(&ix->db, SQL_SECRET, &secret, &found));
	ix->secret = (uint64_t)secret;
	if (found)
		return NULL;
	atomic_store(&ix->db.is_damaged, true);
	return error_new(DATABASE, "%s: damaged: table meta is empty",
			 ix->db.path);
}

static int note_wal_pages(void *ctx, sqlite3 *handle, const char *name,
			  int pages)
{
	struct index *ix = ctx;

	(void)handle;
	(void)name;
	ix->wal_bytes = (uint64_t)pages * (uint64_t)ix->page_size;
	return SQLITE_OK;
}

static struct error *connect_writer(struct index *ix, const char *path)
{
	enum migrate_state state;
	bool found;

	TRY(db_open(&ix->db, path, DB_WRITE));
	/* SQLite itself is content with what it may only read. */
	if (sqlite3_db_readonly(ix->db.handle, "main"))
		return error_new(IO, "%s cannot be written", path);
	TRY(require_unmarked(&ix->db));
	TRY(migrate_identify(&ix->db, &state));
	if (state != MIGRATE_EMPTY)
		TRY(check_for_a_while(&ix->db));
	TRY(db_configure(&ix->db));
	TRY(migrate_run(&ix->db, migration_count));
	TRY(db_prepare(&ix->db, SQL_WRITER));
	TRY(read_secret(ix));
	TRY(query_value(&ix->db, SQL_PAGE_SIZE, &ix->page_size, &found));
	if (stat(path, &ix->seen))
		return error_errno("stat %s", path);
	sqlite3_db_config(ix->db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0,
			  NULL);
	sqlite3_wal_hook(ix->db.handle, note_wal_pages, ix);
	return NULL;
}

static struct error *require_current(struct db *db)
{
	enum migrate_state state;

	TRY(migrate_identify(db, &state));
	if (state == MIGRATE_EMPTY)
		return error_new(DATABASE, "%s: no index yet", db->path);
	if (state == MIGRATE_OLDER)
		return error_new(DATABASE,
				 "%s has an older schema: open it for writing "
				 "once",
				 db->path);
	return NULL;
}

static bool is_writable(const char *path)
{
	return !faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
}

static bool is_writable_directory_of(const char *path)
{
	CLEANUP_FREE char *dir = directory_of(path);

	return !dir || is_writable(dir);
}

static bool has_nothing(const char *path, const char *suffix)
{
	CLEANUP_FREE char *log = mem_printf("%s%s", path, suffix);
	struct stat st;

	return log && (stat(log, &st) || st.st_size == 0);
}

static bool has_no_log(const char *path)
{
	return has_nothing(path, "-wal") && has_nothing(path, "-journal");
}

static struct error *connect_reader(struct db *db, const char *path,
				    enum db_mode mode, struct stat *seen_ret)
{
	if (stat(path, seen_ret))
		return errno == ENOENT
			       ? error_new(DATABASE, "%s: no index yet", path)
			       : error_errno("open %s", path);
	TRY(db_open(db, path, mode));
	TRY(require_current(db));
	return db_configure(db);
}

/* Directories that cannot be written have no place for the log's shared memory
 * when nobody else keeps it there. Without a log there is nothing in it to
 * miss, and the file can be read as it is. */
static struct error *connect_either(struct db *db, const char *path,
				    struct stat *seen_ret)
{
	CLEANUP_ERROR struct error *err =
		connect_reader(db, path, DB_READ, seen_ret);

	if (!err)
		return NULL;
	int rc = db->handle ? sqlite3_errcode(db->handle) & 0xff : SQLITE_OK;
	if ((rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) ||
	    is_writable_directory_of(path) || !has_no_log(path))
		return STEAL(err);
	db_close(db);
	return connect_reader(db, path, DB_IMMUTABLE, seen_ret);
}

static struct error *connect_read_only(struct index *ix, const char *path)
{
	ix->is_read_only = true;
	TRY(connect_either(&ix->db, path, &ix->seen));
	TRY(db_prepare(&ix->db, SQL_WRITER));
	return read_secret(ix);
}

static struct error *connect_index(struct index *ix, const char *place,
				   unsigned flags, char **notice_ret)
{
	CLEANUP_CLOSE int dir_fd = -1;
	CLEANUP_FREE char *path = database_path(place);
	CLEANUP_FREE char *dir = path ? directory_of(path) : NULL;

	if (!dir)
		return error_no_memory;
	TRY(error_wrap(open_directory(dir, flags, &dir_fd), "index"));
	if (flags & INDEX_READ_ONLY)
		return connect_read_only(ix, path);

	CLEANUP_ERROR struct error *err = connect_writer(ix, path);
	if (!err || !atomic_load(&ix->db.is_damaged))
		return STEAL(err);
	db_close(&ix->db);
	atomic_store(&ix->db.is_damaged, false);
	CLEANUP_FREE char *notice = NULL;
	TRY(set_aside(dir, path, error_message(err), &notice));
	/* Whatever comes now, somebody must be told. */
	TRY(error_wrap(connect_writer(ix, path), "%s", notice));
	if (notice_ret)
		*notice_ret = STEAL(notice);
	return NULL;
}

static void cleanup_index(struct index **ix)
{
	index_close(*ix);
}

struct error *index_open(const char *place, unsigned flags, char **notice_ret,
			 struct index **ret)
{
	CLEANUP(cleanup_index) struct index *ix = mem_zalloc(sizeof(*ix));

	if (notice_ret)
		*notice_ret = NULL;
	if (!ix)
		return error_no_memory;
	lock_init(&ix->lock, LOCK_INDEX);
	TRY(connect_index(ix, place, flags, notice_ret));
	*ret = STEAL(ix);
	return NULL;
}

/* The last connection to close does this by itself, and removes the log; here
 * also when it is a reader, of whatever process, that outlives the writer. */
static void empty_log(struct index *ix)
{
	enum { WAIT_MS = 100 };

	if (!ix->db.handle || ix->is_read_only || !ix->seen.st_ino ||
	    atomic_load(&ix->db.is_damaged) || db_has_moved(&ix->db))
		return;
	sqlite3_busy_timeout(ix->db.handle, WAIT_MS);
	sqlite3_wal_checkpoint_v2(ix->db.handle, NULL,
				  SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

void index_close(struct index *ix)
{
	if (!ix)
		return;
	empty_log(ix);
	db_close(&ix->db);
	lock_deinit(&ix->lock);
	mem_free(ix);
}

bool index_is_writable(const char *place)
{
	CLEANUP_FREE char *path = database_path(place);

	/* Setting it aside, and its log, take the directory as well. */
	return !path || access(path, F_OK) ||
	       (is_writable(path) && is_writable_directory_of(path));
}

static void close_db(struct db *db)
{
	db_close(db);
}

/* Through SQLite, since the newest header may be in the log. */
struct error *index_probe(const char *path, enum index_owner *ret)
{
	CLEANUP(close_db) struct db db = { .handle = NULL };
	int64_t application, tables;
	struct stat st;

	*ret = INDEX_OWNER_NONE;
	if (stat(path, &st) && errno == ENOENT)
		return NULL;
	CLEANUP_ERROR struct error *err = db_open(&db, path, DB_FOREIGN);
	if (!err)
		err = db_exec_int(&db, "PRAGMA application_id", &application);
	if (!err)
		err = db_exec_int(&db, "SELECT count(*) FROM sqlite_schema",
				  &tables);
	if (err && error_kind(err) != ERROR_DATABASE)
		return STEAL(err);
	if (err || (application != INDEX_APPLICATION_ID && tables))
		*ret = INDEX_OWNER_OTHER;
	else if (application == INDEX_APPLICATION_ID)
		*ret = INDEX_OWNER_US;
	return NULL;
}

bool index_needs_reopen(const struct index *ix)
{
	CLEANUP_FREE char *mark = NULL;
	struct stat now;

	if (atomic_load(&ix->db.is_damaged) || atomic_load(&ix->db.is_spent))
		return true;
	if (stat(ix->db.path, &now) || now.st_dev != ix->seen.st_dev ||
	    now.st_ino != ix->seen.st_ino)
		return true;
	mark = db_mark_path(ix->db.path);
	return mark && !access(mark, F_OK);
}

void index_on_change(struct index *ix, index_changed_fn fn, void *ctx)
{
	LOCKED(&ix->lock);
	ix->on_change = fn;
	ix->on_change_ctx = ctx;
}

uint64_t index_secret(const struct index *ix)
{
	return ix->secret;
}

/* ---- Readers ------------------------------------------------------------ */

static void cleanup_reader(struct index_reader **r)
{
	index_reader_close(*r);
}

static struct error *connect_and_prepare(struct index_reader *r)
{
	TRY(connect_either(&r->db, r->path, &r->seen));
	return db_prepare(&r->db, SQL_READER);
}

struct error *index_reader_open(const char *place, struct index_reader **ret)
{
	CLEANUP(cleanup_reader) struct index_reader *r = mem_zalloc(sizeof(*r));

	if (!r)
		return error_no_memory;
	r->path = database_path(place);
	if (!r->path)
		return error_no_memory;
	TRY(connect_and_prepare(r));
	*ret = STEAL(r);
	return NULL;
}

void index_reader_close(struct index_reader *r)
{
	if (!r)
		return;
	db_close(&r->db);
	mem_free(r->path);
	mem_free(r);
}

bool index_reader_needs_reopen(struct index_reader *r)
{
	return !r->db.handle || atomic_load(&r->db.is_damaged) ||
	       db_has_moved(&r->db);
}

/* Is the file that is read without locks still what it was, and still without
 * a log? */
static bool is_unchanged(struct index_reader *r)
{
	struct stat now;

	return !stat(r->path, &now) && now.st_dev == r->seen.st_dev &&
	       now.st_ino == r->seen.st_ino && now.st_size == r->seen.st_size &&
	       now.st_mtim.tv_sec == r->seen.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == r->seen.st_mtim.tv_nsec &&
	       has_no_log(r->path);
}

struct error *reader_refresh(struct index_reader *r)
{
	bool is_good = !atomic_load(&r->db.is_spent) &&
		       (r->db.mode != DB_IMMUTABLE || is_unchanged(r));

	if (r->db.handle && (is_good || sqlite3_txn_state(r->db.handle, NULL) !=
						SQLITE_TXN_NONE))
		return NULL;
	/* Somebody writes after all, or a read failed. Where this fails the
	 * next read tries again. */
	r->reopened++;
	db_close(&r->db);
	atomic_store(&r->db.is_damaged, false);
	atomic_store(&r->db.is_spent, false);
	CLEANUP_ERROR struct error *err = connect_and_prepare(r);
	if (err)
		db_close(&r->db);
	return STEAL(err);
}

const char *index_library_version(void)
{
	return sqlite3_libversion();
}

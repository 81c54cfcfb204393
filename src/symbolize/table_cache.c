/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/cache_temp.h"
#include "symbolize/table_cache_internal.h"

/* Each is a mapping, of which the kernel gives a process 65530. */
enum { LOADED_MOST = 16384 };

static_assert((int)LABELS_TABLE_OP_COUNT == (int)TABLE_OPS,
	      "a label for each, in their order");

void table_op_count(enum table_op op)
{
	metric_add(METRIC_TABLE_OPS, op, 0, 1);
}

/* ---- Loaded ------------------------------------------------------------- */

/* The table to drop next; NULL: all is within its bounds. */
static struct symtab *shed_one(struct table_cache *c)
{
	LOCKED(&c->lock);
	struct table_entry *e = TAILQ_FIRST(&c->loaded);
	struct symtab *table = NULL;

	if (e && TAILQ_NEXT(e, by_table) &&
	    (c->loaded_total > c->memory_limit ||
	     c->loaded_count > LOADED_MOST)) {
		entry_keep_time(c, e);
		table = entry_forget_table(c, e);
		table_op_count(TABLE_OP_DROP);
		entry_tidy(c, e);
	}
	tables_show(c);
	return table;
}

static void shed(struct table_cache *c)
{
	struct symtab *table;

	while ((table = shed_one(c)))
		symtab_put(table);
}

enum table_place table_cache_get(struct table_cache *c,
				 const struct build_id *id,
				 struct table_found *ret)
{
	LOCKED(&c->lock);
	struct table_entry *e = entry_find(c, id);

	*ret = (struct table_found) { 0 };
	if (!e || !e->table)
		return e ? TABLE_ON_DISK : TABLE_NOWHERE;
	entry_use(c, e);
	ret->table = symtab_get(e->table);
	ret->is_doubted =
		e->trusted < c->epoch || clock_ms() >= e->trusted_until_ms;
	ret->claims = e->claims;
	return TABLE_LOADED;
}

bool table_cache_claims(struct table_cache *c, const struct build_id *id,
			struct table_claims *ret)
{
	LOCKED(&c->lock);
	const struct table_entry *e = entry_find(c, id);

	if (e)
		*ret = e->claims;
	return e != NULL;
}

/* ---- From disk ---------------------------------------------------------- */

struct error *table_cache_open_table(const struct table_cache *c, int fd,
				     const struct build_id *id,
				     struct symtab **ret)
{
	struct stat st;

	if (!fstat(fd, &st) && (uint64_t)st.st_size > c->memory_limit)
		return error_new(LIMIT,
				 "the table has %lld bytes (--table-memory)",
				 (long long)st.st_size);
	return symtab_open(fd, id, ret);
}

/* Open the file of an entry. -1: there is none. */
static struct error *open_file(struct table_cache *c, const struct build_id *id,
			       int *fd_ret)
{
	char name[TABLE_NAME_SIZE];

	*fd_ret = -1;
	LOCKED(&c->lock);
	struct table_entry *e = entry_find(c, id);

	if (!e || !e->has_file)
		return NULL;
	*fd_ret = openat(c->dir_fd, table_file_name(e, name),
			 O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd_ret >= 0)
		return NULL;
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		return error_errno("open %s", name);
	entry_forget_file(c, e);
	entry_tidy(c, e);
	tables_show(c);
	return NULL;
}

/* @p err says what is wrong with the file; taken. */
static void reject_file(struct table_cache *c, const struct build_id *id,
			int fd, struct error *err)
{
	bool is_outdated = error_kind(err) == ERROR_UNSUPPORTED;
	bool is_told = false;
	uint64_t left_out;
	char hex[BUILD_ID_HEX_MAX];

	table_op_count(is_outdated ? TABLE_OP_OUTDATED : TABLE_OP_DAMAGED);
	{
		LOCKED(&c->lock);
		struct table_entry *e = entry_find(c, id);

		if (!is_outdated)
			is_told = log_limit_pass(&c->damage_log, &left_out);
		if (e && entry_is_file(c, e, fd)) {
			entry_remove_file(c, e);
			entry_tidy(c, e);
			tables_show(c);
		}
	}
	if (is_told)
		log_warn("symbolize", "damaged table removed",
			 LOG_S("build_id", build_id_hex(id, hex)),
			 LOG_S("error", error_message(err)),
			 LOG_U("left_out", left_out));
	error_free(err);
}

struct error *table_cache_load(struct table_cache *c, const struct build_id *id,
			       struct symtab **ret)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_SYMTAB struct symtab *table = NULL;
	CLEANUP_SYMTAB struct symtab *old = NULL;
	struct table_found found;
	enum table_place place = table_cache_get(c, id, &found);

	*ret = found.table;
	if (place != TABLE_ON_DISK)
		return NULL;
	TRY(open_file(c, id, &fd));
	if (fd < 0)
		return NULL;
	struct error *err = table_cache_open_table(c, fd, id, &table);

	if (err && (error_kind(err) == ERROR_BAD_DATA ||
		    error_kind(err) == ERROR_UNSUPPORTED)) {
		reject_file(c, id, fd, err);
		return NULL;
	}
	TRY(err);
	table_op_count(TABLE_OP_LOAD);
	{
		LOCKED(&c->lock);
		struct table_entry *e = entry_find(c, id);

		if (e && entry_is_file(c, e, fd) && !e->table) {
			old = entry_note_table(c, e, table);
			e->trusted = 0;
			entry_use(c, e);
		}
	}
	shed(c);
	*ret = STEAL(table);
	return NULL;
}

/* ---- New ones ----------------------------------------------------------- */

struct error *table_cache_begin(struct table_cache *c, int *fd_ret)
{
	if (c->dir_fd < 0)
		return table_cache_begin_elsewhere(fd_ret);
	if (!table_dir_spare(c))
		return error_new(NO_SPACE, "%s: no space", c->dir);
	return error_wrap(cache_temp_open(c->dir_fd, fd_ret), "%s", c->dir);
}

struct error *table_cache_begin_elsewhere(int *fd_ret)
{
	return file_open_temporary(NULL, 0, fd_ret);
}

/* May @p have give its place to @p table? A worse one never replaces a better:
 * what was inlined into its functions a table that lacks split DWARF may not
 * say. */
static bool is_better(const struct symtab *have, struct table_claims had,
		      const struct symtab *table, struct table_claims claims)
{
	if (symtab_quality(table) != symtab_quality(have))
		return symtab_quality(table) > symtab_quality(have);
	return !(claims.inputs & ~had.inputs & TABLE_LACKS_SPLIT);
}

/* The table there is, if it can be had: one that was dropped is on disk only. */
static struct error *load_any(struct table_cache *c, const struct build_id *id,
			      struct symtab **ret)
{
	struct error *err = table_cache_load(c, id, ret);

	if (err && error_kind(err) == ERROR_LIMIT) {
		error_free(err);
		err = NULL;
	}
	return err;
}

/* @p table takes the entry's place. What it replaces on disk goes with
 * table_cache_keep() or, should the new one find no room, now. */
static struct symtab *replace(struct table_cache *c, struct table_entry *e,
			      struct table_claims claims, struct symtab *table,
			      int *fd)
{
	entry_remove_file(c, e);
	e->claims = claims;
	entry_await_no_more(e);
	struct symtab *old = entry_note_table(c, e, table);

	e->fd = steal_fd(fd);
	return old;
}

/* The entry's table stays. What the other one was made from is tried, and what
 * this one does not lack it has. */
static void stay(struct table_cache *c, struct table_entry *e,
		 struct table_claims claims)
{
	if (!(e->claims.inputs & TABLE_LACKS_SPLIT))
		claims.inputs &= (uint8_t)~TABLE_LACKS_SPLIT;
	entry_set_claims(c, e, claims);
}

struct error *table_cache_put(struct table_cache *c, const struct build_id *id,
			      struct table_claims claims, int fd,
			      struct symtab **ret, bool *is_new_ret)
{
	CLEANUP_SYMTAB struct symtab *table = NULL;
	CLEANUP_SYMTAB struct symtab *have = NULL;
	CLEANUP_SYMTAB struct symtab *loaded = NULL;
	CLEANUP_SYMTAB struct symtab *old = NULL;
	CLEANUP_CLOSE int held = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	*is_new_ret = false;
	TRY(table_cache_open_table(c, fd, id, &table));
	table_op_count(TABLE_OP_BUILD);
	TRY(load_any(c, id, &loaded));
	{
		LOCKED(&c->lock);
		struct table_entry *e = entry_find_or_add(c, id);

		if (!e)
			return error_no_memory;
		if (e->table)
			have = symtab_get(e->table);
		else if (e->has_file && loaded)
			have = symtab_get(loaded);
		*is_new_ret =
			!have || is_better(have, e->claims, table, claims);
		if (*is_new_ret)
			old = replace(c, e, claims, table, &held);
		else
			stay(c, e, claims);
	}
	shed(c);
	*ret = *is_new_ret ? STEAL(table) : STEAL(have);
	return NULL;
}

/* Give the file its name, if the table is still the one. */
static struct error *publish(struct table_cache *c, const struct build_id *id,
			     const struct symtab *table, int fd)
{
	char name[TABLE_NAME_SIZE];
	struct stat st;

	if (fstat(fd, &st))
		return error_errno("stat");
	LOCKED(&c->lock);
	struct table_entry *e = entry_find(c, id);

	if (!e || e->table != table || e->has_file)
		return NULL;
	uint64_t bytes = (uint64_t)st.st_size;

	if (bytes > c->limit)
		return NULL;
	table_dir_make_room(c, bytes);
	TRY(cache_temp_publish(c->dir_fd, fd, table_file_name(e, name)));
	entry_note_file(c, e, bytes);
	entry_use(c, e);
	tables_show(c);
	table_op_count(TABLE_OP_KEEP);
	return NULL;
}

static struct error *keep(struct table_cache *c, const struct build_id *id,
			  const struct symtab *table, int fd)
{
	if (!table_dir_has(c, fd))
		return NULL;
	if (fsync(fd))
		return error_errno("%s: fsync", c->dir);
	TRY(error_wrap(publish(c, id, table, fd), "%s", c->dir));
	return file_sync_dir(c->dir);
}

struct error *table_cache_keep(struct table_cache *c, const struct build_id *id,
			       const struct symtab *table, int fd)
{
	CLEANUP_CLOSE int owned = fd;
	struct error *err = keep(c, id, table, fd);

	LOCKED(&c->lock);
	struct table_entry *e = entry_find(c, id);

	if (e && e->table == table) {
		cleanup_close(&e->fd);
		e->fd = -1;
	}
	return err;
}

/* ---- Doubts ------------------------------------------------------------- */

void table_cache_reject(struct table_cache *c, const struct symtab *table)
{
	struct symtab *loaded = NULL;

	{
		LOCKED(&c->lock);
		struct table_entry *e = entry_find(c, symtab_build_id(table));

		if (!e || e->table != table)
			return;
		loaded = entry_forget_table(c, e);
		entry_remove_file(c, e);
		entry_tidy(c, e);
		tables_show(c);
	}
	table_op_count(TABLE_OP_DAMAGED);
	symtab_put(loaded);
}

void table_cache_doubt(struct table_cache *c, const struct build_id *id)
{
	LOCKED(&c->lock);
	struct table_entry *e = entry_find(c, id);

	if (e)
		e->trusted = 0;
	LIST_FOREACH(e, &c->waiting, by_wait)
	{
		if (e->claims.inputs & TABLE_LACKS_SPLIT ||
		    (e->alt.len && build_id_equal(&e->alt, id)))
			e->trusted = 0;
	}
}

void table_cache_await(struct table_cache *c, const struct build_id *id,
		       const struct build_id *alt)
{
	LOCKED(&c->lock);
	struct table_entry *e = entry_find(c, id);

	if (!e)
		return;
	entry_await_no_more(e);
	e->is_waiting = true;
	if (alt)
		e->alt = *alt;
	LIST_INSERT_HEAD(&c->waiting, e, by_wait);
}

void table_cache_doubt_all(struct table_cache *c)
{
	LOCKED(&c->lock);
	c->epoch++;
}

uint64_t table_cache_epoch(struct table_cache *c)
{
	LOCKED(&c->lock);
	return c->epoch;
}

void table_cache_trust(struct table_cache *c, const struct build_id *id,
		       uint64_t since, int64_t for_ms)
{
	int64_t now = clock_ms();

	LOCKED(&c->lock);
	struct table_entry *e = entry_find(c, id);

	if (!e || e->trusted > since)
		return;
	e->trusted = since;
	e->trusted_until_ms =
		for_ms < INT64_MAX - now ? now + for_ms : INT64_MAX;
}

/* ---- Open and close ----------------------------------------------------- */

struct error *table_cache_open(const char *dir, uint64_t disk_bytes,
			       uint64_t memory_bytes, struct table_cache **ret)
{
	struct table_cache *c = mem_zalloc(sizeof(*c));

	if (!c)
		return error_no_memory;
	lock_init(&c->lock, LOCK_SYMBOLIZE_TABLES);
	c->dir_fd = -1;
	c->limit = disk_bytes;
	c->memory_limit = memory_bytes;
	c->epoch = 1;
	c->dir = mem_strdup(dir);
	struct error *err =
		table_entries_init(c) && c->dir ? NULL : error_no_memory;

	if (!err && disk_bytes)
		err = table_dir_open(c);
	if (err && error_kind(err) != ERROR_NO_MEMORY) {
		log_consume(LOG_WARN, "symbolize",
			    "no directory for tables: none is kept", err);
		cleanup_close(&c->dir_fd);
		c->dir_fd = -1;
		err = NULL;
	}
	if (err) {
		table_cache_close(c);
		return err;
	}
	*ret = c;
	return NULL;
}

void table_cache_close(struct table_cache *c)
{
	if (!c)
		return;
	table_entries_deinit(c);
	cleanup_close(&c->dir_fd);
	mem_free(c->dir);
	lock_deinit(&c->lock);
	mem_free(c);
}

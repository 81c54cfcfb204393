/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write transactions: begin, commit, keep the WAL short, say what changed; and
 * the names that rows refer to.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "index/index_private.h"
#include "index/migrate.h"

enum {
	/* The WAL is moved into the database whenever it has grown by this:
	 * pages written again and again are moved once. */
	CHECKPOINT_BYTES = 16 << 20,
	/* One that readers were in the way of is tried again behind this. */
	CHECKPOINT_AGAIN_BYTES = 4 << 20,
	/* A checkpoint waits for readers to let go of the WAL, so that the next
	 * write begins it anew. Without waiting, readers that never rest would
	 * make it grow for ever: one of them always has it. Under a reader that
	 * holds on for longer it grows; well before 256 MiB wait longer. */
	WAL_WAIT_MS = 100,
	WAL_LONG_BYTES = 160 << 20,
	WAL_LONG_WAIT_MS = 10000,
};

/* ---- Transactions ------------------------------------------------------- */

void change_init(struct change *ch, struct index *ix)
{
	*ch = (struct change) { .ix = ix };
}

void change_deinit(struct change *ch)
{
	mem_free(STEAL(ch->ids));
	mem_free(STEAL(ch->directory));
}

static struct error *require_our_schema(struct db *db)
{
	int64_t version;
	bool found;

	TRY(query_value(db, SQL_USER_VERSION, &version, &found));
	if (version == migration_count)
		return NULL;
	return error_new(DATABASE, "index %s was migrated by a newer program",
			 db->path);
}

struct error *error_read_only(const struct db *db)
{
	return error_new(DATABASE, "index %s was opened read-only", db->path);
}

struct error *change_begin(struct change *ch)
{
	struct db *db = &ch->ix->db;

	if (ch->ix->is_read_only)
		return error_read_only(db);
	if (db_has_moved(db))
		return error_new(DATABASE, "index %s was moved or removed",
				 db->path);
	TRY(txn_begin(db));
	CLEANUP_TXN struct db *txn = db;
	TRY(require_our_schema(db));
	txn = NULL;
	return NULL;
}

/* A transaction that changed no count writes none. */
static struct error *write_tally(struct change *ch)
{
	static const int64_t none[TALLIES];

	if (!memcmp(ch->tally, none, sizeof(none)))
		return NULL;
	CLEANUP_QUERY struct query q = query_begin(&ch->ix->db, SQL_TALLY_ADD);

	for (int i = 0; i < TALLIES; i++)
		query_bind_int(&q, i + 1, ch->tally[i]);
	return query_run(&q);
}

/* A checkpoint that fails leaves the WAL longer and nothing else: what was
 * committed is committed. The next one tries again. */
static void checkpoint_if_due(struct index *ix)
{
	bool is_long = ix->wal_bytes >= WAL_LONG_BYTES;

	if (ix->wal_bytes < CHECKPOINT_BYTES)
		ix->next_checkpoint_bytes = CHECKPOINT_BYTES;
	if (ix->wal_bytes < ix->next_checkpoint_bytes)
		return;
	ix->next_checkpoint_bytes = ix->wal_bytes + CHECKPOINT_BYTES;
	sqlite3_busy_timeout(ix->db.handle,
			     is_long ? WAL_LONG_WAIT_MS : WAL_WAIT_MS);
	int rc = sqlite3_wal_checkpoint_v2(
		ix->db.handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	sqlite3_busy_timeout(ix->db.handle, DB_BUSY_MS);
	if ((rc & 0xff) == SQLITE_BUSY)
		ix->next_checkpoint_bytes =
			ix->wal_bytes + CHECKPOINT_AGAIN_BYTES;
	else if (rc)
		error_free(db_error(&ix->db, rc, "checkpoint"));
}

struct error *change_commit(struct change *ch)
{
	struct index *ix = ch->ix;

	TRY(write_tally(ch));
	TRY(txn_commit(&ix->db));
	ch->on_change = ix->on_change;
	ch->on_change_ctx = ix->on_change_ctx;
	checkpoint_if_due(ix);
	return NULL;
}

/* ---- Announcing --------------------------------------------------------- */

struct error *change_note_id(struct change *ch, const struct build_id *id)
{
	if (!mem_grow(&ch->ids, &ch->id_capacity, ch->id_count + 1,
		      sizeof(*ch->ids)))
		return error_no_memory;
	ch->ids[ch->id_count++] = *id;
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	const struct build_id *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->bytes, y->bytes, x->len);
}

/* With the index unlocked, each ID once. */
void change_announce(struct change *ch)
{
	if (!ch->on_change || !ch->id_count)
		return;
	qsort(ch->ids, ch->id_count, sizeof(*ch->ids), compare_ids);
	for (size_t i = 0; i < ch->id_count; i++)
		if (i == 0 || !build_id_equal(&ch->ids[i], &ch->ids[i - 1]))
			ch->on_change(ch->on_change_ctx, &ch->ids[i]);
}

/* ---- Names -------------------------------------------------------------- */

static struct error *find_name(struct db *db, enum sql id, const void *key,
			       size_t size, int64_t *ret, bool *found_ret)
{
	CLEANUP_QUERY struct query q = query_begin(db, id);

	query_bind_blob(&q, 1, key, size);
	TRY(query_step(&q, found_ret));
	if (*found_ret)
		*ret = query_int(&q, 0);
	return NULL;
}

/* The row of a name, made if it is new. */
static struct error *intern(struct change *ch, enum sql find, enum sql add,
			    enum tally tally, const void *key, size_t size,
			    int64_t *ret)
{
	struct db *db = &ch->ix->db;
	bool found;

	TRY(find_name(db, find, key, size, ret, &found));
	if (found)
		return NULL;
	CLEANUP_QUERY struct query q = query_begin(db, add);
	query_bind_blob(&q, 1, key, size);
	TRY(query_run(&q));
	*ret = sqlite3_last_insert_rowid(db->handle);
	ch->tally[tally]++;
	return NULL;
}

struct error *change_find_directory(struct change *ch, const char *dir,
				    size_t size, int64_t *ret, bool *found_ret)
{
	return find_name(&ch->ix->db, SQL_DIRECTORY_FIND, dir, size, ret,
			 found_ret);
}

struct error *change_intern_directory(struct change *ch, const char *dir,
				      size_t size, int64_t *ret)
{
	return intern(ch, SQL_DIRECTORY_FIND, SQL_DIRECTORY_ADD,
		      TALLY_DIRECTORIES, dir, size, ret);
}

/* A container's directory is mostly that of the container before it. */
struct error *change_intern_container_directory(struct change *ch,
						const char *dir, size_t size,
						int64_t *ret)
{
	if (ch->directory_id && ch->directory_size == size &&
	    !memcmp(ch->directory, dir, size)) {
		*ret = ch->directory_id;
		return NULL;
	}
	ch->directory_id = 0;
	TRY(change_intern_directory(ch, dir, size, ret));
	if (!mem_grow(&ch->directory, &ch->directory_capacity, size + 1, 1))
		return error_no_memory;
	memcpy(ch->directory, dir, size);
	ch->directory_size = size;
	ch->directory_id = *ret;
	return NULL;
}

struct error *change_intern_build_id(struct change *ch,
				     const struct build_id *id, int64_t *ret)
{
	return intern(ch, SQL_BUILD_ID_FIND, SQL_BUILD_ID_ADD, TALLY_BUILD_IDS,
		      id->bytes, id->len, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source paths that wait for an alternate file.
 *
 * A row of source_pending belongs to its artifact's container like all else
 * that was put with it, and goes with it; or when the paths are complete.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "index/index_private.h"

/* ---- Reading ------------------------------------------------------------ */

struct error *index_next_pending_alt(struct index_reader *r,
				     const struct build_id *after,
				     struct build_id *ret, bool *found_ret)
{
	size_t size;

	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, SQL_PENDING_ALT);
	query_bind_blob(&q, 1, after->bytes, after->len);
	TRY(query_step(&q, found_ret));
	if (!*found_ret)
		return NULL;
	const void *bytes = query_blob(&q, 0, &size);
	if (!build_id_set(ret, bytes, size))
		return error_new(DATABASE, "alternate build ID of %zu bytes",
				 size);
	return NULL;
}

struct error *index_each_pending(struct index_reader *r,
				 const struct build_id *alt,
				 index_pending_fn fn, void *ctx)
{
	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, SQL_PENDING_OF);
	query_bind_blob(&q, 1, alt->bytes, alt->len);
	for (;;) {
		struct index_pending p;
		bool row;

		TRY(query_step(&q, &row));
		if (!row)
			return NULL;
		p.artifact_id = query_int(&q, 0);
		p.packed = query_blob(&q, 1, &p.packed_size);
		p.sources = query_blob(&q, 2, &p.sources_size);
		if (!fn(ctx, &p))
			return NULL;
	}
}

/* ---- Writing ------------------------------------------------------------ */

static struct error *delete_pending(struct db *db,
				    const struct index_sources_put *put,
				    bool *was_there)
{
	CLEANUP_QUERY struct query q = query_begin(db, SQL_PENDING_DELETE);

	query_bind_int(&q, 1, put->artifact_id);
	query_bind_blob(&q, 2, put->packed, put->packed_size);
	TRY(query_run(&q));
	*was_there = sqlite3_changes64(db->handle) != 0;
	return NULL;
}

static struct error *put_list(struct db *db,
			      const struct index_sources_put *put)
{
	CLEANUP_QUERY struct query list = query_begin(db, SQL_SOURCES_PUT);

	query_bind_int(&list, 1, put->artifact_id);
	query_bind_blob(&list, 2, put->sources, put->sources_size);
	TRY(query_run(&list));
	CLEANUP_QUERY struct query count =
		query_begin(db, SQL_SOURCE_COUNT_SET);
	query_bind_int(&count, 1, put->artifact_id);
	query_bind_int(&count, 2, (int64_t)put->source_count);
	return query_run(&count);
}

/* Whoever remembers that a source is not there must look again. */
static struct error *note_artifact(struct change *ch, int64_t artifact_id)
{
	CLEANUP_QUERY struct query q =
		query_begin(&ch->ix->db, SQL_BUILD_ID_OF);
	struct build_id id;
	size_t size;
	bool row;

	query_bind_int(&q, 1, artifact_id);
	TRY(query_step(&q, &row));
	if (!row)
		return NULL;
	const void *bytes = query_blob(&q, 0, &size);
	return build_id_set(&id, bytes, size) ? change_note_id(ch, &id) : NULL;
}

static struct error *complete_locked(struct change *ch,
				     const struct index_sources_put *put)
{
	struct db *db = &ch->ix->db;
	bool was_there;

	LOCKED(&ch->ix->lock);
	TRY(change_begin(ch));
	CLEANUP_TXN struct db *txn = db;
	TRY(delete_pending(db, put, &was_there));
	if (!was_there)
		return NULL;
	if (put->sources)
		TRY(put_list(db, put));
	TRY(note_artifact(ch, put->artifact_id));
	return change_commit(ch);
}

struct error *index_complete_sources(struct index *ix,
				     const struct index_sources_put *put)
{
	CLEANUP_CHANGE struct change ch;

	change_init(&ch, ix);
	TRY(error_wrap(complete_locked(&ch, put), "complete sources"));
	change_announce(&ch);
	return NULL;
}

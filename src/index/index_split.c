/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file holds a unit of split DWARF.
 *
 * A .dwo or .dwp is an artifact like any other; mostly its build ID is an
 * htlhash. Rows of split_unit go with it.
 */
#include "config.h"

#include <string.h>

#include "index/index_private.h"

/* ---- Reading ------------------------------------------------------------ */

/* The best so far. */
struct found {
	int64_t build_id; /* row */
	int64_t root_order;
};

/* Of several copies the best one counts. @return False: it is there already. */
static bool drop_worse(struct found *best, size_t *count, const struct found *f)
{
	for (size_t i = 0; i < *count; i++) {
		if (best[i].build_id != f->build_id)
			continue;
		if (best[i].root_order <= f->root_order)
			return false;
		memmove(best + i, best + i + 1, (--*count - i) * sizeof(*best));
		return true;
	}
	return true;
}

/* Behind those of the same order, which were seen before. */
static void insert(struct found *best, size_t *count, const struct found *f)
{
	if (!drop_worse(best, count, f))
		return;
	size_t at = *count;

	while (at && best[at - 1].root_order > f->root_order)
		at--;
	if (at == INDEX_SPLITS_MAX)
		return;
	*count += *count < INDEX_SPLITS_MAX;
	memmove(best + at + 1, best + at, (*count - 1 - at) * sizeof(*best));
	best[at] = *f;
}

static struct error *find_best(struct db *db, uint64_t dwo_id,
			       struct found best[INDEX_SPLITS_MAX],
			       size_t *count_ret)
{
	CLEANUP_QUERY struct query q = query_begin(db, SQL_SPLITS_OF);

	query_bind_int(&q, 1, (int64_t)dwo_id);
	for (;;) {
		bool row;

		TRY(query_step(&q, &row));
		if (!row)
			return NULL;
		const struct found f = {
			.build_id = query_int(&q, 0),
			.root_order = query_int(&q, 1),
		};

		insert(best, count_ret, &f);
	}
}

struct error *index_find_split(struct index_reader *r, uint64_t dwo_id,
			       struct build_id ret[INDEX_SPLITS_MAX],
			       size_t *count_ret)
{
	struct found best[INDEX_SPLITS_MAX];
	size_t count = 0;

	*count_ret = 0;
	TRY(reader_refresh(r));
	TRY(find_best(&r->db, dwo_id, best, &count));
	for (size_t i = 0; i < count; i++) {
		CLEANUP_QUERY struct query q =
			query_begin(&r->db, SQL_BUILD_ID_BYTES);
		size_t size;
		bool row;

		query_bind_int(&q, 1, best[i].build_id);
		TRY(query_step(&q, &row));
		if (!row) /* gone since it was found */
			continue;
		const void *bytes = query_blob(&q, 0, &size);

		if (!build_id_set(&ret[*count_ret], bytes, size))
			return error_new(DATABASE, "build ID of %zu bytes",
					 size);
		++*count_ret;
	}
	return NULL;
}

struct error *index_split_version(struct index_reader *r, uint64_t *ret)
{
	int64_t last = 0;
	bool found;

	TRY(reader_refresh(r));
	TRY(query_value(&r->db, SQL_SPLIT_VERSION, &last, &found));
	*ret = found ? (uint64_t)last : 0;
	return NULL;
}

/* ---- Writing ------------------------------------------------------------ */

struct error *put_splits(struct db *db, const struct index_artifact *a,
			 int64_t artifact)
{
	for (size_t i = 0; i < a->split_id_count; i++) {
		CLEANUP_QUERY struct query q = query_begin(db, SQL_SPLIT_ADD);

		query_bind_int(&q, 1, (int64_t)a->split_ids[i]);
		query_bind_int(&q, 2, artifact);
		TRY(query_run(&q));
	}
	return NULL;
}

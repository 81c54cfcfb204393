/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer. Invariants of every committed state (index_check() looks):
 *
 * 1. A container's row, artifacts, source lists, source directories and points
 *    are those of one index_put_containers() call.
 * 2. Every artifact has its build ID and container, every row of a container
 *    has that container.
 * 3. Table meta holds the number of rows of the others.
 *
 * Order of first sight: artifact row numbers only grow. A container that
 * is put again gives its old row numbers to the artifacts whose build ID it had
 * before, and only to those: neither a touched file loses its place, nor does
 * an old path that is filled with something new gain one.
 */
#include "config.h"

#include <endian.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "index/index_private.h"

/* ---- The version that is replaced --------------------------------------- */

struct old_artifact {
	int64_t build_id; /* row */
	int64_t id;
	size_t given; /* in a group's first: how many were given on */
};

/* A container as it was. */
struct old_version {
	bool found;
	int64_t id;
	struct index_stamp stamp;
	bool is_failed, is_retryable;
	int64_t attempts;
	struct old_artifact *artifacts; /* by build ID, then row number */
	size_t count, capacity;
};

static void old_version_deinit(struct old_version *old)
{
	mem_free(STEAL(old->artifacts));
}
#define CLEANUP_OLD_VERSION CLEANUP(old_version_deinit)

static struct error *find_container(struct db *db, int64_t directory,
				    const char *name, struct old_version *old)
{
	CLEANUP_QUERY struct query q = query_begin(db, SQL_CONTAINER_FIND);

	query_bind_int(&q, 1, directory);
	query_bind_bytes(&q, 2, name);
	TRY(query_step(&q, &old->found));
	if (!old->found)
		return NULL;
	old->id = query_int(&q, 0);
	old->stamp.mtime_ns = query_int(&q, 1);
	old->stamp.ctime_ns = query_int(&q, 2);
	old->stamp.size = (uint64_t)query_int(&q, 3);
	old->stamp.inode = (uint64_t)query_int(&q, 4);
	old->is_failed = query_int(&q, 5);
	old->is_retryable = query_int(&q, 6);
	old->attempts = query_int(&q, 7);
	return NULL;
}

static void tally_artifact(struct change *ch, unsigned roles, int by)
{
	ch->tally[TALLY_ARTIFACTS] += by;
	if (roles & INDEX_ROLE_EXECUTABLE)
		ch->tally[TALLY_EXECUTABLES] += by;
	if (roles & INDEX_ROLE_DEBUGINFO)
		ch->tally[TALLY_DEBUGINFOS] += by;
}

static int compare_old(const void *a, const void *b)
{
	const struct old_artifact *x = a, *y = b;

	if (x->build_id != y->build_id)
		return x->build_id < y->build_id ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static struct error *read_old_artifacts(struct change *ch,
					struct old_version *old)
{
	CLEANUP_QUERY struct query q =
		query_begin(&ch->ix->db, SQL_ARTIFACTS_OF);

	query_bind_int(&q, 1, old->id);
	for (;;) {
		struct build_id id;
		size_t size;
		bool row;

		TRY(query_step(&q, &row));
		if (!row)
			break;
		if (!mem_grow(&old->artifacts, &old->capacity, old->count + 1,
			      sizeof(*old->artifacts)))
			return error_no_memory;
		old->artifacts[old->count++] = (struct old_artifact) {
			.id = query_int(&q, 0),
			.build_id = query_int(&q, 1),
		};
		tally_artifact(ch, (unsigned)query_int(&q, 2), -1);
		const void *bytes = query_blob(&q, 3, &size);
		if (build_id_set(&id, bytes, size))
			TRY(change_note_id(ch, &id));
	}
	if (old->count)
		qsort(old->artifacts, old->count, sizeof(*old->artifacts),
		      compare_old);
	return NULL;
}

static struct error *delete_of(struct db *db, enum sql sql, int64_t id,
			       int64_t *count_ret)
{
	CLEANUP_QUERY struct query q = query_begin(db, sql);

	query_bind_int(&q, 1, id);
	TRY(query_run(&q));
	if (count_ret)
		*count_ret = sqlite3_changes64(db->handle);
	return NULL;
}

/* All that a container holds; its row stays. */
static struct error *empty_container(struct change *ch, struct old_version *old)
{
	struct db *db = &ch->ix->db;
	int64_t dirs, points;

	TRY(read_old_artifacts(ch, old));
	if (old->count) {
		TRY(delete_of(db, SQL_SOURCES_DELETE, old->id, NULL));
		TRY(delete_of(db, SQL_PENDINGS_DELETE, old->id, NULL));
		TRY(delete_of(db, SQL_SPLITS_DELETE, old->id, NULL));
		TRY(delete_of(db, SQL_ARTIFACTS_DELETE, old->id, NULL));
	}
	TRY(delete_of(db, SQL_SOURCE_DIRS_DELETE, old->id, &dirs));
	TRY(delete_of(db, SQL_POINTS_DELETE, old->id, &points));
	ch->tally[TALLY_SOURCE_DIRS] -= dirs;
	ch->tally[TALLY_POINTS] -= points;
	ch->tally[TALLY_CONTAINERS]--;
	ch->tally[TALLY_FAILED] -= old->is_failed;
	return NULL;
}

/* The row number that an artifact with this build ID had, or 0. Equal IDs get
 * theirs in order. Two binary steps whatever the number of equals. */
static int64_t take_old_id(struct old_version *old, int64_t build_id)
{
	size_t low = 0, high = old->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (old->artifacts[middle].build_id < build_id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == old->count || old->artifacts[low].build_id != build_id)
		return 0;
	size_t next = low + old->artifacts[low].given;
	if (next == old->count || old->artifacts[next].build_id != build_id)
		return 0;
	old->artifacts[low].given++;
	return old->artifacts[next].id;
}

/* ---- The version that is put -------------------------------------------- */

static bool is_same_stamp(const struct index_stamp *a,
			  const struct index_stamp *b)
{
	return a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	       a->size == b->size && a->inode == b->inode;
}

/* Failures in a row of the same file, where trying again may help. */
static int64_t count_attempts(const struct index_container *c,
			      const struct old_version *old)
{
	if (!c->problem_kind || !c->is_retryable)
		return 0;
	if (old->found && old->is_failed && old->is_retryable &&
	    is_same_stamp(&c->stamp, &old->stamp))
		return old->attempts + 1;
	return 1;
}

static struct error *put_container_row(struct change *ch,
				       const struct index_container *c,
				       int64_t directory, const char *name,
				       const struct old_version *old,
				       int64_t *id_ret)
{
	struct db *db = &ch->ix->db;
	CLEANUP_QUERY struct query q = query_begin(
		db, old->found ? SQL_CONTAINER_UPDATE : SQL_CONTAINER_ADD);

	if (old->found)
		query_bind_int(&q, 1, old->id);
	query_bind_int(&q, 2, directory);
	query_bind_bytes(&q, 3, name);
	query_bind_int(&q, 4, c->stamp.mtime_ns);
	query_bind_int(&q, 5, c->stamp.ctime_ns);
	query_bind_int(&q, 6, (int64_t)c->stamp.size);
	query_bind_int(&q, 7, (int64_t)c->stamp.inode);
	query_bind_int(&q, 8, c->root_order);
	query_bind_text(&q, 9, c->scanner);
	query_bind_int(&q, 10, c->payload_codec);
	query_bind_int(&q, 11, (int64_t)c->payload_offset);
	query_bind_int(&q, 12, (int64_t)c->payload_size);
	query_bind_text(&q, 13, c->problem_kind);
	query_bind_bytes(&q, 14, c->problem_kind ? c->problem : NULL);
	query_bind_int(&q, 15, c->problem_kind && c->is_retryable);
	query_bind_int(&q, 16, count_attempts(c, old));
	query_bind_int(&q, 17, clock_wall_s());
	TRY(query_run(&q));
	*id_ret = old->found ? old->id : sqlite3_last_insert_rowid(db->handle);
	ch->tally[TALLY_CONTAINERS]++;
	ch->tally[TALLY_FAILED] += c->problem_kind != NULL;
	return NULL;
}

/* 16 bytes that say something, or NULL. */
static const uint8_t *unless_zero(const uint8_t bytes[16])
{
	static const uint8_t zero[16];

	return memcmp(bytes, zero, sizeof(zero)) ? bytes : NULL;
}

static struct error *put_artifact_row(struct change *ch,
				      const struct index_artifact *a,
				      int64_t id, int64_t build_id,
				      int64_t container, const char *name)
{
	CLEANUP_BUF struct buf segments = BUF_INIT;
	CLEANUP_QUERY struct query q =
		query_begin(&ch->ix->db, SQL_ARTIFACT_ADD);

	if (a->segment_count)
		segments_encode(a->segments, a->segment_count, &segments);
	if (segments.failed)
		return error_no_memory;
	if (id)
		query_bind_int(&q, 1, id);
	query_bind_int(&q, 2, build_id);
	query_bind_int(&q, 3, container);
	query_bind_int(&q, 4, a->roles);
	query_bind_int(&q, 5, a->quality);
	query_bind_int(&q, 6, a->is_gnu);
	query_bind_int(&q, 7, (int64_t)a->ordinal);
	query_bind_int(&q, 8, (int64_t)a->offset);
	query_bind_int(&q, 9, (int64_t)a->size);
	query_bind_int(&q, 10, (int64_t)a->packed_size);
	query_bind_int(&q, 11, a->packed_codec);
	query_bind_int(&q, 12, a->mtime);
	query_bind_int(&q, 13, a->machine);
	query_bind_int(&q, 14, a->type);
	query_bind_int(&q, 15, a->elf_class);
	query_bind_int(&q, 16, a->is_big_endian);
	query_bind_int(&q, 17, (int64_t)a->source_count);
	query_bind_int(&q, 18, name_hash(a->member ? a->member : name));
	query_bind_blob(&q, 19, unless_zero(a->htlhash), 16);
	query_bind_blob(&q, 20, unless_zero(a->breakpad_guid), 16);
	query_bind_blob(&q, 21, a->alt_id.len ? a->alt_id.bytes : NULL,
			a->alt_id.len);
	query_bind_bytes(&q, 22, a->go_id);
	query_bind_bytes(&q, 23, a->member);
	query_bind_blob(&q, 24, segments.data, segments.size);
	return query_run(&q);
}

/* What is stored can be read: a reader takes another length for damage. */
static struct error *require_length(const struct index_artifact *a,
				    const char *name, const struct build_id *id)
{
	if (id->len >= BUILD_ID_MIN && id->len <= BUILD_ID_MAX)
		return NULL;
	return error_new(BAD_DATA, "%s: build ID of %u bytes",
			 a->member ? a->member : name, id->len);
}

/* Of its sources: those known, and those that wait. */
static struct error *put_names(struct db *db, const struct index_artifact *a,
			       int64_t id)
{
	if (a->sources_size) {
		CLEANUP_QUERY struct query q = query_begin(db, SQL_SOURCES_ADD);

		query_bind_int(&q, 1, id);
		query_bind_blob(&q, 2, a->sources, a->sources_size);
		TRY(query_run(&q));
	}
	if (!a->pending_size || !a->alt_id.len)
		return NULL;
	CLEANUP_QUERY struct query q = query_begin(db, SQL_PENDING_ADD);
	query_bind_int(&q, 1, id);
	query_bind_blob(&q, 2, a->alt_id.bytes, a->alt_id.len);
	query_bind_blob(&q, 3, a->pending, a->pending_size);
	return query_run(&q);
}

static struct error *put_artifact(struct change *ch,
				  const struct index_artifact *a,
				  struct old_version *old, int64_t container,
				  const char *name)
{
	struct db *db = &ch->ix->db;
	int64_t build_id;

	TRY(require_length(a, name, &a->id));
	if (a->alt_id.len)
		TRY(require_length(a, name, &a->alt_id));
	TRY(change_intern_build_id(ch, &a->id, &build_id));
	TRY(change_note_id(ch, &a->id));
	TRY(put_artifact_row(ch, a, take_old_id(old, build_id), build_id,
			     container, name));
	tally_artifact(ch, a->roles, 1);
	int64_t id = sqlite3_last_insert_rowid(db->handle);

	TRY(put_splits(db, a, id));
	return put_names(db, a, id);
}

static struct error *put_source_dir(struct change *ch,
				    const struct index_source_dir *dir,
				    int64_t container)
{
	int64_t directory;

	TRY(change_intern_directory(ch, dir->dir, directory_size(dir->dir),
				    &directory));
	CLEANUP_QUERY struct query q =
		query_begin(&ch->ix->db, SQL_SOURCE_DIR_ADD);
	query_bind_int(&q, 1, container);
	query_bind_int(&q, 2, directory);
	query_bind_blob(&q, 3, dir->files ? dir->files : (const uint8_t *)"",
			dir->files_size);
	ch->tally[TALLY_SOURCE_DIRS]++;
	return query_run(&q);
}

static struct error *put_point(struct change *ch, const struct index_point *p,
			       int64_t container)
{
	CLEANUP_QUERY struct query q = query_begin(&ch->ix->db, SQL_POINT_ADD);

	query_bind_int(&q, 1, container);
	query_bind_int(&q, 2, (int64_t)p->out_offset);
	query_bind_int(&q, 3, (int64_t)p->in_offset);
	query_bind_blob(&q, 4, p->state_size ? p->state : NULL, p->state_size);
	ch->tally[TALLY_POINTS]++;
	return query_run(&q);
}

static struct error *put_points(struct change *ch,
				const struct index_container *c, int64_t id)
{
	for (size_t i = 0; i < c->point_count; i++) {
		const struct index_point *p = &c->points[i];

		if (p->out_offset > INT64_MAX ||
		    (i && p->out_offset < p[-1].out_offset))
			return error_new(BAD_DATA, "points out of order");
		/* A block that holds nothing begins where the next does. */
		if (i + 1 < c->point_count && p[1].out_offset == p->out_offset)
			continue;
		TRY(put_point(ch, p, id));
	}
	return NULL;
}

static struct error *put_container(struct change *ch,
				   const struct index_container *c)
{
	CLEANUP_OLD_VERSION struct old_version old = { 0 };
	int64_t directory, id;
	size_t dir_size;
	const char *name;

	if (!path_split(c->path, &dir_size, &name))
		return error_new(BAD_DATA, "not the absolute path of a file");
	TRY(change_intern_container_directory(ch, c->path, dir_size,
					      &directory));
	TRY(find_container(&ch->ix->db, directory, name, &old));
	if (old.found)
		TRY(empty_container(ch, &old));
	TRY(put_container_row(ch, c, directory, name, &old, &id));
	for (size_t i = 0; i < c->artifact_count; i++)
		TRY(put_artifact(ch, &c->artifacts[i], &old, id, name));
	for (size_t i = 0; i < c->source_dir_count; i++)
		TRY(put_source_dir(ch, &c->source_dirs[i], id));
	return put_points(ch, c, id);
}

static struct error *put_locked(struct change *ch,
				const struct index_container *c, size_t count)
{
	LOCKED(&ch->ix->lock);
	TRY(change_begin(ch));
	CLEANUP_TXN struct db *txn = &ch->ix->db;
	for (size_t i = 0; i < count; i++)
		TRY(error_wrap(put_container(ch, &c[i]), "index %s",
			       c[i].path));
	return change_commit(ch);
}

static struct error *put_together(struct index *ix,
				  const struct index_container *c, size_t count)
{
	CLEANUP_CHANGE struct change ch;

	change_init(&ch, ix);
	TRY(put_locked(&ch, c, count));
	change_announce(&ch);
	return NULL;
}

static size_t count_rows(const struct index_container *c)
{
	size_t rows =
		1 + c->artifact_count + c->source_dir_count + c->point_count;

	for (size_t i = 0; i < c->artifact_count; i++)
		rows += c->artifacts[i].split_id_count;
	return rows;
}

struct error *index_put_containers(struct index *ix,
				   const struct index_container *c,
				   size_t count)
{
	size_t begun = 0, rows = 0;

	for (size_t i = 0; i < count; i++) {
		size_t more = count_rows(&c[i]);

		if (i > begun && rows + more > INDEX_SHARED_ROWS_MAX) {
			TRY(put_together(ix, c + begun, i - begun));
			begun = i;
			rows = 0;
		}
		rows += more;
	}
	return put_together(ix, c + begun, count - begun);
}

/* ---- Removing ----------------------------------------------------------- */

static struct error *remove_found(struct change *ch, int64_t directory,
				  const char *name)
{
	CLEANUP_OLD_VERSION struct old_version old = { 0 };
	struct db *db = &ch->ix->db;

	TRY(find_container(db, directory, name, &old));
	if (!old.found)
		return NULL;
	TRY(empty_container(ch, &old));
	return delete_of(db, SQL_CONTAINER_DELETE, old.id, NULL);
}

/* For grooming to report: such a transaction only takes away. */
static void note_removed(struct change *ch)
{
	struct index_groom_counts *removed = &ch->ix->removed;

	removed->containers -= (uint64_t)ch->tally[TALLY_CONTAINERS];
	removed->artifacts -= (uint64_t)ch->tally[TALLY_ARTIFACTS];
	removed->source_dirs -= (uint64_t)ch->tally[TALLY_SOURCE_DIRS];
	removed->points -= (uint64_t)ch->tally[TALLY_POINTS];
	removed->ignored -= (uint64_t)ch->tally[TALLY_IGNORED_FILES];
}

static struct error *remove_locked(struct change *ch, const char *path)
{
	size_t dir_size;
	const char *name;
	int64_t directory;
	bool found;

	if (!path_split(path, &dir_size, &name))
		return NULL;
	LOCKED(&ch->ix->lock);
	TRY(change_begin(ch));
	CLEANUP_TXN struct db *txn = &ch->ix->db;
	TRY(change_find_directory(ch, path, dir_size, &directory, &found));
	if (!found)
		return NULL;
	TRY(remove_found(ch, directory, name));
	TRY(change_commit(ch));
	note_removed(ch);
	return NULL;
}

struct error *index_remove_container(struct index *ix, const char *path)
{
	CLEANUP_CHANGE struct change ch;

	change_init(&ch, ix);
	TRY(error_wrap(remove_locked(&ch, path), "forget %s", path));
	change_announce(&ch);
	return NULL;
}

/* ---- Roots and ignored files -------------------------------------------- */

static struct error *
set_range_order(struct db *db, const struct path_range *range, unsigned order)
{
	CLEANUP_QUERY struct query q = query_begin(db, SQL_ROOT_SET);

	query_bind_blob(&q, 1, range->low, range->low_size);
	query_bind_blob(&q, 2, range->high, range->high_size);
	query_bind_int(&q, 3, order);
	return query_run(&q);
}

static struct error *set_file_order(struct db *db, const char *path,
				    unsigned order)
{
	size_t dir_size;
	const char *name;

	if (!path_split(path, &dir_size, &name))
		return NULL;
	CLEANUP_QUERY struct query q = query_begin(db, SQL_ROOT_SET_FILE);
	query_bind_blob(&q, 1, path, dir_size);
	query_bind_bytes(&q, 2, name);
	query_bind_int(&q, 3, order);
	return query_run(&q);
}

struct error *index_set_root(struct index *ix, const char *root, unsigned order)
{
	CLEANUP_PATH_RANGES struct path_ranges ranges = { 0 };
	CLEANUP_CHANGE struct change ch;
	struct db *db = &ix->db;

	change_init(&ch, ix);
	TRY(path_ranges_init(&ranges, root));
	LOCKED(&ix->lock);
	TRY(change_begin(&ch));
	CLEANUP_TXN struct db *txn = db;
	TRY(set_file_order(db, root, order));
	TRY(set_range_order(db, &ranges.self, order));
	TRY(set_range_order(db, &ranges.below, order));
	return change_commit(&ch);
}

struct error *index_put_roots(struct index *ix, const char *const *roots)
{
	CLEANUP_CHANGE struct change ch;
	struct db *db = &ix->db;

	change_init(&ch, ix);
	LOCKED(&ix->lock);
	TRY(change_begin(&ch));
	CLEANUP_TXN struct db *txn = db;
	CLEANUP_QUERY struct query clear =
		query_begin(db, SQL_ROOTS_DELETE_SCAN);

	TRY(query_run(&clear));
	for (; *roots; roots++) {
		CLEANUP_QUERY struct query q = query_begin(db, SQL_ROOT_ADD);

		query_bind_blob(&q, 1, *roots, strlen(*roots));
		TRY(query_run(&q));
	}
	return change_commit(&ch);
}

static struct error *count_prints(struct db *db, int64_t directory,
				  int64_t *ret)
{
	CLEANUP_QUERY struct query q = query_begin(db, SQL_IGNORED_COUNT);
	bool row;

	query_bind_int(&q, 1, directory);
	TRY(query_step(&q, &row));
	*ret = row ? query_int(&q, 0) : 0;
	return NULL;
}

static struct error *put_prints(struct change *ch, const char *dir,
				const uint64_t *prints, size_t count)
{
	CLEANUP_FREE uint64_t *stored = mem_array(count, sizeof(*stored));
	int64_t directory;

	if (!stored)
		return error_no_memory;
	for (size_t i = 0; i < count; i++)
		stored[i] = htole64(prints[i]);
	TRY(change_intern_directory(ch, dir, directory_size(dir), &directory));
	CLEANUP_QUERY struct query q =
		query_begin(&ch->ix->db, SQL_IGNORED_PUT);
	query_bind_int(&q, 1, directory);
	query_bind_blob(&q, 2, stored, count * sizeof(*stored));
	ch->tally[TALLY_IGNORED_FILES] += (int64_t)count;
	return query_run(&q);
}

static struct error *drop_prints(struct change *ch, const char *dir)
{
	struct db *db = &ch->ix->db;
	int64_t directory, count;
	bool found;

	TRY(change_find_directory(ch, dir, directory_size(dir), &directory,
				  &found));
	if (!found)
		return NULL;
	TRY(count_prints(db, directory, &count));
	TRY(delete_of(db, SQL_IGNORED_DELETE, directory, NULL));
	ch->tally[TALLY_IGNORED_FILES] -= count;
	return NULL;
}

struct error *index_put_ignored(struct index *ix, const char *dir,
				const uint64_t *prints, size_t count)
{
	CLEANUP_CHANGE struct change ch;

	change_init(&ch, ix);
	LOCKED(&ix->lock);
	TRY(change_begin(&ch));
	CLEANUP_TXN struct db *txn = &ix->db;
	TRY(drop_prints(&ch, dir));
	if (count)
		TRY(put_prints(&ch, dir, prints, count));
	TRY(change_commit(&ch));
	if (!count)
		note_removed(&ch);
	return NULL;
}

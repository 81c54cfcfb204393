/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking things up. Each search is one statement and so one read
 * transaction: it sees a container wholly old or wholly new.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "index/index_private.h"

/* ---- Rows --------------------------------------------------------------- */

static struct error *damaged_row(struct query *q)
{
	return db_error(q->db, SQLITE_CORRUPT, sql_statements[q->id].name);
}

/* Strings of one place lie in one piece of memory. */
struct packer {
	char *next;
};

static char *pack(struct packer *p, const void *data, size_t size)
{
	char *copy = p->next;

	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	p->next += size + 1;
	return copy;
}

/* dir + '/' + name */
static char *pack_path(struct packer *p, const void *dir, size_t dir_size,
		       const void *name, size_t name_size)
{
	char *path = pack(p, dir, dir_size);

	path[dir_size] = '/';
	pack(p, name, name_size);
	return path;
}

static void read_hash(struct query *q, int column, uint8_t ret[16])
{
	size_t size;
	const void *data = query_blob(q, column, &size);

	if (size == 16)
		memcpy(ret, data, 16);
}

/* Columns of PLACE_COLUMNS (index_sql.h), in its order. */
enum place_column {
	PLACE_ID,
	PLACE_CONTAINER_ID,
	PLACE_BYTES,
	PLACE_IS_GNU,
	PLACE_DIR,
	PLACE_NAME,
	PLACE_MTIME_NS,
	PLACE_CTIME_NS,
	PLACE_FILE_SIZE,
	PLACE_INODE,
	PLACE_ROOT_ORDER,
	PLACE_SCANNER,
	PLACE_PAYLOAD_CODEC,
	PLACE_PAYLOAD_OFFSET,
	PLACE_PAYLOAD_SIZE,
	PLACE_MEMBER,
	PLACE_ORDINAL,
	PLACE_OFFSET,
	PLACE_SIZE,
	PLACE_PACKED_SIZE,
	PLACE_PACKED_CODEC,
	PLACE_MTIME,
	PLACE_ROLES,
	PLACE_QUALITY,
	PLACE_MACHINE,
	PLACE_TYPE,
	PLACE_ELF_CLASS,
	PLACE_IS_BIG_ENDIAN,
	PLACE_SOURCE_COUNT,
	PLACE_HTLHASH,
	PLACE_BREAKPAD,
	PLACE_ALT_ID,
	PLACE_GO_ID,
};

static void read_numbers(struct query *q, struct index_place *p)
{
	p->artifact_id = query_int(q, PLACE_ID);
	p->container_id = query_int(q, PLACE_CONTAINER_ID);
	p->is_gnu = query_int(q, PLACE_IS_GNU);
	p->stamp.mtime_ns = query_int(q, PLACE_MTIME_NS);
	p->stamp.ctime_ns = query_int(q, PLACE_CTIME_NS);
	p->stamp.size = (uint64_t)query_int(q, PLACE_FILE_SIZE);
	p->stamp.inode = (uint64_t)query_int(q, PLACE_INODE);
	p->root_order = (unsigned)query_int(q, PLACE_ROOT_ORDER);
	p->payload_codec = (uint32_t)query_int(q, PLACE_PAYLOAD_CODEC);
	p->payload_offset = (uint64_t)query_int(q, PLACE_PAYLOAD_OFFSET);
	p->payload_size = (uint64_t)query_int(q, PLACE_PAYLOAD_SIZE);
	p->ordinal = (uint64_t)query_int(q, PLACE_ORDINAL);
	p->offset = (uint64_t)query_int(q, PLACE_OFFSET);
	p->size = (uint64_t)query_int(q, PLACE_SIZE);
	p->packed_size = (uint64_t)query_int(q, PLACE_PACKED_SIZE);
	p->packed_codec = (uint32_t)query_int(q, PLACE_PACKED_CODEC);
	p->mtime = query_int(q, PLACE_MTIME);
	p->roles = (unsigned)query_int(q, PLACE_ROLES);
	p->quality = (unsigned)query_int(q, PLACE_QUALITY);
	p->machine = (uint16_t)query_int(q, PLACE_MACHINE);
	p->type = (uint16_t)query_int(q, PLACE_TYPE);
	p->elf_class = (uint8_t)query_int(q, PLACE_ELF_CLASS);
	p->is_big_endian = query_int(q, PLACE_IS_BIG_ENDIAN);
	p->source_count = (uint64_t)query_int(q, PLACE_SOURCE_COUNT);
	read_hash(q, PLACE_HTLHASH, p->htlhash);
	read_hash(q, PLACE_BREAKPAD, p->breakpad_guid);
}

static struct error *read_strings(struct query *q, struct index_place *p)
{
	size_t dir_size, name_size, scanner_size, member_size, go_size;
	const void *dir = query_blob(q, PLACE_DIR, &dir_size);
	const void *name = query_blob(q, PLACE_NAME, &name_size);
	const void *scanner = query_blob(q, PLACE_SCANNER, &scanner_size);
	const void *member = query_blob(q, PLACE_MEMBER, &member_size);
	const void *go_id = query_blob(q, PLACE_GO_ID, &go_size);

	p->strings = mem_alloc(dir_size + name_size + scanner_size +
			       member_size + go_size + 6);
	if (!p->strings)
		return error_no_memory;
	struct packer out = { p->strings };
	p->path = pack_path(&out, dir, dir_size, name, name_size);
	p->scanner = pack(&out, scanner, scanner_size);
	p->member = member ? pack(&out, member, member_size) : NULL;
	p->go_id = go_id ? pack(&out, go_id, go_size) : NULL;
	return NULL;
}

static struct error *read_place(struct query *q, struct index_place *p)
{
	size_t size, alt_size;
	const void *bytes = query_blob(q, PLACE_BYTES, &size);
	const void *alt = query_blob(q, PLACE_ALT_ID, &alt_size);

	if (!build_id_set(&p->id, bytes, size) ||
	    (alt && !build_id_set(&p->alt_id, alt, alt_size)))
		return damaged_row(q);
	read_numbers(q, p);
	return read_strings(q, p);
}

/* ---- Places ------------------------------------------------------------- */

void index_places_deinit(struct index_places *p)
{
	for (size_t i = 0; i < p->count; i++)
		mem_free(p->v[i].strings);
	mem_free(STEAL(p->v));
	p->count = 0;
}

/* Of one of the statements *_BEST. */
static struct error *read_places(struct query *q, bool by_quality,
				 struct index_places *ret)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	size_t capacity = 0;

	query_bind_int(q, 3, INDEX_PLACES_MAX);
	query_bind_int(q, 4, by_quality);
	for (;;) {
		bool row;

		TRY(query_step(q, &row));
		if (!row)
			break;
		if (!mem_grow(&places.v, &capacity, places.count + 1,
			      sizeof(*places.v)))
			return error_no_memory;
		memset(&places.v[places.count], 0, sizeof(*places.v));
		TRY(read_place(q, &places.v[places.count++]));
	}
	*ret = places;
	places = (struct index_places) { 0 };
	return NULL;
}

struct error *index_find(struct index_reader *r, const struct build_id *id,
			 unsigned roles, struct index_places *ret)
{
	*ret = (struct index_places) { 0 };
	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, SQL_FIND_BEST);
	query_bind_blob(&q, 1, id->bytes, id->len);
	query_bind_int(&q, 2, roles);
	return read_places(&q, roles & INDEX_ROLE_DEBUGINFO, ret);
}

struct error *index_find_padded(struct index_reader *r,
				const struct build_id *id, unsigned roles,
				struct index_places *ret)
{
	struct build_id shorter = *id;

	for (;;) {
		TRY(index_find(r, &shorter, roles, ret));
		if (ret->count || shorter.len <= BUILD_ID_MIN ||
		    shorter.bytes[shorter.len - 1])
			return NULL;
		shorter.len--;
	}
}

struct error *index_find_by_key(struct index_reader *r, enum index_key kind,
				const void *key, size_t key_size,
				struct index_places *ret)
{
	static const enum sql statements[] = {
		[INDEX_KEY_HTLHASH] = SQL_FIND_HTLHASH_BEST,
		[INDEX_KEY_BREAKPAD] = SQL_FIND_BREAKPAD_BEST,
		[INDEX_KEY_GO] = SQL_FIND_GO_BEST,
	};

	*ret = (struct index_places) { 0 };
	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, statements[kind]);
	query_bind_blob(&q, 1, key, key_size);
	return read_places(&q, true, ret);
}

struct error *index_presence(struct index_reader *r, const struct build_id *id,
			     unsigned *roles_ret, unsigned *quality_ret,
			     bool *found_ret)
{
	*roles_ret = 0;
	*quality_ret = 0;
	*found_ret = false;
	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, SQL_PRESENCE);
	query_bind_blob(&q, 1, id->bytes, id->len);
	for (;;) {
		bool row;

		TRY(query_step(&q, &row));
		if (!row)
			return NULL;
		unsigned quality = (unsigned)query_int(&q, 1);
		*roles_ret |= (unsigned)query_int(&q, 0);
		*quality_ret = quality > *quality_ret ? quality : *quality_ret;
		*found_ret = true;
	}
}

/* ---- Sources ------------------------------------------------------------ */

struct error *index_sources(struct index_reader *r, int64_t artifact_id,
			    struct buf *ret)
{
	size_t size;
	bool row;

	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, SQL_SOURCES);
	query_bind_int(&q, 1, artifact_id);
	TRY(query_step(&q, &row));
	if (!row)
		return NULL;
	const void *packed = query_blob(&q, 0, &size);
	return buf_append(ret, packed, size) ? NULL : error_no_memory;
}

/* ---- Segments ----------------------------------------------------------- */

void index_segments_deinit(struct index_segments *s)
{
	mem_free(STEAL(s->v));
	s->count = 0;
}

struct error *index_segments(struct index_reader *r, int64_t artifact_id,
			     struct index_segments *ret)
{
	CLEANUP_INDEX_SEGMENTS struct index_segments s = { 0 };
	size_t size;
	bool row;

	*ret = s;
	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, SQL_SEGMENTS);
	query_bind_int(&q, 1, artifact_id);
	TRY(query_step(&q, &row));
	if (!row)
		return NULL;
	const void *packed = query_blob(&q, 0, &size);
	s.count = segments_count(packed, size);
	if (s.count == SIZE_MAX)
		return damaged_row(&q);
	s.v = mem_array(s.count, sizeof(*s.v));
	if (!s.v)
		return error_no_memory;
	if (!segments_decode(packed, size, s.v, s.count))
		return damaged_row(&q);
	*ret = s;
	s = (struct index_segments) { 0 };
	return NULL;
}

/* ---- Source directories ------------------------------------------------- */

/* A container that has the directory asked for. */
struct holder {
	int64_t container_id, directory_id;
	int64_t root_order;
};

struct holders {
	struct holder *v;
	size_t count, capacity;
};

static void holders_deinit(struct holders *h)
{
	mem_free(STEAL(h->v));
}

static int compare_holders(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->root_order != y->root_order)
		return x->root_order < y->root_order ? -1 : 1;
	return x->container_id < y->container_id
		       ? -1
		       : x->container_id > y->container_id;
}

static struct error *find_holders(struct db *db, const char *dir,
				  struct holders *ret)
{
	CLEANUP_QUERY struct query q = query_begin(db, SQL_SOURCE_DIRS);

	query_bind_blob(&q, 1, dir, directory_size(dir));
	for (;;) {
		bool row;

		TRY(query_step(&q, &row));
		if (!row)
			break;
		if (!mem_grow(&ret->v, &ret->capacity, ret->count + 1,
			      sizeof(*ret->v)))
			return error_no_memory;
		ret->v[ret->count++] = (struct holder) {
			.container_id = query_int(&q, 0),
			.directory_id = query_int(&q, 1),
			.root_order = query_int(&q, 2),
		};
	}
	if (ret->count)
		qsort(ret->v, ret->count, sizeof(*ret->v), compare_holders);
	return NULL;
}

/* A list that is larger than @limit is passed over. */
static struct error *give_source_place(struct db *db, const struct holder *h,
				       size_t limit, size_t *files_size_ret,
				       index_source_fn fn, void *ctx)
{
	CLEANUP_BUF struct buf memory = BUF_INIT;
	CLEANUP_QUERY struct query q = query_begin(db, SQL_SOURCE_PLACE);
	size_t dir_size, name_size, scanner_size, files_size;
	bool row;

	*files_size_ret = 0;
	query_bind_int(&q, 1, h->container_id);
	query_bind_int(&q, 2, h->directory_id);
	query_bind_int(&q, 3, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
	TRY(query_step(&q, &row));
	if (!row) /* gone since it was found */
		return NULL;
	*files_size_ret = (size_t)query_int(&q, 11);
	if (*files_size_ret > limit)
		return NULL;
	const void *dir = query_blob(&q, 0, &dir_size);
	const void *name = query_blob(&q, 1, &name_size);
	const void *scanner = query_blob(&q, 7, &scanner_size);
	const void *files = query_blob(&q, 12, &files_size);
	struct packer out = { buf_reserve(&memory, dir_size + name_size +
							   scanner_size + 3) };
	if (!out.next)
		return error_no_memory;
	const struct index_source_place place = {
		.container_id = h->container_id,
		.path = pack_path(&out, dir, dir_size, name, name_size),
		.stamp = {
			.mtime_ns = query_int(&q, 2),
			.ctime_ns = query_int(&q, 3),
			.size = (uint64_t)query_int(&q, 4),
			.inode = (uint64_t)query_int(&q, 5),
		},
		.root_order = (unsigned)query_int(&q, 6),
		.scanner = pack(&out, scanner, scanner_size),
		.payload_codec = (uint32_t)query_int(&q, 8),
		.payload_offset = (uint64_t)query_int(&q, 9),
		.payload_size = (uint64_t)query_int(&q, 10),
		.files = files,
		.files_size = files_size,
	};
	return fn(ctx, &place);
}

struct error *index_each_source_dir(struct index_reader *r, const char *dir,
				    size_t limit_bytes, index_source_fn fn,
				    void *ctx, bool *is_whole_ret)
{
	CLEANUP(holders_deinit) struct holders holders = { 0 };
	size_t left = limit_bytes, size;

	*is_whole_ret = true;
	TRY(reader_refresh(r));
	TRY(find_holders(&r->db, dir, &holders));
	for (size_t i = 0; i < holders.count; i++) {
		if (left < INDEX_SOURCE_DIR_COST) {
			*is_whole_ret = false;
			break;
		}
		left -= INDEX_SOURCE_DIR_COST;
		TRY(give_source_place(&r->db, &holders.v[i], left, &size, fn,
				      ctx));
		if (size > left)
			*is_whole_ret = false;
		else
			left -= size;
	}
	return NULL;
}

/* ---- Points ------------------------------------------------------------- */

void index_points_deinit(struct index_points *p)
{
	for (size_t i = 0; i < p->count; i++)
		mem_free((void *)p->v[i].state);
	mem_free(STEAL(p->v));
	p->count = 0;
}

static struct error *read_point(struct query *q, struct index_point *p)
{
	const void *state = query_blob(q, 2, &p->state_size);

	p->in_offset = (uint64_t)query_int(q, 0);
	p->out_offset = (uint64_t)query_int(q, 1);
	if (!state)
		return NULL;
	p->state = mem_dup(state, p->state_size);
	return p->state ? NULL : error_no_memory;
}

struct error *index_points(struct index_reader *r, int64_t container_id,
			   uint64_t from, uint64_t to, struct index_points *ret)
{
	CLEANUP(index_points_deinit) struct index_points points = { 0 };
	size_t capacity = 0;
	uint64_t last = INT64_MAX - 1;

	*ret = points;
	from = from < last ? from : last;
	to = to < last ? to : last;
	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, SQL_POINTS);
	query_bind_int(&q, 1, container_id);
	query_bind_int(&q, 2, (int64_t)from);
	query_bind_int(&q, 3, (int64_t)(to > from ? to : from + 1));
	for (;;) {
		bool row;

		TRY(query_step(&q, &row));
		if (!row)
			break;
		if (!mem_grow(&points.v, &capacity, points.count + 1,
			      sizeof(*points.v)))
			return error_no_memory;
		memset(&points.v[points.count], 0, sizeof(*points.v));
		TRY(read_point(&q, &points.v[points.count++]));
	}
	*ret = points;
	points = (struct index_points) { 0 };
	return NULL;
}

/* ---- The rest ----------------------------------------------------------- */

struct error *index_each_id(struct index_reader *r, int64_t after, size_t limit,
			    index_id_fn fn, void *ctx, int64_t *last_ret)
{
	*last_ret = after;
	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, SQL_IDS_AFTER);
	query_bind_int(&q, 1, after);
	query_bind_int(&q, 2, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
	for (;;) {
		struct build_id id;
		size_t size;
		bool row;

		TRY(query_step(&q, &row));
		if (!row)
			return NULL;
		const void *bytes = query_blob(&q, 1, &size);
		if (!build_id_set(&id, bytes, size))
			return damaged_row(&q);
		*last_ret = query_int(&q, 0);
		fn(ctx, &id);
	}
}

struct error *index_data_version(struct index_reader *r, uint32_t *ret)
{
	int64_t version;
	bool found;

	TRY(reader_refresh(r));
	TRY(query_value(&r->db, SQL_DATA_VERSION, &version, &found));
	/* A new connection counts from 1 again. */
	*ret = (uint32_t)version + (r->reopened << 16);
	return NULL;
}

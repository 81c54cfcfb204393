/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long lists. While a read transaction is open the WAL cannot be reset, so a
 * list is read in slices (read_slice_ms): the statement ends and begins again
 * behind the last row given. A row that is there all the while is given
 * exactly once; one that comes or goes meanwhile may or may not be.
 */
#include "config.h"

#include <endian.h>
#include <fnmatch.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "index/index_private.h"

int read_slice_ms = 500;

/* Rows between two looks at the clock. One whose name is compared with a pattern
 * may take milliseconds. */
enum { SLICE_ROWS = 16 };

struct slice {
	int64_t until_ms;
	size_t rows;
};

static struct slice slice_begin(void)
{
	return (struct slice) { .until_ms = clock_ms() + read_slice_ms };
}

static bool slice_is_over(struct slice *s)
{
	return ++s->rows % SLICE_ROWS == 0 && clock_ms() >= s->until_ms;
}

/* ---- Known containers --------------------------------------------------- */

/* dir + '/' + name into @p path, whose memory is used again. */
static bool set_path(struct buf *path, struct query *q, int dir_column,
		     int name_column)
{
	size_t dir_size, name_size;
	const void *dir = query_blob(q, dir_column, &dir_size);
	const void *name = query_blob(q, name_column, &name_size);

	buf_clear(path);
	return buf_append(path, dir, dir_size) && buf_append_byte(path, '/') &&
	       buf_append(path, name, name_size) && buf_str(path);
}

/* Row of SQL_KNOWN and SQL_KNOWN_FILE. */
static struct error *give_known(struct query *q, struct buf *path,
				index_known_fn fn, void *ctx)
{
	if (!set_path(path, q, 0, 1))
		return error_no_memory;
	/* Texts stay until the next row. */
	const char *problem_kind = query_text(q, 11);
	const struct index_known known = {
		.path = (const char *)path->data,
		.stamp = {
			.mtime_ns = query_int(q, 2),
			.ctime_ns = query_int(q, 3),
			.size = (uint64_t)query_int(q, 4),
			.inode = (uint64_t)query_int(q, 5),
		},
		.root_order = (unsigned)query_int(q, 6),
		.is_retryable = *problem_kind && query_int(q, 7),
		.attempts = (uint32_t)query_int(q, 8),
		.tried_at = query_int(q, 9),
		.scanner = query_text(q, 10),
		.problem_kind = problem_kind,
	};
	return fn(ctx, &known);
}

static struct error *known_file(struct db *db, const char *path, struct buf *at,
				index_known_fn fn, void *ctx)
{
	size_t dir_size;
	const char *name;
	bool row;

	if (!path_split(path, &dir_size, &name))
		return NULL;
	CLEANUP_QUERY struct query q = query_begin(db, SQL_KNOWN_FILE);
	query_bind_blob(&q, 1, path, dir_size);
	query_bind_bytes(&q, 2, name);
	TRY(query_step(&q, &row));
	return row ? give_known(&q, at, fn, ctx) : NULL;
}

/* One slice behind the path in @p at; empty: from the beginning. */
static struct error *known_slice(struct db *db, const struct path_range *range,
				 struct buf *at, index_known_fn fn, void *ctx,
				 bool *done_ret)
{
	CLEANUP_FREE char *last = NULL;
	CLEANUP_QUERY struct query q = query_begin(db, SQL_KNOWN);
	struct slice slice = slice_begin();
	size_t dir_size;
	const char *name;

	query_bind_blob(&q, 1, range->low, range->low_size);
	query_bind_blob(&q, 2, range->high, range->high_size);
	query_bind_blob(&q, 3, "", 0);
	if (at->size) {
		last = mem_strdup((const char *)at->data);
		if (!last)
			return error_no_memory;
		if (path_split(last, &dir_size, &name)) {
			query_bind_blob(&q, 1, last, dir_size);
			query_bind_bytes(&q, 3, name);
		}
	}
	for (;;) {
		bool row;

		TRY(query_step(&q, &row));
		*done_ret = !row;
		if (!row)
			return NULL;
		TRY(give_known(&q, at, fn, ctx));
		if (slice_is_over(&slice))
			return NULL;
	}
}

static struct error *known_range(struct index_reader *r,
				 const struct path_range *range, struct buf *at,
				 index_known_fn fn, void *ctx)
{
	buf_clear(at);
	for (bool done = false; !done;) {
		TRY(reader_refresh(r));
		TRY(known_slice(&r->db, range, at, fn, ctx, &done));
	}
	return NULL;
}

struct error *index_each_known(struct index_reader *r, const char *path_prefix,
			       index_known_fn fn, void *ctx)
{
	CLEANUP_PATH_RANGES struct path_ranges ranges = { 0 };
	CLEANUP_BUF struct buf at = BUF_INIT;

	TRY(path_ranges_init(&ranges, path_prefix));
	TRY(reader_refresh(r));
	TRY(known_file(&r->db, path_prefix, &at, fn, ctx));
	TRY(known_range(r, &ranges.self, &at, fn, ctx));
	return known_range(r, &ranges.below, &at, fn, ctx);
}

/* ---- Scanned paths ------------------------------------------------------ */

struct error *index_each_root(struct index_reader *r, index_root_fn fn,
			      void *ctx)
{
	CLEANUP_BUF struct buf path = BUF_INIT;

	TRY(reader_refresh(r));
	CLEANUP_QUERY struct query q = query_begin(&r->db, SQL_ROOTS_SCAN);

	for (;;) {
		size_t size;
		bool row;

		TRY(query_step(&q, &row));
		if (!row)
			return NULL;
		const void *bytes = query_blob(&q, 0, &size);

		buf_clear(&path);
		buf_append(&path, bytes, size);
		const char *text = buf_str(&path);

		if (!text)
			return error_no_memory;
		TRY(fn(ctx, text));
	}
}

/* ---- Ignored files ------------------------------------------------------ */

/* The path, and the prints in this machine's order and alignment. */
struct ignored_row {
	struct buf dir;
	uint64_t *prints;
	size_t capacity;
};

static void ignored_row_deinit(struct ignored_row *row)
{
	buf_deinit(&row->dir);
	mem_free(STEAL(row->prints));
}

static struct error *give_ignored(struct query *q, struct ignored_row *row,
				  index_ignored_fn fn, void *ctx)
{
	size_t dir_size, size;
	const void *dir = query_blob(q, 0, &dir_size);
	const void *stored = query_blob(q, 1, &size);
	size_t count = size / sizeof(*row->prints);

	buf_clear(&row->dir);
	if (!buf_append(&row->dir, dir, dir_size) || !buf_str(&row->dir) ||
	    !mem_grow(&row->prints, &row->capacity, count ? count : 1,
		      sizeof(*row->prints)))
		return error_no_memory;
	for (size_t i = 0; i < count; i++) {
		uint64_t le;

		memcpy(&le, (const char *)stored + i * sizeof(le), sizeof(le));
		row->prints[i] = le64toh(le);
	}
	return fn(ctx, dir_size ? (const char *)row->dir.data : "/",
		  row->prints, count);
}

/* One slice of directories behind the one in @p row. */
static struct error *ignored_slice(struct db *db,
				   const struct path_range *range,
				   struct ignored_row *row, index_ignored_fn fn,
				   void *ctx, bool *done_ret)
{
	CLEANUP_QUERY struct query q = query_begin(db, SQL_IGNORED);
	CLEANUP_FREE char *last = NULL;
	struct slice slice = slice_begin();

	query_bind_blob(&q, 1, range->low, range->low_size);
	query_bind_blob(&q, 2, range->high, range->high_size);
	if (row->dir.size) {
		/* With its NUL: the least name behind it. */
		last = mem_dup(row->dir.data, row->dir.size + 1);
		if (!last)
			return error_no_memory;
		query_bind_blob(&q, 1, last, row->dir.size + 1);
	}
	for (;;) {
		bool found;

		TRY(query_step(&q, &found));
		*done_ret = !found;
		if (!found)
			return NULL;
		TRY(give_ignored(&q, row, fn, ctx));
		if (slice_is_over(&slice))
			return NULL;
	}
}

static struct error *ignored_range(struct index_reader *r,
				   const struct path_range *range,
				   struct ignored_row *row, index_ignored_fn fn,
				   void *ctx)
{
	buf_clear(&row->dir);
	for (bool done = false; !done;) {
		TRY(reader_refresh(r));
		TRY(ignored_slice(&r->db, range, row, fn, ctx, &done));
	}
	return NULL;
}

struct error *index_each_ignored(struct index_reader *r,
				 const char *path_prefix, index_ignored_fn fn,
				 void *ctx)
{
	CLEANUP_PATH_RANGES struct path_ranges ranges = { 0 };
	CLEANUP(ignored_row_deinit) struct ignored_row row = { 0 };

	TRY(path_ranges_init(&ranges, path_prefix));
	TRY(ignored_range(r, &ranges.self, &row, fn, ctx));
	return ignored_range(r, &ranges.below, &row, fn, ctx);
}

/* ---- Failed containers -------------------------------------------------- */

static struct error *failed_slice(struct db *db, int64_t *after,
				  index_failed_fn fn, void *ctx, bool *done_ret)
{
	CLEANUP_QUERY struct query q = query_begin(db, SQL_FAILED);
	CLEANUP_BUF struct buf path = BUF_INIT;
	CLEANUP_BUF struct buf texts = BUF_INIT;
	struct slice slice = slice_begin();

	query_bind_int(&q, 1, *after);
	for (;;) {
		size_t kind_size, size;
		bool row;

		TRY(query_step(&q, &row));
		*done_ret = !row;
		if (!row)
			return NULL;
		*after = query_int(&q, 0);
		const void *kind = query_blob(&q, 3, &kind_size);
		const void *problem = query_blob(&q, 4, &size);
		buf_clear(&texts);
		buf_append(&texts, kind, kind_size);
		buf_append_byte(&texts, 0);
		buf_append(&texts, problem, size);
		if (!set_path(&path, &q, 1, 2) || !buf_str(&texts))
			return error_no_memory;
		*done_ret = !fn(ctx, (const char *)path.data,
				(const char *)texts.data,
				(const char *)texts.data + kind_size + 1);
		if (*done_ret || slice_is_over(&slice))
			return NULL;
	}
}

struct error *index_each_failed(struct index_reader *r, index_failed_fn fn,
				void *ctx)
{
	int64_t after = 0;

	for (bool done = false; !done;) {
		TRY(reader_refresh(r));
		TRY(failed_slice(&r->db, &after, fn, ctx, &done));
	}
	return NULL;
}

/* ---- Search by name ----------------------------------------------------- */

struct search {
	struct index_reader *r;
	const char *pattern;
	bool is_glob;
	size_t literal_size; /* bytes before the pattern's first special */
	enum sql statement;
	uint32_t hash; /* of the base name, for SQL_NAMES_BY_HASH */
	index_over_fn is_over;
	index_name_fn fn;
	void *ctx;
	int64_t after;
	bool is_done, is_cut;
	struct buf file, archive;
};

static void search_deinit(struct search *s)
{
	buf_deinit(&s->file);
	buf_deinit(&s->archive);
}

static size_t literal_size(const char *pattern)
{
	return strcspn(pattern, "*?[\\");
}

static bool matches(const struct search *s, const char *file)
{
	if (!s->is_glob)
		return !strcmp(file, s->pattern);
	return !strncmp(file, s->pattern, s->literal_size) &&
	       !fnmatch(s->pattern, file, FNM_PATHNAME);
}

/* A member is known by its place in the archive's root: "./usr/bin/x",
 * "usr/bin/x" and "/usr/bin/x" are one. */
static bool set_member_path(struct buf *file, const char *member, size_t size)
{
	for (;;) {
		if (size && member[0] == '/') {
			member++;
			size--;
		} else if (size > 1 && member[0] == '.' && member[1] == '/') {
			member += 2;
			size -= 2;
		} else {
			break;
		}
	}
	buf_clear(file);
	return buf_append_byte(file, '/') && buf_append(file, member, size) &&
	       buf_str(file);
}

static struct error *give_hit(struct search *s, struct query *q,
			      bool in_archive)
{
	struct index_name_hit hit = {
		.roles = (unsigned)query_int(q, 2),
		.file = (const char *)s->file.data,
	};
	CLEANUP_QUERY struct query id = query_begin(q->db, SQL_BUILD_ID_BYTES);
	size_t size = 0;
	bool row;

	query_bind_int(&id, 1, query_int(q, 1));
	TRY(query_step(&id, &row));
	const void *bytes = row ? query_blob(&id, 0, &size) : NULL;
	if (!build_id_set(&hit.id, bytes, size))
		return db_error(q->db, SQLITE_CORRUPT, "build ID");
	if (in_archive) {
		if (!set_path(&s->archive, q, 4, 5))
			return error_no_memory;
		hit.archive = (const char *)s->archive.data;
	}
	s->is_done = !s->fn(s->ctx, &hit);
	return NULL;
}

static struct error *look_at_name(struct search *s, struct query *q)
{
	size_t size;
	const char *member = query_blob(q, 3, &size);
	bool has_path = member ? set_member_path(&s->file, member, size)
			       : set_path(&s->file, q, 4, 5);

	if (!has_path)
		return error_no_memory;
	if (!matches(s, (const char *)s->file.data))
		return NULL;
	return give_hit(s, q, member != NULL);
}

static struct error *search_slice(struct search *s)
{
	CLEANUP_QUERY struct query q = query_begin(&s->r->db, s->statement);
	struct slice slice = slice_begin();

	query_bind_int(&q, 1, s->after);
	if (s->statement == SQL_NAMES_BY_HASH)
		query_bind_int(&q, 2, s->hash);
	while (!s->is_done) {
		bool row;

		TRY(query_step(&q, &row));
		s->is_done = !row;
		if (!row)
			break;
		/* For every row: one costs a microsecond or two, or
		 * milliseconds where name and pattern are made for that. */
		s->is_cut = s->is_over && s->is_over(s->ctx);
		if (s->is_cut)
			break;
		s->after = query_int(&q, 0);
		TRY(look_at_name(s, &q));
		if (slice_is_over(&slice))
			break;
	}
	return NULL;
}

struct error *index_search_names(struct index_reader *r, const char *pattern,
				 bool glob, index_over_fn is_over,
				 index_name_fn fn, void *ctx,
				 bool *complete_ret)
{
	/* Where the last segment is literal its hash finds the candidates. */
	const char *base = path_base(pattern);
	bool by_hash = !glob || literal_size(base) == strlen(base);
	CLEANUP(search_deinit)
	struct search s = {
		.r = r,
		.pattern = pattern,
		.is_glob = glob,
		.literal_size = literal_size(pattern),
		.statement = by_hash ? SQL_NAMES_BY_HASH : SQL_NAMES_SCAN,
		.hash = name_hash(pattern),
		.is_over = is_over,
		.fn = fn,
		.ctx = ctx,
	};

	while (!s.is_done && !s.is_cut) {
		TRY(reader_refresh(r));
		TRY(search_slice(&s));
	}
	*complete_ret = !s.is_cut;
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another server answers is
 *
 *	{ "results": [ { "type": "executable" | "debuginfo", "buildid": HEX,
 *	                 "file": PATH, "archive": PATH }, … ],
 *	  "complete": BOOL }
 *
 * with `archive` for members of one, without `file` where the server hides its
 * paths. It is read twice, first to see that all of it makes sense.
 *
 * Source: elfutils 0.193, debuginfod(8).
 */
#include "config.h"

#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/json_read.h"
#include "base/mem.h"
#include "http/metadata_rows.h"

static const char *const types[] = { "executable", "debuginfo" };
enum { TYPES = 2, TYPE_MOST = 16, SLOTS_LEAST = 64 };

struct error *metadata_rows_init(struct metadata_rows *rows, struct buf *out,
				 bool hide_paths, size_t limit_bytes)
{
	*rows = (struct metadata_rows) {
		.out = out,
		.hide_paths = hide_paths,
		.limit_bytes = limit_bytes,
	};
	/* Who knew it could make rows that all meet. */
	if (getrandom(&rows->seed, sizeof(rows->seed), 0) != sizeof(rows->seed))
		return error_errno("getrandom");
	json_write_init(&rows->json, out);
	json_write_object(&rows->json);
	json_write_key(&rows->json, "results");
	json_write_array(&rows->json);
	return NULL;
}

void metadata_rows_deinit(struct metadata_rows *rows)
{
	mem_free(STEAL(rows->slots));
	rows->slot_count = 0;
}

void metadata_rows_end(struct metadata_rows *rows, bool is_complete)
{
	json_write_array_end(&rows->json);
	json_write_kv_bool(&rows->json, "complete", is_complete);
	json_write_object_end(&rows->json);
}

/* ---- Each once ----------------------------------------------------------- */

static void put(struct metadata_slot *slots, size_t count,
		struct metadata_slot row)
{
	size_t i = row.hash & (count - 1);

	while (slots[i].at)
		i = (i + 1) & (count - 1);
	slots[i] = row;
}

/* At most half of the slots are taken. */
static bool make_room(struct metadata_rows *rows)
{
	if (rows->count < rows->slot_count / 2)
		return true;
	size_t count = rows->slot_count ? 2 * rows->slot_count : SLOTS_LEAST;
	struct metadata_slot *slots = mem_array(count, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < rows->slot_count; i++) {
		if (rows->slots[i].at)
			put(slots, count, rows->slots[i]);
	}
	mem_free(rows->slots);
	rows->slots = slots;
	rows->slot_count = count;
	return true;
}

/* Is the row that was written last, from @p at on, there already? An object's
 * text is not the beginning of another's, so its own length will do. */
static bool is_repeated(const struct metadata_rows *rows, uint32_t hash,
			size_t at)
{
	const uint8_t *row = rows->out->data + at;
	size_t size = rows->out->size - at;

	for (size_t i = hash & (rows->slot_count - 1); rows->slots[i].at;
	     i = (i + 1) & (rows->slot_count - 1)) {
		const struct metadata_slot *s = &rows->slots[i];

		if (s->hash == hash && s->at + size <= at &&
		    !memcmp(rows->out->data + s->at, row, size))
			return true;
	}
	return false;
}

static void write_row(struct metadata_rows *rows,
		      const struct metadata_row *row)
{
	struct json_write *j = &rows->json;
	char hex[BUILD_ID_HEX_MAX];

	json_write_object(j);
	json_write_kv_string(j, "type", row->type);
	json_write_kv_string(j, "buildid", build_id_hex(row->id, hex));
	if (row->file && (!rows->hide_paths || row->archive))
		json_write_kv_string(j, "file", row->file);
	if (row->archive && !rows->hide_paths)
		json_write_kv_string(j, "archive", row->archive);
	json_write_object_end(j);
}

bool metadata_rows_add(struct metadata_rows *rows,
		       const struct metadata_row *row)
{
	struct buf *out = rows->out;

	if (out->failed || out->size > rows->limit_bytes) {
		rows->is_cut = true;
		return false;
	}
	if (!make_room(rows)) {
		out->failed = true;
		return false;
	}
	size_t before = out->size;

	write_row(rows, row);
	if (out->failed)
		return false;
	size_t at = before + (rows->count > 0); /* behind the comma */
	uint32_t hash = (uint32_t)hash_bytes(out->data + at, out->size - at,
					     rows->seed);

	if (is_repeated(rows, hash, at)) {
		out->size = before;
		return true;
	}
	put(rows->slots, rows->slot_count,
	    (struct metadata_slot) { .hash = hash, .at = (uint32_t)at });
	rows->count++;
	return true;
}

/* ---- What others said ---------------------------------------------------- */

/* NUL-terminated copies: one that has escapes does not outlive the next. */
struct heard {
	char type[TYPE_MOST];
	char id[BUILD_ID_HEX_MAX];
	char file[METADATA_PATH_MOST + 1];
	char archive[METADATA_PATH_MOST + 1];
};

/* @return False: it does not fit, or would be cut. */
static bool hear(struct json_read *r, char *to, size_t room)
{
	const char *text;
	size_t size;

	json_read_string(r, &text, &size);
	if (!json_read_ok(r) || !size || size >= room || memchr(text, 0, size))
		return false;
	memcpy(to, text, size);
	to[size] = '\0';
	return true;
}

/* @return False: it is not a row for us. */
static bool hear_row(struct json_read *r, struct heard *h)
{
	static const char *const keys[] = { "type", "buildid", "file",
					    "archive", NULL };
	char *const texts[] = { h->type, h->id, h->file, h->archive };
	static const size_t rooms[] = { sizeof(h->type), sizeof(h->id),
					sizeof(h->file), sizeof(h->archive) };
	uint32_t seen = 0;
	bool fits = true;
	int key;

	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
		texts[i][0] = '\0';
	json_read_object(r);
	while ((key = json_read_member(r, keys, &seen)) >= 0)
		fits &= hear(r, texts[key], rooms[key]);
	return fits;
}

/* @return False: it was left out. */
static bool add_heard(struct metadata_rows *rows, const struct heard *h,
		      const struct build_id *id)
{
	struct build_id its;
	size_t type = 0;

	while (type < TYPES && strcmp(h->type, types[type]) != 0)
		type++;
	if (type == TYPES || !build_id_parse(h->id, strlen(h->id), &its) ||
	    (id && !build_id_equal(&its, id)))
		return false;
	const struct metadata_row row = {
		.type = types[type],
		.id = &its,
		.file = *h->file ? h->file : NULL,
		.archive = *h->archive ? h->archive : NULL,
	};

	return metadata_rows_add(rows, &row);
}

/* @param[in] rows NULL: only see whether it makes sense. */
static struct error *read_answer(struct metadata_rows *rows, const void *text,
				 size_t size, const struct build_id *id,
				 bool *complete_ret)
{
	static const char *const keys[] = { "results", "complete", NULL };
	CLEANUP_JSON_READ struct json_read r = { 0 };
	bool says_complete = false, is_all = true;
	struct heard h;
	uint32_t seen = 0;
	int key;

	json_read_init(&r, text, size);
	json_read_object(&r);
	while ((key = json_read_member(&r, keys, &seen)) >= 0) {
		if (key == 1) {
			says_complete = json_read_bool(&r);
			continue;
		}
		json_read_array(&r);
		while (json_read_item(&r)) {
			bool fits = hear_row(&r, &h);

			if (rows)
				is_all &= fits && add_heard(rows, &h, id);
		}
	}
	TRY(json_read_finish(&r));
	if (seen != 3)
		return error_new(BAD_REQUEST, "results or complete is missing");
	*complete_ret = says_complete && is_all;
	return NULL;
}

struct error *metadata_rows_add_answer(struct metadata_rows *rows,
				       const void *text, size_t size,
				       const struct build_id *id,
				       bool *complete_ret)
{
	TRY(read_answer(NULL, text, size, id, complete_ret));
	return read_answer(rows, text, size, id, complete_ret);
}

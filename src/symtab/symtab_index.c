/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "symtab/symtab_index.h"

enum { INDEX_HEAD = 12, PART_HEAD = 8 };

/* The next part, of @length bytes; NULL if there is none or if it is damaged.
 */
static bool take_part(struct symtab_input *in, uint32_t length,
		      struct symtab_input *ret)
{
	*ret = (struct symtab_input) { NULL, NULL };
	if (!length)
		return true;
	if (length > (size_t)(in->end - in->at) ||
	    (size_t)(in->end - in->at) - length < PART_HEAD)
		return false;
	in->at += PART_HEAD;
	*ret = (struct symtab_input) { in->at, in->at + length };
	in->at += length;
	return true;
}

bool symtab_index_load(struct symtab_index *x, const struct symtab *t,
		       uint32_t function, const uint8_t *parts,
		       struct symtab_input *lines, struct symtab_input *tree)
{
	struct symtab_input in = { parts, t->data + t->gsym_size };

	x->count = 0;
	if (!t->index)
		return true;
	uint32_t at = symtab_u32(t->index + (size_t)function * 4);

	if (!at)
		return true;
	if (at > t->index_size || t->index_size - at < INDEX_HEAD)
		return false;
	x->data = (struct symtab_input) { t->index + at,
					  t->index + t->index_size };
	x->count = symtab_u32(x->data.at);
	x->bucket = 0;
	x->start = UINT32_MAX;
	x->stop = 0;
	return x->count && x->count <= (t->index_size - at - INDEX_HEAD) / 8 &&
	       take_part(&in, symtab_u32(x->data.at + 4), lines) &&
	       take_part(&in, symtab_u32(x->data.at + 8), tree);
}

static inline const uint8_t *bucket_at(const struct symtab_index *x, uint32_t i)
{
	return x->data.at + INDEX_HEAD + (size_t)i * 8;
}

/* The last bucket that starts at or before @offset, or the first. */
static uint32_t find_bucket(const struct symtab_index *x, uint32_t offset)
{
	uint32_t low = 0;

	for (uint32_t count = x->count; count > 1;) {
		uint32_t half = count / 2;

		if (symtab_u32(bucket_at(x, low + half)) <= offset)
			low += half;
		count -= half;
	}
	return low;
}

static struct error *read_record(struct symtab_index *x,
				 struct symtab_input line_data,
				 struct symtab_lines *lines)
{
	uint32_t record = symtab_u32(bucket_at(x, x->bucket) + 4);
	struct symtab_line row = { .offset = x->start };
	struct symtab_input in = x->data;
	uint32_t line_at, size;

	if (record > (size_t)(in.end - in.at))
		return error_new(BAD_DATA, "bad index");
	in.at += record;
	if (!symtab_uleb32(&in, &line_at) ||
	    (line_at && (!symtab_uleb32(&in, &row.file) ||
			 !symtab_uleb32(&in, &row.line))) ||
	    !symtab_uleb32(&in, &size) || size > (size_t)(in.end - in.at))
		return error_new(BAD_DATA, "bad index");
	x->nodes = (struct symtab_input) { in.at, in.at + size };
	if (!line_at)
		return symtab_lines_begin(lines, line_data);
	return symtab_lines_seek(lines, line_data, line_at, &row);
}

struct error *symtab_index_enter(struct symtab_index *x, uint32_t offset,
				 struct symtab_input line_data,
				 struct symtab_lines *lines,
				 struct symtab_input *nodes_ret)
{
	if (offset < x->start || offset >= x->stop) {
		x->bucket = find_bucket(x, offset);
		x->start = symtab_u32(bucket_at(x, x->bucket));
		x->stop = x->bucket + 1 < x->count
				  ? symtab_u32(bucket_at(x, x->bucket + 1))
				  : UINT32_MAX;
		TRY(read_record(x, line_data, lines));
	}
	*nodes_ret = x->nodes;
	return NULL;
}

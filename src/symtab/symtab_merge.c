/* SPDX-License-Identifier: Apache-2.0 */
/* One table into another: functions are decoded and added anew, since strings
 * and files have other numbers there. */
#include "config.h"

#include "base/mem.h"
#include "symtab/symtab_private.h"
#include "symtab/symtab_writer.h"

struct merge {
	struct symtab_writer *w;
	struct symtab *t;
	struct symtab_cursor *cursor;
	uint32_t *files; /* t's number to w's, + 1; 0: not known yet */
	struct symtab_row *rows;
	size_t row_count, row_capacity;
	struct symtab_inline *inlines;
	size_t inline_capacity;
	struct symtab_range *ranges;
	size_t range_count, range_capacity;
};

static void cleanup_merge(struct merge *m)
{
	symtab_cursor_free(m->cursor);
	mem_free(m->files);
	mem_free(m->rows);
	mem_free(m->inlines);
	mem_free(m->ranges);
}

static struct error *map_string(struct merge *m, uint32_t at, uint32_t *ret)
{
	size_t len;
	const char *s = symtab_name(m->t, at, &len);

	return symtab_writer_string(m->w, s, len, ret);
}

static struct error *map_file(struct merge *m, uint32_t file, uint32_t *ret)
{
	uint32_t dir, base;

	*ret = 0;
	if (!file || file >= m->t->file_count)
		return NULL;
	if (!m->files[file]) {
		const uint8_t *f = m->t->files + (size_t)8 * file;

		TRY(map_string(m, symtab_u32(f), &dir));
		TRY(map_string(m, symtab_u32(f + 4), &base));
		TRY(symtab_writer_file(m->w, dir, base, &m->files[file]));
		m->files[file]++;
	}
	*ret = m->files[file] - 1;
	return NULL;
}

static struct error *map_rows(struct merge *m, struct symtab_lines *lines)
{
	m->row_count = 0;
	for (;;) {
		TRY(symtab_lines_step(lines));
		if (!lines->has_now)
			return NULL;
		if (!mem_grow(&m->rows, &m->row_capacity, m->row_count + 1,
			      sizeof(*m->rows)))
			return error_no_memory;
		struct symtab_row *row = &m->rows[m->row_count++];

		row->offset = lines->now.offset;
		row->line = lines->now.line;
		TRY(map_file(m, lines->now.file, &row->file));
	}
}

static bool put_range(struct merge *m, uint32_t start, uint32_t stop)
{
	if (!mem_grow(&m->ranges, &m->range_capacity, m->range_count + 1,
		      sizeof(*m->ranges)))
		return false;
	m->ranges[m->range_count++] =
		(struct symtab_range) { start, stop - start };
	return true;
}

/* The nodes below the root, the ranges of all one behind the other. */
static struct error *map_tree(struct merge *m, const struct symtab_whole *f)
{
	uint32_t ends[SYMTAB_FRAMES_MAX]; // of the nodes around
	uint32_t depth = 0;

	m->range_count = 0;
	if (!mem_grow(&m->inlines, &m->inline_capacity, f->node_count,
		      sizeof(*m->inlines)))
		return error_no_memory;
	for (size_t i = 0; i < f->node_count; i++) {
		const struct symtab_node *n = &f->nodes[i];
		struct symtab_inline *to = &m->inlines[i];

		while (depth && ends[depth - 1] && i >= ends[depth - 1])
			depth--;
		to->depth = depth;
		to->call_line = n->call_line;
		to->range_count = n->more_count + 1;
		TRY(map_string(m, n->name, &to->name));
		TRY(map_file(m, n->call_file, &to->call_file));
		if (!put_range(m, n->start, n->stop))
			return error_no_memory;
		for (uint32_t k = 0; k < n->more_count; k++)
			if (!put_range(m, f->extents[n->more + k].start,
				       f->extents[n->more + k].stop))
				return error_no_memory;
		if (n->end != i + 1)
			ends[depth++] = n->end;
	}
	const struct symtab_range *ranges = m->ranges;

	for (size_t i = 0; i < f->node_count; i++) {
		m->inlines[i].ranges = ranges;
		ranges += m->inlines[i].range_count;
	}
	return NULL;
}

static struct error *merge_function(struct merge *m, uint32_t i)
{
	struct symtab_whole whole;

	TRY(symtab_decode(m->cursor, i, &whole));
	TRY(map_rows(m, whole.lines));
	TRY(map_tree(m, &whole));
	struct symtab_function f = {
		.start = whole.start,
		.size = whole.size,
		.origin = m->t->quality,
		.rows = m->rows,
		.row_count = m->row_count,
		// Without the root.
		.inlines = whole.node_count ? m->inlines + 1 : NULL,
		.inline_count = whole.node_count ? whole.node_count - 1 : 0,
	};

	TRY(map_string(m, whole.name, &f.name));
	return symtab_writer_add(m->w, &f);
}

struct error *symtab_writer_add_table(struct symtab_writer *w, struct symtab *t)
{
	CLEANUP(cleanup_merge) struct merge m = { .w = w, .t = t };

	TRY(symtab_cursor_create(t, &m.cursor));
	m.files = mem_array(t->file_count, sizeof(*m.files));
	if (!m.files)
		return error_no_memory;
	for (uint32_t i = 0; i < t->count; i++)
		TRY(merge_function(&m, i));
	return NULL;
}

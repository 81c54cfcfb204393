/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_encode.h"
#include "symtab/symtab_format.h"

enum {
	DEPTH_MAX = SYMTAB_FRAMES_MAX - 1,
	LINE_WINDOW = 14, /* most that max_delta exceeds min_delta by */
	DELTA_REACH = 64, /* line deltas beyond are not counted */
	/* Of one function, all calls together. What lies deep in many pieces
	 * would be as many at each level. */
	RANGES_MAX = 1 << 22,
	ULEB_MAX = 10
};

void symtab_encoder_deinit(struct symtab_encoder *e)
{
	buf_deinit(&e->out);
	buf_deinit(&e->index);
	mem_free(e->rows);
	mem_free(e->row_ends);
	mem_free(e->buckets);
	mem_free(e->members);
	mem_free(e->nodes);
	mem_free(e->ranges);
	mem_free(e->sorted);
	*e = (struct symtab_encoder) { 0 };
}

/* The encoders below write where there is room for it, and say how much. */
static inline uint8_t *put_uleb(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)v | 0x80;
	*p++ = (uint8_t)v;
	return p;
}

static inline uint8_t *put_sleb(uint8_t *p, int64_t v)
{
	while (v < -64 || v > 63) {
		*p++ = (uint8_t)(v & 0x7f) | 0x80;
		v >>= 7;
	}
	*p++ = (uint8_t)(v & 0x7f);
	return p;
}

static inline uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, 4);
	return p + 4;
}

/* Copy the rows that say something new: ascending, within the function, the
 * last of several at one place. */
static struct error *clean_rows(struct symtab_encoder *e,
				const struct symtab_function *f, uint64_t size,
				size_t file_count)
{
	size_t n = 0;

	e->row_count = 0;
	if (!mem_grow(&e->rows, &e->row_capacity, f->row_count,
		      sizeof(*e->rows)))
		return error_no_memory;
	for (size_t i = 0; i < f->row_count; i++) {
		struct symtab_row row = f->rows[i];

		if ((n && row.offset < e->rows[n - 1].offset) ||
		    (size ? row.offset >= size : row.offset > UINT32_MAX))
			continue;
		if (row.file >= file_count)
			row.file = 0;
		if (n && row.offset == e->rows[n - 1].offset)
			n--;
		if (n && row.file == e->rows[n - 1].file &&
		    row.line == e->rows[n - 1].line)
			continue;
		e->rows[n++] = row;
	}
	e->row_count = n;
	return NULL;
}

struct window {
	int64_t min, max;
};

/* The line deltas that a single byte shall be able to say: all there are, or,
 * if these are too many, the 15 in a row that occur most often. */
static struct window choose_window(const struct symtab_row *rows, size_t count)
{
	uint32_t seen[2 * DELTA_REACH] = { 0 };
	struct window all = { INT64_MAX, INT64_MIN };
	uint32_t sum = 0, best = 0;
	int best_at = 0;

	for (size_t i = 1; i < count; i++) {
		int64_t delta = (int64_t)rows[i].line - rows[i - 1].line;

		if (delta < all.min)
			all.min = delta;
		if (delta > all.max)
			all.max = delta;
		if (delta >= -DELTA_REACH && delta < DELTA_REACH)
			seen[delta + DELTA_REACH]++;
	}
	if (count < 2)
		return (struct window) { 0, 0 };
	if (all.max - all.min <= LINE_WINDOW) {
		if (all.min == all.max && all.min > 0 && all.min < LINE_WINDOW)
			all.min = 0;
		return all;
	}
	for (int i = 0; i < 2 * DELTA_REACH; i++) {
		sum += seen[i];
		if (i > LINE_WINDOW)
			sum -= seen[i - LINE_WINDOW - 1];
		if (i >= LINE_WINDOW && sum > best) {
			best = sum;
			best_at = i - LINE_WINDOW;
		}
	}
	if (!best)
		return (struct window) { 0, 0 };
	return (struct window) { best_at - DELTA_REACH,
				 best_at - DELTA_REACH + LINE_WINDOW };
}

static inline uint8_t *put_row(uint8_t *p, const struct window *w,
			       uint64_t advance, int64_t delta)
{
	if (delta >= w->min && delta <= w->max && advance < 256) {
		uint64_t op = (uint64_t)(delta - w->min) +
			      advance * (uint64_t)(w->max - w->min + 1) +
			      GSYM_OP_SPECIAL;

		if (op < 256) {
			*p++ = (uint8_t)op;
			return p;
		}
	}
	if (delta) {
		*p++ = GSYM_OP_ADVANCE_LINE;
		p = put_sleb(p, delta);
	}
	*p++ = GSYM_OP_ADVANCE_PC;
	return put_uleb(p, advance);
}

static struct error *encode_rows(struct symtab_encoder *e)
{
	// Three operations of at most 5 bytes and their codes.
	uint8_t *start =
		buf_reserve(&e->out, 8 + 4 * ULEB_MAX + e->row_count * 18);

	if (!start || !mem_grow(&e->row_ends, &e->row_end_capacity,
				e->row_count, sizeof(*e->row_ends)))
		return error_no_memory;
	struct window w = choose_window(e->rows, e->row_count);
	struct symtab_row before = { 0, 1, e->rows[0].line };
	uint8_t *p = start + 8;

	p = put_sleb(p, w.min);
	p = put_sleb(p, w.max);
	p = put_uleb(p, before.line);
	for (size_t i = 0; i < e->row_count; i++) {
		struct symtab_row row = e->rows[i];

		if (row.file != before.file) {
			*p++ = GSYM_OP_SET_FILE;
			p = put_uleb(p, row.file);
		}
		p = put_row(p, &w, row.offset - before.offset,
			    (int64_t)row.line - before.line);
		e->row_ends[i] = (uint32_t)(p - start - 8);
		before = row;
	}
	*p++ = GSYM_OP_END;
	size_t length = (size_t)(p - start) - 8;

	if (length > UINT32_MAX)
		return error_new(LIMIT, "symbol table: too many lines");
	e->line_length = length;
	put_u32(put_u32(start, GSYM_LINE_TABLE), (uint32_t)length);
	buf_commit(&e->out, 8 + length);
	return NULL;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct symtab_range *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* The ranges in order: as they are, or a sorted copy. */
static const struct symtab_range *sort_ranges(struct symtab_encoder *e,
					      const struct symtab_inline *in)
{
	size_t n = in->range_count;
	size_t i = 1;

	while (i < n && in->ranges[i - 1].offset <= in->ranges[i].offset)
		i++;
	if (i >= n)
		return in->ranges;
	if (!mem_grow(&e->sorted, &e->sorted_capacity, n, sizeof(*e->sorted)))
		return NULL;
	memcpy(e->sorted, in->ranges, n * sizeof(*e->sorted));
	qsort(e->sorted, n, sizeof(*e->sorted), compare_ranges);
	return e->sorted;
}

static uint64_t stop_of(const struct symtab_range *r)
{
	uint64_t stop = r->offset + r->size;

	return stop < r->offset ? UINT64_MAX : stop;
}

/* Append what of [start, stop) lies within the ranges from @within to @end of
 * its parent. */
static bool cut_range(struct symtab_encoder *e, uint64_t start, uint64_t stop,
		      size_t *within, size_t end)
{
	for (size_t step = (end - *within) / 2; step; step /= 2)
		while (end - *within > step &&
		       e->ranges[*within + step].stop <= start)
			*within += step;
	for (size_t k = *within; k < end && e->ranges[k].start < stop; k++) {
		struct symtab_encode_range r = e->ranges[k];

		if (start > r.start)
			r.start = (uint32_t)start;
		if (stop < r.stop)
			r.stop = (uint32_t)stop;
		if (r.start >= r.stop)
			continue;
		if (!mem_grow(&e->ranges, &e->range_capacity,
			      e->range_count + 1, sizeof(*e->ranges)))
			return false;
		e->ranges[e->range_count++] = r;
	}
	return true;
}

/* Append what of @in lies within the ranges of @parent to ranges[]. */
static struct error *cut_ranges(struct symtab_encoder *e, size_t parent,
				const struct symtab_inline *in)
{
	const struct symtab_range *ranges = sort_ranges(e, in);
	size_t within = e->nodes[parent].range;
	size_t within_end = within + e->nodes[parent].range_count;
	size_t begin = e->range_count;

	if (!ranges && in->range_count)
		return error_no_memory;
	for (size_t i = 0; i < in->range_count;) {
		uint64_t start = ranges[i].offset;
		uint64_t stop = stop_of(&ranges[i]);

		// Those that overlap are one.
		for (i++; i < in->range_count && ranges[i].offset <= stop; i++)
			if (stop_of(&ranges[i]) > stop)
				stop = stop_of(&ranges[i]);
		if (!cut_range(e, start, stop, &within, within_end))
			return error_no_memory;
	}
	e->nodes[e->node_count].range = begin;
	e->nodes[e->node_count].range_count = e->range_count - begin;
	return NULL;
}

/* The tree without what does not fit, flat in preorder; nodes[0] is the
 * function itself. */
static struct error *clean_tree(struct symtab_encoder *e,
				const struct symtab_function *f, uint32_t size,
				size_t file_count, bool *is_cut)
{
	size_t parent[DEPTH_MAX + 1] = { 0 };
	uint32_t depth = 0; // of the node kept last

	if (!mem_grow(&e->nodes, &e->node_capacity, f->inline_count + 1,
		      sizeof(*e->nodes)) ||
	    !mem_grow(&e->ranges, &e->range_capacity, f->inline_count + 1,
		      sizeof(*e->ranges)))
		return error_no_memory;
	e->nodes[0] = (struct symtab_encode_node) { .name = f->name,
						    .range_count = 1 };
	e->ranges[0] = (struct symtab_encode_range) { 0, size };
	e->node_count = e->range_count = 1;
	for (size_t i = 0; i < f->inline_count; i++) {
		const struct symtab_inline *in = &f->inlines[i];
		struct symtab_encode_node *n = &e->nodes[e->node_count];

		// Deeper than a child: what it was below is gone.
		if (!in->depth || in->depth > depth + 1)
			continue;
		if (in->depth > DEPTH_MAX || e->range_count >= RANGES_MAX) {
			*is_cut = true;
			continue;
		}
		depth = in->depth - 1;
		TRY(cut_ranges(e, parent[depth], in));
		if (!n->range_count)
			continue;
		n->depth = ++depth;
		n->name = in->name;
		n->call_file = in->call_file < file_count ? in->call_file : 0;
		n->call_line = in->call_line;
		parent[depth] = e->node_count++;
	}
	return NULL;
}

/* A node; what its ranges count from is the start of its parent's first. */
static struct error *put_node(struct symtab_encoder *e,
			      const struct symtab_encode_node *n, uint32_t base,
			      bool has_children, uint32_t lists_ending)
{
	uint8_t *start = buf_reserve(&e->out, n->range_count * 10 + 25 +
						      (size_t)lists_ending);

	if (!start)
		return error_no_memory;
	uint8_t *p = put_uleb(start, n->range_count);

	for (size_t i = 0; i < n->range_count; i++) {
		const struct symtab_encode_range *r = &e->ranges[n->range + i];

		p = put_uleb(p, r->start - base);
		p = put_uleb(p, r->stop - r->start);
	}
	*p++ = has_children;
	p = put_u32(p, n->name);
	p = put_uleb(p, n->call_file);
	p = put_uleb(p, n->call_line);
	memset(p, 0, lists_ending);
	buf_commit(&e->out, (size_t)(p - start) + lists_ending);
	return NULL;
}

static struct error *encode_tree(struct symtab_encoder *e)
{
	uint32_t base[DEPTH_MAX + 2] = { 0 }; // of nodes at that depth
	size_t at = e->out.size;

	if (!buf_put_u32(&e->out, GSYM_INLINE) || !buf_put_u32(&e->out, 0))
		return error_no_memory;
	for (size_t i = 0; i < e->node_count; i++) {
		struct symtab_encode_node *n = &e->nodes[i];
		uint32_t next = i + 1 < e->node_count ? n[1].depth : 0;
		bool has_children = next > n->depth;

		n->at = (uint32_t)(e->out.size - at - 8);
		base[n->depth + 1] = e->ranges[n->range].start;
		TRY(put_node(e, n, base[n->depth], has_children,
			     has_children ? 0 : n->depth - next));
	}
	size_t length = e->out.size - at - 8;

	if (length > UINT32_MAX)
		return error_new(LIMIT, "symbol table: too many inlined calls");
	e->tree_length = length;
	put_u32(e->out.data + at + 4, (uint32_t)length);
	return NULL;
}

/* Of a function that does not say it: what its inlined calls reach to, and the
 * rows beside them. Without such calls it can be found later. */
static uint64_t least_size(const struct symtab_function *f)
{
	uint64_t size = 0;

	for (size_t i = 0; i < f->inline_count; i++)
		for (size_t k = 0; k < f->inlines[i].range_count; k++)
			if (stop_of(&f->inlines[i].ranges[k]) > size)
				size = stop_of(&f->inlines[i].ranges[k]);
	for (size_t i = 0; f->inline_count && i < f->row_count; i++)
		if (f->rows[i].offset >= size)
			size = f->rows[i].offset + 1;
	return size;
}

/* Rows, inlined calls, and the index. */
static struct error *encode_parts(struct symtab_encoder *e,
				  struct symtab_encoded *ret)
{
	size_t start = e->out.size;
	bool is_quick;

	if (ret->has_rows)
		TRY(encode_rows(e));
	if (ret->inline_count)
		TRY(encode_tree(e));
	TRY(symtab_index_make(e, &is_quick));
	if (is_quick)
		return NULL;
	// Lines alone would be taken for its own.
	e->out.size = start;
	ret->is_cut = true;
	ret->has_rows = false;
	ret->inline_count = 0;
	return NULL;
}

struct error *symtab_encode(struct symtab_encoder *e,
			    const struct symtab_function *f, size_t file_count,
			    struct symtab_encoded *ret)
{
	uint64_t size = f->size ? f->size : least_size(f);

	if (size > UINT32_MAX)
		size = UINT32_MAX;
	*ret = (struct symtab_encoded) { .size = (uint32_t)size };
	buf_clear(&e->out);
	buf_clear(&e->index);
	e->line_length = e->tree_length = 0;
	buf_put_u32(&e->out, ret->size);
	buf_put_u32(&e->out, f->name);
	TRY(clean_rows(e, f, size, file_count));
	if (f->inline_count) {
		TRY(clean_tree(e, f, ret->size, file_count, &ret->is_cut));
		ret->inline_count = (uint32_t)e->node_count - 1;
	}
	if (ret->is_cut)
		e->row_count = 0;
	ret->has_rows = e->row_count != 0;
	TRY(encode_parts(e, ret));
	buf_append(&e->out, "\0\0\0\0\0\0\0", 8);
	return buf_append(&e->out, "\0\0", -e->out.size & 3) ? NULL
							     : error_no_memory;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding an address.
 *
 * The cursor keeps the function found last, decoded as far as it was needed:
 * rows up to the first one beyond the address, nodes of the inline tree up to
 * the end of the innermost call around it. What comes next in ascending order
 * goes on from there; what lies before is searched in what is decoded.
 *
 * Invariants
 * 1. Decoding never goes back: line.at and tree.at only grow, until another
 *    function is loaded.
 * 2. rows[] is ascending, and its last row lies beyond every address asked for
 *    so far or is the function's last.
 * 3. node.end is 0 as long as nodes below it may still be decoded; then
 *    everything from the node's own number to end, exclusive, is below it.
 * 4. Nothing of the file is trusted but what symtab_open() has checked: sizes
 *    of tables and that strings end.
 */
#include "config.h"

#include <inttypes.h>

#include "base/mem.h"
#include "symtab/symtab_private.h"

enum {
	DEPTH_MAX = SYMTAB_FRAMES_MAX - 1, /* of an inlined call */
	NODES_MAX = 1 << 22,
	INFOS_MAX = 64,  /* of one function */
	SPANS_BACK = 64, /* functions around that are looked into */
	NO_FUNCTION = UINT32_MAX
};

/* A place in the data of a function. */
struct input_span {
	const uint8_t *at;
	const uint8_t *end;
};

struct line_state {
	struct input_span in; /* empty when all is decoded */
	int64_t min_delta;
	uint64_t range;
	uint32_t reciprocal; /* n / range is n * this >> 16 for n < 256 */
	struct symtab_line row;
};

struct tree_state {
	struct input_span in; /* empty when all is decoded */
	uint32_t depth;       /* of the next node */
	uint32_t parent[DEPTH_MAX + 1];
};

struct head {
	uint64_t start;
	uint32_t size;
	uint32_t name;
	const uint8_t *parts; /* what follows */
};

struct symtab_cursor {
	struct symtab *t; /* borrowed */
	uint32_t index;   /* where the last search ended */
	uint32_t loaded;  /* function that is decoded; NO_FUNCTION */
	struct head head; /* of that function */
	bool has_lines;
	bool has_tree;
	struct line_state line;
	struct tree_state tree;
	uint32_t last; /* offset asked for last */

	struct symtab_line *rows;
	size_t row_count, row_capacity, row_at;
	struct symtab_node *nodes;
	size_t node_count, node_capacity;
	struct symtab_extent *ranges;
	size_t range_count, range_capacity;

	/* Around the address, outermost first. resume[d]: where among the
	 * nodes below chain[d] the search of an address not below the last one
	 * can begin. */
	uint32_t chain[DEPTH_MAX + 1];
	uint32_t resume[DEPTH_MAX + 1];
	uint32_t chain_count;
	struct symtab_frame frames[SYMTAB_FRAMES_MAX];
};

struct error *symtab_cursor_create(struct symtab *t, struct symtab_cursor **ret)
{
	struct symtab_cursor *c = mem_zalloc(sizeof(*c));

	if (!c)
		return error_no_memory;
	symtab_cursor_reset(c, t);
	*ret = c;
	return NULL;
}

void symtab_cursor_reset(struct symtab_cursor *c, struct symtab *t)
{
	c->t = t;
	c->index = 0;
	c->loaded = NO_FUNCTION;
}

void symtab_cursor_free(struct symtab_cursor *c)
{
	if (!c)
		return;
	mem_free(c->rows);
	mem_free(c->nodes);
	mem_free(c->ranges);
	mem_free(c);
}

static COLD struct error *damaged(const struct symtab_cursor *c,
				  const char *what)
{
	return error_new(BAD_DATA,
			 "symbol table: function at 0x%" PRIx64 ": %s",
			 c->head.start, what);
}

static bool get_uleb_slow(struct input_span *in, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; in->at < in->end && shift < 64; shift += 7) {
		uint8_t byte = *in->at++;

		if (shift == 63 && byte > 1)
			return false;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static inline bool get_uleb(struct input_span *in, uint64_t *ret)
{
	if (in->at < in->end && *in->at < 0x80) {
		*ret = *in->at++;
		return true;
	}
	return get_uleb_slow(in, ret);
}

static inline bool get_uleb32(struct input_span *in, uint32_t *ret)
{
	uint64_t v = 0;
	bool is_good = get_uleb(in, &v) && v <= UINT32_MAX;

	*ret = (uint32_t)v;
	return is_good;
}

static bool get_sleb(struct input_span *in, int64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; in->at < in->end && shift < 64; shift += 7) {
		uint8_t byte = *in->at++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte & 0x40 && shift < 57)
			v |= -(UINT64_C(1) << (shift + 7));
		*ret = (int64_t)v;
		return true;
	}
	return false;
}

static inline uint64_t offset_at(const struct symtab *t, uint32_t i)
{
	const uint8_t *p = t->offsets + (size_t)i * t->offset_size;

	switch (t->offset_size) {
	case 1:
		return *p;
	case 2:
		return symtab_u16(p);
	case 4:
		return symtab_u32(p);
	default:
		return symtab_u64(p);
	}
}

/* The last function in [low, low + count) that starts at or before @offset;
 * the first of them does. */
static uint32_t search_among(const struct symtab *t, uint64_t offset,
			     uint32_t low, uint32_t count)
{
	while (count > 1) {
		uint32_t half = count / 2;

		if (offset_at(t, low + half) <= offset)
			low += half;
		count -= half;
	}
	return low;
}

/* The function that starts last at or before an address. Searched in growing
 * steps from where the last search ended. */
static bool search(struct symtab_cursor *c, uint64_t at, uint32_t *ret)
{
	const struct symtab *t = c->t;

	if (!t->count || at < t->base)
		return false;
	uint64_t offset = at - t->base;
	uint32_t low = c->index;
	uint32_t step = 1;

	if (offset_at(t, 0) > offset)
		return false;
	if (offset_at(t, low) > offset) {
		c->index = search_among(t, offset, 0, low);
		*ret = c->index;
		return true;
	}
	while (step < t->count - low && offset_at(t, low + step) <= offset) {
		low += step;
		step *= 2;
	}
	if (step > t->count - low)
		step = t->count - low;
	c->index = search_among(t, offset, low, step);
	*ret = c->index;
	return true;
}

static bool begin_lines(struct symtab_cursor *c)
{
	struct line_state *s = &c->line;
	int64_t max_delta;

	if (!get_sleb(&s->in, &s->min_delta) || !get_sleb(&s->in, &max_delta) ||
	    !get_uleb32(&s->in, &s->row.line) || max_delta < s->min_delta)
		return false;
	s->range = (uint64_t)max_delta - (uint64_t)s->min_delta + 1;
	// Operations are below 256: more is as good as any.
	if (!s->range || s->range > 256)
		s->range = 256;
	s->reciprocal = (uint32_t)(65536 / s->range + 1);
	s->row.offset = 0;
	s->row.file = 1;
	return true;
}

static struct error *read_head(const struct symtab *t, uint32_t i,
			       struct head *ret)
{
	uint32_t at = symtab_u32(t->infos + (size_t)i * 4);
	const uint8_t *p = t->data + at;

	if (at > t->gsym_size || t->gsym_size - at < 8)
		return error_new(BAD_DATA,
				 "symbol table: function %u out of bounds", i);
	ret->start = t->base + offset_at(t, i);
	ret->size = symtab_u32(p);
	ret->name = symtab_u32(p + 4);
	ret->parts = p + 8;
	return NULL;
}

/* Find the parts of function @i, and begin both. */
static struct error *load(struct symtab_cursor *c, uint32_t i,
			  const struct head *head)
{
	const uint8_t *end = c->t->data + c->t->gsym_size;
	const uint8_t *p = head->parts;

	c->loaded = NO_FUNCTION;
	c->head = *head;
	c->has_lines = c->has_tree = false;
	c->line.in = c->tree.in = (struct input_span) { end, end };
	for (int n = 0;; n++) {
		if (end - p < 8 || n == INFOS_MAX)
			return damaged(c, "does not end");
		uint32_t type = symtab_u32(p);
		uint32_t length = symtab_u32(p + 4);

		p += 8;
		if (type == GSYM_END_OF_LIST)
			break;
		if (length > (size_t)(end - p))
			return damaged(c, "part out of bounds");
		if (type == GSYM_LINE_TABLE) {
			c->line.in = (struct input_span) { p, p + length };
			c->has_lines = true;
		} else if (type == GSYM_INLINE) {
			c->tree.in = (struct input_span) { p, p + length };
			c->has_tree = true;
		}
		p += length;
	}
	if (c->has_lines && !begin_lines(c))
		return damaged(c, "bad line table");
	c->tree.depth = 0;
	c->row_count = c->row_at = 0;
	c->node_count = c->range_count = 0;
	c->chain_count = 0;
	c->last = 0;
	c->loaded = i;
	return NULL;
}

static bool push_row(struct symtab_cursor *c, const struct symtab_line *row)
{
	if (c->row_count == c->row_capacity &&
	    !mem_grow(&c->rows, &c->row_capacity, c->row_count + 64,
		      sizeof(*c->rows)))
		return false;
	c->rows[c->row_count++] = *row;
	return true;
}

/* Decode up to the first row beyond @offset. */
static struct error *decode_rows(struct symtab_cursor *c, uint32_t offset)
{
	struct line_state *s = &c->line;
	struct input_span in = s->in;
	struct symtab_line row = s->row;

	while (in.at < in.end) {
		uint8_t op = *in.at++;
		uint64_t delta = 0;
		int64_t line;

		if (op >= GSYM_OP_SPECIAL) {
			uint32_t n = op - GSYM_OP_SPECIAL;

			delta = n * s->reciprocal >> 16;
			row.line += (uint32_t)s->min_delta +
				    (n - (uint32_t)(delta * s->range));
		} else if (op == GSYM_OP_SET_FILE) {
			if (!get_uleb32(&in, &row.file))
				return damaged(c, "bad line table");
			continue;
		} else if (op == GSYM_OP_ADVANCE_LINE) {
			if (!get_sleb(&in, &line))
				return damaged(c, "bad line table");
			row.line += (uint32_t)line;
			continue;
		} else if (op == GSYM_OP_END) {
			in.at = in.end;
			break;
		} else if (!get_uleb(&in, &delta)) {
			return damaged(c, "bad line table");
		}
		if (delta > UINT32_MAX - row.offset)
			return damaged(c, "bad line table");
		row.offset += (uint32_t)delta;
		if (!push_row(c, &row))
			return error_no_memory;
		if (row.offset > offset)
			break;
	}
	s->in = in;
	s->row = row;
	return NULL;
}

/* The row that holds at @offset, NULL before the first. */
static struct error *find_row(struct symtab_cursor *c, uint32_t offset,
			      const struct symtab_line **ret)
{
	*ret = NULL;
	if (c->line.in.at < c->line.in.end &&
	    (!c->row_count || c->rows[c->row_count - 1].offset <= offset))
		TRY(decode_rows(c, offset));
	if (!c->row_count || c->rows[0].offset > offset)
		return NULL;
	size_t at = c->row_at;

	if (c->rows[at].offset > offset) {
		size_t count = at;

		for (at = 0; count > 1;) {
			size_t half = count / 2;

			if (c->rows[at + half].offset <= offset)
				at += half;
			count -= half;
		}
	}
	while (at + 1 < c->row_count && c->rows[at + 1].offset <= offset)
		at++;
	c->row_at = at;
	*ret = &c->rows[at];
	return NULL;
}

static inline bool get_range(struct input_span *in, uint32_t base,
			     struct symtab_extent *ret)
{
	uint32_t offset, size;

	return get_uleb32(in, &offset) && get_uleb32(in, &size) &&
	       !__builtin_add_overflow(base, offset, &ret->start) &&
	       !__builtin_add_overflow(ret->start, size, &ret->stop);
}

/* The @count - 1 ranges behind the first of a node. */
static struct error *decode_ranges(struct symtab_cursor *c,
				   struct input_span *in, uint32_t base,
				   uint64_t count, struct symtab_node *n)
{
	if (count > (size_t)(in->end - in->at) / 2)
		return damaged(c, "bad inlined ranges");
	if (!mem_grow(&c->ranges, &c->range_capacity,
		      c->range_count + (size_t)count, sizeof(*c->ranges)))
		return error_no_memory;
	n->more = (uint32_t)c->range_count;
	n->more_count = (uint32_t)count;
	for (uint64_t i = 0; i < count; i++) {
		struct symtab_extent r;

		if (!get_range(in, base, &r))
			return damaged(c, "bad inlined ranges");
		if (r.stop > n->reach)
			n->reach = r.stop;
		c->ranges[c->range_count++] = r;
	}
	return NULL;
}

/* The list of nodes that is being decoded ends here: its parent is whole. */
static void end_list(struct symtab_cursor *c)
{
	struct tree_state *s = &c->tree;

	s->depth--;
	c->nodes[s->parent[s->depth]].end = (uint32_t)c->node_count;
	if (!s->depth)
		s->in.at = s->in.end;
}

static struct error *add_node(struct symtab_cursor *c, struct symtab_node *n,
			      bool has_children)
{
	struct tree_state *s = &c->tree;

	if (c->node_count == NODES_MAX ||
	    (has_children && s->depth == DEPTH_MAX))
		return damaged(c, "too many inlined calls");
	if (c->node_count == c->node_capacity &&
	    !mem_grow(&c->nodes, &c->node_capacity, c->node_count + 64,
		      sizeof(*c->nodes)))
		return error_no_memory;
	uint32_t i = (uint32_t)c->node_count++;

	n->end = has_children ? 0 : i + 1;
	c->nodes[i] = *n;
	if (has_children)
		s->parent[s->depth++] = i;
	else if (!s->depth)
		s->in.at = s->in.end; // a root without anything below
	return NULL;
}

/* Decode one node, or the end of a list. Not at the end of the tree. */
static struct error *decode_node(struct symtab_cursor *c)
{
	struct tree_state *s = &c->tree;
	struct symtab_node n = { 0 };
	struct symtab_extent first;
	uint64_t count;
	uint32_t base = s->depth ? c->nodes[s->parent[s->depth - 1]].start : 0;

	if (!get_uleb(&s->in, &count) || (!count && !s->depth))
		return damaged(c, "bad inlined calls");
	if (!count) {
		end_list(c);
		return NULL;
	}
	if (!get_range(&s->in, base, &first))
		return damaged(c, "bad inlined ranges");
	n.start = first.start;
	n.stop = n.reach = first.stop;
	if (count > 1)
		TRY(decode_ranges(c, &s->in, base, count - 1, &n));
	if (s->in.end - s->in.at < 5)
		return damaged(c, "bad inlined calls");
	bool has_children = *s->in.at;

	n.name = symtab_u32(s->in.at + 1);
	s->in.at += 5;
	if (!get_uleb32(&s->in, &n.call_file) ||
	    !get_uleb32(&s->in, &n.call_line))
		return damaged(c, "bad inlined calls");
	return add_node(c, &n, has_children);
}

static inline bool is_decoding(const struct symtab_cursor *c)
{
	return c->tree.in.at < c->tree.in.end;
}

static inline bool holds(const struct symtab_cursor *c,
			 const struct symtab_node *n, uint32_t offset)
{
	if (offset - n->start < n->stop - n->start)
		return true;
	for (uint32_t i = 0; i < n->more_count; i++) {
		const struct symtab_extent *r = &c->ranges[n->more + i];

		if (offset - r->start < r->stop - r->start)
			return true;
	}
	return false;
}

/* The node below @parent that holds @offset, searched from @from, which is
 * left where a later search can begin. */
static struct error *find_below(struct symtab_cursor *c, uint32_t parent,
				uint32_t offset, uint32_t *from, uint32_t *ret)
{
	bool is_before = true; // nothing yet that reaches beyond the address

	for (uint32_t i = *from;;) {
		while (i >= c->node_count && !c->nodes[parent].end &&
		       is_decoding(c))
			TRY(decode_node(c));
		if (i >= c->node_count ||
		    (c->nodes[parent].end && i >= c->nodes[parent].end))
			break;
		if (holds(c, &c->nodes[i], offset)) {
			*ret = i;
			return NULL;
		}
		while (!c->nodes[i].end && is_decoding(c))
			TRY(decode_node(c));
		is_before = is_before && c->nodes[i].reach <= offset;
		i = c->nodes[i].end ? c->nodes[i].end : (uint32_t)c->node_count;
		if (is_before)
			*from = i;
	}
	*ret = 0;
	return NULL;
}

/* The calls around @offset: chain[0] is the function itself. */
static struct error *find_chain(struct symtab_cursor *c, uint32_t offset)
{
	uint32_t depth = 0;

	if (!c->node_count)
		TRY(decode_node(c));
	if (offset < c->last)
		c->chain_count = 0;
	if (!c->chain_count) {
		c->chain[0] = 0;
		c->resume[0] = 1;
	}
	for (;; depth++) {
		uint32_t below;

		TRY(find_below(c, c->chain[depth], offset, &c->resume[depth],
			       &below));
		if (!below)
			break;
		if (depth + 1 >= c->chain_count ||
		    c->chain[depth + 1] != below) {
			c->chain[depth + 1] = below;
			c->resume[depth + 1] = below + 1;
			c->chain_count = depth + 2;
		}
	}
	c->chain_count = depth + 1;
	c->last = offset;
	return NULL;
}

static struct symtab_frame make_frame(const struct symtab_cursor *c,
				      uint32_t name, uint32_t file,
				      uint32_t line)
{
	return (struct symtab_frame) {
		.name = name,
		.file = file,
		.line = line,
		.start = { c->head.start },
		.size = c->head.size,
	};
}

static struct error *make_frames(struct symtab_cursor *c, uint32_t offset,
				 bool want_inlines, size_t *count_ret)
{
	const struct symtab_line *row;
	uint32_t depth = 0;
	uint32_t file = 0, line = 0;
	size_t count = 0;

	TRY(find_row(c, offset, &row));
	if (row) {
		file = row->file;
		line = row->line;
	}
	if (c->has_tree) {
		TRY(find_chain(c, offset));
		depth = c->chain_count - 1;
	}
	for (; depth; depth--) {
		const struct symtab_node *n = &c->nodes[c->chain[depth]];

		if (want_inlines) {
			c->frames[count] = make_frame(c, n->name, file, line);
			c->frames[count++].is_inlined = true;
		}
		file = n->call_file;
		line = n->call_line;
	}
	c->frames[count++] = make_frame(c, c->head.name, file, line);
	for (size_t i = 0; i < count; i++)
		if (c->frames[i].name >= c->t->strings_size ||
		    c->frames[i].file >= c->t->file_count)
			return damaged(c, "unknown name or file");
	*count_ret = count;
	return NULL;
}

/* A size of 0, which ours do not have, is up to the next function. */
static inline bool head_holds(const struct head *h, uint64_t at, bool is_top)
{
	return at - h->start < h->size || (!h->size && is_top);
}

/* A function that starts before function @top and holds the address. */
static struct error *find_around(const struct symtab *t, uint32_t top,
				 uint64_t at, uint32_t *ret, struct head *head)
{
	size_t low = 0;

	for (size_t count = t->span_count; count;) {
		size_t half = count / 2;

		if (symtab_u32(t->spans + 4 * (low + half)) < top) {
			low += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	for (int n = 0; low && n < SPANS_BACK; n++) {
		uint32_t i = symtab_u32(t->spans + 4 * --low);

		if (i >= t->count)
			return error_new(BAD_DATA, "symbol table: bad spans");
		TRY(read_head(t, i, head));
		if (head_holds(head, at, false)) {
			*ret = i;
			return NULL;
		}
	}
	*ret = NO_FUNCTION;
	return NULL;
}

/* The innermost function that holds the address, loaded. */
static struct error *find_function(struct symtab_cursor *c, uint64_t at,
				   bool *found_ret)
{
	struct head head;
	uint32_t i;

	*found_ret = false;
	if (!search(c, at, &i))
		return NULL;
	if (c->loaded == i)
		head = c->head;
	else
		TRY(read_head(c->t, i, &head));
	if (!head_holds(&head, at, true))
		TRY(find_around(c->t, i, at, &i, &head));
	if (i == NO_FUNCTION)
		return NULL;
	if (c->loaded != i)
		TRY(load(c, i, &head));
	// More than 4 GiB: a hole behind a function of no size.
	*found_ret = at - head.start <= UINT32_MAX;
	return NULL;
}

struct error *symtab_find(struct symtab_cursor *c, struct vaddr at,
			  bool want_inlines, const struct symtab_frame **ret,
			  size_t *count_ret)
{
	bool found;

	*ret = c->frames;
	*count_ret = 0;
	TRY(find_function(c, at.v, &found));
	if (!found)
		return NULL;
	struct error *err = make_frames(c, (uint32_t)(at.v - c->head.start),
					want_inlines, count_ret);

	// What is half decoded is of no use.
	if (err)
		c->loaded = NO_FUNCTION;
	return err;
}

struct error *symtab_decode(struct symtab_cursor *c, uint32_t i,
			    struct symtab_whole *ret)
{
	struct head head;

	TRY(read_head(c->t, i, &head));
	TRY(load(c, i, &head));
	c->loaded = NO_FUNCTION; // beyond the place of any address
	if (c->line.in.at < c->line.in.end)
		TRY(decode_rows(c, UINT32_MAX));
	while (is_decoding(c))
		TRY(decode_node(c));
	*ret = (struct symtab_whole) {
		.start = { head.start },
		.size = head.size,
		.name = head.name,
		.lines = c->rows,
		.line_count = c->row_count,
		.nodes = c->nodes,
		.node_count = c->node_count,
		.extents = c->ranges,
	};
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding an address: the function, then in it the row and the inlined calls.
 *
 * A small function is decoded from its start, as far as the address. A large
 * one is in the index (symtab_index.h), which cuts it into buckets, and only
 * the bucket that holds the address is decoded. Either way an ascending series
 * of addresses goes on where the one before has ended.
 *
 * Nothing of the file is trusted but what symtab_open() has checked: sizes of
 * tables and that strings end.
 */
#include "config.h"

#include <inttypes.h>

#include "base/mem.h"
#include "symtab/symtab_index.h"
#include "symtab/symtab_private.h"

enum {
	INFOS_MAX = 64,  /* of one function */
	SPANS_BACK = 64, /* functions around that are looked into */
	NO_FUNCTION = UINT32_MAX
};

struct head {
	uint64_t start;
	uint32_t size;
	uint32_t name;
	const uint8_t *parts; /* what follows */
};

struct symtab_cursor {
	struct symtab *t;  /* borrowed */
	uint32_t position; /* where the last search ended */
	uint32_t loaded;   /* function that is decoded; NO_FUNCTION */
	struct head head;  /* of that function */
	struct symtab_input line_data, tree_data; /* NULL: it has none */
	struct symtab_lines lines;
	struct symtab_tree tree;
	struct symtab_index index; /* of that function */
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
	c->position = 0;
	c->loaded = NO_FUNCTION;
}

void symtab_cursor_free(struct symtab_cursor *c)
{
	if (!c)
		return;
	symtab_tree_deinit(&c->tree);
	mem_free(c);
}

static COLD struct error *damaged(const struct symtab_cursor *c,
				  const char *what)
{
	return error_new(BAD_DATA,
			 "symbol table: function at 0x%" PRIx64 ": %s",
			 c->head.start, what);
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
	uint32_t low = c->position;
	uint32_t step = 1;

	if (offset_at(t, 0) > offset)
		return false;
	if (offset_at(t, low) > offset) {
		c->position = search_among(t, offset, 0, low);
		*ret = c->position;
		return true;
	}
	while (step < t->count - low && offset_at(t, low + step) <= offset) {
		low += step;
		step *= 2;
	}
	if (step > t->count - low)
		step = t->count - low;
	c->position = search_among(t, offset, low, step);
	*ret = c->position;
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

/* Where lines and inlined calls of the function are. */
static struct error *find_parts(struct symtab_cursor *c)
{
	struct symtab_input in = { c->head.parts,
				   c->t->data + c->t->gsym_size };

	c->line_data = c->tree_data = (struct symtab_input) { NULL, NULL };
	for (int n = 0; n < INFOS_MAX; n++) {
		if (in.end - in.at < 8)
			return damaged(c, "does not end");
		uint32_t type = symtab_u32(in.at);
		uint32_t length = symtab_u32(in.at + 4);

		in.at += 8;
		if (type == GSYM_END_OF_LIST)
			return NULL;
		if (length > (size_t)(in.end - in.at))
			return damaged(c, "part out of bounds");
		struct symtab_input data = { in.at, in.at + length };

		if (type == GSYM_LINE_TABLE)
			c->line_data = data;
		else if (type == GSYM_INLINE)
			c->tree_data = data;
		in.at += length;
	}
	return damaged(c, "too many parts");
}

/* Begin with function @i. */
static struct error *load(struct symtab_cursor *c, uint32_t i,
			  const struct head *head)
{
	c->loaded = NO_FUNCTION;
	c->head = *head;
	if (!symtab_index_load(&c->index, c->t, i, head->parts, &c->line_data,
			       &c->tree_data))
		return damaged(c, "bad index");
	if (!c->index.count)
		TRY(find_parts(c));
	symtab_tree_begin(&c->tree, c->tree_data);
	struct error *err = symtab_lines_begin(&c->lines, c->line_data);

	if (err)
		return error_wrap(err, "symbol table: function at 0x%" PRIx64,
				  head->start);
	c->loaded = i;
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

/* Row and calls at an offset of the function, in c->tree's chain. */
static struct error *find_place(struct symtab_cursor *c, uint32_t offset,
				const struct symtab_line **row_ret)
{
	struct symtab_input nodes = { NULL, NULL };

	if (c->index.count)
		TRY(symtab_index_enter(&c->index, offset, c->line_data,
				       &c->lines, &nodes));
	TRY(symtab_lines_find(&c->lines, offset, row_ret));
	if (!c->tree_data.at) {
		c->tree.chain_count = 1;
		return NULL;
	}
	if (c->index.count)
		return symtab_tree_find_among(&c->tree, nodes, offset);
	return symtab_tree_find(&c->tree, offset);
}

static struct error *make_frames(struct symtab_cursor *c, uint32_t offset,
				 bool want_inlines, size_t *count_ret)
{
	const struct symtab_line *row;
	uint32_t file = 0, line = 0;
	size_t count = 0;

	TRY(find_place(c, offset, &row));
	if (row) {
		file = row->file;
		line = row->line;
	}
	for (uint32_t depth = c->tree.chain_count - 1; depth; depth--) {
		const struct symtab_node *n =
			&c->tree.nodes[c->tree.chain[depth]];

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
			return error_new(BAD_DATA, "unknown name or file");
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

	if (!err)
		return NULL;
	c->loaded = NO_FUNCTION; // what is half decoded is of no use
	return error_wrap(err, "symbol table: function at 0x%" PRIx64,
			  c->head.start);
}

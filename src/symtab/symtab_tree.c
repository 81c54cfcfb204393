/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/mem.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_tree.h"

static COLD struct error *damaged(void)
{
	return error_new(BAD_DATA, "bad inlined calls");
}

void symtab_tree_deinit(struct symtab_tree *t)
{
	mem_free(t->nodes);
	mem_free(t->extents);
	*t = (struct symtab_tree) { 0 };
}

void symtab_tree_begin(struct symtab_tree *t, struct symtab_input data)
{
	t->in = data;
	t->data = data.at;
	t->depth = 0;
	t->node_count = t->extent_count = 0;
	t->chain_count = 0;
	t->last = 0;
}

static inline bool get_extent(struct symtab_input *in, uint32_t base,
			      struct symtab_extent *ret)
{
	uint32_t offset, size;

	return symtab_uleb32(in, &offset) && symtab_uleb32(in, &size) &&
	       !__builtin_add_overflow(base, offset, &ret->start) &&
	       !__builtin_add_overflow(ret->start, size, &ret->stop);
}

/* The @count ranges behind the first of a node. */
static struct error *read_extents(struct symtab_tree *t,
				  struct symtab_input *in, uint32_t base,
				  uint64_t count, struct symtab_node *n)
{
	if (count > (size_t)(in->end - in->at) / 2)
		return damaged();
	if (!mem_grow(&t->extents, &t->extent_capacity,
		      t->extent_count + (size_t)count, sizeof(*t->extents)))
		return error_no_memory;
	n->more = (uint32_t)t->extent_count;
	n->more_count = (uint32_t)count;
	for (uint64_t i = 0; i < count; i++) {
		struct symtab_extent r;

		if (!get_extent(in, base, &r))
			return damaged();
		if (r.stop > n->reach)
			n->reach = r.stop;
		t->extents[t->extent_count++] = r;
	}
	return NULL;
}

/* A node of @count ranges, from behind that count. */
static struct error *read_node(struct symtab_tree *t, struct symtab_input *in,
			       uint32_t base, uint64_t count,
			       struct symtab_node *n, bool *has_children)
{
	struct symtab_extent first;

	if (!get_extent(in, base, &first))
		return damaged();
	n->start = first.start;
	n->stop = n->reach = first.stop;
	n->more_count = 0;
	if (count > 1)
		TRY(read_extents(t, in, base, count - 1, n));
	if (in->end - in->at < 5)
		return damaged();
	*has_children = *in->at;
	n->name = symtab_u32(in->at + 1);
	in->at += 5;
	if (!symtab_uleb32(in, &n->call_file) ||
	    !symtab_uleb32(in, &n->call_line))
		return damaged();
	return NULL;
}

/* The list of nodes that is being decoded ends here: its parent is whole. */
static void end_list(struct symtab_tree *t)
{
	t->depth--;
	t->nodes[t->parent[t->depth]].end = (uint32_t)t->node_count;
	if (!t->depth)
		t->in.at = t->in.end;
}

static bool make_room(struct symtab_tree *t)
{
	return t->node_count < t->node_capacity ||
	       mem_grow(&t->nodes, &t->node_capacity, t->node_count + 64,
			sizeof(*t->nodes));
}

/* Decode one node, or the end of a list. Not at the end of the tree. */
static struct error *decode_node(struct symtab_tree *t)
{
	uint32_t base = t->depth ? t->nodes[t->parent[t->depth - 1]].start : 0;
	bool has_children;
	uint64_t count;

	if (!symtab_uleb(&t->in, &count) || (!count && !t->depth))
		return damaged();
	if (!count) {
		end_list(t);
		return NULL;
	}
	if (!make_room(t))
		return error_no_memory;
	uint32_t i = (uint32_t)t->node_count;
	struct symtab_node *n = &t->nodes[i];

	if (i == SYMTAB_AMONG_MAX ||
	    count > SYMTAB_RANGES_MAX - i - t->extent_count)
		return damaged();
	TRY(read_node(t, &t->in, base, count, n, &has_children));
	if (has_children && t->depth == SYMTAB_DEPTH_MAX)
		return damaged();
	n->end = has_children ? 0 : i + 1;
	t->node_count++;
	if (has_children)
		t->parent[t->depth++] = i;
	else if (!t->depth)
		t->in.at = t->in.end; // a root without anything below
	return NULL;
}

static inline bool is_decoding(const struct symtab_tree *t)
{
	return t->in.at < t->in.end;
}

static inline bool holds(const struct symtab_tree *t,
			 const struct symtab_node *n, uint32_t offset)
{
	if (offset - n->start < n->stop - n->start)
		return true;
	for (uint32_t i = 0; i < n->more_count; i++) {
		const struct symtab_extent *r = &t->extents[n->more + i];

		if (offset - r->start < r->stop - r->start)
			return true;
	}
	return false;
}

/* The node below @parent that holds @offset, 0 if none, searched from @from,
 * which is left where a later search can begin. */
static struct error *find_below(struct symtab_tree *t, uint32_t parent,
				uint32_t offset, uint32_t *from, uint32_t *ret)
{
	bool is_before = true; // nothing yet that reaches beyond the offset

	*ret = 0;
	for (uint32_t i = *from;;) {
		while (i >= t->node_count && !t->nodes[parent].end &&
		       is_decoding(t))
			TRY(decode_node(t));
		if (i >= t->node_count ||
		    (t->nodes[parent].end && i >= t->nodes[parent].end))
			return NULL;
		if (holds(t, &t->nodes[i], offset)) {
			*ret = i;
			return NULL;
		}
		while (!t->nodes[i].end && is_decoding(t))
			TRY(decode_node(t));
		is_before = is_before && t->nodes[i].reach <= offset;
		i = t->nodes[i].end ? t->nodes[i].end : (uint32_t)t->node_count;
		if (is_before)
			*from = i;
	}
}

struct error *symtab_tree_find(struct symtab_tree *t, uint32_t offset)
{
	uint32_t depth = 0;

	if (!t->node_count)
		TRY(decode_node(t));
	if (offset < t->last)
		t->chain_count = 0;
	if (!t->chain_count) {
		t->chain[0] = 0;
		t->resume[0] = 1;
	}
	for (;; depth++) {
		uint32_t below;

		TRY(find_below(t, t->chain[depth], offset, &t->resume[depth],
			       &below));
		if (!below)
			break;
		if (depth + 1 >= t->chain_count ||
		    t->chain[depth + 1] != below) {
			t->chain[depth + 1] = below;
			t->resume[depth + 1] = below + 1;
			t->chain_count = depth + 2;
		}
	}
	t->chain_count = depth + 1;
	t->last = offset;
	return NULL;
}

struct error *symtab_tree_find_among(struct symtab_tree *t,
				     struct symtab_input nodes, uint32_t offset)
{
	size_t size = (size_t)(t->in.end - t->data);
	uint32_t depth = 0;
	uint64_t at = 0, step;
	uint64_t ranges = 0;
	uint32_t seen = 0;

	t->node_count = 1; // the root: never looked at
	t->extent_count = 0;
	if (!make_room(t))
		return error_no_memory;
	t->nodes[0] = (struct symtab_node) { 0 };
	t->chain[0] = 0;
	while (nodes.at < nodes.end) {
		size_t extents = t->extent_count;

		if (++seen > SYMTAB_AMONG_MAX || !symtab_uleb(&nodes, &step) ||
		    nodes.at == nodes.end || step > size - at)
			return damaged();
		uint32_t below = *nodes.at++;

		at += step;
		if (below > depth + 1)
			continue; // below one that does not hold it
		if (below <= depth)
			break; // behind all that is below the one that does
		struct symtab_input in = { t->data + at, t->in.end };
		bool has_children;
		uint64_t count;

		if (!make_room(t))
			return error_no_memory;
		struct symtab_node *n = &t->nodes[t->node_count];

		if (!symtab_uleb(&in, &count) || !count ||
		    count > SYMTAB_RANGES_MAX - ranges)
			return damaged();
		ranges += count;
		TRY(read_node(t, &in, n[-1].start, count, n, &has_children));
		if (!holds(t, n, offset)) {
			t->extent_count = extents;
			continue;
		}
		t->chain[++depth] = (uint32_t)t->node_count++;
	}
	t->chain_count = depth + 1;
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "symbolize/wire.h"

struct error *wire_check_wait(uint64_t wait_ms,
			      const struct batch_limits *limits)
{
	if (wait_ms <= limits->wait_ms)
		return NULL;
	return error_new(BAD_REQUEST, "wait_ms is at most %u (--batch-wait)",
			 limits->wait_ms);
}

const char *wire_check_space(const struct address_space *s, bool has_map,
			     bool has_base)
{
	switch (s->kind) {
	case ADDRESS_RUNTIME:
		return has_map ? NULL
			       : "kind runtime needs the start and the offset "
				 "of the mapping";
	case ADDRESS_SECTION:
		return s->name ? NULL : "kind section needs a section";
	case ADDRESS_KERNEL:
		return s->name && has_base
			       ? NULL
			       : "kind kernel needs base_symbol and base";
	default:
		return NULL;
	}
}

/* ---- Shape -------------------------------------------------------------- */

struct error *wire_add_stack(struct exchange *x,
			     const struct batch_limits *limits,
			     struct wire_stack **ret)
{
	if (x->stack_count >= limits->addresses)
		return error_new(LIMIT,
				 "more than %zu stacks in one request "
				 "(--batch-addresses)",
				 limits->addresses);
	if (!mem_grow(&x->stacks, &x->stack_capacity, x->stack_count + 1,
		      sizeof(*x->stacks)))
		return error_no_memory;
	*ret = &x->stacks[x->stack_count++];
	**ret = (struct wire_stack) { .first_frame = x->frame_count };
	return NULL;
}

struct error *wire_add_frame(struct exchange *x,
			     const struct batch_limits *limits,
			     const struct wire_frame *f)
{
	if (x->frame_count >= limits->addresses)
		return error_new(LIMIT,
				 "more than %zu addresses in one request "
				 "(--batch-addresses)",
				 limits->addresses);
	if (!mem_grow(&x->frames, &x->frame_capacity, x->frame_count + 1,
		      sizeof(*x->frames)))
		return error_no_memory;
	x->frames[x->frame_count++] = *f;
	x->stacks[x->stack_count - 1].frame_count++;
	return NULL;
}

/* ---- Grouping ----------------------------------------------------------- */

void wire_group_deinit(struct wire_group *g)
{
	mem_free(g->ids);
	mem_free(g->slots);
	mem_free(g->v);
	*g = (struct wire_group) { 0 };
}

static size_t slot_of(const struct wire_group *g, const struct build_id *id)
{
	size_t at = hash_bytes(id->bytes, id->len, id->len);

	for (;; at++) {
		at &= g->slot_count - 1;
		if (!g->slots[at] ||
		    build_id_equal(&g->ids[g->slots[at] - 1], id))
			return at;
	}
}

static struct error *grow_slots(struct wire_group *g)
{
	size_t count = g->slot_count ? 2 * g->slot_count : 64;
	uint32_t *slots = mem_array(count, sizeof(*slots));

	if (!slots)
		return error_no_memory;
	mem_free(g->slots);
	g->slots = slots;
	g->slot_count = count;
	for (size_t i = 0; i < g->id_count; i++)
		g->slots[slot_of(g, &g->ids[i])] = (uint32_t)i + 1;
	return NULL;
}

struct error *wire_group_id(struct wire_group *g,
			    const struct batch_limits *limits,
			    const struct build_id *id, uint32_t *module_ret)
{
	if (g->id_count && build_id_equal(&g->ids[g->last], id)) {
		*module_ret = g->last;
		return NULL;
	}
	if (2 * (g->id_count + 1) > g->slot_count)
		TRY(grow_slots(g));
	size_t at = slot_of(g, id);

	if (!g->slots[at]) {
		if (g->id_count >= limits->modules)
			return error_new(LIMIT,
					 "more than %zu modules in one request "
					 "(--batch-modules)",
					 limits->modules);
		if (!mem_grow(&g->ids, &g->id_capacity, g->id_count + 1,
			      sizeof(*g->ids)))
			return error_no_memory;
		g->ids[g->id_count++] = *id;
		g->slots[at] = (uint32_t)g->id_count;
	}
	g->last = *module_ret = g->slots[at] - 1;
	return NULL;
}

struct error *wire_group_add(struct wire_group *g, uint32_t module,
			     uint64_t address, bool is_return, uint32_t *ret)
{
	if (!mem_grow(&g->v, &g->capacity, g->count + 1, sizeof(*g->v)))
		return error_no_memory;
	*ret = (uint32_t)g->count;
	g->v[g->count++] =
		(struct wire_grouped) { module, address - is_return };
	g->has_returns |= is_return;
	return NULL;
}

/* Numbers of the addresses in order of their modules, first come first.
 * @param[out] order One an address. @param[in] next One a module, zeroed. */
static void sort_by_module(const struct wire_group *g, uint32_t *order,
			   uint32_t *next)
{
	uint32_t at = 0;

	for (size_t i = 0; i < g->count; i++)
		next[g->v[i].module]++;
	for (size_t i = 0; i < g->id_count; i++) {
		uint32_t n = next[i];

		next[i] = at;
		at += n;
	}
	for (size_t i = 0; i < g->count; i++)
		order[next[g->v[i].module]++] = (uint32_t)i;
}

static struct error *add_module(const struct wire_group *g, struct exchange *x,
				const struct batch_limits *limits,
				uint32_t module)
{
	struct batch_module *m;

	TRY(batch_add_module(&x->batch, limits, &m));
	m->id = g->ids[module];
	m->space = x->options.space;
	m->is_adjusted = g->has_returns;
	return NULL;
}

static struct error *fill_batch(const struct wire_group *g, struct exchange *x,
				const struct batch_limits *limits,
				const uint32_t *order)
{
	size_t i = 0;

	for (uint32_t module = 0; module < g->id_count; module++) {
		TRY(add_module(g, x, limits, module));
		for (; i < g->count && g->v[order[i]].module == module; i++)
			TRY(batch_add_address(&x->batch, limits,
					      g->v[order[i]].address));
	}
	return NULL;
}

/* Most bodies are about one file: then the order is the one they came in. */
static struct error *fill_in_order(const struct wire_group *g,
				   struct exchange *x,
				   const struct batch_limits *limits)
{
	TRY(add_module(g, x, limits, 0));
	for (size_t i = 0; i < g->count; i++)
		TRY(batch_add_address(&x->batch, limits, g->v[i].address));
	return NULL;
}

struct error *wire_group_finish(struct wire_group *g, struct exchange *x,
				const struct batch_limits *limits)
{
	if (g->id_count == 1)
		return fill_in_order(g, x, limits);
	CLEANUP_FREE uint32_t *order = mem_array(g->count, sizeof(*order));
	CLEANUP_FREE uint32_t *next = mem_array(g->id_count, sizeof(*next));
	CLEANUP_FREE uint32_t *place = mem_array(g->count, sizeof(*place));

	if (!order || !next || !place)
		return error_no_memory;
	sort_by_module(g, order, next);
	TRY(fill_batch(g, x, limits, order));
	for (size_t i = 0; i < g->count; i++)
		place[order[i]] = (uint32_t)i;
	for (size_t i = 0; i < x->frame_count; i++) {
		if (x->frames[i].address != WIRE_NO_ADDRESS)
			x->frames[i].address = place[x->frames[i].address];
	}
	return NULL;
}

/* ---- Writing ------------------------------------------------------------ */

struct error *wire_check(const struct wire_out *out)
{
	if (out->buf->failed || out->name.failed)
		return error_no_memory;
	if (out->buf->size > out->limit)
		return error_new(LIMIT,
				 "the answer is larger than %zu bytes: ask for "
				 "fewer addresses at a time",
				 out->limit);
	if (out->held && out->buf->capacity > HELD_SMALL &&
	    out->buf->capacity > out->held->bytes &&
	    !held_set(out->held, out->buf->capacity))
		return error_new(BUSY, "too many answers are being made");
	return batch_check(out->b);
}

void wire_put_uint(struct buf *out, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_append(out, digits + at, sizeof(digits) - at);
}

void wire_put_hex(struct buf *out, uint64_t v)
{
	char digits[18];
	size_t at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[v & 15];
	while (v >>= 4);
	digits[--at] = 'x';
	digits[--at] = '0';
	buf_append(out, digits + at, sizeof(digits) - at);
}

void wire_name(const struct batch *b, const struct batch_frame *f,
	       struct wire_out *out, struct wire_name *ret)
{
	const struct symtab *t = b->modules[f->module].table;

	buf_clear(&out->name);
	*ret = (struct wire_name) { 0 };
	ret->linkage = symtab_name(t, f->f.name, &ret->linkage_len);
	ret->function = symtab_display_name(t, f->f.name, b->demangle,
					    &out->name, &ret->function_len);
	if (ret->function_len == ret->linkage_len &&
	    (ret->function == ret->linkage ||
	     !memcmp(ret->function, ret->linkage, ret->linkage_len))) {
		ret->linkage = NULL;
		ret->linkage_len = 0;
	}
	if (!f->f.file)
		return;
	symtab_file(t, f->f.file, &ret->dir, &ret->dir_len, &ret->base,
		    &ret->base_len);
	ret->needs_slash = ret->dir_len && ret->dir[ret->dir_len - 1] != '/';
}

bool wire_hex(const char *s, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned c = (unsigned char)s[i], digit = c - '0';

		if (digit > 9) {
			digit = (c | 0x20) - 'a';
			if (digit > 5)
				return false;
			digit += 10;
		}
		if (v >> 60)
			return false;
		v = v << 4 | digit;
	}
	*ret = v;
	return len > 0;
}

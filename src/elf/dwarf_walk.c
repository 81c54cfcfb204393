/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over a unit's entries. What may hold code is gone into, everything
 * else passed over. Classes may, too, and functions without code of their own:
 * GCC puts a lambda's code into its class, in the function where it is written.
 * A function is gathered first, then given; a function within another waits
 * until that is done. */
#include "config.h"

#include <inttypes.h>

#include "base/mem.h"
#include "elf/dwarf_walk.h"
#include "elf/hash_mix.h"

struct error *dwarf_walk_create(struct dwarf_walk **ret)
{
	struct dwarf_walk *w = mem_zalloc(sizeof(*w));

	if (!w)
		return error_no_memory;
	*ret = w;
	return NULL;
}

void dwarf_walk_free(struct dwarf_walk *w)
{
	if (!w)
		return;
	mem_free(w->spans.v);
	mem_free(w->covered.v);
	mem_free(w->claims.v);
	mem_free(w->inlines);
	mem_free(w->levels);
	mem_free(w->nested);
	mem_free(w->out_rows);
	mem_free(w->out_inlines);
	mem_free(w->out_ranges);
	mem_free(w);
}

/* What was not read for it is not known; nor, then, what its lines are of. */
static struct error *note(struct dwarf_walk *w, struct error *err)
{
	w->is_broken = w->is_broken || err;
	return dwarf_debug_note(w->cu->d, err, w->cu->file, w->cu->unit.offset);
}

static struct error *pass_children(const struct dwarf_cu *cu,
				   const struct dwarf_abbrev *a,
				   const uint8_t *sibling,
				   struct dwarf_cursor *c)
{
	if (!a->has_children)
		return NULL;
	if (sibling) {
		c->p = sibling;
		return NULL;
	}
	return dwarf_children_pass(cu, c);
}

static bool has_code(const struct dwarf_die *die)
{
	return dwarf_die_has(die, DWARF_SLOT_RANGES) ||
	       (dwarf_die_has(die, DWARF_SLOT_LOW_PC) &&
		dwarf_die_has(die, DWARF_SLOT_HIGH_PC));
}

/* Damage costs the ranges behind it, and so does a limit: @is_cut tells. */
static struct error *add_ranges(struct dwarf_walk *w,
				const struct dwarf_die *die, size_t first,
				bool *is_cut)
{
	struct error *err = dwarf_die_ranges(w->cu, die, &w->spans);

	*is_cut = *is_cut || err;
	dwarf_spans_normalize(&w->spans, first);
	return dwarf_debug_note(w->cu->d, err, w->cu->file, die->offset);
}

/* Leave those that are of code that is there. */
static void keep_text(struct dwarf_walk *w)
{
	struct dwarf_spans *s = &w->spans;
	size_t to = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct dwarf_span span = s->v[i];
		const struct dwarf_span *text =
			dwarf_text_at(w->cu->d, span.start);

		if (!text)
			continue;
		if (span.end > text->end)
			span.end = text->end;
		s->v[to++] = span;
	}
	s->count = to;
}

bool dwarf_walk_wants(const struct dwarf_walk *w, struct dwarf_span span)
{
	size_t low = 0, high;

	if (!w->wanted)
		return true;
	high = w->wanted->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w->wanted->addresses[mid] < span.start)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->wanted->count && w->wanted->addresses[low] < span.end;
}

/* Claims. Where several objects have the same inline function, ld keeps the
 * first and lets the DWARF of all of them describe it; only the first one's is
 * sure to be what was compiled. */

static struct dwarf_claim *find_claim(const struct dwarf_claims *claims,
				      uint64_t start)
{
	size_t mask = ((size_t)1 << claims->bits) - 1;
	size_t i = (size_t)hash_mix(hash_seed(claims->v), start) & mask;

	while (claims->v[i].unit && claims->v[i].start != start)
		i = (i + 1) & mask;
	return &claims->v[i];
}

static struct error *grow_claims(struct dwarf_claims *claims)
{
	enum { BITS_MIN = 10 };
	struct dwarf_claims grown = {
		.bits = claims->v ? claims->bits + 1 : BITS_MIN,
		.count = claims->count,
	};

	grown.v = mem_array((size_t)1 << grown.bits, sizeof(*grown.v));
	if (!grown.v)
		return error_no_memory;
	for (size_t i = 0; claims->v && i < (size_t)1 << claims->bits; i++) {
		if (claims->v[i].unit)
			*find_claim(&grown, claims->v[i].start) = claims->v[i];
	}
	mem_free(claims->v);
	*claims = grown;
	return NULL;
}

struct error *dwarf_walk_claim(struct dwarf_walk *w, uint64_t start, bool *ret)
{
	struct dwarf_claims *claims = &w->claims;
	uint64_t unit = w->cu->main_offset + 1;

	if (claims->count >= ELF_DWARF_PIECES_MAX)
		return error_new(LIMIT, "more than %zu pieces of code",
				 ELF_DWARF_PIECES_MAX);
	if (!claims->v || claims->count >= ((size_t)1 << claims->bits) / 2)
		TRY(grow_claims(claims));
	struct dwarf_claim *c = find_claim(claims, start);

	claims->count += c->unit == 0;
	if (!c->unit)
		*c = (struct dwarf_claim) { start, unit };
	*ret = c->unit == unit;
	return NULL;
}

void dwarf_walk_forget(struct dwarf_walk *w)
{
	mem_free(STEAL(w->claims.v));
	w->claims = (struct dwarf_claims) { 0 };
}

/* Where functions are, so that lines without functions can be told. */
static struct error *cover(struct dwarf_walk *w, struct dwarf_span span)
{
	struct dwarf_spans *s = &w->covered;

	if (!w->sink->lines)
		return NULL;
	if (s->count >= ELF_DWARF_RANGES_MAX) { // claimed again and again
		dwarf_spans_normalize(s, 0);
		if (s->count >= ELF_DWARF_RANGES_MAX / 2)
			return error_new(LIMIT, "too many ranges in the unit");
	}
	return dwarf_spans_add(s, span.start, span.end) ? NULL
							: error_no_memory;
}

/* The function's own ranges, those that are to be given. */
static struct error *begin_function(struct dwarf_walk *w,
				    const struct dwarf_die *die)
{
	struct dwarf_spans *s = &w->spans;
	size_t to = 0;

	s->count = 0;
	w->inline_count = 0;
	w->is_cut = false;
	TRY(add_ranges(w, die, 0, &w->is_broken));
	keep_text(w);
	for (size_t i = 0; i < s->count; i++) {
		struct dwarf_span span = s->v[i];
		bool is_ours;

		TRY(cover(w, span));
		if (!dwarf_walk_wants(w, span))
			continue;
		TRY(dwarf_walk_claim(w, span.start, &is_ours));
		if (is_ours)
			s->v[to++] = span;
	}
	s->count = w->piece_count = to;
	return NULL;
}

static struct error *push_level(struct dwarf_walk *w, size_t depth,
				uint32_t inlined)
{
	if (depth >= ELF_DWARF_DEPTH_MAX)
		return error_new(LIMIT, "entries lie more than %zu deep",
				 ELF_DWARF_DEPTH_MAX);
	if (!mem_grow(&w->levels, &w->level_capacity, depth + 1,
		      sizeof(*w->levels)))
		return error_no_memory;
	w->levels[depth] = inlined;
	return NULL;
}

static uint64_t value_or_0(const struct dwarf_die *die, enum dwarf_slot slot)
{
	return dwarf_die_has(die, slot) ? die->values[slot].v : 0;
}

/* An inlined call, within the one of number @p parent. */
static struct error *add_inline(struct dwarf_walk *w,
				const struct dwarf_die *die, uint32_t parent)
{
	struct dwarf_walk_inline in = {
		.parent = parent,
		.depth = parent == DWARF_NO_INLINE
				 ? 1
				 : w->inlines[parent].depth + 1,
		.first = w->spans.count,
	};
	uint64_t line = value_or_0(die, DWARF_SLOT_CALL_LINE);

	if (w->inline_count >= ELF_DWARF_INLINES_MAX ||
	    w->spans.count >= ELF_DWARF_RANGES_MAX)
		return error_new(LIMIT,
				 "too many inlined calls in the function at "
				 "0x%" PRIx64,
				 w->spans.v[0].start);
	TRY(add_ranges(w, die, in.first, &w->is_cut));
	in.count = w->spans.count - in.first;
	in.call_line = line > UINT32_MAX ? 0 : (uint32_t)line;
	TRY(dwarf_name_of(w->cu, die, w->sink, &in.name));
	// From version 5 on 0 is a file, too: what is not said is none.
	if (dwarf_die_has(die, DWARF_SLOT_CALL_FILE))
		TRY(dwarf_lines_file(w->lines,
				     die->values[DWARF_SLOT_CALL_FILE].v,
				     w->sink, &in.call_file));
	if (!mem_grow(&w->inlines, &w->inline_capacity, w->inline_count + 1,
		      sizeof(in)))
		return error_no_memory;
	w->inlines[w->inline_count++] = in;
	return NULL;
}

/* A function within the one at hand: later. Passing over it more than once is
 * work. */
static struct error *put_off(struct dwarf_walk *w, const struct dwarf_die *die,
			     struct dwarf_cursor *c)
{
	const uint8_t *sibling = dwarf_die_sibling(w->cu, die, c);
	const uint8_t *from = c->p;

	if (!mem_grow(&w->nested, &w->nested_capacity, w->nested_count + 1,
		      sizeof(*w->nested)))
		return error_no_memory;
	w->nested[w->nested_count++] = die->offset;
	TRY(pass_children(w->cu, die->abbrev, sibling, c));
	return dwarf_debug_work(
		w->cu->d, 8 + (sibling ? 0 : (uint64_t)(c->p - from) / 8));
}

/* One entry below a function. @p depth is that of its list of siblings. */
static struct error *gather_entry(struct dwarf_walk *w,
				  const struct dwarf_abbrev *a,
				  struct dwarf_cursor *c, uint64_t offset,
				  size_t *depth)
{
	enum dwarf_kind kind = (enum dwarf_kind)a->kind;
	uint32_t parent = w->levels[*depth];
	struct dwarf_die die;
	const uint8_t *sibling;

	if (kind == DWARF_KIND_SUBPROGRAM ||
	    (kind == DWARF_KIND_INLINED && w->piece_count)) {
		dwarf_die_read(w->cu, a, c, &die);
		die.offset = offset;
		if (c->failed)
			return NULL; // shows at the next entry
		if (kind == DWARF_KIND_INLINED) {
			TRY(add_inline(w, &die, parent));
			parent = (uint32_t)(w->inline_count - 1);
		} else if (has_code(&die)) {
			return put_off(w, &die, c);
		}
	} else {
		dwarf_die_pass(w->cu, a, c, &sibling);
		if (kind == DWARF_KIND_LEAF)
			return pass_children(w->cu, a, sibling, c);
	}
	return a->has_children ? push_level(w, ++*depth, parent) : NULL;
}

/* What is below a function. */
static struct error *gather(struct dwarf_walk *w, struct dwarf_cursor *c)
{
	size_t depth = 0;

	TRY(push_level(w, depth, DWARF_NO_INLINE));
	for (;;) {
		uint64_t offset = dwarf_cu_offset(w->cu, c);
		const struct dwarf_abbrev *a;

		TRY(dwarf_die_next(w->cu, c, &a));
		if (a)
			TRY(gather_entry(w, a, c, offset, &depth));
		else if (depth-- == 0)
			return NULL;
	}
}

/* A function with code; @p c is behind its attributes, and then behind its
 * children. */
static struct error *walk_function(struct dwarf_walk *w,
				   const struct dwarf_die *die,
				   struct dwarf_cursor *c)
{
	struct error *err = NULL;

	TRY(begin_function(w, die));
	// Where none of it is to be given, a function within may be.
	if (die->abbrev->has_children)
		err = gather(w, c);
	if (!w->piece_count)
		return err;
	// Damage or a limit costs the inlined calls behind it, and all of the
	// unit that is.
	bool is_damaged = err != NULL;

	w->is_cut = w->is_cut || is_damaged;
	TRY(note(w, err));
	TRY(dwarf_name_of(w->cu, die, w->sink, &w->name));
	TRY(dwarf_walk_give(w));
	if (is_damaged)
		dwarf_fail(c);
	return NULL;
}

/* One entry outside of functions; @p depth is that of the list it is in. */
static struct error *walk_entry(struct dwarf_walk *w,
				const struct dwarf_abbrev *a,
				struct dwarf_cursor *c, uint64_t offset,
				size_t *depth)
{
	enum dwarf_kind kind = (enum dwarf_kind)a->kind;
	const uint8_t *sibling;
	struct dwarf_die die;

	if (kind == DWARF_KIND_SUBPROGRAM) {
		dwarf_die_read(w->cu, a, c, &die);
		die.offset = offset;
		if (c->failed)
			return NULL;
		if (has_code(&die))
			return walk_function(w, &die, c);
	} else {
		dwarf_die_pass(w->cu, a, c, &sibling);
	}
	if (kind == DWARF_KIND_LEAF)
		return pass_children(w->cu, a, sibling, c);
	*depth += a->has_children;
	return NULL;
}

static struct error *walk_entries(struct dwarf_walk *w)
{
	struct dwarf_cursor c = dwarf_cu_cursor(w->cu, w->cu->children);
	size_t depth = 0;

	while (c.p < c.end) {
		uint64_t offset = dwarf_cu_offset(w->cu, &c);
		const struct dwarf_abbrev *a;

		TRY(dwarf_die_next(w->cu, &c, &a));
		if (a)
			TRY(walk_entry(w, a, &c, offset, &depth));
		else if (depth-- == 0)
			return NULL;
	}
	return NULL;
}

/* They may have others within, which are put behind them. */
static struct error *walk_nested(struct dwarf_walk *w)
{
	for (size_t i = 0; i < w->nested_count; i++) {
		uint64_t offset = w->nested[i];
		struct dwarf_cursor c =
			dwarf_cu_cursor(w->cu, w->cu->info.data + offset);
		const struct dwarf_abbrev *a;
		struct dwarf_die die;

		TRY(dwarf_die_next(w->cu, &c, &a));
		dwarf_die_read(w->cu, a, &c, &die);
		die.offset = offset;
		const uint8_t *from = c.p;

		TRY(walk_function(w, &die, &c));
		TRY(dwarf_debug_work(w->cu->d, (uint64_t)(c.p - from) / 8));
	}
	return NULL;
}

struct error *dwarf_walk_unit(struct dwarf_walk *w, struct dwarf_cu *cu,
			      struct dwarf_line_table *lines,
			      const struct dwarf_wanted *wanted,
			      const struct dwarf_sink *sink)
{
	w->cu = cu;
	w->lines = lines;
	w->wanted = wanted;
	w->sink = sink;
	w->nested_count = 0;
	w->covered.count = 0;
	w->is_broken = false;
	TRY(note(w, walk_entries(w)));
	TRY(note(w, walk_nested(w)));
	return sink->lines && !w->is_broken ? dwarf_walk_give_lines(w) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* .debug_ranges: pairs of addresses, relative to a base that is at first the
 * unit's. The greatest address and B: B is the base from now on. Zeros: the
 * end.
 *
 * .debug_rnglists: tables of length, version (2), address size (1), segment
 * selector size (1), number of offsets (4), offsets; then lists of
 *
 *	DW_RLE_*	operands
 *	0		the end
 *	1, 2, 3		base; start, end; start, length: starts and ends are
 *			numbers in .debug_addr; all ULEB
 *	4		start, end, relative to the base: ULEB
 *	5, 6, 7		base; start, end; start, length: addresses; length ULEB
 *
 * Linkers put where code was dropped: 0 (and what a list in .debug_ranges may
 * not begin with, 1), or the greatest addresses.
 *
 * Source: DWARF 5 (2017-02-13), sections 2.17.3 and 7.25; DWARF 4, section
 * 2.17.3. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "elf/dwarf_debug.h"

bool dwarf_spans_add(struct dwarf_spans *s, uint64_t start, uint64_t end)
{
	if (!mem_grow(&s->v, &s->capacity, s->count + 1, sizeof(*s->v)))
		return false;
	s->v[s->count++] = (struct dwarf_span) { start, end };
	return true;
}

static int compare_spans(const void *a, const void *b)
{
	const struct dwarf_span *sa = a;
	const struct dwarf_span *sb = b;

	return (sa->start > sb->start) - (sa->start < sb->start);
}

void dwarf_spans_normalize(struct dwarf_spans *s, size_t first)
{
	struct dwarf_span *v = s->v;
	size_t to = first;
	bool is_sorted = true;

	if (s->count - first < 2)
		return;
	for (size_t i = first + 1; i < s->count; i++)
		is_sorted = is_sorted && v[i - 1].start <= v[i].start;
	if (!is_sorted)
		qsort(v + first, s->count - first, sizeof(*v), compare_spans);
	for (size_t i = first + 1; i < s->count; i++) {
		if (v[i].start > v[to].end)
			v[++to] = v[i];
		else if (v[i].end > v[to].end)
			v[to].end = v[i].end;
	}
	s->count = to + 1;
}

const struct dwarf_span *dwarf_text_at(const struct dwarf_debug *d,
				       uint64_t address)
{
	size_t low = 0, high = d->text.count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (d->text.v[mid].end <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == d->text.count || d->text.v[low].start > address)
		return NULL;
	return &d->text.v[low];
}

static struct error *add_range(struct dwarf_spans *s, size_t first,
			       uint64_t start, uint64_t end)
{
	if (start >= end)
		return NULL;
	if (s->count - first >= ELF_DWARF_RANGES_MAX)
		return error_new(LIMIT, "more than %zu ranges in a list",
				 ELF_DWARF_RANGES_MAX);
	return dwarf_spans_add(s, start, end) ? NULL : error_no_memory;
}

static uint64_t address_mask(const struct dwarf_cu *cu)
{
	return cu->unit.format.address_size == 4 ? UINT32_MAX : UINT64_MAX;
}

static struct error *read_ranges(struct dwarf_cu *cu, uint64_t offset,
				 struct dwarf_spans *ret)
{
	unsigned size = cu->unit.format.address_size;
	uint64_t mask = address_mask(cu);
	uint64_t base = cu->low_pc;
	size_t first = ret->count;
	struct dwarf_bytes s;

	TRY(dwarf_debug_section(cu->d, cu->addr_file, DWARF_RANGES, &s));
	if (offset >= s.size)
		return error_new(BAD_DATA,
				 "no list at 0x%" PRIx64 " of .debug_ranges",
				 offset);
	struct dwarf_cursor c = dwarf_cursor_at(
		s.data + offset, s.data + s.size, cu->file->object.big_endian);

	for (;;) {
		uint64_t start = dwarf_uint(&c, size);
		uint64_t end = dwarf_uint(&c, size);

		if (c.failed)
			return error_new(BAD_DATA,
					 ".debug_ranges ends in a list");
		TRY(dwarf_debug_work(cu->d, 1));
		if (start == 0 && end == 0)
			return NULL;
		if (start == mask)
			base = end;
		// Dropped: its start is the greatest but one.
		else if (start != mask - 1)
			TRY(add_range(ret, first, (base + start) & mask,
				      (base + end) & mask));
	}
}

struct list {
	struct dwarf_cursor c;
	uint64_t base;
	bool is_dropped; /* the base is of code that is not there */
};

/* flat: one kind of entry a case */
static struct error *read_entry(struct dwarf_cu *cu, struct list *l,
				unsigned kind, struct dwarf_span *ret)
{
	unsigned size = cu->unit.format.address_size;
	struct dwarf_cursor *c = &l->c;

	*ret = (struct dwarf_span) { 0 };
	switch (kind) {
	case DW_RLE_base_addressx:
		TRY(dwarf_address_by_index(cu, dwarf_uleb(c), &l->base));
		break;
	case DW_RLE_startx_endx:
		TRY(dwarf_address_by_index(cu, dwarf_uleb(c), &ret->start));
		TRY(dwarf_address_by_index(cu, dwarf_uleb(c), &ret->end));
		break;
	case DW_RLE_startx_length:
		TRY(dwarf_address_by_index(cu, dwarf_uleb(c), &ret->start));
		ret->end = ret->start + dwarf_uleb(c);
		break;
	case DW_RLE_offset_pair:
		ret->start = l->base + dwarf_uleb(c);
		ret->end = l->base + dwarf_uleb(c);
		if (l->is_dropped)
			*ret = (struct dwarf_span) { 0 };
		break;
	case DW_RLE_base_address:
		l->base = dwarf_uint(c, size);
		break;
	case DW_RLE_start_end:
		ret->start = dwarf_uint(c, size);
		ret->end = dwarf_uint(c, size);
		break;
	case DW_RLE_start_length:
		ret->start = dwarf_uint(c, size);
		ret->end = ret->start + dwarf_uleb(c);
		break;
	default:
		return error_new(BAD_DATA,
				 "range list entry of unknown kind 0x%x", kind);
	}
	l->is_dropped = l->base >= address_mask(cu) - 1;
	return NULL;
}

static struct error *read_list(struct dwarf_cu *cu, const struct dwarf_bytes *s,
			       uint64_t offset, struct dwarf_spans *ret)
{
	uint64_t mask = address_mask(cu);
	size_t first = ret->count;

	if (offset >= s->size)
		return error_new(BAD_DATA,
				 "no list at 0x%" PRIx64 " of .debug_rnglists",
				 offset);
	struct list l = {
		.c = dwarf_cursor_at(s->data + offset, s->data + s->size,
				     cu->file->object.big_endian),
		.base = cu->low_pc,
	};

	l.is_dropped = l.base >= mask - 1;
	for (;;) {
		struct dwarf_span span;
		unsigned kind = dwarf_u8(&l.c);

		if (kind == DW_RLE_end_of_list && !l.c.failed)
			return NULL;
		TRY(dwarf_debug_work(cu->d, 1));
		TRY(read_entry(cu, &l, kind, &span));
		if (l.c.failed)
			return error_new(BAD_DATA,
					 ".debug_rnglists ends in a list");
		TRY(add_range(ret, first, span.start & mask, span.end & mask));
	}
}

static struct error *read_rnglist(struct dwarf_cu *cu,
				  const struct dwarf_value *v,
				  struct dwarf_spans *ret)
{
	unsigned size = cu->unit.format.offset_size;
	uint64_t offset = v->v;
	struct dwarf_bytes s;

	TRY(dwarf_debug_section(cu->d, cu->file, DWARF_RNGLISTS, &s));
	if (v->form == DW_FORM_rnglistx) {
		uint64_t base = cu->bases.rnglists;

		if (base > s.size || offset >= (s.size - base) / size)
			return error_new(BAD_DATA,
					 "range list %" PRIu64
					 " lies outside .debug_rnglists",
					 offset);
		offset = base + dwarf_load(s.data + base + offset * size, size,
					   cu->file->object.big_endian);
	} else {
		offset += cu->bases.rnglists_part;
	}
	return read_list(cu, &s, offset, ret);
}

struct error *dwarf_die_ranges(struct dwarf_cu *cu, const struct dwarf_die *die,
			       struct dwarf_spans *ret)
{
	uint64_t low, high;
	bool found;

	if (dwarf_die_has(die, DWARF_SLOT_RANGES)) {
		const struct dwarf_value *v = &die->values[DWARF_SLOT_RANGES];

		if (cu->unit.format.version >= 5)
			return read_rnglist(cu, v, ret);
		return read_ranges(cu, cu->bases.ranges + v->v, ret);
	}
	if (!dwarf_die_has(die, DWARF_SLOT_LOW_PC) ||
	    !dwarf_die_has(die, DWARF_SLOT_HIGH_PC))
		return NULL;
	TRY(dwarf_value_address(cu, &die->values[DWARF_SLOT_LOW_PC], &low,
				&found));
	if (!found)
		return NULL;
	TRY(dwarf_value_address(cu, &die->values[DWARF_SLOT_HIGH_PC], &high,
				&found));
	if (!found)
		high = low + die->values[DWARF_SLOT_HIGH_PC].v;
	return add_range(ret, ret->count, low & address_mask(cu),
			 high & address_mask(cu));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A set in .debug_aranges: length (4, or 12), version 2 (2), offset of a unit
 * (4 or 8), address size (1), segment selector size (1); padding up to a
 * multiple of twice the address size from the set's start; pairs of address and
 * length, up to one of zeros.
 *
 * Source: DWARF 5 (2017-02-13), section 7.21. */
#include "config.h"

#include <inttypes.h>

#include "base/mem.h"
#include "elf/dwarf_debug.h"

/* What is known of the units' code. */
enum coverage {
	UNKNOWN,
	IN_ARANGES,
	FOUND = 2, /* a flag */
};

struct search {
	struct dwarf_debug *d;
	const struct dwarf_wanted *wanted;
	uint8_t *units; /* enum coverage, of each */
	size_t found;
};

static bool is_wanted(const struct search *s, uint64_t start, uint64_t end)
{
	size_t low = 0, high = s->wanted->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->wanted->addresses[mid] < start)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->wanted->count && s->wanted->addresses[low] < end;
}

static void mark(struct search *s, size_t unit)
{
	s->found += !(s->units[unit] & FOUND);
	s->units[unit] |= FOUND;
}

static struct error *read_pairs(struct search *s, struct dwarf_cursor *c,
				unsigned size, size_t unit)
{
	while (dwarf_left(c) >= 2 * size) {
		uint64_t start = dwarf_uint(c, size);
		uint64_t length = dwarf_uint(c, size);

		if (start == 0 && length == 0)
			break;
		s->units[unit] |= IN_ARANGES;
		if (is_wanted(s, start, start + length))
			mark(s, unit);
	}
	return NULL;
}

/* One set. @p c is then behind it. */
static struct error *read_set(struct search *s, struct dwarf_cursor *c)
{
	const struct dwarf_file *file = dwarf_debug_main(s->d);
	const uint8_t *start = c->p;
	uint64_t length = dwarf_u32(c);
	unsigned offset_size = 4;

	if (length == 0xffffffff) {
		offset_size = 8;
		length = dwarf_u64(c);
	}
	if (c->failed || length > dwarf_left(c))
		return error_new(BAD_DATA, "a set is cut off");
	struct dwarf_cursor set =
		dwarf_cursor_at(c->p, c->p + length, c->big_endian);

	c->p = set.end;
	unsigned version = dwarf_u16(&set);
	uint64_t offset = dwarf_uint(&set, offset_size);
	unsigned size = dwarf_u8(&set);
	unsigned selector = dwarf_u8(&set);

	if (set.failed || version != 2 || (size != 4 && size != 8) || selector)
		return NULL;
	const struct dwarf_unit *unit = dwarf_units_at(file, offset);
	size_t lead = (size_t)(set.p - start) % (2 * size);

	if (!unit || unit->offset != offset)
		return NULL;
	if (lead)
		dwarf_pass(&set, 2 * size - lead);
	return read_pairs(s, &set, size, (size_t)(unit - file->units));
}

static struct error *read_aranges(struct search *s)
{
	struct dwarf_file *file = dwarf_debug_main(s->d);
	struct dwarf_bytes bytes;

	TRY(dwarf_debug_section(s->d, file, DWARF_ARANGES, &bytes));
	struct dwarf_cursor c = dwarf_cursor_at(
		bytes.data, bytes.data + bytes.size, file->object.big_endian);

	while (dwarf_left(&c))
		TRY(dwarf_debug_note(
			s->d, error_wrap(read_set(s, &c), ".debug_aranges"),
			file, 0));
	return NULL;
}

/* By what the unit's first entry says. Where that says nothing, it holds no
 * code, except from compilers of old, which did not say. */
static struct error *read_root(struct search *s, size_t number)
{
	CLEANUP_DWARF_CU struct dwarf_cu *cu = NULL;
	struct dwarf_file *file = dwarf_debug_main(s->d);
	const struct dwarf_unit *unit = &file->units[number];
	struct dwarf_spans *spans = &s->d->found;

	if (unit->type && unit->type != DW_UT_compile &&
	    unit->type != DW_UT_skeleton)
		return NULL;
	TRY(dwarf_cu_open(s->d, file, unit, NULL, NULL, &cu));
	if (cu->root.abbrev->tag == DW_TAG_partial_unit)
		return NULL;
	spans->count = 0;
	TRY(dwarf_die_ranges(cu, &cu->root, spans));
	for (size_t i = 0; i < spans->count; i++) {
		if (is_wanted(s, spans->v[i].start, spans->v[i].end))
			mark(s, number);
	}
	if (unit->format.version <= 3 &&
	    !dwarf_die_has(&cu->root, DWARF_SLOT_RANGES) &&
	    !dwarf_die_has(&cu->root, DWARF_SLOT_HIGH_PC) &&
	    dwarf_die_has(&cu->root, DWARF_SLOT_STMT_LIST))
		mark(s, number);
	return NULL;
}

static struct error *search(struct search *s)
{
	struct dwarf_file *file = dwarf_debug_main(s->d);

	TRY(read_aranges(s));
	for (size_t i = 0; i < file->unit_count; i++) {
		if (s->units[i] == UNKNOWN)
			TRY(dwarf_debug_note(s->d, read_root(s, i), file,
					     file->units[i].offset));
	}
	return NULL;
}

struct error *dwarf_debug_find_units(struct dwarf_debug *d,
				     const struct dwarf_wanted *wanted,
				     size_t **units_ret, size_t *count_ret)
{
	size_t count = dwarf_debug_main(d)->unit_count;
	CLEANUP_FREE uint8_t *units = mem_zalloc(count);
	struct search s = { .d = d, .wanted = wanted, .units = units };
	size_t to = 0;

	*units_ret = NULL;
	*count_ret = 0;
	if (!units)
		return error_no_memory;
	TRY(search(&s));
	if (!s.found)
		return NULL;
	size_t *ret = mem_array(s.found, sizeof(*ret));

	if (!ret)
		return error_no_memory;
	for (size_t i = 0; i < count; i++) {
		if (units[i] & FOUND)
			ret[to++] = i;
	}
	*units_ret = ret;
	*count_ret = to;
	return NULL;
}

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

/* Units that hold wanted addresses are found in two steps. First .debug_aranges
 * is asked alone: where it has all addresses, only the units it names need to
 * be listed, which in a large or compressed .debug_info is most of the time.
 * Else all units are listed, and the first entries of those are read that it
 * does not have. */

/* What is known of a unit's code. */
enum coverage {
	UNKNOWN,
	IN_ARANGES,
	FOUND = 2, /* a flag */
};

struct search {
	struct dwarf_debug *d;
	const struct dwarf_wanted *wanted;
	/* By number of the address: is it in .debug_aranges? */
	bool *are_covered;
	size_t covered;
	/* Offsets of units that .debug_aranges names for an address, and of all
	 * that it has. */
	uint64_t *named;
	size_t named_count, named_capacity;
	uint64_t *known;
	size_t known_count, known_capacity;
};

struct arange_set {
	uint64_t unit;
	struct dwarf_cursor pairs;
	unsigned address_size;
};

/* The first wanted address that is not below. */
static size_t find_wanted(const struct dwarf_wanted *wanted, uint64_t start)
{
	size_t low = 0, high = wanted->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (wanted->addresses[mid] < start)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_wanted(const struct dwarf_wanted *wanted, uint64_t start,
		      uint64_t end)
{
	size_t i = find_wanted(wanted, start);

	return i < wanted->count && wanted->addresses[i] < end;
}

static struct error *add_offset(uint64_t **list, size_t *count,
				size_t *capacity, uint64_t offset)
{
	if (*count && (*list)[*count - 1] == offset)
		return NULL;
	if (!mem_grow(list, capacity, *count + 1, sizeof(**list)))
		return error_no_memory;
	(*list)[(*count)++] = offset;
	return NULL;
}

static struct error *take_pairs(struct search *s, struct arange_set *set)
{
	unsigned size = set->address_size;
	struct dwarf_cursor *c = &set->pairs;

	while (dwarf_left(c) >= 2 * size) {
		uint64_t start = dwarf_uint(c, size);
		uint64_t end = start + dwarf_uint(c, size);
		size_t first = find_wanted(s->wanted, start);
		size_t i = first;

		if (start == 0 && end == 0)
			break;
		TRY(add_offset(&s->known, &s->known_count, &s->known_capacity,
			       set->unit));
		if (!dwarf_text_at(s->d, start)) // code that ld dropped
			continue;
		for (; i < s->wanted->count && s->wanted->addresses[i] < end;
		     i++) {
			s->covered += !s->are_covered[i];
			s->are_covered[i] = true;
		}
		TRY(dwarf_debug_work(s->d, i - first));
		if (i > first)
			TRY(add_offset(&s->named, &s->named_count,
				       &s->named_capacity, set->unit));
	}
	return NULL;
}

/* One set. @p c is then behind it. Those of no known kind have no pairs. */
static struct error *read_set(struct dwarf_cursor *c, struct arange_set *ret)
{
	const uint8_t *start = c->p;
	unsigned offset_size;
	uint64_t length = dwarf_length(c, &offset_size);

	if (c->failed || length > dwarf_left(c)) {
		c->p = c->end;
		return error_new(BAD_DATA, "a set is cut off");
	}
	struct dwarf_cursor set =
		dwarf_cursor_at(c->p, c->p + length, c->big_endian);

	c->p = set.end;
	unsigned version = dwarf_u16(&set);
	uint64_t unit = dwarf_uint(&set, offset_size);
	unsigned size = dwarf_u8(&set);
	unsigned selector = dwarf_u8(&set);

	if (version != 2 || selector || (size != 4 && size != 8)) {
		size = 8;
		set.p = set.end;
	}
	size_t lead = (size_t)(set.p - start) % (2 * size);

	if (lead)
		dwarf_pass(&set, 2 * size - lead);
	*ret = (struct arange_set) {
		.unit = unit,
		.pairs = set,
		.address_size = size,
	};
	return NULL;
}

static struct error *read_aranges(struct search *s)
{
	struct dwarf_file *file = dwarf_debug_main(s->d);
	struct dwarf_bytes bytes;

	TRY(dwarf_debug_section(s->d, file, DWARF_ARANGES, &bytes));
	struct dwarf_cursor c = dwarf_cursor_at(
		bytes.data, bytes.data + bytes.size, file->object.big_endian);

	while (dwarf_left(&c)) {
		struct arange_set set = { 0 };
		struct error *err = read_set(&c, &set);

		if (!err)
			TRY(take_pairs(s, &set));
		TRY(dwarf_debug_note(s->d, error_wrap(err, ".debug_aranges"),
				     file, 0));
	}
	return NULL;
}

/* By what the unit's first entry says. Where that says nothing, it holds no
 * code, except from compilers of old, which did not say. */
static struct error *read_root(struct search *s, const struct dwarf_unit *unit,
			       bool *found_ret)
{
	CLEANUP_DWARF_CU struct dwarf_cu *cu = NULL;
	struct dwarf_spans *spans = &s->d->found;

	if (unit->type && unit->type != DW_UT_compile &&
	    unit->type != DW_UT_skeleton)
		return NULL;
	TRY(dwarf_cu_open(s->d, dwarf_debug_main(s->d), unit, NULL, NULL, &cu));
	if (cu->root.abbrev->tag == DW_TAG_partial_unit)
		return NULL;
	spans->count = 0;
	*found_ret = unit->format.version <= 3 &&
		     !dwarf_die_has(&cu->root, DWARF_SLOT_RANGES) &&
		     !dwarf_die_has(&cu->root, DWARF_SLOT_HIGH_PC) &&
		     dwarf_die_has(&cu->root, DWARF_SLOT_STMT_LIST);
	struct error *err = dwarf_die_ranges(cu, &cu->root, spans);

	for (size_t i = 0; i < spans->count; i++) {
		if (is_wanted(s->wanted, spans->v[i].start, spans->v[i].end))
			*found_ret = true;
	}
	return err;
}

/* The number of the unit that begins at an offset. */
static bool unit_number(const struct dwarf_file *file, uint64_t offset,
			size_t *ret)
{
	const struct dwarf_unit *unit = dwarf_units_at(file, offset);

	if (!unit || unit->offset != offset)
		return false;
	*ret = (size_t)(unit - file->units);
	return true;
}

/* Units as far as they are listed; those not in .debug_aranges are looked into,
 * if need be. */
static struct error *mark_units(struct search *s, bool is_complete,
				uint8_t *units)
{
	const struct dwarf_file *file = dwarf_debug_main(s->d);
	size_t number;

	for (size_t i = 0; i < s->known_count; i++) {
		if (unit_number(file, s->known[i], &number))
			units[number] |= IN_ARANGES;
	}
	for (size_t i = 0; i < s->named_count; i++) {
		if (unit_number(file, s->named[i], &number))
			units[number] |= FOUND;
	}
	for (size_t i = 0; i < file->unit_count && !is_complete; i++) {
		const struct dwarf_unit unit = file->units[i];
		bool found = false;

		if (units[i] != UNKNOWN)
			continue;
		TRY(dwarf_debug_note(s->d, read_root(s, &unit, &found), file,
				     unit.offset));
		if (found)
			units[i] |= FOUND;
	}
	return NULL;
}

static struct error *take_marked(const uint8_t *units, size_t count,
				 size_t **units_ret, size_t *count_ret)
{
	size_t found = 0, to = 0;

	for (size_t i = 0; i < count; i++)
		found += (units[i] & FOUND) != 0;
	if (!found)
		return NULL;
	size_t *ret = mem_array(found, sizeof(*ret));

	if (!ret)
		return error_no_memory;
	for (size_t i = 0; i < count; i++) {
		if (units[i] & FOUND)
			ret[to++] = i;
	}
	*units_ret = ret;
	*count_ret = found;
	return NULL;
}

static struct error *find_units(struct search *s, size_t **units_ret,
				size_t *count_ret)
{
	struct dwarf_file *file = dwarf_debug_main(s->d);
	uint64_t last = 0;

	TRY(read_aranges(s));
	bool is_complete = s->covered == s->wanted->count;

	for (size_t i = 0; i < s->named_count; i++)
		last = s->named[i] > last ? s->named[i] : last;
	if (is_complete && s->named_count)
		TRY(dwarf_units_list(s->d, file, last));
	else if (!is_complete)
		TRY(dwarf_units_list(s->d, file, UINT64_MAX));
	// None is looked into by then, so no more will be listed.
	CLEANUP_FREE uint8_t *units = mem_zalloc(file->unit_count);

	if (!units)
		return error_no_memory;
	TRY(mark_units(s, is_complete, units));
	return take_marked(units, file->unit_count, units_ret, count_ret);
}

struct error *dwarf_debug_find_units(struct dwarf_debug *d,
				     const struct dwarf_wanted *wanted,
				     size_t **units_ret, size_t *count_ret)
{
	struct search s = { .d = d, .wanted = wanted };

	*units_ret = NULL;
	*count_ret = 0;
	d->has_sink_failed = false;
	s.are_covered = mem_array(wanted->count, sizeof(*s.are_covered));
	struct error *err = s.are_covered ? find_units(&s, units_ret, count_ret)
					  : error_no_memory;

	mem_free(s.are_covered);
	mem_free(s.named);
	mem_free(s.known);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A unit of .debug_info (length and offsets: 4 bytes, or 8 in 64-bit DWARF)
 *
 *	version 2 to 4: length, version (2), abbreviations' offset,
 *			address size (1)
 *	version 5:	length, version (2), type (1), address size (1),
 *			abbreviations' offset, and by type:
 *			skeleton, split compile: DWO ID (8)
 *			type, split type: signature (8), offset of the type
 *
 * then its first entry, which says where its tables are.
 *
 * Source: DWARF 5 (2017-02-13), sections 7.5.1, 7.26 to 7.28; DWARF 4, section
 * 7.5.1; split DWARF 4: https://gcc.gnu.org/wiki/DebugFission. */
#include "config.h"

#include <inttypes.h>

#include "base/mem.h"
#include "elf/dwarf_debug.h"

enum {
	ABBREVS_BYTES_MAX = 64 << 20,
	HEADER_MAX = 64, // and more than any has
};

static struct error *read_header(const struct dwarf_bytes *info,
				 struct dwarf_cursor *c, struct dwarf_unit *u)
{
	const uint8_t *start = c->p;

	*u = (struct dwarf_unit) { .offset = (uint64_t)(start - info->data) };
	uint64_t length = dwarf_length(c, &u->format.offset_size);

	if (c->failed || length > INT64_MAX)
		return error_new(BAD_DATA, "unit of no sensible length");
	u->end = (uint64_t)(c->p - info->data) + length;
	u->format.version = dwarf_u16(c);
	if (u->format.version >= 5) {
		u->type = dwarf_u8(c);
		u->format.address_size = dwarf_u8(c);
		u->abbrevs = dwarf_uint(c, u->format.offset_size);
		if (u->type == DW_UT_skeleton || u->type == DW_UT_split_compile)
			u->dwo_id = dwarf_u64(c);
		else if (u->type == DW_UT_type || u->type == DW_UT_split_type)
			dwarf_pass(c, 8 + u->format.offset_size);
	} else {
		u->abbrevs = dwarf_uint(c, u->format.offset_size);
		u->format.address_size = dwarf_u8(c);
	}
	u->header_size = (uint8_t)(c->p - start);
	return NULL;
}

/* Is it one that can be read? */
static struct error *check_header(const struct dwarf_unit *u)
{
	if (u->format.version < 2 || u->format.version > 5)
		return error_new(BAD_DATA, "unit of unknown version %u",
				 u->format.version);
	if (u->format.address_size != 4 && u->format.address_size != 8)
		return error_new(BAD_DATA, "unit of address size %u",
				 u->format.address_size);
	if (u->offset + u->header_size > u->end)
		return error_new(BAD_DATA, "unit too short for its header");
	return NULL;
}

static struct error *add_unit(struct dwarf_file *file,
			      const struct dwarf_unit *u)
{
	if (file->unit_count >= ELF_UNITS_MAX)
		return error_new(LIMIT, "more than %" PRIu64 " units",
				 ELF_UNITS_MAX);
	if (!mem_grow(&file->units, &file->unit_capacity, file->unit_count + 1,
		      sizeof(*u)))
		return error_no_memory;
	file->units[file->unit_count++] = *u;
	return NULL;
}

/* The unit where the list ends so far. What is behind a unit whose end is not
 * known cannot be found. */
static struct error *list_next(struct dwarf_debug *d, struct dwarf_file *file)
{
	uint64_t at = file->next_unit;
	struct dwarf_bytes info;
	struct dwarf_unit u;

	file->are_all_listed = true;
	TRY(dwarf_debug_part(d, file, DWARF_INFO, at + HEADER_MAX, &info));
	if (at >= info.size)
		return NULL;
	struct dwarf_cursor c = dwarf_cursor_at(
		info.data + at, info.data + info.size, file->object.big_endian);

	TRY(read_header(&info, &c, &u));
	TRY(dwarf_debug_part(d, file, DWARF_INFO, u.end, &info));
	if (u.end > info.size)
		return error_new(BAD_DATA,
				 "unit reaches beyond the section's end");
	file->are_all_listed = false;
	file->next_unit = u.end;
	// A size of 0 pads, as after a section's end in an object.
	if (u.end - u.offset <= 12)
		return NULL;
	TRY(check_header(&u));
	return add_unit(file, &u);
}

struct error *dwarf_units_list(struct dwarf_debug *d, struct dwarf_file *file,
			       uint64_t offset)
{
	if (offset == UINT64_MAX)
		file->object.wants_all = true;
	while (!file->are_all_listed && file->next_unit <= offset) {
		uint64_t at = file->next_unit;

		TRY(dwarf_debug_note(d, list_next(d, file), file, at));
	}
	return NULL;
}

const struct dwarf_unit *dwarf_units_at(const struct dwarf_file *file,
					uint64_t offset)
{
	size_t low = 0, high = file->unit_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (file->units[mid].end <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == file->unit_count || file->units[low].offset > offset)
		return NULL;
	return &file->units[low];
}

static size_t abbrevs_bytes(const struct dwarf_abbrevs *t)
{
	return t->capacity * sizeof(*t->list) +
	       t->op_capacity * sizeof(*t->ops);
}

/* Real tables are small; should they not be, one is kept. */
static void keep_abbrevs(struct dwarf_debug *d, size_t slot,
			 struct dwarf_file *file, struct dwarf_abbrevs *t)
{
	bool is_too_much =
		d->abbrevs_bytes + abbrevs_bytes(t) > ABBREVS_BYTES_MAX;

	for (size_t i = 0; i < DWARF_ABBREVS_CACHE; i++) {
		struct dwarf_abbrevs *old = d->abbrevs[i].table;

		if (!old || (i != slot && !is_too_much))
			continue;
		d->abbrevs_bytes -= abbrevs_bytes(old);
		dwarf_abbrevs_put(STEAL(d->abbrevs[i].table));
	}
	d->abbrevs[slot].table = t;
	d->abbrevs[slot].file = file;
	d->abbrevs_bytes += abbrevs_bytes(t);
}

static bool is_same_format(const struct dwarf_format *a,
			   const struct dwarf_format *b)
{
	return a->version == b->version && a->offset_size == b->offset_size &&
	       a->address_size == b->address_size;
}

/* The table of a unit, out of the cache. */
static struct error *get_abbrevs(struct dwarf_debug *d, struct dwarf_file *file,
				 const struct dwarf_unit *unit,
				 struct dwarf_abbrevs **ret)
{
	size_t slot = (size_t)((unit->abbrevs * 0x9e3779b97f4a7c15 >> 32) +
			       file->number) %
		      DWARF_ABBREVS_CACHE;
	struct dwarf_abbrevs *t = d->abbrevs[slot].table;
	struct dwarf_bytes section;
	size_t size;

	if (!t || d->abbrevs[slot].file != file || t->offset != unit->abbrevs ||
	    !is_same_format(&t->format, &unit->format)) {
		TRY(dwarf_debug_section(d, file, DWARF_ABBREV, &section));
		struct error *err = dwarf_abbrevs_read(
			&section, unit->abbrevs, &unit->format, &t, &size);

		d->work += size;
		TRY(error_wrap(err, ".debug_abbrev"));
		keep_abbrevs(d, slot, file, t);
		TRY(dwarf_debug_work(d, 0));
	}
	t->users++;
	*ret = t;
	return NULL;
}

static uint64_t value_or(const struct dwarf_die *die, enum dwarf_slot slot,
			 uint64_t otherwise)
{
	return dwarf_die_has(die, slot) ? die->values[slot].v : otherwise;
}

/* Where the tables are if nothing is said: behind their header. */
static void set_bases(struct dwarf_cu *cu, const struct dwarf_cu *skeleton,
		      const struct dwarf_bases *bases)
{
	const struct dwarf_format *f = &cu->unit.format;
	bool is_wide = f->offset_size == 8;
	struct dwarf_bases b = { 0 };

	if (f->version >= 5) {
		b.str_offsets = is_wide ? 16 : 8;
		b.rnglists = is_wide ? 20 : 12;
		b.addr = is_wide ? 16 : 8;
	}
	if (bases) {
		b.str_offsets += bases->str_offsets;
		b.rnglists += bases->rnglists;
		b.rnglists_part = bases->rnglists;
	}
	b.str_offsets = value_or(&cu->root, DWARF_SLOT_STR_BASE, b.str_offsets);
	b.rnglists = value_or(&cu->root, DWARF_SLOT_RNGLISTS_BASE, b.rnglists);
	b.addr = value_or(&cu->root, DWARF_SLOT_ADDR_BASE, b.addr);
	if (skeleton) {
		b.addr = skeleton->bases.addr;
		b.ranges = value_or(&skeleton->root, DWARF_SLOT_GNU_RANGES_BASE,
				    0);
	}
	cu->bases = b;
}

static struct error *read_root(struct dwarf_cu *cu,
			       const struct dwarf_cu *skeleton,
			       const struct dwarf_bases *bases)
{
	const struct dwarf_unit *u = &cu->unit;
	struct dwarf_cursor c =
		dwarf_cu_cursor(cu, cu->info.data + u->offset + u->header_size);
	const struct dwarf_abbrev *a;
	bool found = false;

	TRY(dwarf_die_next(cu, &c, &a));
	if (!a)
		return error_new(BAD_DATA, "unit without an entry");
	cu->root.offset = u->offset + u->header_size;
	dwarf_die_read(cu, a, &c, &cu->root);
	if (c.failed)
		return error_new(BAD_DATA, "the unit's first entry is cut off");
	cu->children = a->has_children ? c.p : c.end;
	set_bases(cu, skeleton, bases);
	cu->language = value_or(&cu->root, DWARF_SLOT_LANGUAGE, 0);
	if (skeleton)
		cu->low_pc = skeleton->low_pc;
	else if (dwarf_die_has(&cu->root, DWARF_SLOT_LOW_PC))
		TRY(dwarf_value_address(cu, &cu->root.values[DWARF_SLOT_LOW_PC],
					&cu->low_pc, &found));
	return NULL;
}

struct error *dwarf_cu_open(struct dwarf_debug *d, struct dwarf_file *file,
			    const struct dwarf_unit *unit,
			    const struct dwarf_cu *skeleton,
			    const struct dwarf_bases *bases,
			    struct dwarf_cu **ret)
{
	CLEANUP_DWARF_CU struct dwarf_cu *cu = mem_zalloc(sizeof(*cu));

	if (!cu)
		return error_no_memory;
	cu->d = d;
	cu->file = file;
	cu->unit = *unit;
	cu->addr_file = skeleton ? skeleton->file : file;
	TRY(dwarf_debug_part(d, file, DWARF_INFO, unit->end, &cu->info));
	if (unit->end > cu->info.size)
		return error_new(BAD_DATA, "unit is cut off");
	TRY(get_abbrevs(d, file, unit, &cu->abbrevs));
	TRY(read_root(cu, skeleton, bases));
	*ret = STEAL(cu);
	return NULL;
}

void dwarf_cu_close(struct dwarf_cu *cu)
{
	if (!cu)
		return;
	dwarf_abbrevs_put(cu->abbrevs);
	mem_free(cu);
}

struct error *dwarf_cu_at(struct dwarf_debug *d, struct dwarf_file *file,
			  uint64_t offset, struct dwarf_cu **ret)
{
	TRY(dwarf_units_list(d, file, offset));
	const struct dwarf_unit *unit = dwarf_units_at(file, offset);

	if (!unit)
		return error_new(BAD_DATA,
				 "reference to 0x%" PRIx64
				 ", outside all units",
				 offset);
	size_t slot = (size_t)(unit - file->units + file->number * 7) %
		      DWARF_CU_CACHE;

	if (!d->cus[slot] || d->cus[slot]->file != file ||
	    d->cus[slot]->unit.offset != unit->offset) {
		struct dwarf_cu *cu;

		TRY(dwarf_cu_open(d, file, unit, NULL, NULL, &cu));
		dwarf_cu_close(d->cus[slot]);
		d->cus[slot] = cu;
	}
	*ret = d->cus[slot];
	return NULL;
}

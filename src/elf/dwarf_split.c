/* SPDX-License-Identifier: Apache-2.0 */
/* Split DWARF: a skeleton in the linked file, and under the same ID a unit with
 * the entries in a .dwo, or in a .dwp with many of them. There .debug_cu_index
 * has, in the file's byte order:
 *
 *	version (4; or 2 and padding, 2), columns, units, slots (4 each)
 *	slots: ID (8 each)
 *	slots: row, from 1 on; 0: free (4 each)
 *	columns: which section (4 each)
 *	rows of offsets, of sizes: columns (4 each)
 *
 * Source: DWARF 5 (2017-02-13), section 7.3.5; version 2:
 * https://gcc.gnu.org/wiki/DebugFissionDWP. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "elf/dwarf_debug.h"

enum {
	HEADER = 16,    /* of the index */
	TRIES_MAX = 16, /* units of one ID; a program has few files of it */
};

/* A unit of a split file. */
struct entry {
	uint64_t id;
	struct dwarf_file *file;
	struct dwarf_unit unit;
	struct dwarf_bases bases;
};

struct dwarf_split_index {
	struct entry *entries; /* sorted by ID */
	size_t count, capacity;
};

void dwarf_split_index_free(struct dwarf_split_index *s)
{
	if (!s)
		return;
	mem_free(s->entries);
	mem_free(s);
}

static struct error *add_entry(struct dwarf_split_index *s,
			       const struct entry *e)
{
	if (s->count >= ELF_UNITS_MAX)
		return error_new(LIMIT, "too many split units");
	if (!mem_grow(&s->entries, &s->capacity, s->count + 1, sizeof(*e)))
		return error_no_memory;
	s->entries[s->count++] = *e;
	return NULL;
}

/* The ID of split DWARF 4 is an attribute. */
static struct error *add_unit(struct dwarf_debug *d,
			      struct dwarf_split_index *s,
			      const struct entry *e)
{
	CLEANUP_DWARF_CU struct dwarf_cu *cu = NULL;
	struct entry copy = *e;

	if (copy.unit.type == DW_UT_split_compile) {
		copy.id = copy.unit.dwo_id;
		return add_entry(s, &copy);
	}
	if (copy.unit.type != 0)
		return NULL;
	TRY(dwarf_cu_open(d, copy.file, &copy.unit, NULL, &copy.bases, &cu));
	if (!dwarf_die_has(&cu->root, DWARF_SLOT_DWO_ID))
		return NULL;
	copy.id = cu->root.values[DWARF_SLOT_DWO_ID].v;
	return add_entry(s, &copy);
}

static struct error *add_dwo(struct dwarf_debug *d, struct dwarf_split_index *s,
			     struct dwarf_file *file)
{
	for (size_t i = 0; i < file->unit_count; i++) {
		struct entry e = { .file = file, .unit = file->units[i] };

		TRY(dwarf_debug_note(d, add_unit(d, s, &e), file,
				     e.unit.offset));
	}
	return NULL;
}

struct dwp_index {
	struct dwarf_bytes bytes;
	bool big_endian;
	unsigned version;
	uint64_t columns, units, slots;
	uint64_t rows_at, columns_at, offsets_at;
};

static uint64_t load(const struct dwp_index *x, uint64_t at, unsigned size)
{
	return dwarf_load(x->bytes.data + at, size, x->big_endian);
}

static struct error *read_index_header(struct dwp_index *x)
{
	struct dwarf_cursor c = dwarf_cursor_at(
		x->bytes.data, x->bytes.data + x->bytes.size, x->big_endian);

	// Both ways of writing 2 and 5, in either byte order.
	uint64_t word = dwarf_u32(&c);

	x->version = (unsigned)(word & 0xffff ? word & 0xffff : word >> 16);
	x->columns = dwarf_u32(&c);
	x->units = dwarf_u32(&c);
	x->slots = dwarf_u32(&c);
	if (c.failed)
		return error_new(BAD_DATA, "header is cut off");
	if (x->version != 2 && x->version != 5)
		return error_new(BAD_DATA, "unknown version %u", x->version);
	x->rows_at = HEADER + x->slots * 8;
	x->columns_at = x->rows_at + x->slots * 4;
	x->offsets_at = x->columns_at + x->columns * 4;
	// No product overflows: 2^32 * 2^32 * 4 might, so the counts first.
	if (x->slots > x->bytes.size / 12 || x->columns > 16 ||
	    x->units > x->bytes.size ||
	    x->offsets_at + x->columns * x->units * 4 > x->bytes.size)
		return error_new(BAD_DATA, "reaches beyond its end");
	return NULL;
}

/* The offset of a row in each section that matters. */
static void read_row(const struct dwp_index *x, uint64_t row, uint64_t *info,
		     struct entry *e, uint64_t *abbrev)
{
	for (uint64_t i = 0; i < x->columns; i++) {
		uint64_t at = x->offsets_at + ((row - 1) * x->columns + i) * 4;
		uint64_t offset = load(x, at, 4);

		switch (load(x, x->columns_at + i * 4, 4)) {
		case DW_SECT_INFO:
			*info = offset;
			break;
		case DW_SECT_ABBREV:
			*abbrev = offset;
			break;
		case DW_SECT_STR_OFFSETS:
			e->bases.str_offsets = offset;
			break;
		case DW_SECT_RNGLISTS:
			if (x->version == 5)
				e->bases.rnglists = offset;
			break;
		default:
			break;
		}
	}
}

static struct error *add_row(struct dwarf_split_index *s,
			     struct dwarf_file *file, const struct dwp_index *x,
			     uint64_t slot)
{
	uint64_t row = load(x, x->rows_at + slot * 4, 4);
	struct entry e = { .file = file, .id = load(x, HEADER + slot * 8, 8) };
	uint64_t info = 0, abbrev = 0;

	if (row == 0 || row > x->units)
		return NULL;
	read_row(x, row, &info, &e, &abbrev);
	const struct dwarf_unit *unit = dwarf_units_at(file, info);

	if (!unit)
		return NULL;
	e.unit = *unit;
	e.unit.abbrevs += abbrev;
	return add_entry(s, &e);
}

static struct error *add_dwp(struct dwarf_split_index *s,
			     struct dwarf_file *file,
			     const struct dwarf_bytes *index)
{
	struct dwp_index x = {
		.bytes = *index,
		.big_endian = file->object.big_endian,
	};

	TRY(error_wrap(read_index_header(&x), ".debug_cu_index"));
	for (uint64_t i = 0; i < x.slots; i++)
		TRY(add_row(s, file, &x, i));
	return NULL;
}

static struct error *add_file(struct dwarf_debug *d,
			      struct dwarf_split_index *s,
			      struct dwarf_file *file)
{
	struct dwarf_bytes index;

	TRY(dwarf_units_list(d, file, UINT64_MAX));
	TRY(dwarf_debug_section(d, file, DWARF_CU_INDEX, &index));
	return index.size ? add_dwp(s, file, &index) : add_dwo(d, s, file);
}

/* Equal ones in the order of the files. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *ea = a;
	const struct entry *eb = b;

	if (ea->id != eb->id)
		return ea->id < eb->id ? -1 : 1;
	if (ea->file != eb->file)
		return ea->file < eb->file ? -1 : 1;
	return (ea->unit.offset > eb->unit.offset) -
	       (ea->unit.offset < eb->unit.offset);
}

/* Where entries of this ID are, or would be. */
static size_t first_of(const struct dwarf_split_index *s, uint64_t id)
{
	size_t from = 0, to = s->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (s->entries[middle].id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static struct error *make_index(struct dwarf_debug *d)
{
	struct dwarf_split_index *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	d->splits = s;
	for (size_t i = 2; i < d->file_count; i++) {
		struct dwarf_file *file = &d->files[i];

		TRY(dwarf_debug_note(d, add_file(d, s, file), file, 0));
	}
	if (s->count)
		qsort(s->entries, s->count, sizeof(*s->entries),
		      compare_entries);
	return NULL;
}

struct error *dwarf_split_open(struct dwarf_debug *d,
			       const struct dwarf_cu *skeleton, uint64_t dwo_id,
			       struct dwarf_cu **ret)
{
	if (!d->splits)
		TRY(make_index(d));
	const struct dwarf_split_index *s = d->splits;
	size_t first = first_of(s, dwo_id);

	*ret = NULL;
	for (size_t i = first; i < s->count && i - first < TRIES_MAX && !*ret &&
			       s->entries[i].id == dwo_id;
	     i++) {
		const struct entry *e = &s->entries[i];

		TRY(dwarf_debug_note(d,
				     dwarf_cu_open(d, e->file, &e->unit,
						   skeleton, &e->bases, ret),
				     e->file, e->unit.offset));
	}
	return NULL;
}

/* ---- What a file has ---------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *na = a;
	const uint64_t *nb = b;

	return (*na > *nb) - (*na < *nb);
}

struct ids {
	uint64_t *v;
	size_t count, capacity;
};

static struct error *add_id(struct ids *ids, uint64_t id)
{
	if (ids->count >= ELF_SPLIT_IDS_MAX)
		return error_new(LIMIT, "more than %zu split units",
				 ELF_SPLIT_IDS_MAX);
	if (!mem_grow(&ids->v, &ids->capacity, ids->count + 1, sizeof(id)))
		return error_no_memory;
	ids->v[ids->count++] = id;
	return NULL;
}

/* The index of a .dwp says it all. */
static struct error *list_index(struct dwarf_file *file,
				const struct dwarf_bytes *index,
				struct ids *ids)
{
	struct dwp_index x = {
		.bytes = *index,
		.big_endian = file->object.big_endian,
	};

	TRY(read_index_header(&x));
	for (uint64_t i = 0; i < x.slots; i++) {
		uint64_t row = load(&x, x.rows_at + i * 4, 4);

		if (row && row <= x.units)
			TRY(add_id(ids, load(&x, HEADER + i * 8, 8)));
	}
	return NULL;
}

static struct error *list_units(struct dwarf_debug *d, struct dwarf_file *file,
				struct ids *ids)
{
	d->splits = mem_zalloc(sizeof(*d->splits));
	if (!d->splits)
		return error_no_memory;
	TRY(dwarf_units_list(d, file, UINT64_MAX));
	TRY(add_dwo(d, d->splits, file));
	for (size_t i = 0; i < d->splits->count; i++)
		TRY(add_id(ids, d->splits->entries[i].id));
	return NULL;
}

static struct error *list_ids(struct elf_file *f, struct ids *ids)
{
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	struct dwarf_debug_split split = { f };
	struct dwarf_bytes index;

	TRY(dwarf_debug_open(&(struct dwarf_debug_inputs) { .file = f,
							    .splits = &split,
							    .split_count = 1 },
			     &d));
	struct dwarf_file *file = &d->files[2];

	TRY(dwarf_debug_section(d, file, DWARF_CU_INDEX, &index));
	struct error *err = index.size ? list_index(file, &index, ids)
				       : list_units(d, file, ids);

	return dwarf_debug_note(d, err, file, 0);
}

struct error *dwarf_split_ids(struct elf_file *f, uint64_t **ret,
			      size_t *count_ret)
{
	struct ids ids = { 0 };
	size_t to = 0;
	struct error *err = list_ids(f, &ids);

	*ret = NULL;
	*count_ret = 0;
	if (err || !ids.count) {
		mem_free(ids.v);
		return err;
	}
	qsort(ids.v, ids.count, sizeof(*ids.v), compare_numbers);
	for (size_t i = 1; i < ids.count; i++) {
		if (ids.v[i] != ids.v[to])
			ids.v[++to] = ids.v[i];
	}
	*ret = ids.v;
	*count_ret = to + 1;
	return NULL;
}

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
 * then entries: the number of an abbreviation (ULEB), and the values of its
 * attributes. In .debug_abbrev each is: number, tag (ULEB), children (1),
 * pairs of attribute and form (ULEB; DW_FORM_implicit_const has its value
 * behind it) up to a pair of zeros. A number of 0 ends a unit's table.
 *
 * .debug_str_offsets: length, version (2), padding (2), offsets.
 *
 * Source: DWARF 5 (2017-02-13), sections 7.5.1 to 7.5.3, 7.26; DWARF 4,
 * section 7.5.1. */
#include "config.h"

#include <inttypes.h>

#include "base/mem.h"
#include "elf/dwarf_units.h"
#include "elf/elf_limits.h"
#include "elf/elf_section.h"

/* Most units are far apart and their first entries are short. */
enum { STEP = 512 };

/* A section of which any part may be needed. */
struct held_section {
	uint8_t *data;
	size_t size;
	struct elf_relocs *relocs;
	bool tried;
};

struct unit_head {
	uint64_t at; /* of the unit in the section */
	uint64_t end;
	struct dwarf_format format;
	uint64_t abbrevs; /* offset in .debug_abbrev */
	size_t entry;     /* of the first entry, from `at` */
};

/* A value of the first entry, not relocated. */
struct entry_value {
	bool is_set;
	size_t at; /* from the unit's beginning */
	uint64_t value;
};

struct entry {
	struct entry_value stmt_list;
	struct entry_value str_base;
	bool has_comp_dir;
	struct dwarf_string comp_dir;
};

struct dwarf_units {
	struct dwarf_reader *d;
	size_t next_info;        /* in sections.info */
	struct elf_stream *info; /* NULL: the next one is to be opened */
	struct elf_relocs *relocs;
	struct held_section abbrev;
	struct held_section str_offsets;
	uint64_t abbrev_steps;
	struct key_set tables;         /* section and offset of a line table */
	struct dwarf_line_unit *units; /* by the number of that key */
	size_t unit_capacity;
};

struct error *dwarf_units_open(struct dwarf_reader *d, struct dwarf_units **ret)
{
	struct dwarf_units *u = mem_zalloc(sizeof(*u));

	if (!u)
		return error_no_memory;
	u->d = d;
	*ret = u;
	return NULL;
}

static void close_info(struct dwarf_units *u)
{
	elf_relocs_close(STEAL(u->relocs));
	elf_stream_close(STEAL(u->info));
}

static void let_go(struct held_section *held)
{
	elf_relocs_close(held->relocs);
	mem_free(held->data);
}

void dwarf_units_close(struct dwarf_units *u)
{
	if (!u)
		return;
	close_info(u);
	let_go(&u->abbrev);
	let_go(&u->str_offsets);
	mem_free(u->units);
	key_set_deinit(&u->tables);
	mem_free(u);
}

/* Read it whole, once. */
static struct error *hold(struct dwarf_units *u, size_t section,
			  struct held_section *held)
{
	if (!held->tried && section) {
		held->tried = true;
		TRY(elf_relocs_open(u->d->file, section, &held->relocs));
		TRY(elf_section_load(u->d->file, section, &held->data,
				     &held->size));
	}
	if (!held->data)
		return error_new(BAD_DATA, "it cannot be read");
	return NULL;
}

uint64_t dwarf_default_str_base(const struct dwarf_format *format)
{
	if (format->version < 5)
		return 0;
	return format->offset_size == 8 ? 16 : 8;
}

struct error *dwarf_units_string(struct dwarf_units *u, uint64_t base,
				 uint64_t index, unsigned offset_size,
				 struct source_ref *ret)
{
	struct held_section *held = &u->str_offsets;
	struct reader r;

	TRY(error_wrap(hold(u, u->d->sections.str_offsets, held),
		       ".debug_str_offsets"));
	if (base > held->size || index >= (held->size - base) / offset_size)
		return error_new(BAD_DATA,
				 "string %" PRIu64
				 " lies outside .debug_str_offsets",
				 index);
	uint64_t at = base + index * offset_size;

	reader_init(&r, held->data, held->size, u->d->file->header.big_endian);
	reader_seek(&r, at);
	uint64_t value = reader_uint(&r, offset_size);

	TRY(elf_relocs_apply(held->relocs, at, &value, NULL));
	*ret = source_ref_at(SOURCE_STR, value);
	return NULL;
}

/* The walk. */

static struct error *open_info(struct dwarf_units *u, bool *found_ret)
{
	const struct dwarf_section_list *list = &u->d->sections.info;
	struct elf_file *file = u->d->file;

	*found_ret = u->next_info < list->count;
	if (!*found_ret)
		return NULL;
	size_t section = list->numbers[u->next_info++];

	TRY(elf_stream_open(file, section, STEP, &u->info));
	return elf_relocs_open(file, section, &u->relocs);
}

static struct error *read_unit_type(struct reader *r, struct unit_head *head)
{
	unsigned type = reader_u8(r);

	head->format.address_size = reader_u8(r);
	head->abbrevs = reader_uint(r, head->format.offset_size);
	switch (type) {
	case DW_UT_compile:
	case DW_UT_partial:
		return NULL;
	case DW_UT_skeleton:
	case DW_UT_split_compile:
		reader_skip(r, 8);
		return NULL;
	case DW_UT_type:
	case DW_UT_split_type:
		reader_skip(r, 8 + head->format.offset_size);
		return NULL;
	default:
		return error_new(BAD_DATA, "unit of unknown type 0x%x", type);
	}
}

/* Behind the length. */
static struct error *read_unit_head(struct reader *r, struct unit_head *head,
				    size_t *abbrevs_at)
{
	unsigned version = reader_u16(r);

	head->format.version = version;
	if (version < 2 || version > 5)
		return error_new(BAD_DATA, "unit of unknown version %u",
				 version);
	if (version == 5) {
		*abbrevs_at = r->pos + 2;
		TRY(read_unit_type(r, head));
	} else {
		*abbrevs_at = r->pos;
		head->abbrevs = reader_uint(r, head->format.offset_size);
		head->format.address_size = reader_u8(r);
	}
	head->entry = r->pos;
	if (!reader_ok(r))
		return error_new(BAD_DATA, "unit header is cut off");
	return NULL;
}

/* One attribute of an abbreviation; false at their end, and where the section
 * ends. */
static bool next_attribute(struct dwarf_units *u, struct reader *abbrev,
			   uint64_t *at, uint64_t *form)
{
	u->abbrev_steps++;
	*at = reader_uleb(abbrev);
	*form = reader_uleb(abbrev);
	if (*form == DW_FORM_implicit_const)
		reader_sleb(abbrev);
	return reader_ok(abbrev) && (*at || *form);
}

/* Find an abbreviation; @p abbrev then stands at its attributes. */
static struct error *find_abbrev(struct dwarf_units *u, uint64_t offset,
				 uint64_t number, struct reader *abbrev)
{
	TRY(error_wrap(hold(u, u->d->sections.abbrev, &u->abbrev),
		       ".debug_abbrev"));
	reader_init(abbrev, u->abbrev.data, u->abbrev.size,
		    u->d->file->header.big_endian);
	reader_seek(abbrev, offset);
	for (;;) {
		uint64_t at, form;
		uint64_t n = reader_uleb(abbrev);

		if (u->abbrev_steps > ELF_ABBREV_STEPS_MAX)
			return error_new(LIMIT,
					 "more than %" PRIu64
					 " abbreviations looked at",
					 ELF_ABBREV_STEPS_MAX);
		reader_uleb(abbrev); /* tag */
		reader_u8(abbrev);   /* has children */
		if (!reader_ok(abbrev) || n == 0)
			return error_new(BAD_DATA,
					 "no abbreviation %" PRIu64
					 " at 0x%" PRIx64,
					 number, offset);
		if (n == number)
			return NULL;
		while (next_attribute(u, abbrev, &at, &form))
			;
	}
}

static void read_value(struct reader *r, unsigned form,
		       const struct dwarf_format *format,
		       struct entry_value *ret, bool *known)
{
	ret->at = r->pos;
	*known = dwarf_read_uint(r, form, format, &ret->value);
	ret->is_set = *known && reader_ok(r);
}

static struct error *read_attribute(struct reader *r, uint64_t at,
				    uint64_t form,
				    const struct dwarf_format *format,
				    struct entry *entry)
{
	bool known;

	// Each round takes a byte at least.
	while (form == DW_FORM_indirect && reader_ok(r))
		form = reader_uleb(r);
	if (form > UINT32_MAX)
		form = 0;
	switch (at) {
	case DW_AT_stmt_list:
		read_value(r, (unsigned)form, format, &entry->stmt_list,
			   &known);
		break;
	case DW_AT_str_offsets_base:
		read_value(r, (unsigned)form, format, &entry->str_base, &known);
		break;
	case DW_AT_comp_dir:
		known = dwarf_read_string(r, (unsigned)form, format,
					  &entry->comp_dir);
		entry->has_comp_dir = known && reader_ok(r);
		break;
	default:
		known = dwarf_skip(r, (unsigned)form, format);
		break;
	}
	if (!known && reader_ok(r))
		return error_new(BAD_DATA,
				 "attribute 0x%" PRIx64
				 " of unknown form 0x%" PRIx64,
				 at, form);
	return NULL;
}

/* Nothing behind the last attribute that is wanted needs to be understood. */
static bool has_all(const struct dwarf_units *u, const struct entry *entry)
{
	return entry->stmt_list.is_set && entry->has_comp_dir &&
	       (entry->str_base.is_set || !u->d->sections.str_offsets);
}

/* Running out of bytes shows in the reader. */
static struct error *parse_entry(struct dwarf_units *u,
				 const struct unit_head *head, struct reader *r,
				 struct entry *entry)
{
	uint64_t number = reader_uleb(r);
	struct reader abbrev;

	*entry = (struct entry) { 0 };
	if (number == 0)
		return NULL;
	TRY(find_abbrev(u, head->abbrevs, number, &abbrev));
	while (reader_ok(r) && !has_all(u, entry)) {
		uint64_t at, form;

		if (!next_attribute(u, &abbrev, &at, &form))
			break;
		TRY(read_attribute(r, at, form, &head->format, entry));
	}
	if (!reader_ok(&abbrev))
		return error_new(BAD_DATA,
				 ".debug_abbrev ends in an abbreviation");
	return NULL;
}

/* Look at more and more of the unit until its first entry is whole. The texts
 * in the entry are in the stream's buffer. */
static struct error *read_entry(struct dwarf_units *u,
				const struct unit_head *head,
				struct entry *entry)
{
	uint64_t unit_size = head->end - head->at;

	for (size_t want = STEP;; want *= 16) {
		const uint8_t *data;
		struct reader r;
		size_t size;

		if (want > ELF_UNIT_HEAD_MAX)
			want = ELF_UNIT_HEAD_MAX;
		if (want > unit_size)
			want = (size_t)unit_size;
		TRY(elf_stream_peek(u->info, want, &data, &size));
		if (size > unit_size)
			size = (size_t)unit_size;
		reader_init(&r, data, size, u->d->file->header.big_endian);
		reader_seek(&r, head->entry);
		TRY(parse_entry(u, head, &r, entry));
		if (reader_ok(&r))
			return NULL;
		if (size >= unit_size || want >= ELF_UNIT_HEAD_MAX)
			return error_new(BAD_DATA,
					 "the unit's first entry is cut off");
	}
}

static struct error *comp_dir_ref(struct dwarf_units *u,
				  const struct unit_head *head,
				  const struct entry *entry,
				  const struct dwarf_line_unit *unit,
				  struct source_ref *ret)
{
	const struct dwarf_string *s = &entry->comp_dir;

	if (s->kind != DWARF_STRING_INDEX)
		return dwarf_string_ref(u->d, u->relocs, head->at + s->at, s,
					ret);
	*ret = source_ref_at(SOURCE_MISSING, 0);
	return dwarf_units_string(
		u,
		unit->has_str_base ? unit->str_base
				   : dwarf_default_str_base(&head->format),
		s->value, head->format.offset_size, ret);
}

/* Which .debug_line a reference leads to. */
static size_t line_section(const struct dwarf_units *u, uint32_t symbol_section)
{
	const struct dwarf_section_list *list = &u->d->sections.line;

	for (size_t i = 0; i < list->count; i++) {
		if (list->numbers[i] == symbol_section)
			return symbol_section;
	}
	return list->count ? list->numbers[0] : 0;
}

/* The first unit of a table that has a comp_dir stays. */
static struct error *keep_unit(struct dwarf_units *u, size_t section,
			       uint64_t offset,
			       const struct dwarf_line_unit *unit)
{
	struct key key = { section, offset, 0 };
	size_t before = u->tables.count;
	size_t number;

	if (!mem_grow(&u->units, &u->unit_capacity, before + 1,
		      sizeof(*u->units)) ||
	    !key_set_put(&u->tables, key, &number))
		return error_no_memory;
	if (number == before || !u->units[number].has_comp_dir)
		u->units[number] = *unit;
	return NULL;
}

static struct error *take_comp_dir(struct dwarf_units *u,
				   const struct unit_head *head,
				   const struct entry *entry,
				   struct dwarf_line_unit *unit)
{
	if (!entry->has_comp_dir)
		return NULL;
	unit->has_comp_dir = true;
	return dwarf_note_problem(
		u->d, comp_dir_ref(u, head, entry, unit, &unit->comp_dir),
		".debug_info: comp_dir", head->at + entry->comp_dir.at);
}

static struct error *take_entry(struct dwarf_units *u,
				const struct unit_head *head,
				struct entry *entry)
{
	bool list_first = entry->stmt_list.at < entry->comp_dir.at;
	struct dwarf_line_unit unit = { 0 };
	uint32_t section = 0;

	if (!entry->stmt_list.is_set)
		return NULL;
	if (entry->str_base.is_set) {
		TRY(elf_relocs_apply(u->relocs, head->at + entry->str_base.at,
				     &entry->str_base.value, NULL));
		unit.has_str_base = true;
		unit.str_base = entry->str_base.value;
	}
	// Relocations are looked up in ascending order where that can be.
	if (!list_first)
		TRY(take_comp_dir(u, head, entry, &unit));
	TRY(elf_relocs_apply(u->relocs, head->at + entry->stmt_list.at,
			     &entry->stmt_list.value, &section));
	if (list_first)
		TRY(take_comp_dir(u, head, entry, &unit));
	return keep_unit(u, line_section(u, section), entry->stmt_list.value,
			 &unit);
}

static struct error *read_unit(struct dwarf_units *u, struct reader *r,
			       struct unit_head *head)
{
	struct entry entry;
	size_t abbrevs_at = 0;

	TRY(read_unit_head(r, head, &abbrevs_at));
	TRY(elf_relocs_apply(u->relocs, head->at + abbrevs_at, &head->abbrevs,
			     NULL));
	TRY(read_entry(u, head, &entry));
	return take_entry(u, head, &entry);
}

/* One unit further in the section that is open. @p end_ret: it is over. */
static struct error *walk_unit(struct dwarf_units *u, bool *end_ret)
{
	enum { HEAD_MAX = 64 };
	struct unit_head head = { .at = elf_stream_tell(u->info) };
	uint64_t left = elf_stream_size(u->info) - head.at;
	struct error *err = NULL;
	const uint8_t *data;
	struct reader r;
	uint64_t length;
	size_t size;

	*end_ret = true;
	if (left == 0)
		return NULL;
	TRY(elf_stream_peek(u->info, HEAD_MAX, &data, &size));
	reader_init(&r, data, size, u->d->file->header.big_endian);
	if (!dwarf_read_length(&r, &length, &head.format.offset_size))
		return error_new(BAD_DATA, "damaged unit length");
	if (length > left - r.pos) {
		err = error_new(BAD_DATA,
				"unit of %" PRIu64
				" bytes goes beyond the section",
				length);
		TRY(dwarf_note_problem(u->d, err, ".debug_info", head.at));
		length = left - r.pos;
	}
	head.end = head.at + r.pos + length;
	if (++u->d->units > ELF_UNITS_MAX)
		return error_new(LIMIT, "more than %" PRIu64 " units",
				 ELF_UNITS_MAX);
	if (r.size > head.end - head.at)
		r.size = (size_t)(head.end - head.at);
	if (length) {
		err = read_unit(u, &r, &head);
		TRY(dwarf_note_problem(u->d, err, ".debug_info", head.at));
	}
	*end_ret = false;
	return elf_stream_skip(u->info, head.end - head.at);
}

static struct error *walk_on(struct dwarf_units *u, bool *found_ret)
{
	struct error *err = NULL;
	bool end = false;

	*found_ret = true;
	if (!u->info)
		err = open_info(u, found_ret);
	if (!err && u->info)
		err = walk_unit(u, &end);
	if (err || end) {
		uint64_t at = u->info ? elf_stream_tell(u->info) : 0;

		close_info(u);
		return dwarf_note_problem(u->d, err, ".debug_info", at);
	}
	return NULL;
}

struct error *dwarf_units_find(struct dwarf_units *u, size_t section,
			       uint64_t offset, bool need_comp_dir,
			       struct dwarf_line_unit *ret)
{
	struct key key = { section, offset, 0 };
	bool more = true;
	size_t number;

	*ret = (struct dwarf_line_unit) { 0 };
	while (more) {
		if (key_set_find(&u->tables, key, &number)) {
			*ret = u->units[number];
			if (ret->has_comp_dir || !need_comp_dir)
				return NULL;
		}
		TRY(walk_on(u, &more));
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* elf_writer, second half: units of .debug_line, and for each a unit of
 * .debug_info with one entry, its table in .debug_abbrev, and the strings. */
#include "config.h"

#include <string.h>

#include "elf/dwarf_const.h"
#include "tests/lib/elf_writer_impl.h"

enum { LINE_SECTIONS = 4 };

struct dwarf_out {
	struct elf_out *out;
	size_t info;
	size_t abbrev;
	size_t lines[LINE_SECTIONS];
	size_t str;
	size_t line_str;
	size_t str_offsets; /* 0: not there */
};

/* What is being written: a unit, its offset size, and where. */
struct unit_out {
	struct dwarf_out *d;
	const struct elf_unit *unit;
	unsigned version;
	unsigned info_version;
	unsigned offset_size;
	uint64_t line_at;  /* of its table in .debug_line */
	uint64_t str_base; /* of its table in .debug_str_offsets */
};

static struct buf *data_of(struct dwarf_out *d, size_t section)
{
	return elf_out_data(d->out, section);
}

/* As a linker does with mergeable strings: the same one is there once. */
static uint64_t string_at(struct dwarf_out *d, size_t section, const char *s)
{
	struct buf *b = data_of(d, section);
	size_t len = strlen(s) + 1;

	for (size_t i = 0; i + len <= b->size; i++) {
		if (memcmp(b->data + i, s, len) == 0 &&
		    (i == 0 || b->data[i - 1] == 0))
			return i;
	}
	elf_out_bytes(b, s, len);
	return b->size - len;
}

static bool is_strx(unsigned form)
{
	return form == DW_FORM_strx || form == DW_FORM_GNU_str_index ||
	       (form >= DW_FORM_strx1 && form <= DW_FORM_strx4);
}

static unsigned comp_dir_form(const struct elf_unit *unit, unsigned version)
{
	if (unit->comp_dir_form)
		return unit->comp_dir_form;
	return version >= 5 ? DW_FORM_line_strp : DW_FORM_strp;
}

static unsigned table_form(const struct elf_unit *unit)
{
	return unit->table_form ? unit->table_form : DW_FORM_line_strp;
}

/* Index of a new entry of .debug_str_offsets, counted from the unit's base. */
static uint64_t string_index(struct unit_out *u, const char *s)
{
	struct dwarf_out *d = u->d;
	uint64_t at = string_at(d, d->str, s);
	uint64_t index = (data_of(d, d->str_offsets)->size - u->str_base) /
			 u->offset_size;

	elf_out_reference(d->out, d->str_offsets, d->str, at, u->offset_size);
	return index;
}

/* One string in the given form, at the end of a section. */
static void put_string(struct unit_out *u, size_t section, unsigned form,
		       const char *s)
{
	struct dwarf_out *d = u->d;

	switch (form) {
	case DW_FORM_string:
		elf_out_bytes(data_of(d, section), s, strlen(s) + 1);
		return;
	case DW_FORM_strp:
		elf_out_reference(d->out, section, d->str,
				  string_at(d, d->str, s), u->offset_size);
		return;
	case DW_FORM_line_strp:
		elf_out_reference(d->out, section, d->line_str,
				  string_at(d, d->line_str, s), u->offset_size);
		return;
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		elf_out_put(d->out, data_of(d, section), u->unit->alt_offset,
			    u->offset_size);
		return;
	case DW_FORM_strx:
	case DW_FORM_GNU_str_index: {
		uint64_t index = string_index(u, s);

		elf_out_uleb(data_of(d, section), index);
		return;
	}
	default: {
		uint64_t index = string_index(u, s);

		elf_out_put(d->out, data_of(d, section), index,
			    form - DW_FORM_strx1 + 1);
		return;
	}
	}
}

static void put_length(struct unit_out *u, size_t section)
{
	struct buf *b = data_of(u->d, section);

	if (u->unit->is_64)
		elf_out_put(u->d->out, b, 0xffffffff, 4);
	elf_out_put(u->d->out, b, 0, u->offset_size);
}

/* Fill in a length that ends at the end of the section. */
static void end_length(struct unit_out *u, size_t section, size_t behind)
{
	struct buf *b = data_of(u->d, section);

	elf_out_set(u->d->out, b, behind - u->offset_size, b->size - behind,
		    u->offset_size);
}

static void put_old_tables(struct unit_out *u, size_t section)
{
	const struct elf_unit *unit = u->unit;
	struct buf *b = data_of(u->d, section);

	for (size_t i = 0; unit->dirs && unit->dirs[i]; i++)
		elf_out_bytes(b, unit->dirs[i], strlen(unit->dirs[i]) + 1);
	elf_out_put(u->d->out, b, 0, 1);
	for (size_t i = 0; unit->files && unit->files[i].name; i++) {
		const struct elf_unit_file *file = &unit->files[i];

		elf_out_bytes(b, file->name, strlen(file->name) + 1);
		elf_out_uleb(b, file->dir);
		elf_out_uleb(b, 0); /* time */
		elf_out_uleb(b, 0); /* size */
	}
	elf_out_put(u->d->out, b, 0, 1);
}

static void put_new_dirs(struct unit_out *u, size_t section)
{
	const struct elf_unit *unit = u->unit;
	struct buf *b = data_of(u->d, section);
	size_t count = unit->comp_dir ? 1 : 0;

	for (size_t i = 0; unit->dirs && unit->dirs[i]; i++)
		count++;
	elf_out_put(u->d->out, b, 1, 1); /* formats */
	elf_out_uleb(b, DW_LNCT_path);
	elf_out_uleb(b, table_form(unit));
	elf_out_uleb(b, count);
	if (unit->comp_dir)
		put_string(u, section, table_form(unit), unit->comp_dir);
	for (size_t i = 0; unit->dirs && unit->dirs[i]; i++)
		put_string(u, section, table_form(unit), unit->dirs[i]);
}

static void put_new_tables(struct unit_out *u, size_t section)
{
	const struct elf_unit *unit = u->unit;
	size_t count = 0;

	put_new_dirs(u, section);
	struct buf *b = data_of(u->d, section);

	while (unit->files && unit->files[count].name)
		count++;
	elf_out_put(u->d->out, b, unit->has_md5 ? 3 : 2, 1); /* formats */
	elf_out_uleb(b, DW_LNCT_path);
	elf_out_uleb(b, table_form(unit));
	elf_out_uleb(b, DW_LNCT_directory_index);
	elf_out_uleb(b, DW_FORM_udata);
	if (unit->has_md5) {
		elf_out_uleb(b, DW_LNCT_MD5);
		elf_out_uleb(b, DW_FORM_data16);
	}
	elf_out_uleb(b, count);
	for (size_t i = 0; i < count; i++) {
		put_string(u, section, table_form(unit), unit->files[i].name);
		b = data_of(u->d, section);
		elf_out_uleb(b, unit->files[i].dir);
		if (unit->has_md5)
			elf_out_zeros(b, 16);
	}
}

/* Rows for addresses from 0x1000 on; DW_LNS_set_basic_block fills it up. */
static void put_program(struct unit_out *u, size_t section)
{
	struct buf *b = data_of(u->d, section);
	unsigned address_size = u->d->out->spec->is_32 ? 4 : 8;
	size_t start = b->size;

	elf_out_put(u->d->out, b, 0, 1); /* DW_LNE_set_address */
	elf_out_uleb(b, address_size + 1);
	elf_out_put(u->d->out, b, 2, 1);
	elf_out_put(u->d->out, b, 0x1000, address_size);
	elf_out_put(u->d->out, b, 1, 1); /* DW_LNS_copy */
	while (b->size - start + 5 < u->unit->program_size)
		elf_out_put(u->d->out, b, 7, 1);
	elf_out_bytes(b, "\x02\x10\x00\x01\x01", 5); /* advance, end */
}

static void put_line_unit(struct unit_out *u)
{
	static const uint8_t operands[12] = {
		0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1
	};
	struct elf_out *out = u->d->out;
	size_t section = u->d->lines[u->unit->line_section];
	struct buf *b = data_of(u->d, section);

	u->line_at = b->size;
	put_length(u, section);
	size_t unit_start = b->size;

	elf_out_put(out, b, u->version, 2);
	if (u->version >= 5) {
		elf_out_put(out, b, out->spec->is_32 ? 4 : 8, 1);
		elf_out_put(out, b, 0, 1);
	}
	elf_out_put(out, b, 0, u->offset_size);
	size_t header_start = b->size;

	elf_out_put(out, b, 1, 1); /* minimum_instruction_length */
	if (u->version >= 4)
		elf_out_put(out, b, 1, 1);
	elf_out_bytes(b, "\x01\xfb\x0e\x0d", 4);
	elf_out_bytes(b, operands, sizeof(operands));
	if (u->version >= 5)
		put_new_tables(u, section);
	else
		put_old_tables(u, section);
	end_length(u, section, header_start);
	put_program(u, section);
	end_length(u, section, unit_start);
}

static void put_abbrev(struct unit_out *u)
{
	const struct elf_unit *unit = u->unit;
	struct buf *b = data_of(u->d, u->d->abbrev);

	elf_out_uleb(b, 1);
	elf_out_uleb(b, DW_TAG_compile_unit);
	elf_out_put(u->d->out, b, 0, 1); /* no children */
	for (size_t i = 0; unit->attrs && unit->attrs[i].at; i++) {
		elf_out_uleb(b, unit->attrs[i].at);
		elf_out_uleb(b, unit->attrs[i].form);
		if (unit->attrs[i].form == DW_FORM_implicit_const)
			elf_out_sleb(b, unit->attrs[i].implicit_const);
	}
	elf_out_uleb(b, DW_AT_producer);
	elf_out_uleb(b, DW_FORM_string);
	elf_out_uleb(b, DW_AT_language);
	elf_out_uleb(b, DW_FORM_data1);
	if (u->d->str_offsets && u->info_version >= 5) {
		elf_out_uleb(b, DW_AT_str_offsets_base);
		elf_out_uleb(b, DW_FORM_sec_offset);
	}
	if (unit->comp_dir) {
		elf_out_uleb(b, DW_AT_comp_dir);
		elf_out_uleb(b, comp_dir_form(unit, u->info_version));
	}
	if (!unit->no_line) {
		elf_out_uleb(b, DW_AT_stmt_list);
		elf_out_uleb(b, u->info_version >= 4 ? DW_FORM_sec_offset
				: unit->is_64        ? DW_FORM_data8
						     : DW_FORM_data4);
	}
	elf_out_bytes(b, "\0\0\0", 3); /* end of entry, end of table */
}

static void put_info_header(struct unit_out *u, uint64_t abbrev_at)
{
	struct dwarf_out *d = u->d;
	unsigned unit_type =
		u->unit->unit_type ? u->unit->unit_type : DW_UT_compile;
	unsigned address_size = d->out->spec->is_32 ? 4 : 8;

	elf_out_put(d->out, data_of(d, d->info), u->info_version, 2);
	if (u->info_version >= 5) {
		elf_out_put(d->out, data_of(d, d->info), unit_type, 1);
		elf_out_put(d->out, data_of(d, d->info), address_size, 1);
	}
	elf_out_reference(d->out, d->info, d->abbrev, abbrev_at,
			  u->offset_size);
	if (u->info_version < 5)
		elf_out_put(d->out, data_of(d, d->info), address_size, 1);
	else if (unit_type == DW_UT_skeleton ||
		 unit_type == DW_UT_split_compile)
		elf_out_zeros(data_of(d, d->info), 8);
	else if (unit_type == DW_UT_type || unit_type == DW_UT_split_type)
		elf_out_zeros(data_of(d, d->info), 8 + u->offset_size);
}

static void put_info_unit(struct unit_out *u)
{
	static const char producer[] = "elf_writer";
	struct dwarf_out *d = u->d;
	const struct elf_unit *unit = u->unit;
	uint64_t abbrev_at = data_of(d, d->abbrev)->size;

	put_abbrev(u);
	put_length(u, d->info);
	size_t start = data_of(d, d->info)->size;

	put_info_header(u, abbrev_at);
	elf_out_uleb(data_of(d, d->info), 1);
	for (size_t i = 0; unit->attrs && unit->attrs[i].at; i++)
		elf_out_bytes(data_of(d, d->info), unit->attrs[i].data,
			      unit->attrs[i].size);
	elf_out_bytes(data_of(d, d->info), producer, sizeof(producer));
	elf_out_put(d->out, data_of(d, d->info), 0x0c, 1); /* C99 */
	if (d->str_offsets && u->info_version >= 5)
		elf_out_reference(d->out, d->info, d->str_offsets, u->str_base,
				  u->offset_size);
	if (unit->comp_dir)
		put_string(u, d->info, comp_dir_form(unit, u->info_version),
			   unit->comp_dir);
	if (!unit->no_line)
		elf_out_reference(d->out, d->info, d->lines[unit->line_section],
				  u->line_at, u->offset_size);
	elf_out_zeros(data_of(d, d->info), unit->body_size);
	end_length(u, d->info, start);
}

static void put_unit(struct dwarf_out *d, const struct elf_unit *unit)
{
	unsigned version = unit->version ? unit->version : 5;
	struct unit_out u = {
		.d = d,
		.unit = unit,
		.version = version,
		.info_version =
			unit->info_version ? unit->info_version : version,
		.offset_size = unit->is_64 ? 8 : 4,
	};
	bool has_offsets = d->str_offsets && u.info_version >= 5;
	size_t table_start = 0;

	if (has_offsets) {
		put_length(&u, d->str_offsets);
		table_start = data_of(d, d->str_offsets)->size;
		elf_out_put(d->out, data_of(d, d->str_offsets), 5, 2);
		elf_out_put(d->out, data_of(d, d->str_offsets), 0, 2);
		u.str_base = data_of(d, d->str_offsets)->size;
	}
	if (!unit->no_line)
		put_line_unit(&u);
	if (!unit->no_info)
		put_info_unit(&u);
	if (has_offsets)
		end_length(&u, d->str_offsets, table_start);
}

void elf_out_dwarf(struct elf_out *out)
{
	const struct elf_spec *spec = out->spec;
	struct dwarf_out d = { .out = out };
	unsigned line_sections = 1;
	bool has_strx = false;

	for (size_t i = 0; i < spec->unit_count; i++) {
		const struct elf_unit *unit = &spec->units[i];

		if (unit->line_section >= line_sections)
			line_sections = unit->line_section + 1;
		has_strx |= is_strx(unit->table_form) ||
			    is_strx(unit->comp_dir_form);
	}
	d.info = elf_out_section(out, ".debug_info", 1, 1);
	d.abbrev = elf_out_section(out, ".debug_abbrev", 1, 1);
	for (unsigned i = 0; i < line_sections && i < LINE_SECTIONS; i++)
		d.lines[i] = elf_out_section(out, ".debug_line", 1, 1);
	d.str = elf_out_section(out, ".debug_str", 1, 1);
	d.line_str = elf_out_section(out, ".debug_line_str", 1, 1);
	if (has_strx)
		d.str_offsets =
			elf_out_section(out, ".debug_str_offsets", 1, 1);
	for (size_t i = 0; i < spec->unit_count; i++)
		put_unit(&d, &spec->units[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A line table (length and offsets: 4 bytes, or 8 in 64-bit DWARF)
 *
 *	length, version (2)
 *	version 5: address size (1), segment selector size (1)
 *	header length: from behind itself to the program
 *	minimum instruction length (1)
 *	version 4 and 5: maximum operations (1)
 *	default is_stmt, line base, line range (1 each)
 *	opcode base (1), and so many lengths of operands less one (1 each)
 *
 * version 2 to 4, where directory 0 is the unit's comp_dir:
 *	directories: strings up to an empty one, numbered from 1
 *	files: name, directory, time, size (string and ULEBs) up to an empty
 *	name, numbered from 1
 *
 * version 5, where directory 0 is comp_dir itself and file 0 the primary one:
 *	for directories, then for files: number of formats (1); pairs of
 *	content and form (ULEB); number of entries (ULEB); the entries
 *
 * then the program, up to the unit's end.
 *
 * Linkers and `ld -r` may leave zeros between tables: a length of 0.
 *
 * Source: DWARF 5 (2017-02-13), section 6.2.4; DWARF 4, section 6.2.4. */
#include "config.h"

#include <inttypes.h>

#include "base/mem.h"
#include "elf/dwarf_line_header.h"
#include "elf/elf_limits.h"
#include "elf/elf_section.h"

enum {
	STEP = 16 << 10,
	/* Enough for everything in front of the header length's end. */
	FIXED_MAX = 64,
	FORMATS_MAX = UINT8_MAX,
};

struct dir {
	struct source_ref ref;
	bool is_absolute; /* known to be */
};

struct entry_format {
	uint64_t content; /* DW_LNCT_* */
	unsigned form;
};

/* One table, while it is read. */
struct table {
	struct dwarf_reader *d;
	struct dwarf_units *units;
	size_t section;
	struct elf_relocs *relocs;
	uint64_t at; /* in the section */
	struct dwarf_format format;
	struct dir *dirs; /* grows over all tables of the section */
	size_t dir_count;
	size_t dir_capacity;
	bool has_base; /* base is known: version up to 4 */
	struct source_ref base;
	bool has_str_base;
	uint64_t str_base;
	struct entry_format formats[FORMATS_MAX];
	size_t format_count;
};

static struct error *cut_off(void)
{
	return error_new(BAD_DATA, "the header is cut off");
}

static struct error *add_dir(struct table *t, struct source_ref ref,
			     bool is_absolute)
{
	if (!mem_grow(&t->dirs, &t->dir_capacity, t->dir_count + 1,
		      sizeof(*t->dirs)))
		return error_no_memory;
	t->dirs[t->dir_count++] = (struct dir) { ref, is_absolute };
	return NULL;
}

/* Versions 2 to 4. */

static struct error *read_old_dirs(struct table *t, struct reader *r)
{
	// Directory 0 is comp_dir: found when a file needs it.
	TRY(add_dir(t, source_ref_at(SOURCE_NONE, 0), false));
	for (;;) {
		struct source_ref ref;
		size_t len;
		const char *dir = reader_cstr(r, &len);

		if (!dir)
			return cut_off();
		if (len == 0)
			return NULL;
		ref = source_ref_at(SOURCE_MISSING, 0);
		TRY(dwarf_note_problem(
			t->d, source_names_string(&t->d->names, dir, len, &ref),
			".debug_line", t->at));
		TRY(add_dir(t, ref, dir[0] == '/'));
	}
}

static struct error *find_base(struct table *t)
{
	struct dwarf_line_unit unit;

	if (t->has_base)
		return NULL;
	TRY(dwarf_units_find(t->units, t->section, t->at, true, &unit));
	t->has_base = true;
	t->base = unit.comp_dir;
	return NULL;
}

static struct error *add_old_file(struct table *t, const char *name, size_t len,
				  uint64_t dir)
{
	struct source_ref none = source_ref_at(SOURCE_NONE, 0);
	struct source_ref ref;

	if (name[0] != '/' && dir >= t->dir_count)
		return error_new(BAD_DATA,
				 "file in directory %" PRIu64 " of %zu", dir,
				 t->dir_count);
	TRY(source_names_string(&t->d->names, name, len, &ref));
	if (name[0] == '/')
		return source_names_add(&t->d->names, none, none, ref);
	if (t->dirs[dir].is_absolute)
		return source_names_add(&t->d->names, none, t->dirs[dir].ref,
					ref);
	TRY(find_base(t));
	return source_names_add(&t->d->names, t->base, t->dirs[dir].ref, ref);
}

static struct error *read_old_files(struct table *t, struct reader *r)
{
	for (;;) {
		size_t len;
		const char *name = reader_cstr(r, &len);

		if (!name)
			return cut_off();
		if (len == 0)
			return NULL;
		uint64_t dir = reader_uleb(r);

		reader_uleb(r); /* time */
		reader_uleb(r); /* size */
		if (!reader_ok(r))
			return cut_off();
		struct error *err = add_old_file(t, name, len, dir);

		TRY(dwarf_note_problem(t->d, err, ".debug_line", t->at));
	}
}

/* Version 5. */

static struct error *find_str_base(struct table *t)
{
	struct dwarf_line_unit unit;

	if (t->has_str_base)
		return NULL;
	TRY(dwarf_units_find(t->units, t->section, t->at, false, &unit));
	t->has_str_base = true;
	t->str_base = unit.has_str_base ? unit.str_base
					: dwarf_default_str_base(&t->format);
	return NULL;
}

static struct error *string_ref(struct table *t, const struct dwarf_string *s,
				struct source_ref *ret)
{
	if (s->kind != DWARF_STRING_INDEX)
		return dwarf_string_ref(t->d, t->relocs, t->at + s->at, s, ret);
	TRY(find_str_base(t));
	return dwarf_units_string(t->units, t->str_base, s->value,
				  t->format.offset_size, ret);
}

static struct error *read_formats(struct table *t, struct reader *r)
{
	t->format_count = reader_u8(r);
	for (size_t i = 0; i < t->format_count; i++) {
		uint64_t content = reader_uleb(r);
		uint64_t form = reader_uleb(r);

		// Without bytes, entries could be without number.
		if (form > UINT32_MAX || form == DW_FORM_flag_present ||
		    form == DW_FORM_implicit_const)
			return error_new(BAD_DATA, "entries of form 0x%" PRIx64,
					 form);
		t->formats[i] =
			(struct entry_format) { content, (unsigned)form };
	}
	return reader_ok(r) ? NULL : cut_off();
}

struct entry {
	struct source_ref path;
	uint64_t dir;
};

static struct error *read_path(struct table *t, struct reader *r, unsigned form,
			       struct source_ref *ret)
{
	struct dwarf_string s;

	*ret = source_ref_at(SOURCE_MISSING, 0);
	if (!dwarf_read_string(r, form, &t->format, &s))
		return error_new(BAD_DATA, "name of unknown form 0x%x", form);
	if (!reader_ok(r))
		return cut_off();
	return dwarf_note_problem(t->d, string_ref(t, &s, ret), ".debug_line",
				  t->at + s.at);
}

static struct error *read_entry(struct table *t, struct reader *r,
				struct entry *entry)
{
	*entry = (struct entry) { 0 };
	for (size_t i = 0; i < t->format_count; i++) {
		unsigned form = t->formats[i].form;
		bool known = true;

		if (t->formats[i].content == DW_LNCT_path)
			TRY(read_path(t, r, form, &entry->path));
		else if (t->formats[i].content == DW_LNCT_directory_index)
			known = dwarf_read_uint(r, form, &t->format,
						&entry->dir);
		else
			known = dwarf_skip(r, form, &t->format);
		if (!known)
			return error_new(BAD_DATA, "entry of unknown form 0x%x",
					 form);
	}
	return reader_ok(r) ? NULL : cut_off();
}

/* Every value takes a byte at least (read_formats), so a count that lies ends
 * at the header's end. */
static struct error *read_count(const struct table *t, struct reader *r,
				uint64_t *ret)
{
	*ret = reader_uleb(r);
	if (!reader_ok(r))
		return cut_off();
	if (*ret && t->format_count == 0)
		return error_new(BAD_DATA, "%" PRIu64 " entries of no form",
				 *ret);
	return NULL;
}

static struct error *read_new_dirs(struct table *t, struct reader *r)
{
	uint64_t count;

	TRY(read_formats(t, r));
	TRY(read_count(t, r, &count));
	for (uint64_t i = 0; i < count; i++) {
		struct entry entry;

		TRY(read_entry(t, r, &entry));
		TRY(add_dir(t, entry.path, false));
	}
	return NULL;
}

static struct error *add_new_file(struct table *t, const struct entry *entry)
{
	struct source_ref none = source_ref_at(SOURCE_NONE, 0);
	struct source_ref base = t->dir_count ? t->dirs[0].ref : none;

	if (entry->dir == 0)
		return source_names_add(&t->d->names, base, none, entry->path);
	if (entry->dir >= t->dir_count)
		return error_new(BAD_DATA,
				 "file in directory %" PRIu64 " of %zu",
				 entry->dir, t->dir_count);
	return source_names_add(&t->d->names, base, t->dirs[entry->dir].ref,
				entry->path);
}

static struct error *read_new_files(struct table *t, struct reader *r)
{
	uint64_t count;

	TRY(read_formats(t, r));
	TRY(read_count(t, r, &count));
	for (uint64_t i = 0; i < count; i++) {
		struct entry entry;

		TRY(read_entry(t, r, &entry));
		TRY(dwarf_note_problem(t->d, add_new_file(t, &entry),
				       ".debug_line", t->at));
	}
	return NULL;
}

/* From behind the header length on. */
static struct error *read_tables(struct table *t, struct reader *r)
{
	reader_skip(r, t->format.version >= 4 ? 5 : 4);
	unsigned opcode_base = reader_u8(r);

	reader_skip(r, opcode_base ? opcode_base - 1 : 0);
	if (!reader_ok(r))
		return cut_off();
	t->dir_count = 0;
	t->has_base = false;
	t->has_str_base = false;
	if (t->format.version >= 5) {
		TRY(read_new_dirs(t, r));
		return read_new_files(t, r);
	}
	TRY(read_old_dirs(t, r));
	return read_old_files(t, r);
}

/* Behind the length, up to the header length's end. @p header_end from the
 * unit's beginning; beyond the unit's end it is an error, noted. */
static struct error *read_fixed(struct table *t, struct reader *r,
				uint64_t unit_size, uint64_t *header_end)
{
	t->format.version = reader_u16(r);
	if (reader_ok(r) && (t->format.version < 2 || t->format.version > 5))
		return error_new(BAD_DATA, "table of unknown version %u",
				 t->format.version);
	if (t->format.version >= 5) {
		t->format.address_size = reader_u8(r);
		reader_skip(r, 1);
	}
	uint64_t length = reader_uint(r, t->format.offset_size);

	if (!reader_ok(r))
		return cut_off();
	*header_end = unit_size;
	if (length <= unit_size - r->pos) {
		*header_end = r->pos + length;
		return NULL;
	}
	struct error *err = error_new(
		BAD_DATA, "header of %" PRIu64 " bytes goes beyond its table",
		length);
	return dwarf_note_problem(t->d, err, ".debug_line", t->at);
}

static struct error *read_header(struct table *t, struct elf_stream *s,
				 struct reader *fixed, uint64_t unit_size)
{
	uint64_t header_end = 0;
	const uint8_t *data;
	struct reader r;
	size_t size;

	TRY(read_fixed(t, fixed, unit_size, &header_end));
	if (header_end > ELF_LINE_HEADER_MAX)
		return error_new(LIMIT, "header of %" PRIu64 " bytes",
				 header_end);
	TRY(dwarf_note_problem(
		t->d, elf_stream_peek(s, (size_t)header_end, &data, &size),
		".debug_line", t->at));
	if (size > header_end)
		size = (size_t)header_end;
	reader_init(&r, data, size, t->d->file->header.big_endian);
	reader_seek(&r, fixed->pos);
	return read_tables(t, &r);
}

/* One table further. @p end_ret: the section is over. */
static struct error *walk_table(struct table *t, struct elf_stream *s,
				bool *end_ret)
{
	uint64_t left = elf_stream_size(s) - elf_stream_tell(s);
	struct error *err = NULL;
	const uint8_t *data;
	struct reader r;
	uint64_t length;
	size_t size;

	*end_ret = true;
	t->at = elf_stream_tell(s);
	if (left == 0)
		return NULL;
	TRY(elf_stream_peek(s, FIXED_MAX, &data, &size));
	if (size > FIXED_MAX)
		size = FIXED_MAX;
	reader_init(&r, data, size, t->d->file->header.big_endian);
	if (!dwarf_read_length(&r, &length, &t->format.offset_size))
		return error_new(BAD_DATA, "damaged table length");
	if (length > left - r.pos) {
		err = error_new(BAD_DATA,
				"table of %" PRIu64
				" bytes goes beyond the section",
				length);
		TRY(dwarf_note_problem(t->d, err, ".debug_line", t->at));
		length = left - r.pos;
	}
	uint64_t unit_size = r.pos + length;

	if (++t->d->units > ELF_UNITS_MAX)
		return error_new(LIMIT, "more than %" PRIu64 " units",
				 ELF_UNITS_MAX);
	if (r.size > unit_size)
		r.size = (size_t)unit_size;
	if (length) {
		err = read_header(t, s, &r, unit_size);
		TRY(dwarf_note_problem(t->d, err, ".debug_line", t->at));
	}
	*end_ret = false;
	return elf_stream_skip(s, unit_size);
}

static struct error *walk_section(struct table *t)
{
	CLEANUP_ELF_RELOCS struct elf_relocs *relocs = NULL;
	CLEANUP_ELF_STREAM struct elf_stream *s = NULL;

	TRY(elf_stream_open(t->d->file, t->section, STEP, &s));
	TRY(elf_relocs_open(t->d->file, t->section, &relocs));
	t->relocs = relocs;
	for (bool end = false; !end;)
		TRY(walk_table(t, s, &end));
	return NULL;
}

struct error *dwarf_read_line_headers(struct dwarf_reader *d, size_t section,
				      struct dwarf_units *units)
{
	struct table t = { .d = d, .units = units, .section = section };
	struct error *err = walk_section(&t);

	mem_free(t.dirs);
	return dwarf_note_problem(d, err, ".debug_line", t.at);
}

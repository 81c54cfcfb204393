/* SPDX-License-Identifier: Apache-2.0 */
/* Source: DWARF 5 (2017-02-13), chapter 7. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "elf/dwarf_const.h"
#include "tests/lib/dwarf_writer.h"

enum {
	OPCODE_BASE = 13,
	LINE_BASE = -5,
	LINE_RANGE = 14,
	EXTRAS_MAX = 128,
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

static struct buf *all_sections(struct dwarf_writer *w, size_t i)
{
	struct buf *all[] = { &w->info,     &w->abbrev,   &w->line,
			      &w->line_str, &w->str,      &w->str_offsets,
			      &w->addr,     &w->ranges,   &w->rnglists,
			      &w->aranges,  &w->cu_index, NULL };

	return all[i];
}

void dwarf_writer_deinit(struct dwarf_writer *w)
{
	for (size_t i = 0; all_sections(w, i); i++)
		buf_deinit(all_sections(w, i));
}

void dw_put(const struct dwarf_writer *w, struct buf *b, uint64_t v,
	    unsigned size)
{
	for (unsigned i = 0; i < size; i++) {
		unsigned shift = 8 * (w->big_endian ? size - 1 - i : i);

		check(buf_append_byte(b, (uint8_t)(v >> shift)));
	}
}

void dw_put_uleb(struct buf *b, uint64_t v)
{
	do {
		uint8_t byte = v & 0x7f;

		v >>= 7;
		check(buf_append_byte(b, v ? byte | 0x80 : byte));
	} while (v);
}

void dw_put_sleb(struct buf *b, int64_t v)
{
	for (;;) {
		uint8_t byte = v & 0x7f;
		bool is_last;

		v >>= 7;
		is_last = (v == 0 && !(byte & 0x40)) ||
			  (v == -1 && (byte & 0x40));
		check(buf_append_byte(b, is_last ? byte : byte | 0x80));
		if (is_last)
			return;
	}
}

static void put_str(struct buf *b, const char *s)
{
	check(buf_append(b, s, strlen(s) + 1));
}

static unsigned offset_size(const struct dwarf_writer *w)
{
	return w->is_64 ? 8 : 4;
}

static void put_offset(const struct dwarf_writer *w, struct buf *b, uint64_t v)
{
	dw_put(w, b, v, offset_size(w));
}

/* Room for a length, which end_length() fills in. */
static size_t begin_length(const struct dwarf_writer *w, struct buf *b)
{
	size_t at = b->size;

	if (w->is_64)
		dw_put(w, b, 0xffffffff, 4);
	put_offset(w, b, 0);
	return at;
}

static void patch(const struct dwarf_writer *w, struct buf *b, size_t at,
		  uint64_t v, unsigned size)
{
	struct buf bytes = BUF_INIT;

	dw_put(w, &bytes, v, size);
	check(at + size <= b->size);
	memcpy(b->data + at, bytes.data, size);
	buf_deinit(&bytes);
}

static void end_length(const struct dwarf_writer *w, struct buf *b, size_t at)
{
	size_t start = at + (w->is_64 ? 12 : 4);

	patch(w, b, start - offset_size(w), b->size - start, offset_size(w));
}

/* Units and entries. */

uint64_t dw_unit(struct dwarf_writer *w, unsigned type, uint64_t id)
{
	struct buf *b = &w->info;

	w->unit_at = begin_length(w, b);
	w->abbrevs_at = w->abbrev.size;
	w->code = 0;
	dw_put(w, b, w->version, 2);
	if (w->version >= 5) {
		dw_put(w, b, type, 1);
		dw_put(w, b, w->address_size, 1);
		put_offset(w, b, w->abbrevs_at);
		if (type == DW_UT_skeleton || type == DW_UT_split_compile)
			dw_put(w, b, id, 8);
	} else {
		put_offset(w, b, w->abbrevs_at);
		dw_put(w, b, w->address_size, 1);
	}
	return w->unit_at;
}

void dw_unit_end(struct dwarf_writer *w)
{
	end_length(w, &w->info, w->unit_at);
	check(buf_append_byte(&w->abbrev, 0));
}

/* The next number of .debug_str_offsets. */
static uint64_t string_number(struct dwarf_writer *w, const char *s)
{
	struct buf *b = &w->str_offsets;
	size_t header = w->version < 5 ? 0 : w->is_64 ? 16 : 8;

	if (b->size == 0 && header) {
		begin_length(w, b);
		dw_put(w, b, 5, 2);
		dw_put(w, b, 0, 2);
	}
	uint64_t number = (b->size - header) / offset_size(w);

	put_offset(w, b, w->str.size);
	put_str(&w->str, s);
	if (header)
		end_length(w, b, 0);
	return number;
}

/* flat: one form a line */
static void put_value(struct dwarf_writer *w, struct buf *b,
		      const struct dw_attr *a)
{
	uint64_t v = a->v;

	switch (a->form) {
	case DW_FORM_addr:
		dw_put(w, b, v, w->address_size);
		break;
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_addrx1:
		dw_put(w, b, v, 1);
		break;
	case DW_FORM_data2:
	case DW_FORM_addrx2:
		dw_put(w, b, v, 2);
		break;
	case DW_FORM_addrx3:
		dw_put(w, b, v, 3);
		break;
	case DW_FORM_data4:
	case DW_FORM_addrx4:
	case DW_FORM_ref_sup4:
		dw_put(w, b, v, 4);
		break;
	case DW_FORM_data8:
	case DW_FORM_ref_sup8:
	case DW_FORM_ref_sig8:
		dw_put(w, b, v, 8);
		break;
	case DW_FORM_data16:
		dw_put(w, b, v, 8);
		dw_put(w, b, v, 8);
		break;
	case DW_FORM_ref1:
		dw_put(w, b, v - w->unit_at, 1);
		break;
	case DW_FORM_ref2:
		dw_put(w, b, v - w->unit_at, 2);
		break;
	case DW_FORM_ref4:
		dw_put(w, b, v - w->unit_at, 4);
		break;
	case DW_FORM_ref8:
		dw_put(w, b, v - w->unit_at, 8);
		break;
	case DW_FORM_ref_udata:
		dw_put_uleb(b, v - w->unit_at);
		break;
	case DW_FORM_udata:
	case DW_FORM_addrx:
	case DW_FORM_rnglistx:
	case DW_FORM_loclistx:
	case DW_FORM_GNU_addr_index:
		dw_put_uleb(b, v);
		break;
	case DW_FORM_sdata:
		dw_put_sleb(b, (int64_t)v);
		break;
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_strp_sup:
		put_offset(w, b, v);
		break;
	case DW_FORM_ref_addr:
		dw_put(w, b, v,
		       w->version < 3 ? w->address_size : offset_size(w));
		break;
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		break;
	case DW_FORM_string:
		put_str(b, a->s);
		break;
	case DW_FORM_strp:
		put_offset(w, b, w->str.size);
		put_str(&w->str, a->s);
		break;
	case DW_FORM_line_strp:
		put_offset(w, b, w->line_str.size);
		put_str(&w->line_str, a->s);
		break;
	case DW_FORM_strx:
	case DW_FORM_GNU_str_index:
		dw_put_uleb(b, string_number(w, a->s));
		break;
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
		dw_put(w, b, string_number(w, a->s),
		       a->form - DW_FORM_strx1 + 1);
		break;
	case DW_FORM_block1:
		dw_put(w, b, v, 1);
		check(buf_reserve(b, v) != NULL);
		memset(b->data + b->size, 0, v);
		buf_commit(b, v);
		break;
	case DW_FORM_block2:
	case DW_FORM_block4:
		dw_put(w, b, v, a->form == DW_FORM_block2 ? 2 : 4);
		for (uint64_t i = 0; i < v; i++)
			dw_put(w, b, 0, 1);
		break;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		dw_put_uleb(b, v);
		for (uint64_t i = 0; i < v; i++)
			dw_put(w, b, 0, 1);
		break;
	default:
		abort();
	}
}

uint64_t dw_die(struct dwarf_writer *w, unsigned tag, bool has_children,
		const struct dw_attr *attrs)
{
	uint64_t at = w->info.size;

	dw_put_uleb(&w->abbrev, ++w->code);
	dw_put_uleb(&w->abbrev, tag);
	dw_put(w, &w->abbrev, has_children, 1);
	dw_put_uleb(&w->info, w->code);
	for (const struct dw_attr *a = attrs; a->at; a++) {
		dw_put_uleb(&w->abbrev, a->at);
		dw_put_uleb(&w->abbrev, a->form);
		if (a->form == DW_FORM_implicit_const)
			dw_put_sleb(&w->abbrev, (int64_t)a->v);
		put_value(w, &w->info, a);
	}
	dw_put(w, &w->abbrev, 0, 2);
	return at;
}

void dw_end(struct dwarf_writer *w)
{
	check(buf_append_byte(&w->info, 0));
}

void dw_patch_ref4(struct dwarf_writer *w, uint64_t at, uint64_t offset)
{
	patch(w, &w->info, at, offset - w->unit_at, 4);
}

/* Addresses and ranges. */

uint64_t dw_address(struct dwarf_writer *w, uint64_t address)
{
	struct buf *b = &w->addr;
	size_t header = w->version < 5 ? 0 : w->is_64 ? 16 : 8;

	if (b->size == 0 && header) {
		begin_length(w, b);
		dw_put(w, b, 5, 2);
		dw_put(w, b, w->address_size, 1);
		dw_put(w, b, 0, 1);
	}
	dw_put(w, b, address, w->address_size);
	if (header)
		end_length(w, b, 0);
	return (b->size - header) / w->address_size - 1;
}

static void put_new_range(struct dwarf_writer *w, const struct dw_range *r,
			  size_t i)
{
	struct buf *b = &w->rnglists;

	switch (i % 4) {
	case 0:
		dw_put(w, b, DW_RLE_start_end, 1);
		dw_put(w, b, r->start, w->address_size);
		dw_put(w, b, r->end, w->address_size);
		break;
	case 1:
		dw_put(w, b, DW_RLE_start_length, 1);
		dw_put(w, b, r->start, w->address_size);
		dw_put_uleb(b, r->end - r->start);
		break;
	case 2:
		dw_put(w, b, DW_RLE_base_address, 1);
		dw_put(w, b, r->start - 1, w->address_size);
		dw_put(w, b, DW_RLE_offset_pair, 1);
		dw_put_uleb(b, 1);
		dw_put_uleb(b, r->end - r->start + 1);
		break;
	default:
		dw_put(w, b, DW_RLE_startx_length, 1);
		dw_put_uleb(b, dw_address(w, r->start));
		dw_put_uleb(b, r->end - r->start);
		break;
	}
}

/* All lists are in one table, whose numbers of lists are not used. */
static uint64_t put_rnglist(struct dwarf_writer *w,
			    const struct dw_range *ranges)
{
	struct buf *b = &w->rnglists;
	size_t i = 0;

	if (b->size == 0) {
		begin_length(w, b);
		dw_put(w, b, 5, 2);
		dw_put(w, b, w->address_size, 1);
		dw_put(w, b, 0, 1);
		dw_put(w, b, 1, 4);
		// List 0 is the first, behind this offset.
		put_offset(w, b, offset_size(w));
	}
	uint64_t at = b->size;

	for (const struct dw_range *r = ranges; r->end; r++)
		put_new_range(w, r, i++);
	dw_put(w, b, DW_RLE_end_of_list, 1);
	end_length(w, b, 0);
	return at;
}

uint64_t dw_ranges(struct dwarf_writer *w, const struct dw_range *ranges)
{
	struct buf *b = &w->ranges;

	if (w->version >= 5)
		return put_rnglist(w, ranges);
	uint64_t at = b->size;

	// The base is the unit's own; with this one, 0.
	dw_put(w, b, UINT64_MAX, w->address_size);
	dw_put(w, b, 0, w->address_size);
	for (const struct dw_range *r = ranges; r->end; r++) {
		dw_put(w, b, r->start, w->address_size);
		dw_put(w, b, r->end, w->address_size);
	}
	dw_put(w, b, 0, w->address_size);
	dw_put(w, b, 0, w->address_size);
	return at;
}

void dw_aranges(struct dwarf_writer *w, uint64_t unit,
		const struct dw_range *ranges)
{
	struct buf *b = &w->aranges;
	size_t at = begin_length(w, b);

	dw_put(w, b, 2, 2);
	put_offset(w, b, unit);
	dw_put(w, b, w->address_size, 1);
	dw_put(w, b, 0, 1);
	while ((b->size - at) % (2 * w->address_size))
		dw_put(w, b, 0, 1);
	for (const struct dw_range *r = ranges; r->end; r++) {
		dw_put(w, b, r->start, w->address_size);
		dw_put(w, b, r->end - r->start, w->address_size);
	}
	dw_put(w, b, 0, w->address_size);
	dw_put(w, b, 0, w->address_size);
	end_length(w, b, at);
}

/* Lines. */

static void put_old_names(struct dwarf_writer *w, const char *const *dirs,
			  const struct elf_unit_file *files)
{
	struct buf *b = &w->line;

	for (; dirs && *dirs; dirs++)
		put_str(b, *dirs);
	dw_put(w, b, 0, 1);
	for (; files && files->name; files++) {
		put_str(b, files->name);
		dw_put_uleb(b, files->dir);
		dw_put_uleb(b, 0);
		dw_put_uleb(b, 0);
	}
	dw_put(w, b, 0, 1);
}

static void put_new_file(struct dwarf_writer *w,
			 const struct elf_unit_file *file)
{
	struct buf *b = &w->line;

	put_offset(w, b, w->line_str.size);
	put_str(&w->line_str, file->name);
	dw_put_uleb(b, file->dir);
	dw_put(w, b, 0, 8); // the MD5
	dw_put(w, b, 0, 8);
}

static void put_new_names(struct dwarf_writer *w, const char *comp_dir,
			  const char *const *dirs,
			  const struct elf_unit_file *files)
{
	struct buf *b = &w->line;
	size_t count = 0;

	dw_put(w, b, 1, 1);
	dw_put_uleb(b, DW_LNCT_path);
	dw_put_uleb(b, DW_FORM_string);
	while (dirs && dirs[count])
		count++;
	dw_put_uleb(b, count + 1);
	put_str(b, comp_dir);
	for (size_t i = 0; i < count; i++)
		put_str(b, dirs[i]);
	dw_put(w, b, 3, 1);
	dw_put_uleb(b, DW_LNCT_path);
	dw_put_uleb(b, DW_FORM_line_strp);
	dw_put_uleb(b, DW_LNCT_directory_index);
	dw_put_uleb(b, DW_FORM_udata);
	dw_put_uleb(b, DW_LNCT_MD5);
	dw_put_uleb(b, DW_FORM_data16);
	for (count = 0; files[count].name; count++)
		;
	dw_put_uleb(b, count + 1);
	put_new_file(w, &files[0]);
	for (size_t i = 0; i < count; i++)
		put_new_file(w, &files[i]);
}

uint64_t dw_lines(struct dwarf_writer *w, const char *comp_dir,
		  const char *const *dirs, const struct elf_unit_file *files)
{
	static const uint8_t operands[OPCODE_BASE - 1] = { 0, 1, 1, 1, 1, 0,
							   0, 0, 1, 0, 0, 1 };
	struct buf *b = &w->line;

	w->line_at = begin_length(w, b);
	dw_put(w, b, w->version, 2);
	if (w->version >= 5) {
		dw_put(w, b, w->address_size, 1);
		dw_put(w, b, 0, 1);
	}
	size_t header = b->size;

	put_offset(w, b, 0);
	dw_put(w, b, 1, 1);
	if (w->version >= 4)
		dw_put(w, b, 1, 1);
	dw_put(w, b, 1, 1);
	dw_put(w, b, (uint64_t)LINE_BASE, 1);
	dw_put(w, b, LINE_RANGE, 1);
	dw_put(w, b, OPCODE_BASE, 1);
	check(buf_append(b, operands, sizeof(operands)));
	if (w->version >= 5)
		put_new_names(w, comp_dir, dirs, files);
	else
		put_old_names(w, dirs, files);
	patch(w, b, header, b->size - header - offset_size(w), offset_size(w));
	w->has_line_address = false;
	w->line_file = w->line_line = 1;
	return w->line_at;
}

static void move_to(struct dwarf_writer *w, uint64_t address)
{
	struct buf *b = &w->line;

	if (!w->has_line_address) {
		dw_put(w, b, 0, 1);
		dw_put_uleb(b, 1 + w->address_size);
		dw_put(w, b, DW_LNE_set_address, 1);
		dw_put(w, b, address, w->address_size);
	} else if (address != w->line_address) {
		dw_put(w, b, DW_LNS_advance_pc, 1);
		dw_put_uleb(b, address - w->line_address);
	}
	w->has_line_address = true;
	w->line_address = address;
}

void dw_row(struct dwarf_writer *w, uint64_t address, uint32_t file,
	    uint32_t line)
{
	struct buf *b = &w->line;
	int64_t lines = (int64_t)line - w->line_line;

	if (file != w->line_file) {
		dw_put(w, b, DW_LNS_set_file, 1);
		dw_put_uleb(b, file);
		w->line_file = file;
	}
	w->line_line = line;
	// A special opcode where one does it.
	if (w->has_line_address && address - w->line_address < 10 &&
	    lines >= LINE_BASE && lines < LINE_BASE + LINE_RANGE) {
		dw_put(w, b,
		       (uint64_t)(lines - LINE_BASE) +
			       (address - w->line_address) * LINE_RANGE +
			       OPCODE_BASE,
		       1);
		w->line_address = address;
		return;
	}
	move_to(w, address);
	if (lines) {
		dw_put(w, b, DW_LNS_advance_line, 1);
		dw_put_sleb(b, lines);
	}
	dw_put(w, b, DW_LNS_copy, 1);
}

void dw_sequence_end(struct dwarf_writer *w, uint64_t address)
{
	move_to(w, address);
	dw_put(w, &w->line, 0, 1);
	dw_put(w, &w->line, 1, 1);
	dw_put(w, &w->line, DW_LNE_end_sequence, 1);
	w->has_line_address = false;
	w->line_file = w->line_line = 1;
}

void dw_line_bytes(struct dwarf_writer *w, const void *data, size_t size)
{
	check(buf_append(&w->line, data, size));
}

void dw_lines_end(struct dwarf_writer *w)
{
	end_length(w, &w->line, w->line_at);
}

/* The file. */

void dw_elf(const struct dwarf_writer *w, const struct elf_spec *spec,
	    struct buf *out)
{
	const struct {
		const char *name, *split_name;
		const struct buf *b;
	} sections[] = {
		{ ".debug_info", ".debug_info.dwo", &w->info },
		{ ".debug_abbrev", ".debug_abbrev.dwo", &w->abbrev },
		{ ".debug_line", ".debug_line.dwo", &w->line },
		{ ".debug_line_str", ".debug_line_str.dwo", &w->line_str },
		{ ".debug_str", ".debug_str.dwo", &w->str },
		{ ".debug_str_offsets", ".debug_str_offsets.dwo",
		  &w->str_offsets },
		{ ".debug_addr", ".debug_addr.dwo", &w->addr },
		{ ".debug_ranges", ".debug_ranges.dwo", &w->ranges },
		{ ".debug_rnglists", ".debug_rnglists.dwo", &w->rnglists },
		{ ".debug_aranges", ".debug_aranges.dwo", &w->aranges },
		{ ".debug_cu_index", ".debug_cu_index", &w->cu_index },
	};
	struct elf_extra extras[EXTRAS_MAX];
	struct elf_spec with = *spec;
	size_t count = spec->extra_count;

	check(count + sizeof(sections) / sizeof(*sections) <= EXTRAS_MAX);
	if (count)
		memcpy(extras, spec->extras, count * sizeof(*extras));
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		if (sections[i].b->size)
			extras[count++] = (struct elf_extra) {
				.name = w->is_split ? sections[i].split_name
						    : sections[i].name,
				.data = sections[i].b->data,
				.size = sections[i].b->size,
			};
	}
	with.is_32 = w->address_size == 4;
	with.big_endian = w->big_endian;
	with.extras = extras;
	with.extra_count = count;
	elf_write(&with, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF of functions of all versions and kinds, by section; and skeletons with
 * their split units, in .dwo files and in packages with an index. */
#include "config.h"

#include "tests/fuzz/fuzz.h"
#include "tests/lib/dwarf_programs.h"

enum { TEXT = 0x1000, ID = 0x1234567 };

static void put_sections(struct buf *out, const struct dwarf_writer *w)
{
	/* As fuzz_dwarf_sections.c takes them. */
	const struct buf *const sections[] = {
		&w->abbrev,  &w->info,     &w->line,     &w->str,
		&w->ranges,  &w->addr,     &w->rnglists, &w->str_offsets,
		&w->aranges, &w->line_str, &w->cu_index,
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		buf_put_u16(out, (uint16_t)sections[i]->size);
		if (sections[i]->size)
			buf_append(out, sections[i]->data, sections[i]->size);
	}
}

static void take_one_file(fuzz_take_fn take, void *ctx, unsigned i)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = {
		.version = 2 + i % 4,
		.address_size = i & 4 ? 4 : 8,
		.big_endian = i & 8,
		.is_64 = i % 4 > 1 && (i & 16),
	};
	CLEANUP_BUF struct buf seed = BUF_INIT;

	write_some_of_everything(&w, TEXT);
	buf_append_byte(&seed, (uint8_t)((i & 4 ? 1 : 0) | (i & 8 ? 2 : 0) |
					 (i % 5 == 4 ? 4 : 0)));
	put_sections(&seed, &w);
	take(ctx, seed.data, seed.size);
}

/* The skeleton's and the split unit's entries of version 4, then of 5. */
static void write_skeleton(struct dwarf_writer *w)
{
	static const struct elf_unit_file files[] = { { "s.c", 0 }, { NULL } };
	uint64_t lines = dw_lines(w, "/src", NULL, files);

	dw_row(w, TEXT, 1, 7);
	dw_sequence_end(w, TEXT + 0x10);
	dw_lines_end(w);
	dw_address(w, TEXT);
	dw_address(w, TEXT + 4);
	dw_unit(w, DW_UT_skeleton, ID);
	if (w->version < 5)
		dw_die(w, DW_TAG_compile_unit, false,
		       DW({ DW_AT_comp_dir, DW_FORM_string, .s = "/src" },
			  { DW_AT_stmt_list, DW_FORM_sec_offset, lines },
			  { DW_AT_GNU_addr_base, DW_FORM_sec_offset, 0 },
			  { DW_AT_GNU_ranges_base, DW_FORM_sec_offset, 0 },
			  { DW_AT_GNU_dwo_name, DW_FORM_strp, .s = "a.dwo" },
			  { DW_AT_GNU_dwo_id, DW_FORM_data8, ID }));
	else
		dw_die(w, DW_TAG_skeleton_unit, false,
		       DW({ DW_AT_comp_dir, DW_FORM_line_strp, .s = "/src" },
			  { DW_AT_stmt_list, DW_FORM_sec_offset, lines },
			  { DW_AT_addr_base, DW_FORM_sec_offset, 8 },
			  { DW_AT_dwo_name, DW_FORM_strp, .s = "a.dwo" }));
	dw_unit_end(w);
}

static void write_split(struct dwarf_writer *w)
{
	bool is_old = w->version < 5;
	unsigned strx = is_old ? DW_FORM_GNU_str_index : DW_FORM_strx;
	unsigned addrx = is_old ? DW_FORM_GNU_addr_index : DW_FORM_addrx;

	if (!is_old)
		dw_ranges(w, DW_RANGES({ TEXT + 0x20, TEXT + 0x24 },
				       { TEXT + 0x28, TEXT + 0x2c }));
	dw_unit(w, DW_UT_split_compile, ID);
	dw_die(w, DW_TAG_compile_unit, true,
	       is_old ? DW({ DW_AT_GNU_dwo_id, DW_FORM_data8, ID })
		      : DW({ DW_AT_name, strx, .s = "s.c" }));
	dw_die(w, DW_TAG_subprogram, true,
	       DW({ DW_AT_name, strx, .s = "f" }, { DW_AT_low_pc, addrx, 0 },
		  { DW_AT_high_pc, DW_FORM_data1, 0x10 }));
	dw_die(w, DW_TAG_inlined_subroutine, false,
	       DW({ DW_AT_linkage_name, strx, .s = "inlined" },
		  { DW_AT_low_pc, addrx, 1 },
		  { DW_AT_high_pc, DW_FORM_data1, 4 },
		  { DW_AT_call_file, DW_FORM_data1, 1 },
		  { DW_AT_call_line, DW_FORM_data1, 9 }));
	dw_end(w);
	dw_die(w, DW_TAG_subprogram, false,
	       DW({ DW_AT_name, strx, .s = "parts" },
		  { DW_AT_ranges,
		    is_old ? DW_FORM_sec_offset : DW_FORM_rnglistx, 0 }));
	dw_end(w);
	dw_unit_end(w);
}

/* Of one unit, which lies at the start of all its sections. */
static void write_index(struct dwarf_writer *w)
{
	static const uint32_t columns[] = { DW_SECT_INFO, DW_SECT_ABBREV,
					    DW_SECT_STR_OFFSETS,
					    DW_SECT_RNGLISTS };
	unsigned count = w->version < 5 ? 3 : 4;
	struct buf *b = &w->cu_index;

	dw_put(w, b, w->version < 5 ? 2 : 5, w->version < 5 ? 4 : 2);
	if (w->version >= 5)
		dw_put(w, b, 0, 2);
	dw_put(w, b, count, 4);
	dw_put(w, b, 1, 4); /* units */
	dw_put(w, b, 2, 4); /* slots */
	dw_put(w, b, 0, 8);
	dw_put(w, b, ID, 8);
	dw_put(w, b, 0, 4);
	dw_put(w, b, 1, 4); /* row of the second */
	for (unsigned i = 0; i < count; i++)
		dw_put(w, b, columns[i], 4);
	for (unsigned i = 0; i < 2 * count; i++)
		dw_put(w, b, 0, 4); /* offsets, and sizes, which nobody needs */
}

static void take_pair(fuzz_take_fn take, void *ctx, unsigned version,
		      bool is_package)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = version,
						       .address_size = 8 };
	CLEANUP_DWARF_WRITER struct dwarf_writer s = { .version = version,
						       .address_size = 8,
						       .is_split = true };
	CLEANUP_BUF struct buf seed = BUF_INIT;

	write_skeleton(&w);
	write_split(&s);
	if (is_package)
		write_index(&s);
	buf_append_byte(&seed, 0);
	put_sections(&seed, &w);
	put_sections(&seed, &s);
	take(ctx, seed.data, seed.size);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (unsigned i = 0; i < 32; i++)
		take_one_file(take, ctx, i);
	for (unsigned version = 4; version <= 5; version++) {
		take_pair(take, ctx, version, false);
		take_pair(take, ctx, version, true);
	}
}

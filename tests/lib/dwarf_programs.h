/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A small program's DWARF that has some of everything, for tests that damage
 * it.
 */
#ifndef TESTS_LIB_DWARF_PROGRAMS_H
#define TESTS_LIB_DWARF_PROGRAMS_H

#include "elf/dwarf_const.h"
#include "tests/lib/dwarf_writer.h"

/** Two units, the second of which refers to the first: a function in two parts
 * with inlined calls in inlined calls, a method of a class without a linkage
 * name, a function in a class in a function; lines with and without functions;
 * .debug_aranges of the first unit. */
/* flat: entry by entry */
static void write_some_of_everything(struct dwarf_writer *w, uint64_t text)
{
	static const struct elf_unit_file files[] = { { "a.c", 0 },
						      { "a.h", 1 },
						      { NULL } };
	static const char *const dirs[] = { "include", NULL };
	unsigned offset = w->version < 4 ? DW_FORM_data4 : DW_FORM_sec_offset;
	bool is_new = w->version >= 5;
	uint64_t lines = dw_lines(w, "/src", dirs, files);

	dw_row(w, text, 1, 10);
	dw_row(w, text + 4, 2, 200);
	dw_row(w, text + 0x30, 1, 20);
	dw_sequence_end(w, text + 0x38);
	dw_row(w, text + 0x80, 1, 15);
	dw_sequence_end(w, text + 0x90);
	dw_lines_end(w);
	uint64_t parts = dw_ranges(w, DW_RANGES({ text, text + 0x20 },
						{ text + 0x80, text + 0x88 }));
	uint64_t inlined =
		dw_ranges(w, DW_RANGES({ text + 4, text + 8 },
				       { text + 0xc, text + 0x10 },
				       { text + 0x14, text + 0x18 }));
	uint64_t first = dw_unit(w, DW_UT_compile, 0);

	dw_die(w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_language, DW_FORM_data1, DW_LANG_C_plus_plus_14 },
		  { DW_AT_comp_dir, is_new ? DW_FORM_line_strp : DW_FORM_strp,
		    .s = "/src" },
		  { DW_AT_low_pc, DW_FORM_addr, text },
		  { DW_AT_stmt_list, offset, lines }));
	dw_die(w, DW_TAG_namespace, true,
	       DW({ DW_AT_name, DW_FORM_string, .s = "ns" }));
	uint64_t type = dw_die(w, DW_TAG_class_type, true,
			       DW({ DW_AT_sibling, DW_FORM_ref4, 0 },
				  { DW_AT_name, DW_FORM_strp, .s = "C" }));
	uint64_t method =
		dw_die(w, DW_TAG_subprogram, false,
		       DW({ DW_AT_name, is_new ? DW_FORM_strx1 : DW_FORM_strp,
			    .s = "m" }));

	dw_end(w);
	dw_patch_ref4(w, type + 1, w->info.size);
	dw_end(w);
	dw_die(w, DW_TAG_subprogram, true,
	       DW({ DW_AT_linkage_name, DW_FORM_strp, .s = "_Zboth" },
		  { DW_AT_ranges, offset, parts }));
	dw_die(w, DW_TAG_lexical_block, true,
	       DW({ DW_AT_producer, DW_FORM_exprloc, 3 }));
	dw_die(w, DW_TAG_inlined_subroutine, true,
	       DW({ DW_AT_abstract_origin, DW_FORM_ref4, method },
		  { DW_AT_ranges, offset, inlined },
		  { DW_AT_call_file, DW_FORM_data1, 1 },
		  { DW_AT_call_line, DW_FORM_udata, 12 }));
	dw_die(w, DW_TAG_inlined_subroutine, false,
	       DW({ DW_AT_name, DW_FORM_string, .s = "inner" },
		  { DW_AT_low_pc, DW_FORM_addr, text + 4 },
		  { DW_AT_high_pc, DW_FORM_addr, text + 6 }));
	dw_end(w);
	dw_end(w);
	dw_die(w, DW_TAG_structure_type, true, DW({ 0 }));
	dw_die(w, DW_TAG_subprogram, false,
	       DW({ DW_AT_specification, DW_FORM_ref_udata, method },
		  { DW_AT_low_pc, DW_FORM_addr, text + 0x30 },
		  { DW_AT_high_pc, DW_FORM_addr, text + 0x38 }));
	dw_end(w);
	dw_end(w);
	dw_end(w);
	dw_unit_end(w);
	dw_aranges(w, first, DW_RANGES({ text, text + 0x40 }));

	dw_unit(w, DW_UT_compile, 0);
	dw_die(w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_low_pc, DW_FORM_addr, text + 0x40 },
		  { DW_AT_high_pc, DW_FORM_addr, text + 0x60 }));
	dw_die(w, DW_TAG_subprogram, false,
	       DW({ DW_AT_abstract_origin, DW_FORM_ref_addr, method },
		  { DW_AT_low_pc, is_new ? DW_FORM_addrx : DW_FORM_addr,
		    is_new ? dw_address(w, text + 0x40) : text + 0x40 },
		  { DW_AT_high_pc, DW_FORM_addr, text + 0x48 }));
	dw_end(w);
	dw_unit_end(w);
}

#endif

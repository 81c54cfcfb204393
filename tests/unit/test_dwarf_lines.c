/* SPDX-License-Identifier: Apache-2.0 */
/* Line programs, and the rows that functions and code without functions have of
 * them. */
#include "config.h"

#include <stdio.h>

#include "tests/lib/functions_fixture.h"

static const struct elf_unit_file files[] = { { "a.c", 0 },
					      { "a.h", 1 },
					      { NULL } };
static const char *const dirs[] = { "include", NULL };

/* A unit of one function from 0 to 0x40, with the lines that begin at 0. */
static void unit_with_lines(struct dwarf_writer *w, uint64_t text,
			    const char *comp_dir, bool has_function)
{
	dw_unit(w, DW_UT_compile, 0);
	dw_die(w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_comp_dir, DW_FORM_string, .s = comp_dir },
		  { DW_AT_low_pc, DW_FORM_addr, text },
		  { DW_AT_high_pc, DW_FORM_data4, TEXT_SIZE },
		  { DW_AT_stmt_list, DW_FORM_sec_offset, 0 }));
	if (has_function)
		put_code(w, DW_TAG_subprogram, false, "f",
			 (struct dw_range) { text, text + 0x40 });
	unit_end(w);
}

START_TEST(rows_are_cut_to_the_function_and_said_once)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	dw_lines(&w, "/src", dirs, files);
	// Out of order; the first begins in front of the function.
	dw_row(&w, text + 0x30, 1, 9);
	dw_sequence_end(&w, text + 0x80);
	dw_row(&w, text + 0x8, 1, 1);
	dw_row(&w, text + 0x10, 1, 2); // of several, the last
	dw_row(&w, text + 0x10, 1, 3);
	dw_row(&w, text + 0x10, 1, 4);
	dw_row(&w, text + 0x14, 1, 4);
	dw_row(&w, text + 0x18, 1, 0);
	dw_row(&w, text + 0x1c, 77, 5); // no such file
	dw_sequence_end(&w, text + 0x20);
	dw_lines_end(&w);
	unit_with_lines(&w, text, "/src", true);
	ck_functions(&w, &plain,
		     "0+40 f\n"
		     " 8 /src/a.c:1\n"
		     " 10 /src/a.c:4\n"
		     " 18 /src/a.c:0\n"
		     " 1c -:5\n"
		     " 20 -:0\n"
		     " 30 /src/a.c:9\n"
		     "lines 40+40 left over\n"
		     " 0 /src/a.c:9\n");
}
END_TEST

START_TEST(lines_without_a_function_are_told)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	dw_lines(&w, "/src", dirs, files);
	dw_row(&w, text, 1, 1);
	dw_row(&w, text + 0x3c, 1, 2);
	// Up to the next function no row begins.
	dw_sequence_end(&w, text + 0x48);
	dw_row(&w, text + 0x100, 1, 10);
	dw_row(&w, text + 0x104, 2, 11);
	dw_sequence_end(&w, text + 0x108);
	dw_lines_end(&w);
	unit_with_lines(&w, text, "/src", true);
	ck_functions(&w, &plain,
		     "0+40 f\n"
		     " 0 /src/a.c:1\n"
		     " 3c /src/a.c:2\n"
		     "lines 40+8 left over\n"
		     " 0 /src/a.c:2\n"
		     "lines 100+8\n"
		     " 0 /src/a.c:10\n"
		     " 4 /src/include/a.h:11\n");
}
END_TEST

START_TEST(every_opcode_does_what_it_says)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);
	static const uint8_t program[] = {
		DW_LNS_set_column,
		0x81,
		0x01,
		DW_LNS_negate_stmt,
		DW_LNS_set_basic_block,
		DW_LNS_set_prologue_end,
		DW_LNS_set_epilogue_begin,
		DW_LNS_set_isa,
		5,
		0,
		5,
		0x80,
		1,
		2,
		3,
		4, // an extended one of a vendor
		0,
		8,
		DW_LNE_define_file,
		'n',
		'.',
		'c',
		0,
		1,
		0,
		0,
		DW_LNS_advance_line,
		9,
		DW_LNS_copy,         // 0: a.c:10
		DW_LNS_const_add_pc, // (255 - 13) / 14 = 17
		DW_LNS_set_file,
		3,
		DW_LNS_copy, // 11: n.c:10
		DW_LNS_fixed_advance_pc,
		2,
		0,
		DW_LNS_advance_line,
		0x7f,
		DW_LNS_copy,         // 13: n.c:9
		13 + 5 + 3 + 2 * 14, // two on, three down
		DW_LNS_advance_pc,
		4,
		0,
		1,
		DW_LNE_end_sequence,
	};

	dw_lines(&w, "/src", dirs, files);
	dw_row(&w, text, 1, 1);
	dw_line_bytes(&w, program, sizeof(program));
	dw_lines_end(&w);
	unit_with_lines(&w, text, "/src", true);
	ck_functions(&w, &plain,
		     "0+40 f\n"
		     " 0 /src/a.c:10\n"
		     " 11 /src/include/n.c:10\n"
		     " 13 /src/include/n.c:9\n"
		     " 15 /src/include/n.c:12\n"
		     " 19 -:0\n");
}
END_TEST

/* Offsets in a header of version 4: minimum instruction length 10, operations
 * in one 11, line base 13, line range 14, opcode base 15. */
START_TEST(instructions_of_several_bytes_and_of_several_operations_are_counted)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);
	static const uint8_t program[] = {
		DW_LNS_advance_pc,   4, 13 + 5 + 1, // 4 / 3: one instruction
		DW_LNS_advance_pc,   2, 13 + 5 + 1, // 3 in all: the next one
		13 + 5 + 1 + 3 * 14,                // and the next
		DW_LNS_advance_pc,   3, 0,          1, DW_LNE_end_sequence,
	};

	dw_lines(&w, "/src", dirs, files);
	dw_row(&w, text, 1, 1);
	dw_line_bytes(&w, program, sizeof(program));
	dw_lines_end(&w);
	w.line.data[10] = 16;
	w.line.data[11] = 3;
	unit_with_lines(&w, text, "/src", true);
	ck_functions(&w, &plain,
		     "0+40 f\n"
		     " 0 /src/a.c:1\n"
		     " 10 /src/a.c:2\n"
		     " 20 /src/a.c:3\n"
		     " 30 /src/a.c:4\n");
}
END_TEST

START_TEST(only_lines_that_hold_an_address_are_given)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	dw_lines(&w, "/src", dirs, files);
	dw_row(&w, text, 1, 1);
	dw_sequence_end(&w, text + 0x40);
	dw_row(&w, text + 0x100, 1, 10);
	dw_sequence_end(&w, text + 0x108);
	dw_row(&w, text + 0x200, 1, 20);
	dw_sequence_end(&w, text + 0x208);
	dw_lines_end(&w);
	unit_with_lines(&w, text, "/src", false);
	ck_wanted(&w, (const uint64_t[]) { 0x107, 0x108 }, 2,
		  "unit 0\nlines 100+8\n 0 /src/a.c:10\n");
}
END_TEST

UNIT_MAIN("dwarf_lines", rows_are_cut_to_the_function_and_said_once,
	  lines_without_a_function_are_told, every_opcode_does_what_it_says,
	  instructions_of_several_bytes_and_of_several_operations_are_counted,
	  only_lines_that_hold_an_address_are_given)

/* SPDX-License-Identifier: Apache-2.0 */
/* Functions out of DWARF: entries, ranges, inlined calls, lines. Names, files
 * and split units: test_dwarf_names.c. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/functions_fixture.h"

static const struct elf_unit_file files[] = { { "a.c", 0 },
					      { "a.h", 1 },
					      { NULL } };
static const char *const dirs[] = { "include", NULL };

/* A unit with a function in two parts, into whose first another one is inlined,
 * in two ranges, with a third one in that; and a small one behind it. */
static void write_program(struct dwarf_writer *w, uint64_t text)
{
	uint64_t lines = dw_lines(w, "/src", dirs, files);

	dw_row(w, text + 0x10, 1, 10);
	dw_row(w, text + 0x14, 2, 200);
	dw_row(w, text + 0x18, 2, 5);
	dw_row(w, text + 0x1c, 1, 11);
	dw_row(w, text + 0x30, 1, 20);
	dw_sequence_end(w, text + 0x38);
	dw_row(w, text + 0x800, 1, 15);
	dw_sequence_end(w, text + 0x808);
	dw_lines_end(w);

	uint64_t parts =
		dw_ranges(w, DW_RANGES({ text + 0x10, text + 0x30 },
				       { text + 0x800, text + 0x808 }));
	uint64_t inlined =
		dw_ranges(w, DW_RANGES({ text + 0x14, text + 0x1c },
				       { text + 0x20, text + 0x24 }));

	dw_unit(w, DW_UT_compile, 0);
	dw_die(w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_producer, DW_FORM_string, .s = "by hand" },
		  { DW_AT_language, DW_FORM_data1, 0x0c },
		  { DW_AT_comp_dir, DW_FORM_string, .s = "/src" },
		  { DW_AT_low_pc, DW_FORM_addr, 0 },
		  { DW_AT_stmt_list,
		    w->version < 4 ? DW_FORM_data4 : DW_FORM_sec_offset,
		    lines }));
	uint64_t helper =
		dw_die(w, DW_TAG_subprogram, true,
		       DW({ DW_AT_name, DW_FORM_string, .s = "helper" }));

	dw_die(w, DW_TAG_formal_parameter, false,
	       DW({ DW_AT_name, DW_FORM_strp, .s = "x" }));
	dw_end(w);
	uint64_t inner = dw_die(w, DW_TAG_subprogram, false,
				DW({ DW_AT_name, DW_FORM_strp, .s = "inner" }));

	dw_die(w, DW_TAG_subprogram, true,
	       DW({ DW_AT_name, DW_FORM_string, .s = "both" },
		  { DW_AT_ranges,
		    w->version < 4 ? DW_FORM_data4 : DW_FORM_sec_offset,
		    parts }));
	dw_die(w, DW_TAG_lexical_block, true, DW({ 0 }));
	dw_die(w, DW_TAG_inlined_subroutine, true,
	       DW({ DW_AT_abstract_origin, DW_FORM_ref4, helper },
		  { DW_AT_ranges,
		    w->version < 4 ? DW_FORM_data4 : DW_FORM_sec_offset,
		    inlined },
		  { DW_AT_call_file, DW_FORM_data1, 1 },
		  { DW_AT_call_line, DW_FORM_data1, 12 }));
	dw_die(w, DW_TAG_inlined_subroutine, false,
	       DW({ DW_AT_abstract_origin, DW_FORM_ref_udata, inner },
		  { DW_AT_low_pc, DW_FORM_addr, text + 0x18 },
		  { DW_AT_high_pc,
		    w->version < 4 ? DW_FORM_addr : DW_FORM_data1,
		    w->version < 4 ? text + 0x1c : 4 },
		  { DW_AT_call_file, DW_FORM_udata, 2 },
		  { DW_AT_call_line, DW_FORM_udata, 201 }));
	dw_end(w);
	dw_end(w);
	dw_die(w, DW_TAG_variable, false,
	       DW({ DW_AT_name, DW_FORM_strp, .s = "v" }));
	dw_end(w);
	dw_die(w, DW_TAG_subprogram, false,
	       DW({ DW_AT_name, DW_FORM_string, .s = "small" },
		  { DW_AT_low_pc, DW_FORM_addr, text + 0x30 },
		  { DW_AT_high_pc, DW_FORM_addr, text + 0x38 }));
	dw_end(w);
	dw_unit_end(w);
}

static const char program_told[] = "10+20 both\n"
				   " 0 /src/a.c:10\n"
				   " 4 /src/include/a.h:200\n"
				   " 8 /src/include/a.h:5\n"
				   " c /src/a.c:11\n"
				   " 1 helper from /src/a.c:12: 4+8 10+4\n"
				   " 2 inner from /src/include/a.h:201: 8+4\n"
				   "800+8 both\n"
				   " 0 /src/a.c:15\n"
				   "30+8 small\n"
				   " 0 /src/a.c:20\n";

START_TEST(functions_are_read_from_every_version_class_and_order)
{
	for (unsigned i = 0; i < 4 * 8; i++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = {
			.version = 2 + i % 4,
			.address_size = i & 4 ? 4 : 8,
			.big_endian = i & 8,
			.is_64 = i & 16 && i % 4 > 1,
		};

		write_program(&w, text_vaddr(w.address_size));
		ck_functions(&w, &plain, program_told);
	}
}
END_TEST

START_TEST(compressed_sections_say_the_same)
{
	static const enum elf_packing packings[] = { ELF_PACK_ZLIB,
						     ELF_PACK_ZSTD,
						     ELF_PACK_ZDEBUG };

	for (size_t i = 0; i < 3; i++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
							       .address_size =
								       8 };
		struct elf_spec spec = plain;

		spec.packing = packings[i];
		write_program(&w, text_vaddr(8));
		ck_functions(&w, &spec, program_told);
	}
}
END_TEST

START_TEST(a_file_on_disk_is_mapped_and_says_the_same)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT;
	CLEANUP_CLOSE int fd = memfd_create("dwarf", MFD_CLOEXEC);
	CLEANUP_ELF_FILE struct elf_file elf = { 0 };
	CLEANUP_TOLD struct told t = { .base = text_vaddr(8) };

	ck_assert_int_ge(fd, 0);
	write_program(&w, t.base);
	ck_assert(buf_append(&b, "a member of an archive", 22));
	dw_elf(&w, &plain, &b);
	ck_assert_int_eq(write(fd, b.data, b.size), (ssize_t)b.size);
	struct input in = input_from_fd(fd, 22, b.size - 22);

	ck_no_error(elf_file_open(&in, &elf));
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &elf }, &d));
	ck_no_error(told_units(d, NULL, &t));
	ck_told(&t, program_told);
	ck_no_problem(d);
}
END_TEST

START_TEST(code_is_found_in_classes_and_in_functions_however_deep)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus_14);
	dw_die(&w, DW_TAG_namespace, true, DW({ 0 }));
	put_code(&w, DW_TAG_subprogram, true, "outer",
		 (struct dw_range) { text, text + 0x10 });
	dw_die(&w, DW_TAG_lexical_block, true, DW({ 0 }));
	dw_die(&w, DW_TAG_structure_type, true, DW({ 0 }));
	dw_die(&w, DW_TAG_subprogram, true, DW({ 0 })); // without code
	dw_die(&w, DW_TAG_class_type, true, DW({ 0 }));
	put_code(&w, DW_TAG_subprogram, true, "lambda",
		 (struct dw_range) { text + 0x20, text + 0x20 + 8 });
	put_code(&w, DW_TAG_inlined_subroutine, false, "in_lambda",
		 (struct dw_range) { text + 0x22, text + 0x22 + 2 });
	put_code(&w, DW_TAG_subprogram, false, "in_it",
		 (struct dw_range) { text + 0x30, text + 0x30 + 8 });
	for (int i = 0; i < 4; i++)
		dw_end(&w);
	put_code(&w, DW_TAG_inlined_subroutine, false, "in_outer",
		 (struct dw_range) { text + 4, text + 4 + 4 });
	for (int i = 0; i < 3; i++)
		dw_end(&w);
	dw_die(&w, DW_TAG_structure_type, true, DW({ 0 }));
	put_code(&w, DW_TAG_subprogram, false, "method",
		 (struct dw_range) { text + 0x40, text + 0x40 + 8 });
	dw_end(&w);
	unit_end(&w);
	ck_functions(&w, &plain,
		     "0+10 outer\n"
		     " 1 in_outer from -:0: 4+4\n"
		     "40+8 method\n"
		     "20+8 lambda\n"
		     " 1 in_lambda from -:0: 2+2\n"
		     "30+8 in_it\n");
}
END_TEST

START_TEST(siblings_are_followed_past_what_cannot_be_understood)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus_14);
	uint64_t at = dw_die(&w, DW_TAG_subroutine_type, true,
			     DW({ DW_AT_sibling, DW_FORM_ref4, 0 }));

	// An abbreviation that there is not.
	dw_put_uleb(&w.info, 99);
	dw_patch_ref4(&w, at + 1, w.info.size);
	put_code(&w, DW_TAG_subprogram, false, "f",
		 (struct dw_range) { text, text + 8 });
	unit_end(&w);
	ck_functions(&w, &plain, "0+8 f\n");
}
END_TEST

START_TEST(every_form_is_passed_over)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);
	enum { OTHER = 0x2345 };

	unit_begin(&w, DW_LANG_C_plus_plus_14);
	dw_die(&w, DW_TAG_subprogram, false,
	       DW({ OTHER, DW_FORM_block1, 3 }, { OTHER, DW_FORM_block2, 300 },
		  { OTHER, DW_FORM_block4, 5 }, { OTHER, DW_FORM_block, 130 },
		  { OTHER, DW_FORM_exprloc, 2 }, { OTHER, DW_FORM_data16, 1 },
		  { OTHER, DW_FORM_sdata, (uint64_t)-1000 },
		  { OTHER, DW_FORM_udata, UINT64_MAX },
		  { OTHER, DW_FORM_flag, 1 }, { OTHER, DW_FORM_flag_present },
		  { OTHER, DW_FORM_implicit_const, 1234567 },
		  { OTHER, DW_FORM_ref_addr, 1 }, { OTHER, DW_FORM_ref1, 99 },
		  { OTHER, DW_FORM_ref2, 99 }, { OTHER, DW_FORM_ref8, 99 },
		  { OTHER, DW_FORM_ref_sig8, 1 },
		  { OTHER, DW_FORM_ref_sup4, 1 },
		  { OTHER, DW_FORM_ref_sup8, 1 },
		  { OTHER, DW_FORM_GNU_ref_alt, 1 },
		  { OTHER, DW_FORM_GNU_strp_alt, 1 },
		  { OTHER, DW_FORM_strp_sup, 1 },
		  { OTHER, DW_FORM_string, .s = "a string" },
		  { OTHER, DW_FORM_strx3, .s = "b" },
		  { OTHER, DW_FORM_loclistx, 700 },
		  { OTHER, DW_FORM_rnglistx, 700 },
		  { OTHER, DW_FORM_addrx, 700 }, { OTHER, DW_FORM_addrx1, 7 },
		  { OTHER, DW_FORM_addrx2, 7 }, { OTHER, DW_FORM_addrx3, 7 },
		  { OTHER, DW_FORM_addrx4, 7 }, { OTHER, DW_FORM_data8, 1 },
		  { OTHER, DW_FORM_line_strp, .s = "c" },
		  { DW_AT_name, DW_FORM_strx, .s = "f" },
		  { DW_AT_low_pc, DW_FORM_addr, text },
		  { DW_AT_high_pc, DW_FORM_udata, 8 },
		  { OTHER, DW_FORM_data2, 1 }));
	unit_end(&w);
	ck_functions(&w, &plain, "0+8 f\n");
}
END_TEST

START_TEST(indirect_forms_are_resolved)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);
	struct buf *b = &w.info;

	unit_begin(&w, DW_LANG_C_plus_plus_14);
	// The writer knows no such form: it is put behind a number.
	dw_die(&w, DW_TAG_subprogram, false,
	       DW({ DW_AT_low_pc, DW_FORM_addr, text }));
	w.abbrev.size -= 2; // the end of the attributes
	dw_put_uleb(&w.abbrev, DW_AT_high_pc);
	dw_put_uleb(&w.abbrev, DW_FORM_indirect);
	dw_put_uleb(&w.abbrev, DW_AT_name);
	dw_put_uleb(&w.abbrev, DW_FORM_indirect);
	dw_put(&w, &w.abbrev, 0, 2);
	dw_put_uleb(b, DW_FORM_data2);
	dw_put(&w, b, 0x20, 2);
	dw_put_uleb(b, DW_FORM_indirect);
	dw_put_uleb(b, DW_FORM_string);
	dw_put(&w, b, 'f', 2);
	unit_end(&w);
	ck_functions(&w, &plain, "0+20 f\n");
}
END_TEST

START_TEST(addresses_and_ranges_by_number_are_found)
{
	for (unsigned is_64 = 0; is_64 < 2; is_64++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = {
			.version = 5, .address_size = 8, .is_64 = is_64
		};
		uint64_t text = text_vaddr(8);
		unsigned header = is_64 ? 16 : 8;

		dw_address(&w, 0);
		dw_address(&w, text + 0x10);
		dw_address(&w, text + 0x40);
		dw_address(&w, text + 0x48);
		// List 0 is the first.
		dw_ranges(&w, DW_RANGES({ text + 0x20, text + 0x28 },
					{ text + 0x28, text + 0x2c },
					{ text + 0x30, text + 0x34 },
					{ text + 0x38, text + 0x3c }));
		dw_unit(&w, DW_UT_compile, 0);
		dw_die(&w, DW_TAG_compile_unit, true,
		       DW({ DW_AT_addr_base, DW_FORM_sec_offset, header + 8 },
			  { DW_AT_str_offsets_base, DW_FORM_sec_offset,
			    header },
			  { DW_AT_rnglists_base, DW_FORM_sec_offset,
			    is_64 ? 20 : 12 }));
		dw_die(&w, DW_TAG_subprogram, false,
		       DW({ DW_AT_name, DW_FORM_strx1, .s = "one" },
			  { DW_AT_low_pc, DW_FORM_addrx, 0 },
			  { DW_AT_high_pc, DW_FORM_data1, 8 }));
		dw_die(&w, DW_TAG_subprogram, false,
		       DW({ DW_AT_name, DW_FORM_strx2, .s = "two" },
			  { DW_AT_low_pc, DW_FORM_addrx2, 1 },
			  { DW_AT_high_pc, DW_FORM_addrx1, 2 }));
		dw_die(&w, DW_TAG_subprogram, false,
		       DW({ DW_AT_name, DW_FORM_strx4, .s = "three" },
			  { DW_AT_ranges, DW_FORM_rnglistx, 0 }));
		unit_end(&w);
		// The last range of the list is by number, too: one less than
		// it is from this unit's base.
		CLEANUP_OPENED struct opened o = { 0 };
		CLEANUP_TOLD struct told t = { .base = text };
		CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;

		open_written(&w, &plain, &o);
		ck_no_error(dwarf_debug_open(
			&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
		ck_no_error(told_units(d, NULL, &t));
		ck_told(&t, "10+8 one\n"
			    "40+8 two\n"
			    "20+c three\n"
			    "30+4 three\n");
		ck_assert_ptr_nonnull(strstr(dwarf_debug_problem(d),
					     "address 4 lies outside"));
	}
}
END_TEST

START_TEST(ranges_of_a_unit_with_a_base_are_relative_to_it)
{
	for (unsigned version = 4; version <= 5; version++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = {
			.version = version, .address_size = 8
		};
		uint64_t text = text_vaddr(8);
		struct buf *b = version < 5 ? &w.ranges : &w.rnglists;
		uint64_t at = dw_ranges(&w, DW_RANGES({ text, text + 4 }));

		// Behind the list of the writer, one of our own.
		at = b->size;
		if (version == 5) {
			dw_put(&w, b, DW_RLE_offset_pair, 1);
			dw_put(&w, b, 0x10, 1);
			dw_put(&w, b, 0x18, 1);
			dw_put(&w, b, DW_RLE_end_of_list, 1);
		} else {
			dw_put(&w, b, 0x10, 8);
			dw_put(&w, b, 0x18, 8);
			dw_put(&w, b, 0, 8);
			dw_put(&w, b, 0, 8);
		}
		dw_unit(&w, DW_UT_compile, 0);
		dw_die(&w, DW_TAG_compile_unit, true,
		       DW({ DW_AT_low_pc, DW_FORM_addr, text + 0x100 }));
		dw_die(&w, DW_TAG_subprogram, false,
		       DW({ DW_AT_name, DW_FORM_string, .s = "f" },
			  { DW_AT_ranges, DW_FORM_sec_offset, at }));
		unit_end(&w);
		ck_functions(&w, &plain, "110+8 f\n");
	}
}
END_TEST

START_TEST(code_that_linkers_dropped_is_none)
{
	for (unsigned version = 4; version <= 5; version++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = {
			.version = version, .address_size = 8
		};
		uint64_t text = text_vaddr(8);
		uint64_t lines = dw_lines(&w, "/src", dirs, files);
		uint64_t ranges = dw_ranges(
			&w, DW_RANGES({ UINT64_MAX - 1, UINT64_MAX - 1 + 1 },
				      { 0, 8 }, { text + 0x20, text + 0x28 }));

		dw_row(&w, UINT64_MAX, 1, 3);
		dw_sequence_end(&w, UINT64_MAX);
		dw_row(&w, 0, 1, 3);
		dw_sequence_end(&w, 0x100);
		dw_row(&w, text + 0x20, 1, 4);
		dw_sequence_end(&w, text + 0x28);
		dw_lines_end(&w);
		dw_unit(&w, DW_UT_compile, 0);
		dw_die(&w, DW_TAG_compile_unit, true,
		       DW({ DW_AT_comp_dir, DW_FORM_string, .s = "/src" },
			  { DW_AT_low_pc, DW_FORM_addr, 0 },
			  { DW_AT_stmt_list, DW_FORM_sec_offset, lines }));
		put_code(&w, DW_TAG_subprogram, false, "zero",
			 (struct dw_range) { 0, 0 + 0x10 });
		put_code(&w, DW_TAG_subprogram, false, "greatest",
			 (struct dw_range) { UINT64_MAX, UINT64_MAX + 8 });
		put_code(&w, DW_TAG_subprogram, false, "but_one",
			 (struct dw_range) { UINT64_MAX - 1, UINT64_MAX });
		put_code(&w, DW_TAG_subprogram, false, "empty",
			 (struct dw_range) { text, text + 0 });
		dw_die(&w, DW_TAG_subprogram, false,
		       DW({ DW_AT_name, DW_FORM_string, .s = "left" },
			  { DW_AT_ranges, DW_FORM_sec_offset, ranges }));
		put_code(&w, DW_TAG_subprogram, false, "too_long",
			 (struct dw_range) { text + TEXT_SIZE - 8,
					     text + TEXT_SIZE - 8 + 0x100000 });
		unit_end(&w);
		ck_functions(&w, &plain,
			     "20+8 left\n"
			     " 0 /src/a.c:4\n"
			     "ff8+8 too_long\n");
	}
}
END_TEST

START_TEST(a_call_covers_what_is_inlined_in_it)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus_14);
	put_code(&w, DW_TAG_subprogram, true, "f",
		 (struct dw_range) { text, text + 0x20 });
	// Without a range of its own, and with one that is too small.
	dw_die(&w, DW_TAG_inlined_subroutine, true,
	       DW({ DW_AT_linkage_name, DW_FORM_string, .s = "none" }));
	put_code(&w, DW_TAG_inlined_subroutine, true, "small",
		 (struct dw_range) { text + 4, text + 4 + 2 });
	put_code(&w, DW_TAG_inlined_subroutine, false, "a",
		 (struct dw_range) { text + 5, text + 5 + 3 });
	put_code(&w, DW_TAG_inlined_subroutine, false, "b",
		 (struct dw_range) { text + 0xa, text + 0xa + 2 });
	dw_end(&w);
	dw_end(&w);
	// What is nowhere in the function is left out with all below it.
	dw_die(&w, DW_TAG_inlined_subroutine, true, DW({ 0 }));
	dw_die(&w, DW_TAG_inlined_subroutine, false, DW({ 0 }));
	put_code(&w, DW_TAG_inlined_subroutine, false, "outside",
		 (struct dw_range) { text + 0x20, text + 0x20 + 4 });
	dw_end(&w);
	put_code(&w, DW_TAG_inlined_subroutine, false, "half",
		 (struct dw_range) { text + 0x1c, text + 0x1c + 0x100 });
	dw_end(&w);
	unit_end(&w);
	ck_functions(&w, &plain,
		     "0+20 f\n"
		     " 1 none from -:0: 4+4 a+2\n"
		     " 2 small from -:0: 4+4 a+2\n"
		     " 3 a from -:0: 5+3\n"
		     " 3 b from -:0: a+2\n"
		     " 1 half from -:0: 1c+4\n");
}
END_TEST

START_TEST(code_that_two_units_describe_is_the_first_ones)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus_14);
	put_code(&w, DW_TAG_subprogram, false, "f",
		 (struct dw_range) { text, text + 0x10 });
	unit_end(&w);
	unit_begin(&w, DW_LANG_C_plus_plus_14);
	put_code(&w, DW_TAG_subprogram, false, "of_another",
		 (struct dw_range) { text, text + 0x10 });
	put_code(&w, DW_TAG_subprogram, false, "g",
		 (struct dw_range) { text + 0x10, text + 0x10 + 0x10 });
	unit_end(&w);
	ck_functions(&w, &plain,
		     "0+10 f\n"
		     "10+10 g\n");
}
END_TEST

/* Some only. */

/* Three units: in .debug_aranges, by low_pc and high_pc, by ranges. */
static void write_three_units(struct dwarf_writer *w, bool has_aranges)
{
	uint64_t text = text_vaddr(8);
	uint64_t ranges = dw_ranges(w, DW_RANGES({ text + 0x80, text + 0x90 },
						 { text + 0xa0, text + 0xb0 }));
	uint64_t first = dw_unit(w, DW_UT_compile, 0);

	// The ranges of the first lie: aranges are asked first.
	dw_die(w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_low_pc, DW_FORM_addr, text },
		  { DW_AT_high_pc, DW_FORM_data4, has_aranges ? 1 : 0x20 }));
	put_code(w, DW_TAG_subprogram, true, "a",
		 (struct dw_range) { text, text + 0x10 });
	put_code(w, DW_TAG_subprogram, false, "in_a",
		 (struct dw_range) { text + 0x200, text + 0x200 + 0x10 });
	dw_end(w);
	put_code(w, DW_TAG_subprogram, false, "b",
		 (struct dw_range) { text + 0x10, text + 0x10 + 0x10 });
	unit_end(w);
	if (has_aranges)
		dw_aranges(w, first,
			   DW_RANGES({ text, text + 0x20 },
				     { text + 0x200, text + 0x210 }));
	dw_unit(w, DW_UT_compile, 0);
	dw_die(w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_low_pc, DW_FORM_addr, text + 0x40 },
		  { DW_AT_high_pc, DW_FORM_data4, 0x20 }));
	put_code(w, DW_TAG_subprogram, false, "c",
		 (struct dw_range) { text + 0x40, text + 0x40 + 0x10 });
	unit_end(w);
	dw_unit(w, DW_UT_compile, 0);
	dw_die(w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_low_pc, DW_FORM_addr, 0 },
		  { DW_AT_ranges, DW_FORM_sec_offset, ranges }));
	put_code(w, DW_TAG_subprogram, false, "d",
		 (struct dw_range) { text + 0xa0, text + 0xa0 + 0x10 });
	unit_end(w);
}

START_TEST(only_the_functions_that_hold_an_address_are_given)
{
	for (unsigned has_aranges = 0; has_aranges < 2; has_aranges++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
							       .address_size =
								       8 };

		write_three_units(&w, has_aranges);
		ck_wanted(&w, (const uint64_t[]) { 0x14 }, 1,
			  "unit 0\n10+10 b\n");
		ck_wanted(&w, (const uint64_t[]) { 0xf, 0x4f, 0x50, 0xaf }, 4,
			  "unit 0\n0+10 a\n"
			  "unit 1\n40+10 c\n"
			  "unit 2\na0+10 d\n");
		ck_wanted(&w, (const uint64_t[]) { 0x30, 0x95 }, 2, "");
		ck_wanted(&w, NULL, 0, "");
	}
}
END_TEST

START_TEST(a_function_is_given_though_the_one_around_it_is_not)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };

	write_three_units(&w, true);
	ck_wanted(&w, (const uint64_t[]) { 0x208 }, 1, "unit 0\n200+10 in_a\n");
}
END_TEST

START_TEST(units_of_old_that_do_not_say_where_their_code_is_are_read)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 3,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	dw_lines(&w, "/src", dirs, files);
	dw_lines_end(&w);
	dw_unit(&w, DW_UT_compile, 0);
	dw_die(&w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_stmt_list, DW_FORM_data4, 0 }));
	put_code(&w, DW_TAG_subprogram, false, "f",
		 (struct dw_range) { text, text + 0x10 });
	unit_end(&w);
	ck_wanted(&w, (const uint64_t[]) { 8 }, 1, "unit 0\n0+10 f\n");
}
END_TEST

/* Relocatable files. */

struct rela {
	const char *section;
	uint64_t at;
	uint64_t type, symbol, addend;
};

/* The section of relocations of one debug section: class 64. */
static void put_relas(struct buf *b, const struct dwarf_writer *w,
		      const struct rela *r, const char *section)
{
	for (; r->section; r++) {
		if (strcmp(r->section, section) != 0)
			continue;
		dw_put(w, b, r->at, 8);
		dw_put(w, b, r->symbol << 32 | r->type, 8);
		dw_put(w, b, r->addend, 8);
	}
}

/* .text is given 0x4000, .init 0x8000. Symbols 1 and 2 are theirs. */
/* flat: one file */
START_TEST(relocatable_files_are_relocated_to_where_their_sections_are_put)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	CLEANUP_BUF struct buf info = BUF_INIT, line = BUF_INIT,
			       symbols = BUF_INIT;
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_TOLD struct told t = { .base = 0 };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	uint64_t vaddrs[32] = { 0 };

	dw_lines(&w, "/src", dirs, files);
	dw_row(&w, 0x10, 1, 5);
	dw_sequence_end(&w, 0x18);
	dw_lines_end(&w);
	dw_unit(&w, DW_UT_compile, 0);
	dw_die(&w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_comp_dir, DW_FORM_string, .s = "/src" },
		  { DW_AT_stmt_list, DW_FORM_sec_offset, 0 }));
	uint64_t f = put_code(&w, DW_TAG_subprogram, false, "f",
			      (struct dw_range) { 0, 0 + 8 });
	uint64_t g = put_code(&w, DW_TAG_subprogram, false, "g",
			      (struct dw_range) { 0, 0 + 8 });

	unit_end(&w);
	// The first set_address is behind the header, 0, 9, 2.
	uint64_t program = 4 + 2 + 4 + w.line.data[6];
	struct rela relas[] = {
		{ ".debug_info", f + 3, 1, 1, 0x10 },
		{ ".debug_info", g + 3, 1, 2, 0x4 },
		{ ".debug_info", UINT64_MAX - 2, 1, 2, 0x4 },
		{ ".debug_line", program + 3, 1, 1, 0x10 },
		{ NULL },
	};

	put_relas(&info, &w, relas, ".debug_info");
	put_relas(&line, &w, relas, ".debug_line");
	dw_put(&w, &symbols, 0, 8);
	dw_put(&w, &symbols, 0, 8);
	dw_put(&w, &symbols, 0, 8);
	for (unsigned i = 1; i <= 2; i++) { // name, info, other, section
		dw_put(&w, &symbols, 0, 6);
		dw_put(&w, &symbols, i, 2);
		dw_put(&w, &symbols, 0, 8);
		dw_put(&w, &symbols, 0, 8);
	}
	struct elf_extra extras[] = {
		{ ".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, 64,
		  16 },
		{ ".init", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, 64,
		  16 },
		{ ".symtab", SHT_SYMTAB, 0, symbols.data, symbols.size, 8 },
		{ ".rela.debug_info", SHT_RELA, 0, info.data, info.size, 8 },
		{ ".rela.debug_line", SHT_RELA, 0, line.data, line.size, 8 },
	};
	// Numbered as written: extras, then .debug_info, _abbrev, _line.
	struct elf_lie lies[] = {
		{ ELF_SH_INFO, 6, ".rela.debug_info", 0, 0 },
		{ ELF_SH_LINK, 3, ".rela.debug_info", 0, 0 },
		{ ELF_SH_INFO, 8, ".rela.debug_line", 0, 0 },
		{ ELF_SH_LINK, 3, ".rela.debug_line", 0, 0 },
		{ 0 },
	};
	struct elf_spec spec = {
		.type = ET_REL,
		.extras = extras,
		.extra_count = sizeof(extras) / sizeof(*extras),
		.lies = lies,
	};

	open_written(&w, &spec, &o);
	ck_assert_uint_eq(section_named(&o.elf, ".text"), 1);
	ck_assert_uint_eq(section_named(&o.elf, ".debug_info"), 6);
	ck_assert_uint_eq(section_named(&o.elf, ".debug_line"), 8);
	vaddrs[1] = 0x4000;
	vaddrs[2] = 0x8000;
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf,
					       .section_vaddrs = vaddrs,
					       .section_vaddr_count = 32 },
		&d));
	ck_no_error(told_units(d, NULL, &t));
	ck_told(&t, "4010+8 f\n"
		    " 0 /src/a.c:5\n"
		    "8004+8 g\n");
	ck_no_problem(d);
}
END_TEST

START_TEST(relocations_laid_over_each_other_have_an_end)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_TOLD struct told t = { .base = 0 };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	uint64_t vaddrs[1] = { 0 };
	struct overlaps over;

	overlaps_init(&over, 1, SHT_RELA, 0);
	over.extras[0] = (struct elf_extra) { .name = ".symtab",
					      .type = SHT_SYMTAB,
					      .size = 24 };
	for (size_t i = 0; i < OVERLAPS; i++) {
		overlap_lie(&over, over.names[i], ELF_SH_LINK, 1);
		overlap_lie(&over, over.names[i], ELF_SH_INFO, OVERLAPS + 3);
	}
	unit_begin(&w, DW_LANG_C_plus_plus);
	unit_end(&w);
	open_written(&w,
		     &(struct elf_spec) { .type = ET_REL,
					  .extras = over.extras,
					  .extra_count = OVERLAPS + 2,
					  .lies = over.lies },
		     &o);
	ck_assert_uint_eq(section_named(&o.elf, ".debug_info"), OVERLAPS + 3);
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf,
					       .section_vaddrs = vaddrs,
					       .section_vaddr_count = 1 },
		&d));
	ck_no_error(told_units(d, NULL, &t));
	ck_assert_ptr_nonnull(
		strstr(dwarf_debug_problem(d), "the same tables again"));
}
END_TEST

/* From version 5 on, 0 is a file, too. */
START_TEST(a_call_that_names_no_file_has_none)
{
	static const char *const told[] = { "-", "/src/a.c" };

	for (unsigned i = 0; i < 4; i++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = {
			.version = 4 + i / 2, .address_size = 8
		};
		uint64_t text = text_vaddr(8);
		uint64_t lines = dw_lines(&w, "/src", dirs, files);
		unsigned first = w.version < 5 ? 1 : 0;
		char expected[64];

		dw_lines_end(&w);
		dw_unit(&w, DW_UT_compile, 0);
		dw_die(&w, DW_TAG_compile_unit, true,
		       DW({ DW_AT_comp_dir, DW_FORM_string, .s = "/src" },
			  { DW_AT_stmt_list, DW_FORM_sec_offset, lines }));
		put_code(&w, DW_TAG_subprogram, true, "f",
			 (struct dw_range) { text, text + 8 });
		dw_die(&w, DW_TAG_inlined_subroutine, false,
		       DW({ DW_AT_linkage_name, DW_FORM_string, .s = "in" },
			  { DW_AT_low_pc, DW_FORM_addr, text },
			  { DW_AT_high_pc, DW_FORM_data1, 4 },
			  { DW_AT_call_line, DW_FORM_data1, 7 },
			  { i & 1 ? DW_AT_call_file : 0x57 /* column */,
			    DW_FORM_data1, first }));
		dw_end(&w);
		unit_end(&w);
		snprintf(expected, sizeof(expected),
			 "0+8 f\n 1 in from %s:7: 0+4\n", told[i & 1]);
		ck_functions(&w, &plain, expected);
	}
}
END_TEST

/* Who asks. */

START_TEST(what_the_sink_says_is_handed_up_whatever_kind_it_is)
{
	static const enum error_kind kinds[] = { ERROR_LIMIT, ERROR_BAD_DATA,
						 ERROR_IO };

	for (size_t i = 0; i < 3; i++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
							       .address_size =
								       8 };
		CLEANUP_OPENED struct opened o = { 0 };
		CLEANUP_TOLD struct told t = { .base = text_vaddr(8) };
		CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;

		write_program(&w, t.base);
		open_written(&w, &plain, &o);
		ck_no_error(dwarf_debug_open(
			&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
		t.fail = error_from_wire(kinds[i], "full");
		struct error *err = told_units(d, NULL, &t);

		ck_assert_ptr_nonnull(err);
		ck_assert_int_eq(error_kind(err), kinds[i]);
		ck_assert_str_eq(error_message(err), "full");
		error_free(err);
		ck_no_problem(d);
	}
}
END_TEST

START_TEST(numbers_are_one_sinks_only)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_TOLD struct told t = { .base = text_vaddr(8) };
	CLEANUP_TOLD struct told other = { .base = t.base };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;

	write_program(&w, t.base);
	open_written(&w, &plain, &o);
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
	ck_no_error(told_units(d, NULL, &t));
	// A number of the first one would be wrong in the second.
	ck_no_error(
		told_number(&other, mem_strdup("not it"), &(uint32_t) { 0 }));
	ck_no_error(told_units(d, NULL, &other));
	ck_told(&t, program_told);
	ck_told(&other, program_told);
}
END_TEST

START_TEST(a_file_without_dwarf_has_no_units)
{
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	CLEANUP_FREE size_t *units = NULL;
	uint64_t address = 0x1000;
	size_t count;

	open_written(NULL, &plain, &o);
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
	ck_assert_uint_eq(dwarf_debug_unit_count(d), 0);
	ck_no_error(dwarf_debug_find_units(
		d, &(struct dwarf_wanted) { &address, 1 }, &units, &count));
	ck_assert_uint_eq(count, 0);
	ck_assert_ptr_null(units);
	ck_no_problem(d);
	dwarf_debug_close(NULL);
}
END_TEST

/* Whoever met the end of memory at the first unit had found none, and that was
 * taken for a file without DWARF. */
START_TEST(units_that_memory_does_not_hold_are_an_error)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	bool failed = true;

	write_program(&w, text_vaddr(8));
	for (unsigned long n = 1; failed; n++) {
		CLEANUP_OPENED struct opened o = { 0 };
		CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;

		open_written(&w, &plain, &o);
		ck_no_error(dwarf_debug_open(
			&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
		mem_fail_at(n);
		size_t count = dwarf_debug_unit_count(d);

		failed = mem_fail_happened();
		mem_fail_at(0);
		if (failed) {
			ck_error(dwarf_debug_count_error(d), NO_MEMORY, "");
		} else {
			ck_no_error(dwarf_debug_count_error(d));
			ck_assert_uint_gt(count, 0);
		}
	}
}
END_TEST

UNIT_MAIN("dwarf_functions", units_that_memory_does_not_hold_are_an_error,
	  functions_are_read_from_every_version_class_and_order,
	  compressed_sections_say_the_same,
	  a_file_on_disk_is_mapped_and_says_the_same,
	  code_is_found_in_classes_and_in_functions_however_deep,
	  siblings_are_followed_past_what_cannot_be_understood,
	  every_form_is_passed_over, indirect_forms_are_resolved,
	  addresses_and_ranges_by_number_are_found,
	  ranges_of_a_unit_with_a_base_are_relative_to_it,
	  code_that_linkers_dropped_is_none,
	  a_call_covers_what_is_inlined_in_it,
	  code_that_two_units_describe_is_the_first_ones,
	  only_the_functions_that_hold_an_address_are_given,
	  a_function_is_given_though_the_one_around_it_is_not,
	  units_of_old_that_do_not_say_where_their_code_is_are_read,
	  relocatable_files_are_relocated_to_where_their_sections_are_put,
	  relocations_laid_over_each_other_have_an_end,
	  a_call_that_names_no_file_has_none,
	  what_the_sink_says_is_handed_up_whatever_kind_it_is,
	  numbers_are_one_sinks_only, a_file_without_dwarf_has_no_units)

/* SPDX-License-Identifier: Apache-2.0 */
/* Which sources a file's line tables name. */
#include "config.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "elf/dwarf_const.h"
#include "elf/elf_limits.h"
#include "tests/lib/elf_fixture.h"

#define ID "93ac61ec5a8eb1396f9fbd350e3169a558528a40"

#define FILES(...) ((struct elf_unit_file[]) { __VA_ARGS__, { NULL } })
#define DIRS(...)  ((const char *[]) { __VA_ARGS__, NULL })

/* Two units that share a header, with every way a name can be relative. */
static const struct elf_unit_file first_files[] = {
	{ "a.c", 0 },      { "a.h", 1 },        { "stdio.h", 2 },
	{ "/abs/x.h", 1 }, { "<built-in>", 0 }, { NULL },
};
static const struct elf_unit_file second_files[] = { { "b.c", 0 },
						     { "stdio.h", 1 },
						     { NULL } };
static const char *const first_dirs[] = { "include", "/usr/include", NULL };
static const char *const second_dirs[] = { "/usr/include", NULL };

static void two_units(struct elf_unit units[2], unsigned version)
{
	units[0] = (struct elf_unit) {
		.version = version,
		.comp_dir = "/src/one",
		.dirs = first_dirs,
		.files = first_files,
	};
	units[1] = (struct elf_unit) {
		.version = version,
		.comp_dir = "/src/two",
		.dirs = second_dirs,
		.files = second_files,
	};
}

static void ck_two_units(const struct elf_spec *spec)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	facts_of(spec, &f);
	ck_problem(&f, NULL);
	ck_sources(&f, "/abs/x.h", "/src/one/a.c", "/src/one/include/a.h",
		   "/src/two/b.c", "/usr/include/stdio.h");
}

START_TEST(every_version_of_either_size_class_and_order_is_read)
{
	for (unsigned i = 0; i < 64; i++) {
		struct elf_unit units[2];

		two_units(units, 2 + (i & 3));
		units[0].is_64 = units[1].is_64 = i & 4;
		ck_two_units(&(struct elf_spec) {
			.is_32 = i & 8,
			.big_endian = i & 16,
			.machine = i & 16 ? EM_PPC : 0,
			.type = i & 32 ? ET_EXEC : ET_DYN,
			.units = units,
			.unit_count = 2,
		});
	}
}
END_TEST

START_TEST(compressed_sections_are_inflated)
{
	for (unsigned i = 0; i < 4 * 4 * 4; i++) {
		struct elf_unit units[2];

		two_units(units, 2 + (i & 3));
		units[0].program_size = 100000;
		units[1].body_size = 100000;
		ck_two_units(&(struct elf_spec) {
			.packing = (enum elf_packing)(i >> 2 & 3),
			.is_32 = i & 16,
			.big_endian = i & 32,
			.units = units,
			.unit_count = 2,
		});
	}
}
END_TEST

START_TEST(relocatable_files_are_relocated)
{
	for (unsigned i = 0; i < 256; i++) {
		struct elf_unit units[2];

		two_units(units, 2 + (i & 3));
		units[0].is_64 = units[1].is_64 = i & 4;
		ck_two_units(&(struct elf_spec) {
			.type = ET_REL,
			.is_32 = i & 8,
			.big_endian = i & 16,
			.machine = i & 32 ? EM_MIPS : 0,
			.use_rel = i & 64,
			.unsorted_relocations = i & 128,
			.units = units,
			.unit_count = 2,
		});
	}
}
END_TEST

START_TEST(relocations_of_other_files_are_already_applied)
{
	struct elf_unit units[2];
	struct elf_spec spec = {
		.type = ET_REL, .use_rel = true, .units = units, .unit_count = 2
	};

	// As vmlinux with --emit-relocs: SHT_REL* that is not to be read.
	two_units(units, 4);
	CLEANUP_IMAGE struct elf_image image = image_of(&spec);
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct input in = image_input(&image);

	image.data[16] = ET_EXEC;
	ck_no_error(elf_facts_read(&in, true, &f));
	ck_sources(&f, "/abs/x.h", "/src/one/a.c", "/src/one/include/a.h",
		   "/src/two/b.c", "/usr/include/stdio.h");
}
END_TEST

START_TEST(strings_of_a_table_may_have_any_form)
{
	static const unsigned forms[] = {
		DW_FORM_string, DW_FORM_strp,  DW_FORM_line_strp, DW_FORM_strx,
		DW_FORM_strx1,  DW_FORM_strx2, DW_FORM_strx3,     DW_FORM_strx4,
	};

	for (size_t i = 0; i < 4 * sizeof(forms) / sizeof(*forms); i++) {
		struct elf_unit units[2];

		two_units(units, 5);
		units[0].table_form = units[1].table_form = forms[i / 4];
		units[0].has_md5 = true;
		units[1].is_64 = i & 2;
		ck_two_units(&(struct elf_spec) {
			.type = i & 1 ? ET_REL : ET_DYN,
			.units = units,
			.unit_count = 2,
		});
	}
}
END_TEST

START_TEST(a_comp_dir_may_have_any_form)
{
	static const unsigned forms[] = {
		DW_FORM_string, DW_FORM_strp,  DW_FORM_line_strp,
		DW_FORM_strx,   DW_FORM_strx1, DW_FORM_strx2,
		DW_FORM_strx3,  DW_FORM_strx4, DW_FORM_GNU_str_index,
	};

	// Version 5 units with version 3 tables: an old assembler.
	for (size_t i = 0; i < 4 * sizeof(forms) / sizeof(*forms); i++) {
		struct elf_unit units[2];

		two_units(units, 3);
		units[0].info_version = units[1].info_version = 5;
		units[0].comp_dir_form = units[1].comp_dir_form = forms[i / 4];
		units[1].is_64 = i & 2;
		ck_two_units(&(struct elf_spec) {
			.type = i & 1 ? ET_REL : ET_DYN,
			.units = units,
			.unit_count = 2,
		});
	}
}
END_TEST

START_TEST(strings_indexed_before_version_5_have_no_base)
{
	struct elf_unit units[2];

	two_units(units, 4);
	units[0].comp_dir_form = units[1].comp_dir_form = DW_FORM_GNU_str_index;
	ck_two_units(&(struct elf_spec) { .units = units, .unit_count = 2 });
}
END_TEST

START_TEST(units_of_every_type_have_a_comp_dir)
{
	for (unsigned type = DW_UT_compile; type <= DW_UT_split_type; type++) {
		struct elf_unit units[2];

		two_units(units, 4);
		units[0].info_version = units[1].info_version = 5;
		units[0].unit_type = units[1].unit_type = type;
		units[0].is_64 = type & 1;
		ck_two_units(
			&(struct elf_spec) { .units = units, .unit_count = 2 });
	}
}
END_TEST

/* One value of each form, as it stands in a little-endian file. */
#define ATTR(form, bytes, ...)                                               \
	{                                                                    \
		0x2000 + (form), form, bytes, sizeof(bytes) - 1, __VA_ARGS__ \
	}
#define OFFSET4 "\1\0\0\0"
#define OFFSET8 OFFSET4 "\0\0\0\0"
static const struct elf_unit_attr all_attrs[] = {
	ATTR(DW_FORM_addr, "12345678"),
	ATTR(DW_FORM_block2, "\2\0ab"),
	ATTR(DW_FORM_block4, "\2\0\0\0ab"),
	ATTR(DW_FORM_data2, "ab"),
	ATTR(DW_FORM_data4, "abcd"),
	ATTR(DW_FORM_data8, "abcdefgh"),
	ATTR(DW_FORM_string, "a string\0"),
	ATTR(DW_FORM_block, "\2ab"),
	ATTR(DW_FORM_block1, "\2ab"),
	ATTR(DW_FORM_data1, "a"),
	ATTR(DW_FORM_flag, "a"),
	ATTR(DW_FORM_sdata, "\x80\x80\x40"),
	ATTR(DW_FORM_udata, "\x80\x80\x01"),
	ATTR(DW_FORM_ref1, "a"),
	ATTR(DW_FORM_ref2, "ab"),
	ATTR(DW_FORM_ref4, "abcd"),
	ATTR(DW_FORM_ref8, "abcdefgh"),
	ATTR(DW_FORM_ref_udata, "\x80\x01"),
	ATTR(DW_FORM_exprloc, "\3abc"),
	ATTR(DW_FORM_flag_present, ""),
	ATTR(DW_FORM_strx, "\x80\x01"),
	ATTR(DW_FORM_addrx, "\x80\x01"),
	ATTR(DW_FORM_ref_sup4, "abcd"),
	ATTR(DW_FORM_data16, "0123456789abcdef"),
	ATTR(DW_FORM_ref_sig8, "01234567"),
	ATTR(DW_FORM_implicit_const, "", -1000),
	ATTR(DW_FORM_loclistx, "\x80\x01"),
	ATTR(DW_FORM_rnglistx, "\x80\x01"),
	ATTR(DW_FORM_ref_sup8, "01234567"),
	ATTR(DW_FORM_strx1, "a"),
	ATTR(DW_FORM_strx2, "ab"),
	ATTR(DW_FORM_strx3, "abc"),
	ATTR(DW_FORM_strx4, "abcd"),
	ATTR(DW_FORM_addrx1, "a"),
	ATTR(DW_FORM_addrx2, "ab"),
	ATTR(DW_FORM_addrx3, "abc"),
	ATTR(DW_FORM_addrx4, "abcd"),
	ATTR(DW_FORM_GNU_addr_index, "\x80\x01"),
	ATTR(DW_FORM_GNU_str_index, "\x80\x01"),
	// Indirect: the form stands in front of the value.
	ATTR(DW_FORM_indirect, "\x05"
			       "ab"),
	ATTR(DW_FORM_indirect, "\x16\x16\x0b"
			       "a"),
	{ 0 },
};
static const struct elf_unit_attr offset_attrs_4[] = {
	ATTR(DW_FORM_strp, OFFSET4),        ATTR(DW_FORM_line_strp, OFFSET4),
	ATTR(DW_FORM_strp_sup, OFFSET4),    ATTR(DW_FORM_sec_offset, OFFSET4),
	ATTR(DW_FORM_GNU_ref_alt, OFFSET4), ATTR(DW_FORM_GNU_strp_alt, OFFSET4),
	ATTR(DW_FORM_ref_addr, OFFSET4),    { 0 },
};
static const struct elf_unit_attr offset_attrs_8[] = {
	ATTR(DW_FORM_strp, OFFSET8),        ATTR(DW_FORM_line_strp, OFFSET8),
	ATTR(DW_FORM_strp_sup, OFFSET8),    ATTR(DW_FORM_sec_offset, OFFSET8),
	ATTR(DW_FORM_GNU_ref_alt, OFFSET8), ATTR(DW_FORM_GNU_strp_alt, OFFSET8),
	ATTR(DW_FORM_ref_addr, OFFSET8),    { 0 },
};

START_TEST(attributes_of_every_form_are_skipped)
{
	static const struct elf_unit_attr *const lists[] = { all_attrs,
							     offset_attrs_4,
							     offset_attrs_8 };

	for (size_t i = 0; i < 3; i++) {
		struct elf_unit units[2];

		two_units(units, 4);
		units[1].info_version = 5;
		units[0].attrs = units[1].attrs = lists[i];
		units[0].is_64 = units[1].is_64 = i == 2;
		ck_two_units(
			&(struct elf_spec) { .units = units, .unit_count = 2 });
	}
}
END_TEST

START_TEST(version_2_refers_to_other_units_by_an_address)
{
	static const struct elf_unit_attr attrs[] = {
		ATTR(DW_FORM_ref_addr, "12345678"), { 0 }
	};
	struct elf_unit units[2];

	two_units(units, 2);
	units[0].attrs = attrs;
	ck_two_units(&(struct elf_spec) { .units = units, .unit_count = 2 });
}
END_TEST

START_TEST(an_unknown_form_loses_that_units_comp_dir_only)
{
	static const struct elf_unit_attr attrs[] = {
		{ 0x2000, 0x77, "", 0, 0 }, { 0 }
	};
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_unit units[2];

	two_units(units, 4);
	units[0].attrs = attrs;
	facts_of(&(struct elf_spec) { .units = units, .unit_count = 2 }, &f);
	ck_problem(&f, ".debug_info at offset 0x0: attribute 0x2000 of "
		       "unknown form 0x77");
	ck_sources(&f, "/abs/x.h", "/src/two/b.c", "/usr/include/stdio.h",
		   "a.c", "include/a.h");
}
END_TEST

START_TEST(a_long_first_entry_is_read_to_its_end)
{
	enum { LONG = 100000 };
	static char producer[LONG];
	static const struct elf_unit_attr attrs[] = {
		{ DW_AT_producer, DW_FORM_string, producer, LONG, 0 }, { 0 }
	};

	memset(producer, '-', LONG - 1);
	for (unsigned i = 0; i < 4; i++) {
		struct elf_unit units[2];

		two_units(units, 4);
		units[0].attrs = attrs;
		ck_two_units(&(struct elf_spec) {
			.type = i & 1 ? ET_REL : ET_DYN,
			.packing = i & 2 ? ELF_PACK_ZLIB : ELF_PACK_NONE,
			.units = units,
			.unit_count = 2,
		});
	}
}
END_TEST

START_TEST(a_table_without_a_unit_keeps_its_names_relative)
{
	for (unsigned version = 2; version <= 4; version++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_unit units[2];

		two_units(units, version);
		units[0].no_info = true;
		facts_of(&(struct elf_spec) { .units = units, .unit_count = 2 },
			 &f);
		ck_problem(&f, NULL);
		ck_sources(&f, "/abs/x.h", "/src/two/b.c",
			   "/usr/include/stdio.h", "a.c", "include/a.h");
	}
}
END_TEST

START_TEST(a_unit_without_comp_dir_keeps_names_relative)
{
	for (unsigned version = 2; version <= 5; version++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_unit unit = { .version = version,
					 .files = FILES({ "a.c", 0 }) };

		facts_of(&(struct elf_spec) { .units = &unit, .unit_count = 1 },
			 &f);
		ck_problem(&f, NULL);
		ck_sources(&f, "a.c");
	}
}
END_TEST

START_TEST(a_relative_comp_dir_is_joined_as_it_is)
{
	for (unsigned version = 2; version <= 5; version++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_unit unit = { .version = version,
					 .comp_dir = "./csu",
					 .dirs = DIRS("../include"),
					 .files = FILES({ "libc.c", 0 },
							{ "x//y.h", 1 }) };

		facts_of(&(struct elf_spec) { .units = &unit, .unit_count = 1 },
			 &f);
		ck_problem(&f, NULL);
		ck_sources(&f, "./csu/../include/x//y.h", "./csu/libc.c");
	}
}
END_TEST

START_TEST(dwz_says_that_its_names_have_no_one_base)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_unit unit = { .comp_dir = "<dwz>",
				 .dirs = DIRS("../lib", "/usr/include"),
				 .files = FILES({ "a.c", 0 }, { "b.h", 1 },
						{ "c.h", 2 }) };

	facts_of(&(struct elf_spec) { .units = &unit, .unit_count = 1 }, &f);
	ck_problem(&f, NULL);
	ck_sources(&f, "../lib/b.h", "/usr/include/c.h", "a.c");
}
END_TEST

START_TEST(names_in_angle_brackets_and_empty_ones_are_no_files)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_unit unit = {
		.comp_dir = "/src",
		.files = FILES({ "<built-in>", 0 }, { "<command-line>", 0 },
			       { "", 0 }, { "<a", 0 }, { "a>", 0 }, { "<", 0 })
	};

	facts_of(&(struct elf_spec) { .units = &unit, .unit_count = 1 }, &f);
	ck_sources(&f, "/src/<", "/src/<a", "/src/a>");
}
END_TEST

START_TEST(units_may_stand_in_another_order_than_their_tables)
{
	static const char stmt_list_0[] = { 0, 0, 0, 0 };
	struct elf_unit units[3];
	static const struct elf_unit_attr attrs[] = {
		{ DW_AT_stmt_list, DW_FORM_data4, stmt_list_0, 4, 0 }, { 0 }
	};
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	// The first table's unit comes last.
	two_units(units, 4);
	units[0].no_info = true;
	units[2] = (struct elf_unit) { .version = 4,
				       .no_line = true,
				       .comp_dir = "/src/three",
				       .attrs = attrs };
	facts_of(&(struct elf_spec) { .units = units, .unit_count = 3 }, &f);
	ck_problem(&f, NULL);
	ck_sources(&f, "/abs/x.h", "/src/three/a.c", "/src/three/include/a.h",
		   "/src/two/b.c", "/usr/include/stdio.h");
}
END_TEST

START_TEST(of_units_that_share_a_table_one_with_a_comp_dir_counts)
{
	static const char stmt_list_0[] = { 0, 0, 0, 0 };
	static const struct elf_unit_attr attrs[] = {
		{ DW_AT_stmt_list, DW_FORM_data4, stmt_list_0, 4, 0 }, { 0 }
	};
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_unit units[] = {
		{ .version = 4, .no_line = true, .attrs = attrs },
		{ .version = 4,
		  .comp_dir = "/src",
		  .files = FILES({ "a.c", 0 }) },
		{ .version = 4,
		  .no_line = true,
		  .attrs = attrs,
		  .comp_dir = "/other" },
	};

	facts_of(&(struct elf_spec) { .units = units, .unit_count = 3 }, &f);
	ck_sources(&f, "/src/a.c");
}
END_TEST

START_TEST(each_of_several_line_sections_is_read)
{
	for (unsigned version = 2; version <= 5; version++) {
		struct elf_unit units[2];

		two_units(units, version);
		units[0].line_section = 2;
		ck_two_units(&(struct elf_spec) {
			.type = ET_REL, .units = units, .unit_count = 2 });
	}
}
END_TEST

START_TEST(names_in_the_alternate_file_are_left_out_and_noted)
{
	for (unsigned i = 0; i < 2; i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_unit units[2];

		two_units(units, 5);
		units[0].table_form =
			i ? DW_FORM_GNU_strp_alt : DW_FORM_strp_sup;
		facts_of(&(struct elf_spec) { .units = units, .unit_count = 2 },
			 &f);
		ck_problem(&f, "a name lies in the alternate file; and 7 more");
		ck_sources(&f, "/src/two/b.c", "/usr/include/stdio.h");
	}
}
END_TEST

START_TEST(a_comp_dir_in_the_alternate_file_leaves_names_relative)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_unit units[2];

	two_units(units, 4);
	units[0].comp_dir_form = DW_FORM_GNU_strp_alt;
	facts_of(&(struct elf_spec) { .units = units, .unit_count = 2 }, &f);
	ck_problem(&f, "comp_dir at offset");
	ck_sources(&f, "/abs/x.h", "/src/two/b.c", "/usr/include/stdio.h",
		   "a.c", "include/a.h");
}
END_TEST

START_TEST(sources_are_left_out_where_they_are_not_wanted)
{
	struct elf_unit units[2];

	two_units(units, 5);
	CLEANUP_IMAGE struct elf_image image = image_of(
		&(struct elf_spec) { .units = units, .unit_count = 2 });
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct input in = image_input(&image);

	ck_no_error(elf_facts_read(&in, false, &f));
	ck_assert_uint_eq(f.source_count, 0);
	ck_assert_uint_eq(f.quality, ELF_QUALITY_DWARF);
}
END_TEST

START_TEST(line_programs_and_unit_bodies_are_not_read)
{
	enum { MEGABYTE = 1 << 20 };

	for (unsigned version = 4; version <= 5; version++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_unit units[2];
		struct watched_input w;

		two_units(units, version);
		for (unsigned i = 0; i < 2; i++) {
			units[i].program_size = MEGABYTE;
			units[i].body_size = MEGABYTE;
		}
		CLEANUP_IMAGE struct elf_image image = image_of(
			&(struct elf_spec) { .units = units, .unit_count = 2 });

		watch_image(&w, &image);
		ck_no_error(elf_facts_read(&w.in, true, &f));
		ck_assert_uint_eq(f.source_count, 5);
		ck_assert_uint_lt(w.bytes, 64 << 10);
		ck_assert_uint_le(w.reads, 10);
	}
}
END_TEST

START_TEST(units_are_walked_only_as_far_as_tables_need_it)
{
	enum { UNITS = 200 };
	const struct elf_unit_file files[] = { { "a.c", 0 }, { NULL } };
	struct elf_unit units[UNITS];
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct watched_input w;

	// One old table in front, as of an assembler file, many new ones.
	for (size_t i = 0; i < UNITS; i++)
		units[i] = (struct elf_unit) { .version = i ? 5 : 3,
					       .comp_dir = "/src",
					       .files = files,
					       .body_size = 2000 };
	CLEANUP_IMAGE struct elf_image image = image_of(
		&(struct elf_spec) { .units = units, .unit_count = UNITS });

	watch_image(&w, &image);
	ck_no_error(elf_facts_read(&w.in, true, &f));
	ck_sources(&f, "/src/a.c");
	ck_assert_uint_lt(w.reads, 12);
}
END_TEST

/* Damage: what is lied about, what is then still known, what is said. */

static void ck_damage(const struct elf_unit *units, size_t count,
		      enum elf_packing packing, const struct elf_lie *lie,
		      size_t sources, const char *problem)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_lie lies[] = { *lie, { 0 } };

	facts_of(&(struct elf_spec) { .build_id = ID,
				      .packing = packing,
				      .units = units,
				      .unit_count = count,
				      .lies = lies },
		 &f);
	ck_problem(&f, problem);
	ck_assert_msg(f.source_count == sources, "%s: %zu sources", problem,
		      f.source_count);
	ck_assert_uint_eq(f.gnu_id.len, 20);
	ck_assert_uint_eq(f.quality, ELF_QUALITY_DWARF);
}

START_TEST(damage_in_new_tables_is_noted_and_the_rest_read)
{
	/* Offsets: length 0, version 4, header length 8, opcode base 17,
	 * formats of directories 30, their number 33, formats of files 46,
	 * their number 51. */
	static const struct {
		struct elf_lie lie;
		size_t sources;
		const char *problem;
	} cases[] = {
		{ { ELF_RAW_BYTES, 0xfffffff3, ".debug_line", 0, 4 },
		  0,
		  "offset 0x0: damaged table length" },
		{ { ELF_RAW_BYTES, 0x7fffffff, ".debug_line", 0, 4 },
		  4,
		  "goes beyond the section" },
		{ { ELF_RAW_BYTES, 0, ".debug_line", 0, 4 },
		  0,
		  "offset 0x4: " },
		{ { ELF_RAW_BYTES, 1, ".debug_line", 4, 2 },
		  2,
		  "unknown version 1" },
		{ { ELF_RAW_BYTES, 6, ".debug_line", 4, 2 },
		  2,
		  "unknown version 6" },
		{ { ELF_RAW_BYTES, 0xffffff, ".debug_line", 8, 4 },
		  5,
		  "header of 16777215 bytes goes beyond its table" },
		{ { ELF_RAW_BYTES, 30, ".debug_line", 8, 4 },
		  2,
		  "the header is cut off" },
		{ { ELF_RAW_BYTES, 60, ".debug_line", 8, 4 },
		  5,
		  "the header is cut off" },
		{ { ELF_RAW_BYTES, 255, ".debug_line", 17, 1 },
		  2,
		  "the header is cut off" },
		{ { ELF_RAW_BYTES, 255, ".debug_line", 30, 1 },
		  2,
		  ".debug_line at offset 0x0: " },
		{ { ELF_RAW_BYTES, 0, ".debug_line", 30, 1 },
		  2,
		  ".debug_line at offset 0x0: " },
		{ { ELF_RAW_BYTES, DW_FORM_flag_present, ".debug_line", 32, 1 },
		  2,
		  "entries of form 0x19" },
		{ { ELF_RAW_BYTES, DW_FORM_data4, ".debug_line", 32, 1 },
		  2,
		  "name of unknown form 0x6" },
		{ { ELF_RAW_BYTES, DW_FORM_string, ".debug_line", 50, 1 },
		  2,
		  "entry of unknown form 0x8" },
		{ { ELF_RAW_BYTES, 0x7f, ".debug_line", 51, 1 },
		  5,
		  "the header is cut off" },
		{ { ELF_RAW_BYTES, 9, ".debug_line", 56, 1 },
		  4,
		  "file in directory 9 of 3" },
		{ { ELF_RAW_BYTES, 0x10000, ".debug_line", 52, 4 },
		  4,
		  "string at 0x10000 lies outside the section" },
		{ { ELF_SH_SIZE, 50, ".debug_line_str" },
		  3,
		  ".debug_line_str at offset 0x" },
		{ { ELF_SH_TYPE, SHT_NOBITS, ".debug_line_str" },
		  0,
		  "there is no such section" },
		{ { ELF_SH_OFFSET, UINT64_MAX, ".debug_line" },
		  0,
		  "lies outside the file" },
		{ { ELF_SH_SIZE, 100, ".debug_line" },
		  4,
		  "goes beyond the section" },
		{ { ELF_SH_SIZE, 1 << 30, ".debug_line" },
		  5,
		  ".debug_line at offset 0x" },
	};
	struct elf_unit units[2];

	two_units(units, 5);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_damage(units, 2, ELF_PACK_NONE, &cases[i].lie,
			  cases[i].sources, cases[i].problem);
}
END_TEST

START_TEST(damage_in_old_tables_and_units_is_noted_and_the_rest_read)
{
	static const struct {
		struct elf_lie lie;
		size_t sources;
		const char *problem;
	} cases[] = {
		{ { ELF_RAW_BYTES, 40, ".debug_line", 6, 4 },
		  2,
		  "the header is cut off" },
		{ { ELF_RAW_BYTES, 70, ".debug_line", 6, 4 },
		  4,
		  "the header is cut off" },
		// Units: length 0, version 4, abbreviations 6.
		{ { ELF_RAW_BYTES, 0xfffffff3, ".debug_info", 0, 4 },
		  5,
		  "damaged unit length" },
		{ { ELF_RAW_BYTES, 0x00ffffff, ".debug_info", 0, 4 },
		  5,
		  "goes beyond the section" },
		{ { ELF_RAW_BYTES, 5, ".debug_info", 0, 4 },
		  5,
		  ".debug_info at offset 0x" },
		{ { ELF_RAW_BYTES, 9, ".debug_info", 4, 2 },
		  5,
		  "unit of unknown version 9" },
		{ { ELF_RAW_BYTES, 0xffff, ".debug_info", 6, 4 },
		  5,
		  "no abbreviation 1 at 0xffff" },
		{ { ELF_RAW_BYTES, 7, ".debug_info", 11, 1 },
		  5,
		  "no abbreviation 7 at 0x0" },
		{ { ELF_SH_SIZE, 8, ".debug_abbrev" },
		  5,
		  ".debug_abbrev ends in an abbreviation" },
		{ { ELF_SH_TYPE, SHT_NOBITS, ".debug_abbrev" },
		  5,
		  ".debug_abbrev: it cannot be read" },
		{ { ELF_SH_OFFSET, UINT64_MAX, ".debug_info" },
		  5,
		  "lies outside the file" },
		{ { ELF_SH_SIZE, 3, ".debug_str" }, 5, ".debug_str at" },
	};
	struct elf_unit units[2];

	two_units(units, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_damage(units, 2, ELF_PACK_NONE, &cases[i].lie,
			  cases[i].sources, cases[i].problem);
}
END_TEST

START_TEST(damage_in_version_5_units_is_noted)
{
	static const struct {
		struct elf_lie lie;
		const char *problem;
	} cases[] = {
		{ { ELF_RAW_BYTES, 0x55, ".debug_info", 6, 1 },
		  "unit of unknown type 0x55" },
		{ { ELF_RAW_BYTES, 9999, ".debug_info", 25, 4 },
		  "string 0 lies outside .debug_str_offsets" },
		{ { ELF_SH_TYPE, SHT_NOBITS, ".debug_str_offsets" },
		  ".debug_str_offsets: it cannot be read" },
	};
	struct elf_unit units[2];

	two_units(units, 4);
	units[0].info_version = units[1].info_version = 5;
	units[0].comp_dir_form = units[1].comp_dir_form = DW_FORM_strx;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_damage(units, 2, ELF_PACK_NONE, &cases[i].lie, 5,
			  cases[i].problem);
}
END_TEST

START_TEST(damage_in_compressed_sections_is_noted)
{
	static const struct {
		enum elf_packing packing;
		struct elf_lie lie;
		size_t sources;
		const char *problem;
	} cases[] = {
		{ ELF_PACK_ZLIB,
		  { ELF_BYTES, 7, ".debug_line", 0, 4 },
		  0,
		  ".debug_line: compression type 7" },
		{ ELF_PACK_ZSTD,
		  { ELF_BYTES, UINT64_C(5) << 30, ".debug_line", 8, 8 },
		  0,
		  "claims 5368709120 bytes" },
		{ ELF_PACK_ZLIB,
		  { ELF_BYTES, UINT64_C(1) << 30, ".debug_line", 8, 8 },
		  0,
		  "claims 1073741824 bytes in" },
		{ ELF_PACK_ZLIB,
		  { ELF_BYTES, 100000, ".debug_line", 8, 8 },
		  5,
		  ".debug_line at offset 0x" },
		{ ELF_PACK_ZLIB,
		  { ELF_BYTES, 50, ".debug_line", 8, 8 },
		  0,
		  "goes beyond the section" },
		{ ELF_PACK_ZLIB,
		  { ELF_SH_SIZE, 20, ".debug_line" },
		  0,
		  "no room for a compression header" },
		{ ELF_PACK_ZLIB,
		  { ELF_SH_SIZE, 40, ".debug_line" },
		  0,
		  ".debug_line at offset 0x0: " },
		{ ELF_PACK_ZLIB,
		  { ELF_BYTES, 0, ".debug_line", 24, 8 },
		  0,
		  ".debug_line at offset 0x0: " },
		{ ELF_PACK_ZDEBUG,
		  { ELF_BYTES, 'X', ".zdebug_line", 0, 1 },
		  0,
		  "compression without \"ZLIB\"" },
		{ ELF_PACK_ZDEBUG,
		  { ELF_SH_SIZE, 8, ".zdebug_line" },
		  0,
		  "no room for a compression header" },
		{ ELF_PACK_ZSTD,
		  { ELF_BYTES, 0, ".debug_line_str", 24, 8 },
		  0,
		  ".debug_line_str at offset 0x" },
	};
	struct elf_unit units[2];

	two_units(units, 5);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_damage(units, 2, cases[i].packing, &cases[i].lie,
			  cases[i].sources, cases[i].problem);
}
END_TEST

START_TEST(relocations_that_lead_nowhere_are_noted)
{
	static const struct {
		struct elf_lie lies[2];
		size_t sources;
	} cases[] = {
		{ { { ELF_SH_LINK, 5000, ".rela.debug_line" } }, 0 },
		{ { { ELF_SH_TYPE, SHT_PROGBITS, ".symtab" } }, 0 },
		// The symbol of the first one: comp_dir of the first table.
		{ { { ELF_BYTES, 0xffff, ".rela.debug_line", 12, 4 } }, 5 },
		{ { { ELF_SH_OFFSET, UINT64_MAX, ".rela.debug_line" } }, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_unit units[2];

		two_units(units, 5);
		facts_of(&(struct elf_spec) { .type = ET_REL,
					      .units = units,
					      .unit_count = 2,
					      .lies = cases[i].lies },
			 &f);
		ck_problem(&f, ".debug_line at offset 0x");
		ck_assert_uint_eq(f.source_count, cases[i].sources);
	}
}
END_TEST

START_TEST(a_name_of_any_length_up_to_the_limit_is_kept)
{
	static char name[ELF_NAME_MAX + 2];

	for (unsigned version = 4; version <= 5; version++) {
		CLEANUP_ELF_FACTS struct elf_facts fits = { 0 };
		CLEANUP_ELF_FACTS struct elf_facts beyond = { 0 };
		struct elf_unit unit = { .version = version,
					 .files = FILES({ name, 0 },
							{ "/z", 0 }) };

		memset(name, 'n', sizeof(name) - 1);
		name[0] = '/';
		name[ELF_NAME_MAX] = 0;
		facts_of(&(struct elf_spec) { .units = &unit, .unit_count = 1 },
			 &fits);
		ck_problem(&fits, NULL);
		ck_sources(&fits, name, "/z");
		name[ELF_NAME_MAX] = 'n';
		facts_of(&(struct elf_spec) { .units = &unit, .unit_count = 1 },
			 &beyond);
		ck_problem(&beyond, "a name of ");
		ck_sources(&beyond, "/z");
	}
}
END_TEST

START_TEST(each_of_thousands_of_names_comes_once_and_in_order)
{
	enum { FILES_MAX = 3000 };
	static char names[FILES_MAX][16];
	static struct elf_unit_file files[FILES_MAX + 1];
	struct elf_unit units[3];

	for (size_t i = 0; i < FILES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "f%zu.c",
			 i * 7919 % FILES_MAX);
		files[i] = (struct elf_unit_file) { names[i], 0 };
	}
	for (unsigned version = 4; version <= 5; version++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

		for (size_t i = 0; i < 3; i++)
			units[i] = (struct elf_unit) { .version = version,
						       .comp_dir = "/s",
						       .table_form =
							       DW_FORM_string,
						       .files = files };
		facts_of(&(struct elf_spec) { .units = units, .unit_count = 3 },
			 &f);
		ck_assert_uint_eq(f.source_count, FILES_MAX);
		const char *at = (const char *)f.sources.data;

		for (size_t i = 1; i < FILES_MAX; i++) {
			const char *next = at + strlen(at) + 1;

			ck_assert_int_lt(strcmp(at, next), 0);
			at = next;
		}
	}
}
END_TEST

/* Specs that between them use every part of the reader. */
static void busy_spec(struct elf_spec *spec, struct elf_unit units[2],
		      unsigned i)
{
	two_units(units, 3 + i % 3);
	*spec = (struct elf_spec) {
		.build_id = ID,
		.type = i & 1 ? ET_REL : ET_DYN,
		.unsorted_relocations = i & 2,
		.packing = (enum elf_packing)(i & 3),
		.units = units,
		.unit_count = 2,
	};
	if (i >= 4) {
		units[0].info_version = 5;
		units[0].comp_dir_form = DW_FORM_strx;
		units[0].table_form = DW_FORM_strx;
	}
}

START_TEST(every_lack_of_memory_is_reported)
{
	for (unsigned i = 0; i < 8; i++) {
		struct elf_unit units[2];
		struct elf_spec spec;

		busy_spec(&spec, units, i);
		CLEANUP_IMAGE struct elf_image image = image_of(&spec);
		bool happened = true;

		for (unsigned long n = 1; happened; n++) {
			CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
			struct input in = image_input(&image);

			mem_fail_at(n);
			struct error *err = elf_facts_read(&in, true, &f);

			happened = mem_fail_happened();
			mem_fail_at(0);
			if (happened)
				ck_assert_ptr_eq(err, error_no_memory);
			else
				ck_no_error(err);
		}
	}
}
END_TEST

START_TEST(a_disk_that_fails_is_no_problem_of_the_sources)
{
	for (unsigned i = 0; i < 8; i++) {
		struct elf_unit units[2];
		struct elf_spec spec;

		busy_spec(&spec, units, i);
		spec.text_size = 20000;
		CLEANUP_IMAGE struct elf_image image = image_of(&spec);
		struct error *err = NULL;

		for (size_t n = 1; n == 1 || err; n++) {
			CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
			struct watched_input w;

			watch_image(&w, &image);
			w.fail_at = n;
			err = elf_facts_read(&w.in, true, &f);
			if (err)
				ck_error(err, IO, "the disk is gone");
		}
	}
}
END_TEST

START_TEST(a_file_cut_off_anywhere_keeps_what_is_left)
{
	for (unsigned i = 0; i < 8; i++) {
		struct elf_unit units[2];
		struct elf_spec spec;

		busy_spec(&spec, units, i);
		CLEANUP_IMAGE struct elf_image whole = image_of(&spec);

		for (size_t size = 1; size < whole.size; size++) {
			CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
			struct elf_image cut = { malloc(size), size };
			struct input in = image_input(&cut);

			memcpy(cut.data, whole.data, size);
			struct error *err = elf_facts_read(&in, true, &f);

			// The section table stands last: it is never there.
			if (err)
				ck_error(err, BAD_DATA, "");
			else
				ck_problem(&f, "section table");
			image_deinit(&cut);
		}
	}
}
END_TEST

UNIT_MAIN("dwarf_sources", every_version_of_either_size_class_and_order_is_read,
	  compressed_sections_are_inflated, relocatable_files_are_relocated,
	  relocations_of_other_files_are_already_applied,
	  strings_of_a_table_may_have_any_form, a_comp_dir_may_have_any_form,
	  strings_indexed_before_version_5_have_no_base,
	  units_of_every_type_have_a_comp_dir,
	  attributes_of_every_form_are_skipped,
	  version_2_refers_to_other_units_by_an_address,
	  an_unknown_form_loses_that_units_comp_dir_only,
	  a_long_first_entry_is_read_to_its_end,
	  a_table_without_a_unit_keeps_its_names_relative,
	  a_unit_without_comp_dir_keeps_names_relative,
	  a_relative_comp_dir_is_joined_as_it_is,
	  dwz_says_that_its_names_have_no_one_base,
	  names_in_angle_brackets_and_empty_ones_are_no_files,
	  units_may_stand_in_another_order_than_their_tables,
	  of_units_that_share_a_table_one_with_a_comp_dir_counts,
	  each_of_several_line_sections_is_read,
	  names_in_the_alternate_file_are_left_out_and_noted,
	  a_comp_dir_in_the_alternate_file_leaves_names_relative,
	  sources_are_left_out_where_they_are_not_wanted,
	  line_programs_and_unit_bodies_are_not_read,
	  units_are_walked_only_as_far_as_tables_need_it,
	  damage_in_new_tables_is_noted_and_the_rest_read,
	  damage_in_old_tables_and_units_is_noted_and_the_rest_read,
	  damage_in_version_5_units_is_noted,
	  damage_in_compressed_sections_is_noted,
	  relocations_that_lead_nowhere_are_noted,
	  a_name_of_any_length_up_to_the_limit_is_kept,
	  each_of_thousands_of_names_comes_once_and_in_order,
	  every_lack_of_memory_is_reported,
	  a_disk_that_fails_is_no_problem_of_the_sources,
	  a_file_cut_off_anywhere_keeps_what_is_left)

/* SPDX-License-Identifier: Apache-2.0 */
/* Which sources a file's line tables name. */
#include "config.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "elf/dwarf_const.h"
#include "elf/elf_limits.h"
#include "tests/lib/dwarf_fixture.h"

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

START_TEST(names_in_an_alternate_file_that_is_not_named_are_left_out_and_noted)
{
	for (unsigned i = 0; i < 2; i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_unit units[2];

		two_units(units, 5);
		units[0].table_form =
			i ? DW_FORM_GNU_strp_alt : DW_FORM_strp_sup;
		facts_of(&(struct elf_spec) { .units = units, .unit_count = 2 },
			 &f);
		ck_problem(&f, "a name lies in the alternate file, and there "
			       "is none");
		ck_assert_uint_eq(f.sources_pending.size, 0);
		ck_sources(&f, "/src/two/b.c", "/usr/include/stdio.h");
	}
}
END_TEST

START_TEST(
	a_comp_dir_in_an_alternate_file_that_is_not_named_leaves_names_relative)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_unit units[2];

	two_units(units, 4);
	units[0].comp_dir_form = DW_FORM_GNU_strp_alt;
	facts_of(&(struct elf_spec) { .units = units, .unit_count = 2 }, &f);
	ck_problem(&f, "a name lies in the alternate file, and there is none");
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

UNIT_MAIN(
	"dwarf_sources", every_version_of_either_size_class_and_order_is_read,
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
	names_in_an_alternate_file_that_is_not_named_are_left_out_and_noted,
	a_comp_dir_in_an_alternate_file_that_is_not_named_leaves_names_relative,
	sources_are_left_out_where_they_are_not_wanted,
	line_programs_and_unit_bodies_are_not_read,
	units_are_walked_only_as_far_as_tables_need_it,
	a_name_of_any_length_up_to_the_limit_is_kept,
	each_of_thousands_of_names_comes_once_and_in_order)

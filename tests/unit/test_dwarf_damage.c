/* SPDX-License-Identifier: Apache-2.0 */
/* Line tables, units and sections that are damaged or lie. */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "elf/dwarf_const.h"
#include "elf/elf_limits.h"
#include "tests/lib/dwarf_fixture.h"

#define ID "93ac61ec5a8eb1396f9fbd350e3169a558528a40"

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

/* */
/* flat: a table */
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
		{ { ELF_RAW_BYTES, 3, ".debug_line", 0, 4 },
		  0,
		  "offset 0x0: the header is cut off" },
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

/* flat: a table */
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
		{ { ELF_RAW_BYTES, 7, ".debug_info", 0, 4 },
		  5,
		  "offset 0x0: the unit's first entry is cut off" },
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

/* flat: a table */
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

START_TEST(a_section_of_nothing_but_damage_is_given_up)
{
	enum { TABLES = ELF_PROBLEMS_MAX + 1000, TABLE = 6 };
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	CLEANUP_FREE uint8_t *tables = mem_zalloc(TABLES * TABLE);
	struct elf_extra extra = { .name = ".debug_line",
				   .data = tables,
				   .size = TABLES * TABLE };

	for (size_t i = 0; i < TABLES; i++) {
		tables[i * TABLE] = 2;     // length
		tables[i * TABLE + 4] = 9; // version
	}
	facts_of(&(struct elf_spec) { .extras = &extra, .extra_count = 1 }, &f);
	ck_problem(&f, "unknown version 9; and 1000000 more");
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

static void ck_every_read_failing(const struct elf_image *image,
				  enum error_kind kind)
{
	for (size_t n = 1;; n++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct watched_input w;

		watch_image(&w, image);
		w.fail_at = n;
		w.fail_with = kind;
		struct error *err = elf_facts_read(&w.in, true, &f);

		if (!err) {
			ck_assert_uint_lt(w.reads, n);
			break;
		}
		ck_assert_uint_eq(error_kind(err), kind);
		ck_assert_ptr_nonnull(strstr(error_message(err), "it is gone"));
		error_free(err);
	}
}

START_TEST(what_the_input_cannot_give_is_no_damage_of_the_file)
{
	// A disk that fails; an archive whose blocks around the member are
	// damaged or too many.
	static const enum error_kind kinds[] = { ERROR_IO, ERROR_BAD_DATA,
						 ERROR_LIMIT };

	for (unsigned i = 0; i < 8 * 3; i++) {
		struct elf_unit units[2];
		struct elf_spec spec;

		busy_spec(&spec, units, i / 3);
		spec.text_size = 20000;
		CLEANUP_IMAGE struct elf_image image = image_of(&spec);

		ck_every_read_failing(&image, kinds[i % 3]);
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

UNIT_MAIN("dwarf_damage", damage_in_new_tables_is_noted_and_the_rest_read,
	  damage_in_old_tables_and_units_is_noted_and_the_rest_read,
	  damage_in_version_5_units_is_noted,
	  damage_in_compressed_sections_is_noted,
	  relocations_that_lead_nowhere_are_noted,
	  a_section_of_nothing_but_damage_is_given_up,
	  every_lack_of_memory_is_reported,
	  what_the_input_cannot_give_is_no_damage_of_the_file,
	  a_file_cut_off_anywhere_keeps_what_is_left)

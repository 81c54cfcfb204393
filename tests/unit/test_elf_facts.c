/* SPDX-License-Identifier: Apache-2.0 */
/* Who a file is and what it is good for: src/elf without the sources. */
#include "config.h"

#include <elf.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#include "elf/elf_limits.h"
#include "tests/lib/elf_fixture.h"

#define ID       "93ac61ec5a8eb1396f9fbd350e3169a558528a40"
#define OTHER_ID "00112233445566778899aabbccddeeff00112233"

static void ck_gnu_id(const struct elf_facts *f, const char *hex)
{
	char ours[BUILD_ID_HEX_MAX];

	ck_assert_str_eq(build_id_hex(&f->gnu_id, ours), hex);
}

static void ck_guid(const struct elf_facts *f, const char *hex)
{
	char ours[2 * sizeof(f->breakpad_guid) + 1];

	for (size_t i = 0; i < sizeof(f->breakpad_guid); i++)
		snprintf(ours + 2 * i, 3, "%02X", f->breakpad_guid[i]);
	ck_assert_str_eq(ours, hex);
}

/* */
START_TEST(a_build_id_has_2_to_64_bytes)
{
	static const size_t lengths[] = { 0, 1, 2, 8, 16, 20, 32, 64, 65, 200 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		size_t len = lengths[i];
		char hex[401];

		memset(hex, 'a', sizeof(hex));
		hex[2 * len] = 0;
		facts_of(&(struct elf_spec) { .build_id = hex }, &f);
		ck_gnu_id(&f, len >= 2 && len <= 64 ? hex : "");
	}
}
END_TEST

START_TEST(class_byte_order_machine_and_type_are_told)
{
	for (unsigned i = 0; i < 4; i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		bool is_32 = i & 1;
		bool big_endian = i & 2;

		facts_of(
			&(struct elf_spec) {
				.is_32 = is_32,
				.big_endian = big_endian,
				.machine = EM_MIPS,
				.type = ET_EXEC,
				.build_id = ID,
				.go_id = "a/b/c",
				.text_size = 100,
			},
			&f);
		ck_gnu_id(&f, ID);
		ck_assert_str_eq(f.go_id, "a/b/c");
		ck_assert_uint_eq(f.elf_class, is_32 ? 32 : 64);
		ck_assert(f.is_big_endian == big_endian);
		ck_assert_uint_eq(f.machine, EM_MIPS);
		ck_assert_uint_eq(f.type, ET_EXEC);
		ck_assert_uint_eq(f.roles, ELF_ROLE_EXECUTABLE);
		ck_assert_uint_eq(f.segment_count, 1);
		ck_assert_uint_eq(f.segments[0].vaddr.v, 0x400000);
		ck_assert_uint_eq(f.segments[0].offset.v, 0);
		ck_assert_uint_eq(f.segments[0].flags, PF_R | PF_X);
		ck_assert_uint_ge(f.segments[0].file_size, 100);
		ck_assert_uint_eq(f.segments[0].mem_size,
				  f.segments[0].file_size);
	}
}
END_TEST

START_TEST(the_build_id_is_found_behind_other_notes)
{
	for (unsigned align = 4; align <= 8; align += 4) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

		facts_of(&(struct elf_spec) { .build_id = ID,
					      .has_other_note = true,
					      .note_align = align },
			 &f);
		ck_gnu_id(&f, ID);
	}
}
END_TEST

START_TEST(without_note_sections_the_segment_tells)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	facts_of(&(struct elf_spec) { .build_id = ID,
				      .go_id = "go/id",
				      .notes_by_segment_only = true },
		 &f);
	ck_gnu_id(&f, ID);
	ck_assert_str_eq(f.go_id, "go/id");
}
END_TEST

START_TEST(notes_padded_otherwise_than_their_segment_says_are_read)
{
	for (unsigned align = 4; align <= 8; align += 4) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_lie lies[] = { { ELF_P_ALIGN, 12 - align, .at = 1 },
					  { 0 } };

		facts_of(&(struct elf_spec) { .build_id = ID,
					      .has_other_note = true,
					      .note_align = align,
					      .notes_by_segment_only = true,
					      .lies = lies },
			 &f);
		ck_gnu_id(&f, ID);
	}
}
END_TEST

START_TEST(note_sections_win_over_segments_that_are_another_files)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_lie lies[] = { { ELF_P_OFFSET, 0, .at = 1 }, { 0 } };

	facts_of(&(struct elf_spec) { .build_id = ID, .lies = lies }, &f);
	ck_gnu_id(&f, ID);
}
END_TEST

START_TEST(notes_that_lie_about_their_sizes_are_passed_over)
{
	static const uint64_t sizes[] = { 0xffffffff, 0x7fffffff, 1000, 37 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (size_t at = 0; at <= 4; at += 4) {
			CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
			struct elf_lie lies[] = { { ELF_BYTES, sizes[i],
						    ".note.gnu.build-id", at,
						    4 },
						  { 0 } };

			facts_of(&(struct elf_spec) { .build_id = ID,
						      .lies = lies },
				 &f);
			ck_gnu_id(&f, "");
		}
	}
}
END_TEST

START_TEST(a_note_section_of_building_facts_is_not_searched)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	static const uint8_t note[] = { 4, 0, 0,   0,   4,   0, 0, 0, 3, 0,
					0, 0, 'G', 'N', 'U', 0, 1, 2, 3, 4 };

	facts_of(
		&(struct elf_spec) {
			.extras = (struct elf_extra[]) { {
				.name = ".gnu.build.attributes",
				.type = SHT_NOTE,
				.data = note,
				.size = sizeof(note),
			} },
			.extra_count = 1,
		},
		&f);
	ck_gnu_id(&f, "");
}
END_TEST

START_TEST(a_go_build_id_is_printable_text)
{
	CLEANUP_ELF_FACTS struct elf_facts good = { 0 };
	CLEANUP_ELF_FACTS struct elf_facts bad = { 0 };
	CLEANUP_ELF_FACTS struct elf_facts empty = { 0 };

	facts_of(&(struct elf_spec) { .go_id = "x1/_y-2/z/ w" }, &good);
	ck_assert_str_eq(good.go_id, "x1/_y-2/z/ w");
	facts_of(&(struct elf_spec) { .go_id = "x\ny" }, &bad);
	ck_assert_ptr_null(bad.go_id);
	facts_of(&(struct elf_spec) { .go_id = "" }, &empty);
	ck_assert_ptr_null(empty.go_id);
}
END_TEST

/* By the letter: first 4096, last 4096, length. */
static void htlhash_of(const struct elf_image *image, uint8_t ret[16])
{
	size_t part = image->size < 4096 ? image->size : 4096;
	struct sha256_ctx ctx;
	uint8_t length[8] = { 0, 0, 0, 0 };

	for (size_t i = 0; i < 4; i++)
		length[4 + i] = (uint8_t)(image->size >> (24 - 8 * i));
	sha256_init(&ctx);
	sha256_update(&ctx, part, image->data);
	sha256_update(&ctx, part, image->data + image->size - part);
	sha256_update(&ctx, 8, length);
	sha256_digest(&ctx, 16, ret);
}

START_TEST(the_file_hash_takes_both_ends_and_the_length)
{
	// Files of less than 4096 bytes, of less than twice that, larger ones,
	// and with the section table nearer to and further from the end.
	static const struct {
		size_t text;
		size_t fillers;
	} sizes[] = { { 16, 0 },      { 3000, 0 },  { 3700, 0 },  { 5000, 0 },
		      { 8000, 0 },    { 20000, 0 }, { 16, 100 },  { 16, 900 },
		      { 5000, 1100 }, { 16, 2000 }, { 200000, 0 } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct elf_spec spec = { .build_id = ID,
					 .text_size = sizes[i].text,
					 .filler_sections = sizes[i].fillers };
		CLEANUP_IMAGE struct elf_image image = image_of(&spec);
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		uint8_t want[16];

		facts_of(&spec, &f);
		htlhash_of(&image, want);
		ck_assert_mem_eq(f.htlhash, want, 16);
		ck_gnu_id(&f, ID);
		ck_assert_uint_eq(f.roles, ELF_ROLE_EXECUTABLE);
	}
}
END_TEST

START_TEST(a_breakpad_guid_is_the_build_id_in_the_files_byte_order)
{
	CLEANUP_ELF_FACTS struct elf_facts little = { 0 };
	CLEANUP_ELF_FACTS struct elf_facts big = { 0 };
	CLEANUP_ELF_FACTS struct elf_facts brief = { 0 };

	facts_of(&(struct elf_spec) { .build_id = ID }, &little);
	ck_guid(&little, "EC61AC938E5A39B16F9FBD350E3169A5");
	facts_of(&(struct elf_spec) { .build_id = ID, .big_endian = true },
		 &big);
	ck_guid(&big, "93AC61EC5A8EB1396F9FBD350E3169A5");
	facts_of(&(struct elf_spec) { .build_id = "0102030405" }, &brief);
	ck_guid(&brief, "04030201000500000000000000000000");
}
END_TEST

START_TEST(without_a_build_id_the_breakpad_guid_is_made_of_code)
{
	static const uint8_t code[] = {
		1,  2,  3,  4,  5,  6,  7,  8,    9,
		10, 11, 12, 13, 14, 15, 16, 0x10, 0x20
	};
	struct elf_extra text = { .name = ".text",
				  .flags = SHF_ALLOC | SHF_EXECINSTR,
				  .data = code,
				  .size = sizeof(code) };
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	CLEANUP_ELF_FACTS struct elf_facts none = { 0 };

	facts_of(&(struct elf_spec) { .extras = &text, .extra_count = 1 }, &f);
	// 01^10 02^20 03 04, 05 06, 07 08 reversed; the rest as it is.
	ck_guid(&f, "040322110605080709"
		    "0A0B0C0D0E0F10");
	text.type = SHT_NOBITS;
	facts_of(&(struct elf_spec) { .extras = &text, .extra_count = 1 },
		 &none);
	ck_guid(&none, "00000000000000000000000000000000");
}
END_TEST

START_TEST(only_the_first_page_of_code_makes_the_breakpad_guid)
{
	static uint8_t code[5000];
	struct elf_extra text = { .name = ".text",
				  .flags = SHF_ALLOC | SHF_EXECINSTR,
				  .data = code,
				  .size = sizeof(code) };
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	code[4095] = 0xab;
	code[4096] = 0xcd;
	facts_of(&(struct elf_spec) { .extras = &text, .extra_count = 1 }, &f);
	ck_guid(&f, "000000000000000000000000000000AB");
}
END_TEST

static const struct elf_unit one_unit = {
	.comp_dir = "/src",
	.files = (struct elf_unit_file[]) { { "a.c", 0 }, { NULL } },
};
static const struct elf_symbol one_symbol = { "main", 0x40, 4 };
enum { E = ELF_ROLE_EXECUTABLE, D = ELF_ROLE_DEBUGINFO };

static void ck_kind(const char *what, const struct elf_spec *spec,
		    unsigned roles, enum elf_quality quality)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	facts_of(spec, &f);
	ck_assert_msg(f.roles == roles, "%s: roles %u", what, f.roles);
	ck_assert_msg(f.quality == quality, "%s: quality %s", what,
		      elf_quality_name(f.quality));
}

START_TEST(roles_and_quality_follow_from_sections_with_bytes)
{
	struct elf_spec s = { .build_id = ID, .text_size = 64 };

	ck_kind("stripped", &s, E, ELF_QUALITY_NONE);
	s.dynamic_symbols = &one_symbol;
	s.dynamic_symbol_count = 1;
	ck_kind("stripped library", &s, E, ELF_QUALITY_DYNSYM);
	s.symbols = &one_symbol;
	s.symbol_count = 1;
	ck_kind("with symbols", &s, E, ELF_QUALITY_SYMTAB);
	s.units = &one_unit;
	s.unit_count = 1;
	ck_kind("with DWARF", &s, E | D, ELF_QUALITY_DWARF);
	s.packing = ELF_PACK_ZDEBUG;
	ck_kind("with .zdebug_", &s, E | D, ELF_QUALITY_DWARF);
	s.is_debug_file = true;
	ck_kind("debug file", &s, D, ELF_QUALITY_DWARF);
	s.unit_count = 0;
	ck_kind("debug file of symbols", &s, D, ELF_QUALITY_SYMTAB);
	s.symbol_count = 0;
	ck_kind("debug file of nothing", &s, 0, ELF_QUALITY_NONE);
}
END_TEST

START_TEST(modules_are_executables_and_core_files_are_nothing)
{
	struct elf_spec s = { .build_id = ID, .text_size = 64 };
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	s.type = ET_REL;
	ck_kind("stripped module", &s, E, ELF_QUALITY_NONE);
	s.units = &one_unit;
	s.unit_count = 1;
	ck_kind("module", &s, E | D, ELF_QUALITY_DWARF);
	s.is_debug_file = true;
	ck_kind("debug file of a module", &s, D, ELF_QUALITY_DWARF);
	s = (struct elf_spec) { .build_id = ID,
				.type = ET_CORE,
				.text_size = 10 };
	facts_of(&s, &f);
	ck_gnu_id(&f, "");
	ck_assert_uint_eq(f.roles, 0);
	ck_assert_uint_eq(f.type, ET_CORE);
	ck_assert_uint_eq(f.segment_count, 1);
}
END_TEST

static void ck_kind_with(const char *name, uint32_t type, uint64_t flags,
			 bool has_text, unsigned roles,
			 enum elf_quality quality)
{
	struct elf_extra extra = {
		.name = name, .type = type, .flags = flags, .size = 8
	};
	struct elf_spec s = { .text_size = has_text ? 64 : 0,
			      .extras = &extra,
			      .extra_count = 1 };

	ck_kind(name, &s, roles, quality);
}

START_TEST(not_every_debug_section_makes_debuginfo)
{
	enum { ALL = SHT_PROGBITS, NONE = SHT_NOBITS };

	ck_kind_with(".debug_gdb_scripts", ALL, SHF_ALLOC, true, E,
		     ELF_QUALITY_NONE);
	ck_kind_with(".debug_gdb_scripts", ALL, 0, true, E, ELF_QUALITY_NONE);
	ck_kind_with(".debug_frame", ALL, 0, true, E, ELF_QUALITY_NONE);
	ck_kind_with(".debug_frame", ALL, 0, false, D, ELF_QUALITY_NONE);
	ck_kind_with(".debug_str", ALL, 0, true, E | D, ELF_QUALITY_NONE);
	ck_kind_with(".debug_info", ALL, 0, true, E | D, ELF_QUALITY_DWARF);
	ck_kind_with(".debug_info.dwo", ALL, 0, true, E | D, ELF_QUALITY_NONE);
	ck_kind_with(".zdebug_line", NONE, 0, true, E, ELF_QUALITY_NONE);
	ck_kind_with(".debug_line", NONE, 0, false, 0, ELF_QUALITY_NONE);
	ck_kind_with(".gnu_debugdata", ALL, 0, true, E,
		     ELF_QUALITY_MINIDEBUGINFO);
	ck_kind_with(".gnu_debugdata", NONE, 0, true, E, ELF_QUALITY_NONE);
	ck_kind_with(".symtab", NONE, 0, false, 0, ELF_QUALITY_NONE);
	ck_kind_with(".rodata", ALL, SHF_ALLOC, false, E, ELF_QUALITY_NONE);
	ck_kind_with(".comment", ALL, 0, false, 0, ELF_QUALITY_NONE);
}
END_TEST

START_TEST(the_alternate_file_is_named_by_its_link)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	CLEANUP_ELF_FACTS struct elf_facts none = { 0 };
	char hex[BUILD_ID_HEX_MAX];

	facts_of(&(struct elf_spec) { .build_id = ID,
				      .alt_name = "../../.dwz/x.debug",
				      .alt_id = OTHER_ID },
		 &f);
	ck_assert_str_eq(f.alt_name, "../../.dwz/x.debug");
	ck_assert_str_eq(build_id_hex(&f.alt_id, hex), OTHER_ID);
	facts_of(&(struct elf_spec) { .build_id = ID, .alt_name = "x" }, &none);
	ck_assert_ptr_null(none.alt_name);
	ck_assert_uint_eq(none.alt_id.len, 0);
}
END_TEST

START_TEST(counts_too_large_for_the_header_are_in_section_0)
{
	static const size_t counts[] = { 0,     65270, 65275, 65276,
					 65277, 65278, 65279, 70000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

		facts_of(&(struct elf_spec) { .build_id = ID,
					      .text_size = 10,
					      .symbols = &one_symbol,
					      .symbol_count = 1,
					      .filler_sections = counts[i] },
			 &f);
		ck_gnu_id(&f, ID);
		ck_assert_uint_eq(f.quality, ELF_QUALITY_SYMTAB);
		ck_assert_uint_eq(f.roles, E);
	}
}
END_TEST

START_TEST(segments_too_many_for_the_header_are_counted_in_section_0)
{
	static const size_t counts[] = { 65531, 65532, 65533, 65534, 70000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

		facts_of(&(struct elf_spec) { .build_id = ID,
					      .notes_by_segment_only = true,
					      .filler_segments = counts[i] },
			 &f);
		ck_gnu_id(&f, ID);
		ck_assert_uint_eq(f.segment_count, 1);
	}
}
END_TEST

/* */
START_TEST(of_too_many_loadable_segments_none_is_taken)
{
	// With the one that the file has anyway.
	static const size_t counts[] = { 0, ELF_LOADS_MAX - 1, ELF_LOADS_MAX,
					 2 * ELF_LOADS_MAX, 100000 };

	for (size_t i = 0; i < 2 * sizeof(counts) / sizeof(*counts); i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		size_t count = counts[i / 2];

		facts_of(&(struct elf_spec) { .is_32 = i & 1,
					      .build_id = ID,
					      .text_size = 10,
					      .symbols = &one_symbol,
					      .symbol_count = 1,
					      .filler_type = PT_LOAD,
					      .filler_segments = count },
			 &f);
		ck_assert_uint_eq(f.segment_count,
				  count < ELF_LOADS_MAX ? count + 1 : 0);
		// Who it is is told by its sections.
		ck_gnu_id(&f, ID);
		ck_assert_uint_eq(f.quality, ELF_QUALITY_SYMTAB);
		ck_assert_uint_eq(f.roles, E);
		ck_problem(&f, NULL);
	}
}
END_TEST

START_TEST(a_file_without_a_section_table_is_known_by_its_segments)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	facts_of(&(struct elf_spec) { .build_id = ID,
				      .text_size = 100,
				      .no_section_table = true },
		 &f);
	ck_gnu_id(&f, ID);
	ck_assert_uint_eq(f.roles, E);
	ck_assert_uint_eq(f.quality, ELF_QUALITY_NONE);
	ck_problem(&f, NULL);
}
END_TEST

START_TEST(a_damaged_section_table_leaves_the_segments)
{
	static const struct {
		struct elf_lie lies[2];
		const char *problem;
	} cases[] = {
		{ { { ELF_E_SHOFF, UINT64_MAX } }, "section table at offset" },
		{ { { ELF_E_SHOFF, 1 << 20 } }, "truncated" },
		{ { { ELF_E_SHNUM, 60000 } }, "truncated" },
		{ { { ELF_E_SHENTSIZE, 63 } }, "entries of 63 bytes" },
		{ { { ELF_E_SHENTSIZE, 0 } }, "entries of 0 bytes" },
		{ { { ELF_E_SHSTRNDX, 50000 } }, "names: number 50000" },
		{ { { ELF_E_SHSTRNDX, SHN_XINDEX } }, NULL },
		{ { { ELF_SH_SIZE, UINT64_MAX, ".shstrtab" } }, "names" },
		{ { { ELF_SH_OFFSET, 1 << 30, ".shstrtab" } }, "names" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

		facts_of(&(struct elf_spec) { .build_id = ID,
					      .text_size = 100,
					      .lies = cases[i].lies },
			 &f);
		ck_gnu_id(&f, ID);
		ck_assert_uint_eq(f.roles, E);
		ck_problem(&f, cases[i].problem);
	}
}
END_TEST

/* */
START_TEST(a_number_of_sections_beyond_reason_is_not_read)
{
	struct elf_lie lies[] = { { ELF_E_SHNUM, 0 },
				  { ELF_SH_SIZE, UINT64_C(1) << 40, "" },
				  { 0 } };
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	facts_of(&(struct elf_spec) { .build_id = ID, .lies = lies }, &f);
	ck_gnu_id(&f, ID);
	ck_problem(&f, "1099511627776 sections");
}
END_TEST

START_TEST(damaged_segments_leave_the_sections)
{
	static const struct elf_lie cases[][2] = {
		{ { ELF_E_PHOFF, UINT64_MAX } },
		{ { ELF_E_PHNUM, 60000 } },
		{ { ELF_E_PHENTSIZE, 1 } },
		{ { ELF_E_PHNUM, PN_XNUM } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

		facts_of(&(struct elf_spec) { .build_id = ID,
					      .text_size = 100,
					      .lies = cases[i] },
			 &f);
		ck_gnu_id(&f, ID);
		ck_assert_uint_eq(f.segment_count, 0);
		ck_assert_uint_eq(f.roles, E);
	}
}
END_TEST

START_TEST(a_binary_cut_off_behind_its_notes_still_has_its_id)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	facts_of(&(struct elf_spec) { .build_id = ID,
				      .text_size = 9000,
				      .truncate_to = 300 },
		 &f);
	ck_gnu_id(&f, ID);
	ck_problem(&f, "section table at offset");
	// The program's bytes are gone.
	ck_assert_uint_eq(f.roles, 0);
}
END_TEST

START_TEST(a_binary_cut_off_before_its_notes_is_an_error)
{
	for (size_t size = 64 + 2 * 56; size < 64 + 2 * 56 + 36; size++)
		ck_error(error_of(&(struct elf_spec) { .build_id = ID,
						       .text_size = 9000,
						       .truncate_to = size }),
			 BAD_DATA, "no identity, and section table at offset");
}
END_TEST

START_TEST(a_damaged_header_is_an_error_that_names_it)
{
	static const struct {
		size_t at;
		uint8_t byte;
		const char *message;
	} cases[] = {
		{ 0, 'X', "not an ELF file" },
		{ EI_CLASS, 0, "ELF header: class 0" },
		{ EI_CLASS, 3, "ELF header: class 3" },
		{ EI_DATA, 0, "ELF header: byte order 0" },
		{ EI_DATA, 9, "ELF header: byte order 9" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_IMAGE struct elf_image image =
			image_of(&(struct elf_spec) { .build_id = ID });
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct input in = image_input(&image);

		image.data[cases[i].at] = cases[i].byte;
		ck_error(elf_facts_read(&in, true, &f), BAD_DATA,
			 cases[i].message);
	}
}
END_TEST

START_TEST(a_file_cut_off_within_its_header_is_an_error)
{
	for (size_t size = 1; size < 64; size++)
		ck_error(error_of(&(struct elf_spec) { .build_id = ID,
						       .truncate_to = size }),
			 BAD_DATA,
			 size < 4 ? "not an ELF" : "ELF header: cut off");
	ck_error(error_of(&(struct elf_spec) { .is_32 = true,
					       .truncate_to = 51 }),
		 BAD_DATA, "cut off after 51 bytes");
}
END_TEST

START_TEST(an_input_shorter_than_it_claims_is_truncated)
{
	CLEANUP_IMAGE struct elf_image image = image_of(
		&(struct elf_spec) { .build_id = ID, .text_size = 10000 });
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct watched_input w;

	watch_image(&w, &image);
	w.in.size += 5000;
	ck_error(elf_facts_read(&w.in, true, &f), BAD_DATA, "truncated");
	watch_image(&w, &image);
	w.inner.size = 1000;
	ck_error(elf_facts_read(&w.in, true, &f), BAD_DATA, "truncated");
}
END_TEST

START_TEST(an_ordinary_file_takes_two_reads)
{
	struct elf_spec s = { .build_id = ID,
			      .go_id = "g",
			      .text_size = 1000000,
			      .symbols = &one_symbol,
			      .symbol_count = 1 };
	CLEANUP_IMAGE struct elf_image image = image_of(&s);
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct watched_input w;

	watch_image(&w, &image);
	ck_no_error(elf_facts_read(&w.in, true, &f));
	ck_gnu_id(&f, ID);
	ck_assert_uint_eq(w.reads, 2);
	ck_assert_uint_lt(w.bytes, 16384);
}
END_TEST

START_TEST(a_disk_that_fails_is_no_damage_of_the_file)
{
	struct elf_spec s = { .build_id = ID,
			      .text_size = 100000,
			      .alt_name = "alt",
			      .alt_id = OTHER_ID,
			      .filler_sections = 2000 };
	CLEANUP_IMAGE struct elf_image image = image_of(&s);

	for (size_t n = 1;; n++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct watched_input w;

		watch_image(&w, &image);
		w.fail_at = n;
		struct error *err = elf_facts_read(&w.in, true, &f);

		if (!err) {
			ck_assert_uint_gt(n, w.reads);
			break;
		}
		ck_error(err, IO, "it is gone");
	}
}
END_TEST

START_TEST(every_lack_of_memory_is_reported)
{
	struct elf_spec s = { .build_id = ID,
			      .go_id = "go",
			      .text_size = 9000,
			      .alt_name = "alt",
			      .alt_id = OTHER_ID,
			      .filler_sections = 2000 };
	CLEANUP_IMAGE struct elf_image image = image_of(&s);
	unsigned long n = 1;

	for (bool happened = true; happened; n++) {
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
	ck_assert_uint_gt(n, 5);
}
END_TEST

START_TEST(a_section_is_found_as_it_is_stored)
{
	static const char packed[] = "stored bytes";
	struct elf_extra extras[] = {
		{ ".none", SHT_NOBITS, 0, NULL, 10, 1 },
		{ ".twice", SHT_NOBITS, 0, NULL, 10, 1 },
		{ ".twice", SHT_PROGBITS, SHF_COMPRESSED, packed,
		  sizeof(packed), 1 },
		{ ".empty", SHT_PROGBITS, 0, NULL, 0, 1 },
	};
	CLEANUP_IMAGE struct elf_image image = image_of(
		&(struct elf_spec) { .extras = extras, .extra_count = 4 });
	struct input in = image_input(&image);
	struct elf_section_range range;
	bool found;

	ck_no_error(elf_section_find(&in, ".twice", &range, &found));
	ck_assert(found);
	ck_assert_uint_eq(range.size, sizeof(packed));
	ck_assert_mem_eq(image.data + range.offset.v, packed, sizeof(packed));
	ck_no_error(elf_section_find(&in, ".none", &range, &found));
	ck_assert(!found);
	ck_no_error(elf_section_find(&in, ".empty", &range, &found));
	ck_assert(!found);
	ck_no_error(elf_section_find(&in, ".twic", &range, &found));
	ck_assert(!found);
}
END_TEST

START_TEST(a_section_outside_the_file_is_bad_data)
{
	struct elf_lie size[] = { { ELF_SH_SIZE, 1 << 20, ".text" }, { 0 } };
	struct elf_lie offset[] = { { ELF_SH_OFFSET, UINT64_MAX, ".text" },
				    { 0 } };
	struct elf_lie table[] = { { ELF_E_SHOFF, 1 << 20 }, { 0 } };
	const struct elf_lie *cases[] = { size, offset, table };

	for (size_t i = 0; i < 3; i++) {
		CLEANUP_IMAGE struct elf_image image = image_of(&(
			struct elf_spec) { .text_size = 64, .lies = cases[i] });
		struct input in = image_input(&image);
		struct elf_section_range range;
		bool found;

		ck_error(elf_section_find(&in, ".text", &range, &found),
			 BAD_DATA,
			 i < 2 ? "lies outside the file"
			       : "section table at offset");
	}
}
END_TEST

START_TEST(finding_a_section_reports_lack_of_memory)
{
	CLEANUP_IMAGE struct elf_image image = image_of(&(struct elf_spec) {
		.text_size = 9000, .filler_sections = 2000 });
	struct elf_section_range range;
	bool happened = true;

	for (unsigned long n = 1; happened; n++) {
		struct input in = image_input(&image);
		bool found;

		mem_fail_at(n);
		struct error *err =
			elf_section_find(&in, ".text", &range, &found);

		happened = mem_fail_happened();
		mem_fail_at(0);
		if (happened)
			ck_assert_ptr_eq(err, error_no_memory);
		else
			ck_no_error(err);
	}
}
END_TEST

START_TEST(machines_are_named_as_uname_names_them)
{
	ck_assert_str_eq(elf_machine_name(EM_X86_64, true, false), "x86_64");
	ck_assert_str_eq(elf_machine_name(EM_AARCH64, true, false), "aarch64");
	ck_assert_str_eq(elf_machine_name(EM_PPC64, true, false), "ppc64le");
	ck_assert_str_eq(elf_machine_name(EM_PPC64, true, true), "ppc64");
	ck_assert_str_eq(elf_machine_name(EM_S390, true, true), "s390x");
	ck_assert_str_eq(elf_machine_name(EM_RISCV, true, false), "riscv64");
	ck_assert_str_eq(elf_machine_name(258, true, false), "loongarch64");
	ck_assert_ptr_null(elf_machine_name(9999, true, false));
	ck_assert_str_eq(elf_type_name(ET_DYN), "ET_DYN");
	ck_assert_ptr_null(elf_type_name(99));
	ck_assert_str_eq(elf_quality_name(ELF_QUALITY_MINIDEBUGINFO),
			 "minidebuginfo");
}
END_TEST

UNIT_MAIN("elf_facts", a_build_id_has_2_to_64_bytes,
	  class_byte_order_machine_and_type_are_told,
	  the_build_id_is_found_behind_other_notes,
	  without_note_sections_the_segment_tells,
	  notes_padded_otherwise_than_their_segment_says_are_read,
	  note_sections_win_over_segments_that_are_another_files,
	  notes_that_lie_about_their_sizes_are_passed_over,
	  a_note_section_of_building_facts_is_not_searched,
	  a_go_build_id_is_printable_text,
	  the_file_hash_takes_both_ends_and_the_length,
	  a_breakpad_guid_is_the_build_id_in_the_files_byte_order,
	  without_a_build_id_the_breakpad_guid_is_made_of_code,
	  only_the_first_page_of_code_makes_the_breakpad_guid,
	  roles_and_quality_follow_from_sections_with_bytes,
	  modules_are_executables_and_core_files_are_nothing,
	  not_every_debug_section_makes_debuginfo,
	  the_alternate_file_is_named_by_its_link,
	  counts_too_large_for_the_header_are_in_section_0,
	  segments_too_many_for_the_header_are_counted_in_section_0,
	  of_too_many_loadable_segments_none_is_taken,
	  a_file_without_a_section_table_is_known_by_its_segments,
	  a_damaged_section_table_leaves_the_segments,
	  a_number_of_sections_beyond_reason_is_not_read,
	  damaged_segments_leave_the_sections,
	  a_binary_cut_off_behind_its_notes_still_has_its_id,
	  a_binary_cut_off_before_its_notes_is_an_error,
	  a_damaged_header_is_an_error_that_names_it,
	  a_file_cut_off_within_its_header_is_an_error,
	  an_input_shorter_than_it_claims_is_truncated,
	  an_ordinary_file_takes_two_reads,
	  a_disk_that_fails_is_no_damage_of_the_file,
	  every_lack_of_memory_is_reported, a_section_is_found_as_it_is_stored,
	  a_section_outside_the_file_is_bad_data,
	  finding_a_section_reports_lack_of_memory,
	  machines_are_named_as_uname_names_them)

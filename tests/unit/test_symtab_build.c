/* SPDX-License-Identifier: Apache-2.0 */
/* Tables made of what there is: which source wins, which name, and where code
 * begins and ends. The DWARF is what the test says (fake_dwarf.h). */
#include "config.h"

#include <elf.h>
#include <inttypes.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "elf/elf_facts.h"
#include "symtab/symtab_build.h"
#include "symtab/symtab_private.h"
#include "tests/lib/elf_fixture.h"
#include "tests/lib/fake_dwarf.h"

/* .text is the first section: its address, where there are no notes. */
enum { TEXT = 0x1000, TEXT_SIZE = 0x400 };

#define FUNCTION(bind) ELF_SYMBOL_INFO(STB_##bind, STT_FUNC)
#define LABEL(bind)    ELF_SYMBOL_INFO(STB_##bind, STT_NOTYPE)

static const uint8_t no_bytes[1];

/* A file whose code begins at TEXT: in front of it is a section that fills. */
static int file_of(const struct elf_spec *given, bool has_dwarf)
{
	struct elf_spec spec = *given;
	size_t n = spec.extra_count;
	CLEANUP_FREE struct elf_extra *extras =
		mem_array(n + 2, sizeof(*extras));
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (n)
		memcpy(extras, spec.extras, n * sizeof(*extras));
	extras[n++] =
		(struct elf_extra) { .name = ".code",
				     .flags = SHF_ALLOC | SHF_EXECINSTR,
				     .type = spec.is_debug_file ? SHT_NOBITS
								: SHT_PROGBITS,
				     .size = TEXT_SIZE,
				     .align = TEXT };
	if (has_dwarf)
		extras[n++] = (struct elf_extra) { .name = ".debug_info",
						   .data = no_bytes,
						   .size = 1 };
	spec.extras = extras;
	spec.extra_count = n;
	elf_write(&spec, &bytes);
	ck_assert_int_eq(write(fd, bytes.data, bytes.size),
			 (ssize_t)bytes.size);
	return fd;
}

struct build {
	struct symtab_build_inputs in;
	struct symtab_build_report report;
	struct symtab *table;
	struct symtab_cursor *cursor;
};

static void init_build(struct build *b)
{
	*b = (struct build) {
		.in = { .debuginfo = -1, .executable = -1, .alt = -1 }
	};
	build_id_parse("0123456789abcdef", 16, &b->in.id);
}

static void deinit_build(struct build *b)
{
	symtab_cursor_free(b->cursor);
	symtab_put(b->table);
	symtab_build_report_deinit(&b->report);
	if (b->in.debuginfo >= 0)
		close(b->in.debuginfo);
	if (b->in.executable >= 0)
		close(b->in.executable);
}
#define CLEANUP_BUILD CLEANUP(deinit_build)

static void build_wanted(struct build *b, const uint64_t *wanted, size_t count)
{
	CLEANUP_CLOSE int out = memfd_create("table", MFD_CLOEXEC);
	struct symtab_build_wanted w = { .space = { .kind = ADDRESS_VADDR },
					 .addresses = wanted,
					 .count = count };

	ck_no_error(
		symtab_build(&b->in, wanted ? &w : NULL, 1, out, &b->report));
	ck_no_error(symtab_open(out, &b->in.id, &b->table));
	ck_no_error(symtab_cursor_create(b->table, &b->cursor));
}

static void build(struct build *b)
{
	build_wanted(b, NULL, 0);
}

static void build_file(struct build *b, const struct elf_spec *spec,
		       const struct fake_function *functions)
{
	init_build(b);
	fake_functions = functions;
	fake_problem = NULL;
	b->in.debuginfo = file_of(spec, functions != NULL);
	build(b);
}

/* What the table says of an address: "inlined:line<name:line@start+size". */
static const char *at(struct build *b, uint64_t address)
{
	static char text[512];
	const struct symtab_frame *frames;
	size_t count, len = 0;

	ck_no_error(symtab_find(b->cursor, (struct vaddr) { address }, true,
				&frames, &count));
	text[0] = 0;
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s%s:%u", i ? "<" : "",
			symtab_name(b->table, frames[i].name, NULL),
			frames[i].line);
	if (count)
		snprintf(text + len, sizeof(text) - len,
			 "@%" PRIx64 "+%" PRIx64, frames[count - 1].start.v,
			 frames[count - 1].size);
	return text;
}

#define ck_at(b, address, want) ck_assert_str_eq(at(b, address), want)

#define SYMBOLS(...)                                                          \
	.symbols = (const struct elf_symbol[]) { __VA_ARGS__ },               \
	.symbol_count = sizeof((const struct elf_symbol[]) { __VA_ARGS__ }) / \
			sizeof(struct elf_symbol)

START_TEST(symbols_alone_give_names_and_bounds)
{
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) { SYMBOLS(
			   { "a", TEXT, 0x10, ".code" },
			   { "b", TEXT + 0x20, 0x10, ".code" },
			   { "outside", 0x10, 0x10, ".code" },
			   { "far", TEXT + TEXT_SIZE - 8, 1 << 20, ".code" }) },
		   NULL);
	ck_assert_int_eq(b.report.quality, SYMTAB_QUALITY_SYMTAB);
	ck_assert_int_eq(symtab_quality(b.table), SYMTAB_QUALITY_SYMTAB);
	ck_assert(symtab_is_whole(b.table));
	ck_assert_str_eq(b.report.problem, "");
	ck_at(&b, TEXT, "a:0@1000+10");
	ck_at(&b, TEXT + 0xf, "a:0@1000+10");
	ck_at(&b, TEXT + 0x10, "");
	ck_at(&b, TEXT + 0x20, "b:0@1020+10");
	ck_at(&b, 0x10, "");
	ck_at(&b, TEXT + TEXT_SIZE - 1, "far:0@13f8+8");
	ck_at(&b, TEXT + TEXT_SIZE, "");
}
END_TEST

START_TEST(of_several_names_the_policy_chooses)
{
	static const struct {
		const char *better, *worse;
		unsigned better_info, worse_info;
	} cases[] = {
		{ "z", "a", FUNCTION(GLOBAL), FUNCTION(WEAK) },
		{ "z", "a", FUNCTION(WEAK), FUNCTION(LOCAL) },
		{ "z", "a", FUNCTION(LOCAL), LABEL(GLOBAL) },
		{ "__z", "__GI_a", FUNCTION(LOCAL), FUNCTION(LOCAL) },
		{ "_z", "__a", FUNCTION(GLOBAL), FUNCTION(GLOBAL) },
		{ "z", "_a", FUNCTION(GLOBAL), FUNCTION(GLOBAL) },
		{ "a", "b", FUNCTION(GLOBAL), FUNCTION(GLOBAL) },
		{ "a", "ab", FUNCTION(GLOBAL), FUNCTION(GLOBAL) },
		{ "B", "a", FUNCTION(GLOBAL), FUNCTION(GLOBAL) },
		{ "a@@V_2", "b", FUNCTION(GLOBAL), FUNCTION(GLOBAL) },
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		struct elf_symbol better = { cases[i / 2].better, TEXT, 4,
					     ".code",
					     cases[i / 2].better_info };
		struct elf_symbol worse = { cases[i / 2].worse, TEXT, 4,
					    ".code", cases[i / 2].worse_info };
		const struct elf_symbol symbols[] = { i & 1 ? worse : better,
						      i & 1 ? better : worse };
		CLEANUP_BUILD struct build b;
		char want[64];

		build_file(&b,
			   &(struct elf_spec) { .symbols = symbols,
						.symbol_count = 2 },
			   NULL);
		snprintf(want, sizeof(want), "%.*s:0@1000+4",
			 (int)strcspn(better.name, "@"), better.name);
		ck_at(&b, TEXT, want);
		ck_assert_uint_eq(b.table->count, 1);
	}
}
END_TEST

START_TEST(a_label_names_what_follows_it)
{
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) { SYMBOLS(
			   { "entry", TEXT, 0x40, ".code" },
			   { "inner", TEXT + 0x10, 0, ".code", LABEL(GLOBAL) },
			   { "alone", TEXT + 0x80, 0, ".code", LABEL(LOCAL) },
			   { "last", TEXT + 0x90, 0, ".code", LABEL(LOCAL) }) },
		   NULL);
	ck_at(&b, TEXT + 0xf, "entry:0@1000+10");
	ck_at(&b, TEXT + 0x10, "inner:0@1010+30");
	ck_at(&b, TEXT + 0x3f, "inner:0@1010+30");
	ck_at(&b, TEXT + 0x40, "");
	ck_at(&b, TEXT + 0x80, "alone:0@1080+10");
	ck_at(&b, TEXT + TEXT_SIZE - 1, "last:0@1090+370");
}
END_TEST

START_TEST(behind_a_function_within_another_the_outer_one_goes_on)
{
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) {
			   SYMBOLS({ "outer", TEXT, 0x100, ".code" },
				   { "inner", TEXT + 0x10, 0x10, ".code" },
				   { "next", TEXT + 0x80, 0x10, ".code" }) },
		   NULL);
	ck_at(&b, TEXT + 8, "outer:0@1000+10");
	ck_at(&b, TEXT + 0x1f, "inner:0@1010+10");
	ck_at(&b, TEXT + 0x20, "outer:0@1020+60");
	ck_at(&b, TEXT + 0x88, "next:0@1080+10");
	ck_at(&b, TEXT + 0xff, "outer:0@1090+70");
	ck_at(&b, TEXT + 0x100, "");
}
END_TEST

/* .eh_frame with absolute addresses of 4 bytes. */
static size_t make_frames(uint8_t *at, const uint32_t (*frames)[2],
			  size_t count)
{
	static const uint8_t cie[] = { 13,  0,   0, 0, 0,    0,  0, 0, 1,
				       'z', 'R', 0, 1, 0x78, 16, 1, 3 };
	size_t size = sizeof(cie);

	memcpy(at, cie, size);
	for (size_t i = 0; i < count; i++) {
		uint32_t fde[4] = { 12, (uint32_t)size + 4, frames[i][0],
				    frames[i][1] };

		memcpy(at + size, fde, sizeof(fde));
		size += sizeof(fde);
	}
	return size;
}

START_TEST(frames_bound_what_has_no_size)
{
	CLEANUP_BUILD struct build b;
	uint8_t bytes[128];
	const uint32_t frames[][2] = { { TEXT, 0x18 }, { TEXT + 0x60, 0x10 } };
	struct elf_extra extra = { .name = ".eh_frame",
				   .flags = SHF_ALLOC,
				   .data = bytes,
				   .size = make_frames(bytes, frames, 2) };

	build_file(&b,
		   &(struct elf_spec) {
			   SYMBOLS({ "framed", TEXT, 0, ".code" },
				   { "before", TEXT + 0x40, 0, ".code" }),
			   .extras = &extra, .extra_count = 1 },
		   NULL);
	ck_at(&b, TEXT, "framed:0@1000+18");
	ck_at(&b, TEXT + 0x17, "framed:0@1000+18");
	ck_at(&b, TEXT + 0x18, "");
	ck_at(&b, TEXT + 0x5f, "before:0@1040+20");
	ck_at(&b, TEXT + 0x60, "");
	ck_assert_uint_eq(b.table->count, 2);
}
END_TEST

START_TEST(functions_of_the_dwarf_come_first)
{
	const struct fake_function functions[] = {
		{ TEXT, 0x10, "f", 10, { "g", 77 } },
		{ TEXT + 0x20, 0x10, "h", 20 },
		{ 0 }
	};
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) { SYMBOLS(
			   { "alias_of_f", TEXT, 0x18, ".code" },
			   { "in_f", TEXT + 4, 0, ".code", LABEL(GLOBAL) },
			   { "beside", TEXT + 0x12, 0x20, ".code" }) },
		   functions);
	ck_assert_int_eq(b.report.quality, SYMTAB_QUALITY_DWARF);
	ck_assert_uint_eq(b.report.units, 2);
	ck_at(&b, TEXT + 1, "g:11<f:77@1000+10");
	ck_at(&b, TEXT + 5, "g:15<f:77@1000+10");
	ck_at(&b, TEXT + 0x10, "");
	ck_at(&b, TEXT + 0x1f, "beside:0@1012+e");
	ck_at(&b, TEXT + 0x20, "h:20@1020+10");
	ck_at(&b, TEXT + 0x31, "beside:0@1030+2");
	ck_at(&b, TEXT + 0x32, "");
}
END_TEST

START_TEST(a_symbol_tells_that_a_function_is_a_clone_or_part)
{
	const struct fake_function functions[] = {
		{ TEXT, 0x10, "f", 1 },
		{ TEXT + 0x10, 0x10, "f", 2 },
		{ TEXT + 0x20, 0x10, "g", 3 },
		{ TEXT + 0x30, 0x10, "h", 4 },
		{ TEXT + 0x40, 0x10, "k", 5 },
		{ TEXT + 0x50, 0x10, "k", 5 },
		{ TEXT + 0x60, 0x10, NULL, 6 },
		{ TEXT + 0x70, 0x10, NULL, 7 },
		{ 0 }
	};
	unsigned local = FUNCTION(LOCAL);
	CLEANUP_BUILD struct build b;

	build_file(
		&b,
		&(struct elf_spec) { SYMBOLS(
			{ "f", TEXT, 0x10, ".code" },
			{ "f.cold", TEXT + 0x10, 0x10, ".code", local },
			{ "g.constprop.0.isra.1", TEXT + 0x20, 0x10, ".code",
			  local },
			{ "other.part.0", TEXT + 0x30, 0x10, ".code", local },
			{ "k.part.0", TEXT + 0x40, 0x10, ".code", local },
			{ "k.local", TEXT + 0x50, 0x10, ".code", local },
			{ "unnamed", TEXT + 0x60, 0x10, ".code" }) },
		functions);
	ck_at(&b, TEXT, "f:1@1000+10");
	ck_at(&b, TEXT + 0x10, "f.cold:2@1010+10");
	ck_at(&b, TEXT + 0x20, "g.constprop.0.isra.1:3@1020+10");
	ck_at(&b, TEXT + 0x30, "h:4@1030+10");
	ck_at(&b, TEXT + 0x40, "k.part.0:5@1040+10");
	ck_at(&b, TEXT + 0x50, "k:5@1050+10");
	ck_at(&b, TEXT + 0x60, "unnamed:6@1060+10");
	ck_at(&b, TEXT + 0x70, "??:7@1070+10");
}
END_TEST

START_TEST(a_mangled_symbol_says_more_than_a_bare_name)
{
	const struct fake_function functions[] = {
		{ TEXT, 0x10, "operator()", 1 },
		{ TEXT + 0x10, 0x10, "c_name", 2 },
		{ TEXT + 0x20, 0x10, "_ZN1aC2Ev", 3 },
		{ TEXT + 0x30, 0x10, "f_", 4 },
		{ 0 }
	};
	CLEANUP_BUILD struct build b;

	build_file(
		&b,
		&(struct elf_spec) { SYMBOLS(
			{ "_ZZ1fvENKUlvE_clEv", TEXT, 4, ".code" },
			{ "_Z1gv", TEXT + 0x10, 4, ".code" },
			{ "c_name", TEXT + 0x10, 4, ".code", FUNCTION(WEAK) },
			{ "_ZN1aC1Ev", TEXT + 0x20, 4, ".code" },
			{ "f", TEXT + 0x30, 4, ".code" }) },
		functions);
	ck_at(&b, TEXT, "_ZZ1fvENKUlvE_clEv:1@1000+10");
	ck_at(&b, TEXT + 0x10, "c_name:2@1010+10");
	ck_at(&b, TEXT + 0x20, "_ZN1aC2Ev:3@1020+10");
	ck_at(&b, TEXT + 0x30, "f_:4@1030+10");
}
END_TEST

START_TEST(assembly_has_the_names_of_symbols_and_the_lines_of_its_unit)
{
	const struct fake_function functions[] = {
		{ TEXT + 0x20, 8, "<lines>", 50 },
		{ TEXT, 8, "<lines>", 10 },
		{ TEXT + 8, 4, "<lines>", 30 },
		{ 0 }
	};
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) { SYMBOLS(
			   { "asm", TEXT + 2, 0x10, ".code" },
			   { "label", TEXT + 5, 0, ".code", LABEL(LOCAL) }) },
		   functions);
	ck_at(&b, TEXT + 1, "??:11@1000+2");
	ck_at(&b, TEXT + 2, "asm:12@1002+3");
	ck_at(&b, TEXT + 5, "label:15@1005+d");
	ck_at(&b, TEXT + 7, "label:17@1005+d");
	ck_at(&b, TEXT + 8, "label:30@1005+d");
	ck_at(&b, TEXT + 0xb, "label:33@1005+d");
	ck_at(&b, TEXT + 0xc, "label:0@1005+d");
	ck_at(&b, TEXT + 0x27, "??:57@1020+8");
	ck_at(&b, TEXT + 0x28, "");
}
END_TEST

/* UBSan: nothing is added to where no rows are. */
START_TEST(lines_without_any_row_are_lines_of_nothing)
{
	const struct fake_function functions[] = { { TEXT, 0x10, "<lines>", 0 },
						   { 0 } };
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) {
			   SYMBOLS({ "whole", TEXT, 4, ".code" },
				   { "inner", TEXT + 8, 4, ".code" }) },
		   functions);
	ck_at(&b, TEXT + 1, "whole:0@1000+4");
	ck_at(&b, TEXT + 9, "inner:0@1008+4");
}
END_TEST

START_TEST(what_pads_functions_has_lines_only_for_a_symbol)
{
	const struct fake_function functions[] = {
		{ TEXT, 4, "f", 1 },
		{ TEXT + 4, 12, "<rest>", 5 },
		{ TEXT + 0x10, 4, "<rest>", 9 },
		{ 0 }
	};
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) {
			   SYMBOLS({ "thunk", TEXT + 8, 4, ".code" }) },
		   functions);
	ck_at(&b, TEXT, "f:1@1000+4");
	ck_at(&b, TEXT + 4, "");
	ck_at(&b, TEXT + 8, "thunk:9@1008+4");
	ck_at(&b, TEXT + 0x10, "");
}
END_TEST

START_TEST(code_that_the_linker_left_out_is_dropped)
{
	const struct fake_function functions[] = {
		{ 0, 0x10, "at_0", 1 },
		{ UINT64_MAX - 0x20, 0x10, "at_the_end", 1 },
		{ TEXT + TEXT_SIZE, 0x10, "behind", 1 },
		{ TEXT + TEXT_SIZE - 8, 0x10, "cut", 1 },
		{ 0, 8, "<lines>", 1 },
		{ 0 }
	};
	CLEANUP_BUILD struct build b;

	build_file(&b, &(struct elf_spec) { 0 }, functions);
	ck_assert_uint_eq(b.table->count, 1);
	ck_at(&b, TEXT + TEXT_SIZE - 1, "cut:8@13f8+8");
}
END_TEST

START_TEST(what_is_wanted_is_all_there_is_in_a_partial_table)
{
	const struct fake_function functions[] = {
		{ TEXT, 0x10, "f", 10 },
		{ TEXT + 0x20, 0x10, "g", 20 },
		{ TEXT + 0x40, 0x10, "h", 40 },
		{ 0 }
	};
	const uint64_t wanted[] = { TEXT + 0x6f, TEXT + 0x28, 0x10,
				    TEXT + 0x28 };
	CLEANUP_BUILD struct build b;

	init_build(&b);
	fake_functions = functions;
	b.in.debuginfo = file_of(&(struct elf_spec) { SYMBOLS(
					 { "a", TEXT + 0x50, 0x10, ".code" },
					 { "b", TEXT + 0x60, 0x10, ".code" }) },
				 true);
	build_wanted(&b, wanted, 4);
	ck_assert(!symtab_is_whole(b.table));
	ck_assert_uint_eq(b.table->count, 2);
	ck_assert_uint_eq(fake_units_read, 1);
	ck_assert_uint_eq(b.report.units, 1);
	ck_at(&b, TEXT + 0x28, "g:28@1020+10");
	ck_at(&b, TEXT + 0x6f, "b:0@1060+10");
}
END_TEST

START_TEST(segments_are_the_executables)
{
	struct elf_spec debug = { SYMBOLS({ "f", TEXT, 4, ".code" }),
				  .is_debug_file = true };
	struct elf_spec program = { .lies = (const struct elf_lie[]) {
					    { ELF_P_OFFSET, 0x77, NULL, 0 },
					    { 0 } } };
	struct symtab_segment segment = { .offset = { 0x55 },
					  .file_size = 9,
					  .mem_size = 9 };
	struct symtab_layout known = { .is_from_executable = true,
				       .segments = &segment,
				       .segment_count = 1 };

	for (unsigned i = 0; i < 4; i++) {
		CLEANUP_BUILD struct build b;

		init_build(&b);
		b.in.debuginfo = file_of(&debug, false);
		if (i & 1)
			b.in.executable = file_of(&program, false);
		if (i & 2)
			b.in.layout = &known;
		build(&b);
		const struct symtab_layout *l = symtab_layout(b.table);

		ck_assert_int_eq(l->is_from_executable, i != 0);
		ck_assert_uint_eq(l->segment_count, 1);
		ck_assert_uint_eq(l->segments[0].offset.v, i & 1   ? 0x77
							   : i & 2 ? 0x55
								   : 0);
		ck_assert_uint_eq(l->section_count, 1);
		ck_assert_str_eq(l->sections[0].name, ".code");
		ck_assert_uint_eq(l->sections[0].vaddr.v, TEXT);
	}
}
END_TEST

START_TEST(a_file_that_has_its_code_is_an_executable)
{
	CLEANUP_BUILD struct build b;

	build_file(&b, &(struct elf_spec) { 0 }, NULL);
	ck_assert(symtab_layout(b.table)->is_from_executable);
	ck_assert_int_eq(symtab_quality(b.table), SYMTAB_QUALITY_NONE);
	ck_assert_uint_eq(b.table->count, 0);
}
END_TEST

START_TEST(a_kernels_base_symbols_are_kept)
{
	CLEANUP_BUILD struct build b;

	build_file(
		&b,
		&(struct elf_spec) { SYMBOLS(
			{ "_text", TEXT, 0, ".code", LABEL(GLOBAL) },
			{ "_stext", TEXT + 0x100, 0, ".code", LABEL(GLOBAL) },
			{ "_etext", TEXT + 0x200, 0, ".code",
			  LABEL(GLOBAL) }) },
		NULL);
	const struct symtab_layout *l = symtab_layout(b.table);

	ck_assert_uint_eq(l->base_count, 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert_uint_eq(l->bases[i].vaddr.v,
				  strcmp(l->bases[i].name, "_text")
					  ? TEXT + 0x100
					  : TEXT);
}
END_TEST

START_TEST(sections_of_a_module_are_given_addresses)
{
	const struct elf_extra extras[] = {
		{ ".init.text", 0, SHF_ALLOC | SHF_EXECINSTR, no_bytes, 1 },
		{ ".comment", 0, 0, no_bytes, 1 },
	};
	const struct fake_function functions[] = { { TEXT + 8, 4, "f", 1 },
						   { 0 } };
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) { .type = ET_REL,
					.extras = extras,
					.extra_count = 2,
					SYMBOLS({ "init", 0, 1, ".init.text" },
						{ "g", 0x20, 0x10, ".code" }) },
		   functions);
	const struct symtab_layout *l = symtab_layout(b.table);

	ck_assert_int_eq(l->type, ET_REL);
	ck_assert_uint_eq(l->section_count, 2);
	ck_assert_str_eq(l->sections[0].name, ".init.text");
	ck_assert_uint_eq(l->sections[0].vaddr.v, 0);
	ck_assert_str_eq(l->sections[1].name, ".code");
	ck_assert_uint_eq(l->sections[1].vaddr.v, TEXT);
	/* Sections: .init.text, .comment, .code. */
	ck_assert_uint_ge(fake_section_vaddr_count, 4);
	ck_assert_uint_eq(fake_section_vaddrs[1], 0);
	ck_assert_uint_eq(fake_section_vaddrs[3], TEXT);
	ck_at(&b, 0, "init:0@0+1");
	ck_at(&b, TEXT + 0x20, "g:0@1020+10");
	ck_at(&b, TEXT + 8, "f:1@1008+4");
}
END_TEST

START_TEST(symbols_of_all_files_are_merged)
{
	uint8_t packed[8192];
	size_t packed_size = 0;
	CLEANUP_BUF struct buf inner = BUF_INIT;
	CLEANUP_BUILD struct build b;
	struct elf_extra code = { .name = ".code",
				  .type = SHT_NOBITS,
				  .flags = SHF_ALLOC | SHF_EXECINSTR,
				  .size = TEXT_SIZE,
				  .align = TEXT };

	elf_write(&(struct elf_spec) { SYMBOLS({ "hidden", TEXT + 0x20, 8,
						 ".code" },
					       { "shown", TEXT, 8, ".code" }),
				       .extras = &code, .extra_count = 1 },
		  &inner);
	ck_assert_uint_eq(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL,
						  inner.data, inner.size,
						  packed, &packed_size,
						  sizeof(packed)),
			  LZMA_OK);
	const struct elf_extra mini = { .name = ".gnu_debugdata",
					.data = packed,
					.size = packed_size };
	const struct elf_symbol shown = { "shown", TEXT, 8, ".text" };

	init_build(&b);
	b.in.executable =
		file_of(&(struct elf_spec) { .text_size = 1,
					     .dynamic_symbols = &shown,
					     .dynamic_symbol_count = 1,
					     .extras = &mini,
					     .extra_count = 1 },
			false);
	build(&b);
	ck_assert_int_eq(b.report.quality, SYMTAB_QUALITY_MINIDEBUGINFO);
	ck_at(&b, TEXT, "shown:0@1000+8");
	ck_at(&b, TEXT + 0x20, "hidden:0@1020+8");
	ck_assert_uint_eq(b.table->count, 2);
}
END_TEST

/* R-9 */
START_TEST(of_too_many_segments_or_sections_the_layout_has_none)
{
	static char longer[(1 << 20) + 1];
	CLEANUP_FREE struct elf_extra *many =
		mem_array(SYMTAB_SECTIONS_MAX, sizeof(*many));
	// The code comes behind the headers.
	const struct elf_spec specs[] = {
		{ SYMBOLS({ "f", 0xf * TEXT, 4, ".code" }),
		  .filler_type = PT_LOAD,
		  .filler_segments = SYMTAB_SEGMENTS_MAX },
		{ SYMBOLS({ "f", TEXT, 4, ".code" }), .extras = many,
		  .extra_count = SYMTAB_SECTIONS_MAX },
		{ SYMBOLS({ "f", TEXT, 4, ".code" }), .extras = many,
		  .extra_count = 4 },
	};

	memset(longer, 'n', sizeof(longer) - 1);
	for (size_t i = 0; i < 3; i++) {
		CLEANUP_BUILD struct build b;

		for (size_t k = 0; k < SYMTAB_SECTIONS_MAX; k++)
			many[k] = (struct elf_extra) {
				.name = i == 1 ? ".n" : longer,
				.flags = SHF_ALLOC,
			};
		build_file(&b, &specs[i], NULL);
		const struct symtab_layout *l = symtab_layout(b.table);

		ck_assert_uint_eq(l->segment_count, !!i);
		ck_assert_uint_eq(l->section_count, !i);
		ck_assert_ptr_nonnull(
			strstr(b.report.problem, i ? "too many sections"
						   : "1025 loadable segments"));
		// No symbol can be of a section with such a number.
		ck_assert_uint_eq(b.table->count, i != 1);
	}
}
END_TEST

START_TEST(a_problem_does_not_keep_the_rest_out)
{
	const struct fake_function functions[] = { { TEXT, 4, "f", 1 }, { 0 } };
	CLEANUP_BUILD struct build b;

	init_build(&b);
	fake_functions = functions;
	fake_problem = ".debug_info: offset 7: something";
	b.in.debuginfo = file_of(&(struct elf_spec) { 0 }, true);
	b.in.executable = memfd_create("junk", MFD_CLOEXEC);
	ck_assert_int_eq(write(b.in.executable, "junk", 4), 4);
	build(&b);
	ck_assert_ptr_nonnull(strstr(b.report.problem, "executable: "));
	ck_at(&b, TEXT, "f:1@1000+4");
	deinit_build(&b);

	init_build(&b);
	b.in.debuginfo = file_of(&(struct elf_spec) { 0 }, true);
	build(&b);
	ck_assert_str_eq(b.report.problem, fake_problem);
	ck_assert(!symtab_is_cut(b.table));
}
END_TEST

/* R-10 */
START_TEST(a_table_says_that_a_limit_has_cut_it)
{
	const struct fake_function functions[] = { { TEXT, 4, "f", 1 }, { 0 } };
	CLEANUP_BUF struct buf name = BUF_INIT;
	CLEANUP_BUILD struct build b;

	fake_is_cut = true;
	build_file(&b, &(struct elf_spec) { 0 }, functions);
	fake_is_cut = false;
	ck_at(&b, TEXT, "f:1@1000+4");
	ck_assert(symtab_is_cut(b.table));
	deinit_build(&b);

	// What is too much to be demangled cuts nothing, and is counted.
	buf_append_str(&name, "_Z1f");
	for (int i = 0; i < SYMTAB_NAME_MAX; i++)
		buf_append_str(&name, "i");
	build_file(&b,
		   &(struct elf_spec) {
			   SYMBOLS({ buf_str(&name), TEXT, 4, ".code" },
				   { "_Z1gv", TEXT + 4, 4, ".code" }) },
		   NULL);
	ck_assert_uint_eq(b.report.left_names, 1);
	ck_assert(!symtab_is_cut(b.table));
}
END_TEST

/* And each unit once, however often it is. */
START_TEST(files_of_split_dwarf_that_are_missing_are_named)
{
	const struct fake_function functions[] = { { TEXT, 4, "<missing>" },
						   { TEXT + 4, 4, "f", 1 },
						   { TEXT, 4, "<missing>" },
						   { TEXT, 4, "<missing>" },
						   { 0 } };
	CLEANUP_BUILD struct build b;

	build_file(&b, &(struct elf_spec) { 0 }, functions);
	ck_assert_uint_eq(b.report.missing_dwos.size, 39);
	ck_assert_mem_eq(b.report.missing_dwos.data, "/build\0a.dwo", 13);
	ck_assert_uint_eq(b.report.missing_split_count, 1);
	ck_assert_uint_eq(b.report.missing_splits[0], FAKE_DWO_ID);
	ck_at(&b, TEXT + 4, "f:1@1004+4");
}
END_TEST

START_TEST(a_hidden_alias_goes_by_its_functions_name)
{
	const struct fake_function functions[] = {
		{ TEXT, 4, "__GI_abort", 1, { "__GI_raise", 5 } },
		{ TEXT + 8, 4, "__GI_f", 1 },
		{ TEXT + 16, 4, "g", 1 },
		{ 0 }
	};
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) { SYMBOLS(
			   { "f.cold", TEXT + 8, 4, ".code", FUNCTION(LOCAL) },
			   { "__GI_g.cold", TEXT + 16, 4, ".code",
			     FUNCTION(LOCAL) },
			   { "__GI_alone", TEXT + 32, 4, ".code" }) },
		   functions);
	ck_at(&b, TEXT, "raise:1<abort:5@1000+4");
	ck_at(&b, TEXT + 8, "f.cold:1@1008+4");
	ck_at(&b, TEXT + 16, "g.cold:1@1010+4");
	ck_at(&b, TEXT + 32, "alone:0@1020+4");
}
END_TEST

START_TEST(names_in_a_file_that_is_missing_are_unknown)
{
	const struct fake_function functions[] = {
		{ TEXT, 4, NULL, 1, { "", 5 } }, { 0 }
	};
	CLEANUP_BUILD struct build b;

	build_file(&b,
		   &(struct elf_spec) { SYMBOLS({ "f", TEXT, 4, ".code" }),
					.alt_name = "alt", .alt_id = "0123" },
		   functions);
	ck_assert_ptr_nonnull(strstr(b.report.problem, "alternate debug file"));
	ck_at(&b, TEXT, "??:1<f:5@1000+4");
}
END_TEST

START_TEST(files_that_are_nothing_are_an_error)
{
	CLEANUP_CLOSE int out = memfd_create("table", MFD_CLOEXEC);
	CLEANUP_BUILD struct build b;

	init_build(&b);
	ck_error(symtab_build(&b.in, NULL, 0, out, &b.report), BAD_DATA,
		 "no file");
	b.in.debuginfo = memfd_create("junk", MFD_CLOEXEC);
	ck_error(symtab_build(&b.in, NULL, 0, out, &b.report), BAD_DATA, "");
	b.in.executable = memfd_create("junk", MFD_CLOEXEC);
	ck_error(symtab_build(&b.in, NULL, 0, out, &b.report), BAD_DATA, "");
}
END_TEST

START_TEST(without_memory_nothing_is_left_behind)
{
	const struct fake_function functions[] = {
		{ TEXT, 0x10, "f", 10, { "g", 77 } },
		{ TEXT + 0x20, 8, "<lines>", 50 },
		{ 0 }
	};
	const uint64_t address = TEXT + 0x20;
	struct symtab_build_wanted wanted = { .space = { ADDRESS_VADDR },
					      .addresses = &address,
					      .count = 1 };
	bool failed = true;
	CLEANUP_BUILD struct build b;

	init_build(&b);
	fake_functions = functions;
	fake_problem = NULL;
	b.in.debuginfo =
		file_of(&(struct elf_spec) { SYMBOLS(
				{ "_text", TEXT, 4, ".code" },
				{ "f.cold", TEXT + 0x22, 4, ".code" }) },
			true);
	b.in.executable = file_of(&(struct elf_spec) { 0 }, false);
	for (unsigned long n = 1; n < 10000 && failed; n++) {
		CLEANUP_CLOSE int out = memfd_create("table", MFD_CLOEXEC);
		struct symtab_build_report report = { 0 };

		mem_fail_at(n);
		struct error *err = symtab_build(&b.in, n & 1 ? &wanted : NULL,
						 1, out, &report);

		failed = mem_fail_happened();
		mem_fail_at(0);
		if (failed)
			ck_error(err, NO_MEMORY, "");
		else
			ck_no_error(err);
		symtab_build_report_deinit(&report);
	}
	ck_assert(!failed);
}
END_TEST

START_TEST(tables_and_files_call_quality_the_same)
{
	for (unsigned i = 0; i < SYMTAB_QUALITIES; i++)
		ck_assert_str_eq(symtab_quality_name(i), elf_quality_name(i));
}
END_TEST

UNIT_MAIN("symtab build", symbols_alone_give_names_and_bounds,
	  of_several_names_the_policy_chooses, a_label_names_what_follows_it,
	  behind_a_function_within_another_the_outer_one_goes_on,
	  frames_bound_what_has_no_size, functions_of_the_dwarf_come_first,
	  a_symbol_tells_that_a_function_is_a_clone_or_part,
	  a_mangled_symbol_says_more_than_a_bare_name,
	  assembly_has_the_names_of_symbols_and_the_lines_of_its_unit,
	  lines_without_any_row_are_lines_of_nothing,
	  what_pads_functions_has_lines_only_for_a_symbol,
	  code_that_the_linker_left_out_is_dropped,
	  what_is_wanted_is_all_there_is_in_a_partial_table,
	  segments_are_the_executables,
	  a_file_that_has_its_code_is_an_executable,
	  a_kernels_base_symbols_are_kept,
	  sections_of_a_module_are_given_addresses,
	  symbols_of_all_files_are_merged, a_problem_does_not_keep_the_rest_out,
	  of_too_many_segments_or_sections_the_layout_has_none,
	  a_table_says_that_a_limit_has_cut_it,
	  files_of_split_dwarf_that_are_missing_are_named,
	  a_hidden_alias_goes_by_its_functions_name,
	  names_in_a_file_that_is_missing_are_unknown,
	  files_that_are_nothing_are_an_error,
	  without_memory_nothing_is_left_behind,
	  tables_and_files_call_quality_the_same)

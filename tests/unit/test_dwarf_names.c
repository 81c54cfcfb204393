/* SPDX-License-Identifier: Apache-2.0 */
/* What functions are called and where their sources are: references, scopes,
 * alternate files, paths, split units. */
#include "config.h"

#include <stdio.h>

#include "elf/elf_limits.h"
#include "tests/lib/functions_fixture.h"

/* A function of 8 bytes that has its name from elsewhere. */
static void function_of(struct dwarf_writer *w, uint64_t start, unsigned at,
			unsigned form, uint64_t reference)
{
	dw_die(w, DW_TAG_subprogram, false,
	       DW({ at, form, reference },
		  { DW_AT_low_pc, DW_FORM_addr, start },
		  { DW_AT_high_pc, DW_FORM_data1, 8 }));
}

START_TEST(names_come_from_what_is_referred_to)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	// One that a later unit refers to, and back.
	unit_begin(&w, 0x0c);
	uint64_t declared = dw_die(
		&w, DW_TAG_subprogram, false,
		DW({ DW_AT_name, DW_FORM_string, .s = "plain" },
		   { DW_AT_MIPS_linkage_name, DW_FORM_string, .s = "_Zold" }));
	uint64_t of =
		dw_die(&w, DW_TAG_subprogram, false,
		       DW({ DW_AT_specification, DW_FORM_ref1, declared }));
	uint64_t empty =
		dw_die(&w, DW_TAG_subprogram, false,
		       DW({ DW_AT_linkage_name, DW_FORM_string, .s = "" },
			  { DW_AT_name, DW_FORM_string, .s = "not_empty" }));

	function_of(&w, text, DW_AT_abstract_origin, DW_FORM_ref2, of);
	unit_end(&w);
	unit_begin(&w, 0x0c);
	function_of(&w, text + 0x10, DW_AT_abstract_origin, DW_FORM_ref_addr,
		    of);
	function_of(&w, text + 0x20, DW_AT_abstract_origin, DW_FORM_ref_addr,
		    empty);
	function_of(&w, text + 0x30, DW_AT_abstract_origin, DW_FORM_ref_addr,
		    empty);
	dw_die(&w, DW_TAG_subprogram, false,
	       DW({ DW_AT_low_pc, DW_FORM_addr, text + 0x40 },
		  { DW_AT_high_pc, DW_FORM_data1, 8 }));
	function_of(&w, text + 0x50, DW_AT_specification, DW_FORM_ref_sig8, 1);
	unit_end(&w);
	ck_functions(&w, &plain,
		     "0+8 _Zold\n"
		     "10+8 _Zold\n"
		     "20+8 not_empty\n"
		     "30+8 not_empty\n"
		     "40+8 -\n"
		     "50+8 -\n");
}
END_TEST

/* namespace ns { class C<int> { m } lambda { operator() } }, and g in f. */
static void write_scopes(struct dwarf_writer *w, uint64_t text,
			 unsigned language)
{
	const struct dw_attr *one_line =
		DW({ DW_AT_name, DW_FORM_string, .s = "C<int>" });
	uint64_t m, call, in_f;

	unit_begin(w, language);
	dw_die(w, DW_TAG_namespace, true,
	       DW({ DW_AT_name, DW_FORM_string, .s = "ns" }));
	dw_die(w, DW_TAG_namespace, true, DW({ 0 })); // without a name
	dw_die(w, DW_TAG_class_type, true, one_line);
	m = dw_die(w, DW_TAG_subprogram, false,
		   DW({ DW_AT_name, DW_FORM_string, .s = "m" }));
	dw_end(w);
	dw_die(w, DW_TAG_structure_type, true,
	       DW({ DW_AT_name, DW_FORM_string, .s = "<lambda(int)>" }));
	call = dw_die(w, DW_TAG_subprogram, false,
		      DW({ DW_AT_name, DW_FORM_string, .s = "operator()" }));
	dw_end(w);
	dw_end(w);
	dw_die(w, DW_TAG_subprogram, true,
	       DW({ DW_AT_name, DW_FORM_string, .s = "f" }));
	dw_die(w, DW_TAG_lexical_block, true, DW({ 0 }));
	in_f = dw_die(w, DW_TAG_subprogram, false,
		      DW({ DW_AT_name, DW_FORM_string, .s = "g" }));
	dw_end(w);
	dw_end(w);
	dw_end(w);
	function_of(w, text, DW_AT_specification, DW_FORM_ref4, m);
	function_of(w, text + 0x10, DW_AT_abstract_origin, DW_FORM_ref4, call);
	function_of(w, text + 0x20, DW_AT_abstract_origin, DW_FORM_ref4, in_f);
	unit_end(w);
}

START_TEST(without_a_linkage_name_scopes_are_part_of_the_name)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };

	write_scopes(&w, text_vaddr(8), DW_LANG_C_plus_plus_14);
	ck_functions(&w, &plain,
		     "0+8 ns::C<int>::m\n"
		     "10+8 ns::{lambda(int)}::operator()\n"
		     "20+8 ns::f::g\n");
}
END_TEST

START_TEST(
	a_class_that_is_defined_elsewhere_has_the_scopes_of_where_it_is_declared)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus_20);
	dw_die(&w, DW_TAG_structure_type, true,
	       DW({ DW_AT_name, DW_FORM_string, .s = "Outer" }));
	uint64_t declared =
		dw_die(&w, DW_TAG_class_type, false,
		       DW({ DW_AT_name, DW_FORM_string, .s = "Inner" }));

	dw_end(&w);
	dw_die(&w, DW_TAG_class_type, true,
	       DW({ DW_AT_specification, DW_FORM_ref4, declared }));
	uint64_t m = dw_die(&w, DW_TAG_subprogram, false,
			    DW({ DW_AT_name, DW_FORM_string, .s = "m" }));

	dw_end(&w);
	function_of(&w, text, DW_AT_specification, DW_FORM_ref4, m);
	unit_end(&w);
	ck_functions(&w, &plain, "0+8 Outer::Inner::m\n");
}
END_TEST

START_TEST(languages_without_scopes_have_bare_names)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };

	write_scopes(&w, text_vaddr(8), 0x0c);
	ck_functions(&w, &plain,
		     "0+8 m\n"
		     "10+8 operator()\n"
		     "20+8 g\n");
}
END_TEST

/* A unit of the alternate file, which has no language; what is in it is known
 * by the language of who refers to it. */
static void write_alt(struct dwarf_writer *w, uint64_t *entry_ret,
		      uint64_t *string_ret)
{
	dw_unit(w, DW_UT_partial, 0);
	dw_die(w, DW_TAG_partial_unit, true, DW({ 0 }));
	dw_die(w, DW_TAG_namespace, true,
	       DW({ DW_AT_name, DW_FORM_strp, .s = "alt" }));
	*entry_ret = dw_die(w, DW_TAG_subprogram, false,
			    DW({ DW_AT_name, DW_FORM_strp, .s = "shared" }));
	dw_end(w);
	unit_end(w);
	*string_ret = w->str.size;
	ck_assert(buf_append(&w->str, "string", 7));
}

static void ck_alt(unsigned version, unsigned reference, unsigned string,
		   bool is_there)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = version,
						       .address_size = 8 };
	CLEANUP_DWARF_WRITER struct dwarf_writer alt = w;
	CLEANUP_OPENED struct opened o = { 0 }, alt_o = { 0 };
	CLEANUP_TOLD struct told t = { .base = text_vaddr(8) };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	uint64_t entry, at;

	write_alt(&alt, &entry, &at);
	unit_begin(&w, DW_LANG_C_plus_plus_14);
	function_of(&w, t.base, DW_AT_abstract_origin, reference, entry);
	function_of(&w, t.base + 0x10, DW_AT_name, string, at);
	unit_end(&w);
	open_written(&w, &plain, &o);
	open_written(&alt, &(struct elf_spec) { 0 }, &alt_o);
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) {
			.file = &o.elf, .alt = is_there ? &alt_o.elf : NULL },
		&d));
	ck_no_error(told_units(d, NULL, &t));
	ck_told(&t, is_there ? "0+8 alt::shared\n10+8 string\n"
			     : "0+8 -\n10+8 -\n");
	ck_no_problem(d);
}

START_TEST(names_come_out_of_the_alternate_file_if_it_is_there)
{
	for (unsigned is_there = 0; is_there < 2; is_there++) {
		ck_alt(4, DW_FORM_GNU_ref_alt, DW_FORM_GNU_strp_alt, is_there);
		ck_alt(5, DW_FORM_ref_sup4, DW_FORM_strp_sup, is_there);
		ck_alt(5, DW_FORM_ref_sup8, DW_FORM_strp_sup, is_there);
	}
}
END_TEST

/* Files. */

START_TEST(paths_are_joined_and_not_made_shorter)
{
	static const char *const dirs[] = { "rel/../dir", "/abs/", "", NULL };
	static const struct elf_unit_file files[] = {
		{ "zero.c", 0 },        { "rel.c", 1 },   { "./abs.c", 2 },
		{ "/whole/path.c", 1 }, { "sub/e.c", 3 }, { "root.c", 9 },
		{ "/top.c", 0 },        { NULL },
	};

	for (unsigned version = 2; version <= 5; version++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = {
			.version = version, .address_size = 8
		};
		uint64_t text = text_vaddr(8);
		// Before version 5 an empty directory ends them.
		static const char *const old_dirs[] = { "rel/../dir", "/abs/",
							NULL };

		dw_lines(&w, "/src", version < 5 ? old_dirs : dirs, files);
		for (uint32_t i = 1; i <= 7; i++)
			dw_row(&w, text + i, i, i);
		dw_sequence_end(&w, text + 0x10);
		dw_lines_end(&w);
		dw_unit(&w, DW_UT_compile, 0);
		dw_die(&w, DW_TAG_compile_unit, true,
		       DW({ DW_AT_comp_dir, DW_FORM_string, .s = "/src" },
			  { DW_AT_stmt_list, DW_FORM_data4, 0 }));
		unit_end(&w);
		ck_functions(&w, &plain,
			     "lines 1+f\n"
			     " 0 /src/zero.c:1\n"
			     " 1 /src/rel/../dir/rel.c:2\n"
			     " 2 /abs/./abs.c:3\n"
			     " 3 /whole/path.c:4\n"
			     " 4 /src/sub/e.c:5\n"
			     " 5 /src/root.c:6\n"
			     " 6 /top.c:7\n");
	}
}
END_TEST

START_TEST(the_names_of_new_tables_may_have_any_form)
{
	static const unsigned forms[] = { 0,
					  DW_FORM_string,
					  DW_FORM_strp,
					  DW_FORM_strx,
					  DW_FORM_strx1,
					  DW_FORM_strx2,
					  DW_FORM_strx3,
					  DW_FORM_strx4 };

	// The other writer has them, and a program of one row.
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		CLEANUP_OPENED struct opened o = { 0 };
		CLEANUP_TOLD struct told t = { 0 };
		CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
		struct elf_unit unit = {
			.comp_dir = "/src",
			.table_form = forms[i],
			.comp_dir_form = forms[i],
			.has_md5 = i & 1,
			.dirs = (const char *const[]) { "include", NULL },
			.files = (struct elf_unit_file[]) { { "a.c", 0 },
							    { "a.h", 1 },
							    { NULL } },
		};

		open_written(NULL,
			     &(struct elf_spec) { .text_size = TEXT_SIZE,
						  .units = &unit,
						  .unit_count = 1 },
			     &o);
		ck_no_error(dwarf_debug_open(
			&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
		ck_no_error(told_units(d, NULL, &t));
		ck_told(&t, "lines 1000+10\n"
			    " 0 /src/include/a.h:1\n");
		ck_no_problem(d);
	}
}
END_TEST

/* Split units. */

enum { DWO_ID_1 = 0x1234567, DWO_ID_2 = 0x89abcdee };

struct split_pair {
	struct dwarf_writer skeleton, split;
	uint64_t text;
};

static void pair_deinit(struct split_pair *p)
{
	dwarf_writer_deinit(&p->skeleton);
	dwarf_writer_deinit(&p->split);
}
#define CLEANUP_PAIR CLEANUP(pair_deinit)

static void pair_init(struct split_pair *p, unsigned version)
{
	*p = (struct split_pair) {
		.skeleton = { .version = version, .address_size = 8 },
		.split = { .version = version,
			   .address_size = 8,
			   .is_split = true },
		.text = text_vaddr(8),
	};
}

/* A skeleton, whose addresses come behind those of others, and the split unit:
 * a function with an inlined call, and another of two parts. */
static void write_pair(struct split_pair *p, uint64_t id, uint64_t at,
		       const char *name)
{
	struct dwarf_writer *w = &p->skeleton;
	unsigned version = w->version;
	static const struct elf_unit_file files[] = { { "s.c", 0 }, { NULL } };
	uint64_t lines = dw_lines(w, "/src", NULL, files);

	dw_row(w, p->text + at, 1, 7);
	dw_sequence_end(w, p->text + at + 0x10);
	dw_lines_end(w);
	uint64_t first = dw_address(w, p->text + at);

	dw_address(w, p->text + at + 4);
	uint64_t base = (version < 5 ? 0 : 8) + first * 8;
	struct dw_range list[] = {
		{ p->text + at + 0x20, p->text + at + 0x24 },
		{ p->text + at + 0x28, p->text + at + 0x2c },
		{ 0 },
	};
	uint64_t ranges_base = w->ranges.size;
	uint64_t ranges = version < 5 ? dw_ranges(w, list) - ranges_base : 0;

	dw_unit(w, DW_UT_skeleton, id);
	if (version < 5)
		dw_die(w, DW_TAG_compile_unit, false,
		       DW({ DW_AT_comp_dir, DW_FORM_string, .s = "/src" },
			  { DW_AT_stmt_list, DW_FORM_sec_offset, lines },
			  { DW_AT_GNU_addr_base, DW_FORM_sec_offset, base },
			  { DW_AT_GNU_ranges_base, DW_FORM_sec_offset,
			    ranges_base },
			  { DW_AT_GNU_dwo_name, DW_FORM_strp, .s = name },
			  { DW_AT_GNU_dwo_id, DW_FORM_data8, id }));
	else
		dw_die(w, DW_TAG_skeleton_unit, false,
		       DW({ DW_AT_comp_dir, DW_FORM_line_strp, .s = "/src" },
			  { DW_AT_stmt_list, DW_FORM_sec_offset, lines },
			  { DW_AT_addr_base, DW_FORM_sec_offset, base },
			  { DW_AT_dwo_name, DW_FORM_strp, .s = name }));
	dw_unit_end(w);

	struct dwarf_writer *s = &p->split;
	unsigned strx = version < 5 ? DW_FORM_GNU_str_index : DW_FORM_strx;
	unsigned addrx = version < 5 ? DW_FORM_GNU_addr_index : DW_FORM_addrx;

	if (version >= 5)
		dw_ranges(s, list);
	dw_unit(s, DW_UT_split_compile, id);
	dw_die(s, DW_TAG_compile_unit, true,
	       version < 5 ? DW({ DW_AT_GNU_dwo_id, DW_FORM_data8, id })
			   : DW({ DW_AT_name, strx, .s = "s.c" }));
	dw_die(s, DW_TAG_subprogram, true,
	       DW({ DW_AT_name, strx, .s = name }, { DW_AT_low_pc, addrx, 0 },
		  { DW_AT_high_pc, DW_FORM_data1, 0x10 }));
	dw_die(s, DW_TAG_inlined_subroutine, false,
	       DW({ DW_AT_linkage_name, strx, .s = "inlined" },
		  { DW_AT_low_pc, addrx, 1 },
		  { DW_AT_high_pc, DW_FORM_data1, 4 },
		  { DW_AT_call_file, DW_FORM_data1, 1 },
		  { DW_AT_call_line, DW_FORM_data1, 9 }));
	dw_end(s);
	dw_die(s, DW_TAG_subprogram, false,
	       DW({ DW_AT_name, strx, .s = "parts" },
		  { DW_AT_ranges,
		    version < 5 ? DW_FORM_sec_offset : DW_FORM_rnglistx,
		    ranges }));
	unit_end(s);
}

#define PAIR_TOLD(at, parts1, parts2, name)                               \
	at "+10 " name "\n"                                               \
	   " 0 /src/s.c:7\n"                                              \
	   " 1 inlined from /src/s.c:9: 4+4\n" parts1 "+4 parts\n" parts2 \
	   "+4 parts\n"

static void ck_pairs(const struct split_pair *p, const struct elf_spec *spec,
		     bool is_there, const char *expected)
{
	CLEANUP_OPENED struct opened o = { 0 }, split = { 0 };
	CLEANUP_TOLD struct told t = { .base = p->text };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	struct dwarf_debug_split splits[] = { { &split.elf } };

	open_written(&p->skeleton, &plain, &o);
	open_written(&p->split, spec, &split);
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf,
					       .splits = splits,
					       .split_count = is_there },
		&d));
	ck_no_error(told_units(d, NULL, &t));
	ck_told(&t, expected);
	ck_no_problem(d);
}

START_TEST(split_units_are_read_with_the_addresses_of_their_skeletons)
{
	for (unsigned version = 4; version <= 5; version++) {
		CLEANUP_PAIR struct split_pair p;

		pair_init(&p, version);
		dw_address(&p.skeleton, 0);
		write_pair(&p, DWO_ID_1, 0x100, "a.dwo");
		ck_pairs(&p, &(struct elf_spec) { 0 }, true,
			 PAIR_TOLD("100", "120", "128", "a.dwo"));
		ck_pairs(&p, &(struct elf_spec) { .packing = ELF_PACK_ZLIB },
			 true, PAIR_TOLD("100", "120", "128", "a.dwo"));
	}
}
END_TEST

START_TEST(split_units_that_are_missing_are_named_and_their_lines_told)
{
	for (unsigned version = 4; version <= 5; version++) {
		CLEANUP_PAIR struct split_pair p;

		pair_init(&p, version);
		write_pair(&p, DWO_ID_1, 0x100, "a.dwo");
		ck_pairs(&p, &(struct elf_spec) { 0 }, false,
			 "missing 1234567, a.dwo in /src\n"
			 "lines 100+10\n"
			 " 0 /src/s.c:7\n");
		// One of another ID is none.
		p.split.info.size = p.split.abbrev.size = 0;
		dw_unit(&p.split, DW_UT_split_compile, DWO_ID_2);
		dw_die(&p.split, DW_TAG_compile_unit, false,
		       DW({ DW_AT_GNU_dwo_id, DW_FORM_data8, DWO_ID_2 }));
		dw_unit_end(&p.split);
		ck_pairs(&p, &(struct elf_spec) { 0 }, true,
			 "missing 1234567, a.dwo in /src\n"
			 "lines 100+10\n"
			 " 0 /src/s.c:7\n");
	}
}
END_TEST

START_TEST(of_split_units_of_one_id_the_one_that_can_be_read_counts)
{
	for (int is_second = 0; is_second < 2; is_second++) {
		CLEANUP_PAIR struct split_pair good, bad;
		CLEANUP_OPENED struct opened o = { 0 }, g = { 0 }, b = { 0 };
		CLEANUP_TOLD struct told t = { .base = text_vaddr(8) };
		CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
		struct dwarf_debug_split splits[2];

		pair_init(&good, 5);
		pair_init(&bad, 5);
		write_pair(&good, DWO_ID_1, 0x100, "a.dwo");
		write_pair(&bad, DWO_ID_1, 0x100, "a.dwo");
		bad.split.abbrev.size = 1;
		open_written(&good.skeleton, &plain, &o);
		open_written(&good.split, &(struct elf_spec) { 0 }, &g);
		open_written(&bad.split, &(struct elf_spec) { 0 }, &b);
		splits[is_second].file = &b.elf;
		splits[!is_second].file = &g.elf;
		ck_no_error(dwarf_debug_open(
			&(struct dwarf_debug_inputs) { .file = &o.elf,
						       .splits = splits,
						       .split_count = 2 },
			&d));
		ck_no_error(told_units(d, NULL, &t));
		ck_told(&t, PAIR_TOLD("100", "120", "128", "a.dwo"));
	}
}
END_TEST

/* Append what one split file has to a .dwp's. */
static void append(struct buf *to, const struct buf *from)
{
	if (from->size)
		ck_assert(buf_append(to, from->data, from->size));
}

struct contribution {
	uint32_t info, abbrev, str_offsets, rnglists;
	uint64_t id;
};

static void put_cu_index(struct dwarf_writer *w, const struct contribution *c,
			 size_t count)
{
	enum { SLOTS = 4 };
	static const uint32_t columns[] = { DW_SECT_INFO, DW_SECT_ABBREV,
					    DW_SECT_STR_OFFSETS,
					    DW_SECT_RNGLISTS };
	unsigned column_count = w->version < 5 ? 3 : 4;
	struct buf *b = &w->cu_index;
	uint64_t ids[SLOTS] = { 0 };
	uint32_t rows[SLOTS] = { 0 };

	dw_put(w, b, w->version < 5 ? 2 : 5, w->version < 5 ? 4 : 2);
	if (w->version >= 5)
		dw_put(w, b, 0, 2);
	dw_put(w, b, column_count, 4);
	dw_put(w, b, count, 4);
	dw_put(w, b, SLOTS, 4);
	for (size_t i = 0; i < count; i++) {
		size_t slot = (size_t)(c[i].id % SLOTS);

		ck_assert_uint_eq(rows[slot], 0);
		ids[slot] = c[i].id;
		rows[slot] = (uint32_t)i + 1;
	}
	for (size_t i = 0; i < SLOTS; i++)
		dw_put(w, b, ids[i], 8);
	for (size_t i = 0; i < SLOTS; i++)
		dw_put(w, b, rows[i], 4);
	for (size_t i = 0; i < column_count; i++)
		dw_put(w, b, columns[i], 4);
	for (size_t i = 0; i < count; i++) {
		const uint32_t offsets[] = { c[i].info, c[i].abbrev,
					     c[i].str_offsets, c[i].rnglists };

		for (size_t j = 0; j < column_count; j++)
			dw_put(w, b, offsets[j], 4);
	}
	for (size_t i = 0; i < count * column_count; i++)
		dw_put(w, b, 0, 4); // sizes, which nobody needs
}

START_TEST(units_are_found_in_packages_of_both_versions)
{
	for (unsigned version = 4; version <= 5; version++) {
		CLEANUP_PAIR struct split_pair p, q;
		struct contribution c[2] = { { .id = DWO_ID_1 },
					     { .id = DWO_ID_2 } };
		struct dwarf_writer *w = &p.split;

		pair_init(&p, version);
		pair_init(&q, version);
		write_pair(&p, DWO_ID_1, 0x100, "a.dwo");
		// The other is written by itself, but for its skeleton; their
		// strings are one section, with offsets made anew.
		dwarf_writer_deinit(&q.skeleton);
		q.skeleton = p.skeleton;
		q.split.str = w->str;
		write_pair(&q, DWO_ID_2, 0x200, "b.dwo");
		p.skeleton = q.skeleton;
		q.skeleton = (struct dwarf_writer) { 0 };
		w->str = q.split.str;
		q.split.str = (struct buf)BUF_INIT;
		c[1].info = (uint32_t)w->info.size;
		c[1].abbrev = (uint32_t)w->abbrev.size;
		c[1].str_offsets = (uint32_t)w->str_offsets.size;
		c[1].rnglists = (uint32_t)w->rnglists.size;
		// Offsets of abbreviations stay those of the .dwo.
		dw_put(w, &w->cu_index, 0, 0);
		append(&w->info, &q.split.info);
		append(&w->abbrev, &q.split.abbrev);
		append(&w->str_offsets, &q.split.str_offsets);
		append(&w->rnglists, &q.split.rnglists);
		put_cu_index(w, c, 2);
		ck_pairs(&p, &(struct elf_spec) { 0 }, true,
			 PAIR_TOLD("100", "120", "128", "a.dwo")
				 PAIR_TOLD("200", "220", "228", "b.dwo"));
	}
}
END_TEST

/* What dwarf_split_ids() says of a file. */
static void ck_ids(const struct dwarf_writer *w, const struct elf_spec *spec,
		   const uint64_t *expected, size_t expected_count)
{
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_FREE uint64_t *ids = NULL;
	size_t count;

	open_written(w, spec, &o);
	ck_no_error(dwarf_split_ids(&o.elf, &ids, &count));
	ck_assert_uint_eq(count, expected_count);
	if (count)
		ck_assert_mem_eq(ids, expected, count * sizeof(*expected));
}

START_TEST(the_ids_of_split_units_are_told)
{
	static const uint64_t one[] = { DWO_ID_1 };
	static const uint64_t both[] = { DWO_ID_1, DWO_ID_2 };

	for (unsigned version = 4; version <= 5; version++) {
		CLEANUP_PAIR struct split_pair p;
		struct contribution c[2] = { { .id = DWO_ID_2 },
					     { .id = DWO_ID_1 } };

		pair_init(&p, version);
		write_pair(&p, DWO_ID_1, 0x100, "a.dwo");
		ck_ids(&p.split, &(struct elf_spec) { 0 }, one, 1);
		ck_ids(&p.split,
		       &(struct elf_spec) { .packing = ELF_PACK_ZSTD }, one, 1);
		// A skeleton has none.
		ck_ids(&p.skeleton, &plain, NULL, 0);
		// The index of a package says it all, in any order.
		put_cu_index(&p.split, c, 2);
		ck_ids(&p.split, &(struct elf_spec) { 0 }, both, 2);
	}
}
END_TEST

/* Version, columns, units, slots: 4 bytes each. */
START_TEST(an_index_of_split_units_that_lies_is_bounded)
{
	static const struct {
		size_t at;
		uint64_t value;
		size_t count;
	} cases[] = {
		{ 0, 3, 0 },
		{ 4, 17, 0 },
		{ 4, UINT32_MAX, 0 },
		{ 8, UINT32_MAX, 0 },
		{ 8, 0, 0 },
		{ 12, UINT32_MAX, 0 },
		{ 12, 0x40000000, 0 },
		{ 12, 0, 0 },
		// The last slot's row is behind the last one.
		{ 16 + 4 * 8 + 3 * 4, 3, 1 },
	};
	static const uint64_t one[] = { DWO_ID_1 };
	struct contribution c[2] = { { .id = DWO_ID_1 }, { .id = DWO_ID_2 } };

	ck_assert_uint_eq(DWO_ID_1 % 4, 3);
	c[0].id = DWO_ID_2;
	c[1].id = DWO_ID_1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_PAIR struct split_pair p;
		static const uint64_t other[] = { DWO_ID_2 };

		pair_init(&p, 5);
		write_pair(&p, DWO_ID_1, 0x100, "a.dwo");
		put_cu_index(&p.split, c, 2);
		for (unsigned k = 0; k < 4; k++)
			p.split.cu_index.data[cases[i].at + k] =
				(uint8_t)(cases[i].value >> 8 * k);
		ck_ids(&p.split, &(struct elf_spec) { 0 },
		       cases[i].count ? other : one, cases[i].count);
	}
}
END_TEST

START_TEST(more_split_units_than_there_may_be_are_left_out)
{
	enum { SLOTS = 1 << 19 };
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8,
						       .is_split = true };
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_FREE uint64_t *ids = NULL;
	struct buf *b = &w.cu_index;
	size_t count;

	dw_put(&w, b, 5, 4);
	dw_put(&w, b, 0, 4); // no columns: rows take no room
	dw_put(&w, b, 1, 4);
	dw_put(&w, b, SLOTS, 4);
	for (uint64_t i = 0; i < SLOTS; i++)
		dw_put(&w, b, i / 2, 8); // each twice
	for (size_t i = 0; i < SLOTS; i++)
		dw_put(&w, b, 1, 4);
	open_written(&w, &(struct elf_spec) { 0 }, &o);
	ck_no_error(dwarf_split_ids(&o.elf, &ids, &count));
	ck_assert_uint_eq(count, ELF_SPLIT_IDS_MAX / 2);
	ck_assert_uint_eq(ids[count - 1], ELF_SPLIT_IDS_MAX / 2 - 1);
}
END_TEST

UNIT_MAIN(
	"dwarf_names", the_ids_of_split_units_are_told,
	an_index_of_split_units_that_lies_is_bounded,
	more_split_units_than_there_may_be_are_left_out,
	names_come_from_what_is_referred_to,
	without_a_linkage_name_scopes_are_part_of_the_name,
	a_class_that_is_defined_elsewhere_has_the_scopes_of_where_it_is_declared,
	languages_without_scopes_have_bare_names,
	names_come_out_of_the_alternate_file_if_it_is_there,
	paths_are_joined_and_not_made_shorter,
	the_names_of_new_tables_may_have_any_form,
	split_units_are_read_with_the_addresses_of_their_skeletons,
	split_units_that_are_missing_are_named_and_their_lines_told,
	of_split_units_of_one_id_the_one_that_can_be_read_counts,
	units_are_found_in_packages_of_both_versions)

/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF of functions that is damaged, lies, or goes round in circles: what is
 * good is given, what is not is noted, and it ends. */
#include "config.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "elf/elf_limits.h"
#include "tests/lib/dwarf_programs.h"
#include "tests/lib/functions_fixture.h"

/* Read all of it, then some of it. */
static struct error *read_all(const struct elf_file *elf,
			      const struct elf_file *alt, struct told *t,
			      char **problem_ret)
{
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	CLEANUP_FREE size_t *units = NULL;
	uint64_t addresses[] = { t->base + 5, t->base + 0x44, t->base + 0x8c };
	struct dwarf_wanted wanted = { addresses, 3 };
	struct dwarf_sink sink = told_sink(t);
	struct dwarf_debug_split split = { (struct elf_file *)alt };
	size_t count;

	TRY(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = (struct elf_file *)elf,
					       .alt = (struct elf_file *)alt,
					       .splits = &split,
					       .split_count = alt != NULL },
		&d));
	TRY(told_units(d, NULL, t));
	if (problem_ret && dwarf_debug_problem(d)) {
		*problem_ret = mem_strdup(dwarf_debug_problem(d));
		if (!*problem_ret)
			return error_no_memory;
	}
	TRY(dwarf_debug_find_units(d, &wanted, &units, &count));
	for (size_t i = 0; i < count; i++)
		TRY(dwarf_debug_read_unit(d, units[i], &wanted, &sink));
	return NULL;
}

static void ck_reads(const struct elf_file *elf, uint64_t base)
{
	CLEANUP_TOLD struct told t = { .base = base };

	ck_no_error(read_all(elf, elf, &t, NULL));
}

/* The sections of a file that dw_elf() wrote lie one behind the other. */
static void range_of_dwarf(const struct elf_file *f, size_t *start, size_t *end)
{
	*start = SIZE_MAX;
	*end = 0;
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (strncmp(elf_file_section_name(f, &s), ".debug_", 7) != 0)
			continue;
		if (s.offset < *start)
			*start = (size_t)s.offset;
		if (s.offset + s.size > *end)
			*end = (size_t)(s.offset + s.size);
	}
}

/* */
START_TEST(any_byte_may_be_any_other)
{
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	static const unsigned versions[] = { 2, 4, 5 };

	for (size_t v = 0; v < 3; v++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = {
			.version = versions[v],
			.address_size = v == 0 ? 4 : 8,
			.big_endian = v == 1,
		};
		CLEANUP_OPENED struct opened o = { 0 };
		uint64_t base = text_vaddr(w.address_size);
		size_t start, end;

		write_some_of_everything(&w, base);
		open_written(&w, &plain, &o);
		range_of_dwarf(&o.elf, &start, &end);
		ck_assert_uint_gt(end - start, 300);
		for (size_t i = start; i < end; i++) {
			for (size_t m = 0; m < sizeof(masks); m++) {
				o.image.data[i] ^= masks[m];
				ck_reads(&o.elf, base);
				o.image.data[i] ^= masks[m];
			}
		}
	}
}
END_TEST

/* */
START_TEST(any_section_may_end_anywhere)
{
	for (unsigned version = 2; version <= 5; version++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = {
			.version = version, .address_size = 8
		};
		uint64_t base = text_vaddr(8);

		write_some_of_everything(&w, base);
		struct buf *cut[] = { &w.info, &w.abbrev, &w.line,
				      &w.str,  &w.ranges, &w.rnglists,
				      &w.addr, &w.aranges };

		for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++) {
			size_t whole = cut[i]->size;

			for (; cut[i]->size; cut[i]->size--) {
				CLEANUP_OPENED struct opened o = { 0 };

				open_written(&w, &plain, &o);
				ck_reads(&o.elf, base);
			}
			cut[i]->size = whole;
		}
	}
}
END_TEST

START_TEST(any_allocation_may_fail)
{
	for (unsigned i = 0; i < 4; i++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = {
			.version = 5 - i % 2, .address_size = 8
		};
		CLEANUP_OPENED struct opened o = { 0 };
		uint64_t base = text_vaddr(8);
		struct elf_spec spec = plain;
		bool is_done = false;

		spec.packing = i & 2 ? ELF_PACK_ZSTD : ELF_PACK_NONE;
		write_some_of_everything(&w, base);
		open_written(&w, &spec, &o);
		for (unsigned long n = 1; !is_done; n++) {
			CLEANUP_TOLD struct told t = { .base = base };

			mem_fail_at(n);
			struct error *err = read_all(&o.elf, &o.elf, &t, NULL);

			is_done = !mem_fail_happened();
			mem_fail_at(0);
			// The cache of names does without.
			ck_assert(!err || !is_done);
			ck_assert(!err || error_kind(err) == ERROR_NO_MEMORY);
			error_free(err);
			ck_assert_uint_lt(n, 2000);
		}
	}
}
END_TEST

/* What is read of a file that is not as it should be, and what is said. */
static void ck_problem_of(const struct dwarf_writer *w, const char *expected,
			  const char *problem)
{
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_TOLD struct told t = { .base = text_vaddr(w->address_size) };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	const char *said;

	open_written(w, &plain, &o);
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
	ck_no_error(told_units(d, NULL, &t));
	if (expected)
		ck_told(&t, expected);
	said = dwarf_debug_problem(d);
	ck_assert_msg(said && strstr(said, problem), "said: %s",
		      said ? said : "(nothing)");
}

static uint64_t function(struct dwarf_writer *w, bool has_children,
			 const char *name, uint64_t start)
{
	return put_code(w, DW_TAG_subprogram, has_children, name,
			(struct dw_range) { start, start + 8 });
}

START_TEST(what_is_good_around_damage_is_given)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus);
	function(&w, false, "before", text);
	dw_put_uleb(&w.info, 77); // no such abbreviation
	function(&w, false, "lost", text + 0x10);
	unit_end(&w);
	unit_begin(&w, DW_LANG_C_plus_plus);
	// A string, a list, an origin that lie nowhere.
	dw_die(&w, DW_TAG_subprogram, true,
	       DW({ DW_AT_abstract_origin, DW_FORM_ref4, 0x10000 },
		  { DW_AT_low_pc, DW_FORM_addr, text + 0x20 },
		  { DW_AT_high_pc, DW_FORM_data4, 8 }));
	dw_die(&w, DW_TAG_inlined_subroutine, false,
	       DW({ DW_AT_linkage_name, DW_FORM_string, .s = "in" },
		  { DW_AT_ranges, DW_FORM_sec_offset, 0x10000 }));
	dw_end(&w);
	unit_end(&w);
	ck_problem_of(&w,
		      "0+8 before\n"
		      "20+8 -\n",
		      ".debug_info at offset 0x0: no abbreviation 77");
}
END_TEST

/* */
START_TEST(references_in_circles_end)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus);
	// To itself, and two to each other.
	uint64_t at = w.info.size;

	dw_die(&w, DW_TAG_subprogram, false,
	       DW({ DW_AT_abstract_origin, DW_FORM_ref4, at },
		  { DW_AT_low_pc, DW_FORM_addr, text },
		  { DW_AT_high_pc, DW_FORM_data4, 8 }));
	at = w.info.size;
	uint64_t one = dw_die(&w, DW_TAG_subprogram, false,
			      DW({ DW_AT_specification, DW_FORM_ref4, 0 }));
	uint64_t two = dw_die(&w, DW_TAG_subprogram, false,
			      DW({ DW_AT_specification, DW_FORM_ref4, one },
				 { DW_AT_name, DW_FORM_string, .s = "two" }));

	dw_patch_ref4(&w, one + 1, two);
	dw_die(&w, DW_TAG_subprogram, false,
	       DW({ DW_AT_abstract_origin, DW_FORM_ref4, one },
		  { DW_AT_low_pc, DW_FORM_addr, text + 0x10 },
		  { DW_AT_high_pc, DW_FORM_data4, 8 }));
	unit_end(&w);
	ck_functions(&w, &plain,
		     "0+8 -\n"
		     "10+8 two\n");
}
END_TEST

START_TEST(a_sibling_behind_the_entry_is_not_followed)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus);
	uint64_t at = w.info.size;

	dw_die(&w, DW_TAG_subroutine_type, true,
	       DW({ DW_AT_sibling, DW_FORM_ref4, at }));
	dw_end(&w);
	function(&w, false, "f", text);
	unit_end(&w);
	ck_functions(&w, &plain, "0+8 f\n");
}
END_TEST

/* */
START_TEST(entries_may_not_lie_too_deep_in_each_other)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus);
	function(&w, false, "before", text);
	function(&w, true, "deep", text + 0x10);
	for (size_t i = 0; i < ELF_DWARF_DEPTH_MAX + 10; i++)
		dw_die(&w, DW_TAG_lexical_block, true, DW({ 0 }));
	unit_end(&w);
	ck_problem_of(&w,
		      "0+8 before\n"
		      "10+8 deep\n",
		      "more than 4096 deep");
}
END_TEST

/* A unit with lines, of the first 0x40 bytes. */
static void begin_with_lines(struct dwarf_writer *w, uint64_t text)
{
	static const struct elf_unit_file files[] = { { "a.c", 0 }, { NULL } };
	uint64_t lines = dw_lines(w, "/src", NULL, files);

	for (uint32_t i = 0; i < 8; i++)
		dw_row(w, text + 8 * i, 1, 10 + i);
	dw_sequence_end(w, text + 0x40);
	dw_lines_end(w);
	dw_unit(w, DW_UT_compile, 0);
	dw_die(w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_comp_dir, DW_FORM_string, .s = "/src" },
		  { DW_AT_stmt_list, DW_FORM_sec_offset, lines }));
}

/* Which inlined call lines are of, and whether they are of a function at
 * all, nobody knows then. */
START_TEST(where_calls_and_functions_were_not_read_there_are_no_lines)
{
	enum { DAMAGE, LIMIT, RANGES, KINDS };
	static const char nothing_behind[] = "0+8 before\n"
					     " 0 /src/a.c:10\n"
					     "10+8 deep\n"
					     " 1 first from -:0: 1+1\n";
	static const char without_deep[] = "0+8 before\n"
					   " 0 /src/a.c:10\n"
					   "10+8 deep\n"
					   " 1 first from -:0: 1+1\n"
					   " 1 second from -:0: 2+1\n"
					   "20+8 behind\n"
					   " 0 /src/a.c:14\n"
					   "lines 8+8\n"
					   " 0 /src/a.c:11\n"
					   "lines 18+8\n"
					   " 0 /src/a.c:13\n"
					   "lines 28+18\n"
					   " 0 /src/a.c:15\n"
					   " 8 /src/a.c:16\n"
					   " 10 /src/a.c:17\n";

	for (int kind = 0; kind < KINDS; kind++) {
		bool is_limit = kind == LIMIT;
		CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
							       .address_size =
								       8 };
		CLEANUP_OPENED struct opened o = { 0 };
		CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
		uint64_t text = text_vaddr(8);
		CLEANUP_TOLD struct told t = { .base = text };

		begin_with_lines(&w, text);
		function(&w, false, "before", text);
		function(&w, true, "deep", text + 0x10);
		put_code(&w, DW_TAG_inlined_subroutine, false, "first",
			 (struct dw_range) { text + 0x11, text + 0x12 });
		if (is_limit)
			for (size_t i = 0; i < ELF_DWARF_DEPTH_MAX; i++)
				dw_die(&w, DW_TAG_lexical_block, true,
				       DW({ 0 }));
		else if (kind == RANGES)
			dw_die(&w, DW_TAG_inlined_subroutine, false,
			       DW({ DW_AT_ranges, DW_FORM_sec_offset,
				    0x10000 }));
		else
			dw_put_uleb(&w.info, 77); // no such abbreviation
		put_code(&w, DW_TAG_inlined_subroutine, false, "second",
			 (struct dw_range) { text + 0x12, text + 0x13 });
		for (size_t i = 0; is_limit && i < ELF_DWARF_DEPTH_MAX; i++)
			dw_end(&w);
		dw_end(&w);
		function(&w, false, "behind", text + 0x20);
		unit_end(&w);
		open_written(&w, &plain, &o);
		ck_no_error(dwarf_debug_open(
			&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
		ck_assert(!dwarf_debug_is_cut(d));
		ck_no_error(told_units(d, NULL, &t));
		ck_told(&t, kind == RANGES ? without_deep : nothing_behind);
		ck_assert_int_eq(dwarf_debug_is_cut(d), is_limit);
	}
}
END_TEST

/* Each is passed over once for every one around it. */
START_TEST(functions_in_functions_by_the_thousand_end)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);
	size_t count = 3000;

	unit_begin(&w, DW_LANG_C_plus_plus);
	for (size_t i = 0; i < count; i++)
		function(&w, true, "f", text + i);
	for (size_t i = 0; i < count; i++)
		dw_end(&w);
	unit_end(&w);
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	struct told *t = mem_zalloc(sizeof(*t));

	ck_assert_ptr_nonnull(t);
	t->base = text;
	open_written(&w, &plain, &o);
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
	// One sink number for all names.
	struct dwarf_sink sink = told_sink(t);

	sink.name = told_same_name;
	ck_no_error(dwarf_debug_read_unit(d, 0, NULL, &sink));
	ck_assert_uint_eq(t->functions, count);
	told_deinit(t);
	mem_free(t);
}
END_TEST

/* A long list of ranges, which many calls claim. */
/* */
START_TEST(claims_upon_claims_are_work_and_work_has_an_end)
{
	enum { RANGES = 200000, CALLS = 2000 };
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	for (size_t i = 0; i < RANGES; i++) {
		dw_put(&w, &w.ranges, text + 1, 8);
		dw_put(&w, &w.ranges, text + 2, 8);
	}
	dw_put(&w, &w.ranges, 0, 8);
	dw_put(&w, &w.ranges, 0, 8);
	unit_begin(&w, DW_LANG_C_plus_plus);
	function(&w, false, "before", text + 0x10);
	function(&w, true, "f", text);
	uint64_t call = dw_die(&w, DW_TAG_inlined_subroutine, false,
			       DW({ DW_AT_ranges, DW_FORM_sec_offset, 0 }));
	size_t size = w.info.size - call;

	for (size_t i = 1; i < CALLS; i++) {
		void *room = buf_reserve(&w.info, size);

		ck_assert_ptr_nonnull(room);
		memcpy(room, w.info.data + call, size);
		buf_commit(&w.info, size);
	}
	dw_end(&w);
	unit_end(&w);
	ck_problem_of(&w, NULL, "again and again");
}
END_TEST

/* Functions in functions are put off, and what is in the inmost is passed over
 * for each of them. */
START_TEST(functions_that_are_put_off_are_work_and_work_has_an_end)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);

	unit_begin(&w, DW_LANG_C_plus_plus);
	function(&w, false, "before", text + 0x10);
	for (size_t i = 0; i < 2000; i++)
		function(&w, true, "f", text);
	dw_die(&w, DW_TAG_variable, false,
	       DW({ 0x02 /* location */, DW_FORM_exprloc, 600000 }));
	for (size_t i = 0; i < 2000; i++)
		dw_end(&w);
	unit_end(&w);
	ck_problem_of(&w, NULL, "again and again");
}
END_TEST

/* A section that this process has no room for is damage like any other. */
START_TEST(a_section_too_large_for_memory_is_a_problem_and_no_more)
{
#ifndef SANITIZED
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 4,
						       .address_size = 8 };
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	uint64_t text = text_vaddr(8);
	CLEANUP_TOLD struct told t = { .base = text };
	struct rlimit before, less;
	size_t pages;
	FILE *statm = fopen("/proc/self/statm", "re");

	ck_assert_ptr_nonnull(statm);
	ck_assert_int_eq(fscanf(statm, "%zu", &pages), 1);
	fclose(statm);
	unit_begin(&w, DW_LANG_C_plus_plus);
	function(&w, false, "f", text);
	dw_die(&w, DW_TAG_subprogram, false,
	       DW({ DW_AT_name, DW_FORM_strp, .s = "g" },
		  { DW_AT_low_pc, DW_FORM_addr, text + 0x10 },
		  { DW_AT_high_pc, DW_FORM_data4, 8 }));
	unit_end(&w);
	open_written(
		&w,
		&(struct elf_spec) {
			.text_size = TEXT_SIZE,
			.packing = ELF_PACK_ZLIB,
			.lies = (struct elf_lie[]) { { .field = ELF_BYTES,
						       .section = ".debug_str",
						       .value = 60 << 20,
						       .at = 8,
						       .width = 8 },
						     { 0 } } },
		&o);
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
	less = before;
	less.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + (32 << 20);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &less), 0);
	struct error *err = dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf }, &d);

	if (!err)
		err = told_units(d, NULL, &t);
	setrlimit(RLIMIT_AS, &before);
	ck_no_error(err);
	ck_told(&t, "0+8 f\n10+8 -\n");
	ck_assert_ptr_nonnull(dwarf_debug_problem(d));
	ck_assert_ptr_nonnull(strstr(dwarf_debug_problem(d), "no room for"));
#endif
}
END_TEST

/* Linkers leave the addresses of dropped code at 0, the sizes as they were. */
START_TEST(sets_of_addresses_of_dropped_code_cover_none)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);
	uint64_t dropped = dw_unit(&w, DW_UT_compile, 0);

	dw_die(&w, DW_TAG_compile_unit, true, DW({ 0 }));
	unit_end(&w);
	dw_unit(&w, DW_UT_compile, 0);
	dw_die(&w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_low_pc, DW_FORM_addr, text },
		  { DW_AT_high_pc, DW_FORM_data1, 8 }));
	function(&w, false, "f", text);
	unit_end(&w);
	dw_aranges(&w, dropped, DW_RANGES({ 0, text + 0x1000 }));
	ck_wanted(&w, (const uint64_t[]) { 4 }, 1, "unit 1\n0+8 f\n");
}
END_TEST

START_TEST(counts_that_are_claimed_take_no_memory)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
						       .address_size = 8 };
	uint64_t text = text_vaddr(8);
	static const uint8_t nothing[] = {
		0,                      // of directories no format,
		0xff, 0xff, 0xff, 0x7f, // and many of them
	};
	static const struct elf_unit_file files[] = { { "a.c", 0 }, { NULL } };

	dw_lines(&w, "/src", NULL, files);
	dw_lines_end(&w);
	// Behind the operand counts.
	memcpy(w.line.data + 30, nothing, sizeof(nothing));
	dw_unit(&w, DW_UT_compile, 0);
	dw_die(&w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_stmt_list, DW_FORM_sec_offset, 0 }));
	function(&w, false, "f", text);
	unit_end(&w);
	ck_problem_of(&w, "0+8 f\n", "too many directories");
	memcpy(w.line.data + 30, "\0\x20", 2); // 32 of nothing
	ck_problem_of(&w, "0+8 f\n", ".debug_line at 0x0");
}
END_TEST

START_TEST(units_that_are_not_what_they_claim_are_passed_over)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *problem;
	} cases[] = {
		{ 3, 0x7f, "reaches beyond the section's end" },
		{ 4, 6, "unknown version 6" },
		{ 4, 1, "unknown version 1" },
		{ 6, 0x55, "" }, // a type that may not hold code
		{ 7, 3, "address size 3" },
		{ 11, 0x7f, "no table at 0x7f" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
							       .address_size =
								       8 };
		uint64_t text = text_vaddr(8);
		size_t first = 0;

		unit_begin(&w, DW_LANG_C_plus_plus);
		function(&w, false, "first", text);
		unit_end(&w);
		first = w.info.size;
		unit_begin(&w, DW_LANG_C_plus_plus);
		function(&w, false, "second", text + 0x10);
		unit_end(&w);
		w.info.data[cases[i].at] = cases[i].value;
		ck_assert_uint_gt(first, 12);
		if (cases[i].problem[0])
			ck_problem_of(&w,
				      cases[i].at == 3 ? "" : "10+8 second\n",
				      cases[i].problem);
		else
			ck_functions(&w, &plain, "10+8 second\n");
	}
}
END_TEST

/* Of .debug_aranges: version at 4, address size at 10, selector size at 11. Of
 * a set that is not understood, the unit's own ranges are taken. */
START_TEST(sets_of_addresses_of_no_known_kind_are_passed_over)
{
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = { { 4, 3 },  { 10, 0 },   { 10, 1 }, { 10, 3 },
		      { 10, 9 }, { 10, 255 }, { 11, 1 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_DWARF_WRITER struct dwarf_writer w = { .version = 5,
							       .address_size =
								       8 };
		uint64_t text = text_vaddr(8);
		uint64_t at = dw_unit(&w, DW_UT_compile, 0);

		dw_die(&w, DW_TAG_compile_unit, true,
		       DW({ DW_AT_low_pc, DW_FORM_addr, text },
			  { DW_AT_high_pc, DW_FORM_data1, 8 }));
		function(&w, false, "f", text);
		unit_end(&w);
		dw_aranges(&w, at, DW_RANGES({ text, text + 8 }));
		w.aranges.data[cases[i].at] = cases[i].value;
		ck_wanted(&w, (const uint64_t[]) { 4 }, 1, "unit 0\n0+8 f\n");
	}
}
END_TEST

UNIT_MAIN("dwarf_hostile", sets_of_addresses_of_no_known_kind_are_passed_over,
	  any_byte_may_be_any_other, any_section_may_end_anywhere,
	  any_allocation_may_fail, what_is_good_around_damage_is_given,
	  references_in_circles_end, a_sibling_behind_the_entry_is_not_followed,
	  entries_may_not_lie_too_deep_in_each_other,
	  where_calls_and_functions_were_not_read_there_are_no_lines,
	  functions_in_functions_by_the_thousand_end,
	  claims_upon_claims_are_work_and_work_has_an_end,
	  functions_that_are_put_off_are_work_and_work_has_an_end,
	  a_section_too_large_for_memory_is_a_problem_and_no_more,
	  sets_of_addresses_of_dropped_code_cover_none,
	  counts_that_are_claimed_take_no_memory,
	  units_that_are_not_what_they_claim_are_passed_over)

/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled tables written and read again; the bytes are LLVM's. */
#include "config.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_private.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/lib/symtab_random.h"
#include "tests/unit/unit.h"

static uint32_t string(struct symtab_writer *w, const char *s)
{
	uint32_t at;

	ck_no_error(symtab_writer_string(w, s, strlen(s), &at));
	return at;
}

static uint32_t file(struct symtab_writer *w, const char *dir, const char *base)
{
	uint32_t n;

	ck_no_error(symtab_writer_file(w, string(w, dir), string(w, base), &n));
	return n;
}

/* Finish, free the writer and open what it wrote. */
static struct symtab *finish(struct symtab_writer *w,
			     const struct symtab_writer_facts *facts,
			     struct buf *table)
{
	static const struct symtab_writer_facts none = { .is_whole = true };
	struct symtab *t;

	symtab_fixture_finish(w, facts ? facts : &none, table);
	symtab_writer_free(w);
	ck_no_error(symtab_open_memory(table->data, table->size, NULL, &t));
	return t;
}

/* libc6 2.36-9+deb12u14 amd64, the cold part of _nl_load_domain. */
START_TEST(a_function_is_encoded_byte_for_byte_as_llvm_does)
{
	static const uint8_t expected[] = {
		/* size 10, name 1 */
		0x0a, 0, 0, 0, 0x01, 0, 0, 0,
		/* lines */
		0x01, 0, 0, 0, 0x0c, 0, 0, 0, 0xe4, 0x7a, 0xe4, 0x7a, 0x99,
		0x09, 0x01, 0x48, 0x02, 0x00, 0x09, 0x00,
		/* inlined calls */
		0x02, 0, 0, 0, 0x16, 0, 0, 0, 0x01, 0x00, 0x0a, 0x01, 0x01, 0,
		0, 0, 0x00, 0x00, 0x01, 0x05, 0x05, 0x00, 0x11, 0, 0, 0, 0x48,
		0xca, 0x07, 0x00,
		/* end, and the next multiple of four */
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	};
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_writer *w;

	ck_no_error(symtab_writer_create(&w));
	uint32_t outer = string(w, "_nl_load_domain");
	uint32_t inner = string(w, "get_sysdep_segment_value");

	for (int i = 1; i < 72; i++) {
		char name[8];

		snprintf(name, sizeof(name), "%d.c", i);
		ck_assert_uint_eq(file(w, "", name), i);
	}
	uint32_t c = file(w, "./intl", "loadmsgcat.c");
	struct symtab_row rows[] = { { 0, c, 1177 }, { 5, c, 509 } };
	struct symtab_range range = { 5, 5 };
	struct symtab_inline call = { 1, inner, c, 970, &range, 1 };
	struct symtab_function f = { .start = { 0x26395 },
				     .size = 10,
				     .name = outer,
				     .origin = SYMTAB_QUALITY_DWARF,
				     .rows = rows,
				     .row_count = 2,
				     .inlines = &call,
				     .inline_count = 1 };

	ck_assert_uint_eq(c, 0x48);
	ck_no_error(symtab_writer_add(w, &f));
	struct symtab *t = finish(w, NULL, &table);
	const uint8_t *info = t->data + symtab_u32(t->infos);

	ck_assert_uint_eq(t->gsym_size - (size_t)(info - t->data),
			  sizeof(expected));
	ck_assert_mem_eq(info, expected, sizeof(expected));
	symtab_put(t);
}
END_TEST

static struct symtab_writer *new_writer(void)
{
	struct symtab_writer *w;

	ck_no_error(symtab_writer_create(&w));
	return w;
}

static size_t find(struct symtab_cursor *c, uint64_t at,
		   const struct symtab_frame **ret)
{
	size_t count;

	ck_no_error(symtab_find(c, (struct vaddr) { at }, true, ret, &count));
	return count;
}

static void check_at(const struct symtab_random *r, struct symtab *t,
		     struct symtab_cursor *c, uint64_t at)
{
	struct symtab_frame b[SYMTAB_FRAMES_MAX];
	const struct symtab_frame *a;
	char name[SYMTAB_RANDOM_NAME_SIZE];
	size_t count = find(c, at, &a), expected = symtab_random_find(r, at, b);

	ck_assert_msg(count == expected, "0x%jx: %zu frames instead of %zu",
		      (uintmax_t)at, count, expected);
	for (size_t i = 0; i < count; i++) {
		const char *found = symtab_name(t, a[i].name, NULL);

		symtab_random_name(r, b[i].name, name);
		ck_assert_msg(!strcmp(found, name) && a[i].file == b[i].file &&
				      a[i].line == b[i].line &&
				      a[i].is_inlined == b[i].is_inlined &&
				      a[i].start.v == b[i].start.v &&
				      a[i].size == b[i].size,
			      "0x%jx: frame %zu: %s, line %u instead of %s, %u",
			      (uintmax_t)at, i, found, a[i].line, name,
			      b[i].line);
	}
}

/* Every address, from the lowest; and in any order. */
static void check_random(const struct symtab_random *r, struct symtab *t)
{
	uint64_t end = r->functions[r->count - 1].start.v + 10000;
	struct symtab_random dice = { .state = 7 };
	struct symtab_cursor *c;

	ck_no_error(symtab_cursor_create(t, &c));
	for (uint64_t at = 0x400fff; at < end; at += 7)
		check_at(r, t, c, at);
	for (int i = 0; i < 5000; i++) {
		uint64_t at =
			0x401000 +
			symtab_random_next(&dice, (uint32_t)(end - 0x401000));

		check_at(r, t, c, at);
	}
	symtab_cursor_free(c);
}

START_TEST(what_is_written_is_found_again_at_every_address)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_random r = { .state = 88172645463325252 };
	struct symtab_writer *w = new_writer();

	symtab_random_make(&r, w, 60);
	// In another order.
	for (size_t i = 0; i < r.count; i++)
		ck_no_error(
			symtab_writer_add(w, &r.functions[i * 37 % r.count]));
	struct symtab *t = finish(w, NULL, &table);
	size_t indexed = 0;

	ck_assert_uint_eq(t->count, r.count);
	for (uint32_t i = 0; i < t->count; i++)
		indexed += !!symtab_u32(t->index + 4 * (size_t)i);
	ck_assert_uint_gt(indexed, 3);
	ck_assert_uint_lt(indexed, r.count - 3);
	ck_assert_uint_gt(t->span_count, 1);
	check_random(&r, t);
	symtab_put(t);
	symtab_random_free(&r);
}
END_TEST

START_TEST(without_inlines_a_frame_has_the_line_of_its_call)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_writer *w = new_writer();
	struct symtab_row row = { 0, file(w, "d", "inner.h"), 7 };
	struct symtab_range range = { 2, 4 };
	struct symtab_inline calls[] = {
		{ 1, string(w, "a"), file(w, "d", "outer.c"), 30, &range, 1 },
		{ 2, string(w, "b"), file(w, "d", "a.h"), 20, &range, 1 },
	};
	struct symtab_function f = { .start = { 0x10 },
				     .size = 16,
				     .name = string(w, "outer"),
				     .rows = &row,
				     .row_count = 1,
				     .inlines = calls,
				     .inline_count = 2 };
	const struct symtab_frame *frames;
	struct symtab_cursor *c;
	size_t count;

	ck_no_error(symtab_writer_add(w, &f));
	struct symtab *t = finish(w, NULL, &table);

	ck_no_error(symtab_cursor_create(t, &c));
	ck_assert_uint_eq(find(c, 0x13, &frames), 3);
	ck_assert_str_eq(symtab_name(t, frames[0].name, NULL), "b");
	ck_assert_uint_eq(frames[0].line, 7);
	ck_assert_uint_eq(frames[1].line, 20);
	ck_assert_uint_eq(frames[2].line, 30);
	ck_assert(frames[1].is_inlined && !frames[2].is_inlined);
	ck_no_error(symtab_find(c, (struct vaddr) { 0x13 }, false, &frames,
				&count));
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(symtab_name(t, frames[0].name, NULL), "outer");
	ck_assert_uint_eq(frames[0].line, 30);
	ck_assert_uint_eq(frames[0].file, calls[0].call_file);
	ck_assert_uint_eq(find(c, 0x16, &frames), 1);
	ck_assert_uint_eq(frames[0].line, 7);
	symtab_cursor_free(c);
	symtab_put(t);
}
END_TEST

/* Added in any order, the same one stays. */
static void check_best(const struct symtab_function *best,
		       const struct symtab_function *worse)
{
	for (int turn = 0; turn < 2; turn++) {
		CLEANUP_BUF struct buf table = BUF_INIT;
		struct symtab_writer *w = new_writer();
		struct symtab_function a = *best, b = *worse;
		const struct symtab_frame *f;
		struct symtab_cursor *c;

		file(w, "", "a.c");
		a.name = string(w, "best");
		b.name = string(w, "worse");
		ck_no_error(symtab_writer_add(w, turn ? &a : &b));
		ck_no_error(symtab_writer_add(w, turn ? &b : &a));
		struct symtab *t = finish(w, NULL, &table);

		ck_assert_uint_eq(t->count, 1);
		ck_no_error(symtab_cursor_create(t, &c));
		ck_assert_uint_eq(find(c, best->start.v, &f), 1);
		ck_assert_str_eq(symtab_name(t, f->name, NULL), "best");
		symtab_cursor_free(c);
		symtab_put(t);
	}
}

START_TEST(of_functions_at_one_address_the_best_stays)
{
	struct symtab_row row = { 0, 1, 1 };
	struct symtab_range range = { 1, 2 };
	struct symtab_inline call = { 1, 0, 1, 1, &range, 1 };
	struct symtab_function plain = { .start = { 64 }, .size = 8 };
	struct symtab_function better = plain;

	better.origin = SYMTAB_QUALITY_SYMTAB;
	better.size = 4;
	check_best(&better, &plain);
	better = plain;
	better.rows = &row;
	better.row_count = 1;
	better.size = 4;
	check_best(&better, &plain);
	better = plain;
	better.inlines = &call;
	better.inline_count = 1;
	better.size = 4;
	check_best(&better, &plain);
	better = plain;
	better.size = 9;
	check_best(&better, &plain);
	// A label within a function that is known with its lines.
	struct symtab_function label = { .start = { 66 }, .size = 100 };

	better = plain;
	better.origin = SYMTAB_QUALITY_DWARF;
	better.rows = &row;
	better.row_count = 1;
	check_best(&better, &label);
}
END_TEST

/* Strings in the order in which functions name them, those of files last. */
START_TEST(a_table_has_the_strings_that_it_names_and_no_others)
{
	static const char strings[] = "\0early\0inner\0below\0late\0dir\0a.c";
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_writer *w = new_writer();
	uint32_t unused = string(w, "a declaration");
	uint32_t source = file(w, "dir", "a.c");
	struct symtab_range ranges[] = { { 1, 2 }, { 4, 2 }, { 8, 1 } };
	struct symtab_inline calls[] = {
		{ 1, string(w, "inner"), source, 3, ranges, 3 },
		{ 2, string(w, "below"), source, 300, ranges, 1 },
		{ 1, string(w, "inner"), source, 5, &ranges[2], 1 },
		{ 1, string(w, "of no code"), source, 5, NULL, 0 },
	};
	struct symtab_function late = { .start = { 0x40 },
					.size = 16,
					.name = string(w, "late"),
					.origin = SYMTAB_QUALITY_DWARF,
					.inlines = calls,
					.inline_count = 4 };
	struct symtab_function early = late, worse = late;
	struct symtab_cursor *c;
	const struct symtab_frame *f;

	early.start.v = 0x10;
	early.name = string(w, "early");
	worse.name = string(w, "loses its address");
	worse.origin = SYMTAB_QUALITY_SYMTAB;
	worse.inline_count = 0;
	ck_no_error(symtab_writer_add(w, &late));
	ck_no_error(symtab_writer_add(w, &worse));
	ck_no_error(symtab_writer_add(w, &early));
	ck_assert_uint_ne(unused, 0);
	struct symtab *t = finish(w, NULL, &table);

	ck_assert_uint_eq(t->strings_size, sizeof(strings));
	ck_assert_mem_eq(t->strings, strings, sizeof(strings));
	ck_no_error(symtab_cursor_create(t, &c));
	for (uint64_t at = 0x10; at <= 0x40; at += 0x30) {
		ck_assert_uint_eq(find(c, at + 2, &f), 3);
		ck_assert_str_eq(symtab_name(t, f[0].name, NULL), "below");
		ck_assert_str_eq(symtab_name(t, f[1].name, NULL), "inner");
		ck_assert_str_eq(symtab_name(t, f[2].name, NULL),
				 at == 0x10 ? "early" : "late");
	}
	symtab_cursor_free(c);
	symtab_put(t);
}
END_TEST

START_TEST(a_function_of_no_size_goes_up_to_what_follows)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_writer *w = new_writer();
	struct symtab_section section = { (char *)".text", { 0x100 }, 0x80 };
	struct symtab_layout layout = { .sections = &section,
					.section_count = 1 };
	struct symtab_writer_facts facts = { .layout = &layout };
	static const struct {
		uint64_t start, size;
	} expected[] = { { 0x100, 0x20 }, { 0x120, 0x60 }, { 0x400, 1 } };
	const struct symtab_frame *f;
	struct symtab_cursor *c;

	for (int i = 2; i >= 0; i--)
		ck_no_error(symtab_writer_add(
			w, &(struct symtab_function) {
				   .start = { expected[i].start },
				   .name = string(w, "f") }));
	struct symtab *t = finish(w, &facts, &table);

	ck_no_error(symtab_cursor_create(t, &c));
	for (int i = 0; i < 3; i++) {
		uint64_t end = expected[i].start + expected[i].size;

		ck_assert_uint_eq(find(c, end - 1, &f), 1);
		ck_assert_uint_eq(f->size, expected[i].size);
		ck_assert_uint_eq(f->start.v, expected[i].start);
	}
	ck_assert_uint_eq(find(c, 0x180, &f), 0);
	ck_assert_uint_eq(find(c, 0x401, &f), 0);
	symtab_cursor_free(c);
	symtab_put(t);
}
END_TEST

START_TEST(what_does_not_fit_is_corrected)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_writer *w = new_writer();
	uint32_t a_c = file(w, "", "a.c");
	struct symtab_row rows[] = {
		{ 0, a_c, 1 }, { 8, a_c, 2 },  { 4, a_c, 3 },
		{ 8, 99, 4 },  { 40, a_c, 5 },
	};
	struct symtab_range wide[] = { { 20, UINT64_MAX - 4 }, { 2, 4 } };
	struct symtab_range nowhere = { 40, 4 };
	struct symtab_inline calls[] = {
		{ 1, string(w, "wide"), a_c, 1, wide, 2 },
		{ 2, string(w, "cut"), a_c, 2, &(struct symtab_range) { 0, 64 },
		  1 },
		{ 1, string(w, "dropped"), a_c, 3, &nowhere, 1 },
		{ 2, string(w, "below it"), a_c, 4, wide, 2 },
		{ 0, string(w, "no depth"), a_c, 5, wide, 1 },
		{ 3, string(w, "too deep"), a_c, 6, wide, 1 },
		{ 1, string(w, "last"), 99, 7, &(struct symtab_range) { 10, 1 },
		  1 },
	};
	struct symtab_function f = { .start = { 0 },
				     .size = 32,
				     .rows = rows,
				     .row_count = 5,
				     .inlines = calls,
				     .inline_count = 7 };
	const struct symtab_frame *frames;
	struct symtab_cursor *c;

	ck_no_error(symtab_writer_add(w, &f));
	f = (struct symtab_function) { .start = { 64 }, .size = 1 };
	ck_no_error(symtab_writer_add(w, &f)); // neither name nor lines
	struct symtab *t = finish(w, NULL, &table);

	ck_assert_uint_eq(t->count, 1);
	ck_no_error(symtab_cursor_create(t, &c));
	ck_assert_uint_eq(find(c, 0, &frames), 1);
	ck_assert_str_eq(symtab_name(t, frames[0].name, NULL), "??");
	ck_assert_uint_eq(find(c, 3, &frames), 3);
	ck_assert_str_eq(symtab_name(t, frames[0].name, NULL), "cut");
	ck_assert_str_eq(symtab_name(t, frames[1].name, NULL), "wide");
	ck_assert_uint_eq(frames[0].line, 1);
	ck_assert_uint_eq(find(c, 9, &frames), 1);
	ck_assert_uint_eq(frames[0].line, 4);
	ck_assert_uint_eq(frames[0].file, 0);
	ck_assert_uint_eq(find(c, 10, &frames), 2);
	ck_assert_uint_eq(frames[1].file, 0);
	ck_assert_uint_eq(find(c, 31, &frames), 3);
	ck_assert_uint_eq(find(c, 32, &frames), 0);
	symtab_cursor_free(c);
	symtab_put(t);
}
END_TEST

START_TEST(calls_may_be_as_deep_as_frames_can_be)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_range range = { 0, 16 };
	struct symtab_inline calls[SYMTAB_FRAMES_MAX];
	struct symtab_row row = { 0, 0, 500 };
	struct symtab_function f = { .start = { 0x1000 },
				     .size = 16,
				     .rows = &row,
				     .row_count = 1,
				     .inlines = calls };
	const struct symtab_frame *frames;
	struct symtab_cursor *c;

	// The second is one deeper: the line is not of what is left of it.
	for (int is_cut = 0; is_cut < 2; is_cut++) {
		struct symtab_writer *w = new_writer();

		f.inline_count = SYMTAB_FRAMES_MAX - 1 + (size_t)is_cut;
		row.file = file(w, "", "a.c");
		f.name = string(w, "f");
		for (uint32_t i = 0; i < SYMTAB_FRAMES_MAX; i++)
			calls[i] = (struct symtab_inline) { i + 1, f.name, 0,
							    i,     &range, 1 };
		ck_no_error(symtab_writer_add(w, &f));
		struct symtab *t = finish(w, NULL, &table);

		ck_assert_int_eq(symtab_is_cut(t), is_cut);
		ck_no_error(symtab_cursor_create(t, &c));
		ck_assert_uint_eq(find(c, 0x1008, &frames), SYMTAB_FRAMES_MAX);
		ck_assert_uint_eq(frames[SYMTAB_FRAMES_MAX - 1].line, 0);
		ck_assert_uint_eq(frames[1].line, SYMTAB_FRAMES_MAX - 2);
		ck_assert_uint_eq(frames[0].line, is_cut ? 0 : 500);
		symtab_cursor_free(c);
		symtab_put(t);
	}
}
END_TEST

/* Whoever asks would pay for them, each time. */
START_TEST(thousands_of_calls_around_each_address_are_left_out)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_writer *w = new_writer();
	uint32_t a_c = file(w, "", "a.c");
	struct symtab_row rows[] = { { 0, a_c, 1 }, { 8, a_c, 2 } };
	struct symtab_range range = { 0, 16 };
	size_t count = 20000;
	struct symtab_inline *calls = mem_array(count, sizeof(*calls));
	struct symtab_function f = { .start = { 0x1000 },
				     .size = 16,
				     .name = string(w, "f"),
				     .inlines = calls,
				     .inline_count = count };
	const struct symtab_frame *frames;
	struct symtab_cursor *c;

	ck_assert_ptr_nonnull(calls);
	for (size_t i = 0; i < count; i++)
		calls[i] =
			(struct symtab_inline) { 1, f.name, 0, 7, &range, 1 };
	ck_no_error(symtab_writer_add(w, &f));
	f.start.v += 16;
	f.rows = rows;
	f.row_count = 2;
	ck_no_error(symtab_writer_add(w, &f));
	mem_free(calls);
	struct symtab *t = finish(w, NULL, &table);

	ck_assert_uint_lt(table.size, 1000);
	ck_no_error(symtab_cursor_create(t, &c));
	ck_assert_uint_eq(find(c, 0x1008, &frames), 1);
	ck_assert_uint_eq(find(c, 0x1018, &frames), 1);
	ck_assert_str_eq(symtab_name(t, frames->name, NULL), "f");
	ck_assert_uint_eq(frames->line, 0); // it would be of a call
	ck_assert(symtab_is_cut(t));
	symtab_cursor_free(c);
	symtab_put(t);
}
END_TEST

/* A function with a call of @p count ranges, every other byte, and with rows
 * enough for an index, or without. @return Is the call in the table? */
static bool keeps_ranges(size_t count, size_t row_count)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	CLEANUP_FREE struct symtab_range *ranges =
		mem_array(count, sizeof(*ranges));
	CLEANUP_FREE struct symtab_row *rows =
		mem_array(row_count, sizeof(*rows));
	struct symtab_writer *w = new_writer();
	uint32_t a_c = file(w, "", "a.c");
	struct symtab_inline call = { .depth = 1,
				      .name = string(w, "inner"),
				      .call_line = 7,
				      .ranges = ranges,
				      .range_count = count };
	struct symtab_function f = { .start = { 0x1000 },
				     .size = 2 * count + 1,
				     .name = string(w, "f"),
				     .inlines = &call,
				     .inline_count = 1,
				     .rows = rows,
				     .row_count = row_count };
	const struct symtab_frame *frames;
	struct symtab_cursor *c;

	ck_assert(ranges && rows);
	for (size_t i = 0; i < count; i++)
		ranges[i] = (struct symtab_range) { 2 * i + 1, 1 };
	for (size_t i = 0; i < row_count; i++)
		rows[i] = (struct symtab_row) { 2 * i, a_c, 1 + i % 50 };
	ck_no_error(symtab_writer_add(w, &f));
	struct symtab *t = finish(w, NULL, &table);
	bool is_cut = symtab_is_cut(t);

	ck_no_error(symtab_cursor_create(t, &c));
	size_t found = find(c, 0x1000 + 2 * count - 1, &frames);

	ck_assert_uint_eq(found, is_cut ? 1 : 2);
	ck_assert_str_eq(symtab_name(t, frames[found - 1].name, NULL), "f");
	ck_assert_uint_eq(find(c, 0x1000, &frames), 1);
	ck_assert_uint_eq(frames->line, !is_cut && row_count ? 1 : 0);
	if (is_cut)
		ck_assert_uint_lt(table.size, 1000);
	symtab_cursor_free(c);
	symtab_put(t);
	return !is_cut;
}

START_TEST(a_call_in_thousands_of_pieces_is_left_out)
{
	// The function itself is one of them where there is no index.
	ck_assert(keeps_ranges(SYMTAB_RANGES_MAX - 1, 0));
	ck_assert(!keeps_ranges(SYMTAB_RANGES_MAX, 0));
	ck_assert(keeps_ranges(SYMTAB_RANGES_MAX, 2000));
	ck_assert(!keeps_ranges(SYMTAB_RANGES_MAX + 1, 2000));
	ck_assert(!keeps_ranges(1000000, 0));
	ck_assert(!keeps_ranges(1000000, 100000));
}
END_TEST

START_TEST(addresses_are_as_wide_as_they_need)
{
	static const struct {
		uint64_t last;
		uint8_t size;
	} cases[] = { { 0xff, 1 },        { 0x100, 2 },
		      { 0x10000, 4 },     { 0xffffffff, 4 },
		      { 0x100000000, 8 }, { UINT64_MAX - 0x100f, 8 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_BUF struct buf table = BUF_INIT;
		struct symtab_writer *w = new_writer();
		struct symtab_function f = { .start = { 0x1000 },
					     .size = 0x10,
					     .name = string(w, "f") };
		const struct symtab_frame *frames;
		struct symtab_cursor *c;

		ck_no_error(symtab_writer_add(w, &f));
		f.start.v += cases[i].last;
		ck_no_error(symtab_writer_add(w, &f));
		struct symtab *t = finish(w, NULL, &table);

		ck_assert_uint_eq(t->offset_size, cases[i].size);
		ck_no_error(symtab_cursor_create(t, &c));
		ck_assert_uint_eq(find(c, f.start.v + 3, &frames), 1);
		ck_assert_uint_eq(frames->start.v, f.start.v);
		ck_assert_uint_eq(find(c, 0x100f, &frames), 1);
		ck_assert_uint_eq(find(c, 0x1010, &frames), 0);
		ck_assert_uint_eq(find(c, 0xfff, &frames), 0);
		ck_assert_uint_eq(find(c, UINT64_MAX, &frames),
				  f.start.v > UINT64_MAX - 0x10);
		symtab_cursor_free(c);
		symtab_put(t);
	}
}
END_TEST

START_TEST(facts_come_back_and_are_checked)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_segment segment = { { 0x1000 }, { 0x2000 }, 5, 6, 7 };
	struct symtab_layout layout = { .type = 3,
					.machine = 62,
					.segments = &segment,
					.segment_count = 1 };
	struct symtab_writer_facts facts = { .quality = SYMTAB_QUALITY_DYNSYM,
					     .is_whole = true,
					     .layout = &layout };
	struct build_id other;
	struct symtab *again;

	memset(facts.id.bytes, 0xab, 33);
	facts.id.len = 33;
	other = facts.id;
	other.bytes[32] ^= 1;
	struct symtab *t = finish(new_writer(), &facts, &table);

	ck_assert(build_id_equal(symtab_build_id(t), &facts.id));
	ck_assert_mem_eq(t->data + 28, facts.id.bytes, 20);
	ck_assert_uint_eq(t->data[7], 20);
	ck_assert_int_eq(symtab_quality(t), SYMTAB_QUALITY_DYNSYM);
	ck_assert(symtab_is_whole(t));
	ck_assert_uint_eq(symtab_layout(t)->segments[0].mem_size, 6);
	ck_assert_uint_eq(t->count, 0);
	ck_assert_uint_eq(symtab_bytes(t), table.size);
	symtab_put(symtab_get(t));
	symtab_put(t);
	ck_error(symtab_open_memory(table.data, table.size, &other, &again),
		 BAD_DATA, "another build ID");
	// Of another version of ours: to be built anew.
	table.data[table.size - SYMTAB_TRAILER_SIZE + 12] ^= 1;
	symtab_fixture_seal(table.data, table.size);
	ck_error(symtab_open_memory(table.data, table.size, NULL, &again),
		 UNSUPPORTED, "producer");
}
END_TEST

START_TEST(what_is_made_of_a_table_is_counted_with_it)
{
	enum { SECTIONS = 5000 };
	CLEANUP_BUF struct buf table = BUF_INIT;
	CLEANUP_FREE struct symtab_section *sections =
		mem_array(SECTIONS, sizeof(*sections));
	char names[][40] = { "", "x", ".text.a_name_of_some_length_or_other" };
	struct symtab_layout layout = { .sections = sections,
					.section_count = SECTIONS };
	struct symtab_writer_facts facts = { .layout = &layout };
	struct symtab *again;

	ck_assert_ptr_nonnull(sections);
	for (size_t i = 0; i < SECTIONS; i++)
		sections[i].name = names[i % 3];
	struct symtab *t = finish(new_writer(), &facts, &table);

	// A name takes 32 bytes at least.
	ck_assert_uint_gt(symtab_memory(t),
			  table.size + SECTIONS * (sizeof(*sections) + 32));
	ck_assert_uint_eq(symtab_bytes(t), table.size);
	// What the C library has given away, if it counts that.
	size_t before = mallinfo2().uordblks;

	ck_no_error(symtab_open_memory(table.data, table.size, NULL, &again));
	size_t taken = mallinfo2().uordblks - before;
	size_t counted = symtab_memory(again) - table.size;

	if (taken) {
		ck_assert_uint_le(taken, counted + 1000);
		ck_assert_uint_le(counted, taken + taken / 10);
	}
	symtab_put(again);
	symtab_put(t);
}
END_TEST

UNIT_MAIN("symtab", a_function_is_encoded_byte_for_byte_as_llvm_does,
	  what_is_written_is_found_again_at_every_address,
	  without_inlines_a_frame_has_the_line_of_its_call,
	  of_functions_at_one_address_the_best_stays,
	  a_table_has_the_strings_that_it_names_and_no_others,
	  a_function_of_no_size_goes_up_to_what_follows,
	  what_does_not_fit_is_corrected, calls_may_be_as_deep_as_frames_can_be,
	  thousands_of_calls_around_each_address_are_left_out,
	  a_call_in_thousands_of_pieces_is_left_out,
	  addresses_are_as_wide_as_they_need, facts_come_back_and_are_checked,
	  what_is_made_of_a_table_is_counted_with_it)

/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of which anything may be wrong, and memory that is not there. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_index.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/lib/symtab_random.h"
#include "tests/lib/symtab_use.h"
#include "tests/unit/unit.h"

static const struct symtab_writer_facts facts = {
	.id = { 4, { 1, 2, 3, 4 } },
	.quality = SYMTAB_QUALITY_DWARF,
};

/* Small and large functions, one in another, a mangled name. */
static void make_table(struct buf *table)
{
	struct symtab_random r = { .state = 1234577 };
	struct symtab_writer *w;

	ck_no_error(symtab_writer_create(&w));
	symtab_random_make(&r, w, 6);
	for (size_t i = 0; i < r.count; i++) {
		if (i == 3)
			ck_no_error(symtab_writer_string(w, "_ZN4name5spaceEii",
							 17,
							 &r.functions[i].name));
		ck_no_error(symtab_writer_add(w, &r.functions[i]));
	}
	symtab_fixture_finish(w, &facts, table);
	symtab_writer_free(w);
	symtab_random_free(&r);
}

START_TEST(any_byte_may_be_wrong)
{
	static const uint8_t flips[] = { 0xff, 0x80, 0x01 };
	CLEANUP_BUF struct buf table = BUF_INIT;
	size_t opened = 0;

	make_table(&table);
	ck_assert(symtab_use(table.data, table.size));
	for (size_t i = 0; i < table.size; i++) {
		uint8_t was = table.data[i];

		table.data[i] ^= flips[i % 3];
		// The checksum sees it; made right again, the decoders do.
		if (i % 16 == 0)
			ck_assert(!symtab_use(table.data, table.size));
		symtab_fixture_seal(table.data, table.size);
		opened += symtab_use(table.data, table.size);
		table.data[i] = was;
		symtab_fixture_seal(table.data, table.size);
	}
	ck_assert_uint_gt(opened, table.size / 2);
}
END_TEST

START_TEST(a_table_may_end_anywhere)
{
	CLEANUP_BUF struct buf table = BUF_INIT;

	make_table(&table);
	for (size_t size = 0; size < table.size; size += 1 + size / 200) {
		// Of exactly its size: what reads beyond is caught.
		uint8_t *cut = malloc(size ? size : 1);
		size_t trailer = size < SYMTAB_TRAILER_SIZE
					 ? size
					 : (size_t)SYMTAB_TRAILER_SIZE;

		ck_assert_ptr_nonnull(cut);
		memcpy(cut, table.data, size);
		ck_assert(!symtab_use(cut, size));
		memcpy(cut + size - trailer, table.data + table.size - trailer,
		       trailer);
		symtab_fixture_seal(cut, size);
		symtab_use(cut, size);
		free(cut);
	}
}
END_TEST

/* Where FunctionInfo @i is. */
static uint8_t *info_of(const struct symtab *t, uint8_t *table, uint32_t i)
{
	return table + symtab_u32(t->infos + 4 * (size_t)i);
}

/* LLVM's tables have no index, so that all is decoded from the start. */
START_TEST(any_byte_may_be_wrong_without_an_index)
{
	CLEANUP_BUF struct buf table = BUF_INIT, bare = BUF_INIT;
	struct symtab *t;

	make_table(&table);
	ck_no_error(symtab_open_memory(table.data, table.size, NULL, &t));
	symtab_fixture_adopt(table.data, t->gsym_size, &bare);
	symtab_put(t);
	ck_no_error(symtab_open_memory(bare.data, bare.size, NULL, &t));
	ck_assert_ptr_null(t->index);
	size_t first = (size_t)(info_of(t, bare.data, 0) - bare.data);
	size_t end = t->gsym_size;

	symtab_put(t);
	for (size_t i = first; i < end; i++) {
		uint8_t was = bare.data[i];

		bare.data[i] ^= i % 2 ? 0xff : 0x40;
		symtab_fixture_seal(bare.data, bare.size);
		ck_assert(symtab_use(bare.data, bare.size));
		bare.data[i] = was;
	}
}
END_TEST

START_TEST(a_damaged_function_does_not_harm_the_others)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	const struct symtab_frame *f;
	struct symtab_cursor *c;
	struct symtab *t;
	size_t count;

	make_table(&table);
	ck_no_error(symtab_open_memory(table.data, table.size, NULL, &t));
	uint32_t small = 0;

	// One with a part, decoded from its start.
	while (symtab_u32(t->index + 4 * (size_t)small) ||
	       !info_of(t, table.data, small)[8])
		small++;
	uint64_t start = t->base + symtab_u16(t->offsets + 2 * (size_t)small);
	uint64_t next =
		t->base + symtab_u16(t->offsets + 2 * (size_t)small + 2);

	ck_assert_uint_eq(t->offset_size, 2);
	// The length of its first part.
	memset(info_of(t, table.data, small) + 12, 0xff, 4);
	symtab_put(t);
	symtab_fixture_seal(table.data, table.size);
	ck_no_error(symtab_open_memory(table.data, table.size, NULL, &t));
	ck_no_error(symtab_cursor_create(t, &c));
	for (int i = 0; i < 2; i++) {
		ck_error(symtab_find(c, (struct vaddr) { start }, true, &f,
				     &count),
			 BAD_DATA, "out of bounds");
		ck_no_error(symtab_find(c, (struct vaddr) { next }, true, &f,
					&count));
		ck_assert_uint_gt(count, 0);
	}
	symtab_cursor_free(c);
	symtab_put(t);
}
END_TEST

/* A node: two ranges, neither of which holds 5; no children, no name. */
START_TEST(a_bucket_that_names_calls_by_the_million_is_damage)
{
	static const uint8_t node[] = { 2, 10, 1, 20, 1, 0, 0, 0, 0, 0, 0, 1 };
	enum { MANY = 2000000 };
	struct symtab_tree t = { 0 };
	uint8_t *names = malloc(2 * MANY);

	ck_assert_ptr_nonnull(names);
	for (size_t n = 0; n < MANY; n++) { // the same, each time
		names[2 * n] = 0;
		names[2 * n + 1] = 1;
	}
	for (int many = 0; many < 2; many++) {
		struct symtab_input in = { node, node + sizeof(node) };
		size_t count = many ? MANY : SYMTAB_AMONG_MAX;

		symtab_tree_begin(&t, in);
		struct error *err = symtab_tree_find_among(
			&t, (struct symtab_input) { names, names + 2 * count },
			5);

		if (many)
			ck_error(err, BAD_DATA, "");
		else
			ck_no_error(err);
		ck_assert_uint_le(t.extent_capacity, 1000);
	}
	symtab_tree_deinit(&t);
	free(names);
}
END_TEST

/* The root, and below it @p calls of @p count ranges each, none of which holds
 * an address; the last ends the list. */
static void put_calls(struct buf *out, size_t calls, size_t count)
{
	static const uint8_t root[] = { 1, 0, 100, 1, 0, 0, 0, 0, 0, 0 };
	static const uint8_t tail[] = { 0, 0, 0, 0, 0, 0, 0 };

	buf_append(out, root, sizeof(root));
	for (size_t k = 0; k < calls; k++) {
		for (size_t v = count; v; v >>= 7)
			buf_append_byte(out, (v & 0x7f) | (v > 0x7f) << 7);
		for (size_t i = 0; i < count; i++)
			buf_append(out, (uint8_t[]) { 10, 1 }, 2);
		buf_append(out, tail, sizeof(tail));
	}
	buf_append_byte(out, 0);
	ck_assert(!out->failed);
}

START_TEST(calls_and_ranges_by_the_million_are_damage)
{
	static const struct {
		size_t calls, count;
		bool is_damage;
	} cases[] = {
		{ 1, SYMTAB_RANGES_MAX - 1, false },
		{ 1, SYMTAB_RANGES_MAX, true },
		{ 1, 1000000, true },
		{ 7, SYMTAB_RANGES_MAX / 7, false },
		{ 8, SYMTAB_RANGES_MAX / 7, true },
		{ SYMTAB_AMONG_MAX - 1, 2, false },
		{ SYMTAB_AMONG_MAX, 1, true },
		{ 1000000, 1, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_BUF struct buf b = BUF_INIT;
		struct symtab_tree t = { 0 };

		put_calls(&b, cases[i].calls, cases[i].count);
		symtab_tree_begin(
			&t, (struct symtab_input) { b.data, b.data + b.size });
		struct error *err = symtab_tree_find(&t, 5);

		if (cases[i].is_damage)
			ck_error(err, BAD_DATA, "bad inlined calls");
		else
			ck_no_error(err);
		ck_assert_uint_le(t.node_count, SYMTAB_AMONG_MAX);
		ck_assert_uint_le(t.extent_capacity, 3 * SYMTAB_RANGES_MAX);
		symtab_tree_deinit(&t);
	}
}
END_TEST

/* One call, named again and again, or once with as many ranges. */
START_TEST(a_bucket_that_has_ranges_by_the_million_is_damage)
{
	static const size_t counts[] = {
		1, 8, 4096, SYMTAB_RANGES_MAX, SYMTAB_RANGES_MAX + 1, 1000000
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		CLEANUP_BUF struct buf b = BUF_INIT, names = BUF_INIT;
		struct symtab_tree t = { 0 };
		size_t most = SYMTAB_RANGES_MAX / counts[i];

		if (most > SYMTAB_AMONG_MAX)
			most = SYMTAB_AMONG_MAX;
		put_calls(&b, 1, counts[i]);
		for (size_t n = 0; n <= most; n++) {
			struct error *err;

			// Behind the root's 10 bytes.
			buf_append(&names, (uint8_t[]) { n ? 0 : 10, 1 }, 2);
			if (n + 1 < most)
				continue;
			symtab_tree_begin(
				&t, (struct symtab_input) { b.data,
							    b.data + b.size });
			err = symtab_tree_find_among(
				&t,
				(struct symtab_input) {
					names.data, names.data + names.size },
				5);
			if (n + 1 > most)
				ck_error(err, BAD_DATA, "bad inlined calls");
			else
				ck_no_error(err);
		}
		ck_assert_uint_le(t.extent_capacity, 3 * SYMTAB_RANGES_MAX);
		symtab_tree_deinit(&t);
	}
}
END_TEST

START_TEST(a_line_table_without_a_range_of_deltas_is_damage)
{
	struct symtab_lines l;
	const uint8_t reversed[] = { 0x01, 0x00, 0x05, 0x00 };
	const uint8_t widest[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
				   0x80, 0x80, 0x80, 0x7f, 0xff, 0xff,
				   0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				   0xff, 0x00, 0x05, 0xff, 0x04, 0x00 };

	ck_error(symtab_lines_begin(
			 &l, (struct symtab_input) { reversed, reversed + 4 }),
		 BAD_DATA, "line");
	ck_no_error(symtab_lines_begin(
		&l, (struct symtab_input) { widest, widest + sizeof(widest) }));
	ck_assert(l.has_next);
}
END_TEST

START_TEST(lines_by_the_million_at_one_place_are_damage)
{
	enum { MANY = 1000000, HEAD = 3 };
	const struct symtab_line *row;
	struct symtab_lines l;
	uint8_t *rows = malloc(HEAD + MANY);

	ck_assert_ptr_nonnull(rows);
	memset(rows, 0, HEAD); // no deltas, line 0
	// A byte further each.
	memset(rows + HEAD, GSYM_OP_SPECIAL + 1, MANY);
	const struct symtab_input in = { rows, rows + HEAD + MANY };

	ck_no_error(symtab_lines_begin(&l, in));
	for (uint32_t at = 60000; at < MANY; at += 60000) {
		ck_no_error(symtab_lines_find(&l, at, &row));
		ck_assert_uint_eq(row->offset, at);
	}
	ck_no_error(symtab_lines_begin(&l, in));
	ck_error(symtab_lines_find(&l, MANY - 1, &row), BAD_DATA, "line");
	// Files that no row is of.
	for (size_t i = 0; i + 1 < MANY; i += 2)
		memcpy(rows + HEAD + i, (uint8_t[]) { GSYM_OP_SET_FILE, 1 }, 2);
	ck_error(symtab_lines_begin(&l, in), BAD_DATA, "line");
	free(rows);
}
END_TEST

START_TEST(dividing_by_multiplying_is_exact)
{
	for (uint32_t range = 1; range <= 256; range++)
		for (uint32_t n = 0; n < 256; n++)
			ck_assert_uint_eq(n * (65536 / range + 1) >> 16,
					  n / range);
}
END_TEST

START_TEST(a_file_is_mapped_and_one_too_short_refused)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	CLEANUP_CLOSE int fd = memfd_create("table", MFD_CLOEXEC);
	struct symtab *t;

	make_table(&table);
	ck_assert_int_eq(write(fd, table.data, table.size),
			 (ssize_t)table.size);
	ck_no_error(symtab_open(fd, &facts.id, &t));
	ck_assert_uint_eq(symtab_bytes(t), table.size);
	symtab_put(t);
	ck_assert_int_eq(ftruncate(fd, 100), 0);
	ck_error(symtab_open(fd, NULL, &t), BAD_DATA, "too short");
	ck_error(symtab_open(-1, NULL, &t), IO, "fstat");
}
END_TEST

static struct error *write_all(const struct symtab_random *r)
{
	CLEANUP_CLOSE int fd = memfd_create("table", MFD_CLOEXEC);
	struct symtab_writer *w;
	struct error *err;

	TRY(symtab_writer_create(&w));
	err = NULL;
	for (int i = 0; i < 400 && !err; i++) {
		char name[24];
		uint32_t at, file;

		snprintf(name, sizeof(name), "_ZN4name4n%03dEii", i);
		err = symtab_writer_string(w, name, strlen(name), &at);
		if (!err)
			err = symtab_writer_file(w, at, at, &file);
	}
	for (size_t i = 0; i < r->count && !err; i++)
		err = symtab_writer_add(w, &r->functions[i]);
	if (!err)
		err = symtab_writer_finish(w, &facts, fd, NULL);
	symtab_writer_free(w);
	return err;
}

START_TEST(writing_survives_want_of_memory)
{
	struct symtab_random r = { .state = 99 };
	struct symtab_writer *w;
	unsigned long n = 1;

	ck_no_error(symtab_writer_create(&w));
	symtab_random_make(&r, w, 6);
	symtab_writer_free(w);
	for (;; n++) {
		mem_fail_at(n);
		struct error *err = write_all(&r);
		bool failed = mem_fail_happened();

		mem_fail_at(0);
		ck_assert_int_eq(!!err, failed);
		if (!failed)
			break;
		ck_assert_int_eq(error_kind(err), ERROR_NO_MEMORY);
		error_free(err);
	}
	ck_assert_uint_gt(n, 400);
	symtab_random_free(&r);
}
END_TEST

static void free_cursor(struct symtab_cursor **c)
{
	symtab_cursor_free(*c);
}

/* Look up and name, all of it. */
static struct error *read_all(const struct buf *table)
{
	CLEANUP_SYMTAB struct symtab *t = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP(free_cursor) struct symtab_cursor *c = NULL;
	const struct symtab_frame *f;
	size_t count, len;

	TRY(symtab_open_memory(table->data, table->size, NULL, &t));
	TRY(symtab_cursor_create(t, &c));
	for (uint64_t at = t->base; at < t->base + 9000; at += 13)
		TRY(symtab_find(c, (struct vaddr) { at }, true, &f, &count));
	ck_assert_ptr_nonnull(symtab_display_name(t, symtab_u32(t->names.keys),
						  true, &text, &len));
	return NULL;
}

START_TEST(reading_survives_want_of_memory)
{
	CLEANUP_BUF struct buf table = BUF_INIT;
	unsigned long n = 1;

	make_table(&table);
	for (;; n++) {
		mem_fail_at(n);
		struct error *err = read_all(&table);
		bool failed = mem_fail_happened();

		mem_fail_at(0);
		if (!failed) {
			ck_no_error(err);
			break;
		}
		// A readable name may be done without.
		ck_assert(!err || error_kind(err) == ERROR_NO_MEMORY);
		error_free(err);
	}
	ck_assert_uint_gt(n, 5);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	struct symtab_writer *w;
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_no_error(symtab_writer_create(&w));
	ck_error(symtab_writer_finish(w, &facts, fd, NULL), NO_SPACE, "write");
	symtab_writer_free(w);
	close(fd);
}
END_TEST

UNIT_MAIN("symtab_damage", any_byte_may_be_wrong, a_table_may_end_anywhere,
	  any_byte_may_be_wrong_without_an_index,
	  a_damaged_function_does_not_harm_the_others,
	  a_bucket_that_names_calls_by_the_million_is_damage,
	  calls_and_ranges_by_the_million_are_damage,
	  a_bucket_that_has_ranges_by_the_million_is_damage,
	  a_line_table_without_a_range_of_deltas_is_damage,
	  lines_by_the_million_at_one_place_are_damage,
	  dividing_by_multiplying_is_exact,
	  a_file_is_mapped_and_one_too_short_refused,
	  writing_survives_want_of_memory, reading_survives_want_of_memory,
	  a_full_disk_is_told)

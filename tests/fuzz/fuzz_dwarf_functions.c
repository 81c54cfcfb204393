/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of functions with a stranger's file, which is its own alternate
 * file and split file, too: all of it, and what a few addresses want of it.
 *
 * Beyond what the sanitizers see: what is given keeps the promises of
 * dwarf_functions.h; errors are of the kinds that are promised.
 */
#include "config.h"

#include <assert.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "elf/dwarf_functions.h"
#include "tests/fuzz/fuzz.h"

struct taken {
	uint32_t names, files; /* numbers given so far */
	size_t pieces;
};

enum { PIECES_MAX = 100000 };

static struct error *take_name(void *ctx, const char *s, size_t len,
			       uint32_t *ret)
{
	struct taken *t = ctx;

	assert(len && !memchr(s, 0, len));
	*ret = ++t->names;
	return NULL;
}

static struct error *take_file(void *ctx, const char *dir, size_t dir_len,
			       const char *base, size_t base_len, uint32_t *ret)
{
	struct taken *t = ctx;

	assert(!memchr(dir, 0, dir_len + (dir_len == 0)) || dir_len == 0);
	assert(!base_len || !memchr(base, '/', base_len));
	*ret = ++t->files;
	return NULL;
}

static void check_rows(const struct taken *t, const struct dwarf_row *rows,
		       size_t count, uint64_t size)
{
	for (size_t i = 0; i < count; i++) {
		assert(rows[i].offset < size && rows[i].file <= t->files);
		assert(i == 0 || rows[i].offset > rows[i - 1].offset);
	}
}

static void check_inline(const struct dwarf_inline *in, uint64_t size)
{
	uint64_t end = 0;

	assert(in->range_count);
	for (size_t i = 0; i < in->range_count; i++) {
		const struct dwarf_range *r = &in->ranges[i];

		assert(r->size && r->size <= size);
		assert(r->offset <= size - r->size);
		assert(i == 0 || r->offset > end);
		end = r->offset + r->size;
	}
}

static struct error *take_function(void *ctx, const struct dwarf_function *f)
{
	struct taken *t = ctx;
	uint32_t depth = 0;

	assert(f->size && f->start.v <= UINT64_MAX - f->size);
	assert(f->name <= t->names);
	check_rows(t, f->rows, f->row_count, f->size);
	for (size_t i = 0; i < f->inline_count; i++) {
		const struct dwarf_inline *in = &f->inlines[i];

		assert(in->depth && in->depth <= depth + 1);
		assert(in->name <= t->names && in->call_file <= t->files);
		check_inline(in, f->size);
		depth = in->depth;
	}
	return ++t->pieces > PIECES_MAX ? error_new(NO_SPACE, "enough") : NULL;
}

static struct error *take_lines(void *ctx, const struct dwarf_lines *l)
{
	struct taken *t = ctx;

	assert(l->size && l->start.v <= UINT64_MAX - l->size);
	check_rows(t, l->rows, l->row_count, l->size);
	return ++t->pieces > PIECES_MAX ? error_new(NO_SPACE, "enough") : NULL;
}

static struct error *read_units(struct dwarf_debug *d, struct taken *t)
{
	CLEANUP_FREE size_t *units = NULL;
	const uint64_t addresses[] = { 0x10, 0x1000, 0x1014, 0x10000 };
	const struct dwarf_wanted wanted = { addresses, 4 };
	const struct dwarf_sink sink = { t,          take_name,
					 take_file,  take_function,
					 take_lines, NULL };
	size_t count;

	for (size_t i = 0; i < dwarf_debug_unit_count(d); i++)
		TRY(dwarf_debug_read_unit(d, i, NULL, &sink));
	TRY(dwarf_debug_find_units(d, &wanted, &units, &count));
	for (size_t i = 0; i < count; i++) {
		assert(units[i] < dwarf_debug_unit_count(d));
		TRY(dwarf_debug_read_unit(d, units[i], &wanted, &sink));
	}
	return NULL;
}

static struct error *read_file(struct input in)
{
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	const struct dwarf_debug_split split = { &f };
	const uint64_t vaddrs[] = { 0, 0x10, 0x1000, 0x2000, 0x3000 };
	struct dwarf_debug_inputs inputs = {
		.file = &f,
		.alt = &f,
		.splits = &split,
		.split_count = 1,
	};
	struct taken t = { 0 };

	TRY(elf_file_open(&in, &f));
	if (f.header.type == ET_REL) {
		inputs.section_vaddrs = vaddrs;
		inputs.section_vaddr_count = 5;
	}
	TRY(dwarf_debug_open(&inputs, &d));
	return read_units(d, &t);
}

static void check(struct error *err)
{
	assert(!err || error_kind(err) == ERROR_BAD_DATA ||
	       error_kind(err) == ERROR_LIMIT ||
	       error_kind(err) == ERROR_NO_SPACE ||
	       error_kind(err) == ERROR_NO_MEMORY);
	error_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// Of its own, so that a read past the end is seen.
	uint8_t *copy = calloc(1, size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	struct input in = input_from_memory(copy, size);

	check(read_file(in));
	// One allocation fails, which one depends on the file.
	if (size > 16) {
		mem_fail_at(1 + (data[9] | (data[10] & 1) << 8));
		check(read_file(in));
		mem_fail_at(0);
	}
	free(copy);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Drive the reader of functions over a stranger's DWARF: all of it, and what a
 * few addresses want of it; and hold it to what dwarf_functions.h promises.
 */
#ifndef TESTS_FUZZ_FUZZ_DWARF_H
#define TESTS_FUZZ_FUZZ_DWARF_H

#include <assert.h>
#include <elf.h>

#include "base/mem.h"
#include "elf/dwarf_functions.h"
#include "tests/fuzz/fuzz.h"

struct fuzz_dwarf_taken {
	uint32_t names, files; /* numbers given so far */
	size_t pieces;
};

enum { FUZZ_DWARF_PIECES_MAX = 100000 };

static inline struct error *fuzz_dwarf_take_name(void *ctx, const char *s,
						 size_t len, uint32_t *ret)
{
	struct fuzz_dwarf_taken *t = ctx;

	assert(len && !memchr(s, 0, len));
	*ret = ++t->names;
	return NULL;
}

static inline struct error *fuzz_dwarf_take_file(void *ctx, const char *dir,
						 size_t dir_len,
						 const char *base,
						 size_t base_len, uint32_t *ret)
{
	struct fuzz_dwarf_taken *t = ctx;

	assert(!memchr(dir, 0, dir_len + (dir_len == 0)) || dir_len == 0);
	assert(!base_len || !memchr(base, '/', base_len));
	*ret = ++t->files;
	return NULL;
}

static inline void fuzz_dwarf_check_rows(const struct fuzz_dwarf_taken *t,
					 const struct dwarf_row *rows,
					 size_t count, uint64_t size)
{
	for (size_t i = 0; i < count; i++) {
		assert(rows[i].offset < size && rows[i].file <= t->files);
		assert(i == 0 || rows[i].offset > rows[i - 1].offset);
	}
}

static inline void fuzz_dwarf_check_inline(const struct dwarf_inline *in,
					   uint64_t size)
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

static inline struct error *
fuzz_dwarf_take_function(void *ctx, const struct dwarf_function *f)
{
	struct fuzz_dwarf_taken *t = ctx;
	uint32_t depth = 0;

	assert(f->size && f->start.v <= UINT64_MAX - f->size);
	assert(f->name <= t->names);
	fuzz_dwarf_check_rows(t, f->rows, f->row_count, f->size);
	for (size_t i = 0; i < f->inline_count; i++) {
		const struct dwarf_inline *in = &f->inlines[i];

		assert(in->depth && in->depth <= depth + 1);
		assert(in->name <= t->names && in->call_file <= t->files);
		fuzz_dwarf_check_inline(in, f->size);
		depth = in->depth;
	}
	return ++t->pieces > FUZZ_DWARF_PIECES_MAX
		       ? error_new(NO_SPACE, "enough")
		       : NULL;
}

static inline struct error *fuzz_dwarf_take_lines(void *ctx,
						  const struct dwarf_lines *l)
{
	struct fuzz_dwarf_taken *t = ctx;

	assert(l->size && l->start.v <= UINT64_MAX - l->size);
	fuzz_dwarf_check_rows(t, l->rows, l->row_count, l->size);
	return ++t->pieces > FUZZ_DWARF_PIECES_MAX
		       ? error_new(NO_SPACE, "enough")
		       : NULL;
}

static inline struct error *fuzz_dwarf_units(struct dwarf_debug *d,
					     struct fuzz_dwarf_taken *t)
{
	CLEANUP_FREE size_t *units = NULL;
	const uint64_t addresses[] = { 0x10, 0x1000, 0x1014, 0x10000 };
	const struct dwarf_wanted wanted = { addresses, 4 };
	const struct dwarf_sink sink = { t,
					 fuzz_dwarf_take_name,
					 fuzz_dwarf_take_file,
					 fuzz_dwarf_take_function,
					 fuzz_dwarf_take_lines,
					 NULL };
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

static inline struct error *fuzz_dwarf_ids(struct elf_file *f)
{
	CLEANUP_FREE uint64_t *ids = NULL;
	size_t count;

	TRY(dwarf_split_ids(f, &ids, &count));
	for (size_t i = 1; i < count; i++)
		assert(ids[i] > ids[i - 1]);
	return NULL;
}

/* @other is the file's alternate and its split file. */
static inline struct error *fuzz_dwarf_read(struct input *file,
					    struct input *other)
{
	CLEANUP_ELF_FILE struct elf_file f = { 0 }, o = { 0 };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	const struct dwarf_debug_split split = { &o };
	const uint64_t vaddrs[] = { 0, 0x10, 0x1000, 0x2000, 0x3000 };
	struct dwarf_debug_inputs inputs = {
		.file = &f,
		.alt = &o,
		.splits = &split,
		.split_count = 1,
	};
	struct fuzz_dwarf_taken t = { 0 };

	TRY(elf_file_open(file, &f));
	TRY(elf_file_open(other, &o));
	TRY(fuzz_dwarf_ids(&o));
	if (f.header.type == ET_REL) {
		inputs.section_vaddrs = vaddrs;
		inputs.section_vaddr_count = 5;
	}
	TRY(dwarf_debug_open(&inputs, &d));
	return fuzz_dwarf_units(d, &t);
}

static inline void fuzz_dwarf(struct input *file, struct input *other)
{
	struct error *err = fuzz_dwarf_read(file, other);

	assert(!err || error_kind(err) == ERROR_BAD_DATA ||
	       error_kind(err) == ERROR_LIMIT ||
	       error_kind(err) == ERROR_NO_SPACE ||
	       error_kind(err) == ERROR_NO_MEMORY);
	error_free(err);
}

#endif

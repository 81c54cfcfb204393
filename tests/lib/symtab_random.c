/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/symtab_random.h"

enum { FILES = 300 };

static void *allocate(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);

	if (!p)
		abort();
	return p;
}

/* xorshift64*: the same numbers each time. */
uint32_t symtab_random_next(struct symtab_random *r, uint32_t below)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return (uint32_t)((r->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32) %
	       below;
}

static uint32_t make_name(struct symtab_random *r, struct symtab_writer *w)
{
	char text[SYMTAB_RANDOM_NAME_SIZE];
	uint32_t n = symtab_random_next(r, SYMTAB_RANDOM_NAMES);

	snprintf(text, sizeof(text), "name_%u", n);
	if (symtab_writer_string(w, text, strlen(text), &r->names[n]))
		abort();
	return r->names[n];
}

void symtab_random_name(const struct symtab_random *r, uint32_t name,
			char text[SYMTAB_RANDOM_NAME_SIZE])
{
	for (unsigned n = 0; n < SYMTAB_RANDOM_NAMES; n++) {
		if (r->names[n] == name) {
			snprintf(text, SYMTAB_RANDOM_NAME_SIZE, "name_%u", n);
			return;
		}
	}
	abort();
}

static uint32_t make_file(struct symtab_random *r, struct symtab_writer *w)
{
	char text[32];
	uint32_t dir, base, file;
	uint32_t n = symtab_random_next(r, FILES);

	snprintf(text, sizeof(text), "file%u.c", n);
	if (symtab_writer_string(w, n % 3 ? "dir" : "", n % 3 ? 3 : 0, &dir) ||
	    symtab_writer_string(w, text, strlen(text), &base) ||
	    symtab_writer_file(w, dir, base, &file))
		abort();
	return file;
}

static void make_rows(struct symtab_random *r, struct symtab_writer *w,
		      struct symtab_function *f)
{
	size_t most = f->size / 3 + 1;
	struct symtab_row *rows = allocate(most, sizeof(*rows));
	uint64_t offset = symtab_random_next(r, 4) ? 0 : 2;
	uint32_t line = 1 + symtab_random_next(r, 5000);
	uint32_t file = make_file(r, w);
	size_t n = 0;

	while (n < most && offset < f->size) {
		rows[n++] = (struct symtab_row) { offset, file, line };
		offset += 1 + symtab_random_next(r, 20);
		if (!symtab_random_next(r, 30))
			offset += symtab_random_next(r, 400);
		if (!symtab_random_next(r, 8))
			file = make_file(r, w);
		line = symtab_random_next(r, 8)
			       ? line + symtab_random_next(r, 12) - 4
			       : symtab_random_next(r, 100000);
		line &= 0xfffff;
	}
	f->rows = rows;
	f->row_count = n;
}

/* Calls side by side within @around, some with a second range, and calls in
 * them. */
static size_t make_calls(struct symtab_random *r, struct symtab_writer *w,
			 struct symtab_inline *calls, size_t most,
			 struct symtab_range around, uint32_t depth)
{
	uint64_t at = around.offset + symtab_random_next(r, 8);
	uint64_t end = around.offset + around.size;
	size_t n = 0;

	while (n < most && at < end && depth < 12) {
		struct symtab_range *ranges = allocate(2, sizeof(*ranges));
		struct symtab_inline *c = &calls[n++];
		uint64_t size = 1 + symtab_random_next(r, 60 * (13 - depth));

		if (size > end - at)
			size = end - at;
		ranges[0] = (struct symtab_range) { at, size };
		*c = (struct symtab_inline) {
			.depth = depth,
			.name = make_name(r, w),
			.call_file = make_file(r, w),
			.call_line = symtab_random_next(r, 70000),
			.ranges = ranges,
			.range_count = 1,
		};
		n += make_calls(r, w, calls + n, most - n, ranges[0],
				depth + 1);
		at += size + 1 + symtab_random_next(r, 30);
		if (at + 8 < end && !symtab_random_next(r, 4)) {
			ranges[1] = (struct symtab_range) { at, 5 };
			c->range_count = 2;
			at += 5 + symtab_random_next(r, 20);
		}
	}
	return n;
}

void symtab_random_make(struct symtab_random *r, struct symtab_writer *w,
			size_t count)
{
	uint64_t start = 0x401000;

	r->functions = allocate(count, sizeof(*r->functions));
	r->count = count;
	for (size_t i = 0; i < count; i++) {
		struct symtab_function *f = &r->functions[i];
		bool is_large = !symtab_random_next(r, 10);
		size_t most = 400;
		struct symtab_inline *calls = allocate(most, sizeof(*calls));

		f->start.v = start;
		f->size = 1 + symtab_random_next(r, is_large ? 9000 : 300);
		f->name = make_name(r, w);
		f->origin = SYMTAB_QUALITY_DWARF;
		if (symtab_random_next(r, 8))
			make_rows(r, w, f);
		if (symtab_random_next(r, 3))
			f->inline_count = make_calls(
				r, w, calls, most,
				(struct symtab_range) { 0, f->size }, 1);
		f->inlines = calls;
		// The next one begins within, or behind.
		if (symtab_random_next(r, 12))
			start += f->size + symtab_random_next(r, 40);
		else
			start += 1 + f->size / 2;
	}
}

void symtab_random_free(struct symtab_random *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct symtab_function *f = &r->functions[i];

		for (size_t k = 0; k < f->inline_count; k++)
			free((void *)f->inlines[k].ranges);
		free((void *)f->inlines);
		free((void *)f->rows);
	}
	free(r->functions);
}

static bool holds(const struct symtab_inline *c, uint64_t offset)
{
	for (size_t i = 0; i < c->range_count; i++)
		if (offset - c->ranges[i].offset < c->ranges[i].size)
			return true;
	return false;
}

size_t symtab_random_find(const struct symtab_random *r, uint64_t at,
			  struct symtab_frame frames[SYMTAB_FRAMES_MAX])
{
	const struct symtab_function *f = NULL;
	const struct symtab_inline *chain[SYMTAB_FRAMES_MAX];
	struct symtab_frame frame = { 0 };
	uint32_t depth = 0;

	for (size_t i = 0; i < r->count; i++)
		if (at - r->functions[i].start.v < r->functions[i].size)
			f = &r->functions[i];
	if (!f)
		return 0;
	uint64_t offset = at - f->start.v;

	for (size_t i = 0; i < f->row_count && f->rows[i].offset <= offset;
	     i++) {
		frame.file = f->rows[i].file;
		frame.line = f->rows[i].line;
	}
	for (size_t i = 0; i < f->inline_count; i++)
		if (f->inlines[i].depth == depth + 1 &&
		    holds(&f->inlines[i], offset))
			chain[depth++] = &f->inlines[i];
	frame.start = f->start;
	frame.size = f->size;
	for (uint32_t i = 0; i < depth; i++) {
		const struct symtab_inline *c = chain[depth - 1 - i];

		frame.is_inlined = true;
		frame.name = c->name;
		frames[i] = frame;
		frame.file = c->call_file;
		frame.line = c->call_line;
	}
	frame.is_inlined = false;
	frame.name = f->name;
	frames[depth] = frame;
	return depth + 1;
}

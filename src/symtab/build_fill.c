/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols beside the functions of the DWARF. From one address to the next that
 * has a symbol, code belongs to the symbol that began last and has not ended;
 * so a label within a function names what follows it, as it does for kallsyms
 * and llvm-symbolizer, and behind a function within another the outer one goes
 * on.
 *
 * What such code has in common with a function of the DWARF is the latter's. A
 * symbol that begins in one is of no interest at all. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/builder.h"

/* A symbol that has begun. */
struct open_symbol {
	uint64_t end;
	const struct code_symbol *symbol;
};

struct filler {
	struct builder *b;
	struct open_symbol *open; /* a stack */
	size_t open_count;
	size_t open_capacity;
	size_t covered; /* the first range that does not end before */
	size_t line;    /* likewise */
	/* What symbols cover, in order. */
	struct code_range *filled;
	size_t filled_count;
	size_t filled_capacity;
	struct symtab_row *rows;
	size_t row_count;
	size_t row_capacity;
};

static void deinit_filler(struct filler *f)
{
	mem_free(f->open);
	mem_free(f->filled);
	mem_free(f->rows);
}

static struct error *add_row(struct filler *f, struct symtab_row row)
{
	struct symtab_row *last =
		f->row_count ? &f->rows[f->row_count - 1] : NULL;

	if (last && last->offset == row.offset) {
		*last = row;
		return NULL;
	}
	if (!mem_grow(&f->rows, &f->row_capacity, f->row_count + 1,
		      sizeof(row)))
		return error_no_memory;
	f->rows[f->row_count++] = row;
	return NULL;
}

/* The row that holds at an offset from where @p rows begin. */
static size_t row_at(const struct symtab_row *rows, size_t count,
		     uint64_t offset)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rows[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : 0;
}

/* The rows of @p l as far as they are within the code. */
static struct error *add_rows_of(struct filler *f, const struct build_lines *l,
				 uint64_t start, uint64_t end)
{
	/* Where there are no rows at all there is no array of them. */
	const struct symtab_row *rows =
		l->row_count ? &f->b->rows[l->first_row] : NULL;
	size_t first = start > l->start
			       ? row_at(rows, l->row_count, start - l->start)
			       : 0;

	for (size_t i = first; i < l->row_count; i++) {
		uint64_t from = l->start + rows[i].offset;

		if (from >= end)
			break;
		TRY(add_row(f,
			    (struct symtab_row) {
				    .offset = from > start ? from - start : 0,
				    .file = rows[i].file,
				    .line = rows[i].line }));
	}
	if (l->end >= end)
		return NULL;
	return add_row(f, (struct symtab_row) { .offset = l->end - start });
}

/* Of all lines there are for the code; asked for in ascending order. */
static struct error *gather_rows(struct filler *f, uint64_t start, uint64_t end)
{
	const struct builder *b = f->b;

	f->row_count = 0;
	while (f->line < b->line_count && b->lines[f->line].end <= start)
		f->line++;
	for (size_t i = f->line; i < b->line_count && b->lines[i].start < end;
	     i++)
		TRY(add_rows_of(f, &b->lines[i], start, end));
	return NULL;
}

static struct error *emit(struct filler *f, const char *name, size_t name_len,
			  enum symtab_quality origin, uint64_t start,
			  uint64_t end)
{
	struct symtab_function out = {
		.start = { start },
		.size = end - start,
		.origin = origin,
	};

	if (!builder_wants(f->b, start, end))
		return NULL;
	TRY(gather_rows(f, start, end));
	TRY(symtab_writer_string(f->b->writer, name, name_len, &out.name));
	out.rows = f->rows;
	out.row_count = f->row_count;
	return builder_add(f->b, &out);
}

static struct error *note_filled(struct filler *f, uint64_t start, uint64_t end)
{
	if (!mem_grow(&f->filled, &f->filled_capacity, f->filled_count + 1,
		      sizeof(*f->filled)))
		return error_no_memory;
	f->filled[f->filled_count++] =
		(struct code_range) { .start = start, .end = end };
	return NULL;
}

/* The code without what functions of the DWARF have of it. */
static struct error *emit_uncovered(struct filler *f,
				    const struct code_symbol *s, uint64_t start,
				    uint64_t end)
{
	const struct builder *b = f->b;

	TRY(note_filled(f, start, end));
	while (f->covered < b->covered_count &&
	       b->covered[f->covered].end <= start)
		f->covered++;
	for (size_t i = f->covered; start < end; i++) {
		bool is_last =
			i >= b->covered_count || b->covered[i].start >= end;
		uint64_t stop = is_last ? end : b->covered[i].start;

		if (stop > start)
			TRY(emit(f, s->name, s->name_len,
				 (enum symtab_quality)s->origin, start, stop));
		if (is_last)
			break;
		start = b->covered[i].end;
	}
	return NULL;
}

/* Ends of code for a symbol that has no size, nearest first wins. */
static uint64_t guess_end(const struct filler *f, uint64_t start, uint64_t next,
			  uint64_t code_end)
{
	const struct elf_frames *frames = &f->b->frames;
	const struct elf_frame *frame = elf_frames_find(frames, start);
	uint64_t end = next < code_end ? next : code_end;

	if (f->open_count && f->open[f->open_count - 1].end < end)
		end = f->open[f->open_count - 1].end;
	if (frame)
		return frame->start + frame->size < end
			       ? frame->start + frame->size
			       : end;
	frame = elf_frames_next(frames, start);
	return frame && frame->start < end ? frame->start : end;
}

/* Of the best symbol that has one. */
static uint64_t known_size(const struct builder *b, size_t first, size_t behind)
{
	uint64_t size = 0;

	for (size_t i = first; i < behind && !size; i++)
		size = b->symbols.symbols[i].size;
	return size;
}

static struct error *begin_symbol(struct filler *f, size_t first, size_t behind,
				  uint64_t next)
{
	const struct code_symbol *s = &f->b->symbols.symbols[first];
	const struct code_range *code = build_code_at(&f->b->files, s->start);
	uint64_t code_end = code ? code->end : UINT64_MAX;
	uint64_t size = known_size(f->b, first, behind);
	uint64_t end;

	if (!code && f->b->files.code_count)
		return NULL;
	if (size && size <= code_end - s->start)
		end = s->start + size;
	else if (size)
		end = code_end;
	else
		end = guess_end(f, s->start, next, code_end);
	if (!mem_grow(&f->open, &f->open_capacity, f->open_count + 1,
		      sizeof(*f->open)))
		return error_no_memory;
	f->open[f->open_count++] =
		(struct open_symbol) { .end = end, .symbol = s };
	return NULL;
}

static void drop_ended(struct filler *f, uint64_t at)
{
	while (f->open_count && f->open[f->open_count - 1].end <= at)
		f->open_count--;
}

/* Code from one symbol's address to that of the next. */
static struct error *fill_until(struct filler *f, uint64_t at, uint64_t next)
{
	while (at < next) {
		drop_ended(f, at);
		if (!f->open_count)
			break;
		const struct open_symbol *top = &f->open[f->open_count - 1];
		uint64_t end = top->end < next ? top->end : next;

		TRY(emit_uncovered(f, top->symbol, at, end));
		at = end;
	}
	return NULL;
}

/* Only forward. */
static bool is_covered(struct filler *f, size_t *covered, uint64_t at)
{
	const struct builder *b = f->b;

	while (*covered < b->covered_count && b->covered[*covered].end <= at)
		++*covered;
	return *covered < b->covered_count && b->covered[*covered].start <= at;
}

static struct error *fill_symbols(struct filler *f)
{
	const struct code_symbols *s = &f->b->symbols;
	size_t covered = 0;

	for (size_t i = 0; i < s->count;) {
		size_t behind = code_symbols_next(s, i);
		uint64_t at = s->symbols[i].start;
		uint64_t next = behind < s->count ? s->symbols[behind].start
						  : UINT64_MAX;

		drop_ended(f, at);
		if (!is_covered(f, &covered, at))
			TRY(begin_symbol(f, i, behind, next));
		TRY(fill_until(f, at, next));
		i = behind;
	}
	return NULL;
}

/* Code that has lines, and neither function nor symbol; but not what pads
 * functions. */
static struct error *fill_lines(struct filler *f)
{
	const struct builder *b = f->b;
	size_t filled = 0;

	f->line = 0;
	for (size_t i = 0; i < b->line_count; i++) {
		uint64_t at = b->lines[i].start;
		uint64_t end = b->lines[i].end;

		if (b->lines[i].is_left_over)
			continue;
		while (filled < f->filled_count && f->filled[filled].end <= at)
			filled++;
		for (size_t j = filled; at < end; j++) {
			bool is_last = j >= f->filled_count ||
				       f->filled[j].start >= end;
			uint64_t stop = is_last ? end : f->filled[j].start;

			if (stop > at)
				TRY(emit(f, "", 0, SYMTAB_QUALITY_DWARF, at,
					 stop));
			if (is_last)
				break;
			at = f->filled[j].end;
		}
	}
	return NULL;
}

static int compare_lines(const void *a, const void *b)
{
	const struct build_lines *la = a;
	const struct build_lines *lb = b;

	return (la->start > lb->start) - (la->start < lb->start);
}

/* Of lines that overlap, which only a liar has, the first keep what they have.
 */
static void sort_lines(struct builder *b)
{
	size_t n = 0;

	if (!b->line_count)
		return;
	qsort(b->lines, b->line_count, sizeof(*b->lines), compare_lines);
	for (size_t i = 1; i < b->line_count; i++) {
		if (b->lines[i].start >= b->lines[n].end)
			b->lines[++n] = b->lines[i];
	}
	b->line_count = n + 1;
}

struct error *build_from_symbols(struct builder *b)
{
	CLEANUP(deinit_filler) struct filler f = { .b = b };

	sort_lines(b);
	TRY(fill_symbols(&f));
	return fill_lines(&f);
}

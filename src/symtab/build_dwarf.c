/* SPDX-License-Identifier: Apache-2.0 */
/* From the reader of the DWARF to the writer of the table, function by
 * function. */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "elf/dwarf_functions.h"
#include "symtab/builder.h"
#include "symtab/symtab_demangle.h"

/* Of an inlined call, as the writer has it of functions. */
#define NO_NAME "??"

enum {
	/* Names at one address that are looked at; the better ones are first.*/
	NAMES_MAX = 256,
};

static struct error *take_name(void *ctx, const char *s, size_t len,
			       uint32_t *ret)
{
	struct builder *b = ctx;

	code_name_cut(&s, &len);
	return symtab_writer_string(b->writer, s, len, ret);
}

static struct error *take_file(void *ctx, const char *dir, size_t dir_len,
			       const char *name, size_t name_len, uint32_t *ret)
{
	struct builder *b = ctx;
	uint32_t dir_number, name_number;

	TRY(symtab_writer_string(b->writer, dir, dir_len, &dir_number));
	TRY(symtab_writer_string(b->writer, name, name_len, &name_number));
	return symtab_writer_file(b->writer, dir_number, name_number, ret);
}

/* A symbol at the start of a function that knows its name better: that it is a
 * clone or part of it; its whole name, where the DWARF has only the one between
 * the braces of some scope (lambdas, parts of templates); or any, where it has
 * none. NULL: there is no such symbol. */
static const struct code_symbol *find_name(const struct code_symbols *s,
					   uint64_t start, const char *name,
					   size_t len)
{
	const struct code_symbol *better = NULL;
	size_t first = code_symbols_at(s, start);

	for (size_t i = first; i < s->count && i - first < NAMES_MAX &&
			       s->symbols[i].start == start;
	     i++) {
		const struct code_symbol *c = &s->symbols[i];

		if (c->name_len == len && !memcmp(c->name, name, len))
			return NULL;
		if (len && code_symbol_is_part(c, name, len))
			return c;
		if (!better &&
		    (len == 0 || (symtab_is_mangled(c->name, c->name_len) &&
				  !symtab_is_mangled(name, len))))
			better = c;
	}
	return better;
}

static struct error *choose_name(struct builder *b, uint64_t start,
				 uint32_t dwarf_name, uint32_t *ret)
{
	size_t len;
	const char *name = symtab_writer_text(b->writer, dwarf_name, &len);
	const struct code_symbol *c = find_name(&b->symbols, start, name, len);

	*ret = dwarf_name;
	if (!c)
		return NULL;
	return symtab_writer_string(b->writer, c->name, c->name_len, ret);
}

/* Code of functions that a linker left out begins at 0 or in no section. */
static bool cut_to_code(const struct builder *b, uint64_t start, uint64_t *size)
{
	const struct code_range *range = build_code_at(&b->files, start);

	if (!range)
		return b->files.code_count == 0 && start != 0;
	if (*size > range->end - start)
		*size = range->end - start;
	return true;
}

static struct error *copy_rows(struct builder *b, const struct dwarf_row *rows,
			       size_t count)
{
	if (!mem_grow(&b->row_room, &b->row_room_count, count,
		      sizeof(*b->row_room)))
		return error_no_memory;
	for (size_t i = 0; i < count; i++) {
		b->row_room[i] = (struct symtab_row) {
			.offset = rows[i].offset,
			.file = rows[i].file,
			.line = rows[i].line,
		};
	}
	return NULL;
}

static struct error *copy_inlines(struct builder *b,
				  const struct dwarf_function *f)
{
	size_t range_count = 0;

	for (size_t i = 0; i < f->inline_count; i++)
		range_count += f->inlines[i].range_count;
	if (!mem_grow(&b->inline_room, &b->inline_room_count, f->inline_count,
		      sizeof(*b->inline_room)) ||
	    !mem_grow(&b->range_room, &b->range_room_count, range_count,
		      sizeof(*b->range_room)))
		return error_no_memory;
	struct symtab_range *ranges = b->range_room;
	uint32_t no_name;

	TRY(symtab_writer_string(b->writer, NO_NAME, strlen(NO_NAME),
				 &no_name));
	for (size_t i = 0; i < f->inline_count; i++) {
		const struct dwarf_inline *in = &f->inlines[i];

		b->inline_room[i] = (struct symtab_inline) {
			.depth = in->depth,
			.name = in->name ? in->name : no_name,
			.call_file = in->call_file,
			.call_line = in->call_line,
			.ranges = ranges,
			.range_count = in->range_count,
		};
		for (size_t j = 0; j < in->range_count; j++) {
			*ranges++ = (struct symtab_range) {
				.offset = in->ranges[j].offset,
				.size = in->ranges[j].size,
			};
		}
	}
	return NULL;
}

static struct error *cover(struct builder *b, uint64_t start, uint64_t size)
{
	if (!mem_grow(&b->covered, &b->covered_capacity, b->covered_count + 1,
		      sizeof(*b->covered)))
		return error_no_memory;
	b->covered[b->covered_count++] =
		(struct code_range) { .start = start, .end = start + size };
	return NULL;
}

static struct error *take_function(void *ctx, const struct dwarf_function *f)
{
	struct builder *b = ctx;
	struct symtab_function out = {
		.start = f->start,
		.size = f->size,
		.origin = SYMTAB_QUALITY_DWARF,
		.row_count = f->row_count,
		.inline_count = f->inline_count,
	};

	if (!cut_to_code(b, f->start.v, &out.size))
		return NULL;
	TRY(choose_name(b, f->start.v, f->name, &out.name));
	TRY(copy_rows(b, f->rows, f->row_count));
	TRY(copy_inlines(b, f));
	out.rows = b->row_room;
	out.inlines = b->inline_room;
	TRY(builder_add(b, &out));
	return cover(b, f->start.v, out.size);
}

static struct error *take_lines(void *ctx, const struct dwarf_lines *l)
{
	struct builder *b = ctx;
	uint64_t size = l->size;

	if (!cut_to_code(b, l->start.v, &size))
		return NULL;
	if (!mem_grow(&b->lines, &b->line_capacity, b->line_count + 1,
		      sizeof(*b->lines)) ||
	    !mem_grow(&b->rows, &b->row_capacity, b->row_count + l->row_count,
		      sizeof(*b->rows)))
		return error_no_memory;
	b->lines[b->line_count++] = (struct build_lines) {
		.start = l->start.v,
		.end = l->start.v + size,
		.first_row = b->row_count,
		.row_count = l->row_count,
		.is_left_over = l->is_left_over,
	};
	for (size_t i = 0; i < l->row_count; i++) {
		b->rows[b->row_count++] = (struct symtab_row) {
			.offset = l->rows[i].offset,
			.file = l->rows[i].file,
			.line = l->rows[i].line,
		};
	}
	return NULL;
}

static struct error *take_missing_id(struct builder *b, uint64_t dwo_id)
{
	struct symtab_build_report *r = b->report;

	if (r->missing_split_count >= SYMTAB_BUILD_SPLITS_MAX)
		return NULL;
	if (!mem_grow(&r->missing_splits, &b->missing_split_capacity,
		      r->missing_split_count + 1, sizeof(dwo_id)))
		return error_no_memory;
	r->missing_splits[r->missing_split_count++] = dwo_id;
	return NULL;
}

/* Names too long to open are of no use to anybody. */
static struct error *take_missing(void *ctx, uint64_t dwo_id, const char *dir,
				  size_t dir_len, const char *name,
				  size_t name_len)
{
	struct builder *b = ctx;
	struct buf *out = &b->report->missing_dwos;

	TRY(take_missing_id(b, dwo_id));

	if (name_len == 0 || dir_len >= PATH_MAX || name_len >= PATH_MAX ||
	    b->missing_count >= SYMTAB_BUILD_DWOS_MAX)
		return NULL;
	b->missing_count++;
	buf_append(out, dir, dir_len);
	buf_append_byte(out, 0);
	buf_append(out, name, name_len);
	return buf_append_byte(out, 0) ? NULL : error_no_memory;
}

static struct error *read_all_units(struct builder *b, struct dwarf_debug *d,
				    const struct dwarf_sink *sink)
{
	size_t count = dwarf_debug_unit_count(d);

	TRY(dwarf_debug_count_error(d));
	b->report->units = count;
	for (size_t i = 0; i < count; i++)
		TRY(dwarf_debug_read_unit(d, i, NULL, sink));
	return NULL;
}

static struct error *read_wanted_units(struct builder *b, struct dwarf_debug *d,
				       const struct dwarf_sink *sink)
{
	struct dwarf_wanted wanted = { .addresses = b->wanted,
				       .count = b->wanted_count };
	CLEANUP_FREE size_t *units = NULL;
	size_t count;

	TRY(dwarf_debug_find_units(d, &wanted, &units, &count));
	b->report->units = count;
	for (size_t i = 0; i < count; i++)
		TRY(dwarf_debug_read_unit(d, units[i], &wanted, sink));
	return NULL;
}

static struct error *gather_splits(const struct builder *b,
				   struct dwarf_debug_split **ret,
				   size_t *count_ret)
{
	struct dwarf_debug_split *splits =
		mem_array(b->files.dwo_count, sizeof(*splits));

	if (!splits)
		return error_no_memory;
	*ret = splits;
	*count_ret = 0;
	for (size_t i = 0; i < b->files.dwo_count; i++) {
		if (b->files.dwos[i].is_open)
			splits[(*count_ret)++].file = &b->files.dwos[i].elf;
	}
	return NULL;
}

struct error *build_from_dwarf(struct builder *b)
{
	struct build_inputs *files = &b->files;
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	CLEANUP_FREE struct dwarf_debug_split *splits = NULL;
	const struct dwarf_sink sink = {
		.ctx = b,
		.name = take_name,
		.file = take_file,
		.function = take_function,
		.lines = take_lines,
		.missing_split = take_missing,
	};
	struct dwarf_debug_inputs in = {
		.file = files->dwarf,
		.alt = files->alt.is_open ? &files->alt.elf : NULL,
		.section_vaddrs = files->section_vaddrs,
		.section_vaddr_count = files->section_vaddr_count,
	};

	if (!files->dwarf)
		return NULL;
	TRY(gather_splits(b, &splits, &in.split_count));
	in.splits = splits;
	TRY(dwarf_debug_open(&in, &d));
	if (b->wanted)
		TRY(read_wanted_units(b, d, &sink));
	else
		TRY(read_all_units(b, d, &sink));
	b->covered_count = builder_join_ranges(b->covered, b->covered_count);
	const char *problem = dwarf_debug_problem(d);

	files->is_cut = files->is_cut || dwarf_debug_is_cut(d);
	if (problem && !files->problem) {
		files->problem = mem_strdup(problem);
		if (!files->problem)
			return error_no_memory;
	}
	return NULL;
}

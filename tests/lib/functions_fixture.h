/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the tests of the reader of functions share: what it says of a file, as
 * text.
 *
 *	10+20 main				start, size: from .text
 *	 0 /src/a.c:10				rows, by their offset
 *	 8 -:0					no line from here on
 *	 1 callee from /src/a.c:11: 8+4 10+2	inlined: depth, ranges
 *	lines 30+10				code without a function; "left
 *						over": no row begins there
 *
 * All numbers but lines and depths are hexadecimal.
 */
#ifndef TESTS_LIB_FUNCTIONS_FIXTURE_H
#define TESTS_LIB_FUNCTIONS_FIXTURE_H

#include <elf.h>
#include <inttypes.h>

#include "elf/dwarf_const.h"
#include "elf/dwarf_functions.h"
#include "tests/lib/dwarf_writer.h"
#include "tests/lib/elf_fixture.h"

enum { TEXT_SIZE = 0x1000, TEXTS_MAX = 1000 };

struct told {
	struct buf text;
	char *texts[TEXTS_MAX]; /* names and files, from number 1 on */
	uint32_t count;
	uint64_t base;
	size_t functions;
	size_t missing;
	struct error *fail; /* what the sink says from now on; kept */
};

FIXTURE_FN void told_deinit(struct told *t)
{
	buf_deinit(&t->text);
	for (uint32_t i = 0; i < t->count; i++)
		free(t->texts[i]);
	t->count = 0;
}
#define CLEANUP_TOLD CLEANUP(told_deinit)

FIXTURE_FN struct error *told_number(struct told *t, char *text, uint32_t *ret)
{
	if (!text)
		return error_no_memory;
	ck_assert_uint_lt(t->count, TEXTS_MAX);
	t->texts[t->count++] = text;
	*ret = t->count;
	return NULL;
}

FIXTURE_FN struct error *told_name(void *ctx, const char *s, size_t len,
				   uint32_t *ret)
{
	return told_number(ctx, mem_strndup(s, len), ret);
}

/** For many names that are all one. */
FIXTURE_FN struct error *told_same_name(void *ctx, const char *s, size_t len,
					uint32_t *ret)
{
	struct told *t = ctx;

	*ret = 1;
	return t->count ? NULL : told_name(ctx, s, len, ret);
}

FIXTURE_FN struct error *told_file(void *ctx, const char *dir, size_t dir_len,
				   const char *base, size_t base_len,
				   uint32_t *ret)
{
	return told_number(
		ctx,
		mem_printf("%.*s%s%.*s", (int)dir_len, dir,
			   dir_len && dir[dir_len - 1] != '/' ? "/" : "",
			   (int)base_len, base),
		ret);
}

FIXTURE_FN const char *told_text(const struct told *t, uint32_t number)
{
	ck_assert_uint_le(number, t->count);
	return number ? t->texts[number - 1] : "-";
}

FIXTURE_FN void told_rows(struct told *t, const struct dwarf_row *rows,
			  size_t count, uint64_t size)
{
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_lt(rows[i].offset, size);
		ck_assert(i == 0 || rows[i - 1].offset < rows[i].offset);
		buf_printf(&t->text, " %" PRIx64 " %s:%u\n", rows[i].offset,
			   told_text(t, rows[i].file), rows[i].line);
	}
}

/* Whatever the file is, this is promised. */
FIXTURE_FN void told_inline(struct told *t, const struct dwarf_function *f,
			    size_t number)
{
	const struct dwarf_inline *in = &f->inlines[number];
	uint64_t last = 0;

	ck_assert_uint_ge(in->depth, 1);
	ck_assert_uint_le(in->depth,
			  number ? f->inlines[number - 1].depth + 1 : 1);
	ck_assert_uint_gt(in->range_count, 0);
	buf_printf(&t->text, " %u %s from %s:%u:", in->depth,
		   told_text(t, in->name), told_text(t, in->call_file),
		   in->call_line);
	for (size_t i = 0; i < in->range_count; i++) {
		const struct dwarf_range *r = &in->ranges[i];

		ck_assert_uint_gt(r->size, 0);
		ck_assert(i == 0 || r->offset > last);
		ck_assert_uint_le(r->size, f->size);
		ck_assert_uint_le(r->offset, f->size - r->size);
		last = r->offset + r->size;
		buf_printf(&t->text, " %" PRIx64 "+%" PRIx64, r->offset,
			   r->size);
	}
	buf_printf(&t->text, "\n");
}

FIXTURE_FN struct error *told_function(void *ctx,
				       const struct dwarf_function *f)
{
	struct told *t = ctx;

	if (t->fail)
		return t->fail;
	ck_assert_uint_gt(f->size, 0);
	t->functions++;
	buf_printf(&t->text, "%" PRIx64 "+%" PRIx64 " %s\n",
		   f->start.v - t->base, f->size, told_text(t, f->name));
	told_rows(t, f->rows, f->row_count, f->size);
	for (size_t i = 0; i < f->inline_count; i++)
		told_inline(t, f, i);
	return t->text.failed ? error_no_memory : NULL;
}

FIXTURE_FN struct error *told_lines(void *ctx, const struct dwarf_lines *l)
{
	struct told *t = ctx;

	buf_printf(&t->text, "lines %" PRIx64 "+%" PRIx64 "%s\n",
		   l->start.v - t->base, l->size,
		   l->is_left_over ? " left over" : "");
	told_rows(t, l->rows, l->row_count, l->size);
	return t->text.failed ? error_no_memory : NULL;
}

FIXTURE_FN struct error *told_missing(void *ctx, uint64_t dwo_id,
				      const char *dir, size_t dir_len,
				      const char *name, size_t name_len)
{
	struct told *t = ctx;

	t->missing++;
	buf_printf(&t->text, "missing %" PRIx64 ", %.*s in %.*s\n", dwo_id,
		   (int)name_len, name, (int)dir_len, dir);
	return NULL;
}

FIXTURE_FN struct dwarf_sink told_sink(struct told *t)
{
	return (struct dwarf_sink) { t,          told_name,
				     told_file,  told_function,
				     told_lines, told_missing };
}

FIXTURE_FN struct error *told_units(struct dwarf_debug *d,
				    const struct dwarf_wanted *wanted,
				    struct told *t)
{
	struct dwarf_sink sink = told_sink(t);

	for (size_t i = 0; i < dwarf_debug_unit_count(d); i++)
		TRY(dwarf_debug_read_unit(d, i, wanted, &sink));
	return NULL;
}

/** A file in memory, opened. */
struct opened {
	struct elf_image image;
	struct input in;
	struct elf_file elf;
};

FIXTURE_FN void opened_deinit(struct opened *o)
{
	elf_file_close(&o->elf);
	image_deinit(&o->image);
	o->image.data = NULL;
}
#define CLEANUP_OPENED CLEANUP(opened_deinit)

/** @param[in] w NULL: the spec alone. */
FIXTURE_FN void open_written(const struct dwarf_writer *w,
			     const struct elf_spec *spec, struct opened *ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	if (w)
		dw_elf(w, spec, &b);
	else
		elf_write(spec, &b);
	ret->image = (struct elf_image) { mem_dup(b.data, b.size), b.size };
	ck_assert_ptr_nonnull(ret->image.data);
	ret->in = image_input(&ret->image);
	ck_no_error(elf_file_open(&ret->in, &ret->elf));
}

/** The number of a section; it must be there. */
FIXTURE_FN size_t section_named(const struct elf_file *f, const char *name)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (strcmp(elf_file_section_name(f, &s), name) == 0)
			return i;
	}
	ck_abort_msg("no section %s", name);
	return 0;
}

/** Where the .text of a file by dw_elf() is, which has nothing but that and
 * DWARF. */
FIXTURE_FN uint64_t text_vaddr(unsigned address_size)
{
	CLEANUP_OPENED struct opened o = { 0 };

	open_written(NULL,
		     &(struct elf_spec) { .text_size = TEXT_SIZE,
					  .is_32 = address_size == 4 },
		     &o);
	return elf_file_section(&o.elf, section_named(&o.elf, ".text")).vaddr;
}

/** Compare with what is expected, and say both. */
FIXTURE_FN void ck_told(struct told *t, const char *expected)
{
	const char *text = buf_str(&t->text);

	ck_assert_ptr_nonnull(text);
	ck_assert_msg(strcmp(text, expected) == 0, "told:\n%sexpected:\n%s",
		      text, expected);
}

FIXTURE_FN void ck_no_problem(const struct dwarf_debug *d)
{
	ck_assert_msg(!dwarf_debug_problem(d), "problem: %s",
		      dwarf_debug_problem(d));
}

/** Read a file by itself; nothing may be wrong with it. */
FIXTURE_FN void ck_functions(const struct dwarf_writer *w,
			     const struct elf_spec *spec, const char *expected)
{
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_TOLD struct told t = { .base = text_vaddr(w->address_size) };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;

	open_written(w, spec, &o);
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
	ck_no_error(told_units(d, NULL, &t));
	ck_told(&t, expected);
	ck_no_problem(d);
}

/* Units of entries alone. */

static const struct elf_spec plain = { .text_size = TEXT_SIZE };

/** A unit without lines, up to unit_end(). @param[in] language DW_LANG_*. */
FIXTURE_FN void unit_begin(struct dwarf_writer *w, unsigned language)
{
	dw_unit(w, DW_UT_compile, 0);
	dw_die(w, DW_TAG_compile_unit, true,
	       DW({ DW_AT_language, DW_FORM_data2, language },
		  { DW_AT_low_pc, DW_FORM_addr, 0 }));
}

FIXTURE_FN void unit_end(struct dwarf_writer *w)
{
	dw_end(w);
	dw_unit_end(w);
}

/** A function or an inlined call. @return Its offset. */
FIXTURE_FN uint64_t put_code(struct dwarf_writer *w, unsigned tag,
			     bool has_children, const char *name,
			     struct dw_range at)
{
	return dw_die(w, tag, has_children,
		      DW({ DW_AT_linkage_name, DW_FORM_string, .s = name },
			 { DW_AT_low_pc, DW_FORM_addr, at.start },
			 { DW_AT_high_pc, DW_FORM_data4, at.end - at.start }));
}

/** What is told of some addresses, from .text on, ascending; in front of each
 * unit that was found for them its number. */
FIXTURE_FN void ck_wanted(const struct dwarf_writer *w,
			  const uint64_t *addresses, size_t count,
			  const char *expected)
{
	CLEANUP_OPENED struct opened o = { 0 };
	CLEANUP_TOLD struct told t = { .base = text_vaddr(8) };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	CLEANUP_FREE size_t *units = NULL;
	uint64_t sorted[8];
	struct dwarf_wanted wanted = { sorted, count };
	struct dwarf_sink sink = told_sink(&t);
	size_t unit_count;

	for (size_t i = 0; i < count; i++)
		sorted[i] = t.base + addresses[i];
	open_written(w, &plain, &o);
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &o.elf }, &d));
	ck_no_error(dwarf_debug_find_units(d, &wanted, &units, &unit_count));
	for (size_t i = 0; i < unit_count; i++) {
		buf_printf(&t.text, "unit %zu\n", units[i]);
		ck_no_error(dwarf_debug_read_unit(d, units[i], &wanted, &sink));
	}
	ck_told(&t, expected);
	ck_no_problem(d);
}

#endif

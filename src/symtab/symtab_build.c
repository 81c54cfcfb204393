/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "elf/elf_facts.h"
#include "elf/elf_minidebug.h"
#include "elf/elf_plt.h"
#include "symtab/builder.h"

/* The index knows files by the one, tables say the other; both are compared. */
static_assert((int)SYMTAB_QUALITY_NONE == (int)ELF_QUALITY_NONE &&
		      (int)SYMTAB_QUALITY_DYNSYM == (int)ELF_QUALITY_DYNSYM &&
		      (int)SYMTAB_QUALITY_MINIDEBUGINFO ==
			      (int)ELF_QUALITY_MINIDEBUGINFO &&
		      (int)SYMTAB_QUALITY_SYMTAB == (int)ELF_QUALITY_SYMTAB &&
		      (int)SYMTAB_QUALITY_DWARF == (int)ELF_QUALITY_DWARF &&
		      (int)SYMTAB_QUALITIES == (int)ELF_QUALITIES,
	      "one and the same");

/* Bytes of names of stubs. A browser: 1 MB. */
#define STUB_NAMES_MAX (64 * MIB)

static void deinit_builder(struct builder *b)
{
	symtab_writer_free(b->writer);
	for (size_t i = 0; i < b->table_count; i++)
		elf_symtab_close(b->tables[i]);
	elf_minidebug_close(b->minis[0]);
	elf_minidebug_close(b->minis[1]);
	code_symbols_deinit(&b->symbols);
	elf_frames_deinit(&b->frames);
	symtab_layout_deinit(&b->layout);
	build_inputs_close(&b->files);
	mem_free(b->plt_names);
	mem_free(b->wanted);
	mem_free(b->covered);
	mem_free(b->lines);
	mem_free(b->rows);
	mem_free(b->row_room);
	mem_free(b->inline_room);
	mem_free(b->range_room);
}

void symtab_build_report_deinit(struct symtab_build_report *r)
{
	mem_free(STEAL(r->missing_splits));
	r->missing_split_count = 0;
	buf_deinit(&r->missing_dwos);
}

static int compare_split_ids(const void *a, const void *b)
{
	const uint64_t *ia = a;
	const uint64_t *ib = b;

	return (*ia > *ib) - (*ia < *ib);
}

void symtab_build_report_settle(struct symtab_build_report *r)
{
	uint64_t *ids = r->missing_splits;
	size_t count = 0;

	if (!r->missing_split_count)
		return;
	qsort(ids, r->missing_split_count, sizeof(*ids), compare_split_ids);
	for (size_t i = 0; i < r->missing_split_count; i++) {
		if (!count || ids[i] != ids[count - 1])
			ids[count++] = ids[i];
	}
	r->missing_split_count = count < SYMTAB_BUILD_SPLITS_MAX
					 ? count
					 : SYMTAB_BUILD_SPLITS_MAX;
}

struct error *builder_add(struct builder *b, const struct symtab_function *f)
{
	enum symtab_quality quality =
		f->row_count ? SYMTAB_QUALITY_DWARF : f->origin;

	if (b->report->quality < quality)
		b->report->quality = quality;
	b->report->functions++;
	return symtab_writer_add(b->writer, f);
}

bool builder_wants(const struct builder *b, uint64_t start, uint64_t end)
{
	size_t low = 0;
	size_t high = b->wanted_count;

	if (!b->wanted)
		return true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b->wanted[middle] < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < b->wanted_count && b->wanted[low] < end;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct code_range *ra = a;
	const struct code_range *rb = b;

	return (ra->start > rb->start) - (ra->start < rb->start);
}

size_t builder_join_ranges(struct code_range *ranges, size_t count)
{
	size_t n = 0;

	if (!count)
		return 0;
	qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 1; i < count; i++) {
		if (ranges[i].start > ranges[n].end)
			ranges[++n] = ranges[i];
		else if (ranges[i].end > ranges[n].end)
			ranges[n].end = ranges[i].end;
	}
	return n + 1;
}

static int compare_addresses(const void *a, const void *b)
{
	const uint64_t *aa = a;
	const uint64_t *ab = b;

	return (*aa > *ab) - (*aa < *ab);
}

/* Addresses that mean nothing in this file are somebody else's to report. */
static struct error *convert_wanted(struct builder *b,
				    const struct symtab_build_wanted *wanted,
				    size_t wanted_count)
{
	size_t count = 0;

	for (size_t i = 0; i < wanted_count; i++)
		count += wanted[i].count;
	b->wanted = mem_array(count, sizeof(*b->wanted));
	if (!b->wanted)
		return error_no_memory;
	for (size_t i = 0; i < wanted_count; i++) {
		struct address_converter c;

		address_converter_init(&c, &b->layout, &wanted[i].space);
		for (size_t j = 0; j < wanted[i].count; j++) {
			struct vaddr at;

			if (address_convert(&c, wanted[i].addresses[j], &at) ==
			    ADDRESS_OK)
				b->wanted[b->wanted_count++] = at.v;
		}
	}
	if (b->wanted_count)
		qsort(b->wanted, b->wanted_count, sizeof(*b->wanted),
		      compare_addresses);
	return NULL;
}

/* A kernel's addresses are told from one of these. */
static struct error *look_for_base(struct builder *b, const struct elf_sym *s)
{
	if (s->name[0] != '_' ||
	    (strcmp(s->name, "_text") && strcmp(s->name, "_stext")))
		return NULL;
	for (size_t i = 0; i < b->layout.base_count; i++) {
		if (!strcmp(b->layout.bases[i].name, s->name))
			return NULL;
	}
	return build_layout_add_base(&b->layout, s->name,
				     (struct vaddr) { s->value });
}

static enum code_bind bind_of(const struct elf_sym *s)
{
	if (s->bind == STB_LOCAL)
		return CODE_LOCAL;
	return s->bind == STB_WEAK ? CODE_WEAK : CODE_GLOBAL;
}

static struct error *add_symbol(struct builder *b, struct elf_file *f,
				const struct elf_sym *s,
				enum symtab_quality origin)
{
	struct code_symbol c = {
		.start = s->value,
		.size = s->size,
		.name = s->name,
		.name_len = (uint32_t)s->name_len,
		.bind = (uint8_t)bind_of(s),
		.origin = (uint8_t)origin,
		.is_label = s->type == STT_NOTYPE,
	};

	if (f->header.type == ET_REL)
		c.start += build_section_vaddr(&b->files, f, s->section);
	return code_symbols_add(&b->symbols, &c);
}

static struct error *add_symbols_of(struct builder *b, struct elf_file *f,
				    const struct elf_symtab *t,
				    enum symtab_quality origin)
{
	for (size_t i = 1; i < elf_symtab_count(t); i++) {
		struct elf_sym s;

		if (!elf_symtab_at(t, i, &s))
			continue;
		if (f->header.type != ET_REL && s.section)
			TRY(look_for_base(b, &s));
		if (elf_sym_is_code(f, &s))
			TRY(add_symbol(b, f, &s, origin));
	}
	return NULL;
}

static struct error *read_table(struct builder *b, struct elf_file *f,
				uint32_t type, enum symtab_quality origin)
{
	struct elf_symtab *t;

	TRY(build_note(&b->files, elf_symtab_open(f, type, &t),
		       type == SHT_SYMTAB ? ".symtab" : ".dynsym"));
	if (!t)
		return NULL;
	b->tables[b->table_count++] = t;
	return add_symbols_of(b, f, t, origin);
}

/* Of relocatable files only the one whose sections count. */
static bool is_usable(const struct builder *b, const struct elf_file *f)
{
	return f == b->files.main || f->header.type != ET_REL;
}

static struct error *read_mini(struct builder *b, struct elf_file *f,
			       struct elf_minidebug **mini)
{
	TRY(build_note(&b->files, elf_minidebug_open(f, mini), "symbols"));
	if (!*mini || (*mini)->file.header.type == ET_REL)
		return NULL;
	return read_table(b, &(*mini)->file, SHT_SYMTAB,
			  SYMTAB_QUALITY_MINIDEBUGINFO);
}

/* The name of a stub for an IFUNC that has no symbol in .dynsym: that of its
 * resolver, which in .symtab has the function's. */
static void append_resolver(const struct builder *b, uint64_t resolver,
			    struct buf *out)
{
	size_t at = code_symbols_at(&b->symbols, resolver);

	if (at < b->symbols.count && b->symbols.symbols[at].start == resolver)
		buf_append(out, b->symbols.symbols[at].name,
			   b->symbols.symbols[at].name_len);
	else
		buf_printf(out, "*ABS*+%#" PRIx64, resolver);
}

/* Names of stubs, each with its NUL, in memory that does not move. */
static struct error *make_stub_names(struct builder *b,
				     const struct elf_symtab *t,
				     const struct elf_plt *plt)
{
	CLEANUP_BUF struct buf names = BUF_INIT;

	for (size_t i = 0; i < plt->count; i++) {
		const struct elf_plt_stub *stub = &plt->stubs[i];
		struct elf_sym s;

		if (stub->symbol && t && elf_symtab_at(t, stub->symbol, &s))
			buf_append(&names, s.name, s.name_len);
		else
			append_resolver(b, stub->resolver, &names);
		buf_append(&names, "@plt", sizeof("@plt"));
		if (names.size > STUB_NAMES_MAX)
			return error_new(LIMIT, "too many names of stubs");
	}
	b->plt_names = buf_steal_str(&names);
	return b->plt_names ? NULL : error_no_memory;
}

static struct error *add_stubs(struct builder *b, const struct elf_plt *plt)
{
	const char *name = b->plt_names;

	for (size_t i = 0; i < plt->count; i++) {
		struct code_symbol c = {
			.start = plt->stubs[i].start,
			.size = plt->stubs[i].size,
			.name = name,
			.name_len = (uint32_t)strlen(name),
			.bind = CODE_LOCAL,
			.origin = SYMTAB_QUALITY_DYNSYM,
		};

		TRY(code_symbols_add(&b->symbols, &c));
		name += c.name_len + 1;
	}
	return NULL;
}

static struct error *read_plt(struct builder *b)
{
	struct elf_file *f = b->files.loaded;
	CLEANUP_ELF_SYMTAB struct elf_symtab *t = NULL;
	CLEANUP_ELF_PLT struct elf_plt plt = { 0 };

	TRY(build_note(&b->files, elf_plt_read(f, &plt), "stubs"));
	if (!plt.count)
		return NULL;
	TRY(build_note(&b->files, elf_symtab_open(f, SHT_DYNSYM, &t),
		       ".dynsym"));
	/* Names of resolvers are looked up among the symbols. */
	code_symbols_settle(&b->symbols);
	TRY(build_note(&b->files, make_stub_names(b, t, &plt), ".plt"));
	return b->plt_names ? add_stubs(b, &plt) : NULL;
}

static struct error *read_symbols(struct builder *b)
{
	struct build_inputs *files = &b->files;
	struct elf_file *both[2] = {
		files->debuginfo.is_open ? &files->debuginfo.elf : NULL,
		files->executable.is_open ? &files->executable.elf : NULL,
	};

	for (size_t i = 0; i < 2; i++) {
		struct elf_file *f = both[i];

		if (!f || !is_usable(b, f))
			continue;
		TRY(read_table(b, f, SHT_SYMTAB, SYMTAB_QUALITY_SYMTAB));
		TRY(read_mini(b, f, &b->minis[i]));
	}
	if (files->loaded && is_usable(b, files->loaded)) {
		TRY(read_table(b, files->loaded, SHT_DYNSYM,
			       SYMTAB_QUALITY_DYNSYM));
		TRY(read_plt(b));
		TRY(build_note(files,
			       elf_frames_read(files->loaded, &b->frames),
			       "frames"));
	}
	code_symbols_settle(&b->symbols);
	return NULL;
}

static struct error *build(struct builder *b,
			   const struct symtab_build_inputs *in,
			   const struct symtab_build_wanted *wanted,
			   size_t wanted_count, int out)
{
	struct symtab_writer_facts facts = {
		.id = in->id,
		.is_whole = wanted == NULL,
		.layout = &b->layout,
	};
	struct symtab_written written;

	TRY(build_inputs_open(in, &b->files));
	if (in->alt < 0)
		TRY(build_inputs_alt(&b->files, &b->report->missing_alt));
	TRY(build_layout(&b->files, in->layout, &b->layout));
	TRY(read_symbols(b));
	if (wanted)
		TRY(convert_wanted(b, wanted, wanted_count));
	TRY(symtab_writer_create(&b->writer));
	TRY(build_from_dwarf(b));
	symtab_build_report_settle(b->report);
	TRY(build_from_symbols(b));
	facts.quality = b->report->quality;
	facts.is_cut = b->files.is_cut;
	TRY(symtab_writer_finish(b->writer, &facts, out, &written));
	b->report->left_names = written.left_names;
	snprintf(b->report->problem, sizeof(b->report->problem), "%s",
		 b->files.problem ? b->files.problem
		 : written.is_cut ? "too many calls are inlined in one place"
				  : "");
	return NULL;
}

struct error *symtab_build(const struct symtab_build_inputs *in,
			   const struct symtab_build_wanted *wanted,
			   size_t wanted_count, int out,
			   struct symtab_build_report *report)
{
	struct symtab_build_report r = { 0 };
	CLEANUP(deinit_builder) struct builder b = { .report = &r };
	struct error *err = build(&b, in, wanted, wanted_count, out);

	if (err) {
		symtab_build_report_deinit(&r);
		return err;
	}
	*report = r;
	return NULL;
}

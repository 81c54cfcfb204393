/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "elf/elf_limits.h"
#include "elf/elf_note.h"
#include "symtab/build_inputs.h"

static_assert(ELF_LOADS_MAX <= SYMTAB_SEGMENTS_MAX, "a layout holds them all");

enum {
	/* Addresses given to the sections of a relocatable file are at least so
	 * far from the end of the one before. */
	SECTION_GAP = 16,
};

static struct error *open_part(int fd, uint64_t offset, uint64_t size,
			       struct build_file *ret)
{
	ret->in = input_from_fd(fd, offset, size);
	TRY(elf_file_open(&ret->in, &ret->elf));
	ret->is_open = true;
	return NULL;
}

static struct error *open_file(int fd, struct build_file *ret)
{
	struct stat st;

	if (file_stat(fd, &st) < 0)
		return error_errno("fstat");
	return open_part(fd, 0, (uint64_t)st.st_size, ret);
}

static void close_file(struct build_file *f)
{
	if (f->is_open)
		elf_file_close(&f->elf);
	f->is_open = false;
}

struct error *build_note(struct build_inputs *b, struct error *err,
			 const char *what)
{
	if (!err || !elf_is_damage(err))
		return err;
	b->is_cut = b->is_cut || error_kind(err) == ERROR_LIMIT;
	if (!b->problem)
		b->problem = mem_printf("%s: %s", what, error_message(err));
	error_free(err);
	return b->problem ? NULL : error_no_memory;
}

static bool is_same_file(int a, int b)
{
	struct stat sa, sb;

	return file_stat(a, &sa) == 0 && file_stat(b, &sb) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static bool has_section(const struct elf_file *f, const char *name)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (s.type != SHT_NOBITS && s.size &&
		    !strcmp(elf_file_section_name(f, &s), name))
			return true;
	}
	return false;
}

static bool has_dwarf(const struct elf_file *f)
{
	return has_section(f, ".debug_info") || has_section(f, ".zdebug_info");
}

static bool is_code(const struct elf_shdr *s)
{
	return (s->flags & (SHF_ALLOC | SHF_EXECINSTR)) ==
		       (SHF_ALLOC | SHF_EXECINSTR) &&
	       s->size;
}

/* Are the bytes of its code in it? Of a separate debug file they are not. */
static bool has_code(const struct elf_file *f)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (is_code(&s) && s.type != SHT_NOBITS)
			return true;
	}
	return f->section_count == 0 && f->segment_count != 0;
}

static struct elf_file *file_or_null(struct build_file *f)
{
	return f->is_open ? &f->elf : NULL;
}

static void choose_files(struct build_inputs *b)
{
	struct elf_file *debuginfo = file_or_null(&b->debuginfo);
	struct elf_file *executable = file_or_null(&b->executable);

	if (debuginfo && has_dwarf(debuginfo))
		b->dwarf = debuginfo;
	else if (executable && has_dwarf(executable))
		b->dwarf = executable;
	if (b->dwarf && b->dwarf->header.type == ET_REL)
		b->main = b->dwarf;
	else if (executable && executable->section_count)
		b->main = executable;
	else
		b->main = debuginfo ? debuginfo : executable;
	if (executable)
		b->loaded = executable;
	else if (has_code(debuginfo))
		b->loaded = debuginfo;
}

static struct error *give_addresses(struct build_inputs *b)
{
	uint64_t at = 0;

	if (b->main->header.type != ET_REL)
		return NULL;
	b->section_vaddr_count = b->main->section_count;
	b->section_vaddrs =
		mem_array(b->section_vaddr_count, sizeof(*b->section_vaddrs));
	if (!b->section_vaddrs)
		return error_no_memory;
	for (size_t i = 1; i < b->main->section_count; i++) {
		struct elf_shdr s = elf_file_section(b->main, i);
		uint64_t align = s.align ? s.align : 1;

		if (!(s.flags & SHF_ALLOC))
			continue;
		if (align & (align - 1) || align > UINT32_MAX)
			return error_new(BAD_DATA,
					 "section %zu: alignment of %" PRIu64,
					 i, align);
		at = (at + align - 1) & ~(align - 1);
		if (s.size > UINT64_MAX / 4 || at > UINT64_MAX / 4)
			return error_new(BAD_DATA,
					 "section %zu: %" PRIu64 " bytes", i,
					 s.size);
		b->section_vaddrs[i] = at;
		at += s.size + SECTION_GAP;
	}
	return NULL;
}

uint64_t build_section_vaddr(const struct build_inputs *b,
			     const struct elf_file *f, size_t section)
{
	if (f == b->main && b->section_vaddrs)
		return b->section_vaddrs[section];
	return elf_file_section(f, section).vaddr;
}

static struct error *add_code(struct build_inputs *b, size_t *capacity,
			      uint64_t start, uint64_t size)
{
	if (size == 0 || size > UINT64_MAX - start)
		return NULL;
	if (!mem_grow(&b->code, capacity, b->code_count + 1, sizeof(*b->code)))
		return error_no_memory;
	b->code[b->code_count++] =
		(struct code_range) { .start = start, .end = start + size };
	return NULL;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct code_range *ra = a;
	const struct code_range *rb = b;

	return (ra->start > rb->start) - (ra->start < rb->start);
}

static struct error *find_code(struct build_inputs *b)
{
	const struct elf_file *f = b->main;
	size_t capacity = 0;
	size_t n = 0;

	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (is_code(&s))
			TRY(add_code(b, &capacity, build_section_vaddr(b, f, i),
				     s.size));
	}
	for (size_t i = 0; i < f->segment_count && !f->section_count; i++) {
		struct elf_phdr p = elf_file_segment(f, i);

		if (p.type == PT_LOAD && p.flags & PF_X)
			TRY(add_code(b, &capacity, p.vaddr, p.mem_size));
	}
	if (!b->code_count)
		return NULL;
	qsort(b->code, b->code_count, sizeof(*b->code), compare_ranges);
	/* What overlaps, which only a liar has, becomes one. */
	for (size_t i = 1; i < b->code_count; i++) {
		struct code_range *last = &b->code[n];

		if (b->code[i].start >= last->end)
			b->code[++n] = b->code[i];
		else if (b->code[i].end > last->end)
			last->end = b->code[i].end;
	}
	b->code_count = n + 1;
	return NULL;
}

const struct code_range *build_code_at(const struct build_inputs *b,
				       uint64_t address)
{
	size_t low = 0;
	size_t high = b->code_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b->code[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == b->code_count || b->code[low].start > address)
		return NULL;
	return &b->code[low];
}

static struct error *open_dwos(const struct symtab_build_inputs *in,
			       struct build_inputs *b)
{
	b->dwos = mem_array(in->dwo_count, sizeof(*b->dwos));
	if (!b->dwos)
		return error_no_memory;
	b->dwo_count = in->dwo_count;
	for (size_t i = 0; i < in->dwo_count; i++) {
		const struct symtab_build_dwo *d = &in->dwos[i];
		struct error *err = d->size ? open_part(d->fd, d->offset,
							d->size, &b->dwos[i])
					    : open_file(d->fd, &b->dwos[i]);

		TRY(build_note(b, err, "split DWARF"));
	}
	return NULL;
}

/* Is a damaged one of the two all there is? */
static struct error *open_both(const struct symtab_build_inputs *in,
			       struct build_inputs *b)
{
	struct error *err = NULL;

	if (in->debuginfo >= 0)
		err = open_file(in->debuginfo, &b->debuginfo);
	if (err && (in->executable < 0 || !elf_is_damage(err)))
		return err;
	TRY(build_note(b, err, "debug file"));
	if (in->executable < 0 || (b->debuginfo.is_open &&
				   is_same_file(in->debuginfo, in->executable)))
		return NULL;
	err = open_file(in->executable, &b->executable);
	if (err && !b->debuginfo.is_open)
		return err;
	return build_note(b, err, "executable");
}

struct error *build_inputs_open(const struct symtab_build_inputs *in,
				struct build_inputs *ret)
{
	*ret = (struct build_inputs) { 0 };
	if (in->debuginfo < 0 && in->executable < 0)
		return error_new(BAD_DATA, "no file to read symbols from");
	TRY(open_both(in, ret));
	if (in->alt >= 0)
		TRY(build_note(ret, open_file(in->alt, &ret->alt),
			       "alternate debug file"));
	TRY(open_dwos(in, ret));
	choose_files(ret);
	if (ret->dwarf && in->alt < 0 &&
	    has_section(ret->dwarf, ".gnu_debugaltlink"))
		TRY(build_note(ret, error_new(BAD_DATA, "is not there"),
			       "alternate debug file"));
	TRY(give_addresses(ret));
	return find_code(ret);
}

struct error *build_inputs_alt(const struct build_inputs *b,
			       struct build_id *ret)
{
	ret->len = 0;
	for (size_t i = 1; b->dwarf && i < b->dwarf->section_count; i++) {
		struct elf_shdr s = elf_file_section(b->dwarf, i);

		if (s.type != SHT_NOBITS &&
		    !strcmp(elf_file_section_name(b->dwarf, &s),
			    ".gnu_debugaltlink"))
			return elf_alt_link(b->dwarf, i, ret, NULL);
	}
	return NULL;
}

void build_inputs_close(struct build_inputs *b)
{
	close_file(&b->debuginfo);
	close_file(&b->executable);
	close_file(&b->alt);
	for (size_t i = 0; i < b->dwo_count; i++)
		close_file(&b->dwos[i]);
	mem_free(STEAL(b->dwos));
	b->dwo_count = 0;
	mem_free(STEAL(b->section_vaddrs));
	mem_free(STEAL(b->code));
	mem_free(STEAL(b->problem));
}

static struct error *add_segments(const struct elf_file *f,
				  struct symtab_layout *l)
{
	l->segments = mem_array(f->segment_count, sizeof(*l->segments));
	if (!l->segments)
		return error_no_memory;
	for (size_t i = 0; i < f->segment_count; i++) {
		struct elf_phdr p = elf_file_segment(f, i);

		if (p.type != PT_LOAD)
			continue;
		l->segments[l->segment_count++] = (struct symtab_segment) {
			.offset = { p.offset },
			.vaddr = { p.vaddr },
			.file_size = p.file_size,
			.mem_size = p.mem_size,
			.flags = p.flags & (PF_R | PF_W | PF_X),
		};
	}
	return NULL;
}

static struct error *copy_segments(const struct symtab_layout *known,
				   struct symtab_layout *l)
{
	l->segments = mem_dup(known->segments,
			      known->segment_count * sizeof(*l->segments));
	if (!l->segments)
		return error_no_memory;
	l->segment_count = known->segment_count;
	return NULL;
}

/* Of too many there is none. */
static struct error *count_sections(struct build_inputs *b, size_t *ret)
{
	const struct elf_file *f = b->main;
	size_t count = 0, names = 0;

	*ret = 0;
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (!(s.flags & SHF_ALLOC))
			continue;
		names += strnlen(elf_file_section_name(f, &s),
				 SYMTAB_SECTION_NAMES_MAX - names + 1);
		if (++count > SYMTAB_SECTIONS_MAX ||
		    names > SYMTAB_SECTION_NAMES_MAX)
			return build_note(b,
					  error_new(LIMIT,
						    "too many sections to be "
						    "asked by name"),
					  "section table");
	}
	*ret = count;
	return NULL;
}

static struct error *add_sections(struct build_inputs *b,
				  struct symtab_layout *l)
{
	const struct elf_file *f = b->main;
	size_t count;

	TRY(count_sections(b, &count));
	l->sections = mem_array(count, sizeof(*l->sections));
	if (!l->sections)
		return error_no_memory;
	for (size_t i = 1; count && i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);
		char *name;

		if (!(s.flags & SHF_ALLOC))
			continue;
		name = mem_strdup(elf_file_section_name(f, &s));
		if (!name)
			return error_no_memory;
		l->sections[l->section_count++] = (struct symtab_section) {
			.name = name,
			.vaddr = { build_section_vaddr(b, f, i) },
			.size = s.size,
		};
	}
	return NULL;
}

struct error *build_layout(struct build_inputs *b,
			   const struct symtab_layout *known,
			   struct symtab_layout *ret)
{
	const struct elf_file *f = b->loaded;

	*ret = (struct symtab_layout) {
		.type = b->main->header.type,
		.machine = b->main->header.machine,
		.is_big_endian = b->main->header.big_endian,
	};
	if (f && f->segments_problem)
		TRY(build_note(b, error_new(LIMIT, "%s", f->segments_problem),
			       "addresses"));
	if (f && (f->segment_count || !known)) {
		ret->is_from_executable = true;
		TRY(add_segments(f, ret));
	} else if (known) {
		ret->is_from_executable = known->is_from_executable;
		TRY(copy_segments(known, ret));
	} else {
		TRY(add_segments(b->main, ret));
	}
	return add_sections(b, ret);
}

struct error *build_layout_add_base(struct symtab_layout *l, const char *name,
				    struct vaddr at)
{
	size_t capacity = l->base_count;

	if (!mem_grow(&l->bases, &capacity, l->base_count + 1,
		      sizeof(*l->bases)))
		return error_no_memory;
	char *copy = mem_strdup(name);

	if (!copy)
		return error_no_memory;
	l->bases[l->base_count++] =
		(struct symtab_base) { .name = copy, .vaddr = at };
	return NULL;
}

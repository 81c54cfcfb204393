/* SPDX-License-Identifier: Apache-2.0 */
/* Where the numbers are when the header has no room for them:
 *
 *	e_shnum 0 and e_shoff not 0	sh_size of section 0
 *	e_shstrndx SHN_XINDEX (0xffff)	sh_link of section 0
 *	e_phnum PN_XNUM (0xffff)	sh_info of section 0
 *
 * Source: System V gABI 4.1, chapter 4, "ELF Header". */
#include "config.h"

#include <elf.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "elf/elf_file.h"
#include "elf/elf_limits.h"

enum {
	/* How far from the end the section table may begin to be read in one
	 * go with the end, and how much in front of it with the names. */
	TAIL_BYTES_MAX = 64 << 10,
	NAMES_BYTES = 2 << 10,
};

bool elf_is_damage(const struct error *err)
{
	enum error_kind kind = error_kind(err);

	return kind == ERROR_BAD_DATA || kind == ERROR_LIMIT ||
	       kind == ERROR_UNSUPPORTED;
}

/* Keep the first one; it is needed twice, so it is made anew. */
static struct error *keep_error(struct elf_file *f, struct error *err)
{
	if (!f->input_error)
		f->input_error = error_from_wire((unsigned)error_kind(err),
						 error_message(err));
	return err;
}

static struct error *check_range(const struct elf_file *f, uint64_t offset,
				 uint64_t size)
{
	if (offset <= f->in->size && size <= f->in->size - offset)
		return NULL;
	return error_new(BAD_DATA,
			 "truncated: %" PRIu64 " bytes wanted at offset "
			 "%" PRIu64 ", %" PRIu64 " in all",
			 size, offset, f->in->size);
}

struct error *elf_file_read(struct elf_file *f, uint64_t offset, void *buf,
			    size_t size)
{
	TRY(check_range(f, offset, size));
	struct error *err = input_read_exact(f->in, offset, buf, size);

	return err ? keep_error(f, err) : NULL;
}

struct error *elf_file_take_error(struct elf_file *f)
{
	return STEAL(f->input_error);
}

static struct error *read_head(struct elf_file *f)
{
	size_t size = sizeof(f->head);

	if (f->in->size < size)
		size = (size_t)f->in->size;
	TRY(elf_file_read(f, 0, f->head, size));
	f->head_size = size;
	return elf_header_parse(f->head, f->head_size, &f->header);
}

/* The end of the file, together with the section table if that is near. */
static struct error *read_tail(struct elf_file *f)
{
	uint64_t size = f->in->size;
	uint64_t table = f->header.sections_offset;

	if (size <= f->head_size)
		return NULL;
	uint64_t start = size > ELF_TAIL_BYTES ? size - ELF_TAIL_BYTES : 0;

	if (table < start && start - table < TAIL_BYTES_MAX)
		start = table;
	if (table >= start && table < size)
		start -= start < NAMES_BYTES ? start : NAMES_BYTES;
	f->tail = mem_alloc((size_t)(size - start));
	if (!f->tail)
		return error_no_memory;
	f->tail_offset = start;
	f->tail_size = (size_t)(size - start);
	return elf_file_read(f, start, f->tail, f->tail_size);
}

/* The range where it lies in a window; NULL where it does not. */
static const uint8_t *in_window(const struct elf_file *f, uint64_t offset,
				uint64_t size)
{
	if (offset <= f->head_size && size <= f->head_size - offset)
		return f->head + offset;
	if (f->tail && offset >= f->tail_offset &&
	    offset - f->tail_offset <= f->tail_size &&
	    size <= f->tail_size - (offset - f->tail_offset))
		return f->tail + (offset - f->tail_offset);
	return NULL;
}

struct error *elf_file_view(struct elf_file *f, uint64_t offset, uint64_t size,
			    struct elf_view *ret)
{
	struct elf_view v = { .data = in_window(f, offset, size),
			      .size = (size_t)size };

	if (!v.data) {
		TRY(check_range(f, offset, size));
		CLEANUP_FREE uint8_t *data = mem_alloc((size_t)size);

		if (!data)
			return error_no_memory;
		TRY(elf_file_read(f, offset, data, (size_t)size));
		v.data = v.owned = STEAL(data);
	}
	*ret = v;
	return NULL;
}

void elf_view_deinit(struct elf_view *v)
{
	mem_free(v->owned);
	*v = (struct elf_view) { 0 };
}

bool elf_file_map(const struct elf_file *f, uint64_t offset, uint64_t size,
		  struct elf_map *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t begin;
	struct stat st;
	int fd;

	*ret = (struct elf_map) { 0 };
	if (!input_is_file(f->in, &fd, &begin) || file_stat(fd, &st) != 0)
		return false;
	offset += begin;
	if (st.st_size < 0 || offset > (uint64_t)st.st_size ||
	    size > (uint64_t)st.st_size - offset)
		return false;
	size_t lead = (size_t)(offset % page);
	void *map = mmap(NULL, (size_t)size + lead, PROT_READ, MAP_PRIVATE, fd,
			 (off_t)(offset - lead));

	if (map == MAP_FAILED)
		return false;
	ret->map = map;
	ret->map_size = (size_t)size + lead;
	ret->data = (const uint8_t *)map + lead;
	return true;
}

void elf_map_deinit(struct elf_map *m)
{
	if (m->map)
		munmap(m->map, m->map_size);
	*m = (struct elf_map) { 0 };
}

/* Section 0, which holds the numbers that the header has no room for. */
static struct error *read_section_0(struct elf_file *f, struct elf_shdr *ret)
{
	CLEANUP_ELF_VIEW struct elf_view v = { 0 };

	TRY(elf_file_view(f, f->header.sections_offset,
			  elf_shdr_size(&f->header), &v));
	*ret = elf_shdr_parse(&f->header, v.data);
	return NULL;
}

static struct error *read_names(struct elf_file *f, uint64_t names_section)
{
	if (names_section == SHN_UNDEF)
		return NULL;
	if (names_section >= f->section_count)
		return error_new(BAD_DATA, "number %" PRIu64 " of %zu",
				 names_section, f->section_count);
	struct elf_shdr s = elf_file_section(f, names_section);

	if (s.type == SHT_NOBITS)
		return NULL;
	if (s.size > ELF_SECTION_NAMES_MAX)
		return error_new(LIMIT, "%" PRIu64 " bytes", s.size);
	TRY(elf_file_view(f, s.offset, s.size, &f->names));
	// Ends with a NUL from here on: every offset into it is a string.
	while (f->names.size && f->names.data[f->names.size - 1])
		f->names.size--;
	return NULL;
}

static struct error *read_section_table(struct elf_file *f)
{
	const struct elf_header *h = &f->header;
	uint64_t count = h->section_count;
	uint64_t names = h->names_section;

	if (h->section_entry_size != elf_shdr_size(h))
		return error_new(BAD_DATA, "entries of %u bytes",
				 h->section_entry_size);
	if (count == 0 || names == SHN_XINDEX) {
		struct elf_shdr zero;

		TRY(read_section_0(f, &zero));
		if (count == 0)
			count = zero.size;
		if (names == SHN_XINDEX)
			names = zero.link;
	}
	if (count > ELF_SECTIONS_MAX)
		return error_new(LIMIT, "%" PRIu64 " sections", count);
	TRY(elf_file_view(f, h->sections_offset, count * elf_shdr_size(h),
			  &f->sections));
	f->section_count = (size_t)count;
	return error_wrap(read_names(f, names), "names");
}

static size_t count_loads(const struct elf_file *f, size_t segments)
{
	size_t count = 0;

	for (size_t i = 0; i < segments; i++)
		count += elf_file_segment(f, i).type == PT_LOAD;
	return count;
}

static struct error *read_segment_table(struct elf_file *f)
{
	const struct elf_header *h = &f->header;
	uint64_t count = h->segment_count;

	if (count == PN_XNUM) {
		struct elf_shdr zero;

		TRY(read_section_0(f, &zero));
		count = zero.info;
	}
	if (count == 0)
		return NULL;
	if (h->segment_entry_size != elf_phdr_size(h))
		return error_new(BAD_DATA, "entries of %u bytes",
				 h->segment_entry_size);
	if (count > ELF_SEGMENTS_MAX)
		return error_new(LIMIT, "%" PRIu64 " program headers", count);
	TRY(elf_file_view(f, h->segments_offset, count * elf_phdr_size(h),
			  &f->segments));
	size_t loads = count_loads(f, (size_t)count);

	if (loads > ELF_LOADS_MAX)
		return error_new(LIMIT, "%zu loadable segments", loads);
	f->segment_count = (size_t)count;
	return NULL;
}

/* Damage ends the table, not the file. @err is taken. */
static struct error *note_table(struct error *err, const char *what,
				uint64_t offset, char **problem_ret)
{
	if (!err || !elf_is_damage(err))
		return err;
	*problem_ret = mem_printf("%s table at offset %" PRIu64 ": %s", what,
				  offset, error_message(err));
	error_free(err);
	return *problem_ret ? NULL : error_no_memory;
}

static struct error *read_tables(struct elf_file *f)
{
	const struct elf_header *h = &f->header;

	TRY(note_table(read_segment_table(f), "segment", h->segments_offset,
		       &f->segments_problem));
	if (h->sections_offset == 0)
		return NULL;
	return note_table(read_section_table(f), "section", h->sections_offset,
			  &f->sections_problem);
}

struct error *elf_file_open(struct input *in, struct elf_file *ret)
{
	*ret = (struct elf_file) { .in = in };
	struct error *err = read_head(ret);

	if (!err)
		err = read_tail(ret);
	if (!err)
		err = read_tables(ret);
	if (err)
		elf_file_close(ret);
	return err;
}

void elf_file_close(struct elf_file *f)
{
	elf_view_deinit(&f->segments);
	elf_view_deinit(&f->sections);
	elf_view_deinit(&f->names);
	mem_free(STEAL(f->sections_problem));
	mem_free(STEAL(f->segments_problem));
	mem_free(STEAL(f->tail));
	error_free(STEAL(f->input_error));
	f->section_count = 0;
	f->segment_count = 0;
}

struct elf_phdr elf_file_segment(const struct elf_file *f, size_t i)
{
	return elf_phdr_parse(&f->header,
			      f->segments.data + i * elf_phdr_size(&f->header));
}

struct elf_shdr elf_file_section(const struct elf_file *f, size_t i)
{
	return elf_shdr_parse(&f->header,
			      f->sections.data + i * elf_shdr_size(&f->header));
}

const char *elf_file_section_name(const struct elf_file *f,
				  const struct elf_shdr *s)
{
	if (s->name >= f->names.size)
		return "";
	return (const char *)f->names.data + s->name;
}

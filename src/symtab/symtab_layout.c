/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serialized, in the order of its reader:
 *
 *	u16 type, u16 machine, u8 1: big-endian, 2: from the executable
 *	u32 count, { u64 offset, u64 vaddr, u64 file_size, u64 mem_size,
 *	             u32 flags }                          segments
 *	u32 count, { u64 vaddr, u64 size, u32 length, name } sections
 *	u32 count, { u64 vaddr, u32 length, name }           base symbols
 */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_layout.h"

enum { BIG_ENDIAN_FLAG = 1, FROM_EXECUTABLE_FLAG = 2 };

/* Least bytes that one takes. */
enum { SEGMENT_SIZE = 36, SECTION_SIZE = 20, BASE_SIZE = 12 };

void symtab_layout_deinit(struct symtab_layout *l)
{
	for (size_t i = 0; l->sections && i < l->section_count; i++)
		mem_free(l->sections[i].name);
	for (size_t i = 0; l->bases && i < l->base_count; i++)
		mem_free(l->bases[i].name);
	mem_free(l->segments);
	mem_free(l->sections);
	mem_free(l->bases);
	*l = (struct symtab_layout) { 0 };
}

/* What an allocation takes: malloc's own 8 bytes before it, in steps of 16. */
static size_t allocated(size_t size)
{
	return size > 24 ? (size + 8 + 15) & ~(size_t)15 : 32;
}

static size_t name_memory(const char *name)
{
	return allocated(strlen(name) + 1);
}

size_t symtab_layout_memory(const struct symtab_layout *l)
{
	size_t sum = allocated(l->segment_count * sizeof(*l->segments)) +
		     allocated(l->section_count * sizeof(*l->sections)) +
		     allocated(l->base_count * sizeof(*l->bases));

	for (size_t i = 0; i < l->section_count; i++)
		sum += name_memory(l->sections[i].name);
	for (size_t i = 0; i < l->base_count; i++)
		sum += name_memory(l->bases[i].name);
	return sum;
}

void symtab_layout_put(struct buf *out, const struct symtab_layout *l)
{
	buf_put_u16(out, l->type);
	buf_put_u16(out, l->machine);
	buf_put_u8(out,
		   (l->is_big_endian ? BIG_ENDIAN_FLAG : 0) |
			   (l->is_from_executable ? FROM_EXECUTABLE_FLAG : 0));
	buf_put_u32(out, (uint32_t)l->segment_count);
	for (size_t i = 0; i < l->segment_count; i++) {
		const struct symtab_segment *s = &l->segments[i];

		buf_put_u64(out, s->offset.v);
		buf_put_u64(out, s->vaddr.v);
		buf_put_u64(out, s->file_size);
		buf_put_u64(out, s->mem_size);
		buf_put_u32(out, s->flags);
	}
	buf_put_u32(out, (uint32_t)l->section_count);
	for (size_t i = 0; i < l->section_count; i++) {
		buf_put_u64(out, l->sections[i].vaddr.v);
		buf_put_u64(out, l->sections[i].size);
		buf_put_str(out, l->sections[i].name);
	}
	buf_put_u32(out, (uint32_t)l->base_count);
	for (size_t i = 0; i < l->base_count; i++) {
		buf_put_u64(out, l->bases[i].vaddr.v);
		buf_put_str(out, l->bases[i].name);
	}
}

/* A count of things of at least @size bytes, all of which must be there. */
static size_t get_count(struct reader *r, size_t size, size_t max)
{
	size_t count = reader_u32(r);

	if (count > max || count > reader_left(r) / size) {
		r->failed = true;
		return 0;
	}
	return count;
}

static struct error *get_name(struct reader *r, char **ret)
{
	size_t len = 0;
	const uint8_t *s = reader_sized(r, &len);

	if (!s || memchr(s, 0, len))
		return error_new(BAD_DATA, "layout: bad name");
	*ret = mem_strndup((const char *)s, len);
	return *ret ? NULL : error_no_memory;
}

static struct error *get_segments(struct reader *r, struct symtab_layout *l)
{
	size_t count = get_count(r, SEGMENT_SIZE, SYMTAB_SEGMENTS_MAX);

	l->segments = mem_array(count, sizeof(*l->segments));
	if (!l->segments)
		return error_no_memory;
	l->segment_count = count;
	for (size_t i = 0; i < count; i++) {
		struct symtab_segment *s = &l->segments[i];

		s->offset.v = reader_u64(r);
		s->vaddr.v = reader_u64(r);
		s->file_size = reader_u64(r);
		s->mem_size = reader_u64(r);
		s->flags = reader_u32(r);
	}
	return NULL;
}

static struct error *get_sections(struct reader *r, struct symtab_layout *l)
{
	size_t count = get_count(r, SECTION_SIZE, SYMTAB_SECTIONS_MAX);
	size_t end = r->pos + count * SECTION_SIZE + SYMTAB_SECTION_NAMES_MAX;

	l->sections = mem_array(count, sizeof(*l->sections));
	if (!l->sections)
		return error_no_memory;
	l->section_count = count;
	for (size_t i = 0; i < count; i++) {
		l->sections[i].vaddr.v = reader_u64(r);
		l->sections[i].size = reader_u64(r);
		TRY(get_name(r, &l->sections[i].name));
		if (r->pos > end)
			return error_new(BAD_DATA, "layout: names too long");
	}
	return NULL;
}

static struct error *get_bases(struct reader *r, struct symtab_layout *l)
{
	size_t count = get_count(r, BASE_SIZE, SYMTAB_BASES_MAX);

	l->bases = mem_array(count, sizeof(*l->bases));
	if (!l->bases)
		return error_no_memory;
	l->base_count = count;
	for (size_t i = 0; i < count; i++) {
		l->bases[i].vaddr.v = reader_u64(r);
		TRY(get_name(r, &l->bases[i].name));
	}
	return NULL;
}

struct error *symtab_layout_get(struct reader *r, struct symtab_layout *ret)
{
	CLEANUP_SYMTAB_LAYOUT struct symtab_layout l = { 0 };

	l.type = reader_u16(r);
	l.machine = reader_u16(r);
	uint8_t flags = reader_u8(r);

	l.is_big_endian = flags & BIG_ENDIAN_FLAG;
	l.is_from_executable = flags & FROM_EXECUTABLE_FLAG;
	TRY(get_segments(r, &l));
	TRY(get_sections(r, &l));
	TRY(get_bases(r, &l));
	if (!reader_ok(r))
		return error_new(BAD_DATA, "layout: truncated");
	*ret = l;
	l = (struct symtab_layout) { 0 };
	return NULL;
}

static const char *const reason_names[ADDRESS_REASONS] = {
	[ADDRESS_OK] = "ok",
	[ADDRESS_NO_SYMBOL] = "no_symbol",
	[ADDRESS_NO_LINE] = "no_line",
	[ADDRESS_UNMAPPED_OFFSET] = "unmapped_offset",
	[ADDRESS_BAD_ADDRESS] = "bad_address",
	[ADDRESS_MODULE_PENDING] = "module_pending",
	[ADDRESS_MODULE_ABSENT] = "module_absent",
	[ADDRESS_NO_BUILD_ID] = "no_build_id",
};

static const char *const kind_names[ADDRESS_KINDS] = {
	[ADDRESS_FILE_OFFSET] = "file_offset",
	[ADDRESS_VADDR] = "vaddr",
	[ADDRESS_IMAGE] = "image",
	[ADDRESS_RUNTIME] = "runtime",
	[ADDRESS_SECTION] = "section",
	[ADDRESS_KERNEL] = "kernel",
};

const char *address_reason_name(enum address_reason r)
{
	return reason_names[r];
}

const char *address_kind_name(enum address_kind k)
{
	return kind_names[k];
}

bool address_kind_parse(const char *name, size_t len, enum address_kind *ret)
{
	for (unsigned k = 0; k < ADDRESS_KINDS; k++) {
		if (strlen(kind_names[k]) == len &&
		    !memcmp(kind_names[k], name, len)) {
			*ret = (enum address_kind)k;
			return true;
		}
	}
	return false;
}

static enum address_reason convert_offset(const struct symtab_layout *l,
					  uint64_t offset, struct vaddr *ret)
{
	const struct symtab_segment *found = NULL;

	for (size_t i = 0; i < l->segment_count; i++) {
		const struct symtab_segment *s = &l->segments[i];

		if (offset < s->offset.v ||
		    offset - s->offset.v >= s->file_size)
			continue;
		if (!found || (s->flags & PF_X && !(found->flags & PF_X)))
			found = s;
	}
	if (!found)
		return ADDRESS_UNMAPPED_OFFSET;
	if (__builtin_add_overflow(found->vaddr.v, offset - found->offset.v,
				   &ret->v))
		return ADDRESS_BAD_ADDRESS;
	return ADDRESS_OK;
}

static enum address_reason convert_image(const struct symtab_layout *l,
					 uint64_t offset, struct vaddr *ret)
{
	uint64_t base = UINT64_MAX;

	for (size_t i = 0; i < l->segment_count; i++)
		if (l->segments[i].vaddr.v < base)
			base = l->segments[i].vaddr.v;
	if (!l->segment_count)
		return ADDRESS_UNMAPPED_OFFSET;
	if (__builtin_add_overflow(base, offset, &ret->v))
		return ADDRESS_BAD_ADDRESS;
	return ADDRESS_OK;
}

static enum address_reason convert_runtime(const struct symtab_layout *l,
					   const struct address_space *space,
					   uint64_t address, struct vaddr *ret)
{
	uint64_t offset;

	if (address < space->map_start ||
	    __builtin_add_overflow(address - space->map_start,
				   space->map_offset, &offset))
		return ADDRESS_BAD_ADDRESS;
	return convert_offset(l, offset, ret);
}

static enum address_reason convert_section(const struct symtab_section *s,
					   uint64_t offset, struct vaddr *ret)
{
	if (!s || offset >= s->size ||
	    __builtin_add_overflow(s->vaddr.v, offset, &ret->v))
		return ADDRESS_BAD_ADDRESS;
	return ADDRESS_OK;
}

static bool is_code(const struct symtab_layout *l, uint64_t at)
{
	for (size_t i = 0; i < l->segment_count; i++) {
		const struct symtab_segment *s = &l->segments[i];

		if (s->flags & PF_X && at >= s->vaddr.v &&
		    at - s->vaddr.v < s->mem_size)
			return true;
	}
	return false;
}

/* Code may lie below the base symbol: on arm64 _text is 64 KiB below _stext.
 * But what is far from the kernel is an address of something else. */
static enum address_reason convert_kernel(const struct address_converter *c,
					  uint64_t address, struct vaddr *ret)
{
	if (!c->base)
		return ADDRESS_BAD_ADDRESS;
	ret->v = c->base->vaddr.v + (address - c->space->base);
	if (address >= c->space->base ? ret->v < c->base->vaddr.v
				      : !is_code(c->layout, ret->v))
		return ADDRESS_BAD_ADDRESS;
	return ADDRESS_OK;
}

static const struct symtab_section *find_section(const struct symtab_layout *l,
						 const char *name)
{
	for (size_t i = 0; name && i < l->section_count; i++) {
		if (!strcmp(l->sections[i].name, name))
			return &l->sections[i];
	}
	return NULL;
}

static const struct symtab_base *find_base(const struct symtab_layout *l,
					   const char *name)
{
	for (size_t i = 0; name && i < l->base_count; i++) {
		if (!strcmp(l->bases[i].name, name))
			return &l->bases[i];
	}
	return NULL;
}

void address_converter_init(struct address_converter *ret,
			    const struct symtab_layout *l,
			    const struct address_space *space)
{
	*ret = (struct address_converter) { .layout = l, .space = space };
	if (space->kind == ADDRESS_SECTION)
		ret->section = find_section(l, space->name);
	else if (space->kind == ADDRESS_KERNEL)
		ret->base = find_base(l, space->name);
}

enum address_reason address_convert(const struct address_converter *c,
				    uint64_t address, struct vaddr *ret)
{
	const struct symtab_layout *l = c->layout;

	if (c->space->return_addresses) {
		if (!address)
			return ADDRESS_BAD_ADDRESS;
		address--;
	}
	switch (c->space->kind) {
	case ADDRESS_FILE_OFFSET:
		return convert_offset(l, address, ret);
	case ADDRESS_VADDR:
		ret->v = address;
		return ADDRESS_OK;
	case ADDRESS_IMAGE:
		return convert_image(l, address, ret);
	case ADDRESS_RUNTIME:
		return convert_runtime(l, c->space, address, ret);
	case ADDRESS_SECTION:
		return convert_section(c->section, address, ret);
	case ADDRESS_KERNEL:
		return convert_kernel(c, address, ret);
	case ADDRESS_KINDS:
		break;
	}
	return ADDRESS_BAD_ADDRESS;
}

enum address_reason symtab_layout_convert(const struct symtab_layout *l,
					  const struct address_space *space,
					  uint64_t address, struct vaddr *ret)
{
	struct address_converter c;

	address_converter_init(&c, l, space);
	return address_convert(&c, address, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* .eh_frame is a row of entries
 *
 *	u32   length of what follows; 0xffffffff: a u64 length follows; 0: end
 *	u32   CIE: 0; FDE: how far this field lies behind its CIE
 *
 * A CIE goes on
 *
 *	u8    version: 1, 3 or 4
 *	cstr  augmentation; "eh" in old ones: an address follows
 *	u8 u8 of version 4: address size, segment size
 *	uleb  code alignment, sleb data alignment
 *	      return register: u8 of version 1, otherwise uleb
 *	if the augmentation begins with 'z': uleb length, then for each of its
 *	letters: 'R' u8 encoding of addresses in FDEs, 'L' u8, 'P' u8 encoding
 *	and an address in it, 'S' and 'B' nothing
 *
 * and an FDE: start, in the CIE's encoding; size, in the same without what it
 * is relative to.
 *
 * Encoding: low 4 bits the format (below), next 3 what it is relative to
 * (0 nothing, 1 its own place), 0x80 indirect, 0xff left out.
 *
 * Source: Linux Standard Base Core 5.0, 10.5 and 10.6; GCC 12
 * libgcc/unwind-dw2-fde.c, unwind-pe.h. */
#include "config.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "elf/elf_eh_frame.h"
#include "elf/elf_section.h"

enum {
	PE_ABSPTR = 0x0,
	PE_ULEB128 = 0x1,
	PE_UDATA2 = 0x2,
	PE_UDATA4 = 0x3,
	PE_UDATA8 = 0x4,
	PE_SLEB128 = 0x9,
	PE_SDATA2 = 0xa,
	PE_SDATA4 = 0xb,
	PE_SDATA8 = 0xc,
	PE_FORMAT = 0x0f,
	PE_RELATIVE = 0x70,
	PE_PCREL = 0x10,
	PE_INDIRECT = 0x80,
	PE_OMIT = 0xff,
};

struct eh_frame {
	const struct elf_header *header;
	const uint8_t *data;
	size_t size;
	uint64_t address; /* of the section */
	/* The CIE read last: that of most FDEs to come. */
	size_t cie; /* offset; SIZE_MAX: none */
	uint8_t encoding;
};

static size_t word_size(const struct eh_frame *e)
{
	return e->header->is_64 ? 8 : 4;
}

static uint64_t read_value(const struct eh_frame *e, struct reader *r,
			   uint8_t encoding)
{
	switch (encoding & PE_FORMAT) {
	case PE_ABSPTR:
		return reader_uint(r, word_size(e));
	case PE_ULEB128:
		return reader_uleb(r);
	case PE_UDATA2:
		return reader_u16(r);
	case PE_UDATA4:
		return reader_u32(r);
	case PE_SLEB128:
		return (uint64_t)reader_sleb(r);
	case PE_SDATA2:
		return (uint64_t)(int64_t)(int16_t)reader_u16(r);
	case PE_SDATA4:
		return (uint64_t)(int64_t)(int32_t)reader_u32(r);
	case PE_UDATA8:
	case PE_SDATA8:
		return reader_u64(r);
	default:
		r->failed = true;
		return 0;
	}
}

/* An entry's bytes behind its length; false at the end of all, or where it is
 * damaged. */
static bool read_entry(struct reader *all, struct reader *ret)
{
	uint64_t length = reader_u32(all);

	if (length == UINT32_MAX)
		length = reader_u64(all);
	if (!reader_ok(all) || length == 0 || length > reader_left(all))
		return false;
	*ret = *all;
	ret->size = all->pos + (size_t)length;
	reader_skip(all, length);
	return true;
}

/* Of the letters behind 'z' only those in front of 'R' must be understood. */
static bool read_augmentation(const struct eh_frame *e, struct reader *r,
			      const char *letters, uint8_t *encoding_ret)
{
	reader_uleb(r);
	for (const char *c = letters; *c; c++) {
		if (*c == 'R') {
			*encoding_ret = reader_u8(r);
			break;
		}
		if (*c == 'L')
			reader_skip(r, 1);
		else if (*c == 'P')
			read_value(e, r, reader_u8(r));
		else if (*c != 'S' && *c != 'B' && *c != 'G')
			return false;
	}
	return reader_ok(r);
}

/* How addresses are encoded in the FDEs of the CIE in @p r. */
static bool read_cie(const struct eh_frame *e, struct reader *r,
		     uint8_t *encoding_ret)
{
	if (reader_u32(r) != 0)
		return false;
	uint8_t version = reader_u8(r);
	const char *augmentation = reader_cstr(r, NULL);

	if (!augmentation || (version != 1 && version != 3 && version != 4))
		return false;
	if (!strncmp(augmentation, "eh", 2)) {
		reader_skip(r, word_size(e));
		augmentation += 2;
	}
	if (version == 4)
		reader_skip(r, 2);
	reader_uleb(r);
	reader_sleb(r);
	if (version == 1)
		reader_skip(r, 1);
	else
		reader_uleb(r);
	*encoding_ret = PE_ABSPTR;
	if (*augmentation == 'z')
		return read_augmentation(e, r, augmentation + 1, encoding_ret);
	return reader_ok(r);
}

/* @p r stands behind the pointer to the CIE. */
static bool find_encoding(struct eh_frame *e, size_t cie, uint8_t *ret)
{
	struct reader all, r;

	if (e->cie != cie) {
		e->cie = SIZE_MAX; // of no CIE, should this one be damaged
		reader_init(&all, e->data, e->size, e->header->big_endian);
		reader_seek(&all, cie);
		if (!read_entry(&all, &r) || !read_cie(e, &r, &e->encoding))
			return false;
		e->cie = cie;
	}
	*ret = e->encoding;
	return true;
}

static bool read_fde(struct eh_frame *e, struct reader *r,
		     struct elf_frame *ret)
{
	size_t here = r->pos;
	uint32_t back = reader_u32(r);
	uint8_t encoding;

	if (back == 0 || back > here)
		return false;
	if (!find_encoding(e, here - back, &encoding) || encoding == PE_OMIT ||
	    encoding & PE_INDIRECT)
		return false;
	uint64_t place = e->address + r->pos;

	ret->start = read_value(e, r, encoding);
	ret->size = read_value(e, r, encoding & 0x7);
	if ((encoding & PE_RELATIVE) == PE_PCREL)
		ret->start += place;
	else if (encoding & PE_RELATIVE)
		return false;
	if (!e->header->is_64)
		ret->start &= UINT32_MAX;
	return reader_ok(r) && ret->size &&
	       ret->size <= UINT64_MAX - ret->start;
}

static struct error *read_all(struct eh_frame *e, struct elf_frames *ret)
{
	struct reader all, r;

	reader_init(&all, e->data, e->size, e->header->big_endian);
	while (read_entry(&all, &r)) {
		struct elf_frame frame;

		if (!read_fde(e, &r, &frame))
			continue;
		if (!mem_grow(&ret->frames, &ret->capacity, ret->count + 1,
			      sizeof(frame)))
			return error_no_memory;
		ret->frames[ret->count++] = frame;
	}
	return NULL;
}

static int compare_frames(const void *a, const void *b)
{
	const struct elf_frame *fa = a;
	const struct elf_frame *fb = b;

	return (fa->start > fb->start) - (fa->start < fb->start);
}

static bool find_section(const struct elf_file *f, size_t *ret)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (s.type != SHT_NOBITS && s.size &&
		    !strcmp(elf_file_section_name(f, &s), ".eh_frame")) {
			*ret = i;
			return true;
		}
	}
	return false;
}

struct error *elf_frames_read(struct elf_file *f, struct elf_frames *ret)
{
	CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
	CLEANUP_FREE uint8_t *data = NULL;
	struct eh_frame e = { .header = &f->header, .cie = SIZE_MAX };
	size_t section;

	*ret = frames;
	if (f->header.type == ET_REL || !find_section(f, &section))
		return NULL;
	TRY(elf_section_load(f, section, &data, &e.size));
	e.data = data;
	e.address = elf_file_section(f, section).vaddr;
	TRY(read_all(&e, &frames));
	if (frames.count)
		qsort(frames.frames, frames.count, sizeof(*frames.frames),
		      compare_frames);
	*ret = frames;
	frames = (struct elf_frames) { 0 };
	return NULL;
}

void elf_frames_deinit(struct elf_frames *frames)
{
	mem_free(frames->frames);
	*frames = (struct elf_frames) { 0 };
}

/* Number of frames that begin at or in front of an address. */
static size_t count_until(const struct elf_frames *frames, uint64_t address)
{
	size_t low = 0;
	size_t high = frames->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (frames->frames[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct elf_frame *elf_frames_find(const struct elf_frames *frames,
					uint64_t address)
{
	size_t n = count_until(frames, address);
	const struct elf_frame *f = n ? &frames->frames[n - 1] : NULL;

	return f && address - f->start < f->size ? f : NULL;
}

const struct elf_frame *elf_frames_next(const struct elf_frames *frames,
					uint64_t address)
{
	size_t n = count_until(frames, address);

	return n < frames->count ? &frames->frames[n] : NULL;
}

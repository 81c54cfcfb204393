/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "elf/dwarf_object.h"
#include "elf/elf_limits.h"

enum {
	COPY_STEP = 64 << 10,
	SMALL_SIZE = 1 << 20,
	/* Pages are let go of in steps of this. */
	RELEASE_STEP = 16 << 20,
	/* Of a section, for which all of it is inflated at once. */
	WHOLE_SHARE = 3,
};

static const char *const names[DWARF_SECTION_IDS] = {
	[DWARF_INFO] = ".debug_info",
	[DWARF_ABBREV] = ".debug_abbrev",
	[DWARF_LINE] = ".debug_line",
	[DWARF_LINE_STR] = ".debug_line_str",
	[DWARF_STR] = ".debug_str",
	[DWARF_STR_OFFSETS] = ".debug_str_offsets",
	[DWARF_ADDR] = ".debug_addr",
	[DWARF_RANGES] = ".debug_ranges",
	[DWARF_RNGLISTS] = ".debug_rnglists",
	[DWARF_ARANGES] = ".debug_aranges",
	[DWARF_CU_INDEX] = ".debug_cu_index",
};

const char *dwarf_section_name(enum dwarf_section_id id)
{
	return names[id];
}

/* Is it the section @p id: .debug_X, .zdebug_X, or .debug_X.dwo? */
static bool is_named(const char *name, enum dwarf_section_id id, bool is_split)
{
	size_t len = strlen(names[id]) - strlen(".debug_");
	bool has_suffix = is_split && id != DWARF_CU_INDEX;

	if (strncmp(name, ".debug_", 7) == 0)
		name += 7;
	else if (strncmp(name, ".zdebug_", 8) == 0)
		name += 8;
	else
		return false;
	return strncmp(name, names[id] + 7, len) == 0 &&
	       strcmp(name + len, has_suffix ? ".dwo" : "") == 0;
}

static void note_section(struct dwarf_object *o, size_t number,
			 const struct elf_shdr *shdr)
{
	const char *name = elf_file_section_name(o->elf, shdr);

	// Objects with COMDAT groups have several of a name, one of which
	// belongs to no group: that has the code.
	if (shdr->type == SHT_NOBITS || shdr->size == 0 || name[0] != '.' ||
	    (name[1] != 'd' && name[1] != 'z'))
		return;
	for (size_t id = 0; id < DWARF_SECTION_IDS; id++) {
		struct dwarf_held *held = &o->sections[id];

		if (is_named(name, (enum dwarf_section_id)id, o->is_split) &&
		    (!held->number || !(shdr->flags & SHF_GROUP)))
			held->number = number;
	}
}

void dwarf_object_init(struct dwarf_object *ret, struct elf_file *elf,
		       bool is_split)
{
	*ret = (struct dwarf_object) {
		.elf = elf,
		.big_endian = elf->header.big_endian,
		.is_split = is_split,
	};
	for (size_t i = 0; i < DWARF_SECTION_IDS; i++)
		ret->sections[i].bytes.data = (const uint8_t *)"";
	for (size_t i = 1; i < elf->section_count; i++) {
		struct elf_shdr shdr = elf_file_section(elf, i);

		note_section(ret, i, &shdr);
	}
}

void dwarf_object_deinit(struct dwarf_object *o)
{
	for (size_t i = 0; i < DWARF_SECTION_IDS; i++) {
		struct dwarf_held *held = &o->sections[i];

		if (held->map)
			munmap(STEAL(held->map), held->map_size);
		mem_free(STEAL(held->owned));
		elf_stream_close(STEAL(held->rest));
		held->bytes = (struct dwarf_bytes) { (const uint8_t *)"", 0 };
	}
}

/* Map it from the file, where it is in one and really there. */
static bool map_file(struct dwarf_object *o, const struct elf_shdr *shdr,
		     uint64_t size, struct dwarf_held *held)
{
	struct elf_map m;

	if (!elf_file_map(o->elf, shdr->offset, size, &m))
		return false;
	held->map = m.map;
	held->map_size = m.map_size;
	held->is_file = true;
	held->bytes.data = m.data;
	held->bytes.size = (size_t)size;
	return true;
}

/* Where much of the section is wanted, all of it at once takes less time. What
 * was copied before is written again, the same. */
static bool copy_whole(const struct dwarf_object *o, struct dwarf_held *held,
		       uint64_t size, uint8_t *to)
{
	uint64_t all = elf_stream_size(held->rest);

	if (held->was_whole || (!o->wants_all && size < all / WHOLE_SHARE))
		return false;
	held->was_whole = true;
	if (!elf_stream_whole(held->rest, to))
		return false;
	held->bytes.size = (size_t)all;
	elf_stream_close(STEAL(held->rest));
	return true;
}

/* Bytes of the stream up to @p size in all, or as many as can be had. */
static struct error *copy_stream(const struct dwarf_object *o,
				 struct dwarf_held *held, uint64_t size)
{
	uint8_t *to = held->map ? held->map : held->owned;

	if (held->rest && held->bytes.size < size &&
	    copy_whole(o, held, size, to))
		return NULL;
	while (held->rest && held->bytes.size < size) {
		const uint8_t *data;
		size_t n;
		struct error *err = elf_stream_peek(held->rest, 1, &data, &n);

		if (n)
			memcpy(to + held->bytes.size, data, n);
		held->bytes.size += n;
		if (!err && n)
			err = elf_stream_skip(held->rest, n);
		if (err || n == 0)
			elf_stream_close(STEAL(held->rest));
		TRY(err);
	}
	return NULL;
}

/* Memory of exactly that size; large memory is used as it is written, so a
 * claim costs nothing. */
static uint8_t *allocate(struct dwarf_held *held, size_t size)
{
	if (size <= SMALL_SIZE) {
		held->owned = mem_alloc(size);
		return held->owned;
	}
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	held->map = map;
	held->map_size = size;
	return map;
}

static struct error *begin_copy(struct dwarf_object *o, struct dwarf_held *held)
{
	CLEANUP_ELF_STREAM struct elf_stream *s = NULL;

	TRY(elf_stream_open(o->elf, held->number, COPY_STEP, &s));
	uint64_t size = elf_stream_size(s);

	if (size == 0)
		return NULL;
	uint8_t *to = allocate(held, (size_t)size);

	if (!to) // damage, or more than this process may have: noted, not fatal
		return size <= SMALL_SIZE
			       ? error_no_memory
			       : error_new(LIMIT,
					   "no room for %" PRIu64 " bytes",
					   size);
	held->bytes.data = to;
	held->rest = STEAL(s);
	if (!o->relocator.vaddrs)
		return NULL;
	TRY(copy_stream(o, held, size));
	return dwarf_relocate(&o->relocator, o->elf, held->number, to,
			      held->bytes.size);
}

static struct error *load(struct dwarf_object *o, struct dwarf_held *held)
{
	struct elf_shdr shdr = elf_file_section(o->elf, held->number);
	const char *name = elf_file_section_name(o->elf, &shdr);
	uint64_t file_size = o->elf->in->size;
	uint64_t size = shdr.size;

	if (o->relocator.vaddrs || (shdr.flags & SHF_COMPRESSED) ||
	    name[1] == 'z' || shdr.offset > file_size)
		return begin_copy(o, held);
	if (size > file_size - shdr.offset)
		size = file_size - shdr.offset;
	if (map_file(o, &shdr, size, held))
		return NULL;
	return begin_copy(o, held);
}

struct error *dwarf_object_part(struct dwarf_object *o,
				enum dwarf_section_id id, uint64_t size,
				struct dwarf_bytes *ret)
{
	struct dwarf_held *held = &o->sections[id];
	struct error *err = NULL;

	if (!held->is_loaded && held->number) {
		held->is_loaded = true;
		err = load(o, held);
	}
	if (!err && held->bytes.size < size)
		err = copy_stream(o, held, size);
	*ret = held->bytes;
	return error_wrap(err, "%s", names[id]);
}

struct error *dwarf_object_section(struct dwarf_object *o,
				   enum dwarf_section_id id,
				   struct dwarf_bytes *ret)
{
	return dwarf_object_part(o, id, UINT64_MAX, ret);
}

void dwarf_object_release(struct dwarf_object *o, enum dwarf_section_id id,
			  size_t size)
{
	struct dwarf_held *held = &o->sections[id];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!held->is_file || size > held->bytes.size)
		return;
	size -= size % page;
	if (size < held->released) // read again from the front
		held->released = 0;
	if (size - held->released < RELEASE_STEP)
		return;
	madvise((uint8_t *)held->map + held->released, size - held->released,
		MADV_DONTNEED);
	held->released = size;
}

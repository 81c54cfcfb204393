/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers of DWARF with sections of a stranger's in a file of ours, so that
 * no mutation is lost to the file around them: the functions and, of the same
 * file, the names of sources.
 *
 * Input: u8 flags; then sections, u16 size and so many bytes each, in the order of names below: the file's, and then those of a
 * split file. What is missing is empty; without any for the split file, the
 * file is its own.
 */
#include "config.h"

#include "base/reader.h"
#include "elf/elf_facts.h"
#include "tests/fuzz/fuzz_dwarf.h"
#include "tests/lib/dwarf_writer.h"

enum {
	IS_32 = 1 << 0,
	BIG_ENDIAN_FILE = 1 << 1,
	RELOCATABLE = 1 << 2,
	PACKED = 1 << 3,
	IS_SPLIT = 1 << 4, /* the file itself */
	FAIL_MEMORY = 1 << 5,
};

static void take_section(struct reader *r, struct buf *out)
{
	size_t size = reader_u16(r);

	if (size > reader_left(r))
		size = reader_left(r);
	/* A failed reader gives nothing. */
	const uint8_t *bytes = reader_bytes(r, size);

	if (bytes && size && !buf_append(out, bytes, size))
		abort();
}

static void take_sections(struct reader *r, struct dwarf_writer *w)
{
	struct buf *const sections[] = {
		&w->abbrev,  &w->info,     &w->line,     &w->str,
		&w->ranges,  &w->addr,     &w->rnglists, &w->str_offsets,
		&w->aranges, &w->line_str, &w->cu_index,
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		take_section(r, sections[i]);
}

static void write_file(struct reader *r, unsigned flags, bool is_split,
		       struct buf *out)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = {
		.version = 5,
		.address_size = flags & IS_32 ? 4 : 8,
		.big_endian = flags & BIG_ENDIAN_FILE,
		.is_split = is_split,
	};

	take_sections(r, &w);
	dw_elf(&w,
	       &(struct elf_spec) {
		       .is_32 = flags & IS_32,
		       .big_endian = flags & BIG_ENDIAN_FILE,
		       .text_size = 0x1000,
		       .type = flags & RELOCATABLE ? ET_REL : ET_DYN,
		       .packing =
			       flags & PACKED ? ELF_PACK_ZLIB : ELF_PACK_NONE,
	       },
	       out);
}

static void read_facts(struct input *in)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	error_free(elf_facts_read(in, true, &f));
}

static void run(const struct buf *file, const struct buf *other)
{
	uint8_t *copy = fuzz_copy(file->data, file->size);
	uint8_t *other_copy = fuzz_copy(other->data, other->size);
	struct input in = input_from_memory(copy, file->size);
	struct input split = input_from_memory(other_copy, other->size);

	fuzz_dwarf(&in, &split);
	read_facts(&in);
	free(other_copy);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf file = BUF_INIT, split = BUF_INIT;
	struct reader r;

	reader_init(&r, data, size, false);
	unsigned flags = reader_u8(&r);

	write_file(&r, flags, flags & IS_SPLIT, &file);
	if (reader_ok(&r) && reader_left(&r))
		write_file(&r, flags, true, &split);
	if (flags & FAIL_MEMORY)
		mem_fail_at(1 + size % 500);
	run(&file, split.size ? &split : &file);
	mem_fail_at(0);
	return 0;
}

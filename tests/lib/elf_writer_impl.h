/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the two halves of elf_writer share: the file being made, its sections,
 * and integers in its byte order. Not for tests to include.
 */
#ifndef TESTS_LIB_ELF_WRITER_IMPL_H
#define TESTS_LIB_ELF_WRITER_IMPL_H

#include "tests/lib/elf_writer.h"

struct elf_out_section {
	const char *name;
	char *owned_name; /* NULL where the name is static */
	uint32_t type;
	uint64_t flags;
	uint64_t addr;
	uint64_t offset;
	uint64_t size; /* of data, or what SHT_NOBITS claims */
	uint32_t link;
	uint32_t info;
	uint64_t align;
	uint64_t entsize;
	uint32_t name_at; /* in .shstrtab */
	struct buf data;
};

/** A place in a section that a relocation fills in. */
struct elf_out_reloc {
	size_t section;
	uint64_t offset;
	size_t target; /* section; its symbol has the same number */
	uint64_t addend;
	unsigned size;
};

struct elf_out {
	const struct elf_spec *spec;
	bool relocatable;
	struct elf_out_section *sections; /* [0] is the null section */
	size_t section_count;
	size_t section_capacity;
	struct elf_out_reloc *relocs;
	size_t reloc_count;
	size_t reloc_capacity;
};

/** @return The number of the new section. Sections may move in memory. */
size_t elf_out_section(struct elf_out *out, const char *name, uint32_t type,
		       uint64_t align);
/** The section's bytes; valid until the next section is made. */
struct buf *elf_out_data(struct elf_out *out, size_t section);

/** Append an integer of 1 to 8 bytes in the file's byte order. */
void elf_out_put(const struct elf_out *out, struct buf *b, uint64_t v,
		 unsigned size);
void elf_out_set(const struct elf_out *out, struct buf *b, size_t at,
		 uint64_t v, unsigned size);
void elf_out_uleb(struct buf *b, uint64_t v);
void elf_out_sleb(struct buf *b, int64_t v);
void elf_out_zeros(struct buf *b, size_t size);
void elf_out_bytes(struct buf *b, const void *data, size_t size);

/** Append the offset @p v into section @p target to section @p section: a
 * relocation in ET_REL, the value itself elsewhere. */
void elf_out_reference(struct elf_out *out, size_t section, size_t target,
		       uint64_t v, unsigned size);

/** The sections .debug_* for the spec's units. */
void elf_out_dwarf(struct elf_out *out);

#endif

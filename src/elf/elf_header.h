/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ELF header, program headers and section headers of either class and byte
 * order, as structs of one shape.
 *
 * Only decodes: knows no files. Threads: no state.
 * Source: System V gABI 4.1, chapters 4 and 5; layouts in elf_header.c.
 */
#ifndef ELF_ELF_HEADER_H
#define ELF_ELF_HEADER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ELF_HEADER_SIZE_MAX = 64, /* of class 64; class 32: 52 */
};

struct elf_header {
	bool is_64;
	bool big_endian;
	uint16_t type;
	uint16_t machine;
	uint64_t segments_offset;
	uint64_t sections_offset;
	uint16_t segment_entry_size; /* as the file says */
	uint16_t section_entry_size;
	/** As they stand in the header; elf_file knows the true numbers where
	 * these are PN_XNUM, 0 or SHN_XINDEX. */
	uint16_t segment_count;
	uint16_t section_count;
	uint16_t names_section;
};

struct elf_phdr {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t file_size;
	uint64_t mem_size;
	uint64_t align;
};

struct elf_shdr {
	uint32_t name; /* offset in the table of section names */
	uint32_t type;
	uint64_t flags;
	uint64_t vaddr;
	uint64_t offset;
	uint64_t size;
	uint32_t link;
	uint32_t info;
	uint64_t align;
};

/**
 * Decode the file's first bytes.
 *
 * @param[in] head @p size bytes; ELF_HEADER_SIZE_MAX are always enough.
 * @return BAD_DATA if it is not ELF, of no known class or byte order, or cut
 * within the header.
 */
MUST_CHECK struct error *elf_header_parse(const uint8_t *head, size_t size,
					  struct elf_header *ret);

/** Sizes of table entries in the file's class. */
size_t elf_phdr_size(const struct elf_header *h);
size_t elf_shdr_size(const struct elf_header *h);

/** Decode one entry of that many bytes. */
struct elf_phdr elf_phdr_parse(const struct elf_header *h,
			       const uint8_t *entry);
struct elf_shdr elf_shdr_parse(const struct elf_header *h,
			       const uint8_t *entry);

#endif

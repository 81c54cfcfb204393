/* SPDX-License-Identifier: Apache-2.0 */
/* ELF header (offsets: class 32 / class 64)
 *
 *	 0  4  \177 E L F
 *	 4  1  class: 1 32-bit, 2 64-bit
 *	 5  1  byte order: 1 little, 2 big
 *	16  2  e_type          18  2  e_machine       20  4  e_version
 *	24 4/8 e_entry      28/32 4/8 e_phoff      32/40 4/8 e_shoff
 *	36/48 4 e_flags     40/52 2 e_ehsize
 *	42/54 2 e_phentsize 44/56 2 e_phnum
 *	46/58 2 e_shentsize 48/60 2 e_shnum        50/62 2 e_shstrndx
 *
 * Program header, class 32 (32 bytes):
 *	type offset vaddr paddr filesz memsz flags align: 4 bytes each
 * class 64 (56 bytes):
 *	type flags: 4 each; offset vaddr paddr filesz memsz align: 8 each
 *
 * Section header (40 / 64 bytes):
 *	name type: 4 each; flags addr offset size: 4/8 each; link info: 4 each;
 *	addralign entsize: 4/8 each
 *
 * Source: System V gABI 4.1, chapters 4 and 5. */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "base/reader.h"
#include "elf/elf_facts.h"
#include "elf/elf_header.h"

static uint64_t read_word(const struct elf_header *h, struct reader *r)
{
	return h->is_64 ? reader_u64(r) : reader_u32(r);
}

bool elf_is_elf(const void *head, size_t size)
{
	return size >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0;
}

struct error *elf_header_parse(const uint8_t *head, size_t size,
			       struct elf_header *ret)
{
	struct elf_header h = { 0 };
	struct reader r;

	if (!elf_is_elf(head, size))
		return error_new(BAD_DATA, "not an ELF file");
	if (size < EI_NIDENT)
		return error_new(BAD_DATA,
				 "ELF header: cut off after %zu bytes", size);
	if (head[EI_CLASS] != ELFCLASS32 && head[EI_CLASS] != ELFCLASS64)
		return error_new(BAD_DATA, "ELF header: class %u is not known",
				 head[EI_CLASS]);
	if (head[EI_DATA] != ELFDATA2LSB && head[EI_DATA] != ELFDATA2MSB)
		return error_new(BAD_DATA,
				 "ELF header: byte order %u is not known",
				 head[EI_DATA]);
	h.is_64 = head[EI_CLASS] == ELFCLASS64;
	h.big_endian = head[EI_DATA] == ELFDATA2MSB;
	reader_init(&r, head, size, h.big_endian);
	reader_skip(&r, EI_NIDENT);
	h.type = reader_u16(&r);
	h.machine = reader_u16(&r);
	reader_skip(&r, 4);
	read_word(&h, &r); /* e_entry */
	h.segments_offset = read_word(&h, &r);
	h.sections_offset = read_word(&h, &r);
	reader_skip(&r, 4 + 2); /* e_flags, e_ehsize */
	h.segment_entry_size = reader_u16(&r);
	h.segment_count = reader_u16(&r);
	h.section_entry_size = reader_u16(&r);
	h.section_count = reader_u16(&r);
	h.names_section = reader_u16(&r);
	if (!reader_ok(&r))
		return error_new(BAD_DATA,
				 "ELF header: cut off after %zu bytes", size);
	*ret = h;
	return NULL;
}

size_t elf_phdr_size(const struct elf_header *h)
{
	return h->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

size_t elf_shdr_size(const struct elf_header *h)
{
	return h->is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

struct elf_phdr elf_phdr_parse(const struct elf_header *h, const uint8_t *entry)
{
	struct elf_phdr p = { 0 };
	struct reader r;

	reader_init(&r, entry, elf_phdr_size(h), h->big_endian);
	p.type = reader_u32(&r);
	if (h->is_64)
		p.flags = reader_u32(&r);
	p.offset = read_word(h, &r);
	p.vaddr = read_word(h, &r);
	read_word(h, &r); /* p_paddr */
	p.file_size = read_word(h, &r);
	p.mem_size = read_word(h, &r);
	if (!h->is_64)
		p.flags = reader_u32(&r);
	p.align = read_word(h, &r);
	return p;
}

struct elf_shdr elf_shdr_parse(const struct elf_header *h, const uint8_t *entry)
{
	struct elf_shdr s = { 0 };
	struct reader r;

	reader_init(&r, entry, elf_shdr_size(h), h->big_endian);
	s.name = reader_u32(&r);
	s.type = reader_u32(&r);
	s.flags = read_word(h, &r);
	s.vaddr = read_word(h, &r);
	s.offset = read_word(h, &r);
	s.size = read_word(h, &r);
	s.link = reader_u32(&r);
	s.info = reader_u32(&r);
	s.align = read_word(h, &r);
	return s;
}

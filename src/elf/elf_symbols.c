/* SPDX-License-Identifier: Apache-2.0 */
/* A symbol
 *
 *	class 32: name value size info other shndx: 4 4 4 1 1 2 bytes
 *	class 64: name info other shndx value size: 4 1 1 2 8 8
 *
 * where info is bind << 4 | type. A shndx of SHN_XINDEX (0xffff) stands for the
 * u32 of the same number in the section SHT_SYMTAB_SHNDX that links to the
 * table. Bit 0 of a function's value tells Thumb from ARM.
 *
 * Names of .symtab may carry a version, "memcpy@@GLIBC_2.14"; those of .dynsym
 * have theirs elsewhere.
 *
 * Source: System V gABI 4.1, chapter 4, "Symbol Table"; ELF for the Arm
 * Architecture 2023Q1, 5.5.3 and 5.5.5 (mapping symbols); the same for AArch64;
 * RISC-V ELF psABI 1.0, "Mapping Symbol". */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "elf/elf_limits.h"
#include "elf/elf_section.h"
#include "elf/elf_symbols.h"

struct elf_symtab {
	struct elf_file *f;
	size_t entry_size;
	size_t count;
	uint8_t *entries;
	uint8_t *names;
	size_t names_size; /* up to the last NUL, with it */
	uint8_t *sections; /* SHT_SYMTAB_SHNDX; NULL: none */
	size_t sections_size;
};

static bool find_table(const struct elf_file *f, uint32_t type, size_t *ret)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (s.type == type && s.size) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static struct error *load_names(struct elf_symtab *t, uint32_t section)
{
	if (section == 0 || section >= t->f->section_count)
		return error_new(BAD_DATA, "names in section %u of %zu",
				 section, t->f->section_count);
	if (elf_file_section(t->f, section).type == SHT_NOBITS)
		return NULL;
	TRY(elf_section_load(t->f, section, &t->names, &t->names_size));
	while (t->names_size && t->names[t->names_size - 1])
		t->names_size--;
	return NULL;
}

static struct error *load_section_numbers(struct elf_symtab *t, size_t table)
{
	for (size_t i = 1; i < t->f->section_count; i++) {
		struct elf_shdr s = elf_file_section(t->f, i);

		if (s.type == SHT_SYMTAB_SHNDX && s.link == table)
			return elf_section_load(t->f, i, &t->sections,
						&t->sections_size);
	}
	return NULL;
}

static struct error *load(struct elf_symtab *t, size_t table)
{
	struct elf_shdr s = elf_file_section(t->f, table);
	size_t size;

	TRY(elf_section_load(t->f, table, &t->entries, &size));
	t->count = size / t->entry_size;
	TRY(load_names(t, s.link));
	return load_section_numbers(t, table);
}

struct error *elf_symtab_open(struct elf_file *f, uint32_t type,
			      struct elf_symtab **ret)
{
	CLEANUP_ELF_SYMTAB struct elf_symtab *t = NULL;
	size_t table;

	*ret = NULL;
	if (!find_table(f, type, &table))
		return NULL;
	t = mem_zalloc(sizeof(*t));
	if (!t)
		return error_no_memory;
	t->f = f;
	t->entry_size = f->header.is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	TRY(error_wrap(load(t, table), "symbol table"));
	*ret = STEAL(t);
	return NULL;
}

void elf_symtab_close(struct elf_symtab *t)
{
	if (!t)
		return;
	mem_free(t->entries);
	mem_free(t->names);
	mem_free(t->sections);
	mem_free(t);
}

size_t elf_symtab_count(const struct elf_symtab *t)
{
	return t->count;
}

static uint32_t section_number(const struct elf_symtab *t, size_t number,
			       uint16_t shndx)
{
	struct reader r;

	if (shndx != SHN_XINDEX)
		return shndx < SHN_LORESERVE ? shndx : 0;
	if (number >= t->sections_size / 4)
		return 0;
	reader_init(&r, t->sections + number * 4, 4, t->f->header.big_endian);
	return reader_u32(&r);
}

/* @return SIZE_MAX for a name that is too long. */
static size_t length_without_version(const char *name)
{
	size_t len = strnlen(name, ELF_SYMBOL_NAME_MAX);
	const char *at = memchr(name, '@', len);

	if (len == ELF_SYMBOL_NAME_MAX)
		return SIZE_MAX;

	return at && at > name ? (size_t)(at - name) : len;
}

bool elf_symtab_at(const struct elf_symtab *t, size_t number,
		   struct elf_sym *ret)
{
	const struct elf_header *h = &t->f->header;
	struct reader r;
	uint16_t shndx;

	if (number >= t->count)
		return false;
	reader_init(&r, t->entries + number * t->entry_size, t->entry_size,
		    h->big_endian);
	uint32_t name = reader_u32(&r);

	if (!h->is_64) {
		ret->value = reader_u32(&r);
		ret->size = reader_u32(&r);
	}
	uint8_t info = reader_u8(&r);

	reader_skip(&r, 1);
	shndx = reader_u16(&r);
	if (h->is_64) {
		ret->value = reader_u64(&r);
		ret->size = reader_u64(&r);
	}
	if (name >= t->names_size)
		return false;
	ret->name = (const char *)t->names + name;
	ret->name_len = length_without_version(ret->name);
	if (ret->name_len == SIZE_MAX)
		return false;
	ret->section = section_number(t, number, shndx);
	ret->type = ELF64_ST_TYPE(info);
	ret->bind = ELF64_ST_BIND(info);
	if (h->machine == EM_ARM && ret->type == STT_FUNC)
		ret->value &= ~UINT64_C(1);
	return true;
}

/* "$x", "$d.7": between code and data; ".L12": left behind on RISC-V. */
static bool is_mark(const struct elf_file *f, const struct elf_sym *s)
{
	switch (f->header.machine) {
	case EM_ARM:
	case EM_AARCH64:
	case EM_RISCV:
		break;
	default:
		return false;
	}
	if (s->name[0] == '.' && s->name[1] == 'L')
		return true;
	/* RISC-V appends the instruction set to "$x". */
	return s->name[0] == '$' && s->name[1] && strchr("axdt", s->name[1]) &&
	       (!s->name[2] || s->name[2] == '.' ||
		f->header.machine == EM_RISCV);
}

bool elf_sym_is_code(const struct elf_file *f, const struct elf_sym *s)
{
	if (s->section == 0 || s->section >= f->section_count ||
	    s->name_len == 0)
		return false;
	if (s->type != STT_FUNC && s->type != STT_GNU_IFUNC &&
	    s->type != STT_NOTYPE)
		return false;
	if (!(elf_file_section(f, s->section).flags & SHF_EXECINSTR))
		return false;
	return s->type != STT_NOTYPE || !is_mark(f, s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A relocation: offset, info and, in SHT_RELA, addend, each a word (4 or 8
 * bytes). Info is symbol << 8 | type in class 32, symbol << 32 | type in class
 * 64; of little-endian MIPS64: symbol (4), special symbol (1), types 3, 2 and 1
 * (1 each).
 *
 * Source: System V gABI 4.1, chapter 4; the numbers of types: the processor
 * supplements, as in elf.h of glibc 2.36 and binutils' include/elf. */
#include "config.h"

#include <elf.h>
#include <inttypes.h>

#include "base/mem.h"
#include "elf/dwarf_cursor.h"
#include "elf/dwarf_relocate.h"
#include "elf/elf_limits.h"
#include "elf/elf_section.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

enum { TYPES_MAX = 300 };

enum action {
	KEEP,
	SET,
	ADD,
	SUB,
	SET6, /* the low six bits */
	SUB6,
};

struct rule {
	uint8_t size; /* bytes */
	uint8_t action;
};

static const struct {
	uint16_t machine;
	uint16_t type;
	struct rule rule;
} known[] = {
	{ EM_386, 1, { 4, SET } },        { EM_68K, 1, { 4, SET } },
	{ EM_AARCH64, 257, { 8, SET } },  { EM_AARCH64, 258, { 4, SET } },
	{ EM_ALPHA, 1, { 4, SET } },      { EM_ALPHA, 2, { 8, SET } },
	{ EM_ARM, 2, { 4, SET } },        { EM_LOONGARCH, 1, { 4, SET } },
	{ EM_LOONGARCH, 2, { 8, SET } },  { EM_LOONGARCH, 47, { 1, ADD } },
	{ EM_LOONGARCH, 48, { 2, ADD } }, { EM_LOONGARCH, 50, { 4, ADD } },
	{ EM_LOONGARCH, 51, { 8, ADD } }, { EM_LOONGARCH, 52, { 1, SUB } },
	{ EM_LOONGARCH, 53, { 2, SUB } }, { EM_LOONGARCH, 55, { 4, SUB } },
	{ EM_LOONGARCH, 56, { 8, SUB } }, { EM_MIPS, 2, { 4, SET } },
	{ EM_MIPS, 18, { 8, SET } },      { EM_PARISC, 1, { 4, SET } },
	{ EM_PPC, 1, { 4, SET } },        { EM_PPC, 24, { 4, SET } },
	{ EM_PPC64, 1, { 4, SET } },      { EM_PPC64, 24, { 4, SET } },
	{ EM_PPC64, 38, { 8, SET } },     { EM_PPC64, 43, { 8, SET } },
	{ EM_RISCV, 1, { 4, SET } },      { EM_RISCV, 2, { 8, SET } },
	{ EM_RISCV, 33, { 1, ADD } },     { EM_RISCV, 34, { 2, ADD } },
	{ EM_RISCV, 35, { 4, ADD } },     { EM_RISCV, 36, { 8, ADD } },
	{ EM_RISCV, 37, { 1, SUB } },     { EM_RISCV, 38, { 2, SUB } },
	{ EM_RISCV, 39, { 4, SUB } },     { EM_RISCV, 40, { 8, SUB } },
	{ EM_RISCV, 52, { 1, SUB6 } },    { EM_RISCV, 53, { 1, SET6 } },
	{ EM_RISCV, 54, { 1, SET } },     { EM_RISCV, 55, { 2, SET } },
	{ EM_RISCV, 56, { 4, SET } },     { EM_S390, 4, { 4, SET } },
	{ EM_S390, 22, { 8, SET } },      { EM_SH, 1, { 4, SET } },
	{ EM_SPARC, 3, { 4, SET } },      { EM_SPARC, 23, { 4, SET } },
	{ EM_SPARCV9, 3, { 4, SET } },    { EM_SPARCV9, 23, { 4, SET } },
	{ EM_SPARCV9, 32, { 8, SET } },   { EM_SPARCV9, 54, { 8, SET } },
	{ EM_X86_64, 1, { 8, SET } },     { EM_X86_64, 10, { 4, SET } },
	{ EM_X86_64, 11, { 4, SET } },
};

struct relocation {
	uint64_t offset;
	uint64_t symbol;
	uint64_t type;
	uint64_t addend;
};

struct job {
	struct dwarf_relocator *r;
	struct elf_file *f;
	uint8_t *data;
	size_t size;
	unsigned word; /* 4 or 8 */
	struct rule rules[TYPES_MAX];
	/* Of the table at hand. */
	bool has_addend;
	size_t symbols_section; /* what is loaded; 0: nothing */
	uint8_t *symbols;
	size_t symbols_size;
	uint8_t *indices; /* SHT_SYMTAB_SHNDX, for that */
	size_t indices_size;
};

static void unload_symbols(struct job *j)
{
	mem_free(STEAL(j->symbols));
	mem_free(STEAL(j->indices));
	j->symbols_size = j->indices_size = 0;
	j->symbols_section = 0;
}

/* Count before it is done. */
static struct error *work(struct job *j, uint64_t steps)
{
	j->r->work += steps;
	if (j->r->work > ELF_TABLES_WORK_MIN + j->f->in->size)
		return error_new(LIMIT, "the same tables again and again");
	return NULL;
}

static struct error *load_symbols(struct job *j, size_t section)
{
	if (section == j->symbols_section)
		return NULL;
	unload_symbols(j);
	if (section == 0 || section >= j->f->section_count)
		return error_new(BAD_DATA, "no symbol table %zu", section);
	TRY(elf_section_load(j->f, section, &j->symbols, &j->symbols_size));
	j->symbols_section = section;
	TRY(work(j, j->f->section_count + j->symbols_size / 16));
	for (size_t i = 1; i < j->f->section_count; i++) {
		struct elf_shdr s = elf_file_section(j->f, i);

		if (s.type == SHT_SYMTAB_SHNDX && s.link == section)
			return elf_section_load(j->f, i, &j->indices,
						&j->indices_size);
	}
	return NULL;
}

static uint64_t section_vaddr(const struct job *j, uint64_t symbol,
			      uint32_t section)
{
	if (section == SHN_XINDEX && symbol < j->indices_size / 4)
		section = (uint32_t)dwarf_load(j->indices + symbol * 4, 4,
					       j->f->header.big_endian);
	else if (section >= SHN_LORESERVE)
		return 0;
	return section < j->r->vaddr_count ? j->r->vaddrs[section] : 0;
}

/* Symbols outside the table are at 0. */
static uint64_t symbol_value(const struct job *j, uint64_t symbol)
{
	size_t size = j->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	bool big_endian = j->f->header.big_endian;

	if (symbol >= j->symbols_size / size)
		return 0;
	const uint8_t *p = j->symbols + symbol * size;
	uint64_t value = dwarf_load(p + j->word, j->word, big_endian);
	uint64_t section =
		dwarf_load(p + (j->word == 8 ? 6 : 14), 2, big_endian);

	return value + section_vaddr(j, symbol, (uint32_t)section);
}

static struct relocation parse(const struct job *j, const uint8_t *p)
{
	bool big_endian = j->f->header.big_endian;
	struct relocation r = { .offset = dwarf_load(p, j->word, big_endian) };
	uint64_t info = dwarf_load(p + j->word, j->word, big_endian);

	if (j->word == 4) {
		r.symbol = info >> 8;
		r.type = info & 0xff;
	} else if (j->f->header.machine == EM_MIPS) {
		r.symbol = big_endian ? info >> 32 : info & UINT32_MAX;
		r.type = big_endian ? info & 0xff : info >> 56;
	} else {
		r.symbol = info >> 32;
		r.type = info & UINT32_MAX;
		if (j->f->header.machine == EM_SPARCV9)
			r.type &= 0xff;
	}
	if (j->has_addend)
		r.addend = dwarf_load(p + 2 * j->word, j->word, big_endian);
	return r;
}

static void store(uint8_t *p, unsigned size, uint64_t value, bool big_endian)
{
	for (unsigned i = 0; i < size; i++) {
		unsigned shift = 8 * (big_endian ? size - 1 - i : i);

		p[i] = (uint8_t)(value >> shift);
	}
}

static void apply(const struct job *j, const struct relocation *r)
{
	bool big_endian = j->f->header.big_endian;
	struct rule rule = { 0 };

	if (r->type < TYPES_MAX)
		rule = j->rules[r->type];
	if (rule.action == KEEP || r->offset > j->size ||
	    rule.size > j->size - r->offset)
		return;
	uint8_t *p = j->data + r->offset;
	uint64_t old = dwarf_load(p, rule.size, big_endian);
	uint64_t value =
		symbol_value(j, r->symbol) +
		(j->has_addend || rule.action != SET ? r->addend : old);

	if (rule.action == ADD)
		value = old + value;
	else if (rule.action == SUB)
		value = old - value;
	else if (rule.action == SET6)
		value = (old & 0xc0) | (value & 0x3f);
	else if (rule.action == SUB6)
		value = (old & 0xc0) | ((old - value) & 0x3f);
	store(p, rule.size, value, big_endian);
}

static struct error *apply_table(struct job *j, size_t section,
				 const struct elf_shdr *shdr)
{
	CLEANUP_ELF_STREAM struct elf_stream *s = NULL;
	size_t size;

	j->has_addend = shdr->type == SHT_RELA;
	size = (j->has_addend ? 3 : 2) * j->word;
	TRY(load_symbols(j, shdr->link));
	TRY(elf_stream_open(j->f, section, 64 << 10, &s));
	for (;;) {
		const uint8_t *data;
		size_t have;

		TRY(elf_stream_peek(s, size, &data, &have));
		if (have < size)
			return NULL;
		have -= have % size;
		TRY(work(j, have / size));
		for (size_t at = 0; at < have; at += size) {
			struct relocation r = parse(j, data + at);

			apply(j, &r);
		}
		TRY(elf_stream_skip(s, have));
	}
}

static struct error *apply_all(struct job *j, size_t section)
{
	uint16_t machine = j->f->header.machine;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].machine == machine)
			j->rules[known[i].type] = known[i].rule;
	}
	for (size_t i = 1; i < j->f->section_count; i++) {
		struct elf_shdr shdr = elf_file_section(j->f, i);

		if ((shdr.type == SHT_RELA || shdr.type == SHT_REL) &&
		    shdr.info == section)
			TRY(error_wrap(apply_table(j, i, &shdr),
				       "relocations"));
	}
	return NULL;
}

struct error *dwarf_relocate(struct dwarf_relocator *r, struct elf_file *f,
			     size_t section, uint8_t *data, size_t size)
{
	struct job j = {
		.r = r,
		.f = f,
		.data = data,
		.size = size,
		.word = f->header.is_64 ? 8 : 4,
	};
	struct error *err = apply_all(&j, section);

	unload_symbols(&j);
	return err;
}

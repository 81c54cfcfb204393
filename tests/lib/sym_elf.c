/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/sym_elf.h"

void *sym_grow(void *array, size_t count, size_t *capacity, size_t size)
{
	void *more;

	if (count < *capacity)
		return array;
	*capacity = *capacity ? 2 * *capacity : 1024;
	more = reallocarray(array, *capacity, size);
	if (!more)
		err(1, "memory");
	return more;
}

static Elf *open_elf(const char *path)
{
	Elf *elf;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		errx(1, "%s: %s", path, elf ? "not ELF" : elf_errmsg(-1));
	return elf;
}

static int order(const void *a, const void *b)
{
	const struct sym_function *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool is_wanted(Elf *elf, Elf_Scn *section, const char *only)
{
	GElf_Shdr header;
	size_t names;
	const char *name;

	if (!section || !gelf_getshdr(section, &header) ||
	    !(header.sh_flags & SHF_EXECINSTR) ||
	    !(header.sh_flags & SHF_ALLOC))
		return false;
	if (!only)
		return true;
	elf_getshdrstrndx(elf, &names);
	name = elf_strptr(elf, names, header.sh_name);
	return name && !strcmp(name, only);
}

static void read_code(struct sym_elf *e, Elf *elf, const char *only)
{
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
		GElf_Shdr header;

		if (!is_wanted(elf, s, only) || !gelf_getshdr(s, &header) ||
		    !header.sh_size)
			continue;
		e->code = sym_grow(e->code, e->code_count, &e->code_capacity,
				   sizeof(*e->code));
		e->code[e->code_count++] =
			(struct sym_range) { .start = header.sh_addr,
					     .size = header.sh_size,
					     .section = elf_ndxscn(s) };
	}
}

static const struct sym_range *code_of(const struct sym_elf *e, size_t section,
				       uint64_t at)
{
	for (size_t i = 0; i < e->code_count; i++)
		if (e->code[i].section == section &&
		    at - e->code[i].start < e->code[i].size)
			return &e->code[i];
	return NULL;
}

static void read_symbols(struct sym_elf *e, Elf *elf, uint32_t type)
{
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
		GElf_Shdr header;
		Elf_Data *data;
		GElf_Sym symbol;

		if (!gelf_getshdr(s, &header) || header.sh_type != type)
			continue;
		data = elf_getdata(s, NULL);
		for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
			int kind = GELF_ST_TYPE(symbol.st_info);
			uint64_t at = symbol.st_value;
			const char *name;

			if (kind != STT_FUNC && kind != STT_GNU_IFUNC)
				continue;
			if (e->machine == EM_ARM)
				at &= ~(uint64_t)1; /* Thumb */
			name = elf_strptr(elf, header.sh_link, symbol.st_name);
			if (!name || !symbol.st_size ||
			    !code_of(e, symbol.st_shndx, at))
				continue;
			e->functions = sym_grow(e->functions, e->function_count,
						&e->function_capacity,
						sizeof(*e->functions));
			e->functions[e->function_count++] =
				(struct sym_function) { at, symbol.st_size,
							name, symbol.st_shndx };
		}
	}
}

void sym_elf_read(struct sym_elf *ret, const char *path, const char *only)
{
	Elf *elf = open_elf(path);
	GElf_Ehdr header;

	*ret = (struct sym_elf) { .elf = elf };
	if (!gelf_getehdr(elf, &header))
		errx(1, "%s: %s", path, elf_errmsg(-1));
	ret->machine = header.e_machine;
	ret->is_relocatable = header.e_type == ET_REL;
	read_code(ret, elf, only);
	read_symbols(ret, elf, SHT_SYMTAB);
	if (!ret->function_count)
		read_symbols(ret, elf, SHT_DYNSYM);
	if (ret->function_count)
		qsort(ret->functions, ret->function_count,
		      sizeof(*ret->functions), order);
}

void sym_elf_deinit(struct sym_elf *e)
{
	free(e->functions);
	free(e->code);
	elf_end(e->elf);
}

static const struct sym_function *find_in(const struct sym_elf *e,
					  size_t section, uint64_t at)
{
	size_t low = 0, high = e->function_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct sym_function *f = &e->functions[middle];

		if (f->section < section ||
		    (f->section == section && f->start <= at))
			low = middle + 1;
		else
			high = middle;
	}
	/* An enclosing one may have begun before some that have ended. */
	for (size_t tries = 0; low > 0 && tries < 64; tries++) {
		const struct sym_function *f = &e->functions[--low];

		if (f->section != section)
			break;
		if (at - f->start < f->size)
			return f;
	}
	return NULL;
}

const struct sym_function *sym_elf_find(const struct sym_elf *e, uint64_t at)
{
	for (size_t i = 0; i < e->code_count; i++)
		if (at - e->code[i].start < e->code[i].size)
			return find_in(e, e->code[i].section, at);
	return NULL;
}

uint64_t sym_elf_offset(const char *path, uint64_t at)
{
	static const char *last_path;
	static Elf *last;
	GElf_Phdr h;

	if (path != last_path) {
		last = open_elf(path);
		last_path = path;
	}
	for (int i = 0; gelf_getphdr(last, i, &h); i++)
		if (h.p_type == PT_LOAD && (h.p_flags & PF_X) &&
		    at - h.p_vaddr < h.p_filesz)
			return at - h.p_vaddr + h.p_offset;
	return UINT64_MAX;
}

static int32_t little32(const uint8_t *p)
{
	return (int32_t)(p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24);
}

static int32_t big32(const uint8_t *p)
{
	return (int32_t)((uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]);
}

/* The low bits of a field, as a number of words with a sign. */
static uint64_t words(int32_t field, unsigned bits)
{
	uint64_t sign = UINT64_C(1) << (bits - 1);

	return ((((uint64_t)field & (2 * sign - 1)) ^ sign) - sign) * 4;
}

/* Is there a call at p, at least 6 bytes long? Sets where it returns to and
 * what it calls. */
static bool is_call(int machine, const uint8_t *p, uint64_t at, uint64_t *back,
		    uint64_t *callee)
{
	switch (machine) {
	case EM_X86_64:
	case EM_386:
		*back = at + 5;
		*callee = *back + (uint64_t)little32(p + 1);
		if (machine == EM_386)
			*callee = (uint32_t)*callee;
		return p[0] == 0xe8;
	case EM_AARCH64:
		*back = at + 4;
		*callee = at + words(little32(p), 26);
		return at % 4 == 0 && (p[3] & 0xfc) == 0x94;
	case EM_ARM:
		*back = at + 4;
		*callee = (uint32_t)(at + 8 + words(little32(p), 24));
		return at % 4 == 0 && (p[3] & 0x0f) == 0x0b;
	case EM_S390:
		*back = at + 6;
		*callee = at + 2 * (uint64_t)big32(p + 2);
		return at % 2 == 0 && p[0] == 0xc0 && (p[1] & 0x0f) == 5;
	default:
		return false;
	}
}

void sym_elf_returns(const struct sym_elf *e, const char *path,
		     sym_return_fn tell, void *ctx)
{
	Elf *elf = open_elf(path);

	for (size_t i = 0; i < e->code_count && !e->is_relocatable; i++) {
		Elf_Scn *s = elf_getscn(elf, e->code[i].section);
		GElf_Shdr header;
		Elf_Data *data;
		uint64_t back, callee;

		if (!s || !gelf_getshdr(s, &header) ||
		    header.sh_type != SHT_PROGBITS ||
		    header.sh_addr != e->code[i].start)
			continue;
		data = elf_rawdata(s, NULL);
		for (size_t at = 0; data && at + 6 <= data->d_size; at++) {
			const struct sym_function *f;

			if (!is_call(e->machine,
				     (const uint8_t *)data->d_buf + at,
				     header.sh_addr + at, &back, &callee))
				continue;
			f = sym_elf_find(e, callee);
			if (f && f->start == callee)
				tell(ctx, back);
		}
	}
	elf_end(elf);
}

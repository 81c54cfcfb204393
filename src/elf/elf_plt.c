/* SPDX-License-Identifier: Apache-2.0 */
/* A stub loads its slot of the global offset table and jumps to what it finds
 * there. What a stub looks like ("…" are operands):
 *
 *	x86-64	[endbr64] [bnd] jmp *slot(%rip)	ff 25 disp32
 *	i386	[endbr32] jmp *slot		ff 25 address
 *		[endbr32] jmp *slot(%ebx)	ff a3 from the table's address
 *	AArch64	[bti c] adrp x16, page; ldr x17, [x16, #offset]
 *	ARM	add ip, pc, #…; add ip, ip, #… (once or twice);
 *		ldr pc, [ip, #…]!
 *	s390x	larl %r1, slot; lg %r1, 0(%r1)	c0 10 disp32 in halfwords
 *	RISC-V	auipc t3, …; ld (lw) t3, …(t3)
 *
 * The entry in front of them that calls the dynamic linker may look alike, but
 * its slot has no relocation. A relocation is r_offset, r_info and, in
 * SHT_RELA, r_addend: words of the file's class.
 *
 * Source: GNU binutils 2.40, bfd/elf{64-x86-64,32-i386,xx-aarch64,32-arm,
 * 64-s390,nn-riscv}.c; LLVM 19 lld/ELF/Arch. */
#include "config.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "elf/elf_limits.h"
#include "elf/elf_plt.h"
#include "elf/elf_section.h"

struct slot {
	uint64_t address;
	uint32_t symbol;
	uint64_t resolver;
};

struct slots {
	struct slot *slots;
	size_t count;
	size_t capacity;
	uint64_t work; /* see elf_limits.h */
};

struct plt_code {
	const struct elf_header *header;
	const uint8_t *data;
	size_t size;
	uint64_t address;
	uint64_t table; /* i386: what %ebx holds */
};

/* The slot that the stub at an offset loads from. @return False if there is no
 * stub. */
typedef bool (*find_slot_fn)(const struct plt_code *c, size_t at,
			     uint64_t *slot_ret);

struct plt_machine {
	uint16_t machine;
	uint8_t step;       /* stubs begin at its multiples */
	uint8_t size_max;   /* of a stub */
	uint32_t irelative; /* type of relocation */
	find_slot_fn find_slot;
};

static uint32_t code_u32(const struct plt_code *c, size_t at)
{
	struct reader r;

	reader_init(&r, c->data, c->size, c->header->big_endian);
	reader_seek(&r, at);
	return reader_u32(&r);
}

/* Instructions of ARM, AArch64 and RISC-V are little-endian even where data is
 * not (BE-8). */
static uint32_t instruction(const struct plt_code *c, size_t at)
{
	struct reader r;

	reader_init(&r, c->data, c->size, false);
	reader_seek(&r, at);
	return reader_u32(&r);
}

static bool has_bytes(const struct plt_code *c, size_t at, const char *bytes,
		      size_t size)
{
	return at <= c->size && size <= c->size - at &&
	       !memcmp(c->data + at, bytes, size);
}

static bool find_slot_x86_64(const struct plt_code *c, size_t at,
			     uint64_t *slot_ret)
{
	if (has_bytes(c, at, "\xf3\x0f\x1e\xfa", 4)) /* endbr64 */
		at += 4;
	if (has_bytes(c, at, "\xf2", 1)) /* bnd */
		at++;
	if (!has_bytes(c, at, "\xff\x25", 2) || c->size - at < 6)
		return false;
	*slot_ret = c->address + at + 6 +
		    (uint64_t)(int64_t)(int32_t)code_u32(c, at + 2);
	return true;
}

static bool find_slot_i386(const struct plt_code *c, size_t at,
			   uint64_t *slot_ret)
{
	if (has_bytes(c, at, "\xf3\x0f\x1e\xfb", 4)) /* endbr32 */
		at += 4;
	bool is_relative = has_bytes(c, at, "\xff\xa3", 2);

	if ((!is_relative && !has_bytes(c, at, "\xff\x25", 2)) ||
	    c->size - at < 6)
		return false;
	*slot_ret =
		(uint32_t)(code_u32(c, at + 2) + (is_relative ? c->table : 0));
	return true;
}

static bool find_slot_aarch64(const struct plt_code *c, size_t at,
			      uint64_t *slot_ret)
{
	if (instruction(c, at) == 0xd503245f) /* bti c */
		at += 4;
	uint32_t adrp = instruction(c, at);
	uint32_t ldr = instruction(c, at + 4);

	if ((adrp & 0x9f00001f) != 0x90000010 ||
	    (ldr & 0xffc003ff) != 0xf9400211)
		return false;
	uint64_t page =
		(uint64_t)(adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 0x3);

	page = ((page ^ 0x100000) - 0x100000) << 12;
	*slot_ret = ((c->address + at) & ~UINT64_C(0xfff)) + page +
		    ((ldr >> 10 & 0xfff) << 3);
	return true;
}

/* Eight bits, rotated to the right by an even number. */
static uint32_t arm_immediate(uint32_t insn)
{
	uint32_t value = insn & 0xff;
	uint32_t by = (insn >> 8 & 0xf) * 2;

	return by ? value >> by | value << (32 - by) : value;
}

static bool find_slot_arm(const struct plt_code *c, size_t at,
			  uint64_t *slot_ret)
{
	uint32_t insn = instruction(c, at);
	uint32_t value = (uint32_t)(c->address + at + 8);

	if ((insn & 0xfffff000) != 0xe28fc000) /* add ip, pc, #… */
		return false;
	value += arm_immediate(insn);
	for (size_t i = 1; i <= 3; i++) {
		insn = instruction(c, at + 4 * i);
		if ((insn & 0xfffff000) == 0xe5bcf000) { /* ldr */
			*slot_ret = value + (insn & 0xfff);
			return true;
		}
		if ((insn & 0xfffff000) != 0xe28cc000) /* add ip, ip, #… */
			return false;
		value += arm_immediate(insn);
	}
	return false;
}

static bool find_slot_s390(const struct plt_code *c, size_t at,
			   uint64_t *slot_ret)
{
	if (!has_bytes(c, at, "\xc0\x10", 2) || c->size - at < 6)
		return false;
	*slot_ret = c->address + at +
		    2 * (uint64_t)(int64_t)(int32_t)code_u32(c, at + 2);
	return true;
}

static bool find_slot_riscv(const struct plt_code *c, size_t at,
			    uint64_t *slot_ret)
{
	uint32_t auipc = instruction(c, at);
	uint32_t load = instruction(c, at + 4);
	uint32_t wanted = c->header->is_64 ? 0x000e3e03 : 0x000e2e03;

	if ((auipc & 0xfff) != 0xe17 || (load & 0xfffff) != wanted)
		return false;
	uint64_t slot = c->address + at +
			(uint64_t)(int64_t)(int32_t)(auipc & 0xfffff000) +
			(uint64_t)(int64_t)((int32_t)load >> 20);

	*slot_ret = c->header->is_64 ? slot : (uint32_t)slot;
	return true;
}

static const struct plt_machine machines[] = {
	{ EM_X86_64, 8, 16, R_X86_64_IRELATIVE, find_slot_x86_64 },
	{ EM_386, 8, 16, R_386_IRELATIVE, find_slot_i386 },
	{ EM_AARCH64, 4, 24, R_AARCH64_IRELATIVE, find_slot_aarch64 },
	{ EM_ARM, 4, 16, R_ARM_IRELATIVE, find_slot_arm },
	{ EM_S390, 4, 32, R_390_IRELATIVE, find_slot_s390 },
	{ EM_RISCV, 4, 16, R_RISCV_IRELATIVE, find_slot_riscv },
};

static const struct plt_machine *find_machine(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		if (machines[i].machine == machine)
			return &machines[i];
	}
	return NULL;
}

static struct error *too_many(void)
{
	return error_new(LIMIT, "more than %zu stubs or their slots",
			 ELF_PLT_MAX);
}

static struct error *work(const struct elf_file *f, struct slots *s,
			  uint64_t steps)
{
	s->work += steps;
	if (s->work > ELF_TABLES_WORK_MIN + f->in->size)
		return error_new(LIMIT, "the same tables again and again");
	return NULL;
}

static struct error *add_slots(const struct elf_file *f,
			       const struct plt_machine *m, const uint8_t *data,
			       size_t size, bool has_addend, struct slots *ret)
{
	size_t word = f->header.is_64 ? 8 : 4;
	size_t entry = (has_addend ? 3 : 2) * word;
	struct reader r;

	TRY(work(f, ret, size / entry));
	reader_init(&r, data, size, f->header.big_endian);
	while (reader_left(&r) >= entry) {
		struct slot s = { .address = reader_uint(&r, word) };
		uint64_t info = reader_uint(&r, word);
		uint64_t addend = has_addend ? reader_uint(&r, word) : 0;

		s.symbol = (uint32_t)(info >> (f->header.is_64 ? 32 : 8));
		uint32_t type = f->header.is_64 ? (uint32_t)info
						: (uint32_t)(info & 0xff);

		if (type == m->irelative && has_addend)
			s.resolver = addend;
		else if (!s.symbol)
			continue;
		if (ret->count == ELF_PLT_MAX)
			return too_many();
		if (!mem_grow(&ret->slots, &ret->capacity, ret->count + 1,
			      sizeof(s)))
			return error_no_memory;
		ret->slots[ret->count++] = s;
	}
	return NULL;
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot *sa = a;
	const struct slot *sb = b;

	return (sa->address > sb->address) - (sa->address < sb->address);
}

/* From all relocations that the dynamic linker applies. */
static struct error *read_slots(struct elf_file *f, const struct plt_machine *m,
				struct slots *ret)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);
		CLEANUP_FREE uint8_t *data = NULL;
		size_t size;

		if ((s.type != SHT_RELA && s.type != SHT_REL) ||
		    !(s.flags & SHF_ALLOC))
			continue;
		TRY(elf_section_load(f, i, &data, &size));
		TRY(add_slots(f, m, data, size, s.type == SHT_RELA, ret));
	}
	if (ret->count)
		qsort(ret->slots, ret->count, sizeof(*ret->slots),
		      compare_slots);
	return NULL;
}

static struct error *add_stubs(const struct plt_machine *m,
			       const struct plt_code *c,
			       const struct slots *slots, struct elf_plt *ret)
{
	size_t first = ret->count;

	for (size_t at = 0; at < c->size; at += m->step) {
		struct slot key;

		if (!m->find_slot(c, at, &key.address))
			continue;
		const struct slot *slot =
			bsearch(&key, slots->slots, slots->count, sizeof(key),
				compare_slots);

		if (!slot)
			continue;
		uint64_t start = c->address + at;
		struct elf_plt_stub *last =
			ret->count > first ? &ret->stubs[ret->count - 1] : NULL;

		/* Of "bti c; adrp" the second is no stub of its own. */
		if (last && start - last->start < 8)
			continue;
		if (last && last->size > start - last->start)
			last->size = start - last->start;
		if (ret->count == ELF_PLT_MAX)
			return too_many();
		if (!mem_grow(&ret->stubs, &ret->capacity, ret->count + 1,
			      sizeof(*ret->stubs)))
			return error_no_memory;
		uint64_t left = c->size - at;

		ret->stubs[ret->count++] = (struct elf_plt_stub) {
			.start = start,
			.size = left < m->size_max ? left : m->size_max,
			.symbol = slot->symbol,
			.resolver = slot->resolver,
		};
	}
	return NULL;
}

static bool is_plt(const struct elf_file *f, const struct elf_shdr *s)
{
	static const char *const names[] = { ".plt", ".plt.sec", ".plt.got",
					     ".iplt" };
	const char *name = elf_file_section_name(f, s);

	if (s->type != SHT_PROGBITS || !(s->flags & SHF_EXECINSTR))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

/* _GLOBAL_OFFSET_TABLE_ of i386. */
static uint64_t table_address(const struct elf_file *f)
{
	uint64_t got = 0;

	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);
		const char *name = elf_file_section_name(f, &s);

		if (!strcmp(name, ".got.plt"))
			return s.vaddr;
		if (!strcmp(name, ".got"))
			got = s.vaddr;
	}
	return got;
}

static struct error *read_stubs(struct elf_file *f, const struct plt_machine *m,
				struct slots *slots, struct elf_plt *ret)
{
	bool have_slots = false;

	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);
		struct plt_code c = { .header = &f->header,
				      .address = s.vaddr };
		CLEANUP_FREE uint8_t *data = NULL;

		if (!is_plt(f, &s))
			continue;
		if (!have_slots)
			TRY(read_slots(f, m, slots));
		have_slots = true;
		if (!slots->count)
			return NULL;
		TRY(elf_section_load(f, i, &data, &c.size));
		c.data = data;
		TRY(work(f, slots, f->section_count + c.size / m->step));
		c.table = table_address(f);
		TRY(add_stubs(m, &c, slots, ret));
	}
	return NULL;
}

struct error *elf_plt_read(struct elf_file *f, struct elf_plt *ret)
{
	const struct plt_machine *m = find_machine(f->header.machine);
	struct slots slots = { 0 };
	struct elf_plt plt = { 0 };

	*ret = plt;
	if (!m || f->header.type == ET_REL)
		return NULL;
	struct error *err = read_stubs(f, m, &slots, &plt);

	mem_free(slots.slots);
	if (err)
		elf_plt_deinit(&plt);
	*ret = plt;
	return err;
}

void elf_plt_deinit(struct elf_plt *p)
{
	mem_free(p->stubs);
	*p = (struct elf_plt) { 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Stubs of the procedure linkage table, as linkers for each machine make them.
 */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "elf/elf_plt.h"
#include "tests/lib/elf_fixture.h"

/* What goes into .plt and .rela.dyn, to be filled when addresses are known: the
 * layout does not depend on it. */
struct plt_file {
	struct elf_spec spec;
	struct elf_extra extras[3];
	uint8_t code[96];
	uint8_t relocs[96];
	uint64_t plt; /* addresses */
	uint64_t got;
};

static void put(uint8_t *at, uint64_t v, unsigned size, bool big_endian)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(v >> 8 * (big_endian ? size - 1 - i : i));
}

static void init_file(struct plt_file *p, uint16_t machine, bool is_32,
		      const char *plt_name, size_t plt_size)
{
	*p = (struct plt_file) { 0 };
	p->extras[0] = (struct elf_extra) {
		.name = plt_name,
		.flags = SHF_ALLOC | SHF_EXECINSTR,
		.data = p->code,
		.size = plt_size,
		.align = 64,
	};
	p->extras[1] = (struct elf_extra) {
		.name = is_32 ? ".rel.dyn" : ".rela.dyn",
		.type = is_32 ? SHT_REL : SHT_RELA,
		.flags = SHF_ALLOC,
		.data = p->relocs,
		.size = is_32 ? 16 : 48,
		.align = 8,
	};
	p->extras[2] = (struct elf_extra) {
		.name = ".got.plt",
		.flags = SHF_ALLOC | SHF_WRITE,
		.size = 64,
		.align = 64,
	};
	p->spec = (struct elf_spec) { .machine = machine,
				      .is_32 = is_32,
				      .big_endian = machine == EM_S390,
				      .extras = p->extras,
				      .extra_count = 3 };
	CLEANUP_IMAGE struct elf_image image = image_of(&p->spec);
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	ck_no_error(elf_file_open(&in, &f));
	p->plt = elf_file_section(&f, 1).vaddr;
	p->got = elf_file_section(&f, 3).vaddr;
}

/* Slot 16 of the table is symbol 5's, slot 24 symbol 6's. */
static void set_relocs(struct plt_file *p, uint32_t type, uint64_t addend)
{
	bool big = p->spec.big_endian;

	for (unsigned i = 0; i < 2; i++) {
		uint8_t *at = p->relocs + i * (p->spec.is_32 ? 8 : 24);
		uint64_t slot = p->got + 16 + 8 * i;

		if (p->spec.is_32) {
			put(at, slot, 4, big);
			put(at + 4, (5 + i) << 8 | type, 4, big);
		} else {
			uint64_t symbol = addend ? 0 : 5 + i;

			put(at, slot, 8, big);
			put(at + 8, symbol << 32 | type, 8, big);
			put(at + 16, addend + i, 8, big);
		}
	}
}

static void read_plt(const struct plt_file *p, struct elf_plt *ret)
{
	CLEANUP_IMAGE struct elf_image image = image_of(&p->spec);
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	ck_no_error(elf_file_open(&in, &f));
	ck_no_error(elf_plt_read(&f, ret));
}

/* Two stubs, for symbols 5 and 6, at offsets in .plt. */
static void ck_stubs(const struct plt_file *p, size_t first, size_t second,
		     size_t first_size, size_t second_size)
{
	CLEANUP_ELF_PLT struct elf_plt plt = { 0 };

	read_plt(p, &plt);
	ck_assert_uint_eq(plt.count, 2);
	ck_assert_uint_eq(plt.stubs[0].start, p->plt + first);
	ck_assert_uint_eq(plt.stubs[0].size, first_size);
	ck_assert_uint_eq(plt.stubs[0].symbol, 5);
	ck_assert_uint_eq(plt.stubs[1].start, p->plt + second);
	ck_assert_uint_eq(plt.stubs[1].size, second_size);
	ck_assert_uint_eq(plt.stubs[1].symbol, 6);
}

static void put_jump(struct plt_file *p, size_t at, const char *prefix,
		     uint64_t slot)
{
	size_t n = strlen(prefix);

	memcpy(p->code + at, prefix, n);
	memcpy(p->code + at + n, "\xff\x25", 2);
	put(p->code + at + n + 2, slot - (p->plt + at + n + 6), 4, false);
}

START_TEST(lazy_stubs_of_x86_64_begin_behind_the_entry_of_the_linker)
{
	struct plt_file p;

	init_file(&p, EM_X86_64, false, ".plt", 48);
	memcpy(p.code, "\xff\x35", 2);
	put_jump(&p, 6, "", p.got + 8);
	put_jump(&p, 16, "", p.got + 16);
	put_jump(&p, 32, "", p.got + 24);
	set_relocs(&p, R_X86_64_JUMP_SLOT, 0);
	ck_stubs(&p, 16, 32, 16, 16);
}
END_TEST

START_TEST(stubs_of_x86_64_may_begin_with_endbr64_and_bnd)
{
	struct plt_file p;

	init_file(&p, EM_X86_64, false, ".plt.sec", 32);
	put_jump(&p, 0, "\xf3\x0f\x1e\xfa\xf2", p.got + 16);
	put_jump(&p, 16, "\xf3\x0f\x1e\xfa", p.got + 24);
	set_relocs(&p, R_X86_64_JUMP_SLOT, 0);
	ck_stubs(&p, 0, 16, 16, 16);
}
END_TEST

START_TEST(stubs_of_plt_got_are_8_bytes)
{
	struct plt_file p;

	init_file(&p, EM_X86_64, false, ".plt.got", 16);
	put_jump(&p, 0, "", p.got + 16);
	put_jump(&p, 8, "", p.got + 24);
	set_relocs(&p, R_X86_64_GLOB_DAT, 0);
	ck_stubs(&p, 0, 8, 8, 8);
}
END_TEST

START_TEST(a_stub_for_a_function_chosen_at_run_time_knows_who_chooses)
{
	CLEANUP_ELF_PLT struct elf_plt plt = { 0 };
	struct plt_file p;

	init_file(&p, EM_X86_64, false, ".plt", 16);
	put_jump(&p, 0, "", p.got + 16);
	set_relocs(&p, R_X86_64_IRELATIVE, 0x1234);
	read_plt(&p, &plt);
	ck_assert_uint_eq(plt.count, 1);
	ck_assert_uint_eq(plt.stubs[0].symbol, 0);
	ck_assert_uint_eq(plt.stubs[0].resolver, 0x1234);
}
END_TEST

START_TEST(stubs_of_i386_name_the_slot_or_its_place_in_the_table)
{
	struct plt_file p;

	init_file(&p, EM_386, true, ".plt", 32);
	memcpy(p.code, "\xff\x25", 2);
	put(p.code + 2, p.got + 16, 4, false);
	memcpy(p.code + 16, "\xf3\x0f\x1e\xfb\xff\xa3", 6);
	put(p.code + 22, 24, 4, false);
	set_relocs(&p, R_386_JMP_SLOT, 0);
	ck_stubs(&p, 0, 16, 16, 16);
}
END_TEST

/* adrp x16; ldr x17, [x16, #…] */
static void put_aarch64(struct plt_file *p, size_t at, uint64_t slot)
{
	uint64_t pages = (slot >> 12) - ((p->plt + at) >> 12);

	put(p->code + at,
	    0x90000010 | (pages & 3) << 29 | (pages >> 2 & 0x7ffff) << 5, 4,
	    false);
	put(p->code + at + 4, 0xf9400211 | (slot & 0xfff) >> 3 << 10, 4, false);
}

START_TEST(stubs_of_aarch64_may_begin_with_bti)
{
	struct plt_file p;

	init_file(&p, EM_AARCH64, false, ".plt", 32 + 16 + 24);
	put_aarch64(&p, 4, p.got + 8);
	put_aarch64(&p, 32, p.got + 16);
	put(p.code + 48, 0xd503245f, 4, false);
	put_aarch64(&p, 52, p.got + 24);
	set_relocs(&p, R_AARCH64_JUMP_SLOT, 0);
	ck_stubs(&p, 32, 48, 16, 24);
}
END_TEST

START_TEST(stubs_of_arm_add_up_an_address)
{
	struct plt_file p;

	init_file(&p, EM_ARM, true, ".plt", 28);
	uint64_t far = p.got + 16 - (p.plt + 8);

	ck_assert_uint_lt(far, 0x1000);
	put(p.code, 0xe28fc600, 4, false);           /* add ip, pc, #0 */
	put(p.code + 4, 0xe28cca00, 4, false);       /* add ip, ip, #0 */
	put(p.code + 8, 0xe5bcf000 | far, 4, false); /* ldr pc, [ip]! */
	far = p.got + 24 - (p.plt + 12 + 8);
	put(p.code + 12, 0xe28fc200, 4, false);
	put(p.code + 16, 0xe28cc600, 4, false);
	put(p.code + 20, 0xe28cca00, 4, false);
	put(p.code + 24, 0xe5bcf000 | far, 4, false);
	set_relocs(&p, R_ARM_JUMP_SLOT, 0);
	ck_stubs(&p, 0, 12, 12, 16);
}
END_TEST

START_TEST(stubs_of_s390x_load_their_slot)
{
	struct plt_file p;

	init_file(&p, EM_S390, false, ".plt", 96);
	for (unsigned i = 0; i < 3; i++) {
		size_t at = i == 0 ? 6 : 32 * i; /* 0: the linker's */
		uint64_t slot = p.got + 8 + 8 * i;

		memcpy(p.code + at, "\xc0\x10", 2);
		put(p.code + at + 2, (slot - (p.plt + at)) / 2, 4, true);
	}
	set_relocs(&p, R_390_JMP_SLOT, 0);
	ck_stubs(&p, 32, 64, 32, 32);
}
END_TEST

START_TEST(stubs_of_riscv_load_relative_to_themselves)
{
	struct plt_file p;

	init_file(&p, EM_RISCV, false, ".plt", 32);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t far = p.got + 16 + 8 * i - (p.plt + 16 * i);

		put(p.code + 16 * i, 0xe17 | ((far + 0x800) & 0xfffff000), 4,
		    false);
		put(p.code + 16 * i + 4, 0x000e3e03 | (far & 0xfff) << 20, 4,
		    false);
	}
	set_relocs(&p, R_RISCV_JUMP_SLOT, 0);
	ck_stubs(&p, 0, 16, 16, 16);
}
END_TEST

START_TEST(code_that_is_cut_or_leads_nowhere_has_no_stubs)
{
	static const struct {
		uint16_t machine;
		bool is_32;
	} machines[] = {
		{ EM_X86_64, false }, { EM_386, true },   { EM_AARCH64, false },
		{ EM_ARM, true },     { EM_S390, false }, { EM_RISCV, false },
		{ EM_PPC64, false },
	};

	for (size_t i = 0; i < 7; i++) {
		for (size_t size = 1; size < 40; size++) {
			CLEANUP_ELF_PLT struct elf_plt plt = { 0 };
			struct plt_file p;

			init_file(&p, machines[i].machine, machines[i].is_32,
				  ".plt", size);
			memcpy(p.code, "\xff\x25", 2);
			memcpy(p.code + size - 1, "\xff", 1);
			memcpy(p.code + size / 2, "\xc0\x10", 2);
			set_relocs(&p, 7, 0);
			read_plt(&p, &plt);
			ck_assert_uint_eq(plt.count, 0);
		}
	}
}
END_TEST

START_TEST(a_debug_file_has_no_stubs)
{
	CLEANUP_ELF_PLT struct elf_plt plt = { 0 };
	struct plt_file p;

	init_file(&p, EM_X86_64, false, ".plt", 16);
	put_jump(&p, 0, "", p.got + 16);
	set_relocs(&p, R_X86_64_JUMP_SLOT, 0);
	p.extras[0].type = SHT_NOBITS;
	read_plt(&p, &plt);
	ck_assert_uint_eq(plt.count, 0);
}
END_TEST

START_TEST(relocations_laid_over_each_other_have_an_end)
{
	CLEANUP_ELF_PLT struct elf_plt plt = { 0 };
	struct overlaps o;

	overlaps_init(&o, 1, SHT_RELA, SHF_ALLOC);
	o.extras[0] = (struct elf_extra) { .name = ".plt",
					   .flags = SHF_ALLOC | SHF_EXECINSTR,
					   .size = 16 };
	CLEANUP_IMAGE struct elf_image image =
		image_of(&(struct elf_spec) { .extras = o.extras,
					      .extra_count = OVERLAPS + 2,
					      .lies = o.lies });
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	ck_no_error(elf_file_open(&in, &f));
	ck_error(elf_plt_read(&f, &plt), LIMIT, "again and again");
	ck_assert_uint_eq(plt.count, 0);
}
END_TEST

START_TEST(stubs_laid_over_each_other_have_an_end)
{
	static const uint64_t relocs[] = { 0x1234, UINT64_C(5) << 32, 0 };
	CLEANUP_ELF_PLT struct elf_plt plt = { 0 };
	struct overlaps o;

	overlaps_init(&o, 2, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR);
	o.extras[0] = (struct elf_extra) { .name = ".plt",
					   .flags = SHF_ALLOC | SHF_EXECINSTR,
					   .size = 16 };
	o.extras[1] = (struct elf_extra) { .name = ".rela.dyn",
					   .type = SHT_RELA,
					   .flags = SHF_ALLOC,
					   .data = relocs,
					   .size = sizeof(relocs),
					   .align = 8 };
	for (size_t i = 0; i < OVERLAPS; i++) // they are all called .plt
		overlap_lie(&o, o.names[i], ELF_SH_NAME, 1);
	CLEANUP_IMAGE struct elf_image image =
		image_of(&(struct elf_spec) { .extras = o.extras,
					      .extra_count = OVERLAPS + 3,
					      .lies = o.lies });
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	ck_no_error(elf_file_open(&in, &f));
	struct elf_shdr last = elf_file_section(&f, 2 + OVERLAPS);

	ck_assert_str_eq(elf_file_section_name(&f, &last), ".plt");
	ck_error(elf_plt_read(&f, &plt), LIMIT, "again and again");
	ck_assert_uint_eq(plt.count, 0);
}
END_TEST

START_TEST(without_memory_nothing_is_left_behind)
{
	struct plt_file p;
	bool failed = true;

	init_file(&p, EM_X86_64, false, ".plt", 16);
	put_jump(&p, 0, "", p.got + 16);
	set_relocs(&p, R_X86_64_JUMP_SLOT, 0);
	CLEANUP_IMAGE struct elf_image image = image_of(&p.spec);
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	ck_no_error(elf_file_open(&in, &f));
	for (unsigned long n = 1; failed; n++) {
		CLEANUP_ELF_PLT struct elf_plt plt = { 0 };

		mem_fail_at(n);
		struct error *err = elf_plt_read(&f, &plt);

		failed = mem_fail_happened();
		mem_fail_at(0);
		if (failed)
			ck_error(err, NO_MEMORY, "");
		else
			ck_no_error(err);
		ck_assert_uint_eq(plt.count, failed ? 0 : 1);
	}
}
END_TEST

UNIT_MAIN("plt", lazy_stubs_of_x86_64_begin_behind_the_entry_of_the_linker,
	  stubs_of_x86_64_may_begin_with_endbr64_and_bnd,
	  stubs_of_plt_got_are_8_bytes,
	  a_stub_for_a_function_chosen_at_run_time_knows_who_chooses,
	  stubs_of_i386_name_the_slot_or_its_place_in_the_table,
	  stubs_of_aarch64_may_begin_with_bti, stubs_of_arm_add_up_an_address,
	  stubs_of_s390x_load_their_slot,
	  stubs_of_riscv_load_relative_to_themselves,
	  code_that_is_cut_or_leads_nowhere_has_no_stubs,
	  a_debug_file_has_no_stubs,
	  relocations_laid_over_each_other_have_an_end,
	  stubs_laid_over_each_other_have_an_end,
	  without_memory_nothing_is_left_behind)

/* SPDX-License-Identifier: Apache-2.0 */
/* Symbol tables, and the small ELF file within .gnu_debugdata. */
#include "config.h"

#include <elf.h>
#include <lzma.h>
#include <string.h>

#include "elf/elf_limits.h"
#include "elf/elf_minidebug.h"
#include "elf/elf_symbols.h"
#include "tests/lib/elf_fixture.h"

/* Names of code in a file, joined by blanks. */
static void code_names(struct elf_file *f, uint32_t type, struct buf *ret)
{
	CLEANUP_ELF_SYMTAB struct elf_symtab *t = NULL;

	ck_no_error(elf_symtab_open(f, type, &t));
	ck_assert_ptr_nonnull(t);
	for (size_t i = 0; i < elf_symtab_count(t); i++) {
		struct elf_sym s;

		if (!elf_symtab_at(t, i, &s) || !elf_sym_is_code(f, &s))
			continue;
		if (ret->size)
			buf_append_str(ret, " ");
		buf_append(ret, s.name, s.name_len);
	}
}

static void ck_code(const struct elf_spec *spec, uint32_t type,
		    const char *want)
{
	CLEANUP_IMAGE struct elf_image image = image_of(spec);
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	CLEANUP_BUF struct buf names = BUF_INIT;

	ck_no_error(elf_file_open(&in, &f));
	code_names(&f, type, &names);
	ck_assert_str_eq(buf_str(&names), want);
}

static const struct elf_extra data_section = { .name = ".data",
					       .flags = SHF_ALLOC | SHF_WRITE,
					       .size = 8 };

START_TEST(functions_and_labels_in_code_are_named)
{
	const struct elf_symbol symbols[] = {
		{ "global", 0x10, 4 },
		{ "weak", 0x10, 4, NULL, ELF_SYMBOL_INFO(STB_WEAK, STT_FUNC) },
		{ "local", 0x10, 4, NULL,
		  ELF_SYMBOL_INFO(STB_LOCAL, STT_FUNC) },
		{ "chosen_later", 0, 0, NULL,
		  ELF_SYMBOL_INFO(STB_GLOBAL, STT_GNU_IFUNC) },
		{ "label", 0, 0, NULL,
		  ELF_SYMBOL_INFO(STB_GLOBAL, STT_NOTYPE) },
		{ "variable", 0, 4, NULL,
		  ELF_SYMBOL_INFO(STB_GLOBAL, STT_OBJECT) },
		{ "thread", 0, 4, NULL, ELF_SYMBOL_INFO(STB_GLOBAL, STT_TLS) },
		{ "data", 0, 4, ".data" },
		{ "elsewhere", 0, 4, ".none" },
		{ "", 0x20, 4 },
	};
	struct elf_spec spec = { .text_size = 64,
				 .symbols = symbols,
				 .symbol_count = 10,
				 .extras = &data_section,
				 .extra_count = 1 };

	for (unsigned i = 0; i < 8; i++) {
		spec.is_32 = i & 1;
		spec.big_endian = i & 2;
		spec.is_debug_file = i & 4;
		ck_code(&spec, SHT_SYMTAB,
			"global weak local chosen_later label");
	}
}
END_TEST

START_TEST(values_and_sizes_are_read_in_each_class_and_order)
{
	const struct elf_symbol symbol = { "f", 0x12345678, 0x9abc };

	for (unsigned i = 0; i < 4; i++) {
		CLEANUP_IMAGE struct elf_image image = image_of(
			&(struct elf_spec) { .is_32 = i & 1,
					     .big_endian = i & 2,
					     .text_size = 16,
					     .dynamic_symbols = &symbol,
					     .dynamic_symbol_count = 1 });
		struct input in = image_input(&image);
		CLEANUP_ELF_FILE struct elf_file f = { 0 };
		CLEANUP_ELF_SYMTAB struct elf_symtab *t = NULL;
		struct elf_sym s;

		ck_no_error(elf_file_open(&in, &f));
		ck_no_error(elf_symtab_open(&f, SHT_DYNSYM, &t));
		ck_assert_uint_eq(elf_symtab_count(t), 2);
		ck_assert(elf_symtab_at(t, 1, &s));
		ck_assert_str_eq(s.name, "f");
		ck_assert_uint_eq(s.value, 0x12345678);
		ck_assert_uint_eq(s.size, 0x9abc);
		ck_assert_uint_eq(s.type, STT_FUNC);
		ck_assert_uint_eq(s.bind, STB_GLOBAL);
		ck_assert_uint_eq(s.section, 1);
		ck_assert(!elf_symtab_at(t, 2, &s));
	}
}
END_TEST

START_TEST(a_version_is_not_part_of_a_name)
{
	const struct elf_symbol symbols[] = {
		{ "memcpy@@GLIBC_2.14", 0, 4 },
		{ "memcpy@GLIBC_2.2.5", 0, 4 },
		{ "@odd", 0, 4 },
	};

	ck_code(&(struct elf_spec) { .text_size = 16,
				     .symbols = symbols,
				     .symbol_count = 3 },
		SHT_SYMTAB, "memcpy memcpy @odd");
}
END_TEST

START_TEST(a_name_that_is_too_long_is_left_out)
{
	CLEANUP_FREE char *longest = malloc(ELF_SYMBOL_NAME_MAX + 1);
	const struct elf_symbol symbols[] = { { longest, 0, 4 },
					      { "f", 4, 4 } };
	struct elf_spec spec = { .text_size = 16,
				 .symbols = symbols,
				 .symbol_count = 2 };
	CLEANUP_BUF struct buf both = BUF_INIT;

	memset(longest, 'x', ELF_SYMBOL_NAME_MAX);
	longest[ELF_SYMBOL_NAME_MAX] = 0;
	ck_code(&spec, SHT_SYMTAB, "f");
	longest[ELF_SYMBOL_NAME_MAX - 1] = 0;
	buf_printf(&both, "%s f", longest);
	ck_code(&spec, SHT_SYMTAB, buf_str(&both));
}
END_TEST

START_TEST(marks_between_code_and_data_are_no_names)
{
	unsigned label = ELF_SYMBOL_INFO(STB_LOCAL, STT_NOTYPE);
	const struct elf_symbol symbols[] = {
		{ "$a", 0, 0, NULL, label },
		{ "$x", 0, 0, NULL, label },
		{ "$d.12", 0, 0, NULL, label },
		{ "$t", 0, 0, NULL, label },
		{ "$xrv64i2p1", 0, 0, NULL, label },
		{ ".L12", 0, 0, NULL, label },
		{ "$", 0, 0, NULL, label },
		{ "$x", 0, 4 },
	};
	struct elf_spec spec = { .text_size = 16,
				 .symbols = symbols,
				 .symbol_count = 8 };

	ck_code(&spec, SHT_SYMTAB, "$a $x $d.12 $t $xrv64i2p1 .L12 $ $x");
	spec.machine = EM_AARCH64;
	ck_code(&spec, SHT_SYMTAB, "$xrv64i2p1 $ $x");
	spec.machine = EM_RISCV;
	ck_code(&spec, SHT_SYMTAB, "$ $x");
}
END_TEST

START_TEST(bit_0_of_a_thumb_function_is_no_address)
{
	const struct elf_symbol symbols[] = {
		{ "thumb", 0x1001, 4 },
		{ "data", 0x1003, 4, NULL,
		  ELF_SYMBOL_INFO(STB_GLOBAL, STT_NOTYPE) },
	};
	CLEANUP_IMAGE struct elf_image image =
		image_of(&(struct elf_spec) { .is_32 = true,
					      .machine = EM_ARM,
					      .text_size = 16,
					      .symbols = symbols,
					      .symbol_count = 2 });
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	CLEANUP_ELF_SYMTAB struct elf_symtab *t = NULL;
	struct elf_sym s;

	ck_no_error(elf_file_open(&in, &f));
	ck_no_error(elf_symtab_open(&f, SHT_SYMTAB, &t));
	ck_assert(elf_symtab_at(t, 1, &s));
	ck_assert_uint_eq(s.value, 0x1000);
	ck_assert(elf_symtab_at(t, 2, &s));
	ck_assert_uint_eq(s.value, 0x1003);
}
END_TEST

START_TEST(numbers_of_sections_may_stand_in_a_table_of_their_own)
{
	static const uint8_t numbers[] = { 0, 0, 0, 0, 0, 0, 0, 1 };
	const struct elf_symbol symbol = { "f", 0, 4, ".none" };
	const struct elf_extra table = { .name = ".symtab_shndx",
					 .type = SHT_SYMTAB_SHNDX,
					 .data = numbers,
					 .size = 8 };
	/* Sections: .text, .symtab_shndx, .symtab. */
	const struct elf_lie lies[] = {
		{ ELF_SH_LINK, 3, ".symtab_shndx" },
		{ ELF_BYTES, SHN_XINDEX, ".symtab", 24 + 6, 2 },
		{ 0 },
	};
	struct elf_spec spec = { .big_endian = true,
				 .text_size = 16,
				 .symbols = &symbol,
				 .symbol_count = 1,
				 .extras = &table,
				 .extra_count = 1,
				 .lies = lies };

	ck_code(&spec, SHT_SYMTAB, "f");
	spec.lies = lies + 1; /* The table belongs to no other. */
	ck_code(&spec, SHT_SYMTAB, "");
}
END_TEST

START_TEST(no_table_is_no_error)
{
	const struct elf_symbol symbol = { "f", 0, 4 };
	CLEANUP_IMAGE struct elf_image image =
		image_of(&(struct elf_spec) { .text_size = 16,
					      .is_debug_file = true,
					      .dynamic_symbols = &symbol,
					      .dynamic_symbol_count = 1 });
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	struct elf_symtab *t;

	ck_no_error(elf_file_open(&in, &f));
	ck_no_error(elf_symtab_open(&f, SHT_SYMTAB, &t));
	ck_assert_ptr_null(t);
	ck_no_error(elf_symtab_open(&f, SHT_DYNSYM, &t));
	ck_assert_ptr_null(t);
}
END_TEST

static struct error *open_symtab(const struct elf_spec *spec, size_t *names_ret)
{
	CLEANUP_IMAGE struct elf_image image = image_of(spec);
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	CLEANUP_ELF_SYMTAB struct elf_symtab *t = NULL;

	*names_ret = 0;
	TRY(elf_file_open(&in, &f));
	TRY(elf_symtab_open(&f, SHT_SYMTAB, &t));
	for (size_t i = 1; t && i < elf_symtab_count(t); i++) {
		struct elf_sym s;

		if (elf_symtab_at(t, i, &s) && elf_sym_is_code(&f, &s))
			++*names_ret;
	}
	return NULL;
}

START_TEST(lies_about_a_table_end_at_its_edges)
{
	const struct elf_symbol symbols[] = { { "f", 0, 4 }, { "g", 4, 4 } };
	static const struct {
		struct elf_lie lie;
		const char *error; /* NULL: none */
		size_t names;
	} cases[] = {
		{ { ELF_SH_LINK, 0, ".symtab" }, "names in section 0", 0 },
		{ { ELF_SH_LINK, 99, ".symtab" }, "names in section 99", 0 },
		{ { ELF_SH_OFFSET, 1 << 30, ".symtab" }, "symbol table", 0 },
		{ { ELF_SH_SIZE, 24 + 24 + 23, ".symtab" }, NULL, 1 },
		{ { ELF_SH_SIZE, 3, ".strtab" }, NULL, 1 },
		{ { ELF_SH_TYPE, SHT_NOBITS, ".strtab" }, NULL, 0 },
		{ { ELF_BYTES, 5, ".symtab", 24, 4 }, NULL, 1 },
		{ { ELF_BYTES, UINT32_MAX, ".symtab", 24, 4 }, NULL, 1 },
		{ { ELF_BYTES, 0x1234, ".symtab", 24 + 6, 2 }, NULL, 1 },
		{ { ELF_BYTES, SHN_ABS, ".symtab", 24 + 6, 2 }, NULL, 1 },
		{ { ELF_BYTES, SHN_XINDEX, ".symtab", 24 + 6, 2 }, NULL, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct elf_lie lies[] = { cases[i].lie, { 0 } };
		struct elf_spec spec = { .text_size = 16,
					 .symbols = symbols,
					 .symbol_count = 2,
					 .lies = lies };
		size_t names;
		struct error *err = open_symtab(&spec, &names);

		if (cases[i].error) {
			ck_error(err, BAD_DATA, cases[i].error);
		} else {
			ck_no_error(err);
			ck_assert_msg(names == cases[i].names,
				      "case %zu: %zu names", i, names);
		}
	}
}
END_TEST

/* An executable with a file of the spec in .gnu_debugdata. */
static struct elf_image pack_inner(const struct elf_spec *inner,
				   uint64_t cut_to)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;
	uint8_t packed[8192];
	size_t size = 0;

	elf_write(inner, &plain);
	ck_assert_uint_eq(lzma_easy_buffer_encode(
				  6, LZMA_CHECK_CRC32, NULL, plain.data,
				  plain.size, packed, &size, sizeof(packed)),
			  LZMA_OK);
	if (cut_to && cut_to < size)
		size = cut_to;
	struct elf_extra extra = { .name = ".gnu_debugdata",
				   .data = packed,
				   .size = size };

	return image_of(&(struct elf_spec) {
		.text_size = 16, .extras = &extra, .extra_count = 1 });
}

static const struct elf_symbol hidden = { "hidden", 0, 4 };
static const struct elf_spec inner_spec = { .text_size = 16,
					    .is_debug_file = true,
					    .symbols = &hidden,
					    .symbol_count = 1 };

START_TEST(the_file_within_gives_its_symbols)
{
	CLEANUP_IMAGE struct elf_image image = pack_inner(&inner_spec, 0);
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	CLEANUP_ELF_MINIDEBUG struct elf_minidebug *m = NULL;
	CLEANUP_BUF struct buf names = BUF_INIT;

	ck_no_error(elf_file_open(&in, &f));
	ck_no_error(elf_minidebug_open(&f, &m));
	ck_assert_ptr_nonnull(m);
	code_names(&m->file, SHT_SYMTAB, &names);
	ck_assert_str_eq(buf_str(&names), "hidden");
}
END_TEST

START_TEST(a_file_within_that_is_damaged_is_an_error)
{
	for (uint64_t cut_to = 1; cut_to < 200; cut_to += 40) {
		CLEANUP_IMAGE struct elf_image image =
			pack_inner(&inner_spec, cut_to);
		struct input in = image_input(&image);
		CLEANUP_ELF_FILE struct elf_file f = { 0 };
		struct elf_minidebug *m;

		ck_no_error(elf_file_open(&in, &f));
		ck_error(elf_minidebug_open(&f, &m), BAD_DATA,
			 ".gnu_debugdata");
		ck_assert_ptr_null(m);
	}
}
END_TEST

START_TEST(without_memory_nothing_is_left_behind)
{
	CLEANUP_IMAGE struct elf_image image = pack_inner(&inner_spec, 0);
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	bool failed = true;

	ck_no_error(elf_file_open(&in, &f));
	for (unsigned long n = 1; failed; n++) {
		CLEANUP_ELF_MINIDEBUG struct elf_minidebug *m = NULL;
		CLEANUP_ELF_SYMTAB struct elf_symtab *t = NULL;

		mem_fail_at(n);
		struct error *err = elf_minidebug_open(&f, &m);

		if (!err)
			err = elf_symtab_open(&m->file, SHT_SYMTAB, &t);
		failed = mem_fail_happened();
		mem_fail_at(0);
		if (!failed)
			ck_no_error(err);
		else
			ck_error(err, NO_MEMORY, "");
	}
}
END_TEST

UNIT_MAIN("elf symbols", functions_and_labels_in_code_are_named,
	  values_and_sizes_are_read_in_each_class_and_order,
	  a_version_is_not_part_of_a_name, a_name_that_is_too_long_is_left_out,
	  marks_between_code_and_data_are_no_names,
	  bit_0_of_a_thumb_function_is_no_address,
	  numbers_of_sections_may_stand_in_a_table_of_their_own,
	  no_table_is_no_error, lies_about_a_table_end_at_its_edges,
	  the_file_within_gives_its_symbols,
	  a_file_within_that_is_damaged_is_an_error,
	  without_memory_nothing_is_left_behind)

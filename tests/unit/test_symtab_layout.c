/* SPDX-License-Identifier: Apache-2.0 */
/* What addresses mean: each of the ways to be wrong about it is a case. */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_layout.h"
#include "tests/unit/unit.h"

/* As lld lays files out: code is not at the offset that its address suggests,
 * and both segments share the page at 0x1000. */
static struct symtab_segment segments[] = {
	{ { 0 }, { 0x200000 }, 0x1400, 0x1400, PF_R },
	{ { 0x1400 }, { 0x202400 }, 0x800, 0x1000, PF_R | PF_X },
	{ { 0x1c00 }, { 0x204c00 }, 0x100, 0x900, PF_R | PF_W },
};
static struct symtab_section sections[] = {
	{ (char *)".init.text", { 0 }, 0x30 },
	{ (char *)".text", { 0x40 }, 0x100 },
};
static struct symtab_base bases[] = {
	{ (char *)"_text", { 0x202400 } },
	{ (char *)"_stext", { 0x202800 } },
};
static const struct symtab_layout layout = {
	.type = ET_DYN,
	.machine = EM_X86_64,
	.is_big_endian = true,
	.is_from_executable = true,
	.segments = segments,
	.segment_count = 3,
	.sections = sections,
	.section_count = 2,
	.bases = bases,
	.base_count = 2,
};

/* Convert; the reason instead, where there is one. */
static uint64_t convert(struct address_space space, uint64_t address,
			enum address_reason expected)
{
	struct vaddr ret = { 0 };

	ck_assert_int_eq(symtab_layout_convert(&layout, &space, address, &ret),
			 expected);
	return ret.v;
}

START_TEST(a_file_offset_is_not_an_address)
{
	struct address_space s = { .kind = ADDRESS_FILE_OFFSET };

	ck_assert_uint_eq(convert(s, 0x1500, ADDRESS_OK), 0x202500);
	ck_assert_uint_eq(convert(s, 0, ADDRESS_OK), 0x200000);
	ck_assert_uint_eq(convert(s, 0x1cff, ADDRESS_OK), 0x204cff);
	// Memory behind what the file has.
	convert(s, 0x1d00, ADDRESS_UNMAPPED_OFFSET);
	convert(s, UINT64_MAX, ADDRESS_UNMAPPED_OFFSET);
}
END_TEST

START_TEST(an_offset_in_two_segments_is_code)
{
	struct symtab_segment both[] = {
		{ { 0 }, { 0x1000 }, 0x3000, 0x3000, PF_R },
		{ { 0x1000 }, { 0x8000 }, 0x1000, 0x1000, PF_R | PF_X },
		{ { 0x1000 }, { 0x9000 }, 0x1000, 0x1000, PF_R | PF_X },
	};
	struct symtab_layout l = { .segments = both, .segment_count = 3 };
	struct address_space s = { .kind = ADDRESS_FILE_OFFSET };
	struct vaddr ret;

	ck_assert_int_eq(symtab_layout_convert(&l, &s, 0x1010, &ret),
			 ADDRESS_OK);
	ck_assert_uint_eq(ret.v, 0x8010);
	ck_assert_int_eq(symtab_layout_convert(&l, &s, 0x2010, &ret),
			 ADDRESS_OK);
	ck_assert_uint_eq(ret.v, 0x3010);
}
END_TEST

START_TEST(a_return_address_belongs_to_the_call_before_it)
{
	struct address_space s = { .kind = ADDRESS_FILE_OFFSET,
				   .return_addresses = true };

	// The call was the last thing in its segment.
	ck_assert_uint_eq(convert(s, 0x1c00, ADDRESS_OK), 0x2033ff - 0x800);
	convert(s, 0, ADDRESS_BAD_ADDRESS);
	s.kind = ADDRESS_SECTION;
	s.name = ".text";
	ck_assert_uint_eq(convert(s, 0x100, ADDRESS_OK), 0x13f);
	convert(s, 0x101, ADDRESS_BAD_ADDRESS);
	s.kind = ADDRESS_VADDR;
	ck_assert_uint_eq(convert(s, 0x202400, ADDRESS_OK), 0x2023ff);
}
END_TEST

START_TEST(an_image_begins_with_its_lowest_segment)
{
	struct address_space s = { .kind = ADDRESS_IMAGE };
	struct symtab_layout none = { 0 };
	struct vaddr ret;

	ck_assert_uint_eq(convert(s, 0x2500, ADDRESS_OK), 0x202500);
	convert(s, UINT64_MAX - 0x1000, ADDRESS_BAD_ADDRESS);
	ck_assert_int_eq(symtab_layout_convert(&none, &s, 1, &ret),
			 ADDRESS_UNMAPPED_OFFSET);
}
END_TEST

START_TEST(a_runtime_address_is_seen_through_its_mapping)
{
	struct address_space s = { .kind = ADDRESS_RUNTIME,
				   .map_start = 0x7f0000001000,
				   .map_offset = 0x1000 };

	ck_assert_uint_eq(convert(s, 0x7f0000001500, ADDRESS_OK), 0x202500);
	convert(s, 0x7f0000000fff, ADDRESS_BAD_ADDRESS);
	convert(s, 0x7f0000002000, ADDRESS_UNMAPPED_OFFSET);
	s.map_offset = UINT64_MAX;
	convert(s, 0x7f0000001500, ADDRESS_BAD_ADDRESS);
}
END_TEST

START_TEST(a_module_is_asked_by_section)
{
	struct address_space s = { .kind = ADDRESS_SECTION, .name = ".text" };

	ck_assert_uint_eq(convert(s, 0, ADDRESS_OK), 0x40);
	ck_assert_uint_eq(convert(s, 0xff, ADDRESS_OK), 0x13f);
	convert(s, 0x100, ADDRESS_BAD_ADDRESS);
	s.name = ".init.text";
	ck_assert_uint_eq(convert(s, 1, ADDRESS_OK), 1);
	s.name = ".tex";
	convert(s, 1, ADDRESS_BAD_ADDRESS);
	s.name = NULL;
	convert(s, 1, ADDRESS_BAD_ADDRESS);
}
END_TEST

START_TEST(a_kernel_is_asked_by_the_symbol_that_was_looked_up)
{
	struct address_space s = { .kind = ADDRESS_KERNEL,
				   .name = "_text",
				   .base = 0xffff800080000000 };

	ck_assert_uint_eq(convert(s, 0xffff800080000500, ADDRESS_OK), 0x202900);
	s.name = "_stext";
	s.base += 0x400;
	ck_assert_uint_eq(convert(s, 0xffff800080000500, ADDRESS_OK), 0x202900);
	// Between _text and _stext there is code, before _text there is not.
	ck_assert_uint_eq(convert(s, 0xffff800080000010, ADDRESS_OK), 0x202410);
	convert(s, 0xffff80007fffffff, ADDRESS_BAD_ADDRESS);
	convert(s, 0x7f0000001000, ADDRESS_BAD_ADDRESS);
	s.name = "_etext";
	convert(s, 0xffff800080000500, ADDRESS_BAD_ADDRESS);
	s.name = NULL;
	convert(s, 0xffff800080000500, ADDRESS_BAD_ADDRESS);
}
END_TEST

START_TEST(kinds_and_reasons_have_the_names_of_the_wire)
{
	for (unsigned k = 0; k < ADDRESS_KINDS; k++) {
		const char *name = address_kind_name((enum address_kind)k);
		enum address_kind again = ADDRESS_KINDS;

		ck_assert(address_kind_parse(name, strlen(name), &again));
		ck_assert_uint_eq(again, k);
		ck_assert(!address_kind_parse(name, strlen(name) - 1, &again));
	}
	for (unsigned r = 0; r < ADDRESS_REASONS; r++)
		ck_assert_ptr_nonnull(
			address_reason_name((enum address_reason)r));
	ck_assert_str_eq(address_kind_name(ADDRESS_FILE_OFFSET), "file_offset");
	ck_assert_str_eq(address_reason_name(ADDRESS_UNMAPPED_OFFSET),
			 "unmapped_offset");
}
END_TEST

static struct error *read_layout(const struct buf *b, size_t size,
				 struct symtab_layout *ret)
{
	struct reader r;

	reader_init(&r, b->data, size, false);
	return symtab_layout_get(&r, ret);
}

START_TEST(a_layout_is_written_and_read)
{
	CLEANUP_BUF struct buf b = BUF_INIT, again = BUF_INIT;
	CLEANUP_SYMTAB_LAYOUT struct symtab_layout l = { 0 };

	symtab_layout_put(&b, &layout);
	ck_no_error(read_layout(&b, b.size, &l));
	symtab_layout_put(&again, &l);
	ck_assert_uint_eq(again.size, b.size);
	ck_assert_mem_eq(again.data, b.data, b.size);
	ck_assert(l.is_big_endian && l.is_from_executable);
	ck_assert_str_eq(l.sections[1].name, ".text");
	ck_assert_uint_eq(l.bases[1].vaddr.v, 0x202800);
}
END_TEST

START_TEST(a_damaged_layout_is_an_error)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	symtab_layout_put(&b, &layout);
	for (size_t size = 0; size < b.size; size++) {
		struct symtab_layout l = { 0 };

		ck_error(read_layout(&b, size, &l), BAD_DATA, "layout");
		ck_assert_uint_eq(l.segment_count, 0);
	}
	for (size_t i = 0; i < b.size; i++) {
		CLEANUP_SYMTAB_LAYOUT struct symtab_layout l = { 0 };

		b.data[i] ^= 0xff;
		error_free(read_layout(&b, b.size, &l));
		b.data[i] ^= 0xff;
	}
	for (unsigned long n = 1;; n++) {
		CLEANUP_SYMTAB_LAYOUT struct symtab_layout l = { 0 };

		mem_fail_at(n);
		struct error *err = read_layout(&b, b.size, &l);

		mem_fail_at(0);
		if (!err)
			break;
		ck_assert_int_eq(error_kind(err), ERROR_NO_MEMORY);
	}
}
END_TEST

/* Room for what the cases below claim, all zero: no flags, empty names. */
static uint8_t zeros[8 << 20];

static struct error *read_counted(const uint32_t *counts, size_t count,
				  uint32_t name_len)
{
	CLEANUP_SYMTAB_LAYOUT struct symtab_layout l = { 0 };
	CLEANUP_BUF struct buf b = BUF_INIT;
	static const size_t sizes[] = { 36, 20, 12 };

	buf_append(&b, zeros, 5);
	for (size_t i = 0; i < count; i++) {
		buf_put_u32(&b, counts[i]);
		for (size_t k = 0; i == 1 && name_len && k < counts[i]; k++) {
			buf_append(&b, zeros, 16);
			buf_put_u32(&b, name_len);
			for (size_t n = 0; n < name_len; n++)
				buf_append_byte(&b, 'n');
		}
		if (i != 1 || !name_len)
			buf_append(&b, zeros, counts[i] * sizes[i]);
	}
	ck_assert(!b.failed);
	struct error *err = read_layout(&b, b.size, &l);

	ck_assert(err || l.segment_count == counts[0]);
	ck_assert(err || l.section_count == counts[1]);
	return err;
}

/* Of a worker that is somebody else's by now, or a table of long ago. */
START_TEST(a_layout_of_too_many_things_is_an_error)
{
	static const struct {
		uint32_t counts[3], name_len;
		bool is_good;
	} cases[] = {
		{ { SYMTAB_SEGMENTS_MAX, SYMTAB_SECTIONS_MAX,
		    SYMTAB_BASES_MAX },
		  0,
		  true },
		{ { SYMTAB_SEGMENTS_MAX + 1, 0, 0 }, 0, false },
		{ { 0, SYMTAB_SECTIONS_MAX + 1, 0 }, 0, false },
		{ { 0, 0, SYMTAB_BASES_MAX + 1 }, 0, false },
		{ { 100000, 0, 0 }, 0, false },
		{ { 1, SYMTAB_SECTION_NAMES_MAX >> 10, 1 }, 1 << 10, true },
		{ { 1, (SYMTAB_SECTION_NAMES_MAX >> 10) + 1, 1 },
		  1 << 10,
		  false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error *err =
			read_counted(cases[i].counts, 3, cases[i].name_len);

		if (cases[i].is_good)
			ck_no_error(err);
		else
			ck_error(err, BAD_DATA, "layout");
	}
}
END_TEST

START_TEST(a_name_is_looked_up_once_for_all_addresses)
{
	struct symtab_section two[] = {
		{ (char *)".text", { 0x40 }, 0x100 },
		{ (char *)".text", { 0x1000 }, 0x800 },
	};
	struct symtab_layout l = { .sections = two, .section_count = 2 };
	struct address_space s = { .kind = ADDRESS_SECTION, .name = ".text" };
	struct address_converter c;
	struct vaddr ret;

	address_converter_init(&c, &l, &s);
	// The first of that name, and nobody looks again.
	l.section_count = 0;
	ck_assert_int_eq(address_convert(&c, 0xff, &ret), ADDRESS_OK);
	ck_assert_uint_eq(ret.v, 0x13f);
	ck_assert_int_eq(address_convert(&c, 0x100, &ret), ADDRESS_BAD_ADDRESS);
}
END_TEST

UNIT_MAIN("symtab_layout", a_file_offset_is_not_an_address,
	  an_offset_in_two_segments_is_code,
	  a_return_address_belongs_to_the_call_before_it,
	  an_image_begins_with_its_lowest_segment,
	  a_runtime_address_is_seen_through_its_mapping,
	  a_module_is_asked_by_section,
	  a_kernel_is_asked_by_the_symbol_that_was_looked_up,
	  kinds_and_reasons_have_the_names_of_the_wire,
	  a_layout_is_written_and_read, a_damaged_layout_is_an_error,
	  a_layout_of_too_many_things_is_an_error,
	  a_name_is_looked_up_once_for_all_addresses)

/* SPDX-License-Identifier: Apache-2.0 */
/* Exception frames: what encodes a start and a size, and what lies about it. */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "elf/elf_eh_frame.h"
#include "tests/lib/elf_fixture.h"

/* The section is made in the order and class of a spec. */
struct frame_writer {
	struct buf bytes;
	bool big_endian;
};

static void put(struct frame_writer *w, uint64_t v, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		buf_append_byte(
			&w->bytes,
			(uint8_t)(v >> 8 * (w->big_endian ? size - 1 - i : i)));
}

static void set_length(struct frame_writer *w, size_t at)
{
	struct frame_writer length = { .big_endian = w->big_endian };

	put(&length, w->bytes.size - at - 4, 4);
	memcpy(w->bytes.data + at, length.bytes.data, 4);
	buf_deinit(&length.bytes);
}

/* @return Offset of the CIE. */
static size_t put_cie(struct frame_writer *w, unsigned version,
		      const char *augmentation, const void *data, size_t size)
{
	size_t at = w->bytes.size;

	put(w, 0, 4);
	put(w, 0, 4);
	put(w, version, 1);
	buf_append(&w->bytes, augmentation, strlen(augmentation) + 1);
	if (version == 4)
		put(w, 0x0800, 2);
	put(w, 1, 1);
	put(w, 0x78, 1);
	put(w, 16, 1);
	if (augmentation[0] == 'z')
		put(w, size, 1);
	buf_append(&w->bytes, data, size);
	set_length(w, at);
	return at;
}

/* @return Offset of the start within the section. */
static size_t put_fde(struct frame_writer *w, size_t cie, uint64_t start,
		      uint64_t size, unsigned width)
{
	size_t at = w->bytes.size;

	put(w, 0, 4);
	put(w, at + 4 - cie, 4);
	put(w, start, width);
	put(w, size, width);
	put(w, 0, 1);
	set_length(w, at);
	return at + 8;
}

/* @param[out] address_ret Of the section. */
static void read_frames(const struct frame_writer *w, bool is_32, uint16_t type,
			struct elf_frames *ret, uint64_t *address_ret)
{
	struct elf_extra extra = { .name = ".eh_frame",
				   .flags = SHF_ALLOC,
				   .data = w->bytes.data,
				   .size = w->bytes.size,
				   .align = 8 };
	CLEANUP_IMAGE struct elf_image image =
		image_of(&(struct elf_spec) { .is_32 = is_32,
					      .type = type,
					      .big_endian = w->big_endian,
					      .extras = &extra,
					      .extra_count = 1 });
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	ck_no_error(elf_file_open(&in, &f));
	*address_ret = elf_file_section(&f, 1).vaddr;
	ck_no_error(elf_frames_read(&f, ret));
}

#define CLEANUP_WRITER CLEANUP(writer_deinit)
static void writer_deinit(struct frame_writer *w)
{
	buf_deinit(&w->bytes);
}

START_TEST(frames_are_read_in_each_encoding)
{
	static const struct {
		uint8_t encoding;
		unsigned width_32, width_64;
		bool is_relative;
	} cases[] = {
		{ 0x00, 4, 8, false }, { 0x02, 2, 2, false },
		{ 0x03, 4, 4, false }, { 0x04, 8, 8, false },
		{ 0x0a, 2, 2, false }, { 0x0b, 4, 4, false },
		{ 0x0c, 8, 8, false }, { 0x10, 4, 8, true },
		{ 0x1a, 2, 2, true },  { 0x1b, 4, 4, true },
		{ 0x1c, 8, 8, true },
	};

	for (unsigned i = 0; i < 4 * sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_WRITER struct frame_writer w = { .big_endian = i & 1 };
		CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
		uint8_t encoding = cases[i / 4].encoding;
		bool is_32 = i & 2;
		unsigned width =
			is_32 ? cases[i / 4].width_32 : cases[i / 4].width_64;
		uint64_t address;

		size_t cie = put_cie(&w, 1, "zR", &encoding, 1);
		size_t first = put_fde(&w, cie, 0x1000, 0x20, width);
		size_t second = put_fde(&w, cie, 0x800, 0x40, width);

		put(&w, 0, 4);
		read_frames(&w, is_32, ET_DYN, &frames, &address);
		ck_assert_uint_eq(frames.count, 2);
		if (!cases[i / 4].is_relative)
			address = first = second = 0;
		ck_assert_uint_eq(frames.frames[0].start,
				  address + second + 0x800);
		ck_assert_uint_eq(frames.frames[0].size, 0x40);
		ck_assert_uint_eq(frames.frames[1].start,
				  address + first + 0x1000);
		ck_assert_uint_eq(frames.frames[1].size, 0x20);
	}
}
END_TEST

START_TEST(a_start_may_lie_in_front_of_its_place)
{
	CLEANUP_WRITER struct frame_writer w = { 0 };
	CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
	uint8_t encoding = 0x1b;
	uint64_t address;

	size_t cie = put_cie(&w, 1, "zR", &encoding, 1);
	size_t at = put_fde(&w, cie, (uint32_t)-0x10, 8, 4);

	read_frames(&w, false, ET_DYN, &frames, &address);
	ck_assert_uint_eq(frames.count, 1);
	ck_assert_uint_eq(frames.frames[0].start, address + at - 0x10);
}
END_TEST

START_TEST(augmentations_are_passed_over_to_find_the_encoding)
{
	static const struct {
		unsigned version;
		const char *letters;
		const char *data;
		size_t size;
		unsigned width;
	} cases[] = {
		{ 1, "", "", 0, 8 },
		{ 3, "", "", 0, 8 },
		{ 4, "", "", 0, 8 },
		{ 1, "zLR", "\x1b\x03", 2, 4 },
		{ 1, "zPLR", "\x03pppp\x1b\x03", 7, 4 },
		{ 1, "zPR", "\x9bpppp\x03", 6, 4 },
		{ 1, "zRSB", "\x03", 1, 4 },
		{ 1, "zRP", "\x02", 1, 2 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_WRITER struct frame_writer w = { 0 };
		CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
		uint64_t address;
		size_t cie = put_cie(&w, cases[i].version, cases[i].letters,
				     cases[i].data, cases[i].size);

		put_fde(&w, cie, 0x1000, 0x20, cases[i].width);
		read_frames(&w, false, ET_DYN, &frames, &address);
		ck_assert_msg(frames.count == 1, "case %zu", i);
		ck_assert_uint_eq(frames.frames[0].start, 0x1000);
		ck_assert_uint_eq(frames.frames[0].size, 0x20);
	}
}
END_TEST

START_TEST(what_cannot_be_understood_is_left_out)
{
	static const struct {
		unsigned version;
		const char *letters;
		const char *data;
		size_t size;
	} cases[] = {
		{ 2, "zR", "\x03", 1 },    { 1, "z?R", "\x03", 1 },
		{ 1, "zR", "\xff", 1 },    { 1, "zR", "\x83", 1 },
		{ 1, "zR", "\x33", 1 },    { 1, "zR", "\x07", 1 },
		{ 1, "zPR", "\x07\3", 2 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_WRITER struct frame_writer w = { 0 };
		CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
		uint8_t good = 0x03;
		uint64_t address;
		size_t cie = put_cie(&w, cases[i].version, cases[i].letters,
				     cases[i].data, cases[i].size);

		put_fde(&w, cie, 0x1000, 0x20, 4);
		cie = put_cie(&w, 1, "zR", &good, 1);
		put_fde(&w, cie, 0x2000, 0, 4);
		put_fde(&w, cie, 0x3000, 0x10, 4);
		read_frames(&w, false, ET_DYN, &frames, &address);
		ck_assert_msg(frames.count == 1, "case %zu", i);
		ck_assert_uint_eq(frames.frames[0].start, 0x3000);
	}
}
END_TEST

START_TEST(an_fde_that_lies_about_its_cie_is_left_out)
{
	CLEANUP_WRITER struct frame_writer w = { 0 };
	CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
	uint8_t encoding = 0x03;
	uint64_t address;
	size_t cie = put_cie(&w, 1, "zR", &encoding, 1);
	size_t fde = put_fde(&w, cie, 0x1000, 0x20, 4) - 8;

	put_fde(&w, fde, 0x2000, 0x20, 4);       /* another FDE */
	put_fde(&w, cie + 1, 0x3000, 0x20, 4);   /* its middle */
	put_fde(&w, cie - 999, 0x4000, 0x20, 4); /* outside */
	put_fde(&w, cie, 0x5000, 0x20, 4);
	read_frames(&w, false, ET_DYN, &frames, &address);
	ck_assert_uint_eq(frames.count, 2);
	ck_assert_uint_eq(frames.frames[1].start, 0x5000);
}
END_TEST

START_TEST(a_damaged_cie_does_not_change_another)
{
	CLEANUP_WRITER struct frame_writer w = { 0 };
	CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
	uint8_t encoding = 0x03;
	uint64_t address;
	size_t good = put_cie(&w, 1, "zR", &encoding, 1);
	size_t bad = put_cie(&w, 1, "z?R", &encoding, 1);

	put_fde(&w, good, 0x1000, 0x20, 4);
	put_fde(&w, bad, 0x2000, 0x20, 4);
	put_fde(&w, good, 0x3000, 0x30, 4);
	read_frames(&w, false, ET_DYN, &frames, &address);
	ck_assert_uint_eq(frames.count, 2);
	ck_assert_uint_eq(frames.frames[1].start, 0x3000);
	ck_assert_uint_eq(frames.frames[1].size, 0x30);
}
END_TEST

START_TEST(a_section_may_be_cut_anywhere)
{
	CLEANUP_WRITER struct frame_writer w = { 0 };
	uint8_t encoding = 0x03;
	size_t cie = put_cie(&w, 1, "zR", &encoding, 1);

	put_fde(&w, cie, 0x1000, 0x20, 4);
	put_fde(&w, cie, 0x2000, 0x20, 4);
	size_t whole = w.bytes.size;

	for (w.bytes.size = 1; w.bytes.size <= whole; w.bytes.size++) {
		CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
		uint64_t address;

		read_frames(&w, false, ET_DYN, &frames, &address);
		ck_assert_uint_le(frames.count, 2);
		ck_assert_int_eq(w.bytes.size == whole, frames.count == 2);
	}
}
END_TEST

START_TEST(a_long_length_is_read)
{
	CLEANUP_WRITER struct frame_writer w = { 0 };
	CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
	uint8_t encoding = 0x03;
	uint64_t address;
	size_t cie = put_cie(&w, 1, "zR", &encoding, 1);

	put(&w, UINT32_MAX, 4);
	put(&w, 4 + 4 + 4, 8);
	put(&w, w.bytes.size - cie, 4);
	put(&w, 0x1000, 4);
	put(&w, 0x20, 4);
	put_fde(&w, cie, 0x2000, 0x20, 4);
	read_frames(&w, false, ET_DYN, &frames, &address);
	ck_assert_uint_eq(frames.count, 2);
}
END_TEST

START_TEST(an_address_finds_its_frame_and_the_next)
{
	CLEANUP_WRITER struct frame_writer w = { 0 };
	CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
	uint8_t encoding = 0x03;
	uint64_t address;
	size_t cie = put_cie(&w, 1, "zR", &encoding, 1);

	put_fde(&w, cie, 0x2000, 0x20, 4);
	put_fde(&w, cie, 0x1000, 0x20, 4);
	read_frames(&w, false, ET_EXEC, &frames, &address);
	ck_assert_ptr_null(elf_frames_find(&frames, 0xfff));
	ck_assert_uint_eq(elf_frames_find(&frames, 0x1000)->start, 0x1000);
	ck_assert_uint_eq(elf_frames_find(&frames, 0x101f)->start, 0x1000);
	ck_assert_ptr_null(elf_frames_find(&frames, 0x1020));
	ck_assert_uint_eq(elf_frames_next(&frames, 0)->start, 0x1000);
	ck_assert_uint_eq(elf_frames_next(&frames, 0x1000)->start, 0x2000);
	ck_assert_ptr_null(elf_frames_next(&frames, 0x2000));
}
END_TEST

START_TEST(a_relocatable_file_has_no_frames)
{
	CLEANUP_WRITER struct frame_writer w = { 0 };
	CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };
	uint8_t encoding = 0x03;
	uint64_t address;

	put_fde(&w, put_cie(&w, 1, "zR", &encoding, 1), 0x2000, 0x20, 4);
	read_frames(&w, false, ET_REL, &frames, &address);
	ck_assert_uint_eq(frames.count, 0);
}
END_TEST

START_TEST(without_memory_nothing_is_left_behind)
{
	CLEANUP_WRITER struct frame_writer w = { 0 };
	uint8_t encoding = 0x03;
	size_t cie = put_cie(&w, 1, "zR", &encoding, 1);
	bool failed = true;

	for (size_t i = 0; i < 100; i++)
		put_fde(&w, cie, 0x2000 + i, 0x20, 4);
	struct elf_extra extra = { .name = ".eh_frame",
				   .flags = SHF_ALLOC,
				   .data = w.bytes.data,
				   .size = w.bytes.size };
	CLEANUP_IMAGE struct elf_image image = image_of(
		&(struct elf_spec) { .extras = &extra, .extra_count = 1 });
	struct input in = image_input(&image);
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	ck_no_error(elf_file_open(&in, &f));
	for (unsigned long n = 1; failed; n++) {
		CLEANUP_ELF_FRAMES struct elf_frames frames = { 0 };

		mem_fail_at(n);
		struct error *err = elf_frames_read(&f, &frames);

		failed = mem_fail_happened();
		mem_fail_at(0);
		if (failed)
			ck_error(err, NO_MEMORY, "");
		else
			ck_no_error(err);
		ck_assert_uint_eq(frames.count, failed ? 0 : 100);
	}
}
END_TEST

UNIT_MAIN("eh_frame", frames_are_read_in_each_encoding,
	  a_start_may_lie_in_front_of_its_place,
	  augmentations_are_passed_over_to_find_the_encoding,
	  what_cannot_be_understood_is_left_out,
	  an_fde_that_lies_about_its_cie_is_left_out,
	  a_section_may_be_cut_anywhere, a_long_length_is_read,
	  an_address_finds_its_frame_and_the_next,
	  a_damaged_cie_does_not_change_another,
	  a_relocatable_file_has_no_frames,
	  without_memory_nothing_is_left_behind)

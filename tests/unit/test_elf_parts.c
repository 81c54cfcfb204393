/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of src/elf by themselves: sets, streams of sections, relocations,
 * values, joining. */
#include "config.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "elf/dwarf_form.h"
#include "elf/elf_file.h"
#include "elf/elf_limits.h"
#include "elf/elf_reloc.h"
#include "elf/elf_section.h"
#include "elf/key_set.h"
#include "elf/source_names.h"
#include "elf/string_pool.h"
#include "tests/lib/elf_fixture.h"

START_TEST(keys_are_numbered_in_the_order_of_their_coming)
{
	enum { KEYS = 20000 };
	CLEANUP(key_set_deinit) struct key_set set = { 0 };
	size_t number;

	ck_assert(!key_set_find(&set, (struct key) { 0 }, &number));
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < KEYS; i++) {
			struct key key = { i / 100, i % 100, i << 40 };

			ck_assert(key_set_put(&set, key, &number));
			ck_assert_uint_eq(number, i);
		}
	}
	ck_assert_uint_eq(set.count, KEYS);
	ck_assert(key_set_find(&set, (struct key) { 199, 99, 19999ull << 40 },
			       &number));
	ck_assert_uint_eq(number, KEYS - 1);
	ck_assert(!key_set_find(&set, (struct key) { 0, 0, 1 }, &number));
}
END_TEST

START_TEST(a_string_is_kept_once)
{
	enum { STRINGS = 5000 };
	CLEANUP(string_pool_deinit) struct string_pool pool = { 0 };
	uint32_t first[STRINGS];
	char s[32];

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < STRINGS; i++) {
			size_t len = (size_t)snprintf(s, sizeof(s), "%zx",
						      i * 65599);
			uint32_t at;

			ck_assert(string_pool_put(&pool, s, len, &at));
			if (round == 0)
				first[i] = at;
			ck_assert_uint_eq(at, first[i]);
			ck_assert_str_eq(string_pool_at(&pool, at), s);
		}
	}
	ck_assert_uint_eq(pool.count, STRINGS);
}
END_TEST

START_TEST(a_prefix_is_another_string)
{
	CLEANUP(string_pool_deinit) struct string_pool pool = { 0 };
	uint32_t abc, ab, empty, again;

	ck_assert(string_pool_put(&pool, "abc", 3, &abc));
	ck_assert(string_pool_put(&pool, "abc", 2, &ab));
	ck_assert(string_pool_put(&pool, "abc", 0, &empty));
	ck_assert_str_eq(string_pool_at(&pool, ab), "ab");
	ck_assert_str_eq(string_pool_at(&pool, empty), "");
	ck_assert(string_pool_put(&pool, "abc", 3, &again));
	ck_assert_uint_eq(again, abc);
	ck_assert_uint_eq(pool.count, 3);
}
END_TEST

START_TEST(sets_without_memory_stay_as_they_were)
{
	CLEANUP(string_pool_deinit) struct string_pool pool = { 0 };
	CLEANUP(key_set_deinit) struct key_set set = { 0 };
	size_t number;
	uint32_t at;

	for (unsigned long n = 1; n <= 3; n++) {
		mem_fail_at(n);
		bool ok = string_pool_put(&pool, "a", 1, &at);

		ck_assert(ok == !mem_fail_happened());
		mem_fail_at(n);
		ok = key_set_put(&set, (struct key) { 1, 2, 3 }, &number);
		ck_assert(ok == !mem_fail_happened());
		mem_fail_at(0);
	}
	ck_assert(string_pool_put(&pool, "a", 1, &at));
	ck_assert(key_set_put(&set, (struct key) { 1, 2, 3 }, &number));
	ck_assert_uint_eq(pool.count, 1);
	ck_assert_uint_eq(set.count, 1);
}
END_TEST

/* A file with one section of bytes that tell where they are. */
enum { BYTES = 300000 };

static const uint8_t *bytes_image(enum elf_packing packing,
				  struct elf_image *ret)
{
	static uint8_t bytes[BYTES];
	struct elf_extra extra = { .name = ".debug_bytes",
				   .data = bytes,
				   .size = BYTES };

	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
	*ret = image_of(&(struct elf_spec) {
		.packing = packing, .extras = &extra, .extra_count = 1 });
	return bytes;
}

/* There with AddressSanitizer alone */
int __asan_address_is_poisoned(const volatile void *p) __attribute__((weak));

/* Whoever reads @p p would be complained of, where somebody complains. */
static bool is_hidden(const void *p)
{
	return !__asan_address_is_poisoned || __asan_address_is_poisoned(p);
}

START_TEST(a_stream_gives_the_same_bytes_however_they_are_stored)
{
	static const size_t wants[] = { 1, 100, 5000, 40000, 7, 0, 90000 };

	for (unsigned packing = 0; packing < 4; packing++) {
		CLEANUP_ELF_STREAM struct elf_stream *s = NULL;
		CLEANUP_IMAGE struct elf_image image = { 0 };
		CLEANUP_ELF_FILE struct elf_file f = { 0 };

		const uint8_t *bytes =
			bytes_image((enum elf_packing)packing, &image);
		struct input in = image_input(&image);

		ck_no_error(elf_file_open(&in, &f));
		ck_no_error(elf_stream_open(&f, 1, 512, &s));
		ck_assert_uint_eq(elf_stream_size(s), BYTES);
		for (size_t i = 0, pos = 0; pos < BYTES; i++) {
			size_t want = wants[i % 7];
			const uint8_t *data;
			size_t size;

			ck_assert_uint_eq(elf_stream_tell(s), pos);
			ck_no_error(elf_stream_peek(s, want, &data, &size));
			if (want > BYTES - pos)
				want = BYTES - pos;
			ck_assert_uint_ge(size, want);
			ck_assert_mem_eq(data, bytes + pos, size);
			ck_assert(!size || is_hidden(data + size));
			size_t skip = want / 2 + (i % 3) * 1000;

			ck_no_error(elf_stream_skip(s, skip));
			pos += skip;
		}
		ck_assert_uint_eq(elf_stream_tell(s), BYTES);
	}
}
END_TEST

START_TEST(a_section_is_loaded_whole)
{
	for (unsigned packing = 0; packing < 4; packing++) {
		CLEANUP_IMAGE struct elf_image image = { 0 };
		CLEANUP_ELF_FILE struct elf_file f = { 0 };
		CLEANUP_FREE uint8_t *data = NULL;
		size_t size;

		const uint8_t *bytes =
			bytes_image((enum elf_packing)packing, &image);
		struct input in = image_input(&image);

		ck_no_error(elf_file_open(&in, &f));
		ck_no_error(elf_section_load(&f, 1, &data, &size));
		ck_assert_uint_eq(size, BYTES);
		ck_assert_mem_eq(data, bytes, size);
	}
}
END_TEST

/* */
START_TEST(a_file_may_inflate_to_so_many_bytes_in_all)
{
	CLEANUP_ELF_STREAM struct elf_stream *s = NULL;
	CLEANUP_IMAGE struct elf_image image = { 0 };
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	const uint8_t *data;
	size_t size;

	bytes_image(ELF_PACK_ZSTD, &image);
	struct input in = image_input(&image);

	ck_no_error(elf_file_open(&in, &f));
	ck_no_error(elf_stream_open(&f, 1, 512, &s));
	f.inflated_bytes = ELF_INFLATED_MAX - BYTES;
	ck_no_error(elf_stream_skip(s, BYTES / 2));
	ck_no_error(elf_stream_peek(s, BYTES / 2, &data, &size));
	f.inflated_bytes = ELF_INFLATED_MAX - 10;
	elf_stream_close(STEAL(s));
	ck_no_error(elf_stream_open(&f, 1, 512, &s));
	ck_error(elf_stream_peek(s, 100, &data, &size), LIMIT,
		 "inflate to more than 4294967296 bytes");
	ck_error(elf_stream_skip(s, 100), LIMIT, "inflate to more than");
}
END_TEST

/* */
START_TEST(a_section_too_large_to_hold_is_not_loaded)
{
	struct elf_lie lies[] = {
		{ ELF_BYTES, ELF_HELD_MAX + 1, ".debug_bytes", 8, 8 }, { 0 }
	};
	enum { STORED = 300 << 10 };
	CLEANUP_FREE uint8_t *random = malloc(STORED);
	struct elf_extra extra = { .name = ".debug_bytes",
				   .data = random,
				   .size = STORED };
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	CLEANUP_FREE uint8_t *data = NULL;
	size_t size;

	for (size_t i = 0; i < STORED; i++)
		random[i] = (uint8_t)((i * 2654435761u) >> 13);
	CLEANUP_IMAGE struct elf_image image =
		image_of(&(struct elf_spec) { .packing = ELF_PACK_ZSTD,
					      .extras = &extra,
					      .extra_count = 1,
					      .lies = lies });
	struct input in = image_input(&image);

	ck_no_error(elf_file_open(&in, &f));
	ck_error(elf_section_load(&f, 1, &data, &size), LIMIT,
		 ".debug_bytes: ");
}
END_TEST

static size_t section_named(const struct elf_file *f, const char *name)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (strcmp(elf_file_section_name(f, &s), name) == 0)
			return i;
	}
	ck_abort_msg("no section %s", name);
	return 0;
}

START_TEST(a_relocation_gives_symbol_plus_addend_and_its_section)
{
	for (unsigned i = 0; i < 16; i++) {
		CLEANUP_ELF_RELOCS struct elf_relocs *r = NULL;
		CLEANUP_ELF_FILE struct elf_file f = { 0 };
		struct elf_unit unit = {
			.files = (struct elf_unit_file[]) { { "a", 0 },
							    { NULL } },
			.comp_dir = "/src",
		};
		CLEANUP_IMAGE struct elf_image image = image_of(
			&(struct elf_spec) { .type = ET_REL,
					     .is_32 = i & 1,
					     .use_rel = i & 2,
					     .unsorted_relocations = i & 4,
					     .big_endian = i & 8,
					     .units = &unit,
					     .unit_count = 1 });
		struct input in = image_input(&image);
		uint64_t value;
		uint32_t section;

		ck_no_error(elf_file_open(&in, &f));
		ck_no_error(elf_relocs_open(
			&f, section_named(&f, ".debug_line"), &r));
		ck_assert_ptr_nonnull(r);
		// "a" is at 5 in .debug_line_str; its place in the table is 44.
		for (int round = 0; round < 3; round++) {
			value = i & 2 ? 5 : 0;
			ck_no_error(elf_relocs_apply(r, 44, &value, &section));
			ck_assert_uint_eq(value, 5);
			ck_assert_uint_eq(section,
					  section_named(&f, ".debug_line_str"));
			value = 77;
			ck_no_error(elf_relocs_apply(r, 5, &value, &section));
			ck_assert_uint_eq(value, 77);
			ck_assert_uint_eq(section, 0);
		}
	}
}
END_TEST

START_TEST(without_relocations_a_value_is_what_it_is)
{
	uint64_t value = 5;
	uint32_t section = 9;

	ck_no_error(elf_relocs_apply(NULL, 0, &value, &section));
	ck_assert_uint_eq(value, 5);
	ck_assert_uint_eq(section, 0);
}
END_TEST

START_TEST(a_length_of_the_reserved_values_is_none)
{
	uint8_t bytes[12] = { 0 };
	struct reader r;
	uint64_t length;
	unsigned size;

	for (unsigned last = 0xef; last <= 0xff; last++) {
		memset(bytes, 0xff, 4);
		bytes[0] = (uint8_t)last;
		bytes[4] = 7;
		reader_init(&r, bytes, sizeof(bytes), false);
		bool ok = dwarf_read_length(&r, &length, &size);

		ck_assert(ok == (last == 0xef || last == 0xff));
		if (last == 0xff) {
			ck_assert_uint_eq(length, 7);
			ck_assert_uint_eq(size, 8);
		}
	}
	reader_init(&r, bytes, 11, false);
	ck_assert(!dwarf_read_length(&r, &length, &size));
}
END_TEST

static struct source_ref kept(struct source_names *n, const char *s)
{
	struct source_ref ref;

	ck_no_error(source_names_string(n, s, strlen(s), &ref));
	return ref;
}

START_TEST(parts_are_joined_as_far_as_they_are_known)
{
	CLEANUP(source_names_deinit) struct source_names n = { 0 };
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct source_ref none = source_ref_at(SOURCE_NONE, 0);
	struct source_ref lost = source_ref_at(SOURCE_MISSING, 0);
	struct source_ref base = kept(&n, "/base");
	struct source_ref dir = kept(&n, "dir");
	struct source_ref root = kept(&n, "/root");
	bool complete;

	ck_no_error(source_names_add(&n, base, dir, kept(&n, "1")));
	ck_no_error(source_names_add(&n, base, root, kept(&n, "2")));
	ck_no_error(source_names_add(&n, base, none, kept(&n, "3")));
	ck_no_error(source_names_add(&n, base, dir, kept(&n, "/4")));
	ck_no_error(source_names_add(&n, none, dir, kept(&n, "5")));
	ck_no_error(source_names_add(&n, lost, dir, kept(&n, "6")));
	ck_no_error(source_names_add(&n, base, lost, kept(&n, "7")));
	ck_no_error(source_names_add(&n, base, dir, lost));
	ck_no_error(source_names_add(&n, base, dir, kept(&n, "")));
	ck_no_error(source_names_add(&n, base, kept(&n, ""), kept(&n, "8")));
	ck_no_error(source_names_add(&n, none, root, kept(&n, "2")));
	ck_no_error(
		source_names_join(&n, &f.sources, &f.source_count, &complete));
	ck_assert(complete);
	ck_sources(&f, "/4", "/base/3", "/base/8", "/base/dir/1", "/root/2",
		   "7", "dir/5", "dir/6");
}
END_TEST

START_TEST(places_of_strings_come_in_order_and_are_settled)
{
	CLEANUP(source_names_deinit) struct source_names n = { 0 };
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	CLEANUP_FREE struct source_string *wanted = NULL;
	struct source_ref none = source_ref_at(SOURCE_NONE, 0);
	static const uint64_t offsets[] = { 900, 5, 70, 5, 900 };
	size_t count;
	bool complete;

	for (size_t i = 0; i < 5; i++)
		ck_no_error(source_names_add(
			&n, none, source_ref_at(SOURCE_STR, 3),
			source_ref_at(SOURCE_LINE_STR, offsets[i])));
	ck_no_error(source_names_wanted(&n, SOURCE_LINE_STR, &wanted, &count));
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(wanted[0].offset, 5);
	ck_assert_uint_eq(wanted[1].offset, 70);
	ck_assert_uint_eq(wanted[2].offset, 900);
	wanted[0].ref = kept(&n, "five");
	wanted[2].ref = kept(&n, "nine");
	source_names_settle(&n, SOURCE_LINE_STR, wanted, count);
	source_names_settle(&n, SOURCE_STR, NULL, 0);
	ck_no_error(
		source_names_join(&n, &f.sources, &f.source_count, &complete));
	ck_sources(&f, "five", "nine");
}
END_TEST

START_TEST(an_offset_that_no_section_has_is_missing)
{
	ck_assert_uint_eq(
		source_ref_kind(source_ref_at(SOURCE_STR, UINT64_C(1) << 56)),
		SOURCE_MISSING);
	ck_assert_uint_eq(source_ref_kind(source_ref_at(
				  SOURCE_STR, (UINT64_C(1) << 56) - 1)),
			  SOURCE_STR);
}
END_TEST

START_TEST(names_beyond_their_limit_in_bytes_are_refused)
{
	enum { LEN = ELF_NAME_MAX };
	CLEANUP(source_names_deinit) struct source_names n = { 0 };
	CLEANUP_FREE char *name = malloc(LEN);
	struct error *err = NULL;
	struct source_ref ref;
	size_t count = 0;

	memset(name, 'n', LEN);
	while (!err && count <= ELF_NAME_BYTES_MAX / LEN) {
		snprintf(name, 17, "%016zu", count++);
		name[16] = 'y';
		err = source_names_string(&n, name, LEN, &ref);
	}
	ck_error(err, LIMIT, "bytes of names");
}
END_TEST

UNIT_MAIN("elf_parts", keys_are_numbered_in_the_order_of_their_coming,
	  a_string_is_kept_once, a_prefix_is_another_string,
	  sets_without_memory_stay_as_they_were,
	  a_stream_gives_the_same_bytes_however_they_are_stored,
	  a_section_is_loaded_whole, a_file_may_inflate_to_so_many_bytes_in_all,
	  a_section_too_large_to_hold_is_not_loaded,
	  a_relocation_gives_symbol_plus_addend_and_its_section,
	  without_relocations_a_value_is_what_it_is,
	  a_length_of_the_reserved_values_is_none,
	  parts_are_joined_as_far_as_they_are_known,
	  places_of_strings_come_in_order_and_are_settled,
	  an_offset_that_no_section_has_is_missing,
	  names_beyond_their_limit_in_bytes_are_refused)

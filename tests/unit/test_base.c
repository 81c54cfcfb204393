/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/build_id.h"
#include "base/error.h"
#include "base/input.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/percent.h"
#include "base/reader.h"
#include "tests/unit/unit.h"

START_TEST(wrap_prefixes_the_outer_context)
{
	ck_error(error_wrap(error_new(BAD_DATA, "truncated input"),
			    "scan deb: %s", "/srv/a.deb"),
		 BAD_DATA, "scan deb: /srv/a.deb: truncated input");
}
END_TEST

/* Compared with what makes the form. */
START_TEST(forms_of_a_path_are_told_without_making_them)
{
	static const char *const parts[] = { "a",  "a", "b", "ab",  "..",
					     "..", ".", "",  "...", ".a" };
	enum { PARTS = sizeof(parts) / sizeof(*parts) };
	unsigned random = 1, same = 0;
	char last[64] = "/";

	for (unsigned i = 0; i < 20000; i++) {
		char path[64] = "/";
		char *form, *other;

		for (unsigned k = 0; k < i % 9; k++) {
			random = random * 1103515245 + 12345;
			strcat(path, parts[(random >> 16) % PARTS]);
			if (random >> 28)
				strcat(path, "/");
		}
		form = path_canonical(path);
		other = path_canonical(last);
		ck_assert_msg(path_is_form_of(path, strlen(path), form), "%s",
			      path);
		/* A relative one is taken as absolute. */
		ck_assert(path_is_form_of(path + 1, strlen(path) - 1, form));
		ck_assert_msg(path_is_form_of(path, strlen(path), other) ==
				      !strcmp(form, other),
			      "%s %s", path, last);
		same += !strcmp(form, other);
		mem_free(form);
		mem_free(other);
		if (i % 3)
			strcpy(last, path);
	}
	ck_assert_uint_gt(same, 100);
	ck_assert(path_is_form_of("/x/../a/b", 7, "/a"));
	ck_assert(!path_is_form_of("/x/a", 4, "/a"));
	ck_assert(!path_is_form_of("/a", 2, "/x/a"));
	ck_assert(!path_is_form_of("", 0, "/a"));
}
END_TEST

START_TEST(no_memory_is_never_wrapped_and_can_be_freed)
{
	struct error *err = error_wrap(error_no_memory, "doing");

	ck_assert_ptr_eq(err, error_no_memory);
	error_free(err);
}
END_TEST

START_TEST(wrapping_without_memory_keeps_the_message)
{
	struct error *err = error_new(IO, "disk gone");

	mem_fail_at(1);
	err = error_wrap(err, "write");
	mem_fail_at(0);
	ck_error(err, IO, "disk gone");
}
END_TEST

/* */
START_TEST(too_many_open_files_is_busy)
{
	errno = EMFILE;
	ck_error(error_errno("open %s", "x"), BUSY, "open x: ");
}
END_TEST

START_TEST(a_failed_read_fails_all_that_follow)
{
	static const uint8_t data[] = { 1, 2, 3 };
	struct reader r;

	reader_init(&r, data, sizeof(data), false);
	ck_assert_uint_eq(reader_u16(&r), 0x0201);
	ck_assert_uint_eq(reader_u32(&r), 0);
	ck_assert(!reader_ok(&r));
	ck_assert_uint_eq(reader_u8(&r), 0);
}
END_TEST

START_TEST(integers_follow_the_byte_order)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct reader r;

	reader_init(&r, data, sizeof(data), true);
	ck_assert_uint_eq(reader_u64(&r), UINT64_C(0x0102030405060708));
	reader_init(&r, data, sizeof(data), true);
	ck_assert_uint_eq(reader_uint(&r, 3), 0x010203);
}
END_TEST

START_TEST(leb128_is_bounded_to_64_bits)
{
	static const uint8_t max[] = { 0xff, 0xff, 0xff, 0xff, 0xff,
				       0xff, 0xff, 0xff, 0xff, 0x01 };
	static const uint8_t over[] = { 0xff, 0xff, 0xff, 0xff, 0xff,
					0xff, 0xff, 0xff, 0xff, 0x02 };
	static const uint8_t minus[] = { 0x7f };
	struct reader r;

	reader_init(&r, max, sizeof(max), false);
	ck_assert_uint_eq(reader_uleb(&r), UINT64_MAX);
	ck_assert(reader_ok(&r));
	reader_init(&r, over, sizeof(over), false);
	reader_uleb(&r);
	ck_assert(!reader_ok(&r));
	reader_init(&r, minus, sizeof(minus), false);
	ck_assert_int_eq(reader_sleb(&r), -1);
}
END_TEST

/* */
START_TEST(a_string_without_an_end_is_not_a_string)
{
	struct reader r;

	reader_init(&r, "abc", 3, false);
	ck_assert_ptr_null(reader_cstr(&r, NULL));
	ck_assert(!reader_ok(&r));
}
END_TEST

START_TEST(build_ids_of_either_case_are_one)
{
	struct build_id a, b;
	char hex[BUILD_ID_HEX_MAX];

	ck_assert(build_id_parse("00fFa1", 6, &a));
	ck_assert(build_id_parse("00ffA1", 6, &b));
	ck_assert(build_id_equal(&a, &b));
	ck_assert_str_eq(build_id_hex(&a, hex), "00ffa1");
}
END_TEST

/* */
START_TEST(build_ids_of_odd_or_absurd_length_are_refused)
{
	struct build_id id;
	char long_hex[2 * BUILD_ID_MAX + 2];

	memset(long_hex, 'a', sizeof(long_hex));
	ck_assert(!build_id_parse("abc", 3, &id));
	ck_assert(!build_id_parse("ab", 2, &id));
	ck_assert(!build_id_parse("", 0, &id));
	ck_assert(!build_id_parse("zzzz", 4, &id));
	ck_assert(!build_id_parse(long_hex, sizeof(long_hex), &id));
	ck_assert(build_id_parse(long_hex, 2 * BUILD_ID_MAX, &id));
}
END_TEST

START_TEST(an_input_that_ends_early_is_truncated)
{
	struct input in = input_from_memory("abcd", 4);
	char two[2];
	uint8_t *p;

	ck_no_error(input_read_exact(&in, 2, two, 2));
	ck_assert_mem_eq(two, "cd", 2);
	ck_error(input_read_exact(&in, 3, two, 2), BAD_DATA, "truncated");
	ck_error(input_read_alloc(&in, 1, UINT64_MAX, &p), BAD_DATA,
		 "truncated");
}
END_TEST

START_TEST(percent_signs_are_undone_once)
{
	static const struct {
		const char *text, *plain, *form;
	} cases[] = {
		{ "", "", "" },
		{ "a+b", "a+b", "a b" },
		{ "%41%2b%2B", "A++", "A++" },
		{ "%2541", "%41", "%41" },
		{ "%", "%", "%" },
		{ "%4", "%4", "%4" },
		{ "%4g%g4%%41", "%4g%g4%A", "%4g%g4%A" },
		{ "%c3%A9", "\xc3\xa9", "\xc3\xa9" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (int is_form = 0; is_form < 2; is_form++) {
			const char *wanted =
				is_form ? cases[i].form : cases[i].plain;
			size_t len = strlen(cases[i].text);
			char *text = mem_dup(cases[i].text, len);

			ck_assert(text || !len);
			len = percent_decode(text, len, is_form);
			ck_assert_uint_eq(len, strlen(wanted));
			ck_assert(!len || !memcmp(text, wanted, len));
			mem_free(text);
		}
	}
	char nul[] = "a%00b";

	ck_assert_uint_eq(percent_decode(nul, 5, false), 3);
	ck_assert(!memcmp(nul, "a\0b", 3));
}
END_TEST

/* */
START_TEST(what_moves_a_cursor_is_escaped)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "a\x1b[2J\n\x7f", "\"a\\u001b[2J\\n\\u007f\"" },
		{ "\xc2\x9b"
		  "2J\xc2\x85",
		  "\"\\u009b2J\\u0085\"" },
		{ "\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6",
		  "\"\\u2028\\u202e\\u2066\"" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8c\xc2\xa0",
		  "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8c\xc2\xa0\"" },
		{ "\x9b\xc2", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_BUF struct buf out = BUF_INIT;

		json_write_quote(&out, cases[i].text, strlen(cases[i].text));
		ck_assert_str_eq(buf_str(&out), cases[i].wanted);
	}
}
END_TEST

UNIT_MAIN("base", what_moves_a_cursor_is_escaped,
	  wrap_prefixes_the_outer_context,
	  forms_of_a_path_are_told_without_making_them,
	  no_memory_is_never_wrapped_and_can_be_freed,
	  wrapping_without_memory_keeps_the_message,
	  too_many_open_files_is_busy, a_failed_read_fails_all_that_follow,
	  integers_follow_the_byte_order, leb128_is_bounded_to_64_bits,
	  a_string_without_an_end_is_not_a_string,
	  build_ids_of_either_case_are_one,
	  build_ids_of_odd_or_absurd_length_are_refused,
	  an_input_that_ends_early_is_truncated, percent_signs_are_undone_once)

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json_read.h"
#include "base/mem.h"
#include "tests/unit/unit.h"

/* In memory of exactly its size, where a sanitizer sees a read beyond it. */
static struct error *skip_all(const char *text, size_t size)
{
	CLEANUP_FREE char *exact = mem_alloc(size ? size : 1);
	CLEANUP_JSON_READ struct json_read r;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, text, size);
	json_read_init(&r, exact, size);
	json_read_skip(&r);
	return json_read_finish(&r);
}

static struct error *skip_str(const char *text)
{
	return skip_all(text, strlen(text));
}

START_TEST(what_the_rfc_allows_is_read)
{
	static const char *const good[] = {
		"null",
		" true ",
		"false",
		"0",
		"-0",
		"-12.50e+3",
		"1E9",
		"1e-9",
		"\"\"",
		"\"\\u0000\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\ud83d\\ude00 \xf0\x9f\x98\x80\"",
		"[]",
		"{}",
		"[1,[2,{\"a\":[]}],\"x\"]",
		"\t\r\n{ \"a\" : 1 , \"a\" : { } }\n",
		"\"\x7f\"",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ck_no_error(skip_str(good[i]));
}
END_TEST

START_TEST(what_it_does_not_is_refused_with_its_place)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "line 1 column 1: a value expected, but the text ends" },
		{ "   ", "line 1 column 4" },
		{ "nul", "line 1 column 1: not a value" },
		{ "True", "a value expected" },
		{ "tru", "not a value" },
		{ "[1 2]", "line 1 column 4: \",\" or \"]\" expected" },
		{ "[1,]", "line 1 column 4: a value expected" },
		{ "[,1]", "line 1 column 2: a value expected" },
		{ "[", "but the text ends" },
		{ "[1", "but the text ends" },
		{ "[1}", "\",\" or \"]\" expected" },
		{ "{", "but the text ends" },
		{ "{\"a\"", "\":\" expected, but the text ends" },
		{ "{\"a\":", "a value expected" },
		{ "{\"a\":1", "\",\" or \"}\" expected" },
		{ "{\"a\":1,}", "line 1 column 8: a key expected" },
		{ "{a:1}", "line 1 column 2: a key expected" },
		{ "{1:1}", "a key expected" },
		{ "{\"a\" 1}", "line 1 column 6: \":\" expected" },
		{ "{}\n{}", "line 2 column 1: the value has ended" },
		{ "1 x", "line 1 column 3: the value has ended" },
		{ "01", "a number with a leading zero" },
		{ "-", "not a number" },
		{ "-a", "not a number" },
		{ "+1", "a value expected" },
		{ ".5", "a value expected" },
		{ "1.", "without its last digits" },
		{ "1.e5", "without its last digits" },
		{ "1e", "without its last digits" },
		{ "1e+", "without its last digits" },
		{ "0x10", "the value has ended" },
		{ "NaN", "a value expected" },
		{ "\"a", "line 1 column 1: a string that does not end" },
		{ "\"a\\", "no such escape" },
		{ "\"\\x41\"", "line 1 column 2: no such escape" },
		{ "\"\\u12\"", "four hexadecimal digits" },
		{ "\"\\u12g4\"", "four hexadecimal digits" },
		{ "\"\\u123", "four hexadecimal digits" },
		{ "\"\\ud800\"", "half of a surrogate pair" },
		{ "\"\\udc00\\ud800\"", "half of a surrogate pair" },
		{ "\"\\ud800\\u0041\"", "half of a surrogate pair" },
		{ "\"\\ud800\\", "half of a surrogate pair" },
		{ "\"a\nb\"", "line 1 column 3: a control character" },
		{ "\"\xff\"", "line 1 column 2: not UTF-8" },
		{ "\"\xc3\"", "not UTF-8" },
		{ "\"\xed\xa0\x80\"", "not UTF-8" },
		{ "[\n\"\xc3\xa9\xc3\xa9\", x]", "line 2 column 7" },
		{ "\xef\xbb\xbf{}", "a value expected" },
		{ "/* */ 1", "a value expected" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_error(skip_str(bad[i].text), BAD_REQUEST, bad[i].says);
	ck_error(skip_all("1\0", 2), BAD_REQUEST, "column 2");
	ck_error(skip_all("\"\0\"", 3), BAD_REQUEST, "a control character");
}
END_TEST

START_TEST(a_million_levels_are_refused_at_the_thirty_third)
{
	enum { LEVELS = 1000000 };
	char *text = mem_alloc(LEVELS);

	ck_assert_ptr_nonnull(text);
	memset(text, '[', LEVELS);
	ck_error(skip_all(text, LEVELS), BAD_REQUEST,
		 "line 1 column 33: nested deeper than 32");
	mem_free(text);
}
END_TEST

START_TEST(integers_are_exact_up_to_the_last)
{
	static const struct {
		const char *text;
		uint64_t v;
		const char *says; /* NULL: v */
	} cases[] = {
		{ "0", 0, NULL },
		{ "9007199254740993", UINT64_C(9007199254740993), NULL },
		{ "18446744073709551615", UINT64_MAX, NULL },
		{ "18446744073709551616", 0, "column 1: 2^64 or more" },
		{ "99999999999999999999999999", 0, "2^64 or more" },
		{ "-1", 0, "below 0" },
		{ "-0", 0, "below 0" },
		{ "1.0", 0, "not an integer" },
		{ "1e3", 0, "not an integer" },
		{ "\"1\"", 0, "an integer expected" },
		{ "null", 0, "an integer expected" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_JSON_READ struct json_read r;

		json_read_init(&r, cases[i].text, strlen(cases[i].text));
		ck_assert_uint_eq(json_read_uint(&r), cases[i].v);
		if (cases[i].says)
			ck_error(json_read_finish(&r), BAD_REQUEST,
				 cases[i].says);
		else
			ck_no_error(json_read_finish(&r));
	}
}
END_TEST

START_TEST(signed_integers_have_both_ends)
{
	static const char text[] =
		"[-1,-9223372036854775808,9223372036854775807]";
	CLEANUP_JSON_READ struct json_read r;

	json_read_init(&r, text, strlen(text));
	json_read_array(&r);
	ck_assert(json_read_item(&r));
	ck_assert_int_eq(json_read_int(&r), -1);
	ck_assert(json_read_item(&r));
	ck_assert_int_eq(json_read_int(&r), INT64_MIN);
	ck_assert(json_read_item(&r));
	ck_assert_int_eq(json_read_int(&r), INT64_MAX);
	ck_assert(!json_read_item(&r));
	ck_no_error(json_read_finish(&r));
	json_read_init(&r, "9223372036854775808", 19);
	ck_assert_int_eq(json_read_int(&r), 0);
	ck_error(json_read_finish(&r), BAD_REQUEST, "2^63 or more");
}
END_TEST

START_TEST(addresses_are_hexadecimal_strings_or_integers)
{
	static const struct {
		const char *text;
		uint64_t v;
		const char *says;
	} cases[] = {
		{ "\"0x26395\"", 0x26395, NULL },
		{ "\"0xFFFFffffFFFFffff\"", UINT64_MAX, NULL },
		{ "\"0X1f\"", 0x1f, NULL },
		{ "\"0x00000000000000000000001\"", 1, NULL },
		{ "\"\\u0030x1\"", 1, NULL },
		{ "156565", 156565, NULL },
		{ "18446744073709551615", UINT64_MAX, NULL },
		{ "\"0x10000000000000000\"", 0, "2^64 or more" },
		{ "18446744073709551616", 0, "2^64 or more" },
		{ "\"0x\"", 0, "an address is" },
		{ "\"26395\"", 0, "an address is" },
		{ "\"\"", 0, "an address is" },
		{ "\"0x12g\"", 0, "not a hexadecimal number" },
		{ "\"0x1 \"", 0, "not a hexadecimal number" },
		{ "-4", 0, "below 0" },
		{ "4.5", 0, "not an integer" },
		{ "null", 0, "an address expected" },
		{ "[]", 0, "an address expected" },
		{ "\"0x1", 0, "does not end" },
		{ "\"0x", 0, "does not end" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t size = strlen(cases[i].text);
		CLEANUP_FREE char *exact = mem_dup(cases[i].text, size);
		CLEANUP_JSON_READ struct json_read r;

		json_read_init(&r, exact, size);
		ck_assert_uint_eq(json_read_address(&r), cases[i].v);
		if (cases[i].says)
			ck_error(json_read_finish(&r), BAD_REQUEST,
				 cases[i].says);
		else
			ck_no_error(json_read_finish(&r));
	}
}
END_TEST

START_TEST(strings_without_escapes_are_borrowed_and_others_decoded)
{
	static const char text[] = "[\"plain\",\"a\\u00e9\\ud83d\\ude00\\n\"]";
	CLEANUP_JSON_READ struct json_read r;
	const char *s;
	size_t len;

	json_read_init(&r, text, strlen(text));
	json_read_array(&r);
	ck_assert(json_read_item(&r));
	json_read_string(&r, &s, &len);
	ck_assert_ptr_eq(s, text + 2);
	ck_assert_uint_eq(len, 5);
	ck_assert(json_read_item(&r));
	json_read_string(&r, &s, &len);
	ck_assert_uint_eq(len, 8);
	ck_assert_mem_eq(s, "a\xc3\xa9\xf0\x9f\x98\x80\n", 8);
	ck_assert(!json_read_item(&r));
	ck_no_error(json_read_finish(&r));
}
END_TEST

static const char *const keys[] = { "one", "two", NULL };

START_TEST(members_come_by_number_and_others_are_skipped)
{
	static const char text[] =
		"{\"x\":[{\"one\":9}],\"two\":2,\"x\":0,\"\\u006fne\":1}";
	CLEANUP_JSON_READ struct json_read r;
	uint32_t seen = 0;

	json_read_init(&r, text, strlen(text));
	json_read_object(&r);
	ck_assert_int_eq(json_read_member(&r, keys, &seen), 1);
	ck_assert_uint_eq(json_read_uint(&r), 2);
	ck_assert_int_eq(json_read_member(&r, keys, &seen), 0);
	ck_assert_uint_eq(json_read_uint(&r), 1);
	ck_assert_int_eq(json_read_member(&r, keys, &seen), -1);
	ck_assert_uint_eq(seen, 3);
	ck_no_error(json_read_finish(&r));
}
END_TEST

START_TEST(a_member_that_is_there_twice_is_refused)
{
	static const char text[] = "{\"one\":1,\n \"one\":1}";
	CLEANUP_JSON_READ struct json_read r;
	uint32_t seen = 0;

	json_read_init(&r, text, strlen(text));
	json_read_object(&r);
	while (json_read_member(&r, keys, &seen) >= 0)
		json_read_skip(&r);
	ck_error(json_read_finish(&r), BAD_REQUEST,
		 "line 2 column 2: \"one\" is there twice");
}
END_TEST

START_TEST(what_came_too_early_is_read_again)
{
	static const char text[] = "[{\"late\":[1,2],\"x\":{}},5]";
	CLEANUP_JSON_READ struct json_read r;
	struct json_mark late = { 0 };
	const char *key;
	size_t len;

	json_read_init(&r, text, strlen(text));
	json_read_array(&r);
	ck_assert(json_read_item(&r));
	json_read_object(&r);
	while (json_read_key(&r, &key, &len)) {
		if (len == 4)
			late = json_read_mark(&r);
		json_read_skip(&r);
	}
	struct json_mark after = json_read_mark(&r);

	json_read_rewind(&r, late);
	json_read_array(&r);
	ck_assert(json_read_item(&r));
	ck_assert_uint_eq(json_read_uint(&r), 1);
	ck_assert(json_read_item(&r));
	ck_assert_uint_eq(json_read_uint(&r), 2);
	ck_assert(!json_read_item(&r));
	json_read_rewind(&r, after);
	ck_assert(json_read_item(&r));
	ck_assert_uint_eq(json_read_uint(&r), 5);
	ck_assert(!json_read_item(&r));
	ck_no_error(json_read_finish(&r));
}
END_TEST

START_TEST(after_a_failure_loops_end_and_the_first_one_is_told)
{
	static const char text[] = "[1,2,true,[4]]";
	CLEANUP_JSON_READ struct json_read r;
	unsigned turns = 0;

	json_read_init(&r, text, strlen(text));
	for (json_read_array(&r); json_read_item(&r); turns++)
		json_read_uint(&r);
	ck_assert_uint_eq(turns, 3);
	json_read_fail(&r, "later");
	ck_assert(!json_read_ok(&r));
	ck_assert_int_eq(json_read_type(&r), JSON_NONE);
	ck_error(json_read_finish(&r), BAD_REQUEST,
		 "line 1 column 6: an integer expected");
}
END_TEST

START_TEST(a_string_with_escapes_wants_memory_and_says_so)
{
	struct error *err;
	unsigned long n = 1;

	for (;; n++) {
		CLEANUP_JSON_READ struct json_read r;
		const char *s;
		size_t len;

		json_read_init(&r, "\"\\n\"", 4);
		mem_fail_at(n);
		json_read_string(&r, &s, &len);
		err = json_read_finish(&r);
		mem_fail_at(0);
		if (!err)
			break;
		ck_assert_ptr_eq(err, error_no_memory);
	}
	ck_assert_uint_gt(n, 1);
}
END_TEST

/* Read @p count addresses. @return The processor time it took. */
static int64_t read_addresses(unsigned count)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_JSON_READ struct json_read r;
	struct timespec from, to;
	unsigned n = 0, wrong = 0;

	buf_append_byte(&text, '[');
	for (unsigned i = 0; i < count; i++)
		buf_printf(&text, "%s\"0x%08x\"", i ? "," : "",
			   i * 7919 + 4096);
	buf_append_byte(&text, ']');
	ck_assert(!text.failed);
	/* Not one allocation is needed. */
	mem_fail_at(1);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	json_read_init(&r, text.data, text.size);
	for (json_read_array(&r); json_read_item(&r); n++)
		wrong += json_read_address(&r) != n * 7919u + 4096;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	ck_assert(!mem_fail_happened());
	mem_fail_at(0);
	ck_no_error(json_read_finish(&r));
	ck_assert_uint_eq(n, count);
	ck_assert_uint_eq(wrong, 0);
	return (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec -
	       from.tv_nsec;
}

START_TEST(addresses_are_read_without_memory_and_many_as_quickly_as_few)
{
	enum { FEW = 5000, TIMES = 32, ROUNDS = 5 };
	int64_t few_ns = INT64_MAX, many_ns = INT64_MAX;

	for (unsigned round = 0; round < ROUNDS; round++) {
		int64_t few = read_addresses(FEW);
		int64_t many = read_addresses(FEW * TIMES);

		few_ns = few < few_ns ? few : few_ns;
		many_ns = many < many_ns ? many : many_ns;
	}
	ck_assert_int_lt(many_ns, few_ns * TIMES * 4);
}
END_TEST

UNIT_MAIN("json_read", what_the_rfc_allows_is_read,
	  what_it_does_not_is_refused_with_its_place,
	  a_million_levels_are_refused_at_the_thirty_third,
	  integers_are_exact_up_to_the_last, signed_integers_have_both_ends,
	  addresses_are_hexadecimal_strings_or_integers,
	  strings_without_escapes_are_borrowed_and_others_decoded,
	  members_come_by_number_and_others_are_skipped,
	  a_member_that_is_there_twice_is_refused,
	  what_came_too_early_is_read_again,
	  after_a_failure_loops_end_and_the_first_one_is_told,
	  a_string_with_escapes_wants_memory_and_says_so,
	  addresses_are_read_without_memory_and_many_as_quickly_as_few)

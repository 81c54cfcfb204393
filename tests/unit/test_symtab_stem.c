/* SPDX-License-Identifier: Apache-2.0 */
/* Where the name of a function ends, and what compilers add begins: as the
 * plainest way to tell it says, at a small part of its cost. */
#include "config.h"

#include <string.h>
#include <time.h>

#include "symtab/symtab_private.h"
#include "tests/unit/unit.h"

/* ---- The plainest way: from each dot, is all of the rest suffixes? ------- */

static size_t plain_digits(const char *s, size_t at, size_t len)
{
	while (at < len && s[at] >= '0' && s[at] <= '9')
		at++;
	return at;
}

static size_t plain_suffix(const char *s, size_t at, size_t len)
{
	static const struct {
		const char *name;
		bool has_number;
	} suffixes[] = {
		{ "cold", false },       { "part", true }, { "isra", true },
		{ "constprop", true },   { "llvm", true }, { "lto_priv", true },
		{ "localalias", false },
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		size_t n = strlen(suffixes[i].name);
		size_t end = at + 1 + n;

		if (end > len || memcmp(s + at + 1, suffixes[i].name, n) != 0)
			continue;
		size_t digits = end < len && s[end] == '.'
					? plain_digits(s, end + 1, len)
					: end;

		if (digits > end + 1)
			end = digits;
		else if (suffixes[i].has_number)
			continue;
		if (end == len || s[end] == '.' || s[end] == '@')
			return end;
	}
	return at;
}

static bool is_all_suffix(const char *s, size_t at, size_t len)
{
	while (at < len && s[at] == '.') {
		size_t end = plain_suffix(s, at, len);

		if (end == at)
			return false;
		at = end;
	}
	return at == len || s[at] == '@';
}

static size_t plain_stem(const char *name, size_t len)
{
	if (symtab_name_without_plt(name, len) != len)
		return len;
	for (size_t at = 1; at < len; at++)
		if ((name[at] == '.' || name[at] == '@') &&
		    is_all_suffix(name, at, len))
			return at;
	return len;
}

/* ---- Names ---------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return *state >> 33;
}

/* What names with suffixes are put together from, and what is almost that. */
static const char *const words[] = {
	".cold",       ".part",   ".isra", ".constprop", ".llvm",   ".lto_priv",
	".localalias", ".0",      ".12",   ".part.1",    ".isra.3", ".cold.7",
	"0",           ".",       "cold",  "f",          "_Z3foov", ".x",
	"@",           "@@V_1.2", "@plt",  ".colder",
};
enum { WORDS = sizeof(words) / sizeof(*words) };

START_TEST(a_stem_is_what_the_plainest_way_tells)
{
	uint64_t state = 20260101;
	size_t shorter = 0;

	for (int i = 0; i < 200000; i++) {
		char name[256] = "";
		size_t count = 1 + next_random(&state) % 9;
		// Often suffixes alone.
		size_t kinds = next_random(&state) % 2 ? 12 : WORDS;

		for (size_t k = 0; k < count; k++)
			strcat(name, words[next_random(&state) %
					   (k ? kinds : WORDS)]);
		size_t len = strlen(name);
		size_t stem = symtab_name_stem(name, len);

		ck_assert_msg(stem == plain_stem(name, len),
			      "%s: %zu instead of %zu", name, stem,
			      plain_stem(name, len));
		shorter += stem < len;
	}
	ck_assert_uint_gt(shorter, 20000);
	ck_assert_uint_eq(symtab_name_stem("", 0), 0);
}
END_TEST

static void repeat(struct buf *name, const char *word, size_t count)
{
	while (count--)
		buf_append_str(name, word);
	ck_assert(!name->failed);
}

START_TEST(what_is_added_is_at_most_a_kibibyte)
{
	for (size_t over = 0; over < 2; over++) {
		CLEANUP_BUF struct buf name = BUF_INIT, late = BUF_INIT;

		buf_append_str(&name, "f.cold");
		repeat(&name, "x", 5000);
		repeat(&name, ".cold", 200);
		buf_append_str(&name, "@V.");
		repeat(&name, "v", 21 + over);
		ck_assert_uint_eq(symtab_name_stem(buf_str(&name), name.size),
				  5006 + 5 * over);
		buf_append_str(&late, "f");
		repeat(&late, "x", 5000);
		buf_append_str(&late, "@V_");
		repeat(&late, "v", 1021 + over);
		ck_assert_uint_eq(symtab_name_stem(buf_str(&late), late.size),
				  over ? late.size : 5001);
	}
}
END_TEST

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A hundred times in less than a tenth of what the plainest way takes once. */
static void check_cost(const char *word, const char *end, size_t count)
{
	CLEANUP_BUF struct buf name = BUF_INIT;
	size_t sum = 0;

	buf_append_str(&name, "f");
	repeat(&name, word, count);
	buf_append_str(&name, end);
	int64_t start = cpu_ns();

	sum += plain_stem((const char *)name.data, name.size);
	int64_t plain = cpu_ns() - start;

	start = cpu_ns();
	for (int i = 0; i < 100; i++)
		sum += symtab_name_stem((const char *)name.data, name.size);
	int64_t ours = cpu_ns() - start;

	ck_assert_int_lt(ours * 10, plain);
	ck_assert_uint_gt(sum, 0);
}

START_TEST(suffixes_by_the_thousand_cost_no_more_than_a_few)
{
	check_cost(".cold", "X", 8000);
	check_cost(".part.1", "X", 8000);
}
END_TEST

UNIT_MAIN("symtab_stem", a_stem_is_what_the_plainest_way_tells,
	  what_is_added_is_at_most_a_kibibyte,
	  suffixes_by_the_thousand_cost_no_more_than_a_few)

/* SPDX-License-Identifier: Apache-2.0 */
/* How names read: the policy of schema/http.md, and names made to do harm. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_demangle.h"
#include "symtab/symtab_private.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/unit/unit.h"

/* A table of functions with these names, 16 bytes each. */
static struct symtab *make_table(const char *const *names, size_t count,
				 struct buf *table)
{
	struct symtab_writer_facts facts = { .is_whole = true };
	struct symtab_writer *w;
	struct symtab *t;

	ck_no_error(symtab_writer_create(&w));
	for (size_t i = 0; i < count; i++) {
		struct symtab_function f = { .start = { 16 * i }, .size = 16 };

		ck_no_error(symtab_writer_string(w, names[i], strlen(names[i]),
						 &f.name));
		ck_no_error(symtab_writer_add(w, &f));
	}
	symtab_fixture_finish(w, &facts, table);
	symtab_writer_free(w);
	ck_no_error(symtab_open_memory(table->data, table->size, NULL, &t));
	return t;
}

/* Offset of a string that the table must have. */
static uint32_t find_string(const struct symtab *t, const char *s)
{
	for (uint32_t at = 1; at < t->strings_size;
	     at += (uint32_t)strlen(t->strings + at) + 1)
		if (!strcmp(t->strings + at, s))
			return at;
	ck_abort_msg("no string %s", s);
}

static void check_name(const char *name, bool demangle, const char *expected)
{
	CLEANUP_BUF struct buf table = BUF_INIT, text = BUF_INIT;
	struct symtab *t = make_table(&name, 1, &table);
	uint32_t at = find_string(t, name);
	size_t len, whole_len;
	const char *got = symtab_display_name(t, at, demangle, &text, &len);

	ck_assert_msg(len == strlen(expected) && !memcmp(got, expected, len),
		      "%s reads %.*s instead of %s", name, (int)len, got,
		      expected);
	// The linkage name is untouched, and is what is returned if it is it.
	ck_assert_str_eq(symtab_name(t, at, &whole_len), name);
	if (!strcmp(name, expected))
		ck_assert_ptr_eq(got, symtab_name(t, at, NULL));
	symtab_put(t);
}

START_TEST(compiler_suffixes_are_not_part_of_a_name)
{
	static const char *const cases[][2] = {
		{ "main", "main" },
		{ "f.cold", "f" },
		{ "f.cold.12", "f" },
		{ "f.part.0", "f" },
		{ "f.isra.0", "f" },
		{ "f.constprop.3", "f" },
		{ "f.llvm.123456789012", "f" },
		{ "f.lto_priv.0", "f" },
		{ "f.localalias", "f" },
		{ "f.localalias.1", "f" },
		{ "f.isra.0.part.1.cold", "f" },
		{ "memcpy@GLIBC_2.2.5", "memcpy" },
		{ "memcpy@@GLIBC_2.14", "memcpy" },
		{ "f.cold@V_1", "f" },
		{ "memcpy@plt", "memcpy@plt" },
		/* Not those. */
		{ "f.part", "f.part" },
		{ "f.part.x", "f.part.x" },
		{ "f.colder", "f.colder" },
		{ "f.cold.x", "f.cold.x" },
		{ "f.cold.", "f.cold." },
		{ "main.part.0.main", "main.part.0.main" },
		{ "main.init", "main.init" },
		{ "runtime.cold.f.cold", "runtime.cold.f" },
		{ ".cold", ".cold" },
		{ "@v", "@v" },
		{ ".", "." },
		{ "f.", "f." },
		{ "x.avx2", "x.avx2" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_name(cases[i][0], true, cases[i][1]);
		check_name(cases[i][0], false, cases[i][1]);
	}
}
END_TEST

START_TEST(mangled_names_of_three_languages_are_readable)
{
	static const char *const cases[][2] = {
		{ "_Z3foov", "foo()" },
		{ "_ZN4ceph6buffer4list6appendEPKcj",
		  "ceph::buffer::list::append(char const*, unsigned int)" },
		{ "_ZNSt6vectorIiSaIiEE9push_backEOi",
		  "std::vector<int, std::allocator<int> >::push_back(int&&)" },
		{ "_Z3foov.cold", "foo()" },
		{ "_Z3fooi.isra.0.part.1", "foo(int)" },
		{ "_Z3foov@@V_1", "foo()" },
		{ "_Z3foov@plt", "foo()@plt" },
		{ "__Z3foov", "foo()" },
		{ "_RNvCs1234_7mycrate3foo", "mycrate::foo" },
		{ "_RINvNtC3std3mem8align_ofjE",
		  "std::mem::align_of::<usize>" },
		{ "_ZN4core3fmt5write17h0123456789abcdefE",
		  "core::fmt::write" },
		{ "_D3std5stdio4File5closeMFZv", "std.stdio.File.close()" },
		{ "_D6object9Throwable8toStringMxFMDFIAaZvZv",
		  "object.Throwable.toString(scope void(in char[]) delegate) "
		  "const" },
		/* Nothing of that kind. */
		{ "_Znothing", "_Znothing" },
		{ "_DYNAMIC", "_DYNAMIC" },
		{ "_Rx", "_Rx" },
		{ "_Z", "_Z" },
		{ "_", "_" },
		{ "_GLOBAL__sub_I_x", "_GLOBAL__sub_I_x" },
		{ "i", "i" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_name(cases[i][0], true, cases[i][1]);
	check_name("_Z3foov.cold", false, "_Z3foov");
}
END_TEST

enum { MANY = 3000 };

/* Enough for a sample, and texts that repeat much, little, and overlap. */
static void make_name(char *to, size_t size, unsigned i)
{
	static const char string[] =
		"NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";
	const char *types[] = { "i", "SaIcE", "St6vectorIiSaIiEE", string };
	size_t len = (size_t)snprintf(to, size, "_ZN5outer%u%.*s%uE", i % 7 + 6,
				      (int)(i % 7 + 2), "namespace", i + 1000);

	for (unsigned k = 0; k < i % 13 + 1 && len < size; k++)
		len += (size_t)snprintf(to + len, size - len, "%s",
					types[(i / 3 + k * k) % 4]);
}

START_TEST(every_text_of_many_is_put_together_again)
{
	CLEANUP_BUF struct buf table = BUF_INIT, text = BUF_INIT;
	static char store[MANY][800];
	static const char *names[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		make_name(store[i], sizeof(store[i]), i);
		names[i] = store[i];
	}
	struct symtab *t = make_table(names, MANY, &table);
	size_t total = 0;

	ck_assert_uint_eq(t->names.count, MANY);
	ck_assert_uint_gt(t->names.sample_size, 1000);
	for (unsigned i = 0; i < MANY; i++) {
		CLEANUP_BUF struct buf expected = BUF_INIT;
		size_t len;

		ck_assert_int_eq(symtab_demangle(names[i], &expected),
				 SYMTAB_DEMANGLED);
		buf_clear(&text);
		const char *got = symtab_display_name(
			t, find_string(t, names[i]), true, &text, &len);

		ck_assert_uint_eq(len, expected.size);
		ck_assert_mem_eq(got, expected.data, len);
		total += len;
	}
	ck_assert_uint_lt(t->names.coded_size, total / 5);
	symtab_put(t);
}
END_TEST

/* Each level says the one before twice. The template's name and the type are
 * two things to refer to. */
static void make_bomb(struct buf *b, unsigned levels)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	buf_append_str(b, "_Z1fSt4pairIiiE");
	for (unsigned i = 0; i < 2 * levels; i += 2) {
		char before[8];

		if (i < 36)
			snprintf(before, sizeof(before), "S%c_", digits[i]);
		else
			snprintf(before, sizeof(before), "S%c%c_",
				 digits[i / 36], digits[i % 36]);
		buf_printf(b, "St4pairI%s%sE", before, before);
	}
}

START_TEST(a_name_that_would_fill_the_memory_stays_as_it_is)
{
	CLEANUP_BUF struct buf bomb = BUF_INIT, rust = BUF_INIT;
	CLEANUP_BUF struct buf d = BUF_INIT, deep = BUF_INIT;
	CLEANUP_BUF struct buf out = BUF_INIT, wide = BUF_INIT;

	make_bomb(&bomb, 60);
	ck_assert_int_eq(symtab_demangle(buf_str(&bomb), &out),
			 SYMTAB_TOO_MUCH);
	ck_assert_uint_eq(out.size, 0);
	// A Rust type that is a pair of what came before, and again.
	buf_append_str(&rust, "_RINvC1a1fTuuE");
	for (int i = 0; i < 40; i++) {
		char before[16];

		snprintf(before, sizeof(before), "B%c_",
			 "0123456789abcdefghijklmnopqrstuvwxyz"[i % 36]);
		buf_printf(&rust, "T%s%sE", before, before);
	}
	buf_append_str(&rust, "E");
	symtab_demangle(buf_str(&rust), &out);
	ck_assert_uint_le(out.size, SYMTAB_NAME_MAX);
	// D: an associative array of two of the one before.
	buf_append_str(&d, "_D1a1fFHii");
	for (int i = 0; i < 60; i++)
		buf_append_str(&d, "HQdQf");
	buf_append_str(&d, "Zv");
	ck_assert_int_eq(symtab_demangle(buf_str(&d), &out), SYMTAB_TOO_MUCH);
	// D: each S or F could end the identifier before it.
	buf_clear(&d);
	buf_append_str(&d, "_D1a1fF");
	for (int i = 0; i < 100; i++)
		buf_append_str(&d, "S1aF");
	buf_append_str(&d, "Zv");
	ck_assert_int_eq(symtab_demangle(buf_str(&d), &out), SYMTAB_TOO_MUCH);
	// Nesting that would exhaust the stack.
	buf_append_str(&deep, "_Z1f");
	for (int i = 0; i < 15000; i++)
		buf_append_str(&deep, "P");
	buf_append_str(&deep, "i");
	ck_assert_int_ne(symtab_demangle(buf_str(&deep), &out),
			 SYMTAB_DEMANGLED);
	buf_append_str(&wide, "_Z1f");
	for (int i = 0; i < SYMTAB_NAME_MAX; i++)
		buf_append_str(&wide, "i");
	buf_clear(&out);
	ck_assert_int_eq(symtab_demangle(buf_str(&wide), &out),
			 SYMTAB_TOO_MUCH);
	ck_assert_uint_eq(out.size, 0);
}
END_TEST

START_TEST(a_name_of_countless_lifetimes_takes_no_time)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_BUF struct buf many = BUF_INIT;

	/* They stand in what is not printed: no limit of length would end it.
	 */
	ck_assert_int_eq(
		symtab_demangle("_RNvMMs_NtCsRMU_2esFGobligation_hEuE3f", &out),
		SYMTAB_TOO_MUCH);
	ck_assert_int_eq(
		symtab_demangle("_RNvMC1aDG01234567890_C1aEL_3f", &out),
		SYMTAB_TOO_MUCH);
	buf_append_str(&many, "_RNvMC1aT");
	for (int i = 0; i < 3000; i++)
		buf_append_str(&many, "FGZZ_EuE");
	buf_append_str(&many, "E3f");
	ck_assert_int_eq(symtab_demangle(buf_str(&many), &out),
			 SYMTAB_TOO_MUCH);
	ck_assert_uint_eq(out.size, 0);
	ck_assert_int_eq(
		symtab_demangle("_RINvC1a5FGab_FG1_RL0_RL1_hEuE", &out),
		SYMTAB_DEMANGLED);
	ck_assert_str_eq(buf_str(&out),
			 "a::FGab_::<for<'a, 'b, 'c> fn(&'c &'b u8)>");
}
END_TEST

START_TEST(a_stub_has_no_longer_name_than_a_function)
{
	for (size_t over = 0; over < 2; over++) {
		CLEANUP_BUF struct buf name = BUF_INIT, out = BUF_INIT;

		// f(a, a, …)@plt: 29 parameters of one type.
		size_t len = SYMTAB_NAME_MAX - strlen("()@plt") - 29 * 700 -
			     28 * strlen(", ") + over;

		buf_printf(&name, "_Z%zu", len);
		for (size_t i = 0; i < len; i++)
			buf_append_str(&name, "f");
		buf_append_str(&name, "700");
		for (int i = 0; i < 700; i++)
			buf_append_str(&name, "a");
		for (int i = 1; i < 29; i++)
			buf_append_str(&name, "S_");
		// Of the function itself there is room for both.
		ck_assert_int_eq(symtab_demangle(buf_str(&name), &out),
				 SYMTAB_DEMANGLED);
		buf_clear(&out);
		buf_append_str(&name, "@plt");
		ck_assert_int_eq(symtab_demangle(buf_str(&name), &out),
				 over ? SYMTAB_TOO_MUCH : SYMTAB_DEMANGLED);
		ck_assert_uint_eq(out.size, over ? 0 : SYMTAB_NAME_MAX);
	}
}
END_TEST

START_TEST(a_table_of_bombs_is_written_and_read)
{
	CLEANUP_BUF struct buf bomb = BUF_INIT, table = BUF_INIT;
	CLEANUP_BUF struct buf text = BUF_INIT;
	size_t len;

	make_bomb(&bomb, 60);
	const char *names[] = { buf_str(&bomb), "_Z3foov" };
	struct symtab *t = make_table(names, 2, &table);
	const char *got = symtab_display_name(t, find_string(t, names[0]), true,
					      &text, &len);

	ck_assert_str_eq(got, names[0]);
	ck_assert_uint_eq(t->names.count, 1);
	symtab_put(t);
}
END_TEST

START_TEST(demangling_survives_want_of_memory)
{
	static const char *const names[] = { "_Z3foov", "_ZN1a1bEv@plt",
					     "_RNvC1a1b", "_D3a1b1cFZv" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		for (unsigned long n = 1;; n++) {
			CLEANUP_BUF struct buf out = BUF_INIT;

			mem_fail_at(n);
			bool ok = symtab_demangle(names[i], &out) ==
				  SYMTAB_DEMANGLED;
			bool failed = mem_fail_happened();

			mem_fail_at(0);
			ck_assert(ok || out.failed == failed);
			if (!failed)
				break;
			ck_assert(!ok);
		}
	}
}
END_TEST

UNIT_MAIN("symtab_names", compiler_suffixes_are_not_part_of_a_name,
	  mangled_names_of_three_languages_are_readable,
	  every_text_of_many_is_put_together_again,
	  a_name_that_would_fill_the_memory_stays_as_it_is,
	  a_name_of_countless_lifetimes_takes_no_time,
	  a_stub_has_no_longer_name_than_a_function,
	  a_table_of_bombs_is_written_and_read,
	  demangling_survives_want_of_memory)

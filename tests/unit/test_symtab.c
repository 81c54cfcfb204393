/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled tables written and read again; the bytes are LLVM's. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_private.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/unit/unit.h"

static uint32_t string(struct symtab_writer *w, const char *s)
{
	uint32_t at;

	ck_no_error(symtab_writer_string(w, s, strlen(s), &at));
	return at;
}

static uint32_t file(struct symtab_writer *w, const char *dir, const char *base)
{
	uint32_t n;

	ck_no_error(symtab_writer_file(w, string(w, dir), string(w, base), &n));
	return n;
}

/* Finish, free the writer and open what it wrote. */
static struct symtab *finish(struct symtab_writer *w,
			     const struct symtab_writer_facts *facts,
			     struct buf *table)
{
	static const struct symtab_writer_facts none = { .is_whole = true };
	struct symtab *t;

	symtab_fixture_finish(w, facts ? facts : &none, table);
	symtab_writer_free(w);
	ck_no_error(symtab_open_memory(table->data, table->size, NULL, &t));
	return t;
}

/* libc6 2.36-9+deb12u14 amd64, the cold part of _nl_load_domain. */
START_TEST(a_function_is_encoded_byte_for_byte_as_llvm_does)
{
	static const uint8_t expected[] = {
		/* size 10, name 1 */
		0x0a, 0, 0, 0, 0x01, 0, 0, 0,
		/* lines */
		0x01, 0, 0, 0, 0x0c, 0, 0, 0, 0xe4, 0x7a, 0xe4, 0x7a, 0x99,
		0x09, 0x01, 0x48, 0x02, 0x00, 0x09, 0x00,
		/* inlined calls */
		0x02, 0, 0, 0, 0x16, 0, 0, 0, 0x01, 0x00, 0x0a, 0x01, 0x01, 0,
		0, 0, 0x00, 0x00, 0x01, 0x05, 0x05, 0x00, 0x11, 0, 0, 0, 0x48,
		0xca, 0x07, 0x00,
		/* end, and the next multiple of four */
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	};
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_writer *w;

	ck_no_error(symtab_writer_create(&w));
	uint32_t outer = string(w, "_nl_load_domain");
	uint32_t inner = string(w, "get_sysdep_segment_value");

	for (int i = 1; i < 72; i++) {
		char name[8];

		snprintf(name, sizeof(name), "%d.c", i);
		ck_assert_uint_eq(file(w, "", name), i);
	}
	uint32_t c = file(w, "./intl", "loadmsgcat.c");
	struct symtab_row rows[] = { { 0, c, 1177 }, { 5, c, 509 } };
	struct symtab_range range = { 5, 5 };
	struct symtab_inline call = { 1, inner, c, 970, &range, 1 };
	struct symtab_function f = { .start = { 0x26395 },
				     .size = 10,
				     .name = outer,
				     .origin = SYMTAB_QUALITY_DWARF,
				     .rows = rows,
				     .row_count = 2,
				     .inlines = &call,
				     .inline_count = 1 };

	ck_assert_uint_eq(c, 0x48);
	ck_no_error(symtab_writer_add(w, &f));
	struct symtab *t = finish(w, NULL, &table);
	const uint8_t *info = t->data + symtab_u32(t->infos);

	ck_assert_uint_eq(t->gsym_size - (size_t)(info - t->data),
			  sizeof(expected));
	ck_assert_mem_eq(info, expected, sizeof(expected));
	symtab_put(t);
}
END_TEST

UNIT_MAIN("symtab", a_function_is_encoded_byte_for_byte_as_llvm_does)

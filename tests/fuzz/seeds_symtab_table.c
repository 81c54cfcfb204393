/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of our writer, with and without an index. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "symtab/symtab_private.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/lib/symtab_random.h"

static void take_table(fuzz_take_fn take, void *ctx, unsigned n)
{
	struct symtab_random r = { .state = 1000 + n };
	struct symtab_writer_facts facts = { .is_whole = n & 1 };
	CLEANUP_BUF struct buf table = BUF_INIT, bare = BUF_INIT;
	struct symtab_writer *w;
	struct symtab *t;
	uint32_t mangled;

	if (symtab_writer_create(&w) ||
	    symtab_writer_string(w, "_ZN1a1bEPKcSt4pairIiiE", 22, &mangled))
		abort();
	symtab_random_make(&r, w, n);
	for (size_t i = 0; i < r.count; i++) {
		if (i % 3 == 0)
			r.functions[i].name = mangled;
		if (symtab_writer_add(w, &r.functions[i]))
			abort();
	}
	symtab_fixture_finish(w, &facts, &table);
	take(ctx, table.data, table.size);
	if (symtab_open_memory(table.data, table.size, NULL, &t))
		abort();
	symtab_fixture_adopt(table.data, symtab_gsym_bytes(t), &bare);
	take(ctx, bare.data, bare.size);
	symtab_put(t);
	symtab_writer_free(w);
	symtab_random_free(&r);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (unsigned n = 0; n < 12; n++)
		take_table(take, ctx, n);
}

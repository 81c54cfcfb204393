/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled table of which anything may be wrong: opened, asked, decoded and
 * merged. Input: the table; its checksum is made right.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_writer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/lib/symtab_use.h"

/* What could be read can be written, and read again. */
static void merge(const void *data, size_t size)
{
	static const struct symtab_writer_facts facts;
	CLEANUP_SYMTAB struct symtab *t = NULL;
	CLEANUP_BUF struct buf table = BUF_INIT;
	struct symtab_writer *w;

	if (symtab_open_memory(data, size, NULL, &t) ||
	    symtab_writer_create(&w))
		abort();
	struct error *err = symtab_writer_add_table(w, t);

	assert(!err || error_kind(err) == ERROR_BAD_DATA);
	error_free(err);
	symtab_fixture_finish(w, &facts, &table);
	symtab_writer_free(w);
	assert(symtab_use(table.data, table.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// Of its own, so that a read past the end is seen.
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	symtab_fixture_seal(copy, size);
	if (symtab_use(copy, size))
		merge(copy, size);
	free(copy);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled table of which anything may be wrong: opened and asked.
 * Input: the table; its checksum is made right.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/lib/symtab_use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// Of its own, so that a read past the end is seen.
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	symtab_fixture_seal(copy, size);
	symtab_use(copy, size);
	free(copy);
	return 0;
}

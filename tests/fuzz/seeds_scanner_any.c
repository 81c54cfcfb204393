/* SPDX-License-Identifier: Apache-2.0 */
/* Every container that the tests have, under a name that says nothing and as
 * an archive. */
#include "config.h"

#include "tests/fuzz/fuzz.h"
#include "tests/lib/scanners_fixture.h"

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (const struct container *c = containers; c->path; c++) {
		CLEANUP_BUF struct buf out = BUF_INIT, seed = BUF_INIT;

		if (!c->is_registered)
			continue;
		container_write(c, &out);
		buf_append_byte(&seed, (uint8_t)(c - containers));
		buf_append_byte(&seed, c->scanner->is_bare ? SCANNER_BARE
							   : SCANNER_ARCHIVE);
		buf_append(&seed, out.data, out.size);
		take(ctx, seed.data, seed.size);
		seed.data[0] = seed.data[1] = 0;
		take(ctx, seed.data, seed.size);
	}
}

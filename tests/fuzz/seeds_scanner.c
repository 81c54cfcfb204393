/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers of the target's scanner that the tests have, and for debs
 * bare tars: that is what fuzz_scanner_deb takes anything else for.
 */
#include "config.h"

#include "tests/fuzz/fuzz_scanner.h"
#include "tests/lib/scanners_fixture.h"

static void take_tars(fuzz_take_fn take, void *ctx)
{
	const struct pkg_file *files;
	size_t count;

	container_files(&files, &count);
	for (unsigned pax = 0; pax < 2; pax++) {
		CLEANUP_BUF struct buf tar = BUF_INIT;

		pkg_write(&tar,
			  &(struct pkg_options) { .kind = PKG_TAR,
						  .use_pax = pax },
			  files, count);
		take(ctx, tar.data, tar.size);
	}
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (const struct container *c = containers; c->path; c++) {
		CLEANUP_BUF struct buf out = BUF_INIT;

		if (c->scanner != fuzz_target)
			continue;
		container_write(c, &out);
		take(ctx, out.data, out.size);
	}
	if (fuzz_target == &scanner_deb)
		take_tars(take, ctx);
}

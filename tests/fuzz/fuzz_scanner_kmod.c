/* SPDX-License-Identifier: Apache-2.0 */
/* scanners/kmod.c. Input: a compressed kernel module. */
#include "config.h"

#include "tests/fuzz/fuzz_scanner.h"

const struct scanner *const fuzz_target = &scanner_kmod;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "a.ko.xz", "a.ko.zst", "a.ko.gz" };

	// All but one have no use for it.
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		fuzz_scanner(&scanner_kmod, paths[i], data, size);
	return 0;
}

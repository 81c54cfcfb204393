/* SPDX-License-Identifier: Apache-2.0 */
/* scanners/archive.c. Input: whatever libarchive may take for an archive. */
#include "config.h"

#include "tests/fuzz/fuzz_scanner.h"

const struct scanner *const fuzz_target = &scanner_archive;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_scanner(&scanner_archive, "a.zip", data, size);
	return 0;
}

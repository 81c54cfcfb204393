/* SPDX-License-Identifier: Apache-2.0 */
/* scanners/tar.c. Input: a tar archive, compressed or not. The headers' parser
 * behind right checksums is fuzz_scanner_deb's. */
#include "config.h"

#include "tests/fuzz/fuzz_scanner.h"

const struct scanner *const fuzz_target = &scanner_tar;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_scanner(&scanner_tar, "a.tar", data, size);
	fuzz_scanner(&scanner_tar, "a.apk", data, size);
	return 0;
}

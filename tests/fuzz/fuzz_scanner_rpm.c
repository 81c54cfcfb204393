/* SPDX-License-Identifier: Apache-2.0 */
/* scanners/rpm.c, rpm_header.c and rpm_files.c. Input: an RPM package. */
#include "config.h"

#include "tests/fuzz/fuzz_scanner.h"

const struct scanner *const fuzz_target = &scanner_rpm;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_scanner(&scanner_rpm, "a.rpm", data, size);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of functions with a stranger's file, which is its own alternate
 * file and split file, too. Input: the file.
 */
#include "config.h"

#include "tests/fuzz/fuzz_dwarf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(data, size);
	struct input in = input_from_memory(copy, size);

	fuzz_dwarf(&in, &in);
	// One allocation fails, which one depends on the file.
	if (size > 16) {
		mem_fail_at(1 + (data[9] | (data[10] & 1) << 8));
		fuzz_dwarf(&in, &in);
		mem_fail_at(0);
	}
	free(copy);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One fuzz target, and what it begins with.
 *
 * A target is a file fuzz_NAME.c, and its seeds are another. With standalone.c
 * they are a test program, which runs the seeds and some mutations of them, the
 * same each time: that is in `make check`. With libFuzzer, which then brings
 * the main(), they are what tests/fuzz/run runs for as long as it is told.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** The target: anything may come, and nothing but 0 is returned. What must
 * hold is asserted. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A copy of exactly @p size bytes, so that a sanitizer sees a read past their
 * end. free(). */
static inline uint8_t *fuzz_copy(const void *data, size_t size)
{
	uint8_t *copy = calloc(1, size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	return copy;
}

/** The same as a string: up to the first NUL, with one behind it. */
static inline char *fuzz_text(const void *data, size_t size)
{
	char *copy = size ? strndup(data, size) : calloc(1, 1);

	if (!copy)
		abort();
	return copy;
}

typedef void (*fuzz_take_fn)(void *ctx, const void *data, size_t size);

/** Hand over every seed of the target: good inputs, of all kinds there are. */
void fuzz_seeds(fuzz_take_fn take, void *ctx);

#endif

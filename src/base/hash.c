/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>
#include <xxhash.h>

#include "base/hash.h"

uint64_t hash_bytes(const void *data, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, size, seed);
}

uint64_t hash_str(const char *s, uint64_t seed)
{
	return hash_bytes(s, strlen(s), seed);
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Hashing for tables in memory whose keys come from strangers.
 *
 * The result depends on where the process lies in memory, so that keys that
 * all fall into one slot cannot be prepared. Not for anything that is stored.
 */
#ifndef ELF_HASH_MIX_H
#define ELF_HASH_MIX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

/** @param[in] salt Any address of the process's own. */
static inline uint64_t hash_seed(const void *salt)
{
	return hash_mix(UINT64_C(0xe7037ed1a0b428db),
			(uint64_t)(uintptr_t)salt);
}

static inline uint64_t hash_bytes(const void *data, size_t size, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t h = seed ^ size;
	uint64_t word;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = hash_mix(h, word);
	}
	word = 0;
	memcpy(&word, p, size);
	return hash_mix(hash_mix(h, word), 0);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** Fast 64-bit hashes (XXH3): tables, cache names, fingerprints. Not for
 * anything an attacker gains by colliding, unless keyed with a secret seed. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t size, uint64_t seed);
uint64_t hash_str(const char *s, uint64_t seed);

#endif

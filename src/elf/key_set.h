/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A set of keys of three integers that numbers them from 0 in the order of
 * their coming.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_KEY_SET_H
#define ELF_KEY_SET_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key {
	uint64_t a;
	uint64_t b;
	uint64_t c;
};

struct key_set {
	struct key *keys; /* by number */
	size_t count;
	size_t capacity;
	uint32_t *slots;   /* number + 1; 0: free */
	size_t slot_count; /* power of two, at least twice the count */
};

/** All zero is an empty set. Twice is safe. */
void key_set_deinit(struct key_set *s);

/**
 * Add a key unless it is there.
 *
 * @param[out] number_ret Its number.
 * @return False without memory; the set is as it was.
 */
bool key_set_put(struct key_set *s, struct key key,
		 size_t *number_ret) MUST_CHECK;

/** @return False if the key is not there. */
bool key_set_find(const struct key_set *s, struct key key, size_t *number_ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Strings kept once each, one behind the other, each with its NUL.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_STRING_POOL_H
#define ELF_STRING_POOL_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct string_pool {
	struct buf bytes; /* the strings; at most 4 GiB */
	uint32_t *starts; /* where each begins, in order of coming */
	size_t count;
	size_t capacity;
	struct string_slot *slots;
	size_t slot_count; /* power of two, at least twice the count */
};

/** All zero is an empty pool. Twice is safe. */
void string_pool_deinit(struct string_pool *p);

/**
 * Keep a string unless it is there.
 *
 * @param[in] s @p len bytes without NUL among them; copied.
 * @param[out] at_ret Where it begins in @c bytes.
 * @return False without memory; the pool is as it was.
 */
bool string_pool_put(struct string_pool *p, const char *s, size_t len,
		     uint32_t *at_ret) MUST_CHECK;

/** Borrowed until the next put. */
static inline const char *string_pool_at(const struct string_pool *p,
					 uint32_t at)
{
	return (const char *)p->bytes.data + at;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; at most half full. A slot keeps half of
 * the hash, so that strings are compared only where they are nearly surely the
 * same. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "elf/hash_mix.h"
#include "elf/string_pool.h"

enum { SLOTS_MIN = 256 };

struct string_slot {
	uint32_t hash;
	uint32_t number; /* + 1; 0: free */
};

void string_pool_deinit(struct string_pool *p)
{
	buf_deinit(&p->bytes);
	mem_free(p->starts);
	mem_free(p->slots);
	*p = (struct string_pool) { 0 };
}

static bool grow_slots(struct string_pool *p)
{
	size_t count = p->slot_count ? 2 * p->slot_count : SLOTS_MIN;
	struct string_slot *slots = mem_array(count, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < p->slot_count; i++) {
		size_t to = p->slots[i].hash & (count - 1);

		if (!p->slots[i].number)
			continue;
		while (slots[to].number)
			to = (to + 1) & (count - 1);
		slots[to] = p->slots[i];
	}
	mem_free(p->slots);
	p->slots = slots;
	p->slot_count = count;
	return true;
}

static bool holds(const struct string_pool *p, uint32_t at, const char *s,
		  size_t len)
{
	return p->bytes.size - at > len &&
	       memcmp(p->bytes.data + at, s, len) == 0 &&
	       p->bytes.data[at + len] == 0;
}

static struct string_slot *find_slot(const struct string_pool *p, uint32_t hash,
				     const char *s, size_t len)
{
	size_t i = hash & (p->slot_count - 1);

	while (p->slots[i].number &&
	       (p->slots[i].hash != hash ||
		!holds(p, p->starts[p->slots[i].number - 1], s, len)))
		i = (i + 1) & (p->slot_count - 1);
	return &p->slots[i];
}

static bool append(struct string_pool *p, const char *s, size_t len)
{
	size_t size = p->bytes.size;

	if (len >= UINT32_MAX - size || p->count == UINT32_MAX - 1 ||
	    !mem_grow(&p->starts, &p->capacity, p->count + 1,
		      sizeof(*p->starts)))
		return false;
	char *to = buf_reserve(&p->bytes, len + 1);

	if (!to)
		return false;
	memcpy(to, s, len);
	to[len] = 0;
	buf_commit(&p->bytes, len + 1);
	p->starts[p->count++] = (uint32_t)size;
	return true;
}

bool string_pool_put(struct string_pool *p, const char *s, size_t len,
		     uint32_t *at_ret)
{
	// The pool itself does not move while it is used.
	uint32_t hash = (uint32_t)hash_bytes(s, len, hash_seed(p));

	if (2 * (p->count + 1) > p->slot_count && !grow_slots(p))
		return false;
	struct string_slot *slot = find_slot(p, hash, s, len);

	if (!slot->number) {
		if (!append(p, s, len))
			return false;
		*slot = (struct string_slot) { .hash = hash,
					       .number = (uint32_t)p->count };
	}
	*at_ret = p->starts[slot->number - 1];
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; at most half full. */
#include "config.h"

#include "base/mem.h"
#include "elf/hash_mix.h"
#include "elf/key_set.h"

enum { SLOTS_MIN = 256 };

void key_set_deinit(struct key_set *s)
{
	mem_free(s->keys);
	mem_free(s->slots);
	*s = (struct key_set) { 0 };
}

/* The slot of the key, or the free one where it belongs. */
static size_t slot_of(const struct key_set *s, const struct key *key)
{
	size_t i = (size_t)hash_bytes(key, sizeof(*key), hash_seed(s->slots)) &
		   (s->slot_count - 1);

	while (s->slots[i]) {
		const struct key *k = &s->keys[s->slots[i] - 1];

		if (k->a == key->a && k->b == key->b && k->c == key->c)
			break;
		i = (i + 1) & (s->slot_count - 1);
	}
	return i;
}

static bool grow_slots(struct key_set *s)
{
	size_t count = s->slot_count ? 2 * s->slot_count : SLOTS_MIN;
	uint32_t *old = s->slots;
	uint32_t *slots = mem_array(count, sizeof(*slots));

	if (!slots)
		return false;
	s->slots = slots;
	s->slot_count = count;
	for (size_t i = 0; i < s->count; i++)
		slots[slot_of(s, &s->keys[i])] = (uint32_t)i + 1;
	mem_free(old);
	return true;
}

bool key_set_find(const struct key_set *s, struct key key, size_t *number_ret)
{
	if (!s->slot_count)
		return false;
	uint32_t number = s->slots[slot_of(s, &key)];

	if (!number)
		return false;
	*number_ret = number - 1;
	return true;
}

bool key_set_put(struct key_set *s, struct key key, size_t *number_ret)
{
	if (key_set_find(s, key, number_ret))
		return true;
	if (s->count == UINT32_MAX - 1 ||
	    !mem_grow(&s->keys, &s->capacity, s->count + 1, sizeof(*s->keys)))
		return false;
	if (2 * (s->count + 1) > s->slot_count && !grow_slots(s))
		return false;
	s->slots[slot_of(s, &key)] = (uint32_t)s->count + 1;
	s->keys[s->count] = key;
	*number_ret = s->count++;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. Every entry with a name is in one slot and in the list, and no other is.
 * 2. total is the sum of their sizes, count their number.
 * 3. Entries stay where they are; slots and list hold their indices.
 */
#include "config.h"

#include "base/mem.h"
#include "store/cache_table.h"

enum { SLOTS_LEAST = 256 };

void cache_table_deinit(struct cache_table *t)
{
	mem_free(t->entries);
	mem_free(t->slots);
	*t = (struct cache_table) { 0 };
}

/* ---- Slots -------------------------------------------------------------- */

/* Names are hashes already. */
static size_t slot_of(const struct cache_table *t, uint64_t name)
{
	size_t at = name & (t->slot_count - 1);

	while (t->slots[at] && t->entries[t->slots[at] - 1].name != name)
		at = (at + 1) & (t->slot_count - 1);
	return at;
}

/* Room for one more, half of the slots staying free. */
static bool slots_grow(struct cache_table *t)
{
	if (2 * (t->count + 1) <= t->slot_count)
		return true;
	size_t old_count = t->slot_count;
	size_t count = old_count ? old_count * 2 : SLOTS_LEAST;
	uint32_t *old = t->slots;
	uint32_t *fresh = mem_array(count, sizeof(*fresh));

	if (!fresh)
		return false;
	t->slots = fresh;
	t->slot_count = count;
	for (size_t i = 0; i < old_count; i++) {
		if (old[i])
			fresh[slot_of(t, t->entries[old[i] - 1].name)] = old[i];
	}
	mem_free(old);
	return true;
}

/* Free a slot; what was pushed past it moves up. */
static void slot_clear(struct cache_table *t, size_t at)
{
	t->slots[at] = 0;
	for (size_t i = (at + 1) & (t->slot_count - 1); t->slots[i];
	     i = (i + 1) & (t->slot_count - 1)) {
		uint32_t number = t->slots[i];

		t->slots[i] = 0;
		t->slots[slot_of(t, t->entries[number - 1].name)] = number;
	}
}

/* ---- The list ----------------------------------------------------------- */

static uint32_t number_of(const struct cache_table *t,
			  const struct cache_entry *e)
{
	return (uint32_t)(e - t->entries) + 1;
}

static void unlink_entry(struct cache_table *t, struct cache_entry *e)
{
	if (e->newer)
		t->entries[e->newer - 1].older = e->older;
	else
		t->newest = e->older;
	if (e->older)
		t->entries[e->older - 1].newer = e->newer;
	else
		t->oldest = e->newer;
}

static void link_newest(struct cache_table *t, struct cache_entry *e)
{
	uint32_t number = number_of(t, e);

	e->newer = 0;
	e->older = t->newest;
	if (t->newest)
		t->entries[t->newest - 1].newer = number;
	else
		t->oldest = number;
	t->newest = number;
}

/* ---- Entries ------------------------------------------------------------ */

struct cache_entry *cache_table_find(const struct cache_table *t, uint64_t name)
{
	uint32_t number = t->slot_count ? t->slots[slot_of(t, name)] : 0;

	return number ? &t->entries[number - 1] : NULL;
}

/* A free entry, not yet in slots or list. */
static struct cache_entry *entry_take(struct cache_table *t)
{
	struct cache_entry *e;

	if (!slots_grow(t))
		return NULL;
	if (t->free) {
		e = &t->entries[t->free - 1];
		t->free = e->older;
		return e;
	}
	if (t->used >= UINT32_MAX - 1 ||
	    !mem_grow(&t->entries, &t->capacity, t->used + 1,
		      sizeof(*t->entries)))
		return NULL;
	return &t->entries[t->used++];
}

struct cache_entry *cache_table_put(struct cache_table *t, uint64_t name,
				    uint64_t size)
{
	struct cache_entry *e = cache_table_find(t, name);

	if (e) {
		t->total -= e->size;
		unlink_entry(t, e);
	} else {
		e = entry_take(t);
		if (!e)
			return NULL;
		*e = (struct cache_entry) { .name = name };
		t->slots[slot_of(t, name)] = number_of(t, e);
		t->count++;
	}
	e->size = size;
	t->total += size;
	link_newest(t, e);
	return e;
}

void cache_table_touch(struct cache_table *t, struct cache_entry *e)
{
	unlink_entry(t, e);
	link_newest(t, e);
}

void cache_table_remove(struct cache_table *t, uint64_t name)
{
	struct cache_entry *e = cache_table_find(t, name);

	if (!e)
		return;
	slot_clear(t, slot_of(t, name));
	unlink_entry(t, e);
	t->total -= e->size;
	t->count--;
	e->name = 0;
	e->older = t->free;
	t->free = number_of(t, e);
}

struct cache_entry *cache_table_oldest(const struct cache_table *t)
{
	return t->oldest ? &t->entries[t->oldest - 1] : NULL;
}

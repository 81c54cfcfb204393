/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most three quarters full. A slot
 * keeps half of the hash, so that strings are compared only where they are
 * nearly surely the same. */
#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "symtab/symtab_pool.h"

enum { SLOTS_MIN = 256 };

struct symtab_pool_slot {
	uint32_t hash;
	uint32_t at; /* 0: free */
};

/* Keys come from strangers: where the pool lies is not theirs to know. */
static uint64_t seed_of(const struct symtab_pool *p)
{
	return (uint64_t)(uintptr_t)p * UINT64_C(0x9e3779b97f4a7c15);
}

struct error *symtab_pool_init(struct symtab_pool *p)
{
	*p = (struct symtab_pool) { 0 };
	if (!buf_append_byte(&p->strings, 0) ||
	    !mem_grow(&p->files, &p->file_capacity, 64, sizeof(*p->files)))
		return error_no_memory;
	p->files[0] = (struct symtab_pool_file) { 0, 0 };
	p->file_count = 1;
	return NULL;
}

void symtab_pool_deinit(struct symtab_pool *p)
{
	buf_deinit(&p->strings);
	mem_free(p->slots);
	mem_free(p->files);
	mem_free(p->file_slots);
	*p = (struct symtab_pool) { 0 };
}

static bool is_full(size_t count, size_t slots)
{
	return count >= slots / 4 * 3;
}

static bool grow_slots(struct symtab_pool *p)
{
	size_t count = p->slot_count ? 2 * p->slot_count : SLOTS_MIN;
	struct symtab_pool_slot *slots = mem_array(count, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < p->slot_count; i++) {
		size_t to = p->slots[i].hash & (count - 1);

		if (!p->slots[i].at)
			continue;
		while (slots[to].at)
			to = (to + 1) & (count - 1);
		slots[to] = p->slots[i];
	}
	mem_free(p->slots);
	p->slots = slots;
	p->slot_count = count;
	return true;
}

static bool is_string_at(const struct symtab_pool *p, uint32_t at,
			 const char *s, size_t len)
{
	return p->strings.size - at > len &&
	       memcmp(p->strings.data + at, s, len) == 0 &&
	       p->strings.data[at + len] == 0;
}

struct error *symtab_pool_string(struct symtab_pool *p, const char *s,
				 size_t len, uint32_t *ret)
{
	uint32_t hash = (uint32_t)hash_bytes(s, len, seed_of(p));

	*ret = 0;
	if (!len)
		return NULL;
	if (is_full(p->string_count, p->slot_count) && !grow_slots(p))
		return error_no_memory;
	size_t i = hash & (p->slot_count - 1);

	for (; p->slots[i].at; i = (i + 1) & (p->slot_count - 1)) {
		if (p->slots[i].hash == hash &&
		    is_string_at(p, p->slots[i].at, s, len)) {
			*ret = p->slots[i].at;
			return NULL;
		}
	}
	if (len >= UINT32_MAX - p->strings.size)
		return error_new(LIMIT, "symbol table: 4 GiB of strings");
	char *to = buf_reserve(&p->strings, len + 1);

	if (!to) {
		p->strings.failed = false; // the next may be shorter
		return error_no_memory;
	}
	memcpy(to, s, len);
	to[len] = '\0';
	*ret = (uint32_t)p->strings.size;
	buf_commit(&p->strings, len + 1);
	p->slots[i] = (struct symtab_pool_slot) { hash, *ret };
	p->string_count++;
	return NULL;
}

static size_t file_slot(const struct symtab_pool *p, uint32_t dir,
			uint32_t base)
{
	uint64_t key = (uint64_t)dir << 32 | base;
	uint64_t h = (key ^ seed_of(p)) * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h ^ h >> 32) & (p->file_slot_count - 1);
}

static bool grow_file_slots(struct symtab_pool *p)
{
	size_t count = p->file_slot_count ? 2 * p->file_slot_count : SLOTS_MIN;
	uint32_t *slots = mem_array(count, sizeof(*slots));

	if (!slots)
		return false;
	mem_free(p->file_slots);
	p->file_slots = slots;
	p->file_slot_count = count;
	for (uint32_t n = 1; n < p->file_count; n++) {
		size_t i = file_slot(p, p->files[n].dir, p->files[n].base);

		while (slots[i])
			i = (i + 1) & (count - 1);
		slots[i] = n;
	}
	return true;
}

struct error *symtab_pool_file(struct symtab_pool *p, uint32_t dir,
			       uint32_t base, uint32_t *ret)
{
	*ret = 0;
	if (!dir && !base)
		return NULL;
	if (is_full(p->file_count, p->file_slot_count) && !grow_file_slots(p))
		return error_no_memory;
	size_t i = file_slot(p, dir, base);

	for (; p->file_slots[i]; i = (i + 1) & (p->file_slot_count - 1)) {
		const struct symtab_pool_file *f = &p->files[p->file_slots[i]];

		if (f->dir == dir && f->base == base) {
			*ret = p->file_slots[i];
			return NULL;
		}
	}
	if (p->file_count == UINT32_MAX / 8)
		return error_new(LIMIT, "symbol table: too many files");
	if (!mem_grow(&p->files, &p->file_capacity, p->file_count + 1,
		      sizeof(*p->files)))
		return error_no_memory;
	*ret = (uint32_t)p->file_count++;
	p->files[*ret] = (struct symtab_pool_file) { dir, base };
	p->file_slots[i] = *ret;
	return NULL;
}

void symtab_pool_replace(struct symtab_pool *p, struct buf *strings)
{
	buf_deinit(&p->strings);
	p->strings = *strings;
	*strings = (struct buf)BUF_INIT;
	mem_free(p->slots);
	p->slots = NULL;
	p->slot_count = p->string_count = 0;
}

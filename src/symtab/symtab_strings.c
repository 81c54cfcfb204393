/* SPDX-License-Identifier: Apache-2.0 */
/* What is read here is what symtab_encode() has written: it is not checked. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "elf/hash_mix.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_leb.h"
#include "symtab/symtab_strings.h"

enum { SLOTS_MIN = 64 };

struct moved {
	uint32_t from; /* 0: free */
	uint32_t to;
};

struct mover {
	const struct symtab_pool *from;
	struct buf to;
	struct moved *slots; /* at most half full */
	unsigned slot_bits;
};

static void deinit_mover(struct mover *m)
{
	buf_deinit(&m->to);
	mem_free(m->slots);
}

/* Numbers come from lengths of strings, which are strangers': where the memory
 * lies is not theirs to know. */
static size_t slot_of(const struct mover *m, uint32_t from)
{
	return (size_t)(hash_mix(hash_seed(m->slots), from) >>
			(64 - m->slot_bits));
}

static struct error *move(struct mover *m, uint32_t from, uint32_t *ret)
{
	size_t mask = ((size_t)1 << m->slot_bits) - 1;
	size_t i = slot_of(m, from);

	*ret = 0;
	if (!from)
		return NULL;
	for (; m->slots[i].from; i = (i + 1) & mask) {
		if (m->slots[i].from == from) {
			*ret = m->slots[i].to;
			return NULL;
		}
	}
	const char *s = (const char *)m->from->strings.data + from;

	*ret = (uint32_t)m->to.size;
	if (!buf_append(&m->to, s, strlen(s) + 1))
		return error_no_memory;
	m->slots[i] = (struct moved) { from, *ret };
	return NULL;
}

static struct error *move_at(struct mover *m, uint8_t *place)
{
	uint32_t to;

	TRY(move(m, symtab_u32(place), &to));
	to = htole32(to);
	memcpy(place, &to, 4);
	return NULL;
}

/* InlineInfo's data, node by node: what is below what is of no interest. */
static struct error *move_tree(struct mover *m, uint8_t *data, uint32_t length)
{
	struct symtab_input in = { data, data + length };
	uint64_t count, skipped;

	while (symtab_uleb(&in, &count)) {
		if (!count)
			continue;
		for (uint64_t i = 0; i < 2 * count; i++)
			symtab_uleb(&in, &skipped);
		TRY(move_at(m, data + (in.at - data) + 1));
		in.at += 5;
		symtab_uleb(&in, &skipped);
		symtab_uleb(&in, &skipped);
	}
	return NULL;
}

static struct error *move_function(struct mover *m, uint8_t *data)
{
	uint32_t type, length;

	TRY(move_at(m, data + 4));
	for (data += 8; (type = symtab_u32(data)); data += 8 + length) {
		length = symtab_u32(data + 4);
		if (type == GSYM_INLINE)
			TRY(move_tree(m, data + 8, length));
	}
	return NULL;
}

static bool make_slots(struct mover *m)
{
	size_t count = SLOTS_MIN;

	for (m->slot_bits = 6; count < 2 * m->from->string_count; count *= 2)
		m->slot_bits++;
	m->slots = mem_array(count, sizeof(*m->slots));
	return m->slots;
}

struct error *symtab_strings_settle(struct symtab_entry *entries, size_t count,
				    struct symtab_pool *p)
{
	CLEANUP(deinit_mover) struct mover m = { .from = p };

	if (!make_slots(&m) || !buf_append_byte(&m.to, 0))
		return error_no_memory;
	for (size_t i = 0; i < count; i++)
		TRY(move_function(&m, entries[i].data));
	for (size_t i = 0; i < p->file_count; i++) {
		TRY(move(&m, p->files[i].dir, &p->files[i].dir));
		TRY(move(&m, p->files[i].base, &p->files[i].base));
	}
	symtab_pool_replace(p, &m.to);
	return NULL;
}

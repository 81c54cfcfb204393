/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "store/poison.h"
#include "symbolize/verdict.h"

enum { SETS = 512, WAYS = 8, KERNEL_ID = 20 };

struct table_key table_key_of(const struct batch_module *m)
{
	struct table_key key = { .is_breakpad = m->is_breakpad, .id = m->id };

	if (m->is_breakpad)
		build_id_set(&key.id, m->breakpad_guid,
			     sizeof(m->breakpad_guid));
	return key;
}

bool table_key_equal(const struct table_key *a, const struct table_key *b)
{
	return a->is_breakpad == b->is_breakpad &&
	       build_id_equal(&a->id, &b->id);
}

uint64_t table_key_hash(const struct table_key *k)
{
	return hash_bytes(k->id.bytes, k->id.len, k->is_breakpad);
}

struct error *verdicts_init(struct verdicts *all)
{
	all->v = mem_array((size_t)SETS * WAYS, sizeof(*all->v));
	return all->v ? NULL : error_no_memory;
}

void verdicts_deinit(struct verdicts *all)
{
	mem_free(STEAL(all->v));
}

static struct verdict *set_of(const struct verdicts *all,
			      const struct table_key *key)
{
	return &all->v[table_key_hash(key) % SETS * WAYS];
}

static struct verdict *find(const struct verdicts *all,
			    const struct table_key *key)
{
	struct verdict *set = set_of(all, key);

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key.id.len && table_key_equal(&set[i].key, key))
			return &set[i];
	}
	return NULL;
}

const struct verdict *verdicts_find(const struct verdicts *all,
				    const struct table_key *key, uint64_t epoch)
{
	const struct verdict *v = find(all, key);

	return v && v->epoch >= epoch && v->until_ms > poison_clock_ms() ? v
									 : NULL;
}

void verdicts_put(struct verdicts *all, const struct verdict *v)
{
	struct verdict *set = set_of(all, &v->key);
	struct verdict *to = find(all, &v->key);

	/* A free one, else the one that ends first. */
	for (size_t i = 0; i < WAYS && !to; i++) {
		if (!set[i].key.id.len)
			to = &set[i];
	}
	if (!to) {
		to = &set[0];
		for (size_t i = 1; i < WAYS; i++) {
			if (set[i].until_ms < to->until_ms)
				to = &set[i];
		}
	}
	*to = *v;
}

static void forget_key(struct verdicts *all, const struct table_key *key)
{
	struct verdict *v = find(all, key);

	if (v)
		v->key.id.len = 0;
}

void verdicts_forget(struct verdicts *all, const struct build_id *id)
{
	struct table_key key = { .id = *id };

	forget_key(all, &key);
	/* As the kernel pads it. */
	if (id->len < KERNEL_ID) {
		memset(key.id.bytes + id->len, 0, KERNEL_ID - id->len);
		key.id.len = KERNEL_ID;
		forget_key(all, &key);
	}
	/* As Breakpad has it, big-endian and little. */
	key = (struct table_key) { .is_breakpad = true };
	uint8_t guid[16] = { 0 };

	memcpy(guid, id->bytes, id->len < 16 ? id->len : 16);
	build_id_set(&key.id, guid, sizeof(guid));
	forget_key(all, &key);
	for (size_t i = 0; i < 8; i++)
		key.id.bytes[i] = guid[i < 4 ? 3 - i : i < 6 ? 9 - i : 13 - i];
	forget_key(all, &key);
}

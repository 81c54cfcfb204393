/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading cached files through, at their first use after a start: hundreds of
 * megabytes, perhaps from a slow disk, so it has threads of its own. All
 * flights that want the same file wait for one reading of it.
 */
#include "config.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "store/store_internal.h"

struct verification {
	struct store *store;
	struct cache_key key;
	struct flight *flights;    /* by next_waiting; guarded by lock */
	struct verification *next; /* in the store's list; the same */
};

static struct flight *end_verification(struct verification *v)
{
	struct verification **at = &v->store->verifications;

	LOCKED(&v->store->lock);
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	return v->flights;
}

static void verify(void *state, void *arg)
{
	struct verification *v = arg;

	(void)state;
	disk_cache_verify(v->store->cache, v->key);
	for (struct flight *f = end_verification(v); f;) {
		struct flight *next = f->next_waiting;

		flight_continue(f);
		f = next;
	}
	mem_free(v);
}

struct error *verify_cached(struct flight *f, struct cache_key key)
{
	struct store *st = f->store;
	struct verification *v;

	LOCKED(&st->lock);
	for (v = st->verifications; v; v = v->next) {
		if (v->key.name == key.name && v->key.check == key.check)
			break;
	}
	if (!v) {
		v = mem_zalloc(sizeof(*v));
		if (!v)
			return error_no_memory;
		*v = (struct verification) { .store = st, .key = key };
		struct error *err = pool_submit(st->verifiers, verify, v);

		if (err) {
			mem_free(v);
			return err;
		}
		v->next = st->verifications;
		st->verifications = v;
	}
	f->verifications++;
	f->next_waiting = v->flights;
	v->flights = f;
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/mem.h"
#include "upstream/negative.h"

enum {
	SETS = 16384,
	WAYS = 4,
	GENERATIONS = 4096,
	ABSENT_MS = 3600000,
	TRANSIENT_MS = 1000,
	TRANSIENT_MOST_MS = 60000,
};

struct entry {
	uint64_t key; /* 0: free */
	uint64_t generation;
	int64_t until_ms;
	uint32_t failures; /* transient ones in a row */
	enum upstream_cause cause;
};

struct negative {
	uint64_t secret;
	_Atomic uint64_t generations[GENERATIONS];
	struct entry entries[SETS][WAYS];
};

struct error *negative_create(struct negative **ret)
{
	struct negative *n = mem_zalloc(sizeof(*n));

	if (!n)
		return error_no_memory;
	if (getrandom(&n->secret, sizeof(n->secret), 0) != sizeof(n->secret)) {
		mem_free(n);
		return error_errno("getrandom");
	}
	*ret = n;
	return NULL;
}

void negative_destroy(struct negative *n)
{
	mem_free(n);
}

static _Atomic uint64_t *generation_of(struct negative *n,
				       const struct build_id *id)
{
	return &n->generations[hash_bytes(id->bytes, id->len, n->secret) %
			       GENERATIONS];
}

static uint64_t key_of(const struct negative *n, const struct negative_key *key)
{
	uint64_t h = hash_str(key->path, n->secret + key->upstream);

	return h ? h : 1;
}

/* NULL: it is not there, or was forgotten. */
static struct entry *find(struct negative *n, const struct negative_key *key)
{
	uint64_t h = key_of(n, key);
	struct entry *set = n->entries[h % SETS];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key == h &&
		    set[i].generation ==
			    atomic_load(generation_of(n, &key->id)))
			return &set[i];
	}
	return NULL;
}

/* A free place, or that of what ends first. */
static struct entry *find_room(struct entry *set, uint64_t h)
{
	struct entry *best = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key == h || !set[i].key)
			return &set[i];
		if (set[i].until_ms < best->until_ms)
			best = &set[i];
	}
	return best;
}

static int64_t transient_ms(unsigned failures)
{
	int64_t ms = TRANSIENT_MS;

	while (--failures && ms < TRANSIENT_MOST_MS)
		ms *= 2;
	return ms < TRANSIENT_MOST_MS ? ms : TRANSIENT_MOST_MS;
}

static int64_t holds_ms(enum upstream_cause cause, unsigned failures)
{
	switch (cause) {
	case UPSTREAM_ABSENT:
		return ABSENT_MS;
	case UPSTREAM_MISMATCH:
	case UPSTREAM_MALFORMED:
	case UPSTREAM_TOO_LARGE:
		return UPSTREAM_WRONG_MS;
	default:
		return transient_ms(failures);
	}
}

int64_t negative_put(struct negative *n, const struct negative_key *key,
		     enum upstream_cause cause, int64_t least_ms,
		     int64_t now_ms)
{
	struct entry *old = find(n, key);
	uint64_t h = key_of(n, key);
	unsigned failures = 1;

	if (old && old->cause == cause && old->failures < UINT32_MAX)
		failures += old->failures;
	int64_t ms = holds_ms(cause, failures);

	if (ms < least_ms)
		ms = least_ms;
	*find_room(n->entries[h % SETS], h) = (struct entry) {
		.key = h,
		.generation = atomic_load(generation_of(n, &key->id)),
		.until_ms = now_ms + ms,
		.failures = failures,
		.cause = cause,
	};
	return ms;
}

bool negative_get(struct negative *n, const struct negative_key *key,
		  int64_t now_ms, enum upstream_cause *cause_ret,
		  int64_t *left_ms_ret)
{
	const struct entry *e = find(n, key);

	/* What has ended stays, for the number of failures. */
	if (!e || now_ms >= e->until_ms)
		return false;
	*cause_ret = e->cause;
	*left_ms_ret = e->until_ms - now_ms;
	return true;
}

void negative_remove(struct negative *n, const struct negative_key *key)
{
	struct entry *e = find(n, key);

	if (e)
		*e = (struct entry) { 0 };
}

void negative_forget(struct negative *n, const struct build_id *id)
{
	atomic_fetch_add(generation_of(n, id), 1);
}

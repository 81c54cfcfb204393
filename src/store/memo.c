/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/mem.h"
#include "store/memo.h"

enum {
	SLOTS = 8192, /* answers; a newer one takes the place */
	GENERATIONS = 4096,
	LOCAL = 16,       /* beyond all kinds */
	BITS_PER_ID = 16, /* four of them set: 1 in 400 is asked in vain */
};

struct slot {
	uint64_t key; /* 0: free */
	uint64_t generation;
	struct memo_answer answer;
};

/* Filter: one word an ID, four bits in it. None is freed before the end, since
 * somebody may be reading it: one that is not published is emptied and used
 * again. Each is at least twice as large as the one before it, so all the
 * others together are smaller than the last. */
struct filter {
	struct filter *older; /* smaller */
	uint64_t words;
	_Atomic uint64_t count;
	_Atomic uint64_t bits[];
};

struct memo {
	uint64_t secret; /* so that nobody can make two queries meet */
	_Atomic uint64_t generations[GENERATIONS];
	_Atomic uint64_t epoch;          /* of all of them */
	struct filter *_Atomic filter;   /* published; NULL: none yet */
	struct filter *_Atomic building; /* the same, when it is complete */
	_Atomic uint64_t publications;
	struct filter *filters; /* all; whoever rebuilds has them */
	struct lock lock;       /* guards slots */
	struct slot slots[SLOTS];
};

struct error *memo_create(struct memo **ret)
{
	struct memo *m = mem_zalloc(sizeof(*m));

	if (!m)
		return error_no_memory;
	if (getrandom(&m->secret, sizeof(m->secret), 0) != sizeof(m->secret)) {
		mem_free(m);
		return error_errno("getrandom");
	}
	lock_init(&m->lock, LOCK_STORE_MEMO);
	*ret = m;
	return NULL;
}

static void free_filters(struct filter *f)
{
	while (f) {
		struct filter *older = f->older;

		mem_free(f);
		f = older;
	}
}

void memo_destroy(struct memo *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		memo_answer_deinit(&m->slots[i].answer);
	free_filters(m->filters);
	lock_deinit(&m->lock);
	mem_free(m);
}

void memo_answer_deinit(struct memo_answer *a)
{
	mem_free(a->path);
	mem_free(a->file);
	mem_free(a->archive);
	mem_free(a->signature);
	*a = (struct memo_answer) { 0 };
}

static uint64_t id_hash(const struct memo *m, const struct build_id *id)
{
	return hash_bytes(id->bytes, id->len, m->secret + id->len);
}

static uint64_t query_key(const struct memo *m, const struct store_query *q)
{
	uint64_t h = id_hash(m, &q->id) + (uint64_t)q->kind +
		     (q->is_local ? LOCAL : 0);

	if (q->suffix)
		h = hash_str(q->suffix, h);
	return h ? h : 1;
}

uint64_t memo_generation(struct memo *m, const struct build_id *id)
{
	return atomic_load(&m->epoch) +
	       atomic_load(&m->generations[id_hash(m, id) % GENERATIONS]);
}

static bool copy_answer(const struct memo_answer *from, struct memo_answer *to)
{
	*to = *from;
	to->path = from->path ? mem_strdup(from->path) : NULL;
	to->file = from->file ? mem_strdup(from->file) : NULL;
	to->archive = from->archive ? mem_strdup(from->archive) : NULL;
	to->signature = from->signature ? mem_strdup(from->signature) : NULL;
	if (!to->path == !from->path && !to->file == !from->file &&
	    !to->archive == !from->archive &&
	    !to->signature == !from->signature)
		return true;
	memo_answer_deinit(to);
	return false;
}

bool memo_get(struct memo *m, const struct store_query *q,
	      struct memo_answer *ret)
{
	uint64_t key = query_key(m, q);
	uint64_t generation = memo_generation(m, &q->id);
	struct slot *s = &m->slots[key % SLOTS];

	LOCKED(&m->lock);
	return s->key == key && s->generation == generation &&
	       clock_ms() < s->answer.until_ms && copy_answer(&s->answer, ret);
}

void memo_put(struct memo *m, const struct store_query *q, uint64_t generation,
	      struct memo_answer *a)
{
	uint64_t key = query_key(m, q);
	struct slot *s = &m->slots[key % SLOTS];

	a->until_ms = a->ttl_ms ? clock_ms() + a->ttl_ms : INT64_MAX;
	if (generation == memo_generation(m, &q->id)) {
		LOCKED(&m->lock);
		struct memo_answer old = s->answer;

		*s = (struct slot) { .key = key,
				     .generation = generation,
				     .answer = *a };
		*a = old;
	}
	memo_answer_deinit(a);
}

void memo_forget(struct memo *m, const struct build_id *id)
{
	memo_filter_add(m, id);
	atomic_fetch_add(&m->generations[id_hash(m, id) % GENERATIONS], 1);
}

void memo_forget_all(struct memo *m)
{
	/* Further than single generations move between two lookups. */
	atomic_fetch_add(&m->epoch, UINT64_C(1) << 32);
}

static uint64_t filter_mask(uint64_t h)
{
	return UINT64_C(1) << (h & 63) | UINT64_C(1) << (h >> 6 & 63) |
	       UINT64_C(1) << (h >> 12 & 63) | UINT64_C(1) << (h >> 18 & 63);
}

static void filter_set(struct filter *f, uint64_t h)
{
	uint64_t mask = filter_mask(h);

	if ((atomic_fetch_or(&f->bits[(h >> 24) % f->words], mask) & mask) !=
	    mask)
		atomic_fetch_add(&f->count, 1);
}

void memo_filter_add(struct memo *m, const struct build_id *id)
{
	struct filter *f = atomic_load(&m->filter);
	struct filter *building = atomic_load(&m->building);

	if (f)
		filter_set(f, id_hash(m, id));
	if (building && building != f)
		filter_set(building, id_hash(m, id));
}

/* What is not published any more may be emptied: an answer holds if, once the
 * bits have been read, no other filter has been published since. Whoever reads
 * an emptied word reads the publication before it, too. */
bool memo_surely_absent(struct memo *m, const struct build_id *id)
{
	uint64_t publication = atomic_load(&m->publications);
	const struct filter *f = atomic_load(&m->filter);
	uint64_t h = id_hash(m, id);

	if (!f)
		return false;
	uint64_t mask = filter_mask(h);
	uint64_t bits = atomic_load(&f->bits[(h >> 24) % f->words]);

	return (bits & mask) != mask &&
	       atomic_load(&m->publications) == publication;
}

static void filter_clear(struct filter *f)
{
	for (uint64_t i = 0; i < f->words; i++)
		atomic_store_explicit(&f->bits[i], 0, memory_order_release);
	atomic_store(&f->count, 0);
}

/* One that is not published and large enough; NULL: there is none. */
static struct filter *find_spare(struct memo *m, uint64_t words)
{
	const struct filter *published = atomic_load(&m->filter);

	for (struct filter *f = m->filters; f && f->words >= words;
	     f = f->older) {
		if (f != published)
			return f;
	}
	return NULL;
}

static struct filter *add_filter(struct memo *m, uint64_t words)
{
	if (m->filters && words < 2 * m->filters->words)
		words = 2 * m->filters->words;
	struct filter *f = mem_zalloc(sizeof(*f) + words * sizeof(f->bits[0]));

	if (!f)
		return NULL;
	f->words = words;
	f->older = m->filters;
	m->filters = f;
	return f;
}

struct error *memo_filter_begin(struct memo *m, uint64_t count)
{
	uint64_t words = (count < 4096 ? 4096 : count) * 2 * BITS_PER_ID / 64;
	struct filter *f = find_spare(m, words);

	if (f)
		filter_clear(f);
	else
		f = add_filter(m, words);
	if (!f)
		return error_no_memory;
	atomic_store(&m->building, f);
	return NULL;
}

void memo_filter_complete(struct memo *m)
{
	atomic_store(&m->filter, atomic_load(&m->building));
	atomic_fetch_add(&m->publications, 1);
}

bool memo_filter_is_full(struct memo *m)
{
	const struct filter *f = atomic_load(&m->filter);

	return f && f->count * BITS_PER_ID > f->words * 64;
}

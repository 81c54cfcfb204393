/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "store/poison.h"

enum { WAYS = 8, MINUTE_MS = 60000 };

static const int64_t pauses_ms[] = { MINUTE_MS, 10 * MINUTE_MS,
				     60 * MINUTE_MS };
enum { PAUSES = sizeof(pauses_ms) / sizeof(*pauses_ms) };

int64_t (*poison_clock_ms)(void) = clock_ms;

void poison_init(struct poison *p)
{
	memset(p, 0, sizeof(*p));
	lock_init(&p->lock, LOCK_STORE_POISON);
}

void poison_deinit(struct poison *p)
{
	lock_deinit(&p->lock);
}

/* The name's own slot, or the one it may take: free, else the one whose pause
 * ends first. Names are keyed hashes: nobody chooses their neighbours. */
static struct poison_slot *slot_of(struct poison *p, uint64_t name)
{
	struct poison_slot *set =
		&p->slots[name % (POISON_SLOTS / WAYS) * WAYS];
	struct poison_slot *best = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].name == name)
			return &set[i];
		if (set[i].until_ms < best->until_ms)
			best = &set[i];
	}
	return best;
}

void poison_note(struct poison *p, uint64_t name, enum error_kind kind)
{
	LOCKED(&p->lock);
	struct poison_slot *s = slot_of(p, name);

	if (s->name != name)
		*s = (struct poison_slot) { .name = name };
	s->kind = kind;
	s->until_ms = s->failures < PAUSES
			      ? poison_clock_ms() + pauses_ms[s->failures]
			      : INT64_MAX;
	s->failures++;
}

void poison_forget(struct poison *p, uint64_t name)
{
	LOCKED(&p->lock);
	struct poison_slot *s = slot_of(p, name);

	if (s->name == name)
		*s = (struct poison_slot) { 0 };
}

bool poison_holds(struct poison *p, uint64_t name, int64_t *left_ms_ret,
		  enum error_kind *kind_ret)
{
	int64_t now = poison_clock_ms();

	LOCKED(&p->lock);
	const struct poison_slot *s = slot_of(p, name);

	if (s->name != name || s->until_ms <= now)
		return false;
	*left_ms_ret = s->until_ms == INT64_MAX ? INT64_MAX : s->until_ms - now;
	*kind_ret = s->kind;
	return true;
}

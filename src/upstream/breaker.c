/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "upstream/breaker.h"

enum { HALF_LIFE_MS = 60000, RANK_CLOSED_MOST = 4 };

/* What is left of the trouble: a half after a minute. */
static double trouble_at(const struct breaker *b, int64_t now_ms)
{
	double left = b->trouble;
	int64_t ms = now_ms - b->faded_ms;

	for (; ms >= HALF_LIFE_MS && left > 0.01; ms -= HALF_LIFE_MS)
		left /= 2;
	if (left <= 0.01)
		return 0;
	return left * (1 - (double)ms / (2.0 * HALF_LIFE_MS));
}

static void note(struct breaker *b, int64_t now_ms, double outcome)
{
	const double weight = 0.3;

	b->trouble = trouble_at(b, now_ms) * (1 - weight) + outcome * weight;
	b->faded_ms = now_ms;
}

enum breaker_state breaker_state(const struct breaker *b, int64_t now_ms)
{
	if (!b->until_ms)
		return BREAKER_CLOSED;
	return now_ms < b->until_ms ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

bool breaker_admit(struct breaker *b, int64_t now_ms, bool *is_probe_ret)
{
	*is_probe_ret = false;
	switch (breaker_state(b, now_ms)) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_HALF_OPEN:
		if (b->is_probing)
			return false;
		b->is_probing = true;
		*is_probe_ret = true;
		return true;
	case BREAKER_OPEN:
		break;
	}
	return false;
}

void breaker_success(struct breaker *b, int64_t now_ms)
{
	b->failures = b->openings = 0;
	b->until_ms = 0;
	b->is_probing = false;
	note(b, now_ms, 0);
}

bool breaker_failure(struct breaker *b, bool is_probe, int64_t now_ms)
{
	int64_t open_ms = BREAKER_OPEN_MS;

	breaker_release(b, is_probe);
	b->failures++;
	note(b, now_ms, 1);
	/* Requests that were under way when it opened change nothing. */
	if (is_probe ? breaker_state(b, now_ms) == BREAKER_OPEN
		     : b->until_ms || b->failures < BREAKER_FAILURES)
		return false;
	for (unsigned i = 0; i < b->openings && open_ms < BREAKER_OPEN_MOST_MS;
	     i++)
		open_ms *= 2;
	b->openings++;
	b->until_ms = now_ms + open_ms;
	return true;
}

void breaker_release(struct breaker *b, bool is_probe)
{
	if (is_probe)
		b->is_probing = false;
}

void breaker_slow(struct breaker *b, int64_t now_ms)
{
	note(b, now_ms, 1);
}

unsigned breaker_rank(const struct breaker *b, int64_t now_ms)
{
	if (breaker_state(b, now_ms) != BREAKER_CLOSED)
		return RANK_CLOSED_MOST + 1;
	double trouble = trouble_at(b, now_ms) * RANK_CLOSED_MOST;

	return trouble < RANK_CLOSED_MOST ? (unsigned)trouble
					  : RANK_CLOSED_MOST;
}

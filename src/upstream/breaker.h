/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Is it worth asking this server?
 *
 *	CLOSED --5 failures in a row--> OPEN --a minute--> one probe may go
 *	   ^                             ^ \--failed: for longer--'
 *	   '----------- it answered -------'
 *
 * And how well is it doing, for an order among servers: failures lately, which
 * fade with time.
 *
 * Threads: owned by one.
 */
#ifndef UPSTREAM_BREAKER_H
#define UPSTREAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

enum {
	BREAKER_FAILURES = 5,
	BREAKER_OPEN_MS = 60000,
	BREAKER_OPEN_MOST_MS = 480000,
};

/** All zeros: closed. Times are clock_ms(). */
struct breaker {
	unsigned failures; /* in a row */
	unsigned openings; /* in a row */
	int64_t until_ms;  /* open until then; 0: closed */
	bool is_probing;
	double trouble; /* failures lately: 0 none, 1 nothing else */
	int64_t faded_ms;
};

enum breaker_state breaker_state(const struct breaker *b, int64_t now_ms);

/** May a request go? In the half-open state one may: it is the probe, until
 * success, its failure or breaker_release().
 * @param[out] is_probe_ret Is it that one? For the calls that end it. */
bool breaker_admit(struct breaker *b, int64_t now_ms, bool *is_probe_ret);
/** It answered to the end, whatever it said. */
void breaker_success(struct breaker *b, int64_t now_ms);
/** @return Did it open just now? */
bool breaker_failure(struct breaker *b, bool is_probe, int64_t now_ms);
/** The request that was let go was called back: nothing is known. */
void breaker_release(struct breaker *b, bool is_probe);
/** Another server was faster by far: no failure, but trouble. */
void breaker_slow(struct breaker *b, int64_t now_ms);

/** For an order: 0 is best. Small differences do not show. */
unsigned breaker_rank(const struct breaker *b, int64_t now_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What failed in a worker for its own fault (died twice in a row, ran into a
 * limit, made no sense): when it may be tried again. After 1, 10 and 60
 * minutes, then only when it has changed, which gives it another name; a
 * restart tries once. Memory only, bounded; what is forgotten for want of
 * room is tried again earlier.
 *
 * Threads: any.
 */
#ifndef STORE_POISON_H
#define STORE_POISON_H

#include "base/error.h"
#include "base/lock.h"

#include <stdbool.h>
#include <stdint.h>

enum { POISON_SLOTS = 1024 };

struct poison {
	struct lock lock; /* guards slots */
	struct poison_slot {
		uint64_t name; /* 0: free */
		unsigned failures;
		enum error_kind kind; /* of the last */
		int64_t until_ms;     /* INT64_MAX: for good */
	} slots[POISON_SLOTS];
};

/** The time. A variable for tests. */
extern int64_t (*poison_clock_ms)(void);

void poison_init(struct poison *p);
void poison_deinit(struct poison *p);

/** It was tried and failed. @param[in] name As in struct cache_key. */
void poison_note(struct poison *p, uint64_t name, enum error_kind kind);
/** It went well. */
void poison_forget(struct poison *p, uint64_t name);

/** Must it be left alone? @param[out] left_ms_ret For how long: INT64_MAX for
 * good. @param[out] kind_ret What it failed with. */
bool poison_holds(struct poison *p, uint64_t name, int64_t *left_ms_ret,
		  enum error_kind *kind_ret);

#endif

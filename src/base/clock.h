/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Time. Intervals and deadlines are monotonic, so that a clock that jumps
 * changes nothing but labels.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Monotonic milliseconds; only differences mean something. */
static inline int64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/** Monotonic nanoseconds. */
static inline int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/** Seconds since 1970, for labels. */
static inline int64_t clock_wall_s(void)
{
	return (int64_t)time(NULL);
}

/** For a date nobody told: before all others, and no file has it. */
#define CLOCK_NO_DATE INT64_MIN

static inline int64_t clock_timespec_ns(struct timespec ts)
{
	/* Unsigned: file systems hold times after 2262. */
	return (int64_t)((uint64_t)ts.tv_sec * 1000000000 +
			 (uint64_t)ts.tv_nsec);
}

#endif

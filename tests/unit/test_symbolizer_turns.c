/* SPDX-License-Identifier: Apache-2.0 */
/* Whose table is made next, where more are asked for than can be made: who asks
 * for a few does not wait for who asks for a thousand. */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "tests/lib/symbolizer_fixture.h"
#include "tests/unit/unit.h"

/* src/symbolize: turns, those of them that a batch's tables but its first eight
 * may have, and how many go on for which nobody waits; the line. */
enum { TURNS = 64, TURNS_OF_MANY = 32, FIRST = 8, KEPT = 64, LINE = 1000 };

static int64_t in_line(void)
{
	return metric_get(METRIC_TABLE_FLIGHTS,
			  metric_label(LABELS_STAGE, "queued"), 0);
}

static int64_t running(void)
{
	return metric_get(METRIC_TABLE_FLIGHTS,
			  metric_label(LABELS_STAGE, "running"), 0);
}

static int64_t in_line_or_running(void)
{
	return in_line() + running();
}

static int64_t full_line(void)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, "queued_jobs"), 0);
}

static void await(int64_t (*value)(void), int64_t expected)
{
	int64_t end = clock_ms() + LONG_MS;

	while (value() != expected && clock_ms() < end)
		usleep(1000);
	ck_assert_int_eq(value(), expected);
}

/* Files of the build IDs @p from to @p from + @p count - 1, asked for by one
 * batch. */
static void ask_for_many(struct fixture *f, struct asked *a, unsigned from,
			 unsigned count, size_t size, unsigned wait_ms)
{
	asked_init(a, wait_ms);
	for (unsigned n = from; n < from + count; n++) {
		char name[16];

		snprintf(name, sizeof(name), "f%u", n);
		add_gated(f, name, n, size);
		want(a, n);
	}
	begin(f, a);
}

START_TEST(a_large_batch_that_does_not_wait_leaves_turns_to_others)
{
	enum { MANY = 200 };
	CLEANUP_ASKED struct asked a;
	struct fixture f;

	fixture_open(&f);
	add_gated(&f, "other", 1000, LARGE);
	ask_for_many(&f, &a, 1, MANY, SMALL, 0);
	finish(&a);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(status(&a, i), MODULE_PENDING);
	await(in_line_or_running, KEPT);
	expect(&f, 1000, "pa1");
	await(in_line_or_running, KEPT + 1);
	ck_assert_int_le(running(), TURNS_OF_MANY + FIRST + 1);
	ck_assert_int_eq(full_line(), 0);
	/* What was begun goes on without anybody. */
	open_gate(&f);
	wait_for(TABLE_OP_BUILD, KEPT + 1);
	await(running, 0);
	ck_assert_int_eq(in_line(), 0);
	fixture_close(&f);
}
END_TEST

START_TEST(who_asks_again_and_again_has_all_tables_in_the_end)
{
	enum { MANY = 200 };
	int64_t end = clock_ms() + LONG_MS;
	size_t good = 0;
	struct fixture f;

	fixture_open(&f);
	open_gate(&f);
	for (bool is_first = true; good < MANY && clock_ms() < end;
	     is_first = false) {
		CLEANUP_ASKED struct asked a;

		if (is_first) {
			ask_for_many(&f, &a, 1, MANY, SMALL, 0);
		} else {
			asked_init(&a, 0);
			for (unsigned n = 1; n <= MANY; n++)
				want(&a, n);
			begin(&f, &a);
		}
		finish(&a);
		good = 0;
		for (size_t i = 0; i < MANY; i++)
			good += status(&a, i) == MODULE_OK;
		usleep(1000);
	}
	ck_assert_uint_eq(good, MANY);
	ck_assert_int_eq(counted(TABLE_OP_BUILD), MANY);
	fixture_close(&f);
}
END_TEST

START_TEST(where_the_line_is_full_who_asks_for_few_has_a_place)
{
	enum { MANY = 600, FEW = 8, BATCHES = 5 };
	static struct asked large[2], few[BATCHES];
	struct fixture f;

	fixture_open(&f);
	ask_for_many(&f, &large[0], 1, MANY, SMALL, LONG_MS);
	ask_for_many(&f, &large[1], 1 + MANY, MANY, SMALL, LONG_MS);
	await(in_line, LINE);
	/* Not all of them have a turn at once. */
	for (unsigned i = 0; i < BATCHES; i++)
		ask_for_many(&f, &few[i], 2000 + i * FEW, FEW, SMALL, LONG_MS);
	await(running, TURNS);
	await(full_line, 2 * MANY + BATCHES * FEW - TURNS - LINE);
	ck_assert_int_eq(in_line(), LINE);
	open_gate(&f);
	for (unsigned i = 0; i < BATCHES; i++) {
		finish(&few[i]);
		for (size_t k = 0; k < FEW; k++)
			ck_assert_int_eq(status(&few[i], k), MODULE_OK);
		asked_deinit(&few[i]);
	}
	/* Long before the others. */
	ck_assert_int_gt(in_line(), 0);
	close_service(&f);
	for (unsigned i = 0; i < 2; i++) {
		finish(&large[i]);
		asked_deinit(&large[i]);
	}
	fixture_close(&f);
}
END_TEST

START_TEST(what_waits_in_line_for_a_large_batch_is_begun_for_a_small_one)
{
	enum { MANY = 100 };
	CLEANUP_ASKED struct asked a;
	struct fixture f;

	fixture_open(&f);
	ask_for_many(&f, &a, 1, MANY, LARGE, LONG_MS);
	await(in_line_or_running, MANY);
	int64_t before = in_line();

	ck_assert_int_ge(before, MANY - TURNS_OF_MANY - FIRST);
	expect(&f, MANY, "pa1");
	await(in_line, before - 1);
	close_service(&f);
	finish(&a);
	ck_assert_int_eq(status(&a, 0), MODULE_OK);
	ck_assert_int_eq(status(&a, MANY - 1), MODULE_OK);
	ck_assert_int_eq(status(&a, MANY - 2), MODULE_PENDING);
	fixture_close(&f);
}
END_TEST

START_TEST(what_nobody_waits_for_any_more_is_given_up_when_its_turn_comes)
{
	enum { MANY = 200 };
	CLEANUP_ASKED struct asked a;
	struct fixture f;

	fixture_open(&f);
	ask_for_many(&f, &a, 1, MANY, SMALL, 1000);
	finish(&a);
	ck_assert_int_eq(status(&a, 0), MODULE_PENDING);
	open_gate(&f);
	await(in_line_or_running, 0);
	ck_assert_int_ge(counted(TABLE_OP_BUILD), KEPT);
	ck_assert_int_lt(counted(TABLE_OP_BUILD), MANY);
	fixture_close(&f);
}
END_TEST

UNIT_MAIN("symbolizer_turns",
	  a_large_batch_that_does_not_wait_leaves_turns_to_others,
	  who_asks_again_and_again_has_all_tables_in_the_end,
	  where_the_line_is_full_who_asks_for_few_has_a_place,
	  what_waits_in_line_for_a_large_batch_is_begun_for_a_small_one,
	  what_nobody_waits_for_any_more_is_given_up_when_its_turn_comes)

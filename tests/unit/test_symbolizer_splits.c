/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that lack units of split DWARF: which files are had for them, when, and
 * what becomes of files that are not what they seem. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "tests/lib/fake_builder.h"
#include "tests/lib/symbolizer_fixture.h"
#include "tests/unit/unit.h"

enum { FIRST_ID = 1000 }; /* build IDs of the files */

/* A file that has unit @p unit as the index thinks, and says @p words. */
static void add_split(struct fixture *f, unsigned n, unsigned unit, size_t size,
		      const char *words)
{
	const uint64_t id = FAKE_SPLIT_ID + unit;
	const struct role role = {
		.n = FIRST_ID + n,
		.roles = INDEX_ROLE_DEBUGINFO,
		.size = size,
		.splits = &id,
		.split_count = 1,
	};
	char name[32];

	snprintf(name, sizeof(name), "%u.dwo", n);
	add_file(f, name, words, &role);
}

static void add_good_split(struct fixture *f, unsigned unit, size_t size)
{
	char words[32];

	snprintf(words, sizeof(words), "has=%u", unit);
	add_split(f, unit, unit, size, words);
}

/* Open again: who asks waits until it is known that there is nothing better, so
 * that what was to be built has been. */
static void wait_for_best(struct fixture *f)
{
	close_service(f);
	f->waits_for_best = true;
	open_service(f);
}

/* Whole tables that workers have built, also those that nobody got. */
static int whole_builds(void)
{
	static const char name[] = "symbolized_symbol_table_build_duration_"
				   "seconds_count{table=\"whole\"} ";
	CLEANUP_BUF struct buf text = BUF_INIT;

	metrics_render(&text);
	const char *at = strstr(buf_str(&text), name);

	return at ? atoi(at + strlen(name)) : 0;
}

/* Ask for build ID 1. @return Is nothing lacking? */
static bool is_whole(struct fixture *f, const char *name)
{
	CLEANUP_ASKED struct asked a;

	asked_init(&a, LONG_MS);
	want(&a, 1);
	begin(f, &a);
	finish(&a);
	ck_assert_int_eq(status(&a, 0), MODULE_OK);
	const char *message = a.batch.modules[0].message;

	ck_assert(!message || strstr(message, "split DWARF is missing"));
	if (name)
		ck_assert_str_eq(name_of(&a, 0), name);
	return !message;
}

START_TEST(files_are_found_and_all_is_built_with_them)
{
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "lacks=50");
	for (unsigned i = 0; i < 50; i++)
		add_good_split(&f, i, SMALL + i);
	ck_assert(is_whole(&f, "sp1"));
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	ck_assert(is_whole(&f, "sp1"));
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	fixture_close(&f);
}
END_TEST

START_TEST(large_files_are_not_copied_and_there_may_be_some)
{
	enum { BYTES = 64 << 20 };

	// More than there are descriptors for: the others are lacking.
	for (int are_many = 0; are_many < 2; are_many++) {
		struct fixture f;

		fixture_open(&f);
		add_debuginfo(&f, "a", 1, SMALL,
			      are_many ? "lacks=18" : "lacks=12");
		for (unsigned i = 0; i < (are_many ? 18 : 12); i++)
			add_good_split(&f, i,
				       are_many || i % 2 ? BYTES : SMALL);
		ck_assert_int_eq(is_whole(&f, "sp1"), !are_many);
		fixture_close(&f);
	}
}
END_TEST

static int64_t refused_copies(void)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, "split_copies"), 0);
}

START_TEST(copies_have_a_limit_and_give_back_their_room)
{
	struct fixture f;
	int64_t refused = refused_copies();

	fixture_open(&f);
	f.split_copies_bytes = 8192;
	wait_for_best(&f);
	add_debuginfo(&f, "a", 1, SMALL, "lacks=5");
	for (unsigned i = 0; i < 5; i++)
		add_good_split(&f, i, 1024);
	// Half of it is one table's.
	ck_assert(!is_whole(&f, "sp1"));
	ck_assert_int_eq(refused_copies(), refused + 1);
	ck_assert(!is_whole(&f, "sp1"));
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	for (unsigned n = 2; n < 6; n++) {
		char name[64];

		snprintf(name, sizeof(name), "%u", n);
		add_debuginfo(&f, name, n, SMALL, "lacks=4");
		ck_assert_int_eq(ask_in(&f, n, LONG_MS, name), MODULE_OK);
		ck_assert_str_eq(name, "sp1");
	}
	ck_assert_int_eq(refused_copies(), refused + 1);
	fixture_close(&f);
}
END_TEST

START_TEST(a_table_that_lacks_some_is_made_again_when_they_have_come)
{
	struct fixture f;

	fixture_open(&f);
	wait_for_best(&f);
	add_debuginfo(&f, "a", 1, SMALL, "lacks=3");
	ck_assert(!is_whole(&f, "fn1"));
	// What is of no use is no reason to build.
	add_debuginfo(&f, "b", 2, SMALL, "whole");
	ck_assert(!is_whole(&f, "fn1"));
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	add_good_split(&f, 0, SMALL);
	// In its time.
	for (int64_t end = clock_ms() + LONG_MS;
	     counted(TABLE_OP_BUILD) == 1 && clock_ms() < end;) {
		ck_assert(!is_whole(&f, NULL));
		usleep(10000);
	}
	ck_assert(!is_whole(&f, "sp1"));
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 2);
	// The old one answers while they are looked for.
	close_service(&f);
	add_good_split(&f, 1, SMALL);
	add_good_split(&f, 2, SMALL);
	f.waits_for_best = false;
	open_service(&f);
	bool is_good = false;

	for (int64_t end = clock_ms() + LONG_MS; !is_good && clock_ms() < end;)
		is_good = is_whole(&f, "sp1");
	ck_assert(is_good);
	fixture_close(&f);
}
END_TEST

START_TEST(a_file_that_ends_the_worker_is_left_out)
{
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "lacks=2");
	add_good_split(&f, 0, SMALL);
	add_split(&f, 1, 1, SMALL, "kills");
	wait_for_best(&f);
	ck_assert(!is_whole(&f, "fn1"));
	ck_assert(!is_whole(&f, "fn1"));
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	// The table without them had been built: it is the one.
	ck_assert_int_eq(whole_builds(), 1);
	fixture_close(&f);
}
END_TEST

START_TEST(where_the_first_file_is_not_what_it_seems_the_next_is_tried)
{
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "lacks=1");
	add_split(&f, 5, 0, SMALL, "has=99");
	add_split(&f, 6, 0, SMALL, "nothing");
	add_split(&f, 7, 0, SMALL, "has=0");
	ck_assert(is_whole(&f, "sp1"));
	// But not for ever.
	add_debuginfo(&f, "b", 2, SMALL, "lacks=2");
	for (unsigned i = 10; i < 20; i++)
		add_split(&f, i, 1, SMALL, "nothing");
	add_split(&f, 20, 1, SMALL, "has=1");
	char name[64];

	ck_assert_int_eq(ask_in(&f, 2, LONG_MS, name), MODULE_OK);
	ck_assert_str_eq(name, "sp1");
	fixture_close(&f);
}
END_TEST

START_TEST(a_file_that_is_gone_is_lacking)
{
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "lacks=2");
	add_good_split(&f, 0, SMALL);
	add_good_split(&f, 1, SMALL);
	ck_assert_int_eq(unlink(index_fixture_path(&f.index, "1.dwo")), 0);
	ck_assert(!is_whole(&f, "sp1"));
	fixture_close(&f);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_not_tried_at_every_turn)
{
	struct fixture f;

	fixture_open(&f);
	wait_for_best(&f);
	add_debuginfo(&f, "a", 1, SMALL, "lacks=2");
	add_good_split(&f, 0, SMALL);
	add_good_split(&f, 1, SMALL);
	const char *path = index_fixture_path(&f.index, "1.dwo");
	int64_t begun = clock_ms();

	// As if there were none would be lasting: no program opens a socket.
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mknod(path, S_IFSOCK | 0600, 0), 0);
	ck_assert(!is_whole(&f, "sp1"));
	for (unsigned n = 2; n < 6; n++) {
		char name[8];

		snprintf(name, sizeof(name), "%u", n);
		add_debuginfo(&f, name, n, SMALL, "whole");
		ck_assert(!is_whole(&f, "sp1"));
	}
	ck_assert_int_le(counted(TABLE_OP_BUILD),
			 1 + (clock_ms() - begun) / 2000);
	fixture_close(&f);
}
END_TEST

START_TEST(files_that_come_all_the_time_are_not_each_a_reason_to_build)
{
	enum { MANY = 200 };
	int64_t begun = clock_ms();
	struct fixture f;

	fixture_open(&f);
	wait_for_best(&f);
	add_debuginfo(&f, "a", 1, SMALL, "lacks=300");
	ck_assert(!is_whole(&f, "fn1"));
	for (unsigned i = 0; i < MANY; i++) {
		add_good_split(&f, i, SMALL);
		ck_assert(!is_whole(&f, NULL));
	}
	ck_assert_int_le(counted(TABLE_OP_BUILD),
			 1 + (clock_ms() - begun) / 2000);
	fixture_close(&f);
}
END_TEST

START_TEST(a_few_addresses_wait_for_the_whole_if_that_may_be_better)
{
	for (int has_splits = 0; has_splits < 2; has_splits++) {
		struct fixture f;

		fixture_open(&f);
		char words[160];

		snprintf(words, sizeof(words), "lacks=1 %s%s",
			 has_splits ? "" : "gate=", has_splits ? "" : f.gate);
		add_debuginfo(&f, "a", 1, LARGE, words);
		if (has_splits)
			add_good_split(&f, 0, SMALL);
		ck_assert_int_eq(is_whole(&f, has_splits ? "sp1" : "pa1"),
				 has_splits);
		open_gate(&f);
		fixture_close(&f);
	}
}
END_TEST

UNIT_MAIN("symbolizer_splits", files_are_found_and_all_is_built_with_them,
	  large_files_are_not_copied_and_there_may_be_some,
	  copies_have_a_limit_and_give_back_their_room,
	  a_table_that_lacks_some_is_made_again_when_they_have_come,
	  a_file_that_ends_the_worker_is_left_out,
	  where_the_first_file_is_not_what_it_seems_the_next_is_tried,
	  a_file_that_is_gone_is_lacking,
	  a_file_that_cannot_be_opened_is_not_tried_at_every_turn,
	  files_that_come_all_the_time_are_not_each_a_reason_to_build,
	  a_few_addresses_wait_for_the_whole_if_that_may_be_better)

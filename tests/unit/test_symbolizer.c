/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The symbolizer as a whole, on an index made by hand and with workers that do
 * what the files say (tests/lib/fake_builder.c): who waits for whom, and what
 * becomes of it.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/poison.h"
#include "tests/lib/sample_table.h"
#include "tests/lib/symbolizer_fixture.h"
#include "tests/unit/unit.h"

START_TEST(a_table_is_built_when_it_is_first_asked_for)
{
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "whole");
	expect(&f, 1, "fn1");
	expect(&f, 1, "fn1");
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	ck_assert_int_eq(counted(TABLE_OP_MISS), 1);
	ck_assert_int_eq(counted(TABLE_OP_HIT), 1);
	ck_assert_int_eq(counted(TABLE_OP_PARTIAL), 0);
	ck_assert_int_eq(metric_get(METRIC_SYMBOLIZE_BATCHES, 0, 0), 2);
	fixture_close(&f);
}
END_TEST

START_TEST(a_hundred_who_ask_the_same_cost_one_build)
{
	enum { MANY = 100 };
	static struct asked all[MANY];
	struct fixture f;

	fixture_open(&f);
	add_gated(&f, "a", 1, SMALL);
	for (size_t i = 0; i < MANY; i++) {
		asked_init(&all[i], LONG_MS);
		want(&all[i], 1);
		want(&all[i], 1); /* twice in one batch, too */
		begin(&f, &all[i]);
	}
	ck_assert_int_eq(metric_get(METRIC_SYMBOLIZE_WAITING, 0, 0), MANY);
	open_gate(&f);
	for (size_t i = 0; i < MANY; i++) {
		finish(&all[i]);
		ck_assert_int_eq(status(&all[i], 0), MODULE_OK);
		ck_assert_int_eq(status(&all[i], 1), MODULE_OK);
		ck_assert_str_eq(name_of(&all[i], 1), "fn1");
		asked_deinit(&all[i]);
	}
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	ck_assert_int_eq(metric_get(METRIC_SYMBOLIZE_WAITING, 0, 0), 0);
	fixture_close(&f);
}
END_TEST

static int64_t full_queues(void)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, "queued_jobs"), 0);
}

START_TEST(one_batch_more_than_can_wait_is_refused_and_counted)
{
	enum { MANY = 4096 };
	static struct asked all[MANY];
	CLEANUP_ASKED struct asked surplus;
	struct fixture f;

	fixture_open(&f);
	add_gated(&f, "a", 1, SMALL);
	for (size_t i = 0; i < MANY; i++) {
		asked_init(&all[i], LONG_MS);
		want(&all[i], 1);
		begin(&f, &all[i]);
	}
	ck_assert_int_eq(full_queues(), 0);
	asked_init(&surplus, LONG_MS);
	want(&surplus, 1);
	begin(&f, &surplus);
	finish(&surplus);
	ck_error(STEAL(surplus.err), BUSY, "4096 batches wait");
	ck_assert_int_eq(full_queues(), 1);
	open_gate(&f);
	for (size_t i = 0; i < MANY; i++) {
		finish(&all[i]);
		ck_assert_int_eq(status(&all[i], 0), MODULE_OK);
		asked_deinit(&all[i]);
	}
	fixture_close(&f);
}
END_TEST

START_TEST(what_is_not_ready_in_time_is_pending_and_ready_later)
{
	struct fixture f;

	fixture_open(&f);
	add_gated(&f, "a", 1, SMALL);
	add_debuginfo(&f, "b", 2, SMALL, "whole");
	expect_status(&f, 1, 0, MODULE_PENDING);
	expect_status(&f, 1, 30, MODULE_PENDING);

	/* The rest of a batch is answered. */
	CLEANUP_ASKED struct asked a;

	asked_init(&a, 200);
	want(&a, 1);
	want(&a, 2);
	begin(&f, &a);
	finish(&a);
	ck_assert_int_eq(status(&a, 0), MODULE_PENDING);
	ck_assert_int_eq(a.batch.reasons[0], ADDRESS_MODULE_PENDING);
	ck_assert_int_eq(status(&a, 1), MODULE_OK);
	ck_assert(a.batch.is_partial);
	open_gate(&f);
	wait_for(TABLE_OP_BUILD, 2);
	expect(&f, 1, "fn1");
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 2);
	fixture_close(&f);
}
END_TEST

START_TEST(of_a_large_file_a_few_addresses_are_answered_first)
{
	struct fixture f;

	fixture_open(&f);
	add_gated(&f, "a", 1, LARGE);
	expect(&f, 1, "pa1");
	/* The whole is being built: who comes now is answered as well. */
	expect(&f, 1, "pa1");
	ck_assert_int_eq(counted(TABLE_OP_PARTIAL), 2);
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 0);
	/* One that asks for so much that it is the whole table waits. */
	CLEANUP_ASKED struct asked a;

	asked_init(&a, LONG_MS);
	want(&a, 1);
	for (unsigned i = 0; i < 5000; i++)
		ck_no_error(batch_add_address(&a.batch, &any, SAMPLE_BASE + i));
	begin(&f, &a);
	open_gate(&f);
	finish(&a);
	ck_assert_int_eq(status(&a, 0), MODULE_OK);
	ck_assert_str_eq(name_of(&a, 0), "fn1");
	expect(&f, 1, "fn1");
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	ck_assert_int_eq(counted(TABLE_OP_PARTIAL), 2);
	fixture_close(&f);
}
END_TEST

START_TEST(who_always_asks_for_a_few_addresses_more_keeps_nobody_from_the_whole)
{
	CLEANUP_ASKED struct asked first, second, large;
	char words[160], turns[128], waits[160];
	struct fixture f;

	fixture_open(&f);
	snprintf(turns, sizeof(turns), "%s.turn", f.gate);
	snprintf(words, sizeof(words), "turns=%s", turns);
	add_debuginfo(&f, "a", 1, LARGE, words);
	asked_init(&first, LONG_MS);
	want(&first, 1);
	begin(&f, &first);
	snprintf(waits, sizeof(waits), "%s.waits", turns);
	while (access(waits, F_OK))
		usleep(1000);
	/* Who asks now is of the next round. */
	asked_init(&second, LONG_MS);
	want(&second, 1);
	begin(&f, &second);
	close(open(turns, O_CREAT | O_WRONLY, 0600));
	finish(&first);
	ck_assert_str_eq(name_of(&first, 0), "pa1");
	/* However long that round takes. */
	asked_init(&large, LONG_MS);
	want(&large, 1);
	for (unsigned i = 0; i < 5000; i++)
		ck_no_error(
			batch_add_address(&large.batch, &any, SAMPLE_BASE + i));
	begin(&f, &large);
	finish(&large);
	ck_assert_int_eq(status(&large, 0), MODULE_OK);
	ck_assert_str_eq(name_of(&large, 0), "fn1");
	finish(&second);
	ck_assert_int_eq(status(&second, 0), MODULE_OK);
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	fixture_close(&f);
}
END_TEST

START_TEST(what_is_loaded_does_not_wait_for_what_is_built)
{
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "warm", 1, SMALL, "whole");
	expect(&f, 1, "fn1");
	for (unsigned i = 2; i < 10; i++) {
		char name[16];

		snprintf(name, sizeof(name), "cold%u", i);
		add_gated(&f, name, i, SMALL);
		expect_status(&f, i, 0, MODULE_PENDING);
	}
	for (unsigned i = 0; i < 100; i++)
		expect(&f, 1, "fn1");
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	open_gate(&f);
	fixture_close(&f);
}
END_TEST

START_TEST(modules_without_a_table_say_why)
{
	struct fixture f;
	CLEANUP_ASKED struct asked a;

	fixture_open(&f);
	add_debuginfo(&f, "bad", 1, SMALL, "bad");
	add_debuginfo(&f, "gone", 2, SMALL, "whole");
	ck_assert_int_eq(unlink(index_fixture_path(&f.index, "gone")), 0);
	asked_init(&a, LONG_MS);
	want(&a, 1);
	want(&a, 2);
	want(&a, 3);
	begin(&f, &a);
	finish(&a);
	ck_assert_int_eq(status(&a, 0), MODULE_MALFORMED);
	ck_assert_str_eq(a.batch.modules[0].message, "it says so itself");
	ck_assert_int_eq(status(&a, 1), MODULE_ABSENT);
	ck_assert_int_eq(status(&a, 2), MODULE_ABSENT);
	/* That is not tried again while nothing changes. */
	expect_status(&f, 1, LONG_MS, MODULE_MALFORMED);
	/* But when it does. (Of another size: times are coarse.) */
	add_debuginfo(&f, "bad", 1, SMALL + 1, "good");
	expect(&f, 1, "fn1");
	fixture_close(&f);
}
END_TEST

START_TEST(a_worker_that_dies_once_is_given_another_try)
{
	struct fixture f;
	char words[160];

	fixture_open(&f);
	snprintf(words, sizeof(words), "fickle=%s", f.gate);
	add_debuginfo(&f, "a", 1, SMALL, words);
	add_debuginfo(&f, "b", 2, SMALL, "die");
	expect(&f, 1, "fn1");
	expect_status(&f, 2, LONG_MS, MODULE_MALFORMED);
	int64_t deaths = metric_get(METRIC_WORKER_DEATHS,
				    metric_label(LABELS_POOL, "build"), 1);

	ck_assert_int_eq(deaths, 3);
	expect_status(&f, 2, LONG_MS, MODULE_MALFORMED);
	ck_assert_int_eq(metric_get(METRIC_WORKER_DEATHS,
				    metric_label(LABELS_POOL, "build"), 1),
			 deaths);
	fixture_close(&f);
}
END_TEST

static int64_t later_ms;

static int64_t later(void)
{
	return clock_ms() + later_ms;
}

static int64_t build_deaths(void)
{
	return metric_get(METRIC_WORKER_DEATHS,
			  metric_label(LABELS_POOL, "build"), 1);
}

/* */
START_TEST(what_kills_its_builder_is_built_again_after_growing_pauses)
{
	static const int64_t pauses_ms[] = { 60000, 600000, 3600000 };
	struct fixture f;

	later_ms = 0;
	poison_clock_ms = later;
	fixture_open(&f);
	add_debuginfo(&f, "b", 1, SMALL, "die");
	expect_status(&f, 1, LONG_MS, MODULE_MALFORMED);
	for (size_t i = 0; i < 3; i++) {
		int64_t before = build_deaths();

		/* Short of it by more than this test can take. */
		later_ms += pauses_ms[i] - 30000;
		expect_status(&f, 1, LONG_MS, MODULE_MALFORMED);
		ck_assert_int_eq(build_deaths(), before);
		later_ms += 30000;
		expect_status(&f, 1, LONG_MS, MODULE_MALFORMED);
		ck_assert_int_gt(build_deaths(), before);
	}
	int64_t last = build_deaths();

	later_ms += INT64_C(365) * 24 * 3600 * 1000;
	expect_status(&f, 1, LONG_MS, MODULE_MALFORMED);
	ck_assert_int_eq(build_deaths(), last);
	fixture_close(&f);
	poison_clock_ms = clock_ms;
}
END_TEST

/* Ask until the answer is that. */
static void expect_soon(struct fixture *f, unsigned n, const char *expected)
{
	char name[64] = "";

	for (int i = 0; i < 1000 && strcmp(name, expected) != 0; i++) {
		ck_assert_int_eq(ask_in(f, n, LONG_MS, name), MODULE_OK);
		usleep(5000);
	}
	ck_assert_str_eq(name, expected);
}

START_TEST(better_debug_information_betters_answers_behind_the_scenes)
{
	struct role executable = {
		.n = 1,
		.roles = INDEX_ROLE_EXECUTABLE,
		.quality = SYMTAB_QUALITY_DYNSYM,
		.size = SMALL,
	};
	const struct role debuginfo = {
		.n = 1,
		.roles = INDEX_ROLE_DEBUGINFO,
		.quality = SYMTAB_QUALITY_DWARF,
		.size = SMALL,
		.alt = 7,
	};
	const struct role alt = {
		.n = 7,
		.roles = INDEX_ROLE_DEBUGINFO,
		.quality = SYMTAB_QUALITY_DWARF,
		.size = SMALL,
	};
	struct build_id id = index_test_id(1);
	struct fixture f;
	char words[160];

	fixture_open(&f);
	add_file(&f, "exe", "quality=1", &executable);
	expect(&f, 1, "fn1");
	ck_assert_int_eq(symbolizer_quality(f.s, &id), SYMTAB_QUALITY_DYNSYM);
	/* While the better one is built, the other one answers. */
	snprintf(words, sizeof(words), "gate=%s", f.gate);
	add_file(&f, "debug", words, &debuginfo);
	for (unsigned i = 0; i < 10; i++)
		expect(&f, 1, "fn1");
	ck_assert_int_eq(symbolizer_quality(f.s, &id), SYMTAB_QUALITY_DYNSYM);
	open_gate(&f);
	wait_for(TABLE_OP_BUILD, 2);
	for (int i = 0;
	     i < 1000 && symbolizer_quality(f.s, &id) != SYMTAB_QUALITY_DWARF;
	     i++)
		usleep(1000);
	ck_assert_int_eq(symbolizer_quality(f.s, &id), SYMTAB_QUALITY_DWARF);
	/* The alternate file comes last: the index changes for its own ID. */
	add_file(&f, "alt", "", &alt);
	expect_soon(&f, 1, "al1");
	/* Something that says no more changes nothing. */
	wait_for(TABLE_OP_BUILD, 3);
	executable.size++;
	add_file(&f, "exe", "quality=1 again", &executable);
	for (unsigned i = 0; i < 10; i++)
		expect(&f, 1, "al1");
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 3);
	fixture_close(&f);
}
END_TEST

START_TEST(a_worse_table_never_takes_the_place_of_a_better_one)
{
	const struct role executable = {
		.n = 1,
		.roles = INDEX_ROLE_EXECUTABLE,
		.quality = SYMTAB_QUALITY_SYMTAB,
		.size = SMALL,
	};
	struct build_id id = index_test_id(1);
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "debug", 1, SMALL, "quality=4");
	expect(&f, 1, "fn1");
	/* What it is made from next is all there is, and gives less. */
	add_debuginfo(&f, "debug", 1, SMALL + 1, "quality=3");
	add_file(&f, "exe", "", &executable);
	expect(&f, 1, "fn1");
	wait_for(TABLE_OP_BUILD, 2);
	ck_assert_int_eq(symbolizer_quality(f.s, &id), SYMTAB_QUALITY_DWARF);
	/* Nor is it tried again and again. */
	for (unsigned i = 0; i < 20; i++) {
		expect(&f, 1, "fn1");
		usleep(1000);
	}
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 2);
	fixture_close(&f);
}
END_TEST

START_TEST(a_restart_takes_tables_from_disk)
{
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "whole");
	expect(&f, 1, "fn1");
	wait_for(TABLE_OP_KEEP, 1);
	close_service(&f);
	open_service(&f);
	expect(&f, 1, "fn1");
	ck_assert_int_eq(counted(TABLE_OP_LOAD), 1);
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	fixture_close(&f);
}
END_TEST

/* */
START_TEST(what_a_limit_has_cut_says_so_from_disk_too)
{
	unsigned label = metric_label(LABELS_LIMIT, "dwarf");
	int64_t before = metric_get(METRIC_LIMITS_REACHED, label, 0);
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "cut");
	for (int i = 0; i < 3; i++) {
		CLEANUP_ASKED struct asked a;

		// Just built; loaded; from disk.
		if (i == 2) {
			wait_for(TABLE_OP_KEEP, 1);
			close_service(&f);
			open_service(&f);
		}
		asked_init(&a, LONG_MS);
		want(&a, 1);
		begin(&f, &a);
		finish(&a);
		ck_assert_int_eq(status(&a, 0), MODULE_OK);
		ck_assert_ptr_nonnull(a.batch.modules[0].message);
		ck_assert_str_eq(a.batch.modules[0].message,
				 "a limit cut its debug information");
	}
	ck_assert_int_eq(counted(TABLE_OP_LOAD), 1);
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	ck_assert_int_eq(metric_get(METRIC_LIMITS_REACHED, label, 0),
			 before + 1);
	fixture_close(&f);
}
END_TEST

/* Executables 1 and 2, of which tables are on disk, and by now more. */
static void reopen_to_better(struct fixture *f)
{
	char words[160];

	fixture_open(f);
	for (unsigned n = 1; n <= 2; n++) {
		const struct role executable = {
			.n = n,
			.roles = INDEX_ROLE_EXECUTABLE,
			.quality = SYMTAB_QUALITY_DYNSYM,
			.size = SMALL,
		};

		add_file(f, n == 1 ? "exe1" : "exe2", "quality=1", &executable);
		expect(f, n, "fn1");
		wait_for(TABLE_OP_KEEP, n);
	}
	close_service(f);
	snprintf(words, sizeof(words), "gate=%s", f->gate);
	for (unsigned n = 1; n <= 2; n++) {
		const struct role debuginfo = {
			.n = n,
			.roles = INDEX_ROLE_DEBUGINFO,
			.quality = SYMTAB_QUALITY_DWARF,
			.size = SMALL,
			.alt = 7,
		};

		add_file(f, n == 1 ? "debug1" : "debug2",
			 n == 1 ? words : "bad", &debuginfo);
	}
	add_file(f, "alt", "",
		 &(struct role) {
			 .n = 7,
			 .roles = INDEX_ROLE_DEBUGINFO,
			 .quality = SYMTAB_QUALITY_DWARF,
			 .size = SMALL,
		 });
	f->waits_for_best = true;
	open_service(f);
}

START_TEST(who_asks_once_waits_for_the_better_table)
{
	struct fixture f;
	char name[64];

	reopen_to_better(&f);
	/* Of what does not come in time, or never, the old one answers. */
	ck_assert_int_eq(ask_in(&f, 1, 300, name), MODULE_OK);
	ck_assert_str_eq(name, "fn1");
	expect(&f, 2, "fn1");
	ck_assert_int_eq(counted(TABLE_OP_LOAD), 2);
	open_gate(&f);
	expect(&f, 1, "al1");
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 3);
	/* Then that is the best there is. */
	expect(&f, 1, "al1");
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 3);
	fixture_close(&f);
}
END_TEST

START_TEST(a_table_damaged_on_disk_is_built_anew)
{
	struct fixture f;
	char command[256];

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "whole");
	expect(&f, 1, "fn1");
	wait_for(TABLE_OP_KEEP, 1);
	close_service(&f);
	snprintf(command, sizeof(command),
		 "for t in %s/*.gsym; do printf XXXX | dd of=$t bs=1 seek=200 "
		 "conv=notrunc status=none; done",
		 f.tables);
	ck_assert_int_eq(system(command), 0);
	open_service(&f);
	expect(&f, 1, "fn1");
	ck_assert_int_eq(counted(TABLE_OP_DAMAGED), 1);
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 2);
	fixture_close(&f);
}
END_TEST

START_TEST(damage_that_shows_when_it_is_used_is_pending_and_mended)
{
	struct fixture f;
	char words[160], name[64];

	fixture_open(&f);
	snprintf(words, sizeof(words), "broken=%s", f.gate);
	add_debuginfo(&f, "a", 1, SMALL, words);
	ck_assert_int_eq(ask_in(&f, 1, LONG_MS, name), MODULE_PENDING);
	ck_assert_int_eq(counted(TABLE_OP_DAMAGED), 1);
	open_gate(&f);
	expect(&f, 1, "fn1");
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 2);
	fixture_close(&f);
}
END_TEST

START_TEST(without_room_for_tables_addresses_are_answered_all_the_same)
{
	struct fixture f;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "full");
	add_debuginfo(&f, "b", 2, LARGE, "full");
	expect(&f, 1, "fn1");
	expect(&f, 2, "fn1");
	expect(&f, 1, "fn1");
	ck_assert_int_eq(counted(TABLE_OP_KEEP), 0);
	fixture_close(&f);
}
END_TEST

START_TEST(an_id_that_is_padded_with_zeros_is_that_of_the_shorter_one)
{
	struct fixture f;
	struct index_test_container t;
	CLEANUP_ASKED struct asked a;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "whole");
	/* The same file, by a short ID. */
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	struct build_id id = index_test_id(1);

	ck_no_error(index_find(f.index.r, &id, INDEX_ROLE_DEBUGINFO, &places));
	ck_assert_uint_eq(places.count, 1);
	index_test_file(&t, places.v[0].path, 1, 1);
	t.c.stamp = places.v[0].stamp;
	t.artifacts[0].id.len = 8;
	t.artifacts[0].size = SMALL;
	t.artifacts[0].roles = INDEX_ROLE_DEBUGINFO;
	ck_no_error(index_test_put(f.index.ix, &t));
	memset(id.bytes + 8, 0, 12);
	ck_assert_uint_eq(id.len, 20);
	asked_init(&a, LONG_MS);
	want_id(&a, &id);
	id.len = 8;
	want_id(&a, &id);
	begin(&f, &a);
	finish(&a);
	ck_assert_int_eq(status(&a, 0), MODULE_OK);
	ck_assert_int_eq(status(&a, 1), MODULE_OK);
	ck_assert_str_eq(name_of(&a, 0), "fn1");
	ck_assert_uint_eq(symtab_build_id(a.batch.modules[0].table)->len, 8);
	ck_assert_int_eq(counted(TABLE_OP_BUILD), 1);
	fixture_close(&f);
}
END_TEST

START_TEST(a_debug_id_that_several_have_is_ambiguous)
{
	struct fixture f;
	CLEANUP_ASKED struct asked a;
	struct batch_module *m;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "whole");
	add_debuginfo(&f, "b", 2, SMALL, "whole");
	add_debuginfo(&f, "c", 102, SMALL, "whole");
	asked_init(&a, LONG_MS);
	for (unsigned i = 1; i <= 3; i++) {
		struct build_id none = { .len = 0 };

		m = want_id(&a, &none);
		m->is_breakpad = true;
		memset(m->breakpad_guid, (int)i, 16);
	}
	begin(&f, &a);
	finish(&a);
	ck_assert_int_eq(status(&a, 0), MODULE_OK);
	ck_assert_str_eq(name_of(&a, 0), "fn1");
	ck_assert_int_eq(status(&a, 1), MODULE_MALFORMED);
	ck_assert_ptr_nonnull(strstr(a.batch.modules[1].message, "several"));
	ck_assert_int_eq(status(&a, 2), MODULE_ABSENT);
	fixture_close(&f);
}
END_TEST

START_TEST(who_asks_by_another_name_sees_answers_get_better_too)
{
	struct role role = {
		.n = 1,
		.roles = INDEX_ROLE_EXECUTABLE,
		.quality = SYMTAB_QUALITY_DYNSYM,
		.size = SMALL,
	};
	struct build_id none = { .len = 0 }, id = index_test_id(1);
	struct fixture f;

	fixture_open(&f);
	add_file(&f, "exe", "quality=1", &role);
	for (int i = 0; i < 1000 && counted(TABLE_OP_BUILD) < 2; i++) {
		CLEANUP_ASKED struct asked a;

		asked_init(&a, LONG_MS);
		struct batch_module *m = want_id(&a, &none);

		m->is_breakpad = true;
		memset(m->breakpad_guid, 1, 16);
		begin(&f, &a);
		finish(&a);
		ck_assert_int_eq(status(&a, 0), MODULE_OK);
		if (i == 0)
			add_debuginfo(&f, "debug", 1, SMALL, "quality=4");
		usleep(1000);
	}
	wait_for(TABLE_OP_BUILD, 2);
	ck_assert_int_eq(symbolizer_quality(f.s, &id), SYMTAB_QUALITY_DWARF);
	fixture_close(&f);
}
END_TEST

START_TEST(a_thousand_unknown_ids_are_absent_each)
{
	struct fixture f;
	CLEANUP_ASKED struct asked a;
	struct build_id none = { .len = 0 };

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "whole");
	asked_init(&a, LONG_MS);
	want(&a, 1);
	want_id(&a, &none);
	for (unsigned i = 2; i < 1000; i++)
		want(&a, 1000 + i);
	begin(&f, &a);
	finish(&a);
	ck_assert_int_eq(status(&a, 0), MODULE_OK);
	for (size_t i = 1; i < 1000; i++)
		ck_assert_int_eq(status(&a, i), MODULE_ABSENT);
	ck_assert_int_eq(a.batch.reasons[1], ADDRESS_NO_BUILD_ID);
	ck_assert_int_eq(a.batch.reasons[2], ADDRESS_MODULE_ABSENT);
	fixture_close(&f);
}
END_TEST

START_TEST(more_tables_than_there_are_turns_are_all_made)
{
	enum { MANY = 200 };
	struct fixture f;
	CLEANUP_ASKED struct asked a;

	fixture_open(&f);
	asked_init(&a, LONG_MS);
	for (unsigned i = 1; i <= MANY; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%u", i);
		add_debuginfo(&f, name, i, SMALL, "whole");
		want(&a, i);
	}
	begin(&f, &a);
	finish(&a);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(status(&a, i), MODULE_OK);
	ck_assert_int_eq(counted(TABLE_OP_BUILD), MANY);
	ck_assert_int_eq(metric_get(METRIC_TABLE_FLIGHTS, 0, 0), 0);
	fixture_close(&f);
}
END_TEST

UNIT_MAIN("symbolizer", a_table_is_built_when_it_is_first_asked_for,
	  a_hundred_who_ask_the_same_cost_one_build,
	  one_batch_more_than_can_wait_is_refused_and_counted,
	  what_is_not_ready_in_time_is_pending_and_ready_later,
	  of_a_large_file_a_few_addresses_are_answered_first,
	  who_always_asks_for_a_few_addresses_more_keeps_nobody_from_the_whole,
	  what_is_loaded_does_not_wait_for_what_is_built,
	  modules_without_a_table_say_why,
	  a_worker_that_dies_once_is_given_another_try,
	  what_kills_its_builder_is_built_again_after_growing_pauses,
	  better_debug_information_betters_answers_behind_the_scenes,
	  a_worse_table_never_takes_the_place_of_a_better_one,
	  a_restart_takes_tables_from_disk,
	  what_a_limit_has_cut_says_so_from_disk_too,
	  who_asks_once_waits_for_the_better_table,
	  a_table_damaged_on_disk_is_built_anew,
	  damage_that_shows_when_it_is_used_is_pending_and_mended,
	  without_room_for_tables_addresses_are_answered_all_the_same,
	  an_id_that_is_padded_with_zeros_is_that_of_the_shorter_one,
	  a_debug_id_that_several_have_is_ambiguous,
	  who_asks_by_another_name_sees_answers_get_better_too,
	  a_thousand_unknown_ids_are_absent_each,
	  more_tables_than_there_are_turns_are_all_made)

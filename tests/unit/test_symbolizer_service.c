/* SPDX-License-Identifier: Apache-2.0 */
/* What the symbolizer does beside batches: tables as files, threads for others,
 * its end, and want of memory. */
#include "config.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/lib/symbolizer_fixture.h"
#include "tests/unit/unit.h"

struct file_answer {
	struct asked base;
	struct symbol_file file;
};

static void file_done(void *ctx, struct error *err, struct symbol_file *file)
{
	struct file_answer *x = ctx;

	x->file = *file;
	file->fd = -1;
	done(&x->base, err);
}

START_TEST(the_table_itself_can_be_had)
{
	struct fixture f;
	struct build_id id = index_test_id(1);
	struct file_answer x[3];
	char magic[4];

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, LARGE, "whole");
	for (size_t i = 0; i < 3; i++) {
		asked_init(&x[i].base, 0);
		id = index_test_id(i == 2 ? 5 : 1);
		symbolize_file(f.s, &id, LONG_MS, file_done, &x[i]);
		finish(&x[i].base);
		ck_assert_ptr_null(x[i].base.err);
		if (i == 0)
			wait_for(TABLE_OP_KEEP, 1);
	}
	ck_assert_int_eq(x[0].file.status, MODULE_OK);
	ck_assert_int_ge(x[0].file.fd, 0);
	ck_assert_int_eq(pread(x[0].file.fd, magic, 4, 0), 4);
	ck_assert(!memcmp(magic, "MYSG", 4));
	ck_assert_uint_gt(x[0].file.size, 100);
	/* The same bytes, the same tag. */
	ck_assert_uint_eq(x[0].file.etag, x[1].file.etag);
	ck_assert_int_eq(x[2].file.status, MODULE_ABSENT);
	ck_assert_int_eq(x[2].file.fd, -1);
	ck_assert_int_eq(counted(TABLE_OP_PARTIAL), 0);
	for (size_t i = 0; i < 3; i++) {
		cleanup_close(&x[i].file.fd);
		asked_deinit(&x[i].base);
	}
	fixture_close(&f);
}
END_TEST

START_TEST(the_table_can_be_had_where_none_is_kept)
{
	struct build_id id = index_test_id(1);
	struct file_answer x[2];
	struct fixture f;
	char magic[4];

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "full");
	for (size_t i = 0; i < 2; i++) {
		asked_init(&x[i].base, 0);
		symbolize_file(f.s, &id, LONG_MS, file_done, &x[i]);
		finish(&x[i].base);
		ck_assert_ptr_null(x[i].base.err);
		ck_assert_int_eq(x[i].file.status, MODULE_OK);
		ck_assert_int_eq(pread(x[i].file.fd, magic, 4, 0), 4);
		ck_assert(!memcmp(magic, "MYSG", 4));
		ck_assert_int_ge(lseek(x[i].file.fd, 0, SEEK_END),
				 (off_t)x[i].file.size);
	}
	ck_assert_uint_eq(x[0].file.etag, x[1].file.etag);
	ck_assert_int_eq(counted(TABLE_OP_KEEP), 0);
	for (size_t i = 0; i < 2; i++) {
		cleanup_close(&x[i].file.fd);
		asked_deinit(&x[i].base);
	}
	fixture_close(&f);
}
END_TEST

static void note_ran(void *ctx)
{
	done(ctx, NULL);
}

START_TEST(work_is_run_on_a_thread_of_its_own)
{
	struct fixture f;

	fixture_open(&f);
	for (size_t bytes = 0; bytes < 2 << 20; bytes += 1 << 20) {
		CLEANUP_ASKED struct asked b;

		asked_init(&b, 0);
		ck_no_error(symbolizer_run(f.s, bytes, note_ran, &b));
		finish(&b);
	}
	ck_assert_uint_eq(symbolizer_limits(f.s)->modules, 1000);
	fixture_close(&f);
}
END_TEST

/* A batch that is asked for from a computing thread for small bodies. */
struct on_thread {
	struct fixture *f;
	struct asked *asked;
	char name[2][16]; /* of the thread that asks, and of the one that
			   * answers */
};

static void answered_there(void *ctx, struct error *err)
{
	struct on_thread *t = ctx;

	prctl(PR_GET_NAME, t->name[1]);
	done(t->asked, err);
}

static void ask_there(void *ctx)
{
	struct on_thread *t = ctx;

	prctl(PR_GET_NAME, t->name[0]);
	symbolize(t->f->s, &t->asked->batch, answered_there, t);
}

START_TEST(many_addresses_in_a_few_bytes_are_a_large_batch)
{
	static const struct {
		size_t addresses;
		const char *name;
	} cases[] = { { 10, "symbolize" }, { 5000, "symbolize-large" } };
	struct fixture f;

	fixture_open(&f);
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_ASKED struct asked a;
		struct on_thread t = { .f = &f, .asked = &a };

		asked_init(&a, 0);
		want(&a, 99);
		while (a.batch.address_count < cases[i].addresses)
			ck_no_error(batch_add_address(&a.batch, &any, 1));
		ck_no_error(symbolizer_run(f.s, 100, ask_there, &t));
		finish(&a);
		ck_assert_str_eq(t.name[0], "symbolize");
		ck_assert_str_eq(t.name[1], cases[i].name);
	}
	fixture_close(&f);
}
END_TEST

START_TEST(at_the_end_who_waits_is_told_so)
{
	struct fixture f;
	struct asked a[3];

	fixture_open(&f);
	add_gated(&f, "a", 1, SMALL);
	add_gated(&f, "b", 2, LARGE);
	for (unsigned i = 0; i < 3; i++) {
		asked_init(&a[i], LONG_MS);
		want(&a[i], i < 2 ? i + 1 : 1);
		begin(&f, &a[i]);
	}
	int64_t began = clock_ms();

	close_service(&f);
	ck_assert_int_lt(clock_ms() - began, 10000);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(a[i].is_done);
		ck_assert(a[i].err || status(&a[i], 0) == MODULE_PENDING ||
			  i == 1);
		asked_deinit(&a[i]);
	}
	fixture_close(&f);
}
END_TEST

START_TEST(without_memory_a_batch_ends_all_the_same)
{
	struct fixture f;
	bool failed = true;

	fixture_open(&f);
	add_debuginfo(&f, "a", 1, SMALL, "whole");
	for (unsigned long n = 1; failed; n++) {
		CLEANUP_ASKED struct asked a;

		asked_init(&a, LONG_MS);
		want(&a, 1);
		want(&a, 2);
		mem_fail_at(n);
		begin(&f, &a);
		failed = mem_fail_happened();
		mem_fail_at(0);
		finish(&a);
		ck_assert(!a.err || a.err == error_no_memory);
		ck_assert_uint_lt(n, 100);
	}
	fixture_close(&f);
}
END_TEST

UNIT_MAIN("symbolizer_service", the_table_itself_can_be_had,
	  the_table_can_be_had_where_none_is_kept,
	  work_is_run_on_a_thread_of_its_own,
	  many_addresses_in_a_few_bytes_are_a_large_batch,
	  at_the_end_who_waits_is_told_so,
	  without_memory_a_batch_ends_all_the_same)

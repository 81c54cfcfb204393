/* SPDX-License-Identifier: Apache-2.0 */
/* Tables built in a worker: the request and the report as they cross, and a
 * real worker process (`symbolized worker`, $SYMBOLIZED). */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "symtab/symtab_private.h"
#include "tests/lib/elf_writer.h"
#include "tests/unit/unit.h"
#include "worker/symtab_job.h"
#include "worker/worker_pool.h"

static const uint64_t some[] = { 1, UINT64_MAX };

static const struct symtab_build_wanted wanted[] = {
	{ .space = { .kind = ADDRESS_SECTION, .name = ".text" },
	  .addresses = some,
	  .count = 2 },
	{ .space = { .kind = ADDRESS_RUNTIME,
		     .map_start = 2,
		     .map_offset = 3,
		     .base = 4,
		     .return_addresses = true } },
};

static struct symtab_segment segment = { .offset = { 5 }, .mem_size = 6 };
static const struct symtab_layout layout = { .segments = &segment,
					     .segment_count = 1 };
/* Two of them in one file. */
static const struct symtab_build_dwo dwos[] = { { 13, 8, 100 },
						{ 13, 112, 7 },
						{ 14, 0, 0 } };

static struct symtab_build_inputs all_inputs(void)
{
	struct symtab_build_inputs in = { .debuginfo = 10,
					  .executable = 11,
					  .alt = 12,
					  .dwos = dwos,
					  .dwo_count = 3,
					  .layout = &layout };

	build_id_parse("0011223344", 10, &in.id);
	return in;
}

static void ck_wanted(const struct symtab_request *q)
{
	ck_assert_uint_eq(q->wanted_count, 2);
	ck_assert_int_eq(q->wanted[0].space.kind, ADDRESS_SECTION);
	ck_assert_str_eq(q->wanted[0].space.name, ".text");
	ck_assert_uint_eq(q->wanted[0].count, 2);
	ck_assert_uint_eq(q->wanted[0].addresses[1], UINT64_MAX);
	ck_assert_ptr_null(q->wanted[1].space.name);
	ck_assert_uint_eq(q->wanted[1].space.map_start, 2);
	ck_assert_uint_eq(q->wanted[1].space.map_offset, 3);
	ck_assert_uint_eq(q->wanted[1].space.base, 4);
	ck_assert(q->wanted[1].space.return_addresses);
	ck_assert_uint_eq(q->wanted[1].count, 0);
}

START_TEST(a_request_says_all_of_its_inputs)
{
	struct symtab_build_inputs in = all_inputs();
	CLEANUP(symtab_request_deinit) struct symtab_request q = { 0 };
	CLEANUP_BUF struct buf b = BUF_INIT;
	int fds[WIRE_MAX_FDS];
	struct reader r;
	size_t count;

	symtab_request_put(&b, &in, wanted, 2);
	ck_no_error(symtab_request_fds(&in, 15, fds, &count));
	ck_assert_uint_eq(count, 6);
	reader_init(&r, b.data, b.size, false);
	ck_no_error(symtab_request_get(&r, fds, count, &q));
	ck_assert_uint_eq(reader_left(&r), 0);
	ck_assert(build_id_equal(&q.inputs.id, &in.id));
	ck_assert_int_eq(q.inputs.debuginfo, 10);
	ck_assert_int_eq(q.inputs.executable, 11);
	ck_assert_int_eq(q.inputs.alt, 12);
	ck_assert_uint_eq(q.inputs.dwo_count, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(q.inputs.dwos[i].fd, dwos[i].fd);
		ck_assert_uint_eq(q.inputs.dwos[i].offset, dwos[i].offset);
		ck_assert_uint_eq(q.inputs.dwos[i].size, dwos[i].size);
	}
	ck_assert_int_eq(q.table, 15);
	ck_assert_uint_eq(q.inputs.layout->segment_count, 1);
	ck_assert_uint_eq(q.inputs.layout->segments[0].offset.v, 5);
	ck_wanted(&q);
}
END_TEST

START_TEST(each_input_may_be_missing)
{
	for (unsigned i = 0; i < 8; i++) {
		CLEANUP(symtab_request_deinit) struct symtab_request q;
		struct symtab_build_inputs in = {
			.debuginfo = i & 1 ? 10 : -1,
			.executable = i & 2 ? 11 : -1,
			.alt = i & 4 ? 12 : -1,
		};
		CLEANUP_BUF struct buf b = BUF_INIT;
		int fds[WIRE_MAX_FDS];
		struct reader r;
		size_t count;

		symtab_request_put(&b, &in, NULL, 0);
		ck_no_error(symtab_request_fds(&in, 15, fds, &count));
		reader_init(&r, b.data, b.size, false);
		ck_no_error(symtab_request_get(&r, fds, count, &q));
		ck_assert_int_eq(q.inputs.debuginfo, in.debuginfo);
		ck_assert_int_eq(q.inputs.executable, in.executable);
		ck_assert_int_eq(q.inputs.alt, in.alt);
		ck_assert_int_eq(q.table, 15);
		ck_assert_ptr_null(q.wanted);
		ck_assert_ptr_null(q.inputs.layout);
		ck_assert_uint_eq(q.inputs.id.len, 0);
	}
}
END_TEST

START_TEST(too_many_files_of_split_dwarf_are_refused)
{
	struct symtab_build_inputs in = { .debuginfo = 1,
					  .dwo_count =
						  SYMTAB_JOB_DWOS_MAX + 1 };
	struct symtab_build_dwo many[SYMTAB_JOB_DWO_FDS_MAX + 1];
	int fds[WIRE_MAX_FDS];
	size_t count;

	ck_error(symtab_request_fds(&in, 2, fds, &count), LIMIT, "split DWARF");
	// Each with a descriptor of its own; of the others there are three.
	for (int i = 0; i <= SYMTAB_JOB_DWO_FDS_MAX; i++)
		many[i] = (struct symtab_build_dwo) { .fd = 10 + i };
	in.dwos = many;
	in.dwo_count = SYMTAB_JOB_DWO_FDS_MAX;
	ck_no_error(symtab_request_fds(&in, 2, fds, &count));
	ck_assert_uint_eq(count, WIRE_MAX_FDS);
	in.dwo_count++;
	ck_error(symtab_request_fds(&in, 2, fds, &count), LIMIT, "descriptors");
}
END_TEST

START_TEST(a_request_cut_anywhere_is_an_error)
{
	struct symtab_build_inputs in = all_inputs();
	CLEANUP_BUF struct buf b = BUF_INIT;
	int fds[WIRE_MAX_FDS];
	size_t count;

	symtab_request_put(&b, &in, wanted, 2);
	ck_no_error(symtab_request_fds(&in, 15, fds, &count));
	for (size_t size = 0; size < b.size; size++) {
		CLEANUP(symtab_request_deinit) struct symtab_request q;
		uint8_t *copy = malloc(size ? size : 1);
		struct reader r;

		memcpy(copy, b.data, size);
		reader_init(&r, copy, size, false);
		ck_error(symtab_request_get(&r, fds, count, &q), BAD_DATA, "");
		free(copy);
	}
}
END_TEST

START_TEST(descriptors_have_to_be_those_that_were_told)
{
	struct symtab_build_inputs in = all_inputs();
	CLEANUP_BUF struct buf b = BUF_INIT;
	int fds[WIRE_MAX_FDS] = { 0 };

	symtab_request_put(&b, &in, wanted, 2);
	for (size_t count = 0; count < 10; count++) {
		CLEANUP(symtab_request_deinit) struct symtab_request q;
		struct reader r;

		reader_init(&r, b.data, b.size, false);
		struct error *err = symtab_request_get(&r, fds, count, &q);

		if (count == 6)
			ck_no_error(err);
		else
			ck_error(err, BAD_DATA, "descriptors");
	}
}
END_TEST

START_TEST(a_request_without_memory_leaves_nothing_behind)
{
	struct symtab_build_inputs in = all_inputs();
	CLEANUP_BUF struct buf b = BUF_INIT;
	int fds[WIRE_MAX_FDS];
	bool failed = true;
	size_t count;

	symtab_request_put(&b, &in, wanted, 2);
	ck_no_error(symtab_request_fds(&in, 15, fds, &count));
	for (unsigned long n = 1; failed; n++) {
		CLEANUP(symtab_request_deinit) struct symtab_request q;
		struct reader r;

		reader_init(&r, b.data, b.size, false);
		mem_fail_at(n);
		struct error *err = symtab_request_get(&r, fds, count, &q);

		failed = mem_fail_happened();
		mem_fail_at(0);
		if (failed)
			ck_error(err, NO_MEMORY, "");
		else
			ck_no_error(err);
	}
}
END_TEST

START_TEST(a_report_comes_back_as_it_was)
{
	static const uint64_t splits[] = { 1, UINT64_MAX };
	CLEANUP_SYMTAB_BUILD_REPORT struct symtab_build_report report = {
		.quality = SYMTAB_QUALITY_SYMTAB,
		.functions = 5,
		.units = 6,
		.problem = "something",
		.left_names = 7,
	};
	CLEANUP_BUF struct buf b = BUF_INIT;
	struct reader r;

	report.missing_splits = mem_dup(splits, sizeof(splits));
	report.missing_split_count = 2;
	buf_append(&report.missing_dwos, "/b\0a.dwo", 9);
	symtab_result_put(&b, &report);
	for (size_t size = 0; size <= b.size; size++) {
		CLEANUP_SYMTAB_BUILD_REPORT struct symtab_build_report got;

		reader_init(&r, b.data, size, false);
		struct error *err = symtab_result_get(&r, &got);

		if (size < b.size) {
			ck_error(err, BAD_DATA, "broken message");
			continue;
		}
		ck_no_error(err);
		ck_assert_int_eq(got.quality, SYMTAB_QUALITY_SYMTAB);
		ck_assert_uint_eq(got.functions, 5);
		ck_assert_uint_eq(got.units, 6);
		ck_assert_str_eq(got.problem, "something");
		ck_assert_uint_eq(got.left_names, 7);
		ck_assert_uint_eq(got.missing_split_count, 2);
		ck_assert_uint_eq(got.missing_splits[1], UINT64_MAX);
		ck_assert_uint_eq(got.missing_dwos.size, 9);
		ck_assert_mem_eq(got.missing_dwos.data, "/b\0a.dwo", 9);
	}
}
END_TEST

START_TEST(what_a_report_lacks_is_taken_once_each_and_not_without_end)
{
	enum { MANY = SYMTAB_BUILD_SPLITS_MAX + 1000 };

	/* As workers do not send it. */
	for (int is_one = 0; is_one < 2; is_one++) {
		CLEANUP_SYMTAB_BUILD_REPORT struct symtab_build_report sent = {
			.missing_splits = mem_array(MANY, sizeof(uint64_t)),
			.missing_split_count = MANY,
		};
		CLEANUP_SYMTAB_BUILD_REPORT struct symtab_build_report got;
		CLEANUP_BUF struct buf b = BUF_INIT;
		struct reader r;

		ck_assert_ptr_nonnull(sent.missing_splits);
		for (size_t i = 0; i < MANY; i++)
			sent.missing_splits[i] = is_one ? i % 3 : MANY - i;
		symtab_result_put(&b, &sent);
		reader_init(&r, b.data, b.size, false);
		ck_no_error(symtab_result_get(&r, &got));
		ck_assert_uint_eq(got.missing_split_count,
				  is_one ? 3 : SYMTAB_BUILD_SPLITS_MAX);
		for (size_t i = 0; i < got.missing_split_count; i++)
			ck_assert_uint_eq(got.missing_splits[i],
					  is_one ? i : i + 1);
	}
}
END_TEST

START_TEST(time_grows_with_the_files_up_to_a_limit)
{
	uint32_t least = symtab_job_cpu_s(0);

	ck_assert_uint_gt(least, 0);
	ck_assert_uint_eq(symtab_job_cpu_s(1 << 20), least);
	ck_assert_uint_gt(symtab_job_cpu_s(1 << 30), least);
	ck_assert_uint_lt(symtab_job_cpu_s(UINT64_MAX), 100000);
}
END_TEST

struct test_job {
	struct worker_job base;
	struct symtab_build_report report;
	struct error *err;
	_Atomic bool is_done;
};

static struct error *on_answer(struct worker_job *base, enum wire_type type,
			       struct reader *payload)
{
	struct test_job *job = (struct test_job *)base;

	return type == WIRE_RESULT ? symtab_result_get(payload, &job->report)
				   : NULL;
}

static void on_done(struct worker_job *base, struct error *err)
{
	struct test_job *job = (struct test_job *)base;

	job->err = err;
	atomic_store(&job->is_done, true);
}

static void run_job(struct test_job *job, const struct symtab_build_inputs *in,
		    int table)
{
	const char *program = getenv("SYMBOLIZED");
	struct worker_pool_options options = {
		.name = "answer",
		.program = program ? program : "./symbolized",
		.workers = 1,
		.queue_limit = 1,
	};
	int64_t until = clock_ms() + 30000;
	struct worker_pool *pool;

	memset(job, 0, sizeof(*job));
	job->base.type = WIRE_SYMTAB;
	job->base.answer = on_answer;
	job->base.done = on_done;
	job->base.cpu_limit_s = symtab_job_cpu_s(0);
	symtab_request_put(&job->base.request, in, NULL, 0);
	ck_no_error(symtab_request_fds(in, table, job->base.fds,
				       &job->base.fd_count));
	ck_no_error(worker_pool_create(&options, &pool));
	ck_no_error(worker_pool_submit(pool, &job->base));
	while (!atomic_load(&job->is_done)) {
		ck_assert_msg(clock_ms() < until, "waited in vain");
		usleep(1000);
	}
	worker_pool_destroy(pool);
	buf_deinit(&job->base.request);
}

START_TEST(a_worker_writes_the_table)
{
	const struct elf_symbol symbol = { "f", 0, 16 };
	struct symtab_build_inputs in = { .debuginfo = -1, .alt = -1 };
	CLEANUP_CLOSE int table = memfd_create("table", MFD_CLOEXEC);
	CLEANUP_CLOSE int elf = memfd_create("elf", MFD_CLOEXEC);
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = NULL;
	struct test_job job;

	/* A relocatable file: its only section is at 0. */
	elf_write(&(struct elf_spec) { .type = 1,
				       .text_size = 64,
				       .symbols = &symbol,
				       .symbol_count = 1 },
		  &bytes);
	ck_assert_int_eq(write(elf, bytes.data, bytes.size),
			 (ssize_t)bytes.size);
	build_id_parse("0011223344", 10, &in.id);
	in.executable = elf;
	run_job(&job, &in, table);
	ck_no_error(job.err);
	ck_assert_int_eq(job.report.quality, SYMTAB_QUALITY_SYMTAB);
	ck_assert_uint_eq(job.report.functions, 1);
	symtab_build_report_deinit(&job.report);
	ck_no_error(symtab_open(table, &in.id, &t));
	ck_assert_uint_eq(t->count, 1);
}
END_TEST

START_TEST(a_file_that_is_none_is_the_jobs_error)
{
	struct symtab_build_inputs in = { .executable = -1, .alt = -1 };
	CLEANUP_CLOSE int table = memfd_create("table", MFD_CLOEXEC);
	CLEANUP_CLOSE int junk = memfd_create("junk", MFD_CLOEXEC);
	struct test_job job;

	in.debuginfo = junk;
	run_job(&job, &in, table);
	ck_error(job.err, BAD_DATA, "ELF");
}
END_TEST

UNIT_MAIN("symtab job", a_request_says_all_of_its_inputs,
	  each_input_may_be_missing, too_many_files_of_split_dwarf_are_refused,
	  a_request_cut_anywhere_is_an_error,
	  descriptors_have_to_be_those_that_were_told,
	  a_request_without_memory_leaves_nothing_behind,
	  a_report_comes_back_as_it_was,
	  what_a_report_lacks_is_taken_once_each_and_not_without_end,
	  time_grows_with_the_files_up_to_a_limit, a_worker_writes_the_table,
	  a_file_that_is_none_is_the_jobs_error)

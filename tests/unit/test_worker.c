/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool with real worker processes: the program under test started as
 * `symbolized worker` ($SYMBOLIZED).
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/metrics.h"
#include "tests/lib/elf_writer.h"
#include "tests/lib/pkg_writer.h"
#include "tests/unit/unit.h"
#include "worker/jobs.h"
#include "worker/wire.h"
#include "worker/worker_pool.h"

struct test_job {
	struct worker_job base;
	_Atomic bool is_done;
	_Atomic bool answered;
	struct error *err;
	unsigned artifacts, files;
	struct file_end end;
};

static struct error *on_answer(struct worker_job *base, enum wire_type type,
			       struct reader *payload)
{
	struct test_job *job = (struct test_job *)base;

	atomic_store(&job->answered, true);
	if (type == WIRE_FILE)
		job->files++;
	if (type == WIRE_ARTIFACT)
		job->artifacts++;
	if (type == WIRE_FILE_END) {
		mem_free((char *)job->end.scanner);
		mem_free((char *)job->end.message);
		return file_end_get(payload, &job->end);
	}
	return NULL;
}

static void on_done(struct worker_job *base, struct error *err)
{
	struct test_job *job = (struct test_job *)base;

	job->err = err;
	atomic_store(&job->is_done, true);
}

static void job_init(struct test_job *job, enum wire_type type)
{
	memset(job, 0, sizeof(*job));
	job->base.type = type;
	job->base.answer = on_answer;
	job->base.done = on_done;
	job->base.cpu_limit_s = 20;
}

static void job_deinit(struct test_job *job)
{
	buf_deinit(&job->base.request);
	mem_free((char *)job->end.scanner);
	mem_free((char *)job->end.message);
	error_free(job->err);
}

static void wait_for(_Atomic bool *flag)
{
	int64_t until = clock_ms() + 30000;

	while (!atomic_load(flag)) {
		ck_assert_msg(clock_ms() < until, "waited in vain");
		usleep(1000);
	}
}

static const char *the_program(void)
{
	const char *program = getenv("SYMBOLIZED");

	return program ? program : "./symbolized";
}

static struct worker_pool *make_pool_of(const char *program, unsigned workers,
					size_t queue)
{
	struct worker_pool_options options = {
		.name = "scan",
		.program = program,
		.workers = workers,
		.queue_limit = queue,
		.limit = "queued_jobs",
	};
	struct worker_pool *pool;

	ck_no_error(worker_pool_create(&options, &pool));
	return pool;
}

static struct worker_pool *make_pool(unsigned workers, size_t queue)
{
	return make_pool_of(the_program(), workers, queue);
}

static int temporary_file(const void *data, size_t size)
{
	char name[] = "/tmp/symbolized-test-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	unlink(name);
	ck_assert_int_eq(pwrite(fd, data, size, 0), (ssize_t)size);
	return fd;
}

static void scan_one(struct worker_pool *pool, struct test_job *job, int fd,
		     uint64_t size, const char *path)
{
	struct scan_file file = { .path = path, .size = size };

	job_init(job, WIRE_SCAN);
	scan_request_put(&job->base.request, &file, 1);
	job->base.fds[0] = fd;
	job->base.fd_count = 1;
	ck_no_error(worker_pool_submit(pool, &job->base));
}

/* Children of this process: started by threads of the pool. */
static size_t children(pid_t *pids, size_t room)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *d;
	size_t count = 0;

	ck_assert_ptr_nonnull(tasks);
	while ((d = readdir(tasks))) {
		char path[300];
		long pid;

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/children",
			 d->d_name);
		FILE *f = fopen(path, "re");

		while (f && count < room && fscanf(f, "%ld", &pid) == 1)
			pids[count++] = (pid_t)pid;
		if (f)
			fclose(f);
	}
	closedir(tasks);
	return count;
}

static pid_t only_child(void)
{
	pid_t pids[8];

	ck_assert_uint_eq(children(pids, 8), 1);
	return pids[0];
}

/* A small ELF file with a build ID. */
static int elf_file(uint64_t *size_ret)
{
	struct buf out = BUF_INIT;

	elf_write(&(struct elf_spec) { .build_id = "0102030405060708",
				       .text_size = 64 },
		  &out);
	int fd = temporary_file(out.data, out.size);

	*size_ret = out.size;
	buf_deinit(&out);
	return fd;
}

START_TEST(a_worker_reads_the_facts_of_an_elf_file)
{
	struct worker_pool *pool = make_pool(1, 4);
	struct test_job job;
	uint64_t size;
	int fd = elf_file(&size);

	scan_one(pool, &job, fd, size, "/srv/lib/libx.so");
	wait_for(&job.is_done);
	ck_no_error(STEAL(job.err));
	ck_assert_uint_eq(job.files, 1);
	ck_assert_uint_eq(job.artifacts, 1);
	ck_assert_str_eq(job.end.scanner, "elf");
	ck_assert_uint_eq(job.end.error_kind_plus_one, 0);
	job_deinit(&job);
	close(fd);
	worker_pool_destroy(pool);
}
END_TEST

/* */
START_TEST(a_killed_worker_costs_only_its_own_job)
{
	struct worker_pool *pool = make_pool(1, 4);
	struct test_job first, killed, after;
	uint64_t size;
	int fd = elf_file(&size);

	scan_one(pool, &first, fd, size, "/a");
	wait_for(&first.is_done);
	ck_no_error(STEAL(first.err));
	pid_t pid = only_child();

	/* Stopped, it takes the next job and does nothing. */
	kill(pid, SIGSTOP);
	scan_one(pool, &killed, fd, size, "/b");
	scan_one(pool, &after, fd, size, "/c");
	usleep(20000);
	ck_assert(!atomic_load(&killed.is_done));
	kill(pid, SIGKILL);
	wait_for(&killed.is_done);
	wait_for(&after.is_done);
	ck_error(STEAL(killed.err), WORKER, "signal 9");
	ck_no_error(STEAL(after.err));
	ck_assert_uint_eq(after.artifacts, 1);
	ck_assert_int_ne(only_child(), pid);
	job_deinit(&first);
	job_deinit(&killed);
	job_deinit(&after);
	close(fd);
	worker_pool_destroy(pool);
}
END_TEST

static int64_t memory_deaths(void)
{
	return metric_get(METRIC_WORKER_DEATHS,
			  metric_label(LABELS_POOL, "scan"),
			  metric_label(LABELS_CAUSE, "memory"));
}

START_TEST(a_worker_that_the_kernel_killed_for_memory_is_counted_as_such)
{
	struct worker_pool *pool = make_pool(1, 4);
	struct test_job first, killed;
	char name[] = "/tmp/symbolized-test-XXXXXX";
	int vmstat = mkostemp(name, O_CLOEXEC);
	int64_t before = memory_deaths();
	uint64_t size;
	int fd = elf_file(&size);

	ck_assert_int_eq(write(vmstat, "a 1\noom_kill 3\nb 2\n", 19), 19);
	worker_pool_vmstat = name;
	for (int more = 0; more < 2; more++) {
		scan_one(pool, &first, fd, size, "/a");
		wait_for(&first.is_done);
		ck_no_error(STEAL(first.err));
		pid_t pid = only_child();

		kill(pid, SIGSTOP);
		scan_one(pool, &killed, fd, size, "/b");
		usleep(20000);
		if (more)
			ck_assert_int_eq(pwrite(vmstat, "4", 1, 13), 1);
		kill(pid, SIGKILL);
		wait_for(&killed.is_done);
		ck_error(STEAL(killed.err), WORKER,
			 more ? "want of memory" : "signal 9");
		ck_assert_int_eq(memory_deaths(), before + more);
		job_deinit(&first);
		job_deinit(&killed);
	}
	worker_pool_vmstat = "/proc/vmstat";
	worker_pool_destroy(pool);
	unlink(name);
	close(vmstat);
	close(fd);
}
END_TEST

/* The program, started with less memory than it takes for itself by a script:
 * its path is @p path. */
static void make_small_program(char *path, size_t size)
{
	char program[4096];

	ck_assert_ptr_nonnull(realpath(the_program(), program));
	snprintf(path, size, "/tmp/symbolized-test-XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	dprintf(fd, "#!/bin/sh\nulimit -v %d\nexec %s \"$@\"\n", 90000,
		program);
	ck_assert_int_eq(fchmod(fd, 0700), 0);
	close(fd);
}

/* A member that is said to be compressed and must be held whole. */
static void extract_large(struct worker_pool *pool, struct test_job *job,
			  int fd, int out)
{
	struct locator l = {
		.scanner = "deb",
		.path = "/x.deb",
		.file_size = 100,
		.payload_size = 100,
		.size = 64,
		.packed_codec = CODEC_GZIP,
		.packed_size = 63 << 20,
	};

	job_init(job, WIRE_EXTRACT);
	locator_put(&job->base.request, &l);
	buf_put_u64(&job->base.request, 0);
	buf_put_u64(&job->base.request, 64);
	job->base.fds[0] = fd;
	job->base.fds[1] = out;
	job->base.fd_count = 2;
	ck_no_error(worker_pool_submit(pool, &job->base));
}

/* */
START_TEST(a_worker_out_of_memory_is_counted_and_replaced)
{
	struct test_job large, after;
	struct worker_pool *pool;
	char program[64];
	int64_t before = memory_deaths();
	uint64_t size;
	int fd = elf_file(&size), out = elf_file(&size);

#ifdef SANITIZED
	/* A sanitizer takes more memory than any limit leaves. */
	close(fd);
	close(out);
	return;
#endif
	make_small_program(program, sizeof(program));
	pool = make_pool_of(program, 1, 4);
	extract_large(pool, &large, fd, out);
	wait_for(&large.is_done);
	ck_error(STEAL(large.err), LIMIT, "memory limit");
	ck_assert_int_eq(memory_deaths(), before + 1);
	scan_one(pool, &after, fd, size, "/a");
	wait_for(&after.is_done);
	ck_no_error(STEAL(after.err));
	ck_assert_uint_eq(after.artifacts, 1);
	ck_assert_int_eq(memory_deaths(), before + 1);
	worker_pool_destroy(pool);
	/* With the memory it is used to, that is no reason to fail. */
	pool = make_pool(1, 4);
	job_deinit(&large);
	extract_large(pool, &large, fd, out);
	wait_for(&large.is_done);
	ck_error(STEAL(large.err), BAD_DATA, "");
	ck_assert_int_eq(memory_deaths(), before + 1);
	worker_pool_destroy(pool);
	job_deinit(&large);
	job_deinit(&after);
	unlink(program);
	close(fd);
	close(out);
}
END_TEST

/* */
START_TEST(a_hanging_worker_is_ended_at_its_deadline)
{
	struct worker_pool *pool = make_pool(1, 4);
	struct test_job first, hung;
	struct scan_file file = { .path = "/b" };
	int fd = elf_file(&file.size);

	scan_one(pool, &first, fd, file.size, "/a");
	wait_for(&first.is_done);
	kill(only_child(), SIGSTOP);
	job_init(&hung, WIRE_SCAN);
	hung.base.wall_limit_ms = 200;
	scan_request_put(&hung.base.request, &file, 1);
	hung.base.fds[0] = fd;
	hung.base.fd_count = 1;
	ck_no_error(worker_pool_submit(pool, &hung.base));
	wait_for(&hung.is_done);
	ck_error(STEAL(hung.err), LIMIT, "deadline");
	ck_no_error(STEAL(first.err));
	job_deinit(&first);
	job_deinit(&hung);
	close(fd);
	worker_pool_destroy(pool);
}
END_TEST

START_TEST(other_workers_do_not_notice_a_death)
{
	struct worker_pool *pool = make_pool(2, 64);
	struct test_job jobs[40];
	uint64_t size;
	int fd = elf_file(&size);
	unsigned failed = 0;

	for (size_t i = 0; i < 40; i++) {
		pid_t pids[4];

		scan_one(pool, &jobs[i], fd, size, "/x");
		if (i % 10 == 5 && children(pids, 4))
			kill(pids[0], SIGKILL);
		usleep(500);
	}
	for (size_t i = 0; i < 40; i++) {
		wait_for(&jobs[i].is_done);
		if (jobs[i].err) {
			failed++;
			ck_error(STEAL(jobs[i].err), WORKER, "");
		} else {
			ck_assert_uint_eq(jobs[i].artifacts, 1);
		}
		job_deinit(&jobs[i]);
	}
	/* Four were killed: no more than four jobs can have been hit. */
	ck_assert_uint_le(failed, 4);
	close(fd);
	worker_pool_destroy(pool);
}
END_TEST

/* In the order of their ends, told by worker_job.ctx. */
static _Atomic unsigned order_count;
static unsigned order[8];

static void note_order(struct worker_job *base, struct error *err)
{
	error_free(err);
	/* One worker, one thread: counted when it is written. */
	unsigned at = atomic_load(&order_count);

	order[at] = (unsigned)(uintptr_t)base->ctx;
	atomic_store(&order_count, at + 1);
}

/* A request that is broken ends at once; the worker lives on. */
static void init_broken(struct worker_job *job, unsigned number)
{
	*job = (struct worker_job) { .type = WIRE_IDENTIFY,
				     .cpu_limit_s = 10,
				     .done = note_order,
				     .ctx = (void *)(uintptr_t)number };
}

START_TEST(what_is_begun_goes_on_before_what_waits)
{
	struct worker_pool *pool = make_pool(1, 2);
	struct worker_job jobs[7];
	struct worker_job *const waiting[] = { &jobs[2], &jobs[3], &jobs[4] };
	struct worker_job *const begun[] = { &jobs[5], &jobs[6] };
	struct test_job first;
	uint64_t size;
	int fd = elf_file(&size);

	scan_one(pool, &first, fd, size, "/a");
	wait_for(&first.is_done);
	pid_t pid = only_child();

	for (unsigned i = 0; i < 7; i++)
		init_broken(&jobs[i], i);
	kill(pid, SIGSTOP);
	ck_no_error(worker_pool_submit(pool, &jobs[0]));
	while (worker_pool_idle(pool) || metric_get(METRIC_WORKER_JOBS, 0, 0))
		usleep(1000);
	ck_no_error(worker_pool_submit(pool, &jobs[1]));
	// As one they fit, however many they are; then there is no room.
	ck_no_error(worker_pool_submit_all(pool, waiting, 3, false));
	ck_error(worker_pool_submit_all(pool, begun, 2, false), BUSY,
		 "4 jobs waiting");
	ck_no_error(worker_pool_submit_all(pool, begun, 2, true));
	kill(pid, SIGCONT);
	while (atomic_load(&order_count) < 7)
		usleep(1000);
	static const unsigned expected[] = { 0, 5, 6, 1, 2, 3, 4 };

	ck_assert_mem_eq(order, expected, sizeof(expected));
	worker_pool_destroy(pool);
	job_deinit(&first);
	close(fd);
}
END_TEST

static int64_t full_queues(void)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, "queued_jobs"), 0);
}

START_TEST(a_full_queue_refuses_and_a_destroyed_pool_answers_all)
{
	struct worker_pool *pool = make_pool(1, 2);
	struct test_job first, jobs[4];
	uint64_t size;
	int fd = elf_file(&size);
	unsigned refused = 0;
	int64_t before = full_queues();

	scan_one(pool, &first, fd, size, "/a");
	wait_for(&first.is_done);
	pid_t pid = only_child();

	kill(pid, SIGSTOP);
	for (size_t i = 0; i < 4; i++) {
		struct scan_file file = { .path = "/q", .size = size };

		job_init(&jobs[i], WIRE_SCAN);
		scan_request_put(&jobs[i].base.request, &file, 1);
		jobs[i].base.fds[0] = fd;
		jobs[i].base.fd_count = 1;
		struct error *err = worker_pool_submit(pool, &jobs[i].base);

		if (err) {
			ck_error(err, BUSY, "waiting for a worker");
			refused++;
			atomic_store(&jobs[i].is_done, true);
		}
		usleep(20000);
	}
	ck_assert_uint_eq(refused, 1);
	ck_assert_int_eq(full_queues(), before + 1);
	worker_pool_abort(pool);
	worker_pool_destroy(pool);
	for (size_t i = 0; i < 4; i++) {
		ck_assert(atomic_load(&jobs[i].is_done));
		job_deinit(&jobs[i]);
	}
	job_deinit(&first);
	close(fd);
}
END_TEST

/* */
START_TEST(a_bomb_is_stopped_by_its_claim)
{
	/* ... and says who and how much. */
	struct worker_pool *pool = make_pool(1, 2);
	struct pkg_file zeros = { .name = "./usr/lib/zeros",
				  .zeros = UINT64_C(256) << 20 };
	struct buf deb = BUF_INIT;
	struct test_job job;

	pkg_write(&deb,
		  &(struct pkg_options) { .kind = PKG_DEB, .codec = CODEC_XZ },
		  &zeros, 1);
	int fd = temporary_file(deb.data, deb.size);

	scan_one(pool, &job, fd, deb.size, "/srv/bomb.deb");
	wait_for(&job.is_done);
	ck_no_error(STEAL(job.err));
	ck_assert_uint_eq(job.end.error_kind_plus_one, ERROR_LIMIT + 1);
	ck_assert_ptr_nonnull(strstr(job.end.message, "zeros"));
	ck_assert_ptr_nonnull(strstr(job.end.message, "over 1000 times"));
	job_deinit(&job);
	buf_deinit(&deb);
	close(fd);
	worker_pool_destroy(pool);
}
END_TEST

START_TEST(messages_cross_the_socket_whole_with_their_descriptors)
{
	int pair[2];
	struct wire_in in;
	struct buf payload = BUF_INIT;
	enum wire_type type;
	struct reader r;
	bool ended;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (unsigned i = 0; i < 1000; i++)
		buf_put_u32(&payload, i);
	int fds[2] = { STDIN_FILENO, STDERR_FILENO };

	ck_no_error(wire_send(pair[0], WIRE_SCAN, &payload, fds, 2));
	wire_in_init(&in, pair[1]);
	ck_no_error(wire_receive(&in, clock_ms() + 1000, &type, &r, &ended));
	ck_assert_int_eq(type, WIRE_SCAN);
	ck_assert_uint_eq(in.fd_count, 2);
	ck_assert_uint_eq(reader_left(&r), 4000);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_eq(reader_u32(&r), i);
	ck_error(wire_receive(&in, clock_ms() + 20, &type, &r, &ended), LIMIT,
		 "deadline");
	close(pair[0]);
	ck_no_error(wire_receive(&in, clock_ms() + 1000, &type, &r, &ended));
	ck_assert(ended);
	wire_in_deinit(&in);
	close(pair[1]);
	buf_deinit(&payload);
}
END_TEST

START_TEST(a_message_of_absurd_size_is_refused)
{
	static const uint8_t header[8] = { 0xff, 0xff, 0xff, 0xff, 1 };
	int pair[2];
	struct wire_in in;
	enum wire_type type;
	struct reader r;
	bool ended;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(write(pair[0], header, 8), 8);
	wire_in_init(&in, pair[1]);
	ck_error(wire_receive(&in, clock_ms() + 1000, &type, &r, &ended),
		 BAD_DATA, "message of");
	wire_in_deinit(&in);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(broken_requests_are_errors_not_crashes)
{
	struct worker_pool *pool = make_pool(1, 2);
	static const enum wire_type types[] = { WIRE_SCAN,
						WIRE_EXTRACT,
						WIRE_SECTION,
						WIRE_IDENTIFY,
						WIRE_RESOLVE,
						WIRE_SYMTAB,
						99 };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct test_job job;

		job_init(&job, types[i]);
		buf_append(&job.base.request, "\xff\xff\xff\xff\1\2\3", 7);
		ck_no_error(worker_pool_submit(pool, &job.base));
		wait_for(&job.is_done);
		ck_error(STEAL(job.err), BAD_DATA, "");
		job_deinit(&job);
	}
	worker_pool_destroy(pool);
}
END_TEST

UNIT_MAIN("worker", a_worker_reads_the_facts_of_an_elf_file,
	  a_killed_worker_costs_only_its_own_job,
	  a_worker_that_the_kernel_killed_for_memory_is_counted_as_such,
	  a_worker_out_of_memory_is_counted_and_replaced,
	  a_hanging_worker_is_ended_at_its_deadline,
	  other_workers_do_not_notice_a_death,
	  what_is_begun_goes_on_before_what_waits,
	  a_full_queue_refuses_and_a_destroyed_pool_answers_all,
	  a_bomb_is_stopped_by_its_claim,
	  messages_cross_the_socket_whole_with_their_descriptors,
	  a_message_of_absurd_size_is_refused,
	  broken_requests_are_errors_not_crashes)

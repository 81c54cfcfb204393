/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a worker that was taken over can do nothing. The pool starts
 * tests/lib/hostile_worker, which enters the sandbox as a worker does and then
 * tries what a job says.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "tests/lib/hostile.h"
#include "tests/unit/unit.h"
#include "worker/sandbox.h"
#include "worker/sandbox_check.h"
#include "worker/worker_pool.h"

struct act_job {
	struct worker_job base;
	_Atomic bool is_done;
	bool answered;
	int why;
	struct error *err;
};

static struct error *on_answer(struct worker_job *base, enum wire_type type,
			       struct reader *payload)
{
	struct act_job *job = (struct act_job *)base;

	if (type == WIRE_RESULT) {
		job->answered = true;
		job->why = (int)reader_u32(payload);
	}
	return NULL;
}

static void on_done(struct worker_job *base, struct error *err)
{
	struct act_job *job = (struct act_job *)base;

	job->err = err;
	atomic_store(&job->is_done, true);
}

static void run(struct worker_pool *pool, size_t act, struct act_job *job)
{
	int64_t until = clock_ms() + 30000;

	*job = (struct act_job) {
		.base = { .type = (enum wire_type)(HOSTILE_JOB + act),
			  .cpu_limit_s = 20,
			  .answer = on_answer,
			  .done = on_done },
	};
	ck_no_error(worker_pool_submit(pool, &job->base));
	while (!atomic_load(&job->is_done)) {
		ck_assert_msg(clock_ms() < until, "waited in vain");
		usleep(200);
	}
}

static const char *built(const char *name)
{
	static char path[4096];
	const char *dir = getenv("top_builddir");

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", name);
	return path;
}

static struct worker_pool *hostile_pool(void)
{
	struct worker_pool_options options = {
		.name = "scan",
		.program = built("tests/lib/hostile_worker"),
		.workers = 1,
		.queue_limit = 4,
	};
	struct worker_pool *pool;

	ck_no_error(worker_pool_create(&options, &pool));
	return pool;
}

static int64_t sandbox_deaths(void)
{
	return metric_get(METRIC_WORKER_DEATHS,
			  metric_label(LABELS_POOL, "scan"),
			  metric_label(LABELS_CAUSE, "sandbox"));
}

static bool has(const char *part)
{
	return metric_get(METRIC_WORKER_SANDBOX,
			  metric_label(LABELS_MECHANISM, part), 0);
}

/* Is it what this build lets through or refuses? */
static bool may_survive(const struct hostile_act *a)
{
#ifdef SANITIZED
	return a->end != KILLED;
#else
	return a->end == REFUSED;
#endif
}

/* */
START_TEST(whatever_a_worker_taken_over_tries_kills_it_and_is_counted)
{
	struct worker_pool *pool = hostile_pool();

	ck_no_error(sandbox_check(built("tests/lib/hostile_worker"), false));
#ifdef COVERAGE
	worker_pool_destroy(pool);
	return;
#endif
	ck_assert_msg(has("seccomp"), "no seccomp here");
	for (size_t i = 0; i < hostile_act_count; i++) {
		const struct hostile_act *a = &hostile_acts[i];
		int64_t before = sandbox_deaths();
		struct act_job job;

		run(pool, i, &job);
		if (may_survive(a) && job.answered) {
			ck_no_error(job.err);
			ck_assert_msg(job.why || a->end == READS, "%s succeeds",
				      a->name);
			continue;
		}
		ck_assert_msg(!job.answered, "%s: goes on, errno %d", a->name,
			      job.why);
		ck_assert_ptr_nonnull(job.err);
		ck_error(job.err, WORKER, "system call that no job needs");
		ck_assert_msg(sandbox_deaths() == before + 1,
			      "%s is not counted", a->name);
	}
	worker_pool_destroy(pool);
}
END_TEST

/* Were it not for the sandbox: else the case above would show nothing. */
START_TEST(without_a_sandbox_the_same_acts_succeed)
{
	for (size_t i = 0; i < hostile_act_count; i++) {
		const struct hostile_act *a = &hostile_acts[i];
		int status;

		if (!a->succeeds)
			continue;
		pid_t pid = fork();

		if (!pid)
			_exit(a->act() == -1);
		ck_assert_int_gt(pid, 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status), "%s",
			      a->name);
	}
}
END_TEST

/* In a process of its own that Landlock alone holds. */
static int beneath_landlock(int file)
{
	char byte;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || !sandbox_landlock())
		return 1;
	if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
		return 2;
	if (open("/tmp/symbolized-hostile", O_WRONLY | O_CREAT, 0600) >= 0 ||
	    errno != EACCES)
		return 3;
	if (open("/", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES)
		return 4;
	execl("/bin/true", "true", NULL);
	if (errno != EACCES)
		return 5;
	/* What it was handed is as it was. */
	if (pread(file, &byte, 1, 0) != 1 || pwrite(file, "x", 1, 0) != 1 ||
	    ftruncate(file, 10))
		return 6;
	return 0;
}

START_TEST(landlock_by_itself_opens_nothing_and_leaves_what_was_handed_over)
{
	int status, file;
	pid_t pid;

	ck_no_error(file_open_unlinked("/tmp", &file));
	ck_assert_int_eq(pwrite(file, "abc", 3, 0), 3);
	pid = fork();
	if (!pid)
		_exit(beneath_landlock(file));
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	close(file);
	/* A kernel without it: then the filter alone says no. */
	if (WEXITSTATUS(status) == 1)
		return;
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

START_TEST(the_programs_own_workers_are_held_by_all_that_is_required)
{
	const char *program = getenv("SYMBOLIZED");
	struct worker_process p;
	char path[64], text[4096] = "";
	struct stat st;

	if (!program)
		program = "./symbolized";
#ifdef COVERAGE
	return;
#endif
	ck_no_error(sandbox_check(program, true));
	ck_assert(has("no_new_privs") && has("not_dumpable") && has("limits") &&
		  has("capabilities") && has("seccomp"));
	/* As the kernel sees it, not as it says itself. */
	worker_process_init(&p);
	ck_no_error(worker_process_start(&p, program));
	ck_no_error(sandbox_hear(&p));
	snprintf(path, sizeof(path), "/proc/%d/status", (int)p.pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_ptr_nonnull(strstr(text, "NoNewPrivs:\t1"));
	ck_assert_ptr_nonnull(strstr(text, "Seccomp:\t2"));
	ck_assert_ptr_nonnull(strstr(text, "CapEff:\t0000000000000000"));
	ck_assert_ptr_nonnull(strstr(text, "CapPrm:\t0000000000000000"));
	/* Who is not dumpable belongs to root. */
	ck_assert_int_eq(fstat(fd, &st), 0);
	close(fd);
	ck_assert_int_eq(worker_process_stop(&p, false), 0);
	worker_process_deinit(&p);
}
END_TEST

/* A program that says hello as it is told, held by nothing. */
static void write_liar(char *path, size_t size, uint32_t have)
{
	snprintf(path, size, "/tmp/symbolized-test-XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	/* A message of 9 bytes, type WIRE_HELLO: bits, and a text "x". */
	dprintf(fd,
		"#!/bin/sh\nprintf '\\011\\0\\0\\0\\%o\\0\\0\\0"
		"\\%o\\0\\0\\0\\001\\0\\0\\0x' >&3\ncat <&3 >/dev/null\n",
		WIRE_HELLO, have);
	ck_assert_int_eq(fchmod(fd, 0700), 0);
	close(fd);
}

/* */
START_TEST(what_is_missing_is_fatal_only_where_the_sandbox_is_required)
{
	char path[64];

	write_liar(path, sizeof(path), 1u << SANDBOX_LIMITS);
	ck_no_error(sandbox_check(path, false));
	ck_assert(has("limits") && !has("seccomp"));
	ck_error(sandbox_check(path, true), UNSUPPORTED,
		 "no no_new_privs, not_dumpable, capabilities, seccomp");
	unlink(path);
}
END_TEST

START_TEST(a_worker_with_less_than_the_first_is_given_no_job)
{
	char whole[64], partial[64];

	write_liar(whole, sizeof(whole), 0x7f);
	write_liar(partial, sizeof(partial), 0x7f & ~(1u << SANDBOX_SECCOMP));
	ck_no_error(sandbox_check(whole, true));
	ck_error(sandbox_check(partial, false), BUSY,
		 "without its whole sandbox");
	struct worker_pool_options options = {
		.name = "scan",
		.program = partial,
		.workers = 1,
		.queue_limit = 4,
	};
	struct worker_pool *pool;
	struct act_job job;

	ck_no_error(worker_pool_create(&options, &pool));
	run(pool, 0, &job);
	ck_error(job.err, BUSY, "without its whole sandbox");
	ck_assert(!job.answered);
	worker_pool_destroy(pool);
	unlink(whole);
	unlink(partial);
}
END_TEST

START_TEST(a_worker_that_does_not_say_hello_is_none)
{
	char path[] = "/tmp/symbolized-test-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	dprintf(fd, "#!/bin/sh\nexit 3\n");
	ck_assert_int_eq(fchmod(fd, 0700), 0);
	close(fd);
	ck_error(sandbox_check(path, false), WORKER, "worker ended");
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	dprintf(fd, "#!/bin/sh\nprintf '\\0\\0\\0\\0\\001\\0\\0\\0' >&3\n");
	close(fd);
	ck_error(sandbox_check(path, false), BAD_DATA, "hello");
	unlink(path);
}
END_TEST

UNIT_MAIN("sandbox", whatever_a_worker_taken_over_tries_kills_it_and_is_counted,
	  without_a_sandbox_the_same_acts_succeed,
	  landlock_by_itself_opens_nothing_and_leaves_what_was_handed_over,
	  the_programs_own_workers_are_held_by_all_that_is_required,
	  what_is_missing_is_fatal_only_where_the_sandbox_is_required,
	  a_worker_with_less_than_the_first_is_given_no_job,
	  a_worker_that_does_not_say_hello_is_none)

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that compute: read bodies, answer batches, write answers. Large
 * ones have threads of their own, of a lower priority, so that a small batch
 * waits for none of them.
 */
#include "config.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "symbolize/symbolizer_internal.h"

enum {
	COMPUTE_QUEUE = 1000,
	/* More are a large batch, as more than SYMBOLIZER_SMALL_BYTES are. */
	SMALL_ADDRESSES = 4000,
	LARGE_NICE = 5,
};

/* Of which symbolizer this is a computing thread, and of which kind. */
static _Thread_local struct symbolizer *computes_for;
static _Thread_local bool computes_large;

/* ---- Batches that wait for nothing any more ------------------------------ */

static void finish_step(void *state, void *arg)
{
	(void)state;
	wait_finish(arg);
}

static bool is_large(const struct batch *b)
{
	return b->address_count > SMALL_ADDRESSES;
}

/* On a computing thread. @p w is that thread's from here on. */
static void submit(struct wait *w)
{
	struct symbolizer *s = w->s;
	struct pool *pool = is_large(w->b) ? s->large_computers : s->computers;
	struct error *err = pool_continue(pool, finish_step, w);

	if (!err)
		return;
	w->err = err;
	wait_finish(w);
}

/* On this thread, if it is a computing one for such batches. A body of few
 * bytes may ask for many addresses. */
void wait_hand_on(struct wait *w)
{
	if (computes_for == w->s && (computes_large || !is_large(w->b)))
		wait_finish(w);
	else
		submit(w);
}

void waits_dispatch(struct wait *ready)
{
	/* Others' answers are not this thread's business. */
	while (ready) {
		struct wait *next = ready->next_ready;

		submit(ready);
		ready = next;
	}
}

/* ---- Anything else ------------------------------------------------------- */

struct run_job {
	symbolizer_run_fn fn;
	void *ctx;
};

static void run_step(void *state, void *arg)
{
	struct run_job job = *(struct run_job *)arg;

	(void)state;
	mem_free(arg);
	job.fn(job.ctx);
}

struct error *symbolizer_run(struct symbolizer *s, size_t bytes,
			     symbolizer_run_fn fn, void *ctx)
{
	struct pool *pool = bytes > SYMBOLIZER_SMALL_BYTES ? s->large_computers
							   : s->computers;
	struct run_job *job = mem_alloc(sizeof(*job));

	if (!job)
		return error_no_memory;
	*job = (struct run_job) { .fn = fn, .ctx = ctx };
	struct error *err = pool_submit(pool, run_step, job);

	if (err)
		mem_free(job);
	return err;
}

/* ---- Start and end ------------------------------------------------------- */

static void *begin_computing(void *ctx)
{
	computes_for = ctx;
	return NULL;
}

static void *begin_large(void *ctx)
{
	pid_t self = (pid_t)syscall(SYS_gettid);

	/* Of this thread alone: Linux's threads have niceness each. */
	setpriority(PRIO_PROCESS, (id_t)self,
		    getpriority(PRIO_PROCESS, (id_t)self) + LARGE_NICE);
	computes_large = true;
	return begin_computing(ctx);
}

static unsigned count_cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set)
		       ? 1
		       : (unsigned)CPU_COUNT(&set);
}

struct error *computers_start(struct symbolizer *s, unsigned threads)
{
	struct pool_options computers = {
		.name = "symbolize",
		.threads = threads ? threads : count_cores(),
		.queue_limit = COMPUTE_QUEUE,
		.limit = "queued_jobs",
		.begin = begin_computing,
		.ctx = s,
	};

	TRY(pool_create(&computers, &s->computers));
	computers.name = "symbolize-large";
	computers.begin = begin_large;
	return pool_create(&computers, &s->large_computers);
}

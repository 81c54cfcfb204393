/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. A job is in the queue, or with exactly one thread, or done.
 * 2. A worker's process is touched only by its thread; worker_pool_abort()
 *    only sends it a signal.
 * 3. done is called without the lock, exactly once for every job accepted.
 */
#include "config.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "worker/sandbox_check.h"
#include "worker/worker_limits.h"
#include "worker/worker_pool.h"
#include "worker/worker_process.h"

enum { IDLE_MS = 60000, FOR_EVER_MS = 3600000, VMSTAT_LIMIT = 1 << 20 };

const char *worker_pool_vmstat = "/proc/vmstat";

struct worker {
	struct worker_pool *pool;
	pthread_t thread;
	bool has_thread;
	struct worker_process process;
	uint64_t oom_kills; /* on this machine when the process was started */
};

struct worker_pool {
	char *program;
	char name[16]; /* as long as the kernel keeps it */
	int64_t idle_ms;
	unsigned label; /* in LABELS_POOL */
	size_t queue_limit;
	const char *limit;
	unsigned worker_count;
	struct worker *workers;
	struct lock lock; /* guards what follows */
	/* A job goes to who has a process, waiting for one, before anybody
	 * starts another. */
	struct condition has_job, has_job_for_warm;
	unsigned cold_idle, warm_idle; /* who waits for each */
	bool wants_warm; /* one of the cold ones is to start its process */
	struct condition has_room;
	struct worker_job *head, **tail;
	size_t queued;
	unsigned running;
	bool is_stopping; /* no more jobs */
	bool is_aborted;  /* nor those begun */
};

enum cause {
	CAUSE_EXIT,
	CAUSE_SIGNAL,
	CAUSE_DEADLINE,
	CAUSE_MEMORY,
	CAUSE_CPU,
	CAUSE_SANDBOX
};

static void show_depth(const struct worker_pool *pool)
{
	metric_set(METRIC_WORKER_JOBS, pool->label, 0, (int64_t)pool->queued);
	metric_set(METRIC_WORKER_JOBS, pool->label, 1, pool->running);
}

/* Those with a process, waiting, are enough for what is queued. Nobody of them
 * waits while there is a job but who has been woken for it. */
static bool has_job_for(const struct worker_pool *pool, bool is_warm)
{
	return pool->head && (is_warm || pool->queued > pool->warm_idle);
}

enum turn {
	TURN_JOB,
	TURN_WARM, /* start a process, for a job that is to come */
	TURN_IDLE, /* nothing to do for so long */
	TURN_END,
};

/* @return False: nothing came of it in time. */
static bool wait_for_turn(struct worker_pool *pool, bool is_warm,
			  int64_t until_ms)
{
	unsigned *idle = is_warm ? &pool->warm_idle : &pool->cold_idle;

	++*idle;
	bool is_woken = condition_wait_until(is_warm ? &pool->has_job_for_warm
						     : &pool->has_job,
					     &pool->lock, until_ms);
	--*idle;
	return is_woken;
}

/* @p is_warm: whoever asks has a process. */
static enum turn take_job(struct worker_pool *pool, bool is_warm,
			  struct worker_job **job_ret)
{
	int64_t until =
		clock_ms() + (is_warm ? pool->idle_ms : (int64_t)FOR_EVER_MS);
	bool is_late = false;

	LOCKED(&pool->lock);
	while (!has_job_for(pool, is_warm) && !pool->is_stopping) {
		if (is_late)
			return TURN_IDLE;
		if (!is_warm && pool->wants_warm) {
			pool->wants_warm = false;
			return TURN_WARM;
		}
		is_late = !wait_for_turn(pool, is_warm, until);
	}
	struct worker_job *job = pool->head;

	if (!job)
		return TURN_END;
	pool->wants_warm = false;
	pool->head = job->next;
	if (!pool->head)
		pool->tail = &pool->head;
	job->next = NULL;
	pool->queued--;
	pool->running++;
	condition_signal(&pool->has_room);
	show_depth(pool);
	*job_ret = job;
	return TURN_JOB;
}

static void finish_job(struct worker_pool *pool, struct worker_job *job,
		       struct error *err)
{
	{
		LOCKED(&pool->lock);
		pool->running--;
		show_depth(pool);
	}
	job->done(job, err);
}

/* Processes that the kernel has killed for want of memory. All of them: a
 * control group's own are among these, and nothing says which they were. */
static uint64_t count_oom_kills(void)
{
	static const char key[] = "\noom_kill ";
	CLEANUP_FREE char *text = NULL;
	CLEANUP_ERROR struct error *err =
		file_read_text(worker_pool_vmstat, VMSTAT_LIMIT, &text);
	const char *found = err ? NULL : strstr(text, key);

	return found ? strtoull(found + strlen(key), NULL, 10) : 0;
}

static struct error *error_memory_limit(void)
{
	return error_new(LIMIT, "worker stopped: memory limit");
}

/* What the process's end means for the job it had. */
static struct error *explain_death(const struct worker *w, int status,
				   enum cause *cause_ret)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	*cause_ret = CAUSE_MEMORY;
	if (sig == SIGKILL && count_oom_kills() > w->oom_kills)
		return error_new(WORKER, "worker died: killed for want of "
					 "memory");
	if (WIFEXITED(status) &&
	    WEXITSTATUS(status) == error_kind_exit_code(ERROR_NO_MEMORY))
		return error_memory_limit();
	if (sig == SIGXCPU) {
		*cause_ret = CAUSE_CPU;
		return error_new(LIMIT, "worker stopped: processor time limit");
	}
	if (sig == SIGSYS) {
		*cause_ret = CAUSE_SANDBOX;
		return error_new(WORKER, "worker died: made a system call that "
					 "no job needs");
	}
	if (sig) {
		*cause_ret = CAUSE_SIGNAL;
		return error_new(WORKER, "worker died: signal %d (%s)", sig,
				 strsignal(sig));
	}
	*cause_ret = CAUSE_EXIT;
	return error_new(WORKER, "worker ended with status %d",
			 WEXITSTATUS(status));
}

/* The job's process is no good any more: end it and say why. @p err is what
 * we saw of it; taken. */
static struct error *bury(struct worker *w, struct error *err)
{
	bool deadline = error_kind(err) == ERROR_LIMIT &&
			!strcmp(error_message(err), "deadline");
	bool is_gone = error_kind(err) == ERROR_WORKER;
	enum cause cause = CAUSE_DEADLINE;
	int status = worker_process_stop(&w->process, !is_gone);

	if (deadline) {
		error_free(err);
		err = error_new(LIMIT, "worker stopped: deadline");
	} else if (is_gone) {
		error_free(err);
		err = explain_death(w, status, &cause);
	} else {
		return err;
	}
	metric_add(METRIC_WORKER_DEATHS, w->pool->label, cause, 1);
	return err;
}

/* It met its limit and could say so. What it still holds is in pieces. */
static struct error *bury_starved(struct worker *w, struct error *err)
{
	error_free(err);
	worker_process_stop(&w->process, false);
	metric_add(METRIC_WORKER_DEATHS, w->pool->label, CAUSE_MEMORY, 1);
	return error_memory_limit();
}

static struct error *read_done(struct reader *r, bool *recycle_ret,
			       struct error **job_error_ret)
{
	uint32_t kind = reader_u32(r);
	size_t size;
	const uint8_t *text = reader_sized(r, &size);
	uint64_t resident = reader_u64(r);

	if (!reader_ok(r))
		return error_new(BAD_DATA, "broken answer from worker");
	*recycle_ret = resident > WORKER_RECYCLE_BYTES;
	if (!kind)
		return NULL;
	CLEANUP_FREE char *message = mem_strndup((const char *)text, size);

	if (!message)
		return error_no_memory;
	*job_error_ret = error_from_wire(kind - 1, message);
	return NULL;
}

/* Send the job and take its answers. An error here means that the process is
 * in an unknown state; the job's own error comes in @p job_error_ret. */
static struct error *converse(struct worker *w, struct worker_job *job,
			      bool *recycle_ret, struct error **job_error_ret)
{
	CLEANUP_BUF struct buf request = BUF_INIT;
	int64_t limit = job->wall_limit_ms ? job->wall_limit_ms
					   : (int64_t)job->cpu_limit_s *
						     WORKER_WALL_FACTOR * 1000;
	int64_t until = clock_ms() + limit;

	buf_put_u32(&request, job->cpu_limit_s);
	buf_append(&request, job->request.data, job->request.size);
	if (job->request.failed)
		return error_no_memory;
	TRY(wire_send(w->process.sock, job->type, &request, job->fds,
		      job->fd_count));
	for (;;) {
		enum wire_type type;
		struct reader payload;
		bool ended;

		TRY(wire_receive(&w->process.in, until, &type, &payload,
				 &ended));
		if (ended)
			return error_new(WORKER, "worker ended");
		if (type == WIRE_DONE)
			return read_done(&payload, recycle_ret, job_error_ret);
		TRY(job->answer(job, type, &payload));
	}
}

/* One that died between two jobs is no fault of the next one. But code that
 * goes on when a job is done is nobody's job. */
static void bury_idle(struct worker *w)
{
	int status = worker_process_stop(&w->process, false);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		return;
	metric_add(METRIC_WORKER_DEATHS, w->pool->label, CAUSE_SANDBOX, 1);
	log_warn("worker", "made a system call that no job needs",
		 LOG_S("pool", w->pool->name));
}

static struct error *start_process(struct worker *w)
{
	if (worker_process_is_dead(&w->process))
		bury_idle(w);
	if (w->process.pid)
		return NULL;
	w->oom_kills = count_oom_kills();
	TRY(worker_process_start(&w->process, w->pool->program));
	metric_add(METRIC_WORKER_STARTS, w->pool->label, 0, 1);
	struct error *err = sandbox_hear(&w->process);

	return err ? bury(w, err) : NULL;
}

static bool is_stopping(struct worker_pool *pool)
{
	LOCKED(&pool->lock);
	return pool->is_aborted;
}

static struct error *run_job(struct worker *w, struct worker_job *job)
{
	struct error *job_error = NULL;
	bool recycle = false;

	TRY(start_process(w));
	/* An abort kills what it sees; a process begun since then is ours to
	 * end. */
	if (is_stopping(w->pool)) {
		worker_process_stop(&w->process, true);
		return error_new(BUSY, "shutting down");
	}
	if (job->begin)
		TRY(job->begin(job));
	struct error *err = converse(w, job, &recycle, &job_error);

	if (err)
		return bury(w, err);
	if (job_error && error_kind(job_error) == ERROR_NO_MEMORY)
		return bury_starved(w, job_error);
	if (recycle)
		worker_process_stop(&w->process, false);
	return job_error;
}

static void *worker_thread(void *arg)
{
	struct worker *w = arg;
	struct worker_pool *pool = w->pool;
	struct worker_job *job = NULL;
	enum turn turn;

	prctl(PR_SET_NAME, pool->name);
	while ((turn = take_job(pool, w->process.pid != 0, &job)) != TURN_END) {
		if (turn == TURN_JOB)
			finish_job(pool, job, run_job(w, job));
		else if (turn == TURN_WARM)
			/* If it fails, that is the next job's to say. */
			error_free(start_process(w));
		else
			worker_process_stop(&w->process, false);
	}
	worker_process_stop(&w->process, false);
	return NULL;
}

static struct error *start_threads(struct worker_pool *pool)
{
	for (unsigned i = 0; i < pool->worker_count; i++) {
		struct worker *w = &pool->workers[i];

		w->pool = pool;
		worker_process_init(&w->process);
		if (pthread_create(&w->thread, NULL, worker_thread, w))
			return error_new(BUSY, "cannot start a thread");
		w->has_thread = true;
	}
	return NULL;
}

struct error *worker_pool_create(const struct worker_pool_options *options,
				 struct worker_pool **ret)
{
	struct worker_pool *pool = mem_zalloc(sizeof(*pool));

	if (!pool)
		return error_no_memory;
	lock_init(&pool->lock, LOCK_WORKER_QUEUE);
	condition_init(&pool->has_job);
	condition_init(&pool->has_job_for_warm);
	condition_init(&pool->has_room);
	pool->tail = &pool->head;
	pool->label = metric_label(LABELS_POOL, options->name);
	snprintf(pool->name, sizeof(pool->name), "%s", options->name);
	pool->idle_ms = options->idle_ms ? options->idle_ms : IDLE_MS;
	pool->queue_limit = options->queue_limit;
	pool->limit = options->limit;
	pool->worker_count = options->workers;
	pool->program = mem_strdup(options->program);
	pool->workers = mem_array(options->workers, sizeof(*pool->workers));
	struct error *err = pool->program && pool->workers ? start_threads(pool)
							   : error_no_memory;

	if (err) {
		worker_pool_destroy(pool);
		return err;
	}
	*ret = pool;
	return NULL;
}

/* Nobody will do these any more. */
static void refuse_queued(struct worker_pool *pool)
{
	struct worker_job *job;

	{
		LOCKED(&pool->lock);
		pool->is_stopping = true;
		job = pool->head;
		pool->head = NULL;
		pool->tail = &pool->head;
		pool->queued = 0;
		show_depth(pool);
		condition_broadcast(&pool->has_job);
		condition_broadcast(&pool->has_job_for_warm);
		condition_broadcast(&pool->has_room);
	}
	while (job) {
		struct worker_job *next = job->next;

		job->done(job, error_new(BUSY, "shutting down"));
		job = next;
	}
}

void worker_pool_destroy(struct worker_pool *pool)
{
	if (!pool)
		return;
	refuse_queued(pool);
	for (unsigned i = 0; pool->workers && i < pool->worker_count; i++) {
		if (!pool->workers[i].pool)
			continue;
		if (pool->workers[i].has_thread)
			pthread_join(pool->workers[i].thread, NULL);
		worker_process_deinit(&pool->workers[i].process);
	}
	condition_deinit(&pool->has_job);
	condition_deinit(&pool->has_job_for_warm);
	condition_deinit(&pool->has_room);
	lock_deinit(&pool->lock);
	mem_free(pool->workers);
	mem_free(pool->program);
	mem_free(pool);
}

static void enqueue(struct worker_pool *pool, struct worker_job *job,
		    struct worker_job **at)
{
	job->next = *at;
	*at = job;
	if (pool->tail == at)
		pool->tail = &job->next;
	pool->queued++;
	show_depth(pool);
	condition_signal(pool->queued > pool->warm_idle
				 ? &pool->has_job
				 : &pool->has_job_for_warm);
}

static struct error *submit_all(struct worker_pool *pool,
				struct worker_job *const *jobs, size_t count,
				bool is_begun, bool *is_full_ret)
{
	LOCKED(&pool->lock);
	if (pool->is_stopping)
		return error_new(BUSY, "shutting down");
	*is_full_ret = !is_begun && pool->queued >= pool->queue_limit;
	if (*is_full_ret)
		return error_new(BUSY, "%zu jobs waiting for a worker",
				 pool->queued);
	struct worker_job **at = is_begun ? &pool->head : pool->tail;

	for (size_t i = 0; i < count; i++) {
		enqueue(pool, jobs[i], at);
		at = &jobs[i]->next;
	}
	return NULL;
}

struct error *worker_pool_submit_all(struct worker_pool *pool,
				     struct worker_job *const *jobs,
				     size_t count, bool is_begun)
{
	bool is_full = false;
	struct error *err = submit_all(pool, jobs, count, is_begun, &is_full);

	if (is_full && pool->limit)
		limit_reached(pool->limit);
	return err;
}

struct error *worker_pool_submit(struct worker_pool *pool,
				 struct worker_job *job)
{
	return worker_pool_submit_all(pool, &job, 1, false);
}

struct error *worker_pool_submit_wait(struct worker_pool *pool,
				      struct worker_job *job)
{
	LOCKED(&pool->lock);
	while (pool->queued >= pool->queue_limit && !pool->is_stopping)
		condition_wait(&pool->has_room, &pool->lock);
	if (pool->is_stopping)
		return error_new(BUSY, "shutting down");
	enqueue(pool, job, pool->tail);
	return NULL;
}

void worker_pool_abort(struct worker_pool *pool)
{
	{
		LOCKED(&pool->lock);
		pool->is_aborted = true;
	}
	refuse_queued(pool);
	for (unsigned i = 0; i < pool->worker_count; i++)
		worker_process_kill(&pool->workers[i].process);
}

void worker_pool_warm(struct worker_pool *pool)
{
	LOCKED(&pool->lock);
	if (pool->is_stopping || pool->warm_idle || pool->queued ||
	    !pool->cold_idle)
		return;
	pool->wants_warm = true;
	condition_signal(&pool->has_job);
}

unsigned worker_pool_idle(struct worker_pool *pool)
{
	LOCKED(&pool->lock);
	return pool->queued || pool->running >= pool->worker_count
		       ? 0
		       : pool->worker_count - pool->running;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/lock.h"
#include "base/mem.h"
#include "one_worker.h"

struct one_worker {
	struct worker_pool *pool;
	struct lock lock; /* COMMAND: guards what follows */
	struct condition changed;
	bool is_done;
	struct error *err;
};

/* What the pool is given: the caller's job, with the way back to here. */
struct errand {
	struct worker_job base;
	struct one_worker *worker;
	struct worker_job *job; /* the caller's */
};

static struct error *take_answer(struct worker_job *base, enum wire_type type,
				 struct reader *payload)
{
	struct worker_job *job = ((struct errand *)base)->job;

	return job->answer(job, type, payload);
}

static void end_errand(struct worker_job *base, struct error *err)
{
	struct one_worker *w = ((struct errand *)base)->worker;

	LOCKED(&w->lock);
	w->err = err;
	w->is_done = true;
	condition_signal(&w->changed);
}

struct error *one_worker_start(const char *program, struct one_worker **ret)
{
	const struct worker_pool_options options = {
		.name = "build",
		.program = program,
		.workers = 1,
		.queue_limit = 1,
	};
	struct one_worker *w = mem_zalloc(sizeof(*w));

	if (!w)
		return error_no_memory;
	lock_init(&w->lock, LOCK_COMMAND);
	condition_init(&w->changed);
	struct error *err = worker_pool_create(&options, &w->pool);

	if (err)
		one_worker_end(w);
	else
		*ret = w;
	return err;
}

void one_worker_end(struct one_worker *w)
{
	if (!w)
		return;
	worker_pool_destroy(w->pool);
	condition_deinit(&w->changed);
	lock_deinit(&w->lock);
	mem_free(w);
}

struct error *one_worker_do(struct one_worker *w, struct worker_job *job)
{
	struct errand e = { .base = *job, .worker = w, .job = job };

	if (job->request.failed)
		return error_no_memory;
	e.base.answer = take_answer;
	e.base.done = end_errand;
	w->is_done = false;
	TRY(worker_pool_submit(w->pool, &e.base));
	LOCKED(&w->lock);
	while (!w->is_done)
		condition_wait(&w->changed, &w->lock);
	return STEAL(w->err);
}

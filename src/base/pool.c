/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdbool.h>
#include <sys/prctl.h>

#include "base/limits.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/pool.h"

struct job {
	pool_fn fn;
	void *arg;
	struct job *next;
};

struct pool {
	struct pool_options o;
	struct lock lock; /* guards what follows */
	struct condition has_job;
	struct job *head, **tail;
	size_t queued;
	bool is_stopping;
	unsigned started;
	pthread_t threads[];
};

static struct job *take(struct pool *p)
{
	LOCKED(&p->lock);
	while (!p->head && !p->is_stopping)
		condition_wait(&p->has_job, &p->lock);
	struct job *job = p->head;

	if (job) {
		p->head = job->next;
		if (!p->head)
			p->tail = &p->head;
		p->queued--;
	}
	return job;
}

static void *run(void *arg)
{
	struct pool *p = arg;
	void *state = p->o.begin ? p->o.begin(p->o.ctx) : NULL;
	struct job *job;

	prctl(PR_SET_NAME, p->o.name);
	while ((job = take(p))) {
		job->fn(state, job->arg);
		mem_free(job);
	}
	if (p->o.end)
		p->o.end(state);
	return NULL;
}

struct error *pool_create(const struct pool_options *options, struct pool **ret)
{
	struct pool *p =
		mem_zalloc(sizeof(*p) + options->threads * sizeof(pthread_t));

	if (!p)
		return error_no_memory;
	p->o = *options;
	p->tail = &p->head;
	lock_init(&p->lock, LOCK_POOL);
	condition_init(&p->has_job);
	for (unsigned i = 0; i < options->threads; i++) {
		if (pthread_create(&p->threads[i], NULL, run, p)) {
			pool_destroy(p);
			return error_new(BUSY, "cannot start a thread");
		}
		p->started++;
	}
	*ret = p;
	return NULL;
}

void pool_stop(struct pool *p)
{
	if (!p)
		return;
	{
		LOCKED(&p->lock);
		p->is_stopping = true;
		condition_broadcast(&p->has_job);
	}
	while (p->started)
		pthread_join(p->threads[--p->started], NULL);
}

void pool_destroy(struct pool *p)
{
	if (!p)
		return;
	pool_stop(p);
	condition_deinit(&p->has_job);
	lock_deinit(&p->lock);
	mem_free(p);
}

/* @return False: there is no room. */
static bool put(struct pool *p, struct job *job, size_t limit)
{
	LOCKED(&p->lock);
	if (p->queued >= limit)
		return false;
	*p->tail = job;
	p->tail = &job->next;
	p->queued++;
	condition_signal(&p->has_job);
	return true;
}

static struct error *add(struct pool *p, pool_fn fn, void *arg, size_t limit)
{
	struct job *job = mem_zalloc(sizeof(*job));

	if (!job)
		return error_no_memory;
	job->fn = fn;
	job->arg = arg;
	if (put(p, job, limit))
		return NULL;
	mem_free(job);
	if (p->o.limit)
		limit_reached(p->o.limit);
	return error_new(BUSY, "%zu jobs queued", limit);
}

struct error *pool_submit(struct pool *p, pool_fn fn, void *arg)
{
	return add(p, fn, arg, p->o.queue_limit);
}

struct error *pool_continue(struct pool *p, pool_fn fn, void *arg)
{
	return add(p, fn, arg, (size_t)-1);
}

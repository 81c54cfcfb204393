/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/units.h"
#include "scan/assist.h"
#include "scan/scan_internal.h"
#include "worker/worker_limits.h"

/* Below, an archive is through before a helper has begun. */
#define SHARE_BYTES (8 * MIB)

enum {
	/* More than one reader can keep busy. */
	HELPERS_MAX = 8,
	/* A helper came back: there is nothing to do here for the moment. */
	REST_MS = 250,
};

struct shared_archive {
	struct shared_archive *next; /* of scan->shared, while its job runs */
	unsigned refs;
	int container, memory; /* owned */
	uint64_t size;
	unsigned helpers;
	int64_t rest_until_ms;
};

struct assist_job {
	struct worker_job base; /* descriptors are the archive's */
	struct scan *scan;
	struct shared_archive *archive;
};

static void unref(struct scan *s, struct shared_archive *a)
{
	{
		LOCKED(&s->lock);
		if (--a->refs)
			return;
	}
	close(a->container);
	close(a->memory);
	mem_free(a);
}

/* @return False where the kernel has no descriptor or no memory for it. */
static bool fill(struct shared_archive *a, int container, int *fd_ret)
{
	struct error *err = share_create(&a->memory);

	if (err) {
		log_debug("scan", "not shared",
			  LOG_S("error", error_message(err)));
		error_free(err);
		return false;
	}
	a->container = fcntl(container, F_DUPFD_CLOEXEC, 0);
	*fd_ret = fcntl(a->memory, F_DUPFD_CLOEXEC, 0);
	if (a->container >= 0 && *fd_ret >= 0)
		return true;
	if (a->container >= 0)
		close(a->container);
	if (*fd_ret >= 0)
		close(steal_fd(fd_ret));
	close(a->memory);
	return false;
}

struct shared_archive *scan_share_begin(struct scan *s, int container,
					uint64_t size, int *fd_ret)
{
	*fd_ret = -1;
	if (size < SHARE_BYTES || s->o.workers < 2)
		return NULL;
	struct shared_archive *a = mem_zalloc(sizeof(*a));

	if (!a)
		return NULL;
	if (!fill(a, container, fd_ret)) {
		mem_free(a);
		return NULL;
	}
	a->refs = 1;
	a->size = size;
	LOCKED(&s->lock);
	a->next = s->shared;
	s->shared = a;
	return a;
}

void scan_share_end(struct scan *s, struct shared_archive *a)
{
	if (!a)
		return;
	share_abandon(a->memory);
	{
		LOCKED(&s->lock);
		struct shared_archive **at = &s->shared;

		while (*at != a)
			at = &(*at)->next;
		*at = a->next;
	}
	unref(s, a);
}

static struct error *on_answer(struct worker_job *base, enum wire_type type,
			       struct reader *payload)
{
	(void)base;
	if (type != WIRE_RESULT)
		return error_new(BAD_DATA, "helper answers with a message %d",
				 (int)type);
	uint32_t blocks = reader_u32(payload);

	if (!reader_ok(payload))
		return error_new(BAD_DATA, "broken answer of a helper");
	metric_add(METRIC_SCAN_ASSISTED, 0, 0, blocks);
	return NULL;
}

/* Undo choose(). After that the scan may be at its end. */
static void let_go(struct scan *s, struct shared_archive *a)
{
	{
		LOCKED(&s->lock);
		a->helpers--;
		a->rest_until_ms = clock_ms() + REST_MS;
	}
	unref(s, a);
	LOCKED(&s->lock);
	s->outstanding--;
	condition_signal(&s->idle);
}

static void assist_free(struct assist_job *job)
{
	buf_deinit(&job->base.request);
	mem_free(job);
}

/* What a helper could not do, the scan of the archive does or reports. */
static void on_done(struct worker_job *base, struct error *err)
{
	CLEANUP_ERROR struct error *owned = err;
	struct assist_job *job = (struct assist_job *)base;
	struct scan *s = job->scan;

	if (owned)
		log_debug("scan", "helper failed",
			  LOG_S("error", error_message(owned)));
	struct shared_archive *a = job->archive;

	assist_free(job);
	let_go(s, a);
}

/* The one with the fewest helpers; of these the largest. It counts as helped
 * and held from now on, and the helper as outstanding: let_go(). */
static struct shared_archive *choose(struct scan *s)
{
	struct shared_archive *best = NULL;
	int64_t now = clock_ms();

	LOCKED(&s->lock);
	if (s->fatal || atomic_load(&s->stop))
		return NULL;
	for (struct shared_archive *a = s->shared; a; a = a->next) {
		if (a->helpers >= HELPERS_MAX || now < a->rest_until_ms)
			continue;
		if (!best || a->helpers < best->helpers ||
		    (a->helpers == best->helpers && a->size > best->size))
			best = a;
	}
	if (best) {
		best->refs++;
		best->helpers++;
		s->outstanding++;
	}
	return best;
}

static struct error *submit(struct scan *s, struct shared_archive *a)
{
	struct assist_job *job = mem_zalloc(sizeof(*job));

	if (!job)
		return error_no_memory;
	job->scan = s;
	job->archive = a;
	job->base.type = WIRE_ASSIST;
	job->base.fds[0] = a->container;
	job->base.fds[1] = a->memory;
	job->base.fd_count = 2;
	job->base.cpu_limit_s = scan_cpu_limit(a->size);
	job->base.answer = on_answer;
	job->base.done = on_done;
	buf_put_u64(&job->base.request, a->size);
	struct error *err = worker_pool_submit(s->pool, &job->base);

	if (err)
		assist_free(job);
	return err;
}

void scan_assist(struct scan *s)
{
	for (unsigned idle = worker_pool_idle(s->pool); idle; idle--) {
		struct shared_archive *a = choose(s);

		if (!a)
			return;
		struct error *err = submit(s, a);

		if (!err)
			continue;
		error_free(err);
		let_go(s, a);
		return;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A pool of worker processes, seen from the server.
 *
 * One thread a worker takes jobs from one bounded queue, hands each to its
 * process with the descriptors it needs, and gives the answers to the job's
 * owner. A process that dies, hangs past its deadline or outgrows its memory
 * costs its job: the error says why, a new process is started for the next
 * one, and nobody else notices. Processes are started when there is work and
 * end after a minute without.
 *
 * Processes are started with posix_spawn (vfork inside), which costs the same
 * from a large server as from a small one.
 */
#ifndef WORKER_WORKER_POOL_H
#define WORKER_WORKER_POOL_H

#include "base/buf.h"
#include "base/error.h"
#include "worker/wire.h"

#include <stdbool.h>
#include <stdint.h>

struct worker_pool;

/** Where the kernel counts what it killed for want of memory. A variable for
 * tests. */
extern const char *worker_pool_vmstat;

struct worker_pool_options {
	/** Label of metrics and name of its threads: "scan" or "answer". */
	const char *name;
	const char *program; /* started as `program worker` */
	unsigned workers;
	size_t queue_limit; /* jobs waiting; more is BUSY */
	/** What a full queue is reported as: limits.h. NULL: nothing. */
	const char *limit;
	/** A process without a job for so long is ended; 0: a minute. */
	int64_t idle_ms;
};

/** Made by the owner, filled before submit, the pool's until done is called.
 * Descriptors are borrowed until then. */
struct worker_job {
	enum wire_type type;
	struct buf request; /* payload, without the CPU limit */
	int fds[WIRE_MAX_FDS];
	size_t fd_count;
	uint32_t cpu_limit_s;
	int64_t wall_limit_ms; /* 0: ten times the CPU limit */
	/** NULL, or called on the pool's thread right before the job is handed
	 * to its process: makes what should not exist while the job waits. An
	 * error ends the job, not the process. */
	struct error *(*begin)(struct worker_job *job);
	/** An answer message, on the pool's thread. An error ends the job and
	 * the process. */
	struct error *(*answer)(struct worker_job *job, enum wire_type type,
				struct reader *payload);
	/** Exactly once, on the pool's thread. @p err is owned by the callee;
	 * WORKER if the process died, LIMIT if it was stopped or ran out of the
	 * memory it may have (NO_MEMORY is always our own want). */
	void (*done)(struct worker_job *job, struct error *err);
	void *ctx;
	struct worker_job *next; /* the queue's */
};

MUST_CHECK struct error *
worker_pool_create(const struct worker_pool_options *options,
		   struct worker_pool **ret);

/** Waits for running jobs to end; queued ones are done with BUSY. NULL is
 * allowed. */
void worker_pool_destroy(struct worker_pool *pool);

/** @return BUSY if the queue is full; done is then not called. */
MUST_CHECK struct error *worker_pool_submit(struct worker_pool *pool,
					    struct worker_job *job);

/**
 * Submit the parts of one thing: all of them or none.
 *
 * @param[in] is_begun Workers have done something of it already. Then there is
 * always room, and it comes before all that wait: what is begun must not be
 * begun again because of what is not.
 * @return BUSY if the queue was full before; done is then not called for any.
 */
MUST_CHECK struct error *worker_pool_submit_all(struct worker_pool *pool,
						struct worker_job *const *jobs,
						size_t count, bool is_begun);

/** As submit, but waits for a place in the queue. */
MUST_CHECK struct error *worker_pool_submit_wait(struct worker_pool *pool,
						 struct worker_job *job);

/** Stop running jobs at once (their processes are killed), and refuse all to
 * come: for shutdown. Any thread; safe twice. */
void worker_pool_abort(struct worker_pool *pool);

/** A job will come soon: have a process that waits for it, whose start takes
 * longer than many a job. */
void worker_pool_warm(struct worker_pool *pool);

/** Workers idle and nothing waiting: would a job begin at once? */
unsigned worker_pool_idle(struct worker_pool *pool);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A worker process for a command that has a few things to be read and waits for
 * each: one job at a time.
 *
 * Threads: owned by one thread.
 */
#ifndef ONE_WORKER_H
#define ONE_WORKER_H

#include "base/error.h"
#include "worker/worker_pool.h"

struct one_worker;

/** @param[in] program Started as `program worker` for the first job; borrowed.
 */
MUST_CHECK struct error *one_worker_start(const char *program,
					  struct one_worker **ret);
/** NULL is allowed. */
void one_worker_end(struct one_worker *w);

/** Do a job and wait for its end. All of it but @c done is the caller's to
 * fill; @c ctx, too. @return The job's error. */
MUST_CHECK struct error *one_worker_do(struct one_worker *w,
				       struct worker_job *job);

#endif

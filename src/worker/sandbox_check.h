/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Are workers held by their sandbox? The server's side of sandbox.h.
 *
 * What the first worker of this process says of itself is logged once, shown
 * in /metrics, and expected of every later one: a worker with less is not
 * given a job.
 *
 * Threads: any.
 */
#ifndef WORKER_SANDBOX_CHECK_H
#define WORKER_SANDBOX_CHECK_H

#include "base/error.h"
#include "worker/worker_process.h"

#include <stdbool.h>

/**
 * Start one worker, hear what holds it, and end it: at the start of a server.
 *
 * @param[in] program To start workers with.
 * @param[in] is_required Something of SANDBOX_REQUIRED missing is an error.
 * @return UNSUPPORTED naming what this machine lacks; BUSY, WORKER, IO.
 */
MUST_CHECK struct error *sandbox_check(const char *program, bool is_required);

/**
 * The first message of a process just started.
 *
 * @return BUSY if it is held by less than those before: the machine lacks
 * something now, of which no job can know, and the next worker may have it;
 * WORKER if it ended, LIMIT "deadline" if it says nothing for half a minute.
 */
MUST_CHECK struct error *sandbox_hear(struct worker_process *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** One worker process, seen from the server. Owned by one thread. */
#ifndef WORKER_WORKER_PROCESS_H
#define WORKER_WORKER_PROCESS_H

#include "base/error.h"
#include "base/lock.h"
#include "worker/wire.h"

#include <stdbool.h>
#include <sys/types.h>

struct worker_process {
	struct lock lock; /* guards pid against a kill from outside */
	pid_t pid;        /* 0: none */
	int sock;
	struct wire_in in;
};

void worker_process_init(struct worker_process *p);
void worker_process_deinit(struct worker_process *p);

/** Start `program worker` with a socket. */
MUST_CHECK struct error *worker_process_start(struct worker_process *p,
					      const char *program);

/** Has it ended by itself? Reaps nothing. */
bool worker_process_is_dead(const struct worker_process *p);

/** End it and wait. Its socket is closed, on which a worker ends by itself; one
 * that does not within a second is killed.
 * @return waitpid()'s status. */
int worker_process_stop(struct worker_process *p, bool kill_it);

/** Kill it from another thread; its owner notices. Never hits a process that
 * is not ours: the pid is not reaped while it is used here. */
void worker_process_kill(struct worker_process *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The worker process: reads jobs from its socket, does them one at a time,
 * answers, until the other side closes. Single-threaded. Opens no path and no
 * socket: all it touches are descriptors it was handed, and sandbox.h sees to it.
 *
 * Must not be called in the server process.
 */
#ifndef WORKER_WORKER_MAIN_H
#define WORKER_WORKER_MAIN_H

#include "base/error.h"
#include "worker/wire.h"

/** The socket's descriptor in a worker started by worker_pool. */
enum { WORKER_SOCKET_FD = 3 };

/** Closes this process in and says by what it is held, before anything of a
 * stranger's is read.
 * @param[in] sock That of @p out; borrowed. */
MUST_CHECK struct error *worker_say_hello(struct wire_out *out, int sock);

/** Says hello with what holds this process, then works.
 * @param[in] sock Taken. @return NULL when the other side closed. */
MUST_CHECK struct error *worker_main(int sock);

/* The jobs, each in its file. Descriptors are borrowed. An error returned is
 * the answer to the job; an answer that cannot be sent ends the process. */
MUST_CHECK struct error *work_scan(struct reader *request, const int *fds,
				   size_t fd_count, struct wire_out *out);
MUST_CHECK struct error *work_assist(struct reader *request, const int *fds,
				     size_t fd_count, struct wire_out *out);
MUST_CHECK struct error *work_extract(struct reader *request, const int *fds,
				      size_t fd_count, struct wire_out *out);
MUST_CHECK struct error *work_section(struct reader *request, const int *fds,
				      size_t fd_count, struct wire_out *out);
MUST_CHECK struct error *work_identify(struct reader *request, const int *fds,
				       size_t fd_count, struct wire_out *out);
MUST_CHECK struct error *work_resolve(struct reader *request, const int *fds,
				      size_t fd_count, struct wire_out *out);
MUST_CHECK struct error *work_symtab(struct reader *request, const int *fds,
				     size_t fd_count, struct wire_out *out);

#endif

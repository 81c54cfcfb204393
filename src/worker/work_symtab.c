/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <sys/resource.h>

#include "worker/symtab_job.h"
#include "worker/worker_main.h"

enum { NICE = 10 };

static struct error *answer_report(struct wire_out *out,
				   const struct symtab_build_report *report)
{
	symtab_result_put(wire_out_begin(out, WIRE_RESULT), report);
	return wire_out_end(out);
}

/* What sandbox.c leaves to be taken. */
static void take_memory(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_AS, &limit);
}

struct error *work_symtab(struct reader *request, const int *fds,
			  size_t fd_count, struct wire_out *out)
{
	CLEANUP(symtab_request_deinit) struct symtab_request q;
	CLEANUP_SYMTAB_BUILD_REPORT struct symtab_build_report report = { 0 };

	TRY(symtab_request_get(request, fds, fd_count, &q));
	/* A pool of such workers does nothing else. */
	take_memory();
	/* Those whose tables are there go before, as does who waits for a few
	 * addresses. */
	if (!q.wanted && getpriority(PRIO_PROCESS, 0) < NICE)
		setpriority(PRIO_PROCESS, 0, NICE);
	TRY(symtab_build(&q.inputs, q.wanted, q.wanted_count, q.table,
			 &report));
	return answer_report(out, &report);
}

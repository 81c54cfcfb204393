/* SPDX-License-Identifier: Apache-2.0 */
/* symbolized worker: started by the others, never by hand. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"
#include "worker/worker_limits.h"
#include "worker/worker_main.h"

/* For now, and at most. Never more than whoever started the program allows. */
static void set_limit(int which, uint64_t value, uint64_t most)
{
	struct rlimit limit;

	if (getrlimit(which, &limit) || limit.rlim_max > most)
		limit.rlim_max = most;
	limit.rlim_cur = limit.rlim_max < value ? limit.rlim_max : value;
	setrlimit(which, &limit);
}

struct error *cmd_worker(int argc, char **argv)
{
	int type;
	socklen_t size = sizeof(type);

	(void)argv;
	if (argc != 1 ||
	    getsockopt(WORKER_SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &size))
		return error_new(BAD_REQUEST,
				 "worker is started by the other commands, "
				 "never by hand");
	fcntl(WORKER_SOCKET_FD, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	set_limit(RLIMIT_CORE, 0, 0);
	set_limit(RLIMIT_NOFILE, 2 * WIRE_MAX_FDS, 2 * WIRE_MAX_FDS);
#ifndef SANITIZED
	set_limit(RLIMIT_AS, WORKER_ADDRESS_SPACE_BYTES,
		  WORKER_BUILD_ADDRESS_SPACE_BYTES);
#endif
	return worker_main(WORKER_SOCKET_FD);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* symbolized worker: started by the others, never by hand. */
#include "config.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "command.h"
#include "worker/worker_main.h"

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
	return worker_main(WORKER_SOCKET_FD);
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A shell command that prints a container's content, for a worker to read: the
 * server's side of debuginfod's -Z EXT=CMD.
 *
 * `sh -c "CMD 'FILE'"`, as popen would, but in a process group of its own,
 * with /dev/null to read from. Where CMD ends in "<", the file is its input.
 *
 * Threads: a command is owned by one thread at a time.
 */
#ifndef WORKER_PIPE_COMMAND_H
#define WORKER_PIPE_COMMAND_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct pipe_command {
	pid_t pid; /* 0: none; also the group's */
};

/**
 * @param[out] fd_ret What it prints. Owned by the caller.
 * @return IO, BUSY (no descriptor or process to be had), NO_MEMORY.
 */
MUST_CHECK struct error *pipe_command_start(struct pipe_command *c,
					    const char *command,
					    const char *path, int *fd_ret);

/**
 * End it and all of its group. Twice is safe, and before it was started.
 *
 * @param[in] was_read_to_end Its output came to its end: then it is given a
 * moment to end by itself, and how it ended counts. Otherwise it is killed,
 * which is no failure of its own.
 * @return BAD_DATA with its status or signal; LIMIT if it did not end.
 */
MUST_CHECK struct error *pipe_command_end(struct pipe_command *c,
					  bool was_read_to_end);

/** The same where nobody wants to know. */
void pipe_command_kill(struct pipe_command *c);

#endif

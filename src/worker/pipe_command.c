/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "worker/pipe_command.h"

/* As large as an unprivileged process may have it: fewer switches between the
 * command and the worker. */
enum { PIPE_SIZE = 1 << 20 };
/* From the end of its output to its own. */
enum { END_MS = 10000 };

/* "COMMAND 'FILE'". */
static char *command_line(const char *command, const char *path)
{
	CLEANUP_BUF struct buf line = BUF_INIT;

	buf_append_str(&line, command);
	buf_append_str(&line, " '");
	for (const char *p = path; *p; p++) {
		if (*p == '\'')
			buf_append_str(&line, "'\\''");
		else
			buf_append_byte(&line, (uint8_t)*p);
	}
	buf_append_byte(&line, '\'');
	return buf_steal_str(&line);
}

/* The child gets its input, its output and our stderr, and nothing else; every
 * signal at its default and unblocked. */
static int spawn_shell(char *line, int out, pid_t *ret)
{
	char *argv[] = { (char *)"sh", (char *)"-c", line, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	int rc = posix_spawn(ret, "/bin/sh", &actions, &attr, argv, environ);

	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return rc;
}

struct error *pipe_command_start(struct pipe_command *c, const char *command,
				 const char *path, int *fd_ret)
{
	CLEANUP_FREE char *line = command_line(command, path);
	CLEANUP_CLOSE int in = -1, out = -1;
	int ends[2];

	if (!line)
		return error_no_memory;
	if (pipe2(ends, O_CLOEXEC))
		return error_errno("pipe");
	in = ends[0];
	out = ends[1];
	fcntl(out, F_SETPIPE_SZ, PIPE_SIZE);
	int rc = spawn_shell(line, out, &c->pid);

	if (rc) {
		c->pid = 0;
		errno = rc;
		return rc == EAGAIN ? error_new(BUSY, "no process to be had")
				    : error_errno("start /bin/sh");
	}
	*fd_ret = steal_fd(&in);
	return NULL;
}

/* Without taking its status: until then the group's number is nobody else's. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
	       info.si_pid == pid;
}

static bool ends_by_itself(pid_t pid)
{
	int64_t until = clock_ms() + END_MS;

	for (useconds_t pause_us = 100; !has_ended(pid);
	     pause_us += pause_us < 20000 ? pause_us : 0) {
		if (clock_ms() > until)
			return false;
		usleep(pause_us);
	}
	return true;
}

struct error *pipe_command_end(struct pipe_command *c, bool was_read_to_end)
{
	pid_t pid = c->pid;
	int status = 0;

	if (!pid)
		return NULL;
	c->pid = 0;
	bool ended = was_read_to_end ? ends_by_itself(pid) : has_ended(pid);

	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!was_read_to_end)
		return NULL;
	if (!ended)
		return error_new(LIMIT,
				 "command closed its output and went on");
	if (WIFSIGNALED(status))
		return error_new(BAD_DATA, "command ended by signal %d (%s)",
				 WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		return error_new(BAD_DATA, "command ended with status %d",
				 WEXITSTATUS(status));
	return NULL;
}

void pipe_command_kill(struct pipe_command *c)
{
	error_free(pipe_command_end(c, false));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/worker_main.h"
#include "worker/worker_process.h"

void worker_process_init(struct worker_process *p)
{
	lock_init(&p->lock, LOCK_WORKER_PROCESS);
	p->pid = 0;
	p->sock = -1;
	wire_in_init(&p->in, -1);
}

void worker_process_deinit(struct worker_process *p)
{
	lock_deinit(&p->lock);
}

/* The child gets the socket, stderr, and nothing else; every signal at its
 * default and unblocked. */
static struct error *spawn(const char *program, int sock, pid_t *ret)
{
	char whose[32];
	char *argv[] = { whose, (char *)"worker", NULL };
	char *envp[] = { (char *)"MALLOC_ARENA_MAX=1",
			 (char *)"TZ=:/etc/localtime", /* sandbox.c */
			 (char *)"ASAN_OPTIONS=detect_leaks=0", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int rc;

	/* For those who look at a list of processes. */
	snprintf(whose, sizeof(whose), "/proc/%d/exe", (int)getpid());
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO,
					 STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, sock, WORKER_SOCKET_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions,
						 WORKER_SOCKET_FD + 1);
	rc = posix_spawn(ret, program, &actions, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (rc) {
		errno = rc;
		return error_errno("start worker %s", program);
	}
	return NULL;
}

struct error *worker_process_start(struct worker_process *p,
				   const char *program)
{
	CLEANUP_CLOSE int theirs = -1;
	const struct timeval send_limit = { .tv_sec = 30 };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return error_errno("socketpair");
	theirs = pair[1];
	/* dup2 of a descriptor onto itself would keep its close-on-exec. */
	if (theirs == WORKER_SOCKET_FD) {
		theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, WORKER_SOCKET_FD + 1);
		int number = errno;

		close(pair[1]);
		if (theirs < 0) {
			close(pair[0]);
			errno = number;
			return error_errno("duplicate a socket");
		}
	}
	/* A worker that does not read must not hold us for ever. */
	setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &send_limit,
		   sizeof(send_limit));
	struct error *err = spawn(program, theirs, &pid);

	if (err) {
		close(pair[0]);
		return err;
	}
	p->sock = pair[0];
	{
		LOCKED(&p->lock);
		p->pid = pid;
	}
	wire_in_init(&p->in, p->sock);
	return NULL;
}

bool worker_process_is_dead(const struct worker_process *p)
{
	siginfo_t info = { .si_pid = 0 };

	return p->pid &&
	       !waitid(P_PID, (id_t)p->pid, &info,
		       WEXITED | WNOHANG | WNOWAIT) &&
	       info.si_pid == p->pid;
}

/* Its socket is closed: a worker that is as it should be ends at once. */
static bool ends_by_itself(pid_t pid)
{
	enum { STEP_US = 2000, STEPS = 500 };

	for (int i = 0; i < STEPS; i++) {
		siginfo_t info = { .si_pid = 0 };

		if (waitid(P_PID, (id_t)pid, &info,
			   WEXITED | WNOHANG | WNOWAIT) ||
		    info.si_pid == pid)
			return true;
		usleep(STEP_US);
	}
	return false;
}

int worker_process_stop(struct worker_process *p, bool kill_it)
{
	pid_t pid = p->pid;
	int status = 0;
	siginfo_t info;

	if (!pid)
		return 0;
	wire_in_deinit(&p->in);
	close(p->sock);
	p->sock = -1;
	if (kill_it || !ends_by_itself(pid))
		kill(pid, SIGKILL);
	/* Wait without reaping, so that the lock is held only for an instant
	 * and the pid stays ours until it is zero. */
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) &&
	       errno == EINTR)
		;
	LOCKED(&p->lock);
	waitpid(pid, &status, 0);
	p->pid = 0;
	return status;
}

void worker_process_kill(struct worker_process *p)
{
	LOCKED(&p->lock);
	if (p->pid)
		kill(p->pid, SIGKILL);
}

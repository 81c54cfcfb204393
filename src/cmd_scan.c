/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "command.h"
#include "privileges.h"
#include "scanner_loop.h"
#include "worker/sandbox_check.h"

struct waiter {
	struct scanner_loop *loop;
	sigset_t signals;
	_Atomic bool is_finished; /* the scan: the signal is ours */
	int ended_by;             /* signal that cut the scan short, or 0 */
};

/* Signals arrive on this thread alone. */
static void *wait_signals(void *arg)
{
	struct waiter *w = arg;
	int sig;

	prctl(PR_SET_NAME, "signals");
	for (;;) {
		if (sigwait(&w->signals, &sig))
			continue;
		if (sig == SIGUSR1)
			scanner_loop_ask_scan(w->loop);
		else if (sig == SIGUSR2)
			scanner_loop_ask_groom(w->loop);
		else
			break;
	}
	if (!atomic_load(&w->is_finished)) {
		w->ended_by = sig;
		log_info("scan", "stopping", LOG_I("signal", sig));
	}
	scanner_loop_stop(w->loop);
	/* A second one ends the process as signals do. */
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	pthread_sigmask(SIG_UNBLOCK, &w->signals, NULL);
	return NULL;
}

/* An index that is not up to date is no success: end as the signal does, so
 * that a shell or a service manager sees which it was. */
static void end_as_signalled(int sig)
{
	sigset_t just_this;

	sigemptyset(&just_this);
	sigaddset(&just_this, sig);
	signal(sig, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &just_this, NULL);
	raise(sig);
}

struct error *cmd_scan(const struct settings *s, const char *program)
{
	CLEANUP(roots_deinit) struct roots roots = { 0 };
	struct waiter waiter = { .is_finished = false };
	struct scanner_loop_options options = {
		.settings = s,
		.roots = &roots,
		.program = program,
		.scans_once = !s->watch,
	};
	pthread_t thread;
	struct error *err;

	if (!s->path_count)
		return error_new(BAD_REQUEST, "scan: no PATH to scan");
	TRY(privileges_drop(s));
	if (s->require_sandbox)
		TRY(sandbox_check(program, true));
	TRY(roots_resolve(s, false, &roots));
	signals_block(&waiter.signals);
	TRY(scanner_loop_open(&options, &waiter.loop));
	if (pthread_create(&thread, NULL, wait_signals, &waiter)) {
		scanner_loop_close(waiter.loop);
		return error_new(BUSY, "cannot start a thread");
	}
	if (s->watch) {
		err = scanner_loop_start(waiter.loop);
		if (err)
			pthread_kill(thread, SIGTERM);
		pthread_join(thread, NULL);
	} else {
		err = scanner_loop_scan(waiter.loop);
		atomic_store(&waiter.is_finished, true);
		pthread_kill(thread, SIGTERM);
		pthread_join(thread, NULL);
	}
	scanner_loop_close(waiter.loop);
	if (!err && !s->watch && waiter.ended_by)
		end_as_signalled(waiter.ended_by);
	return err;
}

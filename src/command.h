/* SPDX-License-Identifier: Apache-2.0 */
/** What main.c and the cmd_*.c share. */
#ifndef COMMAND_H
#define COMMAND_H

#include "base/error.h"
#include "settings.h"

#include <signal.h>

/** A command. @p program is what to start workers with. */
#define COMMAND(name, ...)                                            \
	MUST_CHECK struct error *cmd_##name(const struct settings *s, \
					    const char *program);
#define HIDDEN(name) MUST_CHECK struct error *cmd_##name(int argc, char **argv);
#include "commands.h"
#undef COMMAND
#undef HIDDEN

/** Scanned roots as the layers below want them: canonical, NULL at the end. */
struct roots {
	char **v; /* owned */
	size_t count;
};
/** @return BAD_REQUEST naming a path that does not exist. */
MUST_CHECK struct error *roots_resolve(const struct settings *s,
				       struct roots *ret);
void roots_deinit(struct roots *r);

/** Block, in this thread and those it starts, the signals that a command which
 * goes on waits for: INT, TERM, HUP to end, USR1 to scan, USR2 to groom. */
void signals_block(sigset_t *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** What main.c and the cmd_*.c share. */
#ifndef COMMAND_H
#define COMMAND_H

#include "base/error.h"
#include "settings.h"

#include <signal.h>
#include <stdio.h>

/** A command. @p program is what to start workers with. */
#define COMMAND(name, ...)                                            \
	MUST_CHECK struct error *cmd_##name(const struct settings *s, \
					    const char *program);
/** @return The exit status. */
#define OWN(name, ...) int cmd_##name(int argc, char **argv);
#define HIDDEN(name)   MUST_CHECK struct error *cmd_##name(int argc, char **argv);
#include "commands.h"
#undef COMMAND
#undef OWN
#undef HIDDEN

/** Before a command that scans or serves begins: limits, signals, the log.
 * @return What to start workers with. Static. */
const char *command_prepare(enum log_level level, enum log_format format);

/** Scanned roots as the layers below want them: canonical, NULL at the end. */
struct roots {
	char **v; /* owned */
	size_t count;
};
/** @param[in] allow_missing A path that does not exist is taken as it is
 * written, made absolute; else it is an error that names it. */
MUST_CHECK struct error *roots_resolve(const struct settings *s,
				       bool allow_missing, struct roots *ret);
/** The same of a text, DIR[:DIR...]; NULL is none. What does not exist is taken
 * as it is written; the log tells of it. */
MUST_CHECK struct error *roots_split(const char *text, struct roots *ret);
void roots_deinit(struct roots *r);

/** Block, in this thread and those it starts, the signals that a command which
 * goes on waits for: INT, TERM, HUP to end, USR1 to scan, USR2 to groom. */
void signals_block(sigset_t *ret);

/** @p s to stdout, or @p to; control bytes, which a stranger may have put into
 * the name of a file or member, or a server into what it says, as \x1b. */
void print_shown(const char *s);
void fprint_shown(FILE *to, const char *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* symbolized describe TABLE: prints the tables the manual pages are made of. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "command.h"

struct error *cmd_describe(int argc, char **argv)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "metrics"))
		metrics_describe(&text);
#define COMMAND(name, letter, ...) \
	else if (!strcmp(what, #name)) settings_manual(letter, &text);
#define OWN(...)
#define HIDDEN(name)
#include "commands.h"
#undef COMMAND
#undef OWN
#undef HIDDEN
	else
		return error_new(BAD_REQUEST,
				 "describe metrics, or a command's name");
	if (text.failed)
		return error_no_memory;
	fwrite(text.data, 1, text.size, stdout);
	return NULL;
}

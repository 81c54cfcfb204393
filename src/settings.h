/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Settings of a run: defaults, then environment, then command line. The table
 * is config_options.h. (Not called config.h: autoconf owns that name.)
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

struct settings {
	/* TEXT and LIST: owned, NULL where there is none. FLAG: 0 or 1. */
#define SETTING_TEXT(field)          char *field;
#define SETTING_LIST(field)          char *field;
#define SETTING_SWITCH(field)        int64_t field;
#define SETTING_NUMBER(field)        int64_t field;
#define SETTING_BYTES(field)         int64_t field;
#define SETTING_SECONDS(field)       int64_t field;
#define SETTING_FLAG(field)          int64_t field;
#define SETTING_CHOICE_LEVEL(field)  int64_t field;
#define SETTING_CHOICE_FORMAT(field) int64_t field;
#define OPTION(field, type, ...)     SETTING_##type(field)
#include "config_options.h"
#undef OPTION
	char **paths; /* what stands behind the options; owned */
	size_t path_count;
	bool wants_help;
};

/**
 * Read the settings of a command.
 *
 * Options and paths may be mixed; "--" ends the options.
 *
 * @param[in] letter The command's letter in config_options.h.
 * @param[in] argv argv[0] is the command's name.
 * @param[out] ret settings_deinit(), also after an error.
 * @return BAD_REQUEST naming the option or variable and what is wrong.
 */
MUST_CHECK struct error *settings_read(char letter, int argc, char **argv,
				       struct settings *ret);
void settings_deinit(struct settings *s);

/** Append the help of a command's options. */
void settings_help(char letter, struct buf *out);
/** Append the options as troff list items, for the manual pages. */
void settings_manual(char letter, struct buf *out);

#endif

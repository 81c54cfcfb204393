/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The command line of elfutils' debuginfod(8), and what it said.
 *
 * glibc's argp reads it, as it does there: the same abbreviations, mixed order,
 * --help, --usage, messages and exit statuses.
 */
#ifndef DEBUGINFOD_LINE_H
#define DEBUGINFOD_LINE_H

#include "worker/scan_rule.h"

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

/** The release of elfutils it stands for. */
#define DEBUGINFOD_VERSION "0.196"

enum { DEBUGINFOD_RULES_MAX = 256, DEBUGINFOD_IGNORED_MAX = 64 };

/** Strings are argv's unless owned. Numbers are as they were given: what bounds
 * them is whoever uses them. */
struct debuginfod_line {
	struct argp_state *state; /* while it is read */
	bool scans_files;
	struct scan_rule rules[DEBUGINFOD_RULES_MAX]; /* strings owned */
	size_t rule_count;
	bool is_logical, is_passive, is_maxigroom, is_regex_groom;
	bool has_ddl, no_sources, has_cors;
	int rescan_s, groom_s, workers, threads, port, verbosity;
	long cache_mb; /* -1: not given */
	long metadata_s, forwarded_limit, max_depth;
	long prefetch, mintmp, checkpoint; /* ignored, but for what is said */
	const char *include, *exclude, *database, *listen;
	const char *home_redirect, *home_html;
	const char *source_root; /* ours, not elfutils'; NULL: not given */
	const char *ignored[DEBUGINFOD_IGNORED_MAX]; /* names of options */
	size_t ignored_count;
	const char **paths; /* the array is owned */
	size_t path_count;
};

/** Ends the process where argp does: --help, and what is refused. */
void debuginfod_line_read(int argc, char **argv, struct debuginfod_line *ret);
void debuginfod_line_deinit(struct debuginfod_line *l);

/** Is anything to be looked at in PATHs? */
bool debuginfod_line_scans(const struct debuginfod_line *l);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What elfutils' debuginfod says of itself in its log, in its words: at the
 * start, of each traversal and of each groom. Scripts wait for some of it.
 *
 * Source: elfutils 0.188 to 0.196, as seen.
 */
#ifndef DEBUGINFOD_SAID_H
#define DEBUGINFOD_SAID_H

#include "debuginfod_line.h"
#include "debuginfod_metrics.h"
#include "http/http.h"

#include <stdint.h>

/** All borrowed for the call. */
struct debuginfod_start {
	const struct debuginfod_line *line;
	const char *database, *tmpdir;
	uint64_t cache_bytes;
	unsigned workers;
};
void debuginfod_say_start(const struct debuginfod_start *s,
			  const struct http_facts *http);

/** A traversal or a groom from its begin to its end. */
struct debuginfod_pass {
	int64_t begun_ms, files, skipped;
};
void debuginfod_say_traverses(struct debuginfod_pass *p);
void debuginfod_say_traversed(const struct debuginfod_pass *p);
void debuginfod_say_grooms(struct debuginfod_pass *p);
void debuginfod_say_groomed(const struct debuginfod_pass *p,
			    const struct debuginfod_figures *f);

#endif

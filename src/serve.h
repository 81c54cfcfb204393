/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A server from start to end: what `serve` and `debuginfod` have in common.
 */
#ifndef SERVE_H
#define SERVE_H

#include "command.h"
#include "http/http.h"
#include "scan/scan.h"

#include <stdbool.h>

/** All borrowed. Beside the settings what only `debuginfod` asks for. */
struct serve_plan {
	const struct settings *settings;
	struct scan_policy scan;
	bool is_passive;    /* the index is another process's: only read it */
	bool allow_missing; /* a path that does not exist may come later */
	bool groom_first;   /* a second after the start */
	bool groom_before_scan;
	/** Answer as debuginfod does; NULL. Its metrics are filled in. */
	struct debuginfod_options *debuginfod;
	/** When it listens and before it scans; NULL. */
	void (*started)(void *ctx, const struct http_facts *facts);
	void *started_ctx;
	unsigned metadata_ms; /* struct http_options */
	unsigned threads;     /* that answer; 0: as many as seem right */
};

/** Scan and answer until a signal says stop.
 * @param[in] program To start workers with. */
MUST_CHECK struct error *serve_run(const struct serve_plan *plan,
				   const char *program);

#endif

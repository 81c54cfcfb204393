/* SPDX-License-Identifier: Apache-2.0 */
/**
 * /metrics in the words of elfutils' debuginfod: one table from its series to
 * our figures (debuginfod_metrics.c). What is not of the process-wide metrics
 * and of the HTTP server's counters the command fills in.
 *
 * Source: elfutils 0.188 to 0.196, their /metrics and what their tests wait
 * for.
 */
#ifndef DEBUGINFOD_METRICS_H
#define DEBUGINFOD_METRICS_H

#include "base/buf.h"
#include "scan/scan.h"

#include <stddef.h>
#include <stdint.h>

/** A figure that is not known, whose line is left out. */
enum { DEBUGINFOD_UNKNOWN = -1 };

struct debuginfod_figures {
	int64_t is_ready; /* 0 or 1 */
	/** What scans and grooms; pending and done are files. */
	struct {
		int64_t scan_busy, scan_threads, scan_pending, scan_done;
		int64_t traverse_busy, traverses; /* 0 or 1; ended ones */
		int64_t groom_busy, grooms;       /* likewise */
		int64_t traverse_threads, groom_threads;
		int64_t traverse_tid, groom_tid;
		/** Files found to be gone and still known: each is forgotten at
		 * once, so none. */
		int64_t groom_pending;
	} threads;
	/** The index, as of the last groom; MB are 1024². */
	struct {
		int64_t file_artifacts, file_sources;
		int64_t archive_artifacts, archive_sdefs, archive_srefs;
		int64_t build_ids;
		int64_t scanned_files, scanned_mb, index_mb;
	} index;
	/** What is scanned, with its tallies; NULL. */
	const struct scan_choice *choice;
	/** http/debuginfod.h's; NULL. */
	const char *const *suffixes;
	/** What is done ahead of requests: nothing, so 0. */
	int64_t none;
	/** Places on the file systems whose free space is told; NULL. */
	const char *database, *tmpdir;
};

/** Set all figures of threads to unknown: nothing scans here. */
void debuginfod_forget_threads(struct debuginfod_figures *f);

/** Set those of traversing and scanning to unknown: here one only grooms. */
void debuginfod_forget_scans(struct debuginfod_figures *f);

/** Set all figures of the index to unknown. */
void debuginfod_forget_index(struct debuginfod_figures *f);

/**
 * Append the series, a line each, without types and help. A counter that is 0
 * has no line, as there. Exactly one line has "ready" in it.
 *
 * Cost: two statvfs(). Threads: any.
 */
void debuginfod_metrics_render(const struct debuginfod_figures *f,
			       struct buf *out);

/** Those of the index that are known, as "groom{statistic=…}" has them. */
typedef void (*debuginfod_statistic_fn)(void *ctx, const char *name,
					size_t name_size, int64_t value);
void debuginfod_each_statistic(const struct debuginfod_figures *f,
			       debuginfod_statistic_fn fn, void *ctx);

#endif

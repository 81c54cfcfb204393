/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The scanning half of `serve` and `scan`: the index opened for writing, scans
 * and grooms in turn on one thread, from time to time or when asked.
 */
#ifndef SCANNER_LOOP_H
#define SCANNER_LOOP_H

#include "base/error.h"
#include "command.h"
#include "scan/scan.h"

struct scanner_loop;

/** Open the index (created, migrated, or set aside if damaged: logged).
 * @param[in] s, roots, program Borrowed as long as the loop lives. */
MUST_CHECK struct error *scanner_loop_open(const struct settings *s,
					   const struct roots *roots,
					   const char *program,
					   struct scanner_loop **ret);
/** Whom to tell of changed build IDs: see index_on_change(). */
void scanner_loop_on_change(struct scanner_loop *l, index_changed_fn changed,
			    void *ctx);
const struct scan_progress *scanner_loop_progress(struct scanner_loop *l);

/** Scan once, on this thread. */
MUST_CHECK struct error *scanner_loop_scan(struct scanner_loop *l);

/** Scan and groom on a thread until closed. */
MUST_CHECK struct error *scanner_loop_start(struct scanner_loop *l);
/** Scan, or groom, as soon as what runs now is done. Any thread. */
void scanner_loop_ask_scan(struct scanner_loop *l);
void scanner_loop_ask_groom(struct scanner_loop *l);
/** End what runs soon. Any thread. */
void scanner_loop_stop(struct scanner_loop *l);
/** Stops first. NULL is allowed. */
void scanner_loop_close(struct scanner_loop *l);

#endif

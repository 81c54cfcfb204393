/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The scanning half of `serve` and `scan`: the index opened for writing, scans
 * on one thread and grooms on another, from time to time or when asked.
 */
#ifndef SCANNER_LOOP_H
#define SCANNER_LOOP_H

#include "base/error.h"
#include "command.h"
#include "scan/scan.h"

#include <sys/types.h>

struct scanner_loop;

enum scanner_loop_event {
	SCANNER_LOOP_SCANS,
	SCANNER_LOOP_SCANNED,
	SCANNER_LOOP_GROOMS,
	SCANNER_LOOP_GROOMED,
};

/** All borrowed as long as the loop lives. */
struct scanner_loop_options {
	const struct settings *settings;
	const struct roots *roots;
	const char *program;
	struct scan_policy policy;
	/** May be NULL; on the thread of the scan or groom. */
	void (*event)(void *ctx, enum scanner_loop_event event);
	void *event_ctx;
	bool scans_once;        /* no other scan waits: nothing is left to it */
	bool groom_first;       /* at the start, too */
	bool groom_before_scan; /* no scan begins before it is done */
};

/** Open the index (created, migrated, or set aside if damaged: logged). */
MUST_CHECK struct error *
scanner_loop_open(const struct scanner_loop_options *options,
		  struct scanner_loop **ret);
/** Whom to tell of changed build IDs: see index_on_change(). */
void scanner_loop_on_change(struct scanner_loop *l, index_changed_fn changed,
			    void *ctx);
const struct scan_progress *scanner_loop_progress(struct scanner_loop *l);

/** Scan once, on this thread. */
MUST_CHECK struct error *scanner_loop_scan(struct scanner_loop *l);
/** Groom once, on this thread; what goes wrong is logged. */
void scanner_loop_groom(struct scanner_loop *l);

/** The threads' numbers, as gettid() gives them; 0 while there is none. */
pid_t scanner_loop_traverse_tid(const struct scanner_loop *l);
pid_t scanner_loop_groom_tid(const struct scanner_loop *l);

/** Scan and groom on threads "traverse" and "groom" until closed. */
MUST_CHECK struct error *scanner_loop_start(struct scanner_loop *l);
/** Scan, or groom, as soon as the one that runs now is done. Any thread. */
void scanner_loop_ask_scan(struct scanner_loop *l);
void scanner_loop_ask_groom(struct scanner_loop *l);
/** End what runs soon. Any thread. */
void scanner_loop_stop(struct scanner_loop *l);
/** Stops, and waits: nobody changes the index any more. NULL is allowed. */
void scanner_loop_join(struct scanner_loop *l);
/** Joins first. NULL is allowed. */
void scanner_loop_close(struct scanner_loop *l);

#endif

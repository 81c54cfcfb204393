/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Idle workers help with large archives that others are scanning.
 *
 * A large archive's job carries memory to share. When no file is left to hand
 * out, workers without a job are given that memory and the archive, and decode
 * ahead of the one that scans (codec/codec_share.h). Helpers never keep a
 * worker from a file: they begin when none waits, and end with the scan of the
 * archive they help with.
 *
 * Threads: any.
 */
#ifndef SCAN_ASSIST_H
#define SCAN_ASSIST_H

#include <stdint.h>

struct scan;
/** Guarded by scan->lock; counted: its job and each helper. */
struct shared_archive;

/**
 * Prepare a file for helpers. There are none where it is too small, where there
 * is one worker, or no memory: that is no error.
 *
 * @param[in] container Borrowed for this call.
 * @param[out] fd_ret To go with the job, owned; -1: not shared.
 * @return NULL: not shared. Else to be ended with scan_share_end().
 */
struct shared_archive *scan_share_begin(struct scan *s, int container,
					uint64_t size, int *fd_ret);

/** The file's job is done, or was never begun. NULL is allowed. */
void scan_share_end(struct scan *s, struct shared_archive *a);

/** Give idle workers archives to help with. Call from time to time while jobs
 * run and no file is left. Without scan->lock. */
void scan_assist(struct scan *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A directory in memory that lasts as long as this process: for an index that
 * is not to be kept. SQLite's own memory databases have no write-ahead log, and
 * one process cannot hand them to another.
 *
 * Threads: owned by one thread.
 */
#ifndef MEMORY_DIR_H
#define MEMORY_DIR_H

#include "base/error.h"

#include <limits.h>

struct memory_dir {
	char path[PATH_MAX]; /* "": none */
	int lock;            /* held as long as the directory is in use */
};

/** Make one in /dev/shm, else in $TMPDIR, else in /tmp, and remove those that
 * processes left behind which were killed. @p m zeroed by the caller. */
MUST_CHECK struct error *memory_dir_make(struct memory_dir *m);

/** Remove it with the files in it. None is allowed. */
void memory_dir_remove(struct memory_dir *m);

#endif

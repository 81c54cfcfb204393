/* SPDX-License-Identifier: Apache-2.0 */
/** Worker side: reading what a command prints. */
#ifndef WORKER_WORK_SPOOL_H
#define WORKER_WORK_SPOOL_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/** Up to @p size bytes; fewer only at the end. */
MUST_CHECK struct error *spool_read(int pipe, void *buf, size_t size,
				    size_t *size_ret);

/**
 * All of it into a file.
 * @param[in] spool Empty.
 * @return LIMIT for more than WORKER_SPOOL_BYTES; IO where the file system is
 * full, or nearly.
 */
MUST_CHECK struct error *spool_fill(int pipe, int spool, uint64_t *size_ret);

#endif

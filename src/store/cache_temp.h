/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Files that are being filled, on their way into the disk cache.
 *
 * Where the file system can make a file without a name (O_TMPFILE), it has
 * none until it is whole. Elsewhere, and for the instant between link and
 * rename, it has a random one in the directory "tmp" of the cache, and a lock
 * (flock) for as long as some process has it open. So a file there that can be
 * locked is nobody's any more: left by a crash, or given up.
 *
 * Threads: any; also any number of processes with one cache.
 */
#ifndef STORE_CACHE_TEMP_H
#define STORE_CACHE_TEMP_H

#include "base/error.h"

#include <stdbool.h>

/** Do as where there is no O_TMPFILE. A variable for tests. */
extern bool cache_temp_always_named;

/** An empty file, O_RDWR. Sweeps first where files have names.
 * @param[in] dir_fd The cache's directory. */
MUST_CHECK struct error *cache_temp_open(int dir_fd, int *fd_ret);

/** Give the file the name @p name in the cache, in place of what has it.
 * @param[in] fd Of cache_temp_open(); borrowed. */
MUST_CHECK struct error *cache_temp_publish(int dir_fd, int fd,
					    const char *name);

/** Remove what nobody has open. */
void cache_temp_sweep(int dir_fd);

#endif

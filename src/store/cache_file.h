/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One file of the disk cache: content, and a trailer that says what it is.
 * Where it lies and who knows of it is disk_cache.c's.
 *
 * Threads: any.
 */
#ifndef STORE_CACHE_FILE_H
#define STORE_CACHE_FILE_H

#include "store/disk_cache.h"

#include <stdatomic.h>
#include <sys/stat.h>

enum { CACHE_FILE_TRAILER = 40 }; /* bytes */

/** One that is there. */
struct cache_file {
	int fd; /* owned; -1: none */
	struct stat st;
	uint64_t size;    /* of the content; by cache_file_fits() */
	uint64_t content; /* its hash, as the trailer says; the same */
};
void cache_file_deinit(struct cache_file *f);

/** Does the trailer say that it is what @p key names? @p f has its descriptor
 * and stat. Cost: one read of 40 bytes. */
bool cache_file_fits(struct cache_file *f, struct cache_key key);

/** Hash of a content.
 * @param[in] stop Set: give up with BUSY.
 * @return BAD_DATA if it is shorter than @p size, IO, NO_MEMORY. */
MUST_CHECK struct error *
cache_file_hash(int fd, uint64_t size, const _Atomic bool *stop, uint64_t *ret);

/** Put the trailer behind a content, and all of it on disk. */
MUST_CHECK struct error *cache_file_finish(int fd, uint64_t size,
					   struct cache_key key,
					   const _Atomic bool *stop);

#endif

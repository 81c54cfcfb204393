/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Extracted files on disk: bounded in bytes, least recently used goes first,
 * kept over restarts.
 *
 * A file is called by the hash of what it was made from (container path and
 * stamp, place in it, section), so a changed container never finds an old
 * file. Behind the content stand 40 bytes that say again what it is:
 *
 *	 0  8  "SYMCACH1"
 *	 8  8  second hash of what it was made from, little endian
 *	16  8  size of the content
 *	24  8  hash of the content
 *	32  8  hash of the 32 bytes before
 *
 * They are checked at every use, the content at its first use by this process
 * and whenever the file's inode or ctime is another than then; a file that
 * does not fit is removed. A file appears under its name only after its bytes
 * are on disk (fsync, then link and rename).
 *
 * Threads: any.
 */
#ifndef STORE_DISK_CACHE_H
#define STORE_DISK_CACHE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct disk_cache;

struct cache_key {
	uint64_t name; /* 0: no key; nothing is found or kept under it */
	uint64_t check;
};

/** Opens, sweeps leftovers and counts what is there.
 * @param[in] limit_bytes 0: nothing is kept. */
MUST_CHECK struct error *disk_cache_open(const char *dir, uint64_t limit_bytes,
					 struct disk_cache **ret);
void disk_cache_close(struct disk_cache *c);

/** Random, made with the directory: for hashing keys that nobody can forge. */
uint64_t disk_cache_secret(const struct disk_cache *c);

/** @param[out] fd_ret Owned descriptor, -1 if it is not there.
 * @param[out] size_ret Bytes of content. */
void disk_cache_get(struct disk_cache *c, struct cache_key key, int *fd_ret,
		    uint64_t *size_ret);

/** Where a kept file lies. Owned: mem_free(); NULL without memory. */
char *disk_cache_path(const struct disk_cache *c,
		      struct cache_key key) MUST_CHECK;

/** A file to fill, not yet in the cache, with no name. Makes room for
 * @p size bytes first. */
MUST_CHECK struct error *disk_cache_begin(struct disk_cache *c, uint64_t size,
					  int *fd_ret);

/** Put a filled file into the cache. It stays readable through @p fd whatever
 * comes of this.
 * @param[in] fd Borrowed.
 * @return NULL, also when the file is too large to be kept; IO. */
MUST_CHECK struct error *disk_cache_commit(struct disk_cache *c,
					   struct cache_key key, int fd,
					   uint64_t size);

/** False when the last write failed: degraded. */
bool disk_cache_is_writable(const struct disk_cache *c);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a cache directory holds when it is opened, in the order of last use.
 *
 * Threads: owned by one thread.
 */
#ifndef STORE_CACHE_LIST_H
#define STORE_CACHE_LIST_H

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct cache_listed {
	size_t name; /* where it begins in names; NUL-terminated */
	uint64_t bytes;
	struct timespec used;
};

struct cache_list {
	struct cache_listed *files;
	size_t count, capacity;
	struct buf names;
};

void cache_list_deinit(struct cache_list *l);
#define CLEANUP_CACHE_LIST CLEANUP(cache_list_deinit)

/**
 * The regular files of a directory, whatever their names; those used longest ago
 * first. Files that vanish meanwhile are left out. One stat() a file.
 *
 * @param[in] dir_fd Borrowed; its position is untouched.
 * @param[in] used_of Which of a file's times says when it was used.
 * @param[out] ret Empty, all zero; cache_list_deinit(), also after an error.
 * @return IO, NO_MEMORY.
 */
MUST_CHECK struct error *
cache_list_read(int dir_fd, struct timespec (*used_of)(const struct stat *),
		struct cache_list *ret);

/** The name of @p f, borrowed from @p l. */
const char *cache_list_name(const struct cache_list *l,
			    const struct cache_listed *f);

#endif

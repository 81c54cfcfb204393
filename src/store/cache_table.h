/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the disk cache knows of its files: by name, and in the order of their
 * last use. Memory only; the files are disk_cache.c's.
 *
 * Cost: constant for everything but growing, which is constant on average.
 * 48 bytes and two slots of 4 a file.
 * Threads: guarded by its owner's lock.
 */
#ifndef STORE_CACHE_TABLE_H
#define STORE_CACHE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache_entry {
	uint64_t name; /* not 0 */
	uint64_t size; /* of the file: content and trailer */
	/* State of the file whose bytes were compared with their hash; the
	 * next use of the same state need not read it all again. */
	uint64_t inode;
	int64_t ctime_ns;
	int64_t used_s;        /* wall time: kept as the file's mtime */
	uint32_t newer, older; /* the list; indices + 1, 0: none */
};

struct cache_table {
	struct cache_entry *entries;
	size_t used, capacity;
	uint32_t free;   /* removed entries, linked by older */
	uint32_t *slots; /* open addressing; index + 1, 0: free */
	size_t slot_count;
	uint32_t newest, oldest;
	size_t count;
	uint64_t total; /* sum of sizes */
};

void cache_table_deinit(struct cache_table *t);

/** NULL: unknown. Entries are valid until the next put or remove. */
struct cache_entry *cache_table_find(const struct cache_table *t,
				     uint64_t name);
/** Now the newest. A known name keeps its entry, whose size is then this one.
 * @return NULL without memory: the table is as it was. */
struct cache_entry *cache_table_put(struct cache_table *t, uint64_t name,
				    uint64_t size);
/** Now the newest. */
void cache_table_touch(struct cache_table *t, struct cache_entry *e);
/** Unknown is no error. */
void cache_table_remove(struct cache_table *t, uint64_t name);
/** The one not used for longest; NULL if there is none. */
struct cache_entry *cache_table_oldest(const struct cache_table *t);

#endif

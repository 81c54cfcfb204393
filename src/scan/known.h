/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the index knew when the scan began, as hashes: 24 bytes a container and
 * 8 an ignored file, whatever their names' length.
 *
 * A hash is keyed with the index's secret, so nobody can make two paths or two
 * stamps meet on purpose; by chance it is one in 2^64 a pair.
 *
 * Threads: known_mark_* only from the walking thread; the tables do not grow
 * after loading.
 */
#ifndef SCAN_KNOWN_H
#define SCAN_KNOWN_H

#include "base/error.h"
#include "index/index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known_entry {
	uint64_t path; /* 0: free */
	uint64_t stamp;
	uint32_t mark; /* scan_mark() of its scanner */
	bool is_seen;
	bool is_retry_due; /* failed for a reason that may have passed */
};

/** How a container was read, from the scanner's name in its row (choice.c). */
uint32_t scan_mark(const char *scanner);

struct known_dir {
	uint64_t dir; /* 0: free */
	uint64_t sum; /* of its stored prints */
	uint32_t count;
	bool is_seen;
};

/** Numbers by the hash of a path. Zeroed: empty. */
struct path_table {
	struct path_slot {
		uint64_t path; /* 0: free */
		size_t value;
	} * slots;
	size_t count, size;
};

struct known {
	uint64_t secret;
	struct known_entry *entries;
	size_t entry_count, entry_size, entries_seen;
	uint64_t *prints; /* open addressing; 0: free */
	size_t print_count, print_size;
	struct known_dir *dirs;
	size_t dir_count, dir_size, dirs_seen;
	bool is_misordered; /* a root's order is not the one that is stored */
};

/**
 * @param[in] roots NULL at the end.
 * @param[in] is_first The first pass of this process: what failed for a reason
 * that may have passed is tried, whenever it failed.
 */
MUST_CHECK struct error *known_load(struct known *k, struct index_reader *r,
				    uint64_t secret, const char *const *roots,
				    bool is_first);
void known_deinit(struct known *k);

uint64_t known_path_hash(const struct known *k, const char *path);
uint64_t known_stamp_hash(const struct known *k, const struct index_stamp *s);
/** Fingerprint of a file of no interest. Never 0. */
uint64_t known_print(const struct known *k, const char *path,
		     const struct index_stamp *s);

/** The path's place, with value 0 if @p new_ret. It moves with the next call.
 * @return NULL without memory. */
struct path_slot *path_table_get(struct path_table *t, uint64_t path,
				 bool *new_ret) MUST_CHECK;
/** Is it there? */
bool path_table_has(const struct path_table *t, uint64_t path);
void path_table_deinit(struct path_table *t);

/** NULL: not known. */
struct known_entry *known_find(const struct known *k, const char *path);
bool known_has_print(const struct known *k, uint64_t print);
struct known_dir *known_find_dir(const struct known *k, const char *dir);

#endif

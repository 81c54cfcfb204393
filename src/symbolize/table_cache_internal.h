/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Shared by the files that make the cache of tables, and nobody else.
 *
 *	table_cache.c    what others call
 *	table_entries.c  entries by build ID, in the order of their use
 *	table_files.c    the files: names, room, the directory at the start
 *	table_copies.c   files of what is not on disk, for sending them
 *
 * Invariants
 * 1. An entry is on disk, loaded, or both; with neither it goes.
 * 2. It is in the list on_disk and counted there while has_file, in the list
 *    loaded while it has a table.
 * 3. A file in the list may be gone (somebody cleaned up): that is a miss.
 * 4. The lock is not held while a table is loaded, dropped, read or synced;
 *    unlink and rename are done under it, so that list and directory agree.
 *
 * Threads: functions below are called with the lock held, but where they say
 * otherwise.
 */
#ifndef SYMBOLIZE_TABLE_CACHE_INTERNAL_H
#define SYMBOLIZE_TABLE_CACHE_INTERNAL_H

#include "base/lock.h"
#include "base/log.h"
#include "symbolize/table_cache.h"

#include <sys/queue.h>
#include <time.h>

enum { TABLE_NAME_SIZE = BUILD_ID_HEX_MAX + sizeof("-00s.gsym") };

struct table_entry {
	struct build_id id;
	struct table_claims claims;
	struct table_entry *next; /* in its slot */
	/* On disk. */
	bool has_file;
	uint64_t file_bytes;
	struct timespec used; /* wall time; kept as the file's atime */
	TAILQ_ENTRY(table_entry) by_file;
	/* Loaded. */
	struct symtab *table; /* NULL: it is not; one reference */
	uint64_t table_bytes;
	int fd;   /* until it is on disk, or never will be; owned */
	int copy; /* where others read it, if it is not on disk; owned; -1 */
	TAILQ_ENTRY(table_entry) by_copy;
	/* When the index was last known to have nothing better. */
	uint64_t trusted;
	int64_t trusted_until_ms;
	TAILQ_ENTRY(table_entry) by_table;
	/* Waits for an alternate file, or for split DWARF. */
	bool is_waiting;
	struct build_id alt; /* len 0: not for such a file */
	LIST_ENTRY(table_entry) by_wait;
};
TAILQ_HEAD(entry_list, table_entry);

struct table_cache {
	char *dir;
	int dir_fd;     /* -1: nothing is kept */
	uint64_t limit; /* on disk */
	uint64_t memory_limit;
	struct lock lock; /* guards what follows */
	struct table_entry **slots;
	size_t slot_count, entry_count;
	/* The oldest come first. */
	struct entry_list on_disk, loaded, copies;
	size_t copy_count;
	LIST_HEAD(waiting_list, table_entry) waiting; /* for a file */
	uint64_t disk_total, loaded_total;
	size_t disk_count, loaded_count;
	uint64_t epoch;
	struct log_limit damage_log;
};

/* ---- table_entries.c ----------------------------------------------------- */

/** Before anybody else knows of the cache. @return False without memory. */
bool table_entries_init(struct table_cache *c);
/** After everybody: twice is safe. */
void table_entries_deinit(struct table_cache *c);

/** NULL: there is none. */
struct table_entry *entry_find(const struct table_cache *c,
			       const struct build_id *id);
/** NULL without memory. One that is given neither file nor table: entry_tidy().
 */
struct table_entry *entry_find_or_add(struct table_cache *c,
				      const struct build_id *id);
/** One that stands for nothing goes (invariant 1). */
void entry_tidy(struct table_cache *c, struct table_entry *e);
/** It is the last now that goes for want of room. */
void entry_use(struct table_cache *c, struct table_entry *e);
/** It waits for no file. */
void entry_await_no_more(struct table_entry *e);
/** @p table is borrowed. @return What it replaces, to put without the lock. */
struct symtab *entry_note_table(struct table_cache *c, struct table_entry *e,
				struct symtab *table);
/** @return The table to put without the lock; NULL. */
struct symtab *entry_forget_table(struct table_cache *c, struct table_entry *e);
/** Set the metrics. */
void tables_show(const struct table_cache *c);

/* ---- table_files.c ------------------------------------------------------- */

/** What the entry's file is called. @return @p out. */
const char *table_file_name(const struct table_entry *e,
			    char out[TABLE_NAME_SIZE]);
/** It has a file of that size. */
void entry_note_file(struct table_cache *c, struct table_entry *e,
		     uint64_t bytes);
/** Its file is gone, or is to go. */
void entry_forget_file(struct table_cache *c, struct table_entry *e);
void entry_remove_file(struct table_cache *c, struct table_entry *e);
/** When it was last used, for the next start. The mtime is when it was made. */
void entry_keep_time(const struct table_cache *c, const struct table_entry *e);
/** Rename the file, if there is one, with the claims in its name. */
void entry_set_claims(struct table_cache *c, struct table_entry *e,
		      struct table_claims claims);
/** Is its file the one that is open? */
bool entry_is_file(struct table_cache *c, const struct table_entry *e, int fd);

/** Make the directory, sweep leftovers, list what is there. Lock not held.
 * @return NO_MEMORY; IO and others: nothing can be kept there. */
MUST_CHECK struct error *table_dir_open(struct table_cache *c);
/** Bytes that may be written there. Lock not needed. */
uint64_t table_dir_spare(const struct table_cache *c);
/** Remove what was used least recently until @p bytes more fit. */
void table_dir_make_room(struct table_cache *c, uint64_t bytes);
/** Does the file lie on its file system? One that was begun elsewhere cannot be
 * kept. Lock not needed. */
bool table_dir_has(const struct table_cache *c, int fd);

/* ---- table_copies.c ------------------------------------------------------ */

/** Those who read its copy keep it. */
void entry_forget_copy(struct table_cache *c, struct table_entry *e);

#endif

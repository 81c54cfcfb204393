/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Compiled tables: on disk, bounded in bytes, kept over restarts; and loaded,
 * bounded in bytes too. In both the least recently used goes first; whoever
 * uses a table holds it as long as he needs it.
 *
 * A file is called by its build ID and by what it was made from, so that a
 * restart knows both before it has read any. It appears under its name only
 * after its bytes are on disk. A file is read through when it is loaded; one of
 * another version is removed, one that is damaged too, and counted.
 *
 * Must not know how a table comes to be.
 * Threads: any; also several processes with one directory, each of which bounds
 * what it knows of.
 */
#ifndef SYMBOLIZE_TABLE_CACHE_H
#define SYMBOLIZE_TABLE_CACHE_H

#include "base/build_id.h"
#include "base/error.h"
#include "symbolize/table_claims.h"
#include "symtab/symtab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_cache;

/** What is counted: the values of LABELS_TABLE_OP, in their order. */
enum table_op {
	TABLE_OP_HIT,      /* it was loaded */
	TABLE_OP_MISS,     /* it was not */
	TABLE_OP_LOAD,     /* loaded from disk */
	TABLE_OP_BUILD,    /* made anew */
	TABLE_OP_PARTIAL,  /* made for some addresses */
	TABLE_OP_KEEP,     /* put on disk */
	TABLE_OP_EVICT,    /* removed from disk, for room */
	TABLE_OP_DROP,     /* dropped, for room */
	TABLE_OP_DAMAGED,  /* removed because of damage */
	TABLE_OP_OUTDATED, /* removed because of another version */
	TABLE_OPS
};
void table_op_count(enum table_op op);

/** Opens, sweeps leftovers and lists what is there. A directory that cannot be
 * used is told in the log; then nothing is kept in it.
 * @param[in] disk_bytes 0: nothing is kept.
 * @return NO_MEMORY. */
MUST_CHECK struct error *table_cache_open(const char *dir, uint64_t disk_bytes,
					  uint64_t memory_bytes,
					  struct table_cache **ret);
/** Nobody else may be using it. NULL is allowed. */
void table_cache_close(struct table_cache *c);

enum table_place {
	TABLE_NOWHERE,
	TABLE_ON_DISK, /* table_cache_load() */
	TABLE_LOADED,
};

/**
 * The table of a build ID, if it is loaded.
 *
 * @param[out] ret Its table is one reference; NULL unless it is loaded.
 * Cost: a hash look-up under a lock that nobody holds for long.
 */
struct table_found {
	struct symtab *table;
	bool is_doubted; /* better files may be known by now */
	struct table_claims claims;
};
enum table_place table_cache_get(struct table_cache *c,
				 const struct build_id *id,
				 struct table_found *ret);

/** Load one that is on disk, unless it is by now. Doubted at first.
 * @param[out] ret One reference; NULL: there is none that is any good.
 * @return NO_MEMORY; BUSY without descriptors; LIMIT, IO.
 * Cost: reads all of it. */
MUST_CHECK struct error *table_cache_load(struct table_cache *c,
					  const struct build_id *id,
					  struct symtab **ret);

/** What the table of a build ID was made from. @return False: there is none. */
bool table_cache_claims(struct table_cache *c, const struct build_id *id,
			struct table_claims *ret);

/** An empty file for a table.
 * @return NULL; NO_SPACE or IO: table_cache_begin_elsewhere() is left. */
MUST_CHECK struct error *table_cache_begin(struct table_cache *c, int *fd_ret);
/** The same outside the directory, where nothing is kept. */
MUST_CHECK struct error *table_cache_begin_elsewhere(int *fd_ret);

/**
 * A new table: load it, and let everybody have it, unless there is a better one:
 * of a higher quality, or of the same that does not lack what this one lacks.
 *
 * @param[in] fd Written. Borrowed.
 * @param[out] ret One reference: the new one, or the better one that was there
 * already and has the new claims from now on, but for what it does not lack.
 * @param[out] is_new_ret The file is to be kept: table_cache_keep().
 * @return BAD_DATA or UNSUPPORTED for what is no table of that ID, LIMIT,
 * NO_MEMORY.
 */
MUST_CHECK struct error *table_cache_put(struct table_cache *c,
					 const struct build_id *id,
					 struct table_claims claims, int fd,
					 struct symtab **ret, bool *is_new_ret);
/** Put the file of a table that was put on disk and into the directory. It is
 * no error if there is no room.
 * @param[in] fd Taken.
 * @return IO, NO_SPACE, NO_MEMORY. Cost: waits for the disk. */
MUST_CHECK struct error *table_cache_keep(struct table_cache *c,
					  const struct build_id *id,
					  const struct symtab *table, int fd);

/** symtab_open(), but LIMIT for one that is larger than all tables in memory
 * may be. */
MUST_CHECK struct error *table_cache_open_table(const struct table_cache *c,
						int fd,
						const struct build_id *id,
						struct symtab **ret);

/**
 * The file of a table, for sending it: of this very one, not of one that has
 * taken its place since. One that is not on disk is written, once for all who
 * ask while it is loaded, where temporary files are, leaving a reserve there.
 *
 * @param[out] fd_ret Owned; of the GSYM proper at least, from offset 0. -1 with
 * an error.
 * @return BUSY: the table is neither loaded nor on disk any more, or no
 * descriptors are left; NO_SPACE, IO.
 */
MUST_CHECK struct error *table_cache_file(struct table_cache *c,
					  const struct symtab *table,
					  int *fd_ret);

/** This table turned out to be damaged: away with it, on disk too. */
void table_cache_reject(struct table_cache *c, const struct symtab *table);

/** The table of @p id would be better with the file @p alt: doubted when the
 * index changes for that. One that lacks split DWARF is doubted when it changes
 * for any ID; @p alt may be NULL then. */
void table_cache_await(struct table_cache *c, const struct build_id *id,
		       const struct build_id *alt);
/** The index changed for this ID / for any: tables are doubted. */
void table_cache_doubt(struct table_cache *c, const struct build_id *id);
void table_cache_doubt_all(struct table_cache *c);
/** The index was asked, and has nothing better for now.
 * @param[in] since table_cache_epoch() from before it was asked.
 * @param[in] for_ms How long that holds if nothing changes. */
void table_cache_trust(struct table_cache *c, const struct build_id *id,
		       uint64_t since, int64_t for_ms);
uint64_t table_cache_epoch(struct table_cache *c);

#endif

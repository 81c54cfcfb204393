/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Extracted files on disk: bounded in bytes and in number, least recently used
 * goes first, kept over restarts.
 *
 * A file is called by the hash of what it was made from (container path and
 * stamp, place in it, section), so a changed container never finds an old
 * file. Behind the content a trailer says again what it is (cache_file.c).
 *
 * The trailer is checked at every use, the content at its first use by this
 * process and whenever the file's inode or ctime is another than then; a file
 * that does not fit is removed. A file appears under its name only after its
 * bytes are on disk (fsync, then rename), but can be found from when it is
 * offered.
 *
 * A directory that cannot be written is read: what is there is found, nothing
 * is kept, and what is extracted lies in TMPDIR, /var/tmp or /tmp meanwhile, as
 * does what finds no room in it.
 *
 * Several processes may have one directory. Each bounds what it knows of.
 *
 * Threads: any.
 */
#ifndef STORE_DISK_CACHE_H
#define STORE_DISK_CACHE_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_cache;

struct cache_key {
	uint64_t name; /* 0: no key; nothing is found or kept under it */
	uint64_t check;
};

/** Most files it keeps: 60 bytes of memory each. A variable for tests. */
extern size_t disk_cache_files_most;
/** Called before a content is read through, if set. A variable for tests. */
extern void (*disk_cache_on_verify)(void);

/** Opens, sweeps leftovers and counts what is there.
 * @param[in] limit_bytes 0: nothing is kept. */
MUST_CHECK struct error *disk_cache_open(const char *dir, uint64_t limit_bytes,
					 struct disk_cache **ret);
/** Nobody else may be using it. NULL is allowed. */
void disk_cache_close(struct disk_cache *c);
/** Whoever reads a file through gives up soon: for shutdown. */
void disk_cache_abort(struct disk_cache *c);

/** The name of what @p of says wholly, which nobody can foretell: hashed with
 * what is random and was made with the directory. A name of 0 if @p of has
 * failed. */
struct cache_key disk_cache_key(const struct disk_cache *c,
				const struct buf *of);

enum cache_state {
	CACHE_MISSING,
	CACHE_SOUND,
	/* There, but its content has to be read through first:
	 * disk_cache_verify(), then find it again. */
	CACHE_UNVERIFIED,
};

/** @param[out] fd_ret Owned descriptor if it is sound, else -1.
 * @param[out] size_ret Bytes of content.
 * Cost: some system calls; the content is not read. */
MUST_CHECK enum cache_state disk_cache_find(struct disk_cache *c,
					    struct cache_key key, int *fd_ret,
					    uint64_t *size_ret);

/** Compare a file's content with its hash; remove it if it does not fit.
 * Afterwards it is mostly sound or missing, but unverified if it could not be
 * read or was touched again.
 * Cost: reads all of it. */
void disk_cache_verify(struct disk_cache *c, struct cache_key key);

/** Where a kept file lies. Owned: mem_free(); NULL without memory. */
char *disk_cache_path(const struct disk_cache *c,
		      struct cache_key key) MUST_CHECK;

/** A file to fill, not yet in the cache. Makes room for @p size bytes first.
 * Closing it without a commit gives it up.
 * @return NULL; NO_SPACE: the file system cannot give it without going into its
 * reserve; IO. Then disk_cache_begin_elsewhere() is left. */
MUST_CHECK struct error *disk_cache_begin(struct disk_cache *c, uint64_t size,
					  int *fd_ret);

/** The same for a file that a stranger sends. What he announces to be its size
 * is not a reason to evict anything: disk_cache_go_on() does as it comes.
 * @param[in] announced 0: nothing.
 * @return As disk_cache_begin(); NO_SPACE: not even if all
 * else were evicted; nothing is for one that is never kept. */
MUST_CHECK struct error *
disk_cache_begin_growing(struct disk_cache *c, uint64_t announced, int *fd_ret);

/**
 * Before such a file, of which @p size bytes are written, gets @p more: makes
 * room for these, unless @p announced is more than is ever kept.
 * @param[in] is_elsewhere It is none of the cache's, which need not evict for
 * it.
 * @return NO_SPACE: its file system cannot give it without going into its
 * reserve, wherever it is.
 * Cost: a few system calls.
 */
MUST_CHECK struct error *disk_cache_go_on(struct disk_cache *c, int fd,
					  uint64_t announced, uint64_t size,
					  uint64_t more, bool is_elsewhere);

/** The same outside the cache, in TMPDIR, /var/tmp or /tmp: an answer that is
 * not kept. To be offered without a key, if at all.
 * @param[in] why For the log; NULL: a worker's disk_cache_note_full().
 * @return NULL; NO_SPACE, IO: nowhere. */
MUST_CHECK struct error *disk_cache_begin_elsewhere(struct disk_cache *c,
						    const struct error *why,
						    uint64_t size, int *fd_ret);

/** The disk was full when a file of disk_cache_begin() had @p size bytes. */
void disk_cache_note_full(struct disk_cache *c, uint64_t size);

/** A filled file that everybody may have, while it is being kept. The caller's
 * memory, linked in until the commit. */
struct cache_offer {
	struct cache_key key;
	int fd; /* borrowed */
	uint64_t size;
	struct cache_offer *next;
};

/** From now on disk_cache_find() finds it. disk_cache_commit() must follow. */
void disk_cache_offer(struct disk_cache *c, struct cache_offer *offer,
		      struct cache_key key, int fd, uint64_t size);

/** Put what was offered into the cache. It stays readable through its
 * descriptor whatever comes of this; others find it from now on only if it
 * could be kept.
 * @return NULL, also when the file is too large to be kept; IO.
 * Cost: reads all of it and waits for the disk. */
MUST_CHECK struct error *disk_cache_commit(struct disk_cache *c,
					   struct cache_offer *offer);

/** Why not everything is kept, static text; NULL: it is. The directory is
 * read-only, the last write failed, or what was wanted last did not fit the
 * file system and still would not.
 * Cost: one system call at most. */
const char *disk_cache_degraded(struct disk_cache *c);

#endif

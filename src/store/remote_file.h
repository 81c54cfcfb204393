/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The file that a download fills: in the disk cache, or where that has no room
 * outside of it, be it that the disk gets full when half of it is there.
 *
 *	in the cache --no room--> outside, from there on --copied--> outside
 *
 * Then what comes is written to a file outside, at its own offsets, while what
 * was there is copied behind the back of those who read it; both files are one
 * to them (growth_move()).
 *
 * Must not know where the bytes come from. Shared by remote*.c.
 * Threads: the fetching one.
 */
#ifndef STORE_REMOTE_FILE_H
#define STORE_REMOTE_FILE_H

#include "store/disk_cache.h"
#include "store/growth.h"

struct remote_file {
	struct disk_cache *cache; /* borrowed */
	int fd;                   /* -1: there is none */
	int old_fd;     /* holds what is not copied yet; -1: all is in fd */
	bool is_beside; /* not in the cache: it cannot be kept */
	int64_t size;   /* announced; -1: not said */
	uint64_t received, written;
	uint64_t room;    /* up to which it was looked for */
	uint64_t moved;   /* from there on it was written to fd */
	uint64_t copied;  /* of what old_fd has */
	uint8_t *pending; /* received and not yet written */
	struct growth *growth;
};

/** No file yet. */
void remote_file_init(struct remote_file *f, struct disk_cache *cache);
/** Twice is safe. */
void remote_file_deinit(struct remote_file *f);

/** An empty one. @return NO_SPACE: nowhere; IO, NO_MEMORY. */
MUST_CHECK struct error *remote_file_begin(struct remote_file *f, int64_t size);
/** Give it up: readers are told that it is broken. Nothing without one. */
void remote_file_end(struct remote_file *f);

/** Take bytes. @return How many; less than @p size: write them first. */
size_t remote_file_take(struct remote_file *f, const void *bytes, size_t size);
/** Write what was taken, and let be seen what is written: whoever answers with
 * it keeps the last byte back until the growth is whole.
 * @return NO_SPACE: nowhere is room; IO. */
MUST_CHECK struct error *remote_file_write(struct remote_file *f);

/** Go on with what is to be copied, for some milliseconds.
 * @param[out] is_one_ret All of it is in @c fd.
 * @return NO_SPACE, IO. */
MUST_CHECK struct error *remote_file_copy(struct remote_file *f,
					  bool *is_one_ret);

/** What readers are to be given, with the growth; borrowed. */
int remote_file_shown(const struct remote_file *f);

#endif

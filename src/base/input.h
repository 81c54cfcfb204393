/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Bytes that can be read at any offset: a file, memory, a member inside an
 * archive. Whoever parses a format reads through this and does not know which.
 *
 * Threads: owned by one thread at a time.
 */
#ifndef BASE_INPUT_H
#define BASE_INPUT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input;

/** Read up to @p size bytes at @p offset, at least one unless the input ends
 * there; fewer than asked only at the end. */
typedef struct error *(*input_read_fn)(struct input *in, uint64_t offset,
				       void *buf, size_t size,
				       size_t *size_ret);

struct input {
	input_read_fn read;
	uint64_t size; /* bytes; a claim where the origin is an archive */
	union {
		int fd;              /* input_from_fd; borrowed */
		const uint8_t *data; /* input_from_memory; borrowed */
		void *ctx;
	};
	uint64_t base; /* offset of byte 0 in the descriptor */
};

/** @p size bytes of @p fd from @p base on, by pread. Borrows @p fd for as long
 * as the input is used. */
struct input input_from_fd(int fd, uint64_t base, uint64_t size);
/** Borrows @p data. */
struct input input_from_memory(const void *data, size_t size);

/** Are the bytes those of a descriptor, so that they can be mapped?
 * @param[out] fd_ret Borrowed. @param[out] base_ret Offset of byte 0 in it. */
bool input_is_file(const struct input *in, int *fd_ret, uint64_t *base_ret);

/**
 * Read exactly @p size bytes at @p offset.
 *
 * @return NULL, BAD_DATA if the input ends before, IO (with the offset) if the
 * machine could not read.
 */
MUST_CHECK struct error *input_read_exact(struct input *in, uint64_t offset,
					  void *buf, size_t size);

/** As input_read_exact() into fresh memory of exactly @p size bytes, so that a
 * read past the end is seen by a sanitizer. NO_MEMORY when there is none.
 * BAD_DATA before allocating if it cannot fit in the input's size.
 * @param[out] ret Owned, mem_free(). */
MUST_CHECK struct error *input_read_alloc(struct input *in, uint64_t offset,
					  uint64_t size, uint8_t **ret);

#endif

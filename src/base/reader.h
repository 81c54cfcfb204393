/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Bounds-checked cursor over bytes in memory.
 *
 * Invariant: pos <= size. A read past the end sets `failed`, gives zero (or
 * NULL) and moves to the end; everything after it fails too, so a run of reads
 * is checked once, with reader_ok().
 *
 * Integers are read in the byte order the reader was made with.
 * Threads: owned by one thread. Allocates nothing.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *data; /* borrowed */
	size_t size;
	size_t pos;
	bool big_endian;
	bool failed;
};

void reader_init(struct reader *r, const void *data, size_t size,
		 bool big_endian);
static inline bool reader_ok(const struct reader *r)
{
	return !r->failed;
}
static inline size_t reader_left(const struct reader *r)
{
	return r->size - r->pos;
}
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/** Integer of 1, 2, 3, 4 or 8 bytes; any other @p size fails. */
uint64_t reader_uint(struct reader *r, size_t size);
/** LEB128 of at most 10 bytes; bits beyond 64 fail. */
uint64_t reader_uleb(struct reader *r);
int64_t reader_sleb(struct reader *r);
/** @p size bytes, borrowed from the input; NULL past the end. */
const uint8_t *reader_bytes(struct reader *r, size_t size);
/** NUL-terminated string, borrowed; NULL if no NUL comes before the end.
 * @param[out] len_ret May be NULL. Without the NUL. */
const char *reader_cstr(struct reader *r, size_t *len_ret);
/** Bytes behind a u32 length (buf_put_bytes). NULL past the end. */
const uint8_t *reader_sized(struct reader *r, size_t *size_ret);
void reader_skip(struct reader *r, uint64_t size);
/** Absolute; past the end fails. */
void reader_seek(struct reader *r, uint64_t pos);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Growable bytes. A failed append leaves the buffer as it was; appends report
 * it by returning false, or are made on a buffer whose `failed` is looked at
 * once at the end: after the first failure every later append fails too.
 *
 * Threads: owned by one thread.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t size;
	size_t capacity;
	bool failed; /* an append ran out of memory */
};

#define BUF_INIT  \
	{         \
		0 \
	}

void buf_init(struct buf *b);
/** Twice is safe. */
void buf_deinit(struct buf *b);
/** Empty it and keep its memory. */
void buf_clear(struct buf *b);

bool buf_append(struct buf *b, const void *data, size_t size);
bool buf_append_str(struct buf *b, const char *s);
bool buf_append_byte(struct buf *b, uint8_t byte);
bool buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/** Little-endian integers, and bytes behind their u32 length. */
bool buf_put_u8(struct buf *b, uint8_t v);
bool buf_put_u16(struct buf *b, uint16_t v);
bool buf_put_u32(struct buf *b, uint32_t v);
bool buf_put_u64(struct buf *b, uint64_t v);
bool buf_put_bytes(struct buf *b, const void *data, size_t size);
bool buf_put_str(struct buf *b, const char *s); /* NULL as "" */

/** Room for @p size more bytes at the end, not yet counted. NULL without
 * memory. Follow with buf_commit(). */
void *buf_reserve(struct buf *b, size_t size);
void buf_commit(struct buf *b, size_t size);

/** NUL-terminated view, borrowed until the next change; NULL without memory. */
const char *buf_str(struct buf *b);
/** Take the bytes, NUL-terminated; the buffer is empty afterwards. NULL
 * without memory or after a failed append. */
char *buf_steal_str(struct buf *b);

#define CLEANUP_BUF CLEANUP(buf_deinit)

#endif

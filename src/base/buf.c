/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void buf_init(struct buf *b)
{
	*b = (struct buf)BUF_INIT;
}

void buf_deinit(struct buf *b)
{
	mem_free(b->data);
	buf_init(b);
}

void buf_clear(struct buf *b)
{
	b->size = 0;
	b->failed = false;
}

void *buf_reserve(struct buf *b, size_t size)
{
	if (b->failed || size > SIZE_MAX - b->size ||
	    !mem_grow(&b->data, &b->capacity, b->size + size, 1)) {
		b->failed = true;
		return NULL;
	}
	return b->data + b->size;
}

void buf_commit(struct buf *b, size_t size)
{
	b->size += size;
}

bool buf_append(struct buf *b, const void *data, size_t size)
{
	if (!size)
		return !b->failed;
	void *to = buf_reserve(b, size);

	if (!to)
		return false;
	memcpy(to, data, size);
	b->size += size;
	return true;
}

bool buf_append_str(struct buf *b, const char *s)
{
	return buf_append(b, s, strlen(s));
}

bool buf_append_byte(struct buf *b, uint8_t byte)
{
	return buf_append(b, &byte, 1);
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	CLEANUP_FREE char *s = mem_vprintf(fmt, args);
	va_end(args);
	if (!s) {
		b->failed = true;
		return false;
	}
	return buf_append_str(b, s);
}

static bool put_le(struct buf *b, uint64_t v, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	return buf_append(b, bytes, size);
}

bool buf_put_u8(struct buf *b, uint8_t v)
{
	return put_le(b, v, 1);
}

bool buf_put_u16(struct buf *b, uint16_t v)
{
	return put_le(b, v, 2);
}

bool buf_put_u32(struct buf *b, uint32_t v)
{
	return put_le(b, v, 4);
}

bool buf_put_u64(struct buf *b, uint64_t v)
{
	return put_le(b, v, 8);
}

bool buf_put_bytes(struct buf *b, const void *data, size_t size)
{
	if (size > UINT32_MAX) {
		b->failed = true;
		return false;
	}
	return buf_put_u32(b, (uint32_t)size) && buf_append(b, data, size);
}

bool buf_put_str(struct buf *b, const char *s)
{
	return buf_put_bytes(b, s ? s : "", s ? strlen(s) : 0);
}

const char *buf_str(struct buf *b)
{
	uint8_t *end = buf_reserve(b, 1);

	if (!end)
		return NULL;
	*end = '\0';
	return (const char *)b->data;
}

char *buf_steal_str(struct buf *b)
{
	if (!buf_str(b)) {
		buf_deinit(b);
		return NULL;
	}
	char *s = (char *)STEAL(b->data);

	buf_init(b);
	return s;
}

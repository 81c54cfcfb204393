/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/reader.h"

void reader_init(struct reader *r, const void *data, size_t size,
		 bool big_endian)
{
	*r = (struct reader) { .data = data,
			       .size = size,
			       .big_endian = big_endian };
}

static void fail(struct reader *r)
{
	r->failed = true;
	r->pos = r->size;
}

const uint8_t *reader_bytes(struct reader *r, size_t size)
{
	if (r->failed || size > reader_left(r)) {
		fail(r);
		return NULL;
	}
	const uint8_t *p = r->data + r->pos;

	r->pos += size;
	return p;
}

uint64_t reader_uint(struct reader *r, size_t size)
{
	if (size > 8 || size == 0 || (size > 4 && size < 8)) {
		fail(r);
		return 0;
	}
	const uint8_t *p = reader_bytes(r, size);
	uint64_t v = 0;

	if (!p)
		return 0;
	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)p[i] << (8 * (r->big_endian ? size - 1 - i : i));
	return v;
}

uint8_t reader_u8(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 1);

	return p ? *p : 0;
}

uint16_t reader_u16(struct reader *r)
{
	return (uint16_t)reader_uint(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
	return (uint32_t)reader_uint(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
	return reader_uint(r, 8);
}

uint64_t reader_uleb(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte = reader_u8(r);

		if (r->failed)
			return 0;
		if (shift == 63 && (byte & 0x7e))
			break;
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	fail(r);
	return 0;
}

int64_t reader_sleb(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte = reader_u8(r);

		if (r->failed)
			return 0;
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if ((byte & 0x40) && shift + 7 < 64)
			v |= ~UINT64_C(0) << (shift + 7);
		return (int64_t)v;
	}
	fail(r);
	return 0;
}

const char *reader_cstr(struct reader *r, size_t *len_ret)
{
	const uint8_t *start = r->data + r->pos;
	const uint8_t *nul =
		reader_left(r) ? memchr(start, 0, reader_left(r)) : NULL;

	if (!nul) {
		fail(r);
		return NULL;
	}
	if (len_ret)
		*len_ret = (size_t)(nul - start);
	r->pos += (size_t)(nul - start) + 1;
	return (const char *)start;
}

const uint8_t *reader_sized(struct reader *r, size_t *size_ret)
{
	uint32_t size = reader_u32(r);
	const uint8_t *p = reader_bytes(r, size);

	*size_ret = p ? size : 0;
	return p;
}

void reader_skip(struct reader *r, uint64_t size)
{
	if (r->failed || size > reader_left(r)) {
		fail(r);
		return;
	}
	r->pos += size;
}

void reader_seek(struct reader *r, uint64_t pos)
{
	if (r->failed || pos > r->size) {
		fail(r);
		return;
	}
	r->pos = pos;
}

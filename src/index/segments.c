/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments as stored in artifact.segments:
 *
 *	count		ULEB128
 *	for each:
 *	  offset	ULEB128
 *	  vaddr		SLEB128, minus offset (modulo 2^64)
 *	  file_size	ULEB128
 *	  mem_size	SLEB128, minus file_size (modulo 2^64)
 *	  flags		ULEB128
 *
 * Nine bytes a segment instead of 36: vaddr and offset differ by a round
 * number, the two sizes mostly not at all. LEB128: DWARF 5, section 7.6.
 */
#include "config.h"

#include "base/reader.h"
#include "index/index_private.h"

static void put_uleb(struct buf *out, uint64_t v)
{
	while (v >= 0x80) {
		buf_append_byte(out, (uint8_t)(v | 0x80));
		v >>= 7;
	}
	buf_append_byte(out, (uint8_t)v);
}

static void put_sleb(struct buf *out, int64_t v)
{
	while (v < -0x40 || v >= 0x40) {
		buf_append_byte(out, (uint8_t)(v | 0x80));
		v >>= 7;
	}
	buf_append_byte(out, (uint8_t)(v & 0x7f));
}

void segments_encode(const struct index_segment *v, size_t count,
		     struct buf *out)
{
	put_uleb(out, count);
	for (size_t i = 0; i < count; i++) {
		put_uleb(out, v[i].offset);
		put_sleb(out, (int64_t)(v[i].vaddr - v[i].offset));
		put_uleb(out, v[i].file_size);
		put_sleb(out, (int64_t)(v[i].mem_size - v[i].file_size));
		put_uleb(out, v[i].flags);
	}
}

size_t segments_count(const void *data, size_t size)
{
	struct reader r;

	if (!size)
		return 0;
	reader_init(&r, data, size, false);
	uint64_t count = reader_uleb(&r);
	/* Each takes five bytes at least: a damaged count allocates nothing. */
	if (!reader_ok(&r) || count > reader_left(&r) / 5)
		return SIZE_MAX;
	/* An index may have them from before there was a limit. */
	return count > INDEX_SEGMENTS_MAX ? 0 : (size_t)count;
}

bool segments_decode(const void *data, size_t size, struct index_segment *v,
		     size_t count)
{
	struct reader r;

	if (!count)
		return true;
	reader_init(&r, data, size, false);
	reader_uleb(&r);
	for (size_t i = 0; i < count; i++) {
		v[i].offset = reader_uleb(&r);
		v[i].vaddr = v[i].offset + (uint64_t)reader_sleb(&r);
		v[i].file_size = reader_uleb(&r);
		v[i].mem_size = v[i].file_size + (uint64_t)reader_sleb(&r);
		v[i].flags = (uint32_t)reader_uleb(&r);
	}
	return reader_ok(&r) && !reader_left(&r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a .zst file, without decoding them (RFC 8878, 3.1):
 *
 *	frame		u32 fd2fb528, descriptor, rest of the header, blocks,
 *			u32 checksum if the descriptor says so
 *	descriptor	bits 0-1 size of a dictionary ID, 2 checksum, 5 single
 *			segment (no window byte), 6-7 size of the content size
 *	block		u24: bit 0 last, bits 1-2 type, from bit 3 size;
 *			then as many bytes, or one where the type is 1
 *	skippable	u32 184d2a50..5f, u32 size, as many bytes
 *
 * All integers are little-endian. Where a frame ends is known only by going
 * through its blocks, a header each 128 KiB of content at most. Frames whose
 * content size is not said, as pipes give them, end the walk at once.
 *
 * A frame is a block. Where there are many and small ones, several together
 * are one.
 */
#include "config.h"

#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "codec/codec_stream.h"

enum {
	LOOK_BYTES = 4 << 10,
	FRAME_MAGIC_BYTES = 4,
	FRAME_HEADER_MAX_BYTES = 18,
	BLOCK_HEADER_BYTES = 3,
	CHECKSUM_BYTES = 4,
	BLOCK_RLE = 1,
	BLOCK_RESERVED = 3,
	/* Blocks of 128 KiB of half a TiB; tiny ones come to an end here. */
	WALK_BLOCKS_MAX = 4 << 20,
};

/* Small looks at growing offsets, each through a buffer. */
struct walk {
	struct input *in;
	uint64_t pos;
	uint64_t buf_offset;
	size_t buf_size;
	size_t blocks;
	uint8_t buf[LOOK_BYTES];
};

/* The next @size bytes, fewer at the end. */
static struct error *look(struct walk *w, size_t size, const uint8_t **ret,
			  size_t *size_ret)
{
	if (w->pos < w->buf_offset ||
	    w->pos + size > w->buf_offset + w->buf_size) {
		w->buf_offset = w->pos;
		TRY(w->in->read(w->in, w->pos, w->buf, sizeof(w->buf),
				&w->buf_size));
	}
	uint64_t left = w->buf_offset + w->buf_size - w->pos;

	*ret = w->buf + (w->pos - w->buf_offset);
	*size_ret = left < size ? (size_t)left : size;
	return NULL;
}

static uint32_t get_le(const uint8_t *p, size_t size)
{
	uint32_t v = 0;

	while (size--)
		v = v << 8 | p[size];
	return v;
}

static size_t frame_header_size(uint8_t descriptor)
{
	static const uint8_t id_size[] = { 0, 1, 2, 4 };
	static const uint8_t content_size[] = { 0, 2, 4, 8 };
	bool is_single = descriptor >> 5 & 1;
	size_t size = content_size[descriptor >> 6];

	if (!size && is_single)
		size = 1;
	return FRAME_MAGIC_BYTES + 1 + !is_single + id_size[descriptor & 3] +
	       size;
}

/* Step over the blocks of a frame. */
static struct error *walk_blocks(struct walk *w, bool *ok_ret)
{
	*ok_ret = false;
	while (w->blocks++ < WALK_BLOCKS_MAX) {
		const uint8_t *p;
		size_t got;

		TRY(look(w, BLOCK_HEADER_BYTES, &p, &got));
		if (got < BLOCK_HEADER_BYTES)
			return NULL;
		uint32_t header = get_le(p, BLOCK_HEADER_BYTES);
		unsigned type = header >> 1 & 3;

		if (type == BLOCK_RESERVED)
			return NULL;
		w->pos += BLOCK_HEADER_BYTES +
			  (type == BLOCK_RLE ? 1 : header >> 3);
		if (header & 1) {
			*ok_ret = true;
			return NULL;
		}
	}
	return NULL;
}

/* Let the last block have the frame behind it, too. @return False: it is large
 * enough, or would be too large. */
static bool extend_last(struct codec_blocks *blocks,
			const struct codec_block *frame)
{
	if (blocks->count < CODEC_SMALL_BLOCKS_MAX || !frame->out_size)
		return false;
	struct codec_block *last = &blocks->v[blocks->count - 1];

	if ((last->in_size >= CODEC_BLOCK_MIN_IN_BYTES &&
	     last->out_size >= CODEC_BLOCK_MIN_OUT_BYTES) ||
	    last->out_size + frame->out_size > CODEC_MERGED_MAX_BYTES)
		return false;
	last->in_size = frame->in_offset + frame->in_size - last->in_offset;
	last->out_size += frame->out_size;
	return true;
}

/* Step over one frame and note it. */
static struct error *walk_frame(struct codec_stream *s, struct walk *w,
				uint64_t *out_offset, bool *ok_ret)
{
	const uint8_t *p;
	size_t got;

	*ok_ret = false;
	TRY(look(w, FRAME_HEADER_MAX_BYTES, &p, &got));
	if (got >= 8 && (get_le(p, 4) & ZSTD_MAGIC_SKIPPABLE_MASK) ==
				ZSTD_MAGIC_SKIPPABLE_START) {
		w->pos += 8 + (uint64_t)get_le(p + 4, 4);
		*ok_ret = true;
		return NULL;
	}
	// libzstd also knows frames of before version 0.8: not to be jumped
	// over.
	if (got < 4 || get_le(p, 4) != ZSTD_MAGICNUMBER)
		return NULL;
	unsigned long long size = ZSTD_getFrameContentSize(p, got);

	if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
		return NULL;
	uint8_t descriptor = p[FRAME_MAGIC_BYTES];
	struct codec_block b = { .in_offset = w->pos,
				 .out_offset = *out_offset,
				 .out_size = size };

	// Before the walk, which would be in vain.
	if (size > CODEC_BLOCK_MAX_BYTES)
		return NULL;
	w->pos += frame_header_size(descriptor);
	TRY(walk_blocks(w, ok_ret));
	if (!*ok_ret)
		return NULL;
	w->pos += descriptor >> 2 & 1 ? CHECKSUM_BYTES : 0;
	b.in_size = w->pos - b.in_offset;
	*out_offset += size;
	if (w->pos <= s->in.size && extend_last(&s->blocks, &b))
		return NULL;
	return codec_add_block(s, &b, ok_ret);
}

struct error *codec_zstd_find_blocks(struct codec_stream *s, bool *found_ret)
{
	CLEANUP_FREE struct walk *w = mem_zalloc(sizeof(*w));
	uint64_t out_offset = 0;
	bool ok = true;

	*found_ret = false;
	if (!w)
		return error_no_memory;
	w->in = &s->in;
	while (ok && w->pos < s->in.size)
		TRY(walk_frame(s, w, &out_offset, &ok));
	*found_ret = ok && w->pos == s->in.size;
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream that one decoder reads from front to back.
 *
 * Going back begins again at the last point before; going far ahead jumps to a
 * later point where one is known. What lies between is decoded and dropped.
 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "codec/codec_stream.h"

enum {
	/* Small reads are served from a buffer. It begins small, since of many
	 * ELF sections only the head is wanted, and doubles. */
	BUFFER_MIN_BYTES = 4 << 10,
	BUFFER_MAX_BYTES = 128 << 10,
};

void codec_forward_deinit(struct codec_forward *f)
{
	codec_decoder_deinit(&f->decoder);
	mem_free(f->data);
	f->data = NULL;
	f->pos = f->size = f->capacity = 0;
	f->is_begun = false;
}

/* Offset of the next byte that can be had without going back. */
static uint64_t forward_tell(const struct codec_forward *f)
{
	return f->decoder.out_offset - (f->size - f->pos);
}

/* The last point at or before @offset; codec_seek() keeps it from lying before
 * the first. */
static const struct codec_point *point_before(const struct codec_stream *s,
					      uint64_t offset)
{
	size_t low = 0, high = s->point_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->points[mid].out_offset <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	assert(low);
	return &s->points[low - 1];
}

/* Have the decoder at or before @offset, as near as the points allow. */
static struct error *approach(struct codec_stream *s, uint64_t offset)
{
	struct codec_forward *f = &s->forward;
	bool is_back = !f->is_begun || offset < forward_tell(f);

	if (!is_back && offset <= f->decoder.out_offset)
		return NULL;
	const struct codec_point *p = point_before(s, offset);

	if (!is_back && p->out_offset <= f->decoder.out_offset)
		return NULL;
	f->is_begun = false;
	f->pos = f->size = 0;
	f->decoder.backend = s->backend;
	f->decoder.stream = s;
	TRY(codec_decoder_begin(&f->decoder, p, NULL));
	f->is_begun = true;
	return NULL;
}

/* Data that are damaged stay so. A machine that could not read, or had no
 * memory, may be asked again: from a point on, since the decoder stopped in the
 * middle of something. */
static struct error *decode(struct codec_stream *s, uint8_t *buf, size_t size,
			    size_t *size_ret)
{
	struct codec_forward *f = &s->forward;
	struct error *err =
		codec_decoder_read(&f->decoder, buf, size, size_ret);

	if (err &&
	    (error_kind(err) == ERROR_IO || error_kind(err) == ERROR_NO_MEMORY))
		f->is_begun = false;
	return err;
}

/* Decode into the empty buffer. */
static struct error *refill(struct codec_stream *s)
{
	struct codec_forward *f = &s->forward;

	f->pos = f->size = 0;
	if (f->capacity < BUFFER_MAX_BYTES) {
		size_t capacity =
			f->capacity ? 2 * f->capacity : BUFFER_MIN_BYTES;
		uint8_t *data = mem_alloc(capacity);

		if (!data)
			return error_no_memory;
		mem_free(f->data);
		f->data = data;
		f->capacity = capacity;
	}
	return decode(s, f->data, f->capacity, &f->size);
}

/* Decode and drop what lies before @offset. */
static struct error *drop_until(struct codec_stream *s, uint64_t offset)
{
	struct codec_forward *f = &s->forward;

	while (forward_tell(f) < offset) {
		if (f->pos == f->size)
			TRY(refill(s));
		if (!f->size)
			return NULL;
		size_t n = f->size - f->pos;

		if (n > offset - forward_tell(f))
			n = (size_t)(offset - forward_tell(f));
		f->pos += n;
		if (n > s->limit_bytes - s->counted_bytes)
			return codec_error_limit(s);
		s->counted_bytes += n;
	}
	return NULL;
}

struct error *codec_forward_read_at(struct codec_stream *s, uint64_t offset,
				    uint8_t *buf, size_t size, bool is_random,
				    size_t *size_ret)
{
	struct codec_forward *f = &s->forward;

	*size_ret = 0;
	if (is_random)
		return error_new(UNSUPPORTED,
				 "%s stream cannot be read at random",
				 s->backend->name);
	TRY(approach(s, offset));
	TRY(drop_until(s, offset));
	if (forward_tell(f) < offset)
		return NULL;
	if (f->pos == f->size) {
		if (size >= BUFFER_MAX_BYTES) {
			f->pos = f->size = 0;
			return decode(s, buf, size, size_ret);
		}
		TRY(refill(s));
	}
	if (size > f->size - f->pos)
		size = f->size - f->pos;
	if (size)
		memcpy(buf, f->data + f->pos, size);
	f->pos += size;
	*size_ret = size;
	return NULL;
}

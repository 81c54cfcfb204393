/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Private to src/codec: what a stream consists of.
 *
 * A stream is read in one of three ways, chosen when it is opened: stored
 * (codec_none.c), forward through one decoder (codec_forward.c), or by blocks
 * (codec_blocks.c). codec.c knows only `read_at`.
 */
#ifndef CODEC_CODEC_STREAM_H
#define CODEC_CODEC_STREAM_H

#include "codec/codec_backend.h"

/** Give up to @p size decoded bytes from @p offset on, at least one unless the
 * stream ends there.
 * @param[in] is_random Through codec_input(): counts towards no limit. */
typedef struct error *(*codec_read_at_fn)(struct codec_stream *s,
					  uint64_t offset, uint8_t *buf,
					  size_t size, bool is_random,
					  size_t *size_ret);

struct codec_forward {
	struct codec_decoder decoder;
	bool is_begun;
	/** Decoded ahead, for small reads. Invariant: pos <= size <= capacity;
	 * data[size] is decoder.out_offset. */
	uint8_t *data;
	size_t pos, size, capacity;
};

struct codec_stream {
	const struct codec_backend *backend; /* NULL: stored */
	codec_read_at_fn read_at;
	struct input in;
	uint64_t pos;
	uint64_t limit_bytes;
	uint64_t counted_bytes; /* towards limit_bytes; never above */
	bool limit_reached;
	uint64_t decoded_bytes;
	uint64_t checkpoint_bytes;
	/** Met behind bytes that were still good: the next read gives it. */
	struct error *pending;
	/** Ascending in out_offset, not empty. */
	struct codec_point *points;
	size_t point_count, point_capacity;
	struct codec_forward forward;
};

/** Start @p d at @p p, its block being @p b or NULL. */
MUST_CHECK struct error *codec_decoder_begin(struct codec_decoder *d,
					     const struct codec_point *p,
					     const struct codec_block *b);
/** As codec_backend.decode, with the bookkeeping of the decoder. */
MUST_CHECK struct error *codec_decoder_read(struct codec_decoder *d,
					    uint8_t *buf, size_t size,
					    size_t *size_ret);
void codec_decoder_deinit(struct codec_decoder *d);

/** LIMIT, naming it. */
COLD struct error *codec_error_limit(struct codec_stream *s);

struct error *codec_none_read_at(struct codec_stream *s, uint64_t offset,
				 uint8_t *buf, size_t size, bool is_random,
				 size_t *size_ret);
struct error *codec_forward_read_at(struct codec_stream *s, uint64_t offset,
				    uint8_t *buf, size_t size, bool is_random,
				    size_t *size_ret);
void codec_forward_deinit(struct codec_forward *f);

#endif

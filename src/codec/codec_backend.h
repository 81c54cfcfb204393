/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Private to src/codec: what a compression format gives, and what it is given.
 *
 * A *backend* is one format. A *decoder* is one run of a backend over the
 * input, begun at a point, that gives bytes in order. A stream owns one
 * decoder where it is read forward only, and several where it is read by
 * blocks.
 */
#ifndef CODEC_CODEC_BACKEND_H
#define CODEC_CODEC_BACKEND_H

#include "base/error.h"
#include "base/input.h"
#include "codec/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** What is read from the input at once. */
	CODEC_SOURCE_BYTES = 128 << 10,
	/** A decoder may use as much for its dictionary or window. */
	CODEC_MEMORY_LIMIT_BYTES = 256 << 20,
	/** A block that decodes to more is not held in memory. */
	CODEC_BLOCK_MAX_BYTES = 256 << 20,
	/** Nor is a larger one that is alone: nothing can be jumped over. */
	CODEC_LONE_BLOCK_MAX_BYTES = 64 << 20,
	/** No honest input of a size that is served has more. */
	CODEC_BLOCKS_MAX = 1 << 20,
	/** Every block becomes a point in the index. Beyond so many of them,
	 * blocks have at least these sizes, each or on average, but never for
	 * the price of one of more than CODEC_MERGED_MAX_BYTES. */
	CODEC_SMALL_BLOCKS_MAX = 1 << 10,
	CODEC_BLOCK_MIN_IN_BYTES = 4 << 10,
	CODEC_BLOCK_MIN_OUT_BYTES = 64 << 10,
	CODEC_MERGED_MAX_BYTES = 16 << 20,
};

/** Compressed bytes in order, through a buffer. */
struct codec_source {
	struct input in;
	uint8_t *data; /* owned; NULL until the first fill */
	size_t capacity;
	size_t pos; /* next byte in data; pos <= size */
	size_t size;
	uint64_t end; /* offset in the input of data[size] */
};

void codec_source_init(struct codec_source *src, const struct input *in);
void codec_source_deinit(struct codec_source *src);
/** Continue at @p offset; keeps what is buffered of it. */
void codec_source_seek(struct codec_source *src, uint64_t offset);
/** Offset in the input of the next byte. */
static inline uint64_t codec_source_tell(const struct codec_source *src)
{
	return src->end - (src->size - src->pos);
}
static inline size_t codec_source_left(const struct codec_source *src)
{
	return src->size - src->pos;
}
/** Have at least one byte in the buffer.
 * @param[out] end_ret True if the input has ended. */
MUST_CHECK struct error *codec_source_fill(struct codec_source *src,
					   bool *end_ret);
/** Take one byte. @return BAD_DATA (truncated) at the end. */
MUST_CHECK struct error *codec_source_byte(struct codec_source *src,
					   uint8_t *ret);
/** Are only zero bytes left (padding)? Takes them. */
MUST_CHECK struct error *codec_source_is_padding(struct codec_source *src,
						 bool *ret);

/** An independently decodable part whose sizes are known beforehand: an xz
 * block; a zstd frame, or several. */
struct codec_block {
	uint64_t in_offset;
	uint64_t in_size;
	uint64_t out_offset;
	uint64_t out_size; /* not 0 */
	uint8_t check;     /* xz: lzma_check */
};

struct codec_decoder {
	const struct codec_backend *backend;
	struct codec_stream *stream; /* borrowed */
	struct codec_source src;
	void *state;         /* the backend's; lives over begin() */
	uint64_t out_offset; /* of the next byte */
	bool failed;         /* until the next begin() */
	bool ended;
};

struct codec_backend {
	const char *name;

	/**
	 * Start, or start again, at a point. Makes d->state where it is NULL.
	 * @param[in] p The source stands at p->in_offset already.
	 * @param[in] b NULL: from there to the end of the input. Otherwise this
	 * block alone. Borrowed until the next begin() or destroy().
	 */
	struct error *(*begin)(struct codec_decoder *d,
			       const struct codec_point *p,
			       const struct codec_block *b);
	/**
	 * Decode at least one and up to @p size bytes. Of a block, all calls
	 * together write one piece of memory, which stays as it is written.
	 * @param[out] size_ret 0 at the end, with all checks done.
	 */
	struct error *(*decode)(struct codec_decoder *d, uint8_t *buf,
				size_t size, size_t *size_ret);
	/** d->state is not NULL. */
	void (*destroy)(struct codec_decoder *d);

	/**
	 * Find all blocks of the input without decoding any, in order, with
	 * codec_add_block(). NULL: the format has none.
	 * @param[out] found_ret False where they are not all known, for
	 * whatever reason: the stream is then read forward, which finds out
	 * what is wrong. Blocks added until then are forgotten.
	 * @return NO_MEMORY, IO.
	 */
	struct error *(*find_blocks)(struct codec_stream *s, bool *found_ret);
};

extern const struct codec_backend codec_backend_gzip;
extern const struct codec_backend codec_backend_zlib;
extern const struct codec_backend codec_backend_xz;
extern const struct codec_backend codec_backend_lzma;
extern const struct codec_backend codec_backend_bzip2;
extern const struct codec_backend codec_backend_zstd;

/** Output that comes before the next point is due; 0: it is. */
uint64_t codec_point_distance(const struct codec_decoder *d,
			      uint64_t out_offset);
/** Remember a point, if one is due. @p state is copied. */
MUST_CHECK struct error *codec_note_point(struct codec_decoder *d,
					  uint64_t in_offset,
					  uint64_t out_offset,
					  const void *state, size_t state_size);

/** For codec_backend.find_blocks. A block of no decoded bytes is left out.
 * @param[out] ok_ret False: larger or more than can be kept; give up. */
MUST_CHECK struct error *codec_add_block(struct codec_stream *s,
					 const struct codec_block *b,
					 bool *ok_ret);

/** codec_backend.find_blocks of zstd, from the headers of frames and blocks. */
MUST_CHECK struct error *codec_zstd_find_blocks(struct codec_stream *s,
						bool *found_ret);

/** Tests: record a point every @p bytes instead. */
void codec_set_checkpoint_bytes(struct codec_stream *s, uint64_t bytes);

/** "truncated: the compressed data end at offset N". */
COLD struct error *codec_error_truncated(const struct codec_decoder *d);
/** "damaged near offset N: @p what". */
COLD struct error *codec_error_damaged(const struct codec_decoder *d,
				       const char *what);

#endif

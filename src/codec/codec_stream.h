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

enum { CODEC_OPEN_BLOCKS = 4 };

/** A block that is held decoded, as far as it was needed. */
struct codec_open_block {
	size_t index; /* in codec_blocks.v; SIZE_MAX: none */
	uint8_t *data;
	size_t capacity;
	size_t size;   /* decoded so far */
	size_t asked;  /* bytes from its start that anybody asked for */
	bool is_done;  /* with its check */
	bool is_ahead; /* begun while waiting; not asked for yet */
	/** Stopped behind data[size]; NULL if is_done or is_damaged. */
	struct codec_decoder *decoder;
	bool is_damaged; /* nothing readable from data[size] on */
	uint64_t used;   /* codec_blocks.clock of the last read */
};

struct codec_blocks {
	struct codec_block *v; /* adjoining: each begins where one ends */
	size_t count, capacity;
	bool is_to_end; /* the stream ends behind the last one */
	/** A block that lies wholly before codec_tell() was read at random:
	 * being passed is then no reason to let go of one. */
	bool are_passed_wanted;
	size_t last; /* index of the block last asked for */
	size_t open_max;
	struct codec_open_block open[CODEC_OPEN_BLOCKS];
	/** Its memory serves the next block. NULL: none. */
	struct codec_decoder *spare;
	uint64_t clock;
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
	struct codec_blocks blocks;
	struct codec_share *share; /* borrowed; NULL: nobody helps */
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
struct error *codec_blocks_read_at(struct codec_stream *s, uint64_t offset,
				   uint8_t *buf, size_t size, bool is_random,
				   size_t *size_ret);
/** Read by the blocks added so far; at least one. */
void codec_blocks_begin(struct codec_stream *s);
/**
 * Decode a block from its start to its end, with its check, beside those that
 * are held open.
 * @param[out] data Room for all of it.
 * @param[in] go_on Asked at every step; when it says no, that is the end.
 * @param[out] complete_ret All is there and right.
 */
MUST_CHECK struct error *codec_blocks_decode_whole(struct codec_stream *s,
						   size_t index, uint8_t *data,
						   bool (*go_on)(void *ctx),
						   void *ctx,
						   bool *complete_ret);
/** Forget all blocks. */
void codec_blocks_deinit(struct codec_blocks *blocks);

/* The lead's side of codec_share.c, for codec_blocks.c. */

/** The reader comes to a block that it does not hold: claim it if nobody has,
 * and say what to make next.
 * @param[in] is_next It read the one before, most of it. */
void codec_share_want(struct codec_share *share, size_t block, bool is_next);
/** Is an assistant at it, and worth waiting for? */
bool codec_share_is_in_making(struct codec_share *share, size_t block);
/** Sleep until something changes, or for a moment. */
void codec_share_wait(struct codec_share *share, size_t block);
/** Is the reader expected at it soon? */
bool codec_share_is_wished(const struct codec_share *share, size_t block);
/** Claim a block behind @p after that is wished for and nobody has. */
bool codec_share_claim_ahead(struct codec_share *share, size_t after,
			     size_t *block_ret);
/** Copy what an assistant made. The block is the lead's in any case.
 * @return False: nobody did. */
bool codec_share_take(struct codec_share *share, size_t block, uint8_t *data,
		      size_t size);
/** A block of the lead's is held no longer.
 * @param[in] failed Nobody is to try it ahead again. */
void codec_share_release(struct codec_share *share, size_t block, bool failed);

enum { CODEC_BLOCK_STATE_BYTES = 20 };
/** The state of a block's point, and back. */
void codec_block_to_state(const struct codec_block *b, bool is_last,
			  uint8_t state[CODEC_BLOCK_STATE_BYTES]);
bool codec_block_from_point(const struct codec_point *p,
			    struct codec_block *ret, bool *is_last_ret);

#endif

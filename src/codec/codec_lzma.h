/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Private to src/codec: what .xz and .lzma share of liblzma.
 */
#ifndef CODEC_CODEC_LZMA_H
#define CODEC_CODEC_LZMA_H

#include <lzma.h>

#include "codec/codec_backend.h"
#include "codec/codec_lzma2.h"

/** State of a decoder. Its stream keeps the memory of one run for the next. */
struct unlzma {
	lzma_stream strm;
	lzma_block block;
	lzma_ret last; /* LZMA_OK, or what the next call is to give */
	/** For blocks that are LZMA2 and nothing else; codec_xz_block.c. */
	struct lzma2 *lzma2;
	bool is_ours; /* the block is decoded by it */
	struct codec_block own;
	uint64_t done; /* bytes of the block */
};

/** Make d->state where there is none. */
MUST_CHECK struct error *unlzma_create(struct codec_decoder *d);
void unlzma_destroy(struct codec_decoder *d);
/** codec_backend.decode on what was set up in the state. */
MUST_CHECK struct error *unlzma_decode(struct codec_decoder *d, uint8_t *buf,
				       size_t size, size_t *size_ret);
/** @p rc is not LZMA_OK. */
COLD struct error *error_from_lzma(const struct codec_decoder *d, lzma_ret rc);

/** Is it a block for xz_block_begin()? */
bool xz_block_is_ours(const struct codec_block *b, const lzma_filter *filters);
/** The source stands behind the block's header. */
MUST_CHECK struct error *xz_block_begin(struct codec_decoder *d,
					const struct codec_block *b,
					const lzma_filter *filters);
/** codec_backend.decode of a block that was begun so. */
MUST_CHECK struct error *xz_block_decode(struct codec_decoder *d, uint8_t *buf,
					 size_t size, size_t *size_ret);

/** codec_backend.find_blocks of .xz, from its index. */
MUST_CHECK struct error *codec_xz_find_blocks(struct codec_stream *s,
					      bool *found_ret);

#endif

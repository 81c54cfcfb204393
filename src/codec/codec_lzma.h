/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Private to src/codec: what .xz and .lzma share of liblzma.
 */
#ifndef CODEC_CODEC_LZMA_H
#define CODEC_CODEC_LZMA_H

#include <lzma.h>

#include "codec/codec_backend.h"

/** State of a decoder. Its stream keeps the memory of one run for the next. */
struct unlzma {
	lzma_stream strm;
	lzma_block block;
	lzma_ret last; /* LZMA_OK, or what the next call is to give */
};

/** Make d->state where there is none. */
MUST_CHECK struct error *unlzma_create(struct codec_decoder *d);
void unlzma_destroy(struct codec_decoder *d);
/** codec_backend.decode on what was set up in the state. */
MUST_CHECK struct error *unlzma_decode(struct codec_decoder *d, uint8_t *buf,
				       size_t size, size_t *size_ret);
/** @p rc is not LZMA_OK. */
COLD struct error *error_from_lzma(const struct codec_decoder *d, lzma_ret rc);

/** codec_backend.find_blocks of .xz, from its index. */
MUST_CHECK struct error *codec_xz_find_blocks(struct codec_stream *s,
					      bool *found_ret);

#endif

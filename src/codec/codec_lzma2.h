/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Private to src/codec: LZMA2 from its begin on, decoded into one piece of
 * memory, as far as somebody wants it.
 */
#ifndef CODEC_CODEC_LZMA2_H
#define CODEC_CODEC_LZMA2_H

#include "base/error.h"
#include "codec/codec_backend.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lzma2;

/** @return NULL without memory. */
struct lzma2 *lzma2_create(void);
/** NULL is allowed. */
void lzma2_destroy(struct lzma2 *z);

/** @param[in] in_end Offset in the input behind the last byte that may be
 * taken. */
void lzma2_begin(struct lzma2 *z, uint32_t dictionary_size, uint64_t in_end);

/**
 * Decode up to @p size more bytes.
 *
 * @param[in] out Behind all that was decoded since lzma2_begin(), which is
 * there unchanged: it is the dictionary.
 * @param[out] size_ret Less than @p size only at the end.
 * @return BAD_DATA; what was written is then of no use. IO, NO_MEMORY: begin
 * again.
 */
MUST_CHECK struct error *lzma2_decode(struct lzma2 *z, struct codec_decoder *d,
				      uint8_t *out, size_t size,
				      size_t *size_ret);

/** After the last byte: take the end mark.
 * @param[out] ret False: there is more. */
MUST_CHECK struct error *lzma2_take_end(struct lzma2 *z,
					struct codec_decoder *d, bool *ret);

#endif

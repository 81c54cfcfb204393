/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .xz (xz-file-format 1.1.0), by liblzma.
 */
#include "config.h"

#include "codec/codec_lzma.h"

static struct error *begin(struct codec_decoder *d, const struct codec_point *p,
			   const struct codec_block *b)
{
	(void)b;
	if (p->state_size)
		return codec_error_damaged(d, "not a point");
	TRY(unlzma_create(d));
	struct unlzma *u = d->state;
	lzma_ret rc = lzma_stream_decoder(&u->strm, CODEC_MEMORY_LIMIT_BYTES,
					  LZMA_CONCATENATED);

	u->ended = false;
	return rc == LZMA_OK ? NULL : error_from_lzma(d, rc);
}

const struct codec_backend codec_backend_xz = {
	.name = "xz",
	.begin = begin,
	.decode = unlzma_decode,
	.destroy = unlzma_destroy,
};

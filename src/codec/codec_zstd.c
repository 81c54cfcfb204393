/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zstandard (RFC 8878), by libzstd: frames one behind the other, some of them
 * skippable. Layout in codec_zstd_frames.c.
 */
#include "config.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"
#include "codec/codec_backend.h"

enum {
	/* What CODEC_MEMORY_LIMIT_BYTES is as a power of two. zstd(1) writes
	 * more than 2^27 only with --long or --ultra. */
	WINDOW_LOG_MAX = 28,
};

struct unzstd {
	ZSTD_DCtx *dctx;
	const struct codec_block *block;
	bool in_frame;
	bool is_first; /* nothing has been decoded */
};

static void destroy(struct codec_decoder *d)
{
	struct unzstd *z = d->state;

	ZSTD_freeDCtx(z->dctx);
	mem_free(z);
}

static struct error *error_from_zstd(const struct codec_decoder *d, size_t rc)
{
	switch (ZSTD_getErrorCode(rc)) {
	case ZSTD_error_memory_allocation:
		return error_no_memory;
	case ZSTD_error_frameParameter_windowTooLarge:
		return error_new(LIMIT,
				 "needs a window of more than %d MiB to decode",
				 CODEC_MEMORY_LIMIT_BYTES >> 20);
	default:
		return codec_error_damaged(d, ZSTD_getErrorName(rc));
	}
}

static struct error *create_state(struct codec_decoder *d)
{
	struct unzstd *z = mem_zalloc(sizeof(*z));

	if (!z)
		return error_no_memory;
	z->dctx = ZSTD_createDCtx();
	if (!z->dctx) {
		mem_free(z);
		return error_no_memory;
	}
	d->state = z;
	size_t rc = ZSTD_DCtx_setParameter(z->dctx, ZSTD_d_windowLogMax,
					   WINDOW_LOG_MAX);

	return ZSTD_isError(rc) ? error_from_zstd(d, rc) : NULL;
}

static struct error *begin(struct codec_decoder *d, const struct codec_point *p,
			   const struct codec_block *b)
{
	if (p->state_size && !b)
		return codec_error_damaged(d, "not a point");
	if (!d->state)
		TRY(create_state(d));
	struct unzstd *z = d->state;
	size_t rc = ZSTD_DCtx_reset(z->dctx, ZSTD_reset_session_only);

	if (ZSTD_isError(rc))
		return error_from_zstd(d, rc);
	z->block = b;
	z->in_frame = false;
	z->is_first = true;
	return NULL;
}

/* A block can be several frames. */
static bool is_block_read(const struct unzstd *z,
			  const struct codec_source *src)
{
	return z->block && codec_source_tell(src) >=
				   z->block->in_offset + z->block->in_size;
}

static struct error *decode(struct codec_decoder *d, uint8_t *buf, size_t size,
			    size_t *size_ret)
{
	struct unzstd *z = d->state;
	struct codec_source *src = &d->src;
	bool end;

	*size_ret = 0;
	while (!*size_ret) {
		// Output may still be held back when the input has ended, but
		// then the frame has not.
		if (!z->in_frame) {
			if (is_block_read(z, src))
				return NULL;
			TRY(codec_source_fill(src, &end));
			if (end)
				return z->is_first ? codec_error_truncated(d)
						   : NULL;
			if (!z->block)
				TRY(codec_note_point(d, codec_source_tell(src),
						     d->out_offset, NULL, 0));
			z->in_frame = true;
			z->is_first = false;
		}
		TRY(codec_source_fill(src, &end));
		ZSTD_inBuffer in = { src->data, src->size, src->pos };
		ZSTD_outBuffer out = { buf, size, 0 };
		size_t rc = ZSTD_decompressStream(z->dctx, &out, &in);

		if (ZSTD_isError(rc))
			return error_from_zstd(d, rc);
		src->pos = in.pos;
		*size_ret = out.pos;
		z->in_frame = rc != 0;
		if (end && z->in_frame && !out.pos)
			return codec_error_truncated(d);
	}
	return NULL;
}

const struct codec_backend codec_backend_zstd = {
	.name = "zstd",
	.begin = begin,
	.decode = decode,
	.destroy = destroy,
	.find_blocks = codec_zstd_find_blocks,
};

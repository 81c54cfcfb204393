/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .lzma (lzma-file-format.txt of xz 5.4), and what .xz shares with it of
 * liblzma. Bytes behind a .lzma stream's end are not looked at: the format has
 * no second stream and no padding.
 */
#include "config.h"

#include "base/mem.h"
#include "codec/codec_lzma.h"

struct error *unlzma_create(struct codec_decoder *d)
{
	if (d->state)
		return NULL;
	struct unlzma *u = mem_zalloc(sizeof(*u));

	if (!u)
		return error_no_memory;
	u->strm = (lzma_stream)LZMA_STREAM_INIT;
	d->state = u;
	return NULL;
}

void unlzma_destroy(struct codec_decoder *d)
{
	struct unlzma *u = d->state;

	lzma_end(&u->strm);
	lzma2_destroy(u->lzma2);
	mem_free(u);
}

struct error *error_from_lzma(const struct codec_decoder *d, lzma_ret rc)
{
	switch (rc) {
	case LZMA_MEM_ERROR:
		return error_no_memory;
	case LZMA_MEMLIMIT_ERROR:
		return error_new(LIMIT,
				 "needs more than %d MiB of memory to decode",
				 CODEC_MEMORY_LIMIT_BYTES >> 20);
	case LZMA_OPTIONS_ERROR:
		return error_new(UNSUPPORTED, "unknown filters or options");
	case LZMA_FORMAT_ERROR:
		return codec_error_damaged(d, "not in this format");
	case LZMA_BUF_ERROR:
		return codec_error_truncated(d);
	default:
		return codec_error_damaged(d, "data error");
	}
}

struct error *unlzma_decode(struct codec_decoder *d, uint8_t *buf, size_t size,
			    size_t *size_ret)
{
	struct unlzma *u = d->state;
	struct codec_source *src = &d->src;

	*size_ret = 0;
	while (!*size_ret && u->last == LZMA_OK) {
		bool end;

		TRY(codec_source_fill(src, &end));
		u->strm.next_in = end ? NULL : src->data + src->pos;
		u->strm.avail_in = codec_source_left(src);
		u->strm.next_out = buf;
		u->strm.avail_out = size;
		// At the end this says truncated on the second call, by
		// LZMA_BUF_ERROR.
		u->last = lzma_code(&u->strm, end ? LZMA_FINISH : LZMA_RUN);
		src->pos = src->size - u->strm.avail_in;
		*size_ret = size - u->strm.avail_out;
	}
	// What came out before an error is given first.
	if (*size_ret || u->last == LZMA_STREAM_END)
		return NULL;
	return error_from_lzma(d, u->last);
}

static struct error *begin(struct codec_decoder *d, const struct codec_point *p,
			   const struct codec_block *b)
{
	(void)b;
	if (p->state_size)
		return codec_error_damaged(d, "not a point");
	TRY(unlzma_create(d));
	struct unlzma *u = d->state;
	lzma_ret rc = lzma_alone_decoder(&u->strm, CODEC_MEMORY_LIMIT_BYTES);

	u->last = LZMA_OK;
	return rc == LZMA_OK ? NULL : error_from_lzma(d, rc);
}

const struct codec_backend codec_backend_lzma = {
	.name = "lzma",
	.begin = begin,
	.decode = unlzma_decode,
	.destroy = unlzma_destroy,
};

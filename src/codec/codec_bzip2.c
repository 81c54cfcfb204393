/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bzip2, by libbz2: streams one behind the other, each "BZh1".."BZh9" and
 * blocks with checksums (no specification; bzip2 1.0.8). Zero bytes behind the
 * last are padding.
 */
#include "config.h"

#include <bzlib.h>
#include <limits.h>

#include "base/mem.h"
#include "codec/codec_backend.h"

struct bunzip {
	bz_stream bz;
	bool is_open;
	bool is_first;
	int failure; /* libbz2's, for the next call; 0: none */
};

static void close_stream(struct bunzip *b)
{
	if (b->is_open)
		BZ2_bzDecompressEnd(&b->bz);
	b->is_open = false;
}

static void destroy(struct codec_decoder *d)
{
	close_stream(d->state);
	mem_free(d->state);
}

static struct error *error_from_bzip2(const struct codec_decoder *d, int rc)
{
	if (rc == BZ_MEM_ERROR)
		return error_no_memory;
	return codec_error_damaged(d, rc == BZ_DATA_ERROR_MAGIC
					      ? "not a bzip2 stream"
					      : "bzip2 data error");
}

static struct error *begin(struct codec_decoder *d, const struct codec_point *p,
			   const struct codec_block *b)
{
	struct bunzip *z = d->state;

	(void)b;
	if (p->state_size)
		return codec_error_damaged(d, "not a point");
	if (!z) {
		z = mem_zalloc(sizeof(*z));
		if (!z)
			return error_no_memory;
		d->state = z;
	}
	close_stream(z);
	z->is_first = true;
	z->failure = 0;
	return NULL;
}

static struct error *open_stream(struct codec_decoder *d, bool *found_ret)
{
	struct bunzip *z = d->state;
	bool end;

	*found_ret = false;
	TRY(codec_source_fill(&d->src, &end));
	if (end)
		return z->is_first ? codec_error_truncated(d) : NULL;
	if (!z->is_first) {
		if (!d->src.data[d->src.pos]) {
			bool padding;

			TRY(codec_source_is_padding(&d->src, &padding));
			return padding ? NULL
				       : codec_error_damaged(
						 d, "garbage behind the end");
		}
		TRY(codec_note_point(d, codec_source_tell(&d->src),
				     d->out_offset, NULL, 0));
	}
	z->bz = (bz_stream) { 0 };
	int rc = BZ2_bzDecompressInit(&z->bz, 0, 0);

	if (rc != BZ_OK)
		return error_from_bzip2(d, rc);
	z->is_open = true;
	z->is_first = false;
	*found_ret = true;
	return NULL;
}

static struct error *decode(struct codec_decoder *d, uint8_t *buf, size_t size,
			    size_t *size_ret)
{
	struct bunzip *z = d->state;
	struct codec_source *src = &d->src;
	bool found, end;

	if (size > UINT_MAX)
		size = UINT_MAX;
	*size_ret = 0;
	while (!*size_ret) {
		// What came out before an error was given first.
		if (z->failure)
			return error_from_bzip2(d, z->failure);
		if (!z->is_open) {
			TRY(open_stream(d, &found));
			if (!found)
				return NULL;
		}
		TRY(codec_source_fill(src, &end));
		if (end)
			return codec_error_truncated(d);
		z->bz.next_in = (char *)src->data + src->pos;
		z->bz.avail_in = (unsigned)codec_source_left(src);
		z->bz.next_out = (char *)buf;
		z->bz.avail_out = (unsigned)size;
		int rc = BZ2_bzDecompress(&z->bz);

		src->pos = src->size - z->bz.avail_in;
		*size_ret = size - z->bz.avail_out;
		if (rc == BZ_STREAM_END)
			close_stream(z);
		else if (rc != BZ_OK)
			z->failure = rc;
	}
	return NULL;
}

const struct codec_backend codec_backend_bzip2 = {
	.name = "bzip2",
	.begin = begin,
	.decode = decode,
	.destroy = destroy,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .xz (xz-file-format 1.1.0, section 2), by liblzma:
 *
 *	stream		header (12), blocks, index, footer (12)
 *	header		fd "7zXZ" 00, u16 flags with the check's type, u32 CRC
 *	block		header of 4 * (first byte + 1), first byte not 0; LZMA2;
 *			padding to 4; check
 *	index		00, a record a block: sizes compressed and decoded
 *	footer		u32 CRC, u32 size of the index / 4 - 1, u16 flags, "YZ"
 *
 * A file is one or more streams, with zero bytes, a multiple of 4, behind any
 * of them. The index is found from the end (codec_xz_index.c); each block then
 * decodes by itself, and its sizes are held against the index's: the usual ones
 * by us (codec_xz_block.c), those with other filters or checks by liblzma.
 */
#include "config.h"

#include <string.h>

#include "codec/codec_lzma.h"

/* A lzma_block's filters live only as long as its decoder is being made. */
static void free_filters(lzma_filter *filters)
{
	for (size_t i = 0; i < LZMA_FILTERS_MAX; i++) {
		if (filters[i].id == LZMA_VLI_UNKNOWN)
			break;
		free(filters[i].options);
	}
	filters[0].id = LZMA_VLI_UNKNOWN;
}

/* The header as far as its first byte says, gathered over fills. */
static struct error *
read_block_header(struct codec_decoder *d,
		  uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX],
		  uint32_t *size_ret)
{
	TRY(codec_source_byte(&d->src, &header[0]));
	// 0 begins an index.
	if (!header[0])
		return codec_error_damaged(d, "no block where one should be");
	*size_ret = lzma_block_header_size_decode(header[0]);
	for (uint32_t i = 1; i < *size_ret; i++)
		TRY(codec_source_byte(&d->src, &header[i]));
	return NULL;
}

static struct error *set_up_block(struct codec_decoder *d,
				  const struct codec_block *b,
				  lzma_filter *filters)
{
	struct unlzma *u = d->state;
	uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX];

	u->block = (lzma_block) { .check = (lzma_check)b->check,
				  .filters = filters };
	if (b->check > LZMA_CHECK_ID_MAX)
		return codec_error_damaged(d, "unknown check");
	TRY(read_block_header(d, header, &u->block.header_size));
	lzma_ret rc = lzma_block_header_decode(&u->block, NULL, header);

	if (rc != LZMA_OK) {
		// What was decoded before the fault is freed already.
		filters[0].id = LZMA_VLI_UNKNOWN;
		return error_from_lzma(d, rc);
	}
	if (u->block.uncompressed_size == LZMA_VLI_UNKNOWN)
		u->block.uncompressed_size = b->out_size;
	if (lzma_block_compressed_size(&u->block, b->in_size) != LZMA_OK ||
	    u->block.uncompressed_size != b->out_size)
		return codec_error_damaged(d, "block and index disagree");
	if (lzma_raw_decoder_memusage(filters) > CODEC_MEMORY_LIMIT_BYTES)
		return error_from_lzma(d, LZMA_MEMLIMIT_ERROR);
	u->is_ours = xz_block_is_ours(b, filters);
	if (u->is_ours)
		return xz_block_begin(d, b, filters);
	rc = lzma_block_decoder(&u->strm, &u->block);
	return rc == LZMA_OK ? NULL : error_from_lzma(d, rc);
}

static struct error *begin_block(struct codec_decoder *d,
				 const struct codec_block *b)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];

	filters[0].id = LZMA_VLI_UNKNOWN;
	struct error *err = set_up_block(d, b, filters);

	free_filters(filters);
	((struct unlzma *)d->state)->block.filters = NULL;
	return err;
}

static struct error *begin(struct codec_decoder *d, const struct codec_point *p,
			   const struct codec_block *b)
{
	TRY(unlzma_create(d));
	struct unlzma *u = d->state;

	u->last = LZMA_OK;
	u->is_ours = false;
	if (b)
		return begin_block(d, b);
	if (p->state_size)
		return codec_error_damaged(d, "not a point");
	lzma_ret rc = lzma_stream_decoder(&u->strm, CODEC_MEMORY_LIMIT_BYTES,
					  LZMA_CONCATENATED);

	return rc == LZMA_OK ? NULL : error_from_lzma(d, rc);
}

static struct error *decode(struct codec_decoder *d, uint8_t *buf, size_t size,
			    size_t *size_ret)
{
	const struct unlzma *u = d->state;

	return u->is_ours ? xz_block_decode(d, buf, size, size_ret)
			  : unlzma_decode(d, buf, size, size_ret);
}

const struct codec_backend codec_backend_xz = {
	.name = "xz",
	.begin = begin,
	.decode = decode,
	.destroy = unlzma_destroy,
	.find_blocks = codec_xz_find_blocks,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block of .xz whose only filter is LZMA2, as xz and dpkg write them, decoded
 * into the memory that holds the block; layout in codec_xz.c.
 *
 * The check is computed when the last byte is there and not before: of most
 * blocks that a member's end lies in, nobody ever wants it.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "codec/codec_lzma.h"

enum { CHECK_MAX_BYTES = 8 };

bool xz_block_is_ours(const struct codec_block *b, const lzma_filter *filters)
{
	return filters[0].id == LZMA_FILTER_LZMA2 &&
	       filters[1].id == LZMA_VLI_UNKNOWN &&
	       (b->check == LZMA_CHECK_NONE || b->check == LZMA_CHECK_CRC32 ||
		b->check == LZMA_CHECK_CRC64);
}

struct error *xz_block_begin(struct codec_decoder *d,
			     const struct codec_block *b,
			     const lzma_filter *filters)
{
	struct unlzma *u = d->state;
	const lzma_options_lzma *options = filters[0].options;
	uint64_t check_size = lzma_check_size((lzma_check)b->check);

	if (!u->lzma2)
		u->lzma2 = lzma2_create();
	if (!u->lzma2)
		return error_no_memory;
	u->own = *b;
	u->done = 0;
	/* That there are that many is what lzma_block_compressed_size() said.
	 */
	lzma2_begin(u->lzma2, options->dict_size,
		    b->in_offset + b->in_size - check_size);
	return NULL;
}

static bool is_check_right(const struct codec_block *b, const uint8_t *data,
			   const uint8_t *check)
{
	uint64_t value = b->check == LZMA_CHECK_CRC32
				 ? lzma_crc32(data, (size_t)b->out_size, 0)
				 : lzma_crc64(data, (size_t)b->out_size, 0);

	for (size_t i = 0; i < lzma_check_size((lzma_check)b->check); i++) {
		if (check[i] != (uint8_t)(value >> (8 * i)))
			return false;
	}
	return true;
}

/* All of @data is there: end mark, padding and check follow. */
static struct error *finish(struct codec_decoder *d, const uint8_t *data)
{
	struct unlzma *u = d->state;
	const struct codec_block *b = &u->own;
	uint32_t check_size = lzma_check_size((lzma_check)b->check);
	uint8_t check[CHECK_MAX_BYTES];
	bool is_ended;

	TRY(lzma2_take_end(u->lzma2, d, &is_ended));
	if (!is_ended)
		return codec_error_damaged(d, "longer than its index says");
	if (codec_source_tell(&d->src) !=
	    b->in_offset + b->in_size - check_size)
		return codec_error_damaged(d, "shorter than its index says");
	for (uint64_t at = b->in_size - check_size; at % 4; at++) {
		uint8_t padding;

		TRY(codec_source_byte(&d->src, &padding));
		if (padding)
			return codec_error_damaged(d, "padding is not zero");
	}
	for (uint32_t i = 0; i < check_size; i++)
		TRY(codec_source_byte(&d->src, &check[i]));
	if (!is_check_right(b, data, check))
		return codec_error_damaged(d, "check is wrong");
	return NULL;
}

struct error *xz_block_decode(struct codec_decoder *d, uint8_t *buf,
			      size_t size, size_t *size_ret)
{
	struct unlzma *u = d->state;
	uint64_t left = u->own.out_size - u->done;

	*size_ret = 0;
	if (!left)
		return NULL;
	if (size > left)
		size = (size_t)left;
	TRY(lzma2_decode(u->lzma2, d, buf, size, size_ret));
	if (*size_ret < size)
		return codec_error_damaged(d, "shorter than its index says");
	u->done += *size_ret;
	return u->done == u->own.out_size ? finish(d, buf + *size_ret - u->done)
					  : NULL;
}

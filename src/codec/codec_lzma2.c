/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZMA2 (xz-file-format 1.1.0, section 5.3.1; the chunks are described in
 * lzma2_decoder.c of liblzma): chunks one behind the other, big-endian.
 *
 *	u8 00		the end
 *	u8 01, 02	stored: u16 size - 1, bytes; 01 forgets the dictionary
 *	u8 80..ff	1rrsssss, u16, u16: LZMA. sssss and the first u16 are
 *			the decoded size - 1, the second the compressed
 *			size - 1
 *	rr		0 goes on with everything, 1 with a new state, 2 with
 *			new properties in another byte, 3 also forgets the
 *			dictionary
 *
 * The first chunk forgets the dictionary; the first of LZMA, and the first
 * behind a 01, has properties. A chunk of LZMA is at most 64 KiB and decoded
 * from memory; it takes exactly its bytes and its code ends as 0.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "codec/codec_lzma2.h"
#include "codec/codec_lzma_core.h"

enum {
	CHUNK_MAX_BYTES = 64 << 10,
	STORED_NEW = 0x01,
	STORED = 0x02,
	IS_LZMA = 0x80,
	NEW_STATE = 0xa0,
	NEW_PROPERTIES = 0xc0,
	NEW_DICTIONARY = 0xe0,
	SIZE_BITS = 0x1f,
};

struct lzma2 {
	struct lzma_core core;
	uint32_t dictionary_size;
	uint64_t in_end;
	uint64_t dictionary; /* decoded bytes since it was forgotten */
	bool wants_dictionary, wants_properties;
	bool is_ended;
	bool is_stored; /* the chunk */
	size_t left;    /* of the chunk, decoded */
	size_t pos, size;
	uint8_t chunk[CHUNK_MAX_BYTES + LZMA_SLACK_BYTES]; /* compressed */
};

struct lzma2 *lzma2_create(void)
{
	return mem_zalloc(sizeof(struct lzma2));
}

void lzma2_destroy(struct lzma2 *z)
{
	mem_free(z);
}

void lzma2_begin(struct lzma2 *z, uint32_t dictionary_size, uint64_t in_end)
{
	z->dictionary_size = dictionary_size;
	z->in_end = in_end;
	z->dictionary = 0;
	z->wants_dictionary = z->wants_properties = true;
	z->is_ended = false;
	z->left = 0;
}

static struct error *take(struct lzma2 *z, struct codec_decoder *d, void *to,
			  size_t size)
{
	struct codec_source *src = &d->src;
	uint8_t *at = to;

	if (codec_source_tell(src) > z->in_end ||
	    size > z->in_end - codec_source_tell(src))
		return codec_error_damaged(d, "longer than its index says");
	while (size) {
		bool end;

		TRY(codec_source_fill(src, &end));
		if (end)
			return codec_error_truncated(d);
		size_t n = codec_source_left(src);

		if (n > size)
			n = size;
		memcpy(at, src->data + src->pos, n);
		src->pos += n;
		at += n;
		size -= n;
	}
	return NULL;
}

static size_t be16(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

static struct error *begin_lzma(struct lzma2 *z, struct codec_decoder *d,
				uint8_t control)
{
	uint8_t head[4], properties;

	TRY(take(z, d, head, sizeof(head)));
	z->left = ((size_t)(control & SIZE_BITS) << 16 | be16(head)) + 1;
	z->size = be16(head + 2) + 1;
	z->pos = LZMA_CODE_BYTES;
	if (control >= NEW_PROPERTIES) {
		TRY(take(z, d, &properties, 1));
		if (!lzma_core_set_properties(&z->core, properties))
			return codec_error_damaged(d, "no such properties");
		z->wants_properties = false;
	} else if (z->wants_properties) {
		return codec_error_damaged(d, "properties are missing");
	}
	if (control >= NEW_STATE)
		lzma_core_reset(&z->core);
	if (z->size < LZMA_CODE_BYTES)
		return codec_error_damaged(d, "chunk is too short");
	TRY(take(z, d, z->chunk, z->size));
	/* Not looked at by a sound chunk; the same each time in another. */
	memset(z->chunk + z->size, 0, LZMA_SLACK_BYTES);
	if (!lzma_core_begin(&z->core, z->chunk))
		return codec_error_damaged(d, "data error");
	return NULL;
}

/* The head of the next chunk, and the compressed bytes of one of LZMA. */
static struct error *begin_chunk(struct lzma2 *z, struct codec_decoder *d)
{
	uint8_t control, size[2];

	TRY(take(z, d, &control, 1));
	z->is_ended = !control;
	if (z->is_ended)
		return NULL;
	if (control >= NEW_DICTIONARY || control == STORED_NEW) {
		z->dictionary = 0;
		z->wants_dictionary = false;
		z->wants_properties = true;
	} else if (z->wants_dictionary) {
		return codec_error_damaged(d, "no dictionary to go on with");
	}
	z->is_stored = control < IS_LZMA;
	if (!z->is_stored)
		return begin_lzma(z, d, control);
	if (control > STORED)
		return codec_error_damaged(d, "no such chunk");
	TRY(take(z, d, size, sizeof(size)));
	z->left = be16(size) + 1;
	return NULL;
}

/* @n bytes of the chunk, which has as many. */
static struct error *decode_chunk(struct lzma2 *z, struct codec_decoder *d,
				  uint8_t *out, size_t n)
{
	struct lzma_window w = {
		.in = z->chunk + z->pos,
		.in_end = z->chunk + z->size,
		.out = out,
		.base = out - z->dictionary,
		.limit = out + n,
		.chunk_end = out + z->left,
		.dictionary_size = z->dictionary_size,
	};

	if (z->is_stored)
		return take(z, d, out, n);
	if (!lzma_core_decode(&z->core, &w))
		return codec_error_damaged(d, "data error");
	z->pos = (size_t)(w.in - z->chunk);
	if (n == z->left &&
	    (z->pos != z->size || !lzma_core_is_finished(&z->core)))
		return codec_error_damaged(d, "data error");
	return NULL;
}

struct error *lzma2_decode(struct lzma2 *z, struct codec_decoder *d,
			   uint8_t *out, size_t size, size_t *size_ret)
{
	size_t done = 0;

	while (done < size) {
		if (!z->left && !z->is_ended)
			TRY(begin_chunk(z, d));
		if (z->is_ended)
			break;
		size_t n = size - done < z->left ? size - done : z->left;

		TRY(decode_chunk(z, d, out + done, n));
		z->left -= n;
		z->dictionary += n;
		done += n;
	}
	*size_ret = done;
	return NULL;
}

struct error *lzma2_take_end(struct lzma2 *z, struct codec_decoder *d,
			     bool *ret)
{
	if (!z->left && !z->is_ended)
		TRY(begin_chunk(z, d));
	*ret = z->is_ended;
	return NULL;
}

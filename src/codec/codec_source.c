/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "codec/codec_backend.h"

void codec_source_init(struct codec_source *src, const struct input *in)
{
	*src = (struct codec_source) { .in = *in };
}

void codec_source_deinit(struct codec_source *src)
{
	mem_free(src->data);
	src->data = NULL;
	src->pos = src->size = src->capacity = 0;
}

void codec_source_seek(struct codec_source *src, uint64_t offset)
{
	uint64_t begin = src->end - src->size;

	if (offset >= begin && offset <= src->end) {
		src->pos = (size_t)(offset - begin);
		return;
	}
	src->pos = src->size = 0;
	src->end = offset;
}

struct error *codec_source_fill(struct codec_source *src, bool *end_ret)
{
	*end_ret = false;
	if (src->pos < src->size)
		return NULL;
	if (src->end >= src->in.size) {
		*end_ret = true;
		return NULL;
	}
	if (!src->data) {
		// A small input, an ELF section say, takes a small buffer.
		src->capacity = src->in.size < CODEC_SOURCE_BYTES
					? (size_t)src->in.size
					: CODEC_SOURCE_BYTES;
		src->data = mem_alloc(src->capacity);
		if (!src->data)
			return error_no_memory;
	}
	src->pos = src->size = 0;
	size_t got;

	TRY(src->in.read(&src->in, src->end, src->data, src->capacity, &got));
	src->size = got;
	src->end += got;
	*end_ret = !got;
	return NULL;
}

struct error *codec_source_byte(struct codec_source *src, uint8_t *ret)
{
	bool end;

	TRY(codec_source_fill(src, &end));
	if (end)
		return error_new(BAD_DATA,
				 "truncated: the compressed data end at offset "
				 "%" PRIu64,
				 codec_source_tell(src));
	*ret = src->data[src->pos++];
	return NULL;
}

struct error *codec_source_is_padding(struct codec_source *src, bool *ret)
{
	for (;;) {
		bool end;

		TRY(codec_source_fill(src, &end));
		*ret = end;
		if (end)
			return NULL;
		while (src->pos < src->size && !src->data[src->pos])
			src->pos++;
		if (src->pos < src->size)
			return NULL;
	}
}

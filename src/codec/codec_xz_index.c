/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of a .xz file, from its indexes; layout in codec_xz.c.
 *
 * From the end of the file backwards, a stream at a time: padding, footer,
 * index, and the header, whose place follows from the index's sizes and whose
 * flags must be the footer's. The same way as `xz --list` goes.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "codec/codec_lzma.h"
#include "codec/codec_stream.h"

enum {
	/* Of all indexes together. 16 bytes a block: more than
	 * CODEC_BLOCKS_MAX. */
	INDEX_MEMORY_MAX_BYTES = 64 << 20,
	/* Each costs three reads. */
	STREAMS_MAX = 4096,
	PADDING_MAX_BYTES = 1 << 20,
	READ_BYTES = 16 << 10,
};

/* One look at a file. */
struct survey {
	struct input *in;
	lzma_index *index; /* of the streams behind end; owned */
	uint64_t end;      /* all behind is known */
	uint64_t padding;  /* zero bytes at end */
	size_t streams;
	uint8_t buf[READ_BYTES];
};

static void free_index(lzma_index **index)
{
	lzma_index_end(*index, NULL);
}

/* Step over the zero bytes before sv->end. */
static struct error *step_over_padding(struct survey *sv, bool *ok_ret)
{
	sv->padding = 0;
	while (sv->end && sv->padding <= PADDING_MAX_BYTES) {
		size_t size =
			sv->end < READ_BYTES ? (size_t)sv->end : READ_BYTES;
		size_t left = size;

		TRY(input_read_exact(sv->in, sv->end - size, sv->buf, size));
		while (left && !sv->buf[left - 1])
			left--;
		sv->end -= size - left;
		sv->padding += size - left;
		if (left)
			break;
	}
	// A footer never ends in zero, so this is all padding.
	*ok_ret = sv->padding % 4 == 0 && sv->padding <= PADDING_MAX_BYTES;
	return NULL;
}

static struct error *error_if_no_memory(lzma_ret rc)
{
	return rc == LZMA_MEM_ERROR ? error_no_memory : NULL;
}

/* The index of @size bytes at @offset; *ret NULL if it is none. */
static struct error *decode_index(struct survey *sv, uint64_t offset,
				  uint64_t size, lzma_index **ret)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	uint64_t used = sv->index ? lzma_index_memused(sv->index) : 0;
	struct error *err = NULL;

	*ret = NULL;
	if (used >= INDEX_MEMORY_MAX_BYTES)
		return NULL;
	lzma_ret rc =
		lzma_index_decoder(&strm, ret, INDEX_MEMORY_MAX_BYTES - used);

	while (rc == LZMA_OK && size && !err) {
		size_t n = size < READ_BYTES ? (size_t)size : READ_BYTES;

		err = input_read_exact(sv->in, offset, sv->buf, n);
		strm.next_in = sv->buf;
		strm.avail_in = n;
		if (!err)
			rc = lzma_code(&strm, LZMA_RUN);
		offset += n;
		size -= n;
	}
	// liblzma sets the pointer at the index's end and not before.
	if (!err && (rc != LZMA_STREAM_END || size || strm.avail_in)) {
		lzma_index_end(*ret, NULL);
		*ret = NULL;
		err = error_if_no_memory(rc);
	}
	lzma_end(&strm);
	return err;
}

/* Put @index, of the stream before, in front of what is known. Takes it. */
static struct error *prepend(struct survey *sv, lzma_index *index,
			     const lzma_stream_flags *flags, bool *ok_ret)
{
	CLEANUP(free_index) lzma_index *own = index;
	lzma_ret rc = lzma_index_stream_flags(own, flags);

	if (rc == LZMA_OK)
		rc = lzma_index_stream_padding(own, sv->padding);
	if (rc == LZMA_OK && sv->index) {
		rc = lzma_index_cat(own, sv->index, NULL);
		if (rc == LZMA_OK)
			sv->index = NULL;
	}
	*ok_ret = rc == LZMA_OK;
	if (*ok_ret)
		sv->index = STEAL(own);
	return error_if_no_memory(rc);
}

/* One stream more, before sv->end. */
static struct error *survey_stream(struct survey *sv, bool *ok_ret)
{
	uint8_t raw[LZMA_STREAM_HEADER_SIZE];
	lzma_stream_flags footer, header;
	lzma_index *index;

	TRY(step_over_padding(sv, ok_ret));
	if (!*ok_ret)
		return NULL;
	*ok_ret = false;
	if (sv->end < 2 * LZMA_STREAM_HEADER_SIZE)
		return NULL;
	TRY(input_read_exact(sv->in, sv->end - sizeof(raw), raw, sizeof(raw)));
	if (lzma_stream_footer_decode(&footer, raw) != LZMA_OK)
		return NULL;
	uint64_t left = sv->end - sizeof(raw);

	if (footer.backward_size > left)
		return NULL;
	TRY(decode_index(sv, left - footer.backward_size, footer.backward_size,
			 &index));
	if (!index)
		return NULL;
	uint64_t size = lzma_index_file_size(index);

	// With the flags compared, header and footer fit each other.
	if (size > sv->end) {
		lzma_index_end(index, NULL);
		return NULL;
	}
	struct error *err =
		input_read_exact(sv->in, sv->end - size, raw, sizeof(raw));

	if (err || lzma_stream_header_decode(&header, raw) != LZMA_OK ||
	    lzma_stream_flags_compare(&header, &footer) != LZMA_OK) {
		lzma_index_end(index, NULL);
		return err;
	}
	TRY(prepend(sv, index, &footer, ok_ret));
	sv->end -= size;
	sv->streams++;
	return NULL;
}

/* Too many for what they hold: then read forward. */
static bool are_tiny(const lzma_index *index)
{
	lzma_vli count = lzma_index_block_count(index);

	return count > CODEC_SMALL_BLOCKS_MAX &&
	       (lzma_index_total_size(index) / count <
			CODEC_BLOCK_MIN_IN_BYTES ||
		lzma_index_uncompressed_size(index) / count <
			CODEC_BLOCK_MIN_OUT_BYTES);
}

static struct error *add_blocks(struct codec_stream *s, const lzma_index *index,
				bool *ok_ret)
{
	lzma_index_iter iter;

	*ok_ret = true;
	lzma_index_iter_init(&iter, index);
	while (*ok_ret && !lzma_index_iter_next(&iter, LZMA_INDEX_ITER_BLOCK))
		TRY(codec_add_block(
			s,
			&(struct codec_block) {
				.in_offset = iter.block.compressed_file_offset,
				.in_size = iter.block.unpadded_size,
				.out_offset =
					iter.block.uncompressed_file_offset,
				.out_size = iter.block.uncompressed_size,
				.check = (uint8_t)iter.stream.flags->check },
			ok_ret));
	return NULL;
}

struct error *codec_xz_find_blocks(struct codec_stream *s, bool *found_ret)
{
	CLEANUP_FREE struct survey *sv = mem_zalloc(sizeof(*sv));
	bool ok = true;

	*found_ret = false;
	if (!sv)
		return error_no_memory;
	sv->in = &s->in;
	sv->end = s->in.size;
	struct error *err = NULL;

	while (!err && ok && sv->end && sv->streams < STREAMS_MAX)
		err = survey_stream(sv, &ok);
	CLEANUP(free_index) lzma_index *index = sv->index;

	if (err || !ok || sv->end || !index || are_tiny(index))
		return err;
	return add_blocks(s, index, found_ret);
}

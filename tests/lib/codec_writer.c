/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <bzlib.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/lib/codec_writer.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void *reserve(struct buf *out, size_t size)
{
	void *p = buf_reserve(out, size + !size);

	must(p != NULL);
	return p;
}

void write_sample(struct buf *out, size_t size, uint64_t seed)
{
	uint8_t *to = reserve(out, size);
	uint64_t x = seed * 2654435761u + 88172645463325252u;

	for (size_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		// One byte in sixteen is noise, others repeat what was some
		// hundred bytes before.
		to[i] = x % 16 && i > 512 ? to[i - 97 - (x >> 8) % 2 * 131]
					  : (uint8_t)(x >> 32);
	}
	buf_commit(out, size);
}

static void deflate_into(const void *data, size_t size, int window_bits,
			 gz_header *header, struct buf *out)
{
	z_stream z = { 0 };

	must(deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8,
			  Z_DEFAULT_STRATEGY) == Z_OK);
	if (header)
		must(deflateSetHeader(&z, header) == Z_OK);
	size_t bound = deflateBound(&z, size) + 1024;

	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)size;
	z.next_out = reserve(out, bound);
	z.avail_out = (uInt)bound;
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	buf_commit(out, bound - z.avail_out);
	deflateEnd(&z);
}

void write_gzip_decorated(const void *data, size_t size, struct buf *out)
{
	Bytef extra[] = "extra", name[] = "name", comment[] = "comment";
	gz_header header = { .extra = extra,
			     .extra_len = sizeof(extra),
			     .name = name,
			     .comment = comment,
			     .hcrc = 1 };

	deflate_into(data, size, 15 + 16, &header, out);
}

static void lzma_into(lzma_stream *strm, const void *data, size_t size,
		      struct buf *out)
{
	size_t bound = lzma_stream_buffer_bound(size) + size / 8 + (1 << 16);

	strm->next_in = data;
	strm->avail_in = size;
	strm->next_out = reserve(out, bound);
	strm->avail_out = bound;
	lzma_ret rc;

	do
		rc = lzma_code(strm, LZMA_FINISH);
	while (rc == LZMA_OK);
	must(rc == LZMA_STREAM_END);
	buf_commit(out, bound - strm->avail_out);
	lzma_end(strm);
}

void write_xz_blocks(const void *data, size_t size, size_t block_size,
		     struct buf *out)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	lzma_mt mt = { .threads = 1,
		       .block_size = block_size,
		       .preset = 0,
		       .check = LZMA_CHECK_CRC64 };

	must(lzma_stream_encoder_mt(&strm, &mt) == LZMA_OK);
	lzma_into(&strm, data, size, out);
}

static void write_lzma(const void *data, size_t size, struct buf *out)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	must(!lzma_lzma_preset(&options, 0));
	must(lzma_alone_encoder(&strm, &options) == LZMA_OK);
	lzma_into(&strm, data, size, out);
}

static void write_xz(const void *data, size_t size, struct buf *out)
{
	lzma_stream strm = LZMA_STREAM_INIT;

	must(lzma_easy_encoder(&strm, 0, LZMA_CHECK_CRC64) == LZMA_OK);
	lzma_into(&strm, data, size, out);
}

static void write_bzip2(const void *data, size_t size, struct buf *out)
{
	unsigned bound = (unsigned)(size + size / 100 + 600);
	char *to = reserve(out, bound);

	must(BZ2_bzBuffToBuffCompress(to, &bound, (char *)(uintptr_t)data,
				      (unsigned)size, 1, 0, 0) == BZ_OK);
	buf_commit(out, bound);
}

static void zstd_into(const void *data, size_t size, bool sized,
		      struct buf *out)
{
	ZSTD_CCtx *cctx = ZSTD_createCCtx();
	size_t bound = ZSTD_compressBound(size);
	void *to = reserve(out, bound);

	must(cctx != NULL);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, sized);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
	size_t got = ZSTD_compress2(cctx, to, bound, data, size);

	must(!ZSTD_isError(got));
	buf_commit(out, got);
	ZSTD_freeCCtx(cctx);
}

void write_zstd_unsized(const void *data, size_t size, struct buf *out)
{
	zstd_into(data, size, false, out);
}

static size_t encode_index(lzma_index *index, struct buf *out)
{
	size_t size = lzma_index_size(index), pos = 0;

	must(lzma_index_buffer_encode(index, reserve(out, size), &pos, size) ==
	     LZMA_OK);
	buf_commit(out, size);
	return size;
}

void write_xz_lie(const struct buf *xz, size_t block, uint64_t claim,
		  struct buf *out)
{
	lzma_index *index, *lie = lzma_index_init(NULL);
	lzma_stream_flags flags;
	lzma_index_iter iter;
	uint64_t memlimit = UINT64_MAX;
	size_t pos = 0;

	must(lzma_stream_footer_decode(&flags, xz->data + xz->size - 12) ==
	     LZMA_OK);
	size_t blocks_end = xz->size - 12 - flags.backward_size;

	must(lzma_index_buffer_decode(&index, &memlimit, NULL,
				      xz->data + blocks_end, &pos,
				      flags.backward_size) == LZMA_OK);
	must(buf_append(out, xz->data, blocks_end));
	lzma_index_iter_init(&iter, index);
	for (size_t i = 0; !lzma_index_iter_next(&iter, LZMA_INDEX_ITER_BLOCK);
	     i++)
		must(lzma_index_append(
			     lie, NULL, iter.block.unpadded_size,
			     i == block ? claim
					: iter.block.uncompressed_size) ==
		     LZMA_OK);
	flags.backward_size = encode_index(lie, out);
	must(lzma_stream_footer_encode(&flags, reserve(out, 12)) == LZMA_OK);
	buf_commit(out, 12);
	lzma_index_end(index, NULL);
	lzma_index_end(lie, NULL);
}

void write_zstd_zeros(uint64_t size, bool is_single_segment, struct buf *out)
{
	enum { BLOCK = 128 << 10, RLE = 1 << 1, LAST = 1 };

	buf_put_u32(out, ZSTD_MAGICNUMBER);
	// Content size in 8 bytes; otherwise a window of 2 MiB.
	buf_put_u8(out, 3 << 6 | is_single_segment << 5);
	if (!is_single_segment)
		buf_put_u8(out, (21 - 10) << 3);
	buf_put_u64(out, size);
	while (size) {
		uint32_t n = size < BLOCK ? (uint32_t)size : BLOCK;

		size -= n;
		uint32_t header = n << 3 | RLE | (size ? 0 : LAST);

		buf_put_u16(out, (uint16_t)header);
		buf_put_u8(out, (uint8_t)(header >> 16));
		buf_put_u8(out, 0);
	}
	must(!out->failed);
}

void write_codec(enum codec codec, const void *data, size_t size,
		 struct buf *out)
{
	switch (codec) {
	case CODEC_NONE:
		must(buf_append(out, data, size));
		return;
	case CODEC_GZIP:
		deflate_into(data, size, 15 + 16, NULL, out);
		return;
	case CODEC_ZLIB:
		deflate_into(data, size, 15, NULL, out);
		return;
	case CODEC_XZ:
		write_xz(data, size, out);
		return;
	case CODEC_LZMA:
		write_lzma(data, size, out);
		return;
	case CODEC_BZIP2:
		write_bzip2(data, size, out);
		return;
	case CODEC_ZSTD:
		zstd_into(data, size, true, out);
		return;
	case CODECS:
		break;
	}
	abort();
}

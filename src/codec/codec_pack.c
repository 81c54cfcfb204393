/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <limits.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "codec/codec.h"

enum { PACK_LEVEL = 1 };

struct error *codec_pack(const void *data, size_t size, struct buf *out)
{
	size_t bound = ZSTD_compressBound(size);
	void *to = buf_reserve(out, bound);

	if (!to)
		return error_no_memory;
	size_t got = ZSTD_compress(to, bound, data, size, PACK_LEVEL);

	// With room for the bound, only memory can lack.
	if (ZSTD_isError(got))
		return error_no_memory;
	buf_commit(out, got);
	return NULL;
}

struct error *codec_unpack(const void *data, size_t size, size_t limit_bytes,
			   struct buf *out)
{
	unsigned long long claim = ZSTD_getFrameContentSize(data, size);

	if (claim == ZSTD_CONTENTSIZE_ERROR ||
	    claim == ZSTD_CONTENTSIZE_UNKNOWN)
		return error_new(BAD_DATA, "not a packed blob");
	if (claim > limit_bytes)
		return error_new(LIMIT, "packed blob of %llu bytes: over %zu",
				 claim, limit_bytes);
	// An empty blob, too, wants a place.
	void *to = buf_reserve(out, (size_t)claim + 1);

	if (!to)
		return error_no_memory;
	size_t got = ZSTD_decompress(to, (size_t)claim, data, size);

	if (ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
		return error_no_memory;
	if (ZSTD_isError(got) || got != claim)
		return error_new(BAD_DATA, "damaged packed blob: %s",
				 ZSTD_isError(got) ? ZSTD_getErrorName(got)
						   : "wrong size");
	buf_commit(out, got);
	return NULL;
}

struct error *codec_gzip(const void *data, size_t size, struct buf *out)
{
	enum { GZIP_NOT_ZLIB = 16, MEMORY_LEVEL = 8 };
	z_stream z = { 0 };

	if (size > UINT_MAX / 2)
		return error_new(LIMIT, "%zu bytes are too many for gzip",
				 size);
	if (deflateInit2(&z, PACK_LEVEL, Z_DEFLATED, MAX_WBITS + GZIP_NOT_ZLIB,
			 MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return error_no_memory;
	size_t bound = deflateBound(&z, size);

	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)size;
	z.next_out = buf_reserve(out, bound);
	z.avail_out = (uInt)bound;
	// With room for the bound, one call is enough.
	bool is_done = z.next_out && deflate(&z, Z_FINISH) == Z_STREAM_END;

	if (is_done)
		buf_commit(out, z.total_out);
	deflateEnd(&z);
	return is_done ? NULL : error_no_memory;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

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

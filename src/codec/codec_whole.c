/* SPDX-License-Identifier: Apache-2.0 */
/* libdeflate decodes nothing but whole streams, and these in less than half of
 * zlib's time. */
#include "config.h"

#include "codec/codec.h"

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>

bool codec_whole_zlib(const uint8_t *in, size_t in_size, uint8_t *out,
		      size_t out_size)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();

	if (!d)
		return false;
	// Without a place for the size: it is exactly that, or an error.
	enum libdeflate_result result =
		libdeflate_zlib_decompress(d, in, in_size, out, out_size, NULL);

	libdeflate_free_decompressor(d);
	return result == LIBDEFLATE_SUCCESS;
}
#else
bool codec_whole_zlib(const uint8_t *in, size_t in_size, uint8_t *out,
		      size_t out_size)
{
	(void)in, (void)in_size, (void)out, (void)out_size;
	return false;
}
#endif

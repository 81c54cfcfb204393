/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First bytes, in hexadecimal:
 *
 *	gzip	1f 8b 08		RFC 1952, 2.3
 *	xz	fd 37 7a 58 5a 00	xz-file-format 1.1.0, 2.1.1.1
 *	bzip2	42 5a 68 31..39
 *	zstd	28 b5 2f fd, or 50..5f 2a 4d 18 (skippable)	RFC 8878, 3.1
 *	lzma	u8 (pb * 5 + lp) * 9 + lc, u32 dictionary size, u64 size;
 *		lzma-file-format.txt of xz 5.4. Believed with the same doubts as
 *		there: a dictionary of 2^n or 2^n + 2^(n-1) bytes, a size that
 *		is unknown or below 256 GiB.
 *
 * zlib's two bytes (RFC 1950) are no evidence; who has such data knows it.
 */
#include "config.h"

#include <string.h>

#include "base/reader.h"
#include "base/units.h"
#include "codec/codec.h"

static bool is_lzma(const uint8_t *head, size_t size)
{
	struct reader r;

	reader_init(&r, head, size, false);
	uint8_t properties = reader_u8(&r);
	uint32_t dictionary = reader_u32(&r);
	uint64_t unpacked = reader_u64(&r);

	if (!reader_ok(&r) || properties >= 9 * 5 * 5)
		return false;
	// The encoder never wrote less; this keeps a block of zeros out.
	if (dictionary < 4096)
		return false;
	if (dictionary != UINT32_MAX) {
		uint32_t without_top = dictionary;

		while (without_top & (without_top - 1))
			without_top &= without_top - 1;
		// without_top is now the highest bit alone.
		without_top = dictionary - without_top;
		if (without_top && without_top != dictionary / 3)
			return false;
	}
	return unpacked == UINT64_MAX || unpacked < 256 * GIB;
}

enum codec codec_detect(const uint8_t *head, size_t size)
{
	static const struct {
		enum codec codec;
		uint8_t size;
		const char *magic;
	} table[] = {
		{ CODEC_GZIP, 3, "\x1f\x8b\x08" },
		{ CODEC_XZ, 6,
		  "\xfd"
		  "7zXZ\0" },
		{ CODEC_ZSTD, 4, "\x28\xb5\x2f\xfd" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (size >= table[i].size &&
		    !memcmp(head, table[i].magic, table[i].size))
			return table[i].codec;
	if (size >= 4 && !memcmp(head, "BZh", 3) && head[3] >= '1' &&
	    head[3] <= '9')
		return CODEC_BZIP2;
	if (size >= 4 && (head[0] & 0xf0) == 0x50 &&
	    !memcmp(head + 1, "\x2a\x4d\x18", 3))
		return CODEC_ZSTD;
	return is_lzma(head, size) ? CODEC_LZMA : CODEC_NONE;
}

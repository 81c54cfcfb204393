/* SPDX-License-Identifier: Apache-2.0 */
/* Every codec, from its start and at its points, with each operation. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/codec_writer.h"
#include "tests/lib/pkg_writer.h"

enum {
	SAMPLE_BYTES = 12000,
	BLOCK_BYTES = 3000,
	POINTS_MAX = 7,
	/* As in fuzz_codec.c */
	REPAIR_XZ = 1 << 0,
	AT_POINTS = 1 << 1,
	SMALL_CHECKPOINTS = 1 << 2,
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Forwards, at random, a jump, back, all, points. */
static void put_operations(struct buf *out)
{
	static const uint8_t ops[][4] = {
		{ 0, 40, 0, 0 }, { 3, 60, 100, 0 }, { 1, 0, 200, 0 },
		{ 0, 9, 0, 0 },  { 2, 0, 10, 0 },   { 4, 0, 0, 0 },
		{ 5, 0, 0, 0 },  { 1, 255, 0, 0 },  { 0, 1, 0, 0 },
	};

	must(buf_append(out, ops, sizeof(ops)));
}

/* The stream's points, once it has been read; as far as they fit the form. */
static size_t put_points(enum codec codec, const struct buf *packed,
			 struct buf *out)
{
	struct input in = input_from_memory(packed->data, packed->size);
	CLEANUP_CODEC struct codec_stream *s = NULL;
	const struct codec_point *points;
	char all[2 * SAMPLE_BYTES];
	size_t count, got, i;

	must(!codec_open(codec, &in, UINT64_MAX, &s) &&
	     !codec_read(s, all, sizeof(all), &got));
	codec_points(s, &points, &count);
	for (i = 0; i < count && i < POINTS_MAX; i++) {
		if (points[i].state_size > UINT8_MAX)
			break;
		buf_put_u16(out, (uint16_t)points[i].in_offset);
		buf_put_u32(out, (uint32_t)points[i].out_offset);
		buf_put_u8(out, (uint8_t)points[i].state_size);
		must(buf_append(out, points[i].state, points[i].state_size));
	}
	return i;
}

static void take_seed(fuzz_take_fn take, void *ctx, enum codec codec,
		      uint8_t flags, const struct buf *packed)
{
	CLEANUP_BUF struct buf seed = BUF_INIT;
	CLEANUP_BUF struct buf points = BUF_INIT;
	size_t count =
		flags & AT_POINTS ? put_points(codec, packed, &points) : 0;

	buf_put_u8(&seed, (uint8_t)codec);
	buf_put_u8(&seed, flags);
	buf_put_u8(&seed, 9);
	buf_put_u8(&seed, (uint8_t)count);
	put_operations(&seed);
	must(buf_append(&seed, points.data, points.size) &&
	     buf_append(&seed, packed->data, packed->size));
	take(ctx, seed.data, seed.size);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;

	write_sample(&plain, SAMPLE_BYTES, 1);
	for (unsigned i = 0; i < 4 * CODECS; i++) {
		CLEANUP_BUF struct buf packed = BUF_INIT;
		enum codec codec = (enum codec)(i / 4);

		/* Of .lzma and zlib there is one stream only. */
		if (i & 1 && codec != CODEC_LZMA && codec != CODEC_ZLIB)
			pkg_put_compressed(&packed, codec, BLOCK_BYTES,
					   plain.data, plain.size);
		else if (codec == CODEC_NONE)
			must(buf_append(&packed, plain.data, plain.size));
		else
			write_codec(codec, plain.data, plain.size, &packed);
		take_seed(take, ctx, codec,
			  i & 2 ? AT_POINTS : REPAIR_XZ | SMALL_CHECKPOINTS,
			  &packed);
	}
	CLEANUP_BUF struct buf odd = BUF_INIT;

	write_zstd_unsized(plain.data, plain.size, &odd);
	take_seed(take, ctx, CODEC_ZSTD, 0, &odd);
	buf_clear(&odd);
	write_gzip_decorated(plain.data, plain.size, &odd);
	take_seed(take, ctx, CODEC_GZIP, SMALL_CHECKPOINTS, &odd);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/codec with a stranger's bytes: opened, read, skipped, sought, read at
 * random, begun at points of a stranger's.
 *
 * Input:	u8 codec, u8 flags, u8 count of operations, u8 count of points
 *		operations	u8 what, u8 how much, u16 where (in 16 bytes)
 *		points		u16 in_offset, u32 out_offset, u8 state size,
 *				state
 *		the rest is the compressed input
 *
 * Beyond what the sanitizers see, bytes read at random must be those read
 * forward at the same place.
 */
#include "config.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/reader.h"
#include "codec/codec_stream.h"
#include "tests/fuzz/fuzz.h"

enum {
	REPAIR_XZ = 1 << 0, /* make the CRCs of headers and index right */
	AT_POINTS = 1 << 1,
	SMALL_CHECKPOINTS = 1 << 2,
	POINTS_MAX = 8,
	READ_MAX = 4096,
	LIMIT = 1 << 20,
};

struct operation {
	uint8_t what;
	uint8_t amount;
	uint16_t place;
};

static void put_crc(uint8_t *to, const uint8_t *from, size_t size)
{
	uint32_t crc = (uint32_t)crc32(0, from, (uInt)size);

	for (size_t i = 0; i < 4; i++)
		to[i] = (uint8_t)(crc >> (8 * i));
}

/* Mutations hardly ever guess a CRC, so all beyond would go untested. */
static void repair_xz(uint8_t *data, size_t size)
{
	if (size < 40)
		return;
	put_crc(data + 8, data + 6, 2);
	uint8_t *footer = data + size - 12;
	size_t block_size = (data[12] + 1u) * 4;

	memcpy(data,
	       "\xfd"
	       "7zXZ",
	       6);
	memcpy(footer + 10, "YZ", 2);
	put_crc(footer, footer + 4, 6);
	size_t index_size = ((size_t)footer[4] + 1) * 4;

	if (index_size >= 8 && index_size <= size - 24)
		put_crc(footer - 4, footer - index_size, index_size - 4);
	if (data[12] && block_size <= size - 24)
		put_crc(data + 12 + block_size - 4, data + 12, block_size - 4);
}

static void read_some(struct codec_stream *s, uint8_t *buf, size_t size)
{
	uint64_t before = codec_tell(s);
	size_t got = SIZE_MAX;
	struct error *err = codec_read(s, buf, size, &got);

	assert(got <= size && codec_tell(s) == before + got);
	assert(!err || !got);
	error_free(err);
}

static void read_both_ways(struct codec_stream *s, uint64_t at, size_t size)
{
	uint8_t forward[READ_MAX], random[READ_MAX];
	struct input in = codec_input(s, 0, UINT64_MAX);
	uint64_t tell = codec_tell(s);
	size_t n, m;
	struct error *err = in.read(&in, at, random, size, &n);

	assert(codec_tell(s) == tell);
	assert(!err || codec_is_seekable(s) || error_kind(err) != ERROR_IO);
	if (!err && !(err = codec_seek(s, at)) &&
	    !(err = codec_read(s, forward, size, &m)))
		assert(m <= n && !memcmp(forward, random, m));
	error_free(err);
}

static void run(struct codec_stream *s, const struct operation *op)
{
	uint8_t buf[READ_MAX];
	size_t size = op->amount * 16u;
	uint64_t place = op->place * 16u;
	const struct codec_point *points;
	size_t count;

	switch (op->what % 6) {
	case 0:
		read_some(s, buf, size);
		break;
	case 1:
		error_free(
			codec_skip(s, op->amount == 255 ? UINT64_MAX : place));
		break;
	case 2:
		error_free(codec_seek(s, place));
		break;
	case 3:
		read_both_ways(s, place, size);
		break;
	case 4:
		for (size_t i = 0; i < 64; i++)
			read_some(s, buf, sizeof(buf));
		break;
	case 5:
		codec_points(s, &points, &count);
		assert(count > 0);
		for (size_t i = 1; i < count; i++)
			assert(points[i].out_offset >=
			       points[i - 1].out_offset);
		break;
	}
}

/* Open a second stream at the first one's points: what they give must be the
 * same bytes. */
static void reopen(enum codec codec, const struct input *in,
		   struct codec_stream *s)
{
	const struct codec_point *points;
	struct codec_stream *t = NULL;
	uint8_t a[256], b[256];
	size_t count, n, m;

	codec_points(s, &points, &count);
	size_t last = count - 1;
	struct error *err =
		codec_open_at(codec, in, LIMIT, points + last, 1, &t);

	assert(err == NULL);
	if (!(err = codec_read(t, a, sizeof(a), &n)) &&
	    !(err = codec_seek(s, points[last].out_offset)) &&
	    !(err = codec_read(s, b, sizeof(b), &m)))
		assert(m <= n && !memcmp(a, b, m));
	error_free(err);
	codec_close(t);
}

static size_t read_points(struct reader *r, size_t count,
			  struct codec_point *points)
{
	for (size_t i = 0; i < count; i++) {
		points[i].in_offset = reader_u16(r);
		points[i].out_offset = reader_u32(r);
		points[i].state_size = reader_u8(r);
		points[i].state = (uint8_t *)(uintptr_t)reader_bytes(
			r, points[i].state_size);
	}
	return reader_ok(r) ? count : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct codec_point points[POINTS_MAX];
	struct operation ops[16];
	struct codec_stream *s = NULL;
	struct reader r;

	reader_init(&r, data, size, false);
	enum codec codec = reader_u8(&r) % CODECS;
	uint8_t flags = reader_u8(&r);
	size_t op_count = reader_u8(&r) % 16;
	size_t point_count = reader_u8(&r) % POINTS_MAX;

	for (size_t i = 0; i < op_count; i++) {
		ops[i].what = reader_u8(&r);
		ops[i].amount = reader_u8(&r);
		ops[i].place = reader_u16(&r);
	}
	point_count = read_points(&r, point_count, points);
	if (!reader_ok(&r))
		return 0;
	size_t packed_size = reader_left(&r);
	// Of exactly its size, so that the sanitizer sees a byte too far.
	uint8_t *packed = mem_dup(data + r.pos, packed_size);

	assert(packed != NULL);
	if (codec == CODEC_XZ && flags & REPAIR_XZ)
		repair_xz(packed, packed_size);
	struct input in = input_from_memory(packed, packed_size);
	struct error *err = flags & AT_POINTS
				    ? codec_open_at(codec, &in, LIMIT, points,
						    point_count, &s)
				    : codec_open(codec, &in, LIMIT, &s);

	if (!err) {
		if (flags & SMALL_CHECKPOINTS)
			codec_set_checkpoint_bytes(s, 1000);
		for (size_t i = 0; i < op_count; i++)
			run(s, &ops[i]);
		// A stranger's points may say anything of offsets.
		if (!(flags & AT_POINTS))
			reopen(codec, &in, s);
	}
	error_free(err);
	codec_close(s);
	mem_free(packed);
	return 0;
}

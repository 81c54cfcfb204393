/* SPDX-License-Identifier: Apache-2.0 */
/* Reading at random: blocks, points, inputs. */
#include "config.h"

#include "base/units.h"
#include "codec/codec_stream.h"
#include "tests/lib/codec_fixture.h"

static const uint64_t no_limit = UINT64_MAX;

/* Decoded at once, in a block's beginning and further on. */
enum { FIRST_STEP = 4 << 10, STEP = 64 << 10 };

/* An input that counts what is read of it. */
struct counted {
	struct input from;
	uint64_t bytes;
};

static struct error *read_counted(struct input *in, uint64_t offset, void *buf,
				  size_t size, size_t *size_ret)
{
	struct counted *c = in->ctx;
	struct error *err = c->from.read(&c->from, offset, buf, size, size_ret);

	c->bytes += *size_ret;
	return err;
}

static struct input counted_input(struct counted *c)
{
	return (struct input) { .read = read_counted,
				.size = c->from.size,
				.ctx = c };
}

/* Places spread over @size, the same every time. */
static uint64_t place(uint64_t i, uint64_t size)
{
	return i * 2654435761u % size;
}

static void expect_random_reads(enum codec codec, struct sample *p)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;

	ck_no_error(codec_open(codec, &p->in, no_limit, &s));
	ck_assert(codec_is_seekable(s));
	struct input in = codec_input(s, 0, p->plain.size);

	for (uint64_t i = 0; i < 60; i++) {
		uint64_t at = place(i, p->plain.size);
		uint64_t left = p->plain.size - at;
		size_t size = left < 3000 ? (size_t)left : 3000;

		ck_no_error(codec_seek(s, at));
		expect_input(&in, place(i + 7, p->plain.size - size), &p->plain,
			     size);
		ck_assert_uint_eq(codec_tell(s), at);
		expect_bytes(s, &p->plain, size);
	}
	ck_no_error(codec_seek(s, 0));
	expect_rest(s, &p->plain, 100000);
}

START_TEST(seekable_streams_are_read_anywhere)
{
	CLEANUP_SAMPLE struct sample blocks = { 0 }, streams = { 0 },
				     frames = { 0 }, stored = { 0 },
				     lone = { 0 };

	sample_add_xz(&blocks, 1000000, 150000);
	expect_random_reads(CODEC_XZ, &blocks);
	sample_add_xz(&streams, 300000, 100000);
	sample_add(&streams, CODEC_XZ, 0);
	ck_assert(buf_append(&streams.packed, "\0\0\0\0\0\0\0\0", 8));
	sample_add(&streams, CODEC_XZ, 5000);
	sample_add_xz(&streams, 200001, 100000);
	ck_assert(buf_append(&streams.packed, "\0\0\0\0", 4));
	sample_refresh(&streams);
	expect_random_reads(CODEC_XZ, &streams);
	for (size_t i = 0; i < 9; i++)
		sample_add(&frames, CODEC_ZSTD, i * 30000);
	expect_random_reads(CODEC_ZSTD, &frames);
	sample_add(&stored, CODEC_NONE, 100000);
	expect_random_reads(CODEC_NONE, &stored);
	sample_add(&lone, CODEC_XZ, 400000);
	expect_random_reads(CODEC_XZ, &lone);
}
END_TEST

START_TEST(skippable_zstd_frames_are_passed_over)
{
	CLEANUP_SAMPLE struct sample p = { 0 };

	ck_assert(buf_append(&p.packed, "\x50\x2a\x4d\x18\2\0\0\0ab", 10));
	sample_add(&p, CODEC_ZSTD, 50000);
	ck_assert(buf_append(&p.packed, "\x5f\x2a\x4d\x18\0\0\0\0", 8));
	sample_add(&p, CODEC_ZSTD, 50000);
	expect_random_reads(CODEC_ZSTD, &p);
}
END_TEST

START_TEST(only_streams_with_known_blocks_are_seekable)
{
	CLEANUP_SAMPLE struct sample unsized = { 0 }, mixed = { 0 },
				     gzip = { 0 };
	struct sample *const samples[] = { &unsized, &mixed, &gzip };
	static const enum codec codecs[] = { CODEC_ZSTD, CODEC_ZSTD,
					     CODEC_GZIP };

	write_sample(&unsized.plain, 5000, 1);
	write_zstd_unsized(unsized.plain.data, 5000, &unsized.packed);
	sample_refresh(&unsized);
	sample_add(&mixed, CODEC_ZSTD, 5000);
	write_sample(&mixed.plain, 5000, 2);
	write_zstd_unsized(mixed.plain.data + 5000, 5000, &mixed.packed);
	sample_refresh(&mixed);
	sample_add(&gzip, CODEC_GZIP, 5000);
	for (size_t i = 0; i < 3; i++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		const struct codec_point *points;
		size_t count, n;
		uint8_t byte;

		ck_no_error(
			codec_open(codecs[i], &samples[i]->in, no_limit, &s));
		ck_assert(!codec_is_seekable(s));
		codec_points(s, &points, &count);
		ck_assert_uint_eq(count, 1);
		ck_assert_uint_eq(points[0].in_offset, 0);
		ck_assert_uint_eq(points[0].out_offset, 0);
		expect_rest(s, &samples[i]->plain, 512);
		struct input in = codec_input(s, 0, 5000);

		ck_error(in.read(&in, 0, &byte, 1, &n), UNSUPPORTED,
			 "at random");
	}
}
END_TEST

START_TEST(skipped_blocks_are_neither_read_nor_decoded)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };

	sample_add_xz(&p, 1800000, 300000);
	struct counted c = { .from = p.in };
	struct input in = counted_input(&c);

	ck_no_error(codec_open(CODEC_XZ, &in, no_limit, &s));
	ck_assert_uint_eq(codec_decoded_bytes(s), 0);
	expect_bytes(s, &p.plain, 512);
	ck_assert_uint_eq(codec_decoded_bytes(s), FIRST_STEP);
	ck_no_error(codec_skip(s, 1600000));
	ck_assert_uint_eq(codec_tell(s), 1600512);
	expect_bytes(s, &p.plain, 512);
	ck_assert_uint_lt(codec_decoded_bytes(s), 100512 + 2 * STEP);
	ck_assert_uint_lt(c.bytes, p.packed.size / 2);
}
END_TEST

START_TEST(a_block_is_decoded_as_far_as_needed_and_only_once)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };

	sample_add_xz(&p, 800000, 400000);
	ck_no_error(codec_open(CODEC_XZ, &p.in, no_limit, &s));
	struct input in = codec_input(s, 0, p.plain.size);

	expect_input(&in, STEP - 1, &p.plain, 1);
	ck_assert_uint_eq(codec_decoded_bytes(s), STEP);
	expect_input(&in, 3 * STEP, &p.plain, 1);
	ck_assert_uint_eq(codec_decoded_bytes(s), 4 * STEP);
	expect_input(&in, 100, &p.plain, 3 * STEP);
	ck_assert_uint_eq(codec_decoded_bytes(s), 4 * STEP);
	expect_input(&in, 400000, &p.plain, 1);
	expect_bytes(s, &p.plain, 3 * STEP);
	ck_assert_uint_eq(codec_decoded_bytes(s), 4 * STEP + FIRST_STEP);
	expect_rest(s, &p.plain, 100000);
	ck_assert_uint_eq(codec_decoded_bytes(s), 800000);
	expect_input(&in, 0, &p.plain, p.plain.size);
	ck_no_error(codec_seek(s, 0));
	expect_rest(s, &p.plain, 100000);
}
END_TEST

START_TEST(four_places_are_kept_while_a_reader_moves_on)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };

	sample_add_xz(&p, 1200000, 200000);
	ck_no_error(codec_open(CODEC_XZ, &p.in, no_limit, &s));
	struct input in = codec_input(s, 0, p.plain.size);

	for (uint64_t i = 0; i < 12; i++)
		expect_input(&in, i % 4 * 200000, &p.plain, 100);
	ck_assert_uint_eq(codec_decoded_bytes(s), 4 * FIRST_STEP);
	// A fifth takes the place of the one not used for longest.
	expect_input(&in, 800000, &p.plain, 100);
	expect_input(&in, 200000, &p.plain, 100);
	ck_assert_uint_eq(codec_decoded_bytes(s), 5 * FIRST_STEP);
	expect_input(&in, 0, &p.plain, 100);
	ck_assert_uint_eq(codec_decoded_bytes(s), 6 * FIRST_STEP);
}
END_TEST

START_TEST(two_places_are_kept_even_of_large_blocks)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_BUF struct buf zeros = BUF_INIT;
	uint8_t byte;

	for (size_t i = 0; i < 3; i++)
		write_zstd_zeros(200 * MIB, false, &zeros);
	struct input packed = input_from_memory(zeros.data, zeros.size);

	ck_no_error(codec_open(CODEC_ZSTD, &packed, no_limit, &s));
	struct input in = codec_input(s, 0, 600 * MIB);

	for (uint64_t i = 0; i < 6; i++)
		ck_no_error(input_read_exact(&in, i % 2 * 400 * MIB, &byte, 1));
	ck_assert_uint_eq(codec_decoded_bytes(s), 2 * FIRST_STEP);
}
END_TEST

START_TEST(blocks_behind_a_reader_that_are_still_wanted_stay)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };

	sample_add_xz(&p, 1200000, 200000);
	ck_no_error(codec_open(CODEC_XZ, &p.in, no_limit, &s));
	struct input in = codec_input(s, 0, p.plain.size);

	ck_no_error(codec_seek(s, 1000000));
	for (uint64_t i = 0; i < 12; i++)
		expect_input(&in, i % 4 * 200000, &p.plain, 100);
	ck_assert_uint_eq(codec_decoded_bytes(s), 4 * FIRST_STEP);
}
END_TEST

START_TEST(an_input_ends_where_it_or_the_stream_ends)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };
	uint8_t got[100];
	size_t n;

	sample_add_xz(&p, 300000, 100000);
	ck_no_error(codec_open(CODEC_XZ, &p.in, no_limit, &s));
	struct input in = codec_input(s, 1000, 50);

	ck_no_error(in.read(&in, 0, got, sizeof(got), &n));
	ck_assert_uint_eq(n, 50);
	ck_assert(!memcmp(got, p.plain.data + 1000, n));
	ck_no_error(in.read(&in, 50, got, sizeof(got), &n));
	ck_assert_uint_eq(n, 0);
	in = codec_input(s, 299990, 50);
	ck_no_error(in.read(&in, 0, got, sizeof(got), &n));
	ck_assert_uint_eq(n, 10);
	in = codec_input(s, UINT64_MAX - 1, 50);
	ck_no_error(in.read(&in, 0, got, sizeof(got), &n));
	ck_assert_uint_eq(n, 0);
	ck_no_error(in.read(&in, 10, got, sizeof(got), &n));
	ck_assert_uint_eq(n, 0);
}
END_TEST

/* ---- Points ------------------------------------------------------------- */

/* Open at every run of points that ends at the last one, and read to the end.
 */
static void expect_points_work(enum codec codec, struct sample *p,
			       const struct codec_point *points, size_t count)
{
	for (size_t from = 0; from < count; from++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		uint64_t begin = points[from].out_offset;
		uint64_t place = begin + (p->plain.size - begin) / 2;
		uint8_t byte;
		size_t n;

		ck_no_error(codec_open_at(codec, &p->in, no_limit,
					  points + from, count - from, &s));
		ck_assert_uint_eq(codec_tell(s), begin);
		expect_bytes(s, &p->plain, 10);
		ck_no_error(codec_seek(s, place));
		expect_rest(s, &p->plain, 40000);
		ck_no_error(codec_seek(s, begin));
		expect_rest(s, &p->plain, 40000);
		if (!begin)
			continue;
		ck_error(codec_seek(s, begin - 1), BAD_DATA, "lies before");
		struct input in = codec_input(s, 0, p->plain.size);

		if (codec_is_seekable(s))
			ck_error(in.read(&in, begin - 1, &byte, 1, &n),
				 BAD_DATA, "lies before");
	}
}

START_TEST(every_block_can_be_begun_at)
{
	CLEANUP_SAMPLE struct sample xz = { 0 }, zstd = { 0 };
	struct sample *const samples[] = { &xz, &zstd };
	static const enum codec codecs[] = { CODEC_XZ, CODEC_ZSTD };

	sample_add_xz(&xz, 500000, 120000);
	sample_add(&xz, CODEC_XZ, 1000);
	for (size_t i = 0; i < 6; i++)
		sample_add(&zstd, CODEC_ZSTD, 50000);
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		const struct codec_point *points;
		size_t count;

		ck_no_error(
			codec_open(codecs[i], &samples[i]->in, no_limit, &s));
		codec_points(s, &points, &count);
		ck_assert_uint_eq(count, 6);
		expect_points_work(codecs[i], samples[i], points, count);
	}
}
END_TEST

START_TEST(only_what_covers_the_wanted_bytes_is_decoded_from_points)
{
	CLEANUP_CODEC struct codec_stream *s = NULL, *t = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };
	const struct codec_point *points;
	size_t count, n;
	uint8_t byte;

	sample_add_xz(&p, 500000, 100000);
	ck_no_error(codec_open(CODEC_XZ, &p.in, no_limit, &s));
	codec_points(s, &points, &count);
	ck_assert_uint_eq(count, 5);
	struct counted c = { .from = p.in };
	struct input in = counted_input(&c);

	ck_no_error(codec_open_at(CODEC_XZ, &in, no_limit, points + 2, 2, &t));
	ck_assert_uint_eq(c.bytes, 0);
	ck_assert(codec_is_seekable(t));
	ck_no_error(codec_seek(t, 290000));
	expect_bytes(t, &p.plain, 110000);
	ck_assert_uint_eq(codec_decoded_bytes(t), 200000);
	// What follows is not known, and not taken for the end.
	ck_error(codec_read(t, &byte, 1, &n), BAD_DATA, "last known block");
}
END_TEST

START_TEST(a_gzip_stream_is_entered_at_its_checkpoints)
{
	static const enum codec codecs[] = { CODEC_GZIP, CODEC_ZLIB };

	for (size_t i = 0; i < 2; i++) {
		CLEANUP_CODEC struct codec_stream *s = NULL, *t = NULL;
		CLEANUP_SAMPLE struct sample p = { 0 };
		const struct codec_point *points;
		size_t count;

		for (size_t j = 0; j < 3; j++)
			sample_add(&p, codecs[i], 400000);
		ck_no_error(codec_open(codecs[i], &p.in, no_limit, &s));
		codec_set_checkpoint_bytes(s, 50000);
		expect_rest(s, &p.plain, 10000);
		codec_points(s, &points, &count);
		ck_assert_uint_gt(count, 8);
		for (size_t j = 1; j < count; j++) {
			ck_assert_uint_ge(points[j].out_offset,
					  points[j - 1].out_offset + 50000);
			ck_assert_uint_gt(points[j].in_offset,
					  points[j - 1].in_offset);
		}
		expect_points_work(codecs[i], &p, points, count);
		// With all points at hand the nearest one is used, forward and
		// back.
		ck_no_error(codec_open_at(codecs[i], &p.in, no_limit, points,
					  count, &t));
		ck_no_error(codec_seek(t, points[count - 1].out_offset));
		expect_rest(t, &p.plain, 10000);
		ck_no_error(codec_seek(t, points[3].out_offset));
		expect_bytes(t, &p.plain, 10);
		ck_assert_uint_lt(codec_decoded_bytes(t), p.plain.size / 4);
	}
}
END_TEST

START_TEST(streams_and_frames_far_enough_apart_become_points)
{
	CLEANUP_SAMPLE struct sample bzip2 = { 0 }, zstd = { 0 };
	struct sample *const samples[] = { &bzip2, &zstd };
	static const enum codec codecs[] = { CODEC_BZIP2, CODEC_ZSTD };

	for (size_t i = 0; i < 10; i++) {
		sample_add(&bzip2, CODEC_BZIP2, 20000);
		write_sample(&zstd.plain, 20000, i);
		write_zstd_unsized(zstd.plain.data + i * 20000, 20000,
				   &zstd.packed);
	}
	sample_refresh(&zstd);
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		const struct codec_point *points;
		size_t count;

		ck_no_error(
			codec_open(codecs[i], &samples[i]->in, no_limit, &s));
		codec_set_checkpoint_bytes(s, 50000);
		expect_rest(s, &samples[i]->plain, 10000);
		codec_points(s, &points, &count);
		ck_assert_uint_eq(count, 4);
		expect_points_work(codecs[i], samples[i], points, count);
	}
}
END_TEST

/* The same at each of a stream's points, and from all of them. */
static void expect_points(enum codec codec, struct sample *p,
			  const struct codec_point *points, size_t count)
{
	CLEANUP_CODEC struct codec_stream *all = NULL;

	for (size_t i = 0; i < count; i += 97) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		uint64_t at = points[i].out_offset;
		uint64_t end = i + 1 < count ? points[i + 1].out_offset
					     : p->plain.size;

		ck_no_error(codec_open_at(codec, &p->in, no_limit, &points[i],
					  1, &s));
		expect_bytes(s, &p->plain, (size_t)(end - at));
	}
	ck_no_error(
		codec_open_at(codec, &p->in, no_limit, points, count, &all));
	expect_rest(all, &p->plain, 100000);
}

START_TEST(many_tiny_frames_have_few_points)
{
	CLEANUP_SAMPLE struct sample p = { 0 };
	CLEANUP_CODEC struct codec_stream *s = NULL;
	const struct codec_point *points;
	size_t count;

	for (size_t i = 0; i < 20000; i++) {
		// Empty ones and skippable ones among them.
		sample_add(&p, CODEC_ZSTD, i % 7 ? 50 : 0);
		if (i % 100 == 0)
			ck_assert(buf_append(&p.packed,
					     "\x50\x2a\x4d\x18\1\0\0\0a", 9));
	}
	sample_refresh(&p);
	ck_no_error(codec_open(CODEC_ZSTD, &p.in, no_limit, &s));
	ck_assert(codec_is_seekable(s));
	codec_points(s, &points, &count);
	ck_assert_uint_gt(count, CODEC_SMALL_BLOCKS_MAX);
	ck_assert_uint_le(count,
			  CODEC_SMALL_BLOCKS_MAX + 1 +
				  p.plain.size / CODEC_BLOCK_MIN_OUT_BYTES);
	expect_points(CODEC_ZSTD, &p, points, count);
	expect_random_reads(CODEC_ZSTD, &p);
	// A fault in one is that of all that are together.
	p.packed.data[p.packed.size - 60] ^= 0xff;
	CLEANUP_CODEC struct codec_stream *damaged = NULL;

	ck_no_error(codec_open_at(CODEC_ZSTD, &p.in, no_limit,
				  &points[count - 1], 1, &damaged));
	CLEANUP_FREE uint8_t *got = mem_alloc(p.plain.size);
	size_t n;
	struct error *err = codec_read(damaged, got, p.plain.size, &n);

	if (!err)
		err = codec_read(damaged, got, 1, &n);
	ck_error(err, BAD_DATA, "zstd");
}
END_TEST

START_TEST(many_tiny_xz_blocks_are_read_forward)
{
	CLEANUP_SAMPLE struct sample p = { 0 };
	CLEANUP_CODEC struct codec_stream *s = NULL;
	const struct codec_point *points;
	size_t count;

	sample_add_xz(&p, 200 * (CODEC_SMALL_BLOCKS_MAX + 1), 200);
	ck_no_error(codec_open(CODEC_XZ, &p.in, no_limit, &s));
	ck_assert(!codec_is_seekable(s));
	codec_points(s, &points, &count);
	ck_assert_uint_eq(count, 1);
	expect_rest(s, &p.plain, 100000);
}
END_TEST

START_TEST(stored_bytes_are_begun_at_anywhere)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };
	struct codec_point point = { .in_offset = 777, .out_offset = 777 };

	sample_add(&p, CODEC_NONE, 5000);
	ck_no_error(codec_open_at(CODEC_NONE, &p.in, no_limit, &point, 1, &s));
	ck_assert_uint_eq(codec_tell(s), 777);
	expect_rest(s, &p.plain, 600);
	point.in_offset = 778;
	struct codec_stream *t = NULL;

	ck_error(codec_open_at(CODEC_NONE, &p.in, no_limit, &point, 1, &t),
		 BAD_DATA, "moved");
}
END_TEST

/* One way to damage a point. */
enum point_damage {
	OUTSIDE_THE_INPUT,
	STATE_CUT,
	STATE_EMPTY,
	STATE_NOISE,
	SIZE_HUGE,
	SIZE_ONE_LESS,
	SIZE_ONE_MORE,
	PACKED_SIZE_HUGE,
	CHECK_UNKNOWN,
	OUT_OFFSET_HUGE,
	OUT_OF_ORDER,
	A_GAP,
	IN_OFFSET_OFF_BY_FOUR,
	POINT_DAMAGES
};

static void damage(struct codec_point *p, enum point_damage how)
{
	switch (how) {
	case OUTSIDE_THE_INPUT:
		p->in_offset = UINT64_MAX;
		return;
	case STATE_CUT:
		p->state_size--;
		return;
	case STATE_EMPTY:
		p->state_size = 0;
		return;
	case STATE_NOISE:
		p->state[0] ^= 0xff;
		return;
	case SIZE_HUGE:
		memset(p->state + 12, 0xff, 8);
		return;
	case SIZE_ONE_LESS:
		p->state[12]--;
		return;
	case SIZE_ONE_MORE:
		p->state[12]++;
		return;
	case CHECK_UNKNOWN:
		p->state[2] = 99;
		return;
	case PACKED_SIZE_HUGE:
		memset(p->state + 4, 0xff, 8);
		return;
	case OUT_OFFSET_HUGE:
		p->out_offset = UINT64_MAX - 5;
		return;
	case OUT_OF_ORDER:
		p->out_offset = 0;
		return;
	case A_GAP:
		p->out_offset++;
		return;
	case IN_OFFSET_OFF_BY_FOUR:
		p->in_offset += 4;
		return;
	case POINT_DAMAGES:
		return;
	}
}

/* Damage the second of three points: what is then read there is right as far
 * as it goes, and ends in BAD_DATA. */
static void expect_damaged_point_fails(enum codec codec, enum point_damage how)
{
	CLEANUP_CODEC struct codec_stream *s = NULL, *t = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };
	CLEANUP_FREE uint8_t *got = mem_alloc(300001);
	CLEANUP_FREE uint8_t *state = NULL;
	const struct codec_point *points;
	struct codec_point own[3];
	size_t count, n = 0;

	if (codec == CODEC_XZ)
		sample_add_xz(&p, 300000, 75000);
	else
		sample_add(&p, codec, 150000);
	if (codec == CODEC_ZSTD)
		for (size_t j = 0; j < 3; j++)
			sample_add(&p, codec, 50000);
	ck_no_error(codec_open(codec, &p.in, no_limit, &s));
	codec_set_checkpoint_bytes(s, 40000);
	expect_rest(s, &p.plain, 10000);
	codec_points(s, &points, &count);
	ck_assert_uint_ge(count, 3);
	memcpy(own, points, sizeof(own));
	ck_assert_uint_ge(own[1].state_size, CODEC_BLOCK_STATE_BYTES);
	state = mem_dup(own[1].state, own[1].state_size);
	own[1].state = state;
	own[0].out_offset += how == OUT_OF_ORDER;
	damage(&own[1], how);
	struct error *err = codec_open_at(codec, &p.in, no_limit, own, 3, &t);

	if (!err) {
		ck_no_error(codec_seek(t, own[1].out_offset));
		err = codec_read(t, got, 300001, &n);
	}
	ck_assert(n <= 300000 - points[1].out_offset);
	// In a checkpoint that byte holds bits; only the member's end tells.
	if (codec != CODEC_GZIP || how != CHECK_UNKNOWN)
		ck_assert(!n ||
			  !memcmp(got, p.plain.data + points[1].out_offset, n));
	if (!err)
		err = codec_read(t, got, 1, &n);
	ck_assert(err != NULL);
	ck_assert_msg(error_kind(err) == ERROR_BAD_DATA, "%s",
		      error_message(err));
	error_free(err);
}

START_TEST(points_that_do_not_fit_are_bad_data)
{
	for (enum point_damage how = 0; how < POINT_DAMAGES; how++) {
		expect_damaged_point_fails(CODEC_XZ, how);
		expect_damaged_point_fails(CODEC_ZSTD, how);
		// Nothing in a gzip stream tells its offset.
		if (how != A_GAP)
			expect_damaged_point_fails(CODEC_GZIP, how);
	}
}
END_TEST

START_TEST(states_are_refused_where_none_belong)
{
	for (enum codec codec = CODEC_GZIP; codec < CODECS; codec++) {
		CLEANUP_SAMPLE struct sample p = { 0 };
		uint8_t state[CODEC_BLOCK_STATE_BYTES] = { 77 };
		struct codec_point points[2] = { { 0 },
						 { .out_offset = 10,
						   .state = state,
						   .state_size =
							   sizeof(state) } };

		sample_add(&p, codec, 1000);
		for (size_t i = 0; i < 2; i++) {
			CLEANUP_CODEC struct codec_stream *s = NULL;
			uint8_t byte;
			size_t n;
			struct error *err = codec_open_at(
				codec, &p.in, no_limit, points + i, 2 - i, &s);

			if (!err)
				err = codec_seek(s, 20);
			if (!err)
				err = codec_read(s, &byte, 1, &n);
			ck_error(err, BAD_DATA, "");
		}
	}
}
END_TEST

START_TEST(there_must_be_a_point)
{
	struct input in = input_from_memory("", 0);
	struct codec_stream *s = NULL;
	struct codec_point far = { .out_offset = UINT64_C(1) << 63 };

	ck_error(codec_open_at(CODEC_XZ, &in, no_limit, NULL, 0, &s), BAD_DATA,
		 "no point");
	ck_error(codec_open_at(CODEC_XZ, &in, no_limit, &far, 1, &s), BAD_DATA,
		 "9223372036854775808");
}
END_TEST

UNIT_MAIN("codec_random", seekable_streams_are_read_anywhere,
	  skippable_zstd_frames_are_passed_over,
	  only_streams_with_known_blocks_are_seekable,
	  skipped_blocks_are_neither_read_nor_decoded,
	  a_block_is_decoded_as_far_as_needed_and_only_once,
	  four_places_are_kept_while_a_reader_moves_on,
	  two_places_are_kept_even_of_large_blocks,
	  blocks_behind_a_reader_that_are_still_wanted_stay,
	  an_input_ends_where_it_or_the_stream_ends,
	  every_block_can_be_begun_at,
	  only_what_covers_the_wanted_bytes_is_decoded_from_points,
	  a_gzip_stream_is_entered_at_its_checkpoints,
	  streams_and_frames_far_enough_apart_become_points,
	  many_tiny_frames_have_few_points,
	  many_tiny_xz_blocks_are_read_forward,
	  stored_bytes_are_begun_at_anywhere,
	  points_that_do_not_fit_are_bad_data,
	  states_are_refused_where_none_belong, there_must_be_a_point)

/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged, lying and hostile inputs, and machines that cannot read. */
#include "config.h"

#include <zlib.h>

#include "base/reader.h"
#include "base/units.h"
#include "codec/codec_stream.h"
#include "tests/lib/codec_fixture.h"

static const uint64_t no_limit = UINT64_MAX;

/* Open and read to the end or to an error. Where the format has checks, an end
 * without one must have come behind exactly what @plain holds. */
static struct error *read_all(enum codec codec, const struct input *in,
			      const struct buf *plain)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_FREE uint8_t *got = mem_alloc(plain->size + 1);
	size_t n, more;

	TRY(codec_open(codec, in, 4 * MIB, &s));
	TRY(codec_read(s, got, plain->size + 1, &n));
	uint64_t total = n;

	do {
		uint8_t rest[4096];

		TRY(codec_read(s, rest, sizeof(rest), &more));
		total += more;
	} while (more);
	if (codec != CODEC_LZMA) {
		ck_assert_uint_eq(total, plain->size);
		ck_assert(!n || !memcmp(got, plain->data, n));
	}
	return NULL;
}

START_TEST(truncated_anywhere_is_bad_data)
{
	for (enum codec codec = CODEC_GZIP; codec < CODECS; codec++) {
		CLEANUP_SAMPLE struct sample p = { 0 };

		if (codec == CODEC_XZ)
			sample_add_xz(&p, 60000, 20000);
		else
			sample_add(&p, codec, 60000);
		ck_no_error(read_all(codec, &p.in, &p.plain));
		for (size_t i = 0; i < 120; i++) {
			struct input in = p.in;

			// Densely at both ends.
			in.size = i < 30   ? i
				  : i < 60 ? p.packed.size - (i - 29)
					   : p.packed.size * (i - 60) / 60;
			ck_error(read_all(codec, &in, &p.plain), BAD_DATA, "");
		}
	}
}
END_TEST

START_TEST(a_flipped_bit_is_an_error_or_changes_nothing)
{
	for (enum codec codec = CODEC_GZIP; codec < CODECS; codec++) {
		CLEANUP_SAMPLE struct sample p = { 0 };

		if (codec == CODEC_XZ)
			sample_add_xz(&p, 30000, 10000);
		else
			sample_add(&p, codec, 15000);
		if (codec == CODEC_ZSTD)
			sample_add(&p, codec, 15000);
		for (size_t i = 0; i < 400; i++) {
			size_t at = i < 100   ? i
				    : i < 200 ? p.packed.size - (i - 99)
					      : p.packed.size * (i - 200) / 200;

			p.packed.data[at] ^= 1 << (i % 8);
			error_free(read_all(codec, &p.in, &p.plain));
			p.packed.data[at] ^= 1 << (i % 8);
		}
	}
}
END_TEST

START_TEST(a_flipped_bit_is_an_error_or_changes_nothing_at_random)
{
	static const enum codec codecs[] = { CODEC_XZ, CODEC_ZSTD };

	for (size_t i = 0; i < 2 * 100; i++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		CLEANUP_SAMPLE struct sample p = { 0 };
		CLEANUP_FREE uint8_t *got = mem_zalloc(40000);
		enum codec codec = codecs[i / 100];

		for (size_t j = 0; j < 4; j++)
			sample_add(&p, codec, 10000);
		p.packed.data[i % 100 * p.packed.size / 100] ^= 0x10;
		ck_no_error(codec_open(codec, &p.in, no_limit, &s));
		if (!codec_is_seekable(s))
			continue;
		struct input in = codec_input(s, 0, 40000);
		struct error *err = NULL;

		for (uint64_t at = 40000; at && !err; at -= 2500)
			err = input_read_exact(&in, at - 2500, got + at - 2500,
					       2500);
		if (!err)
			ck_assert(!memcmp(got, p.plain.data, 40000));
		error_free(err);
	}
}
END_TEST

START_TEST(a_damaged_block_fails_alone_and_for_good)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };
	const struct codec_point *points;
	uint8_t got[100];
	size_t count, n;

	sample_add_xz(&p, 300000, 100000);
	ck_no_error(codec_open(CODEC_XZ, &p.in, no_limit, &s));
	codec_points(s, &points, &count);
	p.packed.data[(points[1].in_offset + points[2].in_offset) / 2] ^= 1;
	struct input in = codec_input(s, 0, 300000);

	expect_input(&in, 0, &p.plain, 100000);
	expect_input(&in, 100000, &p.plain, 1000);
	ck_error(input_read_exact(&in, 199000, got, 100), BAD_DATA, "xz: ");
	uint64_t decoded = codec_decoded_bytes(s);

	// What came before can still be read, and nothing is decoded again.
	expect_input(&in, 100000, &p.plain, 1000);
	ck_error(input_read_exact(&in, 199000, got, 100), BAD_DATA,
		 "damaged block at offset");
	ck_assert_uint_eq(codec_decoded_bytes(s), decoded);
	expect_input(&in, 200000, &p.plain, 100000);
	ck_no_error(codec_seek(s, 199000));
	ck_error(codec_read(s, got, 100, &n), BAD_DATA, "damaged block");
}
END_TEST

START_TEST(a_broken_index_leaves_the_stream_readable_forward)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };
	uint8_t byte;
	size_t n;

	sample_add_xz(&p, 300000, 100000);
	p.packed.data[p.packed.size - 20] ^= 1;
	ck_no_error(codec_open(CODEC_XZ, &p.in, no_limit, &s));
	ck_assert(!codec_is_seekable(s));
	expect_bytes(s, &p.plain, 300000);
	ck_error(codec_read(s, &byte, 1, &n), BAD_DATA, "xz: damaged near");
}
END_TEST

START_TEST(an_index_that_lies_is_found_out)
{
	static const uint64_t claims[] = {
		1,        49999,     50001,         200000,
		64 * MIB, 256 * MIB, 256 * MIB + 1, UINT64_C(1) << 62
	};

	for (size_t i = 0; i < 2 * 8; i++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		CLEANUP_SAMPLE struct sample p = { 0 };
		CLEANUP_BUF struct buf lie = BUF_INIT;
		CLEANUP_FREE uint8_t *got = mem_alloc(100001);
		uint64_t claim = claims[i / 2];
		bool has_sizes = i % 2; /* in the block headers */
		size_t n;

		if (has_sizes)
			sample_add_xz(&p, 100000, 50000);
		else
			sample_add(&p, CODEC_XZ, 50000);
		write_xz_lie(&p.packed, 0, claim, &lie);
		struct input in = input_from_memory(lie.data, lie.size);

		ck_no_error(codec_open(CODEC_XZ, &in, no_limit, &s));
		ck_assert(codec_is_seekable(s) ==
			  (claim <= (has_sizes ? 256 : 64) * MIB));
		struct error *err = codec_read(s, got, 100001, &n);

		ck_assert_uint_le(n, p.plain.size);
		ck_assert(!n || !memcmp(got, p.plain.data, n));
		if (!err)
			err = codec_read(s, got, 1, &n);
		ck_error(err, BAD_DATA, "xz: ");
	}
}
END_TEST

START_TEST(blocks_too_large_to_hold_are_read_forward)
{
	static const struct {
		uint64_t mib[2];
		bool is_seekable;
	} rows[] = {
		{ { 64, 0 }, true },   { { 65, 0 }, false },
		{ { 65, 65 }, true },  { { 256, 1 }, true },
		{ { 257, 1 }, false },
	};

	for (size_t i = 0; i < 5; i++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		CLEANUP_BUF struct buf zeros = BUF_INIT;
		uint64_t total = (rows[i].mib[0] + rows[i].mib[1]) * MIB;
		uint8_t got[100];
		size_t n;

		for (size_t j = 0; j < 2; j++)
			if (rows[i].mib[j])
				write_zstd_zeros(rows[i].mib[j] * MIB, false,
						 &zeros);
		struct input in = input_from_memory(zeros.data, zeros.size);

		ck_no_error(codec_open(CODEC_ZSTD, &in, no_limit, &s));
		ck_assert(codec_is_seekable(s) == rows[i].is_seekable);
		ck_no_error(codec_skip(s, 50 * MIB));
		ck_no_error(codec_read(s, got, sizeof(got), &n));
		ck_assert_uint_eq(n, sizeof(got));
		if (!rows[i].mib[1])
			continue;
		ck_no_error(codec_seek(s, total - 50));
		ck_no_error(codec_read(s, got, sizeof(got), &n));
		ck_assert_uint_eq(n, 50);
	}
}
END_TEST

START_TEST(a_bomb_stops_at_the_limit)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_BUF struct buf zeros = BUF_INIT;
	uint8_t byte;
	size_t n;

	write_zstd_zeros(10 * GIB, false, &zeros);
	struct input in = input_from_memory(zeros.data, zeros.size);

	ck_no_error(codec_open(CODEC_ZSTD, &in, 5 * MIB, &s));
	ck_no_error(codec_skip(s, 9 * GIB));
	ck_error(codec_read(s, &byte, 1, &n), LIMIT, "5242880 bytes");
	ck_assert_uint_lt(codec_decoded_bytes(s), 6 * MIB);
}
END_TEST

/* Where a block header with one filter has that filter's ID, and its only
 * property, the size of its dictionary. */
enum { XZ_FILTER = 2, XZ_DICTIONARY = 4 };

/* Change the first block's header, and make its CRC right. */
static void change_xz_header(struct sample *p, size_t at, uint8_t value)
{
	uint8_t *header = p->packed.data + 12;
	size_t size = (header[0] + 1u) * 4;

	ck_assert_uint_eq(header[XZ_FILTER], 0x21);
	header[at] = value;
	uint32_t crc = (uint32_t)crc32(0, header, (uInt)size - 4);

	for (size_t i = 0; i < 4; i++)
		header[size - 4 + i] = (uint8_t)(crc >> (8 * i));
}

START_TEST(unknown_filters_are_unsupported)
{
	CLEANUP_SAMPLE struct sample p = { 0 };

	sample_add(&p, CODEC_XZ, 1000);
	change_xz_header(&p, XZ_FILTER, 0x7e);
	ck_error(read_all(CODEC_XZ, &p.in, &p.plain), UNSUPPORTED, "filters");
}
END_TEST

START_TEST(decoders_that_need_too_much_memory_are_refused)
{
	CLEANUP_SAMPLE struct sample xz = { 0 }, forward = { 0 }, lzma = { 0 },
				     zstd = { 0 };

	sample_add(&xz, CODEC_XZ, 1000);
	// 1.5 GiB.
	change_xz_header(&xz, XZ_DICTIONARY, 37);
	ck_error(read_all(CODEC_XZ, &xz.in, &xz.plain), LIMIT, "256 MiB");
	sample_add(&forward, CODEC_XZ, 1000);
	change_xz_header(&forward, XZ_DICTIONARY, 37);
	forward.packed.data[forward.packed.size - 1] = 'X';
	ck_error(read_all(CODEC_XZ, &forward.in, &forward.plain), LIMIT,
		 "256 MiB");
	sample_add(&lzma, CODEC_LZMA, 1000);
	memcpy(lzma.packed.data + 1, "\0\0\0\x40", 4);
	ck_error(read_all(CODEC_LZMA, &lzma.in, &lzma.plain), LIMIT, "256 MiB");
	write_zstd_zeros(300 * MIB, true, &zstd.packed);
	sample_refresh(&zstd);
	ck_error(read_all(CODEC_ZSTD, &zstd.in, &zstd.plain), LIMIT, "256 MiB");
}
END_TEST

START_TEST(a_tail_of_zeros_or_of_streams_does_not_take_for_ever)
{
	CLEANUP_SAMPLE struct sample zeros = { 0 }, streams = { 0 };
	CLEANUP_CODEC struct codec_stream *s = NULL, *t = NULL;
	size_t size = 4 * MIB;

	sample_add(&zeros, CODEC_XZ, 1000);
	memset(buf_reserve(&zeros.packed, size), 0, size);
	buf_commit(&zeros.packed, size);
	sample_refresh(&zeros);
	ck_no_error(codec_open(CODEC_XZ, &zeros.in, no_limit, &s));
	ck_assert(!codec_is_seekable(s));
	expect_rest(s, &zeros.plain, 600);
	sample_add(&streams, CODEC_XZ, 10);
	CLEANUP_BUF struct buf empty = BUF_INIT;

	write_codec(CODEC_XZ, "", 0, &empty);
	for (size_t i = 0; i < 5000; i++)
		ck_assert(buf_append(&streams.packed, empty.data, empty.size));
	sample_refresh(&streams);
	ck_no_error(codec_open(CODEC_XZ, &streams.in, no_limit, &t));
	ck_assert(!codec_is_seekable(t));
	expect_rest(t, &streams.plain, 600);
}
END_TEST

/* ---- The machine --------------------------------------------------------- */

/* An input whose reads fail from @fail_from on. */
struct faulty {
	struct input from;
	unsigned reads;
	unsigned fail_from; /* counted from 1; 0: never */
	uint64_t real_size; /* it ends here, whatever was said */
};

static struct error *read_faulty(struct input *in, uint64_t offset, void *buf,
				 size_t size, size_t *size_ret)
{
	struct faulty *f = in->ctx;

	*size_ret = 0;
	if (f->fail_from && ++f->reads >= f->fail_from)
		return error_new(IO, "disk gone at %llu",
				 (unsigned long long)offset);
	f->from.size = f->real_size;
	return f->from.read(&f->from, offset, buf, size, size_ret);
}

static struct input faulty_input(struct faulty *f)
{
	return (struct input) { .read = read_faulty,
				.size = f->from.size,
				.ctx = f };
}

START_TEST(a_disk_that_fails_is_an_io_error_and_can_be_tried_again)
{
	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		CLEANUP_SAMPLE struct sample p = { 0 };
		bool failed = true;

		sample_add(&p, codec, 300000);
		if (codec == CODEC_XZ)
			sample_add_xz(&p, 300000, 100000);
		for (unsigned i = 1; failed; i++) {
			CLEANUP_CODEC struct codec_stream *s = NULL;
			struct faulty f = { .from = p.in,
					    .fail_from = i,
					    .real_size = p.in.size };
			struct input in = faulty_input(&f);
			CLEANUP_FREE uint8_t *got = mem_alloc(p.plain.size);
			size_t n = 0;
			struct error *err =
				codec_open(codec, &in, no_limit, &s);

			if (!err)
				err = codec_read(s, got, p.plain.size, &n);
			if (!err && n < p.plain.size)
				err = codec_read(s, got, 1, &n);
			failed = err != NULL;
			ck_assert(failed == (f.reads >= i));
			if (failed)
				ck_error(err, IO, "disk gone");
			f.fail_from = 0;
			if (s && failed) {
				ck_no_error(codec_seek(s, 1));
				ck_no_error(codec_seek(s, 0));
				expect_rest(s, &p.plain, 50000);
			}
		}
	}
}
END_TEST

START_TEST(an_input_shorter_than_it_says_is_truncated)
{
	for (enum codec codec = CODEC_GZIP; codec < CODECS; codec++) {
		CLEANUP_SAMPLE struct sample p = { 0 };

		sample_add(&p, codec, 3000);
		struct faulty f = { .from = p.in, .real_size = p.in.size / 2 };
		struct input in = faulty_input(&f);

		ck_error(read_all(codec, &in, &p.plain), BAD_DATA, "");
	}
}
END_TEST

UNIT_MAIN("codec_damage", truncated_anywhere_is_bad_data,
	  a_flipped_bit_is_an_error_or_changes_nothing,
	  a_flipped_bit_is_an_error_or_changes_nothing_at_random,
	  a_damaged_block_fails_alone_and_for_good,
	  a_broken_index_leaves_the_stream_readable_forward,
	  an_index_that_lies_is_found_out,
	  blocks_too_large_to_hold_are_read_forward, a_bomb_stops_at_the_limit,
	  unknown_filters_are_unsupported,
	  decoders_that_need_too_much_memory_are_refused,
	  a_tail_of_zeros_or_of_streams_does_not_take_for_ever,
	  a_disk_that_fails_is_an_io_error_and_can_be_tried_again,
	  an_input_shorter_than_it_says_is_truncated)

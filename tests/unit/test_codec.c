/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "codec/codec.h"
#include "tests/lib/codec_writer.h"
#include "tests/unit/unit.h"

static const uint64_t no_limit = UINT64_MAX;

/* A sample, compressed. */
struct packed {
	struct buf plain;
	struct buf packed;
	struct input in;
};

static void pack(struct packed *p, enum codec codec, size_t size)
{
	*p = (struct packed) { 0 };
	write_sample(&p->plain, size, (uint64_t)codec + 1);
	write_codec(codec, p->plain.data, p->plain.size, &p->packed);
	p->in = input_from_memory(p->packed.data, p->packed.size);
}

static void unpack(struct packed *p)
{
	buf_deinit(&p->plain);
	buf_deinit(&p->packed);
}

/* Read on and compare with @plain from the stream's place to its end. */
static void expect_rest(struct codec_stream *s, const struct buf *plain,
			size_t step)
{
	CLEANUP_FREE uint8_t *got = mem_alloc(step);

	for (;;) {
		uint64_t at = codec_tell(s);
		size_t n;

		ck_no_error(codec_read(s, got, step, &n));
		ck_assert_uint_eq(codec_tell(s), at + n);
		if (!n)
			break;
		ck_assert_uint_le(at + n, plain->size);
		ck_assert(!memcmp(got, plain->data + at, n));
	}
	ck_assert_uint_eq(codec_tell(s), plain->size);
}

START_TEST(every_codec_gives_back_what_was_packed)
{
	static const size_t sizes[] = { 0, 1, 5000, 700001 };
	static const size_t steps[] = { 512, 10000, 1 << 20 };

	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++)
		for (size_t i = 0; i < 4; i++) {
			struct packed p;

			pack(&p, codec, sizes[i]);
			for (size_t j = 0; j < 3; j++) {
				CLEANUP_CODEC struct codec_stream *s = NULL;

				ck_no_error(
					codec_open(codec, &p.in, no_limit, &s));
				expect_rest(s, &p.plain, steps[j]);
			}
			unpack(&p);
		}
}
END_TEST

START_TEST(every_codec_skips_and_reads_on)
{
	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		struct packed p;
		uint8_t byte;
		size_t n;

		pack(&p, codec, 300000);
		ck_no_error(codec_open(codec, &p.in, no_limit, &s));
		ck_no_error(codec_skip(s, 12345));
		ck_no_error(codec_read(s, &byte, 1, &n));
		ck_assert_uint_eq(n, 1);
		ck_assert_uint_eq(byte, p.plain.data[12345]);
		ck_no_error(codec_skip(s, 200000));
		expect_rest(s, &p.plain, 4096);
		ck_no_error(codec_skip(s, UINT64_MAX));
		ck_no_error(codec_read(s, &byte, 1, &n));
		ck_assert_uint_eq(n, 0);
		unpack(&p);
	}
}
END_TEST

START_TEST(the_first_bytes_tell_the_codec)
{
	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		struct packed p;

		pack(&p, codec, 1000);
		// Two bytes of zlib prove nothing.
		if (codec != CODEC_ZLIB)
			ck_assert_int_eq(codec_detect(p.packed.data, 13),
					 codec);
		ck_assert_int_eq(codec_detect(p.packed.data, 1), CODEC_NONE);
		unpack(&p);
	}
	static const uint8_t zeros[512];

	ck_assert_int_eq(codec_detect(zeros, sizeof(zeros)), CODEC_NONE);
	ck_assert_int_eq(codec_detect((const uint8_t *)"\x7f"
						       "ELF\2\1\1",
				      8),
			 CODEC_NONE);
	ck_assert_int_eq(codec_detect(zeros, 0), CODEC_NONE);
}
END_TEST

START_TEST(the_limit_is_exact)
{
	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		CLEANUP_CODEC struct codec_stream *t = NULL;
		struct packed p;
		uint8_t got[10000];
		size_t n;

		pack(&p, codec, sizeof(got));
		ck_no_error(codec_open(codec, &p.in, sizeof(got), &s));
		expect_rest(s, &p.plain, sizeof(got));
		ck_no_error(codec_open(codec, &p.in, sizeof(got) - 1, &t));
		ck_no_error(codec_read(t, got, sizeof(got), &n));
		ck_assert_uint_eq(n, sizeof(got) - 1);
		ck_error(codec_read(t, got, 1, &n), LIMIT, "9999 bytes");
		ck_error(codec_read(t, got, 1, &n), LIMIT, "9999 bytes");
		unpack(&p);
	}
}
END_TEST

START_TEST(a_packed_blob_comes_back)
{
	CLEANUP_BUF struct buf plain = BUF_INIT, packed = BUF_INIT,
			       back = BUF_INIT;

	write_sample(&plain, 40000, 1);
	ck_no_error(codec_pack(plain.data, plain.size, &packed));
	ck_assert_uint_lt(packed.size, plain.size);
	ck_no_error(codec_unpack(packed.data, packed.size, 40000, &back));
	ck_assert_uint_eq(back.size, plain.size);
	ck_assert(!memcmp(back.data, plain.data, plain.size));
	ck_error(codec_unpack(packed.data, packed.size, 39999, &back), LIMIT,
		 "40000");
	ck_error(codec_unpack(packed.data, packed.size - 1, 40000, &back),
		 BAD_DATA, "blob");
	ck_error(codec_unpack("x", 1, 40000, &back), BAD_DATA, "blob");
	ck_assert_uint_eq(back.size, plain.size);
}
END_TEST

START_TEST(an_empty_blob_comes_back)
{
	CLEANUP_BUF struct buf packed = BUF_INIT, back = BUF_INIT;

	ck_no_error(codec_pack(NULL, 0, &packed));
	ck_no_error(codec_unpack(packed.data, packed.size, 0, &back));
	ck_assert_uint_eq(back.size, 0);
}
END_TEST

UNIT_MAIN("codec", every_codec_gives_back_what_was_packed,
	  every_codec_skips_and_reads_on, the_first_bytes_tell_the_codec,
	  the_limit_is_exact, a_packed_blob_comes_back,
	  an_empty_blob_comes_back)

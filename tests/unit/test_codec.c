/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/lib/codec_fixture.h"

static const uint64_t no_limit = UINT64_MAX;

START_TEST(every_codec_gives_back_what_was_packed)
{
	static const size_t sizes[] = { 0, 1, 5000, 700001 };
	static const size_t steps[] = { 512, 10000, 1 << 20 };

	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++)
		for (size_t i = 0; i < 4; i++) {
			CLEANUP_SAMPLE struct sample p = { 0 };

			sample_add(&p, codec, sizes[i]);
			for (size_t j = 0; j < 3; j++) {
				CLEANUP_CODEC struct codec_stream *s = NULL;

				ck_no_error(
					codec_open(codec, &p.in, no_limit, &s));
				expect_rest(s, &p.plain, steps[j]);
			}
		}
}
END_TEST

START_TEST(every_codec_skips_and_reads_on)
{
	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		CLEANUP_SAMPLE struct sample p = { 0 };
		uint8_t byte;
		size_t n;

		sample_add(&p, codec, 300000);
		ck_no_error(codec_open(codec, &p.in, no_limit, &s));
		ck_no_error(codec_skip(s, 12345));
		expect_bytes(s, &p.plain, 1);
		ck_no_error(codec_skip(s, 200000));
		expect_rest(s, &p.plain, 4096);
		ck_no_error(codec_skip(s, UINT64_MAX));
		ck_no_error(codec_read(s, &byte, 1, &n));
		ck_assert_uint_eq(n, 0);
	}
}
END_TEST

START_TEST(every_codec_goes_back_when_asked)
{
	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		CLEANUP_SAMPLE struct sample p = { 0 };

		sample_add(&p, codec, 100000);
		ck_no_error(codec_open(codec, &p.in, no_limit, &s));
		expect_bytes(s, &p.plain, 60000);
		ck_no_error(codec_seek(s, 777));
		expect_rest(s, &p.plain, 8192);
		ck_no_error(codec_seek(s, 0));
		expect_rest(s, &p.plain, 8192);
	}
}
END_TEST

START_TEST(what_is_concatenated_is_read_as_one)
{
	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		CLEANUP_SAMPLE struct sample p = { 0 };

		// .lzma knows nothing of a second stream.
		if (codec == CODEC_LZMA)
			continue;
		for (size_t i = 0; i < 5; i++)
			sample_add(&p, codec, i * 10000);
		ck_no_error(codec_open(codec, &p.in, no_limit, &s));
		expect_rest(s, &p.plain, 7000);
	}
}
END_TEST

START_TEST(zeros_behind_the_end_are_padding_other_bytes_are_not)
{
	static const enum codec codecs[] = { CODEC_GZIP, CODEC_ZLIB, CODEC_XZ,
					     CODEC_BZIP2 };
	static const uint8_t zeros[300000];
	uint8_t got[1001];
	size_t n;

	for (size_t i = 0; i < 4; i++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		CLEANUP_CODEC struct codec_stream *t = NULL;
		CLEANUP_SAMPLE struct sample p = { 0 };

		sample_add(&p, codecs[i], 1000);
		ck_assert(buf_append(&p.packed, zeros, sizeof(zeros)));
		sample_refresh(&p);
		ck_no_error(codec_open(codecs[i], &p.in, no_limit, &s));
		expect_rest(s, &p.plain, 600);
		ck_assert(buf_append(&p.packed, "junk", 4));
		sample_refresh(&p);
		ck_no_error(codec_open(codecs[i], &p.in, no_limit, &t));
		ck_no_error(codec_read(t, got, sizeof(got), &n));
		ck_assert_uint_eq(n, 1000);
		ck_assert(!memcmp(got, p.plain.data, n));
		ck_error(codec_read(t, got, sizeof(got), &n), BAD_DATA,
			 codec_name(codecs[i]));
	}
}
END_TEST

START_TEST(all_parts_of_a_gzip_header_are_stepped_over_and_checked)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_CODEC struct codec_stream *t = NULL;
	CLEANUP_CODEC struct codec_stream *u = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };
	uint8_t byte;
	size_t n;

	write_sample(&p.plain, 1000, 1);
	write_gzip_decorated(p.plain.data, p.plain.size, &p.packed);
	sample_refresh(&p);
	ck_no_error(codec_open(CODEC_GZIP, &p.in, no_limit, &s));
	expect_rest(s, &p.plain, 600);
	p.packed.data[14] ^= 1; /* in the extra field */
	ck_no_error(codec_open(CODEC_GZIP, &p.in, no_limit, &t));
	ck_error(codec_read(t, &byte, 1, &n), BAD_DATA, "header checksum");
	p.packed.data[3] |= 0x20;
	ck_no_error(codec_open(CODEC_GZIP, &p.in, no_limit, &u));
	ck_error(codec_read(u, &byte, 1, &n), BAD_DATA, "header flags");
}
END_TEST

START_TEST(a_preset_zlib_dictionary_is_refused)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	struct input in = input_from_memory("\x78\xbb....", 6);
	uint8_t byte;
	size_t n;

	ck_no_error(codec_open(CODEC_ZLIB, &in, no_limit, &s));
	ck_error(codec_read(s, &byte, 1, &n), UNSUPPORTED, "dictionary");
}
END_TEST

START_TEST(an_empty_input_is_truncated)
{
	for (enum codec codec = CODEC_GZIP; codec < CODECS; codec++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		struct input in = input_from_memory("", 0);
		uint8_t byte;
		size_t n;

		ck_no_error(codec_open(codec, &in, no_limit, &s));
		ck_error(codec_read(s, &byte, 1, &n), BAD_DATA, "truncated");
		ck_error(codec_read(s, &byte, 1, &n), BAD_DATA, "damage");
	}
}
END_TEST

START_TEST(good_bytes_come_before_the_error)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };
	CLEANUP_FREE uint8_t *got = mem_alloc(20000);
	size_t n;

	sample_add(&p, CODEC_GZIP, 20000);
	p.in.size = p.packed.size / 2;
	ck_no_error(codec_open(CODEC_GZIP, &p.in, no_limit, &s));
	ck_no_error(codec_read(s, got, 20000, &n));
	ck_assert_uint_gt(n, 1000);
	ck_assert(!memcmp(got, p.plain.data, n));
	ck_error(codec_read(s, got, 20000, &n), BAD_DATA,
		 "gzip: truncated: the compressed data end at offset");
}
END_TEST

START_TEST(an_unknown_codec_is_refused)
{
	struct input in = input_from_memory("", 0);
	struct codec_stream *s = NULL;

	ck_error(codec_open((enum codec)CODECS, &in, 0, &s), UNSUPPORTED,
		 "compression");
	ck_assert_str_eq(codec_name((enum codec)CODECS), "unknown");
	ck_assert_str_eq(codec_name(CODEC_NONE), "none");
	ck_assert_str_eq(codec_name(CODEC_ZSTD), "zstd");
}
END_TEST

START_TEST(the_first_bytes_tell_the_codec)
{
	static const uint8_t zeros[512];

	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		CLEANUP_SAMPLE struct sample p = { 0 };

		sample_add(&p, codec, 1000);
		// Two bytes of zlib prove nothing.
		if (codec != CODEC_ZLIB)
			ck_assert_int_eq(codec_detect(p.packed.data, 13),
					 codec);
		ck_assert_int_eq(codec_detect(p.packed.data, 1), CODEC_NONE);
	}
	ck_assert_int_eq(codec_detect(zeros, sizeof(zeros)), CODEC_NONE);
	ck_assert_int_eq(codec_detect((const uint8_t *)"\x7f"
						       "ELF\2\1\1",
				      8),
			 CODEC_NONE);
	ck_assert_int_eq(codec_detect((const uint8_t *)"07070100000000", 14),
			 CODEC_NONE);
	ck_assert_int_eq(codec_detect(zeros, 0), CODEC_NONE);
}
END_TEST

START_TEST(the_limit_is_exact)
{
	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		CLEANUP_CODEC struct codec_stream *t = NULL;
		CLEANUP_SAMPLE struct sample p = { 0 };
		uint8_t got[10000];
		size_t n;

		sample_add(&p, codec, sizeof(got));
		ck_no_error(codec_open(codec, &p.in, sizeof(got), &s));
		expect_rest(s, &p.plain, 512);
		ck_no_error(codec_open(codec, &p.in, sizeof(got) - 1, &t));
		expect_bytes(t, &p.plain, sizeof(got) - 1);
		ck_error(codec_read(t, got, 1, &n), LIMIT, "9999 bytes");
		ck_error(codec_read(t, got, 1, &n), LIMIT, "9999 bytes");
	}
}
END_TEST

START_TEST(what_is_skipped_by_decoding_counts_towards_the_limit)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_SAMPLE struct sample p = { 0 };
	uint8_t byte;
	size_t n;

	sample_add(&p, CODEC_GZIP, 100000);
	ck_no_error(codec_open(CODEC_GZIP, &p.in, 50000, &s));
	ck_no_error(codec_skip(s, 50001));
	ck_error(codec_read(s, &byte, 1, &n), LIMIT, "50000 bytes");
}
END_TEST

/* Open and read all, with every allocation of ours failing in turn. */
START_TEST(running_out_of_memory_is_an_error_wherever_it_happens)
{
	for (enum codec codec = CODEC_NONE; codec < CODECS; codec++) {
		CLEANUP_SAMPLE struct sample p = { 0 };
		CLEANUP_FREE uint8_t *got = mem_alloc(200000);
		bool failed = true;

		sample_add(&p, codec, 200000);
		for (unsigned long i = 1; failed; i++) {
			CLEANUP_CODEC struct codec_stream *s = NULL;
			size_t n = 1;

			mem_fail_at(i);
			struct error *err =
				codec_open(codec, &p.in, no_limit, &s);

			if (!err)
				err = codec_read(s, got, 1000, &n);
			if (!err)
				err = codec_read(s, got, 200000, &n);
			if (!err)
				err = codec_read(s, got, 1, &n);
			failed = mem_fail_happened();
			mem_fail_at(0);
			ck_assert(failed == (err == error_no_memory));
			error_free(err);
		}
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

START_TEST(a_text_for_others_comes_back_from_gzip)
{
	for (size_t size = 0; size <= 200000; size = size * 7 + 1) {
		CLEANUP_SAMPLE struct sample p = { 0 };
		CLEANUP_CODEC struct codec_stream *s = NULL;

		write_sample(&p.plain, size, size);
		mem_fail_at(1);
		ck_assert_ptr_eq(codec_gzip(p.plain.data, size, &p.packed),
				 error_no_memory);
		mem_fail_at(0);
		buf_clear(&p.packed);
		ck_no_error(codec_gzip(p.plain.data, size, &p.packed));
		sample_refresh(&p);
		ck_no_error(codec_open(CODEC_GZIP, &p.in, no_limit, &s));
		expect_rest(s, &p.plain, 4096);
	}
}
END_TEST

START_TEST(packing_without_memory_is_an_error)
{
	CLEANUP_BUF struct buf packed = BUF_INIT, back = BUF_INIT;

	mem_fail_at(1);
	ck_assert_ptr_eq(codec_pack("x", 1, &packed), error_no_memory);
	buf_clear(&packed);
	ck_no_error(codec_pack("x", 1, &packed));
	mem_fail_at(1);
	ck_assert_ptr_eq(codec_unpack(packed.data, packed.size, 1, &back),
			 error_no_memory);
	mem_fail_at(0);
}
END_TEST

/* Or says that it cannot: then what reads it says why. */
START_TEST(a_zlib_stream_is_decoded_whole_or_not_at_all)
{
	static const size_t sizes[] = { 0, 1, 5000, 700001 };

	for (size_t i = 0; i < 4; i++) {
		CLEANUP_SAMPLE struct sample p = { 0 };
		CLEANUP_FREE uint8_t *out = mem_alloc(sizes[i] + 1);

		sample_add(&p, CODEC_ZLIB, sizes[i]);
		ck_assert_ptr_nonnull(out);
#ifdef HAVE_LIBDEFLATE
		ck_assert(codec_whole_zlib(p.packed.data, p.packed.size, out,
					   sizes[i]));
		ck_assert_mem_eq(out, p.plain.data, sizes[i]);
#endif
		ck_assert(!codec_whole_zlib(p.packed.data, p.packed.size - 1,
					    out, sizes[i]));
		ck_assert(!codec_whole_zlib(p.packed.data, p.packed.size, out,
					    sizes[i] + 1));
		ck_assert(!sizes[i] ||
			  !codec_whole_zlib(p.packed.data, p.packed.size, out,
					    sizes[i] - 1));
		p.packed.data[p.packed.size - 1] ^= 1; // of the checksum
		ck_assert(!codec_whole_zlib(p.packed.data, p.packed.size, out,
					    sizes[i]));
		ck_assert_uint_eq(codec_whole_zlib(NULL, 0, out, sizes[i]), 0);
	}
}
END_TEST

UNIT_MAIN("codec", every_codec_gives_back_what_was_packed,
	  every_codec_skips_and_reads_on, every_codec_goes_back_when_asked,
	  what_is_concatenated_is_read_as_one,
	  zeros_behind_the_end_are_padding_other_bytes_are_not,
	  all_parts_of_a_gzip_header_are_stepped_over_and_checked,
	  a_preset_zlib_dictionary_is_refused, an_empty_input_is_truncated,
	  good_bytes_come_before_the_error, an_unknown_codec_is_refused,
	  the_first_bytes_tell_the_codec, the_limit_is_exact,
	  what_is_skipped_by_decoding_counts_towards_the_limit,
	  running_out_of_memory_is_an_error_wherever_it_happens,
	  a_packed_blob_comes_back, an_empty_blob_comes_back,
	  a_text_for_others_comes_back_from_gzip,
	  packing_without_memory_is_an_error,
	  a_zlib_stream_is_decoded_whole_or_not_at_all)

/* SPDX-License-Identifier: Apache-2.0 */
/* Our own decoder of LZMA2, held against liblzma's. */
#include "config.h"

#include "codec/codec_lzma.h"
#include "codec/codec_stream.h"
#include "tests/lib/codec_fixture.h"

enum { SAMPLE = 70000, HOSTILE = 3000 };

/* ---- Blocks of .xz ------------------------------------------------------ */

static void pack(const struct buf *plain, lzma_filter *filters,
		 lzma_check check, struct buf *ret)
{
	size_t bound = lzma_stream_buffer_bound(plain->size) + 1024, at = 0;
	CLEANUP_FREE uint8_t *to = mem_alloc(bound);

	ck_assert_int_eq(lzma_stream_buffer_encode(filters, check, NULL,
						   plain->data, plain->size, to,
						   &at, bound),
			 LZMA_OK);
	ck_assert(buf_append(ret, to, at));
}

/* Words, then what does not compress, then words again, then one byte: chunks
 * of all kinds, short and long distances. */
static void write_mixture(struct buf *out, size_t size)
{
	uint64_t x = 88172645463325252U;

	ck_assert(buf_reserve(out, size + 1)); /* it is appended to itself */
	write_sample(out, size / 3, 1);
	for (size_t i = 0; i < size / 3; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		ck_assert(buf_append_byte(out, (uint8_t)x));
	}
	ck_assert(buf_append(out, out->data, size / 6));
	while (out->size < size)
		ck_assert(buf_append_byte(out, 'a'));
}

/* Decode the first block in pieces of @step bytes, and its end. */
static struct error *decode_block(struct codec_stream *s, size_t step,
				  uint8_t *to, size_t *size_ret, bool *ours_ret)
{
	struct codec_decoder d = { .backend = s->backend, .stream = s };
	const struct codec_block *b = &s->blocks.v[0];
	const struct codec_point p = { .in_offset = b->in_offset };
	struct error *err = codec_decoder_begin(&d, &p, b);
	size_t n = step;

	*size_ret = 0;
	*ours_ret = !err && ((struct unlzma *)d.state)->is_ours;
	while (!err && n) {
		err = codec_decoder_read(&d, to + *size_ret, step, &n);
		*size_ret += n;
	}
	codec_decoder_deinit(&d);
	return err;
}

static void expect_block(const struct buf *plain, const struct buf *packed,
			 size_t step, bool is_ours)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	CLEANUP_FREE uint8_t *got = mem_alloc(plain->size + step);
	struct input in = input_from_memory(packed->data, packed->size);
	size_t size;
	bool ours;

	ck_no_error(codec_open(CODEC_XZ, &in, UINT64_MAX, &s));
	ck_assert_uint_eq(s->blocks.count, 1);
	ck_no_error(decode_block(s, step, got, &size, &ours));
	ck_assert_uint_eq(size, plain->size);
	ck_assert(!memcmp(got, plain->data, size));
	ck_assert_int_eq(ours, is_ours);
}

START_TEST(any_settings_decode_to_the_same_bytes)
{
	static const size_t steps[] = { 1, 13, 4096, SAMPLE };
	CLEANUP_BUF struct buf plain = BUF_INIT;
	lzma_options_lzma o;
	size_t n = 0;

	write_mixture(&plain, SAMPLE);
	for (uint32_t lc = 0; lc <= 4; lc++) {
		for (uint32_t lp = 0; lc + lp <= 4; lp++) {
			CLEANUP_BUF struct buf packed = BUF_INIT;
			lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &o },
						  { LZMA_VLI_UNKNOWN, NULL } };

			ck_assert(!lzma_lzma_preset(&o, n % 7));
			o.lc = lc;
			o.lp = lp;
			o.pb = (uint32_t)(n % 5);
			o.dict_size = n % 2 ? 4096 : 1 << 16;
			pack(&plain, filters, LZMA_CHECK_CRC32, &packed);
			expect_block(
				&plain, &packed,
				steps[n++ % (sizeof(steps) / sizeof(*steps))],
				true);
		}
	}
}
END_TEST

START_TEST(other_filters_and_checks_are_left_to_liblzma)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;
	lzma_options_lzma o;
	lzma_filter alone[] = { { LZMA_FILTER_LZMA2, &o },
				{ LZMA_VLI_UNKNOWN, NULL } };
	lzma_filter chain[] = { { LZMA_FILTER_X86, NULL },
				{ LZMA_FILTER_LZMA2, &o },
				{ LZMA_VLI_UNKNOWN, NULL } };
	const struct {
		lzma_filter *filters;
		lzma_check check;
		bool is_ours;
	} t[] = {
		{ alone, LZMA_CHECK_NONE, true },
		{ alone, LZMA_CHECK_CRC32, true },
		{ alone, LZMA_CHECK_CRC64, true },
		{ alone, LZMA_CHECK_SHA256, false },
		{ chain, LZMA_CHECK_CRC64, false },
	};

	ck_assert(!lzma_lzma_preset(&o, 1));
	write_mixture(&plain, SAMPLE);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		CLEANUP_BUF struct buf packed = BUF_INIT;

		pack(&plain, t[i].filters, t[i].check, &packed);
		expect_block(&plain, &packed, 1000, t[i].is_ours);
	}
}
END_TEST

START_TEST(a_wrong_check_or_padding_is_found_with_the_last_byte)
{
	CLEANUP_SAMPLE struct sample p = { 0 };
	uint8_t got[1001];
	size_t size, at;
	bool ours;

	sample_add(&p, CODEC_XZ, 1000);
	CLEANUP_CODEC struct codec_stream *s = NULL;

	ck_no_error(codec_open(CODEC_XZ, &p.in, UINT64_MAX, &s));
	const struct codec_block *b = &s->blocks.v[0];

	/* The CRC64, and the byte before it, which is padding or the mark. */
	at = (size_t)(b->in_offset + (b->in_size + 3) / 4 * 4);
	for (size_t i = 1; i <= 9; i++) {
		p.packed.data[at - i] ^= 0x10;
		ck_error(decode_block(s, 1001, got, &size, &ours), BAD_DATA,
			 "xz: damaged near");
		p.packed.data[at - i] ^= 0x10;
	}
	ck_no_error(decode_block(s, 1001, got, &size, &ours));
}
END_TEST

/* ---- Bare LZMA2 --------------------------------------------------------- */

/* All of it: @p size bytes and the mark behind them. */
static struct error *unpack(const uint8_t *data, size_t data_size,
			    uint32_t dictionary, uint8_t *to, size_t size)
{
	struct codec_stream s = { .in = input_from_memory(data, data_size) };
	struct codec_decoder d = { .stream = &s };
	struct lzma2 *z = lzma2_create();
	bool is_ended = false;
	size_t got;

	codec_source_init(&d.src, &s.in);
	lzma2_begin(z, dictionary, data_size);
	struct error *err = lzma2_decode(z, &d, to, size, &got);

	if (!err)
		err = lzma2_take_end(z, &d, &is_ended);
	if (!err && (!is_ended || got != size))
		err = error_new(BAD_DATA, "another size");
	codec_source_deinit(&d.src);
	lzma2_destroy(z);
	return err;
}

static void expect_as_liblzma(const struct buf *packed, lzma_options_lzma *o,
			      size_t size)
{
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, o },
				  { LZMA_VLI_UNKNOWN, NULL } };
	/* Both begin with the same bytes, so that what is not written is the
	 * same, too. */
	CLEANUP_FREE uint8_t *ours = mem_array(1, size);
	CLEANUP_FREE uint8_t *theirs = mem_array(1, size);
	size_t in_at = 0, out_at = 0;
	lzma_ret rc =
		lzma_raw_buffer_decode(filters, NULL, packed->data, &in_at,
				       packed->size, theirs, &out_at, size);
	CLEANUP_ERROR struct error *err =
		unpack(packed->data, packed->size, o->dict_size, ours, size);

	ck_assert_msg((rc == LZMA_OK && out_at == size) == !err,
		      "liblzma says %d after %zu bytes, we: %s", (int)rc,
		      out_at, err ? error_message(err) : "sound");
	ck_assert(err || !memcmp(ours, theirs, size));
}

START_TEST(what_liblzma_takes_and_refuses_is_taken_and_refused)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;
	CLEANUP_BUF struct buf packed = BUF_INIT;
	lzma_options_lzma o;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &o },
				  { LZMA_VLI_UNKNOWN, NULL } };
	size_t at = 0;

	ck_assert(!lzma_lzma_preset(&o, 6));
	o.dict_size = 4096;
	write_sample(&plain, HOSTILE, 3);
	ck_assert(buf_reserve(&packed, 2 * HOSTILE));
	ck_assert_int_eq(lzma_raw_buffer_encode(filters, NULL, plain.data,
						plain.size, packed.data, &at,
						2 * HOSTILE),
			 LZMA_OK);
	buf_commit(&packed, at);
	expect_as_liblzma(&packed, &o, HOSTILE);
	expect_as_liblzma(&packed, &o, HOSTILE - 1);
	expect_as_liblzma(&packed, &o, HOSTILE + 1);
	for (size_t i = 0; i < packed.size * 8; i++) {
		packed.data[i / 8] ^= 1 << (i % 8);
		expect_as_liblzma(&packed, &o, HOSTILE);
		packed.data[i / 8] ^= 1 << (i % 8);
	}
	for (size_t size = packed.size; size--;) {
		packed.size = size;
		expect_as_liblzma(&packed, &o, HOSTILE);
	}
}
END_TEST

START_TEST(chunks_out_of_order_are_refused)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *message;
	} t[] = {
		{ "\x02\0\0A", 4, "no dictionary" },
		{ "\x80\0\0\0\x05\0\0\0\0\0\0", 11, "no dictionary" },
		{ "\x01\0\0A\x03\0\0A", 8, "no such chunk" },
		{ "\x01\0\0A\x7f\0\0A", 8, "no such chunk" },
		{ "\x01\0\0A\x80\0\0\0\x05\0\0\0\0\0\0", 15, "properties are" },
		{ "\x01\0\0A\xa0\0\0\0\x05\0\0\0\0\0\0", 15, "properties are" },
		{ "\xe0\0\0\0\x05\xe1\0\0\0\0\0\0", 12, "no such properties" },
		{ "\xe0\0\0\0\x05\x2c\0\0\0\0\0\0", 12, "no such properties" },
		{ "\xe0\0\0\0\x03\x5d\0\0\0\0", 10, "too short" },
		{ "\xe0\0\0\0\x05\x5d\x01\0\0\0\0\0", 12, "data error" },
		{ "\xe0\0\0\0\x05\x5d\0\xff\xff\xff\xff\0", 12, "data error" },
		/* A match before the first byte. */
		{ "\xe0\0\0\0\x05\x5d\0\xff\xff\0\0\0", 12, "data error" },
		{ "\x01\0\0", 3, "longer than its index says" },
		{ "\x01\0\0A\0", 5, "another size" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		uint8_t to[2];

		ck_error(unpack((const uint8_t *)t[i].bytes, t[i].size, 4096,
				to, sizeof(to)),
			 BAD_DATA, t[i].message);
	}
}
END_TEST

START_TEST(without_memory_nothing_is_decoded)
{
	CLEANUP_SAMPLE struct sample p = { 0 };
	unsigned long n = 0;
	bool failed;

	sample_add(&p, CODEC_XZ, 1000);
	do {
		CLEANUP_CODEC struct codec_stream *s = NULL;
		uint8_t got[1001];
		size_t size = 0;
		bool ours;

		ck_no_error(codec_open(CODEC_XZ, &p.in, UINT64_MAX, &s));
		mem_fail_at(++n);
		struct error *err = decode_block(s, 1001, got, &size, &ours);

		failed = mem_fail_happened();
		mem_fail_at(0);
		ck_assert(failed || size == 1000);
		if (failed)
			ck_error(err, NO_MEMORY, "");
		else
			ck_no_error(err);
	} while (failed);
	ck_assert_uint_ge(n, 3);
}
END_TEST

UNIT_MAIN("codec_lzma2", any_settings_decode_to_the_same_bytes,
	  other_filters_and_checks_are_left_to_liblzma,
	  a_wrong_check_or_padding_is_found_with_the_last_byte,
	  what_liblzma_takes_and_refuses_is_taken_and_refused,
	  chunks_out_of_order_are_refused, without_memory_nothing_is_decoded)

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the tests of src/codec share: a sample beside its compressed form, and
 * comparing what a stream gives with it.
 */
#ifndef TESTS_LIB_CODEC_FIXTURE_H
#define TESTS_LIB_CODEC_FIXTURE_H

#include <string.h>

#include "base/mem.h"
#include "codec/codec.h"
#include "tests/lib/codec_writer.h"
#include "tests/unit/unit.h"

struct sample {
	struct buf plain;
	struct buf packed;
	struct input in; /* of packed */
};

static inline void sample_deinit(struct sample *p)
{
	buf_deinit(&p->plain);
	buf_deinit(&p->packed);
}
#define CLEANUP_SAMPLE CLEANUP(sample_deinit)

/** To be called again after a change to packed. */
static inline void sample_refresh(struct sample *p)
{
	p->in = input_from_memory(p->packed.data, p->packed.size);
}

/** Add @p size bytes as one more stream, frame or member. */
static inline void sample_add(struct sample *p, enum codec codec, size_t size)
{
	size_t before = p->plain.size;

	write_sample(&p->plain, size, codec + before);
	write_codec(codec, p->plain.data + before, size, &p->packed);
	sample_refresh(p);
}

/** An xz stream of blocks of @p block_size. */
static inline void sample_add_xz(struct sample *p, size_t size,
				 size_t block_size)
{
	size_t before = p->plain.size;

	write_sample(&p->plain, size, before + 7);
	write_xz_blocks(p->plain.data + before, size, block_size, &p->packed);
	sample_refresh(p);
}

/** Read on from the stream's place and compare, to the end. */
static inline void expect_rest(struct codec_stream *s, const struct buf *plain,
			       size_t step)
{
	CLEANUP_FREE uint8_t *got = mem_alloc(step);

	for (;;) {
		uint64_t at = codec_tell(s);
		size_t n;

		ck_no_error(codec_read(s, got, step, &n));
		ck_assert_uint_eq(codec_tell(s), at + n);
		ck_assert_uint_le(at + n, plain->size);
		ck_assert(!n || !memcmp(got, plain->data + at, n));
		if (n < step)
			break;
	}
	ck_assert_uint_eq(codec_tell(s), plain->size);
}

/** Read @p size bytes at the stream's place and compare. */
static inline void expect_bytes(struct codec_stream *s, const struct buf *plain,
				size_t size)
{
	CLEANUP_FREE uint8_t *got = mem_alloc(size);
	uint64_t at = codec_tell(s);
	size_t n;

	ck_no_error(codec_read(s, got, size, &n));
	ck_assert_uint_eq(n, size);
	ck_assert_uint_le(at + n, plain->size);
	ck_assert(!memcmp(got, plain->data + at, size));
}

/** The same through an input of the stream's bytes from 0 on. */
static inline void expect_input(struct input *in, uint64_t at,
				const struct buf *plain, size_t size)
{
	CLEANUP_FREE uint8_t *got = mem_alloc(size);

	ck_no_error(input_read_exact(in, at, got, size));
	ck_assert(!memcmp(got, plain->data + at, size));
}

#endif

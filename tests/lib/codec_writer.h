/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Compressed test inputs, made by the compressing half of the libraries.
 *
 * Every function appends to @c out and aborts when it cannot: a test has
 * nothing to do then.
 */
#ifndef TESTS_LIB_CODEC_WRITER_H
#define TESTS_LIB_CODEC_WRITER_H

#include "base/buf.h"
#include "codec/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes that compress to about a third, the same for the same @p seed: runs of
 * words, some noise. */
void write_sample(struct buf *out, size_t size, uint64_t seed);

/** One stream, frame or member with usual settings; xz and zstd say their sizes
 * where the format can. */
void write_codec(enum codec codec, const void *data, size_t size,
		 struct buf *out);
/** xz with a block for every @p block_size bytes, as xz -T and dpkg write it,
 * and a CRC64. */
void write_xz_blocks(const void *data, size_t size, size_t block_size,
		     struct buf *out);
/** A zstd frame without its content size, as a pipe gives it. */
void write_zstd_unsized(const void *data, size_t size, struct buf *out);
/** A gzip member with an extra field, a name, a comment and a header CRC. */
void write_gzip_decorated(const void *data, size_t size, struct buf *out);
/** The xz stream @p xz with another index: it claims @p claim decoded bytes for
 * block @p block. */
void write_xz_lie(const struct buf *xz, size_t block, uint64_t claim,
		  struct buf *out);
/** A zstd frame of @p size zeros in a few bytes, with its content size; in one
 * segment, the window is as large as the content. */
void write_zstd_zeros(uint64_t size, bool is_single_segment, struct buf *out);

#endif

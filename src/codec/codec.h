/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Decompression: one stream, read forward, skipped, or entered in the middle.
 *
 * The only folder that includes zlib, libdeflate, liblzma, libzstd or libbz2. It knows
 * compressed bytes and nothing of archives, ELF or files.
 *
 * A *point* is a place where decoding can begin: the start of an xz block, of
 * a zstd frame, of a gzip or bzip2 stream, or a gzip checkpoint, which carries
 * the 32 KiB window and the bit position that inflate needs. With the points
 * of a stream only what covers the wanted bytes is decoded.
 *
 * Threads: a stream is owned by one thread.
 */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H

#include "base/buf.h"
#include "base/error.h"
#include "base/input.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum codec {
	CODEC_NONE, /* stored: every offset is a point */
	CODEC_GZIP,
	CODEC_ZLIB,
	CODEC_XZ,
	CODEC_LZMA, /* .lzma, "alone" */
	CODEC_BZIP2,
	CODEC_ZSTD,
	CODECS
};

struct codec_stream;

struct codec_point {
	uint64_t in_offset;  /* in the compressed input */
	uint64_t out_offset; /* in the decoded bytes */
	uint8_t *state;      /* what the decoder needs besides; may be NULL */
	size_t state_size;
};

/** "gzip", "xz", …: for messages and metrics. Static. */
const char *codec_name(enum codec codec);

/** What the first bytes say they are; CODEC_NONE if nothing known. LZMA has no
 * magic number: it is recognised by a plausible header.
 * @param[in] size 6 is enough for all but LZMA (13). */
enum codec codec_detect(const uint8_t *head, size_t size);

/**
 * Begin at the start of a compressed input.
 *
 * For xz the block index at the end of the input is read, and for zstd the
 * frame headers are walked, before anything is decoded, so such a stream of
 * several blocks can be skipped and read at random without decoding what lies
 * between. A broken index is not an error: the stream is then only readable
 * forward.
 *
 * @param[in] in Copied; what it borrows must outlive the stream.
 * @param[in] limit_bytes Decoded bytes after which codec_read() gives LIMIT.
 * @param[out] ret Owned: codec_close().
 */
MUST_CHECK struct error *codec_open(enum codec codec, const struct input *in,
				    uint64_t limit_bytes,
				    struct codec_stream **ret);

/**
 * Begin at a point recorded earlier; codec_tell() is then its out_offset.
 * @param[in] points In order of out_offset; copied. The stream can be sought
 * to or behind any of them.
 * @return BAD_DATA if a point does not fit the input: the file changed.
 */
MUST_CHECK struct error *codec_open_at(enum codec codec, const struct input *in,
				       uint64_t limit_bytes,
				       const struct codec_point *points,
				       size_t count, struct codec_stream **ret);

/** Decode up to @p size bytes. @param[out] size_ret 0 only at the end.
 * @return BAD_DATA with the place for damaged input; LIMIT. */
MUST_CHECK struct error *codec_read(struct codec_stream *s, void *buf,
				    size_t size, size_t *size_ret);

/** Move forward; jumps over whole blocks where the stream is seekable. Past
 * the end is found by the next read. */
MUST_CHECK struct error *codec_skip(struct codec_stream *s, uint64_t size);

/** Move anywhere. Backward is cheap where codec_is_seekable(); elsewhere the
 * next read begins again at the last point before. BAD_DATA before the first
 * point. */
MUST_CHECK struct error *codec_seek(struct codec_stream *s, uint64_t offset);

/** Decoded offset of the next byte. */
uint64_t codec_tell(const struct codec_stream *s);

/**
 * Is reading at random cheap: more than one block (or one block small enough
 * to hold), all of them known? True for CODEC_NONE.
 */
bool codec_is_seekable(const struct codec_stream *s);

/**
 * The decoded bytes as an input, for as long as the stream lives. Reading
 * through it does not move codec_tell(). Blocks around the last few places are
 * kept decoded as far as they were needed. Only where codec_is_seekable().
 *
 * @param[in] offset Decoded offset of the input's byte 0.
 * @param[in] size Its size.
 */
struct input codec_input(struct codec_stream *s, uint64_t offset,
			 uint64_t size);

/** Points known so far, in order: all of them at once where there is an index,
 * growing while a gzip stream is read (one every @c CODEC_CHECKPOINT_BYTES).
 * Borrowed until the next call on the stream. */
void codec_points(const struct codec_stream *s, const struct codec_point **ret,
		  size_t *count_ret);

enum { CODEC_CHECKPOINT_BYTES = 16 << 20 };

/** Bytes that went through a decoder, for figures and tests: shows what a skip
 * saved. */
uint64_t codec_decoded_bytes(const struct codec_stream *s);

/** NULL is allowed. */
void codec_close(struct codec_stream *s);

static inline void cleanup_codec(struct codec_stream **s)
{
	codec_close(*s);
}
#define CLEANUP_CODEC CLEANUP(cleanup_codec)

/**
 * Decode a whole zlib stream that lies in memory, in less than half of the time
 * that reading it takes.
 *
 * @param[in] out_size What it decodes to, exactly. Bytes behind the stream's
 * end are not looked at.
 * @return False if it is damaged, decodes to another size, or the program was
 * built without the library for it: reading it says what is wrong. @p out may
 * have been written to.
 */
MUST_CHECK bool codec_whole_zlib(const uint8_t *in, size_t in_size,
				 uint8_t *out, size_t out_size);

/** Compress a small blob of ours (zstd, level 1) behind @p out.
 * @return NULL or NO_MEMORY. */
MUST_CHECK struct error *codec_pack(const void *data, size_t size,
				    struct buf *out);
/** Undo codec_pack(). @return BAD_DATA; LIMIT if it unpacks to more than
 * @p limit_bytes. */
MUST_CHECK struct error *codec_unpack(const void *data, size_t size,
				      size_t limit_bytes, struct buf *out);

/** Compress a text for others (gzip, level 1) behind @p out.
 * @return NULL or NO_MEMORY; LIMIT from 2 GiB on. */
MUST_CHECK struct error *codec_gzip(const void *data, size_t size,
				    struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The regular files of a tar stream: libarchive, wrapped. Not called archive.h,
 * which is libarchive's.
 *
 * libarchive reads headers; it never decompresses (src/codec does) and never
 * copies data: a member's bytes come straight from the codec stream, whose
 * position libarchive is told of.
 *
 * Only the tar reader is enabled: ustar, pax, GNU and old tar.
 */
#ifndef SCANNERS_UNPACK_H
#define SCANNERS_UNPACK_H

#include "scanners/scanner.h"

struct unpack;

/** @param[in] payload Borrowed until unpack_close(); read from where it
 * stands, which must be decoded offset 0. Nobody else may move it. */
MUST_CHECK struct error *unpack_open(struct codec_stream *payload,
				     struct unpack **ret);

/**
 * As scanner.next. Sparse members are passed over: their bytes are not one
 * piece of the payload.
 *
 * @return BAD_DATA with the decoded offset; LIMIT; NO_MEMORY.
 * Cost: what is skipped goes through codec_skip(), so whole blocks of it are
 * not decoded; behind each header up to 16 KiB are decoded ahead.
 */
MUST_CHECK struct error *unpack_next(struct unpack *u, struct scanner_member *m,
				     bool *found_ret);

/** As scanner.read. */
MUST_CHECK struct error *unpack_read(struct unpack *u, void *buf, size_t size,
				     size_t *size_ret);

/** As scanner.passed_over. */
const struct scanner_passed_over *unpack_passed_over(const struct unpack *u);

/** NULL is allowed. */
void unpack_close(struct unpack *u);

static inline void cleanup_unpack(struct unpack **u)
{
	unpack_close(*u);
}
#define CLEANUP_UNPACK CLEANUP(cleanup_unpack)

#endif

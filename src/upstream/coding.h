/* SPDX-License-Identifier: Apache-2.0 */
/**
 * In which codings an answer may come. libcurl undoes whatever a header names,
 * offered or not, one upon another, and a transfer's as well as a content's: of
 * two, one expands what the other swallows, and not a byte of it is seen.
 *
 * One alone, and gzip: a server that knows any coding knows that, and undoing it
 * takes 32 KiB of memory, makes at most 1032 bytes of one. Of zstd these are
 * 128 MiB and without bound.
 *
 * Threads: any.
 */
#ifndef UPSTREAM_CODING_H
#define UPSTREAM_CODING_H

#include <stdbool.h>
#include <stddef.h>

/** For Accept-Encoding. */
#define CODING_OFFERED "gzip"

/** Look at a header line, as libcurl has it: whole, of any length.
 * @param[in,out] count Codings that were named so far, of this body and of
 * what came in front of it (100 to 199).
 * @return False: end it before any of the body is decoded. */
bool coding_allows(unsigned *count, const char *line, size_t size);

#endif

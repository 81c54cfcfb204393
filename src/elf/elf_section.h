/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The bytes of one section, read forward: stored plainly, or compressed with
 * SHF_COMPRESSED (zlib, zstd) or as .zdebug_*. Whoever reads does not know
 * which.
 *
 * Skipping costs nothing in a plain section and inflates and discards in a
 * compressed one, so nothing is held but what is being looked at.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_ELF_SECTION_H
#define ELF_ELF_SECTION_H

#include "base/error.h"
#include "elf/elf_file.h"

#include <stddef.h>
#include <stdint.h>

struct elf_stream;

/**
 * Begin at the start of a section. A plain section that reaches beyond the end
 * of the file ends with the file.
 *
 * @param[in] f Borrowed; must not move as long as the stream is open.
 * @param[in] section Its number.
 * @param[in] step How many bytes to read at a time from a plain section: small
 * where much is skipped between what is read.
 * @param[out] ret Owned: elf_stream_close().
 * @return BAD_DATA for a section outside the file or a damaged compression
 * header, UNSUPPORTED for an unknown compression, LIMIT for a size that is
 * beyond belief (elf_limits.h), NO_MEMORY, IO.
 */
MUST_CHECK struct error *elf_stream_open(struct elf_file *f, size_t section,
					 size_t step, struct elf_stream **ret);

/** Decompressed size: a claim, where the section is compressed. */
uint64_t elf_stream_size(const struct elf_stream *s);
uint64_t elf_stream_tell(const struct elf_stream *s);

/**
 * Look at the next @p want bytes without moving.
 *
 * @param[out] ret Valid until the next call on the stream.
 * @param[out] size_ret At least @p want, fewer only at the section's end; it
 * may be more. On an error both are set to what is good in front of it.
 * @return BAD_DATA with the place for damaged or missing compressed data,
 * LIMIT if the file as a whole inflates to more than it may, NO_MEMORY, IO.
 */
MUST_CHECK struct error *elf_stream_peek(struct elf_stream *s, size_t want,
					 const uint8_t **ret, size_t *size_ret);

/** Move forward, to the section's end at most. Errors as above. */
MUST_CHECK struct error *elf_stream_skip(struct elf_stream *s, uint64_t size);

/**
 * All of the section at once, from wherever the stream is, which stays there.
 *
 * @param[out] to Room for elf_stream_size() bytes.
 * @return False if there is no quick way, as for all that is not zlib, or if it
 * is damaged: the stream goes on and says so. @p to may have been written to;
 * what the stream has given of a good beginning is the same there.
 */
bool elf_stream_whole(struct elf_stream *s, uint8_t *to);

/** NULL is allowed. */
void elf_stream_close(struct elf_stream *s);

static inline void cleanup_elf_stream(struct elf_stream **s)
{
	elf_stream_close(*s);
}
#define CLEANUP_ELF_STREAM CLEANUP(cleanup_elf_stream)

/**
 * A whole section, decompressed.
 *
 * @param[out] ret Owned, mem_free().
 * @return As above; LIMIT if it is larger than ELF_HELD_MAX.
 */
MUST_CHECK struct error *elf_section_load(struct elf_file *f, size_t section,
					  uint8_t **ret, size_t *size_ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One stream of blocks decoded by several processes.
 *
 * The *lead* reads a stream as it always does (codec.h). *Assistants* are other
 * processes that decode blocks the lead is about to reach and leave them in
 * memory that all of them map. Nobody depends on an assistant: what it does not
 * give, the lead decodes itself, and bytes are the same with any number of
 * them.
 *
 * The memory is a file without a name, made by whoever starts the processes. It
 * cannot change its size, so nobody's mapping can be cut off. A lead checks
 * every number it finds in it; the decoded bytes themselves it takes from an
 * assistant as the assistant gives them.
 *
 * Threads: a struct codec_share is owned by one thread.
 */
#ifndef CODEC_CODEC_SHARE_H
#define CODEC_CODEC_SHARE_H

#include "base/error.h"
#include "codec/codec.h"

#include <stdbool.h>
#include <stdint.h>

/** Make the file. It takes memory only where something was written.
 * @param[out] fd_ret Owned.
 * @return IO where the kernel gives none. */
MUST_CHECK struct error *codec_share_create(int *fd_ret);

/** The lead is gone, whatever it said last: assistants stop within a tenth of
 * a second. For the file's maker, who does not map it. */
void codec_share_abandon(int fd);

struct codec_share;

/** @param[in] fd Borrowed until codec_share_close().
 * @param[out] ret Owned: codec_share_close().
 * @return NO_MEMORY; IO; BAD_DATA if the file is none of codec_share_create().
 */
MUST_CHECK struct error *codec_share_open(int fd, struct codec_share **ret);

/** Where the compressed bytes are, in a file that assistants have too. */
struct codec_place {
	enum codec codec;
	uint64_t offset, size;
};

/**
 * Let assistants help with @p s from now on.
 *
 * They are asked for blocks only where the reader goes from one block to the
 * next; blocks it jumps over are nobody's work. A lead that finds the block it
 * needs in the making decodes a later one meanwhile.
 *
 * @param[in] share Borrowed; to be closed after @p s.
 * @return False where there is nothing to help with: few blocks, or large ones,
 * or none. Assistants then stop.
 */
bool codec_share_lead(struct codec_share *share, struct codec_stream *s,
		      const struct codec_place *place);

/**
 * Decode blocks for the lead until it ends.
 *
 * @param[in] fd The file that the lead's codec_place speaks of, @p file_size
 * bytes. Borrowed.
 * @param[in] idle_ms Come back when there was nothing to do for so long.
 * @return BAD_DATA if what the lead says does not fit the file; else as
 * codec_open(). A block that does not decode is the lead's to report.
 */
MUST_CHECK struct error *codec_share_assist(struct codec_share *share, int fd,
					    uint64_t file_size,
					    int64_t idle_ms);

/** Blocks that this process got from others, or made for them: for tests. */
uint64_t codec_share_blocks(const struct codec_share *share);

/** Ends the lead's part, if it was one. NULL is allowed. */
void codec_share_close(struct codec_share *share);

static inline void cleanup_codec_share(struct codec_share **share)
{
	codec_share_close(*share);
}
#define CLEANUP_CODEC_SHARE CLEANUP(cleanup_codec_share)

#endif

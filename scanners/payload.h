/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the scanners of archives share about a decoded payload: bounds, names,
 * and moves that notice where the bytes end.
 *
 * codec_skip() finds the end of a stream only at the next read, and an archive
 * may end where the next read would be: so a truncated last member would pass
 * for a whole one. These functions look.
 *
 * Must not depend on libarchive: unpack.h does.
 */
#ifndef SCANNERS_PAYLOAD_H
#define SCANNERS_PAYLOAD_H

#include "scanners/scanner.h"

#include <sys/stat.h>

enum {
	/** Bytes of a member's name; longer ones are passed over. Linux's
	 * PATH_MAX, and rpm's own bound (CPIO_NAMESIZE_MAX). */
	PAYLOAD_NAME_MAX = 4096,
	/** Entries in a row that are no members. The caller counts members and
	 * sees nothing of these, so somebody has to. */
	PAYLOAD_RUN_MAX = 1000000,
	/** Decoded bytes behind an archive's end mark that are looked at:
	 * GNU tar's records of 10 KiB many times over. */
	PAYLOAD_TAIL_MAX = 1 << 20,
};

/** A member's name without the "./" or "/" that archives put before it; other
 * bytes, ".." too, as they are. Borrowed from @p name. */
const char *payload_member_name(const char *name);

/** Count an entry that is no member. @return False, for those who say so. */
static inline bool payload_pass_over(struct scanner_passed_over *to,
				     enum scanner_passed why)
{
	to->count[why]++;
	return false;
}

/** The same of an entry that is no regular file, by its st_mode. Directories
 * are not counted. */
static inline bool payload_pass_over_type(struct scanner_passed_over *to,
					  unsigned mode)
{
	if (S_ISDIR(mode))
		return false;
	return payload_pass_over(to, S_ISLNK(mode) ? SCANNER_PASSED_LINK
						   : SCANNER_PASSED_SPECIAL);
}

/** @p size bytes of @p whole from @p offset on. Borrows @p whole, which must
 * stay where it is. */
struct input payload_slice(struct input *whole, uint64_t offset, uint64_t size);

/** Read exactly @p size bytes. @return BAD_DATA, naming the offset, where the
 * payload ends before. */
MUST_CHECK struct error *payload_read_exact(struct codec_stream *s, void *buf,
					    size_t size);

/**
 * Move forward to @p offset, which must not lie before codec_tell().
 *
 * @return BAD_DATA if the payload ends before @p offset.
 * Cost: decodes the block @p offset - 1 lies in, which is nearly always the
 * block of @p offset.
 */
MUST_CHECK struct error *payload_skip_to(struct codec_stream *s,
					 uint64_t offset);

/** Read on to the end of the compressed data, where its checksums are, over at
 * most PAYLOAD_TAIL_MAX decoded bytes. @return BAD_DATA for data that end
 * before their time. */
MUST_CHECK struct error *payload_finish(struct codec_stream *s);

/** LIMIT: PAYLOAD_RUN_MAX was reached. */
COLD struct error *payload_error_run(void);

#endif

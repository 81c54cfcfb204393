/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The file list in an RPM's main header: what a stripped payload leaves out.
 *
 * Source: rpm's lib/rpmfi.c (4.18) and docs/manual/format_v4.md.
 */
#ifndef SCANNERS_RPM_FILES_H
#define SCANNERS_RPM_FILES_H

#include "base/buf.h"
#include "scanners/rpm_header.h"

struct rpm_files;

struct rpm_file {
	uint32_t mode;
	int64_t mtime;
	/** Bytes in the payload. 0 for a hard link whose bytes come with a
	 * later name, for directories and devices. */
	uint64_t size;
	/** Its bytes come under another name. */
	bool is_link;
};

/** @param[in] h Borrowed until rpm_files_close().
 * @return BAD_DATA, LIMIT, NO_MEMORY. */
MUST_CHECK struct error *rpm_files_open(const struct rpm_header *h,
					struct rpm_files **ret);
/** NULL is allowed. */
void rpm_files_close(struct rpm_files *files);

size_t rpm_files_count(const struct rpm_files *files);

/** @param[in] i Below rpm_files_count(). */
void rpm_files_get(const struct rpm_files *files, size_t i,
		   struct rpm_file *ret);

/** Put the whole name of file @p i into @p to, with a NUL.
 * @return BAD_DATA if its directory is none; NO_MEMORY. */
MUST_CHECK struct error *rpm_files_name(const struct rpm_files *files, size_t i,
					struct buf *to);

#endif

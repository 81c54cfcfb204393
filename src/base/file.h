/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Files of ours: directories made, files written so that a crash leaves the
 * old or the new one.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"

#include <stdint.h>
#include <sys/stat.h>

/** mkdir -p with mode 0700 for what is missing. */
MUST_CHECK struct error *file_make_dirs(const char *path);

/** Write all of it; short writes go on, EINTR is retried. */
MUST_CHECK struct error *file_write_all(int fd, const void *data, size_t size);

/** The same at @p offset, leaving the position alone. */
MUST_CHECK struct error *file_write_at(int fd, const void *data, size_t size,
				       uint64_t offset);

/** The whole file as a NUL-terminated text, at most @p limit bytes.
 * @param[out] ret Owned: mem_free(). */
MUST_CHECK struct error *file_read_text(const char *path, size_t limit,
					char **ret);

/** An unlinked file in @p dir, O_RDWR: gone when it is closed. */
MUST_CHECK struct error *file_open_unlinked(const char *dir, int *fd_ret);
/** What the file system of @p fd can give without going into its reserve, a tenth
 * of it. UINT64_MAX: it does not say.
 * @param[out] left_ret And what it can give at all. NULL is allowed. */
uint64_t file_system_spare(int fd, uint64_t *left_ret);
/** As file_open_unlinked(), in the first that can have one with @p size bytes
 * without going into its reserve, or else in the first that can at all: @p dir
 * (NULL: none), $TMPDIR, /var/tmp, /tmp.
 * @return What is wrong with the last of them. */
MUST_CHECK struct error *file_open_temporary(const char *dir, uint64_t size,
					     int *fd_ret);

/** fstat(2) without a path, which is what a worker may do: the C library's, from
 * glibc 2.33 to 2.38, is newfstatat(fd, "", AT_EMPTY_PATH). Where the kernel's
 * struct stat is another one, it is that of the C library. */
int file_stat(int fd, struct stat *ret);
#if defined(__LP64__) &&                                                    \
	(defined(__x86_64__) || defined(__aarch64__) || defined(__riscv) || \
	 defined(__s390x__) || defined(__powerpc64__))
#define FILE_STAT_HAS_NO_PATH 1
#else
#define FILE_STAT_HAS_NO_PATH 0
#endif

/** fsync a directory by name, so that a rename in it lasts. */
MUST_CHECK struct error *file_sync_dir(const char *path);

#endif

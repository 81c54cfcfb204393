/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command prints, put into an unlinked file, so that it can be read at
 * random like any container.
 */
#include "config.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "worker/work_spool.h"
#include "worker/worker_limits.h"

enum { CHUNK = 1 << 20 };

struct error *spool_read(int pipe, void *buf, size_t size, size_t *size_ret)
{
	uint8_t *to = buf;

	for (*size_ret = 0; *size_ret < size;) {
		ssize_t n = read(pipe, to + *size_ret, size - *size_ret);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno("read what the command prints");
		if (!n)
			break;
		*size_ret += (size_t)n;
	}
	return NULL;
}

/* Others need the disk too, the index above all. */
static struct error *check_room(int spool)
{
	struct statvfs fs;

	if (fstatvfs(spool, &fs))
		return NULL;
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
	uint64_t keep = (uint64_t)fs.f_blocks * fs.f_frsize / 100 *
			WORKER_SPOOL_KEPT_PERCENT;

	if (keep > WORKER_SPOOL_KEPT_BYTES)
		keep = WORKER_SPOOL_KEPT_BYTES;
	if (left > keep)
		return NULL;
	return error_new(NO_SPACE,
			 "no room in the cache directory for what the "
			 "command prints");
}

struct error *spool_fill(int pipe, int spool, uint64_t *size_ret)
{
	CLEANUP_FREE uint8_t *chunk = mem_alloc(CHUNK);
	uint64_t unchecked = WORKER_SPOOL_CHECK_BYTES;
	size_t n = 1;

	*size_ret = 0;
	if (!chunk)
		return error_no_memory;
	while (n) {
		if (unchecked >= WORKER_SPOOL_CHECK_BYTES) {
			TRY(check_room(spool));
			unchecked = 0;
		}
		TRY(spool_read(pipe, chunk, CHUNK, &n));
		if (n > WORKER_SPOOL_BYTES - *size_ret)
			return error_new(
				LIMIT, "command prints more than %llu bytes",
				(unsigned long long)WORKER_SPOOL_BYTES);
		TRY(error_wrap(file_write_at(spool, chunk, n, *size_ret),
			       "temporary file in the cache directory"));
		*size_ret += n;
		unchecked += n;
	}
	return NULL;
}

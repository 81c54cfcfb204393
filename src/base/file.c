/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

enum { RESERVE_PERCENT = 10 };

struct error *file_make_dirs(const char *path)
{
	CLEANUP_FREE char *copy = mem_strdup(path);
	struct stat st;

	if (!copy)
		return error_no_memory;
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) && errno != EEXIST)
			return error_errno("make directory %s", copy);
		*p = '/';
	}
	if (mkdir(copy, 0700) && errno != EEXIST)
		return error_errno("make directory %s", copy);
	if (stat(copy, &st))
		return error_errno("stat %s", copy);
	if (!S_ISDIR(st.st_mode))
		return error_new(IO, "%s is not a directory", copy);
	return NULL;
}

struct error *file_write_all(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno("write");
		done += (size_t)n;
	}
	return NULL;
}

struct error *file_write_at(int fd, const void *data, size_t size,
			    uint64_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pwrite(fd, (const char *)data + done, size - done,
				   (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno("write at offset %" PRIu64,
					   offset + done);
		done += (size_t)n;
	}
	return NULL;
}

struct error *file_read_text(const char *path, size_t limit, char **ret)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (fd < 0)
		return error_errno("open %s", path);
	for (;;) {
		void *room = buf_reserve(&text, 4096);
		ssize_t n = room ? read(fd, room, 4096) : 0;

		if (!room)
			return error_no_memory;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno("read %s", path);
		if (n == 0)
			break;
		buf_commit(&text, (size_t)n);
		if (text.size > limit)
			return error_new(TOO_LARGE,
					 "%s is larger than %zu bytes", path,
					 limit);
	}
	*ret = buf_steal_str(&text);
	return *ret ? NULL : error_no_memory;
}

struct error *file_open_unlinked(const char *dir, int *fd_ret)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		CLEANUP_FREE char *name = mem_printf("%s/tmp.XXXXXX", dir);

		if (!name)
			return error_no_memory;
		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0)
			unlink(name);
	}
	if (fd < 0)
		return error_errno("temporary file in %s", dir);
	*fd_ret = fd;
	return NULL;
}

uint64_t file_system_spare(int fd, uint64_t *left_ret)
{
	struct statvfs fs;
	uint64_t left = UINT64_MAX, reserve = 0;

	if (!fstatvfs(fd, &fs)) {
		left = (uint64_t)fs.f_bavail * fs.f_frsize;
		reserve = (uint64_t)fs.f_blocks * fs.f_frsize / 100 *
			  RESERVE_PERCENT;
	}
	if (left_ret)
		*left_ret = left;
	return left > reserve ? left - reserve : 0;
}

struct error *file_open_temporary(const char *dir, uint64_t size, int *fd_ret)
{
	const char *const dirs[] = { dir, getenv("TMPDIR"), "/var/tmp",
				     "/tmp" };
	CLEANUP_ERROR struct error *last = NULL;
	CLEANUP_CLOSE int tight_fd = -1;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		CLEANUP_CLOSE int fd = -1;
		uint64_t left;

		if (!dirs[i])
			continue;
		error_free(last);
		last = file_open_unlinked(dirs[i], &fd);
		if (last)
			continue;
		if (file_system_spare(fd, &left) >= size) {
			*fd_ret = steal_fd(&fd);
			return NULL;
		}
		if (left >= size && tight_fd < 0)
			tight_fd = steal_fd(&fd);
		last = error_new(NO_SPACE, "%s: no space for %" PRIu64 " bytes",
				 dirs[i], size);
	}
	if (tight_fd < 0)
		return STEAL(last);
	*fd_ret = steal_fd(&tight_fd);
	return NULL;
}

int file_stat(int fd, struct stat *ret)
{
#if FILE_STAT_HAS_NO_PATH
	return (int)syscall(SYS_fstat, fd, ret);
#else
	return fstat(fd, ret);
#endif
}

struct error *file_sync_dir(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_errno("open %s", path);
	if (fsync(fd))
		return error_errno("fsync %s", path);
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/path.h"
#include "store/cache_temp.h"

static const char directory[] = "tmp";

enum {
	/* "tmp/" and 16 digits */
	PATH_SIZE = sizeof(directory) + 1 + 16,
	TRIES = 100,
};

bool cache_temp_always_named;

static struct error *random_path(char path[PATH_SIZE])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return error_errno("getrandom");
	snprintf(path, PATH_SIZE, "%s/%016" PRIx64, directory, number);
	return NULL;
}

/* A name, and the lock that goes with it. -1: try again. A sweep may come
 * between the two: then the lock is its, or the name gone. */
static struct error *try_named(int dir_fd, int *fd_ret)
{
	char path[PATH_SIZE];
	struct stat st;

	TRY(random_path(path));
	CLEANUP_CLOSE int fd = openat(
		dir_fd, path,
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? NULL : error_errno("make %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			return NULL;
		/* No locks here: nobody could tell a file that is in use from
		 * one that was left, so it has no name and is never kept. */
		unlinkat(dir_fd, path, 0);
	} else if (fstat(fd, &st) || !st.st_nlink) {
		return NULL;
	}
	*fd_ret = steal_fd(&fd);
	return NULL;
}

struct error *cache_temp_open(int dir_fd, int *fd_ret)
{
	int fd = -1;

	/* Also when somebody has cleaned up. */
	if (mkdirat(dir_fd, directory, 0700) && errno != EEXIST)
		return error_errno("make directory %s", directory);
	if (!cache_temp_always_named) {
		fd = openat(dir_fd, directory, O_TMPFILE | O_RDWR | O_CLOEXEC,
			    0600);
		if (fd < 0 && errno != EOPNOTSUPP && errno != EISDIR)
			return error_errno("temporary file");
	}
	if (fd < 0)
		cache_temp_sweep(dir_fd);
	for (int i = 0; fd < 0 && i < TRIES; i++)
		TRY(try_named(dir_fd, &fd));
	if (fd < 0)
		return error_new(IO, "temporary file: no name is free");
	*fd_ret = fd;
	return NULL;
}

/* The name of a file that has one: "tmp/…". */
static bool find_path(int dir_fd, int fd, char path[PATH_SIZE])
{
	char link[64], target[PATH_MAX];
	struct stat by_name, by_fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return snprintf(path, PATH_SIZE, "%s/%s", directory,
			path_base(target)) < PATH_SIZE &&
	       !fstat(fd, &by_fd) &&
	       !fstatat(dir_fd, path, &by_name, AT_SYMLINK_NOFOLLOW) &&
	       by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

static struct error *link_unnamed(int dir_fd, int fd, char path[PATH_SIZE])
{
	char from[64];

	TRY(random_path(path));
	/* A sweep of another process is to find it locked. */
	flock(fd, LOCK_EX | LOCK_NB);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, from, dir_fd, path, AT_SYMLINK_FOLLOW))
		return error_errno("link %s", path);
	return NULL;
}

struct error *cache_temp_publish(int dir_fd, int fd, const char *name)
{
	char path[PATH_SIZE];

	if (!find_path(dir_fd, fd, path))
		TRY(link_unnamed(dir_fd, fd, path));
	if (!renameat(dir_fd, path, dir_fd, name))
		return NULL;
	struct error *err = error_errno("rename to %s", name);

	unlinkat(dir_fd, path, 0);
	return err;
}

static void remove_if_left(int dir_fd, const char *name)
{
	CLEANUP_CLOSE int fd = openat(
		dir_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		unlinkat(dir_fd, name, 0);
}

void cache_temp_sweep(int dir_fd)
{
	CLEANUP_CLOSE int fd =
		openat(dir_fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir)
		return;
	fd = -1; /* dir's now */
	while ((d = readdir(dir))) {
		if (d->d_name[0] != '.')
			remove_if_left(dirfd(dir), d->d_name);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "memory_dir.h"

#define PREFIX    "symbolized-index."
#define LOCK_NAME "lock"

/* It holds files only. */
static void remove_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;

	if (!dir)
		return;
	while ((d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			unlinkat(dirfd(dir), d->d_name, 0);
	closedir(dir);
	rmdir(path);
}

static int open_lock(const char *dir, int flags)
{
	CLEANUP_FREE char *path = mem_printf("%s/" LOCK_NAME, dir);

	return path ? open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600)
		    : -1;
}

/* Is it ours by owner, and nobody's by its lock? */
static bool is_left_behind(const char *path)
{
	struct stat st;

	if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return false;
	CLEANUP_CLOSE int lock = open_lock(path, 0);

	return lock >= 0 && !flock(lock, LOCK_EX | LOCK_NB);
}

static void remove_left_behind(const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *d;

	if (!dir)
		return;
	while ((d = readdir(dir))) {
		if (strncmp(d->d_name, PREFIX, sizeof(PREFIX) - 1) != 0)
			continue;
		CLEANUP_FREE char *path =
			mem_printf("%s/%s", parent, d->d_name);

		if (path && is_left_behind(path))
			remove_dir(path);
	}
	closedir(dir);
}

static struct error *make_in(const char *parent, struct memory_dir *m)
{
	int n = snprintf(m->path, sizeof(m->path), "%s/" PREFIX "XXXXXX",
			 parent);

	if (n < 0 || (size_t)n >= sizeof(m->path) || !mkdtemp(m->path)) {
		m->path[0] = '\0';
		return error_errno("a directory for the index in %s", parent);
	}
	m->lock = open_lock(m->path, O_CREAT | O_EXCL);
	if (m->lock >= 0 && !flock(m->lock, LOCK_EX | LOCK_NB))
		return NULL;
	struct error *err = error_errno("%s/" LOCK_NAME, m->path);

	memory_dir_remove(m);
	return err;
}

struct error *memory_dir_make(struct memory_dir *m)
{
	const char *tmp = getenv("TMPDIR");
	const char *parents[] = { "/dev/shm", tmp && *tmp ? tmp : "/tmp" };
	struct error *err = NULL;

	for (size_t i = 0; i < sizeof(parents) / sizeof(*parents); i++) {
		error_free(err);
		remove_left_behind(parents[i]);
		err = make_in(parents[i], m);
		if (!err)
			return NULL;
	}
	return err;
}

void memory_dir_remove(struct memory_dir *m)
{
	if (!m->path[0])
		return;
	remove_dir(m->path);
	if (m->lock >= 0)
		close(m->lock);
	m->path[0] = '\0';
}

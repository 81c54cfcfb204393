/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/cache_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void cache_list_deinit(struct cache_list *l)
{
	mem_free(STEAL(l->files));
	buf_deinit(&l->names);
}

const char *cache_list_name(const struct cache_list *l,
			    const struct cache_listed *f)
{
	return (const char *)l->names.data + f->name;
}

static int compare_used(const void *a, const void *b)
{
	const struct timespec *x = &((const struct cache_listed *)a)->used;
	const struct timespec *y = &((const struct cache_listed *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static struct error *add(struct cache_list *l, const char *name, uint64_t bytes,
			 struct timespec used)
{
	size_t at = l->names.size;

	if (!mem_grow(&l->files, &l->capacity, l->count + 1,
		      sizeof(*l->files)) ||
	    !buf_append(&l->names, name, strlen(name) + 1))
		return error_no_memory;
	l->files[l->count++] = (struct cache_listed) { at, bytes, used };
	return NULL;
}

struct error *cache_list_read(int dir_fd,
			      struct timespec (*used_of)(const struct stat *),
			      struct cache_list *ret)
{
	CLEANUP_CLOSE int fd =
		openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir)
		return error_errno("list the files");
	fd = -1; /* dir's now */
	while ((d = readdir(dir))) {
		struct stat st;

		if (!fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode))
			TRY(add(ret, d->d_name, (uint64_t)st.st_size,
				used_of(&st)));
	}
	if (ret->count)
		qsort(ret->files, ret->count, sizeof(*ret->files),
		      compare_used);
	return NULL;
}

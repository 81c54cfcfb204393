/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "scan/walk.h"

struct visited {
	dev_t dev;
	ino_t ino;
};

struct walk {
	const struct walk_options *o;
	dev_t root_dev;
	char **pending; /* directories still to enter; owned */
	size_t count, capacity;
	struct visited *visited; /* only when links are followed; a hash set */
	size_t visited_count, visited_size;
	char *listing; /* directory entries as the kernel gives them */
};

enum { LISTING_SIZE = 64 << 10 };

static void walk_deinit(struct walk *w)
{
	for (size_t i = 0; i < w->count; i++)
		mem_free(w->pending[i]);
	mem_free(w->pending);
	mem_free(w->visited);
	mem_free(w->listing);
}

static struct error *push(struct walk *w, const char *path)
{
	char *copy = mem_strdup(path);

	if (!copy || !mem_grow(&w->pending, &w->capacity, w->count + 1,
			       sizeof(*w->pending))) {
		mem_free(copy);
		return error_no_memory;
	}
	w->pending[w->count++] = copy;
	return NULL;
}

static size_t visited_slot(const struct visited *set, size_t size, dev_t dev,
			   ino_t ino)
{
	size_t at =
		((size_t)ino * 0x9e3779b97f4a7c15u ^ (size_t)dev) & (size - 1);

	while (set[at].ino && (set[at].ino != ino || set[at].dev != dev))
		at = (at + 1) & (size - 1);
	return at;
}

/* Note a directory. @p new_ret: it was not entered before. */
static struct error *visit(struct walk *w, const struct stat *st, bool *new_ret)
{
	if (2 * (w->visited_count + 1) > w->visited_size) {
		size_t size = w->visited_size ? w->visited_size * 2 : 256;
		struct visited *set = mem_array(size, sizeof(*set));

		if (!set)
			return error_no_memory;
		for (size_t i = 0; i < w->visited_size; i++) {
			const struct visited *v = &w->visited[i];

			if (v->ino)
				set[visited_slot(set, size, v->dev, v->ino)] =
					*v;
		}
		mem_free(w->visited);
		w->visited = set;
		w->visited_size = size;
	}
	size_t at = visited_slot(w->visited, w->visited_size, st->st_dev,
				 st->st_ino);

	*new_ret = !w->visited[at].ino;
	if (*new_ret) {
		w->visited[at] = (struct visited) { .dev = st->st_dev,
						    .ino = st->st_ino };
		w->visited_count++;
	}
	return NULL;
}

static bool is_skipped(const struct walk *w, const char *path)
{
	for (const char *const *s = w->o->skip; s && *s; s++) {
		if (!strcmp(*s, path))
			return true;
	}
	return false;
}

static void report(const struct walk *w, const char *path, struct error *err)
{
	w->o->problem(w->o->ctx, path, err);
}

/* A file reached through a link goes by the name it has itself. */
static struct error *linked_file(struct walk *w, const char *path)
{
	char real[PATH_MAX];
	struct stat st;

	if (!realpath(path, real) || lstat(real, &st))
		return NULL; /* dangling: nothing to scan */
	CLEANUP_FREE char *dir =
		mem_strndup(real, (size_t)(path_base(real) - real) -
					  (path_base(real) - real > 1));

	if (!dir)
		return error_no_memory;
	if (S_ISDIR(st.st_mode))
		return push(w, real);
	return S_ISREG(st.st_mode) ? w->o->file(w->o->ctx, dir, real, &st)
				   : NULL;
}

static struct error *entry(struct walk *w, int dir_fd, const char *dir,
			   const struct dirent64 *d)
{
	struct stat st;

	if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
		return NULL;
	/* The type alone settles most of what is not a regular file. */
	if (d->d_type != DT_REG && d->d_type != DT_DIR && d->d_type != DT_LNK &&
	    d->d_type != DT_UNKNOWN)
		return NULL;
	if (d->d_type == DT_LNK && !w->o->follow_symlinks)
		return NULL;
	CLEANUP_FREE char *path = path_join(dir, d->d_name);

	if (!path)
		return error_no_memory;
	if (d->d_type == DT_DIR)
		return push(w, path);
	if (fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno != ENOENT)
			report(w, path, error_errno("stat"));
		return NULL;
	}
	if (S_ISLNK(st.st_mode))
		return w->o->follow_symlinks ? linked_file(w, path) : NULL;
	if (S_ISDIR(st.st_mode))
		return push(w, path);
	return S_ISREG(st.st_mode) ? w->o->file(w->o->ctx, dir, path, &st)
				   : NULL;
}

/* May the opened directory be entered? */
static struct error *may_enter(struct walk *w, int fd, const char *path,
			       bool *ret)
{
	struct stat st;

	*ret = true;
	if (!w->o->one_file_system && !w->o->follow_symlinks)
		return NULL;
	*ret = false;
	if (fstat(fd, &st)) {
		report(w, path, error_errno("stat"));
		return NULL;
	}
	if (w->o->one_file_system && st.st_dev != w->root_dev)
		return NULL;
	if (w->o->follow_symlinks)
		return visit(w, &st, ret);
	*ret = true;
	return NULL;
}

/* getdents64 without a DIR around it: that costs four more system calls and an
 * allocation a directory, a third of a scan that finds nothing new. */
static struct error *list(struct walk *w, int fd, const char *path)
{
	while (!atomic_load(w->o->stop)) {
		ssize_t n = getdents64(fd, w->listing, LISTING_SIZE);

		if (n < 0)
			report(w, path, error_errno("read directory"));
		if (n <= 0)
			break;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d =
				(const struct dirent64 *)(w->listing + at);

			TRY(entry(w, fd, path, d));
			at += d->d_reclen;
		}
	}
	return NULL;
}

static struct error *enter(struct walk *w, const char *path)
{
	CLEANUP_CLOSE int fd = -1;
	bool enter_it;

	if (is_skipped(w, path))
		return NULL;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		/* Gone or replaced since it was listed: the next scan sees. */
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			report(w, path, error_errno("open directory"));
		return NULL;
	}
	TRY(may_enter(w, fd, path, &enter_it));
	return enter_it ? list(w, fd, path) : NULL;
}

struct error *walk_tree(const struct walk_options *options)
{
	CLEANUP(walk_deinit) struct walk w = { .o = options };
	struct stat st;

	if (lstat(options->root, &st)) {
		report(&w, options->root, error_errno("stat"));
		return NULL;
	}
	w.root_dev = st.st_dev;
	if (S_ISREG(st.st_mode)) {
		const char *base = path_base(options->root);
		size_t n = (size_t)(base - options->root);
		CLEANUP_FREE char *dir =
			mem_strndup(options->root, n > 1 ? n - 1 : n);

		if (!dir)
			return error_no_memory;
		return options->file(options->ctx, dir, options->root, &st);
	}
	w.listing = mem_alloc(LISTING_SIZE);
	if (!w.listing)
		return error_no_memory;
	TRY(push(&w, options->root));
	while (w.count && !atomic_load(options->stop)) {
		CLEANUP_FREE char *path = w.pending[--w.count];

		TRY(enter(&w, path));
	}
	return NULL;
}

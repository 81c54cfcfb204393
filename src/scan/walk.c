/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/path.h"
#include "scan/walk.h"

struct visited {
	dev_t dev;
	ino_t ino;
};

/** A directory still to enter. */
struct pending {
	char *path;      /* owned */
	uint64_t parent; /* number of the directory it was met in; 0: by a link
			  */
};

/** A directory whose entries are being entered. */
struct ancestor {
	uint64_t number;
	int fd;
};

enum {
	LISTING_SIZE = 64 << 10,
	/* Those beneath more are opened by their whole path. */
	ANCESTORS_MAX = 16,
};

struct walk {
	const struct walk_options *o;
	dev_t root_dev;
	struct pending *pending; /* the last one is next */
	size_t count, capacity;
	/** Each one's number is above those before it. */
	struct ancestor ancestors[ANCESTORS_MAX];
	size_t ancestor_count;
	uint64_t entered;        /* directories; the number of the last one */
	struct buf path;         /* of the entry looked at */
	size_t path_dir_size;    /* its directory, with the slash */
	struct visited *visited; /* only when links are followed; a hash set */
	size_t visited_count, visited_size;
	char *listing; /* directory entries as the kernel gives them */
};

static void walk_deinit(struct walk *w)
{
	for (size_t i = 0; i < w->count; i++)
		mem_free(w->pending[i].path);
	mem_free(w->pending);
	while (w->ancestor_count)
		close(w->ancestors[--w->ancestor_count].fd);
	buf_deinit(&w->path);
	mem_free(w->visited);
	mem_free(w->listing);
}

/* May there be files of interest in that directory? */
static bool is_too_deep(const struct walk *w, const char *dir)
{
	unsigned depth = 0;

	if (!w->o->max_depth || !path_is_beneath(dir, w->o->root))
		return false;
	for (const char *p = dir + strlen(w->o->root); *p; p++)
		depth += *p != '/' && p[-1] == '/';
	return depth >= w->o->max_depth;
}

static struct error *push(struct walk *w, const char *path, uint64_t parent)
{
	char *copy = mem_strdup(path);

	if (!copy || !mem_grow(&w->pending, &w->capacity, w->count + 1,
			       sizeof(*w->pending))) {
		mem_free(copy);
		return error_no_memory;
	}
	w->pending[w->count++] =
		(struct pending) { .path = copy, .parent = parent };
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

void scan_traversed(const char *type)
{
	metric_add(METRIC_SCAN_TRAVERSED, metric_label(LABELS_MET, type), 0, 1);
}

static void report(const struct walk *w, const char *path, struct error *err)
{
	w->o->problem(w->o->ctx, path, err);
}

static struct error *pass_by(const char *type)
{
	scan_traversed(type);
	return NULL;
}

/* A file reached through a link goes by the name it has itself. */
static struct error *linked_file(struct walk *w, const char *path)
{
	char real[PATH_MAX];
	struct stat st;

	if (!realpath(path, real) || lstat(real, &st))
		return pass_by("other"); /* dangling: nothing to scan */
	CLEANUP_FREE char *dir =
		mem_strndup(real, (size_t)(path_base(real) - real) -
					  (path_base(real) - real > 1));

	if (!dir)
		return error_no_memory;
	if (S_ISDIR(st.st_mode))
		return push(w, real, 0);
	return S_ISREG(st.st_mode) ? w->o->file(w->o->ctx, dir, real, &st)
				   : pass_by("other");
}

/* The directory that the next entries are in. */
static bool set_path_dir(struct walk *w, const char *dir)
{
	size_t n = strlen(dir);

	buf_clear(&w->path);
	buf_append(&w->path, dir, n);
	if (!n || dir[n - 1] != '/')
		buf_append_byte(&w->path, '/');
	w->path_dir_size = w->path.size;
	return !w->path.failed;
}

/* In place: an allocation for each file costs as much as comparing it. */
static const char *path_of(struct walk *w, const char *name)
{
	w->path.size = w->path_dir_size;
	buf_append_str(&w->path, name);
	return buf_str(&w->path);
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
		return pass_by("other");
	if (d->d_type == DT_LNK && !w->o->follow_symlinks)
		return pass_by("symlink");
	const char *path = path_of(w, d->d_name);

	if (!path)
		return error_no_memory;
	if (d->d_type == DT_DIR)
		return push(w, path, w->entered);
	if (fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno != ENOENT)
			report(w, path, error_errno("stat"));
		return NULL;
	}
	if (S_ISLNK(st.st_mode))
		return w->o->follow_symlinks ? linked_file(w, path)
					     : pass_by("symlink");
	if (S_ISDIR(st.st_mode))
		return push(w, path, w->entered);
	return S_ISREG(st.st_mode) ? w->o->file(w->o->ctx, dir, path, &st)
				   : pass_by("other");
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
	if (!set_path_dir(w, path))
		return error_no_memory;
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

/* Open by the name alone where the directory it was met in is open: looking up
 * the path again, from the root on, costs more than opening. Whatever lies
 * before it is done with, since the last one met is entered first. */
static int open_dir(struct walk *w, const struct pending *p)
{
	const struct ancestor *last = NULL;
	int from = AT_FDCWD;

	while (p->parent && w->ancestor_count) {
		last = &w->ancestors[w->ancestor_count - 1];
		if (last->number <= p->parent)
			break;
		close(last->fd);
		w->ancestor_count--;
	}
	if (p->parent && w->ancestor_count && last->number == p->parent)
		from = last->fd;
	return openat(from, from == AT_FDCWD ? p->path : path_base(p->path),
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Keep it open for the directories in it. @p fd is taken. */
static void keep_open(struct walk *w, int fd)
{
	if (w->ancestor_count == ANCESTORS_MAX) {
		close(fd);
		return;
	}
	w->ancestors[w->ancestor_count++] =
		(struct ancestor) { .number = w->entered, .fd = fd };
}

static struct error *enter(struct walk *w, const struct pending *p)
{
	CLEANUP_CLOSE int fd = -1;
	size_t before = w->count;
	bool enter_it;

	if (is_skipped(w, p->path) || is_too_deep(w, p->path))
		return NULL;
	fd = open_dir(w, p);
	if (fd < 0) {
		/* Gone or replaced since it was listed: the next scan sees. */
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			report(w, p->path, error_errno("open directory"));
		return NULL;
	}
	TRY(may_enter(w, fd, p->path, &enter_it));
	if (!enter_it)
		return NULL;
	scan_traversed("directory");
	w->entered++;
	TRY(list(w, fd, p->path));
	if (w->count > before)
		keep_open(w, steal_fd(&fd));
	return NULL;
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
	TRY(push(&w, options->root, 0));
	while (w.count && !atomic_load(options->stop)) {
		struct pending next = w.pending[--w.count];
		CLEANUP_FREE char *path = next.path;

		TRY(enter(&w, &next));
	}
	return NULL;
}

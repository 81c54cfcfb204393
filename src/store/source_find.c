/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file is a source that some artifact's line tables name?
 *
 * A path is served only if an artifact of the build ID names it (as asked, or
 * in the same canonical form), and then only from an indexed archive, from
 * beneath a scanned root or, if everybody may read it, from beneath a source
 * root (never from our own directories): a doctored ELF can make no other file
 * servable than what the operator had scanned or named.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"
#include "codec/codec.h"
#include "elf/elf_facts.h"
#include "store/store_internal.h"

enum {
	/* Names that are unpacked for one question. Files of one build ID mostly
	 * have the same, but may each be made to have as many as one can. */
	NAMES_LIMIT = 128 << 20,
	/* Lists of archives' files that are read for one question. */
	LISTS_LIMIT = 64 << 20,
};

/* ---- Is it named? -------------------------------------------------------- */

/* Canonical and absolute: how a path of a line table and a path of a request
 * are compared. */
static char *absolute_form(const char *path)
{
	CLEANUP_FREE char *absolute =
		path[0] == '/' ? mem_strdup(path) : path_join("/", path);

	return absolute ? path_canonical(absolute) : NULL;
}

struct name_search {
	struct index_reader *r;
	const char *canonical;
	size_t left; /* of NAMES_LIMIT */
	bool is_cut;
	/* Packed lists that were read: copies are told by them, with a seed
	 * that nobody knows. */
	uint64_t seed;
	uint64_t seen[INDEX_PLACES_MAX];
	size_t seen_count;
};

static void spend(struct name_search *s, size_t bytes)
{
	s->left -= bytes < s->left ? bytes : s->left;
}

static bool was_seen(struct name_search *s, const struct buf *packed)
{
	uint64_t hash = hash_bytes(packed->data, packed->size, s->seed);

	for (size_t i = 0; i < s->seen_count; i++) {
		if (s->seen[i] == hash)
			return true;
	}
	s->seen[s->seen_count++] = hash;
	return false;
}

/* NUL behind each name. */
static bool is_in_list(const struct buf *list, const char *canonical)
{
	const char *name = (const char *)list->data;
	const char *end = name + list->size;

	while (name < end) {
		size_t n = strnlen(name, (size_t)(end - name));

		if (n < (size_t)(end - name) &&
		    path_is_form_of(name, n, canonical))
			return true;
		name += n + 1;
	}
	return false;
}

/* Does the artifact name the path? */
static struct error *is_named(struct name_search *s,
			      const struct index_place *p, bool *ret)
{
	CLEANUP_BUF struct buf packed = BUF_INIT, list = BUF_INIT;

	*ret = false;
	if (!p->source_count)
		return NULL;
	TRY(index_sources(s->r, p->artifact_id, &packed));
	if (!packed.size)
		return NULL;
	if (was_seen(s, &packed)) {
		spend(s, packed.size);
		return NULL;
	}
	struct error *err =
		codec_unpack(packed.data, packed.size, s->left, &list);

	if (err && error_kind(err) == ERROR_LIMIT) {
		error_free(err);
		spend(s, packed.size);
		s->is_cut = true;
		return NULL;
	}
	TRY(err);
	spend(s, list.size);
	*ret = is_in_list(&list, s->canonical);
	return NULL;
}

/* The best place whose artifact names it; NULL: none does. */
static struct error *find_naming(struct index_reader *r,
				 const struct index_places *places,
				 const char *canonical,
				 const struct index_place **ret)
{
	struct name_search s = {
		.r = r,
		.canonical = canonical,
		.left = NAMES_LIMIT,
	};

	*ret = NULL;
	if (getrandom(&s.seed, sizeof(s.seed), 0) != sizeof(s.seed))
		return error_errno("getrandom");
	for (size_t i = 0; i < places->count && !*ret; i++) {
		bool is_it = false;

		if (s.left)
			TRY(is_named(&s, &places->v[i], &is_it));
		else
			s.is_cut = true;
		if (is_it)
			*ret = &places->v[i];
	}
	if (!*ret && s.is_cut)
		limit_reached("source_names");
	return NULL;
}

/* ---- Beneath a root ------------------------------------------------------ */

/* Component by component, no link at all: where openat2 is not to be had (an
 * old kernel, a container's filter). */
static int open_by_steps(int root, const char *path)
{
	CLEANUP_CLOSE int dir = dup(root);

	while (dir >= 0) {
		char name[NAME_MAX + 1];
		size_t n = strcspn(path, "/");

		if (!n || n > NAME_MAX) {
			errno = ENOENT;
			return -1;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		path += n;
		while (*path == '/')
			path++;
		if (!*path)
			return openat(dir, name,
				      O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
					      O_NOCTTY | O_CLOEXEC);
		int next =
			openat(dir, name,
			       O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		close(dir);
		dir = next;
	}
	return -1;
}

static int open_beneath(int root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_steps(root, path);
	return fd;
}

static bool real_path(int fd, char path[PATH_MAX])
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH_MAX - 1);

	path[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

/* Our own files are nobody's sources, whatever link leads to them. */
static bool is_private(const struct store *st, const char *real)
{
	for (size_t i = 0; i < 2; i++) {
		if (st->private_dirs[i] &&
		    path_is_beneath(real, st->private_dirs[i]))
			return true;
	}
	return false;
}

/* May everybody on this machine read it, as far as that is settled beneath the
 * root? */
static bool is_public(const char *root, const char *real, mode_t mode)
{
	char dir[PATH_MAX];
	struct stat sb;
	char *slash;

	if (!(mode & S_IROTH) || !path_is_beneath(real, root))
		return false;
	snprintf(dir, sizeof(dir), "%s", real);
	while ((slash = strrchr(dir, '/')) &&
	       (size_t)(slash - dir) > strlen(root)) {
		*slash = '\0';
		if (stat(dir, &sb) || !(sb.st_mode & S_IXOTH))
			return false;
	}
	return true;
}

/* Does it mean that there is no such file, rather than that we could not
 * look? */
static bool is_absence(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP ||
	       error == EXDEV || error == EACCES || error == ENAMETOOLONG;
}

struct source_search {
	const struct store *st;
	const char *path;
	bool only_public;
	int fd; /* -1: nothing yet */
};

static struct error *look_beneath(void *ctx, const char *root)
{
	struct source_search *s = ctx;
	const char *rest = s->path + strlen(root);
	char real[PATH_MAX];
	struct stat sb;

	if (s->fd >= 0 || !path_is_beneath(s->path, root))
		return NULL;
	CLEANUP_CLOSE int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (*rest == '/')
		rest++;
	CLEANUP_CLOSE int fd = dir < 0 ? -1 : open_beneath(dir, rest);

	if (fd < 0 && !is_absence(errno))
		return error_errno("open source");
	if (fd < 0 || fstat(fd, &sb) || !S_ISREG(sb.st_mode) ||
	    !real_path(fd, real) || is_private(s->st, real))
		return NULL;
	if (s->only_public && !is_public(root, real, sb.st_mode))
		return NULL;
	s->fd = steal_fd(&fd);
	return NULL;
}

static struct error *look_beneath_all(struct source_search *s,
				      const char *const *roots)
{
	for (; roots && *roots; roots++)
		TRY(look_beneath(s, *roots));
	return NULL;
}

struct error *source_open(const struct store *st, struct index_reader *r,
			  const char *path, int *fd_ret)
{
	struct source_search s = { .st = st, .path = path, .fd = -1 };
	struct error *err = st->roots && *st->roots
				    ? look_beneath_all(&s, st->roots)
				    : index_each_root(r, look_beneath, &s);

	if (!err) {
		s.only_public = true;
		err = look_beneath_all(&s, st->source_roots);
	}
	if (err && s.fd >= 0)
		close(s.fd);
	*fd_ret = err ? -1 : s.fd;
	return err;
}

static struct error *add_file(struct store *st, struct index_reader *r,
			      struct flight *f, const char *path)
{
	CLEANUP_CLOSE int fd = -1;
	struct stat sb;
	struct target t = { .is_source_file = true };

	TRY(source_open(st, r, path, &fd));
	if (fd < 0 || fstat(fd, &sb))
		return NULL;
	t.container = mem_strdup(path);
	t.scanner = mem_strdup("elf");
	t.stamp.mtime_ns = clock_timespec_ns(sb.st_mtim);
	t.stamp.ctime_ns = clock_timespec_ns(sb.st_ctim);
	t.stamp.size = t.size = (uint64_t)sb.st_size;
	t.stamp.inode = sb.st_ino;
	t.mtime = sb.st_mtim.tv_sec;
	if (!t.container || !t.scanner ||
	    !mem_grow(&f->targets.v, &f->targets.capacity, f->targets.count + 1,
		      sizeof(t))) {
		target_deinit(&t);
		return error_no_memory;
	}
	f->targets.v[f->targets.count++] = t;
	return NULL;
}

/* ---- In archives --------------------------------------------------------- */

struct archive_search {
	struct flight *f;
	const char *path; /* canonical */
	const char *near; /* container of the artifact that names it */
	size_t best;      /* shared prefix of the best so far */
	size_t first;     /* index of the first target added */
};

static size_t shared_prefix(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

static bool find_file(const struct index_source_place *p, const char *name,
		      struct source_file *ret)
{
	size_t size = strlen(name);
	struct reader r;

	reader_init(&r, p->files, p->files_size, false);
	while (source_file_get(&r, ret)) {
		if (ret->name_size == size && !memcmp(ret->name, name, size))
			return true;
	}
	return false;
}

/* The last target of an archive becomes the first one. */
static void prefer_last(struct archive_search *s)
{
	struct targets *t = &s->f->targets;
	struct target better = t->v[t->count - 1];

	memmove(&t->v[s->first + 1], &t->v[s->first],
		(t->count - 1 - s->first) * sizeof(better));
	t->v[s->first] = better;
}

/* Among archives that hold the path, the one whose own name shares most with
 * the debuginfo's comes first: foo-debugsource beside foo-debuginfo. Of the
 * others, as many as there may be places of anything. */
static struct error *add_from_archive(void *ctx,
				      const struct index_source_place *p)
{
	struct archive_search *s = ctx;
	struct targets *t = &s->f->targets;
	size_t shared = shared_prefix(p->path, s->near);
	bool is_better = shared > s->best;
	bool is_enough = t->count - s->first == INDEX_PLACES_MAX;
	struct source_file file;

	if ((is_enough && !is_better) ||
	    !find_file(p, path_base(s->path), &file))
		return NULL;
	struct index_place place = {
		.path = p->path,
		.stamp = p->stamp,
		.container_id = p->container_id,
		.member = s->path,
		.scanner = p->scanner,
		.payload_codec = p->payload_codec,
		.payload_offset = p->payload_offset,
		.payload_size = p->payload_size,
		.ordinal = file.ordinal,
		.offset = file.offset,
		.size = file.size,
		.mtime = file.mtime,
	};

	if (is_enough)
		target_deinit(&t->v[--t->count]);
	TRY(targets_add_place(t, &place, &(struct build_id) { 0 }, NULL));
	if (is_better) {
		prefer_last(s);
		s->best = shared;
	}
	return NULL;
}

static struct error *add_archives(struct index_reader *r, struct flight *f,
				  const char *canonical, const char *near)
{
	size_t n = (size_t)(path_base(canonical) - canonical) - 1;
	CLEANUP_FREE char *dir = mem_strndup(canonical, n);
	struct archive_search search = {
		.f = f,
		.path = canonical,
		.near = near,
		.first = f->targets.count,
	};

	bool is_whole;

	if (!dir)
		return error_no_memory;
	TRY(index_each_source_dir(r, dir, LISTS_LIMIT, add_from_archive,
				  &search, &is_whole));
	if (!is_whole)
		limit_reached("source_lists");
	return NULL;
}

struct error *source_targets(struct store *st, struct index_reader *r,
			     struct flight *f)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	CLEANUP_FREE char *canonical = absolute_form(f->query.suffix);
	const struct index_place *named = NULL;

	if (!canonical)
		return error_no_memory;
	if (!*path_base(canonical))
		return NULL;
	TRY(index_find(r, &f->query.id,
		       ELF_ROLE_DEBUGINFO | ELF_ROLE_EXECUTABLE, &places));
	TRY(find_naming(r, &places, canonical, &named));
	if (!named)
		return NULL;
	if (!named->member)
		TRY(add_file(st, r, f, canonical));
	TRY(add_archives(r, f, canonical, named->path));
	if (named->member)
		TRY(add_file(st, r, f, canonical));
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "split_files.h"

void split_files_deinit(struct split_files *s)
{
	for (size_t i = 0; i < s->count; i++)
		close(s->dwos[i].fd);
	s->count = 0;
}

/* @return Is it there now? */
static bool add(struct split_files *s, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	s->dwos[s->count++] = (struct symtab_build_dwo) { .fd = fd };
	s->bytes += (uint64_t)st.st_size;
	fd = -1;
	return true;
}

static bool is_full(const struct split_files *s)
{
	return s->count == SYMTAB_JOB_DWO_FDS_MAX;
}

struct error *split_files_add_package(struct split_files *s,
				      const char *program)
{
	CLEANUP_FREE char *path = mem_printf("%s.dwp", program);

	if (!path)
		return error_no_memory;
	if (!is_full(s))
		add(s, path);
	return NULL;
}

static struct error *add_in(struct split_files *s, const char *dir,
			    size_t dir_len, const char *name, bool *found_ret)
{
	CLEANUP_FREE char *path =
		mem_printf("%.*s/%s", (int)dir_len, dir, name);

	if (!path)
		return error_no_memory;
	*found_ret = add(s, path);
	return NULL;
}

/* Where it was made; beside the program, as it was made; beside the program. */
static struct error *add_dwo(struct split_files *s, const char *program,
			     const char *comp_dir, const char *name)
{
	const char *slash = strrchr(program, '/');
	const char *dir = slash ? program : ".";
	size_t dir_len = slash ? (size_t)(slash - program) : 1;
	const char *base = strrchr(name, '/');
	bool found = false;

	if (*name == '/')
		found = add(s, name);
	else if (*comp_dir)
		TRY(add_in(s, comp_dir, strlen(comp_dir), name, &found));
	if (!found && *name != '/')
		TRY(add_in(s, dir, dir_len, name, &found));
	if (!found && base)
		TRY(add_in(s, dir, dir_len, base + 1, &found));
	return NULL;
}

struct error *split_files_add_missing(struct split_files *s,
				      const char *program,
				      const struct buf *missing)
{
	if (!missing->size) /* nor data to point into */
		return NULL;
	const char *at = (const char *)missing->data;
	const char *end = at + missing->size;

	while (at < end && !is_full(s)) {
		const char *dir = at;
		const char *name = dir + strlen(dir) + 1;

		if (name >= end)
			break;
		TRY(add_dwo(s, program, dir, name));
		at = name + strlen(name) + 1;
	}
	return NULL;
}

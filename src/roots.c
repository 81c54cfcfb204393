/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "command.h"

/* As the shell would find it from here. Owned, NULL without memory. */
static char *absolute(const char *path)
{
	char here[PATH_MAX];
	CLEANUP_FREE char *joined = NULL;

	if (path[0] == '/' || !getcwd(here, sizeof(here)))
		return path_canonical(path);
	joined = path_join(here, path);
	return joined ? path_canonical(joined) : NULL;
}

/* @ret has room for it and the NULL. */
static struct error *add_root(struct roots *ret, const char *path,
			      bool allow_missing)
{
	char real[PATH_MAX];
	bool is_there = realpath(path, real);

	if (!is_there && !allow_missing)
		return error_errno("%s", path);
	ret->v[ret->count] = is_there ? mem_strdup(real) : absolute(path);
	return ret->v[ret->count++] ? NULL : error_no_memory;
}

struct error *roots_resolve(const struct settings *s, bool allow_missing,
			    struct roots *ret)
{
	ret->count = 0;
	ret->v = mem_array(s->path_count + 1, sizeof(*ret->v));
	if (!ret->v)
		return error_no_memory;
	for (size_t i = 0; i < s->path_count; i++)
		TRY(add_root(ret, s->paths[i], allow_missing));
	return NULL;
}

struct error *roots_split(const char *text, struct roots *ret)
{
	size_t count = 1;

	for (const char *p = text ? text : ""; *p; p++)
		count += *p == ':';
	ret->count = 0;
	ret->v = mem_array(count + 1, sizeof(*ret->v));
	if (!ret->v)
		return error_no_memory;
	while (text && *text) {
		size_t n = strcspn(text, ":");
		CLEANUP_FREE char *path = mem_strndup(text, n);

		if (!path)
			return error_no_memory;
		if (n && access(path, X_OK))
			log_warn("command", "cannot be looked into now",
				 LOG_S("path", path),
				 LOG_S("why", strerror(errno)));
		if (n)
			TRY(add_root(ret, path, true));
		text += n + (text[n] == ':');
	}
	return NULL;
}

void roots_deinit(struct roots *r)
{
	for (size_t i = 0; i < r->count; i++)
		mem_free(r->v[i]);
	mem_free(r->v);
	*r = (struct roots) { 0 };
}

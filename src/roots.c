/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

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

struct error *roots_resolve(const struct settings *s, bool allow_missing,
			    struct roots *ret)
{
	char real[PATH_MAX];

	ret->count = 0;
	ret->v = mem_array(s->path_count + 1, sizeof(*ret->v));
	if (!ret->v)
		return error_no_memory;
	for (size_t i = 0; i < s->path_count; i++) {
		bool is_there = realpath(s->paths[i], real);

		if (!is_there && !allow_missing)
			return error_errno("%s", s->paths[i]);
		ret->v[ret->count] =
			is_there ? mem_strdup(real) : absolute(s->paths[i]);
		if (!ret->v[ret->count])
			return error_no_memory;
		ret->count++;
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

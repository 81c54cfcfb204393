/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "command.h"

struct error *roots_resolve(const struct settings *s, struct roots *ret)
{
	char real[PATH_MAX];

	ret->count = 0;
	ret->v = mem_array(s->path_count + 1, sizeof(*ret->v));
	if (!ret->v)
		return error_no_memory;
	for (size_t i = 0; i < s->path_count; i++) {
		if (!realpath(s->paths[i], real))
			return error_errno("%s", s->paths[i]);
		ret->v[ret->count] = mem_strdup(real);
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

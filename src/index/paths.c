/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/path.h"
#include "index/index_private.h"

bool path_split(const char *path, size_t *dir_size_ret, const char **name_ret)
{
	const char *slash = strrchr(path, '/');

	if (path[0] != '/' || !slash[1])
		return false;
	*dir_size_ret = (size_t)(slash - path);
	*name_ret = slash + 1;
	return true;
}

size_t directory_size(const char *dir)
{
	size_t size = strlen(dir);

	while (size && dir[size - 1] == '/')
		size--;
	return size;
}

struct error *path_ranges_init(struct path_ranges *r, const char *dir)
{
	/* The least text behind all that begin with "dir/" is "dir0"; the least
	 * behind "dir" is "dir" and a NUL. */
	static const char ends[] = { '\0', '/', '/' + 1 };
	size_t size = directory_size(dir);
	const char *texts[sizeof(ends)];

	r->memory = mem_alloc(sizeof(ends) * (size + 1));
	if (!r->memory)
		return error_no_memory;
	for (size_t i = 0; i < sizeof(ends); i++) {
		char *text = r->memory + i * (size + 1);

		memcpy(text, dir, size);
		text[size] = ends[i];
		texts[i] = text;
	}
	r->self = (struct path_range) { texts[0], texts[0], size, size + 1 };
	r->below =
		(struct path_range) { texts[1], texts[2], size + 1, size + 1 };
	return NULL;
}

void path_ranges_deinit(struct path_ranges *r)
{
	mem_free(STEAL(r->memory));
}

uint32_t name_hash(const char *name)
{
	return (uint32_t)hash_str(path_base(name), 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/path.h"
#include "worker/jobs.h"
#include "worker/source_list.h"

static struct error *grow_table(struct source_list *l)
{
	size_t size = l->table_size ? l->table_size * 2 : 64;
	uint32_t *table = mem_array(size, sizeof(*table));

	if (!table)
		return error_no_memory;
	for (size_t i = 0; i < l->count; i++) {
		size_t at = hash_str(l->dirs[i].dir, 0) & (size - 1);

		while (table[at])
			at = (at + 1) & (size - 1);
		table[at] = (uint32_t)i + 1;
	}
	mem_free(l->table);
	l->table = table;
	l->table_size = size;
	return NULL;
}

/* Find the directory's entry or make it. @p dir is taken. */
static struct error *find_dir(struct source_list *l, char *dir, size_t *ret)
{
	CLEANUP_FREE char *owned = dir;

	if (l->count < UINT32_MAX && 2 * (l->count + 1) > l->table_size)
		TRY(grow_table(l));
	size_t at = hash_str(owned, 0) & (l->table_size - 1);

	while (l->table[at]) {
		*ret = l->table[at] - 1;
		if (!strcmp(l->dirs[*ret].dir, owned))
			return NULL;
		at = (at + 1) & (l->table_size - 1);
	}
	if (!mem_grow(&l->dirs, &l->capacity, l->count + 1, sizeof(*l->dirs)))
		return error_no_memory;
	*ret = l->count++;
	l->dirs[*ret] = (struct source_dir) { .dir = STEAL(owned) };
	l->table[at] = (uint32_t)l->count;
	return NULL;
}

struct error *source_list_add(struct source_list *l,
			      const struct scanner_member *m, uint64_t ordinal)
{
	CLEANUP_FREE char *absolute = path_join("/", m->name);
	CLEANUP_FREE char *path = absolute ? path_canonical(absolute) : NULL;

	if (!path)
		return error_no_memory;
	char *slash = strrchr(path, '/');
	struct source_file f = {
		.name = slash + 1,
		.name_size = strlen(slash + 1),
		.ordinal = ordinal,
		.offset = m->offset,
		.size = m->size,
		.mtime = m->mtime,
	};
	size_t dir_size = (size_t)(slash - path);

	if (l->last >= l->count ||
	    strncmp(l->dirs[l->last].dir, path, dir_size) != 0 ||
	    l->dirs[l->last].dir[dir_size]) {
		char *dir = mem_strndup(path, dir_size);

		if (!dir)
			return error_no_memory;
		TRY(find_dir(l, dir, &l->last));
	}
	source_file_put(&l->dirs[l->last].files, &f);
	return l->dirs[l->last].files.failed ? error_no_memory : NULL;
}

struct error *source_list_send(const struct source_list *l,
			       struct wire_out *out)
{
	for (size_t i = 0; i < l->count; i++) {
		struct buf *b = wire_out_begin(out, WIRE_SOURCE_DIR);

		buf_put_str(b, l->dirs[i].dir);
		buf_put_bytes(b, l->dirs[i].files.data, l->dirs[i].files.size);
		TRY(wire_out_end(out));
	}
	return NULL;
}

void source_list_deinit(struct source_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		mem_free(l->dirs[i].dir);
		buf_deinit(&l->dirs[i].files);
	}
	mem_free(l->dirs);
	mem_free(l->table);
	*l = (struct source_list) { 0 };
}

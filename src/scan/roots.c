/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanned paths, as the index has them for processes that scan nothing:
 * this scan's, and those of others and of earlier starts, as long as anything
 * beneath them is in the index.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "scan/scan_internal.h"

struct root_list {
	char **v; /* owned */
	size_t count, capacity;
};

static void root_list_deinit(struct root_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		mem_free(l->v[i]);
	mem_free(l->v);
}

static bool has_root(const struct root_list *l, const char *path)
{
	for (size_t i = 0; i < l->count; i++) {
		if (!strcmp(l->v[i], path))
			return true;
	}
	return false;
}

static struct error *add_root(void *ctx, const char *path)
{
	struct root_list *l = ctx;

	if (has_root(l, path))
		return NULL;
	char *copy = mem_strdup(path);

	/* And the NULL behind the last. */
	if (!copy ||
	    !mem_grow(&l->v, &l->capacity, l->count + 2, sizeof(*l->v))) {
		mem_free(copy);
		return error_no_memory;
	}
	l->v[l->count++] = copy;
	l->v[l->count] = NULL;
	return NULL;
}

static struct error *stop_at_first(void *ctx, const struct index_known *k)
{
	bool *is_any = ctx;

	(void)k;
	*is_any = true;
	return error_new(BUSY, "one is enough");
}

static struct error *is_in_use(struct index_reader *r, const char *root,
			       bool *ret)
{
	*ret = false;
	struct error *err = index_each_known(r, root, stop_at_first, ret);

	if (!*ret)
		return err;
	error_free(err);
	return NULL;
}

struct error *scan_put_roots(struct scan *s, struct index_reader *r)
{
	CLEANUP(root_list_deinit) struct root_list old = { 0 }, wanted = { 0 };
	size_t same = 0;

	if (!*s->o.roots)
		return NULL;
	for (const char *const *root = s->o.roots; *root; root++)
		TRY(add_root(&wanted, *root));
	TRY(index_each_root(r, add_root, &old));
	for (size_t i = 0; i < old.count; i++) {
		bool is_kept = has_root(&wanted, old.v[i]);

		if (!is_kept)
			TRY(is_in_use(r, old.v[i], &is_kept));
		if (is_kept)
			TRY(add_root(&wanted, old.v[i]));
		same += is_kept;
	}
	if (same == old.count && same == wanted.count)
		return NULL;
	return index_put_roots(s->o.index, (const char *const *)wanted.v);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "elf/elf_limits.h"
#include "elf/source_names.h"

enum { KIND_SHIFT = 56 };

void source_names_deinit(struct source_names *n)
{
	string_pool_deinit(&n->strings);
	key_set_deinit(&n->files);
}

struct source_ref source_ref_at(enum source_kind kind, uint64_t offset)
{
	if (offset >> KIND_SHIFT) {
		kind = SOURCE_MISSING;
		offset = 0;
	}
	return (struct source_ref) { (uint64_t)kind << KIND_SHIFT | offset };
}

enum source_kind source_ref_kind(struct source_ref ref)
{
	return (enum source_kind)(ref.v >> KIND_SHIFT);
}

uint64_t source_ref_offset(struct source_ref ref)
{
	return ref.v & ((UINT64_C(1) << KIND_SHIFT) - 1);
}

struct error *source_names_string(struct source_names *n, const char *s,
				  size_t len, struct source_ref *ret)
{
	uint32_t at;

	if (len > ELF_NAME_MAX)
		return error_new(LIMIT, "a name of %zu bytes", len);
	if (n->strings.bytes.size + len >= ELF_NAME_BYTES_MAX)
		return error_new(LIMIT, "more than %" PRIu64 " bytes of names",
				 ELF_NAME_BYTES_MAX);
	if (!string_pool_put(&n->strings, s, len, &at))
		return error_no_memory;
	*ret = source_ref_at(SOURCE_POOL, at);
	return NULL;
}

struct error *source_names_add(struct source_names *n, struct source_ref base,
			       struct source_ref dir, struct source_ref name)
{
	struct key key = { base.v, dir.v, name.v };
	size_t number;

	if (n->files.count >= ELF_NAMES_MAX)
		return error_new(LIMIT, "more than %" PRIu64 " files",
				 ELF_NAMES_MAX);
	if (!key_set_put(&n->files, key, &number))
		return error_no_memory;
	return NULL;
}

static int compare_places(const void *a, const void *b)
{
	const struct source_string *sa = a;
	const struct source_string *sb = b;

	return (sa->offset > sb->offset) - (sa->offset < sb->offset);
}

static size_t collect(const struct source_names *n, enum source_kind kind,
		      struct source_string *to)
{
	size_t count = 0;

	for (size_t i = 0; i < n->files.count; i++) {
		const struct key *k = &n->files.keys[i];
		uint64_t parts[] = { k->a, k->b, k->c };

		for (size_t p = 0; p < 3; p++) {
			struct source_ref ref = { parts[p] };

			if (source_ref_kind(ref) != kind)
				continue;
			if (to)
				to[count].offset = source_ref_offset(ref);
			count++;
		}
	}
	return count;
}

struct error *source_names_wanted(const struct source_names *n,
				  enum source_kind kind,
				  struct source_string **ret, size_t *count_ret)
{
	size_t count = collect(n, kind, NULL);
	struct source_string *list = mem_array(count, sizeof(*list));
	size_t distinct = 0;

	if (!list)
		return error_no_memory;
	collect(n, kind, list);
	if (count)
		qsort(list, count, sizeof(*list), compare_places);
	for (size_t i = 0; i < count; i++) {
		if (distinct && list[distinct - 1].offset == list[i].offset)
			continue;
		list[distinct] = list[i];
		list[distinct++].ref = source_ref_at(SOURCE_MISSING, 0);
	}
	*ret = list;
	*count_ret = distinct;
	return NULL;
}

static void settle_part(uint64_t *part, enum source_kind kind,
			const struct source_string *strings, size_t count)
{
	struct source_ref ref = { *part };
	struct source_string key = { .offset = source_ref_offset(ref) };

	if (source_ref_kind(ref) != kind)
		return;
	const struct source_string *found =
		count ? bsearch(&key, strings, count, sizeof(key),
				compare_places)
		      : NULL;

	*part = found ? found->ref.v : source_ref_at(SOURCE_MISSING, 0).v;
}

void source_names_settle(struct source_names *n, enum source_kind kind,
			 const struct source_string *strings, size_t count)
{
	for (size_t i = 0; i < n->files.count; i++) {
		struct key *k = &n->files.keys[i];

		settle_part(&k->a, kind, strings, count);
		settle_part(&k->b, kind, strings, count);
		settle_part(&k->c, kind, strings, count);
	}
}

const char *source_names_text(const struct source_names *n, uint64_t part)
{
	struct source_ref ref = { part };

	if (source_ref_kind(ref) != SOURCE_POOL)
		return NULL;
	const char *s =
		string_pool_at(&n->strings, (uint32_t)source_ref_offset(ref));

	return *s ? s : NULL;
}

static bool is_in_brackets(const char *name)
{
	return name[0] == '<' && name[strlen(name) - 1] == '>';
}

bool source_names_needs_alt(const struct source_names *n, const struct key *k)
{
	struct source_ref name_ref = { k->c };
	struct source_ref dir_ref = { k->b };
	struct source_ref base_ref = { k->a };
	const char *name = source_names_text(n, k->c);
	const char *dir = source_names_text(n, k->b);

	if (source_ref_kind(name_ref) == SOURCE_ALT)
		return true;
	if (!name || is_in_brackets(name) || name[0] == '/')
		return false;
	if (source_ref_kind(dir_ref) == SOURCE_ALT)
		return true;
	if (source_ref_kind(dir_ref) == SOURCE_MISSING ||
	    (dir && dir[0] == '/'))
		return false;
	return source_ref_kind(base_ref) == SOURCE_ALT;
}

/* False: no file. Without memory @p path has failed. */
static bool join(const struct source_names *n, const struct key *k,
		 struct buf *path)
{
	const char *name = source_names_text(n, k->c);
	const char *dir = source_names_text(n, k->b);
	const char *base = source_names_text(n, k->a);
	struct source_ref dir_ref = { k->b };

	if (!name || is_in_brackets(name))
		return false;
	// A name out of an unreadable directory is not one out of its base;
	// and "<dwz>" is dwz's way to say that there is no one base.
	if (source_ref_kind(dir_ref) == SOURCE_MISSING ||
	    (base && is_in_brackets(base)))
		base = NULL;
	buf_clear(path);
	if (name[0] != '/') {
		if (base && !(dir && dir[0] == '/')) {
			buf_append_str(path, base);
			buf_append_byte(path, '/');
		}
		if (dir) {
			buf_append_str(path, dir);
			buf_append_byte(path, '/');
		}
	}
	buf_append_str(path, name);
	return true;
}

static struct error *join_all(const struct source_names *n,
			      struct string_pool *paths, bool *complete_ret)
{
	CLEANUP_BUF struct buf path = BUF_INIT;
	uint64_t work = 0;
	uint32_t at;

	*complete_ret = true;
	for (size_t i = 0; i < n->files.count; i++) {
		if (source_names_needs_alt(n, &n->files.keys[i]) ||
		    !join(n, &n->files.keys[i], &path))
			continue;
		if (path.failed)
			return error_no_memory;
		work += path.size;
		if (work > ELF_NAME_WORK_MAX ||
		    paths->count >= ELF_SOURCES_MAX ||
		    paths->bytes.size + path.size >= ELF_SOURCE_BYTES_MAX) {
			*complete_ret = false;
			return NULL;
		}
		if (!string_pool_put(paths, (char *)path.data, path.size, &at))
			return error_no_memory;
	}
	return NULL;
}

static int compare_strings(const void *a, const void *b, void *bytes)
{
	return strcmp((char *)bytes + *(const uint32_t *)a,
		      (char *)bytes + *(const uint32_t *)b);
}

/* Sorts the pool's list of starts, which it does not need any more. */
static struct error *write_sorted(struct string_pool *paths,
				  struct buf *sources)
{
	if (!paths->count)
		return NULL;
	qsort_r(paths->starts, paths->count, sizeof(*paths->starts),
		compare_strings, paths->bytes.data);
	if (!buf_reserve(sources, paths->bytes.size))
		return error_no_memory;
	for (size_t i = 0; i < paths->count; i++) {
		const char *s = string_pool_at(paths, paths->starts[i]);

		buf_append(sources, s, strlen(s) + 1);
	}
	return NULL;
}

struct error *source_names_join(const struct source_names *n,
				struct buf *sources, size_t *count_ret,
				bool *complete_ret)
{
	CLEANUP(string_pool_deinit) struct string_pool paths = { 0 };

	TRY(join_all(n, &paths, complete_ret));
	TRY(write_sorted(&paths, sources));
	*count_ret = paths.count;
	return NULL;
}

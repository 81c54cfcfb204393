/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "scan/known.h"

/* When a file that cost a worker its life is tried again: after 1, 10 and 60
 * minutes, then only when it changes, or once by another process. What
 * the machine could not do is no fault of the file's: it goes on each hour. */
static const int64_t retry_after_s[] = { 60, 600, 3600 };
enum { RETRIES = sizeof(retry_after_s) / sizeof(*retry_after_s) };

uint64_t known_path_hash(const struct known *k, const char *path)
{
	uint64_t h = hash_str(path, k->secret);

	return h ? h : 1;
}

uint64_t known_stamp_hash(const struct known *k, const struct index_stamp *s)
{
	const uint64_t words[4] = { (uint64_t)s->mtime_ns,
				    (uint64_t)s->ctime_ns, s->size, s->inode };

	return hash_bytes(words, sizeof(words), k->secret);
}

uint64_t known_print(const struct known *k, const char *path,
		     const struct index_stamp *s)
{
	uint64_t h = hash_str(path, known_stamp_hash(k, s));

	return h ? h : 1;
}

/* Double a table of @p item bytes an entry whose first eight are the key. */
static bool grow(void *table, size_t *size, size_t item)
{
	uint8_t *old = *(uint8_t **)table;
	size_t bigger = *size ? *size * 2 : 1024;
	uint8_t *fresh = mem_array(bigger, item);

	if (!fresh)
		return false;
	for (size_t i = 0; i < *size; i++) {
		uint64_t key;

		memcpy(&key, old + i * item, sizeof(key));
		if (!key)
			continue;
		size_t at = key & (bigger - 1);

		for (;;) {
			uint64_t other;

			memcpy(&other, fresh + at * item, sizeof(other));
			if (!other)
				break;
			at = (at + 1) & (bigger - 1);
		}
		memcpy(fresh + at * item, old + i * item, item);
	}
	mem_free(old);
	*(uint8_t **)table = fresh;
	*size = bigger;
	return true;
}

struct path_slot *path_table_get(struct path_table *t, uint64_t path,
				 bool *new_ret)
{
	if (2 * (t->count + 1) > t->size &&
	    !grow(&t->slots, &t->size, sizeof(*t->slots)))
		return NULL;
	size_t at = path & (t->size - 1);

	while (t->slots[at].path && t->slots[at].path != path)
		at = (at + 1) & (t->size - 1);
	*new_ret = !t->slots[at].path;
	t->count += *new_ret;
	t->slots[at].path = path;
	return &t->slots[at];
}

bool path_table_has(const struct path_table *t, uint64_t path)
{
	if (!t->size)
		return false;
	size_t at = path & (t->size - 1);

	while (t->slots[at].path && t->slots[at].path != path)
		at = (at + 1) & (t->size - 1);
	return t->slots[at].path;
}

void path_table_deinit(struct path_table *t)
{
	mem_free(t->slots);
	*t = (struct path_table) { 0 };
}

struct load {
	struct known *known;
	unsigned root_order;
	bool is_first;
	int64_t now;
};

/* Did it cost a worker its life, or its time? */
static bool is_poison(const struct index_known *in)
{
	static const enum error_kind kinds[] = { ERROR_WORKER, ERROR_LIMIT };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!strcmp(in->problem_kind, error_kind_label(kinds[i])))
			return true;
	}
	return false;
}

static bool is_retry_due(const struct load *load, const struct index_known *in)
{
	size_t tries = in->attempts ? in->attempts - 1 : 0;

	if (!in->is_retryable || load->is_first)
		return in->is_retryable;
	if (tries >= RETRIES && is_poison(in))
		return false;
	int64_t pause = retry_after_s[tries < RETRIES ? tries : RETRIES - 1];

	/* Tried in times to come: the clock was wrong then, or is now. */
	return load->now < in->tried_at || load->now >= in->tried_at + pause;
}

static struct error *add_known(void *ctx, const struct index_known *in)
{
	const struct load *load = ctx;
	struct known *k = load->known;
	uint64_t path = known_path_hash(k, in->path);

	if (2 * (k->entry_count + 1) > k->entry_size &&
	    !grow(&k->entries, &k->entry_size, sizeof(*k->entries)))
		return error_no_memory;
	size_t at = path & (k->entry_size - 1);

	while (k->entries[at].path && k->entries[at].path != path)
		at = (at + 1) & (k->entry_size - 1);
	/* Beneath an earlier root too: that one's order holds. */
	if (k->entries[at].path)
		return NULL;
	k->is_misordered |= in->root_order != load->root_order;
	k->entry_count++;
	k->entries[at] = (struct known_entry) {
		.path = path,
		.stamp = known_stamp_hash(k, &in->stamp),
		.mark = scan_mark(in->scanner),
		.is_retry_due = is_retry_due(load, in),
	};
	return NULL;
}

static struct error *add_ignored(void *ctx, const char *dir,
				 const uint64_t *prints, size_t count)
{
	struct known *k = ((const struct load *)ctx)->known;
	struct known_dir d = { .dir = known_path_hash(k, dir),
			       .count = (uint32_t)count };

	while (2 * (k->print_count + count) >= k->print_size) {
		if (!grow(&k->prints, &k->print_size, sizeof(*k->prints)))
			return error_no_memory;
	}
	for (size_t i = 0; i < count; i++) {
		size_t at = prints[i] & (k->print_size - 1);

		while (k->prints[at] && k->prints[at] != prints[i])
			at = (at + 1) & (k->print_size - 1);
		k->print_count += !k->prints[at];
		k->prints[at] = prints[i];
		d.sum += prints[i];
	}
	if (2 * (k->dir_count + 1) > k->dir_size &&
	    !grow(&k->dirs, &k->dir_size, sizeof(*k->dirs)))
		return error_no_memory;
	size_t at = d.dir & (k->dir_size - 1);

	while (k->dirs[at].dir && k->dirs[at].dir != d.dir)
		at = (at + 1) & (k->dir_size - 1);
	k->dir_count += !k->dirs[at].dir;
	k->dirs[at] = d;
	return NULL;
}

struct error *known_load(struct known *k, struct index_reader *r,
			 uint64_t secret, const char *const *roots,
			 bool is_first)
{
	struct load load = {
		.known = k,
		.is_first = is_first,
		.now = clock_wall_s(),
	};

	*k = (struct known) { .secret = secret };
	for (; *roots; roots++, load.root_order++) {
		struct error *err =
			index_each_known(r, *roots, add_known, &load);

		if (!err)
			err = index_each_ignored(r, *roots, add_ignored, &load);
		if (err) {
			known_deinit(k);
			return err;
		}
	}
	return NULL;
}

void known_deinit(struct known *k)
{
	mem_free(k->entries);
	mem_free(k->prints);
	mem_free(k->dirs);
	*k = (struct known) { 0 };
}

struct known_entry *known_find(const struct known *k, const char *path)
{
	uint64_t key = known_path_hash(k, path);

	if (!k->entry_size)
		return NULL;
	for (size_t at = key & (k->entry_size - 1); k->entries[at].path;
	     at = (at + 1) & (k->entry_size - 1)) {
		if (k->entries[at].path == key)
			return &k->entries[at];
	}
	return NULL;
}

bool known_has_print(const struct known *k, uint64_t print)
{
	if (!k->print_size)
		return false;
	for (size_t at = print & (k->print_size - 1); k->prints[at];
	     at = (at + 1) & (k->print_size - 1)) {
		if (k->prints[at] == print)
			return true;
	}
	return false;
}

struct known_dir *known_find_dir(const struct known *k, const char *dir)
{
	uint64_t key = known_path_hash(k, dir);

	if (!k->dir_size)
		return NULL;
	for (size_t at = key & (k->dir_size - 1); k->dirs[at].dir;
	     at = (at + 1) & (k->dir_size - 1)) {
		if (k->dirs[at].dir == key)
			return &k->dirs[at];
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "symtab/symtab_private.h"
#include "tests/lib/symtab_use.h"

enum { FUNCTIONS = 24, STRINGS = 24 };

/* @return Was there one? It is gone then. */
static bool is_expected(struct error *err)
{
	if (!err)
		return false;
	assert(error_kind(err) == ERROR_BAD_DATA ||
	       error_kind(err) == ERROR_NO_MEMORY ||
	       error_kind(err) == ERROR_UNSUPPORTED);
	error_free(err);
	return true;
}

static void use_frames(const struct symtab *t, const struct symtab_frame *f,
		       size_t count)
{
	assert(count <= SYMTAB_FRAMES_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *dir, *base;
		size_t dir_len, base_len, len;

		assert(f[i].is_inlined == (i + 1 < count));
		symtab_file(t, f[i].file, &dir, &dir_len, &base, &base_len);
		assert(strlen(dir) == dir_len && strlen(base) == base_len);
		assert(strlen(symtab_name(t, f[i].name, &len)) == len);
	}
}

static void use_names(const struct symtab *t)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	size_t step = t->strings_size / STRINGS + 1;
	size_t len;

	for (size_t at = 0; at < t->strings_size; at += step)
		assert(symtab_display_name(t, (uint32_t)at, true, &text, &len));
	for (uint32_t i = 0; i < t->names.count && i < STRINGS; i++) {
		uint32_t name = symtab_u32(t->names.keys + 4 * (size_t)i);

		buf_clear(&text);
		const char *s = symtab_display_name(t, name, true, &text, &len);

		assert(len <= SYMTAB_NAME_MAX || len <= t->strings_size);
		assert(memchr(s, 0, len + 1) || !len || s[len - 1]);
	}
}

/* Ascending in each function, then its start again. */
static void use_addresses(struct symtab *t, struct symtab_cursor *c)
{
	const struct symtab_frame *f;
	uint32_t step = t->count / FUNCTIONS + 1;
	size_t count;

	for (uint64_t i = 0; i < t->count; i += step) {
		const uint8_t *p = t->offsets + i * t->offset_size;
		uint64_t start = t->base;

		for (unsigned k = 0; k < t->offset_size; k++)
			start += (uint64_t)p[k] << 8 * k;
		for (uint64_t k = 0; k < 5000; k = k * 2 + 3)
			if (!is_expected(
				    symtab_find(c, (struct vaddr) { start + k },
						k & 4, &f, &count)))
				use_frames(t, f, count);
		if (!is_expected(symtab_find(c, (struct vaddr) { start }, true,
					     &f, &count)))
			use_frames(t, f, count);
	}
}

bool symtab_use(const void *data, size_t size)
{
	CLEANUP_SYMTAB struct symtab *t = NULL;
	struct symtab_cursor *c;

	if (is_expected(symtab_open_memory(data, size, NULL, &t)))
		return false;
	if (is_expected(symtab_cursor_create(t, &c)))
		return true;
	use_names(t);
	use_addresses(t, c);
	symtab_cursor_free(c);
	return true;
}

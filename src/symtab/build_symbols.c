/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/build_symbols.h"

void code_symbols_deinit(struct code_symbols *s)
{
	mem_free(s->symbols);
	*s = (struct code_symbols) { 0 };
}

bool code_name_cut(const char **name, size_t *len)
{
	enum { PREFIX = sizeof("__GI_") - 1 };

	if (*len <= PREFIX || memcmp(*name, "__GI_", PREFIX))
		return false;
	*name += PREFIX;
	*len -= PREFIX;
	return true;
}

struct error *code_symbols_add(struct code_symbols *s,
			       const struct code_symbol *symbol)
{
	if (!mem_grow(&s->symbols, &s->capacity, s->count + 1,
		      sizeof(*s->symbols)))
		return error_no_memory;
	struct code_symbol *c = &s->symbols[s->count++];
	size_t len = symbol->name_len;

	*c = *symbol;
	c->is_hidden = code_name_cut(&c->name, &len);
	c->name_len = (uint32_t)len;
	return NULL;
}

static int compare_names(const struct code_symbol *a,
			 const struct code_symbol *b)
{
	uint32_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
	int order = memcmp(a->name, b->name, len);

	return order ? order
		     : (a->name_len > b->name_len) -
			       (a->name_len < b->name_len);
}

static unsigned underscores(const struct code_symbol *s)
{
	unsigned n = 0;

	while (n < s->name_len && s->name[n] == '_')
		n++;
	return n;
}

/* The name policy. */
static int compare_rank(const struct code_symbol *a,
			const struct code_symbol *b)
{
	int order = a->is_label - b->is_label;

	if (!order)
		order = a->bind - b->bind;
	if (!order)
		order = a->is_hidden - b->is_hidden;
	if (!order)
		order = (int)underscores(a) - (int)underscores(b);
	if (!order)
		order = compare_names(a, b);
	return order;
}

static int compare_symbols(const void *a, const void *b)
{
	const struct code_symbol *sa = a;
	const struct code_symbol *sb = b;

	if (sa->start != sb->start)
		return sa->start > sb->start ? 1 : -1;
	int order = compare_rank(sa, sb);

	return order ? order : sb->origin - sa->origin;
}

static void drop_doubles(struct code_symbols *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct code_symbol *last = n ? &s->symbols[n - 1] : NULL;
		const struct code_symbol *c = &s->symbols[i];

		if (last && last->start == c->start &&
		    compare_names(last, c) == 0) {
			if (!last->size)
				last->size = c->size;
			if (last->origin < c->origin)
				last->origin = c->origin;
			continue;
		}
		s->symbols[n++] = *c;
	}
	s->count = n;
}

void code_symbols_settle(struct code_symbols *s)
{
	if (!s->count)
		return;
	qsort(s->symbols, s->count, sizeof(*s->symbols), compare_symbols);
	drop_doubles(s);
}

size_t code_symbols_at(const struct code_symbols *s, uint64_t address)
{
	size_t low = 0;
	size_t high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->symbols[middle].start < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool code_symbol_is_part(const struct code_symbol *s, const char *name,
			 size_t len)
{
	static const char *const suffixes[] = { ".cold", ".part.", ".isra.",
						".constprop." };

	if (s->name_len <= len || memcmp(s->name, name, len))
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		size_t size = strlen(suffixes[i]);

		if (s->name_len - len >= size &&
		    !memcmp(s->name + len, suffixes[i], size))
			return true;
	}
	return false;
}

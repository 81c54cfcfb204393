/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "symtab/build_symbols.h"

void code_symbols_deinit(struct code_symbols *s)
{
	mem_free(s->symbols);
	mem_free(s->bases);
	mem_free(s->slots);
	*s = (struct code_symbols) { 0 };
}

struct error *code_symbols_add(struct code_symbols *s,
			       const struct code_symbol *symbol)
{
	if (!mem_grow(&s->symbols, &s->capacity, s->count + 1,
		      sizeof(*s->symbols)))
		return error_no_memory;
	s->symbols[s->count++] = *symbol;
	return NULL;
}

static bool is_internal(const struct code_symbol *s)
{
	return s->name_len >= 5 && !memcmp(s->name, "__GI_", 5);
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
		order = is_internal(a) - is_internal(b);
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

/* Length without the suffixes of clones and parts: "f.isra.0.cold" is of "f".
 * The display-name rule cuts the same ones. */
static uint32_t base_length(const struct code_symbol *s)
{
	static const char *const suffixes[] = { ".cold", ".part.", ".isra.",
						".constprop." };
	const char *dot = memchr(s->name + 1, '.', s->name_len - 1);

	while (dot) {
		size_t left = s->name_len - (size_t)(dot - s->name);

		for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes);
		     i++) {
			size_t len = strlen(suffixes[i]);

			if (left >= len && !memcmp(dot, suffixes[i], len))
				return (uint32_t)(dot - s->name);
		}
		dot = memchr(dot + 1, '.', left - 1);
	}
	return s->name_len;
}

static uint32_t *find_slot(struct code_symbols *s, const char *name, size_t len)
{
	size_t i = hash_bytes(name, len, 0) & (s->slot_count - 1);

	for (;; i = (i + 1) & (s->slot_count - 1)) {
		const struct base_name *b = &s->bases[s->slots[i]];

		if (!s->slots[i] ||
		    (b->len == len && !memcmp(b->name, name, len)))
			return &s->slots[i];
	}
}

static struct error *number_bases(struct code_symbols *s, size_t count)
{
	s->slot_count = 16;
	while (s->slot_count < count * 2)
		s->slot_count *= 2;
	s->slots = mem_array(s->slot_count, sizeof(*s->slots));
	s->bases = mem_array(count + 1, sizeof(*s->bases));
	if (!s->slots || !s->bases)
		return error_no_memory;
	for (size_t i = 0; i < s->count; i++) {
		struct code_symbol *c = &s->symbols[i];

		if (!c->base)
			continue;
		uint32_t *slot = find_slot(s, c->name, c->base);

		if (!*slot) {
			*slot = (uint32_t)++s->base_count;
			s->bases[*slot] = (struct base_name) { .name = c->name,
							       .len = c->base };
		}
		c->base = *slot;
	}
	return NULL;
}

struct error *code_symbols_settle(struct code_symbols *s)
{
	size_t count = 0;

	mem_free(STEAL(s->bases));
	mem_free(STEAL(s->slots));
	s->base_count = 0;
	s->slot_count = 0;
	if (!s->count)
		return NULL;
	qsort(s->symbols, s->count, sizeof(*s->symbols), compare_symbols);
	drop_doubles(s);
	/* For a moment `base` is the length of the base name. */
	for (size_t i = 0; i < s->count; i++) {
		struct code_symbol *c = &s->symbols[i];
		uint32_t len = base_length(c);

		c->base = len < c->name_len ? len : 0;
		count += c->base != 0;
	}
	return number_bases(s, count);
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

struct base_name *code_symbols_base(struct code_symbols *s, const char *name,
				    size_t len)
{
	if (!s->slot_count)
		return NULL;
	uint32_t number = *find_slot(s, name, len);

	return number ? &s->bases[number] : NULL;
}

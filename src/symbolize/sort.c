/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "symbolize/sort.h"

enum { FEW = 48, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

static void insert_each(struct sort_item *v, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct sort_item x = v[i];
		size_t at = i;

		for (; at > 0 && v[at - 1].key > x.key; at--)
			v[at] = v[at - 1];
		v[at] = x;
	}
}

/* One pass of a radix sort. */
static void pass(const struct sort_item *from, struct sort_item *to,
		 size_t count, uint64_t least, unsigned shift)
{
	uint32_t at[DIGITS] = { 0 };
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i++)
		at[(from[i].key - least) >> shift & (DIGITS - 1)]++;
	for (size_t i = 0; i < DIGITS; i++) {
		uint32_t n = at[i];

		at[i] = sum;
		sum += n;
	}
	for (size_t i = 0; i < count; i++)
		to[at[(from[i].key - least) >> shift & (DIGITS - 1)]++] =
			from[i];
}

void sort_items(struct sort_item *items, struct sort_item *spare, size_t count)
{
	if (count <= FEW) {
		insert_each(items, count);
		return;
	}
	uint64_t least = items[0].key, most = items[0].key;
	struct sort_item *from = items, *to = spare;

	for (size_t i = 1; i < count; i++) {
		least = items[i].key < least ? items[i].key : least;
		most = items[i].key > most ? items[i].key : most;
	}
	for (unsigned shift = 0; shift < 64 && (most - least) >> shift;
	     shift += DIGIT_BITS) {
		pass(from, to, count, least, shift);
		struct sort_item *other = from;

		from = to;
		to = other;
	}
	if (from != items)
		memcpy(items, from, count * sizeof(*items));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_demangle.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_names_make.h"

/* All texts together: strangers' names are not to fill the disk. */
enum { TEXTS_MAX = 1 << 30 };

struct readable {
	uint32_t key; /* offset of the mangled name */
	uint32_t at;  /* of its text */
	uint32_t len;
	uint32_t rank;
};

struct maker {
	struct buf texts; /* one behind the other */
	struct readable *names;
	size_t count, capacity;
	uint32_t text_count; /* different ones */
	struct buf blocks, coded;
};

static void cleanup_maker(struct maker *m)
{
	buf_deinit(&m->texts);
	buf_deinit(&m->blocks);
	buf_deinit(&m->coded);
	mem_free(m->names);
}

static struct error *demangle_all(struct maker *m, const struct symtab_pool *p)
{
	const char *strings = (const char *)p->strings.data;
	size_t len;

	for (size_t at = 1; at < p->strings.size; at += len + 1) {
		size_t start = m->texts.size;

		len = strlen(strings + at);
		if (start > TEXTS_MAX ||
		    !symtab_demangle(strings + at, &m->texts)) {
			if (m->texts.failed)
				return error_no_memory;
			continue;
		}
		if (!mem_grow(&m->names, &m->capacity, m->count + 1,
			      sizeof(*m->names)))
			return error_no_memory;
		m->names[m->count++] = (struct readable) {
			.key = (uint32_t)at,
			.at = (uint32_t)start,
			.len = (uint32_t)(m->texts.size - start),
		};
	}
	return NULL;
}

static int compare_texts(const void *a, const void *b, void *ctx)
{
	const struct readable *x = a, *y = b;
	const uint8_t *texts = ctx;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp(texts + x->at, texts + y->at, len);

	if (order)
		return order;
	return (x->len > y->len) - (x->len < y->len);
}

static int compare_keys(const void *a, const void *b)
{
	const struct readable *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static void put_uleb(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_append_byte(b, (uint8_t)v | 0x80);
	buf_append_byte(b, (uint8_t)v);
}

static size_t shared_length(const uint8_t *a, size_t a_len, const uint8_t *b,
			    size_t b_len)
{
	size_t n = 0;

	while (n < a_len && n < b_len && a[n] == b[n])
		n++;
	return n;
}

/* Code the texts, which are in order, and number them. */
static void code_texts(struct maker *m)
{
	const struct readable *before = NULL;

	for (size_t i = 0; i < m->count; i++) {
		struct readable *n = &m->names[i];
		const uint8_t *text = m->texts.data + n->at;
		size_t shared = 0;

		if (before)
			shared = shared_length(m->texts.data + before->at,
					       before->len, text, n->len);
		if (before && shared == n->len && shared == before->len) {
			n->rank = before->rank;
			continue;
		}
		n->rank = m->text_count++;
		if (n->rank % SYMTAB_NAMES_BLOCK == 0) {
			buf_put_u32(&m->blocks, (uint32_t)m->coded.size);
			shared = 0;
		}
		put_uleb(&m->coded, shared);
		put_uleb(&m->coded, n->len - shared);
		buf_append(&m->coded, text + shared, n->len - shared);
		before = n;
	}
}

struct error *symtab_names_make(const struct symtab_pool *p, struct buf *out)
{
	CLEANUP(cleanup_maker) struct maker m = { 0 };

	TRY(demangle_all(&m, p));
	if (m.count)
		qsort_r(m.names, m.count, sizeof(*m.names), compare_texts,
			m.texts.data);
	code_texts(&m);
	if (m.count)
		qsort(m.names, m.count, sizeof(*m.names), compare_keys);
	buf_put_u32(out, (uint32_t)m.count);
	buf_put_u32(out, m.text_count);
	buf_put_u64(out, m.coded.size);
	for (size_t i = 0; i < m.count; i++)
		buf_put_u32(out, m.names[i].key);
	for (size_t i = 0; i < m.count; i++)
		buf_put_u32(out, m.names[i].rank);
	buf_append(out, m.blocks.data, m.blocks.size);
	buf_append(out, m.coded.data, m.coded.size);
	if (m.blocks.failed || m.coded.failed || out->failed)
		return error_no_memory;
	return NULL;
}

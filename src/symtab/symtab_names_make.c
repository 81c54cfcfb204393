/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts are coded as symtab_names.c says. Copies are found through chains of
 * places that begin with the same four bytes, longest first come. Those of the
 * sample stay from name to name; those of a name and its text are taken back.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "symtab/symtab_demangle.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_names_make.h"

enum {
	SAMPLE_PIECES = 80,
	SAMPLE_PIECE = 200, /* bytes, from the middle of a text */
	SAMPLE_SHARE = 32,  /* names for which one is taken */
	CHAIN_MAX = 24,     /* places looked at */
	GOOD = 96,          /* bytes of a copy that is not bettered */
	HASH_BITS = 14,
	WINDOW_MAX = SAMPLE_PIECES * SAMPLE_PIECE + 2 * SYMTAB_NAME_MAX,
	NOWHERE = UINT16_MAX
};
_Static_assert(WINDOW_MAX < NOWHERE, "places fit into 16 bits");

/* Of all names together: strangers' names are not to fill the disk, nor to take
 * forever. A large C++ program's take half a second. */
static const size_t coded_max = (size_t)1 << 30;
static const int64_t time_max_ms = 20 * 1000;

struct maker {
	struct buf keys, starts, coded;
	uint32_t count;
	uint64_t left; /* too much */
	int64_t start_ms;
	struct buf text;    /* of the name at hand */
	size_t sample_size; /* of the window */
	uint8_t window[WINDOW_MAX + 4];
	uint16_t head[1 << HASH_BITS]; /* the last place of a hash */
	uint16_t before[WINDOW_MAX];   /* the one before a place */
};

static void free_maker(struct maker **pm)
{
	struct maker *m = *pm;

	if (!m)
		return;
	buf_deinit(&m->keys);
	buf_deinit(&m->starts);
	buf_deinit(&m->coded);
	buf_deinit(&m->text);
	mem_free(m);
}

static size_t hash_at(const struct maker *m, size_t at)
{
	return (symtab_u32(m->window + at) * UINT32_C(2654435761)) >>
	       (32 - HASH_BITS);
}

static void enter(struct maker *m, size_t at)
{
	size_t hash = hash_at(m, at);

	m->before[at] = m->head[hash];
	m->head[hash] = (uint16_t)at;
}

/* The last one entered first. */
static void take_back(struct maker *m, size_t at)
{
	m->head[hash_at(m, at)] = m->before[at];
}

static size_t common_length(const uint8_t *a, const uint8_t *b, size_t limit)
{
	size_t n = 0;

	while (n + 8 <= limit) {
		uint64_t differs = symtab_u64(a + n) ^ symtab_u64(b + n);

		if (differs)
			return n + (size_t)__builtin_ctzll(differs) / 8;
		n += 8;
	}
	while (n < limit && a[n] == b[n])
		n++;
	return n;
}

/* The longest copy for what is at @at, within @end.
 * @return Its length, 0 if there is none worth it. */
static size_t find_copy(const struct maker *m, size_t at, size_t end,
			size_t text_at, size_t *from_ret)
{
	size_t best = SYMTAB_NAMES_MATCH_MIN - 1;
	uint16_t from = m->head[hash_at(m, at)];

	for (int n = 0; from != NOWHERE && n < CHAIN_MAX && best < GOOD; n++) {
		size_t limit = end - at;
		size_t len = 0;

		// Not from one part of the window into the next.
		if (from < m->sample_size && m->sample_size - from < limit)
			limit = m->sample_size - from;
		else if (from >= m->sample_size && from < text_at &&
			 text_at - from < limit)
			limit = text_at - from;
		// Longer than the best only if it agrees there, too.
		if (best < limit &&
		    m->window[from + best] == m->window[at + best])
			len = common_length(m->window + from, m->window + at,
					    limit);
		if (len > best) {
			best = len;
			*from_ret = from;
		}
		from = m->before[from];
	}
	return best >= SYMTAB_NAMES_MATCH_MIN ? best : 0;
}

static void put_more(struct buf *b, size_t n)
{
	for (; n >= 255; n -= 255)
		buf_append_byte(b, 255);
	buf_append_byte(b, (uint8_t)n);
}

/* Literals before @at, then a copy; @len 0 at the end of the text. */
static void put_step(struct maker *m, size_t literals, size_t at, size_t from,
		     size_t len)
{
	size_t copied = len ? len - SYMTAB_NAMES_MATCH_MIN : 0;
	size_t high = literals < 15 ? literals : 15;
	size_t low = copied < 15 ? copied : 15;

	buf_append_byte(&m->coded, (uint8_t)(high << 4 | low));
	if (high == 15)
		put_more(&m->coded, literals - 15);
	buf_append(&m->coded, m->window + at - literals, literals);
	if (!len)
		return;
	buf_put_u16(&m->coded, (uint16_t)from);
	if (low == 15)
		put_more(&m->coded, copied - 15);
}

/* Code what stands in the window from @text_at to @end. */
static void code_text(struct maker *m, size_t text_at, size_t end)
{
	size_t entered = m->sample_size;
	size_t literals = 0;

	for (size_t at = text_at; at < end;) {
		size_t from = 0, len = 0;

		for (; entered < at && entered + 4 <= end; entered++)
			enter(m, entered);
		if (at + 4 <= end)
			len = find_copy(m, at, end, text_at, &from);
		if (!len) {
			literals++;
			at++;
			continue;
		}
		put_step(m, literals, at, from, len);
		literals = 0;
		at += len;
	}
	if (literals)
		put_step(m, literals, end, 0, 0);
	while (entered-- > m->sample_size)
		take_back(m, entered);
}

static void put_uleb(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_append_byte(b, (uint8_t)v | 0x80);
	buf_append_byte(b, (uint8_t)v);
}

/* Demangle into m->text. */
static struct error *demangle(struct maker *m, const char *name,
			      enum symtab_demangled *ret)
{
	buf_clear(&m->text);
	*ret = symtab_demangle(name, &m->text);
	return m->text.failed ? error_no_memory : NULL;
}

static struct error *add_name(struct maker *m, const char *strings, size_t at,
			      size_t len)
{
	size_t text_at = m->sample_size + len;
	enum symtab_demangled demangled = SYMTAB_TOO_MUCH;

	if (m->coded.size <= coded_max &&
	    clock_ms() - m->start_ms <= time_max_ms)
		TRY(demangle(m, strings + at, &demangled));
	m->left += demangled == SYMTAB_TOO_MUCH;
	if (demangled != SYMTAB_DEMANGLED)
		return NULL;
	memcpy(m->window + m->sample_size, strings + at, len);
	memcpy(m->window + text_at, m->text.data, m->text.size);
	buf_put_u32(&m->keys, (uint32_t)at);
	buf_put_u32(&m->starts, (uint32_t)m->coded.size);
	put_uleb(&m->coded, m->text.size);
	code_text(m, text_at, text_at + m->text.size);
	m->count++;
	return m->keys.failed || m->starts.failed || m->coded.failed
		       ? error_no_memory
		       : NULL;
}

static size_t count_mangled(const struct symtab_pool *p)
{
	const char *strings = (const char *)p->strings.data;
	size_t len, count = 0;

	for (size_t at = 1; at < p->strings.size; at += len + 1) {
		len = strlen(strings + at);
		count += symtab_is_mangled(strings + at, len);
	}
	return count;
}

/* Pieces of texts from all over the table, to copy from. */
static struct error *take_sample(struct maker *m, const struct symtab_pool *p)
{
	const char *strings = (const char *)p->strings.data;
	size_t count = count_mangled(p);
	size_t pieces = count / SAMPLE_SHARE;
	size_t seen = 0, taken = 0, len;

	if (pieces > SAMPLE_PIECES)
		pieces = SAMPLE_PIECES;
	for (size_t at = 1; taken < pieces; at += len + 1) {
		enum symtab_demangled demangled;

		len = strlen(strings + at);
		if (!symtab_is_mangled(strings + at, len) ||
		    seen++ < taken * count / pieces)
			continue;
		taken++;
		TRY(demangle(m, strings + at, &demangled));
		size_t n = demangled == SYMTAB_DEMANGLED ? m->text.size : 0;

		if (n > SAMPLE_PIECE)
			n = SAMPLE_PIECE;
		if (n)
			memcpy(m->window + m->sample_size,
			       m->text.data + (m->text.size - n) / 2, n);
		m->sample_size += n;
	}
	memset(m->head, 0xff, sizeof(m->head));
	for (size_t at = 0; at + 4 <= m->sample_size; at++)
		enter(m, at);
	return NULL;
}

struct error *symtab_names_make(const struct symtab_pool *p, struct buf *out,
				uint64_t *left_ret)
{
	CLEANUP(free_maker) struct maker *m = mem_zalloc(sizeof(*m));
	const char *strings = (const char *)p->strings.data;
	size_t len;

	if (!m)
		return error_no_memory;
	m->start_ms = clock_ms();
	TRY(take_sample(m, p));
	for (size_t at = 1; at < p->strings.size; at += len + 1) {
		len = strlen(strings + at);
		if (symtab_is_mangled(strings + at, len))
			TRY(add_name(m, strings, at, len));
	}
	*left_ret = m->left;
	buf_put_u32(out, m->count);
	buf_put_u32(out, (uint32_t)m->sample_size);
	buf_put_u64(out, m->coded.size);
	buf_append(out, m->keys.data, m->keys.size);
	buf_append(out, m->starts.data, m->starts.size);
	buf_append(out, m->window, m->sample_size);
	buf_append(out, m->coded.data, m->coded.size);
	return out->failed ? error_no_memory : NULL;
}

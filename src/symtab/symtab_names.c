/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How names read for people.
 *
 * The names section has the demangled texts, sorted, each as what it does not
 * share with the one before:
 *
 *	 0 u32 count        mangled names that have a text
 *	 4 u32 text_count
 *	 8 u64 text_size
 *	16 u32 key[count]   string offsets of the names, ascending
 *	   u32 rank[count]  number of the text of each
 *	   u32 block[(text_count + 15) / 16]   where each 16 begin in the texts
 *	   texts: ULEB bytes shared with the one before (0 at a block's start),
 *	          ULEB length of the rest, the rest
 */
#include "config.h"

#include <string.h>

#include "base/reader.h"
#include "symtab/symtab_private.h"

struct error *symtab_names_open(const uint8_t *data, size_t size,
				struct symtab_names *ret)
{
	struct symtab_names n = { 0 };
	struct reader r;

	reader_init(&r, data, size, false);
	n.count = reader_u32(&r);
	n.text_count = reader_u32(&r);
	n.text_size = reader_u64(&r);
	n.keys = reader_bytes(&r, (size_t)n.count * 4);
	n.ranks = reader_bytes(&r, (size_t)n.count * 4);
	n.block_count = n.text_count / SYMTAB_NAMES_BLOCK +
			!!(n.text_count % SYMTAB_NAMES_BLOCK);
	n.blocks = reader_bytes(&r, (size_t)n.block_count * 4);
	n.text = reader_bytes(&r, n.text_size);
	if (!reader_ok(&r))
		return error_new(BAD_DATA, "symbol table: bad names");
	*ret = n;
	return NULL;
}

/* ".NAME" of a compiler, or ".NAME.N": what it made of a function. */
static const struct {
	const char *name;
	bool has_number; /* must have one; else may */
} suffixes[] = {
	{ "cold", false },       { "part", true }, { "isra", true },
	{ "constprop", true },   { "llvm", true }, { "lto_priv", true },
	{ "localalias", false },
};

static size_t skip_digits(const char *s, size_t at, size_t len)
{
	while (at < len && s[at] >= '0' && s[at] <= '9')
		at++;
	return at;
}

/* The end of the suffix that begins with the dot at @at; @at if none does. */
static size_t skip_suffix(const char *s, size_t at, size_t len)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		size_t n = strlen(suffixes[i].name);
		size_t end = at + 1 + n;

		if (end > len || memcmp(s + at + 1, suffixes[i].name, n) != 0)
			continue;
		size_t digits = end < len && s[end] == '.'
					? skip_digits(s, end + 1, len)
					: end;

		if (digits > end + 1)
			end = digits;
		else if (suffixes[i].has_number)
			continue;
		if (end == len || s[end] == '.' || s[end] == '@')
			return end;
	}
	return at;
}

/* Is there nothing but suffixes and at most a version from @at on? */
static bool is_all_suffix(const char *s, size_t at, size_t len)
{
	while (at < len && s[at] == '.') {
		size_t end = skip_suffix(s, at, len);

		if (end == at)
			return false;
		at = end;
	}
	return at == len || s[at] == '@';
}

size_t symtab_name_without_plt(const char *name, size_t len)
{
	return len > 4 && !memcmp(name + len - 4, "@plt", 4) ? len - 4 : len;
}

size_t symtab_name_stem(const char *name, size_t len)
{
	if (symtab_name_without_plt(name, len) != len)
		return len;
	for (size_t at = 1; at < len; at++)
		if ((name[at] == '.' || name[at] == '@') &&
		    is_all_suffix(name, at, len))
			return at;
	return len;
}

/* One text of a block: what it shares and what it adds. */
struct text {
	size_t shared;
	size_t rest;
	const uint8_t *bytes;
};

/* The texts of a block up to number @last; false if they are damaged. */
static bool read_block(const struct symtab_names *n, uint32_t rank,
		       struct text texts[SYMTAB_NAMES_BLOCK])
{
	uint32_t at =
		symtab_u32(n->blocks + (size_t)(rank / SYMTAB_NAMES_BLOCK) * 4);
	size_t length = 0;
	struct reader r;

	reader_init(&r, n->text, n->text_size, false);
	reader_seek(&r, at);
	for (uint32_t i = 0; i <= rank % SYMTAB_NAMES_BLOCK; i++) {
		uint64_t shared = reader_uleb(&r);
		uint64_t rest = reader_uleb(&r);

		if (!reader_ok(&r) || shared > length ||
		    rest > SYMTAB_NAME_MAX - shared)
			return false;
		texts[i] =
			(struct text) { shared, rest, reader_bytes(&r, rest) };
		if (!reader_ok(&r))
			return false;
		length = shared + rest;
	}
	return true;
}

/* Text number @rank, appended. Put together from its end: a byte is copied
 * once, whatever number of texts share it. */
static const char *append_text(const struct symtab_names *n, uint32_t rank,
			       struct buf *buf, size_t *len_ret)
{
	struct text texts[SYMTAB_NAMES_BLOCK];
	uint32_t i = rank % SYMTAB_NAMES_BLOCK;

	if (rank >= n->text_count || !read_block(n, rank, texts))
		return NULL;
	size_t len = texts[i].shared + texts[i].rest;
	char *to = buf_reserve(buf, len + 1);

	if (!to)
		return NULL;
	to[len] = '\0';
	for (size_t need = len;; i--) {
		if (texts[i].shared < need) {
			memcpy(to + texts[i].shared, texts[i].bytes,
			       need - texts[i].shared);
			need = texts[i].shared;
		}
		if (!need || !i)
			break;
	}
	buf_commit(buf, len + 1);
	*len_ret = len;
	return to;
}

static bool find_key(const struct symtab_names *n, uint32_t name,
		     uint32_t *rank_ret)
{
	uint32_t low = 0;

	for (uint32_t count = n->count; count;) {
		uint32_t half = count / 2;
		uint32_t key = symtab_u32(n->keys + (size_t)(low + half) * 4);

		if (key == name) {
			*rank_ret =
				symtab_u32(n->ranks + (size_t)(low + half) * 4);
			return true;
		}
		if (key < name) {
			low += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	return false;
}

const char *symtab_display_name(const struct symtab *t, uint32_t name,
				bool demangle, struct buf *buf, size_t *len_ret)
{
	size_t len;
	const char *s = symtab_name(t, name, &len);
	uint32_t rank;

	if (demangle && find_key(&t->names, name, &rank)) {
		const char *text = append_text(&t->names, rank, buf, len_ret);

		if (text)
			return text;
	}
	*len_ret = symtab_name_stem(s, len);
	return s;
}

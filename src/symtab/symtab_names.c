/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How names read for people.
 *
 * A mangled name has a readable text in the names section. Mangling is a
 * compression of its own, and texts are long (500 bytes on average in a large
 * C++ program) and repeat themselves, their mangled name and each other. So
 * each is coded by itself as pieces of what precedes it, which is: a sample of
 * texts that all share, the mangled name, the text so far.
 *
 *	 0 u32 count        mangled names that have a text
 *	 4 u32 sample_size
 *	 8 u64 coded_size
 *	16 u32 key[count]   string offsets of the names, ascending
 *	   u32 at[count]    where the text of each begins
 *	   sample
 *	   coded texts
 *
 * A coded text: ULEB length, then steps until that is reached:
 *
 *	u8  a * 16 + b
 *	    a literal bytes (15: and as many more as the bytes that follow add
 *	    up to, up to and including the first that is not 255), the literals;
 *	    unless the text ends here:
 *	u16 where to copy from: an offset in sample, name, text as if they lay
 *	    one behind the other; no copy goes from one into the next
 *	    b + 4 bytes (15: and more, as above)
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
	n.sample_size = reader_u32(&r);
	n.coded_size = reader_u64(&r);
	n.keys = reader_bytes(&r, (size_t)n.count * 4);
	n.starts = reader_bytes(&r, (size_t)n.count * 4);
	n.sample = reader_bytes(&r, n.sample_size);
	n.coded = reader_bytes(&r, n.coded_size);
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
enum { SUFFIXES_MAX = 1024 /* bytes, with a version: real ones, 60 */ };

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
		if (end == len || s[end] == '.')
			return end;
	}
	return at;
}

size_t symtab_name_without_plt(const char *name, size_t len)
{
	return len > 4 && !memcmp(name + len - 4, "@plt", 4) ? len - 4 : len;
}

/* From the end, so that each dot is looked at once: a suffix ends at one of the
 * next two dots, or where all of them end. */
size_t symtab_name_stem(const char *name, size_t len)
{
	size_t from = len > SUFFIXES_MAX ? len - SUFFIXES_MAX : 1;

	if (len < 2 || symtab_name_without_plt(name, len) != len)
		return len;
	const char *version = memchr(name + from, '@', len - from);
	size_t stem = version ? (size_t)(version - name) : len;
	// Behind the last two dots; 0: there is something else from there on.
	size_t suffixes_from[2] = { stem, stem };

	for (size_t at = stem, end = stem;
	     suffixes_from[0] || suffixes_from[1];) {
		const char *dot = memrchr(name + from, '.', at - from);

		if (!dot)
			break;
		at = (size_t)(dot - name);
		size_t next = skip_suffix(name, at, end);
		bool is_suffix = next > at && (next == suffixes_from[0] ||
					       next == suffixes_from[1]);

		suffixes_from[1] = suffixes_from[0];
		suffixes_from[0] = is_suffix ? at : 0;
		if (is_suffix)
			stem = at;
	}
	return stem;
}

/* What a text is put together from. */
struct decoding {
	const uint8_t *in, *in_end;
	const uint8_t *sample, *name;
	size_t sample_size, name_len;
	uint8_t *text;
	size_t len; /* of the text so far */
};

/* A count whose four bits are @n. False if the input ends. */
static inline bool read_count(struct decoding *d, size_t *n)
{
	uint8_t byte = 255;

	if (*n < 15)
		return true;
	while (byte == 255) {
		if (d->in == d->in_end)
			return false;
		byte = *d->in++;
		*n += byte;
	}
	return true;
}

static inline void copy_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
	if (n >= 16 && (uintptr_t)to - (uintptr_t)from >= n) {
		memcpy(to, from, n);
		return;
	}
	for (size_t i = 0; i < n; i++) // may overlap: what is read is written
		to[i] = from[i];
}

/* Copy @n bytes that begin at @from of what precedes. */
static inline bool copy_earlier(struct decoding *d, size_t from, size_t n)
{
	const uint8_t *source;

	if (from < d->sample_size) {
		source = d->sample + from;
		if (n > d->sample_size - from)
			return false;
	} else if (from - d->sample_size < d->name_len) {
		from -= d->sample_size;
		source = d->name + from;
		if (n > d->name_len - from)
			return false;
	} else {
		from -= d->sample_size + d->name_len;
		source = d->text + from;
		if (from >= d->len)
			return false;
	}
	copy_bytes(d->text + d->len, source, n);
	d->len += n;
	return true;
}

static bool decode_step(struct decoding *d, size_t end)
{
	if (d->in == d->in_end)
		return false;
	uint8_t step = *d->in++;
	size_t n = step >> 4;

	if (!read_count(d, &n) || n > end - d->len ||
	    n > (size_t)(d->in_end - d->in))
		return false;
	copy_bytes(d->text + d->len, d->in, n);
	d->len += n;
	d->in += n;
	if (d->len == end)
		return true;
	if (d->in_end - d->in < 2)
		return false;
	size_t from = symtab_u16(d->in);

	d->in += 2;
	n = step & 15;
	if (!read_count(d, &n))
		return false;
	n += SYMTAB_NAMES_MATCH_MIN;
	return n <= end - d->len && copy_earlier(d, from, n);
}

/* The readable text of a name, appended; NULL without memory or if it is
 * damaged. */
static const char *append_text(const struct symtab_names *n, uint32_t start,
			       const char *name, size_t name_len,
			       struct buf *buf, size_t *len_ret)
{
	struct decoding d = {
		.in_end = n->coded + n->coded_size,
		.sample = n->sample,
		.sample_size = n->sample_size,
		.name = (const uint8_t *)name,
		.name_len = name_len,
	};
	struct reader r;

	reader_init(&r, n->coded, n->coded_size, false);
	reader_seek(&r, start);
	uint64_t len = reader_uleb(&r);

	if (!reader_ok(&r) || len > SYMTAB_NAME_MAX)
		return NULL;
	d.in = r.data + r.pos;
	d.text = buf_reserve(buf, (size_t)len + 1);
	if (!d.text) {
		buf->failed = false; // there is another form of it
		return NULL;
	}
	while (d.len < len)
		if (!decode_step(&d, (size_t)len))
			return NULL;
	d.text[len] = '\0';
	buf_commit(buf, (size_t)len + 1);
	*len_ret = (size_t)len;
	return (const char *)d.text;
}

static bool find_key(const struct symtab_names *n, uint32_t name,
		     uint32_t *start_ret)
{
	uint32_t low = 0;

	for (uint32_t count = n->count; count;) {
		uint32_t half = count / 2;
		uint32_t key = symtab_u32(n->keys + (size_t)(low + half) * 4);

		if (key == name) {
			*start_ret = symtab_u32(n->starts +
						(size_t)(low + half) * 4);
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
	uint32_t start;

	if (demangle && find_key(&t->names, name, &start)) {
		const char *text =
			append_text(&t->names, start, s, len, buf, len_ret);

		if (text)
			return text;
	}
	*len_ret = symtab_name_stem(s, len);
	return s;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 8259:
 *
 *	value  = null | true | false | number | string | array | object
 *	number = [-] (0 | 1-9 *DIGIT) [. 1*DIGIT] [(e|E) [+|-] 1*DIGIT]
 *	string = " *( any but controls, " and \ | \" \\ \/ \b \f \n \r \t \uXXXX
 *) " space  = SP | HT | LF | CR
 *
 * Invariant: pos <= size; after a failure pos == size, so that nothing more is
 * read.
 */
#include "config.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/json_read.h"
#include "base/mem.h"
#include "base/utf8.h"

void json_read_init(struct json_read *r, const void *text, size_t size)
{
	*r = (struct json_read) { .text = text, .size = size };
}

void json_read_deinit(struct json_read *r)
{
	buf_deinit(&r->scratch);
	error_free(STEAL(r->err));
}

/* Line and column of a place, from 1; columns count characters. */
static void find_place(const struct json_read *r, size_t at, size_t *line_ret,
		       size_t *column_ret)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < at && i < r->size; i++) {
		if (r->text[i] == '\n') {
			line++;
			column = 1;
		} else if ((r->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	*line_ret = line;
	*column_ret = column;
}

static void stop(struct json_read *r, struct error *err)
{
	if (r->err)
		error_free(err);
	else
		r->err = err;
	r->pos = r->size;
}

static COLD void fail_at(struct json_read *r, size_t at, const char *what)
{
	size_t line, column;

	if (r->err)
		return;
	find_place(r, at, &line, &column);
	stop(r, error_new(BAD_REQUEST, "JSON, line %zu column %zu: %s", line,
			  column, what));
}

void json_read_fail(struct json_read *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	CLEANUP_FREE char *what = mem_vprintf(fmt, args);
	va_end(args);
	if (what)
		fail_at(r, r->value, what);
	else
		stop(r, error_no_memory);
}

static void skip_space(struct json_read *r)
{
	while (r->pos < r->size) {
		char c = r->text[r->pos];

		if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
			return;
		r->pos++;
	}
}

/* The next byte that is no white space, 0 at the end of the text. A NUL in the
 * text is as wrong as its end everywhere this is asked. */
static char peek(struct json_read *r)
{
	skip_space(r);
	return r->pos < r->size ? r->text[r->pos] : '\0';
}

static COLD void fail_expected(struct json_read *r, const char *what)
{
	CLEANUP_FREE char *s =
		mem_printf(r->pos < r->size ? "%s expected"
					    : "%s expected, but the text ends",
			   what);

	if (s)
		fail_at(r, r->pos, s);
	else
		stop(r, error_no_memory);
}

enum json_type json_read_type(struct json_read *r)
{
	char c = peek(r);

	r->value = r->pos;
	switch (c) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return c == '-' || (c >= '0' && c <= '9') ? JSON_NUMBER
							  : JSON_NONE;
	}
}

/* Is the next value of this type? If not, that is the failure. */
static bool expect(struct json_read *r, enum json_type type, const char *what)
{
	if (json_read_type(r) == type)
		return true;
	fail_expected(r, what);
	return false;
}

static void enter(struct json_read *r, bool is_object, const char *what)
{
	if (!expect(r, is_object ? JSON_OBJECT : JSON_ARRAY, what))
		return;
	if (r->depth == JSON_DEPTH) {
		r->is_too_deep = true;
		json_read_fail(r, "nested deeper than %d", JSON_DEPTH);
		return;
	}
	r->pos++;
	r->depth++;
	r->is_object[r->depth] = is_object;
	r->has_items[r->depth] = false;
}

void json_read_array(struct json_read *r)
{
	enter(r, false, "a list");
}

void json_read_object(struct json_read *r)
{
	enter(r, true, "an object");
}

/* Past the comma to the next item or member, or past the bracket. */
static bool advance(struct json_read *r, char bracket)
{
	char c = peek(r);

	if (r->err)
		return false;
	assert(r->depth > 0 && r->is_object[r->depth] == (bracket == '}'));
	if (c == bracket) {
		r->pos++;
		r->depth--;
		return false;
	}
	if (!r->has_items[r->depth]) {
		r->has_items[r->depth] = true;
		return true;
	}
	if (c != ',') {
		fail_expected(r, bracket == '}' ? "\",\" or \"}\""
						: "\",\" or \"]\"");
		return false;
	}
	r->pos++;
	return true;
}

bool json_read_item(struct json_read *r)
{
	return advance(r, ']');
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits at @p at, or -1. */
static long read_hex4(const struct json_read *r, size_t at)
{
	long v = 0;

	if (r->size - at < 4)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		int digit = hex_value(r->text[i]);

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

static void append_utf8(struct buf *b, unsigned long c)
{
	uint8_t s[4];
	size_t n = 0;

	if (c < 0x80) {
		s[n++] = (uint8_t)c;
	} else if (c < 0x800) {
		s[n++] = (uint8_t)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		s[n++] = (uint8_t)(0xe0 | c >> 12);
		s[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	} else {
		s[n++] = (uint8_t)(0xf0 | c >> 18);
		s[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		s[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		s[n++] = (uint8_t)(0x80 | (c & 0x3f));
	buf_append(b, s, n);
}

/* \uXXXX, and the other half if it is one; pos is behind the u. */
static bool read_unicode_escape(struct json_read *r)
{
	size_t at = r->pos - 2;
	long c = read_hex4(r, r->pos);

	if (c < 0) {
		fail_at(r, at, "\\u wants four hexadecimal digits");
		return false;
	}
	r->pos += 4;
	if (c >= 0xd800 && c < 0xe000) {
		long low = -1;

		if (c < 0xdc00 && r->size - r->pos >= 2 &&
		    !memcmp(r->text + r->pos, "\\u", 2))
			low = read_hex4(r, r->pos + 2);
		if (low < 0xdc00 || low >= 0xe000) {
			fail_at(r, at, "half of a surrogate pair");
			return false;
		}
		r->pos += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	append_utf8(&r->scratch, (unsigned long)c);
	return true;
}

/* One escape into scratch; pos is at the backslash. */
static bool read_escape(struct json_read *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = r->size - r->pos > 1 ? r->text[r->pos + 1] : '\0';
	const char *known = c ? strchr(from, c) : NULL;

	if (!known && c != 'u') {
		fail_at(r, r->pos, "no such escape");
		return false;
	}
	r->pos += 2;
	if (!known)
		return read_unicode_escape(r);
	buf_append_byte(&r->scratch, (uint8_t)to[known - from]);
	return true;
}

/* Past a run of what stands for itself; false is a failure. */
static bool pass_plain(struct json_read *r)
{
	const uint8_t *p = (const uint8_t *)r->text;
	size_t i = r->pos;

	for (;;) {
		while (i < r->size && p[i] >= 0x20 && p[i] < 0x80 &&
		       p[i] != '"' && p[i] != '\\')
			i++;
		if (i == r->size || p[i] < 0x80)
			break;
		size_t n = utf8_length(p + i, r->size - i);

		if (!n) {
			fail_at(r, i, "not UTF-8");
			return false;
		}
		i += n;
	}
	r->pos = i;
	if (i == r->size) {
		fail_at(r, r->value, "a string that does not end");
		return false;
	}
	if (p[i] < 0x20) {
		fail_at(r, i, "a control character in a string");
		return false;
	}
	return true;
}

/* A string that is known to begin here. */
static bool read_string(struct json_read *r, const char **ret, size_t *len_ret)
{
	size_t start = ++r->pos;
	bool is_plain = true;

	for (;;) {
		size_t run = r->pos;

		if (!pass_plain(r))
			return false;
		if (is_plain && r->text[r->pos] == '"')
			break;
		if (is_plain)
			buf_clear(&r->scratch);
		is_plain = false;
		buf_append(&r->scratch, r->text + run, r->pos - run);
		if (r->text[r->pos] == '"')
			break;
		if (!read_escape(r))
			return false;
	}
	if (!is_plain && r->scratch.failed) {
		stop(r, error_no_memory);
		return false;
	}
	*ret = is_plain ? r->text + start : (const char *)r->scratch.data;
	*len_ret = is_plain ? r->pos - start : r->scratch.size;
	r->pos++;
	return true;
}

void json_read_string(struct json_read *r, const char **ret, size_t *len_ret)
{
	*ret = "";
	*len_ret = 0;
	if (expect(r, JSON_STRING, "a string"))
		read_string(r, ret, len_ret);
}

bool json_read_key(struct json_read *r, const char **key, size_t *len_ret)
{
	*key = "";
	*len_ret = 0;
	if (!advance(r, '}') || !expect(r, JSON_STRING, "a key") ||
	    !read_string(r, key, len_ret))
		return false;
	if (peek(r) != ':') {
		fail_expected(r, "\":\"");
		return false;
	}
	r->pos++;
	return true;
}

int json_read_member(struct json_read *r, const char *const *keys,
		     uint32_t *seen)
{
	const char *key;
	size_t len;

	while (json_read_key(r, &key, &len)) {
		int i = 0;

		while (keys[i] &&
		       (strlen(keys[i]) != len || memcmp(keys[i], key, len)))
			i++;
		if (!keys[i]) {
			json_read_skip(r);
			continue;
		}
		if (*seen & UINT32_C(1) << i) {
			json_read_fail(r, "\"%s\" is there twice", keys[i]);
			return -1;
		}
		*seen |= UINT32_C(1) << i;
		return i;
	}
	return -1;
}

static size_t count_digits(const struct json_read *r, size_t at)
{
	size_t n = 0;

	while (at + n < r->size && r->text[at + n] >= '0' &&
	       r->text[at + n] <= '9')
		n++;
	return n;
}

/* Past a number. @return Where its integer digits end if it has nothing but
 * these and a sign; 0 for another number, or no number (a failure). */
static size_t pass_number(struct json_read *r)
{
	size_t start = r->pos, i = start;
	size_t n, end;

	if (r->text[i] == '-')
		i++;
	n = count_digits(r, i);
	if (!n || (n > 1 && r->text[i] == '0')) {
		fail_at(r, start,
			n ? "a number with a leading zero" : "not a number");
		return 0;
	}
	i = end = i + n;
	if (i < r->size && r->text[i] == '.') {
		n = count_digits(r, i + 1);
		i += 1 + n;
	}
	if (n && i < r->size && (r->text[i] | 0x20) == 'e') {
		i++;
		if (i < r->size && (r->text[i] == '+' || r->text[i] == '-'))
			i++;
		n = count_digits(r, i);
		i += n;
	}
	if (!n) {
		fail_at(r, start, "a number without its last digits");
		return 0;
	}
	r->pos = i;
	return i == end ? end : 0;
}

/* The digits of an integer. @return False if they make 2^64 or more. */
static bool read_digits(const struct json_read *r, size_t from, size_t to,
			uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = from; i < to; i++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(r->text[i] - '0'), &v))
			return false;
	}
	*ret = v;
	return true;
}

uint64_t json_read_uint(struct json_read *r)
{
	uint64_t v = 0;

	if (!expect(r, JSON_NUMBER, "an integer"))
		return 0;
	size_t end = pass_number(r);

	if (!end) {
		json_read_fail(r, "not an integer");
		return 0;
	}
	if (r->text[r->value] == '-') {
		json_read_fail(r, "below 0");
		return 0;
	}
	if (!read_digits(r, r->value, end, &v))
		json_read_fail(r, "2^64 or more");
	return v;
}

int64_t json_read_int(struct json_read *r)
{
	uint64_t v = 0;

	if (!expect(r, JSON_NUMBER, "an integer"))
		return 0;
	size_t end = pass_number(r);

	if (!end) {
		json_read_fail(r, "not an integer");
		return 0;
	}
	bool is_negative = r->text[r->value] == '-';

	if (!read_digits(r, r->value + is_negative, end, &v) ||
	    v > (uint64_t)INT64_MAX + is_negative) {
		json_read_fail(r, is_negative ? "below -2^63" : "2^63 or more");
		return 0;
	}
	return is_negative ? (int64_t)-v : (int64_t)v;
}

static void read_literal(struct json_read *r, const char *literal)
{
	size_t n = strlen(literal);

	if (r->size - r->pos < n || memcmp(r->text + r->pos, literal, n))
		fail_at(r, r->pos, "not a value");
	else
		r->pos += n;
}

bool json_read_bool(struct json_read *r)
{
	if (!expect(r, JSON_BOOL, "true or false"))
		return false;
	bool v = r->text[r->pos] == 't';

	read_literal(r, v ? "true" : "false");
	return v && json_read_ok(r);
}

/* Sixteen digits at most, and then the quote: as nearly all addresses come. */
static inline bool read_plain_address(struct json_read *r, uint64_t *ret)
{
	const char *p = r->text + r->pos;
	size_t left = r->size - r->pos, i = 3;
	uint64_t v = 0;

	if (left < 5 || p[1] != '0' || p[2] != 'x')
		return false;
	for (; i < left && i < 3 + 16; i++) {
		int digit = hex_value(p[i]);

		if (digit < 0)
			break;
		v = v << 4 | (unsigned)digit;
	}
	if (i == 3 || i == left || p[i] != '"')
		return false;
	r->pos += i + 1;
	*ret = v;
	return true;
}

/* With escapes, leading zeros, a capital X, or wrong. */
static COLD uint64_t read_odd_address(struct json_read *r)
{
	const char *s;
	size_t len, i = 2;
	uint64_t v = 0;

	if (!read_string(r, &s, &len))
		return 0;
	if (len < 3 || s[0] != '0' || (s[1] | 0x20) != 'x') {
		json_read_fail(r, "an address is \"0x\" and hexadecimal "
				  "digits, or an integer");
		return 0;
	}
	for (; i < len; i++) {
		int digit = hex_value(s[i]);

		if (digit < 0) {
			json_read_fail(r, "not a hexadecimal number");
			return 0;
		}
		if (v >> 60) {
			json_read_fail(r, "2^64 or more");
			return 0;
		}
		v = v << 4 | (unsigned)digit;
	}
	return v;
}

uint64_t json_read_address(struct json_read *r)
{
	uint64_t v;

	switch (json_read_type(r)) {
	case JSON_STRING:
		return read_plain_address(r, &v) ? v : read_odd_address(r);
	case JSON_NUMBER:
		return json_read_uint(r);
	default:
		fail_expected(r, "an address");
		return 0;
	}
}

static void skip_scalar(struct json_read *r, enum json_type type)
{
	const char *s;
	size_t len;

	switch (type) {
	case JSON_STRING:
		read_string(r, &s, &len);
		break;
	case JSON_NUMBER:
		pass_number(r);
		break;
	case JSON_BOOL:
		json_read_bool(r);
		break;
	case JSON_NULL:
		read_literal(r, "null");
		break;
	default:
		fail_expected(r, "a value");
		break;
	}
}

/* To the next value within the array or object entered last. */
static bool next_value(struct json_read *r)
{
	const char *key;
	size_t len;

	return r->is_object[r->depth] ? json_read_key(r, &key, &len)
				      : json_read_item(r);
}

void json_read_skip(struct json_read *r)
{
	unsigned level = r->depth;

	do {
		enum json_type type = json_read_type(r);

		if (type == JSON_ARRAY)
			json_read_array(r);
		else if (type == JSON_OBJECT)
			json_read_object(r);
		else
			skip_scalar(r, type);
		while (!r->err && r->depth > level && !next_value(r))
			;
	} while (!r->err && r->depth > level);
}

struct json_mark json_read_mark(const struct json_read *r)
{
	return (struct json_mark) { .pos = r->pos,
				    .depth = r->depth,
				    .is_object = r->is_object[r->depth],
				    .has_items = r->has_items[r->depth] };
}

void json_read_rewind(struct json_read *r, struct json_mark m)
{
	if (r->err)
		return;
	assert(m.depth <= r->depth + 1);
	r->pos = m.pos;
	r->depth = m.depth;
	r->is_object[m.depth] = m.is_object;
	r->has_items[m.depth] = m.has_items;
}

struct error *json_read_error(struct json_read *r)
{
	/* The failure stays one: pos is at the end. */
	return r->err ? STEAL(r->err) : NULL;
}

struct error *json_read_finish(struct json_read *r)
{
	TRY(json_read_error(r));
	assert(r->depth == 0);
	if (peek(r), r->pos < r->size) {
		fail_at(r, r->pos, "the value has ended, and more follows");
		return json_read_error(r);
	}
	return NULL;
}

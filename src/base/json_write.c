/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/json_write.h"
#include "base/utf8.h"

static void quote_ascii(struct buf *out, uint8_t c)
{
	switch (c) {
	case '"':
		buf_append(out, "\\\"", 2);
		break;
	case '\\':
		buf_append(out, "\\\\", 2);
		break;
	case '\n':
		buf_append(out, "\\n", 2);
		break;
	case '\t':
		buf_append(out, "\\t", 2);
		break;
	case '\r':
		buf_append(out, "\\r", 2);
		break;
	default:
		buf_printf(out, "\\u%04x", c);
		break;
	}
}

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Of eight bytes at once: is one of them not plain? The high bit of a byte of
 * each term is set where it is, and maybe of one above it. */
static bool are_plain(const uint8_t *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
	uint64_t odd = (v - ones * 0x20) | (v + ones) | v | (quote - ones) |
		       (slash - ones);

	return !(odd & high);
}

static size_t plain_run(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (len - n >= 8 && are_plain(p + n))
		n += 8;
	while (n < len && is_plain(p[n]))
		n++;
	return n;
}

void json_write_escaped(struct buf *out, const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;

	for (size_t i = 0; i < len;) {
		size_t run = plain_run(p + i, len - i);

		if (run) {
			buf_append(out, p + i, run);
			i += run;
			continue;
		}
		if (p[i] < 0x80) {
			quote_ascii(out, p[i++]);
			continue;
		}
		size_t n = utf8_length(p + i, len - i);

		if (utf8_is_control(p + i, n)) {
			buf_printf(out, "\\u%04x", utf8_character(p + i, n));
			i += n;
			continue;
		}
		buf_append(out, n ? (const char *)p + i : "\xef\xbf\xbd",
			   n ? n : 3);
		i += n ? n : 1;
	}
}

void json_write_quote(struct buf *out, const char *s, size_t len)
{
	buf_append_byte(out, '"');
	json_write_escaped(out, s, len);
	buf_append_byte(out, '"');
}

void json_write_init(struct json_write *j, struct buf *out)
{
	*j = (struct json_write) { .out = out };
}

static void begin_value(struct json_write *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->has_items[j->depth])
		buf_append_byte(j->out, ',');
	j->has_items[j->depth] = true;
}

static void open_level(struct json_write *j, uint8_t bracket)
{
	begin_value(j);
	assert(j->depth < JSON_DEPTH);
	j->has_items[++j->depth] = false;
	buf_append_byte(j->out, bracket);
}

static void close_level(struct json_write *j, uint8_t bracket)
{
	assert(j->depth > 0 && !j->after_key);
	j->depth--;
	buf_append_byte(j->out, bracket);
}

void json_write_object(struct json_write *j)
{
	open_level(j, '{');
}

void json_write_object_end(struct json_write *j)
{
	close_level(j, '}');
}

void json_write_array(struct json_write *j)
{
	open_level(j, '[');
}

void json_write_array_end(struct json_write *j)
{
	close_level(j, ']');
}

void json_write_key(struct json_write *j, const char *key)
{
	begin_value(j);
	json_write_quote(j->out, key, strlen(key));
	buf_append_byte(j->out, ':');
	j->after_key = true;
}

void json_write_string_n(struct json_write *j, const char *s, size_t len)
{
	begin_value(j);
	json_write_quote(j->out, s, len);
}

void json_write_null(struct json_write *j)
{
	begin_value(j);
	buf_append_str(j->out, "null");
}

void json_write_string(struct json_write *j, const char *s)
{
	if (s)
		json_write_string_n(j, s, strlen(s));
	else
		json_write_null(j);
}

void json_write_hex(struct json_write *j, uint64_t v)
{
	begin_value(j);
	buf_printf(j->out, "\"0x%" PRIx64 "\"", v);
}

void json_write_uint(struct json_write *j, uint64_t v)
{
	if (v > UINT64_C(1) << 53) {
		json_write_hex(j, v);
		return;
	}
	begin_value(j);
	buf_printf(j->out, "%" PRIu64, v);
}

void json_write_int(struct json_write *j, int64_t v)
{
	begin_value(j);
	buf_printf(j->out, "%" PRId64, v);
}

void json_write_bool(struct json_write *j, bool v)
{
	begin_value(j);
	buf_append_str(j->out, v ? "true" : "false");
}

void json_write_kv_string(struct json_write *j, const char *key, const char *s)
{
	json_write_key(j, key);
	json_write_string(j, s);
}

void json_write_kv_uint(struct json_write *j, const char *key, uint64_t v)
{
	json_write_key(j, key);
	json_write_uint(j, v);
}

void json_write_kv_int(struct json_write *j, const char *key, int64_t v)
{
	json_write_key(j, key);
	json_write_int(j, v);
}

void json_write_kv_bool(struct json_write *j, const char *key, bool v)
{
	json_write_key(j, key);
	json_write_bool(j, v);
}

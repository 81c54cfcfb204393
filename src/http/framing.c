/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "http/framing.h"

/* RFC 9110, 5.6.2: tchar. */
static bool is_token_byte(unsigned char c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

void framing_add(struct framing *f, enum request_header known, const char *name,
		 size_t name_size, const char *value)
{
	f->fields++;
	f->hosts += known == HEADER_HOST;
	f->content_lengths += known == HEADER_CONTENT_LENGTH;
	f->transfer_encodings += known == HEADER_TRANSFER_ENCODING;
	f->has_bad_name |= name_size == 0;
	for (size_t i = 0; i < name_size; i++)
		f->has_bad_name |= !is_token_byte((unsigned char)name[i]);
	for (const char *p = value ? value : ""; *p; p++)
		f->has_bad_value |=
			((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f;
}

static struct framing_result refuse(unsigned status, const char *message)
{
	return (struct framing_result) { .status = status, .message = message };
}

static struct framing_result refuse_size(const char *limit, const char *message)
{
	return (struct framing_result) {
		.status = 431,
		.message = message,
		.limit = limit,
	};
}

static bool parse_length(const char *text, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*text)
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	*ret = v;
	return !*text;
}

static struct framing_result
check_body(const struct framing *f, const struct request *rq, bool is_http_11)
{
	const char *length = rq->header[HEADER_CONTENT_LENGTH];
	const char *coding = rq->header[HEADER_TRANSFER_ENCODING];
	struct framing_result ret = { 0 };

	if (length && coding)
		return refuse(400, "Content-Length beside Transfer-Encoding");
	if (f->content_lengths > 1)
		return refuse(400, "more than one Content-Length");
	if (f->transfer_encodings > 1)
		return refuse(400, "more than one Transfer-Encoding");
	if (coding && !is_http_11)
		return refuse(400, "Transfer-Encoding in HTTP/1.0");
	if (coding && strcasecmp(coding, "chunked") != 0)
		return refuse(400, "Transfer-Encoding other than chunked");
	if (length && !parse_length(length, &ret.content_length))
		return refuse(400, "Content-Length is not a number");
	ret.is_chunked = coding != NULL;
	ret.has_body = coding || ret.content_length > 0;
	if (ret.has_body && (rq->method & (METHOD_GET | METHOD_HEAD)))
		return refuse(400, "GET and HEAD take no body");
	return ret;
}

struct framing_result framing_check(const struct framing *f,
				    const struct request *rq, size_t head_size,
				    bool is_http_11)
{
	if (head_size > REQUEST_HEAD_LIMIT)
		return refuse_size("header_size",
				   "more than 16384 bytes of header");
	if (f->fields > REQUEST_FIELDS_LIMIT)
		return refuse_size("header_fields",
				   "more than 100 header fields");
	if (f->has_bad_name)
		return refuse(400, "bad byte in the name of a header field");
	if (f->has_bad_value)
		return refuse(400, "control byte in a header field");
	if (f->hosts > 1)
		return refuse(400, "more than one Host");
	if (is_http_11 && f->hosts == 0)
		return refuse(400, "no Host");
	return check_body(f, rq, is_http_11);
}

bool framing_lines_are_strict(const char *lines, size_t size)
{
	const char *p = lines;
	const char *end = lines + size;
	bool is_first = true;

	while (p < end) {
		/* Not the request line's rest: a name and its colon. */
		if (!is_first) {
			if (*p == '\0')
				return end - p == 2 && p[1] == '\0';
			if (*p == ' ' || *p == '\t')
				return false;
			p += strnlen(p, (size_t)(end - p)) + 1;
		}
		is_first = false;
		if (p >= end)
			return false;
		/* Then a value and CR LF. */
		p += strnlen(p, (size_t)(end - p));
		if (end - p < 2 || p[0] || p[1])
			return false;
		p += 2;
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "codec/codec.h"
#include "http/body.h"

enum { DEPTH_LIMIT = 32, READ_SIZE = 64 << 10 };

/* Is a json_t object in truth. */
struct body_json;

bool body_coding_parse(const char *header, enum body_coding *ret)
{
	*ret = BODY_IDENTITY;
	if (!header || !strcasecmp(header, "identity"))
		return true;
	if (!strcasecmp(header, "gzip") || !strcasecmp(header, "x-gzip")) {
		*ret = BODY_GZIP;
		return true;
	}
	*ret = BODY_ZSTD;
	return !strcasecmp(header, "zstd");
}

static struct error *too_large(size_t limit_bytes)
{
	return error_new(TOO_LARGE, "the body is larger than %zu bytes",
			 limit_bytes);
}

/* Damage in what a client sent is the client's fault, not ours. */
static struct error *blame_client(struct error *err, size_t limit_bytes)
{
	if (!err || error_kind(err) == ERROR_NO_MEMORY)
		return err;
	struct error *ret =
		error_kind(err) == ERROR_LIMIT
			? too_large(limit_bytes)
			: error_new(BAD_REQUEST, "the body does not decode: %s",
				    error_message(err));

	error_free(err);
	return ret;
}

static struct error *read_all(struct codec_stream *s, size_t limit_bytes,
			      struct buf *ret)
{
	for (;;) {
		size_t got;
		void *to = buf_reserve(ret, READ_SIZE);

		if (!to)
			return error_no_memory;
		TRY(codec_read(s, to, READ_SIZE, &got));
		if (got == 0)
			return NULL;
		buf_commit(ret, got);
		if (ret->size > limit_bytes)
			return error_new(LIMIT, "too large");
	}
}

struct error *body_decode(struct buf *body, enum body_coding coding,
			  size_t limit_bytes)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;
	CLEANUP_CODEC struct codec_stream *s = NULL;

	if (coding == BODY_IDENTITY)
		return body->size > limit_bytes ? too_large(limit_bytes) : NULL;
	struct input in = input_from_memory(body->data, body->size);

	TRY(blame_client(
		codec_open(coding == BODY_GZIP ? CODEC_GZIP : CODEC_ZSTD, &in,
			   limit_bytes, &s),
		limit_bytes));
	TRY(blame_client(read_all(s, limit_bytes, &plain), limit_bytes));
	buf_deinit(body);
	*body = plain;
	buf_init(&plain);
	return NULL;
}

/* jansson recurses up to 2048 levels; this stops it before. */
static bool is_too_deep(const char *text, size_t size)
{
	bool in_string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else
				in_string = c != '"';
			continue;
		}
		in_string = c == '"';
		if ((c == '[' || c == '{') && ++depth > DEPTH_LIMIT)
			return true;
		if ((c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return false;
}

struct error *body_json_parse(const void *data, size_t size,
			      struct body_json **ret)
{
	json_error_t e;

	if (is_too_deep(data, size))
		return error_new(BAD_REQUEST, "JSON nested deeper than %d",
				 DEPTH_LIMIT);
	json_t *root = json_loadb(data, size,
				  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);

	if (!root)
		return json_error_code(&e) == json_error_out_of_memory
			       ? error_no_memory
			       : error_new(BAD_REQUEST,
					   "JSON: %s at line %d column %d",
					   e.text, e.line, e.column);
	if (!json_is_object(root)) {
		json_decref(root);
		return error_new(BAD_REQUEST, "the body is not a JSON object");
	}
	*ret = (struct body_json *)root;
	return NULL;
}

static json_t *get(const struct body_json *b, const char *key)
{
	return json_object_get((const json_t *)b, key);
}

void body_json_free(struct body_json *b)
{
	json_decref((json_t *)b);
}

struct error *body_json_bool(const struct body_json *b, const char *key,
			     bool fallback, bool *ret)
{
	const json_t *v = get(b, key);

	if (v && !json_is_boolean(v))
		return error_new(BAD_REQUEST, "%s is neither true nor false",
				 key);
	*ret = v ? json_is_true(v) : fallback;
	return NULL;
}

struct error *body_json_array(const struct body_json *b, const char *key,
			      size_t *count_ret)
{
	const json_t *v = get(b, key);

	if (!json_is_array(v))
		return error_new(BAD_REQUEST, "%s is not a list", key);
	*count_ret = json_array_size(v);
	return NULL;
}

const char *body_json_text(const struct body_json *b, const char *key, size_t i,
			   size_t *size_ret)
{
	const json_t *v = json_array_get(get(b, key), i);

	*size_ret = json_string_length(v);
	return json_string_value(v);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "http/body.h"

enum { READ_SIZE = 64 << 10 };

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
	limit_reached("body_size");
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

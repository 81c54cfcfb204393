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

/* Damage in what a client sent is the client's fault, not ours. LIMIT and
 * BUSY stay. */
static struct error *blame_client(struct error *err)
{
	if (!err || error_kind(err) == ERROR_NO_MEMORY ||
	    error_kind(err) == ERROR_LIMIT || error_kind(err) == ERROR_BUSY)
		return err;
	struct error *ret =
		error_new(BAD_REQUEST, "the body does not decode: %s",
			  error_message(err));

	error_free(err);
	return ret;
}

/* Counted before it is there. */
static struct error *make_room(struct buf *b, struct held *held)
{
	/* The buffer itself grows by half. */
	size_t more = b->capacity / 2 + READ_SIZE;

	if (b->capacity - b->size >= READ_SIZE)
		return NULL;
	if (!held_more(held, more))
		return error_new(BUSY, "too many bodies are being decoded");
	return buf_reserve(b, more) ? NULL : error_no_memory;
}

static struct error *read_all(struct codec_stream *s, size_t limit_bytes,
			      struct held *held, struct buf *ret)
{
	for (;;) {
		size_t got;

		TRY(make_room(ret, held));
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

static struct error *read_plain(const struct buf *body, enum body_coding coding,
				size_t limit_bytes, struct held *held,
				struct buf *plain)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	struct input in = input_from_memory(body->data, body->size);

	TRY(codec_open(coding == BODY_GZIP ? CODEC_GZIP : CODEC_ZSTD, &in,
		       limit_bytes, &s));
	return read_all(s, limit_bytes, held, plain);
}

/* @return LIMIT: more than that comes out, and the body is as it was. */
static struct error *decode(struct buf *body, enum body_coding coding,
			    size_t limit_bytes, struct held *held)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;
	size_t before = held->bytes;

	if (coding == BODY_IDENTITY)
		return body->size > limit_bytes ? error_new(LIMIT, "too large")
						: NULL;
	struct error *err = read_plain(body, coding, limit_bytes, held, &plain);

	if (err) {
		buf_deinit(&plain);
		held_shrink(held, before);
		return blame_client(err);
	}
	buf_deinit(body);
	*body = plain;
	buf_init(&plain);
	held_shrink(held, body->capacity);
	return NULL;
}

struct error *body_decode(struct buf *body, enum body_coding coding,
			  size_t limit_bytes, struct held *held)
{
	struct error *err = decode(body, coding, limit_bytes, held);

	if (!err || error_kind(err) != ERROR_LIMIT)
		return err;
	error_free(err);
	limit_reached("body_size");
	return error_new(TOO_LARGE, "the body is larger than %zu bytes",
			 limit_bytes);
}

struct error *body_decode_if_small(struct buf *body, enum body_coding coding,
				   size_t small_bytes, size_t limit_bytes,
				   struct held *held, bool *large_ret)
{
	*large_ret = false;
	if (small_bytes >= limit_bytes)
		return body_decode(body, coding, limit_bytes, held);
	struct error *err = decode(body, coding, small_bytes, held);

	*large_ret = err && error_kind(err) == ERROR_LIMIT;
	if (!*large_ret)
		return err;
	error_free(err);
	return NULL;
}

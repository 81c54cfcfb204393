/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "codec/codec.h"
#include "http/reply.h"

enum { PATH_VALUE_MAX = 4096, COMPRESS_FROM = 1024 };

void reply_init(struct reply *r)
{
	/* Not the arena: this is done for every request. */
	memset(r, 0, offsetof(struct reply, headers));
	memset(r->kept, 0, sizeof(r->kept));
	r->kept_count = 0;
	r->arena_used = 0;
	r->fd = -1;
}

void reply_deinit(struct reply *r)
{
	mem_free(r->memory);
	for (size_t i = 0; i < r->kept_count; i++)
		mem_free(r->kept[i]);
	cleanup_close(&r->fd);
	growth_put(r->growth);
	held_release(&r->held);
	reply_init(r);
}

void reply_move(struct reply *to, struct reply *from)
{
	*to = *from;
	for (size_t i = 0; i < to->header_count; i++) {
		const char *value = to->headers[i].value;

		if (value >= from->arena &&
		    value < from->arena + REPLY_ARENA_SIZE)
			to->headers[i].value =
				to->arena + (value - from->arena);
	}
	reply_init(from);
}

void reply_header(struct reply *r, const char *name, const char *value)
{
	assert(r->header_count < REPLY_HEADERS_MAX);
	r->headers[r->header_count++] =
		(struct reply_header) { .name = name, .value = value };
}

static char *arena_take(struct reply *r, size_t size)
{
	if (size > REPLY_ARENA_SIZE - r->arena_used)
		return NULL;
	char *p = r->arena + r->arena_used;

	r->arena_used += size;
	return p;
}

/* Room for a value in the arena, or in memory of its own. */
static char *value_room(struct reply *r, size_t size)
{
	char *p = arena_take(r, size);

	if (p || r->kept_count == REPLY_KEPT_MAX)
		return p;
	p = mem_alloc(size);
	if (p)
		r->kept[r->kept_count++] = p;
	return p;
}

void reply_header_copy(struct reply *r, const char *name, const char *value)
{
	size_t size = strlen(value) + 1;
	char *p = value_room(r, size);

	if (!p)
		return;
	memcpy(p, value, size);
	reply_header(r, name, p);
}

void reply_header_uint(struct reply *r, const char *name, uint64_t value)
{
	char text[21];
	char *p = text + sizeof(text);

	*--p = '\0';
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	reply_header_copy(r, name, p);
}

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

void reply_header_path(struct reply *r, const char *name, const char *path)
{
	static const char digits[] = "0123456789abcdef";
	size_t size = 1;

	for (const char *p = path; *p; p++)
		size += is_control((unsigned char)*p) ? 4 : 1;
	if (size > PATH_VALUE_MAX)
		return;
	char *value = value_room(r, size);

	if (!value)
		return;
	char *out = value;

	for (const char *p = path; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (!is_control(c)) {
			*out++ = *p;
			continue;
		}
		*out++ = '\\';
		*out++ = 'x';
		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
	*out = '\0';
	reply_header(r, name, value);
}

const char *reply_find_header(const struct reply *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++) {
		if (!strcasecmp(r->headers[i].name, name))
			return r->headers[i].value;
	}
	return NULL;
}

void reply_text(struct reply *r, unsigned status, const char *text)
{
	r->status = status;
	r->kind = REPLY_STATIC;
	r->text = text;
	r->size = strlen(text);
	reply_header(r, "Content-Type", "text/plain; charset=utf-8");
}

void reply_body(struct reply *r, unsigned status, const char *type,
		struct buf *body)
{
	uint64_t size = body->size;
	char *memory = buf_steal_str(body);

	if (!memory) {
		reply_text(r, 503, "out of memory\n");
		return;
	}
	r->status = status;
	r->kind = REPLY_OWNED;
	r->memory = memory;
	r->size = size;
	reply_header(r, "Content-Type", type);
}

/* Without memory for it the plain form serves as well. */
static bool pack(const struct buf *body, enum body_coding coding,
		 struct buf *packed)
{
	if (coding == BODY_IDENTITY || body->failed)
		return false;
	CLEANUP_ERROR struct error *err =
		coding == BODY_GZIP
			? codec_gzip(body->data, body->size, packed)
			: codec_pack(body->data, body->size, packed);

	return !err && !packed->failed;
}

void reply_packed(struct reply *r, unsigned status, const char *type,
		  struct buf *body, enum body_coding coding)
{
	static const char *const names[BODY_CODINGS] = {
		[BODY_GZIP] = "gzip",
		[BODY_ZSTD] = "zstd",
	};
	CLEANUP_BUF struct buf packed = BUF_INIT;
	bool is_large = body->size > COMPRESS_FROM;
	bool is_packed = is_large && pack(body, coding, &packed);

	reply_body(r, status, type, is_packed ? &packed : body);
	if (is_packed && r->kind == REPLY_OWNED)
		reply_header(r, "Content-Encoding", names[coding]);
	if (is_large)
		reply_header(r, "Vary", "Accept-Encoding");
}

void reply_json(struct reply *r, unsigned status, struct buf *body,
		enum body_coding coding)
{
	reply_packed(r, status, "application/json", body, coding);
}

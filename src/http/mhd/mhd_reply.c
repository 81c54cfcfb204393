/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies as libmicrohttpd's responses. A response made from a descriptor owns
 * it.
 */
#include "config.h"

#include <assert.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/dialect.h"
#include "http/growing.h"
#include "http/mhd/mhd.h"
#include "http/routes.h"

enum {
	SMALL_FILE = 32 << 10,
	GROWING_BLOCK = 256 << 10,
};

/* A small file goes out with its header in one piece. Sent as a file it is
 * two: libmicrohttpd 0.9 sends the header alone and at once. */
static void read_small_file(struct reply *r)
{
	if (r->kind != REPLY_FILE || r->size > SMALL_FILE)
		return;
	char *memory = mem_alloc(r->size);

	/* A file that has shrunk is left to the way that ends the
	 * connection. */
	if (!memory || pread(r->fd, memory, r->size, (off_t)r->offset) !=
			       (ssize_t)r->size) {
		mem_free(memory);
		return;
	}
	cleanup_close(&r->fd);
	r->fd = -1;
	r->kind = REPLY_OWNED;
	r->memory = memory;
}

static ssize_t read_growing(void *cls, uint64_t pos, char *out, size_t most)
{
	ssize_t n = growing_read(cls, pos, out, most);

	return n == GROWING_BROKEN ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static void free_growing(void *cls)
{
	growing_free(cls);
}

static struct MHD_Response *make_growing(struct connection *c, struct reply *r)
{
	struct growing *g = growing_create(c, r);

	if (!g)
		return NULL;
	struct MHD_Response *response = MHD_create_response_from_callback(
		r->size, GROWING_BLOCK, read_growing, g, free_growing);

	if (!response)
		growing_free(g);
	return response;
}

static struct MHD_Response *make_response(struct connection *c, struct reply *r)
{
	struct MHD_Response *response = NULL;

	switch (r->kind) {
	case REPLY_EMPTY:
		return MHD_create_response_from_buffer(0, (void *)"",
						       MHD_RESPMEM_PERSISTENT);
	case REPLY_STATIC:
		return MHD_create_response_from_buffer(r->size, (void *)r->text,
						       MHD_RESPMEM_PERSISTENT);
	case REPLY_OWNED:
		response = MHD_create_response_from_buffer(
			r->size, r->memory, MHD_RESPMEM_MUST_FREE);
		if (response)
			r->memory = NULL;
		return response;
	case REPLY_FILE:
		response = MHD_create_response_from_fd_at_offset64(
			r->size, r->fd, r->offset);
		if (response)
			r->fd = -1;
		return response;
	case REPLY_GROWING:
		return make_growing(c, r);
	}
	return NULL;
}

static void add_headers(struct MHD_Response *response, struct connection *c)
{
	struct request *rq = &c->request;
	const struct reply *r = &rq->reply;

	for (size_t i = 0; i < r->header_count; i++)
		MHD_add_response_header(response, r->headers[i].name,
					r->headers[i].value);
	if (dialect_of(rq)->has_request_id)
		MHD_add_response_header(response, "X-Request-Id", rq->id);
	if (route_has_cors(rq)) {
		MHD_add_response_header(response, "Access-Control-Allow-Origin",
					"*");
		MHD_add_response_header(
			response, "Access-Control-Expose-Headers",
			"ETag, Content-Range, Retry-After, X-Request-Id, "
			"X-DEBUGINFOD-SIZE, X-DEBUGINFOD-FILE, "
			"X-DEBUGINFOD-ARCHIVE, X-DEBUGINFOD-IMASIGNATURE");
	}
	if (r->is_last || c->is_last ||
	    atomic_load_explicit(&rq->http->is_draining, memory_order_relaxed))
		MHD_add_response_header(response, "Connection", "close");
}

bool mhd_sends_body(const struct request *rq)
{
	return rq->method != METHOD_HEAD && rq->reply.status != 304;
}

/* What it takes until it has been taken. */
static size_t memory_of(const struct request *rq)
{
	const struct reply *r = &rq->reply;

	if (r->kind == REPLY_GROWING && mhd_sends_body(rq))
		return GROWING_BLOCK;
	return r->kind == REPLY_OWNED && r->size > HELD_SMALL ? r->size : 0;
}

static void charge_reply(struct request *rq)
{
	struct reply *r = &rq->reply;

	r->held.limit = rq->http->options->memory_limit_bytes;
	if (held_set(&r->held, memory_of(rq)))
		return;
	reply_deinit(r);
	reply_init(r);
	request_fail_busy(rq, "too many answers are being sent");
}

enum MHD_Result mhd_reply(struct connection *c)
{
	struct request *rq = &c->request;

	assert(rq->reply.status != 0);
	charge_reply(rq);
	c->stage = STAGE_QUEUED;
	if (rq->reply.is_silent)
		return MHD_NO;
	if (mhd_sends_body(rq))
		read_small_file(&rq->reply);
	struct MHD_Response *response = make_response(c, &rq->reply);

	if (!response)
		return MHD_NO;
	add_headers(response, c);
	connection_enter(c, PHASE_SEND, clock_ms());
	enum MHD_Result result =
		MHD_queue_response(c->handle, rq->reply.status, response);

	MHD_destroy_response(response);
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /buildid/ID/executable, debuginfo, source/PATH, section/NAME.
 *
 * What memory knows is answered at once; for the rest the request is parked
 * with a ticket while the store looks. Conditions and ranges are judged when
 * the file is known, on the connection's thread.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "http/conditional.h"
#include "http/dialect.h"
#include "http/hop.h"
#include "http/routes.h"
#include "http/ticket.h"

struct artifact_ticket {
	struct ticket ticket;
	struct store *store;
	struct store_query query; /* its strings are the request's: for start */
	struct upstream_hop hop;
	char *forwarded_for; /* hop's */
	int64_t started_ns;
	bool is_shared; /* another one does the work */
	/* Outcome. */
	struct artifact artifact; /* fd -1: absent */
};

static const char *const origin_names[] = {
	[ARTIFACT_FROM_FILE] = "file",
	[ARTIFACT_FROM_CACHE] = "cache",
	[ARTIFACT_FROM_ARCHIVE] = "archive",
	[ARTIFACT_FROM_UPSTREAM] = "upstream",
};

void artifact_absent(struct request *rq)
{
	reply_text(&rq->reply, 404, "not found\n");
	/* While a scan runs it may be there a moment later; and who has come
	 * far was told of this server alone. */
	reply_header(&rq->reply, "Cache-Control",
		     metric_get(METRIC_SCAN_ACTIVE, 0, 0) || hop_is_last(rq)
			     ? "no-store"
			     : "public, max-age=60");
}

static void answer_absent(struct request *rq)
{
	if (hop_is_far(rq))
		limit_reached("hops");
	dialect_of(rq)->absent(rq);
}

bool artifact_is_too_large(struct request *rq, uint64_t size)
{
	const char *text = rq->header[HEADER_MAXSIZE];
	long long limit = text ? strtoll(text, NULL, 10) : 0;

	if (limit <= 0 || size <= (uint64_t)limit)
		return false;
	request_fail(rq, 406, "too_large", "File too large, max size=%lld",
		     limit);
	return true;
}

/* A member's name begins with a slash, as debuginfod says it. */
static void add_file_header(struct reply *r, const struct artifact *a)
{
	const char *name = a->file;

	if (!name)
		return;
	if (a->archive && name[0] == '.' && name[1] == '/')
		name++;
	if (!a->archive || name[0] == '/') {
		reply_header_path(r, "X-DEBUGINFOD-FILE", name);
		return;
	}
	CLEANUP_FREE char *absolute = mem_printf("/%s", name);

	if (absolute)
		reply_header_path(r, "X-DEBUGINFOD-FILE", absolute);
}

static void add_file_headers(struct request *rq, const struct artifact *a,
			     const char *etag, const char *cache_control)
{
	struct reply *r = &rq->reply;
	char date[HTTP_DATE_SIZE];

	reply_header(r, "Content-Type", "application/octet-stream");
	reply_header_uint(r, "X-DEBUGINFOD-SIZE", a->size);
	if (a->mtime != CLOCK_NO_DATE)
		reply_header_copy(r, "Last-Modified",
				  http_date_format(a->mtime, date));
	reply_header_copy(r, "ETag", etag);
	reply_header(r, "Cache-Control", cache_control);
	reply_header(r, "Accept-Ranges", "bytes");
	if (a->signature)
		reply_header_path(r, "X-DEBUGINFOD-IMASIGNATURE", a->signature);
	if (rq->http->options->hide_paths)
		return;
	add_file_header(r, a);
	if (a->archive)
		reply_header_path(r, "X-DEBUGINFOD-ARCHIVE", a->archive);
}

static void send_range(struct reply *r, struct artifact *a, uint64_t first,
		       uint64_t end)
{
	r->size = end - first;
	if (r->size == 0)
		return;
	r->kind = a->growth ? REPLY_GROWING : REPLY_FILE;
	r->growth = STEAL(a->growth);
	r->fd = steal_fd(&a->fd);
	r->offset = first;
}

static void refuse_range(struct request *rq, uint64_t size)
{
	char range[32];

	request_fail(rq, 416, "bad_range", "the file has %" PRIu64 " bytes",
		     size);
	snprintf(range, sizeof(range), "bytes */%" PRIu64, size);
	reply_header_copy(&rq->reply, "Content-Range", range);
}

void artifact_found(struct request *rq, const struct artifact *a)
{
	(void)rq;
	(void)a;
}

void artifact_send(struct request *rq, struct artifact *a,
		   const char *cache_control)
{
	const struct conditions conditions = {
		.if_none_match = rq->header[HEADER_IF_NONE_MATCH],
		.if_modified_since = rq->header[HEADER_IF_MODIFIED_SINCE],
		.if_range = rq->header[HEADER_IF_RANGE],
		/* RFC 9110, 14.2: Range means something for GET alone. */
		.range = rq->method == METHOD_GET ? rq->header[HEADER_RANGE]
						  : NULL,
	};
	struct reply *r = &rq->reply;
	struct byte_range range;
	char text[64];
	char etag[ETAG_SIZE];

	switch (conditions_evaluate(&conditions, etag_format(a->etag, etag),
				    a->mtime, a->size, &range)) {
	case WANTED_WHOLE:
		r->status = 200;
		send_range(r, a, 0, a->size);
		break;
	case WANTED_PART:
		r->status = 206;
		snprintf(text, sizeof(text),
			 "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range.first,
			 range.end - 1, a->size);
		reply_header_copy(r, "Content-Range", text);
		send_range(r, a, range.first, range.end);
		break;
	case WANTED_NOTHING:
		/* Its Content-Length is the 200's (RFC 9110, 8.6). */
		r->status = 304;
		send_range(r, a, 0, a->size);
		break;
	case WANTED_IMPOSSIBLE:
		refuse_range(rq, a->size);
		return;
	}
	add_file_headers(rq, a, etag, cache_control);
}

static void answer_found(struct request *rq, struct artifact *a)
{
	rq->origin = origin_names[a->origin];
	dialect_of(rq)->found(rq, a);
	if (artifact_is_too_large(rq, a->size))
		return;
	artifact_send(rq, a, dialect_of(rq)->cache_control);
}

static struct artifact_ticket *artifact_ticket(struct ticket *t)
{
	return (struct artifact_ticket *)t;
}

static void artifact_ready(void *ctx, struct error *err, struct artifact *a)
{
	struct artifact_ticket *t = ctx;

	t->ticket.err = err;
	if (a) {
		/* What it holds goes over; its own memory is the caller's. */
		t->artifact = *a;
		*a = (struct artifact)ARTIFACT_INIT;
	}
	ticket_done(&t->ticket);
}

static bool has_given_up(void *ctx)
{
	return ticket_state(&((struct artifact_ticket *)ctx)->ticket) !=
	       TICKET_WAITING;
}

static void start_artifact(struct ticket *base)
{
	struct artifact_ticket *t = artifact_ticket(base);

	/* The request holds a ticket as well, and is dealt with on this
	 * thread. */
	t->started_ns = clock_ns();
	t->query.has_given_up = has_given_up;
	t->is_shared = store_ask(t->store, &t->query, artifact_ready, t);
	if (t->is_shared)
		metric_add(METRIC_FLIGHTS_WAITING, 0, 0, 1);
}

static void wait_no_longer(struct artifact_ticket *t)
{
	if (t->is_shared)
		metric_add(METRIC_FLIGHTS_WAITING, 0, 0, -1);
	t->is_shared = false;
}

static void finish_artifact(struct request *rq, struct ticket *base)
{
	struct artifact_ticket *t = artifact_ticket(base);

	if (t->is_shared)
		rq->after_you_ns = (uint64_t)(clock_ns() - t->started_ns);
	wait_no_longer(t);
	if (t->artifact.fd < 0)
		answer_absent(rq);
	else
		answer_found(rq, &t->artifact);
}

static void deinit_artifact(struct ticket *base)
{
	struct artifact_ticket *t = artifact_ticket(base);

	wait_no_longer(t);
	mem_free(t->forwarded_for);
	artifact_deinit(&t->artifact);
}

static void wait_for_store(struct request *rq, const struct store_query *q)
{
	struct ticket *base = ticket_create(sizeof(struct artifact_ticket));

	if (!base) {
		request_fail_with(rq, error_no_memory);
		return;
	}
	struct artifact_ticket *t = artifact_ticket(base);

	base->start = start_artifact;
	base->finish = finish_artifact;
	base->deinit = deinit_artifact;
	base->wait_ms = rq->http->options->artifact_wait_ms;
	t->store = rq->http->options->store;
	t->artifact = (struct artifact)ARTIFACT_INIT;
	t->query = *q;
	rq->ticket = base;
	if (!rq->http->options->upstreams || q->is_local)
		return;
	/* Without memory for it nobody is said to ask. */
	if (hop_of(rq, &t->hop, &t->forwarded_for))
		t->query.hop = &t->hop;
}

static void get_artifact(struct request *rq, enum artifact_kind kind,
			 const char *suffix)
{
	struct store_query q = {
		.kind = kind,
		.suffix = suffix,
		.takes_growing = true,
	};
	struct artifact a = ARTIFACT_INIT;

	if (!build_id_parse(rq->arg, rq->arg_size, &q.id)) {
		request_fail_build_id(rq);
		return;
	}
	q.is_local = hop_is_last(rq);
	q.hops = hop_distance(rq);
	switch (store_try(rq->http->options->store, &q, &a)) {
	case STORE_FOUND:
		answer_found(rq, &a);
		break;
	case STORE_ABSENT:
		answer_absent(rq);
		break;
	case STORE_UNKNOWN:
		wait_for_store(rq, &q);
		break;
	}
	artifact_deinit(&a);
}

void get_executable(struct request *rq)
{
	get_artifact(rq, ARTIFACT_EXECUTABLE, NULL);
}

void get_debuginfo(struct request *rq)
{
	get_artifact(rq, ARTIFACT_DEBUGINFO, NULL);
}

void get_source(struct request *rq)
{
	/* The path keeps its slash, and everything else as it was spelt. */
	if (rq->tail[0] && rq->tail[1])
		get_artifact(rq, ARTIFACT_SOURCE, rq->tail);
	else
		request_fail(rq, 400, "bad_request",
			     "/source wants the path of a source file");
}

void get_section(struct request *rq)
{
	if (rq->tail[0] && rq->tail[1])
		get_artifact(rq, ARTIFACT_SECTION, rq->tail + 1);
	else
		request_fail(rq, 400, "bad_request",
			     "/section wants the name of a section");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /symbolize/v1 and /symbolicate/v5, and GET /buildid/ID/gsym.
 *
 * A body is decoded and read on a thread of the symbolizer's, which answers it
 * there when its tables are loaded. What turns out to be large when it is
 * decoded goes on on a thread for that. What is waited for holds no thread.
 */
#include "config.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "http/body.h"
#include "http/routes.h"
#include "http/ticket.h"
#include "symbolize/exchange.h"
#include "symbolize/symbolize.h"

enum { SLACK_MS = 20000 };

struct symbolize_ticket {
	struct ticket ticket;
	struct symbolizer *symbolizer;
	enum exchange_route route;
	struct buf body;
	enum body_coding coding;
	size_t limit_bytes, answer_limit_bytes;
	enum body_coding answer_coding;
	char *content_type, *accept, *query; /* owned; NULL */
	struct exchange *exchange;
};

/* A limit that was reached is the client's. */
static struct error *blame_client(struct error *err)
{
	if (!err || error_kind(err) != ERROR_LIMIT)
		return err;
	limit_reached("batch");
	struct error *ret = error_new(TOO_LARGE, "%s", error_message(err));

	error_free(err);
	return ret;
}

static void end(struct symbolize_ticket *t, struct error *err)
{
	t->ticket.err = blame_client(err);
	ticket_done(&t->ticket);
}

/* Not every form has a place for it. */
static void say_partial(struct symbolize_ticket *t)
{
	const struct batch *b = exchange_batch(t->exchange);
	if (b->is_partial)
		reply_header_uint(&t->ticket.reply, "Retry-After",
				  (b->retry_after_ms + 999) / 1000);
}

static struct error *write_answer(struct symbolize_ticket *t)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_HELD struct held held = { .limit = t->ticket.held.limit };
	struct reply *r = &t->ticket.reply;
	const char *type;

	TRY(exchange_write(t->exchange, t->answer_limit_bytes, &held, &out,
			   &type));
	reply_packed(r, 200, type, &out, t->answer_coding);
	held_shrink(&held, r->size);
	held_move(&r->held, &held);
	reply_header(r, "Cache-Control", "no-store");
	say_partial(t);
	return NULL;
}

static void answered(void *ctx, struct error *err)
{
	struct symbolize_ticket *t = ctx;

	if (!err)
		err = write_answer(t);
	exchange_free(STEAL(t->exchange));
	held_release(&t->ticket.held);
	end(t, err);
}

/* Has its client left, or been told that it took too long? */
static bool is_given_up(void *ticket)
{
	return ticket_state(ticket) != TICKET_WAITING;
}

static struct error *read_decoded(struct symbolize_ticket *t)
{
	struct held *held = &t->ticket.held;
	const struct exchange_request rq = {
		.route = t->route,
		.content_type = t->content_type,
		.accept = t->accept,
		.query = t->query,
		.body = t->body.data,
		.size = t->body.size,
	};

	/* Text that is kept is as long at most; the rest has limits. */
	if (!held_more(held, t->body.size))
		return error_new(BUSY, "too many batches wait");
	TRY(exchange_read(&rq, symbolizer_limits(t->symbolizer), &t->exchange));
	buf_deinit(&t->body);
	exchange_batch(t->exchange)->is_forsaken = is_given_up;
	exchange_batch(t->exchange)->forsaken_ctx = &t->ticket;
	return held_set(held, exchange_bytes(t->exchange))
		       ? NULL
		       : error_new(BUSY, "too many batches wait");
}

/* @p err: of the decoding; taken. */
static void read_and_ask(struct symbolize_ticket *t, struct error *err)
{
	if (!err)
		err = read_decoded(t);
	if (err)
		end(t, err);
	else
		symbolize(t->symbolizer, exchange_batch(t->exchange), answered,
			  t);
}

/* Its client left while it was queued. */
static bool is_forsaken(struct symbolize_ticket *t)
{
	if (!is_given_up(&t->ticket))
		return false;
	ticket_done(&t->ticket);
	return true;
}

static void run_large(void *ctx)
{
	struct symbolize_ticket *t = ctx;

	if (!is_forsaken(t))
		read_and_ask(t, body_decode(&t->body, t->coding, t->limit_bytes,
					    &t->ticket.held));
}

static void run_small(void *ctx)
{
	struct symbolize_ticket *t = ctx;
	bool is_large;

	if (is_forsaken(t))
		return;
	struct error *err = body_decode_if_small(
		&t->body, t->coding, SYMBOLIZER_SMALL_BYTES, t->limit_bytes,
		&t->ticket.held, &is_large);

	if (!is_large) {
		read_and_ask(t, err);
		return;
	}
	err = symbolizer_run(t->symbolizer, t->limit_bytes, run_large, t);
	if (err)
		end(t, err);
}

static struct symbolize_ticket *symbolize_ticket(struct ticket *t)
{
	return (struct symbolize_ticket *)t;
}

static void start_symbolize(struct ticket *base)
{
	struct symbolize_ticket *t = symbolize_ticket(base);
	bool is_small = t->body.size <= SYMBOLIZER_SMALL_BYTES;
	struct error *err = symbolizer_run(t->symbolizer, t->body.size,
					   is_small ? run_small : run_large, t);

	if (err)
		end(t, err);
}

static void deinit_symbolize(struct ticket *base)
{
	struct symbolize_ticket *t = symbolize_ticket(base);

	exchange_free(t->exchange);
	buf_deinit(&t->body);
	mem_free(t->content_type);
	mem_free(t->accept);
	mem_free(t->query);
}

static bool copy(const char *from, char **to)
{
	*to = from ? mem_strdup(from) : NULL;
	return *to || !from;
}

static bool fill(struct symbolize_ticket *t, struct request *rq,
		 enum exchange_route route)
{
	const struct http_options *o = rq->http->options;

	t->symbolizer = o->symbolizer;
	t->route = route;
	t->limit_bytes = o->body_limit_bytes;
	t->answer_limit_bytes = o->answer_limit_bytes;
	t->answer_coding = request_coding(rq->header[HEADER_ACCEPT_ENCODING]);
	if (!copy(rq->header[HEADER_CONTENT_TYPE], &t->content_type) ||
	    !copy(rq->header[HEADER_ACCEPT], &t->accept) ||
	    !copy(rq->query, &t->query))
		return false;
	request_move_body(rq, &t->ticket, &t->body);
	return true;
}

static void refuse_type(struct request *rq, const char *header,
			const char *types)
{
	request_fail(rq, 415, "unsupported_media_type", "%s can be %s",
		     !strcmp(header, "Accept") ? "Content-Type"
					       : "Content-Encoding",
		     types);
	reply_header(&rq->reply, header, types);
}

static void post(struct request *rq, enum exchange_route route)
{
	enum body_coding coding;

	if (!rq->http->options->symbolizer) {
		request_fail(rq, 404, "not_found", "no such path");
		return;
	}
	if (!body_coding_parse(rq->header[HEADER_CONTENT_ENCODING], &coding)) {
		refuse_type(rq, "Accept-Encoding", "gzip, zstd");
		return;
	}
	if (!exchange_takes(route, rq->header[HEADER_CONTENT_TYPE])) {
		refuse_type(rq, "Accept", exchange_types(route));
		return;
	}
	struct ticket *base = ticket_create(sizeof(struct symbolize_ticket));

	if (base) {
		base->start = start_symbolize;
		base->deinit = deinit_symbolize;
		base->wait_ms = symbolizer_limits(rq->http->options->symbolizer)
					->wait_ms +
				SLACK_MS;
		symbolize_ticket(base)->coding = coding;
	}
	if (base && fill(symbolize_ticket(base), rq, route)) {
		rq->ticket = base;
		return;
	}
	ticket_put(base);
	request_fail_with(rq, error_no_memory);
}

void post_symbolize(struct request *rq)
{
	post(rq, EXCHANGE_SYMBOLIZE);
}

void post_symbolicate(struct request *rq)
{
	post(rq, EXCHANGE_SYMBOLICATE);
}

/* ---- The table itself --------------------------------------------------- */

struct gsym_ticket {
	struct ticket ticket;
	struct symbolizer *symbolizer;
	struct build_id id;
	struct symbol_file file;
	char *message; /* the file's; owned; NULL */
};

static void gsym_ready(void *ctx, struct error *err, struct symbol_file *file)
{
	struct gsym_ticket *t = ctx;

	t->file = *file;
	t->file.message = NULL;
	t->message = file->message ? mem_strdup(file->message) : NULL;
	file->fd = -1;
	t->ticket.err = err;
	ticket_done(&t->ticket);
}

static void start_gsym(struct ticket *base)
{
	struct gsym_ticket *t = (struct gsym_ticket *)base;

	symbolize_file(t->symbolizer, &t->id,
		       symbolizer_limits(t->symbolizer)->wait_ms, gsym_ready,
		       t);
}

static void finish_gsym(struct request *rq, struct ticket *base)
{
	struct gsym_ticket *t = (struct gsym_ticket *)base;
	struct artifact a = {
		.fd = steal_fd(&t->file.fd),
		.size = t->file.size,
		.mtime = t->file.mtime,
		.etag = t->file.etag,
	};

	switch (t->file.status) {
	case MODULE_OK:
		/* A better one may take its place. */
		if (!artifact_is_too_large(rq, a.size))
			artifact_send(rq, &a, "no-cache");
		break;
	case MODULE_PENDING:
		request_fail_busy(rq, "the table is being made");
		break;
	case MODULE_ABSENT:
		request_fail(rq, 404, "not_found", "not found");
		break;
	case MODULE_UPSTREAM_ERROR:
		request_fail_with(
			rq, error_new(UPSTREAM, "%s",
				      t->message ? t->message : "no answer"));
		break;
	default:
		request_fail(rq, 500, module_status_name(t->file.status), "%s",
			     t->message ? t->message : "no table can be made");
	}
	artifact_deinit(&a);
}

static void deinit_gsym(struct ticket *base)
{
	struct gsym_ticket *t = (struct gsym_ticket *)base;

	cleanup_close(&t->file.fd);
	mem_free(t->message);
}

void get_gsym(struct request *rq)
{
	struct symbolizer *s = rq->http->options->symbolizer;
	struct build_id id;

	if (!s) {
		request_fail(rq, 404, "not_found", "no such path");
		return;
	}
	if (!build_id_parse(rq->arg, rq->arg_size, &id)) {
		request_fail_build_id(rq);
		return;
	}
	struct ticket *base = ticket_create(sizeof(struct gsym_ticket));

	if (!base) {
		request_fail_with(rq, error_no_memory);
		return;
	}
	struct gsym_ticket *t = (struct gsym_ticket *)base;

	base->start = start_gsym;
	base->finish = finish_gsym;
	base->deinit = deinit_gsym;
	base->wait_ms = symbolizer_limits(s)->wait_ms + SLACK_MS;
	t->symbolizer = s;
	t->id = id;
	t->file.fd = -1;
	rq->ticket = base;
}

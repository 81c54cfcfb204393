/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /buildids/query: which of many build IDs are here, in one request.
 * Decoding, parsing and looking up all happen on a thread of the store.
 */
#include "config.h"

#include <string.h>

#include "base/json_read.h"
#include "base/json_write.h"
#include "elf/elf_facts.h"
#include "http/body.h"
#include "http/routes.h"
#include "http/ticket.h"

enum { IDS_MAX = 1000 };

struct presence_ticket {
	struct ticket ticket;
	struct store *store;
	struct symbolizer *symbolizer; /* NULL: there is none */
	struct buf body;
	enum body_coding coding;
	size_t limit_bytes;
	enum body_coding answer_coding;
};

/* Whom to ask. */
struct known {
	struct index_reader *reader;
	struct symbolizer *symbolizer;
};

/* The index speaks of the best file; what was made from all of them may be
 * better. */
static const char *quality_name(const struct known *k,
				const struct build_id *id, unsigned quality)
{
	unsigned made = k->symbolizer ? symbolizer_quality(k->symbolizer, id)
				      : SYMTAB_QUALITY_NONE;

	return made > quality ? symtab_quality_name((enum symtab_quality)made)
			      : elf_quality_name((enum elf_quality)quality);
}

static struct error *write_known(struct json_write *j, const struct known *k,
				 const struct build_id *id)
{
	char hex[BUILD_ID_HEX_MAX];
	unsigned roles = 0, quality = ELF_QUALITY_NONE;
	bool found;

	TRY(index_presence(k->reader, id, &roles, &quality, &found));
	json_write_kv_string(j, "build_id", build_id_hex(id, hex));
	json_write_kv_bool(j, "executable",
			   found && roles & ELF_ROLE_EXECUTABLE);
	json_write_kv_bool(j, "debuginfo", found && roles & ELF_ROLE_DEBUGINFO);
	json_write_kv_string(
		j, "quality",
		quality_name(k, id, found ? quality : ELF_QUALITY_NONE));
	json_write_kv_string(j, "origin", found ? "local" : NULL);
	return NULL;
}

/* One bad item fails that item alone. */
static void write_bad(struct json_write *j, const char *text, size_t size)
{
	json_write_key(j, "build_id");
	if (text)
		json_write_string_n(j, text, size < 128 ? size : 128);
	else
		json_write_null(j);
	json_write_kv_bool(j, "executable", false);
	json_write_kv_bool(j, "debuginfo", false);
	json_write_kv_string(j, "quality", elf_quality_name(ELF_QUALITY_NONE));
	json_write_kv_string(j, "origin", NULL);
	json_write_kv_string(j, "error", "not a build ID");
}

static struct error *write_item(struct json_read *r, struct json_write *j,
				const struct known *k)
{
	const char *text = NULL;
	struct build_id id;
	size_t size = 0;

	if (json_read_type(r) == JSON_STRING)
		json_read_string(r, &text, &size);
	else
		json_read_skip(r);
	json_write_object(j);
	if (text && build_id_parse(text, size, &id))
		TRY(write_known(j, k, &id));
	else
		write_bad(j, text, size);
	json_write_object_end(j);
	return NULL;
}

static struct error *write_results(struct json_read *r, struct json_write *j,
				   const struct known *k)
{
	unsigned count = 0;

	json_read_array(r);
	while (json_read_item(r)) {
		if (++count > IDS_MAX)
			return error_new(
				TOO_LARGE,
				"more than %d build IDs in one request",
				IDS_MAX);
		TRY(write_item(r, j, k));
	}
	return NULL;
}

/* Answers are written as questions are read; if something is wrong further
 * down, none is sent. */
static struct error *answer_all(struct json_read *r, struct json_write *j,
				const struct known *k)
{
	static const char *const keys[] = { "build_ids", "upstream", NULL };
	uint32_t seen = 0;
	int key;

	json_read_object(r);
	while ((key = json_read_member(r, keys, &seen)) >= 0) {
		if (key == 0)
			TRY(write_results(r, j, k));
		else
			json_read_bool(r); /* There is no upstream to ask. */
	}
	TRY(json_read_finish(r));
	return seen & 1 ? NULL : error_new(BAD_REQUEST, "build_ids is missing");
}

static struct error *answer(struct presence_ticket *t,
			    struct index_reader *reader, struct buf *out)
{
	CLEANUP_JSON_READ struct json_read r = { 0 };
	const struct known known = { .reader = reader,
				     .symbolizer = t->symbolizer };
	struct json_write j;

	TRY(body_decode(&t->body, t->coding, t->limit_bytes));
	json_read_init(&r, t->body.data, t->body.size);
	json_write_init(&j, out);
	json_write_object(&j);
	json_write_key(&j, "results");
	json_write_array(&j);
	TRY(answer_all(&r, &j, &known));
	json_write_array_end(&j);
	json_write_object_end(&j);
	buf_append_byte(out, '\n');
	return NULL;
}

static void read_presence(void *ctx, struct index_reader *r, struct error *err)
{
	struct presence_ticket *t = ctx;
	CLEANUP_BUF struct buf out = BUF_INIT;

	if (!err)
		err = answer(t, r, &out);
	if (!err) {
		reply_json(&t->ticket.reply, 200, &out, t->answer_coding);
		reply_header(&t->ticket.reply, "Cache-Control", "no-store");
	}
	t->ticket.err = err;
	ticket_done(&t->ticket);
}

static void start_presence(struct ticket *base)
{
	struct presence_ticket *t = (struct presence_ticket *)base;

	ticket_read(base, t->store, read_presence);
}

static void deinit_presence(struct ticket *base)
{
	struct presence_ticket *t = (struct presence_ticket *)base;

	buf_deinit(&t->body);
}

void post_presence(struct request *rq)
{
	enum body_coding coding;

	if (!body_coding_parse(rq->header[HEADER_CONTENT_ENCODING], &coding)) {
		request_fail(rq, 415, "unsupported_media_type",
			     "Content-Encoding can be gzip or zstd");
		reply_header(&rq->reply, "Accept-Encoding", "gzip, zstd");
		return;
	}
	struct ticket *base = ticket_create(sizeof(struct presence_ticket));

	if (!base) {
		request_fail_with(rq, error_no_memory);
		return;
	}
	struct presence_ticket *t = (struct presence_ticket *)base;

	base->start = start_presence;
	base->deinit = deinit_presence;
	base->wait_ms = rq->http->options->answer_wait_ms;
	t->store = rq->http->options->store;
	t->symbolizer = rq->http->options->symbolizer;
	t->limit_bytes = rq->http->options->body_limit_bytes;
	t->coding = coding;
	t->answer_coding = request_coding(rq->header[HEADER_ACCEPT_ENCODING]);
	t->body = rq->body;
	buf_init(&rq->body);
	rq->ticket = base;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /buildids/query: which of many build IDs are here, in one request.
 * Decoding, parsing and looking up all happen on a thread of the store. If that
 * is wanted, upstream servers are asked for the others, with HEAD: nothing is
 * fetched.
 */
#include "config.h"

#include <stdatomic.h>
#include <string.h>

#include "base/json_read.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "base/mem.h"
#include "elf/elf_facts.h"
#include "http/body.h"
#include "http/hop.h"
#include "http/routes.h"
#include "http/ticket.h"

enum {
	IDS_MAX = 1000,
	TEXT_MAX = 128, /* shown of what is no build ID */
	PROBES = 32,    /* questions to upstream servers at a time */
};

/** What other servers said. */
enum remote { REMOTE_NOT_ASKED, REMOTE_ABSENT, REMOTE_UNKNOWN, REMOTE_FOUND };

static const struct {
	const char *name;
	unsigned role;
} types[] = {
	{ "executable", ELF_ROLE_EXECUTABLE },
	{ "debuginfo", ELF_ROLE_DEBUGINFO },
};
enum { TYPES = 2 };

struct item {
	struct build_id id; /* len 0: none */
	char *text;         /* of what is none; owned; NULL: not even text */
	size_t text_size;
	bool is_here;
	unsigned roles;
	const char *quality; /* static */
	enum remote remote[TYPES];
};

struct probe {
	struct presence_ticket *ticket;
	struct item *item;
	unsigned type;
};

struct presence_ticket {
	struct ticket ticket;
	struct store *store;
	struct upstreams *upstreams;   /* NULL: there are none to ask */
	struct upstream_hop *hop;      /* owned; NULL: nobody is asked */
	struct symbolizer *symbolizer; /* NULL: there is none */
	struct buf body;
	enum body_coding coding;
	size_t limit_bytes;
	enum body_coding answer_coding;
	bool asks_upstream, is_far; /* is_far: as of hop_is_far() */
	struct item *items;         /* owned */
	size_t count, capacity;
	/* Item and type that is asked for next, and probes not at their end. */
	_Atomic unsigned next, running;
	struct probe probes[PROBES];
};

/* ---- The question -------------------------------------------------------- */

static struct error *read_item(struct presence_ticket *t, struct json_read *r)
{
	const char *text = NULL;
	size_t size = 0;

	if (json_read_type(r) == JSON_STRING)
		json_read_string(r, &text, &size);
	else
		json_read_skip(r);
	if (t->count == IDS_MAX) {
		limit_reached("query_ids");
		return error_new(TOO_LARGE,
				 "more than %d build IDs in one request",
				 IDS_MAX);
	}
	if (!mem_grow(&t->items, &t->capacity, t->count + 1, sizeof(*t->items)))
		return error_no_memory;
	struct item *item = &t->items[t->count++];

	*item = (struct item) { 0 };
	if (!text || build_id_parse(text, size, &item->id))
		return NULL;
	item->text_size = size < TEXT_MAX ? size : TEXT_MAX;
	item->text = mem_dup(text, item->text_size);
	return item->text ? NULL : error_no_memory;
}

static struct error *read_question(struct presence_ticket *t)
{
	static const char *const keys[] = { "build_ids", "upstream", NULL };
	CLEANUP_JSON_READ struct json_read r = { 0 };
	uint32_t seen = 0;
	int key;

	TRY(body_decode(&t->body, t->coding, t->limit_bytes, &t->ticket.held));
	json_read_init(&r, t->body.data, t->body.size);
	json_read_object(&r);
	while ((key = json_read_member(&r, keys, &seen)) >= 0) {
		if (key == 1) {
			t->asks_upstream = json_read_bool(&r);
			continue;
		}
		json_read_array(&r);
		while (json_read_item(&r))
			TRY(read_item(t, &r));
	}
	struct error *err = json_read_finish(&r);

	if (r.is_too_deep)
		limit_reached("json_depth");
	TRY(err);
	return seen & 1 ? NULL : error_new(BAD_REQUEST, "build_ids is missing");
}

/* ---- What is here -------------------------------------------------------- */

/* The index speaks of the best file; what was made from all of them may be
 * better. */
static const char *quality_name(const struct presence_ticket *t,
				const struct build_id *id, unsigned quality)
{
	unsigned made = t->symbolizer ? symbolizer_quality(t->symbolizer, id)
				      : SYMTAB_QUALITY_NONE;

	return made > quality ? symtab_quality_name((enum symtab_quality)made)
			      : elf_quality_name((enum elf_quality)quality);
}

static struct error *look_up_all(struct presence_ticket *t,
				 struct index_reader *r)
{
	for (size_t i = 0; i < t->count; i++) {
		struct item *item = &t->items[i];
		unsigned quality = ELF_QUALITY_NONE;

		if (!item->id.len)
			continue;
		TRY(index_presence(r, &item->id, &item->roles, &quality,
				   &item->is_here));
		item->quality = quality_name(t, &item->id,
					     item->is_here ? quality
							   : ELF_QUALITY_NONE);
	}
	return NULL;
}

/* ---- The answer ---------------------------------------------------------- */

/* NULL: nobody was asked. */
static const char *remote_name(const struct item *item)
{
	static const char *const names[] = {
		[REMOTE_ABSENT] = "absent",
		[REMOTE_UNKNOWN] = "unknown",
		[REMOTE_FOUND] = "found",
	};
	enum remote best = item->remote[0];

	for (size_t i = 1; i < TYPES; i++) {
		if (item->remote[i] > best)
			best = item->remote[i];
	}
	return names[best];
}

/* One bad item fails that item alone. */
static void write_item(struct json_write *j, const struct item *item)
{
	char hex[BUILD_ID_HEX_MAX];
	const char *remote = remote_name(item);
	bool is_remote = false;

	json_write_object(j);
	json_write_key(j, "build_id");
	if (item->id.len)
		json_write_string(j, build_id_hex(&item->id, hex));
	else if (item->text)
		json_write_string_n(j, item->text, item->text_size);
	else
		json_write_null(j);
	for (size_t i = 0; i < TYPES; i++) {
		bool is_found = item->remote[i] == REMOTE_FOUND;

		is_remote |= is_found;
		json_write_kv_bool(j, types[i].name,
				   is_found || (item->is_here &&
						item->roles & types[i].role));
	}
	json_write_kv_string(j, "quality",
			     item->quality
				     ? item->quality
				     : elf_quality_name(ELF_QUALITY_NONE));
	json_write_kv_string(j, "origin",
			     item->is_here ? "local"
			     : is_remote   ? "upstream"
					   : NULL);
	if (remote)
		json_write_kv_string(j, "upstream", remote);
	if (!item->id.len)
		json_write_kv_string(j, "error", "not a build ID");
	json_write_object_end(j);
}

static void finish(struct presence_ticket *t)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct json_write j;

	json_write_init(&j, &out);
	json_write_object(&j);
	json_write_key(&j, "results");
	json_write_array(&j);
	for (size_t i = 0; i < t->count; i++)
		write_item(&j, &t->items[i]);
	json_write_array_end(&j);
	json_write_object_end(&j);
	buf_append_byte(&out, '\n');
	reply_json(&t->ticket.reply, 200, &out, t->answer_coding);
	reply_header(&t->ticket.reply, "Cache-Control", "no-store");
	ticket_done(&t->ticket);
}

/* ---- What is elsewhere --------------------------------------------------- */

static void probe_next(struct probe *p);

/* On the thread that asks upstream servers. */
static void on_opinion(void *ctx, const struct upstream_opinion *o)
{
	struct probe *p = ctx;

	if (!o) {
		probe_next(p);
		return;
	}
	enum remote *known = &p->item->remote[p->type];
	enum remote said = o->cause == UPSTREAM_FOUND    ? REMOTE_FOUND
			   : o->cause == UPSTREAM_ABSENT ? REMOTE_ABSENT
							 : REMOTE_UNKNOWN;

	if (said > *known)
		*known = said;
}

/* What is not here is asked for; false: there is no more. */
static bool take_next(struct probe *p)
{
	struct presence_ticket *t = p->ticket;
	unsigned at;

	/* Nobody waits for the rest. */
	if (ticket_state(&t->ticket) != TICKET_WAITING)
		return false;
	while ((at = atomic_fetch_add(&t->next, 1)) < TYPES * t->count) {
		p->item = &t->items[at / TYPES];
		p->type = at % TYPES;
		if (p->item->id.len && !p->item->is_here)
			return true;
	}
	return false;
}

static void probe_next(struct probe *p)
{
	struct presence_ticket *t = p->ticket;

	while (take_next(p)) {
		const struct upstream_question q = {
			.id = p->item->id,
			.type = types[p->type].name,
			.hop = t->hop,
		};
		struct error *err =
			upstream_survey(t->upstreams, &q, false, on_opinion, p);

		if (!err)
			return;
		error_free(err);
		p->item->remote[p->type] = REMOTE_UNKNOWN;
	}
	if (atomic_fetch_sub(&t->running, 1) == 1)
		finish(t);
}

static void ask_upstream(struct presence_ticket *t)
{
	atomic_store(&t->running, PROBES);
	for (size_t i = 0; i < PROBES; i++) {
		t->probes[i].ticket = t;
		probe_next(&t->probes[i]);
	}
}

/* ---- The request --------------------------------------------------------- */

static void read_presence(void *ctx, struct index_reader *r, struct error *err)
{
	struct presence_ticket *t = ctx;

	if (!err)
		err = read_question(t);
	/* Who waits for other servers keeps the IDs alone. */
	buf_deinit(&t->body);
	held_release(&t->ticket.held);
	if (!err && t->asks_upstream && t->is_far)
		limit_reached("hops");
	if (!err)
		err = look_up_all(t, r);
	if (err) {
		t->ticket.err = err;
		ticket_done(&t->ticket);
	} else if (t->asks_upstream && t->upstreams) {
		ask_upstream(t);
	} else {
		finish(t);
	}
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
	mem_free(t->hop);
	for (size_t i = 0; i < t->count; i++)
		mem_free(t->items[i].text);
	mem_free(t->items);
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
	t->upstreams = hop_is_last(rq) ? NULL : rq->http->options->upstreams;
	t->is_far = hop_is_far(rq);
	t->hop = t->upstreams ? hop_copy(rq) : NULL;
	if (t->upstreams && !t->hop) {
		ticket_put(base);
		request_fail_with(rq, error_no_memory);
		return;
	}
	t->symbolizer = rq->http->options->symbolizer;
	t->limit_bytes = route_body_limit(rq);
	t->coding = coding;
	t->answer_coding = request_coding(rq->header[HEADER_ACCEPT_ENCODING]);
	request_move_body(rq, base, &t->body);
	rq->ticket = base;
}

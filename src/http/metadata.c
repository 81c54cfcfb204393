/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /metadata?key=glob|file|buildid&value=…: which artifacts have that name,
 * as elfutils 0.192 and later answer it. One result a role.
 *
 * Other servers are asked first, all of them at once and for a bounded time;
 * what they say is kept as it comes. Then a thread of the store searches the
 * index, puts its own rows first, reads what the others said, and writes the
 * answer: no other thread does anything that takes long.
 */
#include "config.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/units.h"
#include "elf/elf_facts.h"
#include "http/dialect.h"
#include "http/hop.h"
#include "http/metadata_rows.h"
#include "http/routes.h"
#include "http/ticket.h"

/* Of an answer. Past it the list is incomplete, and says so. */
static const size_t answer_limit_bytes = 64 * MIB;
/* What a pattern costs a name goes with its length: with this one, some
 * milliseconds at most for the longest name. */
enum { PATTERN_MAX = 1024 };
/* What one other server may say, and what all of them may have said that has
 * not been read yet. */
static const size_t heard_limit_bytes = 16 * MIB;
static const size_t heard_limit_all_bytes = 64 * MIB;
static _Atomic size_t heard_bytes;

enum metadata_key { KEY_FILE, KEY_GLOB, KEY_BUILD_ID, KEYS };
static const char *const key_names[KEYS] = { "file", "glob", "buildid" };

/* What one other server said. */
struct heard {
	struct buf body;
	size_t counted; /* in heard_bytes */
	bool is_whole;  /* and not read yet */
};

struct metadata_ticket {
	struct ticket ticket;
	struct store *store;
	const struct dialect *dialect;
	enum metadata_key key;
	char *value;
	struct build_id id; /* KEY_BUILD_ID */
	int64_t search_ms;  /* INT64_MAX: as long as it takes */
	bool hide_paths;
	enum body_coding coding;
	/* Other servers: */
	struct upstreams *upstreams; /* NULL: none is asked */
	struct upstream_hop *hop;    /* owned; NULL: nobody is asked */
	unsigned hops;
	int64_t patience_ms; /* 0: theirs */
	bool lacks_some;     /* one of them may have more than it said */
	struct heard heard[UPSTREAMS_MAX];
};

/* ---- What is here -------------------------------------------------------- */

static bool add_hit(struct metadata_rows *rows,
		    const struct index_name_hit *hit)
{
	static const struct {
		unsigned role;
		const char *type;
	} roles[] = {
		{ ELF_ROLE_EXECUTABLE, "executable" },
		{ ELF_ROLE_DEBUGINFO, "debuginfo" },
	};
	bool fits = true;

	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles) && fits; i++) {
		const struct metadata_row row = {
			.type = roles[i].type,
			.id = &hit->id,
			.file = hit->file,
			.archive = hit->archive,
		};

		if (hit->roles & roles[i].role)
			fits = metadata_rows_add(rows, &row);
	}
	return fits;
}

static struct error *add_place(struct metadata_rows *rows,
			       const struct index_place *p)
{
	struct index_name_hit hit = {
		.id = p->id,
		.roles = p->roles,
		.file = p->member ? p->member : p->path,
		.archive = p->member ? p->path : NULL,
	};
	CLEANUP_FREE char *name = NULL;

	if (p->member && p->member[0] != '/') {
		name = mem_printf("/%s", strncmp(p->member, "./", 2)
						 ? p->member
						 : p->member + 2);
		if (!name)
			return error_no_memory;
		hit.file = name;
	}
	add_hit(rows, &hit);
	return NULL;
}

/* What a search of names gets and gives. */
struct name_search {
	struct metadata_ticket *ticket;
	struct metadata_rows *rows;
	int64_t until_ms; /* clock_ms() */
};

static bool add_name(void *ctx, const struct index_name_hit *hit)
{
	return add_hit(((struct name_search *)ctx)->rows, hit);
}

static bool is_wanted(struct metadata_ticket *t)
{
	return ticket_state(&t->ticket) == TICKET_WAITING;
}

static bool search_is_over(void *ctx)
{
	const struct name_search *s = ctx;

	return clock_ms() >= s->until_ms || !is_wanted(s->ticket);
}

static struct error *search_names(struct metadata_ticket *t,
				  struct index_reader *r,
				  struct metadata_rows *rows,
				  bool *complete_ret)
{
	struct name_search s = {
		.ticket = t,
		.rows = rows,
		.until_ms = t->search_ms == INT64_MAX
				    ? INT64_MAX
				    : clock_ms() + t->search_ms,
	};

	return index_search_names(r, t->value, t->key == KEY_GLOB,
				  search_is_over, add_name, &s, complete_ret);
}

static struct error *search_id(struct metadata_ticket *t,
			       struct index_reader *r,
			       struct metadata_rows *rows)
{
	struct index_places places = { 0 };
	struct error *err = index_find(
		r, &t->id, ELF_ROLE_EXECUTABLE | ELF_ROLE_DEBUGINFO, &places);

	for (size_t i = 0; !err && i < places.count; i++)
		err = add_place(rows, &places.v[i]);
	index_places_deinit(&places);
	return err;
}

/* ---- What others say ----------------------------------------------------- */

static void drop_heard(struct heard *h)
{
	buf_deinit(&h->body);
	atomic_fetch_sub(&heard_bytes, h->counted);
	h->counted = 0;
}

/* On the thread that asks them, like the next two. */
static bool hear_more(void *ctx, size_t server, const void *bytes, size_t size)
{
	struct heard *h = &((struct metadata_ticket *)ctx)->heard[server];

	h->counted += size;
	return atomic_fetch_add(&heard_bytes, size) + size <=
		       heard_limit_all_bytes &&
	       buf_append(&h->body, bytes, size);
}

static void hear_end(void *ctx, size_t server, const struct upstream_opinion *o)
{
	struct metadata_ticket *t = ctx;
	struct heard *h = &t->heard[server];

	h->is_whole = o->cause == UPSTREAM_FOUND;
	if (o->cause == UPSTREAM_TOO_LARGE)
		limit_reached("upstream_metadata");
	if (h->is_whole)
		return;
	t->lacks_some = true;
	drop_heard(h);
}

static void read_metadata(void *ctx, struct index_reader *r, struct error *err);

static void heard_all(void *ctx)
{
	struct metadata_ticket *t = ctx;
	struct store *store = t->store;

	/* Also a build ID: answers of 64 MiB are gone through. */
	if (ticket_state(&t->ticket) == TICKET_WAITING)
		ticket_search(&t->ticket, store, read_metadata);
	else
		ticket_done(&t->ticket);
	store_release(store);
}

/* @return Were they asked? Then heard_all() follows, perhaps before that. */
static bool ask_others(struct metadata_ticket *t)
{
	static const struct upstream_searcher searcher = {
		.data = hear_more,
		.said = hear_end,
		.ended = heard_all,
	};
	char hex[BUILD_ID_HEX_MAX];
	const struct upstream_search q = {
		.key = key_names[t->key],
		.value = t->key == KEY_BUILD_ID ? build_id_hex(&t->id, hex)
						: t->value,
		.hop = t->hop,
		.hops = t->hops,
		.until_ms = t->patience_ms ? clock_ms() + t->patience_ms
					   : INT64_MAX,
		.limit_bytes = heard_limit_bytes,
	};

	store_hold(t->store);
	struct error *err = upstream_search(t->upstreams, &q, &searcher, t);

	if (!err)
		return true;
	/* Too many ask: what is here is said all the same. */
	error_free(err);
	t->lacks_some = true;
	store_release(t->store);
	return false;
}

static struct error *add_heard(struct metadata_ticket *t, size_t server,
			       struct metadata_rows *rows)
{
	struct heard *h = &t->heard[server];
	bool is_complete = false;
	struct error *err = metadata_rows_add_answer(
		rows, h->body.data, h->body.size,
		t->key == KEY_BUILD_ID ? &t->id : NULL, &is_complete);

	t->lacks_some |= !is_complete;
	if (err && error_kind(err) == ERROR_NO_MEMORY)
		return err;
	upstream_search_count(t->upstreams, server,
			      err ? UPSTREAM_MALFORMED : UPSTREAM_FOUND);
	error_free(err);
	h->is_whole = false;
	drop_heard(h);
	return NULL;
}

/* ---- The answer ---------------------------------------------------------- */

static void make_reply(struct metadata_ticket *t, struct buf *out)
{
	CLEANUP_BUF struct buf styled = BUF_INIT;

	if (t->dialect->restyle) {
		t->dialect->restyle(out, &styled);
		styled.failed |= out->failed;
	} else {
		buf_append_byte(out, '\n');
	}
	reply_json(&t->ticket.reply, 200, t->dialect->restyle ? &styled : out,
		   t->coding);
	reply_header(&t->ticket.reply, "Cache-Control", "no-store");
}

static struct error *answer(struct metadata_ticket *t, struct index_reader *r)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_METADATA_ROWS struct metadata_rows rows = { 0 };
	bool is_complete = true;

	TRY(metadata_rows_init(&rows, &out, t->hide_paths, answer_limit_bytes));
	if (t->key == KEY_BUILD_ID)
		TRY(search_id(t, r, &rows));
	else
		TRY(search_names(t, r, &rows, &is_complete));
	for (size_t i = 0; i < UPSTREAMS_MAX && is_wanted(t); i++) {
		if (t->heard[i].is_whole)
			TRY(add_heard(t, i, &rows));
	}
	/* Nobody waits for it any longer. */
	if (!is_wanted(t))
		return NULL;
	metadata_rows_end(&rows, is_complete && !rows.is_cut && !t->lacks_some);
	make_reply(t, &out);
	return NULL;
}

static void read_metadata(void *ctx, struct index_reader *r, struct error *err)
{
	struct metadata_ticket *t = ctx;

	if (!err)
		err = answer(t, r);
	t->ticket.err = err;
	ticket_done(&t->ticket);
}

/* ---- The request --------------------------------------------------------- */

static void start_metadata(struct ticket *base)
{
	struct metadata_ticket *t = (struct metadata_ticket *)base;

	if (t->upstreams && ask_others(t))
		return;
	if (t->key == KEY_BUILD_ID)
		ticket_read(base, t->store, read_metadata);
	else
		ticket_search(base, t->store, read_metadata);
}

static void deinit_metadata(struct ticket *base)
{
	struct metadata_ticket *t = (struct metadata_ticket *)base;

	mem_free(t->value);
	mem_free(t->hop);
	for (size_t i = 0; i < UPSTREAMS_MAX; i++) {
		/* Nobody has read it. */
		if (t->heard[i].is_whole)
			upstream_search_count(t->upstreams, i,
					      UPSTREAM_CANCELLED);
		drop_heard(&t->heard[i]);
	}
}

/* How long others are waited for: longer than a search takes here, which may be
 * what they take, and the less the more servers the request came through, so
 * that who asked us does not give up first. */
static void set_patience(struct metadata_ticket *t, const struct request *rq)
{
	const struct http_options *o = rq->http->options;
	uint64_t search_ms = o->metadata_ms, wait_ms;

	if (o->metadata_ms == HTTP_NO_LIMIT) {
		t->ticket.wait_ms = HTTP_NO_LIMIT;
		t->search_ms = INT64_MAX;
		return;
	}
	wait_ms = search_ms + o->answer_wait_ms;
	t->search_ms = (int64_t)search_ms;
	if (t->upstreams) {
		t->patience_ms =
			(int64_t)(search_ms + search_ms / (t->hops + 1));
		wait_ms += (uint64_t)t->patience_ms;
	}
	t->ticket.wait_ms =
		wait_ms < HTTP_NO_LIMIT ? (unsigned)wait_ms : HTTP_NO_LIMIT - 1;
}

/* What is asked for; a reply is made if it cannot be understood. */
static bool read_question(struct request *rq, enum metadata_key *key,
			  char **value, struct build_id *id)
{
	CLEANUP_FREE char *name = NULL;
	unsigned k = 0;

	if (!request_query(rq, "key", &name) ||
	    !request_query(rq, "value", value)) {
		request_fail(rq, 400, "bad_request", "malformed query");
		return false;
	}
	while (k < KEYS && (!name || strcmp(name, key_names[k]) != 0))
		k++;
	if (k == KEYS || !*value) {
		request_fail(rq, 400, "bad_request",
			     "/metadata wants key=file, glob or buildid, and "
			     "value=");
		return false;
	}
	if (k == KEY_GLOB && strlen(*value) > PATTERN_MAX) {
		limit_reached("pattern_size");
		request_fail(rq, 400, "bad_request",
			     "the pattern is longer than %d bytes",
			     PATTERN_MAX);
		return false;
	}
	*key = (enum metadata_key)k;
	if (k == KEY_BUILD_ID && !build_id_parse(*value, strlen(*value), id)) {
		request_fail_build_id(rq);
		return false;
	}
	return true;
}

void get_metadata(struct request *rq)
{
	CLEANUP_FREE char *value = NULL;
	enum metadata_key key;
	struct build_id id = { 0 };

	if (!read_question(rq, &key, &value, &id))
		return;
	const struct http_options *o = rq->http->options;
	struct ticket *base = ticket_create(sizeof(struct metadata_ticket));

	if (!base) {
		request_fail_with(rq, error_no_memory);
		return;
	}
	struct metadata_ticket *t = (struct metadata_ticket *)base;

	base->start = start_metadata;
	base->deinit = deinit_metadata;
	t->store = o->store;
	t->key = key;
	t->value = STEAL(value);
	t->id = id;
	t->dialect = dialect_of(rq);
	t->hide_paths = o->hide_paths;
	t->coding = request_coding(rq->header[HEADER_ACCEPT_ENCODING]);
	t->upstreams = hop_is_last(rq) ? NULL : o->upstreams;
	t->lacks_some = hop_is_far(rq);
	if (t->lacks_some)
		limit_reached("hops");
	t->hops = hop_distance(rq);
	t->hop = t->upstreams ? hop_copy(rq) : NULL;
	if (t->upstreams && !t->hop) {
		ticket_put(base);
		request_fail_with(rq, error_no_memory);
		return;
	}
	set_patience(t, rq);
	rq->ticket = base;
}

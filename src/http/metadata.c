/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /metadata?key=glob|file|buildid&value=…: which artifacts have that name,
 * as elfutils 0.192 and later answer it. One result a role.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/units.h"
#include "elf/elf_facts.h"
#include "http/dialect.h"
#include "http/hop.h"
#include "http/routes.h"
#include "http/ticket.h"

/* limits.md 3: an answer. Past it the list is incomplete, and says so. */
static const size_t answer_limit_bytes = 64 * MIB;

enum metadata_key { KEY_FILE, KEY_GLOB, KEY_BUILD_ID, KEYS };
static const char *const key_names[KEYS] = { "file", "glob", "buildid" };

struct metadata_ticket {
	struct ticket ticket;
	struct store *store;
	const struct dialect *dialect;
	enum metadata_key key;
	char *value;
	struct build_id id; /* KEY_BUILD_ID */
	int64_t search_ms;  /* 0: as long as it takes */
	bool hide_paths;
	bool has_others; /* other servers, which may have more */
	enum body_coding coding;
};

struct results {
	struct json_write json;
	struct buf *out;
	bool hide_paths;
	bool is_cut;
};

static void write_result(struct results *rs, const char *type,
			 const struct index_name_hit *hit)
{
	struct json_write *j = &rs->json;
	char hex[BUILD_ID_HEX_MAX];

	json_write_object(j);
	json_write_kv_string(j, "type", type);
	json_write_kv_string(j, "buildid", build_id_hex(&hit->id, hex));
	if (!rs->hide_paths || hit->archive)
		json_write_kv_string(j, "file", hit->file);
	if (!rs->hide_paths && hit->archive)
		json_write_kv_string(j, "archive", hit->archive);
	json_write_object_end(j);
}

static bool add_hit(void *ctx, const struct index_name_hit *hit)
{
	struct results *rs = ctx;

	if (rs->out->failed || rs->out->size > answer_limit_bytes) {
		rs->is_cut = true;
		return false;
	}
	if (hit->roles & ELF_ROLE_EXECUTABLE)
		write_result(rs, "executable", hit);
	if (hit->roles & ELF_ROLE_DEBUGINFO)
		write_result(rs, "debuginfo", hit);
	return true;
}

static struct error *add_place(struct results *rs, const struct index_place *p)
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
	add_hit(rs, &hit);
	return NULL;
}

static struct error *search_id(struct metadata_ticket *t,
			       struct index_reader *r, struct results *rs)
{
	struct index_places places = { 0 };
	struct error *err = index_find(
		r, &t->id, ELF_ROLE_EXECUTABLE | ELF_ROLE_DEBUGINFO, &places);

	for (size_t i = 0; !err && i < places.count; i++)
		err = add_place(rs, &places.v[i]);
	index_places_deinit(&places);
	return err;
}

static struct error *answer(struct metadata_ticket *t, struct index_reader *r)
{
	CLEANUP_BUF struct buf out = BUF_INIT, styled = BUF_INIT;
	struct results rs = { .out = &out, .hide_paths = t->hide_paths };
	bool is_complete = true;

	json_write_init(&rs.json, &out);
	json_write_object(&rs.json);
	json_write_key(&rs.json, "results");
	json_write_array(&rs.json);
	if (t->key == KEY_BUILD_ID)
		TRY(search_id(t, r, &rs));
	else
		TRY(index_search_names(r, t->value, t->key == KEY_GLOB,
				       t->search_ms ? clock_ms() + t->search_ms
						    : 0,
				       add_hit, &rs, &is_complete));
	json_write_array_end(&rs.json);
	json_write_kv_bool(&rs.json, "complete",
			   is_complete && !rs.is_cut && !t->has_others);
	json_write_object_end(&rs.json);
	if (t->dialect->restyle) {
		t->dialect->restyle(&out, &styled);
		styled.failed |= out.failed;
	} else {
		buf_append_byte(&out, '\n');
	}
	reply_json(&t->ticket.reply, 200, t->dialect->restyle ? &styled : &out,
		   t->coding);
	reply_header(&t->ticket.reply, "Cache-Control", "no-store");
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

static void start_metadata(struct ticket *base)
{
	ticket_read(base, ((struct metadata_ticket *)base)->store,
		    read_metadata);
}

static void deinit_metadata(struct ticket *base)
{
	mem_free(((struct metadata_ticket *)base)->value);
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
	bool has_limit = rq->http->options->metadata_ms != HTTP_NO_LIMIT;
	struct ticket *base = ticket_create(sizeof(struct metadata_ticket));

	if (!base) {
		request_fail_with(rq, error_no_memory);
		return;
	}
	struct metadata_ticket *t = (struct metadata_ticket *)base;

	base->start = start_metadata;
	base->deinit = deinit_metadata;
	base->wait_ms = has_limit ? rq->http->options->metadata_ms +
					    rq->http->options->answer_wait_ms
				  : HTTP_NO_LIMIT;
	t->store = rq->http->options->store;
	t->key = key;
	t->value = STEAL(value);
	t->id = id;
	t->search_ms = has_limit ? rq->http->options->metadata_ms : 0;
	t->dialect = dialect_of(rq);
	t->hide_paths = rq->http->options->hide_paths;
	t->has_others = rq->http->options->upstreams && !hop_is_last(rq);
	t->coding = request_coding(rq->header[HEADER_ACCEPT_ENCODING]);
	rq->ticket = base;
}

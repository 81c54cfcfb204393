/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /buildid/ID/meta: what the index knows of one build ID.
 */
#include "config.h"

#include <stdio.h>

#include "base/json_write.h"
#include "elf/elf_facts.h"
#include "http/routes.h"
#include "http/ticket.h"

struct meta_ticket {
	struct ticket ticket;
	struct store *store;
	struct build_id id;
	bool hide_paths;
	enum body_coding coding;
};

static void cleanup_places(struct index_places *p)
{
	index_places_deinit(p);
}
#define CLEANUP_PLACES CLEANUP(cleanup_places)

static void write_file(struct json_write *j, const struct index_place *p,
		       bool hide_paths)
{
	json_write_kv_uint(j, "size", p->size);
	if (hide_paths)
		return;
	if (!p->member) {
		json_write_kv_string(j, "file", p->path);
		return;
	}
	CLEANUP_BUF struct buf name = BUF_INIT;
	const char *member = p->member;

	if (member[0] == '.' && member[1] == '/')
		member++;
	if (member[0] != '/')
		buf_append_byte(&name, '/');
	buf_append_str(&name, member);
	json_write_kv_string(j, "file", buf_str(&name));
	json_write_kv_string(j, "archive", p->path);
}

static void write_role(struct json_write *j, const struct index_places *places,
		       bool is_debuginfo, bool hide_paths)
{
	char hex[BUILD_ID_HEX_MAX];

	if (places->count == 0)
		return;
	const struct index_place *p = &places->v[0];

	json_write_key(j, is_debuginfo ? "debuginfo" : "executable");
	json_write_object(j);
	write_file(j, p, hide_paths);
	if (is_debuginfo) {
		json_write_kv_string(
			j, "quality",
			elf_quality_name((enum elf_quality)p->quality));
		json_write_kv_string(
			j, "alt_build_id",
			p->alt_id.len ? build_id_hex(&p->alt_id, hex) : NULL);
	}
	json_write_object_end(j);
}

static void write_segments(struct json_write *j, const struct index_segments *s)
{
	json_write_key(j, "segments");
	json_write_array(j);
	for (size_t i = 0; i < s->count; i++) {
		const struct index_segment *v = &s->v[i];
		const char flags[] = { v->flags & 4 ? 'r' : '-',
				       v->flags & 2 ? 'w' : '-',
				       v->flags & 1 ? 'x' : '-', '\0' };

		json_write_object(j);
		json_write_kv_uint(j, "offset", v->offset);
		json_write_kv_uint(j, "vaddr", v->vaddr);
		json_write_kv_uint(j, "file_size", v->file_size);
		json_write_kv_uint(j, "mem_size", v->mem_size);
		json_write_kv_string(j, "flags", flags);
		json_write_object_end(j);
	}
	json_write_array_end(j);
}

static void write_identity(struct json_write *j, const struct index_place *p)
{
	char text[2 * sizeof(p->breakpad_guid) + 2];
	const char *arch = elf_machine_name(p->machine, p->elf_class == 64,
					    p->is_big_endian);
	const char *type = elf_type_name(p->type);

	json_write_kv_string(j, "kind", p->is_gnu ? "gnu" : "htlhash");
	snprintf(text, sizeof(text), "em_%u", p->machine);
	json_write_kv_string(j, "arch", arch ? arch : text);
	snprintf(text, sizeof(text), "et_%u", p->type);
	json_write_kv_string(j, "type", type ? type : text);
}

/* The GUID, and 0 for the age that ELF files have not. */
static void write_breakpad_id(struct json_write *j, const struct index_place *p)
{
	char text[2 * sizeof(p->breakpad_guid) + 2];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(p->breakpad_guid); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%02X",
				      p->breakpad_guid[i]);
	snprintf(text + n, sizeof(text) - n, "0");
	json_write_kv_string(j, "breakpad_id", text);
}

static void write_meta(struct meta_ticket *t, const struct index_places *exe,
		       const struct index_places *debug,
		       const struct index_place *best,
		       const struct index_segments *segments, struct buf *out)
{
	const struct index_place *sources = /* it knows them */
		debug->count ? debug->v : exe->v;
	char hex[BUILD_ID_HEX_MAX];
	struct json_write j;

	json_write_init(&j, out);
	json_write_object(&j);
	json_write_kv_string(&j, "build_id", build_id_hex(&t->id, hex));
	write_identity(&j, best);
	write_role(&j, exe, false, t->hide_paths);
	write_role(&j, debug, true, t->hide_paths);
	write_segments(&j, segments);
	write_breakpad_id(&j, best);
	if (best->go_id)
		json_write_kv_string(&j, "go_build_id", best->go_id);
	json_write_kv_uint(&j, "sources", sources->source_count);
	json_write_object_end(&j);
	buf_append_byte(out, '\n');
}

static struct error *answer(struct meta_ticket *t, struct index_reader *r)
{
	CLEANUP_PLACES struct index_places exe = { 0 };
	CLEANUP_PLACES struct index_places debug = { 0 };
	CLEANUP_INDEX_SEGMENTS struct index_segments segments = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct reply *reply = &t->ticket.reply;

	TRY(index_find(r, &t->id, ELF_ROLE_EXECUTABLE, &exe));
	TRY(index_find(r, &t->id, ELF_ROLE_DEBUGINFO, &debug));
	if (exe.count + debug.count == 0) {
		reply_text(reply, 404, "not found\n");
		reply_header(reply, "Cache-Control", "no-store");
		return NULL;
	}
	/* What can be run has segments with bytes. */
	const struct index_place *best = exe.count ? exe.v : debug.v;

	TRY(index_segments(r, best->artifact_id, &segments));
	write_meta(t, &exe, &debug, best, &segments, &out);
	reply_json(reply, 200, &out, t->coding);
	/* Unlike the bytes themselves, what is known of them changes. */
	reply_header(reply, "Cache-Control", "public, max-age=60");
	return NULL;
}

static void read_meta(void *ctx, struct index_reader *r, struct error *err)
{
	struct meta_ticket *t = ctx;

	if (!err)
		err = answer(t, r);
	t->ticket.err = err;
	ticket_done(&t->ticket);
}

static void start_meta(struct ticket *base)
{
	ticket_read(base, ((struct meta_ticket *)base)->store, read_meta);
}

void get_meta(struct request *rq)
{
	struct build_id id;

	if (!build_id_parse(rq->arg, rq->arg_size, &id)) {
		request_fail_build_id(rq);
		return;
	}
	struct ticket *base = ticket_create(sizeof(struct meta_ticket));

	if (!base) {
		request_fail_with(rq, error_no_memory);
		return;
	}
	struct meta_ticket *t = (struct meta_ticket *)base;

	base->start = start_meta;
	base->wait_ms = rq->http->options->answer_wait_ms;
	t->store = rq->http->options->store;
	t->id = id;
	t->hide_paths = rq->http->options->hide_paths;
	t->coding = request_coding(rq->header[HEADER_ACCEPT_ENCODING]);
	rq->ticket = base;
}

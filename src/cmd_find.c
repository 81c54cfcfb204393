/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json_write.h"
#include "base/lock.h"
#include "command.h"
#include "elf/elf_facts.h"
#include "federation.h"
#include "index/index.h"

static void print_text(const struct index_place *p)
{
	const char *machine = elf_machine_name(p->machine, p->elf_class == 64,
					       p->is_big_endian);

	print_shown(p->path);
	if (p->member) {
		printf(": ");
		print_shown(p->member);
	}
	printf("\n    %s%s%s, %s, %s, %s, %" PRIu64 " bytes, %" PRIu64
	       " sources\n",
	       p->roles & ELF_ROLE_EXECUTABLE ? "executable" : "",
	       (p->roles & 3) == 3 ? " and " : "",
	       p->roles & ELF_ROLE_DEBUGINFO ? "debuginfo" : "",
	       machine ? machine : "unknown machine",
	       p->is_gnu ? "GNU build ID" : "no build ID, found by file hash",
	       elf_quality_name((enum elf_quality)p->quality), p->size,
	       p->source_count);
	if (access(p->path, R_OK))
		printf("    not readable now\n");
}

static void print_json(struct json_write *j, const struct index_place *p)
{
	json_write_object(j);
	json_write_kv_string(j, "path", p->path);
	json_write_kv_string(j, "member", p->member);
	json_write_kv_string(j, "scanner", p->scanner);
	json_write_kv_bool(j, "executable", p->roles & ELF_ROLE_EXECUTABLE);
	json_write_kv_bool(j, "debuginfo", p->roles & ELF_ROLE_DEBUGINFO);
	json_write_kv_string(j, "quality",
			     elf_quality_name((enum elf_quality)p->quality));
	json_write_kv_uint(j, "size", p->size);
	json_write_kv_uint(j, "sources", p->source_count);
	json_write_object_end(j);
}

/* ---- Upstream ------------------------------------------------------------ */

/* What the servers say; told on another thread, one after the other. */
struct survey {
	struct lock lock; /* guards the rest */
	struct condition told;
	struct json_write *json; /* NULL: as text */
	const char *type;
	bool is_over;
};

static void print_opinion(const char *type, const struct upstream_opinion *o)
{
	printf("upstream ");
	print_shown(o->name);
	printf("\n    %s: %s", type, upstream_cause_name(o->cause));
	if (o->cause == UPSTREAM_FOUND && o->size >= 0)
		printf(", %" PRId64 " bytes", o->size);
	if (o->cause != UPSTREAM_FOUND && o->cause != UPSTREAM_ABSENT) {
		printf(", ");
		print_shown(o->why);
	}
	if (o->status)
		printf(", status %u", o->status);
	printf(", after %" PRId64 " ms\n", o->elapsed_ms);
}

static void write_opinion(struct json_write *j, const char *type,
			  const struct upstream_opinion *o)
{
	json_write_object(j);
	json_write_kv_string(j, "upstream", o->name);
	json_write_kv_string(j, "type", type);
	json_write_kv_string(j, "outcome", upstream_cause_name(o->cause));
	json_write_kv_string(j, "why", o->why);
	if (o->status)
		json_write_kv_uint(j, "status", o->status);
	if (o->size >= 0)
		json_write_kv_int(j, "size", o->size);
	json_write_kv_int(j, "milliseconds", o->elapsed_ms);
	json_write_object_end(j);
}

static void on_opinion(void *ctx, const struct upstream_opinion *o)
{
	struct survey *s = ctx;

	LOCKED(&s->lock);
	if (!o) {
		s->is_over = true;
		condition_signal(&s->told);
	} else if (s->json) {
		write_opinion(s->json, s->type, o);
	} else {
		print_opinion(s->type, o);
	}
}

static struct error *ask_all(struct upstreams *u, const struct build_id *id,
			     const char *type, struct json_write *j)
{
	const struct upstream_question q = { .id = *id, .type = type };
	struct survey s = { .json = j, .type = type };

	lock_init(&s.lock, LOCK_COMMAND);
	condition_init(&s.told);
	/* GET, broken off behind the header: elfutils' server knows no HEAD. */
	struct error *err = upstream_survey(u, &q, true, on_opinion, &s);

	if (!err) {
		LOCKED(&s.lock);
		while (!s.is_over)
			condition_wait(&s.told, &s.lock);
	}
	condition_deinit(&s.told);
	lock_deinit(&s.lock);
	return err;
}

/* @p j: NULL for text. */
static struct error *ask_upstream(const struct settings *s,
				  const struct build_id *id,
				  struct json_write *j)
{
	CLEANUP(upstream_list_deinit) struct upstream_list list;
	struct upstreams *u = NULL;

	TRY(federation_read(s, true, false, &list));
	if (!list.count) {
		if (!j)
			printf("no upstream servers are named\n");
		return NULL;
	}
	const struct upstreams_options options = {
		.list = &list,
		.max_bytes = INT64_MAX,
	};

	TRY(upstreams_open(&options, &u));
	struct error *err = ask_all(u, id, "executable", j);

	if (!err)
		err = ask_all(u, id, "debuginfo", j);
	upstreams_close(u);
	return err;
}

/* ---- The command ----------------------------------------------------------
 */

/* The best file of a unit of split DWARF. */
static struct error *find_split(struct index_reader *r,
				const struct build_id *id,
				struct index_places *ret)
{
	struct build_id files[INDEX_SPLITS_MAX];
	uint64_t dwo_id = 0;
	size_t count;

	for (size_t i = 0; i < id->len; i++)
		dwo_id = dwo_id << 8 | id->bytes[i];
	TRY(index_find_split(r, dwo_id, files, &count));
	return count ? index_find(r, &files[0], ELF_ROLE_DEBUGINFO, ret) : NULL;
}

static struct error *find_in(struct index_reader *r, const struct build_id *id,
			     struct index_places *ret)
{
	TRY(index_find(r, id, ELF_ROLE_EXECUTABLE | ELF_ROLE_DEBUGINFO, ret));
	return ret->count || id->len != sizeof(uint64_t)
		       ? NULL
		       : find_split(r, id, ret);
}

static struct error *find_places(const struct settings *s,
				 const struct build_id *id,
				 struct index_places *ret)
{
	struct index_reader *r;

	TRY(index_reader_open(s->state_dir, &r));
	struct error *err = find_in(r, id, ret);

	index_reader_close(r);
	return err;
}

static struct error *find_json(const struct settings *s,
			       const struct build_id *id,
			       const struct index_places *places)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct json_write j;

	json_write_init(&j, &text);
	if (s->find_upstream) {
		json_write_object(&j);
		json_write_key(&j, "places");
	}
	json_write_array(&j);
	for (size_t i = 0; i < places->count; i++)
		print_json(&j, &places->v[i]);
	json_write_array_end(&j);
	if (s->find_upstream) {
		json_write_key(&j, "upstream");
		json_write_array(&j);
		TRY(ask_upstream(s, id, &j));
		json_write_array_end(&j);
		json_write_object_end(&j);
	}
	if (text.failed)
		return error_no_memory;
	printf("%.*s\n", (int)text.size, (char *)text.data);
	return NULL;
}

struct error *cmd_find(const struct settings *s, const char *program)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	struct build_id id;

	(void)program;
	if (s->path_count != 1)
		return error_new(BAD_REQUEST, "find: one build ID, please");
	if (!build_id_parse(s->paths[0], strlen(s->paths[0]), &id))
		return error_new(BAD_REQUEST,
				 "find: \"%s\" is not a build ID: an even "
				 "number of 4 to 128 hexadecimal digits",
				 s->paths[0]);
	TRY(find_places(s, &id, &places));
	if (s->json)
		return find_json(s, &id, &places);
	for (size_t i = 0; i < places.count; i++)
		print_text(&places.v[i]);
	if (!places.count)
		printf("%s: not in the index\n", s->paths[0]);
	return s->find_upstream ? ask_upstream(s, &id, NULL) : NULL;
}

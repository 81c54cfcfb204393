/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json_write.h"
#include "command.h"
#include "import_debuginfod.h"
#include "index/index.h"

struct report {
	bool is_json;
	struct json_write json;
	struct buf text;
};

static void report_deinit(struct report *r)
{
	buf_deinit(&r->text);
}

static void complaint(void *ctx, const char *text)
{
	struct report *r = ctx;

	if (r->is_json)
		json_write_string(&r->json, text);
	else
		printf("damaged: %s\n", text);
}

static bool failed(void *ctx, const char *path, const char *kind,
		   const char *problem)
{
	struct report *r = ctx;

	if (r->is_json) {
		json_write_object(&r->json);
		json_write_kv_string(&r->json, "path", path);
		json_write_kv_string(&r->json, "kind", kind);
		json_write_kv_string(&r->json, "problem", problem);
		json_write_object_end(&r->json);
	} else {
		printf("unreadable: ");
		print_shown(path);
		printf(": %s: ", kind);
		print_shown(problem);
		printf("\n");
	}
	return true;
}

static void stats(struct report *r, const struct index_stats *s)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "schema_version", (uint64_t)s->schema_version },
		{ "containers", s->containers },
		{ "unreadable", s->failed },
		{ "artifacts", s->artifacts },
		{ "executables", s->executables },
		{ "debuginfos", s->debuginfos },
		{ "build_ids", s->build_ids },
		{ "source_dirs", s->source_dirs },
		{ "points", s->points },
		{ "directories", s->directories },
		{ "ignored_files", s->ignored_files },
		{ "file_bytes", s->file_bytes },
		{ "free_bytes", s->free_bytes },
		{ "wal_bytes", s->wal_bytes },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (r->is_json)
			json_write_kv_uint(&r->json, rows[i].name,
					   rows[i].value);
		else
			printf("%-15s %" PRIu64 "\n", rows[i].name,
			       rows[i].value);
	}
}

static struct error *run(struct index_reader *ix, struct report *r,
			 size_t *complaints_ret)
{
	struct index_stats s;

	TRY(index_stats(ix, &s));
	json_write_object(&r->json);
	stats(r, &s);
	json_write_key(&r->json, "problems");
	json_write_array(&r->json);
	TRY(index_each_failed(ix, failed, r));
	json_write_array_end(&r->json);
	json_write_key(&r->json, "complaints");
	json_write_array(&r->json);
	TRY(index_check(ix, complaint, r, complaints_ret));
	json_write_array_end(&r->json);
	json_write_object_end(&r->json);
	return r->text.failed ? error_no_memory : NULL;
}

static void print_import(const struct import_counts *c, bool is_json)
{
	const struct {
		const char *name, *what;
		uint64_t value;
	} rows[] = {
		{ "files", "files in the database", c->files },
		{ "imported", "taken over", c->imported },
		{ "known", "known to the index already", c->known },
		{ "changed", "changed since: the next scan reads them",
		  c->changed },
		{ "gone", "gone", c->gone },
		{ "empty", "hold nothing", c->empty },
		{ "artifacts", "artifacts taken over", c->artifacts },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (is_json)
			printf("%s\"%s\":%" PRIu64, i ? "," : "{", rows[i].name,
			       rows[i].value);
		else
			printf("%12" PRIu64 " %s\n", rows[i].value,
			       rows[i].what);
	}
	if (is_json)
		printf("}\n");
}

static struct error *import_from(struct debuginfod_db *db,
				 const struct settings *s)
{
	CLEANUP_FREE char *notice = NULL;
	struct import_counts counts;
	struct index *ix;

	TRY(index_open(s->state_dir, 0, &notice, &ix));
	if (notice)
		fprintf(stderr, "symbolized: %s\n", notice);
	struct error *err = import_debuginfod(db, ix, s->state_dir, &counts);

	index_close(ix);
	print_import(&counts, s->json);
	if (!s->json) {
		printf("into ");
		print_shown(index_place_path(s->state_dir));
		printf("\n");
	}
	return err;
}

/* What is no such database leaves no empty index. */
static struct error *import(const struct settings *s)
{
	struct debuginfod_db *db;

	TRY(debuginfod_db_open(s->import_debuginfod, &db));
	struct error *err = import_from(db, s);

	debuginfod_db_close(db);
	return err;
}

struct error *cmd_check(const struct settings *s, const char *program)
{
	CLEANUP(report_deinit) struct report r = { .is_json = s->json };
	struct index_reader *ix;
	size_t complaints = 0;

	(void)program;
	if (s->path_count)
		return error_new(BAD_REQUEST, "check takes no arguments");
	if (s->import_debuginfod)
		return import(s);
	TRY(index_reader_open(s->state_dir, &ix));
	json_write_init(&r.json, &r.text);
	struct error *err = run(ix, &r, &complaints);

	index_reader_close(ix);
	TRY(err);
	if (s->json)
		printf("%.*s\n", (int)r.text.size, (char *)r.text.data);
	if (complaints)
		return error_new(DATABASE,
				 "%zu complaints: the index in %s is "
				 "damaged",
				 complaints, s->state_dir);
	if (!s->json)
		printf("the index is sound\n");
	return NULL;
}

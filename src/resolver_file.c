/* SPDX-License-Identifier: Apache-2.0 */
/* One file, of which a worker makes a table; every address is in it. */
#include "config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "resolver_inputs.h"
#include "resolver_private.h"
#include "split_files.h"
#include "symbolize/table_claims.h"
#include "symtab/symtab.h"
#include "worker/symtab_job.h"

struct file_resolver {
	struct resolver resolver;
	struct symtab *table;
	struct build_id id; /* the file's; len 0: it has none */
	bool has_warned;
};

static void close_file(struct resolver *base)
{
	struct file_resolver *r = (struct file_resolver *)base;

	symtab_put(r->table);
	mem_free(r);
}

const struct build_id resolver_no_id = { .len = 4 };

/* Once: of each address the answer says it. */
static void warn_of_other(struct file_resolver *r, const struct build_id *id)
{
	char hex[BUILD_ID_HEX_MAX], own[BUILD_ID_HEX_MAX];

	if (!r->has_warned)
		log_warn("resolve", "addresses of other build IDs",
			 LOG_S("file", r->resolver.options.settings->file),
			 LOG_S("its_build_id", build_id_hex(&r->id, own)),
			 LOG_S("other", build_id_hex(id, hex)));
	r->has_warned = true;
}

static struct error *answer_batch(struct resolver *base, struct batch *b)
{
	struct file_resolver *r = (struct file_resolver *)base;

	for (size_t i = 0; i < b->module_count; i++) {
		struct batch_module *m = &b->modules[i];

		if (build_id_equal(&m->id, &resolver_no_id)) {
			m->id = r->id;
		} else if (!resolver_same_id(&m->id, &r->id)) {
			warn_of_other(r, &m->id);
			m->status = MODULE_ABSENT;
			continue;
		}
		m->status = MODULE_OK;
		m->origin = "local";
		m->table = symtab_get(r->table);
		m->message = table_claims_message((struct table_claims) { 0 },
						  r->table);
	}
	return batch_answer(b);
}

static struct error *answer_file(struct resolver *base, const struct buf *lines,
				 struct buf *out)
{
	return resolver_exchange(base, lines, out, answer_batch);
}

/* ---- Building ----------------------------------------------------------- */

struct build {
	struct one_worker *worker;
	struct resolver_inputs inputs;
	struct split_files splits;
	struct symtab_build_report report;
	int table; /* owned */
};

static void build_deinit(struct build *b)
{
	one_worker_end(b->worker);
	resolver_inputs_close(&b->inputs);
	split_files_deinit(&b->splits);
	symtab_build_report_deinit(&b->report);
	cleanup_close(&b->table);
}

static struct error *take_result(struct worker_job *job, enum wire_type type,
				 struct reader *payload)
{
	struct build *b = job->ctx;

	if (type != WIRE_RESULT)
		return error_new(BAD_DATA, "an answer of type %d", (int)type);
	symtab_build_report_deinit(&b->report);
	return symtab_result_get(payload, &b->report);
}

static struct error *run_build(struct build *b)
{
	struct symtab_build_inputs *in = &b->inputs.files;
	struct worker_job job = {
		.type = WIRE_SYMTAB,
		.answer = take_result,
		.ctx = b,
	};

	in->dwos = b->splits.dwos;
	in->dwo_count = b->splits.count;
	if (ftruncate(b->table, 0))
		return error_errno("memory for a table");
	TRY(symtab_request_fds(in, b->table, job.fds, &job.fd_count));
	job.cpu_limit_s = symtab_job_cpu_s(b->inputs.bytes + b->splits.bytes);
	symtab_request_put(&job.request, in, NULL, 0);
	struct error *err = one_worker_do(b->worker, &job);

	buf_deinit(&job.request);
	return err;
}

/* What a first build says it has missed is looked for, and all built again. */
static struct error *build_with_splits(struct build *b,
				       const struct settings *s)
{
	const char *program = s->debuginfo ? s->debuginfo : s->file;

	TRY(split_files_add_package(&b->splits, s->file));
	size_t count = b->splits.count;

	TRY(run_build(b));
	TRY(split_files_add_missing(&b->splits, program,
				    &b->report.missing_dwos));
	return b->splits.count > count ? run_build(b) : NULL;
}

static void tell(const struct build *b, const char *path)
{
	if (*b->report.problem)
		log_warn("resolve", "not all of it can be read",
			 LOG_S("file", path), LOG_S("why", b->report.problem));
	if (b->report.quality == SYMTAB_QUALITY_NONE)
		log_warn("resolve", "no symbols", LOG_S("file", path));
}

static struct error *make_table(struct file_resolver *r)
{
	const struct settings *s = r->resolver.options.settings;
	CLEANUP(build_deinit)
	struct build b = {
		.inputs.files = { .debuginfo = -1,
				  .executable = -1,
				  .alt = -1 },
		.table = memfd_create("table", MFD_CLOEXEC),
	};

	if (b.table < 0)
		return error_errno("memory for a table");
	TRY(one_worker_start(r->resolver.options.program, &b.worker));
	TRY(resolver_inputs_open(s, b.worker, &b.inputs));
	r->id = b.inputs.id;
	TRY(error_wrap(build_with_splits(&b, s), "%s", s->file));
	tell(&b, s->file);
	return error_wrap(symtab_open(b.table, NULL, &r->table), "%s", s->file);
}

struct error *resolver_open_file(const struct resolver_options *options,
				 struct resolver **ret)
{
	struct file_resolver *r = mem_zalloc(sizeof(*r));

	if (!r)
		return error_no_memory;
	r->resolver.options = *options;
	r->resolver.answer = answer_file;
	r->resolver.close = close_file;
	struct error *err = make_table(r);

	if (err)
		close_file(&r->resolver);
	else
		*ret = &r->resolver;
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One file, of which a worker makes a table; every address is in it. */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "resolver_private.h"
#include "split_files.h"
#include "symtab/symtab.h"
#include "worker/symtab_job.h"
#include "worker/worker_pool.h"

struct file_resolver {
	struct resolver resolver;
	struct symtab *table;
};

static void close_file(struct resolver *base)
{
	struct file_resolver *r = (struct file_resolver *)base;

	symtab_put(r->table);
	mem_free(r);
}

const struct build_id resolver_no_id = { .len = 4 };

/* Every module is this file, whatever its build ID. */
static struct error *answer_batch(struct resolver *base, struct batch *b)
{
	struct file_resolver *r = (struct file_resolver *)base;

	for (size_t i = 0; i < b->module_count; i++) {
		if (build_id_equal(&b->modules[i].id, &resolver_no_id))
			b->modules[i].id = (struct build_id) { 0 };
		b->modules[i].status = MODULE_OK;
		b->modules[i].origin = "local";
		b->modules[i].table = symtab_get(r->table);
	}
	return batch_answer(b);
}

static struct error *answer_file(struct resolver *base, const struct buf *lines,
				 struct buf *out)
{
	return resolver_exchange(base, lines, out, answer_batch);
}

/* ---- Building ----------------------------------------------------------- */

/* A job and who waits for it. */
struct build {
	struct worker_job job;
	struct symtab_build_report report;
	struct lock lock; /* COMMAND: guards what follows */
	struct condition changed;
	bool is_done;
	struct error *err;
};

static struct error *take_result(struct worker_job *job, enum wire_type type,
				 struct reader *payload)
{
	struct build *b = job->ctx;

	if (type != WIRE_RESULT)
		return error_new(BAD_DATA, "an answer of type %d", (int)type);
	symtab_build_report_deinit(&b->report);
	return symtab_result_get(payload, &b->report);
}

static void end_build(struct worker_job *job, struct error *err)
{
	struct build *b = job->ctx;

	LOCKED(&b->lock);
	b->err = err;
	b->is_done = true;
	condition_signal(&b->changed);
}

static struct error *run_build(struct build *b, const char *program)
{
	const struct worker_pool_options options = {
		.name = "build",
		.program = program,
		.workers = 1,
		.queue_limit = 1,
	};
	struct worker_pool *pool;

	TRY(worker_pool_create(&options, &pool));
	struct error *err = worker_pool_submit(pool, &b->job);

	if (!err) {
		LOCKED(&b->lock);
		while (!b->is_done)
			condition_wait(&b->changed, &b->lock);
		err = STEAL(b->err);
	}
	worker_pool_destroy(pool);
	return err;
}

static struct error *open_input(const char *path, int *fd_ret,
				uint64_t *total_bytes)
{
	struct stat st;

	*fd_ret = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd_ret < 0)
		return error_errno("%s", path);
	if (fstat(*fd_ret, &st))
		return error_errno("%s", path);
	if (!S_ISREG(st.st_mode))
		return error_new(BAD_REQUEST, "%s is not a regular file", path);
	*total_bytes += (uint64_t)st.st_size;
	return NULL;
}

static void close_inputs(struct symtab_build_inputs *in)
{
	cleanup_close(&in->debuginfo);
	cleanup_close(&in->executable);
	cleanup_close(&in->alt);
}

static struct error *open_inputs(const struct settings *s,
				 struct symtab_build_inputs *in,
				 uint64_t *total_bytes)
{
	/* A file alone may be either, or both. */
	TRY(open_input(s->file, s->debuginfo ? &in->executable : &in->debuginfo,
		       total_bytes));
	if (s->debuginfo)
		TRY(open_input(s->debuginfo, &in->debuginfo, total_bytes));
	return s->alt ? open_input(s->alt, &in->alt, total_bytes) : NULL;
}

static struct error *build_from(struct build *b,
				const struct symtab_build_inputs *in,
				const char *program, uint64_t total_bytes,
				int table)
{
	buf_clear(&b->job.request);
	b->is_done = false;
	symtab_request_put(&b->job.request, in, NULL, 0);
	if (b->job.request.failed)
		return error_no_memory;
	TRY(symtab_request_fds(in, table, b->job.fds, &b->job.fd_count));
	b->job.cpu_limit_s = symtab_job_cpu_s(total_bytes);
	return run_build(b, program);
}

/* What a first build says it has missed is looked for, and all built again. */
static struct error *build_with_splits(struct build *b,
				       struct symtab_build_inputs *in,
				       const struct resolver_options *options,
				       uint64_t total_bytes, int table)
{
	const char *program = options->settings->debuginfo;
	CLEANUP_SPLIT_FILES struct split_files splits = { .count = 0 };

	if (!program)
		program = options->settings->file;
	TRY(split_files_add_package(&splits, options->settings->file));
	in->dwos = splits.dwos;
	in->dwo_count = splits.count;
	TRY(build_from(b, in, options->program, total_bytes + splits.bytes,
		       table));
	TRY(split_files_add_missing(&splits, program, &b->report.missing_dwos));
	if (splits.count == in->dwo_count)
		return NULL;
	in->dwo_count = splits.count;
	if (ftruncate(table, 0))
		return error_errno("memory for a table");
	return build_from(b, in, options->program, total_bytes + splits.bytes,
			  table);
}

static struct error *build_table(struct build *b,
				 const struct resolver_options *options,
				 struct symtab **ret)
{
	CLEANUP(close_inputs)
	struct symtab_build_inputs in = {
		.debuginfo = -1,
		.executable = -1,
		.alt = -1,
	};
	CLEANUP_CLOSE int table = memfd_create("table", MFD_CLOEXEC);
	uint64_t total_bytes = 0;

	if (table < 0)
		return error_errno("memory for a table");
	TRY(open_inputs(options->settings, &in, &total_bytes));
	TRY(build_with_splits(b, &in, options, total_bytes, table));
	return symtab_open(table, NULL, ret);
}

static struct error *make_table(const struct resolver_options *options,
				struct symtab **ret)
{
	const char *path = options->settings->file;
	struct build b = {
		.job = { .type = WIRE_SYMTAB,
			 .answer = take_result,
			 .done = end_build },
	};

	b.job.ctx = &b;
	lock_init(&b.lock, LOCK_COMMAND);
	condition_init(&b.changed);
	struct error *err = build_table(&b, options, ret);

	if (!err && *b.report.problem)
		log_warn("resolve", "not all of it can be read",
			 LOG_S("file", path), LOG_S("why", b.report.problem));
	if (!err && b.report.quality == SYMTAB_QUALITY_NONE)
		log_warn("resolve", "no symbols", LOG_S("file", path));
	condition_deinit(&b.changed);
	lock_deinit(&b.lock);
	buf_deinit(&b.job.request);
	symtab_build_report_deinit(&b.report);
	return error_wrap(err, "%s", path);
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
	struct error *err = make_table(options, &r->table);

	if (err)
		close_file(&r->resolver);
	else
		*ret = &r->resolver;
	return err;
}

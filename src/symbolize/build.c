/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables are built in worker processes: the whole one by the pool "build", and
 * one for just the addresses asked for, while that takes, by the pool
 * "partial", which therefore never waits for a whole one.
 */
#include "config.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "symbolize/symbolizer_internal.h"

enum {
	/* Of one module: more is most of the table, and it is being built. */
	PARTIAL_ADDRESSES_MAX = 2000,
};

/* The values of LABELS_WHOLE. */
enum { WHOLE, PARTIAL, TABLE_EXTENTS };
static_assert((int)LABELS_WHOLE_COUNT == (int)TABLE_EXTENTS,
	      "a label for each");

/* ---- Requests ----------------------------------------------------------- */

/* What goes to the worker; files that come later are not of this build. */
static void fill_inputs(struct build *b)
{
	const struct making *m = b->making;
	int debuginfo = m->files[FILE_DEBUGINFO].fd;

	b->inputs = (struct symtab_build_inputs) {
		.id = m->id,
		.debuginfo = debuginfo,
		.executable = m->is_one_file ? debuginfo
					     : m->files[FILE_EXECUTABLE].fd,
		.alt = m->files[FILE_ALT].fd,
	};
	if (b->inputs.executable < 0 && m->has_layout &&
	    m->layout.segment_count)
		b->inputs.layout = &m->layout;
	b->input_bytes = 0;
	for (size_t i = 0; i < MAKING_FILES; i++)
		b->input_bytes += m->files[i].fd >= 0 ? m->files[i].size : 0;
}

static bool wants_partial(const struct want *w)
{
	const struct batch_module *m = &w->wait->b->modules[w->module];

	return !w->round && m->address_count &&
	       m->address_count <= PARTIAL_ADDRESSES_MAX;
}

bool build_partial_request(struct making *m, struct buf *out)
{
	CLEANUP_FREE struct symtab_build_wanted *wanted = NULL;
	size_t count = 0, capacity = 0, addresses = 0;
	struct want *w;

	LIST_FOREACH(w, &m->wants, others)
	{
		const struct batch *b = w->wait->b;
		const struct batch_module *of = &b->modules[w->module];

		if (!wants_partial(w) ||
		    addresses + of->address_count > SYMTAB_JOB_WANTED_MAX ||
		    !mem_grow(&wanted, &capacity, count + 1, sizeof(*wanted)))
			continue;
		w->round = m->round + 1;
		addresses += of->address_count;
		wanted[count++] = (struct symtab_build_wanted) {
			.space = of->space,
			.addresses = b->addresses + of->first_address,
			.count = of->address_count,
		};
	}
	if (!count)
		return false;
	m->round++;
	fill_inputs(&m->partial);
	symtab_request_put(out, &m->partial.inputs, wanted, count);
	return true;
}

/* ---- Jobs --------------------------------------------------------------- */

static struct error *take_result(struct worker_job *job, enum wire_type type,
				 struct reader *payload)
{
	struct build *b = job->ctx;

	if (type != WIRE_RESULT)
		return error_new(BAD_DATA, "unexpected answer from worker");
	symtab_build_report_deinit(&b->report);
	return symtab_result_get(payload, &b->report);
}

void build_deinit(struct build *b)
{
	cleanup_close(&b->fd);
	cleanup_close(&b->aside);
	b->fd = b->aside = -1;
	buf_deinit(&b->job.request);
	symtab_build_report_deinit(&b->report);
}

/* Give it to a worker. The file and the request are there. */
static struct error *submit(struct build *b, struct worker_pool *pool,
			    void (*done)(struct worker_job *, struct error *))
{
	b->job.type = WIRE_SYMTAB;
	b->job.cpu_limit_s = symtab_job_cpu_s(b->input_bytes);
	b->job.answer = take_result;
	b->job.done = done;
	b->job.ctx = b;
	TRY(symtab_request_fds(&b->inputs, b->fd, b->job.fds,
			       &b->job.fd_count));
	b->started_ns = clock_ns();
	return worker_pool_submit(pool, &b->job);
}

static void count_build(const struct build *b, unsigned which)
{
	metric_observe(METRIC_TABLE_BUILD_SECONDS, which, 0,
		       (uint64_t)(clock_ns() - b->started_ns));
}

/* ---- The whole table ---------------------------------------------------- */

static void whole_done(struct worker_job *job, struct error *err);

static struct error *begin_whole(struct build *b)
{
	struct making *m = b->making;

	cleanup_close(&b->fd);
	b->fd = -1;
	struct error *err = b->is_elsewhere
				    ? NULL
				    : table_cache_begin(m->s->tables, &b->fd);

	if (err) {
		log_debug("symbolize", "table is not kept",
			  LOG_S("error", error_message(err)));
		error_free(err);
		b->is_elsewhere = true;
	}
	if (b->fd < 0)
		TRY(table_cache_begin_elsewhere(&b->fd));
	return submit(b, m->s->builders, whole_done);
}

/* One of symbolized-limits(7) has cost the table something. */
static void count_limit(const struct symtab *table)
{
	if (symtab_is_cut(table))
		limit_reached("dwarf");
}

static void log_built(const struct build *b, const struct symtab *table)
{
	char hex[BUILD_ID_HEX_MAX];

	log_info("symbolize", "table built",
		 LOG_S("build_id", build_id_hex(&b->making->id, hex)),
		 LOG_S("quality", symtab_quality_name(symtab_quality(table))),
		 LOG_U("functions", b->report.functions),
		 LOG_U("units", b->report.units),
		 LOG_U("bytes", symtab_bytes(table)),
		 LOG_I("ms", (clock_ns() - b->started_ns) / 1000000),
		 LOG_S("limit", symtab_is_cut(table) ? "dwarf" : NULL),
		 LOG_U("left_mangled", b->report.left_names),
		 LOG_S("problem",
		       b->report.problem[0] ? b->report.problem : NULL));
}

/* Does the DWARF need a file of which the index did not know? */
static bool needs_alt(const struct build *b)
{
	const struct making *m = b->making;

	return b->report.missing_alt.len && !m->is_built &&
	       !(m->expected & 1U << FILE_ALT) && !m->alt_id.len;
}

static struct error *take_whole(struct build *b)
{
	CLEANUP_SYMTAB struct symtab *table = NULL;
	struct making *m = b->making;
	struct table_claims claims = making_claims(m);
	bool is_new;

	splits_claim(m, &claims);
	TRY(table_cache_put(m->s->tables, &m->id, claims, b->fd, &table,
			    &is_new));
	log_built(b, table);
	count_limit(table);
	/* A better one stays, with what it lacks or does not. */
	if (!is_new)
		table_cache_claims(m->s->tables, &m->id, &claims);
	poison_forget(&m->s->poison, m->attempt);
	/* Room for copies is others' from here on; the disk may take its time. */
	splits_deinit(m);
	making_land(m,
		    &(struct outcome) {
			    .status = MODULE_OK,
			    .table = table,
			    .is_upstream = claims.inputs & TABLE_UPSTREAM,
			    .message = table_claims_message(claims, table),
		    },
		    0);
	if (is_new)
		log_consume(LOG_WARN, "symbolize", "table is not kept",
			    table_cache_keep(m->s->tables, &m->id, table,
					     steal_fd(&b->fd)));
	return NULL;
}

/* Is the failure one that another try may do without? */
static bool may_try_again(struct build *b, const struct error *err)
{
	if (error_kind(err) == ERROR_WORKER && !b->has_killed) {
		b->has_killed = true;
		return true;
	}
	if (error_kind(err) == ERROR_NO_SPACE && !b->is_elsewhere) {
		b->is_elsewhere = true;
		return true;
	}
	return false;
}

/* There is a table: it is kept until one with split DWARF has come. */
static void look_for_splits(struct build *b)
{
	cleanup_close(&b->aside);
	b->aside = b->fd;
	b->fd = -1;
	splits_begin(b->making);
}

static void take_back(struct build *b)
{
	if (b->aside < 0)
		return;
	cleanup_close(&b->fd);
	b->fd = b->aside;
	b->aside = -1;
}

static void end_whole(struct build *b, struct error *err)
{
	struct making *m = b->making;

	if (err && splits_refuse(m, err)) {
		error_free(err);
		take_back(b);
		err = take_whole(b);
	}
	if (err)
		making_fail(m, err);
	build_deinit(b);
	making_release(m);
}

static void whole_done(struct worker_job *job, struct error *err)
{
	struct build *b = job->ctx;
	struct making *m = b->making;

	if (!err)
		count_build(b, WHOLE);
	if (!err && needs_alt(b)) {
		/* It stays as it is until that has come, or not. */
		making_ask_alt(m, &b->report.missing_alt);
		making_release(m);
		return;
	}
	if (!err && splits_may_help(m)) {
		look_for_splits(b);
		return;
	}
	if (!err)
		err = take_whole(b);
	if (err && may_try_again(b, err)) {
		error_free(err);
		err = begin_whole(b);
		if (!err)
			return;
	}
	end_whole(b, err);
}

void build_take(struct making *m)
{
	if (splits_may_help(m)) {
		look_for_splits(&m->whole);
		return;
	}
	if (m->whole.fd < 0)
		take_back(&m->whole);
	end_whole(&m->whole, take_whole(&m->whole));
}

void build_whole(struct making *m)
{
	struct build *b = &m->whole;

	fill_inputs(b);
	splits_fill_inputs(m, &b->inputs, &b->input_bytes);
	buf_clear(&b->job.request);
	symtab_request_put(&b->job.request, &b->inputs, NULL, 0);
	struct error *err = begin_whole(b);

	if (err)
		end_whole(b, err);
}

/* ---- For some addresses ------------------------------------------------- */

/* Those whose addresses are in it are answered from it. */
static void settle_round(struct making *m, struct symtab *table)
{
	struct todo todo = { 0 };
	struct want *w, *next;

	{
		LOCKED(&m->s->lock);
		struct table_claims claims = making_claims(m);

		if (m->partial.report.missing_split_count)
			claims.inputs |= TABLE_LACKS_SPLIT;
		const struct outcome o = {
			.status = MODULE_OK,
			.table = table,
			.is_upstream = claims.inputs & TABLE_UPSTREAM,
			.message = table_claims_message(claims, table),
		};

		for (w = LIST_FIRST(&m->wants); w; w = next) {
			next = LIST_NEXT(w, others);
			if (w->round == m->round)
				want_settle(w, &o, &todo.ready);
		}
	}
	todo_do(&todo);
}

/* Its failure is none: the whole table follows. @p err is taken. */
static void end_partial(struct build *b, struct error *err)
{
	struct making *m = b->making;

	if (err)
		log_debug("symbolize", "no partial table",
			  LOG_S("error", error_message(err)));
	error_free(err);
	build_deinit(b);
	{
		LOCKED(&m->s->lock);
		m->is_partial_begun = false;
	}
	making_advance(m);
	making_release(m);
}

/* Of what it lacks the index may have some: then the whole is waited for. */
static bool is_good_enough(const struct build *b)
{
	return !b->report.missing_split_count ||
	       !b->making->offer.split_version;
}

static void partial_done(struct worker_job *job, struct error *err)
{
	CLEANUP_SYMTAB struct symtab *table = NULL;
	struct build *b = job->ctx;

	if (!err && is_good_enough(b))
		err = table_cache_open_table(b->making->s->tables, b->fd,
					     &b->making->id, &table);
	if (table) {
		count_build(b, PARTIAL);
		count_limit(table);
		table_op_count(TABLE_OP_PARTIAL);
		settle_round(b->making, table);
	}
	end_partial(b, err);
}

void build_partial(struct making *m, struct buf *request)
{
	struct build *b = &m->partial;

	b->job.request = *request;
	buf_init(request);
	struct error *err = table_cache_begin(m->s->tables, &b->fd);

	if (err) {
		error_free(err);
		err = table_cache_begin_elsewhere(&b->fd);
	}
	if (!err)
		err = submit(b, m->s->partials, partial_done);
	if (err)
		end_partial(b, err);
}

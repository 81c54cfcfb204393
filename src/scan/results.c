/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers found in a job's files, into the index and the counters.
 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "scan/scan_internal.h"

static void count_file(const struct scan_item *item, const char *scanner)
{
	if (scan_way_has_command(&item->way))
		scanner = "command";
	unsigned label =
		metric_label(LABELS_SOURCE, *scanner ? scanner : "none");

	metric_add(METRIC_SCAN_FILES, label, 0, 1);
	metric_add(METRIC_SCAN_BYTES, label, 0, (int64_t)item->stamp.size);
}

static enum error_kind end_kind(const struct file_end *end)
{
	return (enum error_kind)((end->error_kind_plus_one - 1) % ERROR_KINDS);
}

void scan_note_problem(struct scan *s, const char *path, enum error_kind kind,
		       const char *message)
{
	static struct log_limit limits[ERROR_KINDS];
	uint64_t skipped;
	bool pass;

	atomic_fetch_add(&s->progress.failed, 1);
	metric_add(METRIC_SCAN_FAILED,
		   metric_label(LABELS_KIND, error_kind_label(kind)), 0, 1);
	{
		LOCKED(&s->lock);
		pass = log_limit_pass(&limits[kind], &skipped);
	}
	if (pass)
		log_warn("scan", "unreadable", LOG_S("path", path),
			 LOG_S("kind", error_kind_label(kind)),
			 LOG_S("error", message), LOG_U("left_out", skipped));
}

static_assert((int)SCANNER_PASSED_REASONS == (int)LABELS_PASSED_OVER_COUNT,
	      "the metric has a value for each reason");

/* Links and the like are in most packages. A file that is not looked into is
 * missed, and by the index nobody can tell that it is there. */
static void count_passed_over(struct scan *s, const char *path,
			      const struct scanner_passed_over *passed)
{
	static struct log_limit limit;
	uint64_t left_out = 0;

	for (unsigned i = 0; i < SCANNER_PASSED_REASONS; i++)
		if (passed->count[i])
			metric_add(METRIC_SCAN_PASSED_OVER, i, 0,
				   (int64_t)passed->count[i]);
	if (!passed->count[SCANNER_PASSED_LONG_PATH] &&
	    !passed->count[SCANNER_PASSED_SPARSE] &&
	    !passed->count[SCANNER_PASSED_NO_SIZE])
		return;
	{
		LOCKED(&s->lock);
		if (!log_limit_pass(&limit, &left_out))
			return;
	}
	log_warn("scan", "members_passed_over", LOG_S("path", path),
		 LOG_U("long_path", passed->count[SCANNER_PASSED_LONG_PATH]),
		 LOG_U("sparse", passed->count[SCANNER_PASSED_SPARSE]),
		 LOG_U("no_size", passed->count[SCANNER_PASSED_NO_SIZE]),
		 LOG_U("left_out", left_out));
}

static void add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

/* debuginfod looks at an archive twice, also as an ELF file. One that cannot be
 * read as what its name says has been looked at all the same. */
static void count_as_file(struct scan_choice *c, const struct scan_item *item)
{
	if (!c->bare_files)
		return;
	add(&c->bare_tally.files, 1);
	add(&c->bare_tally.bytes, item->stamp.size);
}

static void count_for_rule(const struct scan *s, const struct scan_item *item,
			   const struct file_result *r)
{
	struct scan_tally *t = scan_tally_of(s, &item->way);

	if (!t)
		return;
	count_as_file(s->o.policy.choice, item);
	if (item->way.rule && !r->end.error_kind_plus_one) {
		add(&t->files, 1);
		add(&t->bytes, item->stamp.size);
	}
	for (size_t i = 0; i < r->artifact_count; i++) {
		const struct elf_facts *f = &r->artifacts[i].facts;

		add(&t->executables, !!(f->roles & ELF_ROLE_EXECUTABLE));
		add(&t->debuginfos, !!(f->roles & ELF_ROLE_DEBUGINFO));
		add(&t->source_refs, f->source_count);
	}
}

static void count_result(struct scan *s, const struct scan_item *item,
			 const struct file_result *r)
{
	count_file(item, r->end.scanner);
	count_for_rule(s, item, r);
	count_passed_over(s, item->path, &r->end.passed_over);
	metric_add(METRIC_SCAN_NO_ID, 0, 0, (int64_t)r->end.elf_without_id);
	for (size_t i = 0; i < r->artifact_count; i++) {
		unsigned roles = r->artifacts[i].facts.roles;

		metric_add(METRIC_SCAN_FOUND, 0, 0,
			   !!(roles & ELF_ROLE_EXECUTABLE));
		metric_add(METRIC_SCAN_FOUND, 1, 0,
			   !!(roles & ELF_ROLE_DEBUGINFO));
	}
	atomic_fetch_add(&s->progress.artifacts, r->artifact_count);
	if (r->end.error_kind_plus_one)
		scan_note_problem(s, item->path, end_kind(&r->end),
				  r->end.message);
}

static bool holds_nothing(const struct scan_item *item,
			  const struct file_result *r)
{
	bool is_archive = (*r->end.scanner && strcmp(r->end.scanner, "elf")) ||
			  scan_way_has_command(&item->way);

	return !r->end.error_kind_plus_one && !r->artifact_count && !is_archive;
}

bool scan_add_quiet(struct scan *s, size_t quiet_dir, uint64_t print)
{
	struct quiet_dir *d = &s->quiet[quiet_dir];

	if (!mem_grow(&d->prints, &d->capacity, d->count + 1,
		      sizeof(*d->prints)))
		return false;
	d->prints[d->count++] = print;
	return true;
}

/* A file that holds nothing. If the index has a row of it, it goes. */
static struct error *finish_quiet(struct scan *s, struct scan_item *item)
{
	uint64_t print = scan_way_print(
		&item->way, known_print(&s->known, item->path, &item->stamp));

	if (item->was_known)
		TRY(index_remove_container(s->o.index, item->path));
	LOCKED(&s->lock);
	return scan_add_quiet(s, item->quiet_dir, print) ? NULL
							 : error_no_memory;
}

static void set_problem(struct index_container *c, const struct scan_item *item,
			enum error_kind kind, const char *message)
{
	c->problem_kind = error_kind_label(kind);
	c->problem = message;
	/* What the file is does not change by itself; what the machine, or a
	 * command, could not do may work later. */
	c->is_retryable = kind == ERROR_WORKER || kind == ERROR_IO ||
			  kind == ERROR_NO_MEMORY || kind == ERROR_BUSY ||
			  kind == ERROR_NO_SPACE ||
			  scan_way_has_command(&item->way);
}

/* A container that was read through a command remembers through which one. */
static const char *name_scanner(const struct scan_item *item,
				const char *scanner,
				char name[SCAN_RULE_NAME_SIZE])
{
	if (!scan_way_has_command(&item->way))
		return scanner;
	scan_rule_name(item->way.rule, name);
	return name;
}

bool scan_is_fatal(enum error_kind kind)
{
	return kind == ERROR_DATABASE || kind == ERROR_IO ||
	       kind == ERROR_NO_SPACE || kind == ERROR_NO_MEMORY;
}

struct error *scan_put_failed(struct scan *s, const struct scan_item *item,
			      struct error *err)
{
	CLEANUP_ERROR struct error *owned = err;
	char name[SCAN_RULE_NAME_SIZE];
	struct index_container c = {
		.path = item->path,
		.stamp = item->stamp,
		.root_order = item->root_order,
		.scanner = name_scanner(item, "", name),
	};

	set_problem(&c, item, error_kind(owned), error_message(owned));
	/* A limit of the worker's, not one of the file's, which it says itself
	 * and lives on: how long it takes depends on the machine, too. */
	c.is_retryable |= error_kind(owned) == ERROR_LIMIT;
	scan_note_problem(s, c.path, error_kind(owned), error_message(owned));
	struct error *refused = index_put_containers(s->o.index, &c, 1);

	if (!refused || scan_is_fatal(error_kind(refused)))
		return refused;
	/* Without a row of this state it is looked into by the next scan. */
	log_consume(LOG_WARN, "scan", "not recorded",
		    error_wrap(refused, "%s", c.path));
	return NULL;
}

struct gathered {
	struct index_container containers[SCAN_BATCH_MAX];
	char name[SCAN_RULE_NAME_SIZE]; /* of a command: alone in its job */
	size_t count;
	struct index_artifact *artifacts;
	struct index_segment *segments;
};

static void gathered_deinit(struct gathered *g)
{
	mem_free(g->artifacts);
	mem_free(g->segments);
}

/* Rows of all finished files of the job. */
static struct error *gather(struct scan_job *job, struct gathered *g)
{
	size_t artifacts = 0, segments = 0;

	for (size_t i = 0; i < job->count; i++) {
		artifacts += job->results[i].artifact_count;
		segments += file_result_segments(&job->results[i]);
	}
	g->artifacts = mem_array(artifacts, sizeof(*g->artifacts));
	g->segments = mem_array(segments, sizeof(*g->segments));
	if (!g->artifacts || !g->segments)
		return error_no_memory;
	artifacts = segments = 0;
	for (size_t i = 0; i < job->count; i++) {
		struct file_result *r = &job->results[i];
		struct index_container *c = &g->containers[g->count];

		if (!r->has_end)
			continue;
		if (holds_nothing(job->items[i], r)) {
			TRY(finish_quiet(job->scan, job->items[i]));
			continue;
		}
		file_result_show(r, job->items[i], g->artifacts + artifacts,
				 g->segments + segments, c);
		artifacts += r->artifact_count;
		segments += file_result_segments(r);
		c->scanner = name_scanner(job->items[i], c->scanner, g->name);
		if (r->end.error_kind_plus_one)
			set_problem(c, job->items[i], end_kind(&r->end),
				    r->end.message);
		g->count++;
	}
	return NULL;
}

struct error *scan_write_results(struct scan_job *job)
{
	CLEANUP(gathered_deinit) struct gathered g = { .count = 0 };

	TRY(gather(job, &g));
	if (g.count)
		TRY(index_put_containers(job->scan->o.index, g.containers,
					 g.count));
	for (size_t i = 0; i < job->count; i++) {
		if (job->results[i].has_end)
			count_result(job->scan, job->items[i],
				     &job->results[i]);
	}
	return NULL;
}

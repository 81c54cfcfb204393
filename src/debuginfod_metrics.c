/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/metrics.h"
#include "debuginfod_metrics.h"
#include "http/debuginfod.h"

enum from { FROM_FIGURE, FROM_METRIC, FROM_BUSY, FROM_TALLY };

/* A series and where its value is. Theirs that have no like here are left out;
 * the manual and tests/it/peer-metrics.sh say which and why. */
struct series {
	const char *name;
	bool is_gauge; /* shown when it is 0 */
	enum from from;
	size_t offset; /* in the figures: int64_t; in the tally: counter */
	enum metric metric;
	enum metric_label_set set;
	const char *value;                /* of the label; NULL: no label */
	enum debuginfod_type first, last; /* types of requests, added up */
};

#define FIGURE(name_, gauge, field)                                    \
	{                                                              \
		.name = name_, .is_gauge = gauge, .from = FROM_FIGURE, \
		.offset = offsetof(struct debuginfod_figures, field)   \
	}
#define METRIC(name_, gauge, metric_, set_, value_)                    \
	{                                                              \
		.name = name_, .is_gauge = gauge, .from = FROM_METRIC, \
		.metric = METRIC_##metric_, .set = LABELS_##set_,      \
		.value = value_                                        \
	}
#define BUSY(name_, first_, last_)                                       \
	{                                                                \
		.name = name_, .is_gauge = true, .from = FROM_BUSY,      \
		.first = DEBUGINFOD_##first_, .last = DEBUGINFOD_##last_ \
	}
#define TALLY(name_, field)                                        \
	{                                                          \
		.name = name_, .from = FROM_TALLY,                 \
		.offset = offsetof(struct debuginfod_tally, field) \
	}
#define INDEX(statistic, field) \
	FIGURE("groom{statistic=\"" statistic "\"}", true, index.field)
#define TRAVERSED(type, value)                                              \
	METRIC("traversed_total{type=\"" type "\"}", false, SCAN_TRAVERSED, \
	       MET, value)
#define FDCACHE(op, value)                                                    \
	METRIC("fdcache_op_count{op=\"" op "\"}", false, CACHE_OPS, CACHE_OP, \
	       value)
#define ERRORS(library, kind)                                               \
	METRIC("error_count{" library "=\"" kind "\"}", false, SCAN_FAILED, \
	       KIND, kind)

static const struct series table[] = {
	ERRORS("elfutils", "unsupported"),
	ERRORS("libarchive", "bad_data"),
	ERRORS("libarchive", "limit"),
	ERRORS("libc", "io"),
	ERRORS("libc", "no_memory"),
	ERRORS("sqlite3", "database"),
	METRIC("fdcache_bytes", true, CACHE_BYTES, NONE, NULL),
	METRIC("fdcache_count", true, CACHE_FILES, NONE, NULL),
	FDCACHE("clear", "reject"),
	FDCACHE("enqueue", "insert"),
	FDCACHE("evict", "evict"),
	FDCACHE("lookup_hit", "hit"),
	FDCACHE("lookup_miss", "miss"),
	/* Every hit, since 0.190. */
	FDCACHE("prefetch_access", "hit"),
	FIGURE("fdcache_prefetch_bytes", true, none),
	FIGURE("fdcache_prefetch_count", true, none),
	METRIC("groomed_total{action=\"cleaned\"}", false, GROOM_REMOVED, TABLE,
	       "containers"),
	METRIC("groomed_total{decision=\"fresh\"}", false, GROOM_FRESH, NONE,
	       NULL),
	METRIC("groomed_total{decision=\"stale\"}", false, GROOM_REMOVED, TABLE,
	       "containers"),
	INDEX("archive d/e", archive_artifacts),
	INDEX("archive sdef", archive_sdefs),
	INDEX("archive sref", archive_srefs),
	INDEX("buildids", build_ids),
	INDEX("file d/e", file_artifacts),
	INDEX("file s", file_sources),
	INDEX("files scanned (#)", scanned_files),
	INDEX("files scanned (mb)", scanned_mb),
	INDEX("index db size (mb)", index_mb),
	TALLY("http_responses_total{result=\"archive fdcache\"}", cached),
	TALLY("http_responses_total{result=\"upstream\"}", upstream),
	TALLY("http_responses_total{result=\"error\"}", errors),
	TALLY("http_responses_total{result=\"file\"}", files),
	FIGURE("thread_busy{role=\"groom\"}", true, threads.groom_busy),
	FIGURE("thread_busy{role=\"scan\"}", true, threads.scan_busy),
	FIGURE("thread_busy{role=\"traverse\"}", true, threads.traverse_busy),
	BUSY("thread_busy{role=\"http-buildid\"}", DEBUGINFO, SECTION),
	METRIC("thread_busy{role=\"http-buildid-after-you\"}", true,
	       FLIGHTS_WAITING, NONE, NULL),
	BUSY("thread_busy{role=\"http-metadata\"}", METADATA, METADATA),
	BUSY("thread_busy{role=\"http-metrics\"}", METRICS, METRICS),
	FIGURE("thread_count{role=\"groom\"}", true, threads.groom_threads),
	FIGURE("thread_count{role=\"scan\"}", true, threads.scan_threads),
	FIGURE("thread_count{role=\"traverse\"}", true,
	       threads.traverse_threads),
	FIGURE("thread_tid{role=\"groom\"}", true, threads.groom_tid),
	FIGURE("thread_tid{role=\"traverse\"}", true, threads.traverse_tid),
	FIGURE("thread_work_pending{role=\"groom\"}", true,
	       threads.groom_pending),
	FIGURE("thread_work_pending{role=\"scan\"}", true,
	       threads.scan_pending),
	FIGURE("thread_work_total{role=\"groom\"}", true, threads.grooms),
	FIGURE("thread_work_total{role=\"scan\"}", true, threads.scan_done),
	FIGURE("thread_work_total{role=\"traverse\"}", true, threads.traverses),
	TRAVERSED("directory", "directory"),
	TRAVERSED("error", "error"),
	TRAVERSED("file", "file"),
	TRAVERSED("file-skipped-I", "skipped_include"),
	TRAVERSED("file-skipped-X", "skipped_exclude"),
	TRAVERSED("other", "other"),
	TRAVERSED("symlink", "symlink"),
	FIGURE("ready", true, is_ready),
};

static int64_t count_busy(const struct series *s)
{
	int64_t sum = 0;

	for (unsigned type = s->first; type <= s->last; type++)
		sum += (int64_t)atomic_load(&debuginfod_tally.busy[type]);
	/* Those who wait behind another are told apart. */
	if (s->last == DEBUGINFOD_SECTION)
		sum -= metric_get(METRIC_FLIGHTS_WAITING, 0, 0);
	return sum > 0 ? sum : 0;
}

static int64_t find_value(const struct series *s,
			  const struct debuginfod_figures *f)
{
	switch (s->from) {
	case FROM_FIGURE:
		return *(const int64_t *)((const char *)f + s->offset);
	case FROM_METRIC:
		return metric_get(s->metric,
				  s->value ? metric_label(s->set, s->value) : 0,
				  0);
	case FROM_BUSY:
		return count_busy(s);
	case FROM_TALLY:
		return (int64_t)atomic_load(
			(_Atomic uint64_t *)((char *)&debuginfod_tally +
					     s->offset));
	}
	return DEBUGINFOD_UNKNOWN;
}

static void write_count(struct buf *out, const char *name, const char *label,
			const char *value, const char *more, uint64_t count)
{
	if (!count)
		return;
	buf_printf(out, "%s{%s=\"", name, label);
	for (; *value; value++) {
		if (*value == '\n') {
			buf_append_str(out, "\\n");
			continue;
		}
		if (*value == '\\' || *value == '"')
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)*value);
	}
	buf_printf(out, "%s\"} %" PRIu64 "\n", more, count);
}

/* @suffix: of archives; NULL for bare files. */
static void write_source(struct buf *out, const char *suffix,
			 const struct scan_tally *t)
{
	const char *more = suffix ? " archive" : "";
	/* Named differently there, too. */
	const char *one = suffix ? suffix : "file";
	const char *many = suffix ? suffix : "files";

	write_count(out, "found_debuginfo_total", "source", many, more,
		    atomic_load(&t->debuginfos));
	write_count(out, "found_executable_total", "source", many, more,
		    atomic_load(&t->executables));
	write_count(out, "found_sourcerefs_total", "source", many, more,
		    atomic_load(&t->source_refs));
	write_count(out, "scanned_bytes_total", "source", one, more,
		    atomic_load(&t->bytes));
	write_count(out, "scanned_files_total", "source", one, more,
		    atomic_load(&t->files));
}

static void write_choice(struct buf *out, const struct scan_choice *c)
{
	write_source(out, NULL, &c->bare_tally);
	for (size_t i = 0; i < c->rule_count; i++)
		write_source(out, c->rules[i].suffix, &c->rules[i].tally);
}

static void write_requests(struct buf *out, const char *const *suffixes)
{
	const struct debuginfod_tally *t = &debuginfod_tally;
	size_t i = 0;

	for (; suffixes && suffixes[i] && i < DEBUGINFOD_SUFFIXES_MAX; i++)
		write_count(out, "http_responses_total", "result", suffixes[i],
			    " archive", atomic_load(&t->archives[i]));
	write_count(out, "http_responses_total", "result", "", " archive",
		    atomic_load(&t->archives[DEBUGINFOD_SUFFIXES_MAX]));
	for (unsigned type = 0; type < DEBUGINFOD_TYPES; type++)
		write_count(out, "http_requests_total", "type",
			    debuginfod_types[type], "",
			    atomic_load(&t->requests[type]));
}

static void write_pair(struct buf *out, const char *name, const char *labels,
		       uint64_t count, double sum)
{
	buf_printf(out, "%s_count%s %" PRIu64 "\n%s_sum%s %.16g\n", name,
		   labels, count, name, labels, sum);
}

static void write_responses(struct buf *out, unsigned type, unsigned code)
{
	const struct debuginfod_responses *r =
		&debuginfod_tally.responses[type][code];
	uint64_t count = atomic_load(&r->count);
	char labels[64];

	if (!count)
		return;
	snprintf(labels, sizeof(labels), "{code=\"%s\",type=\"%s\"}",
		 debuginfod_codes[code], debuginfod_types[type]);
	write_pair(out, "http_responses_after_you_milliseconds", labels, count,
		   (double)atomic_load(&r->after_you_ns) / 1e6);
	write_pair(out, "http_responses_duration_milliseconds", labels, count,
		   (double)atomic_load(&r->duration_ns) / 1e6);
	write_pair(out, "http_responses_transfer_bytes", labels, count,
		   (double)atomic_load(&r->bytes));
}

static void write_free_ratio(struct buf *out, const char *purpose,
			     const char *path)
{
	struct statvfs fs;

	if (path && !statvfs(path, &fs) && fs.f_blocks)
		buf_printf(out, "filesys_free_ratio{purpose=\"%s\"} %.16g\n",
			   purpose, (double)fs.f_bavail / (double)fs.f_blocks);
}

void debuginfod_forget_threads(struct debuginfod_figures *f)
{
	memset(&f->threads, 0xff, sizeof(f->threads));
}

void debuginfod_forget_scans(struct debuginfod_figures *f)
{
	f->threads.scan_busy = f->threads.traverse_busy = DEBUGINFOD_UNKNOWN;
	f->threads.scan_threads = f->threads.traverse_threads =
		DEBUGINFOD_UNKNOWN;
	f->threads.scan_pending = f->threads.scan_done = DEBUGINFOD_UNKNOWN;
	f->threads.traverses = f->threads.traverse_tid = DEBUGINFOD_UNKNOWN;
}

void debuginfod_forget_index(struct debuginfod_figures *f)
{
	/* DEBUGINFOD_UNKNOWN is all ones. */
	memset(&f->index, 0xff, sizeof(f->index));
}

void debuginfod_metrics_render(const struct debuginfod_figures *f,
			       struct buf *out)
{
	write_free_ratio(out, "database", f->database);
	write_free_ratio(out, "tmpdir", f->tmpdir);
	if (f->choice)
		write_choice(out, f->choice);
	write_requests(out, f->suffixes);
	for (unsigned type = 0; type < DEBUGINFOD_TYPES; type++) {
		for (unsigned code = 0; code < DEBUGINFOD_CODES; code++)
			write_responses(out, type, code);
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		int64_t value = find_value(&table[i], f);

		if (value > 0 || (value == 0 && table[i].is_gauge))
			buf_printf(out, "%s %" PRId64 "\n", table[i].name,
				   value);
	}
}

void debuginfod_each_statistic(const struct debuginfod_figures *f,
			       debuginfod_statistic_fn fn, void *ctx)
{
	static const char prefix[] = "groom{statistic=\"";
	size_t prefix_size = sizeof(prefix) - 1;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const char *name = table[i].name;
		int64_t value = find_value(&table[i], f);

		if (strncmp(name, prefix, prefix_size) != 0 || value < 0)
			continue;
		name += prefix_size;
		fn(ctx, name, strcspn(name, "\""), value);
	}
}

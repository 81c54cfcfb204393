/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics in debuginfod's words, read as elfutils' tests read it: the last
 * field of the one line that has a text in it. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "debuginfod_metrics.h"
#include "http/debuginfod.h"
#include "tests/unit/unit.h"

static struct scan_rule rules[] = {
	{ .suffix = ".rpm",
	  .tally = { .files = 18, .bytes = 5, .source_refs = 40 } },
	{ .suffix = ".tar\"\\\n", .tally = { .files = 4 } },
	{ .suffix = ".deb" },
};

static const struct scan_choice choice = {
	.bare_tally = { .files = 2,
			.bytes = 17152,
			.executables = 1,
			.debuginfos = 1,
			.source_refs = 3 },
	.rules = rules,
	.rule_count = 3,
};

static struct debuginfod_figures figures(void)
{
	metric_set(METRIC_GROOM_FRESH, 0, 0, 5);
	metric_set(METRIC_SCAN_TRAVERSED, metric_label(LABELS_MET, "file"), 0,
		   6);
	metric_set(METRIC_SCAN_TRAVERSED,
		   metric_label(LABELS_MET, "skipped_exclude"), 0, 1);
	return (struct debuginfod_figures) {
		.is_ready = 1,
		.threads = { .scan_threads = 2,
			     .scan_busy = 1,
			     .scan_done = 7,
			     .scan_pending = 9,
			     .traverses = 4,
			     .grooms = 3,
			     .traverse_threads = 1,
			     .groom_threads = 1,
			     .traverse_tid = 11,
			     .groom_tid = 12 },
		.index = { .file_artifacts = 3, .scanned_mb = -1 },
		.choice = &choice,
	};
}

static struct buf out;

static void render(const struct debuginfod_figures *f)
{
	buf_deinit(&out);
	debuginfod_metrics_render(f, &out);
	ck_assert(!out.failed);
}

/* The lines that have @p text in them. */
static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (const char *p = buf_str(&out); *p; p += strcspn(p, "\n") + 1) {
		const char *at = strstr(p, text);

		n += at && at < p + strcspn(p, "\n");
	}
	return n;
}

static const char *value(const char *text)
{
	static char last[64];
	const char *at = strstr(buf_str(&out), text);

	if (!at)
		return "none";
	ck_assert_msg(count_lines(text) == 1, "%s is in several lines", text);
	size_t size = strcspn(at, "\n");
	const char *p = at + size;

	while (p[-1] != ' ')
		p--;
	snprintf(last, sizeof(last), "%.*s", (int)(at + size - p), p);
	return last;
}

static const struct {
	const char *text, *value;
} expected[] = {
	{ "ready", "1" },
	{ "thread_work_total{role=\"traverse\"}", "4" },
	{ "thread_work_total{role=\"groom\"}", "3" },
	{ "thread_work_total{role=\"scan\"}", "7" },
	{ "thread_work_pending{role=\"scan\"}", "9" },
	{ "thread_work_pending{role=\"traverse\"}", "none" },
	{ "thread_busy{role=\"scan\"}", "1" },
	{ "thread_busy{role=\"groom\"}", "0" },
	{ "thread_busy{role=\"http-buildid\"}", "0" },
	{ "thread_busy{role=\"http-buildid-after-you\"}", "0" },
	{ "thread_busy{role=\"http-metrics\"}", "0" },
	{ "thread_work_pending{role=\"groom\"}", "0" },
	{ "thread_count{role=\"scan\"}", "2" },
	{ "thread_count{role=\"groom\"}", "1" },
	{ "thread_count{role=\"traverse\"}", "1" },
	{ "thread_tid{role=\"groom\"}", "12" },
	{ "thread_tid{role=\"traverse\"}", "11" },
	{ "fdcache_prefetch_bytes", "0" },
	{ "fdcache_prefetch_count", "0" },
	{ "groom{statistic=\"file d/e\"}", "3" },
	{ "groom{statistic=\"archive d/e\"}", "0" },
	{ "groom{statistic=\"archive sdef\"}", "0" },
	{ "groom{statistic=\"archive sref\"}", "0" },
	{ "groom{statistic=\"buildids\"}", "0" },
	{ "groom{statistic=\"files scanned (#)\"}", "0" },
	{ "groom{statistic=\"files scanned (mb)\"}", "none" },
	{ "groomed_total{decision=\"fresh\"}", "5" },
	{ "groomed_total{decision=\"stale\"}", "none" },
	{ "traversed_total{type=\"file\"}", "6" },
	{ "traversed_total{type=\"file-skipped-X\"}", "1" },
	{ "traversed_total{type=\"error\"}", "none" },
	{ "scanned_files_total{source=\"file\"}", "2" },
	{ "scanned_bytes_total{source=\"file\"}", "17152" },
	{ "found_executable_total{source=\"files\"}", "1" },
	{ "found_debuginfo_total{source=\"files\"}", "1" },
	{ "found_sourcerefs_total{source=\"files\"}", "3" },
	{ "scanned_files_total{source=\".rpm archive\"}", "18" },
	{ "found_sourcerefs_total{source=\".rpm archive\"}", "40" },
	{ "found_executable_total{source=\".rpm archive\"}", "none" },
	{ "scanned_files_total{source=\".tar\\\"\\\\\\n archive\"}", "4" },
	{ "scanned_files_total{source=\".deb archive\"}", "none" },
	{ "http_responses_total{result=\"error\"}", "none" },
	{ "fdcache_bytes", "0" },
	{ "fdcache_count", "0" },
	{ "error_count", "none" },
	{ "filesys_free_ratio", "none" },
};

START_TEST(every_line_that_is_waited_for_is_there_once)
{
	struct debuginfod_figures f = figures();

	render(&f);
	for (unsigned i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		ck_assert_msg(
			!strcmp(value(expected[i].text), expected[i].value),
			"%s %s", expected[i].text, value(expected[i].text));
	ck_assert_uint_eq(count_lines("#"), count_lines("files scanned (#)"));
	f.is_ready = 0;
	render(&f);
	ck_assert_str_eq(value("ready"), "0");
	buf_deinit(&out);
}
END_TEST

START_TEST(no_series_comes_twice)
{
	struct debuginfod_figures f = figures();

	render(&f);
	CLEANUP_BUF struct buf copy = BUF_INIT;

	buf_append(&copy, out.data, out.size);
	for (char *line = strtok((char *)buf_str(&copy), "\n"); line;
	     line = strtok(NULL, "\n")) {
		char *space = strrchr(line, ' ');

		ck_assert_ptr_nonnull(space);
		space[1] = '\0';
		ck_assert_msg(count_lines(line) == 1, "%s", line);
	}
	buf_deinit(&out);
}
END_TEST

START_TEST(what_was_answered_is_told_by_status_and_type)
{
	static const char *const suffixes[] = { ".deb", ".rpm", NULL };
	struct debuginfod_figures f = figures();
	struct debuginfod_tally *t = &debuginfod_tally;
	struct debuginfod_responses *r =
		&t->responses[DEBUGINFOD_EXECUTABLE][0];

	memset(t, 0, sizeof(*t));
	f.suffixes = suffixes;
	t->errors = 13;
	t->cached = 2;
	t->archives[1] = 3;
	t->archives[DEBUGINFOD_SUFFIXES_MAX] = 4;
	t->requests[DEBUGINFOD_HOME] = 5;
	t->busy[DEBUGINFOD_SOURCE] = 2;
	t->busy[DEBUGINFOD_DEBUGINFO] = 1;
	t->busy[DEBUGINFOD_METRICS] = 1;
	metric_set(METRIC_FLIGHTS_WAITING, 0, 0, 2);
	metric_add(METRIC_SCAN_FAILED, metric_label(LABELS_KIND, "io"), 0, 6);
	metric_add(METRIC_CACHE_OPS, metric_label(LABELS_CACHE_OP, "hit"), 0,
		   8);
	r->count = 2;
	r->bytes = 40;
	r->duration_ns = 46269;
	r->after_you_ns = 2000000;
	t->responses[DEBUGINFOD_NONE][DEBUGINFOD_CODES - 1].count = 1;
	render(&f);
#define EXECUTABLE "{code=\"200\",type=\"executable\"}"
	ck_assert_str_eq(
		value("http_responses_transfer_bytes_count" EXECUTABLE), "2");
	ck_assert_str_eq(value("http_responses_transfer_bytes_sum" EXECUTABLE),
			 "40");
	ck_assert_str_eq(
		value("http_responses_duration_milliseconds_sum" EXECUTABLE),
		"0.046269");
	ck_assert_str_eq(
		value("http_responses_after_you_milliseconds_sum" EXECUTABLE),
		"2");
	ck_assert_str_eq(value("http_responses_after_you_milliseconds_count"
			       "{code=\"other\",type=\"\"}"),
			 "1");
	ck_assert_str_eq(value("result=\"error\""), "13");
	ck_assert_str_eq(value("result=\"archive fdcache\""), "2");
	ck_assert_str_eq(value("result=\".rpm archive\""), "3");
	ck_assert_str_eq(value("result=\" archive\""), "4");
	ck_assert_str_eq(value("http_requests_total{type=\"/\"}"), "5");
	ck_assert_str_eq(value("thread_busy{role=\"http-buildid\"}"), "1");
	ck_assert_str_eq(value("thread_busy{role=\"http-buildid-after-you\"}"),
			 "2");
	ck_assert_str_eq(value("thread_busy{role=\"http-metrics\"}"), "1");
	ck_assert_str_eq(value("error_count{libc=\"io\"}"), "6");
	ck_assert_str_eq(value("fdcache_op_count{op=\"lookup_hit\"}"), "8");
	buf_deinit(&out);
}
END_TEST

START_TEST(free_space_is_a_ratio_where_the_place_is_known)
{
	struct debuginfod_figures f = figures();

	f.database = "/";
	f.tmpdir = "/nonexistent";
	debuginfod_forget_index(&f);
	render(&f);
	double ratio =
		strtod(value("filesys_free_ratio{purpose=\"database\"}"), NULL);

	ck_assert(ratio >= 0 && ratio <= 1);
	ck_assert_str_eq(value("purpose=\"tmpdir\""), "none");
	ck_assert_str_eq(value("groom{"), "none");
	buf_deinit(&out);
}
END_TEST

UNIT_MAIN("debuginfod_metrics", every_line_that_is_waited_for_is_there_once,
	  no_series_comes_twice, what_was_answered_is_told_by_status_and_type,
	  free_space_is_a_ratio_where_the_place_is_known)

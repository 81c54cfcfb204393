/* SPDX-License-Identifier: Apache-2.0 */
/* The dialect of elfutils' debuginfod. What stands in the tables was seen of
 * 0.188, but for what only later ones have. */
#include "config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "elf/elf_facts.h"
#include "http/account.h"
#include "http/debuginfod.h"
#include "http/dialect.h"
#include "http/ticket.h"
#include "tests/lib/ticket_await.h"
#include "tests/lib/fake_store.h"
#include "tests/unit/unit.h"

static const char text[] = "0123456789abcdefghij";

static const struct fake_artifact artifacts[] = {
	{ .id = "aabb",
	  .kind = ARTIFACT_EXECUTABLE,
	  .data = text,
	  .size = 20,
	  .mtime = 784111777,
	  .etag = 0xaa,
	  .file = "/srv/bin/ls" },
	{ .id = "aabb",
	  .kind = ARTIFACT_DEBUGINFO,
	  .data = text,
	  .size = 20,
	  .file = "./usr/lib/debug/ls.debug",
	  .archive = "/srv/ls.deb",
	  .behaviour = FAKE_SHARED,
	  .delay_ms = 20 },
	{ .id = "aabb",
	  .kind = ARTIFACT_SOURCE,
	  .suffix = "/usr/src/a//../b.c",
	  .data = "int x;",
	  .size = 6,
	  .file = "b.c",
	  .archive = "/srv/a.tar.xz",
	  .behaviour = FAKE_COLD },
	{ .id = "aabb",
	  .kind = ARTIFACT_SECTION,
	  .suffix = ".text",
	  .data = "code",
	  .size = 4,
	  .file = "/srv/bin/ls" },
	{ .id = "bb00", .kind = ARTIFACT_EXECUTABLE, .behaviour = FAKE_BUSY },
};

static const struct index_place places[] = {
	{ .id = { 2, { 0xaa, 0xbb } },
	  .is_gnu = true,
	  .path = "/srv/ls.deb",
	  .member = "./usr/bin/l\"s\\",
	  .roles = ELF_ROLE_EXECUTABLE },
	{ .id = { 2, { 0xaa, 0xbb } },
	  .is_gnu = true,
	  .path = "/srv/debug/ls.debug",
	  .roles = ELF_ROLE_DEBUGINFO },
};

static void write_metrics(void *ctx, struct buf *out)
{
	buf_append_str(out, ctx);
}

static struct {
	struct store *store;
	struct debuginfod_options debuginfod;
	struct http_options options;
	struct http_context context;
	struct request rq;
	int log_fd, stderr_fd;
} f;

static void set_up(void)
{
	static char metrics[] = "ready 1\n";
	static const char *const suffixes[] = { ".deb", ".xz", ".tar.xz",
						NULL };

	memset(&f, 0, sizeof(f));
	memset(&debuginfod_tally, 0, sizeof(debuginfod_tally));
	log_init(LOG_ERROR, LOG_DEBUGINFOD);
	f.store = fake_store(artifacts, sizeof(artifacts) / sizeof(*artifacts));
	fake_store_set_places(f.store, places,
			      sizeof(places) / sizeof(*places));
	f.debuginfod = (struct debuginfod_options) {
		.version = "debuginfod (elfutils) 0.196",
		.suffixes = suffixes,
		.metrics = write_metrics,
		.metrics_ctx = metrics,
	};
	f.options = (struct http_options) {
		.store = f.store,
		.debuginfod = &f.debuginfod,
		.artifact_wait_ms = 10000,
		.answer_wait_ms = 10000,
		.metadata_ms = 5000,
		.forwarded_ttl_limit = 8,
	};
	f.context.options = &f.options;
	request_init(&f.rq, &f.context);
}

static void tear_down(void)
{
	request_deinit(&f.rq);
	store_close(f.store);
}

/* "METHOD PATH[?QUERY]", as the adapter does it. */
static unsigned serve(const char *request)
{
	static char line[1024];
	char *path, *query;

	snprintf(line, sizeof(line), "%s", request);
	path = strchr(line, ' ');
	*path++ = '\0';
	query = strchr(path, '?');
	if (query) {
		*query++ = '\0';
		f.rq.query = mem_strdup(query);
	}
	f.rq.method_name = line;
	f.rq.method = request_method(line);
	ck_assert(request_set_path(&f.rq, path));
	if (route_request(&f.rq) && f.rq.reply.status == 0)
		route_handle(&f.rq);
	ticket_await(&f.rq);
	ck_assert_uint_ne(f.rq.reply.status, 0);
	return f.rq.reply.status;
}

/* It is over: count it, write its line. */
static void end(void)
{
	const struct sockaddr_in client = {
		.sin_family = AF_INET,
		.sin_port = htons(4711),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct account a = {
		.status = f.rq.reply.status,
		.bytes = f.rq.reply.size,
		.now_ns = clock_ns(),
		.client = (const struct sockaddr *)&client,
	};

	account_request(&f.rq, &a);
	request_deinit(&f.rq);
	request_init(&f.rq, &f.context);
}

static const char *header(const char *name)
{
	return reply_find_header(&f.rq.reply, name);
}

static const char *body(void)
{
	static char out[16384];
	const struct reply *r = &f.rq.reply;
	ssize_t n = 0;

	ck_assert_uint_lt(r->size, sizeof(out));
	if (r->kind == REPLY_FILE)
		n = pread(r->fd, out, r->size, (off_t)r->offset);
	else if (r->size)
		memcpy(out, r->kind == REPLY_OWNED ? r->memory : r->text,
		       n = (ssize_t)r->size);
	ck_assert_int_eq(n, (ssize_t)r->size);
	out[n] = '\0';
	return out;
}

/* ---- Answers ------------------------------------------------------------ */

#define LONG_ID                            \
	"abababababababababababababababab" \
	"abababababababababababababababab" \
	"abababababababababababababababab" \
	"abababababababababababababababab" \
	"ab"

static const struct {
	const char *request;
	unsigned status;
	const char *body;
	enum debuginfod_type type;
} answers[] = {
	{ "GET /", 200, "debuginfod (elfutils) 0.196", DEBUGINFOD_HOME },
	{ "GET /?key=a", 200, "debuginfod (elfutils) 0.196", DEBUGINFOD_HOME },
	{ "GET //anything", 200, "debuginfod (elfutils) 0.196",
	  DEBUGINFOD_HOME },
	{ "GET /%2f", 200, "debuginfod (elfutils) 0.196", DEBUGINFOD_HOME },
	{ "GET /nope", 503, "webapi error, unrecognized '/nope'",
	  DEBUGINFOD_NONE },
	{ "GET /nope/x", 503, "webapi error, unrecognized '/nope'",
	  DEBUGINFOD_NONE },
	{ "GET /a%41b%0ac%22?x=1", 503,
	  "webapi error, unrecognized '/aAb\nc\"'", DEBUGINFOD_NONE },
	{ "GET /metricsx", 503, "webapi error, unrecognized '/metricsx'",
	  DEBUGINFOD_NONE },
	{ "GET /healthz", 503, "webapi error, unrecognized '/healthz'",
	  DEBUGINFOD_NONE },
	{ "GET *", 503, "webapi error, unrecognized '*'", DEBUGINFOD_NONE },
	/* Build IDs */
	{ "GET /buildid", 503, "webapi error, unrecognized '/buildid'",
	  DEBUGINFOD_NONE },
	{ "GET /buildid/", 503, "/buildid/ webapi error, need buildid",
	  DEBUGINFOD_NONE },
	{ "GET /buildid/aabb", 503, "/buildid/ webapi error, need buildid",
	  DEBUGINFOD_NONE },
	{ "GET /buildid/aabb%00/executable", 503,
	  "/buildid/ webapi error, need buildid", DEBUGINFOD_NONE },
	{ "GET /buildid/aabb/executable", 200, text, DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/aabb/executable%00/nonsense", 200, text,
	  DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/aa%62b%2Fexecutable", 200, text,
	  DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/aabb/executable/", 200, text, DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/aabb/executable/x/y?z", 200, text,
	  DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/aabb/debuginfo/x", 200, text, DEBUGINFOD_DEBUGINFO },
	{ "GET /buildid/AABB/executable", 503, "invalid buildid",
	  DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/abc/executable", 503, "invalid buildid",
	  DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/a/debuginfo", 503, "invalid buildid",
	  DEBUGINFOD_DEBUGINFO },
	{ "GET /buildid//executable", 503, "invalid buildid",
	  DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/zz/source/a", 503, "invalid buildid",
	  DEBUGINFOD_SOURCE },
	{ "GET /buildid/ab/executable", 404, "not found",
	  DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/" LONG_ID "/executable", 404, "not found",
	  DEBUGINFOD_EXECUTABLE },
	{ "GET /buildid/ccdd/debuginfo", 404, "not found",
	  DEBUGINFOD_DEBUGINFO },
	{ "GET /buildid/c01d/debuginfo", 404, "not found",
	  DEBUGINFOD_DEBUGINFO },
	{ "HEAD /buildid/ccdd/debuginfo", 404, "not found",
	  DEBUGINFOD_DEBUGINFO },
	/* Types and suffixes */
	{ "GET /buildid/aabb/xx", 503, "invalid artifacttype",
	  DEBUGINFOD_INVALID },
	{ "GET /buildid/aabb/", 503, "invalid artifacttype",
	  DEBUGINFOD_INVALID },
	{ "GET /buildid/aabb/meta", 503, "invalid artifacttype",
	  DEBUGINFOD_INVALID },
	{ "GET /buildid//aabb/executable", 503, "invalid artifacttype",
	  DEBUGINFOD_INVALID },
	{ "GET /buildid/aabb//executable", 503, "invalid artifacttype",
	  DEBUGINFOD_INVALID },
	{ "GET /buildid//", 503, "invalid artifacttype", DEBUGINFOD_INVALID },
	{ "GET /buildid/zz/bad", 503, "invalid artifacttype",
	  DEBUGINFOD_INVALID },
	{ "GET /buildid/zz/source", 503, "invalid source suffix",
	  DEBUGINFOD_SOURCE },
	{ "GET /buildid/aabb/source", 503, "invalid source suffix",
	  DEBUGINFOD_SOURCE },
	{ "GET /buildid/aabb/source/", 404, "not found", DEBUGINFOD_SOURCE },
	{ "GET /buildid/aabb/source/%C3%A9", 404, "not found",
	  DEBUGINFOD_SOURCE },
	{ "GET /buildid/aabb/source/usr/src/a/%2F..%2fb.c", 200, "int x;",
	  DEBUGINFOD_SOURCE },
	{ "GET /buildid/zz/section", 503, "invalid section suffix",
	  DEBUGINFOD_SECTION },
	{ "GET /buildid/zz/section/", 503, "invalid section suffix",
	  DEBUGINFOD_SECTION },
	{ "GET /buildid/aabb/section/.text", 200, "code", DEBUGINFOD_SECTION },
	{ "GET /buildid/aabb/section/.nope", 404, "not found",
	  DEBUGINFOD_SECTION },
	/* Methods */
	{ "POST /", 400, "we support GET only", DEBUGINFOD_NONE },
	{ "PUT /buildid/aabb/executable", 400, "we support GET only",
	  DEBUGINFOD_NONE },
	{ "OPTIONS /", 400, "we support GET only", DEBUGINFOD_NONE },
	{ "get /", 400, "we support GET only", DEBUGINFOD_NONE },
	{ "POST /buildids/query", 400, "we support GET only", DEBUGINFOD_NONE },
	/* Metrics */
	{ "GET /metrics", 200, "ready 1\n", DEBUGINFOD_METRICS },
	{ "GET /metrics/x?y", 200, "ready 1\n", DEBUGINFOD_METRICS },
	/* Metadata */
	{ "GET /metadata", 503, "/metadata webapi error, need key and value",
	  DEBUGINFOD_NONE },
	{ "GET /metadata?key=glob", 503,
	  "/metadata webapi error, need key and value", DEBUGINFOD_NONE },
	{ "GET /metadata?value=x", 503,
	  "/metadata webapi error, need key and value", DEBUGINFOD_NONE },
	{ "GET /metadata?key=&value=", 503,
	  "/metadata webapi error, unsupported key", DEBUGINFOD_METADATA },
	{ "GET /metadata?key=x&value=x", 503,
	  "/metadata webapi error, unsupported key", DEBUGINFOD_METADATA },
	{ "GET /metadata/x?key=buildid&value=AABB", 200,
	  "{ \"results\": [ ], \"complete\": true }", DEBUGINFOD_METADATA },
	{ "GET /metadata?key=buildid&value=ccdd", 200,
	  "{ \"results\": [ ], \"complete\": true }", DEBUGINFOD_METADATA },
	{ "GET /metadata?key=buildid&value=aa%62b", 200,
	  "{ \"results\": [ { \"type\": \"executable\", \"buildid\": \"aabb\", "
	  "\"file\": \"\\/usr\\/bin\\/l\\\"s\\\\\", "
	  "\"archive\": \"\\/srv\\/ls.deb\" }, "
	  "{ \"type\": \"debuginfo\", \"buildid\": \"aabb\", "
	  "\"file\": \"\\/srv\\/debug\\/ls.debug\" } ], "
	  "\"complete\": true }",
	  DEBUGINFOD_METADATA },
};
enum { ANSWERS = sizeof(answers) / sizeof(*answers) };

static bool counts(enum debuginfod_type type)
{
	return type != DEBUGINFOD_NONE && type != DEBUGINFOD_INVALID;
}

START_TEST(every_path_is_answered_in_its_words)
{
	set_up();
	for (unsigned i = 0; i < ANSWERS; i++) {
		unsigned status = serve(answers[i].request);

		ck_assert_msg(status == answers[i].status &&
				      !strcmp(body(), answers[i].body) &&
				      f.rq.type == answers[i].type,
			      "%s: %u %s", answers[i].request, status, body());
		const char *type = header("Content-Type");

		ck_assert_ptr_nonnull(type);
		if (status >= 400) {
			ck_assert_str_eq(type, "text/plain");
			ck_assert_uint_eq(f.rq.reply.header_count, 1);
		}
		end();
	}
	tear_down();
}
END_TEST

START_TEST(every_request_is_counted_by_its_type_and_status)
{
	uint64_t requests[DEBUGINFOD_TYPES] = { 0 };
	uint64_t responses[DEBUGINFOD_TYPES] = { 0 };

	set_up();
	for (unsigned i = 0; i < ANSWERS; i++) {
		serve(answers[i].request);
		ck_assert_uint_eq(debuginfod_tally.busy[answers[i].type],
				  counts(answers[i].type));
		end();
		responses[answers[i].type]++;
		requests[answers[i].type] += counts(answers[i].type);
	}
	for (unsigned type = 0; type < DEBUGINFOD_TYPES; type++) {
		uint64_t sum = 0;

		for (unsigned code = 0; code < DEBUGINFOD_CODES; code++)
			sum += debuginfod_tally.responses[type][code].count;
		ck_assert_uint_eq(sum, responses[type]);
		ck_assert_uint_eq(debuginfod_tally.requests[type],
				  requests[type]);
		ck_assert_uint_eq(debuginfod_tally.busy[type], 0);
	}
	ck_assert_str_eq(debuginfod_codes[5], "404");
	ck_assert_uint_eq(
		debuginfod_tally.responses[DEBUGINFOD_SOURCE][5].bytes,
		2 * strlen("not found"));
	tear_down();
}
END_TEST

START_TEST(artifacts_are_counted_by_where_they_came_from)
{
	set_up();
	serve("GET /buildid/aabb/executable");
	end();
	serve("GET /buildid/aabb/debuginfo");
	end();
	for (int i = 0; i < 2; i++) {
		serve("GET /buildid/aabb/source/usr/src/a//../b.c");
		end();
	}
	serve("GET /nope");
	end();
	ck_assert_uint_eq(debuginfod_tally.files, 1);
	ck_assert_uint_eq(debuginfod_tally.archives[0], 1);
	/* Of ".xz" and ".tar.xz" the last in lexical order, not the longest. */
	ck_assert_uint_eq(debuginfod_tally.archives[1], 2);
	ck_assert_uint_eq(debuginfod_tally.archives[2], 0);
	ck_assert_uint_eq(debuginfod_tally.errors, 1);
	ck_assert_uint_eq(debuginfod_suffix(f.debuginfod.suffixes, "a.rpm"),
			  DEBUGINFOD_SUFFIXES_MAX);
	ck_assert_uint_eq(debuginfod_suffix(NULL, "a.rpm"),
			  DEBUGINFOD_SUFFIXES_MAX);
	tear_down();
}
END_TEST

START_TEST(a_hit_has_its_headers_and_better_ones)
{
	set_up();
	ck_assert_uint_eq(serve("GET /buildid/aabb/executable"), 200);
	ck_assert_str_eq(header("Content-Type"), "application/octet-stream");
	ck_assert_str_eq(header("X-DEBUGINFOD-SIZE"), "20");
	ck_assert_str_eq(header("X-DEBUGINFOD-FILE"), "/srv/bin/ls");
	ck_assert_ptr_null(header("X-DEBUGINFOD-ARCHIVE"));
	ck_assert_str_eq(header("Last-Modified"),
			 "Sun, 06 Nov 1994 08:49:37 GMT");
	ck_assert_str_eq(header("Cache-Control"), "public");
	ck_assert_str_eq(header("ETag"), "\"00000000000000aa\"");
	end();
	ck_assert_uint_eq(serve("GET /buildid/aabb/debuginfo"), 200);
	ck_assert_str_eq(header("X-DEBUGINFOD-FILE"),
			 "/usr/lib/debug/ls.debug");
	ck_assert_str_eq(header("X-DEBUGINFOD-ARCHIVE"), "/srv/ls.deb");
	end();
	f.rq.header[HEADER_RANGE] = "bytes=1-2";
	ck_assert_uint_eq(serve("GET /buildid/aabb/executable"), 206);
	ck_assert_str_eq(body(), "12");
	end();
	f.rq.header[HEADER_IF_NONE_MATCH] = "\"00000000000000aa\"";
	ck_assert_uint_eq(serve("GET /buildid/aabb/executable"), 304);
	end();
	ck_assert_uint_eq(serve("HEAD /buildid/aabb/executable"), 200);
	tear_down();
}
END_TEST

static const struct {
	const char *request, *limit;
	unsigned status;
} limits[] = {
	{ "GET /buildid/aabb/executable", "19", 406 },
	{ "GET /buildid/aabb/executable", "20", 200 },
	{ "GET /buildid/aabb/executable", "5x", 406 },
	{ "GET /buildid/aabb/executable", "-1", 200 },
	{ "GET /buildid/aabb/executable", "x", 200 },
	{ "GET /", "5", 406 },
	{ "GET /metrics", "5", 406 },
	{ "GET /metadata?key=buildid&value=aabb", "5", 406 },
	{ "GET /metadata?key=buildid&value=x", "5", 406 },
	{ "GET /nope", "5", 503 },
};

START_TEST(what_is_larger_than_the_client_wants_is_406)
{
	char expected[64];

	set_up();
	for (unsigned i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		f.rq.header[HEADER_MAXSIZE] = limits[i].limit;
		unsigned status = serve(limits[i].request);

		ck_assert_msg(status == limits[i].status, "%s: %u",
			      limits[i].request, status);
		snprintf(expected, sizeof(expected),
			 "File too large, max size=%d", atoi(limits[i].limit));
		if (status == 406)
			ck_assert_str_eq(body(), expected);
		end();
	}
	tear_down();
}
END_TEST

static const struct {
	unsigned long limit;
	const char *hops;
	bool is_refused;
} hops[] = {
	{ 8, NULL, false },
	{ 8, "", false },
	{ 8, "a,b,c,d,e,f,g", false },
	{ 8, "a,b,c,d,e,f,g,h", true },
	{ 8, "a,b,c,d,e,f,g,h,i,j", true },
	{ 1, "a", true },
	{ 0, NULL, true },
};

START_TEST(a_miss_after_too_many_hops_says_so)
{
	set_up();
	for (unsigned i = 0; i < sizeof(hops) / sizeof(*hops); i++) {
		f.options.forwarded_ttl_limit = hops[i].limit;
		f.rq.header[HEADER_FORWARDED_FOR] = hops[i].hops;
		ck_assert_uint_eq(serve("GET /buildid/ccdd/debuginfo"), 404);
		ck_assert_str_eq(body(),
				 hops[i].is_refused
					 ? "not found, --forwared-ttl-limit "
					   "reached and will not query the "
					   "upstream servers"
					 : "not found");
		end();
		f.rq.header[HEADER_FORWARDED_FOR] = hops[i].hops;
		ck_assert_uint_eq(serve("GET /buildid/aabb/executable"), 200);
		end();
	}
	tear_down();
}
END_TEST

START_TEST(the_home_page_can_be_a_file_and_elsewhere)
{
	set_up();
	f.debuginfod.home_redirect = "https://example.org/";
	ck_assert_uint_eq(serve("GET /"), 302);
	ck_assert_str_eq(header("Location"), "https://example.org/");
	ck_assert_str_eq(body(), "debuginfod (elfutils) 0.196");
	end();
	f.debuginfod.home_html = "<p>hello and more";
	f.debuginfod.home_html_size = 8;
	ck_assert_uint_eq(serve("GET //x"), 302);
	ck_assert_str_eq(body(), "<p>hello");
	ck_assert_str_eq(header("Content-Type"), "text/html");
	end();
	f.debuginfod.home_redirect = NULL;
	ck_assert_uint_eq(serve("GET /"), 200);
	ck_assert_ptr_null(header("Location"));
	end();
	f.debuginfod.home_redirect = "/x";
	f.rq.header[HEADER_MAXSIZE] = "1";
	ck_assert_uint_eq(serve("GET /"), 406);
	ck_assert_ptr_null(header("Location"));
	tear_down();
}
END_TEST

START_TEST(options_are_answered_with_cors_alone)
{
	set_up();
	f.options.has_cors = true;
	ck_assert_uint_eq(serve("OPTIONS /buildid/x"), 200);
	ck_assert_str_eq(body(), " ");
	ck_assert_str_eq(header("Access-Control-Allow-Methods"),
			 "GET, HEAD, OPTIONS");
	ck_assert_uint_eq(debuginfod_tally.requests[DEBUGINFOD_OPTIONS], 1);
	end();
	ck_assert_uint_eq(serve("POST /"), 400);
	tear_down();
}
END_TEST

START_TEST(passing_trouble_is_503_but_not_for_libdebuginfod)
{
	set_up();
	ck_assert_uint_eq(serve("GET /buildid/bb00/executable"), 503);
	ck_assert_str_eq(body(), "too much to do, try again later");
	ck_assert_str_eq(header("Retry-After"), "5");
	ck_assert(!f.rq.reply.is_silent);
	end();
	f.rq.header[HEADER_USER_AGENT] = "elfutils/0.188";
	ck_assert_uint_eq(serve("GET /buildid/bb00/executable"), 503);
	ck_assert(f.rq.reply.is_silent);
	end();
	/* A mistake of its own it may remember. */
	f.rq.header[HEADER_USER_AGENT] = "elfutils/0.188";
	ck_assert_uint_eq(serve("GET /buildid/BB00/executable"), 503);
	ck_assert(!f.rq.reply.is_silent);
	end();
	fake_store_refuse_reads(f.store, true, false);
	ck_assert_uint_eq(serve("GET /metadata?key=file&value=/a"), 503);
	ck_assert_str_eq(body(), "too much to do, try again later");
	tear_down();
}
END_TEST

START_TEST(our_own_metrics_are_a_format_of_theirs)
{
	set_up();
	ck_assert_uint_eq(serve("GET /metrics?format=symbolized"), 200);
	ck_assert_ptr_nonnull(strstr(body(), "symbolized_ready "));
	end();
	ck_assert_uint_eq(serve("GET /metrics?format=other"), 200);
	ck_assert_str_eq(body(), "ready 1\n");
	tear_down();
}
END_TEST

START_TEST(time_behind_an_identical_request_is_told_apart)
{
	set_up();
	const struct debuginfod_responses *r =
		&debuginfod_tally.responses[DEBUGINFOD_DEBUGINFO][0];

	serve("GET /buildid/aabb/debuginfo");
	ck_assert_uint_ge(f.rq.after_you_ns, 20 * 1000000);
	ck_assert_int_eq(metric_get(METRIC_FLIGHTS_WAITING, 0, 0), 0);
	end();
	ck_assert_uint_ge(r->after_you_ns, 20 * 1000000);
	ck_assert_uint_ge(r->duration_ns, r->after_you_ns);
	serve("GET /buildid/aabb/source/usr/src/a//../b.c");
	ck_assert_uint_eq(f.rq.after_you_ns, 0);
	tear_down();
}
END_TEST

/* ---- The log ------------------------------------------------------------ */

static void catch_log(enum log_level level)
{
	log_init(level, LOG_DEBUGINFOD);
	f.log_fd = memfd_create("log", MFD_CLOEXEC);
	f.stderr_fd = fcntl(2, F_DUPFD_CLOEXEC, 10);
	ck_assert_int_ge(f.log_fd, 0);
	ck_assert_int_ge(f.stderr_fd, 0);
	dup2(f.log_fd, 2);
}

/* What was logged, without the brackets and numbers that begin a line. Owned
 * by the test. */
static const char *caught_log(void)
{
	static char raw[16384], out[16384];
	char day[4], month[4];
	size_t used = 0;

	dup2(f.stderr_fd, 2);
	ssize_t n = pread(f.log_fd, raw, sizeof(raw) - 1, 0);

	ck_assert_int_ge(n, 0);
	raw[n] = '\0';
	close(f.log_fd);
	close(f.stderr_fd);
	for (char *line = strtok(raw, "\n"); line; line = strtok(NULL, "\n")) {
		int date, hour, minute, second, year, pid, tid, size = 0;

		ck_assert_int_eq(sscanf(line,
					"[%3s %3s %2d %d:%d:%d %d] (%d/%d): %n",
					day, month, &date, &hour, &minute,
					&second, &year, &pid, &tid, &size),
				 9);
		ck_assert_int_eq(pid, getpid());
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s\n",
					 line + size);
	}
	return out;
}

/* With N for how many milliseconds it took. */
static const char *without_times(const char *lines)
{
	static char out[2048];
	char *to = out;

	while (*lines) {
		unsigned waited, took;
		int size = 0;

		ck_assert(to + 8 < out + sizeof(out));
		if (isdigit((unsigned char)*lines))
			sscanf(lines, "%u+%ums%n", &waited, &took, &size);
		if (size)
			to = stpcpy(to, "N+Nms");
		else
			*to++ = *lines;
		lines += size ? size : 1;
	}
	*to = '\0';
	return out;
}

START_TEST(the_access_line_is_theirs)
{
	set_up();
	unsetenv("JOURNAL_STREAM");
	catch_log(LOG_INFO);
	f.rq.header[HEADER_USER_AGENT] = "a b(c)\"d;e:f_g,h/i.j-k+l@";
	f.rq.header[HEADER_FORWARDED_FOR] = "1.2.3.4, ::1, x y-z";
	serve("GET /");
	end();
	serve("GET /buildid/aa%62b/executable?x=1");
	end();
	serve("GET /a%41b%0ac%22%1b%c3%a9?x=1");
	end();
	serve("HEAD /buildid/ccdd/debuginfo");
	end();
	serve("BREW /metrics");
	end();
	serve("GET /metadata?key=buildid&value=x%0ay+z&more=1");
	end();
	const char *lines = without_times(caught_log());

	ck_assert_str_eq(
		lines,
		"127.0.0.1:4711 UA:abcde:f_g,h/i.jkl XFF:1.2.3.4,::1,xyz "
		"GET / 200 27 N+Nms\n"
		"127.0.0.1:4711 UA: XFF: GET /buildid/aabb/executable 200 20 "
		"N+Nms\n"
		"webapi error, unrecognized '/aAb\\x0ac\"\\x1b\\xc3\\xa9'\n"
		"127.0.0.1:4711 UA: XFF: GET /aAb\\x0ac\"\\x1b\\xc3\\xa9 503 "
		"39 N+Nms\n"
		"not found\n"
		"127.0.0.1:4711 UA: XFF: HEAD /buildid/ccdd/debuginfo 404 9 "
		"N+Nms\n"
		"we support GET only\n"
		"127.0.0.1:4711 UA: XFF: BREW /metrics 400 19 N+Nms\n"
		"127.0.0.1:4711 UA: XFF: GET "
		"/metadata?key=buildid&value=x\\x0ay z 200 36 N+Nms\n");
	tear_down();
}
END_TEST

START_TEST(what_is_served_is_said_when_asked_for_more)
{
	set_up();
	unsetenv("JOURNAL_STREAM");
	catch_log(LOG_DEBUG);
	serve("GET /buildid/aabb/section/.text");
	request_deinit(&f.rq);
	request_init(&f.rq, &f.context);
	serve("GET /buildid/aabb/source/usr/src/a//../b.c");
	log_warn("scan", "no_good", LOG_S("path", "/a b"), LOG_U("n", 2));
	log_debug("scan", "fine");
	const char *lines = caught_log();

	ck_assert_str_eq(lines,
			 "serving file /srv/bin/ls section=.text\n"
			 "serving archive /srv/a.tar.xz file b.c section=\n"
			 "warning: scan: no_good path=\"/a b\" n=2\n"
			 "scan: fine\n");
	tear_down();
}
END_TEST

/* A request during which the @nth allocation fails. False if there were fewer.
 */
static bool serve_without_memory(const char *request, unsigned long nth)
{
	char line[1024];
	const char *query = strchr(request, '?');

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(request, "?"),
		 request);
	f.rq.method_name = "GET";
	f.rq.method = METHOD_GET;
	f.rq.query = query ? mem_strdup(query + 1) : NULL;
	mem_fail_at(nth);
	if (request_set_path(&f.rq, strchr(line, ' ') + 1) &&
	    route_request(&f.rq) && f.rq.reply.status == 0)
		route_handle(&f.rq);
	bool has_failed = mem_fail_happened();

	mem_fail_at(0);
	ticket_await(&f.rq);
	ck_assert(has_failed || f.rq.reply.status != 0);
	end();
	return has_failed;
}

START_TEST(without_memory_there_is_an_answer_or_none)
{
	set_up();
	for (unsigned i = 0; i < ANSWERS; i++) {
		unsigned long n = 1;

		while (serve_without_memory(answers[i].request, n))
			n++;
	}
	tear_down();
}
END_TEST

UNIT_MAIN("http_debuginfod", every_path_is_answered_in_its_words,
	  every_request_is_counted_by_its_type_and_status,
	  artifacts_are_counted_by_where_they_came_from,
	  a_hit_has_its_headers_and_better_ones,
	  what_is_larger_than_the_client_wants_is_406,
	  a_miss_after_too_many_hops_says_so,
	  the_home_page_can_be_a_file_and_elsewhere,
	  options_are_answered_with_cors_alone,
	  passing_trouble_is_503_but_not_for_libdebuginfod,
	  our_own_metrics_are_a_format_of_theirs,
	  time_behind_an_identical_request_is_told_apart,
	  the_access_line_is_theirs, what_is_served_is_said_when_asked_for_more,
	  without_memory_there_is_an_answer_or_none)

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/codec.h"
#include "http/account.h"
#include "http/body.h"
#include "http/conditional.h"
#include "http/framing.h"
#include "http/listen.h"
#include "http/routes.h"
#include "http/ticket.h"
#include "tests/unit/unit.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* */
START_TEST(ranges_are_read_as_rfc_9110_says)
{
	static const struct {
		const char *header;
		uint64_t size;
		enum range_kind kind;
		uint64_t first, end;
	} cases[] = {
		{ NULL, 100, RANGE_WHOLE, 0, 0 },
		{ "bytes=0-0", 100, RANGE_PART, 0, 1 },
		{ "bytes=0-99", 100, RANGE_PART, 0, 100 },
		{ "bytes=10-", 100, RANGE_PART, 10, 100 },
		{ "bytes=10-1000", 100, RANGE_PART, 10, 100 },
		{ "bytes=99-99", 100, RANGE_PART, 99, 100 },
		{ "bytes=-1", 100, RANGE_PART, 99, 100 },
		{ "bytes=-100", 100, RANGE_PART, 0, 100 },
		{ "bytes=-1000", 100, RANGE_PART, 0, 100 },
		{ "bytes=5-18446744073709551615", 100, RANGE_PART, 5, 100 },
		{ "bytes=5-99999999999999999999999", 100, RANGE_PART, 5, 100 },
		{ "bytes=100-", 100, RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=100-200", 100, RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=99999999999999999999999-", 100, RANGE_UNSATISFIABLE, 0,
		  0 },
		{ "bytes=-0", 100, RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=-5", 0, RANGE_UNSATISFIABLE, 0, 0 },
		/* Several, and what nobody understands, is no range. */
		{ "bytes=0-1,3-4", 100, RANGE_WHOLE, 0, 0 },
		{ "bytes=-1,3-4", 100, RANGE_WHOLE, 0, 0 },
		{ "bytes=5-2", 100, RANGE_WHOLE, 0, 0 },
		{ "bytes=", 100, RANGE_WHOLE, 0, 0 },
		{ "bytes=-", 100, RANGE_WHOLE, 0, 0 },
		{ "bytes=a-b", 100, RANGE_WHOLE, 0, 0 },
		{ "bytes=1", 100, RANGE_WHOLE, 0, 0 },
		{ "bytes=1-2x", 100, RANGE_WHOLE, 0, 0 },
		{ "bytes=+1-2", 100, RANGE_WHOLE, 0, 0 },
		{ "bytes= 1-2", 100, RANGE_WHOLE, 0, 0 },
		{ "items=0-1", 100, RANGE_WHOLE, 0, 0 },
		{ "", 100, RANGE_WHOLE, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct byte_range range = { 0, 0 };
		enum range_kind kind =
			range_parse(cases[i].header, cases[i].size, &range);

		ck_assert_msg(kind == cases[i].kind, "%s: kind %d",
			      cases[i].header, kind);
		ck_assert_msg(kind != RANGE_PART ||
				      (range.first == cases[i].first &&
				       range.end == cases[i].end),
			      "%s: wrong bytes", cases[i].header);
	}
}
END_TEST

START_TEST(entity_tags_are_found_in_lists)
{
	static const char etag[] = "\"0123456789abcdef\"";
	static const struct {
		const char *list;
		bool matches;
	} cases[] = {
		{ "\"0123456789abcdef\"", true },
		{ "W/\"0123456789abcdef\"", true },
		{ "\"x\", \"0123456789abcdef\"", true },
		{ "\"a,b\",W/\"0123456789abcdef\"", true },
		{ "*", true },
		{ "", false },
		{ "\"x\"", false },
		{ "0123456789abcdef", false },
		{ "\"0123456789abcdef", false },
		{ "\"0123456789abcde\"", false },
		{ "w/\"0123456789abcdef\"", false },
	};
	char text[ETAG_SIZE];

	ck_assert_str_eq(etag_format(UINT64_C(0x0123456789abcdef), text), etag);
	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(etag_matches_any(cases[i].list, etag) ==
				      cases[i].matches,
			      "%s", cases[i].list);
}
END_TEST

START_TEST(dates_are_written_in_one_form_and_read_in_three)
{
	static const char *const same[] = {
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
	};
	static const char *const bad[] = {
		"",
		"now",
		"Sun, 06 Nov 1994 08:49:37",
		"784111777",
		"Sun, 06 Nov 1994 08:49:37 GMT; length=5",
	};
	char text[HTTP_DATE_SIZE];
	int64_t seconds;

	for (size_t i = 0; i < COUNT(same); i++) {
		ck_assert_msg(http_date_parse(same[i], &seconds), "%s",
			      same[i]);
		ck_assert_int_eq(seconds, 784111777);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!http_date_parse(bad[i], &seconds), "%s", bad[i]);
	ck_assert_str_eq(http_date_format(784111777, text), same[0]);
	ck_assert_str_eq(http_date_format(0, text),
			 "Thu, 01 Jan 1970 00:00:00 GMT");
	ck_assert_str_eq(http_date_format(-1, text),
			 "Wed, 31 Dec 1969 23:59:59 GMT");
	ck_assert_str_eq(http_date_format(INT64_MAX, text),
			 "Thu, 01 Jan 1970 00:00:00 GMT");
}
END_TEST

START_TEST(conditions_come_before_ranges)
{
	static const char etag[] = "\"00000000000000aa\"";
	static const int64_t mtime = 784111777;
	static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
	static const char later[] = "Sun, 06 Nov 1994 08:49:38 GMT";
	static const char before[] = "Sun, 06 Nov 1994 08:49:36 GMT";
	static const struct {
		struct conditions c;
		enum wanted wanted;
	} cases[] = {
		{ { 0 }, WANTED_WHOLE },
		{ { .if_none_match = etag }, WANTED_NOTHING },
		{ { .if_none_match = "\"other\"" }, WANTED_WHOLE },
		{ { .if_modified_since = date }, WANTED_NOTHING },
		{ { .if_modified_since = later }, WANTED_NOTHING },
		{ { .if_modified_since = before }, WANTED_WHOLE },
		{ { .if_modified_since = "garbage" }, WANTED_WHOLE },
		/* If-None-Match makes If-Modified-Since void. */
		{ { .if_none_match = "\"other\"", .if_modified_since = date },
		  WANTED_WHOLE },
		{ { .if_none_match = etag, .range = "bytes=0-1" },
		  WANTED_NOTHING },
		{ { .range = "bytes=0-1" }, WANTED_PART },
		{ { .range = "bytes=50-" }, WANTED_IMPOSSIBLE },
		{ { .range = "bytes=0-1", .if_range = etag }, WANTED_PART },
		{ { .range = "bytes=0-1", .if_range = "\"other\"" },
		  WANTED_WHOLE },
		{ { .range = "bytes=0-1",
		    .if_range = "W/\"00000000000000aa\"" },
		  WANTED_WHOLE },
		{ { .range = "bytes=0-1", .if_range = date }, WANTED_PART },
		{ { .range = "bytes=0-1", .if_range = later }, WANTED_WHOLE },
		{ { .range = "bytes=50-", .if_range = "\"other\"" },
		  WANTED_WHOLE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct byte_range range;

		ck_assert_msg(conditions_evaluate(&cases[i].c, etag, mtime, 50,
						  &range) == cases[i].wanted,
			      "case %zu", i);
	}
}
END_TEST

/* ---- Paths, queries, lists --------------------------------------------- */

static struct http_options options = {
	.body_limit_bytes = 1 << 20,
	.version = "1.2.3",
};
static struct http_context context = { .options = &options };

START_TEST(paths_are_decoded_once_before_they_are_split)
{
	static const struct {
		const char *raw, *path; /* NULL: refused */
	} cases[] = {
		{ "/", "/" },
		{ "/buildid/%61b%41B/executable", "/buildid/abAB/executable" },
		{ "/buildid/aabb%2Fexecutable", "/buildid/aabb/executable" },
		{ "/buildid/aabb/source%2fa", "/buildid/aabb/source/a" },
		{ "/a+b", "/a+b" },
		{ "/%2541", "/%41" },
		{ "/100%", "/100%" },
		{ "/%zz/%4", "/%zz/%4" },
		{ "/a%20b%0a", "/a b\n" },
		{ "/\xc3\xa4%c3%a4", "/\xc3\xa4\xc3\xa4" },
		{ "/buildid/aa%00bb", NULL },
		{ "/%00", NULL },
		{ "/a b", NULL },
		{ "/a\tb", NULL },
		{ "/a\x7f", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct request rq;

		request_init(&rq, &context);
		bool good = request_set_path(&rq, cases[i].raw);

		ck_assert_msg(good == (cases[i].path != NULL), "%s",
			      cases[i].raw);
		if (good)
			ck_assert_str_eq(rq.path, cases[i].path);
		ck_assert_str_eq(rq.raw_path, cases[i].raw);
		request_deinit(&rq);
		request_deinit(&rq);
	}
}
END_TEST

START_TEST(query_parameters_are_decoded)
{
	static const struct {
		const char *query, *value;
		bool is_bad;
	} cases[] = {
		{ "value=a", "a", false },
		{ "key=glob&value=%2Fusr%2F*", "/usr/*", false },
		{ "value=a+b%2Bc", "a b+c", false },
		{ "xvalue=1&value=", "", false },
		{ "value=1&value=2", "1", false },
		{ "value", NULL, false },
		{ "values=1", NULL, false },
		{ "&&", NULL, false },
		{ "", NULL, false },
		{ "value=%00", NULL, true },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct request rq;
		char *value;

		request_init(&rq, &context);
		rq.query = mem_strdup(cases[i].query);
		ck_assert_ptr_nonnull(rq.query);
		ck_assert_msg(request_query(&rq, "value", &value) ==
				      !cases[i].is_bad,
			      "%s", cases[i].query);
		if (cases[i].value)
			ck_assert_str_eq(value, cases[i].value);
		else
			ck_assert_ptr_null(value);
		mem_free(value);
		request_deinit(&rq);
	}
}
END_TEST

START_TEST(lists_of_accepted_codings_are_read)
{
	ck_assert(request_accepts("deflate, gzip, br, zstd", "zstd"));
	ck_assert(request_accepts("ZSTD;q=0.5", "zstd"));
	ck_assert(request_accepts("zstd ; q=1", "zstd"));
	ck_assert(request_accepts("text/html,application/json;q=0.9",
				  "application/json"));
	ck_assert(!request_accepts(NULL, "zstd"));
	ck_assert(!request_accepts("", "zstd"));
	ck_assert(!request_accepts("gzip", "zstd"));
	ck_assert(!request_accepts("zstd2", "zstd"));
	ck_assert(!request_accepts("zstd;q=0", "zstd"));
	ck_assert(!request_accepts("zstd; Q=0.000, gzip", "zstd"));
	ck_assert(request_accepts("zstd;q=0.001", "zstd"));
	ck_assert(request_accepts("a;q=0, zstd;x=y;q=0.1", "zstd"));
	ck_assert(!request_accepts("zstd;x=y, a;q=0, zstd2", "a"));
}
END_TEST

START_TEST(the_coding_the_client_likes_best_is_chosen)
{
	static const struct {
		const char *list;
		enum body_coding coding;
	} cases[] = {
		{ NULL, BODY_IDENTITY },
		{ "", BODY_IDENTITY },
		{ "br, deflate", BODY_IDENTITY },
		{ "gzip", BODY_GZIP },
		{ "x-gzip", BODY_GZIP },
		{ "gzip, deflate, br", BODY_GZIP },
		{ "gzip, zstd", BODY_ZSTD },
		{ "zstd;q=0.8, gzip;q=0.9", BODY_GZIP },
		{ "zstd;q=0.899, gzip;q=0.9", BODY_GZIP },
		{ "zstd;q=0.9, gzip;q=0.899", BODY_ZSTD },
		{ "zstd;q=0, gzip;q=0.001", BODY_GZIP },
		{ "zstd;q=0, gzip;q=0.000", BODY_IDENTITY },
		{ "*", BODY_ZSTD },
		{ "*;q=0.5, gzip;q=0.6", BODY_GZIP },
		{ "zstd;q=0, *", BODY_GZIP },
		{ "*;q=0", BODY_IDENTITY },
		{ "gzip, *;q=0", BODY_GZIP },
		{ "identity, gzip;q=0.5", BODY_IDENTITY },
		{ "identity, gzip", BODY_GZIP },
		{ "identity;q=0.5, gzip;q=0.6", BODY_GZIP },
		{ "identity;q=0", BODY_IDENTITY },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_msg(request_coding(cases[i].list) == cases[i].coding,
			      "of: %s", cases[i].list);
}
END_TEST

START_TEST(a_sane_request_id_is_kept_and_another_is_made)
{
	static const char *const sane[] = { "a", "0af7651916cd43dd",
					    "Root=1-67891233-abcdef012345" };
	static const char *const other[] = { "", "a b", "a\nb", "\"",
					     "\xc3\xa4" };
	char long_id[REQUEST_ID_MAX + 2];
	struct request rq;

	request_init(&rq, &context);
	for (size_t i = 0; i < COUNT(sane); i++) {
		rq.header[HEADER_REQUEST_ID] = sane[i];
		request_set_id(&rq);
		ck_assert_str_eq(rq.id, sane[i]);
	}
	memset(long_id, 'a', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	rq.header[HEADER_REQUEST_ID] = long_id;
	request_set_id(&rq);
	ck_assert_uint_eq(strlen(rq.id), 16);
	for (size_t i = 0; i < COUNT(other); i++) {
		char before[REQUEST_ID_MAX + 1];

		strcpy(before, rq.id);
		rq.header[HEADER_REQUEST_ID] = other[i];
		request_set_id(&rq);
		ck_assert_uint_eq(strspn(rq.id, "0123456789abcdef"), 16);
		ck_assert_str_ne(rq.id, before);
	}
	request_deinit(&rq);
}
END_TEST

/* ---- Routes ------------------------------------------------------------ */

START_TEST(every_path_finds_its_route)
{
	static const struct {
		const char *method, *path, *label; /* label NULL: a status */
		const char *arg, *tail;
		unsigned status;
	} cases[] = {
		{ "GET", "/", "home", "", "", 0 },
		{ "HEAD", "/", "home", "", "", 0 },
		{ "GET", "/buildid/aabb/executable", "executable", "aabb", "",
		  0 },
		{ "GET", "/buildid/aabb/executable/", "executable", "aabb", "",
		  0 },
		{ "GET", "/buildid/aabb/executable/xyz", "executable", "aabb",
		  "", 0 },
		{ "HEAD", "/buildid/aabb/debuginfo", "debuginfo", "aabb", "",
		  0 },
		{ "GET", "/buildid//debuginfo", "debuginfo", "", "", 0 },
		{ "GET", "/buildid/aabb/source/usr/src/../a//b.c", "source",
		  "aabb", "/usr/src/../a//b.c", 0 },
		{ "GET", "/buildid/aabb/source//usr/a.c", "source", "aabb",
		  "//usr/a.c", 0 },
		{ "GET", "/buildid/aabb/source", "source", "aabb", "", 0 },
		{ "GET", "/buildid/aabb/section/.text", "section", "aabb",
		  "/.text", 0 },
		{ "GET", "/buildid/aabb/meta", "meta", "aabb", "", 0 },
		{ "GET", "/metadata", "metadata", "", "", 0 },
		{ "POST", "/buildids/query", "query", "", "", 0 },
		{ "GET", "/metrics", "metrics", "", "", 0 },
		{ "GET", "/healthz", "healthz", "", "", 0 },
		{ "GET", "/readyz", "readyz", "", "", 0 },
		{ "GET", "", NULL, "", "", 404 },
		{ "GET", "//", NULL, "", "", 404 },
		{ "GET", "/healthz/", NULL, "", "", 404 },
		{ "GET", "/healthzz", NULL, "", "", 404 },
		{ "GET", "/health", NULL, "", "", 404 },
		{ "GET", "/buildid", NULL, "", "", 404 },
		{ "GET", "/buildid/aabb", NULL, "", "", 404 },
		{ "GET", "/buildid/aabb/", NULL, "", "", 404 },
		{ "GET", "/buildid/aabb/sources/a", NULL, "", "", 404 },
		{ "GET", "/buildid/aabb/meta/x", NULL, "", "", 404 },
		{ "GET", "/buildid//aabb/executable", NULL, "", "", 404 },
		{ "POST", "/healthz", NULL, "", "", 405 },
		{ "GET", "/buildids/query", NULL, "", "", 405 },
		{ "OPTIONS", "/healthz", NULL, "", "", 405 },
		{ "get", "/healthz", NULL, "", "", 405 },
		{ "DELETE", "/buildid/aabb/executable", NULL, "", "", 405 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct request rq;

		request_init(&rq, &context);
		rq.method = request_method(cases[i].method);
		ck_assert(request_set_path(&rq, cases[i].path));
		bool found = route_request(&rq);

		ck_assert_msg(found == (cases[i].label != NULL), "%s %s",
			      cases[i].method, cases[i].path);
		ck_assert_uint_eq(rq.reply.status, cases[i].status);
		if (found) {
			ck_assert_str_eq(rq.route->label, cases[i].label);
			ck_assert_uint_eq(rq.arg_size, strlen(cases[i].arg));
			ck_assert(rq.arg_size == 0 ||
				  !memcmp(rq.arg, cases[i].arg, rq.arg_size));
			ck_assert_str_eq(rq.tail, cases[i].tail);
		}
		if (cases[i].status == 405)
			ck_assert_ptr_nonnull(
				reply_find_header(&rq.reply, "Allow"));
		request_deinit(&rq);
	}
}
END_TEST

START_TEST(a_preflight_is_answered_only_with_cors)
{
	struct http_options with_cors = { .has_cors = true };
	struct http_context cors = { .options = &with_cors };
	struct request rq;

	request_init(&rq, &cors);
	rq.method = METHOD_OPTIONS;
	ck_assert(request_set_path(&rq, "/buildids/query"));
	ck_assert(!route_request(&rq));
	ck_assert_uint_eq(rq.reply.status, 204);
	ck_assert_str_eq(
		reply_find_header(&rq.reply, "Access-Control-Allow-Methods"),
		"POST, OPTIONS");
	request_deinit(&rq);
}
END_TEST

START_TEST(every_route_has_a_metric_label_of_its_own)
{
	size_t count;
	const struct route *routes = route_table(&count);
	unsigned other = metric_label(LABELS_ROUTE, "other");

	ck_assert_uint_gt(count, 10);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(route_label(&routes[i]) != other, "%s",
			      routes[i].pattern);
	ck_assert_uint_eq(route_label(NULL), other);
}
END_TEST

/* ---- Framing ----------------------------------------------------------- */

struct field {
	const char *name, *value;
};

static struct framing_result frame(const char *method, const struct field *f,
				   size_t head_size)
{
	struct framing framing = { 0 };
	struct request rq;

	request_init(&rq, &context);
	rq.method = request_method(method);
	for (; f->name; f++)
		framing_add(&framing,
			    request_add_header(&rq, f->name, strlen(f->name),
					       f->value),
			    f->name, strlen(f->name), f->value);
	struct framing_result ret =
		framing_check(&framing, &rq, head_size, true);

	request_deinit(&rq);
	return ret;
}

/* */
START_TEST(what_two_servers_could_read_differently_is_refused)
{
	static const struct {
		const char *method;
		struct field fields[5];
		unsigned status;
	} cases[] = {
		{ "GET", { { "Host", "a" } }, 0 },
		{ "GET", { { "hOsT", "a" }, { "Content-Length", "0" } }, 0 },
		{ "POST", { { "Host", "a" }, { "Content-Length", "5" } }, 0 },
		{ "POST",
		  { { "Host", "a" }, { "Transfer-Encoding", "chunked" } },
		  0 },
		{ "GET", { { "X", "1" } }, 400 },
		{ "GET", { { "Host", "a" }, { "Host", "a" } }, 400 },
		{ "GET", { { "Host", "a" }, { "Content-Length", "1" } }, 400 },
		{ "HEAD",
		  { { "Host", "a" }, { "Transfer-Encoding", "chunked" } },
		  400 },
		{ "POST",
		  { { "Host", "a" },
		    { "Content-Length", "1" },
		    { "Content-Length", "1" } },
		  400 },
		{ "POST",
		  { { "Host", "a" },
		    { "Content-Length", "1" },
		    { "Transfer-Encoding", "chunked" } },
		  400 },
		{ "POST",
		  { { "Host", "a" },
		    { "Transfer-Encoding", "chunked" },
		    { "Transfer-Encoding", "identity" } },
		  400 },
		{ "POST",
		  { { "Host", "a" }, { "Transfer-Encoding", "gzip, chunked" } },
		  400 },
		{ "POST", { { "Host", "a" }, { "Content-Length", "" } }, 400 },
		{ "POST",
		  { { "Host", "a" }, { "Content-Length", "-1" } },
		  400 },
		{ "POST",
		  { { "Host", "a" }, { "Content-Length", "+1" } },
		  400 },
		{ "POST",
		  { { "Host", "a" }, { "Content-Length", "1,1" } },
		  400 },
		{ "POST",
		  { { "Host", "a" }, { "Content-Length", "0x1" } },
		  400 },
		{ "POST",
		  { { "Host", "a" }, { "Content-Length", "1 " } },
		  400 },
		{ "POST",
		  { { "Host", "a" },
		    { "Content-Length", "99999999999999999999" } },
		  400 },
		{ "GET", { { "Host", "a" }, { "X ", "1" } }, 400 },
		{ "GET", { { "Host", "a" }, { "", "1" } }, 400 },
		{ "GET", { { "Host", "a" }, { "X\x01", "1" } }, 400 },
		{ "GET", { { "Host", "a" }, { "X(", "1" } }, 400 },
		{ "GET", { { "Host", "a" }, { "X", "a\rb" } }, 400 },
		{ "GET", { { "Host", "a" }, { "X", "a\tb" } }, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct framing_result r =
			frame(cases[i].method, cases[i].fields, 100);

		ck_assert_msg(r.status == cases[i].status, "case %zu: %u %s", i,
			      r.status, r.message ? r.message : "");
	}
}
END_TEST

START_TEST(a_header_has_limits)
{
	static const struct field host[] = { { "Host", "a" }, { NULL, NULL } };
	struct field many[REQUEST_FIELDS_LIMIT + 2] = { { "Host", "a" } };

	ck_assert_uint_eq(frame("GET", host, REQUEST_HEAD_LIMIT).status, 0);
	ck_assert_uint_eq(frame("GET", host, REQUEST_HEAD_LIMIT + 1).status,
			  431);
	for (size_t i = 1; i < REQUEST_FIELDS_LIMIT; i++)
		many[i] = (struct field) { "X", "y" };
	ck_assert_uint_eq(frame("GET", many, 100).status, 0);
	many[REQUEST_FIELDS_LIMIT] = (struct field) { "X", "y" };
	ck_assert_uint_eq(frame("GET", many, 100).status, 431);
}
END_TEST

#define LINES(text) text, sizeof(text) - 1

START_TEST(folded_lines_and_bare_line_feeds_are_seen)
{
	static const struct {
		const char *lines;
		size_t size;
		bool is_strict;
	} cases[] = {
		{ LINES("HTTP/1.1\0\0\0\0"), true },
		{ LINES("HTTP/1.1\0\0Host\0 a\0\0\0\0"), true },
		{ LINES("HTTP/1.1\0\0Host\0a\0\0X\0\0\0\0\0"), true },
		{ LINES("HTTP/1.1\0\0Host\0 a\0\0X\0  b c:d\0\0\0\0"), true },
		/* Host: a LF */
		{ LINES("HTTP/1.1\0\0Host\0 a\0X\0 b\0\0\0\0"), false },
		{ LINES("HTTP/1.1\0Host\0 a\0\0\0\0"), false },
		{ LINES("HTTP/1.1\0\0Host\0 a\0\0\0"), false },
		/* A continuation. */
		{ LINES("HTTP/1.1\0\0X\0 a\0\0 b\0\0Host\0 a\0\0\0\0"), false },
		{ LINES("HTTP/1.1\0\0X\0\0\0\tb\0\0\0\0"), false },
		/* A NUL in a value. */
		{ LINES("HTTP/1.1\0\0X\0 a\0b\0\0\0\0"), false },
		{ LINES("HTTP/1.1\0\0X"), false },
		{ LINES("HTTP/1.1"), false },
		{ LINES(""), false },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(framing_lines_are_strict(cases[i].lines,
						       cases[i].size) ==
				      cases[i].is_strict,
			      "case %zu", i);
}
END_TEST

/* ---- Replies ----------------------------------------------------------- */

START_TEST(a_moved_reply_keeps_its_headers)
{
	struct reply a, b;
	char long_value[REPLY_ARENA_SIZE + 10];

	memset(long_value, 'v', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	reply_init(&a);
	reply_text(&a, 200, "x");
	reply_header_uint(&a, "X-Number", UINT64_MAX);
	reply_header_uint(&a, "X-Zero", 0);
	reply_header_copy(&a, "X-Long", long_value);
	reply_move(&b, &a);
	reply_deinit(&a);
	memset(&a, 0xff, sizeof(a));
	ck_assert_str_eq(reply_find_header(&b, "x-number"),
			 "18446744073709551615");
	ck_assert_str_eq(reply_find_header(&b, "X-Zero"), "0");
	ck_assert_str_eq(reply_find_header(&b, "X-Long"), long_value);
	ck_assert_ptr_null(reply_find_header(&b, "X-None"));
	reply_deinit(&b);
	reply_deinit(&b);
}
END_TEST

/* */
START_TEST(no_control_byte_of_a_name_reaches_a_header)
{
	char long_name[8192];
	struct reply r;

	reply_init(&r);
	reply_header_path(&r, "X-DEBUGINFOD-FILE",
			  "/a\r\nSet-Cookie: x\t\x1b[1m\x7f \xc3\xa4");
	ck_assert_str_eq(
		reply_find_header(&r, "X-DEBUGINFOD-FILE"),
		"/a\\x0d\\x0aSet-Cookie: x\\x09\\x1b[1m\\x7f \xc3\xa4");
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	reply_header_path(&r, "X-DEBUGINFOD-ARCHIVE", long_name);
	ck_assert_ptr_null(reply_find_header(&r, "X-DEBUGINFOD-ARCHIVE"));
	reply_deinit(&r);
}
END_TEST

/* */
START_TEST(an_error_says_nothing_of_this_machine)
{
	struct request rq;

	log_init(LOG_ERROR, LOG_LOGFMT);
	request_init(&rq, &context);
	request_fail_with(&rq, error_new(IO, "open /srv/secret/x: denied"));
	ck_assert_uint_eq(rq.reply.status, 500);
	ck_assert_ptr_null(strstr(rq.reply.memory, "secret"));
	ck_assert_str_eq(reply_find_header(&rq.reply, "Cache-Control"),
			 "no-store");
	request_deinit(&rq);
}
END_TEST

START_TEST(libdebuginfod_is_told_nothing_rather_than_a_5xx)
{
	struct request rq;

	log_init(LOG_ERROR, LOG_LOGFMT);
	request_init(&rq, &context);
	rq.header[HEADER_USER_AGENT] = "elfutils/0.192,Linux/x86_64,debian/12";
	request_fail_with(&rq, error_new(BUSY, "full"));
	ck_assert_uint_eq(rq.reply.status, 503);
	ck_assert(rq.reply.is_silent);
	request_deinit(&rq);

	request_init(&rq, &context);
	rq.header[HEADER_USER_AGENT] = "elfutils/0.192,Linux/x86_64,debian/12";
	request_fail_with(&rq, error_new(NO_SPACE, "/srv/cache: full"));
	ck_assert_uint_eq(rq.reply.status, 503);
	ck_assert(rq.reply.is_silent);
	ck_assert_ptr_null(strstr(rq.reply.memory, "srv"));
	request_deinit(&rq);

	request_init(&rq, &context);
	rq.header[HEADER_USER_AGENT] = "curl/8";
	request_fail_with(&rq, error_new(BUSY, "full"));
	ck_assert_uint_eq(rq.reply.status, 503);
	ck_assert(!rq.reply.is_silent);
	ck_assert_str_eq(reply_find_header(&rq.reply, "Retry-After"), "5");
	request_deinit(&rq);
}
END_TEST

START_TEST(a_large_json_answer_is_compressed_for_who_wants_it)
{
	CLEANUP_BUF struct buf body = BUF_INIT;
	CLEANUP_BUF struct buf plain = BUF_INIT;
	CLEANUP_HELD struct held held = { 0 };
	struct reply r;

	for (int i = 0; i < 2000; i++)
		buf_append_byte(&body, ' ');
	reply_init(&r);
	reply_json(&r, 200, &body, BODY_ZSTD);
	ck_assert_str_eq(reply_find_header(&r, "Content-Encoding"), "zstd");
	ck_assert_str_eq(reply_find_header(&r, "Vary"), "Accept-Encoding");
	ck_assert_uint_lt(r.size, 100);
	ck_no_error(codec_unpack(r.memory, r.size, 10000, &plain));
	ck_assert_uint_eq(plain.size, 2000);
	reply_deinit(&r);

	reply_init(&r);
	reply_json(&r, 200, &plain, BODY_GZIP);
	ck_assert_str_eq(reply_find_header(&r, "Content-Encoding"), "gzip");
	ck_assert_str_eq(reply_find_header(&r, "Vary"), "Accept-Encoding");
	ck_assert_uint_lt(r.size, 100);
	buf_clear(&body);
	ck_assert(buf_append(&body, r.memory, r.size));
	ck_no_error(body_decode(&body, BODY_GZIP, 10000, &held));
	ck_assert_uint_eq(body.size, 2000);
	reply_deinit(&r);

	reply_init(&r);
	reply_json(&r, 200, &body, BODY_IDENTITY);
	ck_assert_ptr_null(reply_find_header(&r, "Content-Encoding"));
	ck_assert_str_eq(reply_find_header(&r, "Vary"), "Accept-Encoding");
	ck_assert_uint_eq(r.size, 2000);
	reply_deinit(&r);

	buf_clear(&body);
	buf_append_str(&body, "{}");
	reply_init(&r);
	reply_json(&r, 200, &body, BODY_GZIP);
	ck_assert_ptr_null(reply_find_header(&r, "Content-Encoding"));
	ck_assert_uint_eq(r.size, 2);
	reply_deinit(&r);
}
END_TEST

/* ---- Bodies ------------------------------------------------------------ */

START_TEST(content_codings_other_than_ours_are_refused)
{
	enum body_coding coding;

	ck_assert(body_coding_parse(NULL, &coding) && coding == BODY_IDENTITY);
	ck_assert(body_coding_parse("GZIP", &coding) && coding == BODY_GZIP);
	ck_assert(body_coding_parse("x-gzip", &coding) && coding == BODY_GZIP);
	ck_assert(body_coding_parse("zstd", &coding) && coding == BODY_ZSTD);
	ck_assert(!body_coding_parse("br", &coding));
	ck_assert(!body_coding_parse("gzip, gzip", &coding));
}
END_TEST

/* */
START_TEST(a_bomb_is_stopped_at_the_decoded_limit)
{
	CLEANUP_BUF struct buf zeros = BUF_INIT;
	CLEANUP_BUF struct buf body = BUF_INIT;
	CLEANUP_HELD struct held held = { 0 };
	void *to = buf_reserve(&zeros, 1 << 20);

	ck_assert_ptr_nonnull(to);
	memset(to, 0, 1 << 20);
	buf_commit(&zeros, 1 << 20);
	ck_no_error(codec_pack(zeros.data, zeros.size, &body));
	ck_assert_uint_lt(body.size, 1000);
	ck_error(body_decode(&body, BODY_ZSTD, 1000, &held), TOO_LARGE,
		 "larger than 1000 bytes");
	ck_no_error(body_decode(&body, BODY_ZSTD, 1 << 20, &held));
	ck_assert_uint_eq(body.size, 1 << 20);
	ck_error(body_decode(&body, BODY_IDENTITY, 1000, &held), TOO_LARGE,
		 "1000");
	ck_error(body_decode(&body, BODY_GZIP, 1 << 20, &held), BAD_REQUEST,
		 "does not decode");
}
END_TEST

/* */
START_TEST(what_is_decoded_counts_before_it_is_there)
{
	CLEANUP_BUF struct buf zeros = BUF_INIT;
	CLEANUP_BUF struct buf body = BUF_INIT;
	CLEANUP_HELD struct held held = { .limit = 1 << 20 };
	CLEANUP_HELD struct held other = { .limit = 1 << 20 };
	void *to = buf_reserve(&zeros, 600 << 10);

	ck_assert_ptr_nonnull(to);
	memset(to, 0, 600 << 10);
	buf_commit(&zeros, 600 << 10);
	ck_no_error(codec_gzip(zeros.data, zeros.size, &body));
	ck_assert(held_more(&held, body.size));
	ck_assert(held_more(&other, 600 << 10));
	size_t before = held_total(), size = body.size;

	/* It does not fit: nothing has changed. */
	ck_error(body_decode(&body, BODY_GZIP, 1 << 20, &held), BUSY,
		 "too many");
	ck_assert_uint_eq(body.size, size);
	ck_assert_uint_eq(held.bytes, size);
	ck_assert_uint_eq(held_total(), before);
	held_release(&other);
	/* Nor if it is larger than a body may be. */
	ck_error(body_decode(&body, BODY_GZIP, 100000, &held), TOO_LARGE, "");
	ck_assert_uint_eq(held.bytes, size);
	ck_no_error(body_decode(&body, BODY_GZIP, 1 << 20, &held));
	ck_assert_uint_eq(body.size, 600 << 10);
	ck_assert_uint_eq(held.bytes, body.capacity);
	ck_assert_uint_eq(held_total(), body.capacity);
	held_release(&held);
	ck_assert_uint_eq(held_total(), 0);
}
END_TEST

/* ---- Tickets ----------------------------------------------------------- */

static unsigned wakes;

static void count_wake(void *ctx)
{
	(void)ctx;
	wakes++;
}

START_TEST(a_ticket_is_won_once)
{
	struct ticket *t = ticket_create(sizeof(*t));

	ck_assert_ptr_nonnull(t);
	t->wake = count_wake;
	wakes = 0;
	ticket_done(ticket_get(t));
	ck_assert_uint_eq(wakes, 1);
	ck_assert_int_eq(ticket_state(t), TICKET_DONE);
	ck_assert(!ticket_give_up(t));
	ticket_put(t);

	t = ticket_create(sizeof(*t));
	t->wake = count_wake;
	ck_assert(ticket_give_up(t));
	ticket_done(ticket_get(t));
	ck_assert_uint_eq(wakes, 1);
	ck_assert_int_eq(ticket_state(t), TICKET_GIVEN_UP);
	ticket_put(t);
	ticket_put(NULL);
}
END_TEST

/* ---- Accounts and sockets ---------------------------------------------- */

/* */
START_TEST(the_access_log_has_a_steady_rate_behind_a_burst)
{
	int64_t now = INT64_C(1000000000000);
	uint64_t skipped = 0, written = 0;

	for (int i = 0; i < 100000; i++)
		written += account_log_pass(now, 500, &skipped);
	ck_assert_uint_eq(written, 2000);
	ck_assert(!account_log_pass(now, 500, &skipped));
	/* An hour of flood: 36 MB more. */
	written = 0;
	for (int i = 0; i < 3600 * 100; i++) {
		now += 10000000;
		written += account_log_pass(now, 500, &skipped);
	}
	ck_assert_uint_gt(written * 500, 35000000);
	ck_assert_uint_lt(written * 500, 37000000);
}
END_TEST

START_TEST(addresses_are_literal)
{
	static const char *const bad[] = {
		"",
		"8002",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1:65536",
		"localhost:80",
		"::1:80",
		"[]:80",
		"[::1]80",
		"[::1]:-1",
		"1.2.3.4.5:80",
	};
	int fd = -1;

	for (size_t i = 0; i < COUNT(bad); i++)
		ck_error(listen_open(bad[i], &fd), BAD_REQUEST, "listen on");
	ck_no_error(listen_open("127.0.0.1:0", &fd));
	ck_assert_uint_gt(listen_port(fd), 0);
	char taken[32];
	int other = -1;

	snprintf(taken, sizeof(taken), "127.0.0.1:%u", listen_port(fd));
	ck_error(listen_open(taken, &other), IO, "in use");
	close(fd);
	ck_no_error(listen_open(":0", &fd));
	ck_assert_uint_gt(listen_port(fd), 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
}
END_TEST

UNIT_MAIN("http", ranges_are_read_as_rfc_9110_says,
	  entity_tags_are_found_in_lists,
	  dates_are_written_in_one_form_and_read_in_three,
	  conditions_come_before_ranges,
	  paths_are_decoded_once_before_they_are_split,
	  query_parameters_are_decoded, lists_of_accepted_codings_are_read,
	  the_coding_the_client_likes_best_is_chosen,
	  a_sane_request_id_is_kept_and_another_is_made,
	  every_path_finds_its_route, a_preflight_is_answered_only_with_cors,
	  every_route_has_a_metric_label_of_its_own,
	  what_two_servers_could_read_differently_is_refused,
	  a_header_has_limits, folded_lines_and_bare_line_feeds_are_seen,
	  a_moved_reply_keeps_its_headers,
	  no_control_byte_of_a_name_reaches_a_header,
	  an_error_says_nothing_of_this_machine,
	  libdebuginfod_is_told_nothing_rather_than_a_5xx,
	  a_large_json_answer_is_compressed_for_who_wants_it,
	  content_codings_other_than_ours_are_refused,
	  a_bomb_is_stopped_at_the_decoded_limit,
	  what_is_decoded_counts_before_it_is_there, a_ticket_is_won_once,
	  the_access_log_has_a_steady_rate_behind_a_burst,
	  addresses_are_literal)

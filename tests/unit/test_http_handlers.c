/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers, from request to reply, without a socket. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/codec.h"
#include "elf/elf_facts.h"
#include "http/routes.h"
#include "http/ticket.h"
#include "tests/lib/ticket_await.h"
#include "tests/lib/fake_store.h"
#include "tests/unit/unit.h"

static const char text[] = "0123456789abcdefghij";
enum { TEXT_SIZE = sizeof(text) - 1 };

static const struct fake_artifact artifacts[] = {
	{ .id = "aabb",
	  .kind = ARTIFACT_EXECUTABLE,
	  .data = text,
	  .size = TEXT_SIZE,
	  .mtime = 784111777,
	  .etag = 0xaa,
	  .file = "/srv/bin/ls" },
	{ .id = "aabb",
	  .kind = ARTIFACT_DEBUGINFO,
	  .data = text,
	  .size = TEXT_SIZE,
	  .etag = 1,
	  .file = "./usr/lib/debug/ls\n.debug",
	  .archive = "/srv/ls.deb",
	  .behaviour = FAKE_COLD },
	{ .id = "aabb",
	  .kind = ARTIFACT_SOURCE,
	  .suffix = "/usr/src/a//../b.c",
	  .data = "int x;",
	  .size = 6,
	  .file = "b.c",
	  .archive = "/srv/a.deb" },
	{ .id = "aabb",
	  .kind = ARTIFACT_SECTION,
	  .suffix = ".empty",
	  .data = "",
	  .size = 0 },
	{ .id = "bb00", .kind = ARTIFACT_EXECUTABLE, .behaviour = FAKE_BUSY },
	{ .id = "bb01",
	  .kind = ARTIFACT_EXECUTABLE,
	  .data = "x",
	  .size = 1,
	  .behaviour = FAKE_AT_ONCE },
};

static const struct index_segment segment = {
	.offset = 0x26000,
	.vaddr = 0x26000,
	.file_size = 10,
	.mem_size = 10,
	.flags = 5,
};

static const struct index_place places[] = {
	{ .artifact_id = 1,
	  .id = { 2, { 0xaa, 0xbb } },
	  .is_gnu = true,
	  .path = "/srv/ls.deb",
	  .member = "./usr/bin/ls",
	  .size = 1922136,
	  .roles = ELF_ROLE_EXECUTABLE,
	  .quality = ELF_QUALITY_DYNSYM,
	  .machine = 62,
	  .type = 3,
	  .elf_class = 64,
	  .breakpad_guid = { 0xec, 0x61, 0xac, 0x93 } },
	{ .id = { 2, { 0xaa, 0xbb } },
	  .is_gnu = true,
	  .path = "/srv/debug/ls.debug",
	  .size = 3500000,
	  .roles = ELF_ROLE_DEBUGINFO,
	  .quality = ELF_QUALITY_DWARF,
	  .machine = 62,
	  .type = 3,
	  .elf_class = 64,
	  .alt_id = { 2, { 0x0a, 0x17 } },
	  .source_count = 1834 },
	{ .id = { 2, { 0xcc, 0xdd } },
	  .path = "/srv/odd",
	  .size = 1,
	  .roles = ELF_ROLE_EXECUTABLE | ELF_ROLE_DEBUGINFO,
	  .quality = ELF_QUALITY_SYMTAB,
	  .machine = 65000,
	  .type = 65000 },
};

/* One request at a time: what it is made of, and what came out. */
static struct {
	struct store *store;
	struct http_options options;
	struct http_context context;
	struct request rq;
} f;

static void set_up(void)
{
	memset(&f, 0, sizeof(f));
	log_init(LOG_ERROR, LOG_LOGFMT);
	f.store = fake_store(artifacts, sizeof(artifacts) / sizeof(*artifacts));
	fake_store_set_places(f.store, places,
			      sizeof(places) / sizeof(*places));
	fake_store_set_segment(f.store, &segment);
	f.options = (struct http_options) {
		.store = f.store,
		.version = "1.2.3",
		.body_limit_bytes = 1 << 20,
		.artifact_wait_ms = 10000,
		.answer_wait_ms = 10000,
		.metadata_ms = 5000,
	};
	f.context.options = &f.options;
	request_init(&f.rq, &f.context);
}

static void tear_down(void)
{
	request_deinit(&f.rq);
	store_close(f.store);
}

static unsigned serve(const char *method, const char *path)
{
	f.rq.method = request_method(method);
	ck_assert(request_set_path(&f.rq, path));
	if (route_request(&f.rq))
		route_handle(&f.rq);
	ticket_await(&f.rq);
	ck_assert_uint_ne(f.rq.reply.status, 0);
	return f.rq.reply.status;
}

/* The next request in the same test. */
static void again(void)
{
	request_deinit(&f.rq);
	request_init(&f.rq, &f.context);
}

static const char *header(const char *name)
{
	return reply_find_header(&f.rq.reply, name);
}

/* The body as text, owned by the test. */
static const char *body(void)
{
	static char out[16384];
	const struct reply *r = &f.rq.reply;
	ssize_t n = 0;

	ck_assert_uint_lt(r->size, sizeof(out));
	if (r->kind == REPLY_FILE)
		n = pread(r->fd, out, r->size, (off_t)r->offset);
	else if (r->kind == REPLY_OWNED)
		memcpy(out, r->memory, n = (ssize_t)r->size);
	else if (r->kind == REPLY_STATIC)
		memcpy(out, r->text, n = (ssize_t)r->size);
	ck_assert_int_eq(n, (ssize_t)r->size);
	out[n] = '\0';
	return out;
}

START_TEST(a_warm_file_comes_with_all_its_headers)
{
	set_up();
	ck_assert_uint_eq(serve("GET", "/buildid/AABB/executable"), 200);
	ck_assert_str_eq(body(), text);
	ck_assert_str_eq(header("Content-Type"), "application/octet-stream");
	ck_assert_str_eq(header("X-DEBUGINFOD-SIZE"), "20");
	ck_assert_str_eq(header("X-DEBUGINFOD-FILE"), "/srv/bin/ls");
	ck_assert_ptr_null(header("X-DEBUGINFOD-ARCHIVE"));
	ck_assert_str_eq(header("ETag"), "\"00000000000000aa\"");
	ck_assert_str_eq(header("Last-Modified"),
			 "Sun, 06 Nov 1994 08:49:37 GMT");
	ck_assert_str_eq(header("Accept-Ranges"), "bytes");
	ck_assert_str_eq(header("Cache-Control"),
			 "public, max-age=31536000, immutable");
	ck_assert_str_eq(f.rq.origin, "file");
	ck_assert_uint_eq(fake_store_asked(f.store), 0);
	tear_down();
}
END_TEST

START_TEST(a_member_is_named_with_a_slash_and_escaped)
{
	set_up();
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/debuginfo"), 200);
	ck_assert_str_eq(body(), text);
	ck_assert_str_eq(header("X-DEBUGINFOD-FILE"),
			 "/usr/lib/debug/ls\\x0a.debug");
	ck_assert_str_eq(header("X-DEBUGINFOD-ARCHIVE"), "/srv/ls.deb");
	ck_assert_str_eq(f.rq.origin, "archive");
	ck_assert_uint_eq(fake_store_asked(f.store), 1);

	again();
	f.options.hide_paths = true;
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/debuginfo"), 200);
	ck_assert_ptr_null(header("X-DEBUGINFOD-FILE"));
	ck_assert_ptr_null(header("X-DEBUGINFOD-ARCHIVE"));
	ck_assert_str_eq(header("X-DEBUGINFOD-SIZE"), "20");
	tear_down();
}
END_TEST

START_TEST(a_source_is_asked_for_as_it_is_spelt)
{
	set_up();
	ck_assert_uint_eq(
		serve("GET", "/buildid/aabb/source/usr/src/a//../b.c"), 200);
	ck_assert_str_eq(body(), "int x;");
	ck_assert_str_eq(header("X-DEBUGINFOD-FILE"), "/b.c");
	again();
	ck_assert_uint_eq(
		serve("GET", "/buildid/aabb/source%2Fusr/src/a/%2F..%2fb.c"),
		200);
	again();
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/source/usr/src/b.c"),
			  404);
	tear_down();
}
END_TEST

START_TEST(an_empty_section_is_answered_without_a_body)
{
	set_up();
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/section/.empty"), 200);
	ck_assert_str_eq(header("X-DEBUGINFOD-SIZE"), "0");
	ck_assert_int_eq(f.rq.reply.kind, REPLY_EMPTY);
	tear_down();
}
END_TEST

START_TEST(what_is_absent_is_404_and_kept_for_a_minute_unless_a_scan_runs)
{
	set_up();
	ck_assert_uint_eq(serve("GET", "/buildid/ffff/executable"), 404);
	ck_assert_str_eq(header("Cache-Control"), "public, max-age=60");
	ck_assert_str_eq(body(), "not found\n");
	again();
	ck_assert_uint_eq(serve("GET", "/buildid/c01d/executable"), 404);
	ck_assert_uint_eq(fake_store_asked(f.store), 1);
	again();
	metric_set(METRIC_SCAN_ACTIVE, 0, 0, 1);
	ck_assert_uint_eq(serve("GET", "/buildid/ffff/executable"), 404);
	ck_assert_str_eq(header("Cache-Control"), "no-store");
	metric_set(METRIC_SCAN_ACTIVE, 0, 0, 0);
	tear_down();
}
END_TEST

START_TEST(malformed_artifact_paths_are_400)
{
	static const char *const bad[] = {
		"/buildid//executable",     "/buildid/a/executable",
		"/buildid/aa/executable",   "/buildid/aabbc/executable",
		"/buildid/zzzz/debuginfo",  "/buildid/aab%20/debuginfo",
		"/buildid/aabb/source",     "/buildid/aabb/source/",
		"/buildid/aabb/section",    "/buildid/aabb/section/",
		"/buildid/zzzz/source/a.c", "/buildid/xyz/meta",
	};

	set_up();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(serve("GET", bad[i]) == 400, "%s", bad[i]);
		ck_assert_str_eq(header("Content-Type"),
				 "text/plain; charset=utf-8");
		again();
	}
	tear_down();
}
END_TEST

START_TEST(one_range_is_206_and_several_are_the_whole)
{
	set_up();
	f.rq.header[HEADER_RANGE] = "bytes=10-12";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/executable"), 206);
	ck_assert_str_eq(body(), "abc");
	ck_assert_str_eq(header("Content-Range"), "bytes 10-12/20");
	ck_assert_str_eq(header("X-DEBUGINFOD-SIZE"), "20");
	again();
	f.rq.header[HEADER_RANGE] = "bytes=-3";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/debuginfo"), 206);
	ck_assert_str_eq(body(), "hij");
	again();
	f.rq.header[HEADER_RANGE] = "bytes=0-1,4-5";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/executable"), 200);
	ck_assert_str_eq(body(), text);
	again();
	f.rq.header[HEADER_RANGE] = "bytes=20-";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/executable"), 416);
	ck_assert_str_eq(header("Content-Range"), "bytes */20");
	again();
	f.rq.header[HEADER_RANGE] = "bytes=0-1";
	ck_assert_uint_eq(serve("HEAD", "/buildid/aabb/executable"), 200);
	ck_assert_uint_eq(f.rq.reply.size, TEXT_SIZE);
	tear_down();
}
END_TEST

START_TEST(what_the_client_has_is_304_with_the_headers_of_200)
{
	set_up();
	f.rq.header[HEADER_IF_NONE_MATCH] = "\"00000000000000aa\"";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/executable"), 304);
	ck_assert_uint_eq(f.rq.reply.size, TEXT_SIZE);
	ck_assert_str_eq(header("ETag"), "\"00000000000000aa\"");
	again();
	f.rq.header[HEADER_IF_MODIFIED_SINCE] = "Sun, 06 Nov 1994 08:49:37 GMT";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/executable"), 304);
	tear_down();
}
END_TEST

START_TEST(a_file_over_the_clients_limit_is_406)
{
	set_up();
	f.rq.header[HEADER_MAXSIZE] = "19";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/executable"), 406);
	ck_assert_str_eq(body(), "File too large, max size=19\n");
	again();
	f.rq.header[HEADER_MAXSIZE] = "19";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/debuginfo"), 406);
	static const char *const no_limit[] = { "20", "0", "-1", "x", "" };

	for (size_t i = 0; i < sizeof(no_limit) / sizeof(*no_limit); i++) {
		again();
		f.rq.header[HEADER_MAXSIZE] = no_limit[i];
		ck_assert_uint_eq(serve("GET", "/buildid/aabb/executable"),
				  200);
	}
	tear_down();
}
END_TEST

START_TEST(an_answer_given_at_once_is_an_answer_too)
{
	set_up();
	ck_assert_uint_eq(serve("GET", "/buildid/bb01/executable"), 200);
	ck_assert_str_eq(body(), "x");
	tear_down();
}
END_TEST

/* */
START_TEST(a_full_store_is_503_with_retry_after)
{
	set_up();
	ck_assert_uint_eq(serve("GET", "/buildid/bb00/executable"), 503);
	ck_assert_str_eq(header("Retry-After"), "5");
	ck_assert_ptr_null(strstr(body(), "secret"));
	again();
	fake_store_refuse_reads(f.store, true, false);
	ck_assert_uint_eq(serve("GET", "/metadata?key=file"), 404);
	again();
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/meta"), 503);
	tear_down();
}
END_TEST

START_TEST(meta_says_what_is_known_of_an_id)
{
	set_up();
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/meta"), 200);
	ck_assert_str_eq(header("Content-Type"), "application/json");
	ck_assert_str_eq(
		body(),
		"{\"build_id\":\"aabb\",\"kind\":\"gnu\",\"arch\":\"x86_64\","
		"\"type\":\"ET_DYN\",\"executable\":{\"size\":1922136,"
		"\"file\":\"/usr/bin/ls\",\"archive\":\"/srv/ls.deb\"},"
		"\"debuginfo\":{\"size\":3500000,"
		"\"file\":\"/srv/debug/ls.debug\",\"quality\":\"dwarf\","
		"\"alt_build_id\":\"0a17\"},\"segments\":[{\"offset\":155648,"
		"\"vaddr\":155648,\"file_size\":10,\"mem_size\":10,"
		"\"flags\":\"r-x\"}],"
		"\"breakpad_id\":\"EC61AC930000000000000000000000000\","
		"\"sources\":1834}\n");
	again();
	ck_assert_uint_eq(serve("GET", "/buildid/ccdd/meta"), 200);
	ck_assert_ptr_nonnull(strstr(body(), "\"kind\":\"htlhash\""));
	ck_assert_ptr_nonnull(strstr(body(), "\"arch\":\"em_65000\""));
	ck_assert_ptr_nonnull(strstr(body(), "\"type\":\"et_65000\""));
	ck_assert_ptr_nonnull(strstr(body(), "\"alt_build_id\":null"));
	again();
	f.options.hide_paths = true;
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/meta"), 200);
	ck_assert_ptr_null(strstr(body(), "/srv"));
	again();
	ck_assert_uint_eq(serve("GET", "/buildid/ffff/meta"), 404);
	again();
	fake_store_refuse_reads(f.store, false, true);
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/meta"), 503);
	ck_assert_ptr_null(strstr(body(), "/var"));
	tear_down();
}
END_TEST

static void ask(const char *json)
{
	again();
	ck_assert(buf_append_str(&f.rq.body, json));
	serve("POST", "/buildids/query");
}

/* */
START_TEST(presence_answers_each_id_in_its_place)
{
	set_up();
	ask("{\"build_ids\":[\"AABB\",\"ccdd\",\"ffff\",\"nope\",7],"
	    "\"upstream\":true}");
	ck_assert_uint_eq(f.rq.reply.status, 200);
	ck_assert_str_eq(
		body(),
		"{\"results\":["
		"{\"build_id\":\"aabb\",\"executable\":true,\"debuginfo\":true,"
		"\"quality\":\"dwarf\",\"origin\":\"local\"},"
		"{\"build_id\":\"ccdd\",\"executable\":true,\"debuginfo\":true,"
		"\"quality\":\"symtab\",\"origin\":\"local\"},"
		"{\"build_id\":\"ffff\",\"executable\":false,"
		"\"debuginfo\":false,\"quality\":\"none\",\"origin\":null},"
		"{\"build_id\":\"nope\",\"executable\":false,"
		"\"debuginfo\":false,\"quality\":\"none\",\"origin\":null,"
		"\"error\":\"not a build ID\"},"
		"{\"build_id\":null,\"executable\":false,"
		"\"debuginfo\":false,\"quality\":\"none\",\"origin\":null,"
		"\"error\":\"not a build ID\"}]}\n");
	ask("{\"build_ids\":[]}");
	ck_assert_str_eq(body(), "{\"results\":[]}\n");
	tear_down();
}
END_TEST

/* The client of the routed request has gone before its turn comes. @return What
 * is left: the last reference, to be put. */
static struct ticket *leave_before_start(void)
{
	route_handle(&f.rq);
	struct ticket *t = ticket_get(f.rq.ticket);

	ck_assert(ticket_give_up(t));
	t->start(ticket_get(t));
	request_deinit(&f.rq);
	for (int ms = 0; ms < 20000 && t->references > 1; ms++)
		usleep(1000);
	ck_assert_uint_eq(t->references, 1);
	ck_assert_uint_eq(t->reply.status, 0);
	return t;
}

/* */
START_TEST(who_leaves_gets_no_presence_but_what_it_sent_counts)
{
	static const char question[] = "{\"build_ids\":[\"AABB\"]}";

	set_up();
	ck_assert(buf_append_str(&f.rq.body, question));
	ck_assert(request_hold(&f.rq, f.rq.body.size));
	f.rq.method = METHOD_POST;
	ck_assert(request_set_path(&f.rq, "/buildids/query"));
	ck_assert(route_request(&f.rq));
	struct ticket *t = leave_before_start();

	ck_assert_uint_eq(held_total(), strlen(question));
	ticket_put(t);
	ck_assert_uint_eq(held_total(), 0);
	tear_down();
}
END_TEST

START_TEST(nothing_is_looked_up_for_who_has_left)
{
	static const char *const paths[] = {
		"/buildid/aabb/meta",
		"/buildid/aabb/debuginfo",
		"/metadata?key=buildid&value=aabb",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		char path[64];

		set_up();
		snprintf(path, sizeof(path), "%s", paths[i]);
		char *query = strchr(path, '?');

		if (query) {
			*query = '\0';
			f.rq.query = mem_strdup(query + 1);
		}
		f.rq.method = METHOD_GET;
		ck_assert(request_set_path(&f.rq, path));
		ck_assert(route_request(&f.rq));
		struct ticket *t = leave_before_start();

		/* The store was told. */
		ck_assert(!t->err == (i != 1));
		ticket_put(t);
		tear_down();
	}
}
END_TEST

START_TEST(presence_refuses_what_is_no_question)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"build_ids\":\"aabb\"}",
		"{\"build_ids\":[\"aabb\"],\"upstream\":1}",
		"{\"build_ids\":[\"aabb\"]} x",
		"{\"build_ids\":[],\"build_ids\":[]}",
		"{\"build_ids\":[\"\xff\"]}",
		"{\"build_ids\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	};

	set_up();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ask(bad[i]);
		ck_assert_uint_eq(f.rq.reply.status, 400);
		ck_assert_ptr_eq(strstr(body(), "{\"error\":{\"kind\":"
						"\"bad_request\",\"message\":"),
				 body());
	}
	tear_down();
}
END_TEST

START_TEST(a_thousand_ids_are_taken_and_one_more_is_too_large)
{
	CLEANUP_BUF struct buf json = BUF_INIT;

	set_up();
	buf_append_str(&json, "{\"build_ids\":[\"aabb\"");
	for (int i = 1; i < 1000; i++)
		buf_append_str(&json, ",\"aabb\"");
	again();
	buf_append(&f.rq.body, json.data, json.size);
	buf_append_str(&f.rq.body, "]}");
	f.rq.header[HEADER_ACCEPT_ENCODING] = "gzip, zstd";
	ck_assert_uint_eq(serve("POST", "/buildids/query"), 200);
	ck_assert_str_eq(header("Content-Encoding"), "zstd");
	buf_append_str(&json, ",\"aabb\",\"aabb\"]}");
	ask(buf_str(&json));
	ck_assert_uint_eq(f.rq.reply.status, 413);
	ck_assert_ptr_nonnull(strstr(body(), "1000"));
	tear_down();
}
END_TEST

/* A question of @p size bytes, most of them spaces. */
static void make_long(struct buf *json, size_t size)
{
	static const char rest[] = "{\"build_ids\":[\"aabb\"]}";

	while (json->size < size - strlen(rest))
		ck_assert(buf_append_byte(json, ' '));
	ck_assert(buf_append_str(json, rest));
}

START_TEST(presence_wants_no_more_than_a_thousand_ids_need)
{
	CLEANUP_BUF struct buf most = BUF_INIT, more = BUF_INIT;
	CLEANUP_BUF struct buf ids = BUF_INIT;

	set_up();
	buf_append_str(&ids, "{\"build_ids\": [");
	for (int i = 0; i < 1000; i++)
		buf_printf(&ids, "%s\n    \"%0128d\"", i ? "," : "", i);
	buf_append_str(&ids, "]}");
	ask(buf_str(&ids));
	ck_assert_uint_eq(f.rq.reply.status, 200);
	make_long(&most, ROUTE_BRIEF_BYTES);
	ask(buf_str(&most));
	ck_assert_uint_eq(f.rq.reply.status, 200);
	make_long(&more, ROUTE_BRIEF_BYTES + 1);
	ask(buf_str(&more));
	ck_assert_uint_eq(f.rq.reply.status, 413);
	again();
	ck_no_error(codec_pack(more.data, more.size, &f.rq.body));
	ck_assert_uint_lt(f.rq.body.size, 4096);
	f.rq.header[HEADER_CONTENT_ENCODING] = "zstd";
	ck_assert_uint_eq(serve("POST", "/buildids/query"), 413);
	ck_assert_ptr_nonnull(strstr(body(), "262144"));
	/* As soon as it is announced. */
	again();
	f.rq.method = METHOD_POST;
	ck_assert(request_set_path(&f.rq, "/buildids/query"));
	ck_assert(route_request(&f.rq));
	route_check_body(&f.rq, ROUTE_BRIEF_BYTES);
	ck_assert_uint_eq(f.rq.reply.status, 0);
	route_check_body(&f.rq, ROUTE_BRIEF_BYTES + 1);
	ck_assert_uint_eq(f.rq.reply.status, 413);
	tear_down();
}
END_TEST

START_TEST(presence_takes_compressed_bodies)
{
	static const char json[] = "{\"build_ids\":[\"aabb\"]}";

	set_up();
	ck_no_error(codec_pack(json, sizeof(json) - 1, &f.rq.body));
	f.rq.header[HEADER_CONTENT_ENCODING] = "zstd";
	ck_assert_uint_eq(serve("POST", "/buildids/query"), 200);
	again();
	buf_append_str(&f.rq.body, json);
	f.rq.header[HEADER_CONTENT_ENCODING] = "gzip";
	ck_assert_uint_eq(serve("POST", "/buildids/query"), 400);
	again();
	buf_append_str(&f.rq.body, json);
	f.rq.header[HEADER_CONTENT_ENCODING] = "br";
	ck_assert_uint_eq(serve("POST", "/buildids/query"), 415);
	ck_assert_str_eq(header("Accept-Encoding"), "gzip, zstd");
	tear_down();
}
END_TEST

static unsigned search(const char *query)
{
	again();
	f.rq.query = mem_strdup(query);
	ck_assert_ptr_nonnull(f.rq.query);
	return serve("GET", "/metadata");
}

START_TEST(metadata_finds_by_name_pattern_and_id)
{
	set_up();
	ck_assert_uint_eq(search("key=file&value=%2Fsrv%2Fodd"), 200);
	ck_assert_str_eq(
		body(),
		"{\"results\":[{\"type\":\"executable\",\"buildid\":\"ccdd\","
		"\"file\":\"/srv/odd\"},{\"type\":\"debuginfo\","
		"\"buildid\":\"ccdd\",\"file\":\"/srv/odd\"}],"
		"\"complete\":true}\n");
	ck_assert_uint_eq(search("value=/srv/d*/*&key=glob"), 200);
	ck_assert_ptr_nonnull(strstr(body(), "ls.debug"));
	ck_assert_uint_eq(search("key=buildid&value=aabb"), 200);
	ck_assert_ptr_nonnull(
		strstr(body(), "{\"type\":\"executable\",\"buildid\":\"aabb\","
			       "\"file\":\"/usr/bin/ls\","
			       "\"archive\":\"/srv/ls.deb\"}"));
	ck_assert_uint_eq(search("key=file&value=/none"), 200);
	ck_assert_str_eq(body(), "{\"results\":[],\"complete\":true}\n");
	f.options.hide_paths = true;
	ck_assert_uint_eq(search("key=glob&value=/srv/*"), 200);
	ck_assert_ptr_null(strstr(body(), "/srv"));
	tear_down();
}
END_TEST

START_TEST(metadata_says_when_its_time_was_up)
{
	set_up();
	f.options.metadata_ms = 0;
	ck_assert_uint_eq(search("key=glob&value=*"), 200);
	ck_assert_ptr_nonnull(strstr(body(), "\"complete\":false"));
	tear_down();
}
END_TEST

static void leave_at_first(void *ctx, size_t i)
{
	unsigned *rows = ctx;

	if (i == 0)
		ck_assert(ticket_give_up(f.rq.ticket));
	++*rows;
}

START_TEST(a_search_that_nobody_waits_for_ends)
{
	unsigned rows = 0;

	set_up();
	fake_store_on_row(f.store, leave_at_first, &rows);
	f.rq.query = mem_strdup("key=glob&value=*");
	f.rq.method = METHOD_GET;
	ck_assert(request_set_path(&f.rq, "/metadata"));
	ck_assert(route_request(&f.rq));
	route_handle(&f.rq);
	struct ticket *t = f.rq.ticket;

	t->start(ticket_get(t));
	for (int ms = 0; ms < 20000 && t->references > 1; ms++)
		usleep(1000);
	ck_assert_uint_eq(t->references, 1);
	ck_assert_uint_eq(t->reply.status, 0);
	ck_assert_uint_eq(rows, 1);
	tear_down();
}
END_TEST

START_TEST(a_pattern_has_an_end)
{
	char query[2048];

	set_up();
	snprintf(query, sizeof(query), "key=glob&value=/%01023d", 0);
	ck_assert_uint_eq(search(query), 200);
	snprintf(query, sizeof(query), "key=glob&value=/%01024d", 0);
	ck_assert_uint_eq(search(query), 400);
	ck_assert_ptr_nonnull(strstr(body(), "\"bad_request\""));
	ck_assert_ptr_nonnull(strstr(body(), "1024"));
	/* A whole name may be longer. */
	snprintf(query, sizeof(query), "key=file&value=/%01024d", 0);
	ck_assert_uint_eq(search(query), 200);
	tear_down();
}
END_TEST

START_TEST(metadata_wants_a_key_and_a_value)
{
	static const char *const bad[] = {
		"",
		"key=glob",
		"value=x",
		"key=name&value=x",
		"key=buildid&value=xyz",
		"key=file&value=%00",
	};

	set_up();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(search(bad[i]) == 400, "%s", bad[i]);
		ck_assert_str_eq(header("Content-Type"), "application/json");
	}
	tear_down();
}
END_TEST

static const char *not_ready, *degraded;

static void status(void *ctx, struct http_status *ret)
{
	ck_assert_ptr_eq(ctx, &f);
	ret->build_ids = 12;
	ret->is_scanning = true;
	ret->scan_pending = 3;
	ret->scan_finished_s = 1700000000;
	ret->not_ready = not_ready;
	ret->degraded = degraded;
}

START_TEST(readiness_has_its_reasons)
{
	set_up();
	f.options.status = status;
	f.options.status_ctx = &f;
	ck_assert_uint_eq(serve("GET", "/readyz"), 200);
	ck_assert_str_eq(body(), "{\"status\":\"ready\"}\n");
	again();
	fake_store_set_ready(f.store, true, "cache is not writable");
	ck_assert_uint_eq(serve("GET", "/readyz"), 200);
	ck_assert_str_eq(body(), "{\"status\":\"degraded\",\"degraded\":"
				 "\"cache is not writable\"}\n");
	again();
	degraded = "scan failed: no_space";
	ck_assert_uint_eq(serve("GET", "/readyz"), 200);
	ck_assert_str_eq(body(), "{\"status\":\"degraded\",\"degraded\":"
				 "\"cache is not writable; "
				 "scan failed: no_space\"}\n");
	again();
	fake_store_set_ready(f.store, true, NULL);
	ck_assert_uint_eq(serve("GET", "/readyz"), 200);
	ck_assert_str_eq(body(), "{\"status\":\"degraded\",\"degraded\":"
				 "\"scan failed: no_space\"}\n");
	degraded = NULL;
	again();
	not_ready = "first scan has not begun";
	ck_assert_uint_eq(serve("GET", "/readyz"), 503);
	not_ready = NULL;
	again();
	fake_store_set_ready(f.store, false, NULL);
	ck_assert_uint_eq(serve("GET", "/readyz"), 503);
	fake_store_set_ready(f.store, true, NULL);
	again();
	f.context.is_draining = true;
	ck_assert_uint_eq(serve("GET", "/readyz"), 503);
	ck_assert_ptr_nonnull(strstr(body(), "shutting down"));
	again();
	ck_assert_uint_eq(serve("GET", "/healthz"), 200);
	tear_down();
}
END_TEST

START_TEST(the_page_speaks_to_people_and_to_programs)
{
	set_up();
	f.options.status = status;
	f.options.status_ctx = &f;
	f.rq.header[HEADER_ACCEPT] = "*/*";
	ck_assert_uint_eq(serve("GET", "/"), 200);
	ck_assert_str_eq(header("Vary"), "Accept");
	ck_assert_ptr_nonnull(strstr(body(), "symbolized 1.2.3: ready"));
	ck_assert_ptr_nonnull(strstr(body(), "12 build IDs"));
	ck_assert_ptr_nonnull(strstr(body(), "3 to go"));
	again();
	f.rq.header[HEADER_ACCEPT] = "application/json";
	ck_assert_uint_eq(serve("GET", "/"), 200);
	ck_assert_str_eq(header("Content-Type"), "application/json");
	ck_assert_ptr_nonnull(strstr(body(), "\"last_finished\":1700000000"));
	tear_down();
}
END_TEST

START_TEST(metrics_are_prometheus_text)
{
	set_up();
	ck_assert_uint_eq(serve("GET", "/metrics"), 200);
	ck_assert_str_eq(header("Content-Type"),
			 "text/plain; version=0.0.4; charset=utf-8");
	ck_assert_int_eq(f.rq.reply.kind, REPLY_OWNED);
	ck_assert_ptr_nonnull(
		strstr(f.rq.reply.memory, "# TYPE symbolized_ready gauge\n"));
	tear_down();
}
END_TEST

START_TEST(without_memory_there_is_still_an_answer)
{
	static const struct {
		const char *path, *body;
	} cases[] = {
		{ "/buildid/aabb/executable", NULL },
		{ "/buildid/aabb/debuginfo", NULL },
		{ "/buildid/aab%62/source%2fx", NULL },
		{ "/buildid/zz/executable", NULL },
		{ "/buildid/aabb/meta", NULL },
		{ "/buildids/query", "{\"build_ids\":[\"aabb\"]}" },
		{ "/", NULL },
		{ "/readyz", NULL },
		{ "/metrics", NULL },
	};

	set_up();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool happened = true;

		for (unsigned long n = 1; happened; n++) {
			again();
			if (cases[i].body)
				buf_append_str(&f.rq.body, cases[i].body);
			f.rq.method = cases[i].body ? METHOD_POST : METHOD_GET;
			/* The fake store asserts where ours would answer. */
			mem_fail_at(n);
			if (request_set_path(&f.rq, cases[i].path) &&
			    route_request(&f.rq))
				route_handle(&f.rq);
			happened = mem_fail_happened();
			mem_fail_at(0);
			ticket_await(&f.rq);
			ck_assert(happened || f.rq.reply.status != 0);
			if (f.rq.decoded == NULL &&
			    f.rq.path == f.rq.raw_path && !f.rq.route)
				continue; /* the path did not decode: 400 */
			ck_assert_uint_ne(f.rq.reply.status, 0);
		}
	}
	tear_down();
}
END_TEST

UNIT_MAIN("http_handlers", a_warm_file_comes_with_all_its_headers,
	  a_member_is_named_with_a_slash_and_escaped,
	  a_source_is_asked_for_as_it_is_spelt,
	  an_empty_section_is_answered_without_a_body,
	  what_is_absent_is_404_and_kept_for_a_minute_unless_a_scan_runs,
	  malformed_artifact_paths_are_400,
	  one_range_is_206_and_several_are_the_whole,
	  what_the_client_has_is_304_with_the_headers_of_200,
	  a_file_over_the_clients_limit_is_406,
	  an_answer_given_at_once_is_an_answer_too,
	  a_full_store_is_503_with_retry_after,
	  meta_says_what_is_known_of_an_id,
	  presence_answers_each_id_in_its_place,
	  who_leaves_gets_no_presence_but_what_it_sent_counts,
	  nothing_is_looked_up_for_who_has_left,
	  presence_refuses_what_is_no_question,
	  a_thousand_ids_are_taken_and_one_more_is_too_large,
	  presence_wants_no_more_than_a_thousand_ids_need,
	  presence_takes_compressed_bodies,
	  metadata_finds_by_name_pattern_and_id,
	  metadata_says_when_its_time_was_up,
	  a_search_that_nobody_waits_for_ends, a_pattern_has_an_end,
	  metadata_wants_a_key_and_a_value, readiness_has_its_reasons,
	  the_page_speaks_to_people_and_to_programs,
	  metrics_are_prometheus_text, without_memory_there_is_still_an_answer)

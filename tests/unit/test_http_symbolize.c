/* SPDX-License-Identifier: Apache-2.0 */
/* The symbolize routes, from request to reply, without a socket or a service:
 * what of HTTP is theirs. What the bodies say is test_wire.c's. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/codec.h"
#include "http/routes.h"
#include "http/ticket.h"
#include "tests/lib/ticket_await.h"
#include "tests/lib/fake_store.h"
#include "tests/lib/fake_symbolizer.h"
#include "tests/unit/unit.h"

static const char one_address[] =
	"{\"modules\":[{\"build_id\":\"aabb\",\"addresses\":[\"0x10\"]}]}";

/* One request at a time: what it is made of, and what came out. */
static struct {
	struct store *store;
	struct symbolizer *symbolizer;
	struct http_options options;
	struct http_context context;
	struct request rq;
} f;

static void set_up(const struct fake_symbolizer_behaviour *b)
{
	memset(&f, 0, sizeof(f));
	log_init(LOG_ERROR, LOG_LOGFMT);
	f.store = fake_store(NULL, 0);
	f.symbolizer = fake_symbolizer();
	fake_symbolizer_set(f.symbolizer, b);
	f.options = (struct http_options) {
		.store = f.store,
		.symbolizer = f.symbolizer,
		.body_limit_bytes = 1 << 20,
		.answer_limit_bytes = 1 << 20,
		.answer_wait_ms = 10000,
	};
	f.context.options = &f.options;
	request_init(&f.rq, &f.context);
}

static void tear_down(void)
{
	request_deinit(&f.rq);
	symbolizer_close(f.symbolizer);
	store_close(f.store);
}

static unsigned serve(const char *method, const char *path)
{
	f.rq.method = request_method(method);
	ck_assert(request_set_path(&f.rq, path));
	if (route_request(&f.rq)) {
		route_check_body(&f.rq, f.rq.body.size);
		if (!f.rq.reply.status)
			route_handle(&f.rq);
	}
	ticket_await(&f.rq);
	ck_assert_uint_ne(f.rq.reply.status, 0);
	return f.rq.reply.status;
}

static void again(void)
{
	request_deinit(&f.rq);
	request_init(&f.rq, &f.context);
}

static unsigned post(const char *path, const char *type, const char *text)
{
	again();
	f.rq.header[HEADER_CONTENT_TYPE] = type;
	buf_append_str(&f.rq.body, text);
	return serve("POST", path);
}

static const char *header(const char *name)
{
	const char *value = reply_find_header(&f.rq.reply, name);

	return value ? value : "";
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

#define ck_has(text, part) ck_assert_ptr_nonnull(strstr(text, part))

START_TEST(a_batch_is_read_asked_and_answered)
{
	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	ck_assert_uint_eq(
		post("/symbolize/v1", "application/json", one_address), 200);
	ck_assert_str_eq(header("Content-Type"), "application/json");
	ck_assert_str_eq(header("Cache-Control"), "no-store");
	ck_has(body(), "\"status\":\"absent\"");
	ck_assert_uint_eq(fake_symbolizer_addresses(f.symbolizer), 1);
	ck_assert_uint_eq(post("/symbolize/v1", "text/plain; charset=utf-8",
			       "aabb+0x10\n"),
			  200);
	ck_has(header("Content-Type"), "text/plain");
	ck_assert_str_eq(body(), "?? ??:0\n");
	tear_down();
}
END_TEST

START_TEST(accept_chooses_the_form_of_the_answer)
{
	set_up(&(struct fake_symbolizer_behaviour) { .status =
							     MODULE_PENDING });
	again();
	f.rq.header[HEADER_ACCEPT] = "application/x-protobuf";
	f.rq.header[HEADER_CONTENT_TYPE] = "application/json";
	buf_append_str(&f.rq.body, one_address);
	ck_assert_uint_eq(serve("POST", "/symbolize/v1"), 200);
	ck_assert_str_eq(header("Content-Type"), "application/x-protobuf");
	tear_down();
}
END_TEST

START_TEST(put_is_as_good_as_post_for_symbolize_alone)
{
	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	again();
	buf_append_str(&f.rq.body, "aabb+0x10\n");
	ck_assert_uint_eq(serve("PUT", "/symbolize/v1"), 200);
	ck_assert_str_eq(body(), "?? ??:0\n");
	again();
	ck_assert_uint_eq(serve("PUT", "/symbolicate/v5"), 405);
	ck_assert_str_eq(header("Allow"), "POST, OPTIONS");
	again();
	ck_assert_uint_eq(serve("GET", "/symbolize/v1"), 405);
	ck_assert_str_eq(header("Allow"), "POST, PUT");
	again();
	ck_assert_uint_eq(serve("PUT", "/buildids/query"), 405);
	tear_down();
}
END_TEST

START_TEST(what_cannot_be_read_is_the_clients_fault)
{
	static const struct {
		const char *type, *body;
		unsigned status;
		const char *says;
	} cases[] = {
		{ "application/json", "", 400, "line 1" },
		{ "application/json", "{\"modules\":[{]}", 400, "line 1" },
		{ "application/json", "{\"modules\":\n 1}", 400, "line 2" },
		{ "image/png", "x", 415, "application/json" },
		{ "application/x-bpf-stack-build-id; depth=no", "", 415, "" },
		{ "application/x-bpf-stack-build-id", "short", 400, "" },
	};

	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_uint_eq(
			post("/symbolize/v1", cases[i].type, cases[i].body),
			cases[i].status);
		ck_has(body(), "{\"error\":{\"kind\":");
		ck_has(body(), cases[i].says);
	}
	ck_assert_uint_eq(fake_symbolizer_addresses(f.symbolizer), 0);
	tear_down();
}
END_TEST

START_TEST(limits_are_413_and_named)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	for (unsigned i = 0; i < 1001; i++)
		buf_append_str(&b, "aabb+0x10\n");
	ck_assert_uint_eq(post("/symbolize/v1", "text/plain", buf_str(&b)),
			  413);
	ck_has(body(), "--batch-addresses");
	ck_has(body(), "1000");
	/* Decoded, the body is larger than it may be. */
	CLEANUP_BUF struct buf packed = BUF_INIT;

	buf_clear(&b);
	for (unsigned i = 0; i < 120000; i++)
		buf_append_str(&b, "aabb+0x10\n");
	ck_no_error(codec_gzip(b.data, b.size, &packed));
	again();
	buf_append(&f.rq.body, packed.data, packed.size);
	f.rq.header[HEADER_CONTENT_ENCODING] = "gzip";
	ck_assert_uint_eq(serve("POST", "/symbolize/v1"), 413);
	again();
	f.rq.header[HEADER_CONTENT_ENCODING] = "br";
	ck_assert_uint_eq(serve("POST", "/symbolize/v1"), 415);
	ck_assert_str_eq(header("Accept-Encoding"), "gzip, zstd");
	/* An answer without end is. */
	fake_symbolizer_set(f.symbolizer, &(struct fake_symbolizer_behaviour) {
						  .has_limit = true });
	ck_assert_uint_eq(
		post("/symbolize/v1", "application/json", one_address), 413);
	f.options.answer_limit_bytes = 100;
	fake_symbolizer_set(f.symbolizer, &(struct fake_symbolizer_behaviour) {
						  .status = MODULE_ABSENT });
	buf_clear(&b);
	for (unsigned i = 0; i < 120; i++)
		buf_append_str(&b, "aabb+0x10\n");
	ck_assert_uint_eq(post("/symbolize/v1", "text/plain", buf_str(&b)),
			  413);
	tear_down();
}
END_TEST

START_TEST(too_much_to_do_is_503_with_retry_after)
{
	set_up(&(struct fake_symbolizer_behaviour) { .is_busy = true });
	ck_assert_uint_eq(
		post("/symbolize/v1", "application/json", one_address), 503);
	ck_assert_str_ne(header("Retry-After"), "");
	tear_down();
}
END_TEST

START_TEST(a_large_answer_is_compressed_for_who_takes_that)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	for (unsigned i = 0; i < 500; i++)
		buf_append_str(&b, "aabb+0x10\n");
	ck_assert_uint_eq(post("/symbolize/v1", "text/plain", buf_str(&b)),
			  200);
	ck_assert_str_eq(header("Content-Encoding"), "");
	ck_assert_str_eq(header("Vary"), "Accept-Encoding");
	again();
	buf_append(&f.rq.body, b.data, b.size);
	f.rq.header[HEADER_ACCEPT_ENCODING] = "gzip";
	ck_assert_uint_eq(serve("POST", "/symbolize/v1"), 200);
	ck_assert_str_eq(header("Content-Encoding"), "gzip");
	ck_assert_uint_lt(f.rq.reply.size, 200);
	tear_down();
}
END_TEST

/* One address, and spaces. */
static unsigned post_packed(size_t spaces)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;
	CLEANUP_BUF struct buf packed = BUF_INIT;

	buf_append_str(&plain, "aabb+0x10");
	while (spaces--)
		buf_append_byte(&plain, ' ');
	ck_no_error(codec_pack(plain.data, plain.size, &packed));
	ck_assert_uint_lt(packed.size, SYMBOLIZER_SMALL_BYTES);
	again();
	f.rq.header[HEADER_CONTENT_TYPE] = "text/plain";
	f.rq.header[HEADER_CONTENT_ENCODING] = "zstd";
	buf_append(&f.rq.body, packed.data, packed.size);
	return serve("POST", "/symbolize/v1");
}

static int64_t too_large_bodies(void)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, "body_size"), 0);
}

START_TEST(a_body_is_as_large_as_it_is_decoded)
{
	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	ck_assert_uint_eq(post_packed(100), 200);
	ck_assert_uint_le(fake_symbolizer_bytes(f.symbolizer),
			  SYMBOLIZER_SMALL_BYTES);
	ck_assert_uint_eq(post_packed(100000), 200);
	ck_assert_uint_gt(fake_symbolizer_bytes(f.symbolizer),
			  SYMBOLIZER_SMALL_BYTES);
	ck_assert_uint_eq(fake_symbolizer_addresses(f.symbolizer), 2);
	/* Being large is no fault. */
	ck_assert_int_eq(too_large_bodies(), 0);
	/* What no body may be is refused. */
	ck_assert_uint_eq(post_packed(2 << 20), 413);
	ck_assert_int_eq(too_large_bodies(), 1);
	f.options.body_limit_bytes = 1000;
	ck_assert_uint_eq(post_packed(2000), 413);
	ck_assert_int_eq(too_large_bodies(), 2);
	tear_down();
}
END_TEST

/* */
START_TEST(who_leaves_is_not_answered_but_what_it_sent_counts)
{
	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_OK });
	ck_assert(buf_append_str(&f.rq.body, one_address));
	ck_assert(request_hold(&f.rq, f.rq.body.size));
	f.rq.header[HEADER_CONTENT_TYPE] = "application/json";
	f.rq.method = METHOD_POST;
	ck_assert(request_set_path(&f.rq, "/symbolize/v1"));
	ck_assert(route_request(&f.rq));
	route_handle(&f.rq);
	struct ticket *t = ticket_get(f.rq.ticket);

	ck_assert(ticket_give_up(t));
	t->start(ticket_get(t));
	request_deinit(&f.rq);
	ck_assert_uint_eq(held_total(), strlen(one_address));
	for (int ms = 0; ms < 20000 && t->references > 1; ms++)
		usleep(1000);
	ck_assert_uint_eq(t->references, 1);
	ck_assert_uint_eq(fake_symbolizer_addresses(f.symbolizer), 0);
	ck_assert_uint_eq(held_total(), strlen(one_address));
	ticket_put(t);
	ck_assert_uint_eq(held_total(), 0);
	tear_down();
}
END_TEST

static int64_t refused_for_memory(void)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, "request_memory"), 0);
}

enum { NAME_SIZE = 100000 };

/* A frame that has its name already: it is kept for the answer. */
static void write_named(struct buf *body)
{
	for (int i = 0; i < NAME_SIZE; i++)
		buf_append_byte(body, 'x');
	buf_append_str(body, ";aabb+0x10");
}

/* Route it and start its work. */
static struct ticket *begin_named(void)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;

	again();
	write_named(&plain);
	ck_no_error(codec_gzip(plain.data, plain.size, &f.rq.body));
	ck_assert_uint_lt(f.rq.body.size, 1000);
	ck_assert(request_hold(&f.rq, f.rq.body.size));
	f.rq.header[HEADER_CONTENT_TYPE] = "text/plain";
	f.rq.header[HEADER_CONTENT_ENCODING] = "gzip";
	f.rq.method = METHOD_POST;
	ck_assert(request_set_path(&f.rq, "/symbolize/v1"));
	ck_assert(route_request(&f.rq));
	route_handle(&f.rq);
	return f.rq.ticket;
}

static void ignore(void *ctx)
{
	(void)ctx;
}

/* */
START_TEST(what_waits_counts_with_all_that_it_holds)
{
	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT,
						     .waits = true });
	for (int leaves = 0; leaves < 2; leaves++) {
		struct ticket *t = ticket_get(begin_named());

		t->wake = ignore;
		t->start(ticket_get(t));
		for (int ms = 0;
		     ms < 20000 &&
		     fake_symbolizer_addresses(f.symbolizer) <= (size_t)leaves;
		     ms++)
			usleep(1000);
		ck_assert_uint_gt(held_total(), NAME_SIZE);
		ck_assert_uint_lt(held_total(), 3 * NAME_SIZE);
		if (leaves) {
			ck_assert(ticket_give_up(t));
			request_deinit(&f.rq);
		}
		ck_assert_uint_gt(held_total(), NAME_SIZE);
		for (int ms = 0;
		     ms < 20000 && !fake_symbolizer_go_on(f.symbolizer); ms++)
			usleep(1000);
		/* Then the answer alone counts, if there is one. */
		if (!leaves)
			ck_assert_uint_gt(t->reply.size, NAME_SIZE);
		ck_assert_uint_eq(held_total(), t->reply.size);
		ticket_put(t);
		request_deinit(&f.rq);
		ck_assert_uint_eq(held_total(), 0);
	}
	tear_down();
}
END_TEST

START_TEST(what_has_no_room_when_it_is_decoded_is_refused)
{
	CLEANUP_HELD struct held others = { 0 };

	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	f.options.memory_limit_bytes = 1 << 20;
	ck_assert_uint_eq(post_packed(100000), 200);
	int64_t before = refused_for_memory();

	ck_assert(held_more(&others, 1000 << 10));
	ck_assert_uint_eq(post_packed(100000), 503);
	ck_assert_str_ne(header("Retry-After"), "");
	ck_assert_int_eq(refused_for_memory() - before, 1);
	ck_assert_uint_eq(held_total(), others.bytes);
	held_release(&others);
	ck_assert_uint_eq(post_packed(100000), 200);
	ck_assert_uint_eq(held_total(), 0);
	tear_down();
}
END_TEST

START_TEST(an_answer_counts_from_its_beginning)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	int64_t before = refused_for_memory();

	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	write_named(&b);
	ck_assert_uint_eq(post("/symbolize/v1", "text/plain", buf_str(&b)),
			  200);
	ck_assert_uint_gt(f.rq.reply.size, NAME_SIZE);
	ck_assert_uint_eq(f.rq.reply.held.bytes, f.rq.reply.size);
	ck_assert_uint_eq(held_total(), f.rq.reply.size);
	/* Here the question has room, but not both of them. */
	f.options.memory_limit_bytes = 5 * NAME_SIZE / 2;
	ck_assert_uint_eq(post("/symbolize/v1", "text/plain", buf_str(&b)),
			  503);
	ck_assert_uint_eq(fake_symbolizer_addresses(f.symbolizer), 2);
	ck_assert_int_eq(refused_for_memory() - before, 1);
	again();
	ck_assert_uint_eq(held_total(), 0);
	tear_down();
}
END_TEST

static struct ticket *leaving;
static bool was_forsaken[2]; /* before, after */

/* The client leaves when the answer is begun. */
static void leave(struct batch *b)
{
	was_forsaken[0] = b->is_forsaken(b->forsaken_ctx);
	ck_assert(ticket_give_up(leaving));
	was_forsaken[1] = b->is_forsaken(b->forsaken_ctx);
}

START_TEST(who_leaves_ends_the_making_of_its_answer)
{
	set_up(&(struct fake_symbolizer_behaviour) {
		.status = MODULE_ABSENT,
		.before = leave,
	});
	ck_assert(buf_append_str(&f.rq.body, one_address));
	f.rq.header[HEADER_CONTENT_TYPE] = "application/json";
	f.rq.method = METHOD_POST;
	ck_assert(request_set_path(&f.rq, "/symbolize/v1"));
	ck_assert(route_request(&f.rq));
	route_handle(&f.rq);
	leaving = ticket_get(f.rq.ticket);
	leaving->start(ticket_get(leaving));
	for (int ms = 0; ms < 20000 && leaving->references > 2; ms++)
		usleep(1000);
	ck_assert_uint_eq(leaving->references, 2);
	ck_assert(!was_forsaken[0] && was_forsaken[1]);
	/* All modules are absent: what stopped was the writing. */
	ck_assert_ptr_nonnull(leaving->err);
	ck_assert_str_eq(error_message(leaving->err),
			 "nobody waits for the answer");
	ticket_put(leaving);
	tear_down();
}
END_TEST

START_TEST(any_page_may_ask_symbolicate_and_no_other)
{
	static const char job[] =
		"{\"memoryMap\":[[\"a\",\"EC61AC938E5A39B16F9FBD350E3169A50\"]]"
		",\"stacks\":[[[0,16]]]}";

	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	again();
	ck_assert_uint_eq(serve("OPTIONS", "/symbolicate/v5"), 204);
	ck_assert_str_eq(header("Access-Control-Allow-Methods"),
			 "POST, OPTIONS");
	ck_assert(route_has_cors(&f.rq));
	again();
	ck_assert_uint_eq(serve("OPTIONS", "/symbolize/v1"), 405);
	ck_assert(!route_has_cors(&f.rq));
	ck_assert_uint_eq(post("/symbolicate/v5", NULL, job), 200);
	ck_has(body(), "\"found_modules\"");
	f.options.has_cors = true;
	again();
	ck_assert_uint_eq(serve("OPTIONS", "/symbolize/v1"), 204);
	ck_assert_str_eq(header("Access-Control-Allow-Methods"),
			 "POST, PUT, OPTIONS");
	tear_down();
}
END_TEST

START_TEST(a_table_is_a_file_with_an_etag_that_is_asked_for_again)
{
	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_OK,
						     .gsym = "MYSG table" });
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/gsym"), 200);
	ck_assert_str_eq(body(), "MYSG table");
	ck_assert_str_eq(header("ETag"), "\"0000000000000007\"");
	ck_assert_str_eq(header("Cache-Control"), "no-cache");
	ck_assert_str_eq(header("Last-Modified"),
			 "Sun, 09 Sep 2001 01:46:40 GMT");
	again();
	f.rq.header[HEADER_RANGE] = "bytes=0-3";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/gsym"), 206);
	ck_assert_str_eq(body(), "MYSG");
	again();
	f.rq.header[HEADER_IF_NONE_MATCH] = "\"0000000000000007\"";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/gsym"), 304);
	again();
	f.rq.header[HEADER_MAXSIZE] = "3";
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/gsym"), 406);
	again();
	ck_assert_uint_eq(serve("GET", "/buildid/xyz/gsym"), 400);
	tear_down();
}
END_TEST

START_TEST(without_a_table_the_status_says_why)
{
	static const struct {
		enum module_status status;
		unsigned code;
	} cases[] = {
		{ MODULE_PENDING, 503 },     { MODULE_ABSENT, 404 },
		{ MODULE_MALFORMED, 500 },   { MODULE_TOO_LARGE, 500 },
		{ MODULE_UNSUPPORTED, 500 }, { MODULE_UPSTREAM_ERROR, 502 },
	};

	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fake_symbolizer_set(f.symbolizer,
				    &(struct fake_symbolizer_behaviour) {
					    .status = cases[i].status });
		again();
		ck_assert_uint_eq(serve("GET", "/buildid/aabb/gsym"),
				  cases[i].code);
	}
	tear_down();
}
END_TEST

START_TEST(without_a_symbolizer_there_is_no_such_route)
{
	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	f.options.symbolizer = NULL;
	ck_assert_uint_eq(
		post("/symbolize/v1", "application/json", one_address), 404);
	ck_assert_uint_eq(post("/symbolicate/v5", NULL, one_address), 404);
	again();
	ck_assert_uint_eq(serve("GET", "/buildid/aabb/gsym"), 404);
	tear_down();
}
END_TEST

START_TEST(without_memory_there_is_still_an_answer)
{
	set_up(&(struct fake_symbolizer_behaviour) { .status = MODULE_ABSENT });
	for (int route = 0; route < 2; route++) {
		bool happened = true;

		for (unsigned long n = 1; happened; n++) {
			again();
			f.rq.header[HEADER_CONTENT_TYPE] = "application/json";
			f.rq.header[HEADER_ACCEPT] = "application/json";
			if (!route)
				buf_append_str(&f.rq.body, one_address);
			f.rq.method = route ? METHOD_GET : METHOD_POST;
			ck_assert(request_set_path(&f.rq,
						   route ? "/buildid/aabb/gsym"
							 : "/symbolize/v1"));
			ck_assert(route_request(&f.rq));
			mem_fail_at(n);
			route_handle(&f.rq);
			happened = mem_fail_happened();
			mem_fail_at(0);
			ticket_await(&f.rq);
			ck_assert_uint_ne(f.rq.reply.status, 0);
			ck_assert_uint_eq(f.rq.reply.status == 503, happened);
		}
	}
	tear_down();
}
END_TEST

UNIT_MAIN("http_symbolize", a_batch_is_read_asked_and_answered,
	  accept_chooses_the_form_of_the_answer,
	  a_body_is_as_large_as_it_is_decoded,
	  who_leaves_is_not_answered_but_what_it_sent_counts,
	  who_leaves_ends_the_making_of_its_answer,
	  what_waits_counts_with_all_that_it_holds,
	  what_has_no_room_when_it_is_decoded_is_refused,
	  an_answer_counts_from_its_beginning,
	  put_is_as_good_as_post_for_symbolize_alone,
	  what_cannot_be_read_is_the_clients_fault, limits_are_413_and_named,
	  too_much_to_do_is_503_with_retry_after,
	  a_large_answer_is_compressed_for_who_takes_that,
	  any_page_may_ask_symbolicate_and_no_other,
	  a_table_is_a_file_with_an_etag_that_is_asked_for_again,
	  without_a_table_the_status_says_why,
	  without_a_symbolizer_there_is_no_such_route,
	  without_memory_there_is_still_an_answer)

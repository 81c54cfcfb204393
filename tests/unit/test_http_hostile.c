/* SPDX-License-Identifier: Apache-2.0 */
/* The whole server on a loopback socket: bodies, hostile shapes, dripping. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lib/http_fixture.h"
#include "tests/unit/unit.h"

/* ---- Bodies ------------------------------------------------------------ */

START_TEST(bodies_come_whole_chunked_or_announced)
{
	static const char *const requests[] = {
		POST("Content-Length: 22\r\n", "{\"build_ids\":[\"aa00\"]}"),
		POST("Transfer-Encoding: chunked\r\n",
		     "6\r\n{\"buil\r\n10;x=y\r\nd_ids\":[\"aa00\"]}"
		     "\r\n0\r\n\r\n"),
		POST("Transfer-Encoding: Chunked\r\n",
		     "16\r\n{\"build_ids\":[\"aa00\"]}\r\n0\r\nA: b\r\n\r\n"),
		POST("Content-Length: 22\r\nExpect: 100-continue\r\n",
		     "{\"build_ids\":[\"aa00\"]}"),
	};

	set_up();
	start();
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		CLEANUP_CLOSE int fd = dial();
		CLEANUP_ANSWER struct answer a = ask(fd, requests[i]);

		ck_assert_uint_eq(a.status, 200);
		ck_assert_ptr_nonnull(strstr(a.body, "\"executable\":true"));
	}
	stop(100);
}
END_TEST

/* */
START_TEST(nothing_behind_a_chunked_body_is_a_request)
{
	static const char *const requests[] = {
		/* Where others see one request, two. */
		POST("Transfer-Encoding: chunked\r\n",
		     "16\n{\"build_ids\":[\"aa00\"]}\n0\n\n" GET("/healthz")),
		POST("Transfer-Encoding: chunked\r\n",
		     "16\r\n{\"build_ids\":[\"aa00\"]}\r\n0\r\n"
		     "Content-Length: 9\r\n\r\n" GET("/healthz")),
		"POST /nowhere HTTP/1.1\r\nHost: a\r\n"
		"Transfer-Encoding: chunked\r\n\r\n0\n\n" GET("/healthz"),
	};

	set_up();
	start();
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		CLEANUP_CLOSE int fd = dial();
		CLEANUP_ANSWER struct answer a = ask(fd, requests[i]);

		ck_assert_uint_eq(a.status, i < 2 ? 200 : 404);
		ck_assert_str_eq(header(&a, "Connection"), "close");
		ck_assert_msg(is_closed(fd), "case %zu goes on", i);
	}
	stop(100);
}
END_TEST

START_TEST(a_refused_body_is_read_and_the_connection_goes_on)
{
	static const struct {
		const char *request;
		unsigned status;
	} cases[] = {
		{ "POST /healthz HTTP/1.1\r\nHost: a\r\n"
		  "Content-Length: 3\r\n\r\nabc",
		  405 },
		{ "DELETE /healthz HTTP/1.1\r\nHost: a\r\n"
		  "Content-Length: 3\r\n\r\nabc",
		  405 },
		{ "POST /nowhere HTTP/1.1\r\nHost: a\r\n"
		  "Content-Length: 3\r\n\r\nabc",
		  404 },
		{ "POST /buildids/query HTTP/1.1\r\nHost: a\r\n"
		  "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc",
		  415 },
		{ POST("Content-Encoding: br\r\nContent-Length: 2\r\n", "{}"),
		  415 },
		{ POST("Content-Length: 3\r\n", "abc"), 400 },
		{ POST("", ""), 400 },
	};

	set_up();
	start();
	CLEANUP_CLOSE int fd = dial();

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP_ANSWER struct answer a = ask(fd, cases[i].request);

		ck_assert_msg(a.status == cases[i].status, "case %zu: %u", i,
			      a.status);
		CLEANUP_ANSWER struct answer b = ask(fd, GET("/healthz"));

		ck_assert_uint_eq(b.status, 200);
	}
	stop(100);
}
END_TEST

static char zeros[(5 << 20) + 1];

/* */
START_TEST(a_body_over_the_limit_is_413_however_it_comes)
{
	set_up();
	start();
	memset(zeros, '0', sizeof(zeros) - 1);
	CLEANUP_CLOSE int fd = dial();

	/* Announced: read, and answered. */
	say(fd, POST("Content-Length: 262145\r\n", ""));
	say_n(fd, zeros, 262145);
	CLEANUP_ANSWER struct answer a = hear(fd, false);

	ck_assert_uint_eq(a.status, 413);
	ck_assert_ptr_nonnull(strstr(a.body, "262144"));
	/* Found out while it comes. */
	CLEANUP_CLOSE int chunked = dial();

	say(chunked, POST("Transfer-Encoding: chunked\r\n", "40001\r\n"));
	say_n(chunked, zeros, 0x40001);
	say(chunked, "\r\n0\r\n\r\n");
	CLEANUP_ANSWER struct answer b = hear(chunked, false);

	ck_assert_uint_eq(b.status, 413);
	/* Announced, and the client waits to hear: not read at all. */
	CLEANUP_ANSWER struct answer c = ask(
		fd,
		POST("Content-Length: 262145\r\nExpect: 100-continue\r\n", ""));

	ck_assert_uint_eq(c.status, 413);
	ck_assert(is_closed(fd));
	/* Absurd: not read either. */
	CLEANUP_CLOSE int other = dial();
	CLEANUP_ANSWER struct answer d =
		ask(other, POST("Content-Length: 99999999999\r\n", ""));

	ck_assert_uint_eq(d.status, 413);
	/* Endless: cut. */
	CLEANUP_CLOSE int endless = dial();

	say(endless, POST("Transfer-Encoding: chunked\r\n", "500000\r\n"));
	say_n(endless, zeros, 0x500000);
	ck_assert(is_closed(endless));
	stop(100);
}
END_TEST

/* ---- Hostile shapes ---------------------------------------------------- */

/* */
START_TEST(ambiguous_requests_are_400_and_the_connection_ends)
{
	static const char *const requests[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
		"HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
		"\r\n\r\n0\r\n\r\n",
		POST("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"),
		POST("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
		     "0\r\n\r\n"),
		POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
		     "0\r\n\r\n"),
		POST("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
		POST("Transfer-Encoding: \x0b"
		     "chunked\r\n",
		     "0\r\n\r\n"),
		POST("Content-Length: +2\r\n", "{}"),
		POST("Content-Length: 2,2\r\n", "{}"),
		POST("Content-Length: 1e1\r\n", "{}"),
		/* A folded line: 0.9 adds it to the name. */
		POST("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
		POST("X: y\r\n\tz\r\nContent-Length: 2\r\n", "{}"),
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n",
		"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
		"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
	};

	set_up();
	start();
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		CLEANUP_CLOSE int fd = dial();
		CLEANUP_ANSWER struct answer a = ask(fd, requests[i]);

		ck_assert_msg(a.status == 400, "case %zu: %u", i, a.status);
		/* The space in a path leaves no doubt where it ends. */
		if (strstr(requests[i], "/a b"))
			continue;
		/* 0.9.75 sends the header of its own answer to a malformed
		 * Content-Length twice; whatever comes, nothing more of what
		 * was sent may count as a request. */
		char rest[512] = "";
		ssize_t n = recv(fd, rest, sizeof(rest) - 1, 0);

		ck_assert_msg(!strstr(rest, "HTTP/1.1 2"), "case %zu: %s", i,
			      rest);
		while (n > 0)
			n = recv(fd, rest, sizeof(rest), 0);
		ck_assert_msg(n == 0 || errno == ECONNRESET, "case %zu goes on",
			      i);
	}
	ck_assert_uint_eq(get_once(GET("/healthz")), 200);
	stop(100);
}
END_TEST

/* */
START_TEST(a_nul_is_400)
{
	static const char request[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
#define LINE(text_)                                        \
	{                                                  \
		.text = (text_), .size = sizeof(text_) - 1 \
	}
	/* Of the first two a proxy sees a path that it may not know. */
	static const struct {
		const char *text;
		size_t size;
	} lines[] = {
		LINE("GET /healthz\0x HTTP/1.1\r\nHost: a\r\n\r\n"),
		LINE("GET /healthz\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
		LINE("GET /healthz?a=b&\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
		LINE("GET /healthz?\0=b HTTP/1.1\r\nHost: a\r\n\r\n"),
	};
#undef LINE

	set_up();
	start();
	CLEANUP_CLOSE int fd = dial();

	say_n(fd, request, sizeof(request) - 1);
	CLEANUP_ANSWER struct answer a = hear(fd, false);

	ck_assert_uint_eq(a.status, 400);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		CLEANUP_CLOSE int other = dial();

		say_n(other, lines[i].text, lines[i].size);
		CLEANUP_ANSWER struct answer b = hear(other, false);

		ck_assert_msg(b.status == 400, "line %zu: %u", i, b.status);
		ck_assert(is_closed(other));
	}
	ck_assert_uint_eq(get_once(GET("/healthz?a=b&c=d")), 200);
	ck_assert_uint_eq(get_once(GET("/buildid/aa%00/executable")), 400);
	stop(100);
}
END_TEST

static unsigned with_filler(size_t size, size_t fields)
{
	CLEANUP_BUF struct buf request = BUF_INIT;
	CLEANUP_CLOSE int fd = dial();

	buf_append_str(&request, "GET /healthz HTTP/1.1\r\nHost: a\r\n");
	for (size_t i = 0; i < fields; i++) {
		buf_append_str(&request, "X: ");
		for (size_t k = 0; k < size / fields; k++)
			buf_append_byte(&request, 'x');
		buf_append_str(&request, "\r\n");
	}
	buf_append_str(&request, "\r\n");
	say_n(fd, (const char *)request.data, request.size);
	CLEANUP_ANSWER struct answer a = hear(fd, false);

	return a.status;
}

START_TEST(oversized_headers_are_431)
{
	set_up();
	start();
	ck_assert_uint_eq(with_filler(15 << 10, 1), 200);
	ck_assert_uint_eq(with_filler(15 << 10, 90), 200);
	ck_assert_uint_eq(with_filler(17 << 10, 1), 431);
	ck_assert_uint_eq(with_filler(100, 100), 431);
	ck_assert_uint_eq(with_filler(40 << 10, 2), 431);
	ck_assert_uint_eq(with_filler(10000, 1000), 431);
	wait_until("symbolized_http_requests_total{route=\"other\","
		   "code=\"431\"} ");
	stop(100);
}
END_TEST

START_TEST(one_address_has_a_limit_of_connections)
{
	set_up();
	options.per_ip_limit = 2;
	start();
	/* Threads accept them in any order, but for who has been answered. */
	int a = dial(), b = dial();
	CLEANUP_ANSWER struct answer x = ask(a, GET("/healthz"));
	CLEANUP_ANSWER struct answer y = ask(b, GET("/healthz"));
	int c = dial();

	ck_assert_uint_eq(x.status, 200);
	ck_assert_uint_eq(y.status, 200);
	ck_assert(is_closed(c));
	close(a);
	close(b);
	close(c);
	stop(100);
}
END_TEST

/* Takes in little before it reads: what is sent waits in the server. */
static int dial_with_little_room(void)
{
	const int little = 4096;

	return dial_with(&little);
}

/* */
START_TEST(absolute_deadlines_end_connections_that_drip)
{
	set_up();
	options.head_ms = options.body_ms = 300;
	options.send_ms = 600;
	start();
	CLEANUP_CLOSE int silent = dial();
	CLEANUP_CLOSE int head = dial();
	CLEANUP_CLOSE int body = dial();
	CLEANUP_CLOSE int reader = dial_with_little_room();

	say(head, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	say(body, POST("Content-Length: 1000\r\n", "{"));
	say(reader, GET("/buildid/aa01/debuginfo"));
	for (int i = 0; i < 12; i++) {
		say(head, "x");
		say(body, " ");
		poll(NULL, 0, 100);
	}
	ck_assert(is_closed(silent));
	ck_assert(is_closed(head));
	ck_assert(is_closed(body));
	CLEANUP_ANSWER struct answer a = hear(reader, false);

	ck_assert_uint_eq(a.status, 200);
	ck_assert_uint_lt(a.size, LARGE);
	stop(100);
}
END_TEST

/* */
START_TEST(a_file_that_shrinks_ends_the_connection)
{
	set_up();
	options.send_ms = 600;
	start();
	CLEANUP_CLOSE int fd = dial_with_little_room();

	say(fd, GET("/buildid/aa01/debuginfo"));
	poll(NULL, 0, 50);
	fake_store_truncate(store, 1, 1000);
	CLEANUP_ANSWER struct answer a = hear(fd, false);

	ck_assert_uint_eq(a.status, 200);
	ck_assert_uint_lt(a.size, LARGE);
	/* sendfile() lends out pages: what is on its way when they are cut off
	 * may turn to zeros. What the file still has is what was sent. */
	ck_assert_uint_ge(a.size, 1000);
	ck_assert(!memcmp(a.body, large, 1000));
	ck_assert_uint_eq(get_once(GET("/healthz")), 200);
	stop(100);
}
END_TEST
UNIT_MAIN("http_hostile", bodies_come_whole_chunked_or_announced,
	  nothing_behind_a_chunked_body_is_a_request,
	  a_refused_body_is_read_and_the_connection_goes_on,
	  a_body_over_the_limit_is_413_however_it_comes,
	  ambiguous_requests_are_400_and_the_connection_ends, a_nul_is_400,
	  oversized_headers_are_431, one_address_has_a_limit_of_connections,
	  absolute_deadlines_end_connections_that_drip,
	  a_file_that_shrinks_ends_the_connection)

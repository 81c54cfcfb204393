/* SPDX-License-Identifier: Apache-2.0 */
/* The whole server on a loopback socket, with a made-up store. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "elf/elf_facts.h"
#include "http/http.h"
#include "http/listen.h"
#include "tests/lib/fake_store.h"
#include "tests/unit/unit.h"

enum { LARGE = 3 << 20 };

static char large[LARGE];
static const char text[] = "0123456789abcdefghij";

#define WARM(id_, kind_, data_, size_)                                        \
	{                                                                     \
		.id = id_, .kind = ARTIFACT_##kind_, .data = data_,           \
		.size = size_, .mtime = 784111777, .etag = 0xaa, .file = "/a" \
	}

static const struct fake_artifact artifacts[] = {
	WARM("aa00", EXECUTABLE, text, 20),
	WARM("aa01", DEBUGINFO, large, LARGE),
	{ .id = "aa02",
	  .kind = ARTIFACT_DEBUGINFO,
	  .data = text,
	  .size = 20,
	  .behaviour = FAKE_COLD,
	  .delay_ms = 150 },
	{ .id = "aa03",
	  .kind = ARTIFACT_DEBUGINFO,
	  .data = text,
	  .size = 20,
	  .behaviour = FAKE_NEVER },
	{ .id = "aa04",
	  .kind = ARTIFACT_DEBUGINFO,
	  .data = text,
	  .size = 20,
	  .behaviour = FAKE_AT_ONCE },
	{ .id = "aa05", .kind = ARTIFACT_DEBUGINFO, .behaviour = FAKE_BUSY },
	{ .id = "aa06",
	  .kind = ARTIFACT_DEBUGINFO,
	  .data = text,
	  .size = 20,
	  .behaviour = FAKE_COLD },
};

static const struct index_place places[] = {
	{ .id = { 2, { 0xaa, 0x00 } },
	  .path = "/a",
	  .is_gnu = true,
	  .roles = ELF_ROLE_EXECUTABLE },
};

static struct store *store;
static struct http_options options;
static struct http_server *server;

static void set_up(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_init(LOG_ERROR, LOG_LOGFMT);
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (char)(i * 2654435761u >> 24);
	store = fake_store(artifacts, sizeof(artifacts) / sizeof(*artifacts));
	fake_store_set_places(store, places, 1);
	options = (struct http_options) {
		.listen = "127.0.0.1:0",
		.listen_fd = -1,
		.threads = 2,
		.store = store,
		.version = "1",
		.body_limit_bytes = 1 << 20,
	};
}

static void start(void)
{
	ck_no_error(http_start(&options, &server));
	ck_assert_uint_ne(http_port(server), 0);
}

static void stop(unsigned deadline_ms)
{
	http_stop(server, deadline_ms);
	store_close(store);
}

/* ---- A client ---------------------------------------------------------- */

struct answer {
	unsigned status; /* 0: the connection ended instead */
	char head[4096];
	char *body; /* owned */
	size_t size;
};

static void cleanup_answer(struct answer *a)
{
	mem_free(a->body);
}
#define CLEANUP_ANSWER CLEANUP(cleanup_answer)

/* @room: of the receive buffer; NULL leaves it. */
static int dial_with(const int *room)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(http_port(server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (room)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, room, sizeof(*room));
	ck_assert_int_eq(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int dial(void)
{
	return dial_with(NULL);
}

static void say_n(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the test sees it in the answer */
		data += n;
		size -= (size_t)n;
	}
}

static void say(int fd, const char *data)
{
	say_n(fd, data, strlen(data));
}

static const char *header(const struct answer *a, const char *name)
{
	static _Thread_local char value[1024];
	size_t size = strlen(name);

	for (const char *p = a->head; (p = strstr(p, "\r\n"));) {
		p += 2;
		if (strncasecmp(p, name, size) || p[size] != ':')
			continue;
		p += size + 2;
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(p, "\r"),
			 p);
		return value;
	}
	return NULL;
}

static void hear_body(int fd, struct answer *a, size_t size)
{
	a->body = mem_alloc(size + 1);
	ck_assert_ptr_nonnull(a->body);
	while (a->size < size) {
		ssize_t n = recv(fd, a->body + a->size, size - a->size, 0);

		if (n <= 0)
			break;
		a->size += (size_t)n;
	}
	a->body[a->size] = '\0';
}

static void hear_head(int fd, struct answer *a)
{
	size_t n = 0;

	while (n < sizeof(a->head) - 1 && recv(fd, a->head + n, 1, 0) == 1) {
		a->head[++n] = '\0';
		if (n >= 4 && !memcmp(a->head + n - 4, "\r\n\r\n", 4)) {
			a->status = (unsigned)strtoul(a->head + 9, NULL, 10);
			return;
		}
	}
	ck_assert_msg(n == 0, "half a header: %s", a->head);
}

static struct answer hear(int fd, bool is_head)
{
	struct answer a = { 0 };

	do {
		a.status = 0;
		hear_head(fd, &a);
	} while (a.status == 100);
	const char *length = header(&a, "Content-Length");

	if (a.status && length && !is_head && a.status != 304)
		hear_body(fd, &a, strtoul(length, NULL, 10));
	return a;
}

static struct answer ask(int fd, const char *request)
{
	say(fd, request);
	return hear(fd, !strncmp(request, "HEAD", 4));
}

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEAD(path) "HEAD " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define ELFUTILS(path)                                     \
	"GET " path " HTTP/1.1\r\nHost: a\r\nUser-Agent: " \
	"elfutils/0.188\r\n\r\n"

static bool is_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static unsigned get_once(const char *request)
{
	CLEANUP_CLOSE int fd = dial();
	CLEANUP_ANSWER struct answer a = ask(fd, request);

	return a.status;
}

static bool metric_says(const char *line)
{
	CLEANUP_CLOSE int fd = dial();
	CLEANUP_ANSWER struct answer a = ask(fd, GET("/metrics"));

	ck_assert_uint_eq(a.status, 200);
	return strstr(a.body, line) != NULL;
}

static void wait_until(const char *line)
{
	int64_t until = clock_ms() + 10000;

	while (!metric_says(line)) {
		ck_assert_msg(clock_ms() < until, "never: %s", line);
		poll(NULL, 0, 20);
	}
}

/* ---- Answers ----------------------------------------------------------- */

/* The header without what differs between any two answers. */
static void strip(char *head)
{
	static const char *const names[] = { "\r\nDate:", "\r\nX-Request-Id:" };

	for (size_t i = 0; i < 2; i++) {
		char *p = strstr(head, names[i]);

		ck_assert_ptr_nonnull(p);
		char *end = strstr(p + 2, "\r\n");

		memmove(p, end, strlen(end) + 1);
	}
}

START_TEST(head_says_what_get_says_without_a_body)
{
	static const char *const paths[] = { "/buildid/aa00/executable",
					     "/buildid/aa01/debuginfo",
					     "/buildid/aa04/debuginfo",
					     "/buildid/aaff/debuginfo",
					     "/healthz",
					     "/",
					     "/nowhere" };

	set_up();
	start();
	CLEANUP_CLOSE int fd = dial();

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		char get[128], head[128];

		snprintf(get, sizeof(get), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
			 paths[i]);
		snprintf(head, sizeof(head),
			 "HEAD %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i]);
		CLEANUP_ANSWER struct answer a = ask(fd, get);
		CLEANUP_ANSWER struct answer b = ask(fd, head);

		strip(a.head);
		strip(b.head);
		ck_assert_str_eq(a.head, b.head);
		ck_assert_uint_gt(a.size, 0);
	}
	stop(100);
}
END_TEST

START_TEST(files_of_any_size_arrive_whole_and_in_parts)
{
	set_up();
	start();
	CLEANUP_CLOSE int fd = dial();
	CLEANUP_ANSWER struct answer whole =
		ask(fd, GET("/buildid/aa01/debuginfo"));

	ck_assert_uint_eq(whole.status, 200);
	ck_assert_uint_eq(whole.size, LARGE);
	ck_assert(!memcmp(whole.body, large, LARGE));
	CLEANUP_ANSWER struct answer part =
		ask(fd, "GET /buildid/aa01/debuginfo HTTP/1.1\r\nHost: a\r\n"
			"Range: bytes=1000001-2000000\r\n\r\n");

	ck_assert_uint_eq(part.status, 206);
	ck_assert_uint_eq(part.size, 1000000);
	ck_assert(!memcmp(part.body, large + 1000001, 1000000));
	ck_assert_str_eq(header(&part, "Content-Range"),
			 "bytes 1000001-2000000/3145728");
	CLEANUP_ANSWER struct answer small =
		ask(fd, GET("/buildid/aa00/executable"));

	ck_assert_str_eq(small.body, text);
	stop(100);
}
END_TEST

START_TEST(a_client_that_has_it_gets_304_and_may_go_on)
{
	set_up();
	start();
	CLEANUP_CLOSE int fd = dial();
	CLEANUP_ANSWER struct answer a =
		ask(fd, "GET /buildid/aa00/executable HTTP/1.1\r\nHost: a\r\n"
			"If-None-Match: \"00000000000000aa\"\r\n\r\n");

	ck_assert_uint_eq(a.status, 304);
	ck_assert_str_eq(header(&a, "ETag"), "\"00000000000000aa\"");
	CLEANUP_ANSWER struct answer b =
		ask(fd, "GET /buildid/aa00/executable HTTP/1.1\r\nHost: a\r\n"
			"Range: bytes=50-\r\n\r\n");

	ck_assert_uint_eq(b.status, 416);
	ck_assert_str_eq(header(&b, "Content-Range"), "bytes */20");
	stop(100);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	set_up();
	start();
	CLEANUP_CLOSE int fd = dial();

	say(fd, GET("/buildid/aa02/debuginfo") GET("/healthz")
			GET("/buildid/aa00/executable") GET("/nowhere"));
	static const unsigned statuses[] = { 200, 200, 200, 404 };
	static const char *const bodies[] = { text, "ok\n", text,
					      "no such path\n" };

	for (size_t i = 0; i < 4; i++) {
		CLEANUP_ANSWER struct answer a = hear(fd, false);

		ck_assert_uint_eq(a.status, statuses[i]);
		ck_assert_str_eq(a.body, bodies[i]);
	}
	stop(100);
}
END_TEST

START_TEST(every_answer_has_a_request_id)
{
	set_up();
	options.has_cors = true;
	start();
	CLEANUP_CLOSE int fd = dial();
	CLEANUP_ANSWER struct answer a =
		ask(fd, "GET /nowhere HTTP/1.1\r\nHost: a\r\n"
			"X-Request-Id: abc-1\r\n\r\n");

	ck_assert_str_eq(header(&a, "X-Request-Id"), "abc-1");
	ck_assert_str_eq(header(&a, "Access-Control-Allow-Origin"), "*");
	CLEANUP_ANSWER struct answer b = ask(fd, GET("/healthz"));

	ck_assert_uint_eq(strlen(header(&b, "X-Request-Id")), 16);
	CLEANUP_ANSWER struct answer c =
		ask(fd, "OPTIONS /healthz HTTP/1.1\r\nHost: a\r\n\r\n");

	ck_assert_uint_eq(c.status, 204);
	stop(100);
}
END_TEST

/* ---- Waiting ----------------------------------------------------------- */

START_TEST(others_are_answered_while_one_waits)
{
	set_up();
	options.threads = 1;
	start();
	CLEANUP_CLOSE int slow = dial();

	say(slow, GET("/buildid/aa02/debuginfo"));
	wait_until("symbolized_http_suspended_requests 1\n");
	ck_assert_uint_eq(get_once(GET("/healthz")), 200);
	ck_assert_uint_eq(get_once(GET("/buildid/aa04/debuginfo")), 200);
	CLEANUP_ANSWER struct answer a = hear(slow, false);

	ck_assert_uint_eq(a.status, 200);
	ck_assert_str_eq(a.body, text);
	wait_until("symbolized_http_suspended_requests 0\n");
	stop(100);
}
END_TEST

START_TEST(a_client_that_leaves_while_it_waits_is_let_go)
{
	set_up();
	start();
	for (int i = 0; i < 5; i++) {
		int fd = dial();

		say(fd, GET("/buildid/aa03/debuginfo"));
		if (i == 0)
			wait_until("symbolized_http_suspended_requests 1\n");
		close(fd);
	}
	/* These end by themselves, after their clients have left. */
	for (int i = 0; i < 5; i++) {
		int fd = dial();

		say(fd, GET("/buildid/aa02/debuginfo"));
		close(fd);
	}
	wait_until("symbolized_http_suspended_requests 0\n");
	stop(100);
}
END_TEST

START_TEST(an_overdue_answer_is_503_and_silence_for_libdebuginfod)
{
	set_up();
	options.artifact_wait_ms = 100;
	start();
	CLEANUP_CLOSE int fd = dial();
	CLEANUP_ANSWER struct answer a =
		ask(fd, GET("/buildid/aa03/debuginfo"));

	ck_assert_uint_eq(a.status, 503);
	ck_assert_str_eq(header(&a, "Retry-After"), "5");
	CLEANUP_ANSWER struct answer b =
		ask(fd, ELFUTILS("/buildid/aa03/debuginfo"));

	ck_assert_uint_eq(b.status, 0);
	ck_assert(is_closed(fd));
	ck_assert_uint_eq(get_once(ELFUTILS("/buildid/aa05/debuginfo")), 0);
	ck_assert_uint_eq(get_once(GET("/buildid/aa05/debuginfo")), 503);
	stop(100);
}
END_TEST

START_TEST(too_many_that_wait_are_refused_at_once)
{
	set_up();
	options.suspended_limit = 1;
	start();
	CLEANUP_CLOSE int first = dial();

	say(first, GET("/buildid/aa03/debuginfo"));
	wait_until("symbolized_http_suspended_requests 1\n");
	int64_t begin = clock_ms();

	ck_assert_uint_eq(get_once(GET("/buildid/aa03/debuginfo")), 503);
	ck_assert_int_lt(clock_ms() - begin, 50 + 200); /* sanitizers */
	ck_assert_uint_eq(get_once(GET("/buildid/aa00/executable")), 200);
	stop(0);
}
END_TEST

START_TEST(stopping_answers_those_that_wait)
{
	set_up();
	start();
	CLEANUP_CLOSE int plain = dial();
	CLEANUP_CLOSE int elfutils = dial();
	CLEANUP_CLOSE int idle = dial();

	say(plain, GET("/buildid/aa03/debuginfo"));
	say(elfutils, ELFUTILS("/buildid/aa03/debuginfo"));
	wait_until("symbolized_http_suspended_requests 2\n");
	http_stop(server, 50);
	CLEANUP_ANSWER struct answer a = hear(plain, false);

	ck_assert_uint_eq(a.status, 503);
	ck_assert_str_eq(header(&a, "Connection"), "close");
	ck_assert(is_closed(plain));
	ck_assert(is_closed(elfutils));
	ck_assert(is_closed(idle));
	/* Now the work of both ends, with nobody left to hear of it. */
	store_close(store);
}
END_TEST

START_TEST(stopping_lets_running_requests_finish)
{
	set_up();
	start();
	CLEANUP_CLOSE int fd = dial();

	say(fd, GET("/buildid/aa02/debuginfo"));
	wait_until("symbolized_http_suspended_requests 1\n");
	http_stop(server, 5000);
	CLEANUP_ANSWER struct answer a = hear(fd, false);

	ck_assert_uint_eq(a.status, 200);
	ck_assert_str_eq(a.body, text);
	store_close(store);
}
END_TEST

static void *ask_many(void *ctx)
{
	unsigned *answered = ctx;

	for (int i = 0; i < 50; i++) {
		CLEANUP_CLOSE int fd = dial();

		for (int k = 0; k < 4; k++) {
			CLEANUP_ANSWER struct answer a =
				ask(fd, k & 1 ? GET("/buildid/aa04/debuginfo")
					      : GET("/buildid/aa06/debuginfo"));

			*answered += a.status == 200;
		}
	}
	return NULL;
}

START_TEST(many_at_once_are_parked_and_woken)
{
	pthread_t threads[4];
	unsigned answered[4] = { 0 };

	set_up();
	start();
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_many,
						&answered[i]),
				 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_uint_eq(answered[i], 200);
	}
	stop(100);
}
END_TEST

START_TEST(stopping_amid_a_crowd_is_safe)
{
	enum { CROWD = 40 };
	int fds[CROWD];

	for (int round = 0; round < 3; round++) {
		set_up();
		start();
		for (int i = 0; i < CROWD; i++) {
			fds[i] = dial();
			say(fds[i], i % 3 == 0 ? GET("/buildid/aa02/debuginfo")
				    : i % 3 == 1
					    ? GET("/buildid/aa03/debuginfo")
					    : GET("/buildid/aa06/debuginfo"));
		}
		/* While the work of a third of them is just ending. */
		poll(NULL, 0, 140 + round * 5);
		stop(5);
		for (int i = 0; i < CROWD; i++)
			close(fds[i]);
	}
}
END_TEST

START_TEST(draining_says_so_and_ends_connections)
{
	set_up();
	start();
	CLEANUP_CLOSE int fd = dial();
	CLEANUP_ANSWER struct answer a = ask(fd, GET("/readyz"));

	ck_assert_uint_eq(a.status, 200);
	http_drain(server);
	http_drain(server);
	CLEANUP_ANSWER struct answer b = ask(fd, GET("/readyz"));

	ck_assert_uint_eq(b.status, 503);
	ck_assert_str_eq(header(&b, "Connection"), "close");
	ck_assert(is_closed(fd));
	ck_assert_uint_eq(get_once(GET("/buildid/aa00/executable")), 200);
	stop(100);
}
END_TEST

START_TEST(a_passed_socket_stays_open_for_the_successor)
{
	int fd = -1, successor;

	set_up();
	ck_no_error(listen_open("127.0.0.1:0", &fd));
	successor = dup(fd);
	options.listen_fd = fd;
	start();
	ck_assert_uint_eq(get_once(GET("/healthz")), 200);
	http_stop(server, 100);
	options.listen_fd = successor;
	start();
	ck_assert_uint_eq(get_once(GET("/healthz")), 200);
	stop(100);
}
END_TEST

/* ---- Bodies ------------------------------------------------------------ */

#define POST(headers, body)                            \
	"POST /buildids/query HTTP/1.1\r\nHost: a\r\n" \
	"Content-Type: application/json\r\n" headers "\r\n" body

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
	CLEANUP_CLOSE int fd = dial();

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		CLEANUP_ANSWER struct answer a = ask(fd, requests[i]);

		ck_assert_uint_eq(a.status, 200);
		ck_assert_ptr_nonnull(strstr(a.body, "\"executable\":true"));
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
		  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
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

START_TEST(a_body_over_the_limit_is_413_however_it_comes)
{
	set_up();
	start();
	memset(zeros, '0', sizeof(zeros) - 1);
	CLEANUP_CLOSE int fd = dial();

	/* Announced: read, and answered. */
	say(fd, POST("Content-Length: 1048577\r\n", ""));
	say_n(fd, zeros, 1048577);
	CLEANUP_ANSWER struct answer a = hear(fd, false);

	ck_assert_uint_eq(a.status, 413);
	ck_assert_ptr_nonnull(strstr(a.body, "1048576"));
	/* Found out while it comes. */
	say(fd, POST("Transfer-Encoding: chunked\r\n", "100001\r\n"));
	say_n(fd, zeros, 0x100001);
	say(fd, "\r\n0\r\n\r\n");
	CLEANUP_ANSWER struct answer b = hear(fd, false);

	ck_assert_uint_eq(b.status, 413);
	/* Announced, and the client waits to hear: not read at all. */
	CLEANUP_ANSWER struct answer c = ask(
		fd, POST("Content-Length: 1048577\r\nExpect: 100-continue\r\n",
			 ""));

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

START_TEST(a_nul_in_a_value_is_400)
{
	static const char request[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";

	set_up();
	start();
	CLEANUP_CLOSE int fd = dial();

	say_n(fd, request, sizeof(request) - 1);
	CLEANUP_ANSWER struct answer a = hear(fd, false);

	ck_assert_uint_eq(a.status, 400);
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
	int a = dial(), b = dial(), c = dial();
	CLEANUP_ANSWER struct answer x = ask(a, GET("/healthz"));
	CLEANUP_ANSWER struct answer y = ask(b, GET("/healthz"));

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

START_TEST(a_bad_address_does_not_start)
{
	set_up();
	options.listen = "nonsense";
	ck_error(http_start(&options, &server), BAD_REQUEST, "nonsense");
	http_stop(NULL, 0);
	store_close(store);
}
END_TEST

START_TEST(requests_are_counted_by_route_and_status)
{
	set_up();
	start();
	ck_assert_uint_eq(get_once(GET("/buildid/aa00/executable")), 200);
	ck_assert_uint_eq(get_once(GET("/buildid/aaff/executable")), 404);
	ck_assert_uint_eq(get_once("POST /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
			  405);
	wait_until("symbolized_http_requests_total{route=\"executable\","
		   "code=\"200\"} 1\n");
	wait_until("symbolized_http_requests_total{route=\"executable\","
		   "code=\"404\"} 1\n");
	wait_until("symbolized_http_requests_total{route=\"healthz\","
		   "code=\"405\"} 1\n");
	wait_until("symbolized_http_response_bytes_total{route=\"executable\"} "
		   "30\n");
	stop(100);
}
END_TEST

UNIT_MAIN("http_socket", head_says_what_get_says_without_a_body,
	  files_of_any_size_arrive_whole_and_in_parts,
	  a_client_that_has_it_gets_304_and_may_go_on,
	  pipelined_requests_are_answered_in_order,
	  every_answer_has_a_request_id, others_are_answered_while_one_waits,
	  a_client_that_leaves_while_it_waits_is_let_go,
	  an_overdue_answer_is_503_and_silence_for_libdebuginfod,
	  too_many_that_wait_are_refused_at_once,
	  stopping_answers_those_that_wait,
	  stopping_lets_running_requests_finish,
	  many_at_once_are_parked_and_woken, stopping_amid_a_crowd_is_safe,
	  draining_says_so_and_ends_connections,
	  a_passed_socket_stays_open_for_the_successor,
	  bodies_come_whole_chunked_or_announced,
	  a_refused_body_is_read_and_the_connection_goes_on,
	  a_body_over_the_limit_is_413_however_it_comes,
	  ambiguous_requests_are_400_and_the_connection_ends,
	  a_nul_in_a_value_is_400, oversized_headers_are_431,
	  one_address_has_a_limit_of_connections,
	  absolute_deadlines_end_connections_that_drip,
	  a_file_that_shrinks_ends_the_connection, a_bad_address_does_not_start,
	  requests_are_counted_by_route_and_status)

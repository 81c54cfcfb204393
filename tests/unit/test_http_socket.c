/* SPDX-License-Identifier: Apache-2.0 */
/* The whole server on a loopback socket, with a made-up store: answers, waiting
 * and stopping. */
#include "config.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/listen.h"
#include "tests/lib/http_fixture.h"
#include "tests/unit/unit.h"

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

/* */
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
	ck_assert_str_eq(header(&a, "Content-Length"), "20");
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

/* */
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

static int64_t reached(const char *limit)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, limit), 0);
}

START_TEST(an_overdue_answer_is_503_and_silence_for_libdebuginfod)
{
	int64_t overdue = reached("answer_time"), full = reached("queued_jobs");

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
	ck_assert_int_eq(reached("answer_time"), overdue + 2);
	ck_assert_uint_eq(get_once(ELFUTILS("/buildid/aa05/debuginfo")), 0);
	ck_assert_uint_eq(get_once(GET("/buildid/aa05/debuginfo")), 503);
	/* That a store is busy may have many reasons; queues count themselves. */
	ck_assert_int_eq(reached("queued_jobs"), full);
	stop(100);
}
END_TEST

/* */
START_TEST(too_many_that_wait_are_refused_at_once)
{
	int64_t before = reached("suspended_requests");

	set_up();
	options.suspended_limit = 1;
	start();
	CLEANUP_CLOSE int first = dial();

	say(first, GET("/buildid/aa03/debuginfo"));
	wait_until("symbolized_http_suspended_requests 1\n");
	int64_t begin = clock_ms();

	ck_assert_uint_eq(get_once(GET("/buildid/aa03/debuginfo")), 503);
	ck_assert_int_lt(clock_ms() - begin, 50 + 200); /* sanitizers */
	ck_assert_int_eq(reached("suspended_requests"), before + 1);
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

/* */
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

/* */
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
START_TEST(a_server_that_cannot_start_leaves_nothing)
{
	set_up();
	options.listen = "nonsense";
	ck_error(http_start(&options, &server), BAD_REQUEST, "nonsense");
	for (unsigned long n = 1;; n++) {
		mem_fail_at(n);
		struct error *err = http_start(&options, &server);
		bool happened = mem_fail_happened();

		mem_fail_at(0);
		ck_assert_ptr_nonnull(err);
		error_free(err);
		if (!happened)
			break;
	}
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
	  a_server_that_cannot_start_leaves_nothing,
	  requests_are_counted_by_route_and_status)

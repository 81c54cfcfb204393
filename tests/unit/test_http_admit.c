/* SPDX-License-Identifier: Apache-2.0 */
/* Who may come in: addresses, their limits, the limit of all, memory. */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/address.h"
#include "http/admit.h"
#include "tests/lib/http_fixture.h"
#include "tests/unit/unit.h"

#define FROM(address, path)                                             \
	"GET " path " HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " address \
	"\r\n\r\n"

static const char *text_of(const struct address *a)
{
	static char name[INET6_ADDRSTRLEN];
	struct sockaddr_storage s;

	address_to_sockaddr(a, &s);
	if (s.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&s)->sin_addr, name,
			  sizeof(name));
	else
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&s)->sin6_addr,
			  name, sizeof(name));
	return name;
}

START_TEST(an_address_is_a_literal_with_or_without_a_port)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1:80", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "[2001:db8::1]:443", "2001:db8::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "[::ffff:192.0.2.1]", "192.0.2.1" },
		{ "[::ffff:192.0.2.1]:8080", "192.0.2.1" },
		{ "", NULL },
		{ "unknown", NULL },
		{ "192.0.2.1:", NULL },
		{ "192.0.2.1:x", NULL },
		{ "192.0.2.1:123456", NULL },
		{ "192.0.2", NULL },
		{ "0xc0.0.2.1", NULL },
		{ "[192.0.2.1]", NULL },
		{ "[2001:db8::1", NULL },
		{ "[2001:db8::1]x", NULL },
		{ "2001:db8::1%eth0", NULL },
		{ "2001:db8::1:2:3:4:5:6:7:8", NULL },
		{ "1111111111111111111111111111111111111111111111111111",
		  NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct address a;
		bool found =
			address_parse(cases[i].text, strlen(cases[i].text), &a);

		ck_assert_msg(found == !!cases[i].wanted, "%s", cases[i].text);
		if (found)
			ck_assert_str_eq(text_of(&a), cases[i].wanted);
	}
}
END_TEST

START_TEST(a_range_is_an_address_and_a_number_of_bits)
{
	static const struct {
		const char *ranges, *address;
		bool is_in;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/9", "10.127.0.1", true },
		{ "10.0.0.0/9", "10.128.0.1", false },
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "203.0.113.9", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "10.0.0.1  ::1 ", "::1", true },
		{ NULL, "::1", false },
		{ "", "::1", false },
	};
	static const char *const bad[] = {
		"10.0.0.0/33",  "10.0.0/8",  "10.0.0.0/",   "10.0.0.0/-1",
		"::1/129",      "localhost", "10.0.0.1:80", "10.0.0.1 x",
		"10.0.0.0/8/8", "/8",        "[::1]",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct address_ranges ranges;
		struct address a;

		ck_no_error(address_ranges_parse(cases[i].ranges, &ranges));
		ck_assert(address_parse(cases[i].address,
					strlen(cases[i].address), &a));
		ck_assert_msg(address_is_in(&a, &ranges) == cases[i].is_in,
			      "%s in %s", cases[i].address, cases[i].ranges);
		address_ranges_free(&ranges);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct address_ranges ranges;

		ck_error(address_ranges_parse(bad[i], &ranges), BAD_REQUEST,
			 "wants an address");
	}
}
END_TEST

START_TEST(of_the_forwarded_the_last_who_is_not_trusted_is_the_client)
{
	static const struct {
		const char *list, *wanted;
	} cases[] = {
		{ "198.51.100.7", "198.51.100.7" },
		/* What the client wrote itself stands in front. */
		{ "1.1.1.1, 198.51.100.7", "198.51.100.7" },
		{ "1.1.1.1,198.51.100.7 ,10.0.0.2", "198.51.100.7" },
		{ "10.0.0.3, 10.0.0.2", "10.0.0.3" },
		{ "junk, 10.0.0.2", "10.0.0.2" },
		{ "198.51.100.7, junk", NULL },
		{ "198.51.100.7,", NULL },
		{ ",", NULL },
		{ "", NULL },
		{ NULL, NULL },
		{ "unknown", NULL },
	};
	struct address_ranges trusted;

	ck_no_error(address_ranges_parse("10.0.0.0/8", &trusted));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct address a;
		bool found = address_forwarded(cases[i].list, &trusted, &a);

		ck_assert_msg(found == !!cases[i].wanted, "%s", cases[i].list);
		if (found)
			ck_assert_str_eq(text_of(&a), cases[i].wanted);
	}
	address_ranges_free(&trusted);
}
END_TEST

static struct address parse(const char *name)
{
	struct address a;

	ck_assert(address_parse(name, strlen(name), &a));
	return a;
}

START_TEST(a_client_is_an_ipv4_address_or_half_of_an_ipv6_one)
{
	struct clients c;
	const struct address one = parse("192.0.2.1"), two = parse("192.0.2.2");
	const struct address six = parse("2001:db8::1");
	const struct address near = parse("2001:db8::ffff:1");
	const struct address far = parse("2001:db8:0:1::1");

	ck_assert(clients_init(&c, 2));
	struct client *a = clients_enter(&c, &one);
	struct client *b = clients_enter(&c, &one);

	ck_assert(a && b);
	ck_assert_ptr_null(clients_enter(&c, &one));
	struct client *other = clients_enter(&c, &two);

	ck_assert_ptr_nonnull(other);
	clients_leave(&c, a);
	a = clients_enter(&c, &one);
	ck_assert_ptr_nonnull(a);
	struct client *x = clients_enter(&c, &six);
	struct client *y = clients_enter(&c, &near);

	ck_assert(x && y);
	ck_assert_ptr_null(clients_enter(&c, &six));
	ck_assert_uint_eq(clients_count(&c, &far), 0);
	clients_leave(&c, a);
	clients_leave(&c, b);
	clients_leave(&c, other);
	clients_leave(&c, x);
	clients_leave(&c, y);
	clients_leave(&c, NULL);
	ck_assert_uint_eq(clients_count(&c, &one), 0);
	ck_assert_uint_eq(clients_count(&c, &six), 0);
	clients_deinit(&c);
	clients_deinit(&c);
}
END_TEST

START_TEST(without_memory_nobody_is_let_in_and_nothing_leaks)
{
	const struct address one = parse("192.0.2.1");
	struct address_ranges ranges;
	struct clients c;

	mem_fail_at(1);
	ck_assert(!clients_init(&c, 2));
	mem_fail_at(0);
	clients_deinit(&c);
	ck_assert(clients_init(&c, 2));
	mem_fail_at(1);
	ck_assert_ptr_null(clients_enter(&c, &one));
	mem_fail_at(0);
	clients_deinit(&c);
	mem_fail_at(1);
	ck_error(address_ranges_parse("::1", &ranges), NO_MEMORY, "memory");
	mem_fail_at(0);
}
END_TEST

static int64_t reached(const char *name)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, name), 0);
}

/* One more connection than there may be has 300 ms: where this thread stood still
 * for as long it is tried again. @return How many were made. */
static int ask_anew(const char *request, int *fd_ret, struct answer *ret)
{
	for (int made = 1;; made++) {
		*fd_ret = dial();
		*ret = ask(*fd_ret, request);
		if (ret->status || made == 20)
			return made;
		close(*fd_ret);
	}
}

enum { LIMIT = 16 };

/* */
START_TEST(over_the_limit_of_connections_only_operators_are_answered)
{
	CLEANUP_ANSWER struct answer refused, well, figures;
	CLEANUP_CLOSE int artifact = -1, health = -1, metrics = -1;
	int fds[LIMIT];

	set_up();
	options.threads = 1;
	options.connection_limit = LIMIT;
	start();
	/* Who waits for an answer is not idle. */
	for (size_t i = 0; i < LIMIT; i++) {
		fds[i] = dial();
		say(fds[i], GET("/buildid/aa03/debuginfo"));
	}
	wait_until("symbolized_http_suspended_requests 16");
	int64_t before = reached("connections");
	int made =
		ask_anew(GET("/buildid/aa00/executable"), &artifact, &refused);

	ck_assert_uint_eq(refused.status, 503);
	ck_assert_ptr_nonnull(header(&refused, "Retry-After"));
	ck_assert(is_closed(artifact));
	made += ask_anew(GET("/healthz"), &health, &well);
	ck_assert_uint_eq(well.status, 200);
	ck_assert(is_closed(health));
	made += ask_anew(GET("/metrics"), &metrics, &figures);
	ck_assert_uint_eq(figures.status, 200);
	ck_assert_ptr_nonnull(strstr(figures.body, "limit=\"connections\""));
	CLEANUP_CLOSE int debugger = dial(), silent = dial();
	CLEANUP_ANSWER struct answer none =
		ask(debugger, ELFUTILS("/buildid/aa00/executable"));

	ck_assert_uint_eq(none.status, 0);
	/* The others have 20 s for a header, and 10 s are waited for this. */
	ck_assert(is_closed(silent));
	ck_assert_int_eq(reached("connections") - before, made + 2);
	for (size_t i = 0; i < LIMIT; i++)
		close(fds[i]);
	stop(100);
	ck_assert_int_eq(reached("header_time"), 0);
}
END_TEST

START_TEST(when_most_connections_are_taken_who_is_idle_makes_room)
{
	int fds[LIMIT];

	set_up();
	options.threads = 1;
	options.connection_limit = LIMIT;
	start();
	for (size_t i = 0; i < LIMIT; i++)
		fds[i] = dial();
	for (size_t i = 1; i < LIMIT; i++)
		say(fds[i], GET("/buildid/aa03/debuginfo"));
	CLEANUP_ANSWER struct answer a = ask(fds[0], GET("/healthz"));

	/* Or it was gone before it had asked. */
	ck_assert(a.status == 200 || !a.status);
	ck_assert(is_closed(fds[0]));
	for (size_t i = 0; i < LIMIT; i++)
		close(fds[i]);
	stop(100);
}
END_TEST

/* The end comes along with bytes. */
START_TEST(who_ends_within_its_header_is_not_waited_for)
{
	int fds[LIMIT];

	set_up();
	start();
	for (size_t i = 0; i < LIMIT; i++) {
		fds[i] = dial();
		say(fds[i], "GET / HTTP/1.1\r\nX: ");
		shutdown(fds[i], SHUT_WR);
	}
	/* They have 20 s for a header, and 10 s are waited for each. */
	for (size_t i = 0; i < LIMIT; i++) {
		ck_assert(is_closed(fds[i]));
		close(fds[i]);
	}
	stop(100);
	ck_assert_int_eq(reached("header_time"), 0);
}
END_TEST

START_TEST(a_proxy_that_is_trusted_has_no_limit_but_whom_it_speaks_for_has)
{
	set_up();
	options.per_ip_limit = 1;
	options.trusted_proxies = "127.0.0.0/8";
	options.artifact_wait_ms = 60000;
	start();
	CLEANUP_CLOSE int one = dial(), two = dial(), three = dial();
	CLEANUP_CLOSE int four = dial(), five = dial(), six = dial();
	CLEANUP_CLOSE int seven = dial();
	int64_t before = reached("requests_per_address");

	/* It waits, and waits. */
	say(one, FROM("198.51.100.7", "/buildid/aa03/debuginfo"));
	wait_until("symbolized_http_suspended_requests 1");
	CLEANUP_ANSWER struct answer a = ask(
		two, FROM("1.2.3.4, 198.51.100.7", "/buildid/aa00/executable"));

	ck_assert_uint_eq(a.status, 429);
	ck_assert_ptr_nonnull(header(&a, "Retry-After"));
	CLEANUP_ANSWER struct answer b =
		ask(three, FROM("198.51.100.8", "/buildid/aa00/executable"));

	ck_assert_uint_eq(b.status, 200);
	CLEANUP_ANSWER struct answer c =
		ask(four, FROM("198.51.100.7", "/healthz"));

	ck_assert_uint_eq(c.status, 200);
	/* The last of several fields is the proxy's own. */
	CLEANUP_ANSWER struct answer d =
		ask(five, "GET /buildid/aa00/executable HTTP/1.1\r\nHost: a\r\n"
			  "X-Forwarded-For: 198.51.100.9\r\n"
			  "X-Forwarded-For: 198.51.100.7\r\n\r\n");

	ck_assert_uint_eq(d.status, 429);
	CLEANUP_ANSWER struct answer e =
		ask(six, GET("/buildid/aa00/executable"));

	ck_assert_uint_eq(e.status, 200);
	ck_assert_int_ge(reached("requests_per_address") - before, 2);
	/* Whom it does not name readably it asks for itself. */
	say(seven, FROM("unknown", "/buildid/aa03/debuginfo"));
	wait_until("symbolized_http_suspended_requests 2");
	CLEANUP_ANSWER struct answer g =
		ask(six, GET("/buildid/aa00/executable"));

	ck_assert_uint_eq(g.status, 429);
	/* When it is over the next may. */
	fake_store_relent(store);
	CLEANUP_ANSWER struct answer end = hear(one, false);

	ck_assert_uint_eq(end.status, 200);
	CLEANUP_ANSWER struct answer f =
		ask(two, FROM("198.51.100.7", "/buildid/aa00/executable"));

	ck_assert_uint_eq(f.status, 200);
	stop(100);
}
END_TEST

START_TEST(who_is_not_trusted_is_believed_nothing)
{
	set_up();
	options.per_ip_limit = 1;
	options.trusted_proxies = "192.0.2.0/24";
	start();
	CLEANUP_CLOSE int one = dial();
	CLEANUP_ANSWER struct answer a =
		ask(one, FROM("198.51.100.7", "/healthz"));

	ck_assert_uint_eq(a.status, 200);
	int64_t before = reached("connections_per_address");
	CLEANUP_CLOSE int two = dial();

	ck_assert(is_closed(two));
	ck_assert_int_eq(reached("connections_per_address") - before, 1);
	stop(100);
}
END_TEST

START_TEST(a_range_that_is_none_ends_the_start)
{
	set_up();
	options.trusted_proxies = "10.0.0.0/8 everybody";
	ck_error(http_start(&options, &server), BAD_REQUEST, "everybody");
	store_close(store);
}
END_TEST

static char filler[150 << 10];

/* */
START_TEST(bodies_together_have_a_limit)
{
	set_up();
	options.memory_limit_bytes = 256 << 10;
	start();
	memset(filler, ' ', sizeof(filler));
	CLEANUP_CLOSE int one = dial(), two = dial(), three = dial();

	say(one, POST("Content-Length: 153600\r\n", ""));
	say_n(one, filler, sizeof(filler) - 1);
	wait_until("symbolized_http_held_bytes 153599");
	say(two, POST("Content-Length: 153600\r\n", ""));
	say_n(two, filler, sizeof(filler));
	CLEANUP_ANSWER struct answer a = hear(two, false);

	ck_assert_uint_eq(a.status, 503);
	ck_assert_ptr_nonnull(header(&a, "Retry-After"));
	say(one, " ");
	CLEANUP_ANSWER struct answer b = hear(one, false);

	ck_assert_uint_eq(b.status, 400);
	wait_until("symbolized_http_held_bytes 0");
	CLEANUP_ANSWER struct answer c =
		ask(three, POST("Content-Length: 22\r\n",
				"{\"build_ids\":[\"aa00\"]}"));

	ck_assert_uint_eq(c.status, 200);
	stop(100);
}
END_TEST

UNIT_MAIN("http_admit", an_address_is_a_literal_with_or_without_a_port,
	  a_range_is_an_address_and_a_number_of_bits,
	  of_the_forwarded_the_last_who_is_not_trusted_is_the_client,
	  a_client_is_an_ipv4_address_or_half_of_an_ipv6_one,
	  without_memory_nobody_is_let_in_and_nothing_leaks,
	  over_the_limit_of_connections_only_operators_are_answered,
	  when_most_connections_are_taken_who_is_idle_makes_room,
	  who_ends_within_its_header_is_not_waited_for,
	  a_proxy_that_is_trusted_has_no_limit_but_whom_it_speaks_for_has,
	  who_is_not_trusted_is_believed_nothing,
	  a_range_that_is_none_ends_the_start, bodies_together_have_a_limit)

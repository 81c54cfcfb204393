/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of src/upstream that need no server; with one: tests/it/upstream-*.
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "tests/unit/unit.h"
#include "upstream/address.h"
#include "upstream/ask_path.h"
#include "upstream/breaker.h"
#include "upstream/negative.h"
#include "upstream/upstream.h"
#include "upstream/upstream_list.h"

/* ---- The list ------------------------------------------------------------ */

START_TEST(urls_are_taken_as_libdebuginfod_takes_them)
{
	struct upstream_list l;

	upstream_list_init(&l);
	ck_no_error(upstream_list_add(
		&l,
		" https://a.example/\thttp://u:pw@B.example:8002/x/buildid/ "
		"ima:enforcing file:///srv http://[::1]:1 https://a.example ",
		true));
	ck_assert_uint_eq(l.count, 3);
	ck_assert_str_eq(l.v[0].base, "https://a.example");
	ck_assert_str_eq(l.v[0].name, "a.example");
	ck_assert_str_eq(l.v[1].base, "http://u:pw@B.example:8002/x");
	ck_assert_str_eq(l.v[1].name, "B.example:8002");
	ck_assert_str_eq(l.v[2].name, "[::1]:1");
	ck_assert(upstream_list_find(&l, "A.EXAMPLE", "443"));
	ck_assert(upstream_list_find(&l, "b.example", "8002"));
	ck_assert(upstream_list_find(&l, "[::1]", "1"));
	ck_assert(!upstream_list_find(&l, "a.example", "22"));
	ck_assert(!upstream_list_find(&l, "b.example", "80"));
	ck_assert(!upstream_list_find(&l, "b.example", "800"));
	ck_assert(!upstream_list_find(&l, "a.exam", "443"));
	ck_assert(!upstream_list_find(&l, "x.a.example", "443"));
	upstream_list_deinit(&l);
}
END_TEST

START_TEST(a_bad_url_is_named_without_its_password)
{
	static const char *const bad[] = {
		"ftp://a.example",    "a.example",           "http://",
		"http://a.example?x", "http://a.example/#f", "https://a b",
		"http://u:secret@/",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct upstream_list l;

		upstream_list_init(&l);
		struct error *err = upstream_list_add(&l, bad[i], false);

		ck_assert_msg(err != NULL, "%s", bad[i]);
		ck_assert_int_eq(error_kind(err), ERROR_BAD_REQUEST);
		ck_assert_ptr_null(strstr(error_message(err), "secret"));
		error_free(err);
		upstream_list_deinit(&l);
	}
}
END_TEST

START_TEST(a_file_says_how_each_is_treated)
{
	static const char text[] = "# all\n"
				   "timeout = 20\r\n"
				   "header=X-All: 1\n"
				   "\n"
				   " [http://a.example] \n"
				   "concurrency = 7\n"
				   "header = Authorization: Bearer secret\n"
				   "[http://b.example/buildid]\n"
				   "timeout=3\n"
				   "hedge = 0\n"
				   "retries = 0\n"
				   "connect-timeout = 2\n";
	struct upstream_list l;

	upstream_list_init(&l);
	ck_no_error(upstream_list_parse(&l, "f", text));
	ck_assert_uint_eq(l.count, 2);
	const struct upstream_manner *a = &l.v[0].manner, *b = &l.v[1].manner;

	ck_assert_uint_eq(a->timeout_ms, 20000);
	ck_assert_uint_eq(a->concurrency, 7);
	ck_assert_uint_eq(a->header_count, 2);
	ck_assert_str_eq(a->headers[1], "Authorization: Bearer secret");
	ck_assert_uint_eq(b->timeout_ms, 3000);
	ck_assert_uint_eq(b->connect_ms, 2000);
	ck_assert_uint_eq(b->hedge_ms, 0);
	ck_assert_uint_eq(b->retries, 0);
	ck_assert_uint_eq(b->concurrency, 4);
	ck_assert_uint_eq(b->header_count, 1);
	ck_assert_str_eq(b->headers[0], "X-All: 1");
	upstream_list_deinit(&l);
}
END_TEST

START_TEST(what_is_wrong_in_a_file_is_named_by_its_line)
{
	static const struct {
		const char *text, *where;
	} bad[] = {
		{ "timeout = x", "f:1" },
		{ "\n\ntimeout = 0", "f:3" },
		{ "timeout = -1", "f:1" },
		{ "colour = red", "f:1" },
		{ "no equals", "f:1" },
		{ "[]", "f:1" },
		{ "[http://a.example", "f:1" },
		{ "[gopher://a.example]\n", "f:2" },
		{ "[http://a.example]\nheader = no colon", "f:2" },
		{ "[http://a.example]\nheader = X: a\tb\033", "f:2" },
		{ "token-file = /nowhere/at/all", "f:1" },
		{ "ca-file = /nowhere/at/all", "f:1" },
		{ "\nca-file = /dev/null", "f:2" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct upstream_list l;

		upstream_list_init(&l);
		struct error *err = upstream_list_parse(&l, "f", bad[i].text);

		ck_assert_msg(err != NULL, "%s", bad[i].text);
		ck_assert_msg(!strncmp(error_message(err), bad[i].where, 3),
			      "%s: %s", bad[i].text, error_message(err));
		error_free(err);
		upstream_list_deinit(&l);
	}
}
END_TEST

START_TEST(a_list_without_memory_fails_and_leaks_nothing)
{
	bool has_failed = true;

	for (unsigned long n = 1; has_failed; n++) {
		struct upstream_list l;

		upstream_list_init(&l);
		mem_fail_at(n);
		struct error *err = upstream_list_parse(
			&l, "f",
			"header = A: 1\n[http://a.example]\nheader = B: 2\n"
			"[http://b.example:1]\n");

		has_failed = mem_fail_happened();
		mem_fail_at(0);
		if (has_failed)
			ck_error(err, NO_MEMORY, "");
		else
			ck_no_error(err);
		upstream_list_deinit(&l);
	}
}
END_TEST

/* ---- Paths --------------------------------------------------------------- */

static const char *path_of(const char *type, const char *suffix)
{
	static char text[256];
	struct upstream_question q = { .type = type, .suffix = suffix };
	char *path;

	build_id_set(&q.id, "\1\2\3", 3);
	struct error *err = ask_path(&q, &path);

	if (err) {
		ck_error(err, BAD_REQUEST, "path");
		return "none";
	}
	snprintf(text, sizeof(text), "%s", path);
	mem_free(path);
	return text;
}

/* */
START_TEST(no_path_leads_out_of_what_it_is_asked_below)
{
#define BELOW "/buildid/010203/"
	static const struct {
		const char *type, *suffix, *path;
	} cases[] = {
		{ "debuginfo", NULL, BELOW "debuginfo" },
		{ "source", "/usr/a.c", BELOW "source/usr/a.c" },
		{ "source", "usr/a.c", BELOW "source/usr/a.c" },
		{ "source", "/usr/../../../../x", BELOW "source/x" },
		{ "source", "/usr//.././/../x/./y/", BELOW "source/x/y" },
		{ "source", "/../buildid/ff/debuginfo",
		  BELOW "source/buildid/ff/debuginfo" },
		{ "source", "/a b?c#d%e&\xff",
		  BELOW "source/a%20b%3Fc%23d%25e%26%FF" },
		/* It was encoded twice: it stays what it is. */
		{ "source", "/%2e%2e/x", BELOW "source/%252e%252e/x" },
		{ "source", "/a\\b", BELOW "source/a%5Cb" },
		{ "source", "/a\\..\\..\\x", "none" },
		{ "source", "/..\\x", "none" },
		{ "source", "/", "none" },
		{ "source", "/x/../..", "none" },
		{ "section", ".text", BELOW "section/.text" },
		{ "section", "kprobe/do_exit", BELOW "section/kprobe/do_exit" },
		{ "section", "..", "none" },
		{ "section", ".", "none" },
		{ "section", "a/../../b", "none" },
		{ "section", "/a", "none" },
		{ "section", "a//b", "none" },
		{ "section", "..\\..\\x", "none" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_str_eq(path_of(cases[i].type, cases[i].suffix),
				 cases[i].path);
}
END_TEST

/* */
START_TEST(what_is_searched_for_is_one_value)
{
	static const struct {
		const char *value, *path;
	} cases[] = {
		{ "/usr/b*/[a-c]?", "/usr/b%2A/%5Ba-c%5D%3F" },
		{ "", "" },
		{ "a&key=x#y%00+ ", "a%26key%3Dx%23y%2500%2B%20" },
		{ "\r\nHost: x\xff", "%0D%0AHost%3A%20x%FF" },
		{ "/../a", "/../a" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static const char prefix[] = "/metadata?key=glob&value=";
		const struct upstream_search q = { .key = "glob",
						   .value = cases[i].value };
		CLEANUP_FREE char *path = NULL;

		ck_no_error(ask_search_path(&q, &path));
		ck_assert_int_eq(strncmp(path, prefix, strlen(prefix)), 0);
		ck_assert_str_eq(path + strlen(prefix), cases[i].path);
	}
}
END_TEST

START_TEST(a_path_without_memory_is_an_error)
{
	const struct upstream_question q = { .type = "source",
					     .suffix = "/a/../b c" };
	bool has_failed = true;

	for (unsigned long n = 1; has_failed; n++) {
		char *path = NULL;

		mem_fail_at(n);
		struct error *err = ask_path(&q, &path);

		has_failed = mem_fail_happened();
		mem_fail_at(0);
		if (has_failed)
			ck_error(err, NO_MEMORY, "");
		else
			ck_no_error(err);
		mem_free(path);
	}
}
END_TEST

START_TEST(who_asks_is_copied_with_all_that_is_said)
{
	char via[] = "1.1 other", agent[] = "elfutils/0.188";
	const struct upstream_hop said = { .via = via, .user_agent = agent };
	struct upstream_hop *hop = upstream_hop_dup(&said);

	ck_assert_ptr_nonnull(hop);
	memset(via, 'x', sizeof(via) - 1);
	memset(agent, 'x', sizeof(agent) - 1);
	ck_assert_str_eq(hop->via, "1.1 other");
	ck_assert_str_eq(hop->user_agent, "elfutils/0.188");
	ck_assert_ptr_null(hop->forwarded_for);
	ck_assert_ptr_null(hop->traceparent);
	ck_assert_ptr_null(hop->request_id);
	mem_free(hop);
	mem_fail_at(1);
	ck_assert_ptr_null(upstream_hop_dup(&said));
	mem_fail_at(0);
}
END_TEST

/* ---- Addresses ----------------------------------------------------------- */

static bool is_private(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_is_private((struct sockaddr *)&v4);
	ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return address_is_private((struct sockaddr *)&v6);
}

/* */
START_TEST(addresses_that_are_not_the_internet_are_private)
{
	static const char *const private[] = {
		"127.0.0.1",
		"127.255.0.9",
		"10.1.2.3",
		"172.16.0.1",
		"172.31.255.255",
		"192.168.1.1",
		"169.254.169.254",
		"100.64.0.1",
		"0.0.0.0",
		"224.0.0.1",
		"255.255.255.255",
		"198.18.0.1",
		"::1",
		"::",
		"fe80::1",
		"fc00::1",
		"fd12::1",
		"ff02::1",
		"::ffff:10.0.0.1",
		"::ffff:127.0.0.1",
		"::127.0.0.1",
		"64:ff9b::a00:1",
		"2002:7f00:1::1",
		"2001:db8::1",
	};
	static const char *const public[] = {
		"8.8.8.8",        "172.32.0.1",       "172.15.0.1",
		"192.167.1.1",    "100.128.0.1",      "11.0.0.1",
		"126.1.1.1",      "2600::1",          "2a01:4f8::1",
		"::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
	};
	const struct sockaddr local = { .sa_family = AF_UNIX };

	for (size_t i = 0; i < sizeof(private) / sizeof(*private); i++)
		ck_assert_msg(is_private(private[i]), "%s", private[i]);
	for (size_t i = 0; i < sizeof(public) / sizeof(*public); i++)
		ck_assert_msg(!is_private(public[i]), "%s", public[i]);
	ck_assert(address_is_private(&local));
}
END_TEST

/* ---- The breaker --------------------------------------------------------- */

/* */
START_TEST(five_failures_in_a_row_open_it_for_a_minute)
{
	struct breaker b = { 0 };
	int64_t now = 1000;
	bool is_probe;

	for (int i = 0; i < 4; i++)
		ck_assert(!breaker_failure(&b, false, now));
	breaker_success(&b, now);
	for (int i = 0; i < 4; i++)
		ck_assert(!breaker_failure(&b, false, now));
	ck_assert(breaker_admit(&b, now, &is_probe));
	ck_assert(breaker_failure(&b, false, now));
	ck_assert_int_eq(breaker_state(&b, now), BREAKER_OPEN);
	ck_assert(!breaker_admit(&b, now + 59999, &is_probe));
	/* One that was under way changes nothing. */
	ck_assert(!breaker_failure(&b, false, now + 1));
	ck_assert(breaker_admit(&b, now + 60000, &is_probe));
}
END_TEST

START_TEST(one_probe_goes_and_decides)
{
	struct breaker b = { 0 };
	int64_t now = 0;
	bool is_probe;

	for (int i = 0; i < 5; i++)
		breaker_failure(&b, false, now);
	now += 60000;
	ck_assert_int_eq(breaker_state(&b, now), BREAKER_HALF_OPEN);
	ck_assert(breaker_admit(&b, now, &is_probe));
	ck_assert(!breaker_admit(&b, now, &is_probe));
	/* Who was let go before, and is called back or fails, is not it. */
	breaker_release(&b, false);
	ck_assert(!breaker_failure(&b, false, now));
	ck_assert(!breaker_admit(&b, now, &is_probe));
	ck_assert(!is_probe);
	breaker_release(&b, true);
	ck_assert(breaker_admit(&b, now, &is_probe));
	ck_assert(breaker_failure(&b, true, now));
	/* For longer each time, but not for ever. */
	ck_assert(!breaker_admit(&b, now + 119999, &is_probe));
	for (int64_t ms = 120000; ms <= 480000; ms *= 2) {
		now += ms;
		ck_assert(breaker_admit(&b, now, &is_probe));
		ck_assert(breaker_failure(&b, true, now));
	}
	now += 480000;
	ck_assert(breaker_admit(&b, now, &is_probe));
	breaker_success(&b, now);
	ck_assert_int_eq(breaker_state(&b, now), BREAKER_CLOSED);
	ck_assert(breaker_admit(&b, now, &is_probe));
	ck_assert(breaker_admit(&b, now, &is_probe));
}
END_TEST

START_TEST(trouble_lowers_the_rank_and_fades)
{
	struct breaker good = { 0 }, bad = { 0 };

	breaker_success(&good, 0);
	breaker_slow(&bad, 0);
	ck_assert_uint_eq(breaker_rank(&good, 0), 0);
	ck_assert_uint_gt(breaker_rank(&bad, 0), 0);
	ck_assert_uint_eq(breaker_rank(&bad, 600000), 0);
	for (int i = 0; i < 5; i++)
		breaker_failure(&bad, false, 0);
	breaker_slow(&good, 0);
	ck_assert_uint_gt(breaker_rank(&bad, 0), breaker_rank(&good, 0));
}
END_TEST

/* ---- Negative answers ---------------------------------------------------- */

static struct negative_key a_key(const char *path)
{
	struct negative_key key = { .path = path };

	build_id_set(&key.id, "0123456789abcdefghij", 20);
	return key;
}

/* */
START_TEST(each_cause_holds_for_its_own_time)
{
	static const struct {
		enum upstream_cause cause;
		int64_t ms;
	} causes[] = {
		{ UPSTREAM_ABSENT, 3600000 },  { UPSTREAM_TRANSIENT, 1000 },
		{ UPSTREAM_MISMATCH, 60000 },  { UPSTREAM_MALFORMED, 60000 },
		{ UPSTREAM_TOO_LARGE, 60000 },
	};
	struct negative_key key = a_key("/x");
	enum upstream_cause cause;
	struct negative *n;
	int64_t left;

	ck_no_error(negative_create(&n));
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		int64_t ms = causes[i].ms;

		ck_assert_int_eq(negative_put(n, &key, causes[i].cause, 0, 5),
				 ms);
		ck_assert(negative_get(n, &key, 5, &cause, &left));
		ck_assert_int_eq(cause, causes[i].cause);
		ck_assert_int_eq(left, ms);
		ck_assert(!negative_get(n, &key, 5 + ms, &cause, &left));
	}
	negative_destroy(n);
}
END_TEST

START_TEST(trouble_is_waited_for_longer_each_time)
{
	struct negative_key key = a_key("/x");
	int64_t now = 0, expected = 1000;
	struct negative *n;

	ck_no_error(negative_create(&n));
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(
			negative_put(n, &key, UPSTREAM_TRANSIENT, 0, now),
			expected);
		now += expected;
		expected = expected * 2 > 60000 ? 60000 : expected * 2;
	}
	/* It asked for more. */
	ck_assert_int_eq(negative_put(n, &key, UPSTREAM_TRANSIENT, 70000, now),
			 70000);
	negative_remove(n, &key);
	ck_assert_int_eq(negative_put(n, &key, UPSTREAM_TRANSIENT, 0, now),
			 1000);
	negative_destroy(n);
}
END_TEST

START_TEST(a_scan_that_finds_the_id_makes_it_forgotten)
{
	struct negative_key key = a_key("/x"), other = a_key("/x");
	enum upstream_cause cause;
	struct negative *n;
	int64_t left;

	other.upstream = 1;
	ck_no_error(negative_create(&n));
	negative_put(n, &key, UPSTREAM_ABSENT, 0, 0);
	ck_assert(!negative_get(n, &other, 0, &cause, &left));
	negative_forget(n, &key.id);
	ck_assert(!negative_get(n, &key, 0, &cause, &left));
	negative_destroy(n);
}
END_TEST

START_TEST(many_answers_take_no_more_room)
{
	enum upstream_cause cause;
	unsigned known = 0;
	struct negative *n;
	int64_t left;

	ck_no_error(negative_create(&n));
	for (unsigned i = 0; i < 100000; i++) {
		char path[32];
		struct negative_key key = a_key(path);

		snprintf(path, sizeof(path), "/%u", i);
		negative_put(n, &key, UPSTREAM_ABSENT, 0, i);
		known += negative_get(n, &key, i, &cause, &left);
	}
	ck_assert_uint_eq(known, 100000);
	negative_destroy(n);
}
END_TEST

/* ---- The thread ---------------------------------------------------------- */

/* A server that says 404 of IDs of ones, and of others nothing. */
struct mute_server {
	int fd;
	char url[64];
	struct upstream_list list;
	pthread_t thread;
};

static void *answer_some(void *arg)
{
	static const char absent[] = "HTTP/1.1 404 Not Found\r\n"
				     "Content-Length: 0\r\n\r\n";
	struct mute_server *s = arg;
	int connections[16], count = 0, fd;

	while (count < 16 && (fd = accept(s->fd, NULL, NULL)) >= 0) {
		char head[4096] = "";

		connections[count++] = fd;
		if (recv(fd, head, sizeof(head) - 1, 0) > 0 &&
		    strstr(head, "/1111"))
			send(fd, absent, strlen(absent), MSG_NOSIGNAL);
	}
	while (count)
		close(connections[--count]);
	return NULL;
}

static void server_start(struct mute_server *s, void *(*answer)(void *))
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&a, size), 0);
	ck_assert_int_eq(listen(s->fd, 16), 0);
	ck_assert_int_eq(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u",
		 ntohs(a.sin_port));
	upstream_list_init(&s->list);
	ck_no_error(upstream_list_add(&s->list, s->url, false));
	ck_assert_int_eq(pthread_create(&s->thread, NULL, answer, s), 0);
}

static void mute_server_start(struct mute_server *s)
{
	server_start(s, answer_some);
}

static void mute_server_stop(struct mute_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	upstream_list_deinit(&s->list);
}

struct turn {
	struct upstream_fetch *fetch;
	_Atomic unsigned pokes;
	_Atomic bool *is_enough;
	_Atomic bool is_over;
	enum upstream_cause cause;
};

static void poke_again(void *ctx)
{
	struct turn *t = ctx;

	atomic_fetch_add(&t->pokes, 1);
	if (!t->is_enough || atomic_load(t->is_enough))
		upstream_cancel(t->fetch);
	else
		upstream_poke(t->fetch);
}

static void note_end(void *ctx, const struct upstream_end *e)
{
	struct turn *t = ctx;

	t->cause = e->cause;
	atomic_store(&t->is_over, true);
}

static bool wait_for(const _Atomic bool *flag)
{
	for (int ms = 0; ms < 20000 && !atomic_load(flag); ms++)
		usleep(1000);
	return atomic_load(flag);
}

START_TEST(who_always_has_more_to_do_lets_others_have_their_turn)
{
	static const struct upstream_receiver receiver = {
		.poked = poke_again,
		.ended = note_end,
	};
	struct upstream_question busy_q = { .type = "debuginfo" };
	struct upstream_question quick_q = { .type = "debuginfo" };
	struct mute_server server;
	static struct turn busy, quick;
	struct upstreams *u;

	build_id_set(&busy_q.id, "\x22\x22\x22", 3);
	build_id_set(&quick_q.id, "\x11\x11\x11", 3);
	mute_server_start(&server);
	const struct upstreams_options options = { .list = &server.list,
						   .max_bytes = 1 << 20 };

	ck_no_error(upstreams_open(&options, &u));
	busy.is_enough = &quick.is_over;
	ck_no_error(upstream_fetch(u, &busy_q, &receiver, &busy, &busy.fetch));
	upstream_poke(busy.fetch);
	/* It is ordered, connects, asks and is answered, all between pokes. */
	ck_no_error(
		upstream_fetch(u, &quick_q, &receiver, &quick, &quick.fetch));
	ck_assert(wait_for(&quick.is_over));
	ck_assert_int_eq(quick.cause, UPSTREAM_ABSENT);
	ck_assert(wait_for(&busy.is_over));
	ck_assert_int_eq(busy.cause, UPSTREAM_CANCELLED);
	ck_assert_uint_gt(busy.pokes, 1);
	upstreams_close(u);
	mute_server_stop(&server);
}
END_TEST

/* It says of whatever is searched for that there is nothing. */
static void *answer_all(void *arg)
{
	static const char none[] = "HTTP/1.1 200 OK\r\n"
				   "Content-Type: application/json\r\n"
				   "Connection: close\r\n"
				   "Content-Length: 2\r\n\r\n[]";
	struct mute_server *s = arg;
	char head[4096];
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		if (recv(fd, head, sizeof(head), 0) > 0)
			send(fd, none, strlen(none), MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

struct searched {
	_Atomic bool is_over;
	enum upstream_cause cause;
	size_t bytes, said;
};

static bool note_data(void *ctx, size_t server, const void *bytes, size_t size)
{
	struct searched *s = ctx;

	(void)server;
	(void)bytes;
	s->bytes += size;
	return true;
}

static void note_said(void *ctx, size_t server,
		      const struct upstream_opinion *o)
{
	struct searched *s = ctx;

	(void)server;
	s->said++;
	s->cause = o->cause;
}

static void note_search_end(void *ctx)
{
	struct searched *s = ctx;

	atomic_store(&s->is_over, true);
}

/* @return Was it begun? Then it has ended. */
static struct error *search(struct upstreams *u, struct searched *ret)
{
	static const struct upstream_searcher searcher = {
		.data = note_data,
		.said = note_said,
		.ended = note_search_end,
	};
	static const struct upstream_hop hop = { .user_agent = "test" };
	const struct upstream_search q = { .key = "glob",
					   .value = "/usr/bin/x y",
					   .hop = &hop,
					   .until_ms = INT64_MAX,
					   .limit_bytes = 1 << 20 };

	*ret = (struct searched) { 0 };
	TRY(upstream_search(u, &q, &searcher, ret));
	ck_assert(wait_for(&ret->is_over));
	ck_assert_uint_eq(ret->said, 1);
	return NULL;
}

START_TEST(a_search_without_memory_ends_all_the_same)
{
	struct mute_server server;
	struct searched s;
	struct upstreams *u;
	bool has_failed = true, was_refused = false;
	unsigned long n = 0;

	server_start(&server, answer_all);
	const struct upstreams_options options = { .list = &server.list,
						   .max_bytes = 1 << 20 };

	while (has_failed) {
		ck_assert_uint_lt(++n, 1000);
		ck_no_error(upstreams_open(&options, &u));
		mem_fail_anywhere(n);
		struct error *err = search(u, &s);

		has_failed = mem_fail_happened();
		mem_fail_anywhere(0);
		was_refused |= err != NULL;
		if (err)
			ck_error(err, NO_MEMORY, "");
		else if (!has_failed)
			ck_assert_int_eq(s.cause, UPSTREAM_FOUND);
		ck_assert(!err || has_failed);
		ck_no_error(search(u, &s));
		ck_assert_int_eq(s.cause, UPSTREAM_FOUND);
		ck_assert_uint_eq(s.bytes, 2);
		upstreams_close(u);
	}
	ck_assert(was_refused);
	mute_server_stop(&server);
}
END_TEST

static int64_t full_queues(void)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, "queued_jobs"), 0);
}

START_TEST(one_fetch_more_than_may_be_is_refused_and_counted)
{
	static const struct upstream_receiver receiver = { .ended = note_end };
	struct upstream_question q = { .type = "debuginfo" };
	struct mute_server server;
	static struct turn first, surplus;
	struct upstreams *u;
	int64_t before = full_queues();

	build_id_set(&q.id, "\x22\x22\x22", 3);
	mute_server_start(&server);
	const struct upstreams_options options = { .list = &server.list,
						   .max_bytes = 1 << 20,
						   .fetches_most = 1 };

	ck_no_error(upstreams_open(&options, &u));
	ck_no_error(upstream_fetch(u, &q, &receiver, &first, &first.fetch));
	ck_error(upstream_fetch(u, &q, &receiver, &surplus, &surplus.fetch),
		 BUSY, "too many upstream fetches");
	ck_assert_int_eq(full_queues(), before + 1);
	upstreams_abort(u);
	ck_error(upstream_fetch(u, &q, &receiver, &surplus, &surplus.fetch),
		 BUSY, "shutting down");
	ck_assert_int_eq(full_queues(), before + 1);
	ck_assert(wait_for(&first.is_over));
	upstreams_close(u);
	mute_server_stop(&server);
}
END_TEST

UNIT_MAIN("upstream", a_search_without_memory_ends_all_the_same,
	  urls_are_taken_as_libdebuginfod_takes_them,
	  a_bad_url_is_named_without_its_password,
	  a_file_says_how_each_is_treated,
	  what_is_wrong_in_a_file_is_named_by_its_line,
	  a_list_without_memory_fails_and_leaks_nothing,
	  no_path_leads_out_of_what_it_is_asked_below,
	  what_is_searched_for_is_one_value, a_path_without_memory_is_an_error,
	  who_asks_is_copied_with_all_that_is_said,
	  addresses_that_are_not_the_internet_are_private,
	  five_failures_in_a_row_open_it_for_a_minute,
	  one_probe_goes_and_decides, trouble_lowers_the_rank_and_fades,
	  each_cause_holds_for_its_own_time,
	  trouble_is_waited_for_longer_each_time,
	  a_scan_that_finds_the_id_makes_it_forgotten,
	  many_answers_take_no_more_room,
	  who_always_has_more_to_do_lets_others_have_their_turn,
	  one_fetch_more_than_may_be_is_refused_and_counted)

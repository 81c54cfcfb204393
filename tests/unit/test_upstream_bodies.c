/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that are coded, and one thread that receives all of them: what one
 * server sends costs another nothing. */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/units.h"
#include "tests/unit/unit.h"
#include "upstream/coding.h"
#include "upstream/http_client.h"
#include "upstream/upstream.h"
#include "upstream/upstream_list.h"

/* ---- Which codings ------------------------------------------------------- */

START_TEST(one_coding_is_let_through_and_it_is_gzip)
{
	static const struct {
		const char *lines[3];
		bool is_allowed; /* the last one */
	} cases[] = {
		{ { "Content-Length: 5\r\n" }, true },
		{ { "Content-Encoding: gzip\r\n" }, true },
		{ { "content-encoding:GZIP" }, true },
		{ { "Content-Encoding: x-gzip\r\n" }, true },
		{ { "Content-Encoding:\r\n" }, true },
		{ { "Content-Encoding: identity, gzip\r\n" }, true },
		{ { "Transfer-Encoding: chunked\r\n" }, true },
		{ { "Transfer-Encoding: identity\r\n" }, true },
		{ { "Transfer-Encoding: chunked\r\n",
		    "Content-Encoding: gzip\r\n" },
		  true },
		{ { "Content-Encoding: gzip, gzip\r\n" }, false },
		{ { "Content-Encoding: gzip,,gzip\r\n" }, false },
		{ { "Content-Encoding: gzip,\tx-gzip" }, false },
		{ { "Content-Encoding: gzip\r\n",
		    "Content-Encoding: gzip\r\n" },
		  false },
		{ { "Content-Encoding: gzip\r\n", "HTTP/1.1 200 OK\r\n",
		    "CONTENT-ENCODING: gzip\r\n" },
		  false },
		{ { "Content-Encoding: deflate\r\n" }, false },
		{ { "Content-Encoding: br\r\n" }, false },
		{ { "Content-Encoding: zstd\r\n" }, false },
		{ { "Content-Encoding: gzip;q=1\r\n" }, false },
		{ { "Content-Encoding: gzipped\r\n" }, false },
		{ { "Transfer-Encoding: gzip, chunked\r\n" }, false },
		{ { "Transfer-Encoding: gzip\r\n" }, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned count = 0;
		bool is_allowed = true;

		for (size_t j = 0; j < 3 && cases[i].lines[j]; j++) {
			const char *line = cases[i].lines[j];

			ck_assert_msg(is_allowed, "case %zu", i);
			is_allowed = coding_allows(&count, line, strlen(line));
		}
		ck_assert_msg(is_allowed == cases[i].is_allowed, "case %zu", i);
	}
}
END_TEST

/* ---- A server ------------------------------------------------------------ */

enum { CONNECTIONS_MOST = 32, BLOCK = 4096 };

struct told_server;

/* What it answers to a path with that in it. */
struct told {
	const char *part;
	void (*answer)(struct told_server *s, int fd);
};

struct told_server {
	const struct told *told;
	void *ctx;
	int fd;
	char url[64];
	struct upstream_list list;
	pthread_t thread, threads[CONNECTIONS_MOST];
	int fds[CONNECTIONS_MOST];
	_Atomic size_t taken;
	size_t count;
};

static bool say(int fd, const void *bytes, size_t size)
{
	for (const char *at = bytes; size;) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static bool say_text(int fd, const char *text)
{
	return say(fd, text, strlen(text));
}

static void *answer_one(void *arg)
{
	struct told_server *s = arg;
	int fd = s->fds[atomic_fetch_add(&s->taken, 1)];
	char head[4096] = "";

	if (recv(fd, head, sizeof(head) - 1, 0) <= 0)
		return NULL;
	for (const struct told *t = s->told; t->part; t++) {
		if (!strstr(head, t->part))
			continue;
		t->answer(s, fd);
		break;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct told_server *s = arg;
	int fd;

	while (s->count < CONNECTIONS_MOST &&
	       (fd = accept(s->fd, NULL, NULL)) >= 0) {
		s->fds[s->count] = fd;
		if (pthread_create(&s->threads[s->count], NULL, answer_one, s))
			abort();
		s->count++;
	}
	return NULL;
}

static void told_server_start(struct told_server *s, const struct told *told,
			      void *ctx)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof(a);

	*s = (struct told_server) { .told = told, .ctx = ctx };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&a, size), 0);
	ck_assert_int_eq(listen(s->fd, CONNECTIONS_MOST), 0);
	ck_assert_int_eq(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u",
		 ntohs(a.sin_port));
	upstream_list_init(&s->list);
	ck_no_error(upstream_list_add(&s->list, s->url, false));
	s->list.v[0].manner.retries = 0;
	ck_assert_int_eq(pthread_create(&s->thread, NULL, accept_all, s), 0);
}

static void told_server_stop(struct told_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < s->count; i++) {
		shutdown(s->fds[i], SHUT_RDWR);
		pthread_join(s->threads[i], NULL);
		close(s->fds[i]);
	}
	close(s->fd);
	upstream_list_deinit(&s->list);
}

/* ---- Who is told --------------------------------------------------------- */

struct listener {
	struct upstream_fetch *fetch;
	bool (*data)(struct listener *l, const uint8_t *bytes, size_t size);
	void *ctx;
	uint64_t received;
	_Atomic bool has_begun, has_data, is_over;
	bool is_wrong;
	enum upstream_cause cause;
	char why[96];
};

static bool on_begin(void *ctx, const struct upstream_answer *a)
{
	struct listener *l = ctx;

	(void)a;
	l->received = 0;
	atomic_store(&l->has_begun, true);
	return true;
}

static bool on_data(void *ctx, const void *bytes, size_t size)
{
	struct listener *l = ctx;
	bool goes_on = !l->data || l->data(l, bytes, size);

	l->received += size;
	atomic_store(&l->has_data, true);
	return goes_on;
}

static bool on_idle(void *ctx)
{
	(void)ctx;
	return true;
}

static void on_whole(void *ctx)
{
	struct listener *l = ctx;

	upstream_accept(l->fetch);
}

static void on_lost(void *ctx, const char *name, enum upstream_cause cause,
		    const char *why)
{
	(void)ctx;
	(void)name;
	(void)cause;
	(void)why;
}

static void on_ended(void *ctx, const struct upstream_end *e)
{
	struct listener *l = ctx;

	l->cause = e->cause;
	snprintf(l->why, sizeof(l->why), "%s", e->why);
	atomic_store(&l->is_over, true);
}

static const struct upstream_receiver receiver = {
	.begin = on_begin,
	.data = on_data,
	.idle = on_idle,
	.whole = on_whole,
	.lost = on_lost,
	.ended = on_ended,
};

/* @p digit: what the ID is made of. */
static void ask_for(struct upstreams *u, struct listener *l, char digit)
{
	struct upstream_question q = { .type = "debuginfo" };
	char id[8];

	memset(id, digit << 4 | digit, sizeof(id));
	build_id_set(&q.id, (const uint8_t *)id, sizeof(id));
	ck_no_error(upstream_fetch(u, &q, &receiver, l, &l->fetch));
}

static bool wait_for(const _Atomic bool *flag)
{
	for (int ms = 0; ms < 60000 && !atomic_load(flag); ms++)
		usleep(1000);
	return atomic_load(flag);
}

static struct upstreams *open_upstreams(struct told_server *s)
{
	const struct upstreams_options options = { .list = &s->list,
						   .max_bytes = 64 * GIB };
	struct upstreams *u;

	ck_no_error(upstreams_open(&options, &u));
	return u;
}

/* ---- Codings that are not let through ------------------------------------ */

static void say_stacked(struct told_server *s, int fd)
{
	const char *header = s->ctx;

	if (say_text(fd, header) && say_text(fd, "Content-Length: 4\r\n\r\n"))
		say_text(fd, "\x1f\x8b\x08");
}

START_TEST(a_body_that_is_coded_otherwise_ends_with_its_header)
{
	static const struct told told[] = { { "/1111", say_stacked },
					    { NULL, NULL } };
	static char many_commas[8 << 10];
	const struct {
		const char *header;
		enum upstream_cause cause;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n",
		  UPSTREAM_MALFORMED },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
		  UPSTREAM_MALFORMED },
		{ "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n",
		  UPSTREAM_MALFORMED },
		{ many_commas, UPSTREAM_MALFORMED },
		{ "HTTP/1.1 404 No\r\nContent-Encoding: br\r\n",
		  UPSTREAM_ABSENT },
		{ "HTTP/1.1 503 No\r\nContent-Encoding: br\r\n",
		  UPSTREAM_TRANSIENT },
	};

	memset(many_commas, ',', sizeof(many_commas));
	memcpy(many_commas, "HTTP/1.1 200 OK\r\nContent-Encoding:", 34);
	strcpy(many_commas + sizeof(many_commas) - 14, "gzip, gzip\r\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct told_server server;
		struct listener l = { 0 };

		told_server_start(&server, told, (void *)cases[i].header);
		struct upstreams *u = open_upstreams(&server);

		ask_for(u, &l, 1);
		ck_assert(wait_for(&l.is_over));
		ck_assert_msg(l.cause == cases[i].cause, "case %zu: %s", i,
			      l.why);
		ck_assert_str_eq(l.why, "a coding that was not offered");
		ck_assert(!l.has_begun);
		upstreams_close(u);
		told_server_stop(&server);
	}
}
END_TEST

START_TEST(a_client_refuses_them_as_well)
{
	static const struct told told[] = { { "POST", say_stacked },
					    { NULL, NULL } };
	struct told_server server;
	struct http_client *c;
	struct http_answer answer = { .body = BUF_INIT };

	told_server_start(
		&server, told,
		(void *)"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n");
	const struct http_post post = {
		.url = server.url,
		.content_type = "text/plain",
		.accept = "*/*",
		.body = "x",
		.size = 1,
		.timeout_ms = 60000,
		.limit_bytes = 100,
	};

	ck_no_error(http_client_create(&c));
	ck_error(http_client_post(c, &post, &answer), UPSTREAM,
		 "a coding that was not offered");
	http_answer_deinit(&answer);
	http_client_free(c);
	told_server_stop(&server);
}
END_TEST

/* ---- Turns --------------------------------------------------------------- */

/* Blocks that each say their number; about 200 bytes of one. */
static size_t make_numbered(uint64_t blocks, uint8_t *out, size_t room)
{
	z_stream z = { .next_out = out, .avail_out = (uInt)room };
	uint8_t block[BLOCK];

	ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, 0), Z_OK);
	for (uint64_t i = 0; i < blocks; i++) {
		memset(block, (int)(i % 251), sizeof(block));
		memcpy(block, &i, sizeof(i));
		z.next_in = block;
		z.avail_in = sizeof(block);
		ck_assert_int_eq(
			deflate(&z, i + 1 < blocks ? Z_NO_FLUSH : Z_FINISH),
			i + 1 < blocks ? Z_OK : Z_STREAM_END);
	}
	size_t size = room - z.avail_out;

	deflateEnd(&z);
	return size;
}

struct coded {
	uint8_t *bytes;
	size_t size;
	bool is_chunked;
};

static void say_coded(struct told_server *s, int fd)
{
	const struct coded *c = s->ctx;
	char text[200];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
		 "%s: %.0zu%s\r\n\r\n",
		 c->is_chunked ? "Transfer-Encoding" : "Content-Length",
		 c->is_chunked ? 0 : c->size, c->is_chunked ? "chunked" : "");
	if (!say_text(fd, text))
		return;
	snprintf(text, sizeof(text), "%zx\r\n", c->size);
	if (c->is_chunked)
		say_text(fd, text);
	if (say(fd, c->bytes, c->size) && c->is_chunked)
		say_text(fd, "\r\n0\r\n\r\n");
}

static bool check_number(struct listener *l, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && !l->is_wrong;) {
		uint64_t number = (l->received + i) / BLOCK;
		size_t at = (l->received + i) % BLOCK;
		uint8_t want = (uint8_t)(number % 251);

		if (at < sizeof(number))
			want = (uint8_t)(number >> 8 * at);
		l->is_wrong = bytes[i] != want;
		i += at < sizeof(number) || i + 512 > size ? 1 : 509;
	}
	return true;
}

START_TEST(a_body_that_has_to_take_turns_is_what_it_was)
{
	enum { BLOCKS = 12 << 10, ROOM = 8 << 20 }; /* 48 MiB */
	static const struct told told[] = { { "/1111", say_coded },
					    { NULL, NULL } };
	struct coded c = { .bytes = mem_alloc(ROOM) };

	c.size = make_numbered(BLOCKS, c.bytes, ROOM);
	for (int i = 0; i < 2; i++) {
		struct told_server server;
		struct listener l[3] = { 0 };

		c.is_chunked = i == 1;
		told_server_start(&server, told, &c);
		struct upstreams *u = open_upstreams(&server);

		for (size_t j = 0; j < 3; j++) {
			l[j].data = check_number;
			ask_for(u, &l[j], 1);
		}
		for (size_t j = 0; j < 3; j++) {
			ck_assert(wait_for(&l[j].is_over));
			ck_assert_msg(l[j].cause == UPSTREAM_FOUND, "%s",
				      l[j].why);
			ck_assert(!l[j].is_wrong);
			ck_assert_uint_eq(l[j].received,
					  (uint64_t)BLOCKS * BLOCK);
		}
		upstreams_close(u);
		told_server_stop(&server);
	}
	mem_free(c.bytes);
}
END_TEST

/* As much as is wanted, a thousand bytes of one. */
static void say_without_end(struct told_server *s, int fd)
{
	static uint8_t zeros[1 << 20], out[4096];
	z_stream z = { .next_out = out, .avail_out = sizeof(out) };
	size_t head;

	(void)s;
	if (deflateInit2(&z, 9, Z_DEFLATED, 31, 8, 0) != Z_OK)
		abort();
	deflate(&z, Z_SYNC_FLUSH);
	head = sizeof(out) - z.avail_out;
	z.next_in = zeros;
	z.avail_in = sizeof(zeros);
	deflate(&z, Z_FULL_FLUSH);
	size_t size = sizeof(out) - z.avail_out - head;

	deflateEnd(&z);
	if (!say_text(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
			  "Content-Length: 100000000\r\n\r\n") ||
	    !say(fd, out, head))
		return;
	/* 4 GiB; then nothing more. */
	for (int i = 0; i < 4096 && say(fd, out + head, size); i++)
		;
	recv(fd, out, sizeof(out), 0);
}

static void say_absent(struct told_server *s, int fd)
{
	(void)s;
	say_text(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* At its first byte the other one, its ctx, is asked for. */
struct first {
	struct upstreams *engine;
	struct listener *other;
	bool is_asked;
};

static bool go_on_until_other_is_over(struct listener *l, const uint8_t *bytes,
				      size_t size)
{
	struct first *f = l->ctx;

	(void)bytes;
	(void)size;
	if (!f->is_asked)
		ask_for(f->engine, f->other, 2);
	f->is_asked = true;
	return !atomic_load(&f->other->is_over);
}

START_TEST(much_that_is_made_of_few_bytes_lets_others_have_their_turn)
{
	static const struct told told[] = { { "/1111", say_without_end },
					    { "/2222", say_absent },
					    { NULL, NULL } };
	struct told_server server;
	struct listener much = { 0 }, quick = { 0 };

	told_server_start(&server, told, NULL);
	server.list.v[0].manner.hedge_ms = 60000;
	struct upstreams *u = open_upstreams(&server);
	struct first first = { .engine = u, .other = &quick };

	much.data = go_on_until_other_is_over;
	much.ctx = &first;
	ask_for(u, &much, 1);
	ck_assert(wait_for(&quick.is_over));
	ck_assert_int_eq(quick.cause, UPSTREAM_ABSENT);
	ck_assert(wait_for(&much.is_over));
	/* Not that there was nothing more. */
	ck_assert_int_eq(much.cause, UPSTREAM_CANCELLED);
	ck_assert_uint_lt(much.received, 3 * GIB);
	upstreams_close(u);
	told_server_stop(&server);
}
END_TEST

/* ---- Our own silence ----------------------------------------------------- */

enum { TIMEOUT_MS = 1500 };

struct halves {
	_Atomic bool has_leave, is_said;
};

static void say_in_halves(struct told_server *s, int fd)
{
	struct halves *h = s->ctx;

	say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na");
	if (wait_for(&h->has_leave))
		say_text(fd, "b");
	atomic_store(&h->is_said, true);
	recv(fd, &(char) { 0 }, 1, 0);
}

static void say_short(struct told_server *s, int fd)
{
	(void)s;
	say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
}

/* Longer than a server may be silent; the other one is not, meanwhile. */
static bool keep_everybody_waiting(struct listener *l, const uint8_t *bytes,
				   size_t size)
{
	struct halves *h = l->ctx;

	(void)bytes;
	(void)size;
	atomic_store(&h->has_leave, true);
	wait_for(&h->is_said);
	usleep((TIMEOUT_MS + 300) * 1000);
	return true;
}

START_TEST(who_sends_while_we_are_busy_is_not_accused_of_silence)
{
	static const struct told told[] = { { "/1111", say_in_halves },
					    { "/2222", say_short },
					    { NULL, NULL } };
	struct listener other = { 0 }, busy = { 0 };
	struct told_server server;
	struct halves h = { 0 };

	told_server_start(&server, told, &h);
	server.list.v[0].manner.timeout_ms = TIMEOUT_MS;
	struct upstreams *u = open_upstreams(&server);

	ask_for(u, &other, 1);
	ck_assert(wait_for(&other.has_data));
	busy.data = keep_everybody_waiting;
	busy.ctx = &h;
	ask_for(u, &busy, 2);
	ck_assert(wait_for(&other.is_over));
	ck_assert_msg(other.cause == UPSTREAM_FOUND, "%s", other.why);
	ck_assert_uint_eq(other.received, 2);
	ck_assert(wait_for(&busy.is_over));
	ck_assert_int_eq(busy.cause, UPSTREAM_FOUND);
	upstreams_close(u);
	told_server_stop(&server);
}
END_TEST

UNIT_MAIN("upstream bodies", one_coding_is_let_through_and_it_is_gzip,
	  a_body_that_is_coded_otherwise_ends_with_its_header,
	  a_client_refuses_them_as_well,
	  a_body_that_has_to_take_turns_is_what_it_was,
	  much_that_is_made_of_few_bytes_lets_others_have_their_turn,
	  who_sends_while_we_are_busy_is_not_accused_of_silence)

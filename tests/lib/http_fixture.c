/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "elf/elf_facts.h"
#include "tests/lib/http_fixture.h"
#include "tests/unit/unit.h"

char large[LARGE];
const char text[] = "0123456789abcdefghij";

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

struct store *store;
struct http_options options;
struct http_server *server;

void set_up(void)
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

void start(void)
{
	ck_no_error(http_start(&options, &server));
	ck_assert_uint_ne(http_port(server), 0);
}

void stop(unsigned deadline_ms)
{
	http_stop(server, deadline_ms);
	store_close(store);
}

int dial_with(const int *room)
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

int dial(void)
{
	return dial_with(NULL);
}

void say_n(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the test sees it in the answer */
		data += n;
		size -= (size_t)n;
	}
}

void say(int fd, const char *data)
{
	say_n(fd, data, strlen(data));
}

const char *header(const struct answer *a, const char *name)
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

struct answer hear(int fd, bool is_head)
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

struct answer ask(int fd, const char *request)
{
	say(fd, request);
	return hear(fd, !strncmp(request, "HEAD", 4));
}

bool is_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

unsigned get_once(const char *request)
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

void wait_until(const char *line)
{
	int64_t until = clock_ms() + 10000;

	while (!metric_says(line)) {
		ck_assert_msg(clock_ms() < until, "never: %s", line);
		poll(NULL, 0, 20);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that is as rude as it is told, many times over, and one that is not.
 *
 *	http_attack [OPTION=NUMBER]... PORT REQUEST-FILE
 *
 * keeps `connections` open, each of which sends the file and reads what comes:
 *
 *	connections=1	at a time
 *	addresses=1	they come from 127.0.1.1, 127.0.1.2, …; probe=1 from
 *			127.0.0.1
 *	seconds=10	at most; it ends before when all have ended
 *	piece=0		so many bytes at a time; 0: all that goes
 *	pause=0		milliseconds between two pieces, and between two reads
 *	take=-1		bytes a read; -1: all that comes, 0: nothing ever
 *	room=0		size of the receive buffer
 *	repeat=1	times that a connection sends the file, without waiting
 *	hold=0		1: a connection goes on when all is sent, else it is
 *			closed when as many answers came; either way the server
 *			may end it
 *	idle=0		of those that hold: milliseconds after the last byte, where an
 *			answer came, when they are closed
 *	again=0		1: where one ends a new one begins
 *	most=1000000	connections made in all
 *
 * Each "@@@@@@@@@@@@@@@@" in the file becomes 16 hexadecimal digits, others for
 * each time that it is sent. At the end it prints lines of "NAME VALUE":
 *
 *	made, failed	connections begun; those that could not be made
 *	ended		those that the server ended
 *	open		those that were there at the end
 *	sent, received	bytes
 *	status NNN COUNT	answers, in order of the first of each
 *
 *	http_attack probe=1 [connections=N] [seconds=S] [pause=MS] PORT PATH
 *
 * asks for PATH with GET, one request after the other, on a new connection each
 * time, and prints
 *
 *	asked COUNT
 *	good COUNT	answered 200
 *	median US
 *	slow US		the 95th percentile
 *	rare US		the 99th
 *	slowest US
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	REQUEST_MOST = 32 << 20,
	TICK_MS = 10,
	EVENTS = 256,
	STATUSES = 600,
	PROBES_MOST = 1000000,
	PROBE_TIMEOUT_MS = 30000,
};

static long connections = 1, addresses = 1, seconds = 10, piece, pause_ms;
static long idle, take = -1, room, repeat = 1, hold, again, most = 1000000,
		  probe;

static const struct {
	const char *name;
	long *value;
} options[] = {
	{ "connections", &connections },
	{ "addresses", &addresses },
	{ "seconds", &seconds },
	{ "piece", &piece },
	{ "pause", &pause_ms },
	{ "take", &take },
	{ "room", &room },
	{ "repeat", &repeat },
	{ "hold", &hold },
	{ "again", &again },
	{ "most", &most },
	{ "idle", &idle },
	{ "probe", &probe },
};

struct connection {
	int fd;        /* -1: there is none */
	char *request; /* owned; with this connection's digits */
	size_t sent;   /* of this turn */
	long turns;    /* done */
	long answers;
	int64_t next_ms, heard_ms;
	char tail[16]; /* the last bytes received */
	size_t tail_size;
};

static char *request;
static size_t request_size;
static uint16_t port;
static int poller;
static uint64_t made, failed, ended, sent, received, counter;
static uint64_t statuses[STATUSES];
static unsigned order[STATUSES], order_count;
static volatile sig_atomic_t is_over;

static void die(const char *what)
{
	perror(what);
	exit(99);
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static int64_t now_ms(void)
{
	return now_us() / 1000;
}

static void end(int signal)
{
	(void)signal;
	is_over = 1;
}

static int open_socket(uint64_t number)
{
	const struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(
			probe ? INADDR_LOOPBACK
			      : 0x7f000101 + (uint32_t)(number %
							(uint64_t)addresses)),
	};
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int on = 1, size = (int)room;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (size)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* The port is chosen when it is known where to: there are more. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) ||
	    (connect(fd, (const struct sockaddr *)&to, sizeof(to)) &&
	     errno != EINPROGRESS)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- The rude one ------------------------------------------------------ */

/* Digits nobody had before. */
static void fill_digits(struct connection *c)
{
	static const char marks[] = "@@@@@@@@@@@@@@@@";

	memcpy(c->request, request, request_size);
	for (size_t i = 0; i + 16 <= request_size; i++) {
		char digits[17];

		if (request[i] != '@' || memcmp(request + i, marks, 16) != 0)
			continue;
		snprintf(digits, sizeof(digits), "%016llx",
			 (unsigned long long)(++counter *
					      UINT64_C(0x9e3779b97f4a7c15)));
		memcpy(c->request + i, digits, 16);
		i += 15;
	}
}

static void begin(struct connection *c)
{
	c->fd = -1;
	if (made >= (uint64_t)most)
		return;
	c->fd = open_socket(made++);
	if (c->fd < 0) {
		failed++;
		return;
	}
	c->sent = c->tail_size = 0;
	c->turns = c->answers = 0;
	c->next_ms = 0;
	fill_digits(c);
	struct epoll_event e = { .events = EPOLLRDHUP | EPOLLERR | EPOLLHUP |
					   EPOLLET,
				 .data.ptr = c };

	if (take < 0)
		e.events = EPOLLIN | EPOLLRDHUP;
	if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e))
		die("epoll");
}

static void leave(struct connection *c, bool by_server)
{
	ended += by_server;
	close(c->fd);
	c->fd = -1;
	if (again && !is_over)
		begin(c);
}

static void count_status(unsigned status)
{
	if (status >= STATUSES)
		status = 0;
	if (!statuses[status]++)
		order[order_count++] = status;
}

/* Each "HTTP/1.1 NNN", wherever reads are cut. */
static void find_statuses(struct connection *c, const char *data, size_t size)
{
	static const char mark[] = "HTTP/1.1 ";
	enum { MARK = sizeof(mark) - 1, WHOLE = MARK + 3 };

	for (size_t i = 0; i < size; i++) {
		if (c->tail_size == WHOLE)
			memmove(c->tail, c->tail + 1, --c->tail_size);
		c->tail[c->tail_size++] = data[i];
		if (c->tail_size < WHOLE || memcmp(c->tail, mark, MARK) != 0)
			continue;
		unsigned status = (unsigned)atoi(c->tail + MARK);

		count_status(status);
		c->answers += status != 100;
	}
}

/* @return False when the connection has ended. */
static bool read_some(struct connection *c)
{
	char data[64 << 10];
	size_t want = take < 0 || take > (long)sizeof(data) ? sizeof(data)
							    : (size_t)take;
	ssize_t n = recv(c->fd, data, want, 0);

	if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
		return true;
	if (n <= 0) {
		leave(c, true);
		return false;
	}
	received += (uint64_t)n;
	c->heard_ms = now_ms();
	find_statuses(c, data, (size_t)n);
	return true;
}

static bool send_some(struct connection *c)
{
	size_t left = request_size - c->sent;

	if (piece && left > (size_t)piece)
		left = (size_t)piece;
	ssize_t n = send(c->fd, c->request + c->sent, left, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
		return true;
	if (n < 0) {
		/* What it said before it ended is still there. */
		while (c->fd >= 0 && take && read_some(c))
			if (recv(c->fd, &(char) { 0 }, 1,
				 MSG_PEEK | MSG_DONTWAIT) < 0 &&
			    errno == EAGAIN)
				break;
		if (c->fd >= 0)
			leave(c, true);
		return false;
	}
	sent += (uint64_t)n;
	c->sent += (size_t)n;
	if (c->sent < request_size)
		return true;
	if (++c->turns < repeat) {
		c->sent = 0;
		fill_digits(c);
	}
	return true;
}

static void step(struct connection *c, int64_t now)
{
	if (c->fd < 0 || now < c->next_ms)
		return;
	c->next_ms = now + pause_ms;
	/* As much as goes at once, where there is no pause. */
	for (int i = 0; i < 64 && c->turns < repeat; i++) {
		size_t before = c->sent;
		long turns = c->turns;

		if (!send_some(c))
			return;
		if (pause_ms || (c->sent == before && c->turns == turns))
			break;
	}
	if (take > 0 && !read_some(c))
		return;
	if (hold && idle && c->answers && now - c->heard_ms >= idle)
		leave(c, false);
	else if (!hold && c->turns >= repeat && c->answers >= repeat)
		leave(c, false);
}

static void attack(void)
{
	struct connection *all =
		calloc((size_t)connections, sizeof(struct connection));
	int64_t until = now_ms() + seconds * 1000;
	long there = connections;

	poller = epoll_create1(EPOLL_CLOEXEC);
	if (!all || poller < 0)
		die("memory");
	for (long i = 0; i < connections; i++) {
		all[i].request = malloc(request_size + 1);
		if (!all[i].request)
			die("memory");
		begin(&all[i]);
	}
	while (there && !is_over && now_ms() < until) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(poller, events, EVENTS, TICK_MS);
		int64_t now = now_ms();

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c->fd < 0)
				continue;
			if (take < 0)
				read_some(c);
			else if (events[i].events & (EPOLLHUP | EPOLLERR))
				leave(c, true);
		}
		there = 0;
		for (long i = 0; i < connections; i++) {
			if (all[i].fd < 0 && again)
				begin(&all[i]);
			step(&all[i], now);
			there += all[i].fd >= 0;
		}
	}
	printf("made %llu\nfailed %llu\nended %llu\nopen %ld\nsent %llu\n"
	       "received %llu\n",
	       (unsigned long long)made, (unsigned long long)failed,
	       (unsigned long long)ended, there, (unsigned long long)sent,
	       (unsigned long long)received);
	for (unsigned i = 0; i < order_count; i++)
		printf("status %u %llu\n", order[i],
		       (unsigned long long)statuses[order[i]]);
	for (long i = 0; i < connections; i++) {
		if (all[i].fd >= 0)
			close(all[i].fd);
		free(all[i].request);
	}
	free(all);
	close(poller);
}

/* ---- The polite one ---------------------------------------------------- */

static bool ask(const char *path)
{
	char text[2048];
	int size = snprintf(text, sizeof(text),
			    "GET %s HTTP/1.1\r\nHost: a\r\n"
			    "Connection: close\r\n\r\n",
			    path);
	int64_t until = now_ms() + PROBE_TIMEOUT_MS;
	int fd = open_socket(0);
	bool is_good = false, is_sent = false, is_first = true;

	while (fd >= 0 && now_ms() < until) {
		struct pollfd p = { .fd = fd,
				    .events = is_sent ? POLLIN : POLLOUT };

		if (poll(&p, 1, 100) <= 0)
			continue;
		if (!is_sent) {
			if (send(fd, text, (size_t)size, MSG_NOSIGNAL) != size)
				break;
			is_sent = true;
			continue;
		}
		ssize_t n = recv(fd, text, sizeof(text), 0);

		if (n < 0 && errno == EAGAIN)
			continue;
		if (n <= 0)
			break;
		if (is_first)
			is_good = n >= 12 && !memcmp(text + 9, "200", 3);
		is_first = false;
	}
	if (fd >= 0)
		close(fd);
	return is_good;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void probe_path(const char *path)
{
	int64_t *times = calloc(PROBES_MOST, sizeof(*times));
	int64_t until = now_ms() + seconds * 1000;
	size_t asked = 0, good = 0;

	if (!times)
		die("memory");
	while (!is_over && now_ms() < until && asked < PROBES_MOST) {
		int64_t begun = now_us();

		good += ask(path);
		times[asked++] = now_us() - begun;
		poll(NULL, 0, (int)pause_ms);
	}
	qsort(times, asked, sizeof(*times), compare);
	printf("asked %zu\ngood %zu\n", asked, good);
	if (asked)
		printf("median %lld\nslow %lld\nrare %lld\nslowest %lld\n",
		       (long long)times[asked / 2],
		       (long long)times[asked - 1 - asked / 20],
		       (long long)times[asked - 1 - asked / 100],
		       (long long)times[asked - 1]);
	free(times);
}

static void read_request(const char *path)
{
	FILE *f = fopen(path, "re");

	request = malloc(REQUEST_MOST);
	if (!f || !request)
		die(path);
	request_size = fread(request, 1, REQUEST_MOST, f);
	if (ferror(f))
		die(path);
	fclose(f);
}

static void read_option(const char *text)
{
	const char *value = strchr(text, '=');

	for (size_t i = 0; value && i < sizeof(options) / sizeof(*options);
	     i++) {
		if (strlen(options[i].name) == (size_t)(value - text) &&
		    !strncmp(options[i].name, text, (size_t)(value - text))) {
			*options[i].value = atol(value + 1);
			return;
		}
	}
	fprintf(stderr, "http_attack: %s?\n", text);
	exit(99);
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = end };
	struct rlimit files;
	int i = 1;

	for (; i < argc && strchr(argv[i], '='); i++)
		read_option(argv[i]);
	if (argc - i != 2) {
		fprintf(stderr, "http_attack [OPTION=NUMBER]... PORT FILE\n");
		return 99;
	}
	port = (uint16_t)atoi(argv[i]);
	sigaction(SIGTERM, &action, NULL);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (probe) {
		probe_path(argv[i + 1]);
	} else {
		read_request(argv[i + 1]);
		attack();
		free(request);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A debuginfod server that does as it is told, for tests of who asks one.
 *
 *	fake_upstream DIR [PORT]
 *
 * It listens on loopback, prints its port, and answers a path from the file of
 * that name below DIR/files. DIR/rules, read anew for each request, says what
 * else happens: lines of
 *
 *	PATTERN WORD...
 *
 * where PATTERN is a part of the path or "*"; the first that fits counts.
 *
 *	status=N          instead of 200; the body is a few bytes
 *	times=N           the rule holds for so many requests
 *	header=NAME:VALUE one more
 *	delay=MS          before the header
 *	hang              no header, for a minute
 *	hang_at=N         nothing after so many bytes of the body
 *	cut_at=N          the end after so many, all were announced
 *	reset             the connection is reset at once
 *	slow=N            so many bytes of the body every 10 ms
 *	size=N            what X-DEBUGINFOD-SIZE says
 *	no_size           that is not said
 *	no_date           no Last-Modified
 *	length=N          what Content-Length says
 *	no_length         neither, and the end of the connection ends the body
 *	chunked           no Content-Length, but chunks
 *	gzip              the file is sent with that coding (it is compressed)
 *	file=PATH         another file, below DIR/files
 *	no_head           HEAD is 400, as elfutils' server has it
 *
 * DIR/log gets a line a request, "METHOD PATH", and DIR/headers all it said.
 * DIR/most says how many requests there were at a time.
 */
#include "config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MOST = 64 << 10, LINE_MOST = 8 << 10, RULES_MOST = 1000 };

static const char *dir;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by mutex: how often each line was followed, of that file. */
static unsigned used[RULES_MOST];
static unsigned running, running_most;
static struct timespec used_of;

struct rule {
	char words[LINE_MOST];
};

struct connection {
	int fd;
	char request[REQUEST_MOST + 1];
	size_t size;
};

static void sleep_ms(long ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000,
				     .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Until @p sent bytes are due, of which @p rate go out in 10 ms from @p start on,
 * or up to a millisecond less. */
static void sleep_until_due(long long start, long sent, long rate)
{
	long long wait_us = start + sent * 10000LL / rate - now_us();

	if (wait_us >= 1000)
		sleep_ms((long)(wait_us / 1000));
}

/* The value behind "NAME=", or "" for a bare word; NULL: it is not there. */
static const char *find_word(const struct rule *r, const char *name,
			     char value[LINE_MOST])
{
	size_t n = strlen(name);

	for (const char *p = r->words; *p;) {
		size_t size = strcspn(p, " \n");

		if (size >= n && !memcmp(p, name, n) &&
		    (size == n || p[n] == '=')) {
			size_t from = size == n ? n : n + 1;

			memcpy(value, p + from, size - from);
			value[size - from] = '\0';
			return value;
		}
		p += size;
		p += strspn(p, " \n");
	}
	return NULL;
}

static bool has_word(const struct rule *r, const char *name)
{
	char value[LINE_MOST];

	return find_word(r, name, value) != NULL;
}

static long number(const struct rule *r, const char *name, long fallback)
{
	char value[LINE_MOST];

	return find_word(r, name, value) ? strtol(value, NULL, 10) : fallback;
}

static void find_rule(const char *path, struct rule *ret)
{
	char name[LINE_MOST], line[LINE_MOST];
	unsigned number_of = 0;
	struct stat st;

	ret->words[0] = '\0';
	snprintf(name, sizeof(name), "%s/rules", dir);
	FILE *f = fopen(name, "re");

	if (!f)
		return;
	pthread_mutex_lock(&mutex);
	if (!fstat(fileno(f), &st) &&
	    memcmp(&st.st_mtim, &used_of, sizeof(used_of)) != 0) {
		memset(used, 0, sizeof(used));
		used_of = st.st_mtim;
	}
	while (fgets(line, sizeof(line), f) && number_of < RULES_MOST) {
		size_t n = strcspn(line, " \n");
		char *words = line + n + (line[n] == ' ');
		unsigned at = number_of++;

		line[n] = '\0';
		if (strcmp(line, "*") != 0 && !strstr(path, line))
			continue;
		strcpy(ret->words, words);
		if (used[at] < (unsigned long)number(ret, "times", 1 << 30)) {
			used[at]++;
			break;
		}
		ret->words[0] = '\0';
	}
	pthread_mutex_unlock(&mutex);
	fclose(f);
}

static void append_to(const char *name, const char *text)
{
	char path[LINE_MOST];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	if (fd >= 0)
		close(fd);
}

static bool send_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* @return False: the connection is over. */
static bool send_piece(int fd, const struct rule *r, const char *data,
		       size_t size)
{
	char text[32];

	if (!has_word(r, "chunked"))
		return send_all(fd, data, size);
	snprintf(text, sizeof(text), "%zx\r\n", size);
	return send_all(fd, text, strlen(text)) && send_all(fd, data, size) &&
	       send_all(fd, "\r\n", 2);
}

static bool send_body(int fd, const struct rule *r, int file, long size)
{
	static const size_t most = 256 << 10;
	long slow = number(r, "slow", 0), cut = number(r, "cut_at", -1);
	long hang = number(r, "hang_at", -1), end = size;
	char *buffer = malloc(most);
	bool is_good = true;
	long long start = now_us();

	if (cut >= 0 && cut < end)
		end = cut;
	if (hang >= 0 && hang < end)
		end = hang;
	for (long at = 0; is_good && at < end;) {
		size_t want = slow && (size_t)slow < most ? (size_t)slow : most;

		if ((size_t)(end - at) < want)
			want = (size_t)(end - at);
		ssize_t n = pread(file, buffer, want, at);

		is_good = n > 0 && send_piece(fd, r, buffer, (size_t)n);
		at += n;
		if (slow)
			sleep_until_due(start, at, slow);
	}
	free(buffer);
	if (hang >= 0)
		sleep_ms(60000);
	if (is_good && has_word(r, "chunked") && cut < 0)
		is_good = send_all(fd, "0\r\n\r\n", 5);
	return is_good && cut < 0 && hang < 0;
}

static const char *status_text(long status)
{
	return status == 200 ? "OK" : status == 404 ? "Not Found" : "Told So";
}

static void format_header(const struct rule *r, long status, long size,
			  char out[LINE_MOST])
{
	char value[LINE_MOST], *p = out;
	size_t left = LINE_MOST;
	int n = snprintf(p, left, "HTTP/1.1 %ld %s\r\n", status,
			 status_text(status));

	if (!has_word(r, "no_length")) {
		if (!has_word(r, "no_size"))
			n += snprintf(p + n, left - (size_t)n,
				      "X-DEBUGINFOD-SIZE: %ld\r\n",
				      number(r, "size", size));
		if (!has_word(r, "chunked"))
			n += snprintf(p + n, left - (size_t)n,
				      "Content-Length: %ld\r\n",
				      number(r, "length", size));
	} else {
		n += snprintf(p + n, left - (size_t)n, "Connection: close\r\n");
	}
	if (has_word(r, "chunked"))
		n += snprintf(p + n, left - (size_t)n,
			      "Transfer-Encoding: chunked\r\n");
	if (has_word(r, "gzip"))
		n += snprintf(p + n, left - (size_t)n,
			      "Content-Encoding: gzip\r\n");
	if (find_word(r, "header", value))
		n += snprintf(p + n, left - (size_t)n, "%s\r\n", value);
	snprintf(p + n, left - (size_t)n,
		 "%sX-DEBUGINFOD-FILE: /usr/lib/remote.so\r\n\r\n",
		 has_word(r, "no_date")
			 ? ""
			 : "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
}

static bool answer(int fd, const char *method, const char *path)
{
	struct rule r;
	char value[LINE_MOST], name[2 * LINE_MOST], header[LINE_MOST];
	struct stat st = { 0 };
	bool is_head = !strcmp(method, "HEAD");

	find_rule(path, &r);
	if (has_word(&r, "reset")) {
		struct linger now = { .l_onoff = 1 };

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		return false;
	}
	sleep_ms(number(&r, "delay", 0));
	if (has_word(&r, "hang")) {
		sleep_ms(60000);
		return false;
	}
	snprintf(name, sizeof(name), "%s/files/%s", dir,
		 find_word(&r, "file", value) ? value : path);
	int file = open(name, O_RDONLY | O_CLOEXEC);
	bool is_there = file >= 0 && !fstat(file, &st) && S_ISREG(st.st_mode);
	long status = number(&r, "status", is_there ? 200 : 404);

	if (is_head && has_word(&r, "no_head"))
		status = 400;
	bool is_file = status == 200 && is_there;

	format_header(&r, status, is_file ? (long)st.st_size : 4, header);
	bool is_good = send_all(fd, header, strlen(header));

	if (is_good && is_file && !is_head)
		is_good = send_body(fd, &r, file, (long)st.st_size);
	else if (is_good && !is_head)
		is_good = send_piece(fd, &r, "told", 4) &&
			  (!has_word(&r, "chunked") ||
			   send_all(fd, "0\r\n\r\n", 5));
	if (file >= 0)
		close(file);
	return is_good && !has_word(&r, "no_length");
}

/* One more request, or one less. */
static void count_running(int by)
{
	char path[LINE_MOST];

	pthread_mutex_lock(&mutex);
	running += (unsigned)by;
	if (running > running_most) {
		running_most = running;
		snprintf(path, sizeof(path), "%s/most", dir);
		FILE *f = fopen(path, "we");

		if (f) {
			fprintf(f, "%u\n", running_most);
			fclose(f);
		}
	}
	pthread_mutex_unlock(&mutex);
}

static bool handle(struct connection *c)
{
	char method[16] = "", path[LINE_MOST] = "", line[LINE_MOST + 32];
	char *end;

	while (!(end = strstr(c->request, "\r\n\r\n"))) {
		ssize_t n = c->size < REQUEST_MOST
				    ? recv(c->fd, c->request + c->size,
					   REQUEST_MOST - c->size, 0)
				    : 0;

		if (n <= 0)
			return false;
		c->size += (size_t)n;
		c->request[c->size] = '\0';
	}
	end[2] = '\0';
	if (sscanf(c->request, "%15s %8191s", method, path) != 2)
		return false;
	snprintf(line, sizeof(line), "%s %s\n", method, path);
	append_to("headers", c->request);
	append_to("log", line);
	size_t used_bytes = (size_t)(end + 4 - c->request);

	memmove(c->request, c->request + used_bytes, c->size - used_bytes + 1);
	c->size -= used_bytes;
	count_running(1);
	bool is_good = answer(c->fd, method, path);

	count_running(-1);
	return is_good;
}

static void *serve(void *arg)
{
	struct connection *c = arg;

	while (handle(c))
		;
	close(c->fd);
	free(c);
	return NULL;
}

static int listen_on(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 512) ||
	    getsockname(fd, (struct sockaddr *)&a, &size)) {
		perror("fake_upstream");
		exit(1);
	}
	printf("%u\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 64;
	dir = argv[1];
	signal(SIGPIPE, SIG_IGN);
	int one = 1, fd = listen_on(argc > 2 ? argv[2] : "0");

	for (;;) {
		pthread_t thread;
		struct connection *c = calloc(1, sizeof(*c));

		c->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (c->fd < 0 || pthread_create(&thread, NULL, serve, c)) {
			free(c);
			continue;
		}
		pthread_detach(thread);
	}
}

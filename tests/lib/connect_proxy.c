/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP proxy that knows CONNECT (RFC 9110, 9.3.6) to ports of the loopback
 * interface, and nothing else.
 *
 *	connect_proxy FILE
 *
 * FILE gets its port when it listens, and a line for each connection: the target
 * as it was named. A process for each connection; it ends when it is killed.
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static bool send_all(int to, const char *data, size_t size)
{
	while (size) {
		ssize_t n = send(to, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* Until either has had enough. */
static void relay(int a, int b)
{
	struct pollfd fds[] = { { .fd = a, .events = POLLIN },
				{ .fd = b, .events = POLLIN } };
	char data[65536];

	while (poll(fds, 2, -1) > 0) {
		for (int i = 0; i < 2; i++) {
			if (!fds[i].revents)
				continue;
			ssize_t n = recv(fds[i].fd, data, sizeof(data), 0);

			if (n <= 0 || !send_all(fds[!i].fd, data, (size_t)n))
				return;
		}
	}
}

/* The head, byte by byte: what is behind it is for the target. */
static bool read_head(int client, char *head, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && recv(client, head + n, 1, 0) == 1) {
		head[++n] = '\0';
		if (n >= 4 && !strcmp(head + n - 4, "\r\n\r\n"))
			return true;
	}
	return false;
}

static void serve(int client, const char *file)
{
	static const char yes[] = "HTTP/1.1 200 Connection established\r\n"
				  "Via: 1.1 connect_proxy\r\n\r\n";
	char head[8192], host[256];
	unsigned port;

	if (!read_head(client, head, sizeof(head)) ||
	    sscanf(head, "CONNECT %255[^: ]:%u HTTP/", host, &port) != 2)
		return;
	FILE *log = fopen(file, "a");
	int target = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = loopback(port);

	if (!log || fprintf(log, "%s:%u\n", host, port) < 0 || fclose(log))
		die(file);
	if (!connect(target, (struct sockaddr *)&at, sizeof(at)) &&
	    send_all(client, yes, sizeof(yes) - 1))
		relay(client, target);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = loopback(0);
	socklen_t size = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	FILE *f = argc == 2 ? fopen(argv[1], "w") : NULL;

	if (!f)
		die("usage: connect_proxy FILE");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	if (bind(s, (struct sockaddr *)&at, size) || listen(s, 16) ||
	    getsockname(s, (struct sockaddr *)&at, &size))
		die("listen");
	fprintf(f, "%u\n", ntohs(at.sin_port));
	fclose(f);
	for (;;) {
		int client = accept(s, NULL, NULL);

		if (client >= 0 && !fork()) {
			serve(client, argv[1]);
			_exit(0);
		}
		close(client);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/listen.h"

enum {
	BACKLOG = 1024,
	UNSENT_MOST = 512 << 10,
};

/* Host and port of "host:port" or "[host]:port". */
static bool split_address(const char *address, char **host_ret,
			  const char **port_ret)
{
	const char *colon = strrchr(address, ':');
	const char *host = address;

	if (!colon || !colon[1])
		return false;
	size_t size = (size_t)(colon - address);

	if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
		host++;
		size -= 2;
		if (size == 0)
			return false;
	} else if (memchr(host, ':', size)) {
		return false; /* an IPv6 address wants its brackets */
	}
	*host_ret = mem_strndup(host, size);
	*port_ret = colon + 1;
	return true;
}

static bool is_missing_family(int code)
{
	return code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
}

/* @has_family_ret: false if the machine has no such addresses at all. */
static struct error *bind_to(const struct addrinfo *ai, const char *host,
			     bool *has_family_ret, int *fd_ret)
{
	const int on = 1, off = 0;
	CLEANUP_CLOSE int fd = socket(
		ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*has_family_ret = fd >= 0 || !is_missing_family(errno);
	if (fd < 0)
		return error_errno("socket");
	/* A restart must not wait for old connections to be forgotten. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, *host ? &on : &off,
			   sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, BACKLOG)) {
		*has_family_ret = !is_missing_family(errno);
		return error_errno("bind");
	}
	*fd_ret = steal_fd(&fd);
	return NULL;
}

static struct error *bind_first(const char *host, const char *port, int family,
				bool *has_family_ret, int *fd_ret)
{
	const struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	};
	struct addrinfo *found;
	int rc = getaddrinfo(*host ? host : NULL, port, &hints, &found);

	if (rc == EAI_MEMORY)
		return error_no_memory;
	if (rc)
		return error_new(BAD_REQUEST, "%s", gai_strerror(rc));
	struct error *err = bind_to(found, host, has_family_ret, fd_ret);

	freeaddrinfo(found);
	return err;
}

static bool is_port(const char *text)
{
	size_t size = strspn(text, "0123456789");

	return size >= 1 && size <= 5 && !text[size] &&
	       strtoul(text, NULL, 10) <= 65535;
}

struct error *listen_open(const char *address, int *fd_ret)
{
	CLEANUP_FREE char *host = NULL;
	const char *port;

	if (!split_address(address, &host, &port) || !is_port(port))
		return error_new(BAD_REQUEST,
				 "listen on %s: wants ADDRESS:PORT, as "
				 "127.0.0.1:8002 or [::1]:8002",
				 address);
	if (!host)
		return error_no_memory;
	bool has_family = true;
	struct error *err = bind_first(host, port, *host ? AF_UNSPEC : AF_INET6,
				       &has_family, fd_ret);

	/* All addresses is one socket for both families, or IPv4 alone where
	 * the machine has no IPv6. */
	if (err && !*host && !has_family) {
		error_free(err);
		err = bind_first(host, port, AF_INET, &has_family, fd_ret);
	}
	return error_wrap(err, "listen on %s", address);
}

uint16_t listen_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size))
		return 0;
	if (address.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&address)->sin_port);
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return 0;
}

const char *listen_families(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address), option_size = sizeof(int);
	int is_v6_only = 0;

	if (getsockname(fd, (struct sockaddr *)&address, &size))
		return "";
	if (address.ss_family == AF_INET)
		return "IPv4";
	if (address.ss_family != AF_INET6)
		return "";
	(void)!getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_v6_only,
			  &option_size);
	return is_v6_only ? "IPv6" : "IPv4 IPv6";
}

void listen_bound_unsent(int fd)
{
	const int most = UNSENT_MOST;

	/* Not a TCP socket, or a kernel that does not know it: goes without. */
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most));
}

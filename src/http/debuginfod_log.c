/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access line, as it was seen of 0.188 and is read by scripts from its end:
 *
 *	HOST:PORT UA:<agent> XFF:<hops> METHOD URL[?key=K&value=V] CODE SIZE
 *	A+Bms
 *
 * The agent and the hops keep letters, digits and "/.,_:". The URL is decoded;
 * what could end the line or mean something to a terminal is escaped, which
 * it is not there. SIZE is that of the body. A is the time spent behind an
 * identical request, B the rest.
 */
#include "config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/debuginfod_private.h"
#include "http/routes.h"

enum { TEXT_MAX = 1024, NS_PER_MS = 1000000 };

static void append_escaped(struct buf *out, const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; text[i] && i < TEXT_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c < 0x7f)
			buf_append_byte(out, c);
		else
			buf_printf(out, "\\x%c%c", digits[c >> 4],
				   digits[c & 15]);
	}
}

static void append_censored(struct buf *out, const char *text)
{
	for (size_t i = 0; text && text[i] && i < TEXT_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x80 && (isalnum(c) || strchr("/.,_:", c)))
			buf_append_byte(out, c);
	}
}

static void write_line(struct buf *line)
{
	uint64_t skipped = 0;
	const char *text = buf_str(line);

	if (!text || (!log_enabled(LOG_DEBUG) &&
		      !account_log_pass(clock_ns(), line->size, &skipped)))
		return;
	if (skipped)
		log_warn("http", "lines_left_out", LOG_U("count", skipped));
	log_text(LOG_INFO, "http", "request", text);
}

void debuginfod_log_message(const char *message)
{
	CLEANUP_BUF struct buf line = BUF_INIT;

	if (!log_enabled(LOG_INFO))
		return;
	append_escaped(&line, message);
	write_line(&line);
}

void debuginfod_log_serving(const struct request *rq, const struct artifact *a)
{
	CLEANUP_BUF struct buf line = BUF_INIT;

	if (!log_enabled(LOG_DEBUG))
		return;
	if (a->archive) {
		buf_append_str(&line, "serving archive ");
		append_escaped(&line, a->archive);
		buf_append_str(&line, " file ");
	} else {
		buf_append_str(&line, "serving file ");
	}
	append_escaped(&line, a->file ? a->file : "");
	buf_append_str(&line, " section=");
	if (rq->route && !strcmp(rq->route->label, "section"))
		append_escaped(&line, rq->tail + 1);
	log_text(LOG_DEBUG, "http", "serving", buf_str(&line));
}

static void append_client(struct buf *out, const struct sockaddr *client)
{
	const struct sockaddr_in6 *six = (const void *)client;
	const struct sockaddr_in *four = (const void *)client;
	char text[INET6_ADDRSTRLEN];
	const void *address = NULL;
	int family = client ? client->sa_family : AF_UNSPEC;
	in_port_t port = 0;

	if (family == AF_INET) {
		address = &four->sin_addr;
		port = four->sin_port;
	} else if (family == AF_INET6) {
		address = &six->sin6_addr;
		port = six->sin6_port;
		if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
			address = six->sin6_addr.s6_addr + 12;
			family = AF_INET;
		}
	}
	if (address && inet_ntop(family, address, text, sizeof(text)))
		buf_printf(out, "%s:%u", text, ntohs(port));
}

static void append_parameter(struct buf *out, const struct request *rq,
			     const char *name, const char *separator)
{
	CLEANUP_FREE char *value = NULL;

	if (!request_query(rq, name, &value) || !value)
		return;
	buf_printf(out, "%s%s=", separator, name);
	append_escaped(out, value);
}

void debuginfod_log_request(const struct request *rq, const struct account *a,
			    uint64_t duration_ns)
{
	CLEANUP_BUF struct buf line = BUF_INIT;
	uint64_t behind_ns = rq->after_you_ns;

	/* Nobody has asked anything: the connection ended before. */
	if (!rq->method_name || !rq->path || !log_enabled(LOG_INFO))
		return;
	append_client(&line, a->client);
	buf_append_str(&line, " UA:");
	append_censored(&line, rq->header[HEADER_USER_AGENT]);
	buf_append_str(&line, " XFF:");
	append_censored(&line, rq->header[HEADER_FORWARDED_FOR]);
	buf_append_byte(&line, ' ');
	append_escaped(&line, rq->method_name);
	buf_append_byte(&line, ' ');
	append_escaped(&line, rq->path);
	if (rq->route && !strcmp(rq->route->label, "metadata")) {
		append_parameter(&line, rq, "key", "?");
		append_parameter(&line, rq, "value", "&");
	}
	buf_printf(&line, " %u %" PRIu64 " %" PRIu64 "+%" PRIu64 "ms",
		   a->status, rq->reply.size, behind_ns / NS_PER_MS,
		   (duration_ns > behind_ns ? duration_ns - behind_ns : 0) /
			   NS_PER_MS);
	write_line(&line);
}

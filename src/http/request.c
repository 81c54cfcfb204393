/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/percent.h"
#include "base/metrics.h"
#include "http/dialect.h"
#include "http/request.h"
#include "http/routes.h"
#include "http/ticket.h"

enum { ERROR_TEXT_MAX = 1024, RETRY_AFTER_S = 5 };

void request_init(struct request *rq, struct http_context *http)
{
	memset(rq, 0, offsetof(struct request, reply));
	rq->http = http;
	rq->tail = "";
	reply_init(&rq->reply);
	rq->ticket = NULL;
	rq->origin = NULL;
	rq->peer = NULL;
	rq->started_ns = clock_ns();
}

bool request_hold(struct request *rq, size_t bytes)
{
	rq->held.limit = rq->http->options->memory_limit_bytes;
	return held_more(&rq->held, bytes);
}

void request_move_body(struct request *rq, struct ticket *t, struct buf *to)
{
	*to = rq->body;
	buf_init(&rq->body);
	held_move(&t->held, &rq->held);
	t->held.limit = rq->http->options->memory_limit_bytes;
}

void request_deinit(struct request *rq)
{
	held_release(&rq->held);
	mem_free(STEAL(rq->decoded));
	mem_free(STEAL(rq->query));
	buf_deinit(&rq->body);
	reply_deinit(&rq->reply);
	ticket_put(STEAL(rq->ticket));
}

enum request_header request_add_header(struct request *rq, const char *name,
				       size_t name_size, const char *value)
{
	static const struct {
		const char *name;
		size_t size;
	} names[REQUEST_HEADERS] = {
#define HEADER(id, text) [HEADER_##id] = { text, sizeof(text) - 1 },
#include "http/request_headers.h"
#undef HEADER
	};

	for (unsigned i = 0; i < REQUEST_HEADERS; i++) {
		if (names[i].size != name_size ||
		    strncasecmp(names[i].name, name, name_size))
			continue;
		if (!rq->header[i])
			rq->header[i] = value;
		return (enum request_header)i;
	}
	return REQUEST_HEADERS;
}

unsigned request_method(const char *name)
{
	/* Method names are case-sensitive (RFC 9110, 9.1). */
	return !strcmp(name, "GET")       ? METHOD_GET
	       : !strcmp(name, "HEAD")    ? METHOD_HEAD
	       : !strcmp(name, "POST")    ? METHOD_POST
	       : !strcmp(name, "PUT")     ? METHOD_PUT
	       : !strcmp(name, "OPTIONS") ? METHOD_OPTIONS
					  : METHOD_OTHER;
}

/* False if a NUL comes out: the text ends there. */
static bool decode(char *text, bool is_form)
{
	size_t len = percent_decode(text, strlen(text), is_form);

	text[len] = '\0';
	return strlen(text) == len;
}

bool request_set_path(struct request *rq, const char *raw)
{
	bool is_encoded = false;

	rq->raw_path = raw;
	rq->path = raw;
	for (const char *p = raw; *p; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
		is_encoded |= *p == '%';
	}
	if (!is_encoded)
		return true;
	rq->decoded = mem_strdup(raw);
	if (!rq->decoded ||
	    (!decode(rq->decoded, false) && !dialect_of(rq)->cuts_at_nul))
		return false;
	rq->path = rq->decoded;
	return true;
}

bool request_query(const struct request *rq, const char *name, char **ret)
{
	size_t name_size = strlen(name);

	*ret = NULL;
	for (const char *p = rq->query; p && *p;) {
		size_t size = strcspn(p, "&");

		if (size > name_size && p[name_size] == '=' &&
		    !strncmp(p, name, name_size)) {
			char *value = mem_strndup(p + name_size + 1,
						  size - name_size - 1);

			if (!value)
				return false;
			*ret = value;
			if (decode(value, true))
				return true;
			mem_free(STEAL(*ret));
			return false;
		}
		p += size + (p[size] == '&');
	}
	return true;
}

static bool is_sane_id(const char *id)
{
	size_t size = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz"
				 "0123456789-_.:=+/");

	return size > 0 && size <= REQUEST_ID_MAX && !id[size];
}

/* splitmix64 from a random start: distinct, and nothing depends on it being
 * secret. */
static uint64_t next_id(void)
{
	static _Thread_local uint64_t state;

	if (!state &&
	    getrandom(&state, sizeof(state), GRND_NONBLOCK) != sizeof(state))
		state = (uint64_t)clock_ns() ^ (uint64_t)(uintptr_t)&state;
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void request_set_id(struct request *rq)
{
	const char *given = rq->header[HEADER_REQUEST_ID];

	if (given && is_sane_id(given)) {
		strcpy(rq->id, given);
		return;
	}
	uint64_t id = next_id();

	for (int i = 0; i < 16; i++)
		rq->id[i] = "0123456789abcdef"[id >> (60 - 4 * i) & 15];
	rq->id[16] = '\0';
}

enum { QUALITY_MAX = 1000, QUALITY_NONE = -1 };

/* "1", "0.5", "0.123" in thousandths. What is none counts as 1. */
static int parse_quality(const char *p)
{
	int q = 0;

	if (*p != '0')
		return QUALITY_MAX;
	p++;
	if (*p == '.')
		p++;
	for (int unit = 100; unit && *p >= '0' && *p <= '9'; unit /= 10)
		q += (*p++ - '0') * unit;
	return q;
}

/* The q of an item's parameters: those between @p and @end. */
static int read_quality(const char *p, const char *end)
{
	while ((p = memchr(p, ';', (size_t)(end - p)))) {
		p++;
		p += strspn(p, " \t");
		if ((*p == 'q' || *p == 'Q') && p[1] == '=')
			return parse_quality(p + 2);
	}
	return QUALITY_MAX;
}

/* The q of @token in a list as of Accept; QUALITY_NONE: not in it. */
static int find_quality(const char *list, const char *token)
{
	size_t token_size = strlen(token);

	for (const char *p = list; p && *p;) {
		p += strspn(p, " \t,");
		size_t size = strcspn(p, ",");
		size_t name = strcspn(p, ";, \t");

		if (name == token_size && !strncasecmp(p, token, name))
			return read_quality(p + name, p + size);
		p += size;
	}
	return QUALITY_NONE;
}

bool request_accepts(const char *list, const char *token)
{
	return find_quality(list, token) > 0;
}

enum body_coding request_coding(const char *list)
{
	int any = find_quality(list, "*");
	int plain = find_quality(list, "identity");
	int zstd = find_quality(list, "zstd");
	int gzip = find_quality(list, "gzip");

	if (gzip == QUALITY_NONE)
		gzip = find_quality(list, "x-gzip");
	if (gzip == QUALITY_NONE)
		gzip = any;
	if (zstd == QUALITY_NONE)
		zstd = any;
	int best = zstd > gzip ? zstd : gzip;

	if (best <= 0 || plain > best)
		return BODY_IDENTITY;
	return zstd >= gzip ? BODY_ZSTD : BODY_GZIP;
}

bool request_is_libdebuginfod(const struct request *rq)
{
	const char *agent = rq->header[HEADER_USER_AGENT];

	return agent && !strncmp(agent, "elfutils/", 9);
}

static void fail_text(struct reply *r, unsigned status, const char *message)
{
	CLEANUP_BUF struct buf body = BUF_INIT;

	buf_printf(&body, "%.*s\n", ERROR_TEXT_MAX - 1, message);
	reply_body(r, status, "text/plain; charset=utf-8", &body);
}

static void fail_json(struct reply *r, unsigned status, const char *kind,
		      const char *message)
{
	CLEANUP_BUF struct buf body = BUF_INIT;
	struct json_write j;

	json_write_init(&j, &body);
	json_write_object(&j);
	json_write_key(&j, "error");
	json_write_object(&j);
	json_write_kv_string(&j, "kind", kind);
	json_write_key(&j, "message");
	json_write_string_n(&j, message, strnlen(message, ERROR_TEXT_MAX / 2));
	json_write_object_end(&j);
	json_write_object_end(&j);
	buf_append_byte(&body, '\n');
	reply_json(r, status, &body, false);
}

void fail_by_route(struct request *rq, unsigned status, const char *kind,
		   const char *message)
{
	struct reply *r = &rq->reply;

	if (rq->route && rq->route->is_json)
		fail_json(r, status, kind, message);
	else
		fail_text(r, status, message);
	reply_header(r, "Cache-Control", "no-store");
	if (status == 503 || status == 429)
		reply_header_uint(r, "Retry-After", RETRY_AFTER_S);
}

void request_fail(struct request *rq, unsigned status, const char *kind,
		  const char *fmt, ...)
{
	char message[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	dialect_of(rq)->fail(rq, status, kind, message);
}

void request_fail_build_id(struct request *rq)
{
	request_fail(rq, 400, "bad_request",
		     "a build ID is 4 to 128 hexadecimal digits, even in "
		     "number");
}

/* What a stranger may read of an error: its kind. The message names files of
 * this machine and goes to the log. */
static const char *public_message(enum error_kind kind)
{
	switch (kind) {
	case ERROR_BUSY:
		return "too much to do, try again later";
	case ERROR_NO_MEMORY:
		return "out of memory";
	case ERROR_DATABASE:
		return "the index cannot be read";
	case ERROR_WORKER:
		return "extraction failed";
	case ERROR_NO_SPACE:
		return "no room for the file, try again later";
	case ERROR_UPSTREAM:
		return "upstream failed";
	default:
		return "the file cannot be read";
	}
}

static void log_limited(struct error *err)
{
	static struct log_rate rate;
	uint64_t skipped;

	if (!log_rate_pass(&rate, &skipped)) {
		error_free(err);
		return;
	}
	if (skipped)
		log_warn("http", "errors_left_out", LOG_U("count", skipped));
	log_consume(LOG_WARN, "http", "request_failed", err);
}

void request_fail_with(struct request *rq, struct error *err)
{
	enum error_kind kind = error_kind(err);
	const char *label = error_kind_label(kind);
	unsigned status = (unsigned)error_kind_http_status(kind);

	if (kind == ERROR_BAD_REQUEST || kind == ERROR_TOO_LARGE) {
		/* The client's own: it may read what we say of it. */
		request_fail(rq, kind == ERROR_TOO_LARGE ? 413 : status, label,
			     "%s", error_message(err));
		error_free(err);
		return;
	}
	if (kind == ERROR_BUSY)
		metric_inc(METRIC_HTTP_REFUSED);
	request_fail(rq, status, label, "%s", public_message(kind));
	log_limited(err);
	if (status >= 500 && request_is_libdebuginfod(rq))
		rq->reply.is_silent = true;
}

void request_fail_busy(struct request *rq, const char *message)
{
	metric_inc(METRIC_HTTP_REFUSED);
	request_fail(rq, 503, "busy", "%s", message);
	if (request_is_libdebuginfod(rq))
		rq->reply.is_silent = true;
}

void request_fail_too_many(struct request *rq)
{
	metric_inc(METRIC_HTTP_REFUSED);
	request_fail(rq, 429, "busy",
		     "too many requests of this address are under way");
	if (request_is_libdebuginfod(rq))
		rq->reply.is_silent = true;
}

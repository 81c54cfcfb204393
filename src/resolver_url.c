/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a server: what it must build first it says with Retry-After, and is
 * asked again. */
#include "config.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_read.h"
#include "base/mem.h"
#include "resolver_private.h"
#include "upstream/http_client.h"

enum { TIMEOUT_MS = 120 * 1000 };

struct url_resolver {
	struct resolver resolver;
	struct http_client *client;
	char *url;
	int shown;   /* bytes of it in messages: without the query */
	size_t most; /* bytes to be asked at a time, where lines allow it */
};

static void close_url(struct resolver *base)
{
	struct url_resolver *r = (struct url_resolver *)base;

	http_client_free(r->client);
	mem_free(r->url);
	mem_free(r);
}

/* The message of {"error":{"message":"…"}}; else what there is, its first
 * line. */
static char *read_message(const struct buf *body)
{
	static const char *const outer[] = { "error", NULL };
	static const char *const inner[] = { "message", NULL };
	CLEANUP_JSON_READ struct json_read j;
	uint32_t seen = 0, seen_inner = 0;
	const char *s = NULL;
	size_t len = 0;

	json_read_init(&j, body->data, body->size);
	json_read_object(&j);
	if (json_read_member(&j, outer, &seen) >= 0) {
		json_read_object(&j);
		if (json_read_member(&j, inner, &seen_inner) >= 0)
			json_read_string(&j, &s, &len);
	}
	if (s && len)
		return mem_strndup(s, len);
	s = body->size ? (const char *)body->data : "";
	while (len < body->size && len < 200 && s[len] >= ' ')
		len++;
	return mem_strndup(s, len);
}

static struct error *refused(const struct url_resolver *r,
			     const struct http_answer *a)
{
	CLEANUP_FREE char *message = read_message(&a->body);
	unsigned s = a->status;

	if (!message)
		return error_no_memory;
	if (s == 413)
		return error_new(TOO_LARGE, "%.*s: %s", r->shown, r->url,
				 message);
	if (s == 429 || s == 503)
		return error_new(BUSY, "%.*s: %s", r->shown, r->url, message);
	return s >= 400 && s < 500 && s != 404 && s != 405
		       ? error_new(BAD_REQUEST, "%.*s: %s", r->shown, r->url,
				   message)
		       : error_new(UPSTREAM, "%.*s: status %u%s%s", r->shown,
				   r->url, s, *message ? ": " : "", message);
}

static void pause_s(unsigned seconds)
{
	struct timespec t = { .tv_sec = seconds };

	nanosleep(&t, NULL);
}

/* Ask until there is an answer, or no time. */
static struct error *ask(struct url_resolver *r, const char *lines, size_t size,
			 int64_t until, struct http_answer *ret)
{
	const struct http_post post = {
		.url = r->url,
		.content_type = "text/plain",
		.accept = r->resolver.options.accept,
		.body = lines,
		.size = size,
		.limit_bytes = RESOLVER_ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
	};

	for (;;) {
		TRY(http_client_post(r->client, &post, ret));
		bool is_passing = ret->status == 200 || ret->status == 429 ||
				  ret->status == 503;

		if (!is_passing || !ret->retry_after_s ||
		    clock_ms() + ret->retry_after_s * 1000 > until)
			return NULL;
		pause_s(ret->retry_after_s);
	}
}

/* The bytes of the first lines that fit; of the first one at least. */
static size_t first_lines(const char *lines, size_t size, size_t most)
{
	if (size <= most)
		return size;
	const char *end = memrchr(lines, '\n', most);

	if (!end)
		end = memchr(lines, '\n', size);
	return end ? (size_t)(end - lines) + 1 : size;
}

/* What is too much for the server is asked in halves, and so is what follows:
 * what it can take it has said. */
static struct error *answer_url(struct resolver *base, const struct buf *lines,
				struct buf *out)
{
	struct url_resolver *r = (struct url_resolver *)base;
	CLEANUP_HTTP_ANSWER struct http_answer a = { 0 };
	int64_t until = clock_ms() + base->options.settings->wait_s * 1000;
	const char *at = (const char *)lines->data;
	size_t left = lines->size;

	while (left) {
		size_t n = first_lines(at, left, r->most);

		TRY(ask(r, at, n, until, &a));
		if (a.status == 413 && first_lines(at, n, n / 2) < n) {
			r->most = n / 2;
			continue;
		}
		if (a.status != 200)
			return refused(r, &a);
		if (!buf_append(out, a.body.data, a.body.size))
			return error_no_memory;
		at += n;
		left -= n;
	}
	return NULL;
}

struct error *resolver_open_url(const struct resolver_options *options,
				struct resolver **ret)
{
	struct url_resolver *r = mem_zalloc(sizeof(*r));
	const char *url = options->settings->url;
	size_t len = strlen(url);

	if (!r)
		return error_no_memory;
	r->resolver.options = *options;
	r->resolver.answer = answer_url;
	r->resolver.close = close_url;
	r->most = SIZE_MAX;
	while (len && url[len - 1] == '/')
		len--;
	r->url = mem_printf("%.*s/symbolize/v1%s%s", (int)len, url,
			    *options->query ? "?" : "", options->query);
	r->shown = r->url ? (int)strcspn(r->url, "?") : 0;
	struct error *err =
		r->url ? http_client_create(&r->client) : error_no_memory;

	if (err)
		close_url(&r->resolver);
	else
		*ret = &r->resolver;
	return err;
}

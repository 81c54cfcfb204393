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
	int shown; /* bytes of it in messages: without the query */
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

static struct error *answer_url(struct resolver *base, const struct buf *lines,
				struct buf *out)
{
	struct url_resolver *r = (struct url_resolver *)base;
	CLEANUP_HTTP_ANSWER struct http_answer a = { 0 };
	int64_t until = clock_ms() + base->options.settings->wait_s * 1000;
	const struct http_post post = {
		.url = r->url,
		.content_type = "text/plain",
		.accept = base->options.accept,
		.body = lines->data,
		.size = lines->size,
		.limit_bytes = RESOLVER_ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
	};

	for (;;) {
		TRY(http_client_post(r->client, &post, &a));
		bool is_passing =
			a.status == 200 || a.status == 429 || a.status == 503;

		if (!is_passing || !a.retry_after_s ||
		    clock_ms() + a.retry_after_s * 1000 > until)
			break;
		pause_s(a.retry_after_s);
	}
	if (a.status != 200)
		return refused(r, &a);
	return buf_append(out, a.body.data, a.body.size) ? NULL
							 : error_no_memory;
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "upstream/coding.h"
#include "upstream/curl_use.h"
#include "upstream/http_client.h"

enum { CONNECT_MS = 5000, SLOW_BYTES_S = 1, SLOW_S = 60 };

/* Each request has a handle of its own, see follow() in transfer.c; what they
 * share are the connections. */
struct http_client {
	CURLSH *share;
	char text[CURL_ERROR_SIZE];
};

/* One answer as it arrives. */
struct receiver {
	struct buf *out;
	size_t limit;
	unsigned codings;
	bool is_too_large, lacks_memory, is_coded_otherwise;
};

struct error *http_client_create(struct http_client **ret)
{
	struct http_client *c;

	TRY(curl_use());
	c = mem_zalloc(sizeof(*c));
	if (!c)
		return error_no_memory;
	c->share = curl_share_init();
	if (!c->share || curl_share_setopt(c->share, CURLSHOPT_SHARE,
					   CURL_LOCK_DATA_CONNECT)) {
		http_client_free(c);
		return error_no_memory;
	}
	*ret = c;
	return NULL;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	curl_share_cleanup(c->share);
	mem_free(c);
}

void http_answer_deinit(struct http_answer *a)
{
	buf_deinit(&a->body);
}

static size_t receive(char *data, size_t size, size_t count, void *ctx)
{
	struct receiver *r = ctx;

	size *= count;
	if (size > r->limit - r->out->size) {
		r->is_too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	if (!buf_append(r->out, data, size)) {
		r->lacks_memory = true;
		return CURL_WRITEFUNC_ERROR;
	}
	return size;
}

static size_t look_at_header(char *line, size_t size, size_t count, void *ctx)
{
	struct receiver *r = ctx;

	size *= count;
	r->is_coded_otherwise = !coding_allows(&r->codings, line, size);
	return r->is_coded_otherwise ? 0 : size;
}

static struct error *make_headers(const struct http_post *p,
				  struct curl_slist **ret)
{
	/* Without the empty Expect curl waits a second for a "100 Continue"
	 * that not every proxy sends. */
	static const char *const names[] = { "Content-Type", "Accept",
					     "Expect" };
	const char *const values[] = { p->content_type, p->accept, "" };

	for (size_t i = 0; i < 3; i++) {
		CLEANUP_FREE char *line =
			mem_printf("%s: %s", names[i], values[i]);
		struct curl_slist *more =
			line ? curl_slist_append(*ret, line) : NULL;

		if (!more)
			return error_no_memory;
		*ret = more;
	}
	return NULL;
}

static CURLcode set_options(struct http_client *c, CURL *h,
			    const struct http_post *p,
			    struct curl_slist *headers, struct receiver *r)
{
	CURLcode e = curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");

	e = e ? e : curl_easy_setopt(h, CURLOPT_SHARE, c->share);
	e = e ? e : curl_easy_setopt(h, CURLOPT_URL, p->url);
	e = e ? e : curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->text);
	e = e ? e : curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	e = e ? e : curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	e = e ? e : curl_easy_setopt(h, CURLOPT_USERAGENT, PACKAGE_STRING);
	e = e ? e
	      : curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, CODING_OFFERED);
	e = e ? e : curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, look_at_header);
	e = e ? e : curl_easy_setopt(h, CURLOPT_HEADERDATA, r);
	e = e ? e : curl_easy_setopt(h, CURLOPT_POST, 1L);
	e = e ? e : curl_easy_setopt(h, CURLOPT_POSTFIELDS, p->body);
	e = e ? e
	      : curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)p->size);
	e = e ? e : curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, receive);
	e = e ? e : curl_easy_setopt(h, CURLOPT_WRITEDATA, r);
	e = e ? e
	      : curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
				 (long)CONNECT_MS);
	e = e ? e
	      : curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT,
				 (long)SLOW_BYTES_S);
	e = e ? e : curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
	return e ? e
		 : curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)p->timeout_ms);
}

static struct error *error_from_curl(const struct http_client *c,
				     const struct http_post *p,
				     const struct receiver *r, CURLcode e)
{
	const char *why = *c->text ? c->text : curl_easy_strerror(e);

	if (r->lacks_memory || e == CURLE_OUT_OF_MEMORY)
		return error_no_memory;
	if (r->is_too_large)
		return error_new(TOO_LARGE,
				 "%s: the answer is larger than %zu bytes",
				 p->url, p->limit_bytes);
	if (r->is_coded_otherwise)
		return error_new(UPSTREAM, "%s: a coding that was not offered",
				 p->url);
	if (e == CURLE_URL_MALFORMAT || e == CURLE_UNSUPPORTED_PROTOCOL)
		return error_new(BAD_REQUEST, "%s: %s", p->url, why);
	return error_new(UPSTREAM, "%s: %s", p->url, why);
}

static struct error *perform(struct http_client *c, CURL *h,
			     const struct http_post *p,
			     struct curl_slist *headers,
			     struct http_answer *ret)
{
	struct receiver r = { .out = &ret->body, .limit = p->limit_bytes };
	CURLcode e = set_options(c, h, p, headers, &r);
	curl_off_t after = 0;
	long status = 0;

	*c->text = '\0';
	e = e ? e : curl_easy_perform(h);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h, CURLINFO_RETRY_AFTER, &after);
	ret->status = (unsigned)status;
	ret->retry_after_s = after > 3600 ? 3600 : (unsigned)after;
	return e ? error_from_curl(c, p, &r, e) : NULL;
}

struct error *http_client_post(struct http_client *c, const struct http_post *p,
			       struct http_answer *ret)
{
	CURL *h = curl_easy_init();
	struct curl_slist *headers = NULL;
	struct error *err = h ? make_headers(p, &headers) : error_no_memory;

	buf_clear(&ret->body);
	ret->status = ret->retry_after_s = 0;
	if (!err)
		err = perform(c, h, p, headers, ret);
	curl_easy_cleanup(h);
	curl_slist_free_all(headers);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Asks another server over HTTP. libcurl stays behind
 * http_client.c.
 *
 * http and https only, no redirects; answers are bounded in size and time.
 * Proxies are those of the environment (http_proxy, …), as with curl.
 *
 * Must not know what is asked.
 * Threads: owned by one thread; a client keeps its connection for the next
 * request.
 */
#ifndef UPSTREAM_HTTP_CLIENT_H
#define UPSTREAM_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>

struct http_client;

MUST_CHECK struct error *http_client_create(struct http_client **ret);
/** NULL is allowed. */
void http_client_free(struct http_client *c);

/** All borrowed for the call. */
struct http_post {
	const char *url;
	const char *content_type;
	const char *accept;
	const void *body;
	size_t size;
	size_t limit_bytes;  /* most that the answer may have */
	unsigned timeout_ms; /* for all of it */
};

struct http_answer {
	unsigned status;
	unsigned retry_after_s; /* 0: not said */
	struct buf body;        /* its content coding undone */
};
void http_answer_deinit(struct http_answer *a);
#define CLEANUP_HTTP_ANSWER CLEANUP(http_answer_deinit)

/**
 * POST, and wait for the answer.
 *
 * @param[in,out] ret Initialised to zero, or of an earlier request. Whatever
 * status it has is an answer.
 * @return UPSTREAM if there is none, naming the host and why; BAD_REQUEST for a
 * URL that is none; TOO_LARGE beyond the limit; NO_MEMORY.
 */
MUST_CHECK struct error *http_client_post(struct http_client *c,
					  const struct http_post *p,
					  struct http_answer *ret);

#endif

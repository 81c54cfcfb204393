/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which servers may be asked, and how each wants to be: from URLs (an option,
 * DEBUGINFOD_URLS) or from a file.
 *
 *	# what stands before the first section holds for all that follow
 *	timeout = 20
 *
 *	[https://debuginfod.example.org]
 *	concurrency = 8
 *	header = X-Team: kernel
 *	token-file = /run/credentials/debuginfod
 *
 * Keys: timeout (seconds, to the first byte and between two), connect-timeout
 * (seconds), retries, concurrency, hedge (milliseconds after which the next
 * server is asked, too), header (Name: value; may be repeated), token-file (its
 * first line goes out as a bearer token), ca-file (PEM: who may have signed the
 * server's certificate, instead of those whom the system trusts).
 *
 * Threads: owned by one, then immutable.
 */
#ifndef UPSTREAM_UPSTREAM_LIST_H
#define UPSTREAM_UPSTREAM_LIST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { UPSTREAMS_MAX = 15, UPSTREAM_HEADERS_MAX = 16 };

/** How a server is to be treated. */
struct upstream_manner {
	unsigned timeout_ms, connect_ms, hedge_ms;
	unsigned retries;                    /* after a failure that may pass */
	unsigned concurrency;                /* requests at a time */
	char *headers[UPSTREAM_HEADERS_MAX]; /* "Name: value"; owned */
	size_t header_count;
	char *ca_file; /* owned; NULL: whom the system trusts */
};

struct upstream_spec {
	char *base; /* URL in front of "/buildid"; may hold a password. Owned */
	char *name; /* host, and port where one is given: for people. Owned */
	char *authority; /* host and port, always both. Owned */
	struct upstream_manner manner;
};

struct upstream_list {
	struct upstream_spec v[UPSTREAMS_MAX];
	size_t count;
	struct upstream_manner manner; /* of those that are added */
};

/** Empty, with the manner that holds where nothing else is said. */
void upstream_list_init(struct upstream_list *l);
/** Twice is safe. */
void upstream_list_deinit(struct upstream_list *l);

/**
 * Add servers by their URLs, between white space. A "/buildid" at the end is
 * as none; one that is there already is not added again.
 *
 * @param[in] is_lenient Pass over what is no http or https URL (DEBUGINFOD_URLS
 * has such words: "ima:enforcing", file URLs) instead of failing.
 * @return BAD_REQUEST naming the URL, without a password in it.
 */
MUST_CHECK struct error *upstream_list_add(struct upstream_list *l,
					   const char *urls, bool is_lenient);

/** Add a header that goes out with every request to those added from now on.
 * @return BAD_REQUEST; the message does not hold its value. */
MUST_CHECK struct error *upstream_list_add_header(struct upstream_list *l,
						  const char *header);

/** Add what a file says. @return BAD_REQUEST with the line; IO. */
MUST_CHECK struct error *upstream_list_read(struct upstream_list *l,
					    const char *path);

/** Add what a file's text says; @p path is for messages. */
MUST_CHECK struct error *upstream_list_parse(struct upstream_list *l,
					     const char *path,
					     const char *text);

/** Which of those configured has this host (as in a URL) with this port? NULL:
 * none; else borrowed. */
const struct upstream_spec *upstream_list_find(const struct upstream_list *l,
					       const char *host,
					       const char *port);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What every user of libcurl needs.
 *
 * Threads: any.
 */
#ifndef UPSTREAM_CURL_USE_H
#define UPSTREAM_CURL_USE_H

#include "base/cleanup.h"
#include "base/error.h"

#include <curl/curl.h>

/** Before anything else of it; once a process is enough, more do nothing. What
 * that took stays until the process ends. */
MUST_CHECK struct error *curl_use(void);

static inline void cleanup_curl_url(CURLU **u)
{
	curl_url_cleanup(*u);
}
#define CLEANUP_CURL_URL CLEANUP(cleanup_curl_url)

static inline void cleanup_curl_text(char **p)
{
	curl_free(*p);
}
#define CLEANUP_CURL_TEXT CLEANUP(cleanup_curl_text)

#endif

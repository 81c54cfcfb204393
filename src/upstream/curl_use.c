/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <pthread.h>

#include "upstream/curl_use.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode initialised;

static void init_library(void)
{
	initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct error *curl_use(void)
{
	pthread_once(&once, init_library);
	if (initialised)
		return error_new(UPSTREAM, "libcurl does not start: %s",
				 curl_easy_strerror(initialised));
	return NULL;
}

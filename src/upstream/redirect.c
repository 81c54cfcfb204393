/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "upstream/address.h"
#include "upstream/curl_use.h"
#include "upstream/redirect.h"

bool redirect_has_proxy(void)
{
	static const char *const names[] = { "http_proxy", "https_proxy",
					     "all_proxy", "HTTPS_PROXY",
					     "ALL_PROXY" };
	bool has_one = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = getenv(names[i]);

		has_one |= value && *value;
	}
	return has_one;
}

static bool is_private_literal(const char *host)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char bare[INET6_ADDRSTRLEN] = "";
	size_t n = strlen(host);

	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
		return address_is_private((struct sockaddr *)&v4);
	if (*host != '[' || n < 3 || n - 2 >= sizeof(bare))
		return false;
	memcpy(bare, host + 1, n - 2);
	bare[strcspn(bare, "%")] = '\0';
	return inet_pton(AF_INET6, bare, &v6.sin6_addr) != 1 ||
	       address_is_private((struct sockaddr *)&v6);
}

const char *redirect_judge(const struct upstream_list *l, bool has_proxy,
			   const char *url,
			   const struct upstream_spec **named_ret)
{
	CLEANUP_CURL_URL CURLU *u = curl_url();
	CLEANUP_CURL_TEXT char *host = NULL;
	CLEANUP_CURL_TEXT char *port = NULL;
	CLEANUP_CURL_TEXT char *scheme = NULL;

	if (!url)
		return "redirected to nowhere";
	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
	    (strcasecmp(scheme, "http") != 0 &&
	     strcasecmp(scheme, "https") != 0))
		return "redirected to what is no http or https URL";
	*named_ret = upstream_list_find(l, host, port);
	if (*named_ret)
		return NULL;
	if (is_private_literal(host))
		return "redirected to a private address";
	if (has_proxy)
		return "redirected behind a proxy, where nobody sees to what "
		       "address";
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "http/hop.h"

static unsigned long count_items(const char *list)
{
	unsigned long items = list != NULL;

	for (const char *p = list; p && *p; p++)
		items += *p == ',';
	return items;
}

unsigned long hop_count(const struct request *rq)
{
	return count_items(rq->header[HEADER_FORWARDED_FOR]);
}

unsigned hop_distance(const struct request *rq)
{
	unsigned long forwarded = hop_count(rq);
	unsigned long via = count_items(rq->header[HEADER_VIA]);
	/* What a server asks for on nobody's behalf has Via alone, and is one
	 * hop further than X-Forwarded-For says, which bounds hops. More says
	 * who makes up a header, so as to have more than one's share. */
	unsigned long distance = forwarded > via ? forwarded : via;
	unsigned long most = rq->http->options->forwarded_ttl_limit;

	return (unsigned)(distance < most ? distance : most);
}

bool hop_is_ours(const struct request *rq)
{
	const struct http_options *o = rq->http->options;
	const char *via = rq->header[HEADER_VIA];
	const char *agent = rq->header[HEADER_USER_AGENT];

	if (!o->upstreams)
		return false;
	const char *mark = upstreams_mark(o->upstreams);

	return (via && strstr(via, mark)) || (agent && strstr(agent, mark));
}

bool hop_is_far(const struct request *rq)
{
	const struct http_options *o = rq->http->options;

	return o->upstreams && !hop_is_ours(rq) &&
	       hop_count(rq) >= o->forwarded_ttl_limit;
}

bool hop_is_last(const struct request *rq)
{
	return hop_is_ours(rq) || hop_is_far(rq);
}

static const char *peer_name(const struct sockaddr *peer,
			     char text[INET6_ADDRSTRLEN])
{
	const void *address = NULL;

	if (peer && peer->sa_family == AF_INET)
		address = &((const struct sockaddr_in *)peer)->sin_addr;
	else if (peer && peer->sa_family == AF_INET6)
		address = &((const struct sockaddr_in6 *)peer)->sin6_addr;
	if (!address ||
	    !inet_ntop(peer->sa_family, address, text, INET6_ADDRSTRLEN))
		return "unknown";
	return text;
}

/* Version 00, as it is passed on unread: 2-32-16-2 digits. */
static bool is_traceparent(const char *s)
{
	static const size_t dashes[] = { 2, 35, 52 };
	size_t at = 0;

	for (size_t i = 0; s[i]; i++) {
		bool is_dash = at < 3 && i == dashes[at];

		if (is_dash ? s[i] != '-' : !strchr("0123456789abcdef", s[i]))
			return false;
		at += is_dash;
	}
	return strlen(s) == 55;
}

bool hop_of(const struct request *rq, struct upstream_hop *ret,
	    char **owned_ret)
{
	const char *before = rq->header[HEADER_FORWARDED_FOR];
	const char *trace = rq->header[HEADER_TRACEPARENT];
	char text[INET6_ADDRSTRLEN];

	*owned_ret = mem_printf("%s%s%s", before ? before : "",
				before ? ", " : "", peer_name(rq->peer, text));
	*ret = (struct upstream_hop) {
		.forwarded_for = *owned_ret,
		.via = rq->header[HEADER_VIA],
		.user_agent = rq->header[HEADER_USER_AGENT],
		.traceparent = trace && is_traceparent(trace) ? trace : NULL,
		.request_id = rq->id,
	};
	return *owned_ret != NULL;
}

struct upstream_hop *hop_copy(const struct request *rq)
{
	CLEANUP_FREE char *owned = NULL;
	struct upstream_hop hop;

	return hop_of(rq, &hop, &owned) ? upstream_hop_dup(&hop) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "http/account.h"
#include "http/dialect.h"
#include "http/routes.h"

enum {
	LOG_BYTES_PER_SECOND = 10000,
	LOG_BURST_BYTES = 1000000,
	LINE_BYTES = 200, /* without the path */
	PATH_BYTES = 512,
	STATUS_MAX = 600,
};

static uint8_t code_labels[STATUS_MAX];

__attribute__((constructor)) static void find_codes(void)
{
	for (unsigned status = 0; status < STATUS_MAX; status++) {
		char text[8];

		snprintf(text, sizeof(text), "%u", status);
		code_labels[status] = (uint8_t)metric_label(LABELS_CODE, text);
	}
}

/* When the lines so far would all be written at the steady rate. */
static _Atomic int64_t written_until_ns;
static _Atomic uint64_t lines_skipped;

bool account_log_pass(int64_t now_ns, uint64_t bytes, uint64_t *skipped_ret)
{
	const int64_t byte_ns = INT64_C(1000000000) / LOG_BYTES_PER_SECOND;
	int64_t until = atomic_load(&written_until_ns);
	int64_t next;

	do {
		next = (until > now_ns ? until : now_ns) +
		       (int64_t)bytes * byte_ns;
		if (next - now_ns > LOG_BURST_BYTES * byte_ns) {
			atomic_fetch_add(&lines_skipped, 1);
			return false;
		}
	} while (
		!atomic_compare_exchange_weak(&written_until_ns, &until, next));
	*skipped_ret = atomic_exchange(&lines_skipped, 0);
	return true;
}

static const char *client_name(const struct sockaddr *client,
			       char text[INET6_ADDRSTRLEN])
{
	const void *address = NULL;

	if (client && client->sa_family == AF_INET)
		address = &((const struct sockaddr_in *)client)->sin_addr;
	else if (client && client->sa_family == AF_INET6)
		address = &((const struct sockaddr_in6 *)client)->sin6_addr;
	if (!address ||
	    !inet_ntop(client->sa_family, address, text, INET6_ADDRSTRLEN))
		return "-";
	return text;
}

void account_log(const struct request *rq, const struct account *a,
		 uint64_t duration_ns)
{
	char path[PATH_BYTES];
	char client[INET6_ADDRSTRLEN];
	uint64_t skipped = 0;
	/* What there is to say; the first without a key ends the line. */
	struct log_field last[2] = { { .key = NULL }, { .key = NULL } };
	size_t count = 0;

	if (!log_enabled(LOG_INFO))
		return;
	snprintf(path, sizeof(path), "%s", rq->raw_path ? rq->raw_path : "");
	/* Bytes that are not ASCII grow threefold when they are escaped. */
	if (!log_enabled(LOG_DEBUG) &&
	    !account_log_pass(a->now_ns, LINE_BYTES + 3 * strlen(path),
			      &skipped))
		return;
	if (!a->is_part)
		last[count++] = LOG_U("bytes", a->bytes);
	if (skipped)
		last[count++] = LOG_U("left_out_before", skipped);
	log_info("http", "request",
		 LOG_S("method",
		       rq->method & METHOD_OTHER ? "other" : rq->method_name),
		 LOG_S("path", path), LOG_U("status", a->status),
		 LOG_D("duration_seconds", (double)duration_ns / 1e9),
		 LOG_S("origin", rq->origin ? rq->origin : "-"),
		 LOG_S("end", a->is_aborted ? "aborted" : "ok"),
		 LOG_S("client", client_name(a->client, client)),
		 LOG_S("id", rq->id), last[0], last[1]);
}

void account_request(const struct request *rq, const struct account *a)
{
	unsigned route = route_label(rq->route);
	uint64_t ns = a->now_ns > rq->started_ns
			      ? (uint64_t)(a->now_ns - rq->started_ns)
			      : 0;

	metric_add(METRIC_HTTP_REQUESTS, route,
		   code_labels[a->status < STATUS_MAX ? a->status : 0], 1);
	metric_observe(METRIC_HTTP_SECONDS, route, 0, ns);
	if (a->bytes)
		metric_add(METRIC_HTTP_BYTES, route, 0, (int64_t)a->bytes);
	dialect_of(rq)->account(rq, a, ns);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/metrics.h"
#include "http/dialect.h"
#include "http/routes.h"

static const struct route routes[] = {
#define ROUTE(method, path, tail_, fn, label_, json, type, flags_) \
	{ .methods = METHOD_##method,                              \
	  .pattern = path,                                         \
	  .tail = TAIL_##tail_,                                    \
	  .handle = fn,                                            \
	  .label = label_,                                         \
	  .is_json = json,                                         \
	  .body_type = type,                                       \
	  .flags = flags_ },
#include "http/routes_table.h"
#undef ROUTE
};
enum { ROUTES = sizeof(routes) / sizeof(*routes) };

unsigned route_label(const struct route *route)
{
	return metric_label(LABELS_ROUTE, route ? route->label : "other");
}

const struct route *route_table(size_t *count_ret)
{
	*count_ret = ROUTES;
	return routes;
}

static bool matches(const struct route *route, struct request *rq)
{
	const char *path = rq->path;
	const char *arg = NULL;
	size_t arg_size = 0;

	for (const char *p = route->pattern; *p; p++) {
		if (*p == '*') {
			arg = path;
			arg_size = strcspn(path, "/");
			path += arg_size;
		} else if (*p != *path++) {
			return false;
		}
	}
	if (*path && (route->tail == TAIL_NONE || *path != '/'))
		return false;
	rq->arg = arg;
	rq->arg_size = arg_size;
	rq->tail = route->tail == TAIL_KEPT ? path : "";
	return true;
}

bool route_has_cors(const struct request *rq)
{
	return rq->http->options->has_cors ||
	       (rq->route && rq->route->flags & ROUTE_OPEN);
}

static const char *allowed_methods(const struct request *rq)
{
	bool has_cors = route_has_cors(rq);

	if (rq->route->flags & ROUTE_PUT)
		return has_cors ? "POST, PUT, OPTIONS" : "POST, PUT";
	if (rq->route->methods & METHOD_POST)
		return has_cors ? "POST, OPTIONS" : "POST";
	return has_cors ? "GET, HEAD, OPTIONS" : "GET, HEAD";
}

static void answer_preflight(struct request *rq)
{
	struct reply *r = &rq->reply;

	r->status = 204;
	reply_header(r, "Allow", allowed_methods(rq));
	reply_header(r, "Access-Control-Allow-Methods", allowed_methods(rq));
	reply_header(r, "Access-Control-Allow-Headers",
		     "Content-Type, Content-Encoding, Range, If-None-Match, "
		     "If-Modified-Since, If-Range, X-Request-Id, "
		     "X-DEBUGINFOD-MAXSIZE");
	reply_header(r, "Access-Control-Max-Age", "86400");
}

static void answer_unknown(struct request *rq)
{
	static const char prefix[] = "/buildid/";

	if (!strncmp(rq->path, prefix, sizeof(prefix) - 1))
		request_fail(rq, 404, "not_found",
			     "there are /buildid/ID/executable, debuginfo, "
			     "source/PATH, section/NAME, gsym and meta");
	else
		request_fail(rq, 404, "not_found", "no such path");
}

bool route_by_table(struct request *rq)
{
	for (unsigned i = 0; i < ROUTES && !rq->route; i++) {
		if (matches(&routes[i], rq))
			rq->route = &routes[i];
	}
	if (!rq->route) {
		answer_unknown(rq);
		return false;
	}
	unsigned methods = rq->route->methods;

	if (methods & METHOD_GET)
		methods |= METHOD_HEAD;
	if (rq->route->flags & ROUTE_PUT)
		methods |= METHOD_PUT;
	if (rq->method & methods)
		return true;
	if (rq->method == METHOD_OPTIONS && route_has_cors(rq)) {
		answer_preflight(rq);
		return false;
	}
	request_fail(rq, 405, "bad_request", "the method is not %s",
		     allowed_methods(rq));
	reply_header(&rq->reply, "Allow", allowed_methods(rq));
	return false;
}

bool route_request(struct request *rq)
{
	return dialect_of(rq)->route(rq);
}

/* "type/subtype", whatever parameters follow. */
static bool is_media_type(const char *header, const char *type)
{
	size_t size = strlen(type);

	return !strncasecmp(header, type, size) &&
	       (!header[size] || strchr("; \t", header[size]));
}

size_t route_body_limit(const struct request *rq)
{
	size_t limit = rq->http->options->body_limit_bytes;
	bool is_brief = rq->route && rq->route->flags & ROUTE_BRIEF;

	return is_brief && limit > ROUTE_BRIEF_BYTES ? ROUTE_BRIEF_BYTES
						     : limit;
}

void route_check_body(struct request *rq, uint64_t content_length)
{
	const char *type = rq->header[HEADER_CONTENT_TYPE];
	const char *wanted = rq->route->body_type;
	size_t limit = route_body_limit(rq);

	if (!wanted)
		return;
	if (type && strcmp(wanted, "any") != 0 &&
	    !is_media_type(type, wanted)) {
		request_fail(rq, 415, "unsupported_media_type",
			     "Content-Type must be %s", wanted);
		reply_header(&rq->reply, "Accept", wanted);
	} else if (content_length > limit) {
		limit_reached("body_size");
		request_fail(rq, 413, "too_large",
			     "the body is larger than %zu bytes", limit);
	}
}

void route_handle(struct request *rq)
{
	rq->route->handle(rq);
}

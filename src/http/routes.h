/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every route, in one table (routes_table.h), and how a request finds its own.
 */
#ifndef HTTP_ROUTES_H
#define HTTP_ROUTES_H

#include "http/request.h"

#include <stdbool.h>

enum route_tail {
	TAIL_NONE,    /* the pattern is the whole path */
	TAIL_IGNORED, /* what is behind a slash does not matter */
	TAIL_KEPT,    /* is request.tail; may be empty */
};

enum route_flags {
	ROUTE_OPEN = 1 << 0,  /* web pages of other origins may always ask */
	ROUTE_PUT = 1 << 1,   /* PUT is as POST: what curl -T does */
	ROUTE_OPS = 1 << 2,   /* answered even when nothing else is */
	ROUTE_BRIEF = 1 << 3, /* its bodies have ROUTE_BRIEF_BYTES */
};

/** A thousand build IDs, as long as they come, with room for spaces. */
enum { ROUTE_BRIEF_BYTES = 256 << 10 };

struct route {
	unsigned methods;    /* enum http_methods; GET brings HEAD with it */
	const char *pattern; /* '*' is one segment, which may be empty */
	enum route_tail tail;
	/** Fill request.reply, or leave a ticket. */
	void (*handle)(struct request *rq);
	const char *label; /* of metrics: a value of LABELS_ROUTE */
	bool is_json;      /* the form of its errors */
	/** Media type of the bodies it takes, or "any"; NULL: it takes none. */
	const char *body_type;
	unsigned flags; /* enum route_flags */
};

/** May web pages of other origins read the answer? */
bool route_has_cors(const struct request *rq);

/**
 * Set route, arg and tail.
 * @return False if there is no route or it does not take the method: the
 * reply is then made (404, 405 with Allow, 204 for a preflight).
 */
bool route_request(struct request *rq);

/** Of a body, as it is sent and as it is decoded. */
size_t route_body_limit(const struct request *rq);

/**
 * Would the route take a body of that type and size? If not the reply is made
 * (415, 413).
 * @param[in] content_length 0 for a chunked body.
 */
void route_check_body(struct request *rq, uint64_t content_length);

/** Run the handler. */
void route_handle(struct request *rq);

/** Index of the route's label in LABELS_ROUTE. */
unsigned route_label(const struct route *route);

/** For the manual and tests: the table; @p count_ret its size. */
const struct route *route_table(size_t *count_ret);

/** More than X-DEBUGINFOD-MAXSIZE allows? Then the reply is made (406). As
 * debuginfod reads it: a positive number, anything else is no limit. */
bool artifact_is_too_large(struct request *rq, uint64_t size);

struct artifact;
/** Reply with a file, or the part of it that is wanted, or none of it. What @p
 * a owns is taken where it is sent. @param[in] cache_control Static. */
void artifact_send(struct request *rq, struct artifact *a,
		   const char *cache_control);

/* The handlers. */
void get_executable(struct request *rq);
void get_debuginfo(struct request *rq);
void get_source(struct request *rq);
void get_section(struct request *rq);
void get_gsym(struct request *rq);
void get_meta(struct request *rq);
void get_metadata(struct request *rq);
void post_presence(struct request *rq);
void post_symbolize(struct request *rq);
void post_symbolicate(struct request *rq);
void get_metrics(struct request *rq);
void get_healthz(struct request *rq);
void get_readyz(struct request *rq);
void get_home(struct request *rq);

#endif

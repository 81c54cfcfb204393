/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How requests are read and answers told: as schema/http.md says, or as
 * elfutils' debuginfod does it (debuginfod.c). All that differs between the two
 * stands in one struct each; nobody else asks which of them it is.
 *
 * Threads: constants.
 */
#ifndef HTTP_DIALECT_H
#define HTTP_DIALECT_H

#include "http/account.h"
#include "http/request.h"
#include "http/routes.h"

struct dialect {
	/** Does a NUL in a path end it? Else it is a malformed path. */
	bool cuts_at_nul;
	/** Do answers carry X-Request-Id? */
	bool has_request_id;
	/** The Cache-Control of an artifact. */
	const char *cache_control;
	/** What route_request() says. */
	bool (*route)(struct request *rq);
	/** Make the reply to what went wrong; @p message is one line, and NUL
	 * terminated. */
	void (*fail)(struct request *rq, unsigned status, const char *kind,
		     const char *message);
	/** Make the reply to a miss. */
	void (*absent)(struct request *rq);
	/** Told of an artifact that is about to be sent. */
	void (*found)(struct request *rq, const struct artifact *a);
	/** Change the form of a JSON answer: appends to @p out. NULL: as it is.
	 * Any thread. */
	void (*restyle)(const struct buf *json, struct buf *out);
	/** Write the line of a request that is over, and count what only this
	 * dialect counts. */
	void (*account)(const struct request *rq, const struct account *a,
			uint64_t duration_ns);
};

extern const struct dialect dialect_own, dialect_debuginfod;

static inline const struct dialect *dialect_of(const struct request *rq)
{
	return rq->http->options->debuginfod ? &dialect_debuginfod
					     : &dialect_own;
}

/* Those of dialect_own, each where what it is about is. */
bool route_by_table(struct request *rq);
void fail_by_route(struct request *rq, unsigned status, const char *kind,
		   const char *message);
void artifact_absent(struct request *rq);
void artifact_found(struct request *rq, const struct artifact *a);
void account_log(const struct request *rq, const struct account *a,
		 uint64_t duration_ns);

#endif

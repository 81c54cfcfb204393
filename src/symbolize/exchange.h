/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A request of the symbolize routes and its answer, in whatever form they have
 * on the wire: JSON, text and folded stacks, raw kernel records, protobuf, the
 * Firefox Profiler's. The form of the question is told by its Content-Type,
 * that of the answer by Accept, as schema/http.md says.
 *
 *	exchange_read() -> exchange_batch() -> symbolize() -> exchange_write()
 *
 * Must not know of HTTP beyond the values of these two headers.
 * Threads: owned by one thread at a time. Nothing here waits.
 */
#ifndef SYMBOLIZE_EXCHANGE_H
#define SYMBOLIZE_EXCHANGE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/held.h"
#include "symbolize/batch.h"

#include <stdbool.h>
#include <stddef.h>

enum exchange_route {
	EXCHANGE_SYMBOLIZE,   /* POST /symbolize/v1 */
	EXCHANGE_SYMBOLICATE, /* POST /symbolicate/v5 */
};

/** The media types a route reads, for the message and the Accept header of a
 * 415: "application/json, text/plain, …". Static. */
const char *exchange_types(enum exchange_route route);
/** Is it one of them, with parameters that can be understood? To be asked
 * before a body is read. @param[in] content_type NULL: the route's first. */
bool exchange_takes(enum exchange_route route, const char *content_type);

/** All borrowed for the call of exchange_read(). */
struct exchange_request {
	enum exchange_route route;
	const char *content_type; /* exchange_takes() it; NULL: the first */
	const char *accept;       /* NULL: anything */
	const char *query;        /* raw, behind '?'; NULL */
	const void *body;         /* its content coding undone */
	size_t size;
};

struct exchange;

/**
 * Read a body into a batch.
 *
 * @return BAD_REQUEST with the position; LIMIT naming the limit (413);
 * NO_MEMORY.
 * Cost: one pass over the body; memory bounded by the limits.
 */
MUST_CHECK struct error *exchange_read(const struct exchange_request *rq,
				       const struct batch_limits *limits,
				       struct exchange **ret);
/** NULL is allowed. */
void exchange_free(struct exchange *x);
static inline void cleanup_exchange(struct exchange **x)
{
	exchange_free(*x);
}
#define CLEANUP_EXCHANGE CLEANUP(cleanup_exchange)

/** Memory that the question takes until it is answered. */
size_t exchange_bytes(const struct exchange *x);

/** What was asked, to be answered. The exchange's. */
struct batch *exchange_batch(struct exchange *x);

/** Is there a line of text that is neither an address nor a stack? It is answered
 * as an address that nobody knows. */
bool exchange_has_nonsense(const struct exchange *x);

/**
 * Write the answered batch.
 *
 * @param[in,out] out Appended to.
 * @param[in] limit_bytes Most that the answer may have.
 * @param[in,out] held Of the answer, as it grows beyond HELD_SMALL; NULL: it is
 * not counted.
 * @param[out] type_ret Its Content-Type. Static.
 * @return LIMIT, NO_MEMORY; BUSY if the batch is forsaken, or if that were more
 * than all requests may hold.
 */
MUST_CHECK struct error *exchange_write(struct exchange *x, size_t limit_bytes,
					struct held *held, struct buf *out,
					const char **type_ret);

#endif

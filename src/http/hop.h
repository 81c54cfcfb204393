/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A request on its way to an upstream server: whether it may go there, and who
 * is said to ask.
 */
#ifndef HTTP_HOP_H
#define HTTP_HOP_H

#include "http/request.h"
#include "upstream/upstream.h"

/**
 * Must it be answered from here alone? It came through us before (our mark is
 * in Via, or in User-Agent, which elfutils' server passes on), or has come so
 * many hops already (http_options.forwarded_ttl_limit). No, where there is
 * nobody to be asked.
 */
bool hop_is_last(const struct request *rq);

/** Must it be, for its hops alone? Where others might have had what it asks
 * for, that is the limit "hops". */
bool hop_is_far(const struct request *rq);

/** Did it come through us before, so that what we know elsewhere is asked for
 * already? */
bool hop_is_ours(const struct request *rq);

/** Hops in X-Forwarded-For, as elfutils' server counts them: this one too. */
unsigned long hop_count(const struct request *rq);

/** Servers that the request came through, by whatever header says most. */
unsigned hop_distance(const struct request *rq);

/**
 * @param[out] ret Strings are borrowed from the request, but for
 * forwarded_for, which is @p owned_ret's: mem_free().
 * @return False without memory.
 */
bool hop_of(const struct request *rq, struct upstream_hop *ret,
	    char **owned_ret);

/** The same for longer than the request. @return Owned: mem_free(). NULL without
 * memory. */
struct upstream_hop *hop_copy(const struct request *rq) MUST_CHECK;

#endif

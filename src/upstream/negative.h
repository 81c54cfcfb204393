/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a server did not give, by cause, and until when it need not be asked
 * again. Memory only, bounded: what is forgotten for want of room is asked
 * again earlier.
 *
 *	absent		an hour, or until the index learns of the build ID
 *	transient	1 s, 2 s, 4 s … 60 s
 *	mismatch	a minute: another build ID in it than asked for
 *	malformed	a minute: an answer that makes no sense, or that we are
 *			not allowed to ask, which another configuration or a
 *			new token changes
 *	too large	a minute
 *
 * Threads: owned by one; negative_forget() any.
 */
#ifndef UPSTREAM_NEGATIVE_H
#define UPSTREAM_NEGATIVE_H

#include "base/build_id.h"
#include "base/error.h"
#include "upstream/upstream.h"

struct negative;

MUST_CHECK struct error *negative_create(struct negative **ret);
/** NULL is allowed. */
void negative_destroy(struct negative *n);

/** Of one artifact at one server. */
struct negative_key {
	struct build_id id;
	const char *path; /* all of the request's */
	unsigned upstream;
};

/** @param[in] least_ms It asked to be left alone for so long, or 0.
 * @return How long it holds from now on, ms. */
int64_t negative_put(struct negative *n, const struct negative_key *key,
		     enum upstream_cause cause, int64_t least_ms,
		     int64_t now_ms);

/** @return False: nothing is known. */
bool negative_get(struct negative *n, const struct negative_key *key,
		  int64_t now_ms, enum upstream_cause *cause_ret,
		  int64_t *left_ms_ret);

/** It was found: failures are counted anew. */
void negative_remove(struct negative *n, const struct negative_key *key);

/** All of that build ID. Any thread. */
void negative_forget(struct negative *n, const struct build_id *id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** Inside resolver*.c: what a resolver of one kind is made of. */
#ifndef RESOLVER_PRIVATE_H
#define RESOLVER_PRIVATE_H

#include "resolver.h"
#include "symbolize/batch.h"

enum { RESOLVER_ANSWER_MAX = 1 << 30 };

/** RESOLVER_NO_ID. */
extern const struct build_id resolver_no_id;

struct resolver {
	struct resolver_options options;
	struct error *(*answer)(struct resolver *r, const struct buf *lines,
				struct buf *out);
	void (*close)(struct resolver *r); /* frees all of it */
};

MUST_CHECK struct error *
resolver_open_url(const struct resolver_options *options,
		  struct resolver **ret);
MUST_CHECK struct error *
resolver_open_file(const struct resolver_options *options,
		   struct resolver **ret);
MUST_CHECK struct error *
resolver_open_index(const struct resolver_options *options,
		    struct resolver **ret);

/** Read lines, have the batch answered, write: what local resolvers share.
 * @param[in] answer Fills the answer of the batch. */
MUST_CHECK struct error *
resolver_exchange(struct resolver *r, const struct buf *lines, struct buf *out,
		  struct error *(*answer)(struct resolver *r, struct batch *b));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Who answers `symbolized resolve`: another server, the local index, or a
 * table built from one file. Each is given lines of text, in the form of
 * POST /symbolize/v1, and gives back text.
 *
 * Threads: owned by one thread.
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include "base/buf.h"
#include "base/error.h"
#include "settings.h"

struct resolver;

/** Stands for the build ID of --file, which nobody asks for. */
#define RESOLVER_NO_ID "00000000"

struct resolver_options {
	const struct settings *settings; /* borrowed, as is what follows */
	const char *program;             /* started as `program worker` */
	const char *query;  /* of the route: symbolize/exchange.h */
	const char *accept; /* form of the answer */
};

/**
 * Is a line an address, a stack or nothing, as it should be? Asks nobody.
 *
 * @param[in] query As of struct resolver_options. What is wrong with that
 * resolver_open() says: of such a one every line is understood.
 * @return NO_MEMORY.
 */
MUST_CHECK struct error *resolver_understands(const char *query,
					      const char *line, bool *ret);

/** By settings: --url, else --file, else the index.
 * @return What opening them returns; BAD_REQUEST for a file that is no ELF. */
MUST_CHECK struct error *resolver_open(const struct resolver_options *options,
				       struct resolver **ret);
/** NULL is allowed. */
void resolver_close(struct resolver *r);

/**
 * Answer lines. Waits for what must be built, at most --wait.
 *
 * @param[in] lines Whole lines.
 * @param[in,out] out Appended to.
 */
MUST_CHECK struct error *
resolver_answer(struct resolver *r, const struct buf *lines, struct buf *out);

#endif

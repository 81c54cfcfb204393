/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The path of a request to an upstream server.
 *
 * Whatever a client's path was, what goes out is one path below
 * "/buildid/ID/TYPE", for every server and proxy that reads it: it has no empty
 * segments, none that are "." or "..", however these are spelt, and every byte
 * that means something to a URL is encoded. Otherwise a request with the
 * headers of the configuration, a token among them, could be sent to whatever
 * else lies on that server. Likewise what is searched for is one value of one
 * query, whatever is in it.
 *
 * Threads: any. Source: RFC 3986, 2.2, 3.3, 5.2.4.
 */
#ifndef UPSTREAM_ASK_PATH_H
#define UPSTREAM_ASK_PATH_H

#include "upstream/upstream.h"

/**
 * A source's path is made canonical, as elfutils' server looks it up, too. A
 * section's name is as it is or none.
 *
 * @param[out] ret Owned: mem_free().
 * @return BAD_REQUEST: there is no such path; NO_MEMORY.
 */
MUST_CHECK struct error *ask_path(const struct upstream_question *q,
				  char **ret);

/** "/metadata?key=…&value=…". @param[out] ret Owned: mem_free(). */
MUST_CHECK struct error *ask_search_path(const struct upstream_search *q,
					 char **ret);

#endif

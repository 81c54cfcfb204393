/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Shared by the files of src/http/mhd, the adapter to libmicrohttpd, and nobody
 * else. All of it is called on the connection's thread.
 */
#ifndef HTTP_MHD_MHD_H
#define HTTP_MHD_MHD_H

#include "http/server.h"

#include <microhttpd.h>

enum {
	/** A header of 16 KiB, the fields' list, and the reply's header. */
	CONNECTION_MEMORY = 32 << 10,
};

/**
 * Read the fields into the request, and judge the framing, before any body.
 *
 * @param[in] method Where the line begins, and @p version where it says it:
 * both lie in the connection's memory.
 */
struct framing_result mhd_read_header(struct connection *c, const char *method,
				      const char *version);
/** False: what follows a body in chunks is not to be taken for a request. */
bool mhd_is_chunk_strict(void);

/** Queue the request's reply, whose status is set. MHD_NO: the connection is to
 * end without a word. */
enum MHD_Result mhd_reply(struct connection *c);
/** Answers to HEAD and 304 have the headers of a body alone. */
bool mhd_sends_body(const struct request *rq);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Request bodies: content codings undone.
 *
 * Threads: any, each with its own body.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "base/buf.h"
#include "base/error.h"
#include "base/held.h"

#include <stdbool.h>
#include <stddef.h>

enum body_coding { BODY_IDENTITY, BODY_GZIP, BODY_ZSTD, BODY_CODINGS };

/** Read a Content-Encoding, NULL for none.
 * @return False for one that is not taken (415). */
bool body_coding_parse(const char *header, enum body_coding *ret);

/**
 * Undo the coding.
 *
 * @param[in,out] body Replaced by the decoded bytes.
 * @param[in,out] held Of the body: what it takes, while it is decoded as much
 * more as has come out. With an error as before.
 * @return TOO_LARGE with the limit when more than @p limit_bytes come out; BUSY
 * when that were more than all requests may hold; BAD_REQUEST for damaged
 * input; NO_MEMORY.
 */
MUST_CHECK struct error *body_decode(struct buf *body, enum body_coding coding,
				     size_t limit_bytes, struct held *held);

/**
 * The same, as long as what comes out is small.
 *
 * @param[out] large_ret It is not: the body is as it was, and no limit of the
 * client's has been reached.
 */
MUST_CHECK struct error *
body_decode_if_small(struct buf *body, enum body_coding coding,
		     size_t small_bytes, size_t limit_bytes, struct held *held,
		     bool *large_ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Request bodies: content codings undone, JSON read. jansson is included by
 * body.c alone.
 *
 * Threads: any, each with its own body.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "base/buf.h"
#include "base/error.h"

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
 * @return TOO_LARGE with the limit when more than @p limit_bytes come out;
 * BAD_REQUEST for damaged input; NO_MEMORY.
 */
MUST_CHECK struct error *body_decode(struct buf *body, enum body_coding coding,
				     size_t limit_bytes);

struct body_json; /* a parsed object */

/**
 * Parse a JSON object.
 * @return BAD_REQUEST with line and column; nesting above 32 is refused.
 */
MUST_CHECK struct error *body_json_parse(const void *data, size_t size,
					 struct body_json **ret);
/** NULL is allowed. */
void body_json_free(struct body_json *b);

static inline void cleanup_body_json(struct body_json **b)
{
	body_json_free(*b);
}
#define CLEANUP_BODY_JSON CLEANUP(cleanup_body_json)

/** A true or false member; absent gives @p fallback. BAD_REQUEST if it is
 * something else. */
MUST_CHECK struct error *body_json_bool(const struct body_json *b,
					const char *key, bool fallback,
					bool *ret);
/** Number of items of a member that must be an array. BAD_REQUEST if it is
 * absent or something else. */
MUST_CHECK struct error *body_json_array(const struct body_json *b,
					 const char *key, size_t *count_ret);
/** Item of such an array as text; NULL if it is no string. Borrowed.
 * @param[out] size_ret Bytes: the text may hold NULs. */
const char *body_json_text(const struct body_json *b, const char *key, size_t i,
			   size_t *size_ret);

#endif

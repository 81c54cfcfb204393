/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What is kept with a file from an upstream server: what its header said.
 * It lies behind the body, in the content of the cache's file, so that it comes
 * and goes with it.
 *
 * Threads: any.
 */
#ifndef STORE_REMOTE_META_H
#define STORE_REMOTE_META_H

#include "base/error.h"

#include <stdint.h>

struct remote_meta {
	uint64_t size; /* of the body */
	int64_t mtime; /* seconds, or CLOCK_NO_DATE */
	uint64_t etag;
	/* Owned; NULL: not said. */
	char *file, *archive, *signature;
};
/** Twice is safe. */
void remote_meta_deinit(struct remote_meta *m);
#define CLEANUP_REMOTE_META CLEANUP(remote_meta_deinit)

/** Put it behind the body. @param[out] content_ret Bytes of both.
 * @return NO_SPACE, IO, NO_MEMORY. */
MUST_CHECK struct error *remote_meta_write(int fd, const struct remote_meta *m,
					   uint64_t *content_ret);

/** @param[in] content_size Bytes of both.
 * @return BAD_DATA if there is none; IO, NO_MEMORY. */
MUST_CHECK struct error *remote_meta_read(int fd, uint64_t content_size,
					  struct remote_meta *ret);

#endif

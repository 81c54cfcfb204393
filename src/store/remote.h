/* SPDX-License-Identifier: Apache-2.0 */
/** Shared by remote*.c, nobody else's. Threads: a query thread, or the fetching
 * one. */
#ifndef STORE_REMOTE_H
#define STORE_REMOTE_H

#include "store/remote_meta.h"
#include "store/store_internal.h"

struct growth;

/* remote.c */

/** Nobody has it, for at most @p ttl_ms. */
void remote_land_absent(struct flight *f, int64_t ttl_ms);

/** As in a request's path. Static. */
const char *remote_type_name(enum artifact_kind kind);
/** What it is called in the disk cache: the same wherever it came from. A name
 * of 0 without memory. */
struct cache_key remote_key(const struct flight *f);

/** What is to be kept of an answer. @param[out] ret Owned, also if it fails.
 * @return False without memory. */
bool remote_meta_of(const struct flight *f, const struct upstream_answer *a,
		    struct remote_meta *ret);
/** @param[in] fd Duplicated.
 * @param[in] growth Referred to; NULL: it is whole.
 * @return False without memory or descriptors. */
bool remote_artifact(const struct remote_meta *m, int fd,
		     enum artifact_origin origin, struct growth *growth,
		     struct artifact *ret);

/* remote_download.c */

/** Fetch it. NULL: the flight is the download's now.
 * @return BUSY; BAD_REQUEST: no request can name it; NO_MEMORY. */
MUST_CHECK struct error *remote_download(struct flight *f);

/* remote_section.c */

/** A server refused to give a section: look for it in the file as a whole. The
 * flight is landed, or goes on and comes here again. */
void remote_section_next(struct flight *f);

#endif

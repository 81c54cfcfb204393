/* SPDX-License-Identifier: Apache-2.0 */
/** Shared by remote*.c, nobody else's. Threads: a query thread. */
#ifndef STORE_REMOTE_H
#define STORE_REMOTE_H

#include "store/store_internal.h"

/** A server refused to give a section: look for it in the file as a whole. The
 * flight is landed, or goes on and comes here again. */
void remote_section_next(struct flight *f);

/** Nobody has it, for at most @p ttl_ms. */
void remote_land_absent(struct flight *f, int64_t ttl_ms);

/** Borrowed from the flight. */
struct upstream_hop remote_hop_of(const struct flight *f);

#endif

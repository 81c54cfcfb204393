/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Who may come in: connections in total and of each client, and the memory that
 * requests and answers may hold together.
 *
 *  - A connection over the limit of its address is closed without a word:
 *    libdebuginfod would remember any status for ten minutes.
 *  - Connections over the limit in total are still taken, up to one in
 *    SURPLUS_SHARE: `/healthz`, `/readyz` and `/metrics` are answered
 *    there, anything else with 503. They have SURPLUS_MS for their request.
 *  - The connections of a trusted proxy are not counted by its address. The
 *    requests that are under way in them are, by the address it speaks for, or
 *    its own where it names none; one too many is answered 429.
 *
 * Threads: any.
 */
#ifndef HTTP_ADMIT_H
#define HTTP_ADMIT_H

#include "base/lock.h"
#include "http/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
	/** One in so many connections more than the limit are told that they
	 * are. */
	SURPLUS_SHARE = 16,
	SURPLUS_LEAST = 16,
	/** What such a one has for its request. */
	SURPLUS_MS = 300,
};

struct client;
LIST_HEAD(client_list, client);

struct clients {
	struct lock lock;
	struct client_list *buckets; /* guarded by lock */
	size_t bucket_count;         /* a power of two */
	unsigned limit;
	uint64_t seed;
};

/** @return False without memory. Deinit twice is safe. */
bool clients_init(struct clients *c, unsigned limit);
void clients_deinit(struct clients *c);

/** Count one more of a client.
 * @return NULL if there are too many already, or no memory is left; else to be
 * given to clients_leave(). */
struct client *clients_enter(struct clients *c, const struct address *who);
/** @param[in] client Taken. NULL is allowed. */
void clients_leave(struct clients *c, struct client *client);
/** How many are counted of it now. For tests. */
unsigned clients_count(struct clients *c, const struct address *who);

/** How many connections are taken beyond @p limit. */
unsigned surplus_of(unsigned limit);

#endif

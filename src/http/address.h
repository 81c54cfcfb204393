/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Addresses of clients: ranges of those that are trusted, and whom a trusted
 * proxy speaks for.
 *
 * Threads: values; any.
 */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/** IPv4 as the IPv6 address that is mapped to it. */
struct address {
	uint8_t bytes[16];
};

struct address_range {
	struct address first;
	unsigned bits; /* of the 128 */
};

struct address_ranges {
	struct address_range *v; /* owned */
	size_t count;
};

/** @return False for what is no IP socket. */
bool address_from_sockaddr(const struct sockaddr *from, struct address *ret);
void address_to_sockaddr(const struct address *from,
			 struct sockaddr_storage *ret);

/** The first @p size bytes of @p text as an address: literal, alone or as
 * `v4:port`, `[v6]` or `[v6]:port`. */
bool address_parse(const char *text, size_t size, struct address *ret);

/** Who counts as one client: an IPv4 address, or the first half of an IPv6
 * one, since who has one has all of that network. */
struct address address_of_client(const struct address *from);

/**
 * Read ADDRESS or ADDRESS/BITS, several with spaces between. NULL has none.
 * @param[out] ret To be freed with address_ranges_free().
 * @return BAD_REQUEST, with the word that is no range; NO_MEMORY.
 */
MUST_CHECK struct error *address_ranges_parse(const char *text,
					      struct address_ranges *ret);
void address_ranges_free(struct address_ranges *ranges);
bool address_is_in(const struct address *a,
		   const struct address_ranges *ranges);

/**
 * For whom does a trusted proxy speak? The last address in an X-Forwarded-For
 * that is not trusted itself; what is before it anybody could have written.
 * Where all are trusted it is the first of them.
 *
 * @param[in] list Of the last such field; NULL for none.
 * @return False if there is no address in it that can be believed.
 */
bool address_forwarded(const char *list, const struct address_ranges *trusted,
		       struct address *ret);

#endif

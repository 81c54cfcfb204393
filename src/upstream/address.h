/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Addresses that a stranger must not send us to: loopback, private, link-local
 * and other networks that are not the Internet.
 *
 * Threads: any. Source: the IANA registries of special-purpose addresses, IPv4
 * and IPv6, of 2024; RFC 6890, RFC 4193, RFC 6598.
 */
#ifndef UPSTREAM_ADDRESS_H
#define UPSTREAM_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/** Also of an IPv4 address inside an IPv6 one (mapped, 6to4, NAT64). What is
 * neither IPv4 nor IPv6 is private. */
bool address_is_private(const struct sockaddr *a);

#endif

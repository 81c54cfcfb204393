/* SPDX-License-Identifier: Apache-2.0 */
/** Listening sockets. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include "base/error.h"

#include <stdint.h>

/**
 * Listen on a literal address: "127.0.0.1:8002", "[::1]:0", ":8002" (all
 * addresses, both families where there are two).
 * @param[out] fd_ret Owned; not blocking, closed on exec.
 * @return BAD_REQUEST if it cannot be understood, IO if it cannot be had.
 */
MUST_CHECK struct error *listen_open(const char *address, int *fd_ret);

/** The port a socket is bound to; 0 if it has none. */
uint16_t listen_port(int fd);

/** "IPv4 IPv6", "IPv4", "IPv6", or "" for a socket of no such kind. Static. */
const char *listen_families(int fd);

/** Have the kernel take little more of an answer than goes out: by itself it takes
 * megabytes for each client that reads nothing. */
void listen_bound_unsent(int fd);

#endif

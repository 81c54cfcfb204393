/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Each request is counted and logged here, once, when it is over.
 *
 * Access lines are `info`. Together they are held to 10 KB a second behind a
 * burst of 1 MB, so that no client fills a disk and the log is no part
 * of what a request costs under load; the next line says how many were left
 * out. At level `debug` none is.
 *
 * Threads: any.
 */
#ifndef HTTP_ACCOUNT_H
#define HTTP_ACCOUNT_H

#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct account {
	unsigned status; /* 0: the connection ended before there was one */
	uint64_t bytes;  /* of the body, handed to the network */
	/* Some of the body may have got out, nobody says how much. */
	bool is_part;
	bool is_aborted;               /* not all of the answer got out */
	int64_t now_ns;                /* clock_ns() */
	const struct sockaddr *client; /* NULL: unknown */
};

void account_request(const struct request *rq, const struct account *a);

/** May a line of about @p bytes be written at @p now_ns? For tests. */
bool account_log_pass(int64_t now_ns, uint64_t bytes, uint64_t *skipped_ret);

#endif

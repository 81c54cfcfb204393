/* SPDX-License-Identifier: Apache-2.0 */
/** Lines of the log in debuginfod's words. Held to the rate of account.h. */
#ifndef HTTP_DEBUGINFOD_PRIVATE_H
#define HTTP_DEBUGINFOD_PRIVATE_H

#include "http/account.h"
#include "http/request.h"

/** What a request is refused with. */
void debuginfod_log_message(const char *message);
/** At level debug: what is sent. */
void debuginfod_log_serving(const struct request *rq, const struct artifact *a);
/** The access line. */
void debuginfod_log_request(const struct request *rq, const struct account *a,
			    uint64_t duration_ns);

#endif

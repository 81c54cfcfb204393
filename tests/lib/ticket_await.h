/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Answering a request without a connection.
 */
#ifndef LIB_TICKET_AWAIT_H
#define LIB_TICKET_AWAIT_H

#include "http/request.h"

/** If the request waits for a ticket: start it, as the adapter does, wait for
 * it, and finish the reply. */
void ticket_await(struct request *rq);

#endif

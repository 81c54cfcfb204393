/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An answer that comes later. Two hold a ticket: the request that waits and
 * the work that goes on; either may let go first.
 *
 *	WAITING --ticket_done()-----> DONE	outcome is the request's
 *	   \----ticket_give_up()----> GIVEN_UP	outcome stays with the work
 *
 * One of the two wins, once; the winner wakes the request. Whoever lost
 * changes nothing, so an answer that comes after the deadline, after the
 * client has left or after the server has stopped is harmless.
 *
 * The work may touch only the ticket: neither request nor server need exist
 * any longer when it ends.
 */
#ifndef HTTP_TICKET_H
#define HTTP_TICKET_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/held.h"
#include "http/reply.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;

enum ticket_state { TICKET_WAITING, TICKET_DONE, TICKET_GIVEN_UP };

struct ticket {
	_Atomic unsigned references;
	_Atomic unsigned state; /* enum ticket_state */
	/** Begin the work, which gets a reference of its own. On the request's
	 * thread, while the request is there. Must not wait. */
	void (*start)(struct ticket *t);
	/** Make the reply of a DONE ticket without error, on the request's
	 * thread. NULL: reply is it. */
	void (*finish)(struct request *rq, struct ticket *t);
	/** Free what else the work owns, not the ticket's memory. NULL: none.
	 */
	void (*deinit)(struct ticket *t);
	/** ticket_read()'s, ticket_search()'s. */
	store_read_fn read;
	unsigned wait_ms;
	/* Set by who parks the request, before start. */
	void (*wake)(void *ctx);
	void *wake_ctx;
	int64_t deadline_ms; /* clock_ms() */
	/** Of what the work was given and has made of it; the reply has its own.
	 * The work's, like the outcome. */
	struct held held;
	/** Outcome: the work's until DONE, then the request's. */
	struct error *err; /* owned; NULL */
	struct reply reply;
};

/** A ticket at the head of @p size zeroed bytes, with one reference; NULL
 * without memory. */
struct ticket *ticket_create(size_t size) MUST_CHECK;
struct ticket *ticket_get(struct ticket *t);
/** NULL is allowed. */
void ticket_put(struct ticket *t);

/** The work has ended: wake the request if it still waits, let go of the work's
 * reference. */
void ticket_done(struct ticket *t);

/** Wait no longer. @return False if the work was first; else the caller wakes
 * the request. */
bool ticket_give_up(struct ticket *t);

enum ticket_state ticket_state(struct ticket *t);

/** Make the request's reply from a DONE ticket, on the request's thread. */
void ticket_finish(struct request *rq, struct ticket *t);

/**
 * Start fn on one of the store's threads with a reader of the index; if that is
 * not possible it gets the error, at once. If nobody waits any longer when its
 * turn comes the work ends instead. The body of most start functions.
 */
void ticket_read(struct ticket *t, struct store *store, store_read_fn fn);
/** The same with store_search(), for what may take seconds. */
void ticket_search(struct ticket *t, struct store *store, store_read_fn fn);

#endif

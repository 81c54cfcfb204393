/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>

#include "base/mem.h"
#include "http/request.h"
#include "http/ticket.h"

struct ticket *ticket_create(size_t size)
{
	assert(size >= sizeof(struct ticket));
	struct ticket *t = mem_zalloc(size);

	if (!t)
		return NULL;
	atomic_init(&t->references, 1);
	atomic_init(&t->state, TICKET_WAITING);
	reply_init(&t->reply);
	return t;
}

struct ticket *ticket_get(struct ticket *t)
{
	atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
	return t;
}

void ticket_put(struct ticket *t)
{
	if (!t || atomic_fetch_sub(&t->references, 1) != 1)
		return;
	if (t->deinit)
		t->deinit(t);
	error_free(t->err);
	reply_deinit(&t->reply);
	held_release(&t->held);
	mem_free(t);
}

static bool leave_waiting(struct ticket *t, enum ticket_state state)
{
	unsigned waiting = TICKET_WAITING;

	return atomic_compare_exchange_strong(&t->state, &waiting, state);
}

void ticket_done(struct ticket *t)
{
	if (leave_waiting(t, TICKET_DONE))
		t->wake(t->wake_ctx);
	ticket_put(t);
}

bool ticket_give_up(struct ticket *t)
{
	return leave_waiting(t, TICKET_GIVEN_UP);
}

enum ticket_state ticket_state(struct ticket *t)
{
	return (enum ticket_state)atomic_load(&t->state);
}

void ticket_finish(struct request *rq, struct ticket *t)
{
	if (t->err)
		request_fail_with(rq, STEAL(t->err));
	else if (t->finish)
		t->finish(rq, t);
	else
		reply_move(&rq->reply, &t->reply);
}

static void read_if_wanted(void *ctx, struct index_reader *r, struct error *err)
{
	struct ticket *t = ctx;

	if (ticket_state(t) == TICKET_WAITING) {
		t->read(t, r, err);
	} else {
		error_free(err);
		ticket_done(t);
	}
}

void ticket_read(struct ticket *t, struct store *store, store_read_fn fn)
{
	t->read = fn;
	struct error *err = store_read(store, read_if_wanted, t);

	if (err)
		fn(t, NULL, err);
}

void ticket_search(struct ticket *t, struct store *store, store_read_fn fn)
{
	t->read = fn;
	struct error *err = store_search(store, read_if_wanted, t);

	if (err)
		fn(t, NULL, err);
}

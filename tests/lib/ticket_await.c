/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <semaphore.h>

#include "base/mem.h"
#include "http/ticket.h"
#include "tests/lib/ticket_await.h"

static void wake(void *ctx)
{
	sem_post(ctx);
}

void ticket_await(struct request *rq)
{
	struct ticket *t = STEAL(rq->ticket);
	sem_t woken;

	if (!t)
		return;
	sem_init(&woken, 0, 0);
	t->wake = wake;
	t->wake_ctx = &woken;
	t->start(ticket_get(t));
	sem_wait(&woken);
	sem_destroy(&woken);
	ticket_finish(rq, t);
	ticket_put(t);
}

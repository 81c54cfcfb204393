/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches that wait for tables: what is loaded they have at once, for the rest
 * each module wants a making (making.c), until that lands or time is up.
 *
 * Invariants
 * 1. A wait's batch is changed under the lock while wants of it are open, and
 *    by the one thread that answers it afterwards.
 * 2. An open want is in the list of one making, or its wait is being set up.
 * 3. A wait in the list has open wants; whoever settles the last one, or finds
 *    the deadline passed, takes it out and hands it on, once.
 * 4. What is loaded is answered without anything of this.
 */
#include "config.h"

#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "symbolize/symbolizer_internal.h"

enum {
	WAITS_MAX = 4096,
	/* Each costs some 30 bytes while it waits. */
	WAITING_ADDRESSES_MAX = 20000000,
	TIMER_IDLE_MS = 3600000,
};

/* ---- Wants; lock held --------------------------------------------------- */

static void unlist(struct wait *w)
{
	if (!w->is_listed)
		return;
	w->is_listed = false;
	TAILQ_REMOVE(&w->s->waits, w, others);
	metric_add(METRIC_SYMBOLIZE_WAITING, 0, 0, -1);
}

static void close_one(struct wait *w, struct wait **ready)
{
	if (--w->open)
		return;
	unlist(w);
	w->next_ready = *ready;
	*ready = w;
}

static const char *origin_name(bool is_upstream)
{
	return is_upstream ? "upstream" : "local";
}

static void settle(struct want *want, const struct outcome *o,
		   struct wait **ready)
{
	struct batch *b = want->wait->b;
	struct batch_module *m = &b->modules[want->module];

	if (want->making)
		LIST_REMOVE(want, others);
	want->making = NULL;
	m->status = o->status;
	m->message = o->message ? batch_text(b, o->message, strlen(o->message))
				: NULL;
	m->table = o->table ? symtab_get(o->table) : NULL;
	m->origin = o->table ? origin_name(o->is_upstream) : NULL;
	close_one(want->wait, ready);
}

static void settle_found(struct want *want, const struct table_found *found,
			 struct wait **ready)
{
	settle(want,
	       &(struct outcome) {
		       .status = MODULE_OK,
		       .table = found->table,
		       .is_upstream = found->claims.inputs & TABLE_UPSTREAM,
		       .message = table_claims_message(found->claims,
						       found->table),
	       },
	       ready);
	symtab_put(found->table);
}

void want_settle(struct want *want, const struct outcome *o,
		 struct wait **ready)
{
	const struct making *making = want->making;
	struct table_found found;

	if (!o->table && making && !making->key.is_breakpad &&
	    table_cache_get(making->s->tables, &making->key.id, &found) ==
		    TABLE_LOADED)
		settle_found(want, &found, ready);
	else
		settle(want, o, ready);
}

/* A better table may be had: see to it, while the old one answers. */
static void begin_again(struct symbolizer *s, const struct build_id *id,
			struct making **begun)
{
	const struct table_key key = { .id = *id };
	struct making *making =
		making_find(s, &key) ? NULL : making_begin(s, &key);

	if (!making)
		return;
	making->is_again = true;
	making->rank = RANK_MANY;
	making->next_begun = *begun;
	*begun = making;
}

/* What is known of a key by now. */
static bool settle_known(struct symbolizer *s, struct want *w,
			 struct table_key *key, struct todo *todo)
{
	uint64_t epoch = table_cache_epoch(s->tables);
	const struct verdict *v = verdicts_find(&s->verdicts, key, epoch);
	struct table_found found;

	if (v && v->status != MODULE_OK) {
		want_settle(
			w,
			&(struct outcome) {
				.status = v->status,
				.message = v->message[0] ? v->message : NULL,
			},
			&todo->ready);
		return true;
	}
	if (v)
		*key = (struct table_key) { .id = v->alias };
	if (key->is_breakpad ||
	    table_cache_get(s->tables, &key->id, &found) != TABLE_LOADED)
		return false;
	if (found.is_doubted && s->waits_for_best) {
		symtab_put(found.table);
		return false;
	}
	settle_found(w, &found, &todo->ready);
	if (found.is_doubted)
		begin_again(s, &key->id, &todo->begun);
	return true;
}

void want_attach(struct symbolizer *s, struct want *w, struct table_key key,
		 struct todo *todo)
{
	static const struct outcome too_many = {
		.status = MODULE_PENDING,
		.message = "too many tables are being made",
	};

	if (settle_known(s, w, &key, todo))
		return;
	struct making *making = making_find(s, &key);

	if (making && making->arrived &&
	    (!todo->poked_count ||
	     todo->poked[todo->poked_count - 1] != making)) {
		making_hold(making);
		todo->poked[todo->poked_count++] = making;
	}
	if (!making) {
		making = making_begin(s, &key);
		if (!making) {
			want_settle(w, &too_many, &todo->ready);
			return;
		}
		making->rank = w->rank;
		making->next_begun = todo->begun;
		todo->begun = making;
	} else if (w->rank < making->rank) {
		making->rank = w->rank;
		if (making->is_queued)
			todo->turns = s;
	}
	w->making = making;
	w->round = 0;
	LIST_INSERT_HEAD(&making->wants, w, others);
}

void todo_do(struct todo *t)
{
	waits_dispatch(t->ready);
	makings_start(t->begun);
	for (size_t i = 0; i < t->poked_count; i++) {
		making_advance(t->poked[i]);
		making_release(t->poked[i]);
	}
	if (t->turns)
		makings_go_on(t->turns);
}

/* ---- Batches ------------------------------------------------------------ */

/* Is the ID in no form in the index? */
static bool is_surely_absent(struct symbolizer *s, const struct build_id *id)
{
	struct build_id shorter = *id;

	for (;;) {
		if (!store_surely_absent(s->store, &shorter))
			return false;
		if (shorter.len <= BUILD_ID_MIN ||
		    shorter.bytes[shorter.len - 1])
			return true;
		shorter.len--;
	}
}

/* Without the lock, without waiting: what is loaded, or surely nowhere. */
static bool acquire_at_once(struct symbolizer *s, struct batch_module *m,
			    struct making **begun)
{
	struct table_found found;

	/* What is wrong with it the reader of the request has said. */
	if (!m->id.len && !m->is_breakpad)
		return true;
	m->status = MODULE_ABSENT;
	m->message = NULL;
	m->origin = NULL;
	symtab_put(STEAL(m->table));
	if (m->is_breakpad)
		return false;
	if (table_cache_get(s->tables, &m->id, &found) != TABLE_LOADED)
		return is_surely_absent(s, &m->id);
	if (found.is_doubted && s->waits_for_best) {
		symtab_put(found.table);
		return false;
	}
	table_op_count(TABLE_OP_HIT);
	m->status = MODULE_OK;
	m->table = found.table;
	m->origin = origin_name(found.claims.inputs & TABLE_UPSTREAM);
	m->message = table_claims_message(found.claims, found.table);
	if (found.is_doubted) {
		LOCKED(&s->lock);
		begin_again(s, &m->id, begun);
	}
	return true;
}

/* Let the wait wait. False: its time is up, or nothing is open. */
static void list_wait(struct wait *w, unsigned wait_ms)
{
	struct symbolizer *s = w->s;

	w->deadline_ms = clock_ms() + wait_ms;
	w->is_listed = true;
	TAILQ_INSERT_TAIL(&s->waits, w, others);
	metric_add(METRIC_SYMBOLIZE_WAITING, 0, 0, 1);
	if (w->deadline_ms < s->next_deadline_ms) {
		s->next_deadline_ms = w->deadline_ms;
		condition_broadcast(&s->changed);
	}
}

static void give_up_wants(struct wait *w, struct wait **ready)
{
	static const struct outcome pending = { .status = MODULE_PENDING };

	for (size_t i = 0; i < w->b->module_count; i++) {
		if (w->wants[i].making)
			want_settle(&w->wants[i], &pending, ready);
	}
}

/* @p is_there says of which modules nothing is wanted any more. */
static void acquire_rest(struct wait *w, const bool *is_there,
			 struct todo *todo)
{
	struct symbolizer *s = w->s;
	struct batch *b = w->b;
	unsigned wait_ms =
		b->wait_ms < s->limits.wait_ms ? b->wait_ms : s->limits.wait_ms;
	unsigned made = 0;

	LOCKED(&s->lock);
	for (size_t i = 0; i < b->module_count; i++) {
		if (is_there[i])
			continue;
		w->open++;
		w->wants[i].wait = w;
		w->wants[i].module = (uint32_t)i;
		w->wants[i].rank = made;
		want_attach(s, &w->wants[i], table_key_of(&b->modules[i]),
			    todo);
		made += w->wants[i].making != NULL;
	}
	if (!wait_ms || s->is_closing)
		give_up_wants(w, &todo->ready);
	else if (w->open > 1)
		list_wait(w, wait_ms);
	close_one(w, &todo->ready);
}

static struct error *add_wait(struct symbolizer *s, size_t addresses,
			      bool *is_full_ret, struct wait **ret)
{
	LOCKED(&s->lock);
	if (s->is_closing)
		return error_new(BUSY, "shutting down");
	*is_full_ret = true;
	if (s->wait_count >= WAITS_MAX)
		return error_new(BUSY, "%d batches wait", WAITS_MAX);
	if (s->waiting_addresses &&
	    s->waiting_addresses + addresses > WAITING_ADDRESSES_MAX)
		return error_new(BUSY, "%zu addresses wait",
				 s->waiting_addresses);
	*is_full_ret = false;
	struct wait *w = mem_zalloc(sizeof(*w));

	if (!w)
		return error_no_memory;
	s->wait_count++;
	s->waiting_addresses += addresses;
	w->addresses = addresses;
	w->s = s;
	w->open = 1;
	batch_init(&w->own);
	*ret = w;
	return NULL;
}

static struct error *begin_wait(struct symbolizer *s, size_t addresses,
				struct wait **ret)
{
	bool is_full = false;
	struct error *err = add_wait(s, addresses, &is_full, ret);

	if (is_full)
		limit_reached("queued_jobs");
	return err;
}

/* Of @p w, which is not there any more when this returns. */
static void run_wait(struct wait *w)
{
	struct symbolizer *s = w->s;
	struct batch *b = w->b;
	CLEANUP_FREE bool *is_there = mem_array(b->module_count, sizeof(bool));
	CLEANUP_FREE struct making **poked = NULL;
	struct todo todo = { 0 };
	size_t missing = 0;

	for (size_t i = 0; is_there && i < b->module_count; i++) {
		is_there[i] = acquire_at_once(s, &b->modules[i], &todo.begun);
		missing += !is_there[i];
	}
	if (missing) {
		w->wants = mem_array(b->module_count, sizeof(*w->wants));
		todo.poked = poked = mem_array(missing, sizeof(*poked));
	}
	if (!is_there || (missing && (!w->wants || !poked)))
		w->err = error_no_memory;
	if (!missing || w->err)
		todo.ready = w;
	else
		acquire_rest(w, is_there, &todo);
	/* Of all batches this one alone can have become ready here. */
	if (todo.ready)
		wait_hand_on(STEAL(todo.ready));
	todo_do(&todo);
}

void symbolize(struct symbolizer *s, struct batch *b, symbolize_done_fn done,
	       void *ctx)
{
	struct wait *w = NULL;
	struct error *err = begin_wait(s, b->address_count, &w);

	if (err) {
		done(ctx, err);
		return;
	}
	w->b = b;
	w->done = done;
	w->ctx = ctx;
	run_wait(w);
}

void symbolize_file(struct symbolizer *s, const struct build_id *id,
		    unsigned wait_ms, symbolize_file_fn done, void *ctx)
{
	const struct batch_limits one = { .modules = 1 };
	struct symbol_file none = { .fd = -1, .status = MODULE_PENDING };
	struct batch_module *m;
	struct wait *w = NULL;
	struct error *err = begin_wait(s, 0, &w);

	if (!err)
		err = batch_add_module(&w->own, &one, &m);
	if (err) {
		if (w)
			wait_free(w);
		done(ctx, err, &none);
		return;
	}
	m->id = *id;
	w->own.wait_ms = wait_ms;
	w->b = &w->own;
	w->file_done = done;
	w->ctx = ctx;
	run_wait(w);
}

/* ---- Deadlines ---------------------------------------------------------- */

/* Lock held. */
static void expire(struct symbolizer *s, int64_t now, struct wait **ready)
{
	struct wait *w = TAILQ_FIRST(&s->waits);

	s->next_deadline_ms = now + TIMER_IDLE_MS;
	while (w) {
		struct wait *next = TAILQ_NEXT(w, others);

		if (w->deadline_ms <= now || s->is_closing)
			give_up_wants(w, ready);
		else if (w->deadline_ms < s->next_deadline_ms)
			s->next_deadline_ms = w->deadline_ms;
		w = next;
	}
}

static bool keep_deadlines(struct symbolizer *s)
{
	struct wait *ready = NULL;
	bool is_over;

	{
		LOCKED(&s->lock);
		if (!s->is_closing)
			condition_wait_until(&s->changed, &s->lock,
					     s->next_deadline_ms);
		int64_t now = clock_ms();

		if (s->is_closing || s->next_deadline_ms <= now)
			expire(s, now, &ready);
		is_over = s->is_closing;
	}
	waits_dispatch(ready);
	return !is_over;
}

static void *run_timer(void *arg)
{
	prctl(PR_SET_NAME, "symbolize-wait");
	while (keep_deadlines(arg))
		;
	return NULL;
}
struct error *waits_start(struct symbolizer *s)
{
	TAILQ_INIT(&s->waits);
	s->next_deadline_ms = clock_ms() + TIMER_IDLE_MS;
	if (pthread_create(&s->timer, NULL, run_timer, s))
		return error_new(BUSY, "cannot start a thread");
	s->has_timer = true;
	return NULL;
}

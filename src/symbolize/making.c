/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a making: begun, waiting its turn, landed.
 *
 * Invariants
 * 1. A making is in its slot until it lands; whoever asks the same meanwhile
 *    waits in it.
 * 2. Whoever may still call back for it has a hold.
 * 3. At most ACTIVE_MAX makings have descriptors of files.
 *
 * Whose turn is next is told by rank: the line is no queue, so that a batch of a
 * thousand modules is no reason why one of one module should wait for long.
 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "symbolize/symbolizer_internal.h"

enum {
	MAKINGS_MAX = 4096, /* under way, in whatever state */
	BACKLOG_MAX = 1000,
	/* Files being fetched or read by workers: three and two or three tables,
	 * and with split DWARF SPLITS_OWN_MAX large ones, one of copies, and
	 * those on their way there. */
	ACTIVE_MAX = 64,
	/* When other servers are asked again for what a table lacks. */
	ASK_AGAIN_MS = 600000,
	/* Between looks at the index for one table, unless it changes. */
	LEAST_MS = 100,
};

/* The values of LABELS_STAGE. */
enum { STAGE_QUEUED, STAGE_RUNNING, STAGES };
static_assert((int)LABELS_STAGE_COUNT == (int)STAGES, "a label for each");

/* ---- Begin and end ------------------------------------------------------ */

static struct making **slot_of(struct symbolizer *s,
			       const struct table_key *key)
{
	return &s->makings[table_key_hash(key) % SYMBOLIZER_SLOTS];
}

struct making *making_find(struct symbolizer *s, const struct table_key *key)
{
	struct making *m = *slot_of(s, key);

	while (m && !table_key_equal(&m->key, key))
		m = m->next;
	return m;
}

struct making *making_begin(struct symbolizer *s, const struct table_key *key)
{
	if (s->is_closing || s->making_count >= MAKINGS_MAX)
		return NULL;
	struct making *m = mem_zalloc(sizeof(*m));

	if (!m)
		return NULL;
	m->s = s;
	m->key = *key;
	m->started_ns = clock_ns();
	m->epoch = table_cache_epoch(s->tables);
	m->forgets = s->forgets;
	m->holds = 1;
	m->whole.making = m->partial.making = m;
	m->whole.fd = m->partial.fd = -1;
	m->whole.aside = m->partial.aside = -1;
	m->splits.bundle = -1;
	for (size_t i = 0; i < MAKING_FILES; i++)
		m->files[i] = (struct artifact)ARTIFACT_INIT;
	LIST_INIT(&m->wants);
	struct making **slot = slot_of(s, key);

	m->next = *slot;
	*slot = m;
	s->making_count++;
	return m;
}

static void making_free(struct making *m)
{
	for (size_t i = 0; i < MAKING_FILES; i++)
		artifact_deinit(&m->files[i]);
	build_deinit(&m->whole);
	build_deinit(&m->partial);
	splits_deinit(m);
	symtab_layout_deinit(&m->layout);
	error_free(m->transient);
	error_free(m->damage);
	mem_free(m);
}

void making_hold(struct making *m)
{
	m->holds++;
}

void making_release(struct making *m)
{
	struct symbolizer *s = m->s;

	{
		LOCKED(&s->lock);
		if (--m->holds)
			return;
	}
	/* Nobody knows of it any more: it has landed. */
	making_free(m);
	LOCKED(&s->lock);
	s->making_count--;
	condition_broadcast(&s->changed);
}

/* ---- Turns --------------------------------------------------------------- */

static void show_queues(const struct symbolizer *s)
{
	metric_set(METRIC_TABLE_FLIGHTS, STAGE_QUEUED, 0,
		   (int64_t)s->backlog_count);
	metric_set(METRIC_TABLE_FLIGHTS, STAGE_RUNNING, 0, s->active_count);
}

/* Lock held. */
static bool has_room(const struct making *m)
{
	unsigned most = m->rank < RANK_MANY ? ACTIVE_MAX : ACTIVE_MAX / 2;

	return m->s->active_count < most;
}

/* Is it one of many that were asked for at once, for which nobody waits? He may
 * ask again. Lock held. */
static bool is_left(const struct making *m)
{
	return m->rank >= RANK_LEFT && LIST_EMPTY(&m->wants);
}

/* Lock held. */
static bool goes_before(const struct making *a, const struct making *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return !LIST_EMPTY(&a->wants) && LIST_EMPTY(&b->wants);
}

/* Of equals the one that came first. Lock held. */
static struct making *first_in_line(const struct symbolizer *s)
{
	struct making *m, *first = NULL;

	TAILQ_FOREACH(m, &s->backlog, backlog)
	{
		if (!first || goes_before(m, first))
			first = m;
	}
	return first;
}

/* Of equals the one that came last. Lock held. */
static struct making *last_in_line(const struct symbolizer *s)
{
	struct making *m, *last = NULL;

	TAILQ_FOREACH(m, &s->backlog, backlog)
	{
		if (!last || !goes_before(m, last))
			last = m;
	}
	return last;
}

static void join_line(struct making *m)
{
	m->is_queued = true;
	TAILQ_INSERT_TAIL(&m->s->backlog, m, backlog);
	m->s->backlog_count++;
}

static void leave_line(struct making *m)
{
	m->is_queued = false;
	TAILQ_REMOVE(&m->s->backlog, m, backlog);
	m->s->backlog_count--;
}

static void activate(struct making *m)
{
	m->is_active = true;
	m->s->active_count++;
}

enum turn { TURN_NOW, TURN_LATER, TURN_LEFT, TURN_FULL, TURN_CLOSING };

/* May its files be asked for now? Now and later come with a hold for who does.
 * @param[out] out_ret The one whose place in the line it has taken, with its
 * hold, or NULL. */
static enum turn turn_of(struct making *m, struct making **out_ret)
{
	struct symbolizer *s = m->s;
	struct making *last;

	*out_ret = NULL;
	if (has_room(m)) {
		activate(m);
		m->holds++;
		return TURN_NOW;
	}
	if (s->is_closing)
		return TURN_CLOSING;
	if (is_left(m))
		return TURN_LEFT;
	if (s->backlog_count >= BACKLOG_MAX) {
		last = last_in_line(s);
		if (!goes_before(m, last))
			return TURN_FULL;
		leave_line(last);
		*out_ret = last;
	}
	join_line(m);
	m->holds++;
	return TURN_LATER;
}

static void fail_for_full_line(struct making *m)
{
	limit_reached("queued_jobs");
	making_fail(m, error_new(BUSY, "too many tables are made"));
}

void making_take_turn(struct making *m)
{
	struct making *out;
	enum turn turn;

	{
		LOCKED(&m->s->lock);
		turn = turn_of(m, &out);
		show_queues(m->s);
	}
	if (out) {
		fail_for_full_line(out);
		making_release(out);
	}
	switch (turn) {
	case TURN_NOW:
		making_ask_files(m);
		break;
	case TURN_LATER:
		break;
	case TURN_LEFT:
		making_land_without(m, MODULE_PENDING, NULL, 0);
		break;
	case TURN_FULL:
		fail_for_full_line(m);
		break;
	case TURN_CLOSING:
		making_fail(m, error_new(BUSY, "shutting down"));
		break;
	}
}

void makings_flush(struct symbolizer *s)
{
	for (;;) {
		struct making *m;

		{
			LOCKED(&s->lock);
			m = TAILQ_FIRST(&s->backlog);
			if (!m)
				return;
			leave_line(m);
		}
		making_fail(m, error_new(BUSY, "shutting down"));
		making_release(m);
	}
}

/* ---- Landing ------------------------------------------------------------- */

/* Lock held. */
static void leave_slot(struct making *m)
{
	struct making **at = slot_of(m->s, &m->key);

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
}

/* Has the index changed for it since it began? Lock held. */
static bool is_overtaken(const struct making *m)
{
	const struct build_id *id = &m->key.id;
	bool is_exact = !m->key.is_breakpad && id->bytes[id->len - 1];

	return m->is_overtaken || (!is_exact && m->forgets != m->s->forgets);
}

/* Lock held. */
static void note_verdict(struct making *m, const struct outcome *o,
			 int64_t hold_ms)
{
	struct verdict v = {
		.key = m->key,
		.status = o->status,
		.until_ms = poison_clock_ms() + hold_ms,
		.epoch = m->epoch,
	};
	struct table_claims have;

	/* A table that was to be bettered goes on answering. */
	if (!hold_ms || is_overtaken(m) ||
	    table_cache_claims(m->s->tables, &m->key.id, &have))
		return;
	if (o->message)
		strncpy(v.message, o->message, sizeof(v.message) - 1);
	verdicts_put(&m->s->verdicts, &v);
}

/* Is there something that a table can be made from, and other servers may have,
 * but this one was not made from? */
static bool is_lacking(struct table_claims have, bool awaits_alt)
{
	const uint8_t both = TABLE_DEBUGINFO | TABLE_EXECUTABLE;

	return (have.inputs & both) != both || awaits_alt;
}

/* For how long is the table there is the best to be had? */
static int64_t trust_ms(const struct making *m, bool awaits_alt)
{
	struct table_claims have = { 0 };
	int64_t ms = INT64_MAX;

	/* What was offered did not come, or not whole. */
	if (m->may_pass)
		return MAKING_DOUBTFUL_MS;
	if (!table_cache_claims(m->s->tables, &m->key.id, &have))
		return ms;
	if (table_claims_await_split(have, m->offer.split_version))
		ms = have.split_retry_ms - clock_ms();
	/* It may have come to nothing. */
	if (ms < LEAST_MS)
		ms = LEAST_MS;
	/* What another server will have one day nobody tells us. */
	if (store_has_upstreams(m->s->store) && is_lacking(have, awaits_alt) &&
	    ms > ASK_AGAIN_MS)
		ms = ASK_AGAIN_MS;
	return ms;
}

/* What is known of the table there is. Lock held. */
static void note_land(struct making *m, const struct outcome *o)
{
	struct table_cache *tables = m->s->tables;
	bool awaits = o->table && m->alt_id.len && m->files[FILE_ALT].fd < 0;
	struct table_claims have;
	bool lacks = o->table &&
		     table_cache_claims(tables, &m->key.id, &have) &&
		     have.inputs & TABLE_LACKS_SPLIT;
	/* It may have been the alternate file's, or one with split DWARF. */
	bool is_changed = (awaits || lacks) && m->forgets != m->s->forgets;

	if (o->status != MODULE_PENDING && !m->is_overtaken && !is_changed)
		table_cache_trust(tables, &m->key.id, m->epoch,
				  trust_ms(m, awaits));
	if (awaits || lacks)
		table_cache_await(tables, &m->key.id,
				  awaits ? &m->alt_id : NULL);
}

static void land(struct making *m, const struct outcome *o, int64_t hold_ms)
{
	struct symbolizer *s = m->s;
	struct wait *ready = NULL;
	struct want *w;

	{
		LOCKED(&s->lock);
		if (m->has_landed)
			return;
		m->has_landed = true;
		leave_slot(m);
		if (m->is_active)
			s->active_count--;
		note_verdict(m, o, hold_ms);
		note_land(m, o);
		while ((w = LIST_FIRST(&m->wants)))
			want_settle(w, o, &ready);
		show_queues(s);
	}
	waits_dispatch(ready);
}

/* The next one whose turn it is, then active, or that is left; with its hold.
 * Lock held. */
static struct making *next_in_line(struct symbolizer *s)
{
	struct making *m =
		s->active_count < ACTIVE_MAX ? first_in_line(s) : NULL;
	bool is_over = m && is_left(m);

	if (!m || (!is_over && !has_room(m)))
		return NULL;
	leave_line(m);
	if (!is_over)
		activate(m);
	show_queues(s);
	return m;
}

void makings_go_on(struct symbolizer *s)
{
	const struct outcome pending = { .status = MODULE_PENDING };

	for (;;) {
		struct making *m;

		{
			LOCKED(&s->lock);
			m = next_in_line(s);
		}
		if (!m)
			return;
		if (m->is_active) {
			making_ask_files(m);
		} else {
			land(m, &pending, 0);
			making_release(m);
		}
	}
}

void making_land(struct making *m, const struct outcome *o, int64_t hold_ms)
{
	land(m, o, hold_ms);
	makings_go_on(m->s);
}

void making_land_without(struct making *m, enum module_status status,
			 const char *message, int64_t hold_ms)
{
	const struct outcome o = { .status = status, .message = message };

	making_land(m, &o, hold_ms);
}

enum module_status making_status_of(enum error_kind kind)
{
	switch (kind) {
	case ERROR_BAD_DATA:
	case ERROR_WORKER:
		return MODULE_MALFORMED;
	case ERROR_LIMIT:
	case ERROR_TOO_LARGE:
		return MODULE_TOO_LARGE;
	case ERROR_UNSUPPORTED:
		return MODULE_UNSUPPORTED;
	case ERROR_UPSTREAM:
		return MODULE_UPSTREAM_ERROR;
	default:
		return MODULE_PENDING;
	}
}

/* What the client is told, without the machine's paths. */
static const char *message_of(const struct error *err)
{
	switch (error_kind(err)) {
	case ERROR_BAD_DATA:
	case ERROR_LIMIT:
	case ERROR_UNSUPPORTED:
		return error_message(err);
	case ERROR_WORKER:
		return "reading it ends the process that does";
	case ERROR_NO_SPACE:
		return "no room on disk";
	case ERROR_UPSTREAM:
		return "other servers cannot be asked now";
	case ERROR_BUSY:
	case ERROR_NO_MEMORY:
		return "too much to do";
	default:
		return "its files cannot be read now";
	}
}

/* Is it the files' fault? */
static bool is_poison(enum module_status status)
{
	return status != MODULE_PENDING && status != MODULE_UPSTREAM_ERROR;
}

void making_fail(struct making *m, struct error *err)
{
	enum module_status status = making_status_of(error_kind(err));
	int64_t hold_ms = 0;
	enum error_kind kind;
	uint64_t left_out;
	char hex[BUILD_ID_HEX_MAX];
	bool pass;

	if (m->attempt && is_poison(status)) {
		poison_note(&m->s->poison, m->attempt, error_kind(err));
		if (!poison_holds(&m->s->poison, m->attempt, &hold_ms, &kind))
			hold_ms = 0;
		if (hold_ms > MAKING_FOR_GOOD_MS)
			hold_ms = MAKING_FOR_GOOD_MS;
	}
	{
		LOCKED(&m->s->lock);
		pass = log_limit_pass(&m->s->log, &left_out);
	}
	if (pass && error_kind(err) != ERROR_BUSY)
		log_warn("symbolize", "no table",
			 LOG_S("build_id", build_id_hex(&m->key.id, hex)),
			 LOG_S("kind", error_kind_label(error_kind(err))),
			 LOG_S("error", error_message(err)),
			 LOG_U("left_out", left_out));
	making_land_without(m, status, message_of(err), hold_ms);
	error_free(err);
}

void making_follow(struct making *m, const struct build_id *id)
{
	struct symbolizer *s = m->s;
	const struct table_key key = { .id = *id };
	struct making *room[1];
	struct todo todo = { .poked = room };
	struct want *w;

	{
		const struct verdict v = {
			.key = m->key,
			.status = MODULE_OK,
			.alias = *id,
			.until_ms = poison_clock_ms() + MAKING_FOR_GOOD_MS,
			.epoch = m->epoch,
		};

		LOCKED(&s->lock);
		if (!is_overtaken(m))
			verdicts_put(&s->verdicts, &v);
		while ((w = LIST_FIRST(&m->wants))) {
			LIST_REMOVE(w, others);
			w->making = NULL;
			want_attach(s, w, key, &todo);
		}
	}
	todo_do(&todo);
	/* Should somebody have come since, he asks again. */
	making_land_without(m, MODULE_PENDING, NULL, 0);
}

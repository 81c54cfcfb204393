/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a table that is not loaded is to come from.
 *
 *	start_one
 *	  on disk .......... load_step (loader's thread) --> land
 *	  look_up_step (the store's query thread)
 *	    nowhere .................................... --> land
 *	    another ID's ............................... wants move, land
 *	    no better than the one there is ............ --> land
 *	    its files are to be had: making_take_turn(), making_files.c
 */
#include "config.h"

#include <assert.h>

#include "base/hash.h"
#include "base/mem.h"
#include "symbolize/symbolizer_internal.h"

static_assert((int)INDEX_SEGMENTS_MAX <= (int)SYMTAB_SEGMENTS_MAX,
	      "a layout holds all of a row");

/* ---- Looking up --------------------------------------------------------- */

/* Several that share the part of their IDs that was asked for. */
static bool is_ambiguous(const struct index_places *places)
{
	for (size_t i = 1; i < places->count; i++) {
		if (!build_id_equal(&places->v[i].id, &places->v[0].id))
			return true;
	}
	return false;
}

static struct error *copy_layout(struct making *m, struct index_reader *r,
				 const struct index_place *p)
{
	CLEANUP_INDEX_SEGMENTS struct index_segments s = { 0 };
	struct symtab_layout *l = &m->layout;

	TRY(index_segments(r, p->artifact_id, &s));
	l->type = p->type;
	l->machine = p->machine;
	l->is_big_endian = p->is_big_endian;
	l->is_from_executable = true;
	l->segments = mem_array(s.count, sizeof(*l->segments));
	if (!l->segments)
		return error_no_memory;
	for (size_t i = 0; i < s.count; i++)
		l->segments[i] = (struct symtab_segment) {
			.offset = { s.v[i].offset },
			.vaddr = { s.v[i].vaddr },
			.file_size = s.v[i].file_size,
			.mem_size = s.v[i].mem_size,
			.flags = s.v[i].flags,
		};
	l->segment_count = s.count;
	m->has_layout = true;
	return NULL;
}

static bool same_file(const struct index_place *a, const struct index_place *b)
{
	return a->container_id == b->container_id && a->ordinal == b->ordinal &&
	       !a->member == !b->member;
}

/* What the index offers. Best first, so the first of a kind is what the store
 * gives. */
static struct error *note_offer(struct making *m, struct index_reader *r,
				const struct index_places *places)
{
	const struct index_place *debuginfo = NULL, *executable = NULL;
	unsigned roles, quality;
	bool found;

	for (size_t i = 0; i < places->count; i++) {
		const struct index_place *p = &places->v[i];

		if (p->roles & INDEX_ROLE_DEBUGINFO && !debuginfo)
			debuginfo = p;
		if (p->roles & INDEX_ROLE_EXECUTABLE && !executable)
			executable = p;
		if (p->quality > m->offer.quality)
			m->offer.quality = (uint8_t)p->quality;
	}
	if (debuginfo)
		m->offer.inputs |= TABLE_DEBUGINFO;
	if (executable)
		m->offer.inputs |= TABLE_EXECUTABLE;
	if (executable)
		TRY(copy_layout(m, r, executable));
	m->is_one_file =
		debuginfo && executable && same_file(debuginfo, executable);
	TRY(index_split_version(r, &m->offer.split_version));
	if (!debuginfo || !debuginfo->alt_id.len)
		return NULL;
	m->alt_id = debuginfo->alt_id;
	TRY(index_presence(r, &m->alt_id, &roles, &quality, &found));
	if (found && roles & INDEX_ROLE_DEBUGINFO)
		m->offer.inputs |= TABLE_ALT;
	return NULL;
}

/* With the one there is. */
static void land_table(struct making *m, struct symtab *table)
{
	struct table_claims have = { 0 };

	table_cache_claims(m->s->tables, symtab_build_id(table), &have);
	making_land(m,
		    &(struct outcome) {
			    .status = MODULE_OK,
			    .table = table,
			    .is_upstream = have.inputs & TABLE_UPSTREAM,
			    .message = table_claims_message(have, table),
		    },
		    0);
}

bool making_has_no_better(struct making *m, struct table_claims claims)
{
	CLEANUP_SYMTAB struct symtab *table = NULL;
	struct table_claims have;

	if (!table_cache_claims(m->s->tables, &m->id, &have) ||
	    table_claims_exceed(claims, have))
		return false;
	struct error *err = table_cache_load(m->s->tables, &m->id, &table);

	if (err) {
		making_fail(m, err);
		return true;
	}
	if (table)
		land_table(m, table);
	return table != NULL;
}

/* The same before any file was asked for. Where others can be asked, only a
 * table with nothing lacking is good enough for that. */
static bool has_best(struct making *m)
{
	struct table_claims claims = m->offer;

	if (store_has_upstreams(m->s->store)) {
		claims.inputs |= TABLE_DEBUGINFO | TABLE_EXECUTABLE;
		if (m->alt_id.len)
			claims.inputs |= TABLE_ALT;
	}
	return making_has_no_better(m, claims);
}

uint64_t poison_name(const struct build_id *id)
{
	uint64_t name = hash_bytes(id->bytes, id->len, 0);

	return name ? name : 1;
}

/* What it failed of lately is left alone for a while. */
static bool is_poisoned(struct making *m)
{
	enum error_kind kind;
	int64_t left_ms;

	m->attempt = poison_name(&m->id);
	if (!poison_holds(&m->s->poison, m->attempt, &left_ms, &kind))
		return false;
	making_land_without(
		m, making_status_of(kind), "it could not be read before",
		left_ms < MAKING_FOR_GOOD_MS ? left_ms : MAKING_FOR_GOOD_MS);
	return true;
}

static struct error *find_places(struct making *m, struct index_reader *r,
				 struct index_places *ret)
{
	if (m->key.is_breakpad)
		return index_find_by_key(r, INDEX_KEY_BREAKPAD, m->key.id.bytes,
					 m->key.id.len, ret);
	return index_find_padded(r, &m->key.id,
				 INDEX_ROLE_EXECUTABLE | INDEX_ROLE_DEBUGINFO,
				 ret);
}

/* @p err is taken. */
static void look_up(struct making *m, struct index_reader *r, struct error *err)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };

	if (!err)
		err = find_places(m, r, &places);
	/* Other servers know no debug IDs. */
	bool is_nowhere =
		!err && !places.count &&
		(m->key.is_breakpad || !store_has_upstreams(m->s->store));

	if (is_nowhere) {
		making_land_without(m, MODULE_ABSENT, NULL, MAKING_FOR_GOOD_MS);
		return;
	}
	if (!err && m->key.is_breakpad && is_ambiguous(&places)) {
		making_land_without(m, MODULE_MALFORMED,
				    "several build IDs have this debug ID",
				    MAKING_FOR_GOOD_MS);
		return;
	}
	if (!err) {
		m->id = places.count ? places.v[0].id : m->key.id;
		if (m->key.is_breakpad || !build_id_equal(&m->id, &m->key.id)) {
			making_follow(m, &m->id);
			return;
		}
		err = note_offer(m, r, &places);
	}
	if (err)
		making_fail(m, err);
	else if (!has_best(m) && !is_poisoned(m))
		making_take_turn(m);
}

static void look_up_step(void *ctx, struct index_reader *r, struct error *err)
{
	struct making *m = ctx;

	look_up(m, r, err);
	making_release(m);
}

static void begin_look_up(struct making *m)
{
	struct error *err = store_read(m->s->store, look_up_step, m);

	if (!err)
		return;
	making_fail(m, err);
	making_release(m);
}

/* ---- From disk ---------------------------------------------------------- */

static void load_step(void *state, void *arg)
{
	CLEANUP_SYMTAB struct symtab *table = NULL;
	struct making *m = arg;
	struct error *err = table_cache_load(m->s->tables, &m->key.id, &table);

	(void)state;
	if (!err && (!table || m->s->waits_for_best)) {
		begin_look_up(m);
		return;
	}
	if (err) {
		making_fail(m, err);
	} else {
		/* The index has not been asked: the next user has it asked. */
		m->epoch = 0;
		land_table(m, table);
	}
	making_release(m);
}

static void start_one(struct making *m)
{
	struct table_claims have;

	/* What is to be bettered is loaded, or was a moment ago. */
	if (m->is_again || m->key.is_breakpad ||
	    !table_cache_claims(m->s->tables, &m->key.id, &have)) {
		begin_look_up(m);
		return;
	}
	struct error *err = pool_submit(m->s->loaders, load_step, m);

	if (!err)
		return;
	making_fail(m, err);
	making_release(m);
}

/* What was begun last is in front: those of lower ranks come first. */
static struct making *reverse(struct making *begun)
{
	struct making *ret = NULL;

	while (begun) {
		struct making *next = begun->next_begun;

		begun->next_begun = ret;
		ret = begun;
		begun = next;
	}
	return ret;
}

void makings_start(struct making *begun)
{
	begun = reverse(begun);
	while (begun) {
		struct making *next = begun->next_begun;

		if (!begun->is_again)
			table_op_count(TABLE_OP_MISS);
		start_one(begun);
		begun = next;
	}
}

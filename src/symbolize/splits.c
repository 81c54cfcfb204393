/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of split DWARF. A whole table is first built without; the build says
 * which units it lacks. Their files are found by the units' IDs in the index
 * alone (never by the names that the DWARF gives them), had from the store by
 * their build IDs, and the table is built again with them.
 *
 *	splits_begin
 *	  look_up (the store's query thread), for some milliseconds at a time
 *	  pump: store_ask() for each file, ASKS_MAX at a time; came(), copy_step()
 *	  end: build_whole(), or build_take() if nothing came
 *
 * A program may have thousands of them, and descriptors are few: small ones are
 * copied one behind the other into one file without a name, by the threads that
 * load tables: those of the store have others to answer.
 *
 * Invariants
 * 1. A making has one round under way at most. What it owns is the round's: the
 *    lock guards what several answers of the store touch at once.
 * 2. asked is sorted, each once. The last fresh_count of a round lie behind it
 *    until the round ends.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/units.h"
#include "symbolize/symbolizer_internal.h"

enum {
	/* IDs are looked up by one call of the query thread. */
	LOOK_UPS_NS = 10000000,
	ASKS_MAX = 4,
	/* Files that are not what the index says are not asked for again, but
	 * others that have the unit are. */
	ROUNDS_MAX = INDEX_SPLITS_MAX,
	COPY_STEP = 256 << 10,
	ALIGN = 16,
};
/* From this size on a file's own descriptor is kept. */
#define COPIED_BYTES_MAX (64 * MIB)

static_assert(SPLITS_OWN_MAX + 1 <= SYMTAB_JOB_DWO_FDS_MAX,
	      "a job takes the large files and the copies");

static void forget_bundle(struct making *m)
{
	LOCKED(&m->s->lock);
	m->s->bundles_bytes -= m->splits.bundle_bytes;
	m->splits.bundle_bytes = 0;
}

void splits_deinit(struct making *m)
{
	struct splits *s = &m->splits;

	for (size_t i = 0; i < s->own_count; i++)
		close(s->own[i]);
	s->own_count = 0;
	cleanup_close(&s->bundle);
	s->bundle = -1;
	forget_bundle(m);
	mem_free(STEAL(s->asked));
	mem_free(STEAL(s->files));
	s->asked_count = s->fresh_count = s->file_count = 0;
	s->asked_capacity = s->file_capacity = 0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct build_id *ia = a;
	const struct build_id *ib = b;
	uint8_t len = ia->len < ib->len ? ia->len : ib->len;
	int order = memcmp(ia->bytes, ib->bytes, len);

	return order ? order : (int)ia->len - (int)ib->len;
}

/* ---- Looking up --------------------------------------------------------- */

static bool was_asked(const struct splits *s, const struct build_id *id)
{
	return s->asked_count &&
	       bsearch(id, s->asked, s->asked_count, sizeof(*id), compare_ids);
}

/* The best file of a unit that was not asked for in a round before. */
static struct error *add_file_of(struct splits *s, struct index_reader *r,
				 uint64_t dwo_id)
{
	struct build_id found[INDEX_SPLITS_MAX];
	size_t count, total = s->asked_count + s->fresh_count;

	TRY(index_find_split(r, dwo_id, found, &count));
	for (size_t i = 0; i < count; i++) {
		if (was_asked(s, &found[i]))
			continue;
		// A .dwp has thousands of units.
		if (s->fresh_count &&
		    build_id_equal(&s->asked[total - 1], &found[i]))
			return NULL;
		if (!mem_grow(&s->asked, &s->asked_capacity, total + 1,
			      sizeof(*s->asked)))
			return error_no_memory;
		s->asked[total] = found[i];
		s->fresh_count++;
		return NULL;
	}
	return NULL;
}

static void pump(struct making *m, unsigned came);

/* Each once, and no more than a job takes. */
static void settle_fresh(struct splits *s)
{
	struct build_id *fresh = s->asked + s->asked_count;
	size_t to = 0;

	if (!s->fresh_count)
		return;
	qsort(fresh, s->fresh_count, sizeof(*fresh), compare_ids);
	for (size_t i = 1; i < s->fresh_count; i++) {
		if (!build_id_equal(&fresh[i], &fresh[to]))
			fresh[++to] = fresh[i];
	}
	s->fresh_count = to + 1;
	if (s->asked_count + s->fresh_count > SYMTAB_JOB_DWOS_MAX)
		s->fresh_count = SYMTAB_JOB_DWOS_MAX - s->asked_count;
}

static struct error *open_bundle(struct making *m)
{
	struct splits *s = &m->splits;

	if (s->bundle >= 0)
		return NULL;
	struct error *err = table_cache_begin(m->s->tables, &s->bundle);

	if (!err)
		return NULL;
	error_free(err);
	return table_cache_begin_elsewhere(&s->bundle);
}

static void look_up(void *ctx, struct index_reader *r, struct error *err);

static void end_look_up(struct making *m, struct error *err)
{
	struct splits *s = &m->splits;

	settle_fresh(s);
	if (!err && s->fresh_count)
		err = open_bundle(m);
	if (err)
		s->is_uncertain = true;
	error_free(err);
	pump(m, 0);
}

static void look_up_more(struct making *m)
{
	struct error *err = store_read(m->s->store, look_up, m);

	if (err)
		end_look_up(m, err);
}

/* @p err is taken. */
static void look_up(void *ctx, struct index_reader *r, struct error *err)
{
	struct making *m = ctx;
	struct splits *s = &m->splits;
	const struct symtab_build_report *report = &m->whole.report;
	int64_t end_ns = clock_ns() + LOOK_UPS_NS;

	while (!err && s->looked_up < report->missing_split_count) {
		err = add_file_of(s, r, report->missing_splits[s->looked_up++]);
		if (clock_ns() >= end_ns)
			break;
	}
	if (err || s->looked_up == report->missing_split_count)
		end_look_up(m, err);
	else
		look_up_more(m);
}

/* ---- Fetching ----------------------------------------------------------- */

static struct error *copy_file(int from, uint64_t size, int to, uint64_t offset)
{
	CLEANUP_FREE uint8_t *room = mem_alloc(COPY_STEP);

	if (!room)
		return error_no_memory;
	for (uint64_t at = 0; at < size;) {
		uint64_t left = size - at;
		ssize_t n = pread(from, room,
				  left < COPY_STEP ? (size_t)left : COPY_STEP,
				  (off_t)at);

		if (n < 0)
			return error_errno("read");
		if (n == 0)
			return error_new(BAD_DATA, "shorter than it was");
		TRY(file_write_at(to, room, (size_t)n, offset + at));
		at += (uint64_t)n;
	}
	return NULL;
}

/* Lock held. */
static struct error *add_to_files(struct splits *s, int fd, uint64_t offset,
				  uint64_t size)
{
	if (!mem_grow(&s->files, &s->file_capacity, s->file_count + 1,
		      sizeof(*s->files)))
		return error_no_memory;
	s->files[s->file_count++] = (struct symtab_build_dwo) {
		.fd = fd, .offset = offset, .size = size
	};
	s->is_new = true;
	return NULL;
}

/* Keep its descriptor. */
static struct error *take_large(struct making *m, struct artifact *a)
{
	struct splits *s = &m->splits;

	LOCKED(&m->s->lock);
	if (s->own_count == SPLITS_OWN_MAX)
		return error_new(LIMIT, "more than %d large files",
				 SPLITS_OWN_MAX);
	TRY(add_to_files(s, a->fd, 0, a->size));
	s->own[s->own_count++] = a->fd;
	a->fd = -1;
	return NULL;
}

/* Room for @p size bytes more. What is too much for one table always is; what
 * others have taken there is later. */
static struct error *reserve(struct making *m, uint64_t size, uint64_t *offset)
{
	struct symbolizer *sym = m->s;
	struct splits *s = &m->splits;

	size = (size + ALIGN - 1) / ALIGN * ALIGN;
	LOCKED(&sym->lock);
	*offset = s->bundle_bytes;
	if (size > sym->bundles_most / 2 - s->bundle_bytes)
		return error_new(LIMIT, "too much to copy for one table");
	if (size > sym->bundles_most - sym->bundles_bytes)
		return error_new(BUSY, "too much is copied for other tables");
	s->bundle_bytes += size;
	sym->bundles_bytes += size;
	return NULL;
}

static struct error *take_small(struct making *m, const struct artifact *a)
{
	struct splits *s = &m->splits;
	uint64_t offset;

	if (s->bundle < 0)
		return error_new(NO_SPACE, "nowhere to copy it to");
	struct error *err = reserve(m, a->size, &offset);

	if (err) {
		limit_reached("split_copies");
		return err;
	}
	TRY(copy_file(a->fd, a->size, s->bundle, offset));
	LOCKED(&m->s->lock);
	return add_to_files(s, s->bundle, offset, a->size);
}

static bool is_lasting(enum error_kind kind)
{
	return kind == ERROR_BAD_DATA || kind == ERROR_LIMIT ||
	       kind == ERROR_TOO_LARGE || kind == ERROR_UNSUPPORTED;
}

/* One that is not to be had is lacking. That it may be had another time is
 * remembered, and damage is not. @p err is taken. */
static void note_trouble(struct making *m, struct error *err)
{
	enum error_kind kind = error_kind(err);

	log_debug("symbolize", "no file of split DWARF",
		  LOG_S("error", error_message(err)));
	error_free(err);
	if (is_lasting(kind))
		return;
	LOCKED(&m->s->lock);
	m->splits.is_uncertain = true;
}

/* One has come, or not: @p err is taken, as is the hold. */
static void end_ask(struct making *m, struct error *err)
{
	if (err)
		note_trouble(m, err);
	pump(m, 1);
	making_release(m);
}

/* A file that came, to be copied. */
struct copy {
	struct making *making;
	struct artifact file;
};

static void copy_step(void *state, void *arg)
{
	CLEANUP_FREE struct copy *c = arg;
	struct error *err = take_small(c->making, &c->file);

	(void)state;
	artifact_deinit(&c->file);
	end_ask(c->making, err);
}

/* @p a is taken unless it fails. */
static struct error *begin_copy(struct making *m, struct artifact *a)
{
	CLEANUP_FREE struct copy *c = mem_alloc(sizeof(*c));

	if (!c)
		return error_no_memory;
	*c = (struct copy) { .making = m, .file = *a };
	TRY(pool_continue(m->s->loaders, copy_step, c));
	c = NULL;
	*a = (struct artifact)ARTIFACT_INIT;
	return NULL;
}

static void came(void *ctx, struct error *err, struct artifact *a)
{
	struct making *m = ctx;
	bool is_small = a && a->size && a->size < COPIED_BYTES_MAX;
	bool is_copied = false;

	if (!err && is_small) {
		err = begin_copy(m, a);
		is_copied = !err;
	} else if (!err && a && a->size) {
		err = take_large(m, a);
	}
	if (a)
		artifact_deinit(a);
	if (!is_copied)
		end_ask(m, err);
}

/* Those that share a descriptor lie together: a job sends it once for them. */
static int compare_files(const void *a, const void *b)
{
	const struct symtab_build_dwo *fa = a;
	const struct symtab_build_dwo *fb = b;

	if (fa->fd != fb->fd)
		return fa->fd < fb->fd ? -1 : 1;
	return (fa->offset > fb->offset) - (fa->offset < fb->offset);
}

static void end(struct making *m)
{
	struct splits *s = &m->splits;

	s->asked_count += s->fresh_count;
	s->fresh_count = 0;
	if (s->asked_count)
		qsort(s->asked, s->asked_count, sizeof(*s->asked), compare_ids);
	if (!s->is_new) {
		s->is_over = true;
		build_take(m);
		return;
	}
	qsort(s->files, s->file_count, sizeof(*s->files), compare_files);
	build_whole(m);
}

enum step { STEP_NONE, STEP_ASK, STEP_END };

/* What next? */
static enum step next_step(struct making *m, struct build_id *id)
{
	struct splits *s = &m->splits;

	LOCKED(&m->s->lock);
	if (s->next < s->fresh_count && s->open < ASKS_MAX) {
		*id = s->asked[s->asked_count + s->next++];
		s->open++;
		m->holds++;
		return STEP_ASK;
	}
	s->is_pumped = false;
	return s->next == s->fresh_count && !s->open ? STEP_END : STEP_NONE;
}

/* Whoever comes while somebody asks leaves it to him: he looks again before he
 * goes. So only the last one finds that all have come, and only once. */
static bool begin_pumping(struct making *m, unsigned came)
{
	struct splits *s = &m->splits;

	LOCKED(&m->s->lock);
	s->open -= came;
	if (s->is_pumped)
		return false;
	s->is_pumped = true;
	return true;
}

/* The store may answer before store_ask() returns. */
static void pump(struct making *m, unsigned came_count)
{
	struct build_id id;
	enum step step;

	if (!begin_pumping(m, came_count))
		return;
	while ((step = next_step(m, &id)) == STEP_ASK)
		store_ask(m->s->store,
			  &(struct store_query) { .id = id,
						  .kind = ARTIFACT_DEBUGINFO,
						  .is_local = true },
			  came, m);
	if (step == STEP_END)
		end(m);
}

/* ---- From the build ----------------------------------------------------- */

bool splits_may_help(const struct making *m)
{
	const struct splits *s = &m->splits;

	return m->whole.report.missing_split_count && m->offer.split_version &&
	       !s->is_over && s->round < ROUNDS_MAX;
}

void splits_begin(struct making *m)
{
	struct splits *s = &m->splits;

	s->round++;
	s->looked_up = s->next = 0;
	s->is_new = false;
	look_up_more(m);
}

bool splits_refuse(struct making *m, const struct error *err)
{
	enum error_kind kind = error_kind(err);
	struct splits *s = &m->splits;

	if (!s->file_count)
		return false;
	log_info("symbolize", "split DWARF is left out",
		 LOG_S("error", error_message(err)));
	splits_deinit(m);
	s->is_over = s->is_refused = true;
	s->is_uncertain |= !is_lasting(kind) && kind != ERROR_WORKER;
	return true;
}

void splits_fill_inputs(const struct making *m,
			struct symtab_build_inputs *inputs, uint64_t *bytes)
{
	inputs->dwos = m->splits.files;
	inputs->dwo_count = m->splits.file_count;
	for (size_t i = 0; i < m->splits.file_count; i++)
		*bytes += m->splits.files[i].size;
}

void splits_claim(struct making *m, struct table_claims *claims)
{
	const struct splits *s = &m->splits;
	struct table_claims had = { 0 };

	if (!m->whole.report.missing_split_count && !s->is_refused)
		return;
	claims->inputs |= TABLE_LACKS_SPLIT;
	claims->is_split_uncertain = s->is_uncertain;
	table_cache_claims(m->s->tables, &m->id, &had);
	table_claims_put_off(claims, had);
}

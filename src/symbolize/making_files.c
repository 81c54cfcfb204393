/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a making: asked of the store, counted as they come, and what is
 * to be done with those that are there.
 *
 *	making_ask_files: store_ask() for each, file_came()
 *	making_advance: build_partial(), build_whole() as files come (build.c)
 *
 * Until all have come that are expected nothing that needs all begins.
 */
#include "config.h"

#include "base/mem.h"
#include "base/units.h"
#include "symbolize/symbolizer_internal.h"

enum {
	/* How long "absent" holds of an ID that other servers were asked for;
	 * the store remembers longer. */
	NOT_THERE_MS = 30000,
};
/* A debug file from which a few addresses are answered first. */
#define PARTIAL_FROM (512 * KIB)

struct ask {
	struct making *making;
	enum making_file file;
};

static bool is_transient(enum error_kind kind)
{
	return making_status_of(kind) == MODULE_PENDING;
}

/* Keep the first of its kind. What the store says of a file names it, and has
 * been logged there: clients are told less. That a process of its died may have
 * been another's fault. @p err is taken. */
static void note_trouble(struct making *m, struct error *err)
{
	enum error_kind kind = error_kind(err);
	struct error **to;

	if (kind == ERROR_WORKER)
		kind = ERROR_BUSY;
	to = is_transient(kind) ? &m->transient : &m->damage;
	m->may_pass |= is_transient(kind) || kind == ERROR_UPSTREAM;
	if (!*to)
		*to = error_new_at(kind, error_file(err), error_line(err),
				   "its files could not be had");
	error_free(err);
}

/* Of @p files, 1 << enum making_file, those that were not asked for yet: to be
 * asked for, without the lock, by ask_for(). Until they have come nothing that
 * needs all files begins: whoever finds out that one is wanted says so in the
 * same hold of the lock. Lock held. */
static unsigned expect(struct making *m, unsigned files)
{
	files &= ~m->expected;
	m->expected |= files;
	m->holds += (unsigned)__builtin_popcount(files);
	return files;
}

/* Another server that has the one may have the other. Lock held. */
static unsigned expect_executable(struct making *m)
{
	bool may_be = m->files[FILE_DEBUGINFO].fd >= 0 && !m->is_one_file &&
		      store_has_upstreams(m->s->store);

	return may_be ? expect(m, 1U << FILE_EXECUTABLE) : 0;
}

static void ask_for(struct making *m, unsigned files);

static void file_came(void *ctx, struct error *err, struct artifact *a)
{
	struct ask *ask = ctx;
	struct making *m = ask->making;
	unsigned more = 0;

	{
		LOCKED(&m->s->lock);
		m->arrived |= 1U << ask->file;
		if (err)
			note_trouble(m, err);
		if (a) {
			m->files[ask->file] = *a;
			*a = (struct artifact)ARTIFACT_INIT;
		}
		if (ask->file == FILE_DEBUGINFO)
			more = expect_executable(m);
	}
	mem_free(ask);
	ask_for(m, more);
	making_advance(m);
	making_release(m);
}

/* @p id is that of the file; the hold is taken. */
static void ask_file(struct making *m, enum making_file file,
		     const struct build_id *id)
{
	const struct store_query q = {
		.id = *id,
		.kind = file == FILE_EXECUTABLE ? ARTIFACT_EXECUTABLE
						: ARTIFACT_DEBUGINFO,
	};
	struct ask *ask = mem_alloc(sizeof(*ask));

	if (ask) {
		*ask = (struct ask) { .making = m, .file = file };
		store_ask(m->s->store, &q, file_came, ask);
		return;
	}
	{
		LOCKED(&m->s->lock);
		m->arrived |= 1U << file;
		note_trouble(m, error_no_memory);
	}
	making_release(m);
}

/* What expect() gave. */
static void ask_for(struct making *m, unsigned files)
{
	if (files & 1U << FILE_DEBUGINFO)
		ask_file(m, FILE_DEBUGINFO, &m->id);
	if (files & 1U << FILE_ALT)
		ask_file(m, FILE_ALT, &m->alt_id);
	if (files & 1U << FILE_EXECUTABLE)
		ask_file(m, FILE_EXECUTABLE, &m->id);
}

void making_ask_files(struct making *m)
{
	bool has_upstreams = store_has_upstreams(m->s->store);
	unsigned files = 0;

	if (m->offer.inputs & TABLE_DEBUGINFO || has_upstreams)
		files |= 1U << FILE_DEBUGINFO;
	if (m->offer.inputs & TABLE_ALT || (has_upstreams && m->alt_id.len))
		files |= 1U << FILE_ALT;
	/* Of an ID that nobody knows one question is enough: see file_came().
	 */
	if (!m->is_one_file && (m->offer.inputs & TABLE_EXECUTABLE ||
				(has_upstreams && m->offer.inputs)))
		files |= 1U << FILE_EXECUTABLE;
	{
		LOCKED(&m->s->lock);
		files = expect(m, files);
	}
	ask_for(m, files);
	making_advance(m);
	making_release(m);
}

void making_ask_alt(struct making *m, const struct build_id *id)
{
	unsigned files;

	{
		LOCKED(&m->s->lock);
		m->alt_id = *id;
		m->is_built = true;
		m->is_whole_begun = false;
		files = expect(m, 1U << FILE_ALT);
	}
	ask_for(m, files);
	making_advance(m);
}

struct table_claims making_claims(const struct making *m)
{
	bool has_debuginfo = m->files[FILE_DEBUGINFO].fd >= 0;
	bool has_executable = m->is_one_file
				      ? has_debuginfo
				      : m->files[FILE_EXECUTABLE].fd >= 0;
	struct table_claims c = { .quality = m->offer.quality,
				  .split_version = m->offer.split_version };

	c.inputs = (uint8_t)((has_debuginfo ? TABLE_DEBUGINFO : 0) |
			     (has_executable ? TABLE_EXECUTABLE : 0) |
			     (m->files[FILE_ALT].fd >= 0 ? TABLE_ALT : 0));
	if (c.inputs & ~m->offer.inputs)
		c.inputs |= TABLE_UPSTREAM;
	if (c.inputs & TABLE_DEBUGINFO & ~m->offer.inputs)
		c.quality = SYMTAB_QUALITY_DWARF;
	return c;
}

/* What an ID may be that the kernel padded with zeros, as no index knows it: one
 * of 8 or 16 bytes, as linkers make them, else as long as it can be told.
 * @return False: nothing shorter. */
static bool next_shorter(const struct build_id *id, struct build_id *ret)
{
	static const uint8_t usual[] = { 8, 16 };
	uint8_t len = id->len;

	while (len && !id->bytes[len - 1])
		len--;
	if (len == id->len)
		return false;
	for (size_t i = 0; i < sizeof(usual); i++) {
		if (len <= usual[i] && usual[i] < id->len) {
			len = usual[i];
			break;
		}
	}
	return build_id_set(ret, id->bytes, len);
}

/* All that could be had is nothing. Lock not held. */
static void land_without_files(struct making *m)
{
	struct build_id shorter;

	if (m->damage)
		making_fail(m, STEAL(m->damage));
	else if (m->transient)
		making_fail(m, STEAL(m->transient));
	else if (store_has_upstreams(m->s->store) &&
		 next_shorter(&m->id, &shorter))
		making_follow(m, &shorter);
	else
		making_land_without(m, MODULE_ABSENT, NULL,
				    store_has_upstreams(m->s->store)
					    ? NOT_THERE_MS
					    : MAKING_DOUBTFUL_MS);
}

/* Is what a partial table is made from there, and large? Lock held. */
static bool can_build_partial(const struct making *m)
{
	const unsigned needed =
		(1U << FILE_DEBUGINFO | 1U << FILE_ALT) & m->expected;

	return needed && !(needed & ~m->arrived) &&
	       m->files[FILE_DEBUGINFO].fd >= 0 &&
	       m->files[FILE_DEBUGINFO].size >= PARTIAL_FROM;
}

static bool has_any_file(const struct making *m)
{
	return m->files[FILE_DEBUGINFO].fd >= 0 ||
	       m->files[FILE_EXECUTABLE].fd >= 0;
}

enum next { NEXT_NOTHING, NEXT_PARTIAL, NEXT_WHOLE, NEXT_TAKE, NEXT_NO_FILES };

/* Is the whole to be begun? The first partial table goes alone, which is the
 * first answer's; no other one comes before the whole has begun, or it never
 * would while somebody asks for this and that. Lock held. */
static bool is_whole_due(const struct making *m)
{
	bool is_first = m->is_partial_begun && m->round == 1;

	return !m->is_whole_begun && m->arrived == m->expected && !is_first;
}

/* Lock held. @param[in,out] request Of a partial table. */
static enum next next_of(struct making *m, struct buf *request)
{
	bool is_due = is_whole_due(m);

	if (m->has_landed)
		return NEXT_NOTHING;
	if (!m->is_partial_begun && !(is_due && m->round) &&
	    can_build_partial(m) && build_partial_request(m, request))
		return NEXT_PARTIAL;
	if (!is_due)
		return NEXT_NOTHING;
	if (m->is_built && m->files[FILE_ALT].fd < 0)
		return NEXT_TAKE;
	return has_any_file(m) ? NEXT_WHOLE : NEXT_NO_FILES;
}

/* @return What was done; there may be more to do. */
static enum next advance(struct making *m)
{
	CLEANUP_BUF struct buf request = BUF_INIT;
	enum next next;

	{
		LOCKED(&m->s->lock);
		next = next_of(m, &request);
		m->is_partial_begun |= next == NEXT_PARTIAL;
		m->is_whole_begun |=
			next != NEXT_NOTHING && next != NEXT_PARTIAL;
		m->holds += next != NEXT_NOTHING;
	}
	switch (next) {
	case NEXT_NOTHING:
		return next;
	case NEXT_PARTIAL:
		build_partial(m, &request);
		return next;
	case NEXT_WHOLE:
		/* What came may be less than what was offered. */
		if (!making_has_no_better(m, making_claims(m))) {
			build_whole(m);
			return next;
		}
		break;
	case NEXT_TAKE:
		build_take(m);
		return next;
	case NEXT_NO_FILES:
		land_without_files(m);
		break;
	}
	making_release(m);
	return next;
}

void making_advance(struct making *m)
{
	while (advance(m) != NEXT_NOTHING)
		;
}

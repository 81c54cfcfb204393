/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A store and an index made up for tests of src/http: link this instead of
 * libstore.a and libindex.a.
 *
 * What it holds is told before the server starts and does not change then.
 */
#ifndef LIB_FAKE_STORE_H
#define LIB_FAKE_STORE_H

#include "store/store.h"

enum fake_behaviour {
	FAKE_WARM,    /* store_try() finds it */
	FAKE_COLD,    /* store_ask() finds it, on another thread */
	FAKE_SHARED,  /* the same, and somebody asked before */
	FAKE_AT_ONCE, /* store_ask() calls back before it returns */
	FAKE_BUSY,    /* store_ask() ends in BUSY */
	FAKE_NEVER,   /* store_ask() calls back at store_close() */
};

struct fake_artifact {
	const char *id; /* hexadecimal */
	enum artifact_kind kind;
	const char *suffix; /* NULL: none */
	const char *data;   /* borrowed for ever */
	size_t size;
	int64_t mtime;
	uint64_t etag;
	const char *file, *archive;
	enum fake_behaviour behaviour;
	unsigned delay_ms; /* FAKE_COLD */
};

/** IDs that are in no artifact: store_try() says ABSENT, unless they begin
 * with "cold", i.e. bytes c0 1d: then store_ask() says so. */
struct store *fake_store(const struct fake_artifact *artifacts, size_t count);

/** A segment of the places that have an artifact_id; borrowed for ever. */
void fake_store_set_segment(struct store *st, const struct index_segment *s);

/** What the index says of places; borrowed for ever. */
void fake_store_set_places(struct store *st, const struct index_place *places,
			   size_t count);
/** store_read() ends in BUSY / gives the reader's function an error. */
void fake_store_refuse_reads(struct store *st, bool refuse, bool fail);
/** Each read takes that long before it begins. */
void fake_store_delay_reads(struct store *st, unsigned ms);
/** Called by index_search_names() for each place that it looks at. */
void fake_store_on_row(struct store *st, void (*fn)(void *ctx, size_t i),
		       void *ctx);
/** store_is_ready()'s answer. */
void fake_store_set_ready(struct store *st, bool is_ready,
			  const char *degraded);
/** Cut the file of artifact number @p i, while it is being sent. */
void fake_store_truncate(struct store *st, size_t i, size_t size);
/** Those come now that would never. */
void fake_store_relent(struct store *st);
/** How often store_ask() was called. */
unsigned fake_store_asked(struct store *st);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * To answer as elfutils' debuginfod does: what the server must be told for it,
 * and what it counts then. The rest is debuginfod.c's own.
 */
#ifndef HTTP_DEBUGINFOD_H
#define HTTP_DEBUGINFOD_H

#include "base/buf.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/** All borrowed for as long as the server lives. */
struct debuginfod_options {
	const char *version; /* what `/` says: "debuginfod (elfutils) 0.196" */
	/** What `/` says instead, as text/html; NULL. */
	const char *home_html;
	size_t home_html_size;
	const char *home_redirect; /* Location of `/`; NULL: there is none */
	/** Of archives: the EXTs of -Z, NULL at the end; NULL if there are
	 * none. At most DEBUGINFOD_SUFFIXES_MAX. */
	const char *const *suffixes;
	/** Appends what /metrics says. Called on an HTTP thread: must not
	 * wait. */
	void (*metrics)(void *ctx, struct buf *out);
	void *metrics_ctx;
};

/** debuginfod's label `type`. */
#define DEBUGINFOD_TYPE_LIST        \
	X(NONE, "")                 \
	X(INVALID, "invalid")       \
	X(OPTIONS, "OPTIONS")       \
	X(HOME, "/")                \
	X(METRICS, "metrics")       \
	X(METADATA, "metadata")     \
	X(DEBUGINFO, "debuginfo")   \
	X(EXECUTABLE, "executable") \
	X(SOURCE, "source")         \
	X(SECTION, "section")

enum debuginfod_type {
#define X(id, label) DEBUGINFOD_##id,
	DEBUGINFOD_TYPE_LIST
#undef X
		DEBUGINFOD_TYPES
};

enum { DEBUGINFOD_SUFFIXES_MAX = 256, DEBUGINFOD_CODES = 14 };

extern const char *const debuginfod_types[DEBUGINFOD_TYPES];
/** Statuses that are counted; the last stands for all others. */
extern const char *const debuginfod_codes[DEBUGINFOD_CODES];

struct debuginfod_responses {
	_Atomic uint64_t count, bytes, duration_ns, after_you_ns;
};

/** Of this process, since its start. Threads: any may read. */
extern struct debuginfod_tally {
	_Atomic uint64_t requests[DEBUGINFOD_TYPES];
	_Atomic uint64_t busy[DEBUGINFOD_TYPES]; /* requests under way */
	struct debuginfod_responses responses[DEBUGINFOD_TYPES]
					     [DEBUGINFOD_CODES];
	/* By outcome. */
	_Atomic uint64_t files, cached, upstream, errors;
	/** In the order of debuginfod_options.suffixes; behind them those that
	 * end in none of them. */
	_Atomic uint64_t archives[DEBUGINFOD_SUFFIXES_MAX + 1];
} debuginfod_tally;

/**
 * Which of @p suffixes a name counts for: of those it ends in the last in
 * lexical order.
 * @return An index; DEBUGINFOD_SUFFIXES_MAX for none.
 */
size_t debuginfod_suffix(const char *const *suffixes, const char *name);

#endif

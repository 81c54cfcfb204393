/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Bring the index up to date with the scanned paths: walk, compare, have
 * workers look into what changed, write what they found, forget what is gone.
 *
 * Must not depend on src/store: they meet in the index.
 */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include "base/error.h"
#include "index/index.h"
#include "worker/scan_rule.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct scan;

/** What is looked at, and as what: debuginfod's -F, -R, -U and -Z. A file for
 * which there is a rule is read as an archive, every other one as an ELF file
 * or kernel module, if at all. */
struct scan_choice {
	bool bare_files; /* look at files without a rule */
	struct scan_tally bare_tally;
	struct scan_rule *rules;
	size_t rule_count;
};

/** What only debuginfod's options ask for; all zero is what `serve` does. */
struct scan_policy {
	unsigned max_depth; /* struct walk_options */
	bool no_sources;    /* do not read the names of sources */
	/** What is indexed stays when it no longer matches include and exclude;
	 * else the next scan forgets it. */
	bool keep_unwanted;
	/** Grooming forgets it, then. */
	bool groom_unwanted;
	/** NULL: everything there is a scanner for. Borrowed as long as the
	 * scan lives. What it does not let through is forgotten, or stays, as
	 * what include and exclude do not let through. */
	struct scan_choice *choice;
};

struct scan_options {
	const char *const *roots; /* canonical, absolute; NULL at the end;
				   * borrowed as long as the scan lives */
	const char *index_place;  /* for index_reader_open() */
	const char *state_dir, *cache_dir; /* not descended into */
	const char *include, *exclude; /* ERE on the whole path; NULL: none */
	bool follow_symlinks;
	bool one_file_system;
	struct scan_policy policy;
	unsigned workers;
	const char *program;
	struct index *index; /* borrowed */
	/** How long a pass completes names out of alternate files before it
	 * leaves the rest to the next one. 0: two minutes, or as long as the
	 * pass took until then if that is more. INT64_MAX: until all is done.
	 */
	int64_t resolve_ms;
};

/** @return BAD_REQUEST for a regular expression that is none, naming it. */
MUST_CHECK struct error *scan_create(const struct scan_options *options,
				     struct scan **ret);
void scan_destroy(struct scan *s);

/** How far the scan is; read by any thread, each value by itself true. */
struct scan_progress {
	_Atomic bool is_active;
	_Atomic bool is_walking;                   /* totals still grow */
	_Atomic uint64_t visited;                  /* regular files met */
	_Atomic uint64_t total_files, total_bytes; /* to look into */
	_Atomic uint64_t done_files, done_bytes;
	_Atomic uint64_t failed;
	_Atomic uint64_t artifacts;
	_Atomic uint64_t removed;
	/* Of all passes of this process, and only ever more: files met that
	 * include and exclude let through and that need no more work, known
	 * and new. */
	_Atomic uint64_t settled;
	_Atomic int64_t started_ms; /* clock_ms() */
	/* The last pass ended halfway, with this enum error_kind plus one; 0:
	 * it did not. Stays while the next one runs. */
	_Atomic unsigned failure_plus_one;
};
const struct scan_progress *scan_progress(const struct scan *s);

/**
 * One pass over all roots. What cannot be read is recorded in the index and
 * logged, and does not end the pass.
 *
 * How it ended is logged and in the progress.
 *
 * @return NULL when the index is up to date or the scan was stopped; DATABASE,
 * IO or NO_SPACE if the index could not be written: what was committed stays.
 * Threads: one at a time.
 */
MUST_CHECK struct error *scan_run(struct scan *s);

/** Has the last pass left names to the next one, for want of time or because
 * too much failed? The thread that scans. */
bool scan_has_more(const struct scan *s);

/** Write into another index from the next pass on. Borrowed. */
void scan_use_index(struct scan *s, struct index *index);

/** End a running scan soon, from any thread; also a later one. */
void scan_stop(struct scan *s);

/** Remove what nothing refers to and containers whose files are gone, a slice
 * at a time. @p stop is looked at between slices.
 * Threads: one at a time; a scan may run meanwhile. */
MUST_CHECK struct error *scan_groom(const struct scan *s,
				    const _Atomic bool *stop,
				    struct index_groom_counts *counts);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The jobs of scan_resolve(): an alternate file out of its container, and the
 * names that it completes. Between resolve.c and resolve_job.c.
 *
 * Threads: jobs are made and freed by the scanning thread; in between they are
 * the pool's, until they are in scan->resolving.ended.
 */
#ifndef SCAN_RESOLVE_H
#define SCAN_RESOLVE_H

#include "scan/scan_internal.h"

/** Artifacts in one job. */
enum { RESOLVE_ITEMS_MAX = 256 };

/** The file of a place, and what has to be known of it for a job of names. */
struct resolve_file {
	uint64_t place; /* hash of place and state */
	int fd;         /* -1: not open, or lent to a job; owned */
	uint64_t size;
};

struct resolve_job {
	struct worker_job base; /* its descriptors are owned */
	struct scan *scan;
	void *owner;              /* the submitter's, untouched here */
	struct resolve_job *next; /* in scan->resolving.ended */
	struct error *err;        /* how it ended; owned */
	int64_t began_ms;         /* submitted */

	/* WIRE_RESOLVE */
	uint64_t place;
	int64_t artifacts[RESOLVE_ITEMS_MAX];
	size_t count, answered, limit;
	size_t items_at;       /* in the request */
	bool is_answer_broken; /* an answer was: that is not the file's fault */

	/* WIRE_EXTRACT */
	uint64_t size; /* of the member */
	/* and that from what a command prints */
	const struct scan_rule *rule; /* NULL: none */
	char *path;                   /* owned */
	struct pipe_command command;
};

/** Of no use, in the state it is in?
 * @param[in] artifact For which; 0: for any. */
bool resolve_is_useless(struct scan *s, uint64_t place, int64_t artifact);
/** From now on. @return NO_MEMORY. */
MUST_CHECK struct error *resolve_set_useless(struct scan *s, uint64_t place,
					     int64_t artifact);

/**
 * Write the alternate file at @p p, a member, to an unlinked file: descriptor 1
 * of the job.
 * @param[in] container Taken.
 * @param[in] rule The command it is read through; NULL: none.
 * @return NO_MEMORY, DATABASE; or BUSY and others: there is no place for it.
 */
MUST_CHECK struct error *
resolve_extraction(struct scan *s, struct index_reader *r,
		   const struct index_place *p, const struct scan_rule *rule,
		   int container, struct resolve_job **ret);

/**
 * Complete what waits for @p id, up to @p limit artifacts.
 * @param[in,out] file Its descriptor goes into the job, number 0.
 * @param[out] ret NULL: nobody waits for what this file may have.
 * @return NO_MEMORY, DATABASE.
 */
MUST_CHECK struct error *resolve_names(struct scan *s, struct index_reader *r,
				       const struct build_id *id,
				       struct resolve_file *file, size_t limit,
				       struct resolve_job **ret);

/** The job is the pool's until it is in scan->resolving.ended.
 * @return BUSY: it is still the caller's. */
MUST_CHECK struct error *resolve_submit(struct resolve_job *job);

/** NULL is allowed. */
void resolve_job_free(struct resolve_job *job);

#endif

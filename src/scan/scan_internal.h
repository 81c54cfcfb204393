/* SPDX-License-Identifier: Apache-2.0 */
/** Shared by the files of src/scan and nobody else. */
#ifndef SCAN_SCAN_INTERNAL_H
#define SCAN_SCAN_INTERNAL_H

#include "base/lock.h"
#include "scan/known.h"
#include "scan/scan.h"
#include "worker/jobs.h"
#include "worker/pipe_command.h"
#include "worker/worker_pool.h"

#include <regex.h>

/** Files of no interest of one directory, gathered during the pass. */
struct quiet_dir {
	char *path; /* owned */
	uint64_t *prints;
	size_t count, capacity;
	uint64_t sum; /* set when all are there */
};

/** How a file is looked at. */
struct scan_way {
	enum scanner_choice as;
	struct scan_rule *rule; /* NULL: none; borrowed from the options */
};

/** A file to look into. */
struct scan_item {
	struct scan_way way;
	char *path; /* owned */
	struct index_stamp stamp;
	unsigned root_order;
	size_t quiet_dir; /* index of its directory in scan->quiet */
	bool was_known;   /* a row of it is in the index */
	unsigned busy_tries;
};

struct scan {
	struct scan_options o;
	regex_t include, exclude;
	bool has_include, has_exclude;
	_Atomic bool stop;
	struct scan_progress progress;
	const char *skip[3];
	size_t batch_max; /* files a job, for the descriptors they hold */
	struct worker_pool *pool;
	unsigned first_passes; /* so many broke off, or all that may */

	/* One pass; owned by the scanning thread. */
	struct known known;
	struct path_table queued;     /* paths that were made items */
	struct path_table quiet_dirs; /* index in quiet by directory */
	unsigned root_order;
	struct path_table failed_dirs; /* what lies beneath is not forgotten */
	bool root_failed; /* one more could not be read, and not be noted */
	struct scan_item *items;
	size_t item_count, item_capacity;

	struct lock lock; /* SCAN_QUEUE: guards what follows */
	struct condition idle;
	unsigned outstanding;          /* jobs with the pool */
	struct shared_archive *shared; /* running; assist.h */
	struct scan_item **again;      /* to be tried alone; owned */
	size_t again_count, again_capacity;
	struct quiet_dir *quiet;
	size_t quiet_count, quiet_capacity;
	struct error *fatal; /* first one that ends the pass; owned */
	struct resolving {
		struct resolve_job *ended; /* to be settled; resolve.h */
		uint64_t artifacts;        /* completed by this pass */

		/* The scanning thread's. */
		/** Alternate files that were of no use, in the state they were
		 * in: not tried again by this process. By hash. */
		struct path_table useless;
		struct build_id last; /* begun; the next one's turn it is */
		bool is_put_off;      /* the machine is too busy: next pass */
		bool is_cut;          /* time was up, or too much failed */
	} resolving;
};

/** Do include and exclude let this path through? */
bool scan_is_wanted(const struct scan *s, const char *path);

/* choice.c */

/** How to look at a file. @return False: not at all. */
bool scan_way_of(const struct scan *s, const char *path, struct scan_way *ret);
/** Through a command? */
bool scan_way_has_command(const struct scan_way *way);
/** Is a container of this mark (known_entry.mark) what looking at it that way
 * gives? */
bool scan_way_made(const struct scan_way *way, uint32_t mark);
/** The print of a file of no interest, when it was looked at that way. */
uint64_t scan_way_print(const struct scan_way *way, uint64_t print);
/** NULL: nobody counts. */
struct scan_tally *scan_tally_of(const struct scan *s,
				 const struct scan_way *way);

/** Build jobs of the items and see them done. */
MUST_CHECK struct error *scan_dispatch(struct scan *s);

/** Have the index tell processes that scan nothing where sources may lie
 * (roots.c). */
MUST_CHECK struct error *scan_put_roots(struct scan *s, struct index_reader *r);

/** Complete the source names that wait for an alternate file and for which one
 * is in the index now (resolve.c). */
MUST_CHECK struct error *scan_resolve(struct scan *s, struct index_reader *r);

/** Processor time to allow for looking into so many bytes. */
uint32_t scan_cpu_limit(uint64_t bytes);

/** IDs of split units that one file may have, be they in one member or many:
 * each is a row, and all of them are one transaction. As ELF_SPLIT_IDS_MAX. */
#define SCAN_SPLIT_IDS_MAX ((size_t)1 << 18)

/** What came back for one file. */
struct file_result {
	struct found_artifact *artifacts;
	size_t artifact_count, artifact_capacity;
	struct index_source_dir *dirs; /* strings and blobs owned */
	size_t dir_count, dir_capacity;
	struct index_point *points; /* states owned */
	size_t point_count, point_capacity;
	size_t split_ids;      /* of all its artifacts */
	struct error *problem; /* ours with what came; owned; end's later */
	struct file_end end;
	bool has_end;
};

/** A batch of files with a worker. */
struct scan_job {
	struct worker_job base;
	struct scan *scan;
	struct scan_item *items[SCAN_BATCH_MAX];
	struct file_result results[SCAN_BATCH_MAX];
	size_t count;
	size_t current;                /* item the worker said it is at */
	size_t bytes;                  /* held in results, for the limit */
	struct shared_archive *shared; /* NULL: nobody helps with it */
	struct pipe_command command;   /* that prints its only file */
};

MUST_CHECK struct error *file_result_take(struct file_result *r,
					  enum wire_type type,
					  struct reader *payload);
void file_result_deinit(struct file_result *r);
/** What was found stays, but the file was not read as it should be. @p err is
 * taken; one that is there already stays. */
void file_result_fail(struct file_result *r, struct error *err);

/** Show a result as the index wants it. @p artifacts has room for as many as
 * the result holds; everything borrowed. */
void file_result_show(const struct file_result *r, const struct scan_item *item,
		      struct index_artifact *artifacts,
		      struct index_segment *segments,
		      struct index_container *ret);
size_t file_result_segments(const struct file_result *r);

/** Write what came back for the files of a job that have an end, in one
 * transaction, and count it. Takes scan->lock. */
MUST_CHECK struct error *scan_write_results(struct scan_job *job);

/** Count what could not be read, a file or a directory, and log it, as far as the
 * log's rate allows. Takes scan->lock. */
void scan_note_problem(struct scan *s, const char *path, enum error_kind kind,
		       const char *message);

/** Record that a file could not be looked into at all. @p err is taken. */
MUST_CHECK struct error *scan_put_failed(struct scan *s,
					 const struct scan_item *item,
					 struct error *err);

/** Does an error of the index end the pass? Else it is about what was put. */
bool scan_is_fatal(enum error_kind kind);

/** A file of no interest: remember its print. Lock held. */
bool scan_add_quiet(struct scan *s, size_t quiet_dir, uint64_t print);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** Shared by the files of src/store and nobody else. */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include "base/lock.h"
#include "base/log.h"
#include "base/pool.h"
#include "store/disk_cache.h"
#include "store/memo.h"
#include "store/poison.h"
#include "store/store.h"
#include "worker/jobs.h"
#include "worker/worker_pool.h"

#include <stdatomic.h>

/** One place to try: a file, or a member, or a section of either. */
struct target {
	char *container; /* path; owned */
	struct index_stamp stamp;
	int64_t container_id;
	char *member;  /* NULL: the file itself; owned */
	char *scanner; /* owned */
	uint32_t payload_codec;
	uint64_t payload_offset, payload_size;
	uint64_t ordinal, offset, size, packed_size;
	uint32_t packed_codec;
	int64_t mtime;
	struct build_id want; /* identity to verify; len 0: none (a source) */
	const char *section;  /* borrowed from the query; NULL: all of it */
	bool is_source_file;  /* a file beneath a root, not in the index */
};
void target_deinit(struct target *t);

struct targets {
	struct target *v;
	size_t count, capacity;
};
void targets_deinit(struct targets *t);
MUST_CHECK struct error *targets_add_place(struct targets *t,
					   const struct index_place *p,
					   const struct build_id *want,
					   const char *section);

struct waiter {
	store_done_fn done;
	void *ctx;
	bool takes_growing;
	store_given_up_fn has_given_up; /* NULL: never */
};

/** One query being answered, and all who asked it. */
struct flight {
	struct store *store;
	struct store_query query; /* suffix and hop owned */
	uint64_t key;
	uint64_t generation;
	struct waiter *waiters;
	size_t waiter_count, waiter_capacity;
	struct flight *next; /* in the store's table */

	/* Of the step that runs; only one does. */
	bool has_targets;
	struct targets targets;
	size_t at;     /* target being tried */
	int member_fd; /* extracted member, for a section of it */
	uint64_t member_size;
	bool is_begun; /* a worker was asked: its next jobs come first */
	unsigned verifications;      /* waited for, of this target */
	struct flight *next_waiting; /* for the same one */
	/* A target was there and gave nothing: the answer may be another one
	 * soon, so it is not kept for long. */
	int64_t doubt_ms;
	int64_t ctime_ns; /* of the container as it is */
	/* The disk was full when this target was extracted: what it takes at
	 * least, to be had outside the cache. 0: it was not. */
	uint64_t room_bytes;
	bool has_killed;  /* a worker, with this target */
	uint64_t attempt; /* what a job was begun for, in poison; 0: none */
	bool is_paused;   /* what should be begun must not be yet */
	struct error *transient; /* why a target could not be tried; owned */
	/* A section that must be taken from the whole file: how many kinds of
	 * those were asked for; the one that has come, fd -1: none; why one did
	 * not, owned. */
	bool needs_whole;
	unsigned wholes_asked;
	struct artifact whole;
	struct error *whole_error;
	/** What is being fetched, for those who come meanwhile; fd -1: nothing.
	 * Guarded by the store's lock. */
	struct artifact growing;
};

enum { FLIGHT_SLOTS = 1024 };

/** A query thread's connection, opened when it is first needed and again after
 * a failure. */
struct query_state {
	struct store *store;
	struct index_reader *reader;
};

/** What takes long has threads and a queue of its own, so that a look-up by build
 * ID, some microseconds, waits for look-ups alone. */
enum query_class {
	QUERY_LOOK_UPS,
	QUERY_SOURCES,  /* names of sources are unpacked and gone through */
	QUERY_SEARCHES, /* seconds */
	QUERY_CLASSES
};
enum {
	QUERY_LOOK_UP_THREADS = 2,
	QUERY_SOURCE_THREADS = 1,
	QUERY_SEARCH_THREADS = 2,
	QUERY_THREADS = QUERY_LOOK_UP_THREADS + QUERY_SOURCE_THREADS +
			QUERY_SEARCH_THREADS,
};

struct store {
	char *state_dir;
	const char *const *roots, *const *source_roots;
	struct scan_rule *rules;
	size_t rule_count;
	char *private_dirs[2];       /* canonical: state and cache; owned */
	struct log_limit target_log; /* guarded by lock */
	unsigned workers;
	struct pool *queries[QUERY_CLASSES];
	struct query_state query_states[QUERY_THREADS];
	_Atomic unsigned query_begun; /* threads: whose state is whose */
	struct pool *verifiers;
	struct worker_pool *extractors;
	struct disk_cache *cache;
	struct memo *memo;
	struct poison poison;
	struct upstreams *upstreams; /* NULL: there are none */

	struct lock lock; /* STORE_FLIGHT: guards what follows */
	struct condition changed;
	struct flight *flights[FLIGHT_SLOTS];
	size_t flight_count;
	size_t holders;
	struct verification *verifications;
	bool is_closing;
	store_forget_fn forget_fn; /* NULL: nobody */
	void *forget_ctx;
	unsigned forget_calls; /* under way */

	pthread_t watch_thread;
	bool has_watch;
	_Atomic uint64_t forgets; /* calls of store_forget() */
	_Atomic bool index_ok;
};

/* query.c */

/** Threads that read the index: st->queries. */
MUST_CHECK struct error *queries_start(struct store *st);
/** What is queued is done, and the threads end. Twice is safe. */
void queries_stop(struct store *st);
/** Behind queries_stop(), or where they were never started. */
void queries_destroy(struct store *st);
/** Of the state that a step on a query thread is given. @p ret is borrowed, and
 * good until the step ends. */
MUST_CHECK struct error *query_reader(struct query_state *q,
				      struct index_reader **ret);
/** The connection failed: another one is opened for the next step. */
void query_reset(struct query_state *q);

/* watch.c */

MUST_CHECK struct error *watch_start(struct store *st);
/** Wait for its thread, once st->is_closing. */
void watch_join(struct store *st);

/* artifact.c */

/** @p to has strings and a descriptor of its own, or, without memory or
 * descriptor, nothing: false. */
bool artifact_copy(const struct artifact *from, struct artifact *to);

/* flights.c */

/** Go on with the next step on a query thread. */
void flight_continue(struct flight *f);

/** End of a flight: tells everybody. @p err or @p a, both owned, or
 * neither: absent. @p keep is what memory may keep of it, or NULL. */
void flight_land(struct flight *f, struct error *err, struct artifact *a,
		 struct memo_answer *keep);

/** Give the growing artifact to those who take one, now and from now on; the
 * flight goes on for the others. @p a is taken.
 * @return NO_MEMORY: nobody has it. */
MUST_CHECK struct error *flight_share(struct flight *f, struct artifact *a);
/** It is growing no longer. */
void flight_unshare(struct flight *f);

/* lookup.c, on a query thread */

/** Fill the flight's targets from the index. */
MUST_CHECK struct error *
lookup_targets(struct store *st, struct index_reader *r, struct flight *f);

/* source_find.c, on a query thread */
MUST_CHECK struct error *
source_targets(struct store *st, struct index_reader *r, struct flight *f);
/** Open a source beneath a root.
 * @param[out] fd_ret -1: not there, or not beneath one. */
MUST_CHECK struct error *source_open(const struct store *st,
				     struct index_reader *r, const char *path,
				     int *fd_ret);

/* fetch.c */

/** Try targets from @c at on, on a query thread; lands the flight or leaves it
 * to a worker's answer. */
void flight_try(struct store *st, struct index_reader *r, struct flight *f);

/** What the target being tried, whose container was opened, is called in the
 * disk cache: the member as a whole, or the section asked for. A name of 0
 * without memory. */
struct cache_key cache_key_of(const struct flight *f, bool whole_member);

/** Look into the disk cache.
 * @param[out] later_ret The file is there and is being read through; the flight
 * goes on afterwards. Where that does not settle it, again and again, it is as
 * good as missing. */
MUST_CHECK struct error *find_cached(struct store *st, struct flight *f,
				     struct cache_key key, int *fd_ret,
				     uint64_t *size_ret, bool *later_ret);

/** What makes it worth asking the cache again whether a file is in use. */
enum { CACHED_MS = 60000 };

/** End the flight with these bytes.
 * @param[in] fd Taken.
 * @param[in] path Where the same bytes can be opened again; NULL: nowhere. */
void land_found(struct flight *f, const struct target *t, int fd, uint64_t size,
		enum artifact_origin origin, const char *path);

/** The target being tried gave nothing: the next one's turn, or its own once
 * more if the worker died for the first time. @p err is taken; NULL if what was
 * asked for simply is not in it. */
void pass_over(struct flight *f, struct error *err);

/* verify.c */

/** Have a cached file read through; the flight goes on when that is done, and
 * finds it again. NULL: the flight is the verification's now. */
MUST_CHECK struct error *verify_cached(struct flight *f, struct cache_key key);

/* extract.c: begin a job for the target being tried. NULL: the flight is the
 * job's now. Descriptors are taken. */

MUST_CHECK struct error *start_extraction(struct index_reader *r,
					  struct flight *f, int in_fd);
/** A section of a file that is there as a whole. */
MUST_CHECK struct error *section_of_file(struct flight *f, int fd,
					 uint64_t size);
/** A section straight from the archive. @p container_fd is taken if it is
 * @p started_ret; it is not where the payload cannot be read at random. */
MUST_CHECK struct error *try_section_inside(struct index_reader *r,
					    struct flight *f, int *container_fd,
					    bool *started_ret);
/** A bare file of another ctime: whose is it now? */
MUST_CHECK struct error *identify_file(struct flight *f, int fd);

/* remote.c */

/** Nothing here has it: what was fetched before, or an upstream server. On a
 * query thread. The flight is landed, or the download's. */
void remote_try(struct flight *f);

#endif

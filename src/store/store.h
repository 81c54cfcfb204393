/* SPDX-License-Identifier: Apache-2.0 */
/**
 * From a build ID to bytes: a file on disk, a member of an archive, a section,
 * a source. Finds the best place, checks that it still is what was indexed,
 * has a worker extract what lies inside an archive, and keeps that on disk.
 * What is nowhere here is fetched from an upstream server, if there are any.
 *
 * Two doors. store_try() answers from memory and never waits. store_ask() goes
 * to the index, the disk and the workers on other threads and calls back.
 *
 * Must not depend on src/scan: they meet in the index and in worker jobs.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/build_id.h"
#include "base/error.h"
#include "index/index.h"
#include "store/growth.h"
#include "upstream/upstream.h"
#include "worker/scan_rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_options {
	const char *state_dir; /* of the index; borrowed for the call */
	const char *cache_dir;
	uint64_t cache_size_bytes;
	unsigned workers;    /* worker processes for extraction */
	const char *program; /* what to start as `… worker` */
	/** Sources of bare ELF files are served only beneath these: the scanned
	 * paths. Canonical, borrowed for as long as the store lives; NULL at
	 * the end. None: those that the index names. */
	const char *const *roots;
	/** And beneath these, but there only what everybody on this machine
	 * may read. Likewise; NULL. */
	const char *const *source_roots;
	/** Through which commands containers were read, for reading them again;
	 * the scan's rules. Borrowed for as long as the store lives. */
	struct scan_rule *rules;
	size_t rule_count;
	/** Where what is not here may be. Borrowed for as long as the store
	 * lives, which ends their fetches; NULL: nowhere. */
	struct upstreams *upstreams;
};

MUST_CHECK struct error *store_open(const struct store_options *options,
				    struct store **ret);
/** Waits for flights to end; their callbacks come first. NULL is allowed. */
void store_close(struct store *st);
/** What is under way ends soon, with BUSY, as does what is asked from now on:
 * for those who wait for it before store_close(). */
void store_abort(struct store *st);

enum artifact_kind {
	ARTIFACT_EXECUTABLE,
	ARTIFACT_DEBUGINFO,
	ARTIFACT_SOURCE,
	ARTIFACT_SECTION,
};

/** Has the caller given up waiting? On any thread; must not wait. */
typedef bool (*store_given_up_fn)(void *ctx);

struct store_query {
	struct build_id id;
	enum artifact_kind kind;
	const char *suffix; /* source path as the client spelt it, percent
			     * decoded; or section name; else NULL */
	/** Look here alone: it comes from us by way of another server, or has
	 * come far enough. */
	bool is_local;
	/** What is still being fetched is an answer, too: see artifact.growth.
	 */
	bool takes_growing;
	/** Asked with store_ask()'s @c ctx before anything is looked up: what
	 * nobody waits for by then is dismissed, with BUSY. NULL: the answer is
	 * wanted in any case. */
	store_given_up_fn has_given_up;
	/** Servers that the request has come through. Who has come through more
	 * or fewer does not wait for the same download: a circle of servers
	 * would wait for itself. */
	unsigned hops;
	/** Whose request it is, for an upstream server; or NULL. */
	const struct upstream_hop *hop;
};

enum artifact_origin {
	ARTIFACT_FROM_FILE,    /* a bare file under a scanned path */
	ARTIFACT_FROM_CACHE,   /* extracted before */
	ARTIFACT_FROM_ARCHIVE, /* extracted just now */
	ARTIFACT_FROM_UPSTREAM,
};

/** What to send. Owned by the holder: artifact_deinit(). */
struct artifact {
	int fd;          /* at any position; read with offsets */
	uint64_t size;   /* bytes from offset 0 of @c fd */
	int64_t mtime;   /* seconds: Last-Modified; or CLOCK_NO_DATE */
	uint64_t etag;   /* of these very bytes: changes with them */
	char *file;      /* X-DEBUGINFOD-FILE, raw bytes */
	char *archive;   /* X-DEBUGINFOD-ARCHIVE, raw bytes; NULL */
	char *signature; /* X-DEBUGINFOD-IMASIGNATURE, hexadecimal; NULL */
	/** NULL: all @c size bytes are there. Else as many as it says, and the
	 * rest comes or, when it breaks, does not. Owned: one reference. */
	struct growth *growth;
	enum artifact_origin origin;
};
#define ARTIFACT_INIT    \
	{                \
		.fd = -1 \
	}
void artifact_deinit(struct artifact *a);

enum store_outcome {
	STORE_FOUND,   /* the artifact is filled */
	STORE_ABSENT,  /* known to be nowhere */
	STORE_UNKNOWN, /* ask */
};

/**
 * Answer from memory, if that is possible: an ID that is surely absent, or an
 * answer given before whose file is opened and found unchanged. Never waits
 * for the index, a worker or a lock held across I/O.
 *
 * Cost: a few microseconds; one open and one fstat when found.
 * Threads: any.
 */
enum store_outcome store_try(struct store *st, const struct store_query *q,
			     struct artifact *ret);

/**
 * How it ended: exactly one call, on a thread of the store.
 * @param[in] err Owned by the callee. BUSY: queues are full, try again.
 * @param[in] a Owned by the callee; NULL when absent or on error.
 */
typedef void (*store_done_fn)(void *ctx, struct error *err, struct artifact *a);

/**
 * Find, and extract if need be. Identical queries under way share the work.
 *
 * @param[in] q Copied.
 * @param[in] done Called exactly once, possibly before this returns.
 * @return Does it share the work of an identical query?
 * Threads: any; does not wait.
 */
bool store_ask(struct store *st, const struct store_query *q,
	       store_done_fn done, void *ctx);

/**
 * Run something that reads the index on one of the store's query threads
 * (presence, statistics): milliseconds of work, as look-ups by build ID wait
 * for it. Neither extraction nor reading a cached file through ever occupies
 * them.
 *
 * @param[in] fn Gets the thread's reader, or the error that says why there is
 * none (owned by the callee; then the reader is NULL).
 * @return BUSY if the queue is full; @p fn is then not called.
 */
typedef void (*store_read_fn)(void *ctx, struct index_reader *r,
			      struct error *err);
MUST_CHECK struct error *store_read(struct store *st, store_read_fn fn,
				    void *ctx);
/** The same for what may take seconds. It has threads of its own, and a queue
 * that is short. */
MUST_CHECK struct error *store_search(struct store *st, store_read_fn fn,
				      void *ctx);

/** Whoever will call the store from a thread that does not end before it, as
 * that of the upstream servers, holds it from then on: store_close() waits for
 * its store_release(). Threads: any. */
void store_hold(struct store *st);
/** The store may be gone when this returns. */
void store_release(struct store *st);

/** For tests: wait for an answer.
 * @param[out] found_ret False: absent; @p ret untouched. */
MUST_CHECK struct error *store_get(struct store *st,
				   const struct store_query *q,
				   struct artifact *ret, bool *found_ret);

/** The index changed for this ID: drop what memory says of it. The shape of
 * index_changed_fn. */
void store_forget(void *store, const struct build_id *id);

/**
 * Who else is told when the index changes for an ID, also by another process:
 * then for all, with NULL. On whatever thread, without a lock; must not wait.
 * @param[in] fn NULL: nobody any more; returns when none is being called.
 */
typedef void (*store_forget_fn)(void *ctx, const struct build_id *id);
void store_on_forget(struct store *st, store_forget_fn fn, void *ctx);

/** Is there an upstream server to ask for what is not here? */
bool store_has_upstreams(const struct store *st);

/** Is the ID surely nowhere: not in the index, and no upstream to be asked?
 * Cost: a look into the filter. */
bool store_surely_absent(struct store *st, const struct build_id *id);

/** Is what /readyz asks true: index readable, cache writable?
 * @param[out] degraded_ret NULL or why not fully, static text. */
bool store_is_ready(struct store *st, const char **degraded_ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Shared by the files of src/symbolize that make the service, and nobody else.
 *
 *	symbolizer.c  the service: open, changes of the index, close
 *	compute.c     the threads that answer batches
 *	wait.c        batches whose tables are not all there; their time
 *	answer.c      a batch whose tables are: answered, ended
 *	making.c      a table that is not loaded: begun, its turn, landed
 *	making_look_up.c  whether it is on disk, and what it can be made from
 *	making_files.c  its files: asked for, and what is done as they come
 *	build.c       its jobs in worker processes
 *	splits.c      files of split DWARF that a job found lacking
 */
#ifndef SYMBOLIZE_SYMBOLIZER_INTERNAL_H
#define SYMBOLIZE_SYMBOLIZER_INTERNAL_H

#include "base/lock.h"
#include "base/log.h"
#include "base/pool.h"
#include "index/index.h"
#include "store/poison.h"
#include "store/store.h"
#include "symbolize/batch.h"
#include "symbolize/symbolize.h"
#include "symbolize/table_cache.h"
#include "symbolize/verdict.h"
#include "worker/symtab_job.h"
#include "worker/worker_pool.h"

#include <sys/queue.h>

/** A module of a batch that waits for its table. */
struct want {
	struct wait *wait;
	uint32_t module;
	struct making *making; /* that it waits for; NULL: it does not */
	unsigned round;        /* of the partial table it is in; 0: none yet */
	unsigned rank;         /* struct making */
	LIST_ENTRY(want) others;
};

/** A batch being answered. Guarded by the symbolizer's lock until it is ready;
 * then owned by the thread that answers it. */
struct wait {
	struct symbolizer *s;
	struct batch *b;
	symbolize_done_fn done;      /* of a batch */
	symbolize_file_fn file_done; /* or of one table */
	struct batch own;            /* the latter's */
	void *ctx;
	struct error *err; /* owned */
	struct want *wants;
	size_t addresses; /* of the batch */
	size_t open;      /* wants not settled; one more while it is set up */
	bool is_listed;
	int64_t deadline_ms;
	TAILQ_ENTRY(wait) others;
	struct wait *next_ready;
};

enum making_file { FILE_DEBUGINFO, FILE_EXECUTABLE, FILE_ALT, MAKING_FILES };

/** One worker job of a making. */
struct build {
	struct making *making;
	struct worker_job job;
	struct symtab_build_inputs inputs; /* as the request tells them */
	uint64_t input_bytes;              /* of all of them */
	int fd; /* of the table being written; owned */
	/* A table that is good, should one with split DWARF not come; owned. */
	int aside;
	int64_t started_ns;
	struct symtab_build_report report;
	bool is_elsewhere; /* not in the cache's directory */
	bool has_killed;   /* a worker */
};

/** Large files of split DWARF whose descriptors are kept. */
enum { SPLITS_OWN_MAX = 16 };

/** Files of split DWARF: of all rounds, and how the last one goes. */
struct splits {
	struct build_id *asked; /* sorted; behind them those of the round */
	size_t asked_count, asked_capacity;
	size_t fresh_count; /* of the round */
	unsigned round;
	size_t looked_up;  /* of the units that the build found lacking */
	size_t next;       /* of the round's, to be asked for */
	unsigned open;     /* asked for, and not come */
	bool is_pumped;    /* somebody is asking */
	bool is_new;       /* something came */
	bool is_over;      /* another round is of no use */
	bool is_refused;   /* a build with them failed */
	bool is_uncertain; /* another time something may come */
	struct symtab_build_dwo *files;
	size_t file_count, file_capacity;
	int bundle; /* has the small ones; owned */
	uint64_t bundle_bytes;
	int own[SPLITS_OWN_MAX]; /* large ones; owned */
	size_t own_count;
};

/**
 * A table that is not loaded, or that may be had better. Begun for the first
 * who asks, shared by all who ask meanwhile.
 *
 *	begun --> loaded from disk ............................. landed
 *	      \-> looked up --> (waits its turn) --> files asked
 *	              |             for --> built, partly, wholly --> landed
 *	              \--> another ID's: its wants move there ---> landed
 */
struct making {
	struct symbolizer *s;
	struct table_key key;
	int64_t started_ns;
	uint64_t epoch;   /* of the index, when it began */
	uint64_t forgets; /* of the symbolizer, then */
	/* Guarded by the symbolizer's lock. */
	struct making *next;       /* in its slot */
	struct making *next_begun; /* to be started */
	LIST_HEAD(want_list, want) wants;
	unsigned holds;    /* of steps under way; the last one frees it */
	bool is_overtaken; /* the index has changed for its ID */
	bool is_again;     /* to better a table that there is */
	bool has_landed;
	bool is_active; /* counted as such */
	bool is_queued; /* in the backlog */
	/** How many tables the batch wanted made before this one: each one's
	 * first are made before anybody's second. The least of those who asked.
	 */
	unsigned rank;
	TAILQ_ENTRY(making) backlog;
	bool is_whole_begun, is_partial_begun;
	bool is_built;  /* the whole, but for a file it turned out to need */
	unsigned round; /* of partial tables */
	unsigned expected, arrived;          /* files, 1 << enum making_file */
	struct artifact files[MAKING_FILES]; /* fd -1: not there */
	struct error *transient, *damage;    /* first of each; owned */
	bool may_pass; /* a file did not come for what another try may not meet */
	/* Set by the look-up. */
	struct build_id id;
	struct table_claims offer; /* what the index has */
	struct build_id alt_id;    /* len 0: none */
	bool is_one_file;          /* the debug file is the executable */
	struct symtab_layout layout;
	bool has_layout;
	uint64_t attempt; /* its name in poison */
	struct build whole, partial;
	struct splits splits;
};
TAILQ_HEAD(making_queue, making);

enum {
	SYMBOLIZER_SLOTS = 1024,
	/** From this rank on half of the turns is left to those below. */
	RANK_MANY = 8,
	/** From this rank on a making waits for its turn only as long as
	 * somebody waits for it. */
	RANK_LEFT = 64,
};

struct symbolizer {
	struct store *store;
	struct batch_limits limits;
	bool waits_for_best;
	uint64_t bundles_most; /* copies of split DWARF; half of it for one */
	struct table_cache *tables;
	struct pool *computers;       /* of small batches */
	struct pool *large_computers; /* of large ones, after those */
	struct pool *loaders;
	struct worker_pool *builders;
	struct worker_pool *partials;
	struct poison poison;
	pthread_t timer;
	bool has_timer;
	struct lock lock; /* guards what follows */
	struct condition changed;
	struct making *makings[SYMBOLIZER_SLOTS];
	size_t making_count; /* also those that have landed */
	unsigned active_count;
	struct making_queue backlog;
	size_t backlog_count;
	TAILQ_HEAD(wait_list, wait) waits;
	size_t wait_count;        /* also those that are ready */
	size_t waiting_addresses; /* of their batches */
	uint64_t bundles_bytes;   /* copies of split DWARF, of all makings */
	int64_t next_deadline_ms;
	struct verdicts verdicts;
	uint64_t forgets; /* changes of the index for single IDs */
	struct log_limit log;
	bool is_closing;
};

/* ---- wait.c -------------------------------------------------------------- */

/** Starts the thread that keeps deadlines. */
MUST_CHECK struct error *waits_start(struct symbolizer *s);

/** How a module comes off. All borrowed. */
struct outcome {
	enum module_status status;
	struct symtab *table; /* NULL unless OK */
	bool is_upstream;     /* something of it came from another server */
	const char *message;  /* NULL: none */
};
/** Settle a want; lock held. One that no table came for has the one that was to
 * be bettered, if that is loaded. */
void want_settle(struct want *w, const struct outcome *o, struct wait **ready);
/** What a step that held the lock leaves to be done without it. */
struct todo {
	struct wait *ready;
	struct making *begun;
	/** Those that got a want while files of them were there already; with
	 * a hold each. Room for the wants that may be attached. */
	struct making **poked;
	size_t poked_count;
	/** Where the turn of one that waits for it may have come; NULL: none.
	 */
	struct symbolizer *turns;
};
void todo_do(struct todo *t);
/** Settle a want, or let it wait for the making of its table; lock held. */
void want_attach(struct symbolizer *s, struct want *w, struct table_key key,
		 struct todo *todo);

/* ---- compute.c ----------------------------------------------------------- */

/** @param[in] threads 0: one a core. */
MUST_CHECK struct error *computers_start(struct symbolizer *s,
					 unsigned threads);
/** Finish a wait of which nothing is open: on this thread, if it is one for
 * such batches, else on one that is. */
void wait_hand_on(struct wait *w);
/** Hand on those that have become ready, to other threads. */
void waits_dispatch(struct wait *ready);

/* ---- answer.c ------------------------------------------------------------ */

/** Answer it, tell who asked, free it. */
void wait_finish(struct wait *w);
/** One that was begun, and comes to nothing. */
void wait_free(struct wait *w);

/* ---- making.c ------------------------------------------------------------ */

/** NULL without memory, if there are too many, or at the end. Lock held. One
 * hold is its starter's. */
struct making *making_begin(struct symbolizer *s, const struct table_key *key);
/** One under way; NULL. Lock held. */
struct making *making_find(struct symbolizer *s, const struct table_key *key);
/** At the end: those that wait their turn end. */
void makings_flush(struct symbolizer *s);
/** Lock held. */
void making_hold(struct making *m);
void making_release(struct making *m);

/** End it. @param[in] hold_ms How long others are told the same, where there is
 * no table; 0: not at all. */
void making_land(struct making *m, const struct outcome *o, int64_t hold_ms);
/** The same by an error; taken. */
void making_fail(struct making *m, struct error *err);
/** As making_land(), without a table. */
void making_land_without(struct making *m, enum module_status status,
			 const char *message, int64_t hold_ms);
/** What an error means for a module. */
enum module_status making_status_of(enum error_kind kind);
/** End it: its wants are another ID's. */
void making_follow(struct making *m, const struct build_id *id);
/** Ask for its files, now or when others have landed; or fail. */
void making_take_turn(struct making *m);
/** Of those that wait for their turn let those go on whose it is by now. */
void makings_go_on(struct symbolizer *s);

enum {
	/** How long "absent" holds, or a table is the best to be had, when
	 * something was there but gave nothing. */
	MAKING_DOUBTFUL_MS = 2000,
	/** How long it holds if the index does not change. */
	MAKING_FOR_GOOD_MS = 86400000,
};

/* ---- making_look_up.c ---------------------------------------------------- */

/** By next_begun. Takes the starter's holds. */
void makings_start(struct making *begun);
/** End it with the table there is, if @p claims is nothing better. */
bool making_has_no_better(struct making *m, struct table_claims claims);
/** What a build ID is called among those whose files ended workers. */
uint64_t poison_name(const struct build_id *id);

/* ---- making_files.c ------------------------------------------------------ */

/** Its turn has come: ask for what there may be. Takes a hold. */
void making_ask_files(struct making *m);
/** What it is made from: of the files that came. Lock held, or all came. */
struct table_claims making_claims(const struct making *m);
/** A file turned out to be needed: ask for that. */
void making_ask_alt(struct making *m, const struct build_id *id);
/** Files have come, or a job has ended: what next? */
void making_advance(struct making *m);

/* ---- build.c ------------------------------------------------------------- */

/** Twice is safe. */
void build_deinit(struct build *b);
/** Build the whole table. Takes a hold. */
void build_whole(struct making *m);
/** Land with the one that was built, without what it lacked. Takes a hold. */
void build_take(struct making *m);
/** Build one of what the making's wants of round @p round ask for; lock held
 * for the request alone. Takes a hold. */
void build_partial(struct making *m, struct buf *request);
/** Append the request of a partial table to @p out; lock held.
 * @return False: nobody wants one. */
bool build_partial_request(struct making *m, struct buf *out);

/* ---- splits.c ------------------------------------------------------------ */

/** Twice is safe. Lock not held. */
void splits_deinit(struct making *m);
/** The whole table was built: may looking for files of split DWARF help? */
bool splits_may_help(const struct making *m);
/** Look for them, then build_whole() or build_take(). Takes a hold. */
void splits_begin(struct making *m);
/** A build failed. @return True: with files of split DWARF, which are dropped.
 * The table without them does. */
bool splits_refuse(struct making *m, const struct error *err);
/** Add those there are. @param[in,out] bytes Of all inputs. */
void splits_fill_inputs(const struct making *m,
			struct symtab_build_inputs *inputs, uint64_t *bytes);
/** Say of a table whether it lacks some. */
void splits_claim(struct making *m, struct table_claims *claims);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Other debuginfod servers, asked over HTTP: which of them, in what order, how
 * long, how often; and what they say, relayed as it comes. One thread does all
 * of it and waits for nobody.
 *
 * A fetch is a race: servers are asked in the order of their health, the next
 * one when one has nothing, fails, or has not answered for its hedge delay. The
 * first whose answer begins wins; where its bytes turn out wrong or short the
 * race goes on among those not asked yet.
 *
 * What is kept, and whether the bytes are the right ones, is the receiver's to
 * know. Must not depend on the store or HTTP server.
 *
 * Threads: any, where nothing else is said.
 */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include "base/build_id.h"
#include "base/error.h"
#include "upstream/upstream_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct upstreams;

enum upstream_event {
	UPSTREAM_OPENED, /* its breaker: it is left alone for a while */
	UPSTREAM_CLOSED, /* it answers again */
};

struct upstreams_options {
	const struct upstream_list
		*list;          /* borrowed for as long as they live */
	uint64_t max_bytes;     /* of a body, decoded */
	unsigned requests_most; /* under way at a time, from as many hops away;
				   0: 32 */
	unsigned fetches_most;  /* 0: 1000 */
	/** Told of what an operator wants to read, on the fetching thread. May
	 * be NULL. @p why: static or borrowed for the call. */
	void (*notice)(void *ctx, enum upstream_event event, const char *name,
		       const char *why);
	void *notice_ctx;
};

MUST_CHECK struct error *upstreams_open(const struct upstreams_options *options,
					struct upstreams **ret);
/** Ends all fetches first: each is told. NULL is allowed. */
void upstreams_close(struct upstreams *u);
/** End all fetches soon, and begin no more. */
void upstreams_abort(struct upstreams *u);

/** What this process is known by in Via and User-Agent; borrowed. A request
 * that carries it came from here: it must not be asked upstream again. */
const char *upstreams_mark(const struct upstreams *u);

/** The index learned of this ID: what was absent may be asked for again. */
void upstreams_forget(struct upstreams *u, const struct build_id *id);

/* ---- Fetching ------------------------------------------------------------ */

/** How one server's part, and a fetch as a whole, ended. */
enum upstream_cause {
	UPSTREAM_FOUND,
	UPSTREAM_ABSENT,    /* 404, 410 */
	UPSTREAM_TRANSIENT, /* no answer, 429, 5xx, cut short: may pass */
	/** An answer that makes no sense, or that we may not ask: says nothing
	 * of what is there. */
	UPSTREAM_MALFORMED,
	UPSTREAM_MISMATCH, /* not what was asked for: the receiver said so */
	UPSTREAM_TOO_LARGE,
	UPSTREAM_CANCELLED,
	UPSTREAM_CAUSES
};
/** "found", "absent", …. Static. */
const char *upstream_cause_name(enum upstream_cause cause);

/** Whose request is it that is passed on? All may be NULL: nobody's. */
struct upstream_hop {
	const char *forwarded_for; /* X-Forwarded-For, the peer appended */
	const char *via;
	const char *user_agent;
	const char *traceparent;
	const char *request_id;
};

/** With strings of its own. @return Owned: mem_free(). NULL without memory. */
struct upstream_hop *
upstream_hop_dup(const struct upstream_hop *hop) MUST_CHECK;

struct upstream_question {
	struct build_id id;
	const char *type; /* "debuginfo", …; static */
	/** Raw: behind the type and a slash; or NULL. A source's needs no
	 * slash in front, and is made canonical. */
	const char *suffix;
	const struct upstream_hop *hop; /* or NULL */
	/** Servers that it has come through. What may run at a time is counted
	 * for each number of them by itself: of servers that ask each other
	 * those would else wait for each other's places. */
	unsigned hops;
};

enum {
	UPSTREAM_SIZE_UNKNOWN = -1,
	/** For how long asking again is in vain where something is wrong rather
	 * than absent: it may be mended at any time. */
	UPSTREAM_WRONG_MS = 60000,
};

/** Strings are borrowed for the call; all are printable, NULL: not said. */
struct upstream_answer {
	unsigned turn;    /* of the fetch: 1 is the first answer */
	const char *name; /* of the server */
	int64_t size;     /* UPSTREAM_SIZE_UNKNOWN; of the body, decoded */
	int64_t mtime;    /* Last-Modified, seconds, or CLOCK_NO_DATE */
	const char *file, *archive; /* X-DEBUGINFOD-… */
	const char *signature;      /* hexadecimal */
	const char *etag;
};

struct upstream_end {
	enum upstream_cause cause;
	/** For how long asking again is in vain. */
	int64_t ttl_ms;
	const char *why; /* for people; static or borrowed for the call */
};

/**
 * On the fetching thread, which everybody waits for: must not block. Nothing is
 * called after ended().
 */
struct upstream_receiver {
	/** A body follows, from its beginning.
	 * @return False: give up; @c ended follows. */
	bool (*begin)(void *ctx, const struct upstream_answer *a);
	/** Mostly 16 KiB, many in a row. @return As begin. */
	bool (*data)(void *ctx, const void *bytes, size_t size);
	/** That was all for now. @return As begin. */
	bool (*idle)(void *ctx);
	/** All of the body was here, as long as was announced. The receiver
	 * says what to think of it: upstream_accept() or upstream_reject(). */
	void (*whole)(void *ctx);
	/** What came since @c begin is void: cut short, or rejected. */
	void (*lost)(void *ctx, const char *name, enum upstream_cause cause,
		     const char *why);
	/** Somebody said upstream_poke(). */
	void (*poked)(void *ctx);
	/** FOUND: accepted. Exactly once, and last; perhaps before
	 * upstream_fetch() returns. */
	void (*ended)(void *ctx, const struct upstream_end *end);
};

struct upstream_fetch;

/** A fetch is its caller's to refer to until ended() is called.
 * @param[in] q Copied.
 * @return BUSY: too many; BAD_REQUEST: no request can name it. Then nothing is
 * called. */
MUST_CHECK struct error *
upstream_fetch(struct upstreams *u, const struct upstream_question *q,
	       const struct upstream_receiver *receiver, void *ctx,
	       struct upstream_fetch **ret);

/** The whole body is right. */
void upstream_accept(struct upstream_fetch *f);
/** The whole body of that turn is not what was asked for: the next one. Another
 * turn may have begun by itself: then this is about nothing.
 * @param[in] cause MISMATCH, or TRANSIENT where it could not be judged. */
void upstream_reject(struct upstream_fetch *f, unsigned turn,
		     enum upstream_cause cause);
/** Have poked() called soon: what other threads found out can be dealt with on
 * the one where everything else happens. From poked() itself: again, after
 * everybody else has had a turn. */
void upstream_poke(struct upstream_fetch *f);
/** Nobody wants it any longer. */
void upstream_cancel(struct upstream_fetch *f);

/* ---- Looking ------------------------------------------------------------- */

/** What one server says of an artifact, without its body. */
struct upstream_opinion {
	const char *name;
	enum upstream_cause cause;
	const char *why;    /* for people */
	unsigned status;    /* 0: none */
	int64_t size;       /* UPSTREAM_SIZE_UNKNOWN */
	int64_t elapsed_ms; /* to the end of the header */
};

/**
 * Ask the servers in parallel, whatever is known from before.
 * @param[in] uses_get GET, broken off behind the header, for servers that know
 * no HEAD, and each of them, whatever its breaker says. Else HEAD, of those
 * that are not left alone, until one has it.
 * @param[in] told Once for each server, and once with NULL at the end; on the
 * fetching thread.
 */
MUST_CHECK struct error *upstream_survey(
	struct upstreams *u, const struct upstream_question *q, bool uses_get,
	void (*told)(void *ctx, const struct upstream_opinion *o), void *ctx);

/* ---- Searching ----------------------------------------------------------- */

struct upstream_search {
	const char *key, *value;        /* raw; passed on encoded anew */
	const struct upstream_hop *hop; /* or NULL */
	unsigned hops;                  /* as of upstream_question */
	int64_t until_ms;     /* clock_ms(): who has not said all by then is not
				 waited for; INT64_MAX */
	uint64_t limit_bytes; /* of one answer, decoded */
};

/** On the fetching thread: must not block. */
struct upstream_searcher {
	/** Some of what a server answers, in order.
	 * @param[in] server As upstreams_status() counts.
	 * @return False: it is too much. */
	bool (*data)(void *ctx, size_t server, const void *bytes, size_t size);
	/** That was a server's part, whole if its cause is FOUND. Once for
	 * each. */
	void (*said)(void *ctx, size_t server,
		     const struct upstream_opinion *o);
	/** Exactly once, and last. */
	void (*ended)(void *ctx);
};

enum {
	/** Searches under way, and requests for them to one server, from as
	 * many hops away. */
	UPSTREAM_SEARCHES_MOST = 64,
	UPSTREAM_SEARCH_REQUESTS_MOST = 4,
};

/**
 * GET /metadata of all servers in parallel. Searches have places of their own,
 * and what comes of them is no part of a server's health: how long one takes is
 * its client's choice. Who leaves five in a row unanswered is left alone with
 * searches.
 *
 * @param[in] q Copied.
 * @return BUSY: too many. Then nothing is called.
 */
MUST_CHECK struct error *
upstream_search(struct upstreams *u, const struct upstream_search *q,
		const struct upstream_searcher *searcher, void *ctx);

/** What is to be thought of an answer that was whole: it is counted as that.
 * Any thread. */
void upstream_search_count(struct upstreams *u, size_t server,
			   enum upstream_cause cause);

/* ---- How they are -------------------------------------------------------- */

struct upstream_status {
	const char *name;  /* borrowed */
	const char *state; /* "closed", "half_open", "open" */
	unsigned failures; /* in a row */
	const char *last;  /* outcome of its last request, static; NULL */
};

size_t upstreams_count(const struct upstreams *u);
/** @param[in] i Below the count, in the order they were named. */
void upstreams_status(const struct upstreams *u, size_t i,
		      struct upstream_status *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer. libcurl does HTTP; judged here is what it brings:
 * where a redirection leads, what a header may say, how long a body is.
 *
 * Redirections are followed by ourselves: at most three, where redirect.c lets
 * them go. What a host resolves to is seen when its socket is opened. Headers
 * of the configuration, which may be secrets, go to the server they were meant
 * for alone.
 *
 * A body's length is announced by X-DEBUGINFOD-SIZE (decoded), by
 * Content-Length (as it is sent), or its end by chunks or HTTP/2's frames. One
 * that just ends with its connection may be cut anywhere, and is not taken.
 *
 * A coding is undone by libcurl, in the thread that everybody waits for, and it
 * goes on as long as bytes are there. coding.h bounds what is made of one byte,
 * take_turns() what is made before it is others' turn.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "upstream/address.h"
#include "upstream/coding.h"
#include "upstream/curl_use.h"
#include "upstream/engine.h"
#include "upstream/head.h"
#include "upstream/redirect.h"

enum {
	REDIRECTS_MOST = 3,
	HEADER_BYTES_MOST = 64 << 10,
	DISCARD_MOST = 64 << 10, /* of a body that nobody wants */
	/* Read at a time. All of it is decoded, even if paused on the way: into
	 * memory then, 32 MiB. */
	BUFFER_BYTES = 32 << 10,
	/* So much is decoded in a round, of all bodies; who has more then, or
	 * begins, ends with what has been read of his. */
	DECODED_AT_ONCE = 32 << 20,
	/* Of our own silence longer than that nobody else is accused. */
	STALL_MS = 100,
	SLOW_BYTES_A_SECOND = 10 << 10,
	SLOW_S = 30,
	TOTAL_MS = 20 * 60 * 1000,
	RETRY_AFTER_MOST_S = 60,
	WAIT_MOST_MS = 1000,
};

struct transfer {
	struct attempt *attempt;
	struct upstreams *engine;
	CURL *easy;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	int64_t started_ms, moved_ms;
	int64_t moved_stalled_ms; /* the engine's stalled_ms then */
	int64_t answered_ms;      /* the header's end; 0: not yet */
	unsigned redirects;
	bool may_be_private; /* where the request goes to */
	bool met_private;
	struct head head;
	size_t header_bytes;
	unsigned codings;  /* as of coding_allows() */
	int64_t size;      /* that is announced; UPSTREAM_SIZE_UNKNOWN */
	uint64_t received; /* decoded */
	bool has_won;
	bool is_paused;
	unsigned paused_round; /* the engine's round then */
	TAILQ_ENTRY(transfer) paused;
	/* We ended it ourselves: that, and not what libcurl says then. */
	bool is_ended;
	enum upstream_cause cause;
	const char *why;
};

static size_t end_with(struct transfer *t, enum upstream_cause cause,
		       const char *why)
{
	if (!t->is_ended) {
		t->is_ended = true;
		t->cause = cause;
		t->why = why;
	}
	return 0; /* what libcurl's callbacks return to fail */
}

static void note_move(struct transfer *t, int64_t now_ms)
{
	t->moved_ms = now_ms;
	t->moved_stalled_ms = t->engine->stalled_ms;
}

/* ---- Headers ------------------------------------------------------------- */

static bool ends_by_itself(const struct transfer *t)
{
	long version = 0;

	curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	return t->head.length >= 0 || t->head.is_chunked ||
	       version >= CURL_HTTP_VERSION_2_0;
}

/* Else it is HEAD. */
static bool asks_for_body(const struct upstream_fetch *f)
{
	return f->receiver || f->uses_get;
}

static bool judge_length(struct transfer *t)
{
	const struct head *h = &t->head;

	t->size = h->told_size;
	if (!h->has_coding && h->length >= 0) {
		if (t->size >= 0 && t->size != h->length) {
			end_with(t, UPSTREAM_TRANSIENT,
				 "it announces two lengths");
			return false;
		}
		t->size = h->length;
	}
	if (asks_for_body(t->attempt->fetch) && t->size < 0 &&
	    !ends_by_itself(t)) {
		end_with(t, UPSTREAM_MALFORMED, "no length is announced");
		return false;
	}
	if (t->size >= 0 &&
	    (uint64_t)t->size > t->attempt->fetch->limit_bytes) {
		end_with(t, UPSTREAM_TOO_LARGE, "larger than is allowed");
		return false;
	}
	return true;
}

static bool announce(struct transfer *t)
{
	const struct head *h = &t->head;
	struct upstream_answer answer = {
		.name = t->attempt->server->spec->name,
		.size = t->size,
		.mtime = h->mtime > 0 ? h->mtime : CLOCK_NO_DATE,
		.file = h->file,
		.archive = h->archive,
		.signature = h->signature,
		.etag = h->etag,
	};

	t->has_won = race_answer(t->attempt, &answer);
	if (!t->has_won)
		end_with(t, UPSTREAM_CANCELLED, "another one was faster");
	return t->has_won;
}

/* A header is there as a whole. False: no more of it is wanted. */
static bool end_header(struct transfer *t)
{
	if (t->head.status / 100 == 1 || status_is_redirection(t->head.status))
		return true;
	t->answered_ms = clock_ms();
	metric_observe(METRIC_UPSTREAM_SECONDS, t->attempt->server->number, 0,
		       (uint64_t)(t->answered_ms - t->started_ms) * 1000000);
	if (t->head.status != 200)
		return true;
	if (!judge_length(t))
		return false;
	if (t->attempt->fetch->receiver)
		return announce(t);
	t->has_won = t->attempt->fetch->searcher != NULL;
	if (t->has_won)
		return true;
	end_with(t, UPSTREAM_FOUND, "found");
	return false;
}

/* One line, with its end. libcurl says trailers here as well. */
static size_t on_header(char *line, size_t one, size_t size, void *ctx)
{
	struct transfer *t = ctx;
	char text[HEAD_VALUE_MOST + 64];
	size_t n = size;

	(void)one;
	note_move(t, clock_ms());
	t->header_bytes += size;
	if (t->header_bytes > HEADER_BYTES_MOST)
		return end_with(t, UPSTREAM_MALFORMED,
				"its header is too long");
	if (t->answered_ms)
		return size;
	if (!coding_allows(&t->codings, line, size))
		return end_with(t,
				t->head.status >= 400
					? status_cause(t->head.status)
					: UPSTREAM_MALFORMED,
				"a coding that was not offered");
	while (n && (line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	if (!n)
		return end_header(t) ? size : 0;
	if (n >= sizeof(text))
		return size;
	memcpy(text, line, n);
	text[n] = '\0';
	if (!strncmp(text, "HTTP/", 5)) {
		const char *space = strchr(text, ' ');

		head_reset(&t->head);
		t->head.status =
			space ? (unsigned)strtoul(space + 1, NULL, 10) : 0;
		return size;
	}
	char *colon = strchr(text, ':');

	if (!colon)
		return size;
	*colon++ = '\0';
	colon += strspn(colon, " \t");
	head_note(&t->head, text, colon);
	return size;
}

/* ---- Bodies -------------------------------------------------------------- */

/* Has more been made of few bytes than others should wait for? Then it goes on
 * in the next round. What is made of the buffer that was read is kept. */
static void take_turns(struct transfer *t, size_t size)
{
	struct upstreams *u = t->engine;

	if (!t->codings)
		return;
	u->decoded += size;
	if (u->decoded < DECODED_AT_ONCE || t->is_paused)
		return;
	t->is_paused = true;
	t->paused_round = u->round;
	TAILQ_INSERT_TAIL(&u->paused, t, paused);
	curl_easy_pause(t->easy, CURLPAUSE_RECV);
}

static void forget_pause(struct transfer *t)
{
	if (t->is_paused)
		TAILQ_REMOVE(&t->engine->paused, t, paused);
	t->is_paused = false;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *ctx)
{
	struct transfer *t = ctx;

	(void)one;
	note_move(t, clock_ms());
	t->received += size;
	if (!t->has_won)
		return t->received > DISCARD_MOST
			       ? end_with(t, status_cause(t->head.status),
					  "refused at length")
			       : size;
	if (t->size >= 0 && t->received > (uint64_t)t->size)
		return end_with(t, UPSTREAM_TRANSIENT,
				"longer than it announced");
	if (t->received > t->attempt->fetch->limit_bytes)
		return end_with(t, UPSTREAM_TOO_LARGE,
				"larger than is allowed");
	take_turns(t, size);
	metric_add(METRIC_UPSTREAM_BYTES, t->attempt->server->number, 0,
		   (int64_t)size);
	if (race_data(t->attempt, bytes, size))
		return size;
	return t->attempt->fetch->searcher
		       ? end_with(t, UPSTREAM_TOO_LARGE, "no room for it")
		       : end_with(t, UPSTREAM_CANCELLED, "given up");
}

/* ---- Where to ------------------------------------------------------------ */

static curl_socket_t open_socket(void *ctx, curlsocktype purpose,
				 struct curl_sockaddr *address)
{
	struct transfer *t = ctx;

	(void)purpose;
	if (!t->may_be_private && address_is_private(&address->addr)) {
		t->met_private = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
		      address->protocol);
}

static CURLcode add_header(struct transfer *t, const char *name,
			   const char *value)
{
	if (!value)
		return CURLE_OK;
	CLEANUP_FREE char *line = mem_printf("%s: %s", name, value);
	struct curl_slist *longer =
		line ? curl_slist_append(t->headers, line) : NULL;

	if (!longer)
		return CURLE_OUT_OF_MEMORY;
	t->headers = longer;
	return CURLE_OK;
}

static CURLcode add_own_headers(struct transfer *t)
{
	const struct upstream_manner *m = &t->attempt->server->spec->manner;

	for (size_t i = 0; i < m->header_count; i++) {
		struct curl_slist *longer =
			curl_slist_append(t->headers, m->headers[i]);

		if (!longer)
			return CURLE_OUT_OF_MEMORY;
		t->headers = longer;
	}
	return CURLE_OK;
}

/* @p has_secrets: those of the configuration go along. */
static CURLcode set_headers(struct transfer *t, bool has_secrets)
{
	const struct upstream_fetch *f = t->attempt->fetch;
	const struct upstream_hop *hop = f->hop;
	CURLcode rc = CURLE_OK;
	char limit[24];

	curl_slist_free_all(STEAL(t->headers));
	snprintf(limit, sizeof(limit), "%" PRIu64, f->limit_bytes);
	const char *const fields[][2] = {
		{ "Accept", "*/*" },
		{ "User-Agent", hop->user_agent },
		{ "Via", hop->via },
		{ "X-Forwarded-For", hop->forwarded_for },
		{ "X-Request-Id", hop->request_id },
		{ "X-DEBUGINFOD-MAXSIZE", limit },
		{ "traceparent", hop->traceparent },
	};

	for (size_t i = 0; !rc && i < sizeof(fields) / sizeof(*fields); i++)
		rc = add_header(t, fields[i][0], fields[i][1]);
	if (!rc && has_secrets)
		rc = add_own_headers(t);
	return rc ? rc
		  : curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

/* Whose certificates are believed: of the server that was named, and while it
 * does not send us elsewhere, those that its ca_file says and no others; else
 * those of the system, where libcurl was told to look when it was built. */
static CURLcode set_trust(CURL *e, const char *ca_file)
{
	char *file = NULL, *dir = NULL;
	CURLcode rc;

	if (!ca_file) {
		curl_easy_getinfo(e, CURLINFO_CAINFO, &file);
		curl_easy_getinfo(e, CURLINFO_CAPATH, &dir);
	}
	rc = curl_easy_setopt(e, CURLOPT_CAINFO, ca_file ? ca_file : file);
	return rc ? rc : curl_easy_setopt(e, CURLOPT_CAPATH, dir);
}

/* ---- Begin and end ------------------------------------------------------- */

#define SET(option, value)                                          \
	do {                                                        \
		CURLcode set_ = curl_easy_setopt(e, option, value); \
		if (set_)                                           \
			return set_;                                \
	} while (0)

static CURLcode set_options(struct transfer *t)
{
	const struct upstream_spec *spec = t->attempt->server->spec;
	const struct upstream_fetch *f = t->attempt->fetch;
	unsigned slow_s = spec->manner.timeout_ms / 1000 + 1;
	CURL *e = t->easy;
	CLEANUP_FREE char *url = mem_printf("%s%s", spec->base, f->path);

	if (!url)
		return CURLE_OUT_OF_MEMORY;
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_ACCEPT_ENCODING, CODING_OFFERED);
	SET(CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)spec->manner.connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
	SET(CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_A_SECOND);
	SET(CURLOPT_LOW_SPEED_TIME, (long)(slow_s > SLOW_S ? slow_s : SLOW_S));
	SET(CURLOPT_ERRORBUFFER, t->error);
	SET(CURLOPT_PRIVATE, t);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_NOBODY, asks_for_body(f) ? 0L : 1L);
	CURLcode rc = spec->manner.ca_file ? set_trust(e, spec->manner.ca_file)
					   : CURLE_OK;

	return rc ? rc : set_headers(t, true);
}

static void transfer_free(struct transfer *t)
{
	forget_pause(t);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	head_reset(&t->head);
	mem_free(t);
}

struct transfer *transfer_begin(struct attempt *a, int64_t now_ms)
{
	struct transfer *t = mem_zalloc(sizeof(*t));

	if (!t)
		return NULL;
	t->attempt = a;
	t->engine = a->fetch->engine;
	t->started_ms = now_ms;
	note_move(t, now_ms);
	t->may_be_private = true;
	t->size = UPSTREAM_SIZE_UNKNOWN;
	head_reset(&t->head);
	t->easy = curl_easy_init();
	if (!t->easy || set_options(t) ||
	    curl_multi_add_handle(t->engine->multi, t->easy)) {
		transfer_free(t);
		return NULL;
	}
	return t;
}

void transfer_drop(struct transfer *t)
{
	if (!t)
		return;
	curl_multi_remove_handle(t->engine->multi, t->easy);
	transfer_free(t);
}

/* Take it from its attempt, and say how it ended. */
static void finish(struct transfer *t, enum upstream_cause cause,
		   const char *why, bool is_slow, int64_t now_ms)
{
	struct attempt *a = t->attempt;
	char text[CURL_ERROR_SIZE];
	int64_t elapsed_ms =
		(t->answered_ms ? t->answered_ms : now_ms) - t->started_ms;
	int64_t retry_s = t->head.retry_after_s;

	snprintf(text, sizeof(text), "%s", why);
	if (retry_s > RETRY_AFTER_MOST_S)
		retry_s = RETRY_AFTER_MOST_S;
	const struct transfer_end end = {
		.cause = cause,
		.why = text,
		.status = t->head.status,
		.size = t->size,
		.elapsed_ms = elapsed_ms,
		.retry_after_ms = retry_s > 0 ? retry_s * 1000 : 0,
		.is_slow = is_slow,
		.is_passing = cause == UPSTREAM_ABSENT && t->head.has_no_store,
	};

	a->transfer = NULL;
	transfer_drop(t);
	race_finished(a, &end, now_ms);
}

int64_t transfer_check(struct transfer *t, int64_t now_ms)
{
	int64_t until = t->moved_ms +
			t->attempt->server->spec->manner.timeout_ms +
			t->engine->stalled_ms - t->moved_stalled_ms;

	if (now_ms < until)
		return until;
	finish(t, UPSTREAM_TRANSIENT,
	       t->answered_ms ? "it stopped sending" : "no answer in time",
	       true, now_ms);
	return INT64_MAX;
}

/* With a handle of its own: in one that is used again libcurl before 8.1.1 takes
 * a header's first line, if it begins with a space, for the continuation of one
 * from before, which it has freed (curl issue 11101). */
static bool follow(struct transfer *t)
{
	const struct upstream_spec *named = NULL;
	char *url = NULL;

	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &url);
	const char *fault =
		t->redirects == REDIRECTS_MOST
			? "redirected too often"
			: redirect_judge(t->engine->options.list,
					 t->engine->has_proxy, url, &named);

	if (fault) {
		end_with(t, UPSTREAM_MALFORMED, fault);
		return false;
	}
	t->may_be_private = named != NULL;
	/* libcurl copies the URL, which is the old handle's. */
	CURL *next = curl_easy_duphandle(t->easy);
	bool is_set = next && !curl_easy_setopt(next, CURLOPT_URL, url) &&
		      !set_trust(next, named ? named->manner.ca_file : NULL);

	t->redirects++;
	t->received = 0;
	t->codings = 0;
	forget_pause(t);
	curl_multi_remove_handle(t->engine->multi, t->easy);
	if (is_set) {
		curl_easy_cleanup(t->easy);
		t->easy = STEAL(next);
	}
	curl_easy_cleanup(next);
	if (!is_set || set_headers(t, false) ||
	    curl_multi_add_handle(t->engine->multi, t->easy)) {
		end_with(t, UPSTREAM_TRANSIENT, "out of memory");
		return false;
	}
	return true;
}

static enum upstream_cause cause_of_code(CURLcode code)
{
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return UPSTREAM_MALFORMED;
	default:
		return UPSTREAM_TRANSIENT;
	}
}

/* A server that knows no sections, or no searches, says that of the word with
 * 503, and says nothing of its health by that. */
static bool is_refused_word(const struct transfer *t)
{
	const struct upstream_fetch *f = t->attempt->fetch;

	return t->head.status == 503 && t->head.retry_after_s <= 0 &&
	       (f->is_section || f->searcher);
}

static void finish_whole(struct transfer *t, int64_t now_ms)
{
	char text[32];

	if (t->head.status == 200 && !t->answered_ms) {
		/* libcurl takes it for whole where a length of 0 was said. */
		finish(t, UPSTREAM_TRANSIENT, "it ended within its header",
		       false, now_ms);
	} else if (t->head.status != 200) {
		snprintf(text, sizeof(text), "status %u", t->head.status);
		finish(t,
		       is_refused_word(t) ? UPSTREAM_MALFORMED
					  : status_cause(t->head.status),
		       text, false, now_ms);
	} else if (!t->has_won) {
		finish(t, UPSTREAM_FOUND, "found", false, now_ms);
	} else if (t->size >= 0 && t->received != (uint64_t)t->size) {
		finish(t, UPSTREAM_TRANSIENT, "shorter than it announced",
		       false, now_ms);
	} else {
		finish(t, UPSTREAM_FOUND, "found", false, now_ms);
	}
}

void transfer_result(void *easy, int code, int64_t now_ms)
{
	struct transfer *t = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
	if (!t->is_ended && code == CURLE_OK &&
	    status_is_redirection(t->head.status) && follow(t))
		return;
	if (t->is_ended)
		finish(t, t->cause, t->why, false, now_ms);
	else if (t->met_private)
		finish(t, UPSTREAM_MALFORMED, "redirected to a private address",
		       false, now_ms);
	else if (code != CURLE_OK)
		finish(t, cause_of_code((CURLcode)code),
		       *t->error ? t->error
				 : curl_easy_strerror((CURLcode)code),
		       code == CURLE_OPERATION_TIMEDOUT, now_ms);
	else
		finish_whole(t, now_ms);
}

/* ---- All of them --------------------------------------------------------- */

struct error *transfer_setup(struct upstreams *u)
{
	TRY(curl_use());
	u->multi = curl_multi_init();
	if (!u->multi)
		return error_no_memory;
	u->has_proxy = redirect_has_proxy();
	u->awake_ms = clock_ms();
	return NULL;
}

void transfer_teardown(struct upstreams *u)
{
	if (u->multi)
		curl_multi_cleanup(u->multi);
}

static void take_results(struct upstreams *u)
{
	const struct CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(u->multi, &left))) {
		if (m->msg == CURLMSG_DONE)
			transfer_result(m->easy_handle, (int)m->data.result,
					clock_ms());
	}
}

/* While we did something else nobody was listened to. */
static void note_stall(struct upstreams *u)
{
	int64_t now_ms = clock_ms();

	if (now_ms - u->awake_ms > STALL_MS)
		u->stalled_ms += now_ms - u->awake_ms;
	u->awake_ms = now_ms;
}

/* Those that were paused in rounds before, as far as this round's share goes.
 * Each may be paused again, behind the others. */
static void resume(struct upstreams *u)
{
	struct transfer *t;

	u->decoded = 0;
	u->round++;
	while (u->decoded < DECODED_AT_ONCE && (t = TAILQ_FIRST(&u->paused)) &&
	       t->paused_round != u->round) {
		forget_pause(t);
		/* What was kept comes now; that it is refused is said here. */
		CURLcode rc = curl_easy_pause(t->easy, CURLPAUSE_CONT);

		if (rc)
			transfer_result(t->easy, (int)rc, clock_ms());
	}
}

void transfer_perform(struct upstreams *u, int64_t wait_ms)
{
	int running;

	if (!TAILQ_EMPTY(&u->paused))
		wait_ms = 0;
	if (wait_ms > WAIT_MOST_MS)
		wait_ms = WAIT_MOST_MS;
	note_stall(u);
	if (wait_ms > 0) {
		curl_multi_poll(u->multi, NULL, 0, (int)wait_ms, NULL);
		u->awake_ms = clock_ms();
	}
	resume(u);
	curl_multi_perform(u->multi, &running);
	note_stall(u);
	take_results(u);
}

void transfer_wake(struct upstreams *u)
{
	curl_multi_wakeup(u->multi);
}

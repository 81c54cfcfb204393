/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialect of elfutils' debuginfod: how it reads a URL, and the words and
 * statuses of its answers. Its answers to mistakes are 503, which a proxy
 * takes for its trouble and libdebuginfod for "absent"; whoever has scripts
 * for them gets them from here.
 *
 * What is better than there stays better: HEAD, ranges, entity tags, requests
 * with a body are read to their end, and passing trouble is told in a way that
 * libdebuginfod does not remember (request_fail_busy()).
 *
 *	/			and //anything: the home page
 *	/buildid/ID/TYPE[/…]	what follows debuginfo, executable: ignored
 *	/metrics[/…]
 *	/metadata[/…]?key=&value=
 *
 * The order in which a URL is found wrong is theirs, too: the type, then the
 * suffix, then the ID.
 *
 * Source: elfutils 0.188 to 0.196, as tried, and its manual.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "http/debuginfod.h"
#include "http/debuginfod_private.h"
#include "http/dialect.h"
#include "http/hop.h"
#include "http/ticket.h"

/* ---- What it says ------------------------------------------------------- */

static const char only_get[] = "we support GET only";
static const char need_build_id[] = "/buildid/ webapi error, need buildid";
static const char invalid_type[] = "invalid artifacttype";
static const char invalid_source[] = "invalid source suffix";
static const char invalid_section[] = "invalid section suffix";
static const char invalid_build_id[] = "invalid buildid";
static const char unrecognized[] = "webapi error, unrecognized '%.*s'";
static const char need_key[] = "/metadata webapi error, need key and value";
static const char unsupported_key[] = "/metadata webapi error, unsupported key";
static const char not_found[] = "not found";
/* Misspelt there, and looked for in that spelling. */
static const char too_many_hops[] =
	"not found, --forwared-ttl-limit reached and will not query the "
	"upstream servers";
static const char no_metadata[] = "{ \"results\": [ ], \"complete\": true }";

enum { RETRY_AFTER_S = 5 };

/* ---- What it counts ----------------------------------------------------- */

struct debuginfod_tally debuginfod_tally;

const char *const debuginfod_types[DEBUGINFOD_TYPES] = {
#define X(id, label) [DEBUGINFOD_##id] = label,
	DEBUGINFOD_TYPE_LIST
#undef X
};

const char *const debuginfod_codes[DEBUGINFOD_CODES] = {
	"200", "206", "302", "304", "400", "404", "406",
	"413", "416", "431", "500", "502", "503", "other"
};

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static unsigned code_index(unsigned status)
{
	unsigned i = 0;

	while (i < DEBUGINFOD_CODES - 1 &&
	       strtoul(debuginfod_codes[i], NULL, 10) != status)
		i++;
	return i;
}

static bool is_counted(unsigned type)
{
	return type != DEBUGINFOD_NONE && type != DEBUGINFOD_INVALID;
}

/* The request is one of @type: from here on until it is over. */
static void begin(struct request *rq, enum debuginfod_type type)
{
	rq->type = type;
	add(&debuginfod_tally.requests[type], 1);
	add(&debuginfod_tally.busy[type], 1);
}

static void account(const struct request *rq, const struct account *a,
		    uint64_t duration_ns)
{
	struct debuginfod_responses *r =
		&debuginfod_tally.responses[rq->type][code_index(a->status)];

	if (is_counted(rq->type))
		atomic_fetch_sub(&debuginfod_tally.busy[rq->type], 1);
	add(&r->count, 1);
	add(&r->bytes, rq->reply.size);
	add(&r->duration_ns, duration_ns);
	add(&r->after_you_ns, rq->after_you_ns);
	debuginfod_log_request(rq, a, duration_ns);
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), size = strlen(suffix);

	return size <= n && !strcmp(name + n - size, suffix);
}

size_t debuginfod_suffix(const char *const *suffixes, const char *name)
{
	size_t best = DEBUGINFOD_SUFFIXES_MAX;

	for (size_t i = 0; suffixes && suffixes[i]; i++) {
		if (i < DEBUGINFOD_SUFFIXES_MAX &&
		    ends_with(name, suffixes[i]) &&
		    (best == DEBUGINFOD_SUFFIXES_MAX ||
		     strcmp(suffixes[i], suffixes[best]) > 0))
			best = i;
	}
	return best;
}

static void found(struct request *rq, const struct artifact *a)
{
	const char *const *suffixes = rq->http->options->debuginfod->suffixes;

	if (a->origin == ARTIFACT_FROM_UPSTREAM)
		add(&debuginfod_tally.upstream, 1);
	/* A section of a bare file too, wherever it is kept. */
	else if (!a->archive)
		add(&debuginfod_tally.files, 1);
	else if (a->origin == ARTIFACT_FROM_CACHE)
		add(&debuginfod_tally.cached, 1);
	else
		add(&debuginfod_tally
			     .archives[debuginfod_suffix(suffixes, a->archive)],
		    1);
	debuginfod_log_serving(rq, a);
}

/* ---- Errors ------------------------------------------------------------- */

/* Bytes of the client may be among those of @message, a NUL may not. */
static void refuse(struct request *rq, unsigned status, const char *message)
{
	CLEANUP_BUF struct buf body = BUF_INIT;

	add(&debuginfod_tally.errors, 1);
	debuginfod_log_message(message);
	buf_append_str(&body, message);
	reply_body(&rq->reply, status, "text/plain", &body);
}

/* What both dialects find wrong: limits, files that cannot be read, lack of
 * room. */
static void fail(struct request *rq, unsigned status, const char *kind,
		 const char *message)
{
	(void)kind;
	refuse(rq, status, message);
	if (status == 503)
		reply_header_uint(&rq->reply, "Retry-After", RETRY_AFTER_S);
}

static void refuse_path(struct request *rq, int size)
{
	CLEANUP_BUF struct buf message = BUF_INIT;

	buf_printf(&message, unrecognized, size, rq->path);
	const char *text = buf_str(&message);

	if (text)
		refuse(rq, 503, text);
	else
		request_fail_with(rq, error_no_memory);
}

static void absent(struct request *rq)
{
	bool came_far = hop_count(rq) >= rq->http->options->forwarded_ttl_limit;

	refuse(rq, 404, came_far ? too_many_hops : not_found);
	/* Ours, should one ask, is not to remember what is said of this server
	 * alone. */
	if (hop_is_last(rq))
		reply_header(&rq->reply, "Cache-Control", "no-store");
}

/* ---- Handlers ----------------------------------------------------------- */

/* @p text is borrowed for ever. */
static void say(struct request *rq, const char *type, const char *text,
		size_t size)
{
	struct reply *r = &rq->reply;

	if (artifact_is_too_large(rq, size))
		return;
	r->status = 200;
	r->kind = REPLY_STATIC;
	r->text = text;
	r->size = size;
	reply_header(r, "Content-Type", type);
}

static void get_home_page(struct request *rq)
{
	const struct debuginfod_options *o = rq->http->options->debuginfod;

	if (o->home_html)
		say(rq, "text/html", o->home_html, o->home_html_size);
	else
		say(rq, "text/plain", o->version, strlen(o->version));
	if (rq->reply.status != 200 || !o->home_redirect)
		return;
	rq->reply.status = 302;
	reply_header(&rq->reply, "Location", o->home_redirect);
}

static bool is_parameter(const struct request *rq, const char *name,
			 const char *expected)
{
	CLEANUP_FREE char *value = NULL;

	return request_query(rq, name, &value) && value &&
	       !strcmp(value, expected);
}

/* The query is nobody's there, so it is free for what we count ourselves. */
static void get_all_metrics(struct request *rq)
{
	const struct debuginfod_options *o = rq->http->options->debuginfod;
	CLEANUP_BUF struct buf out = BUF_INIT;

	if (is_parameter(rq, "format", "symbolized")) {
		get_metrics(rq);
		return;
	}
	o->metrics(o->metrics_ctx, &out);
	if (!artifact_is_too_large(rq, out.size))
		reply_body(&rq->reply, 200, "text/plain", &out);
}

static bool is_build_id(const char *text, size_t size)
{
	return size >= 2 && size % 2 == 0 &&
	       strspn(text, "0123456789abcdef") >= size;
}

static void finish_metadata(struct request *rq, struct ticket *t)
{
	if (!artifact_is_too_large(rq, t->reply.size))
		reply_move(&rq->reply, &t->reply);
}

static void get_all_metadata(struct request *rq)
{
	CLEANUP_FREE char *key = NULL, *value = NULL;
	struct build_id id;

	if (!request_query(rq, "key", &key) || !key ||
	    !request_query(rq, "value", &value) || !value) {
		refuse(rq, 503, need_key);
		return;
	}
	begin(rq, DEBUGINFOD_METADATA);
	bool is_id = !strcmp(key, "buildid");

	if (!is_id && strcmp(key, "glob") != 0 && strcmp(key, "file") != 0) {
		refuse(rq, 503, unsupported_key);
	} else if (is_id && !(is_build_id(value, strlen(value)) &&
			      build_id_parse(value, strlen(value), &id))) {
		/* Compared as text there: it is not among them. */
		say(rq, "application/json", no_metadata,
		    sizeof(no_metadata) - 1);
	} else {
		get_metadata(rq);
	}
	if (rq->ticket)
		rq->ticket->finish = finish_metadata;
}

/* What json-c makes of it: spaces, and slashes escaped. @json is compact and
 * ours, so every quote begins or ends a string. */
static void restyle(const struct buf *json, struct buf *out)
{
	const char *p = (const char *)json->data;
	bool in_string = false;

	for (size_t i = 0; i < json->size; i++) {
		bool is_close = p[i] == ']' || p[i] == '}';

		if (in_string) {
			in_string = p[i] != '"';
			if (p[i] == '/')
				buf_append_byte(out, '\\');
			buf_append_byte(out, (uint8_t)p[i]);
			if (p[i] == '\\')
				buf_append_byte(out, (uint8_t)p[++i]);
			continue;
		}
		if (is_close && p[i - 1] != '[' && p[i - 1] != '{')
			buf_append_byte(out, ' ');
		buf_append_byte(out, (uint8_t)p[i]);
		if (p[i] != '"' && strchr("[{,:", p[i]))
			buf_append_byte(out, ' ');
		in_string = p[i] == '"';
	}
}

/* ---- Routes ------------------------------------------------------------- */

struct entry {
	const char *name; /* first part of the path, or TYPE */
	size_t name_size;
	enum debuginfod_type type;
	struct route route;
};
#define ENTRY(name_, type_, tail_, handler, label_)             \
	{                                                       \
		.name = name_, .name_size = sizeof(name_) - 1,  \
		.type = DEBUGINFOD_##type_,                     \
		.route = { .methods = METHOD_GET | METHOD_HEAD, \
			   .pattern = name_,                    \
			   .tail = TAIL_##tail_,                \
			   .handle = handler,                   \
			   .label = label_ },                   \
	}

static const struct entry artifact_types[] = {
	ENTRY("debuginfo", DEBUGINFO, IGNORED, get_debuginfo, "debuginfo"),
	ENTRY("executable", EXECUTABLE, IGNORED, get_executable, "executable"),
	ENTRY("source", SOURCE, KEPT, get_source, "source"),
	ENTRY("section", SECTION, KEPT, get_section, "section"),
	{ 0 },
};

static const struct entry paths[] = {
	ENTRY("/metrics", METRICS, IGNORED, get_all_metrics, "metrics"),
	ENTRY("/metadata", METADATA, IGNORED, get_all_metadata, "metadata"),
	ENTRY("/", HOME, IGNORED, get_home_page, "home"),
	{ 0 },
};

static const struct entry *find_entry(const struct entry *e, const char *name,
				      size_t size)
{
	while (e->name &&
	       (e->name_size != size || memcmp(e->name, name, size) != 0))
		e++;
	return e->name ? e : NULL;
}

/* NULL if suffix and ID are what they should be. */
static const char *find_fault(enum debuginfod_type type, const char *suffix,
			      const char *id, size_t id_size)
{
	if (type == DEBUGINFOD_SECTION && strlen(suffix) < 2)
		return invalid_section;
	if (type == DEBUGINFOD_SOURCE && !*suffix)
		return invalid_source;
	return is_build_id(id, id_size) ? NULL : invalid_build_id;
}

/* @p id is what follows "/buildid/". */
static bool route_artifact(struct request *rq, const char *id)
{
	size_t id_size = strcspn(id, "/");
	const char *type = id + id_size + 1;
	struct build_id parsed;

	if (!id[id_size]) {
		refuse(rq, 503, need_build_id);
		return false;
	}
	size_t type_size = strcspn(type, "/");
	const char *suffix = type + type_size;
	const struct entry *e = find_entry(artifact_types, type, type_size);

	if (!e) {
		rq->type = DEBUGINFOD_INVALID;
		refuse(rq, 503, invalid_type);
		return false;
	}
	begin(rq, e->type);
	rq->route = &e->route;
	const char *fault = find_fault(e->type, suffix, id, id_size);

	if (fault) {
		refuse(rq, 503, fault);
		return false;
	}
	rq->arg = id;
	rq->arg_size = id_size;
	rq->tail = e->route.tail == TAIL_KEPT ? suffix : "";
	/* Well-formed, and none that we could know. */
	if (!build_id_parse(id, id_size, &parsed) ||
	    (e->type == DEBUGINFOD_SOURCE && !suffix[1])) {
		absent(rq);
		return false;
	}
	return true;
}

static void answer_options(struct request *rq)
{
	struct reply *r = &rq->reply;

	begin(rq, DEBUGINFOD_OPTIONS);
	say(rq, "text/plain", " ", 1);
	reply_header(r, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
	reply_header(r, "Access-Control-Allow-Headers",
		     "Cache-Control, Range, If-None-Match, If-Modified-Since, "
		     "If-Range, X-DEBUGINFOD-MAXSIZE");
}

static bool route(struct request *rq)
{
	static const char buildid[] = "/buildid/";
	size_t buildid_size = sizeof(buildid) - 1;
	const char *path = rq->path;

	if (rq->method == METHOD_OPTIONS && rq->http->options->has_cors) {
		answer_options(rq);
		return false;
	}
	if (!(rq->method & (METHOD_GET | METHOD_HEAD))) {
		refuse(rq, 400, only_get);
		return false;
	}
	if (!strncmp(path, buildid, buildid_size))
		return route_artifact(rq, path + buildid_size);
	size_t size = *path ? 1 + strcspn(path + 1, "/") : 0;
	const struct entry *e = find_entry(paths, path, size);

	if (!e) {
		refuse_path(rq, (int)size);
		return false;
	}
	rq->route = &e->route;
	/* Those without a key are not counted as requests for metadata. */
	if (e->type != DEBUGINFOD_METADATA)
		begin(rq, e->type);
	return true;
}

const struct dialect dialect_debuginfod = {
	.cuts_at_nul = true,
	.cache_control = "public",
	.route = route,
	.fail = fail,
	.absent = absent,
	.found = found,
	.restyle = restyle,
	.account = account,
};

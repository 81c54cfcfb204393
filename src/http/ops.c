/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /metrics, /healthz, /readyz and / : for those who run it. None of them
 * waits for the index.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/metrics.h"
#include "http/routes.h"

void get_metrics(struct request *rq)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	if (rq->http->set_gauges)
		rq->http->set_gauges(rq->http->gauges_ctx);
	metrics_render(&out);
	reply_packed(&rq->reply, 200,
		     "text/plain; version=0.0.4; charset=utf-8", &out,
		     request_coding(rq->header[HEADER_ACCEPT_ENCODING]));
}

void get_healthz(struct request *rq)
{
	reply_text(&rq->reply, 200, "ok\n");
	reply_header(&rq->reply, "Cache-Control", "no-store");
}

struct state {
	struct http_status status;
	const char *not_ready; /* NULL: ready */
	char degraded[96];     /* "": wholly */
};

static struct state read_state(struct request *rq)
{
	const struct http_options *o = rq->http->options;
	struct state s = { 0 };

	if (o->status)
		o->status(o->status_ctx, &s.status);
	const char *store = NULL;
	bool store_is_usable = store_is_ready(o->store, &store);
	const char *other = s.status.degraded;

	snprintf(s.degraded, sizeof(s.degraded), "%s%s%s", store ? store : "",
		 store && other ? "; " : "", other ? other : "");
	s.not_ready = atomic_load(&rq->http->is_draining) ? "shutting down"
		      : !store_is_usable ? "the index cannot be read"
					 : s.status.not_ready;
	return s;
}

static const char *state_name(const struct state *s)
{
	return s->not_ready ? "not_ready" : *s->degraded ? "degraded" : "ready";
}

/* Detail: a server that is left alone is its own failure, and not ours. */
static void write_upstreams(struct json_write *j, const struct request *rq)
{
	const struct upstreams *u = rq->http->options->upstreams;
	struct upstream_status status;

	if (!u)
		return;
	json_write_key(j, "upstreams");
	json_write_array(j);
	for (size_t i = 0; i < upstreams_count(u); i++) {
		upstreams_status(u, i, &status);
		json_write_object(j);
		json_write_kv_string(j, "name", status.name);
		json_write_kv_string(j, "state", status.state);
		json_write_kv_uint(j, "failures", status.failures);
		json_write_kv_string(j, "last", status.last);
		json_write_object_end(j);
	}
	json_write_array_end(j);
}

static void print_upstreams(struct buf *out, const struct request *rq)
{
	const struct upstreams *u = rq->http->options->upstreams;
	struct upstream_status status;

	for (size_t i = 0; u && i < upstreams_count(u); i++) {
		upstreams_status(u, i, &status);
		buf_printf(out, "upstream %s: %s, last answer: %s\n",
			   status.name, status.state,
			   status.last ? status.last : "none yet");
	}
}

static void write_state(struct json_write *j, const struct state *s)
{
	json_write_kv_string(j, "status", state_name(s));
	if (s->not_ready)
		json_write_kv_string(j, "reason", s->not_ready);
	if (*s->degraded)
		json_write_kv_string(j, "degraded", s->degraded);
}

void get_readyz(struct request *rq)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct state s = read_state(rq);
	struct json_write j;

	json_write_init(&j, &out);
	json_write_object(&j);
	write_state(&j, &s);
	write_upstreams(&j, rq);
	json_write_object_end(&j);
	buf_append_byte(&out, '\n');
	reply_json(&rq->reply, s.not_ready ? 503 : 200, &out, BODY_IDENTITY);
	reply_header(&rq->reply, "Cache-Control", "no-store");
	if (s.not_ready)
		reply_header(&rq->reply, "Retry-After", "5");
}

static void write_json_status(struct request *rq, const struct state *s,
			      struct buf *out)
{
	const struct http_status *status = &s->status;
	struct json_write j;

	json_write_init(&j, out);
	json_write_object(&j);
	json_write_kv_string(&j, "name", "symbolized");
	json_write_kv_string(&j, "version", rq->http->options->version);
	write_state(&j, s);
	json_write_kv_int(&j, "uptime_seconds",
			  (clock_ms() - rq->http->started_ms) / 1000);
	json_write_key(&j, "index");
	json_write_object(&j);
	json_write_kv_uint(&j, "build_ids", status->build_ids);
	json_write_kv_uint(&j, "artifacts", status->artifacts);
	json_write_kv_uint(&j, "files", status->containers);
	json_write_kv_uint(&j, "unreadable_files", status->failed);
	json_write_object_end(&j);
	json_write_key(&j, "scan");
	json_write_object(&j);
	json_write_kv_bool(&j, "active", status->is_scanning);
	json_write_kv_uint(&j, "done_files", status->scan_done);
	json_write_kv_uint(&j, "pending_files", status->scan_pending);
	json_write_key(&j, "last_finished");
	if (status->scan_finished_s)
		json_write_int(&j, status->scan_finished_s);
	else
		json_write_null(&j);
	json_write_object_end(&j);
	write_upstreams(&j, rq);
	json_write_object_end(&j);
	buf_append_byte(out, '\n');
}

static void write_page(struct request *rq, const struct state *s,
		       struct buf *out)
{
	const struct http_status *status = &s->status;
	const char *why = s->not_ready ? s->not_ready : s->degraded;
	bool is_ready = !*why;

	buf_printf(out,
		   "symbolized %s: %s%s%s\n\n"
		   "%" PRIu64 " build IDs, %" PRIu64 " artifacts in %" PRIu64
		   " files; %" PRIu64 " files could not be read\n",
		   rq->http->options->version, state_name(s),
		   is_ready ? "" : ": ", why, status->build_ids,
		   status->artifacts, status->containers, status->failed);
	if (status->is_scanning)
		buf_printf(out,
			   "scanning: %" PRIu64 " files done, %" PRIu64
			   " to go\n",
			   status->scan_done, status->scan_pending);
	print_upstreams(out, rq);
	buf_append_str(
		out,
		"\n"
		"  /buildid/ID/executable        the file with that build ID\n"
		"  /buildid/ID/debuginfo         its debugging information\n"
		"  /buildid/ID/source/PATH       a source file of it\n"
		"  /buildid/ID/section/NAME      one ELF section\n"
		"  /buildid/ID/meta              what is known of it\n"
		"  /metadata?key=glob&value=...  artifacts by name\n"
		"  POST /buildids/query          which of many are here\n"
		"  /metrics /healthz /readyz     for those who run it\n"
		"\n"
		"Set DEBUGINFOD_URLS to this address, and gdb, perf, lldb and\n"
		"debuginfod-find fetch from here.\n");
}

void get_home(struct request *rq)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct state s = read_state(rq);

	if (request_accepts(rq->header[HEADER_ACCEPT], "application/json")) {
		write_json_status(rq, &s, &out);
		reply_json(&rq->reply, 200, &out, BODY_IDENTITY);
	} else {
		write_page(rq, &s, &out);
		reply_body(&rq->reply, 200, "text/plain; charset=utf-8", &out);
	}
	reply_header(&rq->reply, "Vary", "Accept");
	reply_header(&rq->reply, "Cache-Control", "no-store");
}

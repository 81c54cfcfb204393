/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/path.h"
#include "base/units.h"
#include "debuginfod_metrics.h"
#include "debuginfod_said.h"
#include "federation.h"
#include "http/debuginfod.h"
#include "http/http.h"
#include "http/listen.h"
#include "privileges.h"
#include "scanner_loop.h"
#include "serve.h"
#include "store/store.h"
#include "symbolize/symbolize.h"
#include "worker/sandbox_check.h"

enum { STATS_EVERY_S = 15, POLL_MS = 200 };

struct serve {
	const struct serve_plan *plan;
	const struct settings *settings;
	bool owns_listen_fd; /* it is not systemd's */
	int listen_fd;       /* until the server has it; -1 */
	struct roots roots, source_roots;
	struct scanner_loop *loop; /* NULL: somebody else writes the index */
	struct federation federation;
	struct store *store;
	struct symbolizer *symbolizer; /* NULL: no addresses are answered */
	struct http_server *http;
	sigset_t signals;
	struct lock lock;         /* COMMAND: guards what follows */
	struct index_kinds kinds; /* as of the last groom */
	bool has_kinds;
	struct debuginfod_pass traverse, groom; /* each of its thread */
};

static void serve_close(struct serve *v)
{
	/* In this order: nobody asks the store any more, nobody changes the
	 * index any more, then the store goes with what stands on it, and last
	 * the writer: whoever closes last puts the index into one file. */
	if (v->loop)
		scanner_loop_stop(v->loop);
	http_stop(v->http, (unsigned)v->settings->drain_timeout_s * 1000);
	scanner_loop_join(v->loop);
	if (v->symbolizer)
		store_abort(v->store);
	symbolizer_close(v->symbolizer);
	store_close(v->store);
	federation_close(&v->federation);
	scanner_loop_close(v->loop);
	cleanup_close(&v->listen_fd);
	roots_deinit(&v->roots);
	roots_deinit(&v->source_roots);
	lock_deinit(&v->lock);
}

/* Tell systemd, if it started us (sd_notify(3)'s protocol). */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;

	if (!n || n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, n);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void)!sendto(
			fd, state, strlen(state), MSG_NOSIGNAL,
			(struct sockaddr *)&to,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				    n));
}

/* A listening socket handed over by systemd (sd_listen_fds(3)); -1: none. */
static int passed_socket(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");

	if (!pid || !fds || strtol(pid, NULL, 10) != getpid() ||
	    strtol(fds, NULL, 10) < 1)
		return -1;
	return 3;
}

static void fill_progress(const struct scan_progress *p,
			  struct http_status *ret)
{
	uint64_t total = atomic_load(&p->total_files);

	ret->is_scanning = atomic_load(&p->is_active);
	ret->scan_done = atomic_load(&p->done_files);
	/* What a pass that was broken off left behind waits for nobody. */
	if (ret->is_scanning && total > ret->scan_done)
		ret->scan_pending = total - ret->scan_done;
}

/* NULL: it did not. */
static const char *scan_failure(const struct scan_progress *p)
{
	static const char *const texts[] = {
		NULL,
#define ERROR_KIND(name, exit, http, text) "scan failed: " text,
#include "base/error_kinds.h"
#undef ERROR_KIND
	};

	return texts[atomic_load(&p->failure_plus_one)];
}

static void fill_status(void *ctx, struct http_status *ret)
{
	struct serve *v = ctx;
	const char *degraded;

	if (v->loop) {
		fill_progress(scanner_loop_progress(v->loop), ret);
		ret->degraded = scan_failure(scanner_loop_progress(v->loop));
	}
	ret->scan_finished_s = metric_get(METRIC_SCAN_FINISHED, 0, 0);
	ret->containers = (uint64_t)metric_get(METRIC_INDEX_ROWS, 0, 0);
	ret->artifacts = (uint64_t)metric_get(METRIC_INDEX_ROWS, 1, 0);
	ret->build_ids = (uint64_t)metric_get(METRIC_INDEX_ROWS, 2, 0);
	ret->failed = (uint64_t)metric_get(METRIC_INDEX_FAILED, 0, 0);
	if (!store_is_ready(v->store, &degraded))
		ret->not_ready = "index not readable";
}

static int64_t rows(const char *table)
{
	return metric_get(METRIC_INDEX_ROWS, metric_label(LABELS_TABLE, table),
			  0);
}

static void fill_scan_figures(struct serve *v, struct debuginfod_figures *f)
{
	const struct scan_choice *c = v->plan->scan.choice;
	const struct scan_progress *p = scanner_loop_progress(v->loop);
	struct http_status status = { 0 };

	fill_progress(p, &status);
	f->threads.groom_busy = metric_get(METRIC_GROOM_ACTIVE, 0, 0);
	f->threads.grooms = metric_get(METRIC_GROOMS, 0, 0);
	f->threads.traverses = metric_get(METRIC_SCANS, 0, 0);
	f->threads.traverse_busy = atomic_load(&p->is_walking);
	f->threads.scan_busy = status.is_scanning;
	f->threads.scan_pending = (int64_t)status.scan_pending;
	f->threads.scan_done = (int64_t)atomic_load(&p->settled);
	f->threads.scan_threads = v->settings->workers;
	f->threads.traverse_threads = f->threads.groom_threads = 1;
	f->threads.traverse_tid = scanner_loop_traverse_tid(v->loop);
	f->threads.groom_tid = scanner_loop_groom_tid(v->loop);
	f->choice = c;
	if (c && !c->bare_files && !c->rule_count)
		debuginfod_forget_scans(f);
}

static void fill_index_figures(struct serve *v, struct debuginfod_figures *f)
{
	debuginfod_forget_index(f);
	f->index.build_ids = rows("build_ids");
	f->index.index_mb = metric_get(METRIC_INDEX_BYTES, 0, 0) / (int64_t)MIB;
	LOCKED(&v->lock);
	if (!v->has_kinds)
		return;
	f->index.file_artifacts = (int64_t)v->kinds.file_artifacts;
	f->index.file_sources = (int64_t)v->kinds.file_sources;
	f->index.archive_artifacts = (int64_t)v->kinds.archive_artifacts;
	f->index.archive_srefs = (int64_t)v->kinds.archive_sources;
	f->index.archive_sdefs = rows("source_dirs");
	f->index.scanned_files = (int64_t)v->kinds.files + rows("ignored");
	f->index.scanned_mb = (int64_t)(v->kinds.file_bytes / MIB);
}

static void write_debuginfod_metrics(void *ctx, struct buf *out)
{
	struct serve *v = ctx;
	struct debuginfod_figures f = {
		.is_ready = metric_get(METRIC_READY, 0, 0),
		.suffixes = v->plan->debuginfod->suffixes,
		.database = index_place_path(v->settings->state_dir),
		.tmpdir = v->settings->cache_dir,
	};

	if (v->loop)
		fill_scan_figures(v, &f);
	else
		debuginfod_forget_threads(&f);
	fill_index_figures(v, &f);
	debuginfod_metrics_render(&f, out);
}

static void set_rows(const char *table, uint64_t rows)
{
	metric_set(METRIC_INDEX_ROWS, metric_label(LABELS_TABLE, table), 0,
		   (int64_t)rows);
}

/* Sizes of the index for /metrics and "/". @p err is taken. */
static void read_stats(void *ctx, struct index_reader *r, struct error *err)
{
	struct index_stats s;

	(void)ctx;
	if (!err)
		err = index_stats(r, &s);
	if (err) {
		log_consume(LOG_WARN, "index", "no statistics", err);
		return;
	}
	set_rows("containers", s.containers);
	set_rows("artifacts", s.artifacts);
	set_rows("build_ids", s.build_ids);
	set_rows("source_dirs", s.source_dirs);
	set_rows("points", s.points);
	set_rows("directories", s.directories);
	set_rows("ignored", s.ignored_files);
	metric_set(METRIC_INDEX_BYTES, 0, 0, (int64_t)s.file_bytes);
	metric_set(METRIC_INDEX_FAILED, 0, 0, (int64_t)s.failed);
}

/* Figures that cost a look at the whole index. */
static void read_kinds(struct serve *v)
{
	struct index_kinds kinds = { 0 };
	struct index_reader *r = NULL;
	struct error *err = index_reader_open(v->settings->state_dir, &r);

	if (!err)
		read_stats(NULL, r, NULL);
	if (!err)
		err = index_kinds(r, &kinds);
	index_reader_close(r);
	if (err) {
		log_consume(LOG_WARN, "groom", "no statistics", err);
		return;
	}
	LOCKED(&v->lock);
	v->kinds = kinds;
	v->has_kinds = true;
}

static void on_event(void *ctx, enum scanner_loop_event event)
{
	struct debuginfod_figures f = { 0 };
	struct serve *v = ctx;

	switch (event) {
	case SCANNER_LOOP_SCANS:
		debuginfod_say_traverses(&v->traverse);
		return;
	case SCANNER_LOOP_SCANNED:
		debuginfod_say_traversed(&v->traverse);
		return;
	case SCANNER_LOOP_GROOMS:
		debuginfod_say_grooms(&v->groom);
		return;
	case SCANNER_LOOP_GROOMED:
		read_kinds(v);
		fill_index_figures(v, &f);
		debuginfod_say_groomed(&v->groom, &f);
		return;
	}
}

/* Somebody else's index, or one that cannot be written: what is in it is
 * served. One that cannot be read is told at the start, not with every answer.
 */
static struct error *check_readable(const struct settings *s)
{
	struct index_reader *r;

	if (!index_is_writable(s->state_dir))
		log_warn("index", "cannot be written: served as it is, no scan",
			 LOG_S("state_dir", s->state_dir));
	TRY(index_reader_open(s->state_dir, &r));
	index_reader_close(r);
	return NULL;
}

static struct error *open_loop(struct serve *v, const char *program)
{
	struct scanner_loop_options options = {
		.settings = v->settings,
		.roots = &v->roots,
		.program = program,
		.policy = v->plan->scan,
		.event = v->plan->debuginfod ? on_event : NULL,
		.event_ctx = v,
		.groom_first = v->plan->groom_first,
		.groom_before_scan = v->plan->groom_before_scan,
	};

	return scanner_loop_open(&options, &v->loop);
}

static struct error *open_symbolizer(struct serve *v, const char *program)
{
	const struct settings *s = v->settings;
	CLEANUP_FREE char *dir = path_join(s->cache_dir, "tables");
	const struct symbolizer_options options = {
		.store = v->store,
		.table_dir = dir,
		.disk_bytes = (uint64_t)s->table_cache_size,
		.memory_bytes = (uint64_t)s->table_memory,
		.workers = (unsigned)s->workers,
		.program = program,
		.limits = {
			.addresses = (size_t)s->batch_addresses,
			.modules = (size_t)s->batch_modules,
			.wait_ms = (unsigned)s->batch_wait_s * 1000,
		},
	};

	return dir ? symbolizer_open(&options, &v->symbolizer)
		   : error_no_memory;
}

/* The address is taken as root, who alone may have one below 1024; everything
 * else is done as the user, and workers are theirs, too. */
static struct error *settle(struct serve *v, const char *program)
{
	const struct settings *s = v->settings;

	v->listen_fd = passed_socket();
	v->owns_listen_fd = v->listen_fd < 0;
	if (s->user && v->listen_fd < 0)
		TRY(listen_open(s->listen, &v->listen_fd));
	TRY(privileges_drop(s));
	return s->require_sandbox ? sandbox_check(program, true) : NULL;
}

/* Whether somebody reads our log or not: HTTP answers by now. */
static void say_sandbox(const struct settings *s, const char *program)
{
	if (!s->require_sandbox)
		log_consume(LOG_WARN, "worker", "cannot be started",
			    sandbox_check(program, false));
}

static struct error *open_all(struct serve *v, const char *program)
{
	const struct settings *s = v->settings;
	struct store_options store = {
		.state_dir = s->state_dir,
		.cache_dir = s->cache_dir,
		.cache_size_bytes = (uint64_t)s->cache_size,
		.workers = (unsigned)s->workers,
		.program = program,
	};
	struct http_options http = {
		.listen = s->listen,
		.listen_fd = steal_fd(&v->listen_fd),
		.owns_listen_fd = v->owns_listen_fd,
		.threads = v->plan->threads,
		.connection_limit = (unsigned)s->connection_limit,
		.per_ip_limit = (unsigned)s->connections_per_address,
		.trusted_proxies = s->trusted_proxy,
		.memory_limit_bytes = (size_t)s->request_memory,
		.has_cors = s->cors,
		.hide_paths = s->hide_paths,
		.forwarded_ttl_limit = (unsigned long)s->forwarded_ttl_limit,
		.body_limit_bytes = (size_t)s->body_size,
		.version = PACKAGE_VERSION,
		.status = fill_status,
		.status_ctx = v,
	};

	if (v->plan->debuginfod) {
		v->plan->debuginfod->metrics = write_debuginfod_metrics;
		v->plan->debuginfod->metrics_ctx = v;
		http.debuginfod = v->plan->debuginfod;
		http.metadata_ms = v->plan->metadata_ms;
	}
	if (v->plan->scan.choice) {
		store.rules = v->plan->scan.choice->rules;
		store.rule_count = v->plan->scan.choice->rule_count;
	}
	TRY(roots_resolve(s, v->plan->allow_missing, &v->roots));
	TRY(roots_split(s->source_root, &v->source_roots));
	store.roots = (const char *const *)v->roots.v;
	store.source_roots = (const char *const *)v->source_roots.v;
	bool is_passive =
		v->plan->is_passive || !index_is_writable(s->state_dir);

	TRY(is_passive ? check_readable(s) : open_loop(v, program));
	TRY(federation_open(s, v->plan->debuginfod != NULL, &v->federation));
	store.upstreams = v->federation.upstreams;
	http.upstreams = v->federation.upstreams;
	TRY(store_open(&store, &v->store));
	if (v->loop)
		scanner_loop_on_change(v->loop, store_forget, v->store);
	http.store = v->store;
	if (!v->plan->debuginfod)
		TRY(open_symbolizer(v, program));
	http.symbolizer = v->symbolizer;
	TRY(http_start(&http, &v->http));
	if (v->plan->started) {
		struct http_facts facts;

		http_describe(v->http, &facts);
		v->plan->started(v->plan->started_ctx, &facts);
	}
	say_sandbox(s, program);
	if (!v->loop || (!v->roots.count && !v->plan->groom_first))
		return NULL;
	return scanner_loop_start(v->loop);
}

static void ask_stats(struct serve *v)
{
	log_consume(LOG_WARN, "index", "no statistics",
		    store_read(v->store, read_stats, NULL));
}

/* Until told to stop. The index's figures are read now and then, and soon
 * after each scan and groom. */
static int wait_for_end(struct serve *v)
{
	struct timespec pause = { .tv_nsec = POLL_MS * 1000000 };
	int64_t passes = -1, next_ms = 0;

	for (;;) {
		int sig = sigtimedwait(&v->signals, NULL, &pause);

		if (sig > 0 && sig != SIGUSR1 && sig != SIGUSR2)
			return sig;
		if (v->loop && sig == SIGUSR1)
			scanner_loop_ask_scan(v->loop);
		if (v->loop && sig == SIGUSR2)
			scanner_loop_ask_groom(v->loop);
		int64_t now_passes = metric_get(METRIC_SCANS, 0, 0) +
				     metric_get(METRIC_GROOMS, 0, 0);

		if (now_passes == passes && clock_ms() < next_ms)
			continue;
		passes = now_passes;
		next_ms = clock_ms() + STATS_EVERY_S * 1000;
		ask_stats(v);
	}
}

static void drain(struct serve *v, int sig)
{
	struct timespec delay = { .tv_sec = v->settings->drain_s };
	sigset_t none;

	log_info("serve", "stopping", LOG_I("signal", sig));
	notify("STOPPING=1");
	metric_set(METRIC_READY, 0, 0, 0);
	http_drain(v->http);
	sigdelset(&v->signals, SIGUSR1);
	sigdelset(&v->signals, SIGUSR2);
	sigtimedwait(&v->signals, NULL, &delay);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	/* From here on a second signal ends the process as signals do. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

struct error *serve_run(const struct serve_plan *plan, const char *program)
{
	CLEANUP(serve_close)
	struct serve v = { .plan = plan,
			   .settings = plan->settings,
			   .listen_fd = -1 };
	const struct settings *s = plan->settings;

	lock_init(&v.lock, LOCK_COMMAND);
	signals_block(&v.signals);
	TRY(settle(&v, program));
	TRY(open_all(&v, program));
	metric_set(METRIC_READY, 0, 0, 1);
	log_info("serve", "listening", LOG_S("address", s->listen),
		 LOG_I("port", http_port(v.http)),
		 LOG_S("state_dir", s->state_dir),
		 LOG_S("cache_dir", s->cache_dir));
	notify("READY=1");
	drain(&v, wait_for_end(&v));
	return NULL;
}

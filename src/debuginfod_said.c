/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/units.h"
#include "debuginfod_said.h"
#include "index/index.h"

/* Paths and commands are the operator's, and still no control byte of them is
 * to end a line. @text is owned, NULL without memory. */
static void say_text(char *text)
{
	CLEANUP_FREE char *owned = text;

	for (char *p = owned; p && *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	if (owned)
		log_text(LOG_INFO, "debuginfod", "said", owned);
}

static void PRINTF(1, 2) say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_text(mem_vprintf(format, args));
	va_end(args);
}

static void say_archives(const struct debuginfod_line *l)
{
	CLEANUP_BUF struct buf line = BUF_INIT;

	if (!l->rule_count)
		return;
	buf_append_str(&line, "accepting archive types ");
	for (size_t i = 0; i < l->rule_count; i++)
		buf_printf(&line, "%s(%s) ", l->rules[i].suffix,
			   l->rules[i].command ? l->rules[i].command : "cat");
	const char *text = buf_str(&line);

	if (text)
		say_text(mem_strdup(text));
}

void debuginfod_say_start(const struct debuginfod_start *s,
			  const struct http_facts *http)
{
	const struct debuginfod_line *l = s->line;

	say("opened database %s%s ro", s->database, l->is_passive ? "" : " rw");
	say("sqlite version %s", index_library_version());
	say("service mode %s", l->is_passive ? "passive" : "active");
	say("libmicrohttpd version %s", http->library_version);
	say("started http server on %s port=%u%s",
	    l->listen ? l->listen : http->families, http->port,
	    l->has_cors ? " with cors" : "");
	if (!l->is_passive)
		say("search concurrency %u", s->workers);
	say("webapi connection pool %u", http->threads);
	if (!l->is_passive) {
		say("rescan time %d", l->rescan_s);
		say("scan checkpoint %ld", l->checkpoint);
	}
	say("fdcache mbs %" PRIu64, s->cache_bytes / MIB);
	say("fdcache prefetch %ld", l->prefetch);
	say("fdcache tmpdir %s", s->tmpdir);
	say("fdcache tmpdir min%% %ld", l->mintmp);
	if (!l->is_passive)
		say("groom time %d", l->groom_s);
	say("forwarded ttl limit %ld", l->forwarded_limit);
	say_archives(l);
}

static double seconds_since(int64_t begun_ms)
{
	return (double)(clock_ms() - begun_ms) / 1000;
}

static int64_t met(const char *type)
{
	return metric_get(METRIC_SCAN_TRAVERSED, metric_label(LABELS_MET, type),
			  0);
}

static int64_t count_skipped(void)
{
	return met("skipped_include") + met("skipped_exclude");
}

static int64_t count_files(void)
{
	return met("file") + met("directory") + met("symlink") + met("other") +
	       met("error");
}

void debuginfod_say_traverses(struct debuginfod_pass *p)
{
	*p = (struct debuginfod_pass) {
		.begun_ms = clock_ms(),
		.files = count_files(),
		.skipped = count_skipped(),
	};
}

void debuginfod_say_traversed(const struct debuginfod_pass *p)
{
	int64_t skipped = count_skipped() - p->skipped;

	say("fts traversed source paths in %gs, scanned=%" PRId64
	    ", regex-skipped=%" PRId64,
	    seconds_since(p->begun_ms), count_files() - p->files + skipped,
	    skipped);
}

void debuginfod_say_grooms(struct debuginfod_pass *p)
{
	p->begun_ms = clock_ms();
	say("grooming database");
}

static void say_statistic(void *ctx, const char *name, size_t name_size,
			  int64_t value)
{
	(void)ctx;
	say("%.*s %" PRId64, (int)name_size, name, value);
}

void debuginfod_say_groomed(const struct debuginfod_pass *p,
			    const struct debuginfod_figures *f)
{
	say("database record counts:");
	debuginfod_each_statistic(f, say_statistic, NULL);
	say("groomed database in %gs", seconds_since(p->begun_ms));
}

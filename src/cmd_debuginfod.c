/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the options of elfutils' debuginfod(8) mean here: a translation into the
 * options of `serve` and a struct serve_plan. Nothing else knows of them.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/units.h"
#include "debuginfod_line.h"
#include "debuginfod_said.h"
#include "http/debuginfod.h"
#include "http/http.h"
#include "index/index.h"
#include "memory_dir.h"
#include "serve.h"

/* ---- Into the options of `serve` ---------------------------------------- */

/* Where distributions put the sources of what they ship; DECISIONS.md, 27. */
#define SOURCE_ROOT "/usr/src"

enum { HOPS_MOST = 1000000 };

struct words {
	char **v; /* owned, NULL at the end */
	size_t count, capacity;
};

static void words_deinit(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		mem_free(w->v[i]);
	mem_free(w->v);
}

/* @p word is taken; NULL is what is left of it without memory. */
static struct error *add_word(struct words *w, char *word)
{
	CLEANUP_FREE char *owned = word;

	if (!owned ||
	    !mem_grow(&w->v, &w->capacity, w->count + 2, sizeof(*w->v)))
		return error_no_memory;
	w->v[w->count++] = STEAL(owned);
	w->v[w->count] = NULL;
	return NULL;
}

static const char *temporary_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/tmp";
}

static uint64_t cache_bytes(const struct debuginfod_line *l)
{
	struct statvfs fs;

	if (l->cache_mb >= 0)
		return (uint64_t)l->cache_mb * MIB;
	if (statvfs(temporary_dir(), &fs))
		return GIB;
	return (uint64_t)fs.f_bavail * fs.f_frsize / 4;
}

/* A database that is not ours is left alone. */
static struct error *place_beside(const char *path, char **ret)
{
	enum index_owner owner;

	TRY(index_probe(path, &owner));
	if (owner != INDEX_OWNER_OTHER) {
		*ret = mem_printf("file:%s", path);
	} else {
		*ret = mem_printf("file:%s.symbolized", path);
		log_warn("debuginfod",
			 "the database is another program's and is left alone; "
			 "the index is beside it",
			 LOG_S("database", path),
			 LOG_S("index", *ret ? index_place_path(*ret) : ""));
	}
	return *ret ? NULL : error_no_memory;
}

/* @param[out] ret Owned. */
static struct error *index_place(const struct debuginfod_line *l,
				 struct memory_dir *m, char **ret)
{
	const char *home = getenv("HOME");
	CLEANUP_FREE char *path = NULL;

	/* Without a name SQLite, and so the peer, makes a temporary one. */
	if (l->database &&
	    (!strcmp(l->database, ":memory:") || !*l->database)) {
		TRY(memory_dir_make(m));
		*ret = mem_strdup(m->path);
		return *ret ? NULL : error_no_memory;
	}
	path = l->database ? mem_strdup(l->database)
			   : path_join(home && *home ? home : "/",
				       ".debuginfod.sqlite");
	if (!path)
		return error_no_memory;
	return place_beside(path, ret);
}

/* Where the peer keeps extracted files, but so that a server that is started
 * again finds them. Everybody can write there: what is not ours is not used.
 * @param[out] ret Owned. */
static struct error *cache_dir(const struct debuginfod_line *l, char **ret)
{
	CLEANUP_FREE char *path =
		mem_printf("%s/symbolized-%u-%d", temporary_dir(),
			   (unsigned)geteuid(), l->port);
	struct stat st;

	if (!path)
		return error_no_memory;
	/* Where there can be none the store does without. */
	if ((mkdir(path, 0700) && errno != EEXIST) || lstat(path, &st)) {
		*ret = STEAL(path);
		return NULL;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077))
		return error_new(BAD_REQUEST,
				 "%s: not a directory of this user alone; set "
				 "TMPDIR or SYMBOLIZED_CACHE_DIR",
				 path);
	*ret = STEAL(path);
	return NULL;
}

static struct error *add_words(const struct debuginfod_line *l,
			       const char *place, struct words *w)
{
	const struct {
		const char *option, *value;
	} texts[] = {
		{ "include", l->include },
		{ "exclude", l->exclude },
	};
	const char *colon = l->listen && strchr(l->listen, ':') ? ":" : "";

	TRY(add_word(w, mem_strdup("debuginfod")));
	TRY(add_word(w, mem_printf("--state-dir=%s", place)));
	if (!getenv("SYMBOLIZED_CACHE_DIR")) {
		CLEANUP_FREE char *dir = NULL;

		TRY(cache_dir(l, &dir));
		TRY(add_word(w, mem_printf("--cache-dir=%s", dir)));
	}
	TRY(add_word(w, mem_printf("--cache-size=%" PRIu64, cache_bytes(l))));
	TRY(add_word(w, mem_printf("--listen=%s%s%s:%d", *colon ? "[" : "",
				   l->listen ? l->listen : "",
				   *colon ? "]" : "", l->port)));
	TRY(add_word(w, mem_printf("--rescan=%d",
				   l->rescan_s > 0 ? l->rescan_s : 0)));
	TRY(add_word(
		w, mem_printf("--groom=%d", l->groom_s > 0 ? l->groom_s : 0)));
	if (l->workers)
		TRY(add_word(w,
			     mem_printf("--workers=%d",
					l->workers > 256 ? 256 : l->workers)));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		/* An empty expression matches everything; an empty option is
		 * none. */
		if (texts[i].value)
			TRY(add_word(w,
				     mem_printf("--%s=%s", texts[i].option,
						*texts[i].value ? texts[i].value
								: "^")));
	}
	TRY(add_word(w, mem_strdup(l->is_logical ? "--follow-symlinks"
						 : "--one-file-system")));
	if (l->has_cors)
		TRY(add_word(w, mem_strdup("--cors")));
	if (l->source_root || !getenv("SYMBOLIZED_SOURCE_ROOT"))
		TRY(add_word(w, mem_printf("--source-root=%s",
					   l->source_root ? l->source_root
							  : SOURCE_ROOT)));
	TRY(add_word(w, mem_printf("--forwarded-ttl-limit=%ld",
				   l->forwarded_limit < HOPS_MOST
					   ? l->forwarded_limit
					   : HOPS_MOST)));
	TRY(add_word(w, mem_printf("--log-level=%s",
				   l->verbosity > 1 ? "debug" : "info")));
	TRY(add_word(w, mem_strdup("--")));
	for (size_t i = 0; i < l->path_count; i++)
		TRY(add_word(w, mem_strdup(l->paths[i])));
	return NULL;
}

static struct error *read_settings(const struct debuginfod_line *l,
				   const char *place, struct settings *ret)
{
	CLEANUP(words_deinit) struct words words = { 0 };

	TRY(add_words(l, place, &words));
	return settings_read('s', (int)words.count, words.v, ret);
}

/* ---- The command -------------------------------------------------------- */

static void say_what_is_ignored(const struct debuginfod_line *l)
{
	for (size_t i = 0; i < l->ignored_count; i++)
		log_info("debuginfod", "option accepted and ignored",
			 LOG_S("option", l->ignored[i]));
}

/* As there a page that cannot be read is no page.
 * @param[out] ret Owned; NULL if there is none. */
static void read_home_page(const struct debuginfod_line *l, char **ret)
{
	struct error *err =
		l->home_html ? file_read_text(l->home_html, MIB, ret) : NULL;

	log_consume(LOG_WARN, "debuginfod", "no home page", err);
}

static void fill_http(const struct debuginfod_line *l, const char *home_html,
		      const char **suffixes, struct debuginfod_options *ret)
{
	for (size_t i = 0; i < l->rule_count; i++)
		suffixes[i] = l->rules[i].suffix;
	*ret = (struct debuginfod_options) {
		.version = "debuginfod (elfutils) " DEBUGINFOD_VERSION,
		.home_html = home_html,
		.home_html_size = home_html ? strlen(home_html) : 0,
		.home_redirect = l->home_redirect,
		.suffixes = suffixes,
	};
}

static unsigned metadata_ms(const struct debuginfod_line *l)
{
	return l->metadata_s <= 0 || l->metadata_s > HTTP_NO_LIMIT / 1000 - 60
		       ? HTTP_NO_LIMIT
		       : (unsigned)l->metadata_s * 1000;
}

static void say_start(void *ctx, const struct http_facts *facts)
{
	debuginfod_say_start(ctx, facts);
}

/* A passive server of an index that nobody else can write has nothing to
 * serve, and says so to whoever asks. */
static struct error *make_empty(const char *place)
{
	struct index *ix;

	TRY(index_open(place, 0, NULL, &ix));
	index_close(ix);
	return NULL;
}

static struct error *serve_line(struct debuginfod_line *l, const char *program)
{
	CLEANUP(memory_dir_remove) struct memory_dir memory = { 0 };
	CLEANUP(settings_deinit) struct settings settings = { 0 };
	CLEANUP_FREE char *place = NULL, *home_html = NULL;
	const char *suffixes[DEBUGINFOD_RULES_MAX + 1] = { NULL };
	struct debuginfod_options http;
	struct debuginfod_start start = {
		.line = l,
		.tmpdir = temporary_dir(),
		.cache_bytes = cache_bytes(l),
	};
	struct scan_choice choice = {
		.bare_files = l->scans_files,
		.rules = l->rules,
		.rule_count = l->rule_count,
	};
	struct serve_plan plan = {
		.settings = &settings,
		.scan = { .choice = &choice,
			  .keep_unwanted = true,
			  .groom_unwanted = l->is_regex_groom,
			  .max_depth =
				  l->max_depth > 0 ? (unsigned)l->max_depth : 0,
			  .no_sources = l->no_sources },
		.is_passive = l->is_passive,
		.allow_missing = true,
		.groom_first = true,
		.groom_before_scan = l->is_maxigroom,
		.threads = (unsigned)l->threads,
		.debuginfod = &http,
		.started = say_start,
		.started_ctx = &start,
		.metadata_ms = metadata_ms(l),
	};

	if (!debuginfod_line_scans(l) && l->path_count)
		log_warn("debuginfod", "without -F -R -U -Z, ignoring PATHs");
	if (!debuginfod_line_scans(l) || l->is_passive)
		l->path_count = 0;
	say_what_is_ignored(l);
	read_home_page(l, &home_html);
	fill_http(l, home_html, suffixes, &http);
	TRY(index_place(l, &memory, &place));
	if (l->is_passive && memory.path[0])
		TRY(make_empty(place));
	TRY(read_settings(l, place, &settings));
	start.database = !memory.path[0] ? index_place_path(place)
			 : *l->database  ? "file::memory:?cache=shared"
					 : "";
	start.workers = (unsigned)settings.workers;
	return serve_run(&plan, program);
}

int cmd_debuginfod(int argc, char **argv)
{
	CLEANUP(debuginfod_line_deinit) struct debuginfod_line l;

	debuginfod_line_read(argc, argv, &l);
	struct error *err = serve_line(
		&l, command_prepare(l.verbosity > 1 ? LOG_DEBUG : LOG_INFO,
				    LOG_DEBUGINFOD));

	if (!err)
		return 0;
	fprintf(stderr, "debuginfod: %s\n", error_message(err));
	error_free(err);
	return 1;
}

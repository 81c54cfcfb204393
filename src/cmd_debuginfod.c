/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of elfutils' debuginfod(8), 0.196, and what its options mean
 * here: a table, and a translation into the options of `serve`. Nothing else
 * knows of it but for struct serve_plan.
 *
 * glibc's argp reads it, as it does there: the same abbreviations, mixed order,
 * --help, --usage, messages and exit statuses.
 */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <regex.h>
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
#include "http/debuginfod.h"
#include "http/http.h"
#include "index/index.h"
#include "memory_dir.h"
#include "serve.h"

/* The release of elfutils. */
#define STANDS_FOR "0.196"

enum key {
	KEY_FDCACHE_FDS = 0x1001,
	KEY_FDCACHE_MBS,
	KEY_FDCACHE_PREFETCH,
	KEY_FDCACHE_MINTMP,
	KEY_FDCACHE_PREFETCH_MBS,
	KEY_FDCACHE_PREFETCH_FDS,
	KEY_FORWARDED_TTL_LIMIT,
	KEY_PASSIVE,
	KEY_DISABLE_SOURCE_SCAN,
	KEY_SCAN_CHECKPOINT,
	KEY_KOJI_SIGCACHE,
	KEY_METADATA_MAXTIME,
	KEY_CORS,
	KEY_LISTEN_ADDRESS,
	KEY_HOME_REDIRECT,
	KEY_HOME_HTML,
	KEY_MAX_DEPTH,
};

static const struct argp_option options[] = {
	{ .doc = "Scanners:", .group = 1 },
	{ "scan-file-dir", 'F', NULL, 0, "Scan ELF files", 0 },
	{ "scan-rpm-dir", 'R', NULL, 0, "Scan RPM packages", 0 },
	{ "scan-deb-dir", 'U', NULL, 0, "Scan deb packages", 0 },
	{ "scan-archive", 'Z', "EXT[=CMD]", 0,
	  "Scan archives whose name ends with EXT, or what CMD makes of them",
	  0 },
	{ .doc = "Scanning:", .group = 2 },
	{ "logical", 'L', NULL, 0, "Follow symbolic links, cross file systems",
	  0 },
	{ "rescan-time", 't', "SECONDS", 0,
	  "Pause between scans, default 300; 0 scans once", 0 },
	{ "groom-time", 'g', "SECONDS", 0,
	  "Pause between grooms, default 86400; 0 grooms once", 0 },
	{ "maxigroom", 'G', NULL, 0, "Groom before the first scan", 0 },
	{ "concurrency", 'c', "NUM", 0,
	  "Files scanned at a time, default one a core", 0 },
	{ "include", 'I', "REGEX", 0, "Scan files whose path matches", 0 },
	{ "exclude", 'X', "REGEX", 0, "Do not scan files whose path matches",
	  0 },
	{ "regex-groom", 'r', NULL, 0,
	  "Groom away what -I and -X no longer let through", 0 },
	{ "max-depth", KEY_MAX_DEPTH, "NUM", 0,
	  "Descend at most so many directories", 0 },
	{ "disable-source-scan", KEY_DISABLE_SOURCE_SCAN, NULL, 0,
	  "Do not index the names of sources", 0 },
	{ "passive", KEY_PASSIVE, NULL, 0,
	  "Neither scan nor groom: answer what another process writes", 0 },
	{ .doc = "Answering:", .group = 3 },
	{ "port", 'p', "NUM", 0, "Port to answer HTTP on, default 8002", 0 },
	{ "listen-address", KEY_LISTEN_ADDRESS, "ADDR", 0,
	  "Address to answer HTTP on, default all", 0 },
	{ "connection-pool", 'C', "NUM", OPTION_ARG_OPTIONAL, "HTTP threads",
	  0 },
	{ "cors", KEY_CORS, NULL, 0,
	  "Let web pages of other origins read answers", 0 },
	{ "home-redirect", KEY_HOME_REDIRECT, "URL", 0,
	  "Answer / with a redirection", 0 },
	{ "home-html", KEY_HOME_HTML, "FILE", 0, "Answer / with a file", 0 },
	{ "metadata-maxtime", KEY_METADATA_MAXTIME, "SECONDS", 0,
	  "Most time for a /metadata search, default 5; 0 any", 0 },
	{ "forwarded-ttl-limit", KEY_FORWARDED_TTL_LIMIT, "NUM", 0,
	  "Most X-Forwarded-For hops of a request to pass on, default 8", 0 },
	{ .doc = "Storage:", .group = 4 },
	{ "database", 'd', "FILE", 0,
	  "The index, default $HOME/.debuginfod.sqlite; or :memory:", 0 },
	{ "fdcache-mbs", KEY_FDCACHE_MBS, "MB", 0,
	  "Most the extracted files in $TMPDIR may take up, default a quarter "
	  "of what is free",
	  0 },
	{ .doc = "Other:", .group = 5 },
	{ "verbose", 'v', NULL, 0, "Log more; twice: for debugging", 0 },
	{ .doc = "Accepted and ignored:", .group = 6 },
	{ "ddl", 'D', "SQL", 0, "The schema of the index is its own", 0 },
	{ "scan-checkpoint", KEY_SCAN_CHECKPOINT, "NUM", 0,
	  "The write-ahead log is bounded by itself", 0 },
	{ "koji-sigcache", KEY_KOJI_SIGCACHE, NULL, 0,
	  "No IMA signatures are served", 0 },
	{ "fdcache-mintmp", KEY_FDCACHE_MINTMP, "PERCENT", 0,
	  "A full file system keeps nobody from being answered", 0 },
	{ "fdcache-prefetch", KEY_FDCACHE_PREFETCH, "NUM", 0,
	  "Members are found directly", 0 },
	{ "fdcache-fds", KEY_FDCACHE_FDS, "NUM", OPTION_HIDDEN, NULL, 0 },
	{ "fdcache-prefetch-mbs", KEY_FDCACHE_PREFETCH_MBS, "MB", OPTION_HIDDEN,
	  NULL, 0 },
	{ "fdcache-prefetch-fds", KEY_FDCACHE_PREFETCH_FDS, "NUM",
	  OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

enum { RULES_MAX = 256, IGNORED_MAX = 64 };

/* What the command line said. Strings are argv's unless owned. */
struct line {
	struct argp_state *state;
	bool scans_files;
	struct scan_rule rules[RULES_MAX]; /* strings owned */
	size_t rule_count;
	bool is_logical, is_passive, is_maxigroom, is_regex_groom;
	bool no_sources, has_cors;
	bool has_scan_options; /* one that --passive excludes */
	int rescan_s, groom_s, workers, threads, port, verbosity;
	long cache_mb, metadata_s, forwarded_limit, max_depth;
	const char *include, *exclude, *database, *listen;
	const char *home_redirect, *home_html;
	const char *ignored[IGNORED_MAX];
	size_t ignored_count;
	const char **paths;
	size_t path_count;
};

/* As there: what is no number is 0, what follows one is nobody's. */
static long number(const char *text)
{
	return strtol(text, NULL, 10);
}

static _Noreturn void refuse(struct line *l, const char *what)
{
	argp_failure(l->state, 1, EINVAL, "%s", what);
	exit(1);
}

static _Noreturn void no_memory(struct line *l)
{
	argp_failure(l->state, 1, ENOMEM, "command line");
	exit(1);
}

/* The later of two for one suffix counts. @p command NULL: read directly. */
static void add_rule(struct line *l, const char *suffix, size_t suffix_size,
		     const char *command)
{
	size_t i = 0;

	while (i < l->rule_count &&
	       (strlen(l->rules[i].suffix) != suffix_size ||
		memcmp(l->rules[i].suffix, suffix, suffix_size) != 0))
		i++;
	if (i == RULES_MAX)
		refuse(l, "too many -Z");
	struct scan_rule *rule = &l->rules[i];

	if (i == l->rule_count) {
		rule->suffix = mem_strndup(suffix, suffix_size);
		if (!rule->suffix)
			no_memory(l);
		l->rule_count++;
	}
	mem_free((char *)STEAL(rule->command));
	if (!command)
		return;
	rule->command = mem_strdup(command);
	if (!rule->command)
		no_memory(l);
}

static void add_archive(struct line *l, const char *arg)
{
	const char *equals = strchr(arg, '=');

	if (!*arg)
		refuse(l, "missing EXT");
	add_rule(l, arg, equals ? (size_t)(equals - arg) : strlen(arg),
		 equals ? equals + 1 : NULL);
}

static void add_packages(struct line *l, const char *const *suffixes)
{
	for (; *suffixes; suffixes++)
		add_rule(l, *suffixes, strlen(*suffixes), NULL);
}

static const char *checked_regex(struct line *l, const char *arg)
{
	regex_t regex;

	if (regcomp(&regex, arg, REG_EXTENDED | REG_NOSUB))
		refuse(l, "regular expression");
	regfree(&regex);
	return arg;
}

static void ignore(struct line *l, int key)
{
	const struct argp_option *o = options;

	while (o->key != key)
		o++;
	for (size_t i = 0; i < l->ignored_count; i++) {
		if (l->ignored[i] == o->name)
			return;
	}
	if (l->ignored_count < IGNORED_MAX)
		l->ignored[l->ignored_count++] = o->name;
}

static void add_path(struct line *l, const char *path)
{
	const char **bigger = mem_array(l->path_count + 1, sizeof(*bigger));

	if (!bigger)
		no_memory(l);
	if (l->path_count)
		memcpy(bigger, l->paths, l->path_count * sizeof(*bigger));
	bigger[l->path_count++] = path;
	mem_free(l->paths);
	l->paths = bigger;
}

/* Options that say how to scan. */
/* flat: one case an option */
static bool parse_scanning(struct line *l, int key, const char *arg)
{
	static const char *const rpm[] = { ".rpm", NULL };
	static const char *const deb[] = { ".deb", ".ddeb", ".ipk", ".udeb",
					   NULL };

	switch (key) {
	case 'F':
		l->scans_files = true;
		return true;
	case 'R':
		add_packages(l, rpm);
		return true;
	case 'U':
		add_packages(l, deb);
		return true;
	case 'Z':
		add_archive(l, arg);
		return true;
	case KEY_MAX_DEPTH:
		l->max_depth = number(arg);
		return true;
	case KEY_DISABLE_SOURCE_SCAN:
		l->no_sources = true;
		return true;
	case 'L':
		l->is_logical = true;
		break;
	case 't':
		l->rescan_s = (int)number(arg);
		break;
	case 'g':
		l->groom_s = (int)number(arg);
		break;
	case 'G':
		l->is_maxigroom = true;
		break;
	case 'c':
		l->workers = (int)number(arg);
		if (l->workers < 1)
			l->workers = 1;
		break;
	case 'I':
		l->include = checked_regex(l, arg);
		break;
	case 'X':
		l->exclude = checked_regex(l, arg);
		break;
	case 'r':
		l->is_regex_groom = true;
		break;
	case 'D':
		ignore(l, key);
		break;
	default:
		return false;
	}
	l->has_scan_options = true;
	return true;
}

/* Options that say how to answer and where things are. */
/* flat: one case an option */
static bool parse_serving(struct line *l, int key, const char *arg)
{
	switch (key) {
	case 'p':
		l->port = (int)number(arg);
		if (l->port < 1 || l->port > 65535)
			refuse(l, "port number");
		return true;
	case KEY_LISTEN_ADDRESS:
		l->listen = arg;
		return true;
	case 'C':
		l->threads = arg ? (int)number(arg) : 0;
		if (arg && l->threads < 2)
			refuse(l, "-C NUM minimum 2");
		return true;
	case KEY_CORS:
		l->has_cors = true;
		return true;
	case KEY_HOME_REDIRECT:
		l->home_redirect = arg;
		return true;
	case KEY_HOME_HTML:
		l->home_html = arg;
		return true;
	case KEY_METADATA_MAXTIME:
		l->metadata_s = number(arg);
		if (l->metadata_s < 0)
			refuse(l, "metadata maxtime");
		return true;
	case KEY_FORWARDED_TTL_LIMIT:
		l->forwarded_limit = number(arg);
		return true;
	case 'd':
		l->database = arg;
		return true;
	case KEY_FDCACHE_MBS:
		l->cache_mb = number(arg);
		return true;
	case KEY_PASSIVE:
		l->is_passive = true;
		return true;
	case 'v':
		l->verbosity++;
		return true;
	default:
		return false;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct line *l = state->input;

	l->state = state;
	if (parse_scanning(l, key, arg) || parse_serving(l, key, arg))
		return 0;
	switch (key) {
	case KEY_FDCACHE_MINTMP:
		if (number(arg) < 0 || number(arg) > 100)
			refuse(l, "fdcache mintmp percent");
		ignore(l, key);
		return 0;
	case KEY_SCAN_CHECKPOINT:
		if (number(arg) < 0)
			refuse(l, "scan checkpoint");
		ignore(l, key);
		return 0;
	case KEY_FDCACHE_PREFETCH:
	case KEY_FDCACHE_FDS:
	case KEY_FDCACHE_PREFETCH_MBS:
	case KEY_FDCACHE_PREFETCH_FDS:
	case KEY_KOJI_SIGCACHE:
		ignore(l, key);
		return 0;
	case ARGP_KEY_ARG:
		add_path(l, arg);
		return 0;
	case ARGP_KEY_END:
		if (l->is_passive && (l->has_scan_options || l->path_count))
			refuse(l, "inconsistent options with passive mode");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_version(FILE *to, struct argp_state *state)
{
	(void)state;
	fprintf(to,
		"debuginfod (symbolized) " STANDS_FOR "\n"
		"symbolized %s, answering to the command line of elfutils' "
		"debuginfod " STANDS_FOR ".\n",
		PACKAGE_VERSION);
}

static void line_deinit(struct line *l)
{
	for (size_t i = 0; i < l->rule_count; i++) {
		mem_free((char *)l->rules[i].suffix);
		mem_free((char *)l->rules[i].command);
	}
	mem_free(l->paths);
}

/* ---- Into the options of `serve` ---------------------------------------- */

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

static uint64_t cache_bytes(const struct line *l)
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
static struct error *index_place(const struct line *l, struct memory_dir *m,
				 char **ret)
{
	const char *home = getenv("HOME");
	CLEANUP_FREE char *path = NULL;

	if (l->database && !strcmp(l->database, ":memory:")) {
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
static struct error *cache_dir(const struct line *l, char **ret)
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

static struct error *add_words(const struct line *l, const char *place,
			       struct words *w)
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
		if (texts[i].value)
			TRY(add_word(w, mem_printf("--%s=%s", texts[i].option,
						   texts[i].value)));
	}
	TRY(add_word(w, mem_strdup(l->is_logical ? "--follow-symlinks"
						 : "--one-file-system")));
	if (l->has_cors)
		TRY(add_word(w, mem_strdup("--cors")));
	TRY(add_word(w, mem_printf("--log-level=%s",
				   l->verbosity > 1 ? "debug" : "info")));
	TRY(add_word(w, mem_strdup("--")));
	for (size_t i = 0; i < l->path_count; i++)
		TRY(add_word(w, mem_strdup(l->paths[i])));
	return NULL;
}

static struct error *read_settings(const struct line *l, const char *place,
				   struct settings *ret)
{
	CLEANUP(words_deinit) struct words words = { 0 };

	TRY(add_words(l, place, &words));
	return settings_read('s', (int)words.count, words.v, ret);
}

/* ---- The command -------------------------------------------------------- */

static void say_what_is_ignored(const struct line *l)
{
	for (size_t i = 0; i < l->ignored_count; i++)
		log_info("debuginfod", "option accepted and ignored",
			 LOG_S("option", l->ignored[i]));
	if (getenv("DEBUGINFOD_URLS") && *getenv("DEBUGINFOD_URLS"))
		log_warn("debuginfod",
			 "upstream servers are not asked by this version",
			 LOG_S("DEBUGINFOD_URLS", getenv("DEBUGINFOD_URLS")));
}

/* As there a page that cannot be read is no page.
 * @param[out] ret Owned; NULL if there is none. */
static void read_home_page(const struct line *l, char **ret)
{
	struct error *err =
		l->home_html ? file_read_text(l->home_html, MIB, ret) : NULL;

	log_consume(LOG_WARN, "debuginfod", "no home page", err);
}

static void fill_http(const struct line *l, const char *home_html,
		      const char **suffixes, struct debuginfod_options *ret)
{
	for (size_t i = 0; i < l->rule_count; i++)
		suffixes[i] = l->rules[i].suffix;
	*ret = (struct debuginfod_options) {
		.version = "debuginfod (elfutils) " STANDS_FOR,
		.home_html = home_html,
		.home_html_size = home_html ? strlen(home_html) : 0,
		.home_redirect = l->home_redirect,
		.forwarded_ttl_limit = l->forwarded_limit,
		.suffixes = suffixes,
	};
}

static unsigned metadata_ms(const struct line *l)
{
	return l->metadata_s <= 0 || l->metadata_s > HTTP_NO_LIMIT / 1000 - 60
		       ? HTTP_NO_LIMIT
		       : (unsigned)l->metadata_s * 1000;
}

static struct error *serve_line(struct line *l, const char *program)
{
	CLEANUP(memory_dir_remove) struct memory_dir memory = { 0 };
	CLEANUP(settings_deinit) struct settings settings = { 0 };
	CLEANUP_FREE char *place = NULL, *home_html = NULL;
	const char *suffixes[RULES_MAX + 1] = { NULL };
	struct debuginfod_options http;
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
		.metadata_ms = metadata_ms(l),
	};

	if (!l->scans_files && !l->rule_count && l->path_count) {
		log_warn("debuginfod", "without -F -R -U -Z, ignoring PATHs");
		l->path_count = 0;
	}
	say_what_is_ignored(l);
	read_home_page(l, &home_html);
	fill_http(l, home_html, suffixes, &http);
	TRY(index_place(l, &memory, &place));
	TRY(read_settings(l, place, &settings));
	return serve_run(&plan, program);
}

int cmd_debuginfod(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "[PATH...]",
		.doc = "Serve debuginfo, executables and sources below PATHs "
		       "over HTTP, as elfutils' debuginfod does.",
	};
	CLEANUP(line_deinit)
	struct line l = {
		.rescan_s = 300,
		.groom_s = 86400,
		.port = 8002,
		.cache_mb = -1,
		.metadata_s = 5,
		.forwarded_limit = 8,
		.max_depth = -1,
	};

	argp_program_version_hook = print_version;
	argp_parse(&argp, argc, argv, 0, NULL, &l);
	struct error *err = serve_line(
		&l, command_prepare(l.verbosity > 1 ? LOG_DEBUG : LOG_INFO,
				    LOG_DEBUGINFOD));

	if (!err)
		return 0;
	fprintf(stderr, "debuginfod: %s\n", error_message(err));
	error_free(err);
	return 1;
}

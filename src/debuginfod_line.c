/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "debuginfod_line.h"

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
	KEY_SOURCE_ROOT,
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
	{ "source-root", KEY_SOURCE_ROOT, "DIR[:DIR...]", 0,
	  "Serve sources from beneath these too, of what everybody on this "
	  "machine may read, default /usr/src; not an option of elfutils'",
	  0 },
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
	  "Signatures are served of what upstream servers sent", 0 },
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

/* As there: what is no number is 0, what follows one is nobody's. */
static long number(const char *text)
{
	return strtol(text, NULL, 10);
}

static _Noreturn void refuse(struct debuginfod_line *l, const char *what)
{
	argp_failure(l->state, 1, EINVAL, "%s", what);
	exit(1);
}

static _Noreturn void no_memory(struct debuginfod_line *l)
{
	argp_failure(l->state, 1, ENOMEM, "command line");
	exit(1);
}

/* The later of two for one suffix counts. @p command NULL: read directly. */
static void add_rule(struct debuginfod_line *l, const char *suffix,
		     size_t suffix_size, const char *command)
{
	size_t i = 0;

	while (i < l->rule_count &&
	       (strlen(l->rules[i].suffix) != suffix_size ||
		memcmp(l->rules[i].suffix, suffix, suffix_size) != 0))
		i++;
	if (i == DEBUGINFOD_RULES_MAX)
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

static void add_archive(struct debuginfod_line *l, const char *arg)
{
	const char *equals = strchr(arg, '=');

	if (!*arg)
		refuse(l, "missing EXT");
	add_rule(l, arg, equals ? (size_t)(equals - arg) : strlen(arg),
		 equals ? equals + 1 : NULL);
}

static void add_packages(struct debuginfod_line *l, const char *const *suffixes)
{
	for (; *suffixes; suffixes++)
		add_rule(l, *suffixes, strlen(*suffixes), NULL);
}

static const char *checked_regex(struct debuginfod_line *l, const char *arg)
{
	regex_t regex;

	if (regcomp(&regex, arg, REG_EXTENDED | REG_NOSUB))
		refuse(l, "regular expression");
	regfree(&regex);
	return arg;
}

static void ignore(struct debuginfod_line *l, int key)
{
	const struct argp_option *o = options;

	while (o->key != key)
		o++;
	for (size_t i = 0; i < l->ignored_count; i++) {
		if (l->ignored[i] == o->name)
			return;
	}
	if (l->ignored_count < DEBUGINFOD_IGNORED_MAX)
		l->ignored[l->ignored_count++] = o->name;
}

static void add_path(struct debuginfod_line *l, const char *path)
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

/* Is the option one that --passive excludes when it stands before? There only
 * these are looked at, and nothing forbids PATHs behind. */
static bool is_passive_too_late(const struct debuginfod_line *l)
{
	return l->path_count || l->is_maxigroom || l->has_ddl || l->is_logical;
}

/* And one that stands behind it. */
static void refuse_behind_passive(struct debuginfod_line *l, int key)
{
	char what[] = "-X option inconsistent with passive mode";

	what[1] = (char)key;
	if (l->is_passive)
		refuse(l, what);
}

/* Options that say how to scan. */
/* flat: one case an option */
static bool parse_scanning(struct debuginfod_line *l, int key, const char *arg)
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
		l->has_ddl = true;
		break;
	default:
		return false;
	}
	refuse_behind_passive(l, key);
	return true;
}

static bool is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	       inet_pton(AF_INET6, text, &address) == 1;
}

/* Options that say how to answer and where things are. */
/* flat: one case an option */
static bool parse_serving(struct debuginfod_line *l, int key, const char *arg)
{
	switch (key) {
	case 'p':
		l->port = (int)number(arg);
		if (l->port < 1 || l->port > 65535)
			refuse(l, "port number");
		return true;
	case KEY_LISTEN_ADDRESS:
		if (!is_address(arg))
			refuse(l, "listen-address");
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
	case KEY_SOURCE_ROOT:
		l->source_root = arg;
		return true;
	case KEY_HOME_REDIRECT:
		l->home_redirect = arg;
		return true;
	case KEY_HOME_HTML:
		l->home_html = arg;
		return true;
	case KEY_METADATA_MAXTIME:
		l->metadata_s = number(arg);
		return true;
	case KEY_FORWARDED_TTL_LIMIT:
		l->forwarded_limit = number(arg);
		/* Unsigned there: below none is any. */
		if (l->forwarded_limit < 0)
			l->forwarded_limit = LONG_MAX;
		return true;
	case 'd':
		l->database = arg;
		return true;
	case KEY_FDCACHE_MBS:
		l->cache_mb = number(arg);
		return true;
	case KEY_PASSIVE:
		l->is_passive = true;
		if (is_passive_too_late(l))
			refuse(l, "inconsistent options with passive mode");
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
	struct debuginfod_line *l = state->input;

	l->state = state;
	if (parse_scanning(l, key, arg) || parse_serving(l, key, arg))
		return 0;
	switch (key) {
	case KEY_FDCACHE_MINTMP:
		l->mintmp = number(arg);
		if (l->mintmp < 0 || l->mintmp > 100)
			refuse(l, "fdcache mintmp percent");
		ignore(l, key);
		return 0;
	case KEY_SCAN_CHECKPOINT:
		l->checkpoint = number(arg);
		if (l->checkpoint < 0)
			refuse(l, "scan checkpoint");
		ignore(l, key);
		return 0;
	case KEY_FDCACHE_PREFETCH:
		l->prefetch = number(arg);
		ignore(l, key);
		return 0;
	case KEY_FDCACHE_FDS:
	case KEY_FDCACHE_PREFETCH_MBS:
	case KEY_FDCACHE_PREFETCH_FDS:
	case KEY_KOJI_SIGCACHE:
		ignore(l, key);
		return 0;
	case ARGP_KEY_ARG:
		add_path(l, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_version(FILE *to, struct argp_state *state)
{
	(void)state;
	fprintf(to,
		"debuginfod (symbolized) " DEBUGINFOD_VERSION "\n"
		"symbolized %s, answering to the command line of elfutils' "
		"debuginfod " DEBUGINFOD_VERSION ".\n",
		PACKAGE_VERSION);
}

void debuginfod_line_deinit(struct debuginfod_line *l)
{
	for (size_t i = 0; i < l->rule_count; i++) {
		mem_free((char *)l->rules[i].suffix);
		mem_free((char *)l->rules[i].command);
	}
	mem_free(l->paths);
}

bool debuginfod_line_scans(const struct debuginfod_line *l)
{
	return l->scans_files || l->rule_count;
}

void debuginfod_line_read(int argc, char **argv, struct debuginfod_line *ret)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "[PATH ...]",
		.doc = "Serve debuginfo, executables and sources below PATHs "
		       "over HTTP, as elfutils' debuginfod does.",
	};

	*ret = (struct debuginfod_line) {
		.rescan_s = 300,
		.groom_s = 86400,
		.port = 8002,
		.cache_mb = -1,
		.metadata_s = 5,
		.forwarded_limit = 8,
		.max_depth = -1,
		.prefetch = 64,
		.mintmp = 25,
		.checkpoint = 256,
	};
	argp_program_version_hook = print_version;
	/* PATHs in their place: --passive looks at what stands before it. */
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, ret);
	ret->state = NULL;
}

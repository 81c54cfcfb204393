/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/units.h"
#include "settings.h"

enum option_type {
	TYPE_TEXT,
	TYPE_LIST,
	TYPE_NUMBER,
	TYPE_BYTES,
	TYPE_SECONDS,
	TYPE_FLAG,
	TYPE_SWITCH,
	TYPE_CHOICE_LEVEL,
	TYPE_CHOICE_FORMAT,
};

struct option_row {
	size_t offset; /* in struct settings */
	enum option_type type;
	const char *name, *commands, *fallback;
	int64_t least, most;
	const char *argument, *help;
};

static const struct option_row rows[] = {
#define OPTION(field, type, name, commands, fallback, least, most, arg, help) \
	{ offsetof(struct settings, field),                                   \
	  TYPE_##type,                                                        \
	  name,                                                               \
	  commands,                                                           \
	  fallback,                                                           \
	  least,                                                              \
	  most,                                                               \
	  arg,                                                                \
	  help },
#include "config_options.h"
#undef OPTION
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

/* What getopt_long() returns. */
enum { IS_OPTION = 1, IS_HELP = 'h' };

struct unit {
	const char *suffix;
	int64_t factor;
};
static const struct unit byte_units[] = {
	{ "", 1 },
	{ "K", (int64_t)KIB },
	{ "M", (int64_t)MIB },
	{ "G", (int64_t)GIB },
	{ "T", (int64_t)(1024 * GIB) },
	{ NULL, 0 },
};
static const struct unit second_units[] = {
	{ "", 1 },     { "s", 1 },     { "m", 60 },
	{ "h", 3600 }, { "d", 86400 }, { NULL, 0 },
};
static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };

static struct error *parse_number(const struct option_row *row,
				  const char *from, const char *value,
				  int64_t *ret)
{
	const struct unit *u = row->type == TYPE_BYTES     ? byte_units
			       : row->type == TYPE_SECONDS ? second_units
							   : no_units;
	char *end;

	errno = 0;
	long long n = strtoll(value, &end, 10);

	if (end == value || !isdigit((unsigned char)value[0]))
		return error_new(BAD_REQUEST, "%s: \"%s\" is not a number",
				 from, value);
	if (*end == '.' || *end == ',')
		return error_new(BAD_REQUEST,
				 "%s: \"%s\" is not a whole number", from,
				 value);
	if (errno == ERANGE)
		return error_new(BAD_REQUEST, "%s: %s is too large", from,
				 value);
	while (u->suffix && strcmp(u->suffix, end) != 0)
		u++;
	if (!u->suffix)
		return error_new(BAD_REQUEST, "%s: \"%s\": unknown unit \"%s\"",
				 from, value, end);
	if (n > INT64_MAX / u->factor || n * u->factor < row->least ||
	    n * u->factor > row->most)
		return error_new(BAD_REQUEST,
				 "%s: %s is outside %" PRId64 " to %" PRId64,
				 from, value, row->least, row->most);
	*ret = n * u->factor;
	return NULL;
}

static struct error *parse_choice(const char *from, const char *value,
				  const char *const *names, int64_t *ret)
{
	CLEANUP_BUF struct buf all = BUF_INIT;

	for (int64_t i = 0; names[i]; i++) {
		if (!strcmp(names[i], value)) {
			*ret = i;
			return NULL;
		}
		buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
	}
	const char *text = buf_str(&all);

	return error_new(BAD_REQUEST, "%s: \"%s\" is none of %s", from, value,
			 text ? text : "the known ones");
}

static struct error *parse_flag(const char *from, const char *value,
				int64_t *ret)
{
	static const char *const names[] = { "0",   "1",     "no",
					     "yes", "false", "true",
					     "off", "on",    NULL };

	TRY(parse_choice(from, value, names, ret));
	*ret %= 2;
	return NULL;
}

static struct error *add_to_list(char **list, const char *value)
{
	char *longer =
		*list ? mem_printf("%s %s", *list, value) : mem_strdup(value);

	mem_free(*list);
	*list = longer;
	return longer ? NULL : error_no_memory;
}

/* @p from names the option or variable in messages. */
static struct error *set_value(struct settings *s, const struct option_row *row,
			       const char *from, const char *value)
{
	void *field = (char *)s + row->offset;
	char **text = field;
	int64_t *number = field;

	switch (row->type) {
	case TYPE_TEXT:
		if (strlen(value) < (size_t)row->least)
			return error_new(BAD_REQUEST, "%s: empty", from);
		mem_free(*text);
		*text = mem_strdup(value);
		return *text ? NULL : error_no_memory;
	case TYPE_LIST:
		return add_to_list(text, value);
	case TYPE_FLAG:
	case TYPE_SWITCH:
		return parse_flag(from, value, number);
	case TYPE_CHOICE_LEVEL:
		return parse_choice(from, value, log_level_names, number);
	case TYPE_CHOICE_FORMAT:
		return parse_choice(from, value, log_format_names, number);
	case TYPE_NUMBER:
	case TYPE_BYTES:
	case TYPE_SECONDS:
		return parse_number(row, from, value, number);
	}
	return NULL;
}

static bool applies(const struct option_row *row, char letter)
{
	return strchr(row->commands, letter) != NULL;
}

static bool takes_value(const struct option_row *row)
{
	return row->type != TYPE_FLAG && row->type != TYPE_SWITCH;
}

static bool is_text(const struct option_row *row)
{
	return row->type == TYPE_TEXT || row->type == TYPE_LIST;
}

/* What the command line names takes the place of the environment's list. */
static void begin_list(struct settings *s, const struct option_row *row,
		       bool *has_begun)
{
	if (row->type == TYPE_LIST && !*has_begun)
		mem_free(STEAL(*(char **)((char *)s + row->offset)));
	*has_begun = true;
}

static struct error *read_environment(struct settings *s, char letter)
{
	for (size_t i = 0; i < ROWS; i++) {
		char name[64] = "SYMBOLIZED_";
		size_t n = strlen(name);

		for (const char *p = rows[i].name; *p; p++)
			name[n++] = *p == '-' ? '_' : (char)toupper(*p);
		name[n] = '\0';
		const char *value = getenv(name);

		if (value && *value && applies(&rows[i], letter) &&
		    rows[i].type != TYPE_SWITCH)
			TRY(set_value(s, &rows[i], name, value));
	}
	return NULL;
}

static struct error *add_path(struct settings *s, const char *path)
{
	char **bigger = mem_array(s->path_count + 2, sizeof(*bigger));

	if (!bigger)
		return error_no_memory;
	for (size_t i = 0; i < s->path_count; i++)
		bigger[i] = s->paths[i];
	mem_free(s->paths);
	s->paths = bigger;
	s->paths[s->path_count] = mem_strdup(path);
	return s->paths[s->path_count++] ? NULL : error_no_memory;
}

/* getopt_long() returned '?'. */
static struct error *refuse_option(const char *option, const char *command)
{
	if (optopt == IS_OPTION || optopt == IS_HELP)
		return error_new(BAD_REQUEST, "%.*s takes no value",
				 (int)strcspn(option, "="), option);
	return error_new(BAD_REQUEST, "unknown option %s; see %s --help",
			 option, command);
}

static struct error *read_arguments(struct settings *s, char letter, int argc,
				    char **argv)
{
	struct option options[ROWS + 2] = {
		{ "help", no_argument, NULL, IS_HELP },
	};
	size_t row_of[ROWS + 1];
	bool has_begun[ROWS] = { false };
	size_t count = 1;
	int at, c;

	for (size_t i = 0; i < ROWS; i++) {
		if (!applies(&rows[i], letter))
			continue;
		row_of[count] = i;
		options[count++] = (struct option) {
			.name = rows[i].name,
			.has_arg = takes_value(&rows[i]) ? required_argument
							 : no_argument,
			.val = IS_OPTION,
		};
	}
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", options, &at)) != -1) {
		char from[64];

		if (c == ':')
			return error_new(BAD_REQUEST, "%s needs a value",
					 argv[optind - 1]);
		if (c == '?')
			return refuse_option(argv[optind - 1], argv[0]);
		if (c == IS_HELP) {
			s->wants_help = true;
			continue;
		}
		const struct option_row *row = &rows[row_of[at]];

		snprintf(from, sizeof(from), "--%s", row->name);
		begin_list(s, row, &has_begun[row_of[at]]);
		TRY(set_value(s, row, from, optarg ? optarg : "1"));
	}
	for (int i = optind; i < argc; i++)
		TRY(add_path(s, argv[i]));
	return NULL;
}

/* Where things lie unless said otherwise. */
static struct error *default_dir(char **field, const char *variable,
				 const char *below_home, const char *as_root)
{
	const char *base = getenv(variable);
	const char *home = getenv("HOME");

	if (*field)
		return NULL;
	if (base && *base == '/')
		*field = mem_printf("%s/symbolized", base);
	else if (geteuid() == 0)
		*field = mem_strdup(as_root);
	else if (home && *home)
		*field = mem_printf("%s/%s/symbolized", home, below_home);
	else
		return error_new(BAD_REQUEST,
				 "neither %s nor HOME is set: say --state-dir "
				 "and --cache-dir",
				 variable);
	return *field ? NULL : error_no_memory;
}

/* A tenth of the file system that will hold the cache; the directory itself
 * may not be there yet. */
static int64_t default_cache_size(const char *dir)
{
	CLEANUP_FREE char *path = mem_strdup(dir);
	struct statvfs fs;

	while (path && statvfs(path, &fs)) {
		char *slash = strrchr(path, '/');

		if (!slash || slash == path)
			return (int64_t)GIB;
		*slash = '\0';
	}
	return path ? (int64_t)((uint64_t)fs.f_blocks * fs.f_frsize / 10)
		    : (int64_t)GIB;
}

static int64_t default_workers(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set) > 256 ? 256 : CPU_COUNT(&set);
}

static struct error *fill_defaults(struct settings *s)
{
	/* Where the debuginfod command keeps the index that belongs to it. */
	if (!s->state_dir && s->import_debuginfod) {
		s->state_dir =
			mem_printf("file:%s.symbolized", s->import_debuginfod);
		if (!s->state_dir)
			return error_no_memory;
	}
	TRY(default_dir(&s->state_dir, "XDG_STATE_HOME", ".local/state",
			"/var/lib/symbolized"));
	TRY(default_dir(&s->cache_dir, "XDG_CACHE_HOME", ".cache",
			"/var/cache/symbolized"));
	if (s->cache_size < 0)
		s->cache_size = default_cache_size(s->cache_dir);
	if (s->table_cache_size < 0)
		s->table_cache_size = s->cache_size / 4;
	if (s->workers < 0)
		s->workers = default_workers();
	return NULL;
}

struct error *settings_read(char letter, int argc, char **argv,
			    struct settings *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->cache_size = -1;
	ret->table_cache_size = -1;
	ret->workers = -1;
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].fallback)
			TRY(set_value(ret, &rows[i], rows[i].name,
				      rows[i].fallback));
	}
	TRY(read_environment(ret, letter));
	TRY(read_arguments(ret, letter, argc, argv));
	return fill_defaults(ret);
}

void settings_deinit(struct settings *s)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (is_text(&rows[i]))
			mem_free(*(char **)((char *)s + rows[i].offset));
	}
	for (size_t i = 0; i < s->path_count; i++)
		mem_free(s->paths[i]);
	mem_free(s->paths);
	memset(s, 0, sizeof(*s));
}

/* Wrap the help text behind a margin. */
static void wrap(struct buf *out, const char *text)
{
	size_t column = 80;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column + n + 1 > 78) {
			buf_append_str(out, "\n        ");
			column = 8;
		} else {
			buf_append_byte(out, ' ');
			column++;
		}
		buf_append(out, text, n);
		column += n;
		text += n + (text[n] == ' ');
	}
}

void settings_help(char letter, struct buf *out)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *row = &rows[i];

		if (!applies(row, letter))
			continue;
		buf_printf(out, "  --%s%s%s", row->name,
			   row->argument ? "=" : "",
			   row->argument ? row->argument : "");
		wrap(out, row->help);
		if (row->fallback && takes_value(row))
			buf_printf(out, " (default %s)", row->fallback);
		buf_append_byte(out, '\n');
	}
}

/* Troff: a hyphen that is to be copied, and nothing that starts a request. */
static void troff(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '-')
			buf_append_str(out, "\\-");
		else if (*s == '\\')
			buf_append_str(out, "\\e");
		else
			buf_append(out, s, 1);
	}
}

void settings_manual(char letter, struct buf *out)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *row = &rows[i];

		if (!applies(row, letter))
			continue;
		buf_append_str(out, ".TP\n\\fB\\-\\-");
		troff(out, row->name);
		buf_append_str(out, "\\fR");
		if (row->argument)
			buf_printf(out, "=\\fI%s\\fR", row->argument);
		buf_append_byte(out, '\n');
		troff(out, row->help);
		if (row->fallback && takes_value(row)) {
			buf_append_str(out, " (default ");
			troff(out, row->fallback);
			buf_append_byte(out, ')');
		}
		buf_append_str(out, ".\n");
	}
}

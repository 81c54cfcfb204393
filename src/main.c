/* SPDX-License-Identifier: Apache-2.0 */
/* argv to a command; nothing else. */
#include "config.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/path.h"
#include "command.h"

static const struct {
	const char *name;
	char letter;
	const char *arguments, *help;
	struct error *(*run)(const struct settings *s, const char *program);
} commands[] = {
#define COMMAND(name, letter, arguments, help) \
	{ #name, letter, arguments, help, cmd_##name },
#define OWN(...)
#define HIDDEN(name)
#include "commands.h"
#undef COMMAND
#undef OWN
#undef HIDDEN
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static void print_usage(FILE *to)
{
	fprintf(to,
		"Usage: symbolized COMMAND [OPTIONS] [ARGUMENTS]\n\n"
		"Gives names to addresses: indexes ELF files and packages by "
		"build ID and serves\nthem to debuggers and profilers.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
#define COMMAND(...)
#define OWN(name, arguments, help) fprintf(to, "  %-10s %s\n", #name, help);
#define HIDDEN(...)
#include "commands.h"
#undef COMMAND
#undef OWN
#undef HIDDEN
	fprintf(to, "\n`symbolized COMMAND --help` lists a command's options, "
		    "`symbolized --version` says\nwhich this is. "
		    "Manual: symbolized(8).\n");
}

static void print_help(size_t command)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	buf_printf(&text, "Usage: symbolized %s %s\n\n%c%s.\n\n",
		   commands[command].name, commands[command].arguments,
		   commands[command].help[0] - 'a' + 'A',
		   commands[command].help + 1);
	settings_help(commands[command].letter, &text);
	fwrite(text.data, 1, text.size, stdout);
}

static int fail(struct error *err)
{
	int code = error_kind_exit_code(error_kind(err));

	fputs("symbolized: ", stderr);
	fprint_shown(stderr, error_message(err));
	fputc('\n', stderr);
	error_free(err);
	return code;
}

/* What the machine allows: a scan hands many files to its workers, a server has
 * a descriptor a connection. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) ||
	    limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

enum { LARGE_BUFFER = 256 << 10 };

/* Large buffers go back to the system when they are freed. Left to itself glibc
 * keeps them from the second one on, and what held them stays as large as it
 * was in its worst moment. */
static void give_memory_back(void)
{
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, LARGE_BUFFER);
#endif
}

const char *command_prepare(enum log_level level, enum log_format format)
{
	raise_file_limit();
	give_memory_back();
	log_init(level, format);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* The file itself, even if it is replaced while we run. A child between
	 * vfork and exec is still us; by our number it might not be let in, once
	 * we have given up being root. */
	return "/proc/self/exe";
}

/* A report that could not be written is no success. */
static struct error *flush_output(void)
{
	if (fflush(stdout) || ferror(stdout))
		return error_new(IO, "standard output cannot be written");
	return NULL;
}

static int run(size_t command, int argc, char **argv)
{
	CLEANUP(settings_deinit) struct settings s;
	struct error *err =
		settings_read(commands[command].letter, argc, argv, &s);

	if (err)
		return fail(error_wrap(err, "%s", commands[command].name));
	if (s.wants_help) {
		print_help(command);
		return 0;
	}
	err = commands[command].run(
		&s, command_prepare((enum log_level)s.log_level,
				    (enum log_format)s.log_format));
	if (!err)
		err = flush_output();
	return err ? fail(err) : 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";
	struct error *err;

	if (argc > 0 && !strcmp(path_base(argv[0]), "debuginfod"))
		return cmd_debuginfod(argc, argv);

	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_usage(argc > 1 ? stdout : stderr);
		return argc > 1 ? 0 : 64;
	}
	if (!strcmp(name, "--version")) {
		printf("symbolized %s\n", PACKAGE_VERSION);
		return 0;
	}
#define COMMAND(...)
#define OWN(own, ...)            \
	if (!strcmp(name, #own)) \
		return cmd_##own(argc - 1, argv + 1);
#define HIDDEN(hidden)                                  \
	if (!strcmp(name, #hidden)) {                   \
		err = cmd_##hidden(argc - 1, argv + 1); \
		return err ? fail(err) : 0;             \
	}
#include "commands.h"
#undef COMMAND
#undef OWN
#undef HIDDEN
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!strcmp(name, commands[i].name))
			return run(i, argc - 1, argv + 1);
	}
	fprintf(stderr, "symbolized: unknown command \"%s\"\n\n", name);
	print_usage(stderr);
	return 64;
}

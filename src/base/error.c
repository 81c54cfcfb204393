/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

struct error {
	enum error_kind kind;
	int line;
	const char *file;
	char *message;
};

static struct error no_memory = {
	.kind = ERROR_NO_MEMORY,
	.file = __FILE__,
	.line = __LINE__,
	.message = (char *)"out of memory",
};
struct error *const error_no_memory = &no_memory;

static const struct {
	int exit_code;
	int http_status;
	const char *label;
} kinds[] = {
#define ERROR_KIND(name, exit, http, text) { exit, http, text },
#include "base/error_kinds.h"
#undef ERROR_KIND
};

static struct error *error_make(enum error_kind kind, const char *file,
				int line, const char *fmt, va_list args)
{
	struct error *err = mem_zalloc(sizeof(*err));

	if (!err)
		return error_no_memory;
	err->kind = kind;
	err->file = file;
	err->line = line;
	err->message = mem_vprintf(fmt, args);
	if (!err->message) {
		mem_free(err);
		return error_no_memory;
	}
	return err;
}

struct error *error_new_at(enum error_kind kind, const char *file, int line,
			   const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	struct error *err = error_make(kind, file, line, fmt, args);
	va_end(args);
	return err;
}

struct error *error_errno_at(const char *file, int line, const char *fmt, ...)
{
	int saved = errno;
	enum error_kind kind = ERROR_IO;
	char text[128];
	va_list args;

	if (saved == ENOMEM)
		return error_no_memory;
	if (saved == EMFILE || saved == ENFILE)
		kind = ERROR_BUSY;
	if (saved == ENOSPC || saved == EDQUOT)
		kind = ERROR_NO_SPACE;
	va_start(args, fmt);
	CLEANUP_FREE char *what = mem_vprintf(fmt, args);
	va_end(args);
	if (!what)
		return error_no_memory;
	return error_new_at(kind, file, line, "%s: %s", what,
			    strerror_r(saved, text, sizeof(text)));
}

struct error *error_wrap(struct error *err, const char *fmt, ...)
{
	va_list args;

	if (!err || err == error_no_memory)
		return err;
	va_start(args, fmt);
	CLEANUP_FREE char *prefix = mem_vprintf(fmt, args);
	va_end(args);
	char *message =
		prefix ? mem_printf("%s: %s", prefix, err->message) : NULL;
	/* Without memory for the longer text the shorter one still says what
	 * happened. */
	if (!message)
		return err;
	mem_free(err->message);
	err->message = message;
	return err;
}

struct error *error_from_wire(unsigned kind, const char *message)
{
	if (kind == ERROR_NO_MEMORY)
		return error_no_memory;
	if (kind >= ERROR_KINDS)
		kind = ERROR_BAD_DATA;
	return error_new_at((enum error_kind)kind, __FILE__, __LINE__, "%s",
			    message);
}

enum error_kind error_kind(const struct error *err)
{
	return err->kind;
}

const char *error_message(const struct error *err)
{
	return err->message;
}

const char *error_file(const struct error *err)
{
	return err->file;
}

int error_line(const struct error *err)
{
	return err->line;
}

int error_kind_exit_code(enum error_kind kind)
{
	return kinds[kind].exit_code;
}

int error_kind_http_status(enum error_kind kind)
{
	return kinds[kind].http_status;
}

const char *error_kind_label(enum error_kind kind)
{
	return kinds[kind].label;
}

void error_free(struct error *err)
{
	if (!err || err == error_no_memory)
		return;
	mem_free(err->message);
	mem_free(err);
}

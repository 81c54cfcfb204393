/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Errors as values that must be looked at.
 *
 * A function that can fail returns `struct error *` and is declared
 * MUST_CHECK; NULL is success. A miss (unknown build ID, end of archive) is an
 * answer, not an error: it comes back through a `bool *found_ret`.
 *
 * An error is owned by whoever holds it and is consumed once, with
 * error_free(), where somebody is told of it.
 *
 * Threads: a value, owned by one thread at a time.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/cleanup.h"

#include <stdbool.h>

enum error_kind {
#define ERROR_KIND(name, exit, http, label) ERROR_##name,
#include "base/error_kinds.h"
#undef ERROR_KIND
	ERROR_KINDS
};

struct error;

/** Out of memory. Static: making, wrapping and freeing it cannot fail. */
extern struct error *const error_no_memory;

/**
 * Make an error. The message names the thing and the place, without a final
 * full stop.
 *
 * @return Owned; error_no_memory if there is no memory for it. Never NULL.
 */
#define error_new(kind, ...) \
	error_new_at(ERROR_##kind, __FILE__, __LINE__, __VA_ARGS__)
struct error *error_new_at(enum error_kind kind, const char *file, int line,
			   const char *fmt, ...) PRINTF(4, 5);

/** As error_new(), with ": strerror(errno)" behind the message. EMFILE and
 * ENFILE become BUSY, ENOSPC and EDQUOT NO_SPACE, ENOMEM NO_MEMORY, everything
 * else IO. */
#define error_errno(...) error_errno_at(__FILE__, __LINE__, __VA_ARGS__)
struct error *error_errno_at(const char *file, int line, const char *fmt, ...)
	PRINTF(3, 4);

/**
 * Say what we were doing: prefix "fmt: " to the message.
 *
 * @param[in] err Taken. NULL gives NULL, so a call can be wrapped as it is.
 * @return Owned. error_no_memory is returned untouched.
 */
struct error *error_wrap(struct error *err, const char *fmt, ...)
	PRINTF(2, 3) MUST_CHECK;

/** Rebuild an error that crossed a process boundary. @p kind out of range
 * becomes BAD_DATA. */
struct error *error_from_wire(unsigned kind, const char *message);

enum error_kind error_kind(const struct error *err);
/** Borrowed, valid until the error is freed or wrapped. Never NULL. */
const char *error_message(const struct error *err);
/** File and line of birth, for debug logs. */
const char *error_file(const struct error *err);
int error_line(const struct error *err);

int error_kind_exit_code(enum error_kind kind);
int error_kind_http_status(enum error_kind kind);
const char *error_kind_label(enum error_kind kind);

/** @param[in] err Taken. NULL is allowed. */
void error_free(struct error *err);

static inline void cleanup_error(struct error **err)
{
	error_free(*err);
}
#define CLEANUP_ERROR CLEANUP(cleanup_error)

/** Return from the calling function if @p expr is an error. */
#define TRY(expr)                                \
	do {                                     \
		struct error *try_err_ = (expr); \
		if (try_err_)                    \
			return try_err_;         \
	} while (0)

#endif

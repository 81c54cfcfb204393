/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Scope guards: an owner lets go of what it owns when its scope ends.
 *
 * `CLEANUP(fn)` marks a local; `fn` gets the address of the variable.
 * `STEAL(p)` hands the value on and leaves the guard nothing to free.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* A guard is used by going out of scope; clang does not count that. */
#define CLEANUP(fn)       __attribute__((cleanup(fn), unused))
#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define COLD              __attribute__((cold))

/** Take the value of @p p and leave NULL behind. */
#define STEAL(p)                                  \
	({                                        \
		__typeof__(p) steal_value_ = (p); \
		(p) = NULL;                       \
		steal_value_;                     \
	})

/** Take a descriptor and leave -1 behind. */
static inline int steal_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define CLEANUP_FREE     CLEANUP(cleanup_free)
#define CLEANUP_CLOSE    CLEANUP(cleanup_close)
#define CLEANUP_CLOSEDIR CLEANUP(cleanup_closedir)

#endif

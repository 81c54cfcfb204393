/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Walk a tree: every regular file once, a directory at a time.
 *
 * Symbolic links are not followed unless asked; then a file is named by its
 * real path and a directory is entered once, whatever leads to it.
 * Threads: owned by one thread.
 */
#ifndef SCAN_WALK_H
#define SCAN_WALK_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

struct walk_options {
	const char *root;        /* canonical, absolute: directory or file */
	const char *const *skip; /* directories not entered; NULL at the end */
	bool follow_symlinks;
	bool one_file_system;
	/** Of a file below the root: 1 for those in it. 0: any. Does not count
	 * for what a link leads to outside of the root. */
	unsigned max_depth;
	const _Atomic bool *stop;
	/** A regular file. @p path is borrowed for the call. */
	struct error *(*file)(void *ctx, const char *dir, const char *path,
			      const struct stat *st);
	/** A directory or file that could not be read; the walk goes on.
	 * @p err is owned by the callee. */
	void (*problem)(void *ctx, const char *path, struct error *err);
	void *ctx;
};

/** Count something met in a walk: "file", "directory", … of
 * symbolized_scan_traversed_total. */
void scan_traversed(const char *type);

/** @return NULL, NO_MEMORY, or what @c file returned. */
MUST_CHECK struct error *walk_tree(const struct walk_options *options);

#endif

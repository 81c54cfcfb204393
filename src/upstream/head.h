/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The header of an answer: what of it counts, and what a status means. Nothing
 * is kept that could end a header of ours or mean something to a terminal.
 *
 * Threads: owned by one.
 */
#ifndef UPSTREAM_HEAD_H
#define UPSTREAM_HEAD_H

#include "upstream/upstream.h"

#include <stdbool.h>
#include <stdint.h>

enum { HEAD_VALUE_MOST = 4096 };

/** Strings are owned; NULL: not said. */
struct head {
	unsigned status;
	bool has_coding, is_chunked, has_no_store;
	int64_t length, told_size; /* -1: not said */
	int64_t mtime, retry_after_s;
	char *file, *archive, *signature, *etag;
};

/** As if nothing had been said; frees what it owns. */
void head_reset(struct head *h);
/** Take a line. @p value is without white space in front. */
void head_note(struct head *h, const char *name, const char *value);

bool status_is_redirection(unsigned status);
/** What it means that a status is not 200. */
enum upstream_cause status_cause(unsigned status);

#endif

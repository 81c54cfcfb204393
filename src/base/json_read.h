/* SPDX-License-Identifier: Apache-2.0 */
/**
 * JSON out of memory, pulled value by value: no tree is built, and nothing is
 * allocated but for strings that have escapes in them.
 *
 *	json_read_init(&r, text, size);
 *	json_read_object(&r);
 *	while ((key = json_read_member(&r, keys, &seen)) >= 0)
 *		if (key == KEY_IDS)
 *			for (json_read_array(&r); json_read_item(&r);)
 *				json_read_string(&r, &s, &len);
 *	err = json_read_finish(&r);
 *
 * All of RFC 8259 is checked, of skipped values too: grammar, UTF-8, escapes;
 * half a surrogate pair is refused. Nesting beyond JSON_DEPTH is refused where
 * it is met. The first failure is kept with its place; from then on every read
 * gives zero and says "no more", so that loops end by themselves, and
 * json_read_finish() tells.
 *
 * Threads: owned by one thread.
 * Source: RFC 8259.
 */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json_write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type {
	JSON_NONE, /* no value begins here: the next read will fail */
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_read {
	const char *text; /* borrowed */
	size_t size;
	size_t pos;
	size_t value; /* where the value read last, or looked at, begins */
	unsigned depth;
	bool is_object[JSON_DEPTH + 1];
	bool has_items[JSON_DEPTH + 1];
	bool is_too_deep;   /* JSON_DEPTH is what it failed for */
	struct buf scratch; /* the last string that had escapes */
	struct error *err;  /* the first failure */
};

/** @param[in] text Borrowed until json_read_deinit(). */
void json_read_init(struct json_read *r, const void *text, size_t size);
/** Twice is safe. */
void json_read_deinit(struct json_read *r);
#define CLEANUP_JSON_READ CLEANUP(json_read_deinit)

/** What comes next; consumes white space only. */
enum json_type json_read_type(struct json_read *r);

/** Enter. Then read items, or members, until there are no more: that leaves. */
void json_read_array(struct json_read *r);
void json_read_object(struct json_read *r);

/** Is there another item of the array entered last? If not, it is left. */
bool json_read_item(struct json_read *r);

/** The next key of the object entered last; its value is to be read next.
 * @param[out] key Borrowed until the next string is read.
 * @return False if there is none: the object is left. */
bool json_read_key(struct json_read *r, const char **key, size_t *len_ret);

/**
 * The next key that is one of @p keys; members with others are skipped. One of
 * @p keys that stands in an object twice is a failure, since nobody can know
 * which was meant; others may.
 *
 * @param[in] keys At most 32, NULL at the end.
 * @param[in,out] seen 0 before the first call for an object.
 * @return Index in @p keys; -1: the object is left.
 */
int json_read_member(struct json_read *r, const char *const *keys,
		     uint32_t *seen);

/** @param[out] ret Borrowed from the text, or, where there are escapes, until
 * the next string is read. Not NUL-terminated, may hold NULs. */
void json_read_string(struct json_read *r, const char **ret, size_t *len_ret);
/** An integer from 0 to 2^64 - 1, exactly; no fraction, no exponent. */
uint64_t json_read_uint(struct json_read *r);
/** The same from -2^63 to 2^63 - 1. */
int64_t json_read_int(struct json_read *r);
bool json_read_bool(struct json_read *r);
/** An address: a string "0x…" of 1 to 16 digits (leading zeros aside), or an
 * integer as of json_read_uint(). */
uint64_t json_read_address(struct json_read *r);
/** Any value, checked and thrown away. */
void json_read_skip(struct json_read *r);

/** A place to come back to. Of the arrays and objects around it all but the
 * innermost must be entered still when it is. */
struct json_mark {
	size_t pos;
	unsigned depth;
	bool is_object, has_items;
};
struct json_mark json_read_mark(const struct json_read *r);
/** Go on at @p m. Nothing happens after a failure. */
void json_read_rewind(struct json_read *r, struct json_mark m);

/** Fail at the value read last, with what is wrong with it. Only the first
 * failure counts. */
void json_read_fail(struct json_read *r, const char *fmt, ...) PRINTF(2, 3);

static inline bool json_read_ok(const struct json_read *r)
{
	return !r->err;
}

/** The failure so far, if there is one. @return As of json_read_finish(). */
MUST_CHECK struct error *json_read_error(struct json_read *r);

/**
 * The end: nothing but white space may follow.
 * @return NULL, BAD_REQUEST with line and column (in characters, from 1) of the
 * first failure, or NO_MEMORY.
 */
MUST_CHECK struct error *json_read_finish(struct json_read *r);

#endif

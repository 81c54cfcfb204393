/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Streaming JSON into a buf: no tree is built. Commas come by themselves.
 * Strings are escaped; bytes that are not UTF-8 become U+FFFD.
 *
 * Errors show as the buf's `failed` at the end. Depth is at most 32.
 * Threads: owned by one thread.
 */
#ifndef BASE_JSON_WRITE_H
#define BASE_JSON_WRITE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { JSON_DEPTH = 32 };

struct json_write {
	struct buf *out; /* borrowed */
	unsigned depth;
	bool has_items[JSON_DEPTH + 1];
	bool after_key;
};

void json_write_init(struct json_write *j, struct buf *out);
void json_write_object(struct json_write *j);
void json_write_object_end(struct json_write *j);
void json_write_array(struct json_write *j);
void json_write_array_end(struct json_write *j);
void json_write_key(struct json_write *j, const char *key);
void json_write_string(struct json_write *j, const char *s); /* NULL as null */
void json_write_string_n(struct json_write *j, const char *s, size_t len);
void json_write_uint(struct json_write *j,
		     uint64_t v); /* hex string above 2^53 */
void json_write_int(struct json_write *j, int64_t v);
void json_write_bool(struct json_write *j, bool v);
void json_write_null(struct json_write *j);
/** `"0x…"`: how addresses are written. */
void json_write_hex(struct json_write *j, uint64_t v);

/* Key and value in one. */
void json_write_kv_string(struct json_write *j, const char *key, const char *s);
void json_write_kv_uint(struct json_write *j, const char *key, uint64_t v);
void json_write_kv_int(struct json_write *j, const char *key, int64_t v);
void json_write_kv_bool(struct json_write *j, const char *key, bool v);

/** Append @p s escaped and quoted. */
void json_write_quote(struct buf *out, const char *s, size_t len);
/** The same without the quotes. */
void json_write_escaped(struct buf *out, const char *s, size_t len);

#endif

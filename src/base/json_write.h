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

/* jansson, which src/http links, has functions of the short names. */
#define json_object json_write_object
#define json_object_end json_write_object_end
#define json_array json_write_array
#define json_array_end json_write_array_end
#define json_key json_write_key
#define json_string json_write_string
#define json_string_n json_write_string_n
#define json_uint json_write_uint
#define json_int json_write_int
#define json_bool json_write_bool
#define json_null json_write_null
#define json_hex json_write_hex
#define json_kv_string json_write_kv_string
#define json_kv_uint json_write_kv_uint
#define json_kv_int json_write_kv_int
#define json_kv_bool json_write_kv_bool
#define json_init json_write_init
#define json_quote json_write_quote

enum { JSON_DEPTH = 32 };

struct json_write {
	struct buf *out; /* borrowed */
	unsigned depth;
	bool has_items[JSON_DEPTH + 1];
	bool after_key;
};

void json_init(struct json_write *j, struct buf *out);
void json_object(struct json_write *j);
void json_object_end(struct json_write *j);
void json_array(struct json_write *j);
void json_array_end(struct json_write *j);
void json_key(struct json_write *j, const char *key);
void json_string(struct json_write *j, const char *s); /* NULL as null */
void json_string_n(struct json_write *j, const char *s, size_t len);
void json_uint(struct json_write *j, uint64_t v); /* hex string above 2^53 */
void json_int(struct json_write *j, int64_t v);
void json_bool(struct json_write *j, bool v);
void json_null(struct json_write *j);
/** `"0x…"`: how addresses are written. */
void json_hex(struct json_write *j, uint64_t v);

/* Key and value in one. */
void json_kv_string(struct json_write *j, const char *key, const char *s);
void json_kv_uint(struct json_write *j, const char *key, uint64_t v);
void json_kv_int(struct json_write *j, const char *key, int64_t v);
void json_kv_bool(struct json_write *j, const char *key, bool v);

/** Append @p s escaped and quoted. */
void json_quote(struct buf *out, const char *s, size_t len);

#endif

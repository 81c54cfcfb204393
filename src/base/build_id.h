/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Build ID as a value. Hexadecimal exists only at the HTTP and command-line
 * edges: build_id_parse() and build_id_hex() are those edges.
 *
 * Source: ELF note NT_GNU_BUILD_ID; 8 (fast), 16 (md5, uuid) and 20 (sha1)
 * bytes in practice, 2 to 64 accepted.
 */
#ifndef BASE_BUILD_ID_H
#define BASE_BUILD_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUILD_ID_MIN = 2, BUILD_ID_MAX = 64 };

struct build_id {
	uint8_t len; /* 0: none */
	uint8_t bytes[BUILD_ID_MAX];
};

enum { BUILD_ID_HEX_MAX = 2 * BUILD_ID_MAX + 1 };

/** @return False if @p size is outside 2 to 64; @p ret is then empty. */
bool build_id_set(struct build_id *ret, const void *bytes, size_t size);

/** Parse @p len hexadecimal digits of either case.
 * @return False unless they are even in number and 2 to 64 bytes. */
bool build_id_parse(const char *hex, size_t len, struct build_id *ret);

/** Lower-case hexadecimal and a NUL. @return @p out. */
const char *build_id_hex(const struct build_id *id, char out[BUILD_ID_HEX_MAX]);

bool build_id_equal(const struct build_id *a, const struct build_id *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/build_id.h"

bool build_id_set(struct build_id *ret, const void *bytes, size_t size)
{
	memset(ret, 0, sizeof(*ret));
	if (size < BUILD_ID_MIN || size > BUILD_ID_MAX)
		return false;
	memcpy(ret->bytes, bytes, size);
	ret->len = (uint8_t)size;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool build_id_parse(const char *hex, size_t len, struct build_id *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (len % 2 || len / 2 < BUILD_ID_MIN || len / 2 > BUILD_ID_MAX)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(hex[i]);
		int low = hex_digit(hex[i + 1]);

		if (high < 0 || low < 0) {
			memset(ret, 0, sizeof(*ret));
			return false;
		}
		ret->bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	ret->len = (uint8_t)(len / 2);
	return true;
}

const char *build_id_hex(const struct build_id *id, char out[BUILD_ID_HEX_MAX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < id->len; i++) {
		out[2 * i] = digits[id->bytes[i] >> 4];
		out[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	out[2 * id->len] = '\0';
	return out;
}

bool build_id_equal(const struct build_id *a, const struct build_id *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

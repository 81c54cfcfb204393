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

/* Above 15 for what is no digit. Both ways are computed, nothing is guessed. */
static unsigned hex_digit(uint8_t c)
{
	unsigned digit = c - '0', letter = (c | 0x20u) - 'a';

	return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

bool build_id_parse(const char *hex, size_t len, struct build_id *ret)
{
	const uint8_t *s = (const uint8_t *)hex;
	unsigned bad = 0;

	memset(ret, 0, sizeof(*ret));
	if (len % 2 || len / 2 < BUILD_ID_MIN || len / 2 > BUILD_ID_MAX)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		unsigned high = hex_digit(s[i]), low = hex_digit(s[i + 1]);

		bad |= high | low;
		ret->bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	if (bad > 15) {
		memset(ret, 0, sizeof(*ret));
		return false;
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

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What is UTF-8 and what is not.
 *
 * Threads: any.
 * Source: RFC 3629, table of section 4.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Length of the well-formed sequence at @p s, of which @p left >= 1 bytes are
 * there; 0 if there is none. */
static inline size_t utf8_length(const uint8_t *s, size_t left)
{
	size_t n = s[0] < 0x80   ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf5 ? 4
				 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/** Are eight bytes printable ASCII? False also of some that are. */
static inline bool ascii_eight(const uint8_t *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t v;

	/* The high bit of a byte is set where it is below 0x20, 0x7f, or above;
	 * and maybe in one behind such a byte. */
	memcpy(&v, p, sizeof(v));
	return !(((v - ones * 0x20) | (v + ones) | v) & high);
}

/** The character of a sequence of 2 or 3 bytes; of others 0. */
static inline uint32_t utf8_character(const uint8_t *s, size_t n)
{
	if (n == 2)
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	if (n == 3)
		return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 |
		       (s[2] & 0x3fu);
	return 0;
}

/** Does a sequence beyond ASCII, of utf8_length() @p n, move something where it
 * is shown? Control characters (U+0080 to U+009F: U+009B is ESC [ for some
 * terminals), ends of lines and paragraphs, and what turns the direction. */
static inline bool utf8_is_control(const uint8_t *s, size_t n)
{
	uint32_t c = utf8_character(s, n);

	return (c >= 0x80 && c < 0xa0) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/** How many bytes from @p p on are printable ASCII. Eight at a time: what has
 * names in it is nearly all of that. */
static inline size_t ascii_run(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (len - n >= 8 && ascii_eight(p + n))
		n += 8;
	if (len >= 8 && len - n < 8 && ascii_eight(p + len - 8))
		return len;
	while (n < len && p[n] >= 0x20 && p[n] < 0x7f)
		n++;
	return n;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/percent.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t percent_decode(char *s, size_t len, bool is_form)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bool has_digits = s[i] == '%' && len - i > 2;
		int high = has_digits ? hex_digit(s[i + 1]) : -1;
		int low = has_digits ? hex_digit(s[i + 2]) : -1;

		if (high >= 0 && low >= 0) {
			s[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			s[n++] = is_form && s[i] == '+' ? ' ' : s[i];
		}
	}
	return n;
}

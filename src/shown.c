/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>

#include "command.h"

/* U+0080 to U+009F, which terminals obey like the other controls. */
static bool is_c1(const unsigned char *p)
{
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
}

void fprint_shown(FILE *to, const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (is_c1(p)) {
			fprintf(to, "\\x%02x\\x%02x", p[0], p[1]);
			p++;
		} else if (*p < ' ' || *p == 0x7f) {
			fprintf(to, "\\x%02x", *p);
		} else {
			putc(*p, to);
		}
	}
}

void print_shown(const char *s)
{
	fprint_shown(stdout, s);
}

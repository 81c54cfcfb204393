/* SPDX-License-Identifier: Apache-2.0 */
/* A query, then five values: in the order in which conditions, and what is
 * passed on, are taken from them. */
#include "config.h"

#include "tests/fuzz/fuzz.h"

static const char *const seeds[] = {
	"key=glob&value=%2fusr%2f*+x&a&=&a=1\n"
	"\"00000000000000aa\", W/\"x\"\n"
	"Sun, 06 Nov 1994 08:49:37 GMT\n\"00000000000000aa\"\nbytes=2-5\n",
	"\n*\nSunday, 06-Nov-94 08:49:37 GMT\nW/\"00000000000000aa\"\n"
	"bytes=-18446744073709551616\n",
	"value=a%00b\n\"x\nSun Nov  6 08:49:37 1994\n"
	"Sun, 06 Nov 1994 08:49:37 GMT\nbytes=18446744073709551614-\n",
	"a=%\n192.0.2.1, 192.0.2.2,,\n1.1 a, 1.1 symbolized-0\n"
	"elfutils/0.188,Linux/x86_64\n"
	"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\na.b-1\n",
	"key\ngzip;q=0.5, zstd, *;q=0\ntext/html, application/json;q=0.001\n"
	"identity;q=1, gzip ; Q=0.9\nx-gzip\nzstd\n",
	"\n\nSat, 31 Dec 9999 23:59:60 GMT\n\nbytes=0-0, 5-6\n",
};

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++)
		take(ctx, seeds[i], strlen(seeds[i]));
}

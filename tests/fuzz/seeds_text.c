/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

static const char *const texts[] = {
	"",
	"/usr/src/%61%2F%2e%2E/x+y%",
	"%4%zz%00%ff%F",
	"../../a/./b//../c/",
	"/../..//a/.../..b/b../.",
	"a/..",
	"0123456789abcdefABCDEF0123456789abcdef01",
	"abc",
	"00ff",
	"plain text of more than sixteen bytes, and\ta tab",
	"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
	"\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80\xe0\x80\x80\xff",
};

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		take(ctx, texts[i], strlen(texts[i]));
}

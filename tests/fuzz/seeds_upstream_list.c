/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#define SEED(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct {
	const char *text;
	size_t size;
} seeds[] = {
	SEED("\0http://a.example/ https://user:s3cr3tpassw0rd@b.example:8002"
	     "/buildid ima:enforcing file:///x http://[::1]:80 "
	     "http://a.example"),
	SEED("\1X-Team: kernel\nAuthorization: s3cr3tpassw0rd\nnone\n: x\n"
	     "Folded: a\r\nHost: b\n"),
	SEED("\2# comment\ntimeout = 20\nretries=3\nconnect-timeout =5\n\n"
	     "[https://debuginfod.example.org]\nconcurrency = 8\n"
	     "header = X-Team: kernel\nheader=X-Other:b\nhedge = 250\n"
	     "[http://b:81/x/buildid/]\ntoken-file = /dev/null\n"),
	SEED("\2[ftp://a]\n"),
	SEED("\2timeout = 0\n"),
	SEED("\2[http://u:s3cr3tpassw0rd@]\nunknown\n"),
};

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++)
		take(ctx, seeds[i].text, seeds[i].size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Every route, header that is looked at, and kind of fault. */
#include "config.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static const char *const seeds[] = {
	"GET /buildid/aabb/executable\nHost: a\nRange: bytes=2-5\n\n",
	"GET /buildid/aabb/executable\nHost: a\n"
	"If-None-Match: W/\"x\", \"00000000000000aa\"\n\n",
	"GET /buildid/aabb/executable\nHost: a\nRange: bytes=-3\n"
	"If-Range: \"00000000000000aa\"\n\n",
	"HEAD /buildid/aabb/executable\nHost: a\n"
	"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\n"
	"If-Range: Sunday, 06-Nov-94 08:49:37 GMT\n\n",
	"GET /buildid/aabb/executable\nHost: a\nX-DEBUGINFOD-MAXSIZE: 9\n"
	"User-Agent: elfutils/0.188\nX-Request-Id: a.b-1\n\n",
	"GET /buildid/aabb/debuginfo\nHost: a\n\n",
	"GET /buildid/aabb/source/usr/src/%61.c\nHost: a\n\n",
	"GET /buildid/aabb/section/.debug_line\nHost: a\n\n",
	"GET /buildid/AABB/meta\nHost: a\nAccept-Encoding: gzip;q=0.5, zstd, "
	"*;q=0\n\n",
	"GET /metadata?key=glob&value=%2fusr%2f*+x\nHost: a\n\n",
	"GET /metadata?key=buildid&value=aabb\nHost: a\n\n",
	"POST /buildids/query\nHost: a\nContent-Type: application/json\n"
	"Content-Length: 29\n\n{\"build_ids\":[\"aabb\",\"\\u00e9\"]}",
	"POST /buildids/query\nHost: a\nContent-Type: application/json\n"
	"Transfer-Encoding: chunked\nExpect: 100-continue\n\n"
	"{\"build_ids\":[[[[{}]]],1,null,\"\\u0000\"]}",
	"POST /buildids/query\nHost: a\nContent-Encoding: gzip\n\n\x1f\x8b\x08",
	"POST /buildids/query\nHost: a\nContent-Length: 1\n"
	"Content-Length: 2\nTransfer-Encoding: gzip, chunked\n\n{}",
	"GET /metrics\nHost: a\nAccept-Encoding: gzip\n\n",
	"GET /healthz\nHost: a\n\n",
	"GET /readyz\nHost: a\n\n",
	"GET /\nHost: a\nAccept: application/json\n\n",
	"OPTIONS /metadata\nHost: a\n\n",
	"BREW /pot\nHost: a\nHost: b\nFolded: a\n b\n\n",
	"GET /buildid//%2e%2e/%00/executable\nHost: a\n\n",
};

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++)
		take(ctx, seeds[i], strlen(seeds[i]));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to searches. The first byte: 1 hides paths, 2 is of one build ID, 4
 * runs out of memory, 8 has little room. */
#include "config.h"

#include "base/buf.h"
#include "tests/fuzz/fuzz.h"

static const char *const texts[] = {
	("{\"results\":[{\"type\":\"executable\",\"buildid\":\"aabb\","
	 "\"file\":\"/bin/a\"},{\"type\":\"debuginfo\",\"buildid\":\"aabb\","
	 "\"file\":\"/b\",\"archive\":\"/p.deb\"}],\"complete\":true}"),
	("{ \"results\": [ { \"type\": \"executable\", \"buildid\": \"AABB\", "
	 "\"file\": \"\\/bin\\/a\", \"archive\": \"\\/a.rpm\" } ], "
	 "\"complete\": false }"),
	("{\"results\":[{\"type\":\"executable\",\"buildid\":\"aabb\"}],"
	 "\"complete\":true}\n%%\n"
	 "{\"complete\":true,\"results\":[{\"x\":[{}],\"buildid\":\"aabb\","
	 "\"type\":\"executable\"},{\"type\":\"executable\","
	 "\"buildid\":\"ccdd\",\"file\":\"\\u00e9\\ud83d\\ude00\"}]}"),
	("{\"results\":[],\"complete\":true}%%\n<html>%%\n{}"),
	("{\"results\":[{\"type\":\"source\",\"buildid\":\"aabb\"},"
	 "{\"type\":\"executable\",\"buildid\":\"zz\"},{},"
	 "{\"type\":\"executable\",\"buildid\":\"aabb\","
	 "\"file\":\"/a\\u0000b\"}],\"complete\":true}"),
	("{\"results\":[{\"type\":\"executable\",\"buildid\":null}],"
	 "\"complete\":true}"),
};

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		for (unsigned flags = 0; flags < 64; flags += 11) {
			CLEANUP_BUF struct buf b = BUF_INIT;

			buf_append_byte(&b, (uint8_t)flags);
			buf_append_str(&b, texts[i]);
			take(ctx, b.data, b.size);
		}
	}
}

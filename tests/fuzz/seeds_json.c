/* SPDX-License-Identifier: Apache-2.0 */
/* All of the grammar; the first byte is flags. */
#include "config.h"

#include "base/buf.h"
#include "base/json_write.h"
#include "tests/fuzz/fuzz.h"

static const char *const texts[] = {
	"{\"build_ids\":[\"aabb\",\"ccdd\"],\"other\":{\"x\":[1,-2,3.5e-7]}}",
	"[true,false,null,0,-0,18446744073709551615,-9223372036854775808]",
	"\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\"",
	" [ \"0x00000000000000ff\" , \"0xFFFFFFFFFFFFFFFF\" , 4096 ]\r\n\t",
	"{\"a\":1,\"a\":2}",
	"{\"modules\":[{\"a\":[]},{}],\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}",
	"\"\\ud800\"",
	"1e400",
};

static void take_nested(fuzz_take_fn take, void *ctx, unsigned depth)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_append_byte(&b, 0);
	for (unsigned i = 0; i < depth; i++)
		buf_append_str(&b, i % 2 ? "{\"a\":" : "[");
	buf_append_str(&b, "1");
	for (unsigned i = depth; i-- > 0;)
		buf_append_str(&b, i % 2 ? "}" : "]");
	take(ctx, b.data, b.size);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		for (unsigned flags = 0; flags < 8; flags += 3) {
			CLEANUP_BUF struct buf b = BUF_INIT;

			buf_append_byte(&b, (uint8_t)flags);
			buf_append_str(&b, texts[i]);
			take(ctx, b.data, b.size);
		}
	}
	take_nested(take, ctx, JSON_DEPTH - 1);
	take_nested(take, ctx, JSON_DEPTH + 1);
}

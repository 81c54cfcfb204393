/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "tests/fuzz/fuzz.h"

/* The first byte is the number of the form in fuzz_wire.c. */
static const char *const texts[] = {
	"\x07kind=vaddr\n{\"modules\":[{\"build_id\":\"aabb\",\"kind\":"
	"\"vaddr\",\"addresses\":[\"0x401150\",4198656]},{\"build_id\":\"x\","
	"\"addresses\":[1]},{\"build_id\":\"ccdd\",\"kind\":\"runtime\","
	"\"map\":{\"start\":\"0x7000\",\"offset\":4096},"
	"\"addresses\":[\"0x7150\"],\"return_addresses\":true}],"
	"\"inlines\":false,\"demangle\":true,\"wait_ms\":5}",
	"\x07\n{\"modules\":[{\"build_id\":\"aabb\",\"kind\":\"section\","
	"\"section\":\".te\\u0078t\",\"addresses\":[0]},{\"build_id\":"
	"\"aabb\",\"kind\":\"kernel\",\"base\":\"0xffffffff81000000\","
	"\"base_symbol\":\"_text\",\"addresses\":[18446744073709551615]}]}",
	"\x08\naabb+0x1150\nccdd+0x1\n\nnginx;aabb+0x1150;[x] 17\n"
	"[0]aabb +1150; [1]aabb +1200; \nwhat\n",
	"\x08"
	"build_id=aabb&kind=vaddr&return_addresses=1\n0x401150\na;0x401151 2",
	"\x08"
	"kind=runtime&map_start=0x7000&map_offset=4096&inlines=0&demangle=no"
	"\naabb+8000\n",
	"\x08"
	"kind=kernel&base_symbol=_text&base=0xffff&wait_ms=7\naabb+8000\n",
	"\x0c\n{\"jobs\":[{\"memoryMap\":[[\"liba.so\","
	"\"AABB00000000000000000000000000010\"],[\"b\",\"00\"],[\"liba.so\","
	"\"AABB00000000000000000000000000010\"]],"
	"\"stacks\":[[[0,336],[-1,4660],[0,-1],[1,7],[2,1]],[]]}]}",
	"\x0c\n{\"stacks\":[[[0,256]]],\"memoryMap\":[[\"a\","
	"\"AABB00000000000000000000000000010\"]]}",
	/* Of its last stack nothing was ever put into text. */
	"\x08\naabb+0xF150\nccdd+0x1\n\nnx115\naabb+0x1105\nccdd+0xabb "
	"+i~x;aabb+0x1701;",
	"\x0d\n{\"modules\":[]}",
	"\x0d\naabb+1150\n",
	"\x87\n application/JSON ; charset=\"utf-8\"\n"
	"text/plain;q=0.5;style=lines, application/x-protobuf;q=0.4, */*;q=0\n"
	"{\"modules\":[{\"build_id\":\"aabb\",\"addresses\":[1]}]}",
	"\x87kind=vaddr\ntext/plain\napplication/json\naabb+0x1150\n",
	"\x87\napplication/x-bpf-stack-build-id;depth=1;endian=little\n*/*\n",
	"\x8c\ntext/html\n\n{}",
};

static void seed_records(fuzz_take_fn take, void *ctx, const char *form)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_append_str(&b, form);
	for (unsigned i = 0; i < 5; i++) {
		static const uint8_t id[20] = { 0xaa, 0xbb };

		buf_put_u32(&b, i == 2 ? 0 : i == 4 ? 2 : 1);
		buf_append(&b, id, sizeof(id));
		buf_put_u64(&b, 0x1150 + i);
	}
	take(ctx, b.data, b.size);
}

static void seed_protobuf(fuzz_take_fn take, void *ctx)
{
	static const char body[] =
		"\x0b\n\x0a\x0f\x0a\x02\xaa\xbb\x10\x01\x1a\x05\xd0\xa2\x80\x02"
		"\x01\x20\x00\x0a\x09\x0a\x02\xcc\xdd\x18\x01\x3a\x01x\x10\x01"
		"\x18\x00\x20\x05\x7a\x00";

	take(ctx, body, sizeof(body) - 1);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		take(ctx, texts[i], strlen(texts[i]));
	seed_records(take, ctx, "\x09\n");
	seed_records(take, ctx, "\x0a\n");
	seed_protobuf(take, ctx);
}

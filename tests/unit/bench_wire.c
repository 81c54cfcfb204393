/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the wire forms cost, in CPU time: `make tests/unit/bench_wire` and run
 * it with a compiled table (what GET /buildid/ID/gsym gives has no file
 * offsets: take one of the cache) and, perhaps, a number of addresses. Not part
 * of `make check`.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "symbolize/exchange.h"

enum { ROUNDS = 30, LIMIT_BYTES = 1 << 30 };

static const struct batch_limits limits = {
	.addresses = 1 << 24,
	.modules = 1000,
	.wait_ms = 30000,
};

static uint64_t state = 42;

static uint64_t random_u64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

static void must(struct error *err)
{
	if (!err)
		return;
	fprintf(stderr, "%s\n", error_message(err));
	exit(1);
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static const struct symtab_segment *largest_code(const struct symtab_layout *l)
{
	const struct symtab_segment *best = NULL;

	for (size_t i = 0; i < l->segment_count; i++) {
		const struct symtab_segment *s = &l->segments[i];

		if (s->flags & 1 && (!best || s->file_size > best->file_size))
			best = s;
	}
	if (!best) {
		fprintf(stderr, "no executable segment\n");
		exit(1);
	}
	return best;
}

/* Offsets that a function holds. */
static uint64_t *choose(struct symtab *t, size_t count)
{
	const struct symtab_segment *s = largest_code(symtab_layout(t));
	uint64_t *v = calloc(count, sizeof(*v));
	struct symtab_cursor *c;

	must(symtab_cursor_create(t, &c));
	for (size_t i = 0; i < count;) {
		uint64_t at = random_u64() % s->file_size;
		const struct symtab_frame *frames;
		size_t n;

		must(symtab_find(c, (struct vaddr) { s->vaddr.v + at }, true,
				 &frames, &n));
		if (n)
			v[i++] = s->offset.v + at;
	}
	symtab_cursor_free(c);
	return v;
}

static const char id[] = "93ac61ec5a8eb1396f9fbd350e3169a558528a40";

static void make_json(struct buf *b, const uint64_t *v, size_t count)
{
	buf_printf(b, "{\"modules\":[{\"build_id\":\"%s\",\"addresses\":[", id);
	for (size_t i = 0; i < count; i++)
		buf_printf(b, "%s\"0x%" PRIx64 "\"", i ? "," : "", v[i]);
	buf_append_str(b, "]}]}");
}

static void make_text(struct buf *b, const uint64_t *v, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(b, "%s+0x%" PRIx64 "\n", id, v[i]);
}

static void make_folded(struct buf *b, const uint64_t *v, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(b, "%s+0x%" PRIx64 "%s", id, v[i],
			   i % 20 == 19 ? " 1\n" : ";");
}

static void make_records(struct buf *b, const uint64_t *v, size_t count)
{
	struct build_id parsed;

	build_id_parse(id, strlen(id), &parsed);
	for (size_t i = 0; i < count; i++) {
		buf_put_u32(b, 1);
		buf_append(b, parsed.bytes, 20);
		buf_put_u64(b, v[i]);
	}
}

static void put_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_append_byte(b, (uint8_t)(v | 0x80));
	buf_append_byte(b, (uint8_t)v);
}

static void make_proto(struct buf *b, const uint64_t *v, size_t count)
{
	CLEANUP_BUF struct buf packed = BUF_INIT, module = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		put_varint(&packed, v[i]);
	buf_append(&module, "\x0a\x04\xaa\xbb\xcc\xdd\x1a", 7);
	put_varint(&module, packed.size);
	buf_append(&module, packed.data, packed.size);
	buf_append_byte(b, 0x0a);
	put_varint(b, module.size);
	buf_append(b, module.data, module.size);
}

static const struct {
	const char *name, *type;
	void (*make)(struct buf *b, const uint64_t *v, size_t count);
} forms[] = {
	{ "json", "application/json", make_json },
	{ "text", "text/plain", make_text },
	{ "folded", "text/plain", make_folded },
	{ "records", "application/x-bpf-stack-build-id", make_records },
	{ "protobuf", "application/x-protobuf", make_proto },
};

/* CPU time of reading, answering and writing. */
static void run_once(const struct exchange_request *rq, struct symtab *t,
		     struct buf *out, int64_t ns[3])
{
	CLEANUP_EXCHANGE struct exchange *x = NULL;
	const char *type;
	int64_t start = cpu_ns(), now;

	must(exchange_read(rq, &limits, &x));
	struct batch *b = exchange_batch(x);

	now = cpu_ns();
	ns[0] = now - start;
	for (size_t i = 0; i < b->module_count; i++) {
		b->modules[i].status = MODULE_OK;
		b->modules[i].origin = "local";
		b->modules[i].table = symtab_get(t);
	}
	must(batch_answer(b));
	start = cpu_ns();
	ns[1] = start - now;
	buf_clear(out);
	must(exchange_write(x, LIMIT_BYTES, NULL, out, &type));
	ns[2] = cpu_ns() - start;
}

static void measure(size_t form, struct symtab *t, const uint64_t *v,
		    size_t count)
{
	CLEANUP_BUF struct buf body = BUF_INIT, out = BUF_INIT;
	int64_t best[3] = { INT64_MAX, INT64_MAX, INT64_MAX };

	forms[form].make(&body, v, count);
	const struct exchange_request rq = {
		.content_type = forms[form].type,
		.body = body.data,
		.size = body.size,
	};

	for (unsigned i = 0; i < ROUNDS; i++) {
		int64_t ns[3];

		run_once(&rq, t, &out, ns);
		for (unsigned k = 0; k < 3; k++)
			best[k] = ns[k] < best[k] ? ns[k] : best[k];
	}
	printf("%-9s read %4.0f  answer %4.0f  write %4.0f  ns/address; "
	       "%zu bytes in, %zu out\n",
	       forms[form].name, (double)best[0] / (double)count,
	       (double)best[1] / (double)count, (double)best[2] / (double)count,
	       body.size, out.size);
}

int main(int argc, char **argv)
{
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
	CLEANUP_CLOSE int fd =
		argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct symtab *t;

	if (fd < 0 || !count) {
		fprintf(stderr, "usage: bench_wire TABLE [ADDRESSES]\n");
		return 64;
	}
	must(symtab_open(fd, NULL, &t));
	uint64_t *v = choose(t, count);

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		measure(i, t, v, count);
	free(v);
	symtab_put(t);
	return 0;
}

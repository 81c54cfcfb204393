/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations, as both sides write them. */
#include "config.h"

#include "base/mem.h"
#include "codec/codec.h"
#include "tests/fuzz/fuzz.h"
#include "worker/symtab_job.h"
#include "worker/jobs.h"

/* A message behind @out, its payload as some function puts it. */
static void put_message(struct buf *out, enum wire_type type,
			const struct buf *payload)
{
	buf_put_u32(out, (uint32_t)payload->size);
	buf_put_u32(out, type);
	buf_append(out, payload->data, payload->size);
}

static void put_sources(struct buf *out)
{
	static const char list[] = "/usr/src/a.c\0/usr/src/b.c";

	if (codec_pack(list, sizeof(list), out))
		abort();
}

static void put_artifact(struct buf *out, unsigned n)
{
	CLEANUP_BUF struct buf payload = BUF_INIT;
	struct elf_segment segments[] = {
		{ { 0 }, { 0x400000 }, 0x1000, 0x1000, 5 },
		{ { 0x1000 }, { UINT64_MAX - 0xfff }, 0x20, UINT64_MAX, 6 },
	};
	static char go_id[] = "a/b", problem[] = "damaged";
	static uint64_t split_ids[] = { 1, 0x1234567, UINT64_MAX };
	struct found_artifact a = {
		.member = n ? "./usr/bin/a" : NULL,
		.ordinal = n,
		.offset = n * 512,
		.size = 1000,
		.packed_size = n > 1 ? 500 : 0,
		.packed_codec = n > 1 ? CODEC_XZ : CODEC_NONE,
		.mtime = 1700000000,
		.facts = { .elf_class = 64,
			   .machine = 62,
			   .type = 3,
			   .roles = 1 + n % 3,
			   .quality = (enum elf_quality)(n % ELF_QUALITIES),
			   .segments = segments,
			   .segment_count = 2,
			   .split_ids = n == 3 ? split_ids : NULL,
			   .split_id_count = n == 3 ? 3 : 0,
			   .go_id = n ? go_id : NULL,
			   .sources_problem = n ? problem : NULL },
	};

	build_id_set(&a.facts.gnu_id, "0123456789abcdefghij", n == 2 ? 0 : 20);
	if (n) {
		build_id_set(&a.facts.alt_id, "alternate", 9);
		a.facts.source_count = 2;
		put_sources(&a.facts.sources);
		put_sources(&a.facts.sources_pending);
	}
	found_artifact_put(&payload, &a);
	put_message(out, WIRE_ARTIFACT, &payload);
	buf_deinit(&a.facts.sources);
	buf_deinit(&a.facts.sources_pending);
}

static void put_dir(struct buf *out, const char *dir)
{
	CLEANUP_BUF struct buf payload = BUF_INIT, files = BUF_INIT;
	const struct source_file f = { "a.c", 3, 4, 2048, 10, 1700000000 };

	source_file_put(&files, &f);
	source_file_put(&files, &f);
	buf_put_str(&payload, dir);
	buf_put_bytes(&payload, files.data, files.size);
	put_message(out, WIRE_SOURCE_DIR, &payload);
}

static void put_point(struct buf *out, uint64_t at)
{
	CLEANUP_BUF struct buf payload = BUF_INIT;

	buf_put_u64(&payload, at);
	buf_put_u64(&payload, at * 4);
	buf_put_bytes(&payload, "state", at % 6);
	put_message(out, WIRE_POINT, &payload);
}

static void put_end(struct buf *out, const char *scanner, unsigned kind)
{
	CLEANUP_BUF struct buf payload = BUF_INIT;
	const struct file_end e = {
		.scanner = scanner,
		.error_kind_plus_one = kind,
		.message = kind ? "cut short" : "",
		.payload_codec = CODEC_XZ,
		.payload_offset = 200,
		.payload_size = 700,
		.members = 5,
		.passed_over = { .count = { 1, 2, 3, 4, 5 } },
	};

	file_end_put(&payload, &e);
	put_message(out, WIRE_FILE_END, &payload);
}

static void put_done(struct buf *out)
{
	CLEANUP_BUF struct buf payload = BUF_INIT;

	buf_put_u32(&payload, 0);
	buf_put_str(&payload, "");
	buf_put_u64(&payload, 1 << 20);
	put_message(out, WIRE_DONE, &payload);
}

static void take_scan(fuzz_take_fn take, void *ctx, unsigned kind)
{
	CLEANUP_BUF struct buf b = BUF_INIT, payload = BUF_INIT;

	buf_append_byte(&b, 0);
	buf_put_u32(&payload, 0);
	put_message(&b, WIRE_FILE, &payload);
	for (unsigned n = 0; n < 4; n++)
		put_artifact(&b, n);
	put_dir(&b, "/usr/src");
	put_dir(&b, "/usr/src/b");
	for (unsigned n = 0; n < 3; n++)
		put_point(&b, n * 100);
	put_end(&b, kind ? "" : "deb", kind);
	put_done(&b);
	take(ctx, b.data, b.size);
}

static void take_table(fuzz_take_fn take, void *ctx)
{
	CLEANUP_BUF struct buf b = BUF_INIT, payload = BUF_INIT;
	struct symtab_build_report report = {
		.quality = SYMTAB_QUALITY_DWARF,
		.functions = 5,
		.units = 1,
		.problem = "no split file",
	};

	buf_append(&report.missing_dwos, "a.dwo", 6);
	build_id_set(&report.missing_alt, "alternate", 9);
	buf_append_byte(&b, 1);
	symtab_result_put(&payload, &report);
	put_message(&b, WIRE_RESULT, &payload);
	take(ctx, b.data, b.size);
	buf_deinit(&report.missing_dwos);
}

static void take_resolved(fuzz_take_fn take, void *ctx)
{
	CLEANUP_BUF struct buf b = BUF_INIT, payload = BUF_INIT;
	CLEANUP_BUF struct buf sources = BUF_INIT;
	struct resolve_result result = { .source_count = 2 };

	put_sources(&sources);
	result.sources = sources.data;
	result.sources_size = sources.size;
	buf_append_byte(&b, 2);
	resolve_result_put(&payload, &result);
	put_message(&b, WIRE_RESOLVED, &payload);
	take(ctx, b.data, b.size);
}

static void put_locator(struct buf *out)
{
	static uint8_t state[] = "state";
	const struct codec_point points[] = { { 0, 0, NULL, 0 },
					      { 100, 4000, state, 5 } };
	const struct locator l = {
		.scanner = "deb",
		.path = "/srv/a.deb",
		.file_size = 1000,
		.member = "./usr/bin/a",
		.payload_codec = CODEC_XZ,
		.payload_offset = 200,
		.payload_size = 700,
		.ordinal = 1,
		.offset = 512,
		.size = 1000,
		.points = points,
		.point_count = 2,
	};

	locator_put(out, &l);
}

static void put_symtab_request(struct buf *out)
{
	static const uint64_t addresses[] = { 0x1000, 0, UINT64_MAX };
	static char name[] = ".text", base[] = "_text";
	struct symtab_segment segment = { { 0 }, { 0x1000 }, 0x800, 0x900, 5 };
	struct symtab_section section = { name, { 0x1000 }, 0x800 };
	struct symtab_base text = { base, { 0x1000 } };
	const struct symtab_layout layout = {
		.type = 3,
		.machine = 62,
		.segments = &segment,
		.segment_count = 1,
		.sections = &section,
		.section_count = 1,
		.bases = &text,
		.base_count = 1,
	};
	const struct symtab_build_inputs in = {
		.debuginfo = 0, .executable = -1, .alt = -1, .layout = &layout
	};
	const struct symtab_build_wanted wanted[] = {
		{ { .kind = ADDRESS_FILE_OFFSET }, addresses, 3 },
		{ { .kind = ADDRESS_SECTION, .name = ".text" }, addresses, 3 },
		{ { .kind = ADDRESS_RUNTIME,
		    .map_start = 0x1000,
		    .return_addresses = true },
		  addresses,
		  3 },
		{ { .kind = ADDRESS_KERNEL, .name = "_text", .base = 0x1000 },
		  addresses,
		  3 },
	};

	symtab_request_put(out, &in, wanted, 4);
}

static void take_requests(fuzz_take_fn take, void *ctx)
{
	CLEANUP_BUF struct buf b = BUF_INIT, payload = BUF_INIT;
	const struct scan_file files[] = {
		{ "/srv/a.deb", 1000, SCANNER_ANY, false, false },
		{ "/srv/b", 1, SCANNER_BARE, false, true },
	};
	const struct resolve_item item = { (const uint8_t *)"ab", 2, NULL, 0 };
	struct build_id id;

	buf_append_byte(&b, 3);
	scan_request_put(&payload, files, 2);
	put_message(&b, WIRE_SCAN, &payload);
	buf_clear(&payload);
	put_locator(&payload);
	put_message(&b, WIRE_EXTRACT, &payload);
	buf_clear(&payload);
	build_id_set(&id, "\xaa\xbb", 2);
	resolve_request_put(&payload, &id, 1000);
	resolve_item_put(&payload, &item);
	put_message(&b, WIRE_RESOLVE, &payload);
	buf_clear(&payload);
	put_symtab_request(&payload);
	put_message(&b, WIRE_SYMTAB, &payload);
	take(ctx, b.data, b.size);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	take_scan(take, ctx, 0);
	take_scan(take, ctx, 3);
	take_table(take, ctx);
	take_resolved(take, ctx);
	take_requests(take, ctx);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Files with all that names code: DWARF with an inlined call and lines, symbols
 * of both tables, frames, stubs, a small file within. Their code is at 0x1000.
 */
#include "config.h"

#include <elf.h>
#include <lzma.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/elf_writer.h"

/* 1 compile unit: name, comp_dir, low_pc, high_pc, stmt_list; 2 function: name,
 * low_pc, high_pc; 3 function that is only inlined; 4 call of it: origin,
 * low_pc, high_pc, file, line. */
static const uint8_t abbrevs[] = {
	1,    0x11, 1,    0x03, 0x08, 0x1b, 0x08, 0x11, 0x01, 0x12, 0x06,
	0x10, 0x17, 0,    0,    2,    0x2e, 1,    0x03, 0x08, 0x11, 0x01,
	0x12, 0x06, 0,    0,    3,    0x2e, 0,    0x03, 0x08, 0x20, 0x0b,
	0,    0,    4,    0x1d, 0,    0x31, 0x13, 0x11, 0x01, 0x12, 0x06,
	0x58, 0x0b, 0x59, 0x0b, 0,    0,    0,
};

/* DWARF 4, 64-bit addresses, little-endian. The function h is at 35. */
static const uint8_t info[] = {
	/* 101 bytes behind this */
	101, 0, 0, 0, 4, 0, 0, 0, 0, 0, 8,
	/* compile unit "a.c" in "/s", 0x1000 to 0x1100, lines at 0 */
	1, 'a', '.', 'c', 0, '/', 's', 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
	0, 0, 0, 0,
	/* "h", inlined */
	3, 'h', 0, 1,
	/* "f", 0x1000 to 0x1010, with h at 0x1004 to 0x1008, a.c:2 */
	2, 'f', 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 4, 35, 0, 0, 0, 4,
	0x10, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 2, 0,
	/* "g", 0x1018 to 0x1020, without children */
	2, 'g', 0, 0x18, 0x10, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0,
	/* a call of nothing, outside */
	4, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0
};

static const uint8_t lines[] = { 51, 0, 0, 0, 4, 0, 27, 0, 0, 0, 1, 1, 1, 0xfb,
				 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0,
				 'a', '.', 'c', 0, 0, 0, 0, 0,
				 /* from 0x1000: a row, lines on, to 0x1030 */
				 0, 9, 2, 0, 0x10, 0, 0, 0, 0, 0, 0, 0x14, 0x4b,
				 /* 0x1030, end */
				 2, 0x20, 0, 1, 1 };

static const uint8_t frames[] = {
	/* CIE "zR", absolute addresses of 4 bytes; two functions */
	13,   0,  0,    0,    0,  0, 0,    0,  1,  'z', 'R', 0,  1,
	0x78, 16, 1,    3,    12, 0, 0,    0,  21, 0,   0,   0,  0,
	0x10, 0,  0,    0x10, 0,  0, 0,    12, 0,  0,   0,   37, 0,
	0,    0,  0x40, 0x10, 0,  0, 0x10, 0,  0,  0
};

/* x86-64: a jump through the slot 16 bytes behind it. */
static const uint8_t stubs[] = { 0xff, 0x25, 10, 0, 0, 0, 0x66, 0x90,
				 0xff, 0x25, 2,  0, 0, 0, 0x66, 0x90 };
static const uint8_t slots[] = { 16, 0x20, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0,
				 1,  0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

static const struct elf_symbol symbols[] = {
	{ "f", 0x1000, 16, ".code" },
	{ "f.cold", 0x1010, 8, ".code", ELF_SYMBOL_INFO(STB_LOCAL, STT_FUNC) },
	{ "_ZN1a1gEv", 0x1018, 0, ".code" },
	{ "label", 0x1028, 0, ".code", ELF_SYMBOL_INFO(STB_LOCAL, STT_NOTYPE) },
	{ "memcpy@@V_2", 0x1040, 0, ".code" },
	{ "outer", 0x1030, 64, ".code" },
	{ "_text", 0x1000, 0, ".code",
	  ELF_SYMBOL_INFO(STB_GLOBAL, STT_NOTYPE) },
};

static size_t pack_inner(const struct elf_spec *spec, uint8_t *out, size_t room)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;
	size_t size = 0;

	elf_write(spec, &plain);
	if (lzma_easy_buffer_encode(0, LZMA_CHECK_NONE, NULL, plain.data,
				    plain.size, out, &size, room) != LZMA_OK)
		abort();
	return size;
}

#define BYTES(a) .data = (a), .size = sizeof(a)

static void take_variant(fuzz_take_fn take, void *ctx, unsigned i)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;
	uint8_t inner[4096];
	struct elf_extra extras[] = {
		{ .name = ".code",
		  .flags = SHF_ALLOC | SHF_EXECINSTR,
		  .size = 0x100,
		  .align = 0x1000 },
		{ .name = ".plt",
		  .flags = SHF_ALLOC | SHF_EXECINSTR,
		  BYTES(stubs),
		  .align = 0x1000 },
		{ .name = ".rela.plt",
		  .type = SHT_RELA,
		  .flags = SHF_ALLOC,
		  BYTES(slots) },
		{ .name = ".eh_frame", .flags = SHF_ALLOC, BYTES(frames) },
		{ .name = ".debug_abbrev", BYTES(abbrevs) },
		{ .name = ".debug_info", BYTES(info) },
		{ .name = ".debug_line", BYTES(lines) },
		{ .name = ".gnu_debugdata", .data = inner },
	};
	struct elf_spec spec = {
		.is_32 = i & 1,
		.type = i & 2 ? ET_REL : ET_DYN,
		.is_debug_file = i & 4,
		.packing = (enum elf_packing)(i / 4 % 4),
		.build_id = "0123456789abcdef",
		.symbols = symbols,
		.symbol_count = i & 8 ? 0 : 7,
		.dynamic_symbols = symbols,
		.dynamic_symbol_count = 2,
		.extras = extras,
		.extra_count = 1,
		.alt_name = i & 1 ? "alt" : NULL,
		.alt_id = "00112233",
	};

	extras[7].size = pack_inner(&spec, inner, sizeof(inner));
	spec.extra_count = i & 16 ? 7 : 8;
	elf_write(&spec, &elf);
	take(ctx, elf.data, elf.size);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (unsigned i = 0; i < 32; i++)
		take_variant(take, ctx, i);
}

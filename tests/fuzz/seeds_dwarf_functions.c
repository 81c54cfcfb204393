/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF of functions of all versions, in either class and order, split and not,
 * packed and not. */
#include "config.h"

#include <elf.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/dwarf_programs.h"

static void take_variant(fuzz_take_fn take, void *ctx, unsigned i)
{
	CLEANUP_DWARF_WRITER struct dwarf_writer w = {
		.version = 2 + i % 4,
		.address_size = i & 4 ? 4 : 8,
		.big_endian = i & 8,
		.is_64 = i % 4 > 1 && (i & 16),
		.is_split = i == 30,
	};
	CLEANUP_BUF struct buf elf = BUF_INIT;

	write_some_of_everything(&w, 0x1000);
	dw_elf(&w,
	       &(struct elf_spec) {
		       .text_size = 0x1000,
		       .type = i % 5 == 4 ? ET_REL : ET_DYN,
		       .packing = i > 24 ? ELF_PACK_ZLIB : ELF_PACK_NONE,
	       },
	       &elf);
	take(ctx, elf.data, elf.size);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (unsigned i = 0; i < 32; i++)
		take_variant(take, ctx, i);
}

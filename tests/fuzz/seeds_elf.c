/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files of both classes and orders, all versions of DWARF, all packings. */
#include "config.h"

#include <elf.h>

#include "elf/dwarf_const.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/elf_writer.h"

static void take_variant(fuzz_take_fn take, void *ctx, unsigned i)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;
	static const unsigned forms[] = { 0, DW_FORM_string, DW_FORM_strp,
					  DW_FORM_strx1, DW_FORM_GNU_strp_alt };
	static const struct elf_unit_file files[] = {
		{ "a.c", 0 }, { "a.h", 1 }, { "/x.h", 2 }, { NULL }
	};
	const char *const dirs[] = { "include", "/usr", NULL };
	struct elf_unit units[2] = {
		{ .version = 2 + i % 4,
		  .is_64 = i & 16,
		  .info_version = i & 32 ? 5 : 0,
		  .comp_dir = "/src",
		  .dirs = dirs,
		  .files = files,
		  .comp_dir_form = forms[i / 4 % 5],
		  .table_form = forms[i / 4 % 5],
		  .has_md5 = i & 1 },
		{ .version = 5 - i % 2,
		  .comp_dir = "/b",
		  .files = files,
		  .line_section = i % 3 == 0 },
	};

	elf_write(
		&(struct elf_spec) {
			.is_32 = i & 2,
			.big_endian = i & 8,
			.build_id = "0123456789abcdef",
			.go_id = "g/o",
			.has_other_note = i & 4,
			.note_align = i & 8 ? 8 : 4,
			.type = i % 3 == 0 ? ET_REL : ET_DYN,
			.use_rel = i & 4,
			.unsorted_relocations = i & 8,
			.packing = (enum elf_packing)(i / 7 % 4),
			.units = units,
			.unit_count = 2,
			.alt_name = "alt",
			.alt_id = "00112233",
			.no_section_table = i == 63,
			.is_debug_file = i & 16,
			.text_size = 16,
		},
		&elf);
	take(ctx, elf.data, elf.size);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (unsigned i = 0; i < 64; i++)
		take_variant(take, ctx, i);
}

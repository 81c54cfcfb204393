/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_elf_seeds DIR: write the files that fuzz_elf_facts begins with. */
#include "config.h"

#include <elf.h>
#include <stdio.h>

#include "elf/dwarf_const.h"
#include "tests/lib/elf_writer.h"

static void write_seed(const char *dir, unsigned number,
		       const struct elf_spec *spec)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;
	char path[4096];

	elf_write(spec, &elf);
	snprintf(path, sizeof(path), "%s/%03u", dir, number);
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(elf.data, 1, elf.size, f) != elf.size || fclose(f)) {
		perror(path);
		exit(EXIT_FAILURE);
	}
}

static void write_variant(const char *dir, unsigned i)
{
	static const unsigned forms[] = { 0, DW_FORM_string, DW_FORM_strp,
					  DW_FORM_strx1 };
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
		  .comp_dir_form = forms[i / 4 % 4],
		  .table_form = forms[i / 4 % 4],
		  .has_md5 = i & 1 },
		{ .version = 5 - i % 2,
		  .comp_dir = "/b",
		  .files = files,
		  .line_section = i % 3 == 0 },
	};

	write_seed(dir, i,
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
		   });
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fuzz_elf_seeds DIR\n");
		return EXIT_FAILURE;
	}
	for (unsigned i = 0; i < 64; i++)
		write_variant(argv[1], i);
	return 0;
}

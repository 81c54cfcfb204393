/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Two units that share a header, with every way a name can be relative, and
 * the sources they come to.
 */
#ifndef TESTS_LIB_DWARF_FIXTURE_H
#define TESTS_LIB_DWARF_FIXTURE_H

#include "tests/lib/elf_fixture.h"

#define FILES(...) ((struct elf_unit_file[]) { __VA_ARGS__, { NULL } })
#define DIRS(...)  ((const char *[]) { __VA_ARGS__, NULL })

static const struct elf_unit_file first_files[] = {
	{ "a.c", 0 },      { "a.h", 1 },        { "stdio.h", 2 },
	{ "/abs/x.h", 1 }, { "<built-in>", 0 }, { NULL },
};
static const struct elf_unit_file second_files[] = { { "b.c", 0 },
						     { "stdio.h", 1 },
						     { NULL } };
static const char *const first_dirs[] = { "include", "/usr/include", NULL };
static const char *const second_dirs[] = { "/usr/include", NULL };

FIXTURE_FN void two_units(struct elf_unit units[2], unsigned version)
{
	units[0] = (struct elf_unit) {
		.version = version,
		.comp_dir = "/src/one",
		.dirs = first_dirs,
		.files = first_files,
	};
	units[1] = (struct elf_unit) {
		.version = version,
		.comp_dir = "/src/two",
		.dirs = second_dirs,
		.files = second_files,
	};
}

FIXTURE_FN void ck_two_units(const struct elf_spec *spec)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	facts_of(spec, &f);
	ck_problem(&f, NULL);
	ck_sources(&f, "/abs/x.h", "/src/one/a.c", "/src/one/include/a.h",
		   "/src/two/b.c", "/usr/include/stdio.h");
}

#endif

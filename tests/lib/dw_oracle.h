/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What elfutils says of an ELF file: the oracle for src/elf.
 *
 * For tests: ends the program when it runs out of memory.
 */
#ifndef TESTS_LIB_DW_ORACLE_H
#define TESTS_LIB_DW_ORACLE_H

#include "base/build_id.h"
#include "elf/elf_facts.h"

#include <stddef.h>

struct oracle_names {
	char **list; /* sorted by strcmp, each once */
	size_t count;
	size_t capacity;
};

/**
 * Ask elfutils.
 *
 * The build ID is dwelf_elf_gnu_build_id()'s; the sources are those of
 * dwarf_getsrcfiles() of each unit, names that it leaves relative joined to
 * comp_dir. Relocatable files are relocated by libdwfl first.
 *
 * "." segments are taken out: libdw joins directory 0 itself, but no other
 * relative one, so where comp_dir is relative its names do not tell whether
 * they are joined.
 *
 * @param[in] path Of a relocatable file, @p fd of others.
 */
void oracle_facts(const char *path, int fd, bool is_relocatable,
		  struct build_id *id, struct oracle_names *names);

/** Our sources in the same shape. */
void oracle_our_names(const struct elf_facts *f, struct oracle_names *names);

void oracle_names_deinit(struct oracle_names *names);

#endif

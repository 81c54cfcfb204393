/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The names of all sources that a file's DWARF speaks of.
 *
 * Reads the line-table headers; where these are of version 2 to 4 and hold
 * relative names, also what .debug_info says of comp_dir; then the strings
 * that are wanted, in the order they are stored in.
 *
 * Threads: any number, each with its own file.
 */
#ifndef ELF_DWARF_SOURCES_H
#define ELF_DWARF_SOURCES_H

#include "base/buf.h"
#include "base/error.h"
#include "elf/elf_file.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * Read them.
 *
 * A relative name is joined to its directory, a relative directory to
 * comp_dir; where comp_dir is not known the name stays relative. Names in
 * angle brackets ("<built-in>") are left out. Nothing is canonicalised.
 *
 * @param[in] has_alt The file names an alternate file. What lies in it then
 * waits for it (source_pending.h), else it is missing.
 * @param[out] sources Empty buffer: the names, sorted by strcmp, a NUL behind
 * each, each once.
 * @param[out] pending Empty buffer: the names that wait; stays empty if none
 * do.
 * @param[out] problem_ret What could not be read, naming section and offset;
 * NULL if all was. Owned, mem_free().
 * @return NO_MEMORY, IO.
 */
MUST_CHECK struct error *
dwarf_sources_read(struct elf_file *f, bool has_alt, struct buf *sources,
		   size_t *count_ret, struct buf *pending, char **problem_ret);

#endif

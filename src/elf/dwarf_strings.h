/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Strings out of .debug_str or .debug_line_str, front to back.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_DWARF_STRINGS_H
#define ELF_DWARF_STRINGS_H

#include "base/error.h"
#include "elf/dwarf_reader.h"

#include <stddef.h>

/**
 * Read the strings at some places and keep them in @c d->names.
 *
 * One that has no end or is too long stays missing and is noted as a problem
 * of @p d. One that lies outside ends it: those behind it stay missing, too.
 *
 * @param[in] section Number; 0: there is none, BAD_DATA.
 * @param[in] step Bytes to inflate at a time.
 * @param[in] name Of the section, for problems.
 * @param[in,out] strings Ascending offsets; gets the refs.
 * @return BAD_DATA, LIMIT, NO_MEMORY, IO.
 */
MUST_CHECK struct error *dwarf_strings_read(struct dwarf_reader *d,
					    size_t section, size_t step,
					    const char *name,
					    struct source_string *strings,
					    size_t count);

#endif

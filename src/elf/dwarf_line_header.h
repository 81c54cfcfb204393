/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The headers of .debug_line: which files the line tables speak of. The line
 * programs behind them are skipped.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_DWARF_LINE_HEADER_H
#define ELF_DWARF_LINE_HEADER_H

#include "base/error.h"
#include "elf/dwarf_reader.h"
#include "elf/dwarf_units.h"

#include <stddef.h>

/**
 * Gather the files of all tables in one section into @c d->names.
 *
 * Damage is noted as a problem of @p d; what comes before it, and the tables
 * behind it where their beginning is known, are still read.
 *
 * @param[in] section Number of a .debug_line section.
 * @param[in] units Asked where a table does not say what its names are
 * relative to.
 * @return NO_MEMORY, IO.
 *
 * Cost: the headers; in a compressed section, inflating all of it.
 */
MUST_CHECK struct error *dwarf_read_line_headers(struct dwarf_reader *d,
						 size_t section,
						 struct dwarf_units *units);

#endif

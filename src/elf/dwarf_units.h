/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The units of .debug_info, walked only as far as somebody asks, and of each
 * only its first entry: what line tables up to version 4 do not say
 * themselves.
 *
 * Units and line tables stand in the same order in practice, so a walk along
 * with the line tables ends where the last table that needs it does.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_DWARF_UNITS_H
#define ELF_DWARF_UNITS_H

#include "base/error.h"
#include "elf/dwarf_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a line table's unit says of the names in it. */
struct dwarf_line_unit {
	bool has_comp_dir;
	struct source_ref comp_dir;
	/** Where the unit's part of .debug_str_offsets begins. */
	bool has_str_base;
	uint64_t str_base;
};

struct dwarf_units;

/** @param[in] d Borrowed until dwarf_units_close().
 * @param[out] ret Owned. Nothing is read yet. */
MUST_CHECK struct error *dwarf_units_open(struct dwarf_reader *d,
					  struct dwarf_units **ret);

/**
 * The unit that a line table belongs to.
 *
 * @param[in] section Number of the .debug_line section.
 * @param[in] offset Of the table in it.
 * @param[in] need_comp_dir Several units may share a table (partial units):
 * look for one that has a comp_dir.
 * @param[out] ret All zero where no unit, or none of that kind, is found.
 * @return NO_MEMORY, IO. Damage is noted as a problem.
 */
MUST_CHECK struct error *dwarf_units_find(struct dwarf_units *u, size_t section,
					  uint64_t offset, bool need_comp_dir,
					  struct dwarf_line_unit *ret);

/**
 * Look a string up in .debug_str_offsets.
 *
 * @param[in] base Of the unit; see dwarf_str_base().
 * @return BAD_DATA if it lies outside, LIMIT, NO_MEMORY, IO.
 */
MUST_CHECK struct error *dwarf_units_string(struct dwarf_units *u,
					    uint64_t base, uint64_t index,
					    unsigned offset_size,
					    struct source_ref *ret);

/** Where a unit's strings begin if it does not say: behind the header of
 * .debug_str_offsets, which version 4 (GNU) has not. */
uint64_t dwarf_default_str_base(const struct dwarf_format *format);

/** NULL is allowed. */
void dwarf_units_close(struct dwarf_units *u);

static inline void cleanup_dwarf_units(struct dwarf_units **u)
{
	dwarf_units_close(*u);
}
#define CLEANUP_DWARF_UNITS CLEANUP(cleanup_dwarf_units)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Applies all relocations of a debug section of a relocatable file (ET_REL) to
 * its bytes in memory, so that whoever reads them need not know.
 *
 * elf_reloc.h looks single values up instead: for readers that look at few.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_DWARF_RELOCATE_H
#define ELF_DWARF_RELOCATE_H

#include "base/error.h"
#include "elf/elf_file.h"

#include <stddef.h>
#include <stdint.h>

struct dwarf_relocator {
	/** Address given to each section, by number; what is behind the end is
	 * at 0. Borrowed. */
	const uint64_t *vaddrs;
	size_t vaddr_count;
	/** Steps so far, for all sections: tables may lie over each other. */
	uint64_t work;
};

/**
 * Relocate a section.
 *
 * Relocations of types that are not known, or lie outside, change nothing.
 *
 * @param[in] section Number of the section that @p data are the bytes of.
 * @return BAD_DATA or UNSUPPORTED for damaged tables, LIMIT for more than the
 * file has room for (elf_limits.h); NO_MEMORY, IO.
 */
MUST_CHECK struct error *dwarf_relocate(struct dwarf_relocator *r,
					struct elf_file *f, size_t section,
					uint8_t *data, size_t size);

#endif

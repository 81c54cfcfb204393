/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The relocations of one section of a relocatable file (ET_REL: kernel
 * modules, objects), looked up where they matter.
 *
 * Only values that a linker would have put into .debug_* are made: symbol plus
 * addend, whatever the type of the relocation. In other files there is nothing
 * to apply, even if relocations are there (vmlinux with --emit-relocs).
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_ELF_RELOC_H
#define ELF_ELF_RELOC_H

#include "base/error.h"
#include "elf/elf_file.h"

#include <stddef.h>
#include <stdint.h>

struct elf_relocs;

/**
 * Find the relocations of a section.
 *
 * @param[in] f Borrowed; must not move as long as @p ret is open.
 * @param[out] ret Owned: elf_relocs_close(). NULL if there are none.
 * @return As elf_stream_open().
 */
MUST_CHECK struct error *elf_relocs_open(struct elf_file *f, size_t section,
					 struct elf_relocs **ret);

/**
 * What the bytes at an offset become.
 *
 * @param[in] r NULL: nothing changes.
 * @param[in] offset In the section.
 * @param[in,out] value What stands there; kept if there is no relocation.
 * @param[out] section_ret Section that the value is an offset into, 0 if that
 * is not known. May be NULL.
 * @return BAD_DATA if the relocations or their symbols cannot be read, LIMIT,
 * NO_MEMORY, IO.
 *
 * Cost: offsets asked for in ascending order cost one pass over the
 * relocations in all.
 */
MUST_CHECK struct error *elf_relocs_apply(struct elf_relocs *r, uint64_t offset,
					  uint64_t *value,
					  uint32_t *section_ret);

/** NULL is allowed. */
void elf_relocs_close(struct elf_relocs *r);

static inline void cleanup_elf_relocs(struct elf_relocs **r)
{
	elf_relocs_close(*r);
}
#define CLEANUP_ELF_RELOCS CLEANUP(cleanup_elf_relocs)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * .gnu_debugdata: a small ELF file, xz-compressed, within an executable that
 * was stripped. Its .symtab names what .dynsym does not.
 *
 * Threads: owned by one thread.
 * Source:
 * https://sourceware.org/gdb/current/onlinedocs/gdb.html/MiniDebugInfo.html
 */
#ifndef ELF_ELF_MINIDEBUG_H
#define ELF_ELF_MINIDEBUG_H

#include "base/error.h"
#include "elf/elf_file.h"

struct elf_minidebug {
	uint8_t *data; /* owned */
	struct input in;
	struct elf_file file;
};

/**
 * Decode it.
 *
 * @param[in] f Borrowed for the call.
 * @param[out] ret Owned: elf_minidebug_close(). NULL if there is none.
 * @return BAD_DATA, LIMIT if it decodes to more than elf_limits.h allows,
 * NO_MEMORY, IO.
 */
MUST_CHECK struct error *elf_minidebug_open(struct elf_file *f,
					    struct elf_minidebug **ret);
/** NULL is allowed. */
void elf_minidebug_close(struct elf_minidebug *m);
static inline void cleanup_elf_minidebug(struct elf_minidebug **m)
{
	elf_minidebug_close(*m);
}
#define CLEANUP_ELF_MINIDEBUG CLEANUP(cleanup_elf_minidebug)

#endif

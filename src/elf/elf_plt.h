/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The stubs through which a program calls functions of shared libraries. They
 * have no symbols; a stub's name is that of the function whose address its slot
 * is filled with, and "@plt", as objdump and gdb call it.
 *
 * Each stub is read to find its slot, so it does not matter in which order or
 * section (.plt, .plt.sec, .plt.got) a linker has put them. Known are x86-64,
 * i386, AArch64, ARM, s390x and RISC-V.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_ELF_PLT_H
#define ELF_ELF_PLT_H

#include "base/error.h"
#include "elf/elf_file.h"
#include "elf/elf_symbols.h"

#include <stddef.h>
#include <stdint.h>

struct elf_plt_stub {
	uint64_t start; /* address */
	uint64_t size;
	uint32_t symbol;   /* in .dynsym; 0: none, see resolver */
	uint64_t resolver; /* of an IFUNC without a symbol: what picks it */
};

struct elf_plt {
	struct elf_plt_stub *stubs; /* in the order of sections and addresses */
	size_t count;
	size_t capacity;
};

/**
 * Find the stubs.
 *
 * @param[in] f Borrowed for the call. A debug file has none.
 * @param[out] ret Filled on success: elf_plt_deinit().
 * @return BAD_DATA if a section cannot be read, LIMIT also where tables lie over
 * each other by the thousand; NO_MEMORY, IO.
 */
MUST_CHECK struct error *elf_plt_read(struct elf_file *f, struct elf_plt *ret);
/** Twice is safe. */
void elf_plt_deinit(struct elf_plt *p);
#define CLEANUP_ELF_PLT CLEANUP(elf_plt_deinit)

#endif

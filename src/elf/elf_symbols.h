/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The symbols of a file, .symtab or .dynsym, in the order of the table.
 *
 * The whole table and its names are in memory while it is open.
 *
 * Must not know which symbol is better than another.
 * Threads: owned by one thread.
 * Source: System V gABI 4.1, chapter 4, "Symbol Table"; layout in
 * elf_symbols.c.
 */
#ifndef ELF_ELF_SYMBOLS_H
#define ELF_ELF_SYMBOLS_H

#include "base/error.h"
#include "elf/elf_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_sym {
	const char *name; /* borrowed from the table, with its NUL */
	size_t name_len;  /* without "@VERSION" */
	uint64_t value;   /* st_value without Thumb's bit; ET_REL: offset in
			   * its section */
	uint64_t size;
	uint32_t section; /* its number; 0: undefined, absolute, common */
	uint8_t type;     /* STT_* */
	uint8_t bind;     /* STB_* */
};

struct elf_symtab;

/**
 * Open a table.
 *
 * @param[in] f Borrowed; must not move as long as @p ret is open.
 * @param[in] type SHT_SYMTAB or SHT_DYNSYM.
 * @param[out] ret Owned: elf_symtab_close(). NULL if there is none, or its
 * bytes are in another file (SHT_NOBITS).
 * @return BAD_DATA, LIMIT as elf_section_load(); NO_MEMORY, IO.
 */
MUST_CHECK struct error *elf_symtab_open(struct elf_file *f, uint32_t type,
					 struct elf_symtab **ret);
/** NULL is allowed. */
void elf_symtab_close(struct elf_symtab *t);
static inline void cleanup_elf_symtab(struct elf_symtab **t)
{
	elf_symtab_close(*t);
}
#define CLEANUP_ELF_SYMTAB CLEANUP(cleanup_elf_symtab)

/** Symbols there are, with the first, which is always empty. */
size_t elf_symtab_count(const struct elf_symtab *t);

/** @return False if there is none of that number, or its name lies outside the
 * table of names or is longer than elf_limits.h allows. */
bool elf_symtab_at(const struct elf_symtab *t, size_t number,
		   struct elf_sym *ret);

/**
 * Is it the name of code: a function, or a label in an executable section such
 * as assembly leaves behind? Not the marks that ARM, AArch64 and RISC-V put
 * between code and data ($x, $d, $t).
 */
bool elf_sym_is_code(const struct elf_file *f, const struct elf_sym *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The files of one build ID, opened to build a table from them: what each is
 * good for, and where its code lies.
 *
 * Threads: owned by one thread.
 */
#ifndef SYMTAB_BUILD_INPUTS_H
#define SYMTAB_BUILD_INPUTS_H

#include "elf/elf_file.h"
#include "elf/elf_minidebug.h"
#include "symtab/symtab_build.h"
#include "symtab/symtab_layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct build_file {
	bool is_open;
	struct input in;
	struct elf_file elf;
};

/** Bytes that hold code: an executable section. */
struct code_range {
	uint64_t start;
	uint64_t end;
};

struct build_inputs {
	struct build_file debuginfo;
	struct build_file executable; /* not open where it is the same file */
	struct build_file alt;
	struct build_file *dwos;
	size_t dwo_count;
	struct elf_file *dwarf; /* has it; NULL: neither has */
	/** The file whose sections count: of ET_REL the one with the DWARF.
	 * Others of the two are read only if they are not ET_REL. */
	struct elf_file *main;
	struct elf_file *loaded; /* has the loaded bytes; NULL: neither */
	/** Of ET_REL: addresses given to sections, by number. NULL otherwise.*/
	uint64_t *section_vaddrs;
	size_t section_vaddr_count;
	struct code_range *code; /* ascending, disjoint */
	size_t code_count;
	char *problem; /* the first; NULL: none */
	bool is_cut;   /* a limit was one of them */
};

/**
 * Open what is there.
 *
 * @param[in] in Borrowed, with its descriptors, until build_inputs_close().
 * @param[out] ret Not to be moved; to be closed also on error.
 * @return BAD_DATA if neither debuginfo nor executable is an ELF file; IO,
 * NO_MEMORY.
 */
MUST_CHECK struct error *build_inputs_open(const struct symtab_build_inputs *in,
					   struct build_inputs *ret);
/** The build ID of the alternate file that the DWARF needs; len 0: none.
 * @return IO, NO_MEMORY. */
MUST_CHECK struct error *build_inputs_alt(const struct build_inputs *b,
					  struct build_id *ret);
/** Twice is safe. */
void build_inputs_close(struct build_inputs *b);
#define CLEANUP_BUILD_INPUTS CLEANUP(build_inputs_close)

/** Make a note of what is wrong with a file, and go on.
 * @param[in] err Taken; NULL is nothing wrong.
 * @return NULL, or @p err if it is about the machine; NO_MEMORY. */
MUST_CHECK struct error *build_note(struct build_inputs *b, struct error *err,
				    const char *what);

/** Where a section lies. */
uint64_t build_section_vaddr(const struct build_inputs *b,
			     const struct elf_file *f, size_t section);

/** The code range that holds an address; NULL: none. */
const struct code_range *build_code_at(const struct build_inputs *b,
				       uint64_t address);

/**
 * The layout for the table, as yet without base symbols. Segments or sections
 * that are too many (SYMTAB_SEGMENTS_MAX) are left out, and that noted.
 *
 * @param[out] ret Owned: symtab_layout_deinit(), also on error.
 */
MUST_CHECK struct error *build_layout(struct build_inputs *b,
				      const struct symtab_layout *known,
				      struct symtab_layout *ret);
MUST_CHECK struct error *build_layout_add_base(struct symtab_layout *l,
					       const char *name,
					       struct vaddr at);

#endif

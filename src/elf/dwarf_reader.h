/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the readers of a file's DWARF share: which sections there are, the
 * names gathered so far, and what went wrong on the way.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_DWARF_READER_H
#define ELF_DWARF_READER_H

#include "base/error.h"
#include "elf/dwarf_form.h"
#include "elf/elf_file.h"
#include "elf/elf_reloc.h"
#include "elf/source_names.h"

#include <stddef.h>
#include <stdint.h>

struct dwarf_section_list {
	size_t *numbers;
	size_t count;
	size_t capacity;
};

/** Numbers of sections; 0: there is none. */
struct dwarf_sections {
	/** Objects with COMDAT groups have several; what is beyond
	 * ELF_DEBUG_SECTIONS_MAX is left out. */
	struct dwarf_section_list line;
	struct dwarf_section_list info;
	size_t abbrev;
	size_t str;
	size_t line_str;
	size_t str_offsets;
};

struct dwarf_reader {
	struct elf_file *file; /* borrowed */
	struct dwarf_sections sections;
	struct source_names names;
	uint64_t units; /* and tables, walked over */
	char *problem;  /* the first one; NULL: none */
	size_t more_problems;
};

/** Find the sections. @param[out] ret Filled on success; not to be moved. */
MUST_CHECK struct error *dwarf_reader_init(struct dwarf_reader *ret,
					   struct elf_file *file);
/** Twice is safe. */
void dwarf_reader_deinit(struct dwarf_reader *d);
#define CLEANUP_DWARF_READER CLEANUP(dwarf_reader_deinit)

/**
 * Make a note of damage and go on.
 *
 * @param[in] err Taken. NULL is no problem.
 * @param[in] section Where, and @p offset in it.
 * @return NULL; @p err if it is not about the file's contents, or if there
 * are more problems than it pays to go on for (ELF_PROBLEMS_MAX); NO_MEMORY.
 */
MUST_CHECK struct error *dwarf_note_problem(struct dwarf_reader *d,
					    struct error *err,
					    const char *section,
					    uint64_t offset);

/**
 * Where a string is, after relocation; a string that is not in .debug_str or
 * .debug_line_str is kept at once.
 *
 * @param[in] relocs Of the section the value was read from; NULL: none.
 * @param[in] at Offset of the value in that section.
 * @param[in] s Not DWARF_STRING_INDEX.
 * @return LIMIT for a name that is too long, NO_MEMORY.
 */
MUST_CHECK struct error *
dwarf_string_ref(struct dwarf_reader *d, struct elf_relocs *relocs, uint64_t at,
		 const struct dwarf_string *s, struct source_ref *ret);

#endif

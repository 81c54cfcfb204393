/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How far src/elf follows what a file claims. Every loop over foreign bytes
 * ends at one of these or at the end of the bytes themselves.
 *
 * Real files stay far below: the largest seen (a vmlinux, a browser with its
 * DWARF) are given beside the limit where they are known.
 */
#ifndef ELF_ELF_LIMITS_H
#define ELF_ELF_LIMITS_H

#include "base/units.h"

/** Sections and program headers, each. vmlinux: 83; with -ffunction-sections,
 * relocatable: some 100 000. */
#define ELF_SECTIONS_MAX UINT64_C(1000000)
#define ELF_SEGMENTS_MAX UINT64_C(1000000)
/** Program headers that are loaded (PT_LOAD): they are kept for each file and
 * gone through for each address. Of a file with more none is taken: a part of
 * them would give wrong addresses. Linkers make 1 to 6; the most seen: 9. */
#define ELF_LOADS_MAX ((size_t)1024)
/** .shstrtab. */
#define ELF_SECTION_NAMES_MAX (64 * MIB)
/** A section or segment of notes; beyond, the rest is not looked at: the build
 * ID stands in front. And all of them, ELF_NOTES_COST for each: there may be as
 * many as there are sections, one over the other. */
#define ELF_NOTES_MAX     (1 * MIB)
#define ELF_ALL_NOTES_MAX (16 * MIB)
#define ELF_NOTES_COST    UINT64_C(256)
/** .gnu_debugaltlink. */
#define ELF_ALT_LINK_MAX (64 * KIB)
/** Go build ID. The linker's own: 83 bytes. */
#define ELF_GO_ID_MAX ((size_t)1024)

/** Decompressed bytes of all sections of a file, also those read twice. */
#define ELF_INFLATED_MAX (4 * GIB)
/** A section that claims more than ELF_RATIO_FROM bytes may be at most so many
 * times larger than its compressed form. */
#define ELF_RATIO_MAX  UINT64_C(1000)
#define ELF_RATIO_FROM (64 * MIB)

/** A section that is held as a whole: .debug_abbrev (vmlinux: 5 MiB),
 * .debug_str_offsets. */
#define ELF_HELD_MAX (256 * MIB)
/** What .gnu_debugdata decodes to. A browser: 10 MB. */
#define ELF_MINIDEBUG_MAX (128 * MIB)
/** Sections named .debug_line, and as many named .debug_info. More than one is
 * seen only in objects. */
#define ELF_DEBUG_SECTIONS_MAX ((size_t)256)
/** The tables of one line-table header. */
#define ELF_LINE_HEADER_MAX (64 * MIB)
/** The first entry of a unit, up to the last attribute that is wanted. */
#define ELF_UNIT_HEAD_MAX (1 * MIB)
/** Units of .debug_info and tables of .debug_line, together. A browser:
 * 50 000. */
#define ELF_UNITS_MAX UINT64_C(10000000)
/** Things about the sources of one file that are noted as problems; there are
 * many where dwz has moved comp_dir to the alternate file. */
#define ELF_PROBLEMS_MAX ((size_t)1000000)
/** Attributes of abbreviations looked at in one file. A unit has some ten;
 * after dwz, some thousand may stand in front of them. */
#define ELF_ABBREV_STEPS_MAX UINT64_C(500000000)
/** Relocations of one section looked at, also those looked at twice. A vmlinux
 * before its last link: 10 million. */
#define ELF_RELOCS_MAX UINT64_C(100000000)
/** Steps over tables that sections may name again and again, laid one over the
 * other: relocations, symbols, stubs. So many, and one for each byte of the
 * file; in real files an entry takes 8 bytes or more. */
#define ELF_TABLES_WORK_MIN UINT64_C(1000000)
/** Units of one .dwp, as the index is to know them. A browser: 50 000. */
#define ELF_SPLIT_IDS_MAX ((size_t)1 << 18)
/** Stubs of functions in other files, and relocations of symbols that may be
 * theirs. A browser: 10 000 and 300 000. */
#define ELF_PLT_MAX ((size_t)1 << 22)
/** Relocations of one section that are sorted in memory, should they not be in
 * order. */
#define ELF_UNSORTED_RELOCS_MAX UINT64_C(1000000)

/** Steps that many entries can each claim again: ranges of a list, rows of a
 * line table, bytes of abbreviations. So many, and for each byte of the file
 * so many more; real files: 0.7. */
#define ELF_DWARF_WORK_MAX          UINT64_C(100000000)
#define ELF_DWARF_WORK_FOR_BYTE_MAX UINT64_C(8)
/** How deep functions, blocks and inlined calls may lie in each other. */
#define ELF_DWARF_DEPTH_MAX ((size_t)4096)
/** References from an entry to where its name is. Three are needed. */
#define ELF_DWARF_REFERENCES_MAX 16u
/** Rows of a line table, and inlined calls and their ranges of a function, that
 * are held. vmlinux: 68 000 and 1500. */
#define ELF_DWARF_ROWS_MAX    ((size_t)1 << 24)
#define ELF_DWARF_INLINES_MAX ((size_t)1 << 22)
#define ELF_DWARF_RANGES_MAX  ((size_t)1 << 24)
/** Abbreviations of a table and their attributes, each; a unit's classes,
 * namespaces, functions and blocks. */
#define ELF_DWARF_ABBREVS_MAX ((size_t)1 << 22)
#define ELF_DWARF_SCOPES_MAX  ((size_t)1 << 23)
/** Pieces of code that are given: functions, their parts, and what lies between
 * them. vmlinux: 81 000; a browser: 2 million. */
#define ELF_DWARF_PIECES_MAX ((size_t)1 << 23)
/** Name of a function. Boost, mangled: 40 KiB. */
#define ELF_FUNCTION_NAME_MAX ((size_t)(256 * KIB))

/** A symbol with a longer name is left out. boost: 20 KiB. */
#define ELF_SYMBOL_NAME_MAX ((size_t)(64 * KIB))
/** One directory or file name. */
#define ELF_NAME_MAX (16 * KIB)
/** Names as the line tables hold them, before they are joined and the same
 * ones found, and their bytes; bytes looked through and joined to make the
 * sources; sources, and their bytes. A browser: 200 000 and 20 MB. */
#define ELF_NAMES_MAX        UINT64_C(2000000)
#define ELF_NAME_BYTES_MAX   (128 * MIB)
#define ELF_NAME_WORK_MAX    (1 * GIB)
#define ELF_SOURCES_MAX      UINT64_C(1000000)
#define ELF_SOURCE_BYTES_MAX (128 * MIB)

#endif

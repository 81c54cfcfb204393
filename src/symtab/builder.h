/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A table while it is built, for symtab_build.c and the two that fill it: first
 * the functions of the DWARF, then what symbols name beside them.
 *
 * Threads: owned by one thread.
 */
#ifndef SYMTAB_BUILDER_H
#define SYMTAB_BUILDER_H

#include "elf/elf_eh_frame.h"
#include "elf/elf_symbols.h"
#include "symtab/build_inputs.h"
#include "symtab/build_symbols.h"
#include "symtab/symtab_build.h"
#include "symtab/symtab_writer.h"

#include <stddef.h>
#include <stdint.h>

/** Code with lines that is in no function of the DWARF: assembly. */
struct build_lines {
	uint64_t start;
	uint64_t end;
	size_t first_row; /* in the builder's rows; offsets are from start */
	size_t row_count;
	bool is_left_over; /* dwarf_functions.h: without a symbol, padding */
};

enum { BUILD_SYMTABS = 5 };

struct builder {
	struct build_inputs files;
	struct symtab_layout layout;
	struct symtab_writer *writer;
	struct symtab_build_report *report;
	/** Addresses wanted, sorted; NULL: all. */
	uint64_t *wanted;
	size_t wanted_count;
	/** Tables that symbols borrow their names from. */
	struct elf_symtab *tables[BUILD_SYMTABS];
	size_t table_count;
	struct elf_minidebug *minis[2];
	char *plt_names; /* one behind the other */
	struct code_symbols symbols;
	struct elf_frames frames;
	/** Code that has a function; sorted and joined when the DWARF has been
	 * read. */
	struct code_range *covered;
	size_t covered_count;
	size_t covered_capacity;
	struct build_lines *lines;
	size_t line_count;
	size_t line_capacity;
	struct symtab_row *rows;
	size_t row_count;
	size_t row_capacity;
	size_t missing_count; /* names of missing .dwo files */
	size_t missing_split_capacity;
	/** For one function. */
	struct symtab_row *row_room;
	size_t row_room_count;
	struct symtab_inline *inline_room;
	size_t inline_room_count;
	struct symtab_range *range_room;
	size_t range_room_count;
};

/** Is any wanted address within? */
bool builder_wants(const struct builder *b, uint64_t start, uint64_t end);

/** Sort and join ranges. @return How many are left. */
size_t builder_join_ranges(struct code_range *ranges, size_t count);

/** Hand a function to the writer and count it. */
MUST_CHECK struct error *builder_add(struct builder *b,
				     const struct symtab_function *f);

/** Add the functions of the DWARF. Symbols must be settled. */
MUST_CHECK struct error *build_from_dwarf(struct builder *b);

/** Add a function for each symbol that none of the DWARF covers, with lines
 * where there are some; then the code that has only lines. */
MUST_CHECK struct error *build_from_symbols(struct builder *b);

#endif

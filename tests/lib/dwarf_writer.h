/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Write DWARF of code for a test, entry by entry: any tag, any attribute, any
 * form, of any version, byte order and size.
 *
 *	struct dwarf_writer w = { .version = 5, .address_size = 8 };
 *
 *	dw_unit(&w, DW_UT_compile, 0);
 *	dw_die(&w, DW_TAG_compile_unit, true,
 *	       DW({ DW_AT_comp_dir, DW_FORM_string, .s = "/src" }));
 *	dw_die(&w, DW_TAG_subprogram, false,
 *	       DW({ DW_AT_name, DW_FORM_strp, .s = "f" }, …));
 *	dw_end(&w);
 *	dw_unit_end(&w);
 *	dw_elf(&w, &spec, &elf);
 *
 * What comes out is as true as what is asked for. Being for tests, it ends the
 * program (abort) when it runs out of memory or is asked for nonsense.
 */
#ifndef TESTS_LIB_DWARF_WRITER_H
#define TESTS_LIB_DWARF_WRITER_H

#include "base/buf.h"
#include "tests/lib/elf_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dwarf_writer {
	unsigned version; /* of what is written from now on */
	unsigned address_size;
	bool is_64; /* 64-bit DWARF */
	bool big_endian;
	bool is_split; /* sections named .dwo */

	struct buf info, abbrev, line, line_str, str, str_offsets, addr, ranges,
		rnglists, aranges, cu_index;
	/* The unit being written. */
	size_t unit_at;
	uint64_t abbrevs_at;
	uint64_t code;
	/* The line table being written. */
	size_t line_at;
	uint64_t line_address;
	uint32_t line_file, line_line;
	bool has_line_address;
};

void dwarf_writer_deinit(struct dwarf_writer *w);
#define CLEANUP_DWARF_WRITER CLEANUP(dwarf_writer_deinit)

struct dw_attr {
	unsigned at; /* 0 ends the list */
	unsigned form;
	uint64_t v;
	/** Of strings. DW_FORM_strx* have it put into .debug_str and
	 * .debug_str_offsets, where it gets the next number. */
	const char *s;
};
#define DW(...) ((const struct dw_attr[]) { __VA_ARGS__, { 0 } })

/**
 * Begin a unit with a table of abbreviations of its own.
 *
 * @param[in] type DW_UT_*; before version 5 only what it is for.
 * @param[in] id Of skeletons and split units.
 * @return Its offset.
 */
uint64_t dw_unit(struct dwarf_writer *w, unsigned type, uint64_t id);
void dw_unit_end(struct dwarf_writer *w);

/** Write an entry. Its children follow, if it has any, up to dw_end(). Of forms
 * that refer within the unit, the value is an offset in .debug_info.
 * @return Its offset in .debug_info. */
uint64_t dw_die(struct dwarf_writer *w, unsigned tag, bool has_children,
		const struct dw_attr *attrs);
void dw_end(struct dwarf_writer *w);

/** Set the value of an attribute of form ref4 to an offset in .debug_info
 * that was not known when it was written. @param[in] at Where the value is. */
void dw_patch_ref4(struct dwarf_writer *w, uint64_t at, uint64_t offset);

/** Another address in .debug_addr; version 5 with a header in front of the
 * first. @return Its number. */
uint64_t dw_address(struct dwarf_writer *w, uint64_t address);

struct dw_range {
	uint64_t start, end; /* end 0 ends the list */
};
#define DW_RANGES(...) ((const struct dw_range[]) { __VA_ARGS__, { 0 } })

/** A list in .debug_ranges or .debug_rnglists, as the version has it; each
 * other range of the latter in another way. @return Its offset. */
uint64_t dw_ranges(struct dwarf_writer *w, const struct dw_range *ranges);

/** A set in .debug_aranges of the unit at @p unit. */
void dw_aranges(struct dwarf_writer *w, uint64_t unit,
		const struct dw_range *ranges);

/**
 * Begin a line table. Directory 0 of version 5 is @p comp_dir.
 *
 * @param[in] dirs Beside that; NULL ends them.
 * @param[in] files As numbered from 1; file 0 of version 5 is the first, too.
 * @return Its offset.
 */
uint64_t dw_lines(struct dwarf_writer *w, const char *comp_dir,
		  const char *const *dirs, const struct elf_unit_file *files);
/** @param[in] address Ascending within a sequence. */
void dw_row(struct dwarf_writer *w, uint64_t address, uint32_t file,
	    uint32_t line);
/** End a sequence. */
void dw_sequence_end(struct dwarf_writer *w, uint64_t address);
/** Bytes of the program as they are. */
void dw_line_bytes(struct dwarf_writer *w, const void *data, size_t size);
void dw_lines_end(struct dwarf_writer *w);

/** An ELF file of @p spec with these sections behind its extras. Class and
 * byte order are the writer's. */
void dw_elf(const struct dwarf_writer *w, const struct elf_spec *spec,
	    struct buf *out);

/** An integer of up to 8 bytes in the writer's byte order. */
void dw_put(const struct dwarf_writer *w, struct buf *b, uint64_t v,
	    unsigned size);
void dw_put_uleb(struct buf *b, uint64_t v);
void dw_put_sleb(struct buf *b, int64_t v);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Values as DWARF writes them: lengths, integers, strings, and how long
 * everything else is. Works on bytes in memory; knows no sections.
 *
 * Threads: no state.
 * Source: DWARF 5 (2017-02-13), sections 7.4, 7.5.5 and 7.5.6; DWARF 2 to 4
 * where they differ.
 */
#ifndef ELF_DWARF_FORM_H
#define ELF_DWARF_FORM_H

#include "base/reader.h"
#include "elf/dwarf_const.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What the size of a value depends on. */
struct dwarf_format {
	unsigned version;
	unsigned offset_size; /* 4, or 8 in 64-bit DWARF */
	unsigned address_size;
};

enum dwarf_string_kind {
	DWARF_STRING_INLINE,
	DWARF_STRING_STR,      /* value: offset in .debug_str */
	DWARF_STRING_LINE_STR, /* value: offset in .debug_line_str */
	DWARF_STRING_INDEX,    /* value: index into .debug_str_offsets */
	DWARF_STRING_ALT,      /* lies in the alternate (supplementary) file */
};

struct dwarf_string {
	enum dwarf_string_kind kind;
	uint64_t value;
	const char *text; /* INLINE: borrowed from the reader's bytes */
	size_t len;
	size_t at; /* position of the value in the reader */
};

/**
 * The length in front of a unit: 4 bytes, or 0xffffffff and 8 bytes.
 *
 * @param[out] offset_size_ret 4 or 8.
 * @return False for the reserved values 0xfffffff0 to 0xfffffffe, and past the
 * end.
 */
bool dwarf_read_length(struct reader *r, uint64_t *length_ret,
		       unsigned *offset_size_ret);

/** Move over a value. @return False for a form that is not known; running out
 * of bytes shows in the reader. */
bool dwarf_skip(struct reader *r, unsigned form,
		const struct dwarf_format *format);

/** A constant or an offset. @return False if the form is neither. */
bool dwarf_read_uint(struct reader *r, unsigned form,
		     const struct dwarf_format *format, uint64_t *ret);

/** A string of any form. @return False if the form is not a string's. */
bool dwarf_read_string(struct reader *r, unsigned form,
		       const struct dwarf_format *format,
		       struct dwarf_string *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Abbreviations, compiled: what is to be done to read an entry of that kind,
 * with all that is not wanted in one go.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_DWARF_ABBREV_H
#define ELF_DWARF_ABBREV_H

#include "base/error.h"
#include "elf/dwarf_form.h"
#include "elf/dwarf_object.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Attributes whose values are kept; everything else is passed over. */
enum dwarf_slot {
	DWARF_SLOT_NONE,
	DWARF_SLOT_SIBLING,
	DWARF_SLOT_NAME,
	DWARF_SLOT_LINKAGE_NAME,
	DWARF_SLOT_LOW_PC,
	DWARF_SLOT_HIGH_PC,
	DWARF_SLOT_RANGES,
	DWARF_SLOT_ORIGIN, /* DW_AT_abstract_origin */
	DWARF_SLOT_SPECIFICATION,
	DWARF_SLOT_CALL_FILE,
	DWARF_SLOT_CALL_LINE,
	/* Of units. */
	DWARF_SLOT_STMT_LIST,
	DWARF_SLOT_COMP_DIR,
	DWARF_SLOT_LANGUAGE,
	DWARF_SLOT_STR_BASE,
	DWARF_SLOT_ADDR_BASE,
	DWARF_SLOT_RNGLISTS_BASE,
	DWARF_SLOT_DWO_ID,
	DWARF_SLOT_DWO_NAME,
	DWARF_SLOT_GNU_RANGES_BASE,
	DWARF_SLOTS
};

/** What an entry is to those who look for code. */
enum dwarf_kind {
	DWARF_KIND_OTHER,     /* code may be below it */
	DWARF_KIND_LEAF,      /* no code is below it: a variable, a type name */
	DWARF_KIND_TYPE,      /* class, structure, union: in some languages */
	DWARF_KIND_NAMESPACE, /* code is below it; part of names */
	DWARF_KIND_BLOCK,     /* code is below it; not part of names */
	DWARF_KIND_SUBPROGRAM, /* part of names */
	DWARF_KIND_INLINED,
	DWARF_KIND_UNIT,
};

/** How a value is read. */
enum dwarf_op_kind {
	DWARF_OP_PASS,  /* nothing but `pass` */
	DWARF_OP_FIXED, /* `size` bytes: 1, 2, 3, 4 or 8 */
	DWARF_OP_ULEB,
	DWARF_OP_SLEB,
	DWARF_OP_CONST, /* `value`; no bytes */
	DWARF_OP_CSTR,  /* the value is the string's place in memory */
	DWARF_OP_BLOCK, /* behind a length of `size` bytes; no value */
	DWARF_OP_BLOCK_ULEB,
	DWARF_OP_INDIRECT, /* form stands in front of the value */
};

struct dwarf_op {
	uint32_t pass; /* bytes to pass over first */
	uint8_t kind;
	uint8_t slot;
	uint8_t size;
	uint16_t form;
	int64_t value;
};

struct dwarf_abbrev {
	uint64_t code;
	uint32_t first_op;
	uint32_t op_count;
	uint32_t pass;  /* bytes behind the last op */
	uint32_t slots; /* 1 << slot, of those that it has */
	uint16_t tag;
	uint8_t kind; /* enum dwarf_kind */
	bool has_children;
};

struct dwarf_abbrevs {
	uint64_t offset;
	struct dwarf_format format;
	unsigned users;
	bool is_dense; /* code i + 1 is number i */
	struct dwarf_abbrev *list;
	size_t count, capacity;
	struct dwarf_op *ops;
	size_t op_count, op_capacity;
};

/**
 * Compile a table.
 *
 * @param[in] offset Of the table in .debug_abbrev.
 * @param[in] format Of the units that use it: sizes depend on it.
 * @param[out] ret Owned: dwarf_abbrevs_put().
 * @param[out] size_ret Bytes looked at.
 * @return BAD_DATA, LIMIT, NO_MEMORY.
 */
MUST_CHECK struct error *dwarf_abbrevs_read(const struct dwarf_bytes *section,
					    uint64_t offset,
					    const struct dwarf_format *format,
					    struct dwarf_abbrevs **ret,
					    size_t *size_ret);
/** NULL is allowed. */
void dwarf_abbrevs_put(struct dwarf_abbrevs *t);

/** How a value of a form is read. @return False for an unknown form. */
bool dwarf_op_of(unsigned form, const struct dwarf_format *format,
		 struct dwarf_op *ret);

COLD const struct dwarf_abbrev *
dwarf_abbrevs_search(const struct dwarf_abbrevs *t, uint64_t code);

/** @return NULL if there is none of this code. */
static inline const struct dwarf_abbrev *
dwarf_abbrevs_find(const struct dwarf_abbrevs *t, uint64_t code)
{
	if (!t->is_dense)
		return dwarf_abbrevs_search(t, code);
	return code - 1 < t->count ? &t->list[code - 1] : NULL;
}

#endif

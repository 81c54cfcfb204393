/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The DWARF sections of one ELF file, each whole in memory once it is asked
 * for: mapped from the file, or inflated, or copied and relocated.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_DWARF_OBJECT_H
#define ELF_DWARF_OBJECT_H

#include "base/error.h"
#include "elf/dwarf_relocate.h"
#include "elf/elf_file.h"
#include "elf/elf_section.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dwarf_section_id {
	DWARF_INFO,
	DWARF_ABBREV,
	DWARF_LINE,
	DWARF_LINE_STR,
	DWARF_STR,
	DWARF_STR_OFFSETS,
	DWARF_ADDR,
	DWARF_RANGES,
	DWARF_RNGLISTS,
	DWARF_ARANGES,
	DWARF_CU_INDEX,
	DWARF_SECTION_IDS
};

/** Bytes of a section. The end of the memory is the end of the section. */
struct dwarf_bytes {
	const uint8_t *data; /* never NULL */
	size_t size;
};

struct dwarf_held {
	size_t number; /* of the section; 0: there is none */
	bool is_loaded;
	struct dwarf_bytes bytes; /* as far as they are there */
	struct elf_stream *rest;  /* what is behind them; NULL: nothing */
	/* Where they are: one of these, or neither. */
	uint8_t *owned;
	void *map;
	size_t map_size;
	bool is_file;    /* the pages can be had again from the file */
	bool was_whole;  /* it was tried to have all of it at once */
	size_t released; /* bytes from the start that were let go */
};

struct dwarf_object {
	struct elf_file *elf; /* borrowed */
	bool big_endian;
	bool is_split;  /* the sections are those of a .dwo or .dwp */
	bool wants_all; /* of each section, sooner or later: set by whoever
			 * knows */
	struct dwarf_held sections[DWARF_SECTION_IDS];
	struct dwarf_relocator relocator; /* of ET_REL; no vaddrs: for none */
};

/**
 * Find the sections.
 *
 * @param[in] elf Borrowed until deinit.
 * @param[in] is_split Those named .debug_*.dwo and the indexes of a .dwp;
 * false: all the others.
 */
void dwarf_object_init(struct dwarf_object *ret, struct elf_file *elf,
		       bool is_split);
/** Twice is safe. */
void dwarf_object_deinit(struct dwarf_object *o);

/** ".debug_info", …: for messages. */
const char *dwarf_section_name(enum dwarf_section_id id);

/**
 * The bytes of a section; none where there is no such section.
 *
 * @param[out] ret Valid as long as @p o.
 * @return BAD_DATA, LIMIT or UNSUPPORTED the first time it is asked for, if it
 * is damaged: what is good in front of the damage is there from then on.
 * NO_MEMORY, IO.
 */
MUST_CHECK struct error *dwarf_object_section(struct dwarf_object *o,
					      enum dwarf_section_id id,
					      struct dwarf_bytes *ret);

/**
 * The first @p size bytes of a section at least, if it has that many: the rest
 * of a large compressed one is inflated when it is asked for.
 *
 * @param[out] ret All that are there; the memory stays where it is. Fewer than
 * asked for: that is the whole section.
 */
MUST_CHECK struct error *dwarf_object_part(struct dwarf_object *o,
					   enum dwarf_section_id id,
					   uint64_t size,
					   struct dwarf_bytes *ret);

/** The first bytes of a section are not needed for now: its pages may be had
 * again from the file. */
void dwarf_object_release(struct dwarf_object *o, enum dwarf_section_id id,
			  size_t size);

#endif

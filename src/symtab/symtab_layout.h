/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What an address given from outside means in an ELF file's own address space.
 *
 * The layout is that of the *executable*: the program headers of a stripped
 * debug file may lie about file offsets. It is part of every table (the private
 * section of symtab_format.h) and of every request to build one, so that server
 * and worker convert alike.
 *
 * Relocatable files (ET_REL: kernel modules) have no addresses of their own.
 * Their tables give one to each SHF_ALLOC section, ascending in order of the
 * section table from 0, each aligned to its sh_addralign and at least 16 apart
 * from the one before.
 *
 * Must not know of ELF readers, DWARF or the index.
 * Threads: immutable after it is filled.
 */
#ifndef SYMTAB_SYMTAB_LAYOUT_H
#define SYMTAB_SYMTAB_LAYOUT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"
#include "base/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symtab_segment { /* a PT_LOAD */
	struct foff offset;
	struct vaddr vaddr;
	uint64_t file_size;
	uint64_t mem_size;
	uint32_t flags; /* PF_R 4, PF_W 2, PF_X 1 */
};

struct symtab_section {     /* an SHF_ALLOC section */
	char *name;         /* owned */
	struct vaddr vaddr; /* of ET_REL: the one given to it */
	uint64_t size;
};

/** What a layout has at most. It is gone through for addresses that strangers
 * ask for, and kept with its table. Beyond, a file has no segments, or no
 * sections: a part of the segments would give wrong addresses. The most seen:
 * 9 segments, and 83 sections of a kernel. */
enum {
	SYMTAB_SEGMENTS_MAX = 1024,
	SYMTAB_SECTIONS_MAX = 65536,
	SYMTAB_SECTION_NAMES_MAX = 4 << 20, /* bytes */
	SYMTAB_BASES_MAX = 16,
};

/** Base symbols of a kernel: "_text", "_stext". */
struct symtab_base {
	char *name; /* owned */
	struct vaddr vaddr;
};

struct symtab_layout {
	uint16_t type;    /* e_type */
	uint16_t machine; /* e_machine */
	bool is_big_endian;
	bool is_from_executable; /* segments: the executable's own */
	struct symtab_segment *segments;
	size_t segment_count;
	struct symtab_section *sections;
	size_t section_count;
	struct symtab_base *bases;
	size_t base_count;
};

/** Twice is safe. */
void symtab_layout_deinit(struct symtab_layout *l);
#define CLEANUP_SYMTAB_LAYOUT CLEANUP(symtab_layout_deinit)

/** Bytes of memory it takes. Cost: linear in its names. */
size_t symtab_layout_memory(const struct symtab_layout *l);

void symtab_layout_put(struct buf *out, const struct symtab_layout *l);
/** @param[out] ret Owned. @return BAD_DATA, also for one that has more than
 * there may be; NO_MEMORY. */
MUST_CHECK struct error *symtab_layout_get(struct reader *r,
					   struct symtab_layout *ret);

/** What a client says an address is: api.md, section 3. */
enum address_kind {
	ADDRESS_FILE_OFFSET,
	ADDRESS_VADDR,
	ADDRESS_IMAGE,
	ADDRESS_RUNTIME,
	ADDRESS_SECTION,
	ADDRESS_KERNEL,
	ADDRESS_KINDS
};

/** How to read the addresses of one request module. */
struct address_space {
	enum address_kind kind;
	uint64_t map_start;  /* RUNTIME */
	uint64_t map_offset; /* RUNTIME: file offset of the mapping */
	const char *name;    /* SECTION: its name; KERNEL: of the base symbol */
	uint64_t base;       /* KERNEL: run-time address of that symbol */
	bool return_addresses; /* one is subtracted before anything else */
};

/** Why an address has no answer, or not a whole one. Also the wire's reasons.*/
enum address_reason {
	ADDRESS_OK,
	ADDRESS_NO_SYMBOL,
	ADDRESS_NO_LINE,         /* function known, file and line not */
	ADDRESS_UNMAPPED_OFFSET, /* no segment holds it */
	ADDRESS_BAD_ADDRESS, /* below the mapping, beyond the section, 0 of a
			      * return address, unknown section or base */
	ADDRESS_MODULE_PENDING,
	ADDRESS_MODULE_ABSENT, /* and every other status without a table */
	ADDRESS_NO_BUILD_ID,   /* a raw record with status IP */
	ADDRESS_REASONS
};

/** "no_symbol", …; "ok". Static. */
const char *address_reason_name(enum address_reason r);
/** "file_offset", …. Static. */
const char *address_kind_name(enum address_kind k);
/** @return False for an unknown name. */
bool address_kind_parse(const char *name, size_t len, enum address_kind *ret);

/** A space as one layout has it: what is the same for all its addresses. */
struct address_converter {
	const struct symtab_layout *layout;
	const struct address_space *space;
	const struct symtab_section *section; /* SECTION; NULL: there is none */
	const struct symtab_base *base;       /* KERNEL; NULL: there is none */
};

/** @param[in] l, space Borrowed as long as @p ret is used.
 * Cost: linear in the sections and the bytes of their names. */
void address_converter_init(struct address_converter *ret,
			    const struct symtab_layout *l,
			    const struct address_space *space);

/**
 * Convert one address.
 *
 * Where several segments hold a file offset, an executable one wins, then the
 * first. An offset in a segment's mem_size beyond its file_size is unmapped.
 * Of several sections of one name the first is meant.
 *
 * @return ADDRESS_OK and @p ret, UNMAPPED_OFFSET or BAD_ADDRESS.
 * Cost: linear in the segments, which are few. No allocation.
 */
enum address_reason address_convert(const struct address_converter *c,
				    uint64_t address, struct vaddr *ret);

/** The same for one address alone. */
enum address_reason symtab_layout_convert(const struct symtab_layout *l,
					  const struct address_space *space,
					  uint64_t address, struct vaddr *ret);

#endif

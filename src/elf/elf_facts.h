/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the index wants to know of one ELF file: identities, machine, kinds,
 * segments, links and the names of its sources.
 *
 * Reads only what that takes: the headers, the notes, the line-table headers
 * (not their programs) and what comp_dir needs. Compressed sections
 * (SHF_COMPRESSED zlib and zstd, .zdebug_*) are inflated only as far.
 *
 * Must not depend on where the bytes come from: it reads through an input.
 * Threads: any number, each with its own input.
 */
#ifndef ELF_ELF_FACTS_H
#define ELF_ELF_FACTS_H

#include "base/buf.h"
#include "base/build_id.h"
#include "base/error.h"
#include "base/input.h"
#include "base/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What symbolizing from this file alone would give, best last. */
enum elf_quality {
	ELF_QUALITY_NONE,
	ELF_QUALITY_DYNSYM,
	ELF_QUALITY_MINIDEBUGINFO, /* .gnu_debugdata */
	ELF_QUALITY_SYMTAB,
	ELF_QUALITY_DWARF,
	ELF_QUALITIES
};

enum elf_role_flags {
	/** ET_EXEC, ET_DYN or ET_REL with allocated bytes: can be run, linked
	 * or loaded. (debuginfod leaves ET_REL out; modules are wanted here.)
	 */
	ELF_ROLE_EXECUTABLE = 1 << 0,
	/** Has .debug_* or .zdebug_* sections with bytes that are not loaded,
	 * or .symtab and no allocated bytes. Of no more weight than .symtab is
	 * .debug_frame, which some stripped programs keep (ARM), and of none
	 * .debug_gdb_scripts (Rust). The only role of an object with split
	 * DWARF in it. */
	ELF_ROLE_DEBUGINFO = 1 << 1,
};

struct elf_segment { /* a PT_LOAD */
	struct foff offset;
	struct vaddr vaddr;
	uint64_t file_size;
	uint64_t mem_size;
	uint32_t flags; /* PF_R 4, PF_W 2, PF_X 1 */
};

struct elf_facts {
	struct build_id gnu_id;    /* len 0: no GNU build ID note */
	char *go_id;               /* NULL: none. Owned */
	uint8_t htlhash[16];       /* OpenTelemetry file hash: elf_hash.c */
	uint8_t breakpad_guid[16]; /* as printed, without the age */
	uint8_t elf_class;         /* 32 or 64 */
	bool is_big_endian;
	uint16_t machine; /* e_machine */
	uint16_t type;    /* e_type */
	unsigned roles;   /* enum elf_role_flags */
	enum elf_quality quality;
	/** IDs of split DWARF that a .dwo or .dwp holds (dwarf_split_ids()).
	 * Owned; NULL: none. */
	uint64_t *split_ids;
	size_t split_id_count;
	struct build_id alt_id; /* .gnu_debugaltlink; len 0: none */
	char *alt_name;         /* NULL: none. Owned; never a path to open */
	/** Owned. None at all where there are more than ELF_LOADS_MAX
	 * (elf_limits.h). */
	struct elf_segment *segments;
	size_t segment_count;
	/** Source paths, comp_dir joined, not canonicalised, each once: NUL
	 * behind each, sorted by strcmp. */
	struct buf sources;
	size_t source_count;
	/** Sources whose names lie partly in the alternate file; they are not
	 * among @c sources. See source_pending.h. Empty: none. */
	struct buf sources_pending;
	/** Something about the sources could not be read: a damaged line table,
	 * or a name in an alternate file where none is named. NULL: all read.
	 * Owned. */
	char *sources_problem;
};

/** First bytes that decide: does @p head begin an ELF file? @p size >= 4. */
bool elf_is_elf(const void *head, size_t size);

/**
 * Read the facts.
 *
 * A file that is ELF but damaged beyond its headers still gives what could be
 * read; only damage that leaves no identity is an error: no ID and a section
 * table that is not there. A core file is read like any other, but has no
 * roles and no build ID of its own.
 *
 * @param[in] in Borrowed for the call. What it cannot give though its size
 * says so is an error, of the kind the input gives; an input that just ends
 * earlier is BAD_DATA.
 * @param[in] want_sources False leaves the sources out.
 * @param[out] ret Filled on success: elf_facts_deinit(). Untouched on error.
 * @return BAD_DATA naming the header or table at fault, NO_MEMORY, IO, or the
 * input's own. Reaching a limit (elf_limits.h) ends what it is about and shows
 * in sources_problem.
 *
 * Cost: two reads of 4 to 64 KiB for the ends of the file; then, for sources,
 * forward through the headers of .debug_line, .debug_line_str, and what
 * comp_dir needs. Memory follows what is distinct: some MB for the largest
 * files there are.
 */
MUST_CHECK struct error *elf_facts_read(struct input *in, bool want_sources,
					struct elf_facts *ret);

/** Twice is safe. */
void elf_facts_deinit(struct elf_facts *f);

static inline void cleanup_elf_facts(struct elf_facts *f)
{
	elf_facts_deinit(f);
}
#define CLEANUP_ELF_FACTS CLEANUP(cleanup_elf_facts)

/** "dwarf", "symtab", "minidebuginfo", "dynsym", "none". Static. */
const char *elf_quality_name(enum elf_quality q);
/** "x86_64", "aarch64", …: as `uname -m` says it; "em_<n>" for others is the
 * caller's to print: NULL. Static. */
const char *elf_machine_name(uint16_t machine, bool is_64, bool is_big_endian);
/** "ET_EXEC", …; NULL for unknown ones. Static. */
const char *elf_type_name(uint16_t type);

/**
 * Find a section by exact name and say where its raw bytes are.
 *
 * @param[out] ret Byte range in the file, as stored (SHF_COMPRESSED stays
 * compressed). @p found_ret is false if there is none of that name, or it is
 * SHT_NOBITS or empty.
 * @return BAD_DATA if headers or range lie outside the file.
 */
struct elf_section_range {
	struct foff offset;
	uint64_t size;
};
MUST_CHECK struct error *elf_section_find(struct input *in, const char *name,
					  struct elf_section_range *ret,
					  bool *found_ret);

#endif

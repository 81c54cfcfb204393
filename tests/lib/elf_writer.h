/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Write a small ELF file for a test: say what it should be, get its bytes.
 *
 *	struct buf elf = BUF_INIT;
 *
 *	elf_write(&(struct elf_spec){
 *		.build_id = "00112233445566778899aabbccddeeff00112233",
 *		.text_size = 64,
 *		.units = (struct elf_unit[]){ {
 *			.version = 5,
 *			.comp_dir = "/src/hello",
 *			.dirs = (const char *[]){ "include", NULL },
 *			.files = (struct elf_unit_file[]){
 *				{ "hello.c", 0 }, { "hello.h", 1 }, { NULL } },
 *		} },
 *		.unit_count = 1,
 *	}, &elf);
 *
 * An empty spec is a 64-bit little-endian x86-64 ET_DYN with a section table
 * and nothing else. Whatever is not asked for is not there. What comes out is
 * well-formed (readelf, libdw and gdb agree) unless lies are asked for.
 *
 * Being for tests, it ends the program (abort) when it runs out of memory or
 * is asked for nonsense.
 */
#ifndef TESTS_LIB_ELF_WRITER_H
#define TESTS_LIB_ELF_WRITER_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How .debug_* sections are stored. */
enum elf_packing {
	ELF_PACK_NONE,
	ELF_PACK_ZLIB,   /* SHF_COMPRESSED, ELFCOMPRESS_ZLIB */
	ELF_PACK_ZSTD,   /* SHF_COMPRESSED, ELFCOMPRESS_ZSTD */
	ELF_PACK_ZDEBUG, /* .zdebug_*, "ZLIB" and a size */
};

struct elf_unit_file {
	const char *name; /* NULL ends the list */
	unsigned dir;     /* 0: comp_dir; n: dirs[n - 1] */
};

/** An attribute put in front of the others of the unit's first entry. */
struct elf_unit_attr {
	unsigned at; /* 0 ends the list */
	unsigned form;
	const void *data; /* its bytes as they stand in .debug_info */
	size_t size;
	int64_t implicit_const; /* for DW_FORM_implicit_const */
};

/** A unit of .debug_line and the compile unit that refers to it. */
struct elf_unit {
	unsigned version;                  /* 2 to 5; 0: 5 */
	unsigned info_version;             /* of .debug_info; 0: as version */
	bool is_64;                        /* 64-bit DWARF */
	const char *comp_dir;              /* NULL: none */
	const char *const *dirs;           /* NULL-terminated; NULL: none */
	const struct elf_unit_file *files; /* NULL: none */
	/** DW_FORM_* of the strings in a version 5 table; 0: line_strp.
	 * string, strp, line_strp, strx, strx1..4, strp_sup, GNU_strp_alt. */
	unsigned table_form;
	/** DW_FORM_* of DW_AT_comp_dir; 0: strp, or line_strp in version 5.
	 * The same ones, and GNU_str_index. */
	unsigned comp_dir_form;
	/** Where the alternate file has the strings of the forms strp_sup and
	 * GNU_strp_alt, all of them. */
	uint64_t alt_offset;
	bool has_md5;                      /* version 5: an MD5 for each file */
	const struct elf_unit_attr *attrs; /* NULL: none */
	unsigned unit_type;                /* DW_UT_*, version 5; 0: compile */
	bool no_info;                      /* a table that no unit refers to */
	bool no_line;                      /* a unit that refers to no table */
	unsigned line_section; /* 0 to 3: which of several .debug_line */
	size_t program_size;   /* at least so many bytes of program */
	size_t body_size;      /* bytes behind the unit's first entry */
};

#define ELF_SYMBOL_INFO(bind, type) (0x100u | (bind) << 4 | (type))
struct elf_symbol {
	const char *name;
	uint64_t value;
	uint64_t size;
	const char *section; /* NULL: .text; one there is not: undefined */
	unsigned info;       /* ELF_SYMBOL_INFO; 0: a global function */
};

/** A section besides those the other fields make. */
struct elf_extra {
	const char *name;
	uint32_t type; /* SHT_*; 0: SHT_PROGBITS */
	uint64_t flags;
	const void *data; /* NULL: zeros */
	uint64_t size;
	uint64_t align; /* 0: 1 */
};

/** What can be lied about. */
enum elf_field {
	ELF_E_SHOFF = 1,
	ELF_E_SHNUM,
	ELF_E_SHENTSIZE,
	ELF_E_SHSTRNDX,
	ELF_E_PHOFF,
	ELF_E_PHNUM,
	ELF_E_PHENTSIZE,
	ELF_E_VERSION,
	ELF_SH_NAME, /* these five: of the section named */
	ELF_SH_TYPE,
	ELF_SH_FLAGS,
	ELF_SH_OFFSET,
	ELF_SH_SIZE,
	ELF_SH_LINK,
	ELF_SH_INFO,
	ELF_P_OFFSET, /* of segment number `at` */
	ELF_P_FILESZ,
	ELF_P_ALIGN,
	/** `width` bytes at offset `at` of the named section's stored bytes, in
	 * the file's byte order. */
	ELF_BYTES,
	/** The same, before the section is compressed. */
	ELF_RAW_BYTES,
};

struct elf_lie {
	enum elf_field field; /* 0 ends the list */
	uint64_t value;
	const char *section; /* the first of that name; "" is section 0 */
	size_t at;
	unsigned width;
};

struct elf_spec {
	bool is_32;
	bool big_endian;
	uint16_t machine; /* 0: EM_X86_64, or EM_386 where is_32 */
	uint16_t type;    /* 0: ET_DYN */

	const char *build_id; /* hexadecimal, any length; NULL: none */
	const char *go_id;    /* NULL: none */
	/** A note named "Linux" in front of the build ID's, same section. */
	bool has_other_note;
	unsigned note_align; /* 4 or 8; 0: 4 */
	/** No note sections: the notes are found by PT_NOTE alone. */
	bool notes_by_segment_only;

	uint64_t text_size; /* .text of that size; 0: none */
	unsigned text_seed; /* other seeds, other bytes: they do not repeat
			     * and hardly compress */
	/** Sections with memory are SHT_NOBITS, but for notes: what objcopy
	 * --only-keep-debug leaves. */
	bool is_debug_file;

	const struct elf_symbol *symbols; /* .symtab */
	size_t symbol_count;
	const struct elf_symbol *dynamic_symbols; /* .dynsym */
	size_t dynamic_symbol_count;

	const struct elf_unit *units;
	size_t unit_count;
	enum elf_packing packing;
	bool use_rel; /* ET_REL: SHT_REL, not SHT_RELA */
	bool unsorted_relocations;

	const char *alt_name; /* .gnu_debugaltlink; NULL: none */
	const char *alt_id;   /* hexadecimal */

	const struct elf_extra *extras;
	size_t extra_count;
	/** So many empty sections ".f": beyond 65279 in all the counts move to
	 * section 0, as they do beyond 65534 segments (of filler_type). */
	size_t filler_sections;
	size_t filler_segments;
	uint32_t filler_type; /* PT_*; 0: PT_NULL */
	bool no_section_table;
	bool no_segments;

	const struct elf_lie *lies; /* NULL: none */
	size_t truncate_to;         /* 0: whole */
};

/** Write behind what is in @p out. */
void elf_write(const struct elf_spec *spec, struct buf *out);

#endif

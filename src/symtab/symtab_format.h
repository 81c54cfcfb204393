/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How a compiled table lies in its file. Everything is little-endian.
 *
 * GSYM, version 1, as LLVM reads it:
 *
 *	 0 u32 magic                0x4753594d
 *	 4 u16 version              1
 *	 6 u8  addr_off_size        1, 2, 4 or 8
 *	 7 u8  uuid_size            <= 20
 *	 8 u64 base_address         of the lowest function
 *	16 u32 num_addresses
 *	20 u32 strtab_offset
 *	24 u32 strtab_size
 *	28 u8  uuid[20]             the first 20 bytes of the build ID
 *	48     addr_offsets[num_addresses], addr_off_size bytes each, ascending,
 *	       from base_address
 *	   (4) u32 addr_info_offsets[num_addresses], from the file's start
 *	   (4) u32 file_count, { u32 directory, u32 base name }[file_count];
 *	       the first is { 0, 0 }: unknown
 *	       string table; the first is ""; strings are named by their offset
 *	   (4) FunctionInfo, each:
 *	           u32 size, u32 name
 *	           { u32 type, u32 length, u8[length] } until type 0
 *
 *	LineTableInfo: SLEB min_delta, SLEB max_delta, ULEB first_line, then
 *	operations on { offset 0, file 1, line first_line }:
 *	    0 end; 1 ULEB file; 2 ULEB: offset +=, row; 3 SLEB: line +=;
 *	    n: n - 4 = (line delta - min_delta) + offset delta * range, row,
 *	    where range = max_delta - min_delta + 1
 *
 *	InlineInfo: a tree whose root is the function itself. A node: ULEB
 *	number of ranges, { ULEB offset, ULEB size } each from the start of the
 *	parent's first range (of the function, for the root), u8 has_children,
 *	u32 name, ULEB call_file, ULEB call_line, children, 0.
 *
 * What GSYM has no place for stands behind the last FunctionInfo, where LLVM
 * does not look. It is found from the trailer, the last 96 bytes of the file:
 *
 *	 0 u8  magic[8]             "symtab" 0x1a 0x0a
 *	 8 u32 version              of this private section
 *	12 u32 producer             what the table says; see below
 *	16 u64 gsym_size            bytes from the file's start
 *	24 u64 facts offset, size
 *	40 u64 names offset, size
 *	56 u64 spans offset, size
 *	72 u64 index offset, size
 *	88 u64 checksum of all before it: XXH3-64, a MiB at a time, each with
 *	       the result of the one before as its seed, the first with 0
 *
 *	facts: u8 length and bytes of the build ID, u8 enum symtab_quality, u8
 *	    1: the table is whole, 2: a limit has cut it; the layout
 *	    (symtab_layout.c).
 *	spans: u32 numbers of those functions, ascending, that reach beyond the
 *	    start of the next one: whoever finds no answer in the function that
 *	    starts last looks here for one around it.
 *	index: places in large functions to begin decoding at (symtab_index.h).
 *	names: how mangled names read (symtab_names.c).
 *
 * Source: LLVM 19, llvm/include/llvm/DebugInfo/GSYM; the rest is ours.
 */
#ifndef SYMTAB_SYMTAB_FORMAT_H
#define SYMTAB_SYMTAB_FORMAT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	GSYM_MAGIC = 0x4753594d,
	GSYM_VERSION = 1,
	GSYM_HEADER_SIZE = 48,
	GSYM_UUID_MAX = 20,

	GSYM_END_OF_LIST = 0,
	GSYM_LINE_TABLE = 1,
	GSYM_INLINE = 2,

	GSYM_OP_END = 0,
	GSYM_OP_SET_FILE = 1,
	GSYM_OP_ADVANCE_PC = 2,
	GSYM_OP_ADVANCE_LINE = 3,
	GSYM_OP_SPECIAL = 4,
};

#define SYMTAB_MAGIC "symtab\x1a\n"
enum {
	/** Calls that one bucket of the index names, or a function without an
	 * index has, and the ranges of all of these: symtab_index.h. All may be
	 * gone through for one address. The most seen, in a C++ server and in a
	 * kernel: 152 calls, 859 ranges. */
	SYMTAB_AMONG_MAX = 4096,
	SYMTAB_RANGES_MAX = 8192,
	SYMTAB_VERSION = 1,
	/** Raised with every change to what tables say for the same input:
	 * writer, builder, demangler, DWARF reader. A table with another one is
	 * built anew. */
	SYMTAB_PRODUCER = 4,
	SYMTAB_TRAILER_SIZE = 96,
	SYMTAB_CHECKSUM_AT = 88,    /* in the trailer */
	SYMTAB_HASH_PIECE = 1 << 20 /* bytes */
};

/** Of the facts. */
enum { SYMTAB_IS_WHOLE = 1, SYMTAB_IS_CUT = 2 };

/** Of the names section. */
enum {
	SYMTAB_NAMES_HEADER = 16,
	SYMTAB_NAMES_MATCH_MIN = 4,
	/** Bytes of a mangled name, of its text, and of the sample: a copy's
	 * source is below 2^16. */
	SYMTAB_NAME_MAX = 20 * 1024
};

static inline uint16_t symtab_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t symtab_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t symtab_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/** Checksum of @p size bytes more, of which all but the last are whole pieces.
 * @param[in] before 0, or the result for what comes before. */
uint64_t symtab_checksum(uint64_t before, const void *data, size_t size);

#endif

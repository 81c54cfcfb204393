/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A compiled symbol table, opened for lookup: address to function, file, line
 * and inlined frames.
 *
 * One immutable file, GSYM version 1 with a private section behind the last
 * FunctionInfo (symtab_format.h). It is read into memory and checked: what is
 * damaged is an error, never a crash, however it came to be, and what becomes
 * of the file afterwards changes nothing.
 *
 * Must not know how tables are built.
 * Threads: a table is immutable and shared by reference count; a cursor is
 * owned by one thread.
 * Source: LLVM, llvm/include/llvm/DebugInfo/GSYM (version 1).
 */
#ifndef SYMTAB_SYMTAB_H
#define SYMTAB_SYMTAB_H

#include "base/buf.h"
#include "base/build_id.h"
#include "base/error.h"
#include "base/units.h"
#include "symtab/symtab_layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symtab;

/** From what a table was made, best last. The names are those of
 * elf_quality_name() and of the wire. */
enum symtab_quality {
	SYMTAB_QUALITY_NONE,
	SYMTAB_QUALITY_DYNSYM,
	SYMTAB_QUALITY_MINIDEBUGINFO,
	SYMTAB_QUALITY_SYMTAB,
	SYMTAB_QUALITY_DWARF,
	SYMTAB_QUALITIES
};
const char *symtab_quality_name(enum symtab_quality q);

/**
 * Read and verify a table.
 *
 * @param[in] fd Borrowed for the call.
 * @param[in] id The build ID it must be of; NULL: any.
 * @return BAD_DATA for damage, a wrong checksum or another build ID;
 * UNSUPPORTED for another version or producer stamp (to be built anew); IO,
 * NO_MEMORY.
 * Cost: one pass over the file, and memory of its size.
 */
MUST_CHECK struct error *symtab_open(int fd, const struct build_id *id,
				     struct symtab **ret);
/** The same over memory of the caller's that outlives the table (small tables
 * out of a worker, tests). */
MUST_CHECK struct error *symtab_open_memory(const void *data, size_t size,
					    const struct build_id *id,
					    struct symtab **ret);
struct symtab *symtab_get(struct symtab *t);
/** NULL is allowed. */
void symtab_put(struct symtab *t);
#define CLEANUP_SYMTAB CLEANUP(cleanup_symtab)
static inline void cleanup_symtab(struct symtab **t)
{
	symtab_put(*t);
}

const struct build_id *symtab_build_id(const struct symtab *t);
enum symtab_quality symtab_quality(const struct symtab *t);
const struct symtab_layout *symtab_layout(const struct symtab *t);
/** False: a table of the addresses asked for only. */
bool symtab_is_whole(const struct symtab *t);
/** A limit has cost it names, lines or inlined calls that its files have. */
bool symtab_is_cut(const struct symtab *t);
/** Bytes of its file. */
size_t symtab_bytes(const struct symtab *t);
/** Bytes of memory it takes: what a cache counts. Those of its file, and what
 * was made of them. */
size_t symtab_memory(const struct symtab *t);
/** Bytes from the start that are the GSYM proper, for GET …/gsym. */
size_t symtab_gsym_bytes(const struct symtab *t);
/** The bytes themselves: symtab_bytes() of them, as they stand in its file. */
const uint8_t *symtab_data(const struct symtab *t);
/** A hash of them. */
uint64_t symtab_hash(const struct symtab *t);

/** One frame. Numbers mean something within one table only; two frames of a
 * table are equal if all of @c name, file, line, is_inlined and start are. */
struct symtab_frame {
	uint32_t name; /* symtab_name() */
	uint32_t file; /* symtab_file(); 0: unknown */
	uint32_t line; /* 0: unknown */
	bool is_inlined;
	struct vaddr start; /* of the concrete function */
	uint64_t size;      /* of the concrete function */
};

enum { SYMTAB_FRAMES_MAX = 256 };

/**
 * A place in a table, with the function decoded last. Addresses asked for in
 * ascending order cost each function one decoding.
 */
struct symtab_cursor;
/** @param[in] t Borrowed until the cursor is freed. */
MUST_CHECK struct error *symtab_cursor_create(struct symtab *t,
					      struct symtab_cursor **ret);
/** Use it for another table; keeps its memory. */
void symtab_cursor_reset(struct symtab_cursor *c, struct symtab *t);
/** NULL is allowed. */
void symtab_cursor_free(struct symtab_cursor *c);

/**
 * Frames of an address, innermost first; the last is the concrete function.
 *
 * @param[in] want_inlines False: the concrete function alone, with the line of
 * its own call site, as an outer frame has it.
 * @param[out] ret Valid until the next call on the cursor.
 * @param[out] count_ret 0: no function holds the address.
 * @return NULL, BAD_DATA if the function at this place is damaged, NO_MEMORY.
 * Cost: two binary searches at most and, for a function other than the last
 * one, its decoding. Allocates only while its buffers grow. No lock.
 */
MUST_CHECK struct error *symtab_find(struct symtab_cursor *c, struct vaddr at,
				     bool want_inlines,
				     const struct symtab_frame **ret,
				     size_t *count_ret);

/** A name as the object file has it (linkage name). Borrowed from the table. */
const char *symtab_name(const struct symtab *t, uint32_t name, size_t *len_ret);

/** What a name is for people: without compiler suffix and version, and readable
 * if wanted. Copies into @p buf (appends) only where it must be put together.
 *
 * @return @p len_ret bytes, borrowed from the table or from @p buf until it
 * grows; never NULL, and not always with a NUL behind them. symtab_name()'s own
 * pointer where it is that or its beginning.
 * Cost: some 200 ns for a mangled name. Allocates only in @p buf; without
 * memory the name stays mangled. */
const char *symtab_display_name(const struct symtab *t, uint32_t name,
				bool demangle, struct buf *buf,
				size_t *len_ret);

/** The two halves of a file's path; @c dir may be "". Borrowed. */
void symtab_file(const struct symtab *t, uint32_t file, const char **dir_ret,
		 size_t *dir_len_ret, const char **base_ret,
		 size_t *base_len_ret);

#endif

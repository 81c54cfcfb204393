/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What code a file's DWARF describes: each function's name, range, line rows
 * and inlined calls, unit by unit. DWARF 2 to 5, split or not, of any class
 * and byte order.
 *
 * One pass: entries that can hold no code are skipped, each line program is
 * run once, and nothing is kept of a unit when the next one is read. Sections
 * are mapped where they are stored plainly and inflated where they are not, as
 * far as is needed.
 *
 * What is damaged or beyond a limit is noted (dwarf_debug_problem()) and left
 * out; the rest is given. Lines are given only of code whose inlined calls are
 * known: else they would be taken for those of the function around them.
 *
 * Must not know what is made of it.
 * Threads: owned by one thread.
 * Source: DWARF 5 (2017-02-13); DWARF 2 to 4 where they differ; GCC's
 * include/dwarf2.def for DW_*_GNU_*; https://gcc.gnu.org/wiki/DebugFission and
 * DebugFissionDWP for split DWARF 4.
 */
#ifndef ELF_DWARF_FUNCTIONS_H
#define ELF_DWARF_FUNCTIONS_H

#include "base/error.h"
#include "base/units.h"
#include "elf/elf_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dwarf_debug;

/** A .dwo or .dwp, which is told by its content; units are found by their DWO
 * ID, whatever the files are called. */
struct dwarf_debug_split {
	struct elf_file *file;
};

/** All borrowed until dwarf_debug_close(). The inputs of the files must not
 * change: they may be mapped. */
struct dwarf_debug_inputs {
	struct elf_file *file; /* has the DWARF */
	struct elf_file *alt;  /* named by .gnu_debugaltlink; NULL: none */
	const struct dwarf_debug_split *splits;
	size_t split_count;
	/** Of ET_REL: the address given to each section, by its number; what
	 * is behind the end is at 0. NULL for other files. */
	const uint64_t *section_vaddrs;
	size_t section_vaddr_count;
};

/**
 * Find sections.
 *
 * @param[out] ret Owned: dwarf_debug_close(). A file without DWARF has no
 * units.
 * @return LIMIT, NO_MEMORY, IO. Damage is a problem, not an error.
 * Cost: next to none; what is needed is found and inflated when it is.
 */
MUST_CHECK struct error *
dwarf_debug_open(const struct dwarf_debug_inputs *inputs,
		 struct dwarf_debug **ret);
/** NULL is allowed. */
void dwarf_debug_close(struct dwarf_debug *d);
static inline void cleanup_dwarf_debug(struct dwarf_debug **d)
{
	dwarf_debug_close(*d);
}
#define CLEANUP_DWARF_DEBUG CLEANUP(cleanup_dwarf_debug)

/** First thing that could not be read, with its place; NULL: none so far. */
const char *dwarf_debug_problem(const struct dwarf_debug *d);
/** Was something left out because of a limit? */
bool dwarf_debug_is_cut(const struct dwarf_debug *d);

/**
 * The IDs by which skeletons name the units of a .dwo or .dwp.
 *
 * @param[in] f Borrowed for the call. One without split DWARF has none.
 * @param[out] ret Owned, mem_free(): ascending, each once; NULL if none. What
 * is good of a damaged file; ELF_SPLIT_IDS_MAX at most.
 * @return NO_MEMORY, IO.
 * Cost: of a .dwp the index of its units, of others the headers of all units
 * and, before version 5, their first entries.
 */
MUST_CHECK struct error *dwarf_split_ids(struct elf_file *f, uint64_t **ret,
					 size_t *count_ret);

/** A line row holds from its offset to the next row's. */
struct dwarf_row {
	uint64_t offset; /* from the function's start; strictly ascending */
	uint32_t file;   /* number that the sink gave; 0: unknown */
	uint32_t line;   /* 0: unknown */
};

struct dwarf_range {
	uint64_t offset; /* from the function's start */
	uint64_t size;   /* not 0 */
};

/** An inlined call. Flat, in preorder. */
struct dwarf_inline {
	uint32_t depth; /* 1: into the concrete function itself */
	uint32_t name;  /* number that the sink gave; 0: none */
	uint32_t call_file;
	uint32_t call_line;
	const struct dwarf_range *ranges; /* sorted, disjoint, not empty, within
					   * the function */
	size_t range_count;
};

/**
 * One contiguous piece of a function: hot and cold parts come one after the
 * other, each with the same name.
 *
 * The rows cover the piece as far as the line table does: the first has offset
 * 0 unless code in front of it has no line; code that a line table leaves out
 * in between has a row of file 0. There are none where not all inlined calls
 * could be read.
 */
struct dwarf_function {
	struct vaddr start;
	uint64_t size; /* not 0 */
	uint32_t name; /* 0: none */
	const struct dwarf_row *rows;
	size_t row_count;
	const struct dwarf_inline *inlines;
	size_t inline_count;
};

/** Code that a line table covers and no function does: assembly, thunks, what
 * pads functions. The rows are as those of a function. */
struct dwarf_lines {
	struct vaddr start;
	uint64_t size;
	const struct dwarf_row *rows;
	size_t row_count;
	/** No row begins in it, only one from before goes on. */
	bool is_left_over;
};

/**
 * Who is given the functions. An error of any of these ends the reading and is
 * handed up.
 */
struct dwarf_sink {
	void *ctx;
	/** Number of a name, for everything that follows; not 0. Asked once for
	 * each entry that has one, so seldom twice for the same bytes. The
	 * linkage name; else, in C++ and its like, the name with its scopes;
	 * else the name. */
	MUST_CHECK struct error *(*name)(void *ctx, const char *s, size_t len,
					 uint32_t *ret);
	/** Number of a source file, not 0. Its path, as made from the unit's
	 * directory, the file's and its name, is @p base where @p dir is empty,
	 * else both with a slash in between; "/" itself as @p dir stands for
	 * the root. Asked once in a unit. */
	MUST_CHECK struct error *(*file)(void *ctx, const char *dir,
					 size_t dir_len, const char *base,
					 size_t base_len, uint32_t *ret);
	/** @param[in] f Borrowed for the call. */
	MUST_CHECK struct error *(*function)(void *ctx,
					     const struct dwarf_function *f);
	/** NULL: not wanted. @param[in] l Borrowed for the call. */
	MUST_CHECK struct error *(*lines)(void *ctx,
					  const struct dwarf_lines *l);
	/** A unit's code lies in a .dwo that was not among the inputs. NULL:
	 * not wanted. @param[in] dir,name DW_AT_comp_dir and DW_AT_dwo_name. */
	MUST_CHECK struct error *(*missing_split)(void *ctx, uint64_t dwo_id,
						  const char *dir,
						  size_t dir_len,
						  const char *name,
						  size_t name_len);
};

/** Units of the file; those that hold no code are among them and cost next to
 * nothing. Finds them all, unless there is an error. */
size_t dwarf_debug_unit_count(struct dwarf_debug *d);

/** What kept dwarf_debug_unit_count() from finding more, and is no damage; told
 * once, here or by the next dwarf_debug_read_unit(). Of no unit at all nobody
 * else tells it. */
MUST_CHECK struct error *dwarf_debug_count_error(struct dwarf_debug *d);

/** Only what holds an address is given. */
struct dwarf_wanted {
	const uint64_t *addresses; /* sorted, ascending */
	size_t count;
};

/**
 * Read one unit.
 *
 * A piece of code that several units describe is given for the first that is
 * read.
 *
 * @param[in] unit Best in ascending order; at or above the count there is
 * nothing.
 * @param[in] wanted NULL: everything.
 * @return What the sink says; LIMIT where the file is made to take forever,
 * NO_MEMORY, IO. Damage is a problem, not an error.
 */
MUST_CHECK struct error *
dwarf_debug_read_unit(struct dwarf_debug *d, size_t unit,
		      const struct dwarf_wanted *wanted,
		      const struct dwarf_sink *sink);

/**
 * Find the units that cover addresses: by .debug_aranges, if it has them all;
 * else also by the first entries of the units that it does not have.
 *
 * @param[in] wanted Sorted.
 * @param[out] units_ret Owned, mem_free(): numbers, ascending. NULL if none.
 * @return NO_MEMORY, IO.
 * Cost: .debug_aranges, and finding the units up to the last one that it names,
 * or all of them and the first entries of some.
 */
MUST_CHECK struct error *
dwarf_debug_find_units(struct dwarf_debug *d, const struct dwarf_wanted *wanted,
		       size_t **units_ret, size_t *count_ret);

#endif

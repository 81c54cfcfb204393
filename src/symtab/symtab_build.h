/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Builds a compiled table from whatever there is of one build ID: DWARF,
 * symbol tables, .gnu_debugdata, exception frames; best first, and merged.
 *
 * Runs in a worker process (and in `symbolized resolve --file`'s): the bytes
 * are a stranger's.
 *
 * Threads: owned by one thread.
 */
#ifndef SYMTAB_SYMTAB_BUILD_H
#define SYMTAB_SYMTAB_BUILD_H

#include "base/buf.h"
#include "base/build_id.h"
#include "base/error.h"
#include "symtab/symtab.h"
#include "symtab/symtab_layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A .dwo file or a .dwp, which is told by its content, whatever it is called:
 * units are found by their IDs. Several may lie in one file. */
struct symtab_build_dwo {
	int fd;
	uint64_t offset;
	uint64_t size; /* 0: all of the file */
};

/** Descriptors are borrowed; -1: there is none. At least one of debuginfo and
 * executable is there. */
struct symtab_build_inputs {
	struct build_id id; /* as asked for; stands in the table */
	int debuginfo;
	int executable;
	int alt; /* the file that .gnu_debugaltlink names */
	const struct symtab_build_dwo *dwos;
	size_t dwo_count;
	/** Of the executable, as the index knows it; wins over what @c
	 * debuginfo says itself, and is not needed where @c executable is
	 * there. NULL: unknown. */
	const struct symtab_layout *layout;
};

/** Addresses for a table of those alone. */
struct symtab_build_wanted {
	struct address_space space;
	const uint64_t *addresses;
	size_t count;
};

/** How it went, beside the table. */
struct symtab_build_report {
	enum symtab_quality quality;
	uint64_t functions, units;
	/** First thing that could not be read, "" if none: the table has what
	 * could. */
	char problem[256];
	/** Mangled names that are beyond the demangler's limits, and stay so. */
	uint64_t left_names;
	/** Units of split DWARF that are named and were not given: their IDs,
	 * sorted, each once, SYMTAB_BUILD_SPLITS_MAX at most. With them the
	 * table would be better. Owned, as is what follows:
	 * symtab_build_report_deinit(). */
	uint64_t *missing_splits;
	size_t missing_split_count;
	/** How the files are called that they are in, "" if none: DW_AT_comp_dir
	 * and DW_AT_dwo_name by turns, NUL behind each; only the first
	 * SYMTAB_BUILD_DWOS_MAX. */
	struct buf missing_dwos;
	/** The file that .gnu_debugaltlink names, where it was not given; len
	 * 0: none. */
	struct build_id missing_alt;
};
enum { SYMTAB_BUILD_DWOS_MAX = 1000, SYMTAB_BUILD_SPLITS_MAX = 1 << 17 };

/** Twice is safe. */
void symtab_build_report_deinit(struct symtab_build_report *r);
#define CLEANUP_SYMTAB_BUILD_REPORT CLEANUP(symtab_build_report_deinit)

/** Make missing_splits what it says of itself: each is looked up, and a file
 * may name one as often as it likes. */
void symtab_build_report_settle(struct symtab_build_report *r);

/**
 * Build the table.
 *
 * @param[in] wanted NULL: the whole table. Else only functions that hold one of
 * these addresses, from their own CUs: the same file format, not whole.
 * @param[in] out Empty file.
 * @param[out] report Filled on success.
 * @return BAD_DATA if neither file can be read at all; LIMIT, IO, NO_SPACE,
 * NO_MEMORY. Files without any symbol give an empty table of quality "none".
 * Memory: the decompressed .debug_info at most, plus the table's size.
 */
MUST_CHECK struct error *symtab_build(const struct symtab_build_inputs *in,
				      const struct symtab_build_wanted *wanted,
				      size_t wanted_count, int out,
				      struct symtab_build_report *report);

#endif

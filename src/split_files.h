/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Files of split DWARF on this machine, for a program that somebody named on
 * the command line: PROGRAM.dwp, or the .dwo files where the program says they
 * are, or beside it.
 *
 * Not for a server: the names are a stranger's.
 * Threads: owned by one thread.
 */
#ifndef SPLIT_FILES_H
#define SPLIT_FILES_H

#include "base/buf.h"
#include "base/error.h"
#include "worker/symtab_job.h"

#include <stddef.h>
#include <stdint.h>

struct split_files {
	struct symtab_build_dwo dwos[SYMTAB_JOB_DWO_FDS_MAX];
	size_t count;
	uint64_t bytes; /* of all */
};

/** Close them. Twice is safe. */
void split_files_deinit(struct split_files *s);
#define CLEANUP_SPLIT_FILES CLEANUP(split_files_deinit)

/** Open PROGRAM.dwp, if there is one and room for it.
 * @return NO_MEMORY. */
MUST_CHECK struct error *split_files_add_package(struct split_files *s,
						 const char *program);

/**
 * Open what a build has missed: those that are there, as many as there is room
 * for.
 *
 * @param[in] missing struct symtab_build_report.
 * @return NO_MEMORY.
 */
MUST_CHECK struct error *split_files_add_missing(struct split_files *s,
						 const char *program,
						 const struct buf *missing);

#endif

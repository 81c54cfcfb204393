/* SPDX-License-Identifier: Apache-2.0 */
/**
 * WIRE_SYMTAB: build a compiled table (symtab/symtab_build.h) in a worker.
 *
 * Request: symtab_request_put(). Descriptors: symtab_request_fds(). Answer: one
 * WIRE_RESULT, read with symtab_result_get(), when the table is written. An
 * error of the job (symtab_build()'s) is about the files; the output is then
 * worth nothing.
 *
 * Threads: no state.
 */
#ifndef WORKER_SYMTAB_JOB_H
#define WORKER_SYMTAB_JOB_H

#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"
#include "symtab/symtab_build.h"
#include "worker/wire.h"

#include <stddef.h>
#include <stdint.h>

enum {
	/** Files of split DWARF in one job, and descriptors they lie in, which
	 * are few. */
	SYMTAB_JOB_DWOS_MAX = 1 << 16,
	SYMTAB_JOB_DWO_FDS_MAX = WIRE_MAX_FDS - 4,
	SYMTAB_JOB_WANTED_MAX = 100000, /* addresses, in all lists */
};

/**
 * Append a request.
 *
 * @param[in] in Of its descriptors only whether they are there (>= 0) is told.
 * @param[in] wanted NULL: the whole table.
 */
void symtab_request_put(struct buf *out, const struct symtab_build_inputs *in,
			const struct symtab_build_wanted *wanted,
			size_t wanted_count);

/**
 * The descriptors in the job's order.
 *
 * @param[in] table Empty file that the worker writes.
 * @param[out] fds Borrowed from @p in and the caller. One that several .dwo
 * files in a row lie in is sent once.
 * @return LIMIT for more files of split DWARF or descriptors than there may be.
 */
MUST_CHECK struct error *
symtab_request_fds(const struct symtab_build_inputs *in, int table,
		   int fds[WIRE_MAX_FDS], size_t *count_ret);

/** What a worker takes from a request. Owns all but the descriptors. */
struct symtab_request {
	struct symtab_build_inputs inputs;
	struct symtab_build_dwo *dwos; /* those of the inputs */
	struct symtab_layout layout;
	struct symtab_build_wanted *wanted; /* NULL: the whole table */
	size_t wanted_count;
	int table;
};

/** @param[out] ret symtab_request_deinit(), also on error.
 * @return BAD_DATA, NO_MEMORY. */
MUST_CHECK struct error *symtab_request_get(struct reader *r, const int *fds,
					    size_t fd_count,
					    struct symtab_request *ret);
void symtab_request_deinit(struct symtab_request *q);

void symtab_result_put(struct buf *out,
		       const struct symtab_build_report *report);
/** @param[out] ret symtab_build_report_deinit(). @return BAD_DATA, NO_MEMORY.*/
MUST_CHECK struct error *symtab_result_get(struct reader *r,
					   struct symtab_build_report *ret);

/** Processor seconds to allow for files of so many bytes in all. */
uint32_t symtab_job_cpu_s(uint64_t input_bytes);

#endif

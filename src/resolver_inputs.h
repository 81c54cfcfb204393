/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The files that --file, --debuginfo and --alt name, opened, if they belong
 * together.
 *
 * Threads: owned by one thread.
 */
#ifndef RESOLVER_INPUTS_H
#define RESOLVER_INPUTS_H

#include "base/build_id.h"
#include "base/error.h"
#include "one_worker.h"
#include "settings.h"
#include "symtab/symtab_build.h"

#include <stdbool.h>
#include <stdint.h>

struct resolver_inputs {
	struct symtab_build_inputs files; /* owned descriptors; -1: none */
	uint64_t bytes;                   /* of all */
	struct build_id id;               /* of --file; len 0: it has none */
};

/** Is @p given the ID, perhaps with the zeros that a kernel pads it with? True
 * where one of them is not known. */
bool resolver_same_id(const struct build_id *given, const struct build_id *id);

/**
 * @param[in] w Reads the files' build IDs.
 * @param[out] ret resolver_inputs_close(), also on error.
 * @return IO or BAD_REQUEST for what cannot be opened, or is no regular file;
 * BAD_REQUEST if --build-id is another one; BAD_DATA if --debuginfo or --alt are
 * another file's. What is no ELF file is not found out here.
 */
MUST_CHECK struct error *resolver_inputs_open(const struct settings *s,
					      struct one_worker *w,
					      struct resolver_inputs *ret);
/** Twice is safe. */
void resolver_inputs_close(struct resolver_inputs *in);

#endif

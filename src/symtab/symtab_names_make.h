/* SPDX-License-Identifier: Apache-2.0 */
/** The names section of a table that is being written: symtab_names.c has its
 * layout. Demangles, so it is for workers. */
#ifndef SYMTAB_SYMTAB_NAMES_MAKE_H
#define SYMTAB_SYMTAB_NAMES_MAKE_H

#include "base/buf.h"
#include "base/error.h"
#include "symtab/symtab_pool.h"

/** Append it to @p out. @param[out] left_ret Mangled names that are too much and
 * stay as they are. @return NO_MEMORY. */
MUST_CHECK struct error *symtab_names_make(const struct symtab_pool *p,
					   struct buf *out, uint64_t *left_ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The strings that a table needs.
 *
 * Many that were numbered are in no function that is kept: names of
 * declarations, of abstract constructors, of functions that lost their address
 * to others. In a large C++ program that is a fifth of all.
 *
 * Threads: owned by one thread.
 */
#ifndef SYMTAB_SYMTAB_STRINGS_H
#define SYMTAB_SYMTAB_STRINGS_H

#include "symtab/symtab_emit.h"

/**
 * Drop what neither a file nor one of the functions names, and number the rest
 * anew in the order in which it is named: by functions as they lie, then by files,
 * so that what is looked up together is together.
 *
 * @param[in,out] entries Their data is changed.
 * @param[in,out] p Numbers of strings that were had before are of no use
 * behind this, and none can be had.
 * @return NO_MEMORY: pool and functions no longer fit each other.
 */
MUST_CHECK struct error *symtab_strings_settle(struct symtab_entry *entries,
					       size_t count,
					       struct symtab_pool *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A cache of compiled tables in a directory of its own, and tables for it. What
 * fails ends the test.
 */
#ifndef TESTS_TABLES_FIXTURE_H
#define TESTS_TABLES_FIXTURE_H

#include "symbolize/table_cache.h"

/** Of the running test, between the two. */
extern char tables_dir[64];
void tables_make_dir(void);
void tables_remove_dir(void);

struct table_cache *tables_open(uint64_t disk, uint64_t memory);

struct build_id tables_id(unsigned i);
extern const struct table_claims tables_whole; /* DWARF, of both files */

/** Put a table of 50 functions as a builder does it, but for the worker.
 * @param[in] keeps Onto the disk, too. */
MUST_CHECK struct error *tables_try_put(struct table_cache *c, unsigned i,
					struct table_claims claims, bool keeps);
void tables_put(struct table_cache *c, unsigned i, struct table_claims claims);

struct symtab *tables_load(struct table_cache *c, unsigned i);

/** Where it lies on disk. One at a time. */
char *tables_path(unsigned i, struct table_claims claims);

#endif

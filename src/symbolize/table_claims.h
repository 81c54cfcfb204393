/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a table was made from, and whether another one would say more. Threads:
 * any.
 */
#ifndef SYMBOLIZE_TABLE_CLAIMS_H
#define SYMBOLIZE_TABLE_CLAIMS_H

#include "symtab/symtab.h"

#include <stdbool.h>
#include <stdint.h>

/** What a table was made from: the best quality that a file of that build ID
 * has, as the index knew it, and which files there were. */
enum table_input {
	TABLE_EXECUTABLE = 1 << 0,
	TABLE_DEBUGINFO = 1 << 1,
	TABLE_ALT = 1 << 2,
	TABLE_UPSTREAM = 1 << 3, /* some came from another server */
	/** Not a file: units of split DWARF were missing. */
	TABLE_LACKS_SPLIT = 1 << 4,
};
struct table_claims {
	uint8_t quality; /* enum symtab_quality */
	uint8_t inputs;  /* enum table_input */
	/** index_split_version(), as it was when files with split DWARF were
	 * looked for; 0: unknown, as it is of tables on disk. */
	uint64_t split_version;
	/** Of a table that lacks some: clock_ms() before which it is not made
	 * again for that, however often the index changes; 0: it may be at
	 * once. How often it has been made in a row. */
	int64_t split_retry_ms;
	uint8_t split_tries;
	/** Files were there and could not be had: then it is, though the index
	 * be the same. */
	bool is_split_uncertain;
};

/** Some are lacking. @param[in] had By the table before: each time in a row it
 * takes twice as long until it may be made again. */
void table_claims_put_off(struct table_claims *c, struct table_claims had);

/** What to say of a table that is good but for something; static, or NULL. */
const char *table_claims_message(struct table_claims c, const struct symtab *t);

/** Will one made from what the index has now, @p version, be worth trying when
 * its time has come? */
bool table_claims_await_split(struct table_claims c, uint64_t version);

/** Might a table made from @p a say now what one made from @p b does not? */
bool table_claims_exceed(struct table_claims a, struct table_claims b);

#endif

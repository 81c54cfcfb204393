/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stddef.h>

#include "base/clock.h"
#include "symbolize/table_claims.h"

enum {
	RETRY_MS = 2000,
	DOUBLINGS_MAX = 8, /* to 9 minutes */
};

void table_claims_put_off(struct table_claims *c, struct table_claims had)
{
	uint8_t tries =
		had.split_version == c->split_version ? had.split_tries : 0;

	c->split_retry_ms = clock_ms() + ((int64_t)RETRY_MS << tries);
	c->split_tries = tries < DOUBLINGS_MAX ? (uint8_t)(tries + 1) : tries;
}

static bool may_have_split(struct table_claims a, struct table_claims b)
{
	return a.split_version != b.split_version ||
	       (b.split_retry_ms && clock_ms() >= b.split_retry_ms);
}

bool table_claims_exceed(struct table_claims a, struct table_claims b)
{
	const uint8_t files = TABLE_EXECUTABLE | TABLE_DEBUGINFO | TABLE_ALT;

	if (b.inputs & TABLE_LACKS_SPLIT && may_have_split(a, b))
		return true;
	return a.quality > b.quality || (a.inputs & files & ~b.inputs) != 0;
}

const char *table_claims_message(struct table_claims c, const struct symtab *t)
{
	if (!symtab_is_cut(t))
		return c.inputs & TABLE_LACKS_SPLIT ? "split DWARF is missing"
						    : NULL;
	return c.inputs & TABLE_LACKS_SPLIT
		       ? "split DWARF is missing; a limit cut what there is"
		       : "a limit cut its debug information";
}

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
	const int64_t longest = (int64_t)RETRY_MS << DOUBLINGS_MAX;
	int64_t now = clock_ms();
	uint8_t tries = had.split_tries;

	/* In a row is what comes as soon as it may. */
	if (now - had.split_retry_ms >= longest)
		tries = 0;
	c->split_retry_ms = now + ((int64_t)RETRY_MS << tries);
	c->split_tries = tries < DOUBLINGS_MAX ? (uint8_t)(tries + 1) : tries;
}

bool table_claims_await_split(struct table_claims c, uint64_t version)
{
	return c.inputs & TABLE_LACKS_SPLIT &&
	       (c.is_split_uncertain || c.split_version != version);
}

bool table_claims_exceed(struct table_claims a, struct table_claims b)
{
	const uint8_t files = TABLE_EXECUTABLE | TABLE_DEBUGINFO | TABLE_ALT;

	if (table_claims_await_split(b, a.split_version) &&
	    clock_ms() >= b.split_retry_ms)
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

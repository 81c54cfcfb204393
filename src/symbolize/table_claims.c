/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stddef.h>

#include "symbolize/table_claims.h"

bool table_claims_exceed(struct table_claims a, struct table_claims b)
{
	const uint8_t files = TABLE_EXECUTABLE | TABLE_DEBUGINFO | TABLE_ALT;

	if (b.inputs & TABLE_LACKS_SPLIT && a.split_version != b.split_version)
		return true;
	return a.quality > b.quality || (a.inputs & files & ~b.inputs) != 0;
}

const char *table_claims_message(struct table_claims c)
{
	return c.inputs & TABLE_LACKS_SPLIT ? "split DWARF is missing" : NULL;
}

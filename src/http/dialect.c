/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "http/dialect.h"

const struct dialect dialect_own = {
	.has_request_id = true,
	/* A build ID names its bytes for ever. */
	.cache_control = "public, max-age=31536000, immutable",
	.route = route_by_table,
	.fail = fail_by_route,
	.absent = artifact_absent,
	.found = artifact_found,
	.account = account_log,
};

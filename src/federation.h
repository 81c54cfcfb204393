/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which upstream servers a command line and an environment name, and their
 * life beside the store's.
 */
#ifndef FEDERATION_H
#define FEDERATION_H

#include "settings.h"
#include "upstream/upstream.h"

struct federation {
	struct upstream_list list;
	struct upstreams *upstreams; /* NULL: there are none */
};

/**
 * --upstream and --upstream-file together, else DEBUGINFOD_URLS.
 * @param[in] asks_environment Read SYMBOLIZED_UPSTREAM, too, which settings
 * that know no --upstream URL do not hold.
 * @param[in] is_debuginfod DEBUGINFOD_TIMEOUT, _RETRY_LIMIT and _HEADERS_FILE
 * mean what they mean to elfutils' server.
 * @param[out] ret upstream_list_deinit(), also after an error.
 */
MUST_CHECK struct error *federation_read(const struct settings *s,
					 bool asks_environment,
					 bool is_debuginfod,
					 struct upstream_list *ret);

/** Open what is named; nothing where nobody is. */
MUST_CHECK struct error *federation_open(const struct settings *s,
					 bool is_debuginfod,
					 struct federation *ret);
/** After the store. Twice is safe. */
void federation_close(struct federation *f);

#endif

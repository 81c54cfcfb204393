/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where a redirection leads, and whether to go there: to http and https only,
 * and to a private address only where the operator named that host and port.
 *
 * What a name resolves to is seen when its socket is opened. Behind a proxy
 * nobody here sees it, so only servers that were named are gone to then.
 *
 * Threads: any.
 */
#ifndef UPSTREAM_REDIRECT_H
#define UPSTREAM_REDIRECT_H

#include "upstream/upstream_list.h"

#include <stdbool.h>

/** Does the environment name a proxy, as libcurl reads it? */
bool redirect_has_proxy(void);

/**
 * @param[in] url NULL: nowhere.
 * @param[out] named_ret The server there that the operator named: its address
 * may be any. Borrowed; NULL: none.
 * @return Why it must not be followed, static; NULL: it may.
 */
const char *redirect_judge(const struct upstream_list *l, bool has_proxy,
			   const char *url,
			   const struct upstream_spec **named_ret);

#endif

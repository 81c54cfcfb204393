/* SPDX-License-Identifier: Apache-2.0 */
/** Percent signs of URLs, undone. */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Decode %XX in place; a percent sign without two digits stays.
 *
 * @param[in] is_form A value of a query: '+' is a space.
 * @return The new length, at most @p len. What came out may have NULs; nothing
 * is put behind it.
 * Source: RFC 3986, 2.1; the URL standard, application/x-www-form-urlencoded.
 */
size_t percent_decode(char *s, size_t len, bool is_form);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Path text. Nothing here touches the file system.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * Canonical form, purely textual: "//" becomes "/", "." segments go, ".."
 * takes the segment before it (and stays at the front of a relative path, goes
 * at the root of an absolute one). No final slash except for "/".
 *
 * @return Owned: mem_free(). NULL without memory. "" gives "".
 * Source: RFC 3986, 5.2.4, as debuginfod canonicalises source paths.
 */
char *path_canonical(const char *path) MUST_CHECK;

/** Is @p canonical, which is absolute, the canonical form of @p path, where that
 * is taken as absolute? Compared from the ends, as most paths differ there.
 * Cost: the bytes from the end of @p path to where they differ.
 * @param[in] size Of @p path, which need not be terminated. */
bool path_is_form_of(const char *path, size_t size, const char *canonical);

/** Is @p path @p dir itself or below it? Both canonical and absolute. */
bool path_is_beneath(const char *path, const char *dir);

/** Text behind the last '/', or all of it. Borrowed. */
const char *path_base(const char *path);

/** Does the path end with @p suffix (case matters)? */
bool path_has_suffix(const char *path, const char *suffix);

/** @p dir + '/' + @p name; no double slash. NULL without memory. */
char *path_join(const char *dir, const char *name) MUST_CHECK;

#endif

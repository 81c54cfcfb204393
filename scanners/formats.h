/* SPDX-License-Identifier: Apache-2.0 */
/** The formats, for registry.c and the scanners' own tests; others ask the
 * registry. And what every format's bid needs. */
#ifndef SCANNERS_FORMATS_H
#define SCANNERS_FORMATS_H

#include "scanners/scanner.h"

extern const struct scanner scanner_deb;
extern const struct scanner scanner_elf;
extern const struct scanner scanner_kmod;
extern const struct scanner scanner_rpm;

/** Does the path end in @p suffix and have something before it? */
bool scanner_has_suffix(const char *path, const char *suffix);
/** Behind the last slash. Borrowed from @p path. */
const char *scanner_basename(const char *path);

#endif

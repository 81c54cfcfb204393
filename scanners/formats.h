/* SPDX-License-Identifier: Apache-2.0 */
/** The formats, for registry.c and the scanners' own tests; others ask the
 * registry. And what every format's bid needs. */
#ifndef SCANNERS_FORMATS_H
#define SCANNERS_FORMATS_H

#include "scanners/scanner.h"

extern const struct scanner scanner_archive;
extern const struct scanner scanner_deb;
extern const struct scanner scanner_elf;
extern const struct scanner scanner_kmod;
extern const struct scanner scanner_rpm;
extern const struct scanner scanner_tar;

/** Does what is compressed begin as a tar archive does, whatever the file is
 * called? Decodes the first bytes. */
MUST_CHECK struct error *tar_is_inside(const struct scanner_input *in,
				       bool *ret);

/** Does the path end in @p suffix and have something before it? */
bool scanner_has_suffix(const char *path, const char *suffix);
/** Behind the last slash. Borrowed from @p path. */
const char *scanner_basename(const char *path);

#endif

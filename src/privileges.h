/* SPDX-License-Identifier: Apache-2.0 */
/** From root to an ordinary user, for good. */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include "base/error.h"
#include "settings.h"

/**
 * Become the user of `--user NAME[:GROUP]`: their groups, no capabilities, and
 * no program that could give any back. Nothing without that option.
 *
 * The directories of index and cache are made for the user where they are
 * missing. What is there already stays as it is: if the user may not write to
 * it, that is an error which names it, since a server which quietly does not
 * scan is worse than one that does not start. Directories of a read-only file
 * system are nobody's to write to and are left alone.
 *
 * @return BAD_REQUEST: no such user or group, root itself, not started as root,
 * a directory that is not the user's. IO.
 * Threads: before there is a second one: rights belong to threads.
 */
MUST_CHECK struct error *privileges_drop(const struct settings *s);

#endif

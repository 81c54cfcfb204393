/* SPDX-License-Identifier: Apache-2.0 */
/** Shows people how far a scan is: a line on a terminal that changes in place,
 * a log line now and then elsewhere. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "scan/scan.h"

struct progress;

/** A thread that shows @p scan until progress_stop(). NULL if there is no
 * memory or thread for it: nothing is shown. */
struct progress *progress_start(const struct scan *scan);
/** Ends the line. NULL is allowed. */
void progress_stop(struct progress *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A limit was reached: counted by name in limits_reached_total, and logged, at
 * most LOG_BURST lines a minute of each name.
 *
 * The names are the values of LABELS_LIMIT in metrics_table.h; what they stand
 * for is in symbolized-limits(7). Limits that a worker reaches end its job, and
 * are told with the file they are about.
 *
 * Like the log, not for libraries that return errors.
 * Threads: any.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/** @param[in] name A value of LABELS_LIMIT. */
void limit_reached(const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker takes on, in one place. */
#ifndef WORKER_WORKER_LIMITS_H
#define WORKER_WORKER_LIMITS_H

#include "base/units.h"

#define WORKER_ARCHIVE_UNPACKED_BYTES   (200 * GIB)
#define WORKER_ARCHIVE_RATIO_FREE_BYTES (64 * MIB)
#define WORKER_MEMBER_IN_MEMORY_BYTES   (64 * MIB)
/** One list of source names, unpacked. */
#define WORKER_SOURCE_LIST_BYTES   (256 * MIB)
#define WORKER_ADDRESS_SPACE_BYTES (2 * GIB)
/** Of those that build symbol tables: they hold whole sections. */
#define WORKER_BUILD_ADDRESS_SPACE_BYTES (4 * GIB)
/** What a command may print for one container, and what it leaves of the cache
 * directory's file system: whichever of the two is less. */
#define WORKER_SPOOL_BYTES       (64 * GIB)
#define WORKER_SPOOL_CHECK_BYTES (64 * MIB)
#define WORKER_SPOOL_KEPT_BYTES  (1 * GIB)
/** A worker that holds more than this after a job is replaced. */
#define WORKER_RECYCLE_BYTES (96 * MIB)

enum {
	WORKER_ARCHIVE_MEMBERS = 1000000,
	WORKER_SPOOL_KEPT_PERCENT = 5,
	WORKER_ARCHIVE_RATIO = 1000,
	WORKER_MEMBER_PATH_BYTES = 4096,
	WORKER_SCAN_CPU_S_PER_GIB = 60,
	WORKER_SCAN_CPU_S_LEAST = 30,
	WORKER_ANSWER_CPU_S_LEAST = 30,
	/** Compressed DWARF of 1 GiB takes some 40 s. */
	WORKER_SYMTAB_CPU_S_PER_GIB = 400,
	WORKER_SYMTAB_CPU_S_LEAST = 30,
	WORKER_SYMTAB_CPU_S_MOST = 3600,
	/** Waiting for disks and for a processor does not count as work, but
	 * must end too. */
	WORKER_WALL_FACTOR = 10,
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SQLite on a disk that fails when told to: a VFS in front of the default one.
 */
#ifndef LIB_FAULT_VFS_H
#define LIB_FAULT_VFS_H

#include <stdbool.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_DISK_FULL,  /* writes and growing: SQLITE_FULL */
	FAULT_READ_ERROR, /* SQLITE_IOERR_READ */
	FAULT_DEVICE_ERROR, /* once, what SQLite makes of EIO: SQLITE_IOERR_CORRUPTFS */
	FAULT_SYNC_ERROR, /* SQLITE_IOERR_FSYNC */
	FAULT_NO_MEMORY,  /* to read into: SQLITE_NOMEM */
};

/** Make it the default VFS, before anything is opened. */
void fault_vfs_install(void);

/** From now on the @p n th operation of this kind (1 is the next) and all
 * behind it fail, until it is set anew. FAULT_NONE: none. */
void fault_vfs_set(enum fault_kind kind, unsigned n);

/** Did any operation fail since fault_vfs_set()? */
bool fault_vfs_happened(void);

#endif

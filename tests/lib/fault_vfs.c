/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "tests/lib/fault_vfs.h"

static enum fault_kind fault;
static unsigned countdown;
static bool happened;

struct fault_file {
	sqlite3_file base;
	sqlite3_file *real; /* directly behind this */
	int error;          /* errno; 0: the real one's */
};

static sqlite3_file *real(sqlite3_file *f)
{
	return ((struct fault_file *)f)->real;
}

static bool fails(enum fault_kind kind)
{
	if (fault != kind)
		return false;
	/* A device that answers the next time */
	if (kind == FAULT_DEVICE_ERROR && happened)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	happened = true;
	return true;
}

void fault_vfs_set(enum fault_kind kind, unsigned n)
{
	fault = kind;
	countdown = n;
	happened = false;
}

bool fault_vfs_happened(void)
{
	return happened;
}

static int file_close(sqlite3_file *f)
{
	return real(f)->pMethods ? real(f)->pMethods->xClose(real(f))
				 : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *to, int size, sqlite3_int64 at)
{
	if (fails(FAULT_READ_ERROR))
		return SQLITE_IOERR_READ;
	if (fails(FAULT_NO_MEMORY))
		return SQLITE_NOMEM;
	if (fails(FAULT_DEVICE_ERROR)) {
		((struct fault_file *)f)->error = EIO;
		return SQLITE_IOERR_CORRUPTFS;
	}
	return real(f)->pMethods->xRead(real(f), to, size, at);
}

static int file_write(sqlite3_file *f, const void *from, int size,
		      sqlite3_int64 at)
{
	if (fails(FAULT_DISK_FULL))
		return SQLITE_FULL;
	return real(f)->pMethods->xWrite(real(f), from, size, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int file_sync(sqlite3_file *f, int flags)
{
	if (fails(FAULT_SYNC_ERROR))
		return SQLITE_IOERR_FSYNC;
	return real(f)->pMethods->xSync(real(f), flags);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real(f)->pMethods->xFileSize(real(f), ret);
}

static int file_lock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xLock(real(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xUnlock(real(f), level);
}

static int file_reserved(sqlite3_file *f, int *ret)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), ret);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	struct fault_file *file = (struct fault_file *)f;

	if (op == SQLITE_FCNTL_LAST_ERRNO && file->error) {
		*(int *)arg = file->error;
		return SQLITE_OK;
	}
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int file_sector_size(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int file_characteristics(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend,
			void volatile **ret)
{
	if (extend && fails(FAULT_DISK_FULL))
		return SQLITE_FULL;
	return real(f)->pMethods->xShmMap(real(f), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int file_shm_unmap(sqlite3_file *f, int delete_it)
{
	return real(f)->pMethods->xShmUnmap(real(f), delete_it);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f,
		    int flags, int *flags_ret)
{
	sqlite3_vfs *unix_vfs = vfs->pAppData;
	struct fault_file *file = (struct fault_file *)f;

	file->real = (sqlite3_file *)(file + 1);
	file->error = 0;
	int rc = unix_vfs->xOpen(unix_vfs, name, file->real, flags, flags_ret);
	file->base.pMethods = file->real->pMethods ? &methods : NULL;
	return rc;
}

void fault_vfs_install(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *unix_vfs = sqlite3_vfs_find(NULL);

	/* All but opening is the default's own. */
	vfs = *unix_vfs;
	vfs.pNext = NULL;
	vfs.zName = "fault";
	vfs.szOsFile = (int)sizeof(struct fault_file) + unix_vfs->szOsFile;
	vfs.pAppData = unix_vfs;
	vfs.xOpen = vfs_open;
	if (sqlite3_vfs_register(&vfs, 1))
		abort();
}

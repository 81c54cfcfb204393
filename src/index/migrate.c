/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/mem.h"
#include "index/migrate.h"

struct error *migrate_identify(struct db *db, enum migrate_state *ret)
{
	int64_t application, version, tables;

	TRY(db_exec_int(db, "PRAGMA application_id", &application));
	TRY(db_exec_int(db, "PRAGMA user_version", &version));
	TRY(db_exec_int(db, "SELECT count(*) FROM sqlite_schema", &tables));
	if (!application && !version && !tables) {
		*ret = MIGRATE_EMPTY;
		return NULL;
	}
	if (application != INDEX_APPLICATION_ID || version < 1 || !tables) {
		atomic_store(&db->is_damaged, true);
		return error_new(DATABASE,
				 "%s is not an index of this program "
				 "(application_id %#llx, user_version %lld)",
				 db->path, (unsigned long long)application,
				 (long long)version);
	}
	if (version > migration_count)
		return error_new(DATABASE,
				 "index %s has schema %lld, this program knows "
				 "up to %d",
				 db->path, (long long)version, migration_count);
	*ret = version < migration_count ? MIGRATE_OLDER : MIGRATE_CURRENT;
	return NULL;
}

/* One version up; nothing if the database is already at @p target. */
static struct error *migrate_once(struct db *db, int target, bool *done_ret)
{
	int64_t version;

	TRY(db_exec(db, "begin", "BEGIN IMMEDIATE"));
	CLEANUP_TXN struct db *txn = db;
	TRY(db_exec_int(db, "PRAGMA user_version", &version));
	*done_ret = version >= target;
	if (*done_ret)
		return NULL;
	CLEANUP_FREE char *stamp =
		mem_printf("PRAGMA user_version = %d", (int)version + 1);
	if (!stamp)
		return error_no_memory;
	TRY(db_exec(db, "apply", migrations[version]));
	TRY(db_exec(db, "stamp", stamp));
	return db_exec(db, "commit", "COMMIT");
}

struct error *migrate_run(struct db *db, int target)
{
	for (bool done = false; !done;)
		TRY(error_wrap(migrate_once(db, target, &done),
			       "migrate the index"));
	return NULL;
}

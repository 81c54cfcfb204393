/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Schema versions. The SQL is schema/index/NNNN_*.sql; the build makes the
 * strings. Number N brings a database from version N - 1 to N.
 */
#ifndef INDEX_MIGRATE_H
#define INDEX_MIGRATE_H

#include "index/index_db.h"

/* Made by schema/local.mk. */
extern const char *const migrations[];
extern const int migration_count;

/** "SYMI"; set by the first migration. */
enum { INDEX_APPLICATION_ID = 0x53594d49 };

enum migrate_state {
	MIGRATE_EMPTY, /* nothing in it yet */
	MIGRATE_OLDER, /* to be migrated */
	MIGRATE_CURRENT,
};

/**
 * Whose database is this, and how old? Reads the header and the schema table,
 * writes nothing.
 *
 * A database that is not ours is a DATABASE error and marks @p db as damaged;
 * one of a newer schema is a DATABASE error and does not.
 */
MUST_CHECK struct error *migrate_identify(struct db *db,
					  enum migrate_state *ret);

/** Apply what is missing up to version @p target, each migration in its own
 * transaction. Idempotent; another process may do the same at once. */
MUST_CHECK struct error *migrate_run(struct db *db, int target);

#endif

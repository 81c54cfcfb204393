/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Reading the database of elfutils' debuginfod, so that a site that changes
 * over need not read its archives again.
 *
 * Schemas `buildids9` (0.179 to 0.189) and `buildids10` (from 0.190). Source:
 * what `.schema` shows of a database that debuginfod made.
 *
 * Nothing in it is believed: names may be anything, IDs may be none.
 * Threads: owned by one thread.
 */
#ifndef INDEX_DEBUGINFOD_DB_H
#define INDEX_DEBUGINFOD_DB_H

#include "base/build_id.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct debuginfod_db;

/** @return BAD_DATA if it is no database of debuginfod or of another schema,
 * IO, NO_MEMORY. */
MUST_CHECK struct error *debuginfod_db_open(const char *path,
					    struct debuginfod_db **ret);
/** NULL is allowed. */
void debuginfod_db_close(struct debuginfod_db *db);

/** One state of one file that was looked into. Borrowed for the call. */
struct debuginfod_file {
	int64_t id;
	const char *name;
	int64_t mtime; /* seconds */
	uint64_t size;
	bool is_archive;
};
typedef struct error *(*debuginfod_file_fn)(void *ctx,
					    const struct debuginfod_file *f);
/** Every file; an error of @p fn ends it. Once. */
MUST_CHECK struct error *debuginfod_db_each_file(struct debuginfod_db *db,
						 debuginfod_file_fn fn,
						 void *ctx);

/** What was found in a file in that state. */
struct debuginfod_artifact {
	int64_t id_row; /* for debuginfod_db_each_source() */
	struct build_id id;
	bool is_debuginfo, is_executable;
	const char *member; /* NULL: the file itself */
};
typedef struct error *(*debuginfod_artifact_fn)(
	void *ctx, const struct debuginfod_artifact *a);
MUST_CHECK struct error *
debuginfod_db_each_artifact(struct debuginfod_db *db,
			    const struct debuginfod_file *f,
			    debuginfod_artifact_fn fn, void *ctx);

typedef struct error *(*debuginfod_name_fn)(void *ctx, const char *name);
/** Members of an archive that could be sources. For files in the order they
 * were given in, each once.
 * Cost: the first call sorts the members of all archives, in files of
 * SQLite's where they are many. */
MUST_CHECK struct error *
debuginfod_db_each_member(struct debuginfod_db *db,
			  const struct debuginfod_file *f,
			  debuginfod_name_fn fn, void *ctx);
/** Names of the sources of a build ID found in an archive, or in a file. */
MUST_CHECK struct error *
debuginfod_db_each_source(struct debuginfod_db *db, int64_t id_row,
			  bool is_archive, debuginfod_name_fn fn, void *ctx);

#endif

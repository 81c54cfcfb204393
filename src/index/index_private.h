/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the files of this folder share.
 */
#ifndef INDEX_INDEX_PRIVATE_H
#define INDEX_INDEX_PRIVATE_H

#include "base/lock.h"
#include "index/index.h"
#include "index/index_db.h"

#include <sys/stat.h>

/** The counters of table meta, in the order of its columns and of
 * SQL_TALLY_ADD's parameters. */
enum tally {
	TALLY_CONTAINERS,
	TALLY_FAILED,
	TALLY_ARTIFACTS,
	TALLY_EXECUTABLES,
	TALLY_DEBUGINFOS,
	TALLY_BUILD_IDS,
	TALLY_SOURCE_DIRS,
	TALLY_POINTS,
	TALLY_DIRECTORIES,
	TALLY_IGNORED_FILES,
	TALLIES
};

struct index {
	struct lock lock; /* LOCK_INDEX: everything below */
	struct db db;
	bool is_read_only;
	uint64_t secret;  /* immutable, as are the next two */
	struct stat seen; /* the file when it was opened */
	int64_t page_size;
	index_changed_fn on_change;
	void *on_change_ctx;
	uint64_t wal_bytes; /* after the last commit */
	uint64_t next_checkpoint_bytes;
	/** Where the next slice of grooming goes on. */
	unsigned groom_phase;
	int64_t groom_after;
	/** Removed since the last slice reported. */
	struct index_groom_counts removed;
};

struct index_reader {
	struct db db;
	char *path;
	struct stat seen; /* the file when it was opened */
	/** Times the connection was made anew: part of the data version. */
	uint32_t reopened;
};

/** What is looked at when a writer opens: as much of quick_check as this
 * allows. A variable for tests. */
extern int open_check_ms;

/** Is @p type (statfs.f_type) one whose files other machines share? The log's
 * shared memory does not work there. */
bool is_network_file_system(long type);

/* ---- Write transactions (index_change.c) --------------------------------- */

/** What one write transaction changes besides its rows. */
struct change {
	struct index *ix;
	int64_t tally[TALLIES];
	struct build_id *ids; /* to announce; with duplicates */
	size_t id_count, id_capacity;
	/** The directory looked up last: a batch is mostly from one. */
	char *directory; /* no NUL */
	size_t directory_size, directory_capacity;
	int64_t directory_id; /* 0: none */
	index_changed_fn on_change;
	void *on_change_ctx;
};

void change_init(struct change *ch, struct index *ix);
void change_deinit(struct change *ch);
#define CLEANUP_CHANGE CLEANUP(change_deinit)

/** What any write says of an index opened read-only. */
struct error *error_read_only(const struct db *db);

/** Begin a write transaction; the lock is held. Refuses where the index is
 * read-only, was moved away or is of a newer schema by now. */
MUST_CHECK struct error *change_begin(struct change *ch);
/** Write the tallies, commit, and keep the WAL short. */
MUST_CHECK struct error *change_commit(struct change *ch);

/** A build ID whose artifacts change. */
MUST_CHECK struct error *change_note_id(struct change *ch,
					const struct build_id *id);
/** After the commit, with the index unlocked: tell of each ID noted, once. */
void change_announce(struct change *ch);

/** Row of a directory's name. */
MUST_CHECK struct error *change_find_directory(struct change *ch,
					       const char *dir, size_t size,
					       int64_t *ret, bool *found_ret);
/** Rows of names, made if they are new. */
MUST_CHECK struct error *change_intern_directory(struct change *ch,
						 const char *dir, size_t size,
						 int64_t *ret);
/** The same, remembering the last: a batch is mostly from one directory. */
MUST_CHECK struct error *change_intern_container_directory(struct change *ch,
							   const char *dir,
							   size_t size,
							   int64_t *ret);
MUST_CHECK struct error *change_intern_build_id(struct change *ch,
						const struct build_id *id,
						int64_t *ret);

/* ---- Split DWARF (index_split.c) ----------------------------------------- */

/** The units that an artifact holds. */
MUST_CHECK struct error *
put_splits(struct db *db, const struct index_artifact *a, int64_t artifact);

/* ---- Readers (index.c) -------------------------------------------------- */

/** First thing in every read: notices that an immutable database is not, and
 * that the connection is of no use any more. */
MUST_CHECK struct error *reader_refresh(struct index_reader *r);

/** A read transaction keeps the WAL from being reset, so long lists are read
 * in slices of about this length, each in a transaction of its own. A variable
 * for tests. */
extern int read_slice_ms;

/* ---- Paths (paths.c) ---------------------------------------------------- */

/** Split at the last slash: "/a/b" is "/a" and "b", "/b" is "" and "b".
 * @return False unless @p path is absolute and has a name behind its last
 * slash. */
bool path_split(const char *path, size_t *dir_size_ret, const char **name_ret);

/** Length without final slashes: directories are stored so, the root as "". */
size_t directory_size(const char *dir);

/** Names k with low <= k < high, compared as bytes. */
struct path_range {
	const char *low, *high;
	size_t low_size, high_size;
};

/** Where the directory @p dir itself sorts, and where all below it do. They do
 * not touch: "/a-b" lies between "/a" and "/a/b". */
struct path_ranges {
	char *memory; /* all the bytes */
	struct path_range self, below;
};

MUST_CHECK struct error *path_ranges_init(struct path_ranges *r,
					  const char *dir);
void path_ranges_deinit(struct path_ranges *r);
#define CLEANUP_PATH_RANGES CLEANUP(path_ranges_deinit)

/** What the search by name hashes: the text behind the last slash. */
uint32_t name_hash(const char *name);

/* ---- Segments (segments.c) ---------------------------------------------- */

/** Encode behind @p out; a failure shows in out->failed. */
void segments_encode(const struct index_segment *v, size_t count,
		     struct buf *out);
/** How many are encoded; SIZE_MAX if that is damaged, 0 if they are more than
 * INDEX_SEGMENTS_MAX. */
size_t segments_count(const void *data, size_t size);
/** Decode @p count of them. @return False if they are damaged. */
bool segments_decode(const void *data, size_t size, struct index_segment *v,
		     size_t count);

#endif

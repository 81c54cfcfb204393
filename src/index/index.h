/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The index: which build ID's artifacts lie where. SQLite; the only folder
 * that includes sqlite3.h.
 *
 * A *container* is one file under a scanned path: a bare ELF file or an
 * archive. It is written whole, in one transaction with everything found in
 * it, or not at all. A container is current when path, mtime in nanoseconds,
 * size, inode and ctime agree.
 *
 * One writer (struct index), any number of readers (struct index_reader, one
 * per thread). WAL: readers never wait for the writer.
 *
 * Must not depend on the formats: quality, roles and codecs are numbers here.
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include "base/buf.h"
#include "base/build_id.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index;        /* the writer; guarded by its own lock */
struct index_reader; /* owned by one thread */

/* ---- Open and close ---------------------------------------------------- */

enum index_open_flags {
	INDEX_READ_ONLY = 1 << 0,     /* never create, migrate or write */
	INDEX_ALLOW_NETWORK = 1 << 1, /* not refused on NFS and its like */
};

/** The bits of enum elf_role_flags that order and statistics depend on. */
enum index_role_flags {
	INDEX_ROLE_EXECUTABLE = 1 << 0,
	INDEX_ROLE_DEBUGINFO = 1 << 1,
};

/**
 * Open or create the index at @p place: a directory, in which it is the file
 * "index.sqlite"; or "file:" and the path of the database itself.
 *
 * A database that is damaged or not ours is renamed to
 * "index.sqlite.damaged-<UTC time>" (with its -wal and -shm) and a new one is
 * begun; @p notice_ret then says so, for the caller to log. Readers that have
 * the old one open go on reading it. A database of a newer schema than this
 * program knows is a DATABASE error and is untouched.
 *
 * Looked at: the header, the schema, and as much of quick_check as two seconds
 * allow; and a mark that a connection left which met damage later.
 *
 * @param[in] place Its directory is made with its parents (0700) unless
 * read-only.
 * @param[out] notice_ret NULL, or what happened, owned: mem_free(). Also NULL
 * on error; may itself be NULL.
 * @return DATABASE, IO (also: it is on a network file system), BUSY,
 * NO_MEMORY.
 */
MUST_CHECK struct error *index_open(const char *place, unsigned flags,
				    char **notice_ret, struct index **ret);
/** What the write-ahead log holds is moved into the database, unless somebody
 * is reading. NULL is allowed. */
void index_close(struct index *ix);

/** What of the file system is a place's own: the directory, or the database
 * file. Borrowed from @p place. */
const char *index_place_path(const char *place);

enum index_owner {
	INDEX_OWNER_NONE,  /* there is no such file, or it is empty */
	INDEX_OWNER_US,    /* an index, of whatever version */
	INDEX_OWNER_OTHER, /* something else: leave it alone */
};

/** Whose is the file at @p path? @return IO. Cost: opens it. */
MUST_CHECK struct error *index_probe(const char *path, enum index_owner *ret);

/**
 * May this process write the index there? Where nothing is yet, the answer is
 * yes, and making it says what is wrong. Cost: two system calls.
 */
bool index_is_writable(const char *place);

/**
 * Has the database turned out to be damaged (by this writer, or by any
 * connection of any process), or was it moved or removed? Then writes fail:
 * close it and open it again, which sets a damaged one aside. The same where
 * it could not be read once: only a new connection knows damage from that.
 *
 * Cost: two system calls. Threads: any.
 */
bool index_needs_reopen(const struct index *ix);

/**
 * A connection for reading. DATABASE if there is no index yet, or none that
 * this program can read. Where the directory cannot be written and nobody has
 * the index open, it is read as a file that does not change, until it does.
 */
MUST_CHECK struct error *index_reader_open(const char *place,
					   struct index_reader **ret);
/** NULL is allowed. */
void index_reader_close(struct index_reader *r);

/** Of SQLite. Static. */
const char *index_library_version(void);

/** Was the database set aside under this reader, or is it damaged? What is in
 * it can still be read; what is new is in another file. One system call. */
bool index_reader_needs_reopen(struct index_reader *r);

/* ---- What is written ---------------------------------------------------- */

/** What identifies one state of a file. All compared. */
struct index_stamp {
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint64_t size;
	uint64_t inode;
};

struct index_segment {
	uint64_t offset, vaddr, file_size, mem_size;
	uint32_t flags;
};

/** More of one file are not taken: it has none then. */
enum { INDEX_SEGMENTS_MAX = 1024 };

/** Of an ordinal or a size: whoever wrote the row did not know. */
#define INDEX_UNKNOWN UINT64_MAX

struct index_artifact {
	struct build_id id; /* GNU build ID, or htlhash where there is none */
	bool is_gnu;
	const char *member;    /* name in the archive; NULL for a bare file */
	uint64_t ordinal;      /* of the member in the archive, from 0 */
	uint64_t offset;       /* of the member in the decoded payload */
	uint64_t size;         /* of the ELF itself, unpacked */
	uint64_t packed_size;  /* of a member compressed by itself, else 0 */
	uint32_t packed_codec; /* enum codec of such a member, else 0 */
	int64_t mtime;         /* the member's, or the file's, seconds */
	unsigned roles;        /* enum elf_role_flags */
	unsigned quality;      /* enum elf_quality */
	uint16_t machine, type;
	uint8_t elf_class;
	bool is_big_endian;
	uint8_t htlhash[16];
	uint8_t breakpad_guid[16];
	const char *go_id;      /* may be NULL */
	struct build_id alt_id; /* len 0: none */
	const struct index_segment *segments;
	size_t segment_count;
	const uint8_t *sources; /* packed list (codec_pack) of source paths */
	size_t sources_size;
	uint64_t source_count;
	/** Packed pieces of the source paths that wait for the file alt_id; see
	 * index_each_pending(). Opaque to the index. */
	const uint8_t *pending;
	size_t pending_size;
	/** IDs of the units of split DWARF it holds. */
	const uint64_t *split_ids;
	size_t split_id_count;
};

/** Members of one archive directory that could be sources. */
struct index_source_dir {
	const char *dir;      /* canonical, absolute, without final slash */
	const uint8_t *files; /* encoded list, opaque to the index */
	size_t files_size;
};

struct index_point { /* codec_point of the payload */
	uint64_t in_offset, out_offset;
	const uint8_t *state;
	size_t state_size;
};

struct index_container {
	const char *path; /* absolute, as walked */
	struct index_stamp stamp;
	unsigned root_order; /* the operator's path order: lower wins */
	const char *scanner; /* "elf", "deb", …; "" if nobody's. Not NULL */
	/** NULL: read whole. Else why it could not be read: kind label and
	 * message; it is not tried again until the stamp changes. */
	const char *problem_kind;
	const char *problem;
	/** It may be read another time: a worker died or met a limit, the
	 * machine failed, or a command did. */
	bool is_retryable;
	uint32_t payload_codec;
	uint64_t payload_offset, payload_size;
	const struct index_artifact *artifacts;
	size_t artifact_count;
	const struct index_source_dir *source_dirs;
	size_t source_dir_count;
	const struct index_point *points;
	size_t point_count;
};

/** Called after a commit, on the writer's thread, for every build ID whose
 * artifacts changed, with the index unlocked. */
typedef void (*index_changed_fn)(void *ctx, const struct build_id *id);
/** One at a time; it replaces the one before. */
void index_on_change(struct index *ix, index_changed_fn fn, void *ctx);

/** Rows of one transaction that more than one container shares. */
#define INDEX_SHARED_ROWS_MAX ((size_t)4096)

/**
 * Replace what is known of some containers: each is afterwards wholly there or,
 * on error or a crash, wholly as before. Those that have no more than
 * INDEX_SHARED_ROWS_MAX rows together share a transaction; a larger one has its
 * own.
 *
 * @param[in] c Borrowed. Usually one; or a directory's worth of bare ELF files.
 * @return DATABASE, IO (disk full), BUSY (another process has been writing for
 * half a minute), BAD_DATA (a build ID of no possible length, a directory given
 * twice, points out of order), NO_MEMORY. Nothing of that transaction is
 * written then, nor of those behind it, and the index is as usable as before.
 * Cost: about 25 microseconds an artifact, 2 a unit of split DWARF.
 * Threads: any; callers queue at the writer's lock.
 */
MUST_CHECK struct error *index_put_containers(struct index *ix,
					      const struct index_container *c,
					      size_t count);

/**
 * An artifact's source paths are complete: it waits no more.
 *
 * Nothing happens if the artifact no longer waits with these pieces: it was
 * scanned again meanwhile.
 *
 * @param[in] packed, packed_size The pieces it waited with.
 * @param[in] sources The whole list, packed; NULL: it stays as it was.
 * @return As index_put_containers().
 */
struct index_sources_put {
	int64_t artifact_id;
	const uint8_t *packed;
	size_t packed_size;
	const uint8_t *sources;
	size_t sources_size;
	uint64_t source_count;
};
MUST_CHECK struct error *
index_complete_sources(struct index *ix, const struct index_sources_put *put);

/** Forget a container that is gone, with all it held. Unknown is no error. */
MUST_CHECK struct error *index_remove_container(struct index *ix,
						const char *path);

/**
 * The operator's order has changed: give every container at or below @p root
 * this order. Writes only where it differs, all in one transaction.
 * Cost: a look at each container below @p root.
 */
MUST_CHECK struct error *index_set_root(struct index *ix, const char *root,
					unsigned root_order);

/** The paths that are scanned, absolute, instead of those before.
 * @param[in] roots NULL at the end. Borrowed. */
MUST_CHECK struct error *index_put_roots(struct index *ix,
					 const char *const *roots);

/** Files of one directory that hold nothing of interest, as keyed 64-bit
 * fingerprints of (name, stamp), sorted. Replaces the directory's list; an
 * empty list removes it. */
MUST_CHECK struct error *index_put_ignored(struct index *ix, const char *dir,
					   const uint64_t *prints,
					   size_t count);

/** Random key made with the database, for those fingerprints. */
uint64_t index_secret(const struct index *ix);

/* ---- Grooming ----------------------------------------------------------- */

struct index_groom_counts {
	uint64_t containers, artifacts, build_ids, source_dirs, points,
		directories, ignored;
};

/**
 * Remove up to @p limit_rows rows that nothing refers to any more (build IDs
 * without artifacts, directories without anything in them), then give free
 * pages back to the file system. Call until @p done_ret; the next call begins
 * anew. Each slice is one short transaction and looks at 16 times as many rows.
 *
 * @param[in,out] counts Added to: what this slice removed, and what
 * index_remove_container() and emptied lists of ignored files removed since
 * the last slice.
 */
MUST_CHECK struct error *index_groom_slice(struct index *ix, size_t limit_rows,
					   struct index_groom_counts *counts,
					   bool *done_ret);
/** For quiet times: give a bounded number of free pages back to the file
 * system and empty the write-ahead log, unless a reader is in the way. (No
 * PRAGMA optimize: every statement has one sensible plan.) */
MUST_CHECK struct error *index_maintain(struct index *ix);

/* ---- Reading ------------------------------------------------------------ */

/** Every container below @p path_prefix (a directory, or a file), for the
 * scan to compare with, in no promised order. @p path is borrowed for the call
 * of @p fn, whose error ends the list. A container that is there all the while
 * is given exactly once. */
struct index_known {
	const char *path;
	const char *scanner; /* borrowed like path */
	struct index_stamp stamp;
	unsigned root_order;
	bool is_retryable;        /* and failed the last time */
	const char *problem_kind; /* "": read whole; borrowed like path */
	uint32_t attempts;
	int64_t tried_at; /* seconds since 1970 */
};
typedef struct error *(*index_known_fn)(void *ctx, const struct index_known *k);
MUST_CHECK struct error *index_each_known(struct index_reader *r,
					  const char *path_prefix,
					  index_known_fn fn, void *ctx);
typedef struct error *(*index_ignored_fn)(void *ctx, const char *dir,
					  const uint64_t *prints, size_t count);
MUST_CHECK struct error *index_each_ignored(struct index_reader *r,
					    const char *path_prefix,
					    index_ignored_fn fn, void *ctx);

/** One place an artifact can be read from. Strings are owned by the list. */
struct index_place {
	int64_t artifact_id;
	int64_t container_id;
	struct build_id id;
	bool is_gnu;
	const char *path; /* container */
	struct index_stamp stamp;
	unsigned root_order;
	const char *scanner;
	uint32_t payload_codec;
	uint64_t payload_offset, payload_size;
	const char *member; /* NULL: the file itself */
	uint64_t ordinal, offset, size, packed_size;
	uint32_t packed_codec;
	int64_t mtime;
	unsigned roles, quality;
	uint16_t machine, type;
	uint8_t elf_class;
	bool is_big_endian;
	uint8_t htlhash[16], breakpad_guid[16];
	const char *go_id;
	struct build_id alt_id;
	uint64_t source_count;
	void *strings; /* what the names above lie in */
};

enum { INDEX_PLACES_MAX = 64 };

struct index_places {
	struct index_place *v;
	size_t count;
};
void index_places_deinit(struct index_places *p);

/**
 * All places of a build ID that have one of @p roles, best first: better
 * quality when debuginfo is among the roles, then the operator's path order,
 * then first seen. Never "newest wins": a container that is put again
 * keeps its place for the build IDs it had before and for no others.
 *
 * At most INDEX_PLACES_MAX, the best of the first 100,000 seen.
 *
 * @p ret is empty if there are none: an answer, not an error. Owned:
 * index_places_deinit().
 * An ID of 20 bytes with trailing zeros does not match a shorter one here: that
 * is index_find_padded()'s.
 */
MUST_CHECK struct error *index_find(struct index_reader *r,
				    const struct build_id *id, unsigned roles,
				    struct index_places *ret);

/** As index_find(); where an ID that ends with zero bytes finds nothing, the
 * shorter IDs that it may pad are tried, longest first: the kernel pads to 20
 * bytes. The places' IDs say what was found. */
MUST_CHECK struct error *index_find_padded(struct index_reader *r,
					   const struct build_id *id,
					   unsigned roles,
					   struct index_places *ret);

enum index_key { INDEX_KEY_HTLHASH, INDEX_KEY_BREAKPAD, INDEX_KEY_GO };
/** Places by another identity, whatever their roles, in the order of
 * index_find() for debuginfo. @p key is 16 bytes, or the Go build ID's text;
 * one of another size finds nothing. */
MUST_CHECK struct error *index_find_by_key(struct index_reader *r,
					   enum index_key kind, const void *key,
					   size_t key_size,
					   struct index_places *ret);

/** What is known of presence, without reading places: OR of roles and best
 * quality over all places (the first 1,000 seen). @p found_ret false if the ID
 * is unknown. */
MUST_CHECK struct error *index_presence(struct index_reader *r,
					const struct build_id *id,
					unsigned *roles_ret,
					unsigned *quality_ret, bool *found_ret);

/** The packed source list of an artifact, appended to @p ret. */
MUST_CHECK struct error *index_sources(struct index_reader *r,
				       int64_t artifact_id, struct buf *ret);

struct index_segments {
	struct index_segment *v;
	size_t count; /* at most INDEX_SEGMENTS_MAX */
};
void index_segments_deinit(struct index_segments *s);
#define CLEANUP_INDEX_SEGMENTS CLEANUP(index_segments_deinit)

/** The segments of an artifact; none if it has gone meanwhile.
 * @param[out] ret Owned: index_segments_deinit(). */
MUST_CHECK struct error *index_segments(struct index_reader *r,
					int64_t artifact_id,
					struct index_segments *ret);

/* Source paths that wait for an alternate file (src/elf/source_pending.h). */

/** The least build ID behind @p after that somebody waits for.
 * @param[in] after len 0: the first.
 * @param[out] found_ret False: no more. Cost: a search. */
MUST_CHECK struct error *index_next_pending_alt(struct index_reader *r,
						const struct build_id *after,
						struct build_id *ret,
						bool *found_ret);

struct index_pending {
	int64_t artifact_id;
	const uint8_t *packed; /* index_artifact.pending */
	size_t packed_size;
	const uint8_t *sources; /* index_artifact.sources; NULL: none */
	size_t sources_size;
};
/** Who waits for @p alt, in order of first sight. Everything is borrowed for
 * the call of @p fn, which returns false to stop. */
typedef bool (*index_pending_fn)(void *ctx, const struct index_pending *p);
MUST_CHECK struct error *index_each_pending(struct index_reader *r,
					    const struct build_id *alt,
					    index_pending_fn fn, void *ctx);

/* Split DWARF. */

enum { INDEX_SPLITS_MAX = 4 };
/**
 * The files that hold a unit of split DWARF, best first: by the operator's path
 * order, then first seen; of several copies the best one counts. Who
 * wants their bytes asks for these build IDs.
 *
 * @param[out] count_ret At most INDEX_SPLITS_MAX, the best of the first 100,000
 * seen; 0: there is none.
 */
MUST_CHECK struct error *index_find_split(struct index_reader *r,
					  uint64_t dwo_id,
					  struct build_id ret[INDEX_SPLITS_MAX],
					  size_t *count_ret);

/** A number that is another when files with split DWARF have come; 0: there are
 * none. Cost: a search. */
MUST_CHECK struct error *index_split_version(struct index_reader *r,
					     uint64_t *ret);

/** What reading of one container costs in index_each_source_dir(), beside its
 * list. */
enum { INDEX_SOURCE_DIR_COST = 4096 };

struct index_source_place {
	int64_t container_id;
	const char *path;
	struct index_stamp stamp;
	unsigned root_order;
	const char *scanner;
	uint32_t payload_codec;
	uint64_t payload_offset, payload_size;
	const uint8_t *files;
	size_t files_size;
};
typedef struct error *(*index_source_fn)(void *ctx,
					 const struct index_source_place *p);
/**
 * Archives that hold files in directory @p dir (canonical), for finding a
 * source: each container with its encoded file list, by the operator's path
 * order, then first seen. All borrowed for the call of @p fn, which may use
 * the reader for anything but this and ends the list with an error.
 *
 * Of the first 100,000 seen. Archives without number have a /usr/include, and
 * a stranger's may have one of a million files:
 * @param[in] limit_bytes As many bytes of lists are read, and
 * INDEX_SOURCE_DIR_COST for each; a list that does not fit is passed over.
 * @param[out] is_whole_ret False: something was.
 */
MUST_CHECK struct error *index_each_source_dir(struct index_reader *r,
					       const char *dir,
					       size_t limit_bytes,
					       index_source_fn fn, void *ctx,
					       bool *is_whole_ret);

/** Points of a container's payload needed to decode [from, to): the last one
 * at or before @p from and all behind it that lie before @p to. The container
 * may have been put again since its number was found: whoever decodes with
 * them checks what comes out. */
struct index_points {
	struct index_point *v; /* owned, states too */
	size_t count;
};
void index_points_deinit(struct index_points *p);
MUST_CHECK struct error *index_points(struct index_reader *r,
				      int64_t container_id, uint64_t from,
				      uint64_t to, struct index_points *ret);

/**
 * ELF artifacts by file or member name: @p glob false compares whole paths,
 * true uses fnmatch(FNM_PATHNAME). Stops when @p fn returns false or @p is_over
 * true, which is asked before each artifact that is looked at.
 *
 * Cost: microseconds a hit where the last segment of @p pattern is literal;
 * else every artifact is looked at, two microseconds each. What fnmatch needs
 * for one is in proportion to the lengths of pattern and name, multiplied:
 * @p pattern has to be bounded by the caller.
 * @param[in] is_over NULL: never. Gets @p ctx, as @p fn does.
 * @param[out] complete_ret False if @p is_over ended it.
 */
struct index_name_hit {
	struct build_id id;
	unsigned roles;
	const char *file;    /* member with leading '/', or the path */
	const char *archive; /* NULL: a bare file */
};
typedef bool (*index_name_fn)(void *ctx, const struct index_name_hit *hit);
typedef bool (*index_over_fn)(void *ctx);
MUST_CHECK struct error *index_search_names(struct index_reader *r,
					    const char *pattern, bool glob,
					    index_over_fn is_over,
					    index_name_fn fn, void *ctx,
					    bool *complete_ret);

/** The paths that are scanned into this index, in order of bytes. */
typedef struct error *(*index_root_fn)(void *ctx, const char *path);
MUST_CHECK struct error *index_each_root(struct index_reader *r,
					 index_root_fn fn, void *ctx);

/** Build IDs with a row number above @p after, at most @p limit, for the
 * presence filter. @param[out] last_ret Highest row number given. */
typedef void (*index_id_fn)(void *ctx, const struct build_id *id);
MUST_CHECK struct error *index_each_id(struct index_reader *r, int64_t after,
				       size_t limit, index_id_fn fn, void *ctx,
				       int64_t *last_ret);

/** Changes whenever another connection, also of another process, commits. */
MUST_CHECK struct error *index_data_version(struct index_reader *r,
					    uint32_t *ret);

struct index_stats {
	uint64_t containers, failed, artifacts, executables, debuginfos,
		build_ids, source_dirs, points, directories, ignored_files;
	uint64_t file_bytes, free_bytes, wal_bytes;
	int schema_version;
};
/** Cost: microseconds; the counts are kept by the writer. */
MUST_CHECK struct error *index_stats(struct index_reader *r,
				     struct index_stats *ret);

/** Containers that could not be read, with their reasons, for `check` and for
 * people, oldest first. @p fn returns false to stop. */
typedef bool (*index_failed_fn)(void *ctx, const char *path, const char *kind,
				const char *problem);
MUST_CHECK struct error *index_each_failed(struct index_reader *r,
					   index_failed_fn fn, void *ctx);

/** PRAGMA integrity_check and our own invariants; @p fn gets each complaint.
 * Reads the whole database, in one read transaction. */
typedef void (*index_complaint_fn)(void *ctx, const char *text);
/** What lies in bare files, and what in archives. */
struct index_kinds {
	uint64_t file_artifacts, archive_artifacts;
	uint64_t file_sources, archive_sources; /* names in line tables */
	uint64_t files, file_bytes;             /* containers */
};
/** Cost: reads every artifact. */
MUST_CHECK struct error *index_kinds(struct index_reader *r,
				     struct index_kinds *ret);

MUST_CHECK struct error *index_check(struct index_reader *r,
				     index_complaint_fn fn, void *ctx,
				     size_t *complaints_ret);

#endif

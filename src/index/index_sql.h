/* SPDX-License-Identifier: Apache-2.0 */
/* Every statement the program runs in normal work, each once. Include with
 * SQL(name, who, text) defined; `who` is the connection that prepares it.
 *
 * Join order is fixed with CROSS JOIN and each statement has one sensible
 * plan, so there is nothing for ANALYZE to decide. A unit test reads every
 * plan: only those named *_BEST sort, to keep a few rows of many, and only those
 * named *_SCAN walk a whole table. */

/* ---- Both --------------------------------------------------------------- */
SQL(USER_VERSION, BOTH, "PRAGMA user_version")
SQL(PAGE_SIZE, BOTH, "PRAGMA page_size")
SQL(FREE_PAGES, BOTH, "PRAGMA freelist_count")

/* ---- Writer: transactions ----------------------------------------------- */
SQL(BEGIN, WRITER, "BEGIN IMMEDIATE")
SQL(COMMIT, WRITER, "COMMIT")
SQL(SECRET, WRITER, "SELECT secret FROM meta WHERE id = 1")
/* In the order of enum tally. */
SQL(TALLY_ADD, WRITER,
    "UPDATE meta SET containers = containers + ?1, failed = failed + ?2,"
    " artifacts = artifacts + ?3, executables = executables + ?4,"
    " debuginfos = debuginfos + ?5, build_ids = build_ids + ?6,"
    " source_dirs = source_dirs + ?7, points = points + ?8,"
    " directories = directories + ?9, ignored_files = ignored_files + ?10"
    " WHERE id = 1")

/* ---- Writer: scanned paths ---------------------------------------------- */
SQL(ROOTS_DELETE_SCAN, WRITER, "DELETE FROM root")
SQL(ROOT_ADD, WRITER, "INSERT OR IGNORE INTO root (path) VALUES (?1)")

/* ---- Writer: names ------------------------------------------------------ */
SQL(DIRECTORY_FIND, WRITER, "SELECT id FROM directory WHERE path = ?1")
SQL(DIRECTORY_ADD, WRITER, "INSERT INTO directory (path) VALUES (?1)")
SQL(BUILD_ID_FIND, WRITER, "SELECT id FROM build_id WHERE bytes = ?1")
SQL(BUILD_ID_ADD, WRITER, "INSERT INTO build_id (bytes) VALUES (?1)")

/* ---- Writer: containers ------------------------------------------------- */
SQL(CONTAINER_FIND, WRITER,
    "SELECT id, mtime_ns, ctime_ns, size, inode, problem_kind IS NOT NULL,"
    " is_retryable, attempts"
    " FROM container WHERE directory_id = ?1 AND name = ?2")
/* Same parameters for both. */
SQL(CONTAINER_ADD, WRITER,
    "INSERT INTO container (id, directory_id, name, mtime_ns, ctime_ns, size,"
    " inode, root_order, scanner, payload_codec, payload_offset, payload_size,"
    " problem_kind, problem, is_retryable, attempts, tried_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
    " ?15, ?16, ?17)")
SQL(CONTAINER_UPDATE, WRITER,
    "UPDATE container SET directory_id = ?2, name = ?3, mtime_ns = ?4,"
    " ctime_ns = ?5, size = ?6, inode = ?7, root_order = ?8, scanner = ?9,"
    " payload_codec = ?10, payload_offset = ?11, payload_size = ?12,"
    " problem_kind = ?13, problem = ?14, is_retryable = ?15, attempts = ?16,"
    " tried_at = ?17 WHERE id = ?1")
SQL(CONTAINER_DELETE, WRITER, "DELETE FROM container WHERE id = ?1")
SQL(ROOT_SET, WRITER,
    "UPDATE container SET root_order = ?3 WHERE root_order <> ?3"
    " AND directory_id IN"
    " (SELECT id FROM directory WHERE path >= ?1 AND path < ?2)")

SQL(ROOT_SET_FILE, WRITER,
    "UPDATE container SET root_order = ?3 WHERE root_order <> ?3 AND name = ?2"
    " AND directory_id = (SELECT id FROM directory WHERE path = ?1)")

/* ---- Writer: what a container holds ------------------------------------- */
SQL(ARTIFACTS_OF, WRITER,
    "SELECT a.id, a.build_id, a.roles, b.bytes"
    " FROM artifact a CROSS JOIN build_id b ON b.id = a.build_id"
    " WHERE a.container_id = ?1 ORDER BY a.id")
SQL(ARTIFACT_ADD, WRITER,
    "INSERT INTO artifact (id, build_id, container_id, roles, quality, is_gnu,"
    " ordinal, offset, size, packed_size, packed_codec, mtime, machine, type,"
    " elf_class, is_big_endian, source_count, name_hash, htlhash,"
    " breakpad_guid, alt_id, go_id, member, segments)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
    " ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)")
SQL(SOURCES_ADD, WRITER,
    "INSERT INTO source_list (artifact_id, packed) VALUES (?1, ?2)")
SQL(PENDING_ADD, WRITER,
    "INSERT INTO source_pending (artifact_id, alt_id, packed)"
    " VALUES (?1, ?2, ?3)")
SQL(SPLIT_ADD, WRITER,
    "INSERT OR IGNORE INTO split_unit (dwo_id, artifact_id) VALUES (?1, ?2)")
SQL(SOURCE_DIR_ADD, WRITER,
    "INSERT INTO source_dir (container_id, directory_id, files)"
    " VALUES (?1, ?2, ?3)")
SQL(POINT_ADD, WRITER,
    "INSERT INTO payload_point (container_id, out_offset, in_offset, state)"
    " VALUES (?1, ?2, ?3, ?4)")
SQL(SOURCES_DELETE, WRITER,
    "DELETE FROM source_list WHERE artifact_id IN"
    " (SELECT id FROM artifact WHERE container_id = ?1)")
SQL(PENDINGS_DELETE, WRITER,
    "DELETE FROM source_pending WHERE artifact_id IN"
    " (SELECT id FROM artifact WHERE container_id = ?1)")
SQL(SPLITS_DELETE, WRITER,
    "DELETE FROM split_unit WHERE artifact_id IN"
    " (SELECT id FROM artifact WHERE container_id = ?1)")
SQL(ARTIFACTS_DELETE, WRITER, "DELETE FROM artifact WHERE container_id = ?1")
SQL(SOURCE_DIRS_DELETE, WRITER,
    "DELETE FROM source_dir WHERE container_id = ?1")
SQL(POINTS_DELETE, WRITER, "DELETE FROM payload_point WHERE container_id = ?1")

/* ---- Writer: names that waited ------------------------------------------ */
SQL(PENDING_DELETE, WRITER,
    "DELETE FROM source_pending WHERE artifact_id = ?1 AND packed = ?2")
SQL(SOURCES_PUT, WRITER,
    "INSERT INTO source_list (artifact_id, packed) VALUES (?1, ?2)"
    " ON CONFLICT (artifact_id) DO UPDATE SET packed = excluded.packed")
SQL(SOURCE_COUNT_SET, WRITER,
    "UPDATE artifact SET source_count = ?2 WHERE id = ?1")
SQL(BUILD_ID_OF, WRITER,
    "SELECT b.bytes FROM artifact a CROSS JOIN build_id b ON b.id = a.build_id"
    " WHERE a.id = ?1")

/* ---- Writer: ignored files ---------------------------------------------- */
SQL(IGNORED_COUNT, WRITER,
    "SELECT length(prints) / 8 FROM ignored WHERE directory_id = ?1")
SQL(IGNORED_PUT, WRITER,
    "INSERT INTO ignored (directory_id, prints) VALUES (?1, ?2)"
    " ON CONFLICT (directory_id) DO UPDATE SET prints = excluded.prints")
SQL(IGNORED_DELETE, WRITER, "DELETE FROM ignored WHERE directory_id = ?1")

/* ---- Writer: grooming --------------------------------------------------- */
/* From behind row ?1 at most ?2 rows: the row and whether it is in use. */
SQL(GROOM_BUILD_IDS, WRITER,
    "SELECT b.id, EXISTS (SELECT 1 FROM artifact WHERE build_id = b.id)"
    " FROM build_id b WHERE b.id > ?1 ORDER BY b.id LIMIT ?2")
SQL(BUILD_ID_DELETE, WRITER, "DELETE FROM build_id WHERE id = ?1")
SQL(GROOM_DIRECTORIES, WRITER,
    "SELECT d.id, EXISTS (SELECT 1 FROM container WHERE directory_id = d.id)"
    " OR EXISTS (SELECT 1 FROM source_dir WHERE directory_id = d.id)"
    " OR EXISTS (SELECT 1 FROM ignored WHERE directory_id = d.id)"
    " FROM directory d WHERE d.id > ?1 ORDER BY d.id LIMIT ?2")
SQL(DIRECTORY_DELETE, WRITER, "DELETE FROM directory WHERE id = ?1")

/* ---- Reader: split DWARF ------------------------------------------------- */
/* In the order of first sight: what is cut is what came last, as of places. */
SQL(SPLITS_OF, READER,
    "SELECT a.build_id, c.root_order FROM split_unit s"
    " CROSS JOIN artifact a ON a.id = s.artifact_id"
    " CROSS JOIN container c ON c.id = a.container_id"
    " WHERE s.dwo_id = ?1 ORDER BY s.artifact_id LIMIT 100000")
SQL(SPLIT_VERSION, READER, "SELECT max(artifact_id) FROM split_unit")

/* ---- Reader: scanned paths ---------------------------------------------- */
SQL(ROOTS_SCAN, READER, "SELECT path FROM root")

/* ---- Reader: places ----------------------------------------------------- */
#define PLACE_COLUMNS                                                          \
	"a.id, a.container_id, b.bytes, a.is_gnu, d.path, c.name, c.mtime_ns," \
	" c.ctime_ns, c.size, c.inode, c.root_order, c.scanner,"               \
	" c.payload_codec, c.payload_offset, c.payload_size, a.member,"        \
	" a.ordinal, a.offset, a.size, a.packed_size, a.packed_codec,"         \
	" a.mtime, a.roles, a.quality, a.machine, a.type, a.elf_class,"        \
	" a.is_big_endian, a.source_count, a.htlhash, a.breakpad_guid,"        \
	" a.alt_id, a.go_id"
/* The best ?3 of artifacts a, by R-15; ?4 is 1 if quality counts, else 0.
 * Somebody may have written one build ID into a hundred thousand files: of each
 * only what orders them is read, and the first 100,000 seen are looked at. */
#define PLACES_OF(from, where)                                          \
	"SELECT " PLACE_COLUMNS " FROM (SELECT id FROM"                 \
	" (SELECT a.id, a.quality, c.root_order FROM " from             \
	" CROSS JOIN container c ON c.id = a.container_id WHERE " where \
	" LIMIT 100000)"                                                \
	" ORDER BY quality * ?4 DESC, root_order, id LIMIT ?3) best"    \
	" CROSS JOIN artifact a ON a.id = best.id"                      \
	" CROSS JOIN build_id b ON b.id = a.build_id"                   \
	" CROSS JOIN container c ON c.id = a.container_id"              \
	" CROSS JOIN directory d ON d.id = c.directory_id"              \
	" ORDER BY a.quality * ?4 DESC, c.root_order, a.id"
SQL(FIND_BEST, READER,
    PLACES_OF("build_id b CROSS JOIN artifact a ON a.build_id = b.id",
	      "b.bytes = ?1 AND a.roles & ?2"))
SQL(FIND_HTLHASH_BEST, READER, PLACES_OF("artifact a", "a.htlhash = ?1"))
SQL(FIND_BREAKPAD_BEST, READER, PLACES_OF("artifact a", "a.breakpad_guid = ?1"))
SQL(FIND_GO_BEST, READER, PLACES_OF("artifact a", "a.go_id = ?1"))
#undef PLACE_COLUMNS
#undef PLACES_OF
SQL(PRESENCE, READER,
    "SELECT a.roles, a.quality FROM build_id b"
    " CROSS JOIN artifact a ON a.build_id = b.id WHERE b.bytes = ?1 LIMIT 1000")
SQL(IDS_AFTER, READER,
    "SELECT id, bytes FROM build_id WHERE id > ?1 ORDER BY id LIMIT ?2")
SQL(DATA_VERSION, READER, "PRAGMA data_version")

/* ---- Reader: sources, segments, points ---------------------------------- */
SQL(SOURCES, READER, "SELECT packed FROM source_list WHERE artifact_id = ?1")
SQL(SEGMENTS, READER, "SELECT segments FROM artifact WHERE id = ?1")
SQL(PENDING_ALT, READER,
    "SELECT alt_id FROM source_pending WHERE alt_id > ?1"
    " ORDER BY alt_id LIMIT 1")
SQL(PENDING_OF, READER,
    "SELECT p.artifact_id, p.packed, s.packed FROM source_pending p"
    " LEFT JOIN source_list s ON s.artifact_id = p.artifact_id"
    " WHERE p.alt_id = ?1 ORDER BY p.artifact_id")
SQL(SOURCE_DIRS, READER,
    "SELECT s.container_id, s.directory_id, c.root_order FROM directory d"
    " CROSS JOIN source_dir s ON s.directory_id = d.id"
    " CROSS JOIN container c ON c.id = s.container_id WHERE d.path = ?1"
    " LIMIT 100000")
/* A list of more than ?3 bytes is not read. */
SQL(SOURCE_PLACE, READER,
    "SELECT d.path, c.name, c.mtime_ns, c.ctime_ns, c.size, c.inode,"
    " c.root_order, c.scanner, c.payload_codec, c.payload_offset,"
    " c.payload_size, length(s.files),"
    " CASE WHEN length(s.files) <= ?3 THEN s.files END FROM source_dir s"
    " CROSS JOIN container c ON c.id = s.container_id"
    " CROSS JOIN directory d ON d.id = c.directory_id"
    " WHERE s.container_id = ?1 AND s.directory_id = ?2")
SQL(POINTS, READER,
    "SELECT in_offset, out_offset, state FROM payload_point"
    " WHERE container_id = ?1 AND out_offset < ?3 AND out_offset >= coalesce("
    "(SELECT max(out_offset) FROM payload_point"
    " WHERE container_id = ?1 AND out_offset <= ?2), 0) ORDER BY out_offset")

/* ---- Reader: lists ------------------------------------------------------ */
/* Directories in [?1, ?2), in the first one only names behind ?3. */
SQL(KNOWN, READER,
    "SELECT d.path, c.name, c.mtime_ns, c.ctime_ns, c.size, c.inode,"
    " c.root_order, c.is_retryable, c.attempts, c.tried_at, c.scanner,"
    " c.problem_kind FROM directory d"
    " CROSS JOIN container c ON c.directory_id = d.id"
    " WHERE d.path >= ?1 AND d.path < ?2 AND (d.path > ?1 OR c.name > ?3)"
    " ORDER BY d.path, c.name")
SQL(KNOWN_FILE, READER,
    "SELECT d.path, c.name, c.mtime_ns, c.ctime_ns, c.size, c.inode,"
    " c.root_order, c.is_retryable, c.attempts, c.tried_at, c.scanner,"
    " c.problem_kind FROM directory d"
    " CROSS JOIN container c ON c.directory_id = d.id"
    " WHERE d.path = ?1 AND c.name = ?2")
SQL(IGNORED, READER,
    "SELECT d.path, i.prints FROM directory d"
    " CROSS JOIN ignored i ON i.directory_id = d.id"
    " WHERE d.path >= ?1 AND d.path < ?2 ORDER BY d.path")
SQL(FAILED, READER,
    "SELECT c.id, d.path, c.name, c.problem_kind, c.problem"
    " FROM container c INDEXED BY container_failed"
    " CROSS JOIN directory d ON d.id = c.directory_id"
    " WHERE c.problem_kind IS NOT NULL AND c.id > ?1 ORDER BY c.id")
SQL(NAMES_BY_HASH, READER,
    "SELECT a.id, a.build_id, a.roles, a.member, d.path, c.name"
    " FROM artifact a INDEXED BY artifact_name"
    " CROSS JOIN container c ON c.id = a.container_id"
    " CROSS JOIN directory d ON d.id = c.directory_id"
    " WHERE a.name_hash = ?2 AND a.id > ?1 ORDER BY a.id")
SQL(NAMES_SCAN, READER,
    "SELECT a.id, a.build_id, a.roles, a.member, d.path, c.name"
    " FROM artifact a NOT INDEXED"
    " CROSS JOIN container c ON c.id = a.container_id"
    " CROSS JOIN directory d ON d.id = c.directory_id"
    " WHERE a.id > ?1 ORDER BY a.id")
SQL(BUILD_ID_BYTES, READER, "SELECT bytes FROM build_id WHERE id = ?1")
SQL(TALLY, READER,
    "SELECT containers, failed, artifacts, executables, debuginfos, build_ids,"
    " source_dirs, points, directories, ignored_files FROM meta WHERE id = 1")
SQL(PAGE_COUNT, READER, "PRAGMA page_count")

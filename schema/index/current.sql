-- SPDX-License-Identifier: Apache-2.0
-- The first schema of the index. Released migrations are never edited.
--
-- Names (paths, members, build IDs) are BLOB: they are bytes of strangers, not
-- text. Sizes and offsets are 64 bits; the sign bit is just a bit.

PRAGMA application_id = 1398361417; -- 0x53594d49, "SYMI"

-- One row: the fingerprint key, and how many rows the tables hold, kept by
-- every write transaction so that statistics cost nothing.
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  secret INTEGER NOT NULL,
  containers INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  artifacts INTEGER NOT NULL DEFAULT 0,
  executables INTEGER NOT NULL DEFAULT 0,
  debuginfos INTEGER NOT NULL DEFAULT 0,
  build_ids INTEGER NOT NULL DEFAULT 0,
  source_dirs INTEGER NOT NULL DEFAULT 0,
  points INTEGER NOT NULL DEFAULT 0,
  directories INTEGER NOT NULL DEFAULT 0,
  ignored_files INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO meta (id, secret) VALUES (1, random());

-- Directory names, once each: of containers, of sources inside archives, of
-- ignored files. Absolute, without the final slash: the root is ''.
CREATE TABLE directory (
  id INTEGER PRIMARY KEY,
  path BLOB NOT NULL UNIQUE
) STRICT;

-- One file under a scanned path: a bare ELF file or an archive. The row keeps
-- its id when the file is scanned again.
CREATE TABLE container (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  directory_id INTEGER NOT NULL REFERENCES directory (id),
  name BLOB NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  size INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  root_order INTEGER NOT NULL, -- the operator's path order, lower wins
  scanner TEXT NOT NULL, -- '' if nobody's
  payload_codec INTEGER NOT NULL,
  payload_offset INTEGER NOT NULL,
  payload_size INTEGER NOT NULL,
  problem_kind TEXT, -- NULL: read whole
  problem BLOB,
  is_retryable INTEGER NOT NULL,
  attempts INTEGER NOT NULL, -- failures in a row of a retryable kind
  tried_at INTEGER NOT NULL, -- seconds since 1970
  UNIQUE (directory_id, name)
) STRICT;
CREATE INDEX container_failed ON container (id) WHERE problem_kind IS NOT NULL;

-- Identities. Row numbers only grow: what is new lies behind the last one
-- seen.
CREATE TABLE build_id (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  bytes BLOB NOT NULL UNIQUE CHECK (length(bytes) BETWEEN 2 AND 64)
) STRICT;

-- One ELF file in a container. A container that is scanned again and still
-- has a build ID keeps the row number there: it is the order of first sight.
CREATE TABLE artifact (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  build_id INTEGER NOT NULL REFERENCES build_id (id),
  container_id INTEGER NOT NULL REFERENCES container (id),
  roles INTEGER NOT NULL,
  quality INTEGER NOT NULL,
  is_gnu INTEGER NOT NULL, -- 0: build_id is the htlhash
  ordinal INTEGER NOT NULL, -- of the member in the archive
  offset INTEGER NOT NULL, -- of the member in the decoded payload
  size INTEGER NOT NULL, -- of the ELF file, unpacked
  packed_size INTEGER NOT NULL, -- of a member compressed by itself, else 0
  packed_codec INTEGER NOT NULL,
  mtime INTEGER NOT NULL, -- seconds
  machine INTEGER NOT NULL,
  type INTEGER NOT NULL,
  elf_class INTEGER NOT NULL,
  is_big_endian INTEGER NOT NULL,
  source_count INTEGER NOT NULL,
  name_hash INTEGER NOT NULL, -- low 32 bits of XXH3 of the base name
  htlhash BLOB, -- NULL: all zero, here and in breakpad_guid
  breakpad_guid BLOB,
  alt_id BLOB,
  go_id BLOB,
  member BLOB, -- name in the archive; NULL: the container itself
  segments BLOB -- see src/index/segments.c
) STRICT;
CREATE INDEX artifact_build_id ON artifact (build_id);
CREATE INDEX artifact_container ON artifact (container_id);
CREATE INDEX artifact_name ON artifact (name_hash);
CREATE INDEX artifact_htlhash ON artifact (htlhash)
  WHERE htlhash IS NOT NULL;
CREATE INDEX artifact_breakpad ON artifact (breakpad_guid)
  WHERE breakpad_guid IS NOT NULL;
CREATE INDEX artifact_go ON artifact (go_id) WHERE go_id IS NOT NULL;

-- Source paths of an artifact, packed; apart, so that artifact rows stay
-- small.
CREATE TABLE source_list (
  artifact_id INTEGER PRIMARY KEY REFERENCES artifact (id),
  packed BLOB NOT NULL
) STRICT;

-- Of an artifact whose alternate file has not been read yet: the pieces of the
-- names, packed. The row goes when they are joined and are in source_list.
CREATE TABLE source_pending (
  artifact_id INTEGER PRIMARY KEY REFERENCES artifact (id),
  alt_id BLOB NOT NULL CHECK (length(alt_id) BETWEEN 2 AND 64),
  packed BLOB NOT NULL
) STRICT;
CREATE INDEX source_pending_alt ON source_pending (alt_id);

-- Directories of an archive with files in them that could be sources.
CREATE TABLE source_dir (
  container_id INTEGER NOT NULL REFERENCES container (id),
  directory_id INTEGER NOT NULL REFERENCES directory (id),
  files BLOB NOT NULL,
  PRIMARY KEY (container_id, directory_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX source_dir_directory ON source_dir (directory_id);

-- Where decoding of a container's payload can begin.
CREATE TABLE payload_point (
  container_id INTEGER NOT NULL REFERENCES container (id),
  out_offset INTEGER NOT NULL,
  in_offset INTEGER NOT NULL,
  state BLOB,
  PRIMARY KEY (container_id, out_offset)
) STRICT, WITHOUT ROWID;

-- Files of a directory that hold nothing of interest: 64-bit fingerprints,
-- little-endian, ascending.
CREATE TABLE ignored (
  directory_id INTEGER PRIMARY KEY REFERENCES directory (id),
  prints BLOB NOT NULL CHECK (length(prints) % 8 = 0)
) STRICT;

-- Paths that are scanned, for processes that scan nothing themselves: beneath
-- them lie the sources of bare ELF files that may be served.
CREATE TABLE root (
  path BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Units of split DWARF: which .dwo or .dwp holds the unit of an ID; the sign
-- bit is just a bit.
CREATE TABLE split_unit (
  dwo_id INTEGER NOT NULL,
  artifact_id INTEGER NOT NULL REFERENCES artifact (id),
  PRIMARY KEY (dwo_id, artifact_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX split_unit_artifact ON split_unit (artifact_id);

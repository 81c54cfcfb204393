-- SPDX-License-Identifier: Apache-2.0
-- Source names that wait for the alternate file that dwz moved parts of them
-- to. What was indexed before this migration and lacks such names gets them
-- when its file changes.

-- Of an artifact whose alternate file has not been read yet: the pieces of the
-- names, packed. The row goes when they are joined and are in source_list.
CREATE TABLE source_pending (
  artifact_id INTEGER PRIMARY KEY REFERENCES artifact (id),
  alt_id BLOB NOT NULL CHECK (length(alt_id) BETWEEN 2 AND 64),
  packed BLOB NOT NULL
) STRICT;
CREATE INDEX source_pending_alt ON source_pending (alt_id);

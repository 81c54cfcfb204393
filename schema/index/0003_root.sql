-- SPDX-License-Identifier: Apache-2.0
-- Which paths are scanned, for processes that scan nothing themselves. An index
-- from before this migration learns it from its next scan.

-- Beneath them lie the sources of bare ELF files that may be served.
CREATE TABLE root (
  path BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

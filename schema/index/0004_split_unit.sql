-- SPDX-License-Identifier: Apache-2.0
-- Units of split DWARF, for tables of programs whose DWARF is elsewhere. Bare
-- files that were of no interest before are looked at once more; archives are
-- when they change.

-- Which .dwo or .dwp holds the unit of an ID; the sign bit is just a bit.
CREATE TABLE split_unit (
  dwo_id INTEGER NOT NULL,
  artifact_id INTEGER NOT NULL REFERENCES artifact (id),
  PRIMARY KEY (dwo_id, artifact_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX split_unit_artifact ON split_unit (artifact_id);

DELETE FROM ignored;
UPDATE meta SET ignored_files = 0;

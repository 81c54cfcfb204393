/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Take over what a database of elfutils' debuginfod knows, without reading the
 * files again: each is only looked at with lstat(2), and taken over if time and
 * size are what debuginfod saw.
 *
 * What debuginfod did not note is not known here either until the file changes
 * and is scanned: where a member lies in its archive (it is found by name, from
 * the archive's beginning), segments, hashes, what kind of ELF file it is.
 */
#ifndef IMPORT_DEBUGINFOD_H
#define IMPORT_DEBUGINFOD_H

#include "index/debuginfod_db.h"
#include "index/index.h"

struct import_counts {
	uint64_t files;    /* in the database */
	uint64_t imported; /* taken over */
	uint64_t gone;     /* no longer there */
	uint64_t changed;  /* of another time or size: for the next scan */
	uint64_t known;    /* the index has that state of it already */
	uint64_t empty;    /* files that held nothing */
	uint64_t artifacts;
};

/** @param[in] db Read through: borrowed.
 * @param[in] ix Written to, each archive in a transaction.
 * @param[out] counts How far it came, also on error.
 * @return BAD_DATA if the database is damaged; DATABASE, IO. */
MUST_CHECK struct error *import_debuginfod(struct debuginfod_db *db,
					   struct index *ix,
					   const char *index_place,
					   struct import_counts *counts);

#endif

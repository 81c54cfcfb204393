/* SPDX-License-Identifier: Apache-2.0 */
/**
 * For tests of the index and of what stands on it: a directory that goes away,
 * an index in it, and containers made from a few numbers.
 */
#ifndef LIB_INDEX_FIXTURE_H
#define LIB_INDEX_FIXTURE_H

#include "index/index.h"

struct index_fixture {
	char dir[64];
	struct index *ix;
	struct index_reader *r;
};

/** A fresh directory, no index yet. */
void index_fixture_dir(struct index_fixture *f);
/** index_fixture_dir(), with an index and a reader opened. */
void index_fixture_open(struct index_fixture *f);
/** Close what is open and remove the directory with all in it. */
void index_fixture_close(struct index_fixture *f);
#define CLEANUP_INDEX_FIXTURE CLEANUP(index_fixture_close)

/** Path of a file in the fixture's directory; the last four answers stay. */
const char *index_fixture_path(const struct index_fixture *f, const char *name);

/** Build ID of 20 bytes made of @p n. */
struct build_id index_test_id(unsigned n);

enum { INDEX_TEST_ARTIFACTS = 16 };

/** A container and what it points to. */
struct index_test_container {
	struct index_container c;
	struct index_artifact artifacts[INDEX_TEST_ARTIFACTS];
	char members[INDEX_TEST_ARTIFACTS][32];
	struct index_source_dir dirs[2];
	struct index_point points[3];
};

/** A bare ELF file with build ID @p n; executable of quality 1. Its stamp is
 * made of @p version. */
void index_test_file(struct index_test_container *t, const char *path,
		     unsigned n, unsigned version);

/** An archive with @p count artifacts of build IDs @p n, @p n + 1, …: debuginfo
 * of quality 4, members "./m/0", …, each with sources; two source directories,
 * three points. Every artifact's size is @p version. */
void index_test_archive(struct index_test_container *t, const char *path,
			unsigned n, unsigned count, unsigned version);

/** Put one. */
MUST_CHECK struct error *index_test_put(struct index *ix,
					const struct index_test_container *t);

/** A bare ELF file in version 1 that is executable and debuginfo. */
void index_test_put_file(struct index *ix, const char *path, unsigned n,
			 unsigned root_order, unsigned quality);

/**
 * Put "/srv/d0/f0" … "/srv/d14/f59": file i has IDs from 4 * i on, every third
 * is an archive of four, every tenth from 9 on a failure ("bad_data",
 * "broken"). Two directories have ignored files, 3 and 2 of them.
 */
void index_test_fill(struct index *ix);
enum { INDEX_TEST_FILES = 60 };

/** How much index_check() has to complain of; it goes to stderr. */
size_t index_test_complaints(struct index_reader *r);

#endif

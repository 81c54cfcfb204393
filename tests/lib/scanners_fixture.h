/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One of every container that scanners read, for the tests that run over all
 * of them.
 */
#ifndef TESTS_LIB_SCANNERS_FIXTURE_H
#define TESTS_LIB_SCANNERS_FIXTURE_H

#include "scanners/scanner.h"
#include "tests/lib/pkg_writer.h"

extern const struct scanner scanner_archive, scanner_deb, scanner_elf,
	scanner_kmod, scanner_rpm, scanner_tar, scanner_template;

struct container {
	const char *path; /* NULL ends the list */
	const struct scanner *scanner;
	struct pkg_options options; /* where it is a package */
	/** Writes it where it is none. */
	void (*write)(struct buf *out, const struct container *c);
	bool is_registered;
	bool has_mtimes;
	bool is_nested;     /* its payload is no piece of the file */
	bool is_cut_unseen; /* a part of it is as good as the whole */
};

extern const struct container containers[];

void container_write(const struct container *c, struct buf *out);

/** The files that are its members, in their order, under the names of the
 * archive; data is what must be read. Static. */
void container_members(const struct container *c, const struct pkg_file **ret,
		       size_t *count_ret);

/** What is put into every package: regular files and what is passed over. */
void container_files(const struct pkg_file **ret, size_t *count_ret);

/** A name without "./" or "/" before it. */
const char *container_name(const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Packages for tests, made from a list of files: deb, ipk, rpm, apk, and bare
 * tar and cpio.
 *
 * A malformed package is one member away: every lie is a field of its own, and
 * fields left zero give a good package. Everything is a function of its
 * arguments alone: no clock, no user, no file system.
 *
 * Every function aborts when it cannot: a test has nothing to do then.
 */
#ifndef TESTS_LIB_PKG_WRITER_H
#define TESTS_LIB_PKG_WRITER_H

#include "base/buf.h"
#include "codec/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pkg_file {
	/** As it goes into the archive, but that an RPM's header has it without
	 * a leading ".": "./usr/bin/a". */
	const char *name;
	const void *data;
	size_t size;
	uint64_t zeros; /* zero bytes behind the data; cheap, for bombs */
	uint32_t mode;  /* as st_mode; 0: S_IFREG | 0644 */
	int64_t mtime;
	/** A symbolic link's target; for a regular file, the earlier file of
	 * which it is another name. One that is not there leads outside: tar
	 * says its name; an RPM has one more name without the bytes. */
	const char *link;
	bool is_sparse; /* tar: a GNU sparse file with a hole before the data */
	bool is_ghost;  /* rpm: in the header, not in the payload */
	/** Lie: the size said in the header of the archive; 0: the truth. */
	uint64_t claimed_size;
};

enum pkg_kind {
	PKG_TAR, /* in the compression asked for */
	PKG_DEB,
	PKG_IPK, /* OpenWrt's: a tar.gz that holds data.tar.* */
	PKG_RPM,
	PKG_CPIO, /* newc, as inside an RPM */
	PKG_APK,  /* Alpine's: signature, control and data, each a gzip
		   * stream */
};

struct pkg_options {
	enum pkg_kind kind;
	enum codec codec;
	/** Decoded bytes an xz block, zstd frame, gzip member or bzip2 stream;
	 * 0: all in one. */
	size_t block_size;

	bool use_pax;          /* tar: a pax header before every member */
	bool use_slash_names;  /* deb: "data.tar.xz/", as GNU ar writes */
	const char *data_name; /* deb, ipk: NULL: "data.tar" and the suffix */
	const char *version;   /* deb, ipk: NULL: "2.0\n" */

	bool is_stripped;       /* rpm: 07070X, sizes in LONGFILESIZES */
	bool use_crc_magic;     /* rpm: 070702 */
	bool is_source;         /* rpm: a source package */
	bool is_v6;             /* rpm: is_stripped, a lead and tags of rpm 6 */
	bool use_old_names;     /* rpm: OLDFILENAMES, as rpm 3 */
	const char *compressor; /* rpm: PAYLOADCOMPRESSOR; NULL: the truth, "":
				 * no tag */
	const char *format;     /* rpm: PAYLOADFORMAT; NULL: "cpio" */

	/* Lies. */
	bool is_magic_wrong;
	bool has_no_trailer;      /* neither tar's zero blocks nor TRAILER!!! */
	size_t cut_payload;       /* bytes missing at the compressed payload's
				   * end, with all sizes around it adjusted */
	size_t cut;               /* bytes missing at the package's end */
	size_t garbage;           /* bytes of noise behind the end */
	uint32_t claimed_entries; /* rpm: of the main header; 0: the truth */
	uint32_t claimed_store;   /* rpm: bytes of the main header; 0: … */
};

/** Append a package of @p count files to @p out. */
void pkg_write(struct buf *out, const struct pkg_options *options,
	       const struct pkg_file *files, size_t count);

/** The same into a file, which is replaced. */
void pkg_write_file(const char *path, const struct pkg_options *options,
		    const struct pkg_file *files, size_t count);

/* ---- Pieces, for tests that put a container together themselves -------- */

/** One tar member, with its GNU long name or pax header before it and its
 * padding behind; "" as a name gives the two zero blocks of the end. */
void pkg_put_tar_member(struct buf *out, const struct pkg_file *file,
			bool use_pax);
/** One member of an ar archive, padded. @p name as it stands in the header. */
void pkg_put_ar_member(struct buf *out, const char *name, const void *data,
		       size_t size);
/** Compress as pkg_options say. */
void pkg_put_compressed(struct buf *out, enum codec codec, size_t block_size,
			const void *data, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/** Shared by pkg_writer.c and pkg_writer_rpm.c only. */
#ifndef TESTS_LIB_PKG_WRITER_INTERNAL_H
#define TESTS_LIB_PKG_WRITER_INTERNAL_H

#include "tests/lib/pkg_writer.h"

/** A payload on its way into a compressor. */
struct pkg_payload {
	enum codec codec;
	size_t block_size;
	struct buf raw;  /* not compressed yet */
	struct buf *out; /* borrowed */
	size_t begin;    /* where the payload begins in it */
	uint64_t offset; /* decoded bytes so far */
};

void pkg_payload_begin(struct pkg_payload *p, const struct pkg_options *o,
		       struct buf *out);
void pkg_payload_put(struct pkg_payload *p, const void *data, size_t size);
void pkg_payload_put_zeros(struct pkg_payload *p, uint64_t size);
void pkg_payload_pad(struct pkg_payload *p, unsigned alignment);
void pkg_payload_flush(struct pkg_payload *p);
void pkg_payload_end(struct pkg_payload *p, const struct pkg_options *o);

void pkg_must(bool ok);
bool pkg_is_regular(const struct pkg_file *f);
uint32_t pkg_mode(const struct pkg_file *f);
/** Bytes it has in an archive. */
uint64_t pkg_size(const struct pkg_file *f);

void pkg_write_cpio(struct buf *out, const struct pkg_options *o,
		    const struct pkg_file *files, size_t count);
void pkg_write_rpm(struct buf *out, const struct pkg_options *o,
		   const struct pkg_file *files, size_t count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Drive a scanner over a container in memory and keep what it gives.
 */
#ifndef TESTS_LIB_MEMBER_LIST_H
#define TESTS_LIB_MEMBER_LIST_H

#include "base/buf.h"
#include "scanners/scanner.h"

enum member_mode {
	MEMBER_WHOLE,   /* read in large pieces */
	MEMBER_PIECES,  /* read in pieces of odd sizes */
	MEMBER_SKIPPED, /* not read at all */
	MEMBER_HEAD,    /* 64 bytes read, the rest skipped */
	MEMBER_RANDOM,  /* through codec_input(), after half was read forward;
			 * as MEMBER_WHOLE where the payload cannot */
	MEMBER_MODES
};

struct member {
	char *name;
	uint64_t size, offset;
	int64_t mtime;
	struct buf data; /* what was read of it */
};

struct member_list {
	struct member *items;
	size_t count, capacity;
	enum codec codec; /* the payload's place */
	uint64_t payload_offset, payload_size;
	struct scanner_passed_over passed_over;
	uint64_t decoded_bytes; /* codec_decoded_bytes() at the end */
};

#define MEMBER_LIST_INIT \
	{                \
		0        \
	}

/**
 * @param[in] scanner NULL: scanner_choose(); nobody's is UNSUPPORTED.
 * @param[out] ret Empty before. What came before an error is in it, too.
 */
MUST_CHECK struct error *member_list_read(const struct scanner *scanner,
					  const char *path, const void *data,
					  size_t size, enum member_mode mode,
					  struct member_list *ret);
void member_list_deinit(struct member_list *list);

/** By name; NULL: none. */
const struct member *member_list_find(const struct member_list *list,
				      const char *name);

/** What a scanner sees of a container in memory. Borrows all. */
struct scanner_input member_input(const char *path, const void *data,
				  size_t size);

#define CLEANUP_MEMBERS CLEANUP(member_list_deinit)

#endif

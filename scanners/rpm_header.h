/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The header structure of RPM packages: a bag of typed values by tag number.
 *
 * Everything handed out was checked to lie inside the header.
 *
 * Source: rpm's docs/manual/format_header.md; limits as in rpm 4.14 and later,
 * lib/header.c.
 */
#ifndef SCANNERS_RPM_HEADER_H
#define SCANNERS_RPM_HEADER_H

#include "base/error.h"
#include "base/input.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RPM_HEADER_ENTRIES_MAX = 0xffff,
	RPM_HEADER_STORE_MAX = 0x0fffffff,
	/** Values of one tag: files of one package, mostly. */
	RPM_HEADER_COUNT_MAX = 0x000fffff,
};

enum rpm_type {
	RPM_TYPE_INT16 = 3,
	RPM_TYPE_INT32 = 4,
	RPM_TYPE_INT64 = 5,
	RPM_TYPE_STRING = 6,
	RPM_TYPE_STRINGS = 8,
};

/** Values of one tag, borrowed from the header. Big-endian integers, or
 * NUL-terminated strings one behind the other. */
struct rpm_values {
	enum rpm_type type;
	size_t count;
	const uint8_t *data;
	size_t size; /* strings: up to the end of the header */
};

struct rpm_header {
	uint8_t *data; /* entries, then the store */
	size_t entry_count;
	const uint8_t *store; /* into data */
	size_t store_size;
};

/** Where the header that begins at @p offset ends; its content is not read. */
MUST_CHECK struct error *rpm_header_skip(struct input *in, uint64_t offset,
					 uint64_t *end_ret);

/**
 * Read the header that begins at @p offset.
 *
 * @param[out] ret rpm_header_deinit().
 * @return BAD_DATA; LIMIT beyond the bounds above. What it allocates is never
 * more than what lies behind @p offset in the input.
 */
MUST_CHECK struct error *rpm_header_read(struct input *in, uint64_t offset,
					 struct rpm_header *ret,
					 uint64_t *end_ret);
/** Twice is safe. */
void rpm_header_deinit(struct rpm_header *h);

/**
 * The values of @p tag.
 *
 * @param[in] type What the tag must be of; anything else is BAD_DATA.
 * @param[out] found_ret False if there is no such tag.
 */
MUST_CHECK struct error *rpm_header_find(const struct rpm_header *h,
					 uint32_t tag, enum rpm_type type,
					 struct rpm_values *ret,
					 bool *found_ret);

/** The string of @p tag, borrowed from the header; NULL if there is none. */
MUST_CHECK struct error *rpm_header_string(const struct rpm_header *h,
					   uint32_t tag, const char **ret);

/** The @p i th integer, which must be below count. */
uint64_t rpm_values_number(const struct rpm_values *v, size_t i);

#endif

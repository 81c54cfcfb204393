/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All integers big-endian.
 *
 *	offset 0  3	8e ad e8
 *	3	  1	version, 1
 *	4	  4	reserved
 *	8	  4	number of entries, n
 *	12	  4	size of the store
 *	16	  16n	entries: tag, type, offset in the store, count; 4 each
 *	16+16n		store
 *
 * Types: 3 int16, 4 int32, 5 int64 (aligned), 6 a string, 8 strings and
 * 9 translated strings (each ended by a NUL), 1, 2 and 7 bytes.
 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "scanners/rpm_header.h"

enum { INTRO_SIZE = 16, ENTRY_SIZE = 16 };

static struct error *read_intro(struct input *in, uint64_t offset,
				size_t *entries_ret, size_t *store_ret)
{
	static const uint8_t magic[] = { 0x8e, 0xad, 0xe8, 0x01 };
	uint8_t intro[INTRO_SIZE];
	struct reader r;

	TRY(input_read_exact(in, offset, intro, sizeof(intro)));
	if (memcmp(intro, magic, sizeof(magic)))
		return error_new(BAD_DATA, "no header magic at offset %" PRIu64,
				 offset);
	reader_init(&r, intro, sizeof(intro), true);
	reader_skip(&r, 8);
	*entries_ret = reader_u32(&r);
	*store_ret = reader_u32(&r);
	if (*entries_ret > RPM_HEADER_ENTRIES_MAX ||
	    *store_ret > RPM_HEADER_STORE_MAX)
		return error_new(LIMIT,
				 "%zu entries and %zu bytes are more than a "
				 "header can have",
				 *entries_ret, *store_ret);
	return NULL;
}

struct error *rpm_header_skip(struct input *in, uint64_t offset,
			      uint64_t *end_ret)
{
	size_t entries, store;

	TRY(read_intro(in, offset, &entries, &store));
	*end_ret = offset + INTRO_SIZE + entries * ENTRY_SIZE + store;
	if (*end_ret > in->size)
		return error_new(BAD_DATA,
				 "truncated: it ends at %" PRIu64
				 ", the file at %" PRIu64,
				 *end_ret, in->size);
	return NULL;
}

struct error *rpm_header_read(struct input *in, uint64_t offset,
			      struct rpm_header *ret, uint64_t *end_ret)
{
	size_t entries, store;

	TRY(read_intro(in, offset, &entries, &store));
	size_t size = entries * ENTRY_SIZE + store;

	TRY(input_read_alloc(in, offset + INTRO_SIZE, size, &ret->data));
	ret->entry_count = entries;
	ret->store = ret->data + entries * ENTRY_SIZE;
	ret->store_size = store;
	*end_ret = offset + INTRO_SIZE + size;
	return NULL;
}

void rpm_header_deinit(struct rpm_header *h)
{
	mem_free(h->data);
	*h = (struct rpm_header) { 0 };
}

static size_t type_size(enum rpm_type type)
{
	switch (type) {
	case RPM_TYPE_INT16:
		return 2;
	case RPM_TYPE_INT32:
		return 4;
	case RPM_TYPE_INT64:
		return 8;
	case RPM_TYPE_STRING:
	case RPM_TYPE_STRINGS:
		// At least its NUL.
		return 1;
	}
	return 1;
}

static struct error *check_values(const struct rpm_header *h, uint32_t offset,
				  uint32_t count, enum rpm_type type,
				  struct rpm_values *ret)
{
	if (count > RPM_HEADER_COUNT_MAX)
		return error_new(LIMIT, "%" PRIu32 " values are too many",
				 count);
	if (offset > h->store_size ||
	    count > (h->store_size - offset) / type_size(type))
		return error_new(BAD_DATA, "it ends outside the header");
	if (type == RPM_TYPE_STRING && count != 1)
		return error_new(BAD_DATA, "%" PRIu32 " values of one string",
				 count);
	*ret = (struct rpm_values) { .type = type,
				     .count = count,
				     .data = h->store + offset,
				     .size = h->store_size - offset };
	return NULL;
}

struct error *rpm_header_find(const struct rpm_header *h, uint32_t tag,
			      enum rpm_type type, struct rpm_values *ret,
			      bool *found_ret)
{
	struct reader r;

	*found_ret = false;
	reader_init(&r, h->data, h->entry_count * ENTRY_SIZE, true);
	while (reader_left(&r)) {
		uint32_t entry_tag = reader_u32(&r);
		uint32_t entry_type = reader_u32(&r);
		uint32_t offset = reader_u32(&r);
		uint32_t count = reader_u32(&r);

		if (entry_tag != tag)
			continue;
		if (entry_type != type)
			return error_new(BAD_DATA,
					 "tag %" PRIu32 " is of type %" PRIu32
					 " and not %d",
					 tag, entry_type, (int)type);
		*found_ret = true;
		return error_wrap(check_values(h, offset, count, type, ret),
				  "tag %" PRIu32, tag);
	}
	return NULL;
}

struct error *rpm_header_string(const struct rpm_header *h, uint32_t tag,
				const char **ret)
{
	struct rpm_values v;
	struct reader r;
	bool found;

	*ret = NULL;
	TRY(rpm_header_find(h, tag, RPM_TYPE_STRING, &v, &found));
	if (!found)
		return NULL;
	reader_init(&r, v.data, v.size, true);
	*ret = reader_cstr(&r, NULL);
	return *ret ? NULL
		    : error_new(BAD_DATA,
				"tag %" PRIu32 ": a string that does "
				"not end",
				tag);
}

uint64_t rpm_values_number(const struct rpm_values *v, size_t i)
{
	size_t size = type_size(v->type);
	struct reader r;

	assert(i < v->count);
	reader_init(&r, v->data + i * size, size, true);
	return reader_uint(&r, size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* RPM packages: what scanners/rpm*.c make of variants, lies and damage. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "scanners/rpm_header.h"
#include "tests/lib/member_list.h"
#include "tests/lib/scanners_fixture.h"
#include "tests/unit/unit.h"

static struct error *read_rpm(const struct buf *data, enum member_mode mode,
			      struct member_list *ret)
{
	return member_list_read(&scanner_rpm, "a.rpm", data->data, data->size,
				mode, ret);
}

static const struct pkg_file one_file = { .name = "./a",
					  .data = "abc",
					  .size = 3 };

/* ---- Links and ghosts --------------------------------------------------- */

static const struct pkg_file linked[] = {
	{ .name = "./bin/a", .data = "first", .size = 5 },
	{ .name = "./bin/x", .data = "second", .size = 6 },
	{ .name = "./bin/b", .link = "./bin/a" },
	{ .name = "./bin/y", .link = "./bin/x" },
	{ .name = "./bin/c", .link = "./bin/a" },
	{ .name = "./bin/d", .data = "alone", .size = 5 },
};

START_TEST(a_linked_file_is_found_under_its_last_name)
{
	for (unsigned stripped = 0; stripped < 2; stripped++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
		const struct pkg_options o = { .kind = PKG_RPM,
					       .is_stripped = stripped };

		pkg_write(&rpm, &o, linked, 6);
		ck_no_error(read_rpm(&rpm, MEMBER_WHOLE, &list));
		ck_assert_uint_eq(list.count, 3);
		ck_assert_str_eq(list.items[0].name, "bin/y");
		ck_assert_mem_eq(list.items[0].data.data, "second", 6);
		ck_assert_str_eq(list.items[1].name, "bin/c");
		ck_assert_mem_eq(list.items[1].data.data, "first", 5);
		ck_assert_str_eq(list.items[2].name, "bin/d");
		ck_assert_uint_eq(list.passed_over.count[SCANNER_PASSED_LINK],
				  3);
		ck_assert_uint_eq(
			list.passed_over.count[SCANNER_PASSED_LONG_PATH], 0);
	}
}
END_TEST

START_TEST(ghosts_are_not_in_the_payload)
{
	for (unsigned stripped = 0; stripped < 2; stripped++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
		const struct pkg_file files[] = {
			one_file,
			{ .name = "./ghost",
			  .data = "g",
			  .size = 1,
			  .is_ghost = true },
			{ .name = "./last", .data = "l", .size = 1 },
		};
		const struct pkg_options o = { .kind = PKG_RPM,
					       .is_stripped = stripped };

		pkg_write(&rpm, &o, files, 3);
		ck_no_error(read_rpm(&rpm, MEMBER_WHOLE, &list));
		ck_assert_uint_eq(list.count, 2);
		ck_assert_str_eq(list.items[1].name, "last");
		ck_assert_mem_eq(list.items[1].data.data, "l", 1);
	}
}
END_TEST

/* ---- Large files, long names -------------------------------------------- */

START_TEST(a_stripped_payload_holds_files_beyond_4_gib)
{
	CLEANUP_BUF struct buf rpm = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file files[] = {
		{ .name = "./large", .zeros = UINT64_C(5) << 30 },
		{ .name = "./last", .data = "l", .size = 1 },
	};
	const struct pkg_options o = { .kind = PKG_RPM,
				       .codec = CODEC_ZSTD,
				       .is_stripped = true };

	pkg_write(&rpm, &o, files, 2);
	ck_no_error(read_rpm(&rpm, MEMBER_HEAD, &list));
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.items[0].size, UINT64_C(5) << 30);
	ck_assert_str_eq(list.items[1].name, "last");
	ck_assert_mem_eq(list.items[1].data.data, "l", 1);
}
END_TEST

START_TEST(names_of_4096_bytes_are_kept_and_longer_ones_counted)
{
	for (unsigned stripped = 0; stripped < 2; stripped++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
		static char fits[4096 + 1], exceeds[4097 + 1], huge[70000];

		memset(fits, 'f', 4096);
		memset(exceeds, 'e', 4097);
		memset(huge, 'h', sizeof(huge) - 1);
		const struct pkg_file files[] = {
			{ .name = huge, .data = "h", .size = 1 },
			{ .name = fits, .data = "f", .size = 1 },
			{ .name = exceeds, .data = "e", .size = 1 },
			one_file,
		};
		const struct pkg_options o = { .kind = PKG_RPM,
					       .is_stripped = stripped };

		pkg_write(&rpm, &o, files, 4);
		ck_no_error(read_rpm(&rpm, MEMBER_WHOLE, &list));
		ck_assert_uint_eq(list.count, 2);
		ck_assert_str_eq(list.items[0].name, fits);
		ck_assert_mem_eq(list.items[0].data.data, "f", 1);
		ck_assert_uint_eq(
			list.passed_over.count[SCANNER_PASSED_LONG_PATH], 2);
	}
}
END_TEST

START_TEST(a_package_without_files_has_no_members)
{
	for (unsigned stripped = 0; stripped < 2; stripped++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
		const struct pkg_options o = { .kind = PKG_RPM,
					       .codec = CODEC_ZSTD,
					       .is_stripped = stripped };

		pkg_write(&rpm, &o, NULL, 0);
		ck_no_error(read_rpm(&rpm, MEMBER_WHOLE, &list));
		ck_assert_uint_eq(list.count, 0);
	}
}
END_TEST

/* ---- Lies and damage ---------------------------------------------------- */

static const struct {
	const char *what;
	struct pkg_options options;
	enum error_kind kind;
	const char *message;
} bad_rpms[] = {
	{ "a delta package",
	  { .format = "drpm" },
	  ERROR_UNSUPPORTED,
	  "payload of format drpm" },
	{ "a compression we do not know",
	  { .compressor = "lzip" },
	  ERROR_UNSUPPORTED,
	  "payload: unknown compression lzip" },
	{ "another compression than said",
	  { .codec = CODEC_GZIP, .compressor = "xz" },
	  ERROR_BAD_DATA,
	  "payload: this is no xz stream" },
	{ "no compression where some is said",
	  { .compressor = "zstd" },
	  ERROR_BAD_DATA,
	  "payload: this is no zstd stream" },
	{ "a payload cut off",
	  { .codec = CODEC_XZ, .cut = 8 },
	  ERROR_BAD_DATA,
	  "payload: xz: truncated" },
	{ "a gzip payload without its checksum",
	  { .codec = CODEC_GZIP, .cut = 8 },
	  ERROR_BAD_DATA,
	  "payload: gzip: truncated" },
	{ "a stored payload without its end mark",
	  { .has_no_trailer = true },
	  ERROR_BAD_DATA,
	  "payload: truncated: the archive ends at offset" },
	{ "a compressed payload without its end mark",
	  { .codec = CODEC_ZSTD, .has_no_trailer = true },
	  ERROR_BAD_DATA,
	  "payload: truncated: the archive ends at offset" },
	{ "more entries than a header can have",
	  { .claimed_entries = 0x10000 },
	  ERROR_LIMIT,
	  "main header: 65536 entries" },
	{ "more bytes than a header can have",
	  { .claimed_store = 0x10000000 },
	  ERROR_LIMIT,
	  "main header: " },
	{ "more entries than there are",
	  { .claimed_entries = 0xffff },
	  ERROR_BAD_DATA,
	  "main header: " },
	{ "more bytes than the file has",
	  { .claimed_store = 0x0fffffff },
	  ERROR_BAD_DATA,
	  "main header: truncated" },
};

START_TEST(a_bad_package_is_an_error_that_names_the_place)
{
	const struct pkg_file *files;
	size_t count;

	container_files(&files, &count);
	for (size_t i = 0; i < sizeof(bad_rpms) / sizeof(*bad_rpms); i++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
		struct pkg_options o = bad_rpms[i].options;

		o.kind = PKG_RPM;
		pkg_write(&rpm, &o, files, count);
		struct error *err = read_rpm(&rpm, MEMBER_SKIPPED, &list);

		ck_assert_msg(err != NULL, "%s is no error", bad_rpms[i].what);
		ck_assert_msg(
			error_kind(err) == bad_rpms[i].kind &&
				strstr(error_message(err), bad_rpms[i].message),
			"%s: %s", bad_rpms[i].what, error_message(err));
		error_free(err);
	}
}
END_TEST

/* Offset of the main header: behind the lead and the padded signature. */
static size_t main_header(const struct buf *rpm)
{
	struct input in = input_from_memory(rpm->data, rpm->size);
	uint64_t end;

	ck_no_error(rpm_header_skip(&in, 96, &end));
	return (size_t)((end + 7) / 8 * 8);
}

/* The entry of @tag in the main header. */
static uint8_t *find_entry(struct buf *rpm, unsigned tag)
{
	uint8_t *h = rpm->data + main_header(rpm);
	unsigned count = (unsigned)(h[10] << 8 | h[11]);

	for (unsigned i = 0; i < count; i++) {
		uint8_t *e = h + 16 + 16 * i;

		if ((unsigned)(e[2] << 8 | e[3]) == tag)
			return e;
	}
	ck_abort_msg("no tag %u", tag);
	return NULL;
}

static void put_be32(uint8_t *to, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static const struct {
	unsigned tag, field; /* 0 tag, 1 type, 2 offset, 3 count */
	uint32_t value;
	enum error_kind kind;
	const char *message;
} bad_entries[] = {
	{ 1124, 1, 4, ERROR_BAD_DATA, "tag 1124 is of type 4" },
	{ 1124, 2, 0x7fffffff, ERROR_BAD_DATA, "tag 1124: it ends outside" },
	{ 1124, 2, 0xffffffff, ERROR_BAD_DATA, "tag 1124: it ends outside" },
	{ 1124, 3, 2, ERROR_BAD_DATA, "tag 1124: 2 values of one string" },
	{ 1125, 1, 8, ERROR_BAD_DATA, "tag 1125 is of type 8" },
	{ 1117, 3, 0x100000, ERROR_LIMIT, "tag 1117: 1048576 values" },
	{ 1117, 3, 0x0fffff, ERROR_BAD_DATA, "tag 1117: it ends outside" },
	{ 1117, 3, 1, ERROR_BAD_DATA, "has 17 values for 1 files" },
	{ 1117, 0, 0, ERROR_BAD_DATA, "file 0 of the 0 in the header" },
	{ 1118, 0, 0, ERROR_BAD_DATA, "tag 1118 is missing" },
	{ 1118, 3, 1, ERROR_BAD_DATA, "lies in directory 1 of 1" },
	{ 1116, 0, 0, ERROR_BAD_DATA, "tag 1116 is missing" },
	{ 1116, 3, 0, ERROR_BAD_DATA, "tag 1116 has 0 values for 17 files" },
	{ 1030, 0, 0, ERROR_BAD_DATA, "tag 1030 is missing" },
	{ 5008, 0, 0, ERROR_BAD_DATA, "tag 1028 is missing" },
	{ 1034, 3, 16, ERROR_BAD_DATA, "tag 1034 has 16 values" },
	{ 1037, 1, 3, ERROR_BAD_DATA, "tag 1037 is of type 3" },
	{ 1095, 3, 16, ERROR_BAD_DATA, "tag 1095 has 16 values" },
	{ 1096, 3, 16, ERROR_BAD_DATA, "tag 1096 has 16 values" },
};

START_TEST(a_header_entry_that_lies_is_an_error)
{
	const struct pkg_options o = { .kind = PKG_RPM,
				       .is_v6 = true,
				       .compressor = "gzip" };
	const struct pkg_file *files;
	size_t count;

	container_files(&files, &count);
	ck_assert_uint_eq(count, 17);
	for (size_t i = 0; i < sizeof(bad_entries) / sizeof(*bad_entries);
	     i++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		pkg_write(&rpm, &o, files, count);
		put_be32(find_entry(&rpm, bad_entries[i].tag) +
				 4 * bad_entries[i].field,
			 bad_entries[i].value);
		struct error *err = read_rpm(&rpm, MEMBER_WHOLE, &list);

		ck_assert_msg(err != NULL, "entry %zu is no error", i);
		ck_assert_msg(error_kind(err) == bad_entries[i].kind &&
				      strstr(error_message(err),
					     bad_entries[i].message),
			      "entry %zu: %s", i, error_message(err));
		error_free(err);
	}
}
END_TEST

START_TEST(a_string_that_does_not_end_in_the_header_is_an_error)
{
	static const struct {
		unsigned tag;
		const char *message;
	} table[] = {
		{ 1117, "tag 1117: fewer than its 1 strings" },
		{ 1124, "tag 1124: a string that does not end" },
	};
	const struct pkg_options o = { .kind = PKG_RPM, .is_v6 = true };

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		pkg_write(&rpm, &o, &one_file, 1);
		// The store's last byte is 10, the region's count.
		const uint8_t *size = rpm.data + main_header(&rpm) + 12;
		uint32_t last = (uint32_t)(size[2] << 8 | size[3]) - 1;

		put_be32(find_entry(&rpm, table[i].tag) + 8, last);
		ck_error(read_rpm(&rpm, MEMBER_WHOLE, &list), BAD_DATA,
			 table[i].message);
	}
}
END_TEST

START_TEST(what_rpm_does_without_is_not_missed)
{
	static const unsigned tags[] = { 1034, 1037, 1095, 1096, 1124, 1125 };
	const struct pkg_options o = { .kind = PKG_RPM,
				       .is_v6 = true,
				       .compressor = "gzip" };

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		pkg_write(&rpm, &o, &one_file, 1);
		put_be32(find_entry(&rpm, tags[i]), 0);
		ck_no_error(read_rpm(&rpm, MEMBER_WHOLE, &list));
		ck_assert_uint_eq(list.count, 1);
		ck_assert_mem_eq(list.items[0].data.data, "abc", 3);
	}
}
END_TEST

static const struct {
	size_t offset; /* in the payload */
	const char *bytes;
	const char *message;
} bad_entries_of_cpio[] = {
	{ 0, "070703", "no cpio header" },
	{ 6, "0000000g", "no cpio header" },
	{ 54, " 0000003", "no cpio header" },
	{ 94, "00000000", "no cpio header" },
	{ 94, "ffffffff", "truncated" },
	{ 94, "00001002", "truncated" },
	{ 54, "ffffffff", "truncated" },
	{ 54, "00000010", "no cpio header" },
};

START_TEST(a_cpio_header_that_lies_is_an_error)
{
	const struct pkg_options o = { .kind = PKG_RPM };

	for (size_t i = 0;
	     i < sizeof(bad_entries_of_cpio) / sizeof(*bad_entries_of_cpio);
	     i++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
		struct rpm_header h;
		uint64_t payload;

		pkg_write(&rpm, &o, &one_file, 1);
		struct input in = input_from_memory(rpm.data, rpm.size);

		ck_no_error(
			rpm_header_read(&in, main_header(&rpm), &h, &payload));
		rpm_header_deinit(&h);
		memcpy(rpm.data + payload + bad_entries_of_cpio[i].offset,
		       bad_entries_of_cpio[i].bytes,
		       strlen(bad_entries_of_cpio[i].bytes));
		ck_error(read_rpm(&rpm, MEMBER_WHOLE, &list), BAD_DATA,
			 bad_entries_of_cpio[i].message);
	}
}
END_TEST

START_TEST(a_file_number_the_header_has_not_is_an_error)
{
	static const char *const numbers[] = { "00000001", "fffffffe" };
	const struct pkg_options o = { .kind = PKG_RPM, .is_stripped = true };

	for (size_t i = 0; i < 2; i++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		pkg_write(&rpm, &o, &one_file, 1);
		uint8_t *magic = memmem(rpm.data, rpm.size, "07070X", 6);

		memcpy(magic + 6, numbers[i], 8);
		ck_error(read_rpm(&rpm, MEMBER_WHOLE, &list), BAD_DATA,
			 "of the 1 in the header");
	}
}
END_TEST

START_TEST(a_stripped_end_mark_ends_the_archive)
{
	const struct pkg_options o = { .kind = PKG_RPM, .is_stripped = true };
	CLEANUP_BUF struct buf rpm = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	pkg_write(&rpm, &o, &one_file, 1);
	memcpy(memmem(rpm.data, rpm.size, "07070X", 6), "07070Xffffffff", 14);
	ck_no_error(read_rpm(&rpm, MEMBER_WHOLE, &list));
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(a_size_beyond_all_is_an_error)
{
	const struct pkg_options o = { .kind = PKG_RPM, .is_v6 = true };
	struct pkg_file file = one_file;
	static const uint64_t sizes[] = { UINT64_MAX, UINT64_C(1) << 63,
					  INT64_MAX, UINT64_C(1) << 40 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		CLEANUP_BUF struct buf rpm = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		file.claimed_size = sizes[i];
		pkg_write(&rpm, &o, &file, 1);
		ck_error(read_rpm(&rpm, MEMBER_SKIPPED, &list), BAD_DATA,
			 sizes[i] > INT64_MAX ? "a file of" : "truncated");
	}
}
END_TEST

START_TEST(no_header_where_one_must_be_is_an_error)
{
	const struct pkg_options o = { .kind = PKG_RPM };
	CLEANUP_BUF struct buf rpm = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	pkg_write(&rpm, &o, &one_file, 1);
	size_t header = main_header(&rpm);

	rpm.data[header] ^= 1;
	ck_error(read_rpm(&rpm, MEMBER_WHOLE, &list), BAD_DATA,
		 "main header: no header magic");
	rpm.data[96] ^= 1;
	ck_error(read_rpm(&rpm, MEMBER_WHOLE, &list), BAD_DATA,
		 "signature header: no header magic");
}
END_TEST

/* */
START_TEST(a_million_directories_in_a_row_are_too_many)
{
	const struct pkg_options o = { .kind = PKG_RPM,
				       .codec = CODEC_ZSTD,
				       .has_no_trailer = true };
	const struct pkg_file dir = { .name = "d", .mode = S_IFDIR | 0755 };
	CLEANUP_BUF struct buf rpm = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	static struct pkg_file dirs[1000];

	for (size_t i = 0; i < 1000; i++)
		dirs[i] = dir;
	pkg_write(&rpm, &o, dirs, 1000);
	// The payload is one frame of a thousand: it follows itself.
	uint8_t *frame = memmem(rpm.data, rpm.size, "\x28\xb5\x2f\xfd", 4);
	CLEANUP_BUF struct buf all = BUF_INIT;
	size_t head = (size_t)(frame - rpm.data);

	buf_append(&all, rpm.data, head);
	for (unsigned i = 0; i < 1001; i++)
		buf_append(&all, frame, rpm.size - head);
	ck_error(read_rpm(&all, MEMBER_WHOLE, &list), LIMIT,
		 "payload: more than 1000000 entries in a row");
}
END_TEST

UNIT_MAIN("scanners_rpm", a_linked_file_is_found_under_its_last_name,
	  ghosts_are_not_in_the_payload,
	  a_stripped_payload_holds_files_beyond_4_gib,
	  names_of_4096_bytes_are_kept_and_longer_ones_counted,
	  a_package_without_files_has_no_members,
	  a_bad_package_is_an_error_that_names_the_place,
	  a_header_entry_that_lies_is_an_error,
	  a_string_that_does_not_end_in_the_header_is_an_error,
	  what_rpm_does_without_is_not_missed,
	  a_cpio_header_that_lies_is_an_error,
	  a_file_number_the_header_has_not_is_an_error,
	  a_stripped_end_mark_ends_the_archive, a_size_beyond_all_is_an_error,
	  no_header_where_one_must_be_is_an_error,
	  a_million_directories_in_a_row_are_too_many)

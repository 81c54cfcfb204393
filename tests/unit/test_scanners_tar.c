/* SPDX-License-Identifier: Apache-2.0 */
/* What scanners/tar.c and archive.c make of variants, lies and damage. What
 * unpack.c makes of tar headers is in test_scanners_deb.c. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/codec_writer.h"
#include "tests/lib/member_list.h"
#include "tests/lib/scanners_fixture.h"
#include "tests/unit/unit.h"

static struct error *read_as(const struct scanner *sc, const char *path,
			     const struct buf *data, struct member_list *ret)
{
	return member_list_read(sc, path, data->data, data->size, MEMBER_WHOLE,
				ret);
}

/* ---- Alpine's packages -------------------------------------------------- */

START_TEST(an_apk_is_one_archive_whatever_segments_it_has)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file *files;
	size_t count;

	container_files(&files, &count);
	pkg_write(&data, &(struct pkg_options) { .kind = PKG_APK }, files,
		  count);
	ck_no_error(read_as(NULL, "a.apk", &data, &list));
	ck_assert_str_eq(list.items[0].name, ".SIGN.RSA.test.rsa.pub");
	ck_assert_str_eq(list.items[1].name, ".PKGINFO");
	ck_assert_str_eq(list.items[2].name, "usr/bin/a");
	ck_assert_uint_eq(list.items[2].data.size, 1000);
	ck_assert_mem_eq(list.items[2].data.data, files[1].data, 1000);
	ck_assert_ptr_nonnull(member_list_find(&list, "last"));
	ck_assert_uint_eq(list.payload_offset, 0);
	ck_assert_uint_eq(list.payload_size, data.size);
	ck_assert_int_eq(list.codec, CODEC_GZIP);
}
END_TEST

START_TEST(an_apk_of_version_3_is_known_as_such)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	buf_append_str(&data, "ADBd and what is deflated");
	ck_error(read_as(NULL, "a.apk", &data, &list), UNSUPPORTED,
		 "version 3");
}
END_TEST

/* ---- Names, sizes, kinds ------------------------------------------------ */

START_TEST(a_member_of_many_gigabytes_is_found_and_what_follows_it_too)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file files[] = {
		{ .name = "big", .zeros = UINT64_C(9) << 30 },
		{ .name = "behind", .data = "abc", .size = 3 },
	};

	/* Nothing of it is decoded: a frame of zeros says its size. */
	pkg_write(
		&data,
		&(struct pkg_options) { .kind = PKG_TAR, .codec = CODEC_ZSTD },
		files, 2);
	ck_no_error(member_list_read(NULL, "a.tar.zst", data.data, data.size,
				     MEMBER_SKIPPED, &list));
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.items[0].size, UINT64_C(9) << 30);
	ck_assert_uint_gt(list.items[1].offset, UINT64_C(9) << 30);
	ck_assert_uint_lt(list.decoded_bytes, 512 << 20);
}
END_TEST

START_TEST(a_sparse_member_is_passed_over_and_counted)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file files[] = {
		{ .name = "holes",
		  .data = "abc",
		  .size = 3,
		  .is_sparse = true },
		{ .name = "whole", .data = "abc", .size = 3 },
	};

	pkg_write(&data, &(struct pkg_options) { .kind = PKG_TAR }, files, 2);
	ck_no_error(read_as(NULL, "a.tar", &data, &list));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0].name, "whole");
	ck_assert_uint_eq(list.passed_over.count[SCANNER_PASSED_SPARSE], 1);
}
END_TEST

START_TEST(an_old_archive_without_magic_is_known_by_its_suffix)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file file = { .name = "a", .data = "abc", .size = 3 };
	unsigned sum = 0;

	pkg_write(&data, &(struct pkg_options) { .kind = PKG_TAR }, &file, 1);
	memset(data.data + 257, 0, 8);
	memset(data.data + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += data.data[i];
	snprintf((char *)data.data + 148, 8, "%06o", sum);
	ck_error(read_as(NULL, "a", &data, &list), UNSUPPORTED, "nobody's");
	ck_no_error(read_as(NULL, "a.tar", &data, &list));
	ck_assert_uint_eq(list.count, 1);
}
END_TEST

START_TEST(an_archive_of_nothing_has_no_members)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	pkg_write(
		&data,
		&(struct pkg_options) { .kind = PKG_TAR, .codec = CODEC_GZIP },
		NULL, 0);
	ck_no_error(read_as(NULL, "a.tar.gz", &data, &list));
	buf_clear(&data);
	pkg_write(&data, &(struct pkg_options) { .kind = PKG_TAR }, NULL, 0);
	ck_no_error(read_as(NULL, "a.tar", &data, &list));
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

/* ---- Damage ------------------------------------------------------------- */

static const struct {
	const char *what, *path;
	struct pkg_options options;
	const char *message;
} bad[] = {
	{ "cut inside its last member",
	  "a.tar",
	  { .cut = 1024 + 200 },
	  "behind last: truncated: the archive ends before offset" },
	{ "a compressed one cut",
	  "a.tar.xz",
	  { .codec = CODEC_XZ, .cut = 100 },
	  "behind " },
	{ "an apk without its end",
	  "a.apk",
	  { .kind = PKG_APK, .cut = 8 },
	  "behind last: gzip: truncated" },
};

START_TEST(a_truncated_archive_is_an_error_that_names_member_and_place)
{
	const struct pkg_file *files;
	size_t count;

	container_files(&files, &count);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CLEANUP_BUF struct buf data = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		pkg_write(&data, &bad[i].options, files, count);
		struct error *err =
			member_list_read(NULL, bad[i].path, data.data,
					 data.size, MEMBER_SKIPPED, &list);

		ck_assert_msg(err && strstr(error_message(err), bad[i].message),
			      "%s: %s", bad[i].what,
			      err ? error_message(err) : "no error");
		ck_assert_int_eq(error_kind(err), ERROR_BAD_DATA);
		error_free(err);
	}
}
END_TEST

START_TEST(what_only_has_the_name_of_an_archive_is_refused)
{
	static const char text[] = "This is a letter and no archive. "
				   "It goes on for a line or two.";
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	ck_error(read_as(NULL, "a.tar", &data, &list), BAD_DATA, "empty");
	buf_append(&data, text, sizeof(text));
	ck_error(read_as(NULL, "a.tar.gz", &data, &list), BAD_DATA, "");
	buf_clear(&data);
	write_codec(CODEC_XZ, text, sizeof(text), &data);
	ck_error(read_as(NULL, "a.tar.xz", &data, &list), BAD_DATA, "");
}
END_TEST

/* ---- Through libarchive ------------------------------------------------- */

START_TEST(what_is_no_archive_at_all_is_an_error)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	buf_append_str(&data, "This is a letter and no archive.");
	ck_error(read_as(&scanner_archive, "a.zip", &data, &list), BAD_DATA,
		 "Unrecognized archive format");
}
END_TEST

START_TEST(a_list_of_files_on_this_machine_is_no_archive)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	buf_append_str(&data,
		       "#mtree\n./etc/passwd type=file mode=0644 uid=0 gid=0 "
		       "contents=/etc/passwd size=100\n");
	ck_error(read_as(&scanner_archive, "a.zip", &data, &list), BAD_DATA,
		 "Unrecognized archive format");
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(a_sparse_member_has_its_holes_as_zeros)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file file = {
		.name = "holes", .data = "abc", .size = 3, .is_sparse = true
	};

	pkg_write(&data, &(struct pkg_options) { .kind = PKG_TAR }, &file, 1);
	ck_no_error(read_as(&scanner_archive, "a", &data, &list));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(list.items[0].data.size, 4096 + 3);
	ck_assert_int_eq(list.items[0].data.data[4095], 0);
	ck_assert_mem_eq(list.items[0].data.data + 4096, "abc", 3);
}
END_TEST

START_TEST(a_member_of_a_zip_that_does_not_say_its_size_is_counted)
{
	/* Without a directory at its end; the sizes lie behind the data. */
	static const char zip[] = "PK\3\4\24\0\10\0\10\0"
				  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				  "\1\0\0\0a"
				  "\3\0"
				  "PK\7\10\0\0\0\0\2\0\0\0\0\0\0\0"
				  "PK\1\2\0\0\0\0\0\0\0\0";
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	buf_append(&data, zip, sizeof(zip) - 1);
	ck_no_error(read_as(&scanner_archive, "a", &data, &list));
	ck_assert_uint_eq(list.count, 0);
	ck_assert_uint_eq(list.passed_over.count[SCANNER_PASSED_NO_SIZE], 1);
}
END_TEST

START_TEST(offsets_of_a_sequential_archive_count_what_it_unpacks_to)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file files[] = {
		{ .name = "a", .data = "abc", .size = 3 },
		{ .name = "b", .data = "abcde", .size = 5 },
		{ .name = "c", .data = "abc", .size = 3 },
	};

	pkg_write(&data, &(struct pkg_options) { .kind = PKG_CPIO }, files, 3);
	ck_no_error(read_as(&scanner_archive, "a", &data, &list));
	ck_assert_uint_eq(list.count, 3);
	ck_assert_uint_eq(list.items[1].offset, 3);
	ck_assert_uint_eq(list.items[2].offset, 8);
	ck_assert_uint_eq(list.payload_size, 0);
}
END_TEST

UNIT_MAIN("scanners_tar", an_apk_is_one_archive_whatever_segments_it_has,
	  an_apk_of_version_3_is_known_as_such,
	  a_member_of_many_gigabytes_is_found_and_what_follows_it_too,
	  a_sparse_member_is_passed_over_and_counted,
	  an_old_archive_without_magic_is_known_by_its_suffix,
	  an_archive_of_nothing_has_no_members,
	  a_truncated_archive_is_an_error_that_names_member_and_place,
	  what_only_has_the_name_of_an_archive_is_refused,
	  what_is_no_archive_at_all_is_an_error,
	  a_list_of_files_on_this_machine_is_no_archive,
	  a_sparse_member_has_its_holes_as_zeros,
	  a_member_of_a_zip_that_does_not_say_its_size_is_counted,
	  offsets_of_a_sequential_archive_count_what_it_unpacks_to)

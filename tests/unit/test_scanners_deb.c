/* SPDX-License-Identifier: Apache-2.0 */
/* Debian packages and the tar inside: what scanners/deb.c and unpack.c make of
 * variants, lies and damage. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/codec_writer.h"
#include "tests/lib/member_list.h"
#include "tests/lib/scanners_fixture.h"
#include "tests/unit/unit.h"

/* ---- Helpers ------------------------------------------------------------ */

static struct error *read_deb(const struct buf *data, enum member_mode mode,
			      struct member_list *ret)
{
	return member_list_read(&scanner_deb, "a.deb", data->data, data->size,
				mode, ret);
}

static void begin_deb(struct buf *out, const char *version)
{
	buf_append_str(out, "!<arch>\n");
	pkg_put_ar_member(out, "debian-binary", version, strlen(version));
}

/* A deb whose data.tar holds @tar as it is. */
static void wrap_tar(struct buf *out, const struct buf *tar)
{
	begin_deb(out, "2.0\n");
	pkg_put_ar_member(out, "data.tar", tar->data, tar->size);
}

static const struct pkg_file one_file = { .name = "./a",
					  .data = "abc",
					  .size = 3 };

static void put_end(struct buf *tar)
{
	pkg_put_tar_member(tar, &(struct pkg_file) { .name = "" }, false);
}

/* ---- ar ----------------------------------------------------------------- */

START_TEST(members_before_and_between_are_passed_over)
{
	CLEANUP_BUF struct buf tar = BUF_INIT;
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	pkg_put_tar_member(&tar, &one_file, false);
	put_end(&tar);
	begin_deb(&deb, "2.1\nmore to come\n");
	pkg_put_ar_member(&deb, "_gpgorigin", "odd", 3);
	pkg_put_ar_member(&deb, "control.tar", "", 0);
	pkg_put_ar_member(&deb, "data.tarball", "no", 2);
	pkg_put_ar_member(&deb, "data.tar/", tar.data, tar.size);
	pkg_put_ar_member(&deb, "data.tar", "another", 7);
	ck_no_error(read_deb(&deb, MEMBER_WHOLE, &list));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0].name, "a");
	ck_assert_uint_eq(list.payload_size, tar.size);
}
END_TEST

static const struct {
	const char *what;
	struct pkg_options options;
	enum error_kind kind;
	const char *message;
} bad_debs[] = {
	{ "a version we do not know",
	  { .version = "3.0\n" },
	  ERROR_UNSUPPORTED,
	  "debian-binary: the package's format is not 2.x" },
	{ "no version", { .version = "" }, ERROR_UNSUPPORTED, "not 2.x" },
	{ "half a version", { .version = "2" }, ERROR_UNSUPPORTED, "not 2.x" },
	{ "a compression we do not know",
	  { .data_name = "data.tar.lz" },
	  ERROR_UNSUPPORTED,
	  "data.tar.lz: unknown compression" },
	{ "a name that does not fit the bytes",
	  { .codec = CODEC_GZIP, .data_name = "data.tar.xz" },
	  ERROR_BAD_DATA,
	  "data.tar.xz: this is no xz stream" },
	{ "compressed bytes called uncompressed",
	  { .codec = CODEC_GZIP, .data_name = "data.tar" },
	  ERROR_BAD_DATA,
	  "data.tar: " },
	{ "no archive of the files",
	  { .data_name = "date.tar.xz" },
	  ERROR_BAD_DATA,
	  "no member data.tar" },
	{ "a package cut off",
	  { .codec = CODEC_XZ, .cut = 100 },
	  ERROR_BAD_DATA,
	  "data.tar.xz: truncated" },
	{ "a payload cut off",
	  { .codec = CODEC_XZ, .cut_payload = 8 },
	  ERROR_BAD_DATA,
	  "data.tar.xz: xz: truncated" },
	{ "a gzip payload without its checksum",
	  { .codec = CODEC_GZIP, .cut_payload = 8 },
	  ERROR_BAD_DATA,
	  "data.tar.gz: gzip: truncated" },
	{ "a stored payload cut off inside its last file",
	  { .cut_payload = 1024 + 200 },
	  ERROR_BAD_DATA,
	  "data.tar: truncated" },
};

START_TEST(a_bad_package_is_an_error_that_names_the_place)
{
	const struct pkg_file *files;
	size_t count;

	container_files(&files, &count);
	for (size_t i = 0; i < sizeof(bad_debs) / sizeof(*bad_debs); i++) {
		for (unsigned ipk = 0; ipk < 2; ipk++) {
			CLEANUP_BUF struct buf deb = BUF_INIT;
			CLEANUP_MEMBERS
			struct member_list list = MEMBER_LIST_INIT;
			struct pkg_options o = bad_debs[i].options;

			// A cut ipk is another story, told below.
			if (ipk && o.cut)
				continue;
			o.kind = ipk ? PKG_IPK : PKG_DEB;
			pkg_write(&deb, &o, files, count);
			struct error *err =
				read_deb(&deb, MEMBER_SKIPPED, &list);

			ck_assert_msg(err != NULL, "%s is no error",
				      bad_debs[i].what);
			ck_assert_msg(error_kind(err) == bad_debs[i].kind &&
					      strstr(error_message(err),
						     bad_debs[i].message),
				      "%s: %s", bad_debs[i].what,
				      error_message(err));
			error_free(err);
		}
	}
}
END_TEST

START_TEST(a_payload_of_no_bytes_is_no_payload)
{
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	begin_deb(&deb, "2.0\n");
	pkg_put_ar_member(&deb, "data.tar.xz", "", 0);
	ck_error(read_deb(&deb, MEMBER_WHOLE, &list), BAD_DATA,
		 "data.tar.xz: this is no xz stream");
}
END_TEST

START_TEST(an_ar_header_that_is_none_is_an_error)
{
	static const struct {
		size_t offset; /* in the second header */
		const char *bytes;
		const char *message;
	} table[] = {
		{ 58, "xx", "not a member's header" },
		{ 48, "ten       ", "its size is no number" },
		{ 48, "          ", "its size is no number" },
		{ 48, "1 0       ", "its size is no number" },
		{ 48, "-1        ", "its size is no number" },
		{ 48, "9999999999", "data.tar: truncated" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CLEANUP_BUF struct buf deb = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		begin_deb(&deb, "2.0\n");
		size_t header = deb.size;

		pkg_put_ar_member(&deb, "data.tar", "0123456789", 10);
		memcpy(deb.data + header + table[i].offset, table[i].bytes,
		       strlen(table[i].bytes));
		ck_error(read_deb(&deb, MEMBER_WHOLE, &list), BAD_DATA,
			 table[i].message);
	}
}
END_TEST

START_TEST(endless_members_are_given_up)
{
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	begin_deb(&deb, "2.0\n");
	for (unsigned i = 0; i < 2000; i++)
		pkg_put_ar_member(&deb, "_", "", 0);
	pkg_put_ar_member(&deb, "data.tar", "", 0);
	ck_error(read_deb(&deb, MEMBER_WHOLE, &list), BAD_DATA,
		 "no member data.tar");
}
END_TEST

/* ---- tar ---------------------------------------------------------------- */

START_TEST(names_of_4096_bytes_are_kept_and_longer_ones_counted)
{
	for (unsigned pax = 0; pax < 2; pax++) {
		CLEANUP_BUF struct buf deb = BUF_INIT;
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
		const struct pkg_options o = { .kind = PKG_DEB,
					       .use_pax = pax };

		pkg_write(&deb, &o, files, 4);
		ck_no_error(read_deb(&deb, MEMBER_WHOLE, &list));
		ck_assert_uint_eq(list.count, 2);
		ck_assert_str_eq(list.items[0].name, fits);
		ck_assert_str_eq(list.items[1].name, "a");
		ck_assert_uint_eq(
			list.passed_over.count[SCANNER_PASSED_LONG_PATH], 2);
	}
}
END_TEST

/* */
START_TEST(sparse_files_are_passed_over_and_counted)
{
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file files[] = {
		{ .name = "./hole",
		  .data = "abc",
		  .size = 3,
		  .is_sparse = true },
		one_file,
	};
	const struct pkg_options o = { .kind = PKG_DEB };

	pkg_write(&deb, &o, files, 2);
	ck_no_error(read_deb(&deb, MEMBER_WHOLE, &list));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0].name, "a");
	ck_assert_mem_eq(list.items[0].data.data, "abc", 3);
	ck_assert_uint_eq(list.passed_over.count[SCANNER_PASSED_SPARSE], 1);
}
END_TEST

/* A pax header with these records before ./a. */
static void put_with_pax(struct buf *tar, const char *records)
{
	struct pkg_file pax = { .name = "./PaxHeader",
				.data = records,
				.size = strlen(records) };
	size_t begin = tar->size;
	unsigned sum = 0;

	pkg_put_tar_member(tar, &pax, false);
	// The type, and the checksum that follows.
	uint8_t *h = tar->data + begin;

	h[156] = 'x';
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	pkg_put_tar_member(tar, &one_file, false);
}

START_TEST(a_pax_size_counts_and_a_name_in_utf_8_is_bytes)
{
	CLEANUP_BUF struct buf tar = BUF_INIT;
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	put_with_pax(&tar, "17 path=./\xc3\xa9\xf0\x9f\x90\x9e\n9 size=2\n"
			   "12 mtime=-7\n");
	put_end(&tar);
	wrap_tar(&deb, &tar);
	ck_no_error(read_deb(&deb, MEMBER_WHOLE, &list));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0].name, "\xc3\xa9\xf0\x9f\x90\x9e");
	ck_assert_uint_eq(list.items[0].size, 2);
	ck_assert_int_eq(list.items[0].mtime, -7);
	ck_assert_uint_eq(list.items[0].data.size, 2);
}
END_TEST

START_TEST(a_real_size_beyond_what_is_stored_is_never_read_as_such)
{
	static const enum member_mode modes[] = { MEMBER_WHOLE, MEMBER_SKIPPED,
						  MEMBER_HEAD };

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		CLEANUP_BUF struct buf tar = BUF_INIT;
		CLEANUP_BUF struct buf deb = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		put_with_pax(&tar, "28 SCHILY.realsize=00100000\n");
		pkg_put_tar_member(&tar, &one_file, false);
		put_end(&tar);
		buf_reserve(&tar, 200000);
		memset(tar.data + tar.size, 0, 200000);
		buf_commit(&tar, 200000);
		wrap_tar(&deb, &tar);
		ck_error(read_deb(&deb, modes[i], &list), BAD_DATA,
			 "data.tar: the member at offset 1536 is");
	}
}
END_TEST

START_TEST(a_size_that_lies_is_an_error_and_what_came_before_stays)
{
	static const enum member_mode modes[] = { MEMBER_WHOLE, MEMBER_SKIPPED,
						  MEMBER_RANDOM };
	const struct pkg_file files[] = {
		one_file,
		{ .name = "./liar",
		  .data = "x",
		  .size = 1,
		  .claimed_size = 1 << 30 },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		CLEANUP_BUF struct buf deb = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
		const struct pkg_options o = { .kind = PKG_DEB,
					       .codec = CODEC_GZIP };

		pkg_write(&deb, &o, files, 2);
		ck_error(read_deb(&deb, modes[i], &list), BAD_DATA,
			 "data.tar.gz: truncated: the archive ends");
		ck_assert_uint_eq(list.count, 2);
		ck_assert_str_eq(list.items[0].name, "a");
		ck_assert_uint_eq(list.items[1].size, 1 << 30);
		ck_assert_uint_lt(list.items[1].data.size, 10000);
	}
}
END_TEST

START_TEST(a_damaged_tar_header_is_an_error)
{
	CLEANUP_BUF struct buf tar = BUF_INIT;
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	pkg_put_tar_member(&tar, &one_file, false);
	size_t second = tar.size;

	pkg_put_tar_member(&tar, &one_file, false);
	put_end(&tar);
	tar.data[second] ^= 1;
	wrap_tar(&deb, &tar);
	ck_error(read_deb(&deb, MEMBER_WHOLE, &list), BAD_DATA,
		 "data.tar: Damaged tar archive");
	ck_assert_uint_eq(list.count, 1);
}
END_TEST

START_TEST(long_runs_of_zeros_behind_the_end_are_not_read)
{
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	CLEANUP_BUF struct buf tar = BUF_INIT;
	CLEANUP_BUF struct buf packed = BUF_INIT;

	pkg_put_tar_member(&tar, &one_file, false);
	put_end(&tar);
	buf_reserve(&tar, 64 << 20);
	memset(tar.data + tar.size, 0, 64 << 20);
	buf_commit(&tar, 64 << 20);
	pkg_put_compressed(&packed, CODEC_ZSTD, 1 << 20, tar.data, tar.size);
	begin_deb(&deb, "2.0\n");
	pkg_put_ar_member(&deb, "data.tar.zst", packed.data, packed.size);
	ck_no_error(read_deb(&deb, MEMBER_WHOLE, &list));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_lt(list.decoded_bytes, 4 << 20);
}
END_TEST

START_TEST(a_bomb_costs_nothing_unless_it_is_read)
{
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file files[] = {
		{ .name = "./bomb", .zeros = UINT64_C(10) << 30 },
		one_file,
	};
	const struct pkg_options o = { .kind = PKG_DEB, .codec = CODEC_ZSTD };

	pkg_write(&deb, &o, files, 2);
	ck_assert_uint_lt(deb.size, 1 << 20);
	ck_no_error(read_deb(&deb, MEMBER_HEAD, &list));
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.items[0].size, UINT64_C(10) << 30);
	ck_assert_uint_lt(list.decoded_bytes, 130 << 20);
}
END_TEST

/* */
START_TEST(a_million_links_in_a_row_are_too_many)
{
	const struct pkg_file link = { .name = "l",
				       .mode = S_IFLNK | 0777,
				       .link = "t" };
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	CLEANUP_BUF struct buf tar = BUF_INIT;
	CLEANUP_BUF struct buf packed = BUF_INIT;
	CLEANUP_BUF struct buf all = BUF_INIT;

	// A frame of a thousand, a thousand times.
	for (unsigned i = 0; i < 1000; i++)
		pkg_put_tar_member(&tar, &link, false);
	pkg_put_compressed(&packed, CODEC_ZSTD, 0, tar.data, tar.size);
	for (unsigned i = 0; i < 1001; i++)
		buf_append(&all, packed.data, packed.size);
	begin_deb(&deb, "2.0\n");
	pkg_put_ar_member(&deb, "data.tar.zst", all.data, all.size);
	ck_error(read_deb(&deb, MEMBER_WHOLE, &list), LIMIT,
		 "data.tar.zst: more than 1000000 entries in a row");
}
END_TEST

/* ---- ipk ---------------------------------------------------------------- */

START_TEST(an_ipk_cut_off_anywhere_is_damaged)
{
	CLEANUP_BUF struct buf ipk = BUF_INIT;
	const struct pkg_options o = { .kind = PKG_IPK, .codec = CODEC_GZIP };

	pkg_write(&ipk, &o, &one_file, 1);
	for (size_t size = 4; size < ipk.size; size++) {
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		ck_error(member_list_read(NULL, "a.ipk", ipk.data, size,
					  MEMBER_WHOLE, &list),
			 BAD_DATA, "outer archive: ");
	}
}
END_TEST

START_TEST(a_tar_gz_that_is_no_package_is_an_error)
{
	CLEANUP_BUF struct buf ipk = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_options o = { .kind = PKG_TAR, .codec = CODEC_GZIP };

	pkg_write(&ipk, &o, &one_file, 1);
	ck_error(member_list_read(NULL, "a.ipk", ipk.data, ipk.size,
				  MEMBER_WHOLE, &list),
		 BAD_DATA, "no member data.tar");
}
END_TEST

UNIT_MAIN("scanners_deb", members_before_and_between_are_passed_over,
	  a_bad_package_is_an_error_that_names_the_place,
	  a_payload_of_no_bytes_is_no_payload,
	  an_ar_header_that_is_none_is_an_error, endless_members_are_given_up,
	  names_of_4096_bytes_are_kept_and_longer_ones_counted,
	  sparse_files_are_passed_over_and_counted,
	  a_pax_size_counts_and_a_name_in_utf_8_is_bytes,
	  a_real_size_beyond_what_is_stored_is_never_read_as_such,
	  a_size_that_lies_is_an_error_and_what_came_before_stays,
	  a_damaged_tar_header_is_an_error,
	  long_runs_of_zeros_behind_the_end_are_not_read,
	  a_bomb_costs_nothing_unless_it_is_read,
	  a_million_links_in_a_row_are_too_many,
	  an_ipk_cut_off_anywhere_is_damaged,
	  a_tar_gz_that_is_no_package_is_an_error)

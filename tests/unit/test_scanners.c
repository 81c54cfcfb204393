/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of scanner.h, over every scanner there is. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/codec_writer.h"
#include "tests/lib/member_list.h"
#include "tests/lib/scanners_fixture.h"
#include "tests/unit/unit.h"

/* ---- Every container in every way --------------------------------------- */

static void check_member(const struct container *c, enum member_mode mode,
			 const struct member *m, const struct pkg_file *f)
{
	const char *name = container_name(f->name);
	size_t want = mode == MEMBER_SKIPPED                ? 0
		      : mode == MEMBER_HEAD && f->size > 64 ? 64
							    : f->size;

	ck_assert_msg(!strcmp(m->name, name), "%s: '%s' instead of '%s'",
		      c->path, m->name, name);
	ck_assert_msg(m->size == f->size, "%s: %s has %zu bytes", c->path, name,
		      (size_t)m->size);
	if (c->has_mtimes)
		ck_assert_int_eq(m->mtime, f->mtime);
	ck_assert_msg(m->data.size == want &&
			      (!want || !memcmp(m->data.data, f->data, want)),
		      "%s: other bytes in %s (mode %d)", c->path, name, mode);
}

static void check_container(const struct container *c, const struct buf *data,
			    enum member_mode mode)
{
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
	const struct pkg_file *files;
	size_t count;

	container_members(c, &files, &count);
	struct error *err = member_list_read(c->scanner, c->path, data->data,
					     data->size, mode, &list);

	ck_assert_msg(!err, "%s (mode %d): %s", c->path, mode,
		      err ? error_message(err) : "");
	ck_assert_msg(list.count == count, "%s: %zu members for %zu", c->path,
		      list.count, count);
	for (size_t i = 0; i < count; i++)
		check_member(c, mode, &list.items[i], &files[i]);
}

START_TEST(every_container_gives_its_files_however_they_are_read)
{
	for (size_t i = 0; containers[i].path; i++) {
		CLEANUP_BUF struct buf data = BUF_INIT;

		container_write(&containers[i], &data);
		for (unsigned mode = 0; mode < MEMBER_MODES; mode++)
			check_container(&containers[i], &data,
					(enum member_mode)mode);
	}
}
END_TEST

/* Read a member again from the payload's place, knowing nothing else. */
static void check_again(const struct member_list *list, struct input whole,
			const struct member *m)
{
	CLEANUP_CODEC struct codec_stream *payload = NULL;
	CLEANUP_BUF struct buf again = BUF_INIT;
	struct input in = input_from_memory(whole.data + list->payload_offset,
					    list->payload_size);
	void *to = buf_reserve(&again, m->size + 1);
	size_t done = 0, got;

	ck_no_error(codec_open(list->codec, &in, UINT64_MAX, &payload));
	ck_no_error(codec_skip(payload, m->offset));
	do {
		ck_no_error(codec_read(payload, (uint8_t *)to + done,
				       m->size - done, &got));
		done += got;
	} while (got);
	ck_assert_uint_eq(done, m->size);
	ck_assert_uint_eq(m->data.size, m->size);
	if (done)
		ck_assert_mem_eq(to, m->data.data, done);
}

START_TEST(every_member_is_found_again_at_its_place)
{
	for (size_t i = 0; containers[i].path; i++) {
		const struct container *c = &containers[i];
		CLEANUP_BUF struct buf data = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

		container_write(c, &data);
		ck_no_error(member_list_read(c->scanner, c->path, data.data,
					     data.size, MEMBER_WHOLE, &list));
		ck_assert_int_eq(!list.payload_size, c->is_nested);
		for (size_t j = 0; !c->is_nested && j < list.count; j++)
			check_again(&list,
				    input_from_memory(data.data, data.size),
				    &list.items[j]);
	}
}
END_TEST

/* */
START_TEST(what_is_no_file_is_passed_over_and_counted_by_what_it_is)
{
	static const struct {
		const char *path;
		const struct scanner *scanner;
		struct pkg_options o;
	} table[] = {
		{ "a.tar", NULL, { .kind = PKG_TAR } },
		{ "a.tar", NULL, { .kind = PKG_TAR, .use_pax = true } },
		{ "a.deb", NULL, { .kind = PKG_DEB } },
		{ "a.ipk", NULL, { .kind = PKG_IPK } },
		{ "a.rpm", NULL, { .kind = PKG_RPM } },
		{ "a.rpm", NULL, { .kind = PKG_RPM, .is_stripped = true } },
		{ "a.cpio", &scanner_archive, { .kind = PKG_CPIO } },
	};
	static char too_long[5000];
	static const struct pkg_file files[] = {
		{ .name = "./dir", .mode = S_IFDIR | 0755 },
		{ .name = "./a", .data = "first", .size = 5 },
		{ .name = "./b", .link = "./a" },
		{ .name = "./c", .mode = S_IFLNK | 0777, .link = "a" },
		{ .name = "./tty", .mode = S_IFCHR | 0644 },
		{ .name = "./sda", .mode = S_IFBLK | 0644 },
		{ .name = "./pipe", .mode = S_IFIFO | 0644 },
		{ .name = too_long, .data = "l", .size = 1 },
	};

	memset(too_long, 'x', sizeof(too_long) - 1);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CLEANUP_BUF struct buf data = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
		const uint64_t *n = list.passed_over.count;

		pkg_write(&data, &table[i].o, files,
			  sizeof(files) / sizeof(*files));
		ck_no_error(member_list_read(table[i].scanner, table[i].path,
					     data.data, data.size,
					     MEMBER_SKIPPED, &list));
		ck_assert_uint_eq(list.count, 1);
		ck_assert_uint_eq(n[SCANNER_PASSED_LINK], 2);
		ck_assert_uint_eq(n[SCANNER_PASSED_SPECIAL], 3);
		ck_assert_uint_eq(n[SCANNER_PASSED_LONG_PATH], 1);
		ck_assert_uint_eq(n[SCANNER_PASSED_SPARSE], 0);
		ck_assert_uint_eq(n[SCANNER_PASSED_NO_SIZE], 0);
	}
}
END_TEST

START_TEST(the_end_is_the_end_however_often_asked)
{
	for (size_t i = 0; containers[i].path; i++) {
		const struct container *c = &containers[i];
		CLEANUP_BUF struct buf data = BUF_INIT;
		struct scanner_stream *s;
		struct scanner_member m;
		bool found;
		char byte;
		size_t got;

		container_write(c, &data);
		struct scanner_input in =
			member_input(c->path, data.data, data.size);

		ck_no_error(c->scanner->open(&in, &s));
		do
			ck_no_error(c->scanner->next(s, &m, &found));
		while (found);
		ck_no_error(c->scanner->next(s, &m, &found));
		ck_assert(!found);
		ck_no_error(c->scanner->read(s, &byte, 1, &got));
		ck_assert_uint_eq(got, 0);
		ck_no_error(c->scanner->next(s, &m, &found));
		ck_assert(!found);
		c->scanner->close(s);
	}
}
END_TEST

START_TEST(a_stream_may_be_closed_at_any_time)
{
	for (size_t i = 0; containers[i].path; i++) {
		const struct container *c = &containers[i];
		CLEANUP_BUF struct buf data = BUF_INIT;
		struct scanner_stream *s;
		struct scanner_member m;
		bool found;

		container_write(c, &data);
		struct scanner_input in =
			member_input(c->path, data.data, data.size);

		ck_no_error(c->scanner->open(&in, &s));
		c->scanner->close(s);
		ck_no_error(c->scanner->open(&in, &s));
		ck_no_error(c->scanner->next(s, &m, &found));
		c->scanner->close(s);
	}
}
END_TEST

/* ---- Who may have a file ------------------------------------------------ */

START_TEST(every_container_is_its_scanners)
{
	for (size_t i = 0; containers[i].path; i++) {
		const struct container *c = &containers[i];
		CLEANUP_BUF struct buf data = BUF_INIT;

		container_write(c, &data);
		struct scanner_input in =
			member_input(c->path, data.data, data.size);

		if (c->is_registered)
			ck_assert_ptr_eq(scanner_choose(&in), c->scanner);
		else
			ck_assert_ptr_null(scanner_choose(&in));
		ck_assert_int_gt(c->scanner->bid(&in), 0);
	}
}
END_TEST

START_TEST(every_scanner_has_a_container_here)
{
	for (size_t i = 0; scanners[i]; i++) {
		bool found = false;

		for (size_t j = 0; containers[j].path; j++)
			found |= containers[j].scanner == scanners[i];
		ck_assert_msg(found, "none for %s", scanners[i]->name);
		ck_assert_ptr_eq(scanner_by_name(scanners[i]->name),
				 scanners[i]);
	}
	ck_assert_ptr_null(scanner_by_name("template"));
	ck_assert_ptr_null(scanner_by_name(""));
}
END_TEST

static const struct {
	const char *path;
	const char *head;
	size_t size;
	const char *scanner; /* NULL: nobody's */
	int bid;
} bids[] = {
	{ "a", "\177ELF\2\1\1", 7, "elf", 32 },
	{ "a.deb", "\177ELF\2\1\1", 7, "elf", 32 },
	{ "a", "\177ELF", 4, "elf", 32 },
	{ "a", "\177EL", 3, NULL, 0 },
	{ "a", "", 0, NULL, 0 },
	{ "a.rpm", "\xed\xab\xee\xdb\3", 5, "rpm", 33 },
	{ "a", "\xed\xab\xee\xdb\3", 5, "rpm", 32 },
	{ "a.rpm", "\xed\xab\xee", 3, "rpm", 1 },
	{ ".rpm", "\xed\xab\xee\xdb", 4, "rpm", 32 },
	{ "a.rpm", "!<arch>\ndebian-binary", 21, "deb", 168 },
	{ "a.deb", "!<arch>\ndebian-binary", 21, "deb", 169 },
	{ "a.udeb", "!<arch>\ndebian-binary/  ", 24, "deb", 169 },
	{ "a.ddeb", "!<arch>\ndebian-binary   ", 24, "deb", 169 },
	{ "a.ipk", "!<arch>\ndebian-binary   ", 24, "deb", 169 },
	{ "a.deb", "!<arch>\ndebian-binar", 20, "deb", 1 },
	{ "a.deb", "", 0, "deb", 1 },
	{ "libc.a", "!<arch>\n/               ", 24, NULL, 0 },
	{ "a.ipk", "\x1f\x8b\x08\0", 4, "deb", 25 },
	{ "a.deb", "\x1f\x8b\x08\0", 4, "deb", 1 },
	{ "a.tar.gz", "\x1f\x8b\x08\0", 4, "tar", 25 },
	{ "a.apk", "\x1f\x8b\x08\0", 4, "tar", 25 },
	{ "a.apk", "PK\3\4", 4, NULL, 0 },
	{ "a.apk", "ADBd", 4, "tar", 33 },
	{ "a.apk", "ADB", 3, NULL, 0 },
	{ "a.gz", "\x1f\x8b\x08\0", 4, NULL, 0 },
	{ "a.tar.gz.asc", "\x1f\x8b\x08\0", 4, NULL, 0 },
	{ ".tar.gz", "\x1f\x8b\x08\0", 4, NULL, 0 },
	{ "a.tbz2", "BZh9", 4, "tar", 25 },
	{ "a.pkg.tar.zst", "\x28\xb5\x2f\xfd", 4, "tar", 33 },
	{ "a.tar.zst", "\x50\x2a\x4d\x18", 4, "tar", 33 },
	{ "a.tar.xz", "no archive", 10, "tar", 1 },
	{ "a.zip", "PK\3\4", 4, NULL, 0 },
	{ "m.ko.gz", "\x1f\x8b\x08\0", 4, "kmod", 25 },
	{ "m.ko.xz",
	  "\xfd"
	  "7zXZ\0",
	  6, "kmod", 49 },
	{ "m.ko.zst", "\x28\xb5\x2f\xfd", 4, "kmod", 33 },
	{ "m.ko.zst", "\x1f\x8b\x08\0", 4, NULL, 0 },
	{ "m.xz",
	  "\xfd"
	  "7zXZ\0",
	  6, NULL, 0 },
	{ "m.ko.xz", "\177ELF", 4, "elf", 32 },
};

/* */
START_TEST(a_bid_is_the_number_of_magic_bits_and_one_for_the_suffix)
{
	for (size_t i = 0; i < sizeof(bids) / sizeof(*bids); i++) {
		struct scanner_input in =
			member_input(bids[i].path, bids[i].head, bids[i].size);
		const struct scanner *sc = scanner_choose(&in);

		ck_assert_msg(
			!sc == !bids[i].scanner &&
				(!sc || !strcmp(sc->name, bids[i].scanner)),
			"bid %zu (%s) goes to %s", i, bids[i].path,
			sc ? sc->name : "nobody");
		if (sc)
			ck_assert_int_eq(sc->bid(&in), bids[i].bid);
	}
}
END_TEST

/* A choice, a file, and whose it is then. */
static const struct {
	enum scanner_choice choice;
	const char *path;
	enum pkg_kind kind;
	enum codec codec;
	const char *scanner; /* NULL: nobody's */
} chosen[] = {
	{ SCANNER_ANY, "a", PKG_TAR, CODEC_NONE, "tar" },
	{ SCANNER_ANY, "a", PKG_TAR, CODEC_ZSTD, NULL },
	{ SCANNER_ANY, "a.cpio", PKG_CPIO, CODEC_NONE, NULL },
	{ SCANNER_BARE, "a.deb", PKG_DEB, CODEC_XZ, NULL },
	{ SCANNER_BARE, "a.rpm", PKG_RPM, CODEC_XZ, NULL },
	{ SCANNER_BARE, "a.tar", PKG_TAR, CODEC_NONE, NULL },
	{ SCANNER_BARE, "a.ko.xz", PKG_TAR, CODEC_XZ, "kmod" },
	{ SCANNER_ARCHIVE, "a", PKG_DEB, CODEC_XZ, "deb" },
	{ SCANNER_ARCHIVE, "a.deb", PKG_RPM, CODEC_XZ, "rpm" },
	{ SCANNER_ARCHIVE, "a.deb", PKG_TAR, CODEC_NONE, "tar" },
	{ SCANNER_ARCHIVE, "a.deb", PKG_TAR, CODEC_ZSTD, "tar" },
	{ SCANNER_ARCHIVE, "a", PKG_TAR, CODEC_LZMA, "tar" },
	{ SCANNER_ARCHIVE, "a.rpm", PKG_CPIO, CODEC_NONE, "archive" },
	{ SCANNER_ARCHIVE, "a.ko.xz", PKG_CPIO, CODEC_XZ, "archive" },
};

/* */
START_TEST(what_a_file_may_be_taken_for_is_chosen_by_content)
{
	static const struct pkg_file file = { .name = "./a",
					      .data = "abc",
					      .size = 3 };

	for (size_t i = 0; i < sizeof(chosen) / sizeof(*chosen); i++) {
		CLEANUP_BUF struct buf data = BUF_INIT;
		const struct pkg_options o = { .kind = chosen[i].kind,
					       .codec = chosen[i].codec };
		const struct scanner *sc;

		pkg_write(&data, &o, &file, 1);
		struct scanner_input in =
			member_input(chosen[i].path, data.data, data.size);

		ck_no_error(scanner_choose_as(&in, chosen[i].choice, &sc));
		ck_assert_msg(
			!sc == !chosen[i].scanner &&
				(!sc || !strcmp(sc->name, chosen[i].scanner)),
			"choice %zu (%s) goes to %s", i, chosen[i].path,
			sc ? sc->name : "nobody");
	}
}
END_TEST

START_TEST(compressed_modules_are_known_by_their_names)
{
	ck_assert_int_eq(scanner_packed_member("lib/a.ko.xz"), CODEC_XZ);
	ck_assert_int_eq(scanner_packed_member("lib/a.ko.zst"), CODEC_ZSTD);
	ck_assert_int_eq(scanner_packed_member("lib/a.ko.gz"), CODEC_GZIP);
	ck_assert_int_eq(scanner_packed_member("lib/a.ko"), CODEC_NONE);
	ck_assert_int_eq(scanner_packed_member("lib/a.xz"), CODEC_NONE);
	ck_assert_int_eq(scanner_packed_member("a.ko.xz.old"), CODEC_NONE);
	ck_assert_int_eq(scanner_packed_member(".ko.xz"), CODEC_NONE);
	ck_assert_int_eq(scanner_packed_member(""), CODEC_NONE);
}
END_TEST

/* ---- Bare files --------------------------------------------------------- */

START_TEST(a_file_that_shrinks_while_it_is_read_is_truncated)
{
	static const char elf[] = "\177ELF and then no more";
	struct scanner_input in = member_input("dir/a", elf, sizeof(elf));
	const struct scanner *sc = scanner_by_name("elf");
	char buf[64];
	struct scanner_stream *s;
	struct scanner_member m;
	size_t got;
	bool found;

	// As pread() gives it: less than fstat() said.
	in.file.size = 100;
	ck_no_error(sc->open(&in, &s));
	ck_no_error(sc->next(s, &m, &found));
	ck_assert_str_eq(m.name, "a");
	ck_assert_uint_eq(m.size, 100);
	sc->close(s);

	FILE *file = tmpfile();

	ck_assert(file && fwrite(elf, 1, 8, file) == 8 && !fflush(file));
	in.file = input_from_fd(fileno(file), 0, 100);
	ck_no_error(sc->open(&in, &s));
	ck_no_error(sc->next(s, &m, &found));
	ck_no_error(sc->read(s, buf, sizeof(buf), &got));
	ck_assert_uint_eq(got, 8);
	ck_error(sc->read(s, buf, sizeof(buf), &got), BAD_DATA,
		 "truncated: 8 of 100 bytes");
	sc->close(s);
	fclose(file);
}
END_TEST

START_TEST(a_module_is_called_by_its_name_without_the_suffix)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;

	write_codec(CODEC_ZSTD, "module", 6, &data);
	ck_no_error(member_list_read(NULL, "/lib/modules/6.1/x.y.ko.zst",
				     data.data, data.size, MEMBER_WHOLE,
				     &list));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0].name, "x.y.ko");
}
END_TEST

/* ---- Skipping ----------------------------------------------------------- */

START_TEST(what_is_skipped_is_not_decoded)
{
	static const struct {
		enum pkg_kind kind;
		enum codec codec;
		const char *path;
	} table[] = {
		{ PKG_DEB, CODEC_XZ, "a.deb" },
		{ PKG_DEB, CODEC_ZSTD, "a.deb" },
		{ PKG_RPM, CODEC_XZ, "a.rpm" },
		{ PKG_RPM, CODEC_ZSTD, "a.rpm" },
		{ PKG_TAR, CODEC_XZ, "a.tar.xz" },
		{ PKG_TAR, CODEC_ZSTD, "a.pkg.tar.zst" },
	};
	enum { BLOCK = 256 << 10, BIG = 4 << 20 };
	CLEANUP_BUF struct buf big = BUF_INIT;

	write_sample(&big, BIG, 1);
	const struct pkg_file files[] = {
		{ .name = "./first", .data = "1", .size = 1 },
		{ .name = "./big", .data = big.data, .size = big.size },
		{ .name = "./last", .data = "2", .size = 1 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CLEANUP_BUF struct buf data = BUF_INIT;
		CLEANUP_MEMBERS struct member_list list = MEMBER_LIST_INIT;
		const struct pkg_options o = { .kind = table[i].kind,
					       .codec = table[i].codec,
					       .block_size = BLOCK };

		pkg_write(&data, &o, files, 3);
		ck_no_error(member_list_read(NULL, table[i].path, data.data,
					     data.size, MEMBER_SKIPPED, &list));
		ck_assert_uint_eq(list.count, 3);
		// A block at either end.
		ck_assert_msg(list.decoded_bytes <= 2 * BLOCK,
			      "%s %s: %zu bytes decoded", table[i].path,
			      codec_name(table[i].codec),
			      (size_t)list.decoded_bytes);
	}
}
END_TEST

UNIT_MAIN("scanners", every_container_gives_its_files_however_they_are_read,
	  every_member_is_found_again_at_its_place,
	  the_end_is_the_end_however_often_asked,
	  what_is_no_file_is_passed_over_and_counted_by_what_it_is,
	  a_stream_may_be_closed_at_any_time, every_container_is_its_scanners,
	  every_scanner_has_a_container_here,
	  a_bid_is_the_number_of_magic_bits_and_one_for_the_suffix,
	  what_a_file_may_be_taken_for_is_chosen_by_content,
	  compressed_modules_are_known_by_their_names,
	  a_file_that_shrinks_while_it_is_read_is_truncated,
	  a_module_is_called_by_its_name_without_the_suffix,
	  what_is_skipped_is_not_decoded)

/* SPDX-License-Identifier: Apache-2.0 */
/* Every container cut, altered, and read without memory or disk. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/codec_writer.h"
#include "tests/lib/member_list.h"
#include "tests/lib/scanners_fixture.h"
#include "tests/unit/unit.h"

/* In memory of exactly its size, so that a sanitizer sees a read past it. */
static struct error *read_part(const struct container *c, const void *data,
			       size_t size, enum member_mode mode,
			       struct member_list *ret)
{
	CLEANUP_FREE void *part = mem_dup(data, size);

	ck_assert(part != NULL);
	return member_list_read(c->scanner, c->path, part, size, mode, ret);
}

/* What of a container is worth damaging byte by byte: all of a small one. */
static void write_small(const struct container *c, struct buf *out)
{
	static const struct pkg_file two[] = {
		{ .name = "./bin/a", .data = "\177ELF a", .size = 6 },
		{ .name = "./bin/b", .data = "\177ELF b", .size = 6 },
	};

	if (!c->write)
		pkg_write(out, &c->options, two, 2);
	else
		container_write(c, out);
}

/* Distance of the places tried, so that all containers take equally long. */
static size_t stride(size_t size, size_t tries)
{
	return size / tries + 1;
}

/* */
START_TEST(a_container_cut_anywhere_is_an_error)
{
	for (size_t i = 0; containers[i].path; i++) {
		const struct container *c = &containers[i];
		CLEANUP_BUF struct buf data = BUF_INIT;

		if (c->is_cut_unseen)
			continue;
		write_small(c, &data);
		for (size_t size = 16; size < data.size;
		     size += stride(data.size, 120)) {
			CLEANUP_MEMBERS
			struct member_list list = MEMBER_LIST_INIT;
			struct error *err = read_part(c, data.data, size,
						      MEMBER_SKIPPED, &list);

			ck_assert_msg(err != NULL, "%s cut to %zu of %zu",
				      c->path, size, data.size);
			ck_assert_msg(error_kind(err) == ERROR_BAD_DATA,
				      "%s cut to %zu: %s", c->path, size,
				      error_message(err));
			error_free(err);
		}
	}
}
END_TEST

START_TEST(the_last_bytes_count_too)
{
	for (size_t i = 0; containers[i].path; i++) {
		const struct container *c = &containers[i];
		CLEANUP_BUF struct buf data = BUF_INIT;

		if (c->is_cut_unseen)
			continue;
		write_small(c, &data);
		for (size_t cut = 1; cut <= 16; cut++) {
			CLEANUP_MEMBERS
			struct member_list list = MEMBER_LIST_INIT;
			struct error *err =
				read_part(c, data.data, data.size - cut,
					  MEMBER_WHOLE, &list);

			// ar's padding is not missed.
			if (!err && cut == 1 && c->scanner == &scanner_deb)
				continue;
			ck_assert_msg(err != NULL, "%s without its last %zu",
				      c->path, cut);
			error_free(err);
		}
	}
}
END_TEST

/* */
START_TEST(altered_bytes_never_crash)
{
	static const uint8_t masks[] = { 0xff, 0x01, 0x80 };

	for (size_t i = 0; containers[i].path; i++) {
		const struct container *c = &containers[i];
		CLEANUP_BUF struct buf data = BUF_INIT;

		write_small(c, &data);
		for (size_t at = 0; at < data.size;
		     at += stride(data.size, 150)) {
			CLEANUP_MEMBERS
			struct member_list list = MEMBER_LIST_INIT;
			uint8_t mask = masks[at % sizeof(masks)];

			data.data[at] ^= mask;
			error_free(read_part(
				c, data.data, data.size,
				at % 2 ? MEMBER_RANDOM : MEMBER_PIECES, &list));
			data.data[at] ^= mask;
		}
	}
}
END_TEST

/* ---- Memory ------------------------------------------------------------- */

START_TEST(without_memory_every_container_says_so)
{
	for (size_t i = 0; containers[i].path; i++) {
		const struct container *c = &containers[i];
		CLEANUP_BUF struct buf data = BUF_INIT;
		unsigned long n = 0;
		bool failed;

		write_small(c, &data);
		do {
			CLEANUP_MEMBERS
			struct member_list list = MEMBER_LIST_INIT;

			mem_fail_at(++n);
			struct error *err = member_list_read(
				c->scanner, c->path, data.data, data.size,
				MEMBER_WHOLE, &list);

			failed = mem_fail_happened();
			mem_fail_at(0);
			// Where codec can do without, it does.
			if (failed && err)
				ck_assert_msg(error_kind(err) ==
						      ERROR_NO_MEMORY,
					      "%s at %lu: %s", c->path, n,
					      error_message(err));
			else
				ck_no_error(err);
			error_free(err);
			ck_assert_uint_lt(n, 10000);
		} while (failed);
		ck_assert_uint_gt(n, 2);
	}
}
END_TEST

/* ---- Disk --------------------------------------------------------------- */

struct bad_disk {
	const uint8_t *data;
	uint64_t bad_offset;
};

static struct error *read_bad_disk(struct input *in, uint64_t offset, void *buf,
				   size_t size, size_t *size_ret)
{
	const struct bad_disk *disk = in->ctx;

	*size_ret = 0;
	offset += in->base;
	if (offset >= in->size)
		return NULL;
	if (size > in->size - offset)
		size = (size_t)(in->size - offset);
	if (offset <= disk->bad_offset && disk->bad_offset < offset + size) {
		errno = EIO;
		return error_errno("read at offset %u", (unsigned)offset);
	}
	memcpy(buf, disk->data + offset, size);
	*size_ret = size;
	return NULL;
}

static struct error *drain(const struct scanner *sc, struct scanner_stream *s)
{
	struct scanner_member m;
	char buf[4096];
	size_t got;
	bool found;

	for (;;) {
		TRY(sc->next(s, &m, &found));
		if (!found)
			return NULL;
		do
			TRY(sc->read(s, buf, sizeof(buf), &got));
		while (got);
	}
}

START_TEST(an_unreadable_sector_is_an_input_error_and_no_damage)
{
	for (size_t i = 0; containers[i].path; i++) {
		const struct container *c = &containers[i];
		CLEANUP_BUF struct buf data = BUF_INIT;

		write_small(c, &data);
		for (unsigned part = 1; part < 4; part++) {
			struct bad_disk disk = { data.data,
						 data.size / 4 * part };
			struct scanner_input in =
				member_input(c->path, data.data, data.size);
			struct scanner_stream *s = NULL;

			in.file = (struct input) { .read = read_bad_disk,
						   .size = data.size,
						   .ctx = &disk };
			struct error *err = c->scanner->open(&in, &s);

			if (!err) {
				err = drain(c->scanner, s);
				c->scanner->close(s);
			}
			// A sector that nobody needs is not missed.
			if (err)
				ck_error(err, IO, "read at offset");
			else
				ck_assert_ptr_eq(c->scanner, &scanner_deb);
		}
	}
}
END_TEST

UNIT_MAIN("scanners_damage", a_container_cut_anywhere_is_an_error,
	  the_last_bytes_count_too, altered_bytes_never_crash,
	  without_memory_every_container_says_so,
	  an_unreadable_sector_is_an_input_error_and_no_damage)

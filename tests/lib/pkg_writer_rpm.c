/* SPDX-License-Identifier: Apache-2.0 */
/* RPM packages. The layout is described in scanners/rpm.c and
 * scanners/rpm_header.c, which read it. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/codec_writer.h"
#include "tests/lib/pkg_writer_internal.h"

/* ---- Headers ------------------------------------------------------------ */

enum tag_type {
	TYPE_INT16 = 3,
	TYPE_INT32 = 4,
	TYPE_INT64 = 5,
	TYPE_STRING = 6,
	TYPE_BIN = 7,
	TYPE_STRINGS = 8,
	TYPE_I18N = 9,
};

/* Tags are added in ascending order, behind the region's (62, 63). */
struct header {
	struct buf index, store;
	uint32_t entries;
	uint32_t region_tag;
};

static void put_be(struct buf *to, uint64_t value, unsigned size)
{
	for (unsigned i = size; i-- > 0;)
		pkg_must(buf_append_byte(to, (uint8_t)(value >> (8 * i))));
}

static void put_entry(struct buf *to, uint32_t tag, enum tag_type type,
		      uint32_t offset, uint32_t count)
{
	put_be(to, tag, 4);
	put_be(to, type, 4);
	put_be(to, offset, 4);
	put_be(to, count, 4);
}

/* Begin a tag; its values are to be put into the store next. */
static void add_tag(struct header *h, uint32_t tag, enum tag_type type,
		    size_t count)
{
	static const uint8_t alignments[] = { [TYPE_INT16] = 2,
					      [TYPE_INT32] = 4,
					      [TYPE_INT64] = 8,
					      [TYPE_I18N] = 1 };
	uint8_t alignment = alignments[type] ? alignments[type] : 1;

	while (h->store.size % alignment)
		pkg_must(buf_append_byte(&h->store, 0));
	put_entry(&h->index, tag, type, (uint32_t)h->store.size,
		  (uint32_t)count);
	h->entries++;
}

static void put_string(struct header *h, const char *s)
{
	pkg_must(buf_append(&h->store, s, strlen(s) + 1));
}

static void add_string(struct header *h, uint32_t tag, const char *s)
{
	add_tag(h, tag, TYPE_STRING, 1);
	put_string(h, s);
}

static void add_number(struct header *h, uint32_t tag, uint32_t value)
{
	add_tag(h, tag, TYPE_INT32, 1);
	put_be(&h->store, value, 4);
}

static void write_header(struct buf *out, struct header *h,
			 uint32_t claimed_entries, uint32_t claimed_store)
{
	uint32_t entries = h->entries + 1;

	// The region: its entry goes first, its trailer last.
	put_entry(&h->store, h->region_tag, TYPE_BIN, -entries * 16, 16);
	pkg_must(buf_append(out, "\x8e\xad\xe8\x01\0\0\0\0", 8));
	put_be(out, claimed_entries ? claimed_entries : entries, 4);
	put_be(out, claimed_store ? claimed_store : h->store.size, 4);
	put_entry(out, h->region_tag, TYPE_BIN, (uint32_t)h->store.size - 16,
		  16);
	pkg_must(buf_append(out, h->index.data, h->index.size));
	pkg_must(buf_append(out, h->store.data, h->store.size));
	buf_deinit(&h->index);
	buf_deinit(&h->store);
}

/* ---- Files -------------------------------------------------------------- */

/* The name in the header: absolute, but for a source package. */
static const char *header_name(const struct pkg_file *f)
{
	return f->name[0] == '.' && f->name[1] == '/' ? f->name + 1 : f->name;
}

static size_t dir_length(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? (size_t)(slash + 1 - name) : 0;
}

static bool is_second_name(const struct pkg_file *f)
{
	return f->link && pkg_is_regular(f);
}

/* The file whose bytes this one is; itself if it is no second name, or that of
 * a file which is not in the package. */
static size_t link_target(const struct pkg_file *files, size_t i)
{
	for (size_t j = 0; is_second_name(&files[i]) && j < i; j++)
		if (!strcmp(files[j].name, files[i].link))
			return j;
	return i;
}

static bool leads_outside(const struct pkg_file *files, size_t i)
{
	return is_second_name(&files[i]) && link_target(files, i) == i;
}

static size_t link_count(const struct pkg_file *files, size_t count, size_t i)
{
	size_t target = link_target(files, i), links = leads_outside(files, i);

	for (size_t j = 0; j < count; j++)
		links += link_target(files, j) == target;
	return links;
}

/* Of several names of one file the last carries the bytes. */
static bool carries_data(const struct pkg_file *files, size_t count, size_t i)
{
	size_t target = link_target(files, i);

	for (size_t j = i + 1; j < count; j++)
		if (link_target(files, j) == target)
			return false;
	return !leads_outside(files, i);
}

static uint64_t claimed_size(const struct pkg_file *files, size_t i)
{
	const struct pkg_file *f = &files[link_target(files, i)];

	return f->claimed_size ? f->claimed_size : pkg_size(f);
}

static void add_names(struct header *h, const struct pkg_file *files,
		      size_t count)
{
	// One directory a file: allowed, and the reader must not care.
	add_tag(h, 1116, TYPE_INT32, count);
	for (size_t i = 0; i < count; i++)
		put_be(&h->store, i, 4);
	add_tag(h, 1117, TYPE_STRINGS, count);
	for (size_t i = 0; i < count; i++) {
		const char *name = header_name(&files[i]);

		put_string(h, name + dir_length(name));
	}
	add_tag(h, 1118, TYPE_STRINGS, count);
	for (size_t i = 0; i < count; i++) {
		const char *name = header_name(&files[i]);

		pkg_must(buf_append(&h->store, name, dir_length(name)) &&
			 buf_append_byte(&h->store, 0));
	}
}

static void add_sizes(struct header *h, uint32_t tag, enum tag_type type,
		      const struct pkg_file *files, size_t count)
{
	add_tag(h, tag, type, count);
	for (size_t i = 0; i < count; i++)
		put_be(&h->store, claimed_size(files, i),
		       type == TYPE_INT64 ? 8 : 4);
}

static void add_same_strings(struct header *h, uint32_t tag, size_t count,
			     const char *value)
{
	add_tag(h, tag, TYPE_STRINGS, count);
	for (size_t i = 0; i < count; i++)
		put_string(h, value);
}

/* Tags 1028 to 1040. */
static void add_attributes(struct header *h, const struct pkg_options *o,
			   const struct pkg_file *files, size_t count)
{
	if (!o->is_stripped && !o->is_v6)
		add_sizes(h, 1028, TYPE_INT32, files, count);
	add_tag(h, 1030, TYPE_INT16, count);
	for (size_t i = 0; i < count; i++)
		put_be(&h->store, pkg_mode(&files[i]), 2);
	add_tag(h, 1033, TYPE_INT16, count);
	for (size_t i = 0; i < count; i++)
		put_be(&h->store, 0, 2);
	add_tag(h, 1034, TYPE_INT32, count);
	for (size_t i = 0; i < count; i++)
		put_be(&h->store, (uint64_t)files[i].mtime, 4);
	add_same_strings(h, 1035, count, "");
	add_tag(h, 1036, TYPE_STRINGS, count);
	for (size_t i = 0; i < count; i++)
		put_string(h, S_ISLNK(files[i].mode) ? files[i].link : "");
	add_tag(h, 1037, TYPE_INT32, count);
	for (size_t i = 0; i < count; i++)
		put_be(&h->store, files[i].is_ghost ? 1 << 6 : 0, 4);
	add_same_strings(h, 1039, count, "root");
	add_same_strings(h, 1040, count, "root");
}

static void add_inodes(struct header *h, const struct pkg_file *files,
		       size_t count)
{
	add_tag(h, 1095, TYPE_INT32, count);
	for (size_t i = 0; i < count; i++)
		put_be(&h->store, 1, 4);
	add_tag(h, 1096, TYPE_INT32, count);
	for (size_t i = 0; i < count; i++)
		put_be(&h->store, link_target(files, i) + 1, 4);
}

static void write_main_header(struct buf *out, const struct pkg_options *o,
			      const struct pkg_file *files, size_t count)
{
	struct header h = { .region_tag = 63 };
	const char *compressor = o->compressor ? o->compressor
				 : o->codec    ? codec_name(o->codec)
					       : "";

	add_string(&h, 1000, "test");
	add_string(&h, 1001, "1");
	add_string(&h, 1002, "1");
	add_tag(&h, 1004, TYPE_I18N, 1);
	put_string(&h, "made by a test");
	add_string(&h, 1014, "none");
	add_string(&h, 1021, "linux");
	add_string(&h, 1022, "noarch");
	if (count && o->use_old_names) {
		add_tag(&h, 1027, TYPE_STRINGS, count);
		for (size_t i = 0; i < count; i++)
			put_string(&h, header_name(&files[i]));
	}
	if (count)
		add_attributes(&h, o, files, count);
	if (!o->is_source)
		add_string(&h, 1044, "test-1-1.src.rpm");
	if (count)
		add_inodes(&h, files, count);
	if (o->is_source)
		add_number(&h, 1106, 1);
	if (count && !o->use_old_names)
		add_names(&h, files, count);
	add_string(&h, 1124, o->format ? o->format : "cpio");
	if (*compressor)
		add_string(&h, 1125, compressor);
	add_string(&h, 1126, "9");
	if (count && (o->is_stripped || o->is_v6))
		add_sizes(&h, 5008, TYPE_INT64, files, count);
	if (o->is_v6)
		add_string(&h, 5062, "utf-8");
	if (o->is_v6)
		add_number(&h, 5114, 6);
	write_header(out, &h, o->claimed_entries, o->claimed_store);
}

/* ---- Payload ------------------------------------------------------------ */

static void put_cpio_header(struct pkg_payload *p, const char *magic,
			    const struct pkg_file *f, size_t inode,
			    size_t links, uint64_t size)
{
	char text[128];

	// inode mode uid gid nlink mtime size dev (2) rdev (2) name checksum
	int n = snprintf(text, sizeof(text),
			 "%s%08zx%08x%08x%08x%08zx%08x%08" PRIx64
			 "%08x%08x%08x%08x%08zx%08x",
			 magic, inode, pkg_mode(f), 0, 0, links,
			 (unsigned)f->mtime, size, 0, 1, 0, 0,
			 strlen(f->name) + 1, 0);

	pkg_must(n == 110);
	pkg_payload_put(p, text, 110);
	pkg_payload_put(p, f->name, strlen(f->name) + 1);
	pkg_payload_pad(p, 4);
}

/* Of the same form behind stripped headers. */
static void put_trailer(struct pkg_payload *p)
{
	static const char trailer[] = "070701"
				      "00000000"
				      "00000000"
				      "00000000"
				      "00000000"
				      "00000001"
				      "00000000"
				      "00000000"
				      "00000000"
				      "00000000"
				      "00000000"
				      "00000000"
				      "0000000b"
				      "00000000"
				      "TRAILER!!!";

	pkg_payload_put(p, trailer, sizeof(trailer));
	pkg_payload_pad(p, 4);
}

static void put_stripped_header(struct pkg_payload *p, size_t i)
{
	char text[32];

	snprintf(text, sizeof(text), "07070X%08zx", i);
	pkg_payload_put(p, text, 14);
	pkg_payload_pad(p, 4);
}

static void put_file(struct pkg_payload *p, const struct pkg_options *o,
		     const struct pkg_file *files, size_t count, size_t i)
{
	const struct pkg_file *f = &files[i];
	const struct pkg_file *data = &files[link_target(files, i)];
	bool has_data = carries_data(files, count, i);

	if (o->is_stripped || o->is_v6)
		put_stripped_header(p, i);
	else
		put_cpio_header(p, o->use_crc_magic ? "070702" : "070701", f,
				link_target(files, i) + 1,
				link_count(files, count, i),
				has_data ? claimed_size(files, i) : 0);
	if (S_ISLNK(f->mode))
		pkg_payload_put(p, f->link, strlen(f->link));
	if (pkg_is_regular(f) && has_data) {
		pkg_payload_put(p, data->data, data->size);
		pkg_payload_put_zeros(p, data->zeros);
	}
	pkg_payload_pad(p, 4);
}

void pkg_write_cpio(struct buf *out, const struct pkg_options *o,
		    const struct pkg_file *files, size_t count)
{
	struct pkg_payload p;

	pkg_payload_begin(&p, o, out);
	for (size_t i = 0; i < count; i++)
		if (!files[i].is_ghost)
			put_file(&p, o, files, count, i);
	if (!o->has_no_trailer)
		put_trailer(&p);
	pkg_payload_end(&p, o);
}

/* ---- The package -------------------------------------------------------- */

static void write_lead(struct buf *out, const struct pkg_options *o)
{
	size_t begin = out->size;

	pkg_must(buf_append(out, "\xed\xab\xee\xdb", 4));
	if (o->is_magic_wrong)
		out->data[begin] ^= 0xff;
	put_be(out, o->is_v6 ? 4 : 3, 1);
	put_be(out, 0, 1);
	put_be(out, o->is_source, 2);
	put_be(out, o->is_v6 ? 0 : 255, 2);
	pkg_must(buf_append(out, "test-1-1", 9));
	while (out->size < begin + 76)
		put_be(out, 0, 1);
	put_be(out, o->is_v6 ? 0 : 1, 2);
	put_be(out, 5, 2);
	while (out->size < begin + 96)
		put_be(out, 0, 1);
}

static void write_signature(struct buf *out, size_t begin,
			    const struct pkg_options *o, size_t size)
{
	struct header h = { .region_tag = 62 };

	if (o->is_v6) {
		// Of an odd length, so that it needs padding.
		add_tag(&h, 999, TYPE_BIN, 5);
		pkg_must(buf_append(&h.store, "\0\0\0\0", 5));
	} else {
		add_number(&h, 1000, (uint32_t)size);
		add_tag(&h, 1008, TYPE_BIN, 3);
		pkg_must(buf_append(&h.store, "\0\0", 3));
	}
	write_header(out, &h, 0, 0);
	while ((out->size - begin) % 8)
		put_be(out, 0, 1);
}

void pkg_write_rpm(struct buf *out, const struct pkg_options *o,
		   const struct pkg_file *files, size_t count)
{
	CLEANUP_BUF struct buf body = BUF_INIT;
	size_t begin = out->size;

	write_main_header(&body, o, files, count);
	pkg_write_cpio(&body, o, files, count);
	write_lead(out, o);
	write_signature(out, begin, o, body.size);
	pkg_must(buf_append(out, body.data, body.size));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever else libarchive reads: zip, cpio, 7z, ISO 9660, xar, ar, cab, lha,
 * rar, warc, and tar in compressions that src/codec has not.
 *
 * Only where a user asks for it by suffix (debuginfod's -Z): never by content,
 * so that no file of a scanned tree meets these parsers by itself. libarchive
 * decompresses here too, in this process.
 *
 * Left out of what libarchive has:
 * - mtree, whose entries may name files on this machine, which libarchive then
 *   opens (3.6.2, archive_read_support_format_mtree.c, parse_file);
 * - raw, which makes one member of anything;
 * - filters that run a program, and those that do so where libarchive was
 *   built without the library.
 *
 * Members have no place in a payload of ours: their offsets count the members'
 * bytes before them, and they are found again by going through the archive.
 */
#include "config.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "scanners/formats.h"
#include "scanners/payload.h"

enum { WINDOW_SIZE = 64 << 10 };

struct scanner_stream {
	struct input file;
	struct archive *archive;
	struct archive_entry *entry;
	struct error *err; /* of a callback, which can only say "failed" */
	uint64_t at;       /* of the next byte libarchive is given */
	bool has_member;
	bool is_at_end;
	uint64_t offset, size, done; /* of the member */
	struct scanner_passed_over passed_over;
	char last[PAYLOAD_NAME_MAX + 1]; /* the member met last */
	uint8_t window[WINDOW_SIZE];
};

static int archive_bid(const struct scanner_input *in)
{
	(void)in;
	return 1;
}

/* ---- What libarchive calls ---------------------------------------------- */

static la_ssize_t feed(struct archive *a, void *ctx, const void **data_ret)
{
	struct scanner_stream *s = ctx;
	size_t got = 0;

	(void)a;
	if (!s->err && s->at < s->file.size)
		s->err = s->file.read(&s->file, s->at, s->window,
				      sizeof(s->window), &got);
	if (s->err)
		return ARCHIVE_FATAL;
	s->at += got;
	*data_ret = s->window;
	return (la_ssize_t)got;
}

static la_int64_t skip(struct archive *a, void *ctx, la_int64_t request)
{
	struct scanner_stream *s = ctx;
	uint64_t left = s->at < s->file.size ? s->file.size - s->at : 0;

	(void)a;
	if (request < 0)
		return 0;
	if ((uint64_t)request > left)
		request = (la_int64_t)left;
	s->at += (uint64_t)request;
	return request;
}

static la_int64_t seek(struct archive *a, void *ctx, la_int64_t offset,
		       int whence)
{
	struct scanner_stream *s = ctx;
	int64_t base = whence == SEEK_CUR   ? (int64_t)s->at
		       : whence == SEEK_END ? (int64_t)s->file.size
					    : 0;
	int64_t to;

	(void)a;
	if (__builtin_add_overflow(base, offset, &to) || to < 0)
		return ARCHIVE_FATAL;
	// Behind the end is where zip looks for what a damaged one says.
	if ((uint64_t)to > s->file.size)
		to = (int64_t)s->file.size;
	s->at = (uint64_t)to;
	return to;
}

static struct error *error_from_archive(struct scanner_stream *s)
{
	const char *text = archive_error_string(s->archive);

	if (s->err)
		return STEAL(s->err);
	// It asks for as much as some headers say, in one piece.
	if (archive_errno(s->archive) == ENOMEM)
		return error_new(LIMIT,
				 "the archive asks for more memory than a "
				 "worker has, near offset %" PRIu64,
				 s->at);
	return error_new(BAD_DATA, "%s near offset %" PRIu64,
			 text ? text : "damaged archive", s->at);
}

/* ---- Open and close ----------------------------------------------------- */

typedef int (*support_fn)(struct archive *a);

/* What was not built in answers ARCHIVE_WARN: it would run a program, or does
 * not read that format. */
static struct error *support_formats(struct scanner_stream *s)
{
	static const support_fn formats[] = {
		archive_read_support_format_7zip,
		archive_read_support_format_ar,
		archive_read_support_format_cab,
		archive_read_support_format_cpio,
		archive_read_support_format_empty,
		archive_read_support_format_iso9660,
		archive_read_support_format_lha,
		archive_read_support_format_rar,
		archive_read_support_format_rar5,
		archive_read_support_format_tar,
		archive_read_support_format_warc,
		archive_read_support_format_xar,
		archive_read_support_format_zip,
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (formats[i](s->archive) < ARCHIVE_WARN)
			return error_from_archive(s);
	return NULL;
}

static struct error *support_filters(struct scanner_stream *s)
{
	const struct {
		support_fn support;
		bool is_built_in;
	} filters[] = {
		{ archive_read_support_filter_compress, true },
		{ archive_read_support_filter_gzip, archive_zlib_version() },
		{ archive_read_support_filter_bzip2, archive_bzlib_version() },
		{ archive_read_support_filter_xz, archive_liblzma_version() },
		{ archive_read_support_filter_lzma, archive_liblzma_version() },
		{ archive_read_support_filter_lzip, archive_liblzma_version() },
		{ archive_read_support_filter_lz4, archive_liblz4_version() },
		{ archive_read_support_filter_zstd, archive_libzstd_version() },
	};

	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		if (filters[i].is_built_in &&
		    filters[i].support(s->archive) < ARCHIVE_WARN)
			return error_from_archive(s);
	return NULL;
}

static void stream_close(struct scanner_stream *s)
{
	if (!s)
		return;
	archive_read_free(s->archive);
	archive_entry_free(s->entry);
	error_free(s->err);
	mem_free(s);
}

static void cleanup_stream(struct scanner_stream **s)
{
	stream_close(*s);
}

static struct error *archive_open(const struct scanner_input *in,
				  struct scanner_stream **ret)
{
	CLEANUP(cleanup_stream)
	struct scanner_stream *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	s->file = in->file;
	s->archive = archive_read_new();
	s->entry = archive_entry_new();
	if (!s->archive || !s->entry)
		return error_no_memory;
	TRY(support_formats(s));
	TRY(support_filters(s));
	archive_read_set_callback_data(s->archive, s);
	archive_read_set_read_callback(s->archive, feed);
	archive_read_set_skip_callback(s->archive, skip);
	archive_read_set_seek_callback(s->archive, seek);
	if (archive_read_open1(s->archive) != ARCHIVE_OK)
		return error_from_archive(s);
	*ret = STEAL(s);
	return NULL;
}

/* ---- Members ------------------------------------------------------------ */

/* A name in a character set that this process has no locale for has its bytes
 * in UTF-8. NULL: none. */
static const char *entry_name(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);

	return name ? name : archive_entry_pathname_utf8(entry);
}

/* Is the entry a member? Otherwise it is passed over. */
static bool is_member(struct scanner_stream *s, const char **name_ret)
{
	struct archive_entry *e = s->entry;
	const char *name = entry_name(e);
	bool has_size =
		archive_entry_size_is_set(e) && archive_entry_size(e) >= 0;

	if (archive_entry_filetype(e) != AE_IFREG)
		return payload_pass_over_type(&s->passed_over,
					      archive_entry_filetype(e));
	// A file of several names has its bytes with one of them: the first in
	// most formats, the last in cpio.
	if ((archive_entry_hardlink(e) || archive_entry_nlink(e) > 1) &&
	    (!has_size || !archive_entry_size(e)))
		return payload_pass_over(&s->passed_over, SCANNER_PASSED_LINK);
	if (!has_size)
		return payload_pass_over(&s->passed_over,
					 SCANNER_PASSED_NO_SIZE);
	if (!name || strlen(name) > PAYLOAD_NAME_MAX)
		return payload_pass_over(&s->passed_over,
					 SCANNER_PASSED_LONG_PATH);
	*name_ret = payload_member_name(name);
	return true;
}

static struct error *read_header(struct scanner_stream *s, bool *found_ret)
{
	int rc = archive_read_next_header2(s->archive, s->entry);

	*found_ret = rc == ARCHIVE_OK || rc == ARCHIVE_WARN;
	if (*found_ret)
		return NULL;
	s->is_at_end = true;
	return rc == ARCHIVE_EOF ? NULL : error_from_archive(s);
}

static struct error *next_member(struct scanner_stream *s,
				 struct scanner_member *m, bool *found_ret)
{
	const char *name;

	for (unsigned run = 0; run < PAYLOAD_RUN_MAX; run++) {
		bool found = false;

		if (!s->is_at_end)
			TRY(read_header(s, &found));
		if (!found)
			return NULL;
		if (!is_member(s, &name))
			continue;
		s->has_member = true;
		s->size = (uint64_t)archive_entry_size(s->entry);
		*m = (struct scanner_member) {
			.name = name,
			.size = s->size,
			.mtime = archive_entry_mtime(s->entry),
			.offset = s->offset,
		};
		snprintf(s->last, sizeof(s->last), "%s", name);
		*found_ret = true;
		return NULL;
	}
	return payload_error_run();
}

static struct error *archive_next(struct scanner_stream *s,
				  struct scanner_member *m, bool *found_ret)
{
	*found_ret = false;
	if (s->has_member)
		s->offset += s->size;
	s->has_member = false;
	s->done = 0;
	struct error *err = next_member(s, m, found_ret);

	return err && *s->last ? error_wrap(err, "behind %s", s->last) : err;
}

static struct error *archive_read(struct scanner_stream *s, void *buf,
				  size_t size, size_t *size_ret)
{
	*size_ret = 0;
	if (!s->has_member)
		return NULL;
	if (size > s->size - s->done)
		size = (size_t)(s->size - s->done);
	if (!size)
		return NULL;
	la_ssize_t got = archive_read_data(s->archive, buf, size);

	if (got < 0)
		return error_from_archive(s);
	if (!got)
		return error_new(BAD_DATA,
				 "truncated: %" PRIu64 " of %" PRIu64
				 " bytes are there",
				 s->done, s->size);
	s->done += (uint64_t)got;
	*size_ret = (size_t)got;
	return NULL;
}

static struct codec_stream *archive_payload(struct scanner_stream *s)
{
	(void)s;
	return NULL;
}

static void archive_payload_place(struct scanner_stream *s,
				  enum codec *codec_ret, uint64_t *offset_ret,
				  uint64_t *size_ret)
{
	(void)s;
	*codec_ret = CODEC_NONE;
	*offset_ret = *size_ret = 0;
}

static const struct scanner_passed_over *
archive_passed_over(const struct scanner_stream *s)
{
	return &s->passed_over;
}

const struct scanner scanner_archive = {
	.name = "archive",
	.is_sequential = true,
	.bid = archive_bid,
	.open = archive_open,
	.next = archive_next,
	.read = archive_read,
	.payload = archive_payload,
	.payload_place = archive_payload_place,
	.passed_over = archive_passed_over,
	.close = stream_close,
};

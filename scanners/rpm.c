/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RPM packages, of format 3, 4 and 6; source packages too.
 *
 * rpm's docs/manual/format_v3.md, format_v4.md, format_v6.md (2025), lib/cpio.c
 * (4.18):
 *
 *	offset 0  96	lead: ed ab ee db and nothing of use; of v6 as well
 *	96		signature header (rpm_header.c), padded to 8 bytes
 *	then		main header
 *	then, to the end of the file, the payload: a compressed cpio archive
 *
 * PAYLOADCOMPRESSOR names the compression; without it rpm writes none, and
 * very old ones gzip. rpm's gzip reader takes uncompressed data as well.
 *
 * A cpio entry begins at a multiple of 4. Numbers are 8 hexadecimal digits:
 *
 *	offset 0  6	070701, or 070702 where the checksum counts (not to us)
 *	6		inode mode uid gid nlink mtime size dev-major dev-minor
 *			rdev-major rdev-minor name-size checksum
 *	110		name and its NUL, padded to a multiple of 4
 *	then		data, padded to a multiple of 4
 *
 * or, where a file is larger than 4 GiB (since 4.12), and always in v6:
 *
 *	offset 0  6	07070X
 *	6	  8	number of the file in the main header (rpm_files.c)
 *	14	  2	padding
 *	16		data, padded to a multiple of 4
 *
 * The last entry is a 070701 one with the name TRAILER!!!, or a stripped one
 * numbered ffffffff. Of several names of one file the last entry has the data.
 *
 * Not read: delta RPMs, and the aligned payloads drafted for rpm 6.2.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "scanners/formats.h"
#include "scanners/payload.h"
#include "scanners/rpm_files.h"
#include "scanners/rpm_header.h"

enum {
	LEAD_SIZE = 96,
	SIGNATURE_ALIGNMENT = 8,
	CODEC_HEAD_SIZE = 16,

	TAG_PAYLOADFORMAT = 1124,
	TAG_PAYLOADCOMPRESSOR = 1125,

	CPIO_MAGIC_SIZE = 6,
	CPIO_NUMBER_SIZE = 8,
	CPIO_NEWC_SIZE = 110,
	CPIO_STRIPPED_SIZE = 14,
	CPIO_ALIGNMENT = 4,
};

struct scanner_stream {
	struct input file;
	uint64_t payload_offset;
	struct rpm_header header;
	struct rpm_files *files; /* NULL until a stripped entry comes */
	enum codec codec;
	struct codec_stream *payload;
	struct buf name;
	bool is_at_end;
	/* Of the current entry, in decoded bytes. Invariant: codec_tell() lies
	 * in it, or where the next entry's header begins. */
	uint64_t offset, size, done;
	struct scanner_passed_over passed_over;
};

struct entry {
	uint32_t mode;
	int64_t mtime;
	uint64_t size;
	bool is_link; /* its bytes come with another name */
	bool is_end;
	bool is_named; /* in stream.name; false: the name is too long */
};

static bool has_lead(const struct scanner_input *in)
{
	static const uint8_t magic[] = { 0xed, 0xab, 0xee, 0xdb };

	return in->head_size >= sizeof(magic) &&
	       !memcmp(in->head, magic, sizeof(magic));
}

static int rpm_bid(const struct scanner_input *in)
{
	return (has_lead(in) ? 32 : 0) + scanner_has_suffix(in->path, ".rpm");
}

/* ---- Open --------------------------------------------------------------- */

static struct error *read_headers(struct scanner_stream *s)
{
	uint64_t end;

	TRY(error_wrap(rpm_header_skip(&s->file, LEAD_SIZE, &end),
		       "signature header"));
	end += -end % SIGNATURE_ALIGNMENT;
	return error_wrap(
		rpm_header_read(&s->file, end, &s->header, &s->payload_offset),
		"main header");
}

static struct error *check_format(struct scanner_stream *s)
{
	const char *format;

	TRY(error_wrap(
		rpm_header_string(&s->header, TAG_PAYLOADFORMAT, &format),
		"main header"));
	if (format && strcmp(format, "cpio"))
		return error_new(UNSUPPORTED, "payload of format %s", format);
	return NULL;
}

static struct error *codec_of_tag(const char *compressor, enum codec *ret)
{
	static const enum codec known[] = { CODEC_GZIP, CODEC_XZ, CODEC_LZMA,
					    CODEC_BZIP2, CODEC_ZSTD };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcmp(codec_name(known[i]), compressor)) {
			*ret = known[i];
			return NULL;
		}
	}
	return error_new(UNSUPPORTED, "unknown compression %s", compressor);
}

/* By what the header says and what the bytes are, which must agree. */
static struct error *find_codec(struct scanner_stream *s, struct input *in)
{
	uint8_t head[CODEC_HEAD_SIZE];
	const char *compressor;
	size_t got;

	TRY(rpm_header_string(&s->header, TAG_PAYLOADCOMPRESSOR, &compressor));
	TRY(in->read(in, 0, head, sizeof(head), &got));
	if (!got)
		return error_new(BAD_DATA, "truncated: the file ends where it "
					   "would begin");
	bool is_cpio = got >= CPIO_MAGIC_SIZE && !memcmp(head, "07070", 5);

	s->codec = is_cpio ? CODEC_NONE : codec_detect(head, got);
	if (compressor) {
		enum codec said = CODEC_NONE;

		TRY(codec_of_tag(compressor, &said));
		if (s->codec != said && !(is_cpio && said == CODEC_GZIP))
			return error_new(BAD_DATA, "this is no %s stream",
					 compressor);
	} else if (s->codec == CODEC_NONE && !is_cpio) {
		return error_new(BAD_DATA, "neither cpio nor compressed");
	}
	return NULL;
}

static struct error *open_payload(struct scanner_stream *s)
{
	struct input in = payload_slice(&s->file, s->payload_offset,
					s->file.size - s->payload_offset);

	TRY(find_codec(s, &in));
	return codec_open(s->codec, &in, UINT64_MAX, &s->payload);
}

static void rpm_close(struct scanner_stream *s)
{
	if (!s)
		return;
	codec_close(s->payload);
	rpm_files_close(s->files);
	rpm_header_deinit(&s->header);
	buf_deinit(&s->name);
	mem_free(s);
}

static void cleanup_stream(struct scanner_stream **s)
{
	rpm_close(*s);
}

static struct error *rpm_open(const struct scanner_input *in,
			      struct scanner_stream **ret)
{
	CLEANUP(cleanup_stream)
	struct scanner_stream *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	s->file = in->file;
	if (!has_lead(in))
		return error_new(BAD_DATA, "no package: the file does not "
					   "begin with an RPM lead");
	TRY(read_headers(s));
	TRY(check_format(s));
	TRY(error_wrap(open_payload(s), "payload"));
	*ret = STEAL(s);
	return NULL;
}

/* ---- Entries ------------------------------------------------------------ */

static bool parse_number(const char *digits, uint32_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < CPIO_NUMBER_SIZE; i++) {
		char c = digits[i];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned)(c - 'A' + 10);
		else
			return false;
		*ret = *ret << 4 | digit;
	}
	return true;
}

/* Where the next thing begins. */
static uint64_t align(uint64_t offset)
{
	return offset + -offset % CPIO_ALIGNMENT;
}

static struct error *error_header(const struct scanner_stream *s)
{
	return error_new(BAD_DATA,
			 "no cpio header before offset %" PRIu64
			 " of its decoded bytes",
			 codec_tell(s->payload));
}

static struct error *read_name(struct scanner_stream *s, uint32_t size,
			       struct entry *e)
{
	uint64_t end = codec_tell(s->payload) + size;

	buf_clear(&s->name);
	if (!size)
		return error_header(s);
	e->is_named = size <= PAYLOAD_NAME_MAX + 1;
	if (e->is_named) {
		char *name = buf_reserve(&s->name, (size_t)size + 1);

		if (!name)
			return error_no_memory;
		TRY(payload_read_exact(s->payload, name, size));
		name[size] = '\0';
		e->is_named = strlen(name) <= PAYLOAD_NAME_MAX;
		e->is_end = !strcmp(name, "TRAILER!!!");
	}
	return payload_skip_to(s->payload, align(end));
}

/* 070701 and 070702. @head has as much as a stripped header. */
static struct error *read_newc(struct scanner_stream *s, const char *head,
			       struct entry *e)
{
	enum { MODE = 1, NLINK = 4, MTIME = 5, SIZE = 6, NAME_SIZE = 11 };
	enum { NUMBERS = 13 };
	char text[CPIO_NEWC_SIZE];
	uint32_t numbers[NUMBERS];

	memcpy(text, head, CPIO_STRIPPED_SIZE);
	TRY(payload_read_exact(s->payload, text + CPIO_STRIPPED_SIZE,
			       sizeof(text) - CPIO_STRIPPED_SIZE));
	for (size_t i = 0; i < NUMBERS; i++)
		if (!parse_number(text + CPIO_MAGIC_SIZE + i * CPIO_NUMBER_SIZE,
				  &numbers[i]))
			return error_header(s);
	*e = (struct entry) {
		.mode = numbers[MODE],
		.mtime = numbers[MTIME],
		.size = numbers[SIZE],
		.is_link = numbers[NLINK] > 1 && !numbers[SIZE],
	};
	return read_name(s, numbers[NAME_SIZE], e);
}

/* 07070X */
static struct error *read_stripped(struct scanner_stream *s, const char *head,
				   struct entry *e)
{
	struct rpm_file file;
	uint32_t i;

	if (!parse_number(head + CPIO_MAGIC_SIZE, &i))
		return error_header(s);
	*e = (struct entry) { .is_end = i == UINT32_MAX };
	if (e->is_end)
		return NULL;
	if (!s->files)
		TRY(error_wrap(rpm_files_open(&s->header, &s->files),
			       "main header"));
	if (i >= rpm_files_count(s->files))
		return error_new(BAD_DATA,
				 "file %" PRIu32 " of the %zu in the header", i,
				 rpm_files_count(s->files));
	rpm_files_get(s->files, i, &file);
	buf_clear(&s->name);
	TRY(rpm_files_name(s->files, i, &s->name));
	*e = (struct entry) {
		.mode = file.mode,
		.mtime = file.mtime,
		.size = file.size,
		.is_link = file.is_link,
		.is_named = s->name.size <= PAYLOAD_NAME_MAX + 1,
	};
	return payload_skip_to(s->payload, align(codec_tell(s->payload)));
}

static struct error *read_entry(struct scanner_stream *s, struct entry *e)
{
	char head[CPIO_STRIPPED_SIZE];

	TRY(payload_skip_to(s->payload, align(s->offset + s->size)));
	TRY(payload_read_exact(s->payload, head, sizeof(head)));
	if (!memcmp(head, "07070X", CPIO_MAGIC_SIZE))
		TRY(read_stripped(s, head, e));
	else if (!memcmp(head, "070701", CPIO_MAGIC_SIZE) ||
		 !memcmp(head, "070702", CPIO_MAGIC_SIZE))
		TRY(read_newc(s, head, e));
	else
		return error_header(s);
	if (e->size > INT64_MAX)
		return error_new(BAD_DATA, "a file of %" PRIu64 " bytes",
				 e->size);
	s->offset = codec_tell(s->payload);
	s->size = e->size;
	s->done = 0;
	return NULL;
}

/* ---- Members ------------------------------------------------------------ */

static struct error *finish(struct scanner_stream *s)
{
	s->is_at_end = true;
	s->size = s->done = 0;
	return payload_finish(s->payload);
}

/* Is the entry a member? Otherwise it is passed over. */
static bool is_member(struct scanner_stream *s, const struct entry *e)
{
	if (!S_ISREG(e->mode))
		return payload_pass_over_type(&s->passed_over, e->mode);
	if (e->is_link)
		return payload_pass_over(&s->passed_over, SCANNER_PASSED_LINK);
	if (!e->is_named)
		return payload_pass_over(&s->passed_over,
					 SCANNER_PASSED_LONG_PATH);
	return true;
}

static struct error *next_member(struct scanner_stream *s,
				 struct scanner_member *m, bool *found_ret)
{
	for (unsigned run = 0; run < PAYLOAD_RUN_MAX; run++) {
		struct entry e = { 0 };

		TRY(read_entry(s, &e));
		if (e.is_end)
			return finish(s);
		if (!is_member(s, &e))
			continue;
		*m = (struct scanner_member) {
			.name = payload_member_name((char *)s->name.data),
			.size = e.size,
			.mtime = e.mtime,
			.offset = s->offset,
		};
		*found_ret = true;
		return NULL;
	}
	return payload_error_run();
}

static struct error *rpm_next(struct scanner_stream *s,
			      struct scanner_member *m, bool *found_ret)
{
	*found_ret = false;
	if (s->is_at_end)
		return NULL;
	return error_wrap(next_member(s, m, found_ret), "payload");
}

static struct error *rpm_read(struct scanner_stream *s, void *buf, size_t size,
			      size_t *size_ret)
{
	*size_ret = 0;
	if (size > s->size - s->done)
		size = (size_t)(s->size - s->done);
	if (!size)
		return NULL;
	TRY(error_wrap(codec_read(s->payload, buf, size, size_ret), "payload"));
	if (!*size_ret)
		return error_new(BAD_DATA,
				 "payload: truncated: the archive ends at "
				 "offset %" PRIu64 ", inside a member",
				 codec_tell(s->payload));
	s->done += *size_ret;
	return NULL;
}

static struct codec_stream *rpm_payload(struct scanner_stream *s)
{
	return s->payload;
}

static void rpm_payload_place(struct scanner_stream *s, enum codec *codec_ret,
			      uint64_t *offset_ret, uint64_t *size_ret)
{
	*codec_ret = s->codec;
	*offset_ret = s->payload_offset;
	*size_ret = s->file.size - s->payload_offset;
}

static const struct scanner_passed_over *
rpm_passed_over(const struct scanner_stream *s)
{
	return &s->passed_over;
}

const struct scanner scanner_rpm = {
	.name = "rpm",
	.bid = rpm_bid,
	.open = rpm_open,
	.next = rpm_next,
	.read = rpm_read,
	.payload = rpm_payload,
	.payload_place = rpm_payload_place,
	.passed_over = rpm_passed_over,
	.close = rpm_close,
};

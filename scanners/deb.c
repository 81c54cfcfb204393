/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debian packages: .deb, .ddeb, .udeb, and OpenWrt's and Yocto's .ipk.
 *
 * deb(5), and dpkg 1.21 lib/dpkg/ar.c, for what is tolerated:
 *
 *	offset 0  8	"!<arch>\n"
 *	then, each at an even offset, members:
 *		0  16	name, padded with spaces; one '/' may end it (GNU ar)
 *		16 12	mtime	28 6 uid   34 6 gid   40 8 mode (octal)
 *		48 10	size, decimal
 *		58 2	"`\n"
 *		60	data, padded to an even length
 *
 *	1st member	"debian-binary": the version, "2.x\n"
 *	then		"control.tar*", and "data.tar*", a tar of the files:
 *			.gz .xz .zst .bz2 .lzma or uncompressed; members that
 *			begin with '_' may stand anywhere behind the first
 *
 * Some .ipk (OpenWrt's ipkg-build) are instead a tar.gz with the members
 * ./debian-binary, ./data.tar.gz and ./control.tar.gz. The inner archive is
 * then no piece of the file: it is held in memory as it is, compressed.
 *
 * ar's long names (GNU "//", BSD "#1/") do not occur: dpkg does not read them.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/units.h"
#include "scanners/formats.h"
#include "scanners/payload.h"
#include "scanners/unpack.h"

enum {
	AR_MAGIC_SIZE = 8,
	AR_HEADER_SIZE = 60,
	AR_NAME_SIZE = 16,
	/* dpkg writes three. */
	AR_MEMBERS_MAX = 1000,
	VERSION_SIZE = 2,
	/* Enough for codec_detect(). */
	CODEC_HEAD_SIZE = 16,
	NAME_SIZE = 64,
};

/* They are packages for routers and the like, whose flash holds less. */
static const uint64_t ipk_data_max = 256 * MIB;

static const char ar_magic[] = "!<arch>\n";
static const char version_name[] = "debian-binary";

struct scanner_stream {
	struct input file;
	char data_name[NAME_SIZE]; /* of the inner archive, for messages */
	uint64_t data_offset, data_size;
	struct buf ipk_data; /* the inner archive where it lies in a tar.gz */
	enum codec codec;
	struct codec_stream *payload;
	struct unpack *tar;
};

/* ---- Bid ---------------------------------------------------------------- */

static bool is_deb_path(const char *path)
{
	return scanner_has_suffix(path, ".deb") ||
	       scanner_has_suffix(path, ".ddeb") ||
	       scanner_has_suffix(path, ".udeb") ||
	       scanner_has_suffix(path, ".ipk");
}

static bool is_ar(const uint8_t *head, size_t size)
{
	return size >= AR_MAGIC_SIZE && !memcmp(head, ar_magic, AR_MAGIC_SIZE);
}

static int deb_bid(const struct scanner_input *in)
{
	const size_t name_size = sizeof(version_name) - 1;
	int suffix = is_deb_path(in->path);

	// Any other ar archive is a library, unless its name says otherwise:
	// then open says what is wrong with it.
	if (is_ar(in->head, in->head_size))
		return in->head_size >= AR_MAGIC_SIZE + name_size &&
				       !memcmp(in->head + AR_MAGIC_SIZE,
					       version_name, name_size)
			       ? 8 * (int)(AR_MAGIC_SIZE + name_size) + suffix
			       : suffix;
	if (scanner_has_suffix(in->path, ".ipk") &&
	    codec_detect(in->head, in->head_size) == CODEC_GZIP)
		return 24 + suffix;
	return suffix;
}

/* ---- Members ------------------------------------------------------------ */

static struct error *check_version(const char *text, size_t size)
{
	if (size == VERSION_SIZE && !memcmp(text, "2.", VERSION_SIZE))
		return NULL;
	return error_new(UNSUPPORTED,
			 "debian-binary: the package's format is not 2.x");
}

/* Is it the archive of the files, in whatever compression? */
static bool is_data_name(const char *name)
{
	return !strncmp(name, "data.tar", 8) && (!name[8] || name[8] == '.');
}

static struct error *codec_of_name(const char *name, enum codec *ret)
{
	static const struct {
		const char *suffix;
		enum codec codec;
	} table[] = {
		{ "", CODEC_NONE },      { ".gz", CODEC_GZIP },
		{ ".xz", CODEC_XZ },     { ".zst", CODEC_ZSTD },
		{ ".bz2", CODEC_BZIP2 }, { ".lzma", CODEC_LZMA },
	};
	const char *suffix = name + strlen("data.tar");

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (!strcmp(table[i].suffix, suffix)) {
			*ret = table[i].codec;
			return NULL;
		}
	}
	return error_new(UNSUPPORTED, "unknown compression");
}

/* Open the inner archive. Everything but @payload and @tar is set. */
static struct error *open_data(struct scanner_stream *s, struct input in)
{
	uint8_t head[CODEC_HEAD_SIZE];
	size_t got;

	TRY(codec_of_name(s->data_name, &s->codec));
	TRY(in.read(&in, 0, head, sizeof(head), &got));
	// A tar has its magic further in; its reader checks it.
	if (s->codec != CODEC_NONE && codec_detect(head, got) != s->codec)
		return error_new(BAD_DATA, "this is no %s stream",
				 codec_name(s->codec));
	TRY(codec_open(s->codec, &in, UINT64_MAX, &s->payload));
	return unpack_open(s->payload, &s->tar);
}

/* ---- ar ----------------------------------------------------------------- */

struct ar_member {
	char name[AR_NAME_SIZE + 1];
	uint64_t offset, size; /* of the data */
};

static struct error *parse_size(const uint8_t *digits, size_t len,
				uint64_t *ret)
{
	size_t i = 0;

	*ret = 0;
	for (; i < len && digits[i] >= '0' && digits[i] <= '9'; i++)
		*ret = *ret * 10 + digits[i] - '0';
	bool is_number = i > 0;

	for (; i < len; i++)
		is_number &= digits[i] == ' ';
	return is_number ? NULL : error_new(BAD_DATA, "its size is no number");
}

static struct error *parse_ar_header(const uint8_t header[AR_HEADER_SIZE],
				     struct ar_member *m)
{
	size_t len = AR_NAME_SIZE;

	if (memcmp(header + 58, "`\n", 2))
		return error_new(BAD_DATA, "not a member's header");
	memcpy(m->name, header, AR_NAME_SIZE);
	while (len && m->name[len - 1] == ' ')
		len--;
	if (len && m->name[len - 1] == '/')
		len--;
	m->name[len] = '\0';
	return parse_size(header + 48, 10, &m->size);
}

/* The member whose header lies at @offset, rounded up to an even one. */
static struct error *read_ar_member(struct input *file, uint64_t offset,
				    struct ar_member *m, bool *found_ret)
{
	uint8_t header[AR_HEADER_SIZE];

	offset += offset % 2;
	*found_ret = offset < file->size;
	if (!*found_ret)
		return NULL;
	TRY(error_wrap(input_read_exact(file, offset, header, sizeof(header)),
		       "ar header"));
	TRY(error_wrap(parse_ar_header(header, m),
		       "ar header at offset %" PRIu64, offset));
	m->offset = offset + AR_HEADER_SIZE;
	if (m->size > file->size - m->offset)
		return error_new(BAD_DATA,
				 "%s: truncated: %" PRIu64 " of its %" PRIu64
				 " bytes are there",
				 m->name, file->size - m->offset, m->size);
	return NULL;
}

static struct error *check_ar_version(struct input *file,
				      const struct ar_member *m)
{
	char text[VERSION_SIZE];
	size_t size = m->size < sizeof(text) ? (size_t)m->size : sizeof(text);

	if (strcmp(m->name, version_name))
		return error_new(BAD_DATA, "the first member is not %s",
				 version_name);
	TRY(input_read_exact(file, m->offset, text, size));
	return check_version(text, size);
}

static struct error *open_ar(struct scanner_stream *s)
{
	struct ar_member m = { .offset = AR_MAGIC_SIZE };

	for (unsigned i = 0; i < AR_MEMBERS_MAX; i++) {
		bool found;

		TRY(read_ar_member(&s->file, m.offset + m.size, &m, &found));
		if (!found)
			break;
		if (i == 0)
			TRY(check_ar_version(&s->file, &m));
		if (!is_data_name(m.name))
			continue;
		snprintf(s->data_name, sizeof(s->data_name), "%s", m.name);
		s->data_offset = m.offset;
		s->data_size = m.size;
		return error_wrap(
			open_data(s, payload_slice(&s->file, m.offset, m.size)),
			"%s", s->data_name);
	}
	return error_new(BAD_DATA, "no member data.tar");
}

/* ---- A tar.gz of the same members --------------------------------------- */

static struct error *read_ipk_version(struct unpack *outer)
{
	char text[VERSION_SIZE];
	size_t size = 0, got;

	do {
		TRY(unpack_read(outer, text + size, sizeof(text) - size, &got));
		size += got;
	} while (got && size < sizeof(text));
	return check_version(text, size);
}

static struct error *read_ipk_data(struct unpack *outer, struct buf *to)
{
	enum { CHUNK = 64 << 10 };
	size_t got;

	do {
		void *room = buf_reserve(to, CHUNK);

		if (!room)
			return error_no_memory;
		TRY(unpack_read(outer, room, CHUNK, &got));
		buf_commit(to, got);
		if (to->size > ipk_data_max)
			return error_new(LIMIT,
					 "more than %" PRIu64
					 " bytes inside a tar.gz",
					 ipk_data_max);
	} while (got);
	return NULL;
}

static struct error *read_ipk_member(struct scanner_stream *s,
				     struct unpack *outer, const char *name)
{
	if (!strcmp(name, version_name))
		return read_ipk_version(outer);
	if (!is_data_name(name) || *s->data_name)
		return NULL;
	snprintf(s->data_name, sizeof(s->data_name), "%s", name);
	return error_wrap(read_ipk_data(outer, &s->ipk_data), "%s", name);
}

/* To the end, so that a package cut off anywhere is known as such. */
static struct error *read_ipk(struct scanner_stream *s)
{
	CLEANUP_CODEC struct codec_stream *payload = NULL;
	CLEANUP_UNPACK struct unpack *outer = NULL;
	bool found;

	TRY(codec_open(CODEC_GZIP, &s->file, UINT64_MAX, &payload));
	TRY(unpack_open(payload, &outer));
	do {
		struct scanner_member m;

		TRY(unpack_next(outer, &m, &found));
		if (found)
			TRY(read_ipk_member(s, outer, m.name));
	} while (found);
	return NULL;
}

static struct error *open_ipk(struct scanner_stream *s)
{
	TRY(error_wrap(read_ipk(s), "outer archive"));
	if (!*s->data_name)
		return error_new(BAD_DATA, "no member data.tar");
	return error_wrap(open_data(s, input_from_memory(s->ipk_data.data,
							 s->ipk_data.size)),
			  "%s", s->data_name);
}

/* ---- The scanner -------------------------------------------------------- */

static void deb_close(struct scanner_stream *s)
{
	if (!s)
		return;
	unpack_close(s->tar);
	codec_close(s->payload);
	buf_deinit(&s->ipk_data);
	mem_free(s);
}

static void cleanup_stream(struct scanner_stream **s)
{
	deb_close(*s);
}

static struct error *deb_open(const struct scanner_input *in,
			      struct scanner_stream **ret)
{
	CLEANUP(cleanup_stream)
	struct scanner_stream *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	s->file = in->file;
	if (is_ar(in->head, in->head_size))
		TRY(open_ar(s));
	else if (codec_detect(in->head, in->head_size) == CODEC_GZIP)
		TRY(open_ipk(s));
	else
		return error_new(BAD_DATA, "no package: the file does not "
					   "begin as an ar archive");
	*ret = STEAL(s);
	return NULL;
}

static struct error *deb_next(struct scanner_stream *s,
			      struct scanner_member *m, bool *found_ret)
{
	return error_wrap(unpack_next(s->tar, m, found_ret), "%s",
			  s->data_name);
}

static struct error *deb_read(struct scanner_stream *s, void *buf, size_t size,
			      size_t *size_ret)
{
	return error_wrap(unpack_read(s->tar, buf, size, size_ret), "%s",
			  s->data_name);
}

static struct codec_stream *deb_payload(struct scanner_stream *s)
{
	return s->payload;
}

static void deb_payload_place(struct scanner_stream *s, enum codec *codec_ret,
			      uint64_t *offset_ret, uint64_t *size_ret)
{
	*codec_ret = s->codec;
	*offset_ret = s->data_offset;
	*size_ret = s->data_size;
}

static const struct scanner_passed_over *
deb_passed_over(const struct scanner_stream *s)
{
	return unpack_passed_over(s->tar);
}

const struct scanner scanner_deb = {
	.name = "deb",
	.bid = deb_bid,
	.open = deb_open,
	.next = deb_next,
	.read = deb_read,
	.payload = deb_payload,
	.payload_place = deb_payload_place,
	.passed_over = deb_passed_over,
	.close = deb_close,
};

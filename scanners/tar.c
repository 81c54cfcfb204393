/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tar archive, as it is or compressed: .tar, .tar.*, pacman's .pkg.tar.*,
 * and Alpine's .apk.
 *
 * POSIX.1-2001, pax, "ustar Interchange Format", of which a bid needs
 *
 *	offset 148  8	checksum, octal: the sum of the header's 512 bytes, this
 *			field taken as spaces
 *	       257  6	"ustar\0", or GNU's "ustar " (old archives: anything)
 *
 * The members are read by unpack.c.
 *
 * .apk, version 2 (Alpine, apk-tools 2.14, apk-package(5)): three gzip streams
 * one after the other, signature, control and data, each a tar segment. The
 * first two lack the end mark, so that what they decode to is one archive.
 * Version 3 is another format ("ADB" and a letter for its compression), known
 * here so that a reason can be given. Android's .apk is a zip file and not
 * ours.
 *
 * What is compressed can only be known by decoding it. So the name decides
 * where content does not, together with the compression's magic;
 * tar_is_inside() is for those who may take longer.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "scanners/formats.h"
#include "scanners/payload.h"
#include "scanners/unpack.h"

enum {
	HEADER_SIZE = 512,
	CHECKSUM_OFFSET = 148,
	CHECKSUM_SIZE = 8,
	MAGIC_OFFSET = 257,
	MAGIC_BITS = 40,
	ADB_BITS = 32,
};

struct scanner_stream {
	struct input file;
	enum codec codec;
	struct codec_stream *payload;
	struct unpack *tar;
	/* The member met last, for messages: what is wrong is behind its
	 * header. */
	char last[PAYLOAD_NAME_MAX + 1];
};

/* ---- Bid ---------------------------------------------------------------- */

/* ".tar.gz" and the like; a signature's ".tar.gz.asc" is none. */
static bool is_tar_path(const char *path)
{
	static const char *const suffixes[] = {
		".tar",      ".tar.gz", ".tar.xz",   ".tar.zst", ".tar.bz2",
		".tar.lzma", ".tgz",    ".txz",      ".tzst",    ".tbz",
		".tbz2",     ".tlz",    ".tar.zstd", ".apk",
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		if (scanner_has_suffix(path, suffixes[i]))
			return true;
	return false;
}

/* The header's checksum; -1: there is none. */
static long said_checksum(const uint8_t *header)
{
	const uint8_t *p = header + CHECKSUM_OFFSET;
	const uint8_t *end = p + CHECKSUM_SIZE;
	long sum = 0;

	while (p < end && *p == ' ')
		p++;
	if (p == end || *p < '0' || *p > '7')
		return -1;
	for (; p < end && *p >= '0' && *p <= '7'; p++)
		sum = sum * 8 + (*p - '0');
	return sum;
}

/* The bits verified: those of the magic, or 1 for an old header. */
static int header_bits(const uint8_t *header, size_t size)
{
	long as_unsigned = 0, as_signed = 0;

	if (size < HEADER_SIZE)
		return 0;
	for (size_t i = 0; i < HEADER_SIZE; i++) {
		bool is_checksum = i >= CHECKSUM_OFFSET &&
				   i < CHECKSUM_OFFSET + CHECKSUM_SIZE;

		as_unsigned += is_checksum ? ' ' : header[i];
		as_signed += is_checksum ? ' ' : (int8_t)header[i];
	}
	long said = said_checksum(header);

	// Old writers added up signed characters.
	if (said < 0 || (said != as_unsigned && said != as_signed))
		return 0;
	return memcmp(header + MAGIC_OFFSET, "ustar", 5) ? 1 : MAGIC_BITS;
}

static bool is_adb(const struct scanner_input *in)
{
	return scanner_has_suffix(in->path, ".apk") && in->head_size >= 4 &&
	       !memcmp(in->head, "ADB", 3) && strchr(".dc", in->head[3]) &&
	       in->head[3];
}

static int codec_bits(enum codec codec)
{
	static const uint8_t bits[CODECS] = {
		[CODEC_GZIP] = 24,
		[CODEC_XZ] = 48,
		[CODEC_BZIP2] = 24,
		[CODEC_ZSTD] = 32,
	};

	return bits[codec];
}

static int tar_bid(const struct scanner_input *in)
{
	int suffix = is_tar_path(in->path);
	int bits = header_bits(in->head, in->head_size);

	if (bits > 1)
		return bits + suffix;
	if (!suffix)
		return 0;
	if (is_adb(in))
		return ADB_BITS + suffix;
	bits = codec_bits(codec_detect(in->head, in->head_size));
	// Android's are no damaged ones of Alpine's.
	if (!bits && scanner_has_suffix(in->path, ".apk"))
		return 0;
	return bits + suffix;
}

struct error *tar_is_inside(const struct scanner_input *in, bool *ret)
{
	CLEANUP_CODEC struct codec_stream *payload = NULL;
	enum codec codec = codec_detect(in->head, in->head_size);
	uint8_t header[HEADER_SIZE];
	size_t size = 0, got = 1;

	*ret = false;
	TRY(codec_open(codec, &in->file, UINT64_MAX, &payload));
	while (size < sizeof(header) && got) {
		TRY(codec_read(payload, header + size, sizeof(header) - size,
			       &got));
		size += got;
	}
	*ret = header_bits(header, size) > 1;
	return NULL;
}

/* ---- The scanner -------------------------------------------------------- */

static void tar_close(struct scanner_stream *s)
{
	if (!s)
		return;
	unpack_close(s->tar);
	codec_close(s->payload);
	mem_free(s);
}

static void cleanup_stream(struct scanner_stream **s)
{
	tar_close(*s);
}

static struct error *tar_open(const struct scanner_input *in,
			      struct scanner_stream **ret)
{
	CLEANUP(cleanup_stream)
	struct scanner_stream *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	if (is_adb(in))
		return error_new(UNSUPPORTED, "an apk package of version 3");
	if (!in->head_size)
		return error_new(BAD_DATA, "no archive: the file is empty");
	s->file = in->file;
	// A tar archive's first bytes are a name, which may look like anything.
	s->codec = header_bits(in->head, in->head_size)
			   ? CODEC_NONE
			   : codec_detect(in->head, in->head_size);
	TRY(codec_open(s->codec, &s->file, UINT64_MAX, &s->payload));
	TRY(unpack_open(s->payload, &s->tar));
	*ret = STEAL(s);
	return NULL;
}

static struct error *tar_next(struct scanner_stream *s,
			      struct scanner_member *m, bool *found_ret)
{
	struct error *err = unpack_next(s->tar, m, found_ret);

	if (err)
		return *s->last ? error_wrap(err, "behind %s", s->last) : err;
	if (*found_ret)
		snprintf(s->last, sizeof(s->last), "%s", m->name);
	return NULL;
}

static struct error *tar_read(struct scanner_stream *s, void *buf, size_t size,
			      size_t *size_ret)
{
	return unpack_read(s->tar, buf, size, size_ret);
}

static struct codec_stream *tar_payload(struct scanner_stream *s)
{
	return s->payload;
}

static void tar_payload_place(struct scanner_stream *s, enum codec *codec_ret,
			      uint64_t *offset_ret, uint64_t *size_ret)
{
	*codec_ret = s->codec;
	*offset_ret = 0;
	*size_ret = s->file.size;
}

static const struct scanner_passed_over *
tar_passed_over(const struct scanner_stream *s)
{
	return unpack_passed_over(s->tar);
}

const struct scanner scanner_tar = {
	.name = "tar",
	.bid = tar_bid,
	.open = tar_open,
	.next = tar_next,
	.read = tar_read,
	.payload = tar_payload,
	.payload_place = tar_payload_place,
	.passed_over = tar_passed_over,
	.close = tar_close,
};

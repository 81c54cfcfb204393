/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compressed kernel module, NAME.ko.xz, .ko.zst or .ko.gz: a container with
 * one member, NAME.ko.
 *
 *	offset 0	xz, zstd or gzip stream, as `make modules_install`
 *			leaves it (Linux, scripts/Makefile.modinst)
 *
 * Any file can be compressed, so it takes both the suffix and the magic.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "scanners/formats.h"

enum { COPY_SIZE = 64 << 10 };

/* The size is found by decoding, and a bomb must not be decoded for ever. No
 * module with all its debug information comes near. */
static const uint64_t module_size_max = GIB;

struct scanner_stream {
	struct input file;
	enum codec codec;
	struct codec_stream *payload;
	char *name;
	uint64_t size;
	bool is_given;
};

static int kmod_bid(const struct scanner_input *in)
{
	enum codec codec = scanner_packed_member(in->path);

	if (codec == CODEC_NONE ||
	    codec_detect(in->head, in->head_size) != codec)
		return 0;
	return 1 + (codec == CODEC_XZ ? 48 : codec == CODEC_ZSTD ? 32 : 24);
}

static void kmod_close(struct scanner_stream *s)
{
	if (!s)
		return;
	codec_close(s->payload);
	mem_free(s->name);
	mem_free(s);
}

static void cleanup_stream(struct scanner_stream **s)
{
	kmod_close(*s);
}

static struct error *kmod_open(const struct scanner_input *in,
			       struct scanner_stream **ret)
{
	CLEANUP(cleanup_stream)
	struct scanner_stream *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	const char *name = scanner_basename(in->path);

	s->file = in->file;
	s->codec = scanner_packed_member(in->path);
	s->name = mem_strndup(name, (size_t)(strrchr(name, '.') - name));
	if (!s->name)
		return error_no_memory;
	TRY(codec_open(s->codec, &s->file, UINT64_MAX, &s->payload));
	*ret = STEAL(s);
	return NULL;
}

static struct error *count_forward(struct scanner_stream *s, uint8_t *buf)
{
	CLEANUP_CODEC struct codec_stream *stream = NULL;
	size_t got;

	TRY(codec_open(s->codec, &s->file, UINT64_MAX, &stream));
	do {
		TRY(codec_read(stream, buf, COPY_SIZE, &got));
		s->size += got;
	} while (got && s->size <= module_size_max);
	return NULL;
}

/* What is decoded so stays with the payload for those who read it next. */
static struct error *count_at_random(struct scanner_stream *s, uint8_t *buf)
{
	struct input in = codec_input(s->payload, 0, UINT64_MAX);
	size_t got;

	do {
		TRY(in.read(&in, s->size, buf, COPY_SIZE, &got));
		s->size += got;
	} while (got && s->size <= module_size_max);
	return NULL;
}

/* The size of the decoded module: none of the formats must say it. */
static struct error *measure(struct scanner_stream *s)
{
	CLEANUP_FREE uint8_t *buf = mem_alloc(COPY_SIZE);

	if (!buf)
		return error_no_memory;
	TRY(codec_is_seekable(s->payload) ? count_at_random(s, buf)
					  : count_forward(s, buf));
	if (s->size > module_size_max)
		return error_new(
			LIMIT, "a kernel module of more than %" PRIu64 " bytes",
			module_size_max);
	return NULL;
}

static struct error *kmod_next(struct scanner_stream *s,
			       struct scanner_member *m, bool *found_ret)
{
	*found_ret = false;
	if (s->is_given)
		return codec_seek(s->payload, s->size);
	TRY(measure(s));
	s->is_given = true;
	*m = (struct scanner_member) { .name = s->name, .size = s->size };
	*found_ret = true;
	return NULL;
}

static struct error *kmod_read(struct scanner_stream *s, void *buf, size_t size,
			       size_t *size_ret)
{
	return codec_read(s->payload, buf, size, size_ret);
}

static struct codec_stream *kmod_payload(struct scanner_stream *s)
{
	return s->payload;
}

static void kmod_payload_place(struct scanner_stream *s, enum codec *codec_ret,
			       uint64_t *offset_ret, uint64_t *size_ret)
{
	*codec_ret = s->codec;
	*offset_ret = 0;
	*size_ret = s->file.size;
}

static const struct scanner_passed_over *
kmod_passed_over(const struct scanner_stream *s)
{
	static const struct scanner_passed_over nothing;

	(void)s;
	return &nothing;
}

const struct scanner scanner_kmod = {
	.name = "kmod",
	.is_bare = true,
	.bid = kmod_bid,
	.open = kmod_open,
	.next = kmod_next,
	.read = kmod_read,
	.payload = kmod_payload,
	.payload_place = kmod_payload_place,
	.passed_over = kmod_passed_over,
	.close = kmod_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* A compressed section begins with a header in the file's byte order
 *
 *	class 32: ch_type ch_size ch_addralign: 4 bytes each
 *	class 64: ch_type ch_reserved: 4 each; ch_size ch_addralign: 8 each
 *
 * where ch_type is 1 (zlib) or 2 (zstd), and is marked by SHF_COMPRESSED. The
 * older way is a section named .zdebug_* that begins with
 *
 *	"ZLIB", size: 8 bytes, big-endian whatever the file's order
 *
 * Source: System V gABI, chapter 4, "Section Compression" (2022: zstd);
 * GNU binutils bfd/compress.c 2.40 (.zdebug). */
#include "config.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "codec/codec.h"
#include "elf/elf_limits.h"
#include "elf/elf_section.h"

enum {
	INFLATE_STEP = 32 << 10,
	VIEW_MAX = 1 << 20, /* stored bytes that are copied and not mapped */
	COMPRESSION_ELF_ZLIB = 1,
	COMPRESSION_ELF_ZSTD = 2,
};

/* Invariant: buf holds the bytes from `pos` on that were read and not yet
 * skipped, start to end; the codec (or a plain read) goes on behind them. */
struct elf_stream {
	struct elf_file *f;
	uint64_t offset; /* of the stored bytes in the file */
	uint64_t stored_size;
	uint64_t size;
	uint64_t pos;
	size_t step;
	struct codec_stream *codec; /* NULL: plain */
	bool is_zlib;
	uint8_t *buf;
	size_t capacity;
	size_t start;
	size_t end;
};

/* The compressed bytes as an input for the codec, which reads them in order:
 * a slice of the file's. */
static struct error *read_stored(struct input *in, uint64_t offset, void *buf,
				 size_t size, size_t *size_ret)
{
	const struct elf_stream *s = in->ctx;

	*size_ret = 0;
	if (offset >= s->stored_size)
		return NULL;
	if (size > s->stored_size - offset)
		size = (size_t)(s->stored_size - offset);
	TRY(elf_file_read(s->f, s->offset + offset, buf, size));
	*size_ret = size;
	return NULL;
}

static struct error *check_claim(const struct elf_stream *s)
{
	if (s->size > ELF_INFLATED_MAX)
		return error_new(LIMIT, "claims %" PRIu64 " bytes", s->size);
	if (s->size > ELF_RATIO_FROM &&
	    s->size / ELF_RATIO_MAX > s->stored_size)
		return error_new(LIMIT,
				 "claims %" PRIu64 " bytes in %" PRIu64
				 " compressed ones",
				 s->size, s->stored_size);
	return NULL;
}

/* Take the header off the stored bytes. */
static struct error *begin_compressed(struct elf_stream *s, uint64_t header,
				      enum codec codec)
{
	struct input in = { .read = read_stored, .ctx = s };

	s->offset += header;
	s->stored_size -= header;
	in.size = s->stored_size;
	s->is_zlib = codec == CODEC_ZLIB;
	TRY(check_claim(s));
	return codec_open(codec, &in, s->size, &s->codec);
}

static struct error *begin_shf_compressed(struct elf_stream *s)
{
	const struct elf_header *h = &s->f->header;
	uint64_t size = h->is_64 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
	CLEANUP_ELF_VIEW struct elf_view v = { 0 };
	struct reader r;

	if (s->stored_size < size)
		return error_new(BAD_DATA, "no room for a compression header");
	TRY(elf_file_view(s->f, s->offset, size, &v));
	reader_init(&r, v.data, v.size, h->big_endian);
	uint32_t type = reader_u32(&r);

	if (h->is_64)
		reader_skip(&r, 4);
	s->size = reader_uint(&r, h->is_64 ? 8 : 4);
	if (type == COMPRESSION_ELF_ZLIB)
		return begin_compressed(s, size, CODEC_ZLIB);
	if (type == COMPRESSION_ELF_ZSTD)
		return begin_compressed(s, size, CODEC_ZSTD);
	return error_new(UNSUPPORTED, "compression type %" PRIu32, type);
}

static struct error *begin_zdebug(struct elf_stream *s)
{
	enum { SIZE = 12 };
	CLEANUP_ELF_VIEW struct elf_view v = { 0 };
	struct reader r;

	if (s->stored_size < SIZE)
		return error_new(BAD_DATA, "no room for a compression header");
	TRY(elf_file_view(s->f, s->offset, SIZE, &v));
	reader_init(&r, v.data, v.size, true);
	if (memcmp(reader_bytes(&r, 4), "ZLIB", 4) != 0)
		return error_new(UNSUPPORTED, "compression without \"ZLIB\"");
	s->size = reader_u64(&r);
	return begin_compressed(s, SIZE, CODEC_ZLIB);
}

static struct error *begin(struct elf_stream *s, const struct elf_shdr *shdr,
			   const char *name)
{
	uint64_t file_size = s->f->in->size;

	if (shdr->type == SHT_NOBITS)
		return error_new(BAD_DATA, "has no bytes");
	if (shdr->offset > file_size)
		return error_new(BAD_DATA,
				 "offset %" PRIu64 " lies outside the file",
				 shdr->offset);
	s->offset = shdr->offset;
	s->stored_size = shdr->size;
	if (s->stored_size > file_size - s->offset)
		s->stored_size = file_size - s->offset;
	s->size = s->stored_size;
	if (shdr->flags & SHF_COMPRESSED)
		return begin_shf_compressed(s);
	if (strncmp(name, ".zdebug_", 8) == 0)
		return begin_zdebug(s);
	return NULL;
}

struct error *elf_stream_open(struct elf_file *f, size_t section, size_t step,
			      struct elf_stream **ret)
{
	CLEANUP_ELF_STREAM struct elf_stream *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	struct elf_shdr shdr = elf_file_section(f, section);
	const char *name = elf_file_section_name(f, &shdr);

	s->f = f;
	s->step = step;
	TRY(error_wrap(begin(s, &shdr, name), "%.64s", name));
	if (s->codec)
		s->step = INFLATE_STEP;
	*ret = STEAL(s);
	return NULL;
}

uint64_t elf_stream_size(const struct elf_stream *s)
{
	return s->size;
}

uint64_t elf_stream_tell(const struct elf_stream *s)
{
	return s->pos;
}

/* Count before inflating, so that a bomb is not even begun. */
static struct error *count_inflated(struct elf_stream *s, uint64_t size)
{
	if (size > ELF_INFLATED_MAX - s->f->inflated_bytes)
		return error_new(LIMIT,
				 "compressed sections inflate to more than "
				 "%" PRIu64 " bytes",
				 ELF_INFLATED_MAX);
	s->f->inflated_bytes += size;
	return NULL;
}

/* Read @p size bytes behind what is held; there is room, and the section
 * claims to have them. */
static struct error *read_behind(struct elf_stream *s, size_t size)
{
	uint64_t at = s->pos + (s->end - s->start);
	size_t done = 0;

	if (!s->codec) {
		TRY(elf_file_read(s->f, s->offset + at, s->buf + s->end, size));
		s->end += size;
		return NULL;
	}
	TRY(count_inflated(s, size));
	while (done < size) {
		size_t n;

		TRY(codec_read(s->codec, s->buf + s->end, size - done, &n));
		if (n == 0)
			return error_new(BAD_DATA,
					 "ends at %" PRIu64 ", %" PRIu64
					 " bytes are claimed",
					 at + done, s->size);
		s->end += n;
		done += n;
	}
	return NULL;
}

/* Move what is held to the front and make room for @p size bytes behind it. */
static bool make_room(struct elf_stream *s, size_t size)
{
	size_t held = s->end - s->start;

	if (s->capacity - s->end >= size)
		return true;
	if (held)
		memmove(s->buf, s->buf + s->start, held);
	s->start = 0;
	s->end = held;
	return mem_grow(&s->buf, &s->capacity, held + size, 1);
}

/* Hold some more, knowing that @p want is not yet held. */
static struct error *hold_more(struct elf_stream *s, size_t want)
{
	size_t held = s->end - s->start;
	uint64_t left = s->size - s->pos - held;
	size_t size = s->step;

	// Inflating, memory follows bytes that are there, not claims.
	if (s->codec && size < held)
		size = held;
	if (!s->codec && size < want - held)
		size = want - held;
	if (size > left)
		size = (size_t)left;
	if (!make_room(s, size))
		return error_no_memory;
	return read_behind(s, size);
}

/* Whoever reads beyond what is held, or what was skipped, would find bytes that
 * were there before. */
static void hide_rest(const struct elf_stream *s)
{
	if (!s->buf)
		return;
	mem_hide(s->buf, s->start);
	mem_hide(s->buf + s->end, s->capacity - s->end);
}

struct error *elf_stream_peek(struct elf_stream *s, size_t want,
			      const uint8_t **ret, size_t *size_ret)
{
	uint64_t left = s->size - s->pos;
	struct error *err = NULL;

	if (want > left)
		want = (size_t)left;
	mem_show(s->buf, s->capacity);
	while (!err && s->end - s->start < want)
		err = hold_more(s, want);
	hide_rest(s);
	*ret = s->buf ? s->buf + s->start : (const uint8_t *)"";
	*size_ret = s->end - s->start;
	// Damage further on than what is wanted will be met again.
	if (err && elf_is_damage(err) && *size_ret >= want) {
		error_free(err);
		return NULL;
	}
	return err;
}

struct error *elf_stream_skip(struct elf_stream *s, uint64_t size)
{
	size_t held = s->end - s->start;

	if (size > s->size - s->pos)
		size = s->size - s->pos;
	s->pos += size;
	if (size <= held) {
		s->start += (size_t)size;
		hide_rest(s);
		return NULL;
	}
	s->start = s->end = 0;
	hide_rest(s);
	if (!s->codec)
		return NULL;
	TRY(count_inflated(s, size - held));
	return codec_skip(s->codec, size - held);
}

bool elf_stream_whole(struct elf_stream *s, uint8_t *to)
{
	CLEANUP_ELF_VIEW struct elf_view view = { 0 };
	CLEANUP_ELF_MAP struct elf_map map = { 0 };
	size_t size = (size_t)s->stored_size;

	if (!s->is_zlib || s->size > ELF_INFLATED_MAX - s->f->inflated_bytes)
		return false;
	if (size > VIEW_MAX) {
		if (!elf_file_map(s->f, s->offset, size, &map))
			return false;
	} else {
		struct error *err = elf_file_view(s->f, s->offset, size, &view);

		if (err) {
			error_free(err); // the stream meets it, too
			return false;
		}
	}
	if (!codec_whole_zlib(size > VIEW_MAX ? map.data : view.data, size, to,
			      (size_t)s->size))
		return false;
	s->f->inflated_bytes += s->size;
	return true;
}

void elf_stream_close(struct elf_stream *s)
{
	if (!s)
		return;
	codec_close(s->codec);
	mem_free(s->buf);
	mem_free(s);
}

static struct error *load(struct elf_stream *s, uint8_t **ret, size_t *size_ret)
{
	const uint8_t *data;

	if (s->size > ELF_HELD_MAX)
		return error_new(LIMIT,
				 "%" PRIu64 " bytes are too many to hold",
				 s->size);
	TRY(elf_stream_peek(s, (size_t)s->size, &data, size_ret));
	*ret = STEAL(s->buf);
	return NULL;
}

struct error *elf_section_load(struct elf_file *f, size_t section,
			       uint8_t **ret, size_t *size_ret)
{
	CLEANUP_ELF_STREAM struct elf_stream *s = NULL;
	struct elf_shdr shdr = elf_file_section(f, section);

	TRY(elf_stream_open(f, section, INFLATE_STEP, &s));
	return error_wrap(load(s, ret, size_ret), "%.64s",
			  elf_file_section_name(f, &shdr));
}

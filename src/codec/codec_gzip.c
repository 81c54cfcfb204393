/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952) and zlib (RFC 1950) around deflate (RFC 1951), by zlib.
 *
 * gzip, any number of members one behind the other:
 *	u8 1f, u8 8b, u8 08, u8 flags, u32 mtime, u8, u8
 *	flags 04: u16 size and as many bytes; 08: name, NUL; 10: comment, NUL;
 *	flags 02: u16 low half of the CRC-32 of all before
 *	deflate
 *	u32 CRC-32, u32 size modulo 2^32, of the decoded bytes; little-endian
 * zlib:
 *	u8 x8, u8; together, big-endian, a multiple of 31; second & 20: a preset
 *	dictionary
 *	deflate
 *	u32 Adler-32, big-endian
 * GNU as and ld put several zlib streams into one section (binutils
 * PR 18313), so these may be concatenated, too. Zero bytes behind the last
 * are padding.
 *
 * zlib is only given the raw deflate. Header, trailer and checksum are done
 * here, so a checkpoint can carry the checksum and a member that is entered in
 * the middle is still verified at its end.
 *
 * A checkpoint (Mark Adler's zran.c) lies between two deflate blocks:
 *	u8 1, u8 bits 0..7 left of the byte before, u8 these bits, u8 0
 *	u32 checksum so far, u32 size of the member so far
 *	the last 32 KiB or less before it, packed (codec_pack)
 * The start of a member needs no state.
 */
#include "config.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/reader.h"
#include "codec/codec_backend.h"

enum {
	WINDOW_BYTES = 32 << 10,
	CHECKPOINT_MARK = 1,
	GZIP_HEADER_CRC = 1 << 1,
	GZIP_EXTRA = 1 << 2,
	GZIP_NAME = 1 << 3,
	GZIP_COMMENT = 1 << 4,
	GZIP_RESERVED = 0xe0,
	ZLIB_DICTIONARY = 1 << 5,
};

enum phase { IN_HEADER, IN_BODY, IN_TRAILER };

struct inflater {
	z_stream z;
	bool is_zlib;
	bool is_first; /* no member has been begun */
	enum phase phase;
	uint32_t check;    /* CRC-32 or Adler-32 of the member so far */
	uint32_t size;     /* of the member so far, modulo 2^32 */
	struct buf packed; /* a checkpoint being made */
	uint8_t window[WINDOW_BYTES];
};

static struct error *error_from_zlib(const struct codec_decoder *d, int rc)
{
	const struct inflater *f = d->state;

	if (rc == Z_MEM_ERROR)
		return error_no_memory;
	return codec_error_damaged(d, f->z.msg ? f->z.msg : zError(rc));
}

static void destroy(struct codec_decoder *d)
{
	struct inflater *f = d->state;

	inflateEnd(&f->z);
	buf_deinit(&f->packed);
	mem_free(f);
}

/* ---- Checkpoints -------------------------------------------------------- */

static struct error *record_checkpoint(struct codec_decoder *d,
				       uint64_t out_offset)
{
	struct inflater *f = d->state;
	unsigned bits = (unsigned)f->z.data_type & 7;
	uint8_t before = 0;
	uInt size = 0;

	// The bits left of the byte before are what inflate holds; the byte is
	// at hand unless it was the last of an earlier fill.
	if (bits && !d->src.pos)
		return NULL;
	if (bits)
		before = (uint8_t)(d->src.data[d->src.pos - 1] >> (8 - bits));
	if (inflateGetDictionary(&f->z, f->window, &size) != Z_OK)
		return NULL;
	buf_clear(&f->packed);
	buf_put_u8(&f->packed, CHECKPOINT_MARK);
	buf_put_u8(&f->packed, (uint8_t)bits);
	buf_put_u8(&f->packed, before);
	buf_put_u8(&f->packed, 0);
	buf_put_u32(&f->packed, f->check);
	if (!buf_put_u32(&f->packed, f->size))
		return error_no_memory;
	TRY(codec_pack(f->window, size, &f->packed));
	return codec_note_point(d, codec_source_tell(&d->src), out_offset,
				f->packed.data, f->packed.size);
}

static struct error *restore_checkpoint(struct codec_decoder *d,
					const struct codec_point *p)
{
	struct inflater *f = d->state;
	CLEANUP_BUF struct buf window = BUF_INIT;
	struct reader r;

	reader_init(&r, p->state, p->state_size, false);
	uint8_t mark = reader_u8(&r);
	uint8_t bits = reader_u8(&r);
	uint8_t before = reader_u8(&r);

	reader_skip(&r, 1);
	f->check = reader_u32(&r);
	f->size = reader_u32(&r);
	if (!reader_ok(&r) || mark != CHECKPOINT_MARK || bits > 7 ||
	    before >> bits)
		return codec_error_damaged(d, "not a checkpoint");
	struct error *err = codec_unpack(p->state + r.pos, reader_left(&r),
					 WINDOW_BYTES, &window);

	if (err == error_no_memory)
		return err;
	error_free(err);
	if (err)
		return codec_error_damaged(d, "not a checkpoint");
	if (inflatePrime(&f->z, bits, before) != Z_OK ||
	    (window.size && inflateSetDictionary(&f->z, window.data,
						 (uInt)window.size) != Z_OK))
		return codec_error_damaged(d, "not a checkpoint");
	f->phase = IN_BODY;
	f->is_first = false;
	return NULL;
}

static struct error *begin(struct codec_decoder *d, const struct codec_point *p,
			   const struct codec_block *b)
{
	struct inflater *f = d->state;

	(void)b;
	if (!f) {
		f = mem_zalloc(sizeof(*f));
		if (!f)
			return error_no_memory;
		if (inflateInit2(&f->z, -MAX_WBITS) != Z_OK) {
			mem_free(f);
			return error_no_memory;
		}
		f->is_zlib = d->backend == &codec_backend_zlib;
		d->state = f;
	} else {
		inflateReset(&f->z);
	}
	f->phase = IN_HEADER;
	f->is_first = true;
	return p->state_size ? restore_checkpoint(d, p) : NULL;
}

/* ---- Headers and trailers ----------------------------------------------- */

/* Header bytes, with their CRC as far as taken. */
struct header {
	struct codec_source *src;
	uLong crc;
};

static struct error *take(struct header *h, uint8_t *ret)
{
	TRY(codec_source_byte(h->src, ret));
	h->crc = crc32(h->crc, ret, 1);
	return NULL;
}

static struct error *take_bytes(struct header *h, size_t count)
{
	uint8_t byte;

	while (count--)
		TRY(take(h, &byte));
	return NULL;
}

static struct error *take_string(struct header *h)
{
	uint8_t byte;

	do
		TRY(take(h, &byte));
	while (byte);
	return NULL;
}

static struct error *take_u16(struct header *h, uint16_t *ret)
{
	uint8_t low, high;

	TRY(take(h, &low));
	TRY(take(h, &high));
	*ret = (uint16_t)(low | high << 8);
	return NULL;
}

static struct error *read_gzip_header(struct codec_decoder *d)
{
	struct header h = { .src = &d->src, .crc = crc32(0, NULL, 0) };
	uint8_t magic[3], flags;
	uint16_t size;

	for (size_t i = 0; i < sizeof(magic); i++)
		TRY(take(&h, &magic[i]));
	if (magic[0] != 0x1f || magic[1] != 0x8b || magic[2] != Z_DEFLATED)
		return codec_error_damaged(d, "not a gzip header");
	TRY(take(&h, &flags));
	if (flags & GZIP_RESERVED)
		return codec_error_damaged(d, "unknown gzip header flags");
	TRY(take_bytes(&h, 6));
	if (flags & GZIP_EXTRA) {
		TRY(take_u16(&h, &size));
		TRY(take_bytes(&h, size));
	}
	if (flags & GZIP_NAME)
		TRY(take_string(&h));
	if (flags & GZIP_COMMENT)
		TRY(take_string(&h));
	if (flags & GZIP_HEADER_CRC) {
		uint16_t want = (uint16_t)h.crc, crc;

		TRY(take_u16(&h, &crc));
		if (crc != want)
			return codec_error_damaged(
				d, "gzip header checksum does not match");
	}
	return NULL;
}

static struct error *read_zlib_header(struct codec_decoder *d)
{
	uint8_t method, flags;

	TRY(codec_source_byte(&d->src, &method));
	TRY(codec_source_byte(&d->src, &flags));
	if ((method & 15) != Z_DEFLATED || method >> 4 > MAX_WBITS - 8 ||
	    (method << 8 | flags) % 31)
		return codec_error_damaged(d, "not a zlib header");
	if (flags & ZLIB_DICTIONARY)
		return error_new(UNSUPPORTED, "preset zlib dictionary");
	return NULL;
}

/* Begin the next member, if there is one. */
static struct error *begin_member(struct codec_decoder *d, bool *found_ret)
{
	struct inflater *f = d->state;
	bool end;

	*found_ret = false;
	TRY(codec_source_fill(&d->src, &end));
	if (f->is_first && end)
		return codec_error_truncated(d);
	if (end)
		return NULL;
	if (!f->is_first) {
		if (!d->src.data[d->src.pos]) {
			bool padding;

			TRY(codec_source_is_padding(&d->src, &padding));
			return padding ? NULL
				       : codec_error_damaged(
						 d, "garbage behind the end");
		}
		TRY(codec_note_point(d, codec_source_tell(&d->src),
				     d->out_offset, NULL, 0));
	}
	TRY(f->is_zlib ? read_zlib_header(d) : read_gzip_header(d));
	inflateReset(&f->z);
	f->check = (uint32_t)(f->is_zlib ? adler32(0, NULL, 0)
					 : crc32(0, NULL, 0));
	f->size = 0;
	f->is_first = false;
	f->phase = IN_BODY;
	*found_ret = true;
	return NULL;
}

static struct error *read_trailer(struct codec_decoder *d)
{
	struct inflater *f = d->state;
	uint8_t raw[8];
	struct reader r;

	for (size_t i = 0; i < (f->is_zlib ? 4 : 8); i++)
		TRY(codec_source_byte(&d->src, &raw[i]));
	reader_init(&r, raw, sizeof(raw), f->is_zlib);
	if (reader_u32(&r) != f->check)
		return codec_error_damaged(d, "checksum does not match");
	if (!f->is_zlib && reader_u32(&r) != f->size)
		return codec_error_damaged(d, "size does not match");
	f->phase = IN_HEADER;
	return NULL;
}

/* ---- Decoding ----------------------------------------------------------- */

/* Inflate until there is something, or the member has ended. */
static struct error *inflate_some(struct codec_decoder *d, uint8_t *buf,
				  size_t size, size_t *size_ret)
{
	struct inflater *f = d->state;
	struct codec_source *src = &d->src;
	uint64_t distance = codec_point_distance(d, d->out_offset);
	size_t done = 0;

	// Stopping at every deflate block costs; it is asked for only where
	// the next checkpoint is due.
	if (distance && size > distance)
		size = (size_t)distance;
	if (size > UINT_MAX)
		size = UINT_MAX;
	while (!done && f->phase == IN_BODY) {
		bool end;

		TRY(codec_source_fill(src, &end));
		if (end)
			return codec_error_truncated(d);
		f->z.next_in = src->data + src->pos;
		f->z.avail_in = (uInt)codec_source_left(src);
		f->z.next_out = buf;
		f->z.avail_out = (uInt)size;
		int rc = inflate(&f->z, distance ? Z_NO_FLUSH : Z_BLOCK);

		src->pos = src->size - f->z.avail_in;
		done = size - f->z.avail_out;
		if (rc == Z_STREAM_END)
			f->phase = IN_TRAILER;
		else if (rc != Z_OK && rc != Z_BUF_ERROR && !done)
			return error_from_zlib(d, rc);
		// With something done, inflate says it again the next time.
	}
	f->check = (uint32_t)(f->is_zlib ? adler32_z(f->check, buf, done)
					 : crc32_z(f->check, buf, done));
	f->size += (uint32_t)done;
	// 128: stopped at the end of a block; 64: of the last one.
	if (!distance && f->phase == IN_BODY && f->z.data_type & 128 &&
	    !(f->z.data_type & 64))
		TRY(record_checkpoint(d, d->out_offset + done));
	*size_ret = done;
	return NULL;
}

static struct error *decode(struct codec_decoder *d, uint8_t *buf, size_t size,
			    size_t *size_ret)
{
	struct inflater *f = d->state;

	*size_ret = 0;
	while (!*size_ret) {
		bool found;

		switch (f->phase) {
		case IN_HEADER:
			TRY(begin_member(d, &found));
			if (!found)
				return NULL;
			break;
		case IN_BODY:
			TRY(inflate_some(d, buf, size, size_ret));
			break;
		case IN_TRAILER:
			TRY(read_trailer(d));
			break;
		}
	}
	return NULL;
}

const struct codec_backend codec_backend_gzip = {
	.name = "gzip",
	.begin = begin,
	.decode = decode,
	.destroy = destroy,
};

const struct codec_backend codec_backend_zlib = {
	.name = "zlib",
	.begin = begin,
	.decode = decode,
	.destroy = destroy,
};

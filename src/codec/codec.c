/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "codec/codec_stream.h"

static const struct codec_backend *const backends[CODECS] = {
	[CODEC_GZIP] = &codec_backend_gzip,
	[CODEC_ZLIB] = &codec_backend_zlib,
	[CODEC_XZ] = &codec_backend_xz,
	[CODEC_LZMA] = &codec_backend_lzma,
	[CODEC_BZIP2] = &codec_backend_bzip2,
	[CODEC_ZSTD] = &codec_backend_zstd,
};

const char *codec_name(enum codec codec)
{
	if (codec == CODEC_NONE)
		return "none";
	return (unsigned)codec < CODECS ? backends[codec]->name : "unknown";
}

/* ---- Decoders ----------------------------------------------------------- */

struct error *codec_error_truncated(const struct codec_decoder *d)
{
	return error_new(
		BAD_DATA,
		"truncated: the compressed data end at offset %" PRIu64,
		codec_source_tell(&d->src));
}

struct error *codec_error_damaged(const struct codec_decoder *d,
				  const char *what)
{
	return error_new(BAD_DATA, "damaged near offset %" PRIu64 ": %s",
			 codec_source_tell(&d->src), what);
}

struct error *codec_decoder_begin(struct codec_decoder *d,
				  const struct codec_point *p,
				  const struct codec_block *b)
{
	if (!d->src.in.read)
		codec_source_init(&d->src, &d->stream->in);
	codec_source_seek(&d->src, p->in_offset);
	d->out_offset = p->out_offset;
	d->ended = false;
	d->failed = true;
	TRY(error_wrap(d->backend->begin(d, p, b), "%s", d->backend->name));
	d->failed = false;
	return NULL;
}

struct error *codec_decoder_read(struct codec_decoder *d, uint8_t *buf,
				 size_t size, size_t *size_ret)
{
	*size_ret = 0;
	if (d->ended)
		return NULL;
	if (d->failed)
		return error_new(BAD_DATA, "%s: nothing readable behind damage",
				 d->backend->name);
	struct error *err = d->backend->decode(d, buf, size, size_ret);

	if (err) {
		*size_ret = 0;
		d->failed = true;
		return error_wrap(err, "%s", d->backend->name);
	}
	d->out_offset += *size_ret;
	d->stream->decoded_bytes += *size_ret;
	d->ended = !*size_ret;
	return NULL;
}

void codec_decoder_deinit(struct codec_decoder *d)
{
	if (d->state)
		d->backend->destroy(d);
	d->state = NULL;
	codec_source_deinit(&d->src);
}

/* ---- Points ------------------------------------------------------------- */

static struct error *add_point(struct codec_stream *s,
			       const struct codec_point *p)
{
	uint8_t *state = NULL;

	if (!mem_grow(&s->points, &s->point_capacity, s->point_count + 1,
		      sizeof(*s->points)))
		return error_no_memory;
	if (p->state_size) {
		state = mem_dup(p->state, p->state_size);
		if (!state)
			return error_no_memory;
	}
	struct codec_point *to = &s->points[s->point_count++];

	*to = *p;
	to->state = state;
	return NULL;
}

uint64_t codec_point_distance(const struct codec_decoder *d,
			      uint64_t out_offset)
{
	const struct codec_stream *s = d->stream;
	uint64_t next =
		s->points[s->point_count - 1].out_offset + s->checkpoint_bytes;

	return out_offset < next ? next - out_offset : 0;
}

struct error *codec_note_point(struct codec_decoder *d, uint64_t in_offset,
			       uint64_t out_offset, const void *state,
			       size_t state_size)
{
	if (codec_point_distance(d, out_offset))
		return NULL;
	return add_point(
		d->stream,
		&(struct codec_point) { .in_offset = in_offset,
					.out_offset = out_offset,
					.state = (uint8_t *)(uintptr_t)state,
					.state_size = state_size });
}

void codec_set_checkpoint_bytes(struct codec_stream *s, uint64_t bytes)
{
	s->checkpoint_bytes = bytes;
}

void codec_points(const struct codec_stream *s, const struct codec_point **ret,
		  size_t *count_ret)
{
	*ret = s->points;
	*count_ret = s->point_count;
}

/* ---- Streams ------------------------------------------------------------ */

static struct error *create(enum codec codec, const struct input *in,
			    uint64_t limit_bytes, struct codec_stream **ret)
{
	if ((unsigned)codec >= CODECS)
		return error_new(UNSUPPORTED, "unknown compression %u",
				 (unsigned)codec);
	struct codec_stream *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	s->backend = backends[codec];
	s->read_at = s->backend ? codec_forward_read_at : codec_none_read_at;
	s->in = *in;
	s->limit_bytes = limit_bytes;
	s->checkpoint_bytes = CODEC_CHECKPOINT_BYTES;
	*ret = s;
	return NULL;
}

/* Is it worth reading by blocks? Adds their points if so. */
static struct error *use_blocks(struct codec_stream *s, bool *ret)
{
	struct codec_blocks *blocks = &s->blocks;

	*ret = blocks->count > 1 ||
	       (blocks->count == 1 &&
		blocks->v[0].out_size <= CODEC_LONE_BLOCK_MAX_BYTES);
	for (size_t i = 0; *ret && i < blocks->count; i++) {
		uint8_t state[CODEC_BLOCK_STATE_BYTES];
		const struct codec_block *b = &blocks->v[i];

		codec_block_to_state(b, i + 1 == blocks->count, state);
		TRY(add_point(s, &(struct codec_point) {
					 .in_offset = b->in_offset,
					 .out_offset = b->out_offset,
					 .state = state,
					 .state_size = sizeof(state) }));
	}
	return NULL;
}

/* @ret: the stream is read by blocks. */
static struct error *find_blocks(struct codec_stream *s, bool *ret)
{
	*ret = false;
	if (!s->backend || !s->backend->find_blocks)
		return NULL;
	struct error *err = s->backend->find_blocks(s, ret);

	// The input is shorter than it was said to be.
	if (err && error_kind(err) == ERROR_BAD_DATA) {
		error_free(STEAL(err));
		*ret = false;
	}
	if (!err && *ret)
		err = use_blocks(s, ret);
	if (err)
		return error_wrap(err, "%s", s->backend->name);
	if (*ret) {
		codec_blocks_begin(s);
		s->blocks.is_to_end = true;
	} else {
		codec_blocks_deinit(&s->blocks);
	}
	return NULL;
}

struct error *codec_open(enum codec codec, const struct input *in,
			 uint64_t limit_bytes, struct codec_stream **ret)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;
	bool found;

	TRY(create(codec, in, limit_bytes, &s));
	TRY(find_blocks(s, &found));
	if (!found)
		TRY(add_point(s, &(struct codec_point) { 0 }));
	*ret = STEAL(s);
	return NULL;
}

static struct error *check_point(const struct codec_stream *s,
				 const struct codec_point *p,
				 const struct codec_point *before)
{
	if (p->in_offset > s->in.size)
		return error_new(BAD_DATA,
				 "point at offset %" PRIu64
				 " lies outside the input of %" PRIu64 " bytes",
				 p->in_offset, s->in.size);
	// Half the range is enough for any data, and sums do not wrap.
	if (p->out_offset > INT64_MAX)
		return error_new(BAD_DATA, "point at decoded offset %" PRIu64,
				 p->out_offset);
	if (before && p->out_offset < before->out_offset)
		return error_new(BAD_DATA, "points are not in order");
	if (!s->backend && p->in_offset != p->out_offset)
		return error_new(BAD_DATA, "point into stored data is moved");
	return NULL;
}

/* Take the blocks from the states of their points. */
static struct error *blocks_from_points(struct codec_stream *s)
{
	struct codec_blocks *blocks = &s->blocks;
	uint64_t out_offset = s->points[0].out_offset;

	for (size_t i = 0; i < s->point_count; i++) {
		const struct codec_point *p = &s->points[i];
		struct codec_block b;
		bool ok;

		if (!codec_block_from_point(p, &b, &blocks->is_to_end) ||
		    (blocks->is_to_end && i + 1 < s->point_count))
			return error_new(BAD_DATA, "point %zu is not one", i);
		if (b.out_offset != out_offset)
			return error_new(BAD_DATA,
					 "points leave a gap at %" PRIu64,
					 out_offset);
		TRY(codec_add_block(s, &b, &ok));
		if (!ok)
			return error_new(BAD_DATA,
					 "point %zu does not fit the input", i);
		out_offset += b.out_size;
	}
	codec_blocks_begin(s);
	return NULL;
}

struct error *codec_open_at(enum codec codec, const struct input *in,
			    uint64_t limit_bytes,
			    const struct codec_point *points, size_t count,
			    struct codec_stream **ret)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;

	if (!count)
		return error_new(BAD_DATA, "no point to begin at");
	TRY(create(codec, in, limit_bytes, &s));
	for (size_t i = 0; i < count; i++) {
		TRY(check_point(s, &points[i], i ? &points[i - 1] : NULL));
		TRY(add_point(s, &points[i]));
	}
	s->pos = points[0].out_offset;
	if (s->backend && s->backend->find_blocks && points[0].state_size)
		TRY(blocks_from_points(s));
	*ret = STEAL(s);
	return NULL;
}

struct error *codec_error_limit(struct codec_stream *s)
{
	s->limit_reached = true;
	return error_new(LIMIT, "more than %" PRIu64 " bytes when decompressed",
			 s->limit_bytes);
}

/* Is there another byte where the limit is used up? */
static struct error *probe_limit(struct codec_stream *s)
{
	uint8_t byte;
	size_t got;

	TRY(s->read_at(s, s->pos, &byte, 1, false, &got));
	return got ? codec_error_limit(s) : NULL;
}

struct error *codec_read(struct codec_stream *s, void *buf, size_t size,
			 size_t *size_ret)
{
	size_t done = 0;

	*size_ret = 0;
	if (s->pending)
		return STEAL(s->pending);
	if (s->limit_reached)
		return codec_error_limit(s);
	while (done < size) {
		uint64_t left = s->limit_bytes - s->counted_bytes;
		size_t want = size - done < left ? size - done : (size_t)left;
		size_t got = 0;
		struct error *err =
			want ? s->read_at(s, s->pos, (uint8_t *)buf + done,
					  want, false, &got)
			     : probe_limit(s);

		if (err && !done)
			return err;
		s->pending = err;
		if (!got)
			break;
		done += got;
		s->pos += got;
		s->counted_bytes += got;
	}
	*size_ret = done;
	return NULL;
}

struct error *codec_skip(struct codec_stream *s, uint64_t size)
{
	return codec_seek(s, size > UINT64_MAX - s->pos ? UINT64_MAX
							: s->pos + size);
}

struct error *codec_seek(struct codec_stream *s, uint64_t offset)
{
	if (offset < s->points[0].out_offset)
		return error_new(BAD_DATA,
				 "offset %" PRIu64
				 " lies before the first known point, %" PRIu64,
				 offset, s->points[0].out_offset);
	// Lazily: what is never read needs no decoding.
	if (offset != s->pos) {
		error_free(STEAL(s->pending));
		s->pos = offset;
	}
	return NULL;
}

uint64_t codec_tell(const struct codec_stream *s)
{
	return s->pos;
}

bool codec_is_seekable(const struct codec_stream *s)
{
	return s->read_at != codec_forward_read_at;
}

static struct error *read_input(struct input *in, uint64_t offset, void *buf,
				size_t size, size_t *size_ret)
{
	struct codec_stream *s = in->ctx;
	size_t done = 0;

	*size_ret = 0;
	if (offset >= in->size || in->base > UINT64_MAX - offset)
		return NULL;
	if (size > in->size - offset)
		size = (size_t)(in->size - offset);
	while (done < size) {
		size_t got;

		TRY(s->read_at(s, in->base + offset + done,
			       (uint8_t *)buf + done, size - done, true, &got));
		if (!got)
			break;
		done += got;
	}
	*size_ret = done;
	return NULL;
}

struct input codec_input(struct codec_stream *s, uint64_t offset, uint64_t size)
{
	return (struct input) {
		.read = read_input, .size = size, .ctx = s, .base = offset
	};
}

uint64_t codec_decoded_bytes(const struct codec_stream *s)
{
	return s->decoded_bytes;
}

void codec_close(struct codec_stream *s)
{
	if (!s)
		return;
	codec_forward_deinit(&s->forward);
	codec_blocks_deinit(&s->blocks);
	for (size_t i = 0; i < s->point_count; i++)
		mem_free(s->points[i].state);
	mem_free(s->points);
	error_free(s->pending);
	mem_free(s);
}

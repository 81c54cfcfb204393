/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of blocks that decode independently and whose sizes are known: xz
 * blocks, zstd frames.
 *
 * A few blocks are held open: the decoded bytes so far, and the decoder that
 * stopped behind them. A block is decoded from its start only to the end of
 * what anybody asked for; what lies before is there to be read again.
 *
 * Invariants
 * 1. open[i].size <= v[open[i].index].out_size <= open[i].capacity.
 * 2. No two open blocks have one index.
 * 3. Exactly one of decoder, is_done, is_damaged holds for an open block.
 * 4. Bytes that complete a block are given out only when its check is right.
 * 5. With assistants (codec_share.c), a block not open is claimed before it is
 *    opened, and given back when it is closed.
 *
 * The state of a block's point, little-endian:
 *	u8 2, u8 1 if no block follows, u8 check, u8 0
 *	u64 compressed size (of xz: without padding), u64 decoded size
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "codec/codec_stream.h"

enum {
	/* Decoded at once: little at a block's start, since of many only the
	 * first bytes are wanted; then twice as much each time, but still in
	 * the cache when it is copied out. */
	STEP_MIN_BYTES = 4 << 10,
	STEP_MAX_BYTES = 64 << 10,
	/* What open blocks may hold together. Two there must be: of an ELF
	 * file that spans blocks, both ends are wanted in turn. */
	OPEN_BYTES_MAX = 128 << 20,
	OPEN_MIN = 2,
	STATE_MARK = 2,
};

/* ---- Points ------------------------------------------------------------- */

static void put_u64(uint8_t *to, uint64_t v)
{
	for (size_t i = 0; i < 8; i++)
		to[i] = (uint8_t)(v >> (8 * i));
}

void codec_block_to_state(const struct codec_block *b, bool is_last,
			  uint8_t state[CODEC_BLOCK_STATE_BYTES])
{
	state[0] = STATE_MARK;
	state[1] = is_last;
	state[2] = b->check;
	state[3] = 0;
	put_u64(state + 4, b->in_size);
	put_u64(state + 12, b->out_size);
}

bool codec_block_from_point(const struct codec_point *p,
			    struct codec_block *ret, bool *is_last_ret)
{
	struct reader r;

	if (p->state_size != CODEC_BLOCK_STATE_BYTES)
		return false;
	reader_init(&r, p->state, p->state_size, false);
	bool is_ours = reader_u8(&r) == STATE_MARK;

	*is_last_ret = reader_u8(&r) == 1;
	ret->check = reader_u8(&r);
	reader_skip(&r, 1);
	ret->in_size = reader_u64(&r);
	ret->out_size = reader_u64(&r);
	ret->in_offset = p->in_offset;
	ret->out_offset = p->out_offset;
	return is_ours && ret->out_size;
}

/* ---- The table of blocks ------------------------------------------------ */

struct error *codec_add_block(struct codec_stream *s,
			      const struct codec_block *b, bool *ok_ret)
{
	struct codec_blocks *blocks = &s->blocks;

	*ok_ret = b->out_size <= CODEC_BLOCK_MAX_BYTES &&
		  b->in_offset <= s->in.size &&
		  b->in_size <= s->in.size - b->in_offset &&
		  b->out_offset <= UINT64_MAX - b->out_size &&
		  blocks->count < CODEC_BLOCKS_MAX;
	if (!*ok_ret || !b->out_size)
		return NULL;
	if (!mem_grow(&blocks->v, &blocks->capacity, blocks->count + 1,
		      sizeof(*blocks->v)))
		return error_no_memory;
	blocks->v[blocks->count++] = *b;
	return NULL;
}

void codec_blocks_begin(struct codec_stream *s)
{
	struct codec_blocks *blocks = &s->blocks;
	uint64_t largest = 1;

	for (size_t i = 0; i < blocks->count; i++)
		if (blocks->v[i].out_size > largest)
			largest = blocks->v[i].out_size;
	blocks->open_max = (size_t)(OPEN_BYTES_MAX / largest);
	if (blocks->open_max < OPEN_MIN)
		blocks->open_max = OPEN_MIN;
	if (blocks->open_max > CODEC_OPEN_BLOCKS)
		blocks->open_max = CODEC_OPEN_BLOCKS;
	for (size_t i = 0; i < CODEC_OPEN_BLOCKS; i++)
		blocks->open[i].index = SIZE_MAX;
	s->read_at = codec_blocks_read_at;
}

static bool contains(const struct codec_block *b, uint64_t offset)
{
	return offset >= b->out_offset && offset - b->out_offset < b->out_size;
}

/* The block of @offset, which lies in one. */
static size_t find_block(struct codec_blocks *blocks, uint64_t offset)
{
	size_t low = 0, high = blocks->count;

	if (contains(&blocks->v[blocks->last], offset))
		return blocks->last;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (blocks->v[mid].out_offset <= offset)
			low = mid;
		else
			high = mid;
	}
	blocks->last = low;
	return low;
}

/* ---- Open blocks -------------------------------------------------------- */

static void destroy_decoder(struct codec_decoder *d)
{
	if (!d)
		return;
	codec_decoder_deinit(d);
	mem_free(d);
}

/* Keep the decoder for the next block, or let it go. */
static void release_decoder(struct codec_blocks *blocks,
			    struct codec_open_block *o)
{
	if (!blocks->spare)
		blocks->spare = STEAL(o->decoder);
	destroy_decoder(STEAL(o->decoder));
}

static void close_block(struct codec_stream *s, struct codec_open_block *o)
{
	struct codec_blocks *blocks = &s->blocks;

	if (s->share && o->index != SIZE_MAX)
		codec_share_release(s->share, o->index, false);
	release_decoder(blocks, o);
	o->index = SIZE_MAX;
	o->size = 0;
	o->asked = 0;
	o->is_ahead = false;
	o->is_done = false;
	o->is_damaged = false;
	o->used = 0;
}

void codec_blocks_deinit(struct codec_blocks *blocks)
{
	for (size_t i = 0; i < CODEC_OPEN_BLOCKS; i++) {
		destroy_decoder(blocks->open[i].decoder);
		mem_free(blocks->open[i].data);
	}
	destroy_decoder(blocks->spare);
	mem_free(blocks->v);
	*blocks = (struct codec_blocks) { 0 };
}

/* A forward reader does not come back: let go of what it has passed before
 * taking more memory. */
static bool is_passed(const struct codec_stream *s,
		      const struct codec_open_block *o)
{
	const struct codec_block *b = &s->blocks.v[o->index];

	return !s->blocks.are_passed_wanted &&
	       b->out_offset + b->out_size <= s->pos;
}

/* Whose place the next block takes: a passed one's, an unused one's, the least
 * recently used one's. */
static struct codec_open_block *choose_victim(struct codec_stream *s)
{
	struct codec_blocks *blocks = &s->blocks;
	struct codec_open_block *victim = &blocks->open[0];

	for (size_t i = 0; i < blocks->open_max; i++) {
		struct codec_open_block *o = &blocks->open[i];

		if (o->index != SIZE_MAX && is_passed(s, o))
			return o;
		if (o->used < victim->used)
			victim = o;
	}
	return victim;
}

static struct error *begin_decoder(struct codec_stream *s,
				   struct codec_open_block *o,
				   const struct codec_block *b)
{
	o->decoder = STEAL(s->blocks.spare);
	if (!o->decoder) {
		o->decoder = mem_zalloc(sizeof(*o->decoder));
		if (!o->decoder)
			return error_no_memory;
		o->decoder->backend = s->backend;
		o->decoder->stream = s;
	}
	return codec_decoder_begin(
		o->decoder,
		&(struct codec_point) { .in_offset = b->in_offset,
					.out_offset = b->out_offset },
		b);
}

/* What went wrong in @o stays wrong if it is the data's fault; otherwise the
 * next reader may have better luck. */
static struct error *note_failure(struct codec_stream *s,
				  struct codec_open_block *o, size_t size,
				  struct error *err)
{
	if (error_kind(err) != ERROR_BAD_DATA) {
		close_block(s, o);
		return err;
	}
	destroy_decoder(STEAL(o->decoder));
	o->size = size;
	o->is_damaged = true;
	return err;
}

static struct codec_open_block *find_open(struct codec_blocks *blocks,
					  size_t index)
{
	for (size_t i = 0; i < blocks->open_max; i++)
		if (blocks->open[i].index == index)
			return &blocks->open[i];
	return NULL;
}

/* A place for a block that is not open, with room for all of it. */
static struct error *make_room(struct codec_stream *s, size_t index,
			       struct codec_open_block **ret)
{
	const struct codec_block *b = &s->blocks.v[index];
	struct codec_open_block *o = choose_victim(s);

	close_block(s, o);
	if (o->capacity < b->out_size) {
		mem_free(o->data);
		o->capacity = 0;
		o->data = mem_alloc((size_t)b->out_size);
		if (!o->data)
			return error_no_memory;
		o->capacity = (size_t)b->out_size;
	}
	o->index = index;
	*ret = o;
	return NULL;
}

/* All bytes are there: is that the end, and is the check right? */
static struct error *finish_block(struct codec_decoder *d)
{
	uint8_t byte;
	size_t got;

	TRY(codec_decoder_read(d, &byte, 1, &got));
	if (got)
		return codec_error_damaged(d, "longer than its index says");
	return NULL;
}

/* Decode another step. */
static struct error *decode_step(struct codec_decoder *d,
				 struct codec_open_block *o, size_t block_size)
{
	size_t step = o->size;

	if (step < STEP_MIN_BYTES)
		step = STEP_MIN_BYTES;
	if (step > STEP_MAX_BYTES)
		step = STEP_MAX_BYTES;
	size_t end = block_size - o->size < step ? block_size : o->size + step;

	while (o->size < end) {
		size_t got;

		TRY(codec_decoder_read(d, o->data + o->size, end - o->size,
				       &got));
		if (!got)
			return codec_error_damaged(
				d, "shorter than its index says");
		o->size += got;
	}
	return end == block_size ? finish_block(d) : NULL;
}

/* As decode_step() on an open block with a decoder. */
static struct error *decode_open(struct codec_stream *s,
				 struct codec_open_block *o)
{
	const struct codec_block *b = &s->blocks.v[o->index];
	size_t before = o->size;
	struct error *err = decode_step(o->decoder, o, (size_t)b->out_size);

	if (err)
		return note_failure(s, o, before, err);
	if (o->size == b->out_size) {
		o->is_done = true;
		release_decoder(&s->blocks, o);
	}
	return NULL;
}

/* Have more than @at bytes of the block. */
static struct error *decode_past(struct codec_stream *s,
				 struct codec_open_block *o, size_t at)
{
	while (o->size <= at) {
		if (o->is_damaged)
			return error_new(BAD_DATA,
					 "%s: damaged block at offset %" PRIu64,
					 s->backend->name,
					 s->blocks.v[o->index].in_offset);
		TRY(decode_open(s, o));
	}
	return NULL;
}

struct error *codec_blocks_decode_whole(struct codec_stream *s, size_t index,
					uint8_t *data, bool (*go_on)(void *ctx),
					void *ctx, bool *complete_ret)
{
	const struct codec_block *b = &s->blocks.v[index];
	struct codec_open_block o = { .index = index, .data = data };
	struct error *err = begin_decoder(s, &o, b);

	while (!err && o.size < b->out_size && go_on(ctx))
		err = decode_step(o.decoder, &o, (size_t)b->out_size);
	*complete_ret = !err && o.size == b->out_size;
	if (err)
		destroy_decoder(STEAL(o.decoder));
	else
		release_decoder(&s->blocks, &o);
	return err;
}

/* ---- With assistants ---------------------------------------------------- */

/* The block ahead that this process has begun and not finished.
 * @count_ret: blocks ahead that it holds. */
static struct codec_open_block *find_ahead(struct codec_stream *s,
					   size_t *count_ret)
{
	struct codec_open_block *ret = NULL;

	*count_ret = 0;
	for (size_t i = 0; i < s->blocks.open_max; i++) {
		struct codec_open_block *o = &s->blocks.open[i];

		if (!o->is_ahead)
			continue;
		/* The reader went elsewhere: now one like the others. */
		if (!codec_share_is_wished(s->share, o->index)) {
			o->is_ahead = false;
			continue;
		}
		++*count_ret;
		if (o->decoder)
			ret = o;
	}
	return ret;
}

/* @ret: a block ahead to work on; NULL: none, or enough are held. */
static struct error *open_ahead(struct codec_stream *s, size_t index,
				struct codec_open_block **ret)
{
	struct codec_blocks *blocks = &s->blocks;
	size_t ahead, count;

	*ret = find_ahead(s, &count);
	if (*ret || count >= blocks->open_max / 2 ||
	    !codec_share_claim_ahead(s->share, index, &ahead))
		return NULL;
	TRY(make_room(s, ahead, ret));
	(*ret)->is_ahead = true;
	(*ret)->used = ++blocks->clock;
	return begin_decoder(s, *ret, &blocks->v[ahead]);
}

/* A step of work ahead. What goes wrong there is for the reader who comes to
 * it, if ever: to be found again, and told as if nobody had been ahead.
 * @return False: nothing to do. */
static bool work_ahead(struct codec_stream *s, size_t index)
{
	struct codec_open_block *o = NULL;
	struct error *err = open_ahead(s, index, &o);
	size_t ahead = o ? o->index : SIZE_MAX;

	if (!err && o)
		err = decode_open(s, o);
	if (!err)
		return o;
	error_free(err);
	if (o) {
		codec_share_release(s->share, ahead, true);
		close_block(s, o);
	}
	return false;
}

/* Somebody makes the block that is needed now: make use of the time. */
static void await_block(struct codec_stream *s, size_t index)
{
	while (codec_share_is_in_making(s->share, index)) {
		if (!work_ahead(s, index))
			codec_share_wait(s->share, index);
	}
}

/* Was most of the block before this one read? */
static bool is_next(struct codec_blocks *blocks, size_t index)
{
	const struct codec_open_block *before =
		index ? find_open(blocks, index - 1) : NULL;

	return before && before->asked >= blocks->v[index - 1].out_size / 2;
}

static struct error *open_block(struct codec_stream *s, size_t index,
				struct codec_open_block **ret)
{
	struct codec_blocks *blocks = &s->blocks;
	const struct codec_block *b = &blocks->v[index];
	struct codec_open_block *o = find_open(blocks, index);

	*ret = o;
	if (s->share && o && o->is_ahead) {
		o->is_ahead = false;
		codec_share_want(s->share, index, is_next(blocks, index));
	}
	if (o)
		return NULL;
	if (s->share) {
		codec_share_want(s->share, index, is_next(blocks, index));
		await_block(s, index);
	}
	TRY(make_room(s, index, &o));
	*ret = o;
	if (s->share &&
	    codec_share_take(s->share, index, o->data, (size_t)b->out_size)) {
		o->size = (size_t)b->out_size;
		o->is_done = true;
		return NULL;
	}
	struct error *err = begin_decoder(s, o, b);

	return err ? note_failure(s, o, 0, err) : NULL;
}

struct error *codec_blocks_read_at(struct codec_stream *s, uint64_t offset,
				   uint8_t *buf, size_t size, bool is_random,
				   size_t *size_ret)
{
	struct codec_blocks *blocks = &s->blocks;
	const struct codec_block *last = &blocks->v[blocks->count - 1];
	struct codec_open_block *o = NULL;

	*size_ret = 0;
	if (offset >= last->out_offset + last->out_size) {
		if (blocks->is_to_end)
			return NULL;
		return error_new(BAD_DATA,
				 "offset %" PRIu64
				 " lies behind the last known block",
				 offset);
	}
	if (offset < blocks->v[0].out_offset)
		return error_new(BAD_DATA,
				 "offset %" PRIu64
				 " lies before the first known block",
				 offset);
	size_t index = find_block(blocks, offset);
	const struct codec_block *b = &blocks->v[index];
	size_t at = (size_t)(offset - b->out_offset);

	if (is_random && b->out_offset + b->out_size <= s->pos)
		blocks->are_passed_wanted = true;
	TRY(open_block(s, index, &o));
	o->used = ++blocks->clock;
	TRY(decode_past(s, o, at));
	if (size > o->size - at)
		size = o->size - at;
	if (at + size > o->asked)
		o->asked = at + size;
	memcpy(buf, o->data + at, size);
	*size_ret = size;
	return NULL;
}

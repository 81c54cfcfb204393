/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZMA (lzma-specification.txt of the LZMA SDK): bits, each coded with the
 * probability that its model learned.
 *
 *	symbol	0 literal			a byte
 *		1 0 length distance		match
 *		1 1 0 0				a byte again, from rep0
 *		1 1 0 1 length			match, from rep0
 *		1 1 1 0 length			    from rep1
 *		1 1 1 1 0 length		    from rep2
 *		1 1 1 1 1 length		    from rep3
 *	length	0 bbb: 2.., 1 0 bbb: 10.., 1 1 bbbbbbbb: 18..
 *	distance  slot of 6 bits; from slot 4 on more bits, of those from slot
 *		14 on all but the last 4 without a model
 *
 * The range decoder holds `code` < `range`. A bit with probability p of 0 of
 * 2048 splits the range at range / 2048 * p.
 *
 * Two kinds of reading a bit: bit() branches, for bits that tell what comes
 * and are mostly foreseen; tree_bit() computes both ways and selects, for bits
 * of literals, lengths and distances, which nobody foresees. A wrong guess
 * costs more than all the rest of a bit.
 *
 * Input is checked once a symbol: one takes at most 20 bytes, and these can be
 * read in any case.
 */
#include "config.h"

#include <string.h>

#include "codec/codec_lzma_core.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum {
	PROB_BITS = 11,
	PROB_ONE = 1 << PROB_BITS,
	MOVE_BITS = 5,
	LITERAL_STATES = 7, /* states below follow a literal */
	MATCH_MIN = 2,
	COPY_BYTES = 16,
};
#define RANGE_TOP (UINT32_C(1) << 24)

struct range_decoder {
	uint32_t range, code;
	const uint8_t *in;
};

static ALWAYS_INLINE void normalize(struct range_decoder *rc)
{
	if (rc->range < RANGE_TOP) {
		rc->range <<= 8;
		rc->code = rc->code << 8 | *rc->in++;
	}
}

static ALWAYS_INLINE bool bit(struct range_decoder *rc, lzma_prob *prob)
{
	uint32_t p = *prob;

	normalize(rc);
	uint32_t bound = (rc->range >> PROB_BITS) * p;

	if (rc->code < bound) {
		rc->range = bound;
		*prob = (lzma_prob)(p + ((PROB_ONE - p) >> MOVE_BITS));
		return false;
	}
	rc->range -= bound;
	rc->code -= bound;
	*prob = (lzma_prob)(p - (p >> MOVE_BITS));
	return true;
}

/* One more bit behind those in @symbol, without a branch. */
static ALWAYS_INLINE uint32_t tree_bit(struct range_decoder *rc,
				       lzma_prob *probs, uint32_t symbol)
{
	lzma_prob *prob = &probs[symbol];
	uint32_t p = *prob;

	normalize(rc);
	uint32_t bound = (rc->range >> PROB_BITS) * p;
	uint32_t is_zero = 0 - (uint32_t)(rc->code < bound); /* all bits */

	rc->range -= bound;
	rc->range += (bound - rc->range) & is_zero;
	rc->code -= bound & ~is_zero;
	/* As in bit(): rounding down a negative number is rounding up. */
	int32_t change = (int32_t)(p + (is_zero & (uint32_t)(31 - PROB_ONE)));

	*prob = (lzma_prob)((int32_t)p - (change >> MOVE_BITS));
	return symbol * 2 + 1 + is_zero;
}

/* @return With a 1 in front. */
static ALWAYS_INLINE uint32_t tree(struct range_decoder *rc, lzma_prob *probs,
				   unsigned bits)
{
	uint32_t symbol = 1;

	for (unsigned i = 0; i < bits; i++)
		symbol = tree_bit(rc, probs, symbol);
	return symbol;
}

/* As tree(), the lowest bit first. */
static ALWAYS_INLINE uint32_t reverse_tree(struct range_decoder *rc,
					   lzma_prob *probs, unsigned bits)
{
	uint32_t symbol = 1, value = 0;

	for (unsigned i = 0; i < bits; i++) {
		symbol = tree_bit(rc, probs, symbol);
		value |= (symbol & 1) << i;
	}
	return value;
}

static ALWAYS_INLINE uint32_t direct_bits(struct range_decoder *rc,
					  unsigned bits)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bits; i++) {
		normalize(rc);
		rc->range >>= 1;
		rc->code -= rc->range;
		/* Below 0, since code < 2 * range <= 2^32 - 1. */
		uint32_t is_zero = 0 - (rc->code >> 31);

		rc->code += rc->range & is_zero;
		value = value * 2 + 1 + is_zero;
	}
	return value;
}

/* ---- Symbols ------------------------------------------------------------ */

/* Behind a match: the byte it would have gone on with tells what this one is
 * not. As long as the bits agree, the models are others. */
static ALWAYS_INLINE uint32_t matched_literal(struct range_decoder *rc,
					      lzma_prob *probs, uint32_t match)
{
	uint32_t symbol = 1, offset = 0x100;

	for (unsigned i = 0; i < 8; i++) {
		match <<= 1;
		uint32_t match_bit = match & offset;

		symbol = tree_bit(rc, probs + offset + match_bit, symbol);
		offset &= match ^ ~(0 - (symbol & 1));
	}
	return symbol;
}

static ALWAYS_INLINE uint8_t literal(struct lzma_core *core,
				     struct range_decoder *rc,
				     struct lzma_history *h,
				     const struct lzma_window *w,
				     const uint8_t *out)
{
	uint32_t before = out > w->base ? out[-1] : 0;
	uint32_t position =
		(uint32_t)(out - w->base) & core->literal_position_mask;
	lzma_prob *probs =
		core->models
			.literal[(position << core->literal_context_bits) +
				 (before >> (8 - core->literal_context_bits))];

	if (h->state < LITERAL_STATES) {
		h->state = h->state < 4 ? 0 : h->state - 3;
		return (uint8_t)tree(rc, probs, 8);
	}
	h->state -= h->state < 10 ? 3 : 6;
	return (uint8_t)matched_literal(rc, probs,
					out[-(ptrdiff_t)h->rep0 - 1]);
}

static ALWAYS_INLINE uint32_t length(struct range_decoder *rc,
				     struct lzma_length_models *m,
				     uint32_t position)
{
	if (!bit(rc, &m->is_not_low))
		return tree(rc, m->low[position], 3) - 8 + MATCH_MIN;
	if (!bit(rc, &m->is_high))
		return tree(rc, m->middle[position], 3) - 8 + MATCH_MIN + 8;
	return tree(rc, m->high, 8) - 256 + MATCH_MIN + 16;
}

static ALWAYS_INLINE uint32_t distance(struct range_decoder *rc,
				       struct lzma_models *m, uint32_t length)
{
	uint32_t of = length < MATCH_MIN + 4 ? length - MATCH_MIN : 3;
	uint32_t slot = tree(rc, m->slot[of], 6) - 64;

	if (slot < 4)
		return slot;
	unsigned bits = (slot >> 1) - 1;
	uint32_t value = (2 | (slot & 1)) << bits;

	/* Trees of slot 4 and up lie one behind the other, from index 1 on. */
	if (slot < 14)
		return value + reverse_tree(rc, m->middle + value - slot, bits);
	value += direct_bits(rc, bits - 4) << 4;
	return value + reverse_tree(rc, m->align, 4);
}

/* @return Its length. */
static ALWAYS_INLINE uint32_t match(struct lzma_core *core,
				    struct range_decoder *rc,
				    struct lzma_history *h, uint32_t position)
{
	uint32_t n = length(rc, &core->models.match_length, position);

	h->rep3 = h->rep2;
	h->rep2 = h->rep1;
	h->rep1 = h->rep0;
	h->rep0 = distance(rc, &core->models, n);
	h->state = h->state < LITERAL_STATES ? 7 : 10;
	return n;
}

static ALWAYS_INLINE uint32_t repeat(struct lzma_core *core,
				     struct range_decoder *rc,
				     struct lzma_history *h, uint32_t position)
{
	struct lzma_models *m = &core->models;
	bool behind_literal = h->state < LITERAL_STATES;

	if (!bit(rc, &m->is_not_rep0[h->state])) {
		if (!bit(rc, &m->is_rep0_long[h->state][position])) {
			h->state = behind_literal ? 9 : 11;
			return 1;
		}
	} else {
		uint32_t from = h->rep1;

		if (bit(rc, &m->is_not_rep1[h->state])) {
			from = h->rep2;
			if (bit(rc, &m->is_rep3[h->state])) {
				from = h->rep3;
				h->rep3 = h->rep2;
			}
			h->rep2 = h->rep1;
		}
		h->rep1 = h->rep0;
		h->rep0 = from;
	}
	h->state = behind_literal ? 8 : 11;
	return length(rc, &m->rep_length, position);
}

/* @n bytes from @back + 1 before. Up to @limit may be written. */
static ALWAYS_INLINE uint8_t *copy_match(uint8_t *out, const uint8_t *limit,
					 uint32_t back, size_t n)
{
	const uint8_t *from = out - back - 1;
	uint8_t *end = out + n;

	if (back + 1 >= COPY_BYTES && (size_t)(limit - out) >= n + COPY_BYTES) {
		do {
			memcpy(out, from, COPY_BYTES);
			out += COPY_BYTES;
			from += COPY_BYTES;
		} while (out < end);
		return end;
	}
	while (out < end)
		*out++ = *from++;
	return out;
}

/* ---- The core ----------------------------------------------------------- */

bool lzma_core_set_properties(struct lzma_core *core, uint8_t byte)
{
	unsigned lc = byte % 9, lp = byte / 9 % 5, pb = byte / 45;

	if (pb > 4 || lc + lp > 4)
		return false;
	core->literal_context_bits = lc;
	core->literal_position_mask = (1U << lp) - 1;
	core->position_mask = (1U << pb) - 1;
	return true;
}

void lzma_core_reset(struct lzma_core *core)
{
	lzma_prob *prob = (lzma_prob *)&core->models;

	_Static_assert(sizeof(core->models) % sizeof(*prob) == 0, "all alike");
	for (size_t i = 0; i < sizeof(core->models) / sizeof(*prob); i++)
		prob[i] = PROB_ONE / 2;
	core->history = (struct lzma_history) { 0 };
	core->match_left = 0;
}

bool lzma_core_begin(struct lzma_core *core, const uint8_t in[LZMA_CODE_BYTES])
{
	core->range = UINT32_MAX;
	core->code = (uint32_t)in[1] << 24 | (uint32_t)in[2] << 16 |
		     (uint32_t)in[3] << 8 | in[4];
	return !in[0] && core->code < core->range;
}

bool lzma_core_decode(struct lzma_core *core, struct lzma_window *w)
{
	struct range_decoder rc = { core->range, core->code, w->in };
	struct lzma_history h = core->history;
	struct lzma_models *m = &core->models;
	uint8_t *out = w->out;
	uint32_t n = core->match_left;
	bool ok = true;

	core->match_left = 0;
	for (;;) {
		if (n) {
			size_t room = (size_t)(w->limit - out);

			if (n > room) {
				core->match_left = n - (uint32_t)room;
				n = (uint32_t)room;
			}
			out = copy_match(out, w->limit, h.rep0, n);
		}
		if (out >= w->limit)
			break;
		uint32_t position =
			(uint32_t)(out - w->base) & core->position_mask;

		n = 0;
		ok = rc.in <= w->in_end;
		if (!ok)
			break;
		if (!bit(&rc, &m->is_match[h.state][position])) {
			*out = literal(core, &rc, &h, w, out);
			out++;
			continue;
		}
		n = bit(&rc, &m->is_rep[h.state])
			    ? repeat(core, &rc, &h, position)
			    : match(core, &rc, &h, position);
		ok = h.rep0 < (size_t)(out - w->base) &&
		     h.rep0 < w->dictionary_size &&
		     n <= (size_t)(w->chunk_end - out);
		if (!ok)
			break;
	}
	normalize(&rc);
	core->range = rc.range;
	core->code = rc.code;
	core->history = h;
	w->in = rc.in;
	w->out = out;
	return ok && rc.in <= w->in_end;
}

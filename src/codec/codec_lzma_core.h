/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Private to src/codec: what one LZMA chunk says, decoded straight into memory
 * that is the dictionary too.
 *
 * liblzma decodes into a dictionary of its own and copies from there, and
 * branches on bits that are random: on text it takes a third longer, on data
 * that hardly compress twice as long (DECISIONS 21).
 *
 * Knows neither chunks nor checks: codec_lzma2.h.
 */
#ifndef CODEC_CODEC_LZMA_CORE_H
#define CODEC_CODEC_LZMA_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LZMA_STATES = 12,
	/** lc + lp <= 4 in LZMA2. */
	LZMA_LITERAL_CODERS = 1 << 4,
	/** Bytes behind the input that may be read, and do not count. */
	LZMA_SLACK_BYTES = 32,
	/** Of a chunk, taken by lzma_core_begin(). */
	LZMA_CODE_BYTES = 5,
};

/** A probability of 0, of 2048. */
typedef uint16_t lzma_prob;

struct lzma_length_models {
	lzma_prob is_not_low, is_high;
	lzma_prob low[16][8], middle[16][8], high[256];
};

struct lzma_models {
	lzma_prob is_match[LZMA_STATES][16];
	lzma_prob is_rep[LZMA_STATES];
	lzma_prob is_not_rep0[LZMA_STATES];
	lzma_prob is_not_rep1[LZMA_STATES];
	lzma_prob is_rep3[LZMA_STATES];
	lzma_prob is_rep0_long[LZMA_STATES][16];
	lzma_prob slot[4][64], middle[128], align[16];
	struct lzma_length_models match_length, rep_length;
	lzma_prob literal[LZMA_LITERAL_CODERS][0x300];
};

struct lzma_history {
	uint32_t state;
	uint32_t rep0, rep1, rep2, rep3; /* distances, less one */
};

struct lzma_core {
	uint32_t range, code;
	struct lzma_history history;
	uint32_t match_left; /* of a match that went beyond the limit */
	unsigned literal_context_bits;
	uint32_t literal_position_mask, position_mask;
	struct lzma_models models;
};

/** Where to decode from and to. */
struct lzma_window {
	/** Next byte; LZMA_SLACK_BYTES behind @c in_end are readable. */
	const uint8_t *in, *in_end;
	/** Next byte. From @c base on all is decoded. */
	uint8_t *out;
	const uint8_t *base;
	/** Stop here; and what the chunk decodes to ends there. */
	uint8_t *limit, *chunk_end;
	uint32_t dictionary_size;
};

/** Take lc, lp and pb from their byte. @return False: there are no such. */
bool lzma_core_set_properties(struct lzma_core *core, uint8_t byte);
/** Forget what was learned. */
void lzma_core_reset(struct lzma_core *core);
/** @return False: no chunk begins so. */
bool lzma_core_begin(struct lzma_core *core, const uint8_t in[LZMA_CODE_BYTES]);
/** Decode until the limit. @return False: damaged. */
bool lzma_core_decode(struct lzma_core *core, struct lzma_window *w);
/** The chunk is decoded: does its end say so? */
static inline bool lzma_core_is_finished(const struct lzma_core *core)
{
	return !core->code && !core->match_left;
}

#endif

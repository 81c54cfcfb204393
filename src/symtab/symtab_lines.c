/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "symtab/symtab_format.h"
#include "symtab/symtab_lines.h"

bool symtab_uleb_slow(struct symtab_input *in, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; in->at < in->end && shift < 64; shift += 7) {
		uint8_t byte = *in->at++;

		if (shift == 63 && byte > 1)
			return false;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

bool symtab_sleb_slow(struct symtab_input *in, int64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; in->at < in->end && shift < 64; shift += 7) {
		uint8_t byte = *in->at++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte & 0x40 && shift < 57)
			v |= -(UINT64_C(1) << (shift + 7));
		*ret = (int64_t)v;
		return true;
	}
	return false;
}

static COLD struct error *damaged(void)
{
	return error_new(BAD_DATA, "bad line table");
}

enum outcome { ROW, END, DAMAGE };

/* Bytes that are gone through at a time: the index sees to it that some
 * hundred are enough. */
enum { AT_ONCE_MAX = 64 * 1024 };

static inline struct symtab_input piece_of(const struct symtab_input *in)
{
	struct symtab_input piece = *in;

	if ((size_t)(in->end - in->at) > AT_ONCE_MAX)
		piece.end = in->at + AT_ONCE_MAX;
	return piece;
}

/* Go on behind the piece. @return What its end meant. */
static inline enum outcome end_piece(struct symtab_input *in,
				     const struct symtab_input *piece,
				     enum outcome o)
{
	in->at = piece->at;
	return o != ROW && piece->at == piece->end && piece->end != in->end
		       ? DAMAGE
		       : o;
}

/* Run the operations up to the next row. Inline, so that all of it stays in
 * registers from row to row. */
static inline __attribute__((always_inline)) enum outcome
read_row(const struct symtab_lines *l, struct symtab_input *in,
	 struct symtab_line *row)
{
	while (in->at < in->end) {
		uint8_t op = *in->at++;
		uint64_t delta = 0;
		int64_t line;

		if (op >= GSYM_OP_SPECIAL) {
			uint32_t n = op - GSYM_OP_SPECIAL;
			uint32_t steps = n * l->reciprocal >> 16;

			row->line +=
				(uint32_t)l->min_delta + (n - steps * l->range);
			delta = steps;
		} else if (op == GSYM_OP_SET_FILE) {
			if (!symtab_uleb32(in, &row->file))
				return DAMAGE;
			continue;
		} else if (op == GSYM_OP_ADVANCE_LINE) {
			if (!symtab_sleb(in, &line))
				return DAMAGE;
			row->line += (uint32_t)line;
			continue;
		} else if (op == GSYM_OP_END) {
			return END;
		} else if (!symtab_uleb(in, &delta)) {
			return DAMAGE;
		}
		if (delta > UINT32_MAX - row->offset)
			return DAMAGE;
		row->offset += (uint32_t)delta;
		return ROW;
	}
	return END;
}

/* Go on until row next is beyond @offset, or one row if @is_step. */
static inline struct error *advance(struct symtab_lines *l, uint32_t offset,
				    bool is_step)
{
	struct symtab_input in = piece_of(&l->in);
	struct symtab_line now = l->now, next = l->next;
	enum outcome o = ROW;

	do {
		l->has_now = true;
		now = next;
		o = read_row(l, &in, &next);
	} while (!is_step && o == ROW && next.offset <= offset);
	o = end_piece(&l->in, &in, o);
	l->now = now;
	l->next = next;
	l->has_next = o == ROW;
	return o == DAMAGE ? damaged() : NULL;
}

static struct error *begin_anew(struct symtab_lines *l)
{
	l->in.at = l->first;
	l->now = l->next = l->first_row;
	l->has_now = l->has_first_row;
	struct symtab_input in = piece_of(&l->in);
	enum outcome o = read_row(l, &in, &l->next);

	o = end_piece(&l->in, &in, o);
	l->has_next = o == ROW;
	return o == DAMAGE ? damaged() : NULL;
}

struct error *symtab_lines_begin(struct symtab_lines *l,
				 struct symtab_input data)
{
	struct symtab_line row = { .file = 1 };
	int64_t max_delta;

	*l = (struct symtab_lines) { .in = data };
	if (!data.at)
		return NULL;
	if (!symtab_sleb(&l->in, &l->min_delta) ||
	    !symtab_sleb(&l->in, &max_delta) ||
	    !symtab_uleb32(&l->in, &row.line) || max_delta < l->min_delta)
		return damaged();
	uint64_t range = (uint64_t)max_delta - (uint64_t)l->min_delta + 1;

	// Operations are below 256: more is as good as any.
	l->range = range && range < 256 ? (uint32_t)range : 256;
	l->reciprocal = 65536 / l->range + 1;
	l->first = l->in.at;
	l->first_row = row;
	return begin_anew(l);
}

struct error *symtab_lines_seek(struct symtab_lines *l,
				struct symtab_input data, uint32_t at,
				const struct symtab_line *row)
{
	if (at > (size_t)(data.end - data.at))
		return damaged();
	l->first = data.at + at;
	l->first_row = *row;
	l->has_first_row = true;
	return begin_anew(l);
}

struct error *symtab_lines_step(struct symtab_lines *l)
{
	l->has_now = false;
	return l->has_next ? advance(l, 0, true) : NULL;
}

struct error *symtab_lines_find(struct symtab_lines *l, uint32_t offset,
				const struct symtab_line **ret)
{
	*ret = NULL;
	if (l->has_now && offset < l->now.offset)
		TRY(begin_anew(l));
	if (l->has_next && l->next.offset <= offset)
		TRY(advance(l, offset, false));
	if (l->has_now && l->now.offset <= offset)
		*ret = &l->now;
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text/plain out. For an address a line,
 *
 *	INNERMOST FILE:LINE < … < CONCRETE FILE:LINE
 *
 * or, with style=lines, as llvm-symbolizer prints it, each frame in two lines
 * and an empty one behind the last:
 *
 *	INNERMOST
 *	FILE:LINE
 *	…
 *
 * For a stack a folded line, "root;…;leaf COUNT", with inlined frames where
 * they are called. "??" and "??:0" is what is not known.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "symbolize/wire.h"

/* Text of a stranger: no control bytes, UTF-8, and in a folded line no
 * semicolon, which would be another frame. */
static COLD void put_odd_text(struct buf *out, const char *s, size_t len,
			      bool is_folded)
{
	const uint8_t *p = (const uint8_t *)s;

	for (size_t i = 0; i < len;) {
		size_t n = p[i] < 0x80 ? 1 : utf8_length(p + i, len - i);

		if (n == 0)
			buf_append_str(out, "\xef\xbf\xbd");
		else if (p[i] < 0x20 || p[i] == 0x7f ||
			 utf8_is_control(p + i, n))
			buf_append_byte(out, '?');
		else if (is_folded && p[i] == ';')
			buf_append_byte(out, ':');
		else
			buf_append(out, p + i, n);
		i += n ? n : 1;
	}
}

static void put_text(struct buf *out, const char *s, size_t len, bool is_folded)
{
	if (ascii_run((const uint8_t *)s, len) == len &&
	    !(is_folded && memchr(s, ';', len)))
		buf_append(out, s, len);
	else
		put_odd_text(out, s, len, is_folded);
}

static void put_place(struct buf *out, const struct wire_name *name,
		      uint32_t line)
{
	if (!name->base_len) {
		buf_append_str(out, "\?\?:0");
		return;
	}
	put_text(out, name->dir, name->dir_len, false);
	if (name->needs_slash)
		buf_append_byte(out, '/');
	put_text(out, name->base, name->base_len, false);
	buf_append_byte(out, ':');
	wire_put_uint(out, line);
}

/* The frames of an address: numbers in batch.frames. */
struct chain {
	const uint32_t *v;
	size_t count;
};

static struct chain chain_of(const struct batch *b, uint32_t address)
{
	struct chain c = { NULL, 0 };

	if (address != WIRE_NO_ADDRESS)
		c.count = b->chain_start[address + 1] - b->chain_start[address];
	if (c.count)
		c.v = b->chains + b->chain_start[address];
	return c;
}

enum { AHEAD = 4 };

/* How a frame reads: most are written more than once. */
struct rendered {
	size_t at, len; /* in text_writer.frames; len 0: not yet */
};

enum style { STYLE_LINE, STYLE_BLOCK, STYLE_FOLDED, STYLES };

struct text_writer {
	const struct exchange *x;
	struct wire_out *out;
	struct buf text; /* frames, before they are put together */
	struct wire_out frames;
	struct rendered *seen[STYLES]; /* by frame; borrowed */
};

static struct error *render_frame(struct text_writer *t, uint32_t frame,
				  enum style style)
{
	const struct batch_frame *f = &t->x->batch.frames[frame];
	struct rendered *r = &t->seen[style][frame];
	struct buf *to = &t->text;
	struct wire_name name;

	r->at = to->size;
	wire_name(&t->x->batch, f, &t->frames, &name);
	put_text(to, name.function, name.function_len, style == STYLE_FOLDED);
	if (style != STYLE_FOLDED) {
		buf_append_byte(to, style == STYLE_LINE ? ' ' : '\n');
		put_place(to, &name, f->f.line);
	}
	r->len = to->size - r->at;
	return wire_check(&t->frames);
}

/* All of them, in their order, which is that of their table: addresses come in
 * any, and what their names are made from is far apart in memory. */
static struct error *render_frames(struct text_writer *t, enum style style)
{
	for (size_t i = 0; i < t->x->batch.frame_count; i++)
		TRY(render_frame(t, (uint32_t)i, style));
	return NULL;
}

static struct error *write_frame(struct text_writer *t, uint32_t frame,
				 enum style style)
{
	struct rendered *r = &t->seen[style][frame];

	if (!r->len)
		TRY(render_frame(t, frame, style));
	buf_append(t->out->buf, t->text.data + r->at, r->len);
	return NULL;
}

/* One address: a line, or a block. */
static struct error *write_address(struct text_writer *t, uint32_t address,
				   enum style style)
{
	struct chain c = chain_of(&t->x->batch, address);
	bool is_line = style == STYLE_LINE;
	struct buf *to = t->out->buf;

	for (size_t i = 0; i < c.count; i++) {
		if (i)
			buf_append_str(to, is_line ? " < " : "\n");
		TRY(write_frame(t, c.v[i], style));
	}
	if (!c.count)
		buf_append_str(to, is_line ? "?? ?\?:0" : "?\?\n?\?:0");
	buf_append_str(to, is_line ? "\n" : "\n\n");
	return wire_check(t->out);
}

/* What one frame of a stack has become, outermost first. */
static struct error *write_folded_frame(struct text_writer *t,
					const struct wire_frame *f)
{
	struct chain c = chain_of(&t->x->batch, f->address);
	struct buf *to = t->out->buf;

	if (f->text_len)
		put_text(to, (const char *)t->x->text.data + f->text_at,
			 f->text_len, true);
	else if (!c.count && f->address != WIRE_NO_ADDRESS)
		buf_append_str(to, "?\?");
	for (size_t i = c.count; i > 0; i--) {
		if (i < c.count)
			buf_append_byte(to, ';');
		TRY(write_frame(t, c.v[i - 1], STYLE_FOLDED));
	}
	return wire_check(t->out);
}

static struct error *write_folded(struct text_writer *t,
				  const struct wire_stack *s)
{
	struct buf *to = t->out->buf;

	for (uint32_t i = 0; i < s->frame_count; i++) {
		uint32_t at = s->is_leaf_first ? s->frame_count - 1 - i : i;

		if (i)
			buf_append_byte(to, ';');
		TRY(write_folded_frame(t, &t->x->frames[s->first_frame + at]));
	}
	if (s->count_len) {
		buf_append_byte(to, ' ');
		buf_append(to, t->x->text.data + s->count_at, s->count_len);
	} else if (t->x->question == WIRE_RECORDS) {
		/* Folded lines have a count. */
		buf_append_str(to, " 1");
	}
	buf_append_byte(to, '\n');
	return wire_check(t->out);
}

/* What is to be copied soon. */
static void fetch_ahead(const struct text_writer *t, size_t stack,
			enum style style)
{
	const struct exchange *x = t->x;

	if (stack + AHEAD >= x->stack_count || !t->text.data)
		return;
	const struct wire_stack *s = &x->stacks[stack + AHEAD];
	struct chain c = { NULL, 0 };

	if (s->is_line)
		c = chain_of(&x->batch, x->frames[s->first_frame].address);
	for (size_t i = 0; i < c.count && i < AHEAD; i++)
		__builtin_prefetch(t->text.data + t->seen[style][c.v[i]].at);
}

static struct error *write_all(struct text_writer *t, enum style style)
{
	const struct exchange *x = t->x;

	if (!x->has_stacks) {
		for (size_t i = 0; i < x->batch.address_count; i++)
			TRY(write_address(t, (uint32_t)i, style));
		return NULL;
	}
	for (size_t i = 0; i < x->stack_count; i++) {
		const struct wire_stack *s = &x->stacks[i];

		fetch_ahead(t, i, style);
		if (s->is_line)
			TRY(write_address(t, x->frames[s->first_frame].address,
					  style));
		else
			TRY(write_folded(t, s));
	}
	return NULL;
}

/* Frames are rendered before, if all are in the same style: then the answer has
 * each, and is not shorter than they. */
static struct error *prepare(struct text_writer *t, enum style style)
{
	const struct exchange *x = t->x;
	size_t lines = 0;

	for (size_t i = 0; i < x->stack_count; i++)
		lines += x->stacks[i].is_line;
	if (!x->has_stacks || lines == x->stack_count)
		return render_frames(t, style);
	return lines ? NULL : render_frames(t, STYLE_FOLDED);
}

static void deinit_writer(struct text_writer *t)
{
	buf_deinit(&t->text);
	buf_deinit(&t->frames.name);
}

static struct error *write_style(const struct exchange *x, struct wire_out *out,
				 enum style style)
{
	size_t count = x->batch.frame_count;
	CLEANUP_FREE struct rendered *plain = mem_array(count, sizeof(*plain));
	CLEANUP_FREE struct rendered *folded =
		mem_array(count, sizeof(*folded));
	CLEANUP(deinit_writer) struct text_writer t = { .x = x, .out = out };

	if (!plain || !folded)
		return error_no_memory;
	t.frames = (struct wire_out) {
		.b = out->b,
		.buf = &t.text,
		.limit = out->limit,
	};
	t.seen[style] = plain;
	t.seen[STYLE_FOLDED] = folded;
	TRY(prepare(&t, style));
	return write_all(&t, style);
}

struct error *wire_text_write(const struct exchange *x, struct wire_out *out)
{
	return write_style(x, out, STYLE_LINE);
}

struct error *wire_lines_write(const struct exchange *x, struct wire_out *out)
{
	return write_style(x, out, STYLE_BLOCK);
}

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

#include "base/utf8.h"
#include "symbolize/wire.h"

/* Text of a stranger: no control bytes, UTF-8, and in a folded line no
 * semicolon, which would be another frame. */
static void put_text(struct buf *out, const char *s, size_t len, bool is_folded)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t run = 0;

	for (size_t i = 0; i < len;) {
		size_t n = p[i] < 0x80 ? 1 : utf8_length(p + i, len - i);
		bool is_odd = n == 0 || p[i] < 0x20 || p[i] == 0x7f ||
			      (is_folded && p[i] == ';');

		if (!is_odd) {
			i += n;
			continue;
		}
		buf_append(out, p + run, i - run);
		buf_append_str(out, n == 0        ? "\xef\xbf\xbd"
				    : p[i] == ';' ? ":"
						  : "?");
		run = ++i;
	}
	buf_append(out, p + run, len - run);
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
	if (address == WIRE_NO_ADDRESS)
		return (struct chain) { NULL, 0 };
	return (struct chain) { b->chains + b->chain_start[address],
				b->chain_start[address + 1] -
					b->chain_start[address] };
}

static struct error *write_line(const struct batch *b, uint32_t address,
				struct wire_out *out)
{
	struct chain c = chain_of(b, address);

	for (size_t i = 0; i < c.count; i++) {
		const struct batch_frame *f = &b->frames[c.v[i]];
		struct wire_name name;

		wire_name(b, f, out, &name);
		if (i)
			buf_append_str(out->buf, " < ");
		put_text(out->buf, name.function, name.function_len, false);
		buf_append_byte(out->buf, ' ');
		put_place(out->buf, &name, f->f.line);
		TRY(wire_check(out));
	}
	buf_append_str(out->buf, c.count ? "\n" : "?? ?\?:0\n");
	return wire_check(out);
}

static struct error *write_block(const struct batch *b, uint32_t address,
				 struct wire_out *out)
{
	struct chain c = chain_of(b, address);

	for (size_t i = 0; i < c.count; i++) {
		const struct batch_frame *f = &b->frames[c.v[i]];
		struct wire_name name;

		wire_name(b, f, out, &name);
		put_text(out->buf, name.function, name.function_len, false);
		buf_append_byte(out->buf, '\n');
		put_place(out->buf, &name, f->f.line);
		buf_append_byte(out->buf, '\n');
		TRY(wire_check(out));
	}
	buf_append_str(out->buf, c.count ? "\n" : "?\?\n?\?:0\n\n");
	return wire_check(out);
}

/* What one frame of a stack has become, outermost first. */
static struct error *write_folded_frame(const struct exchange *x,
					const struct wire_frame *f,
					bool is_first, struct wire_out *out)
{
	const struct batch *b = &x->batch;
	struct chain c = chain_of(b, f->address);

	if (!is_first)
		buf_append_byte(out->buf, ';');
	if (f->address == WIRE_NO_ADDRESS)
		put_text(out->buf, (const char *)x->text.data + f->text_at,
			 f->text_len, true);
	else if (!c.count)
		buf_append_str(out->buf, "?\?");
	for (size_t i = c.count; i > 0; i--) {
		struct wire_name name;

		wire_name(b, &b->frames[c.v[i - 1]], out, &name);
		if (i < c.count)
			buf_append_byte(out->buf, ';');
		put_text(out->buf, name.function, name.function_len, true);
		TRY(wire_check(out));
	}
	return wire_check(out);
}

static struct error *write_folded(const struct exchange *x,
				  const struct wire_stack *s,
				  struct wire_out *out)
{
	const struct wire_frame *f = x->frames + s->first_frame;

	for (uint32_t i = 0; i < s->frame_count; i++)
		TRY(write_folded_frame(
			x, &f[s->is_leaf_first ? s->frame_count - 1 - i : i],
			i == 0, out));
	if (s->count_len) {
		buf_append_byte(out->buf, ' ');
		buf_append(out->buf, x->text.data + s->count_at, s->count_len);
	} else if (x->question == WIRE_RECORDS) {
		/* Folded lines have a count. */
		buf_append_str(out->buf, " 1");
	}
	buf_append_byte(out->buf, '\n');
	return wire_check(out);
}

typedef struct error *(*write_address_fn)(const struct batch *b,
					  uint32_t address,
					  struct wire_out *out);

static struct error *write_all(const struct exchange *x, struct wire_out *out,
			       write_address_fn write_address)
{
	if (!x->has_stacks) {
		for (size_t i = 0; i < x->batch.address_count; i++)
			TRY(write_address(&x->batch, (uint32_t)i, out));
		return NULL;
	}
	for (size_t i = 0; i < x->stack_count; i++) {
		const struct wire_stack *s = &x->stacks[i];

		if (s->is_line)
			TRY(write_address(&x->batch,
					  x->frames[s->first_frame].address,
					  out));
		else
			TRY(write_folded(x, s, out));
	}
	return NULL;
}

struct error *wire_text_write(const struct exchange *x, struct wire_out *out)
{
	return write_all(x, out, write_line);
}

struct error *wire_lines_write(const struct exchange *x, struct wire_out *out)
{
	return write_all(x, out, write_block);
}

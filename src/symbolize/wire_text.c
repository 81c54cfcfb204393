/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text/plain in: a line is
 *
 *	FRAME                    one address
 *	FRAME;FRAME;… [COUNT]    a stack, root first, as flamegraph tools have
 *	                         it; one frame with a count is one, too
 *	[0]FRAME; [1]FRAME; …    a stack as Inspektor Gadget prints it: by the
 *	                         numbers, which all have, 0 is the leaf
 *
 *	FRAME = ID+0xADDRESS, ID +ADDRESS; where the query names a build ID
 *	        also 0xADDRESS alone
 *
 * Addresses are hexadecimal, with or without 0x behind the plus. What is no
 * such frame stays in its stack as it is: the name of the process, frames that
 * have names already. As a line of its own it is an address that nobody knows.
 * Lines end with LF or CR LF; an empty one stays an empty one.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "symbolize/wire.h"

struct span {
	const char *s;
	size_t len;
};

struct text_reader {
	struct exchange *x;
	const struct batch_limits *limits;
	struct wire_group group;
	/* The build ID read last, as it was written: often the next. */
	struct span last_id;
	uint32_t last_module;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(const char *s, size_t len)
{
	while (len && is_space(*s)) {
		s++;
		len--;
	}
	while (len && is_space(s[len - 1]))
		len--;
	return (struct span) { s, len };
}

static bool read_address(struct span w, bool needs_prefix, uint64_t *ret)
{
	bool has_prefix = w.len > 2 && w.s[0] == '0' && (w.s[1] | 0x20) == 'x';

	if (needs_prefix && !has_prefix)
		return false;
	return has_prefix ? wire_hex(w.s + 2, w.len - 2, ret)
			  : wire_hex(w.s, w.len, ret);
}

/* A frame that is an address. The ID's text is empty where the query's is
 * meant. @return False if it is none. */
static bool parse_frame(const struct text_reader *t, struct span w,
			struct span *id, uint64_t *address)
{
	const char *plus = memchr(w.s, '+', w.len);

	if (!plus) {
		*id = (struct span) { NULL, 0 };
		return t->x->options.id.len && read_address(w, true, address);
	}
	size_t at = (size_t)(plus - w.s);

	*id = trim(w.s, at);
	return read_address((struct span) { plus + 1, w.len - at - 1 }, false,
			    address);
}

/* @param[out] found_ret False: the text is no build ID. */
static struct error *find_module(struct text_reader *t, struct span text,
				 uint32_t *ret, bool *found_ret)
{
	struct build_id id = t->x->options.id;

	*ret = t->last_module;
	*found_ret = true;
	if (text.len && text.len == t->last_id.len &&
	    !memcmp(text.s, t->last_id.s, text.len))
		return NULL;
	*found_ret = !text.s || build_id_parse(text.s, text.len, &id);
	if (!*found_ret)
		return NULL;
	TRY(wire_group_id(&t->group, t->limits, &id, ret));
	t->last_id = text;
	t->last_module = *ret;
	return NULL;
}

static struct error *keep_text(struct exchange *x, struct span w,
			       size_t *at_ret)
{
	*at_ret = x->text.size;
	return buf_append(&x->text, w.s, w.len) ? NULL : error_no_memory;
}

/* @param[in] is_return One is to be subtracted. */
static struct error *add_frame(struct text_reader *t, struct span w,
			       bool is_return)
{
	struct wire_frame f = { .address = WIRE_NO_ADDRESS };
	bool is_address = false;
	uint32_t module = 0;
	uint64_t address;
	struct span id;

	if (parse_frame(t, w, &id, &address))
		TRY(find_module(t, id, &module, &is_address));
	if (is_address) {
		TRY(wire_group_add(&t->group, module, address, is_return,
				   &f.address));
	} else {
		f.text_len = (uint32_t)w.len;
		TRY(keep_text(t->x, w, &f.text_at));
	}
	return wire_add_frame(t->x, t->limits, &f);
}

/* "[12]" in front of a frame goes. @return False if there is none. */
static bool take_number(struct span *w, uint64_t *ret)
{
	size_t i = 1;

	*ret = 0;
	if (w->len < 3 || w->s[0] != '[')
		return false;
	for (; i < w->len && w->s[i] >= '0' && w->s[i] <= '9' && i < 10; i++)
		*ret = 10 * *ret + (uint64_t)(w->s[i] - '0');
	if (i == 1 || i == w->len || w->s[i] != ']')
		return false;
	*w = trim(w->s + i + 1, w->len - i - 1);
	return true;
}

/* A number at the end, behind a space: how often the stack was seen. */
static struct span take_count(struct span *line)
{
	size_t i = line->len, digits = 0;

	while (i && ((line->s[i - 1] >= '0' && line->s[i - 1] <= '9') ||
		     line->s[i - 1] == '.')) {
		i--;
		digits += line->s[i] != '.';
	}
	if (!digits || !i || line->s[i] == '.' || !is_space(line->s[i - 1]))
		return (struct span) { NULL, 0 };
	struct span count = { line->s + i, line->len - i };

	*line = trim(line->s, i);
	return count;
}

/* Take the first frame off a stack. @return Whether it is the last. */
static bool take_frame(struct span *line, struct span *ret)
{
	const char *end = memchr(line->s, ';', line->len);
	size_t len = end ? (size_t)(end - line->s) : line->len;

	*ret = trim(line->s, len);
	if (end)
		*line = trim(end + 1, line->len - len - 1);
	else
		line->len = 0;
	return !line->len;
}

/* Have all frames a number? If only some begin with what looks like one, it is
 * a part of their names.
 * @param[out] upwards_ret Then: do they go up? The first two tell. */
static bool is_numbered(struct span line, bool *upwards_ret)
{
	uint64_t first = 0, number;
	bool is_last = false;

	*upwards_ret = true;
	for (size_t i = 0; !is_last; i++) {
		struct span frame;

		is_last = take_frame(&line, &frame);
		if (!take_number(&frame, &number) || !frame.len)
			return false;
		if (i == 0)
			first = number;
		else if (i == 1)
			*upwards_ret = number > first;
	}
	return true;
}

static struct error *add_frames(struct text_reader *t, struct span line)
{
	bool wants_returns = t->x->options.return_addresses;
	bool is_leaf_first, is_last = false;
	bool has_numbers = is_numbered(line, &is_leaf_first);

	is_leaf_first &= has_numbers;
	t->x->stacks[t->x->stack_count - 1].is_leaf_first = is_leaf_first;
	for (size_t i = 0; !is_last; i++) {
		struct span frame;
		uint64_t number;

		is_last = take_frame(&line, &frame);
		if (has_numbers)
			take_number(&frame, &number);
		TRY(add_frame(t, frame,
			      wants_returns &&
				      !(is_leaf_first ? i == 0 : is_last)));
	}
	return NULL;
}

static struct error *add_line(struct text_reader *t, struct span line)
{
	struct wire_stack *stack;
	struct span count, number;
	uint64_t n;

	TRY(wire_add_stack(t->x, t->limits, &stack));
	line = trim(line.s, line.len);
	if (!line.len)
		return NULL;
	count = take_count(&line);
	number = line;
	stack->is_line = !count.len && !memchr(line.s, ';', line.len) &&
			 !take_number(&number, &n);
	stack->count_len = (uint32_t)count.len;
	if (count.len)
		TRY(keep_text(t->x, count, &stack->count_at));
	if (stack->is_line)
		return add_frame(t, line, t->x->options.return_addresses);
	return add_frames(t, line);
}

static struct error *read_lines(struct text_reader *t, const char *s,
				size_t size)
{
	while (size) {
		const char *end = memchr(s, '\n', size);
		size_t len = end ? (size_t)(end - s) : size;

		TRY(add_line(t, (struct span) { s, len }));
		s += len + (end != NULL);
		size -= len + (end != NULL);
	}
	return wire_group_finish(&t->group, t->x, t->limits);
}

struct error *wire_text_read(struct exchange *x, const struct wire_body *body)
{
	struct text_reader t = { .x = x, .limits = body->limits };

	x->has_stacks = true;
	struct error *err =
		read_lines(&t, (const char *)body->data, body->size);

	wire_group_deinit(&t.group);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which form a question has, and which one its answer. */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "symbolize/wire.h"
#include "symbolize/wire_v5.h"

enum { DEPTH_DEFAULT = 127, DEPTH_MOST = 1 << 20 };

/* ---- Media types -------------------------------------------------------- */

/* A media type or one of its parameters, without the space around it. */
struct word {
	const char *s;
	size_t len;
};

static struct word trim(const char *s, size_t len)
{
	while (len && (*s == ' ' || *s == '\t')) {
		s++;
		len--;
	}
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return (struct word) { s, len };
}

static bool word_is(struct word w, const char *s)
{
	return strlen(s) == w.len && !strncasecmp(w.s, s, w.len);
}

/* Take what is before @p end off the text; the rest is behind it. */
static struct word take(struct word *text, char end)
{
	const char *p = text->len ? memchr(text->s, end, text->len) : NULL;
	size_t len = p ? (size_t)(p - text->s) : text->len;
	struct word w = trim(text->s, len);

	text->s += p ? len + 1 : len;
	text->len -= p ? len + 1 : len;
	return w;
}

/* A parameter's name and value; quotes go. */
static struct word take_parameter(struct word *text, struct word *name)
{
	struct word value = take(text, ';');

	*name = take(&value, '=');
	value = trim(value.s, value.len);
	if (value.len > 1 && value.s[0] == '"' && value.s[value.len - 1] == '"')
		value = (struct word) { value.s + 1, value.len - 2 };
	return value;
}

/* Thousandths of a q; 1000 if it makes no sense. */
static unsigned read_q(struct word w)
{
	unsigned q = 0, scale = 1000;

	for (size_t i = 0; i < w.len; i++) {
		if (i == 1 && w.s[i] == '.')
			continue;
		if (w.s[i] < '0' || w.s[i] > '9')
			return 1000;
		q += scale * (unsigned)(w.s[i] - '0');
		scale /= 10;
	}
	return w.len && q <= 1000 ? q : 1000;
}

static bool read_number(struct word w, unsigned long most, unsigned *ret)
{
	unsigned long v = 0;

	for (size_t i = 0; i < w.len; i++) {
		if (w.s[i] < '0' || w.s[i] > '9')
			return false;
		v = v * 10 + (unsigned long)(w.s[i] - '0');
		if (v > most)
			return false;
	}
	*ret = (unsigned)v;
	return w.len > 0 && v > 0;
}

static const struct {
	const char *name;
	enum wire_form form;
} media_types[] = {
	{ "application/json", WIRE_JSON },
	{ "text/plain", WIRE_TEXT },
	{ "application/x-bpf-stack-build-id", WIRE_RECORDS },
	{ "application/x-protobuf", WIRE_PROTO },
	{ "application/protobuf", WIRE_PROTO },
};
enum { MEDIA_TYPES = sizeof(media_types) / sizeof(*media_types) };

static bool find_form(struct word w, enum wire_form *ret)
{
	for (size_t i = 0; i < MEDIA_TYPES; i++) {
		if (word_is(w, media_types[i].name)) {
			*ret = media_types[i].form;
			return true;
		}
	}
	return false;
}

const char *exchange_types(enum exchange_route route)
{
	return route == EXCHANGE_SYMBOLICATE
		       ? "application/json"
		       : "application/json, text/plain, "
			 "application/x-bpf-stack-build-id, "
			 "application/x-protobuf";
}

/* What a client sends that does not say what: nothing, or what curl says. */
static bool is_unsaid(struct word type)
{
	return !type.len ||
	       word_is(type, "application/x-www-form-urlencoded") ||
	       word_is(type, "application/octet-stream");
}

/* The type's parameters. @return False for one that cannot be understood. */
static bool read_parameters(struct word text, enum wire_form form,
			    struct wire_body *body)
{
	while (text.len) {
		struct word name, value = take_parameter(&text, &name);

		if (word_is(name, "charset") && !word_is(value, "utf-8") &&
		    !word_is(value, "us-ascii"))
			return false;
		if (form != WIRE_RECORDS)
			continue;
		if (word_is(name, "depth") &&
		    !read_number(value, DEPTH_MOST, &body->depth))
			return false;
		if (word_is(name, "endian")) {
			body->is_big_endian = word_is(value, "big");
			if (!body->is_big_endian && !word_is(value, "little"))
				return false;
		}
	}
	return true;
}

/* @param[in,out] body Its data, if it is there, tells what the type does not.
 * @return False for a type that is not read. */
static bool read_type(enum exchange_route route, const char *content_type,
		      struct wire_body *body, enum wire_form *ret)
{
	struct word text = { content_type ? content_type : "", 0 };

	text.len = strlen(text.s);
	struct word type = take(&text, ';');
	bool is_known = find_form(type, ret);

	if (route == EXCHANGE_SYMBOLICATE) {
		/* Browsers send a string as text/plain. */
		bool is_json =
			is_unsaid(type) ||
			(is_known && (*ret == WIRE_JSON || *ret == WIRE_TEXT));

		*ret = WIRE_V5;
		return is_json && read_parameters(text, *ret, body);
	}
	if (is_unsaid(type)) {
		size_t i = 0;

		while (i < body->size && strchr(" \t\r\n", body->data[i]) &&
		       body->data[i])
			i++;
		*ret = i < body->size && body->data[i] == '{' ? WIRE_JSON
							      : WIRE_TEXT;
		return true;
	}
	return is_known && read_parameters(text, *ret, body);
}

bool exchange_takes(enum exchange_route route, const char *content_type)
{
	struct wire_body body = { 0 };
	enum wire_form form;

	return read_type(route, content_type, &body, &form);
}

/* One item of an Accept list: its form and q. @return False for a form that is
 * not written. */
static bool read_accepted(struct word item, enum wire_form *ret, unsigned *q)
{
	if (!find_form(take(&item, ';'), ret))
		return false;
	*q = 1000;
	while (item.len) {
		struct word name, value = take_parameter(&item, &name);

		if (word_is(name, "q"))
			*q = read_q(value);
		if (word_is(name, "style") && word_is(value, "lines") &&
		    *ret == WIRE_TEXT)
			*ret = WIRE_LINES;
	}
	return *ret != WIRE_RECORDS;
}

/* What the client likes best of what there is; as it asked where it does not
 * care. */
static enum wire_form choose_answer(enum wire_form question, const char *accept)
{
	enum wire_form best = question == WIRE_RECORDS ? WIRE_JSON : question;
	struct word list = { accept ? accept : "", 0 };
	unsigned best_q = 0;

	list.len = strlen(list.s);
	if (question == WIRE_V5)
		return WIRE_V5;
	while (list.len) {
		enum wire_form form;
		unsigned q;

		if (read_accepted(take(&list, ','), &form, &q) && q > best_q) {
			best = form;
			best_q = q;
		}
	}
	return best;
}

/* ---- Exchange ----------------------------------------------------------- */

static struct error *read_body(struct exchange *x, const struct wire_body *body)
{
	switch (x->question) {
	case WIRE_JSON:
		return wire_json_read(x, body);
	case WIRE_RECORDS:
		return wire_records_read(x, body);
	case WIRE_PROTO:
		return wire_proto_read(x, body);
	case WIRE_V5:
		return wire_v5_read(x, body);
	default:
		return wire_text_read(x, body);
	}
}

struct error *exchange_read(const struct exchange_request *rq,
			    const struct batch_limits *limits,
			    struct exchange **ret)
{
	struct wire_body body = {
		.limits = limits,
		.data = rq->body,
		.size = rq->size,
		.depth = DEPTH_DEFAULT,
	};
	CLEANUP_EXCHANGE struct exchange *x = mem_zalloc(sizeof(*x));

	if (!x)
		return error_no_memory;
	batch_init(&x->batch);
	if (x->batch.wait_ms > limits->wait_ms)
		x->batch.wait_ms = limits->wait_ms;
	if (!read_type(rq->route, rq->content_type, &body, &x->question))
		return error_new(BAD_REQUEST, "Content-Type is none of %s",
				 exchange_types(rq->route));
	x->answer = choose_answer(x->question, rq->accept);
	if (rq->query && rq->route == EXCHANGE_SYMBOLIZE)
		TRY(wire_query_read(x, rq->query, limits));
	TRY(read_body(x, &body));
	*ret = STEAL(x);
	return NULL;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	batch_deinit(&x->batch);
	mem_free(x->frames);
	mem_free(x->stacks);
	buf_deinit(&x->text);
	wire_v5_free(x->v5);
	mem_free(x);
}

bool exchange_has_nonsense(const struct exchange *x)
{
	for (size_t i = 0; i < x->stack_count; i++) {
		const struct wire_stack *s = &x->stacks[i];

		if (s->is_line &&
		    x->frames[s->first_frame].address == WIRE_NO_ADDRESS)
			return true;
	}
	return false;
}

size_t exchange_bytes(const struct exchange *x)
{
	return batch_bytes(&x->batch) + x->frame_capacity * sizeof(*x->frames) +
	       x->stack_capacity * sizeof(*x->stacks) + x->text.capacity +
	       wire_v5_bytes(x->v5);
}

struct batch *exchange_batch(struct exchange *x)
{
	return &x->batch;
}

static struct error *write_body(struct exchange *x, struct wire_out *out,
				const char **type_ret)
{
	*type_ret = "text/plain; charset=utf-8";
	switch (x->answer) {
	case WIRE_TEXT:
		return wire_text_write(x, out);
	case WIRE_LINES:
		return wire_lines_write(x, out);
	case WIRE_PROTO:
		*type_ret = "application/x-protobuf";
		return wire_proto_write(x, out);
	case WIRE_V5:
		*type_ret = "application/json";
		return wire_v5_write(x, out);
	default:
		*type_ret = "application/json";
		return wire_json_write(x, out);
	}
}

struct error *exchange_write(struct exchange *x, size_t limit_bytes,
			     struct held *held, struct buf *out,
			     const char **type_ret)
{
	struct wire_out to = {
		.b = &x->batch,
		.buf = out,
		.limit = limit_bytes,
		.held = held,
	};
	struct error *err = write_body(x, &to, type_ret);

	if (!err)
		err = wire_check(&to);
	buf_deinit(&to.name);
	return err;
}

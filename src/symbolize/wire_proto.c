/* SPDX-License-Identifier: Apache-2.0 */
/*
 * application/x-protobuf, both ways: schema/symbolize.proto.
 *
 *	message = *(tag value)     tag = varint(number << 3 | type)
 *	type 0 varint · 1 eight bytes · 2 varint(length) bytes · 5 four bytes
 *
 * Unknown fields are skipped. A field that is no list and stands there twice:
 * the last one counts, as the format has it.
 *
 * Source: protobuf.dev, Encoding.
 */
#include "config.h"

#include <string.h>

#include "base/reader.h"
#include "base/utf8.h"
#include "symbolize/wire.h"

/* The numbers of the schema's enums are those of ours. */
_Static_assert(ADDRESS_KERNEL == 5 && ADDRESS_KINDS == 6, "AddressKind");
_Static_assert(MODULE_UNSUPPORTED == 6 && MODULE_STATUSES == 7, "Status");
_Static_assert(ADDRESS_NO_BUILD_ID == 7 && ADDRESS_REASONS == 8, "Reason");

enum { TYPE_VARINT = 0, TYPE_FIXED64 = 1, TYPE_BYTES = 2, TYPE_FIXED32 = 5 };

/* ---- The question ------------------------------------------------------- */

/* A field as it comes. */
struct field {
	uint32_t number;
	unsigned type;
	uint64_t v;         /* TYPE_VARINT */
	struct reader data; /* TYPE_BYTES; positions are those of the body */
	size_t at;
};

/* The next field of a message, whose end is the reader's. */
static bool read_field(struct reader *r, struct field *f)
{
	if (!reader_ok(r) || !reader_left(r))
		return false;
	f->at = r->pos;
	uint64_t tag = reader_uleb(r);

	f->number = (uint32_t)(tag >> 3);
	f->type = tag & 7;
	if (tag >> 32 || !f->number) {
		r->failed = true;
		return false;
	}
	switch (f->type) {
	case TYPE_VARINT:
		f->v = reader_uleb(r);
		break;
	case TYPE_FIXED64:
		reader_skip(r, 8);
		break;
	case TYPE_FIXED32:
		reader_skip(r, 4);
		break;
	case TYPE_BYTES:
		f->v = reader_uleb(r);
		f->data = *r;
		reader_skip(r, f->v);
		f->data.size = r->pos;
		break;
	default:
		r->failed = true;
		break;
	}
	return reader_ok(r);
}

/* @param[in] at Where the part began that could not be read. */
static struct error *bad_message(size_t at)
{
	return error_new(BAD_REQUEST,
			 "protobuf: the field at byte %zu cannot be read", at);
}

static struct error *bad_type(const struct field *f)
{
	return error_new(BAD_REQUEST,
			 "protobuf: field %u at byte %zu is of another type",
			 f->number, f->at);
}

static struct error *check_type(const struct field *f, unsigned type)
{
	return f->type == type ? NULL : bad_type(f);
}

static struct error *read_addresses(const struct field *f, struct batch *b,
				    const struct batch_limits *limits)
{
	struct reader r = f->data;

	if (f->type == TYPE_VARINT)
		return batch_add_address(b, limits, f->v);
	TRY(check_type(f, TYPE_BYTES));
	while (reader_left(&r)) {
		uint64_t address = reader_uleb(&r);

		if (!reader_ok(&r))
			return bad_message(f->at);
		TRY(batch_add_address(b, limits, address));
	}
	return NULL;
}

static struct error *read_text(const struct field *f, struct batch *b,
			       const char **ret)
{
	TRY(check_type(f, TYPE_BYTES));
	size_t size = reader_left(&f->data);
	const uint8_t *s = f->data.data + f->data.pos;

	for (size_t i = 0, n; i < size; i += n) {
		n = utf8_length(s + i, size - i);
		if (!n)
			return bad_message(f->at);
	}
	*ret = size ? batch_text(b, (const char *)s, size) : NULL;
	return *ret || !size ? NULL : error_no_memory;
}

static struct error *read_build_id(const struct field *f, struct batch *b,
				   struct batch_module *m)
{
	static const char message[] = "not a build ID: 2 to 64 bytes";

	TRY(check_type(f, TYPE_BYTES));
	if (build_id_set(&m->id, f->data.data + f->data.pos,
			 reader_left(&f->data)))
		return NULL;
	m->status = MODULE_MALFORMED;
	m->message = batch_text(b, message, strlen(message));
	return m->message ? NULL : error_no_memory;
}

struct module_proto {
	const char *section, *base_symbol;
	uint32_t seen; /* bits by number */
};

/* The fields of a module that are numbers. */
static struct error *read_number(const struct field *f, struct address_space *s)
{
	TRY(check_type(f, TYPE_VARINT));
	switch (f->number) {
	case 2:
		if (f->v >= ADDRESS_KINDS)
			return error_new(BAD_REQUEST,
					 "protobuf: byte %zu: no such kind",
					 f->at);
		s->kind = (enum address_kind)f->v;
		return NULL;
	case 4:
		s->return_addresses = f->v != 0;
		return NULL;
	case 5:
		s->map_start = f->v;
		return NULL;
	case 6:
		s->map_offset = f->v;
		return NULL;
	default:
		s->base = f->v;
		return NULL;
	}
}

static struct error *read_module_field(const struct field *f, struct batch *b,
				       const struct batch_limits *limits,
				       struct module_proto *p)
{
	struct batch_module *m = &b->modules[b->module_count - 1];

	if (f->number < 32)
		p->seen |= UINT32_C(1) << f->number;
	switch (f->number) {
	case 1:
		return read_build_id(f, b, m);
	case 3:
		return read_addresses(f, b, limits);
	case 7:
		return read_text(f, b, &p->section);
	case 8:
		return read_text(f, b, &p->base_symbol);
	case 2:
	case 4:
	case 5:
	case 6:
	case 9:
		return read_number(f, &m->space);
	default:
		return NULL;
	}
}

static struct error *read_module(const struct field *outer, struct batch *b,
				 const struct batch_limits *limits)
{
	enum { MAP = 1 << 5 | 1 << 6, BASE = 1 << 9 };
	struct module_proto p = { 0 };
	struct reader r = outer->data;
	struct batch_module *m;
	struct field f = { 0 };

	TRY(check_type(outer, TYPE_BYTES));
	TRY(batch_add_module(b, limits, &m));
	while (read_field(&r, &f))
		TRY(read_module_field(&f, b, limits, &p));
	if (!reader_ok(&r))
		return bad_message(f.at);
	m->space.name = m->space.kind == ADDRESS_SECTION  ? p.section
			: m->space.kind == ADDRESS_KERNEL ? p.base_symbol
							  : NULL;
	const char *missing =
		!(p.seen & 1 << 1)
			? "build_id is missing"
			: wire_check_space(&m->space, (p.seen & MAP) == MAP,
					   p.seen & BASE);

	return missing ? error_new(BAD_REQUEST,
				   "protobuf: the module at byte %zu: %s",
				   outer->at, missing)
		       : NULL;
}

static struct error *read_request_field(const struct field *f, struct batch *b,
					const struct batch_limits *limits)
{
	switch (f->number) {
	case 1:
		return read_module(f, b, limits);
	case 2:
		b->inlines = f->v != 0;
		return check_type(f, TYPE_VARINT);
	case 3:
		b->demangle = f->v != 0;
		return check_type(f, TYPE_VARINT);
	case 4:
		TRY(check_type(f, TYPE_VARINT));
		TRY(wire_check_wait(f->v, limits));
		b->wait_ms = (unsigned)f->v;
		return NULL;
	default:
		return NULL;
	}
}

struct error *wire_proto_read(struct exchange *x, const struct wire_body *body)
{
	struct field f = { 0 };
	struct reader r;

	reader_init(&r, body->data, body->size, false);
	while (read_field(&r, &f))
		TRY(read_request_field(&f, &x->batch, body->limits));
	return reader_ok(&r) ? NULL : bad_message(f.at);
}

/* ---- The answer --------------------------------------------------------- */

static size_t varint_size(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

static void put_varint(struct buf *out, uint64_t v)
{
	uint8_t s[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		s[n++] = (uint8_t)(v | 0x80);
	s[n++] = (uint8_t)v;
	buf_append(out, s, n);
}

static void put_tag(struct buf *out, unsigned number, unsigned type)
{
	put_varint(out, number << 3 | type);
}

/* 0 is what is not there. */
static void put_number(struct buf *out, unsigned number, uint64_t v)
{
	if (!v)
		return;
	put_tag(out, number, TYPE_VARINT);
	put_varint(out, v);
}

static void put_bytes(struct buf *out, unsigned number, const void *data,
		      size_t size)
{
	put_tag(out, number, TYPE_BYTES);
	put_varint(out, size);
	buf_append(out, data, size);
}

/* Strings of this format are UTF-8, or readers refuse all of it. */
static void append_utf8(struct buf *out, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(s + i, len - i);

		buf_append(out, n ? (const char *)s + i : "\xef\xbf\xbd",
			   n ? n : 3);
		i += n ? n : 1;
	}
}

static size_t utf8_size(const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t size = 0;

	for (size_t i = 0; i < len;) {
		size_t n = s[i] < 0x80 ? 1 : utf8_length(s + i, len - i);

		size += n ? n : 3;
		i += n ? n : 1;
	}
	return size;
}

static void put_text(struct buf *out, unsigned number, const char *s,
		     size_t len)
{
	size_t size = utf8_size(s, len);

	if (!len)
		return;
	put_tag(out, number, TYPE_BYTES);
	put_varint(out, size);
	if (size == len)
		buf_append(out, s, len);
	else
		append_utf8(out, s, len);
}

static void put_str(struct buf *out, unsigned number, const char *s)
{
	if (s)
		put_text(out, number, s, strlen(s));
}

/* A message within a message has its length in front; its bytes are moved when
 * that is known. @param[in] start Size of @p out where it began. */
static void put_length(struct buf *out, size_t start)
{
	size_t size = out->size - start, n = varint_size(size);
	uint8_t *at = buf_reserve(out, n);

	if (!at)
		return;
	memmove(out->data + start + n, out->data + start, size);
	out->size = start;
	put_varint(out, size);
	out->size += size;
}

static void write_module(struct buf *out, const struct batch_module *m)
{
	put_tag(out, 3, TYPE_BYTES);
	size_t start = out->size;

	put_bytes(out, 1, m->id.bytes, m->id.len);
	put_number(out, 2, m->status);
	if (m->status == MODULE_OK) {
		put_str(out, 3, symtab_quality_name(symtab_quality(m->table)));
		put_str(out, 4, m->origin);
	}
	put_str(out, 5, m->message);
	put_length(out, start);
}

static void put_file(struct buf *out, const struct wire_name *name)
{
	size_t size = utf8_size(name->dir, name->dir_len) + name->needs_slash +
		      utf8_size(name->base, name->base_len);

	put_tag(out, 3, TYPE_BYTES);
	put_varint(out, size);
	append_utf8(out, name->dir, name->dir_len);
	if (name->needs_slash)
		buf_append_byte(out, '/');
	append_utf8(out, name->base, name->base_len);
}

static void write_frame(const struct batch *b, const struct batch_frame *f,
			struct wire_out *out)
{
	struct buf *to = out->buf;
	struct wire_name name;

	wire_name(b, f, out, &name);
	put_tag(to, 4, TYPE_BYTES);
	size_t start = to->size;

	put_text(to, 1, name.function, name.function_len);
	if (name.linkage)
		put_text(to, 2, name.linkage, name.linkage_len);
	if (name.base_len) {
		put_file(to, &name);
		put_number(to, 4, f->f.line);
	}
	put_number(to, 5, f->f.is_inlined);
	if (!f->f.is_inlined) {
		put_number(to, 6, f->f.start.v);
		put_number(to, 7, f->f.size);
	}
	put_length(to, start);
}

static void write_chain(const struct batch *b, uint32_t address,
			struct buf *out)
{
	uint32_t from = 0, to = 0;
	enum address_reason reason = ADDRESS_BAD_ADDRESS;
	size_t packed = 0;

	if (address != WIRE_NO_ADDRESS) {
		from = b->chain_start[address];
		to = b->chain_start[address + 1];
		reason = (enum address_reason)b->reasons[address];
	}
	for (uint32_t i = from; i < to; i++)
		packed += varint_size(b->chains[i]);
	/* One byte for each tag and for the reason. */
	put_tag(out, 1, TYPE_BYTES);
	put_varint(out, (packed ? 1 + varint_size(packed) + packed : 0) +
				(reason ? 2 : 0));
	if (packed) {
		put_tag(out, 1, TYPE_BYTES);
		put_varint(out, packed);
		for (uint32_t i = from; i < to; i++)
			put_varint(out, b->chains[i]);
	}
	put_number(out, 2, reason);
}

static struct error *write_results(const struct exchange *x,
				   struct wire_out *out)
{
	for (size_t g = 0; g < x->batch.module_count; g++) {
		const struct batch_module *m = &x->batch.modules[g];

		put_tag(out->buf, 5, TYPE_BYTES);
		size_t start = out->buf->size;

		for (size_t i = 0; i < m->address_count; i++) {
			write_chain(&x->batch, (uint32_t)(m->first_address + i),
				    out->buf);
			TRY(wire_check(out));
		}
		put_length(out->buf, start);
	}
	return NULL;
}

static struct error *write_stacks(const struct exchange *x,
				  struct wire_out *out)
{
	for (size_t g = 0; g < x->stack_count; g++) {
		const struct wire_stack *s = &x->stacks[g];

		put_tag(out->buf, 6, TYPE_BYTES);
		size_t start = out->buf->size;

		for (size_t i = 0; i < s->frame_count; i++)
			write_chain(&x->batch,
				    x->frames[s->first_frame + i].address,
				    out->buf);
		put_length(out->buf, start);
		TRY(wire_check(out));
	}
	return NULL;
}

struct error *wire_proto_write(const struct exchange *x, struct wire_out *out)
{
	const struct batch *b = &x->batch;

	put_number(out->buf, 1, b->is_partial);
	if (b->is_partial)
		put_number(out->buf, 2, b->retry_after_ms);
	for (size_t i = 0; i < b->module_count; i++)
		write_module(out->buf, &b->modules[i]);
	for (size_t i = 0; i < b->frame_count; i++) {
		write_frame(b, &b->frames[i], out);
		TRY(wire_check(out));
	}
	return x->has_stacks ? write_stacks(x, out) : write_results(x, out);
}

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

/* Sizes first: a message within a message has its length in front. Each put_
 * has its size_of_, which is exact; 0 and "" are what is not there. All field
 * numbers are below 16, so that a tag is one byte. */

static size_t size_of_varint(uint64_t v)
{
	return (70 - (size_t)__builtin_clzll(v | 1)) / 7;
}

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_tag(uint8_t *p, unsigned number, unsigned type)
{
	*p++ = (uint8_t)(number << 3 | type);
	return p;
}

static size_t size_of_number(uint64_t v)
{
	return v ? 1 + size_of_varint(v) : 0;
}

static uint8_t *put_number(uint8_t *p, unsigned number, uint64_t v)
{
	return v ? put_varint(put_tag(p, number, TYPE_VARINT), v) : p;
}

static size_t size_of_field(size_t size)
{
	return 1 + size_of_varint(size) + size;
}

static uint8_t *put_field(uint8_t *p, unsigned number, size_t size)
{
	return put_varint(put_tag(p, number, TYPE_BYTES), size);
}

/* Strings of this format are UTF-8, or readers refuse all of it. */
struct text {
	const char *s;
	size_t len, size; /* as it is; as it will be */
};

static struct text text_of(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t size = len ? ascii_run(p, len) : 0;

	for (size_t i = size; i < len;) {
		size_t n = utf8_length(p + i, len - i);

		size += n ? n : 3;
		i += n ? n : 1;
	}
	return (struct text) { s, len, size };
}

static struct text text_of_str(const char *s)
{
	return text_of(s, s ? strlen(s) : 0);
}

static uint8_t *put_utf8(uint8_t *p, const struct text *t)
{
	const uint8_t *s = (const uint8_t *)t->s;

	if (t->size == t->len) {
		if (t->len)
			memcpy(p, s, t->len);
		return p + t->len;
	}
	for (size_t i = 0; i < t->len;) {
		size_t n = utf8_length(s + i, t->len - i);

		memcpy(p, n ? s + i : (const uint8_t *)"\xef\xbf\xbd",
		       n ? n : 3);
		p += n ? n : 3;
		i += n ? n : 1;
	}
	return p;
}

static size_t size_of_text(const struct text *t)
{
	return t->size ? size_of_field(t->size) : 0;
}

static uint8_t *put_text(uint8_t *p, unsigned number, const struct text *t)
{
	return t->size ? put_utf8(put_field(p, number, t->size), t) : p;
}

static void write_module(struct buf *out, const struct batch_module *m)
{
	bool is_ok = m->status == MODULE_OK;
	struct text quality = text_of_str(
		is_ok ? symtab_quality_name(symtab_quality(m->table)) : NULL);
	struct text origin = text_of_str(is_ok ? m->origin : NULL);
	struct text message = text_of_str(m->message);
	size_t id_size = m->id.len ? size_of_field(m->id.len) : 0;
	size_t size = id_size + size_of_number(m->status) +
		      size_of_text(&quality) + size_of_text(&origin) +
		      size_of_text(&message);
	uint8_t *p = buf_reserve(out, size_of_field(size));

	if (!p)
		return;
	p = put_field(p, 3, size);
	if (id_size) {
		p = put_field(p, 1, m->id.len);
		memcpy(p, m->id.bytes, m->id.len);
		p += m->id.len;
	}
	p = put_number(p, 2, m->status);
	p = put_text(p, 3, &quality);
	p = put_text(p, 4, &origin);
	put_text(p, 5, &message);
	buf_commit(out, size_of_field(size));
}

static void write_frame(const struct batch *b, const struct batch_frame *f,
			struct wire_out *out)
{
	struct wire_name name;

	wire_name(b, f, out, &name);
	struct text function = text_of(name.function, name.function_len);
	struct text linkage = text_of(name.linkage, name.linkage_len);
	struct text dir = text_of(name.dir, name.dir_len);
	struct text base = text_of(name.base, name.base_len);
	uint32_t line = base.size ? f->f.line : 0;
	uint64_t start = f->f.is_inlined ? 0 : f->f.start.v;
	uint64_t code_size = f->f.is_inlined ? 0 : f->f.size;
	size_t path_size = dir.size + name.needs_slash + base.size;
	size_t size = size_of_text(&function) + size_of_text(&linkage) +
		      (base.size ? size_of_field(path_size) : 0) +
		      size_of_number(line) + size_of_number(f->f.is_inlined) +
		      size_of_number(start) + size_of_number(code_size);
	uint8_t *p = buf_reserve(out->buf, size_of_field(size));

	if (!p)
		return;
	p = put_field(p, 4, size);
	p = put_text(p, 1, &function);
	p = put_text(p, 2, &linkage);
	if (base.size) {
		p = put_utf8(put_field(p, 3, path_size), &dir);
		if (name.needs_slash)
			*p++ = '/';
		p = put_utf8(p, &base);
	}
	p = put_number(p, 4, line);
	p = put_number(p, 5, f->f.is_inlined);
	p = put_number(p, 6, start);
	put_number(p, 7, code_size);
	buf_commit(out->buf, size_of_field(size));
}

/* The frames of an address. */
struct chain {
	const uint32_t *v;
	size_t count, packed; /* packed: bytes as varints */
	enum address_reason reason;
};

static struct chain chain_of(const struct batch *b, uint32_t address)
{
	struct chain c = { .reason = ADDRESS_BAD_ADDRESS };

	if (address == WIRE_NO_ADDRESS)
		return c;
	c.count = b->chain_start[address + 1] - b->chain_start[address];
	if (c.count)
		c.v = b->chains + b->chain_start[address];
	c.reason = (enum address_reason)b->reasons[address];
	for (size_t i = 0; i < c.count; i++)
		c.packed += size_of_varint(c.v[i]);
	return c;
}

static size_t size_of_chain(const struct chain *c)
{
	return (c->packed ? size_of_field(c->packed) : 0) +
	       size_of_number(c->reason);
}

static void write_chain(const struct chain *c, struct buf *out)
{
	size_t size = size_of_chain(c);
	uint8_t *p = buf_reserve(out, size_of_field(size));

	if (!p)
		return;
	p = put_field(p, 1, size);
	if (c->packed) {
		p = put_field(p, 1, c->packed);
		for (size_t i = 0; i < c->count; i++)
			p = put_varint(p, c->v[i]);
	}
	put_number(p, 2, c->reason);
	buf_commit(out, size_of_field(size));
}

/* The chains of a module or a stack: their sizes, and then they. */
static struct error *write_chains(const struct exchange *x, unsigned number,
				  size_t first, size_t count,
				  struct wire_out *out)
{
	size_t size = 0;

	for (unsigned pass = 0; pass < 2; pass++) {
		if (pass == 1) {
			uint8_t *p = buf_reserve(out->buf, 16);

			if (!p)
				return error_no_memory;
			buf_commit(out->buf,
				   (size_t)(put_field(p, number, size) - p));
		}
		for (size_t i = first; i < first + count; i++) {
			struct chain c = chain_of(
				&x->batch, x->has_stacks ? x->frames[i].address
							 : (uint32_t)i);

			if (pass == 0)
				size += size_of_field(size_of_chain(&c));
			else
				write_chain(&c, out->buf);
		}
	}
	return wire_check(out);
}

struct error *wire_proto_write(const struct exchange *x, struct wire_out *out)
{
	const struct batch *b = &x->batch;
	uint8_t *p = buf_reserve(out->buf, 16);

	if (!p)
		return error_no_memory;
	uint8_t *end = put_number(p, 1, b->is_partial);

	end = put_number(end, 2, b->is_partial ? b->retry_after_ms : 0);
	buf_commit(out->buf, (size_t)(end - p));
	for (size_t i = 0; i < b->module_count; i++)
		write_module(out->buf, &b->modules[i]);
	for (size_t i = 0; i < b->frame_count; i++) {
		write_frame(b, &b->frames[i], out);
		TRY(wire_check(out));
	}
	for (size_t i = 0; i < x->stack_count; i++)
		TRY(write_chains(x, 6, x->stacks[i].first_frame,
				 x->stacks[i].frame_count, out));
	for (size_t i = 0; i < b->module_count && !x->has_stacks; i++)
		TRY(write_chains(x, 5, b->modules[i].first_address,
				 b->modules[i].address_count, out));
	return NULL;
}

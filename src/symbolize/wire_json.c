/* SPDX-License-Identifier: Apache-2.0 */
/*
 * application/json, both ways: schema/http.md, Symbolize.
 *
 *	{"modules":[{"build_id":"…","kind":"…","addresses":["0x…",…]},…],
 *	 "inlines":true,"demangle":true,"wait_ms":10000}
 *
 *	{"status":"complete","modules":[…],"frames":[…],"results":[[[0],…],…],
 *	 "reasons":[{},…]}
 */
#include "config.h"

#include <string.h>

#include "base/json_read.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "symbolize/wire.h"

/* ---- The question ------------------------------------------------------- */

/* What of a module is not in its struct batch_module. */
struct module_json {
	size_t at; /* where it begins */
	bool has_id, has_addresses, has_map, has_base;
	const char *section, *base_symbol; /* the batch's */
};

static struct error *keep(struct json_read *r, struct batch *b,
			  const char **ret)
{
	const char *s;
	size_t len;

	json_read_string(r, &s, &len);
	if (memchr(s, '\0', len))
		json_read_fail(r, "a NUL in a name");
	*ret = batch_text(b, s, len);
	return *ret ? NULL : error_no_memory;
}

/* One bad item fails that item: a build ID that is none is a module nobody
 * has. */
static struct error *read_build_id(struct json_read *r, struct batch *b,
				   struct batch_module *m)
{
	enum { SHOWN = 2 * BUILD_ID_MAX };
	CLEANUP_BUF struct buf message = BUF_INIT;
	const char *s;
	size_t len;

	json_read_string(r, &s, &len);
	if (build_id_parse(s, len, &m->id) || !json_read_ok(r))
		return NULL;
	json_write_quote(&message, s, len < SHOWN ? len : SHOWN);
	buf_append_str(&message, " is not a build ID: an even number of 4 to "
				 "128 hexadecimal digits");
	if (!message.failed)
		m->message =
			batch_text(b, (const char *)message.data, message.size);
	if (!m->message)
		return error_no_memory;
	m->status = MODULE_MALFORMED;
	return NULL;
}

static struct error *read_addresses(struct json_read *r, struct batch *b,
				    const struct batch_limits *limits)
{
	json_read_array(r);
	while (json_read_item(r)) {
		uint64_t address = json_read_address(r);

		if (json_read_ok(r))
			TRY(batch_add_address(b, limits, address));
	}
	return NULL;
}

static void read_kind(struct json_read *r, struct address_space *space)
{
	const char *s;
	size_t len;

	json_read_string(r, &s, &len);
	if (json_read_ok(r) && !address_kind_parse(s, len, &space->kind))
		json_read_fail(r, "kind is none of file_offset, vaddr, image, "
				  "runtime, section, kernel");
}

static void read_map(struct json_read *r, struct address_space *space,
		     bool *has_map)
{
	static const char *const keys[] = { "start", "offset", NULL };
	uint32_t seen = 0;
	int key;

	json_read_object(r);
	while ((key = json_read_member(r, keys, &seen)) >= 0) {
		uint64_t v = json_read_address(r);

		if (key == 0)
			space->map_start = v;
		else
			space->map_offset = v;
	}
	*has_map = seen == 3;
}

static const char *const module_keys[] = { "build_id",    "addresses",
					   "kind",        "return_addresses",
					   "map",         "section",
					   "base_symbol", "base",
					   NULL };

static struct error *read_member(struct json_read *r, struct batch *b,
				 const struct batch_limits *limits, int key,
				 struct module_json *extra)
{
	struct batch_module *m = &b->modules[b->module_count - 1];

	switch (key) {
	case 0:
		extra->has_id = true;
		return read_build_id(r, b, m);
	case 1:
		extra->has_addresses = true;
		return read_addresses(r, b, limits);
	case 2:
		read_kind(r, &m->space);
		return NULL;
	case 3:
		m->space.return_addresses = json_read_bool(r);
		return NULL;
	case 4:
		read_map(r, &m->space, &extra->has_map);
		return NULL;
	case 5:
		return keep(r, b, &extra->section);
	case 6:
		return keep(r, b, &extra->base_symbol);
	default:
		extra->has_base = true;
		m->space.base = json_read_address(r);
		return NULL;
	}
}

static void check_module(struct json_read *r, struct batch *b,
			 const struct module_json *extra)
{
	struct batch_module *m = &b->modules[b->module_count - 1];
	const char *missing = NULL;

	if (!json_read_ok(r))
		return;
	m->space.name = m->space.kind == ADDRESS_SECTION  ? extra->section
			: m->space.kind == ADDRESS_KERNEL ? extra->base_symbol
							  : NULL;
	if (!extra->has_id)
		missing = "build_id is missing";
	else if (!extra->has_addresses)
		missing = "addresses is missing";
	else
		missing = wire_check_space(&m->space, extra->has_map,
					   extra->has_base);
	if (!missing)
		return;
	r->value = extra->at;
	json_read_fail(r, "module %zu: %s", b->module_count - 1, missing);
}

static struct error *read_modules(struct json_read *r, struct batch *b,
				  const struct batch_limits *limits)
{
	json_read_array(r);
	while (json_read_item(r)) {
		struct module_json extra = { 0 };
		struct batch_module *m;
		uint32_t seen = 0;
		int key;

		TRY(batch_add_module(b, limits, &m));
		json_read_object(r);
		extra.at = r->value;
		while ((key = json_read_member(r, module_keys, &seen)) >= 0)
			TRY(read_member(r, b, limits, key, &extra));
		check_module(r, b, &extra);
	}
	return NULL;
}

static void read_wait(struct json_read *r, struct batch *b,
		      const struct batch_limits *limits)
{
	uint64_t wait_ms = json_read_uint(r);
	CLEANUP_ERROR struct error *err = wire_check_wait(wait_ms, limits);

	if (err)
		json_read_fail(r, "%s", error_message(err));
	else
		b->wait_ms = (unsigned)wait_ms;
}

static struct error *read_request(struct json_read *r, struct batch *b,
				  const struct batch_limits *limits)
{
	static const char *const keys[] = { "modules", "inlines", "demangle",
					    "wait_ms", NULL };
	uint32_t seen = 0;
	int key;

	json_read_object(r);
	while ((key = json_read_member(r, keys, &seen)) >= 0) {
		if (key == 0)
			TRY(read_modules(r, b, limits));
		else if (key == 1)
			b->inlines = json_read_bool(r);
		else if (key == 2)
			b->demangle = json_read_bool(r);
		else
			read_wait(r, b, limits);
	}
	TRY(json_read_finish(r));
	return seen & 1 ? NULL : error_new(BAD_REQUEST, "modules is missing");
}

struct error *wire_json_read(struct exchange *x, const struct wire_body *body)
{
	CLEANUP_JSON_READ struct json_read r;

	json_read_init(&r, body->data, body->size);
	struct error *err = read_request(&r, &x->batch, body->limits);

	if (r.is_too_deep)
		limit_reached("json_depth");
	return err;
}

/* ---- The answer --------------------------------------------------------- */

static void put_comma(struct buf *out, bool is_first)
{
	if (!is_first)
		buf_append_byte(out, ',');
}

static void write_module(struct buf *out, const struct batch_module *m)
{
	char hex[BUILD_ID_HEX_MAX];
	struct json_write j;

	json_write_init(&j, out);
	json_write_object(&j);
	json_write_kv_string(&j, "build_id",
			     m->id.len ? build_id_hex(&m->id, hex) : NULL);
	json_write_kv_string(&j, "status", module_status_name(m->status));
	if (m->status == MODULE_OK) {
		json_write_kv_string(
			&j, "quality",
			symtab_quality_name(symtab_quality(m->table)));
		json_write_kv_string(&j, "origin", m->origin);
	}
	if (m->message)
		json_write_kv_string(&j, "message", m->message);
	json_write_object_end(&j);
}

static struct error *write_modules(const struct batch *b, struct wire_out *out)
{
	buf_append_str(out->buf, ",\n\"modules\":[");
	for (size_t i = 0; i < b->module_count; i++) {
		put_comma(out->buf, i == 0);
		write_module(out->buf, &b->modules[i]);
		TRY(wire_check(out));
	}
	buf_append_byte(out->buf, ']');
	return NULL;
}

#define PUT(out, literal) buf_append(out, literal, sizeof(literal) - 1)

static void write_frame(const struct batch *b, const struct batch_frame *f,
			struct wire_out *out)
{
	struct buf *to = out->buf;
	struct wire_name name;

	wire_name(b, f, out, &name);
	PUT(to, "{\"function\":");
	json_write_quote(to, name.function, name.function_len);
	if (name.linkage) {
		PUT(to, ",\"linkage_name\":");
		json_write_quote(to, name.linkage, name.linkage_len);
	}
	if (name.base_len) {
		PUT(to, ",\"file\":\"");
		json_write_escaped(to, name.dir, name.dir_len);
		if (name.needs_slash)
			buf_append_byte(to, '/');
		json_write_escaped(to, name.base, name.base_len);
		buf_append_byte(to, '"');
		if (f->f.line) {
			PUT(to, ",\"line\":");
			wire_put_uint(to, f->f.line);
		}
	}
	if (f->f.is_inlined) {
		PUT(to, ",\"inlined\":true}");
		return;
	}
	PUT(to, ",\"start\":\"");
	wire_put_hex(to, f->f.start.v);
	buf_append_byte(to, '"');
	if (f->f.size) {
		PUT(to, ",\"size\":");
		wire_put_uint(to, f->f.size);
	}
	buf_append_byte(to, '}');
}

static struct error *write_frames(const struct batch *b, struct wire_out *out)
{
	buf_append_str(out->buf, ",\n\"frames\":[");
	for (size_t i = 0; i < b->frame_count; i++) {
		put_comma(out->buf, i == 0);
		write_frame(b, &b->frames[i], out);
		TRY(wire_check(out));
	}
	buf_append_byte(out->buf, ']');
	return NULL;
}

static char *put_digits(char *p, uint32_t v)
{
	char digits[10];
	unsigned n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*p++ = digits[--n];
	return p;
}

/* "[1,0]", or "[]". */
static void write_chain(const struct batch *b, uint32_t address, bool is_first,
			struct buf *out)
{
	uint32_t from = 0, to = 0;

	if (address != WIRE_NO_ADDRESS) {
		from = b->chain_start[address];
		to = b->chain_start[address + 1];
	}
	char *start = buf_reserve(out, 11 * (size_t)(to - from) + 3);
	char *p = start;

	if (!p)
		return;
	if (!is_first)
		*p++ = ',';
	*p++ = '[';
	for (uint32_t i = from; i < to; i++) {
		if (i > from)
			*p++ = ',';
		p = put_digits(p, b->chains[i]);
	}
	*p++ = ']';
	buf_commit(out, (size_t)(p - start));
}

static void write_reason(const struct batch *b, uint32_t address, size_t at,
			 bool *is_first, struct buf *out)
{
	enum address_reason reason =
		address == WIRE_NO_ADDRESS
			? ADDRESS_BAD_ADDRESS
			: (enum address_reason)b->reasons[address];

	if (reason == ADDRESS_OK)
		return;
	put_comma(out, *is_first);
	buf_append_byte(out, '"');
	wire_put_uint(out, at);
	buf_append_str(out, "\":\"");
	buf_append_str(out, address_reason_name(reason));
	buf_append_byte(out, '"');
	*is_first = false;
}

/* How the addresses come: those of request modules, or of stacks. */
static size_t group_count(const struct exchange *x)
{
	return x->has_stacks ? x->stack_count : x->batch.module_count;
}

static size_t group_size(const struct exchange *x, size_t group)
{
	return x->has_stacks ? x->stacks[group].frame_count
			     : x->batch.modules[group].address_count;
}

static uint32_t group_address(const struct exchange *x, size_t group, size_t i)
{
	return x->has_stacks
		       ? x->frames[x->stacks[group].first_frame + i].address
		       : (uint32_t)(x->batch.modules[group].first_address + i);
}

/* A stack may have one address: brackets are much of its answer. */
static void put_open(struct buf *out, bool is_first, char bracket)
{
	char text[] = { ',', bracket };

	buf_append(out, text + is_first, sizeof(text) - is_first);
}

static struct error *write_results(const struct exchange *x,
				   struct wire_out *out)
{
	buf_append_str(out->buf,
		       x->has_stacks ? ",\n\"stacks\":[" : ",\n\"results\":[");
	for (size_t g = 0; g < group_count(x); g++) {
		put_open(out->buf, g == 0, '[');
		for (size_t i = 0; i < group_size(x, g); i++) {
			write_chain(&x->batch, group_address(x, g, i), i == 0,
				    out->buf);
			TRY(wire_check(out));
		}
		buf_append_byte(out->buf, ']');
	}
	buf_append_byte(out->buf, ']');
	return NULL;
}

static struct error *write_reasons(const struct exchange *x,
				   struct wire_out *out)
{
	buf_append_str(out->buf, ",\n\"reasons\":[");
	for (size_t g = 0; g < group_count(x); g++) {
		bool is_first = true;

		put_open(out->buf, g == 0, '{');
		for (size_t i = 0; i < group_size(x, g); i++)
			write_reason(&x->batch, group_address(x, g, i), i,
				     &is_first, out->buf);
		buf_append_byte(out->buf, '}');
		TRY(wire_check(out));
	}
	buf_append_byte(out->buf, ']');
	return NULL;
}

struct error *wire_json_write(const struct exchange *x, struct wire_out *out)
{
	const struct batch *b = &x->batch;

	if (b->is_partial) {
		buf_append_str(out->buf,
			       "{\"status\":\"partial\",\"retry_after_ms\":");
		wire_put_uint(out->buf, b->retry_after_ms);
	} else {
		buf_append_str(out->buf, "{\"status\":\"complete\"");
	}
	TRY(write_modules(b, out));
	TRY(write_frames(b, out));
	TRY(write_results(x, out));
	TRY(write_reasons(x, out));
	buf_append_str(out->buf, "}\n");
	return NULL;
}

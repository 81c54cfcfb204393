/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of POST /symbolicate/v5; their shape stands in wire_v5.c. */
#include "config.h"

#include <string.h>

#include "base/json_write.h"
#include "symbolize/wire_v5.h"

static void put_key(struct buf *out, const char *key)
{
	buf_append_str(out, ",\"");
	buf_append_str(out, key);
	buf_append_str(out, "\":");
}

static void put_string(struct buf *out, const char *s)
{
	json_write_quote(out, s, strlen(s));
}

static void put_hex(struct buf *out, uint64_t v)
{
	buf_append_byte(out, '"');
	wire_put_hex(out, v);
	buf_append_byte(out, '"');
}

/* A name, with a comma and a key before it: of a frame or an inlined one. */
static void write_names(const struct wire_name *name, uint32_t line,
			struct buf *out)
{
	json_write_quote(out, name->function, name->function_len);
	if (!name->base_len)
		return;
	put_key(out, "file");
	buf_append_byte(out, '"');
	json_write_escaped(out, name->dir, name->dir_len);
	if (name->needs_slash)
		buf_append_byte(out, '/');
	json_write_escaped(out, name->base, name->base_len);
	buf_append_byte(out, '"');
	if (line) {
		put_key(out, "line");
		wire_put_uint(out, line);
	}
}

static void write_inlines(const struct batch *b, const uint32_t *chain,
			  size_t count, struct wire_out *out)
{
	put_key(out->buf, "inlines");
	for (size_t i = 0; i < count; i++) {
		const struct batch_frame *f = &b->frames[chain[i]];
		struct wire_name name;

		wire_name(b, f, out, &name);
		buf_append_str(out->buf,
			       i ? ",{\"function\":" : "[{\"function\":");
		write_names(&name, f->f.line, out->buf);
		buf_append_byte(out->buf, '}');
	}
	buf_append_byte(out->buf, ']');
}

/* What is known of an address: the concrete function, and what was inlined. */
static void write_function(const struct batch *b, const struct v5_module *m,
			   const struct v5_frame *f, struct wire_out *out)
{
	const struct batch_module *module = &b->modules[m->batch_module];
	size_t count =
		b->chain_start[f->address + 1] - b->chain_start[f->address];
	struct wire_name name;
	struct vaddr at;

	if (!count)
		return;
	const uint32_t *chain = b->chains + b->chain_start[f->address];
	const struct batch_frame *frame = &b->frames[chain[count - 1]];

	wire_name(b, frame, out, &name);
	put_key(out->buf, "function");
	write_names(&name, frame->f.line, out->buf);
	if (symtab_layout_convert(symtab_layout(module->table), &module->space,
				  (uint64_t)f->offset, &at) == ADDRESS_OK &&
	    at.v >= frame->f.start.v) {
		put_key(out->buf, "function_offset");
		put_hex(out->buf, at.v - frame->f.start.v);
	}
	if (frame->f.size) {
		put_key(out->buf, "function_size");
		put_hex(out->buf, frame->f.size);
	}
	if (count > 1)
		write_inlines(b, chain, count - 1, out);
}

static struct error *write_frame(const struct exchange *x,
				 const struct v5_frame *f, size_t number,
				 struct wire_out *out)
{
	const struct v5_module *m =
		f->module == V5_NO_MODULE ? NULL : &x->v5->modules[f->module];

	buf_append_str(out->buf, number ? ",{\"frame\":" : "{\"frame\":");
	wire_put_uint(out->buf, number);
	put_key(out->buf, "module");
	put_string(out->buf, m ? m->name : "<unknown>");
	put_key(out->buf, "module_offset");
	if (f->offset < 0)
		buf_append_str(out->buf, "\"-0x1\"");
	else
		put_hex(out->buf, (uint64_t)f->offset);
	if (f->address != WIRE_NO_ADDRESS)
		write_function(&x->batch, m, f, out);
	buf_append_byte(out->buf, '}');
	return wire_check(out);
}

static struct error *write_stacks(const struct exchange *x,
				  const struct v5_job *job,
				  struct wire_out *out)
{
	const struct wire_v5 *v5 = x->v5;

	buf_append_str(out->buf, "{\"stacks\":[");
	for (size_t i = 0; i < job->stack_count; i++) {
		size_t first = v5->stacks[job->first_stack + i];
		size_t end = v5->stacks[job->first_stack + i + 1];

		buf_append_str(out->buf, i ? ",\n[" : "\n[");
		for (size_t j = first; j < end; j++)
			TRY(write_frame(x, &v5->frames[j], j - first, out));
		buf_append_byte(out->buf, ']');
	}
	buf_append_byte(out->buf, ']');
	return wire_check(out);
}

/* The hash first: there may be a thousand, with long names that begin alike. */
static bool is_same(const struct v5_module *a, const struct v5_module *b)
{
	return a->hash == b->hash && !strcmp(a->name, b->name) &&
	       !strcmp(a->debug_id, b->debug_id);
}

/* Is there one of that name and ID before it? Those are one key. */
static bool is_repeated(const struct wire_v5 *v5, const struct v5_job *job,
			const struct v5_module *m)
{
	const struct v5_module *other = v5->modules + job->first_module;

	for (; other < m; other++) {
		if (is_same(other, m))
			return true;
	}
	return false;
}

/* The first of those of one name and ID that a frame is in, or @p m. */
static const struct v5_module *looked_up_one(const struct wire_v5 *v5,
					     const struct v5_job *job,
					     const struct v5_module *m)
{
	const struct v5_module *end =
		v5->modules + job->first_module + job->module_count;

	for (const struct v5_module *other = m; other < end; other++) {
		if (other->is_looked_up && is_same(other, m))
			return other;
	}
	return m;
}

static void put_module_key(struct buf *out, const struct v5_module *m,
			   bool is_first)
{
	if (!is_first)
		buf_append_byte(out, ',');
	buf_append_byte(out, '"');
	json_write_escaped(out, m->name, strlen(m->name));
	buf_append_byte(out, '/');
	json_write_escaped(out, m->debug_id, strlen(m->debug_id));
	buf_append_str(out, "\":");
}

static void write_found(const struct exchange *x, const struct v5_job *job,
			struct buf *out)
{
	const struct wire_v5 *v5 = x->v5;

	buf_append_str(out, ",\n\"found_modules\":{");
	for (size_t i = 0; i < job->module_count; i++) {
		const struct v5_module *m = &v5->modules[job->first_module + i];

		if (is_repeated(v5, job, m))
			continue;
		put_module_key(out, m, i == 0);
		m = looked_up_one(v5, job, m);
		buf_append_str(out,
			       !m->is_looked_up ? "null"
			       : x->batch.modules[m->batch_module].status ==
					       MODULE_OK
				       ? "true"
				       : "false");
	}
	buf_append_byte(out, '}');
}

/* samply's names for what went wrong. */
static const char *error_name(enum module_status s)
{
	switch (s) {
	case MODULE_PENDING:
		return "Pending";
	case MODULE_UPSTREAM_ERROR:
		return "UpstreamError";
	case MODULE_MALFORMED:
		return "Malformed";
	case MODULE_TOO_LARGE:
		return "TooLarge";
	case MODULE_UNSUPPORTED:
		return "Unsupported";
	default:
		return "CouldNotFindDebugFile";
	}
}

static void write_error(const struct batch_module *m, struct buf *out)
{
	buf_append_str(out, "[{\"name\":");
	put_string(out, error_name(m->status));
	put_key(out, "message");
	put_string(out, m->message ? m->message
			: m->status == MODULE_ABSENT
				? "nothing with this debug ID is known here"
				: module_status_name(m->status));
	buf_append_str(out, "}]");
}

static void write_errors(const struct exchange *x, const struct v5_job *job,
			 struct buf *out)
{
	bool is_first = true;

	buf_append_str(out, ",\n\"module_errors\":{");
	for (size_t i = 0; i < job->module_count; i++) {
		const struct v5_module *m =
			&x->v5->modules[job->first_module + i];

		if (is_repeated(x->v5, job, m))
			continue;
		const struct v5_module *l = looked_up_one(x->v5, job, m);

		if (!l->is_looked_up ||
		    x->batch.modules[l->batch_module].status == MODULE_OK)
			continue;
		put_module_key(out, m, is_first);
		write_error(&x->batch.modules[l->batch_module], out);
		is_first = false;
	}
	buf_append_str(out, "}}");
}

struct error *wire_v5_write(const struct exchange *x, struct wire_out *out)
{
	buf_append_str(out->buf, "{\"results\":[");
	for (size_t i = 0; i < x->v5->job_count; i++) {
		if (i)
			buf_append_str(out->buf, ",\n");
		TRY(write_stacks(x, &x->v5->jobs[i], out));
		write_found(x, &x->v5->jobs[i], out->buf);
		write_errors(x, &x->v5->jobs[i], out->buf);
		TRY(wire_check(out));
	}
	buf_append_str(out->buf, "]}\n");
	return NULL;
}

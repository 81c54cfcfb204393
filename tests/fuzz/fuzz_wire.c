/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies of the symbolize routes: read, answered from a small table, and
 * written in every form.
 *
 * Input: a byte that chooses route and Content-Type, a line of a query, and
 * behind it the body. With the byte's highest bit set two lines come before the
 * body: Content-Type and Accept.
 *
 * Beyond what the sanitizers see: what was read is within its limits, and a
 * text answer has as many lines as its question.
 */
#include "config.h"

#include <assert.h>
#include "symbolize/exchange.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/sample_table.h"

enum { ANSWER_MOST = 1 << 20 };

static const struct batch_limits limits = {
	.addresses = 500,
	.modules = 50,
	.wait_ms = 1000,
};

static const struct {
	enum exchange_route route;
	const char *type;
} forms[] = {
	{ EXCHANGE_SYMBOLIZE, "application/json" },
	{ EXCHANGE_SYMBOLIZE, "text/plain" },
	{ EXCHANGE_SYMBOLIZE, "application/x-bpf-stack-build-id;depth=3" },
	{ EXCHANGE_SYMBOLIZE,
	  "application/x-bpf-stack-build-id; endian=\"big\"; depth=1" },
	{ EXCHANGE_SYMBOLIZE, "application/x-protobuf" },
	{ EXCHANGE_SYMBOLICATE, "application/json" },
	{ EXCHANGE_SYMBOLIZE, NULL },
};
enum { FORMS = sizeof(forms) / sizeof(*forms) };

static const char *const accepted[] = {
	NULL,
	"application/json",
	"text/plain",
	"text/plain;style=lines",
	"application/x-protobuf",
};

static struct symtab *table;
static struct buf table_bytes;

static void open_table(void)
{
	const struct sample_table sample = {
		.quality = SYMTAB_QUALITY_DWARF,
		.functions = 10,
	};

	if (!table)
		table = sample_table_open(&sample, &table_bytes);
}

/* Every second module is known. */
static void fill(struct batch *b)
{
	size_t total = 0;

	assert(b->address_count <= limits.addresses);
	assert(b->module_count <= limits.modules);
	assert(b->wait_ms <= limits.wait_ms);
	for (size_t i = 0; i < b->module_count; i++) {
		struct batch_module *m = &b->modules[i];

		assert(m->first_address == total);
		total += m->address_count;
		if (i % 2 || (!m->id.len && !m->is_breakpad))
			continue;
		m->status = MODULE_OK;
		m->origin = "local";
		m->table = symtab_get(table);
	}
	assert(total == b->address_count);
}

static size_t count_lines(const uint8_t *p, size_t size)
{
	size_t lines = size && p[size - 1] != '\n';

	for (size_t i = 0; i < size; i++)
		lines += p[i] == '\n';
	return lines;
}

static void ask(const struct exchange_request *rq)
{
	CLEANUP_EXCHANGE struct exchange *x = NULL;
	CLEANUP_BUF struct buf out = BUF_INIT;
	const char *type;

	CLEANUP_ERROR struct error *err = exchange_read(rq, &limits, &x);

	if (err)
		return;
	fill(exchange_batch(x));
	err = batch_answer(exchange_batch(x));
	if (!err)
		err = exchange_write(x, ANSWER_MOST, NULL, &out, &type);
	if (err || !rq->content_type || !rq->accept)
		return;
	if (!strcmp(rq->content_type, "text/plain") &&
	    !strcmp(rq->accept, "text/plain"))
		assert(count_lines(rq->body, rq->size) ==
		       count_lines(out.data, out.size));
}

/* What is left of an input. */
struct rest {
	const uint8_t *data;
	size_t size;
};

/* @return The line, to be freed; the last one has no end. */
static char *take_line(struct rest *r)
{
	const uint8_t *end = r->size ? memchr(r->data, '\n', r->size) : NULL;
	size_t n = end ? (size_t)(end - r->data) : r->size;
	char *line = fuzz_text(r->data, n);

	n += end != NULL;
	r->data += n;
	r->size -= n;
	return line;
}

static void ask_as_said(struct exchange_request *rq, struct rest *r)
{
	char *type = take_line(r), *accept = take_line(r);
	uint8_t *body = fuzz_copy(r->data, r->size);

	rq->content_type = type;
	rq->accept = accept;
	rq->body = body;
	rq->size = r->size;
	if (exchange_takes(rq->route, type))
		ask(rq);
	free(body);
	free(accept);
	free(type);
}

static void ask_all(struct exchange_request *rq, const struct rest *r)
{
	uint8_t *body = fuzz_copy(r->data, r->size);

	rq->body = body;
	rq->size = r->size;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(*accepted); i++) {
		rq->accept = accepted[i];
		ask(rq);
	}
	free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { FORM = 0x7f, SAYS_TYPES = 0x80 };

	if (!size)
		return 0;
	open_table();
	struct rest r = { data + 1, size - 1 };
	char *query = take_line(&r);
	struct exchange_request rq = {
		.route = forms[(data[0] & FORM) % FORMS].route,
		.content_type = forms[(data[0] & FORM) % FORMS].type,
		.query = query,
	};

	if (data[0] & SAYS_TYPES)
		ask_as_said(&rq, &r);
	else
		ask_all(&rq, &r);
	free(query);
	return 0;
}

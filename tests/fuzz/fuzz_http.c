/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/http with a stranger's request, from the header to the reply of what is
 * answered at once.
 *
 * Input: lines. "METHOD path?query", then header lines "Name: value" up to an
 * empty one; the rest is the body.
 *
 * Beyond what the sanitizers see: every request gets a status, no header of a
 * reply holds a control byte, and a range lies within its file.
 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/body.h"
#include "http/conditional.h"
#include "http/debuginfod.h"
#include "http/framing.h"
#include "http/routes.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/fake_store.h"

enum { BODY_LIMIT = 1 << 16, FIELDS_MAX = 128 };

static const struct fake_artifact artifacts[] = {
	{ .id = "aabb",
	  .kind = ARTIFACT_EXECUTABLE,
	  .data = "0123456789",
	  .size = 10,
	  .mtime = 784111777,
	  .etag = 0xaa,
	  .file = "./a\nb",
	  .archive = "/c\rd" },
};

static void add_metrics(void *ctx, struct buf *out)
{
	(void)ctx;
	buf_append_str(out, "ready 1\n");
}

static const char *const suffixes[] = { ".deb", NULL };
static const struct debuginfod_options debuginfod = {
	.version = "debuginfod (elfutils) 0.196",
	.suffixes = suffixes,
	.metrics = add_metrics,
};

/* Ours, and as debuginfod answers. */
static struct http_options options[] = {
	{ .version = "1", .body_limit_bytes = BODY_LIMIT },
	{ .version = "1",
	  .body_limit_bytes = BODY_LIMIT,
	  .debuginfod = &debuginfod },
};
static struct http_context contexts[] = { { .options = &options[0] },
					  { .options = &options[1] } };
enum { DIALECTS = sizeof(options) / sizeof(*options) };

/* Take a line off the text; NULL at its end. */
static char *take_line(char **text)
{
	char *line = *text;
	char *end = line ? strchr(line, '\n') : NULL;

	if (end)
		*end++ = '\0';
	*text = end;
	return line;
}

static void read_headers(struct request *rq, struct framing *f, char **text)
{
	for (unsigned i = 0; i < FIELDS_MAX; i++) {
		char *line = take_line(text);

		if (!line || !*line)
			return;
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon++ = '\0';
		colon += strspn(colon, " \t");
		framing_add(f,
			    request_add_header(rq, line, strlen(line), colon),
			    line, strlen(line), colon);
	}
}

static void check_reply(const struct request *rq)
{
	const struct reply *r = &rq->reply;

	assert(r->status >= 200 && r->status < 600);
	assert(r->kind != REPLY_FILE || r->offset + r->size <= 10);
	for (size_t i = 0; i < r->header_count; i++) {
		for (const char *p = r->headers[i].value; *p; p++)
			assert((unsigned char)*p >= ' ' && *p != 0x7f);
	}
	for (const char *p = rq->id; *p; p++)
		assert(*p > ' ' && (unsigned char)*p < 0x7f);
}

static void serve(struct request *rq, const struct framing *f, size_t size)
{
	struct framing_result framing = framing_check(f, rq, size, true);

	request_set_id(rq);
	if (framing.status) {
		request_fail(rq, framing.status, "bad_request", "%s",
			     framing.message);
	} else if (route_request(rq)) {
		route_check_body(rq, framing.content_length);
		if (rq->reply.status == 0)
			route_handle(rq);
	}
	/* What is left for a ticket would be answered elsewhere. */
	if (!rq->ticket)
		check_reply(rq);
}

static void read_body(const struct request *rq, const char *text)
{
	CLEANUP_BUF struct buf body = BUF_INIT;
	CLEANUP_HELD struct held held = { 0 };
	enum body_coding coding;

	if (!text || !buf_append_str(&body, text) ||
	    !body_coding_parse(rq->header[HEADER_CONTENT_ENCODING], &coding))
		return;
	error_free(body_decode(&body, coding, BODY_LIMIT, &held));
}

static void serve_text(struct http_context *context, char *text, size_t size)
{
	struct framing f = { 0 };
	struct request rq;
	char *line = take_line(&text);
	char *path = strchr(line, ' ');

	if (!path)
		return;
	*path++ = '\0';
	request_init(&rq, context);
	rq.method_name = line;
	rq.method = request_method(line);
	char *query = strchr(path, '?');

	if (query) {
		*query++ = '\0';
		rq.query = mem_strdup(query);
	}
	read_headers(&rq, &f, &text);
	if (request_set_path(&rq, path))
		serve(&rq, &f, size);
	read_body(&rq, text);
	request_deinit(&rq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!options[0].store) {
		log_init(LOG_ERROR, LOG_LOGFMT);
		for (size_t i = 0; i < DIALECTS; i++)
			options[i].store = fake_store(artifacts, 1);
	}
	uint8_t *lines = fuzz_copy(data, size);

	framing_lines_are_strict((const char *)lines, size);
	free(lines);
	for (size_t i = 0; i < DIALECTS; i++) {
		char *text = fuzz_text(data, size);

		serve_text(&contexts[i], text, size);
		free(text);
	}
	return 0;
}

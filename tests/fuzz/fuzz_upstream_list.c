/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which servers are asked, from words of the environment, lines of headers and
 * a file. Input: u8: 0 URLs, 1 headers, else the file's text; then the text.
 *
 * Beyond what the sanitizers see: a server has an http or https URL and a name
 * without a password in it; a header is one line, and its value in no message;
 * bounds hold.
 */
#include "config.h"

#include <assert.h>
#include <strings.h>

#include "base/mem.h"
#include "tests/fuzz/fuzz.h"
#include "upstream/upstream_list.h"

/* Of the seeds. */
static const char secret[] = "s3cr3tpassw0rd";

static void check_manner(const struct upstream_manner *m)
{
	assert(m->header_count <= UPSTREAM_HEADERS_MAX && m->concurrency);
	assert(m->timeout_ms && m->connect_ms);
	for (size_t i = 0; i < m->header_count; i++)
		assert(!strpbrk(m->headers[i], "\r\n") &&
		       strchr(m->headers[i], ':'));
}

static void check_list(const struct upstream_list *l)
{
	assert(l->count <= UPSTREAMS_MAX);
	for (size_t i = 0; i < l->count; i++) {
		const struct upstream_spec *s = &l->v[i];

		assert(!strncasecmp(s->base, "http://", 7) ||
		       !strncasecmp(s->base, "https://", 8));
		assert(!strpbrk(s->base, " \t\r\n"));
		assert(*s->name && !strchr(s->name, '@'));
		check_manner(&s->manner);
		assert(s->authority && !strchr(s->authority, '@'));
		upstream_list_find(l, s->name, "80");
	}
}

static void check_error(struct error *err)
{
	assert(!err || error_kind(err) == ERROR_BAD_REQUEST ||
	       error_kind(err) == ERROR_NO_MEMORY ||
	       error_kind(err) == ERROR_IO ||
	       error_kind(err) == ERROR_TOO_LARGE);
	error_free(err);
}

static struct error *add_headers(struct upstream_list *l, char *text)
{
	struct error *err = NULL;
	char *line;

	while (!err && (line = strsep(&text, "\n"))) {
		err = upstream_list_add_header(l, line);
		if (!err || error_kind(err) != ERROR_BAD_REQUEST)
			continue;
		line[strcspn(line, ":")] = '\0'; /* its name may be told */
		assert(!strstr(error_message(err), secret) ||
		       strstr(line, secret));
		error_free(STEAL(err));
	}
	return err ? err
		   : upstream_list_add(l, "http://a/ https://b:81/x", true);
}

static struct error *read_some(struct upstream_list *l, uint8_t what,
			       char *text)
{
	if (what == 0)
		return upstream_list_add(l, text, true);
	return what == 1 ? add_headers(l, text)
			 : upstream_list_parse(l, "file", text);
}

static void run(uint8_t what, const char *text)
{
	char *copy = fuzz_text(text, strlen(text));
	struct upstream_list l;

	upstream_list_init(&l);
	check_error(read_some(&l, what, copy));
	check_list(&l);
	upstream_list_find(&l, text, "80");
	upstream_list_deinit(&l);
	upstream_list_deinit(&l);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	char *text = fuzz_text(data + 1, size - 1);

	run(data[0], text);
	mem_fail_at(1 + size % 37);
	run(data[0], text);
	mem_fail_at(0);
	free(text);
	return 0;
}

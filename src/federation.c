/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "federation.h"

enum { HEADERS_LIMIT = 64 << 10, SECONDS_MOST = 86400, RETRIES_MOST = 100 };

/* 0: not set, or no number. */
static unsigned number(const char *variable, unsigned most)
{
	const char *text = getenv(variable);
	long n = text ? strtol(text, NULL, 10) : 0;

	if (n <= 0)
		return 0;
	return (unsigned long)n < most ? (unsigned)n : most;
}

/* As libdebuginfod reads it: a header a line, what is none is passed over. */
static struct error *read_headers(struct upstream_list *l, const char *path)
{
	CLEANUP_FREE char *text = NULL;
	char *rest, *line;

	TRY(file_read_text(path, HEADERS_LIMIT, &text));
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (!*line)
			continue;
		struct error *err = upstream_list_add_header(l, line);

		if (err && error_kind(err) == ERROR_NO_MEMORY)
			return err;
		log_consume(LOG_WARN, "upstream", "header passed over", err);
	}
	return NULL;
}

static struct error *read_debuginfod(struct upstream_list *l)
{
	unsigned timeout_s = number("DEBUGINFOD_TIMEOUT", SECONDS_MOST);
	const char *headers = getenv("DEBUGINFOD_HEADERS_FILE");

	if (timeout_s)
		l->manner.timeout_ms = timeout_s * 1000;
	if (getenv("DEBUGINFOD_RETRY_LIMIT"))
		l->manner.retries =
			number("DEBUGINFOD_RETRY_LIMIT", RETRIES_MOST);
	if (!headers || !*headers)
		return NULL;
	struct error *err = read_headers(l, headers);

	if (err && error_kind(err) == ERROR_NO_MEMORY)
		return err;
	log_consume(LOG_WARN, "upstream", "no headers", err);
	return NULL;
}

struct error *federation_read(const struct settings *s, bool asks_environment,
			      bool is_debuginfod, struct upstream_list *ret)
{
	const char *urls = s->upstream;
	const char *others = getenv("DEBUGINFOD_URLS");

	upstream_list_init(ret);
	ret->manner.timeout_ms = (unsigned)s->upstream_timeout_s * 1000;
	if (ret->manner.connect_ms > ret->manner.timeout_ms)
		ret->manner.connect_ms = ret->manner.timeout_ms;
	if (is_debuginfod)
		TRY(read_debuginfod(ret));
	if (!urls && asks_environment)
		urls = getenv("SYMBOLIZED_UPSTREAM");
	if (urls && !*urls)
		urls = NULL;
	if (urls && !strcmp(urls, "none"))
		return NULL;
	if (urls)
		TRY(upstream_list_add(ret, urls, false));
	if (s->upstream_file)
		TRY(upstream_list_read(ret, s->upstream_file));
	if (!urls && !s->upstream_file && others)
		TRY(upstream_list_add(ret, others, true));
	return NULL;
}

static void tell_event(void *ctx, enum upstream_event event, const char *name,
		       const char *why)
{
	(void)ctx;
	if (event == UPSTREAM_OPENED)
		log_warn("upstream", "left alone for a while",
			 LOG_S("upstream", name), LOG_S("why", why));
	else
		log_info("upstream", "answers again", LOG_S("upstream", name));
}

struct error *federation_open(const struct settings *s, bool is_debuginfod,
			      struct federation *ret)
{
	TRY(federation_read(s, false, is_debuginfod, &ret->list));
	if (!ret->list.count)
		return NULL;
	const struct upstreams_options options = {
		.list = &ret->list,
		.max_bytes = (uint64_t)s->upstream_max_size,
		.notice = tell_event,
	};

	TRY(upstreams_open(&options, &ret->upstreams));
	for (size_t i = 0; i < ret->list.count; i++)
		log_info("upstream", "will be asked", LOG_U("number", i + 1),
			 LOG_S("upstream", ret->list.v[i].name));
	return NULL;
}

void federation_close(struct federation *f)
{
	upstreams_close(STEAL(f->upstreams));
	upstream_list_deinit(&f->list);
}

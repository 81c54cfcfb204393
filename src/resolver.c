/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "resolver_private.h"
#include "symbolize/exchange.h"

/* A user's own machine: only what one chunk of lines could hold at all. */
static const struct batch_limits limits = {
	.addresses = 1 << 22,
	.modules = 1 << 20,
	.wait_ms = 3600 * 1000,
};

/* Do the options make sense? To be said before any file is read for them. */
static struct error *check_query(const struct resolver_options *options)
{
	CLEANUP_EXCHANGE struct exchange *x = NULL;
	const struct exchange_request request = {
		.route = EXCHANGE_SYMBOLIZE,
		.content_type = "text/plain",
		.query = options->query,
		.body = "",
	};
	static const char where[] = "query: ";
	CLEANUP_ERROR struct error *err = exchange_read(&request, &limits, &x);
	const char *text = err ? error_message(err) : "";

	if (!err || strncmp(text, where, strlen(where)) != 0)
		return STEAL(err);
	return error_new(BAD_REQUEST, "options: %s", text + strlen(where));
}

struct error *resolver_open(const struct resolver_options *options,
			    struct resolver **ret)
{
	if (options->settings->url)
		return resolver_open_url(options, ret);
	TRY(check_query(options));
	if (options->settings->file)
		return resolver_open_file(options, ret);
	return resolver_open_index(options, ret);
}

struct error *resolver_understands(const char *query, const char *line,
				   bool *ret)
{
	CLEANUP_EXCHANGE struct exchange *x = NULL;
	const struct exchange_request request = {
		.route = EXCHANGE_SYMBOLIZE,
		.content_type = "text/plain",
		.query = query,
		.body = line,
		.size = strlen(line),
	};
	CLEANUP_ERROR struct error *err = exchange_read(&request, &limits, &x);

	if (err && error_kind(err) == ERROR_NO_MEMORY)
		return STEAL(err);
	*ret = err || !exchange_has_nonsense(x);
	return NULL;
}

void resolver_close(struct resolver *r)
{
	if (r)
		r->close(r);
}

struct error *resolver_answer(struct resolver *r, const struct buf *lines,
			      struct buf *out)
{
	return r->answer(r, lines, out);
}

struct error *
resolver_exchange(struct resolver *r, const struct buf *lines, struct buf *out,
		  struct error *(*answer)(struct resolver *r, struct batch *b))
{
	CLEANUP_EXCHANGE struct exchange *x = NULL;
	const struct exchange_request request = {
		.route = EXCHANGE_SYMBOLIZE,
		.content_type = "text/plain",
		.accept = r->options.accept,
		.query = r->options.query,
		.body = lines->data,
		.size = lines->size,
	};
	const char *type;

	TRY(exchange_read(&request, &limits, &x));
	struct batch *b = exchange_batch(x);

	b->wait_ms = (unsigned)r->options.settings->wait_s * 1000;
	TRY(answer(r, b));
	return exchange_write(x, RESOLVER_ANSWER_MAX, NULL, out, &type);
}

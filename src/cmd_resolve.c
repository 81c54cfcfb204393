/* SPDX-License-Identifier: Apache-2.0 */
/*
 * symbolized resolve: lines of addresses or stacks in, lines with names out.
 * What is read is answered in pieces of bounded size, in order, so that input
 * may go on for ever; of a pipe that pauses, what is there is answered.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/build_id.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "command.h"
#include "resolver.h"

enum {
	READ_SIZE = 64 << 10,
	PIECE_SIZE = 256 << 10, /* a piece has more only for the line it is in*/
	PIECE_LINES = 20000,
	LINE_MOST = 16 << 20,
	PROGRESS_MS = 250,
	FAULTS_MOST = 10, /* arguments that are told to be no address */
};

struct resolve {
	struct resolver *resolver;
	int in;
	struct buf pending; /* read, not yet answered */
	struct buf piece;   /* whole lines of it */
	struct buf out;
	bool at_end;
	bool nobody_reads;
	bool shows_progress;
	uint64_t lines, started_ms;
	int64_t shown_ms;
};

/* ---- Query -------------------------------------------------------------- */

static void put_parameter(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s%s=", out->size ? "&" : "", name);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || strchr("-._~", c))
			buf_append_byte(out, c);
		else
			buf_printf(out, "%%%02x", c);
	}
}

/* What the options say, in the words of the route. */
static void make_query(const struct settings *s, struct buf *out)
{
	const struct {
		const char *name, *value;
	} texts[] = {
		{ "build_id", s->build_id },
		{ "kind", s->kind },
		{ "section", s->section },
		{ "map_start", s->map_start },
		{ "map_offset", s->map_offset },
		{ "base_symbol", s->base_symbol },
		{ "base", s->base },
		{ "return_addresses", s->return_addresses ? "1" : NULL },
		{ "inlines", s->no_inlines ? "0" : NULL },
		{ "demangle", s->no_demangle ? "0" : NULL },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (texts[i].value)
			put_parameter(out, texts[i].name, texts[i].value);
	}
	/* One file has one ID, whatever it is: none need be written. */
	if (s->file && !s->build_id)
		put_parameter(out, "build_id", RESOLVER_NO_ID);
}

static const char *accept_of(const struct settings *s)
{
	return s->json       ? "application/json"
	       : s->one_line ? "text/plain"
			     : "text/plain;style=lines";
}

/* ---- Output ------------------------------------------------------------- */

/* Somebody who reads no further, as head does, is no failure. */
static struct error *write_out(struct resolve *r)
{
	size_t at = 0;

	while (at < r->out.size) {
		ssize_t n = write(STDOUT_FILENO, r->out.data + at,
				  r->out.size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE) {
			r->nobody_reads = true;
			break;
		}
		if (n < 0)
			return error_errno("standard output");
		at += (size_t)n;
	}
	buf_clear(&r->out);
	return NULL;
}

static void show_progress(struct resolve *r, bool is_last)
{
	int64_t now = clock_ms();

	if (!r->shows_progress || (!is_last && now - r->shown_ms < PROGRESS_MS))
		return;
	r->shown_ms = now;
	if (is_last) {
		fputs("\r\033[K", stderr);
	} else {
		double seconds = (double)(now - (int64_t)r->started_ms) / 1000;

		fprintf(stderr, "\r%" PRIu64 " lines, %.0f/s\033[K", r->lines,
			seconds > 0 ? (double)r->lines / seconds : 0);
	}
	fflush(stderr);
}

static struct error *answer_piece(struct resolve *r)
{
	if (!r->piece.size)
		return NULL;
	if (r->piece.failed)
		return error_no_memory;
	struct error *err = resolver_answer(r->resolver, &r->piece, &r->out);

	if (err) {
		/* What was answered of it before is not asked again. */
		log_consume(LOG_WARN, "resolve", "answers are lost",
			    write_out(r));
		return err;
	}
	for (size_t i = 0; i < r->piece.size; i++)
		r->lines += r->piece.data[i] == '\n';
	buf_clear(&r->piece);
	show_progress(r, false);
	return write_out(r);
}

/* ---- Input -------------------------------------------------------------- */

/* Is there more to read at once? */
static bool has_more(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Read until there is a good piece, the input ends, or it pauses. */
static struct error *read_some(struct resolve *r)
{
	bool has_line = false;

	do {
		void *to = buf_reserve(&r->pending, READ_SIZE);
		ssize_t n;

		if (!to)
			return error_no_memory;
		n = read(r->in, to, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno("input");
		r->at_end = n == 0;
		has_line |= n > 0 && memchr(to, '\n', (size_t)n);
		buf_commit(&r->pending, (size_t)n);
		if (!has_line && r->pending.size > LINE_MOST)
			return error_new(BAD_REQUEST,
					 "line %" PRIu64
					 " is longer than %d bytes",
					 r->lines + 1, LINE_MOST);
	} while (!r->at_end && r->pending.size < PIECE_SIZE &&
		 (!has_line || has_more(r->in)));
	return NULL;
}

/* The size of the next piece of what was read: whole lines. */
static size_t piece_size(const struct resolve *r, size_t from)
{
	const uint8_t *start = r->pending.data + from, *p = start;
	size_t left = r->pending.size - from, lines = 0;

	while (lines < PIECE_LINES && (size_t)(p - start) < PIECE_SIZE) {
		const uint8_t *end =
			memchr(p, '\n', left - (size_t)(p - start));

		if (!end)
			break;
		p = end + 1;
		lines++;
	}
	return p == start && r->at_end ? left : (size_t)(p - start);
}

static struct error *answer_input(struct resolve *r)
{
	while (!r->at_end && !r->nobody_reads) {
		size_t at = 0, n;

		TRY(read_some(r));
		while (!r->nobody_reads && (n = piece_size(r, at)) > 0) {
			buf_append(&r->piece, r->pending.data + at, n);
			at += n;
			TRY(answer_piece(r));
		}
		memmove(r->pending.data, r->pending.data + at,
			r->pending.size - at);
		r->pending.size -= at;
	}
	return NULL;
}

static bool is_hex(const char *s)
{
	return *s && !s[strspn(s, "0123456789abcdefABCDEF")];
}

/* Why is it no address? */
static const char *fault_of(const struct settings *s, const char *arg)
{
	const char *plus = strchr(arg, '+');
	bool has_prefix = arg[0] == '0' && (arg[1] | 0x20) == 'x';
	struct build_id id;

	if (plus && !build_id_parse(arg, (size_t)(plus - arg), &id))
		return "no build ID stands before the +";
	if (plus)
		return "no hexadecimal number of 64 bits stands behind the +";
	if (!is_hex(has_prefix ? arg + 2 : arg))
		return "it is no hexadecimal number";
	return s->file || s->build_id
		       ? "it has more than 64 bits"
		       : "of which file? ID+0xOFFSET, --build-id or --file";
}

/* Is it the same as one before it? */
static bool is_again(const struct settings *s, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (!strcmp(s->paths[j], s->paths[i]))
			return true;
	}
	return false;
}

/* An argument that is neither an address nor a stack is answered as what nobody
 * knows; it was hardly meant to be. */
static struct error *check_argument(const struct settings *s, const char *query,
				    size_t i, const char *line, size_t *faults)
{
	const char *arg = s->paths[i];
	bool is_understood = false;

	if (*faults >= FAULTS_MOST)
		return NULL;
	TRY(resolver_understands(query, line, &is_understood));
	if (is_understood || is_again(s, i))
		return NULL;
	log_warn("resolve", "not an address", LOG_S("argument", arg),
		 LOG_S("why", fault_of(s, arg)));
	if (++*faults == FAULTS_MOST)
		log_warn("resolve", "what else is no address is not told");
	return NULL;
}

/* Each is a line; a bare address may do without its 0x. */
static struct error *
answer_arguments(struct resolve *r, const struct settings *s, const char *query)
{
	size_t faults = 0;

	for (size_t i = 0; i < s->path_count; i++) {
		CLEANUP_FREE char *line = mem_printf(
			"%s%s",
			(s->file || s->build_id) && is_hex(s->paths[i]) ? "0x"
									: "",
			s->paths[i]);

		if (!line)
			return error_no_memory;
		TRY(check_argument(s, query, i, line, &faults));
		buf_append_str(&r->piece, line);
		buf_append_byte(&r->piece, '\n');
	}
	return answer_piece(r);
}

static struct error *open_input(struct resolve *r, const struct settings *s)
{
	if (!s->input || !strcmp(s->input, "-"))
		return NULL;
	r->in = open(s->input, O_RDONLY | O_CLOEXEC);
	return r->in < 0 ? error_errno("%s", s->input) : NULL;
}

static void resolve_deinit(struct resolve *r)
{
	resolver_close(r->resolver);
	if (r->in > STDIN_FILENO)
		close(r->in);
	buf_deinit(&r->pending);
	buf_deinit(&r->piece);
	buf_deinit(&r->out);
}

static struct error *check_settings(const struct settings *s)
{
	if (s->url && s->file)
		return error_new(BAD_REQUEST,
				 "--url and --file: one of them, please");
	if ((s->debuginfo || s->alt) && !s->file)
		return error_new(BAD_REQUEST,
				 "--debuginfo and --alt go with --file");
	if (s->input && s->path_count)
		return error_new(BAD_REQUEST,
				 "addresses as arguments or --input, not both");
	return NULL;
}

struct error *cmd_resolve(const struct settings *s, const char *program)
{
	CLEANUP(resolve_deinit) struct resolve r = { .in = STDIN_FILENO };
	CLEANUP_BUF struct buf query = BUF_INIT;
	struct resolver_options options = {
		.settings = s,
		.program = program,
		.accept = accept_of(s),
	};

	TRY(check_settings(s));
	/* What a server tells its operator is not for who wants an answer. */
	if (s->log_level == LOG_INFO)
		log_init(LOG_WARN, (enum log_format)s->log_format);
	make_query(s, &query);
	options.query = buf_str(&query);
	if (query.failed || !options.query)
		return error_no_memory;
	TRY(open_input(&r, s));
	TRY(resolver_open(&options, &r.resolver));
	r.started_ms = (uint64_t)clock_ms();
	r.shows_progress = !s->path_count && isatty(STDERR_FILENO) &&
			   !isatty(STDOUT_FILENO) && !isatty(r.in);
	struct error *err = s->path_count
				    ? answer_arguments(&r, s, options.query)
				    : answer_input(&r);

	show_progress(&r, true);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/log.h"

const char *const log_level_names[LOG_LEVELS + 1] = { "error", "warn", "info",
						      "debug", NULL };
const char *const log_format_names[LOG_FORMATS + 1] = { "logfmt", "json",
							NULL };

static struct {
	enum log_level level;
	enum log_format format;
	bool is_journal;
} settings = { .level = LOG_INFO };

void log_init(enum log_level level, enum log_format format)
{
	settings.level = level;
	settings.format = format;
	settings.is_journal = getenv("JOURNAL_STREAM") != NULL;
}

bool log_enabled(enum log_level level)
{
	return level <= settings.level;
}

static void append_timestamp(struct buf *out)
{
	struct timespec ts;
	struct tm tm;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "%s.%03ldZ", text, ts.tv_nsec / 1000000);
}

static bool needs_quotes(const char *s)
{
	if (!*s)
		return true;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return true;
	}
	return false;
}

static void append_value(struct buf *out, const struct log_field *f, bool json)
{
	const char *text;

	switch (f->kind) {
	case LOG_TEXT:
		text = f->text ? f->text : "";
		if (json || needs_quotes(text))
			json_write_quote(out, text, strlen(text));
		else
			buf_append_str(out, text);
		break;
	case LOG_SIGNED:
		buf_printf(out, "%" PRId64, f->i);
		break;
	case LOG_UNSIGNED:
		buf_printf(out, "%" PRIu64, f->u);
		break;
	case LOG_DOUBLE:
		buf_printf(out, "%.6g", f->d);
		break;
	}
}

static void format_logfmt(struct buf *out, enum log_level level,
			  const char *module, const char *event,
			  const struct log_field *fields)
{
	append_timestamp(out);
	buf_printf(out, " %s %s: %s", log_level_names[level], module, event);
	for (; fields->key; fields++) {
		buf_printf(out, " %s=", fields->key);
		append_value(out, fields, false);
	}
}

static void format_json(struct buf *out, enum log_level level,
			const char *module, const char *event,
			const struct log_field *fields)
{
	buf_append_str(out, "{\"time\":\"");
	append_timestamp(out);
	buf_printf(out,
		   "\",\"level\":\"%s\",\"module\":\"%s\",\"event\":\"%s\"",
		   log_level_names[level], module, event);
	for (; fields->key; fields++) {
		buf_printf(out, ",\"%s\":", fields->key);
		append_value(out, fields, true);
	}
	buf_append_byte(out, '}');
}

/* asctime()'s form, of UTC. */
static void begin_debuginfod(struct buf *out)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
	buf_printf(out, "[%s] (%d/%d): ", text, (int)getpid(), (int)gettid());
}

static void format_debuginfod(struct buf *out, enum log_level level,
			      const char *module, const char *event,
			      const struct log_field *fields)
{
	static const char *const marks[LOG_LEVELS] = { "error: ", "warning: ",
						       "", "" };

	begin_debuginfod(out);
	buf_printf(out, "%s%s: %s", marks[level], module, event);
	for (; fields->key; fields++) {
		buf_printf(out, " %s=", fields->key);
		append_value(out, fields, false);
	}
}

static void begin_line(struct buf *line, enum log_level level)
{
	static const char *const priorities[] = { "<3>", "<4>", "<6>", "<7>" };

	if (settings.is_journal)
		buf_append_str(line, priorities[level]);
}

/* One write a line keeps lines whole; a log that cannot be written has nowhere
 * to say so. */
static void end_line(struct buf *line)
{
	/* One that memory ended is still a line. */
	if (!buf_append_byte(line, '\n') && line->size)
		line->data[line->size - 1] = '\n';
	ssize_t n = write(STDERR_FILENO, line->data, line->size);
	(void)n;
}

void log_write(enum log_level level, const char *module, const char *event,
	       const struct log_field *fields)
{
	CLEANUP_BUF struct buf line = BUF_INIT;

	begin_line(&line, level);
	if (settings.format == LOG_JSON)
		format_json(&line, level, module, event, fields);
	else if (settings.format == LOG_DEBUGINFOD)
		format_debuginfod(&line, level, module, event, fields);
	else
		format_logfmt(&line, level, module, event, fields);
	end_line(&line);
}

void log_text(enum log_level level, const char *module, const char *event,
	      const char *text)
{
	CLEANUP_BUF struct buf line = BUF_INIT;

	if (settings.format != LOG_DEBUGINFOD) {
		log_event(level, module, event, LOG_S("text", text));
		return;
	}
	if (!log_enabled(level))
		return;
	begin_line(&line, level);
	begin_debuginfod(&line);
	buf_append_str(&line, text);
	end_line(&line);
}

void log_consume(enum log_level level, const char *module, const char *event,
		 struct error *err)
{
	if (!err)
		return;
	log_event(level, module, event,
		  LOG_S("kind", error_kind_label(error_kind(err))),
		  LOG_S("error", error_message(err)));
	error_free(err);
}

bool log_limit_pass(struct log_limit *limit, uint64_t *skipped_ret)
{
	int64_t now = clock_ms();

	*skipped_ret = 0;
	if (!limit->window_start_ms || now - limit->window_start_ms >= 60000) {
		limit->window_start_ms = now;
		limit->count = 0;
	}
	if (++limit->count > LOG_BURST) {
		limit->skipped++;
		return false;
	}
	*skipped_ret = limit->skipped;
	limit->skipped = 0;
	return true;
}

bool log_rate_pass(struct log_rate *rate, uint64_t *skipped_ret)
{
	*skipped_ret = 0;
	if (atomic_exchange(&rate->is_busy, true))
		return false;
	bool pass = log_limit_pass(&rate->limit, skipped_ret);

	atomic_store(&rate->is_busy, false);
	return pass;
}

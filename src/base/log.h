/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The daemon's log: one line an event on stderr, `module event key=value …`.
 *
 * Only layers from src/worker (server side) upward and the commands call this:
 * libraries return errors. Values are escaped here, so that no byte of a
 * stranger starts a line or an escape sequence.
 *
 * Threads: any.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };
enum log_format {
	LOG_LOGFMT,
	LOG_JSON,
	LOG_FORMATS,
	/** `[date] (pid/tid): text`, as elfutils' debuginfod writes it. Not
	 * to be chosen by name. */
	LOG_DEBUGINFOD,
};

extern const char *const log_level_names[LOG_LEVELS + 1]; /* NULL at end */
extern const char *const log_format_names[LOG_FORMATS + 1];

/** Once, before threads. Under systemd (JOURNAL_STREAM) lines carry <N>. */
void log_init(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);

/** One key and its value. Made by the LOG_* macros below. */
struct log_field {
	const char *key; /* NULL ends the list */
	enum { LOG_TEXT, LOG_SIGNED, LOG_UNSIGNED, LOG_DOUBLE } kind;
	union {
		const char *text; /* NULL as "" */
		int64_t i;
		uint64_t u;
		double d;
	};
};

#define LOG_S(k, v) \
	((struct log_field) { .key = (k), .kind = LOG_TEXT, .text = (v) })
#define LOG_I(k, v) \
	((struct log_field) { .key = (k), .kind = LOG_SIGNED, .i = (v) })
#define LOG_U(k, v) \
	((struct log_field) { .key = (k), .kind = LOG_UNSIGNED, .u = (v) })
#define LOG_D(k, v) \
	((struct log_field) { .key = (k), .kind = LOG_DOUBLE, .d = (v) })

void log_write(enum log_level level, const char *module, const char *event,
	       const struct log_field *fields);

/** A line that somebody else's format prescribes: with LOG_DEBUGINFOD it is
 * @p text and nothing else; the other formats have it as text=….
 * @param[in] text One line, already escaped. */
void log_text(enum log_level level, const char *module, const char *event,
	      const char *text);

#define log_event(level, module, event, ...)                           \
	do {                                                           \
		if (log_enabled(level))                                \
			log_write(level, module, event,                \
				  (const struct log_field[]) {         \
					  __VA_ARGS__ __VA_OPT__(, ) { \
						  .key = NULL } });    \
	} while (0)

#define log_error(module, event, ...) \
	log_event(LOG_ERROR, module, event, __VA_ARGS__)
#define log_warn(module, event, ...) \
	log_event(LOG_WARN, module, event, __VA_ARGS__)
#define log_info(module, event, ...) \
	log_event(LOG_INFO, module, event, __VA_ARGS__)
#define log_debug(module, event, ...) \
	log_event(LOG_DEBUG, module, event, __VA_ARGS__)

/** Consume an error by logging it: kind=… error="…".
 * @param[in] err Taken. NULL is allowed and logs nothing. */
void log_consume(enum log_level level, const char *module, const char *event,
		 struct error *err);

/**
 * At most @c LOG_BURST lines a minute of one kind; the number left out is said
 * with the next one.
 * @return False if this one should be left out. @p skipped_ret is how many
 * were left out before it.
 */
enum { LOG_BURST = 20 };
struct log_limit {
	int64_t window_start_ms;
	unsigned count;
	uint64_t skipped;
};
bool log_limit_pass(struct log_limit *limit, uint64_t *skipped_ret);

/** The same for any thread, without a lock: a line that comes while another one
 * is counted is left out, and not counted as such. Rates are all this is about.
 * Zeroes are a good beginning. */
struct log_rate {
	struct log_limit limit;
	_Atomic bool is_busy;
};
bool log_rate_pass(struct log_rate *rate, uint64_t *skipped_ret);

#endif

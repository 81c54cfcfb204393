/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Entity tags, dates and byte ranges: what of a file a request wants.
 *
 * Pure functions; no allocation. Threads: any.
 * Source: RFC 9110, sections 5.6.7 (dates), 8.8.3 (entity tags), 13
 * (conditions), 14 (ranges).
 */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

enum { ETAG_SIZE = 19, HTTP_DATE_SIZE = 30 };

/** `"0123456789abcdef"`: a strong entity tag. @return @p out. */
const char *etag_format(uint64_t etag, char out[ETAG_SIZE]);

/** Is @p etag (quoted, strong) in the list of If-None-Match? Weak tags match
 * too (weak comparison), and so does "*". */
bool etag_matches_any(const char *list, const char *etag);

/** `Sun, 06 Nov 1994 08:49:37 GMT`. Years outside 1 to 9999 are shown as
 * 1970 begins. @return @p out. */
const char *http_date_format(int64_t seconds, char out[HTTP_DATE_SIZE]);

/** Read any of the three forms of HTTP dates.
 * @return False if it is none. */
bool http_date_parse(const char *text, int64_t *seconds_ret);

/** Inclusive of first, exclusive of end. */
struct byte_range {
	uint64_t first, end;
};

enum range_kind {
	RANGE_WHOLE,         /* none, several, or nothing that we understand */
	RANGE_PART,          /* one: filled */
	RANGE_UNSATISFIABLE, /* 416 */
};

/** @param[in] header Value of Range, or NULL. @param[in] size Of the file. */
enum range_kind range_parse(const char *header, uint64_t size,
			    struct byte_range *ret);

/** Values of request headers; NULL where absent. */
struct conditions {
	const char *if_none_match, *if_modified_since, *if_range, *range;
};

enum wanted { WANTED_WHOLE, WANTED_PART, WANTED_NOTHING, WANTED_IMPOSSIBLE };

/**
 * What of a file is wanted: all (200), a part (206), nothing (304), or what
 * does not exist (416).
 *
 * If-None-Match makes If-Modified-Since void. If-Range that does not match
 * makes Range void. Without a date (CLOCK_NO_DATE) no condition on dates holds.
 */
enum wanted conditions_evaluate(const struct conditions *c, const char *etag,
				int64_t mtime, uint64_t size,
				struct byte_range *ret);

#endif

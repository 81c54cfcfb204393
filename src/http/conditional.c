/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "http/conditional.h"

const char *etag_format(uint64_t etag, char out[ETAG_SIZE])
{
	out[0] = '"';
	for (int i = 0; i < 16; i++)
		out[1 + i] = "0123456789abcdef"[etag >> (60 - 4 * i) & 15];
	out[17] = '"';
	out[18] = '\0';
	return out;
}

bool etag_matches_any(const char *list, const char *etag)
{
	size_t size = strlen(etag);

	for (const char *p = list; *p;) {
		p += strspn(p, " \t,");
		if (*p == '*')
			return true;
		if (p[0] == 'W' && p[1] == '/')
			p += 2;
		if (*p != '"')
			return false;
		const char *close = strchr(p + 1, '"');

		if (!close)
			return false;
		if ((size_t)(close + 1 - p) == size && !memcmp(p, etag, size))
			return true;
		p = close + 1;
	}
	return false;
}

static char *put_digits(char *out, int value, int digits)
{
	for (int i = digits; i-- > 0; value /= 10)
		out[i] = (char)('0' + value % 10);
	return out + digits;
}

static char *put_text(char *out, const char *text, size_t size)
{
	memcpy(out, text, size);
	return out + size;
}

const char *http_date_format(int64_t seconds, char out[HTTP_DATE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || tm.tm_year < 1 - 1900 ||
	    tm.tm_year > 9999 - 1900) {
		t = 0;
		gmtime_r(&t, &tm);
	}
	char *p = put_text(out, days + tm.tm_wday * 3, 3);

	p = put_text(p, ", ", 2);
	p = put_digits(p, tm.tm_mday, 2);
	*p++ = ' ';
	p = put_text(p, months + tm.tm_mon * 3, 3);
	*p++ = ' ';
	p = put_digits(p, tm.tm_year + 1900, 4);
	*p++ = ' ';
	p = put_digits(p, tm.tm_hour, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_min, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_sec, 2);
	memcpy(p, " GMT", 5);
	return out;
}

bool http_date_parse(const char *text, int64_t *seconds_ret)
{
	/* IMF-fixdate, RFC 850, asctime. The program runs in the C locale, so
	 * strptime() knows English names. */
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
					     "%A, %d-%b-%y %H:%M:%S GMT",
					     "%a %b %d %H:%M:%S %Y" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (end && !*end) {
			*seconds_ret = timegm(&tm);
			return true;
		}
	}
	return false;
}

/* Digits into a number that stops at the largest. False if there are none. */
static bool parse_number(const char **p, uint64_t *ret)
{
	const char *begin = *p;
	uint64_t v = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++) {
		uint64_t digit = (uint64_t)(**p - '0');

		v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
	}
	*ret = v;
	return *p != begin;
}

static enum range_kind parse_suffix(const char *p, uint64_t size,
				    struct byte_range *ret)
{
	uint64_t length;

	if (!parse_number(&p, &length) || *p)
		return RANGE_WHOLE;
	if (length == 0 || size == 0)
		return RANGE_UNSATISFIABLE;
	ret->first = length > size ? 0 : size - length;
	ret->end = size;
	return RANGE_PART;
}

enum range_kind range_parse(const char *header, uint64_t size,
			    struct byte_range *ret)
{
	uint64_t first, last = UINT64_MAX;

	if (!header || strncmp(header, "bytes=", 6) != 0)
		return RANGE_WHOLE;
	const char *p = header + 6;

	if (*p == '-')
		return parse_suffix(p + 1, size, ret);
	if (!parse_number(&p, &first) || *p++ != '-')
		return RANGE_WHOLE;
	if (*p && !parse_number(&p, &last))
		return RANGE_WHOLE;
	/* Behind one range comes a comma and another: then all is sent. */
	if (*p || last < first)
		return RANGE_WHOLE;
	if (first >= size)
		return RANGE_UNSATISFIABLE;
	ret->first = first;
	ret->end = last >= size ? size : last + 1;
	return RANGE_PART;
}

static bool is_unchanged(const struct conditions *c, const char *etag,
			 int64_t mtime)
{
	int64_t since;

	if (c->if_none_match)
		return etag_matches_any(c->if_none_match, etag);
	return c->if_modified_since && mtime != CLOCK_NO_DATE &&
	       http_date_parse(c->if_modified_since, &since) && mtime <= since;
}

/* Strong comparison: a weak tag never matches, a date only if it is the very
 * one that was sent. */
static bool if_range_holds(const char *value, const char *etag, int64_t mtime)
{
	int64_t date;

	if (!value)
		return true;
	if (*value == '"' || *value == 'W')
		return !strcmp(value, etag);
	return mtime != CLOCK_NO_DATE && http_date_parse(value, &date) &&
	       date == mtime;
}

enum wanted conditions_evaluate(const struct conditions *c, const char *etag,
				int64_t mtime, uint64_t size,
				struct byte_range *ret)
{
	if (is_unchanged(c, etag, mtime))
		return WANTED_NOTHING;
	if (!if_range_holds(c->if_range, etag, mtime))
		return WANTED_WHOLE;
	switch (range_parse(c->range, size, ret)) {
	case RANGE_PART:
		return WANTED_PART;
	case RANGE_UNSATISFIABLE:
		return WANTED_IMPOSSIBLE;
	case RANGE_WHOLE:
		break;
	}
	return WANTED_WHOLE;
}

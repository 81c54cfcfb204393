/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9110 8.4.1, RFC 9112 7:
 *
 *	Content-Encoding: gzip
 *	Transfer-Encoding: chunked
 *
 * each with a list, items apart by commas, and more lines of the same name are
 * more of the list.
 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "upstream/coding.h"

static bool begins(const char *line, size_t size, const char *name)
{
	size_t n = strlen(name);

	return size >= n && !strncasecmp(line, name, n);
}

static bool is_item(const char *item, size_t size, const char *name)
{
	return size == strlen(name) && !strncasecmp(item, name, size);
}

/* The next item of a list, without white space around; NULL: no more. */
static const char *next_item(const char **at, const char *end, size_t *size_ret)
{
	static const char around[] = ", \t\r\n";
	const char *item, *last;

	while (*at < end && **at && strchr(around, **at))
		++*at;
	item = last = *at;
	for (; *at < end && **at && **at != ','; ++*at) {
		if (!strchr(around, **at))
			last = *at + 1;
	}
	*size_ret = (size_t)(last - item);
	return *size_ret ? item : NULL;
}

bool coding_allows(unsigned *count, const char *line, size_t size)
{
	static const char content[] = "Content-Encoding:";
	static const char transfer[] = "Transfer-Encoding:";
	bool is_content = begins(line, size, content);
	const char *at = line, *item;
	size_t n;

	if (!is_content && !begins(line, size, transfer))
		return true;
	at += is_content ? strlen(content) : strlen(transfer);
	while ((item = next_item(&at, line + size, &n))) {
		if (is_item(item, n, "identity") ||
		    (!is_content && is_item(item, n, "chunked")))
			continue;
		if (!is_content || ++*count > 1 ||
		    !(is_item(item, n, "gzip") || is_item(item, n, "x-gzip")))
			return false;
	}
	return true;
}

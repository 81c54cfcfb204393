/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "upstream/head.h"

void head_reset(struct head *h)
{
	mem_free(h->file);
	mem_free(h->archive);
	mem_free(h->signature);
	mem_free(h->etag);
	*h = (struct head) { .length = -1, .told_size = -1 };
}

static int64_t parse_count(const char *text)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	long long n = strtoll(text, &end, 10);

	return errno || *end ? -1 : (int64_t)n;
}

/* Nothing is passed on that could end a header or mean something to a
 * terminal. */
static void keep_text(char **field, const char *value)
{
	size_t size = strlen(value);

	if (!size || size > HEAD_VALUE_MOST)
		return;
	for (const char *p = value; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return;
	}
	mem_free(*field);
	*field = mem_strdup(value);
}

static void keep_hexadecimal(char **field, const char *value)
{
	if (strspn(value, "0123456789abcdefABCDEF") == strlen(value))
		keep_text(field, value);
}

void head_note(struct head *h, const char *name, const char *value)
{
	if (!strcasecmp(name, "Content-Length"))
		h->length = parse_count(value);
	else if (!strcasecmp(name, "Content-Encoding"))
		h->has_coding = strcasecmp(value, "identity") != 0;
	else if (!strcasecmp(name, "Transfer-Encoding"))
		h->is_chunked = true;
	else if (!strcasecmp(name, "Cache-Control"))
		h->has_no_store |= strcasestr(value, "no-store") != NULL;
	else if (!strcasecmp(name, "Last-Modified"))
		h->mtime = (int64_t)curl_getdate(value, NULL);
	else if (!strcasecmp(name, "Retry-After"))
		h->retry_after_s = parse_count(value);
	else if (!strcasecmp(name, "ETag"))
		keep_text(&h->etag, value);
	else if (!strcasecmp(name, "X-DEBUGINFOD-SIZE"))
		h->told_size = parse_count(value);
	else if (!strcasecmp(name, "X-DEBUGINFOD-FILE"))
		keep_text(&h->file, value);
	else if (!strcasecmp(name, "X-DEBUGINFOD-ARCHIVE"))
		keep_text(&h->archive, value);
	else if (!strcasecmp(name, "X-DEBUGINFOD-IMASIGNATURE") ||
		 !strcasecmp(name, "X-DEBUGINFOD-IMA-SIGNATURE"))
		keep_hexadecimal(&h->signature, value);
}

bool status_is_redirection(unsigned status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

enum upstream_cause status_cause(unsigned status)
{
	if (status == 404 || status == 410)
		return UPSTREAM_ABSENT;
	if (status == 406 || status == 413)
		return UPSTREAM_TOO_LARGE;
	if (status >= 500 || status == 429 || status == 408 || status == 425)
		return UPSTREAM_TRANSIENT;
	return UPSTREAM_MALFORMED;
}
